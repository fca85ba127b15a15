// Attention of a unit's n queries over their lists of blocks (eq. 4-6): K and V outside, queries inside. The (query, slot)
// pairs are counting-sorted by block, and each block is read once for all queries that chose it; the partial softmaxes are
// merged in place by running maximum and sum. Units are large for that reason: of 512 blocks chosen at random, one still
// has only about 12 rows among 256 queries (22 GFLOP/s in WebAssembly; 31 among 1,024).
//
// Tried and left: every query alone (11 to 55 GFLOP/s instead of 72 to 78, since each query reads its blocks again), and
// tiles padded to one height by a plan made beforehand (the chain of small operators this replaced: half of its time went
// into gathering and merging).
static void block_sparse(const Job *j, const Unit *u, int head, int first, int n) {
  const int B = j->B, slots = j->slots, blocks = (u->start + n - 1) / B + 1;
  const Z kv = (Z)(head / j->share) * (Z)j->cap, step = (Z)j->heads * (Z)slots;
  const Z list = ((Z)first * (Z)j->heads + (Z)head) * (Z)slots, d = (Z)j->d;
  int32_t *counts = u->x.counts, *ids = u->x.ids;
  for (int b = 0; b <= blocks; b++) counts[b] = 0;
  for (int i = 0; i < n; i++)
    for (int t = 0; t < slots; t++) {
      const uint32_t b = listed(j, list + (Z)i * step + (Z)t);
      if (b >= (uint32_t)blocks) break;
      counts[b + 1]++;
    }
  for (int b = 0; b < blocks; b++) counts[b + 1] += counts[b];
  for (int i = 0; i < n; i++)
    for (int t = 0; t < slots; t++) {
      const uint32_t b = listed(j, list + (Z)i * step + (Z)t);
      if (b >= (uint32_t)blocks) break;
      ids[counts[b]++] = i;
    }
  // counts[b] is now the end of block b. Blocks of more than 64 keys are visited in pieces.
  for (int b = 0, from = 0; b < blocks; from = counts[b++])
    for (int key = b * B; key < b * B + B; key += KEYS) {
      const int rest = b * B + B - key, seen = u->start + n - key, most = rest < KEYS ? rest : KEYS;
      int skip = from; // queries of this very block that stand before the piece
      while (skip < counts[b] && u->start + ids[skip] < key) skip++;
      if (skip == counts[b]) break;
      const float *k = j->k + (kv + (Z)key) * d, *v = j->v + (kv + (Z)key) * d;
      visit(u, k, v, key, most < seen ? most : seen, ids + skip, 0, counts[b] - skip);
    }
}
