/* The records of consumer groups, written and read. One of a member or an assignment may stand in the log before
 * the group's own, or without it, when compaction took the other away: each makes what it needs. */
#include "broker/base/check.h"
#include "broker/group/consumer.h"
#include "broker/group/record_kinds.h"
#include "broker/protocol/codec.h"

typedef struct k_consumer_group_current_member_assignment_value current_value;
typedef struct k_consumer_group_current_member_assignment_value_topic_partitions current_partitions;
typedef struct k_consumer_group_target_assignment_member_value target_value;
typedef struct k_consumer_group_target_assignment_member_value_topic_partition target_partitions;
typedef struct k_consumer_group_regular_expression_value regex_value;

/* ---- writing ---- */

static void
add_consumer_record(struct batch_builder *b, const struct group *g, enum k_msg key_msg,
                    const void *key, enum k_msg value_msg, const void *value)
{
    coordinator_add_record(b, group_env(g), key_msg, key, value_msg, value);
}

void
record_consumer_spec(struct batch_builder *b, const struct group *g, struct slice member_id,
                     const consumer_spec *spec)
{
    struct k_consumer_group_member_metadata_key key = {g->id, member_id};
    add_consumer_record(b, g, K_MSG_CONSUMER_GROUP_MEMBER_METADATA_KEY, &key,
                        K_MSG_CONSUMER_GROUP_MEMBER_METADATA_VALUE, spec);
}

void
record_consumer_epoch(struct batch_builder *b, const struct group *g, int32_t epoch,
                      int64_t metadata_hash)
{
    struct k_consumer_group_metadata_key key = {g->id};
    struct k_consumer_group_metadata_value value = {.epoch = epoch, .metadata_hash = metadata_hash};
    add_consumer_record(b, g, K_MSG_CONSUMER_GROUP_METADATA_KEY, &key,
                        K_MSG_CONSUMER_GROUP_METADATA_VALUE, &value);
}

static int32_t
topics_of(const struct tp_set *s)
{
    int32_t n = 0;
    for (int64_t i = 0; i < s->n; i = tp_set_topic_end(s, i)) n++;
    return n;
}

void
record_consumer_target(struct batch_builder *b, const struct group *g, struct slice member_id,
                       const struct tp_set *target)
{
    struct k_consumer_group_target_assignment_member_key key = {g->id, member_id};
    struct arena a;
    arena_init(&a, &group_env(g)->mem, 0);
    target_value value = {.topic_partitions =
                              ARENA_ARRAY(&a, target_partitions, topics_of(target))};
    for (int64_t i = 0, end; i < target->n; i = end) {
        target_partitions *to = &value.topic_partitions[value.topic_partitions_n++];
        end = tp_set_topic_end(target, i);
        to->topic_id = target->v[i].topic;
        to->partitions = ARENA_ARRAY(&a, int32_t, end - i);
        for (int64_t k = i; k < end; k++) to->partitions[to->partitions_n++] = target->v[k].index;
    }
    add_consumer_record(b, g, K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY, &key,
                        K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE, &value);
    arena_release(&a);
}

void
record_consumer_assigned(struct batch_builder *b, const struct group *g, int32_t epoch,
                         int64_t time_ms)
{
    struct k_consumer_group_target_assignment_metadata_key key = {g->id};
    struct k_consumer_group_target_assignment_metadata_value value = {
        .assignment_epoch = epoch, .assignment_timestamp = time_ms};
    add_consumer_record(b, g, K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_KEY, &key,
                        K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE, &value);
}

static current_partitions *
current_of(struct arena *a, const struct tp_set *s, int32_t *ret_n)
{
    current_partitions *ret = ARENA_ARRAY(a, current_partitions, topics_of(s));
    *ret_n = 0;
    for (int64_t i = 0, end; i < s->n; i = end) {
        current_partitions *to = &ret[(*ret_n)++];
        end = tp_set_topic_end(s, i);
        to->topic_id = s->v[i].topic;
        to->partitions = ARENA_ARRAY(a, int32_t, end - i);
        to->assignment_epochs = ARENA_ARRAY(a, int32_t, end - i);
        for (int64_t k = i; k < end; k++) {
            to->partitions[to->partitions_n++] = s->v[k].index;
            to->assignment_epochs[to->assignment_epochs_n++] = s->v[k].epoch;
        }
    }
    return ret;
}

void
record_consumer_current(struct batch_builder *b, const struct group *g, struct slice member_id,
                        const struct reconcile_member *m)
{
    struct k_consumer_group_current_member_assignment_key key = {g->id, member_id};
    struct arena a;
    arena_init(&a, &group_env(g)->mem, 0);
    current_value value = {.member_epoch = m->epoch,
                           .previous_member_epoch = m->previous_epoch,
                           .state = (int8_t)m->state};
    value.assigned_partitions = current_of(&a, &m->assigned, &value.assigned_partitions_n);
    value.partitions_pending_revocation =
        current_of(&a, &m->revoking, &value.partitions_pending_revocation_n);
    add_consumer_record(b, g, K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY, &key,
                        K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE, &value);
    arena_release(&a);
}

void
record_consumer_regex(struct batch_builder *b, const struct group *g, struct slice text,
                      const regex_value *v)
{
    struct k_consumer_group_regular_expression_key key = {g->id, text};
    add_consumer_record(b, g, K_MSG_CONSUMER_GROUP_REGULAR_EXPRESSION_KEY, &key,
                        K_MSG_CONSUMER_GROUP_REGULAR_EXPRESSION_VALUE, v);
}

void
record_consumer_regex_gone(struct batch_builder *b, const struct group *g, struct slice text)
{
    record_consumer_regex(b, g, text, NULL);
}

void
record_consumer_metadata_gone(struct batch_builder *b, const struct group *g)
{
    struct k_consumer_group_partition_metadata_key key = {g->id};
    add_consumer_record(b, g, K_MSG_CONSUMER_GROUP_PARTITION_METADATA_KEY, &key,
                        K_MSG_CONSUMER_GROUP_PARTITION_METADATA_VALUE, NULL);
}

/* In this order: whoever reads finds nothing assigned to a member that is not there. */
void
record_consumer_member_gone(struct batch_builder *b, const struct group *g, struct slice member_id)
{
    static const struct record_kind kinds[] = {
        {K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY,
         K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE},
        {K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY,
         K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE},
        {K_MSG_CONSUMER_GROUP_MEMBER_METADATA_KEY, K_MSG_CONSUMER_GROUP_MEMBER_METADATA_VALUE}};
    record_gone_of_each(b, g, kinds, ARRAY_LEN(kinds), member_id);
}

void
record_consumer_gone(struct batch_builder *b, const struct group *g)
{
    const struct consumer *c = g->consumer;
    struct k_consumer_group_target_assignment_metadata_key target = {g->id};
    struct k_consumer_group_metadata_key group = {g->id};
    MAP_EACH(&c->members, m, struct consumer_member, by_id)
        record_consumer_member_gone(b, g, m->id);
    for (int64_t i = 0; i < c->regexes.n; i++)
        record_consumer_regex_gone(b, g, c->regexes.v[i].text);
    add_consumer_record(b, g, K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_KEY, &target,
                        K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE, NULL);
    if (c->has_partition_metadata) record_consumer_metadata_gone(b, g);
    add_consumer_record(b, g, K_MSG_CONSUMER_GROUP_METADATA_KEY, &group,
                        K_MSG_CONSUMER_GROUP_METADATA_VALUE, NULL);
}

/* ---- reading ---- */

/* The group, as one of consumers; NULL: there is a classic group of that name, or (a tombstone) none. A
 * group that only keeps offsets may become one: its offsets were read before it. */
static struct group *
consumer_group_of(struct shard *s, struct slice id, bool make)
{
    struct group *g = group_find(s, id);
    if (g && g->consumer) return g;
    if (!make || (g && (g->protocol_type.p || g->share || g->streams))) return NULL;
    if (!g) g = group_new(s, id);
    consumer_begin(g);
    return g;
}

static void
fold_epoch(struct shard *s, struct slice id, const struct k_consumer_group_metadata_value *v)
{
    struct group *g = consumer_group_of(s, id, v != NULL);
    if (!g) return;
    if (v) {
        g->consumer->epoch = v->epoch;
        g->consumer->metadata_hash = v->metadata_hash;
        return;
    }
    /* Offsets that are not deleted keep it as a group that only stores them. */
    consumer_release(g);
    if (g->offsets.n == 0) group_free(g);
}

static bool
is_sorted_once(const struct slice *v, int32_t n)
{
    for (int32_t i = 1; i < n; i++)
        if (slice_cmp(v[i - 1], v[i]) >= 0) return false;
    return true;
}

static void
fold_spec(struct shard *s, const struct k_consumer_group_member_metadata_key *key, consumer_spec *v)
{
    struct group *g = consumer_group_of(s, key->group_id, v != NULL);
    if (!g) return;
    struct consumer_member *m = consumer_member(g, key->member_id);
    if (!v) {
        if (m) consumer_member_remove(m);
        return;
    }
    if (!is_sorted_once(v->subscribed_topic_names, v->subscribed_topic_names_n)) {
        int32_t n = v->subscribed_topic_names_n;
        struct slice *spare = ARENA_ARRAY(&group_env(g)->scratch, struct slice, n);
        v->subscribed_topic_names_n =
            (int32_t)slices_sort_unique(v->subscribed_topic_names, n, spare);
    }
    consumer_member_set_spec(m ? m : consumer_member_get(g, key->member_id), v);
}

static void
add_tps(struct tp_set *s, struct uuid topic, const int32_t *v, int32_t n, const int32_t *epochs,
        int32_t epochs_n, int32_t epoch)
{
    for (int32_t i = 0; i < n; i++)
        if (v[i] >= 0) s->v[s->n++] = (struct tp){topic, v[i], i < epochs_n ? epochs[i] : epoch};
}

static struct tp_set
read_target(struct arena *a, const target_value *v)
{
    int64_t n = 0;
    for (int32_t i = 0; i < v->topic_partitions_n; i++) n += v->topic_partitions[i].partitions_n;
    struct tp_set s = {ARENA_ARRAY(a, struct tp, n), 0};
    for (int32_t i = 0; i < v->topic_partitions_n; i++) {
        const target_partitions *t = &v->topic_partitions[i];
        add_tps(&s, t->topic_id, t->partitions, t->partitions_n, NULL, 0, 0);
    }
    tp_set_sort(&s, ARENA_ARRAY(a, struct tp, n));
    return s;
}

static struct tp_set
read_current(struct arena *a, const current_partitions *v, int32_t topics_n, int32_t epoch)
{
    int64_t n = 0;
    for (int32_t i = 0; i < topics_n; i++) n += v[i].partitions_n;
    struct tp_set s = {ARENA_ARRAY(a, struct tp, n), 0};
    for (int32_t i = 0; i < topics_n; i++)
        add_tps(&s, v[i].topic_id, v[i].partitions, v[i].partitions_n, v[i].assignment_epochs,
                v[i].assignment_epochs_n, epoch);
    tp_set_sort(&s, ARENA_ARRAY(a, struct tp, n));
    return s;
}

/* The member, made if there is something to say of it; NULL: it is not there. */
static struct consumer_member *
member_of_record(struct shard *s, struct slice group_id, struct slice member_id, bool make)
{
    struct group *g = consumer_group_of(s, group_id, make);
    if (!g) return NULL;
    return make ? consumer_member_get(g, member_id) : consumer_member(g, member_id);
}

static void
fold_target(struct shard *s, const struct k_consumer_group_target_assignment_member_key *key,
            const target_value *v)
{
    static const target_value none;
    struct consumer_member *m = member_of_record(s, key->group_id, key->member_id, v != NULL);
    if (!m) return;
    struct tp_set target = read_target(&shard_env(&s->base)->scratch, v ? v : &none);
    consumer_member_set_target(m, &target);
}

static void
fold_assigned(struct shard *s, struct slice id,
              const struct k_consumer_group_target_assignment_metadata_value *v)
{
    struct group *g = consumer_group_of(s, id, v != NULL);
    if (!g) return;
    g->consumer->assignment_epoch = v ? v->assignment_epoch : g->consumer->epoch;
    g->consumer->assignment_ms = v ? v->assignment_timestamp : 0;
}

static enum member_state
state_of_number(int8_t n)
{
    switch (n) {
    case MEMBER_STABLE: return MEMBER_STABLE;
    case MEMBER_REVOKING: return MEMBER_REVOKING;
    case MEMBER_WAITING: return MEMBER_WAITING;
    default: return MEMBER_UNKNOWN;
    }
}

static void
fold_current(struct shard *s, const struct k_consumer_group_current_member_assignment_key *key,
             const current_value *v)
{
    static const current_value none;
    struct consumer_member *m = member_of_record(s, key->group_id, key->member_id, v != NULL);
    struct arena *a = &shard_env(&s->base)->scratch;
    if (!m) return;
    if (!v) v = &none;
    struct reconcile_member now = {.state = state_of_number(v->state),
                                   .epoch = v->member_epoch,
                                   .previous_epoch = v->previous_member_epoch};
    now.assigned = read_current(a, v->assigned_partitions, v->assigned_partitions_n, now.epoch);
    now.revoking = read_current(a, v->partitions_pending_revocation,
                                v->partitions_pending_revocation_n, now.epoch);
    consumer_member_set_current(m, &now);
}

static void
fold_regex(struct shard *s, const struct k_consumer_group_regular_expression_key *key,
           const regex_value *v)
{
    struct group *g = consumer_group_of(s, key->group_id, v != NULL);
    if (g) consumer_set_regex(g, key->regular_expression, v);
}

static void
fold_partition_metadata(struct shard *s, struct slice id, bool is_there)
{
    struct group *g = consumer_group_of(s, id, is_there);
    if (g) g->consumer->has_partition_metadata = is_there;
}

/* Any of them. */
union consumer_key {
    struct k_consumer_group_metadata_key group;
    struct k_consumer_group_member_metadata_key spec;
    struct k_consumer_group_target_assignment_member_key target;
    struct k_consumer_group_target_assignment_metadata_key assigned;
    struct k_consumer_group_current_member_assignment_key current;
    struct k_consumer_group_regular_expression_key regex;
    struct k_consumer_group_partition_metadata_key metadata;
};
union consumer_value {
    struct k_consumer_group_metadata_value group;
    consumer_spec spec;
    target_value target;
    struct k_consumer_group_target_assignment_metadata_value assigned;
    current_value current;
    regex_value regex;
    struct k_consumer_group_partition_metadata_value metadata;
};

static bool
is_consumer_key(enum k_msg msg)
{
    switch (msg) {
    case K_MSG_CONSUMER_GROUP_METADATA_KEY:
    case K_MSG_CONSUMER_GROUP_MEMBER_METADATA_KEY:
    case K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY:
    case K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_KEY:
    case K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY:
    case K_MSG_CONSUMER_GROUP_REGULAR_EXPRESSION_KEY:
    case K_MSG_CONSUMER_GROUP_PARTITION_METADATA_KEY: return true;
    default: return false;
    }
}

bool
consumer_fold(struct shard *s, enum k_msg key_msg, enum k_msg value_msg, struct reader *key,
              struct slice value)
{
    union consumer_key k;
    union consumer_value v;
    bool is_gone = value.p == NULL;
    if (!is_consumer_key(key_msg)) return false;
    if (!group_record_read(s, key_msg, value_msg, key, value, &k, &v)) return true;
    switch (key_msg) {
    case K_MSG_CONSUMER_GROUP_METADATA_KEY:
        fold_epoch(s, k.group.group_id, is_gone ? NULL : &v.group);
        break;
    case K_MSG_CONSUMER_GROUP_MEMBER_METADATA_KEY:
        fold_spec(s, &k.spec, is_gone ? NULL : &v.spec);
        break;
    case K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY:
        fold_target(s, &k.target, is_gone ? NULL : &v.target);
        break;
    case K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_KEY:
        fold_assigned(s, k.assigned.group_id, is_gone ? NULL : &v.assigned);
        break;
    case K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY:
        fold_current(s, &k.current, is_gone ? NULL : &v.current);
        break;
    case K_MSG_CONSUMER_GROUP_REGULAR_EXPRESSION_KEY:
        fold_regex(s, &k.regex, is_gone ? NULL : &v.regex);
        break;
    default: fold_partition_metadata(s, k.metadata.group_id, !is_gone); break;
    }
    return true;
}
