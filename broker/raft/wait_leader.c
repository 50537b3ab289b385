/* Who has no leader to fetch from, and is none itself, says so when that lasts (env/wait.h): with each voter, or
 * bootstrap server, and what became of the last request to it. */
#include "broker/raft/state.h"

static bool
is_asked_for_leader(const struct raft *r, const struct member *m)
{
    if (m->who.id == r->cfg.node_id) return false;
    return r->voters.n > 0 ? m->is_voter : true;
}

/* A voter asks for votes, an observer for records. */
static void
tell_member(const struct raft *r, const struct member *m, struct writer *w)
{
    const struct channel *ch = raft_is_voter(r) ? &m->talk : &m->fetch;
    if (m->who.id >= 0) {
        fmt_i64(w, m->who.id);
        fmt_char(w, '@');
    }
    channel_tell(ch, w);
    if (m->refused_with == K_ERR_NONE || ch->last_err != ENV_OK) return;
    fmt_char(w, ' ');
    fmt_slice(w, k_err_name(m->refused_with));
}

void
raft_tell_leader(const struct raft *r, struct writer *w)
{
    bool is_first = true;
    for (int64_t i = 0; i < r->members.n; i++) {
        if (!is_asked_for_leader(r, r->members.v[i])) continue;
        if (!is_first) fmt_str(w, "; ");
        is_first = false;
        tell_member(r, r->members.v[i], w);
    }
    if (is_first) fmt_str(w, "no voter is known");
}

int64_t
raft_leaderless_since_ns(const struct raft *r)
{
    return r->has_leader ? TIME_NEVER : r->leaderless_since_ns;
}

static bool
why_no_leader(struct wait *wait, struct writer *w)
{
    raft_tell_leader(CONTAINER_OF(wait, const struct raft, leader_wait), w);
    return true;
}

static bool
why_snapshot(struct wait *wait, struct writer *w)
{
    const struct raft *r = CONTAINER_OF(wait, const struct raft, snapshot_wait);
    fmt_str(w, "the leader has removed what this node lacks, up to offset ");
    fmt_i64(w, r->snapshot_wanted);
    fmt_str(w, "; fetching one is not possible yet");
    return true;
}

void
wait_leader_init(struct raft *r)
{
    wait_init(&r->leader_wait, r->env, "the leader of the controller quorum", why_no_leader);
    wait_init(&r->snapshot_wait, r->env, "a snapshot of the metadata log", why_snapshot);
}

/* A known leader is waited for, too, until something has come from it. */
void
wait_leader_moved(struct raft *r)
{
    wait_cancel(&r->snapshot_wait);
    if (r->state == RAFT_LEADER) {
        wait_leader_over(r);
        return;
    }
    if (r->has_leader) r->leaderless_since_ns = env_now_ns(r->env);
    r->has_leader = false;
    if (r->state == RAFT_CLOSED) wait_cancel(&r->leader_wait);
    else wait_begin(&r->leader_wait);
}

void
wait_leader_over(struct raft *r)
{
    r->has_leader = true;
    wait_end(&r->leader_wait);
}
