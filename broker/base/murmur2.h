/* The two hashes that Kafka's clients and coordinators agree on. */
#ifndef BASE_MURMUR2_H
#define BASE_MURMUR2_H

#include "broker/base/slice.h"

/* Kafka's murmur2 (seed 0x9747b28c): the default partitioner takes (hash & 0x7fffffff) % n. */
int32_t murmur2(struct slice key);
/* java.lang.String.hashCode of a UTF-8 text (over UTF-16 units). */
int32_t java_string_hash(struct slice utf8);
/* abs() as Kafka's Utils.abs: 0 for INT32_MIN. */
int32_t java_abs(int32_t v);

#endif
