/* What guests are given to read: from where they asked, batch by batch, without what a reader of committed records leaves
 * out. */
#include "sim/scenario/guests_own.h"

#include "broker/base/check.h"
#include "broker/record/control.h"

#define SESSIONS_MAX 2000
#define READ_COMMITTED 1

/* ---- sessions (KIP-227): a request names only what has changed ------------------------------------------- */

void
session_free(struct guests *g, struct session *s)
{
    if (s->id) {
        list_remove(&s->node);
        g->sessions_n--;
    }
    VEC_RELEASE(g->mem, &s->places);
    MEM_DELETE(g->mem, s);
}

static struct session *
session_of(const struct guests *g, int32_t broker, int32_t id)
{
    LIST_EACH(&g->sessions, s, struct session, node)
        if (s->broker == broker && s->id == id) return s;
    return NULL;
}

static struct place *
session_place(const struct session *s, int32_t topic, int32_t partition)
{
    for (int64_t i = 0; i < s->places.n; i++)
        if (s->places.v[i].topic == topic && s->places.v[i].partition == partition)
            return &s->places.v[i];
    return NULL;
}

static void
session_put(struct guests *g, struct session *s, int32_t topic, int32_t partition, int64_t offset)
{
    struct place *known = session_place(s, topic, partition), new = {topic, partition, offset};
    if (known) known->offset = offset;
    else VEC_PUSH(g->mem, &s->places, new);
}

void
take_fetch(struct guests *g, struct visit *v, const struct request_head *head, struct reader *r)
{
    struct k_fetch_request q;
    if (!codec_decode(K_MSG_FETCH_REQUEST, head->version, r, &g->scratch, &q)) return;
    struct asked *a = guests_ask(g, v, head);
    a->read_committed = q.isolation_level == READ_COMMITTED;
    struct session *s = q.session_epoch > 0 ? session_of(g, v->broker, q.session_id) : NULL;
    a->session_id = s ? s->id : 0;
    if (!s) {
        s = a->own = MEM_NEW(g->mem, struct session);
        s->broker = v->broker;
    }
    for (int32_t t = 0; t < q.topics_n; t++) {
        struct slice topic = guests_topic(g, q.topics[t].topic, q.topics[t].topic_id);
        for (int32_t i = 0; i < q.topics[t].partitions_n; i++) {
            int32_t partition = q.topics[t].partitions[i].partition;
            int32_t place = guests_place(g, topic, partition);
            if (place >= 0)
                session_put(g, s, place, partition, q.topics[t].partitions[i].fetch_offset);
        }
    }
}

/* A session that begins with this request goes on behind it. */
static const struct session *
session_behind(struct guests *g, struct asked *a, int32_t id)
{
    struct session *s = a->own;
    if (!s || !id) return s;
    struct session *old = session_of(g, s->broker, id);
    if (old) session_free(g, old);
    if (g->sessions_n >= SESSIONS_MAX)
        session_free(g, LIST_FIRST(&g->sessions, struct session, node));
    s->id = id;
    list_push_back(&g->sessions, &s->node);
    g->sessions_n++;
    a->own = NULL;
    return s;
}

/* ---- what a reader of committed records leaves out ------------------------------------------------------- */

struct aborted {
    const struct k_fetch_response_aborted_transaction *v;
    bool *is_over;
    int32_t n;
};

static struct aborted
left_out_by(struct guests *g, const struct k_fetch_response_partition_data *p)
{
    int32_t n = MAX(p->aborted_transactions_n, 0);
    return (struct aborted){
        .v = p->aborted_transactions, .is_over = ARENA_ARRAY(&g->scratch, bool, n + 1), .n = n};
}

/* As the clients do: from the transaction's first offset on, up to its producer's next marker. */
static bool
is_left_out(struct aborted *a, const struct batch_header *h, struct slice batch)
{
    struct marker m;
    bool is_end = marker_parse(h, batch, &m);
    for (int32_t i = 0; i < a->n; i++) {
        if (a->is_over[i] || a->v[i].producer_id != h->producer_id ||
            a->v[i].first_offset > batch_last_offset(h))
            continue;
        if (!is_end) return batch_is_transactional(h);
        a->is_over[i] = true;
        break;
    }
    return batch_is_control(h);
}

/* ---- being given ------------------------------------------------------------------------------------------- */

bool
guests_take_batches(struct guests *g, struct poll *p, struct slice all, struct aborted *out)
{
    struct slice batch;
    struct batch_header h;
    enum batch_err err = BATCH_OK;
    VEC(struct got) got = {0};
    bool is_corrupt = false;
    for (int64_t at = 0; !is_corrupt && batch_next(all, &at, &h, &batch, &err);) {
        is_corrupt = batch_check(g->crc32c, batch, &h) != BATCH_OK;
        if (is_corrupt || (out ? is_left_out(out, &h, batch) : batch_is_control(&h))) continue;
        struct got one = {goods_of(g, &h, batch), h.base_offset, h.leader_epoch};
        is_corrupt = !one.goods;
        if (!is_corrupt) VEC_PUSH(g->mem, &got, one);
    }
    p->n = (int32_t)got.n;
    p->v = ARENA_ARRAY(&g->a, struct got, got.n + 1);
    if (got.n) memcpy(p->v, got.v, (size_t)got.n * sizeof *p->v);
    VEC_RELEASE(g->mem, &got);
    return is_corrupt || (err != BATCH_OK && err != BATCH_SHORT);
}

static void
take_given(struct guests *g, struct poll *p, const struct k_fetch_response_partition_data *data)
{
    struct aborted out = left_out_by(g, data);
    bool is_corrupt =
        guests_take_batches(g, p, data->records.bytes, p->read_committed ? &out : NULL);
    if (p->n) guests_note(g, ENTRY_POLLED, p);
    if (is_corrupt) guests_note(g, ENTRY_CORRUPT, p);
}

void
take_fetched(struct guests *g, struct visit *v, struct asked *a, struct reader *r)
{
    struct k_fetch_response q;
    if (!codec_decode(K_MSG_FETCH_RESPONSE, a->version, r, &g->scratch, &q) || q.error_code) return;
    const struct session *s = a->session_id ? session_of(g, v->broker, a->session_id)
                                            : session_behind(g, a, q.session_id);
    for (int32_t t = 0; t < q.responses_n; t++) {
        struct slice topic = guests_topic(g, q.responses[t].topic, q.responses[t].topic_id);
        for (int32_t i = 0; i < q.responses[t].partitions_n; i++) {
            const struct k_fetch_response_partition_data *data = &q.responses[t].partitions[i];
            int32_t place = guests_place(g, topic, data->partition_index);
            if (data->error_code || !data->records.bytes.n || place < 0) continue;
            struct poll *p = ARENA_NEW(&g->a, struct poll);
            *p = (struct poll){.process = a->process,
                               .topic = place,
                               .partition = data->partition_index,
                               .offset = -1,
                               .read_committed = a->read_committed};
            const struct place *from = s ? session_place(s, p->topic, p->partition) : NULL;
            if (from) p->offset = from->offset;
            take_given(g, p, data);
        }
    }
}
