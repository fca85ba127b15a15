// Softmax attention on tensor cores: a warp takes 16 rows of queries past tiles of N keys and values of D dimensions that lie
// swizzled in shared memory. Queries and softmax weights are rounded to 16 bits; sums, maxima and exponentials are float32.
#pragma once
#include "../cuda/tensor.cuh"

constexpr float LOG2E = 1.4426950408889634f, LN2 = 0.6931471805599453f;

// Rows lane / 4 and lane / 4 + 8 of a warp's 16. `most` counts in powers of two.
template <int D> struct TileState {
  float out[D / 8][4] = {}, most[2] = {-INFINITY, -INFINITY}, sum[2] = {};
};

// Keys `first` .. `from` - 1 of a tile are beyond a row's window.
struct Hidden {
  int first, from[2];
};

// Takes N keys in, of which each of the lane's two rows sees the first `seen` but for those that are hidden, where HIDES says
// that there are some; `largest` becomes their largest products, before the scale. `scale2` = log2 e / sqrt d.
template <int D, int N, bool HIDES = false>
__device__ __forceinline__ void attend_tile(TileState<D> &s, const uint32_t (&q)[D / 16][4], uint32_t keys, uint32_t values,
                                            const int (&seen)[2], float scale2, float (&largest)[2],
                                            const Hidden &hidden = {}) {
  const int lane = threadIdx.x % 32;
  float p[N / 8][4] = {};
#pragma unroll
  for (int step = 0; step < D / 16; step++)
#pragma unroll
    for (int n = 0; n < N / 16; n++) {
      uint32_t b[4];
      load_matrices(b, keys + swizzled<D, N>(n * 16 + lane / 16 * 8 + lane % 8, step * 2 + lane / 8 % 2));
      multiply(p[2 * n], q[step], b[0], b[1]);
      multiply(p[2 * n + 1], q[step], b[2], b[3]);
    }
  if (HIDES || min(seen[0], seen[1]) < N) {
#pragma unroll
    for (int n = 0; n < N / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        const int key = n * 8 + lane % 4 * 2 + e % 2;
        const bool beyond = HIDES && key >= hidden.first && key < hidden.from[e / 2];
        if (key >= seen[e / 2] || beyond) p[n][e] = -INFINITY;
      }
  }
  float fade[2];
#pragma unroll
  for (int r = 0; r < 2; r++) {
    float best = -INFINITY;
#pragma unroll
    for (int n = 0; n < N / 8; n++) best = fmaxf(best, fmaxf(p[n][2 * r], p[n][2 * r + 1]));
    largest[r] = quad_max(best);
    float most = fmaxf(s.most[r], largest[r] * scale2);
    // A row may see nothing of the first tiles that its neighbours see.
    const float before = s.most[r];
    s.most[r] = most;
    if (HIDES && most == -INFINITY) most = 0;
    fade[r] = exp2_fast(before - most);
    float sum = 0;
#pragma unroll
    for (int n = 0; n < N / 8; n++) {
      p[n][2 * r] = exp2_fast(fmaf(p[n][2 * r], scale2, -most));
      p[n][2 * r + 1] = exp2_fast(fmaf(p[n][2 * r + 1], scale2, -most));
      sum += p[n][2 * r] + p[n][2 * r + 1];
    }
    s.sum[r] = s.sum[r] * fade[r] + sum;  // of this lane's columns
  }
#pragma unroll
  for (int c = 0; c < D / 8; c++)
#pragma unroll
    for (int e = 0; e < 4; e++) s.out[c][e] *= fade[e / 2];
#pragma unroll
  for (int j = 0; j < N / 16; j++) {
    const uint32_t a[4] = {pack_halves(p[2 * j][0], p[2 * j][1]), pack_halves(p[2 * j][2], p[2 * j][3]),
                           pack_halves(p[2 * j + 1][0], p[2 * j + 1][1]), pack_halves(p[2 * j + 1][2], p[2 * j + 1][3])};
#pragma unroll
    for (int c = 0; c < D / 16; c++) {
      uint32_t b[4];
      load_transposed(b, values + swizzled<D, N>(j * 16 + lane % 16, c * 2 + lane / 16));
      multiply(s.out[2 * c], a, b[0], b[1]);
      multiply(s.out[2 * c + 1], a, b[2], b[3]);
    }
  }
}

// What the warps of a block leave in shared memory for it to merge, of 16 rows each: sums of values, maxima, sums.
template <int D> constexpr int STATE = 16 * D + 32;

template <int D> __device__ __forceinline__ void leave_state(float *states, int warp, const TileState<D> &s) {
  float *to = states + warp * STATE<D>;
#pragma unroll
  for (int r = 0; r < 2; r++) {
    const int row = threadIdx.x % 32 / 4 + 8 * r;
    const float sum = quad_sum(s.sum[r]);
    if (threadIdx.x % 4 == 0) {
      to[16 * D + row] = s.most[r];
      to[16 * D + 16 + row] = sum;
    }
#pragma unroll
    for (int c = 0; c < D / 8; c++)
      *(float2 *)(to + row * D + c * 8 + threadIdx.x % 4 * 2) = {s.out[c][2 * r], s.out[c][2 * r + 1]};
  }
}

// One value of a row of all warps, relative to 2^most, which is that of the row or `sink`.
struct MergedValue {
  float value, sum, most;
};
template <int D, int WARPS>
__device__ __forceinline__ MergedValue merge_states(const float *states, int row, int e, float sink = -INFINITY) {
  MergedValue merged{0, 0, sink};
#pragma unroll
  for (int w = 0; w < WARPS; w++) merged.most = fmaxf(merged.most, states[w * STATE<D> + 16 * D + row]);
  if (merged.most == -INFINITY) return merged;
#pragma unroll
  for (int w = 0; w < WARPS; w++) {
    const float *state = states + w * STATE<D>, fade = exp2f(state[16 * D + row] - merged.most);
    merged.sum += state[16 * D + 16 + row] * fade;
    merged.value += state[row * D + e] * fade;
  }
  return merged;
}

// Queries of two rows of one head, [.., D] of float32, as 16-bit operands: `rows` are where they begin, or null for zeros.
template <int D> __device__ __forceinline__ void load_queries(uint32_t (&q)[D / 16][4], const float *const (&rows)[2]) {
#pragma unroll
  for (int step = 0; step < D / 16; step++)
#pragma unroll
    for (int e = 0; e < 4; e++) {
      float2 x = {0, 0};
      if (rows[e % 2] != nullptr)
        x = *(const float2 *)(rows[e % 2] + step * 16 + e / 2 * 8 + threadIdx.x % 4 * 2);
      q[step][e] = pack_halves(x.x, x.y);
    }
}
