#include "tests/lib/test.h"

#include "broker/base/heap.h"

static uint64_t
next(uint64_t *s)
{
    *s = *s * 6364136223846793005ULL + 1442695040888963407ULL;
    return *s >> 33;
}

static void
equal_keys_leave_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    enum { N = 500 };
    struct mem mem;
    struct heap h;
    struct heap_node nodes[N] = {0};
    uint64_t seed = 5;
    test_mem_init(&mem);
    heap_init(&h, &mem);
    for (int i = 0; i < N; i++) heap_push(&h, &nodes[i], (int64_t)(next(&seed) % 7));
    struct heap_node *last = NULL, *n;
    int left = N;
    while ((n = heap_min(&h)) != NULL) {
        heap_remove(&h, n);
        if (last) assert_true(last->key < n->key || (last->key == n->key && last < n));
        last = n;
        left--;
    }
    assert_int_equal(left, 0);
    heap_release(&h);
    mem_release(&mem);
}

static void
any_node_can_be_removed(void **state)
{
    (void)state;
    enum { N = 300 };
    struct mem mem;
    struct heap h;
    struct heap_node nodes[N] = {0};
    uint64_t seed = 9;
    test_mem_init(&mem);
    heap_init(&h, &mem);
    for (int i = 0; i < N; i++) heap_push(&h, &nodes[i], (int64_t)next(&seed));
    for (int i = 0; i < N; i += 2) heap_remove(&h, &nodes[i]);
    heap_remove(&h, &nodes[0]);
    assert_false(heap_has(&nodes[0]));
    assert_true(heap_has(&nodes[1]));
    int64_t last = -1, left = 0;
    for (struct heap_node *n; (n = heap_min(&h)) != NULL; left++) {
        assert_int_equal((n - nodes) % 2, 1);
        assert_true(n->key >= last);
        last = n->key;
        heap_remove(&h, n);
    }
    assert_int_equal(left, N / 2);
    mem_release(&mem);
}

static void
an_empty_heap_has_no_minimum(void **state)
{
    (void)state;
    struct mem mem;
    struct heap h;
    struct heap_node n = {0};
    test_mem_init(&mem);
    heap_init(&h, &mem);
    assert_null(heap_min(&h));
    heap_push(&h, &n, INT64_MIN);
    assert_ptr_equal(heap_min(&h), &n);
    heap_remove(&h, &n);
    assert_null(heap_min(&h));
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_keys_leave_in_the_order_in_which_they_came),
        cmocka_unit_test(any_node_can_be_removed),
        cmocka_unit_test(an_empty_heap_has_no_minimum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
