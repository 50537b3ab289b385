/* Record batches, format 2 (KIP-98): what Kafka sends, replicates and stores. A batch is a header of 61
 * bytes (batch_header.h) and records, the records compressed as one stream if the attributes name a codec.
 *
 * Everything here borrows: nothing is allocated or kept. Compression is an operation of the
 * environment; here a compressed payload is opaque bytes. See record.h for what is in a payload,
 * builder.h for making batches, validate.h for what a leader demands of a client, legacy.h for the two
 * older formats. */
#ifndef RECORD_BATCH_H
#define RECORD_BATCH_H

#include "broker/base/bytes.h"
#include "broker/base/crc32c.h"
#include "broker/env/env.h"
#include "broker/record/batch_header.h"

/* With the magic: what tells the formats apart. */
#define BATCH_PEEK_BYTES 17
#define BATCH_NO_TIMESTAMP (-1LL)
#define BATCH_NO_PRODUCER (-1LL)
#define BATCH_NO_SEQUENCE (-1)
#define BATCH_NO_EPOCH (-1)

enum batch_err {
    BATCH_OK = 0,
    BATCH_SHORT,      /* fewer bytes than the batch (or its header) takes: perhaps more follows */
    BATCH_BAD_LENGTH, /* a length that no batch can have */
    BATCH_BAD_MAGIC,  /* not format 2 */
    BATCH_OLD_MAGIC,  /* format 0 or 1, which nobody may write any more (KIP-896) */
    BATCH_BAD_CRC,    /* checksum differs */
    BATCH_BAD_COUNT,  /* record count and offset delta impossible, or unlike what is there */
    BATCH_BAD_RECORD, /* a record that cannot be parsed, or bytes left over */
    BATCH_BAD_CODEC,  /* a codec number that does not exist */
    BATCH_BAD_OFFSET, /* offset deltas are not 0, 1, 2 …, or a client's base offset is not 0 */
    BATCH_BAD_TIMESTAMP, /* out of the topic's limits, or of a type that a client must not set */
    BATCH_BAD_SEQUENCE,  /* a producer id without a valid sequence */
    BATCH_BAD_EPOCH,     /* a producer id without a valid epoch */
    BATCH_IS_CONTROL,    /* control batch from a client */
    BATCH_NO_KEY,        /* a record without key for a compacted topic */
    BATCH_BIG_RECORD,    /* a compressed record that grows beyond max.decompressed.message.bytes */
    BATCH_NOT_ONE,       /* not exactly one batch */
};
/* For people: "checksum differs". */
const char *batch_err_text(enum batch_err err);
/* The error code of Kafka's protocol that a producer gets. */
int16_t batch_err_code(enum batch_err err);

static inline int64_t
batch_size_bytes(const struct batch_header *h)
{
    return BATCH_SPAN_BYTES + (int64_t)h->length;
}
static inline int64_t
batch_last_offset(const struct batch_header *h)
{
    return h->base_offset + h->last_offset_delta;
}
static inline int64_t
batch_next_offset(const struct batch_header *h)
{
    return batch_last_offset(h) + 1;
}
static inline enum codec
batch_codec(const struct batch_header *h)
{
    return (enum codec)(h->attributes & BATCH_CODEC_MASK);
}
static inline bool
batch_is_control(const struct batch_header *h)
{
    return (h->attributes & BATCH_CONTROL) != 0;
}
static inline bool
batch_is_transactional(const struct batch_header *h)
{
    return (h->attributes & BATCH_TRANSACTIONAL) != 0;
}
static inline bool
batch_has_log_append_time(const struct batch_header *h)
{
    return (h->attributes & BATCH_LOG_APPEND_TIME) != 0;
}
static inline bool
batch_has_producer(const struct batch_header *h)
{
    return h->producer_id >= 0;
}
/* Sequences wrap from 2^31 - 1 to 0. n may be negative; from must be >= 0. */
int32_t sequence_add(int32_t from, int64_t n);
/* -1 without a sequence. */
int32_t batch_last_sequence(const struct batch_header *h);

/* The beginning of a batch of any format. */
struct batch_span {
    int64_t base_offset; /* formats 0 and 1: the offset of the (last inner) message */
    int64_t size_bytes;
    int8_t magic;
};
/* Needs BATCH_PEEK_BYTES. BATCH_SHORT, BATCH_BAD_LENGTH (shorter than its format's header, or negative
 * offset) or BATCH_BAD_MAGIC (above 2, or negative). */
enum batch_err batch_peek(struct slice bytes, struct batch_span *ret);

/* Reads the header at the start of `bytes`, which may go on behind the batch or end before its end:
 * BATCH_SHORT is only for fewer than 61 bytes. Checks magic, length and counts; not the CRC. */
enum batch_err batch_parse(struct slice bytes, struct batch_header *ret);
/* As batch_parse, and that the whole batch is there and has its CRC. */
enum batch_err batch_check(enum crc32c_impl impl, struct slice bytes, struct batch_header *ret);
/* What the CRC field should be; bytes is the whole batch. For a batch in pieces: crc32c() from byte
 * 21 of the header on, piece by piece. */
uint32_t batch_crc(enum crc32c_impl impl, struct slice batch);

/* The payload (records, maybe compressed) of a whole batch. */
static inline struct slice
batch_payload(struct slice batch, const struct batch_header *h)
{
    return slice(batch.p + BATCH_HEADER_BYTES, batch_size_bytes(h) - BATCH_HEADER_BYTES);
}

/* Walks over batches of format 2 that lie back to back. *at starts at 0. False at the end or at the
 * first byte that is no batch (*ret_err says which; an incomplete batch at the end is BATCH_SHORT, which
 * is normal in what Fetch returns). *ret_batch is the whole batch. */
bool batch_next(struct slice batches, int64_t *at, struct batch_header *ret,
                struct slice *ret_batch, enum batch_err *ret_err);

/* ---- writing and patching ---- */

/* Completes h (length, crc) for this payload and writes it. */
void batch_seal(enum crc32c_impl impl, struct batch_header *h, struct slice payload,
                uint8_t ret[BATCH_HEADER_BYTES]);

/* What a leader does to a copy of a header: no new CRC needed. */
void batch_patch_offset(uint8_t header[BATCH_HEADER_BYTES], int64_t base_offset,
                        int32_t leader_epoch);
/* A new max timestamp and timestamp type. Changes header and CRC only if there is something to
 * change; payload is the rest of the batch. */
void batch_patch_timestamp(enum crc32c_impl impl, uint8_t header[BATCH_HEADER_BYTES],
                           struct slice payload, bool log_append_time, int64_t max_timestamp);

#endif
