/* What a scenario says of its clients, and the steps of its timeline: what is read, and what each cannot do without. */
#include "tests/unit/sim/scenarios.h"

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
        cmocka_unit_test(answers_are_kafkas_own),
        cmocka_unit_test(presets_become_their_steps),
        cmocka_unit_test(presets_are_asked_for_as_they_are),
        cmocka_unit_test(members_of_groups_are_read),
        cmocka_unit_test(a_question_has_the_fields_of_its_message),
        cmocka_unit_test(an_administrator_says_one_thing_at_a_time),
        cmocka_unit_test(a_disk_is_slowed_and_healed_by_words_that_are_verbs_too),
        cmocka_unit_test(a_client_may_show_a_wrong_password),
        cmocka_unit_test(a_name_is_free_again_when_what_had_it_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
