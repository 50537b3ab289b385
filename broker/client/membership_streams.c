/* Membership of a streams group (KIP-1071): the words of its heartbeats. When they are sent and what follows is as with
 * consumers (membership_consumer.c). The topology is the smallest that there is: one subtopology, which reads all topics
 * and keeps nothing; so a task is the partitions of one number. */
#include "broker/client/membership_internal.h"

typedef struct k_streams_group_heartbeat_request request;
typedef struct k_streams_group_heartbeat_response response;
typedef struct k_streams_group_heartbeat_request_subtopology said_subtopology;
typedef struct k_streams_group_heartbeat_request_task_ids said_tasks;

#define EPOCH_JOIN 0
#define EPOCH_LEAVE (-1)
#define EPOCH_LEAVE_STATIC (-2)
#define SUBTOPOLOGY S("0")

/* ---- what it says --------------------------------------------------------------------------------- */

static request *
new_streams_request(struct membership *m)
{
    request *r = ARENA_NEW(&m->env->scratch, request);
    codec_default(K_MSG_STREAMS_GROUP_HEARTBEAT_REQUEST, r);
    r->group_id = m->params.group_id;
    r->member_id = m->id;
    r->instance_id = m->params.instance_id;
    return r;
}

static void
say_topology(const struct membership *m, request *r)
{
    struct arena *a = &m->env->scratch;
    said_subtopology *s = ARENA_NEW(a, said_subtopology);
    s->subtopology_id = SUBTOPOLOGY;
    s->source_topics = ARENA_ARRAY(a, struct slice, m->params.topics_n + 1);
    s->source_topics_n = m->params.topics_n;
    for (int32_t i = 0; i < m->params.topics_n; i++) s->source_topics[i] = m->params.topics[i];
    r->topology = ARENA_NEW(a, struct k_streams_group_heartbeat_request_topology);
    r->topology->subtopologies = s;
    r->topology->subtopologies_n = 1;
    r->rebalance_timeout_ms = (int32_t)MIN(m->params.max_poll_interval_ms, INT32_MAX);
    r->process_id = m->id; /* each has a disk of its own */
}

static void
add_once(said_tasks *to, int32_t partition)
{
    for (int32_t i = 0; i < to->partitions_n; i++)
        if (to->partitions[i] == partition) return;
    to->partitions[to->partitions_n++] = partition;
}

/* All that it works on, also what it is about to put away; who joins has nothing. */
static void
say_tasks(const struct membership *m, request *r)
{
    struct arena *a = &m->env->scratch;
    r->active_tasks_n = r->standby_tasks_n = r->warmup_tasks_n = 0;
    if (m->state == MEMBER_JOINING) return;
    r->active_tasks = ARENA_NEW(a, said_tasks);
    r->active_tasks->subtopology_id = SUBTOPOLOGY;
    r->active_tasks->partitions = ARENA_ARRAY(a, int32_t, m->owned.n + m->going.n + 1);
    for (int64_t i = 0; i < m->owned.n; i++) add_once(r->active_tasks, m->owned.v[i].partition);
    for (int64_t i = 0; i < m->going.n; i++) add_once(r->active_tasks, m->going.v[i].partition);
    r->active_tasks_n = r->active_tasks->partitions_n > 0;
}

const void *
membership_streams_say(struct membership *m)
{
    request *r = new_streams_request(m);
    r->member_epoch = m->state == MEMBER_JOINING ? EPOCH_JOIN : m->generation;
    if (m->state == MEMBER_JOINING) say_topology(m, r);
    if (m->says_all) say_tasks(m, r);
    return r;
}

const void *
membership_streams_farewell(struct membership *m)
{
    request *r = new_streams_request(m);
    r->member_epoch = m->params.instance_id.p ? EPOCH_LEAVE_STATIC : EPOCH_LEAVE;
    return r;
}

/* ---- what it hears -------------------------------------------------------------------------------- */

/* A topic whose partitions are not known here yet will be known in a moment. */
static void
take_task(struct membership *m, int32_t partition)
{
    for (int32_t t = 0; t < m->params.topics_n; t++) {
        struct topic_partition one = {m->params.topics[t], partition};
        int32_t n = client_partitions_n(m->c, one.topic);
        if (n < 0) client_refresh(m->c);
        if (n < 0) m->says_all = true; /* and is looked at again */
        if (partition < n) VEC_PUSH(&m->env->mem, &m->target, one);
    }
}

void
membership_streams_hear(struct membership *m, const void *from, struct heard_beat *ret)
{
    const response *r = from;
    *ret = (struct heard_beat){r->error_code, r->member_epoch, r->heartbeat_interval_ms,
                               r->active_tasks_n >= 0};
    if (r->error_code || m->is_beat_void || m->state == MEMBER_OUT) return;
    m->says_all = false;
    if (r->active_tasks_n < 0) return;
    m->target.n = 0;
    for (int32_t i = 0; i < r->active_tasks_n; i++)
        for (int32_t k = 0; k < r->active_tasks[i].partitions_n; k++)
            take_task(m, r->active_tasks[i].partitions[k]);
}
