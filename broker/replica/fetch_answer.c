/* What is done with what came: it is appended, or the log is cut where it parts from the leader's, or the leader is asked where
 * its log begins and ends. */
#include "broker/replica/fetcher_own.h"

#include "broker/base/check.h"
#include "broker/record/batch.h"
#include "broker/replica/missing_records.h"
#include "configs.h"
#include "apis.h"
#include "errors.h"

#define LIST_OFFSETS_VERSION 9

/* ---- what came ---- */

static void
part_failed(struct partition *p, int16_t err)
{
    fetcher_name(p->fetcher, p);
    if (err == K_ERR_OFFSET_OUT_OF_RANGE) {
        MARK(p->env, FOLLOWER_OUT_OF_RANGE);
        p->needs_offsets = true; /* fetcher_proceed() asks for them */
    } else /* Stale epochs, moved leaders: the metadata log will say more; ask again meanwhile. */
        fetcher_back_off_alone(p, err);
}

/* As in Kafka the next Fetch waits for the cut: it may be answered only after replica.fetch.wait.max.ms, and
 * until this partition is in one again, acks=all and its high watermark stand still. */
static void
cut_meanwhile(struct fetcher *f, struct partition *p, int64_t offset, bool fully)
{
    f->cuts++;
    p->cut_for = f;
    p->fetch_from = 0;
    partition_cut(p, offset, fully);
}

void
fetcher_cut_is_over(struct partition *p)
{
    struct fetcher *f = p->cut_for;
    if (!f) return;
    p->cut_for = NULL;
    CHECK(f->cuts > 0);
    f->cuts--;
    if (!f->stopping) defer(p->env, &f->again);
}

static void
part_diverged(struct fetcher *f, struct partition *p,
              const struct k_fetch_response_epoch_end_offset *d)
{
    struct epoch_end at_leader = {d->epoch, d->end_offset};
    int64_t end = commitlog_assigned_end(&p->log);
    struct epoch_end local = commitlog_epoch_end(&p->log, d->epoch, end);
    MARK(p->env, LOG_DIVERGED);
    cut_meanwhile(f, p, truncation_offset(at_leader, local, end, p->high_watermark), false);
}

/* The leader's log begins in the middle of what came: then ours begins anew where that batch does. */
static bool
begin_with_batch(struct fetcher *f, struct partition *p, struct slice batches)
{
    struct batch_header h;
    int64_t start = commitlog_start(&p->log), end = commitlog_assigned_end(&p->log);
    if (batch_parse(batches, &h) != BATCH_OK ||
        !begins_within_batch(start, end, h.base_offset, batch_last_offset(&h)))
        return false;
    MARK(p->env, LOG_BEGINS_WITHIN);
    cut_meanwhile(f, p, h.base_offset, true);
    p->fetch_from = end;
    return true;
}

/* An answer to what was asked from a hole on. */
static void
take_what_is_in_hole(struct fetcher *f, struct partition *p, struct log_hole hole,
                     struct slice records)
{
    struct batch_span span;
    int64_t first = batch_peek(records, &span) == BATCH_OK ? span.base_offset : -1;
    MARK(p->env, HOLE_ASKED_FOR);
    switch (hole_step(hole.to, first)) {
    case HOLE_ASK_AGAIN: break;
    case HOLE_IS_THERE: commitlog_shrink_hole(&p->log, hole.to); break;
    case HOLE_CUT: cut_meanwhile(f, p, hole.from, hole.from <= commitlog_start(&p->log)); break;
    }
}

static void
take_part(struct fetcher *f, struct uuid topic_id, const struct k_fetch_response_partition_data *d,
          struct buf *from)
{
    struct partition *p = replicas_find(f->r, topic_id, d->partition_index);
    /* It may have left meanwhile, or follow somebody else or in another epoch: then what came is
     * not for it. */
    if (!p || p->fetcher != f || p->role != PARTITION_FOLLOWER || p->life == PARTITION_CUTTING)
        return;
    if (p->fetching_epoch != p->leader_epoch) return;
    if (d->error_code) {
        fetcher_refused(f, d->error_code, p->label);
        part_failed(p, d->error_code);
        return;
    }
    p->fetch_refusals = 0;
    if (d->diverging_epoch.epoch >= 0 || d->diverging_epoch.end_offset >= 0) {
        part_diverged(f, p, &d->diverging_epoch);
        return;
    }
    struct log_hole hole;
    int64_t end = commitlog_settled_end(&p->log);
    if (p->asked_from != end) {
        /* What came does not follow our end. It was asked for because of a hole, or is of no use. */
        fetcher_name(f, p);
        if (fetcher_has_hole(p, &hole) && hole.from == p->asked_from)
            take_what_is_in_hole(f, p, hole, d->records.bytes);
        return;
    }
    if (d->records.bytes.n > 0) {
        struct seg seg = {.buf = from, .bytes = d->records.bytes};
        fetcher_name(f, p);
        enum log_err err = commitlog_append_fetched(&p->log, &seg, 1, p->leader_epoch);
        if (err == LOG_E_NOT_CONTIGUOUS && begin_with_batch(f, p, d->records.bytes)) return;
        if (err == LOG_OK) p->fetch_from = 0;
        if (err != LOG_OK) {
            NOTE(p->env, NOTE_LOG_MESSAGE, p->label, slice_cstr(log_err_text(err)), 2);
            fetcher_back_off_alone(p, K_ERR_KAFKA_STORAGE_ERROR);
        }
    }
    partition_follow(p, d->high_watermark, d->log_start_offset);
}

static bool
is_of_session(int16_t err)
{
    return err == K_ERR_NONE || err == K_ERR_FETCH_SESSION_ID_NOT_FOUND ||
           err == K_ERR_INVALID_FETCH_SESSION_EPOCH || err == K_ERR_FETCH_SESSION_TOPIC_ID_ERROR;
}

void
fetcher_answered(struct call *call, enum env_err err, struct slice body, struct buf *from)
{
    struct fetcher *f = CONTAINER_OF(call, struct fetcher, call);
    if (f->stopping) return;
    f->state = FETCHER_IDLE;
    struct k_fetch_response res;
    struct arena *a = &f->r->env->scratch;
    if (f->refused_with) fetcher_refused(f, K_ERR_NONE, SLICE_EMPTY);
    bool was_full = follower_session_is_full(&f->session);
    if (err != ENV_OK || !call_decode(call, body, a, &res)) {
        if (err == ENV_OK) fetcher_refused(f, K_ERR_NONE, SLICE_EMPTY);
        follower_session_lost(&f->session);
        fetcher_back_off(f);
        return;
    }
    if (!follower_session_answered(&f->session, res.error_code, res.session_id)) {
        /* A session that is gone or out of step: at once anew, with all partitions. */
        if (!was_full && is_of_session(res.error_code)) {
            MARK(f->r->env, FETCH_SESSION_LOST);
            fetcher_proceed(f);
            return;
        }
        fetcher_refused(f, res.error_code, SLICE_EMPTY);
        fetcher_back_off(f);
        return;
    }
    f->state = FETCHER_WRITING;
    for (int32_t i = 0; i < res.responses_n; i++)
        for (int32_t k = 0; k < res.responses[i].partitions_n; k++)
            take_part(f, res.responses[i].topic_id, &res.responses[i].partitions[k], from);
    if (f->refused_with == K_ERR_NONE) wait_end(&f->wait);
    fetcher_proceed(f);
}

/* ---- out of range: where does the leader's log end and begin? ---- */

enum { ASK_LATEST = -1, ASK_EARLIEST = -2 };

static void ask_offsets(struct partition *p, int64_t of);

/* As in Kafka: who has more than the leader (which can only be after an unclean election) cuts what is
 * too much; whose end lies before the leader's first record begins anew there. */
static void
take_offset(struct fetcher *f, struct partition *p, int64_t offset)
{
    int64_t end = commitlog_assigned_end(&p->log);
    if (f->offsets_of == ASK_LATEST && offset >= end) {
        ask_offsets(p, ASK_EARLIEST);
        return;
    }
    p->needs_offsets = false;
    struct log_hole hole;
    if (f->offsets_of == ASK_LATEST) cut_meanwhile(f, p, offset, false);
    else if (offset > end) cut_meanwhile(f, p, offset, true);
    else if (commitlog_first_hole(&p->log, &hole) && offset > hole.from)
        commitlog_shrink_hole(&p->log, MIN(offset, hole.to)); /* it has deleted some of them */
    else fetcher_back_off_alone(p, K_ERR_OFFSET_OUT_OF_RANGE);
}

static void
take_offsets(struct fetcher *f, const struct k_list_offsets_response *res)
{
    for (int32_t i = 0; i < res->topics_n; i++) {
        for (int32_t k = 0; k < res->topics[i].partitions_n; k++) {
            const struct k_list_offsets_response_list_offsets_partition_response *d =
                &res->topics[i].partitions[k];
            struct partition *p =
                replicas_find_by_name(f->r, res->topics[i].name, d->partition_index);
            if (!p || p->fetcher != f || !p->needs_offsets) continue;
            if (!d->error_code && d->offset >= 0 && p->fetching_epoch == p->leader_epoch) {
                take_offset(f, p, d->offset);
                continue;
            }
            p->needs_offsets = false;
            fetcher_back_off_alone(p, d->error_code);
        }
    }
}

void
fetcher_ask_next_offsets(struct fetcher *f)
{
    LIST_EACH(&f->to_name, p, struct partition, to_name) {
        if (!p->needs_offsets || p->life == PARTITION_CUTTING) continue;
        ask_offsets(p, ASK_LATEST);
        return;
    }
}

static void
offsets_answered(struct call *call, enum env_err err, struct slice body, struct buf *from)
{
    (void)from;
    struct fetcher *f = CONTAINER_OF(call, struct fetcher, offsets_call);
    if (f->stopping) return;
    struct k_list_offsets_response res;
    if (err != ENV_OK || !call_decode(call, body, &f->r->env->scratch, &res)) {
        fetcher_back_off(f); /* and then asked again */
        return;
    }
    take_offsets(f, &res);
    fetcher_proceed(f);
}

static void
ask_offsets(struct partition *p, int64_t of)
{
    struct fetcher *f = p->fetcher;
    p->needs_offsets = true;
    if (call_is_pending(&f->offsets_call)) return;
    struct arena *a = &f->r->env->scratch;
    struct k_list_offsets_request q;
    codec_default(K_MSG_LIST_OFFSETS_REQUEST, &q);
    q.replica_id = f->r->node_id;
    q.topics_n = 1;
    q.topics = codec_array(a, K_STRUCT_LIST_OFFSETS_REQUEST_LIST_OFFSETS_TOPIC, 1);
    q.topics[0].name = p->topic;
    q.topics[0].partitions_n = 1;
    q.topics[0].partitions =
        codec_array(a, K_STRUCT_LIST_OFFSETS_REQUEST_LIST_OFFSETS_PARTITION, 1);
    q.topics[0].partitions[0].partition_index = p->index;
    q.topics[0].partitions[0].current_leader_epoch = p->leader_epoch;
    q.topics[0].partitions[0].timestamp = of;
    f->offsets_of = of;
    p->fetching_epoch = p->leader_epoch;
    f->offsets_call.done = offsets_answered;
    if (!channel_call(&f->channel, &f->offsets_call, K_API_LIST_OFFSETS, LIST_OFFSETS_VERSION, &q,
                      config_i64(f->r->config, K_CFG_REPLICA_SOCKET_TIMEOUT_MS), NULL))
        UNREACHABLE();
}
