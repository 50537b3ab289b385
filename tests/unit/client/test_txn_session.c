#include "tests/unit/client/scripted.h"

#include "broker/client/txn_session.h"

/* A transaction of one record, whose commit is answered as a test tells. */
static struct script script;
static struct txn_session *session;
static struct txn_op op;
static struct send record;
static bool commits;
static int ended_n, ends_n;
static const int16_t
    *ends; /* what EndTxn is answered with, one after the other; the last for ever */

static void
ended(struct txn_op *o)
{
    (void)o;
    ended_n++;
}

static void
sent(struct send *s)
{
    (void)s;
    op.done = ended;
    txn_session_finish(session, &op, commits);
}

static void
inited(struct txn_op *o)
{
    struct producer_record r = {.topic = S("t"), .partition = 0, .value = S("a"), .timestamp = 5};
    assert_int_equal(o->error, K_ERR_NONE);
    record.done = sent;
    txn_session_begin(session);
    assert_true(producer_send(txn_session_producer(session), &record, &r));
}

static void
begin(struct script *s, struct env *env)
{
    (void)s;
    struct client_params cp = client_params_default();
    struct producer_params pp = producer_params_default();
    struct txn_params tp = txn_params_default();
    cp.bootstrap = S("s1:9092,s2:9092");
    cp.request_timeout_ms = pp.request_timeout_ms = 500;
    pp.delivery_timeout_ms = 3000;
    pp.linger_ms = 0;
    tp.transactional_id = S("x");
    tp.give_up_ms = 3000;
    session = txn_session_new(client_new(env, &cp), &pp, &tp);
    assert_non_null(session);
    op.done = inited;
    txn_session_init(session, &op);
}

static void
find(struct k_find_coordinator_response *r, struct arena *a)
{
    r->coordinators_n = 1;
    r->coordinators = codec_array(a, K_STRUCT_FIND_COORDINATOR_RESPONSE_COORDINATOR, 1);
    r->coordinators->key = S("x");
    r->coordinators->node_id = 1;
    r->coordinators->host = S("s1");
    r->coordinators->port = 9092;
}

static int16_t
coordinate(struct script *s, int32_t node, int16_t version, const void *q, void *r, struct arena *a)
{
    (void)node, (void)version, (void)q;
    if (s->asked_for == K_API_FIND_COORDINATOR) find(r, a);
    if (s->asked_for != K_API_END_TXN) return K_ERR_NONE;
    int16_t e = ends[MIN(s->asked[K_API_END_TXN], ends_n) - 1];
    if (e <= SCRIPT_NO_ANSWER) return e;
    ((struct k_end_txn_response *)r)->error_code = e;
    return K_ERR_NONE;
}

static int
set_up(void **state)
{
    (void)state;
    script_init(&script, begin);
    script.other = coordinate;
    memset(&op, 0, sizeof op);
    memset(&record, 0, sizeof record);
    commits = true;
    ended_n = 0;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    script_release(&script);
    return 0;
}

static enum txn_end
end_after(const int16_t *v, int n, int16_t want_error)
{
    ends = v;
    ends_n = n;
    script_run(&script, 5000);
    assert_int_equal(ended_n, 1);
    assert_int_equal(op.error, want_error);
    return op.end;
}

static void
what_is_committed_is_told_so(void **state)
{
    (void)state;
    static const int16_t v[] = {K_ERR_NONE};
    assert_int_equal(end_after(v, 1, K_ERR_NONE), TXN_COMMITTED);
}

static void
a_refused_commit_is_surely_none(void **state)
{
    (void)state;
    static const int16_t v[] = {K_ERR_PRODUCER_FENCED};
    assert_int_equal(end_after(v, 1, K_ERR_PRODUCER_FENCED), TXN_ABORTED);
    assert_true(txn_session_is_fenced(session));
}

/* Another instance may have found it committed already, and fenced this one since. */
static void
fenced_after_a_lost_answer_is_in_doubt(void **state)
{
    (void)state;
    static const int16_t v[] = {SCRIPT_BREAK, K_ERR_PRODUCER_FENCED};
    assert_int_equal(end_after(v, 2, K_ERR_PRODUCER_FENCED), TXN_UNKNOWN);
}

static void
fenced_after_a_coordinator_that_went_is_in_doubt(void **state)
{
    (void)state;
    static const int16_t v[] = {K_ERR_NOT_COORDINATOR, K_ERR_PRODUCER_FENCED};
    assert_int_equal(end_after(v, 2, K_ERR_PRODUCER_FENCED), TXN_UNKNOWN);
}

static void
fenced_after_a_commit_that_was_not_stored_in_time_is_in_doubt(void **state)
{
    (void)state;
    static const int16_t v[] = {K_ERR_COORDINATOR_NOT_AVAILABLE, K_ERR_INVALID_PRODUCER_EPOCH};
    assert_int_equal(end_after(v, 2, K_ERR_INVALID_PRODUCER_EPOCH), TXN_UNKNOWN);
}

static void
an_error_that_tells_nothing_leaves_doubt(void **state)
{
    (void)state;
    static const int16_t v[] = {K_ERR_UNKNOWN_SERVER_ERROR};
    assert_int_equal(end_after(v, 1, K_ERR_UNKNOWN_SERVER_ERROR), TXN_UNKNOWN);
}

/* It has yet to read what it stored, or to end what it began: nothing was begun for this request. */
static void
fenced_after_a_busy_coordinator_is_surely_none(void **state)
{
    (void)state;
    static const int16_t v[] = {K_ERR_COORDINATOR_LOAD_IN_PROGRESS, K_ERR_CONCURRENT_TRANSACTIONS,
                                K_ERR_PRODUCER_FENCED};
    assert_int_equal(end_after(v, 3, K_ERR_PRODUCER_FENCED), TXN_ABORTED);
}

static void
an_abort_is_never_in_doubt(void **state)
{
    (void)state;
    static const int16_t v[] = {K_ERR_NOT_COORDINATOR, K_ERR_PRODUCER_FENCED};
    commits = false;
    assert_int_equal(end_after(v, 2, K_ERR_PRODUCER_FENCED), TXN_ABORTED);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_committed_is_told_so),
        CASE(a_refused_commit_is_surely_none),
        CASE(fenced_after_a_lost_answer_is_in_doubt),
        CASE(fenced_after_a_coordinator_that_went_is_in_doubt),
        CASE(fenced_after_a_commit_that_was_not_stored_in_time_is_in_doubt),
        CASE(an_error_that_tells_nothing_leaves_doubt),
        CASE(fenced_after_a_busy_coordinator_is_surely_none),
        CASE(an_abort_is_never_in_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
