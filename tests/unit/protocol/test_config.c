#include "tests/lib/test.h"

#include "broker/base/fmt.h"
#include "broker/protocol/config.h"
#include "broker/protocol/double.h"

struct bench {
    struct mem mem;
    struct arena arena;
    struct config broker, topic;
    struct writer why;
};

static int
setup(void **state)
{
    static struct bench b;
    b = (struct bench){0};
    test_mem_init(&b.mem);
    arena_init(&b.arena, &b.mem, 0);
    config_init(&b.broker, &b.mem, CONFIG_BROKER);
    config_init(&b.topic, &b.mem, CONFIG_TOPIC);
    b.why = writer_mem(&b.mem);
    *state = &b;
    return 0;
}

static int
teardown(void **state)
{
    struct bench *b = *state;
    config_release(&b->broker);
    config_release(&b->topic);
    mem_release(&b->mem);
    return 0;
}

/* ---- values --------------------------------------------------------------------------------- */

static void
defaults_are_kafkas(void **state)
{
    struct bench *b = *state;
    assert_int_equal(config_i64(&b->broker, K_CFG_SOCKET_REQUEST_MAX_BYTES), 104857600);
    assert_true(config_bool(&b->broker, K_CFG_AUTO_CREATE_TOPICS_ENABLE));
    assert_slice(config_list_at(&b->broker, K_CFG_LISTENERS, 0), "PLAINTEXT://:9092");
    assert_true(config_is_null(&b->broker, K_CFG_LOG_RETENTION_MS));
    assert_int_equal(config_i64(&b->topic, K_TCFG_MIN_CLEANABLE_DIRTY_RATIO), 500000);
    assert_int_equal(config_list_n(&b->broker, K_CFG_CONTROLLER_QUORUM_VOTERS), 0);
}

static void
every_name_is_found(void **state)
{
    struct bench *b = *state;
    for (int32_t i = 0; i < K_CFGS_N; i++)
        assert_int_equal(config_id(CONFIG_BROKER, config_name(&b->broker, i)), i);
    for (int32_t i = 0; i < K_TCFGS_N; i++)
        assert_int_equal(config_id(CONFIG_TOPIC, config_name(&b->topic, i)), i);
    assert_int_equal(config_id(CONFIG_BROKER, S("num.partition")), -1);
    assert_int_equal(config_id(CONFIG_TOPIC, S("")), -1);
}

static void
refuses(struct bench *b, int32_t id, struct slice text, const char *why)
{
    b->why.n = 0;
    assert_false(config_set(&b->broker, id, text, &b->why));
    assert_int_equal(b->why.n, (int64_t)strlen(why));
    assert_memory_equal(b->why.p, why, strlen(why));
    assert_false(config_is_set(&b->broker, id));
}

static void
values_are_checked_by_type_and_range(void **state)
{
    struct bench *b = *state;
    refuses(b, K_CFG_NUM_PARTITIONS, S("many"), "\"many\" is not an integer");
    refuses(b, K_CFG_NUM_PARTITIONS, S("1.5"), "\"1.5\" is not an integer");
    refuses(b, K_CFG_NUM_PARTITIONS, S("0"), "\"0\" is less than 1");
    refuses(b, K_CFG_NUM_PARTITIONS, S("2147483648"), "\"2147483648\" is more than 2147483647");
    refuses(b, K_CFG_NUM_PARTITIONS, S("99999999999999999999"),
            "\"99999999999999999999\" is not an integer");
    refuses(b, K_CFG_AUTO_CREATE_TOPICS_ENABLE, S("yes"), "\"yes\" is neither true nor false");
    refuses(b, K_CFG_LOG_CLEANER_MIN_CLEANABLE_RATIO, S("1.25"), "\"1.25\" is more than 1");
    refuses(b, K_CFG_LOG_CLEANER_MIN_CLEANABLE_RATIO, S("-0.5"), "\"-0.5\" is less than 0");
    refuses(b, K_CFG_LOG_CLEANER_MIN_CLEANABLE_RATIO, S("half"), "\"half\" is not a number");
    refuses(b, K_CFG_PROCESS_ROLES, S("broker,leader"), "\"leader\" is none of broker,controller");
    refuses(b, K_CFG_COMPRESSION_TYPE, S("rar"),
            "\"rar\" is none of uncompressed,zstd,lz4,snappy,gzip,producer");
}

static void
a_value_that_is_set_replaces_the_one_before(void **state)
{
    struct bench *b = *state;
    assert_true(config_set(&b->broker, K_CFG_NUM_PARTITIONS, S(" 12 "), NULL));
    assert_int_equal(config_i64(&b->broker, K_CFG_NUM_PARTITIONS), 12);
    assert_true(config_set(&b->broker, K_CFG_NUM_PARTITIONS, S("3"), NULL));
    assert_slice(config_text(&b->broker, K_CFG_NUM_PARTITIONS), "3");
    config_unset(&b->broker, K_CFG_NUM_PARTITIONS);
    assert_int_equal(config_i64(&b->broker, K_CFG_NUM_PARTITIONS), 1);
}

static void
lists_are_split_and_trimmed(void **state)
{
    struct bench *b = *state;
    assert_true(config_set(&b->broker, K_CFG_PROCESS_ROLES, S("broker , controller"), NULL));
    assert_int_equal(config_list_n(&b->broker, K_CFG_PROCESS_ROLES), 2);
    assert_slice(config_list_at(&b->broker, K_CFG_PROCESS_ROLES, 0), "broker");
    assert_slice(config_list_at(&b->broker, K_CFG_PROCESS_ROLES, 1), "controller");
}

static void
lists_have_no_empty_items_and_some_have_one_at_least(void **state)
{
    struct bench *b = *state;
    refuses(b, K_CFG_LISTENERS, S(""), "\"\" must not be empty");
    refuses(b, K_CFG_PROCESS_ROLES, S(""), "\"\" must not be empty");
    refuses(b, K_CFG_LOG_DIRS, S("a,,b"), "\"a,,b\" has an empty item");
    refuses(b, K_CFG_LOG_DIRS, S(","), "\",\" has an empty item");
    assert_true(config_set(&b->broker, K_CFG_CONTROLLER_QUORUM_VOTERS, S(""), NULL));
    assert_true(config_set(&b->topic, K_TCFG_CLEANUP_POLICY, S(""), NULL));
}

/* Kafka's ThrottledReplicaListValidator. */
static void
throttled_replicas_are_partitions_and_brokers(void **state)
{
    (void)state;
    static const char *const good[] = {"", "*", "0:1", "0:1,12:345", " 0:1 , 1:2 "};
    static const char *const bad[] = {"x", "1", "none", "0:1,x", ":1", "0:", "-1:1", "*,0:1"};
    for (int i = 0; i < ARRAY_LEN(good); i++)
        assert_true(config_check(CONFIG_TOPIC, K_TCFG_LEADER_REPLICATION_THROTTLED_REPLICAS,
                                 slice_cstr(good[i]), NULL));
    for (int i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(config_check(CONFIG_TOPIC, K_TCFG_FOLLOWER_REPLICATION_THROTTLED_REPLICAS,
                                  slice_cstr(bad[i]), NULL));
}

/* ---- states ---------------------------------------------------------------------------------- */

static void
every_state_but_heeded_has_its_reason(void **state)
{
    struct bench *b = *state;
    for (int32_t i = 0; i < K_CFGS_N; i++)
        assert_int_equal(config_why(CONFIG_BROKER, i).n > 0,
                         b->broker.table[i].state != K_CS_HEEDED);
    for (int32_t i = 0; i < K_TCFGS_N; i++)
        assert_int_equal(config_why(CONFIG_TOPIC, i).n > 0, b->topic.table[i].state != K_CS_HEEDED);
}

static void
a_default_is_never_refused_however_it_is_written(void **state)
{
    (void)state;
    static const struct {
        int32_t id;
        const char *same, *other;
    } rows[] = {
        {K_CFG_AUTHORIZER_CLASS_NAME, "", "x"},
        {K_CFG_CREATE_TOPIC_POLICY_CLASS_NAME, " ", "x"},
        {K_CFG_REMOTE_LOG_STORAGE_SYSTEM_ENABLE, "FALSE", "True"},
        {K_CFG_METADATA_LOG_SEGMENT_MS, "0604800000", "1"},
        {K_CFG_SASL_KERBEROS_TICKET_RENEW_JITTER, "5e-2", "0.06"},
        {K_CFG_SSL_ENABLED_PROTOCOLS, "TLSv1.2, TLSv1.3", "TLSv1.3"},
    };
    for (int i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(config_is_default(CONFIG_BROKER, rows[i].id, slice_cstr(rows[i].same)));
        assert_int_equal(config_state(CONFIG_BROKER, rows[i].id, slice_cstr(rows[i].same)),
                         K_CS_HEEDED);
        assert_false(config_is_default(CONFIG_BROKER, rows[i].id, slice_cstr(rows[i].other)));
    }
    assert_int_equal(config_state(CONFIG_BROKER, K_CFG_AUTHORIZER_CLASS_NAME, S("x")),
                     K_CS_REFUSED);
    assert_int_equal(config_state(CONFIG_TOPIC, K_TCFG_CLEANUP_POLICY, S("compact")), K_CS_HEEDED);
    assert_int_equal(config_state(CONFIG_TOPIC, K_TCFG_CLEANUP_POLICY, S("delete")), K_CS_HEEDED);
}

static void
some_values_may_be_of_any_case(void **state)
{
    struct bench *b = *state;
    assert_true(config_set(&b->broker, K_CFG_GROUP_CONSUMER_MIGRATION_POLICY, S("Upgrade"), NULL));
    assert_true(config_set(&b->broker, K_CFG_AUTO_CREATE_TOPICS_ENABLE, S("FALSE"), NULL));
    assert_false(config_bool(&b->broker, K_CFG_AUTO_CREATE_TOPICS_ENABLE));
    assert_true(config_set(&b->topic, K_TCFG_COMPRESSION_GZIP_LEVEL, S("-1"), NULL));
    assert_false(config_set(&b->topic, K_TCFG_COMPRESSION_GZIP_LEVEL, S("0"), NULL));
}

static void
decimals_become_millionths(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {{"0.05", 50000},    {"1", 1000000},       {"1e-3", 1000}, {"2.5E2", 250000000},
                 {"-0.25", -250000}, {"1e300", INT64_MAX}, {"1e-300", 0},  {".5", 500000},
                 {"5.", 5000000},    {"0.00000049", 0}};
    for (int i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(config_set(&b->broker, K_CFG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND,
                               slice_cstr(cases[i].text), NULL));
        assert_int_equal(config_i64(&b->broker, K_CFG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND),
                         cases[i].want);
    }
    assert_false(config_set(&b->broker, K_CFG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND, S("."), NULL));
    assert_false(
        config_set(&b->broker, K_CFG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND, S("1.2.3"), NULL));
    assert_false(config_set(&b->broker, K_CFG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND, S("1e"), NULL));
}

/* ---- topics --------------------------------------------------------------------------------- */

static void
a_topic_falls_back_to_its_brokers_synonyms(void **state)
{
    struct bench *b = *state;
    assert_int_equal(topic_config_i64(&b->broker, &b->topic, K_TCFG_RETENTION_MS),
                     604800000); /* 168 hours */
    assert_true(config_set(&b->broker, K_CFG_LOG_RETENTION_MINUTES, S("2"), NULL));
    assert_int_equal(topic_config_i64(&b->broker, &b->topic, K_TCFG_RETENTION_MS), 120000);
    assert_true(config_set(&b->broker, K_CFG_LOG_RETENTION_MS, S("-1"), NULL));
    assert_int_equal(topic_config_i64(&b->broker, &b->topic, K_TCFG_RETENTION_MS), -1);
    assert_true(config_set(&b->topic, K_TCFG_RETENTION_MS, S("77"), NULL));
    assert_int_equal(topic_config_i64(&b->broker, &b->topic, K_TCFG_RETENTION_MS), 77);
}

static void
every_topic_value_agrees_with_its_broker_by_default(void **state)
{
    struct bench *b = *state;
    for (int32_t i = 0; i < K_TCFGS_N; i++) {
        if (k_topic_configs[i].type > K_CT_DOUBLE || k_topic_configs[i].type == K_CT_BOOLEAN)
            continue;
        assert_int_equal(topic_config_i64(&b->broker, &b->topic, i), config_i64(&b->topic, i));
    }
    assert_true(topic_config_has(&b->broker, &b->topic, K_TCFG_CLEANUP_POLICY, S("delete")));
    assert_false(topic_config_has(&b->broker, &b->topic, K_TCFG_CLEANUP_POLICY, S("compact")));
}

/* ---- properties ----------------------------------------------------------------------------- */

static struct properties
parse(struct bench *b, const char *text)
{
    struct properties p = {0};
    assert_true(properties_parse(slice_cstr(text), &b->arena, &p, &b->why));
    return p;
}

static void
expect(const struct properties *p, int i, const char *key, const char *value)
{
    assert_true(i < p->n);
    assert_true(slice_eq(p->v[i].key, slice_cstr(key)));
    assert_true(slice_eq(p->v[i].value, slice_cstr(value)));
}

static void
properties_are_read_as_java_reads_them(void **state)
{
    struct properties p = parse(
        *state, "# comment \\\n! another\n\n  a=1\nb : 2 \nc 3\rd\\ e\\=f=g = h\r\ni=one, \\\n    "
                "two,\\\r\n"
                "\tthree\nj\nk=\nl=\\t\\u00e4\\ud83d\\ude00\\z#no comment\n  m  =  n\\\n\no=p\\");
    expect(&p, 0, "a", "1");
    expect(&p, 1, "b", "2 ");
    expect(&p, 2, "c", "3");
    expect(&p, 3, "d e=f", "g = h");
    expect(&p, 4, "i", "one, two,three");
    expect(&p, 5, "j", "");
    expect(&p, 6, "k", "");
    expect(&p, 7, "l", "\t\xc3\xa4\xf0\x9f\x98\x80z#no comment");
    expect(&p, 8, "m", "n");
    expect(&p, 9, "o", "p");
    assert_int_equal(p.n, 10);
}

/* As Java 17 read this file. */
static void
properties_are_latin_1_and_become_utf8(void **state)
{
    struct properties p = parse(*state, "caf\xe9=\xfc\xff\\\xe9\nutf8=\xc3\xa9\n");
    expect(&p, 0, "caf\xc3\xa9", "\xc3\xbc\xc3\xbf\xc3\xa9");
    expect(&p, 1, "utf8", "\xc3\x83\xc2\xa9");
}

static void
properties_know_where_they_stood(void **state)
{
    struct properties p = parse(*state, "# x\r\na=1\r\n\r\n  bc =  2\\\n 3\nd=4");
    assert_int_equal(p.v[0].line, 2);
    assert_int_equal(p.v[1].line, 4);
    assert_int_equal(p.v[1].column, 3);
    assert_int_equal(p.v[1].value_column, 9);
    assert_int_equal(p.v[2].line, 6);
}

static void
of_a_key_twice_the_last_counts(void **state)
{
    struct properties p = parse(*state, "a=1\nb=2\na=3\n");
    assert_slice(properties_get(&p, S("a")), "3");
    assert_null(properties_get(&p, S("c")).p);
}

static void
properties_fail(struct bench *b, struct slice text, const char *why)
{
    struct properties p;
    b->why.n = 0;
    assert_false(properties_parse(text, &b->arena, &p, &b->why));
    assert_int_equal(b->why.n, (int64_t)strlen(why));
    assert_memory_equal(b->why.p, why, strlen(why));
}

static void
wrong_escapes_and_nul_are_refused_with_their_place(void **state)
{
    properties_fail(*state, S("a=1\nb=\\u12g4"), "2:7: expected four hexadecimal digits after \\u");
    properties_fail(*state, S("a=\\u12"), "1:7: expected four hexadecimal digits after \\u");
    properties_fail(*state, S("a=\\ud83dx"), "1:9: half a surrogate pair");
    properties_fail(*state, S("a=b\0c"), "1:4: a NUL byte: this is not a text file");
}

static void
loading_names_the_place_of_each_mistake(void **state)
{
    struct bench *b = *state;
    struct writer warnings = writer_mem(&b->mem), errors = writer_mem(&b->mem);
    struct properties p =
        parse(b, "num.partitions=3\nnum.partition=4\nlog.roll.hours = never\nnum.io.threads=0\n");
    assert_false(config_load(&b->broker, S("server.properties"), &p, &warnings, &errors));
    assert_slice(writer_slice(&warnings),
                 "server.properties:2:1: unknown configuration \"num.partition\" is ignored\n");
    assert_slice(writer_slice(&errors),
                 "server.properties:3:18: log.roll.hours: \"never\" is not an integer\n"
                 "server.properties:4:16: num.io.threads: \"0\" is less than 1\n");
    assert_int_equal(config_i64(&b->broker, K_CFG_NUM_PARTITIONS), 3);
}

/* ---- doubles -------------------------------------------------------------------------------- */

static void
doubles_print_with_the_fewest_digits(void **state)
{
    struct bench *b = *state;
    static const struct {
        uint64_t bits;
        const char *want;
    } cases[] = {
        {0, "0.0"},
        {0x8000000000000000, "-0.0"},
        {0x3ff0000000000000, "1.0"},
        {0x3fb999999999999a, "0.1"},
        {0x3f50624dd2f1a9fc, "0.001"},
        {0x3f1a36e2eb1c432d, "1.0E-4"},
        {0x416312d000000000, "1.0E7"},
        {0x416312cfe0000000, "9999999.0"},
        {0x7fefffffffffffff, "1.7976931348623157E308"},
        {0x0000000000000001, "5.0E-324"},
        {0x0010000000000000, "2.2250738585072014E-308"},
        {0xc05edd2f1a9fbe77, "-123.456"},
        {0x4340000000000000, "9.007199254740992E15"},
        {0x7ff8000000000000, "\"NaN\""},
        {0xfff0000000000000, "\"-Infinity\""},
    };
    for (int i = 0; i < ARRAY_LEN(cases); i++) {
        b->why.n = 0;
        fmt_double(&b->why, cases[i].bits);
        writer_i8(&b->why, 0);
        assert_string_equal((const char *)b->why.p, cases[i].want);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(defaults_are_kafkas),
        T(every_name_is_found),
        T(values_are_checked_by_type_and_range),
        T(a_value_that_is_set_replaces_the_one_before),
        T(lists_are_split_and_trimmed),
        T(lists_have_no_empty_items_and_some_have_one_at_least),
        T(throttled_replicas_are_partitions_and_brokers),
        T(every_state_but_heeded_has_its_reason),
        T(a_default_is_never_refused_however_it_is_written),
        T(some_values_may_be_of_any_case),
        T(decimals_become_millionths),
        T(a_topic_falls_back_to_its_brokers_synonyms),
        T(every_topic_value_agrees_with_its_broker_by_default),
        T(properties_are_read_as_java_reads_them),
        T(properties_are_latin_1_and_become_utf8),
        T(properties_know_where_they_stood),
        T(of_a_key_twice_the_last_counts),
        T(wrong_escapes_and_nul_are_refused_with_their_place),
        T(loading_names_the_place_of_each_mistake),
        T(doubles_print_with_the_fewest_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
