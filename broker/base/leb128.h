/* Numbers of as few bytes as they need: LEB128, seven bits a byte, the lowest first; the top bit says that more follow.
 * A number with a sign is folded first (*zigzag*), so that -1 is as short as 1:
 *
 *      0 → 0    -1 → 1    1 → 2    -2 → 3    2 → 4   …
 *
 * bytes.h reads and writes the short ones itself. */
#ifndef BASE_LEB128_H
#define BASE_LEB128_H

#include <stdint.h>

#define LEB128_MAX_BYTES 10

/* The number at p, of which n bytes are there, and of which no more than `bits` bits (32 or 64) may be set. Returns how many
 * bytes it takes; 0: it goes on behind the n bytes, takes more than it may, or is too large. */
int leb128_read(const uint8_t *p, int64_t n, int bits, uint64_t *ret);
/* Writes v, and returns how many bytes it took. */
int leb128_write(uint64_t v, uint8_t ret[LEB128_MAX_BYTES]);

/* The bytes that a value takes: as it is, and folded. */
int uvarint_bytes(uint32_t v);
int varint_bytes(int32_t v);
int varlong_bytes(int64_t v);

#endif
