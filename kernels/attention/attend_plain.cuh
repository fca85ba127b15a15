// Softmax attention of one query of one head by one warp, for any width up to 256: each lane takes a key, then a few
// dimensions of the values. Slow and exact: products and sums are float32.
#pragma once
#include "../cuda/common.cuh"

constexpr int PLAIN_WIDEST = 256;
constexpr int PLAIN_PARTS = PLAIN_WIDEST / 32;

struct PlainState {
  float most = -INFINITY, sum = 0, out[PLAIN_PARTS] = {};
};

// Takes keys from .. to - 1 (to - from <= 32) in; returns the largest of their logits. `q` is scaled, in shared memory.
__device__ __forceinline__ float plain_step(PlainState &s, const float *q, const Keys &k, const Keys &v, int head, int d,
                                            int from, int to) {
  const int lane = threadIdx.x % 32, position = from + lane;
  float logit = -INFINITY;
  if (position < to) {
    const __half *key = key_row(k, head, position, d);
    logit = 0;
    for (int e = 0; e < d; e++) logit = fmaf(q[e], __half2float(key[e]), logit);
  }
  const float largest = warp_max(logit), most = fmaxf(s.most, largest);
  const float p = position < to ? expf(logit - most) : 0, fade = expf(s.most - most);
  s.sum = s.sum * fade + warp_sum(p);
  s.most = most;
#pragma unroll
  for (int i = 0; i < PLAIN_PARTS; i++) s.out[i] *= fade;
  for (int j = 0; j < to - from; j++) {
    const float weight = __shfl_sync(ALL_LANES, p, j);
    const __half *value = key_row(v, head, from + j, d);
#pragma unroll
    for (int i = 0; i < PLAIN_PARTS; i++)
      if (lane + 32 * i < d) s.out[i] = fmaf(weight, __half2float(value[lane + 32 * i]), s.out[i]);
  }
  return largest;
}

// Writes out [d]; `sink` is one more logit, without a value.
__device__ __forceinline__ void plain_finish(const PlainState &s, float sink, float *out, int d) {
  const float most = fmaxf(s.most, sink), fade = s.sum > 0 ? expf(s.most - most) : 0;
  const float sum = s.sum * fade + expf(sink - most), factor = sum > 0 ? fade / sum : 0;
#pragma unroll
  for (int i = 0; i < PLAIN_PARTS; i++) {
    const int e = threadIdx.x % 32 + 32 * i;
    if (e < d) out[e] = s.out[i] * factor;
  }
}
