#include "tests/lib/test.h"

#include "broker/record/control.h"
#include "broker/record/validate.h"

static struct mem mem;
static const struct produce_rules rules = {
    .now_ms = 100000, .before_max_ms = 50000, .after_max_ms = 1000};

static void
builder_start(struct batch_builder *b)
{
    test_mem_init(&mem);
    builder_init(b, &mem, 0);
    assert_true(builder_add(b, 99000, S("k"), S("a"), NULL, 0));
    assert_true(builder_add(b, 99500, SLICE_NULL, S("b"), NULL, 0));
}

static enum batch_err
check(struct batch_builder *b)
{
    struct batch_header h;
    struct buf *batch = builder_finish(b, CRC32C_HARDWARE, &mem);
    return produce_check_batch(CRC32C_HARDWARE, buf_slice(batch), &h);
}

/* As check(), with a header that the builder would not make. */
static enum batch_err
check_header(struct batch_header *h, struct slice payload)
{
    uint8_t whole[200];
    struct batch_header got;
    assert_true(payload.n <= 100);
    batch_seal(CRC32C_HARDWARE, h, payload, whole);
    memcpy(whole + BATCH_HEADER_BYTES, payload.p, (size_t)payload.n);
    return produce_check_batch(CRC32C_HARDWARE, slice(whole, BATCH_HEADER_BYTES + payload.n), &got);
}

static enum batch_err
check_records(struct batch_builder *b, const struct produce_rules *r, struct produce_result *ret)
{
    return produce_check_records(&b->h, builder_payload(b), r, ret);
}

static void
an_honest_batch_passes_with_its_largest_timestamp(void **state)
{
    (void)state;
    struct batch_builder b;
    struct produce_result res;
    builder_start(&b);
    assert_int_equal(check(&b), BATCH_OK);
    assert_int_equal(check_records(&b, &rules, &res), BATCH_OK);
    assert_int_equal(res.max_timestamp, 99500);
    assert_int_equal(res.bad_record, -1);
    mem_release(&mem);
}

static void
exactly_one_batch_is_wanted(void **state)
{
    (void)state;
    struct batch_builder b;
    struct batch_header h;
    builder_start(&b);
    struct buf *one = builder_finish(&b, CRC32C_HARDWARE, &mem);
    struct buf *two = buf_new(&mem, one->n * 2);
    memcpy(two->data, one->data, (size_t)one->n);
    memcpy(two->data + one->n, one->data, (size_t)one->n);
    assert_int_equal(produce_check_batch(CRC32C_HARDWARE, slice(two->data, one->n * 2), &h),
                     BATCH_NOT_ONE);
    assert_int_equal(produce_check_batch(CRC32C_HARDWARE, SLICE_NULL, &h), BATCH_NOT_ONE);
    mem_release(&mem);
}

/* In Kafka's sets an incomplete batch at the end is none. */
static void
what_is_incomplete_is_no_batch(void **state)
{
    (void)state;
    struct batch_builder b;
    struct batch_header h;
    builder_start(&b);
    struct buf *one = builder_finish(&b, CRC32C_HARDWARE, &mem);
    struct buf *two = buf_new(&mem, one->n * 2);
    memcpy(two->data, one->data, (size_t)one->n);
    memcpy(two->data + one->n, one->data, (size_t)one->n);
    for (int64_t n = 0; n < one->n; n++)
        assert_int_equal(produce_check_batch(CRC32C_HARDWARE, slice(one->data, n), &h),
                         BATCH_NOT_ONE);
    for (int64_t n = one->n; n < 2 * one->n; n++) {
        assert_int_equal(produce_check_batch(CRC32C_HARDWARE, slice(two->data, n), &h), BATCH_OK);
        assert_int_equal(batch_size_bytes(&h), one->n);
    }
    mem_release(&mem);
}

static void
only_format_2_from_offset_0_is_taken(void **state)
{
    (void)state;
    static const struct {
        int64_t base_offset;
        int8_t magic;
        enum batch_err err;
        int16_t code;
    } cases[] = {
        {0, 0, BATCH_OLD_MAGIC, 87}, {0, 1, BATCH_OLD_MAGIC, 87},  {0, 3, BATCH_BAD_MAGIC, 2},
        {0, -1, BATCH_BAD_MAGIC, 2}, {1, 2, BATCH_BAD_OFFSET, 87}, {-1, 2, BATCH_BAD_OFFSET, 87},
    };
    struct batch_builder b;
    struct batch_header h;
    builder_start(&b);
    struct buf *one = builder_finish(&b, CRC32C_HARDWARE, &mem);
    for (int i = 0; i < ARRAY_LEN(cases); i++) {
        store_be64(one->data, (uint64_t)cases[i].base_offset);
        one->data[16] = (uint8_t)cases[i].magic;
        enum batch_err err = produce_check_batch(CRC32C_HARDWARE, buf_slice(one), &h);
        assert_int_equal(err, cases[i].err);
        assert_int_equal(batch_err_code(err), cases[i].code);
    }
    mem_release(&mem);
}

static void
all_refused_records_are_listed(void **state)
{
    (void)state;
    struct batch_builder b;
    int32_t at[3];
    builder_start(&b);
    assert_true(builder_add(&b, 1, SLICE_NULL, S("c"), NULL, 0));
    struct produce_rules r = rules;
    assert_int_equal(produce_list_refused(&b.h, builder_payload(&b), &r, at), 1);
    assert_int_equal(at[0], 2); /* its time */
    r.compacted = true;
    assert_int_equal(produce_list_refused(&b.h, builder_payload(&b), &r, at), 2);
    assert_int_equal(at[0], 1); /* no key */
    assert_int_equal(at[1], 2);
    mem_release(&mem);
}

static void
clients_write_no_control_records(void **state)
{
    (void)state;
    struct batch_builder b;
    builder_start(&b);
    b.h.attributes = BATCH_CONTROL;
    assert_int_equal(check(&b), BATCH_IS_CONTROL);
    b.h.attributes = BATCH_TRANSACTIONAL;
    assert_int_equal(check(&b), BATCH_BAD_SEQUENCE);
    mem_release(&mem);
}

/* As Kafka 4.4 does with what no client should send. */
static void
other_attributes_are_taken(void **state)
{
    (void)state;
    struct batch_builder b;
    builder_start(&b);
    b.h.attributes = BATCH_DELETE_HORIZON;
    assert_int_equal(check(&b), BATCH_OK);
    b.h.attributes = (int16_t)0x8f80;
    assert_int_equal(check(&b), BATCH_OK);
    mem_release(&mem);
}

static void
a_producer_must_not_set_the_leaders_time(void **state)
{
    (void)state;
    struct produce_rules r = {.now_ms = 100000, .before_max_ms = INT64_MAX, .after_max_ms = 1000};
    struct produce_result result;
    struct batch_builder b;
    int32_t at[3];
    builder_start(&b);
    struct batch_header h = b.h;
    h.attributes = BATCH_LOG_APPEND_TIME;
    h.max_timestamp = 77;
    assert_int_equal(check_header(&h, builder_payload(&b)), BATCH_OK);
    assert_int_equal(produce_check_records(&h, builder_payload(&b), &r, &result), BATCH_OK);
    assert_int_equal(result.max_timestamp, 77); /* all records have it */
    r.log_append_time = true;
    assert_int_equal(produce_check_records(&h, builder_payload(&b), &r, &result),
                     BATCH_BAD_TIMESTAMP);
    assert_int_equal(produce_list_refused(&h, builder_payload(&b), &r, at), h.records_n);
    mem_release(&mem);
}

static void
without_a_limit_any_timestamp_of_the_past_is_taken(void **state)
{
    (void)state;
    static const struct {
        int64_t timestamp;
        enum batch_err err;
        int64_t max; /* of which nothing below -1 is one */
    } cases[] = {
        {-1, BATCH_OK, -1},
        {-2, BATCH_OK, -1},
        {INT64_MIN / 2, BATCH_OK, -1},
        {INT64_MIN, BATCH_BAD_TIMESTAMP, -1}, /* its age is no number */
        {0, BATCH_OK, 0},
    };
    struct produce_rules r = {.now_ms = 100000, .before_max_ms = INT64_MAX, .after_max_ms = 1000};
    for (int i = 0; i < ARRAY_LEN(cases); i++) {
        struct batch_builder b;
        struct produce_result result;
        mem_init(&mem, test_mem_source(), 1 << 24);
        builder_init(&b, &mem, 0);
        assert_true(builder_add(&b, cases[i].timestamp, SLICE_NULL, S("v"), NULL, 0));
        assert_int_equal(produce_check_records(&b.h, builder_payload(&b), &r, &result),
                         cases[i].err);
        assert_int_equal(result.max_timestamp, cases[i].max);
        mem_release(&mem);
    }
}

static void
count_codec_and_sequence_must_make_sense(void **state)
{
    (void)state;
    struct batch_builder b;
    builder_start(&b);
    struct slice payload = builder_payload(&b);
    struct batch_header h = b.h;
    h.records_n = 1;
    assert_int_equal(check_header(&h, payload), BATCH_BAD_COUNT);
    h = b.h;
    h.records_n = 0;
    h.last_offset_delta = 0;
    assert_int_equal(check_header(&h, SLICE_EMPTY), BATCH_BAD_COUNT);
    h = b.h;
    h.attributes = 5;
    assert_int_equal(check_header(&h, payload), BATCH_BAD_CODEC);
    h = b.h;
    h.producer_id = 1;
    assert_int_equal(check_header(&h, payload), BATCH_BAD_SEQUENCE);
    h.producer_epoch = 0;
    assert_int_equal(check_header(&h, payload), BATCH_BAD_SEQUENCE);
    h.base_sequence = 0;
    assert_int_equal(check_header(&h, payload), BATCH_OK);
    mem_release(&mem);
}

static void
timestamps_out_of_range_name_their_record(void **state)
{
    (void)state;
    static const struct {
        int64_t timestamp;
        enum batch_err err;
    } cases[] = {
        {50000, BATCH_OK},
        {49999, BATCH_BAD_TIMESTAMP},
        {101000, BATCH_OK},
        {101001, BATCH_BAD_TIMESTAMP},
        {BATCH_NO_TIMESTAMP, BATCH_OK},
        {-2, BATCH_BAD_TIMESTAMP},
        {INT64_MAX, BATCH_BAD_TIMESTAMP},
        {INT64_MIN, BATCH_BAD_TIMESTAMP},
    };
    for (int i = 0; i < ARRAY_LEN(cases); i++) {
        struct batch_builder b;
        struct produce_result res;
        builder_start(&b);
        assert_true(builder_add(&b, cases[i].timestamp, SLICE_NULL, S("c"), NULL, 0));
        assert_int_equal(check_records(&b, &rules, &res), cases[i].err);
        assert_int_equal(res.bad_record, cases[i].err ? 2 : -1);
        mem_release(&mem);
    }
}

static void
append_time_topics_take_any_timestamp(void **state)
{
    (void)state;
    struct batch_builder b;
    struct produce_result res;
    struct produce_rules append = rules;
    append.log_append_time = true;
    builder_start(&b);
    assert_true(builder_add(&b, 5, SLICE_NULL, S("c"), NULL, 0));
    assert_int_equal(check_records(&b, &append, &res), BATCH_OK);
    assert_int_equal(res.max_timestamp, rules.now_ms);
    mem_release(&mem);
}

static void
compacted_topics_want_keys(void **state)
{
    (void)state;
    struct batch_builder b;
    struct produce_result res;
    struct produce_rules compacted = rules;
    compacted.compacted = true;
    builder_start(&b);
    assert_int_equal(check_records(&b, &compacted, &res), BATCH_NO_KEY);
    assert_int_equal(res.bad_record, 1);
    mem_release(&mem);
}

/* max.decompressed.message.bytes is about each record by itself, and about compressed ones only. */
static void
a_record_must_not_grow_beyond_the_limit(void **state)
{
    (void)state;
    struct batch_builder b;
    struct produce_result res;
    struct records rs;
    struct record first, second, third;
    struct produce_rules limited = rules;
    builder_start(&b);
    assert_true(builder_add(&b, 99000, SLICE_NULL, S("longer than both"), NULL, 0));
    records_begin(&rs, &b.h, builder_payload(&b));
    assert_true(records_next(&rs, &first) && records_next(&rs, &second));
    assert_true(records_next(&rs, &third));
    limited.record_bytes_max = third.body_bytes - 1;
    assert_int_equal(check_records(&b, &limited, &res), BATCH_OK);
    b.h.attributes = CODEC_GZIP;
    assert_int_equal(check_records(&b, &limited, &res), BATCH_BIG_RECORD);
    assert_int_equal(res.bad_record, 2);
    assert_int_equal(batch_err_code(BATCH_BIG_RECORD), 87); /* INVALID_RECORD */
    limited.record_bytes_max = third.body_bytes;
    assert_int_equal(check_records(&b, &limited, &res), BATCH_OK);
    mem_release(&mem);
}

static void
offset_deltas_must_count_up_by_one(void **state)
{
    (void)state;
    struct batch_header h = {.magic = 2, .records_n = 2, .last_offset_delta = 1};
    struct writer w;
    struct produce_result res;
    test_mem_init(&mem);
    h.base_timestamp = rules.now_ms;
    w = writer_mem(&mem);
    record_write(&w, 0, 1, SLICE_NULL, S("a"), NULL, 0);
    record_write(&w, 0, 0, SLICE_NULL, S("b"), NULL, 0);
    assert_int_equal(produce_check_records(&h, writer_slice(&w), &rules, &res), BATCH_BAD_OFFSET);
    assert_int_equal(res.bad_record, 0);
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_batch_passes_with_its_largest_timestamp),
        cmocka_unit_test(exactly_one_batch_is_wanted),
        cmocka_unit_test(what_is_incomplete_is_no_batch),
        cmocka_unit_test(only_format_2_from_offset_0_is_taken),
        cmocka_unit_test(all_refused_records_are_listed),
        cmocka_unit_test(clients_write_no_control_records),
        cmocka_unit_test(other_attributes_are_taken),
        cmocka_unit_test(a_producer_must_not_set_the_leaders_time),
        cmocka_unit_test(without_a_limit_any_timestamp_of_the_past_is_taken),
        cmocka_unit_test(count_codec_and_sequence_must_make_sense),
        cmocka_unit_test(timestamps_out_of_range_name_their_record),
        cmocka_unit_test(append_time_topics_take_any_timestamp),
        cmocka_unit_test(compacted_topics_want_keys),
        cmocka_unit_test(a_record_must_not_grow_beyond_the_limit),
        cmocka_unit_test(offset_deltas_must_count_up_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
