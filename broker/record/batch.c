#include "broker/record/batch.h"

#include "broker/base/check.h"

/* Where fields lie in the header. */
enum {
    AT_LENGTH = 8,
    AT_EPOCH = 12,
    AT_MAGIC = 16,
    AT_CRC = 17,
    AT_ATTRIBUTES = 21,
    AT_MAX_TS = 35
};

/* The shortest message of formats 0 and 1, from byte 12 on: crc, magic, attributes, (timestamp,) key
 * length, value length. */
#define LEGACY_MIN_BYTES(magic) ((magic) == 0 ? 14 : 22)

const char *
batch_err_text(enum batch_err err)
{
    switch (err) {
    case BATCH_OK: return "no error";
    case BATCH_SHORT: return "batch is incomplete";
    case BATCH_BAD_LENGTH: return "impossible batch length";
    case BATCH_BAD_MAGIC: return "unknown batch format";
    case BATCH_OLD_MAGIC: return "batches of formats 0 and 1 are not taken";
    case BATCH_BAD_CRC: return "checksum differs";
    case BATCH_BAD_COUNT: return "record count and offsets disagree";
    case BATCH_BAD_RECORD: return "malformed record";
    case BATCH_BAD_CODEC: return "unknown compression type";
    case BATCH_BAD_OFFSET: return "offsets do not begin at 0, or are not consecutive";
    case BATCH_BAD_TIMESTAMP: return "timestamp is out of range";
    case BATCH_BAD_SEQUENCE: return "producer id without a valid sequence";
    case BATCH_BAD_EPOCH: return "producer id without a valid epoch";
    case BATCH_IS_CONTROL: return "clients must not write control records";
    case BATCH_NO_KEY: return "compacted topics need a key";
    case BATCH_BIG_RECORD:
        return "decompressed, a record is larger than max.decompressed.message.bytes allows";
    case BATCH_NOT_ONE: return "not exactly one batch";
    }
    return "unknown error";
}

int16_t
batch_err_code(enum batch_err err)
{
    enum { NONE = 0, CORRUPT = 2, INVALID_TIMESTAMP = 32, INVALID_PRODUCER_EPOCH = 47 };
    enum { UNSUPPORTED_COMPRESSION = 76, INVALID_RECORD = 87 };
    switch (err) {
    case BATCH_OK: return NONE;
    case BATCH_SHORT:
    case BATCH_BAD_LENGTH:
    case BATCH_BAD_MAGIC:
    case BATCH_BAD_CRC: return CORRUPT;
    case BATCH_BAD_EPOCH: return INVALID_PRODUCER_EPOCH;
    case BATCH_BAD_CODEC: return UNSUPPORTED_COMPRESSION;
    case BATCH_BAD_TIMESTAMP: return INVALID_TIMESTAMP;
    case BATCH_OLD_MAGIC:
    case BATCH_BAD_COUNT:
    case BATCH_BAD_RECORD:
    case BATCH_BAD_OFFSET:
    case BATCH_BAD_SEQUENCE:
    case BATCH_IS_CONTROL:
    case BATCH_NO_KEY:
    case BATCH_BIG_RECORD:
    case BATCH_NOT_ONE: return INVALID_RECORD;
    }
    return INVALID_RECORD;
}

int32_t
sequence_add(int32_t from, int64_t n)
{
    CHECK(from >= 0);
    return (int32_t)(((int64_t)from + n) & INT32_MAX);
}

int32_t
batch_last_sequence(const struct batch_header *h)
{
    if (h->base_sequence < 0) return BATCH_NO_SEQUENCE;
    return sequence_add(h->base_sequence, h->last_offset_delta);
}

enum batch_err
batch_peek(struct slice bytes, struct batch_span *ret)
{
    if (bytes.n < BATCH_PEEK_BYTES) return BATCH_SHORT;
    int64_t offset = (int64_t)load_be64(bytes.p);
    int32_t length = (int32_t)load_be32(bytes.p + AT_LENGTH);
    int8_t magic = (int8_t)bytes.p[AT_MAGIC];
    if (magic < 0 || magic > 2) return BATCH_BAD_MAGIC;
    int32_t min = magic == 2 ? BATCH_HEADER_BYTES - BATCH_SPAN_BYTES : LEGACY_MIN_BYTES(magic);
    if (length < min || offset < 0) return BATCH_BAD_LENGTH;
    *ret = (struct batch_span){offset, BATCH_SPAN_BYTES + (int64_t)length, magic};
    return BATCH_OK;
}

enum batch_err
batch_parse(struct slice bytes, struct batch_header *ret)
{
    struct batch_span span;
    enum batch_err err = batch_peek(bytes, &span);
    if (err) return err;
    if (span.magic != 2) return BATCH_BAD_MAGIC;
    if (bytes.n < BATCH_HEADER_BYTES) return BATCH_SHORT;
    struct batch_header h;
    batch_header_read(bytes.p, &h);
    if (!batch_counts_fit(&h) || h.base_offset > INT64_MAX - h.last_offset_delta - 1)
        return BATCH_BAD_COUNT;
    *ret = h;
    return BATCH_OK;
}

uint32_t
batch_crc(enum crc32c_impl impl, struct slice batch)
{
    CHECK(batch.n >= BATCH_HEADER_BYTES);
    return crc32c(impl, 0, slice(batch.p + AT_ATTRIBUTES, batch.n - AT_ATTRIBUTES));
}

enum batch_err
batch_check(enum crc32c_impl impl, struct slice bytes, struct batch_header *ret)
{
    /* The CRC first: counts mean nothing in a batch that was torn. */
    struct batch_span span;
    enum batch_err err = batch_peek(bytes, &span);
    if (err) return err;
    if (span.magic != 2) return BATCH_BAD_MAGIC;
    if (bytes.n < span.size_bytes) return BATCH_SHORT;
    if (batch_crc(impl, slice(bytes.p, span.size_bytes)) != load_be32(bytes.p + AT_CRC))
        return BATCH_BAD_CRC;
    return batch_parse(bytes, ret);
}

bool
batch_next(struct slice batches, int64_t *at, struct batch_header *ret, struct slice *ret_batch,
           enum batch_err *ret_err)
{
    *ret_err = BATCH_OK;
    if (*at >= batches.n) return false;
    struct slice rest = slice(batches.p + *at, batches.n - *at);
    struct batch_header h;
    enum batch_err err = batch_parse(rest, &h);
    if (!err && batch_size_bytes(&h) > rest.n) err = BATCH_SHORT;
    if (err) {
        *ret_err = err;
        return false;
    }
    *ret = h;
    *ret_batch = slice(rest.p, batch_size_bytes(&h));
    *at += batch_size_bytes(&h);
    return true;
}

/* Over a header that is written already. */
static uint32_t
crc_of_parts(enum crc32c_impl impl, const uint8_t header[BATCH_HEADER_BYTES], struct slice payload)
{
    struct slice covered = slice(header + AT_ATTRIBUTES, BATCH_HEADER_BYTES - AT_ATTRIBUTES);
    return crc32c(impl, crc32c(impl, 0, covered), payload);
}

void
batch_seal(enum crc32c_impl impl, struct batch_header *h, struct slice payload,
           uint8_t ret[BATCH_HEADER_BYTES])
{
    CHECK(payload.n <= INT32_MAX - BATCH_HEADER_BYTES);
    h->magic = 2;
    h->length = (int32_t)(BATCH_HEADER_BYTES - BATCH_SPAN_BYTES + payload.n);
    batch_header_write(h, ret);
    h->crc = crc_of_parts(impl, ret, payload);
    store_be32(ret + AT_CRC, h->crc);
}

void
batch_patch_offset(uint8_t header[BATCH_HEADER_BYTES], int64_t base_offset, int32_t leader_epoch)
{
    store_be64(header, (uint64_t)base_offset);
    store_be32(header + AT_EPOCH, (uint32_t)leader_epoch);
}

void
batch_patch_timestamp(enum crc32c_impl impl, uint8_t header[BATCH_HEADER_BYTES],
                      struct slice payload, bool log_append_time, int64_t max_timestamp)
{
    enum { KNOWN = BATCH_CODEC_MASK | BATCH_TRANSACTIONAL | BATCH_CONTROL | BATCH_DELETE_HORIZON };
    uint16_t old = load_be16(header + AT_ATTRIBUTES);
    bool was_log_append_time = (old & BATCH_LOG_APPEND_TIME) != 0;
    if (was_log_append_time == log_append_time &&
        (int64_t)load_be64(header + AT_MAX_TS) == max_timestamp)
        return;
    uint16_t attributes = (uint16_t)(old & KNOWN); /* unknown bits go, as in Kafka */
    if (log_append_time) attributes |= BATCH_LOG_APPEND_TIME;
    store_be16(header + AT_ATTRIBUTES, attributes);
    store_be64(header + AT_MAX_TS, (uint64_t)max_timestamp);
    store_be32(header + AT_CRC, crc_of_parts(impl, header, payload));
}
