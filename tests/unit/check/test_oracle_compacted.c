/* What is left of a compacted log on a disk, as the oracle reads it. */
#include "broker/record/control.h"
#include "sim/check/oracle_own.h"
#include "sim/workload/value.h"
#include "tests/lib/test.h"

#define LOG S("data/orders-0/00000000000000000000.log")

struct shelf {
    struct mem mem;
    struct world *w;
    struct machine *m;
    struct oracle *o;
    struct writer log;
    struct node_log l;
    struct topic_key key;
};

static void
do_nothing(struct env *env, void *args)
{
    (void)env;
    (void)args;
}

static void
begin(struct shelf *s)
{
    memset(s, 0, sizeof *s);
    test_mem_init(&s->mem);
    s->w = world_new(1, NULL);
    s->m = world_add(s->w, &(struct machine_params){.name = S("b1"), .start = do_nothing});
    s->o = oracle_new(&s->mem);
    s->o->world = s->w;
    s->log = writer_mem(&s->mem);
    s->key = (struct topic_key){.subject = S("orders-0"), .topic = S("orders")};
    s->l = (struct node_log){.key = &s->key};
}

static void
finish(struct shelf *s)
{
    writer_release(&s->log);
    oracle_free(s->o);
    world_free(s->w);
    mem_release(&s->mem);
}

static void
put_batch(struct shelf *s, struct buf *b)
{
    store_be64(b->data, (uint64_t)s->l.hw); /* no checksum covers it */
    writer_bytes(&s->log, slice(b->data, b->n));
    buf_unref(b);
    s->l.hw++;
}

/* A record with key k0 and this value. */
static void
put(struct shelf *s, uint64_t value, bool is_of_txn)
{
    struct batch_builder b;
    uint8_t bytes[VALUE_BYTES_MIN];
    builder_init(&b, &s->mem, 0);
    value_write(value, bytes, sizeof bytes);
    (void)builder_add(&b, 0, S("k0"), slice(bytes, sizeof bytes), NULL, 0);
    b.h.producer_id = 7;
    b.h.producer_epoch = 0;
    b.h.base_sequence = 0;
    if (is_of_txn) b.h.attributes |= BATCH_TRANSACTIONAL;
    put_batch(s, builder_finish(&b, CRC32C_PORTABLE, &s->mem));
    builder_release(&b);
}

static void
put_end(struct shelf *s, bool commits)
{
    put_batch(s, end_txn_batch(CRC32C_PORTABLE, &s->mem, commits, 0, 7, 0, 0));
}

static int64_t
last_of_k0(struct shelf *s)
{
    struct remains r;
    disk_put(s->m, LOG, writer_slice(&s->log));
    oracle_remains(s->o, s->m->index, &s->l, &r);
    int64_t last = r.last.n ? r.last.v[0] : -1;
    oracle_remains_release(s->o, &r);
    return last;
}

#define BEGIN \
    (void)state; \
    struct shelf s; \
    begin(&s)

static void
a_later_record_takes_the_place_of_one_before(void **state)
{
    BEGIN;
    put(&s, 100, false), put(&s, 101, false);
    assert_int_equal(last_of_k0(&s), 1);
    finish(&s);
}

static void
what_was_aborted_takes_no_place(void **state)
{
    BEGIN;
    put(&s, 100, false), put(&s, 101, true), put_end(&s, false);
    assert_int_equal(last_of_k0(&s), 0);
    finish(&s);
}

static void
what_was_committed_takes_its_own_place_and_not_its_markers(void **state)
{
    BEGIN;
    put(&s, 100, false), put(&s, 101, true);
    assert_int_equal(last_of_k0(&s), 0); /* not yet */
    put(&s, 102, false), put_end(&s, true);
    assert_int_equal(last_of_k0(&s), 2);
    finish(&s);
}

static void
an_end_that_is_not_committed_is_none(void **state)
{
    BEGIN;
    put(&s, 100, true), put_end(&s, true);
    s.l.hw = 1;
    assert_int_equal(last_of_k0(&s), -1);
    finish(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_record_takes_the_place_of_one_before),
        cmocka_unit_test(what_was_aborted_takes_no_place),
        cmocka_unit_test(what_was_committed_takes_its_own_place_and_not_its_markers),
        cmocka_unit_test(an_end_that_is_not_committed_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
