/* The kernels for AVX2. Flags: -mavx2 -mfma -mf16c */
#include "vector/kernel.h"

/* In the one-file form, pragmas around this text take the place of the flags. */
#if !defined(MV_ONE_FILE) && (!defined(__AVX2__) || !defined(__FMA__) || !defined(__F16C__))
#error "kernel_avx2.c needs -mavx2 -mfma -mf16c"
#endif

#include "vector/kernel_256.h"
/* takes what the line above gives */
#include "vector/kernel_body.h"

const distance_kernels kernel_avx2 = KERNEL_TABLE("avx2");
