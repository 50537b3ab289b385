/* StreamsGroupHeartbeat (KIP-1071): all that a member of a streams group says and hears. One heartbeat takes its member
 * one step further, in this order: what it says of itself is noted; the topology is held against the topics; if the group
 * is not as it was, its epoch goes up; if the assignment is behind, it is made anew; the member moves towards what it
 * shall have.
 *
 * All of it goes into the log as one batch, and the answer goes out when that is committed. Topics that are missing are
 * asked for on the way: a later heartbeat finds them. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/coordinator/group_setting.h"
#include "broker/group/member_epoch.h"
#include "broker/group/streams_group.h"
#include "broker/protocol/codec.h"
#include "errors.h"

typedef struct k_streams_group_heartbeat_request request;
typedef struct k_streams_group_heartbeat_response response;
typedef struct k_streams_group_heartbeat_response_status status;
typedef struct k_streams_group_heartbeat_request_task_ids asked_tasks;
typedef struct k_streams_group_heartbeat_request_task_offset asked_offset;

#define STATUSES_MAX 6

struct streams_beat {
    struct groups *gs;
    struct group *g;
    const request *q;
    const topology *asked; /* NULL: the request has none */
    struct coordinator_call *call;
    struct arena a; /* goes with the beat */
    response *res;
    struct batch_builder b;

    bool is_new_group;
    struct streams_member *m, *replaced; /* NULL: it is new; nobody */
    streams_spec spec;                   /* as it will be */
    bool endpoint_changed, must_bump;
    struct tasks owned, target;
    bool says_owned;
    const topology *topology; /* the group's, as it will be */
    int64_t hash;
    int32_t validated_epoch, epoch, target_epoch; /* as they will be */
    struct assignment_settings settings;
    struct streams_current before, after;
    bool is_delayed_for_others, is_delayed_by_interval;
};

/* ---- answers ---- */

response *
streams_response_new(struct coordinator_call *call)
{
    response *res = ARENA_NEW(call->arena, response);
    codec_default(K_MSG_STREAMS_GROUP_HEARTBEAT_RESPONSE, res);
    return res;
}

void
streams_refuse(struct groups *gs, struct coordinator_call *call, int16_t err, struct slice why)
{
    response *res = streams_response_new(call);
    res->error_code = err;
    res->error_message = why.p ? arena_dup(call->arena, why) : SLICE_NULL;
    groups_answer(gs, call, res);
}

static void
refuse_without_words(struct groups *gs, struct coordinator_call *call, int16_t err)
{
    streams_refuse(gs, call, err, SLICE_NULL);
}

/* ---- which group, which member ---- */

static int16_t
find_streams_group(struct shard *s, const request *q, struct group **ret, struct slice *why)
{
    struct group *g = group_find(s, q->group_id);
    *ret = g;
    if (g && g->streams) return 0;
    bool may = q->member_epoch == EPOCH_JOIN && (!g || group_can_become_consumer(g));
    if (may && (!g || !g->consumer)) return 0;
    *why = g ? S("the group is not a streams group") : S("there is no such streams group");
    return K_ERR_GROUP_ID_NOT_FOUND;
}

static int16_t
check_room(const struct streams_beat *bt, struct slice *why)
{
    const struct config *config = bt->gs->base.config;
    bool is_known =
        streams_member(bt->g, bt->q->member_id) || streams_static_member(bt->g, bt->q->instance_id);
    if (is_known) return 0;
    if (bt->g->streams->members.n >= config_i64(config, K_CFG_GROUP_STREAMS_MAX_SIZE)) {
        *why = S("the group has as many members as group.streams.max.size allows");
        return K_ERR_GROUP_MAX_SIZE_REACHED;
    }
    return env_has_room(group_env(bt->g), PURSE_GROUPS) ? 0 : K_ERR_COORDINATOR_NOT_AVAILABLE;
}

/* As with consumers (member_epoch.c): the epoch before is heeded from who has nothing but what is assigned to it. */
static int16_t
check_epoch(const struct streams_beat *bt, const struct streams_member *m, struct slice *why)
{
    int32_t epoch = bt->q->member_epoch;
    bool is_lost_answer = epoch == m->now.previous_epoch && epoch < m->now.epoch &&
                          bt->says_owned && tasks_is_subset(&bt->owned, &m->now.assigned);
    if (epoch == EPOCH_JOIN || epoch == m->now.epoch || is_lost_answer) return 0;
    *why = S("the member epoch is not the one that the coordinator knows; join anew");
    return K_ERR_FENCED_MEMBER_EPOCH;
}

static int16_t
find_dynamic(struct streams_beat *bt, struct slice *why)
{
    bt->m = streams_member(bt->g, bt->q->member_id);
    if (bt->m) return check_epoch(bt, bt->m, why);
    if (bt->q->member_epoch == EPOCH_JOIN) return 0;
    *why = S("not a member of the group");
    return K_ERR_UNKNOWN_MEMBER_ID;
}

/* Another process may take an instance's place when the one before has left for a while (epoch -2), not while it
 * is there: two of them would fence each other for ever. */
static int16_t
find_static(struct streams_beat *bt, struct slice *why)
{
    struct streams_member *m = streams_static_member(bt->g, bt->q->instance_id);
    bool joins = bt->q->member_epoch == EPOCH_JOIN;
    if (!m && joins) return 0;
    if (!m) {
        *why = S("no member has this instance id");
        return K_ERR_UNKNOWN_MEMBER_ID;
    }
    if (joins && m->now.epoch != EPOCH_LEAVE_STATIC) {
        *why = S("another member has this instance id, and has not left");
        return K_ERR_UNRELEASED_INSTANCE_ID;
    }
    if (joins) {
        bt->replaced = m;
        return 0;
    }
    if (!slice_eq(m->id, bt->q->member_id)) {
        *why = S("another member has this instance id");
        return K_ERR_FENCED_INSTANCE_ID;
    }
    bt->m = m;
    return check_epoch(bt, m, why);
}

/* ---- what it says of itself ---- */

static struct task_set
asked_set(struct streams_beat *bt, const asked_tasks *v, int32_t n)
{
    int64_t all = 0;
    for (int32_t i = 0; i < n; i++) all += v[i].partitions_n;
    struct task_set s = {ARENA_ARRAY(&bt->a, struct streams_task, all), 0};
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < v[i].partitions_n; k++)
            s.v[s.n++] = (struct streams_task){v[i].subtopology_id, v[i].partitions[k], 0};
    task_set_sort(&s, ARENA_ARRAY(&bt->a, struct streams_task, all));
    return s;
}

static void
take_owned_tasks(struct streams_beat *bt)
{
    const request *q = bt->q;
    bt->says_owned = q->active_tasks_n >= 0;
    bt->owned.of[TASK_ACTIVE] = asked_set(bt, q->active_tasks, q->active_tasks_n);
    bt->owned.of[TASK_STANDBY] = asked_set(bt, q->standby_tasks, q->standby_tasks_n);
    bt->owned.of[TASK_WARMUP] = asked_set(bt, q->warmup_tasks, q->warmup_tasks_n);
}

static void
take_tags(struct streams_beat *bt)
{
    const request *q = bt->q;
    if (q->client_tags_n < 0) return;
    bt->spec.client_tags_n = q->client_tags_n;
    bt->spec.client_tags = ARENA_ARRAY(&bt->a, streams_tag, q->client_tags_n);
    for (int32_t i = 0; i < q->client_tags_n; i++)
        bt->spec.client_tags[i] = (streams_tag){q->client_tags[i].key, q->client_tags[i].value};
}

/* Who joins says whether it has one; later it is only said when it is another. */
static void
take_endpoint(struct streams_beat *bt)
{
    const request *q = bt->q;
    if (q->user_endpoint) {
        bt->spec.user_endpoint = arena_alloc(&bt->a, (int64_t)sizeof *bt->spec.user_endpoint);
        bt->spec.user_endpoint->host = q->user_endpoint->host;
        bt->spec.user_endpoint->port = q->user_endpoint->port;
    } else if (q->member_epoch == EPOCH_JOIN) {
        bt->spec.user_endpoint = NULL;
    }
}

static bool
same_endpoint(const streams_spec *a, const streams_spec *b)
{
    if (!a->user_endpoint || !b->user_endpoint) return a->user_endpoint == b->user_endpoint;
    return slice_eq(a->user_endpoint->host, b->user_endpoint->host) &&
           a->user_endpoint->port == b->user_endpoint->port;
}

/* The one before goes, and what was its is the new member's. */
static void
write_replacement(struct streams_beat *bt)
{
    struct streams_member *old = bt->replaced;
    record_streams_member_gone(&bt->b, bt->g, old->id);
    record_streams_spec(&bt->b, bt->g, bt->q->member_id, &bt->spec);
    record_streams_target(&bt->b, bt->g, bt->q->member_id, &old->target);
    record_streams_current(&bt->b, bt->g, bt->q->member_id, &bt->before);
}

/* What a heartbeat does not say stays as it was. */
static void
take_streams_spec(struct streams_beat *bt)
{
    const request *q = bt->q;
    const struct streams_member *from = bt->m ? bt->m : bt->replaced;
    codec_default(K_MSG_STREAMS_GROUP_MEMBER_METADATA_VALUE, &bt->spec);
    bt->spec.instance_id = bt->spec.rack_id = SLICE_NULL;
    if (from) bt->spec = from->spec;
    streams_spec was = bt->spec;
    if (q->instance_id.p) bt->spec.instance_id = q->instance_id;
    if (q->rack_id.p) bt->spec.rack_id = q->rack_id;
    if (q->rebalance_timeout_ms != -1) bt->spec.rebalance_timeout_ms = q->rebalance_timeout_ms;
    if (bt->asked) bt->spec.topology_epoch = bt->asked->epoch;
    if (q->process_id.p) bt->spec.process_id = q->process_id;
    bt->spec.client_id = bt->call->client_id;
    bt->spec.client_host = bt->call->client_host;
    take_tags(bt);
    take_endpoint(bt);
    bt->endpoint_changed = !same_endpoint(&was, &bt->spec);
    bool changed =
        !from || !codec_equal(K_MSG_STREAMS_GROUP_MEMBER_METADATA_VALUE, &was, &bt->spec);
    /* Whatever it is: a member whose endpoint is another has a new epoch, too, and so has the group (as in Kafka 4.4). */
    bt->must_bump = changed;
    if (from) {
        bt->before = from->now;
        bt->target = from->target;
    }
    if (bt->replaced) {
        bt->before.epoch = bt->before.previous_epoch = 0;
        write_replacement(bt);
    } else if (changed) {
        record_streams_spec(&bt->b, bt->g, q->member_id, &bt->spec);
    }
}

/* ---- the topology, and the topics ---- */

static int16_t
take_topology(struct streams_beat *bt, struct slice *why)
{
    const topology *has = bt->g->streams->topology;
    bt->topology = has;
    if (!has && !bt->asked) {
        *why = S("the group has no topology yet; join anew, with one");
        return K_ERR_FENCED_MEMBER_EPOCH;
    }
    if (!has) {
        record_streams_topology(&bt->b, bt->g, bt->asked);
        bt->topology = bt->asked;
    } else if (bt->asked && bt->asked->epoch >= has->epoch &&
               !codec_equal(K_MSG_STREAMS_GROUP_TOPOLOGY_VALUE, has, bt->asked)) {
        *why = S("Topology updates are not supported yet.");
        return K_ERR_INVALID_REQUEST;
    }
    return 0;
}

static int16_t
check_tasks(struct streams_beat *bt, struct slice *why)
{
    for (int r = 0; r < TASK_ROLES_N; r++)
        for (int64_t i = 0; i < bt->owned.of[r].n; i++) {
            const struct streams_task *t = &bt->owned.of[r].v[i];
            const struct configured_subtopology *s =
                configured_find(&bt->g->streams->configured, t->subtopology);
            if (s && t->partition >= 0 && t->partition < s->tasks_n) continue;
            *why = s ? S("the member says that it has a task that its subtopology does not have")
                     : S("the member says that it has a task of a subtopology that does not exist");
            return K_ERR_INVALID_REQUEST;
        }
    return 0;
}

static int16_t
configure_group(struct streams_beat *bt, struct slice *why)
{
    struct streams_group *sg = bt->g->streams;
    bt->validated_epoch = -1;
    if (!sg->topology || !sg->is_configured || sg->seen_topics != bt->gs->topics_n)
        streams_configure(bt->g, bt->topology);
    bt->hash = sg->configured_hash;
    bt->must_bump |= bt->hash != sg->metadata_hash;
    if (sg->configured.err) {
        *why = sg->configured.why;
        return sg->configured.err;
    }
    if (sg->configured.status == STREAMS_READY) {
        int16_t err = check_tasks(bt, why);
        if (err) return err;
        bt->validated_epoch = bt->topology->epoch;
    }
    bt->must_bump |= bt->validated_epoch != sg->validated_epoch;
    return 0;
}

/* ---- the group's epoch and assignment ---- */

static void
update_streams_epoch(struct streams_beat *bt)
{
    struct streams_group *sg = bt->g->streams;
    bt->settings = streams_settings(bt->g, &bt->a);
    bt->must_bump |= !assignment_settings_eq(&bt->settings, &sg->settings);
    bt->epoch = bt->must_bump ? epoch_after(sg->epoch) : sg->epoch;
    struct streams_epoch e = {bt->epoch, bt->hash, bt->validated_epoch, &bt->settings};
    if (bt->must_bump) record_streams_epoch(&bt->b, bt->g, &e);
}

/* An application starts with all of its instances at once: the first is not given everything, only to have it taken
 * away again (group.streams.initial.rebalance.delay.ms). */
static void
begin_initial_delay(struct streams_beat *bt)
{
    struct streams_group *sg = bt->g->streams;
    struct env *env = group_env(bt->g);
    int64_t ms = group_config_i64(bt->g, K_GCFG_STREAMS_INITIAL_REBALANCE_DELAY_MS);
    if (sg->members.n > 0 || ms <= 0 || timer_is_armed(&sg->initial_delay)) return;
    timer_arm(env, &sg->initial_delay, env_now_ns(env) + ms * NS_PER_MS);
}

/* Who comes and goes in a burst is dealt with at once, not one by one (KIP-1263). */
static bool
may_assign_now(const struct group *g)
{
    const struct streams_group *sg = g->streams;
    int64_t interval_ms = group_config_i64(g, K_GCFG_STREAMS_ASSIGNMENT_INTERVAL_MS);
    int64_t now_ms = env_wall_ms(group_env(g));
    /* A clock that went back must not put it off for longer than the interval. */
    return sg->assignment_ms == 0 || now_ms >= sg->assignment_ms + interval_ms ||
           now_ms < sg->assignment_ms;
}

static void
update_streams_assignment(struct streams_beat *bt)
{
    struct streams_group *sg = bt->g->streams;
    static const struct task_offsets nothing;
    int32_t n;
    bt->target_epoch = sg->assignment_epoch;
    if (timer_is_armed(&sg->initial_delay)) {
        bt->is_delayed_for_others = true;
        bt->target = (struct tasks){0};
        return;
    }
    if (bt->epoch <= sg->assignment_epoch) return;
    if (!may_assign_now(bt->g)) {
        bt->is_delayed_by_interval = true;
        return;
    }
    struct streams_view own = {bt->q->member_id, &bt->spec, &bt->target,
                               bt->m ? &bt->m->offsets : &nothing};
    struct slice without = bt->replaced ? bt->replaced->id : SLICE_NULL;
    struct streams_view *v = streams_views(bt->g, &bt->a, &own, without, &n);
    record_streams_assignment(&bt->b, bt->g, &bt->a, v, n, bt->epoch, bt->q->member_id,
                              !bt->m && !bt->replaced, &bt->target);
    bt->target_epoch = bt->epoch;
}

/* ---- the member ---- */

static bool
is_held(const void *ctx, const struct streams_task *t, enum task_role role)
{
    const struct streams_beat *bt = ctx;
    const struct streams_member *self = bt->m ? bt->m : bt->replaced;
    return streams_task_is_held(bt->g, self, bt->spec.process_id, t, role);
}

static bool
advance(struct streams_beat *bt)
{
    struct task_reconcile_input in = {.arena = &bt->a,
                                      .now = bt->before,
                                      .target_epoch = bt->target_epoch,
                                      .target = &bt->target,
                                      .owned = bt->says_owned ? &bt->owned : NULL,
                                      .is_held = is_held,
                                      .ctx = bt};
    if (!task_reconcile(&in, &bt->after)) return false;
    const struct streams_current *a = &bt->before, *b = &bt->after;
    bool same = a->state == b->state && a->epoch == b->epoch &&
                a->previous_epoch == b->previous_epoch && tasks_same(&a->assigned, &b->assigned) &&
                tasks_same(&a->revoking, &b->revoking);
    if (!same) record_streams_current(&bt->b, bt->g, bt->q->member_id, b);
    return true;
}

/* ---- what it hears ---- */

static void
add_status(struct streams_beat *bt, enum streams_status code, struct slice detail)
{
    CHECK(bt->res->status_n < STATUSES_MAX);
    bt->res->status[bt->res->status_n++] =
        (status){.status_code = (int8_t)code, .status_detail = arena_dup(bt->call->arena, detail)};
}

static void
say_stale(struct streams_beat *bt)
{
    struct writer w = writer_mem(&group_env(bt->g)->mem);
    fmt_str(&w, "The member's topology epoch ");
    fmt_i64(&w, bt->spec.topology_epoch);
    fmt_str(&w, " is behind the group's topology epoch ");
    fmt_i64(&w, bt->topology->epoch);
    fmt_str(&w, ".");
    add_status(bt, STREAMS_STALE_TOPOLOGY, writer_slice(&w));
    writer_release(&w);
}

static void
say_shutdown(struct streams_beat *bt)
{
    struct writer w = writer_mem(&group_env(bt->g)->mem);
    fmt_str(&w, "Streams group member ");
    fmt_slice(&w, bt->g->streams->shutdown_by);
    fmt_str(&w, " encountered a fatal error and requested a shutdown for the entire application.");
    add_status(bt, STREAMS_SHUTDOWN_APPLICATION, writer_slice(&w));
    writer_release(&w);
}

static bool
has_tag(const streams_spec *spec, struct slice key)
{
    for (int32_t i = 0; i < spec->client_tags_n; i++)
        if (slice_eq(spec->client_tags[i].key, key)) return true;
    return false;
}

/* Standbys that are to be in other racks than their originals need to know the racks. */
static void
say_missing_tags(struct streams_beat *bt)
{
    struct writer w = writer_mem(&group_env(bt->g)->mem);
    struct slice tags = bt->settings.n == 2 ? bt->settings.values[1] : SLICE_EMPTY;
    int32_t missing = 0;
    fmt_str(&w, "Missing required client tags for rack-aware standby assignment: [");
    for (int64_t at = 0, end; at < tags.n; at = end + 1) {
        end = slice_find(tags, ',', at);
        if (end < 0) end = tags.n;
        struct slice tag = slice_trim(slice_sub(tags, at, end - at));
        if (tag.n == 0 || has_tag(&bt->spec, tag)) continue;
        if (missing++) fmt_str(&w, ", ");
        fmt_slice(&w, tag);
    }
    fmt_str(&w, "]. Configure them via 'client.tag.<tagKey>' in your Streams config.");
    bool has_standbys = group_config_i64(bt->g, K_GCFG_STREAMS_NUM_STANDBY_REPLICAS) > 0;
    if (missing && has_standbys) add_status(bt, STREAMS_MISSING_CLIENT_TAGS, writer_slice(&w));
    writer_release(&w);
}

/* What is wrong with the topics, and why those that are missing could not be made. */
static void
say_topics(struct streams_beat *bt)
{
    const struct configured *c = &bt->g->streams->configured;
    struct writer w = writer_mem(&group_env(bt->g)->mem);
    bool has_failed = false;
    fmt_slice(&w, c->why);
    for (int32_t i = 0; i < c->missing_n; i++) {
        struct slice why = streams_topic_failure(bt->g, c->missing[i].name);
        if (!why.p) continue;
        fmt_str(&w, has_failed ? ", " : "; Creation failed: ");
        fmt_slice(&w, c->missing[i].name), fmt_str(&w, " ("), fmt_slice(&w, why), fmt_str(&w, ")");
        has_failed = true;
    }
    if (has_failed) fmt_str(&w, ".");
    add_status(bt, c->status, writer_slice(&w));
    writer_release(&w);
}

static void
fill_statuses(struct streams_beat *bt)
{
    const struct streams_group *sg = bt->g->streams;
    bt->res->status = ARENA_ARRAY(bt->call->arena, status, STATUSES_MAX);
    bt->res->status_n = 0;
    if (bt->spec.topology_epoch < bt->topology->epoch) say_stale(bt);
    if (bt->is_delayed_for_others)
        add_status(bt, STREAMS_ASSIGNMENT_DELAYED,
                   S("Assignment delayed due to the configured initial rebalance delay."));
    if (bt->is_delayed_by_interval)
        add_status(bt, STREAMS_ASSIGNMENT_DELAYED,
                   S("Assignment delayed due to the configured assignment interval."));
    if (sg->configured.status != STREAMS_READY) say_topics(bt);
    if (sg->shutdown_by.p) say_shutdown(bt);
    say_missing_tags(bt);
}

/* It is told what it has when it joins, when something is new, and when it cannot know: the answer that said it was lost,
 * so it has another epoch, or names other tasks. Apache Kafka 4.4 does not tell it again, and the task is at nobody. */
static bool
must_be_told(const struct streams_beat *bt, bool is_new)
{
    bool is_behind = bt->q->member_epoch != bt->before.epoch;
    bool has_others = bt->says_owned && !tasks_eq(&bt->owned, &bt->after.assigned);
    return bt->q->member_epoch == EPOCH_JOIN || is_behind || has_others || is_new;
}

static void
fill_streams_beat(struct streams_beat *bt)
{
    struct streams_group *sg = bt->g->streams;
    const request *q = bt->q;
    response *res = bt->res;
    bool has_new_tasks = !tasks_eq(&bt->before.assigned, &bt->after.assigned);
    res->member_id = arena_dup(bt->call->arena, q->member_id);
    res->member_epoch = bt->after.epoch;
    res->heartbeat_interval_ms =
        (int32_t)group_config_i64(bt->g, K_GCFG_STREAMS_HEARTBEAT_INTERVAL_MS);
    res->task_offset_interval_ms =
        (int32_t)group_config_i64(bt->g, K_GCFG_STREAMS_TASK_OFFSET_INTERVAL_MS);
    /* group.streams.acceptable.recovery.lag: warm-ups would go by it. */
    res->acceptable_recovery_lag = group_config_i64(bt->g, K_GCFG_STREAMS_ACCEPTABLE_RECOVERY_LAG);
    if (must_be_told(bt, has_new_tasks)) fill_streams_tasks(bt->call, res, &bt->after.assigned);
    bool has_moved = (has_new_tasks && bt->spec.user_endpoint) || bt->endpoint_changed;
    /* The first member is told its own endpoint, too, though the epoch begins with 0: as in Kafka. */
    int32_t endpoint_epoch = sg->endpoint_epoch + has_moved;
    if (endpoint_epoch != q->endpoint_information_epoch)
        fill_streams_endpoints(bt->g, bt->call, res, q->member_id, &bt->spec, &bt->after.assigned);
    if (!bt->is_new_group) sg->endpoint_epoch = endpoint_epoch;
    res->endpoint_information_epoch = sg->endpoint_epoch;
    if (q->shutdown_application && !sg->shutdown_by.p) streams_set_shutdown(bt->g, q->member_id);
    fill_statuses(bt);
}

/* ---- what it has on disk ---- */

static struct task_offsets
asked_offsets(struct streams_beat *bt, const asked_offset *v, int32_t n)
{
    struct task_set order = {ARENA_ARRAY(&bt->a, struct streams_task, n), n};
    struct task_offsets ret = {ARENA_ARRAY(&bt->a, struct task_offset, n), 0};
    /* Its place in the request stands where an epoch would, and comes with the task when they are sorted. */
    for (int32_t i = 0; i < n; i++)
        order.v[i] = (struct streams_task){v[i].subtopology_id, v[i].partition, i};
    task_set_sort(&order, ARENA_ARRAY(&bt->a, struct streams_task, n));
    for (int64_t i = 0; i < order.n; i++)
        ret.v[ret.n++] = (struct task_offset){order.v[i].subtopology, order.v[i].partition,
                                              v[order.v[i].epoch].offset};
    return ret;
}

/* Tasks that there are; more would let one member fill the memory. */
static void
keep_real_ones(const struct streams_beat *bt, struct task_offsets *s)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < s->n; i++) {
        const struct configured_subtopology *c =
            configured_find(&bt->g->streams->configured, s->v[i].subtopology);
        if (c && s->v[i].partition >= 0 && s->v[i].partition < c->tasks_n) s->v[kept++] = s->v[i];
    }
    s->n = kept;
}

static void
take_disk_offsets(struct streams_beat *bt, struct streams_member *m)
{
    const request *q = bt->q;
    if (q->task_offsets_n >= 0) {
        struct task_offsets s = asked_offsets(bt, q->task_offsets, q->task_offsets_n);
        keep_real_ones(bt, &s);
        streams_member_set_offsets(m, &m->offsets, &s);
    }
    if (q->task_end_offsets_n >= 0) {
        struct task_offsets s = asked_offsets(bt, q->task_end_offsets, q->task_end_offsets_n);
        keep_real_ones(bt, &s);
        streams_member_set_offsets(m, &m->end_offsets, &s);
    }
}

/* ---- all of it ---- */

static int16_t
run_streams_beat(struct streams_beat *bt, struct slice *why)
{
    int16_t err = check_room(bt, why);
    if (err) return err;
    take_owned_tasks(bt);
    err = bt->q->instance_id.p ? find_static(bt, why) : find_dynamic(bt, why);
    if (err) return err;
    take_streams_spec(bt);
    err = take_topology(bt, why);
    if (!err) err = configure_group(bt, why);
    if (err) return err;
    update_streams_epoch(bt);
    begin_initial_delay(bt);
    update_streams_assignment(bt);
    if (!advance(bt)) {
        *why = S("the member's state is not known here; join anew, with no tasks");
        return K_ERR_FENCED_MEMBER_EPOCH;
    }
    fill_streams_beat(bt);
    return 0;
}

static int16_t
finish_streams_beat(struct streams_beat *bt)
{
    struct group *g = bt->g;
    struct streams_group *sg = g->streams;
    enum streams_state was = streams_state(g);
    int16_t err = group_answer_written(g, &bt->b, bt->call, bt->res, refuse_without_words);
    if (err) return err;
    struct streams_member *m = streams_member(g, bt->q->member_id);
    CHECK(m != NULL);
    if (!sg->is_configured && sg->topology) streams_configure(g, sg->topology);
    take_disk_offsets(bt, m);
    streams_member_heard(m);
    streams_member_watch(m);
    streams_note(g, was);
    return 0;
}

static void
streams_beat_in_group(struct groups *gs, struct group *g, const request *q, const topology *asked,
                      struct coordinator_call *call)
{
    struct slice why = SLICE_NULL;
    struct streams_beat bt = {.gs = gs, .g = g, .q = q, .asked = asked, .call = call};
    arena_init(&bt.a, &gs->base.env->mem, 0);
    shard_builder(&g->shard->base, &bt.b);
    bt.res = streams_response_new(call);
    bt.is_new_group = g->streams == NULL;
    if (bt.is_new_group && (g->protocol_type.p || g->generation > 0)) record_group_gone(&bt.b, g);
    if (bt.is_new_group) streams_begin(g);
    int16_t err = run_streams_beat(&bt, &why);
    if (err) {
        builder_release(&bt.b);
        streams_refuse(gs, call, err, why);
    } else {
        /* Topics are made whether or not this is written: whoever comes next needs them. */
        groups_make_topics(gs, &g->streams->configured);
        err = finish_streams_beat(&bt);
    }
    arena_release(&bt.a);
    if (!err || !bt.is_new_group) return;
    streams_release(g);
    if (group_is_blank(g)) group_free(g);
}

void
groups_streams_heartbeat(struct groups *gs, const request *q, struct coordinator_call *call)
{
    struct slice why = SLICE_NULL;
    struct group *g = NULL;
    topology *asked;
    int16_t err = streams_request_check(q, call->arena, &asked, &why);
    struct shard *s = err ? NULL : groups_shard(gs, q->group_id, &err);
    if (!err) err = find_streams_group(s, q, &g, &why);
    if (err) streams_refuse(gs, call, err, why);
    else if (q->member_epoch == EPOCH_LEAVE || q->member_epoch == EPOCH_LEAVE_STATIC)
        streams_leave(g, q, call);
    else streams_beat_in_group(gs, g ? g : group_new(s, q->group_id), q, asked, call);
}
