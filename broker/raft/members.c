/* Voters and bootstrap servers: who is where. A member is never removed, since calls under way point
 * to it; one that is a voter no more is only marked. */
#include "broker/raft/state.h"

/* After a break the next try must come soon enough for an election. */
static void
open_channel(struct member *m, struct channel *ch, struct slice client_id)
{
    channel_init(ch, m->raft->env, m->who.host, m->who.port, client_id);
    ch->login = m->raft->cfg.login;
    ch->backoff_ms = m->raft->cfg.retry_backoff_ms;
    ch->backoff_max_ms = MAX(m->raft->cfg.election_timeout_ms / 4, ch->backoff_ms);
}

static struct member *
members_add(struct raft *r, const struct raft_voter *v)
{
    struct mem *mem = &r->env->mem;
    struct member *m = MEM_NEW(mem, struct member);
    m->raft = r;
    m->who = *v;
    m->who.host = mem_dup(mem, v->host);
    m->who.listener = mem_dup(mem, v->listener);
    m->end_offset = m->last_fetch_ms = m->caught_up_ms = -1;
    m->last_fetch_ns = env_now_ns(r->env);
    m->retry.due = election_retry_due;
    open_channel(m, &m->talk, S("raft-client"));
    open_channel(m, &m->fetch, S("raft-fetcher"));
    VEC_PUSH(mem, &r->members, m);
    return m;
}

static bool
member_is_at(const struct member *m, struct slice host, int32_t port)
{
    return m->who.port == port && slice_eq(m->who.host, host);
}

static struct member *
member_at(const struct raft *r, int32_t id, struct slice host, int32_t port)
{
    for (int64_t i = 0; i < r->members.n; i++)
        if (r->members.v[i]->who.id == id && member_is_at(r->members.v[i], host, port))
            return r->members.v[i];
    return NULL;
}

/* The latest that was learnt is the one that counts. */
struct member *
member_by_id(const struct raft *r, int32_t id)
{
    struct member *found = NULL;
    for (int64_t i = 0; i < r->members.n; i++) {
        struct member *m = r->members.v[i];
        if (m->who.id == id && (!found || m->is_voter || !found->is_voter)) found = m;
    }
    return found;
}

struct member *
member_voter(const struct raft *r, struct voter_key key)
{
    for (int64_t i = 0; i < r->members.n; i++) {
        struct member *m = r->members.v[i];
        if (!m->is_voter || m->who.id != key.id) continue;
        if (uuid_is_zero(m->who.directory_id) || uuid_eq(m->who.directory_id, key.directory_id))
            return m;
    }
    return NULL;
}

struct member *
member_leader(const struct raft *r)
{
    return r->election.leader_id == RAFT_NOBODY ? NULL : member_by_id(r, r->election.leader_id);
}

int32_t
members_voters_n(const struct raft *r)
{
    return (int32_t)r->voters.n;
}

void
members_learn(struct raft *r, int32_t id, struct slice host, int32_t port)
{
    struct member *m = member_by_id(r, id);
    if (id < 0 || id == r->cfg.node_id || host.n == 0 || (m && m->is_voter)) return;
    if (m && member_is_at(m, host, port)) return;
    (void)members_add(r, &(struct raft_voter){.id = id, .host = host, .port = port});
}

void
members_set_bootstrap(struct raft *r, const struct raft_endpoint *e, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        (void)members_add(
            r, &(struct raft_voter){.id = RAFT_NOBODY, .host = e[i].host, .port = e[i].port});
}

static void
insert_voter_sorted(struct raft *r, const struct raft_voter *v)
{
    VEC_PUSH(&r->env->mem, &r->voters, *v);
    for (int64_t i = r->voters.n - 1; i > 0 && r->voters.v[i - 1].id > r->voters.v[i].id; i--) {
        struct raft_voter t = r->voters.v[i];
        r->voters.v[i] = r->voters.v[i - 1];
        r->voters.v[i - 1] = t;
    }
}

void
members_set_voters(struct raft *r, const struct raft_voter *v, int32_t n)
{
    CHECK(n <= RAFT_VOTERS_MAX);
    for (int64_t i = 0; i < r->members.n; i++) r->members.v[i]->is_voter = false;
    r->voters.n = 0;
    for (int32_t i = 0; i < n; i++) {
        struct member *m = member_at(r, v[i].id, v[i].host, v[i].port);
        if (!m) m = members_add(r, &v[i]);
        m->who.directory_id = v[i].directory_id;
        m->is_voter = true;
        insert_voter_sorted(r, &m->who);
    }
}

const struct raft_voter *
raft_voters(const struct raft *r, int32_t *ret_n)
{
    *ret_n = (int32_t)r->voters.n;
    return r->voters.v;
}

struct raft_call *
raft_call_new(struct raft *r, struct member *to,
              void (*done)(struct call *, enum env_err, struct slice, struct buf *))
{
    struct raft_call *c = MEM_NEW(&r->env->mem, struct raft_call);
    c->raft = r;
    c->to = to;
    c->epoch = r->election.epoch;
    c->call.done = done;
    return c;
}

void
raft_call_send(struct raft_call *c, struct channel *ch, int16_t api, int16_t version,
               const void *request)
{
    bool is_sent =
        channel_call(ch, &c->call, api, version, request, c->raft->cfg.request_timeout_ms, NULL);
    CHECK(is_sent);
}
