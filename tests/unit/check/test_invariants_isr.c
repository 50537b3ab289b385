/* Who is in sync by the clock: out of the ISR not before replica.lag.time.max.ms has passed, and not much later. */
#include "sim/check/invariants_own.h"
#include "tests/lib/test.h"
#include "tests/unit/check/told.h"

#define ORDERS S("orders-0")
enum { LEADER, FOLLOWER, IS_LEADER = 2, EPOCH = 1 };
#define LAG_NS (1000 * NS_PER_MS)

struct tale {
    struct mem mem;
    struct invariants *v;
    int64_t now_ns, frame;
    int64_t next; /* offset */
    int32_t partition_epoch;
    int32_t tells_epoch; /* of its last record */
    uint64_t connection;
};

static void
say(struct tale *s, enum note_kind kind, struct slice text, int64_t a, int64_t b, int64_t c,
    int64_t d, int64_t e)
{
    struct note n = {.kind = kind, .subject = ORDERS, .text = text, .n = 5, .v = {a, b, c, d, e}};
    invariants_note(s->v, s->now_ns, LEADER, &n);
}

static void
append(struct tale *s, int64_t offset)
{
    say(s, NOTE_LOG_APPEND, SLICE_NULL, offset, offset, EPOCH, 100 + offset, true);
    say(s, NOTE_LOG_WRITTEN, SLICE_NULL, offset + 1, 0, 0, 0, 0);
    s->next = offset + 1;
}

/* b2 asks b1 for what comes behind this end; frame: the number of its request. */
static int64_t
asks(struct tale *s, int64_t end)
{
    struct fetch_asked one = {.frame = ++s->frame,
                              .sent_ns = s->now_ns,
                              .conn = s->connection,
                              .from = FOLLOWER,
                              .id = 2,
                              .leader_epoch = EPOCH,
                              .last_epoch = s->tells_epoch,
                              .key = model_find_subject(&s->v->model, ORDERS),
                              .end = end};
    invariants_fetched(s->v, S("orders"), 0, 2, EPOCH, end);
    isr_forget_asked(s->v, FOLLOWER, s->connection);
    isr_asked(s->v, &one);
    return one.frame;
}

static void
fetches(struct tale *s, int64_t end)
{
    isr_answered(s->v, LEADER, asks(s, end), true);
}

static void
shrinks(struct tale *s)
{
    say(s, NOTE_PARTITION_ISR_PENDING, S("1,2 -> 1"), EPOCH, s->partition_epoch, 0, 0, 0);
}

/* b1 leads, b2 follows and is in sync; three records are there, of which b2 has none yet. */
static void
begin(struct tale *s)
{
    struct note n = {.kind = NOTE_PARTITION_CHANGE,
                     .subject = ORDERS,
                     .text = S("replicas=1,2 isr=1,2 elr= last="),
                     .n = 5,
                     .v = {1, EPOCH, 1, 0, 0}};
    memset(s, 0, sizeof *s);
    test_mem_init(&s->mem);
    s->v = invariants_new(&s->mem);
    s->now_ns = NS_PER_S;
    s->partition_epoch = 1;
    s->tells_epoch = EPOCH;
    s->connection = 9;
    invariants_lag(s->v, LAG_NS);
    invariants_node(s->v, LEADER, S("b1"), 1, false);
    invariants_node(s->v, FOLLOWER, S("b2"), 2, false);
    invariants_note(s->v, s->now_ns, LEADER, &n);
    say(s, NOTE_LOG_RECOVERED, SLICE_NULL, 0, 0, 0, 1, 0);
    say(s, NOTE_PARTITION_ROLE, SLICE_NULL, IS_LEADER, 1, EPOCH, 1, 0);
    say(s, NOTE_PARTITION_ISR, S("1,2"), EPOCH, 1, 2, 0, 0);
    fetches(s, 0);
    for (int64_t i = 0; i < 3; i++) append(s, i);
}

static void
end(struct tale *s)
{
    invariants_free(s->v);
    mem_release(&s->mem);
}

static void
assert_told(struct tale *s, enum rule rule, const char *story)
{
    told_one(s->v, rule, slice_cstr(story));
    end(s);
}

static void
assert_silent(struct tale *s)
{
    told_nothing(s->v);
    end(s);
}

#define BEGIN \
    (void)state; \
    struct tale s; \
    begin(&s)

static void
who_lagged_long_enough_goes(void **state)
{
    BEGIN;
    s.now_ns += LAG_NS + 1;
    shrinks(&s);
    assert_silent(&s);
}

static void
a_new_leader_gives_its_followers_time(void **state)
{
    BEGIN;
    s.now_ns += LAG_NS / 2;
    shrinks(&s);
    assert_told(&s, RULE_OUT_TOO_SOON,
                "b1: wants 2 out of its ISR, which was caught up 500 ms ago");
}

static void
who_was_caught_up_since_has_its_time_anew(void **state)
{
    BEGIN;
    s.now_ns += LAG_NS / 2;
    fetches(&s, 3);
    append(&s, 3);
    s.now_ns += LAG_NS / 4 * 3;
    shrinks(&s);
    assert_told(&s, RULE_OUT_TOO_SOON,
                "b1: wants 2 out of its ISR, which was caught up 750 ms ago");
}

static void
who_has_everything_stays_however_long_ago_it_asked(void **state)
{
    BEGIN;
    fetches(&s, 3);
    s.now_ns += 5 * LAG_NS;
    shrinks(&s);
    assert_told(&s, RULE_OUT_TOO_SOON,
                "b1: wants 2 out of its ISR, which has told that it has all below 3");
}

/* It left the ISR meanwhile, and came back: as far as the high watermark, not to the end. */
static void
who_joined_later_need_not_have_been_caught_up(void **state)
{
    BEGIN;
    say(&s, NOTE_PARTITION_ISR, S("1"), EPOCH, 2, 1, 0, 0);
    say(&s, NOTE_PARTITION_ISR, S("1,2"), EPOCH, 3, 2, 0, 0);
    s.now_ns += LAG_NS;
    fetches(&s, 2);
    shrinks(&s);
    assert_silent(&s);
}

/* It asked, and its leader may not have seen it. */
static void
what_was_not_answered_does_not_count(void **state)
{
    BEGIN;
    s.now_ns += LAG_NS + 1;
    (void)asks(&s, 3);
    shrinks(&s);
    assert_silent(&s);
}

static void
what_was_refused_does_not_count(void **state)
{
    BEGIN;
    s.now_ns += LAG_NS + 1;
    isr_answered(s.v, LEADER, asks(&s, 3), false);
    shrinks(&s);
    assert_silent(&s);
}

static void
what_another_log_has_does_not_count(void **state)
{
    BEGIN;
    s.now_ns += LAG_NS + 1;
    fetches(&s, 4);
    s.tells_epoch = EPOCH - 1;
    fetches(&s, 3);
    shrinks(&s);
    assert_silent(&s);
}

static void
who_lost_its_tail_has_it_no_more(void **state)
{
    BEGIN;
    fetches(&s, 3);
    s.now_ns += LAG_NS + 1;
    (void)asks(&s, 1);
    shrinks(&s);
    assert_silent(&s);
}

/* Its first request stays under way on a connection that it gives up, and comes after the second. */
static void
what_comes_late_is_what_its_leader_knows(void **state)
{
    BEGIN;
    int64_t late = asks(&s, 1);
    s.connection++;
    fetches(&s, 3);
    s.now_ns += LAG_NS + 1;
    isr_arrived(s.v, late);
    shrinks(&s);
    assert_silent(&s);
}

/* The second is answered when the first has come. */
static void
what_waits_for_its_answer_is_outdated_by_what_comes_late(void **state)
{
    BEGIN;
    int64_t late = asks(&s, 1), waits;
    s.connection++;
    waits = asks(&s, 3);
    isr_arrived(s.v, waits);
    s.now_ns += LAG_NS + 1;
    isr_arrived(s.v, late);
    isr_answered(s.v, LEADER, waits, true);
    shrinks(&s);
    assert_silent(&s);
}

static void
nobody_knows_by_clocks_that_drift(void **state)
{
    BEGIN;
    s.v->clocks_drift = true;
    shrinks(&s);
    assert_silent(&s);
}

/* Once a second a record, and a fetch of b2 that comes no further. */
static void
lag_on(struct tale *s, int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        s->now_ns += NS_PER_S;
        fetches(s, 1);
        append(s, s->next);
    }
}

static void
who_lags_is_not_kept(void **state)
{
    BEGIN;
    lag_on(&s, 7);
    assert_told(&s, RULE_LAGGARD_KEPT, "b1: keeps 2 in its ISR, which lags for 6000 ms");
}

static void
who_asks_for_its_end_has_done_its_part(void **state)
{
    BEGIN;
    lag_on(&s, 3);
    shrinks(&s);
    lag_on(&s, 9);
    assert_silent(&s);
}

static void
who_stands_still_looks_at_nothing(void **state)
{
    BEGIN;
    lag_on(&s, 3);
    invariants_life(s.v, s.now_ns, LEADER, LIFE_PAUSE);
    s.now_ns += 9 * NS_PER_S;
    invariants_life(s.v, s.now_ns, LEADER, LIFE_RESUME);
    lag_on(&s, 3);
    assert_silent(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_lagged_long_enough_goes),
        cmocka_unit_test(a_new_leader_gives_its_followers_time),
        cmocka_unit_test(who_was_caught_up_since_has_its_time_anew),
        cmocka_unit_test(who_has_everything_stays_however_long_ago_it_asked),
        cmocka_unit_test(who_joined_later_need_not_have_been_caught_up),
        cmocka_unit_test(what_was_not_answered_does_not_count),
        cmocka_unit_test(what_was_refused_does_not_count),
        cmocka_unit_test(what_another_log_has_does_not_count),
        cmocka_unit_test(who_lost_its_tail_has_it_no_more),
        cmocka_unit_test(what_comes_late_is_what_its_leader_knows),
        cmocka_unit_test(what_waits_for_its_answer_is_outdated_by_what_comes_late),
        cmocka_unit_test(nobody_knows_by_clocks_that_drift),
        cmocka_unit_test(who_lags_is_not_kept),
        cmocka_unit_test(who_asks_for_its_end_has_done_its_part),
        cmocka_unit_test(who_stands_still_looks_at_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
