#include "../cuda/tensor.cuh"

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

// Tensor cores: tiles of 128 x 128 by 8 warps of 64 x 32, 32 inputs at a time, two buffers. `x` is rounded to 16 bits on its
// way to shared memory. `inputs` must be a multiple of 8.
KERNEL __launch_bounds__(256, 1) linear_tensor(const float *x, const __half *weight, const float *residual, float *y, int rows,
                                               int inputs, int outputs) {
  constexpr int STRIDE = 40;  // halves: 80 bytes, so that eight rows' pieces share no bank
  __shared__ __align__(16) __half xs[2][128 * STRIDE], ws[2][128 * STRIDE];
  const int tid = threadIdx.x, lane = tid % 32, warp = tid / 32, wm = warp / 4, wn = warp % 4;
  const int row0 = blockIdx.y * 128, out0 = blockIdx.x * 128;
  float sums[4][4][4] = {};
  float4 held[4];

  auto fetch = [&](int base, int buffer) {
#pragma unroll
    for (int j = 0; j < 2; j++) {
      const int piece = tid + 256 * j, r = piece / 4, i = base + piece % 4 * 8;
      const bool there = out0 + r < outputs && i < inputs;
      copy16(shared_address(&ws[buffer][r * STRIDE + piece % 4 * 8]), there ? weight + (i64)(out0 + r) * inputs + i : weight,
             there ? 16 : 0);
    }
    copy_commit();
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int piece = tid + 256 * j, r = piece / 8, i = base + piece % 8 * 4;
      held[j] = row0 + r < rows && i < inputs ? *(const float4 *)(x + (i64)(row0 + r) * inputs + i) : float4{};
    }
  };
  auto store = [&](int buffer) {
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int piece = tid + 256 * j, r = piece / 8;
      *(uint2 *)&xs[buffer][r * STRIDE + piece % 8 * 4] = {pack_halves(held[j].x, held[j].y), pack_halves(held[j].z, held[j].w)};
    }
  };

  fetch(0, 0);
  store(0);
  copy_wait<0>();
  __syncthreads();
  for (int base = 0, buffer = 0; base < inputs; base += 32, buffer ^= 1) {
    const bool more = base + 32 < inputs;
    if (more) fetch(base + 32, buffer ^ 1);
    const uint32_t xa = shared_address(xs[buffer]), wa = shared_address(ws[buffer]);
#pragma unroll
    for (int step = 0; step < 2; step++) {
      uint32_t a[4][4], b[2][4];
#pragma unroll
      for (int m = 0; m < 4; m++)
        load_matrices(a[m], xa + ((wm * 64 + m * 16 + lane % 16) * STRIDE + step * 16 + lane / 16 * 8) * 2);
#pragma unroll
      for (int n = 0; n < 2; n++)
        load_matrices(b[n], wa + ((wn * 32 + n * 16 + lane / 16 * 8 + lane % 8) * STRIDE + step * 16 + lane / 8 % 2 * 8) * 2);
#pragma unroll
      for (int m = 0; m < 4; m++)
#pragma unroll
        for (int n = 0; n < 4; n++) multiply(sums[m][n], a[m], b[n / 2][n % 2 * 2], b[n / 2][n % 2 * 2 + 1]);
    }
    if (more) store(buffer ^ 1);
    copy_wait<0>();
    __syncthreads();
  }
#pragma unroll
  for (int m = 0; m < 4; m++)
#pragma unroll
    for (int n = 0; n < 4; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        const int row = row0 + wm * 64 + m * 16 + lane / 4 + e / 2 * 8, out = out0 + wn * 32 + n * 8 + lane % 4 * 2 + e % 2;
        if (row >= rows || out >= outputs) continue;
        const i64 at = (i64)row * outputs + out;
        y[at] = residual == nullptr ? sums[m][n][e] : sums[m][n][e] + residual[at];
      }
}
