/* Where logs begin and end (ListOffsets), as leaders tell it, against their logs. A leader may tell what held at any moment
 * between question and answer: the end of what is committed, for readers of committed records (KIP-98) not beyond the first
 * transaction that is open; the start; or the first record of a time, by the batches on its disk. Who comes to lead, or leads
 * no more, in between is not judged. */
#include "broker/base/arena.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "sim/check/invariants_own.h"

#include "apis.h"
#include "messages.h"

enum { LATEST = -1, EARLIEST = -2, MAX_TIMESTAMP = -3, EARLIEST_LOCAL = -4 };

/* Of one partition, and how things stood when it was asked. */
struct end_asked {
    struct topic_key *key;
    int64_t timestamp;
    int32_t epoch;
    int64_t start, hw; /* hw: 0, if it is not known yet how far it was */
    int64_t stable;    /* the last stable offset was no less; 0: not known */
    int64_t ghost; /* … and all below this had been committed, by whoever led; -1: not known */
    bool is_twice; /* in one request: nobody can say which of them an answer would be to */
};

struct ends_asked {
    int64_t frame;
    bool wants_stable;
    VEC(struct end_asked) parts;
};

/* Judged when the step is over in which it was told. */
struct end_told {
    struct end_asked asked;
    int32_t node;
    bool wants_stable;
    int32_t leader_epoch; /* -1: not told */
    int64_t offset, timestamp;
};

struct ends_seen {
    VEC(struct ends_asked) asked;
    VEC(struct end_told) told;
};

static void
forget_ends(struct invariants *v, int64_t at)
{
    VEC_RELEASE(v->mem, &v->ends->asked.v[at].parts);
    VEC_REMOVE_AT(&v->ends->asked, at);
}

void
ends_free(struct invariants *v)
{
    struct ends_seen *s = v->ends;
    if (!s) return;
    while (s->asked.n) forget_ends(v, s->asked.n - 1);
    VEC_RELEASE(v->mem, &s->asked);
    VEC_RELEASE(v->mem, &s->told);
    MEM_DELETE(v->mem, s);
}

/* ---- the wire -------------------------------------------------------------------------------------- */

static struct node_log *
led_by(struct invariants *v, int32_t node, const struct topic_key *k)
{
    const struct model_node *n = model_node(&v->model, node);
    struct node_log *l = n && k->index < n->logs.n ? n->logs.v[k->index] : NULL;
    return l && l->open && l->leads && l->is_bound && !k->is_retired ? l : NULL;
}

/* KIP-207: who has just been elected tells no end before what those before it had committed. */
static int64_t
owed_end(const struct topic_key *k, const struct node_log *l)
{
    bool is_newest = k->now.known && l->epoch == k->now.leader_epoch;
    return is_newest && !was_ever_lossy(k) ? k->ghost : -1;
}

static void
ask_of(struct invariants *v, const struct world_frame *f, struct ends_asked *one,
       struct slice topic, const struct k_list_offsets_request_list_offsets_partition *p)
{
    struct topic_key *k = model_find_key(&v->model, topic, p->partition_index);
    const struct node_log *l = k ? led_by(v, f->to->index, k) : NULL;
    if (!l) return;
    struct end_asked asked = {.key = k,
                              .timestamp = p->timestamp,
                              .epoch = l->epoch,
                              .start = l->start,
                              .hw = l->hw,
                              .ghost = owed_end(k, l)};
    if (one->wants_stable) asked.stable = truth_stable(v, f->to->index, k, l->hw);
    for (int64_t i = 0; i < one->parts.n; i++)
        if (one->parts.v[i].key == k) one->parts.v[i].is_twice = asked.is_twice = true;
    VEC_PUSH(v->mem, &one->parts, asked);
}

/* A replica that copies asks for the end of all that there is. */
static void
hear_ends_asked(struct invariants *v, const struct world_frame *f, struct reader *r,
                struct arena *a)
{
    enum { ASKED_MAX = 200 };
    struct ends_seen *s = v->ends;
    struct request_head head;
    struct k_list_offsets_request q;
    if (request_head_read(r, a, &head) != HEAD_OK ||
        !codec_decode(K_MSG_LIST_OFFSETS_REQUEST, head.version, r, a, &q) || q.replica_id >= 0)
        return;
    struct ends_asked one = {.frame = f->id, .wants_stable = q.isolation_level == 1};
    for (int32_t t = 0; t < q.topics_n; t++)
        for (int32_t i = 0; i < q.topics[t].partitions_n; i++)
            ask_of(v, f, &one, q.topics[t].name, &q.topics[t].partitions[i]);
    if (s->asked.n == ASKED_MAX) forget_ends(v, 0);
    VEC_PUSH(v->mem, &s->asked, one);
}

static void
take_told(struct invariants *v, const struct world_frame *f, const struct ends_asked *q,
          const struct topic_key *k,
          const struct k_list_offsets_response_list_offsets_partition_response *p)
{
    for (int64_t i = 0; i < q->parts.n; i++) {
        if (q->parts.v[i].key != k) continue;
        struct end_told told = {.asked = q->parts.v[i],
                                .node = f->from->index,
                                .wants_stable = q->wants_stable,
                                .leader_epoch = f->version >= 4 ? p->leader_epoch : -1,
                                .offset = p->offset,
                                .timestamp = p->timestamp};
        VEC_PUSH(v->mem, &v->ends->told, told);
        return;
    }
}

static void
hear_ends_told(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a)
{
    struct ends_seen *s = v->ends;
    struct k_list_offsets_response p;
    int32_t correlation_id;
    int64_t at = s->asked.n - 1;
    while (at >= 0 && s->asked.v[at].frame != f->answers) at--;
    if (at < 0) return;
    bool is_one = f->version >= 1 && response_head_read(r, f->api, f->version, &correlation_id) &&
                  codec_decode(K_MSG_LIST_OFFSETS_RESPONSE, f->version, r, a, &p);
    for (int32_t t = 0; is_one && t < p.topics_n; t++)
        for (int32_t i = 0; i < p.topics[t].partitions_n; i++) {
            const struct topic_key *k = model_find_key(&v->model, p.topics[t].name,
                                                       p.topics[t].partitions[i].partition_index);
            if (k && !p.topics[t].partitions[i].error_code)
                take_told(v, f, &s->asked.v[at], k, &p.topics[t].partitions[i]);
        }
    forget_ends(v, at);
}

void
ends_hear(struct invariants *v, const struct world_frame *f, struct slice bytes)
{
    if (!f->to || bytes.n < 8 || f->api != K_API_LIST_OFFSETS) return;
    if (!v->ends) v->ends = MEM_NEW(v->mem, struct ends_seen);
    struct reader r = reader(slice_sub(bytes, 4, bytes.n - 4));
    struct arena a;
    arena_init(&a, v->mem, 0);
    if (f->is_answer) hear_ends_told(v, f, &r, &a);
    else hear_ends_asked(v, f, &r, &a);
    arena_release(&a);
}

/* ---- the one against the other --------------------------------------------------------------------- */

/* What is committed, or, for who wants that, stable: all that is told lies below. The beginning of a transaction may be deleted,
 * and then that of the log counts. */
static int64_t
end_now(struct invariants *v, const struct end_told *t, const struct node_log *l)
{
    int64_t most = t->asked.hw > 0 ? l->hw : t->asked.key->most;
    int64_t open = t->wants_stable ? truth_first_open(v, t->node, t->asked.key) : -1;
    return open >= 0 ? MIN(most, MAX(open, l->start)) : most;
}

static void
judge_latest(struct invariants *v, const struct end_told *t, const struct node_log *l)
{
    const struct end_asked *q = &t->asked;
    int64_t least = t->wants_stable ? q->stable : MAX(q->hw, q->ghost);
    int64_t most = end_now(v, t, l);
    /* If all of an open transaction is deleted the disk tells nothing of it, once its node has begun anew. */
    bool may_be_open = t->wants_stable && l->start > 0 && t->offset == l->start;
    if (t->offset < least && !may_be_open)
        breach(v, RULE_LOG_TOLD, q->key, t->offset,
               "told that its log ends at #; when it was asked that was # or more", t->offset,
               least);
    else if (t->offset > most)
        breach(v, RULE_LOG_TOLD, q->key, t->offset,
               "told that its log ends at #; committed, and stable where asked, is all below #",
               t->offset, most);
    else if (t->leader_epoch >= 0 && t->leader_epoch != l->epoch)
        breach(v, RULE_LOG_TOLD, q->key, t->offset,
               "told that its log ends in epoch #; it leads in epoch #", t->leader_epoch, l->epoch);
}

static void
judge_epoch(struct invariants *v, const struct end_told *t, const struct batch *b)
{
    if (b && t->leader_epoch >= 0 && t->leader_epoch != b->epoch)
        breach(v, RULE_LOG_TOLD, t->asked.key, t->offset,
               "told that a record is of epoch #; it is of epoch #", t->leader_epoch, b->epoch);
}

/* A compacted log begins before its first batch. */
static void
judge_earliest(struct invariants *v, const struct end_told *t, const struct node_log *l)
{
    if (t->asked.key->is_compacted) return;
    if (t->offset < t->asked.start || t->offset > l->start)
        breach(v, RULE_LOG_TOLD, t->asked.key, t->offset,
               "told that its log begins at #; it begins at #", t->offset, l->start);
    else judge_epoch(v, t, log_at(l, t->offset));
}

/* Markers have times, too, but are nobody's records. */
static const struct batch *
first_since(const struct node_log *l, int64_t from, int64_t timestamp)
{
    for (int64_t i = 0; i < l->v.n; i++) {
        const struct batch *b = l->v.v[i];
        if (b->base >= from && !b->is_control && b->max_timestamp >= timestamp) return b;
    }
    return NULL;
}

/* What came into the log, or went from it, between question and answer may be told of or not. */
static void
judge_time(struct invariants *v, const struct end_told *t, const struct node_log *l)
{
    const struct end_asked *q = &t->asked;
    bool wants_last = q->timestamp == MAX_TIMESTAMP;
    int64_t surely = t->wants_stable ? q->stable : q->hw;
    int64_t least = wants_last ? t->timestamp + 1 : q->timestamp;
    const struct batch *found = t->offset >= 0 ? log_at(l, t->offset) : NULL;
    const struct batch *first = first_since(l, l->start, least);
    int64_t before = wants_last || !found ? surely : found->base;
    bool may_be_none = wants_last && t->offset < 0; /* the last record may not be committed yet */
    if (may_be_none || (found && !found->is_looked_at)) return;
    if (t->offset >= 0 && (!found || t->offset < q->start || t->offset >= end_now(v, t, l)))
        breach(v, RULE_LOG_TOLD, q->key, t->offset,
               "told of offset # by its time; that is outside of its log, which begins at #",
               t->offset, l->start);
    else if (found && (t->timestamp > found->max_timestamp || t->timestamp < q->timestamp))
        breach(v, RULE_LOG_TOLD, q->key, t->offset,
               "told of a record of time # where the last is of time #", t->timestamp,
               found->max_timestamp);
    else if (first && first->last < before)
        breach(v, RULE_LOG_TOLD, q->key, t->offset,
               "told of offset # by its time; the batch at # comes first", t->offset, first->base);
    else judge_epoch(v, t, found);
}

static void
judge_end(struct invariants *v, const struct end_told *t)
{
    const struct end_asked *q = &t->asked;
    struct node_log *l = led_by(v, t->node, q->key);
    if (!l || l->epoch != q->epoch) return;
    if (q->is_twice) {
        breach(v, RULE_LOG_TOLD, q->key, t->offset,
               "told of offset # to one of two questions about one partition", t->offset, 0);
        return;
    }
    switch (q->timestamp) {
    case LATEST: judge_latest(v, t, l); return;
    case EARLIEST:
    case EARLIEST_LOCAL: judge_earliest(v, t, l); return;
    default:
        if (q->timestamp >= MAX_TIMESTAMP && !q->key->is_compacted && q->hw > 0 &&
            truth_looks(v, t->node, l, l->hw))
            judge_time(v, t, l);
    }
}

void
ends_judge(struct invariants *v, int64_t at_ns, int32_t node)
{
    struct ends_seen *s = v->ends;
    v->at_ns = at_ns;
    v->node = node;
    for (int64_t i = 0; s && i < s->told.n; i++) {
        const struct end_told t = s->told.v[i];
        if (t.node != node) continue;
        VEC_REMOVE_AT(&s->told, i);
        i--;
        judge_end(v, &t);
    }
}
