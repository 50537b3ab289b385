/* By what logs voters vote (Raft, 5.4.1). Who stands for election, or asks whether it would be elected (KIP-996), says where its log ends, and
 * in which epoch. A voter is for it only if that is no less than what itself has: so whoever has the votes of a majority has
 * all that a majority has. (Whether it ends there in truth does not follow from the frame: it may have waited for its connection.) */
#include "broker/base/arena.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "sim/check/invariants_own.h"

#include "apis.h"
#include "messages.h"

#define METADATA S("__cluster_metadata-0")

/* Requests without an answer; the oldest gives its place to a new one, and is not judged. */
enum { STOOD_MAX = 256 };

struct log_place {
    bool is_known;
    int32_t epoch; /* of the last record */
    int64_t end;
};

struct stood {
    int64_t frame;
    struct log_place told, had; /* had: by the voter, when it was asked */
};

/* A voter is for somebody. Judged when the step is over in which it was told. */
struct stand {
    int32_t node;
    struct log_place told, had;
};

struct standing_seen {
    VEC(struct stood) asked;
    VEC(struct stand) stands;
};

static struct standing_seen *
standing_of(struct invariants *v)
{
    if (!v->standing) v->standing = MEM_NEW(v->mem, struct standing_seen);
    return v->standing;
}

void
standing_free(struct invariants *v)
{
    if (!v->standing) return;
    VEC_RELEASE(v->mem, &v->standing->asked);
    VEC_RELEASE(v->mem, &v->standing->stands);
    MEM_DELETE(v->mem, v->standing);
}

static struct log_place
place_of(struct invariants *v, int32_t node)
{
    struct log_place none = {0};
    const struct topic_key *k = model_find_subject(&v->model, METADATA);
    const struct model_node *n = model_node(&v->model, node);
    const struct node_log *l = k && n && k->index < n->logs.n ? n->logs.v[k->index] : NULL;
    if (!l || !l->open || l->hurt || !l->v.n || n->is_spoilt) return none;
    return (struct log_place){true, log_last(l)->epoch, log_end(l)};
}

static bool
lacks(const struct log_place *a, const struct log_place *b)
{
    return a->epoch < b->epoch || (a->epoch == b->epoch && a->end < b->end);
}

static void
hear_stand(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a)
{
    struct standing_seen *s = standing_of(v);
    struct request_head head;
    struct k_vote_request q;
    if (request_head_read(r, a, &head) != HEAD_OK ||
        !codec_decode(K_MSG_VOTE_REQUEST, head.version, r, a, &q) || q.topics_n != 1 ||
        q.topics[0].partitions_n != 1)
        return;
    const struct k_vote_request_partition_data *d = &q.topics[0].partitions[0];
    struct log_place told = {true, d->last_offset_epoch, d->last_offset};
    struct stood one = {f->id, told, place_of(v, f->to->index)};
    if (s->asked.n == STOOD_MAX) VEC_REMOVE_AT(&s->asked, 0);
    VEC_PUSH(v->mem, &s->asked, one);
}

static void
hear_for_whom(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a)
{
    struct standing_seen *s = standing_of(v);
    struct k_vote_response p;
    int32_t correlation_id;
    int64_t at = s->asked.n - 1;
    while (at >= 0 && s->asked.v[at].frame != f->answers) at--;
    if (at < 0) return;
    struct stood asked = s->asked.v[at];
    VEC_REMOVE_AT(&s->asked, at);
    if (!response_head_read(r, K_API_VOTE, f->version, &correlation_id) ||
        !codec_decode(K_MSG_VOTE_RESPONSE, f->version, r, a, &p) || p.topics_n != 1 ||
        p.topics[0].partitions_n != 1 || !p.topics[0].partitions[0].vote_granted)
        return;
    struct stand vote = {f->from->index, asked.told, asked.had};
    VEC_PUSH(v->mem, &s->stands, vote);
}

void
standing_hear(struct invariants *v, const struct world_frame *f, struct slice bytes)
{
    if (f->api != K_API_VOTE || !f->to || bytes.n < 8) return;
    struct reader r = reader(slice_sub(bytes, 4, bytes.n - 4));
    struct arena a;
    arena_init(&a, v->mem, 0);
    if (f->is_answer) hear_for_whom(v, f, &r, &a);
    else hear_stand(v, f, &r, &a);
    arena_release(&a);
}

/* Between the question and its vote, and between that and the answer, a voter may have got more records: what it lacked at one of
 * both ends it may have lacked when it chose. */
static void
judge_stand(struct invariants *v, const struct stand *s)
{
    struct log_place has = place_of(v, s->node);
    if (!has.is_known || !s->had.is_known || !lacks(&s->told, &has) || !lacks(&s->told, &s->had))
        return;
    breach(v, RULE_VOTE_BY_LOG, model_find_subject(&v->model, METADATA), -1,
           s->told.epoch < has.epoch
               ? "is for one whose log ends in epoch #; its own ends in epoch #"
               : "is for one whose log ends at #; its own ends at #",
           s->told.epoch < has.epoch ? s->told.epoch : s->told.end,
           s->told.epoch < has.epoch ? has.epoch : has.end);
}

void
standing_judge(struct invariants *v, int64_t at_ns, int32_t node)
{
    struct standing_seen *s = v->standing;
    if (!s || !s->stands.n) return;
    v->at_ns = at_ns;
    v->node = node;
    for (int64_t i = 0; i < s->stands.n; i++) {
        const struct stand one = s->stands.v[i];
        if (one.node != node) continue;
        VEC_REMOVE_AT(&s->stands, i);
        i--;
        judge_stand(v, &one);
    }
}
