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

/* Only PLAINTEXT is spoken. A listener is mapped by listener.security.protocol.map, or is its own
 * protocol's name; controllers' listeners default to PLAINTEXT (KIP-631). */
static bool
check_protocol(struct node *n, struct slice name)
{
    for (int32_t i = 0; i < config_list_n(&n->config, K_CFG_LISTENER_SECURITY_PROTOCOL_MAP); i++) {
        struct slice item = config_list_at(&n->config, K_CFG_LISTENER_SECURITY_PROTOCOL_MAP, i);
        int64_t colon = slice_find(item, ':', 0);
        if (colon < 0 || !slice_eq(slice_sub(item, 0, colon), name)) continue;
        struct slice protocol = slice_sub(item, colon + 1, item.n);
        if (slice_eq(protocol, S("PLAINTEXT"))) return true;
        node_fail(n, "listener ", name,
                  ": this security protocol is not supported (only PLAINTEXT): ", protocol);
        return false;
    }
    if (slice_eq(name, S("PLAINTEXT")) || is_controller_listener(n, name)) return true;
    node_fail(n, "no security protocol for listener ", name,
              ": add it to listener.security.protocol.map", SLICE_EMPTY);
    return false;
}

static struct server_listener *
find_listener(struct node *n, struct slice name)
{
    LIST_EACH(&n->server.listeners, l, struct server_listener, node)
        if (slice_eq(l->name, name)) return l;
    return NULL;
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
    if (find_listener(n, name)) {
        node_fail(n, "listeners: two listeners have the name ", name, "", SLICE_EMPTY);
        return false;
    }
    if (!check_protocol(n, name)) return false;
    struct server_listener *l = MEM_NEW(&n->env->mem, struct server_listener);
    l->name = mem_dup(&n->env->mem, name);
    l->host = mem_dup(&n->env->mem, host);
    l->port = port;
    l->kind = is_controller_listener(n, name) ? LISTENER_CONTROLLER : LISTENER_BROKER;
    bool any = host.n == 0 || slice_eq(host, S("0.0.0.0")) || slice_eq(host, S("::"));
    l->advertised_host = mem_dup(&n->env->mem, any ? n->env->hostname : host);
    l->advertised_port = port;
    list_push_back(&n->server.listeners, &l->node);
    return true;
}

static bool
advertise(struct node *n, struct slice text)
{
    struct slice name, host;
    int32_t port;
    if (!parse_endpoint(text, &name, &host, &port) || host.n == 0) {
        node_fail(n, "advertised.listeners: not of the form NAME://host:port: ", text, "",
                  SLICE_EMPTY);
        return false;
    }
    if (slice_eq(host, S("0.0.0.0"))) {
        node_fail(n, "advertised.listeners cannot use the nonroutable meta-address 0.0.0.0: ", text,
                  "", SLICE_EMPTY);
        return false;
    }
    struct server_listener *l = find_listener(n, name);
    if (!l) {
        node_fail(n, "advertised.listeners names a listener that is not in listeners: ", name, "",
                  SLICE_EMPTY);
        return false;
    }
    mem_free_slice(&n->env->mem, l->advertised_host);
    l->advertised_host = mem_dup(&n->env->mem, host);
    l->advertised_port = port;
    return true;
}

static bool
choose_names(struct node *n)
{
    LIST_EACH(&n->server.listeners, l, struct server_listener, node) {
        if (l->kind == LISTENER_CONTROLLER && !n->controller_listener.p)
            n->controller_listener = l->name;
        if (l->kind != LISTENER_BROKER) continue;
        if (!n->inter_broker_listener.p || slice_eq(l->name, S("PLAINTEXT")))
            n->inter_broker_listener = l->name;
    }
    struct slice wanted = config_str(&n->config, K_CFG_INTER_BROKER_LISTENER_NAME);
    if (wanted.n && n->is_broker) {
        struct server_listener *l = find_listener(n, wanted);
        if (!l) {
            node_fail(n, "inter.broker.listener.name is not in listeners: ", wanted, "",
                      SLICE_EMPTY);
            return false;
        }
        n->inter_broker_listener = l->name;
    }
    struct server_listener *theirs = find_listener(n, n->inter_broker_listener);
    if (theirs) {
        theirs->is_inter_broker = true;
        theirs->is_only_theirs = node_listener_count(n, LISTENER_BROKER) > 1;
    }
    if (!n->controller_listener.p && config_list_n(&n->config, K_CFG_CONTROLLER_LISTENER_NAMES))
        n->controller_listener =
            mem_dup(&n->env->mem, config_list_at(&n->config, K_CFG_CONTROLLER_LISTENER_NAMES, 0));
    if (!n->controller_listener.p) {
        node_fail(n, "controller.listener.names is required", SLICE_EMPTY, "", SLICE_EMPTY);
        return false;
    }
    return true;
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
    int32_t count = config_list_n(&n->config, K_CFG_LISTENERS);
    for (int32_t i = 0; i < count; i++)
        if (!make_listener(n, config_list_at(&n->config, K_CFG_LISTENERS, i))) return false;
    for (int32_t i = 0; i < config_list_n(&n->config, K_CFG_ADVERTISED_LISTENERS); i++)
        if (!advertise(n, config_list_at(&n->config, K_CFG_ADVERTISED_LISTENERS, i))) return false;
    if (!choose_names(n)) return false;
    if (n->is_broker && node_listener_count(n, LISTENER_BROKER) == 0) {
        node_fail(n, "a broker needs a listener that is not a controller's: ",
                  config_str(&n->config, K_CFG_LISTENERS), "", SLICE_EMPTY);
        return false;
    }
    if (n->is_controller && node_listener_count(n, LISTENER_CONTROLLER) == 0) {
        node_fail(n, "a controller needs a listener named in controller.listener.names: ",
                  config_str(&n->config, K_CFG_LISTENERS), "", SLICE_EMPTY);
        return false;
    }
    return true;
}

static void
listener_ready(struct server *s, struct server_listener *l, enum env_err err)
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
    if (--n->listeners_waiting == 0) {
        n->listening = true;
        node_go_on(n);
    }
}

void
node_listen(struct node *n)
{
    n->server.listener_ready = listener_ready;
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
    if (n->is_controller && count > 0 && !is_one) {
        node_fail(n, "controller.quorum.voters: a controller must be among them by its node.id: ",
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
    rc->bootstrap = e;
    rc->bootstrap_n = count;
    return true;
}
