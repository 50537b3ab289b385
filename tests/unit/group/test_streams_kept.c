/* What is set for streams groups (KIP-1071), and what a coordinator keeps of them: the log, offsets, descriptions, their kind. */
#include "tests/unit/group/streams_fixture.h"

/* As the metadata log sets it. */
static void
set_group(struct slice name, struct slice value)
{
    struct writer r = writer_mem(&w.env.mem);
    struct k_config_record rec = {
        .resource_type = RESOURCE_GROUP, .resource_name = S("g"), .name = name, .value = value};
    assert_true(metadata_record_write(&r, K_MSG_CONFIG_RECORD, 0, &rec, NULL));
    assert_null(image_apply(&w.image, writer_slice(&r), w.image.offset + 1, 1, &w.arena));
    writer_release(&r);
}

static void
what_is_set_for_the_broker_and_for_the_group_is_heeded(void **state)
{
    (void)state;
    static const int32_t broker[] = {
        K_CFG_GROUP_STREAMS_HEARTBEAT_INTERVAL_MS, K_CFG_GROUP_STREAMS_TASK_OFFSET_INTERVAL_MS,
        K_CFG_GROUP_STREAMS_ACCEPTABLE_RECOVERY_LAG, K_CFG_GROUP_STREAMS_SESSION_TIMEOUT_MS};
    topics_come();
    for (int i = 0; i < 4; i++) assert_true(config_set(&w.config, broker[i], S("50000"), NULL));
    const response *r = join_streams(S("a"));
    assert_int_equal(r->heartbeat_interval_ms, 50000);
    assert_int_equal(r->task_offset_interval_ms, 50000);
    assert_int_equal(r->acceptable_recovery_lag, 50000);
    pass_ms(49000);
    assert_non_null(member_of(S("a")));
    pass_ms(1000);
    commit();
    assert_null(member_of(S("a")));
    set_group(S("streams.heartbeat.interval.ms"), S("9000"));
    set_group(S("streams.session.timeout.ms"), S("55000"));
    set_group(S("streams.task.offset.interval.ms"), S("70000"));
    set_group(S("streams.acceptable.recovery.lag"), S("7"));
    set_group(S("streams.num.standby.replicas"), S("1"));
    set_group(S("streams.rack.aware.assignment.tags"), S("zone"));
    set_group(S("streams.assignment.interval.ms"), S("2000"));
    set_group(S("streams.initial.rebalance.delay.ms"), S("1500"));
    r = join_streams(S("a"));
    assert_int_equal(r->heartbeat_interval_ms, 9000);
    assert_int_equal(r->task_offset_interval_ms, 70000);
    assert_int_equal(r->acceptable_recovery_lag, 7);
    assert_true(says(r, STREAMS_ASSIGNMENT_DELAYED));
    assert_true(says(r, STREAMS_MISSING_CLIENT_TAGS));
    pass_ms(1500);
    commit();
    assert_int_equal(told_active(beat(S("a"), r->member_epoch)), 4);
    (void)join_streams(S("b"));
    assert_int_equal(streams_state(group()), STREAMS_ASSIGNING);
    pass_ms(2000);
    (void)join_streams(S("b"));
    assert_int_equal(member_of(S("a"))->target.of[TASK_STANDBY].n, 2);
    pass_ms(52000);
    assert_non_null(member_of(S("a")));
    pass_ms(1000);
    commit();
    assert_null(member_of(S("a")));
}

static void
a_group_has_a_largest_size(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_GROUP_STREAMS_MAX_SIZE, S("1"), NULL));
    topics_come();
    int32_t a = join_streams(S("a"))->member_epoch;
    assert_int_equal(join_streams(S("b"))->error_code, K_ERR_GROUP_MAX_SIZE_REACHED);
    assert_int_equal(join_streams(S("a"))->error_code, 0);
    assert_int_equal(beat(S("a"), a)->error_code, 0);
}

static void
who_has_a_copy_of_the_state_gets_the_task(void **state)
{
    (void)state;
    struct k_streams_group_heartbeat_request_task_offset on_disk[] = {
        {S("0"), 3, 50}, {S("0"), 9, 50}, {S("x"), 0, 1}, {S("0"), 3, 7}};
    topics_come();
    int32_t a = join_streams(S("a"))->member_epoch;
    (void)join_streams(S("b"));
    request *q = new_request(S("b"), member_of(S("b"))->now.epoch);
    q->task_offsets = on_disk;
    q->task_offsets_n = 4;
    assert_int_equal(send(q)->error_code, 0);
    assert_int_equal(member_of(S("b"))->offsets.n, 1);
    assert_int_equal(member_of(S("b"))->offsets.v[0].offset, 50);
    (void)a;
}

static void
the_next_coordinator_knows_it_all(void **state)
{
    (void)state;
    topics_come();
    int32_t a = join_streams(S("a"))->member_epoch;
    int32_t b = join_streams(S("b"))->member_epoch;
    (void)beat(S("a"), a);
    a = beat_with(S("a"), a, "01", "")->member_epoch;
    b = beat(S("b"), b)->member_epoch;
    int32_t epoch = group()->streams->epoch;
    lose_leadership();
    take_over();
    assert_int_equal(group()->streams->members.n, 2);
    assert_int_equal(group()->streams->topology->subtopologies_n, 1);
    assert_int_equal(streams_state(group()), STREAMS_STABLE);
    assert_int_equal(active_n(S("a")), 2);
    const response *r = beat(S("b"), b);
    assert_int_equal(r->error_code, 0);
    assert_int_equal(r->member_epoch, b);
    assert_int_equal(told_active(r), -1);
    assert_int_equal(group()->streams->epoch, epoch);
    pass_ms(45000);
    commit();
    assert_int_equal(streams_state(group()), STREAMS_EMPTY);
}

static int16_t
commits(struct slice member, int32_t epoch, int32_t partition)
{
    w.at_partition = partition;
    struct call *c = commit_offset(member, epoch, 5);
    settle();
    commit();
    return commit_error(c);
}

static void
only_who_has_the_task_commits(void **state)
{
    (void)state;
    topics_come();
    int32_t a = join_streams(S("a"))->member_epoch;
    assert_int_equal(commits(S("a"), a, 0), 0);
    assert_int_equal(commits(S("a"), a + 1, 0), K_ERR_STALE_MEMBER_EPOCH);
    assert_int_equal(commits(S("x"), a, 0), K_ERR_UNKNOWN_MEMBER_ID);
    (void)join_streams(S("b"));
    (void)beat(S("a"), a);
    /* It is told to close 2 and 3, and may commit what it did to the end. */
    assert_int_equal(commits(S("a"), a, 3), 0);
    int32_t next = beat_with(S("a"), a, "01", "")->member_epoch;
    assert_int_equal(commits(S("a"), a, 3), K_ERR_STALE_MEMBER_EPOCH);
    assert_int_equal(commits(S("a"), a, 0), 0);
    assert_int_equal(commits(S("a"), next, 0), 0);
    assert_int_equal(commits(S(""), -1, 0), K_ERR_UNKNOWN_MEMBER_ID);
}

static void
it_is_described_and_listed(void **state)
{
    (void)state;
    struct k_streams_group_describe_response_described_group d;
    struct k_list_groups_request q;
    struct k_list_groups_response list;
    struct slice type = S("Streams");
    topics_come();
    (void)join_streams(S("a"));
    codec_default_struct(K_STRUCT_STREAMS_GROUP_DESCRIBE_RESPONSE_DESCRIBED_GROUP, &d);
    groups_streams_describe(w.gs, S("g"), false, &w.arena, &d);
    assert_int_equal(d.error_code, 0);
    assert_int_equal(d.topology_description_status, 0);
    assert_slice(d.group_state, "Stable");
    assert_int_equal(d.members_n, 1);
    assert_int_equal(d.members[0].assignment.active_tasks[0].partitions_n, 4);
    assert_int_equal(d.members[0].target_assignment.active_tasks[0].partitions_n, 4);
    assert_slice(d.topology->subtopologies[0].state_changelog_topics[0].name, "app-changelog");
    assert_int_equal(d.topology->subtopologies[0].state_changelog_topics[0].partitions, 4);
    codec_default_struct(K_STRUCT_STREAMS_GROUP_DESCRIBE_RESPONSE_DESCRIBED_GROUP, &d);
    groups_streams_describe(w.gs, S("h"), true, &w.arena, &d);
    assert_int_equal(d.error_code, K_ERR_GROUP_ID_NOT_FOUND);
    assert_int_equal(d.topology_description_status, 0);
    codec_default_struct(K_STRUCT_STREAMS_GROUP_DESCRIBE_RESPONSE_DESCRIBED_GROUP, &d);
    groups_streams_describe(w.gs, S("g"), true, &w.arena, &d);
    assert_int_equal(d.topology_description_status, 1); /* none is stored */
    codec_default(K_MSG_LIST_GROUPS_REQUEST, &q);
    codec_default(K_MSG_LIST_GROUPS_RESPONSE, &list);
    q.types_filter = &type;
    q.types_filter_n = 1;
    groups_list(w.gs, &q, &w.arena, &list);
    assert_int_equal(list.groups_n, 1);
    assert_slice(list.groups[0].group_type, "streams");
    assert_slice(list.groups[0].protocol_type, "streams");
}

static void
other_kinds_keep_their_names(void **state)
{
    (void)state;
    topics_come();
    (void)join_streams(S("a"));
    struct call *c = join((struct who){.id = S("")});
    assert_int_equal(((const struct k_join_group_response *)answer(c))->error_code,
                     K_ERR_INCONSISTENT_GROUP_PROTOCOL);
    (void)beat(S("a"), EPOCH_LEAVE);
    /* Nobody is in it any more: the name is free for the classic protocol. */
    c = join((struct who){.id = S("")});
    commit();
    assert_int_equal(((const struct k_join_group_response *)answer(c))->error_code,
                     K_ERR_MEMBER_ID_REQUIRED);
    assert_null(group()->streams);
    lose_leadership();
    take_over();
    assert_true(!group() || !group()->streams);
}

static uint64_t
draw_of(void *ctx)
{
    uint64_t *state = ctx;
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 11;
}

/* What lies in the log is not trusted. */
static void
records_that_cannot_be_are_passed_over(void **state)
{
    (void)state;
    uint64_t dice_state = 3;
    static const enum k_msg kinds[][2] = {
        {K_MSG_STREAMS_GROUP_METADATA_KEY, K_MSG_STREAMS_GROUP_METADATA_VALUE},
        {K_MSG_STREAMS_GROUP_TOPOLOGY_KEY, K_MSG_STREAMS_GROUP_TOPOLOGY_VALUE},
        {K_MSG_STREAMS_GROUP_MEMBER_METADATA_KEY, K_MSG_STREAMS_GROUP_MEMBER_METADATA_VALUE},
        {K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_KEY,
         K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE},
        {K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY,
         K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE},
        {K_MSG_STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY,
         K_MSG_STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE},
    };
    for (int i = 0; i < 3000; i++) {
        struct arena a;
        uint8_t key[256], value[4096];
        int kind = i % 6;
        arena_init(&a, &w.env.mem, 0);
        struct codec_dice dice = {.draw = draw_of, .ctx = &dice_state, .arena = &a};
        codec_random(kinds[kind][1], 0, &dice, value);
        struct k_streams_group_member_metadata_key k = {S("g"), i % 4 < 2 ? S("a") : S("b")};
        memset(key, 0, sizeof key);
        memcpy(key, &k, sizeof k);
        struct batch_builder b;
        shard_builder(&w.shard->base, &b);
        bool is_gone = draw_of(&dice_state) % 5 == 0;
        coordinator_add_record(&b, &w.env, kinds[kind][0], key, kinds[kind][1],
                               is_gone ? NULL : value);
        (void)shard_write_silently_folded(&w.shard->base, &b);
        commit();
        if (i % 50 == 0) {
            (void)join_streams(S("a"));
            (void)beat(S("a"), 1);
            (void)beat(S("b"), 1);
        }
        arena_release(&a);
        arena_reset(&w.env.scratch);
    }
    lose_leadership();
    assert_null(group());
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(what_is_set_for_the_broker_and_for_the_group_is_heeded),
        CLAIM(a_group_has_a_largest_size),
        CLAIM(who_has_a_copy_of_the_state_gets_the_task),
        CLAIM(the_next_coordinator_knows_it_all),
        CLAIM(only_who_has_the_task_commits),
        CLAIM(it_is_described_and_listed),
        CLAIM(other_kinds_keep_their_names),
        CLAIM(records_that_cannot_be_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
