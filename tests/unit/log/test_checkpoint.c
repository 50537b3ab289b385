#include "tests/lib/test.h"

#include "broker/log/checkpoint.h"

static void
count(void *ctx, const struct checkpoint_entry *e)
{
    int64_t *sum = ctx;
    *sum += e->offset + e->partition * 1000 + e->topic.n * 1000000;
}

static void
lines_are_read(void **state)
{
    (void)state;
    int64_t sum = 0;
    assert_true(checkpoint_parse(S("0\n2\norders 0 42\nab 7 1\n"), count, &sum));
    assert_int_equal(sum, 6000042 + 2007001);
    assert_true(checkpoint_parse(S(""), count, &sum));
    assert_true(checkpoint_parse(S("0\n0\n"), count, &sum));
}

static void
a_damaged_file_gives_nothing_at_all(void **state)
{
    (void)state;
    static const char *const bad[] = {"1\n0\n",        "0\n",
                                      "0\n2\na 0 1\n", "0\n1\na 0\n",
                                      "0\n1\na x 1\n", "0\n2\na 0 1\nb 0 -5\n",
                                      "0\n1\n 0 1\n",  "0\n1\na 0 1\nb 0 1\n"};
    for (int i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t sum = 0;
        assert_false(checkpoint_parse(slice_cstr(bad[i]), count, &sum));
        assert_int_equal(sum, 0);
    }
}

static void
entries_are_printed_as_kafka_does(void **state)
{
    (void)state;
    uint8_t room[100];
    struct writer w = writer_fixed(room, sizeof room);
    checkpoint_print_head(&w, 1);
    checkpoint_print_entry(&w, &(struct checkpoint_entry){S("orders"), 3, 17});
    assert_slice(writer_slice(&w), "0\n1\norders 3 17\n");
}

static void
a_topic_id_goes_round(void **state)
{
    (void)state;
    uint8_t room[100];
    struct writer w = writer_fixed(room, sizeof room);
    struct uuid id = {{1, 2, 3}}, back;
    partition_metadata_print(&w, id);
    assert_true(partition_metadata_parse(writer_slice(&w), &back));
    assert_true(uuid_eq(id, back));
    assert_false(
        partition_metadata_parse(S("version: 1\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ"), &back));
    assert_false(partition_metadata_parse(S("version: 0\n"), &back));
    assert_false(partition_metadata_parse(S("version: 0\ntopic_id: AAAA"), &back));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read),
        cmocka_unit_test(a_damaged_file_gives_nothing_at_all),
        cmocka_unit_test(entries_are_printed_as_kafka_does),
        cmocka_unit_test(a_topic_id_goes_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
