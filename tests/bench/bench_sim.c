/* How fast the simulator is with real nodes: a cluster that idles, and one under load and faults. One
 * core. Prints how many seconds of cluster life pass in a second of the processor. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "broker/node/node.h"
#include "sim/world/fault.h"
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
    bool is_broker;
};

static struct setup nodes[NODES] = {{"k1", 101, false}, {"k2", 102, false}, {"k3", 103, false},
                                    {"b1", 1, true},    {"b2", 2, true},    {"b3", 3, true}};

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
    };
    struct node_params p = {.settings = set,
                            .settings_n = (int32_t)ARRAY_LEN(set),
                            .cluster_id = S("MkU3OEVBNTcwNTJENDM2Qk")};
    (void)node_new(env, &p);
}

static struct world *
cluster(void)
{
    struct world *w = world_new(1, NULL);
    for (int i = 0; i < NODES; i++)
        machine_start(world_add(w, &(struct machine_params){.name = slice_cstr(nodes[i].name),
                                                            .kind = S("node"),
                                                            .start = start_node,
                                                            .args = &nodes[i]}));
    return w;
}

/* ---- figures ---- */

static void
report(const char *name, const struct world *w, double life_s, double s)
{
    const struct world_stats *st = world_stats(w);
    printf("%-10s %7.0f s of cluster life in %6.3f CPU-s: %7.0f:1; %lld events, %lld frames, peak "
           "%.1f MiB, hash %016llx\n",
           name, life_s, s, life_s / s, (long long)st->events, (long long)st->frames,
           (double)world_peak_bytes(w) / 1048576, (unsigned long long)world_hash(w));
}

static void
idle(int64_t life_s)
{
    struct world *w = cluster();
    double start = cpu_s();
    world_run(w, life_s * NS_PER_S);
    report("idle", w, (double)life_s, cpu_s() - start);
    world_free(w);
}

int
main(int argc, char **argv)
{
    idle(argc > 1 ? atoi(argv[1]) : 1000);
    return 0;
}
