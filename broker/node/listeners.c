/* listeners, advertised.listeners, controller.quorum.voters: where this node listens and what it tells
 * others. */
#include "broker/base/address.h"
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/node/internal.h"

/* "NAME://host:port" (base/address.h) */
static bool
parse_endpoint(struct slice text, struct slice *ret_name, struct slice *ret_host, int32_t *ret_port)
{
    int64_t sep = slice_find(text, ':', 0);
    if (sep <= 0 || !slice_starts(slice_sub(text, sep, text.n), S("://"))) return false;
    *ret_name = slice_sub(text, 0, sep);
    return address_parse(slice_sub(text, sep + 3, text.n), ret_host, ret_port);
}

static bool
is_controller_listener(const struct node *n, struct slice name)
{
    for (int32_t i = 0; i < config_list_n(&n->config, K_CFG_CONTROLLER_LISTENER_NAMES); i++)
        if (slice_eq(config_list_at(&n->config, K_CFG_CONTROLLER_LISTENER_NAMES, i), name))
            return true;
    return false;
}

/* ---- names and protocols ---- */

static uint8_t
upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
}

/* In Kafka a listener's name is in capitals, however it is written in `listeners`. */
static struct slice
capitals(struct node *n, struct slice name)
{
    uint8_t *p = arena_alloc(&n->env->scratch, name.n);
    for (int64_t i = 0; i < name.n; i++) p[i] = upper(name.p[i]);
    return slice(p, name.n);
}

/* The part of "NAME:PROTOCOL" before or behind the colon. */
static bool
split_mapping(struct slice item, struct slice *ret_name, struct slice *ret_protocol)
{
    int64_t colon = slice_find(item, ':', 0);
    *ret_name = slice_trim(slice_sub(item, 0, MAX(colon, 0)));
    *ret_protocol = slice_trim(slice_sub(item, colon + 1, item.n));
    return colon > 0;
}

/* The protocol that listener.security.protocol.map gives a listener; null: none. */
static struct slice
mapped_protocol(const struct node *n, struct slice listener)
{
    struct slice name, protocol;
    for (int32_t i = 0; i < config_list_n(&n->config, K_CFG_LISTENER_SECURITY_PROTOCOL_MAP); i++)
        if (split_mapping(config_list_at(&n->config, K_CFG_LISTENER_SECURITY_PROTOCOL_MAP, i),
                          &name, &protocol) &&
            slice_eq_any_case(name, listener))
            return protocol;
    return SLICE_NULL;
}

/* Every mapping is one of a protocol that Kafka knows, of listeners that are not there, too. */
static bool
check_map(struct node *n)
{
    static const char *const known[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};
    for (int32_t i = 0; i < config_list_n(&n->config, K_CFG_LISTENER_SECURITY_PROTOCOL_MAP); i++) {
        struct slice item = config_list_at(&n->config, K_CFG_LISTENER_SECURITY_PROTOCOL_MAP, i);
        struct slice name, protocol;
        bool ok = false, is_pair = split_mapping(item, &name, &protocol);
        for (int k = 0; k < ARRAY_LEN(known); k++)
            ok |= is_pair && slice_eq_any_case(protocol, slice_cstr(known[k]));
        if (ok) continue;
        node_fail(n,
                  "listener.security.protocol.map: not a listener's name and PLAINTEXT, SSL, "
                  "SASL_PLAINTEXT or SASL_SSL with a colon between them: ",
                  item, "", SLICE_EMPTY);
        return false;
    }
    return true;
}

static bool
is_sasl(struct slice protocol)
{
    return slice_eq_any_case(protocol, S("SASL_PLAINTEXT"));
}

/* PLAINTEXT and SASL_PLAINTEXT are spoken. A listener is mapped by listener.security.protocol.map; without a map
 * controllers' listeners are PLAINTEXT, too (KIP-631). */
static bool
check_protocol(struct node *n, struct slice name)
{
    struct slice protocol = mapped_protocol(n, name);
    bool has_map = config_is_set(&n->config, K_CFG_LISTENER_SECURITY_PROTOCOL_MAP);
    if (!protocol.p && !has_map && is_controller_listener(n, name)) return true;
    if (slice_eq_any_case(protocol, S("PLAINTEXT")) || is_sasl(protocol)) return true;
    if (protocol.p)
        node_fail(n, "listener ", name,
                  ": this security protocol is not supported (PLAINTEXT and SASL_PLAINTEXT are): ",
                  protocol);
    else
        node_fail(n, "no security protocol for listener ", name,
                  ": add it to listener.security.protocol.map", SLICE_EMPTY);
    return false;
}

/* A broker speaks to controllers by the first of these names; each needs a protocol. */
static bool
check_controller_names(struct node *n)
{
    for (int32_t i = 0; i < config_list_n(&n->config, K_CFG_CONTROLLER_LISTENER_NAMES); i++)
        if (!check_protocol(n, config_list_at(&n->config, K_CFG_CONTROLLER_LISTENER_NAMES, i)))
            return false;
    return true;
}

/* ---- listeners ---- */

static struct server_listener *
node_find_listener(struct node *n, struct slice name)
{
    LIST_EACH(&n->server.listeners, l, struct server_listener, node)
        if (slice_eq_any_case(l->name, name)) return l;
    return NULL;
}

static bool
is_v6(struct slice host)
{
    return slice_find(host, ':', 0) >= 0;
}

/* Two listeners share a port only when one of them has an IPv6 address and the other does not. */
static const struct server_listener *
port_taken(const struct node *n, struct slice host, int32_t port)
{
    LIST_EACH(&n->server.listeners, l, struct server_listener, node)
        if (port && l->port == port && is_v6(l->host) == is_v6(host)) return l;
    return NULL;
}

static bool
is_any_host(struct slice host)
{
    return host.n == 0 || slice_eq(host, S("0.0.0.0")) || slice_eq(host, S("::"));
}

/* A size that is not given, or -1, is the kernel's own, which grows with the need. (Kafka gives its default, too.) */
static int32_t
buffer_bytes(const struct node *n, int32_t id)
{
    if (!config_is_set(&n->config, id)) return 0;
    return (int32_t)MAX(config_i64(&n->config, id), 0);
}

/* listener.name.internal.max.connections, …max.connection.creation.rate */
static void
own_limits(struct node *n, struct server_listener *l)
{
    l->connections_max = l->creations_max = -1;
    for (int64_t i = 0; i < n->listener_limits.n; i++) {
        const struct listener_limit *limit = &n->listener_limits.v[i];
        if (!slice_eq(capitals(n, limit->listener), l->name)) continue;
        if (limit->id == K_CFG_MAX_CONNECTIONS) l->connections_max = limit->value;
        else l->creations_max = limit->value;
    }
}

static bool
make_listener(struct node *n, struct slice text)
{
    struct slice name, host;
    int32_t port;
    if (!parse_endpoint(text, &name, &host, &port)) {
        node_fail(n, "listeners: not of the form NAME://host:port: ", text, "", SLICE_EMPTY);
        return false;
    }
    name = capitals(n, name);
    if (node_find_listener(n, name)) {
        node_fail(n, "listeners: two listeners have the name ", name, "", SLICE_EMPTY);
        return false;
    }
    const struct server_listener *other = port_taken(n, host, port);
    if (other) {
        node_fail(n, "listeners: ", text, " has the port of listener ", other->name);
        return false;
    }
    if (!check_protocol(n, name)) return false;
    const struct sasl_settings *sasl = NULL;
    if (is_sasl(mapped_protocol(n, name)) && !(sasl = node_sasl_of(n, name))) return false;
    struct server_listener *l = MEM_NEW(&n->env->mem, struct server_listener);
    l->name = mem_dup(&n->env->mem, name);
    l->host = mem_dup(&n->env->mem, host);
    l->port = port;
    l->sasl = sasl;
    own_limits(n, l);
    l->listener.buffers =
        (struct socket_buffers){buffer_bytes(n, K_CFG_SOCKET_SEND_BUFFER_BYTES),
                                buffer_bytes(n, K_CFG_SOCKET_RECEIVE_BUFFER_BYTES)};
    l->kind = is_controller_listener(n, name) ? LISTENER_CONTROLLER : LISTENER_BROKER;
    l->advertised_host = mem_dup(&n->env->mem, is_any_host(host) ? n->env->hostname : host);
    l->advertised_port = port;
    l->is_advertised =
        l->kind == LISTENER_CONTROLLER || !config_is_set(&n->config, K_CFG_ADVERTISED_LISTENERS);
    list_push_back(&n->server.listeners, &l->node);
    return true;
}

/* ---- what is advertised ---- */

static bool
advertise(struct node *n, struct slice text)
{
    struct slice name, host;
    int32_t port;
    if (!parse_endpoint(text, &name, &host, &port)) {
        node_fail(n, "advertised.listeners: not of the form NAME://host:port: ", text, "",
                  SLICE_EMPTY);
        return false;
    }
    if (slice_eq(host, S("0.0.0.0"))) {
        node_fail(n, "advertised.listeners cannot use the nonroutable meta-address 0.0.0.0: ", text,
                  "", SLICE_EMPTY);
        return false;
    }
    struct server_listener *l = node_find_listener(n, name);
    if (!l && !n->is_broker) return true; /* a file that brokers have, too */
    if (!l) {
        node_fail(n, "advertised.listeners names a listener that is not in listeners: ", name, "",
                  SLICE_EMPTY);
        return false;
    }
    if (l->is_named) {
        node_fail(n, "advertised.listeners: two have the name ", name, "", SLICE_EMPTY);
        return false;
    }
    mem_free_slice(&n->env->mem, l->advertised_host);
    l->advertised_host = mem_dup(&n->env->mem, is_any_host(host) ? n->env->hostname : host);
    l->advertised_port = port;
    l->is_advertised = l->is_named = true;
    return true;
}

/* Without advertised.listeners brokers' listeners are advertised as they are bound, and 0.0.0.0 is nothing
 * that a client could connect to. */
static bool
check_advertised(struct node *n)
{
    int32_t brokers = 0;
    LIST_EACH(&n->server.listeners, l, struct server_listener, node) {
        if (l->kind != LISTENER_BROKER) continue;
        brokers += l->is_advertised;
        bool implied = !config_is_set(&n->config, K_CFG_ADVERTISED_LISTENERS);
        if (!n->is_broker || !implied || !slice_eq(l->host, S("0.0.0.0"))) continue;
        node_fail(n, "listener ", l->name,
                  " would be advertised as the nonroutable meta-address 0.0.0.0: say in "
                  "advertised.listeners where clients reach it",
                  SLICE_EMPTY);
        return false;
    }
    if (!n->is_broker || brokers) return true;
    if (config_is_set(&n->config, K_CFG_ADVERTISED_LISTENERS))
        node_fail(n, "advertised.listeners names no listener of brokers: ",
                  config_str(&n->config, K_CFG_ADVERTISED_LISTENERS), "", SLICE_EMPTY);
    else
        node_fail(n, "a broker needs a listener that is not a controller's: ",
                  config_str(&n->config, K_CFG_LISTENERS), "", SLICE_EMPTY);
    return false;
}

/* ---- who listens to whom ---- */

/* Brokers talk to each other by the listener of inter.broker.listener.name, or the one whose name is that of
 * security.inter.broker.protocol. */
static bool
choose_inter_broker(struct node *n)
{
    bool is_named = config_is_set(&n->config, K_CFG_INTER_BROKER_LISTENER_NAME);
    struct slice wanted = config_str(&n->config, is_named ? K_CFG_INTER_BROKER_LISTENER_NAME
                                                          : K_CFG_SECURITY_INTER_BROKER_PROTOCOL);
    if (is_named && config_is_set(&n->config, K_CFG_SECURITY_INTER_BROKER_PROTOCOL)) {
        node_fail(n,
                  "inter.broker.listener.name and security.inter.broker.protocol are both set: "
                  "leave one of them out",
                  SLICE_EMPTY, "", SLICE_EMPTY);
        return false;
    }
    struct server_listener *l = node_find_listener(n, wanted);
    if (n->is_broker && l && l->kind == LISTENER_BROKER && l->is_advertised) {
        n->inter_broker_listener = l->name;
        l->is_inter_broker = true;
        l->is_only_theirs = node_listener_count(n, LISTENER_BROKER) > 1;
        return true;
    }
    if (!n->is_broker && !is_named) return true;
    if (!n->is_broker && mapped_protocol(n, wanted).p && !is_controller_listener(n, wanted))
        return true; /* a file that brokers have, too */
    if (is_named)
        node_fail(n,
                  "inter.broker.listener.name is not an advertised listener of brokers: ", wanted,
                  "", SLICE_EMPTY);
    else
        node_fail(n, "brokers would talk to each other by listener ", wanted,
                  ", which is not advertised: set inter.broker.listener.name", SLICE_EMPTY);
    return false;
}

/* A controller listens on each of controller.listener.names, and who is no controller on none of them. */
static bool
choose_controller_listener(struct node *n)
{
    int32_t count = config_list_n(&n->config, K_CFG_CONTROLLER_LISTENER_NAMES);
    if (count == 0) {
        node_fail(n, "controller.listener.names is required", SLICE_EMPTY, "", SLICE_EMPTY);
        return false;
    }
    for (int32_t i = 0; i < count; i++) {
        struct slice name = config_list_at(&n->config, K_CFG_CONTROLLER_LISTENER_NAMES, i);
        const struct server_listener *l = node_find_listener(n, name);
        if (n->is_controller == (l && l->kind == LISTENER_CONTROLLER)) continue;
        node_fail(n, "controller.listener.names: ", name,
                  n->is_controller ? ": a controller needs it in listeners, which does not have it"
                                   : " is in listeners, but process.roles has no controller",
                  SLICE_EMPTY);
        return false;
    }
    n->controller_listener =
        mem_dup(&n->env->mem, config_list_at(&n->config, K_CFG_CONTROLLER_LISTENER_NAMES, 0));
    return true;
}

/* Where others ask this node who it is, it must know what to say. */
static bool
make_logins(struct node *n)
{
    if (is_sasl(mapped_protocol(n, n->controller_listener))) {
        n->controller_login =
            node_sasl_login(n, n->controller_listener, K_CFG_SASL_MECHANISM_CONTROLLER_PROTOCOL);
        if (!n->controller_login) return false;
    }
    if (n->inter_broker_listener.p && is_sasl(mapped_protocol(n, n->inter_broker_listener))) {
        n->inter_broker_login = node_sasl_login(n, n->inter_broker_listener,
                                                K_CFG_SASL_MECHANISM_INTER_BROKER_PROTOCOL);
        if (!n->inter_broker_login) return false;
    }
    return true;
}

/* Listeners that start before the others must be there. */
static bool
check_early_start(struct node *n)
{
    for (int32_t i = 0; i < config_list_n(&n->config, K_CFG_EARLY_START_LISTENERS); i++) {
        struct slice name = config_list_at(&n->config, K_CFG_EARLY_START_LISTENERS, i);
        if (node_find_listener(n, name) || is_controller_listener(n, name)) continue;
        node_fail(n, "early.start.listeners: no such listener: ", name, "", SLICE_EMPTY);
        return false;
    }
    return true;
}

int32_t
node_port_of(struct node *n, struct slice listener)
{
    const struct server_listener *l = node_find_listener(n, listener);
    return l ? l->port : 0;
}

int32_t
node_listener_count(const struct node *n, enum listener_kind kind)
{
    int32_t count = 0;
    LIST_EACH(&n->server.listeners, l, struct server_listener, node) count += l->kind == kind;
    return count;
}

bool
node_make_listeners(struct node *n)
{
    if (!check_map(n)) return false;
    int32_t count = config_list_n(&n->config, K_CFG_LISTENERS);
    for (int32_t i = 0; i < count; i++)
        if (!make_listener(n, config_list_at(&n->config, K_CFG_LISTENERS, i))) return false;
    for (int32_t i = 0; i < config_list_n(&n->config, K_CFG_ADVERTISED_LISTENERS); i++)
        if (!advertise(n, config_list_at(&n->config, K_CFG_ADVERTISED_LISTENERS, i))) return false;
    if (!n->is_broker && node_listener_count(n, LISTENER_BROKER) > 0) {
        node_fail(n,
                  "a controller that is no broker has only the listeners of "
                  "controller.listener.names: ",
                  config_str(&n->config, K_CFG_LISTENERS), "", SLICE_EMPTY);
        return false;
    }
    return choose_controller_listener(n) && check_controller_names(n) && check_advertised(n) &&
           choose_inter_broker(n) && make_logins(n) && check_early_start(n);
}

static void
node_listener_ready(struct server *s, struct server_listener *l, enum env_err err)
{
    struct node *n = CONTAINER_OF(s, struct node, server);
    if (err != ENV_OK) {
        struct writer w = writer_mem(&n->env->mem);
        fmt_str(&w, "cannot listen on ");
        fmt_slice(&w, l->name);
        fmt_str(&w, "://");
        fmt_address(&w, l->host, l->port);
        fmt_str(&w, ": ");
        fmt_str(&w, env_err_text(err));
        env_fatal(n->env, writer_slice(&w));
        writer_release(&w);
        return;
    }
    CHECK(n->listeners_waiting > 0);
    if (--n->listeners_waiting == 0) {
        n->listening = true;
        node_go_on(n);
    }
}

void
node_listen(struct node *n)
{
    n->server.listener_ready = node_listener_ready;
    n->listeners_waiting =
        node_listener_count(n, LISTENER_BROKER) + node_listener_count(n, LISTENER_CONTROLLER);
    LIST_EACH(&n->server.listeners, l, struct server_listener, node) server_listen(&n->server, l);
}

/* "1@host:port" */
static bool
parse_voter(struct slice text, struct raft_voter *v)
{
    int64_t at = slice_find(text, '@', 0), id;
    if (at <= 0 || !slice_to_i64(slice_sub(text, 0, at), &id) || id < 0 || id > INT32_MAX)
        return false;
    v->id = (int32_t)id;
    return address_parse(slice_sub(text, at + 1, text.n), &v->host, &v->port) && v->host.n > 0;
}

static bool
parse_bootstrap(struct slice text, struct raft_endpoint *e)
{
    return address_parse(text, &e->host, &e->port) && e->host.n > 0;
}

bool
node_parse_voters(struct node *n, struct raft_config *rc)
{
    int32_t count = config_list_n(&n->config, K_CFG_CONTROLLER_QUORUM_VOTERS);
    struct raft_voter *v = ARENA_ARRAY(&n->env->scratch, struct raft_voter, MAX(count, 1));
    bool is_one = false;
    for (int32_t i = 0; i < count; i++) {
        struct slice text = config_list_at(&n->config, K_CFG_CONTROLLER_QUORUM_VOTERS, i);
        if (!parse_voter(text, &v[i])) {
            node_fail(n, "controller.quorum.voters: not of the form id@host:port: ", text, "",
                      SLICE_EMPTY);
            return false;
        }
        v[i].listener = n->controller_listener;
        is_one |= v[i].id == n->identity.node_id;
        for (int32_t k = 0; k < i; k++) {
            if (v[k].id != v[i].id) continue;
            node_fail(n, "controller.quorum.voters: two voters of one id: ", text, "", SLICE_EMPTY);
            return false;
        }
    }
    if (count > 0 && is_one != n->is_controller) {
        node_fail(n,
                  n->is_controller
                      ? "controller.quorum.voters: a controller must be among them by its node.id: "
                      : "controller.quorum.voters: they have the node.id of this node, whose "
                        "process.roles has no controller: ",
                  config_str(&n->config, K_CFG_CONTROLLER_QUORUM_VOTERS), "", SLICE_EMPTY);
        return false;
    }
    rc->voters = v;
    rc->voters_n = count;
    count = config_list_n(&n->config, K_CFG_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS);
    struct raft_endpoint *e = ARENA_ARRAY(&n->env->scratch, struct raft_endpoint, MAX(count, 1));
    for (int32_t i = 0; i < count; i++) {
        struct slice text =
            config_list_at(&n->config, K_CFG_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS, i);
        if (!parse_bootstrap(text, &e[i])) {
            node_fail(n, "controller.quorum.bootstrap.servers: not of the form host:port: ", text,
                      "", SLICE_EMPTY);
            return false;
        }
    }
    if (rc->voters_n == 0 && count == 0) {
        node_fail(n,
                  "nobody would be in the quorum: controller.quorum.voters or "
                  "controller.quorum.bootstrap.servers must say where its controllers are",
                  SLICE_EMPTY, "", SLICE_EMPTY);
        return false;
    }
    rc->bootstrap = e;
    rc->bootstrap_n = count;
    return true;
}
