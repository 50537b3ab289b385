/* SipHash-1-3: keyed hashing of what a client may choose (topics, groups, members), so that nobody
 * can flood a table; also the source of counter-based random draws. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include "broker/base/slice.h"

struct siphash_key {
    uint64_t k0, k1;
};

uint64_t siphash(struct siphash_key key, struct slice bytes);
/* The hash of the 16 bytes of a then b, little-endian. */
uint64_t siphash_u64x2(struct siphash_key key, uint64_t a, uint64_t b);
/* The same in two steps, where many b come behind one a. */
struct siphash_begun {
    uint64_t v0, v1, v2, v3;
};
struct siphash_begun siphash_begin_u64(struct siphash_key key, uint64_t a);
uint64_t siphash_end_u64(const struct siphash_begun *begun, uint64_t b);

/* The variant with 128 bits: where two keys with one hash would be taken for one key. */
struct siphash_wide {
    uint64_t lo, hi;
};
struct siphash_wide siphash_wide(struct siphash_key key, struct slice bytes);

#endif
