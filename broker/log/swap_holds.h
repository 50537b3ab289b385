/* A crash has left a segment's log as .swap: does it hold, or do the segments that it was made of? It holds when all
 * new segments had got that name, for only then an old one is removed; until then some file is still called .cleaned.
 * (KAFKA-6264: Kafka may split one segment into several; those before it are of an earlier cleaning.) Pure. */
#ifndef LOG_SWAP_HOLDS_H
#define LOG_SWAP_HOLDS_H

#include "broker/base/slice.h"

/* first_cleaned: the least base offset of a .cleaned file; INT64_MAX: there is none. */
bool swap_holds(int64_t base_offset, int64_t first_cleaned);

#endif
