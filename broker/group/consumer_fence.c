/* Members that go: they leave, their session ends, or they do not give up in time what they must (KIP-848).
 * What they had is free at once, and the group is assigned anew with the next heartbeat. */
#include "broker/base/check.h"
#include "broker/group/consumer.h"
#include "broker/protocol/codec.h"
#include "errors.h"

typedef struct k_consumer_group_heartbeat_request request;
typedef struct k_consumer_group_heartbeat_response response;

/* When a record could not be written. */
#define FENCE_AGAIN_MS 500

/* ---- the records ---- */

static void
write_fence(struct batch_builder *b, const struct consumer_member *m)
{
    const struct group *g = m->group;
    struct arena a;
    int32_t n;
    arena_init(&a, &group_env(g)->mem, 0);
    record_consumer_member_gone(b, g, m->id);
    consumer_regex_forget(b, g, m);
    struct consumer_view *v = consumer_views(g, &a, SLICE_NULL, NULL, NULL, m->id, &n);
    record_consumer_epoch(b, g, g->consumer->epoch + 1, consumer_metadata_hash(g, &a, v, n));
    /* Nobody is left to be assigned to; and who comes next need not wait. */
    if (n == 0) record_consumer_assigned(b, g, g->consumer->epoch + 1, 0);
    arena_release(&a);
}

int16_t
consumer_fence(struct consumer_member *m, struct coordinator_write *w)
{
    struct group *g = m->group;
    struct coordinator_shard *s = &g->shard->base;
    enum consumer_state was = consumer_state(g);
    struct batch_builder b;
    shard_builder(s, &b);
    write_fence(&b, m);
    int16_t err = w ? shard_write_folded(s, &b, w) : shard_write_silently_folded(s, &b);
    if (!err) consumer_note(g, was);
    return err;
}

/* ---- time-outs ---- */

static void
fence_late(struct consumer_member *m, struct timer *t)
{
    struct env *env = group_env(m->group);
    MARK(env, MEMBER_FENCED);
    if (consumer_fence(m, NULL)) timer_arm(env, t, env_now_ns(env) + FENCE_AGAIN_MS * NS_PER_MS);
}

void
consumer_session_due(struct timer *t)
{
    fence_late(CONTAINER_OF(t, struct consumer_member, session), t);
}

/* Somebody waits for what it does not give up. */
void
consumer_rebalance_due(struct timer *t)
{
    fence_late(CONTAINER_OF(t, struct consumer_member, rebalance), t);
}

/* ---- leaving ---- */

struct leaving {
    struct coordinator_write write;
    struct coordinator_call *call; /* NULL: answered */
    response *res;
};

static void
answer_leaving(struct leaving *l, int16_t err)
{
    struct groups *gs = shard_of_write(&l->write)->owner;
    if (!l->call) return;
    if (err) consumer_refuse(gs, l->call, coordinator_store_error(err), SLICE_NULL);
    else groups_answer(gs, l->call, l->res);
    l->call = NULL;
}

static void
leaving_done(struct coordinator_write *w, int16_t err)
{
    struct leaving *l = CONTAINER_OF(w, struct leaving, write);
    answer_leaving(l, err);
    MEM_DELETE(&shard_env(w->shard)->mem, l);
}

static void
leaving_late(struct coordinator_write *w)
{
    answer_leaving(CONTAINER_OF(w, struct leaving, write), K_ERR_REQUEST_TIMED_OUT);
}

/* A static member that will be back: its partitions wait for it until its session ends. */
static int16_t
leave_for_a_while(struct consumer_member *m, struct coordinator_write *w)
{
    struct group *g = m->group;
    struct reconcile_member now = {.state = m->state,
                                   .epoch = EPOCH_LEAVE_STATIC,
                                   .previous_epoch = m->previous_epoch,
                                   .assigned = m->assigned};
    struct batch_builder b;
    shard_builder(&g->shard->base, &b);
    record_consumer_current(&b, g, m->id, &now);
    return shard_write_folded(&g->shard->base, &b, w);
}

static int16_t
find_leaver(struct group *g, const request *q, struct consumer_member **ret, struct slice *why)
{
    if (!q->instance_id.p) {
        *ret = consumer_member(g, q->member_id);
        if (!*ret) *why = S("not a member of the group");
        return *ret ? 0 : K_ERR_UNKNOWN_MEMBER_ID;
    }
    *ret = consumer_static_member(g, q->instance_id);
    if (!*ret) *why = S("no member has this instance id");
    if (!*ret) return K_ERR_UNKNOWN_MEMBER_ID;
    if (slice_eq((*ret)->id, q->member_id)) return 0;
    *why = S("another member has this instance id");
    return K_ERR_FENCED_INSTANCE_ID;
}

void
consumer_leave(struct group *g, const request *q, struct coordinator_call *call)
{
    struct groups *gs = g->shard->owner;
    struct slice why = SLICE_NULL;
    struct consumer_member *m = NULL;
    int16_t err = find_leaver(g, q, &m, &why);
    if (err) {
        consumer_refuse(gs, call, err, why);
        return;
    }
    struct leaving *l = MEM_NEW(&group_env(g)->mem, struct leaving);
    *l = (struct leaving){.call = call, .res = ARENA_NEW(call->arena, response)};
    codec_default(K_MSG_CONSUMER_GROUP_HEARTBEAT_RESPONSE, l->res);
    l->res->member_id = arena_dup(call->arena, q->member_id);
    l->res->member_epoch = q->member_epoch;
    l->write.shard = &g->shard->base;
    l->write.done = leaving_done;
    l->write.late = leaving_late;
    bool for_a_while = q->member_epoch == EPOCH_LEAVE_STATIC;
    err = for_a_while ? leave_for_a_while(m, &l->write) : consumer_fence(m, &l->write);
    if (err) leaving_done(&l->write, err);
}
