/* FindCoordinator, of groups and of transactional ids: from version 4 on it asks for several at once, and so is answered. */
#include "broker/client/internal.h"
#include "broker/protocol/codec.h"

const void *
client_find_build(struct client *c, int8_t key_type, const struct slice *key, int16_t version)
{
    struct k_find_coordinator_request *r =
        ARENA_NEW(&c->env->scratch, struct k_find_coordinator_request);
    codec_default(K_MSG_FIND_COORDINATOR_REQUEST, r);
    r->key_type = key_type;
    r->key = version < 4 ? *key : SLICE_EMPTY;
    if (version < 4) return r;
    r->coordinator_keys = ARENA_NEW(&c->env->scratch, struct slice);
    r->coordinator_keys[0] = *key;
    r->coordinator_keys_n = 1;
    return r;
}

struct peer *
client_found_peer(struct client *c, const struct ask *a, enum env_err err, const void *response)
{
    const struct k_find_coordinator_response *r = response;
    if (err) client_next_peer(c);
    if (err) return NULL;
    if (a->version < 4)
        return r->error_code ? NULL : client_learn_peer(c, r->node_id, r->host, r->port);
    if (r->coordinators_n != 1 || r->coordinators[0].error_code) return NULL;
    return client_learn_peer(c, r->coordinators[0].node_id, r->coordinators[0].host,
                             r->coordinators[0].port);
}
