/* What a node's settings make of its controller. */
#include "broker/node/internal.h"
#include "tests/lib/test.h"

/* The options of a node with this setting. */
static struct controller_options
options_with(const char *name, const char *value)
{
    struct mem mem;
    struct node n = {0};
    test_mem_init(&mem);
    config_init(&n.config, &mem, CONFIG_BROKER);
    if (name)
        assert_true(config_set(&n.config, config_id(CONFIG_BROKER, slice_cstr(name)),
                               slice_cstr(value), NULL));
    struct controller_options ret = node_controller_options(&n);
    config_release(&n.config);
    mem_release(&mem);
    return ret;
}

static void
topics_may_be_deleted_unless_it_says_no(void **state)
{
    (void)state;
    assert_false(options_with(NULL, NULL).delete_topics_off);
    assert_true(options_with("delete.topic.enable", "false").delete_topics_off);
}

static void
preferred_leaders_come_back_as_often_as_it_says(void **state)
{
    (void)state;
    assert_int_equal(options_with(NULL, NULL).rebalance_interval_ms, 300000);
    assert_int_equal(
        options_with("leader.imbalance.check.interval.seconds", "7").rebalance_interval_ms, 7000);
    assert_int_equal(options_with("auto.leader.rebalance.enable", "false").rebalance_interval_ms,
                     -1);
}

static void
unclean_leaders_are_looked_for_as_often_as_it_says(void **state)
{
    (void)state;
    assert_int_equal(options_with(NULL, NULL).unclean_interval_ms, 300000);
    assert_int_equal(options_with("unclean.leader.election.interval.ms", "7").unclean_interval_ms,
                     7);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_may_be_deleted_unless_it_says_no),
        cmocka_unit_test(preferred_leaders_come_back_as_often_as_it_says),
        cmocka_unit_test(unclean_leaders_are_looked_for_as_often_as_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
