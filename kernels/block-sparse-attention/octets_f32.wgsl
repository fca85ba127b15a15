// Eight operands of workgroup memory, and the outer products of two octets, in 32-bit arithmetic.

struct Octet { low: vec4<f32>, high: vec4<f32> }

fn octet(low: Arith4, high: Arith4) -> Octet { return Octet(low, high); }
fn octet_of_halves(low: Half4, high: Half4) -> Octet { return Octet(widen(low), widen(high)); }

fn outer(sums: ptr<function, array<vec4<f32>, 16>>, x: Octet, y: Octet) {
  let a = x.low;
  let b = x.high;
  let c = y.low;
  let d = y.high;
  (*sums)[0] = fma(vec4<f32>(a.x), c, (*sums)[0]);
  (*sums)[1] = fma(vec4<f32>(a.x), d, (*sums)[1]);
  (*sums)[2] = fma(vec4<f32>(a.y), c, (*sums)[2]);
  (*sums)[3] = fma(vec4<f32>(a.y), d, (*sums)[3]);
  (*sums)[4] = fma(vec4<f32>(a.z), c, (*sums)[4]);
  (*sums)[5] = fma(vec4<f32>(a.z), d, (*sums)[5]);
  (*sums)[6] = fma(vec4<f32>(a.w), c, (*sums)[6]);
  (*sums)[7] = fma(vec4<f32>(a.w), d, (*sums)[7]);
  (*sums)[8] = fma(vec4<f32>(b.x), c, (*sums)[8]);
  (*sums)[9] = fma(vec4<f32>(b.x), d, (*sums)[9]);
  (*sums)[10] = fma(vec4<f32>(b.y), c, (*sums)[10]);
  (*sums)[11] = fma(vec4<f32>(b.y), d, (*sums)[11]);
  (*sums)[12] = fma(vec4<f32>(b.z), c, (*sums)[12]);
  (*sums)[13] = fma(vec4<f32>(b.z), d, (*sums)[13]);
  (*sums)[14] = fma(vec4<f32>(b.w), c, (*sums)[14]);
  (*sums)[15] = fma(vec4<f32>(b.w), d, (*sums)[15]);
}

/** sums[2 i + h] += over DEPTH terms: row i of `left` from term `first` on, times columns 4 h .. 4 h + 3 of `right`. */
fn multiply(sums: ptr<function, array<vec4<f32>, 16>>, first: u32, rg: u32, kg: u32) {
  for (var k4 = 0u; k4 < DEPTH / 4u; k4++) {
    let l = left_at(first / 4u + k4, rg);
    let r = right_at(k4, kg);
    for (var i = 0u; i < 4u; i++) { outer(sums, left[l + i * RG], right[r + i * KG]); }
  }
}
