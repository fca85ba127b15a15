#include "../attention/attend_tensor.cuh"

// Attention of a chunk to each query's last `window` positions and the `first` of the context, out [rows, Hq, D]: 128 queries of one
// head by 8 warps, past tiles of 64 keys in two buffers. Older positions lie in the ring, those of the chunk in own_k, own_v;
// `sinks` [Hq] or none.
template <int D>
__device__ __forceinline__ void window_chunk(const float *q, const Keys &k, const Keys &v, const float *sinks, float *out, int Hq,
                                             int Hkv, int window, float scale) {
  constexpr int N = 64, TILE = N * D * 2;
  extern __shared__ __align__(128) uint8_t shared[];
  const uint32_t base = shared_address(shared);
  const int tid = threadIdx.x, lane = tid % 32, warp = tid / 32, head = blockIdx.y, row0 = blockIdx.x * 128;
  const int rows = k.rows, start = k.start, first = k.first, end = start + min(rows, row0 + 128);
  const int heading = (min(first, end) + N - 1) / N, from = max(heading, max(0, start + row0 - window + 1) / N);
  const int tiles = heading + max(0, (end + N - 1) / N - from);
  auto tile_at = [&](int i) { return i < heading ? i : from + i - heading; };

  auto fetch = [&](int i) {
#pragma unroll
    for (int j = 0; j < N * D / 8 / 256; j++) {
      const int piece = tid + 256 * j, r = piece / (D / 8), c = piece % (D / 8), position = tile_at(i) * N + r;
      // Nothing before the chunk's first window is in the ring any more.
      const bool there = position < end && (position < first || position > start - window);
      const int read = there ? position : end - 1;
      const uint32_t to = base + i % 2 * 2 * TILE + swizzled<D, N>(r, c);
      copy16(to, key_row(k, head / (Hq / Hkv), read, D) + c * 8, there ? 16 : 0);
      copy16(to + TILE, key_row(v, head / (Hq / Hkv), read, D) + c * 8, there ? 16 : 0);
    }
  };
  fetch(0);
  copy_commit();

  const int mine = row0 + warp * 16 + lane / 4;  // and 8 further
  uint32_t qs[D / 16][4];
  const float *mine_q = q + ((i64)mine * Hq + head) * D;
  load_queries<D>(qs, {mine < rows ? mine_q : nullptr, mine + 8 < rows ? mine_q + 8 * Hq * D : nullptr});

  TileState<D> s;
  const int before = start + row0 + warp * 16;  // the warp's first query
  for (int i = 0; i < tiles; i++) {
    if (i + 1 < tiles) fetch(i + 1);
    copy_commit();
    copy_wait<1>();
    __syncthreads();
    const int at = tile_at(i) * N;
    if (at <= before + 15 && (at < first || at + N > before - window + 1)) {
      const int own = start + mine - at + 1, seen[2] = {own, own + 8};
      const Hidden hidden{first - at, {own - window, own + 8 - window}};
      const uint32_t keys = base + i % 2 * 2 * TILE;
      float largest[2];
      attend_tile<D, N, true>(s, qs, keys, keys + TILE, seen, scale * LOG2E, largest, hidden);
    }
    __syncthreads();
  }
#pragma unroll
  for (int r = 0; r < 2; r++) {
    const float sum = quad_sum(s.sum[r]), sink = sinks == nullptr ? -INFINITY : sinks[head] * LOG2E;
    const int row = mine + 8 * r;
    if (row >= rows) continue;
    const float most = fmaxf(s.most[r], sink), fade = exp2f(s.most[r] - most);
    const float factor = fade / (sum * fade + exp2f(sink - most));
    float *to = out + ((i64)row * Hq + head) * D + lane % 4 * 2;
#pragma unroll
    for (int c = 0; c < D / 8; c++) *(float2 *)(to + c * 8) = {s.out[c][2 * r] * factor, s.out[c][2 * r + 1] * factor};
  }
}

#define WINDOW_CHUNK(D)                                                                                                 \
  KERNEL __launch_bounds__(256, 1) window_chunk_##D(const float *q, const __half *ring_k, const __half *ring_v,            \
                                                    const __half *own_k, const __half *own_v, const float *sinks,          \
                                                    float *out, int rows, int Hq, int Hkv, int ring, int start,           \
                                                    int window, int first, float scale) {                                 \
    window_chunk<D>(q, {ring_k, own_k, ring, first, start, rows}, {ring_v, own_v, ring, first, start, rows}, sinks, out,   \
                    Hq, Hkv, window, scale);                                                                            \
  }
WINDOW_CHUNK(64)
WINDOW_CHUNK(128)
