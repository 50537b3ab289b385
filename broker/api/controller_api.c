/* Requests that the active controller decides. */
#include "broker/api/handlers.h"
#include "broker/base/check.h"
#include "broker/controller/controller.h"

struct controlled {
    struct controller_call call;
    struct request *r;
};

static void
controller_answered(struct controller_call *call, int16_t err, const void *response)
{
    struct controlled *c = CONTAINER_OF(call, struct controlled, call);
    c->r->not_controller = err == K_ERR_NOT_CONTROLLER;
    request_answer(c->r, response);
}

/* What brokers and controllers ask for on their own behalf. (What they forward is a client's.) */
static bool
is_of_member(int16_t api_key)
{
    switch (api_key) {
    case K_API_ALTER_PARTITION:
    case K_API_BROKER_REGISTRATION:
    case K_API_BROKER_HEARTBEAT:
    case K_API_ALLOCATE_PRODUCER_IDS:
    case K_API_CONTROLLER_REGISTRATION:
    case K_API_ASSIGN_REPLICAS_TO_DIRS: return true;
    default: return false;
    }
}

void
handle_controller(struct server *s, struct request *r)
{
    if (is_of_member(r->api_key)) request_is_of_quorum(r);
    struct controlled *c = REQUEST_NEW(r, struct controlled);
    c->r = r;
    c->call.done = controller_answered;
    controller_request(s->controller, r->api_key, r->version, r->message, &c->call);
}
