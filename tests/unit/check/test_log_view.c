/* What a disk holds for sure, against what its node may say. */
#include "sim/check/log_view.h"
#include "tests/lib/test.h"

#define BATCH_BYTES 61
#define LOG S("data/__cluster_metadata-0/00000000000000000000.log")
#define META S("__cluster_metadata-0")

/* A batch of one offset and no records. */
static void
put_batch(uint8_t *to, int64_t base, int32_t epoch)
{
    memset(to, 0, BATCH_BYTES);
    store_be64(to, (uint64_t)base);
    store_be32(to + 8, BATCH_BYTES - 12);
    store_be32(to + 12, (uint32_t)epoch);
    to[16] = 2;
    store_be64(to + 43, (uint64_t)base + 77);
    uint32_t crc = crc32c(CRC32C_PORTABLE, 0, slice(to + 21, BATCH_BYTES - 21));
    store_be32(to + 17, crc);
}

static void
start(struct env *env, void *args)
{
    (void)env;
    (void)args;
}

struct case_ {
    struct world *w;
    struct machine *m;
    struct mem mem;
    struct log_view *v;
    uint8_t bytes[4 * BATCH_BYTES];
};

static void
begin(struct case_ *c)
{
    test_mem_init(&c->mem);
    c->w = world_new(1, NULL);
    c->m = world_add(c->w, &(struct machine_params){.name = S("k1"), .start = start});
    c->v = log_view_new(&c->mem, c->m, META);
    for (int i = 0; i < 4; i++) put_batch(c->bytes + i * BATCH_BYTES, i, 1);
}

static void
end(struct case_ *c)
{
    log_view_free(c->v);
    world_free(c->w);
    mem_release(&c->mem);
}

static bool
is_durable(struct case_ *c, int64_t offset)
{
    return log_view_durable(c->v, 0, offset + 1) > offset;
}

static void
what_lies_there_whole_is_durable(void **state)
{
    (void)state;
    struct case_ c;
    begin(&c);
    assert_false(is_durable(&c, 0));
    disk_put(c.m, LOG, slice(c.bytes, 2 * BATCH_BYTES));
    assert_true(is_durable(&c, 1));
    assert_false(is_durable(&c, 2));
    disk_put(c.m, LOG, slice(c.bytes, 3 * BATCH_BYTES));
    assert_true(is_durable(&c, 2));
    end(&c);
}

static void
a_batch_behind_a_spoilt_one_is_not(void **state)
{
    (void)state;
    struct case_ c;
    begin(&c);
    c.bytes[BATCH_BYTES + 50] ^= 1;
    disk_put(c.m, LOG, slice(c.bytes, 4 * BATCH_BYTES));
    assert_true(is_durable(&c, 0));
    assert_false(is_durable(&c, 1));
    assert_false(is_durable(&c, 2));
    end(&c);
}

static void
what_was_cut_and_written_anew_is_read_anew(void **state)
{
    (void)state;
    struct case_ c;
    begin(&c);
    disk_put(c.m, LOG, slice(c.bytes, 3 * BATCH_BYTES));
    assert_true(is_durable(&c, 2));
    put_batch(c.bytes + BATCH_BYTES, 1, 2);
    disk_put(c.m, LOG, slice(c.bytes, 2 * BATCH_BYTES));
    assert_false(is_durable(&c, 2));
    assert_true(is_durable(&c, 1));
    end(&c);
}

static void
the_next_file_goes_on(void **state)
{
    (void)state;
    struct case_ c;
    begin(&c);
    disk_put(c.m, LOG, slice(c.bytes, 2 * BATCH_BYTES));
    disk_put(c.m, S("data/__cluster_metadata-0/00000000000000000002.log"),
             slice(c.bytes + 2 * BATCH_BYTES, 2 * BATCH_BYTES));
    assert_true(is_durable(&c, 3));
    end(&c);
}

/* The place is in the next file already, but what was read last lies in the one before. */
static void
a_next_file_that_begins_spoilt_is_waited_for(void **state)
{
    (void)state;
    struct slice next = S("data/__cluster_metadata-0/00000000000000000002.log");
    struct case_ c;
    begin(&c);
    c.bytes[2 * BATCH_BYTES + 50] ^= 1;
    disk_put(c.m, LOG, slice(c.bytes, 2 * BATCH_BYTES));
    disk_put(c.m, next, slice(c.bytes + 2 * BATCH_BYTES, 2 * BATCH_BYTES));
    assert_false(is_durable(&c, 2));
    assert_false(is_durable(&c, 2));
    put_batch(c.bytes + BATCH_BYTES, 1, 2);
    disk_put(c.m, LOG, slice(c.bytes, BATCH_BYTES));
    assert_false(is_durable(&c, 1));
    disk_put(c.m, LOG, slice(c.bytes, 2 * BATCH_BYTES));
    assert_true(is_durable(&c, 1));
    c.bytes[2 * BATCH_BYTES + 50] ^= 1;
    disk_put(c.m, next, slice(c.bytes + 2 * BATCH_BYTES, 2 * BATCH_BYTES));
    assert_true(is_durable(&c, 3));
    end(&c);
}

static void
a_wiped_disk_has_nothing(void **state)
{
    (void)state;
    struct case_ c;
    begin(&c);
    disk_put(c.m, LOG, slice(c.bytes, 2 * BATCH_BYTES));
    assert_true(is_durable(&c, 1));
    fault_wipe(c.m);
    assert_false(is_durable(&c, 0));
    end(&c);
}

static void
batches_are_given_in_order_up_to_the_end_that_is_asked_for(void **state)
{
    (void)state;
    struct case_ c;
    struct batch_header h;
    begin(&c);
    disk_put(c.m, LOG, slice(c.bytes, 3 * BATCH_BYTES));
    for (int i = 0; i < 2; i++) {
        assert_true(log_view_next(c.v, 2, &h));
        assert_int_equal(h.base_offset, i);
        assert_int_equal(h.producer_id, i + 77);
    }
    assert_false(log_view_next(c.v, 2, &h));
    assert_true(log_view_next(c.v, 9, &h));
    assert_false(log_view_next(c.v, 9, &h));
    assert_int_equal(log_view_end(c.v), 3);
    end(&c);
}

static void
after_a_cut_it_goes_on_within_the_file(void **state)
{
    (void)state;
    struct case_ c;
    struct batch_header h;
    begin(&c);
    disk_put(c.m, LOG, slice(c.bytes, 4 * BATCH_BYTES));
    while (log_view_next(c.v, 4, &h)) continue;
    put_batch(c.bytes + 2 * BATCH_BYTES, 2, 5);
    disk_put(c.m, LOG, slice(c.bytes, 3 * BATCH_BYTES));
    log_view_cut(c.v, 2);
    assert_true(log_view_next(c.v, 3, &h));
    assert_int_equal(h.base_offset, 2);
    assert_int_equal(h.leader_epoch, 5);
    end(&c);
}

static void
a_log_that_was_removed_is_found_where_it_is_made_again(void **state)
{
    (void)state;
    struct case_ c;
    struct batch_header h;
    begin(&c);
    disk_put(c.m, LOG, slice(c.bytes, 2 * BATCH_BYTES));
    assert_true(log_view_next(c.v, 1, &h));
    fault_wipe(c.m);
    assert_false(log_view_next(c.v, 2, &h));
    disk_put(c.m, S("other/__cluster_metadata-0/00000000000000000000.log"),
             slice(c.bytes, 2 * BATCH_BYTES));
    assert_true(log_view_next(c.v, 2, &h));
    assert_int_equal(h.base_offset, 1);
    end(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_lies_there_whole_is_durable),
        cmocka_unit_test(a_batch_behind_a_spoilt_one_is_not),
        cmocka_unit_test(what_was_cut_and_written_anew_is_read_anew),
        cmocka_unit_test(the_next_file_goes_on),
        cmocka_unit_test(a_next_file_that_begins_spoilt_is_waited_for),
        cmocka_unit_test(a_wiped_disk_has_nothing),
        cmocka_unit_test(batches_are_given_in_order_up_to_the_end_that_is_asked_for),
        cmocka_unit_test(after_a_cut_it_goes_on_within_the_file),
        cmocka_unit_test(a_log_that_was_removed_is_found_where_it_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
