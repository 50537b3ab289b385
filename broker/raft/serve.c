/* Requests of other voters: Vote, BeginQuorumEpoch, EndQuorumEpoch (KIP-595, 853, 996). An answer waits
 * until the epoch and the vote that it speaks of are durable. */
#include "broker/raft/state.h"

/* Elections never raise an epoch this far. A request that names a higher one is refused: otherwise a single
 * request could bring the epoch to its maximum, and there could be no further election. */
#define EPOCH_MAX (INT32_MAX - 65536)

/* What is to be said once it may be. */
struct verdict {
    enum k_msg msg;
    int16_t top_err, err;
    int32_t leader_id, epoch;
    bool is_granted;
};

bool
serve_cluster_ok(const struct raft *r, struct slice cluster_id)
{
    return !cluster_id.p || slice_eq(cluster_id, r->cfg.cluster_id);
}

/* A request that names its receiver must mean this one (KIP-853). */
static bool
is_for_us(const struct raft *r, int32_t id, struct uuid directory_id)
{
    if (id >= 0 && id != r->cfg.node_id) return false;
    return uuid_is_zero(directory_id) || uuid_is_zero(r->cfg.directory_id) ||
           uuid_eq(directory_id, r->cfg.directory_id);
}

/* ---- answers ---- */

/* The answers of the three have one shape; only a vote's has one member more. */
#define ANSWER(type, api, extra) \
    do { \
        struct k_##api##_response_partition_data d = { \
            .error_code = v->err, .leader_id = v->leader_id, .leader_epoch = v->epoch extra}; \
        struct k_##api##_response_topic_data t = { \
            .topic_name = RAFT_TOPIC, .partitions = &d, .partitions_n = 1}; \
        struct k_##api##_response_node_endpoint e = { \
            .node_id = v->leader_id, .host = at.host, .port = (uint16_t)at.port}; \
        struct k_##api##_response p = {.error_code = v->top_err}; \
        if (v->top_err == K_ERR_NONE) p.topics = &t, p.topics_n = 1; \
        if (is_known) p.node_endpoints = &e, p.node_endpoints_n = 1; \
        a->done(a, &p); \
    } while (0)
#define COMMA ,

static void
give_verdict(struct raft *r, struct raft_answer *a, const struct verdict *v)
{
    struct raft_endpoint at;
    bool is_known = v->top_err == K_ERR_NONE && v->leader_id == r->election.leader_id &&
                    raft_leader_endpoint(r, &at);
    switch (v->msg) {
    case K_MSG_VOTE_RESPONSE: ANSWER(v, vote, COMMA.vote_granted = v->is_granted); break;
    case K_MSG_BEGIN_QUORUM_EPOCH_RESPONSE: ANSWER(v, begin_quorum_epoch, ); break;
    case K_MSG_END_QUORUM_EPOCH_RESPONSE: ANSWER(v, end_quorum_epoch, ); break;
    default: UNREACHABLE();
    }
}

static void
answer_when_durable(struct raft *r, struct raft_answer *a, enum k_msg msg, int16_t top_err,
                    int16_t err, bool is_granted)
{
    struct verdict v = {msg, top_err, err, r->election.leader_id, r->election.epoch, is_granted};
    if (persist_is_durable(r)) {
        give_verdict(r, a, &v);
        return;
    }
    a->raft = r;
    a->timer.due = NULL; /* no time limit: what tells it from a fetch */
    a->held = MEM_NEW(&r->env->mem, struct verdict);
    *(struct verdict *)a->held = v;
    list_push_back(&r->answers, &a->node);
}

void
serve_durable(struct raft *r)
{
    struct list *n;
    while (persist_is_durable(r) && (n = list_pop_front(&r->answers))) {
        struct raft_answer *a = LIST_ENTRY(n, struct raft_answer, node);
        struct verdict v = *(struct verdict *)a->held;
        MEM_DELETE(&r->env->mem, (struct verdict *)a->held);
        a->raft = NULL;
        give_verdict(r, a, &v);
    }
}

void
serve_forget_verdict(struct raft_answer *a)
{
    list_remove(&a->node);
    MEM_DELETE(&a->raft->env->mem, (struct verdict *)a->held);
    a->raft = NULL;
}

/* What every request is asked first; the answer's top error. */
static int16_t
top_error(const struct raft *r, struct slice cluster_id, int32_t topics_n, int32_t partitions_n,
          struct slice topic)
{
    if (r->state == RAFT_CLOSED || r->is_closing) return K_ERR_BROKER_NOT_AVAILABLE;
    if (!serve_cluster_ok(r, cluster_id)) return K_ERR_INCONSISTENT_CLUSTER_ID;
    if (topics_n != 1 || partitions_n != 1 || !slice_eq(topic, RAFT_TOPIC))
        return K_ERR_INVALID_REQUEST;
    return K_ERR_NONE;
}

/* The three requests have one shape: one topic with one partition. */
#define TOP_ERROR(r, q) \
    top_error(r, (q)->cluster_id, (q)->topics_n, \
              (q)->topics_n > 0 ? (q)->topics[0].partitions_n : 0, \
              (q)->topics_n > 0 ? (q)->topics[0].topic_name : SLICE_NULL)

/* ---- votes ---- */

static struct vote_facts
facts(const struct raft *r, const struct k_vote_request_partition_data *d)
{
    return (struct vote_facts){.state = r->state,
                               .epoch = r->election.epoch,
                               .leader_id = r->election.leader_id,
                               .voted = r->election.voted,
                               .end = raft_log_end(r),
                               .has_fetched = r->has_fetched,
                               .candidate = {d->replica_id, d->replica_directory_id},
                               .candidate_epoch = d->replica_epoch,
                               .candidate_end = {d->last_offset_epoch, d->last_offset}};
}

/* Who stands has raised the epoch above that of its log; who only asks has not yet. */
static bool
is_possible_vote(const struct k_vote_request_partition_data *d)
{
    int32_t most = d->pre_vote ? d->replica_epoch : d->replica_epoch - 1;
    return d->partition_index == 0 && d->replica_epoch >= 0 && d->replica_epoch < EPOCH_MAX &&
           d->last_offset >= 0 && d->last_offset_epoch >= 0 && d->last_offset_epoch <= most;
}

/* In Kafka's order. */
static int16_t
vote_error(const struct raft *r, const struct k_vote_request *q,
           const struct k_vote_request_partition_data *d)
{
    if (!is_possible_vote(d)) return K_ERR_INVALID_REQUEST;
    if (d->replica_epoch < r->election.epoch) return K_ERR_FENCED_LEADER_EPOCH;
    if (d->replica_id < 0) return K_ERR_INVALID_REQUEST;
    return is_for_us(r, q->voter_id, d->voter_directory_id) ? K_ERR_NONE : K_ERR_INVALID_VOTER_KEY;
}

/* The vote is kept in whatever state can give one. */
static void
cast_vote(struct raft *r, struct voter_key candidate)
{
    struct election e = r->election;
    if (e.voted.id != RAFT_NOBODY) return; /* the same candidate again */
    e.voted = candidate;
    raft_move(r, raft_is_voter(r) ? RAFT_UNATTACHED : RAFT_OBSERVER, &e);
    if (r->state == RAFT_UNATTACHED) election_begin_wait(r);
    else fetcher_go_on(r);
}

void
raft_handle_vote(struct raft *r, struct raft_answer *a, const struct k_vote_request *q)
{
    enum k_msg msg = K_MSG_VOTE_RESPONSE;
    int16_t top = TOP_ERROR(r, q);
    if (top != K_ERR_NONE) {
        answer_when_durable(r, a, msg, top, K_ERR_NONE, false);
        return;
    }
    const struct k_vote_request_partition_data *d = &q->topics[0].partitions[0];
    int16_t err = vote_error(r, q, d);
    if (err != K_ERR_NONE) {
        answer_when_durable(r, a, msg, K_ERR_NONE, err, false);
    } else {
        raft_see(r, d->replica_epoch, RAFT_NOBODY);
        struct vote_facts f = facts(r, d);
        bool is_granted = d->pre_vote ? pre_vote(&f) : vote(&f);
        if (!is_granted && !d->pre_vote) MARK(r->env, VOTE_REFUSED);
        if (is_granted && !d->pre_vote) cast_vote(r, f.candidate);
        answer_when_durable(r, a, msg, K_ERR_NONE, K_ERR_NONE, is_granted);
    }
}

/* ---- a leader begins ---- */

/* What is wrong with somebody's word that this node leads, or led, this epoch. */
static int16_t
leadership_error(const struct raft *r, int32_t epoch, int32_t leader_id)
{
    if (epoch < r->election.epoch) return K_ERR_FENCED_LEADER_EPOCH;
    bool could_lead = leader_id >= 0 && leader_id != r->cfg.node_id && epoch < EPOCH_MAX;
    bool is_another = epoch == r->election.epoch && r->election.leader_id != RAFT_NOBODY &&
                      r->election.leader_id != leader_id;
    return could_lead && !is_another ? K_ERR_NONE : K_ERR_INVALID_REQUEST;
}

static bool
follows(const struct raft *r, int32_t epoch, int32_t leader_id)
{
    return (r->state == RAFT_FOLLOWER || r->state == RAFT_OBSERVER) && r->election.epoch == epoch &&
           r->election.leader_id == leader_id;
}

void
raft_handle_begin_quorum_epoch(struct raft *r, struct raft_answer *a,
                               const struct k_begin_quorum_epoch_request *q)
{
    enum k_msg msg = K_MSG_BEGIN_QUORUM_EPOCH_RESPONSE;
    int16_t top = TOP_ERROR(r, q);
    if (top != K_ERR_NONE) {
        answer_when_durable(r, a, msg, top, K_ERR_NONE, false);
        return;
    }
    const struct k_begin_quorum_epoch_request_partition_data *d = &q->topics[0].partitions[0];
    int16_t err = leadership_error(r, d->leader_epoch, d->leader_id);
    if (err != K_ERR_NONE) {
        answer_when_durable(r, a, msg, K_ERR_NONE, err, false);
    } else if (!is_for_us(r, q->voter_id, d->voter_directory_id)) {
        answer_when_durable(r, a, msg, K_ERR_NONE, K_ERR_INVALID_VOTER_KEY, false);
    } else {
        if (q->leader_endpoints_n > 0)
            members_learn(r, d->leader_id, q->leader_endpoints[0].host,
                          q->leader_endpoints[0].port);
        if (!follows(r, d->leader_epoch, d->leader_id))
            raft_become_follower(r, d->leader_epoch, d->leader_id);
        answer_when_durable(r, a, msg, K_ERR_NONE, K_ERR_NONE, false);
    }
}

/* ---- a leader ends ---- */

/* This node's place among the candidates that the leader prefers; the last if it is not named. */
static int32_t
successor_place(const struct raft *r, const struct k_end_quorum_epoch_request_partition_data *d,
                int32_t *ret_n)
{
    int32_t n = MAX(d->preferred_candidates_n, d->preferred_successors_n);
    *ret_n = MAX(n, 1);
    for (int32_t i = 0; i < d->preferred_candidates_n; i++)
        if (d->preferred_candidates[i].candidate_id == r->cfg.node_id) return i;
    for (int32_t i = 0; i < d->preferred_successors_n; i++)
        if (d->preferred_successors[i] == r->cfg.node_id) return i;
    return *ret_n - 1;
}

/* Its followers owe it nothing any more: they answer pre-votes, and stand in the order given. */
static void
leader_has_ended(struct raft *r, const struct k_end_quorum_epoch_request_partition_data *d)
{
    int32_t n, at = successor_place(r, d, &n);
    int64_t wait_ms = successor_backoff(r->cfg.election_backoff_max_ms, at, n);
    r->has_fetched = false;
    r->fetch_deadline_ns = env_now_ns(r->env) + wait_ms * NS_PER_MS;
    timer_arm(r->env, &r->timer, r->fetch_deadline_ns);
}

void
raft_handle_end_quorum_epoch(struct raft *r, struct raft_answer *a,
                             const struct k_end_quorum_epoch_request *q)
{
    enum k_msg msg = K_MSG_END_QUORUM_EPOCH_RESPONSE;
    int16_t top = TOP_ERROR(r, q);
    if (top != K_ERR_NONE) {
        answer_when_durable(r, a, msg, top, K_ERR_NONE, false);
        return;
    }
    const struct k_end_quorum_epoch_request_partition_data *d = &q->topics[0].partitions[0];
    int16_t err = leadership_error(r, d->leader_epoch, d->leader_id);
    if (err != K_ERR_NONE) {
        answer_when_durable(r, a, msg, K_ERR_NONE, err, false);
    } else {
        raft_see(r, d->leader_epoch, d->leader_id);
        if (r->state == RAFT_FOLLOWER) leader_has_ended(r, d);
        answer_when_durable(r, a, msg, K_ERR_NONE, K_ERR_NONE, false);
    }
}
