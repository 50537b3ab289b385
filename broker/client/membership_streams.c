/* Membership of a streams group (KIP-1071): the words of its heartbeats. When they are sent and what follows is as with
 * consumers (membership_consumer.c). The topology is the smallest that there is: one subtopology, which reads all topics
 * and keeps nothing, or a store; so a task is the partitions of one number. Of standby tasks, copies of stores, it knows which it
 * has: there is nothing in them. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/client/membership_internal.h"

typedef struct k_streams_group_heartbeat_request request;
typedef struct k_streams_group_heartbeat_response response;
typedef struct k_streams_group_heartbeat_request_subtopology said_subtopology;
typedef struct k_streams_group_heartbeat_request_task_ids said_tasks;
typedef struct k_streams_group_heartbeat_response_task_ids told_tasks;

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

/* As Kafka Streams names it. */
static void
say_store(const struct membership *m, said_subtopology *s)
{
    struct writer w = writer_mem(&m->env->mem);
    s->state_changelog_topics =
        codec_array(&m->env->scratch, K_STRUCT_STREAMS_GROUP_HEARTBEAT_REQUEST_TOPIC_INFO, 1);
    s->state_changelog_topics_n = 1;
    fmt_slice(&w, m->params.group_id), fmt_str(&w, "-store-changelog");
    s->state_changelog_topics->name = arena_dup(&m->env->scratch, writer_slice(&w));
    writer_release(&w);
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
    r->topology->epoch = m->params.topology_epoch;
    if (m->params.has_store) say_store(m, s);
    r->rebalance_timeout_ms = (int32_t)MIN(m->params.max_poll_interval_ms, INT32_MAX);
    r->process_id = m->id; /* each has a disk of its own */
}

static void
add_once(said_tasks *to, const struct topic_partition *v, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        bool is_there = false;
        for (int32_t i = 0; i < to->partitions_n; i++)
            is_there |= to->partitions[i] == v[k].partition;
        if (!is_there) to->partitions[to->partitions_n++] = v[k].partition;
    }
}

static said_tasks *
new_tasks(struct arena *a, int64_t n)
{
    said_tasks *t = ARENA_NEW(a, said_tasks);
    t->subtopology_id = SUBTOPOLOGY;
    t->partitions = ARENA_ARRAY(a, int32_t, n + 1);
    return t;
}

/* All that it works on, also what it is about to put away; who joins has nothing. */
static void
say_tasks(const struct membership *m, request *r)
{
    struct arena *a = &m->env->scratch;
    r->active_tasks_n = r->standby_tasks_n = r->warmup_tasks_n = 0;
    if (m->state == MEMBER_JOINING) return;
    r->active_tasks = new_tasks(a, m->owned.n + m->going.n);
    add_once(r->active_tasks, m->owned.v, m->owned.n);
    add_once(r->active_tasks, m->going.v, m->going.n);
    r->active_tasks_n = r->active_tasks->partitions_n > 0;
    r->standby_tasks = new_tasks(a, m->copies.n);
    add_once(r->standby_tasks, m->copies.v, m->copies.n);
    r->standby_tasks_n = r->standby_tasks->partitions_n > 0;
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

static int64_t
topic_partitions_known(const struct membership *m)
{
    int64_t n = 0;
    for (int32_t t = 0; t < m->params.topics_n; t++)
        n += MAX(client_partitions_n(m->c, m->params.topics[t]), 0);
    return n;
}

/* A topic whose partitions are not known here yet will be known in a moment. A task that no topic has a partition for is news: the
 * coordinator has heard of partitions that were added before this client has; so it may be of any topic that has not so many. */
static void
take_task(struct membership *m, const struct told_task *told)
{
    bool is_waited_for = false;
    for (int32_t t = 0; t < m->params.topics_n; t++) {
        struct topic_partition one = {.topic = m->params.topics[t], .partition = told->partition};
        int32_t n = client_partitions_n(m->c, one.topic);
        is_waited_for |= n < 0;
        if (one.partition < n && told->is_copy) VEC_PUSH(&m->env->mem, &m->copies, one);
        else if (one.partition < n) VEC_PUSH(&m->env->mem, &m->target, one);
    }
    if (is_waited_for) m->says_all = true; /* and is looked at again */
}

/* How often it asks after it was told of tasks: whom it asks of topics may be behind the coordinator, and a topic that has fewer
 * partitions than others need not have grown at all. */
#define LOOKS 20

static void
ask_for_unknown(struct membership *m)
{
    bool is_unknown = false;
    for (int64_t i = 0; i < m->told.n; i++)
        for (int32_t t = 0; t < m->params.topics_n; t++)
            is_unknown |= m->told.v[i].partition >= client_partitions_n(m->c, m->params.topics[t]);
    if (!is_unknown || m->looks_left == 0) return;
    m->looks_left--;
    client_refresh(m->c);
}

/* They are there at once, and gone at once; but the coordinator does not know until it is told. */
static void
change_copies(struct membership *m, int64_t before_n)
{
    if (m->copies.n == 0) return;
    int64_t n = m->copies.n - before_n;
    struct topic_partition *v = m->copies.v + before_n;
    bool same = n == before_n && membership_has_all(v, n, m->copies.v, before_n);
    for (int64_t i = 0; i < n; i++) m->copies.v[i] = v[i];
    m->copies.n = n;
    if (same) return;
    m->says_all = true;
    m->params.ops->copies(m->params.owner, m->copies.v, (int32_t)n);
}

static void
hear_tasks(struct membership *m, const told_tasks *v, int32_t n, bool are_copies)
{
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < v[i].partitions_n; k++) {
            struct told_task told = {v[i].partitions[k], are_copies};
            VEC_PUSH(&m->env->mem, &m->told, told);
        }
}

static void
take_told_tasks(struct membership *m)
{
    int64_t before_n = m->copies.n;
    m->partitions_known = topic_partitions_known(m);
    m->target.n = 0;
    for (int64_t i = 0; i < m->told.n; i++) take_task(m, &m->told.v[i]);
    change_copies(m, before_n);
}

/* The coordinator tells of a task once: partitions that become known later belong to those that are here. */
void
membership_streams_look(struct membership *m)
{
    if (m->generation < 0 || topic_partitions_known(m) <= m->partitions_known) return;
    take_told_tasks(m);
    membership_tell_if_other(m);
}

static void
hear_statuses(struct membership *m, const response *r)
{
    uint64_t now = 0;
    for (int32_t i = 0; i < r->status_n; i++) {
        uint64_t bit = UINT64_C(1) << (r->status[i].status_code & 63);
        bool is_new = !(m->statuses_said & bit);
        now |= bit;
        if (is_new) m->params.ops->said(m->params.owner, r->status[i].status_detail);
    }
    m->statuses_said = now;
}

void
membership_streams_hear(struct membership *m, const void *from, struct heard_beat *ret)
{
    const response *r = from;
    *ret = (struct heard_beat){r->error_code, r->member_epoch, r->heartbeat_interval_ms,
                               r->active_tasks_n >= 0};
    if (r->error_code || m->is_beat_void || m->state == MEMBER_OUT) return;
    m->says_all = false;
    hear_statuses(m, r);
    if (r->active_tasks_n < 0) {
        ask_for_unknown(m);
        return;
    }
    m->told.n = 0;
    m->looks_left = LOOKS;
    hear_tasks(m, r->active_tasks, r->active_tasks_n, false);
    hear_tasks(m, r->standby_tasks, r->standby_tasks_n, true);
    take_told_tasks(m);
    ask_for_unknown(m);
}

void
membership_streams_end(struct membership *m)
{
    m->statuses_said = 0;
    m->told.n = 0;
    change_copies(m, m->copies.n);
}
