/* Elections: a voter without a leader first asks whether it would be elected (pre-vote, KIP-996), then
 * raises the epoch, votes for itself, and asks for votes. Its own vote is durable before it asks. */
#include "broker/raft/state.h"

static void
election_arm(struct raft *r, int64_t after_ms)
{
    timer_arm(r->env, &r->timer, env_now_ns(r->env) + after_ms * NS_PER_MS);
}

static uint64_t
election_draw(struct raft *r)
{
    return env_random(r->env, STREAM_ELECTION);
}

void
election_begin_wait(struct raft *r)
{
    bool is_alone = members_voters_n(r) == 1 && raft_is_voter(r);
    election_arm(r, is_alone ? 0 : election_timeout(r->cfg.election_timeout_ms, election_draw(r)));
}

static void
new_ballots(struct raft *r)
{
    for (int64_t i = 0; i < r->members.n; i++) {
        r->members.v[i]->ballot = BALLOT_OPEN;
        timer_cancel(r->env, &r->members.v[i]->retry);
    }
    r->asked = false;
    election_arm(r, election_timeout(r->cfg.election_timeout_ms, election_draw(r)));
}

static void
election_pre(struct raft *r)
{
    MARK(r->env, PRE_VOTE_ASKED);
    raft_move(r, RAFT_PROSPECTIVE, &r->election);
    new_ballots(r);
    election_go_on(r);
}

static void
election_stand(struct raft *r)
{
    struct election e = {r->election.epoch + 1, RAFT_NOBODY, raft_self(r)};
    raft_move(r, RAFT_CANDIDATE, &e);
    new_ballots(r);
    election_go_on(r);
}

/* ---- asking ---- */

static bool
is_asking(const struct raft *r)
{
    return (r->state == RAFT_PROSPECTIVE || r->state == RAFT_CANDIDATE) && !r->backing_off;
}

static bool
is_of_this_election(const struct raft *r, const struct raft_call *c)
{
    return is_asking(r) && c->epoch == r->election.epoch &&
           c->is_pre_vote == (r->state == RAFT_PROSPECTIVE);
}

static void
take_vote(struct raft *r, struct raft_call *c, const struct k_vote_response *p)
{
    c->to->refused_with = p->error_code;
    if (p->topics_n != 1 || p->topics[0].partitions_n != 1) return;
    const struct k_vote_response_partition_data *d = &p->topics[0].partitions[0];
    raft_see(r, d->leader_epoch, d->leader_id);
    if (d->error_code != K_ERR_NONE || !is_of_this_election(r, c)) return;
    c->to->ballot = d->vote_granted ? BALLOT_GRANTED : BALLOT_REJECTED;
    election_go_on(r);
}

static void
vote_done(struct call *call, enum env_err err, struct slice body, struct buf *buf)
{
    (void)buf;
    struct raft_call *c = CONTAINER_OF(call, struct raft_call, call);
    struct raft *r = c->raft;
    struct k_vote_response p;
    if (r->is_closing) {
        /* Nothing matters any more. */
    } else if (err == ENV_OK && call_decode(call, body, &r->env->scratch, &p)) {
        take_vote(r, c, &p);
    } else if (is_of_this_election(r, c) && c->to->ballot == BALLOT_OPEN) {
        timer_arm(r->env, &c->to->retry, env_now_ns(r->env) + r->cfg.retry_backoff_ms * NS_PER_MS);
    }
    MEM_DELETE(&r->env->mem, c);
}

static void
ask_for_vote(struct raft *r, struct member *m)
{
    struct log_end end = raft_log_end(r);
    struct k_vote_request_partition_data d = {
        .replica_epoch = r->election.epoch,
        .replica_id = r->cfg.node_id,
        .replica_directory_id = r->cfg.directory_id,
        .voter_directory_id = m->who.directory_id,
        .last_offset_epoch = end.epoch,
        .last_offset = end.offset,
        .pre_vote = r->state == RAFT_PROSPECTIVE,
    };
    struct k_vote_request_topic_data t = {
        .topic_name = RAFT_TOPIC, .partitions = &d, .partitions_n = 1};
    struct k_vote_request q = {
        .cluster_id = r->cfg.cluster_id, .voter_id = m->who.id, .topics = &t, .topics_n = 1};
    struct raft_call *c = raft_call_new(r, m, vote_done);
    c->is_pre_vote = d.pre_vote;
    raft_call_send(c, &m->talk, K_API_VOTE, RAFT_VOTE_VERSION, &q);
}

void
election_retry_due(struct timer *t)
{
    struct member *m = CONTAINER_OF(t, struct member, retry);
    if (is_asking(m->raft) && m->ballot == BALLOT_OPEN) ask_for_vote(m->raft, m);
}

/* ---- counting ---- */

static int32_t
count_ballots(const struct raft *r, enum ballot b)
{
    int32_t n = 0;
    for (int64_t i = 0; i < r->members.n; i++)
        n += r->members.v[i]->is_voter && r->members.v[i]->who.id != r->cfg.node_id &&
             r->members.v[i]->ballot == b;
    return n;
}

static void
lose(struct raft *r)
{
    if (r->state == RAFT_CANDIDATE) {
        MARK(r->env, ELECTION_LOST);
        r->backing_off = true;
        r->retries++;
        election_arm(
            r, election_backoff(r->cfg.election_backoff_max_ms, r->retries, election_draw(r)));
    } else if (r->election.leader_id != RAFT_NOBODY) {
        MARK(r->env, PRE_VOTE_LOST);
        raft_become_follower(r, r->election.epoch, r->election.leader_id);
    } else {
        raft_become_unattached(r, r->election.epoch);
    }
}

static void
win(struct raft *r)
{
    if (r->state == RAFT_PROSPECTIVE) election_stand(r);
    else leader_begin(r);
}

void
election_go_on(struct raft *r)
{
    if (!is_asking(r) || !persist_is_durable(r) || r->is_closing) return;
    int32_t n = members_voters_n(r), granted = 1 + count_ballots(r, BALLOT_GRANTED);
    if (granted >= majority(n)) {
        win(r);
    } else if (count_ballots(r, BALLOT_REJECTED) > n - majority(n)) {
        lose(r);
    } else if (!r->asked) {
        r->asked = true;
        for (int64_t i = 0; i < r->members.n; i++) {
            struct member *m = r->members.v[i];
            if (m->is_voter && m->who.id != r->cfg.node_id) ask_for_vote(r, m);
        }
    }
}

/* ---- time ---- */

/* A log that is being cut has no end to stand for election with. */
static void
stand_or_wait(struct raft *r)
{
    if (r->truncating) election_arm(r, r->cfg.retry_backoff_ms);
    else if (members_voters_n(r) == 1 && r->state != RAFT_CANDIDATE) election_stand(r);
    else election_pre(r);
}

static void
follower_due(struct raft *r)
{
    if (env_now_ns(r->env) < r->fetch_deadline_ns)
        timer_arm(r->env, &r->timer, r->fetch_deadline_ns);
    else stand_or_wait(r);
}

void
election_timer_due(struct timer *t)
{
    struct raft *r = CONTAINER_OF(t, struct raft, timer);
    if (r->is_closing) return;
    switch (r->state) {
    case RAFT_UNATTACHED: stand_or_wait(r); break;
    case RAFT_FOLLOWER: follower_due(r); break;
    case RAFT_PROSPECTIVE: lose(r); break;
    case RAFT_CANDIDATE:
        /* Alone it cannot lose: it waits for its own disk, until its vote is there (election_go_on). */
        if (members_voters_n(r) == 1 && raft_is_voter(r) && !r->backing_off) break;
        if (r->backing_off) stand_or_wait(r);
        else lose(r);
        break;
    case RAFT_LEADER: leader_check_quorum(r); break;
    /* It cannot follow itself, nor lead this epoch again: whatever comes is in a later one. */
    case RAFT_RESIGNED: raft_become_unattached(r, r->election.epoch + 1); break;
    case RAFT_CLOSED:
    case RAFT_OBSERVER:
    case RAFT_STATES_N: break;
    }
}
