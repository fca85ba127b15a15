// Vectors of float32 for WebAssembly and NEON (4 lanes), AVX2 (8) and AVX-512 (16); nothing of a C library.
#ifndef VECTOR_H
#define VECTOR_H
#include <stddef.h>
#include <stdint.h>

#if defined(__wasm__)
#include <wasm_simd128.h>
#define VW 4
#elif defined(__AVX512F__)
#include <immintrin.h>
#define VW 16
#elif defined(__AVX2__)
#include <immintrin.h>
#define VW 8
#else
#include <arm_neon.h>
#define VW 4
#endif

typedef float V __attribute__((vector_size(VW * 4)));
typedef int32_t VI __attribute__((vector_size(VW * 4)));
typedef float VU __attribute__((vector_size(VW * 4), aligned(4), may_alias));
typedef float X __attribute__((vector_size(16)));
typedef float XU __attribute__((vector_size(16), aligned(4), may_alias));
typedef size_t Z;

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))

INLINE V ld(const float *p) { return *(const VU *)p; }
INLINE void st(float *p, V v) { *(VU *)p = v; }

INLINE V splat(float f) {
#if defined(__wasm__)
  return (V)wasm_f32x4_splat(f);
#elif VW == 4
  return (V){f, f, f, f};
#elif VW == 8
  return (V)_mm256_set1_ps(f);
#else
  return (V)_mm512_set1_ps(f);
#endif
}

INLINE V lds(const float *p) {
#if defined(__wasm__)
  return (V)wasm_v128_load32_splat(p);
#else
  return splat(*p);
#endif
}

INLINE V vmax(V a, V b) {
#if defined(__wasm__) // pmax is one instruction; f32x4.max has NaN semantics and costs several
  return (V)wasm_f32x4_pmax((v128_t)a, (v128_t)b);
#elif VW == 16
  return (V)_mm512_max_ps((__m512)a, (__m512)b);
#elif VW == 8
  return (V)_mm256_max_ps((__m256)a, (__m256)b);
#else
  return (V)vmaxq_f32((float32x4_t)a, (float32x4_t)b);
#endif
}

// a b + c. Relaxed WebAssembly may round once or twice, by the processor.
INLINE V madd(V a, V b, V c) {
#if defined(__wasm__) && defined(RELAXED)
  return (V)__builtin_wasm_relaxed_madd_f32x4(a, b, c);
#elif VW == 16
  return (V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif VW == 8
  return (V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
  return (V)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}

INLINE float hmax(V a) {
  float m = a[0];
  for (int i = 1; i < VW; i++) m = a[i] > m ? a[i] : m;
  return m;
}

INLINE float hsum(V a) {
  float m = a[0];
  for (int i = 1; i < VW; i++) m += a[i];
  return m;
}

// Lanes of a wide vector added up four by four.
INLINE X quarter(V a) {
#if VW == 4
  return (X)a;
#elif VW == 8
  return __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
#else
  return (__builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7)) +
         (__builtin_shufflevector(a, a, 8, 9, 10, 11) + __builtin_shufflevector(a, a, 12, 13, 14, 15));
#endif
}

// The sums of four vectors.
INLINE X sums(V a, V b, V c, V d) {
  const X p = quarter(a), q = quarter(b), r = quarter(c), s = quarter(d);
  const X u = __builtin_shufflevector(p, q, 0, 4, 1, 5) + __builtin_shufflevector(p, q, 2, 6, 3, 7);
  const X w = __builtin_shufflevector(r, s, 0, 4, 1, 5) + __builtin_shufflevector(r, s, 2, 6, 3, 7);
  return __builtin_shufflevector(u, w, 0, 1, 4, 5) + __builtin_shufflevector(u, w, 2, 3, 6, 7);
}

INLINE void fill(float *p, Z n, float f) {
  for (Z i = 0; i < n; i++) p[i] = f;
}
#endif
