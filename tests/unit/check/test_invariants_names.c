/* The files of a log as a power loss would leave them: begun and taken away in an order that leaves a log. */
#include "broker/env/env.h"
#include "sim/check/invariants.h"
#include "sim/world/fault.h"
#include "tests/lib/test.h"
#include "tests/unit/check/told.h"

#define DIR "data/orders-0"
#define FILE_AT(n) S(DIR "/0000000000000000000" #n ".log")

struct tale {
    struct mem mem;
    struct world *w;
    struct machine *m;
    struct invariants *v;
    struct op op;
    struct file file;
    struct slice path, to; /* to null: it is made; path null: the directory is synced */
};

static void
do_nothing(struct env *env, void *args)
{
    (void)env;
    (void)args;
}

static void
done(struct op *op)
{
    assert_int_equal(op->err, ENV_OK);
}

static void
act(struct env *env, void *ctx)
{
    struct tale *s = ctx;
    s->op = (struct op){.done = done};
    s->file = (struct file){0};
    if (!s->path.p) dir_sync(env, &s->op, S(DIR));
    else if (s->to.p) path_rename(env, &s->op, s->path, s->to);
    else file_open(env, &s->op, &s->file, s->path, OPEN_WRITE | OPEN_CREATE);
}

static void
act_on(struct tale *s, struct slice path, struct slice to)
{
    s->path = path;
    s->to = to;
    machine_poke(s->m, act, s);
    world_run(s->w, 100 * NS_PER_MS);
}

static void
say(struct tale *s, enum note_kind kind, int64_t a, int64_t b)
{
    struct note n = {.kind = kind, .subject = S("orders-0"), .n = 5, .v = {a, b, 0, 1}};
    invariants_note(s->v, world_now_ns(s->w), s->m->index, &n);
}

/* A log with one file. */
static void
begin(struct tale *s)
{
    memset(s, 0, sizeof *s);
    test_mem_init(&s->mem);
    s->w = world_new(1, NULL);
    s->m = world_add(s->w, &(struct machine_params){.name = S("b1"), .start = do_nothing});
    disk_put(s->m, FILE_AT(0), SLICE_EMPTY);
    s->v = invariants_new(&s->mem);
    invariants_watch(s->v, s->w);
    machine_start(s->m);
    say(s, NOTE_LOG_RECOVERED, 0, 0);
}

static void
end(struct tale *s)
{
    invariants_free(s->v);
    world_free(s->w);
    mem_release(&s->mem);
}

static void
assert_told(struct tale *s, const char *story)
{
    told_one(s->v, RULE_DISK_TRUTH, slice_cstr(story));
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
one_after_the_other_leaves_a_log(void **state)
{
    BEGIN;
    for (int i = 0; i < 2; i++) {
        act_on(&s, i ? FILE_AT(8) : FILE_AT(4), SLICE_NULL);
        act_on(&s, SLICE_NULL, SLICE_NULL);
    }
    say(&s, NOTE_LOG_START, 4, 0);
    act_on(&s, FILE_AT(0), S(DIR "/gone"));
    assert_silent(&s);
}

static void
two_names_that_a_power_loss_may_take_one_of(void **state)
{
    BEGIN;
    act_on(&s, FILE_AT(4), SLICE_NULL);
    act_on(&s, FILE_AT(8), SLICE_NULL);
    assert_told(&s, "b1: begins the file at offset 8; a power loss may take the one at 4");
}

static void
the_front_goes_before_what_follows_has_a_name(void **state)
{
    BEGIN;
    act_on(&s, FILE_AT(4), SLICE_NULL);
    say(&s, NOTE_LOG_START, 4, 0);
    act_on(&s, FILE_AT(0), S(DIR "/gone"));
    assert_told(&s, "b1: takes away the file at offset 0; a power loss may take the next one, at "
                    "4, too");
}

/* All of it goes, and the log begins anew: nothing is owed of what was there. */
static void
a_log_that_is_cut_wholly_owes_nothing(void **state)
{
    BEGIN;
    act_on(&s, FILE_AT(4), SLICE_NULL);
    act_on(&s, FILE_AT(0), S(DIR "/gone"));
    assert_silent(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_after_the_other_leaves_a_log),
        cmocka_unit_test(two_names_that_a_power_loss_may_take_one_of),
        cmocka_unit_test(the_front_goes_before_what_follows_has_a_name),
        cmocka_unit_test(a_log_that_is_cut_wholly_owes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
