#include "tests/lib/tiny.h"

static void
heal(struct world *w, void *ctx)
{
    (void)ctx;
    fault_heal_all(w);
}

void
pong_bad_day(struct world *w, struct machine *s, struct machine **c)
{
    world_run_until(w, 1 * NS_PER_S);
    fault_crash(s);
    world_run(w, 300 * NS_PER_MS);
    machine_start(s);
    world_run(w, NS_PER_S);
    (void)fault_cut(w, (struct machines){&c[0], 1}, (struct machines){&s, 1}, false);
    world_at(w, world_now_ns(w) + NS_PER_S, heal, NULL);
    world_run(w, 3 * NS_PER_S);
    fault_power(s);
    world_run(w, 500 * NS_PER_MS);
    machine_start(s);
    fault_clock_drift(c[1], 20000);
    fault_pause(c[0]);
    world_run(w, NS_PER_S);
    fault_resume(c[0]);
    fault_reset(w, NULL, NULL);
    fault_disk_slow(s, 300);
    world_run(w, 2 * NS_PER_S);
}
