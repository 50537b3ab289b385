/* Targets become machines at the moment when a step fires: roles are what they are then. */
#include "sim/scenario/outside.h"
#include "sim/scenario/run_internal.h"

#include "broker/base/check.h"
#include "sim/scenario/diag.h"

static bool
has(const struct crowd *c, const struct machine *m)
{
    for (int32_t i = 0; i < c->n; i++)
        if (c->v[i] == m) return true;
    return false;
}

static void
crowd_put(struct crowd *c, struct machine *m)
{
    if (m && !has(c, m)) c->v[c->n++] = m;
}

static void
put_nodes(struct run *r, struct crowd *c, bool brokers, bool controllers)
{
    for (int32_t i = 0; i < r->nodes_n; i++)
        if ((brokers && r->nodes[i].is_broker) || (controllers && r->nodes[i].is_controller))
            crowd_put(c, r->nodes[i].m);
}

static void
put_quorum_followers(struct run *r, struct crowd *c)
{
    for (int32_t i = 0; i < r->nodes_n; i++)
        if (r->nodes[i].is_controller && r->nodes[i].id != r->truth.quorum_leader)
            crowd_put(c, r->nodes[i].m);
}

static void
put_clients(struct run *r, struct crowd *c)
{
    for (int32_t i = 0; i < world_machines_n(r->w); i++) {
        struct machine *m = world_machine_at(r->w, i);
        if (slice_eq(m->kind, S("client"))) crowd_put(c, m);
    }
}

/* Outside first: who asks for a client by brackets hardly means the scenario's own of the same name. */
static void
put_client(struct run *r, struct crowd *c, struct slice name)
{
    struct machine *m = world_machine(r->w, arena_format(r->a, "%.*s" OUTSIDE_SUFFIX, SARG(name)));
    if (!m) m = world_machine(r->w, name);
    if (m && slice_eq(m->kind, S("client"))) crowd_put(c, m);
}

/* Whoever has a connection now on which he has shown it. */
static void
put_principal(struct run *r, struct crowd *c, struct slice name)
{
    for (int32_t i = 0; i < world_machines_n(r->w); i++) {
        struct machine *m = world_machine_at(r->w, i);
        if (net_machine_is_of(r->w, m, name)) crowd_put(c, m);
    }
}

static void
put_id(struct run *r, struct crowd *c, int32_t id)
{
    const struct node_slot *n = node_by_id(r, id);
    if (n) crowd_put(c, n->m);
}

static void
put_role(struct run *r, struct crowd *c, const struct term *t)
{
    const struct truth_partition *p = truth_partition(&r->truth, t->partition);
    if (!p) return;
    if (t->kind == TERM_LEADER) {
        put_id(r, c, p->leader);
        return;
    }
    for (int32_t i = 0; i < p->replicas.n; i++)
        if (p->replicas.v[i] != p->leader) put_id(r, c, p->replicas.v[i]);
}

/* Who leads its partition of the topic that groups, or transactions, are kept in. */
static void
put_coordinator(struct run *r, struct crowd *c, struct slice group)
{
    const struct truth_partition *p = truth_partition(&r->truth, group_home(r, group));
    if (p) put_id(r, c, p->leader);
}

/* Topics of Kafka's own count when there are no others. Of several the first. */
static void
put_busiest(struct run *r, struct crowd *c)
{
    int64_t led[TRUTH_NODES] = {0};
    const struct node_slot *best = NULL;
    for (int64_t i = 0; i < r->truth.partitions.n; i++) {
        const struct truth_partition *p = r->truth.partitions.v[i];
        bool is_kafkas = slice_starts(p->topic, S("__"));
        if (p->leader >= 0 && p->leader < TRUTH_NODES) led[p->leader] += is_kafkas ? 1 : 1 << 20;
    }
    for (int32_t i = 0; i < r->nodes_n; i++) {
        const struct node_slot *n = &r->nodes[i];
        if (!n->is_broker || n->m->state != MACHINE_UP) continue;
        if (!best || led[n->id] > led[best->id]) best = n;
    }
    if (best) crowd_put(c, best->m);
}

static void
put_any(struct run *r, struct crowd *c, int64_t n)
{
    struct node_slot *up[TRUTH_NODES];
    int32_t up_n = 0;
    for (int32_t i = 0; i < r->nodes_n; i++)
        if (r->nodes[i].is_broker && r->nodes[i].m->state == MACHINE_UP) up[up_n++] = &r->nodes[i];
    while (n-- > 0 && up_n > 0) {
        int64_t at = dice_below(&r->dice, up_n);
        crowd_put(c, up[at]->m);
        up[at] = up[--up_n];
    }
}

struct bound *
bound_find(struct run *r, struct slice name)
{
    for (int64_t i = r->bounds.n - 1; i >= 0; i--)
        if (slice_eq(r->bounds.v[i].name, name)) return &r->bounds.v[i];
    return NULL;
}

static void
put_bound(struct run *r, struct crowd *c, struct slice name)
{
    const struct bound *b = bound_find(r, name);
    for (int32_t i = 0; b && i < b->machines_n; i++) crowd_put(c, b->machines[i]);
}

static void
put_rest(struct run *r, struct crowd *c, const struct crowd *other)
{
    for (int32_t i = 0; i < world_machines_n(r->w); i++) {
        struct machine *m = world_machine_at(r->w, i);
        if (!other || !has(other, m)) crowd_put(c, m);
    }
}

struct crowd
crowd_of(struct run *r, const struct target *t, const struct crowd *other_side)
{
    struct crowd c = {ARENA_ARRAY(r->a, struct machine *, world_machines_n(r->w) + 1), 0};
    for (int32_t i = 0; i < t->n; i++) {
        const struct term *term = &t->v[i];
        switch (term->kind) {
        case TERM_NAME: crowd_put(&c, world_machine(r->w, term->name)); break;
        case TERM_ALL: put_nodes(r, &c, true, true); break;
        case TERM_BROKERS: put_nodes(r, &c, true, false); break;
        case TERM_CONTROLLERS: put_nodes(r, &c, false, true); break;
        case TERM_CLIENTS: put_clients(r, &c); break;
        case TERM_REST: put_rest(r, &c, other_side); break;
        case TERM_LEADER:
        case TERM_FOLLOWERS: put_role(r, &c, term); break;
        case TERM_CONTROLLER: put_id(r, &c, r->truth.controller); break;
        case TERM_QUORUM_LEADER: put_id(r, &c, r->truth.quorum_leader); break;
        case TERM_QUORUM_FOLLOWERS: put_quorum_followers(r, &c); break;
        case TERM_COORDINATOR: put_coordinator(r, &c, term->name); break;
        case TERM_CLIENT: put_client(r, &c, term->name); break;
        case TERM_PRINCIPAL: put_principal(r, &c, term->name); break;
        case TERM_BUSIEST: put_busiest(r, &c); break;
        case TERM_ANY: put_any(r, &c, term->n); break;
        case TERM_BOUND: put_bound(r, &c, term->name); break;
        }
    }
    return c;
}

/* ---- nobody ---- */

static const struct truth_partition *
some_partition(struct run *r, struct slice topic, int32_t *ret_n)
{
    const struct truth_partition *some = NULL;
    *ret_n = 0;
    for (int64_t i = 0; i < r->truth.partitions.n; i++) {
        if (!slice_eq(r->truth.partitions.v[i]->topic, topic)) continue;
        some = r->truth.partitions.v[i];
        *ret_n = MAX(*ret_n, some->partition + 1);
    }
    return some;
}

static struct slice
why_no_partition(struct run *r, struct partition_ref p)
{
    int32_t n;
    const struct truth_partition *known = truth_partition(&r->truth, p);
    struct words topics = {.arena = r->a};
    if (known)
        return arena_format(r->a, "%.*s has no %s now", SARG(known->name),
                            known->leader < 0 ? "leader" : "other replica");
    if (some_partition(r, p.topic, &n))
        return arena_format(r->a, "%.*s has %d partition%s, numbered from 0", SARG(p.topic), (int)n,
                            n == 1 ? "" : "s");
    for (int64_t i = 0; i < r->truth.partitions.n; i++)
        if (!slice_starts(r->truth.partitions.v[i]->topic, S("__")))
            words_add(&topics, r->truth.partitions.v[i]->topic);
    const char *advice = topics.v.n ? words_advice(&topics, p.topic) : NULL;
    return arena_format(r->a, "there is no topic %.*s now%s%s", SARG(p.topic), advice ? ": " : "",
                        advice ? advice : "");
}

static struct slice
why_no_coordinator(struct run *r, struct slice id)
{
    bool is_known =
        !r->look || look_knows(r, COORDINATED_GROUP, id) || look_knows(r, COORDINATED_TXN, id);
    return is_known
             ? arena_format(r->a, "%.*s has no coordinator now", SARG(id))
             : arena_format(r->a, "no group and no transactional id is called %.*s now", SARG(id));
}

struct slice
why_nobody(struct run *r, const struct target *t)
{
    const struct term *term = t->n ? &t->v[0] : NULL;
    switch (term ? term->kind : TERM_ALL) {
    case TERM_LEADER:
    case TERM_FOLLOWERS: return why_no_partition(r, term->partition);
    case TERM_COORDINATOR: return why_no_coordinator(r, term->name);
    case TERM_CLIENT: return arena_format(r->a, "no client is called %.*s now", SARG(term->name));
    case TERM_PRINCIPAL:
        return arena_format(r->a, "nobody has shown now that he is %.*s", SARG(term->name));
    case TERM_CLIENTS: return S("there is no client now");
    case TERM_CONTROLLER: return S("no controller is active now");
    case TERM_QUORUM_LEADER: return S("the quorum has no leader now");
    case TERM_BUSIEST:
    case TERM_ANY: return S("no broker is up now");
    default: return S("nobody there");
    }
}
