#include "tests/unit/group/fixture.h"

static void
an_offset_is_seen_when_it_is_committed(void **state)
{
    (void)state;
    struct call *c = commit_offset(SLICE_EMPTY, -1, 7);
    assert_true(is_waiting(c));
    assert_int_equal(fetch_offset(), -1);
    commit();
    assert_int_equal(commit_error(c), 0);
    assert_int_equal(fetch_offset(), 7);
}

static void
a_late_commit_is_told_as_failed_and_still_happens(void **state)
{
    (void)state;
    struct call *c = commit_offset(SLICE_EMPTY, -1, 7);
    pass_ms(5001);
    assert_int_equal(commit_error(c), K_ERR_COORDINATOR_NOT_AVAILABLE);
    commit();
    assert_int_equal(fetch_offset(), 7);
    assert_int_equal(c->count, 1);
}

static void
a_commit_that_cannot_be_stored_changes_nothing(void **state)
{
    (void)state;
    struct call *c = commit_offset(SLICE_EMPTY, -1, 7);
    commit();
    assert_int_equal(commit_error(c), 0);
    w.refuses = K_ERR_NOT_ENOUGH_REPLICAS;
    assert_int_equal(commit_error(commit_offset(SLICE_EMPTY, -1, 8)),
                     K_ERR_COORDINATOR_NOT_AVAILABLE);
    assert_int_equal(fetch_offset(), 7);
}

static void
only_members_commit_to_a_group_that_has_some(void **state)
{
    (void)state;
    assert_int_equal(commit_error(commit_offset(S("m"), 1, 7)), K_ERR_GROUP_ID_NOT_FOUND);
    struct slice id = new_id();
    struct call *j = join((struct who){.id = id});
    gather();
    assert_int_equal(joined(j)->generation_id, 1);
    assert_int_equal(commit_error(commit_offset(SLICE_EMPTY, -1, 7)), K_ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(commit_error(commit_offset(S("m"), 1, 7)), K_ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(commit_error(commit_offset(id, 0, 7)), K_ERR_ILLEGAL_GENERATION);
    /* The assignment is not out yet. */
    assert_int_equal(commit_error(commit_offset(id, 1, 7)), K_ERR_REBALANCE_IN_PROGRESS);
}

static int16_t
delete_offset(void)
{
    struct call *c = call_new(0);
    struct k_offset_delete_request_offset_delete_request_partition p = {.partition_index =
                                                                            w.at_partition};
    struct k_offset_delete_request_offset_delete_request_topic t = {
        .name = S("orders"), .partitions = &p, .partitions_n = 1};
    struct k_offset_delete_request q = {.group_id = S("g"), .topics = &t, .topics_n = 1};
    groups_offset_delete(w.gs, &q, &c->c);
    commit();
    const struct k_offset_delete_response *res = answer(c);
    return res->error_code ? res->error_code : res->topics[0].partitions[0].error_code;
}

/* Neither kept, nor found to be deleted. */
static void
a_partition_that_does_not_exist_has_no_offset(void **state)
{
    (void)state;
    w.at_partition = 4; /* "orders" has four */
    assert_int_equal(commit_error(commit_offset(SLICE_EMPTY, -1, 7)),
                     K_ERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(w.shard->groups.n, 0);
    w.at_partition = 3;
    (void)commit_offset(SLICE_EMPTY, -1, 7);
    w.at_partition = 4;
    assert_int_equal(delete_offset(), K_ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

static void
metadata_has_a_limit(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_OFFSET_METADATA_MAX_BYTES, S("3"), NULL));
    assert_int_equal(commit_error(commit_offset(SLICE_EMPTY, -1, 7)),
                     K_ERR_OFFSET_METADATA_TOO_LARGE);
    assert_int_equal(w.shard->groups.n, 0);
}

static void
a_deleted_group_stays_deleted(void **state)
{
    (void)state;
    assert_int_equal(delete_group(), K_ERR_GROUP_ID_NOT_FOUND);
    struct call *c = commit_offset(SLICE_EMPTY, -1, 7);
    /* The commit is still on its way. */
    assert_int_equal(delete_group(), 0);
    assert_int_equal(commit_error(c), 0);
    assert_int_equal(fetch_offset(), -1);
    assert_state("Dead");
    lose_leadership();
    take_over();
    assert_int_equal(fetch_offset(), -1);
    assert_state("Dead");
}

/* Both kinds; `err` is what becomes of the record. */
static void
deletions_end(int16_t err, int16_t told)
{
    struct k_offset_delete_request_offset_delete_request_partition p = {.partition_index =
                                                                            w.at_partition};
    struct k_offset_delete_request_offset_delete_request_topic t = {
        .name = S("orders"), .partitions = &p, .partitions_n = 1};
    struct k_offset_delete_request q = {.group_id = S("g"), .topics = &t, .topics_n = 1};
    (void)commit_offset(SLICE_EMPTY, -1, 7);
    commit();
    struct call *offset = call_new(0), *group = call_new(2);
    groups_offset_delete(w.gs, &q, &offset->c);
    groups_delete(w.gs, S("g"), &group->c);
    assert_true(is_waiting(offset));
    assert_true(is_waiting(group));
    finish_writes(err);
    const struct k_offset_delete_response *o = answer(offset);
    const struct k_delete_groups_response_deletable_group_result *g = answer(group);
    assert_int_equal(o->error_code, told);
    assert_int_equal(g->error_code, told);
}

static void
a_deletion_is_told_when_it_is_committed(void **state)
{
    (void)state;
    deletions_end(0, 0);
}

static void
a_deletion_that_is_not_committed_is_told_as_failed(void **state)
{
    (void)state;
    deletions_end(K_ERR_NOT_LEADER_OR_FOLLOWER, K_ERR_NOT_COORDINATOR);
}

static void
a_group_with_members_is_not_deleted(void **state)
{
    (void)state;
    struct call *j = join((struct who){.id = new_id()});
    assert_true(is_waiting(j));
    assert_int_equal(delete_group(), K_ERR_NON_EMPTY_GROUP);
}

static void
a_deleted_offset_does_not_come_back(void **state)
{
    (void)state;
    assert_int_equal(delete_offset(), K_ERR_GROUP_ID_NOT_FOUND);
    (void)commit_offset(SLICE_EMPTY, -1, 7);
    assert_int_equal(delete_offset(), 0);
    assert_int_equal(fetch_offset(), -1);
    (void)commit_offset(SLICE_EMPTY, -1, 8);
    commit();
    assert_int_equal(fetch_offset(), 8);
    lose_leadership();
    take_over();
    assert_int_equal(fetch_offset(), 8);
}

static void
offsets_go_with_their_topic(void **state)
{
    (void)state;
    (void)commit_offset(SLICE_EMPTY, -1, 7);
    commit();
    /* What cannot be written is not done: who takes over would find it. */
    w.refuses = K_ERR_NOT_ENOUGH_REPLICAS;
    groups_topic_deleted(w.gs, S("orders"), (struct uuid){{2}});
    w.refuses = K_ERR_NONE;
    groups_topic_deleted(w.gs, S("orders"), (struct uuid){{9}});
    commit();
    assert_int_equal(fetch_offset(), 7);
    groups_topic_deleted(w.gs, S("orders"), (struct uuid){{2}});
    commit();
    assert_int_equal(fetch_offset(), -1);
    lose_leadership();
    take_over();
    assert_int_equal(fetch_offset(), -1);
}

static void
an_old_offset_expires_and_the_group_with_it(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_OFFSETS_RETENTION_MINUTES, S("60"), NULL));
    (void)commit_offset(SLICE_EMPTY, -1, 7);
    commit();
    pass_ms(50 * 60000);
    assert_int_equal(fetch_offset(), 7);
    pass_ms(30 * 60000);
    commit();
    assert_int_equal(fetch_offset(), -1);
    pass_ms(10 * 60000);
    commit();
    assert_state("Dead");
    lose_leadership();
    take_over();
    assert_state("Dead");
}

static void
live_on(struct slice id, int minutes)
{
    for (int i = 0; i < minutes * 60 / 9; i++) {
        pass_ms(9000);
        assert_int_equal(heartbeat(id, 1), 0);
    }
}

static void
offsets_of_subscribed_topics_do_not_expire(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_OFFSETS_RETENTION_MINUTES, S("60"), NULL));
    struct slice id = new_id();
    struct call *j = join((struct who){.id = id});
    gather();
    assert_int_equal(joined(j)->generation_id, 1);
    struct call *s = sync(id, 1, NULL, 0);
    commit();
    assert_int_equal(synced(s)->error_code, 0);
    (void)commit_offset(id, 1, 7);
    commit();
    live_on(id, 100);
    assert_int_equal(fetch_offset(), 7);
    /* An old client may say itself how long: that also begins when nobody uses it any more. */
    group_offset(group_find(w.shard, S("g")), S("orders"), 3)->value.expire_ms = w.env.wall_ms + 1;
    live_on(id, 30);
    assert_int_equal(fetch_offset(), 7);
    pass_ms(30 * 60000);
    commit();
    assert_int_equal(fetch_offset(), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_start, world_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_offset_is_seen_when_it_is_committed),
        TEST(a_late_commit_is_told_as_failed_and_still_happens),
        TEST(a_commit_that_cannot_be_stored_changes_nothing),
        TEST(only_members_commit_to_a_group_that_has_some),
        TEST(a_partition_that_does_not_exist_has_no_offset),
        TEST(metadata_has_a_limit),
        TEST(a_deleted_group_stays_deleted),
        TEST(a_deletion_is_told_when_it_is_committed),
        TEST(a_deletion_that_is_not_committed_is_told_as_failed),
        TEST(a_group_with_members_is_not_deleted),
        TEST(a_deleted_offset_does_not_come_back),
        TEST(offsets_go_with_their_topic),
        TEST(an_old_offset_expires_and_the_group_with_it),
        TEST(offsets_of_subscribed_topics_do_not_expire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
