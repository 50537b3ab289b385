#include "broker/group/consumer.h"

#include "broker/base/check.h"
#include "errors.h"

struct slice
consumer_state_name(enum consumer_state s)
{
    switch (s) {
    case CONSUMER_EMPTY: return S("Empty");
    case CONSUMER_ASSIGNING: return S("Assigning");
    case CONSUMER_RECONCILING: return S("Reconciling");
    case CONSUMER_STABLE: return S("Stable");
    }
    return SLICE_EMPTY;
}

enum consumer_state
consumer_state(const struct group *g)
{
    const struct consumer *c = g->consumer;
    if (c->members.n == 0) return CONSUMER_EMPTY;
    if (c->epoch > c->assignment_epoch) return CONSUMER_ASSIGNING;
    MAP_EACH(&c->members, m, struct consumer_member, by_id)
        if (m->state != MEMBER_STABLE || m->epoch != c->assignment_epoch)
            return CONSUMER_RECONCILING;
    return CONSUMER_STABLE;
}

void
consumer_note(struct group *g, enum consumer_state was)
{
    enum consumer_state s = consumer_state(g);
    if (s == was) return;
    NOTE(group_env(g), NOTE_GROUP_STATE, g->id, consumer_state_name(s), g->consumer->epoch,
         (int32_t)g->consumer->members.n, NOTE_GROUP_CONSUMER + (int32_t)s);
}

/* 0 is said by who joins; a member of a group in which nothing was ever assigned has this one. */
#define FIRST_EPOCH 1

void
consumer_begin(struct group *g)
{
    struct mem *mem = group_mem(g);
    struct siphash_key key = g->shard->groups.key;
    CHECK(!g->consumer && g->members_n == 0);
    g->consumer = MEM_NEW(mem, struct consumer);
    g->consumer->epoch = g->consumer->assignment_epoch = FIRST_EPOCH;
    map_init(&g->consumer->members, mem, key);
    map_init(&g->consumer->owned, mem, key);
}

bool
group_can_become_consumer(const struct group *g)
{
    return g->state == GROUP_EMPTY && !g->share && !g->streams;
}

void
group_become_consumer(struct group *g, struct batch_builder *b)
{
    if (g->protocol_type.p || g->generation > 0) record_group_gone(b, g);
    consumer_begin(g);
}

void
group_stay_classic(struct group *g)
{
    consumer_release(g);
    if (group_is_blank(g)) group_free(g);
}

/* ---- what members say of themselves ---- */

typedef struct k_consumer_group_member_metadata_value_classic_member_metadata classic_spec;
typedef struct k_consumer_group_member_metadata_value_classic_protocol classic_protocol;

static void
free_classic(struct mem *mem, classic_spec *c)
{
    if (!c) return;
    for (int32_t i = 0; i < c->supported_protocols_n; i++) {
        mem_free_slice(mem, c->supported_protocols[i].name);
        mem_free_slice(mem, c->supported_protocols[i].metadata);
    }
    mem_free(mem, c->supported_protocols,
             c->supported_protocols_n * (int64_t)sizeof *c->supported_protocols);
    MEM_DELETE(mem, c);
}

static classic_spec *
copy_classic(struct mem *mem, const classic_spec *from)
{
    if (!from) return NULL;
    classic_spec *to = MEM_NEW(mem, classic_spec);
    int32_t n = from->supported_protocols_n;
    to->session_timeout_ms = from->session_timeout_ms;
    to->supported_protocols_n = n;
    if (n) to->supported_protocols = mem_alloc(mem, n * (int64_t)sizeof(classic_protocol));
    for (int32_t i = 0; i < n; i++)
        to->supported_protocols[i] =
            (classic_protocol){mem_dup(mem, from->supported_protocols[i].name),
                               mem_dup(mem, from->supported_protocols[i].metadata)};
    return to;
}

void
consumer_spec_free(struct mem *mem, consumer_spec *s)
{
    mem_free_slice(mem, s->instance_id);
    mem_free_slice(mem, s->rack_id);
    mem_free_slice(mem, s->client_id);
    mem_free_slice(mem, s->client_host);
    for (int32_t i = 0; i < s->subscribed_topic_names_n; i++)
        mem_free_slice(mem, s->subscribed_topic_names[i]);
    mem_free(mem, s->subscribed_topic_names,
             s->subscribed_topic_names_n * (int64_t)sizeof *s->subscribed_topic_names);
    mem_free_slice(mem, s->subscribed_topic_regex);
    mem_free_slice(mem, s->server_assignor);
    free_classic(mem, s->classic_member_metadata);
    *s = (consumer_spec){0};
}

void
consumer_spec_copy(struct mem *mem, consumer_spec *to, const consumer_spec *from)
{
    int32_t n = from->subscribed_topic_names_n;
    *to = (consumer_spec){.instance_id = mem_dup(mem, from->instance_id),
                          .rack_id = mem_dup(mem, from->rack_id),
                          .client_id = mem_dup(mem, from->client_id),
                          .client_host = mem_dup(mem, from->client_host),
                          .subscribed_topic_names_n = n,
                          .subscribed_topic_regex = mem_dup(mem, from->subscribed_topic_regex),
                          .rebalance_timeout_ms = from->rebalance_timeout_ms,
                          .server_assignor = mem_dup(mem, from->server_assignor),
                          .classic_member_metadata =
                              copy_classic(mem, from->classic_member_metadata)};
    if (n) to->subscribed_topic_names = mem_alloc(mem, n * (int64_t)sizeof(struct slice));
    for (int32_t i = 0; i < n; i++)
        to->subscribed_topic_names[i] = mem_dup(mem, from->subscribed_topic_names[i]);
}

void
consumer_member_set_spec(struct consumer_member *m, const consumer_spec *spec)
{
    consumer_spec copy;
    consumer_spec_copy(group_mem(m->group), &copy, spec);
    consumer_spec_free(group_mem(m->group), &m->spec);
    m->spec = copy;
}

bool
consumer_subscribes(const struct group *g, struct slice topic)
{
    MAP_EACH(&g->consumer->members, m, struct consumer_member, by_id)
        for (int32_t i = 0; i < m->spec.subscribed_topic_names_n; i++)
            if (slice_eq(m->spec.subscribed_topic_names[i], topic)) return true;
    for (int64_t i = 0; i < g->consumer->regexes.n; i++) {
        const struct resolved_regex *r = &g->consumer->regexes.v[i];
        for (int32_t k = 0; k < r->topics_n; k++)
            if (slice_eq(r->topics[k], topic)) return true;
    }
    return false;
}

/* ---- who has what ---- */

static bool
owned_eq(const struct map_node *n, const void *key)
{
    return tp_cmp(&CONTAINER_OF(n, const struct owned_partition, by_tp)->tp, key) == 0;
}

static uint64_t
tp_hash(const struct map *m, const struct tp *tp)
{
    int64_t half[2];
    memcpy(half, tp->topic.b, sizeof half);
    return map_hash_i64(m, half[0] ^ half[1], tp->index);
}

static struct owned_partition *
find_owned(const struct group *g, const struct tp *tp)
{
    const struct map *m = &g->consumer->owned;
    struct map_node *n = map_find(m, tp_hash(m, tp), owned_eq, tp);
    return n ? CONTAINER_OF(n, struct owned_partition, by_tp) : NULL;
}

const struct consumer_member *
consumer_owner(const struct group *g, const struct tp *tp)
{
    const struct owned_partition *o = find_owned(g, tp);
    return o ? o->owner : NULL;
}

/* A log that names two owners is not one of ours: the later record holds. */
static void
take_ownership(struct consumer_member *m, const struct tp_set *s)
{
    struct map *owned = &m->group->consumer->owned;
    for (int64_t i = 0; i < s->n; i++) {
        struct owned_partition *o = find_owned(m->group, &s->v[i]);
        if (!o) {
            o = MEM_NEW(group_mem(m->group), struct owned_partition);
            o->tp = s->v[i];
            map_insert(owned, &o->by_tp, tp_hash(owned, &o->tp));
        }
        o->owner = m;
    }
}

static void
give_up_ownership(struct consumer_member *m, const struct tp_set *s)
{
    for (int64_t i = 0; i < s->n; i++) {
        struct owned_partition *o = find_owned(m->group, &s->v[i]);
        if (!o || o->owner != m) continue;
        map_remove(&m->group->consumer->owned, &o->by_tp);
        MEM_DELETE(group_mem(m->group), o);
    }
}

void
consumer_member_set_current(struct consumer_member *m, const struct reconcile_member *now)
{
    struct mem *mem = group_mem(m->group);
    give_up_ownership(m, &m->assigned);
    give_up_ownership(m, &m->revoking);
    m->state = now->state;
    m->epoch = now->epoch;
    m->previous_epoch = now->previous_epoch;
    tp_set_keep(mem, &m->assigned, &now->assigned);
    tp_set_keep(mem, &m->revoking, &now->revoking);
    take_ownership(m, &m->assigned);
    take_ownership(m, &m->revoking);
}

void
consumer_member_set_target(struct consumer_member *m, const struct tp_set *target)
{
    tp_set_keep(group_mem(m->group), &m->target, target);
}

struct epoch_of_member
consumer_epoch_of(const struct consumer_member *m)
{
    return (struct epoch_of_member){m->epoch, m->previous_epoch, &m->assigned, &m->revoking};
}

int16_t
consumer_partition_check(const struct group *g, int32_t epoch, struct slice member_id,
                         struct uuid topic, int32_t partition)
{
    const struct consumer_member *m = consumer_member(g, member_id);
    if (!m) return 0;
    struct epoch_of_member known = consumer_epoch_of(m);
    int16_t err = commit_epoch_check(&known, epoch, topic, partition);
    return err && m->spec.classic_member_metadata ? K_ERR_ILLEGAL_GENERATION : err;
}

/* ---- members ---- */

static bool
consumer_member_eq(const struct map_node *n, const void *key)
{
    const struct consumer_member *m = CONTAINER_OF(n, const struct consumer_member, by_id);
    return slice_eq(m->id, *(const struct slice *)key);
}

struct consumer_member *
consumer_member(const struct group *g, struct slice id)
{
    const struct map *members = &g->consumer->members;
    struct map_node *n = map_find(members, map_hash(members, id), consumer_member_eq, &id);
    return n ? CONTAINER_OF(n, struct consumer_member, by_id) : NULL;
}

struct consumer_member *
consumer_static_member(const struct group *g, struct slice instance_id)
{
    if (!instance_id.p) return NULL;
    MAP_EACH(&g->consumer->members, m, struct consumer_member, by_id)
        if (slice_eq(m->spec.instance_id, instance_id)) return m;
    return NULL;
}

struct consumer_member *
consumer_member_get(struct group *g, struct slice id)
{
    struct consumer_member *m = consumer_member(g, id);
    if (m) return m;
    struct mem *mem = group_mem(g);
    m = MEM_NEW(mem, struct consumer_member);
    m->group = g;
    m->id = mem_dup(mem, id);
    m->session.due = consumer_session_due;
    m->rebalance.due = consumer_rebalance_due;
    map_insert(&g->consumer->members, &m->by_id, map_hash(&g->consumer->members, m->id));
    return m;
}

void
consumer_member_remove(struct consumer_member *m)
{
    struct group *g = m->group;
    struct mem *mem = group_mem(g);
    timer_cancel(group_env(g), &m->session);
    timer_cancel(group_env(g), &m->rebalance);
    give_up_ownership(m, &m->assigned);
    give_up_ownership(m, &m->revoking);
    tp_set_free(mem, &m->assigned);
    tp_set_free(mem, &m->revoking);
    tp_set_free(mem, &m->target);
    consumer_spec_free(mem, &m->spec);
    map_remove(&g->consumer->members, &m->by_id);
    mem_free_slice(mem, m->id);
    MEM_DELETE(mem, m);
    if (g->consumer->members.n == 0) g->state_since_ms = env_wall_ms(group_env(g));
}

/* ---- regular expressions ---- */

static void
free_regex(struct mem *mem, struct resolved_regex *r)
{
    mem_free_slice(mem, r->text);
    for (int32_t i = 0; i < r->topics_n; i++) mem_free_slice(mem, r->topics[i]);
    mem_free(mem, r->topics, r->topics_n * (int64_t)sizeof *r->topics);
}

struct resolved_regex *
consumer_regex(const struct group *g, struct slice text)
{
    for (int64_t i = 0; i < g->consumer->regexes.n; i++)
        if (slice_eq(g->consumer->regexes.v[i].text, text)) return &g->consumer->regexes.v[i];
    return NULL;
}

void
consumer_set_regex(struct group *g, struct slice text,
                   const struct k_consumer_group_regular_expression_value *v)
{
    struct mem *mem = group_mem(g);
    struct resolved_regex *r = consumer_regex(g, text);
    if (r) {
        free_regex(mem, r);
        VEC_REMOVE_AT(&g->consumer->regexes, r - g->consumer->regexes.v);
    }
    if (!v) return;
    r = VEC_ADD(mem, &g->consumer->regexes);
    r->text = mem_dup(mem, text);
    r->version = v->version;
    r->time_ms = v->timestamp;
    r->topics_n = v->topics_n;
    if (v->topics_n) r->topics = mem_alloc(mem, v->topics_n * (int64_t)sizeof *r->topics);
    for (int32_t i = 0; i < v->topics_n; i++) r->topics[i] = mem_dup(mem, v->topics[i]);
}

/* ---- time-outs ---- */

static void
arm_in(struct consumer_member *m, struct timer *t, int64_t ms)
{
    struct env *env = group_env(m->group);
    timer_arm(env, t, env_now_ns(env) + ms * NS_PER_MS);
}

void
consumer_member_heard(struct consumer_member *m)
{
    const classic_spec *classic = m->spec.classic_member_metadata;
    arm_in(m, &m->session,
           classic ? classic->session_timeout_ms
                   : group_config_i64(m->group, K_GCFG_CONSUMER_SESSION_TIMEOUT_MS));
}

/* From when it is told to give something up, until it has, or leaves for a while: then its session alone counts. */
void
consumer_member_watch(struct consumer_member *m)
{
    bool is_watched = timer_is_armed(&m->rebalance);
    bool is_asked = m->state == MEMBER_REVOKING && m->epoch != EPOCH_LEAVE_STATIC;
    if (m->spec.classic_member_metadata) return; /* classic_member.c does */
    if (!is_asked) timer_cancel(group_env(m->group), &m->rebalance);
    else if (!is_watched) arm_in(m, &m->rebalance, m->spec.rebalance_timeout_ms);
}

void
consumer_activate(struct group *g)
{
    MAP_EACH(&g->consumer->members, m, struct consumer_member, by_id) {
        consumer_member_heard(m);
        consumer_member_watch(m);
    }
}

/* ---- the end ---- */

void
consumer_release(struct group *g)
{
    struct consumer *c = g->consumer;
    struct mem *mem = group_mem(g);
    if (!c) return;
    MAP_EACH(&c->members, m, struct consumer_member, by_id) consumer_member_remove(m);
    CHECK(c->owned.n == 0);
    for (int64_t i = 0; i < c->regexes.n; i++) free_regex(mem, &c->regexes.v[i]);
    VEC_RELEASE(mem, &c->regexes);
    map_release(&c->members);
    map_release(&c->owned);
    MEM_DELETE(mem, c);
    g->consumer = NULL;
}
