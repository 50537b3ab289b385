#include "tests/lib/test.h"

#include "broker/base/bytes.h"

static void
reader_refuses_what_is_not_there(void **state)
{
    (void)state;
    struct reader r = reader(S("\1\2\3"));
    assert_int_equal(reader_i16(&r), 0x0102);
    assert_int_equal(reader_i16(&r), 0);
    assert_true(r.err);
    assert_int_equal(reader_i8(&r), 0);
}

static void
varints_go_round(void **state)
{
    (void)state;
    static const int64_t values[] = {0,   1,   -1,        63,        64,        -64,      -65,
                                     127, 128, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    struct mem mem;
    test_mem_init(&mem);
    for (int i = 0; i < ARRAY_LEN(values); i++) {
        struct writer w = writer_mem(&mem);
        writer_varlong(&w, values[i]);
        assert_int_equal(w.n, varlong_bytes(values[i]));
        struct reader r = reader(writer_slice(&w));
        assert_int_equal(reader_varlong(&r), values[i]);
        assert_false(r.err);
        assert_int_equal(reader_left(&r), 0);
        writer_release(&w);
    }
    mem_release(&mem);
}

static void
a_varint_of_too_many_bytes_is_an_error(void **state)
{
    (void)state;
    struct reader r = reader(S("\xff\xff\xff\xff\xff\x01"));
    (void)reader_uvarint(&r);
    assert_true(r.err);
    r = reader(S("\xff\xff\xff\xff\x0f"));
    assert_int_equal(reader_uvarint(&r), UINT32_MAX);
    assert_false(r.err);
    r = reader(S("\xff\xff\xff\xff\x1f"));
    (void)reader_uvarint(&r);
    assert_true(r.err);
}

static void
a_fixed_writer_says_when_it_is_full(void **state)
{
    (void)state;
    uint8_t room[3];
    struct writer w = writer_fixed(room, 3);
    writer_i16(&w, 1);
    assert_false(w.err);
    writer_i16(&w, 1);
    assert_true(w.err);
    assert_int_equal(w.n, 2);
}

static void
nothing_can_be_read_and_written_anywhere(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct writer w = writer_mem(&mem);
    writer_bytes(&w, SLICE_EMPTY);
    assert_false(w.err);
    assert_slice(writer_slice(&w), "");
    struct reader r = reader(SLICE_NULL);
    (void)reader_bytes(&r, 0);
    assert_false(r.err);
    (void)reader_bytes(&r, 1);
    assert_true(r.err);
    mem_release(&mem);
}

static void
lengths_are_held_against_what_remains(void **state)
{
    (void)state;
    struct reader r = reader(S("abc"));
    assert_slice(reader_bytes(&r, 2), "ab");
    (void)reader_bytes(&r, -1);
    assert_true(r.err);
    r = reader(S("abc"));
    reader_skip(&r, INT64_MAX);
    assert_true(r.err);
}

static void
a_growing_writer_stops_at_its_ceiling(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct writer w = writer_mem(&mem);
    w.ceiling_bytes = 100;
    for (int i = 0; i < 100; i++) writer_i8(&w, 1);
    assert_false(w.err);
    writer_i8(&w, 1);
    assert_true(w.err);
    assert_int_equal(w.n, 100);
    writer_release(&w);
    assert_int_equal(mem.used_bytes, 0);
    mem_release(&mem);
}

static void
a_patch_changes_earlier_bytes(void **state)
{
    (void)state;
    uint8_t room[8];
    struct writer w = writer_fixed(room, 8);
    writer_i64(&w, -1);
    writer_patch_i32(&w, 2, 0x01020304);
    assert_slice(writer_slice(&w), "\xff\xff\1\2\3\4\xff\xff");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_refuses_what_is_not_there),
        cmocka_unit_test(varints_go_round),
        cmocka_unit_test(a_varint_of_too_many_bytes_is_an_error),
        cmocka_unit_test(a_fixed_writer_says_when_it_is_full),
        cmocka_unit_test(nothing_can_be_read_and_written_anywhere),
        cmocka_unit_test(lengths_are_held_against_what_remains),
        cmocka_unit_test(a_growing_writer_stops_at_its_ceiling),
        cmocka_unit_test(a_patch_changes_earlier_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
