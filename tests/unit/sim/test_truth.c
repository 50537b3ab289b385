/* scenario/truth.c: what is known of a cluster whose quorum lost a majority of its disks. */
#include "tests/lib/test.h"

#include "sim/scenario/truth.h"
#include "sim/world/world.h"

struct scene {
    struct mem mem;
    struct arena a;
    struct truth t;
    struct machine m;
};

static void
say(struct scene *s, enum note_kind kind, const char *subject, const char *text, int64_t a,
    int64_t b, int64_t c, int64_t d)
{
    struct note n = {
        .kind = kind, .subject = slice_cstr(subject), .text = slice_cstr(text), .v = {a, b, c, d}};
    const struct note *notes[] = {&n};
    truth_see(&s->t, &(struct world_event){.machine = &s->m, .notes = notes, .notes_n = 1});
}

/* b1 is active; b1, b2 and b3 serve, and lead orders. */
static void
begin(struct scene *s)
{
    test_mem_init(&s->mem);
    arena_init(&s->a, &s->mem, 0);
    s->m = (struct machine){.name = S("b1")};
    truth_init(&s->t, &s->a);
    say(s, NOTE_CONTROLLER_ACTIVE, "", "", 1, 3, 0, 0);
    for (int32_t id = 1; id <= 3; id++) {
        truth_committed(&s->t, id, 250);
        say(s, NOTE_BROKER_UNFENCED, "", "", id, 100 + id, 240, 0);
    }
    say(s, NOTE_PARTITION_CHANGE, "orders-0", "replicas=1,2,3 isr=1,2,3 elr= last=", 1, 4, 9, 0);
}

static void
end(struct scene *s)
{
    arena_release(&s->a);
    VEC_RELEASE(&s->mem, &s->t.partitions);
    assert_int_equal(s->mem.used_bytes, 0);
    mem_release(&s->mem);
}

static void
who_has_forgotten_decides_anew(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    assert_int_equal(truth_wiped(&s.t, 2), 1);
    assert_int_equal(truth_wiped(&s.t, 3), 2);
    truth_committed(&s.t, 2, 10);
    say(&s, NOTE_CONTROLLER_ACTIVE, "", "", 2, 1, 0, 0);
    assert_int_equal(s.t.controller, 2);
    assert_int_equal(s.t.partitions.n, 0);
    assert_false(s.t.unfenced[3]);
    say(&s, NOTE_BROKER_UNFENCED, "", "", 3, 14, 15, 0);
    assert_true(s.t.unfenced[3]);
    end(&s);
}

static void
who_has_caught_up_has_forgotten_nothing(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    assert_int_equal(truth_wiped(&s.t, 2), 1);
    truth_committed(&s.t, 2, 249);
    assert_int_equal(truth_wiped(&s.t, 3), 2);
    truth_committed(&s.t, 2, 250);
    assert_int_equal(truth_wiped(&s.t, 3), 1);
    say(&s, NOTE_CONTROLLER_ACTIVE, "", "", 2, 4, 0, 0);
    assert_int_equal(s.t.partitions.n, 1);
    say(&s, NOTE_BROKER_FENCED, "", "", 3, 14, 15, 0); /* of an epoch that is over */
    assert_true(s.t.unfenced[3]);
    end(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_forgotten_decides_anew),
        cmocka_unit_test(who_has_caught_up_has_forgotten_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
