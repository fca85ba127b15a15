// Register tiles of the two products. The K of up to 64 keys is packed as KT [d][64], so that logits need no sums across
// lanes; V [keys][ldv] is read where it lies. Loops are not unrolled: V8 has 15 vector registers and hoists the loads of a
// whole body, so that MR NV + MR + NV must fit (4 x 2 does; unrolling it by two costs a third). Tiles tried there: 4x2 and
// 3x3 37 GFLOP/s, 3x2 33, 6x1 30, 4x1 25, 3x4 23, 6x2 22.
//
// The result of a row does not depend on the tile that it is in: each row sums over d, then over keys, in ascending order.
#ifndef TILES_H
#define TILES_H
#include "vector.h"

#define KEYS 64 // keys of one visit, columns of KT

#if defined(__wasm__)
#define TALL 4
#define TALL_NV 2
#define NV_3 3
#elif VW == 8
#define TALL 6
#define TALL_NV 2
#define NV_3 2
#else // AVX-512 and NEON have 32 registers
#define TALL 6
#define TALL_NV 4
#define NV_3 4
#endif

#define NO_UNROLL _Pragma("clang loop unroll(disable)")

INLINE void qk_columns(const Z MR, const Z NV, Z d, const float *const *q, const float *p, float *s) {
  V acc[TALL][4];
  for (Z r = 0; r < MR; r++)
    for (Z n = 0; n < NV; n++) acc[r][n] = splat(0);
  const float *a[TALL];
  for (Z r = 0; r < MR; r++) a[r] = q[r];
  NO_UNROLL for (Z c = 0; c < d; c++) {
    V b[4];
    for (Z n = 0; n < NV; n++) b[n] = ld(p + n * VW);
    p += KEYS;
    for (Z r = 0; r < MR; r++) {
      const V t = lds(a[r] + c);
      for (Z n = 0; n < NV; n++) acc[r][n] = madd(t, b[n], acc[r][n]);
    }
  }
  for (Z r = 0; r < MR; r++)
    for (Z n = 0; n < NV; n++) st(s + r * KEYS + n * VW, acc[r][n]);
}

// s[r][j] = q_r . k_j for columns from .. to - 1 at least (whole vectors of the tile).
INLINE void qk(const Z MR, const Z NV, Z d, const float *const *q, const float *kt, float *s, Z from, Z to) {
  Z j = from / (NV * VW) * (NV * VW);
  for (; j < to && j + NV * VW <= KEYS; j += NV * VW) qk_columns(MR, NV, d, q, kt + j, s + j);
  if (KEYS % (NV * VW) != 0 && j < to) qk_columns(MR, KEYS / VW % NV, d, q, kt + j, s + j);
}

INLINE void pv_columns(const Z MR, const Z NV, const float *s, const float *p, Z ldv, float *const *o, const Z c,
                       const float *alpha, Z keys) {
  V acc[TALL][4];
  for (Z r = 0; r < MR; r++) {
    const V a = lds(alpha + r);
    for (Z n = 0; n < NV; n++) acc[r][n] = ld(o[r] + c + n * VW) * a;
  }
  NO_UNROLL for (Z j = 0; j < keys; j++) {
    V b[4];
    for (Z n = 0; n < NV; n++) b[n] = ld(p + n * VW);
    p += ldv;
    for (Z r = 0; r < MR; r++) {
      const V t = lds(s + r * KEYS);
      for (Z n = 0; n < NV; n++) acc[r][n] = madd(t, b[n], acc[r][n]);
    }
    s++;
  }
  for (Z r = 0; r < MR; r++)
    for (Z n = 0; n < NV; n++) st(o[r] + c + n * VW, acc[r][n]);
}

// o_r = alpha_r o_r + p_r V; ldv, a multiple of 16, is also the width of o.
INLINE void pv(const Z MR, const Z NV, const float *s, const float *v, Z ldv, float *const *o, const float *alpha,
               Z keys) {
  Z c = 0;
  for (; c + NV * VW <= ldv; c += NV * VW) pv_columns(MR, NV, s, v + c, ldv, o, c, alpha, keys);
  for (; c < ldv; c += VW) pv_columns(MR, 1, s, v + c, ldv, o, c, alpha, keys);
}

// The same logits with K as it lies, [keys][d], d a multiple of VW: for few rows, where packing would not pay.
INLINE void dots(const Z MR, Z d, const float *const *q, const float *k, float *s, Z from, Z to, Z keys) {
  for (Z j = from / 4 * 4; j < to; j += 4) {
    V acc[3][4];
    const float *row[4];
    for (Z n = 0; n < 4; n++) row[n] = k + (j + n < keys ? j + n : keys - 1) * d;
    for (Z r = 0; r < MR; r++)
      for (Z n = 0; n < 4; n++) acc[r][n] = splat(0);
    NO_UNROLL for (Z c = 0; c < d; c += VW) {
      V a[3];
      for (Z r = 0; r < MR; r++) a[r] = ld(q[r] + c);
      for (Z n = 0; n < 4; n++) {
        const V b = ld(row[n] + c);
        for (Z r = 0; r < MR; r++) acc[r][n] = madd(a[r], b, acc[r][n]);
      }
    }
    for (Z r = 0; r < MR; r++) *(XU *)(s + r * KEYS + j) = sums(acc[r][0], acc[r][1], acc[r][2], acc[r][3]);
  }
}

#define TILE(MR, NV)                                                                                                   \
  NOINLINE void qk_##MR(Z d, const float *const *q, const float *kt, float *s, Z from, Z to) {                         \
    qk(MR, NV, d, q, kt, s, from, to);                                                                                 \
  }                                                                                                                    \
  NOINLINE void pv_##MR(const float *s, const float *v, Z ldv, float *const *o, const float *alpha, Z keys) {          \
    pv(MR, NV, s, v, ldv, o, alpha, keys);                                                                             \
  }
#define DOTS(MR)                                                                                                       \
  NOINLINE void dots_##MR(Z d, const float *const *q, const float *k, float *s, Z from, Z to, Z keys) {                \
    dots(MR, d, q, k, s, from, to, keys);                                                                              \
  }
TILE(1, 4)
TILE(2, 4)
TILE(3, NV_3)
#if TALL == 4
TILE(4, TALL_NV)
#else
TILE(6, TALL_NV)
#endif
DOTS(1)
DOTS(2)
DOTS(3)

// The height of the next tile when `left` rows remain.
INLINE int height(int left, int most) { return left >= most ? most : left > 3 ? 3 : left; }

// [keys][d] -> [d][64]; columns up to the next multiple of four repeat the last key, which nobody looks at.
NOINLINE void pack_keys(const float *k, float *kt, int d, int keys) {
  for (int j = 0; j < keys; j += 4) {
    const float *row[4];
    for (int n = 0; n < 4; n++) row[n] = k + (Z)(j + n < keys ? j + n : keys - 1) * (Z)d;
    int c = 0;
    for (; c + 4 <= d; c += 4) {
      const X a = *(const XU *)(row[0] + c), b = *(const XU *)(row[1] + c);
      const X e = *(const XU *)(row[2] + c), f = *(const XU *)(row[3] + c);
      const X t0 = __builtin_shufflevector(a, b, 0, 4, 1, 5), t1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
      const X t2 = __builtin_shufflevector(e, f, 0, 4, 1, 5), t3 = __builtin_shufflevector(e, f, 2, 6, 3, 7);
      float *to = kt + c * KEYS + j;
      *(XU *)to = __builtin_shufflevector(t0, t2, 0, 1, 4, 5);
      *(XU *)(to + KEYS) = __builtin_shufflevector(t0, t2, 2, 3, 6, 7);
      *(XU *)(to + 2 * KEYS) = __builtin_shufflevector(t1, t3, 0, 1, 4, 5);
      *(XU *)(to + 3 * KEYS) = __builtin_shufflevector(t1, t3, 2, 3, 6, 7);
    }
    for (; c < d; c++)
      for (int n = 0; n < 4; n++) kt[c * KEYS + j + n] = row[n][c];
  }
}

// [keys][d] -> [keys][wide], zeros behind d.
NOINLINE void widen_values(const float *v, float *to, int d, int wide, int keys) {
  for (int j = 0; j < keys; j++)
    for (int c = 0; c < wide; c++) to[j * wide + c] = c < d ? v[(Z)j * (Z)d + (Z)c] : 0;
}
#endif
