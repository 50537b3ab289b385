/* The loader: what is accepted, and how mistakes are told. */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/table.h"
#include "sim/scenario/value.h"

struct loaded {
    struct mem mem;
    struct arena a;
    struct source source;
    struct diags diags;
    struct scenarios all;
    struct writer printed;
};

static void
load_with(struct loaded *l, const char *text, const struct load_options *o)
{
    *l = (struct loaded){.source = {S("x.yaml"), slice_cstr(text)}};
    test_mem_init(&l->mem);
    arena_init(&l->a, &l->mem, 0);
    diags_init(&l->diags, &l->a);
    l->all = scenario_load(&l->a, &l->source, o, &l->diags);
    for (int32_t i = 0; i < l->all.n && !l->diags.errors; i++)
        scenario_lint(l->all.v[i], &l->diags);
    l->printed = writer_mem(&l->mem);
    diags_print(&l->diags, &l->printed);
    writer_i8(&l->printed, 0);
}

static void
load(struct loaded *l, const char *text)
{
    load_with(l, text, NULL);
}

static const char *
said(const struct loaded *l)
{
    return (const char *)l->printed.p;
}

static void
must_say(const char *text, const char *message)
{
    struct loaded l;
    load(&l, text);
    if (!strstr(said(&l), message)) fail_msg("expected '%s' in:\n%s", message, said(&l));
    assert_true(l.diags.errors + l.diags.warnings > 0);
    mem_release(&l.mem);
}

#define HEAD "scenario: 1\nname: t\nabout: a test\ntopics: {orders: {leader: b1}}\n"
#define P1 "clients: {p1: {produce: orders, until: 2s}}\n"

static void
must_not_say(const char *text, const char *message)
{
    struct loaded l;
    load(&l, text);
    if (strstr(said(&l), message)) fail_msg("did not expect '%s' in:\n%s", message, said(&l));
    mem_release(&l.mem);
}

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

/* ---- mistakes ---- */

static void
a_mistake_has_a_place_a_caret_and_a_cure(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD "timeline:\n  - {at: 2s, crush: b1}\n");
    assert_string_equal(said(&l), "x.yaml:6:14: error: 'crush' is not something that can happen\n"
                                  "    6 |   - {at: 2s, crush: b1}\n"
                                  "      |              ^~~~~ did you mean crash?\n");
    mem_release(&l.mem);
}

static void
what_yaml_would_make_of_words_is_not_made(void **state)
{
    (void)state;
    must_say(HEAD "timeline: [{at: 2, crash: b1}]", "a unit is due");
    must_say(HEAD "timeline: [{at: 1:30, crash: b1}]", "write 1m or 90s");
    must_say(HEAD "clients: {p1: {produce: orders, until: 2s, idempotent: yes}}",
             "write true or false");
    must_say(HEAD "seed: 1\nseed: 2\n", "for the second time, first in line 5");
    must_say("a: &x 1\n", "anchors are not for scenarios");
    must_say("a: *x\n", "aliases are not for scenarios");
    must_say("a: !!int 3\n", "tags are not for scenarios");
    must_say("scenario: 1\n\tname: x\n", "tabs cannot indent");
    must_say("", "no scenario in this file");
}

static void
answers_are_kafkas_own(void **state)
{
    (void)state;
    must_say(HEAD "timeline: [{at: 2s, answer: {rpc: Produce}, error: REBALANCE_IN_PROGRESS}]",
             "Produce is never answered REBALANCE_IN_PROGRESS");
    must_say(HEAD "timeline: [{at: 2s, answer: {rpc: Produce}, error: NOT_A_LEADER}]",
             "NOT_LEADER_OR_FOLLOWER, ");
    must_say(HEAD "timeline: [{at: 2s, answer: {rpc: Produce}}]", "with which error?");
    must_say(HEAD "timeline: [{at: 2s, answer: {rpc: Vote}, error: NOT_CONTROLLER}]",
             "hold, delay, lose or break it");
    must_say(HEAD "timeline: [{at: 2s, answer: {rpc: Produce}, error: DUPLICATE_SEQUENCE_NUMBER}]",
             "who is told DUPLICATE_SEQUENCE_NUMBER knows that it was done");
    must_say(HEAD
             "timeline: [{at: 2s, answer: {rpc: Produce}, error: MESSAGE_TOO_LARGE, done: true}]",
             "knows that it was not done");
    must_say(HEAD
             "timeline: [{at: 2s, answer: {rpc: Fetch}, error: KAFKA_STORAGE_ERROR, done: true}]",
             "Fetch changes nothing");
    must_say(HEAD "timeline: [{at: 2s, lose: {rpc: Produce}}]",
             "the request, before it is done, or its answer, after it is?");
    must_say(HEAD "timeline: [{at: 2s, delay: {rpc: Produce}}]", "by how much?");
    must_say(HEAD "timeline: [{at: 2s, repeat: {rpc: Produce, nth: 2, count: 3}}]",
             "nth goes without skip and count");
    must_say(HEAD "timeline: [{at: 2s, break: {topic: orders, answer: true}}]",
             "which kind of request?");
}

static void
presets_become_their_steps(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD "timeline:\n"
                  "  - {at: 2s, preset: disk-full, with: {broker: leader(orders-0), lasting: 3s}}\n"
                  "  - {at: 9s, preset: acks-lost, with: {client: p1}, as: mine}\n"
                  "  - {at: 11s, heal: $mine}\n");
    assert_string_equal(said(&l), "");
    const struct scenario *s = l.all.v[0];
    assert_int_equal(s->steps_n, 5);
    assert_int_equal(s->steps[0].verb->id, VERB_DISK);
    assert_int_equal(s->steps[0].at_ns, 2 * NS_PER_S);
    assert_int_equal(s->steps[0].args.target.v[0].kind, TERM_LEADER);
    assert_int_equal(s->steps[1].trigger, TRIGGER_THEN);
    assert_int_equal(s->steps[1].at_ns, 3 * NS_PER_S);
    assert_int_equal(s->steps[1].args.target.v[0].kind, TERM_BOUND);
    assert_slice(s->steps[1].args.target.v[0].name, "disk-full.full");
    assert_slice(s->steps[3].args.client, "p1");
    assert_true(s->steps[3].args.topic.p == NULL); /* nobody says */
    assert_int_equal(s->steps[3].args.count, 3);
    mem_release(&l.mem);
}

static void
presets_are_asked_for_as_they_are(void **state)
{
    (void)state;
    must_say(HEAD "timeline: [{at: 2s, preset: leader-lots}]", "did you mean leader-lost?");
    must_say(HEAD "timeline: [{at: 2s, preset: leader-lost, with: {brokr: b1}}]",
             "did you mean broker?");
    must_say(HEAD "timeline: [{at: 2s, preset: leader-lost, with: {broker: b9}}]",
             "no machine is called b9");
    must_say(HEAD "timeline: [{at: 2s, preset: leader-lost, for: 2s}]", "has no key 'for'");
    must_say(HEAD "timeline: [{at: 2s, preset: coordinator-moves}]", "needs one of");
    must_say(HEAD "timeline: [{every: 2s, preset: disk-full}]", "has several steps");
    must_say(HEAD "timeline: [{at: 2s, preset: leader-lost, with: b1}]", "with");
    must_say(HEAD "timeline: [{at: 2s, preset: [leader-lost]}]", "no preset is called");
}

static void
names_that_nobody_has_are_refused(void **state)
{
    (void)state;
    must_say(HEAD "timeline: [{at: 2s, crash: b4}]", "no machine is called b4");
    must_say(HEAD "timeline: [{at: 2s, crash: leader(order-0)}]", "did you mean orders?");
    must_say(HEAD "timeline: [{at: 2s, crash: leader(orders-7)}]",
             "orders has 1 partition, numbered from 0");
    must_say(HEAD "timeline: [{at: 2s, restart: $old}]", "no earlier step has `as: old`");
    must_say(HEAD "timeline: [{at: 2s, hold: {rpc: Fetsh}}]", "did you mean Fetch?");
    must_say(HEAD "cluster: {config: {min.insync.replica: 2}}",
             "did you mean min.insync.replicas?");
    must_say(HEAD "cluster: {config: {num.partitions: many}}", "num.partitions: ");
    must_say(HEAD "cluster: {config: {node.id: 7}}", "is set by the simulator");
    must_say(HEAD "expect: {always: [losst]}", "did you mean lost?");
    must_say(HEAD "expect: {at-end: [{acked: p9, min: 3}]}", "no producer is called p9");
    must_say(HEAD "clients: {p1: {produce: orders, untill: 2s}}", "did you mean until?");
    must_say("scenario: 2\n", "this version of the format is not known");
    must_say("name: x\n", "the first key must say the version");
}

static void
steps_that_say_too_little_or_too_much_are_refused(void **state)
{
    (void)state;
    must_say(HEAD "timeline: [{crash: b1}]", "the step does not say when");
    must_say(HEAD "timeline: [{at: 1s, then: 2s, crash: b1}]", "more than one time");
    must_say(HEAD "timeline: [{at: 1s, crash: b1, power: b1}]", "crash and power in one step");
    must_say(HEAD "timeline: [{at: 1s}]", "nothing happens in this step");
    must_say(HEAD "timeline: [{at: 1s, cut: b1}]", "two sides are due here");
    must_say(HEAD "timeline: [{at: 1s, slow: [b1, b2]}]", "slow does not say what");
    must_say(HEAD "expect: {eventually: [{serving: b1}]}", "by when?");
    must_say(HEAD "clients: {p1: {produce: orders, consume: orders, until: 1s}}",
             "a client does one of four");
    must_say(HEAD "clients: {p1: {produce: orders, until: 1s, acks: 1, idempotent: true}}",
             "acks: all");
}

static void
all_mistakes_come_at_once_up_to_twenty(void **state)
{
    (void)state;
    char text[4096] = HEAD "timeline:\n";
    for (int i = 0; i < 30; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "  - {at: %ds, crash: b9}\n", i);
    }
    struct loaded l;
    load(&l, text);
    assert_int_equal(l.diags.errors, 30);
    assert_non_null(strstr(said(&l), "… and 10 more errors"));
    mem_release(&l.mem);
}

static void
a_caret_counts_characters_and_is_in_sight(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD "expect: {'\xc3\xa9\xc3\xa9': 1, losst: 2}\n");
    assert_non_null(strstr(said(&l), "x.yaml:5:19: error: expect has no key 'losst'\n"
                                     "    5 | expect: {'\xc3\xa9\xc3\xa9': 1, losst: 2}\n"
                                     "      |                   ^~~~~ "));
    mem_release(&l.mem);
    char text[2048] = HEAD "expect: {always: [";
    for (int i = 0; i < 100; i++) memcpy(text + strlen(text), "lost, ", 7);
    memcpy(text + strlen(text), "losst]}\n", 9);
    load(&l, text);
    const char *shown = strstr(said(&l), "    5 | …"), *caret = strchr(shown, '^');
    assert_non_null(caret);
    assert_int_equal(strstr(shown, "losst") - strstr(shown, "| …") - 2,
                     caret - strrchr(said(&l), '|'));
    mem_release(&l.mem);
}

static void
what_is_no_text_has_a_place_too(void **state)
{
    (void)state;
    must_say("", "x.yaml:1:1: error: no scenario in this file");
    must_say("scenario: 1\nname: \xe9\n", "x.yaml:2:7: error: this is not YAML");
    must_say("scenario: 1\nname: a\x1b[31m\n",
             "x.yaml:2:8: error: this is not YAML: control characters");
    must_say(HEAD "\"\\x1b[31m\": 1\n", "a scenario has no key '?[31m'");
    must_say(HEAD "nonsense\n", "x.yaml:5:1: error: this is not YAML");
    struct loaded l;
    load(&l, "\xef\xbb\xbf" HEAD P1);
    assert_string_equal(said(&l), "");
    mem_release(&l.mem);
}

static void
numbers_that_no_run_can_bear_are_refused(void **state)
{
    (void)state;
    must_say(HEAD "cluster: {brokers: 65}", "x.yaml:5:20: error: brokers: 65 is too large");
    must_say(HEAD "cluster: {brokers: -1}", "brokers: -1 is too small");
    must_say(HEAD "cluster: {controllers: 10}", "from 0..9");
    must_say(HEAD "cluster: {memory: 1KiB}", "from 8MiB..64GiB");
    must_say(HEAD "cluster: {network: {split: 2000}}", "split: 2000 is too large");
    must_say(HEAD "clients: {p1: {produce: orders, until: 2s, in-flight: 0}}",
             "in-flight: 0 is too small");
    must_say(HEAD "clients: {p1: {produce: orders, until: 2s, value-bytes: 3}}", "from 8..");
    must_say(HEAD "clients: {p1: {produce: orders, until: 2s, rate: 99999999/s}}", "is not a rate");
    must_say(HEAD "timeline: [{at: 1s, clock: b1, drift: -1000000}]", "from -900000..9000000");
    must_say(HEAD "timeline: [{at: 1s, hold: {rpc: Fetch, count: 99999999999}}]",
             "count: 99999999999 is too large");
    must_say(HEAD "timeline: [{every: 1ns, note: x}]", "of a millisecond or more");
    must_say(HEAD "timeline: [{at: 100000d, note: x}]", "too long: 70 years at most");
    must_say(HEAD "random: {until: 3s, every: 1s, lasting: 1s, faults: {crash: 0}}",
             "no fault has a weight");
    must_say(HEAD "random: {from: 4s, until: 3s, every: 1s, lasting: 1s, faults: {crash: 1}}",
             "before it begins");
}

static void
what_would_mean_nothing_is_refused(void **state)
{
    (void)state;
    must_say(HEAD P1 "expect: {at-end: [{acked: p1}]}", "acked: how many?");
    must_say(HEAD P1 "expect: {at-end: [{acked: p1, min: 3, max: 2}]}", "nothing can be so");
    must_say(HEAD P1 "expect: {at-end: [{high-watermark-of: orders-0}]}", "how many?");
    must_say(HEAD P1 "expect: {at-end: [{isr-of: orders-0}]}", "who, or how many");
    must_say(HEAD P1 "expect: {eventually: [{isr-of: orders-0, is: all, within: 1s, after: 1h}]}",
             "after the end of the run");
    must_say(HEAD "timeline: [{at: 1s, crash: []}]", "this is not a target");
    must_say(HEAD "timeline: [{at: 1s, crash: rest}]", "the rest of what?");
    must_say(HEAD "timeline: [{at: 1s, cut: [rest, rest]}]", "one side must say who");
    must_say(HEAD "timeline: [{at: 1s, heal: b1}]", "nothing lasts by this name");
    must_say(HEAD "timeline: [{at: 1s, cut: [b1, b2], as: x}, {at: 2s, hold: {rpc: Fetch}, as: x}]",
             "x is the name of a cut that lasts");
    must_say(HEAD "timeline: [{at: 1s, cut: [b1, b1]}]", "this is on both sides");
    must_say(HEAD "timeline: [{at: 1s, slow: {from: [b2, b3], to: [b1, b3]}, by: 1s}]",
             "this is on both sides");
    must_say(HEAD "timeline: [{at: 1s, cut: [leader(orders-0), leader(orders-0)]}]",
             "this is on both sides");
    must_say(HEAD "timeline: [{at: 1s, crash: b1, as: c}, {at: 2s, heal: $c}]",
             "nothing lasts by this name");
    must_say(HEAD "clients: {c1: {consume: orders}}\ntimeline: [{at: 1s, shutdown: c1}]\n",
             "has nothing to end in order");
    must_say(HEAD P1 "timeline: [{at: 1s, roll: clients}]", "clients are not rolled");
    must_say(HEAD "timeline: [{at: 1s, hold: {rpc: Fetch, topic: order}}]", "did you mean orders?");
    must_say(HEAD "timeline: [{at: 1s, hold: {rpc: Fetch, partition: 0}}]",
             "a partition of which topic?");
    must_say(HEAD "timeline: [{at: 1s, admin: {delete: order}}]", "did you mean orders?");
    must_say(HEAD "timeline: [{at: 1s, disk: b1, erase: true}]", "path: .index");
    must_say(HEAD "clients: {admin: {consume: orders}}", "this name is taken");
    must_say(HEAD "clients: {'c 1': {consume: orders}}", "this cannot name a client");
    must_say("name: x\nscenario: 1\n", "the first key must say the version");
    must_say(HEAD "timeline: [{at: 1s, crash: leder(orders-0)}]", "did you mean leader(orders-0)?");
}

#define MEMBER(what) HEAD "clients: {c: {subscribe: orders, group: g" what "}}"

static void
members_of_groups_are_read(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD
         "clients:\n"
         "  c: {subscribe: [orders], group: g, members: 2, instance: i, commit: auto,\n"
         "      assignor: cooperative-sticky, session: 9s, work: 2ms}\n"
         "timeline: [{at: 1s, pause: coordinator(g), for: 20s}, {at: 2s, crash: c2}]\n"
         "expect: {at-end: [{owned: g}, {generation-of: g, max: 3}, {processed: c1, min: 1}]}\n");
    if (l.diags.errors) fail_msg("%s", said(&l));
    const struct scenario *s = l.all.v[0];
    assert_int_equal(s->clients_n, 2);
    assert_true(slice_eq(s->clients[1].name, S("c2")));
    assert_true(slice_eq(s->clients[1].instance, S("i2")));
    assert_true(slice_eq(s->clients[1].subscribe[0], S("orders")));
    assert_int_equal(s->clients[0].heartbeat_ns, 3 * NS_PER_S);
    mem_release(&l.mem);
    must_say(HEAD "clients: {c: {subscribe: orders}}", "as a member of which group?");
    must_say(HEAD "clients: {c: {subscribe: order, group: g}}", "did you mean orders?");
    must_say(HEAD "clients: {c: {subscribe: [], group: g}}", "it subscribes to nothing");
    must_say(HEAD "clients: {c: {consume: orders, group: g}}", "`group` is for members of groups");
    must_say(HEAD "clients: {c: {consume: orders, subscribe: orders, group: g}}", "one of four");
    must_say(MEMBER(", store: true"), "is for members of streams groups");
    must_say(MEMBER(", protocol: consumer, topology: 1"), "is for members of streams groups");
    must_say(HEAD "clients: {c: {consume: orders, store: true}}",
             "`store` is for members of groups");
    must_say(MEMBER(", session: 1s"), "group.min.session.timeout.ms is 6000");
    must_say(MEMBER(", session: 9s, heartbeat: 9s"), "ends before the next heartbeat");
    must_say(MEMBER(", auto-commit-interval: 1s"), "commit: auto");
    must_say(MEMBER("}, d: {subscribe: orders, group: g, assignor: sticky"), "another assignor");
    must_say(MEMBER(", members: 2}, c2: {consume: orders"), "this name is taken");
    must_say(MEMBER(", protocol: consumer, session: 9s"), "group.consumer.session.timeout.ms");
    must_say(MEMBER(", protocol: consumer, heartbeat: 1s"), "group.consumer.heartbeat.interval.ms");
    must_say(MEMBER(", protocol: consumer, assignor: sticky"), "has no such assignor");
    must_say(MEMBER(", assignor: uniform"), "here members assign");
    must_say(HEAD "cluster: {config: {group.consumer.migration.policy: upgrade}}\n"
                  "clients: {c: {subscribe: orders, group: g}, d: {subscribe: orders, group: g, "
                  "protocol: consumer}}",
             "another protocol");
    must_say(HEAD "timeline: [{at: 1s, crash: coordinator(g)}]", "no group is called g");
    must_say(MEMBER("}}\nexpect: {at-end: [{owned: h}]}\nrandom: {a: {b: c"),
             "no group is called h");
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

/* How often a text stands in another. */
static int
count_in(const char *text, const char *what)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)); at++) n++;
    return n;
}

static void
common_mistakes_are_answered_once_and_to_the_point(void **state)
{
    (void)state;
    struct loaded l;
    must_say("scenario: 1\nname: t\nabout: this: that\n", "stands in quotes: \"this: that\"");
    must_say(HEAD P1 "expect: {at-end: [{acked: p1, min: 1,000}]}", "write 1000, not 1,000");
    must_say(HEAD "timeline: [{at: 5s, crash: b1, as: old}, {at: 3s, restart: $old}]",
             "nobody is called $old before 5.000 s");
    must_say(HEAD "timeline: [{at: 2s, restart: b1}, {at: 3s, crash: b1}]",
             "b1 is started before it goes down");
    must_say(HEAD "cluster: {config: {min.insync.replicas: 4}}",
             "orders has rf 3: min.insync.replicas 4 counts as 3");
    load(&l, HEAD "clients: {p1: {produce: orders, until: 8sec}}");
    assert_int_equal(count_in(said(&l), "error:"), 1);
    assert_non_null(strstr(said(&l), "'8sec' is not a time"));
    mem_release(&l.mem);
    load(&l, HEAD "timeline: [{at: 2s, restart: b1}, {at: 3s, crash: b1, for: 9s}]");
    assert_int_equal(l.diags.errors, 0);
    mem_release(&l.mem);
    must_say(HEAD P1 "expect: {at-end: [{longest-silence: p1}]}", "how long at most?");
    must_say(HEAD P1 "expect: {at-end: [{requests: p9, max: 3}]}", "no machine is called p9");
    must_say(HEAD P1 "expect: {at-end: [{elections-of: orders-0}]}", "how many?");
}

#define ASK(what) HEAD "timeline: [{at: 1s, ask: b1, " what "}]"

static void
a_question_has_the_fields_of_its_message(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD
         "timeline:\n"
         "- {at: 1s, ask: b1, rpc: Metadata, send: {topics: [{name: orders}]}, as: m}\n"
         "- {at: 2s, ask: leader(orders-0), rpc: OffsetForLeaderEpoch, version: 4, send: "
         "{replicaId: -1, "
         "topics: [{topic: orders, partitions: [{partition: 0, currentLeaderEpoch: "
         "leader-epoch(orders-0)+1, leaderEpoch: $m/topics/0/partitions/0/leaderEpoch+2}]}]}, "
         "answer: {topics: [{partitions: [{errorCode: UNKNOWN_LEADER_EPOCH, endOffset: '>= "
         "0'}]}]}}\n"
         "- {at: 3s, ask: b1, rpc: Produce, version: 12, send: {acks: -1, topicData: [{name: "
         "orders, "
         "partitionData: [{index: 0, records: {count: 2, base-sequence: 7}}]}]}, answer: none}\n");
    assert_int_equal(l.diags.errors, 0);
    assert_int_equal(l.all.v[0]->steps[1].args.version, 4);
    mem_release(&l.mem);
    must_say(ASK("rpc: Metadata, send: {topic: 1}"), "there is no field topic in version 13");
    must_say(ASK("rpc: Metadata, send: {topics: orders}"), "Topics is a list");
    must_say(ASK("rpc: Fetch, send: {replicaId: 1}"), "there is no field replicaId in version");
    must_say(ASK("rpc: Fetch, version: 99"), "Fetch has the versions");
    must_say(ASK("rpc: Vote"), "Vote is not served there");
    must_say(ASK("send: {}"), "rpc is missing");
    must_say(ASK("rpc: Metadata, listener: users"), "there is no listener for them");
    must_say(ASK("rpc: Fetch, send: {maxWaitMs: soon}"), "'soon' is no number");
    must_say(ASK("rpc: Fetch, send: {maxWaitMs: $x/y}"), "no earlier question is called $x");
    must_say(ASK("rpc: Fetch, answer: {errorCode: NO_SUCH}"), "'NO_SUCH' is no number");
    must_say(ASK("rpc: Fetch, answer: {responses: [{partitions: [{what: 1}]}]}"), "no field what");
    must_say(ASK("rpc: Produce, version: 12, send: {topicData: [{partitionData: [{records: {size: "
                 "1}}]}]}"),
             "a batch has no 'size'");
}

#define ADMIN(what) HEAD "timeline: [{at: 1s, admin: {" what "}}]"

static void
an_administrator_says_one_thing_at_a_time(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD "timeline:\n"
                  "- {at: 1s, admin: {create: new}}\n"
                  "- {at: 2s, admin: {add-partitions: new, partitions: 3}}\n"
                  "- {at: 3s, admin: {elect: new-2, leader: b2, unclean: true}}\n"
                  "- {at: 3s, admin: {config: {log.retention.ms: 5, min.insync.replicas: default}, "
                  "alter-broker: b1}}\n"
                  "- {at: 3s, admin: {delete-records: orders-0, before: high-watermark}}\n");
    assert_int_equal(l.diags.errors, 0);
    const struct step *steps = l.all.v[0]->steps;
    assert_int_equal(steps[1].args.partitions, 3);
    assert_int_equal(steps[2].args.elect.partition, 2);
    assert_true(slice_eq(steps[3].args.config.v[0].value, S("5")));
    assert_null(steps[3].args.config.v[1].value.p);
    assert_int_equal(steps[4].args.before, -1);
    mem_release(&l.mem);
    must_say(ADMIN("create: a, delete: orders"), "says too much");
    must_say(ADMIN("before: 3"), "does not say what");
    must_say(ADMIN("delete: orders, before: 3"), "`before` goes with delete-records");
    must_say(ADMIN("alter: orders"), "to what?");
    must_say(ADMIN("alter: orders, config: {log.retention.ms: 1}"), "no topic has");
    must_say(ADMIN("alter-broker: b1, config: {num.partitions: 1}"), "does not change while");
    must_say(ADMIN("alter-broker: default, config: {broker.rack: r}"), "does not change while");
    must_say(ADMIN("add-partitions: orders, partitions: 1"), "orders has 1 already");
    must_say(ADMIN("add-partitions: other, partitions: 1"), "no topic is called other");
    must_say(ADMIN("delete-records: orders-3"), "orders has 1 partition");
    must_say(ADMIN("delete-records: orders-0, before: -3"), "is not an offset, or high-watermark");
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

static void
a_disk_is_slowed_and_healed_by_words_that_are_verbs_too(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD "timeline:\n  - {at: 1s, disk: b1, slow: 500, for: 1s}\n  - {at: 2s, disk: b1, "
                  "heal: true}\n");
    assert_string_equal(said(&l), "");
    assert_int_equal(l.all.v[0]->steps[0].verb->id, VERB_DISK);
    assert_int_equal(l.all.v[0]->steps[0].args.percent, 500);
    assert_true(l.all.v[0]->steps[1].args.heals);
    mem_release(&l.mem);
    must_say(HEAD "timeline: [{at: 1s, cut: [b1, b2], heal: all}]", "cut and heal in one step");
}

static void
a_client_may_show_a_wrong_password(void **state)
{
    (void)state;
    struct loaded l;
#define USERS "cluster: {users: {alice: wonder}}\nclients: {p1: {produce: orders, "
    load(&l, HEAD USERS
         "user: alice, password: guess, until: 8s}}\ntimeline: [{at: 1s, ask: b1, listener: "
         "users, rpc: Metadata, answer: none}]");
    assert_string_equal(said(&l), "");
    assert_true(slice_eq(l.all.v[0]->clients[0].password, S("guess")));
    mem_release(&l.mem);
    must_say(HEAD USERS "password: guess}}", "user is missing");
    must_say(HEAD USERS "user: bob}}", "the cluster has no user bob");
}

static void
scenarios_that_extend_each_other_in_a_circle_are_refused(void **state)
{
    (void)state;
    must_say("scenario: 1\nname: a\nextends: b\n---\nscenario: 1\nname: b\nextends: a\n",
             "in a circle");
    must_say("scenario: 1\nname: a\nextends: zz\n", "no scenario is called zz");
}

static void
lint_knows_what_is_hardly_meant(void **state)
{
    (void)state;
    must_say(
        HEAD
        "cluster: {config: {broker.session.timeout.ms: 1000, broker.heartbeat.interval.ms: 500}}",
        "one late heartbeat fences a broker");
    must_say(HEAD "timeline: [{at: 1s, pause: b1, for: 2s}]", "no failover will happen");
    must_say(HEAD P1 "timeline: [{at: 1s, pause: [b1, p1], for: 2s}]", "no failover will happen");
    must_not_say(HEAD P1 "timeline: [{at: 1s, pause: p1, for: 2s}]", "no failover will happen");
    must_say(
        "scenario: 1\nname: t\nabout: x\ntopics: {orders: {}}\ntimeline: [{at: 1s, crash: b1}]",
        "has a role that differs from seed to seed");
    must_say(HEAD "timeline: [{at: 1s, crash: b1}, {at: 1s, crash: b2}]",
             "the quorum is gone with them");
    must_not_say(HEAD "timeline: [{at: 1s, crash: b1, for: 10s}, {at: 20s, crash: b1, for: 10s}]",
                 "the quorum is gone with them");
    must_say(HEAD "run: 1s\ntimeline: [{at: 5s, crash: b1}]", "after the end of the run");
    must_say(HEAD P1 "timeline: [{at: 1s, admin: {delete: orders}}]", "p1 still writes to orders");
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

static void
a_name_is_free_again_when_what_had_it_has_ended(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD "timeline:\n"
                  "  - {at: 1s, cut: [b1, [b2, b3]], as: x}\n"
                  "  - {at: 2s, heal: $x}\n"
                  "  - {at: 3s, cut: [b1, rest], for: 1s, as: x}\n"
                  "  - {at: 5s, cut: [brokers, brokers], as: x}\n"
                  "  - {at: 6s, heal: all}\n"
                  "  - {at: 7s, crash: b1, as: x}\n"
                  "  - {at: 8s, restart: $x}\n"
                  "  - {at: 9s, crash: b2, as: x}\n");
    assert_int_equal(l.diags.errors, 0);
    mem_release(&l.mem);
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
        cmocka_unit_test(a_mistake_has_a_place_a_caret_and_a_cure),
        cmocka_unit_test(what_yaml_would_make_of_words_is_not_made),
        cmocka_unit_test(answers_are_kafkas_own),
        cmocka_unit_test(presets_become_their_steps),
        cmocka_unit_test(presets_are_asked_for_as_they_are),
        cmocka_unit_test(names_that_nobody_has_are_refused),
        cmocka_unit_test(steps_that_say_too_little_or_too_much_are_refused),
        cmocka_unit_test(all_mistakes_come_at_once_up_to_twenty),
        cmocka_unit_test(a_caret_counts_characters_and_is_in_sight),
        cmocka_unit_test(what_is_no_text_has_a_place_too),
        cmocka_unit_test(numbers_that_no_run_can_bear_are_refused),
        cmocka_unit_test(what_would_mean_nothing_is_refused),
        cmocka_unit_test(members_of_groups_are_read),
        cmocka_unit_test(nodes_have_settings_of_their_own),
        cmocka_unit_test(common_mistakes_are_answered_once_and_to_the_point),
        cmocka_unit_test(an_administrator_says_one_thing_at_a_time),
        cmocka_unit_test(a_question_has_the_fields_of_its_message),
        cmocka_unit_test(an_assignment_is_taken_as_it_is_written),
        cmocka_unit_test(a_disk_is_slowed_and_healed_by_words_that_are_verbs_too),
        cmocka_unit_test(a_client_may_show_a_wrong_password),
        cmocka_unit_test(scenarios_that_extend_each_other_in_a_circle_are_refused),
        cmocka_unit_test(lint_knows_what_is_hardly_meant),
        cmocka_unit_test(every_row_of_the_table_is_in_its_place_and_explained),
        cmocka_unit_test(the_reference_page_is_the_one_in_the_project),
        cmocka_unit_test(a_name_is_free_again_when_what_had_it_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
