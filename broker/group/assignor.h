/* Who shall have which partitions: the assignors that run on the server (KIP-848). Pure functions; what they
 * decide becomes records, so it depends on nothing but their input, and members are taken in the order of
 * their ids. */
#ifndef GROUP_ASSIGNOR_H
#define GROUP_ASSIGNOR_H

#include "broker/group/tp_set.h"

struct assign_topic {
    struct uuid id;
    int32_t partitions_n;
};

struct assign_member {
    struct slice id, instance_id; /* instance_id null: dynamic */
    const int32_t *topics; /* that it subscribes to: places in the topics' array, ascending */
    int32_t topics_n;
    struct tp_set had; /* of the assignment before */
    struct tp_set ret; /* the result, in the arena */
};

struct assign_input {
    struct arena *arena;
    const struct assign_topic *topics; /* by id; that somebody subscribes to, and that exist */
    int32_t topics_n;
    struct assign_member *members; /* by id */
    int32_t members_n;
};

/* Whether all members subscribe to all the topics. */
bool assign_is_uniform(const struct assign_input *in);

/* Everybody as many partitions as everybody else, or one more, as far as subscriptions allow; and as few
 * as possible change hands. */
void assign_uniformly(struct assign_input *in);
/* Of each topic a run of neighbours, static members first, so that partitions of the same number in
 * several topics meet in one member. */
void assign_ranges(struct assign_input *in);

enum server_assignor { SERVER_UNIFORM, SERVER_RANGE, SERVER_ASSIGNORS_N };
/* -1: there is none of that name. */
int server_assignor_of(struct slice name);
struct slice server_assignor_name(enum server_assignor a);
void assign(enum server_assignor a, struct assign_input *in);

#endif
