#include "../attention/attend_tensor.cuh"

// Block-sparse attention of a chunk, block by block (plan.cu): four warps take the queries that chose a block, 16 rows of (query, head
// of the group) at a time, past its 64 keys. What one block gives a row is complete: normalised, in 16 bits, with the log2 of its sum
// of exponentials, at partial [rows, Hq, slots, D] and lse [rows, Hq, slots]. Values lie as the tensor cores leave them in a thread, eight
// to a 16-byte store; merge_blocks puts them in order.
template <int D>
__device__ __forceinline__ void block_tiles(const float *q, const __half *k, const __half *v, const int *offsets,
                                            const int *items, const int *entries, __half *partial, float *lse, int rows, int Hq,
                                            int Hkv, int room, int start, int slots, int all, int most, float scale) {
  constexpr int N = 64, TILE = N * D * 2;
  extern __shared__ __align__(128) uint8_t shared[];
  const uint32_t base = shared_address(shared);
  const int tid = threadIdx.x, lane = tid % 32, warp = tid / 32, G = Hq / Hkv, lists = Hkv * all, item = blockIdx.x;
  if (item >= items[lists]) return;
  int list = 0;  // the last whose first item is not beyond this one
  for (int low = 0, high = lists - 1; low <= high;) {
    const int middle = (low + high) / 2;
    if (items[middle] <= item) list = middle, low = middle + 1;
    else high = middle - 1;
  }
  const int head = list / all, block = list % all, from = offsets[list] + (item - items[list]) * most;
  const int count = min(most, offsets[list + 1] - from) * G;

  for (int piece = tid; piece < N * D / 8; piece += 128) {
    const int r = piece / (D / 8), c = piece % (D / 8), position = block * N + r;
    const bool there = position < start + rows;
    const i64 at = ((i64)head * room + (there ? position : 0)) * D + c * 8;
    copy16(base + swizzled<D, N>(r, c), k + at, there ? 16 : 0);
    copy16(base + TILE + swizzled<D, N>(r, c), v + at, there ? 16 : 0);
  }
  copy_commit();
  copy_wait<0>();
  __syncthreads();

  for (int group = warp * 16; group < count; group += 64) {
    int entry[2], head_of[2], seen[2];
    const float *queries[2];
#pragma unroll
    for (int r = 0; r < 2; r++) {
      const int i = group + lane / 4 + 8 * r;
      entry[r] = i < count ? entries[from + i / G] : -1;
      head_of[r] = head * G + i % G;
      const int row = entry[r] / slots;
      queries[r] = entry[r] < 0 ? nullptr : q + ((i64)row * Hq + head_of[r]) * D;
      seen[r] = entry[r] < 0 ? 1 : start + row + 1 - block * N;
    }
    uint32_t qs[D / 16][4];
    load_queries<D>(qs, queries);
    TileState<D> s;
    float largest[2];
    attend_tile<D, N>(s, qs, base, base + TILE, seen, scale * LOG2E, largest);
#pragma unroll
    for (int r = 0; r < 2; r++) {
      const float sum = quad_sum(s.sum[r]), factor = 1.f / sum;
      if (entry[r] < 0) continue;
      const i64 to = ((i64)(entry[r] / slots) * Hq + head_of[r]) * slots + entry[r] % slots;
      uint4 *rows_to = (uint4 *)(partial + to * D) + lane % 4;
#pragma unroll
      for (int j = 0; j < D / 32; j++)
        rows_to[4 * j] = {pack_halves(s.out[4 * j][2 * r] * factor, s.out[4 * j][2 * r + 1] * factor),
                          pack_halves(s.out[4 * j + 1][2 * r] * factor, s.out[4 * j + 1][2 * r + 1] * factor),
                          pack_halves(s.out[4 * j + 2][2 * r] * factor, s.out[4 * j + 2][2 * r + 1] * factor),
                          pack_halves(s.out[4 * j + 3][2 * r] * factor, s.out[4 * j + 3][2 * r + 1] * factor)};
      if (lane % 4 == 0) lse[to] = s.most[r] + log2f(sum);
    }
  }
}

// out [rows, Hq, D] from what each row's blocks gave, and its sink; D / 8 threads for each row.
template <int D>
__device__ __forceinline__ void merge_blocks(const __half *partial, const float *lse, const uint32_t *blocks, const float *sinks,
                                             float *out, int count, int Hq, int Hkv, int slots) {
  constexpr int THREADS = D / 8;
  const int i = blockIdx.x * (blockDim.x / THREADS) + threadIdx.x / THREADS, piece = threadIdx.x % THREADS;
  if (i >= count) return;
  const int head = i % Hq;
  const uint32_t *list = blocks + ((i64)(i / Hq) * Hkv + head / (Hq / Hkv)) * slots;
  const float *logs = lse + (i64)i * slots;
  const float sink = sinks == nullptr ? -INFINITY : sinks[head] * LOG2E;
  float most = sink;
  int used = 0;
  while (used < slots && list[used] != NO_BLOCK) most = fmaxf(most, logs[used++]);
  float sum = exp2f(sink - most), values[8] = {};
#pragma unroll 8
  for (int slot = 0; slot < used; slot++) {
    const float weight = exp2f(logs[slot] - most);
    const uint4 packed = __ldcs((const uint4 *)(partial + ((i64)i * slots + slot) * D) + piece);
    const uint32_t words[4] = {packed.x, packed.y, packed.z, packed.w};
    sum += weight;
#pragma unroll
    for (int w = 0; w < 4; w++) {
      const float2 x = __half22float2(*(const __half2 *)&words[w]);
      values[2 * w] = fmaf(weight, x.x, values[2 * w]);
      values[2 * w + 1] = fmaf(weight, x.y, values[2 * w + 1]);
    }
  }
  float *to = out + (i64)i * D + piece / 4 * 32 + piece % 4 * 2;
#pragma unroll
  for (int w = 0; w < 4; w++) *(float2 *)(to + 8 * w) = {values[2 * w] / sum, values[2 * w + 1] / sum};
}

#define BLOCK_TILES(D)                                                                                                  \
  KERNEL __launch_bounds__(128, 2) block_tiles_##D(const float *q, const __half *k, const __half *v, const int *offsets,   \
                                                   const int *items, const int *entries, __half *partial, float *lse,    \
                                                   int rows, int Hq, int Hkv, int room, int start, int slots, int all,    \
                                                   int most, float scale) {                                            \
    block_tiles<D>(q, k, v, offsets, items, entries, partial, lse, rows, Hq, Hkv, room, start, slots, all, most, scale);   \
  }                                                                                                                    \
  KERNEL merge_blocks_##D(const __half *partial, const float *lse, const uint32_t *blocks, const float *sinks, float *out,  \
                          int count, int Hq, int Hkv, int slots) {                                                     \
    merge_blocks<D>(partial, lse, blocks, sinks, out, count, Hq, Hkv, slots);                                            \
  }
BLOCK_TILES(64)
BLOCK_TILES(128)
