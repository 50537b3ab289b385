/* gregor run: what it leaves behind and with which exit code it ends. */
#include "tests/unit/sim/fixture.h"

static int
run(const char *const *argv)
{
    return run_command(command_run, argv);
}

static int
shrink_twice(void)
{
    static const char *const once[] = {"tiny.yaml", "--bug",    "check",  "--runs", "60",
                                       "-o",        "one.yaml", "--json", NULL},
                             *const again[] = {"tiny.yaml", "--bug",    "check",  "--runs", "60",
                                               "-o",        "two.yaml", "--json", NULL};
    int rc = run_command(command_shrink, once);
    return rc ? rc : run_command(command_shrink, again);
}

#define RUN(...) run((const char *const[]){"tiny.yaml", __VA_ARGS__, NULL})

static int
count(const char *in, const char *what)
{
    int n = 0;
    for (const char *at = strstr(in, what); at; at = strstr(at + 1, what)) n++;
    return n;
}

/* ---- reports ---- */

static void
several_runs_leave_one_report_in_their_order(void **state)
{
    (void)state;
    assert_int_equal(RUN("--seed", "1..3", "--jobs", "2", "--out", "several"), EXIT_PASS);
    const char *all = read_back("several/report.json");
    assert_int_equal(strncmp(all, "{\"schema\":1,\"runs\":[\n{\"schema\":1,", 33), 0);
    assert_string_equal(all + strlen(all) - 5, "}\n]}\n");
    assert_int_equal(count(all, "\n{\"schema\":1,\"verdict\":\"pass\",\"scenario\":\"tiny\","), 3);
    assert_int_equal(count(all, "},\n{\"schema\""), 2);
    assert_true(strstr(all, "\"seed\":1,") < strstr(all, "\"seed\":2,"));
    assert_true(strstr(all, "\"seed\":2,") < strstr(all, "\"seed\":3,"));
    must_have("several/tiny-2/report.json", "\"seed\":2,");
}

static void
json_prints_one_line_for_each_run(void **state)
{
    (void)state;
    assert_int_equal(RUN("--seed", "1..2", "--json"), EXIT_PASS);
    const char *all = read_back("printed");
    assert_int_equal(count(all, "\n"), 2);
    assert_int_equal(count(all, "{\"schema\":1,\"verdict\":\"pass\""), 2);
    assert_int_equal(access("out", F_OK), -1);
}

static void
a_run_that_a_signal_ends_is_reported_all_the_same(void **state)
{
    (void)state;
    assert_int_equal(RUN("--seed", "1..2", "--bug", "signal", "--out", "signal"), EXIT_DIED);
    const char *all = read_back("signal/report.json");
    assert_int_equal(count(all, "\"verdict\":\"died\""), 2);
    assert_int_equal(count(all, "the process was ended by signal 6"), 2);
}

static void
drawn_faults_are_counted_with_those_of_steps(void **state)
{
    (void)state;
    assert_true(file_write_all(
        "drawn.yaml",
        slice_cstr("scenario: 1\nname: drawn\nextends: tiny\nabout: x\n"
                   "random: {from: 100ms, until: 900ms, every: 100ms, lasting: 50ms, at-once: 1,\n"
                   "  faults: {pause: 1, slow-disk: 1}}\n"
                   "timeline: [{at: 1s, pause: b1}, {at: 1.1s, resume: b1}]\n")));
    run((const char *const[]){"drawn.yaml", "--json", NULL});
    const char *all = read_back("printed"), *faults = strstr(all, "\"faults\":[");
    int pauses = 0, disks = 0;
    assert_non_null(faults);
    assert_non_null(strstr(faults, "\"pause "));
    assert_non_null(strstr(faults, "\"slow-disk "));
    sscanf(strstr(faults, "\"pause "), "\"pause %d", &pauses);
    sscanf(strstr(faults, "\"slow-disk "), "\"slow-disk %d", &disks);
    assert_in_range(pauses + disks, 4, 10);
    assert_int_equal(count(faults, "\"pause "), 1);
}

/* ---- a CHECK that fails ---- */

static void
a_failed_check_leaves_report_story_and_trace(void **state)
{
    (void)state;
    assert_int_equal(RUN("--bug", "check"), EXIT_DIED);
    must_have("printed", "calls != 10\nDIED");
    must_have("out/tiny-7/report.json", "\"verdict\":\"died\"");
    must_have("out/tiny-7/report.json", "\"reasons\":[\"./tests/unit/sim/fixture.h:");
    must_have("out/tiny-7/story.txt", "CHECK failed: strcmp(bug");
    must_have("out/tiny-7/timeline.svg", "</svg>");
}

static void
a_failed_check_ends_one_run_of_several(void **state)
{
    (void)state;
    assert_int_equal(RUN("--seed", "1..2", "--bug", "check", "--json"), EXIT_DIED);
    const char *all = read_back("printed");
    assert_int_equal(count(all, "\"verdict\":\"died\""), 2);
    assert_int_equal(count(all, "CHECK failed: "), 2);
}

static void
a_run_that_died_can_be_replayed(void **state)
{
    (void)state;
    assert_int_equal(RUN("--bug", "check", "--out", "died"), EXIT_DIED);
    assert_int_equal(command_replay(1, (char *[]){(char[]){"died/tiny-7"}}), EXIT_PASS);
    bug = "";
}

/* ---- twice ---- */

static void
a_run_that_comes_out_the_same_twice_passes(void **state)
{
    (void)state;
    assert_int_equal(RUN("--seed", "1..2", "--twice", "--json"), EXIT_PASS);
    assert_int_equal(count(read_back("printed"), "\"verdict\":\"pass\""), 2);
}

/* The rule remembers calls from one run to the next. */
static void
a_run_that_comes_out_otherwise_is_nondeterministic(void **state)
{
    (void)state;
    assert_int_equal(RUN("--bug", "drift", "--out", "once"), EXIT_PASS);
    assert_int_equal(RUN("--bug", "drift", "--twice", "--out", "twice"), EXIT_NONDETERMINISTIC);
    must_have("printed", "\nNONDETERMINISTIC");
    must_have("twice/tiny-7/report.json", "\"verdict\":\"nondeterministic\"");
    must_have("twice/tiny-7/report.json", "run again it came out otherwise");
}

static int
view(int (*command)(int argc, char **argv), const char *const *argv)
{
    int argc = 0, kept = dup(STDOUT_FILENO),
        to = open("printed", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    while (argv[argc]) argc++;
    fflush(NULL);
    dup2(to, STDOUT_FILENO);
    int rc = command(argc, (char **)(uintptr_t)argv);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept), close(to);
    return rc;
}

#define VIEW(command, ...) view(command, (const char *const[]){"out/tiny-7", __VA_ARGS__, NULL})

static void
views_refuse_what_is_not_in_the_run(void **state)
{
    (void)state;
    assert_int_equal(RUN("--quiet"), EXIT_PASS);
    assert_int_equal(VIEW(command_explain, "--partition", "orders-0"), EXIT_PASS);
    assert_int_equal(VIEW(command_explain, "--partition", "orders-7"), EXIT_USAGE);
    assert_int_equal(VIEW(command_explain, "--at", "1s"), EXIT_USAGE);
    assert_int_equal(VIEW(command_frame, "--at", "0.5s", "--dot"), EXIT_PASS);
    assert_int_equal(VIEW(command_frame, "--at", "-1ms", "--dot"), EXIT_PASS);
    assert_int_equal(VIEW(command_frame, "--at", "99s", "--dot"), EXIT_USAGE);
    assert_int_equal(VIEW(command_frame, "--at", "-99s", "--dot"), EXIT_USAGE);
    assert_int_equal(VIEW(command_frame, "--at", "soon"), EXIT_USAGE);
    assert_int_equal(VIEW(command_frame, "--at"), EXIT_USAGE);
    assert_int_equal(VIEW(command_frame, "out/other"), EXIT_USAGE);
    assert_int_equal(VIEW(command_frame, "--strip", "0.1s,0.5s", "--dot", "--theme", "dark"),
                     EXIT_PASS);
    assert_int_equal(VIEW(command_frame, "--strip", "0.5s,0.1s", "--dot"), EXIT_USAGE);
    assert_int_equal(VIEW(command_frame, "--strip", "0.5s,99s", "--dot"), EXIT_USAGE);
    assert_int_equal(VIEW(command_frame, "--strip", ""), EXIT_USAGE);
    assert_int_equal(VIEW(command_frame, "--strip", "1ms,2ms,3ms,4ms,5ms,6ms,7ms"), EXIT_USAGE);
    assert_int_equal(VIEW(command_frame, "--topology"), EXIT_PASS);
    must_have("printed", "tiny: the cluster at ");
    assert_int_equal(VIEW(command_frame, "--topology", "--why", "1"), EXIT_USAGE);
    assert_int_equal(VIEW(command_frame, "--why", "1"), EXIT_USAGE);
    assert_int_equal(VIEW(command_frame, "--why", "x"), EXIT_USAGE);
    assert_int_equal(VIEW(command_timeline, "--from", "0.5s", "--to", "0.2s"), EXIT_USAGE);
    assert_int_equal(VIEW(command_timeline, "--dot"), EXIT_USAGE);
    assert_int_equal(VIEW(command_timeline, "--theme", "pink"), EXIT_USAGE);
    assert_int_equal(VIEW(command_timeline, "--filter", "node:b9"), EXIT_USAGE);
    assert_int_equal(VIEW(command_timeline, "--filter", "topic:tea"), EXIT_USAGE);
    assert_int_equal(VIEW(command_timeline, "--filter", "why:1"), EXIT_USAGE);
    assert_int_equal(VIEW(command_timeline, "--filter", "t:5h..6h"), EXIT_USAGE);
    assert_int_equal(VIEW(command_timeline, "--filter", "t:90s..99s"), EXIT_USAGE);
    assert_int_equal(VIEW(command_timeline, "--filter", "node:b1 api:Fetch t:0s..1s", "--theme",
                          "dark", "--metrics"),
                     EXIT_PASS);
    must_have("printed", "filter: node:b1 api:Fetch t:0s..1s");
}

/* The end that nobody gave is the run's. */
static void
a_window_may_have_one_end(void **state)
{
    (void)state;
    static const char first[] = ">p1 gets its first acknowledgement (p1:1, acks=all)<";
    assert_int_equal(RUN("--quiet"), EXIT_PASS);
    assert_int_equal(VIEW(command_timeline, "--to", "500ms"), EXIT_PASS);
    must_have("printed", first);
    assert_int_equal(VIEW(command_timeline, "--from", "500ms"), EXIT_PASS);
    must_have("printed", "</svg>");
    assert_null(strstr(read_back("printed"), first));
}

/* The run is gone through again for what its messages said. */
static void
a_page_has_the_bytes_of_messages(void **state)
{
    (void)state;
    assert_int_equal(RUN("--quiet"), EXIT_PASS);
    assert_int_equal(VIEW(command_page, "--no-bytes"), EXIT_USAGE);
    assert_int_equal(VIEW(command_page, "-o"), EXIT_USAGE);
    assert_int_equal(VIEW(command_page, "-o", "a.html", "--dot"), EXIT_USAGE);
    assert_int_equal(VIEW(command_page, "-o", "a.html", "--partition", "orders-7"), EXIT_USAGE);
    assert_int_equal(VIEW(command_page, "-o", "a.html", "--with", "out/none"), EXIT_USAGE);
    assert_int_equal(VIEW(command_page, "-o", "a.html"), EXIT_PASS);
    must_have("a.html", "id=\"a-bytes0\">");
    must_have("a.html", "\"no_bytes\":\"\"");
    assert_int_equal(VIEW(command_page, "-o", "a.html", "--no-bytes"), EXIT_PASS);
    assert_null(strstr(read_back("a.html"), "id=\"a-bytes0\">"));
    assert_int_equal(VIEW(command_page, "-o", "a.html", "--with", "out/tiny-7"), EXIT_PASS);
    must_have("a.html", "id=\"b-bytes0\">");
}

/* Without what the messages said, but with all else. */
static void
a_run_that_cannot_be_repeated_has_a_page_all_the_same(void **state)
{
    (void)state;
    assert_int_equal(RUN("--quiet"), EXIT_PASS);
    assert_int_equal(rename("out/tiny-7/scenario.yaml", "out/tiny-7/gone"), 0);
    assert_int_equal(VIEW(command_page, "-o", "a.html"), EXIT_PASS);
    must_have("a.html", "\"no_bytes\":\"The run could not be gone through again");
    must_have("a.html", "p1 gets its first acknowledgement");
}

/* ---- again ---- */

static int
replay(const char *dir)
{
    char copy[64];
    snprintf(copy, sizeof copy, "%s", dir);
    return command_replay(1, (char *[]){copy});
}

static void
a_run_is_replayed_without_the_file_that_it_came_from(void **state)
{
    (void)state;
    assert_true(file_write_all(
        "gone.yaml", slice_cstr("scenario: 1\nname: twin\nabout: a \"twin\"\nextends: tiny\n")));
    assert_int_equal(
        run((const char *const[]){"gone.yaml", "--set", "p1.rate=50/s", "--out", "again", NULL}),
        EXIT_PASS);
    assert_int_equal(unlink("gone.yaml"), 0);
    must_have("again/twin-7/scenario.yaml", "about: \"a \\\"twin\\\"\"\n");
    assert_int_equal(replay("again/twin-7"), EXIT_PASS);
    assert_int_equal(replay("again/nothing"), EXIT_USAGE);
}

static void
a_run_of_a_sweep_is_replayed_with_its_fault(void **state)
{
    (void)state;
    assert_int_equal(RUN("--sweep", "power", "--ops", "30..31", "--out", "swept"), EXIT_PASS);
    must_have("swept/report.json",
              "\"sweep\":{\"fault\":\"power\",\"node\":\"k1\",\"operation\":31}");
    must_have("swept/tiny-7-b2-30/story.txt", "power");
    assert_int_equal(replay("swept/tiny-7-b2-30"), EXIT_PASS);
}

/* ---- sweeps ---- */

static void
a_sweep_goes_over_all_operations_of_all_nodes(void **state)
{
    (void)state;
    assert_int_equal(RUN("--sweep", "crash", "--ops", "30..1000000", "--only", "nobody"),
                     EXIT_USAGE);
    assert_int_equal(RUN("--sweep", "crash", "--ops", "1000000", "--json"), EXIT_USAGE);
    assert_int_equal(RUN("--sweep", "crash", "--ops", "40", "--seed", "1..2", "--json"), EXIT_PASS);
    const char *all = read_back("printed");
    assert_int_equal(count(all, "\n"), 2 * 4);
    assert_int_equal(count(all, "\"seed\":2,"), 4);
    assert_int_equal(count(all, "\"node\":\"k1\""), 2);
}

static void
what_is_not_swept_is_no_pass(void **state)
{
    (void)state;
    struct run_job j = {.has_seed = true, .seed = 7, .crash_node = S("b1"), .crash_at_op = 1000000};
    static struct pool pool;
    struct mem mem;
    struct arena a;
    struct diags d;
    struct source s = {S("tiny.yaml"), slice_cstr(scenario_text)};
    struct run_output o;
    mem_init(&mem, pool_source(&pool), INT64_MAX);
    arena_init(&a, &mem, 0);
    diags_init(&d, &a);
    job_run(&a, scenario_load(&a, &s, NULL, &d).v[0], &j, &o);
    assert_int_equal(o.exit_code, EXIT_INCONCLUSIVE);
    mem_release(&mem);
    pool_release(&pool);
}

/* ---- interrupts ---- */

static int asked;

static bool
stop_at_the_first_look(void)
{
    return ++asked == 1;
}

static void
an_interrupted_run_is_reported_and_no_pass(void **state)
{
    (void)state;
    struct slice longer = S("p1.until=30s");
    struct load_options lo = {.sets = &longer, .sets_n = 1};
    struct run_job j = {
        .path = "tiny.yaml", .out = "stopped", .stop = stop_at_the_first_look, .json = true};
    static struct pool pool;
    struct mem mem;
    struct arena a;
    struct diags d;
    struct source s = {S("tiny.yaml"), slice_cstr(scenario_text)};
    struct run_output o;
    mem_init(&mem, pool_source(&pool), INT64_MAX);
    arena_init(&a, &mem, 0);
    diags_init(&d, &a);
    job_run(&a, scenario_load(&a, &s, &lo, &d).v[0], &j, &o);
    assert_int_equal(o.exit_code, EXIT_INTERRUPTED);
    must_have("stopped/tiny-7/report.json", "\"verdict\":\"inconclusive\"");
    must_have("stopped/tiny-7/report.json", "\"reasons\":[\"interrupted\"]");
    mem_release(&mem);
    pool_release(&pool);
}

/* ---- witnesses ---- */

static void
what_could_not_be_read_is_no_disagreement(void **state)
{
    (void)state;
    assert_true(file_write_all(
        "dead.yaml",
        slice_cstr("scenario: 1\nname: dead\nextends: tiny\nabout: x\n"
                   "timeline:\n  - {at: 500ms, crash: [b2, b3], as: two}\n"
                   "  - {then: 1ms, disk: $two, shorten: 0B, path: meta.properties}\n")));
    assert_int_equal(run((const char *const[]){"dead.yaml", "--json", NULL}), EXIT_FAIL);
    must_have("printed", "the final read did not come to an end");
}

static void
a_failing_run_shrinks_to_the_same_scenario_twice(void **state)
{
    static char first[sizeof text];
    (void)state;
    assert_int_equal(shrink_twice(), EXIT_PASS);
    must_have("printed", "\"passes_without_bug\":true");
    must_have("one.yaml", "name: tiny-shrunk");
    must_have("one.yaml", "# From tiny, seed 7, with --bug check.");
    assert_null(strstr(read_back("one.yaml"), "c1"));
    snprintf(first, sizeof first, "%s", read_back("one.yaml"));
    assert_string_equal(first, read_back("two.yaml"));
}

static void
what_does_not_fail_is_not_shrunk(void **state)
{
    static const char *const argv[] = {"tiny.yaml", "-o", "none.yaml", NULL};
    (void)state;
    assert_int_equal(run_command(command_shrink, argv), EXIT_INCONCLUSIVE);
    assert_int_equal(access("none.yaml", F_OK), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_runs_leave_one_report_in_their_order),
        cmocka_unit_test(json_prints_one_line_for_each_run),
        cmocka_unit_test(a_run_that_a_signal_ends_is_reported_all_the_same),
        cmocka_unit_test(drawn_faults_are_counted_with_those_of_steps),
        cmocka_unit_test(a_failed_check_leaves_report_story_and_trace),
        cmocka_unit_test(a_failed_check_ends_one_run_of_several),
        cmocka_unit_test(a_run_that_died_can_be_replayed),
        cmocka_unit_test(a_run_that_comes_out_the_same_twice_passes),
        cmocka_unit_test(a_run_that_comes_out_otherwise_is_nondeterministic),
        cmocka_unit_test(views_refuse_what_is_not_in_the_run),
        cmocka_unit_test(a_window_may_have_one_end),
        cmocka_unit_test(a_page_has_the_bytes_of_messages),
        cmocka_unit_test(a_run_that_cannot_be_repeated_has_a_page_all_the_same),
        cmocka_unit_test(a_run_is_replayed_without_the_file_that_it_came_from),
        cmocka_unit_test(a_run_of_a_sweep_is_replayed_with_its_fault),
        cmocka_unit_test(a_sweep_goes_over_all_operations_of_all_nodes),
        cmocka_unit_test(what_is_not_swept_is_no_pass),
        cmocka_unit_test(an_interrupted_run_is_reported_and_no_pass),
        cmocka_unit_test(what_could_not_be_read_is_no_disagreement),
        cmocka_unit_test(a_failing_run_shrinks_to_the_same_scenario_twice),
        cmocka_unit_test(what_does_not_fail_is_not_shrunk),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
