#include "tests/lib/test.h"

#include "broker/base/crc32c.h"

static uint8_t buffer[16 + 10000];

static void
fill(void)
{
    uint64_t s = 1;
    for (size_t i = 0; i < sizeof buffer; i++) {
        s = s * 6364136223846793005ULL + 1442695040888963407ULL;
        buffer[i] = (uint8_t)(s >> 56);
    }
}

static void
both_give_the_published_values(void **state)
{
    (void)state;
    /* RFC 3720, B.4. */
    uint8_t zeros[32] = {0}, ones[32], up[32];
    for (int i = 0; i < 32; i++) ones[i] = 0xff, up[i] = (uint8_t)i;
    for (int impl = CRC32C_PORTABLE; impl <= CRC32C_HARDWARE; impl++) {
        enum crc32c_impl m = (enum crc32c_impl)impl;
        assert_int_equal(crc32c(m, 0, slice(zeros, 32)), 0x8a9136aa);
        assert_int_equal(crc32c(m, 0, slice(ones, 32)), 0x62a8ab43);
        assert_int_equal(crc32c(m, 0, slice(up, 32)), 0x46dd794e);
        assert_int_equal(crc32c(m, 0, S("123456789")), 0xe3069283);
        assert_int_equal(crc32c(m, 0, S("")), 0);
    }
}

static void
both_agree_at_every_alignment_and_length(void **state)
{
    (void)state;
    fill();
    for (int64_t at = 0; at < 16; at++)
        for (int64_t n = 0; n <= 10000; n += n < 100 ? 1 : n < 3000 ? 97 : n < 3150 ? 1 : 313) {
            struct slice s = slice(buffer + at, n);
            assert_int_equal(crc32c(CRC32C_PORTABLE, 7, s), crc32c(CRC32C_HARDWARE, 7, s));
        }
}

static void
it_can_be_taken_in_pieces(void **state)
{
    (void)state;
    fill();
    uint32_t whole = crc32c(CRC32C_HARDWARE, 0, slice(buffer, 10000));
    for (int64_t cut = 0; cut <= 10000; cut += 499) {
        uint32_t c = crc32c(CRC32C_HARDWARE, 0, slice(buffer, cut));
        c = crc32c(CRC32C_PORTABLE, c, slice(buffer + cut, 10000 - cut));
        assert_int_equal(c, whole);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_give_the_published_values),
        cmocka_unit_test(both_agree_at_every_alignment_and_length),
        cmocka_unit_test(it_can_be_taken_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
