// Top-k block selection, one workgroup per row and KV head. Exact, ties to the lower block, indices ascending.
//
//  1. the row's largest score; a block's key is how far its bits lie below it (non-negative floats order as their bits),
//     so that small keys are wanted and the first bins below divide octaves, where scores of a softmax spread;
//  2. 256 bins over the interval of keys that holds the last wanted one: count, find its bin, go on inside that bin.
//     The search ends as soon as the whole bin is wanted, mostly after two rounds;
//  3. where more equal keys are left than wanted, the same search over their block indices;
//  4. chosen blocks are gathered in any order, then each finds its place by counting the lower ones.
// With OWN the block that the query stands in does not compete: it takes the last slot, which is its place in any order. Scores
// may be negative then, and order as their bits once those of negative ones are turned around.
// Scores are read again in every round: a row is a few KiB and stays in cache, so any number of blocks works.
//
// scores [C, Hkv, blocks]; chosen, selected [rows of the buffer, Hkv, SLOTS], written at rows first_row .. + C - 1.

@group(0) @binding(1) var<storage, read> scores: array<f32>;
@group(0) @binding(2) var<storage, read_write> chosen: array<u32>;
@group(0) @binding(3) var<storage, read_write> selected: array<f32>;

const BINS = 256u;
const BINS_EACH = BINS / WIDTH;
/** Eight bins per octave in the first round; everything 32 octaves below the largest score shares the last bin. */
const FIRST_SHIFT = 20u;
const NO_BLOCK = 0xffffffffu;

struct Search {
  /** The interval of keys (or of block indices) still searched, and how many of its lowest are wanted. */
  low: u32, width: u32, shift: u32, wanted: u32,
  /** Scores' keys below this are all chosen; of those equal to it, the blocks below `tie_limit`. */
  limit: u32, tie_limit: u32,
  /** 0: among scores, 1: among blocks of equal score, 2: done. */
  phase: u32,
}

var<workgroup> highest: atomic<u32>;
var<workgroup> bins: array<atomic<u32>, BINS>;
var<workgroup> lane_counts: array<u32, WIDTH>;
var<workgroup> shared_search: Search;
var<workgroup> found: atomic<u32>;
var<workgroup> found_blocks: array<u32, SLOTS>;

/** Slots that blocks compete for, and the keys of a search at first. */
const RIVAL_SLOTS = SLOTS - select(0u, 1u, OWN);
const KEY_RANGE = select(0x80000000u, 0xffffffffu, OWN);

fn bits_of(index: u32) -> u32 {
  let bits = bitcast<u32>(scores[index]);
  if (!OWN) { return bits & 0x7fffffffu; }
  if (bits == 0x80000000u) { return bits; }
  return select(bits | 0x80000000u, ~bits, bits >> 31u == 1u);
}

/** The smallest shift that leaves no more than BINS bins in an interval. */
fn shift_for(width: u32) -> u32 {
  let bits = 32u - countLeadingZeros(width - 1u);
  return select(bits - 8u, 0u, bits <= 8u);
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let job = group.y * params.stride + group.x;
  if (job >= params.rows * KV_HEADS) { return; }
  let row = job / KV_HEADS;
  let own = (params.start + row) / BLOCK;
  let visible = own + select(1u, 0u, OWN);
  let first = job * params.blocks;
  let into = (params.first_row * KV_HEADS + job) * SLOTS;

  if (OWN && lane == 0u) {
    let last = into + min(visible, RIVAL_SLOTS);
    chosen[last] = own;
    selected[last] = scores[first + own];
  }
  if (visible <= RIVAL_SLOTS || RIVAL_SLOTS == 0u) {
    for (var slot = lane; slot < SLOTS; slot += WIDTH) {
      if (OWN && slot == min(visible, RIVAL_SLOTS)) { continue; }
      var block = NO_BLOCK;
      var score = 0.0;
      if (slot < visible) {
        block = slot;
        score = scores[first + slot];
      }
      chosen[into + slot] = block;
      selected[into + slot] = score;
    }
    return;
  }

  var most = 0u;
  for (var i = lane; i < visible; i += WIDTH) { most = max(most, bits_of(first + i)); }
  if (lane == 0u) {
    shared_search = Search(0u, KEY_RANGE, FIRST_SHIFT, RIVAL_SLOTS, 0u, 0u, 0u);
    atomicStore(&highest, 0u);
    atomicStore(&found, 0u);
  }
  workgroupBarrier();
  atomicMax(&highest, most);
  workgroupBarrier();
  let top = atomicLoad(&highest);

  var search = workgroupUniformLoad(&shared_search);
  while (search.phase < 2u) {
    for (var bin = lane; bin < BINS; bin += WIDTH) { atomicStore(&bins[bin], 0u); }
    workgroupBarrier();
    for (var i = lane; i < visible; i += WIDTH) {
      let key = top - bits_of(first + i);
      let place = select(key, i, search.phase == 1u) - search.low;
      if (place < search.width && (search.phase == 0u || key == search.limit)) {
        atomicAdd(&bins[min(place >> search.shift, BINS - 1u)], 1u);
      }
    }
    workgroupBarrier();
    var counts: array<u32, BINS_EACH>;
    var sum = 0u;
    for (var i = 0u; i < BINS_EACH; i++) {
      counts[i] = atomicLoad(&bins[lane * BINS_EACH + i]);
      sum += counts[i];
    }
    lane_counts[lane] = sum;
    workgroupBarrier();
    var before = 0u;
    for (var i = 0u; i < WIDTH; i++) { before += select(0u, lane_counts[i], i < lane); }
    if (before < search.wanted && search.wanted <= before + sum) {
      for (var i = 0u; i < BINS_EACH; i++) {
        if (before < search.wanted && search.wanted <= before + counts[i]) {
          narrow_to(search, lane * BINS_EACH + i, search.wanted - before, counts[i], visible);
        }
        before += counts[i];
      }
    }
    search = workgroupUniformLoad(&shared_search);
  }

  for (var i = lane; i < visible; i += WIDTH) {
    let key = top - bits_of(first + i);
    if (key < search.limit || (key == search.limit && i < search.tie_limit)) {
      found_blocks[atomicAdd(&found, 1u)] = i;
    }
  }
  workgroupBarrier();
  for (var i = lane; i < RIVAL_SLOTS; i += WIDTH) {
    let block = found_blocks[i];
    var slot = 0u;
    for (var j = 0u; j < RIVAL_SLOTS; j++) { slot += select(0u, 1u, found_blocks[j] < block); }
    chosen[into + slot] = block;
    selected[into + slot] = scores[first + block];
  }
}

/** The search after finding that `wanted` of the `count` keys in `bin` are the last ones to choose. One invocation. */
fn narrow_to(search: Search, bin: u32, wanted: u32, count: u32, visible: u32) {
  var next = search;
  let skipped = bin << search.shift;
  let rest = search.width - skipped;
  next.low = search.low + skipped;
  next.width = select(min(rest, 1u << search.shift), rest, bin == BINS - 1u);
  next.wanted = wanted;
  let end = next.low + next.width;
  if (wanted == count) {
    if (search.phase == 0u) { next.limit = end; } else { next.tie_limit = end; }
    next.phase = 2u;
  } else if (next.width > 1u) {
    next.shift = shift_for(next.width);
  } else {
    // Only equal scores are left. A bin of one block index never comes here: it is wanted whole.
    next.limit = next.low;
    next.low = 0u;
    next.width = visible;
    next.shift = shift_for(max(visible, 2u));
    next.phase = 1u;
  }
  shared_search = next;
}
