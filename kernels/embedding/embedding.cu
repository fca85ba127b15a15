#include "../cuda/common.cuh"

// x [rows, width] = rows of a table of halves [vocabulary, width].
KERNEL embedding(const uint32_t *tokens, const __half *table, float *x, int width) {
  const int row = blockIdx.x;
  const __half *from = table + (i64)tokens[row] * width;
  for (int e = threadIdx.x; e < width; e += blockDim.x) x[(i64)row * width + e] = __half2float(from[e]);
}
