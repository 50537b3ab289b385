/* CRC-32C (Castagnoli), as in record batches and producer snapshots. The hardware form is used where
 * the creation event says that the processor has it; both give the same value. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include "broker/base/slice.h"

enum crc32c_impl { CRC32C_PORTABLE, CRC32C_HARDWARE };

/* crc is that of the bytes before (0 at the start). */
uint32_t crc32c(enum crc32c_impl impl, uint32_t crc, struct slice bytes);

#endif
