/* The files of a log as a power loss would leave them: begun and taken away in an order that leaves a log. */
#include "broker/env/env.h"
#include "broker/record/builder.h"
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

/* The front was about to go when the log began anew: what was to stay behind it is gone, too, and no power loss brings it back. */
static void
the_front_of_a_log_that_began_anew_may_go(void **state)
{
    BEGIN;
    act_on(&s, FILE_AT(4), SLICE_NULL);
    act_on(&s, SLICE_NULL, SLICE_NULL);
    say(&s, NOTE_LOG_START, 4, 0);
    say(&s, NOTE_LOG_TRUNCATE, 8, 4);
    act_on(&s, FILE_AT(4), S(DIR "/gone"));
    act_on(&s, FILE_AT(8), SLICE_NULL);
    act_on(&s, FILE_AT(0), S(DIR "/gone-too"));
    assert_silent(&s);
}

static void
a_log_that_began_anew_keeps_its_own_order(void **state)
{
    BEGIN;
    say(&s, NOTE_LOG_TRUNCATE, 4, 0);
    act_on(&s, FILE_AT(0), S(DIR "/gone"));
    act_on(&s, FILE_AT(4), SLICE_NULL);
    act_on(&s, SLICE_NULL, SLICE_NULL);
    act_on(&s, FILE_AT(8), SLICE_NULL);
    say(&s, NOTE_LOG_START, 8, 0);
    act_on(&s, FILE_AT(4), S(DIR "/gone-too"));
    assert_told(&s, "b1: takes away the file at offset 4; a power loss may take the next one, at "
                    "8, too");
}

/* ---- cleanings ---- */

#define CLEANED S(DIR "/00000000000000000000.log.cleaned")
#define SWAP S(DIR "/00000000000000000000.log.swap")

/* A file with one batch, of one record at this offset. */
static void
put_batch(struct tale *s, struct slice path, int64_t offset)
{
    struct batch_builder b;
    builder_init(&b, &s->mem, 0);
    builder_add(&b, 1, S("k"), S("v"), NULL, 0);
    b.h.base_offset = offset;
    struct buf *batch = builder_finish(&b, CRC32C_PORTABLE, &s->mem);
    disk_put(s->m, path, buf_slice(batch));
    buf_unref(batch);
    builder_release(&b);
}

/* Segments at 0, 4 and 8 of 100 bytes each; a cleaning has made one of those below this offset. */
static void
cleans(struct tale *s, int64_t end)
{
    static const uint8_t bytes[100];
    disk_put(s->m, FILE_AT(0), slice(bytes, sizeof bytes));
    disk_put(s->m, FILE_AT(4), slice(bytes, sizeof bytes));
    disk_put(s->m, FILE_AT(8), slice(bytes, sizeof bytes));
    put_batch(s, CLEANED, end - 1);
    act_on(s, CLEANED, SWAP);
}

static void
what_fits_into_one_segment_is_put_together(void **state)
{
    BEGIN;
    invariants_segment(s.v, S("orders"), 200);
    cleans(&s, 8);
    assert_silent(&s);
}

static void
assert_told_of_size(struct tale *s, const char *story)
{
    told_one(s->v, RULE_SEGMENT_SIZE, slice_cstr(story));
    end(s);
}

static void
what_does_not_fit_is_not(void **state)
{
    BEGIN;
    invariants_segment(s.v, S("orders"), 200);
    cleans(&s, 10);
    assert_told_of_size(&s, "b1: cleans segments of 300 bytes into one, which may have 200");
}

/* Its size is less by now. */
static void
one_segment_that_was_larger_may_be_cleaned(void **state)
{
    BEGIN;
    invariants_segment(s.v, S("orders"), 50);
    cleans(&s, 4);
    assert_silent(&s);
}

static void
the_most_that_it_ever_was_counts(void **state)
{
    BEGIN;
    invariants_segment(s.v, S("orders"), 50);
    invariants_segment_grows(s.v, S("orders"), 300);
    invariants_segment_grows(s.v, S("orders"), 50);
    cleans(&s, 10);
    assert_silent(&s);
}

static void
where_nobody_said_a_size_nothing_is_too_large(void **state)
{
    BEGIN;
    invariants_segment_grows(s.v, S("orders"), 50); /* later */
    cleans(&s, 10);
    assert_silent(&s);
}

/* A segment behind it is not synced yet. */
static void
cleans_before_8(struct tale *s)
{
    disk_put(s->m, CLEANED, SLICE_EMPTY);
    act_on(s, FILE_AT(8), SLICE_NULL);
    act_on(s, CLEANED, SWAP);
}

static void
what_is_not_synced_takes_nothing_away(void **state)
{
    BEGIN;
    cleans_before_8(&s);
    say(&s, NOTE_LOG_CLEANED, 0, 9);
    assert_told(&s, "b1: cleaned all below 9 by what lies behind 8, which a power loss may take");
}

static void
what_the_cleaning_did_not_look_at_need_not_be_synced(void **state)
{
    BEGIN;
    cleans_before_8(&s);
    say(&s, NOTE_LOG_CLEANED, 0, 8);
    assert_silent(&s);
}

static void
what_was_cleaned_before_need_not_be_synced(void **state)
{
    BEGIN;
    cleans_before_8(&s);
    say(&s, NOTE_LOG_CLEANED, 9, 12);
    assert_silent(&s);
}

/* The next one begins at the front again, and meanwhile the segment is synced. */
static void
what_was_not_synced_for_one_that_was_given_up_may_be_for_the_next(void **state)
{
    BEGIN;
    cleans_before_8(&s);
    act_on(&s, SLICE_NULL, SLICE_NULL);
    disk_put(s.m, CLEANED, SLICE_EMPTY);
    act_on(&s, CLEANED, SWAP);
    say(&s, NOTE_LOG_CLEANED, 0, 9);
    assert_silent(&s);
}

static void
the_last_batch_stays_where_it_was(void **state)
{
    BEGIN;
    put_batch(&s, FILE_AT(0), 3);
    put_batch(&s, CLEANED, 3);
    act_on(&s, CLEANED, SWAP);
    assert_silent(&s);
}

static void
the_last_batch_goes(void **state)
{
    BEGIN;
    put_batch(&s, FILE_AT(0), 3);
    put_batch(&s, CLEANED, 2);
    act_on(&s, CLEANED, SWAP);
    told_one(s.v, RULE_LOG_CONTIGUOUS,
             S("b1: cleaned away the last batch of a segment, up to 3, and the log's end with it: "
               "3"));
    end(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_after_the_other_leaves_a_log),
        cmocka_unit_test(two_names_that_a_power_loss_may_take_one_of),
        cmocka_unit_test(the_front_goes_before_what_follows_has_a_name),
        cmocka_unit_test(a_log_that_is_cut_wholly_owes_nothing),
        cmocka_unit_test(the_front_of_a_log_that_began_anew_may_go),
        cmocka_unit_test(a_log_that_began_anew_keeps_its_own_order),
        cmocka_unit_test(what_fits_into_one_segment_is_put_together),
        cmocka_unit_test(what_does_not_fit_is_not),
        cmocka_unit_test(one_segment_that_was_larger_may_be_cleaned),
        cmocka_unit_test(the_most_that_it_ever_was_counts),
        cmocka_unit_test(where_nobody_said_a_size_nothing_is_too_large),
        cmocka_unit_test(the_last_batch_stays_where_it_was),
        cmocka_unit_test(the_last_batch_goes),
        cmocka_unit_test(what_is_not_synced_takes_nothing_away),
        cmocka_unit_test(what_the_cleaning_did_not_look_at_need_not_be_synced),
        cmocka_unit_test(what_was_cleaned_before_need_not_be_synced),
        cmocka_unit_test(what_was_not_synced_for_one_that_was_given_up_may_be_for_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
