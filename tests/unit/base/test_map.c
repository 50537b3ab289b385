#include "tests/lib/test.h"

#include "broker/base/map.h"

struct item {
    struct map_node node;
    int64_t key;
};

static bool
item_eq(const struct map_node *n, const void *key)
{
    const struct item *it = CONTAINER_OF(n, const struct item, node);
    return it->key == *(const int64_t *)key;
}

static struct item *
find(const struct map *m, int64_t key)
{
    struct map_node *n = map_find(m, map_hash_i64(m, key, 0), item_eq, &key);
    return n ? CONTAINER_OF(n, struct item, node) : NULL;
}

static void
every_key_is_found_after_growing_and_removing(void **state)
{
    (void)state;
    enum { N = 3000 };
    struct mem mem;
    struct map m;
    test_mem_init(&mem);
    map_init(&m, &mem, (struct siphash_key){1, 2});
    assert_null(find(&m, 1));
    struct item *items = mem_alloc(&mem, N * (int64_t)sizeof *items);
    for (int64_t i = 0; i < N; i++) {
        items[i].key = i;
        map_insert(&m, &items[i].node, map_hash_i64(&m, i, 0));
    }
    for (int64_t i = 0; i < N; i += 3) map_remove(&m, &items[i].node);
    assert_int_equal(m.n, N - N / 3);
    for (int64_t i = 0; i < N; i++) {
        if (i % 3 == 0) assert_null(find(&m, i));
        else assert_ptr_equal(find(&m, i), &items[i]);
    }
    map_release(&m);
    mem_release(&mem);
}

/* Of keys that stand in rows, as offsets, ids and partitions do, few share a slot, whatever the secret. */
static void
numbers_in_rows_are_spread_over_the_slots(void **state)
{
    (void)state;
    enum { SLOTS = 1024 };
    static const int64_t steps[] = {1, 2, 8, 1024, 1 << 20, (int64_t)1 << 40};
    for (uint64_t seed = 1; seed <= 50; seed++)
        for (int s = 0; s < ARRAY_LEN(steps); s++) {
            struct map m = {.key = {seed * 0x9e3779b97f4a7c15u, seed * 0xd6e8feb86659fd93u}};
            int first[SLOTS] = {0}, second[SLOTS] = {0}, most = 0;
            for (int64_t i = 0; i < SLOTS; i++) {
                int a = ++first[map_hash_i64(&m, i * steps[s], 7) % SLOTS];
                int b = ++second[map_hash_i64(&m, 7, i * steps[s]) % SLOTS];
                most = MAX(most, MAX(a, b));
            }
            assert_in_range(most, 1, 16); /* chance gives five to seven */
        }
}

static void
walking_follows_insertion_whatever_the_key(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct mem mem;
        struct map m;
        struct item items[50] = {0};
        test_mem_init(&mem);
        map_init(&m, &mem, (struct siphash_key){seed, ~seed});
        for (int64_t i = 0; i < 50; i++) {
            items[i].key = 49 - i;
            map_insert(&m, &items[i].node, map_hash_i64(&m, 49 - i, 0));
        }
        map_remove(&m, &items[10].node);
        map_insert(&m, &items[10].node, items[10].node.hash);
        int64_t at = 0;
        MAP_EACH(&m, it, struct item, node) {
            assert_ptr_equal(it, &items[at < 10 ? at : at < 49 ? at + 1 : 10]);
            at++;
        }
        assert_int_equal(at, 50);
        mem_release(&mem);
    }
}

static void
equal_hashes_are_told_apart_by_key(void **state)
{
    (void)state;
    struct mem mem;
    struct map m;
    struct item a = {.key = 1}, b = {.key = 2};
    int64_t one = 1, two = 2, three = 3;
    test_mem_init(&mem);
    map_init(&m, &mem, (struct siphash_key){0, 0});
    map_insert(&m, &a.node, 77);
    map_insert(&m, &b.node, 77);
    assert_ptr_equal(map_find(&m, 77, item_eq, &one), &a.node);
    assert_ptr_equal(map_find(&m, 77, item_eq, &two), &b.node);
    assert_null(map_find(&m, 77, item_eq, &three));
    map_remove(&m, &b.node);
    assert_ptr_equal(map_find(&m, 77, item_eq, &one), &a.node);
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_found_after_growing_and_removing),
        cmocka_unit_test(numbers_in_rows_are_spread_over_the_slots),
        cmocka_unit_test(walking_follows_insertion_whatever_the_key),
        cmocka_unit_test(equal_hashes_are_told_apart_by_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
