/* What records of consumer, share and streams groups have in common: the key of each is a group, or a group and one of its
 * members, whatever the kind. */
#ifndef GROUP_RECORD_KINDS_H
#define GROUP_RECORD_KINDS_H

#include "broker/group/shard.h"

struct record_kind {
    enum k_msg key, value;
};

/* A tombstone of each kind, in this order. member_id: null where the keys have none. */
void record_gone_of_each(struct batch_builder *b, const struct group *g,
                         const struct record_kind *v, int n, struct slice member_id);
/* Reads a key, and its value if it has one. False: they cannot be read. What is read
 * lies in scratch memory. */
bool group_record_read(struct shard *s, enum k_msg key_msg, enum k_msg value_msg,
                       struct reader *key, struct slice value, void *ret_key, void *ret_value);

#endif
