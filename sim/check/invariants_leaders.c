/* Who leads instead, as brokers tell those that came to the wrong one (KIP-951: Produce from version 10 on, Fetch from 16, ShareFetch and
 * ShareAcknowledge), against what the quorum decided. As in invariants_cluster.c it must have been so at one place between what the
 * broker had applied when it was asked and what is committed when it answers. A client that believes a wrong leader, or a
 * right one under a wrong epoch, asks there, and takes no other for newer until it is told of a higher epoch. Whoever serves and is
 * named stands among the endpoints, too: a client that does not know it could not ask it. */
#include "broker/base/arena.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "sim/check/invariants_own.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

/* From these versions on. */
enum { PRODUCE_NAMES = 10, FETCH_NAMES = 16 };
/* An answer to a fetch of a session that has no partition to tell of is no longer. */
enum { FETCH_TELLS_NOTHING_BYTES = 32 };
/* Requests are found by their numbers; an old one gives its place to a new one, and is not judged. */
enum { ASKED_N = 4096 };

struct asked_leader {
    int64_t frame, from;
};

/* Judged when the step is over in which it was told. */
struct told_leader {
    int32_t node;
    int64_t from;
    bool has_endpoint;
    struct leader_told l;
};

struct leaders_seen {
    struct asked_leader asked[ASKED_N];
    VEC(struct told_leader) told;
};

static void
forget_told_leader(struct invariants *v, int64_t at)
{
    mem_free_slice(v->mem, v->leaders->told.v[at].l.name);
    VEC_REMOVE_AT(&v->leaders->told, at);
}

void
leaders_free(struct invariants *v)
{
    struct leaders_seen *s = v->leaders;
    if (!s) return;
    while (s->told.n) forget_told_leader(v, s->told.n - 1);
    VEC_RELEASE(v->mem, &s->told);
    MEM_DELETE(v->mem, s);
}

/* ---- what is told ---------------------------------------------------------------------------------- */

static bool
names_leader(int16_t err)
{
    return err == K_ERR_NOT_LEADER_OR_FOLLOWER || err == K_ERR_FENCED_LEADER_EPOCH;
}

static void
hear_leader(struct invariants *v, const struct world_frame *f, const struct leader_told *l,
            bool has_endpoint)
{
    struct leaders_seen *s = v->leaders;
    const struct asked_leader *asked = s ? &s->asked[f->answers % ASKED_N] : NULL;
    if (!asked || asked->frame != f->answers || asked->from < 0) return;
    struct told_leader one = {f->from->index, asked->from, has_endpoint, *l};
    one.l.name = mem_dup(v->mem, l->name);
    VEC_PUSH(v->mem, &s->told, one);
}

/* Their structures differ by their names alone. */
#define HAS_ENDPOINT(p, id, ret) \
    for (int32_t e_ = 0; e_ < (p)->node_endpoints_n; e_++) \
    *(ret) |= (p)->node_endpoints[e_].node_id == (id)

void
leaders_hear_produced(struct invariants *v, const struct world_frame *f,
                      const struct k_produce_response *p)
{
    for (int32_t t = 0; f->version >= PRODUCE_NAMES && t < p->responses_n; t++)
        for (int32_t i = 0; i < p->responses[t].partition_responses_n; i++) {
            const struct k_produce_response_partition_produce_response *d =
                &p->responses[t].partition_responses[i];
            struct leader_told l = {p->responses[t].name, p->responses[t].topic_id, d->index,
                                    d->current_leader.leader_id, d->current_leader.leader_epoch};
            bool has_endpoint = false;
            if (d->error_code != K_ERR_NOT_LEADER_OR_FOLLOWER || wire_is_rewritten(v, f)) continue;
            HAS_ENDPOINT(p, l.leader, &has_endpoint);
            hear_leader(v, f, &l, has_endpoint);
        }
}

static void
hear_fetched_leaders(struct invariants *v, const struct world_frame *f, struct reader *r,
                     struct arena *a)
{
    struct k_fetch_response p;
    if (!codec_decode(K_MSG_FETCH_RESPONSE, f->version, r, a, &p)) return;
    for (int32_t t = 0; t < p.responses_n; t++)
        for (int32_t i = 0; i < p.responses[t].partitions_n; i++) {
            const struct k_fetch_response_partition_data *d = &p.responses[t].partitions[i];
            struct leader_told l = {p.responses[t].topic, p.responses[t].topic_id,
                                    d->partition_index, d->current_leader.leader_id,
                                    d->current_leader.leader_epoch};
            bool has_endpoint = false;
            if (!names_leader(d->error_code)) continue;
            HAS_ENDPOINT(&p, l.leader, &has_endpoint);
            hear_leader(v, f, &l, has_endpoint);
        }
}

static void
hear_shared_leaders(struct invariants *v, const struct world_frame *f, struct reader *r,
                    struct arena *a)
{
    struct k_share_fetch_response p;
    if (!codec_decode(K_MSG_SHARE_FETCH_RESPONSE, f->version, r, a, &p)) return;
    for (int32_t t = 0; t < p.responses_n; t++)
        for (int32_t i = 0; i < p.responses[t].partitions_n; i++) {
            const struct k_share_fetch_response_partition_data *d = &p.responses[t].partitions[i];
            struct leader_told l = {SLICE_NULL, p.responses[t].topic_id, d->partition_index,
                                    d->current_leader.leader_id, d->current_leader.leader_epoch};
            bool has_endpoint = false;
            if (!names_leader(d->error_code) && !names_leader(d->acknowledge_error_code)) continue;
            HAS_ENDPOINT(&p, l.leader, &has_endpoint);
            hear_leader(v, f, &l, has_endpoint);
        }
}

static void
hear_acknowledged_leaders(struct invariants *v, const struct world_frame *f, struct reader *r,
                          struct arena *a)
{
    struct k_share_acknowledge_response p;
    if (!codec_decode(K_MSG_SHARE_ACKNOWLEDGE_RESPONSE, f->version, r, a, &p)) return;
    for (int32_t t = 0; t < p.responses_n; t++)
        for (int32_t i = 0; i < p.responses[t].partitions_n; i++) {
            const struct k_share_acknowledge_response_partition_data *d =
                &p.responses[t].partitions[i];
            struct leader_told l = {SLICE_NULL, p.responses[t].topic_id, d->partition_index,
                                    d->current_leader.leader_id, d->current_leader.leader_epoch};
            bool has_endpoint = false;
            if (!names_leader(d->error_code)) continue;
            HAS_ENDPOINT(&p, l.leader, &has_endpoint);
            hear_leader(v, f, &l, has_endpoint);
        }
}

static bool
may_name_leaders(const struct world_frame *f)
{
    switch (f->api) {
    case K_API_PRODUCE: return !f->is_answer; /* the answer comes by leaders_hear_produced() */
    case K_API_FETCH: return !f->is_answer || f->version >= FETCH_NAMES;
    case K_API_SHARE_FETCH:
    case K_API_SHARE_ACKNOWLEDGE: return true;
    default: return false;
    }
}

static void
hear_leader_asked(struct invariants *v, const struct world_frame *f)
{
    if (!v->leaders) v->leaders = MEM_NEW(v->mem, struct leaders_seen);
    v->leaders->asked[f->id % ASKED_N] =
        (struct asked_leader){f->id, cluster_has_applied(v, f->to->index)};
}

/* What has records from files is not whole here: an answer with an error tells of nothing else, but for a partition that
 * another one brought along. */
void
leaders_hear(struct invariants *v, const struct world_frame *f, struct slice bytes)
{
    enum { CONTROLLER_PORT = 9093 };
    if (!may_name_leaders(f) || !f->to || f->port == CONTROLLER_PORT) return;
    if (!f->is_answer) {
        hear_leader_asked(v, f);
        return;
    }
    int32_t correlation_id;
    struct arena a;
    if (bytes.n <= FETCH_TELLS_NOTHING_BYTES || f->bytes > bytes.n) return;
    struct reader r = reader(slice_sub(bytes, 4, bytes.n - 4));
    if (!response_head_read(&r, f->api, f->version, &correlation_id)) return;
    arena_init(&a, v->mem, 0);
    if (f->api == K_API_FETCH) hear_fetched_leaders(v, f, &r, &a);
    else if (f->api == K_API_SHARE_FETCH) hear_shared_leaders(v, f, &r, &a);
    else hear_acknowledged_leaders(v, f, &r, &a);
    arena_release(&a);
}

/* ---- the one against the other --------------------------------------------------------------------- */

static void
judge_leader(struct invariants *v, const struct told_leader *t)
{
    const struct topic_key *k =
        t->l.name.n ? model_find_key(&v->model, t->l.name, t->l.partition) : NULL;
    if (!cluster_may_lead(v, t->from, &t->l))
        breach(v, RULE_CLUSTER_TOLD, k, -1,
               "told who came to the wrong leader that # leads in epoch #: not decided, or over "
               "before it was asked",
               t->l.leader, t->l.epoch);
    else if (t->l.leader >= 0 && !t->has_endpoint && cluster_surely_serves(v, t->from, t->l.leader))
        breach(v, RULE_CLUSTER_TOLD, k, -1,
               "told who came to the wrong leader that # leads in epoch #, and not where that one "
               "listens",
               t->l.leader, t->l.epoch);
}

void
leaders_judge(struct invariants *v, int64_t at_ns, int32_t node)
{
    struct leaders_seen *s = v->leaders;
    if (!s || !s->told.n) return;
    v->at_ns = at_ns;
    v->node = node;
    for (int64_t i = 0; i < s->told.n; i++) {
        if (s->told.v[i].node != node) continue;
        judge_leader(v, &s->told.v[i]);
        forget_told_leader(v, i--);
    }
}
