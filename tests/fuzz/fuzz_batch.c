/* Any bytes as what a client produces or a disk gives back: whatever the checks let through must be
 * walked without harm, and what was written again must be what was read. */
#include <stdlib.h>

#include "broker/base/check.h"
#include "broker/record/control.h"
#include "broker/record/legacy.h"
#include "broker/record/validate.h"
#include "broker/work/work.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/test.h"

static int64_t
walk(const struct batch_header *h, struct slice payload)
{
    struct records rs;
    struct record rec;
    struct record_header rh;
    int64_t sum = 0;
    int32_t n = 0;
    records_begin(&rs, h, payload);
    for (; records_next(&rs, &rec); n++) {
        CHECK(rec.offset >= h->base_offset && rec.offset <= batch_last_offset(h));
        CHECK(rec.key.n >= 0 && rec.value.n >= 0 && rec.headers.n >= 0);
        int32_t headers = 0;
        for (int64_t at = 0; record_header_next(&rec, &at, &rh); headers++) sum += rh.key.n;
        CHECK(headers == rec.headers_n);
        int16_t type;
        (void)control_key_parse(rec.key, &type);
    }
    CHECK(rs.err || n == h->records_n);
    return sum;
}

static void
try_batch(struct slice batch, const struct batch_header *h)
{
    static const struct produce_rules rules = {
        .now_ms = 1700000000000, .before_max_ms = INT64_MAX, .after_max_ms = 3600000};
    struct seg seg = {.bytes = batch_payload(batch, h)};
    struct work_result plain;
    struct produce_result res;
    if (batch_codec(h) > CODEC_ZSTD) return;
    if (work_run(WORK_DECOMPRESS, batch_codec(h), 0, &seg, 1, 1 << 20, &plain)) return;
    struct slice payload = slice(plain.p ? plain.p : (const uint8_t *)"", plain.n);
    (void)walk(h, payload);
    (void)produce_check_records(h, payload, &rules, &res);
    free(plain.p);
}

/* The CRC keeps a fuzzer out: so it is set right first. */
static void
mend_crc(uint8_t *p, int64_t n)
{
    struct batch_span span;
    if (batch_peek(slice(p, n), &span) || span.magic != 2 || span.size_bytes > n) return;
    store_be32(p + 17, batch_crc(CRC32C_HARDWARE, slice(p, span.size_bytes)));
}

static void
try_v2(struct slice s)
{
    struct batch_header h;
    struct slice batch;
    enum batch_err err;
    int64_t at = 0;
    while (batch_next(s, &at, &h, &batch, &err)) {
        CHECK(at <= s.n && batch.n >= BATCH_HEADER_BYTES);
        uint8_t header[BATCH_HEADER_BYTES];
        batch_header_write(&h, header);
        CHECK(memcmp(header, batch.p, BATCH_HEADER_BYTES) == 0);
        try_batch(batch, &h);
    }
    (void)produce_check_batch(CRC32C_HARDWARE, s, &h);
}

static void
try_legacy(struct slice s)
{
    struct legacy_message m, inner;
    struct legacy_set set;
    if (legacy_parse(s, &m) || m.value.p == NULL) return;
    if (legacy_set_begin(&set, &m, m.value)) return;
    while (legacy_set_next(&set, &inner)) CHECK(inner.value.n >= 0);
}

static void
mend_legacy(uint8_t *p, int64_t n)
{
    struct batch_span span;
    if (batch_peek(slice(p, n), &span) || span.magic > 1 || span.size_bytes > n) return;
    store_be32(p + 12, legacy_crc32(slice(p + 16, span.size_bytes - 16)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A block of exactly this size, so that one byte too far is seen. */
    uint8_t *p = malloc(size ? size : 1);
    if (size) memcpy(p, data, size);
    mend_crc(p, (int64_t)size);
    mend_legacy(p, (int64_t)size);
    try_v2(slice(p, (int64_t)size));
    try_legacy(slice(p, (int64_t)size));
    free(p);
    return 0;
}
