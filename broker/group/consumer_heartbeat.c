/* ConsumerGroupHeartbeat (KIP-848): all that a member says and hears. One heartbeat takes its member one step
 * further, in this order: what it says of itself is noted; if the group is not as it was, the group's epoch
 * goes up; if the assignment is behind, it is made anew; the member moves towards what it shall have.
 *
 * All of it goes into the log as one batch, and the answer goes out when that is committed. Of members that come to an
 * empty group together (consumer_gather.c) all enter first, and each is assigned to in a second batch. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/group/classic_member.h"
#include "broker/group/member_epoch.h"
#include "broker/group/migrate.h"
#include "broker/protocol/codec.h"
#include "errors.h"

typedef struct k_consumer_group_heartbeat_request request;
typedef struct k_consumer_group_heartbeat_response response;
typedef struct k_consumer_group_heartbeat_response_topic_partitions answered_partitions;

struct beat {
    struct groups *gs;
    struct group *g;
    enum beat_part part;
    const request *q;
    struct coordinator_call *call;
    struct arena a; /* goes with the beat */
    response *res;
    const struct classic_joiner *classic; /* NULL: it speaks the new protocol */
    struct k_join_group_response *joined; /* what a classic member is told */
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

static void
refuse_beat(struct groups *gs, struct coordinator_call *call, int16_t err)
{
    consumer_refuse(gs, call, err, SLICE_NULL);
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
    bool may = !g || group_can_become_consumer(g) || group_may_upgrade(g, why);
    return may ? 0 : K_ERR_GROUP_ID_NOT_FOUND;
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

/* By its id alone: what a classic member does not know is its epoch. An instance may come back with another process
 * behind it, in either protocol. */
static int16_t
find_joiner(struct beat *bt)
{
    struct slice instance_id = bt->q->instance_id;
    struct consumer_member *m = instance_id.p ? consumer_static_member(bt->g, instance_id)
                                              : consumer_member(bt->g, bt->member_id);
    if (instance_id.p && !bt->classic->is_unknown) {
        if (!m) return K_ERR_UNKNOWN_MEMBER_ID;
        if (!slice_eq(m->id, bt->member_id)) return K_ERR_FENCED_INSTANCE_ID;
    }
    if (m && slice_eq(m->id, bt->member_id)) bt->m = m;
    else bt->replaced = m;
    return 0;
}

static int16_t
find_beating_member(struct beat *bt, struct slice *why)
{
    if (bt->part == BEAT_AFTER_ENTERING) {
        bt->m = consumer_member(bt->g, bt->member_id);
        return bt->m ? 0 : K_ERR_UNKNOWN_MEMBER_ID;
    }
    if (bt->classic) return find_joiner(bt);
    return bt->q->instance_id.p ? find_static(bt, why) : find_dynamic(bt, why);
}

/* ---- what it says of itself ---- */

static void
take_classic_spec(struct beat *bt)
{
    const struct k_join_group_request *q = bt->classic->q;
    struct k_consumer_group_member_metadata_value_classic_member_metadata *to =
        ARENA_NEW(&bt->a, struct k_consumer_group_member_metadata_value_classic_member_metadata);
    to->session_timeout_ms = q->session_timeout_ms;
    to->supported_protocols = ARENA_ARRAY(
        &bt->a, struct k_consumer_group_member_metadata_value_classic_protocol, q->protocols_n);
    to->supported_protocols_n = q->protocols_n;
    for (int32_t i = 0; i < q->protocols_n; i++)
        to->supported_protocols[i] =
            (struct k_consumer_group_member_metadata_value_classic_protocol){
                q->protocols[i].name, q->protocols[i].metadata};
    bt->spec.classic_member_metadata = to;
    bt->spec.subscribed_topic_regex = SLICE_NULL;
}

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
    if (bt->classic) take_classic_spec(bt);
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
    bt->epoch = epoch_after(bt->epoch);
    record_consumer_epoch(&bt->b, bt->g, bt->epoch, hash);
}

/* Who comes and goes in a burst is dealt with at once, not one by one (KIP-1263). */
static bool
may_assign_now(const struct group *g)
{
    const struct consumer *c = g->consumer;
    int64_t interval_ms = group_config_i64(g, K_GCFG_CONSUMER_ASSIGNMENT_INTERVAL_MS);
    int64_t now_ms = env_wall_ms(group_env(g));
    /* A clock that went back must not put it off for longer than the interval. */
    return c->assignment_ms == 0 || now_ms >= c->assignment_ms + interval_ms ||
           now_ms < c->assignment_ms;
}

bool
consumer_must_assign(const struct group *g)
{
    return g->consumer->epoch > g->consumer->assignment_epoch && may_assign_now(g);
}

static void
update_assignment(struct beat *bt)
{
    struct consumer *c = bt->g->consumer;
    int32_t n;
    bt->target_epoch = c->assignment_epoch;
    if (bt->epoch <= c->assignment_epoch || !may_assign_now(bt->g)) return;
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

/* A classic member has no leader: it is told to whom it belongs, and asks for its assignment. */
static void
fill_joined(struct beat *bt)
{
    struct arena *a = bt->call->arena;
    bt->joined = ARENA_NEW(a, struct k_join_group_response);
    codec_default(K_MSG_JOIN_GROUP_RESPONSE, bt->joined);
    bt->joined->generation_id = bt->after.epoch;
    bt->joined->protocol_type = S("consumer");
    bt->joined->protocol_name = arena_dup(a, bt->classic->q->protocols[0].name);
    bt->joined->member_id = arena_dup(a, bt->member_id);
}

/* The last member of the new protocol was an instance whose place a classic one has taken. */
static void
downgrade_after(struct group *g)
{
    struct shard *s = g->shard;
    struct batch_builder b;
    struct arena a;
    if (!group_may_downgrade(g, NULL, 0)) return;
    arena_init(&a, &group_env(g)->mem, 0);
    struct slice id = arena_dup(&a, g->id);
    shard_builder(&s->base, &b);
    record_downgrade(&b, g, NULL, 0);
    /* Should it fail, the group goes on as it is: it serves both protocols. */
    if (!shard_write_silently_folded(&s->base, &b)) group_downgraded(s, id);
    arena_release(&a);
}

static int16_t
finish_beat(struct beat *bt)
{
    struct group *g = bt->g;
    enum consumer_state was = consumer_state(g);
    bool took_a_consumers_place =
        bt->classic && bt->replaced && !bt->replaced->spec.classic_member_metadata;
    int16_t err =
        group_answer_written(g, &bt->b, bt->call, bt->classic ? (void *)bt->joined : bt->res,
                             bt->classic ? classic_refuse_join : refuse_beat);
    if (err) return err;
    struct consumer_member *m = consumer_member(g, bt->member_id);
    CHECK(m != NULL);
    g->consumer->seen_topics = bt->gs->topics_n;
    consumer_member_heard(m);
    if (bt->classic) classic_expect_sync(m);
    else consumer_member_watch(m);
    consumer_note(g, was);
    if (took_a_consumers_place) downgrade_after(g);
    return 0;
}

/* Its records are in the log, or on their way into it; should they not get there, it joins anew. */
static int16_t
finish_entering(struct beat *bt)
{
    struct group *g = bt->g;
    enum consumer_state was = consumer_state(g);
    int16_t err = 0;
    /* It may be there already: a client that heard nothing has asked twice. */
    if (builder_is_empty(&bt->b)) builder_release(&bt->b);
    else err = shard_write_silently_folded(&g->shard->base, &bt->b);
    if (err) return coordinator_store_error(err);
    struct consumer_member *m = consumer_member(g, bt->member_id);
    CHECK(m != NULL);
    g->consumer->seen_topics = bt->gs->topics_n;
    consumer_member_heard(m);
    consumer_note(g, was);
    return 0;
}

static int16_t
enter(struct beat *bt, struct slice *why)
{
    int16_t err = check_room(bt, why);
    if (err) return err;
    take_owned(bt);
    err = find_beating_member(bt, why);
    if (err) return err;
    take_spec(bt);
    begin_member(bt);
    bt->must_assign = bt->topics_changed;
    update_epoch(bt);
    return 0;
}

static int16_t
run_beat(struct beat *bt, struct slice *why)
{
    int16_t err = enter(bt, why);
    if (err || bt->part == BEAT_ENTERS) return err;
    update_assignment(bt);
    if (!advance(bt)) {
        *why = S("the member's state is not known here; join anew, with no partitions");
        return K_ERR_FENCED_MEMBER_EPOCH;
    }
    if (bt->classic) fill_joined(bt);
    else fill_beat(bt);
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

static int16_t
beat_in_group(struct groups *gs, struct group *g, const request *q, struct coordinator_call *call,
              const struct k_consumer_group_regular_expression_value *resolved, enum beat_part part)
{
    struct slice why = SLICE_NULL;
    struct beat bt = {.gs = gs,
                      .g = g,
                      .part = part,
                      .q = q,
                      .call = call,
                      .member_id = q->member_id,
                      .resolved = resolved};
    bool is_new = g->consumer == NULL;
    arena_init(&bt.a, &gs->base.env->mem, 0);
    shard_builder(&g->shard->base, &bt.b);
    bt.res = new_beat_response(call);
    if (is_new) group_become_consumer(g, &bt.b);
    if (bt.member_id.n == 0) bt.member_id = new_consumer_id(&bt);
    /* What it stands for is looked up there while the beat goes on. */
    if (resolved) consumer_set_regex(g, q->subscribed_topic_regex, resolved);
    int16_t err = run_beat(&bt, &why);
    if (err) builder_release(&bt.b);
    else if (part == BEAT_ENTERS) err = finish_entering(&bt);
    if (err) consumer_refuse(gs, call, err, why);
    else if (part != BEAT_ENTERS) err = finish_beat(&bt);
    if (err && resolved) consumer_set_regex(g, q->subscribed_topic_regex, NULL);
    if (err && is_new) group_stay_classic(g);
    arena_release(&bt.a);
    if (!err) consumer_regex_refresh(g);
    return err;
}

void
consumer_heartbeat_of_classic(struct group *g, const request *q, struct coordinator_call *call,
                              const struct classic_joiner *joiner)
{
    struct slice why = SLICE_NULL;
    struct beat bt = {.gs = g->shard->owner,
                      .g = g,
                      .q = q,
                      .call = call,
                      .member_id = q->member_id,
                      .classic = joiner};
    arena_init(&bt.a, &bt.gs->base.env->mem, 0);
    shard_builder(&g->shard->base, &bt.b);
    int16_t err = run_beat(&bt, &why);
    if (err) {
        builder_release(&bt.b);
        classic_refuse_join(bt.gs, call, err);
    } else {
        (void)finish_beat(&bt);
    }
    arena_release(&bt.a);
}

/* A classic group with members becomes a consumer group first. Its id stays; *g is another. */
static int16_t
upgrade_first(struct shard *s, const request *q, struct group **g)
{
    if (!*g || (*g)->consumer || group_can_become_consumer(*g)) return 0;
    int16_t err = group_upgrade(*g);
    *g = group_find(s, q->group_id);
    return coordinator_store_error(err);
}

int16_t
consumer_heartbeat_with(struct groups *gs, const request *q, struct coordinator_call *call,
                        const struct k_consumer_group_regular_expression_value *resolved,
                        enum beat_part part)
{
    struct slice why = SLICE_NULL;
    struct group *g = NULL;
    int16_t err = consumer_request_check(gs, q, call->version, &why);
    struct shard *s = err ? NULL : groups_shard(gs, q->group_id, &err);
    if (!err) err = find_beating_group(s, q, &g, &why);
    if (err) {
        consumer_refuse(gs, call, err, why);
        return err;
    }
    if (q->member_epoch == EPOCH_LEAVE || q->member_epoch == EPOCH_LEAVE_STATIC) {
        consumer_leave(g, q, call);
        return 0;
    }
    /* Somebody else may have been quicker. */
    if (resolved && g && g->consumer && consumer_regex(g, q->subscribed_topic_regex))
        resolved = NULL;
    if (!resolved && consumer_regex_hold(gs, g, q, call)) return 0;
    if (!resolved && part == BEAT_WHOLE && consumer_gather_hold(gs, g, q, call)) return 0;
    err = upgrade_first(s, q, &g);
    if (err) {
        consumer_refuse(gs, call, err, SLICE_NULL);
        return err;
    }
    return beat_in_group(gs, g ? g : group_new(s, q->group_id), q, call, resolved, part);
}

void
groups_consumer_heartbeat(struct groups *gs, const request *q, struct coordinator_call *call)
{
    (void)consumer_heartbeat_with(gs, q, call, NULL, BEAT_WHOLE);
}
