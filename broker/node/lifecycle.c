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
#define LEAVE_MS 60000 /* then the broker goes without leave */
#define CONTROLLER_REGISTRATION_VERSION 0

static void heartbeat(struct lifecycle *lc);

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

/* ---- registration ---- */

static void registered(struct link_call *c, int16_t err, struct slice body);

/* A broker epoch is the offset of the registration's record. */
static bool
has_own_registration(const struct lifecycle *lc)
{
    return lc->broker_epoch >= 0 && lc->node->image.offset >= lc->broker_epoch;
}

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
        if (l->kind != LISTENER_BROKER) continue;
        struct k_broker_registration_request_listener *m = &q->listeners[q->listeners_n++];
        m->name = l->name;
        m->host = l->advertised_host;
        m->port = (uint16_t)l->advertised_port;
    }
}

static void
fill_features(struct lifecycle *lc, struct k_broker_registration_request *q)
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
    q->log_dirs[0] = n->identity.directory_id;
    q->log_dirs_n = 1;
    /* KIP-966: says whether what was acknowledged is still there; see clean_end.h, elr.h. A process
     * that was registered before has lost nothing since. */
    q->previous_broker_epoch = lc->broker_epoch >= 0 ? lc->broker_epoch : n->marker.shown_epoch;
    fill_listeners(n, q);
    fill_features(lc, q);
    send(lc, K_API_BROKER_REGISTRATION, REGISTRATION_VERSION, q, registered);
}

static void
registered(struct link_call *c, int16_t err, struct slice body)
{
    struct lifecycle *lc = CONTAINER_OF(c, struct lifecycle, call);
    struct node *n = lc->node;
    struct k_broker_registration_response res;
    lc->asking = false;
    if (!err && !codec_decode_all(K_MSG_BROKER_REGISTRATION_RESPONSE, REGISTRATION_VERSION, body,
                                  &n->env->scratch, &res))
        err = K_ERR_CORRUPT_MESSAGE;
    if (!err) err = res.error_code;
    if (err == K_ERR_NOT_CONTROLLER) {
        lc->asking = true;
        link_retry(c);
        return;
    }
    if (err == K_ERR_INCONSISTENT_CLUSTER_ID || err == K_ERR_UNSUPPORTED_VERSION ||
        err == K_ERR_INVALID_REGISTRATION) {
        node_fail(n, "the controller refused this broker: ", k_err_name(err), "", SLICE_EMPTY);
        return;
    }
    if (err) {
        /* DUPLICATE_BROKER_REGISTRATION: the session of the process before has not ended yet. */
        if (err != K_ERR_DUPLICATE_BROKER_REGISTRATION) node_say(n, 2, k_err_name(err));
        again_in(lc, MIN(interval_ns(lc), 500 * NS_PER_MS));
        return;
    }
    lc->broker_epoch = res.broker_epoch;
    n->server.broker_epoch = res.broker_epoch;
    n->replicas->broker_epoch = res.broker_epoch;
    producer_ids_set_epoch(n->server.producer_ids, res.broker_epoch);
    lc->state = LIFECYCLE_STARTING;
    apply_when_current(lc);
    heartbeat(lc);
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
heartbeat(struct lifecycle *lc)
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
    int32_t port = 0;
    LIST_EACH(&n->server.listeners, l, struct server_listener, node)
        if (l->kind == LISTENER_BROKER && !port) port = l->port;
    NOTE(n->env, NOTE_NODE_SERVING, n->inter_broker_listener, n->identity.cluster_id,
         n->identity.node_id, port);
}

static void
left(struct lifecycle *lc)
{
    struct node *n = lc->node;
    lc->state = LIFECYCLE_STOPPED;
    timer_cancel(n->env, &lc->timer);
    controller_link_stop(&lc->link);
    lc->left(n);
}

static void
beat(struct link_call *c, int16_t err, struct slice body)
{
    struct lifecycle *lc = CONTAINER_OF(c, struct lifecycle, call);
    struct node *n = lc->node;
    struct k_broker_heartbeat_response res;
    lc->asking = false;
    if (!err && !codec_decode_all(K_MSG_BROKER_HEARTBEAT_RESPONSE, HEARTBEAT_VERSION, body,
                                  &n->env->scratch, &res))
        err = K_ERR_CORRUPT_MESSAGE;
    if (!err) err = res.error_code;
    if (err == K_ERR_NOT_CONTROLLER) {
        lc->asking = true;
        link_retry(c);
        return;
    }
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
    if (lc->state == LIFECYCLE_LEAVING && env_now_ns(lc->node->env) >= lc->leave_deadline_ns) {
        left(lc);
        return;
    }
    if (lc->state == LIFECYCLE_REGISTERING) do_register(lc);
    else heartbeat(lc);
}

void
lifecycle_metadata_advanced(struct node *n)
{
    struct lifecycle *lc = &n->lifecycle;
    if (lc->state == LIFECYCLE_STARTING) apply_when_current(lc);
    if (lc->state == LIFECYCLE_STARTING && !lc->asking && may_unfence(lc)) heartbeat(lc);
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
    arena_init(&lc->arena, &n->env->mem, 0);
    controller_link_init(&lc->link, n->env, n->raft, S("broker-lifecycle"));
    do_register(lc);
}

static void
leave_deadline(struct timer *t)
{
    struct lifecycle *lc = CONTAINER_OF(t, struct lifecycle, leave_timer);
    if (lc->state == LIFECYCLE_LEAVING) left(lc);
}

void
lifecycle_leave(struct node *n, void (*done)(struct node *n))
{
    struct lifecycle *lc = &n->lifecycle;
    lc->left = done;
    /* Who has asked to be unfenced may lead already, though no answer says so yet. */
    bool may_lead = lc->state == LIFECYCLE_RUNNING ||
                    (lc->state == LIFECYCLE_STARTING && lc->has_asked_to_serve);
    if (!may_lead) {
        if (lc->state == LIFECYCLE_STOPPED) done(n);
        else left(lc);
        return;
    }
    lc->state = LIFECYCLE_LEAVING;
    lc->leave_deadline_ns = env_now_ns(n->env) + LEAVE_MS * NS_PER_MS;
    lc->leave_timer.due = leave_deadline;
    timer_arm(n->env, &lc->leave_timer, lc->leave_deadline_ns);
    if (!lc->asking) heartbeat(lc);
}

/* ---- a controller tells where it is (KIP-919) ---- */

static void
controller_registered(struct link_call *c, int16_t err, struct slice body)
{
    struct node *n = CONTAINER_OF(c, struct node, registration_call);
    struct k_controller_registration_response res;
    if (!err && !codec_decode_all(K_MSG_CONTROLLER_REGISTRATION_RESPONSE,
                                  CONTROLLER_REGISTRATION_VERSION, body, &n->env->scratch, &res))
        err = K_ERR_CORRUPT_MESSAGE;
    if (!err) err = res.error_code;
    if (err == K_ERR_NOT_CONTROLLER) link_retry(c);
    else if (err) node_say(n, 2, k_err_name(err));
}

void
controller_registration_start(struct node *n)
{
    struct arena *a = &n->registration_arena;
    arena_init(a, &n->env->mem, 0);
    controller_link_init(&n->registration_link, n->env, n->raft, S("controller-registration"));
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
