#include "../cuda/common.cuh"

// out [rows, heads d] = sigmoid(sparse gate) sparse + sigmoid(window gate) window. The gates lie in `projected`, rows of
// `stride`, from column `gates` on: `count` for each branch, one for each head or for each value.
KERNEL gate_fusion(const float *sparse, const float *window, const float *projected, float *out, int rows, int width,
                   int stride, int gates, int count) {
  const i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= (i64)rows * width) return;
  const int row = (int)(i / width);
  const int gate = (int)(i % width) / (width / count);
  const float *from = projected + (i64)row * stride + gates + gate;
  out[i] = sigmoid(from[0]) * sparse[i] + sigmoid(from[count]) * window[i];
}
