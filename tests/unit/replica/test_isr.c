/* leader.c: whom the leader lets into the ISR and takes out of it, for whom the high watermark waits, and
 * what acks are answered. The rules themselves are in test_rules.c. */
#include "tests/lib/test.h"

#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "errors.h"

#define LAG_NS 1000

static struct env env;
static struct image image;
static struct image_broker brokers[3];
static struct image_broker *by_id[3];
static struct replicas owner;
static struct topic_config config;
static struct partition p;

/* Leader 1 of epoch 3 with replicas 1, 2, 3, ISR 1, 2 and 10 records; 2 has them all, 3 has 5 of them and has
 * not been heard of for long. */
static int
set_up(void **state)
{
    (void)state;
    struct env_params params = {.source = test_mem_source(), .memory_ceiling_bytes = 1 << 24};
    env_init(&env, &params);
    memset(&owner, 0, sizeof owner);
    memset(&p, 0, sizeof p);
    for (int32_t i = 0; i < 3; i++) {
        brokers[i] = (struct image_broker){.id = i + 1, .epoch = 100 + i};
        by_id[i] = &brokers[i];
    }
    image = (struct image){.brokers = {by_id, 3, 3}};
    config = (struct topic_config){.min_insync_replicas = 2};
    owner = (struct replicas){
        .env = &env, .node_id = 1, .stopping = true, .image = &image, .lag_max_ns = LAG_NS};
    list_init(&owner.to_alter);
    p.owner = &owner;
    p.env = &env;
    p.config = &config;
    p.role = PARTITION_LEADER;
    p.leader_id = 1, p.leader_epoch = 3, p.partition_epoch = 6;
    p.replicas = (struct isr){.n = 3, .v = {1, 2, 3}};
    p.isr = (struct isr){.n = 2, .v = {1, 2}};
    list_init(&p.append_waiters);
    list_init(&p.fetch_waiters);
    list_init(&p.ready_waiters);
    list_init(&p.deletion_waiters);
    p.log.settled_end = p.log.written_end = p.log.assigned_end = 10;
    env.now_ns = 100 * LAG_NS;
    struct follower two = {2, {.log_end = 10, .caught_up_ns = env.now_ns, .broker_epoch = 101}};
    struct follower three = {3, {.log_end = 5, .caught_up_ns = 0, .broker_epoch = 102}};
    VEC_PUSH(&env.mem, &p.followers, two);
    VEC_PUSH(&env.mem, &p.followers, three);
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

static bool
asks_for(int32_t n, int32_t a, int32_t b, int32_t c)
{
    const struct isr *w = &p.isr_wanted;
    return p.isr_state == ISR_PENDING && list_is_linked(&p.alter) && w->n == n && isr_has(w, a) &&
           isr_has(w, b) && isr_has(w, c);
}

/* ---- the high watermark ---- */

static void
what_the_isr_has_is_committed(void **state)
{
    (void)state;
    partition_try_advance(&p);
    assert_int_equal(p.high_watermark, 10);
}

static void
who_was_asked_for_is_waited_for(void **state)
{
    (void)state;
    p.isr_state = ISR_PENDING;
    p.isr_wanted = (struct isr){.n = 3, .v = {1, 2, 3}};
    partition_try_advance(&p);
    assert_int_equal(p.high_watermark, 5);
}

/* It fetches no more, and nothing else happens: the sweep looks. */
static void
who_was_about_to_join_and_is_gone_is_waited_for_no_more(void **state)
{
    (void)state;
    p.followers.v[1].progress.caught_up_ns = env.now_ns;
    partition_try_advance(&p);
    assert_int_equal(p.high_watermark, 5);
    env.now_ns += 2 * LAG_NS;
    p.followers.v[0].progress.caught_up_ns = env.now_ns;
    partition_sweep_isr(&p);
    assert_int_equal(p.high_watermark, 10);
}

static void
who_is_to_leave_is_waited_for_until_the_controller_agrees(void **state)
{
    (void)state;
    config.min_insync_replicas = 1;
    p.followers.v[0].progress.log_end = 7;
    p.followers.v[0].progress.caught_up_ns = 0;
    partition_sweep_isr(&p);
    assert_true(asks_for(1, 1, 1, 1));
    assert_int_equal(p.isr.n, 2);
    partition_try_advance(&p);
    assert_int_equal(p.high_watermark, 7);
    p.alter_sent = true, p.alter_leader_epoch = 3, p.alter_partition_epoch = 6;
    partition_isr_answered(&p, 0, 3, 7, (int32_t[]){1}, 1);
    assert_int_equal(p.high_watermark, 10);
}

static void
who_may_join_any_moment_is_waited_for(void **state)
{
    (void)state;
    p.followers.v[1].progress.caught_up_ns = env.now_ns;
    partition_try_advance(&p);
    assert_int_equal(p.high_watermark, 5);
    brokers[2].is_fenced = true; /* it may not */
    partition_try_advance(&p);
    assert_int_equal(p.high_watermark, 10);
}

static void
below_min_insync_replicas_nothing_is_committed(void **state)
{
    (void)state;
    p.isr = (struct isr){.n = 1, .v = {1}};
    partition_try_advance(&p);
    assert_int_equal(p.high_watermark, 0);
}

static void
one_replica_is_all_that_one_replica_can_have_in_sync(void **state)
{
    (void)state;
    p.isr = p.replicas = (struct isr){.n = 1, .v = {1}};
    p.followers.n = 0;
    assert_false(partition_is_under_min_isr(&p));
    partition_try_advance(&p);
    assert_int_equal(p.high_watermark, 10);
}

/* ---- acks ---- */

struct told {
    struct append_waiter w;
    int32_t times;
    int16_t err;
};

static void
is_told(struct append_waiter *w, int16_t err)
{
    struct told *t = CONTAINER_OF(w, struct told, w);
    t->times++;
    t->err = err;
}

static void
acks_all_waits_for_the_isr_and_acks_1_for_the_leader(void **state)
{
    (void)state;
    struct told one = {.w = {.done = is_told, .required = 10}};
    struct told all = {.w = {.done = is_told, .required = 10, .all = true}};
    p.followers.v[0].progress.log_end = 9;
    p.log.settled_end = p.log.written_end = 9;
    partition_wait(&p, &all.w);
    partition_wait(&p, &one.w);
    partition_try_advance(&p);
    assert_int_equal(one.times + all.times, 0);
    p.log.settled_end = p.log.written_end = 10;
    partition_try_advance(&p);
    assert_int_equal(one.times, 1);
    assert_int_equal(all.times, 0);
    partition_fetched_by(&p, 2, 101, 10, 0);
    assert_int_equal(all.times, 1);
    assert_int_equal(all.err, 0);
}

static void
acks_all_is_refused_when_too_few_are_in_sync(void **state)
{
    (void)state;
    struct log_append a = {.base_offset = 0};
    p.isr = (struct isr){.n = 1, .v = {1}};
    assert_int_equal(partition_append(&p, &a, -1), K_ERR_NOT_ENOUGH_REPLICAS);
}

static void
an_isr_that_shrank_after_the_append_is_told(void **state)
{
    (void)state;
    struct told all = {.w = {.done = is_told, .required = 10, .all = true}};
    p.high_watermark = 10;
    p.isr = (struct isr){.n = 1, .v = {1}};
    partition_wait(&p, &all.w);
    assert_int_equal(all.times, 1);
    assert_int_equal(all.err, K_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
}

/* ---- who may come in ---- */

static void
who_has_everything_is_asked_for(void **state)
{
    (void)state;
    partition_try_advance(&p);
    partition_fetched_by(&p, 3, 102, 9, 0);
    assert_int_equal(p.isr_state, ISR_COMMITTED); /* the high watermark is 10 */
    partition_fetched_by(&p, 3, 102, 10, 0);
    assert_true(asks_for(3, 1, 2, 3));
}

static void
who_has_not_the_start_of_the_epoch_is_not(void **state)
{
    (void)state;
    p.epoch_start = 8;
    p.followers.v[0].progress.log_end = 6; /* so this leader does not know yet what is committed */
    partition_fetched_by(&p, 3, 102, 7, 0);
    assert_int_equal(p.isr_state, ISR_COMMITTED);
    partition_fetched_by(&p, 3, 102, 8, 0);
    assert_int_equal(p.isr_state, ISR_PENDING);
}

static void
the_fenced_and_the_leaving_are_not(void **state)
{
    (void)state;
    brokers[2].is_fenced = true;
    partition_fetched_by(&p, 3, 102, 10, 0);
    assert_int_equal(p.isr_state, ISR_COMMITTED);
    brokers[2].is_fenced = false, brokers[2].in_controlled_shutdown = true;
    partition_fetched_by(&p, 3, 102, 10, 0);
    assert_int_equal(p.isr_state, ISR_COMMITTED);
    image.brokers.n = 2; /* gone */
    partition_fetched_by(&p, 3, 102, 10, 0);
    assert_int_equal(p.isr_state, ISR_COMMITTED);
}

/* KIP-903. */
static void
a_fetch_of_another_incarnation_is_not(void **state)
{
    (void)state;
    brokers[2].epoch = 200; /* it came back; what fetched then may be gone */
    partition_fetched_by(&p, 3, 102, 10, 0);
    assert_int_equal(p.isr_state, ISR_COMMITTED);
    partition_fetched_by(&p, 3, 200, 10, 0);
    assert_int_equal(p.isr_state, ISR_PENDING);
}

static void
a_late_fetch_of_an_earlier_incarnation_says_nothing(void **state)
{
    (void)state;
    brokers[2].epoch = 200;
    partition_fetched_by(&p, 3, 200, 5, 0);
    partition_fetched_by(&p, 3, 102, 10, 0);
    assert_int_equal(p.followers.v[1].progress.log_end, 5);
    assert_int_equal(p.followers.v[1].progress.broker_epoch, 200);
}

static void
one_change_at_a_time(void **state)
{
    (void)state;
    config.min_insync_replicas = 1;
    p.isr = (struct isr){.n = 1, .v = {1}};
    partition_fetched_by(&p, 2, 101, 10, 0);
    assert_true(asks_for(2, 1, 2, 2));
    partition_fetched_by(&p, 3, 102, 10, 0);
    assert_true(asks_for(2, 1, 2, 2));
    env.now_ns += 10 * LAG_NS, p.log.settled_end = p.log.written_end = p.log.assigned_end = 20;
    partition_sweep_isr(&p);
    assert_true(asks_for(2, 1, 2, 2));
}

static void
a_follower_that_was_never_in_sync_is_not_caught_up_by_its_first_fetch(void **state)
{
    (void)state;
    struct image_partition ip = {.leader = 1, .leader_epoch = 3, .partition_epoch = 7};
    int32_t all[] = {1, 2, 3}, two[] = {1, 2};
    ip.replicas = (struct ids){all, 3}, ip.isr = (struct ids){two, 2};
    p.followers.n = 1; /* 3 is added now */
    p.life = PARTITION_OPEN;
    env.now_ns = LAG_NS / 2; /* right after this broker's clock began */
    partition_apply(&p, &ip);
    partition_fetched_by(&p, 3, 102, 0, 0);
    p.log.settled_end = p.log.written_end = p.log.assigned_end = 12;
    partition_fetched_by(&p, 2, 101, 12, 0);
    assert_int_equal(p.high_watermark, 12); /* nobody waits for it yet */
}

/* ---- the controller's answer ---- */

static void
answered(int16_t err, int32_t leader_epoch, int32_t partition_epoch)
{
    p.isr_state = ISR_PENDING;
    p.isr_wanted = (struct isr){.n = 3, .v = {1, 2, 3}};
    p.alter_sent = true, p.alter_leader_epoch = 3, p.alter_partition_epoch = 6;
    partition_isr_answered(&p, err, leader_epoch, partition_epoch, (int32_t[]){1, 2, 3}, 3);
}

static void
what_the_controller_did_is_taken_over(void **state)
{
    (void)state;
    answered(0, 3, 7);
    assert_int_equal(p.isr_state, ISR_COMMITTED);
    assert_int_equal(p.isr.n, 3);
    assert_int_equal(p.partition_epoch, 7);
}

static void
what_is_answered_twice_counts_once(void **state)
{
    (void)state;
    answered(K_ERR_REQUEST_TIMED_OUT, -1, -1);
    assert_true(asks_for(3, 1, 2, 3)); /* again */
    partition_isr_answered(&p, 0, 3, 7, (int32_t[]){1, 2, 3}, 3);
    assert_true(asks_for(3, 1, 2, 3));
    assert_int_equal(p.partition_epoch, 6);
}

static void
an_answer_of_another_time_is_not(void **state)
{
    (void)state;
    answered(0, 4, 7);
    assert_int_equal(p.isr.n, 2);
    answered(0, 3, 5);
    assert_int_equal(p.isr.n, 2);
}

static void
what_it_refused_for_sure_leaves_the_isr_as_it_was(void **state)
{
    (void)state;
    answered(K_ERR_INELIGIBLE_REPLICA, 0, 0);
    assert_int_equal(p.isr_state, ISR_COMMITTED);
    assert_int_equal(p.isr.n, 2);
    assert_int_equal(p.high_watermark, 10);
}

static void
what_it_may_have_done_is_waited_for(void **state)
{
    (void)state;
    int16_t unsure[] = {K_ERR_FENCED_LEADER_EPOCH, K_ERR_INVALID_UPDATE_VERSION,
                        K_ERR_INVALID_REQUEST,     K_ERR_NEW_LEADER_ELECTED,
                        K_ERR_UNKNOWN_TOPIC_ID,    K_ERR_UNKNOWN_SERVER_ERROR};
    for (int i = 0; i < ARRAY_LEN(unsure); i++) {
        answered(unsure[i], 0, 0);
        assert_int_equal(p.isr_state, ISR_PENDING);
        partition_try_advance(&p);
        assert_int_equal(p.high_watermark, 5);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_the_isr_has_is_committed),
        CASE(who_was_asked_for_is_waited_for),
        CASE(who_was_about_to_join_and_is_gone_is_waited_for_no_more),
        CASE(who_is_to_leave_is_waited_for_until_the_controller_agrees),
        CASE(who_may_join_any_moment_is_waited_for),
        CASE(below_min_insync_replicas_nothing_is_committed),
        CASE(one_replica_is_all_that_one_replica_can_have_in_sync),
        CASE(acks_all_waits_for_the_isr_and_acks_1_for_the_leader),
        CASE(acks_all_is_refused_when_too_few_are_in_sync),
        CASE(an_isr_that_shrank_after_the_append_is_told),
        CASE(who_has_everything_is_asked_for),
        CASE(who_has_not_the_start_of_the_epoch_is_not),
        CASE(the_fenced_and_the_leaving_are_not),
        CASE(a_fetch_of_another_incarnation_is_not),
        CASE(a_late_fetch_of_an_earlier_incarnation_says_nothing),
        CASE(one_change_at_a_time),
        CASE(a_follower_that_was_never_in_sync_is_not_caught_up_by_its_first_fetch),
        CASE(what_the_controller_did_is_taken_over),
        CASE(what_is_answered_twice_counts_once),
        CASE(an_answer_of_another_time_is_not),
        CASE(what_it_refused_for_sure_leaves_the_isr_as_it_was),
        CASE(what_it_may_have_done_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
