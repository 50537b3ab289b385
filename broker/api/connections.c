#include "broker/api/connections.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/metadata/image.h"
#include "broker/protocol/config.h"

#define RESOURCE_BROKER 4

/* ---- the limits ---- */

/* What the metadata log says for this broker, or for all, or else what was given at the start. */
static struct slice
limit_value(const struct server *server, int32_t id)
{
    char text[16];
    struct writer w = writer_fixed(text, sizeof text);
    fmt_i64(&w, server->node_id);
    struct slice name = config_name(server->config, id);
    struct slice v = image_config_value(server->image, RESOURCE_BROKER, writer_slice(&w), name);
    if (!v.p) v = image_config_value(server->image, RESOURCE_BROKER, SLICE_EMPTY, name);
    return v.p ? v : config_text(server->config, id);
}

static int64_t
limit_of(const struct server *server, int32_t id)
{
    int64_t n;
    return slice_to_i64(limit_value(server, id), &n) ? n : INT32_MAX;
}

static struct slice
address_of(const struct session *s)
{
    int64_t colon = s->peer.n - 1;
    while (colon > 0 && s->peer.p[colon] != ':') colon--;
    struct slice a = slice_sub(s->peer, 0, colon);
    return slice_starts(a, S("[")) ? slice_sub(a, 1, a.n - 2) : a;
}

/* "127.0.0.1:100,::1:5" */
static int64_t
limit_of_address(const struct server *server, struct slice address)
{
    struct slice text = limit_value(server, K_CFG_MAX_CONNECTIONS_PER_IP_OVERRIDES);
    while (text.n > 0) {
        int64_t comma = slice_find(text, ',', 0), n;
        struct slice item = slice_trim(slice_sub(text, 0, comma < 0 ? text.n : comma));
        text = comma < 0 ? SLICE_EMPTY : slice_sub(text, comma + 1, text.n);
        if (!slice_starts(item, address) || item.n <= address.n || item.p[address.n] != ':')
            continue;
        if (slice_to_i64(slice_sub(item, address.n + 1, item.n), &n)) return n;
    }
    return limit_of(server, K_CFG_MAX_CONNECTIONS_PER_IP);
}

/* ---- one address ---- */

static bool
has_too_many(const struct session *s)
{
    const struct server *server = s->server;
    if (s->listener->kind == LISTENER_CONTROLLER) return false;
    struct slice address = address_of(s);
    int64_t max = limit_of_address(server, address), n = 0;
    if (max >= INT32_MAX) return false;
    LIST_EACH(&server->sessions, other, struct session, node)
        if (other->listener->kind == s->listener->kind && !other->is_refused)
            n += slice_eq(address_of(other), address);
    return n > max;
}

static void
refuse_address(struct session *s)
{
    struct env *env = s->server->env;
    struct writer w = writer_mem(&env->mem);
    fmt_str(&w, "closed: its address has as many connections as max.connections.per.ip allows, ");
    fmt_i64(&w, limit_of_address(s->server, address_of(s)));
    NOTE(env, NOTE_LOG_MESSAGE, s->peer, writer_slice(&w), 2);
    writer_release(&w);
    s->is_refused = true;
    session_close(s);
}

/* ---- all together ---- */

static bool
is_protected(const struct server_listener *l)
{
    return l->is_only_theirs || l->kind == LISTENER_CONTROLLER;
}

/* A listener that is not protected waits for others to go; the protected one may be one too many, for as
 * long as it takes to close another. */
static bool
has_slot(const struct session *s)
{
    const struct server *server = s->server;
    const struct server_listener *l = s->listener;
    int64_t max = limit_of(server, K_CFG_MAX_CONNECTIONS), n = server->connections_n;
    if (l->connections_max >= 0 && l->connections_n >= l->connections_max) return false;
    if (l->kind == LISTENER_CONTROLLER) return true;
    return is_protected(l) ? n <= max : n < max;
}

static struct session *
least_recently_used(struct server *server)
{
    struct session *oldest = NULL;
    LIST_EACH(&server->sessions, s, struct session, node) {
        if (!s->is_let_in || is_protected(s->listener)) continue;
        if (s->conn.state != CONN_OPEN) continue;
        if (!oldest || s->last_used_ns < oldest->last_used_ns) oldest = s;
    }
    return oldest;
}

static void
close_excess(struct server *server)
{
    int64_t max = limit_of(server, K_CFG_MAX_CONNECTIONS);
    int64_t excess = server->connections_n - server->leaving_n - max;
    for (; excess > 0; excess--) {
        struct session *s = least_recently_used(server);
        if (!s) return;
        NOTE(server->env, NOTE_LOG_MESSAGE, s->peer,
             S("closed, unused longest: there are more than max.connections"), 2);
        s->is_leaving = true;
        server->leaving_n++;
        session_close(s);
    }
}

/* ---- how fast ---- */

/* A bucket of one second's worth. */
static bool
take_token(struct creation_rate *r, int64_t per_s, int64_t now_ns)
{
    if (per_s >= INT32_MAX || per_s < 0) return true;
    if (per_s == 0) return false;
    int64_t step_ns = NS_PER_S / per_s;
    r->next_ns = MAX(r->next_ns, now_ns - NS_PER_S + step_ns);
    if (r->next_ns > now_ns) return false;
    r->next_ns += step_ns;
    return true;
}

static bool
may_come_now(struct session *s)
{
    struct server *server = s->server;
    struct server_listener *l = s->listener;
    int64_t now_ns = env_now_ns(server->env);
    struct creation_rate before = l->rate;
    if (!take_token(&l->rate, l->creations_max, now_ns)) return false;
    if (is_protected(l)) return true;
    int64_t per_s = limit_of(server, K_CFG_MAX_CONNECTION_CREATION_RATE);
    if (take_token(&server->rate, per_s, now_ns)) return true;
    l->rate = before;
    return false;
}

/* ---- in and out ---- */

#define LOOK_AGAIN_NS (50 * NS_PER_MS)

static void
let_in(struct session *s)
{
    struct server *server = s->server;
    s->is_let_in = true;
    s->listener->connections_n++;
    if (s->listener->kind == LISTENER_CONTROLLER) return;
    server->connections_n++;
    close_excess(server);
}

static bool
try_to_let_in(struct session *s)
{
    if (!has_slot(s) || !may_come_now(s)) return false;
    let_in(s);
    return true;
}

/* First come, first let in; a listener that is full does not keep the others waiting. */
static void
look_at_waiting(struct server *server)
{
    LIST_EACH(&server->outside, s, struct session, outside) {
        if (!try_to_let_in(s)) continue;
        list_remove(&s->outside);
        conn_resume(&s->conn);
    }
    if (list_is_empty(&server->outside)) timer_cancel(server->env, &server->outside_timer);
    else timer_arm(server->env, &server->outside_timer, env_now_ns(server->env) + LOOK_AGAIN_NS);
}

static void
outside_due(struct timer *t)
{
    look_at_waiting(CONTAINER_OF(t, struct server, outside_timer));
}

void
connections_init(struct server *server)
{
    list_init(&server->outside);
    server->outside_timer.due = outside_due;
}

void
connections_add(struct session *s)
{
    struct server *server = s->server;
    if (has_too_many(s)) {
        refuse_address(s);
        return;
    }
    bool others_wait = !list_is_empty(&server->outside) && !is_protected(s->listener);
    if (!others_wait && try_to_let_in(s)) return;
    list_push_back(&server->outside, &s->outside);
    conn_pause(&s->conn);
    timer_arm(server->env, &server->outside_timer, env_now_ns(server->env) + LOOK_AGAIN_NS);
}

void
connections_remove(struct session *s)
{
    struct server *server = s->server;
    list_remove(&s->outside);
    if (!s->is_let_in) return;
    s->is_let_in = false;
    CHECK(s->listener->connections_n > 0);
    s->listener->connections_n--;
    if (s->listener->kind == LISTENER_BROKER) server->connections_n--;
    server->leaving_n -= s->is_leaving;
    if (!list_is_empty(&server->outside)) look_at_waiting(server);
}

void
connections_review(struct server *server)
{
    close_excess(server);
    if (!list_is_empty(&server->outside)) look_at_waiting(server);
}
