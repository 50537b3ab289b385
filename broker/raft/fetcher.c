/* Fetching from the leader: one request at a time, and the next one only when what came is durable, so
 * that the offset from which a voter fetches says what it has (KIP-595). An observer that knows no
 * leader asks one endpoint after the other and is told. */
#include "broker/raft/state.h"

#define REFUSED_BACKOFF_MAX_MS 1000

static bool
may_fetch(const struct raft *r)
{
    if (r->state != RAFT_FOLLOWER && r->state != RAFT_OBSERVER) return false;
    if (r->is_closing || r->fetching || r->truncating || timer_is_armed(&r->fetch_timer))
        return false;
    if (commitlog_synced_end(&r->log) != commitlog_assigned_end(&r->log)) return false;
    return persist_is_durable(r);
}

static void
again_later(struct raft *r)
{
    timer_arm(r->env, &r->fetch_timer, env_now_ns(r->env) + r->cfg.retry_backoff_ms * NS_PER_MS);
}

/* What is refused now is refused for longer: the next tries come more and more slowly. */
static void
again_after_refusal(struct raft *r)
{
    int64_t ms = r->cfg.retry_backoff_ms;
    for (int32_t i = 0; i < r->refusals && ms < REFUSED_BACKOFF_MAX_MS; i++) ms *= 2;
    r->refusals++;
    ms = MIN(ms, MAX(REFUSED_BACKOFF_MAX_MS, r->cfg.retry_backoff_ms));
    timer_arm(r->env, &r->fetch_timer, env_now_ns(r->env) + ms * NS_PER_MS);
}

/* An observer has no elections: when its leader is silent for long it asks around. */
void
fetcher_due(struct timer *t)
{
    struct raft *r = CONTAINER_OF(t, struct raft, fetch_timer);
    if (r->is_closing) return;
    if (r->state == RAFT_OBSERVER && r->election.leader_id != RAFT_NOBODY &&
        env_now_ns(r->env) >= r->fetch_deadline_ns)
        raft_become_unattached(r, r->election.epoch);
    else fetcher_go_on(r);
}

void
fetcher_stop(struct raft *r)
{
    timer_cancel(r->env, &r->fetch_timer);
    r->fetching = NULL;
}

/* ---- answers ---- */

static void
cut_done(struct log_op *op, enum log_err err)
{
    struct raft *r = CONTAINER_OF(op, struct raft, truncate_op);
    r->truncating = false;
    if (err != LOG_OK) {
        raft_fatal(r, "the log cannot be cut", slice_cstr(log_err_text(err)));
        return;
    }
    if (r->closes_after_cut) raft_ends_done(r);
    apply_kick(r);
    fetcher_go_on(r);
}

static void
raft_cut_log(struct raft *r, struct log_end diverging)
{
    int64_t at = divergence_cut(diverging, raft_epoch_end(r, diverging.epoch));
    if (at < r->high_watermark) {
        raft_fatal(r, "the leader lacks what was committed", SLICE_EMPTY);
        return;
    }
    MARK(r->env, QUORUM_LOG_CUT);
    r->truncating = true;
    r->truncate_op.done = cut_done;
    fresh_cut(r, at);
    commitlog_truncate(&r->log, at, &r->truncate_op);
}

static void
take_fetched_voters(struct raft *r, struct slice batches)
{
    struct batch_header h;
    struct slice batch;
    enum batch_err err;
    int64_t at = 0;
    while (batch_next(batches, &at, &h, &batch, &err))
        if (batch_is_control(&h)) control_take(r, batch, &h);
}

static void
raft_append_fetched(struct raft *r, struct slice batches, struct buf *buf)
{
    struct seg seg = {.buf = buf, .bytes = batches};
    int64_t before = commitlog_assigned_end(&r->log);
    enum log_err err = commitlog_append_fetched(&r->log, &seg, 1, r->election.epoch);
    fresh_fetched(r, batches, before);
    if (err != LOG_OK) {
        if (r->refusals == 0) raft_say(r, 2, S("fetched batches were refused, at offset"), before);
        again_after_refusal(r);
    } else {
        r->refusals = 0;
        take_fetched_voters(r, batches);
    }
}

static void
took_high_watermark(struct raft *r)
{
    apply_high_watermark(r, MIN(r->leader_high_watermark, commitlog_synced_end(&r->log)));
}

static void
take_records(struct raft *r, const struct k_fetch_response_partition_data *d, struct buf *buf)
{
    r->has_fetched = true;
    wait_leader_over(r);
    r->fetch_deadline_ns = env_now_ns(r->env) + r->fetch_patience_ns;
    if (d->diverging_epoch.epoch >= 0) {
        raft_cut_log(r, (struct log_end){d->diverging_epoch.epoch, d->diverging_epoch.end_offset});
    } else if (d->snapshot_id.epoch >= 0) {
        r->snapshot_wanted = d->snapshot_id.end_offset;
        wait_begin_told(&r->snapshot_wait);
        again_after_refusal(r);
    } else {
        wait_end(&r->snapshot_wait);
        r->leader_high_watermark = MAX(r->leader_high_watermark, d->high_watermark);
        if (d->records.bytes.n > 0) raft_append_fetched(r, d->records.bytes, buf);
        else r->refusals = 0;
        took_high_watermark(r);
    }
}

static void
raft_take_fetched(struct raft *r, const struct raft_call *c, const struct k_fetch_response *p,
                  struct buf *buf)
{
    c->to->refused_with = p->error_code;
    if (p->responses_n != 1 || p->responses[0].partitions_n != 1) {
        again_after_refusal(r);
        return;
    }
    const struct k_fetch_response_partition_data *d = &p->responses[0].partitions[0];
    int32_t leader_id = d->current_leader.leader_id, epoch = d->current_leader.leader_epoch;
    for (int32_t i = 0; i < p->node_endpoints_n; i++)
        members_learn(r, p->node_endpoints[i].node_id, p->node_endpoints[i].host,
                      p->node_endpoints[i].port);
    raft_see(r, epoch, leader_id);
    if (r->election.epoch != c->epoch || r->fetching) return; /* another story now */
    if (d->error_code == K_ERR_NONE && r->election.leader_id == c->to->who.id)
        take_records(r, d, buf);
    else again_later(r);
}

static void
raft_fetched(struct call *call, enum env_err err, struct slice body, struct buf *buf)
{
    struct raft_call *c = CONTAINER_OF(call, struct raft_call, call);
    struct raft *r = c->raft;
    bool is_current = r->fetching == c && !r->is_closing;
    struct k_fetch_response p;
    if (is_current) {
        r->fetching = NULL;
        if (err == ENV_OK && call_decode(call, body, &r->env->scratch, &p))
            raft_take_fetched(r, c, &p, buf);
        else again_later(r);
    }
    MEM_DELETE(&r->env->mem, c);
    if (is_current) fetcher_go_on(r);
}

/* ---- asking ---- */

static struct member *
whom(struct raft *r)
{
    struct member *m = member_leader(r);
    if (m || r->members.n == 0) return m;
    for (int64_t i = 0; i < r->members.n; i++) {
        m = r->members.v[r->next_endpoint++ % r->members.n];
        if (m->who.id != r->cfg.node_id) return m;
    }
    return NULL;
}

static void
send_fetch(struct raft *r, struct member *m)
{
    struct arena *a = &r->env->scratch;
    struct log_end end = raft_log_end(r);
    struct k_fetch_request q;
    codec_default(K_MSG_FETCH_REQUEST, &q);
    q.cluster_id = r->cfg.cluster_id;
    q.replica_state.replica_id = r->cfg.node_id;
    /* An answer that comes when the request is given up is none. */
    int64_t patience_ms = MIN(r->cfg.fetch_timeout_ms, r->cfg.request_timeout_ms);
    q.max_wait_ms = (int32_t)MIN(RAFT_FETCH_WAIT_MS, patience_ms / 2);
    q.max_bytes = RAFT_FETCH_BYTES;
    q.topics_n = 1;
    q.topics = codec_array(a, K_STRUCT_FETCH_REQUEST_FETCH_TOPIC, 1);
    q.topics[0].topic_id = RAFT_TOPIC_ID;
    q.topics[0].partitions_n = 1;
    q.topics[0].partitions = codec_array(a, K_STRUCT_FETCH_REQUEST_FETCH_PARTITION, 1);
    struct k_fetch_request_fetch_partition *d = &q.topics[0].partitions[0];
    d->current_leader_epoch = r->election.epoch;
    d->fetch_offset = end.offset;
    d->last_fetched_epoch = end.epoch;
    d->log_start_offset = commitlog_start(&r->log);
    d->partition_max_bytes = RAFT_FETCH_BYTES;
    d->replica_directory_id = r->cfg.directory_id;
    d->high_watermark = r->high_watermark;
    r->fetching = raft_call_new(r, m, raft_fetched);
    raft_call_send(r->fetching, &m->fetch, K_API_FETCH, RAFT_FETCH_VERSION, &q);
}

void
fetcher_go_on(struct raft *r)
{
    if (!may_fetch(r)) return;
    struct member *m = whom(r);
    if (m) send_fetch(r, m);
    else again_later(r);
}

void
fetcher_log_synced(struct raft *r)
{
    took_high_watermark(r);
    fetcher_go_on(r);
}
