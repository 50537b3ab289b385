/* Real nodes in the simulated world: a cluster comes up, and does so the same way each time. */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/base/fmt.h"
#include "broker/node/node.h"
#include "sim/world/fault.h"
#include "sim/world/world.h"

struct setup {
    char name[8];
    int id;
    bool is_broker, is_controller;
};

static const struct setup six[] = {
    {"k1", 101, false, true}, {"k2", 102, false, true}, {"k3", 103, false, true},
    {"b1", 1, true, false},   {"b2", 2, true, false},   {"b3", 3, true, false},
};

#define SET(n, v) \
    { \
        S(n), v, S("test") \
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
        SET("broker.session.timeout.ms", S("1000")),
        SET("broker.heartbeat.interval.ms", S("200")),
    };
    struct node_params p = {.settings = set,
                            .settings_n = (int32_t)ARRAY_LEN(set),
                            .cluster_id = S("MkU3OEVBNTcwNTJENDM2Qk")};
    (void)node_new(env, &p);
}

struct seen {
    int serving, fenced;
};

static void
look(void *ctx, const struct world_event *e)
{
    struct seen *seen = ctx;
    for (int32_t i = 0; i < e->notes_n; i++) {
        const struct note *n = e->notes[i];
        if (n->kind == NOTE_NODE_SERVING) seen->serving++;
        if (n->kind == NOTE_BROKER_FENCED) seen->fenced++;
        if (getenv("TALK"))
            printf("%8.3f %.*s %s %.*s %.*s %ld %ld %ld %ld\n", (double)e->at_ns / 1e9,
                   (int)e->machine->name.n, e->machine->name.p, note_spelling(n->kind),
                   (int)n->subject.n, n->subject.p, (int)n->text.n, n->text.p, n->v[0], n->v[1],
                   n->v[2], n->v[3]);
    }
}

static struct world *
cluster(uint64_t seed, struct seen *seen)
{
    struct world_options o = world_options_default();
    o.notes_on = true;
    struct world *w = world_new(seed, &o);
    world_observe(w, &(struct world_observer){.event = look, .ctx = seen});
    for (int i = 0; i < ARRAY_LEN(six); i++) {
        static struct setup copies[ARRAY_LEN(six)];
        copies[i] = six[i];
        struct machine *m =
            world_add(w, &(struct machine_params){.name = slice_cstr(copies[i].name),
                                                  .kind = S("node"),
                                                  .start = start_node,
                                                  .args = &copies[i]});
        machine_start(m);
    }
    return w;
}

static void
three_controllers_and_three_brokers_come_up(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct seen seen = {0};
        struct world *w = cluster(seed, &seen);
        world_run_until(w, 15 * NS_PER_S);
        assert_int_equal(seen.serving, 6);
        assert_int_equal(seen.fenced, 0);
        world_free(w);
    }
}

static void
the_same_seed_gives_the_same_run(void **state)
{
    (void)state;
    uint64_t hash[2];
    for (int i = 0; i < 2; i++) {
        struct seen seen = {0};
        struct world *w = cluster(7, &seen);
        world_run_until(w, 5 * NS_PER_S);
        hash[i] = world_hash(w);
        world_free(w);
    }
    assert_true(hash[0] == hash[1]);
}

static void
a_broker_that_crashes_is_fenced_and_comes_back(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct world *w = cluster(3, &seen);
    world_run_until(w, 10 * NS_PER_S);
    struct machine *b1 = world_machine(w, S("b1"));
    fault_crash(b1);
    world_run(w, 3 * NS_PER_S);
    assert_int_equal(seen.fenced, 1);
    machine_start(b1);
    world_run(w, 5 * NS_PER_S);
    assert_int_equal(seen.serving, 7);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_controllers_and_three_brokers_come_up),
        cmocka_unit_test(the_same_seed_gives_the_same_run),
        cmocka_unit_test(a_broker_that_crashes_is_fenced_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
