/* The records of streams groups, written and read. One of a member or an assignment may stand in the log before the
 * group's own, or without it, when compaction took the other away: each makes what it needs. */
#include "broker/group/record_kinds.h"
#include "broker/group/streams_group.h"
#include "broker/protocol/codec.h"

typedef struct k_streams_group_metadata_value epoch_value;
typedef struct k_streams_group_metadata_value_last_assignment_config setting_value;
typedef struct k_streams_group_target_assignment_metadata_value assigned_value;
typedef struct k_streams_group_target_assignment_member_value target_value;
typedef struct k_streams_group_target_assignment_member_value_task_ids target_tasks;
typedef struct k_streams_group_current_member_assignment_value current_value;
typedef struct k_streams_group_current_member_assignment_value_task_ids current_tasks;

/* ---- writing ---- */

static void
add_streams_record(struct batch_builder *b, const struct group *g, enum k_msg key_msg,
                   const void *key, enum k_msg value_msg, const void *value)
{
    coordinator_add_record(b, group_env(g), key_msg, key, value_msg, value);
}

void
record_streams_spec(struct batch_builder *b, const struct group *g, struct slice member_id,
                    const streams_spec *spec)
{
    struct k_streams_group_member_metadata_key key = {g->id, member_id};
    add_streams_record(b, g, K_MSG_STREAMS_GROUP_MEMBER_METADATA_KEY, &key,
                       K_MSG_STREAMS_GROUP_MEMBER_METADATA_VALUE, spec);
}

void
record_streams_epoch(struct batch_builder *b, const struct group *g, const struct streams_epoch *e)
{
    struct k_streams_group_metadata_key key = {g->id};
    setting_value settings[2];
    int32_t n = e->settings->n;
    epoch_value v = {.epoch = e->epoch,
                     .metadata_hash = e->metadata_hash,
                     .validated_topology_epoch = e->validated_epoch,
                     .last_assignment_configs = settings,
                     .last_assignment_configs_n = n,
                     .stored_description_topology_epoch = g->streams->stored_description_epoch,
                     .failed_description_topology_epoch = g->streams->failed_description_epoch};
    for (int32_t i = 0; i < n; i++)
        settings[i] = (setting_value){e->settings->keys[i], e->settings->values[i]};
    add_streams_record(b, g, K_MSG_STREAMS_GROUP_METADATA_KEY, &key,
                       K_MSG_STREAMS_GROUP_METADATA_VALUE, &v);
}

void
record_streams_topology(struct batch_builder *b, const struct group *g, const topology *t)
{
    struct k_streams_group_topology_key key = {g->id};
    add_streams_record(b, g, K_MSG_STREAMS_GROUP_TOPOLOGY_KEY, &key,
                       K_MSG_STREAMS_GROUP_TOPOLOGY_VALUE, t);
}

/* The partitions of tasks [from, end), and their epochs. */
static int32_t *
run_partitions(struct arena *a, const struct task_set *s, int64_t from, int64_t end)
{
    int32_t *v = ARENA_ARRAY(a, int32_t, end - from);
    for (int64_t i = from; i < end; i++) v[i - from] = s->v[i].partition;
    return v;
}

static int32_t *
run_epochs(struct arena *a, const struct task_set *s, int64_t from, int64_t end)
{
    int32_t *v = ARENA_ARRAY(a, int32_t, end - from);
    for (int64_t i = from; i < end; i++) v[i - from] = s->v[i].epoch;
    return v;
}

static target_tasks *
targets_of(struct arena *a, const struct task_set *s, int32_t *ret_n)
{
    target_tasks *v = ARENA_ARRAY(a, target_tasks, s->n);
    *ret_n = 0;
    for (int64_t i = 0, end; i < s->n; i = end) {
        end = task_run_end(s, i);
        v[(*ret_n)++] = (target_tasks){.subtopology_id = s->v[i].subtopology,
                                       .partitions = run_partitions(a, s, i, end),
                                       .partitions_n = (int32_t)(end - i)};
    }
    return v;
}

void
record_streams_target(struct batch_builder *b, const struct group *g, struct slice member_id,
                      const struct tasks *target)
{
    struct k_streams_group_target_assignment_member_key key = {g->id, member_id};
    struct arena a;
    arena_init(&a, &group_env(g)->mem, 0);
    target_value v = {0};
    v.active_tasks = targets_of(&a, &target->of[TASK_ACTIVE], &v.active_tasks_n);
    v.standby_tasks = targets_of(&a, &target->of[TASK_STANDBY], &v.standby_tasks_n);
    v.warmup_tasks = targets_of(&a, &target->of[TASK_WARMUP], &v.warmup_tasks_n);
    add_streams_record(b, g, K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY, &key,
                       K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE, &v);
    arena_release(&a);
}

void
record_streams_assigned(struct batch_builder *b, const struct group *g, int32_t epoch,
                        int64_t time_ms)
{
    struct k_streams_group_target_assignment_metadata_key key = {g->id};
    assigned_value v = {.assignment_epoch = epoch, .assignment_timestamp = time_ms};
    add_streams_record(b, g, K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_KEY, &key,
                       K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE, &v);
}

/* Only active tasks have their epochs written down. */
static current_tasks *
current_of(struct arena *a, const struct tasks *t, enum task_role role, int32_t *ret_n)
{
    const struct task_set *s = &t->of[role];
    current_tasks *v = ARENA_ARRAY(a, current_tasks, s->n);
    *ret_n = 0;
    for (int64_t i = 0, end; i < s->n; i = end) {
        end = task_run_end(s, i);
        v[(*ret_n)++] = (current_tasks){
            .subtopology_id = s->v[i].subtopology,
            .partitions = run_partitions(a, s, i, end),
            .partitions_n = (int32_t)(end - i),
            .assignment_epochs = role == TASK_ACTIVE ? run_epochs(a, s, i, end) : NULL,
            .assignment_epochs_n = role == TASK_ACTIVE ? (int32_t)(end - i) : -1};
    }
    return v;
}

void
record_streams_current(struct batch_builder *b, const struct group *g, struct slice member_id,
                       const struct streams_current *m)
{
    struct k_streams_group_current_member_assignment_key key = {g->id, member_id};
    const struct tasks *as = &m->assigned, *re = &m->revoking;
    struct arena a;
    arena_init(&a, &group_env(g)->mem, 0);
    current_value v = {.member_epoch = m->epoch,
                       .previous_member_epoch = m->previous_epoch,
                       .state = (int8_t)m->state};
    v.active_tasks = current_of(&a, as, TASK_ACTIVE, &v.active_tasks_n);
    v.standby_tasks = current_of(&a, as, TASK_STANDBY, &v.standby_tasks_n);
    v.warmup_tasks = current_of(&a, as, TASK_WARMUP, &v.warmup_tasks_n);
    v.active_tasks_pending_revocation =
        current_of(&a, re, TASK_ACTIVE, &v.active_tasks_pending_revocation_n);
    v.standby_tasks_pending_revocation =
        current_of(&a, re, TASK_STANDBY, &v.standby_tasks_pending_revocation_n);
    v.warmup_tasks_pending_revocation =
        current_of(&a, re, TASK_WARMUP, &v.warmup_tasks_pending_revocation_n);
    add_streams_record(b, g, K_MSG_STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY, &key,
                       K_MSG_STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE, &v);
    arena_release(&a);
}

/* In this order: whoever reads finds nothing assigned to a member that is not there. */
void
record_streams_member_gone(struct batch_builder *b, const struct group *g, struct slice member_id)
{
    static const struct record_kind kinds[] = {
        {K_MSG_STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY,
         K_MSG_STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE},
        {K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY,
         K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE},
        {K_MSG_STREAMS_GROUP_MEMBER_METADATA_KEY, K_MSG_STREAMS_GROUP_MEMBER_METADATA_VALUE}};
    record_gone_of_each(b, g, kinds, ARRAY_LEN(kinds), member_id);
}

void
record_streams_gone(struct batch_builder *b, const struct group *g)
{
    static const struct record_kind kinds[] = {
        {K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_KEY,
         K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE},
        {K_MSG_STREAMS_GROUP_TOPOLOGY_KEY, K_MSG_STREAMS_GROUP_TOPOLOGY_VALUE},
        {K_MSG_STREAMS_GROUP_METADATA_KEY, K_MSG_STREAMS_GROUP_METADATA_VALUE}};
    MAP_EACH(&g->streams->members, m, struct streams_member, by_id)
        record_streams_member_gone(b, g, m->id);
    record_gone_of_each(b, g, kinds, ARRAY_LEN(kinds), SLICE_NULL);
}

/* ---- reading ---- */

/* The group, as one of streams; NULL: there is another kind of group of that name, or (a tombstone) none. A group
 * that only keeps offsets may become one: its offsets were read before it. */
static struct group *
streams_group_of(struct shard *s, struct slice id, bool make)
{
    struct group *g = group_find(s, id);
    if (g && g->streams) return g;
    if (!make || (g && (g->protocol_type.p || g->share || g->consumer))) return NULL;
    if (!g) g = group_new(s, id);
    streams_begin(g);
    return g;
}

static struct streams_member *
member_of_record(struct shard *s, struct slice group_id, struct slice member_id, bool make)
{
    struct group *g = streams_group_of(s, group_id, make);
    if (!g) return NULL;
    return make ? streams_member_get(g, member_id) : streams_member(g, member_id);
}

static void
fold_streams_epoch(struct shard *s, struct slice id, const epoch_value *v)
{
    struct group *g = streams_group_of(s, id, v != NULL);
    if (!g) return;
    if (!v) {
        /* Offsets that are not deleted keep it as a group that only stores them. */
        streams_release(g);
        if (g->offsets.n == 0) group_free(g);
        return;
    }
    struct assignment_settings settings = {.n = v->last_assignment_configs_n};
    if (settings.n > 2) settings.n = -1;
    for (int32_t i = 0; i < settings.n; i++) {
        settings.keys[i] = v->last_assignment_configs[i].key;
        settings.values[i] = v->last_assignment_configs[i].value;
    }
    g->streams->epoch = v->epoch;
    g->streams->metadata_hash = v->metadata_hash;
    g->streams->validated_epoch = v->validated_topology_epoch;
    g->streams->stored_description_epoch = v->stored_description_topology_epoch;
    g->streams->failed_description_epoch = v->failed_description_topology_epoch;
    streams_set_settings(g, &settings);
}

/* One that cannot be (no coordinator writes that) is passed over: members bring it again. */
static void
fold_topology(struct shard *s, struct slice id, const topology *v)
{
    struct arena *a = &shard_env(&s->base)->scratch;
    struct slice why = SLICE_NULL;
    topology *sorted = v ? topology_copy(v, a) : NULL;
    if (v && (!sorted || topology_check(sorted, a, &why))) return;
    struct group *g = streams_group_of(s, id, v != NULL);
    if (g) streams_set_topology(g, sorted);
}

static void
fold_streams_spec(struct shard *s, const struct k_streams_group_member_metadata_key *key,
                  const streams_spec *v)
{
    struct streams_member *m = member_of_record(s, key->group_id, key->member_id, v != NULL);
    if (m && v) streams_member_set_spec(m, v);
    else if (m) streams_member_remove(m);
}

/* A set of what a record names, subtopology by subtopology; epochs where it has them. */
#define READ_TASKS(a, ret, ids, ids_n, EPOCH) \
    do { \
        int64_t n_ = 0; \
        for (int32_t i_ = 0; i_ < (ids_n); i_++) n_ += (ids)[i_].partitions_n; \
        struct task_set s_ = {ARENA_ARRAY((a), struct streams_task, n_), 0}; \
        for (int32_t i_ = 0; i_ < (ids_n); i_++) \
            for (int32_t k_ = 0; k_ < (ids)[i_].partitions_n; k_++) \
                if ((ids)[i_].partitions[k_] >= 0) \
                    s_.v[s_.n++] = (struct streams_task){(ids)[i_].subtopology_id, \
                                                         (ids)[i_].partitions[k_], EPOCH}; \
        task_set_sort(&s_, ARENA_ARRAY((a), struct streams_task, n_)); \
        (ret) = s_; \
    } while (0)

static void
fold_streams_target(struct shard *s, const struct k_streams_group_target_assignment_member_key *key,
                    const target_value *v)
{
    struct arena *a = &shard_env(&s->base)->scratch;
    struct streams_member *m = member_of_record(s, key->group_id, key->member_id, v != NULL);
    struct tasks t = {0};
    if (!m) return;
    if (v) {
        READ_TASKS(a, t.of[TASK_ACTIVE], v->active_tasks, v->active_tasks_n, 0);
        READ_TASKS(a, t.of[TASK_STANDBY], v->standby_tasks, v->standby_tasks_n, 0);
        READ_TASKS(a, t.of[TASK_WARMUP], v->warmup_tasks, v->warmup_tasks_n, 0);
    }
    tasks_keep(group_mem(m->group), &m->target, &t);
}

static struct task_set
read_current(struct arena *a, const current_tasks *v, int32_t n, int32_t member_epoch)
{
    struct task_set s;
    READ_TASKS(a, s, v, n,
               k_ < v[i_].assignment_epochs_n ? v[i_].assignment_epochs[k_] : member_epoch);
    return s;
}

static enum streams_member_state
state_of_number(int8_t n)
{
    switch (n) {
    case STREAMS_MEMBER_STABLE: return STREAMS_MEMBER_STABLE;
    case STREAMS_MEMBER_REVOKING: return STREAMS_MEMBER_REVOKING;
    case STREAMS_MEMBER_WAITING: return STREAMS_MEMBER_WAITING;
    default: return STREAMS_MEMBER_UNKNOWN;
    }
}

static void
fold_streams_current(struct shard *s,
                     const struct k_streams_group_current_member_assignment_key *key,
                     const current_value *v)
{
    static const current_value none;
    struct arena *a = &shard_env(&s->base)->scratch;
    struct streams_member *m = member_of_record(s, key->group_id, key->member_id, v != NULL);
    if (!m) return;
    if (!v) v = &none;
    int32_t epoch = v->member_epoch;
    struct streams_current now = {.state = state_of_number(v->state),
                                  .epoch = epoch,
                                  .previous_epoch = v->previous_member_epoch};
    struct task_set *as = now.assigned.of, *re = now.revoking.of;
    as[TASK_ACTIVE] = read_current(a, v->active_tasks, v->active_tasks_n, epoch);
    as[TASK_STANDBY] = read_current(a, v->standby_tasks, v->standby_tasks_n, epoch);
    as[TASK_WARMUP] = read_current(a, v->warmup_tasks, v->warmup_tasks_n, epoch);
    re[TASK_ACTIVE] = read_current(a, v->active_tasks_pending_revocation,
                                   v->active_tasks_pending_revocation_n, epoch);
    re[TASK_STANDBY] = read_current(a, v->standby_tasks_pending_revocation,
                                    v->standby_tasks_pending_revocation_n, epoch);
    re[TASK_WARMUP] = read_current(a, v->warmup_tasks_pending_revocation,
                                   v->warmup_tasks_pending_revocation_n, epoch);
    streams_member_set_current(m, &now);
}

static void
fold_streams_assigned(struct shard *s, struct slice id, const assigned_value *v)
{
    struct group *g = streams_group_of(s, id, v != NULL);
    if (!g) return;
    g->streams->assignment_epoch = v ? v->assignment_epoch : g->streams->epoch;
    g->streams->assignment_ms = v ? v->assignment_timestamp : 0;
}

union streams_key {
    struct k_streams_group_metadata_key group;
    struct k_streams_group_topology_key topology;
    struct k_streams_group_member_metadata_key spec;
    struct k_streams_group_target_assignment_member_key target;
    struct k_streams_group_target_assignment_metadata_key assigned;
    struct k_streams_group_current_member_assignment_key current;
};
union streams_value {
    epoch_value group;
    topology topology;
    streams_spec spec;
    target_value target;
    assigned_value assigned;
    current_value current;
};

static bool
is_streams_key(enum k_msg msg)
{
    switch ((int)msg) {
    case K_MSG_STREAMS_GROUP_METADATA_KEY:
    case K_MSG_STREAMS_GROUP_TOPOLOGY_KEY:
    case K_MSG_STREAMS_GROUP_MEMBER_METADATA_KEY:
    case K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY:
    case K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_KEY:
    case K_MSG_STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY: return true;
    default: return false;
    }
}

static void
fold_one(struct shard *s, enum k_msg key_msg, const union streams_key *k,
         const union streams_value *v)
{
    switch ((int)key_msg) {
    case K_MSG_STREAMS_GROUP_METADATA_KEY:
        fold_streams_epoch(s, k->group.group_id, v ? &v->group : NULL);
        break;
    case K_MSG_STREAMS_GROUP_TOPOLOGY_KEY:
        fold_topology(s, k->topology.group_id, v ? &v->topology : NULL);
        break;
    case K_MSG_STREAMS_GROUP_MEMBER_METADATA_KEY:
        fold_streams_spec(s, &k->spec, v ? &v->spec : NULL);
        break;
    case K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY:
        fold_streams_target(s, &k->target, v ? &v->target : NULL);
        break;
    case K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_KEY:
        fold_streams_assigned(s, k->assigned.group_id, v ? &v->assigned : NULL);
        break;
    default: fold_streams_current(s, &k->current, v ? &v->current : NULL); break;
    }
}

bool
streams_fold(struct shard *s, enum k_msg key_msg, enum k_msg value_msg, struct reader *key,
             struct slice value)
{
    union streams_key k;
    union streams_value v;
    if (!is_streams_key(key_msg)) return false;
    if (!group_record_read(s, key_msg, value_msg, key, value, &k, &v)) return true;
    fold_one(s, key_msg, &k, value.p ? &v : NULL);
    return true;
}
