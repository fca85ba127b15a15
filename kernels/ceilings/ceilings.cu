#include "../cuda/tensor.cuh"

// Copies whole 16-byte words.
KERNEL stream_copy(const uint4 *from, uint4 *to, i64 words) {
  for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < words; i += (i64)gridDim.x * blockDim.x) to[i] = from[i];
}

// Reads whole 16-byte words `times` times over; what it finds decides whether anything is written, so nothing is skipped.
KERNEL stream_read(const uint4 *from, uint32_t *to, i64 words, int times) {
  uint32_t seen = 0;
  for (int round = 0; round < times; round++) {
#pragma unroll 8
    for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < words; i += (i64)gridDim.x * blockDim.x) {
      uint4 x;
      asm volatile("ld.global.cg.v4.u32 {%0,%1,%2,%3}, [%4];" : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w) : "l"(from + i));
      seen ^= x.x ^ x.y ^ x.z ^ x.w;
    }
  }
  if (seen == 0x9e3779b9u) to[0] = seen;
}

// Products of a warpgroup's 64 x 128 x 16 tiles, the left factor in registers, the right in shared memory: what the tensor cores
// do at most. `rounds` times four products by each of two warpgroups of a block: rounds * 2 * 4 * 2 * 64 * 128 * 16 operations.
KERNEL __launch_bounds__(256, 1) tensor_peak(const uint32_t *random, float *out, int rounds) {
  __shared__ __align__(1024) uint32_t tile[128 * 64 / 2];
  for (int i = threadIdx.x; i < 128 * 64 / 2; i += blockDim.x) tile[i] = random[i];
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  uint32_t a[4][4];
  for (int j = 0; j < 4; j++)
    for (int e = 0; e < 4; e++) a[j][e] = random[(threadIdx.x * 16 + j * 4 + e) % (128 * 64 / 2)];
  float d[64] = {};
  // 128 rows of 64 halves, 128-byte swizzle: eight rows are 1024 bytes, a step of 16 halves 32.
  const uint64_t b = (uint64_t)((shared_address(tile) & 0x3FFFF) >> 4) | (1ull << 16) | (64ull << 32) | (1ull << 62);
  for (int round = 0; round < rounds; round++) {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
    for (int j = 0; j < 4; j++)
      asm volatile(
          "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 "
          "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31,"
          "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,"
          "%61,%62,%63}, {%64,%65,%66,%67}, %68, 1, 1, 1, 0;\n"
          : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]),
            "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]),
            "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]), "+f"(d[26]),
            "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]), "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), "+f"(d[35]),
            "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39]), "+f"(d[40]), "+f"(d[41]), "+f"(d[42]), "+f"(d[43]), "+f"(d[44]),
            "+f"(d[45]), "+f"(d[46]), "+f"(d[47]), "+f"(d[48]), "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]),
            "+f"(d[54]), "+f"(d[55]), "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), "+f"(d[60]), "+f"(d[61]), "+f"(d[62]),
            "+f"(d[63])
          : "r"(a[j][0]), "r"(a[j][1]), "r"(a[j][2]), "r"(a[j][3]), "l"(b + 2 * j));
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
  }
  float sum = 0;
  for (int i = 0; i < 64; i++) sum += d[i];
  out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}
