/* The records of __transaction_state: what is written, and what becomes of it when it is read again. */
#include "broker/base/check.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/record_frame.h"
#include "broker/txn/shard.h"

typedef struct k_transaction_log_value txn_value;
typedef struct k_transaction_log_value_partitions_schema txn_value_topic;

/* ---- writing ---- */

/* Keys and values are ours: they can always be written. */
static void
add_txn_record(struct batch_builder *b, struct txns *ts, struct slice id, struct writer *value)
{
    struct writer key = writer_mem(&ts->base.env->mem);
    struct k_transaction_log_key k = {.transactional_id = id};
    CHECK(coordinator_key_write(&key, K_MSG_TRANSACTION_LOG_KEY, &k, NULL));
    (void)builder_add(b, txns_now_ms(ts), writer_slice(&key),
                      value ? writer_slice(value) : SLICE_NULL, NULL, 0);
    writer_release(&key);
}

static void
fill_partitions(txn_value *v, const struct txn_partitions *ps, struct arena *a)
{
    v->transaction_partitions =
        codec_array(a, K_STRUCT_TRANSACTION_LOG_VALUE_PARTITIONS_SCHEMA, ps->v.n);
    for (int64_t i = 0, end; i < ps->v.n; i = end) {
        end = txn_partitions_topic_end(ps, i);
        txn_value_topic *t = &v->transaction_partitions[v->transaction_partitions_n++];
        t->topic = ps->v.v[i].topic;
        t->partition_ids = ARENA_ARRAY(a, int32_t, end - i);
        for (int64_t k = i; k < end; k++) t->partition_ids[t->partition_ids_n++] = ps->v.v[k].index;
    }
}

void
record_txn(struct batch_builder *b, struct txns *ts, struct slice id, const struct txn_data *d,
           const struct txn_partitions *partitions)
{
    struct mem *mem = &ts->base.env->mem;
    struct arena a;
    struct writer value = writer_mem(mem);
    arena_init(&a, mem, 0);
    txn_value v;
    codec_default(K_MSG_TRANSACTION_LOG_VALUE, &v);
    /* Flexible fields from transaction.version 1 on (KIP-890). */
    int16_t version = txns_version(ts) >= 1;
    v.producer_id = d->producer_id;
    v.producer_epoch = d->epoch;
    v.transaction_timeout_ms = d->timeout_ms;
    v.transaction_status = (int8_t)d->state;
    v.transaction_last_update_timestamp_ms = d->updated_ms;
    v.transaction_start_timestamp_ms = d->started_ms;
    if (version >= 1) {
        v.previous_producer_id = d->previous_producer_id;
        v.next_producer_id = d->next_producer_id;
        v.client_transaction_version = d->client_version;
    }
    if (d->state == TXN_EMPTY) v.transaction_partitions_n = -1;
    else fill_partitions(&v, partitions, &a);
    CHECK(coordinator_value_write(&value, K_MSG_TRANSACTION_LOG_VALUE, version, &v, NULL));
    add_txn_record(b, ts, id, &value);
    writer_release(&value);
    arena_release(&a);
}

void
record_txn_gone(struct batch_builder *b, struct txns *ts, struct slice id)
{
    add_txn_record(b, ts, id, NULL);
}

/* ---- reading ---- */

static struct txn_data
data_of(const txn_value *v)
{
    return (struct txn_data){.producer_id = v->producer_id,
                             .previous_producer_id = v->previous_producer_id,
                             .next_producer_id = v->next_producer_id,
                             .epoch = v->producer_epoch,
                             .last_epoch = NO_PRODUCER_EPOCH,
                             .client_version = v->client_transaction_version,
                             .timeout_ms = v->transaction_timeout_ms,
                             .state = (enum txn_state)v->transaction_status,
                             .started_ms = v->transaction_start_timestamp_ms,
                             .updated_ms = v->transaction_last_update_timestamp_ms};
}

static bool
makes_sense(const txn_value *v)
{
    return v->transaction_status >= 0 && v->transaction_status < TXN_DEAD && v->producer_id >= 0 &&
           v->producer_epoch >= -1;
}

static void
fold_txn(struct txn_shard *s, struct slice id, const txn_value *v)
{
    struct txn *t = txn_find(s, id);
    struct txn_data d = data_of(v);
    if (!t) t = txn_new(s, id, &d);
    txn_set(t, &d);
    t->ended_by = NOTE_TXN_END_BEFORE;
    txn_partitions_release(&t->partitions, txn_mem(t));
    for (int32_t i = 0; i < v->transaction_partitions_n; i++) {
        const txn_value_topic *p = &v->transaction_partitions[i];
        for (int32_t k = 0; k < p->partition_ids_n; k++)
            txn_partitions_add(&t->partitions, txn_mem(t), p->topic, p->partition_ids[k]);
    }
}

/* A transactional id is what its last record says. What cannot be read, or makes no sense, is passed over. */
void
txn_fold(struct coordinator_shard *base, const struct batch_header *h, const struct record *rec)
{
    struct txn_shard *s = txn_shard_of(base);
    struct arena *scratch = &base->owner->env->scratch;
    struct reader r = reader(rec->key), rv = reader(rec->value);
    enum k_msg key_msg, value_msg;
    struct k_transaction_log_key k;
    txn_value v;
    int16_t version;
    (void)h;
    if (!rec->key.p || !coordinator_key_read(&r, COORDINATOR_TRANSACTION, &key_msg, &value_msg) ||
        !codec_decode(key_msg, 0, &r, scratch, &k))
        return;
    if (!rec->value.p) {
        struct txn *t = txn_find(s, k.transactional_id);
        if (t) txn_free(t);
        return;
    }
    if (coordinator_value_read(&rv, value_msg, &version) &&
        codec_decode(value_msg, version, &rv, scratch, &v) && makes_sense(&v))
        fold_txn(s, k.transactional_id, &v);
}
