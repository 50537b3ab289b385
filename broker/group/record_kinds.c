#include "broker/group/record_kinds.h"

#include "broker/base/check.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/record_frame.h"

/* As each of them begins. */
struct any_key {
    struct slice group_id, member_id;
};

#define IS_OF_MEMBER(type) \
    _Static_assert(sizeof(struct type) == sizeof(struct any_key) && \
                       offsetof(struct type, member_id) == offsetof(struct any_key, member_id), \
                   "a group and a member")
#define IS_OF_GROUP(type) \
    _Static_assert(sizeof(struct type) == sizeof(struct slice), "a group alone")

IS_OF_MEMBER(k_consumer_group_member_metadata_key);
IS_OF_MEMBER(k_consumer_group_target_assignment_member_key);
IS_OF_MEMBER(k_consumer_group_current_member_assignment_key);
IS_OF_MEMBER(k_share_group_member_metadata_key);
IS_OF_MEMBER(k_share_group_target_assignment_member_key);
IS_OF_MEMBER(k_share_group_current_member_assignment_key);
IS_OF_MEMBER(k_streams_group_member_metadata_key);
IS_OF_MEMBER(k_streams_group_target_assignment_member_key);
IS_OF_MEMBER(k_streams_group_current_member_assignment_key);
IS_OF_GROUP(k_share_group_metadata_key);
IS_OF_GROUP(k_share_group_state_partition_metadata_key);
IS_OF_GROUP(k_share_group_target_assignment_metadata_key);
IS_OF_GROUP(k_streams_group_metadata_key);
IS_OF_GROUP(k_streams_group_topology_key);
IS_OF_GROUP(k_streams_group_target_assignment_metadata_key);

void
record_gone_of_each(struct batch_builder *b, const struct group *g, const struct record_kind *v,
                    int n, struct slice member_id)
{
    struct any_key key = {g->id, member_id};
    for (int i = 0; i < n; i++)
        coordinator_add_record(b, group_env(g), v[i].key, &key, v[i].value, NULL);
}

bool
group_record_read(struct shard *s, enum k_msg key_msg, enum k_msg value_msg, struct reader *key,
                  struct slice value, void *ret_key, void *ret_value)
{
    struct arena *scratch = &shard_env(&s->base)->scratch;
    struct reader r = reader(value);
    int16_t version;
    if (!codec_decode(key_msg, 0, key, scratch, ret_key)) return false;
    return !value.p || (coordinator_value_read(&r, value_msg, &version) &&
                        codec_decode(value_msg, version, &r, scratch, ret_value));
}
