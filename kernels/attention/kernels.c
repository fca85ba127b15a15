// All attention of the CPU engine as one library without a C library: the same source for every processor, and twice for
// x64 (AVX2, AVX-512; isa.c says which one runs). A caller prepares a Job, lets any number of threads `work` on it until
// no unit is left, then calls `finish`. Results do not depend, in any bit, on how units were cut and who took them.
#include "visit.h"
#include "../block-gate/block_gate.c"
#include "../block-means/block_means.c"
#include "../block-sparse-attention/block_sparse.c"
#include "../block-topk/block_topk.c"
#include "../ceilings/ceilings.c"
#include "../full-attention/full.c"
#include "../full-attention-decode/split.c"
#include "../gate-fusion/gated_store.c"
#include "../sliding-window/sliding_window.c"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#if defined(__wasm__)
#define EXPORT(name) __attribute__((export_name(#name), used)) name
#elif defined(_WIN32)
#define EXPORT(name) __declspec(dllexport) JOIN(name, ISA)
#else
#define EXPORT(name) __attribute__((visibility("default"))) JOIN(name, ISA)
#endif

// Subnormal numbers count as zero while a thread works here: some processors take many times as long over them.
// WebAssembly cannot say so; the kernels make none of their own.
#if defined(__x86_64__)
typedef unsigned Mode;
INLINE Mode flush(void) {
  const Mode before = _mm_getcsr();
  _mm_setcsr(before | 0x8040);
  return before;
}
INLINE void restore(Mode before) { _mm_setcsr(before); }
#elif defined(__aarch64__)
typedef uint64_t Mode;
INLINE Mode flush(void) {
  Mode before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"(before | (uint64_t)1 << 24) : "memory");
  return before;
}
INLINE void restore(Mode before) { __asm__ volatile("msr fpcr, %0" : : "r"(before) : "memory"); }
#else
typedef int Mode;
INLINE Mode flush(void) { return 0; }
INLINE void restore(Mode before) { (void)before; }
#endif

#define FEW_ROWS 12      // of a call: K is then read as it lies
#define SPLIT_KEYS 2048  // at least, of one piece of a decode step
#define MOST_PAIRS (1 << 20)

INLINE int clamp(int n, int least, int most) { return n < least ? least : n > most ? most : n; }

// Queries of one unit. Only speed and memory depend on it.
static int unit_of(const Job *j, int threads) {
  const int share = (int)((int64_t)j->count * j->heads / (2 * threads)) + 1, rows = 384 / j->G + 1;
  if (j->op == TOPK || j->op == GATE) return 256;
  if (j->op == MEANS) return 1;
  if (j->op == WINDOW) return clamp(rows, 8, 128);
  if (j->op == FULL) return clamp(share < rows ? share : rows, 8, 128);
  const int blocks = all_blocks(j), slots = j->slots < blocks ? j->slots : blocks;
  int unit = clamp(share, 64, 1024);
  while (unit > 16 && (int64_t)unit * (slots > j->G ? slots : j->G) > MOST_PAIRS) unit /= 2;
  return unit;
}

// numbers: op, start, count, heads, G, share, d, B, slots, w, first, cap, q_row, q_head, o_row, o_head, gate_row, gate_width,
// add, last, wide, threads (in the order of job.h). Arrays that the op does not use may be null.
void EXPORT(prepare)(Job *j, const int32_t *numbers, float scale, const float *q, const float *k, const float *v,
                     const float *own_k, const float *own_v, void *list, const float *sinks, const float *gate,
                     float *out, float *scores, float *kept) {
  int32_t *to = &j->op;
  for (int i = 0; i < 20; i++) to[i] = numbers[i];
  j->wide = numbers[20], j->scale = scale;
  j->q = q, j->k = k, j->v = v, j->own_k = own_k, j->own_v = own_v, j->list = list, j->sinks = sinks, j->gate = gate;
  j->out = out, j->scores = scores, j->kept = kept, j->partials = 0;
  j->split = 0;
  if (j->op == FULL && j->count == 1) {
    const int blocks = (SPLIT_KEYS + j->B - 1) / j->B;
    j->split = blocks * j->B;
  }
  j->unit = unit_of(j, numbers[21]);
  if (j->unit > j->count) j->unit = j->count;
  j->units = j->heads * (j->split ? pieces(j) : j->op == MEANS ? full_blocks(j) : (j->count + j->unit - 1) / j->unit);
  __atomic_store_n(&j->next, 0, __ATOMIC_SEQ_CST);
}

// Floats of scratch that each thread needs for a prepared job, and floats that all share.
double EXPORT(scratch_floats)(const Job *j) {
  Scratch x;
  return (double)lay_out(j, &x, 0);
}
double EXPORT(shared_floats)(const Job *j) {
  return j->split ? (double)((Z)j->units * piece_floats(j)) : 0;
}
int EXPORT(units)(const Job *j) { return j->units; }
void EXPORT(share)(Job *j, float *partials) { j->partials = partials; }

static Unit unit_at(const Job *j, float *scratch, int head, int first) {
  Unit u;
  lay_out(j, &u.x, scratch);
  u.q = j->q + (Z)(head / j->share) * (Z)j->q_head + (Z)(head % j->share * j->G) * (Z)j->d + (Z)first * (Z)j->q_row;
  u.q_row = (Z)j->q_row;
  u.start = j->start + first;
  u.w = j->op == WINDOW ? j->w : 0x7fffffff;
  u.G = j->G, u.d = j->d, u.wide = (int)row_width(j);
  u.few = j->count * j->G <= FEW_ROWS && j->d % VW == 0;
  u.c = j->scale * LOG2E;
  u.stamps = j->op == FULL && j->scores ? u.x.stamps : 0;
  u.stamp_row = all_blocks(j), u.stamp_first = 0, u.B = j->B;
  return u;
}

static void run_unit(const Job *j, float *scratch, int index) {
  if (j->op >= PEAK) {
    ceiling(j, index);
    return;
  }
  if (j->op == MEANS) {
    block_mean(j, index % j->heads, j->start / j->B + index / j->heads);
    return;
  }
  const int head = index % j->heads, per = j->units / j->heads;
  // The last units of a full layer cost most, so they go first.
  const int part = j->op == FULL ? per - 1 - index / j->heads : index / j->heads;
  if (j->split) {
    Unit u = unit_at(j, scratch, head, 0);
    split_piece(j, &u, head, part);
    return;
  }
  const int first = part * j->unit, n = j->count - first < j->unit ? j->count - first : j->unit;
  if (j->op == TOPK) {
    Scratch x;
    lay_out(j, &x, scratch);
    block_topk(j, &x, head, first, n);
    return;
  }
  const Unit u = unit_at(j, scratch, head, first);
  if (j->op == GATE) {
    block_gate(j, &u, head, first, n);
    return;
  }
  forget(&u, n * j->G);
  if (j->op == SPARSE) block_sparse(j, &u, head, first, n);
  else if (j->op == WINDOW) sliding_window(j, &u, head, n);
  else full(j, &u, head, first, n);
  gated_store(j, &u, head, first, n);
}

// Takes up to `most` units. Returns how many it took: fewer when none is left.
int EXPORT(work)(Job *j, float *scratch, int most) {
  const Mode before = flush();
  int done = 0;
  for (; done < most; done++) {
    const int index = __atomic_fetch_add(&j->next, 1, __ATOMIC_SEQ_CST);
    if (index >= j->units) break;
    run_unit(j, scratch, index);
  }
  restore(before);
  return done;
}

// Leaves nothing to be taken.
void EXPORT(stop)(Job *j) { __atomic_store_n(&j->next, 0x40000000, __ATOMIC_SEQ_CST); }

// Once all units are done: what must wait for the last of them.
void EXPORT(finish)(Job *j, float *scratch) {
  if (!j->split) return;
  const Mode before = flush();
  for (int head = 0; head < j->heads; head++) {
    Unit u = unit_at(j, scratch, head, 0);
    merge_pieces(j, &u, head);
    gated_store(j, &u, head, 0, 1);
  }
  restore(before);
}

#if defined(_WIN32) && !defined(__x86_64__)
int _fltused; // the linker asks for it where floating point is used; for x64 isa.c has it
#endif
