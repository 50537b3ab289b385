/* How fast the simulator is with real nodes: a cluster that idles, and one under load and faults with
 * its history judged. One core. Prints how many seconds of cluster life pass in a second of the processor: of
 * five runs one after the other the best, for whatever else the machine does only makes them slower. Memory is kept from run
 * to run, as in hunts.
 *
 *      bench_sim [IDLE_S [x]]      one run of each; IDLE_S 0: only under load; x: only idle */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "broker/node/node.h"
#include "sim/check/check.h"
#include "sim/workload/workload.h"
#include "sim/world/fault.h"
#include "sim/world/pool.h"
#include "sim/world/world.h"

static double
cpu_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the cluster ---- */

#define NODES 6

struct setup {
    const char *name;
    int id;
    bool is_broker, is_hasty;
};

static struct setup nodes[NODES] = {{"k1", 101, false, false}, {"k2", 102, false, false},
                                    {"k3", 103, false, false}, {"b1", 1, true, false},
                                    {"b2", 2, true, false},    {"b3", 3, true, false}};

#define HASTY 3 /* the last settings are for load with faults */
#define SET(n, v) \
    { \
        S(n), v, S("bench") \
    }

static void
start_node(struct env *env, void *args)
{
    const struct setup *s = args;
    char id[8], listeners[64];
    (void)snprintf(id, sizeof id, "%d", s->id);
    (void)snprintf(listeners, sizeof listeners, "%s://%s:%d",
                   s->is_broker ? "PLAINTEXT" : "CONTROLLER", s->name, s->is_broker ? 9092 : 9093);
    struct node_setting set[] = {
        SET("process.roles", s->is_broker ? S("broker") : S("controller")),
        SET("node.id", slice_cstr(id)),
        SET("listeners", slice_cstr(listeners)),
        SET("controller.listener.names", S("CONTROLLER")),
        SET("controller.quorum.voters", S("101@k1:9093,102@k2:9093,103@k3:9093")),
        SET("log.dirs", S("data")),
        SET("min.insync.replicas", S("2")),
        SET("broker.session.timeout.ms", S("1000")),
        SET("broker.heartbeat.interval.ms", S("200")),
    };
    struct node_params p = {.settings = set,
                            .settings_n = (int32_t)ARRAY_LEN(set) - (s->is_hasty ? 0 : HASTY),
                            .cluster_id = S("MkU3OEVBNTcwNTJENDM2Qk")};
    (void)node_new(env, &p);
}

static struct world *
cluster(bool hasty)
{
    struct world *w = world_new(1, NULL);
    for (int i = 0; i < NODES; i++) {
        nodes[i].is_hasty = hasty;
        machine_start(world_add(w, &(struct machine_params){.name = slice_cstr(nodes[i].name),
                                                            .kind = S("node"),
                                                            .start = start_node,
                                                            .args = &nodes[i]}));
    }
    return w;
}

/* ---- figures ---- */

static double
resident_mib(void)
{
    struct rusage r;
    (void)getrusage(RUSAGE_SELF, &r);
    return (double)r.ru_maxrss / 1024;
}

struct figures {
    double life_s, cpu_s, nodes_mib;
    int64_t events, frames;
    uint64_t hash;
    /* Under load. */
    int64_t acknowledged, read, anomalies;
    double history_mib;
};

static struct figures
figures_of(const struct world *w, double life_s, double s)
{
    const struct world_stats *st = world_stats(w);
    return (struct figures){.life_s = life_s,
                            .cpu_s = s,
                            .nodes_mib = (double)world_peak_bytes(w) / 1048576,
                            .events = st->events,
                            .frames = st->frames,
                            .hash = world_hash(w)};
}

static struct figures
idle(int64_t life_s)
{
    struct world *w = cluster(false);
    double start = cpu_s();
    world_run(w, life_s * NS_PER_S);
    struct figures f = figures_of(w, (double)life_s, cpu_s() - start);
    world_free(w);
    return f;
}

/* ---- load ---- */

#define CLIENTS 4
#define LOAD_S 60

struct load {
    struct world *w;
    struct pool pool;
    struct mem mem;
    struct history history;
    struct client_params client;
    struct topics_args topics;
    struct produce_args produce[CLIENTS];
    struct consume_args consume[CLIENTS];
    struct final_args final;
};

static const struct slice topic = {(const uint8_t *)"orders", 6};
static const struct new_topic new_topic = {
    .name = {(const uint8_t *)"orders", 6}, .partitions = 4, .replicas = 3};

static void
client_start(struct load *l, const char *name, void (*start)(struct env *env, void *args),
             void *args)
{
    machine_start(world_add(
        l->w, &(struct machine_params){
                  .name = slice_cstr(name), .kind = S("client"), .start = start, .args = args}));
}

static bool
is_true(void *flag)
{
    return *(bool *)flag;
}

static void
until(struct load *l, bool *flag)
{
    if (world_run_while_not(l->w, is_true, flag, world_now_ns(l->w) + 60 * NS_PER_S)) return;
    printf("load       did not end: %.0f s\n", (double)world_now_ns(l->w) / NS_PER_S);
    exit(1);
}

static void
clients_start(struct load *l)
{
    static const char *const p[CLIENTS] = {"p1", "p2", "p3", "p4"};
    static const char *const c[CLIENTS] = {"c1", "c2", "c3", "c4"};
    for (int i = 0; i < CLIENTS; i++) {
        l->produce[i] = produce_args_default(&l->history, slice_cstr(p[i]), l->client, topic);
        l->produce[i].rate_per_s = 250;
        l->produce[i].keys = 16;
        l->produce[i].until_ns = world_now_ns(l->w) + LOAD_S * NS_PER_S;
        l->produce[i].producer.request_timeout_ms = 2000;
        client_start(l, p[i], produce_start, &l->produce[i]);
        l->consume[i] = consume_args_default(&l->history, slice_cstr(c[i]), l->client, topic);
        l->consume[i].partition = i; /* as a group would share them */
        client_start(l, c[i], consume_start, &l->consume[i]);
    }
}

/* A crash, a cut and a loss of power, each healed after some seconds. */
static void
bad_minute(struct load *l)
{
    struct world *w = l->w;
    struct machine *b1 = world_machine(w, S("b1")), *b2 = world_machine(w, S("b2")),
                   *b3 = world_machine(w, S("b3")), *rest[] = {b1, b3};
    world_run(w, 10 * NS_PER_S);
    fault_crash(b1);
    world_run(w, 5 * NS_PER_S);
    machine_start(b1);
    world_run(w, 10 * NS_PER_S);
    fault_id cut = fault_cut(w, (struct machines){&b2, 1}, (struct machines){rest, 2}, true);
    world_run(w, 5 * NS_PER_S);
    fault_heal(w, cut);
    world_run(w, 10 * NS_PER_S);
    fault_power(b3);
    world_run(w, 5 * NS_PER_S);
    machine_start(b3);
    world_run(w, 15 * NS_PER_S);
}

static void
judge(struct load *l, struct figures *f)
{
    struct check_topic promised = {.replicas = 3, .min_isr = 2, .elr = true};
    /* Nothing is excused: two of the three brokers keep everything all the time. */
    struct check_facts facts = {.topics = &promised, .topics_n = 1, .clients_live = true};
    struct check_result r;
    check_history(&l->mem, &l->history, &facts, &r);
    f->read = r.read;
    f->anomalies = r.anomalies.v.n;
    f->history_mib = (double)l->pool.peak_bytes / 1048576;
    for (int i = 0; i < CLIENTS; i++) f->acknowledged += l->produce[i].acknowledged;
    check_result_release(&r);
}

static struct figures
load(void)
{
    static struct load l;
    static struct history_room room;
    memset(&l, 0, sizeof l);
    double start = cpu_s();
    l.w = cluster(true);
    mem_init(&l.mem, pool_source(&l.pool), 1 << 30);
    history_init(&l.history, &l.mem, workload_now, l.w);
    history_make_room(&l.history, room);
    l.client = client_params_default();
    l.client.bootstrap = S("b1:9092,b2:9092,b3:9092");
    l.client.request_timeout_ms = 2000;
    l.client.connect_timeout_ms = 1000;
    l.topics = (struct topics_args){.client = l.client, .topics = &new_topic, .topics_n = 1};
    client_start(&l, "t", topics_start, &l.topics);
    until(&l, &l.topics.done);
    clients_start(&l);
    bad_minute(&l);
    for (int i = 0; i < CLIENTS; i++) until(&l, &l.produce[i].done);
    l.final = final_args_default(&l.history, S("final"), l.client);
    l.final.topics = &topic;
    l.final.topics_n = 1;
    l.final.until_ns = world_now_ns(l.w) + 30 * NS_PER_S;
    client_start(&l, "final", final_start, &l.final);
    until(&l, &l.final.done);
    struct figures judged = {0};
    judge(&l, &judged);
    struct figures f = figures_of(l.w, (double)world_now_ns(l.w) / NS_PER_S, cpu_s() - start);
    f.acknowledged = judged.acknowledged;
    f.read = judged.read;
    f.anomalies = judged.anomalies;
    f.history_mib = judged.history_mib;
    room = history_room(&l.history);
    world_free(l.w);
    mem_release(&l.mem);
    pool_release(&l.pool);
    return f;
}

/* ---- the best of some ---- */

static void
tell(const char *name, const struct figures *best, double worst_s)
{
    if (best->acknowledged)
        printf("%-10s %lld acknowledged, %lld read back, %lld anomalies; the history takes %.1f "
               "MiB\n",
               name, (long long)best->acknowledged, (long long)best->read,
               (long long)best->anomalies, best->history_mib);
    printf("%-10s %7.0f s of cluster life in %6.3f CPU-s (at worst %.3f): %7.0f:1; %lld events, "
           "%lld frames, nodes and disks %.1f MiB, resident %.1f MiB, hash %016llx\n",
           name, best->life_s, best->cpu_s, worst_s, best->life_s / best->cpu_s,
           (long long)best->events, (long long)best->frames, best->nodes_mib, resident_mib(),
           (unsigned long long)best->hash);
}

/* idle_s: 0 is load. False: runs differ. */
static bool
measure(int64_t idle_s, int rounds)
{
    struct figures best = {0};
    double worst_s = 0;
    bool is_same = true;
    for (int i = 0; i < rounds; i++) {
        struct figures f = idle_s ? idle(idle_s) : load();
        is_same = is_same && (i == 0 || f.hash == best.hash);
        worst_s = MAX(worst_s, f.cpu_s);
        if (i == 0 || f.cpu_s < best.cpu_s) best = f;
    }
    tell(idle_s ? "idle" : "load", &best, worst_s);
    if (!is_same) printf("the hashes of the runs differ\n");
    return is_same;
}

int
main(int argc, char **argv)
{
    int idle_s = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1000, rounds = argc > 1 ? 1 : 5;
    bool is_well = true;
    pool_keep_memory();
    if (idle_s > 0) is_well = measure(idle_s, rounds);
    if (argc <= 2) is_well = measure(0, rounds) && is_well;
    return is_well ? 0 : 1;
}
