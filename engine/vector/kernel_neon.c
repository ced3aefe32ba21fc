/* The kernels for 64-bit ARM: NEON. No flags. */
#include "vector/kernel.h"

#include "vector/kernel_128.h"
/* takes what the line above gives */
#include "vector/kernel_body.h"

const distance_kernels kernel_neon = KERNEL_TABLE("neon");
