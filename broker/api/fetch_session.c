#include "broker/api/fetch_session.h"

#include "broker/api/lookup.h"
#include "broker/base/check.h"
#include "configs.h"
#include "errors.h"

/* ---- partitions --------------------------------------------------------------------------------- */

void
fetch_part_set_state(struct fetch_part *part, enum fetch_part_state state)
{
    list_remove(&part->todo);
    part->state = state;
    if (state == FETCH_PART_CHANGED) list_push_back(&part->s->changed, &part->todo);
    if (state == FETCH_PART_SEEN) list_push_back(&part->s->seen, &part->todo);
}

/* A follower that has all waits for more to be written only: a higher watermark is told with the next answer. */
static void
fetch_part_hears(struct fetch_waiter *w, enum fetch_news news)
{
    struct fetch_part *part = CONTAINER_OF(w, struct fetch_part, waiter);
    struct fetch_session *s = part->s;
    if (news == FETCH_NEWS_ASKED) { /* it is answered as it stands */
        if (w->is_follower && s->fetch) fetch_look_again(s->fetch);
        return;
    }
    if (news == FETCH_NEWS_WRITTEN && !w->is_follower) return;
    if (news == FETCH_NEWS_COMMITTED && w->is_follower) {
        if (part->state == FETCH_PART_RESTS) fetch_part_set_state(part, FETCH_PART_SEEN);
        return;
    }
    /* It had all that there was until now, and asked for more with each fetch of its session although none of them
     * named this partition. */
    if (news == FETCH_NEWS_WRITTEN && part->state != FETCH_PART_CHANGED)
        partition_follower_polled(part->partition, s->replica_id, s->standing.used_ns);
    if (part->state != FETCH_PART_CHANGED) fetch_part_set_state(part, FETCH_PART_CHANGED);
    if (s->fetch && news != FETCH_NEWS_STANDING) fetch_look_again(s->fetch);
    if (news == FETCH_NEWS_ROLE) part->partition = NULL;
    /* Nobody waits: the next fetch will look at it anyway. */
    if (!s->fetch || news == FETCH_NEWS_ROLE) fetch_waiter_cancel(w);
}

struct part_key {
    struct uuid topic_id;
    struct slice topic;
    int32_t index;
};

static bool
is_part(const struct map_node *node, const void *key)
{
    const struct fetch_part *part = CONTAINER_OF(node, struct fetch_part, by_key);
    const struct part_key *k = key;
    return part->index == k->index && uuid_eq(part->topic_id, k->topic_id) &&
           slice_eq(part->topic, k->topic);
}

/* A request without a session that names one partition, as most do, has nothing to look up. */
static bool
names_one_partition(const struct k_fetch_request *q)
{
    return q->topics_n == 1 && q->topics[0].partitions_n == 1;
}

static bool
is_indexed(const struct fetch_session *s)
{
    return s->by_key.mem != NULL;
}

static uint64_t
hash_key(const struct fetch_session *s, const struct part_key *k)
{
    if (k->topic.p)
        return map_hash_i64(&s->by_key, (int64_t)map_hash(&s->by_key, k->topic), k->index);
    return map_hash_i64(&s->by_key, (int64_t)load_be64(k->topic_id.b) ^ k->index,
                        (int64_t)load_be64(k->topic_id.b + 8));
}

static struct fetch_part *
fetch_part_find(const struct fetch_session *s, const struct part_key *k)
{
    struct map_node *n = is_indexed(s) ? map_find(&s->by_key, hash_key(s, k), is_part, k) : NULL;
    return n ? CONTAINER_OF(n, struct fetch_part, by_key) : NULL;
}

static struct fetch_part *
fetch_part_add(struct fetch_session *s, const struct part_key *k)
{
    struct fetch_part *part =
        s->arena ? ARENA_NEW(s->arena, struct fetch_part) : MEM_NEW(s->mem, struct fetch_part);
    part->s = s;
    part->topic_id = k->topic_id;
    part->topic = s->arena ? k->topic : mem_dup(s->mem, k->topic);
    part->index = k->index;
    part->told = (struct fetch_told){-1, -1};
    part->waiter.hear = fetch_part_hears;
    part->waiter.is_follower = s->replica_id >= 0;
    list_push_back(&s->parts, &part->node);
    s->standing.parts_n++;
    if (is_indexed(s)) map_insert(&s->by_key, &part->by_key, hash_key(s, k));
    return part;
}

static void
fetch_part_remove(struct fetch_part *part)
{
    struct fetch_session *s = part->s;
    CHECK(!s->arena && !part->range.segment);
    fetch_waiter_cancel(&part->waiter);
    list_remove(&part->node);
    list_remove(&part->todo);
    map_remove(&s->by_key, &part->by_key);
    s->standing.parts_n--;
    mem_free_slice(s->mem, part->topic);
    MEM_DELETE(s->mem, part);
}

/* ---- sessions ----------------------------------------------------------------------------------- */

void
fetch_sessions_init(struct fetch_sessions *all, struct server *server)
{
    struct env *env = server->env;
    *all = (struct fetch_sessions){.server = server, .mem = &env->purses[PURSE_FETCH_SESSIONS]};
    map_init(&all->by_id, &env->mem, env_map_key(env));
    list_init(&all->by_use);
}

static bool
is_session(const struct map_node *node, const void *key)
{
    return CONTAINER_OF(node, struct fetch_session, by_id)->id == *(const int32_t *)key;
}

struct fetch_session *
fetch_session_find(struct fetch_sessions *all, int32_t id)
{
    struct map_node *n = map_find(&all->by_id, map_hash_i64(&all->by_id, id, 0), is_session, &id);
    return n ? CONTAINER_OF(n, struct fetch_session, by_id) : NULL;
}

static void
session_init(struct fetch_session *s, struct fetch_sessions *all, int32_t replica_id, bool has_ids)
{
    int64_t now = env_now_ns(all->server->env);
    s->all = all;
    s->mem = all->mem;
    s->replica_id = replica_id;
    s->has_ids = has_ids;
    s->standing.is_follower = replica_id >= 0;
    s->standing.created_ns = s->standing.used_ns = now;
    list_init(&s->parts);
    list_init(&s->changed);
    list_init(&s->seen);
}

struct fetch_session *
fetch_session_for_one(struct fetch_sessions *all, struct arena *arena, int32_t replica_id,
                      bool has_ids)
{
    struct fetch_session *s = ARENA_NEW(arena, struct fetch_session);
    session_init(s, all, replica_id, has_ids);
    s->arena = arena;
    return s;
}

/* Of those that may go for the new one, the one that Kafka would take: the smallest of a client. */
static struct fetch_session *
find_evictable(struct fetch_sessions *all, const struct fetch_session_standing *newcomer)
{
    int64_t now = env_now_ns(all->server->env);
    struct fetch_session *least = NULL;
    LIST_EACH(&all->by_use, s, struct fetch_session, by_use) {
        if (s->fetch && fetch_is_at_work(s->fetch)) continue;
        if (!fetch_session_gives_way(&s->standing, newcomer, now)) continue;
        if (now - s->standing.used_ns > FETCH_SESSION_RESTS_NS) return s;
        bool is_less = !least || s->standing.is_follower < least->standing.is_follower ||
                       (s->standing.is_follower == least->standing.is_follower &&
                        s->standing.parts_n < least->standing.parts_n);
        if (is_less) least = s;
    }
    return least;
}

static bool
make_room_for_session(struct fetch_sessions *all, const struct fetch_session_standing *newcomer)
{
    struct server *server = all->server;
    int64_t slots = config_i64(server->config, K_CFG_MAX_INCREMENTAL_FETCH_SESSION_CACHE_SLOTS);
    if (!env_has_room(server->env, PURSE_FETCH_SESSIONS)) return false;
    if (all->by_id.n < slots) return true;
    struct fetch_session *s = find_evictable(all, newcomer);
    if (s) MARK(server->env, FETCH_SESSION_EVICTED);
    if (s) fetch_session_end(s);
    return s && all->by_id.n < slots;
}

/* Above 0, and nobody's: who guesses would disturb others (but could do so anyway: nobody is asked who he is). */
static int32_t
draw_id(struct fetch_sessions *all)
{
    int32_t id;
    do id = 1 + (int32_t)env_random_below(all->server->env, STREAM_FETCH_SESSION, INT32_MAX);
    while (fetch_session_find(all, id));
    return id;
}

struct fetch_session *
fetch_session_new(struct fetch_sessions *all, int32_t replica_id, bool has_ids, int32_t parts_n)
{
    struct fetch_session_standing newcomer = {.is_follower = replica_id >= 0, .parts_n = parts_n};
    if (!make_room_for_session(all, &newcomer)) return NULL;
    struct fetch_session *s = MEM_NEW(all->mem, struct fetch_session);
    session_init(s, all, replica_id, has_ids);
    s->id = draw_id(all);
    map_init(&s->by_key, all->mem, all->by_id.key);
    map_insert(&all->by_id, &s->by_id, map_hash_i64(&all->by_id, s->id, 0));
    list_push_back(&all->by_use, &s->by_use);
    return s;
}

void
fetch_session_touch(struct fetch_session *s)
{
    s->standing.used_ns = env_now_ns(s->all->server->env);
    if (s->arena) return;
    list_remove(&s->by_use);
    list_push_back(&s->all->by_use, &s->by_use);
}

void
fetch_session_leave_partitions(struct fetch_session *s)
{
    LIST_EACH(&s->parts, part, struct fetch_part, node) fetch_waiter_cancel(&part->waiter);
}

void
fetch_session_end(struct fetch_session *s)
{
    CHECK(!s->arena);
    if (s->fetch) fetch_give_up(s->fetch, K_ERR_FETCH_SESSION_ID_NOT_FOUND);
    CHECK(!s->fetch);
    LIST_EACH(&s->parts, part, struct fetch_part, node) fetch_part_remove(part);
    list_remove(&s->by_use);
    map_remove(&s->all->by_id, &s->by_id);
    map_release(&s->by_key);
    MEM_DELETE(s->mem, s);
}

/* ---- what a request names ----------------------------------------------------------------------- */

static struct part_key
key_of(const struct fetch_session *s, struct uuid topic_id, struct slice topic, int32_t index)
{
    return s->has_ids ? (struct part_key){.topic_id = topic_id, .index = index}
                      : (struct part_key){.topic = topic.p ? topic : SLICE_EMPTY, .index = index};
}

static void
fetch_part_take(struct fetch_part *part, const struct k_fetch_request_fetch_partition *q)
{
    part->leader_epoch = q->current_leader_epoch;
    part->last_epoch = q->last_fetched_epoch;
    part->max_bytes = q->partition_max_bytes;
    part->offset = q->fetch_offset;
    part->log_start = q->log_start_offset;
    if (part->state != FETCH_PART_CHANGED) fetch_part_set_state(part, FETCH_PART_CHANGED);
}

static void
forget_parts(struct fetch_session *s, const struct k_fetch_request_forgotten_topic *t)
{
    for (int32_t i = 0; i < t->partitions_n; i++) {
        struct part_key k = key_of(s, t->topic_id, t->topic, t->partitions[i]);
        struct fetch_part *part = fetch_part_find(s, &k);
        if (part) fetch_part_remove(part);
    }
}

bool
fetch_session_take(struct fetch_session *s, const struct k_fetch_request *q)
{
    if (s->arena && !names_one_partition(q)) map_init(&s->by_key, s->arena->mem, s->all->by_id.key);
    for (int32_t i = 0; i < q->topics_n; i++) {
        const struct k_fetch_request_fetch_topic *t = &q->topics[i];
        for (int32_t k = 0; k < t->partitions_n; k++) {
            struct part_key key = key_of(s, t->topic_id, t->topic, t->partitions[k].partition);
            /* A partition stands once, and what is said of it last counts. */
            struct fetch_part *part = fetch_part_find(s, &key);
            if (!part && !s->arena && !env_has_room(s->all->server->env, PURSE_FETCH_SESSIONS))
                return false;
            if (!part) part = fetch_part_add(s, &key);
            fetch_part_take(part, &t->partitions[k]);
        }
    }
    for (int32_t i = 0; !s->arena && i < q->forgotten_topics_data_n; i++)
        forget_parts(s, &q->forgotten_topics_data[i]);
    if (is_indexed(s) && s->arena) map_release(&s->by_key); /* nobody looks for one of them again */
    LIST_EACH(&s->changed, part, struct fetch_part, todo) part->is_position = s->replica_id >= 0;
    return true;
}
