#include "../cuda/common.cuh"

// y [rows, width] = silu(gate) * up of gateUp [rows, 2 width].
KERNEL swiglu(const float *gate_up, float *y, int rows, int width) {
  const i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= (i64)rows * width) return;
  const i64 at = i / width * 2 * width + i % width;
  const float gate = gate_up[at];
  y[i] = gate * sigmoid(gate) * gate_up[at + width];
}
