// What a list's queries (one head each, G = 1) make of the mean of every block that lies wholly before their own: dot products,
// unscaled. 0 for their own block and later ones.
static void block_gate(const Job *j, const Unit *u, int head, int first, int n) {
  const int all = all_blocks(j), d = j->d, before = (u->start + n - 1) / j->B, most = u->few ? 3 : TALL;
  const float *means = j->k + (Z)(head / j->share) * (Z)j->cap * (Z)d;
  const Z row = (Z)j->heads * (Z)all;
  float *scores = j->scores + ((Z)first * (Z)j->heads + (Z)head) * (Z)all;
  for (int b = 0; b < before; b += KEYS) {
    const int keys = before - b < KEYS ? before - b : KEYS;
    const float *k = means + (Z)b * (Z)d;
    if (!u->few) pack_keys(k, u->x.kt, d, keys);
    for (int i = 0, mr; i < n; i += mr) {
      const float *q[TALL], *s = u->x.s;
      mr = height(n - i, most);
      for (int r = 0; r < mr; r++) q[r] = u->q + (Z)(i + r) * u->q_row;
      logits(u, mr, q, k, u->x.s, 0, (Z)((keys + VW - 1) / VW * VW), (Z)keys);
      for (int r = 0; r < mr; r++)
        for (int c = 0; c < keys; c++) scores[(Z)(i + r) * row + (Z)(b + c)] = s[r * KEYS + c];
    }
  }
  for (int i = 0; i < n; i++) {
    const int own = (u->start + i) / j->B;
    fill(scores + (Z)i * row + (Z)own, (Z)(all - own), 0);
  }
}
