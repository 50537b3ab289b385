#include "broker/client/internal.h"

/* ---- peers -------------------------------------------------------------------------------------- */

struct peer *
client_peer(struct client *c, int32_t id)
{
    LIST_EACH(&c->peers, p, struct peer, node)
        if (p->id == id && id >= 0) return p;
    return NULL;
}

static struct peer *
peer_add(struct client *c, int32_t id, struct slice host, int32_t port)
{
    struct peer *p = MEM_NEW(&c->env->mem, struct peer);
    p->id = id;
    p->listed = true;
    p->host = mem_dup(&c->env->mem, host);
    p->port = port;
    list_push_back(&c->peers, &p->node);
    return p;
}

struct peer *
client_add_bootstrap(struct client *c, struct slice host, int32_t port)
{
    return peer_add(c, -1, host, port);
}

struct peer *
client_learn_peer(struct client *c, int32_t id, struct slice host, int32_t port)
{
    struct peer *p = client_peer(c, id);
    if (!p) return peer_add(c, id, host, port);
    p->listed = true;
    if (p->port == port && slice_eq(p->host, host)) return p;
    struct slice old = p->host;
    p->host = mem_dup(&c->env->mem, host);
    p->port = port;
    mem_free_slice(&c->env->mem, old);
    for (int i = 0; i < PURPOSES_N; i++)
        if (p->links[i]) channel_set_address(&p->links[i]->ch, p->host, port);
    return p;
}

/* A connection is wanted, and there is none (yet). */
static bool
link_is_down(const struct link *l)
{
    return l && (l->ch.state == CHANNEL_WAITING || l->ch.state == CHANNEL_CONNECTING);
}

/* Whatever the connections are for: a machine that takes none of one kind will take none of another. (Kafka's client has
 * one connection for all, and prefers those that are there.) */
static bool
peer_is_down(const struct client *c, const struct peer *p)
{
    LIST_EACH(&c->peers, q, const struct peer, node)
        for (int i = 0; i < PURPOSES_N; i++)
            if (link_is_down(q->links[i]) && q->port == p->port && slice_eq(q->host, p->host))
                return true;
    return false;
}

struct peer *
client_any_peer(struct client *c)
{
    if (!c->current || !c->current->listed) client_next_peer(c);
    struct peer *first = c->current;
    while (peer_is_down(c, c->current)) {
        client_next_peer(c);
        if (c->current == first) break;
    }
    return c->current;
}

/* Brokers that we know and the bootstrap addresses, in turn: when all known brokers have moved, the
 * bootstrap list still leads back (KIP-899). */
void
client_next_peer(struct client *c)
{
    struct list *at = c->current ? &c->current->node : &c->peers;
    do {
        at = at->next == &c->peers ? c->peers.next : at->next;
        c->current = LIST_ENTRY(at, struct peer, node);
    } while (!c->current->listed);
}

/* ---- asks --------------------------------------------------------------------------------------- */

/* In a later step. */
static void
ask_fail_later(struct client *c, struct ask *a)
{
    list_push_back(&c->failed, &a->node);
    defer(c->env, &c->tell);
}

static void
ask_complete(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    a->pending = false;
    a->done(a, err, response, from);
}

void
client_tell_failed(struct task *t)
{
    struct client *c = CONTAINER_OF(t, struct client, tell);
    struct list *n;
    while ((n = list_pop_front(&c->failed)))
        ask_complete(LIST_ENTRY(n, struct ask, node), ENV_EINVAL, NULL, NULL);
}

static void
ask_answered(struct call *call, enum env_err err, struct slice body, struct buf *from)
{
    struct ask *a = CONTAINER_OF(call, struct ask, call);
    struct link *l = a->link;
    if (err && l->state == LINK_READY) l->state = LINK_NEW;
    if (err || a->no_answer) {
        ask_complete(a, err, NULL, NULL);
        return;
    }
    int64_t bytes = k_structs[k_messages[k_api_of(a->api_key)->response].root].size;
    void *response = arena_alloc(&l->c->env->scratch, bytes);
    if (!call_decode(call, body, &l->c->env->scratch, response)) {
        channel_reset(&l->ch);
        ask_complete(a, ENV_ECORRUPT, NULL, NULL);
        return;
    }
    ask_complete(a, ENV_OK, response, from);
}

/* Its time runs from when it was asked, also while the connection is being made. */
static int64_t
ask_stop_waiting(struct ask *a)
{
    struct env *env = a->link->c->env;
    if (!timer_is_armed(&a->late)) return a->timeout_ms;
    int64_t left_ns = a->late.node.key - env_now_ns(env);
    timer_cancel(env, &a->late);
    return MAX(1, left_ns / NS_PER_MS);
}

static void
ask_late(struct timer *t)
{
    struct ask *a = CONTAINER_OF(t, struct ask, late);
    list_remove(&a->node);
    ask_complete(a, ENV_ETIMEDOUT, NULL, NULL);
}

static void
ask_go(struct ask *a)
{
    struct link *l = a->link;
    int64_t left_ms = ask_stop_waiting(a);
    const struct k_api *api = k_api_of(a->api_key);
    struct api_range *theirs = &l->ranges[a->api_key];
    a->version = (int16_t)MIN(MIN(a->version_max, api->max_stable), theirs->max);
    if (a->version < MAX(a->version_min, theirs->min)) {
        ask_fail_later(l->c, a);
        return;
    }
    a->call.done = ask_answered;
    a->call.no_answer = a->no_answer;
    const void *request = a->build(a, a->version);
    a->sent = channel_call(&l->ch, &a->call, a->api_key, a->version, request, left_ms, NULL);
    if (!a->sent) ask_fail_later(l->c, a);
}

/* ---- the first words on a connection ------------------------------------------------------------- */

static void
tell_wanted(struct link *l)
{
    if (!l->is_wanted) return;
    l->is_wanted = false;
    client_tell_watchers(l->c);
}

#define HELLO_VERSION_MAX 4

static void hello_send(struct link *l);

static void
waiting_fail(struct link *l, enum env_err err)
{
    struct list *n;
    l->state = LINK_NEW;
    while ((n = list_pop_front(&l->waiting))) {
        struct ask *a = LIST_ENTRY(n, struct ask, node);
        (void)ask_stop_waiting(a);
        ask_complete(a, err, NULL, NULL);
    }
    if (l->is_wanted) client_refresh(l->c);
    tell_wanted(l);
}

static void
ranges_take(struct link *l, const struct k_api_versions_response *r)
{
    for (int i = 0; i < K_APIS_N; i++) l->ranges[i] = (struct api_range){0, -1};
    for (int32_t i = 0; i < r->api_keys_n; i++) {
        const struct k_api_versions_response_api_version *v = &r->api_keys[i];
        if (v->api_key < 0 || v->api_key >= K_APIS_N) continue;
        l->ranges[v->api_key] = (struct api_range){v->min_version, v->max_version};
    }
    l->txn_level = 0;
    for (int32_t i = 0; i < r->finalized_features_n; i++)
        if (slice_eq(r->finalized_features[i].name, S("transaction.version")))
            l->txn_level = r->finalized_features[i].max_version_level;
}

/* An end that does not know our version of ApiVersions answers in version 0, and may say which it knows
 * (KIP-511). */
static bool
hello_read(struct link *l, struct slice body)
{
    struct arena *scratch = &l->c->env->scratch;
    struct k_api_versions_response r;
    bool refused = body.n >= 2 && (int16_t)load_be16(body.p) == K_ERR_UNSUPPORTED_VERSION;
    int16_t version = refused ? 0 : l->hello_version;
    if (!codec_decode_all(K_MSG_API_VERSIONS_RESPONSE, version, body, scratch, &r)) return false;
    ranges_take(l, &r);
    if (!refused) return r.error_code == K_ERR_NONE;
    if (l->hello_version == 0) return false;
    int16_t theirs = l->ranges[K_API_API_VERSIONS].max;
    l->hello_version = (int16_t)MAX(0, MIN(theirs, l->hello_version - 1));
    hello_send(l);
    return true;
}

static void
hello_answered(struct call *call, enum env_err err, struct slice body, struct buf *from)
{
    (void)from;
    struct link *l = CONTAINER_OF(call, struct link, hello);
    if (err || !hello_read(l, body)) {
        if (!err) channel_reset(&l->ch);
        waiting_fail(l, err ? err : ENV_ECORRUPT);
        return;
    }
    if (call_is_pending(&l->hello)) return;
    l->state = LINK_READY;
    struct list *n;
    while ((n = list_pop_front(&l->waiting))) ask_go(LIST_ENTRY(n, struct ask, node));
    tell_wanted(l);
}

static void
hello_send(struct link *l)
{
    struct k_api_versions_request r;
    codec_default(K_MSG_API_VERSIONS_REQUEST, &r);
    r.client_software_name = S("gregor");
    r.client_software_version = S("0.1");
    l->hello.done = hello_answered;
    bool ok = channel_call(&l->ch, &l->hello, K_API_API_VERSIONS, l->hello_version, &r,
                           l->c->params.connect_timeout_ms, NULL);
    CHECK(ok);
}

/* ---- links -------------------------------------------------------------------------------------- */

/* A producer that asks for no acknowledgement hears of errors in this way only: the broker closes. Perhaps it does
 * not lead any more. */
static void
link_lost(struct channel *ch)
{
    client_refresh(CONTAINER_OF(ch, struct link, ch)->c);
}

static struct link *
link_of(struct client *c, struct peer *p, enum purpose purpose)
{
    if (p->links[purpose]) return p->links[purpose];
    struct link *l = p->links[purpose] = MEM_NEW(&c->env->mem, struct link);
    l->c = c;
    list_init(&l->waiting);
    channel_init(&l->ch, c->env, p->host, p->port, c->params.client_id);
    l->ch.login = c->params.login;
    l->ch.backoff_ms = c->params.reconnect_backoff_ms;
    l->ch.backoff_max_ms = c->params.reconnect_backoff_max_ms;
    if (purpose == FOR_PRODUCE) l->ch.lost = link_lost;
    return l;
}

/* What the other end can speak was said of a connection that there was; on the next one it may be another. */
static bool
link_is_ready(struct link *l)
{
    if (l->state == LINK_READY && l->ch.state != CHANNEL_OPEN) l->state = LINK_NEW;
    return l->state == LINK_READY;
}

static void
link_begin(struct link *l)
{
    if (l->state == LINK_ASKING) return;
    l->state = LINK_ASKING;
    l->hello_version = HELLO_VERSION_MAX;
    hello_send(l);
}

bool
client_reaches(struct client *c, struct peer *p, enum purpose purpose)
{
    struct link *l = link_of(c, p, purpose);
    if (link_is_ready(l)) return true;
    l->is_wanted = true;
    link_begin(l);
    return false;
}

void
ask_send(struct client *c, struct peer *p, enum purpose purpose, struct ask *a)
{
    CHECK(!a->pending);
    struct link *l = a->link = link_of(c, p, purpose);
    a->pending = true;
    a->asked_ns = env_now_ns(c->env);
    a->sent = false;
    if (link_is_ready(l)) {
        ask_go(a);
        return;
    }
    list_push_back(&l->waiting, &a->node);
    if (a->timeout_ms > 0) {
        a->late.due = ask_late;
        timer_arm(c->env, &a->late, env_now_ns(c->env) + a->timeout_ms * NS_PER_MS);
    }
    link_begin(l);
}
