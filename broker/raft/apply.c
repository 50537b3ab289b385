/* Everything that the owner is told: leaders, committed batches in order, its own leadership. It is
 * told from a task of its own, so that no call into the raft ever calls back; and it is told in the
 * order in which it must believe it: resigned before a new leader, all batches before became_leader. */
#include "broker/raft/state.h"

#define LOAD_BYTES (1 << 20)

void
apply_kick(struct raft *r)
{
    defer(r->env, &r->pump);
}

void
apply_high_watermark(struct raft *r, int64_t high_watermark)
{
    if (high_watermark <= r->high_watermark) return;
    CHECK(high_watermark <= commitlog_assigned_end(&r->log));
    r->high_watermark = high_watermark;
    NOTE(r->env, NOTE_RAFT_HW, RAFT_DIR, SLICE_NULL, high_watermark, r->election.epoch);
    apply_kick(r);
}

/* ---- committed batches ---- */

static void
apply_give_batch(struct raft *r, struct slice bytes, const struct batch_header *h)
{
    struct raft_batch b = {.bytes = bytes,
                           .base_offset = h->base_offset,
                           .last_offset = batch_last_offset(h),
                           .epoch = h->leader_epoch,
                           .append_time_ms = h->max_timestamp,
                           .is_control = batch_is_control(h)};
    CHECK(b.base_offset >= r->applied);
    if (b.is_control) control_take(r, bytes, h);
    r->applied = b.last_offset + 1;
    CHECK(r->applied <= r->high_watermark);
    if (r->ops->committed) r->ops->committed(r->owner, &b);
}

#define LOAD_RETRY_NS (20 * NS_PER_MS)

void
apply_load_due(struct timer *t)
{
    apply_kick(CONTAINER_OF(t, struct raft, load_timer));
}

/* Busy is "not now", no damage. */
static void
load_later(struct raft *r)
{
    timer_arm(r->env, &r->load_timer, env_now_ns(r->env) + LOAD_RETRY_NS);
}

static void
apply_loaded(struct log_load *l)
{
    struct raft *r = CONTAINER_OF(l, struct raft, load);
    struct batch_header h;
    struct slice batch;
    enum batch_err err;
    int64_t at = 0;
    struct buf *buf = l->buf;
    while (buf && !r->is_closing && batch_next(buf_slice(buf), &at, &h, &batch, &err))
        if (h.base_offset >= r->applied && batch_last_offset(&h) < r->high_watermark)
            apply_give_batch(r, batch, &h);
    buf_unref(buf);
    r->loading = false;
    /* A cut, which never reaches what is committed, may have come between. */
    if (l->read.err == LOG_OK || l->read.err == LOG_E_OUT_OF_RANGE || r->is_closing) apply_kick(r);
    else if (l->read.err == LOG_E_BUSY) load_later(r);
    else raft_fatal(r, "committed batches cannot be read", slice_cstr(log_err_text(l->read.err)));
}

/* What is still in memory. True: there was some. */
static bool
apply_fresh(struct raft *r)
{
    bool any = false;
    struct batch_header h;
    struct slice batch;
    while (!r->loading && !r->is_closing && fresh_next(r, &r->env->scratch, &batch)) {
        CHECK(batch_parse(batch, &h) == BATCH_OK);
        apply_give_batch(r, batch, &h);
        any = true;
    }
    return any;
}

static void
apply_load(struct raft *r)
{
    if (r->loading || r->truncating || r->applied >= r->high_watermark) return;
    if (timer_is_armed(&r->load_timer)) return;
    r->loading = true;
    r->load = (struct log_load){.done = apply_loaded,
                                .read = {.offset = r->applied,
                                         .limit = MIN(r->high_watermark, fresh_from(r)),
                                         .max_bytes = LOAD_BYTES,
                                         .min_one = true}};
    commitlog_load(&r->log, &r->load);
}

/* ---- the order of things ---- */

static void
tell_resigned(struct raft *r)
{
    if (!r->is_active) return;
    if (r->state == RAFT_LEADER && r->election.epoch == r->active_epoch) return;
    r->is_active = false;
    if (r->ops->resigned) r->ops->resigned(r->owner, r->active_epoch);
}

static void
apply_tell_leader(struct raft *r)
{
    if (r->told_epoch == r->election.epoch && r->told_leader == r->election.leader_id) return;
    CHECK(r->election.epoch >= r->told_epoch);
    r->told_epoch = r->election.epoch;
    r->told_leader = r->election.leader_id;
    if (r->ops->leader_changed) r->ops->leader_changed(r->owner, r->told_epoch, r->told_leader);
}

static void
tell_caught_up(struct raft *r)
{
    if (r->applied < r->high_watermark || r->told_caught_up >= r->applied) return;
    r->told_caught_up = r->applied;
    if (r->ops->caught_up) r->ops->caught_up(r->owner, r->applied);
}

static void
tell_active(struct raft *r)
{
    if (r->is_active || r->state != RAFT_LEADER || r->applied <= r->epoch_start) return;
    r->is_active = true;
    r->active_epoch = r->election.epoch;
    if (r->ops->became_leader) r->ops->became_leader(r->owner, r->active_epoch);
}

void
apply_run(struct task *t)
{
    struct raft *r = CONTAINER_OF(t, struct raft, pump);
    if (!r->is_opened || r->is_closing) return;
    do {
        tell_resigned(r);
        apply_tell_leader(r);
        tell_caught_up(r);
        tell_active(r);
    } while (apply_fresh(r));
    if (r->is_closing) return;
    serve_fetches(r);
    apply_load(r);
}
