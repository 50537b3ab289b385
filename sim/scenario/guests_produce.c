/* What guests send to partitions, and what they are told of it. */
#include "sim/scenario/guests_own.h"

#include "broker/base/check.h"

/* How far back a retry is looked for: no client has so many batches under way. */
#define RETRY_MAX 64

struct lane_key {
    int64_t producer_id;
    int32_t topic, partition;
};

static bool
same_lane(const struct map_node *node, const void *key)
{
    const struct lane *l = CONTAINER_OF(node, struct lane, node);
    const struct lane_key *k = key;
    return l->producer_id == k->producer_id && l->topic == k->topic && l->partition == k->partition;
}

static uint64_t
hash_of_lane(const struct guests *g, const struct lane_key *k)
{
    return map_hash_i64(&g->lanes, k->producer_id,
                        (int64_t)k->topic << 32 | (uint32_t)k->partition);
}

struct lane *
lane_there(const struct guests *g, int64_t producer_id, int32_t topic, int32_t partition)
{
    struct lane_key k = {producer_id, topic, partition};
    struct map_node *known = map_find(&g->lanes, hash_of_lane(g, &k), same_lane, &k);
    return known ? CONTAINER_OF(known, struct lane, node) : NULL;
}

static struct lane *
lane_of(struct guests *g, const struct lane_key *k)
{
    struct lane *l = lane_there(g, k->producer_id, k->topic, k->partition);
    if (l) return l;
    l = ARENA_NEW(&g->a, struct lane);
    *l = (struct lane){.producer_id = k->producer_id, .topic = k->topic, .partition = k->partition};
    map_insert(&g->lanes, &l->node, hash_of_lane(g, k));
    return l;
}

/* The one that has all of these records, perhaps and more (who is told MESSAGE_TOO_LARGE sends it in parts). NULL: they
 * come for the first time. */
static struct parcel *
sent_before(const struct lane *l, const struct batch_header *h)
{
    int64_t last = MAX(l->parcels.n - RETRY_MAX, 0);
    for (int64_t i = l->parcels.n; l->producer_id >= 0 && i-- > last;) {
        struct parcel *k = l->parcels.v[i];
        int64_t at = (int64_t)h->base_sequence - k->goods->h.base_sequence;
        if (k->goods->h.producer_epoch == h->producer_epoch && at >= 0 && at + h->records_n <= k->n)
            return k;
    }
    return NULL;
}

/* A retry may have other time stamps, but not other records. */
static bool
is_another(const struct goods *a, const struct goods *b)
{
    for (int32_t i = 0; a != b && i < a->h.records_n; i++)
        if (a->contents[i] != b->contents[i]) return true;
    return false;
}

int64_t
guests_misnumbered(const struct guests *g)
{
    int64_t n = 0;
    for (int64_t i = 0; i < g->clients.n; i++) n += g->clients.v[i].misnumbered;
    return n;
}

static struct parcel *
parcel_new(struct guests *g, struct goods *b, struct lane *l, int32_t client, int16_t acks,
           struct parcel *within)
{
    struct parcel *k = ARENA_NEW(&g->a, struct parcel);
    *k = (struct parcel){.goods = b,
                         .lane = l,
                         .process = guests_author(g, client, l->producer_id),
                         .topic = l->topic,
                         .partition = l->partition,
                         .n = b->h.records_n,
                         .number = (int32_t)l->parcels.n,
                         .acks = acks,
                         .broker = -1,
                         .offset = -1,
                         .within = within};
    if (within) k->at = b->h.base_sequence - within->goods->h.base_sequence;
    VEC_PUSH(g->mem, &l->parcels, k);
    VEC_PUSH(g->mem, &author_of_process(g, k->process)->parcels, k);
    if (batch_is_transactional(&b->h)) {
        k->txn = txn_now(g, l->producer_id, b->h.producer_epoch, k->process);
        if (k->txn) VEC_PUSH(g->mem, &k->txn->parcels, k);
    }
    return k;
}

/* NULL: it is none. */
static struct parcel *
parcel_of_batch(struct guests *g, const struct visit *v, struct slice topic, int32_t partition,
                struct slice records, int16_t acks)
{
    struct batch_header h;
    if (!records.p || partition < 0 || batch_check(g->crc32c, records, &h) != BATCH_OK ||
        batch_is_control(&h) || h.records_n < 1)
        return NULL;
    int32_t to = guests_place(g, topic, partition);
    if (to < 0) return NULL;
    struct goods *b = goods_of(g, &h, slice_sub(records, 0, batch_size_bytes(&h)));
    if (!b) {
        VEC_PUSH(g->mem, &g->unsure, arena_dup(&g->a, topic));
        return NULL;
    }
    struct lane_key key = {batch_has_producer(&h) ? h.producer_id : -1, to, partition};
    struct lane *l = lane_of(g, &key);
    struct parcel *before = sent_before(l, &h), *k = before;
    if (!before || before->n != h.records_n) k = parcel_new(g, b, l, v->client, acks, before);
    if (!before) g->clients.v[v->client].sent += k->n;
    if (before && before->n == h.records_n && is_another(b, before->goods))
        g->clients.v[v->client].misnumbered += h.records_n;
    guests_note(g, before ? ENTRY_SENT_AGAIN : ENTRY_SENT, k);
    return k;
}

void
take_produce(struct guests *g, struct visit *v, const struct request_head *head, struct reader *r)
{
    struct k_produce_request q;
    int32_t n = 0;
    if (!codec_decode(K_MSG_PRODUCE_REQUEST, head->version, r, &g->scratch, &q)) return;
    for (int32_t t = 0; t < q.topic_data_n; t++) n += q.topic_data[t].partition_data_n;
    struct parcel **to = ARENA_ARRAY(&g->a, struct parcel *, n + 1);
    int32_t to_n = 0;
    for (int32_t t = 0; t < q.topic_data_n; t++) {
        struct slice topic = guests_topic(g, q.topic_data[t].name, q.topic_data[t].topic_id);
        for (int32_t i = 0; topic.n && i < q.topic_data[t].partition_data_n; i++) {
            const struct k_produce_request_partition_produce_data *p =
                &q.topic_data[t].partition_data[i];
            struct parcel *k = parcel_of_batch(g, v, topic, p->index, p->records.bytes, q.acks);
            if (k) to[to_n++] = k;
        }
    }
    if (q.acks == 0) return; /* nobody answers */
    struct asked *a = guests_ask(g, v, head);
    a->parcels = to;
    a->n = to_n;
}

static void
parcel_is_told(struct guests *g, struct parcel *k, int32_t broker, int16_t error, int64_t offset)
{
    struct client *c = &g->clients.v[author_of_process(g, k->process)->client];
    if (error) {
        c->errors += k->n;
        c->last_error = error;
        return;
    }
    /* -1: a batch that was there already, whose offsets the broker no longer knows. */
    if (k->is_told || offset < 0) return;
    k->is_told = true;
    k->broker = broker;
    k->offset = offset;
    c->acknowledged += k->n;
    guests_note(g, ENTRY_ACKNOWLEDGED, k);
}

void
take_produced(struct guests *g, struct visit *v, struct asked *a, struct reader *r)
{
    struct k_produce_response p;
    if (!codec_decode(K_MSG_PRODUCE_RESPONSE, a->version, r, &g->scratch, &p)) return;
    for (int32_t t = 0; t < p.responses_n; t++) {
        struct slice name = guests_topic(g, p.responses[t].name, p.responses[t].topic_id);
        for (int32_t i = 0; i < p.responses[t].partition_responses_n; i++) {
            const struct k_produce_response_partition_produce_response *one =
                &p.responses[t].partition_responses[i];
            for (int32_t k = 0; k < a->n; k++)
                if (a->parcels[k]->partition == one->index &&
                    slice_eq(history_topic_name(&g->h, a->parcels[k]->topic), name))
                    parcel_is_told(g, a->parcels[k], v->broker, one->error_code, one->base_offset);
        }
    }
}
