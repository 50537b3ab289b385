/* Requests of the quorum's members to each other. */
#include "broker/api/handlers.h"
#include "broker/base/check.h"
#include "broker/protocol/codec.h"
#include "broker/raft/raft.h"

struct asked {
    struct raft_answer answer;
    struct request *r;
};

static void
answered(struct raft_answer *a, const void *response)
{
    struct asked *asked = CONTAINER_OF(a, struct asked, answer);
    request_answer(asked->r, response);
}

static struct raft_answer *
ask(struct request *r)
{
    struct asked *a = REQUEST_NEW(r, struct asked);
    a->r = r;
    a->answer.done = answered;
    return &a->answer;
}

void
handle_vote(struct server *s, struct request *r)
{
    raft_handle_vote(s->raft, ask(r), r->message);
}

void
handle_begin_quorum_epoch(struct server *s, struct request *r)
{
    raft_handle_begin_quorum_epoch(s->raft, ask(r), r->message);
}

void
handle_end_quorum_epoch(struct server *s, struct request *r)
{
    raft_handle_end_quorum_epoch(s->raft, ask(r), r->message);
}

void
handle_raft_fetch(struct server *s, struct request *r)
{
    raft_handle_fetch(s->raft, ask(r), r->message, r->version);
}

void
handle_fetch_snapshot(struct server *s, struct request *r)
{
    raft_handle_fetch_snapshot(s->raft, ask(r), r->message);
}

void
handle_describe_quorum(struct server *s, struct request *r)
{
    r->not_controller = !raft_is_active(s->raft);
    raft_handle_describe_quorum(s->raft, ask(r), r->message, r->version);
}
