#include "tests/lib/test.h"

#include "broker/base/uuid.h"

static void
text_goes_round(void **state)
{
    (void)state;
    struct uuid u, v;
    char text[UUID_TEXT_BYTES];
    for (int i = 0; i < 16; i++) u.b[i] = (uint8_t)(i * 17 + 250);
    uuid_print(u, text);
    assert_true(uuid_parse(slice(text, UUID_TEXT_BYTES), &v));
    assert_true(uuid_eq(u, v));
    assert_int_equal(uuid_cmp(u, v), 0);
}

static void
the_metadata_topic_prints_as_kafka_prints_it(void **state)
{
    (void)state;
    struct uuid u = UUID_ZERO, v;
    char text[UUID_TEXT_BYTES];
    u.b[15] = 1;
    uuid_print(u, text);
    assert_memory_equal(text, "AAAAAAAAAAAAAAAAAAAAAQ", UUID_TEXT_BYTES);
    assert_true(uuid_parse(S("AAAAAAAAAAAAAAAAAAAAAQ=="), &v));
    assert_true(uuid_eq(u, v));
    assert_false(uuid_is_zero(v));
    assert_true(uuid_is_zero(UUID_ZERO));
}

static void
malformed_text_is_refused(void **state)
{
    (void)state;
    struct uuid u;
    assert_false(uuid_parse(S(""), &u));
    assert_false(uuid_parse(SLICE_NULL, &u));
    assert_false(uuid_parse(S("AAAAAAAAAAAAAAAAAAAAA"), &u));
    assert_false(uuid_parse(S("AAAAAAAAAAAAAAAAAAAAAAA"), &u));
    assert_false(uuid_parse(S("AAAAAAAAAAAA+AAAAAAAAQ"), &u));
    assert_false(uuid_parse(S("AAAAAAAAAAAA/AAAAAAAAQ"), &u));
}

static void
random_ones_are_version_four_and_never_begin_with_a_dash(void **state)
{
    (void)state;
    struct uuid u;
    assert_true(uuid_from_random(0x123456789abcdef0ULL, 0xffffffffffffffffULL, &u));
    assert_int_equal(u.b[6] >> 4, 4);
    assert_int_equal(u.b[8] >> 6, 2);
    assert_false(uuid_from_random(0xf800000000000000ULL, 0, &u));
    char text[UUID_TEXT_BYTES];
    for (uint64_t first = 0; first < 256; first++)
        if (uuid_from_random(first << 56, 5, &u)) {
            uuid_print(u, text);
            assert_int_not_equal(text[0], '-');
        }
}

static void
base64url_handles_every_remainder(void **state)
{
    (void)state;
    char text[16];
    uint8_t bytes[16];
    for (int64_t n = 0; n <= 6; n++) {
        int64_t chars = base64url_print(slice("\xfb\xff\xfe\x01\x02\x03", n), text);
        assert_int_equal(chars, (n * 8 + 5) / 6);
        assert_int_equal(base64url_parse(slice(text, chars), bytes), n);
        assert_memory_equal(bytes, "\xfb\xff\xfe\x01\x02\x03", (size_t)n);
    }
    assert_int_equal(base64url_parse(S("A"), bytes), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_goes_round),
        cmocka_unit_test(the_metadata_topic_prints_as_kafka_prints_it),
        cmocka_unit_test(malformed_text_is_refused),
        cmocka_unit_test(random_ones_are_version_four_and_never_begin_with_a_dash),
        cmocka_unit_test(base64url_handles_every_remainder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
