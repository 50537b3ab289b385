#include "broker/replica/partition.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/replica/fetcher.h"
#include "broker/replica/missing_records.h"
#include "broker/replica/replicas.h"
#include "errors.h"

bool
isr_has(const struct isr *s, int32_t id)
{
    for (int32_t i = 0; i < s->n; i++)
        if (s->v[i] == id) return true;
    return false;
}

static void
isr_set(struct isr *s, struct ids ids)
{
    s->n = MIN(ids.n, REPLICAS_MAX);
    if (s->n) memcpy(s->v, ids.v, (size_t)s->n * sizeof *s->v);
}

void
append_waiter_cancel(struct append_waiter *w)
{
    list_remove(&w->node);
}

void
fetch_waiter_cancel(struct fetch_waiter *w)
{
    list_remove(&w->node);
}

/* Tells everybody who waits that nothing will come of it here. */
static void
fail_waiters(struct partition *p, int16_t err)
{
    struct list gone;
    list_init(&gone);
    if (!list_is_empty(&p->append_waiters)) MARK(p->env, APPENDS_ABANDONED);
    for (struct list *n; (n = list_pop_front(&p->append_waiters)) != NULL;)
        list_push_back(&gone, n);
    for (struct list *n; (n = list_pop_front(&gone)) != NULL;) {
        struct append_waiter *w = LIST_ENTRY(n, struct append_waiter, node);
        w->done(w, err);
    }
    partition_fail_deletions(p, err);
    partition_tell_readers(p, FETCH_NEWS_ROLE);
}

void
partition_tell_readers(struct partition *p, enum fetch_news news)
{
    LIST_EACH(&p->fetch_waiters, w, struct fetch_waiter, node) w->hear(w, news);
}

static void
note_stable(struct partition *p)
{
    int64_t stable = commitlog_stable_offset(&p->log, p->high_watermark);
    if (stable < p->high_watermark)
        NOTE(p->env, NOTE_PARTITION_STABLE, p->label, SLICE_NULL, stable, p->high_watermark,
             p->leader_epoch);
}

void
partition_set_high_watermark(struct partition *p, int64_t hw)
{
    if (hw == p->high_watermark) return;
    CHECK(hw >= 0);
    CHECK(hw <= commitlog_assigned_end(&p->log));
    CHECK(!partition_is_leader(p) || hw > p->high_watermark);
    p->high_watermark = hw;
    NOTE(p->env, NOTE_PARTITION_HW, p->label, SLICE_NULL, hw, p->leader_epoch,
         partition_is_leader(p), commitlog_written_end(&p->log));
    if (partition_is_leader(p) && note_is_wanted(p->env, NOTE_PARTITION_STABLE)) note_stable(p);
}

void
partition_live(struct partition *p, enum partition_life life)
{
    CHECK(partition_life_may_follow(p->life, life));
    CHECK(partition_role_lasts_in(life, p->role));
    p->life = life;
}

static void
take_role(struct partition *p, enum partition_role role)
{
    CHECK(partition_role_may_follow(p->role, role));
    CHECK(partition_role_begins_in(p->life, role));
    p->role = role;
}

static void
note_role(struct partition *p)
{
    char id[UUID_TEXT_BYTES];
    uuid_print(p->topic_id, id);
    NOTE(p->env, NOTE_PARTITION_ROLE, p->label, slice(id, sizeof id), p->role, p->leader_id,
         p->leader_epoch, p->partition_epoch);
}

static void
note_isr(struct partition *p)
{
    if (!p->env->notes_on) return;
    char text[REPLICAS_MAX * 12];
    struct writer w = writer_fixed(text, sizeof text);
    for (int32_t i = 0; i < p->isr.n; i++) {
        if (i) fmt_char(&w, ',');
        fmt_i64(&w, p->isr.v[i]);
    }
    NOTE(p->env, NOTE_PARTITION_ISR, p->label, writer_slice(&w), p->leader_epoch,
         p->partition_epoch, p->isr.n);
}

static void
tell_role(struct partition *p)
{
    if (p->owner->role_changed) p->owner->role_changed(p->owner->role_owner, p);
}

/* What this broker knows of the others begins anew with each epoch: a follower counts as caught up now
 * if it is in sync, so that it has the full lag time to show itself. */
static void
add_follower(struct partition *p, int32_t id)
{
    struct follower f = {.broker_id = id,
                         .progress = {.log_end = -1,
                                      .log_start = -1,
                                      .leader_end_then = -1,
                                      .broker_epoch = -1,
                                      .fetched_ns = INT64_MIN / 2}};
    f.progress.caught_up_ns = isr_has(&p->isr, id) ? env_now_ns(p->env) : INT64_MIN / 2;
    VEC_PUSH(&p->env->mem, &p->followers, f);
}

/* Replicas may come and go within an epoch (a reassignment): who stays keeps what is known of it. */
static void
match_followers(struct partition *p)
{
    for (int64_t i = p->followers.n; i-- > 0;)
        if (!isr_has(&p->replicas, p->followers.v[i].broker_id)) VEC_REMOVE_AT(&p->followers, i);
    for (int32_t i = 0; i < p->replicas.n; i++) {
        int32_t id = p->replicas.v[i];
        bool known = id == p->owner->node_id;
        for (int64_t k = 0; k < p->followers.n && !known; k++)
            known = p->followers.v[k].broker_id == id;
        if (!known) add_follower(p, id);
    }
}

static void
take_isr(struct partition *p, const struct image_partition *ip)
{
    p->partition_epoch = ip->partition_epoch;
    isr_set(&p->replicas, ip->replicas);
    isr_set(&p->isr, ip->isr);
    p->isr_state = ISR_COMMITTED;
    list_remove(&p->alter);
    note_isr(p);
}

/* The epoch only grows: what an earlier one began has been refused by then, and must stay refused. */
static void
take_leader(struct partition *p, const struct image_partition *ip)
{
    CHECK(ip->leader_epoch >= p->leader_epoch);
    CHECK(!p->fetcher);
    p->leader_id = ip->leader;
    p->leader_epoch = ip->leader_epoch;
}

static void
tell_later_epoch(const struct partition *p)
{
    MARK(p->env, LOG_EPOCH_AHEAD);
    struct writer w = writer_mem(&p->env->mem);
    fmt_str(&w, "leads in epoch ");
    fmt_i64(&w, p->leader_epoch);
    fmt_str(&w, ", and its log has a batch of epoch ");
    fmt_i64(&w, commitlog_latest_epoch(&p->log));
    fmt_str(&w, ": that is spoilt, or the metadata log is an old one; it goes on in its own");
    NOTE(p->env, NOTE_LOG_MESSAGE, p->label, writer_slice(&w), 2);
    writer_release(&w);
}

/* The offsets of records that vanished from the end of the log are not given out again. */
static void
fill_what_vanished(struct partition *p)
{
    int64_t end = commitlog_assigned_end(&p->log);
    if (missing_records_skip(commitlog_start(&p->log), end, p->vanished_end) != MISSING_FILL)
        return;
    if (commitlog_append_nothing(&p->log, p->vanished_end, p->leader_epoch) != LOG_OK) return;
    MARK(p->env, VANISHED_SKIPPED);
    struct writer w = writer_mem(&p->env->mem);
    fmt_str(&w, "leads, and goes on at offset ");
    fmt_i64(&w, p->vanished_end);
    fmt_str(&w, ": there are no records from ");
    fmt_i64(&w, end);
    fmt_str(&w, " on");
    NOTE(p->env, NOTE_LOG_MESSAGE, p->label, writer_slice(&w), 2);
    writer_release(&w);
}

static void
become_leader(struct partition *p, const struct image_partition *ip)
{
    bool new_epoch = p->role != PARTITION_LEADER || ip->leader_epoch > p->leader_epoch;
    if (!new_epoch) {
        /* The same epoch with another ISR: what we asked for, or what the controller did by itself. */
        if (ip->partition_epoch <= p->partition_epoch) return;
        take_isr(p, ip);
        match_followers(p);
        partition_tell_readers(p, FETCH_NEWS_STANDING);
        partition_try_advance(p);
        partition_look_deleted(p);
        return;
    }
    fetcher_leave(p);
    take_role(p, PARTITION_LEADER);
    take_leader(p, ip);
    /* KIP-101: the epoch's start is known before anything is appended under it. */
    if (commitlog_latest_epoch(&p->log) > p->leader_epoch) tell_later_epoch(p);
    commitlog_begin_epoch(&p->log, p->leader_epoch);
    p->epoch_start = commitlog_assigned_end(&p->log);
    fill_what_vanished(p);
    take_isr(p, ip);
    p->followers.n = 0;
    match_followers(p);
    note_role(p);
    fail_waiters(p, K_ERR_NOT_LEADER_OR_FOLLOWER);
    tell_role(p);
    partition_try_advance(p);
}

const struct image_partition *
partition_in_image(const struct partition *p)
{
    const struct image_topic *t = image_topic_by_id(p->owner->image, p->topic_id);
    return t ? image_topic_partition(t, p->index) : NULL;
}

/* Nothing is cut any more; what the metadata log said meanwhile is taken over now. */
static void
partition_cut_is_over(struct partition *p)
{
    struct cut_waiter *waiter = p->cut_waiter;
    p->cut_waiter = NULL;
    if (p->life == PARTITION_CUTTING) partition_live(p, PARTITION_OPEN);
    fetcher_cut_is_over(p);
    if (p->life == PARTITION_DOOMED) {
        replicas_drop(p);
    } else if (waiter) {
        waiter->done(waiter);
    } else if (p->role == PARTITION_FOLLOWER || p->role == PARTITION_NONE) {
        const struct image_partition *ip = partition_in_image(p);
        if (ip) partition_apply(p, ip);
        if (p->role == PARTITION_FOLLOWER && p->life == PARTITION_OPEN) fetcher_join(p);
    }
}

/* The cut is done and on disk no recovery point lies above it. */
static void
cut_is_safe(struct checkpoint_waiter *w)
{
    partition_cut_is_over(CONTAINER_OF(w, struct partition, checkpointed));
}

static void
was_cut(struct log_op *op, enum log_err err)
{
    struct partition *p = CONTAINER_OF(op, struct partition, log_op);
    if (err != LOG_OK) { /* offline: log_fail() has said so */
        partition_cut_is_over(p);
        return;
    }
    if (p->high_watermark > commitlog_assigned_end(&p->log))
        partition_set_high_watermark(p, commitlog_assigned_end(&p->log));
    if (p->high_watermark < commitlog_start(&p->log))
        partition_set_high_watermark(p, commitlog_start(&p->log));
    partition_tell_readers(p, FETCH_NEWS_ROLE);
    /* A batch goes as a whole: the log may end below `cut_to`. Else the files say this already. */
    p->checkpointed.done = cut_is_safe;
    replicas_checkpoint_now(p->owner, &p->checkpointed);
}

static void
checkpoints_are_lowered(struct checkpoint_waiter *w)
{
    struct partition *p = CONTAINER_OF(w, struct partition, checkpointed);
    if (p->life != PARTITION_CUTTING) { /* deleted meanwhile */
        partition_cut_is_over(p);
        return;
    }
    p->log_op.done = was_cut;
    if (p->is_cut_fully) commitlog_truncate_fully(&p->log, p->cut_to, &p->log_op);
    else commitlog_truncate(&p->log, p->cut_to, &p->log_op);
}

/* What is appended after the cut is not synced, although a recovery point written before it may lie above: after a
 * power loss recovery would trust it. So it is lowered, and before the cut: who dies in between and comes back with
 * a log that ends below its own recovery point must think that files are missing. (Kafka lowers it afterwards.) */
void
partition_cut(struct partition *p, int64_t offset, bool fully)
{
    fetcher_leave(p);
    partition_live(p, PARTITION_CUTTING);
    p->start_told = 0; /* the log may end below it; who is followed on tells it anew */
    p->cut_to = offset;
    p->is_cut_fully = fully;
    p->checkpointed.done = checkpoints_are_lowered;
    replicas_checkpoint_now(p->owner, &p->checkpointed);
}

static void
become_follower(struct partition *p, const struct image_partition *ip)
{
    bool same = p->role == PARTITION_FOLLOWER && ip->leader_epoch == p->leader_epoch &&
                ip->leader == p->leader_id;
    p->partition_epoch = ip->partition_epoch;
    isr_set(&p->replicas, ip->replicas);
    isr_set(&p->isr, ip->isr);
    if (same) return;
    fetcher_leave(p);
    take_role(p, PARTITION_FOLLOWER);
    take_leader(p, ip);
    p->isr_state = ISR_COMMITTED;
    p->needs_offsets = false;
    p->fetch_from = 0;
    p->start_told = 0;
    list_remove(&p->alter);
    note_role(p);
    fail_waiters(p, K_ERR_NOT_LEADER_OR_FOLLOWER);
    tell_role(p);
    if (p->leader_id == NO_LEADER) return;
    int64_t end = commitlog_assigned_end(&p->log);
    int64_t cut = truncation_on_becoming_follower(end, p->high_watermark);
    if (cut >= end) fetcher_join(p);
    else partition_cut(p, cut, false);
}

bool
partition_will_lead(const struct partition *p)
{
    if (p->life > PARTITION_ASIDE || p->role == PARTITION_OFFLINE) return false;
    const struct image_partition *ip = partition_in_image(p);
    return ip && ip->leader == p->owner->node_id;
}

void
partition_apply(struct partition *p, const struct image_partition *ip)
{
    if (p->life != PARTITION_OPEN || p->role == PARTITION_OFFLINE) return;
    if (ip->leader_epoch < p->leader_epoch) return;
    bool leads = ip->leader == p->owner->node_id;
    if (leads && missing_records_skip(commitlog_start(&p->log), commitlog_assigned_end(&p->log),
                                      p->vanished_end) == MISSING_BEGIN)
        partition_cut(p, p->vanished_end, true); /* and then it leads */
    else if (leads) become_leader(p, ip);
    else become_follower(p, ip);
}

void
partition_retire(struct partition *p)
{
    fetcher_leave(p);
    list_remove(&p->alter);
    take_role(p, PARTITION_NONE);
    note_role(p);
    fail_waiters(p, K_ERR_NOT_LEADER_OR_FOLLOWER);
    tell_role(p);
}

void
partition_fail(struct partition *p)
{
    fetcher_leave(p);
    list_remove(&p->alter);
    take_role(p, PARTITION_OFFLINE);
    note_role(p);
    /* Unknown to the client whether its records survive: others may have them. */
    fail_waiters(p, K_ERR_KAFKA_STORAGE_ERROR);
    tell_role(p);
}

void
partition_release(struct partition *p)
{
    struct mem *mem = &p->env->mem;
    CHECK(!partition_is_leader(p) && !p->fetcher);
    CHECK(list_is_empty(&p->append_waiters) && list_is_empty(&p->fetch_waiters));
    CHECK(list_is_empty(&p->ready_waiters) && list_is_empty(&p->deletion_waiters));
    CHECK(!list_is_linked(&p->to_open) && !list_is_linked(&p->dropping));
    CHECK(!list_is_linked(&p->alter) && !list_is_linked(&p->fetching));
    CHECK(!list_is_linked(&p->to_name));
    VEC_RELEASE(mem, &p->followers);
    mem_free_slice(mem, p->topic);
    mem_free_slice(mem, p->label);
}

int16_t
partition_check_leader(const struct partition *p, int32_t epoch)
{
    if (p->role == PARTITION_OFFLINE) return K_ERR_KAFKA_STORAGE_ERROR;
    if (p->role == PARTITION_NONE) return K_ERR_NOT_LEADER_OR_FOLLOWER;
    /* KIP-320: both sides must speak of the same epoch, whoever is behind. */
    if (epoch >= 0 && epoch < p->leader_epoch) return K_ERR_FENCED_LEADER_EPOCH;
    if (epoch >= 0 && epoch > p->leader_epoch) return K_ERR_UNKNOWN_LEADER_EPOCH;
    return partition_is_leader(p) ? 0 : K_ERR_NOT_LEADER_OR_FOLLOWER;
}

int64_t
partition_read_limit(const struct partition *p, bool is_follower, bool read_committed)
{
    if (is_follower) return commitlog_written_end(&p->log);
    if (read_committed) return commitlog_stable_offset(&p->log, p->high_watermark);
    return p->high_watermark;
}

void
partition_follow(struct partition *p, int64_t leader_high_watermark, int64_t leader_log_start)
{
    /* A follower's high watermark is its leader's, as far as it has the records. It only rises here: a new leader
     * may know a lower one for a while, but what was committed stays committed. */
    int64_t hw = MIN(leader_high_watermark, commitlog_assigned_end(&p->log));
    if (hw > p->high_watermark) {
        partition_set_high_watermark(p, hw);
        partition_tell_readers(p,
                               FETCH_NEWS_COMMITTED); /* consumers may read here, too (KIP-392) */
    }
    /* As far as it has the records: those that it takes as a leader later are not deleted. */
    p->start_told = leader_log_start <= commitlog_assigned_end(&p->log) ? leader_log_start : 0;
    partition_follow_start(p);
}

void
partition_follow_start(struct partition *p)
{
    /* A log does not begin behind what is written of it. The leader tells its start once, with records that are not
     * written yet (KIP-227: after them nothing changes), so it is kept until they are. Who comes to lead meanwhile goes by
     * it all the same, or gives readers again what was deleted. */
    if (p->start_told > commitlog_start(&p->log) && p->start_told <= commitlog_written_end(&p->log))
        (void)commitlog_advance_start(&p->log, p->start_told);
}
