#include "../attention/attend_tensor.cuh"

// Causal attention of a chunk, out [rows, Hq, D]: 128 queries of one head by 8 warps, past tiles of 64 keys in two buffers, the
// longest first. With `maxima` also the largest logit of every block, [rows, Hq, all], and the log of the softmax's
// denominator, `lse` [rows, Hq]; a block is then a multiple of 64 keys.
template <int D>
__device__ __forceinline__ void full_tensor(const float *q, const __half *k, const __half *v, float *out, float *maxima,
                                            float *lse, int rows, int Hq, int Hkv, int room, int start, int block, int all,
                                            float scale) {
  constexpr int N = 64, TILE = N * D * 2;
  extern __shared__ __align__(128) uint8_t shared[];
  const uint32_t base = shared_address(shared);
  const int tid = threadIdx.x, lane = tid % 32, warp = tid / 32, head = blockIdx.y;
  const int row0 = (gridDim.x - 1 - blockIdx.x) * 128, end = start + min(rows, row0 + 128), tiles = (end + N - 1) / N;
  const i64 at_head = (i64)(head / (Hq / Hkv)) * room * D;

  auto fetch = [&](int tile, int buffer) {
#pragma unroll
    for (int j = 0; j < N * D / 8 / 256; j++) {
      const int piece = tid + 256 * j, r = piece / (D / 8), c = piece % (D / 8), position = tile * N + r;
      const bool there = position < end;
      const i64 from = at_head + (i64)(there ? position : 0) * D + c * 8;
      const uint32_t to = base + buffer * 2 * TILE + swizzled<D, N>(r, c);
      copy16(to, k + from, there ? 16 : 0);
      copy16(to + TILE, v + from, there ? 16 : 0);
    }
    copy_commit();
  };
  fetch(0, 0);

  const int mine = row0 + warp * 16 + lane / 4;  // and 8 further
  uint32_t qs[D / 16][4];
  const float *mine_q = q + ((i64)mine * Hq + head) * D;
  load_queries<D>(qs, {mine < rows ? mine_q : nullptr, mine + 8 < rows ? mine_q + 8 * Hq * D : nullptr});

  TileState<D> s;
  float in_block[2] = {-INFINITY, -INFINITY};
  const int last = start + row0 + warp * 16 + 15;  // the warp's last query
  for (int tile = 0; tile < tiles; tile++) {
    if (tile + 1 < tiles) fetch(tile + 1, (tile + 1) % 2);
    else copy_commit();
    copy_wait<1>();
    __syncthreads();
    if (tile * N <= last) {
      const int first = start + mine - tile * N + 1, seen[2] = {first, first + 8};
      const uint32_t keys = base + tile % 2 * 2 * TILE;
      float largest[2];
      attend_tile<D, N>(s, qs, keys, keys + TILE, seen, scale * LOG2E, largest);
      if (maxima != nullptr) {
        const bool ends = (tile + 1) * N % block == 0 || tile == min(tiles - 1, last / N);
#pragma unroll
        for (int r = 0; r < 2; r++) {
          in_block[r] = fmaxf(in_block[r], largest[r]);
          const int row = mine + 8 * r;
          if (!ends) continue;
          if (lane % 4 == 0 && row < rows) maxima[((i64)row * Hq + head) * all + tile * N / block] = in_block[r] * scale;
          in_block[r] = -INFINITY;
        }
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int r = 0; r < 2; r++) {
    const float sum = quad_sum(s.sum[r]);
    const int row = mine + 8 * r;
    if (row >= rows) continue;
    float *to = out + ((i64)row * Hq + head) * D + lane % 4 * 2;
#pragma unroll
    for (int c = 0; c < D / 8; c++)
      *(float2 *)(to + c * 8) = {s.out[c][2 * r] / sum, s.out[c][2 * r + 1] / sum};
    if (maxima != nullptr && lane % 4 == 0) lse[(i64)row * Hq + head] = s.most[r] * LN2 + logf(sum);
  }
}

#define FULL_TENSOR(D)                                                                                                  \
  KERNEL __launch_bounds__(256, 1) full_tensor_##D(const float *q, const __half *k, const __half *v, float *out,            \
                                                   float *maxima, float *lse, int rows, int Hq, int Hkv, int room,         \
                                                   int start, int block, int all, float scale) {                          \
    full_tensor<D>(q, k, v, out, maxima, lse, rows, Hq, Hkv, room, start, block, all, scale);                              \
  }
FULL_TENSOR(64)
FULL_TENSOR(128)
