/* How fast the simulator itself is: tiny machines, no broker. Prints events per second of the processor
 * and how much faster than life it goes. */
#include <stdio.h>
#include <time.h>

#include "tests/lib/tiny.h"

static double
now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
idle_start(struct env *env, void *args)
{
    (void)args;
    env->machine = env;
}

static void
report(const char *name, struct world *w, double s)
{
    const struct world_stats *st = world_stats(w);
    double life_s = (double)world_now_ns(w) / 1e9;
    printf("%-24s %9lld events in %6.3f s: %6.2f M/s, %7.0f:1, peak %5.1f MiB, hash %016llx\n",
           name, (long long)st->events, s, (double)st->events / s / 1e6, life_s / s,
           (double)world_peak_bytes(w) / 1048576, (unsigned long long)world_hash(w));
}

static void
ping_pong(const char *name, int clients, int64_t pause_ns, bool hash_on, int64_t life_s)
{
    struct world_options o = world_options_default();
    o.hash_on = hash_on;
    struct world *w = world_new(1, &o);
    struct pong_stats stats = {0};
    struct ping_args args[16];
    double start = now_s();
    struct machine *s = world_add(
        w, &(struct machine_params){.name = S("s"), .start = pong_server_start, .args = &stats});
    machine_start(s);
    for (int i = 0; i < clients; i++) {
        char cname[8];
        (void)snprintf(cname, sizeof cname, "c%d", i);
        args[i] = (struct ping_args){.server = "s", .pause_ns = pause_ns, .payload_bytes = 200};
        machine_start(world_add(w, &(struct machine_params){.name = slice_cstr(cname),
                                                            .start = pong_client_start,
                                                            .args = &args[i]}));
    }
    world_run_until(w, life_s * NS_PER_S);
    report(name, w, now_s() - start);
    world_free(w);
}

int
main(void)
{
    ping_pong("8 clients", 8, NS_PER_MS, true, 60);
    ping_pong("8 clients, no hash", 8, NS_PER_MS, false, 60);
    ping_pong("1 client, rarely", 1, 100 * NS_PER_MS, true, 600);
    struct world *w = world_new(1, NULL);
    double start = now_s();
    machine_start(world_add(w, &(struct machine_params){.name = S("i"), .start = idle_start}));
    world_run_until(w, 3600 * NS_PER_S);
    report("nothing to do", w, now_s() - start);
    world_free(w);
    return 0;
}
