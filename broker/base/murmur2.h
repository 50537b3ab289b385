/* Where a record with a key goes. All of Kafka's Java clients agree on it, and many others: the records of a key stand in one
 * partition, in order, as long as the number of partitions stays what it is. */
#ifndef BASE_MURMUR2_H
#define BASE_MURMUR2_H

#include "broker/base/slice.h"

/* Kafka's murmur2: Austin Appleby's MurmurHash2 for 32 bits, seed 0x9747b28c, words little-endian. */
int32_t murmur2(struct slice key);
/* The default partitioner: (hash without its sign) modulo the number of partitions, which is above 0. The key is not null. */
int32_t partition_of_key(struct slice key, int32_t partitions);

#endif
