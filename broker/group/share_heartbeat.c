/* ShareGroupHeartbeat (KIP-932): all that a member of a share group says and hears. What it says of itself is noted; if
 * the group is not as it was, its epoch goes up; if the assignment is behind, it is made anew; the member has what it
 * shall have at once, as nobody must give it up before.
 *
 * All of it goes into the log as one batch, and the answer goes out when that is committed. A heartbeat by which
 * partitions come to the group waits until their states are begun, or cannot be at present. */
#include "broker/base/check.h"
#include "broker/group/assign_simple.h"
#include "broker/group/share_group.h"
#include "broker/protocol/codec.h"
#include "errors.h"

typedef struct k_share_group_heartbeat_request request;
typedef struct k_share_group_heartbeat_response response;
typedef struct k_share_group_heartbeat_response_topic_partitions answered_topic;

struct share_beat {
    struct groups *gs;
    struct group *g;
    const request *q;
    struct coordinator_call *call;
    struct arena a;
    response *res;
    struct batch_builder b;
    struct share_member *m; /* NULL: it is new */
    consumer_spec spec;     /* as it will be */
    bool spec_changed;
    struct tp_set target;
    int32_t epoch, target_epoch;
};

/* ---- answers ---- */

static response *
new_share_response(struct coordinator_call *call)
{
    response *res = ARENA_NEW(call->arena, response);
    codec_default(K_MSG_SHARE_GROUP_HEARTBEAT_RESPONSE, res);
    return res;
}

static void
share_refuse(struct groups *gs, struct coordinator_call *call, int16_t err, struct slice why)
{
    response *res = new_share_response(call);
    res->error_code = err;
    res->error_message = why.p ? arena_dup(call->arena, why) : SLICE_NULL;
    groups_answer(gs, call, res);
}

static void
fill_share_assignment(struct coordinator_call *call, response *res, const struct tp_set *s)
{
    struct k_share_group_heartbeat_response_assignment *to =
        ARENA_NEW(call->arena, struct k_share_group_heartbeat_response_assignment);
    int32_t *indexes = ARENA_ARRAY(call->arena, int32_t, s->n);
    to->topic_partitions = ARENA_ARRAY(call->arena, answered_topic, s->n);
    for (int64_t i = 0; i < s->n; i++) {
        if (i == 0 || !uuid_eq(s->v[i - 1].topic, s->v[i].topic))
            to->topic_partitions[to->topic_partitions_n++] =
                (answered_topic){.topic_id = s->v[i].topic, .partitions = &indexes[i]};
        indexes[i] = s->v[i].index;
        to->topic_partitions[to->topic_partitions_n - 1].partitions_n++;
    }
    res->assignment = to;
}

static void
refuse_share_beat(struct groups *gs, struct coordinator_call *call, int16_t err)
{
    share_refuse(gs, call, err, SLICE_NULL);
}

/* ---- what the request must be ---- */

static int16_t
check_share_beat(const request *q, struct slice *why)
{
    bool blank_rack = q->rack_id.p && slice_trim(q->rack_id).n == 0;
    if (slice_trim(q->member_id).n == 0) *why = S("the member id must not be empty");
    else if (slice_trim(q->group_id).n == 0) *why = S("the group id must not be empty");
    else if (blank_rack) *why = S("the rack id must not be empty");
    else if (q->member_epoch < EPOCH_LEAVE) *why = S("the member epoch must be -1 or above");
    else if (q->member_epoch == EPOCH_JOIN && q->subscribed_topic_names_n <= 0)
        *why = S("a member that joins must say which topics it subscribes to");
    return why->p ? K_ERR_INVALID_REQUEST : 0;
}

static int16_t
find_share_group(struct shard *s, const request *q, struct group **ret, struct slice *why)
{
    struct group *g = group_find(s, q->group_id);
    *ret = g;
    if (g && g->share) return 0;
    if (q->member_epoch == EPOCH_JOIN && (!g || group_is_blank(g))) return 0;
    *why = g ? S("the group is not a share group") : S("there is no such share group");
    return K_ERR_GROUP_ID_NOT_FOUND;
}

static int16_t
check_share_room(const struct share_beat *bt, struct slice *why)
{
    if (bt->m) return 0;
    if (bt->g->share->members.n >= config_i64(bt->gs->base.config, K_CFG_GROUP_SHARE_MAX_SIZE)) {
        *why = S("the group has as many members as group.share.max.size allows");
        return K_ERR_GROUP_MAX_SIZE_REACHED;
    }
    return env_has_room(group_env(bt->g), PURSE_GROUPS) ? 0 : K_ERR_COORDINATOR_NOT_AVAILABLE;
}

/* One epoch behind is the member's whose answer was lost. */
static int16_t
find_share_member(struct share_beat *bt, struct slice *why)
{
    int32_t epoch = bt->q->member_epoch;
    bt->m = share_member(bt->g, bt->q->member_id);
    if (epoch == EPOCH_JOIN) return 0;
    if (!bt->m) {
        *why = S("not a member of the group");
        return K_ERR_UNKNOWN_MEMBER_ID;
    }
    if (epoch == bt->m->epoch || epoch == bt->m->previous_epoch) return 0;
    *why = S("the member epoch is not the one that the coordinator knows; join anew");
    return K_ERR_FENCED_MEMBER_EPOCH;
}

/* ---- what it says of itself ---- */

static bool
is_same_text(struct slice a, struct slice b)
{
    return (a.p == NULL) == (b.p == NULL) && slice_eq(a, b);
}

static void
take_share_spec(struct share_beat *bt)
{
    const request *q = bt->q;
    int32_t n = q->subscribed_topic_names_n;
    codec_default(K_MSG_CONSUMER_GROUP_MEMBER_METADATA_VALUE, &bt->spec);
    if (bt->m) bt->spec = bt->m->spec;
    consumer_spec was = bt->spec;
    if (q->rack_id.p) bt->spec.rack_id = q->rack_id;
    else if (!bt->m) bt->spec.rack_id = SLICE_NULL;
    if (n >= 0) {
        struct slice *v = ARENA_ARRAY(&bt->a, struct slice, n);
        if (n) memcpy(v, q->subscribed_topic_names, (size_t)n * sizeof *v);
        bt->spec.subscribed_topic_names_n =
            (int32_t)slices_sort_unique(v, n, ARENA_ARRAY(&bt->a, struct slice, n));
        bt->spec.subscribed_topic_names = v;
    }
    bt->spec.client_id = bt->call->client_id;
    bt->spec.client_host = bt->call->client_host;
    bt->spec_changed = !bt->m || !is_same_text(was.rack_id, bt->spec.rack_id) ||
                       !is_same_text(was.client_id, bt->spec.client_id) ||
                       !is_same_text(was.client_host, bt->spec.client_host) ||
                       was.subscribed_topic_names_n != bt->spec.subscribed_topic_names_n;
    for (int32_t i = 0; !bt->spec_changed && i < was.subscribed_topic_names_n; i++)
        bt->spec_changed =
            !slice_eq(was.subscribed_topic_names[i], bt->spec.subscribed_topic_names[i]);
    if (bt->m) bt->target = bt->m->target;
}

/* ---- the group's epoch and assignment ---- */

static struct consumer_view *
views_of_share_beat(struct share_beat *bt, int32_t *ret_n)
{
    return share_views(bt->g, &bt->a, bt->q->member_id, &bt->spec, &bt->target, SLICE_NULL, ret_n);
}

static void
update_share_epoch(struct share_beat *bt)
{
    struct share_group *sg = bt->g->share;
    int64_t hash = sg->metadata_hash;
    bt->epoch = sg->epoch;
    if (bt->spec_changed || sg->seen_topics != bt->gs->topics_n) {
        int32_t n;
        struct consumer_view *v = views_of_share_beat(bt, &n);
        hash = consumer_metadata_hash(bt->g, &bt->a, v, n);
    }
    if (!bt->spec_changed && hash == sg->metadata_hash) return;
    bt->epoch++;
    record_share_epoch(&bt->b, bt->g, bt->epoch, hash);
}

static void
update_share_assignment(struct share_beat *bt)
{
    struct share_group *sg = bt->g->share;
    int32_t n;
    bt->target_epoch = sg->assignment_epoch;
    if (bt->epoch <= sg->assignment_epoch) return;
    struct consumer_view *v = views_of_share_beat(bt, &n);
    struct tp_set all = share_subscribed(bt->g, &bt->a, v, n);
    struct tp_set tps = tp_set_and(&bt->a, &all, &sg->initialized);
    struct simple_member *in = ARENA_ARRAY(&bt->a, struct simple_member, n);
    for (int32_t i = 0; i < n; i++) {
        in[i].topics = consumer_topic_ids(bt->g, &bt->a, v[i].spec, &in[i].topics_n);
        in[i].had = *v[i].target;
    }
    assign_simply(&bt->a, &tps, in, n);
    for (int32_t i = 0; i < n; i++) {
        bool is_self = slice_eq(v[i].id, bt->q->member_id);
        tp_set_sort(&in[i].ret, ARENA_ARRAY(&bt->a, struct tp, in[i].ret.n));
        if ((is_self && !bt->m) || !tp_set_eq(&in[i].ret, v[i].target))
            record_share_target(&bt->b, bt->g, v[i].id, &in[i].ret);
        if (is_self) bt->target = in[i].ret;
    }
    record_share_assigned(&bt->b, bt->g, bt->epoch, env_wall_ms(group_env(bt->g)));
    bt->target_epoch = bt->epoch;
}

/* It is told what it has if it cannot know. */
static void
fill_share_beat(struct share_beat *bt)
{
    const request *q = bt->q;
    bool changes = !bt->m || !tp_set_eq(&bt->m->assigned, &bt->target);
    if (!bt->m || bt->m->epoch != bt->target_epoch || changes)
        record_share_current(&bt->b, bt->g, q->member_id, bt->target_epoch,
                             bt->m ? bt->m->epoch : 0, &bt->target);
    bt->res->member_id = arena_dup(bt->call->arena, q->member_id);
    bt->res->member_epoch = bt->target_epoch;
    bt->res->heartbeat_interval_ms =
        (int32_t)group_config_i64(bt->g, K_GCFG_SHARE_HEARTBEAT_INTERVAL_MS);
    bool is_behind = q->member_epoch != bt->target_epoch;
    if (q->member_epoch == EPOCH_JOIN || q->subscribed_topic_names_n >= 0 || changes || is_behind)
        fill_share_assignment(bt->call, bt->res, &bt->target);
}

/* ---- all of it ---- */

static int16_t
finish_share_beat(struct share_beat *bt)
{
    struct group *g = bt->g;
    bool changes = !bt->m;
    int16_t err = group_answer_written(g, &bt->b, bt->call, bt->res, refuse_share_beat);
    if (err) return err;
    struct share_member *m = share_member(g, bt->q->member_id);
    CHECK(m != NULL);
    g->share->seen_topics = bt->gs->topics_n;
    share_member_heard(m);
    if (changes) share_group_note(g);
    return 0;
}

/* A heartbeat that waits for states to be begun. */
struct held_beat {
    struct list node;
    struct groups *gs;
    const request *q;
    struct coordinator_call *call;
};

static bool
hold_share_beat(struct share_beat *bt)
{
    struct share_group *sg = bt->g->share;
    int32_t n;
    struct consumer_view *v = views_of_share_beat(bt, &n);
    struct tp_set all = share_subscribed(bt->g, &bt->a, v, n);
    struct tp_set missing = tp_set_minus(&bt->a, &all, &sg->initialized);
    bool may = env_now_ns(group_env(bt->g)) >= sg->init_after_ns;
    if (missing.n == 0) return false;
    if (!sg->init && may) share_init_begin(bt->g, &missing);
    if (!sg->init) return false;
    struct held_beat *h = ARENA_NEW(bt->call->arena, struct held_beat);
    *h = (struct held_beat){.gs = bt->gs, .q = bt->q, .call = bt->call};
    list_push_back(&sg->held, &h->node);
    return true;
}

/* May have the beat held: then it is not answered, and nothing is wrong. */
static int16_t
run_share_beat(struct share_beat *bt, struct slice *why, bool *ret_held)
{
    int16_t err = find_share_member(bt, why);
    if (!err) err = check_share_room(bt, why);
    if (err) return err;
    take_share_spec(bt);
    *ret_held = hold_share_beat(bt);
    if (*ret_held) {
        if (bt->m) share_member_heard(bt->m);
        return 0;
    }
    if (bt->spec_changed) record_share_spec(&bt->b, bt->g, bt->q->member_id, &bt->spec);
    update_share_epoch(bt);
    update_share_assignment(bt);
    fill_share_beat(bt);
    return 0;
}

static void
share_beat_in_group(struct groups *gs, struct group *g, const request *q,
                    struct coordinator_call *call)
{
    struct slice why = SLICE_NULL;
    struct share_beat bt = {.gs = gs, .g = g, .q = q, .call = call};
    bool held = false;
    if (!g->share) share_group_begin(g);
    arena_init(&bt.a, &gs->base.env->mem, 0);
    shard_builder(&g->shard->base, &bt.b);
    bt.res = new_share_response(call);
    int16_t err = run_share_beat(&bt, &why, &held);
    if (err || held) builder_release(&bt.b);
    if (err) share_refuse(gs, call, err, why);
    else if (!held) err = finish_share_beat(&bt);
    arena_release(&bt.a);
    if (err) share_group_forget_blank(g);
}

void
share_heartbeats_go_on(struct group *g)
{
    struct list now;
    struct shard *s = g->shard;
    list_init(&now);
    for (struct list *n; (n = list_pop_front(&g->share->held)) != NULL;) list_push_back(&now, n);
    for (struct list *n; (n = list_pop_front(&now)) != NULL;) {
        struct held_beat *h = LIST_ENTRY(n, struct held_beat, node);
        struct group *found = group_find(s, h->q->group_id);
        if (found && found->share) share_beat_in_group(h->gs, found, h->q, h->call);
        else share_refuse(h->gs, h->call, K_ERR_GROUP_ID_NOT_FOUND, SLICE_NULL);
    }
}

void
share_init_end(struct group *g, int16_t err)
{
    share_init_cancel(g);
    for (struct list *n; (n = list_pop_front(&g->share->held)) != NULL;) {
        struct held_beat *h = LIST_ENTRY(n, struct held_beat, node);
        share_refuse(h->gs, h->call, err, SLICE_NULL);
    }
}

static void
share_leave(struct group *g, const request *q, struct coordinator_call *call)
{
    struct groups *gs = g->shard->owner;
    struct share_member *m = share_member(g, q->member_id);
    if (!m) {
        share_refuse(gs, call, K_ERR_UNKNOWN_MEMBER_ID, S("not a member of the group"));
        return;
    }
    response *res = new_share_response(call);
    res->member_id = arena_dup(call->arena, q->member_id);
    res->member_epoch = EPOCH_LEAVE;
    struct batch_builder b;
    shard_builder(&g->shard->base, &b);
    record_share_fence(&b, m);
    if (!group_answer_written(g, &b, call, res, refuse_share_beat)) share_group_note(g);
}

void
groups_share_heartbeat(struct groups *gs, const request *q, struct coordinator_call *call)
{
    struct slice why = SLICE_NULL;
    struct group *g = NULL;
    int16_t err = check_share_beat(q, &why);
    struct shard *s = err ? NULL : groups_shard(gs, q->group_id, &err);
    if (!err) err = find_share_group(s, q, &g, &why);
    if (err) share_refuse(gs, call, err, why);
    else if (q->member_epoch == EPOCH_LEAVE) share_leave(g, q, call);
    else share_beat_in_group(gs, g ? g : group_new(s, q->group_id), q, call);
}
