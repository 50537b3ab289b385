#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/log/fixture.h"

static void
what_was_appended_is_read_back(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    fixture_open(&f, d, false, 0);
    assert_int_equal(commitlog_assigned_end(&f.log), 0);
    for (int i = 0; i < 10; i++) append_plain(&f, 3, i);
    assert_int_equal(commitlog_assigned_end(&f.log), 10);
    assert_int_equal(commitlog_written_end(&f.log), 0);
    body_run(&f.body);
    assert_int_equal(commitlog_written_end(&f.log), 10);
    struct loader l;
    load(&f, &l, 4, INT64_MAX, 1 << 20);
    assert_int_equal(l.load.read.err, LOG_OK);
    assert_int_equal(l.load.next_offset, 10);
    struct batch_header h;
    assert_int_equal(batch_check(CRC32C_PORTABLE, buf_slice(l.load.buf), &h), BATCH_OK);
    assert_int_equal(h.base_offset, 4);
    assert_int_equal(h.leader_epoch, 3);
    buf_unref(l.load.buf);
    fixture_close(&f);
    disk_free(d);
}

static void
a_read_stops_at_its_limit_and_at_max_bytes_but_gives_one_batch(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    fixture_open(&f, d, false, 0);
    for (int i = 0; i < 100; i++) append_plain(&f, 3, i);
    body_run(&f.body);
    for (int reopened = 0; reopened < 2; reopened++) {
        struct loader l;
        load(&f, &l, 10, 15, 1 << 20);
        assert_int_equal(l.load.next_offset, 15);
        buf_unref(l.load.buf);
        load(&f, &l, 10, INT64_MAX, 300);
        assert_int_equal(l.load.next_offset, 13);
        buf_unref(l.load.buf);
        load(&f, &l, 10, INT64_MAX, 1);
        assert_int_equal(l.load.next_offset, 11);
        buf_unref(l.load.buf);
        load(&f, &l, 100, INT64_MAX, 1);
        assert_int_equal(l.load.read.err, LOG_OK);
        assert_null(l.load.buf);
        load(&f, &l, 101, INT64_MAX, 1);
        assert_int_equal(l.load.read.err, LOG_E_OUT_OF_RANGE);
        fixture_close(&f);
        if (!reopened) fixture_open(&f, d, true, 100);
    }
    disk_free(d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_appended_is_read_back),
        cmocka_unit_test(a_read_stops_at_its_limit_and_at_max_bytes_but_gives_one_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
