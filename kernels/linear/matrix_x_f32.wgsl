// x [M, K] as f32, rounded to halves on the way to workgroup memory; K a multiple of 4.
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;

struct Eight { low: vec4<f32>, high: vec4<f32> }

// Values 8 eighth .. 8 eighth + 7 of a row; zeros beyond K.
fn load_x(row: u32, eighth: u32) -> Eight {
  let at = row * ALL_QUADS + 2u * eighth;
  if (ALL_QUADS % 2u != 0u && 2u * eighth + 1u >= ALL_QUADS) { return Eight(x[at], vec4<f32>()); }
  return Eight(x[at], x[at + 1u]);
}

fn to_halves(values: Eight) -> vec4<u32> { return vec4<u32>(narrow(values.low), narrow(values.high)); }
