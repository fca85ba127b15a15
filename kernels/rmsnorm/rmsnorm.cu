#include "../cuda/common.cuh"

// y [rows, width] = x / sqrt(mean x^2 + eps) * weight; a block of threads for each row.
template <typename T>
__device__ __forceinline__ void rmsnorm_row(const float *x, const float *weight, T *y, int width, float eps) {
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
  for (int e = threadIdx.x; e < width; e += blockDim.x) y[(i64)blockIdx.x * width + e] = (T)(from[e] / root * weight[e]);
}

KERNEL rmsnorm_floats(const float *x, const float *weight, float *y, int width, float eps) {
  rmsnorm_row(x, weight, y, width, eps);
}
KERNEL rmsnorm_halves(const float *x, const float *weight, __half *y, int width, float eps) {
  rmsnorm_row(x, weight, y, width, eps);
}
