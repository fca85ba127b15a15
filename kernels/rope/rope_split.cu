#include "../cuda/common.cuh"

// Cuts rows of `projected` (q | k | v | ..., `stride` values) of positions start ..: q [rows, Hq, d] and k rotated, k and v
// to halves [Hkv, room, d] from row `first_row` on. Angles are float64: a float32 product of position and frequency is off by
// whole turns' hundredths from some ten thousand positions on. Shared memory: d floats.
KERNEL rope_split(const float *projected, const double *frequencies, float *q, __half *k, __half *v, int stride, int start,
                  int Hq, int Hkv, int d, int room, int first_row) {
  extern __shared__ float turns[];
  const int row = blockIdx.x, half = d / 2;
  for (int i = threadIdx.x; i < half; i += blockDim.x) {
    double s, c;
    sincos((double)(start + row) * frequencies[i], &s, &c);
    turns[i] = (float)c;
    turns[half + i] = (float)s;
  }
  __syncthreads();
  const float *from = projected + (i64)row * stride;
  for (int j = threadIdx.x; j < (Hq + Hkv) * half; j += blockDim.x) {
    const int head = j / half, i = j % half;
    const float a = from[head * d + i], b = from[head * d + i + half];
    const float x = a * turns[i] - b * turns[half + i], y = b * turns[i] + a * turns[half + i];
    if (head < Hq) {
      float *to = q + ((i64)row * Hq + head) * d + i;
      to[0] = x;
      to[half] = y;
    } else {
      __half *to = k + ((i64)(head - Hq) * room + first_row + row) * d + i;
      to[0] = __float2half_rn(x);
      to[half] = __float2half_rn(y);
    }
  }
  const float *values = from + (Hq + Hkv) * d;
  for (int j = threadIdx.x; j < Hkv * d; j += blockDim.x)
    v[((i64)(j / d) * room + first_row + row) * d + j % d] = __float2half_rn(values[j]);
}
