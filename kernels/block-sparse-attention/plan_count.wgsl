// Plan of the block-sparse branch, step 2 of 4: how many queries chose each block by each of their lists (one per KV head or
// per query head).
//
// One invocation per (query row, list, slot). A query names a block at most once, so no counter receives more than C
// additions, even of a block that everybody chooses; they need no answer, so the device may merge them.
//
// blocks u32 [>= first_row + C, lists, slots]; lists as in plan_clear.

@group(0) @binding(1) var<storage, read> blocks: array<u32>;
@group(0) @binding(2) var<storage, read_write> lists: array<atomic<u32>>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * params.stride + group.x) * WIDTH + lane;
  if (i >= params.pairs) { return; }
  let block = blocks[params.first_row * LISTS * SLOTS + i];
  if (block >= params.blocks) { return; }
  let head = (i / SLOTS) % LISTS;
  atomicAdd(&lists[2u + head * params.blocks + block], 1u);
}
