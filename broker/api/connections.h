/* How many connections there may be (KIP-402, KIP-612):
 *
 *     max.connections.per.ip, …overrides     beyond it a new one is closed at once
 *     max.connections                        beyond it a new one waits, unread, until one has gone; the brokers'
 *     listener.name.x.max.connections        own listener is protected: there the least recently used
 *                                            connection of another listener goes instead
 *     max.connection.creation.rate           beyond it a new one waits for its turn (not on the brokers' own)
 *     listener.name.x.max.connection.creation.rate
 *
 * All but the listeners' own can be changed at run time. On the listeners of controllers only a listener's own
 * limits hold: there come votes, heartbeats and what brokers forward, and a limit that is meant for clients
 * must not part a node from itself. (Kafka applies them there, too.) */
#ifndef API_CONNECTIONS_H
#define API_CONNECTIONS_H

#include "broker/api/session.h"

/* A session was accepted: it is let in now, or later, or closed. */
void connections_add(struct session *s);
/* It has gone: others may be let in. */
void connections_remove(struct session *s);
/* The limits may have changed. */
void connections_review(struct server *server);
void connections_init(struct server *server);

#endif
