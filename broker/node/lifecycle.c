/* A broker's standing with the controller (KIP-631):
 *
 *     REGISTERING ─► STARTING (fenced) ─► RUNNING ─► LEAVING ─► STOPPED
 *                      metadata caught up,              heartbeats ask for leave until leadership
 *                      logs recovered                   has moved away
 *
 * Each heartbeat renews the session; who misses them is fenced, and unfenced by the next one. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/node/internal.h"
#include "broker/protocol/codec.h"

#define REGISTRATION_VERSION 4
#define HEARTBEAT_VERSION 1
#define LEAVE_MS 300000 /* then the broker goes without leave, as Kafka's */
#define LEAVE_CHECK_NS (100 * NS_PER_MS)
#define CONTROLLER_REGISTRATION_VERSION 0

static void lifecycle_heartbeat(struct lifecycle *lc);

static int64_t
interval_ns(const struct lifecycle *lc)
{
    return config_i64(&lc->node->config, K_CFG_BROKER_HEARTBEAT_INTERVAL_MS) * NS_PER_MS;
}

static void
again_in(struct lifecycle *lc, int64_t ns)
{
    timer_arm(lc->node->env, &lc->timer, env_now_ns(lc->node->env) + ns);
}

static void
send(struct lifecycle *lc, int16_t api_key, int16_t version, const void *request,
     void (*done)(struct link_call *, int16_t, struct slice))
{
    lc->asking = true;
    lc->call.api_key = api_key;
    lc->call.version = version;
    lc->call.request = request;
    lc->call.done = done;
    lc->call.deadline_ns = TIME_NEVER;
    /* A try must not outlast the session it is to keep. */
    lc->call.timeout_ms = config_i64(&lc->node->config, K_CFG_BROKER_SESSION_TIMEOUT_MS) / 2;
    link_send(&lc->link, &lc->call);
}

/* A broker epoch is the offset of the registration's record. */
static bool
has_own_registration(const struct lifecycle *lc)
{
    return lc->broker_epoch >= 0 && lc->node->image.offset >= lc->broker_epoch;
}

/* ---- what it waits for ---- */

static bool
why_not_registered(struct wait *wait, struct writer *w)
{
    const struct lifecycle *lc = CONTAINER_OF(wait, const struct lifecycle, register_wait);
    const struct config *c = &lc->node->config;
    if (lc->refused_with != K_ERR_DUPLICATE_BROKER_REGISTRATION) {
        fmt_str(w, "the controller answers ");
        fmt_slice(w, k_err_name(lc->refused_with));
        return true;
    }
    fmt_str(w, "another process, perhaps the one before, is registered as broker ");
    fmt_i64(w, lc->node->identity.node_id);
    fmt_str(w, "; its session ends ");
    fmt_i64(w, config_i64(c, K_CFG_BROKER_SESSION_TIMEOUT_MS));
    fmt_str(w, " ms after its last heartbeat (broker.session.timeout.ms)");
    return true;
}

/* What the controller is asked and does not answer is for the link to tell. */
static bool
why_not_serving(struct wait *wait, struct writer *w)
{
    const struct lifecycle *lc = CONTAINER_OF(wait, const struct lifecycle, serve_wait);
    const struct node *n = lc->node;
    if (lc->asking) return false;
    if (!has_own_registration(lc)) {
        fmt_str(w, "the metadata log is applied up to offset ");
        fmt_i64(w, n->image.offset);
        fmt_str(w, ", and this broker's registration is at ");
        fmt_i64(w, lc->broker_epoch);
    } else if (!n->applied) {
        fmt_str(w, "the marker of a clean shutdown is being removed");
    } else if (n->replicas->opening > 0) {
        fmt_i64(w, n->replicas->opening);
        fmt_str(w, n->replicas->opening == 1 ? " log is" : " logs are");
        fmt_str(w, n->marker.was_there ? " being opened" : " being opened and recovered");
    } else {
        fmt_str(w, "the controller keeps it fenced");
    }
    return true;
}

static bool
why_not_left(struct wait *wait, struct writer *w)
{
    const struct lifecycle *lc = CONTAINER_OF(wait, const struct lifecycle, leave_wait);
    if (lc->asking) return false;
    fmt_str(w, "leaderships are being moved away, or brokers have not heard of it");
    return true;
}

/* ---- registration ---- */

static void registered(struct link_call *c, int16_t err, struct slice body);

static void
apply_when_current(struct lifecycle *lc)
{
    if (!lc->node->applied && !lc->node->stopping && has_own_registration(lc))
        node_open_logs(lc->node);
}

static void
fill_listeners(struct node *n, struct k_broker_registration_request *q)
{
    q->listeners = codec_array(&n->lifecycle.arena, K_STRUCT_BROKER_REGISTRATION_REQUEST_LISTENER,
                               node_listener_count(n, LISTENER_BROKER));
    LIST_EACH(&n->server.listeners, l, struct server_listener, node) {
        if (l->kind != LISTENER_BROKER || !l->is_advertised) continue;
        struct k_broker_registration_request_listener *m = &q->listeners[q->listeners_n++];
        m->name = l->name;
        m->host = l->advertised_host;
        m->port = (uint16_t)l->advertised_port;
    }
}

static void
registration_fill_features(struct lifecycle *lc, struct k_broker_registration_request *q)
{
    int32_t count;
    const struct server_feature *f = server_features(&count);
    q->features_n = count;
    q->features = codec_array(&lc->arena, K_STRUCT_BROKER_REGISTRATION_REQUEST_FEATURE, count);
    for (int32_t i = 0; i < count; i++) {
        q->features[i].name = slice_cstr(f[i].name);
        q->features[i].min_supported_version = f[i].min;
        q->features[i].max_supported_version = f[i].max;
    }
}

static void
do_register(struct lifecycle *lc)
{
    struct node *n = lc->node;
    arena_reset(&lc->arena);
    struct k_broker_registration_request *q =
        ARENA_NEW(&lc->arena, struct k_broker_registration_request);
    codec_default(K_MSG_BROKER_REGISTRATION_REQUEST, q);
    q->broker_id = n->identity.node_id;
    q->cluster_id = n->identity.cluster_id;
    q->incarnation_id = lc->incarnation;
    q->rack = config_str(&n->config, K_CFG_BROKER_RACK);
    q->log_dirs = ARENA_NEW(&lc->arena, struct uuid);
    q->log_dirs[0] = n->identity.dirs[0].id;
    q->log_dirs_n = 1;
    /* KIP-966: says whether what was acknowledged is still there; see clean_end.h, elr.h. A process
     * that was registered before has lost nothing since. */
    q->previous_broker_epoch = lc->broker_epoch >= 0 ? lc->broker_epoch : n->marker.shown_epoch;
    fill_listeners(n, q);
    registration_fill_features(lc, q);
    send(lc, K_API_BROKER_REGISTRATION, REGISTRATION_VERSION, q, registered);
}

/* The answer has a code only, but the finalised features stand in the metadata log. */
static void
refused_for_good(struct node *n, int16_t err)
{
    int32_t count;
    const struct server_feature *own = server_features(&count);
    struct writer w = writer_mem(&n->env->mem);
    fmt_str(&w, "the controller refused this broker: ");
    fmt_slice(&w, k_err_name(err));
    for (int64_t i = 0; err == K_ERR_UNSUPPORTED_VERSION && i < n->image.features.n; i++) {
        const struct image_feature *f = &n->image.features.v[i];
        int32_t k = 0;
        while (k < count && !slice_eq(slice_cstr(own[k].name), f->name)) k++;
        if (k < count && own[k].min <= f->level && f->level <= own[k].max) continue;
        fmt_str(&w, ": ");
        feature_tell(&w, f->name, f->level, k < count ? own[k].min : 0, k < count ? own[k].max : 0);
    }
    fmt_str(&w, "; its log says more");
    env_fatal(n->env, writer_slice(&w));
    writer_release(&w);
}

static void
registered(struct link_call *c, int16_t err, struct slice body)
{
    struct lifecycle *lc = CONTAINER_OF(c, struct lifecycle, call);
    struct node *n = lc->node;
    struct k_broker_registration_response res;
    if (!link_take_answer(c, K_MSG_BROKER_REGISTRATION_RESPONSE, body, &n->env->scratch, &res,
                          &res.error_code, &err))
        return;
    lc->asking = false;
    if (err == K_ERR_INCONSISTENT_CLUSTER_ID || err == K_ERR_UNSUPPORTED_VERSION ||
        err == K_ERR_INVALID_REGISTRATION) {
        refused_for_good(n, err);
        return;
    }
    if (err) {
        lc->refused_with = err;
        wait_begin_told(&lc->register_wait);
        again_in(lc, MIN(interval_ns(lc), 500 * NS_PER_MS));
        return;
    }
    timer_cancel(n->env, &lc->initial_timer);
    wait_end(&lc->register_wait);
    wait_begin(&lc->serve_wait);
    lc->broker_epoch = res.broker_epoch;
    n->server.broker_epoch = res.broker_epoch;
    n->replicas->broker_epoch = res.broker_epoch;
    producer_ids_set_epoch(n->server.producer_ids, res.broker_epoch);
    lc->state = LIFECYCLE_STARTING;
    apply_when_current(lc);
    lifecycle_heartbeat(lc);
}

/* ---- heartbeats ---- */

static void beat(struct link_call *c, int16_t err, struct slice body);

/* A log that is opened for a new topic later on is no reason to be fenced again. That the registration has
 * come into the image is not enough: the replicas must have taken it over, which waits for all that is
 * committed. A heartbeat between the two once let a broker serve that never opened a log. */
static bool
may_unfence(const struct lifecycle *lc)
{
    if (lc->state == LIFECYCLE_RUNNING) return true;
    return lc->node->applied && has_own_registration(lc) && lc->node->replicas->opening == 0;
}

static void
lifecycle_heartbeat(struct lifecycle *lc)
{
    struct node *n = lc->node;
    if (lc->asking) return;
    timer_cancel(n->env, &lc->timer);
    arena_reset(&lc->arena);
    struct k_broker_heartbeat_request *q = ARENA_NEW(&lc->arena, struct k_broker_heartbeat_request);
    codec_default(K_MSG_BROKER_HEARTBEAT_REQUEST, q);
    q->broker_id = n->identity.node_id;
    q->broker_epoch = lc->broker_epoch;
    q->current_metadata_offset = n->image.offset;
    q->want_fence = !may_unfence(lc);
    q->want_shut_down = lc->state == LIFECYCLE_LEAVING;
    lc->has_asked_to_serve |= !q->want_fence;
    send(lc, K_API_BROKER_HEARTBEAT, HEARTBEAT_VERSION, q, beat);
}

static void
begin_serving(struct node *n)
{
    n->lifecycle.state = LIFECYCLE_RUNNING;
    if (n->started) return;
    n->started = true;
    server_accept_requests(&n->server);
    NOTE(n->env, NOTE_NODE_SERVING, n->inter_broker_listener, n->identity.cluster_id,
         n->identity.node_id, node_port_of(n, n->inter_broker_listener));
}

static void
left(struct lifecycle *lc)
{
    struct node *n = lc->node;
    lc->state = LIFECYCLE_STOPPED;
    timer_cancel(n->env, &lc->timer);
    timer_cancel(n->env, &lc->leave_timer);
    timer_cancel(n->env, &lc->initial_timer);
    wait_cancel(&lc->register_wait);
    wait_cancel(&lc->serve_wait);
    wait_cancel(&lc->leave_wait);
    controller_link_stop(&lc->link);
    lc->left(n);
}

static void
beat(struct link_call *c, int16_t err, struct slice body)
{
    struct lifecycle *lc = CONTAINER_OF(c, struct lifecycle, call);
    struct node *n = lc->node;
    struct k_broker_heartbeat_response res;
    if (!link_take_answer(c, K_MSG_BROKER_HEARTBEAT_RESPONSE, body, &n->env->scratch, &res,
                          &res.error_code, &err))
        return;
    lc->asking = false;
    if (err) {
        node_say(n, 2, k_err_name(err));
        /* The controller does not know this registration any more: register anew. */
        if (err == K_ERR_STALE_BROKER_EPOCH || err == K_ERR_BROKER_ID_NOT_REGISTERED) {
            if (lc->state == LIFECYCLE_LEAVING) {
                left(lc);
                return;
            }
            lc->state = LIFECYCLE_REGISTERING;
        }
        again_in(lc, interval_ns(lc));
        return;
    }
    lc->fenced = res.is_fenced;
    if (!lc->fenced) wait_end(&lc->serve_wait);
    else if (lc->state != LIFECYCLE_LEAVING) wait_begin(&lc->serve_wait);
    if (lc->state == LIFECYCLE_LEAVING && res.should_shut_down) {
        left(lc);
        return;
    }
    if (lc->state == LIFECYCLE_STARTING && !res.is_fenced) begin_serving(n);
    /* While starting or leaving there is something to wait for; then ask again soon. */
    bool soon = lc->state != LIFECYCLE_RUNNING;
    again_in(lc, soon ? MIN(interval_ns(lc), 10 * NS_PER_MS) : interval_ns(lc));
}

static void
timer_due(struct timer *t)
{
    struct lifecycle *lc = CONTAINER_OF(t, struct lifecycle, timer);
    if (lc->state == LIFECYCLE_REGISTERING) do_register(lc);
    else lifecycle_heartbeat(lc);
}

void
lifecycle_metadata_advanced(struct node *n)
{
    struct lifecycle *lc = &n->lifecycle;
    if (lc->state == LIFECYCLE_STARTING) apply_when_current(lc);
    if (lc->state == LIFECYCLE_STARTING && !lc->asking && may_unfence(lc)) lifecycle_heartbeat(lc);
}

/* A broker that nobody takes in ends, so that whoever watches it knows. */
static void
not_registered_in_time(struct timer *t)
{
    struct lifecycle *lc = CONTAINER_OF(t, struct lifecycle, initial_timer);
    struct writer w = writer_mem(&lc->node->env->mem);
    fmt_str(&w, "this broker could not be registered with the controller quorum within ");
    fmt_i64(&w, config_i64(&lc->node->config, K_CFG_INITIAL_BROKER_REGISTRATION_TIMEOUT_MS));
    fmt_str(&w, " ms (initial.broker.registration.timeout.ms): ");
    if (wait_is_on(&lc->register_wait)) (void)why_not_registered(&lc->register_wait, &w);
    else raft_tell_leader(lc->node->raft, &w);
    env_fatal(lc->node->env, writer_slice(&w));
    writer_release(&w);
}

static bool
is_whole_quorum(const struct node *n)
{
    int32_t count;
    const struct raft_voter *v = raft_voters(n->raft, &count);
    return count == 1 && v[0].id == n->identity.node_id;
}

void
lifecycle_start(struct node *n)
{
    struct lifecycle *lc = &n->lifecycle;
    lc->node = n;
    lc->state = LIFECYCLE_REGISTERING;
    lc->incarnation = env_random_uuid(n->env);
    lc->broker_epoch = -1;
    lc->fenced = true;
    lc->timer.due = timer_due;
    wait_init(&lc->register_wait, n->env, "its registration", why_not_registered);
    wait_init(&lc->serve_wait, n->env, "the controller to let it serve", why_not_serving);
    wait_init(&lc->leave_wait, n->env, "leave to go", why_not_left);
    lc->initial_timer.due = not_registered_in_time;
    timer_arm(n->env, &lc->initial_timer,
              env_now_ns(n->env) +
                  config_i64(&n->config, K_CFG_INITIAL_BROKER_REGISTRATION_TIMEOUT_MS) * NS_PER_MS);
    if (n->controller && is_whole_quorum(n))
        controller_has_own_broker(n->controller, lc->incarnation);
    arena_init(&lc->arena, &n->env->mem, 0);
    controller_link_init(&lc->link, n->env, n->raft, S("broker-lifecycle"),
                         config_i64(&n->config, K_CFG_CONTROLLER_SOCKET_TIMEOUT_MS));
    do_register(lc);
}

/* Leave is given by the controller. If the quorum has no leader, and has had time enough to elect one (twice the
 * longest wait between two elections), nobody is there who could give it: so it is for the last of three nodes that
 * are stopped together. Going without leave costs nothing then: no leadership can be moved without a quorum, and
 * that this end was clean stands in the marker. (Kafka's broker waits five minutes for the quorum, here, too.) */
static bool
nobody_gives_leave(const struct lifecycle *lc)
{
    const struct config *c = &lc->node->config;
    int64_t patience_ms = 2 * (config_i64(c, K_CFG_CONTROLLER_QUORUM_ELECTION_TIMEOUT_MS) +
                               config_i64(c, K_CFG_CONTROLLER_QUORUM_ELECTION_BACKOFF_MAX_MS));
    int64_t since_ns = raft_leaderless_since_ns(lc->node->raft);
    return since_ns != TIME_NEVER &&
           env_now_ns(lc->node->env) >=
               MAX(since_ns, lc->leaving_since_ns) + patience_ms * NS_PER_MS;
}

static void
leave_due(struct timer *t)
{
    struct lifecycle *lc = CONTAINER_OF(t, struct lifecycle, leave_timer);
    struct env *env = lc->node->env;
    if (nobody_gives_leave(lc)) {
        node_say(lc->node, 2, S("leaves without asking: the controller quorum has no leader"));
        left(lc);
    } else if (env_now_ns(env) >= lc->leaving_since_ns + LEAVE_MS * NS_PER_MS) {
        node_say(lc->node, 2, S("leaves without leave: the controller has not given it in time"));
        left(lc);
    } else {
        timer_arm(env, t, env_now_ns(env) + LEAVE_CHECK_NS);
    }
}

void
lifecycle_leave(struct node *n, void (*done)(struct node *n))
{
    struct lifecycle *lc = &n->lifecycle;
    lc->left = done;
    /* Who has asked to be unfenced may lead already, though no answer says so yet. */
    bool may_lead = lc->state == LIFECYCLE_RUNNING ||
                    (lc->state == LIFECYCLE_STARTING && lc->has_asked_to_serve);
    bool asks_leave = config_bool(&n->config, K_CFG_CONTROLLED_SHUTDOWN_ENABLE);
    if (!may_lead || !asks_leave) {
        if (lc->state == LIFECYCLE_STOPPED) done(n);
        else left(lc);
        return;
    }
    lc->state = LIFECYCLE_LEAVING;
    lc->leaving_since_ns = env_now_ns(n->env);
    lc->leave_timer.due = leave_due;
    timer_arm(n->env, &lc->leave_timer, env_now_ns(n->env) + LEAVE_CHECK_NS);
    wait_cancel(&lc->serve_wait);
    wait_begin(&lc->leave_wait);
    if (!lc->asking) lifecycle_heartbeat(lc);
}

/* ---- a controller tells where it is (KIP-919) ---- */

static void
say_not_registered(struct node *n, int16_t err, struct slice message)
{
    struct writer w = writer_mem(&n->env->mem);
    fmt_str(&w, "this controller is not registered: ");
    fmt_slice(&w, k_err_name(err));
    if (message.n) fmt_str(&w, ": ");
    fmt_slice(&w, message);
    node_say(n, 2, writer_slice(&w));
    writer_release(&w);
}

static void
controller_registered(struct link_call *c, int16_t err, struct slice body)
{
    struct node *n = CONTAINER_OF(c, struct node, registration_call);
    struct k_controller_registration_response res = {0};
    if (link_take_answer(c, K_MSG_CONTROLLER_REGISTRATION_RESPONSE, body, &n->env->scratch, &res,
                         &res.error_code, &err) &&
        err)
        say_not_registered(n, err, res.error_message);
}

void
controller_registration_start(struct node *n)
{
    struct arena *a = &n->registration_arena;
    arena_init(a, &n->env->mem, 0);
    controller_link_init(&n->registration_link, n->env, n->raft, S("controller-registration"),
                         config_i64(&n->config, K_CFG_CONTROLLER_SOCKET_TIMEOUT_MS));
    struct k_controller_registration_request *q =
        ARENA_NEW(a, struct k_controller_registration_request);
    codec_default(K_MSG_CONTROLLER_REGISTRATION_REQUEST, q);
    q->controller_id = n->identity.node_id;
    q->incarnation_id = env_random_uuid(n->env);
    q->listeners = codec_array(a, K_STRUCT_CONTROLLER_REGISTRATION_REQUEST_LISTENER,
                               node_listener_count(n, LISTENER_CONTROLLER));
    LIST_EACH(&n->server.listeners, l, struct server_listener, node) {
        if (l->kind != LISTENER_CONTROLLER) continue;
        struct k_controller_registration_request_listener *m = &q->listeners[q->listeners_n++];
        m->name = l->name;
        m->host = l->advertised_host;
        m->port = (uint16_t)l->advertised_port;
    }
    int32_t count;
    const struct server_feature *f = server_features(&count);
    q->features_n = count;
    q->features = codec_array(a, K_STRUCT_CONTROLLER_REGISTRATION_REQUEST_FEATURE, count);
    for (int32_t i = 0; i < count; i++) {
        q->features[i].name = slice_cstr(f[i].name);
        q->features[i].min_supported_version = f[i].min;
        q->features[i].max_supported_version = f[i].max;
    }
    n->registration_call = (struct link_call){.done = controller_registered,
                                              .api_key = K_API_CONTROLLER_REGISTRATION,
                                              .version = CONTROLLER_REGISTRATION_VERSION,
                                              .request = q,
                                              .deadline_ns = TIME_NEVER};
    link_send(&n->registration_link, &n->registration_call);
}
