#include "tests/lib/test.h"

#include "broker/base/siphash.h"

/* SipHash-1-3 of 00 01 02 … under the key 00 01 … 0f. */
static void
it_gives_the_reference_values(void **state)
{
    (void)state;
    static const struct {
        int64_t n;
        uint64_t hash;
    } want[] = {
        {0, 0xabac0158050fc4dc},  {1, 0xc9f49bf37d57ca93},  {7, 0xd3927d989bb11140},
        {8, 0x369095118d299a8e},  {15, 0xd320d86d2a519956}, {16, 0xcc4fdd1a7d908b66},
        {63, 0x9d199062b7bbb3a8},
    };
    struct siphash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    uint8_t bytes[63];
    for (int i = 0; i < 63; i++) bytes[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_true(siphash(key, slice(bytes, want[i].n)) == want[i].hash);
}

/* By a second implementation, which gives SipHash-2-4-128's published vector. */
static void
the_wide_one_gives_the_values_of_another_implementation(void **state)
{
    (void)state;
    static const struct {
        int64_t n;
        struct siphash_wide hash;
    } want[] = {
        {0, {0xbea58827b2bc7ee7, 0x013030dd6adb62fd}},
        {1, {0xa8edd36004376ffc, 0x63f02f2bcc73055e}},
        {8, {0xb4dae3d5e1fe12aa, 0x99c7f935ab164f72}},
        {15, {0x6c52bdb205557ec1, 0x09017e1eeccd2129}},
        {63, {0x6f42fe4ee300584c, 0xad6052a70a6b9f07}},
    };
    struct siphash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    uint8_t bytes[63];
    for (int i = 0; i < 63; i++) bytes[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct siphash_wide h = siphash_wide(key, slice(bytes, want[i].n));
        assert_true(h.lo == want[i].hash.lo && h.hi == want[i].hash.hi);
    }
}

static void
two_numbers_hash_as_their_sixteen_bytes(void **state)
{
    (void)state;
    struct siphash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    uint64_t v[2] = {0x1122334455667788, 0x99aabbccddeeff00};
    assert_true(siphash_u64x2(key, v[0], v[1]) == 0x25b56d4b86e4cadd);
    assert_true(siphash(key, slice(v, 16)) == 0x25b56d4b86e4cadd);
}

static void
another_key_gives_another_hash(void **state)
{
    (void)state;
    struct siphash_key a = {1, 2}, b = {1, 3}, c = {2, 2};
    assert_true(siphash(a, S("x")) != siphash(b, S("x")));
    assert_true(siphash(a, S("x")) != siphash(c, S("x")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_the_reference_values),
        cmocka_unit_test(the_wide_one_gives_the_values_of_another_implementation),
        cmocka_unit_test(two_numbers_hash_as_their_sixteen_bytes),
        cmocka_unit_test(another_key_gives_another_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
