/* Which transactions a late request has ended (KAFKA-17754). By version 1 a producer keeps its epoch from one transaction to the
 * next, so nothing in a request to end one says which it means. Held up on the way, and asked again meanwhile, it may come when the next
 * is under way: that is ended with what it asked for the one before. Kafka has it, too; KIP-890 mends it, with an epoch for each.
 *
 * The fact is taken from the frames and from the coordinator's log, and only if all of it is seen there:
 *
 *      the request is of a version that tells nobody a new epoch (below 5);
 *      after it was sent, the same producer id and epoch asked to put something into a transaction, and was answered that it is there;
 *      no request to end that one had arrived when this one did;
 *      what is decided of that producer id and epoch then is what this one asked for, and no other request that has arrived did.
 *
 * (Its answer is seldom seen: who has asked again has closed the connection.) A coordinator that ends a transaction in any other way,
 * late or not, is not excused by it. */
#include "sim/scenario/witness_own.h"

#include "broker/protocol/frame.h"

#include "apis.h"
#include "messages.h"

/* A request to end a transaction. */
struct end_asked {
    int64_t frame, sent_ns;
    int64_t
        begun_ns; /* of the transaction that it found under way; 0: none that began after it was sent */
    bool is_commit, has_arrived;
};

/* One that puts something into a transaction. */
struct adding_asked {
    int64_t frame, sent_ns;
};

/* A producer id and epoch. */
struct ending_producer {
    int64_t id;
    int16_t epoch;
    struct machine *client;
    int64_t asked_ns; /* when it last asked to end one */
    int64_t
        begun_ns; /* the transaction since: when something was put into it, so far as its producer was told; 0 */
    VEC(struct end_asked) ends;
    VEC(struct adding_asked) adding; /* not answered */
};

struct ends_seen {
    VEC(struct ending_producer *) v;
};

static struct ending_producer *
producer_ending(struct run *r, const struct world_frame *f, int64_t id, int16_t epoch)
{
    struct ends_seen *s = r->ends;
    for (int64_t i = s->v.n; i-- > 0;)
        if (s->v.v[i]->id == id && s->v.v[i]->epoch == epoch) return s->v.v[i];
    struct ending_producer *p = ARENA_NEW(r->a, struct ending_producer);
    *p = (struct ending_producer){.id = id, .epoch = epoch, .client = f->from};
    VEC_PUSH(r->a->mem, &s->v, p);
    return p;
}

/* ---- requests ---- */

static void
see_end_asked(struct run *r, const struct world_frame *f, const struct k_end_txn_request *q)
{
    enum { KEPT = 100 };
    struct ending_producer *p = producer_ending(r, f, q->producer_id, q->producer_epoch);
    struct end_asked one = {.frame = f->id, .sent_ns = f->sent_ns, .is_commit = q->committed};
    if (p->ends.n == KEPT) VEC_REMOVE_AT(&p->ends, 0);
    VEC_PUSH(r->a->mem, &p->ends, one);
    p->asked_ns = f->sent_ns;
}

static void
see_adding_asked(struct run *r, const struct world_frame *f, int64_t id, int16_t epoch)
{
    struct ending_producer *p = producer_ending(r, f, id, epoch);
    struct adding_asked one = {f->id, f->sent_ns};
    VEC_PUSH(r->a->mem, &p->adding, one);
}

static void
see_ends_request(struct run *r, const struct world_frame *f, struct reader *bytes, struct arena *a)
{
    enum { TELLS_EPOCH = 5 };
    struct request_head head;
    struct k_end_txn_request end;
    struct k_add_offsets_to_txn_request offsets;
    struct k_add_partitions_to_txn_request partitions;
    if (request_head_read(bytes, a, &head) != HEAD_OK) return;
    if (f->api == K_API_END_TXN && f->version < TELLS_EPOCH &&
        codec_decode(K_MSG_END_TXN_REQUEST, head.version, bytes, a, &end))
        see_end_asked(r, f, &end);
    if (f->api == K_API_ADD_OFFSETS_TO_TXN &&
        codec_decode(K_MSG_ADD_OFFSETS_TO_TXN_REQUEST, head.version, bytes, a, &offsets))
        see_adding_asked(r, f, offsets.producer_id, offsets.producer_epoch);
    /* Later versions are those of brokers, which ask whether something is there. */
    if (f->api == K_API_ADD_PARTITIONS_TO_TXN && f->version < 4 &&
        codec_decode(K_MSG_ADD_PARTITIONS_TO_TXN_REQUEST, head.version, bytes, a, &partitions))
        see_adding_asked(r, f, partitions.v3_and_below_producer_id,
                         partitions.v3_and_below_producer_epoch);
}

/* It comes to a coordinator: what is under way there now is what it ends. */
static void
see_end_arrives(struct ending_producer *p, struct end_asked *one)
{
    one->has_arrived = true;
    if (p->begun_ns <= one->sent_ns) return;
    for (int64_t i = 0; i < p->ends.n; i++)
        if (p->ends.v[i].has_arrived && p->ends.v[i].sent_ns > p->begun_ns) return;
    one->begun_ns = p->begun_ns;
}

/* ---- answers ---- */

static void
see_added(struct ending_producer *p, int64_t at)
{
    int64_t sent_ns = p->adding.v[at].sent_ns;
    VEC_REMOVE_AT(&p->adding, at);
    /* What was asked before the last end is of the transaction before, or of none. */
    if (sent_ns > p->asked_ns && p->begun_ns <= p->asked_ns) p->begun_ns = sent_ns;
}

static bool
was_added(const struct k_add_partitions_to_txn_response *p)
{
    for (int32_t i = 0; i < p->results_by_topic_v3_and_below_n; i++) {
        const struct k_add_partitions_to_txn_response_add_partitions_to_txn_topic_result *t =
            &p->results_by_topic_v3_and_below[i];
        for (int32_t k = 0; k < t->results_by_partition_n; k++)
            if (t->results_by_partition[k].partition_error_code) return false;
    }
    return true;
}

/* It is in the transaction. */
static bool
is_added(const struct world_frame *f, struct reader *bytes, struct arena *a)
{
    int32_t correlation;
    struct k_add_offsets_to_txn_response offsets;
    struct k_add_partitions_to_txn_response partitions;
    if (!response_head_read(bytes, f->api, f->version, &correlation)) return false;
    if (f->api == K_API_ADD_OFFSETS_TO_TXN)
        return codec_decode(K_MSG_ADD_OFFSETS_TO_TXN_RESPONSE, f->version, bytes, a, &offsets) &&
               !offsets.error_code;
    return codec_decode(K_MSG_ADD_PARTITIONS_TO_TXN_RESPONSE, f->version, bytes, a, &partitions) &&
           was_added(&partitions);
}

static void
see_adding_answered(struct run *r, const struct world_frame *f, struct reader *bytes,
                    struct arena *a)
{
    bool added = is_added(f, bytes, a);
    for (int64_t i = 0; i < r->ends->v.n; i++) {
        struct ending_producer *p = r->ends->v.v[i];
        for (int64_t k = 0; k < p->adding.n; k++) {
            if (p->adding.v[k].frame != f->answers) continue;
            if (added) see_added(p, k);
            else VEC_REMOVE_AT(&p->adding, k);
            return;
        }
    }
}

/* ---- decisions ---- */

/* Another request to end the same transaction in the same way has come, too: then nobody can say which of them did. */
static bool
is_asked_by_another(const struct ending_producer *p, const struct end_asked *late)
{
    for (int64_t i = 0; i < p->ends.n; i++) {
        const struct end_asked *one = &p->ends.v[i];
        if (one->has_arrived && one->sent_ns > late->begun_ns && one->is_commit == late->is_commit)
            return true;
    }
    return false;
}

static void
chronicle_late_end(struct run *r, const struct ending_producer *p, const struct end_asked *one)
{
    struct happening h = happening_new(HAPPENED_ENDED_LATE, world_now_ns(r->w));
    h.what = p->client->name;
    h.sent_ns = one->sent_ns;
    h.begun_ns = one->begun_ns;
    h.is_on = one->is_commit;
    chronicle_add(&r->chronicle, &h);
}

static void
see_end_decided(void *ctx, int64_t producer, int16_t epoch, bool is_commit)
{
    struct run *r = ctx;
    for (int64_t i = 0; i < r->ends->v.n; i++) {
        struct ending_producer *p = r->ends->v.v[i];
        if (p->id != producer || p->epoch != epoch) continue;
        for (int64_t k = 0; k < p->ends.n; k++) {
            struct end_asked *one = &p->ends.v[k];
            if (!one->begun_ns) continue;
            if (one->is_commit == is_commit && !is_asked_by_another(p, one))
                chronicle_late_end(r, p, one);
            one->begun_ns = 0;
        }
    }
}

/* ---- frames ---- */

static bool
is_of_ends(const struct world_frame *f)
{
    return (f->api == K_API_END_TXN && !f->is_answer) || f->api == K_API_ADD_OFFSETS_TO_TXN ||
           (f->api == K_API_ADD_PARTITIONS_TO_TXN && f->version < 4);
}

static void
see_ends_bytes(void *ctx, const struct world_frame *f, struct slice bytes)
{
    struct run *r = ctx;
    if (!is_of_ends(f) || !f->to || bytes.n < 8) return;
    struct reader body = reader(slice_sub(bytes, 4, bytes.n - 4));
    struct arena a;
    arena_init(&a, r->a->mem, 0);
    if (f->is_answer) see_adding_answered(r, f, &body, &a);
    else see_ends_request(r, f, &body, &a);
    arena_release(&a);
}

static void
see_ends_frame(void *ctx, const struct world_frame *f, enum frame_fate fate)
{
    struct run *r = ctx;
    if (f->api != K_API_END_TXN || f->is_answer || fate != FRAME_DELIVERED) return;
    for (int64_t i = 0; i < r->ends->v.n; i++) {
        struct ending_producer *p = r->ends->v.v[i];
        for (int64_t k = 0; k < p->ends.n; k++)
            if (p->ends.v[k].frame == f->id) see_end_arrives(p, &p->ends.v[k]);
    }
}

void
late_ends_begin(struct run *r)
{
    r->ends = ARENA_NEW(r->a, struct ends_seen);
    *r->ends = (struct ends_seen){0};
    invariants_tell_ends(r->witnesses->invariants, see_end_decided, r);
    world_observe(r->w, &(struct world_observer){
                            .frame = see_ends_frame, .frame_bytes = see_ends_bytes, .ctx = r});
}

void
late_ends_free(struct run *r)
{
    for (int64_t i = 0; i < r->ends->v.n; i++) {
        VEC_RELEASE(r->a->mem, &r->ends->v.v[i]->ends);
        VEC_RELEASE(r->a->mem, &r->ends->v.v[i]->adding);
    }
    VEC_RELEASE(r->a->mem, &r->ends->v);
}
