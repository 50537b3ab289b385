/* Mistakes in a scenario: each has a place, a caret and a cure. */
#include "tests/unit/sim/scenarios.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mistake_has_a_place_a_caret_and_a_cure),
        cmocka_unit_test(what_yaml_would_make_of_words_is_not_made),
        cmocka_unit_test(names_that_nobody_has_are_refused),
        cmocka_unit_test(steps_that_say_too_little_or_too_much_are_refused),
        cmocka_unit_test(all_mistakes_come_at_once_up_to_twenty),
        cmocka_unit_test(a_caret_counts_characters_and_is_in_sight),
        cmocka_unit_test(what_is_no_text_has_a_place_too),
        cmocka_unit_test(numbers_that_no_run_can_bear_are_refused),
        cmocka_unit_test(what_would_mean_nothing_is_refused),
        cmocka_unit_test(common_mistakes_are_answered_once_and_to_the_point),
        cmocka_unit_test(scenarios_that_extend_each_other_in_a_circle_are_refused),
        cmocka_unit_test(lint_knows_what_is_hardly_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
