#include "tests/lib/test.h"

#include <setjmp.h>
#include <stdio.h>

#include "broker/env/env.h"

static struct env env;
static jmp_buf at_panic;
static char panic_text[600];

_Noreturn void
panic(const char *file, int line, const char *what)
{
    snprintf(panic_text, sizeof panic_text, "%s:%d: %s", file, line, what);
    longjmp(at_panic, 1);
}
static char story[256];
static int story_n;

static void
tell(char c)
{
    assert_true(story_n < 255);
    story[story_n++] = c;
    story[story_n] = '\0';
}

static void
start(bool notes_on)
{
    struct env_params p = {
        .source = test_mem_source(),
        .memory_ceiling_bytes = 1 << 26,
        .seed = {1, 2},
        .now_ns = 1000,
        .wall_ms = 5,
        .notes_on = notes_on,
        .hostname = S("host"),
    };
    env_init(&env, &p);
    story_n = 0;
    story[0] = '\0';
}

static void
deliver(struct event ev)
{
    if (!ev.now_ns) ev.now_ns = env.now_ns;
    env_deliver(&env, &ev);
}

/* Forgets the queued effects, as a body does that has carried them out. */
static int
clear(void)
{
    int n = (int)env.effects.n;
    env_effects_clear(&env);
    return n;
}

/* ---- time ---- */

struct named_timer {
    struct timer t;
    char name;
};

static void
timer_tells(struct timer *t)
{
    tell(CONTAINER_OF(t, struct named_timer, t)->name);
}

static void
timers_come_by_time_then_by_arming(void **state)
{
    (void)state;
    struct named_timer t[5];
    start(false);
    for (int i = 0; i < 5; i++) {
        t[i] = (struct named_timer){.t.due = timer_tells, .name = (char)('a' + i)};
        timer_arm(&env, &t[i].t, i == 3 ? 1500 : 2000);
    }
    timer_arm(&env, &t[0].t, 2000); /* anew: it is now the last of its time */
    timer_cancel(&env, &t[2].t);
    timer_cancel(&env, &t[2].t);
    assert_false(timer_is_armed(&t[2].t));
    assert_int_equal(env_next_deadline_ns(&env), 1500);
    while (env_next_deadline_ns(&env) != TIME_NEVER)
        deliver((struct event){.kind = EV_TIMER, .now_ns = 2000});
    assert_string_equal(story, "dbea");
    assert_int_equal(env_now_ns(&env), 2000);
    env_release(&env);
}

struct named_task {
    struct task t;
    char name;
    struct named_task *then;
};

static void
task_tells(struct task *t)
{
    struct named_task *n = CONTAINER_OF(t, struct named_task, t);
    tell(n->name);
    if (n->then) defer(&env, &n->then->t);
}

static void
deferred_work_runs_in_order_one_each_step(void **state)
{
    (void)state;
    struct named_task c = {.t.run = task_tells, .name = 'c'};
    struct named_task a = {.t.run = task_tells, .name = 'a', .then = &c};
    struct named_task b = {.t.run = task_tells, .name = 'b'};
    struct named_task x = {.t.run = task_tells, .name = 'x'};
    start(false);
    defer(&env, &a.t);
    defer(&env, &x.t);
    defer(&env, &b.t);
    defer(&env, &a.t);
    defer_cancel(&x.t);
    defer_cancel(&x.t);
    int steps = 0;
    for (; env_has_deferred(&env); steps++) deliver((struct event){.kind = EV_AGAIN});
    assert_string_equal(story, "abc");
    assert_int_equal(steps, 3);
    env_release(&env);
}

/* ---- operations ---- */

struct named_op {
    struct op op;
    int done;
    enum env_err err;
    int64_t value;
    bool was_pending;
};

static void
op_done(struct op *op)
{
    struct named_op *n = CONTAINER_OF(op, struct named_op, op);
    n->done++;
    n->err = op->err;
    n->value = op->value;
    n->was_pending = op_is_pending(op);
}

static void
an_operation_completes_once_and_gives_everything_back(void **state)
{
    (void)state;
    struct named_op w = {.op.done = op_done};
    struct file f = {0};
    start(false);
    int64_t before = env.mem.used_bytes;
    file_open(&env, &w.op, &f, S("a/b"), OPEN_WRITE);
    assert_true(op_is_pending(&w.op));
    assert_slice(env.effects.v[0].op->path, "a/b");
    assert_int_equal(clear(), 1);
    deliver((struct event){.kind = EV_DONE, .op = &w.op, .n = 77});
    assert_int_equal(w.done, 1);
    assert_int_equal(w.value, 77);
    assert_false(w.was_pending);
    assert_true(f.is_open);

    struct buf *b = buf_copy(&env.mem, S("bytes"));
    struct seg seg = {.buf = b, .bytes = buf_slice(b)};
    file_write(&w.op, &f, 10, &seg, 1);
    assert_int_equal(w.op.n, 5);
    assert_int_equal(b->refs, 2);
    clear();
    deliver((struct event){.kind = EV_DONE, .op = &w.op, .err = ENV_ENOSPC});
    assert_int_equal(w.err, ENV_ENOSPC);
    assert_int_equal(b->refs, 1);
    buf_unref(b);
    file_close(&w.op, &f);
    clear();
    deliver((struct event){.kind = EV_DONE, .op = &w.op});
    assert_false(f.is_open);
    assert_int_equal(w.done, 3);
    mem_free(&env.mem, env.effects.v, env.effects.cap * (int64_t)sizeof *env.effects.v);
    env.effects.v = NULL;
    env.effects.cap = 0;
    assert_int_equal(env.mem.used_bytes, before);
    env_release(&env);
}

static void
ordinals_count_the_effects_from_one(void **state)
{
    (void)state;
    struct named_op a = {.op.done = op_done}, b = {.op.done = op_done};
    start(false);
    dir_make(&env, &a.op, S("x"));
    dir_sync(&env, &b.op, S("."));
    assert_int_equal(a.op.ordinal, 1);
    assert_int_equal(b.op.ordinal, 2);
    assert_int_equal(env.effects.v[1].ordinal, 2);
    env_release(&env);
}

static void
a_failed_open_leaves_the_file_closed(void **state)
{
    (void)state;
    struct named_op a = {.op.done = op_done};
    struct file f = {0};
    start(false);
    file_open(&env, &a.op, &f, S("x"), OPEN_READ);
    clear();
    deliver((struct event){.kind = EV_DONE, .op = &a.op, .err = ENV_ENOENT});
    assert_int_equal(a.err, ENV_ENOENT);
    assert_false(f.is_open);
    env_release(&env);
}

static struct op *
last_asked(void)
{
    assert_true(env.effects.n > 0);
    return env.effects.v[env.effects.n - 1].op;
}

static void
without_a_descriptor_an_operation_waits_and_is_asked_for_again(void **state)
{
    (void)state;
    struct named_op a = {.op.done = op_done}, b = {.op.done = op_done}, c = {.op.done = op_done};
    struct file f = {0}, g = {0};
    start(false);
    file_open(&env, &c.op, &g, S("open"), OPEN_READ);
    deliver((struct event){.kind = EV_DONE, .op = &c.op});
    file_open(&env, &a.op, &f, S("x"), OPEN_READ);
    dir_sync(&env, &b.op, S("."));
    clear();
    deliver((struct event){.kind = EV_DONE, .op = &a.op, .err = ENV_EMFILE});
    deliver((struct event){.kind = EV_DONE, .op = &b.op, .err = ENV_EMFILE});
    assert_int_equal(a.done + b.done, 0);
    assert_true(op_is_pending(&a.op));
    assert_int_equal(env.effects.n, 0);

    file_close(&c.op, &g); /* one can go on */
    clear();
    deliver((struct event){.kind = EV_DONE, .op = &c.op});
    assert_int_equal(env.effects.n, 1);
    assert_ptr_equal(last_asked(), &a.op);
    assert_slice(a.op.path, "x");
    clear();
    deliver((struct event){.kind = EV_DONE, .op = &a.op, .n = 3});
    assert_int_equal(a.done, 1);
    assert_true(f.is_open);

    int64_t due = env_next_deadline_ns(&env); /* the other asks after a while */
    assert_true(due != TIME_NEVER);
    deliver((struct event){.kind = EV_TIMER, .now_ns = due});
    assert_ptr_equal(last_asked(), &b.op);
    clear();
    deliver((struct event){.kind = EV_DONE, .op = &b.op});
    assert_int_equal(b.done, 1);
    assert_int_equal(env_next_deadline_ns(&env), TIME_NEVER);
    env_release(&env);
}

static void
brief_files_take_turns(void **state)
{
    (void)state;
    static struct named_op ops[BRIEF_FILES_MAX + 2];
    static struct file files[BRIEF_FILES_MAX + 2];
    start(false);
    for (int i = 0; i < ARRAY_LEN(ops); i++) {
        ops[i] = (struct named_op){.op.done = op_done};
        file_open(&env, &ops[i].op, &files[i], S("x"), OPEN_READ | OPEN_BRIEF);
    }
    assert_int_equal(clear(), BRIEF_FILES_MAX);
    deliver((struct event){.kind = EV_DONE, .op = &ops[0].op, .err = ENV_ENOENT});
    assert_ptr_equal(last_asked(), &ops[BRIEF_FILES_MAX].op);
    clear();
    deliver((struct event){.kind = EV_DONE, .op = &ops[1].op});
    assert_int_equal(env.effects.n, 0); /* open: it has its turn still */
    file_close(&ops[1].op, &files[1]);
    clear();
    deliver((struct event){.kind = EV_DONE, .op = &ops[1].op});
    assert_ptr_equal(last_asked(), &ops[BRIEF_FILES_MAX + 1].op);
    env_release(&env);
}

static void
a_read_holds_its_target_until_it_is_done(void **state)
{
    (void)state;
    struct named_op r = {.op.done = op_done};
    struct file f = {0};
    start(false);
    file_open(&env, &r.op, &f, S("x"), OPEN_READ);
    clear();
    deliver((struct event){.kind = EV_DONE, .op = &r.op});
    struct buf *b = buf_new(&env.mem, 100);
    file_read(&r.op, &f, 0, b, 10, 90);
    assert_int_equal(b->refs, 2);
    clear();
    deliver((struct event){.kind = EV_DONE, .op = &r.op, .n = 20});
    assert_int_equal(b->refs, 1);
    assert_int_equal(r.value, 20);
    env_release(&env);
}

/* ---- connections ---- */

static void
on_connected(struct conn *c)
{
    (void)c;
    tell('C');
}

static void
on_bytes(struct conn *c, struct slice data, struct buf *from)
{
    (void)c, (void)data, (void)from;
    tell('b');
}

static void
on_writable(struct conn *c)
{
    (void)c;
    tell('w');
}

static void
on_closed(struct conn *c, enum env_err why)
{
    assert_int_equal(c->state, CONN_IDLE);
    tell(why == ENV_EOF ? 'E' : 'X');
}

static const struct conn_ops conn_story = {on_connected, on_bytes, on_writable, on_closed};

static struct seg
seg_of(int64_t n)
{
    struct buf *b = buf_new(&env.mem, n);
    b->n = n;
    return (struct seg){.buf = b, .bytes = buf_slice(b)};
}

static void
a_connection_goes_from_connecting_to_open_to_idle(void **state)
{
    (void)state;
    struct conn c = {.ops = &conn_story};
    start(false);
    conn_connect(&env, &c, S("b1"), 9092);
    assert_int_equal(c.state, CONN_CONNECTING);
    assert_int_equal(env.effects.v[0].kind, EF_CONNECT);
    assert_slice(env.effects.v[0].path, "b1");
    deliver((struct event){.kind = EV_CONNECTED, .conn = &c});
    assert_int_equal(c.state, CONN_OPEN);
    deliver((struct event){.kind = EV_BYTES, .conn = &c, .data = S("x")});
    deliver((struct event){.kind = EV_CLOSED, .conn = &c, .err = ENV_EOF});
    assert_string_equal(story, "CbE");
    conn_connect(&env, &c, S("b1"), 9092); /* the object can be used again */
    assert_int_equal(c.state, CONN_CONNECTING);
    env_release(&env);
}

static void
a_closing_connection_hears_nothing_but_its_end(void **state)
{
    (void)state;
    struct conn c = {.ops = &conn_story};
    start(false);
    conn_connect(&env, &c, S("b1"), 9092);
    conn_close(&c);
    conn_close(&c);
    clear();
    deliver((struct event){.kind = EV_CONNECTED, .conn = &c});
    deliver((struct event){.kind = EV_BYTES, .conn = &c, .data = S("x")});
    deliver((struct event){.kind = EV_WRITABLE, .conn = &c});
    struct seg s = seg_of(10);
    assert_true(conn_send(&c, &s, 1));
    conn_pause(&c);
    assert_int_equal(clear(), 0);
    assert_string_equal(story, "");
    deliver((struct event){.kind = EV_CLOSED, .conn = &c, .err = ENV_ECONNRESET});
    assert_string_equal(story, "X");
    env_release(&env);
}

static void
sending_past_the_high_water_mark_says_hold_back(void **state)
{
    (void)state;
    struct conn c = {.ops = &conn_story};
    start(false);
    conn_connect(&env, &c, S("b1"), 9092);
    deliver((struct event){.kind = EV_CONNECTED, .conn = &c});
    struct seg s = seg_of(CONN_HIGH_WATER_BYTES);
    assert_true(conn_send(&c, &s, 1));
    assert_false(c.wants_writable);
    assert_false(conn_send(&c, &s, 1));
    assert_true(c.wants_writable);
    assert_int_equal(s.buf->refs, 3);
    clear();
    assert_int_equal(s.buf->refs, 1);
    deliver((struct event){.kind = EV_WRITABLE, .conn = &c, .n = 100});
    assert_int_equal(c.unsent_bytes, 100);
    assert_false(c.wants_writable);
    assert_string_equal(story, "Cw");
    env_release(&env);
}

static void
pausing_twice_is_pausing_once(void **state)
{
    (void)state;
    struct conn c = {.ops = &conn_story};
    start(false);
    conn_connect(&env, &c, S("b1"), 9092);
    deliver((struct event){.kind = EV_CONNECTED, .conn = &c});
    clear();
    conn_resume(&c);
    conn_pause(&c);
    conn_pause(&c);
    conn_resume(&c);
    conn_resume(&c);
    assert_int_equal(clear(), 2);
    env_release(&env);
}

static void
a_lent_buffer_goes_when_it_is_full_or_the_connection_ends(void **state)
{
    (void)state;
    struct conn c = {.ops = &conn_story};
    start(false);
    conn_connect(&env, &c, S("b1"), 9092);
    deliver((struct event){.kind = EV_CONNECTED, .conn = &c});
    struct buf *b = buf_new(&env.mem, 10);
    conn_lend(&c, b, 4);
    assert_int_equal(b->refs, 2);
    deliver((struct event){
        .kind = EV_BYTES, .conn = &c, .data = slice(b->data + 4, 5), .buf = buf_ref(b)});
    assert_ptr_equal(c.lent, b);
    assert_int_equal(c.lent_at, 9);
    deliver((struct event){
        .kind = EV_BYTES, .conn = &c, .data = slice(b->data + 9, 1), .buf = buf_ref(b)});
    assert_null(c.lent);
    assert_int_equal(b->refs, 1);
    conn_lend(&c, b, 0);
    deliver((struct event){.kind = EV_CLOSED, .conn = &c, .err = ENV_EOF});
    assert_int_equal(b->refs, 1);
    env_release(&env);
}

/* ---- notes, chance, the end ---- */

static void
notes_change_no_ordinal_and_cost_nothing_when_off(void **state)
{
    (void)state;
    for (int on = 0; on < 2; on++) {
        struct named_op a = {.op.done = op_done};
        start(on);
        NOTE(&env, NOTE_LOG_WRITTEN, S("orders-0"), SLICE_NULL, 42);
        dir_make(&env, &a.op, S("x"));
        assert_int_equal(a.op.ordinal, 1);
        assert_int_equal(env.effects.n, 1);
        assert_int_equal(env.notes.n, on ? 1 : 0);
        if (on) {
            assert_int_equal(env.notes.v[0]->v[0], 42);
            assert_slice(env.notes.v[0]->subject, "orders-0");
        }
        env_release(&env);
    }
}

static void
draws_of_one_stream_do_not_move_another(void **state)
{
    (void)state;
    uint64_t alone[5];
    start(false);
    for (int i = 0; i < 5; i++) alone[i] = env_random(&env, STREAM_JITTER);
    env_release(&env);
    start(false);
    for (int i = 0; i < 5; i++) {
        (void)env_random(&env, STREAM_ELECTION);
        (void)env_random_uuid(&env);
        assert_true(env_random(&env, STREAM_JITTER) == alone[i]);
    }
    for (int i = 1; i < 5; i++) assert_true(alone[i] != alone[i - 1]);
    env_release(&env);
}

static void
draws_below_n_reach_every_value(void **state)
{
    (void)state;
    int seen[7] = {0};
    start(false);
    for (int i = 0; i < 500; i++) {
        int64_t v = env_random_below(&env, STREAM_PLACEMENT, 7);
        assert_in_range(v, 0, 6);
        seen[v]++;
    }
    for (int i = 0; i < 7; i++) assert_in_range(seen[i], 30, 120);
    for (int i = 0; i < 100; i++)
        assert_true(env_random_below(&env, STREAM_PLACEMENT, INT64_MAX) >= 0);
    env_release(&env);
}

/* What is put into purses counts there and as a whole; the end says where the memory went. */
static void
at_its_ceiling_it_says_what_took_the_memory(void **state)
{
    (void)state;
    start(false);
    struct mem *groups = &env.purses[PURSE_GROUPS];
    int64_t before = env.mem.used_bytes;
    assert_true(env_has_room(&env, PURSE_GROUPS));
    void *p = mem_alloc(groups, 10 << 20);
    assert_false(env_has_room(&env, PURSE_GROUPS));
    assert_true(env_has_room(&env, PURSE_PRODUCERS));
    assert_true(env.mem.used_bytes - before >= 10 << 20);
    mem_free(groups, p, 10 << 20);
    assert_true(env_has_room(&env, PURSE_GROUPS));
    (void)mem_alloc(groups, 30 << 20);
    env.held_bytes[HELD_BY_FOLLOWERS] = 5 << 20;
    if (setjmp(at_panic) == 0) {
        (void)mem_alloc(&env.mem, 40 << 20);
        fail_msg("there is no ceiling");
    }
    assert_non_null(strstr(panic_text, "exhausted, 65536 KiB: requests of clients 0"));
    assert_non_null(strstr(panic_text, "of followers 5120,"));
    assert_non_null(strstr(panic_text, "groups 30720,"));
    assert_non_null(strstr(panic_text, "all else "));
    env_release(&env);
}

static void
nothing_happens_after_fatal(void **state)
{
    (void)state;
    struct named_timer t = {.t.due = timer_tells, .name = 'a'};
    start(false);
    timer_arm(&env, &t.t, 1500);
    env_fatal(&env, S("disk is gone"));
    env_fatal(&env, S("again"));
    assert_int_equal(env.effects.n, 1);
    assert_slice(env.effects.v[0].path, "disk is gone");
    deliver((struct event){.kind = EV_TIMER, .now_ns = 2000});
    assert_string_equal(story, "");
    env_release(&env);
}

static void
every_error_and_every_note_has_a_name(void **state)
{
    (void)state;
    for (int e = ENV_OK; e <= ENV_ETOOBIG; e++)
        assert_string_not_equal(env_err_text((enum env_err)e), "unknown error");
    for (int k = 0; k < NOTE_KINDS_N; k++) {
        assert_true(strlen(note_spelling((enum note_kind)k)) > 0);
        const char *fields = note_fields((enum note_kind)k);
        int n = 1;
        for (const char *p = fields; *p; p++) n += *p == ' ';
        if (k != NOTE_LOG_MESSAGE) assert_true(n <= NOTE_NUMBERS);
    }
}

/* What is added to the present time does not overflow. */
static void
the_longest_interval_is_a_hundred_years(void **state)
{
    (void)state;
    assert_int_equal(ns_of_ms(0), 0);
    assert_int_equal(ns_of_ms(-1), -NS_PER_MS);
    assert_int_equal(ns_of_ms(5), 5 * NS_PER_MS);
    assert_int_equal(ns_of_ms(INT64_MAX), 100 * YEAR_MS * NS_PER_MS);
    assert_true(ns_of_ms(INT64_MAX) < INT64_MAX / 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_come_by_time_then_by_arming),
        cmocka_unit_test(deferred_work_runs_in_order_one_each_step),
        cmocka_unit_test(an_operation_completes_once_and_gives_everything_back),
        cmocka_unit_test(ordinals_count_the_effects_from_one),
        cmocka_unit_test(a_failed_open_leaves_the_file_closed),
        cmocka_unit_test(without_a_descriptor_an_operation_waits_and_is_asked_for_again),
        cmocka_unit_test(brief_files_take_turns),
        cmocka_unit_test(a_read_holds_its_target_until_it_is_done),
        cmocka_unit_test(a_connection_goes_from_connecting_to_open_to_idle),
        cmocka_unit_test(a_closing_connection_hears_nothing_but_its_end),
        cmocka_unit_test(sending_past_the_high_water_mark_says_hold_back),
        cmocka_unit_test(pausing_twice_is_pausing_once),
        cmocka_unit_test(a_lent_buffer_goes_when_it_is_full_or_the_connection_ends),
        cmocka_unit_test(notes_change_no_ordinal_and_cost_nothing_when_off),
        cmocka_unit_test(draws_of_one_stream_do_not_move_another),
        cmocka_unit_test(draws_below_n_reach_every_value),
        cmocka_unit_test(at_its_ceiling_it_says_what_took_the_memory),
        cmocka_unit_test(nothing_happens_after_fatal),
        cmocka_unit_test(every_error_and_every_note_has_a_name),
        cmocka_unit_test(the_longest_interval_is_a_hundred_years),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
