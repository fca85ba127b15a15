#include "../cuda/common.cuh"

// y [rows, width] = silu(gate) * up of gateUp [rows, 2 width].
template <typename T> __device__ __forceinline__ void swiglu_value(const float *gate_up, T *y, int rows, int width) {
  const i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= (i64)rows * width) return;
  const i64 at = i / width * 2 * width + i % width;
  const float gate = gate_up[at];
  y[i] = (T)(gate * sigmoid(gate) * gate_up[at + width]);
}

KERNEL swiglu_floats(const float *gate_up, float *y, int rows, int width) { swiglu_value(gate_up, y, rows, width); }
KERNEL swiglu_halves(const float *gate_up, __half *y, int rows, int width) { swiglu_value(gate_up, y, rows, width); }
