// Arithmetic on devices without shader-f16. Storage is the same everywhere: Half4 is four 16-bit floats in two u32 words.
alias Half4 = vec2<u32>;
alias Arith = f32;
alias Arith4 = vec4<f32>;

fn widen(x: Half4) -> vec4<f32> { return vec4<f32>(unpack2x16float(x.x), unpack2x16float(x.y)); }
fn narrow(x: vec4<f32>) -> Half4 { return vec2<u32>(pack2x16float(x.xy), pack2x16float(x.zw)); }
fn to_arith(x: Half4) -> Arith4 { return widen(x); }
fn round_arith(x: vec4<f32>) -> Arith4 { return x; }
