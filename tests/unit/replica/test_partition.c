/* partition.c: what a change of role does to those who wait, to followers, epochs and the high watermark. Cuts
 * and fetches are another matter: they need a log and a leader (tests/unit/node, scenarios). */
#include "tests/lib/test.h"

#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "errors.h"

#define LAG_NS 1000

static struct env env;
static struct image image;
static struct replicas owner;
static struct topic_config config;
static struct partition p;
static int32_t all[] = {1, 2, 3}, two[] = {1, 2};
static struct image_partition ip;

/* Broker 1, of replicas 1, 2, 3, with a log of 10 records of epoch 0; nothing is said yet. */
static int
set_up(void **state)
{
    (void)state;
    struct env_params params = {.source = test_mem_source(), .memory_ceiling_bytes = 1 << 24};
    env_init(&env, &params);
    memset(&p, 0, sizeof p);
    image = (struct image){0};
    config = (struct topic_config){.min_insync_replicas = 1};
    owner = (struct replicas){
        .env = &env, .node_id = 1, .stopping = true, .image = &image, .lag_max_ns = LAG_NS};
    list_init(&owner.to_alter);
    list_init(&owner.fetchers);
    p.owner = &owner;
    p.env = &env;
    p.config = &config;
    p.leader_id = NO_LEADER, p.leader_epoch = p.partition_epoch = -1;
    p.life = PARTITION_OPEN;
    list_init(&p.append_waiters);
    list_init(&p.fetch_waiters);
    list_init(&p.ready_waiters);
    list_init(&p.deletion_waiters);
    p.log.env = &env;
    p.log.settled_end = p.log.written_end = p.log.assigned_end = 10;
    (void)epoch_cache_assign(&p.log.epochs, &env.mem, 0, 0);
    env.now_ns = 100 * LAG_NS;
    ip = (struct image_partition){.replicas = {all, 3}, .isr = {all, 3}};
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    VEC_RELEASE(&env.mem, &p.followers);
    epoch_cache_release(&p.log.epochs, &env.mem);
    env_release(&env);
    return 0;
}

static void
told(int32_t leader, int32_t leader_epoch, int32_t partition_epoch)
{
    ip.leader = leader, ip.leader_epoch = leader_epoch, ip.partition_epoch = partition_epoch;
    partition_apply(&p, &ip);
}

struct waits {
    struct append_waiter w;
    int32_t times;
    int16_t err;
};

static void
is_told(struct append_waiter *w, int16_t err)
{
    struct waits *t = CONTAINER_OF(w, struct waits, w);
    t->times++;
    t->err = err;
}

static struct waits
waits_for(int64_t required)
{
    return (struct waits){.w = {.done = is_told, .required = required, .all = true}};
}

/* ---- epochs ---- */

static void
an_epoch_begins_where_the_log_ends(void **state)
{
    (void)state;
    told(1, 3, 1);
    assert_true(partition_is_leader(&p));
    assert_int_equal(p.epoch_start, 10);
    /* KIP-101: before anything is appended under it (KAFKA-7415). */
    assert_int_equal(epoch_cache_latest(&p.log.epochs), 3);
    assert_int_equal(commitlog_epoch_end(&p.log, 0, 10).end_offset, 10);
}

static void
what_is_older_is_not_taken_over(void **state)
{
    (void)state;
    told(1, 3, 4);
    told(2, 2, 3);
    assert_true(partition_is_leader(&p));
    assert_int_equal(p.leader_epoch, 3);
    ip.isr = (struct ids){two, 2};
    told(1, 3, 3); /* of this epoch, but before what is known */
    assert_int_equal(p.isr.n, 3);
    told(1, 3, 5);
    assert_int_equal(p.isr.n, 2);
}

static void
nothing_is_taken_over_in_the_middle_of_a_cut(void **state)
{
    (void)state;
    told(2, 3, 1);
    p.life = PARTITION_CUTTING;
    told(1, 4, 2);
    assert_false(partition_is_leader(&p));
    assert_int_equal(p.leader_epoch, 3);
}

static void
requests_of_another_epoch_are_fenced(void **state)
{
    (void)state;
    assert_int_equal(partition_check_leader(&p, -1), K_ERR_NOT_LEADER_OR_FOLLOWER);
    told(1, 3, 1);
    assert_int_equal(partition_check_leader(&p, 3), 0);
    assert_int_equal(partition_check_leader(&p, -1), 0);
    assert_int_equal(partition_check_leader(&p, 2), K_ERR_FENCED_LEADER_EPOCH);
    assert_int_equal(partition_check_leader(&p, 4), K_ERR_UNKNOWN_LEADER_EPOCH);
    told(2, 4, 2);
    assert_int_equal(partition_check_leader(&p, 3), K_ERR_FENCED_LEADER_EPOCH);
    assert_int_equal(partition_check_leader(&p, 4), K_ERR_NOT_LEADER_OR_FOLLOWER);
}

/* ---- who waits ---- */

static void
who_waits_is_told_when_leadership_goes(void **state)
{
    (void)state;
    struct waits w = waits_for(11);
    told(1, 3, 1);
    partition_wait(&p, &w.w);
    told(2, 4, 2);
    assert_int_equal(w.times, 1);
    assert_int_equal(w.err, K_ERR_NOT_LEADER_OR_FOLLOWER);
}

/* "High watermark >= offset" may speak of another record when leadership has gone and come back. */
static void
who_waits_is_bound_to_the_epoch(void **state)
{
    (void)state;
    struct waits w = waits_for(11);
    told(1, 3, 1);
    partition_wait(&p, &w.w);
    told(1, 5, 3);
    assert_int_equal(w.times, 1);
    assert_int_equal(w.err, K_ERR_NOT_LEADER_OR_FOLLOWER);
}

static void
who_waits_goes_on_when_only_the_isr_changes(void **state)
{
    (void)state;
    struct waits w = waits_for(11);
    told(1, 3, 1);
    partition_wait(&p, &w.w);
    ip.isr = (struct ids){two, 2};
    told(1, 3, 2);
    assert_int_equal(w.times, 0);
    append_waiter_cancel(&w.w);
}

/* ---- followers ---- */

/* TLA-V 6.5.4: where a follower stood in an epoch says nothing of the next one. */
static void
each_epoch_begins_without_knowledge_of_followers(void **state)
{
    (void)state;
    told(1, 3, 1);
    partition_fetched_by(&p, 2, -1, 10, 0);
    partition_fetched_by(&p, 3, -1, 10, 0);
    assert_int_equal(p.high_watermark, 10);
    p.log.settled_end = p.log.written_end = p.log.assigned_end = 12;
    told(1, 4, 2);
    assert_int_equal(p.followers.n, 2);
    for (int64_t i = 0; i < 2; i++) assert_int_equal(p.followers.v[i].progress.log_end, -1);
    partition_try_advance(&p);
    assert_int_equal(p.high_watermark, 10);
}

static void
only_who_is_in_sync_has_time_to_show_itself(void **state)
{
    (void)state;
    ip.isr = (struct ids){two, 2};
    told(1, 3, 1);
    for (int64_t i = 0; i < p.followers.n; i++) {
        const struct follower *f = &p.followers.v[i];
        bool late = follower_is_out_of_sync(&f->progress, 10, env.now_ns + LAG_NS, LAG_NS);
        assert_int_equal(late, f->broker_id == 3);
    }
}

static void
a_wish_ends_with_the_epoch(void **state)
{
    (void)state;
    told(1, 3, 1);
    p.isr_state = ISR_PENDING;
    p.isr_wanted = (struct isr){.n = 1, .v = {1}};
    told(
        1, 3,
        2); /* the controller has changed something: what was asked for was decided on older facts */
    assert_int_equal(p.isr_state, ISR_COMMITTED);
    p.isr_state = ISR_PENDING;
    told(2, 4, 3);
    assert_int_equal(p.isr_state, ISR_COMMITTED);
}

/* ---- high watermark ---- */

static void
consumers_read_what_is_committed_and_followers_what_is_written(void **state)
{
    (void)state;
    told(1, 3, 1);
    p.high_watermark = 7;
    assert_int_equal(partition_read_limit(&p, false, false), 7);
    assert_int_equal(partition_read_limit(&p, true, false), 10);
}

static void
a_follower_takes_the_watermark_as_far_as_it_has_records(void **state)
{
    (void)state;
    told(2, 3, 1);
    partition_follow(&p, 6, 0);
    assert_int_equal(p.high_watermark, 6);
    partition_follow(&p, 20, 0);
    assert_int_equal(p.high_watermark, 10);
    partition_follow(&p, 4, 0); /* a new leader that does not know yet */
    assert_int_equal(p.high_watermark, 10);
}

static int heard[FETCH_NEWS_ROLE + 1];

static void
hear(struct fetch_waiter *w, enum fetch_news news)
{
    heard[news]++;
    if (news == FETCH_NEWS_ROLE) fetch_waiter_cancel(w);
}

/* KIP-392: a consumer may read from a follower. */
static void
who_reads_from_a_follower_hears_of_its_watermark(void **state)
{
    (void)state;
    struct fetch_waiter w = {.hear = hear};
    memset(heard, 0, sizeof heard);
    told(2, 3, 1);
    list_push_back(&p.fetch_waiters, &w.node);
    partition_follow(&p, 6, 0);
    assert_int_equal(heard[FETCH_NEWS_COMMITTED], 1);
    partition_follow(&p, 6, 0);
    assert_int_equal(heard[FETCH_NEWS_COMMITTED], 1);
    told(2, 4, 2);
    assert_int_equal(heard[FETCH_NEWS_ROLE], 1);
    assert_false(list_is_linked(&w.node));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_epoch_begins_where_the_log_ends),
        CASE(what_is_older_is_not_taken_over),
        CASE(nothing_is_taken_over_in_the_middle_of_a_cut),
        CASE(requests_of_another_epoch_are_fenced),
        CASE(who_waits_is_told_when_leadership_goes),
        CASE(who_waits_is_bound_to_the_epoch),
        CASE(who_waits_goes_on_when_only_the_isr_changes),
        CASE(each_epoch_begins_without_knowledge_of_followers),
        CASE(only_who_is_in_sync_has_time_to_show_itself),
        CASE(a_wish_ends_with_the_epoch),
        CASE(consumers_read_what_is_committed_and_followers_what_is_written),
        CASE(a_follower_takes_the_watermark_as_far_as_it_has_records),
        CASE(who_reads_from_a_follower_hears_of_its_watermark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
