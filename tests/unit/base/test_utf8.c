/* What malformed text becomes stands in tests/golden/vectors/utf8: Java's own answers. */
#include "tests/lib/test.h"

#include "broker/base/utf8.h"

static void
a_bad_byte_is_seen_at_every_place_of_every_length(void **state)
{
    (void)state;
    uint8_t text[40];
    for (int64_t n = 0; n <= 40; n++) {
        memset(text, 'a', sizeof text);
        assert_true(utf8_is_ascii(slice(text, n)));
        for (int64_t at = 0; at < n; at++) {
            text[at] = 0xff;
            assert_false(utf8_is_ascii(slice(text, n)));
            assert_false(utf8_is_valid(slice(text, n)));
            assert_int_equal(utf8_mended_bytes(slice(text, n)), n + 2);
            text[at] = 'a';
        }
    }
}

static void
valid_text_is_not_copied_and_null_stays_null(void **state)
{
    (void)state;
    struct mem mem;
    struct arena a;
    struct slice text = S("caf\xc3\xa9");
    test_mem_init(&mem);
    arena_init(&a, &mem, 0);
    assert_ptr_equal(utf8_mended(text, &a).p, text.p);
    assert_null(utf8_mended(SLICE_NULL, &a).p);
    assert_int_equal(a.used_bytes, 0);
    assert_slice(utf8_mended(S("caf\xe9"), &a), "caf\xef\xbf\xbd");
    arena_init(&a, &mem, 1);
    assert_null(utf8_mended(S("caf\xe9"), &a).p);
    mem_release(&mem);
}

static void
every_code_point_is_written_as_it_is_read(void **state)
{
    (void)state;
    for (int32_t c = 0; c < 0x110000; c++) {
        uint8_t bytes[4];
        struct writer w = writer_fixed(bytes, 4);
        writer_code_point(&w, c);
        bool is_surrogate = c >= 0xd800 && c < 0xe000;
        assert_int_equal(utf8_next(writer_slice(&w), 0), is_surrogate ? -3 : w.n);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_byte_is_seen_at_every_place_of_every_length),
        cmocka_unit_test(valid_text_is_not_copied_and_null_stays_null),
        cmocka_unit_test(every_code_point_is_written_as_it_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
