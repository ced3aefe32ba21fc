/* The kernels for any x86 that moonvec runs on: SSE2. No flags. */
#include "vector/kernel.h"

#include "vector/kernel_128.h"
/* takes what the line above gives */
#include "vector/kernel_body.h"

const distance_kernels kernel_sse2 = KERNEL_TABLE("sse2");
