/* Members of groups of the consumer protocol (KIP-848), as their coordinators committed them: no partition is given to two at a
 * time, neither by what they have nor by what they are to have, and no epoch goes back. A classic group's generation
 * does not go back either. All that one batch holds is one decision. */
#include "broker/base/arena.h"
#include "broker/base/crc32c.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/record_frame.h"
#include "broker/record/record.h"
#include "sim/check/invariants_own.h"

#include "errors.h"
#include "messages.h"

struct seat {
    struct uuid topic;
    int32_t partition;
};

struct member_seen {
    struct slice id;
    bool is_removed; /* in this batch */
    bool is_present;
    int32_t epoch;
    VEC(struct seat) has, wanted; /* has: with what it has still to give back */
};

/* A member of a classic group, as the record of its generation has it. */
struct classic_seen {
    uint32_t id_crc, assignment_crc;
};

struct group_seen {
    const struct topic_key *shard;
    struct slice id;
    int64_t changed_ns;
    VEC(struct classic_seen) classic;
    int32_t epoch, assignment_epoch, generation; /* -1: none */
    bool is_changed;                             /* in this batch */
    VEC(struct member_seen) members;
};

struct members_seen {
    VEC(struct group_seen *) groups;
};

static void
group_free(struct invariants *v, struct group_seen *g)
{
    for (int64_t i = 0; i < g->members.n; i++) {
        struct member_seen *m = &g->members.v[i];
        mem_free_slice(v->mem, m->id);
        VEC_RELEASE(v->mem, &m->has);
        VEC_RELEASE(v->mem, &m->wanted);
    }
    VEC_RELEASE(v->mem, &g->members);
    VEC_RELEASE(v->mem, &g->classic);
    mem_free_slice(v->mem, g->id);
    MEM_DELETE(v->mem, g);
}

void
members_free(struct invariants *v)
{
    if (!v->members) return;
    for (int64_t i = 0; i < v->members->groups.n; i++) group_free(v, v->members->groups.v[i]);
    VEC_RELEASE(v->mem, &v->members->groups);
    MEM_DELETE(v->mem, v->members);
}

void
members_lost(struct invariants *v, const struct topic_key *shard)
{
    for (int64_t i = v->members ? v->members->groups.n : 0; i-- > 0;) {
        if (v->members->groups.v[i]->shard != shard) continue;
        group_free(v, v->members->groups.v[i]);
        VEC_REMOVE_AT(&v->members->groups, i);
    }
}

static struct group_seen *
group_of(struct invariants *v, const struct topic_key *shard, struct slice id)
{
    if (!v->members) v->members = MEM_NEW(v->mem, struct members_seen);
    for (int64_t i = 0; i < v->members->groups.n; i++) {
        struct group_seen *g = v->members->groups.v[i];
        if (g->shard != shard || !slice_eq(g->id, id)) continue;
        g->changed_ns = v->at_ns;
        return g;
    }
    struct group_seen *new = MEM_NEW(v->mem, struct group_seen);
    *new = (struct group_seen){.shard = shard,
                               .id = mem_dup(v->mem, id),
                               .changed_ns = v->at_ns,
                               .epoch = -1,
                               .assignment_epoch = -1,
                               .generation = -1};
    VEC_PUSH(v->mem, &v->members->groups, new);
    return new;
}

static struct member_seen *
member_seen_of(struct invariants *v, struct group_seen *g, struct slice id)
{
    g->is_changed = true;
    for (int64_t i = 0; i < g->members.n; i++)
        if (slice_eq(g->members.v[i].id, id)) return &g->members.v[i];
    struct member_seen new = {.id = mem_dup(v->mem, id)};
    VEC_PUSH(v->mem, &g->members, new);
    return &g->members.v[g->members.n - 1];
}

/* ---- records --------------------------------------------------------------------------------------- */

/* Of one kind after the other; gone: what is next begins anew. */
static void
take_epoch(struct invariants *v, const struct topic_key *shard, int32_t *now, bool is_gone,
           int32_t next, const char *what, int64_t offset)
{
    if (!is_gone && next < *now) breach(v, RULE_GROUP_STATE, shard, offset, what, *now, next);
    *now = is_gone ? -1 : next;
}

static void
take_current(struct invariants *v, struct member_seen *m,
             const struct k_consumer_group_current_member_assignment_value *r)
{
    typedef struct k_consumer_group_current_member_assignment_value_topic_partitions part;
    m->has.n = 0;
    m->is_removed = !r && m->is_present;
    m->is_present = r != NULL;
    for (int32_t list = 0; r && list < 2; list++) {
        const part *p = list ? r->partitions_pending_revocation : r->assigned_partitions;
        int32_t n = list ? r->partitions_pending_revocation_n : r->assigned_partitions_n;
        for (int32_t i = 0; i < n; i++)
            for (int32_t j = 0; j < p[i].partitions_n; j++) {
                struct seat s = {p[i].topic_id, p[i].partitions[j]};
                VEC_PUSH(v->mem, &m->has, s);
            }
    }
    if (r) m->epoch = r->member_epoch;
}

static void
take_wanted(struct invariants *v, struct member_seen *m,
            const struct k_consumer_group_target_assignment_member_value *r)
{
    m->wanted.n = 0;
    for (int32_t i = 0; r && i < r->topic_partitions_n; i++)
        for (int32_t j = 0; j < r->topic_partitions[i].partitions_n; j++) {
            struct seat s = {r->topic_partitions[i].topic_id, r->topic_partitions[i].partitions[j]};
            VEC_PUSH(v->mem, &m->wanted, s);
        }
}

static uint32_t
crc_of_bytes(struct slice s)
{
    return crc32c(CRC32C_PORTABLE, 0, s);
}

/* Nobody leads a group that is to join again, or is empty. */
static void
take_classic(struct invariants *v, struct group_seen *g, const struct k_group_metadata_value *r,
             int64_t offset)
{
    bool is_led = !r || !r->leader.n;
    g->classic.n = 0;
    for (int32_t i = 0; r && i < r->members_n; i++) {
        struct classic_seen one = {crc_of_bytes(r->members[i].member_id),
                                   crc_of_bytes(r->members[i].assignment)};
        VEC_PUSH(v->mem, &g->classic, one);
        is_led |= slice_eq(r->members[i].member_id, r->leader);
    }
    if (!is_led)
        breach(v, RULE_GROUP_STATE, g->shard, offset,
               "a group of # members, in generation #, is led by somebody who is none of them",
               r->members_n, r->generation);
}

union any_key {
    struct k_group_metadata_key classic;
    struct k_consumer_group_metadata_key group;
    struct k_consumer_group_target_assignment_metadata_key assignment;
    struct k_consumer_group_target_assignment_member_key wanted;
    struct k_consumer_group_current_member_assignment_key current;
};

union any_value {
    struct k_group_metadata_value classic;
    struct k_consumer_group_metadata_value group;
    struct k_consumer_group_target_assignment_metadata_value assignment;
    struct k_consumer_group_target_assignment_member_value wanted;
    struct k_consumer_group_current_member_assignment_value current;
};

static bool
is_of_members(enum k_msg key)
{
    return key == K_MSG_GROUP_METADATA_KEY || key == K_MSG_CONSUMER_GROUP_METADATA_KEY ||
           key == K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_KEY ||
           key == K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY ||
           key == K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY;
}

/* r: NULL where the record takes away what was there. */
static void
take_group_kind(struct invariants *v, const struct topic_key *shard, enum k_msg kind,
                const union any_key *k, const union any_value *r, int64_t offset)
{
    struct group_seen *g;
    switch (kind) {
    case K_MSG_GROUP_METADATA_KEY:
        g = group_of(v, shard, k->classic.group);
        take_epoch(v, shard, &g->generation, !r, r ? r->classic.generation : 0,
                   "a group went from generation # to #", offset);
        take_classic(v, g, r ? &r->classic : NULL, offset);
        return;
    case K_MSG_CONSUMER_GROUP_METADATA_KEY:
        g = group_of(v, shard, k->group.group_id);
        take_epoch(v, shard, &g->epoch, !r, r ? r->group.epoch : 0,
                   "a group went from epoch # to #", offset);
        return;
    case K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_KEY:
        g = group_of(v, shard, k->assignment.group_id);
        take_epoch(v, shard, &g->assignment_epoch, !r, r ? r->assignment.assignment_epoch : 0,
                   "a group went from the assignment of epoch # to that of #", offset);
        return;
    case K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY:
        g = group_of(v, shard, k->wanted.group_id);
        take_wanted(v, member_seen_of(v, g, k->wanted.member_id), r ? &r->wanted : NULL);
        return;
    case K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY:
        g = group_of(v, shard, k->current.group_id);
        take_current(v, member_seen_of(v, g, k->current.member_id), r ? &r->current : NULL);
        return;
    default: return;
    }
}

void
take_group_record(struct invariants *v, const struct topic_key *shard, struct arena *scratch,
                  const struct record *rec)
{
    struct reader key = reader(rec->key), value = reader(rec->value);
    enum k_msg key_kind, value_kind;
    union any_key k;
    union any_value r;
    int16_t version;
    if (!coordinator_key_read(&key, COORDINATOR_GROUP, &key_kind, &value_kind) ||
        !is_of_members(key_kind) || !codec_decode(key_kind, 0, &key, scratch, &k))
        return;
    if (!rec->value.p) take_group_kind(v, shard, key_kind, &k, NULL, rec->offset);
    else if (coordinator_value_read(&value, value_kind, &version) &&
             codec_decode(value_kind, version, &value, scratch, &r))
        take_group_kind(v, shard, key_kind, &k, &r, rec->offset);
}

/* ---- what a batch leaves ---------------------------------------------------------------------------- */

static bool
has_seat(const struct seat *seats, int64_t n, const struct seat *s)
{
    for (int64_t i = 0; i < n; i++)
        if (seats[i].partition == s->partition && uuid_eq(seats[i].topic, s->topic)) return true;
    return false;
}

static void
check_pair(struct invariants *v, const struct topic_key *shard, const struct member_seen *a,
           const struct member_seen *b)
{
    for (int64_t i = 0; i < a->has.n; i++)
        if (has_seat(b->has.v, b->has.n, &a->has.v[i]))
            breach(v, RULE_GROUP_STATE, shard, -1,
                   "partition # belongs to two members, in epochs up to #", a->has.v[i].partition,
                   MAX(a->epoch, b->epoch));
    for (int64_t i = 0; i < a->wanted.n; i++)
        if (has_seat(b->wanted.v, b->wanted.n, &a->wanted.v[i]))
            breach(v, RULE_GROUP_STATE, shard, -1,
                   "partition # is to belong to two members, in epochs up to #",
                   a->wanted.v[i].partition, MAX(a->epoch, b->epoch));
}

static void
check_group(struct invariants *v, const struct group_seen *g)
{
    for (int64_t i = 0; i < g->members.n; i++) {
        const struct member_seen *m = &g->members.v[i];
        if (g->epoch >= 0 && m->is_present && m->epoch > g->epoch)
            breach(v, RULE_GROUP_STATE, g->shard, -1,
                   "a member has come to epoch #, and its group to epoch #", m->epoch, g->epoch);
        for (int64_t j = 0; j < i; j++) check_pair(v, g->shard, m, &g->members.v[j]);
    }
    if (g->epoch >= 0 && g->assignment_epoch > g->epoch)
        breach(v, RULE_GROUP_STATE, g->shard, -1,
               "a group has an assignment of epoch #, and is in epoch #", g->assignment_epoch,
               g->epoch);
}

void
check_members(struct invariants *v, const struct topic_key *shard)
{
    for (int64_t i = 0; v->members && i < v->members->groups.n; i++) {
        struct group_seen *g = v->members->groups.v[i];
        if (g->shard != shard || !g->is_changed) continue;
        g->is_changed = false;
        check_group(v, g);
        if (g->generation >= 0) away_is_classic(v, g->id);
        for (int64_t k = 0; k < g->members.n; k++) {
            if (g->members.v[k].is_removed) away_removed(v, g->id, g->members.v[k].id);
            g->members.v[k].is_removed = false;
        }
    }
}

const struct topic_key *
member_committed(struct invariants *v, struct slice group, struct slice member, int32_t *ret_epoch)
{
    for (int64_t i = 0; v->members && i < v->members->groups.n; i++) {
        const struct group_seen *g = v->members->groups.v[i];
        if (g->epoch < 0 || !slice_eq(g->id, group)) continue;
        *ret_epoch = -1;
        for (int64_t k = 0; k < g->members.n; k++)
            if (slice_eq(g->members.v[k].id, member))
                *ret_epoch = g->members.v[k].is_present ? g->members.v[k].epoch : INT32_MAX;
        return g->shard;
    }
    return NULL;
}

/* ---- what is told of them -------------------------------------------------------------------------- */

typedef struct k_consumer_group_describe_response_assignment told_assignment;

/* Of topics that are gone nothing is told. */
static int64_t
count_live(struct invariants *v, const struct seat *seats, int64_t n)
{
    int64_t live_n = 0;
    for (int64_t i = 0; i < n; i++) {
        struct slice name = invariants_topic_name(v, seats[i].topic);
        const struct topic_key *k =
            name.n ? model_find_key(&v->model, name, seats[i].partition) : NULL;
        live_n += k && !k->is_retired && uuid_eq(k->id, seats[i].topic);
    }
    return live_n;
}

static bool
is_told_as_is(struct invariants *v, const told_assignment *told, const struct seat *seats,
              int64_t n)
{
    int64_t told_n = 0;
    for (int32_t i = 0; i < told->topic_partitions_n; i++)
        for (int32_t j = 0; j < told->topic_partitions[i].partitions_n; j++, told_n++) {
            struct seat s = {told->topic_partitions[i].topic_id,
                             told->topic_partitions[i].partitions[j]};
            if (!has_seat(seats, n, &s)) return false;
        }
    return told_n >= count_live(v, seats, n);
}

static void
check_told_member(struct invariants *v, const struct group_seen *g,
                  const struct k_consumer_group_describe_response_member *told)
{
    const struct member_seen *m = NULL;
    for (int64_t i = 0; i < g->members.n; i++)
        if (g->members.v[i].is_present && slice_eq(g->members.v[i].id, told->member_id))
            m = &g->members.v[i];
    if (!m)
        breach(v, RULE_STATE_TOLD, g->shard, -1,
               "told of a member in epoch # that is none, of a group of #", told->member_epoch,
               g->members.n);
    else if (m->epoch != told->member_epoch)
        breach(v, RULE_STATE_TOLD, g->shard, -1,
               "told of a member in epoch #; it has come to epoch #", told->member_epoch, m->epoch);
    else if (!is_told_as_is(v, &told->assignment, m->has.v, m->has.n))
        breach(v, RULE_STATE_TOLD, g->shard, -1,
               "told that a member in epoch # has other partitions than its #", m->epoch, m->has.n);
    else if (!is_told_as_is(v, &told->target_assignment, m->wanted.v, m->wanted.n))
        breach(v, RULE_STATE_TOLD, g->shard, -1,
               "told that a member in epoch # is to have other partitions than its #", m->epoch,
               m->wanted.n);
}

static const struct group_seen *
group_to_judge(struct invariants *v, int32_t node, int64_t asked_ns, struct slice id)
{
    for (int64_t i = 0; v->members && i < v->members->groups.n; i++) {
        const struct group_seen *g = v->members->groups.v[i];
        if (slice_eq(g->id, id) && g->changed_ns < asked_ns &&
            coordinator_is_read(v, g->shard, node))
            return g;
    }
    return NULL;
}

void
group_described(struct invariants *v, int32_t node, int64_t asked_ns,
                const struct k_consumer_group_describe_response_described_group *told)
{
    const struct group_seen *g = group_to_judge(v, node, asked_ns, told->group_id);
    int64_t present_n = 0;
    if (!g) return;
    for (int64_t i = 0; i < g->members.n; i++) present_n += g->members.v[i].is_present;
    if (told->error_code == K_ERR_GROUP_ID_NOT_FOUND && g->epoch >= 0)
        breach(v, RULE_STATE_TOLD, g->shard, -1, "told of no group, of epoch # with # members",
               g->epoch, present_n);
    if (told->error_code) return;
    if (told->group_epoch != g->epoch)
        breach(v, RULE_STATE_TOLD, g->shard, -1, "told of a group in epoch #; it is in epoch #",
               told->group_epoch, g->epoch);
    else if (told->assignment_epoch != MAX(g->assignment_epoch, 0))
        breach(v, RULE_STATE_TOLD, g->shard, -1,
               "told of the assignment of epoch #; it is that of epoch #", told->assignment_epoch,
               g->assignment_epoch);
    else if (told->members_n != present_n)
        breach(v, RULE_STATE_TOLD, g->shard, -1, "told of # members; there are #", told->members_n,
               present_n);
    for (int32_t i = 0; i < told->members_n; i++) check_told_member(v, g, &told->members[i]);
}

/* Who joins, or has left, is in no record yet: so only while nobody does. */
void
classic_described(struct invariants *v, int32_t node, int64_t asked_ns,
                  const struct k_describe_groups_response_described_group *told)
{
    const struct group_seen *g = group_to_judge(v, node, asked_ns, told->group_id);
    if (!g || g->epoch >= 0 || told->error_code || !slice_eq(told->group_state, S("Stable")))
        return;
    if (told->members_n != g->classic.n)
        breach(v, RULE_STATE_TOLD, g->shard, -1, "told of # members; there are #", told->members_n,
               g->classic.n);
    for (int32_t i = 0; i < told->members_n; i++) {
        const struct classic_seen *m = NULL;
        for (int64_t k = 0; k < g->classic.n; k++)
            if (g->classic.v[k].id_crc == crc_of_bytes(told->members[i].member_id))
                m = &g->classic.v[k];
        if (!m || m->assignment_crc != crc_of_bytes(told->members[i].member_assignment))
            breach(v, RULE_STATE_TOLD, g->shard, -1,
                   "told of a member of generation # that is none, or of what it does not have (#)",
                   g->generation, i);
    }
}

/* A classic group that nobody is in may have no record but of offsets, and its members come and go without one. */
void
members_listed(struct invariants *v, int32_t node, int64_t asked_ns,
               const struct k_list_groups_response *p)
{
    for (int64_t i = 0; v->members && i < v->members->groups.n; i++) {
        const struct group_seen *g = v->members->groups.v[i];
        if (g->changed_ns >= asked_ns || !coordinator_is_read(v, g->shard, node)) continue;
        bool is_consumer = g->epoch >= 0;
        struct group_to_list one = {.id = g->id,
                                    .type = is_consumer ? S("consumer") : S("classic"),
                                    .is_there = is_consumer || g->generation >= 0,
                                    .is_counted = is_consumer};
        for (int64_t k = 0; k < g->members.n; k++) one.members_n += g->members.v[k].is_present;
        group_listed(v, g->shard, p, &one);
    }
}
