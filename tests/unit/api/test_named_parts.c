#include "tests/lib/test.h"

#include "broker/api/named_parts.h"

struct fixture {
    struct mem mem;
    struct arena a;
    struct named_parts n;
};

static void
begin(struct fixture *f)
{
    test_mem_init(&f->mem);
    arena_init(&f->a, &f->mem, 0);
    named_parts_init(&f->n, &f->a, (struct siphash_key){1, 2});
}

static void
end(struct fixture *f)
{
    named_parts_release(&f->n);
    arena_release(&f->a);
    mem_release(&f->mem);
}

static void
what_is_named_twice_is_one_part(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct named_part *p = named_parts_add(&f.n, S("orders"), 1);
    assert_int_equal(p->times, 1);
    assert_ptr_equal(named_parts_add(&f.n, S("orders"), 1), p);
    assert_int_equal(p->times, 2);
    assert_int_equal(p->topic->parts_n, 1);
    end(&f);
}

static void
partitions_are_told_apart_by_topic_and_index(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct named_part *a = named_parts_add(&f.n, S("orders"), 0);
    struct named_part *b = named_parts_add(&f.n, S("orders"), 1);
    struct named_part *c = named_parts_add(&f.n, S("bills"), 0);
    assert_true(a != b && a != c && b != c);
    assert_ptr_equal(a->topic, b->topic);
    assert_int_equal(a->topic->parts_n, 2);
    assert_int_equal(c->topic->parts_n, 1);
    assert_int_equal(a->times + b->times + c->times, 3);
    assert_ptr_equal(named_parts_find(&f.n, S("bills"), 0), c);
    assert_null(named_parts_find(&f.n, S("bills"), 1));
    assert_null(named_parts_find(&f.n, S("visits"), 0));
    end(&f);
}

/* The topic stands once in the answer, wherever in the request the rest of it is. */
static void
the_order_is_that_of_the_first_naming(void **state)
{
    (void)state;
    struct fixture f;
    int32_t at = 0;
    begin(&f);
    (void)named_parts_add(&f.n, S("orders"), 2);
    (void)named_parts_add(&f.n, S("bills"), 0);
    (void)named_parts_add(&f.n, S("orders"), 1);
    (void)named_parts_add(&f.n, S("orders"), 2);
    assert_int_equal(f.n.topics.n, 2);
    static const int32_t order[] = {2, 0, 1};
    MAP_EACH(&f.n.parts, p, struct named_part, node) assert_int_equal(p->index, order[at++]);
    assert_int_equal(at, 3);
    end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_named_twice_is_one_part),
        cmocka_unit_test(partitions_are_told_apart_by_topic_and_index),
        cmocka_unit_test(the_order_is_that_of_the_first_naming),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
