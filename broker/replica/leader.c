/* What a partition's leader does: appending, watching its followers, asking for another ISR. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "broker/replica/topic_config.h"
#include "errors.h"

bool
partition_is_under_min_isr(const struct partition *p)
{
    /* A topic with fewer replicas than min.insync.replicas can have them all in sync at best
     * (KIP-966: effective min ISR). */
    return p->isr.n < MIN(p->config->min_insync_replicas, p->replicas.n);
}

static int16_t
append_error(enum log_err err)
{
    switch (err) {
    case LOG_OK:
    case LOG_E_DUPLICATE: return 0;
    case LOG_E_OUT_OF_ORDER: return K_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    case LOG_E_FENCED: return K_ERR_INVALID_PRODUCER_EPOCH;
    case LOG_E_NO_ROOM: return K_ERR_POLICY_VIOLATION;
    case LOG_E_TXN_STATE: return K_ERR_INVALID_TXN_STATE;
    case LOG_E_COORDINATOR_FENCED: return K_ERR_TRANSACTION_COORDINATOR_FENCED;
    case LOG_E_TOO_LARGE: return K_ERR_RECORD_LIST_TOO_LARGE;
    case LOG_E_CORRUPT: return K_ERR_CORRUPT_MESSAGE;
    case LOG_E_BUSY:
    case LOG_E_CLOSED: return K_ERR_NOT_LEADER_OR_FOLLOWER;
    case LOG_E_OUT_OF_RANGE:
    case LOG_E_NOT_CONTIGUOUS:
    case LOG_E_OFFLINE: return K_ERR_KAFKA_STORAGE_ERROR;
    }
    return K_ERR_UNKNOWN_SERVER_ERROR;
}

int16_t
partition_append(struct partition *p, struct log_append *a, int16_t acks)
{
    int16_t err = partition_check_leader(p, -1);
    if (err) return err;
    if (acks == -1 && partition_is_under_min_isr(p)) return K_ERR_NOT_ENOUGH_REPLICAS;
    a->leader_epoch = p->leader_epoch;
    return append_error(commitlog_append(&p->log, a));
}

static bool
reached(const struct partition *p, const struct append_waiter *w)
{
    int64_t end = w->all ? p->high_watermark : commitlog_settled_end(&p->log);
    return end >= w->required;
}

/* acks=all: the records are committed; if the ISR shrank below the minimum meanwhile, the client must
 * know that the promise is weaker than it asked for. */
static int16_t
append_verdict(const struct partition *p, const struct append_waiter *w)
{
    if (w->all && partition_is_under_min_isr(p)) return K_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    return 0;
}

void
partition_wait(struct partition *p, struct append_waiter *w)
{
    CHECK(!list_is_linked(&w->node));
    if (reached(p, w)) {
        w->done(w, append_verdict(p, w));
        return;
    }
    list_push_back(&p->append_waiters, &w->node);
}

/* done() answers, which may start the connection's next request, which may come back here. */
static void
finish_waiters(struct partition *p)
{
    struct list now;
    list_init(&now);
    LIST_EACH(&p->append_waiters, w, struct append_waiter, node) {
        if (!reached(p, w)) continue;
        list_remove(&w->node);
        list_push_back(&now, &w->node);
    }
    for (struct list *n; (n = list_pop_front(&now)) != NULL;) {
        struct append_waiter *w = LIST_ENTRY(n, struct append_waiter, node);
        w->done(w, append_verdict(p, w));
    }
}

static struct follower *
find_follower(struct partition *p, int32_t id)
{
    for (int64_t i = 0; i < p->followers.n; i++)
        if (p->followers.v[i].broker_id == id) return &p->followers.v[i];
    return NULL;
}

bool
partition_has_replica(const struct partition *p, int32_t broker_id)
{
    return isr_has(&p->replicas, broker_id);
}

/* May the controller be asked to let it in? It would refuse a broker that is fenced, shutting down, or
 * of another epoch than the one that fetched (KIP-841, KIP-903). */
static bool
may_join_isr(const struct partition *p, const struct follower *f)
{
    const struct image_broker *b = image_broker(p->owner->image, f->broker_id);
    return b && !b->is_fenced && !b->in_controlled_shutdown &&
           (f->progress.broker_epoch < 0 || f->progress.broker_epoch == b->epoch);
}

static bool
is_joining(const struct partition *p, const struct follower *f)
{
    return !follower_is_out_of_sync(&f->progress, commitlog_written_end(&p->log),
                                    env_now_ns(p->env), p->owner->lag_max_ns) &&
           may_join_isr(p, f);
}

bool
partition_counts_on(const struct partition *p, int32_t id)
{
    return isr_has(&p->isr, id) || (p->isr_state == ISR_PENDING && isr_has(&p->isr_wanted, id));
}

void
partition_try_advance(struct partition *p)
{
    if (!partition_is_leader(p)) return;
    struct replica_view v[REPLICAS_MAX + 1];
    int32_t n = 0;
    v[n++] = (struct replica_view){.broker_id = p->owner->node_id,
                                   .log_end = commitlog_settled_end(&p->log),
                                   .in_isr = true,
                                   .in_maximal_isr = true};
    for (int64_t i = 0; i < p->followers.n && n <= REPLICAS_MAX; i++) {
        struct follower *f = &p->followers.v[i];
        bool counts = partition_counts_on(p, f->broker_id);
        v[n++] = (struct replica_view){.broker_id = f->broker_id,
                                       .log_end = f->progress.log_end,
                                       .in_isr = isr_has(&p->isr, f->broker_id),
                                       .in_maximal_isr = counts,
                                       .joining = !counts && is_joining(p, f)};
    }
    int64_t hw = hw_advance(p->high_watermark, v, n, partition_is_under_min_isr(p));
    if (hw > p->high_watermark) {
        CHECK(hw <= commitlog_settled_end(&p->log));
        partition_set_high_watermark(p, hw);
        finish_waiters(p);
        partition_tell_readers(p, FETCH_NEWS_COMMITTED);
    } else {
        finish_waiters(p); /* acks=1 waits for this log alone */
    }
}

/* On whom it counts: what there is, and what it asks for. */
static void
note_counted(struct partition *p)
{
    if (!p->env->notes_on) return;
    char text[REPLICAS_MAX * 26];
    struct writer w = writer_fixed(text, sizeof text);
    for (int32_t i = 0; i < p->isr.n; i++) {
        if (i) fmt_char(&w, ',');
        fmt_i64(&w, p->isr.v[i]);
    }
    if (p->isr_state == ISR_PENDING) fmt_str(&w, " -> ");
    for (int32_t i = 0; p->isr_state == ISR_PENDING && i < p->isr_wanted.n; i++) {
        if (i) fmt_char(&w, ',');
        fmt_i64(&w, p->isr_wanted.v[i]);
    }
    NOTE(p->env, NOTE_PARTITION_ISR_PENDING, p->label, writer_slice(&w), p->leader_epoch,
         p->partition_epoch);
}

static void
ask_for_isr(struct partition *p)
{
    CHECK(partition_is_leader(p) && p->isr_state == ISR_COMMITTED);
    CHECK(p->isr_wanted.n <= REPLICAS_MAX);
    p->isr_state = ISR_PENDING;
    note_counted(p);
    replicas_alter_partition(p);
}

static void
maybe_expand(struct partition *p, const struct follower *f)
{
    /* One change at a time: the next is decided on what the controller made of this one. */
    if (p->isr_state != ISR_COMMITTED || isr_has(&p->isr, f->broker_id)) return;
    if (!follower_may_join(&f->progress, p->high_watermark, p->epoch_start)) return;
    if (!may_join_isr(p, f) || p->isr.n >= REPLICAS_MAX) return;
    CHECK(isr_has(&p->replicas, f->broker_id));
    CHECK(f->broker_id != p->owner->node_id);
    MARK(p->env, ISR_GROWTH_ASKED);
    p->isr_wanted = p->isr;
    p->isr_wanted.v[p->isr_wanted.n++] = f->broker_id;
    ask_for_isr(p);
}

void
partition_fetched_by(struct partition *p, int32_t broker_id, int64_t broker_epoch,
                     int64_t fetch_offset, int64_t log_start)
{
    struct follower *f = find_follower(p, broker_id);
    if (!f) return;
    /* KIP-903: a fetch of an earlier incarnation must not vouch for the present one. */
    if (broker_epoch >= 0 && broker_epoch < f->progress.broker_epoch) return;
    bool moved = f->progress.log_end != fetch_offset;
    follower_fetched(&f->progress, fetch_offset, log_start, commitlog_written_end(&p->log),
                     broker_epoch, env_now_ns(p->env));
    if (moved)
        NOTE(p->env, NOTE_FETCH_POSITION, p->label, SLICE_NULL, broker_id, fetch_offset,
             commitlog_written_end(&p->log));
    maybe_expand(p, f);
    partition_try_advance(p);
    partition_look_deleted(p);
}

void
partition_follower_polled(struct partition *p, int32_t broker_id, int64_t at_ns)
{
    struct follower *f = find_follower(p, broker_id);
    if (f) follower_polled(&f->progress, at_ns);
}

void
partition_sweep_isr(struct partition *p)
{
    if (!partition_is_leader(p) || p->isr_state != ISR_COMMITTED) return;
    struct isr keep = {0};
    for (int32_t i = 0; i < p->isr.n; i++) {
        int32_t id = p->isr.v[i];
        struct follower *f = find_follower(p, id);
        if (f && follower_is_out_of_sync(&f->progress, commitlog_written_end(&p->log),
                                         env_now_ns(p->env), p->owner->lag_max_ns))
            continue;
        keep.v[keep.n++] = id;
    }
    if (keep.n == p->isr.n) {
        /* The high watermark may have waited for one who was about to join, and has gone: nobody else would look. */
        partition_try_advance(p);
        return;
    }
    MARK(p->env, ISR_SHRINK_ASKED);
    p->isr_wanted = keep;
    ask_for_isr(p);
}

/* Nothing is asked for any more. */
static void
isr_stands(struct partition *p)
{
    p->isr_state = ISR_COMMITTED;
    note_counted(p);
}

static void
take_answered_isr(struct partition *p, int32_t partition_epoch, const int32_t *isr, int32_t n)
{
    CHECK(p->isr_state == ISR_PENDING && partition_epoch >= p->partition_epoch);
    p->partition_epoch = partition_epoch;
    p->isr.n = MIN(n, REPLICAS_MAX);
    memcpy(p->isr.v, isr, (size_t)p->isr.n * sizeof *isr);
    isr_stands(p);
    partition_tell_readers(p, FETCH_NEWS_STANDING);
    partition_try_advance(p);
}

void
partition_isr_answered(struct partition *p, int16_t err, int32_t leader_epoch,
                       int32_t partition_epoch, const int32_t *isr, int32_t isr_n)
{
    /* Nobody asked, or this is a second answer to what was asked once. */
    if (!p->alter_sent) return;
    bool stale =
        p->alter_leader_epoch != p->leader_epoch || p->alter_partition_epoch != p->partition_epoch;
    p->alter_sent = false;
    if (!partition_is_leader(p) || p->isr_state != ISR_PENDING) return;
    if (stale) { /* of an earlier wish: the present one waited for it, and goes out now */
        MARK(p->env, ISR_ANSWER_STALE);
        replicas_alter_partition(p);
        return;
    }
    switch (err) {
    case 0:
        if (leader_epoch == p->leader_epoch && partition_epoch >= p->partition_epoch)
            take_answered_isr(p, partition_epoch, isr, isr_n);
        return;
    case K_ERR_INELIGIBLE_REPLICA:
    case K_ERR_OPERATION_NOT_ATTEMPTED:
        /* Refused for sure: the committed ISR stands. */
        MARK(p->env, ISR_CHANGE_REFUSED);
        isr_stands(p);
        partition_try_advance(p);
        return;
    case K_ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case K_ERR_UNKNOWN_TOPIC_ID:
    case K_ERR_FENCED_LEADER_EPOCH:
    case K_ERR_INVALID_UPDATE_VERSION:
    case K_ERR_INVALID_REQUEST:
    case K_ERR_NEW_LEADER_ELECTED:
        /* The controller knows better: its word is on the way through the metadata log. Until then the
         * change may have been made, so it stays pending. */
        MARK(p->env, ISR_CHANGE_OVERTAKEN);
        return;
    default: replicas_alter_partition(p); /* not known: ask again */
    }
}
