// x64: which build of kernels.c this processor and system can run. 0: none, 1: AVX2 with FMA, 2: AVX-512 besides.
#include <cpuid.h>
#include <stdint.h>

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
int _fltused; // the linker asks for it where floating point is used
#else
#define EXPORT __attribute__((visibility("default")))
#endif

EXPORT int isa(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  if (!(c & 1u << 12) || !(c & 1u << 27) || !(c & 1u << 28)) return 0; // FMA, OSXSAVE, AVX
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & 6) != 6) return 0; // the system saves the 256-bit registers
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & 1u << 5)) return 0;
  // F, DQ, BW, VL: what -march=x86-64-v4 means, with CD
  const unsigned wide = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
  return (low & 0xe6) == 0xe6 && (b & wide) == wide ? 2 : 1;
}
