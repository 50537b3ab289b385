#include "broker/streams/task_set.h"

#include "broker/base/search.h"
#include "broker/base/sort.h"

int
task_cmp(const struct streams_task *a, const struct streams_task *b)
{
    int c = slice_cmp(a->subtopology, b->subtopology);
    return c ? c : (a->partition > b->partition) - (a->partition < b->partition);
}

static int
task_order(const void *a, const void *b, const void *ctx)
{
    (void)ctx;
    return task_cmp(a, b);
}

void
task_set_sort(struct task_set *s, struct streams_task *spare)
{
    s->n = merge_sort_unique(s->v, s->n, (int64_t)sizeof *s->v, task_order, NULL, spare);
}

const struct streams_task *
task_set_find(const struct task_set *s, struct slice subtopology, int32_t partition)
{
    struct streams_task key = {subtopology, partition, 0};
    LOWER_BOUND(at, s->n, i, task_cmp(&s->v[i], &key) < 0);
    return at < s->n && task_cmp(&s->v[at], &key) == 0 ? &s->v[at] : NULL;
}

int64_t
task_run_end(const struct task_set *s, int64_t from)
{
    int64_t end = from;
    while (end < s->n && slice_eq(s->v[end].subtopology, s->v[from].subtopology)) end++;
    return end;
}

bool
task_set_eq(const struct task_set *a, const struct task_set *b)
{
    if (a->n != b->n) return false;
    for (int64_t i = 0; i < a->n; i++)
        if (task_cmp(&a->v[i], &b->v[i]) != 0) return false;
    return true;
}

bool
task_set_is_subset(const struct task_set *part, const struct task_set *whole)
{
    for (int64_t i = 0; i < part->n; i++)
        if (!task_set_find(whole, part->v[i].subtopology, part->v[i].partition)) return false;
    return true;
}

static bool
task_set_meets(const struct task_set *a, const struct task_set *b)
{
    for (int64_t i = 0; i < a->n; i++)
        if (task_set_find(b, a->v[i].subtopology, a->v[i].partition)) return true;
    return false;
}

/* What of `a` is in `b` (wanted), or is not. */
static struct task_set
select_tasks(struct arena *arena, const struct task_set *a, const struct task_set *b, bool wanted)
{
    struct task_set ret = {ARENA_ARRAY(arena, struct streams_task, a->n), 0};
    for (int64_t i = 0, k = 0; i < a->n; i++) {
        while (k < b->n && task_cmp(&b->v[k], &a->v[i]) < 0) k++;
        bool is_there = k < b->n && task_cmp(&b->v[k], &a->v[i]) == 0;
        if (is_there == wanted) ret.v[ret.n++] = a->v[i];
    }
    return ret;
}

struct task_set
task_set_and(struct arena *arena, const struct task_set *a, const struct task_set *b)
{
    return select_tasks(arena, a, b, true);
}

struct task_set
task_set_minus(struct arena *arena, const struct task_set *a, const struct task_set *b)
{
    return select_tasks(arena, a, b, false);
}

struct task_set
task_set_or(struct arena *arena, const struct task_set *a, const struct task_set *b)
{
    struct task_set ret = {ARENA_ARRAY(arena, struct streams_task, a->n + b->n), 0};
    int64_t i = 0, k = 0;
    while (i < a->n || k < b->n) {
        int c = i == a->n ? 1 : k == b->n ? -1 : task_cmp(&a->v[i], &b->v[k]);
        ret.v[ret.n++] = c <= 0 ? a->v[i] : b->v[k];
        i += c <= 0;
        k += c >= 0;
    }
    return ret;
}

bool
tasks_eq(const struct tasks *a, const struct tasks *b)
{
    for (int r = 0; r < TASK_ROLES_N; r++)
        if (!task_set_eq(&a->of[r], &b->of[r])) return false;
    return true;
}

bool
tasks_same(const struct tasks *a, const struct tasks *b)
{
    if (!tasks_eq(a, b)) return false;
    for (int r = 0; r < TASK_ROLES_N; r++)
        for (int64_t i = 0; i < a->of[r].n; i++)
            if (a->of[r].v[i].epoch != b->of[r].v[i].epoch) return false;
    return true;
}

bool
tasks_is_subset(const struct tasks *part, const struct tasks *whole)
{
    for (int r = 0; r < TASK_ROLES_N; r++)
        if (!task_set_is_subset(&part->of[r], &whole->of[r])) return false;
    return true;
}

bool
tasks_meet(const struct tasks *a, const struct tasks *b)
{
    for (int r = 0; r < TASK_ROLES_N; r++)
        if (task_set_meets(&a->of[r], &b->of[r])) return true;
    return false;
}

bool
tasks_is_empty(const struct tasks *t)
{
    for (int r = 0; r < TASK_ROLES_N; r++)
        if (t->of[r].n > 0) return false;
    return true;
}

/* ---- what is kept: a subtopology's tasks stand together, and share its name ---- */

static void
free_kept_set(struct mem *mem, struct task_set *s)
{
    for (int64_t i = 0, end; i < s->n; i = end) {
        end = task_run_end(s, i);
        mem_free_slice(mem, s->v[i].subtopology);
    }
    mem_free(mem, s->v, s->n * (int64_t)sizeof *s->v);
    *s = (struct task_set){NULL, 0};
}

static struct task_set
copy_set(struct mem *mem, const struct task_set *from)
{
    struct task_set to = {NULL, from->n};
    if (from->n) to.v = mem_alloc(mem, from->n * (int64_t)sizeof *to.v);
    for (int64_t i = 0, end; i < from->n; i = end) {
        struct slice name = mem_dup(mem, from->v[i].subtopology);
        end = task_run_end(from, i);
        for (int64_t k = i; k < end; k++)
            to.v[k] = (struct streams_task){name, from->v[k].partition, from->v[k].epoch};
    }
    return to;
}

void
tasks_free(struct mem *mem, struct tasks *t)
{
    for (int r = 0; r < TASK_ROLES_N; r++) {
        struct task_set *s = &t->of[r];
        free_kept_set(mem, s);
    }
}

void
tasks_keep(struct mem *mem, struct tasks *to, const struct tasks *from)
{
    struct tasks copy;
    for (int r = 0; r < TASK_ROLES_N; r++) copy.of[r] = copy_set(mem, &from->of[r]);
    tasks_free(mem, to);
    *to = copy;
}
