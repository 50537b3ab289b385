/* A question, before a run: each field is one of the message, in that version, and each value can be meant so. */
#include "sim/scenario/ask.h"

#include "broker/protocol/tables.h"

static bool
is_served(struct load *l, const struct step *s, const struct k_api *api, int16_t version)
{
    const struct args *a = &s->args;
    if (!k_api_has_version(api, version)) {
        diag_error(l->d, s->mark, NULL, "ask: %.*s has the versions %d to %d",
                   SARG(k_api_name((int16_t)a->api)), api->min, api->max);
        return false;
    }
    int needed = a->listener == ASK_CONTROLLER ? K_LISTENER_CONTROLLER : K_LISTENER_BROKER;
    if (a->listener == ASK_USERS && !l->s->cluster.users.n) {
        diag_error(l->d, s->mark, "cluster: {users: {alice: wonder}}",
                   "ask: without users there is no listener for them");
        return false;
    }
    if (api->listeners & needed) return true;
    diag_error(l->d, s->mark,
               a->listener == ASK_CONTROLLER ? "listener: broker" : "listener: controller",
               "ask: %.*s is not served there", SARG(k_api_name((int16_t)a->api)));
    return false;
}

void
ask_check(struct load *l, const struct step *s)
{
    const struct args *a = &s->args;
    if (a->api == ANY_API) {
        diag_error(l->d, s->mark, s->verb->example, "ask: what? rpc is missing");
        return;
    }
    const struct k_api *api = k_api_of((int16_t)a->api);
    int16_t version = (int16_t)(a->version >= 0 ? a->version : api->max_stable);
    if (!is_served(l, s, api, version)) return;
    struct ask_scope x = {.l = l, .version = version};
    void *request = arena_alloc(l->a, codec_struct_bytes((enum k_msg)api->request));
    if (!ask_fill(&x, (enum k_msg)api->request, a->sent, request)) return;
    bool is_word = a->wanted && a->wanted->kind == TREE_TEXT &&
                   (slice_eq(a->wanted->text, S("none")) || slice_eq(a->wanted->text, S("any")));
    if (!is_word) (void)ask_fits(&x, (enum k_msg)api->response, NULL, a->wanted);
}
