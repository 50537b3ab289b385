/* What administrators outside were told, and whether it was kept. */
#include "tests/unit/sim/guests_fixture.h"

static void
settings_of_topics_are_heard(void **state)
{
    (void)state;
    struct scene s;
    struct k_create_topics_request q;
    struct k_create_topics_request_creatable_topic t;
    struct k_create_topics_request_creatable_topic_config c = {S("min.insync.replicas"), S("1")};
    send_all(&s);
    codec_default(K_MSG_CREATE_TOPICS_REQUEST, &q);
    memset(&t, 0, sizeof t);
    q.topics = &t, q.topics_n = 1;
    t.name = TOPIC, t.configs = &c, t.configs_n = 1;
    (void)ask(&s, 4, "admin", K_API_CREATE_TOPICS, 5, &q);
    q.validate_only = true;
    (void)ask(&s, 4, "admin", K_API_CREATE_TOPICS, 5, &q);
    assert_string_equal(s.set, "orders min.insync.replicas=1;");
    judge(&s, plain_log, PLAIN_N, -2);
    assert_fired(&s, "");
}

/* Asks for the topic with a setting, and is told so; error: or why not. */
static void
creates(struct scene *s, int16_t error)
{
    struct k_create_topics_request q;
    struct k_create_topics_request_creatable_topic t;
    struct k_create_topics_request_creatable_topic_config c = {S("retention.ms"), S("7")};
    struct k_create_topics_response r;
    codec_default(K_MSG_CREATE_TOPICS_REQUEST, &q);
    codec_default(K_MSG_CREATE_TOPICS_RESPONSE, &r);
    memset(&t, 0, sizeof t);
    q.topics = &t, q.topics_n = 1;
    t.name = S("made"), t.num_partitions = 3, t.configs = &c, t.configs_n = 1;
    struct k_create_topics_response_creatable_topic_result *told =
        codec_array(&s->a, K_STRUCT_CREATE_TOPICS_RESPONSE_CREATABLE_TOPIC_RESULT, 1);
    told->name = S("made"), told->error_code = error;
    r.topics = told, r.topics_n = 1;
    answer(s, 4, ask(s, 4, "admin", K_API_CREATE_TOPICS, 5, &q), K_API_CREATE_TOPICS, 5, &r);
}

static void
deletes(struct scene *s)
{
    struct k_delete_topics_request q;
    struct k_delete_topics_response r;
    struct k_delete_topics_response_deletable_topic_result told = {.name = S("made")};
    struct slice name = S("made");
    codec_default(K_MSG_DELETE_TOPICS_REQUEST, &q);
    codec_default(K_MSG_DELETE_TOPICS_RESPONSE, &r);
    q.topic_names = &name, q.topic_names_n = 1;
    r.responses = &told, r.responses_n = 1;
    answer(s, 4, ask(s, 4, "admin", K_API_DELETE_TOPICS, 5, &q), K_API_DELETE_TOPICS, 5, &r);
}

static const struct kept_word ledger[] = {
    {.kind = PROMISED_TOPIC, .name = {(const uint8_t *)"made", 4}},
    {.kind = PROMISED_SETTING,
     .resource = 2,
     .name = {(const uint8_t *)"made", 4},
     .key = {(const uint8_t *)"retention.ms", 12},
     .value = {(const uint8_t *)"7", 1}},
    {.kind = PROMISED_PARTITIONS, .name = {(const uint8_t *)"made", 4}, .n = 3},
    {.kind = PROMISED_REMOVAL, .name = {(const uint8_t *)"made", 4}},
};

static void
what_administrators_were_told_is_in_the_ledger(void **state)
{
    (void)state;
    /* What is missing of it: nothing, or one; and then, that nobody was told. */
    for (int missing = -1; missing < 5; missing++) {
        struct scene s;
        send_all(&s);
        creates(&s, missing == 4 ? K_ERR_NOT_CONTROLLER : 0);
        if (missing != 4) deletes(&s);
        judge(&s, plain_log, PLAIN_N, -2);
        guests_kept_begin(s.g);
        for (int i = 0; i < 4; i++)
            if (i != missing && missing != 4) guests_kept(s.g, &ledger[i]);
        check_result_release(&s.r);
        guests_check(s.g, &(struct check_facts){0}, &s.r);
        assert_fired(&s, missing >= 0 && missing < 4 ? "undone" : "");
    }
}

/* Made, deleted and made again: twice in the ledger. */
static void
each_time_that_a_topic_was_made_counts(void **state)
{
    (void)state;
    for (int n = 1; n <= 2; n++) {
        struct scene s;
        send_all(&s);
        creates(&s, 0), deletes(&s), creates(&s, 0);
        judge(&s, plain_log, PLAIN_N, -2);
        guests_kept_begin(s.g);
        for (int i = 0; i < 4; i++) guests_kept(s.g, &ledger[i]);
        if (n == 2) guests_kept(s.g, &ledger[0]);
        check_result_release(&s.r);
        guests_check(s.g, &(struct check_facts){0}, &s.r);
        assert_fired(&s, n == 2 ? "" : "undone");
    }
}

static void
records_that_were_deleted_do_not_come_back(void **state)
{
    (void)state;
    for (int64_t begins = 0; begins <= 4; begins += 4) {
        struct scene s;
        const int64_t low = 4;
        struct k_delete_records_request q;
        struct k_delete_records_response r;
        struct k_delete_records_request_delete_records_partition p = {.offset = low};
        struct k_delete_records_request_delete_records_topic t = {
            .name = TOPIC, .partitions = &p, .partitions_n = 1};
        struct k_delete_records_response_delete_records_partition_result rp = {.low_watermark =
                                                                                   low};
        struct k_delete_records_response_delete_records_topic_result rt = {
            .name = TOPIC, .partitions = &rp, .partitions_n = 1};
        struct chronicle happened;
        struct happening placed = happening_new(HAPPENED_PLACED, 0);
        int64_t removed = low;
        struct check_topic topic = {.removed_to = &removed, .removed_n = 1};
        struct check_facts f = {.topics = &topic, .topics_n = 1, .chronicle = &happened};
        send_all(&s);
        chronicle_init(&happened, &s.mem);
        placed.topic = TOPIC, placed.partition = 0, placed.leader = BROKER;
        placed.in_sync = (struct chronicle_ids){1, {BROKER}};
        chronicle_add(&happened, &placed);
        codec_default(K_MSG_DELETE_RECORDS_REQUEST, &q);
        codec_default(K_MSG_DELETE_RECORDS_RESPONSE, &r);
        q.topics = &t, q.topics_n = 1;
        r.topics = &rt, r.topics_n = 1;
        answer(&s, 4, ask(&s, 4, "admin", K_API_DELETE_RECORDS, 2, &q), K_API_DELETE_RECORDS, 2,
               &r);
        (void)guests_history(s.g);
        guests_log_begin(s.g, TOPIC, 0, begins);
        for (int32_t i = 0; i < PLAIN_N; i++) guests_log_batch(s.g, batch_bytes(&s, &plain_log[i]));
        guests_log_end(s.g);
        guests_check(s.g, &f, &s.r);
        chronicle_release(&happened);
        assert_fired(&s, begins == 0 ? "undeleted" : "");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_of_topics_are_heard),
        cmocka_unit_test(what_administrators_were_told_is_in_the_ledger),
        cmocka_unit_test(each_time_that_a_topic_was_made_counts),
        cmocka_unit_test(records_that_were_deleted_do_not_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
