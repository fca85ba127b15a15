#include "attend_tensor.cuh"

// Attention query by query: a block of four warps takes one query's heads of one KV head (16 at most, the tensor cores' rows) past
// its keys, every fourth stretch of them a warp's own, and merges what the warps have. For selected blocks and windows, and for
// decode, where `splits` of these share a context.

enum Reads { WHOLE, LISTED, WINDOWED };

struct QueryJob {
  const float *q;              // [rows, Hq, D]
  Keys keys, values;
  const uint32_t *list;        // LISTED: [rows, Hkv, slots]
  const float *sinks;          // [Hq], or null
  float *out;                  // [rows, Hq, D]
  float *maxima, *lse;         // WHOLE: [rows, Hq, all], [rows, Hq]; or null
  float *partial, *partial_sums;  // with splits: [rows, Hq, splits, D], and [.., 2]: maximum and sum
  int rows, Hq, Hkv, start, block, slots, window, all, splits;
  float scale;
};

// A stretch of keys that a warp walks through 32 at a time.
struct Stretch {
  int index, from, end;
};

template <int READS>
__device__ __forceinline__ Stretch stretch_of(const QueryJob &job, const uint32_t *list, int index, int split, int seen) {
  const Stretch none{index, 0, 0};
  if constexpr (READS == WHOLE) {
    const int blocks = (seen + job.block - 1) / job.block, share = (blocks + job.splits - 1) / job.splits;
    const int b = split * share + index;
    return index < share && b < blocks ? Stretch{index, b * job.block, min(seen, (b + 1) * job.block)} : none;
  } else if constexpr (READS == LISTED) {
    if (index >= job.slots || list[index] == NO_BLOCK) return none;
    const int from = (int)list[index] * job.block;
    return {index, from, min(seen, from + job.block)};
  } else {
    constexpr int LENGTH = 64;
    const int first = min(job.keys.first, seen), stretches = (first + LENGTH - 1) / LENGTH;
    if (index < stretches) return {index, index * LENGTH, min(first, (index + 1) * LENGTH)};
    const int from = max(first, seen - job.window) + (index - stretches) * LENGTH;
    return from < seen ? Stretch{index, from, min(seen, from + LENGTH)} : none;
  }
}

template <int D, int READS> __device__ __forceinline__ void queries_tensor(const QueryJob &job) {
  constexpr int N = 32, TILE = N * D * 2, WARPS = 4;
  extern __shared__ __align__(128) uint8_t shared[];
  const int tid = threadIdx.x, lane = tid % 32, warp = tid / 32, row = blockIdx.x, split = blockIdx.z;
  const int G = job.Hq / job.Hkv, parts = (G + 15) / 16, head = blockIdx.y / parts, g0 = blockIdx.y % parts * 16;
  const int heads = min(16, G - g0), seen = job.start + row + 1, query_head = head * G + g0;
  const float *q = job.q + ((i64)row * job.Hq + query_head) * D;
  const uint32_t *list = job.list + ((i64)row * job.Hkv + head) * job.slots;
  const uint32_t base = shared_address(shared) + warp * 4 * TILE;

  uint32_t qs[D / 16][4];
  const int g = lane / 4;
  load_queries<D>(qs, {g < heads ? q + g * D : nullptr, g + 8 < heads ? q + (g + 8) * D : nullptr});

  auto fetch = [&](const Stretch &at, int buffer) {
#pragma unroll 4
    for (int piece = lane; piece < N * D / 8; piece += 32) {
      const int r = piece / (D / 8), c = piece % (D / 8), position = at.from + r;
      const bool there = position < at.end;
      const uint32_t to = base + buffer * 2 * TILE + swizzled<D, N>(r, c);
      copy16(to, key_row(job.keys, head, there ? position : at.from, D) + c * 8, there ? 16 : 0);
      copy16(to + TILE, key_row(job.values, head, there ? position : at.from, D) + c * 8, there ? 16 : 0);
    }
  };
  auto next = [&](const Stretch &at) -> Stretch {
    if (at.from + N < at.end) return {at.index, at.from + N, at.end};
    return stretch_of<READS>(job, list, at.index + WARPS, split, seen);
  };

  TileState<D> s;
  float in_block[2] = {-INFINITY, -INFINITY};
  Stretch at = stretch_of<READS>(job, list, warp, split, seen);
  if (at.from < at.end) fetch(at, 0);
  copy_commit();
  for (int buffer = 0; at.from < at.end; buffer ^= 1) {
    const Stretch then = next(at);
    if (then.from < then.end) fetch(then, buffer ^ 1);
    copy_commit();
    copy_wait<1>();
    __syncwarp();
    const int count = at.end - at.from, counts[2] = {count, count};
    const uint32_t keys = base + buffer * 2 * TILE;
    float largest[2];
    attend_tile<D, N>(s, qs, keys, keys + TILE, counts, job.scale * LOG2E, largest);
    if (READS == WHOLE && job.maxima != nullptr) {
      const bool ends = at.from + N >= at.end;
#pragma unroll
      for (int r = 0; r < 2; r++) {
        in_block[r] = fmaxf(in_block[r], largest[r]);
        const int g = lane / 4 + 8 * r;
        if (!ends) continue;
        if (lane % 4 == 0 && g < heads)
          job.maxima[((i64)row * job.Hq + query_head + g) * job.all + at.from / job.block] = in_block[r] * job.scale;
        in_block[r] = -INFINITY;
      }
    }
    __syncwarp();
    at = then;
  }
  copy_wait<0>();
  __syncthreads();

  float *states = (float *)shared;
  leave_state<D>(states, warp, s);
  __syncthreads();
  for (int i = tid; i < heads * D; i += WARPS * 32) {
    const int g = i / D, e = i % D;
    const i64 to = (i64)row * job.Hq + query_head + g;
    const float sink = job.splits == 1 && job.sinks != nullptr ? job.sinks[query_head + g] * LOG2E : -INFINITY;
    auto [value, sum, highest] = merge_states<D, WARPS>(states, g, e, sink);
    if (job.splits > 1) {
      job.partial[(to * job.splits + split) * D + e] = value;
      if (e == 0) {
        job.partial_sums[(to * job.splits + split) * 2] = highest;
        job.partial_sums[(to * job.splits + split) * 2 + 1] = sum;
      }
      continue;
    }
    if (sink > -INFINITY) sum += exp2f(sink - highest);
    job.out[to * D + e] = sum > 0 ? value / sum : 0;
    if (READS == WHOLE && job.maxima != nullptr && e == 0) job.lse[to] = highest * LN2 + logf(sum);
  }
}

#define WHOLE_TENSOR(D)                                                                                                 \
  KERNEL __launch_bounds__(128) decode_tensor_##D(const float *q, const __half *k, const __half *v, float *out,            \
                                                  float *maxima, float *lse, float *partial, float *partial_sums, int rows, \
                                                  int Hq, int Hkv, int room, int start, int block, int all, int splits,   \
                                                  float scale) {                                                        \
    queries_tensor<D, WHOLE>({q, {k, nullptr, room, -1, 0, 0}, {v, nullptr, room, -1, 0, 0}, nullptr, nullptr, out,        \
                              maxima, lse, partial, partial_sums, rows, Hq, Hkv, start, block, 0, 0, all, splits, scale}); \
  }
#define LISTED_TENSOR(D)                                                                                                \
  KERNEL __launch_bounds__(128) blocks_tensor_##D(const float *q, const __half *k, const __half *v, const uint32_t *list,   \
                                                  const float *sinks, float *out, int rows, int Hq, int Hkv, int room,    \
                                                  int start, int block, int slots, float scale) {                       \
    queries_tensor<D, LISTED>({q, {k, nullptr, room, -1, 0, 0}, {v, nullptr, room, -1, 0, 0}, list, sinks, out, nullptr,   \
                               nullptr, nullptr, nullptr, rows, Hq, Hkv, start, block, slots, 0, 0, 1, scale});          \
  }
#define WINDOW_TENSOR(D)                                                                                                \
  KERNEL __launch_bounds__(128) window_tensor_##D(const float *q, const __half *ring_k, const __half *ring_v,              \
                                                  const __half *own_k, const __half *own_v, const float *sinks, float *out, \
                                                  int rows, int Hq, int Hkv, int ring, int start, int window, int first,  \
                                                  float scale) {                                                        \
    queries_tensor<D, WINDOWED>({q, {ring_k, own_k, ring, first, start, rows}, {ring_v, own_v, ring, first, start, rows},  \
                                 nullptr, sinks, out, nullptr, nullptr, nullptr, nullptr, rows, Hq, Hkv, start, 1, 0,     \
                                 window, 0, 1, scale});                                                                 \
  }
WHOLE_TENSOR(64)
WHOLE_TENSOR(128)
LISTED_TENSOR(64)
LISTED_TENSOR(128)
WINDOW_TENSOR(64)
WINDOW_TENSOR(128)

// Merges what `splits` blocks of decode_tensor found: out [heads, d] and lse [heads]; a block of d threads for each head.
KERNEL merge_splits(const float *partial, const float *partial_sums, float *out, float *lse, int d, int splits) {
  const i64 head = blockIdx.x;
  const float *sums = partial_sums + head * splits * 2;
  float most = -INFINITY, sum = 0, value = 0;
  for (int i = 0; i < splits; i++) most = fmaxf(most, sums[2 * i]);
  for (int i = 0; i < splits; i++) {
    const float fade = exp2f(sums[2 * i] - most);
    sum += sums[2 * i + 1] * fade;
    value += partial[(head * splits + i) * d + threadIdx.x] * fade;
  }
  out[head * d + threadIdx.x] = value / sum;
  if (lse != nullptr && threadIdx.x == 0) lse[head] = most * LN2 + logf(sum);
}
