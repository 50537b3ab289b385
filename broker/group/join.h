/* A request to join a group, and what the files that handle it share. */
#ifndef GROUP_JOIN_H
#define GROUP_JOIN_H

#include "broker/group/group.h"

typedef struct k_join_group_request join_request;
typedef struct k_join_group_response join_response;

struct joiner {
    const join_request *q;
    struct coordinator_call *c;
    struct group *g;
};

/* ---- join.c ---- */

/* The member is in the present generation. */
join_response *join_welcome(const struct group *g, const struct member *m,
                            struct coordinator_call *c);
void join_list_members(struct group *g, struct arena *a, join_response *res);
/* Takes over what the request says of the member: time-outs and protocols. */
void join_set_member(struct member *m, const join_request *q);
/* The same, and the member waits from here on. */
void join_update_member(const struct joiner *j, struct member *m);

/* ---- static_member.c ---- */

/* The instance comes back with another process behind it. */
void join_replace_static(const struct joiner *j, struct member *m, struct slice new_id);

#endif
