/* Requests that the active controller decides. */
#include "broker/api/handlers.h"
#include "broker/base/check.h"
#include "broker/controller/controller.h"

struct controlled {
    struct controller_call call;
    struct request *r;
};

static void
decided(struct controller_call *call, int16_t err, const void *response)
{
    struct controlled *c = CONTAINER_OF(call, struct controlled, call);
    c->r->not_controller = err == K_ERR_NOT_CONTROLLER;
    request_answer(c->r, response);
}

void
handle_controller(struct server *s, struct request *r)
{
    struct controlled *c = REQUEST_NEW(r, struct controlled);
    c->r = r;
    c->call.done = decided;
    controller_request(s->controller, r->api_key, r->version, r->message, &c->call);
}
