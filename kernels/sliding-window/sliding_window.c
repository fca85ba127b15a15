// Attention of a unit's n queries over the last w positions (eq. 7-8) and, where the call says so, the first of the context.
// Keys before the call lie in a ring (job.h), the call's own beside it; both are read where they lie, in runs of up to 64
// that do not wrap.

// The keys key .. until - 1, of which a query sees those that u->w lets it.
static void pass_by(const Job *j, const Unit *u, int head, int n, int key, int until) {
  const Z kv = (Z)(head / j->share), d = (Z)j->d;
  for (int keys; key < until; key += keys) {
    const int own = key >= j->start, at = own ? key - j->start : ring_row(j, key);
    const int end = own || until < j->start ? until : j->start;
    const int here = own || end - key < j->cap - at ? end - key : j->cap - at;
    keys = here < KEYS ? here : KEYS;
    // Queries that stand at or behind the first of these keys, and whose window reaches back to the last.
    const int from = key > u->start ? key - u->start : 0;
    const Z last = (Z)key + (Z)keys + (Z)u->w - 1 - (Z)u->start;
    const int to = last < (Z)n ? (int)last : n;
    const Z row = (kv * (Z)(own ? j->count : j->cap) + (Z)at) * d;
    visit(u, (own ? j->own_k : j->k) + row, (own ? j->own_v : j->v) + row, key, keys, 0, from, to - from);
  }
}

static void sliding_window(const Job *j, const Unit *u, int head, int n) {
  const int end = u->start + n, low = u->start - j->w + 1 > j->first ? u->start - j->w + 1 : j->first;
  Unit always = *u;
  always.w = 0x7fffffff;
  pass_by(j, &always, head, n, 0, j->first < end ? j->first : end);
  pass_by(j, u, head, n, low, end);
}
