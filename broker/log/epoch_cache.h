/* Which leader epoch began at which offset (KIP-101): the list in leader-epoch-checkpoint. Epochs and
 * offsets both ascend strictly. Pure: no file is touched here. */
#ifndef LOG_EPOCH_CACHE_H
#define LOG_EPOCH_CACHE_H

#include "broker/base/bytes.h"

struct epoch_entry {
    int32_t epoch;
    int64_t start_offset;
};

struct epoch_cache {
    VEC(struct epoch_entry) v;
};

struct epoch_end {
    int32_t epoch; /* -1: unknown */
    int64_t end_offset;
};

void epoch_cache_release(struct epoch_cache *c, struct mem *mem);
/* True if it changed. An epoch that is not newer than the latest changes nothing. Entries at or above
 * start_offset go: they had no records. */
bool epoch_cache_assign(struct epoch_cache *c, struct mem *mem, int32_t epoch,
                        int64_t start_offset);
/* A leader of this epoch begins: entries of later epochs go, as in Kafka. True if it changed. */
bool epoch_cache_begin(struct epoch_cache *c, struct mem *mem, int32_t epoch, int64_t start_offset);
/* -1 when empty. */
int32_t epoch_cache_latest(const struct epoch_cache *c);
/* The epoch under which `offset` was (or would be) written; -1 below the first entry. */
int32_t epoch_cache_at(const struct epoch_cache *c, int64_t offset);
/* The largest epoch ≤ `epoch` and the offset at which it ended; of the latest epoch: log_end. Unknown
 * (-1, -1) for an epoch above the latest or when the cache is empty. An epoch below the first: that
 * epoch itself with the first entry's start (KIP-279). */
struct epoch_end epoch_cache_end_offset(const struct epoch_cache *c, int32_t epoch,
                                        int64_t log_end);
/* Removes entries that start at or above offset. True if any did. */
bool epoch_cache_truncate_end(struct epoch_cache *c, int64_t offset);
/* The log has a batch of this epoch: the list agrees afterwards. Out go entries of later epochs that begin at or below
 * its end (they had no records, and another leader wrote there since), and its own epoch begins with it if the list
 * has none or a later beginning. An epoch of -1 (batches of old formats) says nothing. True if the list changed. */
bool epoch_cache_take_batch(struct epoch_cache *c, struct mem *mem, int32_t epoch,
                            int64_t base_offset, int64_t last_offset);
/* Removes entries that ended at or below offset; the one in force there starts at offset now. */
bool epoch_cache_truncate_start(struct epoch_cache *c, int64_t offset);

/* The checkpoint's text: "0", count, "epoch start" lines. */
void epoch_cache_print(const struct epoch_cache *c, struct writer *w);
/* False: not such a text, or not ascending; the cache is then empty. */
bool epoch_cache_parse(struct epoch_cache *c, struct mem *mem, struct slice text);

#endif
