/* What members of the consumer protocol subscribe to (KIP-848): topics, regular expressions, assignors, and what is set for it. */
#include "tests/unit/group/consumer_fixture.h"

static void
another_subscription_is_another_assignment(void **state)
{
    (void)state;
    add_topic(S("bills"), 7, 3);
    (void)joins("a");
    pause();
    const response *r =
        beat((struct beat){.id = "a", .epoch = 2, .owned = OWNS(0, 1, 2, 3), .topic = S("bills")});
    assert_int_equal(given(r), 0);
    r = goes_on("a", r->member_epoch, OWNS_NONE);
    assert_int_equal(given(r), 3);
}

static void
new_partitions_are_assigned_with_the_next_heartbeat(void **state)
{
    (void)state;
    (void)joins("a");
    pause();
    struct image_topic *t = image_topic(&w.image, S("orders"));
    (void)topic_partition_get(&w.image, t, 4);
    groups_topics_changed(w.gs, false);
    assert_int_equal(given(goes_on("a", 2, NULL)), 5);
    /* And when nothing has changed, nothing is written. */
    groups_topics_changed(w.gs, false);
    int64_t n = w.log.n;
    (void)goes_on("a", 3, NULL);
    assert_int_equal(w.log.n, n);
}

static void
a_topic_that_does_not_exist_is_waited_for(void **state)
{
    (void)state;
    const response *r = beat((struct beat){.id = "a", .owned = OWNS_NONE, .topic = S("later")});
    assert_int_equal(given(r), 0);
    add_topic(S("later"), 9, 2);
    groups_topics_changed(w.gs, true);
    pause();
    assert_int_equal(given(goes_on("a", 2, NULL)), 2);
}

static void
the_assignor_that_most_prefer_is_taken(void **state)
{
    (void)state;
    struct beat b = {.id = "a", .owned = OWNS_NONE, .assignor = S("range")};
    (void)beat(b);
    assert_slice(described()->assignor_name, "range");
    assert_true(config_set(&w.config, K_CFG_GROUP_CONSUMER_ASSIGNORS, S("uniform"), NULL));
    b.id = "b";
    assert_int_equal(beat(b)->error_code, K_ERR_UNSUPPORTED_ASSIGNOR);
}

static const response *
subscribes_to(const char *id, int32_t epoch, const char *regex)
{
    struct beat b = {.id = id, .epoch = epoch, .owned = OWNS_NONE, .regex = slice_cstr(regex)};
    struct call *c = beat_call(b);
    do_work();
    return answer(c);
}

static void
an_expression_stands_for_the_topics_that_match_as_a_whole(void **state)
{
    (void)state;
    add_topic(S("orders-eu"), 7, 3);
    add_topic(S("more-orders"), 8, 5);
    assert_int_equal(given(subscribes_to("a", 0, "orders(-eu)?")), 7);
    assert_slice(described()->members[0].subscribed_topic_regex, "orders(-eu)?");
    lose_leadership();
    take_over();
    assert_consumer_state("Stable");
    assert_int_equal(the_group()->consumer->regexes.n, 1);
    (void)beat((struct beat){.id = "a", .epoch = EPOCH_LEAVE});
    assert_int_equal(the_group()->consumer->regexes.n, 0);
}

static void
an_expression_that_is_none_is_refused(void **state)
{
    (void)state;
    assert_int_equal(subscribes_to("a", 0, "orders(")->error_code,
                     K_ERR_INVALID_REGULAR_EXPRESSION);
    assert_int_equal(subscribes_to("a", 0, "(o)\\1")->error_code, K_ERR_INVALID_REGULAR_EXPRESSION);
    assert_null(the_group());
}

static void
new_topics_are_found_with_a_later_heartbeat(void **state)
{
    (void)state;
    assert_int_equal(given(subscribes_to("a", 0, "or.*")), 4);
    add_topic(S("orphans"), 7, 2);
    w.image.offset = 77;
    groups_topics_changed(w.gs, true);
    pass_ms(11000);
    struct call *c = beat_call((struct beat){.id = "a", .epoch = 2, .keeps = true});
    do_work();
    assert_int_equal(given(answer(c)), -1);
    assert_int_equal(given(goes_on("a", 2, NULL)), 6);
}

static void
expressions_are_looked_at_again_now_and_then(void **state)
{
    (void)state;
    assert_true(
        config_set(&w.config, K_CFG_GROUP_CONSUMER_REGEX_REFRESH_INTERVAL_MS, S("20000"), NULL));
    (void)subscribes_to("a", 0, "or.*");
    int64_t first_ms = the_group()->consumer->regexes.v[0].time_ms;
    for (int i = 1; i <= 3; i++) {
        pass_ms(8000);
        (void)beat_call((struct beat){.id = "a", .epoch = 2, .keeps = true});
        do_work();
        assert_int_equal(the_group()->consumer->regexes.v[0].time_ms > first_ms, i == 3);
    }
}

static void
another_expression_takes_the_place_of_the_one_before(void **state)
{
    (void)state;
    add_topic(S("bills"), 7, 3);
    assert_int_equal(given(subscribes_to("a", 0, "orders")), 4);
    pause();
    assert_int_equal(given(subscribes_to("a", 2, "b.*")), 3);
    assert_int_equal(the_group()->consumer->regexes.n, 1);
    /* The empty one stands for nothing. */
    pause();
    assert_int_equal(given(subscribes_to("a", 3, "")), 0);
    assert_int_equal(the_group()->consumer->regexes.n, 0);
}

static void
the_settings_of_consumer_groups_are_heeded(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, S("700"), NULL));
    assert_true(config_set(&w.config, K_CFG_GROUP_CONSUMER_SESSION_TIMEOUT_MS, S("2000"), NULL));
    assert_true(config_set(&w.config, K_CFG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, S("0"), NULL));
    assert_int_equal(joins("a")->heartbeat_interval_ms, 700);
    (void)joins("b");
    assert_int_equal(described()->assignment_epoch, 3);
    pass_ms(2100);
    commit();
    assert_consumer_state("Empty");
}

/* KIP-848: what is set for one group holds for it from its next heartbeat on. */
static void
a_groups_own_settings_are_heeded_at_run_time(void **state)
{
    (void)state;
    struct slice beat_ms = S("consumer.heartbeat.interval.ms"),
                 session_ms = S("consumer.session.timeout.ms");
    assert_int_equal(joins("a")->heartbeat_interval_ms, 5000);
    config_set_value(&w.image, RESOURCE_GROUP, S("g"), beat_ms, S("7000"));
    config_set_value(&w.image, RESOURCE_GROUP, S("g"), session_ms, S("50000"));
    config_set_value(&w.image, RESOURCE_GROUP, S("other"), session_ms, S("60000"));
    assert_int_equal(goes_on("a", 2, NULL)->heartbeat_interval_ms, 7000);
    pass_ms(49000);
    assert_consumer_state("Stable");
    pass_ms(1100);
    commit();
    assert_consumer_state("Empty");
    /* Cut to what the broker allows; taken back. */
    config_set_value(&w.image, RESOURCE_GROUP, S("g"), beat_ms, S("99999"));
    assert_int_equal(joins("a")->heartbeat_interval_ms, 15000);
    config_set_value(&w.image, RESOURCE_GROUP, S("g"), beat_ms, SLICE_NULL);
    assert_int_equal(joins("b")->heartbeat_interval_ms, 5000);
}

/* The time between two assignments also for all groups of a broker, and for all brokers. */
static void
a_brokers_setting_is_heeded_at_run_time(void **state)
{
    (void)state;
    struct slice name = S("group.consumer.assignment.interval.ms");
    (void)joins("a");
    config_set_value(&w.image, RESOURCE_BROKER, SLICE_EMPTY, name, S("0"));
    (void)joins("b");
    assert_int_equal(described()->assignment_epoch, 3);
    config_set_value(&w.image, RESOURCE_GROUP, S("g"), S("consumer.assignment.interval.ms"),
                     S("5000"));
    (void)joins("c");
    assert_int_equal(described()->assignment_epoch, 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(another_subscription_is_another_assignment),
        CASE(new_partitions_are_assigned_with_the_next_heartbeat),
        CASE(a_topic_that_does_not_exist_is_waited_for),
        CASE(the_assignor_that_most_prefer_is_taken),
        CASE(an_expression_stands_for_the_topics_that_match_as_a_whole),
        CASE(an_expression_that_is_none_is_refused),
        CASE(new_topics_are_found_with_a_later_heartbeat),
        CASE(expressions_are_looked_at_again_now_and_then),
        CASE(another_expression_takes_the_place_of_the_one_before),
        CASE(the_settings_of_consumer_groups_are_heeded),
        CASE(a_groups_own_settings_are_heeded_at_run_time),
        CASE(a_brokers_setting_is_heeded_at_run_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
