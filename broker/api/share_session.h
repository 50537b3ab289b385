/* Share sessions (KIP-932): which partitions a member of a share group fetches from this broker. A session goes with
 * its connection; what its member held is then there for others. */
#ifndef API_SHARE_SESSION_H
#define API_SHARE_SESSION_H

#include "broker/api/share_session_rule.h"
#include "broker/share/share_partition.h"

#include "messages.h"

struct session;

struct share_session_part {
    struct uuid topic;
    int32_t partition;
};

struct share_session {
    struct map_node by_id;
    struct list node; /* among its connection's */
    struct share_sessions *all;
    struct slice group;
    struct buf *member;
    int32_t epoch; /* of the request that comes next */
    VEC(struct share_session_part) parts;
};

struct share_sessions {
    struct env *env;
    const struct config *config;
    struct share_parts *parts;
    struct map by_id;
};

void share_sessions_init(struct share_sessions *all, struct env *env, const struct config *config,
                         struct share_parts *parts);
struct share_session *share_session_find(struct share_sessions *all, struct slice group,
                                         struct slice member);
/* In the place of the member's old one. NULL: there are too many (group.share.max.share.sessions). conn NULL: it
 * goes with no connection. */
struct share_session *share_session_new(struct share_sessions *all, struct slice group,
                                        struct slice member, struct list *of_conn);
/* Takes over what a request names, then what it forgets. False: there is no room for that. */
bool share_session_take(struct share_session *s, const struct k_share_fetch_request *q);
void share_session_end(struct share_session *s);
/* All that go with a connection. */
void share_sessions_end_of(struct list *of_conn);

#endif
