/* The last offset of each key in the dirty part of a log: what a cleaning asks of each record. Memory is bounded
 * (log.cleaner.dedupe.buffer.size), so the map holds no keys, but a hash of 128 bits of each (key_hash.h); at 24 bytes
 * a key, as Apache Kafka's map. Nothing depends on where an entry lies. */
#ifndef LOG_OFFSET_MAP_H
#define LOG_OFFSET_MAP_H

#include "broker/base/mem.h"
#include "broker/log/key_hash.h"

struct offset_slot {
    struct siphash_wide hash;
    int64_t after; /* the offset + 1; 0: free */
};
#define OFFSET_SLOT_BYTES ((int64_t)sizeof(struct offset_slot))

struct offset_map {
    struct mem *mem;
    struct siphash_key key;
    struct offset_slot *slots;
    int64_t slots_n, cleared_n;
    int64_t n, max; /* keys; never more than max < slots_n */
    int64_t
        latest; /* up to here every record is in the map, or has none: the owner's; -1 at first */
};

/* How many slots: enough for `keys` keys at this load, within `bytes`; at least two. */
int64_t offset_map_slots(int64_t keys, int64_t bytes, int64_t load_millionths);

/* Not ready before offset_map_clear_some() has said so: there may be much to clear. */
void offset_map_init(struct offset_map *m, struct mem *mem, struct siphash_key key, int64_t slots_n,
                     int64_t load_millionths);
/* Clears some, a bounded piece. True: it is ready. */
bool offset_map_clear_some(struct offset_map *m);
void offset_map_release(struct offset_map *m);

/* False: it is full. An offset that is not above the key's changes nothing. */
bool offset_map_put(struct offset_map *m, struct slice key, int64_t offset);
/* -1: not in the map. */
int64_t offset_map_get(const struct offset_map *m, struct slice key);

#endif
