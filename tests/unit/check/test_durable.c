/* What a disk holds for sure, against what its node may say. */
#include "sim/check/durable.h"
#include "tests/lib/test.h"

#define BATCH_BYTES 61
#define LOG S("data/__cluster_metadata-0/00000000000000000000.log")
#define META S("__cluster_metadata-0")

/* A batch of one offset and no records. */
static struct found
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
    return (struct found){base, base, epoch, crc};
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
    struct durable *d;
    uint8_t bytes[4 * BATCH_BYTES];
    struct found f[4];
};

static void
begin(struct case_ *c)
{
    test_mem_init(&c->mem);
    c->w = world_new(1, NULL);
    c->m = world_add(c->w, &(struct machine_params){.name = S("k1"), .start = start});
    c->d = durable_new(&c->mem, c->m, META);
    for (int i = 0; i < 4; i++) c->f[i] = put_batch(c->bytes + i * BATCH_BYTES, i, 1);
}

static void
end(struct case_ *c)
{
    durable_free(c->d);
    world_free(c->w);
    mem_release(&c->mem);
}

static void
what_lies_there_whole_is_durable(void **state)
{
    (void)state;
    struct case_ c;
    begin(&c);
    assert_false(durable_has(c.d, &c.f[0]));
    disk_put(c.m, LOG, slice(c.bytes, 2 * BATCH_BYTES));
    assert_true(durable_has(c.d, &c.f[1]));
    assert_false(durable_has(c.d, &c.f[2]));
    disk_put(c.m, LOG, slice(c.bytes, 3 * BATCH_BYTES));
    assert_true(durable_has(c.d, &c.f[2]));
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
    assert_true(durable_has(c.d, &c.f[0]));
    assert_false(durable_has(c.d, &c.f[1]));
    assert_false(durable_has(c.d, &c.f[2]));
    end(&c);
}

static void
what_was_cut_and_written_anew_is_read_anew(void **state)
{
    (void)state;
    struct case_ c;
    begin(&c);
    disk_put(c.m, LOG, slice(c.bytes, 3 * BATCH_BYTES));
    assert_true(durable_has(c.d, &c.f[2]));
    struct found other = put_batch(c.bytes + BATCH_BYTES, 1, 2);
    disk_put(c.m, LOG, slice(c.bytes, 2 * BATCH_BYTES));
    assert_false(durable_has(c.d, &c.f[1]));
    assert_false(durable_has(c.d, &c.f[2]));
    assert_true(durable_has(c.d, &other));
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
    assert_true(durable_has(c.d, &c.f[3]));
    end(&c);
}

static void
a_wiped_disk_has_nothing(void **state)
{
    (void)state;
    struct case_ c;
    begin(&c);
    disk_put(c.m, LOG, slice(c.bytes, 2 * BATCH_BYTES));
    assert_true(durable_has(c.d, &c.f[1]));
    fault_wipe(c.m);
    assert_false(durable_has(c.d, &c.f[0]));
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
        cmocka_unit_test(a_wiped_disk_has_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
