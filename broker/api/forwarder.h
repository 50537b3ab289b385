/* What a broker passes on to the active controller: clients' requests in envelopes (KIP-590), topics
 * that are created because somebody asked for them. */
#ifndef API_FORWARDER_H
#define API_FORWARDER_H

#include "broker/api/server.h"
#include "broker/replica/controller_link.h"

struct forwarder {
    struct server *server;
    struct controller_link link;
    struct list creations;
    int32_t creations_n;
};

struct forwarder *forwarder_new(struct server *s);
void forwarder_stop(struct forwarder *f);
/* Asks the controller to create the topic with the defaults (internal ones with theirs); nothing
 * happens when that is under way, nor when a hundred others are: whoever wants it asks again. */
void forwarder_create_topic(struct forwarder *f, struct slice name);
/* The same for a share group's dead-letter topic. */
void forwarder_create_dead_letter_topic(struct forwarder *f, struct slice name);
/* The same for a topic that a streams application needs for itself, as it wants it. */
struct internal_topic;
void forwarder_create_internal_topic(struct forwarder *f, const struct internal_topic *t);

#endif
