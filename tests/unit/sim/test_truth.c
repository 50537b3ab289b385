/* What the notes of nodes make of a cluster, whoever tells of it late. */
#include "sim/scenario/truth.h"
#include "tests/lib/test.h"

#include "broker/base/fmt.h"

struct fixture {
    struct mem mem;
    struct arena a;
    struct truth t;
};

static void
begin(struct fixture *f)
{
    test_mem_init(&f->mem);
    arena_init(&f->a, &f->mem, 0);
    truth_init(&f->t, &f->a);
}

static void
end(struct fixture *f)
{
    VEC_RELEASE(&f->mem, &f->t.partitions);
    arena_release(&f->a);
    mem_release(&f->mem);
}

static void
see(struct fixture *f, enum note_kind kind, const int64_t *v, int32_t n)
{
    struct note note = {.kind = kind, .n = n};
    const struct note *notes[] = {&note};
    struct machine machine = {.name = S("k1")};
    struct world_event e = {.machine = &machine, .notes = notes, .notes_n = 1};
    memcpy(note.v, v, (size_t)n * sizeof *v);
    truth_see(&f->t, &e);
}

static void
registers(struct fixture *f, int64_t epoch, bool is_fenced, int64_t offset)
{
    see(f, NOTE_BROKER_REGISTERED, (int64_t[]){3, epoch, 99, is_fenced, offset}, 5);
}

static void
is_let_in(struct fixture *f, int64_t epoch, int64_t offset)
{
    see(f, NOTE_BROKER_UNFENCED, (int64_t[]){3, epoch, offset}, 3);
}

static void
a_broker_serves_from_its_unfencing_on(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    registers(&f, 76, true, 76);
    assert_false(f.t.unfenced[3]);
    is_let_in(&f, 76, 80);
    assert_true(f.t.unfenced[3]);
    registers(&f, 90, true, 90);
    assert_false(f.t.unfenced[3]);
    end(&f);
}

/* A controller that stood still tells of its last decisions when others were taken long since. */
static void
who_tells_late_of_an_earlier_decision_changes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    registers(&f, 76, true, 76);
    is_let_in(&f, 76, 80);
    registers(&f, 76, true, 76);
    assert_true(f.t.unfenced[3]);
    see(&f, NOTE_BROKER_FENCED, (int64_t[]){3, 76, 102}, 3);
    is_let_in(&f, 76, 80);
    assert_false(f.t.unfenced[3]);
    end(&f);
}

/* Who takes over tells how it found all of them, at one offset. */
static void
who_takes_over_is_believed(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    registers(&f, 76, true, 76);
    registers(&f, 76, false, 80);
    is_let_in(&f, 76, 80);
    assert_true(f.t.unfenced[3]);
    end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broker_serves_from_its_unfencing_on),
        cmocka_unit_test(who_tells_late_of_an_earlier_decision_changes_nothing),
        cmocka_unit_test(who_takes_over_is_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
