#include "../cuda/warpgroup.cuh"

// y [rows, outputs] = x [rows, inputs] times weight [outputs, inputs] of halves, plus `residual` where there is one.

// One row: a warp for each output; reads the weights once, 16 bytes a lane where inputs allow.
KERNEL linear_row(const float *x, const __half *weight, const float *residual, float *y, int inputs, int outputs) {
  const int o = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (o >= outputs) return;
  const __half *w = weight + (i64)o * inputs;
  float sum = 0;
  if (inputs % 8 == 0) {
#pragma unroll 4
    for (int i = lane * 8; i < inputs; i += 256) {
      const uint4 packed = __ldcs((const uint4 *)(w + i));
      const float4 a = *(const float4 *)(x + i), b = *(const float4 *)(x + i + 4);
      const float2 p = __half22float2(*(const __half2 *)&packed.x), q = __half22float2(*(const __half2 *)&packed.y);
      const float2 r = __half22float2(*(const __half2 *)&packed.z), s = __half22float2(*(const __half2 *)&packed.w);
      sum += p.x * a.x + p.y * a.y + q.x * a.z + q.y * a.w + r.x * b.x + r.y * b.y + s.x * b.z + s.y * b.w;
    }
  } else {
    for (int i = lane; i < inputs; i += 32) sum = fmaf(x[i], __half2float(w[i]), sum);
  }
  sum = warp_sum(sum);
  if (lane == 0) y[o] = residual == nullptr ? sum : sum + residual[o];
}

// Any shape, products and sums in float32: tiles of 64 x 64 by 256 threads.
KERNEL linear_plain(const float *x, const __half *weight, const float *residual, float *y, int rows, int inputs,
                    int outputs) {
  __shared__ float xs[16][64 + 4], ws[16][64 + 4];
  const int row0 = blockIdx.y * 64, out0 = blockIdx.x * 64, tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  float sums[4][4] = {};
  for (int base = 0; base < inputs; base += 16) {
    for (int j = threadIdx.x; j < 64 * 16; j += 256) {
      const int r = j / 16, i = base + j % 16;
      xs[j % 16][r] = row0 + r < rows && i < inputs ? x[(i64)(row0 + r) * inputs + i] : 0;
      ws[j % 16][r] = out0 + r < outputs && i < inputs ? __half2float(weight[(i64)(out0 + r) * inputs + i]) : 0;
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < 16; i++) {
      const float4 a = *(const float4 *)&xs[i][4 * ty], b = *(const float4 *)&ws[i][4 * tx];
      const float as[4] = {a.x, a.y, a.z, a.w}, bs[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
      for (int r = 0; r < 4; r++)
#pragma unroll
        for (int o = 0; o < 4; o++) sums[r][o] = fmaf(as[r], bs[o], sums[r][o]);
    }
    __syncthreads();
  }
  for (int r = 0; r < 4; r++)
    for (int o = 0; o < 4; o++) {
      const int row = row0 + 4 * ty + r, out = out0 + 4 * tx + o;
      if (row >= rows || out >= outputs) continue;
      const i64 at = (i64)row * outputs + out;
      y[at] = residual == nullptr ? sums[r][o] : sums[r][o] + residual[at];
    }
}

// Tensor cores, x already of halves: tiles of 128 x 256 by two warpgroups of 64 rows each, 64 inputs at a time, four buffers of
// which two are on their way. `inputs` must be a multiple of 8. Shared memory: LINEAR_STAGES * 48 KiB and 1 KiB to align.
constexpr int LINEAR_STAGES = 4, LINEAR_ROWS = 128, LINEAR_OUTS = 256, LINEAR_INPUTS = 64;
constexpr int LINEAR_X = LINEAR_ROWS * LINEAR_INPUTS * 2, LINEAR_STAGE = LINEAR_X + LINEAR_OUTS * LINEAR_INPUTS * 2;

KERNEL __launch_bounds__(256, 1) linear_tensor(const __half *x, const __half *weight, const float *residual, float *y, int rows,
                                               int inputs, int outputs) {
  extern __shared__ uint8_t unaligned[];
  const uint32_t base = (shared_address(unaligned) + 1023) & ~1023u;
  const int tid = threadIdx.x, lane = tid % 32, warp = tid / 32, group = warp / 4;
  const int row0 = blockIdx.x * LINEAR_ROWS, out0 = blockIdx.y * LINEAR_OUTS, steps = (inputs + LINEAR_INPUTS - 1) / LINEAR_INPUTS;

  auto fetch = [&](int step) {
    const int i = step * LINEAR_INPUTS + tid % 8 * 8;
    const uint32_t to = base + step % LINEAR_STAGES * LINEAR_STAGE;
#pragma unroll
    for (int j = 0; j < LINEAR_ROWS / 32; j++) {
      const int r = tid / 8 + 32 * j;
      const bool there = row0 + r < rows && i < inputs;
      copy16(to + swizzled<64>(r, tid % 8), there ? x + (i64)(row0 + r) * inputs + i : x, there ? 16 : 0);
    }
#pragma unroll
    for (int j = 0; j < LINEAR_OUTS / 32; j++) {
      const int r = tid / 8 + 32 * j;
      const bool there = out0 + r < outputs && i < inputs;
      copy16(to + LINEAR_X + swizzled<64>(r, tid % 8), there ? weight + (i64)(out0 + r) * inputs + i : weight, there ? 16 : 0);
    }
  };
  float sums[128];
  for (int step = 0; step < 2; step++) {
    if (step < steps) fetch(step);
    copy_commit();
  }
  for (int step = 0; step < steps; step++) {
    copy_wait<1>();
    group_visible();
    __syncthreads();
    const uint32_t at = base + step % LINEAR_STAGES * LINEAR_STAGE;
    const uint64_t a = group_operand(at + group * (LINEAR_X / 2)), b = group_operand(at + LINEAR_X);
    group_fence();
#pragma unroll
    for (int j = 0; j < LINEAR_INPUTS / 16; j++) group_multiply(sums, a + 2 * j, b + 2 * j, step + j > 0);
    group_commit();
    // Into the buffer of two steps ago: every warpgroup has waited for its products before the barrier above.
    if (step + 2 < steps) fetch(step + 2);
    copy_commit();
    group_wait<1>();
  }
  group_wait<0>();
#pragma unroll
  for (int n = 0; n < LINEAR_OUTS / 8; n++)
#pragma unroll
    for (int r = 0; r < 2; r++) {
      const int row = row0 + warp * 16 + lane / 4 + 8 * r, out = out0 + n * 8 + lane % 4 * 2;
      if (row >= rows) continue;
      const i64 to = (i64)row * outputs + out;
      const float a = sums[4 * n + 2 * r], b = sums[4 * n + 2 * r + 1];
      if (out + 1 < outputs && outputs % 2 == 0) {
        const float2 add = residual == nullptr ? float2{0, 0} : *(const float2 *)(residual + to);
        *(float2 *)(y + to) = {a + add.x, b + add.y};
        continue;
      }
      if (out < outputs) y[to] = a + (residual == nullptr ? 0 : residual[to]);
      if (out + 1 < outputs) y[to + 1] = b + (residual == nullptr ? 0 : residual[to + 1]);
    }
}

// Rounds `count` values to 16 bits, two at a time.
KERNEL to_halves(const float *x, __half *y, i64 count) {
  const i64 i = 2 * ((i64)blockIdx.x * blockDim.x + threadIdx.x);
  if (i + 1 < count) *(__half2 *)(y + i) = __float22half2_rn(*(const float2 *)(x + i));
  else if (i < count) y[i] = __float2half_rn(x[i]);
}
