// The running softmax of one row, in powers of two.
#ifndef SOFTMAX_H
#define SOFTMAX_H
#include "vector.h"

#define LOG2E 1.4426950408889634f
#define NOTHING -1e30f // far below any logit, and unlike -inf it never meets itself in a difference

// 2^x for x <= 0, relative error below 1e-7; exactly 0 below 2^-64, which is nothing beside the row's maximum.
INLINE V exp2_below_one(V x) {
  const VI counts = x >= splat(-64.0f);
  x = vmax(x, splat(-64.0f));
  const V magic = splat(12582912.0f);
  const V t = x + magic, f = x - (t - magic);
  V p = splat(0.00132647275f);
  p = madd(p, f, splat(0.00967151266f));
  p = madd(p, f, splat(0.0555073374f));
  p = madd(p, f, splat(0.240222421f));
  p = madd(p, f, splat(0.693146978f));
  p = madd(p, f, splat(1.0f));
  return (V)(((VI)p + ((VI)t << 23)) & counts);
}

// 2^x for any x, 0 below the normal numbers, capped where float32 ends.
INLINE float exp2_one(float x) {
  if (!(x >= -126.0f)) return 0.0f;
  if (x > 126.0f) x = 126.0f;
  const float t = x + 12582912.0f, f = x - (t - 12582912.0f);
  union { float f; uint32_t i; } a, n;
  a.f = ((((0.00132647275f * f + 0.00967151266f) * f + 0.0555073374f) * f + 0.240222421f) * f + 0.693146978f) * f + 1.0f;
  n.f = t;
  a.i += n.i << 23;
  return a.f;
}

// Logits s of columns from .. to - 1 (whole vectors), of which lo .. hi are visible, become weights relative to the running
// maximum m; those that are not visible become 0. l, the sum of weights, is brought up to date. c: the logits' scale times
// log2(e). Returns the factor of what was summed before.
INLINE float soften(float *s, int from, int to, int lo, int hi, float c, float *m, float *l) {
  for (int j = from; j < lo; j++) s[j] = NOTHING;
  for (int j = hi + 1; j < to; j++) s[j] = NOTHING;
  V a = ld(s + from);
  for (int j = from + VW; j < to; j += VW) a = vmax(a, ld(s + j));
  const float top = hmax(a), old = *m, now = old > top ? old : top;
  const V scale = splat(c), most = splat(now);
  V total = splat(0);
  for (int j = from; j < to; j += VW) {
    const V x = exp2_below_one((ld(s + j) - most) * scale);
    st(s + j, x);
    total += x;
  }
  float alpha = 1.0f;
  if (now > old) {
    const float x = (old - now) * c;
    alpha = x < -64.0f ? 0.0f : exp2_one(x);
  }
  *m = now;
  *l = *l * alpha + hsum(total);
  return alpha;
}
#endif
