/* Transactions, as their coordinators decided them and as logs carry that out (KIP-98, KIP-890). From one record of a
 * transactional id to the next only certain steps lead; a marker is written to a log only when its coordinator has committed that
 * decision; and when it says that all is done, each of the transaction's partitions has its marker.
 *
 * A marker is looked at when it lies on a disk, a decision when it is committed: whoever keeps the order is seen to. */
#include "broker/base/arena.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/record_frame.h"
#include "broker/record/record.h"
#include "sim/check/invariants_own.h"

#include "errors.h"
#include "messages.h"

/* TransactionStatus in the records. */
enum status { EMPTY, ONGOING, PREPARE_COMMIT, PREPARE_ABORT, COMPLETE_COMMIT, COMPLETE_ABORT };

#define EPOCHS_KEPT 8

/* What was decided of one epoch of a producer; by version 1 of transactions that may be many. */
struct decided_epoch {
    int16_t epoch;
    bool may_commit, may_abort; /* somebody decided so */
    VEC(struct topic_key *) added;
    int32_t decisions_n,
        coordinator; /* how many; the epoch in which the first one's coordinator led */
};

/* One transactional id. */
struct txn_seen {
    const struct topic_key *shard;
    struct slice id;
    int64_t producer;
    int16_t epoch;
    int8_t status;
    int32_t timeout_ms;
    int64_t changed_ns;
    int64_t started_ms;                 /* as it says; while it is ongoing */
    int64_t prepared_at;                /* the number of markers that had been seen by then */
    VEC(struct topic_key *) partitions; /* of the transaction */
    VEC(struct decided_epoch) epochs;   /* the latest, of this producer */
};

struct marker_seen {
    const struct topic_key *key;
    int64_t producer, number;
    bool is_open; /* … and records of its lie behind it */
};

struct txns_seen {
    VEC(struct txn_seen *) ids;
    VEC(struct marker_seen) markers; /* the last of each partition and producer */
    int64_t markers_n;
    bool is_unsure; /* some decisions are not known: then markers are not judged */
};

static struct txns_seen *
txns_of(struct invariants *v)
{
    if (!v->txns) v->txns = MEM_NEW(v->mem, struct txns_seen);
    return v->txns;
}

static void
txn_seen_free(struct invariants *v, struct txn_seen *t)
{
    for (int64_t i = 0; i < t->epochs.n; i++) VEC_RELEASE(v->mem, &t->epochs.v[i].added);
    VEC_RELEASE(v->mem, &t->epochs);
    VEC_RELEASE(v->mem, &t->partitions);
    mem_free_slice(v->mem, t->id);
    MEM_DELETE(v->mem, t);
}

void
txns_free(struct invariants *v)
{
    struct txns_seen *s = v->txns;
    if (!s) return;
    for (int64_t i = 0; i < s->ids.n; i++) txn_seen_free(v, s->ids.v[i]);
    VEC_RELEASE(v->mem, &s->ids);
    VEC_RELEASE(v->mem, &s->markers);
    MEM_DELETE(v->mem, s);
}

void
txns_lost(struct invariants *v, const struct topic_key *shard)
{
    struct txns_seen *s = txns_of(v);
    s->is_unsure = true;
    for (int64_t i = s->ids.n; i-- > 0;) {
        if (s->ids.v[i]->shard != shard) continue;
        txn_seen_free(v, s->ids.v[i]);
        VEC_REMOVE_AT(&s->ids, i);
    }
}

void
txns_written_by_hand(struct invariants *v)
{
    txns_of(v)->is_unsure = true;
}

void
invariants_tell_ends(struct invariants *v,
                     void (*hear)(void *ctx, int64_t producer, int16_t epoch, bool is_commit),
                     void *ctx)
{
    v->hear_end = hear;
    v->hear_end_ctx = ctx;
}

/* ---- decisions ------------------------------------------------------------------------------------- */

static int64_t
find_id(const struct txns_seen *s, const struct topic_key *shard, struct slice id)
{
    for (int64_t i = 0; i < s->ids.n; i++)
        if (s->ids.v[i]->shard == shard && slice_eq(s->ids.v[i]->id, id)) return i;
    return -1;
}

static bool
may_follow(int8_t before, int8_t after)
{
    bool was_idle = before == EMPTY || before == COMPLETE_COMMIT || before == COMPLETE_ABORT;
    switch (after) {
    case EMPTY: return was_idle;
    case ONGOING: return was_idle || before == ONGOING;
    case PREPARE_COMMIT: return before == ONGOING;
    case PREPARE_ABORT: return was_idle || before == ONGOING;
    case COMPLETE_COMMIT: return before == PREPARE_COMMIT;
    case COMPLETE_ABORT: return before == PREPARE_ABORT;
    default: return false;
    }
}

static bool
has_key(const struct topic_key *const *keys, int64_t n, const struct topic_key *k)
{
    for (int64_t i = 0; i < n; i++)
        if (keys[i] == k) return true;
    return false;
}

#define HAS(list, k) has_key((const struct topic_key *const *)(list)->v, (list)->n, k)

static struct decided_epoch *
epoch_of(struct invariants *v, struct txn_seen *t, int16_t epoch)
{
    for (int64_t i = t->epochs.n; i-- > 0;)
        if (t->epochs.v[i].epoch == epoch) return &t->epochs.v[i];
    if (t->epochs.n == EPOCHS_KEPT) {
        VEC_RELEASE(v->mem, &t->epochs.v[0].added);
        VEC_REMOVE_AT(&t->epochs, 0);
    }
    struct decided_epoch new = {.epoch = epoch};
    VEC_PUSH(v->mem, &t->epochs, new);
    return &t->epochs.v[t->epochs.n - 1];
}

static void
check_step(struct invariants *v, const struct txn_seen *t, const struct topic_key *shard,
           const struct k_transaction_log_value *r, int64_t offset)
{
    bool is_same = r->producer_id == t->producer;
    if (!may_follow(t->status, r->transaction_status))
        breach(v, RULE_TRANSACTION_STATE, shard, offset,
               "a transaction went from status # to status #", t->status, r->transaction_status);
    else if (is_same && r->producer_epoch < t->epoch)
        breach(v, RULE_TRANSACTION_STATE, shard, offset, "a producer's epoch went from # to #",
               t->epoch, r->producer_epoch);
    /* What is added to it does not make it younger: it would never be aborted, and whoever reads committed records waits. */
    else if (t->status == ONGOING && r->transaction_status <= PREPARE_ABORT &&
             r->transaction_start_timestamp_ms != t->started_ms)
        breach(v, RULE_TRANSACTION_STATE, shard, offset,
               "a transaction that had begun at # says that it began at #", t->started_ms,
               r->transaction_start_timestamp_ms);
}

/* Each of its partitions, once; those of a topic that was deleted count no more. */
static void
take_partitions(struct invariants *v, struct txn_seen *t, const struct topic_key *shard,
                const struct k_transaction_log_value *r, int64_t offset)
{
    t->partitions.n = 0;
    for (int32_t i = 0; i < r->transaction_partitions_n; i++) {
        const struct k_transaction_log_value_partitions_schema *p = &r->transaction_partitions[i];
        for (int32_t j = 0; j < p->partition_ids_n; j++) {
            struct topic_key *k = model_find_key(&v->model, p->topic, p->partition_ids[j]);
            if (!k) continue;
            if (HAS(&t->partitions, k))
                breach(v, RULE_TRANSACTION_STATE, shard, offset,
                       "partition # is twice in one transaction of producer #", k->partition,
                       r->producer_id);
            VEC_PUSH(v->mem, &t->partitions, k);
        }
    }
}

static const struct marker_seen *
marker_of(const struct txns_seen *s, const struct topic_key *k, int64_t producer)
{
    for (int64_t i = 0; i < s->markers.n; i++)
        if (s->markers.v[i].key == k && s->markers.v[i].producer == producer)
            return &s->markers.v[i];
    return NULL;
}

/* It is complete: nobody will write a marker any more. */
static void
check_complete(struct invariants *v, const struct txn_seen *t, const struct topic_key *shard,
               int64_t offset)
{
    const struct txns_seen *s = v->txns;
    for (int64_t i = 0; !s->is_unsure && i < t->partitions.n; i++) {
        const struct topic_key *k = t->partitions.v[i];
        const struct marker_seen *m = marker_of(s, k, t->producer);
        if (k->is_compacted || k->is_retired || (m && m->number > t->prepared_at)) continue;
        /* The topic was made again, and its coordinator, who knows it by its name, has heard of the end of the former one alone: as
         * long as nothing of the transaction lies in the new one, nothing hangs there. */
        if (k->older && !(m && m->is_open)) continue;
        breach(v, RULE_TRANSACTION_STATE, shard, offset,
               "said that a transaction of producer # is complete, and partition # has no marker",
               t->producer, k->partition);
    }
}

static bool
is_grown(const struct txn_seen *t, const struct txn_seen *now)
{
    for (int64_t i = 0; i < t->partitions.n; i++)
        if (!t->partitions.v[i]->is_retired && !HAS(&now->partitions, t->partitions.v[i]))
            return false;
    return true;
}

static void
take_state(struct invariants *v, struct txn_seen *t, const struct topic_key *shard,
           const struct k_transaction_log_value *r, int64_t offset, int32_t epoch)
{
    struct txn_seen was = *t;
    int8_t status = r->transaction_status;
    bool goes_on = (was.status == ONGOING && status != EMPTY) || status == COMPLETE_COMMIT ||
                   status == COMPLETE_ABORT;
    memset(&t->partitions, 0, sizeof t->partitions); /* was has them */
    if (status == COMPLETE_COMMIT || status == COMPLETE_ABORT)
        check_complete(v, &was, shard, offset);
    else take_partitions(v, t, shard, r, offset);
    if (goes_on && status < COMPLETE_COMMIT && !is_grown(&was, t))
        breach(v, RULE_TRANSACTION_STATE, shard, offset,
               "a transaction of producer # has lost a partition that it had", r->producer_id, 0);
    VEC_RELEASE(v->mem, &was.partitions);
    if (r->producer_id != t->producer) {
        for (int64_t i = 0; i < t->epochs.n; i++) VEC_RELEASE(v->mem, &t->epochs.v[i].added);
        t->epochs.n = 0;
    }
    t->producer = r->producer_id;
    t->epoch = r->producer_epoch;
    t->status = status;
    t->timeout_ms = r->transaction_timeout_ms;
    t->started_ms = r->transaction_start_timestamp_ms;
    t->changed_ns = v->at_ns;
    struct decided_epoch *e = epoch_of(v, t, t->epoch);
    e->may_commit |= status == PREPARE_COMMIT;
    e->may_abort |= status == PREPARE_ABORT;
    for (int64_t i = 0; i < t->partitions.n; i++)
        if (!HAS(&e->added, t->partitions.v[i])) VEC_PUSH(v->mem, &e->added, t->partitions.v[i]);
    if (status != PREPARE_COMMIT && status != PREPARE_ABORT) return;
    t->prepared_at = v->txns->markers_n;
    if (v->hear_end) v->hear_end(v->hear_end_ctx, t->producer, t->epoch, status == PREPARE_COMMIT);
    if (e->decisions_n++ == 0) e->coordinator = epoch;
}

static void
take_id(struct invariants *v, const struct topic_key *shard, struct slice id,
        const struct k_transaction_log_value *r, int64_t offset, int32_t epoch)
{
    struct txns_seen *s = txns_of(v);
    int64_t at = find_id(s, shard, id);
    if (at < 0) {
        struct txn_seen *new = MEM_NEW(v->mem, struct txn_seen);
        *new = (struct txn_seen){.shard = shard,
                                 .id = mem_dup(v->mem, id),
                                 .producer = r->producer_id,
                                 .epoch = r->producer_epoch,
                                 .status = EMPTY};
        VEC_PUSH(v->mem, &s->ids, new);
        at = s->ids.n - 1;
    }
    struct txn_seen *t = s->ids.v[at];
    check_step(v, t, shard, r, offset);
    take_state(v, t, shard, r, offset, epoch);
}

/* Forgotten in the middle, it would never end. */
static void
take_gone(struct invariants *v, const struct topic_key *shard, struct slice id, int64_t offset)
{
    struct txns_seen *s = txns_of(v);
    int64_t at = find_id(s, shard, id);
    if (at < 0) return;
    struct txn_seen *t = s->ids.v[at];
    if (t->status == ONGOING || t->status == PREPARE_COMMIT || t->status == PREPARE_ABORT)
        breach(v, RULE_TRANSACTION_STATE, shard, offset,
               "forgot a transactional id of producer # in status #", t->producer, t->status);
    txn_seen_free(v, t);
    VEC_REMOVE_AT(&s->ids, at);
}

void
take_txn_record(struct invariants *v, const struct topic_key *shard, struct arena *scratch,
                const struct record *rec, int32_t epoch)
{
    struct reader key = reader(rec->key), value = reader(rec->value);
    struct k_transaction_log_key k;
    struct k_transaction_log_value r;
    enum k_msg key_kind, value_kind;
    int16_t version;
    if (!coordinator_key_read(&key, COORDINATOR_TRANSACTION, &key_kind, &value_kind) ||
        !codec_decode(key_kind, 0, &key, scratch, &k))
        return;
    if (!rec->value.p) take_gone(v, shard, k.transactional_id, rec->offset);
    else if (coordinator_value_read(&value, value_kind, &version) &&
             codec_decode(value_kind, version, &value, scratch, &r))
        take_id(v, shard, k.transactional_id, &r, rec->offset, epoch);
}

/* ---- logs ------------------------------------------------------------------------------------------ */

static struct txn_seen *
txn_of_producer(struct txns_seen *s, int64_t producer)
{
    for (int64_t i = 0; i < s->ids.n; i++)
        if (s->ids.v[i]->producer == producer) return s->ids.v[i];
    return NULL;
}

static const struct decided_epoch *
decided(const struct txn_seen *t, int16_t epoch)
{
    for (int64_t i = 0; t && i < t->epochs.n; i++)
        if (t->epochs.v[i].epoch == epoch) return &t->epochs.v[i];
    return NULL;
}

static void
check_marker_is_decided(struct invariants *v, const struct topic_key *k, const struct batch *b)
{
    const struct decided_epoch *e =
        decided(txn_of_producer(v->txns, b->producer), b->producer_epoch);
    if (e && (b->is_commit ? e->may_commit : e->may_abort)) return;
    breach(v, RULE_TRANSACTION_STATE, k, b->base,
           b->is_commit ? "has a marker that producer # commits in epoch #, which nobody decided"
                        : "has a marker that producer # aborts in epoch #, which nobody decided",
           b->producer, b->producer_epoch);
}

/* By that epoch a log tells a coordinator that has been replaced from the one that decides now (KIP-98). Where a producer's epoch has
 * had several transactions, it may be that of an earlier one, which comes late. */
static void
check_marker_epoch(struct invariants *v, const struct topic_key *k, const struct batch *b)
{
    const struct decided_epoch *e =
        decided(txn_of_producer(v->txns, b->producer), b->producer_epoch);
    if (!e || e->decisions_n != 1 || b->coordinator_epoch >= e->coordinator) return;
    breach(v, RULE_TRANSACTION_STATE, k, b->base,
           "has a marker of a coordinator of epoch #; it was decided in epoch #",
           b->coordinator_epoch, e->coordinator);
}

static struct marker_seen *
marker_seen(struct invariants *v, const struct topic_key *k, int64_t producer)
{
    struct txns_seen *s = v->txns;
    for (int64_t i = 0; i < s->markers.n; i++)
        if (s->markers.v[i].key == k && s->markers.v[i].producer == producer)
            return &s->markers.v[i];
    struct marker_seen one = {.key = k, .producer = producer};
    VEC_PUSH(v->mem, &s->markers, one);
    return &s->markers.v[s->markers.n - 1];
}

static void
take_marker(struct invariants *v, const struct topic_key *k, const struct batch *b)
{
    struct marker_seen *m = marker_seen(v, k, b->producer);
    m->number = ++v->txns->markers_n;
    m->is_open = false;
}

/* Its coordinator knows partitions by the names of their topics: one that was made again has it, too. */
static bool
has_namesake(const struct decided_epoch *e, const struct topic_key *k)
{
    for (int64_t i = 0; i < e->added.n; i++)
        if (slice_eq(e->added.v[i]->subject, k->subject)) return true;
    return false;
}

/* KIP-890: records come into a log only while their transaction is known to have it, or nobody would end it there. */
static void
check_is_added(struct invariants *v, const struct topic_key *k, const struct batch *b)
{
    const struct decided_epoch *e =
        decided(txn_of_producer(v->txns, b->producer), b->producer_epoch);
    if (v->txns_unverified || (e && has_namesake(e, k))) return;
    breach(
        v, RULE_TRANSACTION_STATE, k, b->base,
        "took a record of a transaction of producer # (epoch #) that does not have this partition",
        b->producer, b->producer_epoch);
}

/* Of an epoch before those that are kept nothing is known any more, nor of a producer whose id was given up. */
static bool
is_epoch_known(const struct invariants *v, const struct batch *b)
{
    const struct txn_seen *t = txn_of_producer(v->txns, b->producer);
    return !v->txns->is_unsure && t &&
           (t->epochs.n < EPOCHS_KEPT || b->producer_epoch >= t->epochs.v[0].epoch);
}

void
txn_batch_written(struct invariants *v, const struct topic_key *k, const struct batch *b)
{
    (void)txns_of(v);
    if (!b->is_transactional || b->producer < 0 || k->is_retired) return;
    if (is_epoch_known(v, b) && b->is_control) check_marker_is_decided(v, k, b);
    if (is_epoch_known(v, b) && b->is_control) check_marker_epoch(v, k, b);
    if (is_epoch_known(v, b) && !b->is_control) check_is_added(v, k, b);
    if (b->is_control) take_marker(v, k, b);
    else marker_seen(v, k, b->producer)->is_open = true;
}

/* ---- what is told of them -------------------------------------------------------------------------- */

static const char *const status_names[] = {
    [EMPTY] = "Empty",
    [ONGOING] = "Ongoing",
    [PREPARE_COMMIT] = "PrepareCommit",
    [PREPARE_ABORT] = "PrepareAbort",
    [COMPLETE_COMMIT] = "CompleteCommit",
    [COMPLETE_ABORT] = "CompleteAbort",
};

static bool
has_told_partition(const struct k_describe_transactions_response_transaction_state *t,
                   const struct topic_key *k)
{
    for (int32_t i = 0; i < t->topics_n; i++)
        for (int32_t j = 0; slice_eq(t->topics[i].topic, k->topic) && j < t->topics[i].partitions_n;
             j++)
            if (t->topics[i].partitions[j] == k->partition) return true;
    return false;
}

static void
check_told_txn(struct invariants *v, const struct txn_seen *t,
               const struct k_describe_transactions_response_transaction_state *told)
{
    if (!slice_eq(told->transaction_state, slice_cstr(status_names[t->status])))
        breach(v, RULE_STATE_TOLD, t->shard, -1,
               "told of another status of the transaction of producer # than #", t->producer,
               t->status);
    else if (told->producer_id != t->producer)
        breach(v, RULE_STATE_TOLD, t->shard, -1, "told of producer # instead of #",
               told->producer_id, t->producer);
    else if (told->producer_epoch != t->epoch)
        breach(v, RULE_STATE_TOLD, t->shard, -1, "told of producer epoch # where # is committed",
               told->producer_epoch, t->epoch);
    else if (told->transaction_timeout_ms != t->timeout_ms)
        breach(v, RULE_STATE_TOLD, t->shard, -1,
               "told of a transaction's time-out of # ms where # is committed",
               told->transaction_timeout_ms, t->timeout_ms);
    /* While it ends, those that have their markers are taken out one by one. */
    for (int64_t i = 0; t->status == ONGOING && i < t->partitions.n; i++)
        if (!t->partitions.v[i]->is_retired && !has_told_partition(told, t->partitions.v[i]))
            breach(v, RULE_STATE_TOLD, t->shard, -1,
                   "told of a transaction of producer # without partition #", t->producer,
                   t->partitions.v[i]->partition);
}

void
txn_described(struct invariants *v, int32_t node, int64_t asked_ns,
              const struct k_describe_transactions_response_transaction_state *told)
{
    for (int64_t i = 0; v->txns && i < v->txns->ids.n; i++) {
        const struct txn_seen *t = v->txns->ids.v[i];
        if (!slice_eq(t->id, told->transactional_id) || t->changed_ns >= asked_ns ||
            !coordinator_is_read(v, t->shard, node))
            continue;
        if (!told->error_code) check_told_txn(v, t, told);
        else if (told->error_code == K_ERR_TRANSACTIONAL_ID_NOT_FOUND)
            breach(v, RULE_STATE_TOLD, t->shard, -1,
                   "told of no transaction of producer # in status #", t->producer, t->status);
    }
}

static void
check_listed_txn(struct invariants *v, const struct txn_seen *t,
                 const struct k_list_transactions_response *p)
{
    for (int32_t i = 0; i < p->transaction_states_n; i++) {
        const struct k_list_transactions_response_transaction_state *told =
            &p->transaction_states[i];
        if (!slice_eq(told->transactional_id, t->id)) continue;
        if (told->producer_id != t->producer)
            breach(v, RULE_STATE_TOLD, t->shard, -1, "told of producer # instead of #",
                   told->producer_id, t->producer);
        else if (!slice_eq(told->transaction_state, slice_cstr(status_names[t->status])))
            breach(v, RULE_STATE_TOLD, t->shard, -1,
                   "told of another status of the transaction of producer # than #", t->producer,
                   t->status);
        return;
    }
    breach(v, RULE_STATE_TOLD, t->shard, -1,
           "told of no transaction of producer # in status #, among all", t->producer, t->status);
}

void
txns_listed(struct invariants *v, int32_t node, int64_t asked_ns,
            const struct k_list_transactions_response *p)
{
    for (int64_t i = 0; v->txns && i < v->txns->ids.n; i++) {
        const struct txn_seen *t = v->txns->ids.v[i];
        if (t->changed_ns < asked_ns && coordinator_is_read(v, t->shard, node))
            check_listed_txn(v, t, p);
    }
}
