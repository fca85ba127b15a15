// Causal attention of a unit's n queries over all keys (eq. 1-3). Block scores need the final maximum and sum of a row, so
// the blocks' largest logits are kept (the "stamps") and become weights at the end: 1 to 6 % of the time.

// Keys from .. to - 1 in runs of at most 64 that hold whole blocks, or lie in one block.
static void full_keys(const Job *j, const Unit *u, int head, int n, int from, int to) {
  const int B = j->B;
  const Z kv = (Z)(head / j->share) * (Z)j->cap, d = (Z)j->d;
  for (int key = from, keys; key < to; key += keys) {
    const int whole = B <= KEYS ? KEYS / B * B : B - key % B < KEYS ? B - key % B : KEYS;
    keys = to - key < whole ? to - key : whole;
    const int skip = key > u->start ? key - u->start : 0;
    visit(u, j->k + (kv + (Z)key) * d, j->v + (kv + (Z)key) * d, key, keys, 0, skip, n - skip);
  }
}

// The group's largest weight in each block, from the stamps of its rows: [blocks] of one query.
INLINE void block_scores(float *to, const float *stamps, int stamp_row, int blocks, int G, const float *m,
                         const float *l, float c) {
  for (int b = 0; b < blocks; b++) {
    float best = 0;
    for (int g = 0; g < G; g++) {
      const float s = stamps[(Z)g * (Z)stamp_row + (Z)b];
      const float p = s <= NOTHING ? 0 : exp2_one((s - m[g]) * c) / l[g];
      best = p > best ? p : best;
    }
    to[b] = best;
  }
}

static void full(const Job *j, const Unit *u, int head, int first, int n) {
  const int all = all_blocks(j), blocks = (u->start + n - 1) / j->B + 1;
  if (u->stamps) fill(u->stamps, (Z)(n * j->G) * (Z)u->stamp_row, NOTHING);
  full_keys(j, u, head, n, 0, u->start + n);
  for (int i = 0; u->stamps && i < n; i++) {
    float *to = j->scores + ((Z)(first + i) * (Z)j->heads + (Z)head) * (Z)all;
    const Z row = (Z)i * (Z)j->G;
    block_scores(to, u->stamps + row * (Z)u->stamp_row, u->stamp_row, blocks, j->G, u->x.m + row, u->x.l + row, u->c);
    fill(to + blocks, (Z)(all - blocks), 0);
  }
}
