/* The header of a record batch, format 2 (KIP-98), big-endian:
 *
 *      0 base offset 8 │ 8 length 4 │ 12 leader epoch 4 │ 16 magic 1 │ 17 crc 4 │ 21 attributes 2
 *      23 last offset delta 4 │ 27 base timestamp 8 │ 35 max timestamp 8
 *      43 producer id 8 │ 51 producer epoch 2 │ 53 base sequence 4 │ 57 records 4 │ 61 …
 *
 * The length counts from byte 12 on. The CRC covers byte 21 to the end, so a leader can give a batch its
 * offset and epoch without touching it; a new max timestamp needs a new CRC. */
#ifndef RECORD_BATCH_HEADER_H
#define RECORD_BATCH_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#define BATCH_HEADER_BYTES 61
/* Offset and length: what every format begins with. */
#define BATCH_SPAN_BYTES 12

enum {
    BATCH_CODEC_MASK = 7,
    BATCH_LOG_APPEND_TIME = 8, /* every record takes the max timestamp */
    BATCH_TRANSACTIONAL = 16,
    BATCH_CONTROL = 32,
    BATCH_DELETE_HORIZON = 64, /* the base timestamp is a delete horizon; deltas count from it */
};

struct batch_header {
    int64_t base_offset;
    int32_t length; /* bytes behind this field */
    int32_t leader_epoch;
    int8_t magic;
    uint32_t crc;
    int16_t attributes;
    int32_t last_offset_delta;
    int64_t base_timestamp, max_timestamp;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t records_n;
};

/* From and to its 61 bytes, whatever stands in them. */
void batch_header_read(const uint8_t bytes[BATCH_HEADER_BYTES], struct batch_header *ret);
void batch_header_write(const struct batch_header *h, uint8_t ret[BATCH_HEADER_BYTES]);

/* Whether the counts can be true, asked before anything is allocated for so many records. A compacted batch may have fewer
 * records than offsets, or none; never more. Each record takes at least seven bytes, of which compression may save most: so
 * only uncompressed counts are held against the length. */
bool batch_counts_fit(const struct batch_header *h);

#endif
