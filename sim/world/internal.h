/* What the parts of the simulator share: the queue, a machine's other half, hosts. Not for users of
 * the world. */
#ifndef SIM_WORLD_INTERNAL_H
#define SIM_WORLD_INTERNAL_H

#include "broker/base/bytes.h"
#include "sim/disk/disk.h"
#include "sim/net/net.h"
#include "sim/world/hash.h"
#include "sim/world/pool.h"
#include "sim/world/queue.h"
#include "sim/world/world.h"

struct clock {
    int64_t anchor_ns, base_ns, ppm; /* monotonic: base + (t - anchor), faster by ppm */
    int64_t wall_ms;                 /* at monotonic 0 */
};

__extension__ typedef __int128 clock_wide;
#define CLOCK_MILLION 1000000

static inline int64_t
clock_mono(const struct clock *c, int64_t now_ns)
{
    int64_t d = now_ns - c->anchor_ns;
    if (!c->ppm) return c->base_ns + d;
    return c->base_ns + (int64_t)((clock_wide)d * (CLOCK_MILLION + c->ppm) / CLOCK_MILLION);
}

static inline int64_t
clock_wall_ms(const struct clock *c, int64_t now_ns)
{
    return c->wall_ms + clock_mono(c, now_ns) / NS_PER_MS;
}

struct host {
    struct slice name;
    int32_t index;
    bool has_power;
    struct clock clock;
    struct disk *disk;
    int32_t next_port;
    VEC(struct link *) links; /* by the index of the host they go to */
};

/* A machine with what its body keeps about it. */
struct mach {
    struct machine m; /* first */
    struct world *w;
    void (*start)(struct env *env, void *args);
    void *args;
    bool in_step;
    struct entry wake;
    struct list ops, works; /* running */
    struct list ends;       /* of connections */
    struct list listeners;
    struct list opens;  /* open files */
    struct list frozen; /* entries that came while it was paused */
    struct dice work_dice;
    int64_t disk_ops, crash_at_op;
    bool crash_is_power;
    int64_t logins; /* how often it was believed who it is (net/principals.c) */
};

struct world {
    struct mem mem;
    struct pool pool;
    struct siphash_key key;
    uint64_t seed;
    struct world_options options;
    int64_t now_ns;
    struct queue queue;
    struct list urgent; /* calls to be made before anything else */
    bool stopped;
    int64_t same_time_steps; /* entries of the queue, and steps of machines */
    int64_t peak_bytes;
    VEC(struct mach *) machines;
    VEC(struct host *) hosts;
    VEC(struct world_observer) observers;
    bool wants_frames, wants_frame_bytes, wants_disk;
    struct trace_writer *trace;
    struct world_stats stats;
    struct run_hash hash;
    struct map contents; /* of pages of disks: sim/disk/inode.c */
    struct net net;
};

static inline struct mach *
mach_of(struct machine *m)
{
    return CONTAINER_OF(m, struct mach, m);
}

/* ---- the queue (world.c) ---- */

void entry_arm(struct world *w, struct entry *e, int64_t at_ns);
void entry_disarm(struct world *w, struct entry *e);
/* Somebody asked to be called before anything else: loops over events end. */
static inline bool
world_is_interrupted(const struct world *w)
{
    return !list_is_empty(&w->urgent) || w->stopped;
}
/* CHECKs that no step is under way. */
void world_must_be_between(const struct world *w);
#define LIVELOCK_STEPS 2000000 /* at one instant of virtual time */
_Noreturn void world_stands_still(void);
/* Something is done at this instant; too much of it is a panic. */
static inline void
world_count_step(struct world *w)
{
    if (++w->same_time_steps > LIVELOCK_STEPS) world_stands_still();
}
int64_t delay_draw(struct dice *d, const struct delay *delay);
struct host *world_host(struct world *w, struct slice name);
struct host *world_host_add(struct world *w, struct slice name);

/* ---- machines (machine.c) ---- */

static inline bool
mach_runs(const struct mach *m)
{
    return m->m.state == MACHINE_UP;
}
/* One step: the event, its effects, and the deferred tasks that follow. */
void mach_deliver(struct mach *m, struct event *ev);
/* If the machine is paused, keeps the entry until it resumes: true. */
bool mach_freeze(struct mach *m, struct entry *e);
/* The body lets go of the machine and drops it. */
enum mach_end { END_CRASH, END_POWER, END_FATAL };
void mach_wake(struct mach *m);

/* ---- clocks (clock.c) ---- */

/* The first virtual time at which the monotonic clock shows this or more. */
int64_t clock_when(const struct clock *c, int64_t mono_ns);

/* ---- work (work.c) ---- */

void work_start(struct mach *m, struct op *op);
void work_forget(struct mach *m);

/* ---- observers (watch.c) ---- */

/* ev as it was delivered: what it points to may be gone. */
void watch_event(struct mach *m, const struct event *ev, uint64_t ordinal, bool is_start,
                 bool is_poke);
void watch_life(struct mach *m, enum life what, struct slice text);
void watch_frame(struct world *w, const struct world_frame *f, enum frame_fate fate);
void watch_frame_bytes(struct world *w, const struct world_frame *f, struct slice bytes);
void watch_disk(struct world *w, const struct world_disk_op *op);
void watch_harm(struct machine *m);
void watch_fault(struct world *w, struct slice verb, struct slice what);
void watch_met(struct world *w, const struct world_frame *f, struct slice how);
void watch_machine(struct mach *m);
/* "b1 b2 > k1": for watch_fault. */
struct machines;
void fmt_machines(struct writer *w, struct machines ms);

#endif
