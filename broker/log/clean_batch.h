/* One batch as a cleaning leaves it. The ask is twofold: first which of its records stay (clean_batch_look), then, if
 * not all of them do, the batch that holds these (clean_batch_write). Offsets never change: base and last offset, leader
 * epoch, producer and sequence stay what they were, also without any record (KIP-98).
 *
 * A delete horizon (KIP-534) lies in the base timestamp, with a bit in the attributes that says so; the records'
 * timestamps are counted anew from it. */
#ifndef LOG_CLEAN_BATCH_H
#define LOG_CLEAN_BATCH_H

#include "broker/log/batch_retention.h"
#include "broker/log/offset_map.h"
#include "broker/record/record.h"

enum clean_result {
    CLEAN_GONE,
    CLEAN_AS_IT_WAS,
    CLEAN_EMPTY,   /* a header of its own: clean_batch_empty() */
    CLEAN_REBUILT, /* clean_batch_write() */
    CLEAN_BROKEN,  /* its records cannot be read */
};

struct clean_batch {
    struct mem *mem;
    const struct offset_map *map;
    int64_t now_ms, delete_retention_ms;
    /* Of the batch that was looked at last. */
    struct batch_header h;
    struct batch_retention retention;
    VEC(uint8_t) stays; /* of each record: whether */
    int32_t kept_n;
    int64_t first_timestamp, max_timestamp, horizon_ms; /* of what stays */
};

/* payload: its records, not compressed; may be null when the retention drops all of them. */
enum clean_result clean_batch_look(struct clean_batch *c, const struct batch_header *h,
                                   const struct batch_retention *retention, struct slice payload);
/* The records that stay; *ret_h: the batch's header, but for length and CRC (batch_seal). */
void clean_batch_write(const struct clean_batch *c, struct slice payload, struct writer *w,
                       struct batch_header *ret_h);
/* The header of the batch without records, but for length and CRC. */
void clean_batch_empty(const struct clean_batch *c, struct batch_header *ret_h);
void clean_batch_release(struct clean_batch *c);

#endif
