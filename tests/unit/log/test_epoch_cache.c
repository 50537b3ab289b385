#include <stdio.h>

#include "tests/lib/test.h"

#include "broker/log/epoch_cache.h"

static void
epochs_end_where_the_next_begins(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct epoch_cache c = {0};
    assert_int_equal(epoch_cache_end_offset(&c, 0, 5).epoch, -1);
    assert_true(epoch_cache_assign(&c, &mem, 0, 0)); /* epoch 0 counts, too */
    assert_true(epoch_cache_assign(&c, &mem, 2, 10));
    assert_true(epoch_cache_assign(&c, &mem, 5, 20));
    assert_false(epoch_cache_assign(&c, &mem, 5, 25));
    assert_false(epoch_cache_assign(&c, &mem, 4, 30));
    static const struct {
        int32_t asked, epoch;
        int64_t end;
    } cases[] = {{0, 0, 10}, {1, 0, 10},  {2, 2, 20},  {4, 2, 20},
                 {5, 5, 33}, {6, -1, -1}, {-1, -1, -1}};
    for (int i = 0; i < ARRAY_LEN(cases); i++) {
        struct epoch_end e = epoch_cache_end_offset(&c, cases[i].asked, 33);
        assert_int_equal(e.epoch, cases[i].epoch);
        assert_int_equal(e.end_offset, cases[i].end);
    }
    assert_int_equal(epoch_cache_at(&c, 9), 0);
    assert_int_equal(epoch_cache_at(&c, 10), 2);
    assert_int_equal(epoch_cache_at(&c, 99), 5);
    epoch_cache_release(&c, &mem);
    mem_release(&mem);
}

static void
an_epoch_below_the_first_ends_at_the_first_entry(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct epoch_cache c = {0};
    epoch_cache_assign(&c, &mem, 4, 10);
    epoch_cache_assign(&c, &mem, 6, 20);
    struct epoch_end e = epoch_cache_end_offset(&c, 2, 30);
    assert_int_equal(e.epoch, 2);
    assert_int_equal(e.end_offset, 10);
    mem_release(&mem);
}

/* As in Kafka. */
static void
a_leader_of_an_earlier_epoch_ends_later_ones(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct epoch_cache c = {0};
    epoch_cache_assign(&c, &mem, 1, 0);
    epoch_cache_assign(&c, &mem, 3, 10);
    epoch_cache_assign(&c, &mem, 7, 20);
    assert_true(epoch_cache_begin(&c, &mem, 2, 30));
    assert_int_equal(c.v.n, 2);
    assert_int_equal(epoch_cache_latest(&c), 2);
    assert_int_equal(epoch_cache_at(&c, 29), 1);
    assert_int_equal(epoch_cache_at(&c, 30), 2);
    assert_false(epoch_cache_begin(&c, &mem, 2, 40));
    assert_true(epoch_cache_begin(&c, &mem, 1, 40)); /* its own begins anew */
    assert_int_equal(c.v.n, 1);
    assert_int_equal(epoch_cache_at(&c, 39), -1);
    epoch_cache_release(&c, &mem);
    mem_release(&mem);
}

static void
an_epoch_without_records_gives_way(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct epoch_cache c = {0};
    epoch_cache_assign(&c, &mem, 1, 0);
    epoch_cache_assign(&c, &mem, 2, 10);
    epoch_cache_assign(&c, &mem, 3, 10);
    assert_int_equal(c.v.n, 2);
    assert_int_equal(epoch_cache_at(&c, 10), 3);
    mem_release(&mem);
}

static void
truncating_at_the_end_removes_what_begins_there(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct epoch_cache c = {0};
    epoch_cache_assign(&c, &mem, 1, 0);
    epoch_cache_assign(&c, &mem, 2, 10);
    assert_false(epoch_cache_truncate_end(&c, 11));
    assert_true(epoch_cache_truncate_end(&c, 10));
    assert_int_equal(epoch_cache_latest(&c), 1);
    mem_release(&mem);
}

static void
assert_list(const struct epoch_cache *c, const char *text)
{
    char got[128] = "";
    for (int64_t i = 0; i < c->v.n; i++) {
        size_t at = strlen(got);
        (void)snprintf(got + at, sizeof got - at, "%s%d@%lld", i ? " " : "", (int)c->v.v[i].epoch,
                       (long long)c->v.v[i].start_offset);
    }
    assert_string_equal(got, text);
}

static void
the_list_agrees_with_a_batch_of_the_log(void **state)
{
    (void)state;
    static const struct {
        int32_t epoch;
        int64_t base, last;
        const char *list;
    } cases[] = {
        {1, 5, 9, "1@0 2@10 4@20"},        /* as the list says */
        {4, 30, 39, "1@0 2@10 4@20"},      /* */
        {1, 5, 10, "1@0 4@20"},            /* 2 had no records: another leader wrote there since */
        {1, 5, 20, "1@0"},                 /* nor had 4 */
        {5, 30, 39, "1@0 2@10 4@20 5@30"}, /* the list is older */
        {4, 15, 18, "1@0 2@10 4@15"},      /* begins earlier than it says */
        {2, 8, 9, "1@0 2@8 4@20"},         /* */
        {3, 15, 18, "1@0 2@10 3@15 4@20"}, /* one it has not */
        {0, 0, 3, "0@0 2@10 4@20"},        /* of the two that begin there the one with records */
        {-1, 30, 39, "1@0 2@10 4@20"},     /* a batch without an epoch tells nothing of its own */
    };
    for (int i = 0; i < ARRAY_LEN(cases); i++) {
        struct mem mem;
        test_mem_init(&mem);
        struct epoch_cache c = {0};
        epoch_cache_assign(&c, &mem, 1, 0);
        epoch_cache_assign(&c, &mem, 2, 10);
        epoch_cache_assign(&c, &mem, 4, 20);
        bool changed =
            epoch_cache_take_batch(&c, &mem, cases[i].epoch, cases[i].base, cases[i].last);
        assert_list(&c, cases[i].list);
        assert_int_equal(changed, strcmp(cases[i].list, "1@0 2@10 4@20") != 0);
        mem_release(&mem);
    }
}

static void
truncating_at_the_start_keeps_the_epoch_in_force(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct epoch_cache c = {0};
    epoch_cache_assign(&c, &mem, 1, 0);
    epoch_cache_assign(&c, &mem, 2, 10);
    epoch_cache_assign(&c, &mem, 3, 20);
    assert_true(epoch_cache_truncate_start(&c, 15));
    assert_int_equal(c.v.n, 2);
    assert_int_equal(c.v.v[0].epoch, 2);
    assert_int_equal(c.v.v[0].start_offset, 15);
    assert_false(epoch_cache_truncate_start(&c, 15));
    assert_false(epoch_cache_truncate_start(&c, 3));
    mem_release(&mem);
}

static void
its_text_goes_round_and_bad_texts_are_refused(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct epoch_cache c = {0};
    assert_true(epoch_cache_parse(&c, &mem, S("0\n2\n1 0\n4 17\n")));
    struct writer w = writer_mem(&mem);
    epoch_cache_print(&c, &w);
    assert_slice(writer_slice(&w), "0\n2\n1 0\n4 17\n");
    static const char *const bad[] = {"",
                                      "1\n0\n",
                                      "0\n",
                                      "0\n2\n1 0\n",
                                      "0\n1\n1",
                                      "0\n2\n1 0\n1 5\n",
                                      "0\n2\n2 0\n1 5\n",
                                      "0\n1\n-1 0\n",
                                      "0\n2\n1 5\n2 5\n",
                                      "0\nx\n",
                                      "\0\0\0\0"};
    for (int i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(epoch_cache_parse(&c, &mem, slice_cstr(bad[i])));
        assert_int_equal(c.v.n, 0);
    }
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epochs_end_where_the_next_begins),
        cmocka_unit_test(an_epoch_below_the_first_ends_at_the_first_entry),
        cmocka_unit_test(a_leader_of_an_earlier_epoch_ends_later_ones),
        cmocka_unit_test(an_epoch_without_records_gives_way),
        cmocka_unit_test(truncating_at_the_end_removes_what_begins_there),
        cmocka_unit_test(the_list_agrees_with_a_batch_of_the_log),
        cmocka_unit_test(truncating_at_the_start_keeps_the_epoch_in_force),
        cmocka_unit_test(its_text_goes_round_and_bad_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
