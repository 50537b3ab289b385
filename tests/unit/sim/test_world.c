#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/trace/reader.h"
#include "sim/trace/writer.h"
#include "tests/lib/test.h"
#include "tests/lib/tiny.h"

struct run {
    uint64_t hash;
    int64_t events;
    struct pong_stats server, clients[2];
};

struct run_options {
    bool hash_off, notes_off, no_faults, with_trace;
    struct writer *trace;
};

static struct run
run_pong(uint64_t seed, struct run_options o)
{
    struct run r = {0};
    struct world_options wo = world_options_default();
    wo.hash_on = !o.hash_off;
    wo.notes_on = !o.notes_off;
    struct world *w = world_new(seed, &wo);
    struct trace_writer *t = NULL;
    if (o.trace) t = trace_open(world_mem(w), NULL, trace_put_memory, o.trace);
    if (t) world_trace(w, t);
    struct ping_args args[2] = {{.server = "s", .pause_ns = 3 * NS_PER_MS, .payload_bytes = 100},
                                {.server = "s", .pause_ns = NS_PER_MS, .payload_bytes = 3000}};
    struct machine *s = world_add(
        w, &(struct machine_params){.name = S("s"), .start = pong_server_start, .args = &r.server});
    struct machine *c[2] = {world_add(w, &(struct machine_params){.name = S("c1"),
                                                                  .start = pong_client_start,
                                                                  .args = &args[0]}),
                            world_add(w, &(struct machine_params){.name = S("c2"),
                                                                  .start = pong_client_start,
                                                                  .args = &args[1]})};
    machine_start(s);
    machine_start(c[0]);
    machine_start(c[1]);
    if (!o.no_faults) pong_bad_day(w, s, c);
    world_run_until(w, 10 * NS_PER_S);
    r.hash = world_hash(w);
    r.events = world_events(w);
    for (int i = 0; i < 2; i++) r.clients[i] = args[i].stats;
    world_trace(w, NULL);
    if (t) trace_close(t);
    world_free(w);
    return r;
}

static void
two_machines_talk(void **state)
{
    (void)state;
    struct run r = run_pong(1, (struct run_options){.no_faults = true});
    assert_true(r.clients[0].answers > 500);
    assert_true(r.clients[1].answers > 500);
    assert_int_equal(r.clients[0].losses, 0);
    assert_int_equal(r.clients[0].reconnects, 1);
}

static void
the_same_seed_gives_the_same_run_under_faults(void **state)
{
    (void)state;
    struct run a = run_pong(7, (struct run_options){0}), b = run_pong(7, (struct run_options){0});
    assert_true(a.clients[0].losses > 0);
    assert_true(a.clients[1].reconnects > 2);
    assert_true(a.hash == b.hash);
    assert_memory_equal(&a, &b, sizeof a);
}

static void
another_seed_gives_another_run(void **state)
{
    (void)state;
    assert_true(run_pong(7, (struct run_options){0}).hash !=
                run_pong(8, (struct run_options){0}).hash);
}

static void
hash_notes_and_trace_do_not_change_a_run(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct writer file = writer_mem(&mem);
    struct run a = run_pong(3, (struct run_options){0});
    struct run b = run_pong(3, (struct run_options){.hash_off = true});
    struct run c = run_pong(3, (struct run_options){.notes_off = true, .trace = &file});
    assert_int_equal(a.events, b.events);
    assert_memory_equal(&a.server, &b.server, sizeof a.server);
    assert_true(a.hash == c.hash);
    assert_int_equal(a.events, c.events);
    mem_release(&mem);
}

static void
say_record(struct writer *w, const struct trace_record *t)
{
    writer_i64(w, t->at_ns);
    writer_i32(w, (int32_t)t->kind);
    writer_i32(w, t->machine);
    for (int i = 0; i < TRACE_NUMBERS; i++) writer_i64(w, t->n[i]);
    writer_bytes(w, t->a);
    writer_bytes(w, t->b);
}

static void
a_trace_is_the_same_bytes_and_can_be_read(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct writer f1 = writer_mem(&mem), f2 = writer_mem(&mem), f3 = writer_mem(&mem);
    struct run r = run_pong(5, (struct run_options){.trace = &f1});
    (void)run_pong(5, (struct run_options){.trace = &f2});
    (void)run_pong(6, (struct run_options){.trace = &f3});
    assert_true(slice_eq(writer_slice(&f1), writer_slice(&f2)));
    struct trace_reader *a = trace_reader_new(&mem, writer_slice(&f1));
    struct trace_reader *b = trace_reader_new(&mem, writer_slice(&f2));
    struct trace_reader *c = trace_reader_new(&mem, writer_slice(&f3));
    int64_t kinds[TRACE_KINDS_N] = {0}, last_ns = 0;
    for (struct trace_record t; trace_next(a, &t);) {
        kinds[t.kind]++;
        assert_true(t.at_ns >= last_ns);
        last_ns = t.at_ns;
    }
    assert_false(trace_is_damaged(a));
    assert_int_equal(kinds[TRACE_RUN], 1);
    assert_int_equal(kinds[TRACE_MACHINE], 3);
    assert_int_equal(kinds[TRACE_EVENT], r.events);
    assert_int_equal(kinds[TRACE_NOTE], r.server.answers);
    assert_true(kinds[TRACE_FRAME] > r.server.answers * 2);
    assert_int_equal(kinds[TRACE_FAULT], 9);
    struct trace_record at;
    trace_seek(a, 5 * NS_PER_S);
    assert_true(trace_next(a, &at));
    assert_true(at.at_ns >= 5 * NS_PER_S && at.at_ns < 5 * NS_PER_S + 100 * NS_PER_MS);
    assert_false(trace_compare(a, b).found);
    assert_true(trace_compare(a, c).found);
    mem_release(&mem);
}

static void
what_is_kept_of_a_trace_is_read_again_and_again(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct writer f = writer_mem(&mem), whole = writer_mem(&mem), kept = writer_mem(&mem);
    (void)run_pong(5, (struct run_options){.trace = &f});
    struct trace_reader *r = trace_reader_new(&mem, writer_slice(&f));
    for (struct trace_record t; trace_next(r, &t);)
        if (t.kind == TRACE_NOTE || t.kind == TRACE_FRAME) say_record(&whole, &t);
    trace_keep(r, 1u << TRACE_NOTE | 1u << TRACE_FRAME);
    for (int i = 0; i < 2; i++) {
        kept.n = 0;
        for (struct trace_record t; trace_next(r, &t);) say_record(&kept, &t);
        assert_true(slice_eq(writer_slice(&whole), writer_slice(&kept)));
        trace_rewind(r);
    }
    assert_true(whole.n > 0);
    trace_reader_free(r);
    mem_release(&mem);
}

static void
what_is_kept_of_a_damaged_trace_is_damaged(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct writer f = writer_mem(&mem);
    (void)run_pong(5, (struct run_options){.trace = &f});
    f.p[2000] ^= 0x55;
    struct trace_reader *r = trace_reader_new(&mem, writer_slice(&f));
    trace_keep(r, 1u << TRACE_NOTE);
    for (int i = 0; i < 2; i++) {
        for (struct trace_record t; trace_next(r, &t);) continue;
        assert_true(trace_is_damaged(r));
        trace_rewind(r);
    }
    mem_release(&mem);
}

static void
a_damaged_trace_is_refused(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct writer f = writer_mem(&mem);
    (void)run_pong(5, (struct run_options){.trace = &f});
    assert_null(trace_reader_new(&mem, slice(f.p, f.n - 1)));
    assert_null(trace_reader_new(&mem, slice(f.p, 5)));
    f.p[2000] ^= 0x55;
    struct trace_reader *r = trace_reader_new(&mem, writer_slice(&f));
    struct trace_record t;
    while (trace_next(r, &t)) continue;
    assert_true(trace_is_damaged(r));
    mem_release(&mem);
}

/* ---- processes and clocks ---- */

struct ticks {
    struct env *env;
    struct timer t;
    int64_t n, wall_first_ms, wall_last_ms;
    struct task again;
    int64_t deferred;
};

static void
on_again(struct task *t)
{
    CONTAINER_OF(t, struct ticks, again)->deferred++;
}

static void
on_tick(struct timer *t)
{
    struct ticks *k = CONTAINER_OF(t, struct ticks, t);
    if (!k->n++) k->wall_first_ms = env_wall_ms(k->env);
    k->wall_last_ms = env_wall_ms(k->env);
    defer(k->env, &k->again);
    timer_arm(k->env, t, env_now_ns(k->env) + 10 * NS_PER_MS);
}

static void
ticks_start(struct env *env, void *args)
{
    (void)args;
    struct ticks *k = MEM_NEW(&env->mem, struct ticks);
    env->machine = k;
    k->env = env;
    k->t.due = on_tick;
    k->again.run = on_again;
    timer_arm(env, &k->t, env_now_ns(env));
}

static struct world *
ticking(struct machine **ret)
{
    struct world *w = world_new(1, NULL);
    *ret = world_add(w, &(struct machine_params){.name = S("t"), .start = ticks_start});
    machine_start(*ret);
    return w;
}

static struct ticks *
ticks_of(struct machine *m)
{
    return m->env.machine;
}

static void
timers_are_due_to_the_nanosecond_and_tasks_follow(void **state)
{
    (void)state;
    struct machine *m;
    struct world *w = ticking(&m);
    world_run_until(w, NS_PER_S);
    assert_int_equal(ticks_of(m)->n, 101);
    assert_int_equal(ticks_of(m)->deferred, 101);
    assert_int_equal(world_now_ns(w), NS_PER_S);
    world_free(w);
}

static void
on_tick_again(struct timer *t)
{
    struct ticks *k = CONTAINER_OF(t, struct ticks, t);
    timer_arm(k->env, t, env_now_ns(k->env));
}

static void
on_again_again(struct task *t)
{
    defer(CONTAINER_OF(t, struct ticks, again)->env, t);
}

/* How a run ends in which a machine is busy for ever at one instant. */
static int
exit_of_busy(bool by_task)
{
    pid_t child = fork();
    if (child == 0) {
        struct machine *m;
        struct world *w = ticking(&m);
        (void)freopen("/dev/null", "w", stderr);
        ticks_of(m)->t.due = on_tick_again;
        if (by_task) ticks_of(m)->again.run = on_again_again, ticks_of(m)->t.due = on_tick;
        world_run_until(w, NS_PER_S);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
who_is_busy_for_ever_at_one_instant_ends_the_run(void **state)
{
    (void)state;
    assert_int_equal(exit_of_busy(false), 4);
    assert_int_equal(exit_of_busy(true), 4);
}

static void
a_paused_machine_stands_still_and_then_catches_up(void **state)
{
    (void)state;
    struct machine *m;
    struct world *w = ticking(&m);
    world_run_until(w, NS_PER_S);
    fault_pause(m);
    world_run(w, NS_PER_S);
    assert_int_equal(ticks_of(m)->n, 101);
    fault_resume(m);
    world_run(w, 0);
    assert_int_equal(ticks_of(m)->n, 102);
    world_free(w);
}

static void
a_fast_clock_ticks_faster_and_wall_clocks_jump(void **state)
{
    (void)state;
    struct machine *m;
    struct world *w = ticking(&m);
    fault_clock_drift(m, 100000);
    fault_clock_step(m, -5000);
    world_run_until(w, 10 * NS_PER_S);
    assert_int_equal(ticks_of(m)->n, 1100); /* the last is due some nanoseconds later */
    int64_t passed = ticks_of(m)->wall_last_ms - world_options_default().wall_ms;
    assert_in_range(passed, 10990 - 5000, 11000 - 5000);
    world_free(w);
}

static void
a_healed_clock_shows_the_true_time_and_keeps_its_ticks(void **state)
{
    (void)state;
    struct machine *m;
    struct world *w = ticking(&m);
    fault_clock_drift(m, 100000);
    fault_clock_step(m, 7200000);
    world_run_until(w, 10 * NS_PER_S);
    fault_clock_heal(m);
    fault_clock_heal(m);
    int64_t before = ticks_of(m)->n;
    world_run_until(w, 20 * NS_PER_S);
    int64_t passed = ticks_of(m)->wall_last_ms - world_options_default().wall_ms;
    assert_in_range(passed, 19980, 20000);
    assert_in_range(ticks_of(m)->n - before, 999, 1001);
    world_free(w);
}

static void
a_crashed_machine_starts_anew_with_other_dice(void **state)
{
    (void)state;
    struct machine *m;
    struct world *w = ticking(&m);
    world_run_until(w, NS_PER_S);
    struct siphash_key first = m->env.seed;
    fault_crash(m);
    assert_false(machine_is_up(m));
    world_run(w, NS_PER_S);
    machine_start(m);
    assert_int_equal(m->incarnation, 2);
    assert_true(first.k0 != m->env.seed.k0);
    world_run(w, NS_PER_S);
    assert_int_equal(ticks_of(m)->n, 101);
    world_free(w);
}

static void
end_it(struct env *env, void *ctx)
{
    (void)ctx;
    env_fatal(env, S("had enough"));
}

static void
fatal_ends_only_that_machine_and_says_why(void **state)
{
    (void)state;
    struct machine *m;
    struct world *w = ticking(&m);
    struct machine *other =
        world_add(w, &(struct machine_params){.name = S("u"), .start = ticks_start});
    machine_start(other);
    machine_poke(m, end_it, NULL);
    assert_false(machine_is_up(m));
    assert_true(machine_is_up(other));
    assert_slice(m->fatal, "had enough");
    world_free(w);
}

static int steps_seen;

static void
see(void *ctx, const struct world_event *e)
{
    (void)e;
    steps_seen++;
    if (steps_seen == 5) world_stop(ctx);
}

static void
observers_see_each_step_and_may_stop_the_run(void **state)
{
    (void)state;
    struct machine *m;
    struct world *w = ticking(&m);
    steps_seen = 0;
    world_observe(w, &(struct world_observer){.event = see, .ctx = w});
    world_run(w, NS_PER_S);
    assert_int_equal(steps_seen, 5);
    world_free(w);
}

static void
dice_of_one_stream_do_not_move_another(void **state)
{
    (void)state;
    struct world *w = world_new(9, NULL);
    struct dice a = world_dice(w, S("link"), S("a>b")), b = world_dice(w, S("link"), S("a>b"));
    struct dice other = world_dice(w, S("link"), S("b>a"));
    (void)dice_draw(&other);
    uint64_t first = dice_draw(&a);
    assert_true(first == dice_draw(&b));
    assert_true(first != dice_draw(&other));
    for (int i = 0; i < 1000; i++) assert_in_range(dice_between(&a, 10, 12), 10, 12);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_machines_talk),
        cmocka_unit_test(the_same_seed_gives_the_same_run_under_faults),
        cmocka_unit_test(another_seed_gives_another_run),
        cmocka_unit_test(hash_notes_and_trace_do_not_change_a_run),
        cmocka_unit_test(a_trace_is_the_same_bytes_and_can_be_read),
        cmocka_unit_test(what_is_kept_of_a_trace_is_read_again_and_again),
        cmocka_unit_test(what_is_kept_of_a_damaged_trace_is_damaged),
        cmocka_unit_test(a_damaged_trace_is_refused),
        cmocka_unit_test(timers_are_due_to_the_nanosecond_and_tasks_follow),
        cmocka_unit_test(who_is_busy_for_ever_at_one_instant_ends_the_run),
        cmocka_unit_test(a_paused_machine_stands_still_and_then_catches_up),
        cmocka_unit_test(a_fast_clock_ticks_faster_and_wall_clocks_jump),
        cmocka_unit_test(a_healed_clock_shows_the_true_time_and_keeps_its_ticks),
        cmocka_unit_test(a_crashed_machine_starts_anew_with_other_dice),
        cmocka_unit_test(fatal_ends_only_that_machine_and_says_why),
        cmocka_unit_test(observers_see_each_step_and_may_stop_the_run),
        cmocka_unit_test(dice_of_one_stream_do_not_move_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
