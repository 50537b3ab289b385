#include "tests/lib/test.h"

#include "broker/base/fmt.h"

#define ASSERT_FMT(call, text) \
    do { \
        uint8_t room_[256]; \
        struct writer w = writer_fixed(room_, 256); \
        call; \
        assert_false(w.err); \
        assert_slice(writer_slice(&w), text); \
    } while (0)

static void
numbers_print_at_their_limits(void **state)
{
    (void)state;
    ASSERT_FMT(fmt_i64(&w, 0), "0");
    ASSERT_FMT(fmt_i64(&w, INT64_MAX), "9223372036854775807");
    ASSERT_FMT(fmt_i64(&w, INT64_MIN), "-9223372036854775808");
    ASSERT_FMT(fmt_u64(&w, UINT64_MAX), "18446744073709551615");
    ASSERT_FMT(fmt_hex64(&w, 0x9f3c00000000000eULL), "9f3c00000000000e");
}

static void
file_names_have_twenty_digits(void **state)
{
    (void)state;
    ASSERT_FMT(fmt_padded(&w, 42, 20), "00000000000000000042");
    ASSERT_FMT(fmt_padded(&w, 0, 20), "00000000000000000000");
    ASSERT_FMT(fmt_padded(&w, INT64_MAX, 20), "09223372036854775807");
    ASSERT_FMT(fmt_padded(&w, 12345, 3), "12345");
}

static void
seconds_have_three_decimals(void **state)
{
    (void)state;
    ASSERT_FMT(fmt_seconds(&w, 1234567890), "1.235s");
    ASSERT_FMT(fmt_seconds(&w, -72400000), "-0.072s");
    ASSERT_FMT(fmt_seconds(&w, 5000000), "0.005s");
    ASSERT_FMT(fmt_seconds(&w, 0), "0.000s");
}

static void
json_escapes_what_it_must_and_keeps_utf8(void **state)
{
    (void)state;
    ASSERT_FMT(fmt_json(&w, S("a\"b\\c\n\r\t\x01\x1f\x7f")),
               "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f\x7f\"");
    ASSERT_FMT(fmt_json(&w, S("\xce\xbb \xe4\xb8\xad \xf0\x9f\x98\x80")),
               "\"\xce\xbb \xe4\xb8\xad \xf0\x9f\x98\x80\"");
    ASSERT_FMT(fmt_json(&w, S("")), "\"\"");
}

static void
json_escapes_bytes_that_are_not_utf8(void **state)
{
    (void)state;
    /* A lone continuation, an overlong slash, a surrogate, beyond the last plane, cut short. */
    ASSERT_FMT(fmt_json(&w, S("\x80")), "\"\\u0080\"");
    ASSERT_FMT(fmt_json(&w, S("\xc0\xaf")), "\"\\u00c0\\u00af\"");
    ASSERT_FMT(fmt_json(&w, S("\xed\xa0\x80")), "\"\\u00ed\\u00a0\\u0080\"");
    ASSERT_FMT(fmt_json(&w, S("\xf4\x90\x80\x80")), "\"\\u00f4\\u0090\\u0080\\u0080\"");
    ASSERT_FMT(fmt_json(&w, S("\xe4\xb8")), "\"\\u00e4\\u00b8\"");
}

static void
base64_pads_every_remainder(void **state)
{
    (void)state;
    ASSERT_FMT(fmt_base64(&w, S("")), "");
    ASSERT_FMT(fmt_base64(&w, S("f")), "Zg==");
    ASSERT_FMT(fmt_base64(&w, S("fo")), "Zm8=");
    ASSERT_FMT(fmt_base64(&w, S("foo")), "Zm9v");
    ASSERT_FMT(fmt_base64(&w, S("foobar")), "Zm9vYmFy");
    ASSERT_FMT(fmt_base64(&w, S("\xfb\xff\xfe")), "+//+");
}

static void
what_does_not_fit_is_an_error(void **state)
{
    (void)state;
    uint8_t room[3];
    struct writer w = writer_fixed(room, 3);
    fmt_str(&w, "abcd");
    assert_true(w.err);
    assert_int_equal(w.n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_print_at_their_limits),
        cmocka_unit_test(file_names_have_twenty_digits),
        cmocka_unit_test(seconds_have_three_decimals),
        cmocka_unit_test(json_escapes_what_it_must_and_keeps_utf8),
        cmocka_unit_test(json_escapes_bytes_that_are_not_utf8),
        cmocka_unit_test(base64_pads_every_remainder),
        cmocka_unit_test(what_does_not_fit_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
