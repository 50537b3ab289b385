/* Where a machine's memory comes from: malloc, tuned so that freed memory soon goes back to the system. */
#ifndef OS_MEMORY_H
#define OS_MEMORY_H

#include "broker/base/mem.h"

struct mem_source os_memory(void);
/* Once, at the start of the program. */
void os_memory_tune(void);
/* Like malloc; never NULL: a computer without memory is a panic. */
void *os_alloc(size_t n);
void *os_zalloc(size_t n);

#endif
