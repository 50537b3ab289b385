#include "tests/unit/controller/fixture.h"

static int64_t
epoch_of(int32_t id)
{
    return image_broker(controller_image(w.c), id)->epoch;
}

/* ---- AlterPartition ---------------------------------------------------------------------------- */

struct alteration {
    struct k_alter_partition_request r;
    struct k_alter_partition_request_topic_data topic;
    struct k_alter_partition_request_partition_data partition;
    struct k_alter_partition_request_broker_state members[4];
};

/* From the leader as it is now. */
static struct alteration *
alteration_of(const struct image_partition *p, const int32_t *isr, int32_t n)
{
    struct alteration *a = arena_alloc(&w.arena, (int64_t)sizeof *a);
    codec_default(K_MSG_ALTER_PARTITION_REQUEST, &a->r);
    codec_default_struct(K_STRUCT_ALTER_PARTITION_REQUEST_PARTITION_DATA, &a->partition);
    a->r.broker_id = p->leader;
    a->r.broker_epoch = epoch_of(p->leader);
    a->r.topics = &a->topic, a->r.topics_n = 1;
    a->topic = (struct k_alter_partition_request_topic_data){p->topic->id, &a->partition, 1};
    a->partition.partition_index = p->index;
    a->partition.leader_epoch = p->leader_epoch;
    a->partition.partition_epoch = p->partition_epoch;
    a->partition.new_isr_with_epochs = a->members;
    a->partition.new_isr_with_epochs_n = n;
    for (int32_t i = 0; i < n; i++)
        a->members[i] = (struct k_alter_partition_request_broker_state){isr[i], epoch_of(isr[i])};
    return a;
}

static const struct k_alter_partition_response *
send(struct alteration *a)
{
    return answer_to(K_API_ALTER_PARTITION, 3, &a->r);
}

static void
the_isr_becomes_what_the_leader_says(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    const struct k_alter_partition_response *r = send(alteration_of(p, (int32_t[]){1, 3}, 2));
    const struct k_alter_partition_response_partition_data *got = &r->topics[0].partitions[0];
    assert_int_equal(r->error_code, K_ERR_NONE);
    assert_int_equal(got->error_code, K_ERR_NONE);
    assert_int_equal(got->leader_id, 1);
    assert_int_equal(got->leader_epoch, 0);
    assert_int_equal(got->partition_epoch, 1);
    assert_int_equal(got->isr_n, 2);
    assert_ids(p->isr, 1, 3);
    assert_int_equal(p->partition_epoch, 1);
    assert_int_equal(p->leader_epoch, 0);
}

/* Asked twice, refused once: what of the first request comes late finds another state. */
static void
what_was_refused_for_a_fenced_replica_is_not_granted_later(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    lose(3, 3);
    assert_int_equal(p->isr.n, 2);
    struct alteration *late = alteration_of(p, (int32_t[]){1, 2, 3}, 3);
    const struct k_alter_partition_response *r = send(late);
    assert_int_equal(r->topics[0].partitions[0].error_code, K_ERR_INELIGIBLE_REPLICA);
    (void)beat(3);
    r = send(late);
    assert_int_equal(r->topics[0].partitions[0].error_code, K_ERR_INVALID_UPDATE_VERSION);
    assert_int_equal(p->isr.n, 2);
    /* One that was started again since cannot be meant: nothing needs to be ended. */
    late = alteration_of(p, (int32_t[]){1, 2, 3}, 3);
    late->members[2].broker_epoch--;
    int64_t end = w.log.n;
    r = send(late);
    assert_int_equal(r->topics[0].partitions[0].error_code, K_ERR_INELIGIBLE_REPLICA);
    assert_int_equal(w.log.n, end);
}

static void
what_is_so_already_is_not_written(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    int64_t end = w.log.n;
    const struct k_alter_partition_response *r = send(alteration_of(p, (int32_t[]){1, 2, 3}, 3));
    assert_int_equal(r->topics[0].partitions[0].error_code, K_ERR_NONE);
    assert_int_equal(r->topics[0].partitions[0].partition_epoch, 0);
    assert_int_equal(w.log.n, end);
}

static void
a_shrink_below_the_minimum_makes_an_elr_and_growth_ends_it(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("2"), S("false"));
    (void)send(alteration_of(p, (int32_t[]){1, 3}, 2));
    assert_ids(p->isr, 1, 3);
    assert_no_ids(p->elr);
    (void)send(alteration_of(p, (int32_t[]){1}, 1));
    assert_ids(p->isr, 1);
    assert_ids(p->elr, 3);
    (void)send(alteration_of(p, (int32_t[]){1, 2}, 2));
    assert_ids(p->isr, 1, 2);
    assert_no_ids(p->elr);
}

static void
version_2_comes_without_broker_epochs(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    struct alteration *a = alteration_of(p, (int32_t[]){1}, 1);
    int32_t isr[] = {1, 2};
    a->partition.new_isr_with_epochs_n = 0;
    a->partition.new_isr = isr, a->partition.new_isr_n = 2;
    const struct k_alter_partition_response *r = answer_to(K_API_ALTER_PARTITION, 2, &a->r);
    assert_int_equal(r->topics[0].partitions[0].error_code, K_ERR_NONE);
    assert_ids(p->isr, 1, 2);
}

static void
a_leader_of_another_broker_epoch_is_refused_as_a_whole(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    struct alteration *a = alteration_of(p, (int32_t[]){1}, 1);
    a->r.broker_epoch--;
    const struct k_alter_partition_response *r = send(a);
    assert_int_equal(r->error_code, K_ERR_STALE_BROKER_EPOCH);
    assert_int_equal(r->topics_n, 0);
    assert_ids(p->isr, 1, 2, 3);
}

static void
each_partition_has_its_own_error(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    struct alteration *a = alteration_of(p, (int32_t[]){1}, 1);
    a->partition.partition_index = 5;
    assert_int_equal(send(a)->topics[0].partitions[0].error_code, K_ERR_UNKNOWN_TOPIC_OR_PARTITION);
    a->partition.partition_index = 0;
    a->topic.topic_id = (struct uuid){{9}};
    assert_int_equal(send(a)->topics[0].partitions[0].error_code, K_ERR_UNKNOWN_TOPIC_ID);
    a->topic.topic_id = p->topic->id;
    a->partition.leader_epoch = 3;
    const struct k_alter_partition_response *r = send(a);
    assert_int_equal(r->error_code, K_ERR_NONE);
    assert_int_equal(r->topics[0].partitions[0].error_code, K_ERR_NOT_CONTROLLER);
    assert_ids(p->isr, 1, 2, 3);
}

static void
a_request_that_comes_twice_is_refused_the_second_time(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    struct alteration *a = alteration_of(p, (int32_t[]){1}, 1);
    struct reply *first = ask(K_API_ALTER_PARTITION, 3, &a->r);
    struct reply *second = ask(K_API_ALTER_PARTITION, 3, &a->r);
    assert_int_equal(first->count + second->count, 0);
    commit();
    const struct k_alter_partition_response *r = second->response;
    assert_int_equal(r->topics[0].partitions[0].error_code, K_ERR_INVALID_UPDATE_VERSION);
}

static void
a_recovered_leader_says_so(void **state)
{
    (void)state;
    start_brokers(2);
    int32_t ids[] = {1, 2};
    struct k_create_topics_request_creatable_topic t = topic_named(S("t"), -1, -1);
    struct k_create_topics_request_creatable_replica_assignment as = {0, ids, 2};
    struct k_create_topics_request_creatable_topic_config config = {
        S("unclean.leader.election.enable"), S("true")};
    t.assignments = &as, t.assignments_n = 1;
    t.configs = &config, t.configs_n = 1;
    (void)create(&t, 1);
    const struct image_partition *p = image_partition(controller_image(w.c), S("t"), 0);
    lose(2, 2);
    (void)register_as(2, 92, epoch_of(2));
    (void)beat(2);
    lose(1, 2);
    assert_int_equal(p->leader, 2);
    assert_int_equal(p->recovery_state, RECOVERY_RECOVERING);
    struct alteration *a = alteration_of(p, (int32_t[]){2}, 1);
    a->partition.leader_recovery_state = RECOVERY_RECOVERED;
    assert_int_equal(send(a)->topics[0].partitions[0].error_code, K_ERR_NONE);
    assert_int_equal(p->recovery_state, RECOVERY_RECOVERED);
}

/* ---- ElectLeaders ------------------------------------------------------------------------------ */

static const struct k_elect_leaders_response *
elect(int8_t type, struct slice topic, int32_t index)
{
    struct k_elect_leaders_request r;
    struct k_elect_leaders_request_topic_partitions t = {topic, &index, 1};
    codec_default(K_MSG_ELECT_LEADERS_REQUEST, &r);
    r.election_type = type;
    r.topic_partitions = &t, r.topic_partitions_n = topic.p ? 1 : -1;
    return answer_to(K_API_ELECT_LEADERS, 2, &r);
}

static int16_t
error_of(const struct k_elect_leaders_response *r)
{
    assert_int_equal(r->replica_election_results_n, 1);
    return r->replica_election_results[0].partition_result[0].error_code;
}

static void
the_preferred_leader_returns_when_asked_for(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    assert_int_equal(error_of(elect(0, S("t"), 0)), K_ERR_ELECTION_NOT_NEEDED);
    int64_t epoch = epoch_of(1);
    lose(1, 3);
    assert_int_equal(error_of(elect(0, S("t"), 0)), K_ERR_PREFERRED_LEADER_NOT_AVAILABLE);
    (void)register_as(1, 91, epoch);
    (void)beat(1);
    assert_int_equal(error_of(elect(0, S("t"), 0)), K_ERR_PREFERRED_LEADER_NOT_AVAILABLE);
    (void)send(alteration_of(p, (int32_t[]){2, 3, 1}, 3));
    assert_int_equal(p->leader, 2);
    const struct k_elect_leaders_response *r = elect(0, SLICE_NULL, 0);
    assert_int_equal(error_of(r), K_ERR_NONE);
    assert_slice(r->replica_election_results[0].topic, "t");
    assert_int_equal(p->leader, 1);
    assert_ids(p->isr, 2, 3, 1);
    r = elect(0, SLICE_NULL, 0);
    assert_int_equal(r->replica_election_results_n, 1);
    assert_int_equal(r->replica_election_results[0].partition_result_n, 0);
}

static void
an_unclean_election_can_be_asked_for(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    assert_int_equal(error_of(elect(1, S("t"), 0)), K_ERR_ELECTION_NOT_NEEDED);
    int64_t epoch = epoch_of(3);
    lose(3, 3), lose(2, 3), lose(1, 3);
    assert_int_equal(error_of(elect(1, S("t"), 0)), K_ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE);
    (void)register_as(3, 93, epoch);
    (void)beat(3);
    assert_int_equal(p->leader, NO_LEADER);
    assert_int_equal(error_of(elect(1, S("t"), 0)), K_ERR_NONE);
    assert_int_equal(p->leader, 3);
    assert_ids(p->isr, 3);
    assert_no_ids(p->elr);
    assert_int_equal(p->recovery_state, RECOVERY_RECOVERING);
}

static void
elections_of_what_is_not_there_are_errors(void **state)
{
    (void)state;
    start_brokers(3);
    (void)create_t(S("1"), S("false"));
    assert_int_equal(error_of(elect(0, S("u"), 0)), K_ERR_UNKNOWN_TOPIC_OR_PARTITION);
    const struct k_elect_leaders_response *r = elect(0, S("t"), 4);
    assert_int_equal(error_of(r), K_ERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_slice(r->replica_election_results[0].partition_result[0].error_message,
                 "No such partition as t-4");
    assert_int_equal(elect(7, S("t"), 0)->error_code, K_ERR_INVALID_REQUEST);
}

/* ---- the rest ---------------------------------------------------------------------------------- */

static void
directories_are_taken_as_said(void **state)
{
    (void)state;
    start_brokers(1);
    struct k_assign_replicas_to_dirs_request r;
    codec_default(K_MSG_ASSIGN_REPLICAS_TO_DIRS_REQUEST, &r);
    struct k_assign_replicas_to_dirs_request_partition_data p = {4};
    struct k_assign_replicas_to_dirs_request_topic_data t = {{{8}}, &p, 1};
    struct k_assign_replicas_to_dirs_request_directory_data d = {{{7}}, &t, 1};
    r.broker_id = 1;
    r.broker_epoch = epoch_of(1);
    r.directories = &d, r.directories_n = 1;
    const struct k_assign_replicas_to_dirs_response *resp =
        answer_to(K_API_ASSIGN_REPLICAS_TO_DIRS, 0, &r);
    assert_int_equal(resp->error_code, K_ERR_NONE);
    assert_int_equal(resp->directories[0].topics[0].partitions[0].partition_index, 4);
    r.broker_epoch++;
    resp = answer_to(K_API_ASSIGN_REPLICAS_TO_DIRS, 0, &r);
    assert_int_equal(resp->error_code, K_ERR_STALE_BROKER_EPOCH);
}

static void
no_reassignment_is_under_way(void **state)
{
    (void)state;
    start_brokers(3);
    (void)create_t(S("1"), S("false"));
    struct k_list_partition_reassignments_request l;
    codec_default(K_MSG_LIST_PARTITION_REASSIGNMENTS_REQUEST, &l);
    const struct k_list_partition_reassignments_response *none =
        answer_to(K_API_LIST_PARTITION_REASSIGNMENTS, 0, &l);
    assert_int_equal(none->topics_n, 0);
    struct k_alter_partition_reassignments_request r;
    codec_default(K_MSG_ALTER_PARTITION_REASSIGNMENTS_REQUEST, &r);
    int32_t ids[] = {3, 2}; /* that would be a move */
    struct k_alter_partition_reassignments_request_reassignable_partition p[] = {
        {0, ids, 2}, {0, NULL, -1}, {9, ids, 2}};
    struct k_alter_partition_reassignments_request_reassignable_topic t = {S("t"), p, 3};
    r.topics = &t, r.topics_n = 1;
    const struct k_alter_partition_reassignments_response *resp =
        answer_to(K_API_ALTER_PARTITION_REASSIGNMENTS, 1, &r);
    assert_int_equal(resp->responses[0].partitions[0].error_code, K_ERR_INVALID_REQUEST);
    assert_int_equal(resp->responses[0].partitions[1].error_code,
                     K_ERR_NO_REASSIGNMENT_IN_PROGRESS);
    assert_int_equal(resp->responses[0].partitions[2].error_code, K_ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

/* KIP-455 with nothing to move: who is preferred changes, who leads does not. */
static void
replicas_are_put_into_another_order_at_once(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    struct k_alter_partition_reassignments_request r;
    codec_default(K_MSG_ALTER_PARTITION_REASSIGNMENTS_REQUEST, &r);
    int32_t ids[] = {3, 2, 1}, twice[] = {3, 3, 1}, few[] = {3, 2};
    struct k_alter_partition_reassignments_request_reassignable_partition v[] = {
        {0, twice, 3}, {0, few, 2}, {0, ids, 3}};
    struct k_alter_partition_reassignments_request_reassignable_topic t = {S("t"), v, 3};
    r.topics = &t, r.topics_n = 1;
    const struct k_alter_partition_reassignments_response *resp =
        answer_to(K_API_ALTER_PARTITION_REASSIGNMENTS, 1, &r);
    assert_int_equal(resp->responses[0].partitions[0].error_code, K_ERR_INVALID_REPLICA_ASSIGNMENT);
    assert_int_equal(resp->responses[0].partitions[1].error_code, K_ERR_INVALID_REQUEST);
    assert_int_equal(resp->responses[0].partitions[2].error_code, K_ERR_NONE);
    assert_int_equal(p->replicas.n, 3);
    for (int i = 0; i < 3; i++) assert_int_equal(p->replicas.v[i], ids[i]);
    assert_int_equal(p->leader, 1);
    assert_int_equal(p->leader_epoch, 0);
    assert_int_equal(p->partition_epoch, 1);
    assert_int_equal(p->isr.n, 3);
    for (int i = 0; p->directories && i < 3; i++)
        assert_memory_equal(&p->directories[i],
                            &image_broker(controller_image(w.c), ids[i])->log_dirs[0],
                            sizeof(struct uuid));
}

/* Tools ask for it when a plan leaves a partition alone. */
static void
a_partition_may_be_reassigned_to_where_it_is(void **state)
{
    (void)state;
    start_brokers(3);
    (void)create_t(S("1"), S("false"));
    const struct image_partition *now = image_partition(controller_image(w.c), S("t"), 0);
    assert_int_equal(now->replicas.n, 3);
    int32_t same[3], twice[] = {1, 2, 1}, stranger[] = {9};
    memcpy(same, now->replicas.v, sizeof same);
    struct k_alter_partition_reassignments_request r;
    codec_default(K_MSG_ALTER_PARTITION_REASSIGNMENTS_REQUEST, &r);
    struct k_alter_partition_reassignments_request_reassignable_partition p[] = {
        {0, same, 3}, {0, twice, 3}, {0, stranger, 1}, {0, same, 0}, {0, same, 2}};
    static const int16_t errors[] = {K_ERR_NONE, K_ERR_INVALID_REPLICA_ASSIGNMENT,
                                     K_ERR_INVALID_REPLICA_ASSIGNMENT,
                                     K_ERR_INVALID_REPLICA_ASSIGNMENT, K_ERR_INVALID_REQUEST};
    struct k_alter_partition_reassignments_request_reassignable_topic t = {S("t"), p, ARRAY_LEN(p)};
    r.topics = &t, r.topics_n = 1;
    const struct k_alter_partition_reassignments_response *resp =
        answer_to(K_API_ALTER_PARTITION_REASSIGNMENTS, 1, &r);
    for (int i = 0; i < ARRAY_LEN(errors); i++) {
        assert_int_equal(resp->responses[0].partitions[i].error_code, errors[i]);
        assert_int_equal(resp->responses[0].partitions[i].error_message.p != NULL, errors[i] != 0);
    }
}

int
main(void)
{
    fixture_use();
    const struct CMUnitTest tests[] = {
        TEST(the_isr_becomes_what_the_leader_says),
        TEST(what_was_refused_for_a_fenced_replica_is_not_granted_later),
        TEST(what_is_so_already_is_not_written),
        TEST(a_shrink_below_the_minimum_makes_an_elr_and_growth_ends_it),
        TEST(version_2_comes_without_broker_epochs),
        TEST(a_leader_of_another_broker_epoch_is_refused_as_a_whole),
        TEST(each_partition_has_its_own_error),
        TEST(a_request_that_comes_twice_is_refused_the_second_time),
        TEST(a_recovered_leader_says_so),
        TEST(the_preferred_leader_returns_when_asked_for),
        TEST(an_unclean_election_can_be_asked_for),
        TEST(elections_of_what_is_not_there_are_errors),
        TEST(directories_are_taken_as_said),
        TEST(no_reassignment_is_under_way),
        TEST(replicas_are_put_into_another_order_at_once),
        TEST(a_partition_may_be_reassigned_to_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
