// Attention of a unit's n queries over the last w positions (eq. 7-8). Keys before the call lie in a ring (position p at
// row p mod cap), the call's own beside it; both are read where they lie, in runs of up to 64 that do not wrap.
static void sliding_window(const Job *j, const Unit *u, int head, int first, int n) {
  (void)first;
  const int w = j->w, end = u->start + n;
  const Z kv = (Z)(head / j->share), d = (Z)j->d;
  for (int key = u->start - w + 1 > 0 ? u->start - w + 1 : 0, keys; key < end; key += keys) {
    const int own = key >= j->start, at = own ? key - j->start : key % j->cap;
    const int here = own ? end - key : j->start - key < j->cap - at ? j->start - key : j->cap - at;
    keys = here < KEYS ? here : KEYS;
    // Queries that stand at or behind the first of these keys, and whose window reaches back to the last.
    const int from = key > u->start ? key - u->start : 0;
    const Z last = (Z)key + (Z)keys + (Z)w - 1 - (Z)u->start;
    const int to = last < (Z)n ? (int)last : n;
    const Z row = (kv * (Z)(own ? j->count : j->cap) + (Z)at) * d;
    visit(u, (own ? j->own_k : j->k) + row, (own ? j->own_v : j->v) + row, key, keys, 0, from, to - from);
  }
}
