#include "../cuda/common.cuh"

// A ring gains a chunk: of halves [Hkv, rows, d] at positions start .. those that later positions of the chunk do not overwrite.
KERNEL append(const __half *chunk_k, const __half *chunk_v, __half *ring_k, __half *ring_v, int rows, int start, int d,
              int ring, int first) {
  const int row = blockIdx.x, head = blockIdx.y, position = start + row;
  if (position >= first && position < start + rows - (ring - first)) return;
  const int at = position < first ? position : first + (position - first) % (ring - first);
  const i64 from = ((i64)head * rows + row) * d, to = ((i64)head * ring + at) * d;
  for (int e = threadIdx.x; e < d; e += blockDim.x) {
    ring_k[to + e] = chunk_k[from + e];
    ring_v[to + e] = chunk_v[from + e];
  }
}
