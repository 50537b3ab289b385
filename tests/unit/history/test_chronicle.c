#include "sim/history/chronicle.h"
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(a_happening_is_of_the_partitions_that_it_names),
        cmocka_unit_test(trouble_lasts_until_it_is_ended_by_the_same_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
