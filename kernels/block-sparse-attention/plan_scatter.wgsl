// Plan of the block-sparse branch, step 4 of 4: every (query row, slot) pair goes into its block's list.
//
// One invocation per pair; it takes the next place of its list. The order inside a list may differ from run to run and
// does not matter: each pair's partial result has a place of its own. The first invocation writes what the tile kernel
// is dispatched by: SHARES workgroups per tile, as (x, y) because devices bound each dimension.
//
// blocks u32 [>= first_row + C, lists, slots]; pairs u32: row * slots + slot; args u32 [4]: x, y, 1, workgroups.

@group(0) @binding(1) var<storage, read> blocks: array<u32>;
@group(0) @binding(2) var<storage, read_write> lists: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read_write> pairs: array<u32>;
@group(0) @binding(4) var<storage, read_write> args: array<u32>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * params.stride + group.x) * WIDTH + lane;
  if (i == 0u) {
    let workgroups = atomicLoad(&lists[1]) * SHARES;
    let y = max(1u, (workgroups + params.most_workgroups - 1u) / params.most_workgroups);
    args[0] = (workgroups + y - 1u) / y;
    args[1] = y;
    args[2] = 1u;
    args[3] = workgroups;
  }
  if (i >= params.pairs) { return; }
  let block = blocks[params.first_row * LISTS * SLOTS + i];
  if (block >= params.blocks) { return; }
  let slot = i % SLOTS;
  let head = (i / SLOTS) % LISTS;
  let row = i / (SLOTS * LISTS);
  let place = atomicAdd(&lists[2u + head * params.blocks + block], 1u);
  pairs[place] = row * SLOTS + slot;
}
