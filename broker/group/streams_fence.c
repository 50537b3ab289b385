/* Members of streams groups that go: they leave, their session ends, or they do not close in time what they must (KIP-1071).
 * What they had is free at once, and the group is assigned anew with the next heartbeat. */
#include "broker/base/check.h"
#include "broker/group/member_epoch.h"
#include "broker/group/streams_group.h"
#include "errors.h"

typedef struct k_streams_group_heartbeat_request request;
typedef struct k_streams_group_heartbeat_response response;

/* When a record could not be written. */
#define FENCE_AGAIN_MS 500

static void
write_fence(struct batch_builder *b, const struct group *g, const struct streams_member *m)
{
    const struct streams_group *sg = g->streams;
    struct streams_epoch e = {epoch_after(sg->epoch), sg->metadata_hash, sg->validated_epoch,
                              &sg->settings};
    record_streams_member_gone(b, g, m->id);
    record_streams_epoch(b, g, &e);
    /* Nobody is left to be assigned to; and who comes next need not wait. */
    if (sg->members.n == 1) record_streams_assigned(b, g, epoch_after(sg->epoch), 0);
}

static void
fence_silently(struct streams_member *m, struct timer *t)
{
    struct group *g = m->group;
    struct env *env = group_env(g);
    enum streams_state was = streams_state(g);
    struct batch_builder b;
    MARK(env, MEMBER_FENCED);
    shard_builder(&g->shard->base, &b);
    write_fence(&b, g, m);
    if (shard_write_silently_folded(&g->shard->base, &b))
        timer_arm(env, t, env_now_ns(env) + FENCE_AGAIN_MS * NS_PER_MS);
    else streams_note(g, was);
}

void
streams_session_due(struct timer *t)
{
    fence_silently(CONTAINER_OF(t, struct streams_member, session), t);
}

/* Somebody waits for what it does not close. */
void
streams_rebalance_due(struct timer *t)
{
    fence_silently(CONTAINER_OF(t, struct streams_member, rebalance), t);
}

/* ---- the first assignment ---- */

void
streams_initial_delay_due(struct timer *t)
{
    struct streams_group *sg = CONTAINER_OF(t, struct streams_group, initial_delay);
    struct streams_member *first = NULL;
    MAP_EACH(&sg->members, m, struct streams_member, by_id) {
        first = m;
        break;
    }
    /* All have left again; or what is missing is not there yet: a heartbeat will see it. */
    if (!first || !sg->is_configured || sg->epoch <= sg->assignment_epoch) return;
    struct group *g = first->group;
    struct env *env = group_env(g);
    enum streams_state was = streams_state(g);
    struct batch_builder b;
    struct arena a;
    struct tasks own;
    int32_t n;
    arena_init(&a, &env->mem, 0);
    shard_builder(&g->shard->base, &b);
    struct streams_view *v = streams_views(g, &a, NULL, SLICE_NULL, &n);
    record_streams_assignment(&b, g, &a, v, n, sg->epoch, SLICE_NULL, false, &own);
    /* Should it fail, the next heartbeat assigns. */
    if (!shard_write_silently_folded(&g->shard->base, &b)) streams_note(g, was);
    arena_release(&a);
}

/* ---- leaving ---- */

static void
refuse_leaving(struct groups *gs, struct coordinator_call *call, int16_t err)
{
    streams_refuse(gs, call, err, SLICE_NULL);
}

/* A static member that will be back: its tasks wait for it until its session ends. */
static void
leave_for_a_while(struct streams_member *m, struct coordinator_call *call, response *res)
{
    struct group *g = m->group;
    struct streams_current now = {.state = m->now.state,
                                  .epoch = EPOCH_LEAVE_STATIC,
                                  .previous_epoch = m->now.previous_epoch,
                                  .assigned = m->now.assigned};
    struct batch_builder b;
    shard_builder(&g->shard->base, &b);
    record_streams_current(&b, g, m->id, &now);
    if (!group_answer_written(g, &b, call, res, refuse_leaving)) streams_member_watch(m);
}

static void
leave_for_good(struct streams_member *m, struct coordinator_call *call, response *res)
{
    struct group *g = m->group;
    enum streams_state was = streams_state(g);
    struct batch_builder b;
    shard_builder(&g->shard->base, &b);
    write_fence(&b, g, m);
    if (!group_answer_written(g, &b, call, res, refuse_leaving)) streams_note(g, was);
}

void
streams_leave(struct group *g, const request *q, struct coordinator_call *call)
{
    struct slice why = SLICE_NULL;
    struct streams_member *m = q->instance_id.p ? streams_static_member(g, q->instance_id)
                                                : streams_member(g, q->member_id);
    int16_t err = leaver_check(q->instance_id, q->member_id, m ? m->id : SLICE_NULL, &why);
    if (err) {
        streams_refuse(g->shard->owner, call, err, why);
        return;
    }
    response *res = streams_response_new(call);
    res->member_id = arena_dup(call->arena, q->member_id);
    res->member_epoch = q->member_epoch;
    if (q->shutdown_application && !g->streams->shutdown_by.p)
        streams_set_shutdown(g, q->member_id);
    if (q->member_epoch == EPOCH_LEAVE_STATIC) leave_for_a_while(m, call, res);
    else leave_for_good(m, call, res);
}
