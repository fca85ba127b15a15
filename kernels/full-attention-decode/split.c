// Full attention of one query, its keys shared out over the units of a KV head: a single query has too few heads to keep
// all threads busy. Pieces have the same keys whatever the number of threads, and are merged in order afterwards.

// Floats of one piece: o [G][wide], m [G], l [G], stamps [G][blocks of a piece].
INLINE Z piece_floats(const Job *j) {
  return (Z)j->G * (row_width(j) + 2 + (Z)(j->scores ? j->split / j->B : 0));
}
INLINE int pieces(const Job *j) { return (j->start + j->split) / j->split; }

static void split_piece(const Job *j, Unit *u, int head, int piece) {
  const int G = j->G, from = piece * j->split, last = j->start + 1 < from + j->split ? j->start + 1 : from + j->split;
  float *to = j->partials + (Z)(head * pieces(j) + piece) * piece_floats(j);
  u->stamp_row = j->split / j->B, u->stamp_first = from / j->B;
  u->x.o = to, u->x.m = to + (Z)G * (Z)u->wide, u->x.l = u->x.m + G;
  u->stamps = j->scores ? u->x.l + G : 0;
  forget(u, G);
  if (u->stamps) fill(u->stamps, (Z)G * (Z)u->stamp_row, NOTHING);
  full_keys(j, u, head, 1, from, last);
}

// After all pieces are done: leaves the merged state of one KV head in u, as one unit would have.
static void merge_pieces(const Job *j, Unit *u, int head) {
  const int G = j->G, parts = pieces(j), wide = u->wide, blocks = all_blocks(j), held = j->split / j->B;
  forget(u, G);
  const float *base = j->partials + (Z)(head * parts) * piece_floats(j);
  for (int p = 0; p < parts; p++) {
    const float *o = base + (Z)p * piece_floats(j), *m = o + (Z)G * (Z)wide;
    for (int g = 0; g < G; g++) u->x.m[g] = m[g] > u->x.m[g] ? m[g] : u->x.m[g];
  }
  for (int p = 0; p < parts; p++) {
    const float *o = base + (Z)p * piece_floats(j), *m = o + (Z)G * (Z)wide, *l = m + G;
    for (int g = 0; g < G; g++) {
      const float share = exp2_one((m[g] - u->x.m[g]) * u->c);
      u->x.l[g] += share * l[g];
      float *to = u->x.o + g * wide;
      for (int c = 0; c < wide; c++) to[c] += share * o[g * wide + c];
    }
  }
  for (int p = 0; j->scores && p < parts; p++) {
    const float *stamps = base + (Z)p * piece_floats(j) + (Z)G * (Z)(wide + 2);
    const int first = p * held, here = blocks - first < held ? blocks - first : held;
    block_scores(j->scores + (Z)head * (Z)blocks + first, stamps, held, here, G, u->x.m, u->x.l, u->c);
  }
}
