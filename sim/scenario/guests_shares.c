/* What members of share groups outside are given, and what they say became of it (KIP-932). Both come and go in one
 * request: ShareFetch brings what was decided about the records before, and is answered with whether that was heard, and
 * with new ones. */
#include "sim/scenario/guests_own.h"

#include "apis.h"
#include "broker/base/check.h"
#include "sim/scenario/diag.h"

enum { SHARERS_MAX = 1000, FINAL_EPOCH = -1 };

/* One member is one process of the history, though several have the same client.id. Of too many the last stands for the
 * rest: then nobody can say that two of them held one record. */
static int32_t
sharer_of(struct guests *g, struct visit *v, struct slice member)
{
    int32_t others = 0;
    for (int64_t i = g->sharers.n; i-- > 0;) {
        struct sharer *s = &g->sharers.v[i];
        others += s->client == v->client;
        if (!slice_eq(s->member, member)) continue;
        s->visit = v;
        return (int32_t)i;
    }
    if (g->sharers.n == SHARERS_MAX) return SHARERS_MAX - 1;
    struct slice name = guests_word(g, g->clients.v[v->client].name);
    struct sharer new = {.member = arena_dup(&g->a, member), .client = v->client, .visit = v};
    if (others) name = arena_format(&g->scratch, "%.*s#m%d", SARG(name), (int)others + 1);
    new.process = history_process(&g->h, name);
    VEC_PUSH(g->mem, &g->sharers, new);
    return (int32_t)g->sharers.n - 1;
}

/* Whoever ends its session, or its connection, holds nothing any more. */
static void
sharer_lets_go(struct guests *g, struct sharer *s)
{
    struct let_go *l = ARENA_NEW(&g->a, struct let_go);
    *l = (struct let_go){s->process, s->group};
    guests_note(g, ENTRY_LET_GO, l);
}

void
sharers_leave(struct guests *g, const struct visit *v)
{
    for (int64_t i = 0; i < g->sharers.n; i++) {
        struct sharer *s = &g->sharers.v[i];
        if (s->visit != v) continue;
        s->visit = NULL;
        sharer_lets_go(g, s);
    }
}

/* ---- what was decided ---- */

/* As both requests have them. */
struct decided {
    int64_t first, last;
    const int8_t *types; /* one for all, or one for each */
    int32_t types_n;
};

static void
decision_put(struct guests *g, struct asked *a, struct slice topic, int32_t partition,
             const struct decision *d)
{
    enum { ACCEPT = 1, REJECT = 3 };
    int32_t place = guests_place(g, topic, partition);
    /* A gap is no record, and whoever renews a lock has decided nothing. */
    if (place < 0 || d->type < ACCEPT || d->type > REJECT) return;
    struct decision *kept = ARENA_NEW(&g->a, struct decision);
    *kept = *d;
    kept->process = g->sharers.v[a->sharer].process;
    kept->group = g->sharers.v[a->sharer].group;
    kept->topic = place;
    kept->partition = partition;
    kept->op = -1;
    kept->next = a->decisions;
    a->decisions = kept;
    guests_note(g, ENTRY_DECIDED, kept);
}

/* Neighbours with the same fate go together. */
static void
take_decided(struct guests *g, struct asked *a, struct slice topic, int32_t partition,
             const struct decided *d)
{
    if (d->first < 0 || d->last < d->first || d->types_n < 1) return;
    for (int32_t i = 0, from = 0; i < d->types_n; from = i) {
        while (i < d->types_n && d->types[i] == d->types[from]) i++;
        bool is_last = i == d->types_n;
        if (d->first + from > d->last) return;
        decision_put(g, a, topic, partition,
                     &(struct decision){.first = d->first + from,
                                        .last = is_last ? d->last : MIN(d->first + i - 1, d->last),
                                        .type = d->types[from]});
    }
}

static void
decisions_are_heard(struct guests *g, const struct asked *a, struct slice topic, int32_t partition)
{
    for (struct decision *d = a->decisions; d; d = d->next)
        if (d->partition == partition && slice_eq(history_topic_name(&g->h, d->topic), topic))
            guests_note(g, ENTRY_DECIDED_HEARD, d);
}

/* ---- requests ---- */

static struct asked *
ask_of_sharer(struct guests *g, struct visit *v, const struct request_head *head,
              struct slice group, struct slice member)
{
    struct asked *a = guests_ask(g, v, head);
    a->sharer = sharer_of(g, v, member);
    a->asked_ns = g->params.now(g->params.ctx);
    g->sharers.v[a->sharer].group = history_group(&g->h, guests_group(g, group));
    return a;
}

/* Both requests name topics, of each some partitions, and of each batches that were decided; they differ in their types alone. */
#define TAKE_ALL_DECIDED(g, a, q) \
    for (int32_t t = 0; t < (q)->topics_n; t++) { \
        struct slice topic = guests_topic((g), SLICE_NULL, (q)->topics[t].topic_id); \
        for (int32_t i = 0; topic.n && i < (q)->topics[t].partitions_n; i++) { \
            __typeof__(&(q)->topics[t].partitions[i]) p = &(q)->topics[t].partitions[i]; \
            for (int32_t k = 0; k < p->acknowledgement_batches_n; k++) \
                take_decided( \
                    (g), (a), topic, p->partition_index, \
                    &(struct decided){p->acknowledgement_batches[k].first_offset, \
                                      p->acknowledgement_batches[k].last_offset, \
                                      p->acknowledgement_batches[k].acknowledge_types, \
                                      p->acknowledgement_batches[k].acknowledge_types_n}); \
        } \
    }

static void
session_goes_on(struct guests *g, const struct asked *a, int32_t epoch)
{
    if (epoch == FINAL_EPOCH) sharer_lets_go(g, &g->sharers.v[a->sharer]);
}

void
take_share_fetch(struct guests *g, struct visit *v, const struct request_head *head,
                 struct reader *r)
{
    struct k_share_fetch_request q;
    if (!codec_decode(K_MSG_SHARE_FETCH_REQUEST, head->version, r, &g->scratch, &q)) return;
    struct asked *a = ask_of_sharer(g, v, head, q.group_id, q.member_id);
    TAKE_ALL_DECIDED(g, a, &q);
    session_goes_on(g, a, q.share_session_epoch);
}

void
take_share_ack(struct guests *g, struct visit *v, const struct request_head *head, struct reader *r)
{
    struct k_share_acknowledge_request q;
    if (!codec_decode(K_MSG_SHARE_ACKNOWLEDGE_REQUEST, head->version, r, &g->scratch, &q)) return;
    struct asked *a = ask_of_sharer(g, v, head, q.group_id, q.member_id);
    TAKE_ALL_DECIDED(g, a, &q);
    session_goes_on(g, a, q.share_session_epoch);
}

/* ---- answers ---- */

static void
lock_is(struct guests *g, int32_t lock_ms)
{
    if (lock_ms > 0 && (!g->share_lock_ms || lock_ms < g->share_lock_ms))
        g->share_lock_ms = lock_ms;
}

static void
take_handed(struct guests *g, const struct asked *a, int32_t topic,
            const struct k_share_fetch_response_partition_data *p)
{
    const struct sharer *s = &g->sharers.v[a->sharer];
    struct handed *h = ARENA_NEW(&g->a, struct handed);
    int32_t n = p->acquired_records_n;
    *h = (struct handed){.poll = {.process = s->process,
                                  .topic = topic,
                                  .partition = p->partition_index,
                                  .offset = n ? p->acquired_records[0].first_offset : -1},
                         .group = s->group,
                         .client = s->client,
                         .broker = a->broker,
                         .asked_ns = a->asked_ns,
                         .ranges = ARENA_ARRAY(&g->a, struct handed_range, n + 1),
                         .ranges_n = n};
    for (int32_t i = 0; i < n; i++)
        h->ranges[i] = (struct handed_range){p->acquired_records[i].first_offset,
                                             p->acquired_records[i].last_offset,
                                             p->acquired_records[i].delivery_count};
    bool is_corrupt = guests_take_batches(g, &h->poll, p->records.bytes, NULL);
    guests_note(g, ENTRY_HANDED, h);
    if (is_corrupt) guests_note(g, ENTRY_CORRUPT, &h->poll);
}

void
take_share_fetched(struct guests *g, struct visit *v, struct asked *a, struct reader *r)
{
    struct k_share_fetch_response q;
    (void)v;
    if (!codec_decode(K_MSG_SHARE_FETCH_RESPONSE, a->version, r, &g->scratch, &q) || q.error_code)
        return;
    lock_is(g, q.acquisition_lock_timeout_ms);
    for (int32_t t = 0; t < q.responses_n; t++) {
        struct slice topic = guests_topic(g, SLICE_NULL, q.responses[t].topic_id);
        for (int32_t i = 0; topic.n && i < q.responses[t].partitions_n; i++) {
            const struct k_share_fetch_response_partition_data *p = &q.responses[t].partitions[i];
            int32_t place = guests_place(g, topic, p->partition_index);
            if (place < 0) continue;
            if (!p->acknowledge_error_code) decisions_are_heard(g, a, topic, p->partition_index);
            if (!p->error_code && p->acquired_records_n > 0) take_handed(g, a, place, p);
        }
    }
}

void
take_share_acked(struct guests *g, struct visit *v, struct asked *a, struct reader *r)
{
    struct k_share_acknowledge_response q;
    (void)v;
    if (!codec_decode(K_MSG_SHARE_ACKNOWLEDGE_RESPONSE, a->version, r, &g->scratch, &q) ||
        q.error_code)
        return;
    lock_is(g, q.acquisition_lock_timeout_ms);
    for (int32_t t = 0; t < q.responses_n; t++) {
        struct slice topic = guests_topic(g, SLICE_NULL, q.responses[t].topic_id);
        for (int32_t i = 0; topic.n && i < q.responses[t].partitions_n; i++)
            if (!q.responses[t].partitions[i].error_code)
                decisions_are_heard(g, a, topic, q.responses[t].partitions[i].partition_index);
    }
}

/* ---- history ---- */

static bool
group_is_told(const struct guests *g, int32_t group)
{
    return !names_have(g->groups_gone.v, g->groups_gone.n, history_group_name(&g->h, group));
}

void
tell_handed(struct guests *g, const struct handed *h)
{
    const struct poll *p = &h->poll;
    struct history_op op = history_op_new(HISTORY_GIVEN, p->process, p->topic, p->partition);
    VEC(struct history_read) reads = {0};
    for (int32_t i = 0, at = 0; i < p->n && at < h->ranges_n; i++) {
        const struct got *got = &p->v[i];
        for (int32_t k = 0; k < got->goods->h.records_n && at < h->ranges_n; k++) {
            const struct parcel *of;
            int64_t offset = got->base + goods_delta(got->goods, k);
            while (at < h->ranges_n && h->ranges[at].last < offset) at++;
            if (at == h->ranges_n || offset < h->ranges[at].first) continue;
            struct history_read r = {
                offset, value_of(g, got->goods, k, p->topic, p->partition, offset, &of),
                h->ranges[at].count};
            if (r.value) VEC_PUSH(g->mem, &reads, r);
        }
    }
    op.node = h->group;
    op.key = h->asked_ns;
    op.leader_epoch = h->broker;
    g->clients.v[h->client].read += reads.n;
    if (reads.n && group_is_told(g, h->group))
        history_add(&g->h, &op, HISTORY_OK, reads.v, reads.n);
    VEC_RELEASE(g->mem, &reads);
}

void
tell_decided(struct guests *g, struct decision *d)
{
    struct history_op op = history_op_new(HISTORY_ACKNOWLEDGE, d->process, d->topic, d->partition);
    op.node = d->group;
    op.offset = d->first;
    op.key = d->last;
    op.acks = d->type;
    if (group_is_told(g, d->group)) d->op = history_invoke(&g->h, &op);
}

void
tell_decided_heard(struct guests *g, const struct decision *d)
{
    if (d->op >= 0 && g->h.ops.v[d->op].outcome == HISTORY_OPEN)
        history_complete(&g->h, d->op, HISTORY_OK, 0, d->partition, d->first);
}

/* Of all topics; the history wants one. */
void
tell_let_go(struct guests *g, const struct let_go *l)
{
    struct history_op op = history_op_new(HISTORY_BEGIN, l->process, 0, -1);
    op.node = l->group;
    if (g->h.topics.n) history_add(&g->h, &op, HISTORY_OK, NULL, 0);
}
