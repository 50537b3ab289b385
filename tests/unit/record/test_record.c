#include "tests/lib/test.h"

#include "broker/record/builder.h"

static struct mem mem;

/* A batch of n records "k0" "v0" … at timestamps 1000, 1001 …, in memory that may be changed. */
static uint8_t *
make(int n, int64_t *ret_n)
{
    struct batch_builder b;
    builder_init(&b, &mem, 0);
    for (int i = 0; i < n; i++) {
        uint8_t key[2] = {'k', (uint8_t)('0' + i % 10)}, value[2] = {'v', key[1]};
        assert_true(builder_add(&b, 1000 + i, slice(key, 2), slice(value, 2), NULL, 0));
    }
    struct buf *batch = builder_finish(&b, CRC32C_HARDWARE, &mem);
    builder_release(&b);
    *ret_n = batch->n;
    return batch->data;
}

/* Runs over the payload; gives the records read and how it ended. */
static int
count(const struct batch_header *h, struct slice payload, enum batch_err *ret)
{
    struct records rs;
    struct record rec;
    int n = 0;
    records_begin(&rs, h, payload);
    while (records_next(&rs, &rec)) n++;
    *ret = rs.err;
    return n;
}

static void
records_come_back_as_they_went_in(void **state)
{
    (void)state;
    struct batch_builder b;
    test_mem_init(&mem);
    builder_init(&b, &mem, 0);
    b.h.base_offset = 100;
    b.h.producer_id = 5;
    b.h.base_sequence = INT32_MAX;
    struct record_header in[] = {{S("a"), S("1")}, {S(""), SLICE_NULL}, {S("a"), S("")}};
    assert_true(builder_add(&b, 1000, SLICE_NULL, S("value"), in, 3));
    assert_true(builder_add(&b, 900, S(""), SLICE_NULL, NULL, 0));
    struct buf *batch = builder_finish(&b, CRC32C_HARDWARE, &mem);
    struct batch_header h;
    struct records rs;
    struct record rec;
    assert_int_equal(batch_check(CRC32C_HARDWARE, buf_slice(batch), &h), BATCH_OK);
    assert_int_equal(h.max_timestamp, 1000);
    records_begin(&rs, &h, batch_payload(buf_slice(batch), &h));
    assert_true(records_next(&rs, &rec));
    assert_int_equal(rec.offset, 100);
    assert_int_equal(rec.timestamp, 1000);
    assert_int_equal(rec.sequence, INT32_MAX);
    assert_null(rec.key.p);
    assert_slice(rec.value, "value");
    struct record_header rh;
    int64_t at = 0;
    for (int i = 0; i < 3; i++) {
        assert_true(record_header_next(&rec, &at, &rh));
        assert_true(slice_eq(rh.key, in[i].key));
        assert_true(slice_eq(rh.value, in[i].value));
    }
    assert_false(record_header_next(&rec, &at, &rh));
    assert_true(records_next(&rs, &rec));
    assert_int_equal(rec.offset, 101);
    assert_int_equal(rec.timestamp, 900);
    assert_int_equal(rec.sequence, 0);
    assert_true(rec.key.p && rec.key.n == 0);
    assert_null(rec.value.p);
    assert_false(records_next(&rs, &rec));
    assert_int_equal(rs.err, BATCH_OK);
    mem_release(&mem);
}

static void
a_payload_cut_anywhere_is_told(void **state)
{
    (void)state;
    int64_t n;
    struct batch_header h;
    enum batch_err err;
    test_mem_init(&mem);
    uint8_t *p = make(5, &n);
    assert_int_equal(batch_parse(slice(p, n), &h), BATCH_OK);
    for (int64_t k = 0; k < n - 61; k++) {
        assert_true(count(&h, slice(p + 61, k), &err) < 5);
        assert_int_not_equal(err, BATCH_OK);
    }
    assert_int_equal(count(&h, slice(p + 61, n - 61), &err), 5);
    assert_int_equal(err, BATCH_OK);
    mem_release(&mem);
}

static void
fewer_or_more_records_than_announced_are_told(void **state)
{
    (void)state;
    int64_t n;
    struct batch_header h;
    enum batch_err err;
    test_mem_init(&mem);
    uint8_t *p = make(5, &n);
    assert_int_equal(batch_parse(slice(p, n), &h), BATCH_OK);
    h.records_n = 4;
    assert_int_equal(count(&h, slice(p + 61, n - 61), &err), 4);
    assert_int_equal(err, BATCH_BAD_COUNT);
    h.records_n = 6;
    assert_int_equal(count(&h, slice(p + 61, n - 61), &err), 5);
    assert_int_equal(err, BATCH_BAD_COUNT);
    h.records_n = 0;
    assert_int_equal(count(&h, SLICE_EMPTY, &err), 0);
    assert_int_equal(err, BATCH_OK);
    mem_release(&mem);
}

static void
malformed_records_are_refused(void **state)
{
    (void)state;
    /* length, attributes, timestamp, offset, key, value, headers */
    static const struct {
        const char *bytes;
        int64_t n;
    } bad[] = {
        {"\x0e\0\0\0\1\1\0\0", 8},                /* a byte left over in the record */
        {"\x0c\0\0\0\3\1\0", 7},                  /* key length -2 */
        {"\x0c\0\0\0\xfe\x01\0", 7},              /* key longer than the record */
        {"\x0c\0\0\0\1\1\1", 7},                  /* -1 headers */
        {"\x0c\0\0\0\1\1\x02", 7},                /* a header that is not there */
        {"\x10\0\0\0\1\1\2\1\0", 9},              /* a null header key */
        {"\x0c\0\0\1\1\1\0", 7},                  /* offset delta -1 */
        {"\x01", 1},                              /* length -1 */
        {"\xff\xff\xff\xff\x0f\0\0\0\1\1\0", 11}, /* length INT32_MIN */
        {"\x14\0\xff\xff\xff\xff\xff\xff\xff\xff", 10},
    };
    struct batch_header h = {.records_n = 1, .magic = 2};
    enum batch_err err;
    for (int i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(count(&h, slice(bad[i].bytes, bad[i].n), &err), 0);
        assert_int_equal(err, BATCH_BAD_RECORD);
    }
    assert_int_equal(count(&h, S("\x0c\0\0\0\1\1\0"), &err), 1);
    assert_int_equal(err, BATCH_OK);
}

static void
offsets_beyond_the_batch_are_refused(void **state)
{
    (void)state;
    struct batch_header h = {.records_n = 1, .magic = 2, .last_offset_delta = 4};
    enum batch_err err;
    assert_int_equal(count(&h, S("\x0c\0\0\x08\1\1\0"), &err), 1);
    assert_int_equal(count(&h, S("\x0c\0\0\x0a\1\1\0"), &err), 0);
    assert_int_equal(err, BATCH_BAD_OFFSET);
}

static void
log_append_time_overrides_every_record(void **state)
{
    (void)state;
    int64_t n;
    struct batch_header h;
    struct records rs;
    struct record rec;
    test_mem_init(&mem);
    uint8_t *p = make(3, &n);
    batch_patch_timestamp(CRC32C_HARDWARE, p, slice(p + 61, n - 61), true, 9999);
    assert_int_equal(batch_parse(slice(p, n), &h), BATCH_OK);
    records_begin(&rs, &h, slice(p + 61, n - 61));
    while (records_next(&rs, &rec)) assert_int_equal(rec.timestamp, 9999);
    assert_int_equal(rs.err, BATCH_OK);
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back_as_they_went_in),
        cmocka_unit_test(a_payload_cut_anywhere_is_told),
        cmocka_unit_test(fewer_or_more_records_than_announced_are_told),
        cmocka_unit_test(malformed_records_are_refused),
        cmocka_unit_test(offsets_beyond_the_batch_are_refused),
        cmocka_unit_test(log_append_time_overrides_every_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
