/* The kernels for AVX-512. Flags: -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl
 * -mavx512vnni */
#include "vector/kernel.h"

/* In the one-file form, pragmas around this text take the place of the flags. */
#if !defined(MV_ONE_FILE) &&                                                                       \
    (!defined(__AVX512BW__) || !defined(__AVX512VL__) || !defined(__AVX512VNNI__))
#error "kernel_avx512.c needs -mavx2 -mfma -mf16c -mavx512f -mavx512{bw,dq,vl,vnni}"
#endif

#include "vector/kernel_512.h"
/* takes what the line above gives */
#include "vector/kernel_body.h"

const distance_kernels kernel_avx512 = KERNEL_TABLE("avx512");
