/* Consumers that come to an empty group together (the threads of one process, the processes of one application) enter it
 * together: all become members first, and then they are assigned to. If the first were assigned to at once, it would get
 * all partitions, and the others would wait until it has given them up: a heartbeat of its own, and one of theirs, each
 * five seconds away. Classic groups wait for the same reason (KIP-134); Kafka's groups of this kind do not. A member
 * sees nothing of it but that its first answer comes later, by GATHER_MAX_MS at most. */
#include "broker/group/consumer.h"
#include "broker/group/member_epoch.h"
#include "errors.h"

typedef struct k_consumer_group_heartbeat_request request;

/* Who keeps coming does not keep those waiting who are there: well below any request's time-out. */
#define GATHER_MAX_MS 500

struct comer {
    const request *q;
    struct coordinator_call *call;
};

/* Those who wait to enter one group. */
struct gathering {
    struct map_node by_group;
    struct groups *gs;
    struct slice group_id;
    struct timer due;
    int64_t latest_ns;
    VEC(struct comer) comers;
};

static bool
gathers_for(const struct map_node *node, const void *group_id)
{
    return slice_eq(CONTAINER_OF(node, struct gathering, by_group)->group_id,
                    *(const struct slice *)group_id);
}

static struct gathering *
gathering_for(struct groups *gs, struct slice group_id)
{
    struct map *m = &gs->gatherings;
    struct map_node *n = map_find(m, map_hash(m, group_id), gathers_for, &group_id);
    return n ? CONTAINER_OF(n, struct gathering, by_group) : NULL;
}

/* The coordinator may be another by now, the group another's: each is looked at anew. */
static void
gathering_due(struct timer *t)
{
    struct gathering *ga = CONTAINER_OF(t, struct gathering, due);
    struct groups *gs = ga->gs;
    int64_t entered_n = 0;
    map_remove(&gs->gatherings, &ga->by_group);
    for (int64_t i = 0; i < ga->comers.n; i++) {
        struct comer c = ga->comers.v[i];
        if (!consumer_heartbeat_with(gs, c.q, c.call, NULL, BEAT_ENTERS))
            ga->comers.v[entered_n++] = c;
    }
    for (int64_t i = 0; i < entered_n; i++)
        (void)consumer_heartbeat_with(gs, ga->comers.v[i].q, ga->comers.v[i].call, NULL,
                                      BEAT_AFTER_ENTERING);
    struct mem *mem = groups_mem(gs);
    VEC_RELEASE(mem, &ga->comers);
    mem_free_slice(mem, ga->group_id);
    MEM_DELETE(mem, ga);
}

static struct gathering *
gathering_new(struct groups *gs, struct slice group_id)
{
    struct env *env = gs->base.env;
    struct gathering *ga = MEM_NEW(groups_mem(gs), struct gathering);
    ga->gs = gs;
    ga->group_id = mem_dup(groups_mem(gs), group_id);
    ga->due.due = gathering_due;
    ga->latest_ns = env_now_ns(env) + GATHER_MAX_MS * NS_PER_MS;
    map_insert(&gs->gatherings, &ga->by_group, map_hash(&gs->gatherings, group_id));
    return ga;
}

static bool
is_without_consumers(const struct group *g)
{
    if (!g) return true;
    return g->consumer ? g->consumer->members.n == 0 : group_can_become_consumer(g);
}

bool
consumer_gather_hold(struct groups *gs, const struct group *g, const request *q,
                     struct coordinator_call *call)
{
    struct env *env = gs->base.env;
    /* Who has no id yet (version 0) gets one with its answer, and cannot enter before. */
    if (q->member_epoch != EPOCH_JOIN || q->member_id.n == 0) return false;
    struct gathering *ga = gathering_for(gs, q->group_id);
    if (!ga && (!is_without_consumers(g) || !env_has_room(env, PURSE_GROUPS))) return false;
    if (!ga) ga = gathering_new(gs, q->group_id);
    VEC_PUSH(groups_mem(gs), &ga->comers, ((struct comer){q, call}));
    int64_t ms = ga->comers.n == 1 ? GROUP_GATHER_FIRST_MS : GROUP_GATHER_MS;
    timer_arm(env, &ga->due, MIN(env_now_ns(env) + ms * NS_PER_MS, ga->latest_ns));
    return true;
}
