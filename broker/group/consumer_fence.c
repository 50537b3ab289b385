/* Members that go: they leave, their session ends, or they do not give up in time what they must (KIP-848).
 * What they had is free at once, and the group is assigned anew with the next heartbeat. */
#include "broker/base/check.h"
#include "broker/group/member_epoch.h"
#include "broker/group/migrate.h"
#include "broker/protocol/codec.h"
#include "errors.h"

typedef struct k_consumer_group_heartbeat_request request;
typedef struct k_consumer_group_heartbeat_response response;

/* When a record could not be written. */
#define FENCE_AGAIN_MS 500

/* ---- the records ---- */

static void
write_fence(struct batch_builder *b, const struct group *g, struct consumer_member **v, int32_t n)
{
    struct arena a;
    int32_t left_n;
    arena_init(&a, &group_env(g)->mem, 0);
    for (int32_t i = 0; i < n; i++) {
        record_consumer_member_gone(b, g, v[i]->id);
        consumer_regex_forget(b, g, v[i]);
    }
    struct consumer_view *left = consumer_views_without(g, &a, v, n, &left_n);
    record_consumer_epoch(b, g, epoch_after(g->consumer->epoch),
                          consumer_metadata_hash(g, &a, left, left_n));
    /* Nobody is left to be assigned to; and who comes next need not wait. */
    if (left_n == 0) record_consumer_assigned(b, g, epoch_after(g->consumer->epoch), 0);
    arena_release(&a);
}

/* What is written, and what follows from it when it is. */
struct fencing {
    struct shard *shard;
    struct arena a;
    struct slice group_id;
    enum consumer_state was;
    bool downgrades;
    struct batch_builder b;
};

static void
fencing_begin(struct fencing *f, struct group *g, struct consumer_member **v, int32_t n)
{
    f->shard = g->shard;
    arena_init(&f->a, &group_env(g)->mem, 0);
    f->group_id = arena_dup(&f->a, g->id);
    f->was = consumer_state(g);
    f->downgrades = group_may_downgrade(g, v, n);
    shard_builder(&g->shard->base, &f->b);
    if (f->downgrades) record_downgrade(&f->b, g, v, n);
    else write_fence(&f->b, g, v, n);
}

static void
fencing_end(struct fencing *f, int16_t err)
{
    if (!err && f->downgrades) group_downgraded(f->shard, f->group_id);
    else if (!err) consumer_note(group_find(f->shard, f->group_id), f->was);
    arena_release(&f->a);
}

void
consumer_fence_answered(struct group *g, struct consumer_member **v, int32_t n,
                        struct coordinator_call *call, void *res, answer_refusal *refuse)
{
    struct fencing f;
    fencing_begin(&f, g, v, n);
    fencing_end(&f, group_answer_written(g, &f.b, call, res, refuse));
}

/* ---- time-outs ---- */

static void
fence_late(struct consumer_member *m, struct timer *t)
{
    struct env *env = group_env(m->group);
    struct fencing f;
    MARK(env, MEMBER_FENCED);
    fencing_begin(&f, m->group, &m, 1);
    int16_t err = shard_write_silently_folded(&f.shard->base, &f.b);
    if (err) timer_arm(env, t, env_now_ns(env) + FENCE_AGAIN_MS * NS_PER_MS);
    fencing_end(&f, err);
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

static void
refuse_leaving(struct groups *gs, struct coordinator_call *call, int16_t err)
{
    consumer_refuse(gs, call, err, SLICE_NULL);
}

/* A static member that will be back: its partitions wait for it until its session ends. */
static void
leave_for_a_while(struct consumer_member *m, struct coordinator_call *call, response *res)
{
    struct group *g = m->group;
    struct reconcile_member now = {.state = m->state,
                                   .epoch = EPOCH_LEAVE_STATIC,
                                   .previous_epoch = m->previous_epoch,
                                   .assigned = m->assigned};
    struct batch_builder b;
    shard_builder(&g->shard->base, &b);
    record_consumer_current(&b, g, m->id, &now);
    if (!group_answer_written(g, &b, call, res, refuse_leaving)) consumer_member_watch(m);
}

void
consumer_leave(struct group *g, const request *q, struct coordinator_call *call)
{
    struct groups *gs = g->shard->owner;
    struct slice why = SLICE_NULL;
    struct consumer_member *m = q->instance_id.p ? consumer_static_member(g, q->instance_id)
                                                 : consumer_member(g, q->member_id);
    int16_t err = leaver_check(q->instance_id, q->member_id, m ? m->id : SLICE_NULL, &why);
    if (err) {
        consumer_refuse(gs, call, err, why);
        return;
    }
    response *res = ARENA_NEW(call->arena, response);
    codec_default(K_MSG_CONSUMER_GROUP_HEARTBEAT_RESPONSE, res);
    res->member_id = arena_dup(call->arena, q->member_id);
    res->member_epoch = q->member_epoch;
    if (q->member_epoch == EPOCH_LEAVE_STATIC) leave_for_a_while(m, call, res);
    else consumer_fence_answered(g, &m, 1, call, res, refuse_leaving);
}
