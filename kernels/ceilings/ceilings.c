// What the processor gives at best: multiply-adds in registers, and reads of an array again and again. Nothing of a model: a
// profile's floors follow from them. Each unit writes one number, so that nothing can be left out.
#if defined(__wasm__)
#define CHAINS 8
#elif VW == 8
#define CHAINS 12 // of 16 registers
#else
#define CHAINS 24
#endif
#define ROUND 384 // multiply-adds of a round: of all lanes of all chains, a whole number of times in every build
#define STREAMS 8

// Every number v of `w` rounds becomes v * scale + 1/4; with a scale of 1 their sum counts the multiply-adds.
NOINLINE float multiply_adds(Z rounds, float scale) {
  const V factor = splat(scale), addend = splat(0.25f);
  V v[CHAINS];
  for (Z n = 0; n < CHAINS; n++) v[n] = splat((float)n);
  NO_UNROLL for (Z step = 0; step < rounds * (ROUND / (CHAINS * VW)); step++)
    for (Z n = 0; n < CHAINS; n++) v[n] = madd(v[n], factor, addend);
  for (Z n = 1; n < CHAINS; n++) v[0] += v[n];
  return hsum(v[0]);
}

// The sum of `floats` values, a multiple of 128, from the next whole cache line on, `w` times.
NOINLINE float reads(const float *p, Z floats, Z times) {
  p = (const float *)(((uintptr_t)p + 63) & ~(uintptr_t)63);
  V sum[STREAMS];
  for (Z n = 0; n < STREAMS; n++) sum[n] = splat(0);
  for (Z time = 0; time < times; time++)
    for (Z i = 0; i < floats; i += STREAMS * VW)
      for (Z n = 0; n < STREAMS; n++) sum[n] += ld(p + i + n * VW);
  for (Z n = 1; n < STREAMS; n++) sum[0] += sum[n];
  return hsum(sum[0]);
}

// PEAK: w rounds; READ: cap floats of k, w times. Unit h has its own part of k and writes out[h].
static void ceiling(const Job *j, int h) {
  const Z floats = (Z)j->cap;
  j->out[h] = j->op == PEAK ? multiply_adds((Z)j->w, j->scale) : reads(j->k + (Z)h * floats, floats, (Z)j->w);
}
