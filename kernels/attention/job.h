// What is asked for in one call, and how scratch memory is laid out. Whoever calls owns all memory; threads share a Job
// and take its units one by one, each with scratch of its own.
#ifndef JOB_H
#define JOB_H
#include "tiles.h"

enum { SPARSE, WINDOW, FULL, TOPK, GATE, MEANS, PEAK, READ };

typedef struct {
  int32_t op;
  int32_t start, count; // queries at positions start .. start + count - 1
  int32_t heads, G;     // lists of blocks per query, and query heads that read one list; heads G = Hq
  int32_t share;        // lists that read one KV head: 1, or with a list per query head the group size
  int32_t d, B, slots, w;
  int32_t first;        // window: positions 0 .. first - 1, too, are seen by whoever stands behind them; top-k: blocks always in
  int32_t cap;          // rows of one KV head in k and v; a window's are a ring: see ring_row
  int32_t q_row, q_head; // floats from one query to the next, and from one KV head's queries to the next
  int32_t o_row, o_head;
  int32_t gate_row, gate_width; // floats between queries; 0: no gate, 1: per query head, d: per value
  int32_t add;          // add to out instead of setting it
  int32_t last;         // top-k: so many of the newest blocks, the one that holds the query included, are always among them
  int32_t unit;         // queries of one unit
  int32_t wide;         // block lists hold 32 bits, else 16
  int32_t split;        // full attention of one query: keys of one unit, 0 when not split
  float scale;
  int32_t units, next;
  const float *q, *k, *v;         // q by q_row and q_head, k, v [Hkv, cap, d]; GATE: k the means, cap blocks of a KV head
  const float *own_k, *own_v;     // window: keys of the call's own positions [Hkv, count, d]
  void *list;                     // [count, heads, slots], all bits set in unused slots; read by SPARSE, written by TOPK
  const float *sinks;             // [Hq] or null
  const float *gate;              // or null
  float *out;                     // MEANS: [heads, o_head / d, d]
  float *scores;                  // [count, heads, blocks of all keys] or null; written by FULL and GATE, read by TOPK
  float *kept;                    // TOPK: [count, heads, slots] or null
  float *partials;                // split
} Job;

// Blocks that hold any of the call's visible keys.
INLINE int all_blocks(const Job *j) { return (j->start + j->count - 1) / j->B + 1; }
// Where a position lies in a window's ring: the first for good, the others in turn.
INLINE int ring_row(const Job *j, int p) {
  return p < j->first ? p : j->first + (p - j->first) % (j->cap - j->first);
}
INLINE Z up(Z n) { return (n + 15) & ~(Z)15; }
// Floats of one row of O.
INLINE Z row_width(const Job *j) { return up((Z)j->d); }

INLINE uint32_t listed(const Job *j, Z at) {
  if (j->wide) return ((const uint32_t *)j->list)[at];
  const uint16_t b = ((const uint16_t *)j->list)[at];
  return b == 0xffff ? 0xffffffffu : b;
}

#define BATCH 48 // rows whose logits (12 KiB) stay in the first cache beside half a block

typedef struct {
  float *kt, *vt, *s, *alpha; // [d][64], [64][wide], [BATCH][64], [BATCH]
  float *o, *m, *l;           // state of the unit's rows, [unit G][wide], [unit G]
  float *stamps;              // block maxima of logits, [unit G][blocks]; top-k: best scores
  int32_t *ids;               // SPARSE: queries by block, [unit slots]
  int32_t *counts;            // [blocks + 2]; top-k: best blocks
} Scratch;

// Puts the scratch of one thread at `base`, of which it takes as many floats as this returns.
INLINE Z lay_out(const Job *j, Scratch *x, float *base) {
  const Z rows = (Z)j->unit * (Z)j->G, wide = row_width(j), blocks = (Z)all_blocks(j);
  const Z slots = (Z)j->slots < blocks ? (Z)j->slots : blocks;
  float *p = base;
  x->kt = p, p += up((Z)j->d * KEYS);
  x->vt = p, p += KEYS * wide;
  x->s = p, p += BATCH * KEYS;
  x->alpha = p, p += up(BATCH);
  x->o = p, p += up(rows * wide);
  x->m = p, p += up(rows);
  x->l = p, p += up(rows);
  x->stamps = p, p += j->op == FULL && j->scores ? up(rows * blocks) : j->op == TOPK ? up(slots) : 0;
  x->ids = (int32_t *)p, p += j->op == SPARSE ? up((Z)j->unit * slots) : 0;
  x->counts = (int32_t *)p, p += up(blocks + 2);
  return (Z)(p - base);
}
#endif
