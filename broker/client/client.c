#include "broker/client/client.h"

#include "broker/base/address.h"
#include "broker/client/internal.h"

struct client_params
client_params_default(void)
{
    return (struct client_params){
        .client_id = S("gregor"),
        .request_timeout_ms = 30000,
        .connect_timeout_ms = 10000,
        .retry_backoff_ms = 100,
        .retry_backoff_max_ms = 1000,
        .reconnect_backoff_ms = 50,
        .reconnect_backoff_max_ms = 1000,
        .metadata_max_age_ms = 300000,
        .allow_auto_topic_creation = true,
    };
}

static bool
add_bootstrap_servers(struct client *c, struct slice list)
{
    for (int64_t from = 0; from <= list.n;) {
        int64_t comma = slice_find(list, ',', from);
        int64_t end = comma < 0 ? list.n : comma;
        struct slice one = slice_trim(slice_sub(list, from, end - from)), host;
        int32_t port;
        if (one.n > 0) {
            if (!address_parse(one, &host, &port) || host.n == 0 || port == 0) return false;
            client_add_bootstrap(c, host, port);
        }
        from = end + 1;
    }
    return !list_is_empty(&c->peers);
}

/* Not all clients begin at the same broker. */
static void
choose_first(struct client *c)
{
    int64_t n = 0;
    LIST_EACH(&c->peers, p, struct peer, node) n++;
    for (int64_t i = env_random_below(c->env, STREAM_JITTER, n); i >= 0; i--) client_next_peer(c);
}

struct client *
client_new(struct env *env, const struct client_params *p)
{
    struct client *c = MEM_NEW(&env->mem, struct client);
    c->env = env;
    c->params = *p;
    c->params.client_id = mem_dup(&env->mem, p->client_id);
    list_init(&c->peers);
    list_init(&c->failed);
    c->tell.run = client_tell_failed;
    client_metadata_init(c);
    if (!add_bootstrap_servers(c, p->bootstrap)) {
        LIST_EACH(&c->peers, peer, struct peer, node) {
            mem_free_slice(&env->mem, peer->host);
            MEM_DELETE(&env->mem, peer);
        }
        mem_free_slice(&env->mem, c->params.client_id);
        MEM_DELETE(&env->mem, c);
        return NULL;
    }
    c->params.bootstrap = SLICE_NULL;
    choose_first(c);
    return c;
}

struct env *
client_env(struct client *c)
{
    return c->env;
}
