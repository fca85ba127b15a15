#include "attend_plain.cuh"

constexpr int PLAIN_WARPS = 4;

// The query of this warp, scaled, in shared memory; its number among rows * Hq, or -1.
__device__ __forceinline__ int plain_query(float (&shared)[PLAIN_WARPS][PLAIN_WIDEST], const float *q, int count, int d,
                                           float scale) {
  const int warp = threadIdx.x / 32, i = blockIdx.x * PLAIN_WARPS + warp;
  if (i >= count) return -1;
  for (int e = threadIdx.x % 32; e < d; e += 32) shared[warp][e] = q[(i64)i * d + e] * scale;
  __syncwarp();
  return i;
}

// Causal attention: out [rows, Hq, d]. With `maxima` also the largest logit of every block, [rows, Hq, all], and `lse`.
KERNEL full_plain(const float *q, const __half *k, const __half *v, float *out, float *maxima, float *lse, int rows, int Hq,
                  int Hkv, int d, int room, int start, int block, int all, float scale) {
  __shared__ float shared[PLAIN_WARPS][PLAIN_WIDEST];
  const int i = plain_query(shared, q, rows * Hq, d, scale), warp = threadIdx.x / 32;
  if (i < 0) return;
  const int row = i / Hq, head = i % Hq / (Hq / Hkv), seen = start + row + 1;
  const Keys keys{k, nullptr, room, -1, 0, 0}, values{v, nullptr, room, -1, 0, 0};
  PlainState s;
  for (int b = 0; b * block < seen; b++) {
    float largest = -INFINITY;
    const int end = min(seen, (b + 1) * block);
    for (int from = b * block; from < end; from += 32)
      largest = fmaxf(largest, plain_step(s, shared[warp], keys, values, head, d, from, min(end, from + 32)));
    if (maxima != nullptr && threadIdx.x % 32 == 0) maxima[(i64)i * all + b] = largest;
  }
  plain_finish(s, -INFINITY, out + (i64)i * d, d);
  if (maxima != nullptr && threadIdx.x % 32 == 0) lse[i] = s.most + logf(s.sum);
}

// Attention to the blocks of a list [rows, Hkv, slots]; `sinks` [Hq] or none.
KERNEL blocks_plain(const float *q, const __half *k, const __half *v, const uint32_t *list, const float *sinks, float *out,
                    int rows, int Hq, int Hkv, int d, int room, int start, int block, int slots, float scale) {
  __shared__ float shared[PLAIN_WARPS][PLAIN_WIDEST];
  const int i = plain_query(shared, q, rows * Hq, d, scale), warp = threadIdx.x / 32;
  if (i < 0) return;
  const int row = i / Hq, head = i % Hq / (Hq / Hkv), seen = start + row + 1;
  const Keys keys{k, nullptr, room, -1, 0, 0}, values{v, nullptr, room, -1, 0, 0};
  PlainState s;
  for (int slot = 0; slot < slots; slot++) {
    const uint32_t b = list[((i64)row * Hkv + head) * slots + slot];
    if (b == NO_BLOCK) break;
    const int end = min(seen, (int)(b + 1) * block);
    for (int from = b * block; from < end; from += 32)
      plain_step(s, shared[warp], keys, values, head, d, from, min(end, from + 32));
  }
  plain_finish(s, sinks == nullptr ? -INFINITY : sinks[i % Hq], out + (i64)i * d, d);
}

// Attention to the last `window` positions and the `first` of the context. Older positions lie in the ring, those of the
// chunk in own_k, own_v, or where these are null in the ring as well.
KERNEL window_plain(const float *q, const __half *ring_k, const __half *ring_v, const __half *own_k, const __half *own_v,
                    const float *sinks, float *out, int rows, int Hq, int Hkv, int d, int ring, int start, int window,
                    int first, float scale) {
  __shared__ float shared[PLAIN_WARPS][PLAIN_WIDEST];
  const int i = plain_query(shared, q, rows * Hq, d, scale), warp = threadIdx.x / 32;
  if (i < 0) return;
  const int row = i / Hq, head = i % Hq / (Hq / Hkv), seen = start + row + 1;
  const Keys keys{ring_k, own_k, ring, first, start, rows}, values{ring_v, own_v, ring, first, start, rows};
  PlainState s;
  for (int from = 0; from < min(first, seen); from += 32)
    plain_step(s, shared[warp], keys, values, head, d, from, min(min(first, seen), from + 32));
  for (int from = max(first, seen - window); from < seen; from += 32)
    plain_step(s, shared[warp], keys, values, head, d, from, min(seen, from + 32));
  plain_finish(s, sinks == nullptr ? -INFINITY : sinks[i % Hq], out + (i64)i * d, d);
}
