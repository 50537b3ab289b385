/* Prints the hash of one run under faults for each of a few seeds: the same in every build. */
#include <stdio.h>

#include "tests/lib/tiny.h"

static void
run(uint64_t seed)
{
    struct world *w = world_new(seed, NULL);
    struct pong_stats stats = {0};
    struct ping_args args[2] = {{.server = "s", .pause_ns = 2 * NS_PER_MS, .payload_bytes = 100},
                                {.server = "s", .pause_ns = 3 * NS_PER_MS, .payload_bytes = 5000}};
    const struct machine_params params[3] = {
        {.name = S("s"), .start = pong_server_start, .args = &stats},
        {.name = S("c1"), .start = pong_client_start, .args = &args[0]},
        {.name = S("c2"), .start = pong_client_start, .args = &args[1]}};
    struct machine *m[3];
    for (int i = 0; i < 3; i++) machine_start(m[i] = world_add(w, &params[i]));
    pong_bad_day(w, m[0], &m[1]);
    world_run_until(w, 12 * NS_PER_S);
    printf("seed %d events %lld hash %016llx\n", (int)seed, (long long)world_events(w),
           (unsigned long long)world_hash(w));
    world_free(w);
}

int
main(void)
{
    for (uint64_t seed = 1; seed <= 8; seed++) run(seed);
    return 0;
}
