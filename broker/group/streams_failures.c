/* Topics of streams applications that could not be made, and why: their members are told with the next heartbeats (KIP-1071),
 * for nobody else looks into a broker's log when an application waits. A word is kept for two heartbeats: with each of them
 * it is tried again, and there is news. Not in the log: the next coordinator tries by itself. */
#include "broker/base/check.h"
#include "broker/coordinator/group_setting.h"
#include "broker/group/streams_group.h"

/* As many as Kafka keeps; the oldest goes first. And as long as words may be. */
#define FAILURES_MAX 1000
#define WORDS_MAX 1000

struct topic_failure {
    struct map_node by_topic;
    struct slice topic, why;
    int64_t at_ns;
};

static bool
failure_eq(const struct map_node *n, const void *key)
{
    return slice_eq(CONTAINER_OF(n, struct topic_failure, by_topic)->topic,
                    *(const struct slice *)key);
}

static struct topic_failure *
find_failure(const struct groups *gs, struct slice topic)
{
    const struct map *m = &gs->failures;
    struct map_node *n = map_find(m, map_hash(m, topic), failure_eq, &topic);
    return n ? CONTAINER_OF(n, struct topic_failure, by_topic) : NULL;
}

static void
forget_failure(struct groups *gs, struct topic_failure *f)
{
    struct mem *mem = groups_mem(gs);
    map_remove(&gs->failures, &f->by_topic);
    mem_free_slice(mem, f->topic);
    mem_free_slice(mem, f->why);
    MEM_DELETE(mem, f);
}

void
groups_topic_asked(struct groups *gs, struct slice topic, struct slice why_not)
{
    struct mem *mem = groups_mem(gs);
    struct topic_failure *f = find_failure(gs, topic);
    if (f) forget_failure(gs, f);
    if (!why_not.p) return;
    if (gs->failures.n >= FAILURES_MAX)
        forget_failure(gs, LIST_FIRST(&gs->failures.order, struct topic_failure, by_topic.order));
    f = MEM_NEW(mem, struct topic_failure);
    f->topic = mem_dup(mem, topic);
    f->why = mem_dup(mem, slice_sub(why_not, 0, MIN(why_not.n, WORDS_MAX)));
    f->at_ns = env_now_ns(gs->base.env);
    map_insert(&gs->failures, &f->by_topic, map_hash(&gs->failures, f->topic));
}

struct slice
streams_topic_failure(const struct group *g, struct slice topic)
{
    const struct topic_failure *f = find_failure(g->shard->owner, topic);
    int64_t kept_ms = 2 * group_config_i64(g, K_GCFG_STREAMS_HEARTBEAT_INTERVAL_MS);
    bool is_new = f && env_now_ns(group_env(g)) - f->at_ns < kept_ms * NS_PER_MS;
    return is_new ? f->why : SLICE_NULL;
}
