#include "take_blocks.cuh"

// A list's scores as one warp reads them, a value of every 32 to a lane: from registers where all fit there, else from memory.
// Scores are not negative, so their bits order them.
template <int HELD> struct ListScores {
  const uint32_t *from;
  int visible;
  uint32_t held[HELD == 0 ? 1 : HELD];

  __device__ __forceinline__ ListScores(const uint32_t *from, int visible) : from(from), visible(visible) {
#pragma unroll
    for (int i = 0; i < HELD; i++) held[i] = threadIdx.x % 32 + 32 * i < visible ? from[threadIdx.x % 32 + 32 * i] : 0;
  }
  // How many reach `least`, which is not 0.
  __device__ __forceinline__ int reaching(uint32_t least) const {
    int count = 0;
    if constexpr (HELD > 0) {
#pragma unroll
      for (int i = 0; i < HELD; i++) count += held[i] >= least;
    } else {
      for (int b = threadIdx.x % 32; b < visible; b += 32) count += from[b] >= least;
    }
    return __reduce_add_sync(ALL_LANES, count);
  }
};

// The smallest score that is taken, found bit by bit, and how many are beyond it: the largest value that at least `slots` reach.
template <int HELD>
__device__ __forceinline__ void least_taken(const uint32_t *from, int visible, int slots, uint32_t &least, int &above) {
  const ListScores<HELD> scores(from, visible);
  for (int bit = 30; bit >= 0; bit--) {
    const uint32_t tried = least | (1u << bit);
    if (scores.reaching(tried) >= slots) least = tried;
  }
  above = scores.reaching(least + 1);
}

// The blocks of the `slots` largest scores of each query and KV head, ascending, equal scores to the lower block, with their
// scores; a warp for each of rows * heads lists.
KERNEL block_topk(const float *scores, uint32_t *blocks, float *kept, int lists, int heads, int all, int slots, int block,
                  int start) {
  const int list = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
  if (list >= lists) return;
  const int visible = (start + list / heads) / block + 1;
  const uint32_t *from = (const uint32_t *)scores + (i64)list * all;
  uint32_t *to = blocks + (i64)list * slots;
  float *to_kept = kept + (i64)list * slots;
  uint32_t least = 0;
  int above = 0;
  if (visible > slots) {
    if (visible <= 32 * 8) least_taken<8>(from, visible, slots, least, above);
    else if (visible <= 32 * 16) least_taken<16>(from, visible, slots, least, above);
    else if (visible <= 32 * 64) least_taken<64>(from, visible, slots, least, above);
    else least_taken<0>(from, visible, slots, least, above);
  }
  take_blocks(from, visible, slots, least, above, to, to_kept);
}
