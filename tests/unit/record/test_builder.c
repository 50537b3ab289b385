#include "tests/lib/test.h"

#include "broker/record/control.h"

static struct mem mem;

static void
the_limit_is_kept_and_the_first_record_always_fits(void **state)
{
    (void)state;
    struct batch_builder b;
    uint8_t big[500] = {0};
    test_mem_init(&mem);
    builder_init(&b, &mem, 200);
    assert_true(builder_add(&b, 1, SLICE_NULL, slice(big, 500), NULL, 0));
    assert_false(builder_add(&b, 1, SLICE_NULL, S("x"), NULL, 0));
    builder_clear(&b);
    assert_true(builder_is_empty(&b));
    int n = 0;
    while (builder_add(&b, 1, SLICE_NULL, S("0123456789"), NULL, 0)) n++;
    assert_true(builder_size_bytes(&b) <= 200);
    assert_true(builder_size_bytes(&b) + 17 > 200);
    assert_int_equal(b.h.records_n, n);
    builder_release(&b);
    assert_int_equal(mem.used_bytes, 0);
    mem_release(&mem);
}

static void
a_finished_batch_is_as_large_as_was_said(void **state)
{
    (void)state;
    struct batch_builder b;
    test_mem_init(&mem);
    builder_init(&b, &mem, 0);
    for (int i = 0; i < 200; i++) {
        struct record_header rh = {S("trace"), S("abc")};
        int64_t before = builder_size_bytes(&b);
        int64_t most = record_bytes_max(S("key"), S("value"), &rh, 1);
        assert_true(builder_add(&b, i * 1000003, S("key"), S("value"), &rh, 1));
        assert_true(builder_size_bytes(&b) - before <= most);
    }
    struct buf *batch = builder_finish(&b, CRC32C_HARDWARE, &mem);
    assert_int_equal(batch->n, builder_size_bytes(&b));
    buf_unref(batch);
    builder_release(&b);
    assert_int_equal(mem.used_bytes, 0);
    mem_release(&mem);
}

static void
owner_fields_are_kept_and_codec_is_set(void **state)
{
    (void)state;
    struct batch_builder b;
    struct batch_header h;
    test_mem_init(&mem);
    builder_init(&b, &mem, 0);
    b.h.base_offset = 7;
    b.h.leader_epoch = 3;
    b.h.producer_id = 9;
    b.h.producer_epoch = 1;
    b.h.base_sequence = 4;
    b.h.attributes = BATCH_TRANSACTIONAL;
    assert_true(builder_add(&b, 5, S("k"), S("v"), NULL, 0));
    struct buf *batch =
        builder_finish_compressed(&b, CRC32C_HARDWARE, &mem, CODEC_ZSTD, S("not really zstd"));
    assert_int_equal(batch_check(CRC32C_PORTABLE, buf_slice(batch), &h), BATCH_OK);
    assert_int_equal(batch_codec(&h), CODEC_ZSTD);
    assert_true(batch_is_transactional(&h));
    assert_int_equal(h.base_offset, 7);
    assert_int_equal(h.leader_epoch, 3);
    assert_int_equal(h.producer_id, 9);
    assert_int_equal(h.producer_epoch, 1);
    assert_int_equal(h.base_sequence, 4);
    assert_slice(batch_payload(buf_slice(batch), &h), "not really zstd");
    mem_release(&mem);
}

static void
a_marker_batch_says_how_the_transaction_ended(void **state)
{
    (void)state;
    struct batch_header h;
    struct records rs;
    struct record rec;
    int16_t type;
    int32_t epoch;
    test_mem_init(&mem);
    struct buf *b = end_txn_batch(CRC32C_HARDWARE, &mem, true, 1234, 42, 3, 17);
    assert_int_equal(b->n, 78);
    assert_int_equal(batch_check(CRC32C_HARDWARE, buf_slice(b), &h), BATCH_OK);
    assert_true(batch_is_control(&h) && batch_is_transactional(&h));
    records_begin(&rs, &h, batch_payload(buf_slice(b), &h));
    assert_true(records_next(&rs, &rec));
    assert_true(control_key_parse(rec.key, &type));
    assert_int_equal(type, CONTROL_COMMIT);
    assert_true(end_txn_parse(rec.value, &epoch));
    assert_int_equal(epoch, 17);
    assert_false(control_key_parse(S("\0\0\0"), &type));
    assert_false(control_key_parse(SLICE_NULL, &type));
    assert_false(end_txn_parse(S("\0\0\0\0\0"), &epoch));
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_is_kept_and_the_first_record_always_fits),
        cmocka_unit_test(a_finished_batch_is_as_large_as_was_said),
        cmocka_unit_test(owner_fields_are_kept_and_codec_is_set),
        cmocka_unit_test(a_marker_batch_says_how_the_transaction_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
