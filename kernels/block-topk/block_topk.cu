#include "../cuda/common.cuh"

// The blocks of the `slots` largest scores of each query and KV head, ascending, equal scores to the lower block, with their
// scores; a warp for each of rows * heads lists. Scores are not negative, so their bits order them: the smallest score that
// is taken is found bit by bit.
KERNEL block_topk(const float *scores, uint32_t *blocks, float *kept, int lists, int heads, int all, int slots, int block,
                  int start) {
  const int list = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (list >= lists) return;
  const int visible = (start + list / heads) / block + 1;
  const uint32_t *from = (const uint32_t *)scores + (i64)list * all;
  uint32_t *to = blocks + (i64)list * slots;
  float *to_kept = kept + (i64)list * slots;
  uint32_t least = 0;  // the largest value that at least `slots` scores reach
  int above = 0;       // scores beyond it
  if (visible > slots) {
    for (int bit = 30; bit >= 0; bit--) {
      const uint32_t tried = least | (1u << bit);
      int count = 0;
      for (int b = lane; b < visible; b += 32) count += from[b] >= tried;
      count = __reduce_add_sync(ALL_LANES, count);
      if (count >= slots) least = tried;
    }
    for (int b = lane; b < visible; b += 32) above += from[b] > least;
    above = __reduce_add_sync(ALL_LANES, above);
  }
  int equal = visible > slots ? slots - above : visible;  // how many of those that equal it are taken
  int taken = 0;
  for (int base = 0; base < visible && taken < slots; base += 32) {
    const int b = base + lane;
    const uint32_t score = b < visible ? from[b] : 0;
    const bool beyond = b < visible && (visible <= slots || score > least);
    const bool ties = b < visible && !beyond && score == least;
    const unsigned tie_lanes = __ballot_sync(ALL_LANES, ties), before = (1u << lane) - 1;
    const bool take = beyond || (ties && __popc(tie_lanes & before) < equal);
    const unsigned lanes = __ballot_sync(ALL_LANES, take);
    if (take) {
      const int slot = taken + __popc(lanes & before);
      to[slot] = b;
      to_kept[slot] = __uint_as_float(score);
    }
    taken += __popc(lanes);
    equal -= min(equal, __popc(tie_lanes));
  }
  for (int slot = taken + lane; slot < slots; slot += 32) {
    to[slot] = NO_BLOCK;
    to_kept[slot] = 0;
  }
}
