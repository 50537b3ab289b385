/* What guests commit for groups, and what they find committed. */
#include "sim/scenario/guests_own.h"

#include "broker/base/check.h"

static void
commit_put(struct guests *g, struct commit *c, struct slice topic, int32_t partition,
           int64_t offset)
{
    int32_t place = guests_place(g, topic, partition);
    if (place < 0) return;
    c->v[c->n++] = (struct commit_part){
        .topic = place, .partition = partition, .offset = offset, .error = -2, .op = -1};
}

static struct commit *
commit_new(struct guests *g, const struct visit *v, struct slice group, int32_t n)
{
    struct commit *c = ARENA_NEW(&g->a, struct commit);
    *c = (struct commit){.process = guests_author(g, v->client, SENDS_NOTHING),
                         .group = history_group(&g->h, guests_group(g, group)),
                         .v = ARENA_ARRAY(&g->a, struct commit_part, n + 1)};
    return c;
}

static struct commit_part *
part_of(struct guests *g, struct commit *c, struct slice topic, int32_t partition)
{
    for (int32_t i = 0; i < c->n; i++)
        if (c->v[i].partition == partition &&
            slice_eq(history_topic_name(&g->h, c->v[i].topic), topic))
            return &c->v[i];
    return NULL;
}

/* ---- committing: the requests of a consumer and of a transaction, which differ in their types alone ----------- */

#define TAKE_COMMIT(g, v, q, ret) \
    do { \
        int32_t n_ = 0; \
        for (int32_t t = 0; t < (q)->topics_n; t++) n_ += (q)->topics[t].partitions_n; \
        (ret) = commit_new((g), (v), (q)->group_id, n_); \
        for (int32_t t = 0; t < (q)->topics_n; t++) \
            for (int32_t i = 0; i < (q)->topics[t].partitions_n; i++) \
                commit_put((g), (ret), \
                           guests_topic((g), (q)->topics[t].name, (q)->topics[t].topic_id), \
                           (q)->topics[t].partitions[i].partition_index, \
                           (q)->topics[t].partitions[i].committed_offset); \
    } while (0)

#define TAKE_COMMITTED(g, c, q) \
    for (int32_t t = 0; t < (q)->topics_n; t++) { \
        struct slice topic = guests_topic((g), (q)->topics[t].name, (q)->topics[t].topic_id); \
        for (int32_t i = 0; i < (q)->topics[t].partitions_n; i++) { \
            struct commit_part *p = \
                part_of((g), (c), topic, (q)->topics[t].partitions[i].partition_index); \
            if (p) p->error = (q)->topics[t].partitions[i].error_code; \
        } \
    }

void
take_commit(struct guests *g, struct visit *v, const struct request_head *head, struct reader *r)
{
    struct k_offset_commit_request q;
    struct commit *c;
    if (!codec_decode(K_MSG_OFFSET_COMMIT_REQUEST, head->version, r, &g->scratch, &q)) return;
    TAKE_COMMIT(g, v, &q, c);
    guests_ask(g, v, head)->commit = c;
    guests_note(g, ENTRY_COMMIT, c);
}

void
take_committed(struct guests *g, struct visit *v, struct asked *a, struct reader *r)
{
    struct k_offset_commit_response q;
    (void)v;
    if (!codec_decode(K_MSG_OFFSET_COMMIT_RESPONSE, a->version, r, &g->scratch, &q)) return;
    TAKE_COMMITTED(g, a->commit, &q);
    guests_note(g, ENTRY_COMMIT_TOLD, a->commit);
}

void
take_txn_commit(struct guests *g, struct visit *v, const struct request_head *head,
                struct reader *r)
{
    struct k_txn_offset_commit_request q;
    struct commit *c;
    if (!codec_decode(K_MSG_TXN_OFFSET_COMMIT_REQUEST, head->version, r, &g->scratch, &q)) return;
    TAKE_COMMIT(g, v, &q, c);
    c->txn =
        txn_now(g, q.producer_id, q.producer_epoch, guests_author(g, v->client, q.producer_id));
    if (c->txn) VEC_PUSH(g->mem, &c->txn->commits, c);
    guests_ask(g, v, head)->commit = c;
    guests_note(g, ENTRY_COMMIT, c);
}

void
take_txn_committed(struct guests *g, struct visit *v, struct asked *a, struct reader *r)
{
    struct k_txn_offset_commit_response q;
    (void)v;
    if (!codec_decode(K_MSG_TXN_OFFSET_COMMIT_RESPONSE, a->version, r, &g->scratch, &q)) return;
    TAKE_COMMITTED(g, a->commit, &q);
    guests_note(g, ENTRY_COMMIT_TOLD, a->commit);
}

/* ---- looking ----------------------------------------------------------------------------------------------- */

/* What it finds is known from its answer; it was asked now. */
void
take_look(struct guests *g, struct visit *v, const struct request_head *head, struct reader *r)
{
    struct k_offset_fetch_request q;
    if (!codec_decode(K_MSG_OFFSET_FETCH_REQUEST, head->version, r, &g->scratch, &q)) return;
    struct asked *a = guests_ask(g, v, head);
    int32_t groups = head->version >= 8 ? q.groups_n : 1;
    /* One for each group, in a row. */
    struct commit *c = ARENA_ARRAY(&g->a, struct commit, groups + 1);
    for (int32_t i = 0; i < groups; i++) {
        struct slice name = head->version >= 8 ? q.groups[i].group_id : q.group_id;
        c[i] = (struct commit){.process = a->process,
                               .group = history_group(&g->h, guests_group(g, name)),
                               .is_stable = q.require_stable};
        guests_note(g, ENTRY_LOOK, &c[i]);
    }
    a->commit = c;
    a->n = groups;
}

static struct commit *
look_at_group(struct guests *g, const struct asked *a, struct slice group)
{
    group = guests_group(g, group);
    for (int32_t i = 0; i < a->n; i++)
        if (slice_eq(history_group_name(&g->h, a->commit[i].group), group)) return &a->commit[i];
    return NULL;
}

static void
take_looked_group(struct guests *g, struct commit *c,
                  const struct k_offset_fetch_response_offset_fetch_response_group *q)
{
    int32_t n = 0;
    if (!c || q->error_code || c->v) return;
    for (int32_t t = 0; t < q->topics_n; t++) n += q->topics[t].partitions_n;
    c->v = ARENA_ARRAY(&g->a, struct commit_part, n + 1);
    for (int32_t t = 0; t < q->topics_n; t++)
        for (int32_t i = 0; i < q->topics[t].partitions_n; i++)
            if (!q->topics[t].partitions[i].error_code)
                commit_put(g, c, guests_topic(g, q->topics[t].name, q->topics[t].topic_id),
                           q->topics[t].partitions[i].partition_index,
                           q->topics[t].partitions[i].committed_offset);
    guests_note(g, ENTRY_LOOK_TOLD, c);
}

static void
take_looked_old(struct guests *g, struct commit *c, const struct k_offset_fetch_response *q)
{
    int32_t n = 0;
    if (q->error_code) return;
    for (int32_t t = 0; t < q->topics_n; t++) n += q->topics[t].partitions_n;
    c->v = ARENA_ARRAY(&g->a, struct commit_part, n + 1);
    for (int32_t t = 0; t < q->topics_n; t++)
        for (int32_t i = 0; i < q->topics[t].partitions_n; i++)
            if (!q->topics[t].partitions[i].error_code)
                commit_put(g, c, q->topics[t].name, q->topics[t].partitions[i].partition_index,
                           q->topics[t].partitions[i].committed_offset);
    guests_note(g, ENTRY_LOOK_TOLD, c);
}

void
take_looked(struct guests *g, struct visit *v, struct asked *a, struct reader *r)
{
    struct k_offset_fetch_response q;
    (void)v;
    if (!codec_decode(K_MSG_OFFSET_FETCH_RESPONSE, a->version, r, &g->scratch, &q)) return;
    if (a->version < 8) take_looked_old(g, a->commit, &q);
    for (int32_t i = 0; i < q.groups_n; i++)
        take_looked_group(g, look_at_group(g, a, q.groups[i].group_id), &q.groups[i]);
}
