/* Channels to the brokers of the cluster, one to each that is asked for something; their addresses are those of the metadata. */
#ifndef COORDINATOR_BROKER_CHANNELS_H
#define COORDINATOR_BROKER_CHANNELS_H

#include "broker/metadata/image.h"
#include "broker/protocol/channel.h"

struct broker_channels {
    struct env *env;
    const struct image *image;
    struct slice listener;          /* inter.broker.listener.name */
    const struct login_kind *login; /* there; NULL: none is needed */
    struct slice client_id;
    struct list all;
    bool is_stopped;
};

void broker_channels_init(struct broker_channels *bc, struct env *env, const struct image *image,
                          struct slice listener, const struct login_kind *login,
                          struct slice client_id);
/* NULL: the metadata has no address of it, or they are stopped. Good within the step: the channel to a broker that has left
 * the cluster ends when one to another is made, and its calls fail. */
struct channel *broker_channel(struct broker_channels *bc, int32_t broker_id);
/* All calls fail, in a later step. */
void broker_channels_stop(struct broker_channels *bc);

#endif
