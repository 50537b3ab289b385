/* In what order producers send: the batches of one producer id and epoch to one partition carry sequence numbers that go on
 * from each other, and by them a broker knows what it has already. That holds only if the producer keeps its side (KIP-98):
 *
 *      it sends no number without the one before it, and none again with other records;
 *      it has no more than five batches under way, for so many a broker remembers;
 *      what is sent again waits until all before it are acknowledged.
 *
 * A broker that does not know a producer takes whatever number comes first: so the first batch goes alone, too. And with the end of
 * each transaction a producer of version 2 is told the epoch of the next one (KIP-890): by that what comes late is told from it.
 *
 * In the log of a topic that was made again the producer is not known either: there it goes on with a number that it has sent to the former
 * one, if it has not heard that it was stored, or with the one that is due.
 * Told of are our own clients; who asks what no client would ask, or comes from outside, is not judged. */
#include "sim/check/invariants_own.h"

#define BATCHES_REMEMBERED 5 /* by a broker, for each producer and partition */

/* Sent, and no acknowledgement of it has left yet. */
struct batch_under_way {
    int32_t sequence, last;
    uint32_t crc;
    int64_t sent_ns; /* first */
};

struct producer_book {
    struct topic_key *key;
    int64_t producer;
    int16_t epoch;
    int32_t next;                          /* the sequence that is due */
    bool is_known;                         /* something was acknowledged */
    bool goes_on;                          /* from the log of a former topic of this name … */
    int64_t begun_ns;                      /* … since when */
    int32_t acked_last;                    /* the last sequence of the latest batch that was */
    VEC(struct batch_under_way) under_way; /* in their order */
};

static struct producer_book *
book_of(struct invariants *v, const struct produced_part *p)
{
    for (int64_t i = v->books.n; i-- > 0;) {
        struct producer_book *b = v->books.v[i];
        if (b->producer == p->producer && b->epoch == p->producer_epoch && b->key == p->key)
            return b;
    }
    return NULL;
}

static void
book_free(struct invariants *v, struct producer_book *b)
{
    VEC_RELEASE(v->mem, &b->under_way);
    MEM_DELETE(v->mem, b);
}

/* Somebody else has its id by now, or it has itself, under a later epoch: what it sends will be refused. */
static bool
is_fenced(const struct invariants *v, const struct produced_part *p)
{
    for (int64_t i = v->books.n; i-- > 0;) {
        const struct producer_book *b = v->books.v[i];
        if (b->producer == p->producer && b->key == p->key && b->epoch > p->producer_epoch)
            return true;
    }
    return false;
}

/* By their place in the circle of numbers. */
static bool
is_sent_or_due(const struct producer_book *b, int32_t sequence)
{
    return (((int64_t)b->next - sequence) & INT32_MAX) < INT32_MAX / 2;
}

/* In the log of another topic of this name, a former one or (who is told of it late goes back to that) the one after it. */
static bool
is_due_in_namesake(const struct invariants *v, const struct produced_part *p)
{
    for (int64_t i = v->books.n; i-- > 0;) {
        const struct producer_book *b = v->books.v[i];
        if (b->producer == p->producer && b->epoch == p->producer_epoch && b->key != p->key &&
            slice_eq(b->key->subject, p->key->subject) && is_sent_or_due(b, p->sequence))
            return true;
    }
    return false;
}

/* An earlier epoch of the same producer is over. */
static struct producer_book *
book_new(struct invariants *v, const struct produced_part *p)
{
    struct producer_book *b = MEM_NEW(v->mem, struct producer_book);
    *b = (struct producer_book){.key = p->key, .producer = p->producer, .epoch = p->producer_epoch};
    b->goes_on = is_due_in_namesake(v, p);
    if (b->goes_on) b->next = p->sequence;
    b->begun_ns = v->at_ns;
    for (int64_t i = v->books.n; i-- > 0;) {
        struct producer_book *old = v->books.v[i];
        if (old->producer != p->producer || old->key != p->key) continue;
        book_free(v, old);
        VEC_REMOVE_AT(&v->books, i);
    }
    VEC_PUSH(v->mem, &v->books, b);
    return b;
}

static int32_t
sequence_after(int32_t sequence)
{
    return sequence == INT32_MAX ? 0 : sequence + 1;
}

static void
sent_again(struct invariants *v, const struct producer_book *b, const struct produced_part *p,
           uint32_t crc)
{
    const struct batch_under_way *first = &b->under_way.v[0];
    for (int64_t i = 0; i < b->under_way.n; i++) {
        const struct batch_under_way *one = &b->under_way.v[i];
        if (one->sequence != p->sequence) continue;
        if (one->crc != crc)
            breach(v, RULE_PRODUCER_ORDER, b->key, -1,
                   "sends other records once more under sequence # of epoch #", p->sequence,
                   b->epoch);
        /* Unless its owner has given up on one of those before. */
        else if (i > 0 && first->sent_ns > v->gave_up_ns)
            breach(v, RULE_PRODUCER_ORDER, b->key, -1,
                   "sends sequence # again, and # is not acknowledged yet", p->sequence,
                   first->sequence);
        return;
    }
}

/* What has its number from the former log, and has been sent there, goes out when the one before it has been given up, sent to this one or
 * not; in a log of its own an epoch would have been given up with it. */
static bool
has_given_up(const struct invariants *v, const struct producer_book *b)
{
    return b->goes_on && v->gave_up_ns >= b->begun_ns;
}

static void
sent_first(struct invariants *v, struct producer_book *b, const struct produced_part *p,
           uint32_t crc)
{
    struct batch_under_way one = {p->sequence,
                                  (int32_t)(((int64_t)p->sequence + p->records_n - 1) & INT32_MAX),
                                  crc, v->at_ns};
    if (p->sequence != b->next && !has_given_up(v, b) && !is_due_in_namesake(v, p))
        breach(v, RULE_PRODUCER_ORDER, b->key, -1, "sends sequence #, where # is due", p->sequence,
               b->next);
    else if (b->under_way.n && !b->is_known && !has_given_up(v, b))
        breach(v, RULE_PRODUCER_ORDER, b->key, -1,
               "sends sequence #, and the first of epoch # is not acknowledged yet", p->sequence,
               b->epoch);
    else if (b->under_way.n >= BATCHES_REMEMBERED)
        breach(v, RULE_PRODUCER_ORDER, b->key, -1,
               "sends sequence # with # batches before it that are not acknowledged", p->sequence,
               b->under_way.n);
    b->next = sequence_after(one.last);
    VEC_PUSH(v->mem, &b->under_way, one);
}

/* ---- epochs of transactions ---- */

void
producer_epoch_told(struct invariants *v, const struct world_frame *f, int64_t producer,
                    int16_t epoch)
{
    enum { TOLD_MAX = 1000 };
    struct epoch_told one = {f->id, f->to->index, producer, epoch, false};
    if (v->epochs_told.n == TOLD_MAX) VEC_REMOVE_AT(&v->epochs_told, 0);
    VEC_PUSH(v->mem, &v->epochs_told, one);
}

void
producer_epoch_arrived(struct invariants *v, int64_t frame)
{
    for (int64_t i = v->epochs_told.n; i-- > 0;)
        if (v->epochs_told.v[i].frame == frame) v->epochs_told.v[i].has_arrived = true;
}

static bool
is_under_former_epoch(struct invariants *v, int32_t node, const struct produced_part *p)
{
    for (int64_t i = v->epochs_told.n; i-- > 0;) {
        const struct epoch_told *t = &v->epochs_told.v[i];
        if (t->client != node || t->producer != p->producer || !t->has_arrived ||
            t->epoch <= p->producer_epoch)
            continue;
        breach(v, RULE_PRODUCER_ORDER, p->key, -1, "sends under epoch #, and was told epoch #",
               p->producer_epoch, t->epoch);
        return true;
    }
    return false;
}

/* ---- one batch ---- */

void
producer_sent(struct invariants *v, int64_t at_ns, int32_t node, const struct produced_part *p,
              uint32_t crc)
{
    bool is_ours = false;
    for (int64_t i = 0; i < v->producers.n; i++) is_ours |= v->producers.v[i] == node;
    if (!is_ours || p->producer < 0 || p->sequence < 0) return;
    v->at_ns = at_ns;
    v->node = node;
    if (is_under_former_epoch(v, node, p) || is_fenced(v, p)) return;
    struct producer_book *b = book_of(v, p);
    if (!b) b = book_new(v, p);
    bool is_known = (b->is_known && b->acked_last >= p->sequence);
    for (int64_t i = 0; i < b->under_way.n; i++)
        is_known |= b->under_way.v[i].sequence == p->sequence;
    if (is_known) sent_again(v, b, p, crc);
    else sent_first(v, b, p, crc);
}

/* That a later batch is stored says it of those before it. */
void
producer_told(struct invariants *v, const struct produced_part *p)
{
    struct producer_book *b = book_of(v, p);
    int64_t n = 0;
    while (b && n < b->under_way.n && b->under_way.v[n].sequence != p->sequence) n++;
    if (!b || n == b->under_way.n) return;
    b->is_known = true;
    b->acked_last = b->under_way.v[n].last;
    for (int64_t i = n + 1; i < b->under_way.n; i++) b->under_way.v[i - n - 1] = b->under_way.v[i];
    b->under_way.n -= n + 1;
}

void
producers_free(struct invariants *v)
{
    for (int64_t i = 0; i < v->books.n; i++) book_free(v, v->books.v[i]);
    VEC_RELEASE(v->mem, &v->books);
    VEC_RELEASE(v->mem, &v->producers);
    VEC_RELEASE(v->mem, &v->epochs_told);
}

void
invariants_producer(struct invariants *v, int32_t node)
{
    VEC_PUSH(v->mem, &v->producers, node);
}

void
invariants_gave_up(struct invariants *v, int64_t at_ns)
{
    v->gave_up_ns = at_ns;
}
