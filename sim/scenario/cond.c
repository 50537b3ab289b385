/* Conditions on the cluster and the clients, as `when`, `eventually` and `at-end` use them. */
#include "sim/scenario/run_internal.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"

static bool
crowd_has_id(struct run *r, const struct target *t, int32_t id)
{
    struct crowd c = crowd_of(r, t, NULL);
    for (int32_t i = 0; i < c.n; i++) {
        const struct node_slot *n = node_of(r, c.v[i]);
        if (n && n->id == id) return true;
    }
    return false;
}

static bool
leader_holds(struct run *r, const struct args *a)
{
    const struct truth_partition *p = truth_partition(&r->truth, a->partition);
    if (!p) return false;
    if (a->is_none) return p->leader < 0;
    const struct node_slot *n = node_by_id(r, p->leader);
    if (!n || n->m->state != MACHINE_UP) return false;
    if (a->is.n && !crowd_has_id(r, &a->is, p->leader)) return false;
    return !a->is_not.n || !crowd_has_id(r, &a->is_not, p->leader);
}

static bool
is_all(const struct target *t)
{
    return t->n == 1 && t->v[0].kind == TERM_ALL;
}

static bool
all_in(struct run *r, const struct target *t, const struct ids_few *s, bool want)
{
    struct crowd c = crowd_of(r, t, NULL);
    for (int32_t i = 0; i < c.n; i++) {
        const struct node_slot *n = node_of(r, c.v[i]);
        if (n && ids_few_has(s, n->id) != want) return false;
    }
    return true;
}

static bool
isr_holds(struct run *r, const struct args *a)
{
    const struct truth_partition *p = truth_partition(&r->truth, a->partition);
    if (!p) return false;
    if (a->is_none) return p->isr.n == 0;
    if (a->size >= 0 && p->isr.n != a->size) return false;
    if (a->is.n && is_all(&a->is) && p->isr.n != p->replicas.n) return false;
    if (a->is.n && !is_all(&a->is)) {
        if (crowd_of(r, &a->is, NULL).n != p->isr.n || !all_in(r, &a->is, &p->isr, true))
            return false;
    }
    return (!a->with.n || all_in(r, &a->with, &p->isr, true)) &&
           (!a->without.n || all_in(r, &a->without, &p->isr, false));
}

static bool
brokers_hold(struct run *r, const struct args *a, bool serving)
{
    struct crowd c = crowd_of(r, &a->target, NULL);
    for (int32_t i = 0; i < c.n; i++) {
        const struct node_slot *n = node_of(r, c.v[i]);
        if (!n || !n->is_broker) continue;
        if (serving ? !broker_serves(r, n) : r->truth.unfenced[n->id]) return false;
    }
    return c.n > 0;
}

static bool
controller_holds(struct run *r, const struct args *a)
{
    const struct node_slot *n = node_by_id(r, r->truth.controller);
    bool lives = n && n->m->state == MACHINE_UP;
    if (!lives || a->is_none) return !lives && a->is_none;
    if (a->is.n && !crowd_has_id(r, &a->is, n->id)) return false;
    return !a->is_not.n || !crowd_has_id(r, &a->is_not, n->id);
}

/* NULL also while the cluster is being made: there are no clients yet. */
static const struct client_slot *
client_named(const struct run *r, struct slice name)
{
    for (int32_t i = 0; r->clients && i < r->s->clients_n; i++)
        if (slice_eq(r->clients[i].spec->name, name)) return &r->clients[i];
    return NULL;
}

static int64_t
count_of(struct run *r, const struct cond *c)
{
    const struct client_slot *x = client_named(r, c->args.name);
    const struct machine *m = c->args.name.p ? world_machine(r->w, c->args.name) : NULL;
    const struct truth_partition *p = truth_partition(&r->truth, c->args.partition);
    if (c->row->id == COND_REQUESTS || c->row->id == COND_BYTES) {
        if (!m || m->index >= TRUTH_MACHINES) return 0;
        return c->row->id == COND_BYTES ? r->sent[m->index].bytes : r->sent[m->index].requests;
    }
    if (c->row->id == COND_LOGINS) return m ? net_logins(m) : 0;
    if (c->row->id == COND_ELECTIONS) return p ? p->elections : 0;
    if (c->row->id == COND_REMOVED) return witnesses_removed(r, c->args.partition);
    if (c->row->id == COND_ROUNDS) return group_generation(r, c->args.name);
    if (!x) return 0;
    switch (c->row->id) {
    case COND_ACKED: return x->spec->copy_to.p ? x->member.copied : x->produce.acknowledged;
    case COND_READ:
        if (x->spec->share.p) return x->share.given;
        return x->spec->group.p ? x->member.read : x->consume.read;
    case COND_SKIPPED: return x->spec->group.p ? x->member.skipped : x->consume.skipped;
    case COND_PROCESSED: return x->spec->share.p ? x->share.acknowledged : x->member.processed;
    case COND_FAILED: return x->produce.failed;
    case COND_UNKNOWN: return x->produce.unknown;
    default: UNREACHABLE();
    }
}

static int64_t
longest_silence_ns(const struct run *r, struct slice name)
{
    const struct client_slot *x = client_named(r, name);
    return x ? x->produce.longest_silence_ns : 0;
}

bool
cond_holds(struct run *r, const struct cond *c)
{
    const struct args *a = &c->args;
    const struct truth_partition *p;
    switch (c->row->id) {
    case COND_SENT: return false;
    case COND_LEADER: return leader_holds(r, a);
    case COND_ISR: return isr_holds(r, a);
    case COND_FENCED: return brokers_hold(r, a, false);
    case COND_SERVING: return brokers_hold(r, a, true);
    case COND_CONTROLLER: return controller_holds(r, a);
    case COND_OWNED: return group_is_owned(r, a->name);
    case COND_COPIED: return group_is_copied(r, a->name);
    case COND_SILENCE: return longest_silence_ns(r, a->name) <= a->for_ns;
    case COND_HW:
        p = truth_partition(&r->truth, a->partition);
        return p && p->high_watermark >= a->min;
    default: return count_of(r, c) >= a->min && count_of(r, c) <= a->max;
    }
}

struct slice
cond_state(struct run *r, const struct cond *c)
{
    const struct truth_partition *p = truth_partition(&r->truth, c->args.partition);
    switch (c->row->id) {
    case COND_LEADER:
        return p ? arena_format(r->a, "it is b%d, epoch %d", p->leader, (int)p->leader_epoch)
                 : S("no such partition");
    case COND_ISR: return p ? arena_format(r->a, "%d in sync", p->isr.n) : S("no such partition");
    case COND_HW: return arena_format(r->a, "it is %lld", p ? (long long)p->high_watermark : -1LL);
    case COND_CONTROLLER: return arena_format(r->a, "it is node %d", r->truth.controller);
    case COND_OWNED: return groups_state(r);
    case COND_COPIED: return S("some have not as many copies");
    case COND_SILENCE:
        return arena_format(r->a, "it is %.3f s",
                            (double)longest_silence_ns(r, c->args.name) / 1e9);
    case COND_SENT:
    case COND_FENCED:
    case COND_SERVING: return S("they are not");
    default: return arena_format(r->a, "it is %lld", (long long)count_of(r, c));
    }
}

/* ---- watching ---- */

#define TICK_NS NS_PER_MS

static bool
look_at_pending(struct run *r, struct pending *p)
{
    if (p->step && !r->playing) {
        p->is_done = true;
        return false;
    }
    if (cond_holds(r, p->cond)) {
        p->is_done = true;
        p->came_ns = world_now_ns(r->w);
        return true;
    }
    if (world_now_ns(r->w) < p->deadline_ns) return false;
    p->is_done = true;
    if (!p->step)
        run_fail(r, VERDICT_FAIL, "did not come true in time: %.*s (%.*s)", SARG(p->cond->text),
                 SARG(cond_state(r, p->cond)));
    return false;
}

static void
fire_later(struct world *w, void *ctx)
{
    (void)w;
    play_fire(ctx);
}

static void
tick(struct world *w, void *ctx)
{
    struct run *r = ctx;
    bool more = false;
    for (int64_t i = 0; i < r->pendings.n; i++) {
        if (!r->pendings.v[i].is_done && look_at_pending(r, &r->pendings.v[i]) &&
            r->pendings.v[i].step) {
            struct step_slot *s = r->pendings.v[i].step;
            world_at(w, world_now_ns(w) + s->step->at_ns, fire_later, s);
        }
        more = more || !r->pendings.v[i].is_done;
    }
    r->ticking = more;
    if (more) world_at(w, world_now_ns(w) + TICK_NS, tick, r);
}

void
cond_watch(struct run *r, const struct cond *c, struct step_slot *step, int64_t deadline_ns)
{
    struct pending *p = VEC_ADD(r->a->mem, &r->pendings);
    *p = (struct pending){.cond = c, .step = step, .deadline_ns = deadline_ns};
    if (r->ticking) return;
    r->ticking = true;
    world_at(r->w, world_now_ns(r->w), tick, r);
}
