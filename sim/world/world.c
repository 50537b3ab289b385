#include "sim/world/world.h"

#include <stdlib.h>

#include "broker/base/check.h"
#include "broker/work/work.h"
#include "sim/world/fault.h"
#include "sim/world/internal.h"

#define WORLD_CEILING_BYTES (16LL << 30)

struct world_options
world_options_default(void)
{
    return (struct world_options){
        .name = SLICE_EMPTY,
        .wall_ms = 1767225600000, /* the first of January 2026 */
        .memory_ceiling_bytes = 256 << 20,
        .crc32c = work_crc32c(), /* both give the same */
        .notes_on = true,
        .hash_on = true,
        .net = {.latency = {200000, 800000, 5, 5 * NS_PER_MS},
                .loopback = {10000, 30000, 0, 0},
                .bandwidth_bytes_per_s = 1000000000,
                .split_permille = 20,
                .send_buffer_bytes = 256 << 10,
                .receive_buffer_bytes = 256 << 10,
                .segment_bytes = 64 << 10,
                .connect_timeout_ns = 10 * NS_PER_S,
                .retry_min_ns = 200 * NS_PER_MS,
                .retry_max_ns = 2 * NS_PER_S,
                .give_up_ns = 900 * NS_PER_S,
                .keepalive_ns = 7200 * NS_PER_S},
        .disk = {.read = {50000, 150000, 0, 0},
                 .write = {10000, 40000, 2, 5 * NS_PER_MS},
                 .sync = {500000, 2000000, 10, 30 * NS_PER_MS},
                 .name = {10000, 50000, 0, 0},
                 .bytes_per_s = 1000000000,
                 .capacity_bytes = 1LL << 40},
        .work = {2000, 10000, 0, 0},
        .work_bytes_per_s = 300000000,
    };
}

/* ---- making and ending ---- */

static struct siphash_key
world_key(uint64_t seed)
{
    struct siphash_key fixed = {0x677265676f722e30u, 0x776f726c642e6b65u};
    struct siphash_key key = {siphash_u64x2(fixed, seed, 0), siphash_u64x2(fixed, seed, 1)};
    return key;
}

struct world *
world_new(uint64_t seed, const struct world_options *options)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w) panic(__FILE__, __LINE__, "out of memory");
    mem_init(&w->mem, pool_source(&w->pool), WORLD_CEILING_BYTES);
    w->seed = seed;
    w->key = world_key(seed);
    map_init(&w->contents, &w->mem, w->key);
    w->options = options ? *options : world_options_default();
    w->options.name = mem_dup(&w->mem, w->options.name);
    w->hash = (struct run_hash){.h = seed, .on = w->options.hash_on};
    queue_init(&w->queue, &w->mem);
    list_init(&w->urgent);
    net_init(w);
    return w;
}

void
world_free(struct world *w)
{
    for (int64_t i = 0; i < w->machines.n; i++)
        if (machine_is_up(&w->machines.v[i]->m)) env_release(&w->machines.v[i]->m.env);
    mem_release(&w->mem);
    pool_release(&w->pool);
    free(w);
}

/* ---- what it knows ---- */

uint64_t
world_seed(const struct world *w)
{
    return w->seed;
}

int64_t
world_now_ns(const struct world *w)
{
    return w->now_ns;
}

int64_t
world_events(const struct world *w)
{
    return w->stats.events;
}

uint64_t
world_hash(const struct world *w)
{
    return w->hash.h;
}

struct mem *
world_mem(struct world *w)
{
    return &w->mem;
}

int64_t
world_peak_bytes(const struct world *w)
{
    return w->pool.peak_bytes;
}

const struct world_stats *
world_stats(const struct world *w)
{
    return &w->stats;
}

/* ---- the queue ---- */

void
entry_arm(struct world *w, struct entry *e, int64_t at_ns)
{
    list_remove(&e->frozen);
    queue_arm(&w->queue, e, MAX(at_ns, w->now_ns), w->now_ns);
}

void
entry_disarm(struct world *w, struct entry *e)
{
    list_remove(&e->frozen);
    queue_disarm(&w->queue, e);
}

/* A call asked for with world_at(). */
struct call {
    struct entry e;
    struct list urgent;
    void (*fn)(struct world *w, void *ctx);
    void *ctx;
};

static void
call_make(struct world *w, struct call *c)
{
    struct call copy = *c;
    MEM_DELETE(&w->mem, c);
    copy.fn(w, copy.ctx);
}

static void
call_fire(struct world *w, struct entry *e)
{
    call_make(w, CONTAINER_OF(e, struct call, e));
}

void
world_at(struct world *w, int64_t at_ns, void (*fn)(struct world *w, void *ctx), void *ctx)
{
    struct call *c = MEM_NEW(&w->mem, struct call);
    c->fn = fn;
    c->ctx = ctx;
    c->e.fire = call_fire;
    if (at_ns <= w->now_ns) list_push_back(&w->urgent, &c->urgent);
    else entry_arm(w, &c->e, at_ns);
}

void
world_must_be_between(const struct world *w)
{
    for (int64_t i = 0; i < w->machines.n; i++) CHECK(!w->machines.v[i]->in_step);
}

void
world_stands_still(void)
{
    panic(__FILE__, __LINE__, "time stands still: somebody is busy for ever");
}

static void
world_advance(struct world *w, int64_t to_ns)
{
    if (to_ns > w->now_ns) {
        w->now_ns = to_ns;
        w->same_time_steps = 0;
    }
    world_count_step(w);
}

int64_t
world_next_ns(const struct world *w)
{
    const struct entry *e = queue_first(&w->queue, w->now_ns);
    if (!list_is_empty(&w->urgent)) return w->now_ns;
    return e ? entry_due_ns(e) : INT64_MAX;
}

/* The next entry, if it is due until then; false: there is none. */
static bool
world_step(struct world *w, int64_t until_ns)
{
    struct list *urgent = list_pop_front(&w->urgent);
    if (urgent) {
        w->stats.entries++;
        call_make(w, CONTAINER_OF(urgent, struct call, urgent));
        return true;
    }
    struct entry *e = queue_first(&w->queue, w->now_ns);
    if (!e || entry_due_ns(e) > until_ns) return false;
    w->stats.entries++;
    world_advance(w, entry_due_ns(e));
    queue_disarm(&w->queue, e);
    e->fire(w, e);
    net_bury(w);
    return true;
}

static bool
never(void *ctx)
{
    (void)ctx;
    return false;
}

bool
world_run_while_not(struct world *w, bool (*cond)(void *ctx), void *ctx, int64_t until_ns)
{
    w->stopped = false;
    while (!cond(ctx)) {
        if (w->stopped) return false;
        if (world_step(w, until_ns)) continue;
        if (until_ns != TIME_NEVER) world_advance(w, until_ns);
        return false;
    }
    return true;
}

void
world_run_until(struct world *w, int64_t until_ns)
{
    (void)world_run_while_not(w, never, NULL, until_ns);
}

void
world_run(struct world *w, int64_t for_ns)
{
    world_run_until(w, w->now_ns + for_ns);
}

void
world_stop(struct world *w)
{
    w->stopped = true;
}

/* ---- hosts ---- */

struct host *
world_host(struct world *w, struct slice name)
{
    for (int64_t i = 0; i < w->hosts.n; i++)
        if (slice_eq(w->hosts.v[i]->name, name)) return w->hosts.v[i];
    return NULL;
}

struct host *
world_host_add(struct world *w, struct slice name)
{
    struct host *h = world_host(w, name);
    if (h) return h;
    h = MEM_NEW(&w->mem, struct host);
    h->name = mem_dup(&w->mem, name);
    h->index = (int32_t)w->hosts.n;
    h->has_power = true;
    h->clock.wall_ms = w->options.wall_ms;
    h->next_port = 40000;
    h->disk = disk_new(w, name);
    VEC_PUSH(&w->mem, &w->hosts, h);
    return h;
}
