/* The tables of kernels, one for each instruction set. Each is the only symbol of its file. A table
 * may be read anywhere. Its functions may be called only if the CPU can run them. */
#ifndef MV_KERNEL_H
#define MV_KERNEL_H

#include "vector/distance.h"

extern const distance_kernels kernel_scalar; /* plain C: what the others are tested against */
extern const distance_kernels kernel_sse2;   /* x86, of 32 bits, too */
extern const distance_kernels kernel_avx2;   /* x86 */
extern const distance_kernels kernel_avx512; /* x86 */
extern const distance_kernels kernel_neon;   /* 64-bit ARM */

/* Kernels are composed of inline functions with constant arguments. These must be inlined, so that
 * the branches on the arguments are removed. */
#define KERNEL_INLINE static inline __attribute__((always_inline))

#endif
