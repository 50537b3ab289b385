/* SCRAM's hashing: the exchange of RFC 7677, and the same with SHA-512 as Python's hashlib has it. */
#include <stdlib.h>

#include "broker/base/check.h"
#include "broker/security/base64.h"
#include "broker/work/work.h"
#include "tests/lib/test.h"

static struct mem mem;
static struct arena arena;

static int
set_up(void **state)
{
    (void)state;
    test_mem_init(&mem);
    arena_init(&arena, &mem, 0);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    mem_release(&mem);
    return 0;
}

static struct slice
of_base64(const char *text)
{
    struct slice s;
    assert_true(base64_read(slice_cstr(text), &arena, &s));
    return s;
}

/* In the arena; null: it failed. */
static struct slice
work(enum work_kind kind, int32_t level, const struct slice *parts, int32_t n)
{
    struct seg segs[4];
    struct work_result r;
    for (int32_t i = 0; i < n; i++) segs[i] = (struct seg){.bytes = parts[i]};
    if (work_run(kind, CODEC_NONE, level, segs, n, 128, &r)) return SLICE_NULL;
    struct slice s = arena_dup(&arena, slice(r.p, r.n));
    free(r.p);
    return s;
}

#define BOTH "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT "W22ZaJ0SNY7soEsUEjb6gQ=="
#define SAID "n=user,r=rOprNGfwEbeRWgbNEkqO,r=" BOTH ",s=" SALT ",i=4096,c=biws,r=" BOTH

static const struct {
    int32_t level;
    const char *salted, *stored, *server, *proof, *signature;
} rows[] = {
    {256,
     "xKSVEDI6tPlSysH6mUQZOeeOp01r6B3fcJbodRPcYV0=", "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=", "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
     "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
    {512,
     "8W7+G+Z/HQlQLr1e2SYv3f+6Wjd6tPC2h+XtW6D1Boa4pK4WZHbairO5UdL6kji2OZj0VGG8M6RkgUlJzsljHQ==",
     "6AAub3065EYRmyFpM2RNwqK+eGnrkYuEWbXn19LsEmBqzu8QaCXNc1FwpnX9NhH2hK/60dzj9DoO5DvVkOHbvg==",
     "jZHbYjC1aHh0/hKbxyBuGFjDrgjgKTT1esA7awWiKcRZ0o/0b1yWEebBeSVkkCFewf91nLDfKF24mvD5nmE6rA==",
     "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==",
     "ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw=="},
};

static void
keys_follow_from_the_salted_password(void **state)
{
    (void)state;
    for (int i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice salted = of_base64(rows[i].salted);
        struct slice keys = work(WORK_SCRAM_KEYS, rows[i].level, &salted, 1);
        assert_int_equal(keys.n, rows[i].level / 4);
        assert_true(slice_eq(slice_sub(keys, 0, keys.n / 2), of_base64(rows[i].stored)));
        assert_true(slice_eq(slice_sub(keys, keys.n / 2, keys.n), of_base64(rows[i].server)));
    }
}

static void
a_client_proves_and_knows_what_the_server_will_sign(void **state)
{
    (void)state;
    for (int i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice parts[] = {S("pencil"), of_base64(SALT), S("\0\0\x10\0"), S(SAID)};
        struct slice both = work(WORK_SCRAM_PROVE, rows[i].level, parts, 4);
        assert_int_equal(both.n, rows[i].level / 4);
        assert_true(slice_eq(slice_sub(both, 0, both.n / 2), of_base64(rows[i].proof)));
        assert_true(slice_eq(slice_sub(both, both.n / 2, both.n), of_base64(rows[i].signature)));
    }
}

static void
a_server_signs_for_the_right_proof_only(void **state)
{
    (void)state;
    for (int i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice proof = arena_dup(&arena, of_base64(rows[i].proof));
        struct slice parts[] = {of_base64(rows[i].stored), of_base64(rows[i].server), proof,
                                S(SAID)};
        assert_true(slice_eq(work(WORK_SCRAM_CHECK, rows[i].level, parts, 4),
                             of_base64(rows[i].signature)));
        for (int64_t k = 0; k < proof.n; k++) {
            ((uint8_t *)(uintptr_t)proof.p)[k] ^= 1;
            assert_null(work(WORK_SCRAM_CHECK, rows[i].level, parts, 4).p);
            ((uint8_t *)(uintptr_t)proof.p)[k] ^= 1;
        }
        parts[3] = S(SAID "x");
        assert_null(work(WORK_SCRAM_CHECK, rows[i].level, parts, 4).p);
        parts[3] = S(SAID);
        for (int64_t n = 0; n < proof.n; n++) {
            parts[2] = slice(proof.p, n);
            assert_null(work(WORK_SCRAM_CHECK, rows[i].level, parts, 4).p);
        }
        parts[2] = proof;
        parts[0] = SLICE_EMPTY; /* keys that the controller could not compute let nobody in */
        assert_null(work(WORK_SCRAM_CHECK, rows[i].level, parts, 4).p);
    }
}

static void
what_cannot_be_computed_is_refused(void **state)
{
    (void)state;
    struct slice parts[] = {S("pencil"), S("salt"), S("\0\0\x10\0"), S("said")};
    assert_non_null(work(WORK_SCRAM_PROVE, 256, parts, 4).p);
    assert_null(work(WORK_SCRAM_PROVE, 1, parts, 4).p);
    assert_null(work(WORK_SCRAM_PROVE, 256, parts, 3).p);
    parts[2] = S("\0\0\0\0");
    assert_null(work(WORK_SCRAM_PROVE, 256, parts, 4).p);
    parts[2] = S("\x7f\xff\xff\xff"); /* it would take minutes */
    assert_null(work(WORK_SCRAM_PROVE, 256, parts, 4).p);
    parts[2] = S("\x10");
    assert_null(work(WORK_SCRAM_PROVE, 256, parts, 4).p);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(keys_follow_from_the_salted_password),
        CASE(a_client_proves_and_knows_what_the_server_will_sign),
        CASE(a_server_signs_for_the_right_proof_only),
        CASE(what_cannot_be_computed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
