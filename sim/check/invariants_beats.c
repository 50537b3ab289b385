/* What members of groups are told by their heartbeats (ConsumerGroupHeartbeat, ShareGroupHeartbeat, StreamsGroupHeartbeat), against
 * what is committed of them: whoever is told that it has come to an epoch has come there for good. Were it told so before that is
 * committed, the next coordinator might not know of it, and give what the member has by then to somebody else. And nobody is refused
 * as unknown who is a member, nor fenced who is in the epoch that he names: he would begin anew, and all would go well. */
#include "broker/base/arena.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "sim/check/invariants_own.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

/* member: null if it has a group.instance.id, by which it may be refused as well. */
struct beat_asked {
    int64_t frame;
    struct slice group, member;
    int32_t epoch;
};

/* Judged when the step is over in which it was told. error: 0, or as what it was refused, and then its epoch is the one that it named. */
struct beat_told {
    int16_t api, error;
    int32_t node, epoch;
    struct slice group, member;
};

struct beats {
    VEC(struct beat_asked) asked;
    VEC(struct beat_told) told;
};

static bool
is_beat(int16_t api)
{
    return api == K_API_CONSUMER_GROUP_HEARTBEAT || api == K_API_SHARE_GROUP_HEARTBEAT ||
           api == K_API_STREAMS_GROUP_HEARTBEAT;
}

static void
beat_told_free(struct invariants *v, const struct beat_told *t)
{
    mem_free_slice(v->mem, t->group);
    mem_free_slice(v->mem, t->member);
}

static void
beat_asked_free(struct invariants *v, const struct beat_asked *q)
{
    mem_free_slice(v->mem, q->group);
    mem_free_slice(v->mem, q->member);
}

void
beats_free(struct invariants *v)
{
    struct beats *s = v->beats;
    if (!s) return;
    for (int64_t i = 0; i < s->asked.n; i++) beat_asked_free(v, &s->asked.v[i]);
    for (int64_t i = 0; i < s->told.n; i++) beat_told_free(v, &s->told.v[i]);
    VEC_RELEASE(v->mem, &s->asked);
    VEC_RELEASE(v->mem, &s->told);
    MEM_DELETE(v->mem, s);
}

/* ---- the wire -------------------------------------------------------------------------------------- */

/* False: it is not to be read. */
static bool
read_beat_asked(int16_t api, struct reader *r, struct arena *a, struct beat_asked *ret)
{
    union {
        struct k_consumer_group_heartbeat_request consumer;
        struct k_share_group_heartbeat_request share;
        struct k_streams_group_heartbeat_request streams;
    } q;
    struct request_head head;
    enum k_msg msg = api == K_API_CONSUMER_GROUP_HEARTBEAT ? K_MSG_CONSUMER_GROUP_HEARTBEAT_REQUEST
                   : api == K_API_SHARE_GROUP_HEARTBEAT    ? K_MSG_SHARE_GROUP_HEARTBEAT_REQUEST
                                                           : K_MSG_STREAMS_GROUP_HEARTBEAT_REQUEST;
    if (request_head_read(r, a, &head) != HEAD_OK || !codec_decode(msg, head.version, r, a, &q))
        return false;
#define TAKE(q, instance) \
    ret->group = (q).group_id, ret->member = (instance).n ? SLICE_NULL : (q).member_id, \
    ret->epoch = (q).member_epoch
    if (api == K_API_CONSUMER_GROUP_HEARTBEAT) TAKE(q.consumer, q.consumer.instance_id);
    else if (api == K_API_SHARE_GROUP_HEARTBEAT) TAKE(q.share, SLICE_NULL);
    else TAKE(q.streams, q.streams.instance_id);
#undef TAKE
    return true;
}

/* False: it is not to be read. */
static bool
read_beat_told(const struct world_frame *f, struct reader *r, struct arena *a,
               struct beat_told *ret)
{
    union {
        struct k_consumer_group_heartbeat_response consumer;
        struct k_share_group_heartbeat_response share;
        struct k_streams_group_heartbeat_response streams;
    } p;
    if (f->api == K_API_CONSUMER_GROUP_HEARTBEAT) {
        if (!codec_decode(K_MSG_CONSUMER_GROUP_HEARTBEAT_RESPONSE, f->version, r, a, &p))
            return false;
        ret->member = p.consumer.member_id;
        ret->epoch = p.consumer.member_epoch;
        ret->error = p.consumer.error_code;
        return true;
    }
    if (f->api == K_API_SHARE_GROUP_HEARTBEAT) {
        if (!codec_decode(K_MSG_SHARE_GROUP_HEARTBEAT_RESPONSE, f->version, r, a, &p)) return false;
        ret->member = p.share.member_id;
        ret->epoch = p.share.member_epoch;
        ret->error = p.share.error_code;
        return true;
    }
    if (!codec_decode(K_MSG_STREAMS_GROUP_HEARTBEAT_RESPONSE, f->version, r, a, &p)) return false;
    ret->member = p.streams.member_id;
    ret->epoch = p.streams.member_epoch;
    ret->error = p.streams.error_code;
    return true;
}

static void
hear_beat_asked(struct invariants *v, const struct world_frame *f, struct reader *r,
                struct arena *a)
{
    enum { ASKED_MAX = 1000 };
    struct beat_asked one = {.frame = f->id};
    if (!read_beat_asked(f->api, r, a, &one)) return;
    one.group = mem_dup(v->mem, one.group);
    one.member = one.member.p ? mem_dup(v->mem, one.member) : SLICE_NULL;
    if (v->beats->asked.n == ASKED_MAX) {
        beat_asked_free(v, &v->beats->asked.v[0]);
        VEC_REMOVE_AT(&v->beats->asked, 0);
    }
    VEC_PUSH(v->mem, &v->beats->asked, one);
}

static bool
is_refused_as_none(const struct beat_told *t)
{
    return t->error == K_ERR_UNKNOWN_MEMBER_ID || t->error == K_ERR_FENCED_MEMBER_EPOCH;
}

static void
hear_beat_told(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a)
{
    struct beats *s = v->beats;
    int32_t correlation_id;
    int64_t at = s->asked.n - 1;
    while (at >= 0 && s->asked.v[at].frame != f->answers) at--;
    if (at < 0) return;
    struct beat_asked q = s->asked.v[at];
    struct beat_told one = {.api = f->api, .node = f->from->index, .epoch = -1};
    VEC_REMOVE_AT(&s->asked, at);
    bool is_read =
        response_head_read(r, f->api, f->version, &correlation_id) && read_beat_told(f, r, a, &one);
    bool is_refused = is_read && is_refused_as_none(&one) && q.member.p && q.epoch > 0;
    if (is_refused) one.member = q.member, one.epoch = q.epoch;
    if (is_refused || (is_read && !one.error && one.epoch >= 0)) {
        one.group = mem_dup(v->mem, q.group);
        one.member = mem_dup(v->mem, one.member);
        VEC_PUSH(v->mem, &s->told, one);
    }
    beat_asked_free(v, &q);
}

void
beats_hear(struct invariants *v, const struct world_frame *f, struct slice bytes)
{
    struct arena a;
    if (!f->to || bytes.n < 8 || !is_beat(f->api)) return;
    if (!v->beats) v->beats = MEM_NEW(v->mem, struct beats);
    struct reader r = reader(slice_sub(bytes, 4, bytes.n - 4));
    arena_init(&a, v->mem, 0);
    if (f->is_answer) hear_beat_told(v, f, &r, &a);
    else hear_beat_asked(v, f, &r, &a);
    arena_release(&a);
}

/* ---- the one against the other ---------------------------------------------------------------------- */

static const struct topic_key *
find_beating(struct invariants *v, const struct beat_told *t, int32_t *ret_epoch)
{
    return t->api == K_API_CONSUMER_GROUP_HEARTBEAT
             ? member_committed(v, t->group, t->member, ret_epoch)
             : sharer_committed(v, t->group, t->member, t->api == K_API_STREAMS_GROUP_HEARTBEAT,
                                ret_epoch);
}

/* All that the coordinator has written is committed, and read here: it knows nothing else. */
static void
judge_refusal(struct invariants *v, const struct beat_told *t)
{
    int32_t epoch;
    const struct topic_key *shard = find_beating(v, t, &epoch);
    if (!shard || !coordinator_is_read(v, shard, t->node) || epoch < 0 || epoch == INT32_MAX)
        return;
    if (t->error == K_ERR_UNKNOWN_MEMBER_ID)
        breach(v, RULE_STATE_TOLD, shard, -1, "told a member that is in epoch # that it is none",
               epoch, 0);
    else if (t->epoch == epoch)
        breach(v, RULE_STATE_TOLD, shard, -1, "fenced a member that is in epoch #, as it says",
               epoch, 0);
}

/* A group of which nothing is committed is not known here; and a member that is gone may have been told before it went. */
static void
judge_beat(struct invariants *v, const struct beat_told *t)
{
    int32_t epoch;
    const struct topic_key *shard = find_beating(v, t, &epoch);
    if (shard && coordinator_is_heard(v, shard, t->node) && t->epoch > epoch)
        breach(v, RULE_STATE_TOLD, shard, -1,
               "told a member that it has come to epoch #; committed is #", t->epoch, epoch);
}

void
beats_judge(struct invariants *v, int64_t at_ns, int32_t node)
{
    struct beats *s = v->beats;
    v->at_ns = at_ns;
    v->node = node;
    for (int64_t i = 0; s && i < s->told.n; i++) {
        struct beat_told t = s->told.v[i];
        if (t.node != node) continue;
        VEC_REMOVE_AT(&s->told, i);
        i--;
        if (t.error) judge_refusal(v, &t);
        else judge_beat(v, &t);
        beat_told_free(v, &t);
    }
}
