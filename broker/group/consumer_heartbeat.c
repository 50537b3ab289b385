/* ConsumerGroupHeartbeat (KIP-848): all that a member says and hears. One heartbeat takes its member one step
 * further, in this order: what it says of itself is noted; if the group is not as it was, the group's epoch
 * goes up; if the assignment is behind, it is made anew; the member moves towards what it shall have.
 *
 * All of it goes into the log as one batch, and the answer goes out when that is committed. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/group/consumer.h"
#include "broker/protocol/codec.h"
#include "errors.h"

typedef struct k_consumer_group_heartbeat_request request;
typedef struct k_consumer_group_heartbeat_response response;
typedef struct k_consumer_group_heartbeat_response_topic_partitions answered_partitions;

struct beat {
    struct groups *gs;
    struct group *g;
    const request *q;
    struct coordinator_call *call;
    struct arena a; /* goes with the beat */
    response *res;
    struct batch_builder b;

    struct slice member_id;
    struct consumer_member *m, *replaced;                             /* NULL: it is new; nobody */
    consumer_spec spec;                                               /* as it will be */
    const struct k_consumer_group_regular_expression_value *resolved; /* NULL: no new expression */
    bool spec_changed, topics_changed, regex_changed, must_assign;
    struct tp_set owned, target;
    bool says_owned;
    int32_t epoch, target_epoch; /* the group's, the assignment's, as they will be */
    struct reconcile_member before, after;
};

/* ---- answers ---- */

static response *
new_beat_response(struct coordinator_call *call)
{
    response *res = ARENA_NEW(call->arena, response);
    codec_default(K_MSG_CONSUMER_GROUP_HEARTBEAT_RESPONSE, res);
    return res;
}

void
consumer_refuse(struct groups *gs, struct coordinator_call *call, int16_t err, struct slice why)
{
    response *res = new_beat_response(call);
    res->error_code = err;
    res->error_message = why.p ? arena_dup(call->arena, why) : SLICE_NULL;
    groups_answer(gs, call, res);
}

static void
fill_assignment(struct coordinator_call *call, response *res, const struct tp_set *s)
{
    struct k_consumer_group_heartbeat_response_assignment *to =
        ARENA_NEW(call->arena, struct k_consumer_group_heartbeat_response_assignment);
    int32_t topics_n = 0;
    for (int64_t i = 0; i < s->n; i++)
        topics_n += i == 0 || !uuid_eq(s->v[i - 1].topic, s->v[i].topic);
    to->topic_partitions = ARENA_ARRAY(call->arena, answered_partitions, topics_n);
    int32_t *indexes = ARENA_ARRAY(call->arena, int32_t, s->n);
    for (int64_t i = 0; i < s->n; i++) {
        if (i == 0 || !uuid_eq(s->v[i - 1].topic, s->v[i].topic))
            to->topic_partitions[to->topic_partitions_n++] =
                (answered_partitions){.topic_id = s->v[i].topic, .partitions = &indexes[i]};
        indexes[i] = s->v[i].index;
        to->topic_partitions[to->topic_partitions_n - 1].partitions_n++;
    }
    res->assignment = to;
}

/* A heartbeat whose records are on their way. */
struct beating {
    struct coordinator_write write;
    struct coordinator_call *call; /* NULL: answered */
    response *res;
};

static void
answer_beat(struct beating *bt, int16_t err)
{
    struct groups *gs = shard_of_write(&bt->write)->owner;
    if (!bt->call) return;
    if (err) consumer_refuse(gs, bt->call, coordinator_store_error(err), SLICE_NULL);
    else groups_answer(gs, bt->call, bt->res);
    bt->call = NULL;
}

static void
beat_done(struct coordinator_write *w, int16_t err)
{
    struct beating *bt = CONTAINER_OF(w, struct beating, write);
    answer_beat(bt, err);
    MEM_DELETE(&shard_env(w->shard)->mem, bt);
}

static void
beat_late(struct coordinator_write *w)
{
    answer_beat(CONTAINER_OF(w, struct beating, write), K_ERR_REQUEST_TIMED_OUT);
}

static struct beating *
new_beating(struct group *g, struct coordinator_call *call, response *res)
{
    struct beating *bt = MEM_NEW(&group_env(g)->mem, struct beating);
    *bt = (struct beating){.call = call, .res = res};
    bt->write.shard = &g->shard->base;
    bt->write.done = beat_done;
    bt->write.late = beat_late;
    return bt;
}

/* ---- what the request must be ---- */

static bool
is_blank_text(struct slice s)
{
    return s.p && slice_trim(s).n == 0;
}

static int16_t
check_first(const request *q, struct slice *why)
{
    if (q->rebalance_timeout_ms == -1)
        *why = S("a member that joins must say its rebalance time-out");
    else if (q->topic_partitions_n != 0)
        *why = S("a member that joins must say that it owns no partitions (an empty list)");
    else if (q->subscribed_topic_names_n < 0 && !q->subscribed_topic_regex.p)
        *why = S("a member that joins must say what it subscribes to: names or an expression");
    return why->p ? K_ERR_INVALID_REQUEST : 0;
}

static int16_t
check_beat(const struct groups *gs, const request *q, int16_t version, struct slice *why)
{
    /* Since version 1 clients make their ids themselves (KIP-1082). */
    bool needs_id = version >= 1 || q->member_epoch > 0 || q->member_epoch == EPOCH_LEAVE;
    if (needs_id && is_blank_text(q->member_id)) *why = S("the member id must not be empty");
    else if (is_blank_text(q->group_id)) *why = S("the group id must not be empty");
    else if (is_blank_text(q->instance_id)) *why = S("the instance id must not be empty");
    else if (is_blank_text(q->rack_id)) *why = S("the rack id must not be empty");
    else if (q->member_epoch == EPOCH_LEAVE_STATIC && !q->instance_id.p)
        *why = S("a member without an instance id leaves with epoch -1");
    else if (q->member_epoch < EPOCH_LEAVE_STATIC) *why = S("the member epoch must be -2 or above");
    if (why->p) return K_ERR_INVALID_REQUEST;
    int16_t err = q->member_epoch == EPOCH_JOIN ? check_first(q, why) : 0;
    if (err) return err;
    if (q->server_assignor.p && !groups_has_assignor(gs, q->server_assignor)) {
        *why = S("no such server-side assignor (group.consumer.assignors says which there are)");
        return K_ERR_UNSUPPORTED_ASSIGNOR;
    }
    return 0;
}

/* ---- which group, which member ---- */

static int16_t
find_beating_group(struct shard *s, const request *q, struct group **ret, struct slice *why)
{
    struct group *g = group_find(s, q->group_id);
    bool joins = q->member_epoch == EPOCH_JOIN;
    *ret = g;
    if (g && g->consumer) return 0;
    if (!joins) *why = S("there is no such group of the consumer protocol");
    if (!joins) return K_ERR_GROUP_ID_NOT_FOUND;
    if (g && !group_can_become_consumer(g)) {
        *why = S("the group is of the classic protocol");
        return K_ERR_GROUP_ID_NOT_FOUND;
    }
    return 0;
}

static int16_t
check_room(const struct beat *bt, struct slice *why)
{
    const struct map *members = &bt->g->consumer->members;
    bool is_known =
        consumer_member(bt->g, bt->member_id) || consumer_static_member(bt->g, bt->q->instance_id);
    if (is_known) return 0;
    if (members->n >= config_i64(bt->gs->base.config, K_CFG_GROUP_CONSUMER_MAX_SIZE)) {
        *why = S("the group has as many members as group.consumer.max.size allows");
        return K_ERR_GROUP_MAX_SIZE_REACHED;
    }
    return env_has_room(group_env(bt->g), PURSE_GROUPS) ? 0 : K_ERR_COORDINATOR_NOT_AVAILABLE;
}

static int16_t
check_epoch(const struct beat *bt, const struct consumer_member *m, struct slice *why)
{
    struct epoch_of_member known = consumer_epoch_of(m);
    int16_t err =
        heartbeat_epoch_check(&known, bt->q->member_epoch, bt->says_owned ? &bt->owned : NULL);
    if (err) *why = S("the member epoch is not the one that the coordinator knows; join anew");
    return err;
}

static int16_t
find_dynamic(struct beat *bt, struct slice *why)
{
    bt->m = consumer_member(bt->g, bt->member_id);
    if (bt->m) return check_epoch(bt, bt->m, why);
    if (bt->q->member_epoch == EPOCH_JOIN) return 0;
    *why = S("not a member of the group");
    return K_ERR_UNKNOWN_MEMBER_ID;
}

/* Another process may take an instance's place when the one before has left for a while (epoch -2), not while it
 * is there: two of them would fence each other for ever. */
static int16_t
find_static(struct beat *bt, struct slice *why)
{
    struct consumer_member *m = consumer_static_member(bt->g, bt->q->instance_id);
    bool joins = bt->q->member_epoch == EPOCH_JOIN;
    if (!m && joins) return 0;
    if (!m) {
        *why = S("no member has this instance id");
        return K_ERR_UNKNOWN_MEMBER_ID;
    }
    if (joins && m->epoch != EPOCH_LEAVE_STATIC && !m->spec.classic_member_metadata) {
        *why = S("another member has this instance id, and has not left");
        return K_ERR_UNRELEASED_INSTANCE_ID;
    }
    if (joins) {
        bt->replaced = m;
        return 0;
    }
    if (!slice_eq(m->id, bt->member_id)) {
        *why = S("another member has this instance id");
        return K_ERR_FENCED_INSTANCE_ID;
    }
    bt->m = m;
    return check_epoch(bt, m, why);
}

/* ---- what it says of itself ---- */

static void
take_topics(struct beat *bt)
{
    const request *q = bt->q;
    int32_t n = q->subscribed_topic_names_n;
    if (n < 0) return;
    struct slice *v = ARENA_ARRAY(&bt->a, struct slice, n);
    if (n) memcpy(v, q->subscribed_topic_names, (size_t)n * sizeof *v);
    bt->spec.subscribed_topic_names_n =
        (int32_t)slices_sort_unique(v, n, ARENA_ARRAY(&bt->a, struct slice, n));
    bt->spec.subscribed_topic_names = v;
}

/* What a heartbeat does not say stays as it was. */
static void
take_spec(struct beat *bt)
{
    const request *q = bt->q;
    const struct consumer_member *from = bt->m ? bt->m : bt->replaced;
    codec_default(K_MSG_CONSUMER_GROUP_MEMBER_METADATA_VALUE, &bt->spec);
    bt->spec.instance_id = bt->spec.rack_id = bt->spec.server_assignor = SLICE_NULL;
    if (from) bt->spec = from->spec;
    consumer_spec before = bt->spec;
    if (q->instance_id.p) bt->spec.instance_id = q->instance_id;
    if (q->rack_id.p) bt->spec.rack_id = q->rack_id;
    if (q->rebalance_timeout_ms != -1) bt->spec.rebalance_timeout_ms = q->rebalance_timeout_ms;
    if (q->server_assignor.p) bt->spec.server_assignor = q->server_assignor;
    if (q->subscribed_topic_regex.p) bt->spec.subscribed_topic_regex = q->subscribed_topic_regex;
    take_topics(bt);
    bt->spec.client_id = bt->call->client_id;
    bt->spec.client_host = bt->call->client_host;
    bt->spec.classic_member_metadata = NULL;
    bt->spec_changed = !from || bt->replaced ||
                       !codec_equal(K_MSG_CONSUMER_GROUP_MEMBER_METADATA_VALUE, &before, &bt->spec);
    bt->topics_changed = before.subscribed_topic_names_n != bt->spec.subscribed_topic_names_n;
    for (int32_t i = 0; !bt->topics_changed && i < before.subscribed_topic_names_n; i++)
        bt->topics_changed =
            !slice_eq(before.subscribed_topic_names[i], bt->spec.subscribed_topic_names[i]);
    struct slice was = before.subscribed_topic_regex, is = bt->spec.subscribed_topic_regex;
    bt->regex_changed = was.n != is.n || (was.n > 0 && !slice_eq(was, is));
    bt->topics_changed |= bt->regex_changed;
}

static void
take_owned(struct beat *bt)
{
    const request *q = bt->q;
    int64_t n = 0;
    bt->says_owned = q->topic_partitions_n >= 0;
    for (int32_t i = 0; i < q->topic_partitions_n; i++) n += q->topic_partitions[i].partitions_n;
    bt->owned.v = ARENA_ARRAY(&bt->a, struct tp, n);
    for (int32_t i = 0; i < q->topic_partitions_n; i++)
        for (int32_t k = 0; k < q->topic_partitions[i].partitions_n; k++)
            bt->owned.v[bt->owned.n++] = (struct tp){q->topic_partitions[i].topic_id,
                                                     q->topic_partitions[i].partitions[k], 0};
    tp_set_sort(&bt->owned, ARENA_ARRAY(&bt->a, struct tp, n));
}

/* The one before goes, and what was its is the new member's. */
static void
write_replacement(struct beat *bt)
{
    struct consumer_member *old = bt->replaced;
    record_consumer_member_gone(&bt->b, bt->g, old->id);
    record_consumer_spec(&bt->b, bt->g, bt->member_id, &bt->spec);
    record_consumer_target(&bt->b, bt->g, bt->member_id, &old->target);
    record_consumer_current(&bt->b, bt->g, bt->member_id, &bt->before);
}

static void
begin_member(struct beat *bt)
{
    const struct consumer_member *from = bt->m ? bt->m : bt->replaced;
    bt->before = (struct reconcile_member){.state = MEMBER_STABLE};
    if (from) {
        bt->before.state = from->state;
        bt->before.assigned = from->assigned;
        bt->before.revoking = from->revoking;
        bt->target = from->target;
    }
    if (bt->m) {
        bt->before.epoch = from->epoch;
        bt->before.previous_epoch = from->previous_epoch;
    }
    if (bt->m && bt->regex_changed) consumer_regex_forget(&bt->b, bt->g, bt->m);
    if (bt->resolved)
        record_consumer_regex(&bt->b, bt->g, bt->spec.subscribed_topic_regex, bt->resolved);
    if (bt->replaced) write_replacement(bt);
    else if (bt->spec_changed) record_consumer_spec(&bt->b, bt->g, bt->member_id, &bt->spec);
}

/* ---- the group's epoch and assignment ---- */

static struct consumer_view *
views_of_beat(struct beat *bt, int32_t *ret_n)
{
    struct slice without = bt->replaced ? bt->replaced->id : SLICE_NULL;
    return consumer_views(bt->g, &bt->a, bt->member_id, &bt->spec, &bt->target, without, ret_n);
}

static bool
assignor_changed(struct beat *bt)
{
    int32_t was_n, n;
    struct consumer_view *was =
        consumer_views(bt->g, &bt->a, SLICE_NULL, NULL, NULL, SLICE_NULL, &was_n);
    struct consumer_view *v = views_of_beat(bt, &n);
    return consumer_preferred_assignor(bt->g, was, was_n) !=
           consumer_preferred_assignor(bt->g, v, n);
}

static void
update_epoch(struct beat *bt)
{
    struct consumer *c = bt->g->consumer;
    bool is_stale = c->seen_topics != bt->gs->topics_n;
    int64_t hash = c->metadata_hash;
    bt->epoch = c->epoch;
    bt->must_assign |= bt->spec_changed && assignor_changed(bt);
    if (bt->must_assign || is_stale) {
        int32_t n;
        struct consumer_view *v = views_of_beat(bt, &n);
        hash = consumer_metadata_hash(bt->g, &bt->a, v, n);
        if (c->has_partition_metadata) record_consumer_metadata_gone(&bt->b, bt->g);
    }
    if (!bt->must_assign && hash == c->metadata_hash) {
        c->seen_topics = bt->gs->topics_n;
        return;
    }
    bt->epoch++;
    record_consumer_epoch(&bt->b, bt->g, bt->epoch, hash);
}

/* Who comes and goes in a burst is dealt with at once, not one by one (KIP-1263). */
static bool
may_assign_now(const struct beat *bt)
{
    const struct consumer *c = bt->g->consumer;
    int64_t interval_ms = group_config_i64(bt->g, K_GCFG_CONSUMER_ASSIGNMENT_INTERVAL_MS);
    int64_t now_ms = env_wall_ms(group_env(bt->g));
    /* A clock that went back must not put it off for longer than the interval. */
    return c->assignment_ms == 0 || now_ms >= c->assignment_ms + interval_ms ||
           now_ms < c->assignment_ms;
}

static void
update_assignment(struct beat *bt)
{
    struct consumer *c = bt->g->consumer;
    int32_t n;
    bt->target_epoch = c->assignment_epoch;
    if (bt->epoch <= c->assignment_epoch || !may_assign_now(bt)) return;
    struct consumer_view *v = views_of_beat(bt, &n);
    struct tp_set *targets = consumer_make_targets(bt->g, &bt->a, v, n);
    for (int32_t i = 0; i < n; i++) {
        bool is_self = slice_eq(v[i].id, bt->member_id);
        bool is_new = is_self && !bt->m && !bt->replaced;
        if (is_new || !tp_set_eq(&targets[i], v[i].target))
            record_consumer_target(&bt->b, bt->g, v[i].id, &targets[i]);
        if (is_self) bt->target = targets[i];
    }
    record_consumer_assigned(&bt->b, bt->g, bt->epoch, env_wall_ms(group_env(bt->g)));
    bt->target_epoch = bt->epoch;
}

/* ---- the member ---- */

static bool
is_owned(const void *ctx, const struct tp *tp)
{
    return consumer_owner(ctx, tp) != NULL;
}

static bool
advance(struct beat *bt)
{
    struct reconcile_input in = {.arena = &bt->a,
                                 .now = bt->before,
                                 .target_epoch = bt->target_epoch,
                                 .target = &bt->target,
                                 .owned = bt->says_owned ? &bt->owned : NULL,
                                 .topics_changed = bt->topics_changed,
                                 .is_owned = is_owned,
                                 .ctx = bt->g};
    in.topics = consumer_topic_ids(bt->g, &bt->a, &bt->spec, &in.topics_n);
    if (!reconcile(&in, &bt->after)) return false;
    const struct reconcile_member *a = &bt->before, *b = &bt->after;
    bool same = a->state == b->state && a->epoch == b->epoch &&
                a->previous_epoch == b->previous_epoch && tp_set_same(&a->assigned, &b->assigned) &&
                tp_set_same(&a->revoking, &b->revoking);
    if (!same) record_consumer_current(&bt->b, bt->g, bt->member_id, b);
    return true;
}

/* It is told what it has if it cannot know: when it said all that it has to say, or something is new. */
static void
fill_beat(struct beat *bt)
{
    const request *q = bt->q;
    bool says_all = q->rebalance_timeout_ms != -1 && q->topic_partitions_n >= 0 &&
                    (q->subscribed_topic_names_n >= 0 || q->subscribed_topic_regex.p);
    bt->res->member_id = arena_dup(bt->call->arena, bt->member_id);
    bt->res->member_epoch = bt->after.epoch;
    bt->res->heartbeat_interval_ms =
        (int32_t)group_config_i64(bt->g, K_GCFG_CONSUMER_HEARTBEAT_INTERVAL_MS);
    if (q->member_epoch == EPOCH_JOIN || says_all ||
        !tp_set_eq(&bt->before.assigned, &bt->after.assigned))
        fill_assignment(bt->call, bt->res, &bt->after.assigned);
}

/* ---- all of it ---- */

static int16_t
finish_beat(struct beat *bt)
{
    struct group *g = bt->g;
    struct beating *bg = new_beating(g, bt->call, bt->res);
    enum consumer_state was = consumer_state(g);
    int16_t err = 0;
    if (!builder_is_empty(&bt->b)) {
        err = shard_write_folded(&g->shard->base, &bt->b, &bg->write);
        if (err) beat_done(&bg->write, err);
    } else if (!shard_wait_written(&g->shard->base, &bg->write)) {
        beat_done(&bg->write, 0);
    }
    if (err) return err;
    struct consumer_member *m = consumer_member(g, bt->member_id);
    CHECK(m != NULL);
    g->consumer->seen_topics = bt->gs->topics_n;
    consumer_member_heard(m);
    consumer_member_watch(m);
    consumer_note(g, was);
    return 0;
}

static int16_t
run_beat(struct beat *bt, struct slice *why)
{
    int16_t err = check_room(bt, why);
    if (err) return err;
    take_owned(bt);
    err = bt->q->instance_id.p ? find_static(bt, why) : find_dynamic(bt, why);
    if (err) return err;
    take_spec(bt);
    begin_member(bt);
    bt->must_assign = bt->topics_changed;
    update_epoch(bt);
    update_assignment(bt);
    if (!advance(bt)) {
        *why = S("the member's state is not known here; join anew, with no partitions");
        return K_ERR_FENCED_MEMBER_EPOCH;
    }
    fill_beat(bt);
    return 0;
}

static struct slice
new_consumer_id(struct beat *bt)
{
    struct env *env = group_env(bt->g);
    char text[UUID_TEXT_BYTES];
    uuid_print(env_random_uuid_of(env, STREAM_MEMBER_ID), text);
    return arena_dup(&bt->a, slice(text, sizeof text));
}

static void
beat_in_group(struct groups *gs, struct group *g, const request *q, struct coordinator_call *call,
              const struct k_consumer_group_regular_expression_value *resolved)
{
    struct slice why = SLICE_NULL;
    struct beat bt = {
        .gs = gs, .g = g, .q = q, .call = call, .member_id = q->member_id, .resolved = resolved};
    bool is_new = g->consumer == NULL;
    arena_init(&bt.a, &gs->base.env->mem, 0);
    shard_builder(&g->shard->base, &bt.b);
    bt.res = new_beat_response(call);
    if (is_new) group_become_consumer(g, &bt.b);
    if (bt.member_id.n == 0) bt.member_id = new_consumer_id(&bt);
    /* What it stands for is looked up there while the beat goes on. */
    if (resolved) consumer_set_regex(g, q->subscribed_topic_regex, resolved);
    int16_t err = run_beat(&bt, &why);
    if (err) {
        builder_release(&bt.b);
        consumer_refuse(gs, call, err, why);
    } else {
        err = finish_beat(&bt);
    }
    if (err && resolved) consumer_set_regex(g, q->subscribed_topic_regex, NULL);
    if (err && is_new) group_stay_classic(g);
    arena_release(&bt.a);
    if (!err) consumer_regex_refresh(g);
}

void
consumer_heartbeat_with(struct groups *gs, const request *q, struct coordinator_call *call,
                        const struct k_consumer_group_regular_expression_value *resolved)
{
    struct slice why = SLICE_NULL;
    struct group *g = NULL;
    int16_t err = check_beat(gs, q, call->version, &why);
    struct shard *s = err ? NULL : groups_shard(gs, q->group_id, &err);
    if (!err) err = find_beating_group(s, q, &g, &why);
    if (err) {
        consumer_refuse(gs, call, err, why);
        return;
    }
    /* Somebody else may have been quicker. */
    if (resolved && g && g->consumer && consumer_regex(g, q->subscribed_topic_regex))
        resolved = NULL;
    if (q->member_epoch == EPOCH_LEAVE || q->member_epoch == EPOCH_LEAVE_STATIC)
        consumer_leave(g, q, call);
    else if (resolved || !consumer_regex_hold(gs, g, q, call))
        beat_in_group(gs, g ? g : group_new(s, q->group_id), q, call, resolved);
}

void
groups_consumer_heartbeat(struct groups *gs, const request *q, struct coordinator_call *call)
{
    consumer_heartbeat_with(gs, q, call, NULL);
}
