/* Elections, as the quorum's log has them: one has a cause, and says so when its leader may lack what was committed. */
#include "tests/unit/check/written.h"

#include "messages.h"

static const struct uuid topic_id = {{1, 2, 3}};

static void
broker(struct tale *s, int32_t id)
{
    struct k_register_broker_record r;
    codec_default(K_MSG_REGISTER_BROKER_RECORD, &r);
    r.broker_id = id;
    r.broker_epoch = 10 + id;
    r.incarnation_id.b[0] = (uint8_t)id;
    r.fenced = false;
    add_metadata(s, K_MSG_REGISTER_BROKER_RECORD, 1, &r);
}

/* Replicas 1, 2 and 3, led by 2; 1 has fallen out of the ISR. */
static void
begin(struct tale *s)
{
    static int32_t replicas[] = {1, 2, 3}, isr[] = {2, 3};
    tale_begin(s, S("k1"));
    for (int32_t id = 1; id <= 3; id++) broker(s, id);
    struct k_topic_record t;
    codec_default(K_MSG_TOPIC_RECORD, &t);
    t.name = S("orders");
    t.topic_id = topic_id;
    add_metadata(s, K_MSG_TOPIC_RECORD, 0, &t);
    struct k_partition_record p;
    codec_default(K_MSG_PARTITION_RECORD, &p);
    p.topic_id = topic_id;
    p.partition_id = 0;
    p.replicas = replicas, p.replicas_n = 3;
    p.isr = isr, p.isr_n = 2;
    p.leader = 2;
    p.leader_epoch = p.partition_epoch = 4;
    add_metadata(s, K_MSG_PARTITION_RECORD, 2, &p);
    tale_commit(s, METADATA);
}

static void
change(struct tale *s, int32_t leader, int32_t *isr, int32_t isr_n, int8_t recovery)
{
    struct k_partition_change_record r;
    codec_default(K_MSG_PARTITION_CHANGE_RECORD, &r);
    r.topic_id = topic_id;
    r.partition_id = 0;
    r.leader = leader;
    r.isr = isr, r.isr_n = isr_n;
    r.leader_recovery_state = recovery;
    add_metadata(s, K_MSG_PARTITION_CHANGE_RECORD, 2, &r);
}

static void
fence(struct tale *s, int32_t id)
{
    struct k_fence_broker_record r;
    codec_default(K_MSG_FENCE_BROKER_RECORD, &r);
    r.id = id;
    r.epoch = 10 + id;
    add_metadata(s, K_MSG_FENCE_BROKER_RECORD, 0, &r);
}

#define BEGIN \
    (void)state; \
    struct tale s; \
    begin(&s)

static void
a_leader_that_could_go_on_is_kept(void **state)
{
    BEGIN;
    int32_t isr[] = {2, 3};
    change(&s, 3, isr, 2, -1);
    tale_commit(&s, METADATA);
    assert_told(&s, RULE_DEPOSED, "k1: made 3 the leader in place of 2, which could have gone on");
}

static void
who_is_fenced_in_the_same_breath_leads_no_more(void **state)
{
    BEGIN;
    int32_t isr[] = {3};
    fence(&s, 2);
    change(&s, 3, isr, 1, -1);
    tale_commit(&s, METADATA);
    assert_silent(&s);
}

static void
who_is_out_of_sync_leads_no_more(void **state)
{
    BEGIN;
    int32_t isr[] = {3};
    change(&s, 3, isr, 1, -1);
    tale_commit(&s, METADATA);
    assert_silent(&s);
}

static void
the_first_replica_may_have_the_lead(void **state)
{
    BEGIN;
    int32_t isr[] = {1, 2, 3};
    change(&s, -2, isr, 3, -1);
    tale_commit(&s, METADATA);
    change(&s, 1, NULL, -1, -1);
    tale_commit(&s, METADATA);
    assert_silent(&s);
}

/* With permission, and saying so: but 3 is in sync and lives. */
static void
one_who_lives_and_has_all_is_not_passed_over(void **state)
{
    BEGIN;
    int32_t isr[] = {1};
    invariants_unclean_is(s.v, S("orders"), true);
    fence(&s, 2);
    change(&s, 1, isr, 1, 1);
    tale_commit(&s, METADATA);
    assert_told(
        &s, RULE_LEADER_ELIGIBLE,
        "k1: made 1 the leader, who may lack records, and passed over 3, who lives and has all");
}

static void
unclean(struct tale *s, int8_t recovery)
{
    int32_t isr[] = {1};
    invariants_unclean_is(s->v, S("orders"), true);
    fence(s, 2), fence(s, 3);
    change(s, 1, isr, 1, recovery);
    tale_commit(s, METADATA);
}

static void
who_may_lack_something_says_so(void **state)
{
    BEGIN;
    unclean(&s, 1);
    assert_silent(&s);
}

static void
who_may_lack_something_and_does_not_say_so(void **state)
{
    BEGIN;
    unclean(&s, -1);
    assert_told(
        &s, RULE_LEADER_ELIGIBLE,
        "k1: made 1 the leader from outside ISR and ELR, and does not say that it recovers");
}

enum { KEPT = -1 }; /* what a record leaves out */

/* 2 leads alone and 3 is eligible; then both are away, and 1 leads, who may lack something, and says so. */
static void
unclean_beside_one_who_was_eligible(struct tale *s, int32_t *elr, int32_t elr_n)
{
    int32_t alone[] = {2}, eligible[] = {3}, isr[] = {1};
    struct k_partition_change_record r;
    codec_default(K_MSG_PARTITION_CHANGE_RECORD, &r);
    r.topic_id = topic_id;
    r.partition_id = 0;
    r.leader = -2;
    r.isr = alone, r.isr_n = 1;
    r.eligible_leader_replicas = eligible, r.eligible_leader_replicas_n = 1;
    add_metadata(s, K_MSG_PARTITION_CHANGE_RECORD, 2, &r);
    tale_commit(s, METADATA);
    invariants_unclean_is(s->v, S("orders"), true);
    fence(s, 2), fence(s, 3);
    r.leader = 1;
    r.leader_recovery_state = 1;
    r.isr = isr;
    r.eligible_leader_replicas = elr, r.eligible_leader_replicas_n = elr_n;
    add_metadata(s, K_MSG_PARTITION_CHANGE_RECORD, 2, &r);
    tale_commit(s, METADATA);
}

static void
beside_who_may_lack_something_nobody_is_eligible(void **state)
{
    BEGIN;
    int32_t nobody[1];
    unclean_beside_one_who_was_eligible(&s, nobody, 0);
    assert_silent(&s);
}

static void
who_was_eligible_stays_so_beside_who_may_lack_something(void **state)
{
    BEGIN;
    unclean_beside_one_who_was_eligible(&s, NULL, KEPT);
    assert_told(&s, RULE_ISR_ELR,
                "k1: made 1 the leader from outside ISR and ELR, and kept an ELR");
}

static void
who_led_is_eligible_beside_who_may_lack_something(void **state)
{
    BEGIN;
    int32_t both[] = {2, 3};
    unclean_beside_one_who_was_eligible(&s, both, 2);
    assert_told(&s, RULE_ISR_ELR,
                "k1: made 1 the leader from outside ISR and ELR, and kept an ELR");
}

static void
terms_change(struct tale *s, int8_t of, struct slice resource, struct slice clears)
{
    struct k_config_record c;
    struct k_clear_elr_record r;
    codec_default(K_MSG_CONFIG_RECORD, &c);
    c.resource_type = of;
    c.resource_name = resource;
    c.name = S("min.insync.replicas");
    c.value = S("1");
    add_metadata(s, K_MSG_CONFIG_RECORD, 0, &c);
    codec_default(K_MSG_CLEAR_ELR_RECORD, &r);
    r.topic_name = clears;
    if (clears.p) add_metadata(s, K_MSG_CLEAR_ELR_RECORD, 0, &r);
    tale_commit(s, METADATA);
}

/* The third is out of sync, and eligible: min.insync.replicas is 2, and one is left. */
static void
one_is_eligible(struct tale *s)
{
    int32_t isr[] = {2}, elr[] = {3};
    struct k_partition_change_record r;
    codec_default(K_MSG_PARTITION_CHANGE_RECORD, &r);
    r.topic_id = topic_id;
    r.partition_id = 0;
    r.leader = -2;
    r.isr = isr, r.isr_n = 1;
    r.eligible_leader_replicas = elr, r.eligible_leader_replicas_n = 1;
    add_metadata(s, K_MSG_PARTITION_CHANGE_RECORD, 2, &r);
    tale_commit(s, METADATA);
}

enum { OF_TOPIC = 2, OF_BROKER = 4 };

static void
under_other_terms_nobody_is_eligible(void **state)
{
    BEGIN;
    one_is_eligible(&s);
    terms_change(&s, OF_TOPIC, S("others"), SLICE_NULL);
    terms_change(&s, OF_BROKER, S("2"), SLICE_NULL); /* of one broker: no topic goes by that */
    terms_change(&s, OF_TOPIC, S("orders"), S("orders"));
    one_is_eligible(&s);
    terms_change(&s, OF_BROKER, SLICE_EMPTY, SLICE_EMPTY);
    assert_silent(&s);
}

static void
who_was_eligible_under_other_terms_stays_so(void **state)
{
    BEGIN;
    one_is_eligible(&s);
    terms_change(&s, OF_TOPIC, S("orders"), SLICE_NULL);
    assert_told(&s, RULE_ISR_ELR,
                "k1: changed min.insync.replicas, and kept an ELR of 1 that began with 3");
}

static void
who_was_eligible_under_other_terms_of_the_cluster_stays_so(void **state)
{
    BEGIN;
    one_is_eligible(&s);
    terms_change(&s, OF_BROKER, SLICE_EMPTY, S("others"));
    assert_told(&s, RULE_ISR_ELR,
                "k1: changed min.insync.replicas, and kept an ELR of 1 that began with 3");
}

static void
new_partition(struct tale *s, int32_t first, int32_t second)
{
    int32_t replicas[] = {first, second};
    struct k_partition_record p;
    codec_default(K_MSG_PARTITION_RECORD, &p);
    p.topic_id = topic_id;
    p.partition_id = 1;
    p.replicas = p.isr = replicas, p.replicas_n = p.isr_n = 2;
    p.leader = first;
    p.leader_epoch = p.partition_epoch = 0;
    add_metadata(s, K_MSG_PARTITION_RECORD, 2, &p);
    tale_commit(s, METADATA);
}

static void
a_new_partition_has_two_brokers(void **state)
{
    BEGIN;
    new_partition(&s, 1, 1);
    assert_told(&s, RULE_ISR_ELR, "k1: gave broker 1 two of 2 replicas");
}

static void
who_is_fenced_is_not_in_sync_from_the_beginning(void **state)
{
    BEGIN;
    int32_t isr[] = {2};
    fence(&s, 3);
    change(&s, -2, isr, 1, -1);
    tale_commit(&s, METADATA);
    new_partition(&s, 1, 3);
    assert_told(&s, RULE_ISR_FENCED, "k1: put broker 3 into an ISR of 2, though it is fenced");
}

/* b2 is out of sync, says a leader that is none any more. */
static void
nobody_leads_without_a_cause(void **state)
{
    BEGIN;
    int32_t isr[] = {3};
    invariants_at_rest(s.v, 1);
    change(&s, 3, isr, 1, -1);
    tale_commit(&s, METADATA);
    assert_told(&s, RULE_RESTLESS, "k1: made 3 the leader of epoch 5, though nothing had happened");
}

static void
who_lags_may_leave_the_isr(void **state)
{
    BEGIN;
    int32_t isr[] = {2};
    invariants_at_rest(s.v, 1);
    change(&s, -2, isr, 1, -1);
    tale_commit(&s, METADATA);
    assert_silent(&s);
}

static void
nobody_is_fenced_without_a_cause(void **state)
{
    BEGIN;
    invariants_at_rest(s.v, 1);
    fence(&s, 1);
    tale_commit(&s, METADATA);
    assert_told(&s, RULE_RESTLESS, "k1: fenced broker 1, to which nothing had happened");
}

static void
nobody_is_elected_without_a_cause(void **state)
{
    BEGIN;
    invariants_at_rest(s.v, 1);
    say(&s, NOTE_RAFT_STATE, METADATA, WRITTEN_RAFT_LEADS, 2, 101, -1, 0);
    assert_told(&s, RULE_RESTLESS, "k1: leads the quorum in epoch 2, though nothing had happened");
}

struct heard_topics {
    int made, deleted;
    int64_t offset;
    bool has_id;
};

static void
hear_topic(void *ctx, const struct topic_told *t)
{
    struct heard_topics *h = ctx;
    h->made += t->is_made;
    h->deleted += !t->is_made;
    h->offset = t->offset;
    h->has_id = uuid_eq(t->id, topic_id) && slice_eq(t->name, S("orders"));
}

/* No note of a controller says so here. */
static void
who_wants_to_hears_of_topics_as_the_quorum_commits_them(void **state)
{
    BEGIN;
    struct heard_topics h = {0};
    struct k_remove_topic_record gone;
    codec_default(K_MSG_REMOVE_TOPIC_RECORD, &gone);
    gone.topic_id = topic_id;
    invariants_tell_topics(s.v, hear_topic, &h);
    add_metadata(&s, K_MSG_REMOVE_TOPIC_RECORD, 0, &gone);
    assert_int_equal(h.deleted, 0);
    tale_commit(&s, METADATA);
    assert_int_equal(h.deleted, 1);
    assert_int_equal(h.offset, 5);
    assert_true(h.has_id);
    struct k_topic_record t;
    codec_default(K_MSG_TOPIC_RECORD, &t);
    t.name = S("orders");
    t.topic_id.b[0] = 9;
    add_metadata(&s, K_MSG_TOPIC_RECORD, 0, &t);
    tale_commit(&s, METADATA);
    assert_int_equal(h.made, 1);
    assert_int_equal(h.offset, 6);
    assert_false(h.has_id);
    assert_silent(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_wants_to_hears_of_topics_as_the_quorum_commits_them),
        cmocka_unit_test(a_leader_that_could_go_on_is_kept),
        cmocka_unit_test(who_is_fenced_in_the_same_breath_leads_no_more),
        cmocka_unit_test(who_is_out_of_sync_leads_no_more),
        cmocka_unit_test(the_first_replica_may_have_the_lead),
        cmocka_unit_test(one_who_lives_and_has_all_is_not_passed_over),
        cmocka_unit_test(who_may_lack_something_says_so),
        cmocka_unit_test(who_may_lack_something_and_does_not_say_so),
        cmocka_unit_test(beside_who_may_lack_something_nobody_is_eligible),
        cmocka_unit_test(who_was_eligible_stays_so_beside_who_may_lack_something),
        cmocka_unit_test(who_led_is_eligible_beside_who_may_lack_something),
        cmocka_unit_test(under_other_terms_nobody_is_eligible),
        cmocka_unit_test(who_was_eligible_under_other_terms_stays_so),
        cmocka_unit_test(who_was_eligible_under_other_terms_of_the_cluster_stays_so),
        cmocka_unit_test(a_new_partition_has_two_brokers),
        cmocka_unit_test(who_is_fenced_is_not_in_sync_from_the_beginning),
        cmocka_unit_test(nobody_leads_without_a_cause),
        cmocka_unit_test(who_lags_may_leave_the_isr),
        cmocka_unit_test(nobody_is_fenced_without_a_cause),
        cmocka_unit_test(nobody_is_elected_without_a_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
