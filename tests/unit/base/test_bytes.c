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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_refuses_what_is_not_there),
        cmocka_unit_test(varints_go_round),
        cmocka_unit_test(a_varint_of_too_many_bytes_is_an_error),
        cmocka_unit_test(a_fixed_writer_says_when_it_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
