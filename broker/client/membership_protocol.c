/* What members of a group tell each other through the coordinator, which does not look into it: subscriptions one
 * way, the leader's assignments the other (Kafka's consumer protocol: a version, then the message). */
#include "broker/client/assign.h"
#include "broker/client/membership_internal.h"

#define SUBSCRIPTION_VERSION 3
#define ASSIGNMENT_VERSION 3

struct slice
membership_assignor_name(enum group_assignor a)
{
    static const char *const names[] = {"range", "roundrobin", "sticky", "cooperative-sticky",
                                        "uniform"};
    return slice_cstr(names[a]);
}

/* ---- subscriptions -------------------------------------------------------------------------------- */

static struct k_consumer_protocol_subscription_topic_partition *
owned_of_topic(struct k_consumer_protocol_subscription *s, struct slice topic, int64_t room,
               struct arena *a)
{
    for (int32_t i = 0; i < s->owned_partitions_n; i++)
        if (slice_eq(s->owned_partitions[i].topic, topic)) return &s->owned_partitions[i];
    struct k_consumer_protocol_subscription_topic_partition *t =
        &s->owned_partitions[s->owned_partitions_n++];
    t->topic = topic;
    t->partitions = ARENA_ARRAY(a, int32_t, room);
    return t;
}

static struct slice
protocol_bytes(enum k_msg msg, int16_t version, const void *message, struct membership *m,
               struct arena *a)
{
    struct writer w = writer_mem(&m->env->mem);
    writer_i16(&w, version);
    CHECK(codec_write(msg, version, message, &w, NULL));
    struct slice s = arena_dup(a, writer_slice(&w));
    writer_release(&w);
    return s;
}

/* Sticky members of older clients look for the generation in the user data. */
static struct slice
generation_data(const struct membership *m, struct arena *a)
{
    uint8_t *p = ARENA_ARRAY(a, uint8_t, 4);
    store_be32(p, (uint32_t)m->target_generation);
    return slice(p, 4);
}

struct slice
membership_subscription(struct membership *m, struct arena *a)
{
    struct k_consumer_protocol_subscription s;
    bool is_sticky = m->params.assignor >= ASSIGNOR_STICKY;
    codec_default(K_MSG_CONSUMER_PROTOCOL_SUBSCRIPTION, &s);
    s.topics = ARENA_ARRAY(a, struct slice, m->params.topics_n + 1);
    for (int32_t i = 0; i < m->params.topics_n; i++) s.topics[s.topics_n++] = m->params.topics[i];
    /* Who is eager has given all up; what it had in the last round is what it would keep. Who is cooperative names what it
     * has, and nothing else: a partition that another one is to get is given to nobody until who named it lets go of it. Both
     * count by the generation in which they got it: a round that they joined and that came to nothing gave them nothing. */
    const struct topic_partition *v = membership_is_cooperative(m) ? m->owned.v : m->target.v;
    int64_t n = !is_sticky || m->target_generation < 0 ? 0
              : membership_is_cooperative(m)           ? m->owned.n
                                                       : m->target.n;
    s.owned_partitions =
        codec_array(a, K_STRUCT_CONSUMER_PROTOCOL_SUBSCRIPTION_TOPIC_PARTITION, n + 1);
    s.generation_id = m->target_generation;
    if (is_sticky) s.user_data = generation_data(m, a);
    for (int64_t i = 0; i < n; i++) {
        struct k_consumer_protocol_subscription_topic_partition *t =
            owned_of_topic(&s, v[i].topic, n, a);
        t->partitions[t->partitions_n++] = v[i].partition;
    }
    return protocol_bytes(K_MSG_CONSUMER_PROTOCOL_SUBSCRIPTION, SUBSCRIPTION_VERSION, &s, m, a);
}

/* Newer versions only add behind what we know. */
static bool
read_versioned(enum k_msg msg, int16_t version_max, struct slice bytes, struct arena *a, void *ret)
{
    struct reader r = reader(bytes);
    int16_t version = reader_i16(&r);
    if (r.err || version < 0) return false;
    return codec_decode(msg, MIN(version, version_max), &r, a, ret);
}

/* ---- the leader ----------------------------------------------------------------------------------- */

struct seat { /* a member, and where its answer goes */
    struct assign_member member;
    struct slice instance_id;
    int32_t at;
};

static void
take_subscription(struct seat *s, struct slice bytes, struct arena *a)
{
    struct k_consumer_protocol_subscription q;
    if (!read_versioned(K_MSG_CONSUMER_PROTOCOL_SUBSCRIPTION, SUBSCRIPTION_VERSION, bytes, a, &q))
        return; /* it subscribes to nothing that we can tell */
    int64_t n = 0;
    for (int32_t i = 0; i < q.owned_partitions_n; i++) n += q.owned_partitions[i].partitions_n;
    struct assign_owned *owned = ARENA_ARRAY(a, struct assign_owned, n + 1);
    s->member.topics = q.topics;
    s->member.topics_n = q.topics_n;
    s->member.generation = q.generation_id;
    s->member.owned = owned;
    for (int32_t i = 0; i < q.owned_partitions_n; i++)
        for (int32_t j = 0; j < q.owned_partitions[i].partitions_n; j++)
            owned[s->member.owned_n++] = (struct assign_owned){q.owned_partitions[i].topic,
                                                               q.owned_partitions[i].partitions[j]};
}

/* Static members first, by the names that they keep (KIP-345). */
static int
seat_order(const struct seat *a, const struct seat *b)
{
    if (a->instance_id.p && b->instance_id.p) return slice_cmp(a->instance_id, b->instance_id);
    if (a->instance_id.p || b->instance_id.p) return a->instance_id.p ? -1 : 1;
    return slice_cmp(a->member.id, b->member.id);
}

static void
insert_seat(struct seat *v, int32_t n, struct seat s)
{
    int32_t at = n;
    for (; at > 0 && seat_order(&s, &v[at - 1]) < 0; at--) v[at] = v[at - 1];
    v[at] = s;
}

static int32_t
insert_topic(struct assign_topic *v, int32_t n, struct slice name)
{
    int32_t at = n;
    for (int32_t i = 0; i < n; i++)
        if (slice_eq(v[i].name, name)) return n;
    for (; at > 0 && slice_cmp(name, v[at - 1].name) < 0; at--) v[at] = v[at - 1];
    v[at] = (struct assign_topic){name, 0};
    return n + 1;
}

static int32_t
count_topics(struct membership *m, const struct seat *seats, int32_t seats_n, struct arena *a,
             struct assign_topic **ret)
{
    bool is_assigned = m->joined->skip_assignment;
    int64_t room = 1;
    int32_t n = 0;
    for (int32_t i = 0; i < seats_n; i++) room += seats[i].member.topics_n;
    *ret = ARENA_ARRAY(a, struct assign_topic, room);
    for (int32_t i = 0; i < seats_n; i++)
        for (int32_t j = 0; j < seats[i].member.topics_n; j++)
            n = insert_topic(*ret, n, seats[i].member.topics[j]);
    for (int64_t i = 0; i < m->counted.n; i++) mem_free_slice(&m->env->mem, m->counted.v[i].topic);
    m->counted.n = 0;
    for (int32_t i = 0; i < n; i++) {
        client_want_topic(m->c, (*ret)[i].name);
        (*ret)[i].partitions_n = MAX(client_partitions_n(m->c, (*ret)[i].name), 0);
        int32_t count = (*ret)[i].partitions_n;
        struct counted_topic c = {mem_dup(&m->env->mem, (*ret)[i].name),
                                  is_assigned && !count ? -1 : count};
        VEC_PUSH(&m->env->mem, &m->counted, c);
    }
    return n;
}

static struct slice
assignment_of(struct membership *m, int32_t member, const struct assign_topic *topics,
              int32_t topics_n, const int32_t *owner, struct arena *a)
{
    struct k_consumer_protocol_assignment r;
    codec_default(K_MSG_CONSUMER_PROTOCOL_ASSIGNMENT, &r);
    r.assigned_partitions =
        codec_array(a, K_STRUCT_CONSUMER_PROTOCOL_ASSIGNMENT_TOPIC_PARTITION, topics_n + 1);
    for (int32_t t = 0; t < topics_n; owner += topics[t++].partitions_n) {
        struct k_consumer_protocol_assignment_topic_partition *to =
            &r.assigned_partitions[r.assigned_partitions_n];
        to->topic = topics[t].name;
        to->partitions = ARENA_ARRAY(a, int32_t, topics[t].partitions_n + 1);
        for (int32_t p = 0; p < topics[t].partitions_n; p++)
            if (owner[p] == member) to->partitions[to->partitions_n++] = p;
        r.assigned_partitions_n += to->partitions_n > 0;
    }
    return protocol_bytes(K_MSG_CONSUMER_PROTOCOL_ASSIGNMENT, ASSIGNMENT_VERSION, &r, m, a);
}

static struct seat *
seats_of(const struct k_join_group_response *r, struct arena *a)
{
    struct seat *seats = ARENA_ARRAY(a, struct seat, r->members_n + 1);
    for (int32_t i = 0; i < r->members_n; i++) {
        struct seat s = {{.id = r->members[i].member_id}, r->members[i].group_instance_id, i};
        take_subscription(&s, r->members[i].metadata, a);
        insert_seat(seats, i, s);
    }
    return seats;
}

void
membership_count(struct membership *m, const struct k_join_group_response *r, struct arena *a)
{
    struct assign_topic *topics;
    (void)count_topics(m, seats_of(r, a), r->members_n, a, &topics);
}

struct k_sync_group_request_sync_group_request_assignment *
membership_assign(struct membership *m, const struct k_join_group_response *r, struct arena *a)
{
    static assignor *const assignors[] = {assign_range, assign_roundrobin, assign_sticky,
                                          assign_cooperative_sticky};
    int32_t n = r->members_n;
    struct seat *seats = seats_of(r, a);
    struct assign_member *members = ARENA_ARRAY(a, struct assign_member, n + 1);
    for (int32_t i = 0; i < n; i++) members[i] = seats[i].member;
    struct assign_topic *topics;
    int32_t topics_n = count_topics(m, seats, n, a, &topics), partitions = 1;
    for (int32_t i = 0; i < topics_n; i++) partitions += topics[i].partitions_n;
    int32_t *owner = ARENA_ARRAY(a, int32_t, partitions);
    assignors[m->params.assignor](members, n, topics, topics_n, a, owner);
    m->holds_back = false;
    for (int32_t i = 0; i < partitions - 1; i++) m->holds_back |= owner[i] < 0;
    struct k_sync_group_request_sync_group_request_assignment *v =
        codec_array(a, K_STRUCT_SYNC_GROUP_REQUEST_SYNC_GROUP_REQUEST_ASSIGNMENT, n);
    for (int32_t i = 0; i < n; i++) {
        v[seats[i].at].member_id = members[i].id;
        v[seats[i].at].assignment = assignment_of(m, i, topics, topics_n, owner, a);
    }
    return v;
}

/* ---- assignments ---------------------------------------------------------------------------------- */

static struct slice
own_topic(const struct membership *m, struct slice name)
{
    for (int32_t i = 0; i < m->params.topics_n; i++)
        if (slice_eq(m->params.topics[i], name)) return m->params.topics[i];
    return SLICE_NULL;
}

bool
membership_take_assignment(struct membership *m, struct slice bytes)
{
    struct k_consumer_protocol_assignment r;
    m->target.n = 0;
    m->target_generation = m->generation;
    if (!bytes.n) return true; /* nothing was left for it */
    if (!read_versioned(K_MSG_CONSUMER_PROTOCOL_ASSIGNMENT, ASSIGNMENT_VERSION, bytes,
                        &m->env->scratch, &r))
        return false;
    for (int32_t i = 0; i < r.assigned_partitions_n; i++) {
        struct slice topic = own_topic(m, r.assigned_partitions[i].topic);
        if (!topic.p) return false;
        for (int32_t j = 0; j < r.assigned_partitions[i].partitions_n; j++) {
            struct topic_partition one = {.topic = topic,
                                          .partition = r.assigned_partitions[i].partitions[j]};
            VEC_PUSH(&m->env->mem, &m->target, one);
        }
    }
    return true;
}
