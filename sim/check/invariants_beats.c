/* What members of groups are told by their heartbeats (ConsumerGroupHeartbeat, ShareGroupHeartbeat, StreamsGroupHeartbeat), against
 * what is committed of them: whoever is told that it has come to an epoch has come there for good. Were it told so before that is
 * committed, the next coordinator might not know of it, and give what the member has by then to somebody else. */
#include "broker/base/arena.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "sim/check/invariants_own.h"

#include "apis.h"
#include "messages.h"

struct beat_asked {
    int64_t frame;
    struct slice group;
};

/* Judged when the step is over in which it was told. */
struct beat_told {
    int16_t api;
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

void
beats_free(struct invariants *v)
{
    struct beats *s = v->beats;
    if (!s) return;
    for (int64_t i = 0; i < s->asked.n; i++) mem_free_slice(v->mem, s->asked.v[i].group);
    for (int64_t i = 0; i < s->told.n; i++) beat_told_free(v, &s->told.v[i]);
    VEC_RELEASE(v->mem, &s->asked);
    VEC_RELEASE(v->mem, &s->told);
    MEM_DELETE(v->mem, s);
}

/* ---- the wire -------------------------------------------------------------------------------------- */

/* The group that it is about; null: not to be read. */
static struct slice
group_of_beat(int16_t api, struct reader *r, struct arena *a)
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
        return SLICE_NULL;
    return api == K_API_CONSUMER_GROUP_HEARTBEAT ? q.consumer.group_id
         : api == K_API_SHARE_GROUP_HEARTBEAT    ? q.share.group_id
                                                 : q.streams.group_id;
}

/* False: it is refused, or not to be read. */
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
        return !p.consumer.error_code;
    }
    if (f->api == K_API_SHARE_GROUP_HEARTBEAT) {
        if (!codec_decode(K_MSG_SHARE_GROUP_HEARTBEAT_RESPONSE, f->version, r, a, &p)) return false;
        ret->member = p.share.member_id;
        ret->epoch = p.share.member_epoch;
        return !p.share.error_code;
    }
    if (!codec_decode(K_MSG_STREAMS_GROUP_HEARTBEAT_RESPONSE, f->version, r, a, &p)) return false;
    ret->member = p.streams.member_id;
    ret->epoch = p.streams.member_epoch;
    return !p.streams.error_code;
}

static void
hear_beat_asked(struct invariants *v, const struct world_frame *f, struct reader *r,
                struct arena *a)
{
    enum { ASKED_MAX = 1000 };
    struct beat_asked one = {f->id, group_of_beat(f->api, r, a)};
    if (!one.group.p) return;
    one.group = mem_dup(v->mem, one.group);
    if (v->beats->asked.n == ASKED_MAX) {
        mem_free_slice(v->mem, v->beats->asked.v[0].group);
        VEC_REMOVE_AT(&v->beats->asked, 0);
    }
    VEC_PUSH(v->mem, &v->beats->asked, one);
}

static void
hear_beat_told(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a)
{
    struct beats *s = v->beats;
    int32_t correlation_id;
    int64_t at = s->asked.n - 1;
    while (at >= 0 && s->asked.v[at].frame != f->answers) at--;
    if (at < 0) return;
    struct beat_told one = {
        .api = f->api, .node = f->from->index, .group = s->asked.v[at].group, .epoch = -1};
    VEC_REMOVE_AT(&s->asked, at);
    bool is_said = response_head_read(r, f->api, f->version, &correlation_id) &&
                   read_beat_told(f, r, a, &one) && one.epoch >= 0;
    one.member = is_said ? mem_dup(v->mem, one.member) : SLICE_NULL;
    if (is_said) VEC_PUSH(v->mem, &s->told, one);
    else mem_free_slice(v->mem, one.group);
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

/* A group of which nothing is committed is not known here; and a member that is gone may have been told before it went. */
static void
judge_beat(struct invariants *v, const struct beat_told *t)
{
    int32_t epoch;
    const struct topic_key *shard =
        t->api == K_API_CONSUMER_GROUP_HEARTBEAT
            ? member_committed(v, t->group, t->member, &epoch)
            : sharer_committed(v, t->group, t->member, t->api == K_API_STREAMS_GROUP_HEARTBEAT,
                               &epoch);
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
        judge_beat(v, &t);
        beat_told_free(v, &t);
    }
}
