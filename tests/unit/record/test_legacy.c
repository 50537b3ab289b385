#include "tests/lib/test.h"

#include "broker/record/legacy.h"

static struct mem mem;

static struct slice
message(int8_t magic, int8_t attributes, int64_t offset, int64_t timestamp, struct slice value)
{
    struct writer w = writer_mem(&mem);
    writer_i64(&w, offset);
    writer_i32(&w, 0);
    writer_i32(&w, 0);
    writer_i8(&w, magic);
    writer_i8(&w, attributes);
    if (magic) writer_i64(&w, timestamp);
    writer_i32(&w, -1);
    writer_i32(&w, (int32_t)value.n);
    writer_bytes(&w, value);
    writer_patch_i32(&w, 8, (int32_t)w.n - 12);
    writer_patch_i32(&w, 12, (int32_t)legacy_crc32(slice(w.p + 16, w.n - 16)));
    return writer_slice(&w);
}

static struct slice
joined(struct slice a, struct slice b)
{
    struct writer w = writer_mem(&mem);
    writer_bytes(&w, a);
    writer_bytes(&w, b);
    return writer_slice(&w);
}

static void
messages_of_both_formats_are_read(void **state)
{
    (void)state;
    struct legacy_message m;
    test_mem_init(&mem);
    assert_int_equal(legacy_parse(message(0, 0, 5, 0, S("old")), &m), BATCH_OK);
    assert_slice(m.value, "old");
    assert_int_equal(m.timestamp, -1);
    assert_int_equal(legacy_parse(message(1, 0, 6, 77, S("newer")), &m), BATCH_OK);
    assert_int_equal(m.timestamp, 77);
    assert_int_equal(m.offset, 6);
    assert_null(m.key.p);
    mem_release(&mem);
}

static void
inner_offsets_of_format_one_count_back_from_the_outer(void **state)
{
    (void)state;
    struct legacy_message outer, m;
    struct legacy_set s;
    test_mem_init(&mem);
    struct slice set = joined(message(1, 0, 0, 70, S("a")), message(1, 0, 2, 71, S("b")));
    assert_int_equal(legacy_parse(message(1, CODEC_GZIP, 12, 99, set), &outer), BATCH_OK);
    assert_int_equal(legacy_set_begin(&s, &outer, set), BATCH_OK);
    assert_true(legacy_set_next(&s, &m));
    assert_int_equal(m.offset, 10);
    assert_int_equal(m.timestamp, 70);
    assert_true(legacy_set_next(&s, &m));
    assert_int_equal(m.offset, 12);
    assert_false(legacy_set_next(&s, &m));
    assert_int_equal(s.err, BATCH_OK);
    outer.attributes |= BATCH_LOG_APPEND_TIME;
    assert_int_equal(legacy_set_begin(&s, &outer, set), BATCH_OK);
    assert_true(legacy_set_next(&s, &m));
    assert_int_equal(m.timestamp, 99);
    mem_release(&mem);
}

static void
damage_and_nesting_are_refused(void **state)
{
    (void)state;
    struct legacy_message m;
    struct legacy_set s;
    test_mem_init(&mem);
    struct slice good = message(1, 0, 5, 1, S("value"));
    for (int64_t n = 0; n < good.n; n++)
        assert_int_equal(legacy_parse(slice(good.p, n), &m), BATCH_SHORT);
    uint8_t bad[64];
    memcpy(bad, good.p, (size_t)good.n);
    bad[good.n - 1] ^= 1;
    assert_int_equal(legacy_parse(slice(bad, good.n), &m), BATCH_BAD_CRC);
    struct slice nested = message(1, CODEC_GZIP, 1, 1, S("x"));
    assert_int_equal(legacy_parse(nested, &m), BATCH_OK);
    assert_int_equal(legacy_set_begin(&s, &m, nested), BATCH_BAD_RECORD);
    assert_int_equal(legacy_set_begin(&s, &m, message(0, 0, 1, 1, S("x"))), BATCH_BAD_RECORD);
    assert_int_equal(legacy_set_begin(&s, &m, slice(good.p, good.n - 1)), BATCH_BAD_RECORD);
    assert_int_equal(legacy_set_begin(&s, &m, SLICE_EMPTY), BATCH_BAD_RECORD);
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_both_formats_are_read),
        cmocka_unit_test(inner_offsets_of_format_one_count_back_from_the_outer),
        cmocka_unit_test(damage_and_nesting_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
