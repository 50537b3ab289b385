/* The records in a batch's uncompressed payload: a cursor that reads them one by one, borrowed from the
 * payload, and trusts nothing.
 *
 *      varint length │ attributes 1 │ varlong timestamp delta │ varint offset delta
 *      │ varint key length (-1 null), key │ the same for the value
 *      │ varint headers │ per header: varint key length, key, varint value length (-1 null), value */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include "broker/record/batch.h"

struct record {
    int64_t offset, timestamp;
    int64_t timestamp_delta; /* as written: differs from timestamp with log append time */
    int32_t offset_delta;
    int32_t body_bytes; /* without the length before it */
    int32_t sequence;   /* -1 without a producer */
    struct slice key, value;
    int32_t headers_n;
    struct slice headers; /* undecoded: see record_header_next() */
};

struct record_header {
    struct slice key, value;
};

struct records {
    const struct batch_header *h;
    struct reader r;
    int32_t left; /* records not yet read */
    enum batch_err err;
};

/* Both must outlive the cursor. */
void records_begin(struct records *rs, const struct batch_header *h, struct slice payload);
/* False at the end (rs->err == BATCH_OK: all records were there and nothing else) or at the first that is
 * wrong (BATCH_BAD_RECORD, BATCH_BAD_COUNT); then *ret holds anything. Headers are walked over here, so that record_header_next()
 * cannot fail afterwards. */
bool records_next(struct records *rs, struct record *ret);

/* *at starts at 0 and counts bytes. False after the last. */
bool record_header_next(const struct record *rec, int64_t *at, struct record_header *ret);

/* Writes one record; whoever writes keeps to the deltas' rules. The lengths must fit into 2^30. */
void record_write(struct writer *w, int64_t timestamp_delta, int32_t offset_delta, struct slice key,
                  struct slice value, const struct record_header *headers, int32_t headers_n);
/* The record as it is, but for its timestamp's delta. */
void record_copy(struct writer *w, const struct record *rec, int64_t timestamp_delta);
/* The bytes that record_write() would write. */
int64_t record_bytes(int64_t timestamp_delta, int32_t offset_delta, struct slice key,
                     struct slice value, const struct record_header *headers, int32_t headers_n);

#endif
