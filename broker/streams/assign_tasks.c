/* A task goes where its state is: moving it means restoring the state from its changelog, which can take hours. So,
 * with a share for each member (its part of all tasks, rounded up) that nobody goes beyond in the first two steps:
 *
 *   1. an active task stays where it is;
 *   2. else it goes where a copy of its state is, to the least loaded of them;
 *   3. else to the least loaded process, and there to its least loaded member.
 *   4. Standbys likewise; never two of one task on one process: a copy beside its original protects from nothing.
 *
 * Tasks of one partition stand together in steps 1 and 2 (joined subtopologies read the same partitions), and those of
 * one subtopology in the rest. */
#include "broker/streams/assign_tasks.h"

#include "broker/base/check.h"
#include "broker/base/heap.h"
#include "broker/base/search.h"
#include "broker/base/sort.h"

struct sticky_process {
    const int32_t *members;
    int32_t members_n, tasks_n;
    struct heap heap; /* of members, the least loaded first */
    struct heap_node by_load;
};

/* So many are looked at for one task; with more copies than that, any is as good. */
#define CANDIDATES_MAX 16

/* Who may have a copy of a task's state. */
struct candidate {
    int32_t member;
    bool had_it; /* as a standby or warm-up; else only what is on disk says so */
    int64_t offset;
};

/* Tasks are numbered through: a subtopology's are first[i], first[i] + 1 … */
struct sticking {
    struct arena *a;
    const struct configured_subtopology *subs;
    int32_t subs_n, standbys_n;
    struct sticky_member *members;
    int32_t members_n;
    struct sticky_process *processes;
    int32_t processes_n;
    int32_t *process_of;     /* member → process */
    int32_t *count;          /* member → tasks */
    struct heap_node *nodes; /* of members in their processes' heaps */
    int64_t *first;
    int32_t *sub_of; /* task → subtopology */
    int64_t tasks_n;
    int32_t *was_active;    /* task → member; -1 */
    struct candidate **had; /* task → candidates, best first */
    int32_t *had_n;         /* task → how many */
    int32_t *active;        /* task → member; -1 */
    int32_t *standby;       /* task × standbys_n → member */
    int32_t *standby_n;     /* task → how many so far */
    int64_t active_left, active_members, active_share;
    int64_t total_left, total_members, total_share;
    struct heap heap; /* of processes, the least loaded first */
};

/* ---- shares ---- */

static int64_t
fair_share(int64_t tasks, int64_t members)
{
    return members > 0 ? (tasks + members - 1) / members : 0;
}

/* Who has its share is out; what is left is for the others. */
static void
count_off(int64_t has, int64_t *left, int64_t *members, int64_t *share)
{
    if (has != *share) return;
    (*members)--;
    *left -= has;
    *share = fair_share(*left, *members);
}

/* Loads are compared as fractions: tasks by members. */
static int64_t
load_key(const struct sticky_process *p)
{
    return ((int64_t)p->tasks_n << 40) / p->members_n;
}

static bool
process_has(const struct sticking *s, int32_t process, int64_t task)
{
    if (s->active[task] >= 0 && s->process_of[s->active[task]] == process) return true;
    for (int32_t i = 0; i < s->standby_n[task]; i++)
        if (s->process_of[s->standby[task * s->standbys_n + i]] == process) return true;
    return false;
}

static void
give_task(struct sticking *s, int64_t task, int32_t member, bool as_active)
{
    struct sticky_process *p = &s->processes[s->process_of[member]];
    if (as_active) {
        CHECK(s->active[task] < 0);
        s->active[task] = member;
    } else {
        s->standby[task * s->standbys_n + s->standby_n[task]++] = member;
    }
    p->tasks_n++;
    s->count[member]++;
    if (as_active)
        count_off(s->count[member], &s->active_left, &s->active_members, &s->active_share);
    count_off(s->count[member], &s->total_left, &s->total_members, &s->total_share);
}

/* ---- what was ---- */

static int32_t
subtopology_place(const struct sticking *s, struct slice id)
{
    LOWER_BOUND(at, s->subs_n, i, slice_cmp(s->subs[i].id, id) < 0);
    return at < s->subs_n && slice_eq(s->subs[at].id, id) ? at : -1;
}

/* -1: there is no such task any more. */
static int64_t
task_number(const struct sticking *s, struct slice id, int32_t partition)
{
    int32_t sub = subtopology_place(s, id);
    bool is_there = sub >= 0 && partition >= 0 && partition < s->subs[sub].tasks_n;
    return is_there ? s->first[sub] + partition : -1;
}

static int
disk_cmp(const struct sticky_member *m, int64_t i, const struct streams_task *t)
{
    struct streams_task on_disk = {m->offsets[i].subtopology, m->offsets[i].partition, 0};
    return task_cmp(&on_disk, t);
}

static int64_t
disk_offset(const struct sticky_member *m, const struct streams_task *t)
{
    LOWER_BOUND(at, m->offsets_n, i, disk_cmp(m, i, t) < 0);
    return at < m->offsets_n && disk_cmp(m, at, t) == 0 ? m->offsets[at].offset : 0;
}

static bool
is_better(const struct candidate *a, const struct candidate *b)
{
    if (a->had_it != b->had_it) return a->had_it;
    return a->offset > b->offset;
}

/* Counts them (with no room yet), or puts them in their order. */
static void
add_candidate(struct sticking *s, int64_t task, struct candidate c, bool counts)
{
    if (task < 0) return;
    int32_t at = s->had_n[task];
    struct candidate *v = s->had[task];
    if (at < CANDIDATES_MAX) s->had_n[task]++;
    else if (counts || !is_better(&c, &v[--at])) return;
    if (counts) return;
    for (; at > 0 && is_better(&c, &v[at - 1]); at--) v[at] = v[at - 1];
    v[at] = c;
}

static void
gather_candidates(struct sticking *s, bool counts)
{
    for (int32_t i = 0; i < s->members_n; i++) {
        const struct sticky_member *m = &s->members[i];
        for (int r = TASK_STANDBY; r <= TASK_WARMUP; r++)
            for (int64_t k = 0; k < m->had.of[r].n; k++) {
                const struct streams_task *t = &m->had.of[r].v[k];
                add_candidate(s, task_number(s, t->subtopology, t->partition),
                              (struct candidate){i, true, disk_offset(m, t)}, counts);
            }
        for (int64_t k = 0; k < m->offsets_n; k++) {
            const struct task_offset *o = &m->offsets[k];
            bool had_it = task_set_find(&m->had.of[TASK_STANDBY], o->subtopology, o->partition) ||
                          task_set_find(&m->had.of[TASK_WARMUP], o->subtopology, o->partition);
            if (!had_it)
                add_candidate(s, task_number(s, o->subtopology, o->partition),
                              (struct candidate){i, false, o->offset}, counts);
        }
    }
}

static void
remember_what_was(struct sticking *s)
{
    for (int32_t i = 0; i < s->members_n; i++)
        for (int64_t k = 0; k < s->members[i].had.of[TASK_ACTIVE].n; k++) {
            const struct streams_task *t = &s->members[i].had.of[TASK_ACTIVE].v[k];
            int64_t task = task_number(s, t->subtopology, t->partition);
            if (task >= 0) s->was_active[task] = i;
        }
    gather_candidates(s, true);
    for (int64_t t = 0; t < s->tasks_n; t++) {
        s->had[t] = ARENA_ARRAY(s->a, struct candidate, s->had_n[t]);
        s->had_n[t] = 0;
    }
    gather_candidates(s, false);
}

/* The least loaded of those who have a copy; -1. */
static int32_t
best_candidate(const struct sticking *s, int64_t task, bool as_standby)
{
    int32_t best = -1;
    for (int32_t i = 0; i < s->had_n[task]; i++) {
        int32_t m = s->had[task][i].member;
        const struct sticky_process *p = &s->processes[s->process_of[m]];
        if (as_standby && process_has(s, s->process_of[m], task)) continue;
        bool is_first = best < 0;
        if (is_first || (load_key(p) < load_key(&s->processes[s->process_of[best]]) &&
                         s->count[m] < s->count[best]))
            best = m;
    }
    return best;
}

/* ---- the steps ---- */

static int32_t
most_tasks_of_one(const struct sticking *s)
{
    int32_t most = 0;
    for (int32_t i = 0; i < s->subs_n; i++) most = MAX(most, s->subs[i].tasks_n);
    return most;
}

/* Partition after partition, of all subtopologies that have it. */
static int64_t *
by_partition(const struct sticking *s)
{
    int64_t *v = ARENA_ARRAY(s->a, int64_t, s->tasks_n), n = 0;
    int32_t *open = ARENA_ARRAY(s->a, int32_t, s->subs_n), open_n = s->subs_n;
    for (int32_t i = 0; i < open_n; i++) open[i] = i;
    for (int32_t p = 0, most = most_tasks_of_one(s); p < most; p++) {
        int32_t left = 0;
        for (int32_t i = 0; i < open_n; i++)
            if (p < s->subs[open[i]].tasks_n) open[left++] = open[i];
        open_n = left;
        for (int32_t i = 0; i < open_n; i++) v[n++] = s->first[open[i]] + p;
    }
    CHECK(n == s->tasks_n);
    return v;
}

static void
fill_heaps(struct sticking *s)
{
    for (int32_t i = 0; i < s->processes_n; i++) {
        struct sticky_process *p = &s->processes[i];
        for (int32_t k = 0; k < p->members_n; k++)
            heap_set(&p->heap, &s->nodes[p->members[k]], s->count[p->members[k]]);
        heap_set(&s->heap, &p->by_load, load_key(p));
    }
}

static void
give_to_least_loaded(struct sticking *s, int64_t task, struct sticky_process *p, bool as_active)
{
    struct heap_node *n = heap_min(&p->heap);
    int32_t member = (int32_t)(n - s->nodes);
    give_task(s, task, member, as_active);
    heap_set(&p->heap, n, s->count[member]);
    heap_set(&s->heap, &p->by_load, load_key(p));
}

static void
assign_active(struct sticking *s)
{
    int64_t *order = by_partition(s);
    for (int64_t i = 0; i < s->tasks_n; i++) {
        int32_t m = s->was_active[order[i]];
        if (m >= 0 && s->count[m] < s->active_share) give_task(s, order[i], m, true);
    }
    for (int64_t i = 0; i < s->tasks_n; i++) {
        int32_t m = s->active[order[i]] < 0 ? best_candidate(s, order[i], false) : -1;
        if (m >= 0 && s->count[m] < s->active_share) give_task(s, order[i], m, true);
    }
    fill_heaps(s);
    for (int64_t t = 0; t < s->tasks_n; t++) {
        if (s->active[t] >= 0) continue;
        struct heap_node *n = heap_min(&s->heap);
        give_to_least_loaded(s, t, CONTAINER_OF(n, struct sticky_process, by_load), true);
    }
}

/* Where a copy is, as long as that member has not its share. */
static bool
keep_standby(struct sticking *s, int64_t task)
{
    int32_t m = s->was_active[task];
    if (m < 0 || process_has(s, s->process_of[m], task) || s->count[m] >= s->total_share)
        m = best_candidate(s, task, true);
    if (m < 0 || s->count[m] >= s->total_share) return false;
    give_task(s, task, m, false);
    return true;
}

/* False: every process has the task. */
static bool
spread_standby(struct sticking *s, int64_t task, struct sticky_process **passed)
{
    int32_t passed_n = 0;
    struct sticky_process *p = NULL;
    for (struct heap_node *n; !p && (n = heap_min(&s->heap)) != NULL;) {
        struct sticky_process *at = CONTAINER_OF(n, struct sticky_process, by_load);
        if (process_has(s, (int32_t)(at - s->processes), task)) {
            heap_remove(&s->heap, n);
            passed[passed_n++] = at;
        } else {
            p = at;
        }
    }
    if (p) give_to_least_loaded(s, task, p, false);
    for (int32_t i = 0; i < passed_n; i++)
        heap_push(&s->heap, &passed[i]->by_load, load_key(passed[i]));
    return p != NULL;
}

static void
assign_standbys(struct sticking *s)
{
    int64_t *order = by_partition(s);
    struct sticky_process **passed = ARENA_ARRAY(s->a, struct sticky_process *, s->processes_n);
    for (int64_t i = s->tasks_n - 1; i >= 0; i--) {
        int64_t t = order[i];
        if (!s->subs[s->sub_of[t]].is_stateful) continue;
        while (s->standby_n[t] < s->standbys_n && keep_standby(s, t)) continue;
    }
    fill_heaps(s);
    for (int64_t t = s->tasks_n - 1; t >= 0; t--) {
        if (!s->subs[s->sub_of[t]].is_stateful) continue;
        while (s->standby_n[t] < s->standbys_n && spread_standby(s, t, passed)) continue;
    }
}

/* ---- beginning and end ---- */

static int
process_order(const void *a, const void *b, const void *ctx)
{
    const struct sticking *s = ctx;
    const int32_t *x = a, *y = b;
    return slice_cmp(s->members[*x].process_id, s->members[*y].process_id);
}

/* Members' places, by their processes' ids: a tie is broken the same way by each coordinator. */
static int32_t *
members_by_process(const struct sticking *s)
{
    int32_t n = s->members_n, *v = ARENA_ARRAY(s->a, int32_t, n);
    for (int32_t i = 0; i < n; i++) v[i] = i;
    merge_sort(v, n, (int64_t)sizeof *v, process_order, s, ARENA_ARRAY(s->a, int32_t, n));
    return v;
}

static void
group_by_process(struct sticking *s)
{
    int32_t *v = members_by_process(s);
    s->processes = ARENA_ARRAY(s->a, struct sticky_process, s->members_n);
    s->process_of = ARENA_ARRAY(s->a, int32_t, s->members_n);
    for (int32_t i = 0; i < s->members_n; i++) {
        bool is_next =
            i == 0 || !slice_eq(s->members[v[i - 1]].process_id, s->members[v[i]].process_id);
        if (is_next) {
            struct sticky_process *p = &s->processes[s->processes_n++];
            p->members = &v[i];
            heap_init(&p->heap, s->a->mem);
        }
        s->processes[s->processes_n - 1].members_n++;
        s->process_of[v[i]] = s->processes_n - 1;
    }
}

static void
number_tasks(struct sticking *s)
{
    int64_t stateful = 0;
    s->first = ARENA_ARRAY(s->a, int64_t, s->subs_n);
    for (int32_t i = 0; i < s->subs_n; i++) {
        s->first[i] = s->tasks_n;
        s->tasks_n += s->subs[i].tasks_n;
        stateful += s->subs[i].is_stateful ? s->subs[i].tasks_n : 0;
    }
    s->sub_of = ARENA_ARRAY(s->a, int32_t, s->tasks_n);
    for (int32_t i = 0; i < s->subs_n; i++)
        for (int32_t k = 0; k < s->subs[i].tasks_n; k++) s->sub_of[s->first[i] + k] = i;
    s->active_left = s->tasks_n;
    s->total_left = s->tasks_n + stateful * s->standbys_n;
    s->active_members = s->total_members = s->members_n;
    s->active_share = fair_share(s->active_left, s->members_n);
    s->total_share = fair_share(s->total_left, s->members_n);
}

static void
make_room(struct sticking *s)
{
    /* A process has a task once. */
    s->standbys_n = MAX(MIN(s->standbys_n, s->processes_n - 1), 0);
    s->count = ARENA_ARRAY(s->a, int32_t, s->members_n);
    s->nodes = ARENA_ARRAY(s->a, struct heap_node, s->members_n);
    s->was_active = ARENA_ARRAY(s->a, int32_t, s->tasks_n);
    s->active = ARENA_ARRAY(s->a, int32_t, s->tasks_n);
    s->had = ARENA_ARRAY(s->a, struct candidate *, s->tasks_n);
    s->had_n = ARENA_ARRAY(s->a, int32_t, s->tasks_n);
    s->standby = ARENA_ARRAY(s->a, int32_t, s->tasks_n * s->standbys_n);
    s->standby_n = ARENA_ARRAY(s->a, int32_t, s->tasks_n);
    for (int64_t t = 0; t < s->tasks_n; t++) s->was_active[t] = s->active[t] = -1;
    heap_init(&s->heap, s->a->mem);
}

static void
add_result(struct sticking *s, int32_t member, enum task_role role, int64_t task)
{
    struct task_set *to = &s->members[member].ret.of[role];
    int32_t sub = s->sub_of[task];
    to->v[to->n++] = (struct streams_task){s->subs[sub].id, (int32_t)(task - s->first[sub]), 0};
}

static void
return_tasks(struct sticking *s)
{
    for (int32_t i = 0; i < s->members_n; i++) {
        s->members[i].ret = (struct tasks){0};
        for (int r = TASK_ACTIVE; r <= TASK_STANDBY; r++)
            s->members[i].ret.of[r].v = ARENA_ARRAY(s->a, struct streams_task, s->count[i]);
    }
    for (int64_t t = 0; t < s->tasks_n; t++) {
        add_result(s, s->active[t], TASK_ACTIVE, t);
        for (int32_t k = 0; k < s->standby_n[t]; k++)
            add_result(s, s->standby[t * s->standbys_n + k], TASK_STANDBY, t);
    }
}

void
assign_tasks(struct arena *a, const struct configured_subtopology *subtopologies, int32_t n,
             int32_t standbys_n, struct sticky_member *members, int32_t members_n)
{
    struct sticking s = {.a = a,
                         .subs = subtopologies,
                         .subs_n = n,
                         .standbys_n = standbys_n,
                         .members = members,
                         .members_n = members_n};
    if (members_n == 0) return;
    number_tasks(&s);
    group_by_process(&s);
    make_room(&s);
    remember_what_was(&s);
    assign_active(&s);
    if (s.standbys_n > 0) assign_standbys(&s);
    return_tasks(&s);
    for (int32_t i = 0; i < s.processes_n; i++) heap_release(&s.processes[i].heap);
    heap_release(&s.heap);
}
