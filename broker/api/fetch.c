/* Fetch, of consumers and followers: finds what can be read of each partition, in order, within the
 * limits; with less than MinBytes waits until more is there or MaxWaitMs have passed, and reads anew.
 * Records leave as ranges of files, never through memory. */
#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/base/check.h"
#include "broker/protocol/codec.h"

struct fetch;

struct part {
    struct fetch *fetch;
    const struct k_fetch_request_fetch_partition *q;
    struct uuid topic_id;
    struct slice topic;
    struct k_fetch_response_partition_data *answer;
    struct fetch_waiter waiter;
    struct log_range range;
};

struct fetch {
    struct request *r;
    const struct k_fetch_request *q;
    struct k_fetch_response response;
    struct part *parts;
    int32_t parts_n, at; /* being read */
    int32_t replica_id;
    int64_t replica_epoch;
    int64_t max_bytes, min_bytes; /* as the request has them, within our own limit */
    int64_t budget, bytes;
    struct log_read read;
    int32_t read_epoch; /* the leader epoch under which it was begun */
    struct timer timer;
    struct task again;
    bool answer_now;    /* an error, a divergence: nothing to wait for */
    bool expired, seen; /* the followers' positions have been taken in */
    bool reading;       /* a round is under way, perhaps in the middle of a read … */
    bool woken;         /* … and something came for a partition that it has passed */
};

static bool
is_follower(const struct fetch *f)
{
    return f->replica_id >= 0;
}

static void fetch_read_on(struct fetch *f);

/* ---- the end ---- */

static void
release_ranges(struct fetch *f)
{
    for (int32_t i = 0; i < f->parts_n; i++) log_range_release(&f->parts[i].range);
}

/* Ranges that were cut meanwhile must not be sent. */
static bool
ranges_are_whole(struct request *r)
{
    const struct fetch *f = r->owner;
    for (int32_t i = 0; i < f->parts_n; i++) {
        const struct log_range *range = &f->parts[i].range;
        if (range->segment && !log_range_is_valid(range)) return false;
    }
    return true;
}

static void
let_ranges_go(struct request *r)
{
    release_ranges(r->owner);
}

static void
fetch_stop_waiting(struct fetch *f)
{
    for (int32_t i = 0; i < f->parts_n; i++) fetch_waiter_cancel(&f->parts[i].waiter);
}

static void
fetch_answer(struct fetch *f)
{
    fetch_stop_waiting(f);
    defer_cancel(&f->again);
    timer_cancel(f->r->server->env, &f->timer);
    f->r->owner = f;
    f->r->gone = NULL;
    f->r->is_whole = ranges_are_whole;
    f->r->let_go = let_ranges_go;
    request_answer(f->r, &f->response);
}

/* ---- waiting ---- */

/* One round at a time: a second one would begin a read on top of the one that is under way. */
static void
fetch_look_again(struct fetch *f)
{
    f->woken = true;
    if (!f->reading) defer(f->r->server->env, &f->again);
}

static void
wake(struct fetch_waiter *w)
{
    fetch_look_again(CONTAINER_OF(w, struct part, waiter)->fetch);
}

static void
fetch_read_again(struct task *t)
{
    struct fetch *f = CONTAINER_OF(t, struct fetch, again);
    fetch_stop_waiting(f);
    f->at = 0;
    f->bytes = 0;
    f->answer_now = false;
    fetch_read_on(f);
}

static void
expired(struct timer *t)
{
    struct fetch *f = CONTAINER_OF(t, struct fetch, timer);
    f->expired = true;
    fetch_look_again(f);
}

static void
fetch_client_gone(struct request *r)
{
    struct fetch *f = r->owner;
    f->expired = true;
    fetch_look_again(f);
}

static void
wait_for_more(struct fetch *f)
{
    struct server *s = f->r->server;
    release_ranges(f);
    if (f->woken) {
        defer(s->env, &f->again);
        return;
    }
    if (timer_is_armed(&f->timer)) return;
    f->timer.due = expired;
    timer_arm(s->env, &f->timer, env_now_ns(s->env) + (int64_t)f->q->max_wait_ms * NS_PER_MS);
}

static void
all_read(struct fetch *f)
{
    f->seen = true;
    f->reading = false;
    bool enough = f->bytes >= f->min_bytes || f->answer_now || f->expired ||
                  f->q->max_wait_ms <= 0 || f->parts_n == 0;
    if (enough) fetch_answer(f);
    else wait_for_more(f);
}

/* ---- one partition ---- */

static void
fetch_fail_part(struct part *part, int16_t err)
{
    part->answer->error_code = err;
    part->answer->high_watermark = -1;
    part->fetch->answer_now = true;
    if (err != K_ERR_NOT_LEADER_OR_FOLLOWER && err != K_ERR_FENCED_LEADER_EPOCH) return;
    if (part->fetch->r->version < 16) return; /* KIP-951 */
    const struct image_partition *ip = lookup_image_partition(
        part->fetch->r->server, part->topic_id, part->topic, part->q->partition);
    if (!ip) return;
    part->answer->current_leader.leader_id = ip->leader;
    part->answer->current_leader.leader_epoch = ip->leader_epoch;
}

/* Who may be served: followers and old consumers by the leader only, consumers from version 11 on by
 * any replica (KIP-392). */
static int16_t
fetch_check_role(struct fetch *f, struct partition *p, const struct part *part)
{
    int16_t err = partition_check_leader(p, part->q->current_leader_epoch);
    if (err == K_ERR_NOT_LEADER_OR_FOLLOWER && p->role == PARTITION_FOLLOWER && !is_follower(f) &&
        f->r->version >= 11)
        return 0;
    if (!err && is_follower(f) && !partition_has_replica(p, f->replica_id))
        /* KAFKA-13102: our metadata may be behind the follower's. */
        return part->q->current_leader_epoch >= 0 ? K_ERR_UNKNOWN_LEADER_EPOCH
                                                  : K_ERR_NOT_LEADER_OR_FOLLOWER;
    return err;
}

static void
fill_offsets(struct part *part, struct partition *p)
{
    part->answer->high_watermark = p->high_watermark;
    part->answer->last_stable_offset = commitlog_stable_offset(&p->log, p->high_watermark);
    part->answer->log_start_offset = commitlog_start(&p->log);
}

/* KIP-595: the last fetched epoch tells whether the reader's log is still a prefix of ours. */
static bool
check_divergence(struct part *part, struct partition *p)
{
    if (part->q->last_fetched_epoch < 0) return false;
    /* Before our first record nothing can be compared: OFFSET_OUT_OF_RANGE says so, and begins anew. */
    if (part->q->fetch_offset < commitlog_start(&p->log)) return false;
    struct epoch_end end =
        commitlog_epoch_end(&p->log, part->q->last_fetched_epoch, commitlog_written_end(&p->log));
    if (end.epoch < 0) {
        fetch_fail_part(part, K_ERR_OFFSET_OUT_OF_RANGE);
        return true;
    }
    if (!fetch_diverges(end, part->q->last_fetched_epoch, part->q->fetch_offset)) return false;
    part->answer->diverging_epoch.epoch = end.epoch;
    part->answer->diverging_epoch.end_offset = end.end_offset;
    fill_offsets(part, p);
    part->fetch->answer_now = true;
    return true;
}

static int16_t
read_error(enum log_err err)
{
    switch (err) {
    case LOG_E_OUT_OF_RANGE: return K_ERR_OFFSET_OUT_OF_RANGE;
    case LOG_E_CLOSED: return K_ERR_NOT_LEADER_OR_FOLLOWER;
    case LOG_E_CORRUPT: return K_ERR_CORRUPT_MESSAGE;
    default: return K_ERR_KAFKA_STORAGE_ERROR;
    }
}

static void
fetch_take_range(struct part *part, struct partition *p)
{
    struct fetch *f = part->fetch;
    const struct log_read *rd = &f->read;
    /* A cut elsewhere in the segment ended the read: what it asked for is there, or will be. */
    bool in_range =
        rd->offset >= commitlog_start(&p->log) && rd->offset <= commitlog_written_end(&p->log);
    bool again = rd->err == LOG_E_BUSY || (rd->err == LOG_E_OUT_OF_RANGE && in_range);
    if (rd->err != LOG_OK && !again) {
        fetch_fail_part(part, read_error(rd->err));
        return;
    }
    fill_offsets(part, p);
    part->range = rd->range;
    if (rd->range.n > 0) {
        part->answer->records.file = rd->range.file;
        part->answer->records.offset = rd->range.offset;
        part->answer->records.n = rd->range.n;
        f->bytes += rd->range.n;
        f->budget -= rd->range.n;
    }
}

static void
fetch_part_done(struct part *part)
{
    part->fetch->at++;
}

static void
was_read(struct log_read *rd)
{
    struct fetch *f = CONTAINER_OF(rd, struct fetch, read);
    struct part *part = &f->parts[f->at];
    int16_t err = 0;
    struct partition *p =
        lookup_partition(f->r->server, part->topic_id, part->topic, part->q->partition, &err);
    /* Another epoch, perhaps another role: what was read, or found to be cut off, is no answer to what
     * was asked then; above all it is no OFFSET_OUT_OF_RANGE, which makes consumers start over. */
    if (p && p->leader_epoch != f->read_epoch) err = K_ERR_NOT_LEADER_OR_FOLLOWER;
    if (err) {
        log_range_release(&rd->range);
        fetch_fail_part(part, err);
    } else {
        fetch_take_range(part, p);
    }
    fetch_part_done(part);
    fetch_read_on(f);
}

/* True: done with this partition; false: the log will call was_read(). */
static bool
read_part(struct part *part)
{
    struct fetch *f = part->fetch;
    int16_t err = 0;
    struct partition *p =
        lookup_partition(f->r->server, part->topic_id, part->topic, part->q->partition, &err);
    if (p) err = fetch_check_role(f, p, part);
    /* KIP-98: whoever reads uncommitted records is told of no aborted transactions, not of none. */
    if (p && f->q->isolation_level == 0) part->answer->aborted_transactions_n = -1;
    if (err) {
        fetch_fail_part(part, err);
        return true;
    }
    /* Before looking: what comes while another partition is read must not be missed. */
    part->waiter.wake = wake;
    part->waiter.is_follower = is_follower(f);
    list_push_back(&p->fetch_waiters, &part->waiter.node);
    if (check_divergence(part, p)) return true;
    int64_t offset = part->q->fetch_offset;
    if (offset < commitlog_start(&p->log) || offset > commitlog_written_end(&p->log)) {
        fetch_fail_part(part, K_ERR_OFFSET_OUT_OF_RANGE);
        part->answer->log_start_offset = commitlog_start(&p->log);
        return true;
    }
    /* What it asks for is what it has written (replica/isr_decision.c): before the read, so that the
     * answer has the watermark that this fetch brought about. */
    if (is_follower(f) && !f->seen)
        partition_fetched_by(p, f->replica_id, f->replica_epoch, offset, part->q->log_start_offset);
    int64_t limit = partition_read_limit(p, is_follower(f), f->q->isolation_level == 1);
    int64_t max = MIN((int64_t)part->q->partition_max_bytes, f->budget);
    bool min_one = f->bytes == 0;
    if (offset >= limit || (max <= 0 && !min_one)) {
        fill_offsets(part, p);
        return true;
    }
    f->read = (struct log_read){.done = was_read,
                                .offset = offset,
                                .limit = limit,
                                .max_bytes = MAX(max, 0),
                                .min_one = min_one,
                                .yields = !is_follower(f)};
    f->read_epoch = p->leader_epoch;
    if (!commitlog_read(&p->log, &f->read)) return false;
    fetch_take_range(part, p);
    return true;
}

static void
fetch_blank_part(struct part *part)
{
    part->answer->partition_index = part->q->partition;
    part->answer->records.bytes = SLICE_EMPTY;
    part->range = (struct log_range){0};
}

static void
fetch_read_on(struct fetch *f)
{
    if (f->at == 0) {
        f->budget = f->max_bytes;
        f->reading = true;
        f->woken = false;
    }
    while (f->at < f->parts_n) {
        struct part *part = &f->parts[f->at];
        if (f->seen) codec_default_struct(K_STRUCT_FETCH_RESPONSE_PARTITION_DATA, part->answer);
        fetch_blank_part(part);
        if (!read_part(part)) return;
        fetch_part_done(part);
    }
    all_read(f);
}

/* ---- the beginning ---- */

static void
fetch_make_parts(struct fetch *f)
{
    const struct k_fetch_request *q = f->q;
    struct arena *a = &f->r->arena;
    for (int32_t i = 0; i < q->topics_n; i++) f->parts_n += q->topics[i].partitions_n;
    f->parts = REQUEST_ARRAY(f->r, struct part, f->parts_n);
    f->response.responses_n = q->topics_n;
    f->response.responses =
        codec_array(a, K_STRUCT_FETCH_RESPONSE_FETCHABLE_TOPIC_RESPONSE, q->topics_n);
    int32_t n = 0;
    for (int32_t i = 0; i < q->topics_n; i++) {
        const struct k_fetch_request_fetch_topic *t = &q->topics[i];
        struct k_fetch_response_fetchable_topic_response *answer = &f->response.responses[i];
        answer->topic = t->topic;
        answer->topic_id = t->topic_id;
        answer->partitions_n = t->partitions_n;
        answer->partitions =
            codec_array(a, K_STRUCT_FETCH_RESPONSE_PARTITION_DATA, t->partitions_n);
        for (int32_t k = 0; k < t->partitions_n; k++)
            f->parts[n++] = (struct part){.fetch = f,
                                          .q = &t->partitions[k],
                                          .topic_id = t->topic_id,
                                          .topic = f->r->version < 13 ? t->topic : SLICE_NULL,
                                          .answer = &answer->partitions[k]};
    }
}

void
handle_fetch(struct server *s, struct request *r)
{
    struct fetch *f = REQUEST_NEW(r, struct fetch);
    f->r = r;
    f->q = r->message;
    r->owner = f;
    r->gone = fetch_client_gone;
    f->again.run = fetch_read_again;
    f->replica_id = r->version >= 15 ? f->q->replica_state.replica_id : f->q->replica_id;
    f->replica_epoch = r->version >= 15 ? f->q->replica_state.replica_epoch : -1;
    codec_default(K_MSG_FETCH_RESPONSE, &f->response);
    if (is_follower(f) && image_broker(s->image, f->replica_id)) request_is_of_follower(r);
    /* Enough is what fits, and nobody need wait for more. */
    f->max_bytes = MIN((int64_t)f->q->max_bytes, config_i64(s->config, K_CFG_FETCH_MAX_BYTES));
    f->min_bytes = MIN((int64_t)f->q->min_bytes, f->max_bytes);
    /* Sessions (KIP-227) are not kept: id 0 tells a client to name all its partitions each time. Whoever
     * begins a session (epoch 0) or ends one (-1) does that already, whatever session it had elsewhere. */
    if (f->q->session_epoch != 0 && f->q->session_epoch != -1) {
        f->response.error_code = K_ERR_FETCH_SESSION_ID_NOT_FOUND;
        request_answer(r, &f->response);
        return;
    }
    fetch_make_parts(f);
    fetch_read_on(f);
}
