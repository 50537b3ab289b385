/* Votes of the quorum, as the wire tells them: a request for votes in an epoch says that its sender votes for itself in it, an
 * answer that grants one says for whom by where it goes. Nobody is asked for whom it voted. A vote that was told must be on the
 * medium, or a power loss lets its voter give another one in the same epoch. */
#include "broker/base/fmt.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "sim/check/invariants_own.h"

#include "apis.h"
#include "messages.h"

#define METADATA S("__cluster_metadata-0")
#define STATE_BYTES_MAX 4096
#define CONTROLLER_PORT 9093

/* ---- what was told -------------------------------------------------------------------------------- */

void
invariants_vote_told(struct invariants *v, int64_t at_ns, int32_t node, int32_t for_id,
                     int32_t epoch)
{
    v->at_ns = at_ns;
    v->node = node;
    if (!model_node(&v->model, node)) return;
    for (int64_t i = v->votes.n; i-- > 0;) {
        const struct vote_seen *s = &v->votes.v[i];
        if (s->node != node || s->epoch != epoch || s->is_forgotten) continue;
        if (s->id != for_id)
            breach(v, RULE_ONE_VOTE, model_key(&v->model, METADATA), -1,
                   "voted for # in an epoch in which it had voted for #", for_id, s->id);
        return;
    }
    struct vote_seen new = {.node = node, .epoch = epoch, .id = for_id};
    VEC_PUSH(v->mem, &v->votes, new);
}

/* An empty disk knows of no vote, and that is no fault of who reads it. */
void
votes_wiped(struct invariants *v, int32_t node)
{
    for (int64_t i = v->votes.n; i-- > 0;)
        if (v->votes.v[i].node == node) v->votes.v[i].is_forgotten = true;
}

static int32_t
votes_told(const struct invariants *v, int32_t id, int32_t epoch)
{
    int32_t n = 0;
    for (int64_t i = 0; i < v->votes.n; i++)
        n += v->votes.v[i].epoch == epoch && v->votes.v[i].id == id;
    return n;
}

/* Raft, 5.2: who leads has been told by a majority, itself among them, that it has their votes in this very epoch; that they
 * would vote for it (KIP-996), or had done so in another one, elects nobody. */
void
check_votes(struct invariants *v, struct topic_key *k, int32_t epoch)
{
    int32_t voters = 0, id = model_node(&v->model, v->node)->id, told = votes_told(v, id, epoch);
    for (int64_t i = 0; i < v->model.nodes.n; i++)
        voters += v->model.nodes.v[i].id >= 0 && v->model.nodes.v[i].is_voter;
    /* One voter alone asks nobody; and where no wire is looked at (in tests) nothing is known. */
    if (voters < 2 || !(v->world || v->votes.n) || 2 * told > voters) return;
    breach(v, RULE_ELECTED_BY_FEW, k, -1, "leads epoch #; # voted for it", epoch, told);
}

/* ---- what is on the medium ------------------------------------------------------------------------- */

struct looking {
    struct invariants *v;
    struct machine *m;
    bool found;
    int64_t epoch, voted;
};

/* The number behind a name: "leaderEpoch":3 */
static bool
member_of(struct slice json, struct slice name, int64_t *ret)
{
    for (int64_t at = 0; at + name.n < json.n; at++) {
        if (memcmp(json.p + at, name.p, (size_t)name.n) != 0) continue;
        int64_t from = at + name.n, to = from;
        while (to < json.n && (json.p[to] == '-' || (json.p[to] >= '0' && json.p[to] <= '9'))) to++;
        return slice_to_i64(slice_sub(json, from, to - from), ret);
    }
    return false;
}

static void
read_quorum_state(void *ctx, struct slice path, int64_t size)
{
    struct looking *l = ctx;
    uint8_t text[STATE_BYTES_MAX];
    if (l->found || size > STATE_BYTES_MAX ||
        !slice_ends(path, S("__cluster_metadata-0/quorum-state")))
        return;
    int64_t n = disk_peek(l->m, path, IMAGE_DURABLE, 0, text, sizeof text);
    struct slice json = slice(text, MAX(0, n));
    l->found = member_of(json, S("\"leaderEpoch\":"), &l->epoch) &&
               member_of(json, S("\"votedId\":"), &l->voted);
}

static void
check_vote_is_durable(struct invariants *v, struct machine *m, int32_t for_id, int32_t epoch)
{
    struct looking l = {.v = v, .m = m};
    const struct model_node *n = model_node(&v->model, m->index);
    if (!n || n->is_spoilt) return;
    disk_peek_dir(m, S("data/__cluster_metadata-0"), IMAGE_DURABLE, read_quorum_state, &l);
    if (!l.found) disk_peek_all(m, IMAGE_DURABLE, read_quorum_state, &l);
    if (l.found && (l.epoch > epoch || (l.epoch == epoch && l.voted == for_id))) return;
    breach(v, RULE_DISK_TRUTH, model_key(&v->model, METADATA), -1,
           "told of its vote for # in epoch #; a power loss may take it", for_id, epoch);
}

/* A voter that speaks in an epoch has left the one before for good: what it fetched counts for the new leader, and the old
 * one may get nothing from it any more, also after a power loss. */
static void
judge_epoch(struct invariants *v, struct machine *voter, int32_t epoch)
{
    struct voter_seen *s = voter_seen(v, voter->index);
    const struct model_node *n = model_node(&v->model, voter->index);
    struct looking l = {.v = v, .m = voter};
    if (!n || !n->is_voter || n->is_spoilt || epoch <= s->proved_epoch) return;
    s->proved_epoch = epoch;
    disk_peek_dir(voter, S("data/__cluster_metadata-0"), IMAGE_DURABLE, read_quorum_state, &l);
    if (!l.found) disk_peek_all(voter, IMAGE_DURABLE, read_quorum_state, &l);
    if (l.found && l.epoch >= epoch) return;
    v->node = voter->index;
    breach(v, RULE_DISK_TRUTH, model_key(&v->model, METADATA), -1,
           "speaks in epoch #; a power loss may take it back to epoch #", epoch,
           l.found ? l.epoch : 0);
}

/* ---- frames ---------------------------------------------------------------------------------------- */

static void
judge_vote(struct invariants *v, int64_t at_ns, struct machine *voter, int32_t for_id,
           int32_t epoch)
{
    if (for_id < 0 || model_id_of(voter->name) < 0) return;
    invariants_vote_told(v, at_ns, voter->index, for_id, epoch);
    check_vote_is_durable(v, voter, for_id, epoch);
}

/* After a restart its sender uses the same numbers again: nobody waits for the answer to what it asked before. */
static void
forget_same_numbers(struct invariants *v, const struct world_frame *f)
{
    for (int64_t i = v->vote_requests.n; i-- > 0;) {
        const struct vote_asked *a = &v->vote_requests.v[i];
        bool is_same = a->sender == f->from->index && a->conn == f->conn;
        if (is_same && a->correlation == f->correlation) VEC_REMOVE_AT(&v->vote_requests, i);
    }
}

/* The epoch for which the request asked to which this answers; -1: it asked for no vote, but whether it would get one
 * (pre-vote). Numbers do not tell: a voter that was paused answers what a process asked that is dead, and the one after it
 * may have asked for a vote with the same numbers. */
static int32_t
take_asked(struct invariants *v, const struct world_frame *answer)
{
    for (int64_t i = v->vote_requests.n; i-- > 0;) {
        const struct vote_asked a = v->vote_requests.v[i];
        if (a.frame != answer->answers) continue;
        VEC_REMOVE_AT(&v->vote_requests, i);
        return a.epoch;
    }
    return -1;
}

static void
take_request(struct invariants *v, const struct world_frame *f, struct slice frame)
{
    struct reader r = reader(frame);
    struct request_head head;
    struct arena arena;
    struct k_vote_request q;
    arena_init(&arena, v->mem, 0);
    forget_same_numbers(v, f);
    if (request_head_read(&r, &arena, &head) == HEAD_OK &&
        codec_decode(K_MSG_VOTE_REQUEST, head.version, &r, &arena, &q) && q.topics_n == 1 &&
        q.topics[0].partitions_n == 1 && !q.topics[0].partitions[0].pre_vote) {
        int32_t epoch = q.topics[0].partitions[0].replica_epoch;
        struct vote_asked asked = {f->id, f->conn, f->from->index, f->correlation, epoch};
        VEC_PUSH(v->mem, &v->vote_requests, asked);
        judge_vote(v, f->at_ns, f->from, model_id_of(f->from->name), epoch);
    }
    arena_release(&arena);
}

static void
take_answer(struct invariants *v, const struct world_frame *f, struct slice frame)
{
    struct reader r = reader(frame);
    struct arena arena;
    struct k_vote_response p;
    int32_t correlation_id, epoch = take_asked(v, f);
    if (epoch < 0 || !response_head_read(&r, K_API_VOTE, f->version, &correlation_id)) return;
    arena_init(&arena, v->mem, 0);
    bool is_one = codec_decode(K_MSG_VOTE_RESPONSE, f->version, &r, &arena, &p) &&
                  p.topics_n == 1 && p.topics[0].partitions_n == 1;
    if (is_one && p.topics[0].partitions[0].vote_granted)
        judge_vote(v, f->at_ns, f->from, model_id_of(f->to->name), epoch);
    if (is_one)
        v->at_ns = f->at_ns, judge_epoch(v, f->from, p.topics[0].partitions[0].leader_epoch);
    arena_release(&arena);
}

/* Of a voter that follows: the first in each epoch. */
static void
take_fetch(struct invariants *v, const struct world_frame *f, struct slice frame)
{
    const struct voter_seen *s = voter_seen(v, f->from->index);
    struct reader r = reader(frame);
    struct request_head head;
    struct arena arena;
    struct k_fetch_request q;
    if (s->epoch <= s->proved_epoch) return;
    arena_init(&arena, v->mem, 0);
    if (request_head_read(&r, &arena, &head) == HEAD_OK &&
        codec_decode(K_MSG_FETCH_REQUEST, head.version, &r, &arena, &q) && q.topics_n == 1 &&
        q.topics[0].partitions_n == 1)
        v->at_ns = f->at_ns,
        judge_epoch(v, f->from, q.topics[0].partitions[0].current_leader_epoch);
    arena_release(&arena);
}

/* Of whoever is asked: that somebody leads in an epoch is said by a voter that is in it for good. An answer with records from files is
 * not whole here, and comes from a leader, which has spoken before. */
static void
take_fetched(struct invariants *v, const struct world_frame *f, struct slice frame)
{
    const struct voter_seen *s = voter_seen(v, f->from->index);
    struct reader r = reader(frame);
    struct arena arena;
    struct k_fetch_response p;
    int32_t correlation_id;
    if (s->epoch <= s->proved_epoch || f->bytes > frame.n + 4) return;
    arena_init(&arena, v->mem, 0);
    if (response_head_read(&r, f->api, f->version, &correlation_id) &&
        codec_decode(K_MSG_FETCH_RESPONSE, f->version, &r, &arena, &p) && p.responses_n == 1 &&
        p.responses[0].partitions_n == 1 &&
        p.responses[0].partitions[0].current_leader.leader_epoch >= 0)
        v->at_ns = f->at_ns,
        judge_epoch(v, f->from, p.responses[0].partitions[0].current_leader.leader_epoch);
    arena_release(&arena);
}

void
votes_hear(struct invariants *v, const struct world_frame *f, struct slice bytes)
{
    if (!f->to || bytes.n < 8) return;
    struct slice frame = slice_sub(bytes, 4, bytes.n - 4);
    if (f->api == K_API_FETCH && !f->is_answer && f->port == CONTROLLER_PORT)
        take_fetch(v, f, frame);
    if (f->api == K_API_FETCH && f->is_answer && f->port == CONTROLLER_PORT)
        take_fetched(v, f, frame);
    if (f->api != K_API_VOTE) return;
    if (f->is_answer) take_answer(v, f, frame);
    else take_request(v, f, frame);
}
