#include "broker/record/builder.h"

#include "broker/base/check.h"

static const struct batch_header blank = {
    .magic = 2,
    .leader_epoch = BATCH_NO_EPOCH,
    .last_offset_delta = -1,
    .base_timestamp = BATCH_NO_TIMESTAMP,
    .max_timestamp = BATCH_NO_TIMESTAMP,
    .producer_id = BATCH_NO_PRODUCER,
    .producer_epoch = BATCH_NO_EPOCH,
    .base_sequence = BATCH_NO_SEQUENCE,
};

void
builder_init(struct batch_builder *b, struct mem *mem, int64_t limit_bytes)
{
    *b = (struct batch_builder){.h = blank, .w = writer_mem(mem), .limit_bytes = limit_bytes};
}

void
builder_release(struct batch_builder *b)
{
    writer_release(&b->w);
}

void
builder_clear(struct batch_builder *b)
{
    b->h = blank;
    b->w.n = 0;
    b->w.err = false;
}

int64_t
record_bytes_max(struct slice key, struct slice value, const struct record_header *headers,
                 int32_t headers_n)
{
    return record_bytes(INT64_MIN, INT32_MAX, key, value, headers, headers_n);
}

bool
builder_add(struct batch_builder *b, int64_t timestamp, struct slice key, struct slice value,
            const struct record_header *headers, int32_t headers_n)
{
    bool first = builder_is_empty(b);
    int64_t base = first ? timestamp : b->h.base_timestamp;
    int64_t delta = (int64_t)((uint64_t)timestamp - (uint64_t)base);
    int32_t at = b->h.records_n;
    int64_t total = builder_size_bytes(b) + record_bytes(delta, at, key, value, headers, headers_n);
    if (!first && b->limit_bytes && total > b->limit_bytes) return false;
    if (!first && (total > INT32_MAX || at == INT32_MAX)) return false;
    record_write(&b->w, delta, at, key, value, headers, headers_n);
    b->h.base_timestamp = base;
    b->h.max_timestamp = MAX(b->h.max_timestamp, timestamp);
    b->h.last_offset_delta = at;
    b->h.records_n = at + 1;
    return true;
}

int64_t
builder_size_bytes(const struct batch_builder *b)
{
    return BATCH_HEADER_BYTES + b->w.n;
}

struct slice
builder_payload(const struct batch_builder *b)
{
    return writer_slice(&b->w);
}

struct buf *
builder_finish_compressed(struct batch_builder *b, enum crc32c_impl impl, struct mem *mem,
                          enum codec codec, struct slice compressed)
{
    CHECK(!builder_is_empty(b));
    b->h.attributes = (int16_t)((b->h.attributes & ~BATCH_CODEC_MASK) | (int16_t)codec);
    struct buf *buf = buf_new(mem, BATCH_HEADER_BYTES + compressed.n);
    buf->n = buf->cap;
    batch_seal(impl, &b->h, compressed, buf->data);
    memcpy(buf->data + BATCH_HEADER_BYTES, compressed.p, (size_t)compressed.n);
    return buf;
}

struct buf *
builder_finish(struct batch_builder *b, enum crc32c_impl impl, struct mem *mem)
{
    return builder_finish_compressed(b, impl, mem, CODEC_NONE, builder_payload(b));
}
