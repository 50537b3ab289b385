/* Static members (KIP-345): an instance that comes back gets a new member id and keeps its place. Nothing is
 * assigned anew if its subscription leaves the group's protocol as it is.
 *
 * It hears of its new id when that is committed. Otherwise a coordinator that comes next would know the former
 * one, and fence for ever who has just been let in. If the log does not take the new id, the member stays who it
 * was: its former process goes on. */
#include "broker/base/check.h"
#include "broker/group/join.h"
#include "broker/group/shard.h"
#include "errors.h"

/* From this version on it may lead without assigning anew (KIP-814). */
#define SKIP_ASSIGNMENT_VERSION 9

/* The new id on its way into the log. */
struct comeback {
    struct coordinator_write write;
    struct slice group_id, member_id, old_leader;
    uint64_t group_serial;
};

static struct mem *
comeback_mem(const struct comeback *cb)
{
    return &shard_env(cb->write.shard)->mem;
}

static void
comeback_free(struct comeback *cb)
{
    struct mem *mem = comeback_mem(cb);
    mem_free_slice(mem, cb->group_id);
    mem_free_slice(mem, cb->member_id);
    mem_free_slice(mem, cb->old_leader);
    MEM_DELETE(mem, cb);
}

/* Who still waits to be told. NULL: it has been answered, or is one of those who gather for a rebalance and is
 * answered with them; or it is gone. */
static struct member *
comeback_member(const struct comeback *cb)
{
    struct group *g = group_find(shard_of_write(&cb->write), cb->group_id);
    if (!g || g->serial != cb->group_serial || g->state != GROUP_STABLE) return NULL;
    struct member *m = group_member(g, cb->member_id);
    return m && m->joining ? m : NULL;
}

static void
answer_returned(struct member *m, struct slice old_leader)
{
    struct group *g = m->group;
    struct coordinator_call *c = m->joining;
    join_response *res = join_welcome(g, m, c);
    if (c->version >= SKIP_ASSIGNMENT_VERSION) {
        res->skip_assignment = group_is_leader(g, m);
        if (res->skip_assignment) join_list_members(g, c->arena, res);
    } else {
        /* The former id: so the client does not take itself for the leader. */
        res->leader = arena_dup(c->arena, old_leader);
    }
    groups_answer(g->shard->owner, c, res);
    m->joining = NULL;
    CHECK(g->joining_n > 0);
    g->joining_n--;
    member_heard(m);
}

static void
refuse_returned(struct member *m, int16_t err)
{
    struct group *g = m->group;
    group_answer_join(g, m->joining, coordinator_store_error(err), SLICE_EMPTY);
    m->joining = NULL;
    CHECK(g->joining_n > 0);
    g->joining_n--;
    member_heard(m);
}

static void
comeback_stored(struct coordinator_write *w, int16_t err)
{
    struct comeback *cb = CONTAINER_OF(w, struct comeback, write);
    struct member *m = comeback_member(cb);
    /* With an error the shard's end is near, and tells everybody. */
    if (m && !err) answer_returned(m, cb->old_leader);
    comeback_free(cb);
}

static void
comeback_late(struct coordinator_write *w)
{
    struct member *m = comeback_member(CONTAINER_OF(w, struct comeback, write));
    if (m) refuse_returned(m, K_ERR_REQUEST_TIMED_OUT);
}

/* What the member said of itself. */
static const join_request *
former_request(const struct member *m, struct arena *a)
{
    join_request *q = ARENA_NEW(a, join_request);
    *q = (join_request){.member_id = arena_dup(a, m->id),
                        .session_timeout_ms = m->session_timeout_ms,
                        .rebalance_timeout_ms = m->rebalance_timeout_ms};
    q->protocols_n = (int32_t)m->protocols.n;
    q->protocols = ARENA_ARRAY(a, struct k_join_group_request_join_group_request_protocol,
                               MAX(q->protocols_n, 1));
    for (int32_t i = 0; i < q->protocols_n; i++) {
        q->protocols[i].name = arena_dup(a, m->protocols.v[i].name);
        q->protocols[i].metadata = arena_dup(a, m->protocols.v[i].metadata);
    }
    return q;
}

static void
store_returned(struct member *m, struct slice old_leader, const join_request *former)
{
    struct group *g = m->group;
    struct mem *mem = &group_env(g)->mem;
    struct comeback *cb = MEM_NEW(mem, struct comeback);
    *cb = (struct comeback){.group_id = mem_dup(mem, g->id),
                            .member_id = mem_dup(mem, m->id),
                            .old_leader = mem_dup(mem, old_leader),
                            .group_serial = g->serial};
    cb->write.shard = &g->shard->base;
    cb->write.done = comeback_stored;
    cb->write.late = comeback_late;
    struct batch_builder b;
    shard_builder(&g->shard->base, &b);
    record_group(&b, g, NULL);
    int16_t err = shard_write(&g->shard->base, &b, &cb->write);
    if (!err) return;
    refuse_returned(m, err);
    member_set_id(m, former->member_id);
    join_set_member(m, former);
    comeback_free(cb);
}

/* Whoever waited under the former id is another process. */
static void
fence_former(struct member *m)
{
    struct group *g = m->group;
    MARK(group_env(g), STATIC_MEMBER_BACK);
    if (m->joining) {
        group_answer_join(g, m->joining, K_ERR_FENCED_INSTANCE_ID, m->id);
        m->joining = NULL;
        CHECK(g->joining_n > 0);
        g->joining_n--;
    }
    if (m->syncing) group_answer_sync(g, m->syncing, K_ERR_FENCED_INSTANCE_ID, SLICE_EMPTY);
    m->syncing = NULL;
}

void
join_replace_static(const struct joiner *j, struct member *m, struct slice new_id)
{
    struct group *g = j->g;
    struct slice old_leader = arena_dup(j->c->arena, g->leader);
    const join_request *former = former_request(m, j->c->arena);
    fence_former(m);
    member_set_id(m, new_id);
    join_update_member(j, m);
    member_heard(m);
    if (g->state == GROUP_STABLE && slice_eq(group_select_protocol(g), g->protocol))
        store_returned(m, old_leader, former);
    else group_rebalance(g);
}
