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

static void
connection_free(struct channel *ch)
{
    struct mem *mem = &ch->env->mem;
    MEM_DELETE(mem, CONTAINER_OF(ch, struct broker_connection, channel));
}

/* To brokers that are no part of the cluster any more. */
static void
end_those_that_left(struct broker_channels *bc)
{
    LIST_EACH(&bc->all, c, struct broker_connection, node) {
        if (image_broker(bc->image, c->broker_id)) continue;
        list_remove(&c->node);
        channel_stop(&c->channel, connection_free);
    }
}

static struct broker_connection *
connection_add(struct broker_channels *bc, int32_t broker_id, const struct image_endpoint *ep)
{
    end_those_that_left(bc);
    struct broker_connection *c = MEM_NEW(&bc->env->mem, struct broker_connection);
    c->broker_id = broker_id;
    channel_init(&c->channel, bc->env, ep->host, ep->port, bc->client_id);
    c->channel.login = bc->login;
    list_push_back(&bc->all, &c->node);
    return c;
}

struct channel *
broker_channel(struct broker_channels *bc, int32_t broker_id)
{
    const struct image_broker *b = image_broker(bc->image, broker_id);
    const struct image_endpoint *ep = b ? image_endpoint(b, bc->listener) : NULL;
    if (!ep || bc->is_stopped) return NULL;
    struct broker_connection *c = connection_find(bc, broker_id);
    if (!c) c = connection_add(bc, broker_id, ep);
    else channel_set_address(&c->channel, ep->host, ep->port);
    return &c->channel;
}

void
broker_channels_stop(struct broker_channels *bc)
{
    bc->is_stopped = true;
    for (struct list *n; (n = list_pop_front(&bc->all)) != NULL;)
        channel_stop(&LIST_ENTRY(n, struct broker_connection, node)->channel, connection_free);
}
