// Arithmetic on devices with shader-f16. Storage is the same everywhere: Half4 is four 16-bit floats in two u32 words.
enable f16;

alias Half4 = vec2<u32>;
alias Arith = f16;
alias Arith4 = vec4<f16>;

fn widen(x: Half4) -> vec4<f32> { return vec4<f32>(bitcast<vec4<f16>>(x)); }
fn narrow(x: vec4<f32>) -> Half4 { return bitcast<vec2<u32>>(vec4<f16>(x)); }
fn to_arith(x: Half4) -> Arith4 { return bitcast<vec4<f16>>(x); }
fn round_arith(x: vec4<f32>) -> Arith4 { return vec4<f16>(x); }
