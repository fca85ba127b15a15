// A unit's rows, divided by their sums (the sink's weight included), times their gates, into the output; the second branch
// of a sparse layer adds its rows to the first's (eq. 9), so that no branch is written out and read again. Gates come
// after their sigmoid.
static void gated_store(const Job *j, const Unit *u, int head, int first, int n) {
  const int G = j->G, d = j->d;
  for (int i = 0; i < n; i++)
    for (int g = 0; g < G; g++) {
      const int row = i * G + g, h = head * G + g;
      float total = u->x.l[row];
      if (j->sinks) total += exp2_one(j->sinks[h] * LOG2E - u->x.m[row] * u->c);
      float a = total > 0 ? 1.0f / total : 0;
      const float *o = u->x.o + (Z)row * (Z)u->wide;
      const float *gate = j->gate + (Z)(first + i) * (Z)j->gate_row + (Z)h * (Z)j->gate_width;
      float *to = j->out + (Z)(first + i) * (Z)j->o_row + (Z)head * (Z)j->o_head + (Z)g * (Z)d;
      if (j->gate_width == 1) a *= *gate;
      // With d = 1 a gate per value is a gate per head.
      for (int c = 0; c < d; c++) {
        const float value = j->gate_width > 1 ? o[c] * a * gate[c] : o[c] * a;
        to[c] = j->add ? to[c] + value : value;
      }
    }
}
