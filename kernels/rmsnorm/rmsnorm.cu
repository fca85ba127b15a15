#include "../cuda/common.cuh"

// y [rows, width] = x / sqrt(mean x^2 + eps) * weight; a block of threads for each row.
KERNEL rmsnorm(const float *x, const float *weight, float *y, int width, float eps) {
  __shared__ float sums[32];
  const float *from = x + (i64)blockIdx.x * width;
  float squares = 0;
  for (int e = threadIdx.x; e < width; e += blockDim.x) squares += from[e] * from[e];
  squares = warp_sum(squares);
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = squares;
  __syncthreads();
  float total = 0;
  for (int w = 0; w < blockDim.x / 32; w++) total += sums[w];
  const float root = sqrtf(total / width + eps);
  for (int e = threadIdx.x; e < width; e += blockDim.x) y[(i64)blockIdx.x * width + e] = from[e] / root * weight[e];
}
