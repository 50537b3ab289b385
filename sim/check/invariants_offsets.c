/* Committed offsets: what coordinators tell of them (OffsetFetch), against the records of __consumer_offsets that are committed; and those
 * records against what was committed (OffsetCommit, TxnOffsetCommit), once it is acknowledged. A coordinator may tell what held at any moment between question and answer, and nothing else; who asks for stable offsets
 * is not told one that an open transaction is about to move (KIP-447). */
#include "broker/base/arena.h"
#include "broker/base/crc32c.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "broker/protocol/record_frame.h"
#include "broker/record/record.h"
#include "sim/check/invariants_own.h"

#include "apis.h"
#include "messages.h"

#define VALUES_KEPT 16

struct offset_said {
    int64_t offset; /* -1: none */
    int32_t leader_epoch;
    uint32_t metadata_crc;
    struct uuid topic; /* zero: not said */
};

/* It holds from its commit on; until the next. */
struct offset_held {
    struct offset_said what;
    int64_t record; /* where it lies in its log */
    int64_t from_ns;
};

/* Of a transaction that has no marker yet. */
struct offset_open {
    int64_t producer;
    struct offset_held then;
};

struct offset_seen {
    const struct topic_key *shard;
    struct slice group, topic;
    int32_t partition;
    VEC(struct offset_held) held; /* the last ones, in their order */
    VEC(struct offset_open) open;
    VEC(struct offset_open)
    over; /* the last that ended without holding: aborted, or late, or deleted */
};

struct offsets_asked {
    int64_t frame, at_ns;
    bool wants_stable;
};

/* Judged when the step is over in which it was told. */
struct offset_told {
    struct offset_seen *of; /* NULL: nothing was ever committed */
    struct offset_said what;
    struct uuid topic; /* of which the answer speaks, if it says so */
    int64_t asked_ns;
    int32_t node;
    bool is_stable;
    const struct topic_key *key;
};

/* A client commits it; judged when the step is over in which that was acknowledged. */
struct commit_asked {
    int64_t frame, at_ns;
    int64_t producer; /* -1: of no transaction */
    struct slice group, topic;
    int32_t partition;
    struct offset_said what;
    int32_t node; /* who acknowledged it; -1: nobody yet */
};

struct offsets_seen {
    VEC(struct offset_seen *) all;
    VEC(struct commit_asked) commits;
    VEC(struct offsets_asked) asked;
    VEC(struct offset_told) told;
    bool is_unsure; /* what is committed is not known any more */
};

static struct offsets_seen *
offsets_of(struct invariants *v)
{
    if (!v->offsets) v->offsets = MEM_NEW(v->mem, struct offsets_seen);
    return v->offsets;
}

static void
forget_commit(struct invariants *v, int64_t at)
{
    struct commit_asked *c = &v->offsets->commits.v[at];
    mem_free_slice(v->mem, c->group);
    mem_free_slice(v->mem, c->topic);
    VEC_REMOVE_AT(&v->offsets->commits, at);
}

void
offsets_free(struct invariants *v)
{
    struct offsets_seen *s = v->offsets;
    if (!s) return;
    for (int64_t i = 0; i < s->all.n; i++) {
        struct offset_seen *o = s->all.v[i];
        mem_free_slice(v->mem, o->group);
        mem_free_slice(v->mem, o->topic);
        VEC_RELEASE(v->mem, &o->held);
        VEC_RELEASE(v->mem, &o->open);
        VEC_RELEASE(v->mem, &o->over);
        MEM_DELETE(v->mem, o);
    }
    while (s->commits.n) forget_commit(v, s->commits.n - 1);
    VEC_RELEASE(v->mem, &s->commits);
    VEC_RELEASE(v->mem, &s->all);
    VEC_RELEASE(v->mem, &s->asked);
    VEC_RELEASE(v->mem, &s->told);
    MEM_DELETE(v->mem, s);
}

void
offsets_lost(struct invariants *v)
{
    offsets_of(v)->is_unsure = true;
}

/* ---- what is committed ----------------------------------------------------------------------------- */

static struct offset_seen *
find_offset(const struct offsets_seen *s, struct slice group, struct slice topic, int32_t partition)
{
    for (int64_t i = 0; i < s->all.n; i++) {
        struct offset_seen *o = s->all.v[i];
        if (o->partition == partition && slice_eq(o->group, group) && slice_eq(o->topic, topic))
            return o;
    }
    return NULL;
}

static struct offset_seen *
offset_seen_of(struct invariants *v, const struct topic_key *shard,
               const struct k_offset_commit_key *k)
{
    struct offsets_seen *s = offsets_of(v);
    struct offset_seen *o = find_offset(s, k->group, k->topic, k->partition);
    if (o) return o;
    o = MEM_NEW(v->mem, struct offset_seen);
    o->shard = shard;
    o->group = mem_dup(v->mem, k->group);
    o->topic = mem_dup(v->mem, k->topic);
    o->partition = k->partition;
    VEC_PUSH(v->mem, &s->all, o);
    return o;
}

static void
keep_held(struct invariants *v, struct offset_seen *o, const struct offset_held *h)
{
    if (o->held.n == VALUES_KEPT) VEC_REMOVE_AT(&o->held, 0);
    VEC_PUSH(v->mem, &o->held, *h);
}

static void
keep_over(struct invariants *v, struct offset_seen *o, const struct offset_open *one)
{
    if (o->over.n == VALUES_KEPT) VEC_REMOVE_AT(&o->over, 0);
    VEC_PUSH(v->mem, &o->over, *one);
    o->over.v[o->over.n - 1].then.from_ns = v->at_ns;
}

/* What is deleted, is so for open transactions, too. */
static void
hold_or_open(struct invariants *v, struct offset_seen *o, int64_t producer,
             const struct offset_held *h)
{
    struct offset_open open = {producer, *h};
    if (producer >= 0) {
        VEC_PUSH(v->mem, &o->open, open);
        return;
    }
    for (int64_t i = 0; h->what.offset < 0 && i < o->open.n; i++) keep_over(v, o, &o->open.v[i]);
    if (h->what.offset < 0) o->open.n = 0;
    keep_held(v, o, h);
}

void
take_offset_record(struct invariants *v, const struct topic_key *shard, struct arena *scratch,
                   const struct record *rec, int64_t producer)
{
    struct reader key = reader(rec->key), value = reader(rec->value);
    enum k_msg key_kind, value_kind;
    struct k_offset_commit_key k;
    struct k_offset_commit_value r;
    int16_t version;
    struct offset_held h = {
        .what = {-1, -1, 0, UUID_ZERO}, .record = rec->offset, .from_ns = v->at_ns};
    if (!coordinator_key_read(&key, COORDINATOR_GROUP, &key_kind, &value_kind) ||
        key_kind != K_MSG_OFFSET_COMMIT_KEY || !codec_decode(key_kind, 0, &key, scratch, &k))
        return;
    if (rec->value.p) {
        if (!coordinator_value_read(&value, value_kind, &version) ||
            !codec_decode(value_kind, version, &value, scratch, &r))
            return;
        h.what = (struct offset_said){r.offset, r.leader_epoch,
                                      crc32c(CRC32C_PORTABLE, 0, r.metadata), r.topic_id};
    }
    hold_or_open(v, offset_seen_of(v, shard, &k), producer, &h);
}

/* A later value, of no transaction, holds. */
void
take_offsets_end(struct invariants *v, const struct topic_key *shard, int64_t producer, bool commit)
{
    for (int64_t i = 0; v->offsets && i < v->offsets->all.n; i++) {
        struct offset_seen *o = v->offsets->all.v[i];
        if (o->shard != shard) continue;
        int64_t kept = 0;
        for (int64_t k = 0; k < o->open.n; k++) {
            struct offset_open one = o->open.v[k];
            if (one.producer != producer) {
                o->open.v[kept++] = one;
                continue;
            }
            one.then.from_ns = v->at_ns;
            if (commit && (!o->held.n || o->held.v[o->held.n - 1].record < one.then.record))
                keep_held(v, o, &one.then);
            else keep_over(v, o, &one);
        }
        o->open.n = kept;
    }
}

/* ---- what is told ---------------------------------------------------------------------------------- */

static void
hear_question(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a)
{
    enum { ASKED_MAX = 1000 };
    struct request_head head;
    struct k_offset_fetch_request q;
    struct offsets_seen *s = offsets_of(v);
    if (request_head_read(r, a, &head) != HEAD_OK ||
        !codec_decode(K_MSG_OFFSET_FETCH_REQUEST, head.version, r, a, &q))
        return;
    struct offsets_asked one = {f->id, f->at_ns, q.require_stable};
    if (s->asked.n == ASKED_MAX) VEC_REMOVE_AT(&s->asked, 0);
    VEC_PUSH(v->mem, &s->asked, one);
}

typedef struct k_offset_fetch_response_offset_fetch_response_group told_group;
typedef struct k_offset_fetch_response_offset_fetch_response_topics told_topic;

static void
hear_topic(struct invariants *v, const struct world_frame *f, const struct offsets_asked *asked,
           struct slice group, const told_topic *t)
{
    struct offsets_seen *s = v->offsets;
    struct slice name = t->name.n ? t->name : invariants_topic_name(v, t->topic_id);
    for (int32_t i = 0; name.n && i < t->partitions_n; i++) {
        const struct k_offset_fetch_response_offset_fetch_response_partitions *p =
            &t->partitions[i];
        struct offset_told one = {.of = find_offset(s, group, name, p->partition_index),
                                  .what = {p->committed_offset, p->committed_leader_epoch,
                                           crc32c(CRC32C_PORTABLE, 0, p->metadata), UUID_ZERO},
                                  .topic = t->topic_id,
                                  .asked_ns = asked->at_ns,
                                  .node = f->from->index,
                                  .is_stable = asked->wants_stable,
                                  .key = model_find_key(&v->model, name, p->partition_index)};
        if (!p->error_code && one.key) VEC_PUSH(v->mem, &s->told, one);
    }
}

/* Before version 8 an answer does not say of which group it speaks. */
static void
hear_told(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a)
{
    struct offsets_seen *s = offsets_of(v);
    struct k_offset_fetch_response p;
    int32_t correlation_id;
    int64_t at = s->asked.n - 1;
    while (at >= 0 && s->asked.v[at].frame != f->answers) at--;
    if (at < 0) return;
    struct offsets_asked asked = s->asked.v[at];
    VEC_REMOVE_AT(&s->asked, at);
    if (f->version < 8 || !response_head_read(r, f->api, f->version, &correlation_id) ||
        !codec_decode(K_MSG_OFFSET_FETCH_RESPONSE, f->version, r, a, &p))
        return;
    for (int32_t g = 0; g < p.groups_n; g++)
        for (int32_t t = 0; !p.groups[g].error_code && t < p.groups[g].topics_n; t++)
            hear_topic(v, f, &asked, p.groups[g].group_id, &p.groups[g].topics[t]);
}

/* ---- what is committed, as clients say it ---------------------------------------------------------- */

static void
keep_commit(struct invariants *v, const struct commit_asked *c)
{
    enum { COMMITS_MAX = 2000 };
    struct commit_asked one = *c;
    if (!c->topic.n || c->what.offset < 0) return;
    if (v->offsets->commits.n == COMMITS_MAX) forget_commit(v, 0);
    one.group = mem_dup(v->mem, c->group);
    one.topic = mem_dup(v->mem, c->topic);
    VEC_PUSH(v->mem, &v->offsets->commits, one);
}

static void
hear_commit(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a)
{
    struct request_head head;
    struct k_offset_commit_request q;
    if (request_head_read(r, a, &head) != HEAD_OK ||
        !codec_decode(K_MSG_OFFSET_COMMIT_REQUEST, head.version, r, a, &q))
        return;
    for (int32_t t = 0; t < q.topics_n; t++)
        for (int32_t i = 0; i < q.topics[t].partitions_n; i++) {
            const struct k_offset_commit_request_offset_commit_request_partition *p =
                &q.topics[t].partitions[i];
            struct slice name = q.topics[t].name;
            struct commit_asked one = {
                .frame = f->id,
                .at_ns = f->at_ns,
                .producer = -1,
                .group = q.group_id,
                .topic = name.n ? name : invariants_topic_name(v, q.topics[t].topic_id),
                .partition = p->partition_index,
                .what = {p->committed_offset, p->committed_leader_epoch,
                         crc32c(CRC32C_PORTABLE, 0, p->committed_metadata), q.topics[t].topic_id},
                .node = -1};
            keep_commit(v, &one);
        }
}

static void
hear_txn_commit(struct invariants *v, const struct world_frame *f, struct reader *r,
                struct arena *a)
{
    struct request_head head;
    struct k_txn_offset_commit_request q;
    if (request_head_read(r, a, &head) != HEAD_OK ||
        !codec_decode(K_MSG_TXN_OFFSET_COMMIT_REQUEST, head.version, r, a, &q))
        return;
    for (int32_t t = 0; t < q.topics_n; t++)
        for (int32_t i = 0; i < q.topics[t].partitions_n; i++) {
            const struct k_txn_offset_commit_request_txn_offset_commit_request_partition *p =
                &q.topics[t].partitions[i];
            struct commit_asked one = {.frame = f->id,
                                       .at_ns = f->at_ns,
                                       .producer = q.producer_id,
                                       .group = q.group_id,
                                       .topic = q.topics[t].name,
                                       .partition = p->partition_index,
                                       .what = {p->committed_offset, p->committed_leader_epoch,
                                                crc32c(CRC32C_PORTABLE, 0, p->committed_metadata),
                                                UUID_ZERO},
                                       .node = -1};
            keep_commit(v, &one);
        }
}

static void
take_commit_answer(struct invariants *v, const struct world_frame *f, struct slice topic,
                   int32_t partition, int16_t err)
{
    struct offsets_seen *s = v->offsets;
    for (int64_t i = s->commits.n; i-- > 0;) {
        struct commit_asked *c = &s->commits.v[i];
        if (c->frame == f->answers && c->partition == partition && slice_eq(c->topic, topic) &&
            !err)
            c->node = f->from->index;
    }
}

static void
hear_committed(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a)
{
    struct k_offset_commit_response p;
    struct k_txn_offset_commit_response x;
    int32_t correlation_id;
    if (!response_head_read(r, f->api, f->version, &correlation_id)) return;
    if (f->api == K_API_OFFSET_COMMIT &&
        codec_decode(K_MSG_OFFSET_COMMIT_RESPONSE, f->version, r, a, &p))
        for (int32_t t = 0; t < p.topics_n; t++)
            for (int32_t i = 0; i < p.topics[t].partitions_n; i++) {
                struct slice name = p.topics[t].name;
                if (!name.n) name = invariants_topic_name(v, p.topics[t].topic_id);
                take_commit_answer(v, f, name, p.topics[t].partitions[i].partition_index,
                                   p.topics[t].partitions[i].error_code);
            }
    if (f->api == K_API_TXN_OFFSET_COMMIT &&
        codec_decode(K_MSG_TXN_OFFSET_COMMIT_RESPONSE, f->version, r, a, &x))
        for (int32_t t = 0; t < x.topics_n; t++)
            for (int32_t i = 0; i < x.topics[t].partitions_n; i++)
                take_commit_answer(v, f, x.topics[t].name,
                                   x.topics[t].partitions[i].partition_index,
                                   x.topics[t].partitions[i].error_code);
    for (int64_t i = v->offsets->commits.n; i-- > 0;) /* what was refused */
        if (v->offsets->commits.v[i].frame == f->answers && v->offsets->commits.v[i].node < 0)
            forget_commit(v, i);
}

void
offsets_hear(struct invariants *v, const struct world_frame *f, struct slice bytes)
{
    bool is_fetch = f->api == K_API_OFFSET_FETCH, is_commit = f->api == K_API_OFFSET_COMMIT;
    if (!is_fetch && !is_commit && f->api != K_API_TXN_OFFSET_COMMIT) return;
    if (!f->to || bytes.n < 8) return;
    struct reader r = reader(slice_sub(bytes, 4, bytes.n - 4));
    struct arena a;
    arena_init(&a, v->mem, 0);
    (void)offsets_of(v);
    if (is_fetch && f->is_answer) hear_told(v, f, &r, &a);
    else if (is_fetch) hear_question(v, f, &r, &a);
    else if (f->is_answer) hear_committed(v, f, &r, &a);
    else if (is_commit) hear_commit(v, f, &r, &a);
    else hear_txn_commit(v, f, &r, &a);
    arena_release(&a);
}

/* ---- the one against the other --------------------------------------------------------------------- */

static bool
is_same_offset(const struct offset_said *a, const struct offset_said *b)
{
    if (a->offset < 0 || b->offset < 0) return a->offset < 0 && b->offset < 0;
    return a->offset == b->offset && a->leader_epoch == b->leader_epoch &&
           a->metadata_crc == b->metadata_crc;
}

/* An offset of another topic of the same name is none, for whoever says which he means. */
static struct offset_said
as_asked(const struct offset_said *held, struct uuid topic)
{
    static const struct offset_said none = {-1, -1, 0, {{0}}};
    bool is_of_another =
        !uuid_is_zero(topic) && !uuid_is_zero(held->topic) && !uuid_eq(topic, held->topic);
    return is_of_another ? none : *held;
}

/* Nothing, before the first. */
static bool
has_held(const struct offset_told *t)
{
    static const struct offset_said none = {-1, -1, 0, {{0}}};
    const struct offset_seen *o = t->of;
    int64_t n = o ? o->held.n : 0;
    if (n == VALUES_KEPT && o->held.v[0].from_ns >= t->asked_ns) return true; /* not known */
    if ((n == 0 || o->held.v[0].from_ns >= t->asked_ns) && is_same_offset(&none, &t->what))
        return true;
    for (int64_t i = 0; i < n; i++) {
        bool was_over = i + 1 < n && o->held.v[i + 1].from_ns < t->asked_ns;
        struct offset_said held = as_asked(&o->held.v[i].what, t->topic);
        if (!was_over && is_same_offset(&held, &t->what)) return true;
    }
    return false;
}

static bool
is_being_moved(const struct offset_told *t)
{
    for (int64_t i = 0; t->of && i < t->of->open.n; i++)
        if (t->of->open.v[i].then.from_ns < t->asked_ns) return true;
    return false;
}

static void
judge_told(struct invariants *v, const struct offset_told *t)
{
    if (t->key->is_retired || (t->of && was_ever_lossy(t->of->shard))) return;
    int64_t n = t->of ? t->of->held.n : 0;
    if (!has_held(t))
        breach(v, RULE_OFFSET_TOLD, t->key, t->what.offset,
               "told a group that it has committed offset # here; it has committed #",
               t->what.offset, n ? t->of->held.v[n - 1].what.offset : -1);
    else if (t->is_stable && is_being_moved(t))
        breach(v, RULE_OFFSET_TOLD, t->key, t->what.offset,
               "told of offset # as stable, while producer # is about to move it", t->what.offset,
               t->of->open.v[0].producer);
}

/* Its transaction may be over before its answer is told: both wait for the same copies. */
static bool
stood_in_record(const struct commit_asked *c, const struct offset_seen *o)
{
    int64_t n = o ? o->over.n : 0;
    if (n == VALUES_KEPT && o->over.v[0].then.from_ns >= c->at_ns) return true; /* not known */
    for (int64_t i = 0; i < n; i++)
        if (o->over.v[i].producer == c->producer && o->over.v[i].then.from_ns >= c->at_ns &&
            is_same_offset(&o->over.v[i].then.what, &c->what))
            return true;
    return false;
}

/* What is acknowledged stands in a record, as it was said: whoever reads on from there goes by the epoch, too (KIP-320). */
static bool
stands_in_record(const struct commit_asked *c, const struct offset_seen *o)
{
    int64_t n = o ? o->held.n : 0;
    if (n == VALUES_KEPT && o->held.v[0].from_ns >= c->at_ns) return true; /* not known */
    for (int64_t i = 0; i < n; i++)
        if (is_same_offset(&o->held.v[i].what, &c->what)) return true;
    for (int64_t i = 0; o && i < o->open.n; i++)
        if (o->open.v[i].producer == c->producer &&
            is_same_offset(&o->open.v[i].then.what, &c->what))
            return true;
    return stood_in_record(c, o);
}

static void
judge_commit(struct invariants *v, const struct commit_asked *c)
{
    const struct topic_key *k = model_find_key(&v->model, c->topic, c->partition);
    const struct offset_seen *o = find_offset(v->offsets, c->group, c->topic, c->partition);
    if (!k || k->is_retired || (o && was_ever_lossy(o->shard)) || stands_in_record(c, o)) return;
    breach(v, RULE_OFFSET_TOLD, k, c->what.offset,
           "acknowledged a commit of offset # in leader epoch #, which stands in no record",
           c->what.offset, c->what.leader_epoch);
}

void
offsets_judge(struct invariants *v, int32_t node)
{
    struct offsets_seen *s = v->offsets;
    for (int64_t i = 0; s && i < s->commits.n; i++) {
        if (s->commits.v[i].node != node) continue;
        if (!s->is_unsure) judge_commit(v, &s->commits.v[i]);
        forget_commit(v, i--);
    }
    for (int64_t i = 0; s && i < s->told.n; i++) {
        const struct offset_told t = s->told.v[i];
        if (t.node != node) continue;
        VEC_REMOVE_AT(&s->told, i);
        i--;
        if (!s->is_unsure) judge_told(v, &t);
    }
}
