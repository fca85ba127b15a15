// Products of a warpgroup on tensor cores: 64 x 256 x 16 of 16-bit floats that lie in shared memory, float32 sums in registers.
#pragma once
#include "tensor.cuh"

// Rows of 64 halves, swizzled as swizzled<64> says: eight rows are 1,024 bytes; 16 halves further is 32 bytes more. `columns`:
// bytes from one 64 columns to the next, of an operand that is read by columns.
__device__ __forceinline__ uint64_t group_operand(uint32_t address, int columns = 16) {
  return (uint64_t)((address & 0x3FFFF) >> 4) | ((uint64_t)(columns >> 4) << 16) | (64ull << 32) | (1ull << 62);
}
__device__ __forceinline__ void group_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void group_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N> __device__ __forceinline__ void group_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}
// What was copied to shared memory becomes visible to the tensor cores.
__device__ __forceinline__ void group_visible() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// Registers of sums as operands of an instruction, 32 at a time: their constraints, and their names where they come first.
#define SUMS_8(d, i)                                                                                                    \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])
#define SUMS_32(d, i) SUMS_8(d, i), SUMS_8(d, i + 8), SUMS_8(d, i + 16), SUMS_8(d, i + 24)
#define NAMES_0    \
  "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15," \
  "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define NAMES_32   \
  "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47," \
  "%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define NAMES_64   \
  "%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79," \
  "%80,%81,%82,%83,%84,%85,%86,%87,%88,%89,%90,%91,%92,%93,%94,%95"
#define NAMES_96   \
  "%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,%110,%111," \
  "%112,%113,%114,%115,%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127"

// d += a b^T, or = where `add` is 0.
__device__ __forceinline__ void group_multiply(float (&d)[128], uint64_t a, uint64_t b, int add) {
  asm volatile("{.reg .pred p; setp.ne.b32 p, %130, 0;\n"
               "wgmma.mma_async.sync.aligned.m64n256k16.f32.f16.f16 {" NAMES_0 "," NAMES_32 "," NAMES_64 "," NAMES_96
               "}, %128, %129, p, 1, 1, 0, 0;}\n"
               : SUMS_32(d, 0), SUMS_32(d, 32), SUMS_32(d, 64), SUMS_32(d, 96)
               : "l"(a), "l"(b), "r"(add));
}

// d += a b, or = where `add` is 0: a 64 x 16 in registers, b 16 x 128 by columns, or with BY_ROWS by rows.
template <bool BY_ROWS>
__device__ __forceinline__ void group_multiply(float (&d)[64], const uint32_t (&a)[4], uint64_t b, int add) {
  asm volatile("{.reg .pred p; setp.ne.b32 p, %69, 0;\n"
               "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 {" NAMES_0 "," NAMES_32
               "}, {%64,%65,%66,%67}, %68, p, 1, 1, %70;}\n"
               : SUMS_32(d, 0), SUMS_32(d, 32)
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add), "n"((int)BY_ROWS));
}

// The same with b 16 x 64.
template <bool BY_ROWS>
__device__ __forceinline__ void group_multiply(float (&d)[32], const uint32_t (&a)[4], uint64_t b, int add) {
  asm volatile("{.reg .pred p; setp.ne.b32 p, %37, 0;\n"
               "wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 {" NAMES_0
               "}, {%32,%33,%34,%35}, %36, p, 1, 1, %38;}\n"
               : SUMS_32(d, 0)
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add), "n"((int)BY_ROWS));
}

// The registers of finished products: nothing that uses them may move before this.
template <int N> __device__ __forceinline__ void group_done(float (&d)[N]) {
#pragma unroll
  for (int i = 0; i < N; i++) asm volatile("" : "+f"(d[i])::"memory");
}
