/* deletion.c: when deleted records count as deleted. */
#include "tests/lib/test.h"

#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "errors.h"

static struct env env;
static struct image image;
static struct image_broker brokers[3];
static struct image_broker *by_id[3];
static struct replicas owner;
static struct topic_config config;
static struct partition p;

/* Leader 1 with 1,000 records, all committed; 2 and 3 follow, and have told that their logs begin at 0. */
static int
set_up(void **state)
{
    (void)state;
    struct env_params params = {.source = test_mem_source(), .memory_ceiling_bytes = 1 << 24};
    env_init(&env, &params);
    memset(&p, 0, sizeof p);
    for (int32_t i = 0; i < 3; i++) {
        brokers[i] = (struct image_broker){.id = i + 1, .epoch = 100 + i};
        by_id[i] = &brokers[i];
    }
    image = (struct image){.brokers = {by_id, 3, 3}};
    config = (struct topic_config){.min_insync_replicas = 1, .log = {.delete = true}};
    owner = (struct replicas){.env = &env, .node_id = 1, .image = &image, .lag_max_ns = 1000};
    list_init(&owner.to_alter);
    list_init(&owner.deletion_waiters);
    p.owner = &owner;
    p.env = &env;
    p.config = &config;
    p.role = PARTITION_LEADER;
    p.leader_id = 1, p.leader_epoch = 3;
    p.replicas = p.isr = (struct isr){.n = 3, .v = {1, 2, 3}};
    list_init(&p.append_waiters);
    list_init(&p.fetch_waiters);
    list_init(&p.ready_waiters);
    list_init(&p.deletion_waiters);
    p.log.env = &env;
    p.log.written_end = p.log.assigned_end = p.high_watermark = 1000;
    for (int32_t id = 2; id <= 3; id++) {
        struct follower f = {id, {.log_end = 1000, .broker_epoch = 100}};
        VEC_PUSH(&env.mem, &p.followers, f);
    }
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    VEC_RELEASE(&env.mem, &p.followers);
    env_release(&env);
    return 0;
}

struct client {
    struct deletion_waiter w;
    int32_t told;
    int16_t err;
};

static void
is_told(struct deletion_waiter *w, int16_t err)
{
    struct client *c = CONTAINER_OF(w, struct client, w);
    c->told++;
    c->err = err;
}

/* True: it waits. */
static bool
deletes_up_to(struct client *c, int64_t offset)
{
    *c = (struct client){.w.done = is_told};
    assert_int_equal(partition_delete_records(&p, offset, &c->w.required), 0);
    return partition_wait_deleted(&p, &c->w);
}

static void
fetches(int32_t id, int64_t log_start)
{
    partition_fetched_by(&p, id, 100 + id - 1, 1000, log_start);
}

static void
every_live_replica_is_waited_for(void **state)
{
    (void)state;
    struct client c;
    assert_true(deletes_up_to(&c, 900));
    assert_int_equal(commitlog_start(&p.log), 900);
    fetches(2, 900);
    fetches(3, 899);
    assert_int_equal(c.told, 0);
    fetches(3, 900);
    assert_int_equal(c.told, 1);
    assert_int_equal(c.err, 0);
    assert_int_equal(partition_low_watermark(&p), 900);
    fetches(3, 900);
    assert_int_equal(c.told, 1);
}

static void
what_is_deleted_everywhere_is_not_waited_for(void **state)
{
    (void)state;
    struct client c;
    assert_false(deletes_up_to(&c, 0));
    fetches(2, 500);
    fetches(3, 400);
    assert_false(deletes_up_to(&c, 400));
    assert_true(deletes_up_to(&c, 401));
    deletion_waiter_cancel(&c.w);
}

static void
who_is_fenced_is_not_waited_for(void **state)
{
    (void)state;
    struct client c;
    assert_true(deletes_up_to(&c, 900));
    fetches(2, 900);
    brokers[2].is_fenced = true;
    replicas_look_deleted(&owner);
    assert_int_equal(c.told, 1);
    assert_int_equal(c.err, 0);
    assert_true(list_is_empty(&owner.deletion_waiters));
}

static void
who_has_left_the_cluster_is_not_waited_for(void **state)
{
    (void)state;
    struct client c;
    assert_true(deletes_up_to(&c, 900));
    fetches(2, 900);
    image.brokers.n = 2;
    replicas_look_deleted(&owner);
    assert_int_equal(c.told, 1);
}

static void
who_has_not_told_where_it_begins_is_waited_for(void **state)
{
    (void)state;
    struct client c;
    p.followers.v[0].progress.log_start = -1;
    assert_true(deletes_up_to(&c, 0));
    fetches(2, 0);
    assert_int_equal(c.told, 1);
}

static void
each_waits_for_its_own_offset(void **state)
{
    (void)state;
    struct client a, b;
    assert_true(deletes_up_to(&a, 500));
    assert_true(deletes_up_to(&b, 900));
    fetches(2, 500);
    fetches(3, 500);
    assert_int_equal(a.told, 1);
    assert_int_equal(b.told, 0);
    fetches(2, 900);
    fetches(3, 900);
    assert_int_equal(b.told, 1);
}

static void
an_end_of_leadership_ends_the_waiting(void **state)
{
    (void)state;
    struct client c;
    assert_true(deletes_up_to(&c, 900));
    partition_retire(&p);
    assert_int_equal(c.told, 1);
    assert_int_equal(c.err, K_ERR_NOT_LEADER_OR_FOLLOWER);
    assert_true(list_is_empty(&owner.deletion_waiters));
}

static void
what_cannot_be_deleted_is_said(void **state)
{
    (void)state;
    int64_t at = -7;
    p.high_watermark = 800;
    assert_int_equal(partition_delete_records(&p, 801, &at), K_ERR_OFFSET_OUT_OF_RANGE);
    assert_int_equal(partition_delete_records(&p, -2, &at), K_ERR_OFFSET_OUT_OF_RANGE);
    assert_int_equal(at, -7);
    assert_int_equal(commitlog_start(&p.log), 0);
    config.log = (struct log_config){.compact = true};
    assert_int_equal(partition_delete_records(&p, 1, &at), K_ERR_POLICY_VIOLATION);
    config.log.delete = true;
    assert_int_equal(partition_delete_records(&p, DELETE_UP_TO_HIGH_WATERMARK, &at), 0);
    assert_int_equal(at, 800);
    p.role = PARTITION_FOLLOWER;
    assert_int_equal(partition_delete_records(&p, 1, &at), K_ERR_NOT_LEADER_OR_FOLLOWER);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_live_replica_is_waited_for),
        CASE(what_is_deleted_everywhere_is_not_waited_for),
        CASE(who_is_fenced_is_not_waited_for),
        CASE(who_has_left_the_cluster_is_not_waited_for),
        CASE(who_has_not_told_where_it_begins_is_waited_for),
        CASE(each_waits_for_its_own_offset),
        CASE(an_end_of_leadership_ends_the_waiting),
        CASE(what_cannot_be_deleted_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
