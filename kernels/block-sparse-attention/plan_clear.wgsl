// Plan of the block-sparse branch, step 1 of 4: zeroes what the other steps count in.
//
// lists u32 [2 + lists of a query * blocks]: pairs and tiles given out so far, then a counter per (list, block).

@group(0) @binding(1) var<storage, read_write> lists: array<u32>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * params.stride + group.x) * WIDTH + lane;
  if (i < params.words) { lists[i] = 0u; }
}
