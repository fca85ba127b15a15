#include "../attention/attend_tensor.cuh"
#include "../block-topk/take_blocks.cuh"
#include "../cuda/copy_engine.cuh"

// Full attention of one query with the scores of the blocks and the choice by them, in one launch of no more blocks of threads
// than there are processors. Each takes 16 heads at most of a KV head past a share of its keys, 64 at a time: one warp
// starts the copies, in as many buffers as there are other warps, each of which owns one. Once all that share a KV head have left
// what they found, they merge the heads' outputs among them, and the last to come scores and chooses.

constexpr int RING_WARPS = 7, RING_THREADS = 256, RING_KEYS = 64, RING_KV_HEADS = 256, RING_HEADS = 128;

// How many blocks of threads have left their part of a KV head: back to 0 with the last.
__device__ unsigned ring_arrived[RING_KV_HEADS];

struct RingJob {
  const float *q;            // [Hq, D]
  float *out;                // [Hq, D]
  float *maxima;             // [Hq, blocks of 64 keys]: largest logits in powers of two; scratch
  float *partial;            // [Hq, splits, D]; scratch
  float2 *partial_sums;      // [Hq, splits]: maximum and sum; scratch
  float *scores;             // [Hkv, blocks]; or null
  uint32_t *blocks;          // [Hkv, slots]; or null
  float *kept;               // [Hkv, slots]
  int Hq, Hkv, tokens, sixty_fours, slots;  // sixty_fours: of a block
  float scale;
};

__device__ __forceinline__ unsigned read_arrived(int head) {
  unsigned count;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(count) : "l"(&ring_arrived[head]) : "memory");
  return count;
}

// Of a block of threads, one count for all of them.
__device__ __forceinline__ int count_of_all(int mine, int (&counts)[2][RING_THREADS / 32], int turn) {
  const int of_warp = __reduce_add_sync(ALL_LANES, mine);
  if (threadIdx.x % 32 == 0) counts[turn % 2][threadIdx.x / 32] = of_warp;
  __syncthreads();
  int sum = 0;
#pragma unroll
  for (int w = 0; w < RING_THREADS / 32; w++) sum += counts[turn % 2][w];
  return sum;
}

// Scores of a KV head's blocks, and where asked the choice by them; `shared` has room for them in blocks of 64 keys and, where
// blocks are larger, in those too.
__device__ __forceinline__ void ring_choose(const RingJob &job, int head, int splits, float *shared) {
  __shared__ float lse[RING_HEADS];
  __shared__ int counts[2][RING_THREADS / 32];
  const int tid = threadIdx.x, lane = tid % 32, G = job.Hq / job.Hkv, blocks = (job.tokens + RING_KEYS - 1) / RING_KEYS;
  const int all = (blocks + job.sixty_fours - 1) / job.sixty_fours;
  for (int g = tid / 32; g < G; g += RING_THREADS / 32) {
    const float2 *sums = job.partial_sums + (head * G + g) * splits;
    float most = -INFINITY, sum = 0;
    for (int i = lane; i < splits; i += 32) most = fmaxf(most, __ldcg(sums + i).x);
    most = warp_max(most);
    for (int i = lane; i < splits; i += 32) {
      const float2 part = __ldcg(sums + i);
      sum += part.y * exp2f(part.x - most);
    }
    sum = warp_sum(sum);
    if (lane == 0) lse[g] = most + log2f(sum);
  }
  __syncthreads();
  constexpr int AT_ONCE = 8;  // loads of a thread for a head, so that all are on their way together
  for (int base = tid; base < blocks; base += AT_ONCE * RING_THREADS) {
    float best[AT_ONCE];
#pragma unroll
    for (int j = 0; j < AT_ONCE; j++) best[j] = -INFINITY;
#pragma unroll 4
    for (int g = 0; g < G; g++) {
      const float *maxima = job.maxima + (i64)(head * G + g) * blocks + base;
#pragma unroll
      for (int j = 0; j < AT_ONCE; j++)
        if (base + j * RING_THREADS < blocks) best[j] = fmaxf(best[j], __ldcg(maxima + j * RING_THREADS) - lse[g]);
    }
#pragma unroll
    for (int j = 0; j < AT_ONCE; j++)
      if (base + j * RING_THREADS < blocks) shared[base + j * RING_THREADS] = exp2f(best[j]);
  }
  __syncthreads();
  float *of_blocks = job.sixty_fours == 1 ? shared : shared + blocks;
  for (int b = tid; b < all; b += RING_THREADS) {
    float best = 0;
    for (int i = b * job.sixty_fours; i < min(blocks, (b + 1) * job.sixty_fours); i++) best = fmaxf(best, shared[i]);
    of_blocks[b] = best;
    job.scores[(i64)head * all + b] = best;
  }
  if (job.blocks == nullptr) return;
  __syncthreads();
  const uint32_t *scores = (const uint32_t *)of_blocks;
  uint32_t least = 0;
  int above = 0, turn = 0;
  auto reaching = [&](uint32_t tried) {
    int count = 0;
    for (int b = tid; b < all; b += RING_THREADS) count += scores[b] >= tried;
    return count_of_all(count, counts, turn++);
  };
  if (all > job.slots) {
    for (int bit = 30; bit >= 0; bit--)
      if (reaching(least | (1u << bit)) >= job.slots) least |= 1u << bit;
    above = reaching(least + 1);
  }
  if (tid < 32) take_blocks(scores, all, job.slots, least, above, job.blocks + head * job.slots, job.kept + head * job.slots);
}

template <int D> __device__ __forceinline__ void decode_ring(const TensorMap &keys, const TensorMap &values, const RingJob &job) {
  constexpr int TILE = RING_KEYS * D * 2;
  extern __shared__ __align__(1024) uint8_t tiles_shared[];
  __shared__ __align__(8) uint64_t barriers[2 * RING_WARPS];
  __shared__ unsigned came;
  const int tid = threadIdx.x, lane = tid % 32, warp = __shfl_sync(ALL_LANES, tid / 32, 0), split = blockIdx.x, splits = gridDim.x;
  const int G = job.Hq / job.Hkv, parts = (G + 15) / 16, head = blockIdx.y / parts, g0 = blockIdx.y % parts * 16;
  const int heads = min(16, G - g0), query_head = head * G + g0, blocks = (job.tokens + RING_KEYS - 1) / RING_KEYS;
  const int from = (int)((i64)split * blocks / splits), to = (int)((i64)(split + 1) * blocks / splits);
  const uint32_t base = shared_address(tiles_shared), full = shared_address(barriers), empty = full + 8 * RING_WARPS;
  float *states = (float *)tiles_shared;
  if (tid == 0) {
    for (int i = 0; i < 2 * RING_WARPS; i++) barrier_open(full + 8 * i, 1);
    barriers_opened();
  }
  __syncthreads();

  TileState<D> s;
  if (warp == RING_WARPS) {
    if (lane == 0)
      for (int b = from; b < to; b++) {
        const int owner = (b - from) % RING_WARPS, turn = (b - from) / RING_WARPS;
        if (turn > 0) barrier_wait_asleep(empty + 8 * owner, (turn - 1) % 2);
        barrier_expect(full + 8 * owner, 2 * TILE);
#pragma unroll
        for (int part = 0; part < 2 * D / 64; part++)
          copy_tile_once(base + owner * 2 * TILE + part * RING_KEYS * 128, part < D / 64 ? keys : values, part % (D / 64) * 64,
                         b * RING_KEYS, head, full + 8 * owner);
      }
    __syncwarp();
  } else {
    const int g = lane / 4;
    const float *q = job.q + (i64)query_head * D;
    uint32_t qs[D / 16][4];
    load_queries<D>(qs, {g < heads ? q + g * D : nullptr, g + 8 < heads ? q + (g + 8) * D : nullptr});
    const uint32_t tile = base + warp * 2 * TILE;
    const float scale2 = job.scale * LOG2E;
    int turn = 0;
    for (int b = from + warp; b < to; b += RING_WARPS, turn++) {
      const int count = job.tokens - b * RING_KEYS, seen[2] = {count, count};
      float largest[2];
      barrier_wait(full + 8 * warp, turn % 2);
      attend_tile<D, RING_KEYS>(s, qs, tile, tile + TILE, seen, scale2, largest);
      __syncwarp();
      if (lane == 0) barrier_arrive(empty + 8 * warp);
#pragma unroll
      for (int r = 0; r < 2; r++)
        if (lane % 4 == 0 && g + 8 * r < heads && job.scores != nullptr)
          __stcg(job.maxima + (i64)(query_head + g + 8 * r) * blocks + b, largest[r] * scale2);
    }
  }
  __syncthreads();  // all tiles have come and were read
  if (warp < RING_WARPS) leave_state<D>(states, warp, s);
  __syncthreads();
  for (int i = tid; i < heads * D; i += RING_THREADS) {
    const int g = i / D, e = i % D;
    const MergedValue merged = merge_states<D, RING_WARPS>(states, g, e);
    const i64 at = (i64)(query_head + g) * splits + split;
    __stcg(job.partial + at * D + e, merged.value);
    if (e == 0) __stcg(job.partial_sums + at, {merged.most, merged.sum});
  }
  __threadfence();
  __syncthreads();
  if (tid == 0) came = atomicInc(&ring_arrived[head], splits * parts - 1);
  __syncthreads();
  const bool last = came == splits * parts - 1;
  if (tid == 0 && !last)
    while (read_arrived(head) != 0) __nanosleep(64);
  __threadfence();
  __syncthreads();
  for (int g = split + tid / D * splits; g < heads; g += RING_THREADS / D * splits) {
    const float2 *sums = job.partial_sums + (query_head + g) * splits;
    const float *partial = job.partial + (i64)(query_head + g) * splits * D + tid % D;
    float most = -INFINITY, sum = 0, value = 0;
    for (int i = 0; i < splits; i++) most = fmaxf(most, __ldcg(sums + i).x);
#pragma unroll 8
    for (int i = 0; i < splits; i++) {
      const float2 part = __ldcg(sums + i);
      const float fade = exp2f(part.x - most);
      sum += part.y * fade;
      value += __ldcg(partial + i * D) * fade;
    }
    job.out[(query_head + g) * D + tid % D] = value / sum;
  }
  if (last && job.scores != nullptr) ring_choose(job, head, splits, states);
}

#define DECODE_RING(D)                                                                                                  \
  KERNEL __launch_bounds__(RING_THREADS, 1) decode_ring_##D(                                                               \
      const __grid_constant__ TensorMap keys, const __grid_constant__ TensorMap values, const float *q, float *out,        \
      float *maxima, float *partial, float2 *partial_sums, float *scores, uint32_t *blocks, float *kept, int Hq, int Hkv,  \
      int tokens, int sixty_fours, int slots, float scale) {                                                            \
    decode_ring<D>(keys, values, {q, out, maxima, partial, partial_sums, scores, blocks, kept, Hq, Hkv, tokens,            \
                                  sixty_fours, slots, scale});                                                          \
  }
DECODE_RING(64)
DECODE_RING(128)
