/* Formats 0 and 1, from before 2017: only read, in segments that are as old.
 *
 *      0 offset 8 │ 8 size 4 │ 12 crc 4 (IEEE, of byte 16 to the end) │ 16 magic 1 │ 17 attributes 1
 *      │ format 1: timestamp 8 │ key length 4 (-1 null), key │ value length 4 (-1 null), value
 *
 * A compressed message has a set of messages as its value (KIP-31, 32). The outer offset is that of the
 * last inner message; in format 1 the inner offsets count from 0. */
#ifndef RECORD_LEGACY_H
#define RECORD_LEGACY_H

#include "broker/record/batch.h"

struct legacy_message {
    int64_t offset, timestamp; /* -1: format 0 has none */
    int64_t size_bytes;
    int8_t magic, attributes; /* codec and timestamp type as in format 2 */
    uint32_t crc;
    struct slice key, value;
};

static inline enum codec
legacy_codec(const struct legacy_message *m)
{
    return (enum codec)(m->attributes & BATCH_CODEC_MASK);
}

/* The message at the start of `bytes`, checked: size, CRC, lengths. */
enum batch_err legacy_parse(struct slice bytes, struct legacy_message *ret);

/* The messages within a compressed one; set is its value, decompressed. Offsets and timestamps come
 * out absolute. */
struct legacy_set {
    const struct legacy_message *outer;
    struct slice set;
    int64_t at, shift; /* shift: what makes offsets absolute */
    enum batch_err err;
};
/* BATCH_BAD_RECORD unless the set is whole, of the outer format, and not compressed again. */
enum batch_err legacy_set_begin(struct legacy_set *s, const struct legacy_message *outer,
                                struct slice set);
bool legacy_set_next(struct legacy_set *s, struct legacy_message *ret);

/* CRC-32 (IEEE 802.3). */
uint32_t legacy_crc32(struct slice bytes);

#endif
