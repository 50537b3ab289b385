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

static int64_t
nullable_bytes(struct slice s)
{
    return s.p ? varint_bytes((int32_t)s.n) + s.n : 1;
}

/* Lengths that a record can express; the owner's limits are far below. */
static void
check_length(struct slice s)
{
    CHECK(s.n >= 0 && s.n <= INT32_MAX / 2);
}

/* Of everything between the offset delta and the end. */
static int64_t
tail_bytes(struct slice key, struct slice value, const struct record_header *headers,
           int32_t headers_n)
{
    check_length(key);
    check_length(value);
    int64_t n = nullable_bytes(key) + nullable_bytes(value) + varint_bytes(headers_n);
    for (int32_t i = 0; i < headers_n; i++) {
        check_length(headers[i].key);
        check_length(headers[i].value);
        n += varint_bytes((int32_t)headers[i].key.n) + headers[i].key.n;
        n += nullable_bytes(headers[i].value);
    }
    return n;
}

int64_t
record_bytes_max(struct slice key, struct slice value, const struct record_header *headers,
                 int32_t headers_n)
{
    enum { LENGTH = 5, ATTRIBUTES = 1, TIMESTAMP = 10, OFFSET = 5 };
    return LENGTH + ATTRIBUTES + TIMESTAMP + OFFSET + tail_bytes(key, value, headers, headers_n);
}

static void
nullable_write(struct writer *w, struct slice s)
{
    writer_varint(w, s.p ? (int32_t)s.n : -1);
    if (s.p) writer_bytes(w, s);
}

bool
builder_add(struct batch_builder *b, int64_t timestamp, struct slice key, struct slice value,
            const struct record_header *headers, int32_t headers_n)
{
    bool first = b->h.records_n == 0;
    int64_t base = first ? timestamp : b->h.base_timestamp;
    int64_t delta = (int64_t)((uint64_t)timestamp - (uint64_t)base);
    int64_t n = 1 + varlong_bytes(delta) + varint_bytes(b->h.records_n) +
                tail_bytes(key, value, headers, headers_n);
    CHECK(n <= INT32_MAX);
    int64_t total = builder_size_bytes(b) + varint_bytes((int32_t)n) + n;
    if (!first && b->limit_bytes && total > b->limit_bytes) return false;
    if (!first && (total > INT32_MAX || b->h.records_n == INT32_MAX)) return false;

    struct writer *w = &b->w;
    writer_varint(w, (int32_t)n);
    writer_i8(w, 0);
    writer_varlong(w, delta);
    writer_varint(w, b->h.records_n);
    nullable_write(w, key);
    nullable_write(w, value);
    writer_varint(w, headers_n);
    for (int32_t i = 0; i < headers_n; i++) {
        writer_varint(w, (int32_t)headers[i].key.n);
        writer_bytes(w, headers[i].key);
        nullable_write(w, headers[i].value);
    }
    b->h.base_timestamp = base;
    b->h.max_timestamp = MAX(b->h.max_timestamp, timestamp);
    b->h.last_offset_delta = b->h.records_n++;
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
