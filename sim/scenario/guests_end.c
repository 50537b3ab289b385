/* What became of what guests were told, and of whom: read back at the end, and judged. */
#include "sim/scenario/guests_own.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/tables.h"
#include "sim/check/check.h"
#include "sim/check/disk_log.h"

struct reading_back {
    struct guests *g;
    int32_t topic, partition, process;
    int64_t end;
    const struct batch_header *h;
    VEC(struct history_read) reads;
};

/* Of several with the same content: the one that was acknowledged here, else one that was not found yet. */
static struct gift *
one_of_same(const struct guests *g, const struct gift *key)
{
    struct gift *here = gift_of_offset(g, key), *first = gift_of_content(g, key);
    if (here && here->content == key->content) return here;
    if (!first) return NULL;
    struct gift *k = first->unfound ? first->unfound : first;
    while (k->same && (k->is_found || k->offset >= 0)) k = k->same;
    first->unfound = k;
    return k;
}

static void
find_gift(struct guests *g, void *ctx, const struct record *rec)
{
    struct reading_back *b = ctx;
    struct gift key = {.topic = b->topic,
                       .partition = b->partition,
                       .producer_id = batch_has_producer(b->h) ? b->h->producer_id : -1,
                       .producer_epoch = b->h->producer_epoch,
                       .sequence = rec->sequence,
                       .content = content_of(rec),
                       .offset = rec->offset};
    struct gift *k = key.producer_id >= 0 ? gift_of_sequence(g, &key) : one_of_same(g, &key);
    if (!k) return; /* somebody else's */
    k->is_found = true;
    struct history_read one = {rec->offset, k->value, b->h->leader_epoch};
    VEC_PUSH(g->mem, &b->reads, one);
}

static void
read_batch_back(void *ctx, const struct found *found, struct slice batch)
{
    struct reading_back *b = ctx;
    struct batch_header h;
    (void)found;
    if (batch_parse(batch, &h) != BATCH_OK) return;
    b->end = batch_next_offset(&h);
    b->h = &h;
    if (!batch_is_control(&h)) each_record(b->g, &h, batch, find_gift, b);
}

static struct history_op
final_op(const struct reading_back *b, enum history_kind kind)
{
    struct history_op op = history_op_new(kind, b->process, b->topic, b->partition);
    op.is_final = true;
    op.offset = b->end;
    return op;
}

/* What its leader has, on its disk. */
static void
read_partition_back(struct guests *g, const struct truth_partition *p, int32_t topic)
{
    const struct node_slot *n = node_by_id(g->r, p->leader);
    struct reading_back b = {.g = g,
                             .topic = topic,
                             .partition = p->partition,
                             .process = history_process(&g->h, S("reader"))};
    if (!n) return;
    disk_log_walk(g->mem, n->m, p->name, DISK_LOG_PLAIN, 0, read_batch_back, &b);
    struct history_op op = final_op(&b, HISTORY_ASSIGN);
    op.offset = 0;
    history_add(&g->h, &op, HISTORY_OK, NULL, 0);
    op = final_op(&b, HISTORY_END);
    history_complete(&g->h, history_invoke(&g->h, &op), HISTORY_OK, 0, p->partition, b.end);
    op = final_op(&b, HISTORY_POLL);
    if (b.reads.n) history_add(&g->h, &op, HISTORY_OK, b.reads.v, b.reads.n);
    op = final_op(&b, HISTORY_FINAL_END);
    history_add(&g->h, &op, HISTORY_OK, NULL, 0);
    VEC_RELEASE(g->mem, &b.reads);
}

static bool
is_judged_here(const struct guests *g, struct slice topic)
{
    for (int64_t i = 0; i < g->gone.n; i++)
        if (slice_eq(g->gone.v[i], topic)) return false;
    return !slice_starts(topic, S("__"));
}

static const struct gift *
gift_of_value(const struct guests *g, uint64_t value)
{
    int32_t process = history_value_process(value);
    int64_t n = history_value_n(value);
    if (!value || process >= g->counts.n || n < 1 || n > g->counts.v[process].sent.n) return NULL;
    return g->counts.v[process].sent.v[n - 1];
}

/* Whose it is, and where: "orders-service's record 17, key k3, acknowledged at offset 40 of orders-0: …". */
static struct slice
story_for_people(const struct guests *g, const struct anomaly *a)
{
    const struct gift *k = gift_of_value(g, a->value);
    struct writer w = writer_mem(g->mem);
    if (k) {
        const struct history_op *op = &g->h.ops.v[k->op];
        fmt_slice(&w, history_process_name(&g->h, op->process));
        fmt_str(&w, "'s record "), fmt_i64(&w, history_value_n(k->value));
        if (k->key.p) fmt_str(&w, ", key "), fmt_json(&w, k->key);
        if (k->offset >= 0) fmt_str(&w, ", acknowledged at offset "), fmt_i64(&w, k->offset);
        fmt_str(&w, " of "), fmt_slice(&w, history_topic_name(&g->h, k->topic));
        fmt_char(&w, '-'), fmt_i64(&w, k->partition), fmt_str(&w, ": ");
    }
    fmt_slice(&w, a->story);
    struct slice s = arena_dup(g->r->a, writer_slice(&w));
    writer_release(&w);
    return s;
}

static void
tell_counts(struct guests *g, const struct check_result *c, struct run_counts *to)
{
    to->produced += c->counts.produced;
    to->acknowledged += c->counts.acknowledged;
    to->unknown += c->counts.unknown;
    to->failed += c->counts.failed;
    to->read += c->read;
    for (int64_t i = 0; i < g->counts.n; i++) {
        const struct guest_counts *n = &g->counts.v[i];
        struct slice who = history_process_name(&g->h, (int32_t)i);
        struct slice more =
            n->errors ? arena_format(g->r->a, "; errors that it was told: %lld, the last %.*s",
                                     (long long)n->errors, SARG(k_err_name(n->last_error)))
                      : SLICE_EMPTY;
        if (n->sent.n)
            run_tell(g->r, SLICE_EMPTY,
                     arena_format(g->r->a, "%.*s sent %lld records and was acknowledged %lld%.*s",
                                  SARG(who), (long long)n->sent.n, (long long)n->acknowledged,
                                  SARG(more)));
    }
}

bool
guests_judge(struct guests *g, struct anomalies *ret, struct run_counts *counts)
{
    struct run *r = g->r;
    struct check_facts f = {.chronicle = &r->chronicle, .begin_ns = r->begin_ns};
    struct check_result checked;
    g->h.begin_ns = r->begin_ns;
    f.topics_n = (int32_t)g->h.topics.n;
    struct check_topic *topics = ARENA_ARRAY(r->a, struct check_topic, f.topics_n + 1);
    f.topics = topics;
    for (int32_t t = 0; t < f.topics_n; t++) {
        struct slice name = history_topic_name(&g->h, t);
        topics[t] = witness_facts(r, name);
        for (int64_t i = 0; is_judged_here(g, name) && i < r->truth.partitions.n; i++)
            if (slice_eq(r->truth.partitions.v[i]->topic, name))
                read_partition_back(g, r->truth.partitions.v[i], t);
    }
    check_history(g->mem, &g->h, &f, &checked);
    for (int64_t i = 0; i < checked.anomalies.v.n; i++) {
        struct anomaly a = checked.anomalies.v.v[i];
        if (!a.topic.p || !is_judged_here(g, a.topic)) continue;
        a.story = story_for_people(g, &a);
        a.is_of_guest = true;
        anomalies_add(ret, &a);
    }
    tell_counts(g, &checked, counts);
    bool is_conclusive = checked.is_conclusive;
    check_result_release(&checked);
    return is_conclusive;
}
