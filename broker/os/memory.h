/* Where a machine's memory comes from: malloc, set so that little is kept that nobody needs. */
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
