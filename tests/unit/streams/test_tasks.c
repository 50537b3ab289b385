/* Tasks: who shall have which (the assignor), and how a member moves towards that. */
#include "broker/base/check.h"
#include "broker/streams/assign_tasks.h"
#include "broker/streams/task_reconcile.h"
#include "tests/lib/test.h"

static struct mem mem;
static struct arena arena;

static int
begin(void **state)
{
    (void)state;
    test_mem_init(&mem);
    arena_init(&arena, &mem, 0);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    arena_release(&arena);
    assert_int_equal(mem.used_bytes, 0);
    mem_release(&mem);
    return 0;
}

/* Tasks "0_1 1_0", as people write them. */
static struct task_set
set(const char *text)
{
    struct task_set s = {ARENA_ARRAY(&arena, struct streams_task, 16), 0};
    for (const char *at = text; *at; at += 3 + (at[3] == ' '))
        s.v[s.n++] = (struct streams_task){slice(at, 1), at[2] - '0', 0};
    task_set_sort(&s, ARENA_ARRAY(&arena, struct streams_task, 16));
    return s;
}

static struct tasks
tasks(const char *active, const char *standby)
{
    return (struct tasks){{set(active), set(standby), {0}}};
}

/* ---- sets ---- */

static void
sets_are_compared_and_kept(void **state)
{
    (void)state;
    struct tasks a = tasks("1_0 0_1 0_0 0_1", "2_2"), kept = {0};
    assert_int_equal(a.of[TASK_ACTIVE].n, 3);
    assert_slice(a.of[TASK_ACTIVE].v[0].subtopology, "0");
    assert_int_equal(a.of[TASK_ACTIVE].v[1].partition, 1);
    assert_non_null(task_set_find(&a.of[TASK_ACTIVE], S("1"), 0));
    assert_null(task_set_find(&a.of[TASK_ACTIVE], S("1"), 1));
    tasks_keep(&mem, &kept, &a);
    assert_true(tasks_same(&kept, &a));
    kept.of[TASK_ACTIVE].v[0].epoch = 7;
    assert_true(tasks_eq(&kept, &a));
    assert_false(tasks_same(&kept, &a));
    struct tasks part = tasks("0_0", ""), other = tasks("2_2", "0_0");
    assert_true(tasks_is_subset(&part, &a));
    assert_false(tasks_is_subset(&other, &a));
    assert_true(tasks_meet(&part, &a));
    assert_false(tasks_meet(&other, &a));
    tasks_keep(&mem, &kept, &part);
    assert_true(tasks_eq(&kept, &part));
    tasks_free(&mem, &kept);
    assert_true(tasks_is_empty(&kept));
}

/* ---- the assignor ---- */

#define MEMBERS_MAX 8
static struct sticky_member members[MEMBERS_MAX];
static int32_t members_n;
static struct configured_subtopology subs[4];
static int32_t subs_n;

static void
no_members(void)
{
    memset(members, 0, sizeof members);
    members_n = subs_n = 0;
}

static struct sticky_member *
member(const char *process, const char *active, const char *standby)
{
    struct sticky_member *m = &members[members_n++];
    *m = (struct sticky_member){.process_id = slice_cstr(process), .had = tasks(active, standby)};
    return m;
}

static void
subtopology_of(const char *id, int32_t tasks_n, bool is_stateful)
{
    subs[subs_n++] = (struct configured_subtopology){
        .id = slice_cstr(id), .tasks_n = tasks_n, .is_stateful = is_stateful};
}

/* What must hold whatever was before. */
static void
assign(int32_t standbys)
{
    assign_tasks(&arena, subs, subs_n, standbys, members, members_n);
    for (int32_t s = 0; s < subs_n; s++)
        for (int32_t p = 0; p < subs[s].tasks_n; p++) {
            int active = 0, standby = 0, holders[MEMBERS_MAX] = {0};
            for (int32_t i = 0; i < members_n; i++) {
                bool is_active = task_set_find(&members[i].ret.of[TASK_ACTIVE], subs[s].id, p);
                bool is_standby = task_set_find(&members[i].ret.of[TASK_STANDBY], subs[s].id, p);
                assert_false(is_active && is_standby);
                active += is_active;
                standby += is_standby;
                holders[i] = is_active || is_standby;
            }
            for (int32_t i = 0; i < members_n; i++)
                for (int32_t k = i + 1; k < members_n; k++)
                    assert_false(holders[i] && holders[k] &&
                                 slice_eq(members[i].process_id, members[k].process_id));
            assert_int_equal(active, 1);
            if (!subs[s].is_stateful) assert_int_equal(standby, 0);
            assert_true(standby <= standbys);
        }
}

static int64_t
active_n(int32_t i)
{
    return members[i].ret.of[TASK_ACTIVE].n;
}

static int64_t
standby_n(int32_t i)
{
    return members[i].ret.of[TASK_STANDBY].n;
}

static bool
has(int32_t i, enum task_role role, const char *text)
{
    struct task_set want = set(text);
    return task_set_is_subset(&want, &members[i].ret.of[role]);
}

static void
tasks_are_spread_evenly(void **state)
{
    (void)state;
    no_members();
    subtopology_of("0", 4, false);
    subtopology_of("1", 5, true);
    member("p", "", ""), member("q", "", ""), member("r", "", "");
    assign(0);
    for (int32_t i = 0; i < 3; i++) assert_int_equal(active_n(i), 3);
}

/* The process with two threads gets twice as much. */
static void
a_process_gets_by_its_threads(void **state)
{
    (void)state;
    no_members();
    subtopology_of("0", 9, true);
    member("p", "", ""), member("p", "", ""), member("q", "", "");
    assign(0);
    assert_int_equal(active_n(0) + active_n(1), 6);
    assert_int_equal(active_n(2), 3);
}

static void
tasks_stay_where_they_are(void **state)
{
    (void)state;
    no_members();
    subtopology_of("0", 4, true);
    member("p", "0_0 0_3", ""), member("q", "0_1 0_2", "");
    assign(0);
    assert_true(has(0, TASK_ACTIVE, "0_0 0_3"));
    assert_true(has(1, TASK_ACTIVE, "0_1 0_2"));
}

/* Just as many as must. */
static void
some_move_to_who_joins(void **state)
{
    (void)state;
    no_members();
    subtopology_of("0", 6, true);
    member("p", "0_0 0_1 0_2", ""), member("q", "0_3 0_4 0_5", ""), member("r", "", "");
    assign(0);
    for (int32_t i = 0; i < 3; i++) assert_int_equal(active_n(i), 2);
    struct task_set kept_p = task_set_and(&arena, &members[0].ret.of[0], &members[0].had.of[0]);
    struct task_set kept_q = task_set_and(&arena, &members[1].ret.of[0], &members[1].had.of[0]);
    assert_int_equal(kept_p.n, 2);
    assert_int_equal(kept_q.n, 2);
}

static void
a_standby_takes_over(void **state)
{
    (void)state;
    no_members();
    subtopology_of("0", 3, true);
    /* The one that had 0_0 is gone. */
    member("p", "0_1", "0_2"), member("q", "0_2", "0_0");
    assign(1);
    assert_true(has(1, TASK_ACTIVE, "0_0"));
    assert_true(has(0, TASK_ACTIVE, "0_1"));
}

static void
who_came_back_with_its_disk_is_preferred(void **state)
{
    (void)state;
    struct task_offset near[] = {{S("0"), 1, 900}}, far[] = {{S("0"), 1, 100}};
    no_members();
    subtopology_of("0", 2, true);
    member("p", "", "");
    member("q", "", "")->offsets = far;
    member("r", "", "")->offsets = near;
    members[1].offsets_n = members[2].offsets_n = 1;
    assign(0);
    assert_true(has(2, TASK_ACTIVE, "0_1"));
    /* A standby that it was told to keep counts for more. */
    members[1].had.of[TASK_STANDBY] = set("0_1");
    assign(0);
    assert_true(has(1, TASK_ACTIVE, "0_1"));
}

static void
standbys_are_beside_no_copy(void **state)
{
    (void)state;
    no_members();
    subtopology_of("0", 6, true);
    subtopology_of("1", 3, false);
    member("p", "", ""), member("p", "", ""), member("q", "", ""), member("r", "", "");
    assign(1);
    int64_t n = 0;
    for (int32_t i = 0; i < 4; i++) n += standby_n(i);
    assert_int_equal(n, 6);
    assign(2);
    n = 0;
    for (int32_t i = 0; i < 4; i++) n += standby_n(i);
    assert_int_equal(n, 12);
    /* More than there are other processes cannot be. */
    assign(7);
    n = 0;
    for (int32_t i = 0; i < 4; i++) n += standby_n(i);
    assert_int_equal(n, 12);
}

static void
alone_there_are_no_standbys(void **state)
{
    (void)state;
    no_members();
    subtopology_of("0", 3, true);
    member("p", "", "");
    assign(1);
    assert_int_equal(active_n(0), 3);
    assert_int_equal(standby_n(0), 0);
}

static void
standbys_stay_where_they_are(void **state)
{
    (void)state;
    no_members();
    subtopology_of("0", 3, true);
    member("p", "0_0", "0_1"), member("q", "0_1", "0_2"), member("r", "0_2", "0_0");
    assign(1);
    assert_true(has(0, TASK_STANDBY, "0_1"));
    assert_true(has(1, TASK_STANDBY, "0_2"));
    assert_true(has(2, TASK_STANDBY, "0_0"));
}

/* Subtopologies and tasks that are no more, tasks that two say they had. */
static void
nonsense_from_before_is_passed_over(void **state)
{
    (void)state;
    no_members();
    subtopology_of("0", 2, true);
    member("p", "0_0 0_9 7_1", "0_0 7_7"), member("p", "0_0", "0_1 0_0"), member("q", "", "0_0");
    assign(1);
    assert_int_equal(active_n(0) + active_n(1) + active_n(2), 2);
}

static void
nobody_or_nothing_is_assigned(void **state)
{
    (void)state;
    no_members();
    assign_tasks(&arena, subs, 0, 1, members, 0);
    member("p", "0_0", "");
    assign_tasks(&arena, subs, 0, 1, members, 1);
    assert_int_equal(active_n(0), 0);
}

/* Members come and go, a hundred times. */
static void
it_holds_whoever_comes_and_goes(void **state)
{
    (void)state;
    static const char *const processes[] = {"p", "q", "r", "s"};
    uint64_t dice = 7;
    no_members();
    subtopology_of("0", 5, true);
    subtopology_of("1", 7, false);
    subtopology_of("2", 3, true);
    member("p", "", "");
    for (int i = 0; i < 200; i++) {
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        int32_t at = (int32_t)(dice >> 40) % members_n;
        if (members_n < MEMBERS_MAX && dice >> 63) {
            member(processes[dice >> 33 & 3], "", "");
        } else if (members_n > 1) {
            members_n--;
            members[at] = members[members_n];
        }
        assign((int32_t)(dice >> 50 & 3));
        int64_t most = 0, least = 100;
        for (int32_t k = 0; k < members_n; k++) {
            members[k].had = members[k].ret;
            most = MAX(most, active_n(k));
            least = MIN(least, active_n(k));
        }
        assert_true(most <= (15 + members_n - 1) / members_n + 2);
        assert_true(least >= 0);
    }
}

/* ---- one member's next step ---- */

static struct tasks held;
static struct streams_current now, next;

static bool
is_held(const void *ctx, const struct streams_task *t, enum task_role role)
{
    (void)ctx;
    return task_set_find(&held.of[role], t->subtopology, t->partition) != NULL;
}

static bool
step(int32_t target_epoch, struct tasks target, const struct tasks *owned)
{
    struct task_reconcile_input in = {.arena = &arena,
                                      .now = now,
                                      .target_epoch = target_epoch,
                                      .target = &target,
                                      .owned = owned,
                                      .is_held = is_held};
    bool ok = task_reconcile(&in, &next);
    now = next;
    return ok;
}

static void
is_at(enum streams_member_state s, int32_t epoch, const char *active, const char *standby)
{
    struct tasks want = tasks(active, standby);
    assert_int_equal(next.state, s);
    assert_int_equal(next.epoch, epoch);
    assert_true(tasks_eq(&next.assigned, &want));
}

static void
what_is_free_comes_at_once(void **state)
{
    (void)state;
    held = tasks("", "");
    now = (struct streams_current){.epoch = 0};
    assert_true(step(2, tasks("0_0 0_1", "1_0"), NULL));
    is_at(STREAMS_MEMBER_STABLE, 2, "0_0 0_1", "1_0");
    assert_int_equal(next.assigned.of[TASK_ACTIVE].v[0].epoch, 2);
    assert_int_equal(next.previous_epoch, 0);
    /* Nothing new: nothing happens. */
    assert_true(step(2, tasks("0_0", ""), NULL));
    is_at(STREAMS_MEMBER_STABLE, 2, "0_0 0_1", "1_0");
}

static void
first_it_closes_then_it_gets(void **state)
{
    (void)state;
    struct tasks has_all = tasks("0_0 0_1", ""), has_one = tasks("0_0", "");
    held = tasks("", "");
    now = (struct streams_current){.epoch = 3, .previous_epoch = 2, .assigned = has_all};
    assert_true(step(5, tasks("0_0 0_2", ""), NULL));
    is_at(STREAMS_MEMBER_REVOKING, 3, "0_0", "");
    assert_true(step(5, tasks("0_0 0_2", ""), &has_all));
    is_at(STREAMS_MEMBER_REVOKING, 3, "0_0", "");
    assert_true(step(5, tasks("0_0 0_2", ""), &has_one));
    is_at(STREAMS_MEMBER_STABLE, 5, "0_0 0_2", "");
    assert_int_equal(next.previous_epoch, 3);
    assert_true(tasks_is_empty(&next.revoking));
    assert_int_equal(next.assigned.of[TASK_ACTIVE].v[1].epoch, 5);
}

static void
it_waits_for_what_others_have(void **state)
{
    (void)state;
    held = tasks("0_1", "1_1");
    now = (struct streams_current){.epoch = 1};
    assert_true(step(2, tasks("0_0 0_1", "1_0 1_1"), NULL));
    is_at(STREAMS_MEMBER_WAITING, 2, "0_0", "1_0");
    held = tasks("", "1_1");
    assert_true(step(2, tasks("0_0 0_1", "1_0 1_1"), NULL));
    is_at(STREAMS_MEMBER_WAITING, 2, "0_0 0_1", "1_0");
    held = tasks("", "");
    assert_true(step(2, tasks("0_0 0_1", "1_0 1_1"), NULL));
    is_at(STREAMS_MEMBER_STABLE, 2, "0_0 0_1", "1_0 1_1");
}

/* A standby that becomes active is closed as the one before it is opened as the other. */
static void
a_task_changes_its_role_by_being_closed(void **state)
{
    (void)state;
    struct tasks has_standby = tasks("", "0_0"), none = tasks("", "");
    held = tasks("", "");
    now = (struct streams_current){.epoch = 2, .assigned = has_standby};
    assert_true(step(3, tasks("0_0", ""), NULL));
    is_at(STREAMS_MEMBER_REVOKING, 2, "", "");
    assert_true(step(3, tasks("0_0", ""), &has_standby));
    is_at(STREAMS_MEMBER_REVOKING, 2, "", "");
    assert_true(step(3, tasks("0_0", ""), &none));
    is_at(STREAMS_MEMBER_STABLE, 3, "0_0", "");
}

static void
an_unknown_state_is_left_by_joining_anew(void **state)
{
    (void)state;
    struct tasks none = tasks("", ""), some = tasks("0_0", "");
    held = tasks("", "");
    now = (struct streams_current){.state = STREAMS_MEMBER_UNKNOWN, .epoch = 2};
    assert_false(step(3, tasks("0_0", ""), NULL));
    assert_false(step(3, tasks("0_0", ""), &some));
    assert_true(step(3, tasks("0_0", ""), &none));
    is_at(STREAMS_MEMBER_STABLE, 3, "0_0", "");
}

int
main(void)
{
#define CLAIM(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests_[] = {
        CLAIM(sets_are_compared_and_kept),
        CLAIM(tasks_are_spread_evenly),
        CLAIM(a_process_gets_by_its_threads),
        CLAIM(tasks_stay_where_they_are),
        CLAIM(some_move_to_who_joins),
        CLAIM(a_standby_takes_over),
        CLAIM(who_came_back_with_its_disk_is_preferred),
        CLAIM(standbys_are_beside_no_copy),
        CLAIM(alone_there_are_no_standbys),
        CLAIM(standbys_stay_where_they_are),
        CLAIM(nonsense_from_before_is_passed_over),
        CLAIM(nobody_or_nothing_is_assigned),
        CLAIM(it_holds_whoever_comes_and_goes),
        CLAIM(what_is_free_comes_at_once),
        CLAIM(first_it_closes_then_it_gets),
        CLAIM(it_waits_for_what_others_have),
        CLAIM(a_task_changes_its_role_by_being_closed),
        CLAIM(an_unknown_state_is_left_by_joining_anew),
    };
    return cmocka_run_group_tests_name("streams_tasks", tests_, NULL, NULL);
}
