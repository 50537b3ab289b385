/* What brokers tell of the cluster (Metadata, DescribeCluster, DescribeTopicPartitions), against what the quorum committed. A broker tells what a
 * beginning of the quorum's log says: not less of it than it had applied when it was asked, and nothing that was not
 * committed when it answered. So all that it tells was so at one place in between:
 *
 *      … │ applied, when asked │ … │ committed, when answered │ …
 *                            from ▲                       to ▲
 */
#include "broker/base/arena.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "sim/check/invariants_own.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

#define NEVER INT64_MAX

enum { ENDPOINTS_OF_BROKERS = 1 };

/* A partition, or a broker, from its first record on. */
struct partition_story {
    VEC(struct decision) v;
};

struct fencing {
    int64_t offset;
    bool is_fenced;
};

struct broker_story {
    int32_t id;
    VEC(struct fencing) v;
};

struct topic_story {
    struct uuid id;
    struct slice name;
    int64_t made, gone;                       /* where its records lie */
    VEC(struct partition_story *) partitions; /* by index; may hold NULL */
};

struct cluster_asked {
    int64_t frame, from;
    bool wants_all; /* topics; of DescribeCluster: fenced brokers, too */
};

/* Judged when the step is over in which it was told. */
struct cluster_told {
    struct arena a;
    int16_t api, version;
    int32_t node;
    int64_t from;
    bool wants_all;
    void *answer;
};

struct cluster_seen {
    VEC(struct topic_story *) topics;
    VEC(struct broker_story *) brokers;
    VEC(int64_t) applied; /* by node */
    VEC(struct cluster_asked) asked;
    VEC(struct cluster_told *) told;
    bool is_unsure; /* what is committed is not known any more */
};

struct window {
    int64_t from, to;
};

/* Of a partition, in either message. */
struct partition_told {
    int32_t index, leader, leader_epoch;
    int16_t err;
    const int32_t *replicas, *isr, *elr, *last, *offline;
    int32_t replicas_n, isr_n, elr_n, last_n, offline_n;
    bool has_epoch, has_elr, has_offline;
};

static struct cluster_seen *
cluster_of(struct invariants *v)
{
    if (!v->cluster) v->cluster = MEM_NEW(v->mem, struct cluster_seen);
    return v->cluster;
}

static void
told_free(struct invariants *v, struct cluster_told *t)
{
    arena_release(&t->a);
    MEM_DELETE(v->mem, t);
}

static void
topic_free(struct invariants *v, struct topic_story *t)
{
    for (int64_t i = 0; i < t->partitions.n; i++) {
        struct partition_story *p = t->partitions.v[i];
        if (!p) continue;
        VEC_RELEASE(v->mem, &p->v);
        MEM_DELETE(v->mem, p);
    }
    VEC_RELEASE(v->mem, &t->partitions);
    mem_free_slice(v->mem, t->name);
    MEM_DELETE(v->mem, t);
}

void
cluster_free(struct invariants *v)
{
    struct cluster_seen *s = v->cluster;
    if (!s) return;
    for (int64_t i = 0; i < s->topics.n; i++) topic_free(v, s->topics.v[i]);
    for (int64_t i = 0; i < s->brokers.n; i++) {
        VEC_RELEASE(v->mem, &s->brokers.v[i]->v);
        MEM_DELETE(v->mem, s->brokers.v[i]);
    }
    for (int64_t i = 0; i < s->told.n; i++) told_free(v, s->told.v[i]);
    VEC_RELEASE(v->mem, &s->topics);
    VEC_RELEASE(v->mem, &s->brokers);
    VEC_RELEASE(v->mem, &s->applied);
    VEC_RELEASE(v->mem, &s->asked);
    VEC_RELEASE(v->mem, &s->told);
    MEM_DELETE(v->mem, s);
}

void
cluster_unsure(struct invariants *v)
{
    cluster_of(v)->is_unsure = true;
}

bool
cluster_is_unsure(const struct invariants *v)
{
    return v->cluster && v->cluster->is_unsure;
}

/* ---- what is committed ----------------------------------------------------------------------------- */

static struct topic_story *
topic_by_id(const struct cluster_seen *s, struct uuid id)
{
    for (int64_t i = s->topics.n; i-- > 0;)
        if (uuid_eq(s->topics.v[i]->id, id)) return s->topics.v[i];
    return NULL;
}

void
cluster_topic(struct invariants *v, struct uuid id, struct slice name, int64_t offset)
{
    struct topic_story *t = MEM_NEW(v->mem, struct topic_story);
    *t = (struct topic_story){
        .id = id, .name = mem_dup(v->mem, name), .made = offset, .gone = NEVER};
    VEC_PUSH(v->mem, &cluster_of(v)->topics, t);
}

void
cluster_topic_gone(struct invariants *v, struct uuid id, int64_t offset)
{
    struct topic_story *t = topic_by_id(cluster_of(v), id);
    if (t) t->gone = offset;
}

void
cluster_decided(struct invariants *v, const struct topic_key *k, const struct decision *d)
{
    struct topic_story *t = topic_by_id(cluster_of(v), k->id);
    if (!t) return;
    while (t->partitions.n <= k->partition) VEC_PUSH(v->mem, &t->partitions, NULL);
    struct partition_story **at = &t->partitions.v[k->partition];
    if (!*at) *at = MEM_NEW(v->mem, struct partition_story);
    VEC_PUSH(v->mem, &(*at)->v, *d);
}

void
cluster_fenced(struct invariants *v, int32_t id, bool is_fenced, int64_t offset)
{
    struct cluster_seen *s = cluster_of(v);
    struct fencing one = {offset, is_fenced};
    struct broker_story *b = NULL;
    for (int64_t i = 0; i < s->brokers.n; i++)
        if (s->brokers.v[i]->id == id) b = s->brokers.v[i];
    if (!b) {
        b = MEM_NEW(v->mem, struct broker_story);
        b->id = id;
        VEC_PUSH(v->mem, &s->brokers, b);
    }
    VEC_PUSH(v->mem, &b->v, one);
}

void
cluster_applied(struct invariants *v, int32_t node, int64_t offset)
{
    struct cluster_seen *s = cluster_of(v);
    while (s->applied.n <= node) VEC_PUSH(v->mem, &s->applied, -1);
    s->applied.v[node] = offset;
}

/* ---- what is told ---------------------------------------------------------------------------------- */

static bool
is_of_cluster(int16_t api)
{
    return api == K_API_METADATA || api == K_API_DESCRIBE_TOPIC_PARTITIONS ||
           api == K_API_DESCRIBE_CLUSTER;
}

static enum k_msg
answer_of_cluster(int16_t api)
{
    if (api == K_API_METADATA) return K_MSG_METADATA_RESPONSE;
    return api == K_API_DESCRIBE_CLUSTER ? K_MSG_DESCRIBE_CLUSTER_RESPONSE
                                         : K_MSG_DESCRIBE_TOPIC_PARTITIONS_RESPONSE;
}

static void
hear_cluster_asked(struct invariants *v, const struct world_frame *f, struct reader *r,
                   struct arena *a)
{
    enum { ASKED_MAX = 1000 };
    struct cluster_seen *s = cluster_of(v);
    struct request_head head;
    struct k_metadata_request q;
    int32_t node = f->to->index;
    if (request_head_read(r, a, &head) != HEAD_OK) return;
    struct cluster_asked one = {f->id, node < s->applied.n ? s->applied.v[node] : -1, false};
    if (f->api == K_API_METADATA) {
        if (!codec_decode(K_MSG_METADATA_REQUEST, head.version, r, a, &q)) return;
        one.wants_all = q.topics_n < 0 || (head.version == 0 && q.topics_n == 0);
    }
    if (f->api == K_API_DESCRIBE_CLUSTER) {
        struct k_describe_cluster_request d;
        if (!codec_decode(K_MSG_DESCRIBE_CLUSTER_REQUEST, head.version, r, a, &d)) return;
        one.wants_all = d.include_fenced_brokers;
    }
    if (s->asked.n == ASKED_MAX) VEC_REMOVE_AT(&s->asked, 0);
    VEC_PUSH(v->mem, &s->asked, one);
}

static void
hear_cluster_told(struct invariants *v, const struct world_frame *f, struct slice body)
{
    struct cluster_seen *s = cluster_of(v);
    enum k_msg msg = answer_of_cluster(f->api);
    int32_t correlation_id;
    int64_t at = s->asked.n - 1;
    while (at >= 0 && s->asked.v[at].frame != f->answers) at--;
    if (at < 0) return;
    struct cluster_asked asked = s->asked.v[at];
    VEC_REMOVE_AT(&s->asked, at);
    if (s->is_unsure) return;
    struct cluster_told *t = MEM_NEW(v->mem, struct cluster_told);
    *t = (struct cluster_told){.api = f->api,
                               .version = f->version,
                               .node = f->from->index,
                               .from = asked.from,
                               .wants_all = asked.wants_all};
    arena_init(&t->a, v->mem, 0);
    struct reader r = reader(arena_dup(&t->a, body));
    t->answer = arena_alloc(&t->a, codec_struct_bytes(msg));
    if (response_head_read(&r, f->api, f->version, &correlation_id) &&
        codec_decode(msg, f->version, &r, &t->a, t->answer))
        VEC_PUSH(v->mem, &s->told, t);
    else told_free(v, t);
}

void
cluster_hear(struct invariants *v, const struct world_frame *f, struct slice bytes)
{
    if (!f->to || bytes.n < 8 || !is_of_cluster(f->api)) return;
    struct slice body = slice_sub(bytes, 4, bytes.n - 4);
    if (f->is_answer) {
        hear_cluster_told(v, f, body);
        return;
    }
    struct reader r = reader(body);
    struct arena a;
    arena_init(&a, v->mem, 0);
    hear_cluster_asked(v, f, &r, &a);
    arena_release(&a);
}

/* ---- the one against the other --------------------------------------------------------------------- */

/* What begins with one record and ends with another. */
static bool
meets(const struct window *w, int64_t begins, int64_t ends)
{
    return begins <= w->to && ends > w->from;
}

static bool
lasts_through(const struct window *w, int64_t begins, int64_t ends)
{
    return begins <= w->from && ends > w->to;
}

/* Was it fenced, or was it not, at one place in between? */
static bool
may_be(const struct invariants *v, const struct window *w, int32_t id, bool fenced)
{
    for (int64_t i = 0; i < v->cluster->brokers.n; i++) {
        const struct broker_story *b = v->cluster->brokers.v[i];
        if (b->id != id) continue;
        if (fenced && b->v.v[0].offset > w->from) return true; /* not there yet */
        for (int64_t k = 0; k < b->v.n; k++) {
            int64_t ends = k + 1 < b->v.n ? b->v.v[k + 1].offset : NEVER;
            if (b->v.v[k].is_fenced == fenced && meets(w, b->v.v[k].offset, ends)) return true;
        }
        return false;
    }
    return fenced;
}

static bool
has_id(const int32_t *ids, int32_t n, int32_t id)
{
    for (int32_t i = 0; i < n; i++)
        if (ids[i] == id) return true;
    return false;
}

/* In this order, too: the first of the replicas is to lead. */
static bool
are_ids(const struct model_ids *ids, const int32_t *told, int32_t n)
{
    n = MAX(n, 0);
    if (n > MODEL_IDS_MAX) return true; /* more than is kept */
    return ids->n == n && (n == 0 || memcmp(ids->v, told, (size_t)n * sizeof *told) == 0);
}

/* Who is fenced leads nobody, whatever was decided. */
static bool
is_leader(const struct invariants *v, const struct window *w, const struct decision *d,
          const struct partition_told *p)
{
    if (p->has_epoch && p->leader_epoch != d->leader_epoch) return false;
    if (p->err == K_ERR_LISTENER_NOT_FOUND) return p->leader == -1;
    if (!p->err) return p->leader == d->leader && p->leader >= 0;
    return p->leader == -1 && (d->leader < 0 || may_be(v, w, d->leader, true));
}

static bool
are_sets(const struct decision *d, const struct partition_told *p)
{
    return are_ids(&d->replicas, p->replicas, p->replicas_n) &&
           are_ids(&d->isr, p->isr, p->isr_n) &&
           (!p->has_elr ||
            (are_ids(&d->elr, p->elr, p->elr_n) && are_ids(&d->last, p->last, p->last_n)));
}

static void
judge_offline(struct invariants *v, const struct window *w, const struct topic_key *k,
              const struct partition_told *p)
{
    for (int32_t i = 0; p->has_offline && i < p->replicas_n; i++) {
        int32_t id = p->replicas[i];
        bool is_told = has_id(p->offline, p->offline_n, id);
        if (may_be(v, w, id, is_told)) continue;
        breach(v, RULE_CLUSTER_TOLD, k, -1,
               is_told ? "told that replica # of # is offline; its broker is not fenced"
                       : "told of replica # of #, and not that it is offline; its broker is fenced",
               id, p->replicas_n);
        return;
    }
}

static void
judge_partition(struct invariants *v, const struct window *w, const struct topic_story *t,
                const struct partition_told *p)
{
    const struct topic_key *k = model_find_key(&v->model, t->name, p->index);
    const struct partition_story *s =
        p->index >= 0 && p->index < t->partitions.n ? t->partitions.v[p->index] : NULL;
    bool is_led = false;
    if (p->err && p->err != K_ERR_LEADER_NOT_AVAILABLE && p->err != K_ERR_LISTENER_NOT_FOUND)
        return;
    if (!s || s->v.v[0].offset > w->to) {
        breach(v, RULE_CLUSTER_TOLD, k, -1, "told of partition #, of a topic that has #", p->index,
               t->partitions.n);
        return;
    }
    for (int64_t i = 0; i < s->v.n; i++) {
        const struct decision *d = &s->v.v[i];
        int64_t ends = i + 1 < s->v.n ? s->v.v[i + 1].offset : NEVER;
        if (!meets(w, d->offset, ends) || !is_leader(v, w, d, p)) continue;
        is_led = true;
        if (!are_sets(d, p)) continue;
        judge_offline(v, w, k, p);
        return;
    }
    if (!is_led)
        breach(v, RULE_CLUSTER_TOLD, k, -1,
               "told that # leads in epoch #: not decided, or over before it was asked", p->leader,
               p->leader_epoch);
    else
        breach(
            v, RULE_CLUSTER_TOLD, k, -1,
            "told of other replicas in sync, or other replicas, than the # of # that were decided",
            s->v.v[s->v.n - 1].isr.n, s->v.v[s->v.n - 1].replicas.n);
}

typedef struct k_metadata_response_metadata_response_partition metadata_partition;
typedef struct k_describe_topic_partitions_response_describe_topic_partitions_response_partition
    described_partition;

static struct partition_told
of_metadata(const metadata_partition *p, int16_t version)
{
    return (struct partition_told){.index = p->partition_index,
                                   .leader = p->leader_id,
                                   .leader_epoch = p->leader_epoch,
                                   .err = p->error_code,
                                   .replicas = p->replica_nodes,
                                   .replicas_n = p->replica_nodes_n,
                                   .isr = p->isr_nodes,
                                   .isr_n = p->isr_nodes_n,
                                   .offline = p->offline_replicas,
                                   .offline_n = p->offline_replicas_n,
                                   .has_epoch = version >= 7,
                                   .has_offline = version >= 5};
}

static struct partition_told
of_description(const described_partition *p)
{
    return (struct partition_told){.index = p->partition_index,
                                   .leader = p->leader_id,
                                   .leader_epoch = p->leader_epoch,
                                   .err = p->error_code,
                                   .replicas = p->replica_nodes,
                                   .replicas_n = p->replica_nodes_n,
                                   .isr = p->isr_nodes,
                                   .isr_n = p->isr_nodes_n,
                                   .elr = p->eligible_leader_replicas,
                                   .elr_n = p->eligible_leader_replicas_n,
                                   .last = p->last_known_elr,
                                   .last_n = p->last_known_elr_n,
                                   .offline = p->offline_replicas,
                                   .offline_n = p->offline_replicas_n,
                                   .has_epoch = true,
                                   .has_elr = true,
                                   .has_offline = true};
}

/* id: zero if it is not said which of this name is meant. NULL: there was none. */
static const struct topic_story *
find_topic(const struct cluster_seen *s, const struct window *w, struct slice name, struct uuid id)
{
    for (int64_t i = s->topics.n; i-- > 0;) {
        const struct topic_story *t = s->topics.v[i];
        bool is_it = uuid_is_zero(id) ? slice_eq(t->name, name) : uuid_eq(t->id, id);
        if (is_it && meets(w, t->made, t->gone)) return t;
    }
    return NULL;
}

static void
judge_unknown(struct invariants *v, const struct window *w, struct slice name, struct uuid id)
{
    const struct topic_story *t = find_topic(v->cluster, w, name, id);
    if (t && lasts_through(w, t->made, t->gone))
        breach(v, RULE_CLUSTER_TOLD, model_find_key(&v->model, t->name, 0), -1,
               "told that there is no such topic; it was made at offset # and has # partitions",
               t->made, t->partitions.n);
}

/* NULL: nothing more is to be said of it. */
static const struct topic_story *
judge_topic(struct invariants *v, const struct window *w, struct slice name, struct uuid id,
            int16_t err)
{
    if (err == K_ERR_UNKNOWN_TOPIC_OR_PARTITION || err == K_ERR_UNKNOWN_TOPIC_ID)
        judge_unknown(v, w, name, id);
    if (err) return NULL;
    const struct topic_story *t = find_topic(v->cluster, w, name, id);
    if (!t || !slice_eq(t->name, name)) {
        breach(v, RULE_CLUSTER_TOLD, model_find_key(&v->model, name, 0), -1,
               "told of a topic that there is not: not yet at offset #, or no more at #", w->to,
               w->from);
        return NULL;
    }
    return t;
}

static int64_t
partitions_at(const struct topic_story *t, int64_t offset)
{
    int64_t n = 0;
    for (int64_t i = 0; i < t->partitions.n; i++)
        n += t->partitions.v[i] && t->partitions.v[i]->v.v[0].offset <= offset;
    return n;
}

static void
judge_metadata_topic(struct invariants *v, const struct window *w, int16_t version,
                     const struct k_metadata_response_metadata_response_topic *m)
{
    const struct topic_story *t = judge_topic(v, w, m->name, m->topic_id, m->error_code);
    if (!t) return;
    if (m->partitions_n < partitions_at(t, w->from))
        breach(v, RULE_CLUSTER_TOLD, model_find_key(&v->model, t->name, 0), -1,
               "told of # partitions; there are #", m->partitions_n, partitions_at(t, w->from));
    for (int32_t i = 0; i < m->partitions_n; i++) {
        struct partition_told p = of_metadata(&m->partitions[i], version);
        judge_partition(v, w, t, &p);
    }
}

static void
judge_brokers(struct invariants *v, const struct window *w, const struct k_metadata_response *p)
{
    for (int32_t i = 0; i < p->brokers_n; i++)
        if (!may_be(v, w, p->brokers[i].node_id, false))
            breach(v, RULE_CLUSTER_TOLD, NULL, -1,
                   "told of broker #, one of #, which is fenced or not known",
                   p->brokers[i].node_id, p->brokers_n);
    for (int64_t i = 0; i < v->cluster->brokers.n; i++) {
        int32_t id = v->cluster->brokers.v[i]->id;
        bool is_told = false;
        for (int32_t k = 0; k < p->brokers_n; k++) is_told |= p->brokers[k].node_id == id;
        if (!is_told && !may_be(v, w, id, true))
            breach(v, RULE_CLUSTER_TOLD, NULL, -1, "did not tell of broker #, but of # others", id,
                   p->brokers_n);
    }
}

static void
judge_all_are_told(struct invariants *v, const struct window *w,
                   const struct k_metadata_response *p)
{
    for (int64_t i = 0; i < v->cluster->topics.n; i++) {
        const struct topic_story *t = v->cluster->topics.v[i];
        bool is_told = false;
        if (!lasts_through(w, t->made, t->gone)) continue;
        for (int32_t k = 0; k < p->topics_n; k++) is_told |= slice_eq(p->topics[k].name, t->name);
        if (!is_told)
            breach(v, RULE_CLUSTER_TOLD, model_find_key(&v->model, t->name, 0), -1,
                   "told of # topics, and not of this one, made at offset #", p->topics_n, t->made);
    }
}

static void
judge_described(struct invariants *v, const struct window *w,
                const struct k_describe_topic_partitions_response *p)
{
    for (int32_t i = 0; i < p->topics_n; i++) {
        const struct topic_story *t =
            judge_topic(v, w, p->topics[i].name, p->topics[i].topic_id, p->topics[i].error_code);
        for (int32_t k = 0; t && k < p->topics[i].partitions_n; k++) {
            struct partition_told one = of_description(&p->topics[i].partitions[k]);
            judge_partition(v, w, t, &one);
        }
    }
}

/* Whoever is known stands there once, fenced brokers only if they were asked for (KIP-1073), as what they are. Of controllers nothing is
 * judged: who registers as one says nothing of whether it lives. */
static void
judge_named_brokers(struct invariants *v, const struct window *w,
                    const struct k_describe_cluster_response *p, bool wants_fenced)
{
    if (p->error_code || p->endpoint_type != ENDPOINTS_OF_BROKERS) return;
    for (int32_t i = 0; i < p->brokers_n; i++) {
        int32_t id = p->brokers[i].broker_id;
        bool is_fenced = p->brokers[i].is_fenced;
        if (may_be(v, w, id, is_fenced) && (wants_fenced || !is_fenced)) continue;
        breach(v, RULE_CLUSTER_TOLD, NULL, -1,
               is_fenced ? "told of broker #, one of #, as fenced: it is not, or none was asked for"
                         : "told of broker #, one of #, as serving: it is fenced or not known",
               id, p->brokers_n);
    }
    for (int64_t i = 0; i < v->cluster->brokers.n; i++) {
        int32_t id = v->cluster->brokers.v[i]->id;
        bool is_there = false;
        for (int32_t k = 0; k < p->brokers_n; k++) is_there |= p->brokers[k].broker_id == id;
        if (!is_there && !may_be(v, w, id, true))
            breach(v, RULE_CLUSTER_TOLD, NULL, -1, "did not tell of broker #, but of # others", id,
                   p->brokers_n);
    }
    if (p->controller_id >= 0 && !may_be(v, w, p->controller_id, false))
        breach(v, RULE_CLUSTER_TOLD, NULL, -1,
               "told that requests for the controller go to broker #, which is fenced; there are #",
               p->controller_id, p->brokers_n);
}

static void
judge_cluster(struct invariants *v, const struct cluster_told *t)
{
    struct window w = {t->from, ledger_end(v) - 1};
    const struct k_metadata_response *p = t->answer;
    if (v->cluster->is_unsure || w.to < w.from) return;
    if (t->api == K_API_DESCRIBE_CLUSTER) {
        judge_named_brokers(v, &w, t->answer, t->wants_all);
        return;
    }
    if (t->api != K_API_METADATA) {
        judge_described(v, &w, t->answer);
        return;
    }
    judge_brokers(v, &w, p);
    for (int32_t i = 0; i < p->topics_n; i++)
        judge_metadata_topic(v, &w, t->version, &p->topics[i]);
    if (t->wants_all) judge_all_are_told(v, &w, p);
}

void
cluster_judge(struct invariants *v, int64_t at_ns, int32_t node)
{
    struct cluster_seen *s = v->cluster;
    v->at_ns = at_ns;
    v->node = node;
    for (int64_t i = 0; s && i < s->told.n; i++) {
        struct cluster_told *t = s->told.v[i];
        if (t->node != node) continue;
        VEC_REMOVE_AT(&s->told, i);
        i--;
        judge_cluster(v, t);
        told_free(v, t);
    }
}

/* ---- for those who judge other answers ------------------------------------------------------------- */

int64_t
cluster_has_applied(const struct invariants *v, int32_t node)
{
    return v->cluster && node < v->cluster->applied.n ? v->cluster->applied.v[node] : -1;
}

static bool
may_be_led(const struct topic_story *t, const struct window *w, int32_t partition, int32_t leader,
           int32_t epoch)
{
    const struct partition_story *s =
        partition >= 0 && partition < t->partitions.n ? t->partitions.v[partition] : NULL;
    bool is_unknown = leader < 0 && epoch < 0;
    if (is_unknown && (!s || !lasts_through(w, s->v.v[0].offset, t->gone))) return true;
    for (int64_t i = 0; s && i < s->v.n; i++) {
        const struct decision *d = &s->v.v[i];
        int64_t ends = i + 1 < s->v.n ? s->v.v[i + 1].offset : NEVER;
        if (meets(w, d->offset, ends) && d->leader == leader && d->leader_epoch == epoch)
            return true;
    }
    return false;
}

bool
cluster_may_lead(struct invariants *v, int64_t from, const struct leader_told *l)
{
    const struct cluster_seen *s = v->cluster;
    struct window w = {from, ledger_end(v) - 1};
    bool is_known = false;
    if (!s || s->is_unsure || w.to < w.from) return true;
    for (int64_t i = s->topics.n; i-- > 0;) {
        const struct topic_story *t = s->topics.v[i];
        bool is_it = l->name.n ? slice_eq(t->name, l->name) : uuid_eq(t->id, l->id);
        if (!is_it || !meets(&w, t->made, t->gone)) continue;
        is_known = true;
        if (may_be_led(t, &w, l->partition, l->leader, l->epoch)) return true;
    }
    return !is_known && l->leader < 0;
}

bool
cluster_surely_serves(struct invariants *v, int64_t from, int32_t id)
{
    struct window w = {from, ledger_end(v) - 1};
    return v->cluster && !v->cluster->is_unsure && w.to >= w.from && !may_be(v, &w, id, true);
}
