// The bulk copy engine and the barriers in shared memory that it completes.
#pragma once
#include "tensor.cuh"

// CUtensorMap, as cuTensorMapEncodeTiled fills it: 16-bit floats [heads, rows, D], tiles of 64 of D by as many rows as it was
// made with, swizzled as swizzled<64> says; rows beyond its end read as zeros.
struct alignas(64) TensorMap {
  uint64_t words[16];
};

__device__ __forceinline__ void barrier_open(uint32_t barrier, int arrivals) {
  asm volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals));
}
// What barrier_open did becomes visible to the copy engine; a barrier of the threads follows.
__device__ __forceinline__ void barriers_opened() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
__device__ __forceinline__ void barrier_arrive(uint32_t barrier) {
  asm volatile("mbarrier.arrive.shared.b64 _, [%0];" ::"r"(barrier) : "memory");
}
// Arrives, and makes the phase wait for as many bytes of copies too.
__device__ __forceinline__ void barrier_expect(uint32_t barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}
// Whether the phase of that parity is over.
__device__ __forceinline__ bool barrier_passed(uint32_t barrier, int parity) {
  int passed;
  asm volatile("{.reg .pred p;\nmbarrier.try_wait.parity.shared.b64 p, [%1], %2;\nselp.b32 %0, 1, 0, p;}"
               : "=r"(passed) : "r"(barrier), "r"(parity) : "memory");
  return passed;
}
__device__ __forceinline__ void barrier_wait(uint32_t barrier, int parity) {
  asm volatile("{.reg .pred p;\nagain: mbarrier.try_wait.parity.shared.b64 p, [%0], %1;\n@p bra.uni done;\nbra.uni again;\ndone:}"
               ::"r"(barrier), "r"(parity) : "memory");
}
// The same, asleep meanwhile: for warps that only start copies.
__device__ __forceinline__ void barrier_wait_asleep(uint32_t barrier, int parity) {
  asm volatile("{.reg .pred p;\nagain: mbarrier.try_wait.parity.shared.b64 p, [%0], %1, %2;\n@p bra.uni done;\nbra.uni again;\ndone:}"
               ::"r"(barrier), "r"(parity), "r"(10000000) : "memory");
}

// Copies a tile from column `x` and row `y` of `head` to shared memory; `barrier` counts its bytes.
__device__ __forceinline__ void copy_tile(uint32_t to, const TensorMap &map, int x, int y, int head, uint32_t barrier) {
  asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2,%3,%4}], [%5];"
               ::"r"(to), "l"(&map), "r"(x), "r"(y), "r"(head), "r"(barrier) : "memory");
}

// The same for what is read once: it does not stay in the cache.
__device__ __forceinline__ void copy_tile_once(uint32_t to, const TensorMap &map, int x, int y, int head, uint32_t barrier) {
  uint64_t policy;
  asm volatile("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1, {%2,%3,%4}], "
               "[%5], %6;" ::"r"(to), "l"(&map), "r"(x), "r"(y), "r"(head), "r"(barrier), "l"(policy) : "memory");
}

template <int REGISTERS> __device__ __forceinline__ void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(REGISTERS));
}
template <int REGISTERS> __device__ __forceinline__ void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(REGISTERS));
}
