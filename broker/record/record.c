#include "broker/record/record.h"

#include "broker/base/check.h"

void
records_begin(struct records *rs, const struct batch_header *h, struct slice payload)
{
    *rs = (struct records){.h = h, .r = reader(payload), .left = h->records_n};
}

static bool
records_fail(struct records *rs, enum batch_err err)
{
    rs->err = err;
    rs->left = 0;
    return false;
}

/* A length and that many bytes; -1 is null. */
static struct slice
record_nullable(struct reader *r)
{
    int32_t n = reader_varint(r);
    if (n == -1 || r->err) return SLICE_NULL;
    return reader_bytes(r, n);
}

static void
header_read(struct reader *r, struct record_header *ret)
{
    /* Kafka refuses a null header key; so a length of -1 is an error here. */
    ret->key = reader_bytes(r, reader_varint(r));
    ret->value = record_nullable(r);
}

static void
headers_skip(struct reader *r, int32_t n)
{
    struct record_header unused;
    if (n < 0) r->err = true;
    for (int32_t i = 0; i < n && !r->err; i++) header_read(r, &unused);
}

static int64_t
timestamp_of(const struct batch_header *h, int64_t delta)
{
    if (batch_has_log_append_time(h)) return h->max_timestamp;
    return (int64_t)((uint64_t)h->base_timestamp + (uint64_t)delta);
}

/* One record whose bytes are exactly `body`: all but its place in the log. */
static bool
record_read(const struct batch_header *h, struct slice body, struct record *ret)
{
    struct reader r = reader(body);
    reader_skip(&r, 1); /* attributes: none are defined */
    ret->timestamp_delta = reader_varlong(&r);
    ret->timestamp = timestamp_of(h, ret->timestamp_delta);
    ret->offset_delta = reader_varint(&r);
    ret->key = record_nullable(&r);
    ret->value = record_nullable(&r);
    ret->headers_n = reader_varint(&r);
    const uint8_t *headers = r.p;
    headers_skip(&r, ret->headers_n);
    if (r.err || reader_left(&r) || ret->offset_delta < 0) return false;
    ret->headers = slice(headers, r.p - headers);
    return true;
}

bool
records_next(struct records *rs, struct record *ret)
{
    if (rs->left == 0) {
        if (rs->err == BATCH_OK && reader_left(&rs->r)) rs->err = BATCH_BAD_COUNT;
        return false;
    }
    if (!reader_left(&rs->r)) return records_fail(rs, BATCH_BAD_COUNT);
    int32_t n = reader_varint(&rs->r);
    struct slice body = reader_bytes(&rs->r, n);
    if (rs->r.err) return records_fail(rs, BATCH_BAD_RECORD);
    if (!record_read(rs->h, body, ret)) return records_fail(rs, BATCH_BAD_RECORD);
    if (ret->offset_delta > rs->h->last_offset_delta) return records_fail(rs, BATCH_BAD_OFFSET);
    ret->body_bytes = n;
    ret->offset = rs->h->base_offset + ret->offset_delta;
    ret->sequence = rs->h->base_sequence >= 0
                      ? sequence_add(rs->h->base_sequence, ret->offset_delta)
                      : BATCH_NO_SEQUENCE;
    rs->left--;
    return true;
}

bool
record_header_next(const struct record *rec, int64_t *at, struct record_header *ret)
{
    if (*at >= rec->headers.n) return false;
    struct reader r = reader(slice(rec->headers.p + *at, rec->headers.n - *at));
    header_read(&r, ret);
    CHECK(!r.err);
    *at = r.p - rec->headers.p;
    return true;
}

static int64_t
nullable_bytes(struct slice s)
{
    CHECK(s.n >= 0 && s.n <= 1 << 30);
    return s.p ? varint_bytes((int32_t)s.n) + s.n : 1;
}

/* Without the length itself. */
static int64_t
body_bytes(int64_t timestamp_delta, int32_t offset_delta, struct slice key, struct slice value,
           const struct record_header *headers, int32_t headers_n)
{
    int64_t n = 1 + varlong_bytes(timestamp_delta) + varint_bytes(offset_delta);
    n += nullable_bytes(key) + nullable_bytes(value) + varint_bytes(headers_n);
    for (int32_t i = 0; i < headers_n; i++) {
        CHECK(headers[i].key.p);
        n += nullable_bytes(headers[i].key) + nullable_bytes(headers[i].value);
    }
    CHECK(n <= INT32_MAX);
    return n;
}

int64_t
record_bytes(int64_t timestamp_delta, int32_t offset_delta, struct slice key, struct slice value,
             const struct record_header *headers, int32_t headers_n)
{
    int64_t n = body_bytes(timestamp_delta, offset_delta, key, value, headers, headers_n);
    return varint_bytes((int32_t)n) + n;
}

static void
nullable_write(struct writer *w, struct slice s)
{
    writer_varint(w, s.p ? (int32_t)s.n : -1);
    if (s.p) writer_bytes(w, s);
}

void
record_write(struct writer *w, int64_t timestamp_delta, int32_t offset_delta, struct slice key,
             struct slice value, const struct record_header *headers, int32_t headers_n)
{
    int64_t n = body_bytes(timestamp_delta, offset_delta, key, value, headers, headers_n);
    writer_varint(w, (int32_t)n);
    writer_i8(w, 0);
    writer_varlong(w, timestamp_delta);
    writer_varint(w, offset_delta);
    nullable_write(w, key);
    nullable_write(w, value);
    writer_varint(w, headers_n);
    for (int32_t i = 0; i < headers_n; i++) {
        nullable_write(w, headers[i].key);
        nullable_write(w, headers[i].value);
    }
}

void
record_copy(struct writer *w, const struct record *rec, int64_t timestamp_delta)
{
    int64_t n = 1 + varlong_bytes(timestamp_delta) + varint_bytes(rec->offset_delta) +
                nullable_bytes(rec->key) + nullable_bytes(rec->value) +
                varint_bytes(rec->headers_n) + rec->headers.n;
    CHECK(n <= INT32_MAX);
    writer_varint(w, (int32_t)n);
    writer_i8(w, 0);
    writer_varlong(w, timestamp_delta);
    writer_varint(w, rec->offset_delta);
    nullable_write(w, rec->key);
    nullable_write(w, rec->value);
    writer_varint(w, rec->headers_n);
    writer_bytes(w, rec->headers);
}
