#include <stdio.h>

#include "tests/lib/test.h"

#include "broker/log/offset_map.h"

static struct mem mem;

static void
begin(struct offset_map *m, int64_t slots, int64_t load)
{
    mem_init(&mem, test_mem_source(), 1 << 28);
    offset_map_init(m, &mem, (struct siphash_key){1, 2}, slots, load);
    while (!offset_map_clear_some(m)) continue;
}

static void
end(struct offset_map *m)
{
    offset_map_release(m);
    assert_int_equal(mem.used_bytes, 0);
    mem_release(&mem);
}

static struct slice
key_of(char room[24], int64_t i)
{
    snprintf(room, 24, "k%lld", (long long)i);
    return slice_cstr(room);
}

static void
it_has_the_last_offset_of_each_key(void **state)
{
    (void)state;
    struct offset_map m;
    begin(&m, 100, 900000);
    assert_int_equal(offset_map_get(&m, S("a")), -1);
    assert_true(offset_map_put(&m, S("a"), 0));
    assert_true(offset_map_put(&m, S("b"), 7));
    assert_true(offset_map_put(&m, S("a"), 9));
    assert_true(offset_map_put(&m, S("a"), 8)); /* not above */
    assert_true(offset_map_put(&m, S(""), 10)); /* a key, too */
    assert_int_equal(offset_map_get(&m, S("a")), 9);
    assert_int_equal(offset_map_get(&m, S("b")), 7);
    assert_int_equal(offset_map_get(&m, S("")), 10);
    assert_int_equal(offset_map_get(&m, S("c")), -1);
    assert_int_equal(m.n, 3);
    end(&m);
}

static void
it_says_when_it_is_full_and_has_what_it_took(void **state)
{
    (void)state;
    struct offset_map m;
    char room[24];
    begin(&m, 1000, 900000);
    int64_t n = 0;
    while (offset_map_put(&m, key_of(room, n), n)) n++;
    assert_int_equal(n, 900);
    for (int64_t i = 0; i < n; i++) assert_int_equal(offset_map_get(&m, key_of(room, i)), i);
    assert_int_equal(offset_map_get(&m, key_of(room, n)), -1);
    end(&m);
}

/* A load of 1 leaves one slot free, or a search would not end. */
static void
some_slot_is_always_free(void **state)
{
    (void)state;
    struct offset_map m;
    begin(&m, 2, 1000000);
    assert_true(offset_map_put(&m, S("a"), 0));
    assert_false(offset_map_put(&m, S("b"), 1));
    assert_int_equal(offset_map_get(&m, S("b")), -1);
    end(&m);
    begin(&m, 2,
          0); /* nor is there a load at which it takes nothing: a cleaning would get nowhere */
    assert_true(offset_map_put(&m, S("a"), 0));
    end(&m);
}

static void
it_has_no_more_slots_than_keys_need_or_bytes_allow(void **state)
{
    (void)state;
    assert_int_equal(offset_map_slots(90, 1 << 20, 900000), 102);
    assert_int_equal(offset_map_slots(1LL << 60, 2400, 900000), 100);
    assert_int_equal(offset_map_slots(100, 2400, 900000), 100);
    assert_int_equal(offset_map_slots(0, 0, 0), 2);
    assert_int_equal(offset_map_slots(50, 1 << 20, 0), (1 << 20) / OFFSET_SLOT_BYTES);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_the_last_offset_of_each_key),
        cmocka_unit_test(it_says_when_it_is_full_and_has_what_it_took),
        cmocka_unit_test(some_slot_is_always_free),
        cmocka_unit_test(it_has_no_more_slots_than_keys_need_or_bytes_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
