/* Membership by the consumer protocol (KIP-848): one request does all of it. A heartbeat says what changed here, the
 * answer says what this member shall have; the coordinator assigns. There are no rounds in which all stand still:
 *
 *      heartbeat, epoch 0 ──► epoch 5, shall have 0 1 2 ──► … ──► shall have 0 1 ──► given up ──► owns 0 1 ──► epoch 6
 *      all is said                                                (same epoch)       revoked()    at once
 *
 * The generation is this member's epoch. What it says of its partitions it says only when it is so: that it no longer
 * owns one lets the coordinator give that to another. */
#include "broker/client/membership_internal.h"

typedef struct k_consumer_group_heartbeat_request request;
typedef struct k_consumer_group_heartbeat_response response;
typedef struct k_consumer_group_heartbeat_request_topic_partitions said_topic;

#define EPOCH_JOIN 0
#define EPOCH_LEAVE (-1)
#define EPOCH_LEAVE_STATIC (-2)

/* ---- what it says --------------------------------------------------------------------------------- */

static said_topic *
said_topic_of(request *r, struct uuid id, int64_t partitions_max, struct arena *a)
{
    for (int32_t i = 0; i < r->topic_partitions_n; i++)
        if (uuid_eq(r->topic_partitions[i].topic_id, id)) return &r->topic_partitions[i];
    said_topic *to = &r->topic_partitions[r->topic_partitions_n++];
    to->topic_id = id;
    to->partitions = ARENA_ARRAY(a, int32_t, partitions_max);
    return to;
}

/* All that it works on, also what it is about to put away; of several topics that had one name, too. */
static void
say_owned(const struct membership *m, request *r)
{
    struct arena *a = &m->env->scratch;
    r->topic_partitions = ARENA_ARRAY(a, said_topic, m->owned.n + m->going.n + 1);
    r->topic_partitions_n = 0;
    if (m->state == MEMBER_JOINING) return; /* who joins has nothing */
    for (int32_t t = 0; t < m->params.topics_n; t++) {
        for (int64_t i = 0; i < m->owned.n + m->going.n; i++) {
            const struct topic_partition *p =
                i < m->owned.n ? &m->owned.v[i] : &m->going.v[i - m->owned.n];
            if (!slice_eq(p->topic, m->params.topics[t])) continue;
            said_topic *to = said_topic_of(r, p->topic_id, m->owned.n + m->going.n, a);
            to->partitions[to->partitions_n++] = p->partition;
        }
    }
}

static const void *
say_beat(struct ask *a, int16_t version)
{
    struct membership *m = CONTAINER_OF(a, struct membership, beat);
    (void)version;
    if (m->params.protocol == GROUP_PROTOCOL_STREAMS) return membership_streams_say(m);
    request *r = ARENA_NEW(&m->env->scratch, request);
    codec_default(K_MSG_CONSUMER_GROUP_HEARTBEAT_REQUEST, r);
    r->group_id = m->params.group_id;
    r->member_id = m->id;
    r->instance_id = m->params.instance_id;
    r->member_epoch = m->state == MEMBER_JOINING ? EPOCH_JOIN : m->generation;
    if (!m->says_all) return r;
    r->rebalance_timeout_ms = (int32_t)MIN(m->params.max_poll_interval_ms, INT32_MAX);
    r->subscribed_topic_names = ARENA_ARRAY(&m->env->scratch, struct slice, m->params.topics_n + 1);
    r->subscribed_topic_names_n = m->params.topics_n;
    for (int32_t i = 0; i < m->params.topics_n; i++)
        r->subscribed_topic_names[i] = m->params.topics[i];
    r->server_assignor = m->params.assignor == ASSIGNOR_RANGE ? S("range") : S("uniform");
    say_owned(m, r);
    return r;
}

static const void *
say_farewell_by_beat(struct ask *a, int16_t version)
{
    struct membership *m = CONTAINER_OF(a, struct membership, leave);
    (void)version;
    if (m->params.protocol == GROUP_PROTOCOL_STREAMS) return membership_streams_farewell(m);
    request *r = ARENA_NEW(&m->env->scratch, request);
    codec_default(K_MSG_CONSUMER_GROUP_HEARTBEAT_REQUEST, r);
    r->group_id = m->params.group_id;
    r->member_id = m->id;
    r->instance_id = m->params.instance_id;
    r->member_epoch = m->params.instance_id.p ? EPOCH_LEAVE_STATIC : EPOCH_LEAVE;
    return r;
}

/* ---- what it hears -------------------------------------------------------------------------------- */

/* What it has keeps its name, though another topic may have that by now: it is given up when the group says so. (Kafka's client keeps the
 * names of what it was given, too.) */
static struct slice
topic_of_id(const struct membership *m, struct uuid id)
{
    for (int64_t i = 0; i < m->owned.n; i++)
        if (uuid_eq(m->owned.v[i].topic_id, id)) return m->owned.v[i].topic;
    for (int32_t i = 0; i < m->params.topics_n; i++)
        if (uuid_eq(client_topic(m->c, m->params.topics[i])->id, id)) return m->params.topics[i];
    return SLICE_NULL;
}

/* A topic of an id that is not known here was made anew a moment ago, or will be known in a moment. */
static void
take_target(struct membership *m, const struct k_consumer_group_heartbeat_response_assignment *as)
{
    m->target.n = 0;
    for (int32_t i = 0; i < as->topic_partitions_n; i++) {
        struct slice topic = topic_of_id(m, as->topic_partitions[i].topic_id);
        if (!topic.p) client_refresh(m->c);
        if (!topic.p) m->says_all = true; /* and so is told all again */
        for (int32_t k = 0; topic.p && k < as->topic_partitions[i].partitions_n; k++) {
            struct topic_partition one = {topic, as->topic_partitions[i].partitions[k],
                                          as->topic_partitions[i].topic_id};
            VEC_PUSH(&m->env->mem, &m->target, one);
        }
    }
}

bool
membership_has_all(const struct topic_partition *a, int64_t a_n, const struct topic_partition *b,
                   int64_t b_n)
{
    for (int64_t i = 0; i < a_n; i++) {
        bool found = false;
        for (int64_t k = 0; k < b_n && !found; k++) found = topic_partition_eq(&a[i], &b[k]);
        if (!found) return false;
    }
    return true;
}

static bool
is_on_target(const struct membership *m)
{
    return m->owned.n == m->target.n &&
           membership_has_all(m->owned.v, m->owned.n, m->target.v, m->target.n);
}

void
membership_tell_if_other(struct membership *m)
{
    if (m->state != MEMBER_STABLE || is_on_target(m)) return;
    m->state = MEMBER_ASSIGNED;
    m->params.ops->wants_poll(m->params.owner);
}

static void
hear(struct membership *m, const void *from, struct heard_beat *ret)
{
    const response *r = from;
    if (m->params.protocol == GROUP_PROTOCOL_STREAMS) {
        membership_streams_hear(m, from, ret);
        return;
    }
    *ret = (struct heard_beat){r->error_code, r->member_epoch, r->heartbeat_interval_ms,
                               r->assignment != NULL};
    if (r->error_code || m->is_beat_void || m->state == MEMBER_OUT) return;
    m->says_all = false;
    if (r->assignment) take_target(m, r->assignment);
}

static void
take_beat(struct membership *m, const struct heard_beat *heard)
{
    m->generation = heard->epoch;
    if (heard->interval_ms > 0) m->interval_ms = heard->interval_ms;
    if (m->state == MEMBER_JOINING) {
        if (!heard->says_target) m->target.n = 0;
        m->state = MEMBER_ASSIGNED;
        m->failures = 0;
        timer_arm(m->env, &m->poll_due,
                  env_now_ns(m->env) + m->params.max_poll_interval_ms * NS_PER_MS);
        m->params.ops->wants_poll(m->params.owner);
    } else {
        membership_tell_if_other(m);
    }
    membership_begin_beats(m);
    membership_ops_go(m);
}

static void
beat_again(struct membership *m)
{
    m->failures++;
    m->says_all = true; /* an answer may have been lost */
    int64_t at_ns = env_now_ns(m->env) + client_backoff_ns(m->c, m->failures);
    timer_arm(m->env, m->state == MEMBER_JOINING ? &m->join_again : &m->beat_due, at_ns);
}

static void
consumer_beat_answered(struct ask *a, enum env_err err, const void *r, struct buf *from)
{
    struct membership *m = CONTAINER_OF(a, struct membership, beat);
    struct heard_beat heard = {.error = err == ENV_EINVAL ? K_ERR_UNSUPPORTED_VERSION
                                                          : K_ERR_NETWORK_EXCEPTION};
    (void)from;
    if (!err) hear(m, r, &heard);
    if (m->state == MEMBER_OUT) return;
    if (m->is_beat_void) {
        if (m->state == MEMBER_JOINING) membership_join(m);
        return;
    }
    switch (heard.error) {
    case K_ERR_NONE: take_beat(m, &heard); break;
    case K_ERR_FENCED_MEMBER_EPOCH:
    case K_ERR_UNKNOWN_MEMBER_ID: membership_lose(m, false); break;
    case K_ERR_COORDINATOR_LOAD_IN_PROGRESS: beat_again(m); break;
    case K_ERR_UNRELEASED_INSTANCE_ID:
        /* The process before it may have died: its session ends. */
        beat_again(m);
        break;
    default:
        if (!membership_is_of_coordinator(heard.error)) {
            membership_refuse(m, heard.error);
            break;
        }
        beat_again(m);
        membership_forget_coordinator(m);
        break;
    }
}

static int16_t
beat_key(const struct membership *m)
{
    return m->params.protocol == GROUP_PROTOCOL_STREAMS ? K_API_STREAMS_GROUP_HEARTBEAT
                                                        : K_API_CONSUMER_GROUP_HEARTBEAT;
}

/* ---- when ----------------------------------------------------------------------------------------- */

void
membership_consumer_beat(struct membership *m)
{
    if (!m->coordinator) membership_find(m);
    if (!m->coordinator || m->beat.pending) return;
    m->is_beat_void = false;
    m->beat = (struct ask){.api_key = beat_key(m),
                           .version_min = 1,
                           .version_max = 1,
                           .timeout_ms =
                               MIN(m->c->params.request_timeout_ms, m->params.session_timeout_ms),
                           .build = say_beat,
                           .done = consumer_beat_answered};
    ask_send(m->c, m->coordinator, FOR_GROUP, &m->beat);
}

void
membership_consumer_join(struct membership *m)
{
    char text[UUID_TEXT_BYTES];
    if (!m->id.p) {
        uuid_print(env_random_uuid_of(m->env, STREAM_MEMBER_ID), text);
        m->id = mem_dup(&m->env->mem, slice(text, sizeof text));
    }
    m->says_all = true;
    membership_consumer_beat(m);
}

/* What was to be given up is: the coordinator waits for it, and others with it. */
void
membership_consumer_gave_up(struct membership *m)
{
    m->going.n = 0;
    if (m->generation < 0) return;
    m->state = MEMBER_STABLE;
    m->says_all = true;
    if (!m->beat.pending) timer_arm(m->env, &m->beat_due, env_now_ns(m->env));
    membership_tell_if_other(m);
}

bool
membership_consumer_leave(struct membership *m,
                          void (*done)(struct ask *a, enum env_err err, const void *response,
                                       struct buf *from))
{
    if (!m->coordinator || !m->id.n || m->leave.pending) return false;
    m->leave = (struct ask){.api_key = beat_key(m),
                            .version_min = 1,
                            .version_max = 1,
                            .timeout_ms = m->c->params.request_timeout_ms,
                            .build = say_farewell_by_beat,
                            .done = done};
    ask_send(m->c, m->coordinator, FOR_GROUP, &m->leave);
    return true;
}
