#include "tests/lib/test.h"

#include "broker/base/list.h"

struct item {
    int v;
    struct list node;
};

/* The items' numbers as digits of one number. */
static int
digits(struct list *l)
{
    int n = 0;
    LIST_EACH(l, it, struct item, node) n = n * 10 + it->v;
    return n;
}

static void
order_is_that_of_pushing(void **state)
{
    (void)state;
    struct list l;
    struct item a = {.v = 1}, b = {.v = 2}, c = {.v = 3};
    list_init(&l);
    assert_true(list_is_empty(&l));
    assert_null(LIST_FIRST(&l, struct item, node));
    list_push_back(&l, &a.node);
    list_push_back(&l, &b.node);
    list_push_front(&l, &c.node);
    assert_int_equal(digits(&l), 312);
    assert_ptr_equal(LIST_FIRST(&l, struct item, node), &c);
}

static void
a_node_knows_whether_it_is_linked(void **state)
{
    (void)state;
    struct list l;
    struct item a = {.v = 1};
    list_init(&l);
    assert_false(list_is_linked(&a.node));
    list_remove(&a.node);
    list_push_back(&l, &a.node);
    assert_true(list_is_linked(&a.node));
    list_remove(&a.node);
    assert_false(list_is_linked(&a.node));
    list_remove(&a.node);
    assert_true(list_is_empty(&l));
}

static void
the_item_at_hand_may_be_removed_while_walking(void **state)
{
    (void)state;
    struct list l;
    struct item items[6];
    list_init(&l);
    for (int i = 0; i < 6; i++) {
        items[i] = (struct item){.v = i + 1};
        list_push_back(&l, &items[i].node);
    }
    LIST_EACH(&l, it, struct item, node) {
        if (it->v % 2) list_remove(&it->node);
    }
    assert_int_equal(digits(&l), 246);
}

static void
popping_takes_from_the_front_until_empty(void **state)
{
    (void)state;
    struct list l;
    struct item a = {.v = 1}, b = {.v = 2};
    list_init(&l);
    list_push_back(&l, &a.node);
    list_push_back(&l, &b.node);
    assert_ptr_equal(list_pop_front(&l), &a.node);
    assert_ptr_equal(list_pop_front(&l), &b.node);
    assert_null(list_pop_front(&l));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_that_of_pushing),
        cmocka_unit_test(a_node_knows_whether_it_is_linked),
        cmocka_unit_test(the_item_at_hand_may_be_removed_while_walking),
        cmocka_unit_test(popping_takes_from_the_front_until_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
