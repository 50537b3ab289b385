#include "tests/lib/test.h"

#include "broker/log/clean_batch.h"
#include "broker/record/builder.h"

#define NOW 5000
#define RETENTION 100

struct fixture {
    struct mem mem;
    struct offset_map map;
    struct clean_batch c;
    struct buf *batch;
    struct batch_header h;
    struct batch_retention retention;
};

/* Records "key" or "key=value", at offsets from 10 on, with timestamps from 1000 on. */
static void
begin(struct fixture *f, const char *const *records, int n)
{
    *f = (struct fixture){.retention.fate = BATCH_GOES_EMPTY};
    mem_init(&f->mem, test_mem_source(), 1 << 24);
    offset_map_init(&f->map, &f->mem, (struct siphash_key){1, 2}, 100, 900000);
    while (!offset_map_clear_some(&f->map)) continue;
    f->map.latest = 100;
    f->c = (struct clean_batch){
        .mem = &f->mem, .map = &f->map, .now_ms = NOW, .delete_retention_ms = RETENTION};
    struct batch_builder b;
    builder_init(&b, &f->mem, 0);
    for (int i = 0; i < n; i++) {
        struct slice r = slice_cstr(records[i]);
        int64_t eq = slice_find(r, '=', 0);
        struct record_header header = {S("h"), slice_cstr(i % 2 ? "x" : "yy")};
        struct slice key = eq < 0 ? r : slice_sub(r, 0, eq);
        struct slice value = eq < 0 ? SLICE_NULL : slice_sub(r, eq + 1, r.n);
        builder_add(&b, 1000 + i * 7, key, value, &header, 1);
    }
    b.h.producer_id = 7;
    b.h.producer_epoch = 1;
    b.h.base_sequence = 40;
    f->batch = builder_finish(&b, CRC32C_PORTABLE, &f->mem);
    batch_patch_offset(f->batch->data, 10, 3);
    assert_int_equal(batch_parse(buf_slice(f->batch), &f->h), BATCH_OK);
    builder_release(&b);
}

static void
end(struct fixture *f)
{
    clean_batch_release(&f->c);
    offset_map_release(&f->map);
    buf_unref(f->batch);
    assert_int_equal(f->mem.used_bytes, 0);
    mem_release(&f->mem);
}

static struct slice
payload(const struct fixture *f)
{
    return batch_payload(buf_slice(f->batch), &f->h);
}

static enum clean_result
look(struct fixture *f)
{
    return clean_batch_look(&f->c, &f->h, &f->retention, payload(f));
}

/* The batch takes the place of what it was made from. */
static void
write(struct fixture *f)
{
    struct batch_header h;
    struct writer w = writer_mem(&f->mem);
    uint8_t head[BATCH_HEADER_BYTES];
    clean_batch_write(&f->c, payload(f), &w, &h);
    batch_seal(CRC32C_PORTABLE, &h, writer_slice(&w), head);
    struct buf *b = buf_new(&f->mem, BATCH_HEADER_BYTES + w.n);
    memcpy(b->data, head, sizeof head);
    memcpy(b->data + sizeof head, w.p, (size_t)w.n);
    b->n = BATCH_HEADER_BYTES + w.n;
    writer_release(&w);
    buf_unref(f->batch);
    f->batch = b;
    assert_int_equal(batch_check(CRC32C_PORTABLE, buf_slice(b), &f->h), BATCH_OK);
}

static struct record
record_at(const struct fixture *f, int i)
{
    struct records rs;
    struct record r;
    records_begin(&rs, &f->h, payload(f));
    do assert_true(records_next(&rs, &r));
    while (i-- > 0);
    return r;
}

static void
a_batch_of_which_all_stays_is_not_touched(void **state)
{
    (void)state;
    static const char *const records[] = {"a=1", "b=2"};
    struct fixture f;
    begin(&f, records, 2);
    assert_true(offset_map_put(&f.map, S("a"), 10));
    assert_int_equal(look(&f), CLEAN_AS_IT_WAS);
    end(&f);
}

static void
what_stays_keeps_offset_timestamp_sequence_and_headers(void **state)
{
    (void)state;
    static const char *const records[] = {"a=1", "b=2", "c=3", "a=4"};
    struct fixture f;
    begin(&f, records, 4);
    assert_true(offset_map_put(&f.map, S("a"), 13));
    assert_true(offset_map_put(&f.map, S("c"), 90));
    assert_int_equal(look(&f), CLEAN_REBUILT);
    write(&f);
    assert_int_equal(f.h.base_offset, 10);
    assert_int_equal(batch_last_offset(&f.h), 13);
    assert_int_equal(f.h.leader_epoch, 3);
    assert_int_equal(f.h.producer_id, 7);
    assert_int_equal(f.h.producer_epoch, 1);
    assert_int_equal(batch_last_sequence(&f.h), 43);
    assert_int_equal(f.h.records_n, 2);
    assert_int_equal(f.h.base_timestamp, 1007);
    assert_int_equal(f.h.max_timestamp, 1021);
    struct record r = record_at(&f, 1);
    assert_int_equal(r.offset, 13);
    assert_int_equal(r.timestamp, 1021);
    assert_slice(r.key, "a");
    assert_slice(r.value, "4");
    struct record_header header;
    int64_t at = 0;
    assert_true(record_header_next(&r, &at, &header));
    assert_slice(header.value, "x");
    assert_false(record_header_next(&r, &at, &header));
    assert_int_equal(look(&f), CLEAN_AS_IT_WAS); /* the next cleaning finds nothing to do */
    end(&f);
}

static void
a_tombstone_gets_a_horizon_once(void **state)
{
    (void)state;
    static const char *const records[] = {"a", "b=2"};
    struct fixture f;
    begin(&f, records, 2);
    assert_int_equal(look(&f), CLEAN_REBUILT); /* though both stay */
    write(&f);
    assert_int_equal(batch_delete_horizon_ms(&f.h), NOW + RETENTION);
    assert_int_equal(f.h.max_timestamp, 1007);
    assert_int_equal(record_at(&f, 0).timestamp, 1000);
    assert_int_equal(record_at(&f, 1).timestamp, 1007);
    f.c.now_ms = NOW + RETENTION - 1; /* it is not put off by later cleanings */
    assert_int_equal(look(&f), CLEAN_AS_IT_WAS);
    f.c.now_ms = NOW + RETENTION;
    assert_int_equal(look(&f), CLEAN_REBUILT);
    write(&f);
    assert_int_equal(f.h.records_n, 1);
    assert_int_equal(batch_delete_horizon_ms(&f.h), NOW + RETENTION);
    assert_slice(record_at(&f, 0).key, "b");
    assert_int_equal(record_at(&f, 0).timestamp, 1007);
    end(&f);
}

static void
without_records_it_goes_unless_it_is_to_stay(void **state)
{
    (void)state;
    static const char *const records[] = {"a=1", "b=2"};
    struct fixture f;
    begin(&f, records, 2);
    assert_true(offset_map_put(&f.map, S("a"), 50));
    assert_true(offset_map_put(&f.map, S("b"), 51));
    assert_int_equal(look(&f), CLEAN_GONE);
    f.retention.fate = BATCH_STAYS;
    assert_int_equal(look(&f), CLEAN_EMPTY);
    struct batch_header h;
    uint8_t head[BATCH_HEADER_BYTES];
    clean_batch_empty(&f.c, &h);
    batch_seal(CRC32C_PORTABLE, &h, SLICE_EMPTY, head);
    assert_int_equal(batch_check(CRC32C_PORTABLE, slice(head, sizeof head), &h), BATCH_OK);
    assert_int_equal(h.records_n, 0);
    assert_int_equal(h.base_offset, 10);
    assert_int_equal(batch_last_offset(&h), 11);
    assert_int_equal(batch_last_sequence(&h), 41);
    assert_int_equal(h.leader_epoch, 3);
    assert_int_equal(h.max_timestamp, 1007);
    f.h = h;
    assert_int_equal(look(&f), CLEAN_AS_IT_WAS); /* an empty one again */
    f.retention.fate = BATCH_GOES_EMPTY;
    assert_int_equal(look(&f), CLEAN_GONE);
    end(&f);
}

static void
records_that_cannot_be_read_are_broken(void **state)
{
    (void)state;
    static const char *const records[] = {"a=1", "b=2"};
    struct fixture f;
    begin(&f, records, 2);
    struct slice p = payload(&f);
    for (int64_t cut = 1; cut < p.n; cut++)
        assert_int_equal(clean_batch_look(&f.c, &f.h, &f.retention, slice_sub(p, 0, cut)),
                         CLEAN_BROKEN);
    f.retention.drops_records = true; /* nobody looks at them */
    assert_int_equal(clean_batch_look(&f.c, &f.h, &f.retention, SLICE_NULL), CLEAN_GONE);
    end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_of_which_all_stays_is_not_touched),
        cmocka_unit_test(what_stays_keeps_offset_timestamp_sequence_and_headers),
        cmocka_unit_test(a_tombstone_gets_a_horizon_once),
        cmocka_unit_test(without_records_it_goes_unless_it_is_to_stay),
        cmocka_unit_test(records_that_cannot_be_read_are_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
