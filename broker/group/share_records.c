/* The records of share groups, written and read. One of a member may stand in the log before the group's own, or
 * without it, when compaction took the other away: each makes what it needs. */
#include "broker/group/record_kinds.h"
#include "broker/group/share_group.h"
#include "broker/protocol/codec.h"

typedef struct k_share_group_member_metadata_value spec_value;
typedef struct k_share_group_metadata_value epoch_value;
typedef struct k_share_group_target_assignment_metadata_value assigned_value;
typedef struct k_share_group_target_assignment_member_value target_value;
typedef struct k_share_group_target_assignment_member_value_topic_partition target_topic;
typedef struct k_share_group_current_member_assignment_value current_value;
typedef struct k_share_group_current_member_assignment_value_topic_partitions current_topic;
typedef struct k_share_group_state_partition_metadata_value states_value;
typedef struct k_share_group_state_partition_metadata_value_topic_partitions_info states_topic;

/* ---- writing ---- */

static void
add_share_group_record(struct batch_builder *b, const struct group *g, enum k_msg key_msg,
                       const void *key, enum k_msg value_msg, const void *value)
{
    coordinator_add_record(b, group_env(g), key_msg, key, value_msg, value);
}

void
record_share_spec(struct batch_builder *b, const struct group *g, struct slice member_id,
                  const consumer_spec *spec)
{
    struct k_share_group_member_metadata_key key = {g->id, member_id};
    spec_value v;
    codec_default(K_MSG_SHARE_GROUP_MEMBER_METADATA_VALUE, &v);
    v.rack_id = spec->rack_id;
    v.client_id = spec->client_id;
    v.client_host = spec->client_host;
    v.subscribed_topic_names = spec->subscribed_topic_names;
    v.subscribed_topic_names_n = spec->subscribed_topic_names_n;
    add_share_group_record(b, g, K_MSG_SHARE_GROUP_MEMBER_METADATA_KEY, &key,
                           K_MSG_SHARE_GROUP_MEMBER_METADATA_VALUE, &v);
}

void
record_share_epoch(struct batch_builder *b, const struct group *g, int32_t epoch, int64_t hash)
{
    struct k_share_group_metadata_key key = {g->id};
    epoch_value v = {.epoch = epoch, .metadata_hash = hash};
    add_share_group_record(b, g, K_MSG_SHARE_GROUP_METADATA_KEY, &key,
                           K_MSG_SHARE_GROUP_METADATA_VALUE, &v);
}

static int32_t *
run_indexes(struct arena *a, const struct tp_set *s, int64_t from, int64_t end)
{
    int32_t *v = ARENA_ARRAY(a, int32_t, end - from);
    for (int64_t i = from; i < end; i++) v[i - from] = s->v[i].index;
    return v;
}

void
record_share_target(struct batch_builder *b, const struct group *g, struct slice member_id,
                    const struct tp_set *target)
{
    struct k_share_group_target_assignment_member_key key = {g->id, member_id};
    struct arena a;
    arena_init(&a, &group_env(g)->mem, 0);
    target_value v = {.topic_partitions = ARENA_ARRAY(&a, target_topic, target->n)};
    for (int64_t i = 0, end; i < target->n; i = end) {
        end = tp_set_topic_end(target, i);
        v.topic_partitions[v.topic_partitions_n++] =
            (target_topic){.topic_id = target->v[i].topic,
                           .partitions = run_indexes(&a, target, i, end),
                           .partitions_n = (int32_t)(end - i)};
    }
    add_share_group_record(b, g, K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY, &key,
                           K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE, &v);
    arena_release(&a);
}

void
record_share_assigned(struct batch_builder *b, const struct group *g, int32_t epoch,
                      int64_t time_ms)
{
    struct k_share_group_target_assignment_metadata_key key = {g->id};
    assigned_value v = {.assignment_epoch = epoch, .assignment_timestamp = time_ms};
    add_share_group_record(b, g, K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_METADATA_KEY, &key,
                           K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE, &v);
}

/* A member of a share group has nothing to give up: it is always stable. */
void
record_share_current(struct batch_builder *b, const struct group *g, struct slice member_id,
                     int32_t epoch, int32_t previous_epoch, const struct tp_set *assigned)
{
    struct k_share_group_current_member_assignment_key key = {g->id, member_id};
    struct arena a;
    arena_init(&a, &group_env(g)->mem, 0);
    current_value v = {.member_epoch = epoch,
                       .previous_member_epoch = previous_epoch,
                       .state = MEMBER_STABLE,
                       .assigned_partitions = ARENA_ARRAY(&a, current_topic, assigned->n)};
    for (int64_t i = 0, end; i < assigned->n; i = end) {
        end = tp_set_topic_end(assigned, i);
        v.assigned_partitions[v.assigned_partitions_n++] =
            (current_topic){.topic_id = assigned->v[i].topic,
                            .partitions = run_indexes(&a, assigned, i, end),
                            .partitions_n = (int32_t)(end - i)};
    }
    add_share_group_record(b, g, K_MSG_SHARE_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY, &key,
                           K_MSG_SHARE_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE, &v);
    arena_release(&a);
}

/* Topics that are deleted meanwhile have no name any more; their states go by themselves. */
static states_topic *
states_of(const struct group *g, struct arena *a, const struct tp_set *s, int32_t *ret_n)
{
    const struct image *im = g->shard->owner->base.image;
    states_topic *ret = ARENA_ARRAY(a, states_topic, s->n);
    *ret_n = 0;
    for (int64_t i = 0, end; i < s->n; i = end) {
        const struct image_topic *t = image_topic_by_id(im, s->v[i].topic);
        end = tp_set_topic_end(s, i);
        if (!t) continue;
        ret[(*ret_n)++] = (states_topic){.topic_id = t->id,
                                         .topic_name = t->name,
                                         .partitions = run_indexes(a, s, i, end),
                                         .partitions_n = (int32_t)(end - i)};
    }
    return ret;
}

void
record_share_states(struct batch_builder *b, const struct group *g,
                    const struct tp_set *initializing, const struct tp_set *initialized)
{
    struct k_share_group_state_partition_metadata_key key = {g->id};
    struct arena a;
    arena_init(&a, &group_env(g)->mem, 0);
    states_value v;
    codec_default(K_MSG_SHARE_GROUP_STATE_PARTITION_METADATA_VALUE, &v);
    v.initializing_topics = states_of(g, &a, initializing, &v.initializing_topics_n);
    v.initialized_topics = states_of(g, &a, initialized, &v.initialized_topics_n);
    add_share_group_record(b, g, K_MSG_SHARE_GROUP_STATE_PARTITION_METADATA_KEY, &key,
                           K_MSG_SHARE_GROUP_STATE_PARTITION_METADATA_VALUE, &v);
    arena_release(&a);
}

/* In this order: whoever reads finds nothing assigned to a member that is not there. */
void
record_share_member_gone(struct batch_builder *b, const struct group *g, struct slice member_id)
{
    static const struct record_kind kinds[] = {
        {K_MSG_SHARE_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY,
         K_MSG_SHARE_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE},
        {K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY,
         K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE},
        {K_MSG_SHARE_GROUP_MEMBER_METADATA_KEY, K_MSG_SHARE_GROUP_MEMBER_METADATA_VALUE}};
    record_gone_of_each(b, g, kinds, ARRAY_LEN(kinds), member_id);
}

void
record_share_gone_group(struct batch_builder *b, const struct group *g)
{
    static const struct record_kind kinds[] = {
        {K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_METADATA_KEY,
         K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE},
        {K_MSG_SHARE_GROUP_STATE_PARTITION_METADATA_KEY,
         K_MSG_SHARE_GROUP_STATE_PARTITION_METADATA_VALUE},
        {K_MSG_SHARE_GROUP_METADATA_KEY, K_MSG_SHARE_GROUP_METADATA_VALUE}};
    MAP_EACH(&g->share->members, m, struct share_member, by_id)
        record_share_member_gone(b, g, m->id);
    record_gone_of_each(b, g, kinds, ARRAY_LEN(kinds), SLICE_NULL);
}

/* ---- reading ---- */

/* The group, as a share group; NULL: there is another one of that name, or (a tombstone) none. */
static struct group *
share_group_of(struct shard *s, struct slice id, bool make)
{
    struct group *g = group_find(s, id);
    if (g && g->share) return g;
    if (!make || (g && !group_is_blank(g))) return NULL;
    if (!g) g = group_new(s, id);
    share_group_begin(g);
    return g;
}

static struct share_member *
member_of(struct shard *s, struct slice group_id, struct slice member_id, bool make)
{
    struct group *g = share_group_of(s, group_id, make);
    if (!g) return NULL;
    return make ? share_member_get(g, member_id) : share_member(g, member_id);
}

static void
fold_share_epoch(struct shard *s, struct slice id, const epoch_value *v)
{
    struct group *g = share_group_of(s, id, v != NULL);
    if (!g) return;
    if (v) {
        g->share->epoch = v->epoch;
        g->share->metadata_hash = v->metadata_hash;
        return;
    }
    share_group_release(g);
    group_free(g);
}

static void
fold_share_spec(struct shard *s, const struct k_share_group_member_metadata_key *key, spec_value *v)
{
    struct share_member *m = member_of(s, key->group_id, key->member_id, v != NULL);
    if (!m) return;
    if (!v) {
        share_member_remove(m);
        return;
    }
    struct mem *mem = group_mem(m->group);
    int32_t n = v->subscribed_topic_names_n;
    struct slice *spare = ARENA_ARRAY(&group_env(m->group)->scratch, struct slice, n);
    consumer_spec spec, copy;
    codec_default(K_MSG_CONSUMER_GROUP_MEMBER_METADATA_VALUE, &spec);
    spec.rack_id = v->rack_id;
    spec.client_id = v->client_id;
    spec.client_host = v->client_host;
    spec.subscribed_topic_names = v->subscribed_topic_names;
    spec.subscribed_topic_names_n =
        (int32_t)slices_sort_unique(v->subscribed_topic_names, n, spare);
    consumer_spec_copy(mem, &copy, &spec);
    consumer_spec_free(mem, &m->spec);
    m->spec = copy;
}

/* A set of what a record names, topic by topic. */
#define READ_TPS(a, ret, topics, topics_n) \
    do { \
        int64_t n_ = 0; \
        for (int32_t i_ = 0; i_ < (topics_n); i_++) n_ += (topics)[i_].partitions_n; \
        (ret) = (struct tp_set){ARENA_ARRAY((a), struct tp, n_), 0}; \
        for (int32_t i_ = 0; i_ < (topics_n); i_++) \
            for (int32_t k_ = 0; k_ < (topics)[i_].partitions_n; k_++) \
                if ((topics)[i_].partitions[k_] >= 0) \
                    (ret).v[(ret).n++] = \
                        (struct tp){(topics)[i_].topic_id, (topics)[i_].partitions[k_], 0}; \
        tp_set_sort(&(ret), ARENA_ARRAY((a), struct tp, n_)); \
    } while (0)

static void
fold_share_target(struct shard *s, const struct k_share_group_target_assignment_member_key *key,
                  const target_value *v)
{
    struct share_member *m = member_of(s, key->group_id, key->member_id, v != NULL);
    struct tp_set target = {0};
    if (!m) return;
    if (v)
        READ_TPS(&shard_env(&s->base)->scratch, target, v->topic_partitions, v->topic_partitions_n);
    tp_set_keep(group_mem(m->group), &m->target, &target);
}

static void
fold_share_current(struct shard *s, const struct k_share_group_current_member_assignment_key *key,
                   const current_value *v)
{
    struct share_member *m = member_of(s, key->group_id, key->member_id, v != NULL);
    struct tp_set assigned = {0};
    if (!m) return;
    m->epoch = v ? v->member_epoch : 0;
    m->previous_epoch = v ? v->previous_member_epoch : 0;
    if (v)
        READ_TPS(&shard_env(&s->base)->scratch, assigned, v->assigned_partitions,
                 v->assigned_partitions_n);
    tp_set_keep(group_mem(m->group), &m->assigned, &assigned);
}

static void
fold_share_states(struct shard *s, struct slice id, const states_value *v)
{
    struct group *g = share_group_of(s, id, v != NULL);
    struct arena *a = &shard_env(&s->base)->scratch;
    struct tp_set initializing = {0}, initialized = {0};
    if (!g) return;
    if (v) READ_TPS(a, initializing, v->initializing_topics, v->initializing_topics_n);
    if (v) READ_TPS(a, initialized, v->initialized_topics, v->initialized_topics_n);
    tp_set_keep(group_mem(g), &g->share->initializing, &initializing);
    tp_set_keep(group_mem(g), &g->share->initialized, &initialized);
}

union share_key {
    struct k_share_group_member_metadata_key spec;
    struct k_share_group_metadata_key group;
    struct k_share_group_target_assignment_metadata_key assigned;
    struct k_share_group_target_assignment_member_key target;
    struct k_share_group_current_member_assignment_key current;
    struct k_share_group_state_partition_metadata_key states;
};
union share_value {
    spec_value spec;
    epoch_value group;
    assigned_value assigned;
    target_value target;
    current_value current;
    states_value states;
};

static bool
is_share_key(enum k_msg key_msg)
{
    switch ((int)key_msg) {
    case K_MSG_SHARE_GROUP_MEMBER_METADATA_KEY:
    case K_MSG_SHARE_GROUP_METADATA_KEY:
    case K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_METADATA_KEY:
    case K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY:
    case K_MSG_SHARE_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY:
    case K_MSG_SHARE_GROUP_STATE_PARTITION_METADATA_KEY: return true;
    default: return false;
    }
}

static void
fold_share_assigned(struct shard *s, struct slice id, const assigned_value *v)
{
    struct group *g = share_group_of(s, id, v != NULL);
    if (g) g->share->assignment_epoch = v ? v->assignment_epoch : 0;
}

static void
fold_one(struct shard *s, enum k_msg key_msg, const union share_key *k, union share_value *v)
{
    switch ((int)key_msg) {
    case K_MSG_SHARE_GROUP_MEMBER_METADATA_KEY:
        fold_share_spec(s, &k->spec, v ? &v->spec : NULL);
        break;
    case K_MSG_SHARE_GROUP_METADATA_KEY:
        fold_share_epoch(s, k->group.group_id, v ? &v->group : NULL);
        break;
    case K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_METADATA_KEY:
        fold_share_assigned(s, k->assigned.group_id, v ? &v->assigned : NULL);
        break;
    case K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY:
        fold_share_target(s, &k->target, v ? &v->target : NULL);
        break;
    case K_MSG_SHARE_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY:
        fold_share_current(s, &k->current, v ? &v->current : NULL);
        break;
    default: fold_share_states(s, k->states.group_id, v ? &v->states : NULL); break;
    }
}

bool
share_group_fold(struct shard *s, enum k_msg key_msg, enum k_msg value_msg, struct reader *key,
                 struct slice value)
{
    union share_key k;
    union share_value v;
    if (!is_share_key(key_msg)) return false;
    if (!group_record_read(s, key_msg, value_msg, key, value, &k, &v)) return true;
    fold_one(s, key_msg, &k, value.p ? &v : NULL);
    return true;
}
