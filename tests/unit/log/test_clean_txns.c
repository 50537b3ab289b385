#include "tests/lib/test.h"

#include "broker/log/clean_txns.h"
#include "broker/record/control.h"

static struct mem mem;

static void
begin(struct clean_txns *t, const struct aborted_txn *aborted, int n)
{
    struct txn_index index = {0};
    mem_init(&mem, test_mem_source(), 1 << 24);
    for (int i = 0; i < n; i++) txn_index_add(&index, &mem, &aborted[i]);
    clean_txns_init(t, &mem, (struct siphash_key){1, 2}, &index);
    VEC_RELEASE(&mem, &index.v);
}

static void
end(struct clean_txns *t)
{
    clean_txns_release(t);
    assert_int_equal(mem.used_bytes, 0);
    mem_release(&mem);
}

static bool
data(struct clean_txns *t, int64_t offset, int64_t producer, bool in_txn)
{
    struct batch_header h = {.base_offset = offset,
                             .producer_id = producer,
                             .attributes = in_txn ? BATCH_TRANSACTIONAL : 0};
    return clean_txns_data(t, &h);
}

static bool
marker(struct clean_txns *t, int64_t offset, int64_t producer, int16_t type)
{
    struct batch_header h = {.base_offset = offset,
                             .producer_id = producer,
                             .attributes = BATCH_TRANSACTIONAL | BATCH_CONTROL};
    return clean_txns_marker(t, &h, type);
}

static void
data_is_void_from_an_aborted_transactions_first_offset_to_its_marker(void **state)
{
    (void)state;
    struct aborted_txn aborted[] = {{7, 20, 25, 0}};
    struct clean_txns t;
    begin(&t, aborted, 1);
    assert_false(data(&t, 10, 7, true)); /* of the one before */
    assert_false(marker(&t, 11, 7, CONTROL_COMMIT));
    assert_true(data(&t, 20, 7, true));
    assert_false(data(&t, 21, 8, true)); /* another producer's */
    assert_false(data(&t, 22, 7, false));
    assert_true(data(&t, 23, 7, true));
    assert_false(marker(&t, 25, 7, CONTROL_ABORT));
    assert_false(data(&t, 26, 7, true));
    end(&t);
}

static void
a_marker_is_void_when_nothing_of_its_transaction_is_left(void **state)
{
    (void)state;
    struct aborted_txn aborted[] = {{7, 20, 25, 0}, {9, 21, 26, 0}};
    struct clean_txns t;
    begin(&t, aborted, 2);
    assert_true(marker(&t, 5, 6, CONTROL_COMMIT));
    assert_true(marker(&t, 6, 6, -1)); /* emptied already */
    assert_true(data(&t, 22, 9, true));
    assert_true(marker(&t, 25, 7, CONTROL_ABORT));
    assert_false(marker(&t, 26, 9, CONTROL_ABORT));
    assert_false(marker(&t, 27, 9, CONTROL_LEADER_CHANGE)); /* none of ours */
    assert_int_equal(t.kept.n, 1); /* only with data is there something to leave out */
    assert_int_equal(t.kept.v[0].producer_id, 9);
    assert_int_equal(t.kept.v[0].last_offset, 26);
    end(&t);
}

/* The index has them in the order of their ends. */
static void
transactions_that_overlap_begin_in_their_order(void **state)
{
    (void)state;
    struct aborted_txn aborted[] = {{8, 15, 30, 0}, {7, 10, 40, 0}, {8, 35, 41, 0}};
    struct clean_txns t;
    begin(&t, aborted, 3);
    assert_true(data(&t, 10, 7, true));
    assert_false(data(&t, 12, 8, true)); /* before it began: of one that was committed */
    assert_true(data(&t, 15, 8, true));
    assert_false(marker(&t, 30, 8, CONTROL_ABORT));
    assert_false(data(&t, 31, 8, true));
    assert_false(marker(&t, 32, 8, CONTROL_COMMIT));
    assert_true(data(&t, 35, 8, true));
    end(&t);
}

/* A marker may be gone by now, and its transaction still be in the index. */
static void
the_next_aborted_one_of_a_producer_takes_the_place_of_one_without_end(void **state)
{
    (void)state;
    struct aborted_txn aborted[] = {{7, 10, 12, 0}, {7, 20, 22, 0}};
    struct clean_txns t;
    begin(&t, aborted, 2);
    assert_true(data(&t, 10, 7, true));
    assert_true(data(&t, 20, 7, true));
    assert_false(marker(&t, 22, 7, CONTROL_ABORT));
    assert_int_equal(t.kept.v[0].first_offset, 20);
    end(&t);
}

static void
what_ended_before_the_pass_begins_is_over(void **state)
{
    (void)state;
    struct aborted_txn aborted[] = {{7, 10, 12, 0}, {7, 20, 25, 0}};
    struct clean_txns t;
    begin(&t, aborted, 2);
    assert_false(data(&t, 15, 7, true));
    assert_false(marker(&t, 16, 7, CONTROL_COMMIT));
    assert_true(data(&t, 22, 7, true)); /* begun, but the pass has not seen where */
    assert_false(marker(&t, 25, 7, CONTROL_ABORT));
    end(&t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_is_void_from_an_aborted_transactions_first_offset_to_its_marker),
        cmocka_unit_test(a_marker_is_void_when_nothing_of_its_transaction_is_left),
        cmocka_unit_test(transactions_that_overlap_begin_in_their_order),
        cmocka_unit_test(what_ended_before_the_pass_begins_is_over),
        cmocka_unit_test(the_next_aborted_one_of_a_producer_takes_the_place_of_one_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
