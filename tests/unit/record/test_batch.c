#include "tests/lib/test.h"

#include "broker/record/builder.h"

static struct mem mem;

/* A batch of n records "k0" "v0" … at timestamps 1000, 1001 …, in memory that may be changed. */
static uint8_t *
make(int n, int64_t *ret_n)
{
    struct batch_builder b;
    builder_init(&b, &mem, 0);
    for (int i = 0; i < n; i++) {
        uint8_t key[2] = {'k', (uint8_t)('0' + i % 10)}, value[2] = {'v', key[1]};
        assert_true(builder_add(&b, 1000 + i, slice(key, 2), slice(value, 2), NULL, 0));
    }
    struct buf *batch = builder_finish(&b, CRC32C_HARDWARE, &mem);
    builder_release(&b);
    *ret_n = batch->n;
    return batch->data;
}

static void
a_batch_that_was_built_checks_out(void **state)
{
    (void)state;
    int64_t n;
    struct batch_header h;
    test_mem_init(&mem);
    uint8_t *p = make(3, &n);
    assert_int_equal(batch_check(CRC32C_PORTABLE, slice(p, n), &h), BATCH_OK);
    assert_int_equal(h.records_n, 3);
    assert_int_equal(h.last_offset_delta, 2);
    assert_int_equal(h.base_timestamp, 1000);
    assert_int_equal(h.max_timestamp, 1002);
    assert_int_equal(batch_size_bytes(&h), n);
    assert_int_equal(batch_next_offset(&h), 3);
    assert_int_equal(batch_last_sequence(&h), -1);
    mem_release(&mem);
}

static void
every_byte_behind_the_crc_is_covered(void **state)
{
    (void)state;
    int64_t n;
    struct batch_header h;
    test_mem_init(&mem);
    uint8_t *p = make(3, &n);
    for (int64_t i = 17; i < n; i++) {
        p[i] ^= 0x10;
        assert_int_equal(batch_check(CRC32C_HARDWARE, slice(p, n), &h), BATCH_BAD_CRC);
        p[i] ^= 0x10;
    }
    mem_release(&mem);
}

static void
every_shorter_length_is_short(void **state)
{
    (void)state;
    int64_t n;
    struct batch_header h;
    test_mem_init(&mem);
    uint8_t *p = make(2, &n);
    for (int64_t k = 0; k < n; k++) {
        assert_int_equal(batch_check(CRC32C_HARDWARE, slice(p, k), &h), BATCH_SHORT);
        assert_int_equal(batch_parse(slice(p, k), &h), k < 61 ? BATCH_SHORT : BATCH_OK);
    }
    mem_release(&mem);
}

static void
impossible_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        int at;
        uint32_t value;
        enum batch_err err;
    } bad[] = {
        {0, 0x80000000, BATCH_BAD_LENGTH}, /* negative offset */
        {8, 48, BATCH_BAD_LENGTH},         /* shorter than a header */
        {8, 0xffffffff, BATCH_BAD_LENGTH}, {13, 0x03, BATCH_BAD_MAGIC},
        {13, 0xff, BATCH_BAD_MAGIC},       {23, 0xffffffff, BATCH_BAD_COUNT},
        {57, 0xffffffff, BATCH_BAD_COUNT}, {57, 4, BATCH_BAD_COUNT}, /* more than offsets */
        {57, 0x7fffffff, BATCH_BAD_COUNT},
    };
    test_mem_init(&mem);
    for (int i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t n;
        struct batch_header h;
        uint8_t *p = make(3, &n);
        store_be32(p + bad[i].at, bad[i].value);
        assert_int_equal(batch_parse(slice(p, n), &h), bad[i].err);
    }
    mem_release(&mem);
}

static void
offset_and_epoch_change_without_the_crc(void **state)
{
    (void)state;
    int64_t n;
    struct batch_header h;
    test_mem_init(&mem);
    uint8_t *p = make(2, &n);
    batch_patch_offset(p, 1LL << 40, 77);
    assert_int_equal(batch_check(CRC32C_HARDWARE, slice(p, n), &h), BATCH_OK);
    assert_int_equal(h.base_offset, 1LL << 40);
    assert_int_equal(h.leader_epoch, 77);
    mem_release(&mem);
}

static void
append_time_changes_type_time_and_crc(void **state)
{
    (void)state;
    int64_t n;
    struct batch_header h;
    test_mem_init(&mem);
    uint8_t *p = make(2, &n);
    struct slice payload = slice(p + 61, n - 61);
    batch_patch_timestamp(CRC32C_HARDWARE, p, payload, true, 5000);
    assert_int_equal(batch_check(CRC32C_HARDWARE, slice(p, n), &h), BATCH_OK);
    assert_true(batch_has_log_append_time(&h));
    assert_int_equal(h.max_timestamp, 5000);
    uint32_t crc = h.crc;
    batch_patch_timestamp(CRC32C_HARDWARE, p, payload, true, 5000);
    assert_int_equal(batch_check(CRC32C_HARDWARE, slice(p, n), &h), BATCH_OK);
    assert_int_equal(h.crc, crc);
    batch_patch_timestamp(CRC32C_HARDWARE, p, payload, false, 1001);
    assert_int_equal(batch_check(CRC32C_HARDWARE, slice(p, n), &h), BATCH_OK);
    assert_false(batch_has_log_append_time(&h));
    mem_release(&mem);
}

static void
a_walk_ends_at_the_first_incomplete_batch(void **state)
{
    (void)state;
    int64_t n, at = 0, m;
    struct batch_header h;
    struct slice batch;
    enum batch_err err;
    test_mem_init(&mem);
    uint8_t *p = make(2, &n), *all = mem_alloc(&mem, 3 * n);
    for (int i = 0; i < 3; i++) memcpy(all + i * n, p, (size_t)n);
    for (m = 0; batch_next(slice(all, 3 * n - 1), &at, &h, &batch, &err); m++)
        assert_ptr_equal(batch.p, all + m * n);
    assert_int_equal(m, 2);
    assert_int_equal(at, 2 * n);
    assert_int_equal(err, BATCH_SHORT);
    while (batch_next(slice(all, 3 * n), &at, &h, &batch, &err)) m++;
    assert_int_equal(m, 3);
    assert_int_equal(err, BATCH_OK);
    mem_release(&mem);
}

static void
sequences_wrap_to_zero(void **state)
{
    (void)state;
    struct batch_header h = {.base_sequence = INT32_MAX - 1, .last_offset_delta = 3};
    assert_int_equal(batch_last_sequence(&h), 1);
    assert_int_equal(sequence_add(INT32_MAX, 1), 0);
    assert_int_equal(sequence_add(0, -1), INT32_MAX);
    assert_int_equal(sequence_add(5, 0), 5);
}

static void
every_error_has_a_text_and_a_code(void **state)
{
    (void)state;
    for (int e = BATCH_SHORT; e <= BATCH_NOT_ONE; e++) {
        assert_string_not_equal(batch_err_text((enum batch_err)e), "unknown error");
        assert_int_not_equal(batch_err_code((enum batch_err)e), 0);
    }
    assert_int_equal(batch_err_code(BATCH_OK), 0);
    assert_int_equal(batch_err_code(BATCH_BAD_CRC), 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_that_was_built_checks_out),
        cmocka_unit_test(every_byte_behind_the_crc_is_covered),
        cmocka_unit_test(every_shorter_length_is_short),
        cmocka_unit_test(impossible_headers_are_refused),
        cmocka_unit_test(offset_and_epoch_change_without_the_crc),
        cmocka_unit_test(append_time_changes_type_time_and_crc),
        cmocka_unit_test(a_walk_ends_at_the_first_incomplete_batch),
        cmocka_unit_test(sequences_wrap_to_zero),
        cmocka_unit_test(every_error_has_a_text_and_a_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
