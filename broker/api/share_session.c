#include "broker/api/share_session.h"

#include "broker/base/check.h"

/* Whoever names more asks for more than a broker may lead. */
#define PARTS_MAX 10000

void
share_sessions_init(struct share_sessions *all, struct env *env, const struct config *config,
                    struct share_parts *parts)
{
    *all = (struct share_sessions){.env = env, .config = config, .parts = parts};
    map_init(&all->by_id, &env->purses[PURSE_FETCH_SESSIONS], env_map_key(env));
}

struct session_key {
    struct slice group, member;
};

static bool
session_has_key(const struct map_node *n, const void *key)
{
    const struct share_session *s = CONTAINER_OF(n, const struct share_session, by_id);
    const struct session_key *k = key;
    return slice_eq(s->group, k->group) && slice_eq(buf_slice(s->member), k->member);
}

static uint64_t
session_hash(const struct map *m, const struct session_key *k)
{
    return map_hash_i64(m, (int64_t)map_hash(m, k->group), (int64_t)map_hash(m, k->member));
}

struct share_session *
share_session_find(struct share_sessions *all, struct slice group, struct slice member)
{
    struct session_key k = {group, member};
    struct map_node *n = map_find(&all->by_id, session_hash(&all->by_id, &k), session_has_key, &k);
    return n ? CONTAINER_OF(n, struct share_session, by_id) : NULL;
}

struct share_session *
share_session_new(struct share_sessions *all, struct slice group, struct slice member,
                  struct list *of_conn)
{
    struct mem *mem = all->by_id.mem;
    struct session_key k = {group, member};
    struct share_session *old = share_session_find(all, group, member);
    if (old) share_session_end(old);
    if (all->by_id.n >= config_i64(all->config, K_CFG_GROUP_SHARE_MAX_SHARE_SESSIONS) ||
        !env_has_room(all->env, PURSE_FETCH_SESSIONS))
        return NULL;
    struct share_session *s = MEM_NEW(mem, struct share_session);
    s->all = all;
    s->group = mem_dup(mem, group);
    s->member = buf_copy(mem, member);
    s->epoch = share_session_next_epoch(SHARE_SESSION_BEGINS);
    map_insert(&all->by_id, &s->by_id, session_hash(&all->by_id, &k));
    if (of_conn) list_push_back(of_conn, &s->node);
    return s;
}

static int64_t
part_at(const struct share_session *s, struct uuid topic, int32_t partition)
{
    for (int64_t i = 0; i < s->parts.n; i++)
        if (s->parts.v[i].partition == partition && uuid_eq(s->parts.v[i].topic, topic)) return i;
    return -1;
}

bool
share_session_take(struct share_session *s, const struct k_share_fetch_request *q)
{
    struct mem *mem = s->all->by_id.mem;
    for (int32_t i = 0; i < q->topics_n; i++)
        for (int32_t k = 0; k < q->topics[i].partitions_n; k++) {
            struct share_session_part p = {q->topics[i].topic_id,
                                           q->topics[i].partitions[k].partition_index};
            if (part_at(s, p.topic, p.partition) >= 0) continue;
            if (s->parts.n >= PARTS_MAX || !env_has_room(s->all->env, PURSE_FETCH_SESSIONS))
                return false;
            VEC_PUSH(mem, &s->parts, p);
        }
    for (int32_t i = 0; i < q->forgotten_topics_data_n; i++)
        for (int32_t k = 0; k < q->forgotten_topics_data[i].partitions_n; k++) {
            int64_t at = part_at(s, q->forgotten_topics_data[i].topic_id,
                                 q->forgotten_topics_data[i].partitions[k]);
            if (at >= 0) VEC_REMOVE_AT(&s->parts, at);
        }
    return true;
}

static bool
group_has_session(const struct share_sessions *all, struct slice group)
{
    MAP_EACH(&all->by_id, s, struct share_session, by_id)
        if (slice_eq(s->group, group)) return true;
    return false;
}

void
share_session_end(struct share_session *s)
{
    struct share_sessions *all = s->all;
    struct mem *mem = all->by_id.mem;
    map_remove(&all->by_id, &s->by_id);
    list_remove(&s->node);
    share_parts_take_from(all->parts, s->group, buf_slice(s->member));
    if (!group_has_session(all, s->group)) share_parts_leave_group(all->parts, s->group);
    VEC_RELEASE(mem, &s->parts);
    mem_free_slice(mem, s->group);
    buf_unref(s->member);
    MEM_DELETE(mem, s);
}

void
share_sessions_end_of(struct list *of_conn)
{
    LIST_EACH(of_conn, s, struct share_session, node) share_session_end(s);
}
