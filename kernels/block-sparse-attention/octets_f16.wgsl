// Eight operands in one 16-byte word of workgroup memory, and the outer products of two octets, in 16-bit arithmetic:
// CHUNK terms are summed in f16, then flushed to f32.

alias Octet = vec4<u32>;

fn octet(low: Arith4, high: Arith4) -> Octet { return vec4<u32>(bitcast<vec2<u32>>(low), bitcast<vec2<u32>>(high)); }
fn octet_of_halves(low: Half4, high: Half4) -> Octet { return vec4<u32>(low, high); }

fn outer(sums: ptr<function, array<Arith4, 16>>, x: Octet, y: Octet) {
  let a = bitcast<vec4<f16>>(x.xy);
  let b = bitcast<vec4<f16>>(x.zw);
  let c = bitcast<vec4<f16>>(y.xy);
  let d = bitcast<vec4<f16>>(y.zw);
  (*sums)[0] = fma(Arith4(a.x), c, (*sums)[0]);
  (*sums)[1] = fma(Arith4(a.x), d, (*sums)[1]);
  (*sums)[2] = fma(Arith4(a.y), c, (*sums)[2]);
  (*sums)[3] = fma(Arith4(a.y), d, (*sums)[3]);
  (*sums)[4] = fma(Arith4(a.z), c, (*sums)[4]);
  (*sums)[5] = fma(Arith4(a.z), d, (*sums)[5]);
  (*sums)[6] = fma(Arith4(a.w), c, (*sums)[6]);
  (*sums)[7] = fma(Arith4(a.w), d, (*sums)[7]);
  (*sums)[8] = fma(Arith4(b.x), c, (*sums)[8]);
  (*sums)[9] = fma(Arith4(b.x), d, (*sums)[9]);
  (*sums)[10] = fma(Arith4(b.y), c, (*sums)[10]);
  (*sums)[11] = fma(Arith4(b.y), d, (*sums)[11]);
  (*sums)[12] = fma(Arith4(b.z), c, (*sums)[12]);
  (*sums)[13] = fma(Arith4(b.z), d, (*sums)[13]);
  (*sums)[14] = fma(Arith4(b.w), c, (*sums)[14]);
  (*sums)[15] = fma(Arith4(b.w), d, (*sums)[15]);
}

/** sums[2 i + h] += over DEPTH terms: row i of `left` from term `first` on, times columns 4 h .. 4 h + 3 of `right`. */
fn multiply(sums: ptr<function, array<vec4<f32>, 16>>, first: u32, rg: u32, kg: u32) {
  for (var begin = 0u; begin < DEPTH; begin += CHUNK) {
    var part = array<Arith4, 16>();
    for (var k4 = begin / 4u; k4 < (begin + CHUNK) / 4u; k4++) {
      let l = left_at(first / 4u + k4, rg);
      let r = right_at(k4, kg);
      for (var i = 0u; i < 4u; i++) { outer(&part, left[l + i * RG], right[r + i * KG]); }
    }
    for (var i = 0u; i < 16u; i++) { (*sums)[i] += vec4<f32>(part[i]); }
  }
}
