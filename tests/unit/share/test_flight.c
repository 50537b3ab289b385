/* What becomes of records that a share group is given: who gets which, what an acknowledgement does and when, and what
 * the share coordinator is told. */
#include <stdio.h>

#include "broker/env/env.h"
#include "broker/share/flight.h"
#include "broker/share/given_together.h"
#include "errors.h"
#include "tests/lib/test.h"

#define LOCK_NS (30 * NS_PER_S)

static const struct delivery_rule rule = {.count_max = 5};

static struct mem mem;
static struct arena arena;
static struct flight f;
static struct buf *a, *b;

static int
begin(void **state)
{
    (void)state;
    mem_init(&mem, test_mem_source(), 1LL << 30);
    arena_init(&arena, &mem, 0);
    a = buf_copy(&mem, S("a"));
    b = buf_copy(&mem, S("b"));
    flight_init(&f, &mem, 0);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    flight_release(&f);
    assert_int_equal(a->refs, 1);
    assert_int_equal(b->refs, 1);
    mem_release(&mem);
    return 0;
}

/* The flight as a text: "0-4 A1 5-9 h2" are records available after one delivery, and held in the second;
 * d: acknowledged, g: going (ARCHIVING), x: archived, a small w behind it: waits to be written. */
static const char *
told(void)
{
    static char text[400];
    static const char letters[] = {'A', 'h', 'd', 'g', 'x'};
    char *p = text;
    *p = 0;
    for (int64_t i = 0; i < f.runs.n; i++) {
        const struct flight_run *r = &f.runs.v[i];
        p +=
            snprintf(p, sizeof text - (size_t)(p - text), "%s%d-%d %c%d%s", i ? " " : "",
                     (int)r->first, (int)r->last, letters[r->state], r->count, r->write ? "w" : "");
    }
    return text;
}

static const int64_t tens[] = {10, 20, 30, 40};

static int32_t
acquire(struct buf *who, int64_t from, int64_t to, int64_t max, struct acquired **v)
{
    struct acquire q = {.from = from,
                        .to = to,
                        .ends = tens,
                        .ends_n = (int32_t)(to / 10),
                        .records_max = max,
                        .in_flight_max = 1000,
                        .count_max = 5,
                        .holder = who,
                        .lock_ns = LOCK_NS};
    return flight_acquire(&f, &q, &arena, v);
}

static int64_t
take(struct buf *who, int64_t from, int64_t to, int64_t max)
{
    struct acquired *v;
    int64_t sum = 0;
    int32_t n = acquire(who, from, to, max, &v);
    for (int32_t i = 0; i < n; i++) sum += v[i].last - v[i].first + 1;
    return sum;
}

/* All that can be had, in however many pieces. */
static int64_t
take_all(struct buf *who, int64_t to)
{
    int64_t sum = 0;
    for (int64_t n; (n = take(who, 0, to, 500)) > 0;) sum += n;
    return sum;
}

static int16_t
ack(struct buf *who, int64_t first, int64_t last, int8_t type)
{
    struct ack_batch v = {first, last, &type, 1};
    bool decided;
    return flight_acknowledge(&f, &v, 1, buf_slice(who), &rule, LOCK_NS, &decided);
}

static struct flight_news
write_now(void)
{
    struct flight_news news;
    flight_begin_write(&f, &arena, &news);
    flight_written(&f);
    return news;
}

/* ---- giving out ---- */

static void
records_are_given_out_in_whole_batches(void **state)
{
    (void)state;
    assert_int_equal(take(a, 0, 30, 15), 20);
    assert_string_equal(told(), "0-19 h1");
    assert_int_equal(flight_next(&f), 20);
}

static void
no_more_than_asked_for_when_the_client_is_strict(void **state)
{
    (void)state;
    struct acquired *v;
    struct acquire q = {.to = 30,
                        .ends = tens,
                        .ends_n = 3,
                        .records_max = 15,
                        .is_strict = true,
                        .in_flight_max = 1000,
                        .count_max = 5,
                        .holder = a};
    assert_int_equal(flight_acquire(&f, &q, &arena, &v), 1);
    assert_int_equal(v[0].last, 14);
    assert_int_equal(flight_next(&f), 15);
}

static void
no_record_is_held_by_two(void **state)
{
    (void)state;
    assert_int_equal(take(a, 0, 20, 20), 20);
    assert_int_equal(take(b, 0, 20, 20), 0);
    assert_int_equal(take(b, 0, 30, 20), 10);
    assert_string_equal(told(), "0-19 h1 20-29 h1");
}

static void
what_came_back_goes_out_first_and_is_counted(void **state)
{
    (void)state;
    struct acquired *v;
    take(a, 0, 20, 20);
    assert_int_equal(ack(a, 3, 4, ACK_RELEASE), 0);
    write_now();
    assert_string_equal(told(), "0-2 h1 3-4 A1 5-19 h1");
    assert_int_equal(flight_next(&f), 3);
    assert_int_equal(acquire(b, 0, 30, 500, &v), 2);
    assert_int_equal(v[0].first, 3);
    assert_int_equal(v[0].count, 2);
    assert_int_equal(v[1].first, 20);
    assert_string_equal(told(), "0-2 h1 3-4 h2 5-19 h1 20-29 h1");
}

static void
there_is_a_bound_on_what_is_under_way(void **state)
{
    (void)state;
    struct acquired *v;
    struct acquire q = {.to = 40,
                        .ends = tens,
                        .ends_n = 4,
                        .records_max = 500,
                        .in_flight_max = 25,
                        .count_max = 5,
                        .holder = a};
    assert_int_equal(flight_acquire(&f, &q, &arena, &v), 1);
    assert_int_equal(v[0].last, 24);
    assert_false(flight_has_room(&f, 25));
    ack(a, 20, 20, ACK_RELEASE);
    write_now();
    assert_true(flight_has_room(&f, 25));
}

static void
holes_are_passed_over_for_good(void **state)
{
    (void)state;
    struct acquired *v;
    struct flight_hole holes[] = {{0, 4}, {12, 14}};
    struct acquire q = {.to = 20,
                        .ends = tens,
                        .ends_n = 2,
                        .holes = holes,
                        .holes_n = 2,
                        .records_max = 500,
                        .in_flight_max = 1000,
                        .count_max = 5,
                        .holder = a};
    assert_int_equal(flight_acquire(&f, &q, &arena, &v), 2);
    assert_int_equal(v[0].first, 5);
    assert_int_equal(v[1].first, 15);
    struct flight_news news = write_now();
    assert_int_equal(news.start, 5);
    assert_int_equal(news.batches_n, 1);
    assert_int_equal(news.batches[0].state, DELIVERY_ARCHIVED);
    assert_int_equal(f.start, 5);
}

static void
only_holes_move_the_end_too(void **state)
{
    (void)state;
    struct acquired *v;
    struct flight_hole holes[] = {{0, 9}};
    struct acquire q = {.to = 10,
                        .ends = tens,
                        .ends_n = 1,
                        .holes = holes,
                        .holes_n = 1,
                        .records_max = 500,
                        .in_flight_max = 1000,
                        .count_max = 5,
                        .holder = a};
    assert_int_equal(flight_acquire(&f, &q, &arena, &v), 0);
    assert_int_equal(flight_next(&f), 10);
}

/* Gives out, and takes back, so often. */
static void
deliver(int64_t to, int n)
{
    for (int i = 0; i < n; i++) {
        take(a, f.start, to, 500);
        for (int64_t at = f.start; at < to; at++) ack(a, at, at, ACK_RELEASE);
        write_now();
    }
}

static void
what_was_delivered_often_goes_out_in_smaller_pieces(void **state)
{
    (void)state;
    deliver(20, 3);
    assert_string_equal(told(), "0-19 A3");
    assert_int_equal(take(a, 0, 30, 500), 10);
    assert_string_equal(told(), "0-9 h4 10-19 A3");
    assert_int_equal(take(b, 0, 30, 500), 10);
    assert_string_equal(told(), "0-9 h4 10-19 h4");
    assert_int_equal(take(a, 20, 30, 500), 10);
    /* The last time each of them alone, for whoever it is. */
    ack(a, 0, 9, ACK_RELEASE);
    ack(b, 10, 19, ACK_RELEASE);
    write_now();
    assert_string_equal(told(), "0-19 A4 20-29 h1");
    for (int i = 0; i < 3; i++) assert_int_equal(take(a, 0, 20, 500), 1);
    assert_int_equal(flight_next(&f), 3);
}

static void
what_was_delivered_often_goes_out_apart(void **state)
{
    (void)state;
    struct acquired *v;
    take(a, 0, 20, 500);
    for (int i = 0; i < 3; i++) {
        if (i > 0) take(a, 10, 13, 500);
        ack(a, 10, 12, ACK_RELEASE);
        write_now();
    }
    ack(a, 0, 4, ACK_RELEASE);
    ack(a, 15, 19, ACK_RELEASE);
    write_now();
    assert_string_equal(told(), "0-4 A1 5-9 h1 10-12 A3 13-14 h1 15-19 A1");
    assert_int_equal(acquire(b, 0, 30, 500, &v), 1);
    assert_int_equal(v[0].last, 4);
    assert_int_equal(acquire(b, 0, 30, 500, &v), 1);
    assert_int_equal(v[0].first, 10);
    assert_int_equal(v[0].last, 12);
    assert_int_equal(acquire(b, 0, 30, 500, &v), 2);
    assert_int_equal(v[0].first, 15);
    assert_int_equal(v[1].last, 29);
}

static void
how_many_go_out_with_one_that_was_delivered_often(void **state)
{
    (void)state;
    static const struct {
        int16_t count, max;
        int64_t most;
    } rows[] = {
        {0, 5, GIVEN_WITHOUT_LIMIT},
        {2, 5, GIVEN_WITHOUT_LIMIT},
        {3, 5, 8},
        {4, 5, 1},
        {9, 5, 1},
        {4, 10, GIVEN_WITHOUT_LIMIT},
        {5, 10, 8},
        {6, 10, 4},
        {8, 10, 1},
        {9, 10, 1},
        {1, 3, GIVEN_WITHOUT_LIMIT},
        {2, 3, 1},
        {1, 2, GIVEN_WITHOUT_LIMIT},
        {100, 300, GIVEN_WITHOUT_LIMIT},
        {250, 300, 1},
    };
    for (int i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(given_together(rows[i].count, rows[i].max, 16), rows[i].most);
}

/* ---- acknowledging ---- */

static void
what_is_decided_holds_when_it_is_written(void **state)
{
    (void)state;
    take(a, 0, 10, 10);
    assert_int_equal(ack(a, 0, 4, ACK_ACCEPT), 0);
    assert_string_equal(told(), "0-4 h1w 5-9 h1");
    assert_int_equal(f.start, 0);
    struct flight_news news = write_now();
    assert_int_equal(news.start, 5);
    assert_int_equal(news.batches_n, 0);
    assert_int_equal(f.start, 5);
    assert_string_equal(told(), "5-9 h1");
}

static void
what_could_not_be_written_is_held_as_before(void **state)
{
    (void)state;
    struct flight_news news;
    take(a, 0, 10, 10);
    ack(a, 0, 9, ACK_ACCEPT);
    flight_begin_write(&f, &arena, &news);
    flight_not_written(&f);
    assert_string_equal(told(), "0-9 h1");
    assert_int_equal(f.start, 0);
    assert_int_equal(ack(a, 0, 9, ACK_ACCEPT), 0);
}

static void
who_does_not_hold_a_record_decides_nothing(void **state)
{
    (void)state;
    take(a, 0, 10, 10);
    assert_int_equal(ack(b, 0, 9, ACK_ACCEPT), K_ERR_INVALID_RECORD_STATE);
    assert_int_equal(ack(a, 5, 10, ACK_ACCEPT), K_ERR_INVALID_REQUEST);
    assert_string_equal(told(), "0-9 h1");
    take(b, 0, 20, 10);
    assert_int_equal(ack(a, 5, 12, ACK_ACCEPT), K_ERR_INVALID_RECORD_STATE);
    assert_string_equal(told(), "0-9 h1 10-19 h1");
}

static void
nobody_decides_twice(void **state)
{
    (void)state;
    take(a, 0, 10, 10);
    assert_int_equal(ack(a, 5, 5, ACK_RELEASE), 0);
    assert_int_equal(ack(a, 5, 5, ACK_ACCEPT), K_ERR_INVALID_RECORD_STATE);
    write_now();
    assert_int_equal(ack(a, 5, 5, ACK_ACCEPT), K_ERR_INVALID_RECORD_STATE);
}

static void
what_is_done_with_is_not_asked_about_again(void **state)
{
    (void)state;
    take(a, 0, 20, 20);
    ack(a, 0, 4, ACK_ACCEPT);
    write_now();
    assert_int_equal(ack(a, 0, 9, ACK_ACCEPT), 0);
    write_now();
    assert_int_equal(f.start, 10);
}

static void
each_record_may_have_its_own_type(void **state)
{
    (void)state;
    int8_t types[] = {ACK_ACCEPT, ACK_RELEASE, ACK_RELEASE, ACK_REJECT, ACK_GAP};
    struct ack_batch v = {0, 4, types, 5};
    bool decided;
    take(a, 0, 10, 10);
    assert_int_equal(flight_acknowledge(&f, &v, 1, S("a"), &rule, LOCK_NS, &decided), 0);
    assert_true(decided);
    struct flight_news news = write_now();
    assert_string_equal(told(), "1-2 A1 3-4 x1 5-9 h1");
    assert_int_equal(news.start, 1);
    assert_int_equal(news.done_n, 2);
    assert_int_equal(news.batches_n, 2);
}

static void
renewing_needs_no_writing(void **state)
{
    (void)state;
    int8_t type = ACK_RENEW;
    struct ack_batch v = {0, 4, &type, 1};
    bool decided;
    take(a, 0, 10, 10);
    assert_int_equal(flight_acknowledge(&f, &v, 1, S("a"), &rule, 2 * LOCK_NS, &decided), 0);
    assert_false(decided);
    assert_true(flight_expire(&f, LOCK_NS, &rule));
    assert_string_equal(told(), "0-4 h1 5-9 A1");
}

static void
batches_must_make_sense(void **state)
{
    (void)state;
    int8_t accept = ACK_ACCEPT, renew = ACK_RENEW, bad = 5, many[2] = {1, 1};
    struct ack_batch good[] = {{0, 4, &accept, 1}, {7, 8, many, 2}};
    struct ack_batch upside_down = {5, 4, &accept, 1}, negative = {-1, 4, &accept, 1};
    struct ack_batch short_of = {0, 4, many, 2}, none = {0, 4, &accept, 0};
    struct ack_batch of_bad = {0, 4, &bad, 1}, of_renew = {0, 4, &renew, 1};
    struct ack_batch overlap[] = {{0, 4, &accept, 1}, {4, 8, &accept, 1}};
    assert_int_equal(ack_batches_check(good, 2, false), 0);
    assert_int_equal(ack_batches_check(&upside_down, 1, false), K_ERR_INVALID_REQUEST);
    assert_int_equal(ack_batches_check(&negative, 1, false), K_ERR_INVALID_REQUEST);
    assert_int_equal(ack_batches_check(&short_of, 1, false), K_ERR_INVALID_REQUEST);
    assert_int_equal(ack_batches_check(&none, 1, false), K_ERR_INVALID_REQUEST);
    assert_int_equal(ack_batches_check(&of_bad, 1, true), K_ERR_INVALID_REQUEST);
    assert_int_equal(ack_batches_check(&of_renew, 1, false), K_ERR_INVALID_REQUEST);
    assert_int_equal(ack_batches_check(&of_renew, 1, true), 0);
    assert_int_equal(ack_batches_check(overlap, 2, false), K_ERR_INVALID_REQUEST);
}

/* ---- taking back ---- */

static void
a_lock_runs_out(void **state)
{
    (void)state;
    take(a, 0, 10, 10);
    assert_int_equal(flight_next_lock_ns(&f), LOCK_NS);
    assert_false(flight_expire(&f, LOCK_NS - 1, &rule));
    assert_true(flight_expire(&f, LOCK_NS, &rule));
    assert_string_equal(told(), "0-9 A1");
    assert_int_equal(flight_next_lock_ns(&f), TIME_NEVER);
    assert_int_equal(ack(a, 0, 9, ACK_ACCEPT), K_ERR_INVALID_RECORD_STATE);
}

static void
what_is_being_decided_is_not_taken_back(void **state)
{
    (void)state;
    take(a, 0, 10, 10);
    ack(a, 0, 4, ACK_ACCEPT);
    assert_true(flight_expire(&f, LOCK_NS, &rule));
    assert_string_equal(told(), "0-4 h1w 5-9 A1");
}

static void
the_last_delivery_is_the_last(void **state)
{
    (void)state;
    for (int i = 1; i <= rule.count_max; i++) {
        assert_int_equal(take_all(a, 10), 10);
        flight_expire(&f, LOCK_NS, &rule);
    }
    assert_int_equal(take(a, 0, 10, 10), 0);
    assert_string_equal(told(), "0-9 x5");
    write_now();
    assert_int_equal(f.start, 10);
}

static void
a_release_after_the_last_delivery_archives(void **state)
{
    (void)state;
    for (int i = 1; i < rule.count_max; i++) {
        take_all(a, 10);
        ack(a, 0, 9, ACK_RELEASE);
        write_now();
    }
    take_all(a, 10);
    assert_string_equal(told(), "0-9 h5");
    ack(a, 0, 9, ACK_RELEASE);
    write_now();
    assert_int_equal(f.start, 10);
    assert_int_equal(take(a, 0, 10, 10), 0);
}

static void
who_goes_gives_back_what_it_did_not_look_at(void **state)
{
    (void)state;
    take(a, 0, 10, 10);
    take(b, 0, 20, 10);
    assert_true(flight_take_from(&f, S("a"), &rule));
    assert_string_equal(told(), "0-9 A1 10-19 h1");
    assert_false(flight_take_from(&f, S("a"), &rule));
}

static void
what_its_holders_die_of_is_archived(void **state)
{
    (void)state;
    for (int i = 1; i <= rule.count_max; i++) {
        assert_int_equal(take_all(a, 10), 10);
        assert_true(flight_take_from(&f, S("a"), &rule));
        write_now();
    }
    assert_int_equal(take(a, 0, 10, 10), 0);
    assert_int_equal(f.start, 10);
}

static void
records_that_are_deleted_are_done_with(void **state)
{
    (void)state;
    take(a, 0, 20, 10);
    take(b, 0, 20, 10);
    flight_expire(&f, LOCK_NS, &rule);
    assert_true(flight_drop_below(&f, 15));
    write_now();
    assert_int_equal(f.start, 15);
    assert_true(flight_drop_below(&f, 50));
    write_now();
    assert_int_equal(f.start, 50);
    assert_int_equal(f.end, 50);
    assert_false(flight_drop_below(&f, 40));
}

/* ---- writing ---- */

static void
given_out_again_while_it_is_written_it_is_not_done_with(void **state)
{
    (void)state;
    struct flight_news news;
    take(a, 0, 10, 10);
    flight_expire(&f, LOCK_NS, &rule);
    flight_begin_write(&f, &arena, &news);
    assert_int_equal(news.batches_n, 1);
    take(b, 0, 10, 10);
    flight_written(&f);
    assert_string_equal(told(), "0-9 h2");
    assert_false(flight_has_news(&f));
}

static void
decided_while_another_is_written_it_goes_with_the_next(void **state)
{
    (void)state;
    struct flight_news news;
    take(a, 0, 10, 10);
    ack(a, 0, 4, ACK_ACCEPT);
    flight_begin_write(&f, &arena, &news);
    ack(a, 5, 9, ACK_ACCEPT);
    flight_written(&f);
    assert_int_equal(f.start, 5);
    assert_true(flight_has_news(&f));
    assert_string_equal(told(), "5-9 h1w");
    news = write_now();
    assert_int_equal(news.start, 10);
    assert_int_equal(f.runs.n, 0);
}

static void
the_start_passes_only_what_is_done_with(void **state)
{
    (void)state;
    take(a, 0, 20, 20);
    ack(a, 5, 9, ACK_ACCEPT);
    struct flight_news news = write_now();
    assert_int_equal(news.start, 0);
    assert_int_equal(news.done_n, 5);
    assert_int_equal(f.start, 0);
    ack(a, 0, 4, ACK_ACCEPT);
    news = write_now();
    assert_int_equal(news.start, 10);
    assert_int_equal(news.done_n, 0);
    assert_int_equal(f.start, 10);
}

/* ---- dead letters ---- */

static const struct delivery_rule with_letters = {.count_max = 5, .has_dead_letters = true};

static void
what_nobody_wanted_waits_for_its_letter(void **state)
{
    (void)state;
    static const int8_t types[] = {ACK_REJECT, ACK_ACCEPT, ACK_RELEASE, ACK_GAP};
    struct ack_batch v = {0, 3, types, 4};
    struct dead_run *dead;
    bool decided;
    take(a, 0, 10, 10);
    assert_int_equal(flight_acknowledge(&f, &v, 1, S("a"), &with_letters, LOCK_NS, &decided), 0);
    /* Not before it is written that it is to have one. */
    assert_int_equal(flight_begin_dead(&f, &arena, &dead), 0);
    write_now();
    assert_string_equal(told(), "0-0 g1 1-1 d1 2-2 A1 3-3 x1 4-9 h1");
    assert_int_equal(f.start, 0);
    assert_int_equal(flight_begin_dead(&f, &arena, &dead), 1);
    assert_int_equal(dead[0].first, 0);
    assert_int_equal(dead[0].last, 0);
    assert_int_equal(dead[0].count, 1);
    assert_true(dead[0].is_rejected);
    /* Each once. */
    assert_int_equal(flight_begin_dead(&f, &arena, &dead), 0);
    flight_end_dead(&f);
    assert_string_equal(told(), "0-0 x1 1-1 d1 2-2 A1 3-3 x1 4-9 h1");
    assert_int_equal(write_now().start, 2);
}

static void
what_was_given_out_often_enough_has_a_letter(void **state)
{
    (void)state;
    struct dead_run *dead;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(take_all(a, 10), 10);
        assert_true(flight_take_from(&f, S("a"), &with_letters));
    }
    assert_string_equal(told(), "0-9 g5");
    assert_int_equal(flight_next(&f), 10);
    write_now();
    assert_int_equal(flight_begin_dead(&f, &arena, &dead), 1);
    assert_int_equal(dead[0].last, 9);
    assert_int_equal(dead[0].count, 5);
    assert_false(dead[0].is_rejected);
}

static void
a_new_leader_writes_the_letters_that_are_missing(void **state)
{
    (void)state;
    struct state_batch v[] = {{0, 4, DELIVERY_ARCHIVING, 1}, {5, 5, DELIVERY_ARCHIVING, 5}};
    struct dead_run *dead;
    assert_true(flight_load(&f, 0, v, 2, 5));
    assert_int_equal(flight_begin_dead(&f, &arena, &dead), 2);
    assert_true(dead[0].is_rejected);
    assert_false(dead[1].is_rejected);
    /* What comes meanwhile waits for the next. */
    assert_int_equal(take(a, 6, 10, 10), 4);
    assert_int_equal(ack(a, 6, 9, ACK_ACCEPT), 0);
    write_now();
    flight_end_dead(&f);
    assert_int_equal(write_now().start, 10);
}

/* ---- reading ---- */

static void
a_new_leader_knows_what_was_written(void **state)
{
    (void)state;
    struct state_batch v[] = {{5, 9, DELIVERY_ACKNOWLEDGED, 1}, {12, 12, DELIVERY_AVAILABLE, 3}};
    assert_true(flight_load(&f, 3, v, 2, 5));
    assert_string_equal(told(), "3-4 A0 5-9 d1 10-11 A0 12-12 A3");
    assert_int_equal(flight_next(&f), 3);
    assert_int_equal(take(a, 3, 20, 500), 4);
    assert_int_equal(take(a, 12, 20, 500), 1);
    assert_int_equal(take(a, 13, 20, 500), 7);
    assert_string_equal(told(), "3-4 h1 5-9 d1 10-11 h1 12-12 h4 13-19 h1");
}

static void
what_cannot_be_is_not_taken(void **state)
{
    (void)state;
    struct state_batch upside_down = {9, 5, DELIVERY_AVAILABLE, 1};
    struct state_batch endless = {5, INT64_MAX, DELIVERY_AVAILABLE, 1};
    struct state_batch overlap[] = {{5, 9, DELIVERY_AVAILABLE, 1}, {9, 10, DELIVERY_AVAILABLE, 1}};
    assert_false(flight_load(&f, 0, &upside_down, 1, 5));
    flight_release(&f);
    assert_false(flight_load(&f, 0, &endless, 1, 5));
    flight_release(&f);
    assert_false(flight_load(&f, 0, overlap, 2, 5));
}

#define CASE(x) cmocka_unit_test_setup_teardown(x, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(records_are_given_out_in_whole_batches),
        CASE(no_more_than_asked_for_when_the_client_is_strict),
        CASE(no_record_is_held_by_two),
        CASE(what_came_back_goes_out_first_and_is_counted),
        CASE(there_is_a_bound_on_what_is_under_way),
        CASE(holes_are_passed_over_for_good),
        CASE(only_holes_move_the_end_too),
        CASE(what_was_delivered_often_goes_out_in_smaller_pieces),
        CASE(what_was_delivered_often_goes_out_apart),
        CASE(how_many_go_out_with_one_that_was_delivered_often),
        CASE(what_is_decided_holds_when_it_is_written),
        CASE(what_could_not_be_written_is_held_as_before),
        CASE(who_does_not_hold_a_record_decides_nothing),
        CASE(nobody_decides_twice),
        CASE(what_is_done_with_is_not_asked_about_again),
        CASE(each_record_may_have_its_own_type),
        CASE(renewing_needs_no_writing),
        CASE(batches_must_make_sense),
        CASE(a_lock_runs_out),
        CASE(what_is_being_decided_is_not_taken_back),
        CASE(the_last_delivery_is_the_last),
        CASE(a_release_after_the_last_delivery_archives),
        CASE(who_goes_gives_back_what_it_did_not_look_at),
        CASE(what_its_holders_die_of_is_archived),
        CASE(records_that_are_deleted_are_done_with),
        CASE(given_out_again_while_it_is_written_it_is_not_done_with),
        CASE(decided_while_another_is_written_it_goes_with_the_next),
        CASE(the_start_passes_only_what_is_done_with),
        CASE(what_nobody_wanted_waits_for_its_letter),
        CASE(what_was_given_out_often_enough_has_a_letter),
        CASE(a_new_leader_writes_the_letters_that_are_missing),
        CASE(a_new_leader_knows_what_was_written),
        CASE(what_cannot_be_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
