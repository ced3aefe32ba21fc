/* The tables of kernels, one for each instruction set. Each is the only symbol of its file; it may
 * be read anywhere, its functions may be called only where the CPU can run them. */
#ifndef MV_KERNEL_H
#define MV_KERNEL_H

#include "vector/distance.h"

extern const distance_kernels kernel_scalar; /* plain C: what the others are tested against */
extern const distance_kernels kernel_sse2;   /* x86-64 */
extern const distance_kernels kernel_avx2;   /* x86-64 */
extern const distance_kernels kernel_avx512; /* x86-64 */
extern const distance_kernels kernel_neon;   /* 64-bit ARM */

/* Kernels are made from parts by constant arguments, which must be folded away. */
#define KERNEL_INLINE static inline __attribute__((always_inline))

#endif
