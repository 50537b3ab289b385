/* The verbs: each does its fault to whom it means, remembers what lasts under the step's name, and takes
 * back by itself what has a `for`. */
#include "sim/scenario/run_internal.h"

#include <stdio.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"

/* ---- what is taken back ---- */

enum undo_kind { UNDO_FAULT, UNDO_UP, UNDO_DISK };

struct undo {
    struct run *r;
    enum undo_kind kind;
    fault_id fault;
    struct machine *m;
};

static void
touched(struct run *r)
{
    r->last_fault_ns = world_now_ns(r->w);
}

static void
undo(struct world *w, void *ctx)
{
    const struct undo *u = ctx;
    if (!u->r->playing) return;
    touched(u->r);
    switch (u->kind) {
    case UNDO_FAULT: fault_heal(w, u->fault); break;
    case UNDO_UP: node_up(u->r, u->m); break;
    case UNDO_DISK: fault_disk_heal(u->m); break;
    }
}

static void
undo_later(struct run *r, int64_t for_ns, enum undo_kind kind, fault_id fault, struct machine *m)
{
    if (for_ns <= 0) return;
    struct undo *u = ARENA_NEW(r->a, struct undo);
    *u = (struct undo){r, kind, fault, m};
    world_at(r->w, world_now_ns(r->w) + for_ns, undo, u);
}

void
heal_later(struct run *r, int64_t for_ns, fault_id fault)
{
    undo_later(r, for_ns, UNDO_FAULT, fault, NULL);
}

/* ---- names ---- */

void
remember_bound(struct run *r, const struct step *s, struct crowd crowd, const fault_id *faults,
               int32_t n)
{
    if (!s->as.p) return;
    struct bound *b = VEC_ADD(r->a->mem, &r->bounds);
    *b = (struct bound){s->as, crowd.v, crowd.n, NULL, n, world_now_ns(r->w)};
    b->faults = ARENA_ARRAY(r->a, fault_id, n + 1);
    if (n) memcpy(b->faults, faults, (size_t)n * sizeof *faults);
}

struct slice
names_of(struct run *r, const struct crowd *c)
{
    struct writer w = writer_mem(r->a->mem);
    for (int32_t i = 0; i < c->n; i++) {
        if (i) fmt_str(&w, ", ");
        fmt_slice(&w, c->v[i]->name);
    }
    if (!c->n) fmt_str(&w, "nobody");
    struct slice s = arena_dup(r->a, writer_slice(&w));
    writer_release(&w);
    return s;
}

/* "leader of orders-0 (epoch 1)", for the story. */
static struct slice
role_of(struct run *r, const struct machine *m)
{
    const struct node_slot *n = node_of(r, m);
    struct writer w = writer_mem(r->a->mem);
    if (n && r->truth.controller == n->id) fmt_str(&w, ", the active controller");
    int32_t led = 0;
    for (int64_t i = 0; n && i < r->truth.partitions.n; i++) {
        const struct truth_partition *p = r->truth.partitions.v[i];
        if (p->leader != n->id || ++led > 3) continue;
        fmt_str(&w, led == 1 ? ", leader of " : ", ");
        fmt_slice(&w, p->name);
        fmt_str(&w, " (epoch ");
        fmt_i64(&w, p->leader_epoch);
        fmt_char(&w, ')');
    }
    if (led > 3) fmt_str(&w, " …");
    struct slice s = arena_dup(r->a, writer_slice(&w));
    writer_release(&w);
    return s;
}

/* Whoever typed the step wants to know. */
void
say_missed(struct run *r, const struct step *s, const struct target *t)
{
    r->missed = why_nobody(r, t);
    run_say(r, "%.*s: %.*s", SARG(s->text), SARG(r->missed));
}

/* Whom it means; of nobody the story says why. */
static struct crowd
crowd_met(struct run *r, const struct step *s)
{
    struct crowd c = crowd_of(r, &s->args.target, NULL);
    if (c.n) r->has_met = true;
    else say_missed(r, s, &s->args.target);
    return c;
}

/* ---- machines ---- */

static void
hurt(struct run *r, struct machine *m)
{
    struct node_slot *n = node_of(r, m);
    if (n) n->hurt = true;
}

struct roll {
    struct run *r;
    struct crowd crowd;
    int32_t at;
    int64_t pause_ns;
    bool down;
};

static void
roll_on(struct world *w, void *ctx)
{
    struct roll *roll = ctx;
    struct run *r = roll->r;
    if (!r->playing || roll->at >= roll->crowd.n) return;
    struct machine *m = roll->crowd.v[roll->at];
    const struct node_slot *n = node_of(r, m);
    int64_t again_ns = 10 * NS_PER_MS;
    touched(r);
    if (!roll->down) {
        run_fault(r, "shut down", "%.*s in order%.*s", SARG(m->name), SARG(role_of(r, m)));
        if (m->state == MACHINE_UP) node_shut_down(r, m);
        roll->down = true;
    } else if (m->state == MACHINE_DOWN) {
        run_say(r, "start %.*s", SARG(m->name));
        machine_start(m);
    } else if (!n->is_broker || (broker_serves(r, n) && m->incarnation > 1)) {
        roll->at++;
        roll->down = false;
        again_ns = MAX(roll->pause_ns, 1);
    }
    world_at(w, world_now_ns(w) + again_ns, roll_on, roll);
}

static void
roll(struct run *r, const struct step *s, struct crowd c)
{
    struct roll *x = ARENA_NEW(r->a, struct roll);
    *x = (struct roll){.r = r, .pause_ns = s->args.for_ns};
    x->crowd.v = ARENA_ARRAY(r->a, struct machine *, c.n + 1);
    for (int32_t i = 0; i < c.n;
         i++) /* a name may stand for clients, too: they do not stop in order */
        if (node_of(r, c.v[i])) x->crowd.v[x->crowd.n++] = c.v[i];
    roll_on(r->w, x);
}

static struct client_slot *
client_slot_of(struct run *r, const struct machine *m)
{
    for (int32_t i = 0; i < r->s->clients_n; i++)
        if (r->clients[i].m == m) return &r->clients[i];
    return NULL;
}

/* A producer sends what it has, and no more; a member finishes its work, commits, and leaves its group. */
static void
shut_down(struct run *r, struct machine *m)
{
    struct client_slot *c = client_slot_of(r, m);
    if (c) c->produce.stop = c->member.stop = true;
    else if (m->state == MACHINE_UP && node_of(r, m)) node_shut_down(r, m);
}

static void
restart(struct run *r, struct machine *m)
{
    struct client_slot *c = client_slot_of(r, m);
    if (c) c->produce.stop = c->member.stop = false;
    if (machine_is_up(m)) fault_crash(m);
    machine_start(m);
}

static void
meet(struct run *r, const struct step *s, struct machine *m)
{
    hurt(r, m);
    switch (s->verb->id) {
    case VERB_CRASH: fault_crash(m); break;
    case VERB_POWER: fault_power(m); break;
    case VERB_WIPE: fault_crash(m), fault_wipe(m); break;
    case VERB_PAUSE: fault_pause(m); break;
    case VERB_RESUME: fault_resume(m); break;
    case VERB_SHUTDOWN: shut_down(r, m); break;
    case VERB_RESTART: restart(r, m); break;
    case VERB_CLOCK:
        if (s->args.step_ns) fault_clock_step(m, s->args.step_ns / NS_PER_MS);
        if (s->args.down_ns) fault_clock_step(m, -(s->args.down_ns / NS_PER_MS));
        if (s->args.drift) fault_clock_drift(m, s->args.drift);
        break;
    default: UNREACHABLE();
    }
}

/* At a disk operation of its own, not now. */
static void
arm_disk_end(struct run *r, const struct step *s, struct machine *m)
{
    struct node_slot *n = node_of(r, m);
    bool power = s->verb->id == VERB_POWER;
    if (!n) {
        run_say(r, "%.*s: %.*s is no node", SARG(s->text), SARG(m->name));
        return;
    }
    run_say(r, "%s %.*s at its disk operation %lld from now", power ? "power" : "crash",
            SARG(m->name), (long long)s->args.at_op);
    run_arm(n, machine_disk_ops(m) + s->args.at_op, power, s->args.for_ns);
}

/* Why this does nothing to that machine; NULL: it does. (A host without a process can still lose power.) */
static const char *
is_idle(enum verb_id id, const struct machine *m)
{
    bool is_down = m->state == MACHINE_DOWN;
    if (is_down && (id == VERB_CRASH || id == VERB_PAUSE || id == VERB_SHUTDOWN))
        return "it is down already";
    if (id == VERB_PAUSE && m->state == MACHINE_PAUSED) return "it is paused already";
    if (id == VERB_RESUME && m->state != MACHINE_PAUSED) return "it is not paused";
    return NULL;
}

/* What is told is what happens. */
static void
act_on_machine(struct run *r, const struct step *s, struct machine *m)
{
    enum verb_id id = s->verb->id;
    const char *why = is_idle(id, m);
    if (why) {
        run_say(r, "%s %.*s: %s", s->verb->value.name, SARG(m->name), why);
        return;
    }
    struct slice role = id == VERB_RESTART || id == VERB_RESUME ? SLICE_EMPTY : role_of(r, m);
    if (id == VERB_CLOCK) run_fault(r, "clock", "%.*s: %.*s", SARG(m->name), SARG(s->beside));
    else run_fault(r, s->verb->value.name, "%.*s%.*s", SARG(m->name), SARG(role));
    meet(r, s, m);
}

static void
act_on_machines(struct run *r, const struct step *s)
{
    struct crowd c = crowd_met(r, s);
    enum verb_id id = s->verb->id;
    for (int32_t i = 0; i < c.n; i++) {
        struct machine *m = c.v[i];
        if (s->args.at_op) {
            arm_disk_end(r, s, m);
            continue;
        }
        act_on_machine(r, s, m);
        bool lasts = id == VERB_CRASH || id == VERB_POWER || id == VERB_PAUSE;
        if (lasts) undo_later(r, s->args.for_ns, UNDO_UP, 0, m);
    }
    remember_bound(r, s, c, NULL, 0);
}

/* ---- disks ---- */

static void
act_on_disk(struct run *r, const struct step *s)
{
    const struct args *a = &s->args;
    struct crowd c = crowd_met(r, s);
    for (int32_t i = 0; i < c.n; i++) {
        struct machine *m = c.v[i];
        hurt(r, m);
        run_fault(r, "disk", "%.*s: %.*s", SARG(m->name), SARG(s->beside));
        if (a->heals) fault_disk_heal(m);
        if (a->fail) fault_disk_fail(m, (int32_t)a->fail, a->path, (int32_t)a->count);
        if (a->full >= 0) fault_disk_full(m, a->full);
        if (a->percent) fault_disk_slow(m, a->percent);
        if (a->sync_percent) fault_disk_slow_sync(m, a->sync_percent);
        if (a->permille) fault_disk_short_reads(m, a->permille);
        if (a->rot) fault_disk_rot(m, a->path, a->rot_offset, (int32_t)a->rot);
        if (a->misdirects) fault_disk_misdirect(m, a->path);
        if (a->erases) fault_disk_erase(m, a->path);
        if (a->shorten >= 0) fault_disk_shorten(m, a->path, a->shorten);
        if (!a->heals) undo_later(r, a->for_ns, UNDO_DISK, 0, m);
    }
    remember_bound(r, s, c, NULL, 0);
}

/* ---- links ---- */

static struct machines
machines_of(struct crowd c)
{
    return (struct machines){c.v, c.n};
}

static bool
side_is_rest(const struct target *t)
{
    return t->n == 1 && t->v[0].kind == TERM_REST;
}

static void
sides(struct run *r, const struct args *a, struct crowd *from, struct crowd *to)
{
    if (side_is_rest(&a->from)) {
        *to = crowd_of(r, &a->to, NULL);
        *from = crowd_of(r, &a->from, to);
    } else {
        *from = crowd_of(r, &a->from, NULL);
        *to = crowd_of(r, &a->to, from);
    }
}

static fault_id
begin_on_link(struct run *r, const struct step *s, struct crowd from, struct crowd to)
{
    const struct args *a = &s->args;
    struct machines x = machines_of(from), y = machines_of(to);
    switch (s->verb->id) {
    case VERB_CUT: return fault_cut(r->w, x, y, a->both_ways);
    case VERB_FLAP: return fault_flap(r->w, x, y, a->both_ways, a->down_ns, a->up_ns);
    case VERB_SLOW:
        return fault_slow_link(r->w, x, y, a->both_ways,
                               (struct slow){.latency = {a->by.min, a->by.max, 0, 0},
                                             .bandwidth_bytes_per_s = a->bandwidth,
                                             .loss_permille = a->permille});
    default: break;
    }
    for (int32_t i = 0; i < from.n; i++) {
        for (int32_t j = 0; j < to.n; j++) {
            if (s->verb->id == VERB_RESET) fault_reset(r->w, from.v[i], to.v[j]);
            else fault_half_open(r->w, from.v[i], to.v[j]);
        }
    }
    return 0;
}

static void
act_on_link(struct run *r, const struct step *s)
{
    struct crowd from, to, all;
    sides(r, &s->args, &from, &to);
    if (!from.n || !to.n) {
        say_missed(r, s, from.n ? &s->args.to : &s->args.from);
        remember_bound(r, s, (struct crowd){0}, NULL, 0);
        return;
    }
    r->has_met = true;
    run_fault(r, s->verb->value.name, "%.*s %s %.*s", SARG(names_of(r, &from)),
              s->args.both_ways ? "|" : ">", SARG(names_of(r, &to)));
    fault_id id = begin_on_link(r, s, from, to);
    if (id) heal_later(r, s->args.for_ns, id);
    all = (struct crowd){ARENA_ARRAY(r->a, struct machine *, from.n + to.n + 1), from.n};
    if (from.n) memcpy(all.v, from.v, (size_t)from.n * sizeof *all.v);
    remember_bound(r, s, all, &id, id ? 1 : 0);
}

/* ---- healing ---- */

static void
act_heal(struct run *r, const struct step *s)
{
    run_say(r, "%.*s", SARG(s->text));
    for (int32_t i = 0; i < s->args.target.n; i++) {
        const struct term *t = &s->args.target.v[i];
        if (t->kind == TERM_ALL) fault_heal_all(r->w);
        const struct bound *b = t->kind == TERM_BOUND ? bound_find(r, t->name) : NULL;
        for (int32_t j = 0; b && j < b->faults_n; j++) fault_heal(r->w, b->faults[j]);
    }
    remember_bound(r, s, (struct crowd){0}, NULL, 0);
}

/* ---- all ---- */

void
act(struct run *r, const struct step *s)
{
    r->fault_counts[s->verb->id]++;
    r->faults += s->verb->id != VERB_NOTE && s->verb->id != VERB_ADMIN && s->verb->id != VERB_ASK;
    act_uncounted(r, s);
}

void
act_uncounted(struct run *r, const struct step *s)
{
    touched(r);
    switch (s->verb->id) {
    case VERB_CUT:
    case VERB_FLAP:
    case VERB_SLOW:
    case VERB_RESET:
    case VERB_HALF_OPEN: act_on_link(r, s); break;
    case VERB_HOLD:
    case VERB_DELAY:
    case VERB_LOSE:
    case VERB_BREAK:
    case VERB_REPEAT:
    case VERB_ANSWER: act_on_frames(r, s); break;
    case VERB_HEAL:
    case VERB_RELEASE: act_heal(r, s); break;
    case VERB_DISK: act_on_disk(r, s); break;
    case VERB_ADMIN:
        run_say(r, "%.*s", SARG(s->text));
        admin_act(r, &s->args, s->text);
        remember_bound(r, s, (struct crowd){0}, NULL, 0);
        break;
    case VERB_ASK:
        ask_act(r, s);
        remember_bound(r, s, (struct crowd){0}, NULL, 0);
        break;
    case VERB_ROLL: {
        struct crowd c = crowd_met(r, s);
        for (int32_t i = 0; i < c.n; i++) hurt(r, c.v[i]);
        remember_bound(r, s, c, NULL, 0);
        roll(r, s, c);
        break;
    }
    case VERB_PRESET: UNREACHABLE();
    case VERB_NOTE:
        run_say(r, "%.*s", SARG(s->args.name));
        remember_bound(r, s, (struct crowd){0}, NULL, 0);
        break;
    default: act_on_machines(r, s); break;
    }
}
