/* Requests of the quorum's members to each other. */
#include "broker/api/handlers.h"
#include "broker/base/check.h"
#include "broker/protocol/codec.h"
#include "broker/raft/raft.h"

struct asked {
    struct raft_answer answer;
    struct request *r;
};

/* An answer with what its version cannot say taken out: where the leader is (KIP-853). */
#define ANSWER_BEFORE(r, type, first) \
    if ((r)->version < (first)) { \
        struct type without = *(const struct type *)response; \
        without.node_endpoints = NULL; \
        without.node_endpoints_n = 0; \
        request_answer(r, &without); \
        return; \
    } \
    break

static void
raft_answered(struct raft_answer *a, const void *response)
{
    struct request *r = CONTAINER_OF(a, struct asked, answer)->r;
    switch (r->api_key) {
    case K_API_VOTE: ANSWER_BEFORE(r, k_vote_response, 1);
    case K_API_BEGIN_QUORUM_EPOCH: ANSWER_BEFORE(r, k_begin_quorum_epoch_response, 1);
    case K_API_END_QUORUM_EPOCH: ANSWER_BEFORE(r, k_end_quorum_epoch_response, 1);
    case K_API_FETCH: ANSWER_BEFORE(r, k_fetch_response, 16);
    default: break;
    }
    request_answer(r, response);
}

static struct raft_answer *
raft_answer_new(struct request *r)
{
    struct asked *a = REQUEST_NEW(r, struct asked);
    a->r = r;
    a->answer.done = raft_answered;
    return &a->answer;
}

static struct raft_answer *
ask_as_member(struct request *r)
{
    request_is_of_quorum(r);
    return raft_answer_new(r);
}

void
handle_vote(struct server *s, struct request *r)
{
    raft_handle_vote(s->raft, ask_as_member(r), r->message);
}

void
handle_begin_quorum_epoch(struct server *s, struct request *r)
{
    raft_handle_begin_quorum_epoch(s->raft, ask_as_member(r), r->message);
}

void
handle_end_quorum_epoch(struct server *s, struct request *r)
{
    raft_handle_end_quorum_epoch(s->raft, ask_as_member(r), r->message);
}

void
handle_raft_fetch(struct server *s, struct request *r)
{
    raft_handle_fetch(s->raft, ask_as_member(r), r->message, r->version);
}

void
handle_fetch_snapshot(struct server *s, struct request *r)
{
    raft_handle_fetch_snapshot(s->raft, ask_as_member(r), r->message);
}

void
handle_update_raft_voter(struct server *s, struct request *r)
{
    raft_handle_update_voter(s->raft, ask_as_member(r), r->message);
}

void
handle_describe_quorum(struct server *s, struct request *r)
{
    r->not_controller = !raft_is_active(s->raft);
    raft_handle_describe_quorum(s->raft, raft_answer_new(r), r->message, r->version);
}
