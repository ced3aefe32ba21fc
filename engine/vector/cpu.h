/* Which instruction sets this machine's processor can run. */
#ifndef MV_CPU_H
#define MV_CPU_H

#include "base/config.h"

#if defined(__x86_64__) || defined(__i386__)
#define CPU_X86
#elif defined(__aarch64__)
#define CPU_ARM64
#endif

#ifdef CPU_X86
/* AVX2, FMA and F16C, and an operating system that saves their registers. */
bool cpu_has_avx2(void);
/* cpu_has_avx2, and AVX-512 F, BW, DQ, VL and VNNI: Cascade Lake, Ice Lake, Zen 4 and later. */
bool cpu_has_avx512(void);
#endif

#endif
