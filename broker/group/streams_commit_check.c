/* Who may commit offsets of a streams group: as in consumer groups, by the member's epoch, and that of the task that reads
 * the partition. */
#include "broker/group/streams_group.h"
#include "errors.h"

int16_t
streams_commit_check(const struct group *g, int32_t epoch, struct slice member_id, int16_t version)
{
    if (epoch < 0 && g->streams->members.n == 0) return K_ERR_NONE;
    const struct streams_member *m = streams_member(g, member_id);
    if (!m) return K_ERR_UNKNOWN_MEMBER_ID;
    /* An older client could not be told why its commit is refused. */
    if (version < 9) return K_ERR_UNSUPPORTED_VERSION;
    return epoch > m->now.epoch ? K_ERR_STALE_MEMBER_EPOCH : K_ERR_NONE;
}

int16_t
streams_txn_commit_check(const struct group *g, int32_t epoch, struct slice member_id,
                         struct slice instance_id)
{
    if (epoch < 0 && g->streams->members.n == 0) return K_ERR_NONE;
    if (epoch < 0 && member_id.n == 0 && !instance_id.p) return K_ERR_NONE;
    const struct streams_member *m = streams_member(g, member_id);
    if (!m) return K_ERR_UNKNOWN_MEMBER_ID;
    return epoch > m->now.epoch ? K_ERR_STALE_MEMBER_EPOCH : K_ERR_NONE;
}

/* The task may have been another member's since: its offset would go back. The epoch under which it was assigned
 * tells (KIP-1251); by the member's own epoch alone a commit would fail whenever it crosses a heartbeat's answer. */
int16_t
streams_partition_check(const struct group *g, int32_t epoch, struct slice member_id,
                        struct slice topic, int32_t partition)
{
    const struct streams_group *sg = g->streams;
    const struct streams_member *m = streams_member(g, member_id);
    if (!m || epoch < 0 || epoch == m->now.epoch) return K_ERR_NONE;
    const subtopology *s = sg->topology ? topology_reader_of(sg->topology, topic) : NULL;
    if (!s) return K_ERR_STALE_MEMBER_EPOCH;
    const struct streams_task *t =
        task_set_find(&m->now.assigned.of[TASK_ACTIVE], s->subtopology_id, partition);
    if (!t) t = task_set_find(&m->now.revoking.of[TASK_ACTIVE], s->subtopology_id, partition);
    return t && epoch >= t->epoch ? K_ERR_NONE : K_ERR_STALE_MEMBER_EPOCH;
}
