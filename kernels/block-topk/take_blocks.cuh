#pragma once
#include "../cuda/common.cuh"

// The blocks, ascending, whose scores are beyond `least`, `above` of them, and the first that equal it until there are `slots`,
// with their scores; all where no more are visible. Of one warp.
__device__ __forceinline__ void take_blocks(const uint32_t *from, int visible, int slots, uint32_t least, int above, uint32_t *to,
                                            float *to_kept) {
  const int lane = threadIdx.x % 32;
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
