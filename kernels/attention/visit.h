// Queries of a unit against up to 64 neighbouring keys: the step that all attention here is made of.
#ifndef VISIT_H
#define VISIT_H
#include "job.h"
#include "softmax.h"

typedef struct {
  Scratch x;
  const float *q;   // of the unit's first query
  Z q_row;
  int start, w;     // position of the unit's first query; the query at t sees t - w + 1 .. t
  int G, d, wide;   // wide: floats of a row of o
  int few;          // rows are so few that K is not packed; the same for all of a call
  float c;          // scale log2(e)
  float *stamps;    // null, or block maxima of the unit's rows, [unit G][stamp_row]
  int stamp_row, stamp_first, B; // the first of them belongs to block stamp_first
} Unit;

// Largest logit of each block among the visible lo .. hi of keys from position `key` on.
INLINE void stamp(float *to, const float *s, int key, int B, int lo, int hi) {
  for (int j = lo, b = (key + lo) / B; j <= hi; b++) {
    const int end = (b + 1) * B - key - 1 < hi ? (b + 1) * B - key - 1 : hi;
    float top = to[b];
    if ((end + 1 - j) % VW == 0) {
      V a = ld(s + j);
      for (int i = j + VW; i <= end; i += VW) a = vmax(a, ld(s + i));
      const float found = hmax(a);
      top = found > top ? found : top;
    } else {
      for (int i = j; i <= end; i++) top = s[i] > top ? s[i] : top;
    }
    to[b] = top;
    j = end + 1;
  }
}

// s[r][j] = q_r . k_j of a tile of `mr` rows for columns from .. to - 1 at least: K as it lies where rows are few, else packed.
INLINE void logits(const Unit *u, int mr, const float *const *q, const float *k, float *s, Z from, Z to, Z keys) {
  const Z d = (Z)u->d;
  const float *kt = u->x.kt;
  if (u->few) {
    if (mr == 3) dots_3(d, q, k, s, from, to, keys);
    else if (mr == 2) dots_2(d, q, k, s, from, to, keys);
    else dots_1(d, q, k, s, from, to, keys);
  }
#if TALL == 4
  else if (mr == 4) qk_4(d, q, kt, s, from, to);
#else
  else if (mr == 6) qk_6(d, q, kt, s, from, to);
#endif
  else if (mr == 3) qk_3(d, q, kt, s, from, to);
  else if (mr == 2) qk_2(d, q, kt, s, from, to);
  else qk_1(d, q, kt, s, from, to);
}

// k, v: the `keys` rows [d] from position `key` on. Queries of the unit, ascending, each of which sees one of them at
// least: queries[0 .. n - 1], or without a list first .. first + n - 1. Columns that no row of a tile sees are left out of
// both products.
static void visit(const Unit *u, const float *k, const float *v, int key, int keys, const int32_t *queries, int first,
                  int n) {
  const Scratch *x = &u->x;
  const int G = u->G, d = u->d, most = u->few ? 3 : TALL;
  const float *values = v;
  if (!u->few) pack_keys(k, x->kt, d, keys);
  if (u->wide != d) widen_values(v, x->vt, d, u->wide, keys), values = x->vt;
  int at = 0, g = 0; // the next row: of the at-th query, its g-th head
  while (at < n) {
    int row[BATCH], rows = 0;
    unsigned char lo[BATCH], hi[BATCH], low[BATCH], end[BATCH];
    const float *q[BATCH];
    for (; at < n && rows < BATCH; at += g == 0) {
      const int i = queries ? queries[at] : first + at, t = u->start + i - key;
      const int from = t - u->w + 1;
      row[rows] = i * G + g;
      lo[rows] = (unsigned char)(from > 0 ? from : 0);
      hi[rows] = (unsigned char)(t < keys - 1 ? t : keys - 1);
      q[rows] = u->q + (Z)i * u->q_row + (Z)g * (Z)d;
      rows++;
      g = g + 1 == G ? 0 : g + 1;
    }
    for (int r = 0; r < rows;) {
      const int mr = height(rows - r, most);
      int a = KEYS, b = 0;
      for (int i = r; i < r + mr; i++) {
        if (lo[i] < a) a = lo[i];
        if (hi[i] >= b) b = hi[i] + 1;
      }
      for (int i = r; i < r + mr; i++) low[i] = (unsigned char)a, end[i] = (unsigned char)b;
      float *s = x->s + r * KEYS;
      const Z from = (Z)(a / VW * VW), to = (Z)((b + VW - 1) / VW * VW);
      logits(u, mr, q + r, k, s, from, to, (Z)keys);
      r += mr;
    }
    for (int r = 0; r < rows; r++) {
      float *s = x->s + r * KEYS;
      if (u->stamps)
        stamp(u->stamps + (Z)row[r] * (Z)u->stamp_row - u->stamp_first, s, key, u->B, lo[r], hi[r]);
      x->alpha[r] = soften(s, low[r] / VW * VW, (end[r] + VW - 1) / VW * VW, lo[r], hi[r], u->c, x->m + row[r],
                           x->l + row[r]);
    }
    for (int r = 0; r < rows;) {
      float *o[TALL];
      const int mr = height(rows - r, most);
      for (int i = 0; i < mr; i++) o[i] = x->o + (Z)row[r + i] * (Z)u->wide;
      const float *s = x->s + r * KEYS + low[r], *alpha = x->alpha + r, *p = values + (Z)low[r] * (Z)u->wide;
      const Z ldv = (Z)u->wide, seen = (Z)(end[r] - low[r]);
#if TALL == 4
      if (mr == 4) pv_4(s, p, ldv, o, alpha, seen);
#else
      if (mr == 6) pv_6(s, p, ldv, o, alpha, seen);
#endif
      else if (mr == 3) pv_3(s, p, ldv, o, alpha, seen);
      else if (mr == 2) pv_2(s, p, ldv, o, alpha, seen);
      else pv_1(s, p, ldv, o, alpha, seen);
      r += mr;
    }
  }
}

// Nothing seen yet by `rows` rows.
INLINE void forget(const Unit *u, int rows) {
  fill(u->x.o, (Z)rows * (Z)u->wide, 0);
  fill(u->x.m, (Z)rows, NOTHING);
  fill(u->x.l, (Z)rows, 0);
}
#endif
