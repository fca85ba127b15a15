// Plan of the block-sparse branch, step 3 of 4: gives each list its place and cuts it into the fewest tiles of at most
// QUERIES, equal ones but for the last, of multiples of QUERY_STEP.
//
//  1. a workgroup takes WIDTH neighbouring lists (list of a query outer, block inner) and sums up their pairs and tiles before
//     each of them (Hillis-Steele scan);
//  2. its first invocation takes that many places from the two counters that all workgroups share: the order of the
//     workgroups' shares may differ from run to run, nothing depends on it;
//  3. each invocation writes its list's tiles, and leaves where the list begins in place of its count.
//
// tiles vec4<u32>: list of a query, block, first pair, pairs. lists as in plan_clear.

@group(0) @binding(1) var<storage, read_write> lists: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read_write> tiles: array<vec4<u32>>;

var<workgroup> before: array<vec2<u32>, WIDTH>;
var<workgroup> place: vec2<u32>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let list = (group.y * params.stride + group.x) * WIDTH + lane;
  var own = vec2<u32>(0u);
  if (list < params.lists) {
    let pairs = atomicLoad(&lists[2u + list]);
    own = vec2<u32>(pairs, (pairs + QUERIES - 1u) / QUERIES);
  }
  var sum = own;
  for (var reach = 1u; reach < WIDTH; reach *= 2u) {
    before[lane] = sum;
    workgroupBarrier();
    if (lane >= reach) { sum += before[lane - reach]; }
    workgroupBarrier();
  }
  if (lane == WIDTH - 1u) {
    place = vec2<u32>(atomicAdd(&lists[0], sum.x), atomicAdd(&lists[1], sum.y));
  }
  workgroupBarrier();
  if (list >= params.lists) { return; }
  let first = place + sum - own;
  atomicStore(&lists[2u + list], first.x);
  let head = list / params.blocks;
  let block = list % params.blocks;
  let share = (own.x + max(own.y, 1u) - 1u) / max(own.y, 1u);
  let each = min(QUERIES, (share + QUERY_STEP - 1u) / QUERY_STEP * QUERY_STEP);
  for (var tile = 0u; tile < own.y; tile++) {
    let done = tile * each;
    tiles[first.y + tile] = vec4<u32>(head, block, first.x + done, min(each, own.x - done));
  }
}
