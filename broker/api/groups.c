/* The group coordinator's APIs that wait: each request becomes a call of the coordinator, which answers
 * when it can. */
#include "broker/api/handlers.h"
#include "broker/base/check.h"
#include "broker/group/groups.h"
#include "broker/protocol/codec.h"

struct waiting {
    struct coordinator_call call;
    struct request *r;
};

static void
group_call_answered(struct coordinator_call *c, const void *response)
{
    request_answer(CONTAINER_OF(c, struct waiting, call)->r, response);
}

/* As Java prints an address: "/127.0.0.1". */
static struct slice
client_host(struct request *r)
{
    int64_t n = r->peer.n;
    while (n > 0 && r->peer.p[n - 1] != ':') n--;
    struct slice host = slice_sub(r->peer, 0, n > 0 ? n - 1 : r->peer.n);
    uint8_t *p = arena_alloc(&r->arena, host.n + 1);
    p[0] = '/';
    if (host.n) memcpy(p + 1, host.p, (size_t)host.n);
    return slice(p, host.n + 1);
}

static struct coordinator_call *
group_call_new(struct request *r)
{
    struct waiting *w = REQUEST_NEW(r, struct waiting);
    w->r = r;
    w->call.done = group_call_answered;
    w->call.arena = &r->arena;
    w->call.version = r->version;
    w->call.client_id = r->client_id.p ? r->client_id : SLICE_EMPTY;
    w->call.client_host = client_host(r);
    return &w->call;
}

void
handle_join_group(struct server *s, struct request *r)
{
    groups_join(s->groups, r->message, group_call_new(r));
}

void
handle_sync_group(struct server *s, struct request *r)
{
    groups_sync(s->groups, r->message, group_call_new(r));
}

void
handle_heartbeat(struct server *s, struct request *r)
{
    groups_heartbeat(s->groups, r->message, group_call_new(r));
}

void
handle_leave_group(struct server *s, struct request *r)
{
    groups_leave(s->groups, r->message, group_call_new(r));
}

void
handle_offset_commit(struct server *s, struct request *r)
{
    groups_commit(s->groups, r->message, group_call_new(r));
}

void
handle_offset_delete(struct server *s, struct request *r)
{
    groups_offset_delete(s->groups, r->message, group_call_new(r));
}

/* ---- DeleteGroups: several deletions, one answer ---- */

struct deleting {
    struct request *r;
    struct k_delete_groups_response response;
    int32_t waiting;
};

struct deleting_one {
    struct coordinator_call call;
    struct deleting *of;
    struct k_delete_groups_response_deletable_group_result *result;
};

static void
deleted_one(struct coordinator_call *c, const void *response)
{
    struct deleting_one *one = CONTAINER_OF(c, struct deleting_one, call);
    *one->result = *(const struct k_delete_groups_response_deletable_group_result *)response;
    CHECK(one->of->waiting > 0);
    if (--one->of->waiting == 0) request_answer(one->of->r, &one->of->response);
}

void
handle_delete_groups(struct server *s, struct request *r)
{
    const struct k_delete_groups_request *q = r->message;
    struct deleting *d = REQUEST_NEW(r, struct deleting);
    d->r = r;
    codec_default(K_MSG_DELETE_GROUPS_RESPONSE, &d->response);
    d->response.results_n = q->groups_names_n;
    d->response.results = codec_array(
        &r->arena, K_STRUCT_DELETE_GROUPS_RESPONSE_DELETABLE_GROUP_RESULT, q->groups_names_n);
    d->waiting = q->groups_names_n;
    if (q->groups_names_n <= 0) request_answer(r, &d->response);
    for (int32_t i = 0; i < q->groups_names_n; i++) {
        struct deleting_one *one = REQUEST_NEW(r, struct deleting_one);
        one->of = d;
        one->result = &d->response.results[i];
        one->call = *group_call_new(r);
        one->call.done = deleted_one;
        groups_delete(s->groups, q->groups_names[i], &one->call);
    }
}
