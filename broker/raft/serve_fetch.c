/* Fetch of the metadata log, by voters and observers (KIP-595). The offset that a voter fetches from
 * says what it has on its disk. A fetch with nothing to give waits for data, for a higher high
 * watermark (Fetch 18 says which one is known, KIP-1166), or for its time. */
#include "broker/raft/state.h"

struct fetch_wait {
    struct raft_answer *answer; /* NULL: cancelled while reading */
    struct raft *raft;
    int32_t epoch;
    int64_t known_high_watermark;
    bool is_reading, is_refused;
    struct log_read read;
};

/* ---- answers ---- */

/* Who leads in which epoch, if that is durable. What a power loss would make us forget must not be told:
 * an observer that knew of a later epoch than the quorum would refuse its leader until the next election. */
static void
name_durable_leader(const struct raft *r, int32_t *ret_leader_id, int32_t *ret_epoch)
{
    if (!persist_is_durable(r)) return;
    *ret_leader_id = r->election.leader_id;
    *ret_epoch = r->election.epoch;
}

static struct k_fetch_response_partition_data *
new_response(struct raft *r, struct k_fetch_response *p)
{
    struct arena *a = &r->env->scratch;
    codec_default(K_MSG_FETCH_RESPONSE, p);
    p->responses_n = 1;
    p->responses = codec_array(a, K_STRUCT_FETCH_RESPONSE_FETCHABLE_TOPIC_RESPONSE, 1);
    p->responses[0].topic = RAFT_TOPIC;
    p->responses[0].topic_id = RAFT_TOPIC_ID;
    p->responses[0].partitions_n = 1;
    p->responses[0].partitions = codec_array(a, K_STRUCT_FETCH_RESPONSE_PARTITION_DATA, 1);
    struct k_fetch_response_partition_data *d = &p->responses[0].partitions[0];
    name_durable_leader(r, &d->current_leader.leader_id, &d->current_leader.leader_epoch);
    d->high_watermark = r->state == RAFT_LEADER ? r->high_watermark : -1;
    d->log_start_offset = commitlog_start(&r->log);
    d->records.bytes = SLICE_EMPTY;
    return d;
}

static void
add_leader(struct raft *r, struct k_fetch_response *p)
{
    struct raft_endpoint at;
    if (!persist_is_durable(r) || !raft_leader_endpoint(r, &at)) return;
    p->node_endpoints = codec_array(&r->env->scratch, K_STRUCT_FETCH_RESPONSE_NODE_ENDPOINT, 1);
    p->node_endpoints_n = 1;
    p->node_endpoints[0].node_id = r->election.leader_id;
    p->node_endpoints[0].host = at.host;
    p->node_endpoints[0].port = at.port;
}

static void
raft_fetch_refuse(struct raft *r, struct raft_answer *a, int16_t err)
{
    struct k_fetch_response p;
    new_response(r, &p)->error_code = err;
    add_leader(r, &p);
    a->done(a, &p);
}

static void
answer_top_error(struct raft_answer *a, int16_t err)
{
    struct k_fetch_response p;
    codec_default(K_MSG_FETCH_RESPONSE, &p);
    p.error_code = err;
    a->done(a, &p);
}

static void
answer_records(struct raft *r, struct raft_answer *a, const struct log_range *range)
{
    struct k_fetch_response p;
    struct k_fetch_response_partition_data *d = new_response(r, &p);
    if (range && range->n > 0) {
        d->records =
            (struct k_records){.file = range->file, .offset = range->offset, .n = range->n};
    }
    a->done(a, &p);
}

static void
answer_elsewhere(struct raft *r, struct raft_answer *a, enum fetch_verdict v, struct log_end known)
{
    struct k_fetch_response p;
    struct k_fetch_response_partition_data *d = new_response(r, &p);
    if (v == FETCH_DIVERGED) {
        MARK(r->env, QUORUM_READER_DIVERGED);
        d->diverging_epoch.epoch = known.epoch;
        d->diverging_epoch.end_offset = known.offset;
    } else {
        /* The snapshot that the log begins with. */
        MARK(r->env, SNAPSHOT_NEEDED);
        d->snapshot_id.end_offset = commitlog_start(&r->log);
        d->snapshot_id.epoch = MAX(commitlog_epoch_at(&r->log, commitlog_start(&r->log)), 0);
    }
    a->done(a, &p);
}

/* ---- waiting ---- */

static void
free_wait(struct fetch_wait *w)
{
    MEM_DELETE(&w->raft->env->mem, w);
}

/* Takes the answer off the list; the wait stays. */
static struct raft_answer *
take_off(struct fetch_wait *w)
{
    struct raft_answer *a = w->answer;
    timer_cancel(w->raft->env, &a->timer);
    list_remove(&a->node);
    a->raft = NULL;
    a->held = NULL;
    w->answer = NULL;
    return a;
}

static void
end_with_nothing(struct fetch_wait *w)
{
    struct raft *r = w->raft;
    struct raft_answer *a = take_off(w);
    if (!w->is_reading) free_wait(w);
    answer_records(r, a, NULL);
}

static void
end_with_error(struct fetch_wait *w, int16_t err)
{
    struct raft *r = w->raft;
    struct raft_answer *a = take_off(w);
    if (!w->is_reading) free_wait(w);
    raft_fetch_refuse(r, a, err);
}

static void
end_with_range(struct fetch_wait *w)
{
    struct raft *r = w->raft;
    struct log_range range = w->read.range;
    bool is_good = w->read.err == LOG_OK && log_range_is_valid(&range);
    struct raft_answer *a = take_off(w);
    free_wait(w);
    answer_records(r, a, is_good ? &range : NULL);
    log_range_release(&range);
}

static bool
is_current(const struct fetch_wait *w)
{
    const struct raft *r = w->raft;
    return r->state == RAFT_LEADER && r->election.epoch == w->epoch && !r->is_closing;
}

static void
read_done(struct log_read *read)
{
    struct fetch_wait *w = CONTAINER_OF(read, struct fetch_wait, read);
    w->is_reading = false;
    if (!w->answer) {
        log_range_release(&w->read.range);
        free_wait(w);
    } else if (!is_current(w)) {
        log_range_release(&w->read.range);
        end_with_error(w, K_ERR_NOT_LEADER_OR_FOLLOWER);
    } else {
        end_with_range(w);
    }
}

/* Answers if it can be answered now. */
static void
try_fetch(struct fetch_wait *w)
{
    struct raft *r = w->raft;
    if (w->is_reading) return;
    if (!is_current(w)) {
        end_with_error(w, K_ERR_NOT_LEADER_OR_FOLLOWER);
    } else if (w->read.offset < commitlog_written_end(&r->log)) {
        if (commitlog_read(&r->log, &w->read)) end_with_range(w);
        else w->is_reading = true;
    } else if (w->known_high_watermark < r->high_watermark) {
        end_with_nothing(w);
    }
}

void
serve_fetches(struct raft *r)
{
    LIST_EACH(&r->fetches, a, struct raft_answer, node) try_fetch(a->held);
}

static void
raft_fetch_expired(struct timer *t)
{
    struct raft_answer *a = CONTAINER_OF(t, struct raft_answer, timer);
    struct fetch_wait *w = a->held;
    if (!is_current(w)) end_with_error(w, K_ERR_NOT_LEADER_OR_FOLLOWER);
    else if (!w->is_reading) end_with_nothing(w);
}

void
serve_forget_fetch(struct raft_answer *a)
{
    struct fetch_wait *w = a->held;
    (void)take_off(w);
    if (!w->is_reading) free_wait(w);
}

static void
wait_for_data(struct raft *r, struct raft_answer *a, const struct k_fetch_request *q)
{
    const struct k_fetch_request_fetch_partition *d = &q->topics[0].partitions[0];
    struct fetch_wait *w = MEM_NEW(&r->env->mem, struct fetch_wait);
    *w = (struct fetch_wait){.answer = a,
                             .raft = r,
                             .epoch = r->election.epoch,
                             .known_high_watermark = d->high_watermark,
                             .read = {.done = read_done,
                                      .offset = d->fetch_offset,
                                      .limit = INT64_MAX,
                                      .max_bytes = MAX(q->max_bytes, 0),
                                      .min_one = true}};
    a->raft = r;
    a->held = w;
    a->timer.due = raft_fetch_expired;
    list_push_back(&r->fetches, &a->node);
    timer_arm(r->env, &a->timer, env_now_ns(r->env) + q->max_wait_ms * NS_PER_MS);
    try_fetch(w);
}

/* ---- the request ---- */

static int32_t
replica_id(const struct k_fetch_request *q)
{
    return q->replica_state.replica_id >= 0 ? q->replica_state.replica_id : q->replica_id;
}

int16_t
serve_leader_error(const struct raft *r, int32_t epoch)
{
    if (epoch < r->election.epoch) return K_ERR_FENCED_LEADER_EPOCH;
    if (epoch > r->election.epoch) return K_ERR_UNKNOWN_LEADER_EPOCH;
    return r->state == RAFT_LEADER ? K_ERR_NONE : K_ERR_NOT_LEADER_OR_FOLLOWER;
}

static bool
fetches_our_log(const struct k_fetch_request *q, int16_t version)
{
    if (q->topics_n != 1 || q->topics[0].partitions_n != 1) return false;
    const struct k_fetch_request_fetch_topic *t = &q->topics[0];
    if (version >= 13 ? !uuid_eq(t->topic_id, RAFT_TOPIC_ID) : !slice_eq(t->topic, RAFT_TOPIC))
        return false;
    return t->partitions[0].partition == 0;
}

static int16_t
partition_error(const struct raft *r, const struct k_fetch_request *q)
{
    const struct k_fetch_request_fetch_partition *d = &q->topics[0].partitions[0];
    bool is_possible = q->max_wait_ms >= 0 && d->fetch_offset >= 0 && d->last_fetched_epoch >= 0 &&
                       d->current_leader_epoch >= 0;
    return is_possible ? serve_leader_error(r, d->current_leader_epoch) : K_ERR_INVALID_REQUEST;
}

void
raft_handle_fetch(struct raft *r, struct raft_answer *a, const struct k_fetch_request *q,
                  int16_t version)
{
    if (r->state == RAFT_CLOSED || r->is_closing) {
        answer_top_error(a, K_ERR_BROKER_NOT_AVAILABLE);
        return;
    }
    if (!serve_cluster_ok(r, q->cluster_id) || !fetches_our_log(q, version)) {
        answer_top_error(a, serve_cluster_ok(r, q->cluster_id) ? K_ERR_INVALID_REQUEST
                                                               : K_ERR_INCONSISTENT_CLUSTER_ID);
        return;
    }
    const struct k_fetch_request_fetch_partition *d = &q->topics[0].partitions[0];
    int16_t err = partition_error(r, q);
    if (err != K_ERR_NONE) {
        raft_fetch_refuse(r, a, err);
        return;
    }
    struct log_end known = raft_epoch_end(r, d->last_fetched_epoch);
    enum fetch_verdict v =
        fetch_position((struct log_end){d->last_fetched_epoch, d->fetch_offset}, known,
                       commitlog_start(&r->log), commitlog_assigned_end(&r->log));
    if (v != FETCH_VALID) {
        answer_elsewhere(r, a, v, known);
        return;
    }
    if (replica_id(q) >= 0)
        leader_note_fetch(r, (struct voter_key){replica_id(q), d->replica_directory_id},
                          d->fetch_offset);
    wait_for_data(r, a, q);
}

/* ---- snapshots ---- */

/* None is served yet, and the one of the format never is: its records are in the log as well. */
static int16_t
snapshot_error(const struct raft *r, const struct k_fetch_snapshot_request_partition_snapshot *d,
               bool is_ours)
{
    if (!is_ours) return K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
    int16_t err = serve_leader_error(r, d->current_leader_epoch);
    return err != K_ERR_NONE ? err : K_ERR_SNAPSHOT_NOT_FOUND;
}

void
raft_handle_fetch_snapshot(struct raft *r, struct raft_answer *a,
                           const struct k_fetch_snapshot_request *q)
{
    struct arena *s = &r->env->scratch;
    struct k_fetch_snapshot_response p;
    codec_default(K_MSG_FETCH_SNAPSHOT_RESPONSE, &p);
    bool is_one = q->topics_n == 1 && q->topics[0].partitions_n == 1;
    if (r->state == RAFT_CLOSED || r->is_closing) {
        p.error_code = K_ERR_BROKER_NOT_AVAILABLE;
    } else if (!serve_cluster_ok(r, q->cluster_id)) {
        p.error_code = K_ERR_INCONSISTENT_CLUSTER_ID;
    } else if (!is_one) {
        p.error_code = K_ERR_INVALID_REQUEST;
    } else {
        const struct k_fetch_snapshot_request_partition_snapshot *d = &q->topics[0].partitions[0];
        bool is_ours = slice_eq(q->topics[0].name, RAFT_TOPIC) && d->partition == 0;
        p.topics_n = 1;
        p.topics = codec_array(s, K_STRUCT_FETCH_SNAPSHOT_RESPONSE_TOPIC_SNAPSHOT, 1);
        p.topics[0].name = q->topics[0].name;
        p.topics[0].partitions_n = 1;
        p.topics[0].partitions =
            codec_array(s, K_STRUCT_FETCH_SNAPSHOT_RESPONSE_PARTITION_SNAPSHOT, 1);
        struct k_fetch_snapshot_response_partition_snapshot *to = &p.topics[0].partitions[0];
        to->index = d->partition;
        to->error_code = snapshot_error(r, d, is_ours);
        if (is_ours)
            name_durable_leader(r, &to->current_leader.leader_id, &to->current_leader.leader_epoch);
    }
    a->done(a, &p);
}
