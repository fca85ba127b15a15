// Weights [N, K] as 16-bit floats, four to a load of 8 bytes; K a multiple of 4.
@group(0) @binding(2) var<storage, read> weight: array<Half4>;

// Weights 8 eighth .. 8 eighth + 7 of an output, as two Half4; zeros beyond K.
fn load_weights(output: u32, eighth: u32) -> vec4<u32> {
  let at = output * (INPUTS / 4u) + 2u * eighth;
  if (2u * eighth + 1u < INPUTS / 4u) { return vec4<u32>(weight[at], weight[at + 1u]); }
  return vec4<u32>(weight[at], 0u, 0u);
}
