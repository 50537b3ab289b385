/* A partition's life on one broker, as two small machines that are declared in partition_life.c and can move in no
 * other way:
 *
 *   life: what may be done with its log                       role: what the metadata log makes of this broker
 *
 *     OPENING ⇄ ASIDE                                           NONE ⇄ FOLLOWER ⇄ LEADER
 *        │                                                        any of them ──► OFFLINE
 *        ▼
 *      OPEN ⇄ CUTTING
 *        │      any of them ──► DOOMED ──► DROPPED
 *        └──────────────────────────────────► DROPPED
 *
 * A role is played only while the log is open: nobody leads, and nobody begins to follow, on a log that is being
 * opened, cut or deleted. */
#ifndef REPLICA_PARTITION_LIFE_H
#define REPLICA_PARTITION_LIFE_H

#include <stdbool.h>

enum partition_life {
    PARTITION_OPENING, /* its log is being opened, or waits for its turn */
    PARTITION_ASIDE,   /* its directory is another topic's, which is being put aside first */
    PARTITION_OPEN,
    PARTITION_CUTTING, /* a part of its log is going; what the metadata log says is taken over afterwards */
    PARTITION_DOOMED,  /* deleted; what is under way in its log ends first */
    PARTITION_DROPPED, /* deleted; nobody finds it any more, its directory is going */
};
enum { PARTITION_LIVES = PARTITION_DROPPED + 1 };

enum partition_role {
    PARTITION_NONE, /* not (yet) told */
    PARTITION_FOLLOWER,
    PARTITION_LEADER,
    PARTITION_OFFLINE, /* its log failed: final, except that the partition may still be deleted */
};
enum { PARTITION_ROLES = PARTITION_OFFLINE + 1 };

/* Whether the one may come directly after the other. */
bool partition_life_may_follow(enum partition_life from, enum partition_life to);
bool partition_role_may_follow(enum partition_role from, enum partition_role to);
/* Whether this role may be taken over, or kept, in this life. */
bool partition_role_begins_in(enum partition_life life, enum partition_role role);
bool partition_role_lasts_in(enum partition_life life, enum partition_role role);

#endif
