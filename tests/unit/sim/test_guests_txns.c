/* The same of transactions of clients outside, and of the offsets that their groups commit. */
#include "tests/unit/sim/guests_fixture.h"

/* ---- transactions ---- */

/* MAKER's first transaction is committed, its second aborted; between them is a record of somebody else. */
static const struct batch txn_log[] = {
    {.producer = MAKER, .sequence = 0, .first = 0, .n = 2, .in_txn = true, .offset = 0},
    {.producer = -1, .first = 50, .n = 1, .offset = 2},
    {.producer = MAKER, .sequence = 2, .first = 2, .n = 1, .in_txn = true, .offset = 3},
    {.producer = MAKER, .marker = 'c', .offset = 4},
    {.producer = MAKER, .sequence = 3, .first = 3, .n = 1, .in_txn = true, .offset = 5},
    {.producer = MAKER, .marker = 'a', .offset = 6},
};
#define TXN_N 6
static const struct k_fetch_response_aborted_transaction second_is_aborted = {MAKER, 5};

static void
first_transaction(struct scene *s)
{
    begin(s);
    inits(s, "copy", MAKER, 0);
    for (int i = 0; i < 3; i++) stores(s, "shop", &txn_log[i]);
}

static void
both_transactions(struct scene *s)
{
    first_transaction(s);
    ends(s, "copy", MAKER, 0, true);
    stores(s, "shop", &txn_log[4]);
    ends(s, "copy", MAKER, 0, false);
}

static void
committed_is_there_and_aborted_is_not(void **state)
{
    (void)state;
    struct scene s;
    both_transactions(&s);
    reads_so(&s, 1, 0, txn_log, TXN_N,
             &(struct reading){.committed = true, .aborted = &second_is_aborted, .aborted_n = 1});
    reads(&s, 0, txn_log, TXN_N); /* uncommitted records, too */
    judge(&s, txn_log, TXN_N, -2);
    assert_int_equal(s.r.counts.acknowledged, 4);
    assert_int_equal(s.r.counts.failed, 1);
    assert_fired(&s, "");
}

static void
a_committed_transaction_without_marker_is_unseen(void **state)
{
    (void)state;
    struct scene s;
    both_transactions(&s);
    judge(&s, txn_log, 3, -2);
    assert_fired(&s, "unseen");
}

static void
a_committed_transaction_of_which_a_part_is_missing_is_torn(void **state)
{
    (void)state;
    struct scene s;
    struct batch log[] = {txn_log[0], txn_log[1], txn_log[3]};
    both_transactions(&s);
    judge(&s, log, 3, -2);
    assert_fired(&s, "unseen torn");
}

/* Nobody was told how it ended: all of it, or nothing. */
static void
a_transaction_of_unknown_end_is_there_as_a_whole_or_not(void **state)
{
    (void)state;
    struct batch half[] = {txn_log[0], txn_log[1], txn_log[3]};
    for (int i = 0; i < 3; i++) {
        struct scene s;
        first_transaction(&s);
        (void)asks_for_end(&s, "copy", MAKER, 0, true);
        inits(&s, "copy", MAKER, 1);
        judge(&s, i == 2 ? half : txn_log, i == 0 ? 3 : i == 1 ? 4 : 3, -2);
        assert_fired(&s, i == 2 ? "torn" : "");
    }
}

static void
a_transaction_that_the_next_life_ends_is_aborted(void **state)
{
    (void)state;
    struct scene s;
    first_transaction(&s);
    inits(&s, "copy", MAKER, 1);
    judge(&s, txn_log, 4, -2); /* with a marker that commits it */
    assert_fired(&s, "failed-read");
}

static void
an_aborted_transaction_that_is_given_out_is_told(void **state)
{
    (void)state;
    struct scene s;
    both_transactions(&s);
    reads_so(&s, 1, 0, txn_log, TXN_N, &(struct reading){.committed = true});
    judge(&s, txn_log, TXN_N, -2);
    assert_fired(&s, "failed-read");
}

static void
a_commit_marker_for_an_abort_is_told(void **state)
{
    (void)state;
    struct scene s;
    struct batch log[TXN_N];
    memcpy(log, txn_log, sizeof txn_log);
    log[5].marker = 'c';
    both_transactions(&s);
    judge(&s, log, TXN_N, -2);
    assert_fired(&s, "failed-read");
}

static void
records_of_an_open_transaction_are_for_nobody_who_reads_committed_ones(void **state)
{
    (void)state;
    struct scene s;
    first_transaction(&s);
    reads_so(&s, 1, 0, txn_log, 3, &(struct reading){.committed = true});
    ends(&s, "copy", MAKER, 0, true);
    judge(&s, txn_log, 4, -2);
    assert_fired(&s, "read-uncommitted");
}

/* ---- groups ---- */

static void
what_is_committed_is_found(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    finds(&s, "readers", -1);
    commit_is_told(&s, commits(&s, "readers", 4), 0);
    finds(&s, "readers", 4);
    commit_is_told(&s, commits(&s, "readers", 2), 0); /* who goes back does so by himself */
    finds(&s, "readers", 2);
    commit_is_told(&s, commits(&s, "readers", 6), K_ERR_ILLEGAL_GENERATION);
    finds(&s, "readers", 2);
    (void)commits(&s, "readers", 7); /* no answer: perhaps, and perhaps later */
    finds(&s, "readers", 2);
    finds(&s, "readers", 7);
    judge(&s, plain_log, PLAIN_N, 7);
    assert_fired(&s, "");
}

/* Of two commits under way at the same time either may be the last. */
static void
commits_at_the_same_time_have_no_order(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    int32_t one = commits(&s, "readers", 3), two = commits(&s, "readers", 5);
    commit_is_told(&s, one, 0);
    commit_is_told(&s, two, 0);
    finds(&s, "readers", 3);
    judge(&s, plain_log, PLAIN_N, 3);
    assert_fired(&s, "");
}

static void
a_commit_that_goes_back_is_told(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct scene s;
        send_all(&s);
        commit_is_told(&s, commits(&s, "readers", 2), 0);
        commit_is_told(&s, commits(&s, "readers", 4), 0);
        if (i == 0) finds(&s, "readers", 2);
        if (i == 1) finds(&s, "readers", -1);
        judge(&s, plain_log, PLAIN_N, i == 2 ? 2 : 4);
        assert_fired(&s, "offset-went-back");
    }
}

static void
a_refused_commit_that_is_found_is_told(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    commit_is_told(&s, commits(&s, "readers", 2), 0);
    commit_is_told(&s, commits(&s, "readers", 4), K_ERR_UNKNOWN_MEMBER_ID);
    finds(&s, "readers", 4);
    judge(&s, plain_log, PLAIN_N, 4);
    assert_fired(&s, "failed-commit");
}

static void
offsets_of_a_transaction_go_with_it(void **state)
{
    (void)state;
    static const struct {
        bool commits;
        int64_t found;
        const char *fired;
    } cases[] = {
        {true, 3, ""}, {true, 1, "offset-went-back"}, {false, 1, ""}, {false, 3, "failed-commit"}};
    for (int i = 0; i < 4; i++) {
        struct scene s;
        begin(&s);
        commit_is_told(&s, commits(&s, "readers", 1), 0);
        inits(&s, "copy", MAKER, 0);
        stores(&s, "shop", &txn_log[0]);
        commits_in_txn(&s, MAKER, 3);
        finds(&s, "readers", 1);
        ends(&s, "copy", MAKER, 0, cases[i].commits);
        finds(&s, "readers", cases[i].found);
        const struct batch log[] = {
            txn_log[0], {.producer = MAKER, .marker = cases[i].commits ? 'c' : 'a', .offset = 2}};
        judge(&s, log, 2, cases[i].found);
        assert_fired(&s, cases[i].fired);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(committed_is_there_and_aborted_is_not),
        cmocka_unit_test(a_committed_transaction_without_marker_is_unseen),
        cmocka_unit_test(a_committed_transaction_of_which_a_part_is_missing_is_torn),
        cmocka_unit_test(a_transaction_of_unknown_end_is_there_as_a_whole_or_not),
        cmocka_unit_test(a_transaction_that_the_next_life_ends_is_aborted),
        cmocka_unit_test(an_aborted_transaction_that_is_given_out_is_told),
        cmocka_unit_test(a_commit_marker_for_an_abort_is_told),
        cmocka_unit_test(records_of_an_open_transaction_are_for_nobody_who_reads_committed_ones),
        cmocka_unit_test(what_is_committed_is_found),
        cmocka_unit_test(commits_at_the_same_time_have_no_order),
        cmocka_unit_test(a_commit_that_goes_back_is_told),
        cmocka_unit_test(a_refused_commit_that_is_found_is_told),
        cmocka_unit_test(offsets_of_a_transaction_go_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
