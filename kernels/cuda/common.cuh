// What the CUDA forms of the operations share. Activations are float32, matrices and KV caches 16-bit floats, sums float32.
#pragma once
#include <cuda_fp16.h>
#include <stdint.h>

#define KERNEL extern "C" __global__ void

typedef long long i64;

constexpr unsigned ALL_LANES = 0xffffffffu;
// A list's unused slot: all bits set.
constexpr uint32_t NO_BLOCK = 0xffffffffu;

__device__ __forceinline__ float warp_sum(float x) {
#pragma unroll
  for (int i = 16; i; i >>= 1) x += __shfl_xor_sync(ALL_LANES, x, i);
  return x;
}

__device__ __forceinline__ float warp_max(float x) {
#pragma unroll
  for (int i = 16; i; i >>= 1) x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, i));
  return x;
}

__device__ __forceinline__ float quad_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, 1));
  return fmaxf(x, __shfl_xor_sync(ALL_LANES, x, 2));
}

__device__ __forceinline__ float quad_sum(float x) {
  x += __shfl_xor_sync(ALL_LANES, x, 1);
  return x + __shfl_xor_sync(ALL_LANES, x, 2);
}

__device__ __forceinline__ float sigmoid(float x) { return 1.f / (1.f + expf(-x)); }

// Where the keys (and values) of a layer lie: halves [Hkv, room, d]. A window's older positions lie in a ring whose first
// rows stay (ringRow); those of the chunk itself, from position `start` on, in `own`, [Hkv, rows, d], where there is one.
struct Keys {
  const __half *cache, *own;
  int room, first, start, rows;
};

__device__ __forceinline__ const __half *key_row(const Keys &keys, int head, int position, int d) {
  if (keys.own != nullptr && position >= keys.start)
    return keys.own + ((i64)head * keys.rows + (position - keys.start)) * d;
  int row = position;
  if (keys.first >= 0 && position >= keys.first)  // -1: no ring, every position has its own row
    row = keys.first + (position - keys.first) % (keys.room - keys.first);
  return keys.cache + ((i64)head * keys.room + row) * d;
}
