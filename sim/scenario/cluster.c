/* The machines of a scenario and their configuration; waiting until they serve. */
#include "sim/scenario/run_internal.h"
#include "sim/scenario/users.h"

#include <stdio.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"

#define BROKER_PORT 9092
#define CONTROLLER_PORT 9093
#define SERVE_WITHIN_NS (120 * NS_PER_S)

/* ---- settings ---- */

static struct slice
voters(struct run *r)
{
    struct writer w = writer_mem(r->a->mem);
    for (int32_t i = 0; i < r->nodes_n; i++) {
        const struct node_slot *n = &r->nodes[i];
        if (!n->is_controller) continue;
        if (w.n) fmt_char(&w, ',');
        fmt_i64(&w, n->id);
        fmt_char(&w, '@');
        fmt_slice(&w, n->m->name);
        fmt_str(&w, ":9093");
    }
    struct slice s = arena_dup(r->a, writer_slice(&w));
    writer_release(&w);
    return s;
}

static void
add_setting(struct node_params *p, struct node_setting *v, const char *name, struct slice value)
{
    v[p->settings_n++] = (struct node_setting){slice_cstr(name), value, S("simulator")};
}

static const struct node_spec *
said_of(const struct run *r, struct slice name)
{
    static const struct node_spec none;
    for (int32_t i = 0; i < r->s->cluster.nodes_n; i++)
        if (slice_eq(r->s->cluster.nodes[i].name, name)) return &r->s->cluster.nodes[i];
    return &none;
}

static void
add_all(struct node_params *p, struct node_setting *v, const struct settings *c,
        struct slice source)
{
    for (int32_t i = 0; i < c->n; i++)
        v[p->settings_n++] = (struct node_setting){c->v[i].name, c->v[i].value, source};
}

/* What the simulator sets itself, then what the scenario says of all, then of this one. */
static void
configure(struct run *r, struct node_slot *n, struct slice all_voters)
{
    const struct settings *c = &r->s->cluster.config;
    const struct node_spec *own = said_of(r, n->m->name);
    struct node_setting *v =
        ARENA_ARRAY(r->a, struct node_setting, c->n + own->config.n + 17 + USERS_SETTINGS_MAX);
    struct node_params *p = &n->params;
    int len = (int)n->m->name.n;
    const char *name = (const char *)n->m->name.p;
    *p = (struct node_params){
        .settings = v, .cluster_id = S("Z3JlZ29yLXNpbXVsYXRlZA"), .version = S("simulated")};
    add_setting(p, v, "node.id", arena_format(r->a, "%d", n->id));
    add_setting(p, v, "process.roles",
                !n->is_controller ? S("broker")
                : n->is_broker    ? S("broker,controller")
                                  : S("controller"));
    struct slice plain = arena_format(r->a, "PLAINTEXT://%.*s:9092", len, name);
    struct slice advertised = plain;
    const struct run_outside *outside = r->o->outside;
    bool has_door = outside && n->is_broker && n->id <= outside->ports_n;
    if (has_door) {
        advertised = arena_format(r->a, "%.*s,OUTSIDE://127.0.0.1:%d", SARG(plain),
                                  outside->ports[n->id - 1]);
        plain = arena_format(r->a, "%.*s,OUTSIDE://%.*s:%d", SARG(plain), len, name, OUTSIDE_PORT);
    }
    bool has_users = n->is_broker && r->s->cluster.users.n;
    if (has_users) {
        struct slice users = arena_format(r->a, ",USERS://%.*s:%d", len, name, USERS_PORT);
        plain = arena_format(r->a, "%.*s%.*s", SARG(plain), SARG(users));
        advertised = arena_format(r->a, "%.*s%.*s", SARG(advertised), SARG(users));
    }
    struct slice control = arena_format(r->a, "CONTROLLER://%.*s:9093", len, name);
    struct slice both = arena_format(r->a, "%.*s,%.*s", SARG(plain), SARG(control));
    add_setting(p, v, "listeners", !n->is_controller ? plain : n->is_broker ? both : control);
    if (n->is_broker) add_setting(p, v, "advertised.listeners", advertised);
    if (n->is_broker) add_setting(p, v, "inter.broker.listener.name", S("PLAINTEXT"));
    add_setting(p, v, "controller.listener.names", S("CONTROLLER"));
    add_setting(p, v, "listener.security.protocol.map",
                has_users  ? S("PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,OUTSIDE:SASL_PLAINTEXT,"
                                "USERS:SASL_PLAINTEXT")
                : has_door ? S("PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,OUTSIDE:PLAINTEXT")
                           : S("PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"));
    if (has_users) p->settings_n += users_settings(r, v + p->settings_n);
    add_setting(p, v, "controller.quorum.voters", all_voters);
    add_setting(p, v, "log.dirs", S("data"));
    add_all(p, v, c, S("cluster.config"));
    add_all(p, v, &own->config, S("cluster.nodes"));
    if (own->rack.p) add_setting(p, v, "broker.rack", own->rack);
}

/* ---- machines ---- */

static void
start_node(struct env *env, void *args)
{
    const struct node_slot *n = args;
    env->machine = node_new(env, &n->params);
}

static void
poke_shutdown(struct env *env, void *ctx)
{
    (void)ctx;
    node_shutdown(env->machine);
}

void
node_shut_down(struct run *r, struct machine *m)
{
    struct node_slot *n = node_of(r, m);
    if (n) n->wanted = false, n->is_stopping = true;
    machine_poke(m, poke_shutdown, NULL);
}

static void
add_node(struct run *r, char letter, int32_t number, bool is_broker, bool is_controller)
{
    struct node_slot *n = &r->nodes[r->nodes_n++];
    n->r = r;
    n->id = letter == 'b' ? number : 100 + number;
    n->is_broker = is_broker;
    n->is_controller = is_controller;
    n->m = world_add(r->w, &(struct machine_params){
                               .name = arena_format(r->a, "%c%d", letter, number),
                               .kind = is_broker ? S("broker") : S("controller"),
                               .start = start_node,
                               .args = n,
                           });
    n->m->user = n;
}

static void
take_delay(struct delay *d, struct range r)
{
    if (r.max > 0) *d = (struct delay){r.min, r.max, 0, 0};
}

static struct world_options
world_options_of(const struct run *r)
{
    const struct cluster *c = &r->s->cluster;
    struct world_options o = world_options_default();
    o.name = r->s->name;
    o.memory_ceiling_bytes = c->memory;
    o.hash_on = !r->o->hash_off;
    if (r->o->outside) o.wall_ms = r->o->outside->wall_ms;
    take_delay(&o.net.latency, c->latency);
    take_delay(&o.net.loopback, c->loopback);
    if (c->bandwidth >= 0) o.net.bandwidth_bytes_per_s = c->bandwidth;
    if (c->split >= 0) o.net.split_permille = c->split;
    take_delay(&o.disk.sync, c->fsync);
    take_delay(&o.disk.write, c->write);
    take_delay(&o.disk.read, c->read);
    take_delay(&o.disk.name, c->name);
    if (c->disk_rate >= 0) o.disk.bytes_per_s = c->disk_rate;
    if (c->capacity > 0) o.disk.capacity_bytes = c->capacity;
    return o;
}

void
cluster_build(struct run *r)
{
    const struct cluster *c = &r->s->cluster;
    struct world_options o = world_options_of(r);
    r->w = world_new(r->ret->seed, &o);
    r->nodes = ARENA_ARRAY(r->a, struct node_slot, c->brokers + c->controllers);
    for (int32_t i = 1; i <= c->controllers; i++) add_node(r, 'k', i, false, true);
    for (int32_t i = 1; i <= c->brokers; i++)
        add_node(r, 'b', i, true, !c->controllers && i <= c->combined);
    struct slice all = voters(r);
    for (int32_t i = 0; i < r->nodes_n; i++) configure(r, &r->nodes[i], all);
}

struct node_slot *
node_of(const struct run *r, const struct machine *m)
{
    for (int32_t i = 0; i < r->nodes_n; i++)
        if (r->nodes[i].m == m) return &r->nodes[i];
    return NULL;
}

struct node_slot *
node_by_id(const struct run *r, int32_t id)
{
    for (int32_t i = 0; i < r->nodes_n; i++)
        if (r->nodes[i].id == id) return &r->nodes[i];
    return NULL;
}

bool
broker_serves(const struct run *r, const struct node_slot *n)
{
    return n->m->state == MACHINE_UP && r->truth.unfenced[n->id];
}

void
node_up(struct run *r, struct machine *m)
{
    struct node_slot *n = node_of(r, m);
    if (m->state == MACHINE_PAUSED) fault_resume(m);
    if (m->state == MACHINE_DOWN) machine_start(m);
    else if (n) n->wanted = true;
}

/* ---- the beginning ---- */

static bool
all_serve(void *ctx)
{
    const struct run *r = ctx;
    for (int32_t i = 0; i < r->nodes_n; i++) {
        const struct node_slot *n = &r->nodes[i];
        if (n->is_broker && !broker_serves(r, n)) return false;
    }
    return true;
}

static bool
topics_done(void *ctx)
{
    return ((const struct run *)ctx)->topics.done;
}

static bool
make_topics(struct run *r)
{
    const struct scenario *s = r->s;
    struct new_topic *v = ARENA_ARRAY(r->a, struct new_topic, s->topics_n + 1);
    for (int32_t i = 0; i < s->topics_n; i++) {
        const struct topic *t = &s->topics[i];
        struct topic_setting *settings = ARENA_ARRAY(r->a, struct topic_setting, t->config.n + 1);
        for (int32_t j = 0; j < t->config.n; j++)
            settings[j] = (struct topic_setting){t->config.v[j].name, t->config.v[j].value};
        v[i] = (struct new_topic){
            .name = t->name,
            .partitions = t->placed ? -1 : (int32_t)t->partitions,
            .replicas = t->placed ? -1 : (int16_t)t->rf,
            .settings = settings,
            .settings_n = t->config.n,
            .placement = t->placed,
            .partitions_placed = t->placed ? (int32_t)t->partitions : 0,
            .replicas_placed = t->placed ? (int32_t)t->rf : 0,
        };
    }
    r->topics =
        (struct topics_args){.client = r->client_params, .topics = v, .topics_n = s->topics_n};
    struct machine *m = world_add(r->w, &(struct machine_params){.name = S("admin"),
                                                                 .kind = S("client"),
                                                                 .start = topics_start,
                                                                 .args = &r->topics});
    machine_start(m);
    return world_run_while_not(r->w, topics_done, r, world_now_ns(r->w) + SERVE_WITHIN_NS) &&
           !r->topics.error;
}

static void
make_bootstrap(struct run *r)
{
    struct writer w = writer_mem(r->a->mem);
    for (int32_t i = 0; i < r->nodes_n; i++) {
        if (!r->nodes[i].is_broker) continue;
        if (w.n) fmt_char(&w, ',');
        fmt_slice(&w, r->nodes[i].m->name);
        fmt_str(&w, ":9092");
    }
    r->client_params = client_params_default();
    r->client_params.bootstrap = arena_dup(r->a, writer_slice(&w));
    writer_release(&w);
}

bool
cluster_start(struct run *r)
{
    make_bootstrap(r);
    for (int32_t i = 0; i < r->nodes_n; i++) machine_start(r->nodes[i].m);
    if (!world_run_while_not(r->w, all_serve, r, world_now_ns(r->w) + SERVE_WITHIN_NS)) {
        run_fail(r, VERDICT_INCONCLUSIVE, "the cluster did not serve within 120 s of its start");
        return false;
    }
    if (!r->s->topics_n || make_topics(r)) return true;
    run_fail(r, VERDICT_INCONCLUSIVE, "the topics could not be created (error %d)",
             r->topics.error);
    return false;
}

/* ---- clients ---- */

struct producer_params
client_producer_params(const struct client_spec *s)
{
    struct producer_params p = producer_params_default();
    p.acks = (int16_t)s->acks;
    p.idempotent = s->idempotent == YES;
    p.max_in_flight = (int32_t)s->in_flight;
    p.batch_bytes = s->batch_bytes;
    p.max_request_bytes = s->max_request_bytes;
    p.linger_ms = s->linger_ns / NS_PER_MS;
    p.request_timeout_ms = s->request_timeout_ns / NS_PER_MS;
    p.delivery_timeout_ms = s->delivery_timeout_ns / NS_PER_MS;
    p.ack_timeout_ms = s->produce_timeout_ns / NS_PER_MS;
    p.retries = (int32_t)s->retries;
    p.codec = (enum codec)s->codec;
    return p;
}

static void
producer_args(struct run *r, struct client_slot *c)
{
    const struct client_spec *s = c->spec;
    struct produce_args *p = &c->produce;
    *p = produce_args_default(r->h, s->name, users_client(r, s), s->produce);
    p->client.client_id = s->name;
    p->client.metadata_max_age_ms = s->metadata_max_age_ns / NS_PER_MS;
    p->client.request_timeout_ms = s->request_timeout_ns / NS_PER_MS;
    p->producer = client_producer_params(s);
    p->rate_per_s = MAX(s->rate_mhz / 1000, 1);
    p->interval_ns = 1000 * NS_PER_S / s->rate_mhz; /* a rate may be less than one in a second */
    p->from_ns = r->begin_ns + s->start_ns;
    p->until_ns = r->begin_ns + s->until_ns;
    p->transactional_id = s->transactional_id;
    p->txn_records = s->txn_records;
    p->abort_every = s->abort_every;
    p->txn_timeout_ms = s->txn_timeout_ns / NS_PER_MS;
    p->txn_version_max = (int16_t)s->txn_version;
    p->keys = s->keys;
    p->tombstones = s->tombstones;
    p->value_bytes = s->value_bytes;
}

static void
consumer_args(struct run *r, struct client_slot *c)
{
    const struct client_spec *s = c->spec;
    struct consume_args *p = &c->consume;
    *p = consume_args_default(r->h, s->name, users_client(r, s), s->consume);
    p->client.client_id = s->name;
    p->client.metadata_max_age_ms = s->metadata_max_age_ns / NS_PER_MS;
    p->client.request_timeout_ms = s->request_timeout_ns / NS_PER_MS + s->max_wait_ns / NS_PER_MS;
    p->consumer.request_timeout_ms = p->client.request_timeout_ms;
    p->consumer.max_wait_ms = (int32_t)(s->max_wait_ns / NS_PER_MS);
    p->consumer.read_committed = s->read_committed;
    p->consumer.rack = s->rack;
    p->told = group_told;
    p->ctx = r;
    p->offset = s->from_latest ? OFFSET_LATEST : OFFSET_EARLIEST;
    if (s->since_ns >= 0)
        p->at_ms = world_options_default().wall_ms + (r->begin_ns + s->since_ns) / NS_PER_MS;
}

static void
start_client(struct world *w, void *ctx)
{
    (void)w;
    struct client_slot *c = ctx;
    if (c->m->state == MACHINE_DOWN) machine_start(c->m);
}

void
clients_start(struct run *r)
{
    r->clients = ARENA_ARRAY(r->a, struct client_slot, r->s->clients_n + 1);
    for (int32_t i = 0; i < r->s->clients_n; i++) {
        struct client_slot *c = &r->clients[i];
        c->spec = &r->s->clients[i];
        struct machine_params p = {.name = c->spec->name, .kind = S("client")};
        if (c->spec->produce.p) {
            producer_args(r, c);
            p.start = c->spec->transactional_id.p ? transact_start : produce_start;
            p.args = &c->produce;
        } else if (c->spec->share.p) {
            share_args_of(r, c);
            p.start = share_start, p.args = &c->share;
        } else if (c->spec->group.p) {
            member_args_of(r, c);
            p.start = member_start, p.args = &c->member;
        } else {
            consumer_args(r, c);
            p.start = consume_start, p.args = &c->consume;
        }
        c->m = world_add(r->w, &p);
        witness_client(r, c->m);
        world_at(r->w, r->begin_ns + c->spec->start_ns, start_client, c);
    }
}
