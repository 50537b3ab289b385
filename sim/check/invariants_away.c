/* Static members of consumer groups that leave for a while (KIP-848: the epoch -2). Who said so, and was told that it is heard, keeps
 * its place until its session is over, or somebody comes with its group.instance.id: what it has is nobody else's until then. */
#include "broker/base/arena.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "sim/check/invariants_own.h"

#include "apis.h"
#include "messages.h"

enum { JOINS = 0, LEAVES = -1, LEAVES_FOR_A_WHILE = -2 };

/* Who has a group.instance.id, as it was heard of last. */
struct away {
    struct slice group, member, instance;
    int64_t frame, sent_ns; /* its last heartbeat … */
    int32_t says;           /* … and the epoch in that */
    int64_t heard_ns;   /* the last one before it left that was answered was sent then; -1: none */
    bool is_away;       /* it has left for a while, and that was answered */
    int64_t removed_ns; /* -1: it was not, as far as is committed */
};

struct away_members {
    VEC(struct away) v;
};

static void
forget_away(struct invariants *v, int64_t at)
{
    struct away *a = &v->away->v.v[at];
    mem_free_slice(v->mem, a->group);
    mem_free_slice(v->mem, a->member);
    mem_free_slice(v->mem, a->instance);
    VEC_REMOVE_AT(&v->away->v, at);
}

void
away_free(struct invariants *v)
{
    if (!v->away) return;
    while (v->away->v.n) forget_away(v, v->away->v.n - 1);
    VEC_RELEASE(v->mem, &v->away->v);
    MEM_DELETE(v->mem, v->away);
}

void
invariants_session(struct invariants *v, int64_t session_ns)
{
    v->session_ns = session_ns;
}

/* Its session began when it was last heard of, not when it left: leaving for a while is no heartbeat, in Kafka either. */
static void
judge_away(struct invariants *v, int64_t at)
{
    struct away *a = &v->away->v.v[at];
    int64_t unheard_ns = a->removed_ns - a->heard_ns;
    if (!a->is_away || a->removed_ns < 0) return;
    if (a->heard_ns >= 0 && unheard_ns < v->session_ns && !v->clocks_drift)
        breach(v, RULE_GROUP_STATE, NULL, -1,
               "removed a static member that is away for a while, # ms after it was heard of; its "
               "session is # ms",
               unheard_ns / NS_PER_MS, v->session_ns / NS_PER_MS);
    forget_away(v, at);
}

static int64_t
find_away(const struct invariants *v, struct slice group, struct slice instance)
{
    for (int64_t i = 0; i < v->away->v.n; i++)
        if (slice_eq(v->away->v.v[i].group, group) && slice_eq(v->away->v.v[i].instance, instance))
            return i;
    return -1;
}

/* Whoever joins with its name takes its place. */
static void
hear_static(struct invariants *v, const struct world_frame *f,
            const struct k_consumer_group_heartbeat_request *q)
{
    if (!v->away) v->away = MEM_NEW(v->mem, struct away_members);
    int64_t at = find_away(v, q->group_id, q->instance_id);
    bool is_same = at >= 0 && slice_eq(v->away->v.v[at].member, q->member_id);
    if (at >= 0 && !is_same && q->member_epoch != JOINS) return;
    if (at >= 0 && (!is_same || q->member_epoch == LEAVES || q->member_epoch == JOINS)) {
        forget_away(v, at);
        at = -1;
    }
    if (q->member_epoch == LEAVES) return;
    if (at < 0) {
        struct away new = {.group = mem_dup(v->mem, q->group_id),
                           .member = mem_dup(v->mem, q->member_id),
                           .instance = mem_dup(v->mem, q->instance_id),
                           .heard_ns = -1,
                           .removed_ns = -1};
        VEC_PUSH(v->mem, &v->away->v, new);
        at = v->away->v.n - 1;
    }
    struct away *a = &v->away->v.v[at];
    a->frame = f->id;
    a->sent_ns = f->at_ns;
    a->says = q->member_epoch;
}

static void
hear_heartbeat(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a)
{
    struct request_head head;
    struct k_consumer_group_heartbeat_request q;
    if (request_head_read(r, a, &head) == HEAD_OK &&
        codec_decode(K_MSG_CONSUMER_GROUP_HEARTBEAT_REQUEST, head.version, r, a, &q) &&
        q.instance_id.n)
        hear_static(v, f, &q);
}

static void
hear_beat_answered(struct invariants *v, const struct world_frame *f, struct reader *r,
                   struct arena *scratch)
{
    struct k_consumer_group_heartbeat_response p;
    int32_t correlation_id;
    int64_t at = v->away ? v->away->v.n - 1 : -1;
    while (at >= 0 && v->away->v.v[at].frame != f->answers) at--;
    if (at < 0) return;
    struct away *a = &v->away->v.v[at];
    bool is_one = response_head_read(r, f->api, f->version, &correlation_id) &&
                  codec_decode(K_MSG_CONSUMER_GROUP_HEARTBEAT_RESPONSE, f->version, r, scratch, &p);
    if (!is_one || p.error_code) {
        forget_away(v, at);
    } else if (a->says != LEAVES_FOR_A_WHILE) {
        a->heard_ns = a->sent_ns;
    } else {
        v->at_ns = f->at_ns;
        v->node = f->from->index;
        a->is_away = true;
        judge_away(v, at);
    }
}

void
away_hear(struct invariants *v, const struct world_frame *f, struct slice bytes)
{
    if (!f->to || bytes.n < 8 || f->api != K_API_CONSUMER_GROUP_HEARTBEAT) return;
    struct reader r = reader(slice_sub(bytes, 4, bytes.n - 4));
    struct arena a;
    arena_init(&a, v->mem, 0);
    if (f->is_answer) hear_beat_answered(v, f, &r, &a);
    else hear_heartbeat(v, f, &r, &a);
    arena_release(&a);
}

void
away_removed(struct invariants *v, struct slice group, struct slice member)
{
    for (int64_t i = v->away ? v->away->v.n : 0; i-- > 0;) {
        struct away *a = &v->away->v.v[i];
        if (!slice_eq(a->group, group) || !slice_eq(a->member, member)) continue;
        if (a->says != LEAVES_FOR_A_WHILE) {
            forget_away(v, i);
            continue;
        }
        if (a->removed_ns < 0) a->removed_ns = v->at_ns;
        judge_away(v, i);
    }
}

/* It is no consumer group any more: its members go on by the other protocol. */
void
away_is_classic(struct invariants *v, struct slice group)
{
    for (int64_t i = v->away ? v->away->v.n : 0; i-- > 0;)
        if (slice_eq(v->away->v.v[i].group, group)) forget_away(v, i);
}
