/* The states of a member of the quorum and the moves between them (KIP-595, "State machine"; KIP-996
 * for the prospective). Every change of state, epoch, leader or vote comes through raft_move(), which
 * refuses what must never happen: an epoch that falls, a second vote or a second leader in an epoch.
 *
 *                    time-out            pre-votes            votes
 *      unattached ──────────► prospective ───────► candidate ───────► leader ──► resigned
 *         ▲   │                 ▲  │                │                                │
 *         │   └─► follower ─────┘  └────────────────┘ (lost)                         │
 *         └──────────────────────── a higher epoch, from anywhere ───────────────────┘ */
#include "broker/raft/state.h"

#define CAN(s) (1u << RAFT_##s)

static bool
nobody_leads(const struct raft *r)
{
    return r->election.leader_id == RAFT_NOBODY;
}

static bool
another_leads(const struct raft *r)
{
    return !nobody_leads(r) && r->election.leader_id != r->cfg.node_id;
}

static bool
voted_for_itself(const struct raft *r)
{
    return nobody_leads(r) && r->election.voted.id == r->cfg.node_id;
}

static bool
leads(const struct raft *r)
{
    return r->election.leader_id == r->cfg.node_id;
}

static bool
does_not_lead(const struct raft *r)
{
    return !leads(r);
}

static bool
only_reads(const struct raft *r)
{
    return !raft_is_voter(r) && !leads(r);
}

static const struct {
    const char *name;
    uint32_t next; /* states to which it may go */
    bool (*ok)(const struct raft *r);
} states[RAFT_STATES_N] = {
    [RAFT_CLOSED] = {"closed",
                     CAN(UNATTACHED) | CAN(FOLLOWER) | CAN(RESIGNED) | CAN(OBSERVER) | CAN(CLOSED),
                     NULL},
    [RAFT_UNATTACHED] = {"unattached",
                         CAN(UNATTACHED) | CAN(FOLLOWER) | CAN(PROSPECTIVE) | CAN(CANDIDATE) |
                             CAN(OBSERVER) | CAN(CLOSED),
                         nobody_leads},
    [RAFT_FOLLOWER] = {"follower",
                       CAN(FOLLOWER) | CAN(UNATTACHED) | CAN(PROSPECTIVE) | CAN(OBSERVER) |
                           CAN(CLOSED),
                       another_leads},
    [RAFT_PROSPECTIVE] = {"prospective",
                          CAN(CANDIDATE) | CAN(FOLLOWER) | CAN(UNATTACHED) | CAN(OBSERVER) |
                              CAN(CLOSED),
                          does_not_lead},
    [RAFT_CANDIDATE] = {"candidate",
                        CAN(LEADER) | CAN(PROSPECTIVE) | CAN(FOLLOWER) | CAN(UNATTACHED) |
                            CAN(OBSERVER) | CAN(CLOSED),
                        voted_for_itself},
    [RAFT_LEADER] = {"leader", CAN(RESIGNED) | CAN(FOLLOWER) | CAN(UNATTACHED) | CAN(CLOSED),
                     leads},
    [RAFT_RESIGNED] = {"resigned", CAN(FOLLOWER) | CAN(UNATTACHED) | CAN(OBSERVER) | CAN(CLOSED),
                       leads},
    [RAFT_OBSERVER] = {"observer", CAN(OBSERVER) | CAN(UNATTACHED) | CAN(FOLLOWER) | CAN(CLOSED),
                       only_reads},
};

const char *
raft_state_name(enum raft_state s)
{
    return states[s].name;
}

bool
raft_is_voter(const struct raft *r)
{
    return member_voter(r, raft_self(r)) != NULL;
}

static void
check_election(const struct election *old, const struct election *now)
{
    CHECK(now->epoch >= old->epoch);
    if (now->epoch > old->epoch) return;
    CHECK(old->voted.id == RAFT_NOBODY || now->voted.id == old->voted.id);
    CHECK(old->leader_id == RAFT_NOBODY || now->leader_id == RAFT_NOBODY ||
          now->leader_id == old->leader_id);
}

static void
leave_state(struct raft *r, enum raft_state to)
{
    timer_cancel(r->env, &r->timer);
    if (r->state == RAFT_LEADER) leader_end(r);
    if (r->state == RAFT_FOLLOWER || r->state == RAFT_OBSERVER) fetcher_stop(r);
    r->backing_off = false;
    r->asked = false;
    r->has_fetched = false;
    if (to == RAFT_FOLLOWER || to == RAFT_LEADER) r->retries = 0;
}

void
raft_move(struct raft *r, enum raft_state to, const struct election *e)
{
    CHECK(states[r->state].next & (1u << to));
    check_election(&r->election, e);
    struct election old = r->election;
    bool is_news = r->state != to || old.epoch != e->epoch || old.leader_id != e->leader_id;
    leave_state(r, to);
    r->state = to;
    r->election = *e;
    CHECK(!states[to].ok || states[to].ok(r));
    if (is_news)
        NOTE(r->env, NOTE_RAFT_STATE, RAFT_DIR, slice_cstr(states[to].name), (int64_t)to, e->epoch,
             e->leader_id, e->voted.id);
    if (to != RAFT_CLOSED) persist_change(r, &old);
    wait_leader_moved(r);
    apply_kick(r);
}

/* The same epoch keeps its vote. */
static struct election
election_at(const struct raft *r, int32_t epoch, int32_t leader_id)
{
    struct election e = election_none();
    if (epoch == r->election.epoch) e = r->election;
    e.epoch = epoch;
    e.leader_id = leader_id;
    return e;
}

void
raft_become_unattached(struct raft *r, int32_t epoch)
{
    struct election e = election_at(r, epoch, RAFT_NOBODY);
    if (!raft_is_voter(r)) {
        raft_move(r, RAFT_OBSERVER, &e);
        fetcher_go_on(r);
        return;
    }
    raft_move(r, RAFT_UNATTACHED, &e);
    election_begin_wait(r);
}

/* All followers hear their leader for the last time at the same moment: a draw keeps them from standing
 * against each other. Less than a leader's own patience (check_quorum.c). */
static int64_t
fetch_patience(struct raft *r)
{
    int64_t timeout_ns = r->cfg.fetch_timeout_ms * NS_PER_MS;
    return timeout_ns + env_random_below(r->env, STREAM_ELECTION, timeout_ns / 4 + 1);
}

void
raft_become_follower(struct raft *r, int32_t epoch, int32_t leader_id)
{
    struct election e = election_at(r, epoch, leader_id);
    raft_move(r, raft_is_voter(r) ? RAFT_FOLLOWER : RAFT_OBSERVER, &e);
    r->fetch_patience_ns = fetch_patience(r);
    r->fetch_deadline_ns = env_now_ns(r->env) + r->fetch_patience_ns;
    if (r->state == RAFT_FOLLOWER) timer_arm(r->env, &r->timer, r->fetch_deadline_ns);
    fetcher_go_on(r);
}

void
raft_become_resigned(struct raft *r)
{
    leader_send_end(r);
    raft_move(r, RAFT_RESIGNED, &r->election);
    election_begin_wait(r);
}

void
raft_see(struct raft *r, int32_t epoch, int32_t leader_id)
{
    if (r->state == RAFT_CLOSED || epoch < r->election.epoch || epoch == INT32_MAX) return;
    /* That this node leads is for itself to know. */
    if (leader_id == r->cfg.node_id || leader_id < 0) leader_id = RAFT_NOBODY;
    if (epoch > r->election.epoch && leader_id == RAFT_NOBODY) raft_become_unattached(r, epoch);
    else if (leader_id != RAFT_NOBODY && (epoch > r->election.epoch || nobody_leads(r)))
        raft_become_follower(r, epoch, leader_id);
}
