/* leader.c and partition.c, a partition by itself: answers that come late, replicas that come and go. */
#include "tests/lib/test.h"

#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "errors.h"

static struct env env;
static struct replicas owner;
static struct partition p;

static int
set_up(void **state)
{
    (void)state;
    struct env_params params = {.source = test_mem_source(), .memory_ceiling_bytes = 1 << 24};
    env_init(&env, &params);
    memset(&owner, 0, sizeof owner);
    memset(&p, 0, sizeof p);
    owner.env = &env;
    owner.node_id = 1;
    owner.stopping = true; /* nothing is sent */
    list_init(&owner.to_alter);
    p.owner = &owner;
    p.env = &env;
    p.role = PARTITION_LEADER;
    p.leader_id = 1;
    p.leader_epoch = 3;
    p.partition_epoch = 6;
    p.isr = (struct isr){.n = 1, .v = {1}};
    p.isr_wanted = (struct isr){.n = 2, .v = {1, 2}};
    p.isr_state = ISR_PENDING;
    list_init(&p.append_waiters);
    list_init(&p.fetch_waiters);
    list_init(&p.ready_waiters);
    list_init(&p.deletion_waiters);
    p.alter_sent = true;
    p.alter_leader_epoch = 3;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    env_release(&env);
    return 0;
}

static void
a_wish_that_waited_for_an_older_one_is_sent_after_its_answer(void **state)
{
    (void)state;
    p.alter_partition_epoch = 5; /* the controller changed the partition since */
    partition_isr_answered(&p, K_ERR_INVALID_UPDATE_VERSION, 0, 0, NULL, 0);
    assert_int_equal(p.isr_state, ISR_PENDING);
    assert_true(list_is_linked(&p.alter));
}

static void
a_wish_that_came_too_late_waits_for_the_metadata(void **state)
{
    (void)state;
    p.alter_partition_epoch = 6;
    partition_isr_answered(&p, K_ERR_INVALID_UPDATE_VERSION, 0, 0, NULL, 0);
    assert_int_equal(p.isr_state, ISR_PENDING);
    assert_false(list_is_linked(&p.alter));
}

static void
no_answer_means_asking_again(void **state)
{
    (void)state;
    p.alter_partition_epoch = 6;
    partition_isr_answered(&p, K_ERR_REQUEST_TIMED_OUT, 0, 0, NULL, 0);
    assert_int_equal(p.isr_state, ISR_PENDING);
    assert_true(list_is_linked(&p.alter));
}

struct waiter {
    struct append_waiter w;
    struct append_waiter *other; /* is taken away by the answer to this one */
    int32_t done;
};

static void
takes_the_other(struct append_waiter *w, int16_t err)
{
    struct waiter *me = CONTAINER_OF(w, struct waiter, w);
    assert_int_equal(err, 0);
    me->done++;
    if (!me->other) return;
    append_waiter_cancel(me->other);
    memset(me->other, 0xee, sizeof *me->other); /* as if it had been freed */
}

static void
an_answer_may_take_the_next_waiter_away(void **state)
{
    (void)state;
    struct topic_config config = {.min_insync_replicas = 1};
    struct waiter a = {.w = {.done = takes_the_other}}, b = {.w = {.done = takes_the_other}};
    p.config = &config;
    p.replicas = p.isr;
    p.isr_state = ISR_COMMITTED;
    a.other = &b.w;
    a.w.required = b.w.required = 5;
    partition_wait(&p, &a.w);
    partition_wait(&p, &b.w);
    p.log.settled_end = p.log.written_end = p.log.assigned_end = 5;
    partition_try_advance(&p);
    assert_int_equal(a.done, 1);
    assert_int_equal(b.done, 0);
    assert_true(list_is_empty(&p.append_waiters));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_wish_that_waited_for_an_older_one_is_sent_after_its_answer),
        CASE(a_wish_that_came_too_late_waits_for_the_metadata),
        CASE(no_answer_means_asking_again),
        CASE(an_answer_may_take_the_next_waiter_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
