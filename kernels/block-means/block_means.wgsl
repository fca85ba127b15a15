// The mean key of every block that a call's positions fill, one workgroup per KV head and block.
//
//  1. an invocation has four columns of d and every SHARES-th key of the block, whose values it adds up in f32;
//  2. the shares are added up by way of workgroup memory, divided, and stored in 16 bit.
//
// k halves [Hkv, room, d]; means halves [Hkv, blocks, d], written at the blocks first .. first + count - 1 of each head.

@group(0) @binding(1) var<storage, read> k: array<Half4>;
@group(0) @binding(2) var<storage, read_write> means: array<Half4>;

const D4 = HEAD_DIM / 4u;

var<workgroup> sums: array<vec4<f32>, D4 * SHARES>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let job = group.y * params.stride + group.x;
  if (job >= KV_HEADS * params.count) { return; }
  let head = job / params.count;
  let block = params.first + job % params.count;
  let base = (head * params.room + block * BLOCK) * D4;

  for (var i = lane; i < D4 * SHARES; i += WIDTH) {
    var sum = vec4<f32>(0.0);
    for (var key = i / D4; key < BLOCK; key += SHARES) { sum += widen(k[base + key * D4 + i % D4]); }
    sums[i] = sum;
  }
  workgroupBarrier();
  for (var i = lane; i < D4; i += WIDTH) {
    var sum = vec4<f32>(0.0);
    for (var share = 0u; share < SHARES; share++) { sum += sums[share * D4 + i]; }
    means[(head * params.blocks + block) * D4 + i] = narrow(sum / f32(BLOCK));
  }
}
