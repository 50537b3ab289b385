/* Follower fetching (KIP-392), for consumers that say which rack they are in (client.rack). */
#ifndef API_READ_REDIRECT_H
#define API_READ_REDIRECT_H

#include "broker/api/server.h"

/* The broker from which the consumer shall read on, as replica.selector.class says; -1: from this one. */
int32_t read_redirect(struct server *s, const struct partition *p, struct slice rack,
                      int64_t offset);

#endif
