/* Groups whose members may share what they are given, share groups (KIP-932) and streams groups (KIP-1071), as their coordinator
 * committed them; what it tells of one of them (ShareGroupDescribe, StreamsGroupDescribe); and what a node tells of all groups
 * of such kinds that it coordinates (ListGroups). */
#include "broker/base/arena.h"
#include "broker/base/crc32c.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/record_frame.h"
#include "broker/record/record.h"
#include "sim/check/invariants_own.h"

#include "errors.h"
#include "messages.h"

enum role { ROLE_ACTIVE, ROLE_STANDBY, ROLE_WARMUP, ROLES_N };

/* A partition of a topic, or a task of a subtopology. */
struct piece {
    struct uuid topic;        /* zero: a task */
    uint32_t subtopology_crc; /* 0: none */
    int32_t partition;
    enum role role;
};

struct pieces {
    VEC(struct piece) all;
};

struct sharer_seen {
    struct slice id;
    bool is_present;
    int32_t epoch;
    uint32_t topics_crc; /* of what it subscribes to; 0: not known, or no member */
    struct pieces has, wanted;
};

struct sharing_group {
    const struct topic_key *shard;
    struct slice id;
    bool is_streams;
    int64_t changed_ns;
    int32_t epoch, assignment_epoch; /* -1: none */
    bool is_assigned;                /* by the batch that is being read */
    VEC(struct sharer_seen) members;
};

struct groups_seen {
    VEC(struct sharing_group *) all;
};

static void
sharing_free(struct invariants *v, struct sharing_group *g)
{
    for (int64_t i = 0; i < g->members.n; i++) {
        mem_free_slice(v->mem, g->members.v[i].id);
        VEC_RELEASE(v->mem, &g->members.v[i].has.all);
        VEC_RELEASE(v->mem, &g->members.v[i].wanted.all);
    }
    VEC_RELEASE(v->mem, &g->members);
    mem_free_slice(v->mem, g->id);
    MEM_DELETE(v->mem, g);
}

void
groups_free(struct invariants *v)
{
    if (!v->groups) return;
    for (int64_t i = 0; i < v->groups->all.n; i++) sharing_free(v, v->groups->all.v[i]);
    VEC_RELEASE(v->mem, &v->groups->all);
    MEM_DELETE(v->mem, v->groups);
}

void
groups_lost(struct invariants *v, const struct topic_key *shard)
{
    for (int64_t i = v->groups ? v->groups->all.n : 0; i-- > 0;) {
        if (v->groups->all.v[i]->shard != shard) continue;
        sharing_free(v, v->groups->all.v[i]);
        VEC_REMOVE_AT(&v->groups->all, i);
    }
}

static struct sharing_group *
sharing_of(struct invariants *v, const struct topic_key *shard, struct slice id, bool is_streams)
{
    if (!v->groups) v->groups = MEM_NEW(v->mem, struct groups_seen);
    for (int64_t i = 0; i < v->groups->all.n; i++) {
        struct sharing_group *g = v->groups->all.v[i];
        if (g->shard != shard || g->is_streams != is_streams || !slice_eq(g->id, id)) continue;
        g->changed_ns = v->at_ns;
        return g;
    }
    struct sharing_group *new = MEM_NEW(v->mem, struct sharing_group);
    *new = (struct sharing_group){.shard = shard,
                                  .id = mem_dup(v->mem, id),
                                  .is_streams = is_streams,
                                  .changed_ns = v->at_ns,
                                  .epoch = -1,
                                  .assignment_epoch = -1};
    VEC_PUSH(v->mem, &v->groups->all, new);
    return new;
}

static struct sharer_seen *
sharer_of(struct invariants *v, struct sharing_group *g, struct slice id)
{
    for (int64_t i = 0; i < g->members.n; i++)
        if (slice_eq(g->members.v[i].id, id)) return &g->members.v[i];
    struct sharer_seen new = {.id = mem_dup(v->mem, id)};
    VEC_PUSH(v->mem, &g->members, new);
    return &g->members.v[g->members.n - 1];
}

/* ---- records --------------------------------------------------------------------------------------- */

static void
add_pieces(struct invariants *v, struct pieces *to, struct piece like, const int32_t *partitions,
           int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        like.partition = partitions[i];
        VEC_PUSH(v->mem, &to->all, like);
    }
}

/* The messages say the same in structures of their own. */
#define ADD_TOPICS(v, to, list, n) \
    for (int32_t i_ = 0; i_ < (n); i_++) \
    add_pieces(v, to, (struct piece){.topic = (list)[i_].topic_id}, (list)[i_].partitions, \
               (list)[i_].partitions_n)
#define ADD_TASKS_OF(v, to, of, list, n) \
    for (int32_t i_ = 0; i_ < (n); i_++) \
    add_pieces(v, to, \
               (struct piece){.subtopology_crc = crc_of((list)[i_].subtopology_id), .role = (of)}, \
               (list)[i_].partitions, (list)[i_].partitions_n)
#define ADD_TASKS(v, to, r) \
    do { \
        ADD_TASKS_OF(v, to, ROLE_ACTIVE, (r)->active_tasks, (r)->active_tasks_n); \
        ADD_TASKS_OF(v, to, ROLE_STANDBY, (r)->standby_tasks, (r)->standby_tasks_n); \
        ADD_TASKS_OF(v, to, ROLE_WARMUP, (r)->warmup_tasks, (r)->warmup_tasks_n); \
    } while (0)

static uint32_t
crc_of(struct slice s)
{
    return crc32c(CRC32C_PORTABLE, 0, s);
}

union any_key {
    struct k_share_group_metadata_key share;
    struct k_share_group_member_metadata_key share_member;
    struct k_share_group_target_assignment_metadata_key share_assignment;
    struct k_share_group_target_assignment_member_key share_wanted;
    struct k_share_group_current_member_assignment_key share_current;
    struct k_streams_group_metadata_key streams;
    struct k_streams_group_target_assignment_metadata_key streams_assignment;
    struct k_streams_group_target_assignment_member_key streams_wanted;
    struct k_streams_group_current_member_assignment_key streams_current;
};

union any_value {
    struct k_share_group_metadata_value share;
    struct k_share_group_member_metadata_value share_member;
    struct k_share_group_target_assignment_metadata_value share_assignment;
    struct k_share_group_target_assignment_member_value share_wanted;
    struct k_share_group_current_member_assignment_value share_current;
    struct k_streams_group_metadata_value streams;
    struct k_streams_group_target_assignment_metadata_value streams_assignment;
    struct k_streams_group_target_assignment_member_value streams_wanted;
    struct k_streams_group_current_member_assignment_value streams_current;
};

static bool
is_of_sharers(enum k_msg key)
{
    switch ((int)key) {
    case K_MSG_SHARE_GROUP_METADATA_KEY:
    case K_MSG_SHARE_GROUP_MEMBER_METADATA_KEY:
    case K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_METADATA_KEY:
    case K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY:
    case K_MSG_SHARE_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY:
    case K_MSG_STREAMS_GROUP_METADATA_KEY:
    case K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_KEY:
    case K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY:
    case K_MSG_STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY: return true;
    default: return false;
    }
}

static struct sharer_seen *
present(struct sharer_seen *m, bool is_present, int32_t epoch)
{
    m->is_present = is_present;
    m->epoch = epoch;
    m->has.all.n = 0;
    return m;
}

static uint32_t
crc_of_names(const struct slice *names, int32_t n)
{
    uint32_t crc = 1;
    for (int32_t i = 0; i < n; i++) crc = crc * 31 + crc_of(names[i]);
    return MAX(crc, 1);
}

/* r: NULL where the record takes away what was there. */
static void
take_share_record(struct invariants *v, const struct topic_key *shard, enum k_msg kind,
                  const union any_key *k, const union any_value *r)
{
    struct sharing_group *g = sharing_of(v, shard, k->share.group_id, false);
    struct sharer_seen *m;
    switch ((int)kind) {
    case K_MSG_SHARE_GROUP_METADATA_KEY: g->epoch = r ? r->share.epoch : -1; return;
    case K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_METADATA_KEY:
        g->assignment_epoch = r ? r->share_assignment.assignment_epoch : -1;
        g->is_assigned = true;
        return;
    case K_MSG_SHARE_GROUP_MEMBER_METADATA_KEY:
        m = sharer_of(v, g, k->share_member.member_id);
        m->topics_crc = r ? crc_of_names(r->share_member.subscribed_topic_names,
                                         r->share_member.subscribed_topic_names_n)
                          : 0;
        return;
    case K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY:
        m = sharer_of(v, g, k->share_wanted.member_id);
        m->wanted.all.n = 0;
        if (r)
            ADD_TOPICS(v, &m->wanted, r->share_wanted.topic_partitions,
                       r->share_wanted.topic_partitions_n);
        return;
    default:
        m = present(sharer_of(v, g, k->share_current.member_id), r,
                    r ? r->share_current.member_epoch : -1);
        if (r)
            ADD_TOPICS(v, &m->has, r->share_current.assigned_partitions,
                       r->share_current.assigned_partitions_n);
    }
}

static void
take_streams(struct invariants *v, const struct topic_key *shard, enum k_msg kind,
             const union any_key *k, const union any_value *r)
{
    struct sharing_group *g = sharing_of(v, shard, k->streams.group_id, true);
    struct sharer_seen *m;
    switch ((int)kind) {
    case K_MSG_STREAMS_GROUP_METADATA_KEY: g->epoch = r ? r->streams.epoch : -1; return;
    case K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_KEY:
        g->assignment_epoch = r ? r->streams_assignment.assignment_epoch : -1;
        return;
    case K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY:
        m = sharer_of(v, g, k->streams_wanted.member_id);
        m->wanted.all.n = 0;
        if (r) ADD_TASKS(v, &m->wanted, &r->streams_wanted);
        return;
    default:
        m = present(sharer_of(v, g, k->streams_current.member_id), r,
                    r ? r->streams_current.member_epoch : -1);
        if (r) ADD_TASKS(v, &m->has, &r->streams_current);
    }
}

static bool
is_of_streams(enum k_msg key)
{
    return key == K_MSG_STREAMS_GROUP_METADATA_KEY ||
           key == K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_KEY ||
           key == K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY ||
           key == K_MSG_STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY;
}

void
take_sharing_record(struct invariants *v, const struct topic_key *shard, struct arena *scratch,
                    const struct record *rec)
{
    struct reader key = reader(rec->key), value = reader(rec->value);
    enum k_msg key_kind, value_kind;
    union any_key k;
    union any_value r;
    int16_t version;
    if (!coordinator_key_read(&key, COORDINATOR_GROUP, &key_kind, &value_kind) ||
        !is_of_sharers(key_kind) || !codec_decode(key_kind, 0, &key, scratch, &k))
        return;
    if (rec->value.p && (!coordinator_value_read(&value, value_kind, &version) ||
                         !codec_decode(value_kind, version, &value, scratch, &r)))
        return;
    const union any_value *is = rec->value.p ? &r : NULL;
    if (is_of_streams(key_kind)) take_streams(v, shard, key_kind, &k, is);
    else take_share_record(v, shard, key_kind, &k, is);
}

/* ---- what is decided ------------------------------------------------------------------------------- */

static bool
has_piece(const struct pieces *all, const struct piece *p)
{
    for (int64_t i = 0; i < all->all.n; i++) {
        const struct piece *o = &all->all.v[i];
        if (o->partition == p->partition && o->role == p->role &&
            o->subtopology_crc == p->subtopology_crc && uuid_eq(o->topic, p->topic))
            return true;
    }
    return false;
}

static bool
is_wanted_before(const struct sharing_group *g, int64_t member, const struct piece *p)
{
    for (int64_t i = 0; i < member; i++)
        if (g->members.v[i].topics_crc && has_piece(&g->members.v[i].wanted, p)) return true;
    return false;
}

/* Members that want the same are to have equally much, give or take one; and who can have partitions of its own shares none
 * (the simple assignor of KIP-932). */
static void
check_evenness(struct invariants *v, const struct sharing_group *g)
{
    int64_t members_n = 0, least = INT64_MAX, most = 0, given = 0, different = 0;
    uint32_t topics_crc = 0;
    if (g->is_streams || g->epoch != g->assignment_epoch) return;
    for (int64_t i = 0; i < g->members.n; i++) {
        const struct sharer_seen *m = &g->members.v[i];
        if (!m->topics_crc) continue;
        if (topics_crc && m->topics_crc != topics_crc) return;
        topics_crc = m->topics_crc;
        members_n++;
        least = MIN(least, m->wanted.all.n);
        most = MAX(most, m->wanted.all.n);
        given += m->wanted.all.n;
        for (int64_t k = 0; k < m->wanted.all.n; k++)
            different += !is_wanted_before(g, i, &m->wanted.all.v[k]);
    }
    if (members_n && most - least > 1)
        breach(v, RULE_GROUP_STATE, g->shard, -1,
               "gave one member of a share group # partitions, and another one #", most, least);
    else if (different >= members_n && given > different)
        breach(v, RULE_GROUP_STATE, g->shard, -1,
               "gave partitions of a share group to several members, # where each of # could have "
               "its own",
               given, members_n);
}

void
check_sharing(struct invariants *v, const struct topic_key *shard)
{
    for (int64_t i = 0; v->groups && i < v->groups->all.n; i++) {
        struct sharing_group *g = v->groups->all.v[i];
        if (g->shard != shard || !g->is_assigned) continue;
        g->is_assigned = false;
        check_evenness(v, g);
    }
}

const struct topic_key *
sharer_committed(struct invariants *v, struct slice group, struct slice member, bool is_streams,
                 int32_t *ret_epoch)
{
    for (int64_t i = 0; v->groups && i < v->groups->all.n; i++) {
        const struct sharing_group *g = v->groups->all.v[i];
        if (g->epoch < 0 || g->is_streams != is_streams || !slice_eq(g->id, group)) continue;
        *ret_epoch = -1;
        for (int64_t k = 0; k < g->members.n; k++)
            if (slice_eq(g->members.v[k].id, member))
                *ret_epoch = g->members.v[k].is_present ? g->members.v[k].epoch : INT32_MAX;
        return g->shard;
    }
    return NULL;
}

/* ---- what is told ---------------------------------------------------------------------------------- */

/* Of topics that are gone nothing is told. */
static bool
is_piece_live(struct invariants *v, const struct piece *p)
{
    if (uuid_is_zero(p->topic)) return true;
    struct slice name = invariants_topic_name(v, p->topic);
    const struct topic_key *k = name.n ? model_find_key(&v->model, name, p->partition) : NULL;
    return k && !k->is_retired && uuid_eq(k->id, p->topic);
}

/* Frees what was told. */
static bool
are_same(struct invariants *v, struct pieces *told, const struct pieces *is)
{
    bool are = true;
    for (int64_t i = 0; i < told->all.n; i++) are = are && has_piece(is, &told->all.v[i]);
    for (int64_t i = 0; i < is->all.n; i++)
        are = are && (has_piece(told, &is->all.v[i]) || !is_piece_live(v, &is->all.v[i]));
    VEC_RELEASE(v->mem, &told->all);
    return are;
}

static const struct sharing_group *
sharing_to_judge(struct invariants *v, int32_t node, int64_t asked_ns, struct slice id,
                 bool is_streams)
{
    for (int64_t i = 0; v->groups && i < v->groups->all.n; i++) {
        const struct sharing_group *g = v->groups->all.v[i];
        if (g->is_streams == is_streams && slice_eq(g->id, id) && g->changed_ns < asked_ns &&
            coordinator_is_read(v, g->shard, node))
            return g;
    }
    return NULL;
}

static int64_t
present_n(const struct sharing_group *g)
{
    int64_t n = 0;
    for (int64_t i = 0; i < g->members.n; i++) n += g->members.v[i].is_present;
    return n;
}

/* False: nothing more is to be said of it. */
static bool
judge_group(struct invariants *v, const struct sharing_group *g, int16_t err, int32_t epoch,
            int32_t assignment_epoch, int32_t members_n)
{
    int64_t n = present_n(g);
    if (err == K_ERR_GROUP_ID_NOT_FOUND && g->epoch >= 0)
        breach(v, RULE_STATE_TOLD, g->shard, -1, "told of no group, of epoch # with # members",
               g->epoch, n);
    if (err) return false;
    if (epoch != g->epoch)
        breach(v, RULE_STATE_TOLD, g->shard, -1, "told of a group in epoch #; it is in epoch #",
               epoch, g->epoch);
    else if (g->assignment_epoch >= 0 && assignment_epoch != g->assignment_epoch)
        breach(v, RULE_STATE_TOLD, g->shard, -1,
               "told of the assignment of epoch #; it is that of epoch #", assignment_epoch,
               g->assignment_epoch);
    else if (members_n != n)
        breach(v, RULE_STATE_TOLD, g->shard, -1, "told of # members; there are #", members_n, n);
    return true;
}

/* NULL: nothing more is to be said of it. */
static const struct sharer_seen *
judge_member(struct invariants *v, const struct sharing_group *g, struct slice id, int32_t epoch)
{
    const struct sharer_seen *m = NULL;
    for (int64_t i = 0; i < g->members.n; i++)
        if (g->members.v[i].is_present && slice_eq(g->members.v[i].id, id)) m = &g->members.v[i];
    if (!m)
        breach(v, RULE_STATE_TOLD, g->shard, -1,
               "told of a member in epoch # that is none, of a group of #", epoch, g->members.n);
    else if (m->epoch != epoch)
        breach(v, RULE_STATE_TOLD, g->shard, -1,
               "told of a member in epoch #; it has come to epoch #", epoch, m->epoch);
    else return m;
    return NULL;
}

void
share_described(struct invariants *v, int32_t node, int64_t asked_ns,
                const struct k_share_group_describe_response_described_group *told)
{
    const struct sharing_group *g = sharing_to_judge(v, node, asked_ns, told->group_id, false);
    if (!g || !judge_group(v, g, told->error_code, told->group_epoch, told->assignment_epoch,
                           told->members_n))
        return;
    for (int32_t i = 0; i < told->members_n; i++) {
        const struct k_share_group_describe_response_member *t = &told->members[i];
        const struct sharer_seen *m = judge_member(v, g, t->member_id, t->member_epoch);
        struct pieces has = {0};
        if (!m) continue;
        ADD_TOPICS(v, &has, t->assignment.topic_partitions, t->assignment.topic_partitions_n);
        if (!are_same(v, &has, &m->has))
            breach(v, RULE_STATE_TOLD, g->shard, -1,
                   "told that a member in epoch # has other partitions than its #", m->epoch,
                   m->has.all.n);
    }
}

void
streams_described(struct invariants *v, int32_t node, int64_t asked_ns,
                  const struct k_streams_group_describe_response_described_group *told)
{
    const struct sharing_group *g = sharing_to_judge(v, node, asked_ns, told->group_id, true);
    if (!g || !judge_group(v, g, told->error_code, told->group_epoch, told->assignment_epoch,
                           told->members_n))
        return;
    for (int32_t i = 0; i < told->members_n; i++) {
        const struct k_streams_group_describe_response_member *t = &told->members[i];
        const struct sharer_seen *m = judge_member(v, g, t->member_id, t->member_epoch);
        struct pieces has = {0}, wanted = {0};
        if (!m) continue;
        ADD_TASKS(v, &has, &t->assignment);
        ADD_TASKS(v, &wanted, &t->target_assignment);
        if (!are_same(v, &has, &m->has))
            breach(v, RULE_STATE_TOLD, g->shard, -1,
                   "told that a member in epoch # has other tasks than its #", m->epoch,
                   m->has.all.n);
        if (!are_same(v, &wanted, &m->wanted))
            breach(v, RULE_STATE_TOLD, g->shard, -1,
                   "told that a member in epoch # is to have other tasks than its #", m->epoch,
                   m->wanted.all.n);
    }
}

/* ---- all groups of a node -------------------------------------------------------------------------- */

static const struct k_list_groups_response_listed_group *
find_listed(const struct k_list_groups_response *p, struct slice id)
{
    for (int32_t i = 0; i < p->groups_n; i++)
        if (slice_eq(p->groups[i].group_id, id)) return &p->groups[i];
    return NULL;
}

void
group_listed(struct invariants *v, const struct topic_key *shard,
             const struct k_list_groups_response *p, const struct group_to_list *g)
{
    const struct k_list_groups_response_listed_group *told = find_listed(p, g->id);
    bool is_of_kind = told && slice_eq(told->group_type, g->type);
    bool is_told_empty = told && slice_eq(told->group_state, S("Empty"));
    if (g->is_there && !told)
        breach(v, RULE_STATE_TOLD, shard, -1, "told of # groups, and not of one with # members",
               p->groups_n, g->members_n);
    else if (g->is_there && !is_of_kind)
        breach(v, RULE_STATE_TOLD, shard, -1, "told of a group of # members as of another kind",
               g->members_n, 0);
    else if (g->is_there && g->is_counted && is_told_empty != (g->members_n == 0))
        breach(v, RULE_STATE_TOLD, shard, -1,
               "told that a group is empty, or that it is not: it has # members", g->members_n, 0);
    else if (!g->is_there && is_of_kind && g->is_counted)
        breach(v, RULE_STATE_TOLD, shard, -1, "told of # groups, and of one that is gone",
               p->groups_n, 0);
}

void
groups_listed(struct invariants *v, int32_t node, int64_t asked_ns,
              const struct k_list_groups_response *p)
{
    for (int64_t i = 0; v->groups && i < v->groups->all.n; i++) {
        const struct sharing_group *g = v->groups->all.v[i];
        if (g->changed_ns >= asked_ns || !coordinator_is_read(v, g->shard, node)) continue;
        struct group_to_list one = {.id = g->id,
                                    .type = g->is_streams ? S("streams") : S("share"),
                                    .is_there = g->epoch >= 0,
                                    .is_counted = true,
                                    .members_n = present_n(g)};
        group_listed(v, g->shard, p, &one);
    }
}
