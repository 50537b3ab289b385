/* Moves of transactions: written first, then made. */
#include "broker/base/check.h"
#include "broker/txn/shard.h"
#include "errors.h"

static struct txns *
txns_of(const struct txn_write *w)
{
    return txn_shard_of(w->write.shard)->owner;
}

static void
txn_write_answer(struct txn_write *w, int16_t err)
{
    void (*answer)(struct txn_write *, int16_t) = w->answer;
    w->answer = NULL;
    if (answer) answer(w, err ? coordinator_store_error(err) : 0);
}

static void
txn_write_free(struct txn_write *w)
{
    struct mem *mem = txns_mem(txns_of(w));
    txn_partitions_release(&w->partitions, mem);
    mem_free_slice(mem, w->id);
    MEM_DELETE(mem, w);
}

/* Partitions belong to a transaction from the record on that adds them, to the one that completes it. */
static void
take_over(struct txn *t, struct txn_write *w)
{
    txn_move(t, &w->next);
    if (txn_state_is_prepared(w->next.state)) {
        markers_begin(t);
        return;
    }
    txn_partitions_release(&t->partitions, txn_mem(t));
    t->partitions = w->partitions;
    memset(&w->partitions, 0, sizeof w->partitions);
}

static void
txn_write_done(struct coordinator_write *cw, int16_t err)
{
    struct txn_write *w = CONTAINER_OF(cw, struct txn_write, write);
    struct txn *t = txn_find(txn_shard_of(cw->shard), w->id);
    bool is_it = t && t->serial == w->serial && t->writing == w;
    if (is_it) t->writing = NULL;
    if (is_it && !err) take_over(t, w);
    txn_write_answer(w, is_it || err ? err : K_ERR_NOT_LEADER_OR_FOLLOWER);
    txn_write_free(w);
}

/* What comes of it is not known. Until it is, the transaction stays busy: another move could be made on
 * something that is taken back (KAFKA-9666). */
static void
txn_write_late(struct coordinator_write *cw)
{
    txn_write_answer(CONTAINER_OF(cw, struct txn_write, write), K_ERR_REQUEST_TIMED_OUT);
}

void
txn_write_next(struct txn *t, const struct txn_data *next, struct txn_partitions *partitions,
               void (*answer)(struct txn_write *w, int16_t err), void *call, void *response)
{
    struct txns *ts = t->shard->owner;
    struct batch_builder b;
    CHECK(!t->writing);
    struct txn_write *w = MEM_NEW(txns_mem(ts), struct txn_write);
    *w = (struct txn_write){
        .serial = t->serial, .next = *next, .answer = answer, .call = call, .response = response};
    w->id = mem_dup(txns_mem(ts), t->id);
    w->write.shard = &t->shard->base;
    w->write.done = txn_write_done;
    w->write.late = txn_write_late;
    if (partitions) w->partitions = *partitions;
    shard_builder(&t->shard->base, &b);
    record_txn(&b, ts, t->id, next,
               txn_state_is_prepared(next->state) ? &t->partitions : &w->partitions);
    t->writing = w;
    int16_t err = shard_write(&t->shard->base, &b, &w->write);
    if (!err) return;
    t->writing = NULL;
    txn_write_answer(w, err);
    txn_write_free(w);
}
