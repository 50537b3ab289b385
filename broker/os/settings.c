#include "broker/os/settings.h"

static const struct {
    const char *name, *value;
} defaults[] = {
    {"process.roles", "broker,controller"},
    {"node.id", "1"},
    /* Nobody is asked who he is: only who is on this machine may come in. */
    {"listeners", "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093"},
    {"controller.listener.names", "CONTROLLER"},
};

/* Where fewer brokers than Kafka's defaults ask for are all there is: as many copies as there are brokers. */
static const struct {
    const char *name;
    int usual;
} copies[] = {
    {"offsets.topic.replication.factor", 3},
    {"share.coordinator.state.topic.replication.factor", 3},
    {"share.coordinator.state.topic.min.isr", 2},
    {"transaction.state.log.replication.factor", 3},
    {"transaction.state.log.min.isr", 2},
};

void
os_settings_add(struct os_settings *s, struct slice name, struct slice value, struct slice origin)
{
    struct node_setting *added = VEC_ADD(s->mem, &s->v);
    added->name = mem_dup(s->mem, name);
    added->value = mem_dup(s->mem, value);
    added->origin = mem_dup(s->mem, origin);
}

const struct node_setting *
os_settings_find(const struct os_settings *s, struct slice name)
{
    for (int64_t i = s->v.n - 1; i >= 0; i--)
        if (slice_eq(s->v.v[i].name, name)) return &s->v.v[i];
    return NULL;
}

void
os_settings_add_defaults(struct os_settings *s)
{
    for (int i = 0; i < ARRAY_LEN(defaults); i++)
        os_settings_add(s, slice_cstr(defaults[i].name), slice_cstr(defaults[i].value),
                        S("default"));
}

/* ---- what follows from the others ---- */

/* Takes the next of a list separated by commas. */
static bool
next_of_list(struct slice *rest, struct slice *ret)
{
    if (rest->n <= 0) return false;
    int64_t comma = slice_find(*rest, ',', 0);
    int64_t n = comma < 0 ? rest->n : comma;
    *ret = slice_trim(slice_sub(*rest, 0, n));
    *rest = slice_sub(*rest, n + 1, rest->n);
    return true;
}

static bool
is_in_list(struct slice list, struct slice wanted)
{
    struct slice one;
    while (next_of_list(&list, &one))
        if (slice_eq(one, wanted)) return true;
    return false;
}

struct listener_text {
    struct slice name, host, port;
};

/* NAME://HOST:PORT */
static bool
split_listener(struct slice text, struct listener_text *ret)
{
    int64_t colon = slice_find(text, ':', 0), last = -1;
    if (colon < 0 || !slice_starts(slice_sub(text, colon, text.n), S("://"))) return false;
    for (int64_t i = colon + 3; i < text.n; i++)
        if (text.p[i] == ':') last = i;
    if (last < 0) return false;
    ret->name = slice_sub(text, 0, colon);
    ret->host = slice_sub(text, colon + 3, last - colon - 3);
    ret->port = slice_sub(text, last + 1, text.n);
    return true;
}

static bool
find_listener_text(struct slice listeners, struct slice name, struct listener_text *ret)
{
    struct slice one;
    while (next_of_list(&listeners, &one))
        if (split_listener(one, ret) && slice_eq(ret->name, name)) return true;
    return false;
}

static struct slice
reachable_host(struct slice host)
{
    bool any = host.n == 0 || slice_eq(host, S("0.0.0.0")) || slice_eq(host, S("[::]"));
    return any ? S("localhost") : host;
}

static void
add_written(struct os_settings *s, struct slice name, struct writer *w, struct slice origin)
{
    os_settings_add(s, name, writer_slice(w), origin);
    writer_release(w);
}

static void
imply_controller_names(struct os_settings *s, struct slice listeners)
{
    struct listener_text controller;
    if (os_settings_find(s, S("controller.listener.names"))) return;
    if (!find_listener_text(listeners, S("CONTROLLER"), &controller)) return;
    os_settings_add(s, S("controller.listener.names"), S("CONTROLLER"),
                    S("implied by a listener named CONTROLLER"));
}

/* Without voters a node that formats itself is its own quorum, with kraft.version 1 (KIP-853). */
static void
imply_bootstrap(struct os_settings *s, struct slice listeners)
{
    struct listener_text controller;
    if (os_settings_find(s, S("controller.quorum.voters"))) return;
    if (os_settings_find(s, S("controller.quorum.bootstrap.servers"))) return;
    const struct node_setting *names = os_settings_find(s, S("controller.listener.names"));
    struct slice list = names->value, name;
    if (!next_of_list(&list, &name) || !find_listener_text(listeners, name, &controller)) return;
    struct writer w = writer_mem(s->mem);
    fmt_slice(&w, reachable_host(controller.host));
    fmt_char(&w, ':');
    fmt_slice(&w, controller.port);
    add_written(s, S("controller.quorum.bootstrap.servers"), &w, S("default"));
}

/* How many nodes this one knows of without a file: the voters, when it is broker and controller as they will
 * be, or itself alone. Whoever joins others leaves the number to Kafka's defaults. */
static int
nodes_known(const struct os_settings *s)
{
    const struct node_setting *voters = os_settings_find(s, S("controller.quorum.voters"));
    const struct node_setting *servers =
        os_settings_find(s, S("controller.quorum.bootstrap.servers"));
    struct slice roles = os_settings_find(s, S("process.roles"))->value, rest, one;
    int n = 0;
    if (!is_in_list(roles, S("broker")) || !is_in_list(roles, S("controller"))) return INT32_MAX;
    if (!voters) return servers && !slice_eq(servers->origin, S("default")) ? INT32_MAX : 1;
    for (rest = voters->value; next_of_list(&rest, &one);) n++;
    return n;
}

static void
imply_copies(struct os_settings *s)
{
    int nodes = nodes_known(s);
    for (int i = 0; i < ARRAY_LEN(copies); i++) {
        if (nodes < 1 || nodes >= copies[i].usual) continue;
        if (os_settings_find(s, slice_cstr(copies[i].name))) continue;
        struct writer w = writer_mem(s->mem);
        fmt_i64(&w, nodes);
        add_written(s, slice_cstr(copies[i].name), &w, S("default"));
    }
}

static void
imply_advertised(struct os_settings *s, struct slice listeners)
{
    if (os_settings_find(s, S("advertised.listeners"))) return;
    struct slice one, all = listeners;
    struct listener_text l;
    const struct node_setting *controllers = os_settings_find(s, S("controller.listener.names"));
    struct writer w = writer_mem(s->mem);
    while (next_of_list(&all, &one)) {
        if (!split_listener(one, &l) || is_in_list(controllers->value, l.name)) continue;
        if (w.n) fmt_char(&w, ',');
        fmt_slice(&w, l.name);
        fmt_str(&w, "://");
        fmt_slice(&w, reachable_host(l.host));
        fmt_char(&w, ':');
        fmt_slice(&w, l.port);
    }
    if (w.n) add_written(s, S("advertised.listeners"), &w, S("default"));
    else writer_release(&w);
}

/* broker.id, the name that node.id had before, stands against the default of node.id. */
static void
imply_node_id(struct os_settings *s)
{
    const struct node_setting *old = os_settings_find(s, S("broker.id"));
    const struct node_setting *id = os_settings_find(s, S("node.id"));
    if (old && slice_eq(id->origin, S("default")))
        os_settings_add(s, S("node.id"), old->value, old->origin);
}

/* Whoever gives either of its two names means it. */
static void
imply_log_dirs(struct os_settings *s)
{
    if (os_settings_find(s, S("log.dirs")) || os_settings_find(s, S("log.dir"))) return;
    os_settings_add(s, S("log.dirs"), S("./gregor-data"), S("default"));
}

void
os_settings_add_implied(struct os_settings *s, bool also_defaults)
{
    if (also_defaults) {
        imply_node_id(s);
        imply_log_dirs(s);
    }
    const struct node_setting *listeners = os_settings_find(s, S("listeners"));
    if (!listeners) return;
    struct slice value = listeners->value;
    imply_controller_names(s, value);
    if (!also_defaults) return;
    imply_copies(s);
    imply_bootstrap(s, value);
    imply_advertised(s, value);
}
