/* quorum_state.c: Kafka's text, both versions, and everything that is not such a text. */
#include "tests/lib/test.h"

#include "broker/raft/quorum_state.h"

static const struct raft_voter voters[] = {{.id = 1}, {.id = 2}, {.id = 3}};

static void
version_1_is_written_as_kafka_writes_it(void **state)
{
    (void)state;
    uint8_t room[256];
    struct writer w = writer_fixed(room, sizeof(room));
    struct election e = {1, 1, {RAFT_NOBODY, UUID_ZERO}};
    quorum_state_print(&w, &e, 1, voters, 3);
    assert_slice(writer_slice(&w), "{\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":-1,"
                                   "\"votedDirectoryId\":\"AAAAAAAAAAAAAAAAAAAAAA\","
                                   "\"data_version\":1}");
}

static void
version_0_has_the_voters(void **state)
{
    (void)state;
    uint8_t room[256];
    struct writer w = writer_fixed(room, sizeof(room));
    struct election e = {7, RAFT_NOBODY, {2, UUID_ZERO}};
    quorum_state_print(&w, &e, 0, voters, 3);
    assert_slice(writer_slice(&w),
                 "{\"clusterId\":\"\",\"leaderId\":-1,\"leaderEpoch\":7,\"votedId\":2,"
                 "\"appliedOffset\":0,\"currentVoters\":[{\"voterId\":1},{\"voterId\":2},"
                 "{\"voterId\":3}],\"data_version\":0}");
}

static void
what_was_written_is_read(void **state)
{
    (void)state;
    struct election e = {9, RAFT_NOBODY, {3, {{1, 2, 3}}}}, back;
    for (int16_t version = 0; version <= 1; version++) {
        uint8_t room[256];
        struct writer w = writer_fixed(room, sizeof(room));
        quorum_state_print(&w, &e, version, voters, 3);
        assert_true(quorum_state_parse(writer_slice(&w), &back));
        assert_int_equal(back.epoch, 9);
        assert_int_equal(back.leader_id, RAFT_NOBODY);
        assert_int_equal(back.voted.id, 3);
        assert_int_equal(uuid_eq(back.voted.directory_id, e.voted.directory_id), version == 1);
    }
}

static void
order_and_blanks_and_strangers_do_not_matter(void **state)
{
    (void)state;
    struct election e;
    assert_true(quorum_state_parse(
        S(" { \"data_version\" : 1, \"x\": [1, {\"y\": null}, \"a\\\"b\"], \"leaderEpoch\": 12,\n"
          "\"votedId\": -1, \"leaderId\": 4 } \n"),
        &e));
    assert_int_equal(e.epoch, 12);
    assert_int_equal(e.leader_id, 4);
}

static void
a_bad_text_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{}",
        "{",
        "null",
        "{\"leaderEpoch\":1}",
        "{\"data_version\":1}",
        "{\"leaderEpoch\":1,\"data_version\":2}",
        "{\"leaderEpoch\":-1,\"data_version\":1}",
        "{\"leaderEpoch\":4294967296,\"data_version\":1}",
        "{\"leaderEpoch\":1,\"data_version\":1",
        "{\"leaderEpoch\":1,\"data_version\":1}}",
        "{\"leaderEpoch\":1,,\"data_version\":1}",
        "{\"leaderEpoch\":1.5,\"data_version\":1}",
        "{\"leaderEpoch\":1,\"data_version\":1,\"votedDirectoryId\":\"short\"}",
        "{\"leaderEpoch\":1,\"data_version\":1,\"x\":[[[[[[[[[[[[]]]]]]]]]]]]}",
        "{\"leaderEpoch\":1,\"data_version\":1,\"x\":\"a\\",
    };
    struct election e = {42, 42, {42, UUID_ZERO}};
    for (int i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(quorum_state_parse(slice_cstr(bad[i]), &e));
        assert_int_equal(e.epoch, 42);
    }
}

static void
a_text_cut_anywhere_is_refused(void **state)
{
    (void)state;
    uint8_t room[256];
    struct writer w = writer_fixed(room, sizeof(room));
    struct election e = {9, 1, {3, {{1, 2, 3}}}}, back;
    quorum_state_print(&w, &e, 1, voters, 3);
    for (int64_t n = 0; n < w.n; n++)
        assert_false(quorum_state_parse(slice_sub(writer_slice(&w), 0, n), &back));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_is_written_as_kafka_writes_it),
        cmocka_unit_test(version_0_has_the_voters),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(order_and_blanks_and_strangers_do_not_matter),
        cmocka_unit_test(a_bad_text_is_refused),
        cmocka_unit_test(a_text_cut_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
