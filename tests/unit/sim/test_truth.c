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
    VEC_RELEASE(&f->mem, &f->t.deletions);
    arena_release(&f->a);
    mem_release(&f->mem);
}

static void
see_of(struct fixture *f, enum note_kind kind, struct slice subject, const int64_t *v, int32_t n)
{
    struct note note = {.kind = kind, .n = n, .subject = subject, .text = S("replicas=1 isr=1")};
    const struct note *notes[] = {&note};
    struct machine machine = {.name = S("k1")};
    struct world_event e = {.machine = &machine, .notes = notes, .notes_n = 1};
    memcpy(note.v, v, (size_t)n * sizeof *v);
    truth_see(&f->t, &e);
}

static void
see(struct fixture *f, enum note_kind kind, const int64_t *v, int32_t n)
{
    see_of(f, kind, SLICE_EMPTY, v, n);
}

static void
is_placed(struct fixture *f, int64_t leader_epoch, int64_t partition_epoch, int64_t offset)
{
    see_of(f, NOTE_PARTITION_CHANGE, S("visits-0"),
           (int64_t[]){1, leader_epoch, partition_epoch, 0, offset}, 5);
}

/* The epoch of visits-0; -1: there is none. */
static int64_t
stands_in(struct fixture *f)
{
    const struct truth_partition *p =
        truth_partition(&f->t, (struct partition_ref){S("visits"), 0});
    return p ? p->partition_epoch : -1;
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

/* Its controller was gone before it heard that this was committed, and the next one tells of what there is. */
static void
what_the_quorum_has_deleted_is_gone_whoever_told_it(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    is_placed(&f, 2, 5, 50);
    truth_topic_deleted(&f.t, S("orders"), 60);
    assert_int_equal(stands_in(&f), 5);
    truth_topic_deleted(&f.t, S("visits"), 60);
    assert_int_equal(stands_in(&f), -1);
    end(&f);
}

static void
who_tells_late_of_a_deleted_topic_does_not_bring_it_back(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    is_placed(&f, 2, 5, 50);
    truth_topic_deleted(&f.t, S("visits"), 60);
    is_placed(&f, 2, 6, 55);
    assert_int_equal(stands_in(&f), -1);
    is_placed(&f, 0, 0, 70);
    assert_int_equal(stands_in(&f), 0);
    end(&f);
}

static void
a_deletion_that_is_heard_of_late_does_not_delete_the_topic_that_has_its_name_now(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    is_placed(&f, 2, 5, 50);
    /* That the former one was deleted is not known yet, but what was decided last is decided. */
    is_placed(&f, 0, 0, 70);
    assert_int_equal(stands_in(&f), 0);
    truth_topic_deleted(&f.t, S("visits"), 60);
    assert_int_equal(stands_in(&f), 0);
    truth_topic_deleted(&f.t, S("visits"), 80);
    assert_int_equal(stands_in(&f), -1);
    end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broker_serves_from_its_unfencing_on),
        cmocka_unit_test(who_tells_late_of_an_earlier_decision_changes_nothing),
        cmocka_unit_test(who_takes_over_is_believed),
        cmocka_unit_test(what_the_quorum_has_deleted_is_gone_whoever_told_it),
        cmocka_unit_test(who_tells_late_of_a_deleted_topic_does_not_bring_it_back),
        cmocka_unit_test(
            a_deletion_that_is_heard_of_late_does_not_delete_the_topic_that_has_its_name_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
