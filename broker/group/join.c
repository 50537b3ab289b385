/* The first half of a rebalance: members join until all have, or time is up; then there is a new
 * generation with a protocol and a leader. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/group/join.h"
#include "broker/group/classic_member.h"
#include "broker/group/streams_group.h"
#include "broker/protocol/codec.h"
#include "errors.h"

/* From this version on a member joins with an id that the coordinator gave it (KIP-394) … */
#define KNOWN_ID_VERSION 4
/* … and an answer without a protocol says so. */
#define NULL_PROTOCOL_VERSION 7
/* A new member cannot send heartbeats yet; this ends a join whose client has gone away. */
#define NEW_MEMBER_JOIN_MS (5 * 60 * 1000)

static void
group_arm_in(struct group *g, struct timer *t, int64_t ms)
{
    timer_arm(group_env(g), t, env_now_ns(group_env(g)) + ms * NS_PER_MS);
}

/* ---- answers ---- */

static void
refuse_join(struct groups *gs, struct coordinator_call *c, int16_t err, struct slice member_id)
{
    join_response *res = ARENA_NEW(c->arena, join_response);
    codec_default(K_MSG_JOIN_GROUP_RESPONSE, res);
    res->error_code = err;
    if (c->version >= NULL_PROTOCOL_VERSION) res->protocol_name = SLICE_NULL;
    res->member_id = arena_dup(c->arena, member_id);
    groups_answer(gs, c, res);
}

void
group_answer_join(struct group *g, struct coordinator_call *c, int16_t err, struct slice member_id)
{
    refuse_join(g->shard->owner, c, err, member_id);
}

void
join_list_members(struct group *g, struct arena *a, join_response *res)
{
    res->members =
        codec_array(a, K_STRUCT_JOIN_GROUP_RESPONSE_JOIN_GROUP_RESPONSE_MEMBER, g->members_n);
    LIST_EACH(&g->members, m, struct member, node) {
        struct k_join_group_response_join_group_response_member *r =
            &res->members[res->members_n++];
        r->member_id = arena_dup(a, m->id);
        r->group_instance_id = arena_dup(a, m->instance_id);
        r->metadata = arena_dup(a, member_metadata(m, g->protocol));
    }
}

join_response *
join_welcome(const struct group *g, const struct member *m, struct coordinator_call *c)
{
    join_response *res = ARENA_NEW(c->arena, join_response);
    codec_default(K_MSG_JOIN_GROUP_RESPONSE, res);
    res->generation_id = g->generation;
    res->protocol_type = arena_dup(c->arena, g->protocol_type);
    res->protocol_name = arena_dup(c->arena, g->protocol);
    res->leader = arena_dup(c->arena, g->leader);
    res->member_id = arena_dup(c->arena, m->id);
    return res;
}

static void
answer_joined(struct group *g, struct member *m, struct coordinator_call *c)
{
    join_response *res = join_welcome(g, m, c);
    if (group_is_leader(g, m)) join_list_members(g, c->arena, res);
    groups_answer(g->shard->owner, c, res);
}

/* ---- the end of the joining ---- */

/* The leader, or if it has not come back the first who has. False: nobody has. */
static bool
elect_leader(struct group *g)
{
    struct member *leader = g->leader.p ? group_member(g, g->leader) : NULL;
    if (leader && leader->joining) return true;
    LIST_EACH(&g->members, m, struct member, node) {
        if (!m->joining) continue;
        struct mem *mem = groups_mem(g->shard->owner);
        mem_free_slice(mem, g->leader);
        g->leader = mem_dup(mem, m->id);
        return true;
    }
    return false;
}

/* Static members that are away keep their place until their session ends (KIP-345). */
static void
drop_absent(struct group *g)
{
    LIST_EACH(&g->members, m, struct member, node)
        if (!m->joining && !m->instance_id.p) {
            MARK(group_env(g), MEMBER_ABSENT);
            group_remove_member(m, K_ERR_UNKNOWN_MEMBER_ID);
        }
}

static void
next_generation(struct group *g)
{
    struct mem *mem = groups_mem(g->shard->owner);
    struct slice protocol = mem_dup(mem, group_select_protocol(g));
    mem_free_slice(mem, g->protocol);
    g->protocol = protocol;
    g->generation++;
    group_move(g, g->members_n ? GROUP_COMPLETING : GROUP_EMPTY);
}

/* The record of a group that has lost its last member, on its way into the log. */
struct emptied {
    struct coordinator_write write;
    struct coordinator_call *call; /* of who left; NULL: nobody asked, or it is answered */
    struct k_leave_group_response *response;
};

static void
answer_left(struct emptied *e, int16_t err)
{
    if (!e->call) return;
    if (err) {
        e->response->error_code = coordinator_store_error(err);
        e->response->members_n = 0;
    }
    groups_answer(shard_of_write(&e->write)->owner, e->call, e->response);
    e->call = NULL;
}

static void
emptied_done(struct coordinator_write *w, int16_t err)
{
    struct emptied *e = CONTAINER_OF(w, struct emptied, write);
    answer_left(e, err);
    MEM_DELETE(&shard_env(w->shard)->mem, e);
}

static void
emptied_late(struct coordinator_write *w)
{
    answer_left(CONTAINER_OF(w, struct emptied, write), K_ERR_REQUEST_TIMED_OUT);
}

/* Should it fail, the next coordinator finds members in the log and lets their sessions end. So the last member
 * is told that it has left when the record is committed: who deletes the group then finds it empty, whoever
 * coordinates it. */
static void
store_empty(struct group *g)
{
    struct mem *mem = &group_env(g)->mem;
    struct emptied *e = MEM_NEW(mem, struct emptied);
    struct leaver *lv = g->leaver;
    struct batch_builder b;
    if (lv) e->call = lv->call, e->response = lv->response;
    e->write.done = emptied_done;
    e->write.late = emptied_late;
    shard_builder(&g->shard->base, &b);
    record_group(&b, g, NULL);
    int16_t err = shard_write(&g->shard->base, &b, &e->write);
    if (lv && !err) lv->waits = true;
    if (lv && err) lv->err = coordinator_store_error(err);
    if (err) MEM_DELETE(mem, e);
}

static void
join_complete(struct group *g)
{
    timer_cancel(group_env(g), &g->join_timer);
    drop_absent(g);
    if (!elect_leader(g) && g->members_n > 0) {
        /* Only static members, all away: wait for them or for the end of their sessions. */
        group_arm_in(g, &g->join_timer, group_rebalance_timeout_ms(g));
        return;
    }
    next_generation(g);
    if (g->state == GROUP_EMPTY) {
        store_empty(g);
        return;
    }
    int32_t answered_n = 0;
    LIST_EACH(&g->members, m, struct member, node) {
        answered_n += m->joining != NULL;
        if (m->joining) answer_joined(g, m, m->joining);
        m->joining = NULL;
        m->is_new = false;
        m->owes_sync = true;
        member_heard(m);
    }
    CHECK(answered_n == g->joining_n);
    g->joining_n = 0;
    group_arm_in(g, &g->sync_timer, group_rebalance_timeout_ms(g));
}

static bool
all_have_joined(const struct group *g)
{
    return g->joining_n == g->members_n && list_is_empty(&g->pending);
}

void
group_join_maybe_complete(struct group *g)
{
    /* A group that was empty waits its initial delay in any case. */
    if (g->state == GROUP_PREPARING && g->previous != GROUP_EMPTY && all_have_joined(g))
        join_complete(g);
}

/* With a delay of 0, too, whoever comes together is one generation: else the first is told of the others only by its
 * next heartbeat, and all wait for that. */
static int64_t
initial_delay_ms(const struct group *g, int64_t least_ms)
{
    int64_t ms = config_i64(g->shard->owner->base.config, K_CFG_GROUP_INITIAL_REBALANCE_DELAY_MS);
    return MAX(ms, least_ms);
}

void
group_join_due(struct timer *t)
{
    struct group *g = CONTAINER_OF(t, struct group, join_timer);
    if (g->state != GROUP_PREPARING) return;
    if (g->previous == GROUP_EMPTY && g->member_added && g->delay_left_ms > 0) {
        /* KIP-134: as long as more members come, wait for more. */
        int64_t ms = MIN(initial_delay_ms(g, GROUP_GATHER_MS), g->delay_left_ms);
        g->member_added = false;
        g->delay_left_ms -= ms;
        group_arm_in(g, t, ms);
        return;
    }
    join_complete(g);
}

/* ---- the beginning ---- */

static void
prepare(struct group *g)
{
    if (g->state == GROUP_COMPLETING) group_reset_assignments(g, K_ERR_REBALANCE_IN_PROGRESS);
    timer_cancel(group_env(g), &g->sync_timer);
    group_forget_write(g);
    LIST_EACH(&g->members, m, struct member, node) m->owes_sync = false;
    bool initial = g->state == GROUP_EMPTY;
    group_move(g, GROUP_PREPARING);
    if (initial) {
        int64_t ms = initial_delay_ms(g, GROUP_GATHER_FIRST_MS);
        g->member_added = false;
        g->delay_left_ms = MAX(group_rebalance_timeout_ms(g) - ms, 0);
        group_arm_in(g, &g->join_timer, ms);
    } else if (all_have_joined(g)) {
        join_complete(g);
    } else {
        group_arm_in(g, &g->join_timer, group_rebalance_timeout_ms(g));
    }
}

void
group_rebalance(struct group *g)
{
    if (g->state == GROUP_PREPARING) group_join_maybe_complete(g);
    else prepare(g);
}

/* The member is gone: what a missed session, or LeaveGroup, comes to. */
static void
group_lose_member(struct member *m)
{
    struct group *g = m->group;
    group_remove_member(m, K_ERR_UNKNOWN_MEMBER_ID);
    if (g->state == GROUP_STABLE || g->state == GROUP_COMPLETING || g->state == GROUP_PREPARING)
        group_rebalance(g);
}

void
group_session_due(struct timer *t)
{
    struct member *m = CONTAINER_OF(t, struct member, session);
    /* Who waits for us is not lost; its session begins anew with our answer. */
    if (!m->is_new && (m->joining || m->syncing)) return;
    MARK(group_env(m->group), MEMBER_EXPIRED);
    group_lose_member(m);
}

static void
group_pending_due(struct timer *t)
{
    struct pending_member *p = CONTAINER_OF(t, struct pending_member, timer);
    struct group *g = p->group;
    group_remove_pending(p);
    group_join_maybe_complete(g);
}

/* ---- requests ---- */

void
join_set_member(struct member *m, const join_request *q)
{
    m->session_timeout_ms = q->session_timeout_ms;
    m->rebalance_timeout_ms =
        q->rebalance_timeout_ms >= 0 ? q->rebalance_timeout_ms : q->session_timeout_ms;
    member_set_protocols(m, q->protocols, q->protocols_n);
}

void
join_update_member(const struct joiner *j, struct member *m)
{
    join_set_member(m, j->q);
    if (m->joining) group_answer_join(j->g, m->joining, K_ERR_REBALANCE_IN_PROGRESS, m->id);
    else j->g->joining_n++;
    m->joining = j->c;
}

static void
add_member(const struct joiner *j, struct slice id)
{
    struct group *g = j->g;
    if (g->state == GROUP_PREPARING && g->previous == GROUP_EMPTY) g->member_added = true;
    if (g->members_n == 0) {
        struct mem *mem = groups_mem(g->shard->owner);
        mem_free_slice(mem, g->protocol_type);
        g->protocol_type = mem_dup(mem, j->q->protocol_type);
    }
    struct member *m =
        group_add_member(g, id, j->q->group_instance_id, j->c->client_id, j->c->client_host);
    m->is_new = true;
    join_update_member(j, m);
    group_arm_in(g, &m->session, NEW_MEMBER_JOIN_MS);
    group_rebalance(g);
}

/* As Java prints a uuid, behind the client's name. */
static struct slice
new_member_id(const struct joiner *j)
{
    struct env *env = group_env(j->g);
    char text[36];
    uint64_t hi = env_random(env, STREAM_MEMBER_ID), lo = env_random(env, STREAM_MEMBER_ID);
    for (int i = 0, digit = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            text[i] = '-';
            continue;
        }
        uint64_t half = digit < 16 ? hi : lo;
        text[i] = "0123456789abcdef"[half >> (60 - digit % 16 * 4) & 15];
        digit++;
    }
    text[14] = '4';
    struct slice name = j->q->group_instance_id.p ? j->q->group_instance_id : j->c->client_id;
    name = slice_sub(name, 0, CODEC_STRING_MAX - 1 - (int64_t)sizeof text);
    struct writer w = writer_mem(&env->mem);
    fmt_slice(&w, name);
    fmt_char(&w, '-');
    fmt_slice(&w, slice(text, sizeof text));
    struct slice id = arena_dup(j->c->arena, writer_slice(&w));
    writer_release(&w);
    return id;
}

static void
give_out_id(const struct joiner *j, struct slice id)
{
    struct group *g = j->g;
    struct mem *mem = groups_mem(g->shard->owner);
    struct pending_member *p = MEM_NEW(mem, struct pending_member);
    p->group = g;
    p->id = mem_dup(mem, id);
    p->timer.due = group_pending_due;
    list_push_back(&g->pending, &p->node);
    group_arm_in(g, &p->timer, j->q->session_timeout_ms);
    group_answer_join(g, j->c, K_ERR_MEMBER_ID_REQUIRED, id);
}

static void
join_new(const struct joiner *j)
{
    struct group *g = j->g;
    if (!group_supports(g, j->q->protocol_type, j->q->protocols, j->q->protocols_n)) {
        group_answer_join(g, j->c, K_ERR_INCONSISTENT_GROUP_PROTOCOL, SLICE_EMPTY);
        return;
    }
    struct slice id = new_member_id(j);
    struct member *known = group_static_member(g, j->q->group_instance_id);
    if (known) join_replace_static(j, known, id);
    else if (!j->q->group_instance_id.p && j->c->version >= KNOWN_ID_VERSION) give_out_id(j, id);
    else add_member(j, id);
}

static void
rejoin(const struct joiner *j, struct member *m)
{
    struct group *g = j->g;
    bool same = member_has_protocols(m, j->q->protocols, j->q->protocols_n);
    bool asks_again = g->state == GROUP_COMPLETING && same;
    /* The leader joins again when it sees a reason to assign anew: a change of the topics. */
    bool nothing_new = g->state == GROUP_STABLE && same && !group_is_leader(g, m);
    if (asks_again) {
        answer_joined(g, m, j->c);
    } else if (nothing_new) {
        groups_answer(g->shard->owner, j->c, join_welcome(g, m, j->c));
    } else {
        join_update_member(j, m);
        group_rebalance(g);
    }
}

static void
join_known(const struct joiner *j)
{
    struct group *g = j->g;
    struct slice id = j->q->member_id;
    int16_t err = 0;
    struct pending_member *p = group_pending(g, id);
    if (!group_supports(g, j->q->protocol_type, j->q->protocols, j->q->protocols_n))
        err = K_ERR_INCONSISTENT_GROUP_PROTOCOL;
    else if (!p) err = group_check_member(g, id, j->q->group_instance_id);
    else if (j->q->group_instance_id.p) err = K_ERR_UNKNOWN_MEMBER_ID;
    if (err) {
        group_answer_join(g, j->c, err, id);
    } else if (p) {
        group_remove_pending(p);
        add_member(j, id);
    } else {
        rejoin(j, group_member(g, id));
    }
}

/* group.max.size. While members gather again, the first that come stay: so a group that became too large
 * gets smaller. */
static bool
group_has_room(struct group *g, struct slice member_id)
{
    int64_t max = config_i64(g->shard->owner->base.config, K_CFG_GROUP_MAX_SIZE);
    const struct member *m = group_member(g, member_id);
    if (g->state == GROUP_PREPARING) return (m && m->joining) || g->joining_n < max;
    return g->state == GROUP_EMPTY || m || g->members_n < max;
}

/* Whoever finds no room is no member any more, and is not waited for. */
static void
join_turn_away(struct group *g, struct slice member_id)
{
    struct pending_member *p = group_pending(g, member_id);
    struct member *m = group_member(g, member_id);
    if (p) group_remove_pending(p);
    if (m) group_remove_member(m, K_ERR_GROUP_MAX_SIZE_REACHED);
    group_join_maybe_complete(g);
}

static int16_t
check_request(struct groups *gs, const join_request *q)
{
    if (q->session_timeout_ms < config_i64(gs->base.config, K_CFG_GROUP_MIN_SESSION_TIMEOUT_MS) ||
        q->session_timeout_ms > config_i64(gs->base.config, K_CFG_GROUP_MAX_SESSION_TIMEOUT_MS))
        return K_ERR_INVALID_SESSION_TIMEOUT;
    return 0;
}

/* A group comes to be with its first member; the log tells so before anybody joins. */
static struct group *
make_group(struct shard *s, struct slice id, int16_t *ret_err)
{
    struct group *g = group_new(s, id);
    struct batch_builder b;
    shard_builder(&s->base, &b);
    record_group(&b, g, NULL);
    *ret_err = coordinator_store_error(shard_write_silently(&s->base, &b));
    if (!*ret_err) return g;
    group_free(g);
    return NULL;
}

static int64_t
bytes_of(const struct member *m)
{
    int64_t n = 0;
    for (int64_t i = 0; m && i < m->protocols.n; i++)
        n += m->protocols.v[i].name.n + m->protocols.v[i].metadata.n;
    return n;
}

static int64_t
bytes_asked(const join_request *q)
{
    int64_t n = 0;
    for (int32_t i = 0; i < q->protocols_n; i++)
        n += q->protocols[i].name.n + q->protocols[i].metadata.n;
    return n;
}

/* Who joins anew, or with more than before, needs memory (env/limits.h). */
static bool
has_memory(struct groups *gs, struct group *g, const join_request *q)
{
    struct member *m = g && !g->consumer ? group_member(g, q->member_id) : NULL;
    return env_has_room(gs->base.env, PURSE_GROUPS) || (m && bytes_asked(q) <= bytes_of(m));
}

/* A group whose last member is gone is anybody's. */
static int16_t
become_classic(struct group *g)
{
    struct batch_builder b;
    shard_builder(&g->shard->base, &b);
    if (g->consumer) record_consumer_gone(&b, g);
    else record_streams_gone(&b, g);
    int16_t err = shard_write_silently(&g->shard->base, &b);
    if (err) return coordinator_store_error(err);
    consumer_release(g);
    streams_release(g);
    return 0;
}

void
groups_join(struct groups *gs, const join_request *q, struct coordinator_call *c)
{
    int16_t err = check_request(gs, q);
    struct shard *s = err ? NULL : groups_shard_of_named(gs, q->group_id, &err);
    struct group *g = err ? NULL : group_find(s, q->group_id);
    bool is_new = q->member_id.n == 0;
    if (!err && !g && !is_new) err = K_ERR_UNKNOWN_MEMBER_ID;
    if (!err && !has_memory(gs, g, q)) err = K_ERR_COORDINATOR_NOT_AVAILABLE;
    bool is_of_others = g && (g->share || (g->streams && !group_has_nobody(g)));
    if (!err && is_of_others) err = K_ERR_INCONSISTENT_GROUP_PROTOCOL;
    if (!err && g && g->consumer && g->consumer->members.n > 0) {
        classic_join(g, q, c);
        return;
    }
    if (!err && g && (g->consumer || g->streams)) err = become_classic(g);
    if (!err && !g) g = make_group(s, q->group_id, &err);
    if (err) {
        refuse_join(gs, c, err, q->member_id);
        return;
    }
    if (!group_has_room(g, q->member_id)) {
        refuse_join(gs, c, K_ERR_GROUP_MAX_SIZE_REACHED, SLICE_EMPTY);
        join_turn_away(g, q->member_id);
        return;
    }
    struct joiner j = {q, c, g};
    if (is_new) join_new(&j);
    else join_known(&j);
}
