/* Share groups: how members come to partitions and go, and what the next coordinator knows. */
#include "broker/group/assign_simple.h"
#include "broker/group/share_group.h"
#include "broker/group/share_lag.h"
#include "broker/protocol/record_frame.h"
#include "tests/unit/group/fixture.h"

static struct persister *persister;

static void
no_topic(void *owner, struct slice name)
{
    (void)owner;
    (void)name;
}

/* Nobody coordinates shares here: states cannot be begun, until the test says that they are. */
static int
share_world(void **state)
{
    world_start(state);
    struct persister_params p = {.env = &w.env,
                                 .config = &w.config,
                                 .image = &w.image,
                                 .node_id = 1,
                                 .listener = S("PLAINTEXT"),
                                 .create_topic = no_topic};
    persister = persister_new(&p);
    groups_set_persister(w.gs, persister);
    return 0;
}

static struct call *
beat_call(struct slice member, int32_t epoch, bool subscribes)
{
    static struct slice topics[] = {{(const uint8_t *)"orders", 6}};
    struct call *c = call_new(1);
    struct k_share_group_heartbeat_request *q =
        ARENA_NEW(&w.arena, struct k_share_group_heartbeat_request);
    codec_default(K_MSG_SHARE_GROUP_HEARTBEAT_REQUEST, q);
    q->group_id = S("g");
    q->member_id = member;
    q->member_epoch = epoch;
    q->subscribed_topic_names = topics;
    q->subscribed_topic_names_n = subscribes ? 1 : -1;
    groups_share_heartbeat(w.gs, q, &c->c);
    settle();
    return c;
}

static const struct k_share_group_heartbeat_response *
beat(struct slice member, int32_t epoch)
{
    struct call *c = beat_call(member, epoch, epoch == 0);
    commit();
    return answer(c);
}

static int32_t
partitions_n(const struct k_share_group_heartbeat_response *r)
{
    int32_t n = 0;
    for (int32_t i = 0; r->assignment && i < r->assignment->topic_partitions_n; i++)
        n += r->assignment->topic_partitions[i].partitions_n;
    return r->assignment ? n : -1;
}

/* As when the share coordinator has begun all four partitions of "orders". */
static void
begin_states(void)
{
    struct group *g = group_find(w.shard, S("g"));
    struct batch_builder b;
    struct tp_set all = {ARENA_ARRAY(&w.arena, struct tp, 4), 4}, none = {0};
    for (int32_t i = 0; i < 4; i++) all.v[i] = (struct tp){{{2}}, i, 0};
    share_init_cancel(g);
    shard_builder(&w.shard->base, &b);
    record_share_states(&b, g, &none, &all);
    record_share_epoch(&b, g, g->share->epoch + 1, g->share->metadata_hash);
    assert_int_equal(shard_write_silently_folded(&w.shard->base, &b), 0);
    share_heartbeats_go_on(g);
    commit();
}

static const struct k_share_group_heartbeat_response *
first_member(struct slice id)
{
    struct call *c = beat_call(id, 0, true);
    assert_true(is_waiting(c));
    begin_states();
    return answer(c);
}

/* ---- the claims ---- */

static void
who_joins_waits_until_partitions_can_be_given(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_GROUP_SHARE_HEARTBEAT_INTERVAL_MS, S("7000"), NULL));
    const struct k_share_group_heartbeat_response *r = first_member(S("a"));
    assert_int_equal(r->error_code, 0);
    assert_int_equal(partitions_n(r), 4);
    assert_true(r->member_epoch > 0);
    assert_int_equal(r->heartbeat_interval_ms, 7000);
}

static void
who_joins_is_let_in_without_partitions_when_nobody_can_begin_them(void **state)
{
    (void)state;
    struct call *c = beat_call(S("a"), 0, true);
    assert_true(is_waiting(c));
    commit();
    pass_ms(14000);
    commit();
    const struct k_share_group_heartbeat_response *r = answer(c);
    assert_int_equal(r->error_code, 0);
    assert_int_equal(partitions_n(r), 0);
}

static void
a_partition_is_shared_when_there_are_more_members(void **state)
{
    (void)state;
    int32_t sum = 0;
    char names[6][2] = {"a", "b", "c", "d", "e", "f"};
    first_member(S("a"));
    for (int i = 1; i < 6; i++) beat(slice((const uint8_t *)names[i], 1), 0);
    for (int i = 0; i < 6; i++) {
        struct slice id = slice((const uint8_t *)names[i], 1);
        const struct share_member *m = share_member(group_find(w.shard, S("g")), id);
        const struct k_share_group_heartbeat_response *r = beat(id, m->epoch);
        assert_int_equal(r->error_code, 0);
        sum += (int32_t)m->assigned.n;
        assert_int_equal(m->assigned.n, 1);
    }
    assert_int_equal(sum, 6);
}

static void
a_member_is_told_only_what_it_cannot_know(void **state)
{
    (void)state;
    const struct k_share_group_heartbeat_response *r = first_member(S("a"));
    int32_t epoch = r->member_epoch;
    r = beat(S("a"), epoch);
    assert_int_equal(partitions_n(r), -1);
    r = beat(S("b"), 0);
    assert_int_equal(partitions_n(r), 2);
    r = beat(S("a"), epoch);
    assert_int_equal(partitions_n(r), 2);
    assert_true(r->member_epoch > epoch);
    /* The answer was lost. */
    r = beat(S("a"), epoch);
    assert_int_equal(partitions_n(r), 2);
}

static void
wrong_epochs_and_members_are_refused(void **state)
{
    (void)state;
    assert_int_equal(beat(S("a"), 1)->error_code, K_ERR_GROUP_ID_NOT_FOUND);
    int32_t epoch = first_member(S("a"))->member_epoch;
    assert_int_equal(beat(S("b"), epoch)->error_code, K_ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(beat(S("a"), epoch + 1)->error_code, K_ERR_FENCED_MEMBER_EPOCH);
    assert_int_equal(beat(S(""), 0)->error_code, K_ERR_INVALID_REQUEST);
    assert_int_equal(beat(S("a"), -2)->error_code, K_ERR_INVALID_REQUEST);
    assert_int_equal(answer(beat_call(S("c"), 0, false)) != NULL, 1);
}

/* As the metadata log sets it: share.heartbeat.interval.ms and share.session.timeout.ms of the group. */
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
a_group_has_time_outs_of_its_own(void **state)
{
    (void)state;
    set_group(S("share.heartbeat.interval.ms"), S("9000"));
    set_group(S("share.session.timeout.ms"), S("55000"));
    const struct k_share_group_heartbeat_response *r = first_member(S("a"));
    assert_int_equal(r->heartbeat_interval_ms, 9000);
    pass_ms(54000);
    assert_int_equal(group_find(w.shard, S("g"))->share->members.n, 1);
    pass_ms(1000);
    assert_int_equal(group_find(w.shard, S("g"))->share->members.n, 0);
}

static void
who_leaves_and_who_is_silent_goes(void **state)
{
    (void)state;
    struct group *g;
    assert_true(config_set(&w.config, K_CFG_GROUP_SHARE_SESSION_TIMEOUT_MS, S("50000"), NULL));
    first_member(S("a"));
    beat(S("b"), 0);
    g = group_find(w.shard, S("g"));
    assert_int_equal(g->share->members.n, 2);
    assert_int_equal(beat(S("b"), -1)->error_code, 0);
    assert_int_equal(g->share->members.n, 1);
    assert_int_equal(beat(S("b"), -1)->error_code, K_ERR_UNKNOWN_MEMBER_ID);
    pass_ms(49000);
    assert_int_equal(g->share->members.n, 1);
    pass_ms(1000);
    commit();
    assert_int_equal(g->share->members.n, 0);
    assert_slice(share_group_state_name(g), "Empty");
}

static void
a_group_has_a_largest_size(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_GROUP_SHARE_MAX_SIZE, S("1"), NULL));
    first_member(S("a"));
    assert_int_equal(beat(S("b"), 0)->error_code, K_ERR_GROUP_MAX_SIZE_REACHED);
}

static void
the_next_coordinator_knows_it_all(void **state)
{
    (void)state;
    first_member(S("a"));
    beat(S("b"), 0);
    int32_t epoch = share_member(group_find(w.shard, S("g")), S("b"))->epoch;
    lose_leadership();
    take_over();
    struct group *g = group_find(w.shard, S("g"));
    assert_int_equal(g->share->members.n, 2);
    assert_int_equal(g->share->initialized.n, 4);
    const struct k_share_group_heartbeat_response *r = beat(S("b"), epoch);
    assert_int_equal(r->error_code, 0);
    assert_int_equal(r->member_epoch, epoch);
    assert_int_equal(share_member(g, S("b"))->assigned.n, 2);
}

static void
held_heartbeats_hear_when_the_leadership_goes(void **state)
{
    (void)state;
    struct call *c = beat_call(S("a"), 0, true);
    assert_true(is_waiting(c));
    lose_leadership();
    const struct k_share_group_heartbeat_response *r = answer(c);
    assert_int_equal(r->error_code, K_ERR_NOT_COORDINATOR);
}

static void
another_kind_of_group_keeps_its_name(void **state)
{
    (void)state;
    first_member(S("a"));
    assert_int_equal(joined(join((struct who){.id = SLICE_EMPTY}))->error_code,
                     K_ERR_INCONSISTENT_GROUP_PROTOCOL);
    assert_int_equal(heartbeat(S("a"), 1), K_ERR_UNKNOWN_MEMBER_ID);
}

static void
the_lag_is_what_is_not_done_with(void **state)
{
    (void)state;
    assert_int_equal(share_lag(100, 40, 10), 50);
    assert_int_equal(share_lag(100, 100, 0), 0);
    assert_int_equal(share_lag(90, 95, 0), 0);
    assert_int_equal(share_lag(-1, 40, 10), -1);
    assert_int_equal(share_lag(100, -1, 0), -1);
    assert_int_equal(share_lag(100, 40, -1), -1);
}

/* ---- the assignor ---- */

static const struct uuid topic_a = {{1}}, topic_b = {{2}};

static struct tp_set
some_tps(int32_t of_a, int32_t of_b)
{
    struct tp_set s = {ARENA_ARRAY(&w.arena, struct tp, of_a + of_b), 0};
    for (int32_t i = 0; i < of_a; i++) s.v[s.n++] = (struct tp){topic_a, i, 0};
    for (int32_t i = 0; i < of_b; i++) s.v[s.n++] = (struct tp){topic_b, i, 0};
    return s;
}

static void
partitions_are_spread_and_stay(void **state)
{
    (void)state;
    struct tp_set tps = some_tps(7, 0);
    struct simple_member v[3] = {
        {&topic_a, 1, {0}, {0}}, {&topic_a, 1, {0}, {0}}, {&topic_a, 1, {0}, {0}}};
    assign_simply(&w.arena, &tps, v, 2);
    assert_int_equal(v[0].ret.n + v[1].ret.n, 7);
    assert_in_range(v[0].ret.n, 3, 4);
    v[0].had = v[0].ret;
    v[1].had = v[1].ret;
    assign_simply(&w.arena, &tps, v, 3);
    for (int i = 0; i < 3; i++) assert_in_range(v[i].ret.n, 2, 3);
    for (int i = 0; i < 2; i++) assert_true(tp_set_is_subset(&v[i].ret, &v[i].had));
}

static void
nobody_is_given_what_it_does_not_want(void **state)
{
    (void)state;
    struct tp_set tps = some_tps(3, 2);
    struct uuid both[] = {topic_a, topic_b};
    struct simple_member v[3] = {{&topic_a, 1, {0}, {0}}, {both, 2, {0}, {0}}, {NULL, 0, {0}, {0}}};
    assign_simply(&w.arena, &tps, v, 3);
    assert_false(tp_set_has_topic(&v[0].ret, topic_b));
    assert_int_equal(v[2].ret.n, 0);
    assert_int_equal(v[0].ret.n + v[1].ret.n, 5);
    assign_simply(&w.arena, &tps, v, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, share_world, world_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(who_joins_waits_until_partitions_can_be_given),
        CASE(who_joins_is_let_in_without_partitions_when_nobody_can_begin_them),
        CASE(a_partition_is_shared_when_there_are_more_members),
        CASE(a_member_is_told_only_what_it_cannot_know),
        CASE(wrong_epochs_and_members_are_refused),
        CASE(a_group_has_time_outs_of_its_own),
        CASE(who_leaves_and_who_is_silent_goes),
        CASE(a_group_has_a_largest_size),
        CASE(the_next_coordinator_knows_it_all),
        CASE(held_heartbeats_hear_when_the_leadership_goes),
        CASE(another_kind_of_group_keeps_its_name),
        CASE(the_lag_is_what_is_not_done_with),
        CASE(partitions_are_spread_and_stay),
        CASE(nobody_is_given_what_it_does_not_want),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
