#include "tests/lib/test.h"

#include "broker/log/producer_state.h"

#define HEAD_BYTES 10
#define ENTRY_BYTES 46

static struct mem m;
static struct writer text;

static int
set_up(void **state)
{
    (void)state;
    test_mem_init(&m);
    text = writer_mem(&m);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    writer_release(&text);
    mem_release(&m);
    return 0;
}

static struct producer_state *
state_new(void)
{
    return producer_state_new(&m, (struct siphash_key){1, 2});
}

static struct batch_header
header(int64_t producer_id, int32_t sequence)
{
    return (struct batch_header){.magic = 2,
                                 .producer_id = producer_id,
                                 .producer_epoch = 3,
                                 .base_sequence = sequence,
                                 .base_offset = 100 + sequence,
                                 .max_timestamp = 5000 + sequence,
                                 .last_offset_delta = 1,
                                 .records_n = 2};
}

static void
append(struct producer_state *s, int64_t producer_id, int32_t n)
{
    struct aborted_txn aborted;
    for (int32_t i = 0; i < n; i++) {
        struct batch_header h = header(producer_id, 2 * i);
        producer_apply(s, &h, SLICE_EMPTY, &aborted);
    }
}

static enum sequence_verdict
check(const struct producer_state *s, int64_t producer_id, int32_t sequence,
      struct producer_batch *ret)
{
    bool wrong;
    struct batch_header h = header(producer_id, sequence);
    return producer_check(s, &h, ret, &wrong);
}

static struct producer_state *
print_and_parse(struct producer_state *s)
{
    struct producer_state *again = state_new();
    producer_snapshot_print(s, CRC32C_PORTABLE, &text);
    assert_true(producer_snapshot_parse(again, CRC32C_PORTABLE, writer_slice(&text)));
    return again;
}

static void
a_snapshot_keeps_the_last_five_batches(void **state)
{
    (void)state;
    struct producer_state *s = state_new();
    append(s, 7, 7);
    append(s, 9, 1);
    append(s, 8, 3);
    struct producer_state *again = print_and_parse(s);
    struct producer_batch b;
    assert_int_equal(check(again, 7, 2, &b), SEQUENCE_OUT_OF_ORDER);
    for (int32_t i = 2; i < 7; i++) {
        assert_int_equal(check(again, 7, 2 * i, &b), SEQUENCE_DUPLICATE);
        assert_int_equal(b.last_offset, 101 + 2 * i);
        assert_int_equal(b.offset_delta, 1);
        assert_int_equal(b.timestamp, 5000 + 2 * i);
    }
    assert_int_equal(check(again, 7, 14, &b), SEQUENCE_APPEND);
    assert_int_equal(check(again, 8, 0, &b), SEQUENCE_DUPLICATE);
    assert_int_equal(check(again, 9, 0, &b), SEQUENCE_DUPLICATE);
    assert_int_equal(check(again, 9, 2, &b), SEQUENCE_APPEND);
    producer_state_free(s);
    producer_state_free(again);
}

/* As Kafka writes it: nothing behind the entries. */
static void
a_snapshot_of_last_batches_alone_is_read(void **state)
{
    (void)state;
    struct producer_state *s = state_new();
    append(s, 7, 1);
    append(s, 8, 1);
    struct producer_state *again = print_and_parse(s);
    struct producer_batch b;
    assert_int_equal(text.n, HEAD_BYTES + 2 * ENTRY_BYTES);
    assert_int_equal(check(again, 8, 0, &b), SEQUENCE_DUPLICATE);
    producer_state_free(s);
    producer_state_free(again);
}

static void
a_snapshot_that_is_cut_or_goes_on_is_refused(void **state)
{
    (void)state;
    struct producer_state *s = state_new(), *again = state_new();
    append(s, 7, 5);
    producer_snapshot_print(s, CRC32C_PORTABLE, &text);
    writer_i8(&text, 0);
    for (int64_t n = 0; n <= text.n; n++) {
        if (n == text.n - 1) continue; /* the whole */
        if (n > HEAD_BYTES)
            writer_patch_i32(&text, 2,
                             (int32_t)crc32c(CRC32C_PORTABLE, 0, slice(text.p + 6, n - 6)));
        bool ok = producer_snapshot_parse(again, CRC32C_PORTABLE, slice(text.p, n));
        assert_int_equal(ok, n == HEAD_BYTES + ENTRY_BYTES);
        assert_true(ok || !again->map.n);
        producer_state_free(again);
        again = state_new();
    }
    producer_state_free(s);
    producer_state_free(again);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_snapshot_keeps_the_last_five_batches),
        CASE(a_snapshot_of_last_batches_alone_is_read),
        CASE(a_snapshot_that_is_cut_or_goes_on_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
