/* The leader's side of an epoch: the batch that begins it, how far the others are, what is committed,
 * and when to give up. */
#include "broker/raft/state.h"

/* ---- beginning and end ---- */

static int64_t
begin_interval_ns(const struct raft *r)
{
    return MAX(r->cfg.fetch_timeout_ms / 2, 1) * NS_PER_MS;
}

static void
forget_progress(struct raft *r)
{
    for (int64_t i = 0; i < r->members.n; i++) {
        struct member *m = r->members.v[i];
        m->end_offset = -1;
        m->last_fetch_ns = env_now_ns(r->env);
        m->last_fetch_ms = m->caught_up_ms = -1;
    }
}

static void
append_first_batch(struct raft *r)
{
    r->epoch_start = commitlog_assigned_end(&r->log);
    /* With kraft.version 1 the checkpoint's voters enter the log with its first batch. */
    struct buf *b = control_leader_change(r, r->kraft_version >= 1 && r->epoch_start == 0);
    struct seg seg = {.buf = b, .bytes = buf_slice(b)};
    struct log_append a = {
        .segs = &seg, .segs_n = 1, .leader_epoch = r->election.epoch, .origin = APPEND_COORDINATOR};
    commitlog_begin_epoch(&r->log, r->election.epoch);
    enum log_err err = commitlog_append(&r->log, &a);
    if (err == LOG_OK) fresh_led(r, buf_slice(b), &a);
    buf_unref(b);
    if (err != LOG_OK) raft_fatal(r, "the epoch's first batch", slice_cstr(log_err_text(err)));
}

void
leader_begin(struct raft *r)
{
    struct election e = {r->election.epoch, r->cfg.node_id, r->election.voted};
    raft_move(r, RAFT_LEADER, &e);
    forget_progress(r);
    append_first_batch(r);
    leader_begin_due(&r->begin_timer);
    leader_check_quorum(r);
}

void
leader_end(struct raft *r)
{
    timer_cancel(r->env, &r->begin_timer);
    apply_kick(r); /* waiting fetches are refused there */
    struct list *n;
    while ((n = list_pop_front(&r->observers)))
        MEM_DELETE(&r->env->mem, LIST_ENTRY(n, struct observer, node));
}

/* ---- telling the voters ---- */

static void
epoch_begin_answered(struct call *call, enum env_err err, struct slice body, struct buf *buf)
{
    (void)buf;
    struct raft_call *c = CONTAINER_OF(call, struct raft_call, call);
    struct raft *r = c->raft;
    struct k_begin_quorum_epoch_response p;
    if (err == ENV_OK && !r->is_closing && call_decode(call, body, &r->env->scratch, &p) &&
        p.topics_n == 1 && p.topics[0].partitions_n == 1)
        raft_see(r, p.topics[0].partitions[0].leader_epoch, p.topics[0].partitions[0].leader_id);
    MEM_DELETE(&r->env->mem, c);
}

static void
send_begin(struct raft *r, struct member *m)
{
    struct member *self = member_voter(r, raft_self(r));
    struct k_begin_quorum_epoch_request_partition_data d = {.voter_directory_id =
                                                                m->who.directory_id,
                                                            .leader_id = r->cfg.node_id,
                                                            .leader_epoch = r->election.epoch};
    struct k_begin_quorum_epoch_request_topic_data t = {
        .topic_name = RAFT_TOPIC, .partitions = &d, .partitions_n = 1};
    struct k_begin_quorum_epoch_request_leader_endpoint at = {
        .name = self->who.listener, .host = self->who.host, .port = (uint16_t)self->who.port};
    struct k_begin_quorum_epoch_request q = {.cluster_id = r->cfg.cluster_id,
                                             .voter_id = m->who.id,
                                             .topics = &t,
                                             .topics_n = 1,
                                             .leader_endpoints = &at,
                                             .leader_endpoints_n = 1};
    struct raft_call *c = raft_call_new(r, m, epoch_begin_answered);
    raft_call_send(c, &m->talk, K_API_BEGIN_QUORUM_EPOCH, RAFT_BEGIN_VERSION, &q);
}

/* All at first, later those that do not fetch: they may not know who leads. */
void
leader_begin_due(struct timer *t)
{
    struct raft *r = CONTAINER_OF(t, struct raft, begin_timer);
    int64_t now = env_now_ns(r->env);
    for (int64_t i = 0; i < r->members.n; i++) {
        struct member *m = r->members.v[i];
        if (!m->is_voter || m->who.id == r->cfg.node_id) continue;
        bool is_silent = m->last_fetch_ms < 0 || now - m->last_fetch_ns >= begin_interval_ns(r);
        if (is_silent) send_begin(r, m);
    }
    if (members_voters_n(r) > 1) timer_arm(r->env, &r->begin_timer, now + begin_interval_ns(r));
}

static void
told_end(struct call *call, enum env_err err, struct slice body, struct buf *buf)
{
    (void)err, (void)body, (void)buf;
    struct raft_call *c = CONTAINER_OF(call, struct raft_call, call);
    struct raft *r = c->raft;
    MEM_DELETE(&r->env->mem, c);
    CHECK(r->ends_n > 0);
    if (--r->ends_n == 0 && r->is_closing) raft_ends_done(r);
}

/* The other voters, the one with the longest log first; by id where equal. Returns how many. */
static int32_t
successors(struct raft *r, struct k_end_quorum_epoch_request_replica_info *ret)
{
    int32_t n = 0;
    int64_t ends[RAFT_VOTERS_MAX];
    for (int64_t i = 0; i < r->voters.n; i++) {
        struct member *m = member_by_id(r, r->voters.v[i].id);
        if (m->who.id == r->cfg.node_id) continue;
        int32_t at = n++;
        for (; at > 0 && ends[at - 1] < m->end_offset; at--) {
            ends[at] = ends[at - 1];
            ret[at] = ret[at - 1];
        }
        ends[at] = m->end_offset;
        ret[at] = (struct k_end_quorum_epoch_request_replica_info){
            .candidate_id = m->who.id, .candidate_directory_id = m->who.directory_id};
    }
    return n;
}

void
leader_send_end(struct raft *r)
{
    struct k_end_quorum_epoch_request_replica_info next[RAFT_VOTERS_MAX];
    struct k_end_quorum_epoch_request_partition_data d = {.leader_id = r->cfg.node_id,
                                                          .leader_epoch = r->election.epoch,
                                                          .preferred_candidates = next,
                                                          .preferred_candidates_n =
                                                              successors(r, next)};
    struct k_end_quorum_epoch_request_topic_data t = {
        .topic_name = RAFT_TOPIC, .partitions = &d, .partitions_n = 1};
    struct k_end_quorum_epoch_request q = {
        .cluster_id = r->cfg.cluster_id, .topics = &t, .topics_n = 1};
    for (int64_t i = 0; i < r->members.n; i++) {
        struct member *m = r->members.v[i];
        if (!m->is_voter || m->who.id == r->cfg.node_id) continue;
        struct raft_call *c = raft_call_new(r, m, told_end);
        r->ends_n++;
        raft_call_send(c, &m->talk, K_API_END_QUORUM_EPOCH, RAFT_END_VERSION, &q);
    }
}

/* ---- progress ---- */

static struct observer *
observer_of(struct raft *r, struct voter_key who)
{
    struct observer *oldest = NULL;
    int32_t n = 0;
    LIST_EACH(&r->observers, o, struct observer, node) {
        if (o->key.id == who.id && uuid_eq(o->key.directory_id, who.directory_id)) return o;
        if (!oldest || o->last_fetch_ns < oldest->last_fetch_ns) oldest = o;
        n++;
    }
    if (n >= OBSERVERS_MAX) {
        list_remove(&oldest->node);
        MEM_DELETE(&r->env->mem, oldest);
    }
    struct observer *o = MEM_NEW(&r->env->mem, struct observer);
    o->key = who;
    o->caught_up_ms = -1;
    list_push_back(&r->observers, &o->node);
    return o;
}

/* Observers that have not come for long are forgotten. */
static void
forget_observers(struct raft *r)
{
    LIST_EACH(&r->observers, o, struct observer, node) {
        if (env_now_ns(r->env) - o->last_fetch_ns < RAFT_OBSERVER_MEMORY_MS * NS_PER_MS) continue;
        list_remove(&o->node);
        MEM_DELETE(&r->env->mem, o);
    }
}

void
leader_note_fetch(struct raft *r, struct voter_key who, int64_t offset)
{
    int64_t now_ms = env_wall_ms(r->env);
    bool is_caught_up = offset >= commitlog_written_end(&r->log);
    struct member *m = member_voter(r, who);
    if (!m) {
        struct observer *o = observer_of(r, who);
        o->end_offset = offset;
        o->last_fetch_ns = env_now_ns(r->env);
        o->last_fetch_ms = now_ms;
        if (is_caught_up) o->caught_up_ms = now_ms;
        return;
    }
    m->end_offset = offset;
    m->last_fetch_ns = env_now_ns(r->env);
    m->last_fetch_ms = now_ms;
    if (is_caught_up) m->caught_up_ms = now_ms;
    leader_update_high_watermark(r);
}

void
leader_update_high_watermark(struct raft *r)
{
    int64_t ends[RAFT_VOTERS_MAX];
    int32_t n = 0;
    for (int64_t i = 0; i < r->members.n; i++) {
        struct member *m = r->members.v[i];
        if (!m->is_voter) continue;
        bool is_self = m->who.id == r->cfg.node_id;
        ends[n++] = is_self ? commitlog_synced_end(&r->log) : m->end_offset;
    }
    int64_t hw = commit_offset(ends, n, r->epoch_start, r->high_watermark);
    apply_high_watermark(r, hw);
}

/* ---- check-quorum ---- */

void
leader_check_quorum(struct raft *r)
{
    int64_t last[RAFT_VOTERS_MAX];
    int32_t n = 0;
    for (int64_t i = 0; i < r->members.n; i++)
        if (r->members.v[i]->is_voter && r->members.v[i]->who.id != r->cfg.node_id)
            last[n++] = r->members.v[i]->last_fetch_ns;
    forget_observers(r);
    int64_t timeout_ns = r->cfg.fetch_timeout_ms * 3 / 2 * NS_PER_MS;
    int64_t deadline = check_quorum(last, n, raft_is_voter(r), timeout_ns);
    if (deadline <= env_now_ns(r->env)) {
        raft_say(r, 1, S("resigns: no majority has fetched in time; epoch"), r->election.epoch);
        MARK(r->env, QUORUM_LOST);
        raft_become_resigned(r);
    } else if (deadline != TIME_NEVER) {
        timer_arm(r->env, &r->timer, deadline);
    }
}
