#include "tests/lib/test.h"

#include "broker/os/settings.h"

static struct mem mem;
static struct os_settings settings;
static char why_text[512];
static struct writer why;

static int
set_up(void **state)
{
    (void)state;
    test_mem_init(&mem);
    settings = (struct os_settings){.mem = &mem};
    memset(why_text, 0, sizeof why_text);
    why = writer_fixed(why_text, sizeof why_text - 1);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    mem_release(&mem);
    return 0;
}

#define OPTIONS(o, ...) \
    os_options_parse((o), &mem, (int)ARRAY_LEN(((const char *[]){"gregord", __VA_ARGS__})), \
                     (const char *[]){"gregord", __VA_ARGS__}, &why)

static void
expect_setting(const char *name, const char *value)
{
    const struct node_setting *found = os_settings_find(&settings, slice_cstr(name));
    if (!found) fail_msg("%s is not set", name);
    assert_true(slice_eq(found->value, slice_cstr(value)));
}

/* ---- options ---- */

static void
options_are_taken_in_order(void **state)
{
    (void)state;
    struct os_options o;
    assert_true(OPTIONS(&o, "--override", "a.b=1", "--config", "x.properties",
                        "--override=a.b = 2 ", "--memory", "512m"));
    assert_slice(o.config, "x.properties");
    assert_int_equal(o.overrides.v.n, 2);
    assert_slice(o.overrides.v.v[1].name, "a.b");
    assert_slice(o.overrides.v.v[1].value, "2");
    assert_slice(o.overrides.v.v[1].origin, "--override");
    assert_int_equal(o.memory_bytes, 512 << 20);
    assert_true(OPTIONS(&o, "--override", "sasl.jaas=a=b"));
    assert_slice(o.overrides.v.v[0].value, "a=b");
}

static void
expect_usage_error(const char *option, const char *value, const char *message)
{
    struct os_options o;
    const char *argv[] = {"gregord", option, value};
    memset(why_text, 0, sizeof why_text);
    why = writer_fixed(why_text, sizeof why_text - 1);
    assert_false(os_options_parse(&o, &mem, value ? 3 : 2, argv, &why));
    assert_string_equal(why_text, message);
}

static void
wrong_options_say_what_is_meant(void **state)
{
    (void)state;
    expect_usage_error("--confg", "x", "unknown option \"--confg\"; did you mean \"--config\"?");
    expect_usage_error("--frobnicate", NULL, "unknown option \"--frobnicate\"; --help lists them");
    expect_usage_error("--config", NULL, "option \"--config\" needs a value");
    expect_usage_error("--help=yes", NULL, "option \"--help\" takes no value");
    expect_usage_error(
        "server.properties", NULL,
        "unexpected argument \"server.properties\"; a file is given by --config FILE");
    expect_usage_error(
        "--override", "log.dirs",
        "--override \"log.dirs\": expected NAME=VALUE, as in --override log.dirs=./data");
    expect_usage_error("--override", "=x",
                       "--override \"=x\": expected NAME=VALUE, as in --override log.dirs=./data");
    expect_usage_error("--memory", "lots", "--memory \"lots\": expected a size as 512m or 4g");
    expect_usage_error("--memory", "1m", "--memory \"1m\": a node needs at least 16m");
    expect_usage_error("--memory", "99999999999999999999g",
                       "--memory \"99999999999999999999g\": expected a size as 512m or 4g");
}

static void
help_names_every_option_and_gives_an_example(void **state)
{
    (void)state;
    struct writer w = writer_mem(&mem);
    os_options_help(&w);
    writer_i8(&w, 0);
    assert_non_null(strstr((char *)w.p, "  --override NAME=VALUE   one setting"));
    assert_non_null(strstr((char *)w.p, "gregord --config server.properties --override"));
}

/* ---- the environment ---- */

static void
variables_become_settings(void **state)
{
    (void)state;
    struct slice id;
    static const char *const environment[] = {
        "PATH=/bin",
        "KAFKA_NODE_ID=7",
        "KAFKA_LISTENERS=PLAINTEXT://0.0.0.0:9092,CONTROLLER://0.0.0.0:9093",
        "KAFKA_A__B_C___D=x=y",
        "KAFKA_HEAP_OPTS=-Xmx1g",
        "KAFKA_=1",
        "NOT_KAFKA_X=1",
        "CLUSTER_ID=MkU3OEVBNTcwNTJENDM2Qk",
        NULL,
    };
    os_environment_parse(&settings, environment, &id);
    assert_slice(id, "MkU3OEVBNTcwNTJENDM2Qk");
    assert_int_equal(settings.v.n, 3);
    expect_setting("node.id", "7");
    expect_setting("a_b.c-d", "x=y");
    assert_slice(settings.v.v[0].origin, "KAFKA_NODE_ID");
}

/* ---- properties ---- */

static bool
parse(const char *text)
{
    return os_properties_parse(&settings, S("f"), slice_cstr(text), &why);
}

static void
properties_are_read_as_java_reads_them(void **state)
{
    (void)state;
    assert_true(parse("# a=comment\n"
                      "! b=comment\r\n"
                      "\n"
                      "  node.id=1\r\n"
                      "spaced  =  x y  \n"
                      "colon:c\n"
                      "blank b c\n"
                      "empty=\n"
                      "long=a,\\\n"
                      "     b,\\\r\n"
                      "     c\n"
                      "esc\\=aped\\ name=\\u00e9\\t\\\\\\x\n"
                      "last=#1"));
    expect_setting("node.id", "1");
    expect_setting("spaced", "x y");
    expect_setting("colon", "c");
    expect_setting("blank", "b c");
    expect_setting("empty", "");
    expect_setting("long", "a,b,c");
    expect_setting("esc=aped name", "\xc3\xa9\t\\x");
    expect_setting("last", "#1");
    assert_int_equal(settings.v.n, 8);
    assert_slice(settings.v.v[0].origin, "f:4:3");
    assert_slice(settings.v.v[7].origin, "f:13:1");
}

static void
expect_properties_error(const char *text, const char *message)
{
    memset(why_text, 0, sizeof why_text);
    why = writer_fixed(why_text, sizeof why_text - 1);
    assert_false(parse(text));
    assert_string_equal(why_text, message);
}

static void
mistakes_in_properties_have_a_place(void **state)
{
    (void)state;
    expect_properties_error("a=1\nlisteners\n",
                            "f:2:10: expected \"=\" and a value after the name");
    expect_properties_error("a=1\n  =x\n", "f:2:3: expected a name before the value");
    expect_properties_error("a=\\u12x4\n", "f:1:7: expected four hexadecimal digits after \\u");
    assert_false(os_properties_parse(&settings, S("f"), S("a=\0b"), &why));
}

static void
later_settings_win(void **state)
{
    (void)state;
    assert_true(parse("a=1\nb=2\na=3\n"));
    expect_setting("a", "3");
    assert_null(os_settings_find(&settings, S("c")));
}

/* ---- defaults, and what is implied ---- */

static void
alone_it_is_one_node_on_localhost(void **state)
{
    (void)state;
    os_settings_add_defaults(&settings);
    os_settings_add_implied(&settings, true);
    expect_setting("process.roles", "broker,controller");
    expect_setting("node.id", "1");
    expect_setting("listeners", "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093");
    expect_setting("advertised.listeners", "PLAINTEXT://localhost:9092");
    expect_setting("controller.listener.names", "CONTROLLER");
    expect_setting("controller.quorum.bootstrap.servers", "localhost:9093");
    expect_setting("offsets.topic.replication.factor", "1");
    expect_setting("transaction.state.log.min.isr", "1");
    expect_setting("log.dirs", "./gregor-data");
}

static void
other_ports_and_ids_are_followed(void **state)
{
    (void)state;
    os_settings_add_defaults(&settings);
    assert_true(
        parse("node.id=4\nlisteners=PLAINTEXT://10.0.0.1:1, X://[::]:2, CONTROLLER://[::1]:3"));
    os_settings_add_implied(&settings, true);
    expect_setting("advertised.listeners", "PLAINTEXT://10.0.0.1:1,X://localhost:2");
    expect_setting("controller.quorum.bootstrap.servers", "[::1]:3");
}

static void
either_name_of_the_log_directory_counts(void **state)
{
    (void)state;
    os_settings_add_defaults(&settings);
    assert_true(parse("log.dir=mine\n"));
    os_settings_add_implied(&settings, true);
    expect_setting("log.dir", "mine");
    assert_null(os_settings_find(&settings, S("log.dirs")));
}

/* One dead coordinator must not end all commits. */
static void
internal_topics_have_a_copy_on_each_voter_but_three_at_most(void **state)
{
    static const struct {
        const char *settings, *factor, *min_isr; /* NULL: Kafka's */
    } rows[] = {
        {"controller.quorum.voters=1@a:1", "1", "1"},
        {"controller.quorum.voters=1@a:1,2@b:1", "2", NULL},
        {"controller.quorum.voters=1@a:1,2@b:1,3@c:1", NULL, NULL},
        {"controller.quorum.voters=1@a:1,2@b:1,3@c:1,4@d:1", NULL, NULL},
        {"process.roles=broker\ncontroller.quorum.voters=2@b:1", NULL, NULL},
        {"controller.quorum.bootstrap.servers=b:1", NULL, NULL},
        {"controller.quorum.voters=1@a:1\noffsets.topic.replication.factor=2", "2", "1"},
    };
    for (int i = 0; i < ARRAY_LEN(rows); i++) {
        (void)tear_down(state), (void)set_up(state);
        os_settings_add_defaults(&settings);
        assert_true(parse(rows[i].settings));
        os_settings_add_implied(&settings, true);
        if (rows[i].factor) expect_setting("offsets.topic.replication.factor", rows[i].factor);
        else assert_null(os_settings_find(&settings, S("offsets.topic.replication.factor")));
        if (rows[i].min_isr) expect_setting("transaction.state.log.min.isr", rows[i].min_isr);
        else assert_null(os_settings_find(&settings, S("transaction.state.log.min.isr")));
    }
}

static void
the_old_name_of_node_id_stands_against_its_default(void **state)
{
    (void)state;
    os_settings_add_defaults(&settings);
    assert_true(parse("broker.id=7"));
    os_settings_add_implied(&settings, true);
    expect_setting("node.id", "7");
}

static void
no_controller_listener_is_advertised_by_itself(void **state)
{
    (void)state;
    os_settings_add_defaults(&settings);
    assert_true(parse("listeners=PLAINTEXT://h:1,A://h:2,B://h:3\ncontroller.listener.names=A, B"));
    os_settings_add_implied(&settings, true);
    expect_setting("advertised.listeners", "PLAINTEXT://h:1");
}

static void
what_was_given_is_not_implied(void **state)
{
    (void)state;
    os_settings_add_defaults(&settings);
    assert_true(
        parse("advertised.listeners=PLAINTEXT://h:1\ncontroller.quorum.voters=1@a:1,2@b:1"));
    os_settings_add_implied(&settings, true);
    expect_setting("advertised.listeners", "PLAINTEXT://h:1");
    expect_setting("controller.quorum.voters", "1@a:1,2@b:1");
}

static void
a_listener_named_controller_is_the_controllers(void **state)
{
    (void)state;
    assert_true(parse("listeners=PLAINTEXT://:9092,CONTROLLER://:9093"));
    os_settings_add_implied(&settings, false);
    expect_setting("controller.listener.names", "CONTROLLER");
    assert_null(os_settings_find(&settings, S("controller.quorum.voters")));
}

static void
broken_listeners_are_left_to_the_node(void **state)
{
    (void)state;
    static const char *const broken[] = {"",     ",",     ":",       "://",          "X",
                                         "X://", "X://:", ",,:,//:", "CONTROLLER://"};
    for (int i = 0; i < ARRAY_LEN(broken); i++) {
        settings = (struct os_settings){.mem = &mem};
        os_settings_add_defaults(&settings);
        os_settings_add(&settings, S("listeners"), slice_cstr(broken[i]), S("x"));
        os_settings_add_implied(&settings, true);
        expect_setting("listeners", broken[i]);
        assert_null(os_settings_find(&settings, S("controller.quorum.bootstrap.servers")));
    }
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(options_are_taken_in_order),
        TEST(wrong_options_say_what_is_meant),
        TEST(help_names_every_option_and_gives_an_example),
        TEST(variables_become_settings),
        TEST(properties_are_read_as_java_reads_them),
        TEST(mistakes_in_properties_have_a_place),
        TEST(later_settings_win),
        TEST(alone_it_is_one_node_on_localhost),
        TEST(other_ports_and_ids_are_followed),
        TEST(either_name_of_the_log_directory_counts),
        TEST(internal_topics_have_a_copy_on_each_voter_but_three_at_most),
        TEST(the_old_name_of_node_id_stands_against_its_default),
        TEST(no_controller_listener_is_advertised_by_itself),
        TEST(what_was_given_is_not_implied),
        TEST(a_listener_named_controller_is_the_controllers),
        TEST(broken_listeners_are_left_to_the_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
