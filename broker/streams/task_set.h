/* Sets of tasks of a streams application (KIP-1071). A task is what one thread processes: the partitions of one
 * number of all topics that a subtopology reads. Sets are sorted by subtopology and partition, so that two of them
 * are compared, joined and taken apart in one walk. An active task that is assigned carries the epoch under which it
 * was (KIP-1251).
 *
 * In each role a task is something else: the active one processes, a standby keeps a copy of its state, a warm-up
 * restores one before the task moves to it. */
#ifndef STREAMS_TASK_SET_H
#define STREAMS_TASK_SET_H

#include "broker/base/arena.h"

enum task_role { TASK_ACTIVE, TASK_STANDBY, TASK_WARMUP, TASK_ROLES_N };

struct streams_task {
    struct slice subtopology;
    int32_t partition;
    int32_t epoch;
};

struct task_set {
    struct streams_task *v;
    int64_t n;
};

/* What a member has, or shall have. */
struct tasks {
    struct task_set of[TASK_ROLES_N];
};

int task_cmp(const struct streams_task *a, const struct streams_task *b);
/* Sorts what was gathered in any order, and drops what stands twice. spare has room for n. */
void task_set_sort(struct task_set *s, struct streams_task *spare);
/* NULL when it is not there. */
const struct streams_task *task_set_find(const struct task_set *s, struct slice subtopology,
                                         int32_t partition);
/* Where the run of one subtopology's tasks ends that begins at `from`. */
int64_t task_run_end(const struct task_set *s, int64_t from);
/* The same tasks; epochs do not count. */
bool task_set_eq(const struct task_set *a, const struct task_set *b);
bool task_set_is_subset(const struct task_set *part, const struct task_set *whole);

/* Results lie in the arena. Epochs are those of `a` where it has the task. */
struct task_set task_set_and(struct arena *arena, const struct task_set *a,
                             const struct task_set *b);
struct task_set task_set_minus(struct arena *arena, const struct task_set *a,
                               const struct task_set *b);
struct task_set task_set_or(struct arena *arena, const struct task_set *a,
                            const struct task_set *b);

/* In all roles. */
bool tasks_eq(const struct tasks *a, const struct tasks *b);
/* The same, with their epochs. */
bool tasks_same(const struct tasks *a, const struct tasks *b);
bool tasks_is_subset(const struct tasks *part, const struct tasks *whole);
bool tasks_meet(const struct tasks *a, const struct tasks *b);
bool tasks_is_empty(const struct tasks *t);

/* What is kept: a copy in `mem`, names included, takes the place of *to. */
void tasks_keep(struct mem *mem, struct tasks *to, const struct tasks *from);
void tasks_free(struct mem *mem, struct tasks *t);

#endif
