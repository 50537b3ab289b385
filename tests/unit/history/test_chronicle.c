#include "sim/history/chronicle.h"
#include "sim/history/words.h"
#include "tests/lib/test.h"

static struct chronicle
chronicle_of(struct mem *mem)
{
    struct chronicle c;
    test_mem_init(mem);
    chronicle_init(&c, mem);
    return c;
}

static void
texts_are_copied(void **state)
{
    (void)state;
    struct mem mem;
    struct chronicle c = chronicle_of(&mem);
    char text[] = "orders";
    struct happening one = happening_new(HAPPENED_PLACED, 5);
    one.topic = slice_cstr(text);
    chronicle_add(&c, &one);
    text[0] = 'x';
    assert_slice(c.v.v[0].topic, "orders");
    chronicle_release(&c);
    mem_release(&mem);
}

static void
a_happening_is_of_the_partitions_that_it_names(void **state)
{
    (void)state;
    struct happening one = happening_new(HAPPENED_COPIES_GONE, 5);
    assert_true(happening_is_of(&one, S("orders"), 3));
    one.topic = S("orders");
    assert_true(happening_is_of(&one, S("orders"), 3));
    assert_false(happening_is_of(&one, S("other"), 3));
    one.partition = 2;
    assert_false(happening_is_of(&one, S("orders"), 3));
}

static void
trouble_lasts_until_it_is_ended_by_the_same_words(void **state)
{
    (void)state;
    struct mem mem;
    struct chronicle c = chronicle_of(&mem);
    struct happening one = happening_new(HAPPENED_TROUBLE, 5);
    one.what = S("cut b1 > b2"), one.until_ns = INT64_MAX;
    chronicle_add(&c, &one);
    chronicle_add(&c, &one);
    chronicle_end_trouble(&c, S("cut b1 > b3"), 8);
    assert_true(c.v.v[1].until_ns == INT64_MAX);
    chronicle_end_trouble(&c, S("cut b1 > b2"), 9);
    assert_int_equal(c.v.v[1].until_ns, 9);
    assert_true(c.v.v[0].until_ns == INT64_MAX);
    chronicle_release(&c);
    mem_release(&mem);
}

static void
who_was_ended_late_is_told_as_text_and_read_back(void **state)
{
    (void)state;
    struct mem mem;
    struct chronicle c = chronicle_of(&mem), back;
    struct happening one = happening_new(HAPPENED_ENDED_LATE, 3000000000);
    one.what = S("p1"), one.sent_ns = 1000000000, one.begun_ns = 2000000001, one.is_on = true;
    chronicle_add(&c, &one);
    struct writer w = writer_mem(&mem);
    chronicle_print(&c, &w);
    assert_slice(writer_slice(&w), "3.000000000 ! ended-late process=p1 sent=1.000000000 "
                                   "begun=2.000000001 commit\n");
    struct text_line l = {.text = slice_sub(writer_slice(&w), 0, w.n - 1)};
    chronicle_init(&back, &mem);
    assert_true(chronicle_read_line(&back, &l));
    assert_slice(back.v.v[0].what, "p1");
    assert_int_equal(back.v.v[0].sent_ns, 1000000000);
    assert_int_equal(back.v.v[0].begun_ns, 2000000001);
    assert_true(back.v.v[0].is_on);
    chronicle_release(&back);
    chronicle_release(&c);
    writer_release(&w);
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(a_happening_is_of_the_partitions_that_it_names),
        cmocka_unit_test(trouble_lasts_until_it_is_ended_by_the_same_words),
        cmocka_unit_test(who_was_ended_late_is_told_as_text_and_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
