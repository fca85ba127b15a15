// Nothing but multiply-adds in registers: what the arithmetic units give at best.
//
//  1. an invocation starts eight chains of four numbers each from small whole numbers, all different;
//  2. every step replaces each number v by v * scale + add; REPEATS steps per round, `rounds` rounds. scale and add come
//     with the call, so nothing can be worked out ahead; with both 1, a number counts its steps;
//  3. the sum of all its numbers is written, so nothing can be left out.
//
// sums [workgroups * WIDTH] f32. Multiply-adds: workgroups * WIDTH * rounds * REPEATS * 32.

@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

fn chain(local: u32, number: u32) -> vec4<Real> {
  return vec4<Real>(vec4<f32>(vec4<u32>(0u, 1u, 2u, 3u) + 4u * number + local % 8u));
}

fn total(chain: vec4<Real>) -> f32 {
  return dot(vec4<f32>(chain), vec4<f32>(1.0));
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let scale = vec4<Real>(Real(params.scale));
  let add = vec4<Real>(Real(params.add));
  var a = chain(local, 0u);
  var b = chain(local, 1u);
  var c = chain(local, 2u);
  var d = chain(local, 3u);
  var e = chain(local, 4u);
  var f = chain(local, 5u);
  var g = chain(local, 6u);
  var h = chain(local, 7u);
  for (var round = 0u; round < params.rounds; round++) {
    for (var step = 0u; step < REPEATS; step++) {
      a = fma(a, scale, add);
      b = fma(b, scale, add);
      c = fma(c, scale, add);
      d = fma(d, scale, add);
      e = fma(e, scale, add);
      f = fma(f, scale, add);
      g = fma(g, scale, add);
      h = fma(h, scale, add);
    }
  }
  sums[group.x * WIDTH + local] =
    total(a) + total(b) + total(c) + total(d) + total(e) + total(f) + total(g) + total(h);
}
