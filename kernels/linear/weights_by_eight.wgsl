// Weights [N, K] as 16-bit floats, eight to a load of 16 bytes; K a multiple of 8.
@group(0) @binding(2) var<storage, read> weight: array<vec4<u32>>;

// Weights 8 eighth .. 8 eighth + 7 of an output, as two Half4.
fn load_weights(output: u32, eighth: u32) -> vec4<u32> {
  return weight[output * (INPUTS / 8u) + eighth];
}
