// The mean key of every block that the call's positions fill: each unit makes one of one KV head, from keys in ascending order.

// Blocks whose last position is one of the call's.
INLINE int full_blocks(const Job *j) { return (j->start + j->count) / j->B - j->start / j->B; }

static void block_mean(const Job *j, int head, int block) {
  const int B = j->B, d = j->d;
  const float *k = j->k + ((Z)head * (Z)j->cap + (Z)block * (Z)B) * (Z)d;
  float *to = j->out + (Z)head * (Z)j->o_head + (Z)block * (Z)d;
  for (int c = 0; c < d; c++) to[c] = 0;
  for (int i = 0; i < B; i++, k += d)
    for (int c = 0; c < d; c++) to[c] += k[c];
  for (int c = 0; c < d; c++) to[c] /= (float)B;
}
