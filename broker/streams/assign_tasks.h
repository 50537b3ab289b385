/* The task assignor `sticky` (KIP-1071): who shall process, and keep copies of, which tasks. */
#ifndef STREAMS_ASSIGN_TASKS_H
#define STREAMS_ASSIGN_TASKS_H

#include "broker/streams/configure.h"
#include "broker/streams/task_set.h"

/* How far a member's copy of a task's state has come: the sum of its changelogs' offsets. */
struct task_offset {
    struct slice subtopology;
    int32_t partition;
    int64_t offset;
};

struct sticky_member {
    struct slice process_id;           /* members of one process share its directory of state */
    struct tasks had;                  /* its target so far */
    const struct task_offset *offsets; /* what it said it has on disk, sorted as tasks are */
    int64_t offsets_n;
    struct tasks ret;
};

/* Members are sorted by id. Results lie in the arena, sorted. */
void assign_tasks(struct arena *a, const struct configured_subtopology *subtopologies, int32_t n,
                  int32_t standbys_n, struct sticky_member *members, int32_t members_n);

#endif
