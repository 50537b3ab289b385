#include "broker/coordinator/broker_channels.h"

struct broker_connection {
    struct list node;
    int32_t broker_id;
    struct channel channel;
};

void
broker_channels_init(struct broker_channels *bc, struct env *env, const struct image *image,
                     struct slice listener, const struct login_kind *login, struct slice client_id)
{
    *bc = (struct broker_channels){
        .env = env, .image = image, .listener = listener, .login = login, .client_id = client_id};
    list_init(&bc->all);
}

static struct broker_connection *
connection_find(struct broker_channels *bc, int32_t broker_id)
{
    LIST_EACH(&bc->all, it, struct broker_connection, node)
        if (it->broker_id == broker_id) return it;
    return NULL;
}

struct channel *
broker_channel(struct broker_channels *bc, int32_t broker_id)
{
    const struct image_broker *b = image_broker(bc->image, broker_id);
    const struct image_endpoint *ep = b ? image_endpoint(b, bc->listener) : NULL;
    struct broker_connection *c = connection_find(bc, broker_id);
    if (!ep) return NULL;
    if (!c) {
        c = MEM_NEW(&bc->env->mem, struct broker_connection);
        c->broker_id = broker_id;
        channel_init(&c->channel, bc->env, ep->host, ep->port, bc->client_id);
        c->channel.login = bc->login;
        list_push_back(&bc->all, &c->node);
    } else if (c->channel.port != ep->port || !slice_eq(c->channel.host, ep->host)) {
        channel_set_address(&c->channel, ep->host, ep->port);
    }
    return &c->channel;
}

void
broker_channels_stop(struct broker_channels *bc)
{
    LIST_EACH(&bc->all, c, struct broker_connection, node) channel_stop(&c->channel, NULL);
}
