/* The second half of a rebalance: the leader's assignment is stored and handed out. And what members do
 * between rebalances: heartbeats, leaving. */
#include "broker/base/check.h"
#include "broker/group/classic_member.h"
#include "broker/protocol/codec.h"
#include "errors.h"

typedef struct k_sync_group_request sync_request;

/* The leader's assignment on its way into the log. */
struct assignment_write {
    struct coordinator_write write;
    struct group *group; /* NULL: a later rebalance made it meaningless */
    VEC(struct group_assignment) assignments;
};

/* ---- answers ---- */

static void
answer_sync(struct groups *gs, struct coordinator_call *c, int16_t err, const struct group *g,
            struct slice assignment)
{
    struct k_sync_group_response *res = ARENA_NEW(c->arena, struct k_sync_group_response);
    codec_default(K_MSG_SYNC_GROUP_RESPONSE, res);
    res->error_code = err;
    if (g && !err) {
        res->protocol_type = arena_dup(c->arena, g->protocol_type);
        res->protocol_name = arena_dup(c->arena, g->protocol);
    }
    res->assignment = arena_dup(c->arena, assignment);
    groups_answer(gs, c, res);
}

void
group_answer_sync(struct group *g, struct coordinator_call *c, int16_t err, struct slice assignment)
{
    answer_sync(g->shard->owner, c, err, g, assignment);
}

/* ---- handing out ---- */

static void
hand_out_assignments(struct group *g, int16_t err)
{
    LIST_EACH(&g->members, m, struct member, node) {
        if (!m->syncing) continue;
        group_answer_sync(g, m->syncing, err, err ? SLICE_EMPTY : m->assignment);
        m->syncing = NULL;
        member_heard(m);
    }
}

void
group_reset_assignments(struct group *g, int16_t err)
{
    LIST_EACH(&g->members, m, struct member, node) member_set_assignment(m, SLICE_EMPTY);
    hand_out_assignments(g, err);
}

void
group_forget_write(struct group *g)
{
    if (g->storing) g->storing->group = NULL;
    g->storing = NULL;
}

static void
free_write(struct assignment_write *aw)
{
    struct mem *mem = &shard_env(aw->write.shard)->mem;
    for (int64_t i = 0; i < aw->assignments.n; i++) {
        mem_free_slice(mem, aw->assignments.v[i].member_id);
        mem_free_slice(mem, aw->assignments.v[i].assignment);
    }
    VEC_RELEASE(mem, &aw->assignments);
    MEM_DELETE(mem, aw);
}

/* The assignment cannot be kept: everybody joins again. */
static void
not_stored(struct group *g, int16_t err)
{
    MARK(group_env(g), ASSIGNMENT_UNSTORED);
    group_reset_assignments(g, coordinator_store_error(err));
    group_rebalance(g);
}

static void
assignment_stored(struct coordinator_write *w, int16_t err)
{
    struct assignment_write *aw = CONTAINER_OF(w, struct assignment_write, write);
    struct group *g = aw->group;
    if (g) group_forget_write(g);
    /* With an error the shard's end is near, and tells everybody. */
    if (g && !err) {
        for (int64_t i = 0; i < aw->assignments.n; i++) {
            struct member *m = group_member(g, aw->assignments.v[i].member_id);
            if (m) member_set_assignment(m, aw->assignments.v[i].assignment);
        }
        group_move(g, GROUP_STABLE);
        hand_out_assignments(g, 0);
    }
    free_write(aw);
}

static void
assignment_late(struct coordinator_write *w)
{
    struct assignment_write *aw = CONTAINER_OF(w, struct assignment_write, write);
    struct group *g = aw->group;
    if (!g) return;
    group_forget_write(g);
    not_stored(g, K_ERR_REQUEST_TIMED_OUT);
}

static void
store_assignment(struct group *g, const sync_request *q)
{
    struct mem *mem = &group_env(g)->mem;
    struct assignment_write *aw = MEM_NEW(mem, struct assignment_write);
    aw->group = g;
    aw->write.shard = &g->shard->base;
    aw->write.done = assignment_stored;
    aw->write.late = assignment_late;
    LIST_EACH(&g->members, m, struct member, node) {
        struct group_assignment a = {mem_dup(mem, m->id), mem_dup(mem, sync_assignment(q, m->id))};
        VEC_PUSH(mem, &aw->assignments, a);
    }
    struct batch_builder b;
    shard_builder(&g->shard->base, &b);
    record_group(&b, g, q);
    g->storing = aw;
    int16_t err = shard_write(&g->shard->base, &b, &aw->write);
    if (!err) return;
    g->storing = NULL;
    free_write(aw);
    not_stored(g, err);
}

/* ---- SyncGroup ---- */

static bool
differs(struct slice asked, struct slice ours)
{
    return asked.p && !slice_eq(asked, ours);
}

static int16_t
check_sync(struct group *g, const sync_request *q)
{
    int16_t err = group_check_member(g, q->member_id, q->group_instance_id);
    if (err) return err;
    if (q->generation_id != g->generation) return K_ERR_ILLEGAL_GENERATION;
    if (differs(q->protocol_type, g->protocol_type) || differs(q->protocol_name, g->protocol))
        return K_ERR_INCONSISTENT_GROUP_PROTOCOL;
    if (g->state == GROUP_EMPTY) return K_ERR_UNKNOWN_MEMBER_ID;
    if (g->state == GROUP_PREPARING) return K_ERR_REBALANCE_IN_PROGRESS;
    bool brings_more = g->state == GROUP_COMPLETING && q->assignments_n > 0;
    bool has_room = env_has_room(group_env(g), PURSE_GROUPS);
    return brings_more && !has_room ? K_ERR_COORDINATOR_NOT_AVAILABLE : 0;
}

/* Whoever has its assignment need not be waited for. */
static void
all_synced(struct group *g)
{
    LIST_EACH(&g->members, m, struct member, node)
        if (m->owes_sync) return;
    timer_cancel(group_env(g), &g->sync_timer);
}

void
groups_sync(struct groups *gs, const sync_request *q, struct coordinator_call *c)
{
    int16_t err = 0;
    struct shard *s = groups_shard_of_named(gs, q->group_id, &err);
    struct group *g = err ? NULL : group_find(s, q->group_id);
    /* KIP-559 */
    if (!err && c->version >= 5 && (!q->protocol_type.p || !q->protocol_name.p))
        err = K_ERR_INCONSISTENT_GROUP_PROTOCOL;
    if (!err && g && g->consumer) {
        classic_sync(g, q, c);
        return;
    }
    if (!err) err = g && !g->share && !g->streams ? check_sync(g, q) : K_ERR_UNKNOWN_MEMBER_ID;
    if (err) {
        answer_sync(gs, c, err, NULL, SLICE_EMPTY);
        return;
    }
    struct member *m = group_member(g, q->member_id);
    m->owes_sync = false;
    all_synced(g);
    if (g->state == GROUP_STABLE) {
        group_answer_sync(g, c, 0, m->assignment);
        return;
    }
    if (m->syncing) group_answer_sync(g, m->syncing, K_ERR_REBALANCE_IN_PROGRESS, SLICE_EMPTY);
    m->syncing = c;
    if (group_is_leader(g, m) && !g->storing) store_assignment(g, q);
}

void
group_sync_due(struct timer *t)
{
    struct group *g = CONTAINER_OF(t, struct group, sync_timer);
    if (g->state != GROUP_COMPLETING && g->state != GROUP_STABLE) return;
    bool lost = false;
    LIST_EACH(&g->members, m, struct member, node) {
        if (!m->owes_sync) continue;
        group_remove_member(m, K_ERR_UNKNOWN_MEMBER_ID);
        lost = true;
    }
    if (lost) group_rebalance(g);
}

/* ---- Heartbeat ---- */

static int16_t
member_heartbeat(struct group *g, const struct k_heartbeat_request *q)
{
    int16_t err = group_check_member(g, q->member_id, q->group_instance_id);
    if (err) return err;
    if (q->generation_id != g->generation) return K_ERR_ILLEGAL_GENERATION;
    if (g->state == GROUP_EMPTY) return K_ERR_UNKNOWN_MEMBER_ID;
    member_heard(group_member(g, q->member_id));
    return g->state == GROUP_PREPARING ? K_ERR_REBALANCE_IN_PROGRESS : 0;
}

void
groups_heartbeat(struct groups *gs, const struct k_heartbeat_request *q, struct coordinator_call *c)
{
    int16_t err = 0;
    struct shard *s = groups_shard_of_named(gs, q->group_id, &err);
    /* While it loads, members are told that all is well: they would join anew otherwise. */
    if (err == K_ERR_COORDINATOR_LOAD_IN_PROGRESS) err = 0;
    struct group *g = s && !err ? group_find(s, q->group_id) : NULL;
    if (g && g->consumer) err = classic_heartbeat(g, q);
    else if (s && !err)
        err = g && !g->share && !g->streams ? member_heartbeat(g, q) : K_ERR_UNKNOWN_MEMBER_ID;
    struct k_heartbeat_response *res = ARENA_NEW(c->arena, struct k_heartbeat_response);
    codec_default(K_MSG_HEARTBEAT_RESPONSE, res);
    res->error_code = err;
    groups_answer(gs, c, res);
}

/* ---- LeaveGroup ---- */

/* An administrator may name an instance without knowing its member id (KIP-345). */
static int16_t
leave_one(struct group *g, const struct k_leave_group_request_member_identity *who, bool *ret_left)
{
    struct member *m;
    if (who->member_id.n == 0) {
        m = group_static_member(g, who->group_instance_id);
        if (!m) return K_ERR_UNKNOWN_MEMBER_ID;
    } else {
        struct pending_member *p = group_pending(g, who->member_id);
        if (p) {
            group_remove_pending(p);
            *ret_left = true;
            return 0;
        }
        int16_t err = group_check_member(g, who->member_id, who->group_instance_id);
        if (err) return err;
        m = group_member(g, who->member_id);
    }
    group_remove_member(m, K_ERR_UNKNOWN_MEMBER_ID);
    *ret_left = true;
    return 0;
}

/* Of a group that does not exist nobody is a member: g may be NULL. */
static void
members_leave(struct group *g, const struct k_leave_group_request_member_identity *who, int32_t n,
              struct coordinator_call *c, struct k_leave_group_response *res)
{
    int32_t members_before = g ? g->members_n : 0;
    bool left = false;
    res->members = codec_array(c->arena, K_STRUCT_LEAVE_GROUP_RESPONSE_MEMBER_RESPONSE, n);
    res->members_n = n;
    for (int32_t i = 0; i < n; i++) {
        res->members[i].member_id = who[i].member_id;
        res->members[i].group_instance_id = who[i].group_instance_id;
        res->members[i].error_code = g ? leave_one(g, &who[i], &left) : K_ERR_UNKNOWN_MEMBER_ID;
    }
    if (!left) return;
    if (g->members_n < members_before && g->state != GROUP_EMPTY) group_rebalance(g);
    else group_join_maybe_complete(g);
}

void
groups_leave(struct groups *gs, const struct k_leave_group_request *q, struct coordinator_call *c)
{
    int16_t err = 0;
    struct shard *s = groups_shard_of_named(gs, q->group_id, &err);
    struct group *g = err ? NULL : group_find(s, q->group_id);
    struct k_leave_group_response *res = ARENA_NEW(c->arena, struct k_leave_group_response);
    codec_default(K_MSG_LEAVE_GROUP_RESPONSE, res);
    res->error_code = err;
    struct k_leave_group_request_member_identity one = {.member_id = q->member_id,
                                                        .group_instance_id = SLICE_NULL};
    bool batch = c->version >= 3;
    if (!err && g && g->consumer) {
        classic_leave(g, batch ? q->members : &one, batch ? q->members_n : 1, res, c);
        return;
    }
    struct leaver lv = {.call = c, .response = res};
    if (g) g->leaver = &lv;
    if (!err) members_leave(g, batch ? q->members : &one, batch ? q->members_n : 1, c, res);
    if (g) g->leaver = NULL;
    if (!err && !batch) res->error_code = res->members[0].error_code;
    if (lv.err) res->error_code = lv.err;
    if (!batch || lv.err) res->members_n = 0;
    if (!lv.waits) groups_answer(gs, c, res);
}
