// The k / B blocks of largest score among those that a query sees, equal scores to the lower block, in ascending order.
// Insertion into a short sorted list: nearly every score is refused by its last entry. Where the query's own block is always
// in, it takes the last place and does not compete.
static void block_topk(const Job *j, const Scratch *x, int head, int first, int n) {
  const int all = all_blocks(j), slots = j->slots, most = slots - j->own;
  float *best = x->stamps;
  int32_t *place = x->counts;
  for (int i = first; i < first + n; i++) {
    const int own = (j->start + i) / j->B, rivals = own + 1 - j->own;
    const Z row = (Z)i * (Z)j->heads + (Z)head;
    const float *scores = j->scores + row * (Z)all;
    int count = 0;
    for (int b = 0; b < rivals; b++) {
      const float score = scores[b];
      if (count == most && (most == 0 || !(score > best[most - 1]))) continue;
      int at = count < most ? count++ : most - 1;
      if (rivals <= most) at = b; // all are taken
      else
        for (; at > 0 && best[at - 1] < score; at--) best[at] = best[at - 1], place[at] = place[at - 1];
      best[at] = score, place[at] = b;
    }
    for (int a = 1; a < count; a++) { // into ascending order of blocks
      const int32_t b = place[a];
      int at = a;
      for (; at > 0 && place[at - 1] > b; at--) place[at] = place[at - 1];
      place[at] = b;
    }
    if (j->own) place[count++] = own;
    for (int s = 0; s < slots; s++) {
      const Z to = row * (Z)slots + (Z)s;
      const uint32_t block = s < count ? (uint32_t)place[s] : 0xffffffffu;
      if (j->wide) ((uint32_t *)j->list)[to] = block;
      else ((uint16_t *)j->list)[to] = (uint16_t)block;
      if (j->kept) j->kept[to] = s < count ? scores[place[s]] : 0;
    }
  }
}
