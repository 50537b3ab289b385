/* Which settings fit together: each row was asked of Apache Kafka 4.4's own KafkaConfig. */
#include "tests/lib/test.h"

#include "broker/node/settings_fit.h"

static struct mem mem;
static struct config config;

static int
begin(void **state)
{
    (void)state;
    test_mem_init(&mem);
    config_init(&config, &mem, CONFIG_BROKER);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    config_release(&config);
    mem_release(&mem);
    return 0;
}

static void
set(struct slice name, struct slice value)
{
    int32_t id = config_id(CONFIG_BROKER, name);
    assert_true(id >= 0);
    assert_true(config_set(&config, id, value, NULL));
}

static bool
contains(struct slice text, const char *words)
{
    struct slice w = slice_cstr(words);
    for (int64_t i = 0; i + w.n <= text.n; i++)
        if (slice_eq(slice_sub(text, i, w.n), w)) return true;
    return false;
}

/* "name=value name=value" on top of a node that fits. */
static void
set_all(const char *settings)
{
    config_unset(&config, K_CFG_BROKER_ID);
    for (int32_t i = 0; i < K_CFGS_N; i++) config_unset(&config, i);
    set(S("node.id"), S("1"));
    struct slice rest = slice_cstr(settings);
    while (rest.n) {
        int64_t equals = slice_find(rest, '=', 0), end = slice_find(rest, ' ', 0);
        if (end < 0) end = rest.n;
        assert_true(equals > 0 && equals < end);
        set(slice_sub(rest, 0, equals), slice_sub(rest, equals + 1, end - equals - 1));
        rest = slice_sub(rest, end + 1, rest.n);
    }
}

static const char *const fitting[] = {
    "",
    "broker.id=1",
    "log.retention.hours=-1",
    "log.retention.hours=-2",
    "log.retention.minutes=-5",
    "log.retention.hours=2147483647",
    "log.retention.ms=5 log.retention.hours=0",
    "log.retention.bytes=0",
    "log.roll.jitter.ms=0",
    "log.cleaner.dedupe.buffer.size=1048577",
    "replica.fetch.wait.max.ms=30000",
    "replica.fetch.wait.max.ms=400 replica.lag.time.max.ms=400 replica.socket.timeout.ms=400",
    "broker.heartbeat.interval.ms=9000",
    "queued.max.request.bytes=0",
    "queued.max.request.bytes=104857600",
    "max.connections.per.ip=0 max.connections.per.ip.overrides=127.0.0.1:5",
    "max.connections.per.ip.overrides=127.0.0.1:0,::1:7",
    "connections.max.idle.ms=-1",
    "connections.max.idle.ms=101",
    "group.min.session.timeout.ms=1800001",
    "group.coordinator.rebalance.protocols=classic",
    "group.streams.rack.aware.assignment.tags=a,b",
    "log.cleaner.min.compaction.lag.ms=4 log.cleaner.max.compaction.lag.ms=4",
};

static const struct {
    const char *settings, *words;
} misfits[] = {
    {"broker.id=2", "node.id=1 and broker.id=2"},
    {"log.retention.hours=0", "log.retention.hours=0"},
    {"log.retention.minutes=0", "log.retention.minutes=0"},
    {"log.retention.ms=0", "log.retention.ms=0"},
    {"log.roll.ms=0", "log.roll.ms=0"},
    {"log.roll.ms=-1", "log.roll.ms=-1"},
    {"log.roll.jitter.ms=-1", "log.roll.jitter.ms=-1"},
    {"log.cleaner.dedupe.buffer.size=1048576", "log.cleaner.dedupe.buffer.size=1048576"},
    {"log.cleaner.threads=128", "log.cleaner.threads"},
    {"log.cleaner.threads=0", "log.cleaner.threads=0"},
    {"replica.fetch.wait.max.ms=30001", "at most replica.socket.timeout.ms=30000"},
    {"replica.socket.timeout.ms=400", "replica.fetch.wait.max.ms=500 must be at most"},
    {"replica.lag.time.max.ms=400", "at most replica.lag.time.max.ms=400"},
    {"queued.max.request.bytes=100", "at least socket.request.max.bytes=104857600"},
    {"max.connections.per.ip=0", "max.connections.per.ip.overrides is empty"},
    {"max.connections.per.ip.overrides=127.0.0.1", "address:number"},
    {"max.connections.per.ip.overrides=127.0.0.1:x", "address:number"},
    {"connections.max.idle.ms=0", "connections.max.idle.ms=0 must be more than"},
    {"connections.max.idle.ms=100", "connection.failed.authentication.delay.ms=100"},
    {"connection.failed.authentication.delay.ms=600000", "connections.max.idle.ms=600000"},
    {"group.consumer.session.timeout.ms=1", "group.consumer.min.session.timeout.ms=45000"},
    {"group.consumer.session.timeout.ms=60001", "group.consumer.max.session.timeout.ms=60000"},
    {"group.consumer.heartbeat.interval.ms=15001", "group.consumer.max.heartbeat.interval.ms"},
    {"group.consumer.heartbeat.interval.ms=4999", "group.consumer.min.heartbeat.interval.ms"},
    {"group.consumer.min.session.timeout.ms=60001", "group.consumer.max.session.timeout.ms"},
    {"group.consumer.max.heartbeat.interval.ms=4999", "group.consumer.min.heartbeat.interval.ms"},
    {"group.consumer.max.heartbeat.interval.ms=60000 group.consumer.heartbeat.interval.ms=50000",
     "less than group.consumer.session.timeout.ms=45000"},
    {"group.consumer.max.assignment.interval.ms=0 group.consumer.min.assignment.interval.ms=1",
     "at most group.consumer.max.assignment.interval.ms=0"},
    {"group.consumer.assignment.interval.ms=15001", "group.consumer.max.assignment.interval.ms"},
    {"group.consumer.min.assignment.interval.ms=1001", "group.consumer.assignment.interval.ms"},
    {"group.share.session.timeout.ms=1", "group.share.min.session.timeout.ms"},
    {"group.share.session.timeout.ms=60001", "group.share.max.session.timeout.ms"},
    {"group.share.heartbeat.interval.ms=15001", "group.share.max.heartbeat.interval.ms"},
    {"group.share.heartbeat.interval.ms=4999", "group.share.min.heartbeat.interval.ms"},
    {"group.share.max.heartbeat.interval.ms=60000 group.share.heartbeat.interval.ms=50000",
     "less than group.share.session.timeout.ms"},
    {"group.share.assignment.interval.ms=15001", "group.share.max.assignment.interval.ms"},
    {"group.share.delivery.count.limit=10 group.share.max.delivery.count.limit=6",
     "group.share.delivery.count.limit=10 must be at most"},
    {"group.share.delivery.count.limit=2 group.share.min.delivery.count.limit=3",
     "group.share.min.delivery.count.limit=3 must be at most"},
    {"group.share.partition.max.record.locks=5000", "group.share.max.partition.max.record.locks"},
    {"group.share.partition.max.record.locks=100 group.share.min.partition.max.record.locks=200",
     "group.share.min.partition.max.record.locks=200"},
    {"group.share.record.lock.duration.ms=1000", "group.share.min.record.lock.duration.ms"},
    {"group.share.record.lock.duration.ms=60001", "group.share.max.record.lock.duration.ms"},
    {"group.share.max.share.sessions=100", "group.share.max.size=200 must be at most"},
    {"group.streams.session.timeout.ms=1", "group.streams.min.session.timeout.ms"},
    {"group.streams.session.timeout.ms=60001", "group.streams.max.session.timeout.ms"},
    {"group.streams.heartbeat.interval.ms=4999", "group.streams.min.heartbeat.interval.ms"},
    {"group.streams.assignment.interval.ms=15001", "group.streams.max.assignment.interval.ms"},
    {"group.streams.num.standby.replicas=3", "group.streams.max.standby.replicas=2"},
    {"group.streams.task.offset.interval.ms=1", "group.streams.min.task.offset.interval.ms"},
    {"group.streams.num.warmup.replicas=21", "group.streams.max.warmup.replicas=20"},
    {"group.streams.rack.aware.assignment.tags=a,a", "stands there twice"},
    {"group.coordinator.rebalance.protocols=consumer", "classic"},
    {"log.cleaner.min.compaction.lag.ms=5 log.cleaner.max.compaction.lag.ms=4",
     "at most log.cleaner.max.compaction.lag.ms=4"},
};

static void
what_kafka_starts_with_fits(void **state)
{
    (void)state;
    for (int i = 0; i < ARRAY_LEN(fitting); i++) {
        struct writer why = writer_mem(&mem);
        set_all(fitting[i]);
        if (!settings_fit(&config, &why))
            fail_msg("%s: %.*s", fitting[i], (int)why.n, (const char *)why.p);
        writer_release(&why);
    }
}

static void
what_kafka_refuses_is_refused_by_name_and_value(void **state)
{
    (void)state;
    for (int i = 0; i < ARRAY_LEN(misfits); i++) {
        struct writer why = writer_mem(&mem);
        set_all(misfits[i].settings);
        bool fits = settings_fit(&config, &why);
        if (fits || !contains(writer_slice(&why), misfits[i].words))
            fail_msg("%s: fits %d: %.*s", misfits[i].settings, fits, (int)why.n,
                     (const char *)why.p);
        writer_release(&why);
    }
}

static void
a_node_needs_an_id(void **state)
{
    (void)state;
    struct writer why = writer_mem(&mem);
    assert_false(settings_fit(&config, &why));
    assert_true(contains(writer_slice(&why), "node.id is required"));
    writer_release(&why);
}

static void
a_session_that_one_lost_heartbeat_ends_is_advised_against(void **state)
{
    (void)state;
    struct writer advice = writer_mem(&mem);
    set_all("broker.heartbeat.interval.ms=4500");
    assert_false(settings_advise(&config, &advice));
    set_all("broker.heartbeat.interval.ms=4501");
    assert_true(settings_advise(&config, &advice));
    assert_true(contains(writer_slice(&advice), "at most half of broker.session.timeout.ms=9000"));
    writer_release(&advice);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_kafka_starts_with_fits),
        CASE(what_kafka_refuses_is_refused_by_name_and_value),
        CASE(a_node_needs_an_id),
        CASE(a_session_that_one_lost_heartbeat_ends_is_advised_against),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
