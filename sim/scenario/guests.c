#include "sim/scenario/guests_own.h"

#include <stdlib.h>

#include "apis.h"
#include "broker/base/check.h"
#include "broker/protocol/frame.h"
#include "broker/work/work.h"
#include "sim/scenario/outside.h"

#define INFLATED_MAX_BYTES (64 << 20)
#define KEY_SHOWN_BYTES 40

/* ---- known again ---------------------------------------------------------------------------------------- */

static bool
same_sequence(const struct map_node *node, const void *key)
{
    const struct gift *a = CONTAINER_OF(node, struct gift, by_sequence), *b = key;
    return a->producer_id == b->producer_id && a->producer_epoch == b->producer_epoch &&
           a->sequence == b->sequence && a->topic == b->topic && a->partition == b->partition;
}

static bool
same_content(const struct map_node *node, const void *key)
{
    const struct gift *a = CONTAINER_OF(node, struct gift, by_content), *b = key;
    return a->content == b->content && a->topic == b->topic && a->partition == b->partition;
}

static bool
same_offset(const struct map_node *node, const void *key)
{
    const struct gift *a = CONTAINER_OF(node, struct gift, by_offset), *b = key;
    return a->offset == b->offset && a->topic == b->topic && a->partition == b->partition;
}

static uint64_t
hash_of_offset(const struct guests *g, const struct gift *k)
{
    return map_hash_i64(&g->by_offset, k->offset, (int64_t)k->topic << 20 ^ k->partition);
}

struct gift *
gift_of_offset(const struct guests *g, const struct gift *key)
{
    struct map_node *n = map_find(&g->by_offset, hash_of_offset(g, key), same_offset, key);
    return n ? CONTAINER_OF(n, struct gift, by_offset) : NULL;
}

static uint64_t
hash_of_sequence(const struct guests *g, const struct gift *k)
{
    return map_hash_i64(&g->by_sequence, k->producer_id,
                        (int64_t)k->sequence << 20 ^ (int64_t)k->topic << 10 ^ k->partition);
}

struct gift *
gift_of_sequence(const struct guests *g, const struct gift *key)
{
    struct map_node *n = map_find(&g->by_sequence, hash_of_sequence(g, key), same_sequence, key);
    return n ? CONTAINER_OF(n, struct gift, by_sequence) : NULL;
}

struct gift *
gift_of_content(const struct guests *g, const struct gift *key)
{
    struct map_node *n = map_find(&g->by_content, key->content, same_content, key);
    return n ? CONTAINER_OF(n, struct gift, by_content) : NULL;
}

uint64_t
content_of(const struct record *rec)
{
    static const struct siphash_key none;
    uint64_t k = siphash(none, rec->key), v = siphash(none, rec->value);
    return siphash_u64x2(none, k + (rec->key.p != NULL), v + (rec->value.p != NULL));
}

void
each_record(struct guests *g, const struct batch_header *h, struct slice batch,
            void (*fn)(struct guests *g, void *ctx, const struct record *rec), void *ctx)
{
    struct slice payload = slice_sub(batch, BATCH_HEADER_BYTES, batch.n);
    struct work_result plain = {0};
    struct records rs;
    struct record rec;
    if (batch_codec(h) != CODEC_NONE) {
        struct buf b = {.data = (uint8_t *)(uintptr_t)payload.p, .n = payload.n, .cap = payload.n};
        struct seg seg = {.buf = &b, .bytes = payload};
        if (work_run(WORK_DECOMPRESS, batch_codec(h), 0, &seg, 1, INFLATED_MAX_BYTES, &plain))
            return;
        payload = slice(plain.p, plain.n);
    }
    records_begin(&rs, h, payload);
    while (records_next(&rs, &rec)) fn(g, ctx, &rec);
    free(plain.p);
}

/* ---- asking ---------------------------------------------------------------------------------------------- */

struct offering {
    const struct batch_header *h;
    struct offer *offer;
    int32_t process;
    int16_t acks;
};

static struct gift *
gift_new(struct guests *g, const struct gift *key, const struct offering *o,
         const struct record *rec)
{
    struct gift *k = ARENA_NEW(g->r->a, struct gift);
    struct history_op op = history_op_new(HISTORY_SEND, o->process, key->topic, key->partition);
    *k = *key;
    op.acks = o->acks;
    op.idempotent = k->producer_id >= 0;
    op.value = k->value = history_next_value(&g->h, o->process);
    k->op = history_invoke(&g->h, &op);
    k->offset = -1;
    if (rec->key.p) k->key = arena_dup(g->r->a, slice_sub(rec->key, 0, KEY_SHOWN_BYTES));
    if (k->producer_id >= 0) {
        map_insert(&g->by_sequence, &k->by_sequence, hash_of_sequence(g, k));
    } else {
        struct gift *first = gift_of_content(g, k);
        if (first) first->last->same = k;
        else map_insert(&g->by_content, &k->by_content, k->content);
        (first ? first : k)->last = k;
    }
    VEC_PUSH(g->mem, &g->counts.v[o->process].sent, k);
    return k;
}

static void
take_gift(struct guests *g, void *ctx, const struct record *rec)
{
    const struct offering *o = ctx;
    struct offer *to = o->offer;
    struct gift key = {.topic = to->topic,
                       .partition = to->partition,
                       .producer_id = batch_has_producer(o->h) ? o->h->producer_id : -1,
                       .producer_epoch = o->h->producer_epoch,
                       .sequence = rec->sequence,
                       .content = content_of(rec)};
    struct gift *again = key.producer_id >= 0 ? gift_of_sequence(g, &key) : NULL;
    if (again && g->h.ops.v[again->op].outcome == HISTORY_OPEN)
        history_note_retry(&g->h, again->op);
    if (to->n < o->h->records_n) to->v[to->n++] = again ? again : gift_new(g, &key, o, rec);
}

static struct slice
name_of_topic(struct guests *g, struct slice name, struct uuid id)
{
    return name.n ? name : witness_topic_name(g->r, id);
}

static int32_t
process_of(struct guests *g, struct slice client_id)
{
    int32_t p = history_process(&g->h, client_id.n ? client_id : S("unnamed client"));
    while (g->counts.n <= p) VEC_PUSH(g->mem, &g->counts, (struct guest_counts){0});
    return p;
}

static void
take_offer(struct guests *g, struct produce *to, struct slice topic,
           const struct k_produce_request_partition_produce_data *p, int32_t process, int16_t acks)
{
    struct batch_header h;
    struct slice records = p->records.bytes;
    struct offer *offer = &to->v[to->n++];
    *offer = (struct offer){.topic = history_topic(&g->h, topic), .partition = p->index};
    if (!records.p || batch_parse(records, &h) != BATCH_OK || batch_size_bytes(&h) > records.n)
        return;
    offer->v = ARENA_ARRAY(g->r->a, struct gift *, MAX(h.records_n, 1));
    struct offering o = {.h = &h, .offer = offer, .process = process, .acks = acks};
    each_record(g, &h, slice_sub(records, 0, batch_size_bytes(&h)), take_gift, &o);
}

static void
take_produce(struct guests *g, const struct world_frame *f, const struct request_head *head,
             struct reader *r, struct arena *scratch)
{
    struct k_produce_request q;
    if (!codec_decode(K_MSG_PRODUCE_REQUEST, head->version, r, scratch, &q)) return;
    struct produce *to = ARENA_NEW(g->r->a, struct produce);
    int32_t n = 0, process = process_of(g, head->client_id);
    for (int32_t t = 0; t < q.topic_data_n; t++) n += q.topic_data[t].partition_data_n;
    *to = (struct produce){.machine = f->from->index,
                           .correlation = head->correlation_id,
                           .conn = f->conn,
                           .version = head->version,
                           .v = ARENA_ARRAY(g->r->a, struct offer, n + 1)};
    for (int32_t t = 0; t < q.topic_data_n; t++) {
        struct slice topic = name_of_topic(g, q.topic_data[t].name, q.topic_data[t].topic_id);
        for (int32_t i = 0; topic.n && i < q.topic_data[t].partition_data_n; i++)
            take_offer(g, to, topic, &q.topic_data[t].partition_data[i], process, q.acks);
    }
    if (q.acks) list_push_back(&g->asked, &to->node);
}

static void
take_deletion(struct guests *g, const struct request_head *head, struct reader *r,
              struct arena *scratch)
{
    struct k_delete_topics_request q;
    if (!codec_decode(K_MSG_DELETE_TOPICS_REQUEST, head->version, r, scratch, &q)) return;
    for (int32_t i = 0; i < q.topic_names_n; i++)
        VEC_PUSH(g->mem, &g->gone, arena_dup(g->r->a, q.topic_names[i]));
    for (int32_t i = 0; i < q.topics_n; i++)
        VEC_PUSH(g->mem, &g->gone,
                 arena_dup(g->r->a, name_of_topic(g, q.topics[i].name, q.topics[i].topic_id)));
}

static bool
compacts(struct slice name, struct slice value)
{
    return slice_eq(name, S("cleanup.policy")) && slice_starts(value, S("compact"));
}

static void
take_creation(struct guests *g, const struct request_head *head, struct reader *r,
              struct arena *scratch)
{
    struct k_create_topics_request q;
    if (!codec_decode(K_MSG_CREATE_TOPICS_REQUEST, head->version, r, scratch, &q)) return;
    for (int32_t i = 0; i < q.topics_n; i++)
        for (int32_t k = 0; k < q.topics[i].configs_n; k++)
            if (compacts(q.topics[i].configs[k].name, q.topics[i].configs[k].value))
                VEC_PUSH(g->mem, &g->gone, arena_dup(g->r->a, q.topics[i].name));
}

static void
take_change(struct guests *g, const struct request_head *head, struct reader *r,
            struct arena *scratch)
{
    struct k_incremental_alter_configs_request q;
    if (!codec_decode(K_MSG_INCREMENTAL_ALTER_CONFIGS_REQUEST, head->version, r, scratch, &q))
        return;
    for (int32_t i = 0; i < q.resources_n; i++)
        for (int32_t k = 0; k < q.resources[i].configs_n; k++)
            if (compacts(q.resources[i].configs[k].name, q.resources[i].configs[k].value))
                VEC_PUSH(g->mem, &g->gone, arena_dup(g->r->a, q.resources[i].resource_name));
}

static void
take_request(struct guests *g, const struct world_frame *f, struct slice bytes)
{
    struct request_head head;
    struct arena scratch;
    struct reader r = reader(slice_sub(bytes, 4, bytes.n));
    arena_init(&scratch, g->mem, 0);
    if (request_head_read(&r, &scratch, &head) == HEAD_OK) {
        switch (head.api_key) {
        case K_API_PRODUCE: take_produce(g, f, &head, &r, &scratch); break;
        case K_API_DELETE_TOPICS: take_deletion(g, &head, &r, &scratch); break;
        case K_API_CREATE_TOPICS: take_creation(g, &head, &r, &scratch); break;
        case K_API_INCREMENTAL_ALTER_CONFIGS: take_change(g, &head, &r, &scratch); break;
        default: break;
        }
    }
    arena_release(&scratch);
}

/* ---- being told ------------------------------------------------------------------------------------------- */

static void
told_free(struct guests *g, struct told_frame *t)
{
    list_remove(&t->node);
    mem_free_slice(g->mem, t->bytes);
    MEM_DELETE(g->mem, t);
}

static void
answer_leaves(struct guests *g, const struct world_frame *f, struct slice bytes)
{
    LIST_EACH(&g->asked, p, struct produce, node) {
        if (p->machine != f->to->index || p->conn != f->conn || p->correlation != f->correlation)
            continue;
        struct told_frame *t = MEM_NEW(g->mem, struct told_frame);
        const struct node_slot *n = node_of(g->r, f->from);
        *t = (struct told_frame){.frame = f->id, .broker = n ? n->id : -1, .asked = p};
        t->bytes = mem_dup(g->mem, bytes);
        list_remove(&p->node);
        list_push_back(&g->answers, &t->node);
        return;
    }
}

static void
gift_is_told(struct guests *g, struct gift *k, int32_t broker, int16_t error, int64_t offset)
{
    struct history_op *op = &g->h.ops.v[k->op];
    struct guest_counts *c = &g->counts.v[op->process];
    c->errors += error != 0;
    if (error) c->last_error = error;
    /* -1: a batch that was there already, whose offsets the broker no longer knows. */
    if (error || op->outcome != HISTORY_OPEN || offset < 0) return;
    op->node = broker;
    k->offset = offset;
    if (!gift_of_offset(g, k)) map_insert(&g->by_offset, &k->by_offset, hash_of_offset(g, k));
    c->acknowledged++;
    history_complete(&g->h, k->op, HISTORY_OK, 0, k->partition, offset);
}

static void
partition_is_told(struct guests *g, const struct told_frame *t, struct slice topic,
                  const struct k_produce_response_partition_produce_response *p)
{
    for (int32_t i = 0; i < t->asked->n; i++) {
        const struct offer *o = &t->asked->v[i];
        if (o->partition != p->index || !slice_eq(history_topic_name(&g->h, o->topic), topic))
            continue;
        for (int32_t k = 0; k < o->n; k++)
            gift_is_told(g, o->v[k], t->broker, p->error_code,
                         p->base_offset < 0 ? -1 : p->base_offset + k);
    }
}

static void
answer_has_come(struct guests *g, struct told_frame *t)
{
    struct arena scratch;
    struct k_produce_response p;
    int32_t correlation;
    int16_t version = t->asked->version;
    struct reader r = reader(slice_sub(t->bytes, 4, t->bytes.n));
    arena_init(&scratch, g->mem, 0);
    bool ok = response_head_read(&r, K_API_PRODUCE, version, &correlation) &&
              codec_decode(K_MSG_PRODUCE_RESPONSE, version, &r, &scratch, &p);
    for (int32_t i = 0; ok && i < p.responses_n; i++) {
        struct slice topic = name_of_topic(g, p.responses[i].name, p.responses[i].topic_id);
        for (int32_t k = 0; k < p.responses[i].partition_responses_n; k++)
            partition_is_told(g, t, topic, &p.responses[i].partition_responses[k]);
    }
    arena_release(&scratch);
    told_free(g, t);
}

/* ---- looking on -------------------------------------------------------------------------------------------- */

static void
on_guests_bytes(void *ctx, const struct world_frame *f, struct slice bytes)
{
    struct guests *g = ctx;
    if (f->port != OUTSIDE_PORT || !f->from || !f->to) return;
    bool is_asked = f->api == K_API_PRODUCE || f->api == K_API_DELETE_TOPICS ||
                    f->api == K_API_CREATE_TOPICS || f->api == K_API_INCREMENTAL_ALTER_CONFIGS;
    if (!f->is_answer && is_asked) take_request(g, f, bytes);
    if (f->is_answer && f->api == K_API_PRODUCE) answer_leaves(g, f, bytes);
}

static void
on_guests_frame(void *ctx, const struct world_frame *f, enum frame_fate fate)
{
    struct guests *g = ctx;
    bool ends = fate == FRAME_DELIVERED || fate == FRAME_DROPPED;
    if (f->port != OUTSIDE_PORT || !f->is_answer || f->api != K_API_PRODUCE || !ends) return;
    LIST_EACH(&g->answers, t, struct told_frame, node) {
        if (t->frame != f->id) continue;
        if (fate == FRAME_DELIVERED) answer_has_come(g, t);
        else told_free(g, t);
        return;
    }
}

struct guests *
guests_begin(struct run *r)
{
    static const struct siphash_key none;
    if (!r->o->outside) return NULL;
    struct guests *g = ARENA_NEW(r->a, struct guests);
    g->r = r;
    g->mem = r->a->mem;
    history_init(&g->h, g->mem, workload_now, r->w);
    map_init(&g->by_sequence, g->mem, none);
    map_init(&g->by_content, g->mem, none);
    map_init(&g->by_offset, g->mem, none);
    list_init(&g->asked);
    list_init(&g->answers);
    world_observe(r->w, &(struct world_observer){
                            .frame = on_guests_frame, .frame_bytes = on_guests_bytes, .ctx = g});
    return g;
}

void
guests_free(struct guests *g)
{
    while (!list_is_empty(&g->answers))
        told_free(g, LIST_FIRST(&g->answers, struct told_frame, node));
    map_release(&g->by_sequence);
    map_release(&g->by_content);
    map_release(&g->by_offset);
    for (int64_t i = 0; i < g->counts.n; i++) VEC_RELEASE(g->mem, &g->counts.v[i].sent);
    VEC_RELEASE(g->mem, &g->counts);
    VEC_RELEASE(g->mem, &g->gone);
    history_release(&g->h);
}
