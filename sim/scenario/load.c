/* From documents to scenarios. */
#include "sim/scenario/load.h"

#include "broker/base/check.h"
#include "broker/protocol/config.h"
#include "sim/history/history.h"
#include "sim/scenario/swarm.h"
#include "sim/scenario/value.h"
#include "sim/scenario/users.h"

#define BROKERS_MAX 64
#define CONTROLLERS_MAX 9
#define PARTITIONS_MAX 10000
#define MEMBERS_MAX 64 /* of one line */

/* What is not said stays as the world has it. */
static void
cluster_default(struct cluster *c)
{
    *c = (struct cluster){
        .brokers = 3, .split = -1, .bandwidth = -1, .disk_rate = -1, .memory = 256 << 20};
}

static void
decode_node(struct load *l, const struct pair *p, struct node_spec *n)
{
    struct words nodes = {.arena = l->a};
    bool known = false;
    *n = (struct node_spec){.name = p->key};
    words_of_machines(l, &nodes);
    for (int64_t i = 0; i < nodes.v.n; i++) known = known || slice_eq(nodes.v.v[i], p->key);
    if (!known)
        diag_error(l->d, p->mark, words_advice(&nodes, p->key), "no node is called %.*s",
                   SARG(p->key));
    decode_map(l, p->value, "a node", &node_fields, n, NULL, NULL);
    if (n->rack.p && p->key.n && p->key.p[0] == 'k')
        diag_error(l->d, p->mark, NULL, "a controller has no rack");
}

static void
decode_nodes(struct load *l, const struct tree *t)
{
    struct cluster *c = &l->s->cluster;
    if (!want_map(l, t, "nodes")) return;
    c->nodes = ARENA_ARRAY(l->a, struct node_spec, t->n + 1);
    for (int32_t i = 0; i < t->n; i++) decode_node(l, &t->pairs[i], &c->nodes[c->nodes_n++]);
}

static void
decode_cluster(struct load *l, const struct tree *t)
{
    struct cluster *c = &l->s->cluster;
    decode_map(l, t, "cluster", &cluster_fields, c, NULL, NULL);
    const struct tree *net = tree_get(t, S("network")), *disk = tree_get(t, S("disk"));
    if (net) decode_map(l, net, "network", &network_fields, c, NULL, NULL);
    if (disk) decode_map(l, disk, "disk", &disk_fields, c, NULL, NULL);
    /* What was refused must not be counted with. */
    c->brokers = MIN(MAX(c->brokers, 1), BROKERS_MAX);
    c->controllers = MIN(MAX(c->controllers, 0), CONTROLLERS_MAX);
    const struct tree *nodes = tree_get(t, S("nodes")), *users = tree_get(t, S("users"));
    if (nodes) decode_nodes(l, nodes);
    if (users) users_decode(l, users);
    const struct tree *combined = tree_get(t, S("combined"));
    if (combined && c->controllers)
        diag_error(l->d, combined->mark, "controllers: 0, or leave it out",
                   "controllers are machines of their own here");
    else if (combined && c->combined > c->brokers)
        diag_error(l->d, combined->mark, NULL, "combined: there are only %d brokers",
                   (int)c->brokers);
}

/* ---- topics ---- */

static int32_t
broker_number(const struct load *l, struct slice name)
{
    int64_t n;
    if (name.n < 2 || name.p[0] != 'b' || !slice_to_i64(slice_sub(name, 1, name.n), &n)) return -1;
    return n >= 1 && n <= l->s->cluster.brokers ? (int32_t)n : -1;
}

static int32_t
want_broker(struct load *l, struct slice name, struct mark at)
{
    int32_t n = broker_number(l, name);
    if (n < 0)
        diag_error(l->d, at, NULL, "no broker is called %.*s: they are b1 to b%d", SARG(name),
                   (int)l->s->cluster.brokers);
    return n;
}

/* A ring, beginning one further on for each partition. */
static void
place_in_ring(struct load *l, struct topic *t, int32_t first)
{
    t->placed = ARENA_ARRAY(l->a, int32_t, t->partitions * t->rf);
    for (int64_t p = 0; p < t->partitions; p++)
        for (int64_t r = 0; r < t->rf; r++)
            t->placed[p * t->rf + r] = (int32_t)((first - 1 + p + r) % l->s->cluster.brokers) + 1;
}

static void
decode_replicas(struct load *l, const struct tree *row, int32_t *placed)
{
    for (int32_t r = 0; r < row->n; r++) {
        const struct tree *one = row->items[r];
        placed[r] = one->kind == TREE_TEXT ? want_broker(l, one->text, one->mark) : -1;
        if (one->kind != TREE_TEXT) diag_error(l->d, one->mark, NULL, "a broker is due here");
        for (int32_t i = 0; i < r && placed[r] >= 0; i++)
            if (placed[i] == placed[r])
                diag_error(l->d, one->mark, NULL, "b%d stands here twice: a broker has one replica",
                           placed[r]);
    }
}

static void
decode_assignment(struct load *l, const struct tree *a, struct topic *t)
{
    if (!want_list(l, a, "assignment")) return;
    if (!a->n || a->items[0]->kind != TREE_LIST || !a->items[0]->n) {
        diag_error(l->d, a->mark, "[[b1, b2, b3], [b2, b3, b1]]",
                   "assignment: a list of brokers for each partition");
        return;
    }
    t->partitions = a->n;
    t->rf = a->items[0]->n;
    t->placed = ARENA_ARRAY(l->a, int32_t, t->partitions * t->rf);
    for (int32_t p = 0; p < a->n; p++) {
        const struct tree *row = a->items[p];
        if (!want_list(l, row, "the replicas of a partition")) continue;
        if (row->n == t->rf) decode_replicas(l, row, t->placed + p * t->rf);
        else diag_error(l->d, row->mark, NULL, "every partition must have as many replicas");
    }
}

/* Of a key that is there, or of the whole. */
static struct mark
mark_of(const struct pair *p, const char *key)
{
    const struct tree *v = tree_get(p->value, slice_cstr(key));
    return v ? v->mark : p->mark;
}

static void
decode_topic(struct load *l, const struct pair *p, struct topic *t)
{
    *t = (struct topic){.name = p->key, .mark = p->mark, .partitions = 1};
    t->rf = MIN(3, l->s->cluster.brokers);
    if (!value_is_word(p->key) || slice_eq(p->key, S(".")) || slice_eq(p->key, S("..")))
        diag_error(l->d, p->mark, "letters, digits, '-', '_' and '.'", "this cannot name a topic");
    decode_map(l, p->value, "a topic", &topic_fields, t, NULL, NULL);
    if (t->rf > l->s->cluster.brokers)
        diag_error(l->d, mark_of(p, "rf"), NULL, "rf: 1 to %d, for so many brokers there are",
                   (int)l->s->cluster.brokers);
    /* What was refused must not be counted with. */
    t->rf = MIN(MAX(t->rf, 1), l->s->cluster.brokers);
    t->partitions = MIN(MAX(t->partitions, 1), PARTITIONS_MAX);
    const struct tree *assignment = tree_get(p->value, S("assignment"));
    if (assignment) decode_assignment(l, assignment, t);
    if (!t->leader.p) return;
    int32_t first = want_broker(l, t->leader, mark_of(p, "leader"));
    if (first > 0 && !assignment) place_in_ring(l, t, first);
}

static void
decode_topics(struct load *l, const struct tree *t)
{
    if (!want_map(l, t, "topics")) return;
    l->s->topics = ARENA_ARRAY(l->a, struct topic, t->n + 1);
    for (int32_t i = 0; i < t->n; i++) {
        decode_topic(l, &t->pairs[i], &l->s->topics[l->s->topics_n]);
        l->s->topics_n++;
    }
}

/* ---- clients ---- */

static void
check_client_spec(struct load *l, const struct pair *p, const struct client_spec *c)
{
    bool is_member = tree_get(p->value, S("subscribe")) != NULL;
    if ((c->produce.p != NULL) + (c->consume.p != NULL) + (c->share.p != NULL) + is_member != 1) {
        diag_error(l->d, c->mark,
                   "produce: orders, consume: orders, subscribe: orders, or share: orders",
                   "a client does one of four things");
        return;
    }
    if (c->user.p) (void)user_is_known(l, c->user, mark_of(p, "user"));
    else if (c->password.p)
        diag_error(l->d, mark_of(p, "password"), "user: alice", "whose password? user is missing");
    if (c->share.p) {
        member_check(l, p, c);
        check_topic(l, c->share, mark_of(p, "share"));
        if (!c->share_group.p)
            diag_error(l->d, c->mark, "share-group: workers", "share: as a member of which group?");
        return;
    }
    member_check(l, p, c);
    if (is_member) return;
    if (c->produce.p) check_topic(l, c->produce, mark_of(p, "produce"));
    else check_topic(l, c->consume, mark_of(p, "consume"));
    if (c->since_ns >= 0 && tree_get(p->value, S("from")))
        diag_error(l->d, mark_of(p, "since"), "one of the two",
                   "from and since both say where it begins");
    if (c->produce.p && !tree_get(p->value, S("until")))
        diag_error(l->d, c->mark, "until: 8s", "a producer needs an end");
    if (c->transactional_id.p && (!c->produce.p || c->idempotent != YES))
        diag_error(l->d, mark_of(p, "transactional-id"), "produce: orders, acks: all",
                   "only an idempotent producer sends in transactions");
    if (c->idempotent == YES && (c->acks != -1 || c->in_flight > 5))
        diag_error(l->d, c->mark, "acks: all, in-flight: 5 at most",
                   "an idempotent producer needs more");
}

/* A node or another client has it, or a role, or the simulator's own clients. */
bool
client_name_is_taken(const struct load *l, struct slice name)
{
    static const char *const taken[] = {
        "all",           "brokers",          "controllers", "clients", "controller",
        "quorum-leader", "quorum-followers", "rest",        "any",     "none",
        "reader"};
    for (int32_t i = 0; i < l->s->clients_n; i++)
        if (slice_eq(l->s->clients[i].name, name)) return true;
    struct words machines = {.arena = l->a};
    words_of_machines(l, &machines);
    for (int64_t i = 0; i < l->s->cluster.brokers + l->s->cluster.controllers; i++)
        if (slice_eq(machines.v.v[i], name)) return true;
    for (int64_t i = 0; i < ARRAY_LEN(taken); i++)
        if (slice_eq(slice_cstr(taken[i]), name)) return true;
    return slice_starts(name, S("admin"));
}

static void
decode_client(struct load *l, const struct pair *p, struct client_spec *c)
{
    *c = (struct client_spec){
        .name = p->key,
        .mark = p->mark,
        .rate_mhz = 100000,
        .acks = -1,
        .in_flight = 5,
        .batch_bytes = 16384,
        .max_request_bytes = 1 << 20,
        .value_bytes = 16,
        .linger_ns = 5 * NS_PER_MS,
        .retries = INT32_MAX,
        .request_timeout_ns = NS_PER_S,
        .delivery_timeout_ns = 10 * NS_PER_S,
        .max_wait_ns = 500 * NS_PER_MS,
        .since_ns = -1,
        .metadata_max_age_ns = 300 * NS_PER_S,
        .commits = COMMIT_AFTER,
        .session_ns = 45 * NS_PER_S,
        .max_poll_ns = 300 * NS_PER_S,
        .auto_commit_ns = 5 * NS_PER_S,
        .poll_records = 500,
        .txn_records = 5,
        .txn_version = 2,
        .txn_timeout_ns = 10 * NS_PER_S,
    };
    if (!value_is_word(p->key))
        diag_error(l->d, p->mark, "letters, digits, '-', '_' and '.'", "this cannot name a client");
    else if (client_name_is_taken(l, p->key))
        diag_error(l->d, p->mark, "p1, c1 …", "this name is taken");
    decode_map(l, p->value, "a client", &client_fields, c, NULL, NULL);
    if (c->idempotent == UNSAID) c->idempotent = c->acks == -1 ? YES : NO;
    member_decode(l, p, c);
    check_client_spec(l, p, c);
}

static void
decode_clients(struct load *l, const struct tree *t)
{
    if (!want_map(l, t, "clients")) return;
    l->s->clients = ARENA_ARRAY(l->a, struct client_spec, t->n * MEMBERS_MAX + 1);
    for (int32_t i = 0; i < t->n; i++) {
        struct client_spec c;
        decode_client(l, &t->pairs[i], &c);
        if (c.members) member_multiply(l, &c);
        else l->s->clients[l->s->clients_n++] = c;
    }
}

/* ---- documents ---- */

static bool
check_version(struct load *l, const struct tree *doc)
{
    if (!want_map(l, doc, "a scenario")) return false;
    const struct tree *v = tree_get(doc, S("scenario"));
    if (!v || !slice_eq(doc->pairs[0].key, S("scenario"))) {
        diag_error(l->d, doc->mark, "scenario: 1",
                   "the first key must say the version of the format");
        return false;
    }
    if (v->kind == TREE_TEXT && slice_eq(v->text, S("1"))) return true;
    diag_error(l->d, v->mark, "scenario: 1", "this version of the format is not known");
    return false;
}

/* When all that was planned has happened. */
static int64_t
default_run_ns(const struct scenario *s)
{
    int64_t end = 0, now = 0;
    for (int32_t i = 0; i < s->steps_n; i++) {
        const struct step *t = &s->steps[i];
        if (t->trigger == TRIGGER_AT) now = t->at_ns;
        else if (t->trigger == TRIGGER_THEN || t->trigger == TRIGGER_WHEN) now += t->at_ns;
        else now += t->every.max * t->times;
        end = MAX(end, now + t->args.for_ns + NS_PER_S);
    }
    for (int32_t i = 0; i < s->clients_n; i++) end = MAX(end, s->clients[i].until_ns);
    if (s->nemesis.is_on) end = MAX(end, s->nemesis.until_ns);
    return MAX(end, NS_PER_S);
}

static void
decode_document(struct load *l, const struct tree *doc)
{
    struct scenario *s = l->s;
    const struct tree *t;
    s->mark = doc->mark;
    s->seed = 1;
    cluster_default(&s->cluster);
    decode_map(l, doc, "a scenario", &document_fields, s, NULL, NULL);
    if (!tree_get(doc, S("name")))
        diag_error(l->d, doc->mark, "name: my-scenario", "the scenario has no name");
    if ((t = tree_get(doc, S("cluster")))) decode_cluster(l, t);
    if (!s->cluster.controllers && !s->cluster.combined)
        s->cluster.combined = MIN(3, s->cluster.brokers);
    if ((t = tree_get(doc, S("topics")))) decode_topics(l, t);
    if ((t = tree_get(doc, S("clients")))) decode_clients(l, t);
    if ((t = tree_get(doc, S("timeline")))) decode_timeline(l, t);
    if ((t = tree_get(doc, S("random")))) decode_random(l, t);
    if ((t = tree_get(doc, S("expect")))) decode_expect(l, t);
    if ((t = tree_get(doc, S("catches")))) decode_catches(l, t);
    if (!s->run_ns) s->run_ns = default_run_ns(s);
    for (int32_t i = 0; i < s->eventually_n; i++)
        if (s->eventually[i].args.after_ns > s->run_ns)
            diag_error(l->d, s->eventually[i].mark, "run: 1m, or an earlier time",
                       "this would count from after the end of the run (%.1f s)",
                       (double)s->run_ns / 1e9);
}

/* ---- swarms ---- */

static struct tree *
without_key(struct arena *a, const struct tree *doc, struct slice key)
{
    struct tree *t = tree_map(a, doc->mark);
    for (int32_t i = 0; i < doc->n; i++)
        if (!slice_eq(doc->pairs[i].key, key))
            tree_put(a, t, doc->pairs[i].key, doc->pairs[i].mark, doc->pairs[i].value);
    return t;
}

/* Version, name, seed: what comes first on the page. */
static struct tree *
texts_of(struct arena *a, const struct tree *doc)
{
    struct tree *t = tree_map(a, doc->mark);
    for (int32_t i = 0; i < doc->n; i++)
        if (doc->pairs[i].value->kind == TREE_TEXT)
            tree_put(a, t, doc->pairs[i].key, doc->pairs[i].mark, doc->pairs[i].value);
    return t;
}

/* What was drawn, and over it what the plan says; the plan's first key stays the first. */
static const struct tree *
draw_document(struct load *l, const struct tree *plan, uint64_t seed)
{
    struct source *source = ARENA_NEW(l->a, struct source);
    *source = (struct source){arena_format(l->a, "swarm of seed %llu", (unsigned long long)seed),
                              swarm_draw(l->a, plan, seed)};
    struct trees docs = tree_parse(l->a, source, l->d);
    CHECK(docs.n == 1);
    struct tree *said = without_key(l->a, plan, S("swarm"));
    struct tree *doc = tree_merge(l->a, tree_merge(l->a, texts_of(l->a, said), docs.v[0]), said);
    tree_put(l->a, doc, S("seed"), plan->mark,
             tree_text(l->a, arena_format(l->a, "%llu", (unsigned long long)seed), plan->mark));
    return doc;
}

static uint64_t
seed_of_plan(const struct tree *plan)
{
    const struct tree *t = tree_get(plan, S("seed"));
    int64_t seed;
    return t && t->kind == TREE_TEXT && slice_to_i64(t->text, &seed) && seed >= 0 ? (uint64_t)seed
                                                                                  : 1;
}

static void
decode_swarm(struct load *l, const struct tree *plan, uint64_t seed)
{
    const struct tree *swarm = tree_get(plan, S("swarm"));
    if (swarm->kind != TREE_MAP || swarm->n)
        diag_error(l->d, swarm->mark, "swarm: {}",
                   "swarm has nothing to say yet but that it is one");
    l->s->plan = plan;
    l->s->document = draw_document(l, plan, seed);
    decode_document(l, l->s->document);
}

const struct scenario *
scenario_of_seed(struct arena *a, const struct scenario *s, uint64_t seed, struct diags *d)
{
    static const struct load_options none;
    struct load l = {.a = a, .d = d, .options = &none};
    if (!s->plan) return s;
    l.bound.arena = a;
    l.s = ARENA_NEW(a, struct scenario);
    l.s->path = s->path;
    decode_swarm(&l, s->plan, seed);
    return l.s;
}

struct scenarios
scenario_load(struct arena *a, const struct source *source, const struct load_options *o,
              struct diags *d)
{
    static const struct load_options none;
    struct trees docs = tree_parse(a, source, d);
    struct scenarios r = {ARENA_ARRAY(a, struct scenario *, docs.n + 1), 0};
    for (int32_t i = 0; i < docs.n; i++) {
        struct load l = {.a = a, .d = d, .options = o ? o : &none};
        l.bound.arena = a;
        if (!check_version(&l, docs.v[i])) continue;
        l.s = ARENA_NEW(a, struct scenario);
        l.s->path = source->path;
        struct tree *doc = extend(&l, &docs, docs.v[i], 0);
        apply_sets(&l, doc);
        l.s->document = doc;
        if (tree_get(doc, S("swarm"))) decode_swarm(&l, doc, seed_of_plan(doc));
        else decode_document(&l, doc);
        for (int32_t j = 0; j < r.n; j++)
            if (slice_eq(r.v[j]->name, l.s->name))
                diag_error(d, docs.v[i]->mark, NULL, "two scenarios are called %.*s",
                           SARG(l.s->name));
        r.v[r.n++] = l.s;
    }
    if (!docs.n && !d->errors)
        diag_error(d, (struct mark){source, 1, 1, 1}, "scenario: 1, name: …",
                   "no scenario in this file");
    return r;
}

struct slice
cluster_config_text(const struct scenario *s, const char *name)
{
    int32_t id = config_id(CONFIG_BROKER, slice_cstr(name));
    CHECK(id >= 0);
    struct slice text = k_text(k_broker_configs[id].value);
    for (int32_t i = 0; i < s->cluster.config.n; i++)
        if (slice_eq(s->cluster.config.v[i].name, slice_cstr(name)))
            text = s->cluster.config.v[i].value;
    return text;
}

int64_t
cluster_config_i64(const struct scenario *s, const char *name)
{
    int64_t v;
    struct slice text = cluster_config_text(s, name);
    if (slice_eq(text, S("true"))) return 1;
    return slice_to_i64(text, &v) ? v : 0;
}
