/* What nodes and producers say on the wire, for those invariants that judge it: each frame is decoded once. A frame is seen as
 * it is sent, before the notes of the step that sent it, and one answer may stand on what the same step did: so what nodes
 * say is judged when their step is over. */
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "broker/record/batch.h"
#include "sim/check/invariants_own.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

#define METADATA S("__cluster_metadata-0")
#define CONTROLLER_PORT 9093

/* ---- topics by their ids -------------------------------------------------------------------------- */

/* Requests name partitions in much the same order each time: the next one is looked at first. */
static struct topic_key *
key_by_id(struct invariants *v, struct uuid id, int32_t partition)
{
    int64_t n = v->model.keys.n;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = (v->key_hint + i) % n;
        struct topic_key *k = v->model.keys.v[at];
        if (k->partition != partition || !uuid_eq(k->id, id)) continue;
        v->key_hint = at + 1;
        return k;
    }
    return NULL;
}

static struct topic_key *
key_named(struct invariants *v, struct slice topic, struct uuid id, int32_t partition)
{
    return topic.n ? model_find_key(&v->model, topic, partition) : key_by_id(v, id, partition);
}

/* ---- fetches -------------------------------------------------------------------------------------- */

static void
hear_position(struct invariants *v, const struct world_frame *f, struct topic_key *k,
              const struct k_fetch_request_fetch_partition *p)
{
    struct position_told told = {.node = f->from->index,
                                 .key = k,
                                 .leader_epoch = p->current_leader_epoch,
                                 .offset = p->fetch_offset,
                                 .last_epoch = p->last_fetched_epoch};
    if (k) VEC_PUSH(v->mem, &v->positions, told);
}

void
invariants_fetched(struct invariants *v, struct slice topic, int32_t partition, int32_t id,
                   int32_t leader_epoch, int64_t end)
{
    struct topic_key *k = model_find_key(&v->model, topic, partition);
    if (k) take_heard(v, k, id, leader_epoch, end);
}

/* By whom it says that it is: a leader knows no more. */
static void
hear_replica(struct invariants *v, const struct world_frame *f, const struct k_fetch_request *q)
{
    int32_t id = q->replica_state.replica_id >= 0 ? q->replica_state.replica_id : q->replica_id;
    if (id >= 0) isr_forget_asked(v, f->from->index, f->conn);
    for (int32_t t = 0; id >= 0 && t < q->topics_n; t++)
        for (int32_t i = 0; i < q->topics[t].partitions_n; i++) {
            const struct k_fetch_request_fetch_partition *p = &q->topics[t].partitions[i];
            struct topic_key *k =
                key_named(v, q->topics[t].topic, q->topics[t].topic_id, p->partition);
            if (!k || p->current_leader_epoch < 0) continue;
            take_heard(v, k, id, p->current_leader_epoch, p->fetch_offset);
            struct fetch_asked asked = {.frame = f->id,
                                        .sent_ns = f->at_ns,
                                        .conn = f->conn,
                                        .from = f->from->index,
                                        .id = id,
                                        .leader_epoch = p->current_leader_epoch,
                                        .key = k,
                                        .last_epoch = p->last_fetched_epoch,
                                        .end = p->fetch_offset};
            isr_asked(v, &asked);
        }
}

/* Of their own logs replicas only; who reads for itself may ask for whatever it likes. */
static void
hear_fetch(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a,
           int16_t version)
{
    struct k_fetch_request q;
    if (!codec_decode(K_MSG_FETCH_REQUEST, version, r, a, &q)) return;
    if (f->port != CONTROLLER_PORT) hear_replica(v, f, &q);
    if (model_id_of(f->from->name) < 0) return;
    for (int32_t t = 0; t < q.topics_n; t++)
        for (int32_t i = 0; i < q.topics[t].partitions_n; i++) {
            const struct k_fetch_request_fetch_partition *p = &q.topics[t].partitions[i];
            struct topic_key *k =
                f->port == CONTROLLER_PORT
                    ? model_find_subject(&v->model, METADATA)
                    : key_named(v, q.topics[t].topic, q.topics[t].topic_id, p->partition);
            hear_position(v, f, k, p);
        }
}

/* ---- records and their acknowledgements ------------------------------------------------------------ */

static void
forget_asked(struct invariants *v, int64_t at)
{
    VEC_RELEASE(v->mem, &v->produced.v[at].parts);
    VEC_REMOVE_AT(&v->produced, at);
}

/* After a restart a client uses the same numbers again: nobody waits for the answer to what it asked before. */
static void
forget_same_numbers(struct invariants *v, const struct world_frame *f)
{
    for (int64_t i = v->produced.n; i-- > 0;)
        if (v->produced.v[i].conn == f->conn && v->produced.v[i].client == f->from->index &&
            v->produced.v[i].correlation == f->correlation)
            forget_asked(v, i);
}

/* Not by these numbers: what a process asked that is dead may be answered yet. */
static int64_t
find_asked(const struct invariants *v, const struct world_frame *answer)
{
    for (int64_t i = v->produced.n; i-- > 0;)
        if (v->produced.v[i].frame == answer->answers) return i;
    return -1;
}

static void
hear_produced(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a,
              int16_t version)
{
    struct k_produce_request q;
    struct batch_header h;
    if (!codec_decode(K_MSG_PRODUCE_REQUEST, version, r, a, &q)) return;
    forget_same_numbers(v, f);
    struct produce_asked one = {.frame = f->id,
                                .conn = f->conn,
                                .client = f->from->index,
                                .correlation = f->correlation,
                                .acks = q.acks};
    for (int32_t t = 0; t < q.topic_data_n; t++)
        for (int32_t i = 0; i < q.topic_data[t].partition_data_n; i++) {
            const struct k_produce_request_partition_produce_data *d =
                &q.topic_data[t].partition_data[i];
            struct produced_part part = {.index = d->index};
            part.key = key_named(v, q.topic_data[t].name, q.topic_data[t].topic_id, d->index);
            if (!part.key || batch_parse(d->records.bytes, &h) != BATCH_OK ||
                batch_size_bytes(&h) != d->records.bytes.n)
                continue;
            part.producer = h.producer_id;
            part.producer_epoch = h.producer_epoch;
            part.sequence = h.base_sequence;
            part.records_n = h.last_offset_delta + 1;
            part.bytes = d->records.bytes.n;
            VEC_PUSH(v->mem, &one.parts, part);
            producer_sent(v, f->at_ns, f->from->index, &part, h.crc);
        }
    if (one.parts.n && q.acks) VEC_PUSH(v->mem, &v->produced, one);
    else VEC_RELEASE(v->mem, &one.parts);
}

static const struct produced_part *
part_answered(const struct produce_asked *q, struct slice topic, struct uuid id, int32_t index)
{
    for (int64_t i = 0; i < q->parts.n; i++) {
        const struct produced_part *p = &q->parts.v[i];
        if (p->index == index &&
            (topic.n ? slice_eq(p->key->topic, topic) : uuid_eq(p->key->id, id)))
            return p;
    }
    return NULL;
}

static void
hear_size(struct invariants *v, const struct world_frame *f, const struct produced_part *part,
          int64_t offset, bool is_refused)
{
    if (is_refused && wire_is_rewritten(v, f)) return;
    v->at_ns = f->at_ns;
    v->node = f->from->index;
    check_message_size(v, part->key, part->bytes, offset, is_refused);
}

static void
hear_acknowledged(struct invariants *v, const struct world_frame *f, struct reader *r,
                  struct arena *a)
{
    struct k_produce_response p;
    int64_t at = find_asked(v, f);
    if (at < 0) return;
    const struct produce_asked *q = &v->produced.v[at];
    bool is_one = codec_decode(K_MSG_PRODUCE_RESPONSE, f->version, r, a, &p);
    if (is_one) leaders_hear_produced(v, f, &p);
    for (int32_t t = 0; is_one && t < p.responses_n; t++)
        for (int32_t i = 0; i < p.responses[t].partition_responses_n; i++) {
            const struct k_produce_response_partition_produce_response *d =
                &p.responses[t].partition_responses[i];
            const struct produced_part *part =
                part_answered(q, p.responses[t].name, p.responses[t].topic_id, d->index);
            bool is_known = d->error_code == K_ERR_DUPLICATE_SEQUENCE_NUMBER;
            if (part && (!d->error_code || d->error_code == K_ERR_MESSAGE_TOO_LARGE))
                hear_size(v, f, part, d->base_offset, d->error_code != 0);
            if (!part || (d->error_code && !is_known)) continue;
            producer_told(v, part);
            struct ack_told told = {.node = f->from->index,
                                    .key = part->key,
                                    .acks = q->acks,
                                    .end = d->base_offset + part->records_n};
            if (!is_known && d->base_offset >= 0) VEC_PUSH(v->mem, &v->acks, told);
        }
    forget_asked(v, at);
}

/* The records that it brings may come from files; the error of all of it stands before them. */
static void
hear_fetched(struct invariants *v, const struct world_frame *f, struct reader *r)
{
    enum { THROTTLE_BYTES = 4 };
    reader_skip(r, THROTTLE_BYTES);
    int16_t err = f->version >= 7 ? reader_i16(r) : 0;
    isr_answered(v, f->from->index, f->answers, !r->err && !err);
}

/* ---- producer ids ---------------------------------------------------------------------------------- */

/* Whoever names the id that it has may be told the same once more (KIP-360). */
static void
hear_id_asked(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a,
              int16_t version)
{
    enum { ASKED_MAX = 1000 };
    struct k_init_producer_id_request q;
    struct id_asked one = {f->id};
    if (!codec_decode(K_MSG_INIT_PRODUCER_ID_REQUEST, version, r, a, &q) || q.producer_id >= 0)
        return;
    if (v->ids_asked.n == ASKED_MAX) VEC_REMOVE_AT(&v->ids_asked, 0);
    VEC_PUSH(v->mem, &v->ids_asked, one);
}

/* By its id and epoch a broker tells one producer from another, and what was sent again from what is new. */
static void
hear_id_given(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a)
{
    struct k_init_producer_id_response p;
    int64_t at = v->ids_asked.n - 1;
    while (at >= 0 && v->ids_asked.v[at].frame != f->answers) at--;
    if (at < 0) return;
    VEC_REMOVE_AT(&v->ids_asked, at);
    if (!codec_decode(K_MSG_INIT_PRODUCER_ID_RESPONSE, f->version, r, a, &p) || p.error_code)
        return;
    v->at_ns = f->at_ns;
    v->node = f->from->index;
    for (int64_t i = 0; i < v->ids_given.n; i++) {
        const struct id_given *g = &v->ids_given.v[i];
        if (g->producer != p.producer_id || g->epoch != p.producer_epoch) continue;
        breach(v, RULE_ID_GIVEN_TWICE, NULL, -1,
               "gave producer # of epoch # to somebody, as somebody had been given before",
               p.producer_id, p.producer_epoch);
        return;
    }
    struct id_given new = {p.producer_id, p.producer_epoch};
    VEC_PUSH(v->mem, &v->ids_given, new);
}

/* ---- ends of transactions -------------------------------------------------------------------------- */

static void
hear_txn_ended(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a)
{
    struct k_end_txn_response p;
    if (codec_decode(K_MSG_END_TXN_RESPONSE, f->version, r, a, &p) && !p.error_code &&
        p.producer_id >= 0)
        producer_epoch_told(v, f, p.producer_id, p.producer_epoch);
}

/* ---- frames ---------------------------------------------------------------------------------------- */

static void
hear_answer(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a)
{
    int32_t correlation_id;
    if (!response_head_read(r, f->api, f->version, &correlation_id)) return;
    if (f->api == K_API_PRODUCE) hear_acknowledged(v, f, r, a);
    if (f->api == K_API_FETCH) hear_fetched(v, f, r);
    if (f->api == K_API_INIT_PRODUCER_ID) hear_id_given(v, f, r, a);
    if (f->api == K_API_END_TXN) hear_txn_ended(v, f, r, a);
}

static bool
is_heard(const struct world_frame *f)
{
    return f->api == K_API_FETCH || f->api == K_API_PRODUCE || f->api == K_API_INIT_PRODUCER_ID ||
           (f->api == K_API_END_TXN && f->is_answer);
}

static void
hear_request(struct invariants *v, const struct world_frame *f, struct reader *r, struct arena *a)
{
    struct request_head head;
    if (request_head_read(r, a, &head) != HEAD_OK) return;
    if (f->api == K_API_PRODUCE) hear_produced(v, f, r, a, head.version);
    if (f->api == K_API_FETCH) hear_fetch(v, f, r, a, head.version);
    if (f->api == K_API_INIT_PRODUCER_ID) hear_id_asked(v, f, r, a, head.version);
}

void
wire_hear(struct invariants *v, const struct world_frame *f, struct slice bytes)
{
    bool is_of_nodes = model_id_of(f->from->name) >= 0;
    if (!f->to || bytes.n < 8) return;
    if (f->api == K_API_WRITE_TXN_MARKERS && !f->is_answer && !is_of_nodes) txns_written_by_hand(v);
    if (!is_heard(f)) return;
    struct reader r = reader(slice_sub(bytes, 4, bytes.n - 4));
    struct arena a;
    arena_init(&a, v->mem, 0);
    if (f->is_answer) hear_answer(v, f, &r, &a);
    else hear_request(v, f, &r, &a);
    arena_release(&a);
}

/* ---- what a step said ------------------------------------------------------------------------------- */

/* Where a replica goes on is where its own log ends, and in which epoch: its leader cuts the follower's log, and counts
 * it towards what is committed, by these two numbers alone (KIP-595, KAFKA-6361). */
static void
judge_position(struct invariants *v, const struct position_told *t)
{
    const struct model_node *n = model_node(&v->model, t->node);
    const struct node_log *l = n && t->key->index < n->logs.n ? n->logs.v[t->key->index] : NULL;
    if (!l || !l->open || l->hurt || l->leads || !l->v.n || t->leader_epoch != l->epoch) return;
    if (t->key->is_retired || t->key->is_compacted || n->is_spoilt) return;
    if (t->offset > log_end(l)) {
        breach(v, RULE_FOLLOWER_POSITION, t->key, t->offset,
               "asks its leader for offset #, and its own log ends at #", t->offset, log_end(l));
        return;
    }
    const struct batch *b = t->offset > l->start ? log_at(l, t->offset - 1) : NULL;
    if (b && b->epoch != t->last_epoch)
        breach(v, RULE_FOLLOWER_POSITION, t->key, t->offset - 1,
               "tells its leader that its last record is of epoch #; it is of epoch #",
               t->last_epoch, b->epoch);
}

/* acks=1: the leader has written it. acks=all: it is committed, whatever becomes of the leader now. */
static void
judge_ack(struct invariants *v, const struct ack_told *t)
{
    const struct model_node *n = model_node(&v->model, t->node);
    const struct node_log *l = n && t->key->index < n->logs.n ? n->logs.v[t->key->index] : NULL;
    if (!l || t->key->is_retired) return;
    if (t->acks < 0 && t->end > t->key->most)
        breach(v, RULE_ACKED_EARLY, t->key, t->end - 1,
               "acknowledged offset # to acks=all; committed is all below #", t->end - 1,
               t->key->most);
    else if (t->acks > 0 && t->end > l->written && l->leads)
        breach(v, RULE_ACKED_EARLY, t->key, t->end - 1,
               "acknowledged offset #; it has written all below #", t->end - 1, l->written);
}

void
wire_judge(struct invariants *v, int64_t at_ns, int32_t node)
{
    v->at_ns = at_ns;
    v->node = node;
    for (int64_t i = 0; i < v->positions.n; i++) {
        const struct position_told t = v->positions.v[i];
        if (t.node != node) continue;
        VEC_REMOVE_AT(&v->positions, i);
        i--;
        judge_position(v, &t);
    }
    for (int64_t i = 0; i < v->acks.n; i++) {
        const struct ack_told t = v->acks.v[i];
        if (t.node != node) continue;
        VEC_REMOVE_AT(&v->acks, i);
        i--;
        judge_ack(v, &t);
    }
}

void
wire_free(struct invariants *v)
{
    while (v->produced.n) forget_asked(v, v->produced.n - 1);
    VEC_RELEASE(v->mem, &v->produced);
    VEC_RELEASE(v->mem, &v->positions);
    VEC_RELEASE(v->mem, &v->acks);
}
