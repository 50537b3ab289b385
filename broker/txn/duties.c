/* What is done now and then: transactions that have gone on for too long are aborted, ids that nobody uses are
 * forgotten. */
#include "broker/base/check.h"
#include "broker/txn/shard.h"
#include "broker/txn/time_rule.h"

void
txns_abort_late(struct coordinator_shard *base)
{
    struct txn_shard *s = txn_shard_of(base);
    struct txns *ts = s->owner;
    int64_t now_ms = txns_now_ms(ts);
    LIST_EACH(&s->ongoing, t, struct txn, ongoing) {
        if (t->writing || !txn_is_over_time(&t->data, now_ms)) continue;
        MARK(ts->base.env, TXN_TIMED_OUT);
        struct txn_data next = txn_fenced(&t->data, txns_version(ts), now_ms);
        t->ended_by = NOTE_TXN_END_LATE;
        txn_write_next(t, &next, NULL, NULL, NULL, NULL);
    }
}

/* ---- expiry ---- */

/* Ids that are being forgotten. */
struct dying {
    struct slice id;
    uint64_t serial;
    enum txn_state before;
};
struct burial {
    struct coordinator_write write;
    VEC(struct dying) v;
};

#define BURIAL_BYTES (16 << 10)

static struct burial *
burial_new(struct txn_shard *s)
{
    return MEM_NEW(txns_mem(s->owner), struct burial);
}

static void
burial_free(struct burial *bu, struct mem *mem)
{
    for (int64_t i = 0; i < bu->v.n; i++) mem_free_slice(mem, bu->v.v[i].id);
    VEC_RELEASE(mem, &bu->v);
    MEM_DELETE(mem, bu);
}

static struct txn *
still_dying(struct txn_shard *s, const struct dying *d)
{
    struct txn *t = txn_find(s, d->id);
    return t && t->serial == d->serial && t->data.state == TXN_DEAD ? t : NULL;
}

static void
burial_done(struct coordinator_write *w, int16_t err)
{
    struct burial *bu = CONTAINER_OF(w, struct burial, write);
    struct txn_shard *s = txn_shard_of(w->shard);
    (void)err; /* it was not written because the shard is no longer this broker's */
    for (int64_t i = 0; i < bu->v.n; i++) {
        struct txn *t = still_dying(s, &bu->v.v[i]);
        if (t) txn_free(t);
    }
    burial_free(bu, txns_mem(s->owner));
}

/* They are dead from now on; if they cannot be written off, they live on. */
static void
bury(struct txn_shard *s, struct burial *bu, struct batch_builder *b)
{
    bu->write.done = burial_done;
    bu->write.shard = &s->base;
    if (shard_write(&s->base, b, &bu->write) == 0) return;
    for (int64_t i = 0; i < bu->v.n; i++) {
        struct txn *t = still_dying(s, &bu->v.v[i]);
        if (t) t->data.state = bu->v.v[i].before;
    }
    burial_free(bu, txns_mem(s->owner));
}

void
txns_expire(struct coordinator_shard *base)
{
    struct txn_shard *s = txn_shard_of(base);
    struct txns *ts = s->owner;
    struct mem *mem = txns_mem(ts);
    int64_t expiration_ms = config_i64(base->owner->config, K_CFG_TRANSACTIONAL_ID_EXPIRATION_MS);
    struct burial *bu = NULL;
    struct batch_builder b;
    MAP_EACH(&s->txns, t, struct txn, by_id) {
        if (t->writing || !txn_is_forgotten(&t->data, expiration_ms, txns_now_ms(ts))) continue;
        if (!bu) {
            bu = burial_new(s);
            shard_builder(base, &b);
        }
        CHECK(txn_state_may_move(t->data.state, TXN_DEAD));
        struct dying d = {mem_dup(mem, t->id), t->serial, t->data.state};
        VEC_PUSH(mem, &bu->v, d);
        t->data.state = TXN_DEAD;
        record_txn_gone(&b, ts, t->id);
        if (builder_size_bytes(&b) < BURIAL_BYTES) continue;
        bury(s, bu, &b);
        bu = NULL;
    }
    if (bu) bury(s, bu, &b);
}
