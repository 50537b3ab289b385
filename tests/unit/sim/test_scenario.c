/* The loader: values, whole scenarios, and the table of what there is. */
#include "tests/unit/sim/scenarios.h"

#include "sim/scenario/value.h"

/* ---- values ---- */

static void
times_need_units_and_are_exact(void **state)
{
    (void)state;
    int64_t ns;
    struct range r;
    assert_true(value_time(S("1.5s"), &ns) && ns == 1500000000);
    assert_true(value_time(S("250us"), &ns) && ns == 250000);
    assert_true(value_time(S("2d"), &ns) && ns == 172800 * NS_PER_S);
    assert_false(value_time(S("5"), &ns));
    assert_false(value_time(S("1:30"), &ns));
    assert_false(value_time(S("-1s"), &ns));
    assert_false(value_time(S("99999999999999999999s"), &ns));
    assert_true(value_range(S("1ms..5ms"), &r) && r.min == NS_PER_MS && r.max == 5 * NS_PER_MS);
    assert_false(value_range(S("5ms..1ms"), &r));
}

static void
sizes_rates_and_partitions_are_read(void **state)
{
    (void)state;
    int64_t v;
    struct partition_ref p;
    assert_true(value_size(S("16KiB"), &v) && v == 16384);
    assert_true(value_size(S("1.5kB"), &v) && v == 1500);
    assert_true(value_rate(S("200/s"), &v) && v == 200000);
    assert_true(value_rate(S("30/m"), &v) && v == 500);
    assert_false(value_rate(S("0/s"), &v));
    assert_false(value_rate(S("200"), &v));
    assert_true(value_partition(S("a-b-12"), &p) && p.partition == 12);
    assert_slice(p.topic, "a-b");
    assert_false(value_partition(S("orders"), &p));
}

/* ---- whole scenarios ---- */

static void
a_whole_scenario_is_read(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD "seed: 42\n"
                  "cluster: {brokers: 3, controllers: 3, config: {min.insync.replicas: 2}}\n"
                  "clients:\n  p1: {produce: orders, rate: 200/s, until: 8s, acks: 1}\n  c1: "
                  "{consume: orders}\n"
                  "timeline:\n"
                  "  - {at: 2s, crash: leader(orders-0), as: old}\n"
                  "  - {when: {leader-of: orders-0, not: $old}, after: 5ms, cut: {from: b2, to: "
                  "[k1, k2]}, as: c}\n"
                  "  - {every: 1s..2s x 3, reset: [any(1), rest]}\n"
                  "  - {then: 50ms, restart: $old}\n"
                  "expect:\n  always: [lost]\n  must-fail: [{check: lost, min: 3}]\n");
    assert_string_equal(said(&l), "");
    assert_int_equal(l.all.n, 1);
    const struct scenario *s = l.all.v[0];
    assert_int_equal(s->seed, 42);
    assert_int_equal(s->steps_n, 4);
    assert_int_equal(s->steps[0].args.target.v[0].kind, TERM_LEADER);
    assert_int_equal(s->steps[1].trigger, TRIGGER_WHEN);
    assert_int_equal(s->steps[1].at_ns, 5 * NS_PER_MS);
    assert_false(s->steps[1].args.both_ways);
    assert_int_equal(s->steps[1].args.to.n, 2);
    assert_int_equal(s->steps[2].times, 3);
    assert_true(s->steps[2].args.both_ways);
    assert_int_equal(s->clients[0].acks, 1);
    assert_int_equal(s->clients[0].idempotent, NO);
    assert_int_equal(s->must_fail[0].min, 3);
    assert_true(s->run_ns >= 8 * NS_PER_S);
    mem_release(&l.mem);
}

static void
a_twin_takes_over_all_but_what_is_its_own(void **state)
{
    (void)state;
    struct loaded l;
    load(&l,
         HEAD P1 "catches: {TX01: [duplicate]}\n"
                 "expect: {must-fail: [{check: lost}], always: [duplicate]}\n"
                 "---\nscenario: 1\nname: u\nabout: twin\nextends: t\nclients: {p1: {acks: 0}}\n");
    assert_string_equal(said(&l), "");
    assert_int_equal(l.all.n, 2);
    const struct scenario *u = l.all.v[1];
    assert_int_equal(u->clients[0].acks, 0);
    assert_int_equal(u->clients[0].until_ns, 2 * NS_PER_S);
    assert_int_equal(u->catches_n, 0);
    assert_int_equal(u->must_fail_n, 0);
    assert_int_equal(u->always_n, 1);
    mem_release(&l.mem);
}

static void
settings_on_the_command_line_go_before(void **state)
{
    (void)state;
    struct loaded l;
    struct slice sets[] = {S("p1.acks=1"), S("cluster.config.min.insync.replicas=3"), S("seed=9")};
    load_with(&l, HEAD P1, &(struct load_options){.sets = sets, .sets_n = 3});
    assert_string_equal(said(&l), "");
    assert_int_equal(l.all.v[0]->clients[0].acks, 1);
    assert_int_equal(l.all.v[0]->seed, 9);
    assert_int_equal(cluster_config_i64(l.all.v[0], "min.insync.replicas"), 3);
    mem_release(&l.mem);
}

static void
nodes_have_settings_of_their_own(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD "cluster: {nodes: {b2: {rack: r, config: {log.segment.bytes: 1048576}}}}\n");
    assert_int_equal(l.diags.errors, 0);
    const struct cluster *c = &l.all.v[0]->cluster;
    assert_int_equal(c->nodes_n, 1);
    assert_true(slice_eq(c->nodes[0].rack, S("r")));
    assert_true(slice_eq(c->nodes[0].config.v[0].value, S("1048576")));
    mem_release(&l.mem);
    must_say(HEAD "cluster: {nodes: {b7: {}}}", "no node is called b7");
    must_say(HEAD "cluster: {nodes: {b1: {confg: {}}}}", "did you mean config?");
    must_say(HEAD "cluster: {nodes: {b1: {config: {node.id: 3}}}}", "is set by the simulator");
    must_say(HEAD "cluster: {controllers: 3, nodes: {k1: {rack: a}}}", "a controller has no rack");
}

static void
an_assignment_is_taken_as_it_is_written(void **state)
{
    (void)state;
    struct loaded l;
    load(&l,
         "scenario: 1\nname: t\nabout: x\ntopics: {orders: {assignment: [[b2, b3], [b3, b1]]}}\n");
    assert_string_equal(said(&l), "");
    const struct topic *t = &l.all.v[0]->topics[0];
    assert_int_equal(t->partitions, 2);
    assert_int_equal(t->rf, 2);
    const int32_t placed[] = {2, 3, 3, 1};
    assert_memory_equal(t->placed, placed, sizeof placed);
    mem_release(&l.mem);
#define ASSIGN "scenario: 1\nname: t\ntopics: {orders: {assignment: "
    must_say(ASSIGN "[[b1, b1]]}}", "b1 stands here twice");
    must_say(ASSIGN "[[b1, b2], [b1]]}}", "as many replicas");
    must_say(ASSIGN "[]}}", "a list of brokers for each partition");
    must_say(ASSIGN "[[{a: b}]]}}", "a broker is due here");
    must_say(ASSIGN "[[b9]]}}", "no broker is called b9");
    must_say(ASSIGN "b1}}", "assignment is a list");
}

/* ---- the table ---- */

static void
every_row_of_the_table_is_in_its_place_and_explained(void **state)
{
    (void)state;
    for (int i = 0; i < VERBS_N; i++) {
        assert_int_equal(verbs[i].id, i);
        assert_true(strlen(verbs[i].value.about) > 10);
        assert_non_null(strstr(verbs[i].example, verbs[i].value.name));
    }
    for (int i = 0; i < CONDS_N; i++) {
        assert_int_equal(conds[i].id, i);
        assert_non_null(strstr(conds[i].example, conds[i].value.name));
    }
}

static void
the_reference_page_is_the_one_in_the_project(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct writer w = writer_mem(&mem);
    scenario_reference(&w);
    FILE *f = fopen("scenarios/README.md", "rb");
    assert_non_null(f);
    char *page = calloc(1, (size_t)w.n + 2);
    assert_int_equal(fread(page, 1, (size_t)w.n + 1, f), w.n);
    assert_memory_equal(page, w.p, (size_t)w.n);
    fclose(f);
    free(page);
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_need_units_and_are_exact),
        cmocka_unit_test(sizes_rates_and_partitions_are_read),
        cmocka_unit_test(a_whole_scenario_is_read),
        cmocka_unit_test(a_twin_takes_over_all_but_what_is_its_own),
        cmocka_unit_test(settings_on_the_command_line_go_before),
        cmocka_unit_test(nodes_have_settings_of_their_own),
        cmocka_unit_test(an_assignment_is_taken_as_it_is_written),
        cmocka_unit_test(every_row_of_the_table_is_in_its_place_and_explained),
        cmocka_unit_test(the_reference_page_is_the_one_in_the_project),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
