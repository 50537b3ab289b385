/* What became of what guests were told, and of whom: read back at the end, and judged. */
#include "sim/scenario/guests_own.h"
#include "sim/scenario/run_internal.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/coordinator/coordinator.h"
#include "broker/group/groups.h"
#include "broker/protocol/tables.h"
#include "sim/check/check.h"
#include "sim/check/disk_log.h"

/* ---- read back: what leaders have on their disks --------------------------------------------------------------- */

static void
read_batch_back(void *ctx, const struct found *found, struct slice batch)
{
    (void)found;
    guests_log_batch(ctx, batch);
}

static void
read_partition_back(struct run *r, struct guests *g, const struct truth_partition *p)
{
    const struct node_slot *n = node_by_id(r, p->leader);
    if (!n) return;
    guests_log_begin(g, p->topic, p->partition, look_log_start(r, n->m, p->name));
    disk_log_walk(g->mem, n->m, p->name, DISK_LOG_PLAIN, 0, read_batch_back, g);
    guests_log_end(g);
}

/* ---- what groups have committed ---------------------------------------------------------------------------------- */

struct kept_offset {
    struct slice group, topic;
    int32_t partition;
    int64_t offset;      /* -1: it was taken back */
    int64_t producer_id; /* of a transaction that has not ended yet; -1 */
};

struct kept {
    struct guests *g;
    VEC(struct kept_offset) v; /* the last of each, and what waits for its transaction */
};

static void
keep_offset(struct kept *k, const struct kept_offset *one)
{
    for (int64_t i = 0; i < k->v.n; i++) {
        struct kept_offset *o = &k->v.v[i];
        if (o->producer_id != one->producer_id || o->partition != one->partition ||
            !slice_eq(o->group, one->group) || !slice_eq(o->topic, one->topic))
            continue;
        o->offset = one->offset;
        return;
    }
    struct kept_offset new = *one;
    new.group = arena_dup(&k->g->a, one->group);
    new.topic = arena_dup(&k->g->a, one->topic);
    VEC_PUSH(k->g->mem, &k->v, new);
}

static void
kept_transaction_ends(struct kept *k, int64_t producer_id, bool is_committed)
{
    for (int64_t i = k->v.n; i-- > 0;) {
        struct kept_offset one = k->v.v[i];
        if (one.producer_id != producer_id) continue;
        VEC_REMOVE_AT(&k->v, i);
        one.producer_id = -1;
        if (is_committed) keep_offset(k, &one);
    }
}

static void
read_kept_record(struct kept *k, int64_t producer_id, const struct record *rec)
{
    struct reader r = reader(rec->key), v = reader(rec->value);
    struct kept_offset one = {.offset = -1, .producer_id = producer_id};
    struct k_offset_commit_key key;
    struct k_offset_commit_value value;
    enum { OFFSET_KEY_MIN = 0, OFFSET_KEY_MAX = 1 };
    int16_t version = reader_i16(&r);
    if (r.err || version < OFFSET_KEY_MIN || version > OFFSET_KEY_MAX ||
        !codec_decode(K_MSG_OFFSET_COMMIT_KEY, 0, &r, &k->g->scratch, &key))
        return;
    one.group = key.group, one.topic = key.topic, one.partition = key.partition;
    if (rec->value.p) {
        version = reader_i16(&v);
        if (v.err || !codec_has_version(K_MSG_OFFSET_COMMIT_VALUE, version) ||
            !codec_decode(K_MSG_OFFSET_COMMIT_VALUE, version, &v, &k->g->scratch, &value))
            return;
        one.offset = value.offset;
    }
    keep_offset(k, &one);
}

static void
read_kept(void *ctx, const struct found *found, struct slice batch)
{
    struct kept *k = ctx;
    struct batch_header h;
    struct marker m;
    struct records rs;
    struct record rec;
    (void)found;
    if (batch_parse(batch, &h) != BATCH_OK || batch_codec(&h) != CODEC_NONE) return;
    if (marker_parse(&h, batch, &m)) kept_transaction_ends(k, h.producer_id, m.commit);
    if (batch_is_control(&h)) return;
    records_begin(&rs, &h, batch_payload(batch, &h));
    while (records_next(&rs, &rec))
        read_kept_record(k, batch_is_transactional(&h) ? h.producer_id : -1, &rec);
    arena_reset(&k->g->scratch);
}

/* Offsets that nobody needs any more go by themselves, after a week as a rule. */
static bool
may_have_expired(const struct run *r)
{
    int64_t minutes = cluster_config_i64(r->s, "offsets.retention.minutes");
    return world_now_ns(r->w) > minutes * 60 * NS_PER_S;
}

static void
read_commits_back(struct run *r, struct guests *g)
{
    struct kept k = {.g = g};
    for (int64_t i = 0; i < r->truth.partitions.n; i++) {
        const struct truth_partition *p = r->truth.partitions.v[i];
        const struct node_slot *n = node_by_id(r, p->leader);
        if (n && slice_eq(p->topic, GROUPS_TOPIC))
            disk_log_walk(g->mem, n->m, p->name, DISK_LOG_SERVES, 0, read_kept, &k);
    }
    for (int64_t i = 0; i < k.v.n; i++) {
        const struct kept_offset *o = &k.v.v[i];
        if (o->producer_id >= 0 || (o->offset < 0 && may_have_expired(r))) continue;
        guests_committed(g, o->group, o->topic, o->partition, o->offset);
    }
    VEC_RELEASE(g->mem, &k.v);
}

/* ---- in words ------------------------------------------------------------------------------------------------------ */

/* Whose it is, and where: "orders-service's record 17, key k3, acknowledged at offset 40 of orders-0: …". */
static struct slice
story_for_people(const struct guests *g, const struct anomaly *a)
{
    int32_t n = 0;
    const struct parcel *k = a->value ? parcel_of_value(g, a->value, &n) : NULL;
    struct writer w = writer_mem(g->mem);
    if (k) {
        struct slice key = goods_key(k->goods, n);
        const struct author *by = author_of_process(g, k->process);
        fmt_slice(&w, g->clients.v[by->client].name);
        fmt_str(&w, "'s record "), fmt_i64(&w, history_value_n(a->value));
        if (key.p) fmt_str(&w, ", key "), fmt_json(&w, key);
        if (k->offset >= 0) fmt_str(&w, ", acknowledged at offset "), fmt_i64(&w, k->offset + n);
        fmt_str(&w, " of "), fmt_slice(&w, history_topic_name(&g->h, k->topic));
        fmt_char(&w, '-'), fmt_i64(&w, k->partition), fmt_str(&w, ": ");
    }
    fmt_slice(&w, a->story);
    struct slice s = arena_dup((struct arena *)(uintptr_t)&g->a, writer_slice(&w));
    writer_release(&w);
    return s;
}

static void
tell_client(struct run *r, const struct client *c)
{
    struct slice more = c->errors
                          ? arena_format(r->a, "; errors that it was told: %lld, the last %.*s",
                                         (long long)c->errors, SARG(k_err_name(c->last_error)))
                          : SLICE_EMPTY;
    if (c->sent)
        run_tell(r, SLICE_EMPTY,
                 arena_format(r->a, "%.*s sent %lld records and was acknowledged %lld%.*s",
                              SARG(c->name), (long long)c->sent, (long long)c->acknowledged,
                              SARG(more)));
    if (c->misnumbered)
        run_tell(r, SLICE_EMPTY,
                 arena_format(r->a,
                              "of %.*s %lld records came under the sequence numbers of others: "
                              "brokers take such for retries, say that they are written, and do "
                              "not write them",
                              SARG(c->name), (long long)c->misnumbered));
    if (c->read)
        run_tell(r, SLICE_EMPTY,
                 arena_format(r->a, "%.*s was given %lld records to read", SARG(c->name),
                              (long long)c->read));
}

static void
tell_transactions(struct run *r, const struct guests *g)
{
    int64_t counts[3] = {0, 0, g->txns.n};
    for (int64_t i = 0; i < g->txns.n; i++) {
        counts[0] += g->txns.v[i]->is_over && !g->txns.v[i]->is_aborted;
        counts[1] += g->txns.v[i]->is_aborted;
    }
    if (!counts[2]) return;
    run_tell(r, SLICE_EMPTY,
             arena_format(r->a,
                          "transactions of clients outside: %lld committed, %lld aborted, %lld "
                          "whose end nobody was told",
                          (long long)counts[0], (long long)counts[1],
                          (long long)(counts[2] - counts[0] - counts[1])));
}

/* ---- judged -------------------------------------------------------------------------------------------------------- */

static bool
speaks_of(const struct guests *g, const struct anomaly *a)
{
    if (a->rule == RULE_UNDONE) return true;
    return a->topic.p && !slice_starts(a->topic, S("__")) &&
           !names_have(g->gone.v, g->gone.n, a->topic);
}

/* What the checker says of the history, and of transactions what only the bytes tell. */
void
guests_check(struct guests *g, const struct check_facts *f, struct check_result *ret)
{
    check_history(g->mem, &g->h, f, ret);
    check_promises(g, &ret->anomalies);
    for (int64_t i = 0; i < g->early.n; i++) {
        const struct early *e = &g->early.v[i];
        struct writer w = writer_mem(g->mem);
        fmt_slice(&w, history_process_name(&g->h, e->process));
        fmt_str(&w, " reads committed records only, and was given ");
        history_value_print(&g->h, e->value, &w);
        fmt_str(&w, " at offset "), fmt_i64(&w, e->offset), fmt_str(&w, " at ");
        fmt_seconds(&w, e->at_ns - g->h.begin_ns);
        fmt_str(&w, ", whose transaction nobody had asked to be committed");
        struct anomaly a = {.rule = RULE_READ_UNCOMMITTED,
                            .witness = WITNESS_CHECKER,
                            .topic = history_topic_name(&g->h, e->topic),
                            .partition = e->partition,
                            .offset = e->offset,
                            .value = e->value,
                            .at_ns = e->at_ns,
                            .story = writer_slice(&w)};
        anomalies_add(&ret->anomalies, &a);
        writer_release(&w);
    }
}

/* A lock lasts as its reader was told, unless the group takes it for dead before: its last sign of life may be older than
 * what it holds by the time between two heartbeats. */
static int64_t
share_lock_ns(const struct run *r, const struct guests *g)
{
    int64_t lives_ms = cluster_config_i64(r->s, "group.share.session.timeout.ms") -
                       cluster_config_i64(r->s, "group.share.heartbeat.interval.ms");
    return MIN(g->share_lock_ms, MAX(lives_ms, 0)) * NS_PER_MS;
}

static void
find_facts(struct run *r, struct guests *g, struct check_facts *f)
{
    f->share_deliveries_max =
        MAX((int32_t)cluster_config_i64(r->s, "group.share.delivery.count.limit"),
            g->share_deliveries_max);
    f->share_lock_ns = share_lock_ns(r, g);
    f->shares_at_risk = shares_at_risk(r);
    f->topics_n = (int32_t)g->h.topics.n;
    struct check_topic *topics = ARENA_ARRAY(r->a, struct check_topic, f->topics_n + 1);
    for (int32_t t = 0; t < f->topics_n; t++)
        topics[t] = witness_facts(r, history_topic_name(&g->h, t));
    f->topics = topics;
    f->offsets = witness_offsets_facts(r);
    f->offsets_partitions = (int32_t)cluster_config_i64(r->s, "offsets.topic.num.partitions");
}

/* Somebody in the world writes there, too: whose records those are guests need not know. */
static void
learn_own_writers(struct run *r, struct guests *g)
{
    for (int64_t i = 0; i < r->h->topics.n; i++)
        VEC_PUSH(g->mem, &g->unsure, history_topic_name(r->h, (int32_t)i));
    for (int32_t i = 0; i < r->s->steps_n; i++)
        if (r->s->steps[i].verb->id == VERB_ASK)
            for (int64_t t = 0; t < g->h.topics.n; t++)
                VEC_PUSH(g->mem, &g->unsure, history_topic_name(&g->h, (int32_t)t));
}

bool
guests_judge(struct run *r, struct guests *g, struct anomalies *ret, struct run_counts *counts)
{
    struct check_facts f = {.chronicle = &r->chronicle, .begin_ns = r->begin_ns};
    struct check_result c;
    g->h.begin_ns = r->begin_ns;
    learn_own_writers(r, g);
    (void)guests_history(g);
    for (int64_t i = 0; i < r->truth.partitions.n; i++) {
        const struct truth_partition *p = r->truth.partitions.v[i];
        bool is_known = false;
        for (int64_t t = 0; t < g->h.topics.n; t++)
            is_known |= slice_eq(history_topic_name(&g->h, (int32_t)t), p->topic);
        if (is_known && !names_have(g->gone.v, g->gone.n, p->topic) &&
            !slice_starts(p->topic, S("__")))
            read_partition_back(r, g, p);
    }
    read_commits_back(r, g);
    guests_read_ledger(r, g);
    find_facts(r, g, &f);
    guests_check(g, &f, &c);
    if (!r->h->topics.n) witness_put_history(r, &g->h, &f);
    for (int64_t i = 0; i < c.anomalies.v.n; i++) {
        struct anomaly a = c.anomalies.v.v[i];
        if (!speaks_of(g, &a)) continue;
        a.story = story_for_people(g, &a);
        a.is_of_guest = true;
        anomalies_add(ret, &a);
    }
    for (int64_t i = 0; i < g->clients.n; i++) tell_client(r, &g->clients.v[i]);
    tell_transactions(r, g);
    counts->produced += c.counts.produced;
    counts->acknowledged += c.counts.acknowledged;
    counts->unknown += c.counts.unknown;
    counts->failed += c.counts.failed;
    counts->read += c.read;
    bool is_conclusive = c.is_conclusive;
    check_result_release(&c);
    return is_conclusive;
}

/* ---- in a run ------------------------------------------------------------------------------------------------------ */

static int64_t
run_now_of_guests(void *ctx)
{
    return world_now_ns(((const struct run *)ctx)->w);
}

static struct slice
name_of_topic_id(void *ctx, struct uuid id)
{
    return witness_topic_name(ctx, id);
}

/* What lowers a promise is heard as soon as somebody asks for it. */
static void
setting_is(void *ctx, struct slice topic, struct slice name, struct slice value)
{
    struct run *r = ctx;
    int64_t n;
    topic = arena_dup(r->a, topic);
    if (slice_eq(name, S("min.insync.replicas")) && slice_to_i64(value, &n))
        witness_min_isr_is(r, topic, (int32_t)MIN(MAX(n, 1), 1000));
    if (slice_eq(name, S("unclean.leader.election.enable")))
        witness_unclean_is(r, topic, slice_eq(value, S("true")));
    witness_flush_is(r, topic, name, value);
    witness_segment_is(r, topic, name, value);
}

struct guests *
guests_begin(struct run *r)
{
    if (!r->o->outside) return NULL;
    return guests_new(r->a->mem, &(struct guests_params){.now = run_now_of_guests,
                                                         .topic_name = name_of_topic_id,
                                                         .set = setting_is,
                                                         .ctx = r});
}
