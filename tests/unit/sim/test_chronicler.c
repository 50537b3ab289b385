/* What the chronicle of a run says of disks, as the checker then judges: which copies a fault took, and no more than those. In
 * each scenario but the last one broker alone has the records. */
#include "tests/lib/test.h"

#include <stdio.h>

#include "sim/scenario/run.h"
#include "sim/world/pool.h"

#define ONE_BROKER \
    "scenario: 1\nname: t\nabout: a test\n" \
    "cluster:\n  brokers: 1\n  controllers: 1\n" \
    "  config: {min.insync.replicas: 1, broker.session.timeout.ms: 1000,\n" \
    "           broker.heartbeat.interval.ms: 200, log.initial.task.delay.ms: 50,\n" \
    "           log.retention.check.interval.ms: 100, log.cleaner.backoff.ms: 100}\n"

#define COMPACTED \
    ONE_BROKER "topics: {orders: {partitions: 1, rf: 1, config: {cleanup.policy: compact,\n" \
               "    internal.segment.bytes: 8000, min.cleanable.dirty.ratio: 0.01}}}\n" \
               "clients:\n" \
               "  p1: {produce: orders, rate: 100/s, keys: 40, value-bytes: 500, until: 3s}\n" \
               "  p2: {produce: orders, rate: 100/s, keys: 5, start: 8s, until: 9s}\n" \
               "  c1: {consume: orders}\n"

struct desk {
    struct pool pool;
    struct mem mem;
    struct arena a;
    struct run_result r;
};

static void
play_with(struct desk *d, const char *text, const struct run_options *o)
{
    struct diags diags;
    *d = (struct desk){0};
    mem_init(&d->mem, pool_source(&d->pool), INT64_MAX);
    arena_init(&d->a, &d->mem, 0);
    diags_init(&diags, &d->a);
    struct source *source = ARENA_NEW(&d->a, struct source);
    *source = (struct source){S("test"), arena_dup(&d->a, slice_cstr(text))};
    struct scenarios all = scenario_load(&d->a, source, NULL, &diags);
    assert_int_equal(diags.errors, 0);
    assert_int_equal(all.n, 1);
    run_scenario(&d->a, all.v[0], o, &d->r);
    if (d->r.verdict == VERDICT_PASS) return;
    fail_msg("%.*s", SARG(d->r.reasons.v.n ? d->r.reasons.v.v[0].text : S("?")));
}

static void
play(struct desk *d, const char *text)
{
    struct run_options o = {0};
    play_with(d, text, &o);
}

static void
clear(struct desk *d)
{
    mem_release(&d->mem);
    pool_release(&d->pool);
}

/* Of this rule, as the checker says: permitted, and for such a cause; or not permitted. */
static int64_t
count(const struct desk *d, enum rule rule, bool allowed, const char *why)
{
    int64_t n = 0;
    for (int64_t i = 0; i < d->r.anomalies.v.n; i++) {
        const struct anomaly *a = &d->r.anomalies.v.v[i];
        n += a->rule == rule && a->witness == WITNESS_CHECKER && a->allowed == allowed &&
             (!why || slice_starts(a->why, slice_cstr(why)));
    }
    return n;
}

/* The log was empty when it was wiped, but not its beginning: a reader who comes back finds other records where it had read some. */
static void
who_wipes_an_emptied_log_takes_its_offsets(void **state)
{
    struct desk d;
    (void)state;
    play(&d, ONE_BROKER "topics: {orders: {partitions: 1, rf: 1, config: {retention.ms: 300,\n"
                        "    file.delete.delay.ms: 10}}}\n"
                        "clients:\n"
                        "  p1: {produce: orders, rate: 20/s, until: 1s}\n"
                        "  p2: {produce: orders, rate: 20/s, start: 5s, until: 6s}\n"
                        "  c1: {consume: orders}\n"
                        "timeline:\n"
                        "  - {at: 3s, wipe: b1, as: gone}\n"
                        "  - {at: 3500ms, restart: $gone}\n");
    assert_int_equal(count(&d, RULE_INCONSISTENT_OFFSET, true, "b1 was wiped at 3.000s"), 20);
    clear(&d);
}

static int64_t
lost_to_power(const char *text, int64_t from_op, int64_t to_op)
{
    int64_t lost = 0;
    for (int64_t op = from_op; op < to_op; op++) {
        struct run_options o = {.crash_at_op = op, .crash_node = S("b1"), .crash_power = true};
        struct desk d;
        play_with(&d, text, &o);
        lost += count(&d, RULE_LOST, true, "b1 lost its unsynced tail") +
                count(&d, RULE_INCONSISTENT_OFFSET, true, "b1 lost its unsynced tail");
        clear(&d);
    }
    return lost;
}

/* The next segment, or its name alone, may be on the disk before the end of the one before: that it is there brings nothing back,
 * and is no gap that a cleaning has made. */
static void
what_a_power_loss_left_of_the_next_segment_brings_nothing_back(void **state)
{
    (void)state;
    assert_true(lost_to_power(
                    ONE_BROKER
                    "  disk: {fsync: 1ms..300ms}\n"
                    "topics: {orders: {partitions: 1, rf: 1, config: {cleanup.policy: compact,\n"
                    "    internal.segment.bytes: 8000, min.cleanable.dirty.ratio: 0.01}}}\n"
                    "clients:\n"
                    "  p1: {produce: orders, rate: 200/s, keys: 30, value-bytes: 500, until: 2s}\n"
                    "  c1: {consume: orders}\n",
                    100, 176) > 100);
    assert_true(
        lost_to_power(
            ONE_BROKER
            "  disk: {fsync: 100us..100ms}\n"
            "topics: {orders: {partitions: 1, rf: 1, config: {cleanup.policy: compact,\n"
            "    internal.segment.bytes: 3000, min.cleanable.dirty.ratio: 0.01}}}\n"
            "clients:\n"
            "  p1: {produce: orders, rate: 200/s, keys: 60, value-bytes: 300, batch: 1500,\n"
            "       until: 2s}\n"
            "  c1: {consume: orders}\n",
            100, 200) > 100);
}

/* The whole of the first segment was that tail: its file is there, and empty. */
static void
what_a_power_loss_left_behind_an_empty_segment_brings_nothing_back(void **state)
{
    (void)state;
    assert_true(lost_to_power(
                    ONE_BROKER
                    "  disk: {fsync: 1ms..300ms}\n"
                    "topics: {orders: {partitions: 1, rf: 1, config: {cleanup.policy: compact,\n"
                    "    internal.segment.bytes: 8000, min.cleanable.dirty.ratio: 0.01}}}\n"
                    "clients:\n"
                    "  p1: {produce: orders, rate: 260/s, keys: 30, value-bytes: 500, until: 2s}\n"
                    "  c1: {consume: orders}\n",
                    124, 127) > 50);
}

/* The witnesses are of one mind on what cannot be read behind it, also when recovery has cut it off. */
static void
a_write_gone_astray_takes_what_lies_behind_it(void **state)
{
    struct desk d;
    (void)state;
    play(&d, ONE_BROKER
         "topics: {orders: {partitions: 1, rf: 1}}\n"
         "clients: {p1: {produce: orders, rate: 20/s, until: 3s}, c1: {consume: orders}}\n"
         "timeline:\n"
         "  - {at: 1s, disk: b1, path: .log, misdirect: true}\n"
         "  - {at: 2s, crash: b1, for: 1500ms}\n");
    assert_int_equal(count(&d, RULE_LOST, true, "b1 wrote to the wrong place at 1.0"), 20);
    clear(&d);
}

/* A bit of the first batch rots, in its head or in what it holds, and the broker goes on writing behind it. */
#define ROTS(offset, end) \
    ONE_BROKER "topics: {orders: {partitions: 1, rf: 1}}\n" \
               "clients: {p1: {produce: orders, rate: 20/s, until: 3s}, c1: {consume: orders}}\n" \
               "timeline:\n" \
               "  - {at: 1s, disk: b1, path: orders-0/000, rot: 1, offset: " offset "}\n" \
               "  - {at: 2s, " end ": b1, as: gone}\n" \
               "  - {at: 3500ms, restart: $gone}\n"

static void
a_wipe_takes_what_was_written_behind_a_rotten_place(void **state)
{
    static const char *const all[] = {ROTS("6", "wipe"), ROTS("10", "wipe"), ROTS("25", "wipe"),
                                      ROTS("65", "wipe")};
    (void)state;
    for (int64_t i = 0; i < ARRAY_LEN(all); i++) {
        struct desk d;
        play(&d, all[i]);
        assert_int_equal(count(&d, RULE_LOST, true, "b1 was damaged on its disk at 1.000s"), 20);
        assert_int_equal(count(&d, RULE_LOST, true, "b1 was wiped at 2.000s"), 20);
        clear(&d);
    }
}

/* Recovery keeps a beginning without holes: what it cuts behind a spoilt place, that place has cost. */
static void
a_crash_costs_what_was_written_behind_a_rotten_place(void **state)
{
    static const char *const all[] = {ROTS("6", "crash"), ROTS("65", "crash")};
    (void)state;
    for (int64_t i = 0; i < ARRAY_LEN(all); i++) {
        struct desk d;
        play(&d, all[i]);
        assert_int_equal(count(&d, RULE_LOST, true, "b1 was damaged on its disk at 1.000s"), 20);
        assert_int_equal(count(&d, RULE_LOST, true, "b1 was damaged on its disk at 3.500s"), 20);
        clear(&d);
    }
}

/* The hole comes into the log with the cleaned segment: what was there long before is gone then. */
static void
a_write_of_a_cleaning_gone_astray_takes_what_was_there(void **state)
{
    struct desk d;
    (void)state;
    play(&d, COMPACTED "timeline:\n"
                       "  - {at: 1500ms, disk: b1, path: .cleaned, misdirect: true}\n"
                       "  - {at: 5s, wipe: b1, as: gone}\n"
                       "  - {at: 5500ms, restart: $gone}\n");
    assert_true(count(&d, RULE_LOST, true, "b1 wrote to the wrong place at 1.") > 100);
    clear(&d);
}

/* No recovery has left out what a cleaning took before: the later record of the key stood for it until the disk was wiped. */
static void
what_was_cleaned_away_goes_with_what_stood_for_it(void **state)
{
    struct desk d;
    (void)state;
    play(&d, COMPACTED "timeline:\n"
                       "  - {at: 3200ms, crash: b1, for: 1500ms}\n"
                       "  - {at: 6500ms, wipe: b1, as: gone}\n"
                       "  - {at: 6800ms, restart: $gone}\n");
    assert_true(count(&d, RULE_LOST, true, "b1 was wiped at 6.500s") > 100);
    clear(&d);
}

/* b2 has all that was acknowledged, and the last known leader, which has nothing, makes it cut that off. That b2's disk was to
 * write to some wrong place, and never did, excuses none of it. */
static void
a_write_that_never_went_astray_excuses_nothing(void **state)
{
    struct desk d;
    (void)state;
    play(&d,
         "scenario: 1\nname: t\nabout: a test\n"
         "cluster:\n  brokers: 3\n  controllers: 3\n"
         "  config: {min.insync.replicas: 2, broker.session.timeout.ms: 1000,\n"
         "           broker.heartbeat.interval.ms: 200, replica.lag.time.max.ms: 1500,\n"
         "           replica.socket.timeout.ms: 1000,\n"
         "           controller.quorum.election.timeout.ms: 300,\n"
         "           controller.quorum.fetch.timeout.ms: 400,\n"
         "           controller.quorum.request.timeout.ms: 500,\n"
         "           controller.quorum.election.backoff.max.ms: 300}\n"
         "topics: {orders: {partitions: 1, rf: 3, leader: b1}}\n"
         "clients: {p1: {produce: orders, rate: 100/s, until: 6s}}\n"
         "timeline:\n"
         "  - {at: 100ms, disk: b2, path: nowhere, misdirect: true}\n"
         "  - {at: 1700ms, wipe: b3}\n"
         "  - {at: 2s, crash: b2}\n"
         "  - {at: 2300ms, wipe: b1}\n"
         "  - {at: 4s, restart: brokers}\n"
         "expect:\n"
         "  may: [lost, inconsistent-offset, leader-completeness]\n"
         "  must-fail: [{check: lost, min: 100, explains: [\"b2 had it and might have led\"]}]\n");
    assert_true(count(&d, RULE_LOST, false, NULL) > 100);
    assert_int_equal(count(&d, RULE_LOST, true, NULL), 0);
    clear(&d);
}

/* A request to end a transaction is held up and asked again, and comes in the next one: before that is to end itself, or after. */
#define COMES_LATE(version, released) \
    "scenario: 1\nname: t\nabout: a test\n" \
    "cluster:\n  brokers: 1\n  controllers: 1\n" \
    "  config: {min.insync.replicas: 1, broker.session.timeout.ms: 1000,\n" \
    "           broker.heartbeat.interval.ms: 200, transaction.state.log.num.partitions: 1,\n" \
    "           transaction.state.log.replication.factor: 1, transaction.state.log.min.isr: 1}\n" \
    "topics: {orders: {partitions: 1, rf: 1}}\n" \
    "clients:\n" \
    "  p1: {produce: orders, rate: 60/s, until: 4s, transactional-id: t1, transaction: 6,\n" \
    "       abort-every: 2, request-timeout: 300ms" version "}\n" \
    "  c1: {consume: orders, isolation: read-committed}\n" \
    "timeline:\n" \
    "  - {when: {sent: EndTxn, from: p1, nth: 10},\n" \
    "     hold: {rpc: EndTxn, answer: false, from: p1, count: 1}, as: first}\n" \
    "  - {when: {sent: EndTxn, from: p1}, note: held}\n" \
    "  - {when: {sent: EndTxn, from: p1}, note: asked again}\n" released

/* The next one is aborted, and what it had sent is read: the late request has asked to commit. */
#define RELEASED_BEFORE \
    "  - {when: {sent: Produce, from: p1},\n" \
    "     hold: {rpc: EndTxn, answer: false, from: p1, count: 1}, as: next}\n" \
    "  - {when: {sent: EndTxn, from: p1}, heal: $first}\n" \
    "  - {then: 50ms, heal: $next}\n" \
    "expect: {must-fail: [{check: failed-read, min: 6}]}\n"
#define RELEASED_AFTER \
    "  - {when: {sent: EndTxn, from: p1}, note: the next one}\n" \
    "  - {then: 20ms, heal: $first}\n" \
    "expect: {always: [failed-read, torn, unseen]}\n"

static void
a_transaction_that_a_late_request_has_ended_is_known(void **state)
{
    static const char why[] = "its transaction was committed at ";
    struct desk d;
    (void)state;
    play(&d, COMES_LATE(", transaction-version: 1", RELEASED_BEFORE));
    assert_int_equal(count(&d, RULE_FAILED_READ, true, why), 6);
    assert_int_equal(count(&d, RULE_FAILED_READ, false, NULL), 0);
    clear(&d);
}

/* By version 2 it is refused, and by version 1 as well if the next transaction has had its own end: then it has ended nothing. */
static void
a_late_request_that_ends_nothing_excuses_nothing(void **state)
{
    struct desk d;
    (void)state;
    play(&d, COMES_LATE("", RELEASED_AFTER));
    assert_int_equal(d.r.anomalies.v.n, 0);
    clear(&d);
    play(&d, COMES_LATE(", transaction-version: 1", RELEASED_AFTER));
    assert_int_equal(d.r.anomalies.v.n, 0);
    clear(&d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_wipes_an_emptied_log_takes_its_offsets),
        cmocka_unit_test(what_a_power_loss_left_of_the_next_segment_brings_nothing_back),
        cmocka_unit_test(what_a_power_loss_left_behind_an_empty_segment_brings_nothing_back),
        cmocka_unit_test(a_write_gone_astray_takes_what_lies_behind_it),
        cmocka_unit_test(a_wipe_takes_what_was_written_behind_a_rotten_place),
        cmocka_unit_test(a_crash_costs_what_was_written_behind_a_rotten_place),
        cmocka_unit_test(a_write_of_a_cleaning_gone_astray_takes_what_was_there),
        cmocka_unit_test(what_was_cleaned_away_goes_with_what_stood_for_it),
        cmocka_unit_test(a_write_that_never_went_astray_excuses_nothing),
        cmocka_unit_test(a_transaction_that_a_late_request_has_ended_is_known),
        cmocka_unit_test(a_late_request_that_ends_nothing_excuses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
