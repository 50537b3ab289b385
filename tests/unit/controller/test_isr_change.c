#include "tests/unit/controller/fixture.h"

#include "broker/controller/isr_change.h"

/* t-0 on 1, 2, 3, led by 1; broker 4 holds nothing; 3 is fenced; 2 is at home. */
static int16_t
check(struct isr_request q, const struct isr_member *isr, int32_t n)
{
    q.isr = isr;
    q.isr_n = n;
    const struct image *im = controller_image(w.c);
    return isr_change_check(im, image_partition(im, S("t"), 0), &q);
}

static int64_t
epoch_of(int32_t id)
{
    return image_broker(controller_image(w.c), id)->epoch;
}

static struct isr_request
from_the_leader(void)
{
    const struct image_partition *p = image_partition(controller_image(w.c), S("t"), 0);
    return (struct isr_request){
        .broker_id = 1, .leader_epoch = p->leader_epoch, .partition_epoch = p->partition_epoch};
}

static void
what_the_leader_of_now_says_of_living_replicas_holds(void **state)
{
    (void)state;
    start_brokers(4);
    (void)create_t(S("1"), S("false"));
    struct isr_request q = from_the_leader();
    struct isr_member two[] = {{1, epoch_of(1)}, {2, epoch_of(2)}};
    struct isr_member untold[] = {{1, NO_BROKER_EPOCH}, {3, NO_BROKER_EPOCH}};
    assert_int_equal(check(q, two, 2), K_ERR_NONE);
    assert_int_equal(check(q, two, 1), K_ERR_NONE);
    assert_int_equal(check(q, untold, 2), K_ERR_NONE);
}

static void
epochs_must_be_those_of_now(void **state)
{
    (void)state;
    start_brokers(4);
    (void)create_t(S("1"), S("false"));
    lose(1, 4);
    struct isr_member isr[] = {{2, NO_BROKER_EPOCH}};
    struct isr_request q = from_the_leader();
    q.broker_id = 2;
    assert_int_equal(check(q, isr, 1), K_ERR_NONE);
    q.leader_epoch++;
    assert_int_equal(check(q, isr, 1), K_ERR_NOT_CONTROLLER);
    q.leader_epoch -= 2;
    assert_int_equal(check(q, isr, 1), K_ERR_FENCED_LEADER_EPOCH);
    q = from_the_leader();
    assert_int_equal(check(q, isr, 1), K_ERR_INVALID_REQUEST);
    q.broker_id = 2;
    q.partition_epoch++;
    assert_int_equal(check(q, isr, 1), K_ERR_NOT_CONTROLLER);
    q.partition_epoch -= 2;
    assert_int_equal(check(q, isr, 1), K_ERR_INVALID_UPDATE_VERSION);
}

static void
members_must_be_replicas_with_the_leader_among_them(void **state)
{
    (void)state;
    start_brokers(4);
    (void)create_t(S("1"), S("false"));
    struct isr_request q = from_the_leader();
    struct isr_member stranger[] = {{1, NO_BROKER_EPOCH}, {4, NO_BROKER_EPOCH}};
    struct isr_member twice[] = {{1, NO_BROKER_EPOCH}, {1, NO_BROKER_EPOCH}};
    struct isr_member headless[] = {{2, NO_BROKER_EPOCH}};
    assert_int_equal(check(q, stranger, 2), K_ERR_INVALID_REQUEST);
    assert_int_equal(check(q, twice, 2), K_ERR_INVALID_REQUEST);
    assert_int_equal(check(q, headless, 1), K_ERR_INVALID_REQUEST);
    assert_int_equal(check(q, headless, 0), K_ERR_INVALID_REQUEST);
    assert_int_equal(isr_change_check(controller_image(w.c), NULL, &q),
                     K_ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

static void
only_the_living_under_the_epoch_that_was_seen_are_eligible(void **state)
{
    (void)state;
    start_brokers(4);
    (void)create_t(S("1"), S("false"));
    struct isr_member restarted[] = {{1, epoch_of(1)}, {2, epoch_of(2) - 1}};
    assert_int_equal(check(from_the_leader(), restarted, 2), K_ERR_INELIGIBLE_REPLICA);
    lose(3, 4);
    struct isr_member fenced[] = {{1, epoch_of(1)}, {3, epoch_of(3)}};
    assert_int_equal(check(from_the_leader(), fenced, 2), K_ERR_INELIGIBLE_REPLICA);
    lose(2, 4);
    (void)register_as(2, 92, epoch_of(2));
    (void)beat(2);
    /* It leads another partition, so that it does not go at once. */
    int32_t ids[] = {2};
    struct k_create_topics_request_creatable_topic t = topic_named(S("u"), -1, -1);
    struct k_create_topics_request_creatable_replica_assignment a = {0, ids, 1};
    t.assignments = &a, t.assignments_n = 1;
    (void)create(&t, 1);
    (void)beat_with(2, w.log.n - 1, false, true);
    assert_true(image_broker(controller_image(w.c), 2)->in_controlled_shutdown);
    struct isr_member stopping[] = {{1, epoch_of(1)}, {2, epoch_of(2)}};
    assert_int_equal(check(from_the_leader(), stopping, 2), K_ERR_INELIGIBLE_REPLICA);
}

static void
a_leader_that_recovers_is_alone(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("true"));
    struct isr_member isr[] = {{1, NO_BROKER_EPOCH}, {2, NO_BROKER_EPOCH}};
    struct isr_request q = from_the_leader();
    q.recovery_state = RECOVERY_RECOVERING;
    assert_int_equal(check(q, isr, 2), K_ERR_INVALID_REQUEST);
    assert_int_equal(check(q, isr, 1), K_ERR_INVALID_REQUEST);
    q.recovery_state = 7;
    assert_int_equal(check(q, isr, 1), K_ERR_INVALID_REQUEST);
    lose(2, 3), lose(3, 3);
    (void)register_as(2, 92, epoch_of(2));
    (void)beat(2);
    lose(1, 3);
    assert_int_equal(p->leader, 2);
    q = from_the_leader();
    q.broker_id = 2;
    q.recovery_state = RECOVERY_RECOVERING;
    assert_int_equal(check(q, isr + 1, 1), K_ERR_NONE);
    q.recovery_state = RECOVERY_RECOVERED;
    assert_int_equal(check(q, isr + 1, 1), K_ERR_NONE);
}

int
main(void)
{
    fixture_use();
    const struct CMUnitTest tests[] = {
        TEST(what_the_leader_of_now_says_of_living_replicas_holds),
        TEST(epochs_must_be_those_of_now),
        TEST(members_must_be_replicas_with_the_leader_among_them),
        TEST(only_the_living_under_the_epoch_that_was_seen_are_eligible),
        TEST(a_leader_that_recovers_is_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
