#include "broker/record/legacy.h"

uint32_t
legacy_crc32(struct slice b)
{
    static const uint32_t nibble[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t c = ~0u;
    for (int64_t i = 0; i < b.n; i++) {
        c ^= b.p[i];
        c = c >> 4 ^ nibble[c & 15];
        c = c >> 4 ^ nibble[c & 15];
    }
    return ~c;
}

static struct slice
legacy_nullable(struct reader *r)
{
    int32_t n = reader_i32(r);
    if (n == -1 || r->err) return SLICE_NULL;
    return reader_bytes(r, n);
}

enum batch_err
legacy_parse(struct slice bytes, struct legacy_message *ret)
{
    struct batch_span span;
    enum batch_err err = batch_peek(bytes, &span);
    if (err) return err;
    if (span.magic > 1) return BATCH_BAD_MAGIC;
    if (bytes.n < span.size_bytes) return BATCH_SHORT;
    struct slice covered = slice(bytes.p + 16, span.size_bytes - 16);
    struct reader r = reader(slice(bytes.p + BATCH_SPAN_BYTES, span.size_bytes - BATCH_SPAN_BYTES));
    struct legacy_message m = {.offset = span.base_offset, .size_bytes = span.size_bytes};
    m.crc = reader_u32(&r);
    if (m.crc != legacy_crc32(covered)) return BATCH_BAD_CRC;
    m.magic = reader_i8(&r);
    m.attributes = reader_i8(&r);
    m.timestamp = m.magic == 1 ? reader_i64(&r) : BATCH_NO_TIMESTAMP;
    m.key = legacy_nullable(&r);
    m.value = legacy_nullable(&r);
    if (r.err || reader_left(&r)) return BATCH_BAD_RECORD;
    if (legacy_codec(&m) > CODEC_LZ4) return BATCH_BAD_CODEC;
    if (legacy_codec(&m) != CODEC_NONE && !m.value.p) return BATCH_BAD_RECORD;
    *ret = m;
    return BATCH_OK;
}

enum batch_err
legacy_set_begin(struct legacy_set *s, const struct legacy_message *outer, struct slice set)
{
    struct legacy_message m = {0};
    if (set.n == 0) return BATCH_BAD_RECORD;
    for (int64_t at = 0; at < set.n; at += m.size_bytes) {
        if (legacy_parse(slice(set.p + at, set.n - at), &m)) return BATCH_BAD_RECORD;
        if (m.magic != outer->magic || legacy_codec(&m) != CODEC_NONE) return BATCH_BAD_RECORD;
    }
    int64_t shift = outer->magic == 1 ? outer->offset - m.offset : 0;
    if (shift < 0) return BATCH_BAD_RECORD;
    *s = (struct legacy_set){.outer = outer, .set = set, .shift = shift};
    return BATCH_OK;
}

bool
legacy_set_next(struct legacy_set *s, struct legacy_message *ret)
{
    if (s->at >= s->set.n) return false;
    s->err = legacy_parse(slice(s->set.p + s->at, s->set.n - s->at), ret);
    if (s->err) return false;
    s->at += ret->size_bytes;
    if (ret->offset > INT64_MAX - s->shift) {
        s->err = BATCH_BAD_RECORD;
        return false;
    }
    ret->offset += s->shift;
    if (s->outer->attributes & BATCH_LOG_APPEND_TIME) ret->timestamp = s->outer->timestamp;
    return true;
}
