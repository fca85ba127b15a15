// The blocks of largest score among those that a query sees, equal scores to the lower block, in ascending order. Insertion into a
// short sorted list: nearly every score is refused by its last entry. The `first` and `last` blocks that are always in take the
// outer places and do not compete; where no more blocks are seen than there are slots, all are taken.
static void block_topk(const Job *j, const Scratch *x, int head, int first, int n) {
  const int all = all_blocks(j), slots = j->slots, most = slots - j->first - j->last;
  float *best = x->stamps;
  int32_t *place = x->counts;
  for (int i = first; i < first + n; i++) {
    const int seen = (j->start + i) / j->B + 1, whole = seen <= slots;
    const int from = whole ? seen : j->first, to = whole ? seen : seen - j->last;
    const Z row = (Z)i * (Z)j->heads + (Z)head;
    const float *scores = j->scores + row * (Z)all;
    int count = from;
    for (int b = 0; b < from; b++) place[b] = b;
    int32_t *chosen = place + from;
    int taken = 0;
    for (int b = from; b < to && most > 0; b++) {
      const float score = scores[b];
      if (taken == most && !(score > best[most - 1])) continue;
      int at = taken < most ? taken++ : most - 1;
      for (; at > 0 && best[at - 1] < score; at--) best[at] = best[at - 1], chosen[at] = chosen[at - 1];
      best[at] = score, chosen[at] = b;
    }
    for (int a = 1; a < taken; a++) { // into ascending order of blocks
      const int32_t b = chosen[a];
      int at = a;
      for (; at > 0 && chosen[at - 1] > b; at--) chosen[at] = chosen[at - 1];
      chosen[at] = b;
    }
    count += taken;
    for (int b = to; b < seen; b++) place[count++] = b;
    for (int s = 0; s < slots; s++) {
      const Z at = row * (Z)slots + (Z)s;
      const uint32_t block = s < count ? (uint32_t)place[s] : 0xffffffffu;
      if (j->wide) ((uint32_t *)j->list)[at] = block;
      else ((uint16_t *)j->list)[at] = (uint16_t)block;
      if (j->kept) j->kept[at] = s < count ? scores[place[s]] : 0;
    }
  }
}
