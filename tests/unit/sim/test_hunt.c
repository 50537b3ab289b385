/* gregor hunt: what it finds is sorted, shards take every seed once, reports add up. */
#include "tests/unit/sim/fixture.h"

#include <signal.h>
#include <sys/wait.h>

#include "sim/cli/hunt.h"

static int
run(const char *const *argv)
{
    bug = "";
    return run_command(command_hunt, argv);
}

#define HUNT(...) run((const char *const[]){"tiny.yaml", __VA_ARGS__, NULL})
#define MERGE(...) run((const char *const[]){"merge", __VA_ARGS__, NULL})

/* ---- a desk ---- */

static struct pool pool;
static struct mem mem;
static struct arena arena;

static void
desk(void)
{
    mem_init(&mem, pool_source(&pool), INT64_MAX);
    arena_init(&arena, &mem, 0);
}

static void
clear_desk(void)
{
    mem_release(&mem);
    pool_release(&pool);
}

static void
add_line(struct lines *l, int64_t at_ns, const char *says)
{
    struct line line = {at_ns, slice_cstr(says)};
    VEC_PUSH(&mem, &l->v, line);
}

static void
must_be(struct slice is, const char *expected)
{
    if (!slice_eq(is, slice_cstr(expected))) fail_msg("'%.*s' instead of '%s'", SARG(is), expected);
}

/* ---- places ---- */

static void
a_place_is_the_rule_that_was_broken_first(void **state)
{
    (void)state;
    desk();
    struct run_result r = {.verdict = VERDICT_FAIL, .begin_ns = 1000};
    struct anomaly x = {.rule = RULE_LOST, .topic = S("orders"), .partition = 1, .at_ns = 9000};
    anomalies_init(&r.anomalies, &mem);
    anomalies_add(&r.anomalies, &x);
    VEC_PUSH(&mem, &r.fired, S("committed-truncated"));
    VEC_PUSH(&mem, &r.fired, S("leader-completeness"));
    VEC_PUSH(&mem, &r.fired, S("lost"));
    must_be(hunt_place(&arena, &r), "lost"); /* nobody knows since when of the others */
    x = (struct anomaly){.rule = RULE_COMMITTED_TRUNCATED, .topic = S("bills"), .at_ns = 1400};
    x.witness = WITNESS_INVARIANT;
    anomalies_add(&r.anomalies, &x);
    must_be(hunt_place(&arena, &r), "committed-truncated"); /* it led to the loss */
    x.rule = RULE_LEADER_COMPLETENESS;
    x.at_ns = 1300;
    x.topic = S("__consumer_offsets");
    anomalies_add(&r.anomalies, &x);
    must_be(hunt_place(&arena, &r), "leader-completeness of __consumer_offsets");
    x.rule = RULE_DUPLICATE; /* permitted: not what it failed by */
    x.at_ns = 100;
    x.allowed = true;
    anomalies_add(&r.anomalies, &x);
    must_be(hunt_place(&arena, &r), "leader-completeness of __consumer_offsets");
    clear_desk();
}

static void
a_place_without_a_rule_leaves_numbers_out_but_not_of_a_check(void **state)
{
    (void)state;
    desk();
    struct run_result r = {.verdict = VERDICT_FAIL};
    add_line(&r.reasons, 0, "b12 does not serve: 3 of 40\nand 17 more lines");
    must_be(hunt_place(&arena, &r), "fail: bN does not serve: N of N");
    r.verdict = VERDICT_DIED;
    r.reasons.v.n = 0;
    add_line(&r.reasons, 0, "broker/log/log.c:12: CHECK failed: n > 2");
    must_be(hunt_place(&arena, &r), "died: broker/log/log.c:12: CHECK failed: n > 2");
    clear_desk();
}

/* ---- shards ---- */

static void
shards_share_out_all_seeds_and_merge_to_the_whole(void **state)
{
    (void)state;
    assert_int_equal(HUNT("--seeds", "1..7", "--out", "whole", "--json"), EXIT_PASS);
    must_have("printed", "\"runs\":7,\"passed\":7,");
    assert_int_equal(HUNT("--seeds", "1..7", "--shard", "1/3", "--out", "s1"), EXIT_PASS);
    must_have("s1/hunt.json", "\"runs\":3,");
    assert_int_equal(MERGE("s1"), EXIT_INCONCLUSIVE); /* two are missing */
    assert_int_equal(HUNT("--seeds", "1..7", "--shard", "2/3", "--out", "s2"), EXIT_PASS);
    assert_int_equal(HUNT("--seeds", "1..7", "--shard", "3/3", "--out", "s3"), EXIT_PASS);
    must_have("s3/hunt.json", "\"runs\":2,");
    assert_int_equal(MERGE("s2", "s1", "s3/hunt.json", "--json", "--out", "sum"), EXIT_PASS);
    must_have("sum/hunt.json", "\"runs\":7,\"passed\":7,");
    /* The same seeds were run: the same events and records. */
    char *from = strstr(text, "\"virtual_ns\""), *to = strstr(text, ",\"wall_ns\"");
    assert_true(from && to);
    char *sum = strndup(from, (size_t)(to - from));
    must_have("whole/hunt.json", sum);
    free(sum);
}

static void
what_is_not_of_one_hunt_is_not_merged(void **state)
{
    (void)state;
    assert_int_equal(HUNT("--seeds", "1..4", "--shard", "1/2", "--out", "m1"), EXIT_PASS);
    assert_int_equal(HUNT("--seeds", "1..5", "--shard", "2/2", "--out", "m2"), EXIT_PASS);
    assert_int_equal(MERGE("m1", "m2"), EXIT_USAGE);
    assert_int_equal(MERGE("m1", "m1"), EXIT_USAGE);
    assert_int_equal(MERGE("m1", "nothing"), EXIT_USAGE);
    assert_int_equal(MERGE("m1", "--speed"), EXIT_USAGE);
    assert_int_equal(MERGE("--json"), EXIT_USAGE);
    assert_true(file_write_all("bad.json", S("{\"schema\":1,\"runs\":-1}\n")));
    assert_int_equal(MERGE("bad.json"), EXIT_USAGE);
    assert_true(file_write_all("bad.json", S("{\"schema\":")));
    assert_int_equal(MERGE("bad.json"), EXIT_USAGE);
}

/* ---- buckets ---- */

static void
a_check_that_fails_is_one_bucket_with_few_folders(void **state)
{
    (void)state;
    assert_int_equal(HUNT("--seeds", "1..4", "--bug", "check", "--keep", "2", "--out", "check"),
                     EXIT_DIED);
    must_have("printed", "4 × died: ./tests/unit/sim/fixture.h:");
    must_have("printed", "gregor run tiny.yaml --only tiny --seed 1 --bug check\n");
    must_have("printed", ", 0 passed, 4 not, in 1 bucket;");
    must_have("check/tiny-1/report.json", "\"verdict\":\"died\"");
    must_have("check/tiny-2/timeline.svg", "</svg>");
    assert_int_equal(access("check/tiny-3", F_OK), -1);
}

static void
a_worker_that_a_signal_ends_is_a_find_and_the_hunt_goes_on(void **state)
{
    (void)state;
    assert_int_equal(HUNT("--seeds", "1..5", "--jobs", "2", "--bug", "signal", "--out", "signal"),
                     EXIT_DIED);
    must_have("printed", "5 × died: ended by signal 6 (exit 4)");
}

static void
passing_seeds_leave_no_folder(void **state)
{
    (void)state;
    assert_int_equal(HUNT("--seeds", "1..3", "--jobs", "2", "--out", "clean"), EXIT_PASS);
    assert_int_equal(system("test \"$(ls clean)\" = hunt.json"), 0);
}

/* A rule that keeps something from one run to the next: of those that are made twice, it is seen. */
static void
nondeterminism_is_a_bucket_of_its_own(void **state)
{
    (void)state;
    uint64_t seed = 1;
    char seeds[32];
    while (!hunt_is_twice(seed)) seed++;
    snprintf(seeds, sizeof seeds, "%llu", (unsigned long long)seed);
    assert_int_equal(HUNT("--seeds", seeds, "--bug", "drift", "--out", "drift"),
                     EXIT_NONDETERMINISTIC);
    must_have("printed", "1 × nondeterministic (exit 5)");
    must_have("printed", " --twice\n");
}

static void
about_one_seed_in_fifty_is_run_twice(void **state)
{
    (void)state;
    int n = 0;
    for (uint64_t seed = 1; seed <= 10000; seed++) n += hunt_is_twice(seed);
    assert_in_range(n, 150, 250);
}

static void
finds_of_shards_come_into_one_bucket(void **state)
{
    (void)state;
    assert_int_equal(
        HUNT("--seeds", "1..4", "--shard", "1/2", "--bug", "early", "--keep", "0", "--out", "f1"),
        EXIT_FAIL);
    assert_int_equal(
        HUNT("--seeds", "1..4", "--shard", "2/2", "--bug", "early", "--keep", "0", "--out", "f2"),
        EXIT_FAIL);
    assert_int_equal(MERGE("f1", "f2"), EXIT_FAIL);
    must_have("printed", "4 × ");
    must_have("printed", ", 0 passed, 4 not, in 1 bucket;");
}

/* ---- the end ---- */

static void
of_several_ends_the_gravest_counts(void **state)
{
    (void)state;
    static const int order[] = {EXIT_INTERRUPTED, EXIT_NONDETERMINISTIC, EXIT_DIED, EXIT_USAGE,
                                EXIT_FAIL,        EXIT_INCONCLUSIVE,     EXIT_PASS};
    for (int i = 0; i + 1 < ARRAY_LEN(order); i++) {
        assert_int_equal(gravest_of(order[i], order[i + 1]), order[i]);
        assert_int_equal(gravest_of(order[i + 1], order[i]), order[i]);
    }
}

static void
an_interrupt_ends_the_hunt_with_a_report(void **state)
{
    (void)state;
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) _exit(HUNT("--for", "10h", "--jobs", "2", "--out", "stopped"));
    while (access("stopped/hunt.json", F_OK) < 0) usleep(1000);
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_INTERRUPTED);
    must_have("stopped/hunt.json", "\"ended\":false,\"interrupted\":true,\"exit\":130");
}

static void
time_ends_a_hunt_over_new_seeds(void **state)
{
    (void)state;
    int rc = HUNT("--for", "300ms", "--out", "timed");
    assert_true(rc == EXIT_PASS || rc == EXIT_INCONCLUSIVE); /* nothing was run on a slow machine */
    must_have("timed/hunt.json", "\"ended\":true");
}

static void
what_was_never_reached_is_told(void **state)
{
    (void)state;
    assert_int_equal(HUNT("--seeds", "1", "--out", "marks"), EXIT_PASS);
    must_have("printed", "; never: ");
    must_have("printed", "fault crash");
    must_have("printed", "place log-diverged");
    must_have("printed", "rarest: ");
    must_have("marks/hunt.json", "\"reached\":{\"note log-append\":1,");
}

static void
wrong_arguments_are_refused(void **state)
{
    (void)state;
    assert_int_equal(HUNT("--seeds", "9..1"), EXIT_USAGE);
    assert_int_equal(HUNT("--seeds", "many"), EXIT_USAGE);
    assert_int_equal(HUNT("--for", "10"), EXIT_USAGE);
    assert_int_equal(HUNT("--for", "0s"), EXIT_USAGE);
    assert_int_equal(HUNT("--jobs", "0"), EXIT_USAGE);
    assert_int_equal(HUNT("--keep", "-1"), EXIT_USAGE);
    assert_int_equal(HUNT("--shard", "0/3"), EXIT_USAGE);
    assert_int_equal(HUNT("--shard", "4/3"), EXIT_USAGE);
    assert_int_equal(HUNT("--shard", "2"), EXIT_USAGE);
    assert_int_equal(HUNT("--shard", "1/2", "--for", "1s"), EXIT_USAGE);
    assert_int_equal(HUNT("--seeds"), EXIT_USAGE);
    assert_int_equal(HUNT("--speed"), EXIT_USAGE);
    assert_int_equal(HUNT("--bug", "nobody"), EXIT_USAGE);
    assert_int_equal(HUNT("tiny.yaml"), EXIT_USAGE); /* one name twice */
    assert_int_equal(run((const char *const[]){NULL}), EXIT_USAGE);
    assert_int_equal(run((const char *const[]){"nothing.yaml", NULL}), EXIT_USAGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_the_rule_that_was_broken_first),
        cmocka_unit_test(a_place_without_a_rule_leaves_numbers_out_but_not_of_a_check),
        cmocka_unit_test(shards_share_out_all_seeds_and_merge_to_the_whole),
        cmocka_unit_test(what_is_not_of_one_hunt_is_not_merged),
        cmocka_unit_test(a_check_that_fails_is_one_bucket_with_few_folders),
        cmocka_unit_test(a_worker_that_a_signal_ends_is_a_find_and_the_hunt_goes_on),
        cmocka_unit_test(passing_seeds_leave_no_folder),
        cmocka_unit_test(nondeterminism_is_a_bucket_of_its_own),
        cmocka_unit_test(about_one_seed_in_fifty_is_run_twice),
        cmocka_unit_test(finds_of_shards_come_into_one_bucket),
        cmocka_unit_test(of_several_ends_the_gravest_counts),
        cmocka_unit_test(an_interrupt_ends_the_hunt_with_a_report),
        cmocka_unit_test(time_ends_a_hunt_over_new_seeds),
        cmocka_unit_test(what_was_never_reached_is_told),
        cmocka_unit_test(wrong_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
