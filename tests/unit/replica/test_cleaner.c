#include "tests/lib/test.h"

#include "broker/base/mem.h"
#include "broker/replica/cleaner_limits.h"
#include "configs.h"

#define MIB (1LL << 20)

static struct mem mem;
static struct config broker;

static int
begin(void **state)
{
    (void)state;
    test_mem_init(&mem);
    config_init(&broker, &mem, CONFIG_BROKER);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    config_release(&broker);
    assert_int_equal(mem.used_bytes, 0);
    mem_release(&mem);
    return 0;
}

static struct cleaner_limits
with(int32_t id, const char *value)
{
    assert_true(config_set(&broker, id, slice_cstr(value), NULL));
    return cleaner_limits(&broker, 1LL << 40);
}

static void
defaults_are_those_of_kafka(void **state)
{
    (void)state;
    struct cleaner_limits l = cleaner_limits(&broker, 1LL << 40);
    assert_int_equal(l.threads, 1);
    assert_int_equal(l.backoff_ms, 15000);
    assert_int_equal(l.map_bytes, 128 * MIB);
    assert_int_equal(l.map_load_millionths, 900000);
    assert_int_equal(l.window_bytes, MIB / 4);
    assert_int_equal(l.bytes_per_second, 0);
}

static void
each_setting_counts(void **state)
{
    (void)state;
    assert_true(with(K_CFG_LOG_CLEANER_THREADS, "1").is_on);
    assert_false(with(K_CFG_LOG_CLEANER_ENABLE, "false").is_on); /* log.cleaner.enable */
    assert_int_equal(with(K_CFG_LOG_CLEANER_BACKOFF_MS, "700").backoff_ms, 700);
    assert_int_equal(with(K_CFG_LOG_CLEANER_BACKOFF_MS, "0").backoff_ms, 1); /* not without end */
    /* log.cleaner.dedupe.buffer.size, log.cleaner.io.buffer.size … */
    assert_int_equal(with(K_CFG_LOG_CLEANER_DEDUPE_BUFFER_SIZE, "4194304").map_bytes, 4 * MIB);
    assert_int_equal(with(K_CFG_LOG_CLEANER_IO_BUFFER_SIZE, "4096").window_bytes, 2048);
    assert_int_equal(with(K_CFG_LOG_CLEANER_IO_BUFFER_LOAD_FACTOR, "0.5").map_load_millionths,
                     500000);
    assert_int_equal(with(K_CFG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND, "1e6").bytes_per_second,
                     1000000);
    assert_int_equal(with(K_CFG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND, "0.1").bytes_per_second, 1);
}

static void
threads_share_buffers_and_rate(void **state)
{
    (void)state;
    (void)with(K_CFG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND, "1000");
    struct cleaner_limits l = with(K_CFG_LOG_CLEANER_THREADS, "4");
    assert_int_equal(l.threads, 4);
    assert_int_equal(l.map_bytes, 32 * MIB);
    assert_int_equal(l.window_bytes, MIB / 16);
    assert_int_equal(l.bytes_per_second, 250);
}

static void
a_small_node_is_not_filled_by_its_cleaner(void **state)
{
    (void)state;
    struct cleaner_limits l = cleaner_limits(&broker, 16 * MIB);
    assert_int_equal(l.map_bytes, 2 * MIB);
    assert_int_equal(l.payload_max, MIB);
    assert_int_equal(l.window_bytes, MIB / 4);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_those_of_kafka),
        TEST(each_setting_counts),
        TEST(threads_share_buffers_and_rate),
        TEST(a_small_node_is_not_filled_by_its_cleaner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
