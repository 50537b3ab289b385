/* Appending: offsets are assigned, bytes are queued for the next write. */
#include "broker/base/ckd.h"
#include "broker/log/write.h"

/* ---- rolling ---- */

static bool
index_is_full(const struct segment *s)
{
    int64_t bytes = s->log->config->segment_index_bytes;
    return s->index.offsets.n >= bytes / OFFSET_ENTRY_BYTES - 1 ||
           s->index.times.n >= bytes / TIME_ENTRY_BYTES - 1;
}

/* What waits in the active segment is not cleaned, so max.compaction.lag.ms bounds that, too (KIP-354). */
static int64_t
segment_ms_max(const struct log_config *c)
{
    return c->compact && c->lag_max_ms > 0 ? MIN(c->segment_ms, c->lag_max_ms) : c->segment_ms;
}

static bool
time_is_over(const struct segment *s, int64_t timestamp)
{
    int64_t ms = segment_ms_max(s->log->config) - s->roll_jitter_ms, waited;
    if (s->first_timestamp < 0) return (env_now_ns(s->env) - s->created_ns) / NS_PER_MS > ms;
    /* A producer's timestamp may be any number. */
    return !ckd_sub(&waited, timestamp, s->first_timestamp) && waited > ms;
}

static bool
must_roll(const struct segment *s, const struct batch_header *h)
{
    if (s->size == 0) return false;
    if (s->size + batch_size_bytes(h) > s->log->config->segment_bytes) return true;
    if (batch_last_offset(h) - s->base_offset > INT32_MAX) return true;
    return index_is_full(s) || time_is_over(s, h->max_timestamp);
}

void
log_roll(struct commitlog *log, int64_t base_offset)
{
    segment_seal(log_active(log));
    struct segment *s = segment_new(log, base_offset);
    s->index_state = INDEX_IN_MEMORY;
    VEC_PUSH(&log->env->mem, &log->segments, s);
    log->sync_after_roll = true;
    NOTE(log->env, NOTE_LOG_ROLL, log->name, SLICE_NULL, base_offset);
    log_save_snapshot(log);
}

/* ---- one batch ---- */

static void
epochs_follow(struct commitlog *log, const struct batch_header *h)
{
    if (epoch_cache_assign(&log->epochs, &log->env->mem, h->leader_epoch, h->base_offset))
        log->epochs_dirty = true;
}

/* Gives the batch its place; the caller queues its bytes there. */
static struct chunk *
place_batch(struct commitlog *log, const struct batch_header *h, struct slice batch, bool as_leader)
{
    /* A leader gives the next offset; a follower's log may have gaps (compaction), but never goes back. */
    CHECK(as_leader ? h->base_offset == log->assigned_end : h->base_offset >= log->assigned_end);
    CHECK(h->leader_epoch >= epoch_cache_latest(&log->epochs));
    /* A segment begins where the one before it ends, also when the batch leaves a gap: so a gap between two
     * segments tells of files that are missing. */
    if (must_roll(log_active(log), h))
        log_roll(log, MAX(log->assigned_end, batch_last_offset(h) - INT32_MAX));
    struct segment *s = log_active(log);
    CHECK(!s->sealed);
    struct chunk *c = MEM_NEW(&log->env->mem, struct chunk);
    c->segment = s;
    c->position = s->size;
    c->bytes = batch_size_bytes(h);
    c->end_offset = batch_next_offset(h);
    segment_pin(s);
    segment_place(s, h, true);
    epochs_follow(log, h);
    log_apply_producer(log, h, batch);
    log->assigned_end = c->end_offset;
    list_push_back(&log->appended, &c->node);
    NOTE(log->env, NOTE_LOG_APPEND, log->name, SLICE_NULL, h->base_offset, c->end_offset - 1,
         h->leader_epoch, h->crc, as_leader, c->bytes);
    return c;
}

/* ---- as leader ---- */

enum log_err
commitlog_verify_txn(struct commitlog *log, const struct batch_header *h, bool raises_epochs,
                     uint64_t *ret_guard)
{
    const struct producer *p = producer_find(log->producers, h->producer_id);
    *ret_guard = 0;
    if (p && h->producer_epoch < p->window.epoch) return LOG_E_FENCED;
    if (producer_is_in_txn(log->producers, h->producer_id, h->producer_epoch)) return LOG_OK;
    if (!env_has_room(log->env, PURSE_PRODUCERS)) return LOG_E_NO_ROOM;
    struct verification *v = verification_begin(&log_producers(log)->verifications, h->producer_id,
                                                h->producer_epoch, h->base_sequence, raises_epochs,
                                                (uint64_t)log->guards_n + 1, env_wall_ms(log->env));
    if (v->guard == (uint64_t)log->guards_n + 1) log->guards_n++;
    *ret_guard = v->guard;
    return LOG_OK;
}

/* Transactional batches are taken into a transaction that is open, or whose coordinator said that the
 * partition is part of it (KIP-890). */
static enum log_err
check_opens_txn(const struct commitlog *log, const struct batch_header *h,
                const struct log_append *a)
{
    bool is_unverified;
    if (!batch_is_transactional(h) || a->unverified ||
        producer_is_in_txn(log->producers, h->producer_id, h->producer_epoch))
        return LOG_OK;
    enum sequence_verdict v = producer_check_guard(log->producers, h, a->guard, &is_unverified);
    if (is_unverified) return LOG_E_TXN_STATE;
    return v == SEQUENCE_APPEND || a->origin != APPEND_CLIENT ? LOG_OK : LOG_E_OUT_OF_ORDER;
}

/* Offsets that are committed with a transaction come from a group's coordinator: without sequences, but of a
 * producer. */
static enum log_err
check_coordinated(const struct commitlog *log, const struct batch_header *h,
                  const struct log_append *a)
{
    const struct producer *p = producer_find(log->producers, h->producer_id);
    if (p && h->producer_epoch < p->window.epoch) return LOG_E_FENCED;
    return check_opens_txn(log, h, a);
}

static enum log_err
check_marker(const struct commitlog *log, const struct batch_header *h, struct slice batch,
             const struct log_append *a)
{
    struct marker m;
    if (!marker_parse(h, batch, &m)) return LOG_OK; /* the quorum's have no producer */
    switch (producer_check_marker(log->producers, h, &m, a->txn_version)) {
    case MARKER_APPEND: return LOG_OK;
    case MARKER_OLD_PRODUCER: return LOG_E_FENCED;
    case MARKER_OLD_COORDINATOR: return LOG_E_COORDINATOR_FENCED;
    }
    return LOG_OK;
}

static enum log_err
check_producer(const struct commitlog *log, const struct batch_header *h, struct slice batch,
               struct log_append *a)
{
    struct producer_batch original;
    bool txn_is_wrong;
    if (!batch_has_producer(h)) return LOG_OK;
    if (batch_is_control(h)) return check_marker(log, h, batch, a);
    if (a->origin != APPEND_CLIENT) return check_coordinated(log, h, a);
    if (!producer_find(log->producers, h->producer_id) && !env_has_room(log->env, PURSE_PRODUCERS))
        return LOG_E_NO_ROOM;
    switch (producer_check(log->producers, h, &original, &txn_is_wrong)) {
    case SEQUENCE_APPEND: return txn_is_wrong ? LOG_E_TXN_STATE : check_opens_txn(log, h, a);
    case SEQUENCE_OUT_OF_ORDER: return LOG_E_OUT_OF_ORDER;
    case SEQUENCE_FENCED: return LOG_E_FENCED;
    case SEQUENCE_DUPLICATE: break;
    }
    MARK(log->env, DUPLICATE_BATCH);
    a->base_offset = original.last_offset - original.offset_delta;
    a->last_offset = original.last_offset;
    a->append_time_ms = log->config->log_append_time ? original.timestamp : -1;
    return LOG_E_DUPLICATE;
}

/* Everything that could make the append fail. */
static enum log_err
check_leader(const struct commitlog *log, struct log_append *a)
{
    int32_t batches = 0;
    for (int32_t i = 0; i < a->segs_n; i++) {
        struct batch_header h;
        struct slice batch;
        enum batch_err why = BATCH_OK;
        CHECK(a->segs[i].buf);
        for (int64_t at = 0; batch_next(a->segs[i].bytes, &at, &h, &batch, &why); batches++) {
            if (batch_size_bytes(&h) > log->config->segment_bytes) return LOG_E_TOO_LARGE;
            enum log_err err = check_producer(log, &h, batch, a);
            if (err) return err;
        }
        if (why) return LOG_E_CORRUPT;
    }
    return batches ? LOG_OK : LOG_E_CORRUPT;
}

static void
append_batch(struct commitlog *log, struct log_append *a, struct buf *from, struct slice batch,
             struct batch_header h)
{
    struct mem *mem = &log->env->mem;
    struct buf *head = buf_copy(mem, slice(batch.p, BATCH_HEADER_BYTES));
    struct slice payload = slice(batch.p + BATCH_HEADER_BYTES, batch.n - BATCH_HEADER_BYTES);
    batch_patch_offset(head->data, log->assigned_end, a->leader_epoch);
    h.base_offset = log->assigned_end;
    h.leader_epoch = a->leader_epoch;
    if (log->config->log_append_time) {
        batch_patch_timestamp(log->env->crc32c, head->data, payload, true, env_wall_ms(log->env));
        CHECK(batch_parse(buf_slice(head), &h) == BATCH_OK);
    }
    struct chunk *c = place_batch(log, &h, batch, true);
    c->segs[c->segs_n++] = (struct seg){.buf = head, .bytes = buf_slice(head)};
    if (payload.n) c->segs[c->segs_n++] = (struct seg){.buf = buf_ref(from), .bytes = payload};
}

enum log_err
commitlog_append(struct commitlog *log, struct log_append *a)
{
    enum log_err err = log_state_err(log);
    a->base_offset = a->last_offset = a->append_time_ms = -1;
    if (!err) err = check_leader(log, a);
    if (err) return err;
    a->base_offset = log->assigned_end;
    for (int32_t i = 0; i < a->segs_n; i++) {
        struct batch_header h;
        struct slice batch;
        enum batch_err why;
        for (int64_t at = 0; batch_next(a->segs[i].bytes, &at, &h, &batch, &why);)
            append_batch(log, a, a->segs[i].buf, batch, h);
    }
    a->last_offset = log->assigned_end - 1;
    if (log->config->log_append_time) a->append_time_ms = env_wall_ms(log->env);
    log_write_next(log);
    return LOG_OK;
}

/* ---- nothing ---- */

static void
append_empty_batch(struct commitlog *log, int64_t offsets, int32_t leader_epoch)
{
    struct batch_header h = {
        .base_offset = log->assigned_end,
        .leader_epoch = leader_epoch,
        .magic = 2,
        .last_offset_delta = (int32_t)(offsets - 1),
        .base_timestamp = BATCH_NO_TIMESTAMP,
        .max_timestamp = BATCH_NO_TIMESTAMP,
        .producer_id = BATCH_NO_PRODUCER,
        .producer_epoch = BATCH_NO_EPOCH,
        .base_sequence = BATCH_NO_SEQUENCE,
    };
    struct buf *buf = buf_new(&log->env->mem, BATCH_HEADER_BYTES);
    buf->n = buf->cap;
    batch_seal(log->env->crc32c, &h, SLICE_EMPTY, buf->data);
    struct chunk *c = place_batch(log, &h, buf_slice(buf), true);
    c->segs[c->segs_n++] = (struct seg){.buf = buf, .bytes = buf_slice(buf)};
}

enum log_err
commitlog_append_nothing(struct commitlog *log, int64_t up_to, int32_t leader_epoch)
{
    enum log_err err = log_state_err(log);
    if (err) return err;
    while (log->assigned_end < up_to)
        append_empty_batch(log, MIN(up_to - log->assigned_end, INT32_MAX), leader_epoch);
    log_write_next(log);
    return LOG_OK;
}

/* ---- as follower ---- */

static enum log_err
check_fetched(struct commitlog *log, const struct batch_header *h)
{
    /* As in Kafka what comes may begin above the end: where the leader's log has a gap, the copy has it, too
     * (compaction, missing_segments.h). */
    if (h->base_offset < log->assigned_end) return LOG_E_NOT_CONTIGUOUS;
    if (h->leader_epoch >= epoch_cache_latest(&log->epochs)) return LOG_OK;
    /* Epochs that began here and got no records may go (KAFKA-10706): those from our end on, for the batch may begin above
     * it, behind what compaction took from the leader. */
    if (epoch_cache_truncate_end(&log->epochs, log->assigned_end)) log->epochs_dirty = true;
    return h->leader_epoch >= epoch_cache_latest(&log->epochs) ? LOG_OK : LOG_E_CORRUPT;
}

static enum log_err
append_fetched_seg(struct commitlog *log, const struct seg *seg, int32_t leader_epoch_max)
{
    struct batch_header h;
    struct slice batch;
    enum batch_err why = BATCH_OK;
    for (int64_t at = 0; batch_next(seg->bytes, &at, &h, &batch, &why);) {
        if (h.leader_epoch > leader_epoch_max) return LOG_OK;
        if (batch_crc(log->env->crc32c, batch) != h.crc) return LOG_E_CORRUPT;
        enum log_err err = check_fetched(log, &h);
        if (err) return err;
        struct chunk *c = place_batch(log, &h, batch, false);
        c->segs[c->segs_n++] = (struct seg){.buf = buf_ref(seg->buf), .bytes = batch};
    }
    return why == BATCH_OK || why == BATCH_SHORT ? LOG_OK : LOG_E_CORRUPT;
}

enum log_err
commitlog_append_fetched(struct commitlog *log, const struct seg *segs, int32_t n,
                         int32_t leader_epoch_max)
{
    enum log_err err = log_state_err(log);
    for (int32_t i = 0; i < n && !err; i++) {
        CHECK(segs[i].buf);
        err = append_fetched_seg(log, &segs[i], leader_epoch_max);
    }
    log_write_next(log);
    return err;
}
