/* Who may commit offsets for a classic group (KIP-62), and when a committed offset is forgotten (KIP-211). */
#ifndef GROUP_OFFSET_RULES_H
#define GROUP_OFFSET_RULES_H

#include <stdbool.h>
#include <stdint.h>

enum group_state { GROUP_EMPTY, GROUP_PREPARING, GROUP_COMPLETING, GROUP_STABLE, GROUP_DEAD };

/* A commit, and the group that it is for. */
struct commit_view {
    enum group_state state;
    int32_t group_generation;
    int32_t generation; /* of the commit; -1: who commits takes no part in generations */
    bool has_member_id, has_instance_id;
    /* What the group knows of this member: 0, UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID (another has its place). */
    int16_t member_err;
};

/* 0, or why the commit is refused: what stands first counts.
 *
 *      no generation, and the group is empty          0: somebody who only keeps offsets here
 *      no generation, no member id, no instance       UNKNOWN_MEMBER_ID
 *      no member, or one whose place another has      member_err
 *      another generation than the group's            ILLEGAL_GENERATION
 *      the assignment is not known yet (COMPLETING)   REBALANCE_IN_PROGRESS */
int16_t commit_rule(const struct commit_view *c);

/* An offset that is kept for a group. Times are those of the wall, in milliseconds. */
struct offset_view {
    bool has_value; /* one that is committed in the log */
    bool has_more;  /* another is on its way, or waits for the end of its transaction */
    enum group_state state;
    bool has_protocol_type; /* null: the group never had members, it only keeps offsets */
    bool is_of_consumers;   /* the protocol type is "consumer": what they subscribe to is known */
    bool has_epochs;        /* a group of KIP-848 or KIP-1071: the state says nothing of it */
    bool is_subscribed;     /* a member subscribes to the offset's topic */
    int64_t commit_ms,
        expire_ms;          /* expire: said by an old client; -1: the broker's retention counts */
    int64_t state_since_ms; /* the group is in this state; -1: not known */
};

/* Whether it is forgotten now. What is in use is not: in a group with epochs, and in a stable group of consumers, that is
 * what somebody subscribes to; in any other group that has members, everything. The offsets of a group whose last
 * member went age from then, others from their commit. */
bool offset_is_expired(const struct offset_view *o, int64_t retention_ms, int64_t now_ms);

#endif
