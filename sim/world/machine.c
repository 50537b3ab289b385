/* Machines: how they start, step and end. A step is: the event goes in (and into the hash), the
 * effects come out (and into the hash) and are carried out, observers look, deferred tasks follow. */
#include "broker/base/check.h"
#include "sim/world/fault.h"
#include "sim/world/internal.h"

/* ---- effects ---- */

static void
mach_carry_out(struct mach *m, struct effect *e)
{
    switch (e->kind) {
    case EF_OP:
        if (e->op->kind == OP_WORK) work_start(m, e->op);
        else disk_start(m, e->op);
        break;
    case EF_LISTEN: net_do_listen(m, e->listener, (int32_t)e->n); break;
    case EF_UNLISTEN: net_do_unlisten(m, e->slot); break;
    case EF_CONNECT: net_do_connect(m, e->conn, e->path, (int32_t)e->n); break;
    case EF_ACCEPT: net_do_accept(m, e->conn, (uint64_t)e->n); break;
    case EF_SEND: net_do_send(m, e->conn, e->segs, e->segs_n); break;
    case EF_PAUSE: net_do_pause(m, e->conn, true); break;
    case EF_RESUME: net_do_pause(m, e->conn, false); break;
    case EF_CLOSE: net_do_close(m, e->conn); break;
    case EF_BREAK_RANGES: net_do_break_ranges(m, e->file, e->n); break;
    case EF_FATAL: break;
    }
}

static void
mach_fatal(struct mach *m, const struct effect *e)
{
    mem_free_slice(&m->w->mem, m->m.fatal);
    m->m.fatal = mem_dup(&m->w->mem, e->path.p ? e->path : SLICE_EMPTY);
}

/* Everything that a step left; true if the machine said that this was its last. */
static bool
carry_out_all(struct mach *m)
{
    bool dies = false;
    struct env *env = &m->m.env;
    hash_effects(&m->w->hash, env);
    for (int64_t i = 0; i < env->effects.n; i++) {
        struct effect *e = &env->effects.v[i];
        mach_carry_out(m, e);
        if (e->kind == EF_FATAL) mach_fatal(m, e), dies = true;
    }
    return dies;
}

/* ---- steps ---- */

static void mach_end(struct mach *m, enum mach_end how);

static void
step_done(struct mach *m, const struct event *ev, uint64_t ordinal, bool is_start, bool is_poke)
{
    m->w->stats.events++;
    bool dies = m->m.env.effects.n > 0 && carry_out_all(m);
    m->in_step = false;
    if (m->w->trace || m->w->observers.n) watch_event(m, ev, ordinal, is_start, is_poke);
    env_effects_clear(&m->m.env);
    if (dies) mach_end(m, END_FATAL);
}

static void
deliver_one(struct mach *m, struct event *ev)
{
    struct world *w = m->w;
    world_count_step(
        w); /* a timer that is armed for now again and again never comes back to the queue */
    ev->now_ns = clock_mono(&m->m.host->clock, w->now_ns);
    ev->wall_ms = clock_wall_ms(&m->m.host->clock, w->now_ns);
    hash_event(&w->hash, w->now_ns, m->m.index, ev);
    uint64_t ordinal = event_ordinal(ev);
    m->in_step = true;
    env_deliver(&m->m.env, ev);
    step_done(m, ev, ordinal, false, false);
}

static void
mach_run_deferred(struct mach *m)
{
    int32_t life = m->m.incarnation;
    while (mach_runs(m) && m->m.incarnation == life && env_has_deferred(&m->m.env)) {
        if (world_is_interrupted(m->w)) return;
        struct event again = {.kind = EV_AGAIN};
        deliver_one(m, &again);
    }
}

void
mach_deliver(struct mach *m, struct event *ev)
{
    CHECK(mach_runs(m));
    deliver_one(m, ev);
    mach_run_deferred(m);
    mach_wake(m);
}

/* Sees to it that the machine is woken when it next has something to do by itself. */
void
mach_wake(struct mach *m)
{
    if (!machine_is_up(&m->m) || list_is_linked(&m->wake.frozen)) return;
    struct env *env = &m->m.env;
    int64_t at = clock_when(&m->m.host->clock, env_next_deadline_ns(env));
    if (env_has_deferred(env)) at = m->w->now_ns;
    at = MAX(at, m->w->now_ns);
    if (entry_is_armed(&m->wake) && entry_due_ns(&m->wake) == at) return;
    if (at == TIME_NEVER) entry_disarm(m->w, &m->wake);
    else entry_arm(m->w, &m->wake, at);
}

static void
wake_fire(struct world *w, struct entry *e)
{
    struct mach *m = CONTAINER_OF(e, struct mach, wake);
    if (mach_freeze(m, e)) return;
    mach_run_deferred(m);
    while (mach_runs(m) && !world_is_interrupted(w)) {
        int64_t now = clock_mono(&m->m.host->clock, w->now_ns);
        if (env_next_deadline_ns(&m->m.env) > now) break;
        struct event due = {.kind = EV_TIMER};
        deliver_one(m, &due);
        mach_run_deferred(m);
    }
    mach_wake(m);
}

bool
mach_freeze(struct mach *m, struct entry *e)
{
    if (m->m.state != MACHINE_PAUSED) return false;
    if (!list_is_linked(&e->frozen)) list_push_back(&m->frozen, &e->frozen);
    return true;
}

/* ---- life ---- */

struct machine *
world_add(struct world *w, const struct machine_params *p)
{
    CHECK(!world_machine(w, p->name));
    struct mach *m = MEM_NEW(&w->mem, struct mach);
    m->m.name = mem_dup(&w->mem, p->name);
    m->m.kind = mem_dup(&w->mem, p->kind.p ? p->kind : S("machine"));
    m->m.index = (int32_t)w->machines.n;
    m->m.host = world_host_add(w, p->host.p ? p->host : p->name);
    m->m.world = w;
    m->w = w;
    m->start = p->start;
    m->args = p->args;
    m->wake.fire = wake_fire;
    m->work_dice = world_dice(w, S("work"), p->name);
    list_init(&m->ops);
    list_init(&m->works);
    list_init(&m->ends);
    list_init(&m->listeners);
    list_init(&m->opens);
    list_init(&m->frozen);
    VEC_PUSH(&w->mem, &w->machines, m);
    watch_machine(m);
    return &m->m;
}

struct machine *
world_machine(struct world *w, struct slice name)
{
    for (int64_t i = 0; i < w->machines.n; i++)
        if (slice_eq(w->machines.v[i]->m.name, name)) return &w->machines.v[i]->m;
    return NULL;
}

int32_t
world_machines_n(const struct world *w)
{
    return (int32_t)w->machines.n;
}

struct machine *
world_machine_at(struct world *w, int32_t index)
{
    CHECK(index >= 0 && index < w->machines.n);
    return &w->machines.v[index]->m;
}

struct machine *
world_acting(struct world *w)
{
    for (int64_t i = 0; i < w->machines.n; i++)
        if (w->machines.v[i]->in_step) return &w->machines.v[i]->m;
    return NULL;
}

static struct siphash_key
machine_seed(const struct mach *m)
{
    struct dice d = world_dice(m->w, S("machine"), m->m.name);
    struct siphash_key key;
    d.n = (uint64_t)m->m.incarnation * 2;
    key.k0 = dice_draw(&d);
    key.k1 = dice_draw(&d);
    return key;
}

void
machine_start(struct machine *pub)
{
    struct mach *m = mach_of(pub);
    struct world *w = m->w;
    world_must_be_between(w);
    CHECK(pub->state == MACHINE_DOWN);
    pub->host->has_power = true;
    pub->state = MACHINE_UP;
    pub->incarnation++;
    mem_free_slice(&w->mem, pub->fatal);
    pub->fatal = SLICE_NULL;
    env_init(&pub->env,
             &(struct env_params){.source = pool_source(&w->pool),
                                  .memory_ceiling_bytes = w->options.memory_ceiling_bytes,
                                  .seed = machine_seed(m),
                                  .now_ns = clock_mono(&pub->host->clock, w->now_ns),
                                  .wall_ms = clock_wall_ms(&pub->host->clock, w->now_ns),
                                  .crc32c = w->options.crc32c,
                                  .notes_on = w->options.notes_on,
                                  .hostname = pub->host->name});
    hash_mark(&w->hash, w->now_ns, pub->index, pub->incarnation);
    watch_life(m, LIFE_START, SLICE_EMPTY);
    m->in_step = true;
    m->start(&pub->env, m->args);
    step_done(m, NULL, 0, true, false);
    mach_run_deferred(m);
    mach_wake(m);
}

struct poke {
    struct entry e;
    struct mach *m;
    int32_t incarnation;
    void (*fn)(struct env *env, void *ctx);
    void *ctx;
};

static void
poke_now(struct mach *m, void (*fn)(struct env *env, void *ctx), void *ctx)
{
    struct world *w = m->w;
    struct env *env = &m->m.env;
    env->now_ns = clock_mono(&m->m.host->clock, w->now_ns);
    env->wall_ms = clock_wall_ms(&m->m.host->clock, w->now_ns);
    arena_reset(&env->scratch);
    hash_mark(&w->hash, w->now_ns, m->m.index, -1);
    m->in_step = true;
    fn(env, ctx);
    step_done(m, NULL, 0, false, true);
    mach_run_deferred(m);
    mach_wake(m);
}

static void
poke_fire(struct world *w, struct entry *e)
{
    struct poke *p = CONTAINER_OF(e, struct poke, e), copy = *p;
    if (copy.m->m.incarnation == copy.incarnation && mach_freeze(copy.m, e)) return;
    MEM_DELETE(&w->mem, p);
    if (copy.m->m.incarnation == copy.incarnation && mach_runs(copy.m))
        poke_now(copy.m, copy.fn, copy.ctx);
}

void
machine_poke(struct machine *pub, void (*fn)(struct env *env, void *ctx), void *ctx)
{
    struct mach *m = mach_of(pub);
    world_must_be_between(m->w);
    CHECK(machine_is_up(pub));
    if (mach_runs(m)) {
        poke_now(m, fn, ctx);
        return;
    }
    struct poke *p = MEM_NEW(&m->w->mem, struct poke);
    *p = (struct poke){
        .e.fire = poke_fire, .m = m, .incarnation = pub->incarnation, .fn = fn, .ctx = ctx};
    list_push_back(&m->frozen, &p->e.frozen);
}

/* Entries that wait for a machine that will never resume. */
static void
thaw(struct mach *m, bool fire)
{
    struct list waiting;
    list_init(&waiting);
    for (struct list *n; (n = list_pop_front(&m->frozen)) != NULL;) list_push_back(&waiting, n);
    for (struct list *n; (n = list_pop_front(&waiting)) != NULL;) {
        struct entry *e = LIST_ENTRY(n, struct entry, frozen);
        if (fire || e->fire == poke_fire) entry_arm(m->w, e, m->w->now_ns);
    }
}

static enum life
life_of(enum mach_end how)
{
    switch (how) {
    case END_CRASH: return LIFE_CRASH;
    case END_POWER: return LIFE_POWER;
    case END_FATAL: break;
    }
    return LIFE_FATAL;
}

static void
mach_end(struct mach *m, enum mach_end how)
{
    struct world *w = m->w;
    entry_disarm(w, &m->wake);
    m->m.state = MACHINE_DOWN;
    thaw(m, false);
    disk_forget(m, how == END_POWER);
    work_forget(m);
    net_forget(m, how == END_POWER);
    env_release(&m->m.env);
    watch_life(m, life_of(how), m->m.fatal.p ? m->m.fatal : SLICE_EMPTY);
}

/* ---- faults of processes ---- */

void
fault_crash(struct machine *pub)
{
    struct mach *m = mach_of(pub);
    world_must_be_between(m->w);
    if (!machine_is_up(pub)) return;
    watch_fault(m->w, S("crash"), pub->name);
    m->w->stats.crashes++;
    mach_end(m, END_CRASH);
}

void
fault_power(struct machine *pub)
{
    struct world *w = pub->world;
    world_must_be_between(w);
    if (!pub->host->has_power) return;
    watch_harm(pub);
    watch_fault(w, S("power"), pub->name);
    w->stats.power_losses++;
    for (int64_t i = 0; i < w->machines.n; i++) {
        struct mach *m = w->machines.v[i];
        if (m->m.host == pub->host && machine_is_up(&m->m)) mach_end(m, END_POWER);
    }
    pub->host->has_power = false;
    disk_power_loss(pub->host->disk);
    net_host_lost(w, pub->host);
}

void
fault_pause(struct machine *pub)
{
    struct mach *m = mach_of(pub);
    world_must_be_between(m->w);
    if (pub->state != MACHINE_UP) return;
    watch_fault(m->w, S("pause"), pub->name);
    pub->state = MACHINE_PAUSED;
    watch_life(m, LIFE_PAUSE, SLICE_EMPTY);
}

void
fault_resume(struct machine *pub)
{
    struct mach *m = mach_of(pub);
    world_must_be_between(m->w);
    if (pub->state != MACHINE_PAUSED) return;
    watch_fault(m->w, S("resume"), pub->name);
    pub->state = MACHINE_UP;
    watch_life(m, LIFE_RESUME, SLICE_EMPTY);
    thaw(m, true);
    mach_wake(m);
}

void
fault_wipe(struct machine *pub)
{
    struct world *w = pub->world;
    for (int64_t i = 0; i < w->machines.n; i++)
        CHECK(w->machines.v[i]->m.host != pub->host || !machine_is_up(&w->machines.v[i]->m));
    watch_harm(pub);
    watch_fault(w, S("wipe"), pub->name);
    disk_wipe(pub->host->disk);
}

int64_t
machine_disk_ops(const struct machine *pub)
{
    return mach_of((struct machine *)(uintptr_t)pub)->disk_ops;
}

int64_t
machine_armed_op(const struct machine *pub)
{
    return mach_of((struct machine *)(uintptr_t)pub)->crash_at_op;
}

void
fault_at_disk_op(struct machine *pub, int64_t n, bool power)
{
    struct mach *m = mach_of(pub);
    m->crash_at_op = n;
    m->crash_is_power = power;
}
