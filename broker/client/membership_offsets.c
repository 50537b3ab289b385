/* Offsets of a group: OffsetCommit and OffsetFetch, at the coordinator of now. */
#include "broker/client/membership_internal.h"
#include "broker/client/outcome.h"

struct group_op_state {
    struct list node;
    struct membership *m;
    struct group_op *op;
    struct ask ask;
    struct arena arena;
    struct timer again;
    int64_t deadline_ns;
    bool is_commit;
    struct slice member_id;
    struct group_offset *v; /* what is to be committed; or the partitions, and then what is */
    int32_t n, attempts;
};

static void
op_end(struct group_op_state *st, int16_t error)
{
    struct group_op *op = st->op;
    struct env *env = st->m->env;
    struct arena arena = st->arena;
    op->error = error;
    op->v = st->v;
    op->n = st->n;
    op->state = NULL;
    timer_cancel(env, &st->again);
    list_remove(&st->node);
    MEM_DELETE(&env->mem, st);
    op->done(op);
    arena_release(&arena);
}

static void
op_later(struct group_op_state *st, int16_t error)
{
    int64_t now = env_now_ns(st->m->env);
    if (now >= st->deadline_ns) {
        op_end(st, error);
        return;
    }
    st->op->error = error;
    timer_arm(st->m->env, &st->again,
              MIN(now + client_backoff_ns(st->m->c, ++st->attempts), st->deadline_ns));
}

/* ---- requests ------------------------------------------------------------------------------------- */

int32_t
group_offsets_run(const struct group_offset *v, int32_t n, int32_t from)
{
    int32_t run = 1;
    while (from + run < n && slice_eq(v[from + run].topic, v[from].topic) &&
           uuid_eq(v[from + run].topic_id, v[from].topic_id))
        run++;
    return run;
}

static const void *
commit_build(struct group_op_state *st, int16_t version)
{
    struct arena *a = &st->m->env->scratch;
    struct k_offset_commit_request *r = ARENA_NEW(a, struct k_offset_commit_request);
    codec_default(K_MSG_OFFSET_COMMIT_REQUEST, r);
    r->group_id = st->m->params.group_id;
    r->generation_id_or_member_epoch = st->op->generation;
    r->member_id = st->member_id;
    if (version >= 7) r->group_instance_id = st->m->params.instance_id;
    r->topics =
        codec_array(a, K_STRUCT_OFFSET_COMMIT_REQUEST_OFFSET_COMMIT_REQUEST_TOPIC, st->n + 1);
    for (int32_t i = 0, n; i < st->n; i += n) {
        struct k_offset_commit_request_offset_commit_request_topic *t = &r->topics[r->topics_n++];
        n = group_offsets_run(st->v, st->n, i);
        if (version >= 10) t->topic_id = st->v[i].topic_id;
        else t->name = st->v[i].topic;
        t->partitions_n = n;
        t->partitions =
            codec_array(a, K_STRUCT_OFFSET_COMMIT_REQUEST_OFFSET_COMMIT_REQUEST_PARTITION, n);
        for (int32_t j = 0; j < n; j++) {
            t->partitions[j].partition_index = st->v[i + j].partition;
            t->partitions[j].committed_offset = st->v[i + j].offset;
            if (version >= 6) t->partitions[j].committed_leader_epoch = st->v[i + j].leader_epoch;
            t->partitions[j].committed_metadata = SLICE_EMPTY;
        }
    }
    return r;
}

static const void *
look_build(struct group_op_state *st, int16_t version)
{
    struct arena *a = &st->m->env->scratch;
    struct k_offset_fetch_request *r = ARENA_NEW(a, struct k_offset_fetch_request);
    codec_default(K_MSG_OFFSET_FETCH_REQUEST, r);
    r->require_stable = true;
    r->groups_n = 1;
    r->groups = codec_array(a, K_STRUCT_OFFSET_FETCH_REQUEST_OFFSET_FETCH_REQUEST_GROUP, 1);
    r->groups->group_id = st->m->params.group_id;
    if (version >= 9 && membership_has_no_rounds(st->m) && st->m->generation >= 0) {
        r->groups->member_id = st->m->id;
        r->groups->member_epoch = st->m->generation;
    }
    r->groups->topics =
        codec_array(a, K_STRUCT_OFFSET_FETCH_REQUEST_OFFSET_FETCH_REQUEST_TOPICS, st->n + 1);
    for (int32_t i = 0, n; i < st->n; i += n) {
        struct k_offset_fetch_request_offset_fetch_request_topics *t =
            &r->groups->topics[r->groups->topics_n++];
        n = group_offsets_run(st->v, st->n, i);
        if (version >= 10) t->topic_id = st->v[i].topic_id;
        else t->name = st->v[i].topic;
        t->partition_indexes = ARENA_ARRAY(a, int32_t, n);
        for (int32_t j = 0; j < n; j++)
            t->partition_indexes[t->partition_indexes_n++] = st->v[i + j].partition;
    }
    return r;
}

static const void *
op_build(struct ask *a, int16_t version)
{
    struct group_op_state *st = CONTAINER_OF(a, struct group_op_state, ask);
    return st->is_commit ? commit_build(st, version) : look_build(st, version);
}

/* ---- answers -------------------------------------------------------------------------------------- */

/* Some of it may be done, though the rest is refused. */
static int16_t
take_commit(struct group_op_state *st, const struct k_offset_commit_response *r)
{
    int16_t error = K_ERR_NONE;
    bool is_done_in_part = false;
    for (int32_t i = 0; i < r->topics_n; i++) {
        for (int32_t j = 0; j < r->topics[i].partitions_n; j++) {
            int16_t e = r->topics[i].partitions[j].error_code;
            is_done_in_part = is_done_in_part || !e;
            if (!error) error = e;
        }
    }
    if (error && is_done_in_part) st->op->in_doubt = true;
    return error;
}

static struct group_offset *
asked_for(struct group_op_state *st,
          const struct k_offset_fetch_response_offset_fetch_response_topics *t, int32_t partition)
{
    for (int32_t i = 0; i < st->n; i++) {
        bool is_its = st->ask.version >= 10 ? uuid_eq(st->v[i].topic_id, t->topic_id)
                                            : slice_eq(st->v[i].topic, t->name);
        if (is_its && st->v[i].partition == partition) return &st->v[i];
    }
    return NULL;
}

static int16_t
take_look(struct group_op_state *st, const struct k_offset_fetch_response *r)
{
    if (r->groups_n != 1) return K_ERR_UNKNOWN_SERVER_ERROR;
    if (r->groups->error_code) return r->groups->error_code;
    for (int32_t i = 0; i < r->groups->topics_n; i++) {
        const struct k_offset_fetch_response_offset_fetch_response_topics *t =
            &r->groups->topics[i];
        for (int32_t j = 0; j < t->partitions_n; j++) {
            struct group_offset *o = asked_for(st, t, t->partitions[j].partition_index);
            if (t->partitions[j].error_code) return t->partitions[j].error_code;
            if (!o) continue;
            o->offset = t->partitions[j].committed_offset;
            o->leader_epoch = t->partitions[j].committed_leader_epoch;
        }
    }
    return K_ERR_NONE;
}

/* The member hears from the answer what has become of it. */
static void
membership_learn_error(struct membership *m, const struct group_op *op, int16_t error)
{
    bool is_of_now = op->generation == m->generation && m->generation >= 0;
    if (membership_is_of_coordinator(error)) membership_forget_coordinator(m);
    if (!is_of_now) return;
    if (error == K_ERR_REBALANCE_IN_PROGRESS) membership_want_round(m);
    if (error == K_ERR_UNKNOWN_MEMBER_ID) membership_lose(m, true);
    if (error == K_ERR_ILLEGAL_GENERATION) membership_lose(m, false);
    if (error == K_ERR_FENCED_INSTANCE_ID) membership_refuse(m, error);
}

static void
op_answered(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct group_op_state *st = CONTAINER_OF(a, struct group_op_state, ask);
    (void)from;
    int16_t error = err == ENV_EINVAL ? K_ERR_UNSUPPORTED_VERSION
                  : err               ? K_ERR_NETWORK_EXCEPTION
                  : st->is_commit     ? take_commit(st, response)
                                      : take_look(st, response);
    if (a->sent && coordinator_leaves_doubt(error)) st->op->in_doubt = true;
    membership_learn_error(st->m, st->op, error);
    bool again = coordinator_leaves_doubt(error) || error == K_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
                 error == K_ERR_UNSTABLE_OFFSET_COMMIT ||
                 (error == K_ERR_STALE_MEMBER_EPOCH && !st->is_commit);
    if (again) op_later(st, error);
    else op_end(st, error);
}

/* ---- trying --------------------------------------------------------------------------------------- */

/* Version 10 says which topic is meant by its id, and has no names. */
static bool
knows_ids(const struct group_op_state *st)
{
    for (int32_t i = 0; i < st->n; i++)
        if (uuid_is_zero(st->v[i].topic_id)) return false;
    return true;
}

static void
op_try(struct timer *t)
{
    struct group_op_state *st = CONTAINER_OF(t, struct group_op_state, again);
    struct membership *m = st->m;
    int64_t left_ms = (st->deadline_ns - env_now_ns(m->env)) / NS_PER_MS;
    if (left_ms <= 0) {
        op_end(st, st->op->error ? st->op->error : K_ERR_REQUEST_TIMED_OUT);
        return;
    }
    if (st->is_commit && st->op->generation < 0) {
        op_end(st, K_ERR_UNKNOWN_MEMBER_ID); /* nobody need be asked */
        return;
    }
    if (!m->coordinator) {
        membership_find(m);
        op_later(st, K_ERR_COORDINATOR_NOT_AVAILABLE);
        return;
    }
    st->ask = (struct ask){.api_key = st->is_commit ? K_API_OFFSET_COMMIT : K_API_OFFSET_FETCH,
                           .version_min = st->is_commit ? 2 : 8,
                           .version_max = knows_ids(st) ? 10 : 9,
                           .timeout_ms = MIN(left_ms, m->c->params.request_timeout_ms),
                           .build = op_build,
                           .done = op_answered};
    ask_send(m->c, m->coordinator, FOR_GROUP, &st->ask);
}

void
membership_ops_go(struct membership *m)
{
    LIST_EACH(&m->ops, st, struct group_op_state, node)
        if (!st->ask.pending) timer_arm(m->env, &st->again, env_now_ns(m->env));
}

static struct group_op_state *
op_new(struct membership *m, struct group_op *op, int32_t n)
{
    CHECK(!op->state);
    struct group_op_state *st = op->state = MEM_NEW(&m->env->mem, struct group_op_state);
    arena_init(&st->arena, &m->env->mem, 0);
    st->m = m;
    st->op = op;
    st->n = n;
    st->v = ARENA_ARRAY(&st->arena, struct group_offset, n + 1);
    st->member_id = arena_dup(&st->arena, m->id);
    st->again.due = op_try;
    st->deadline_ns = env_now_ns(m->env) + (op->timeout_ms ? op->timeout_ms : 60000) * NS_PER_MS;
    op->error = K_ERR_NONE;
    op->in_doubt = false;
    op->generation = membership_generation(m);
    list_push_back(&m->ops, &st->node);
    timer_arm(m->env, &st->again, env_now_ns(m->env));
    return st;
}

void
membership_commit(struct membership *m, struct group_op *op, const struct group_offset *v,
                  int32_t n)
{
    struct group_op_state *st = op_new(m, op, n);
    st->is_commit = true;
    for (int32_t i = 0; i < n; i++) {
        st->v[i] = v[i];
        st->v[i].topic = arena_dup(&st->arena, v[i].topic);
    }
}

void
membership_committed(struct membership *m, struct group_op *op, const struct topic_partition *v,
                     int32_t n)
{
    struct group_op_state *st = op_new(m, op, n);
    for (int32_t i = 0; i < n; i++)
        st->v[i] = (struct group_offset){.topic = arena_dup(&st->arena, v[i].topic),
                                         .partition = v[i].partition,
                                         .offset = -1,
                                         .leader_epoch = -1,
                                         .topic_id = v[i].topic_id};
}
