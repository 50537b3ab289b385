#include "broker/log/file_replace.h"
#include "tests/unit/log/body.h"

struct replacer {
    struct file_replace replace;
    bool is_done;
};

static void
replaced(struct file_replace *r)
{
    CONTAINER_OF(r, struct replacer, replace)->is_done = true;
}

/* True: it was done before the n-th operation. */
static bool
power_at(int64_t n, uint64_t seed)
{
    struct disk *d = disk_new(seed);
    struct body b = {.stop_at = n};
    struct replacer r = {.replace = {.done = replaced}};
    struct slice old =
        S("the old contents, which are long enough to lie on two pages of the disk.......");
    struct slice new =
        S("what is to be there from now on; it is even longer, and so on three pages, not two, "
          "of which some may be lost.................................................");
    names_put(&d->now, "dir", NULL);
    names_put(&d->safe, "dir", NULL);
    disk_put_file(d, "dir/state", old);
    body_start(&b, d);
    file_replace(&b.env, &r.replace, S("dir/state"), new);
    body_run(&b);
    body_end(&b);
    disk_power(d);
    struct slice found = disk_file(d, "dir/state");
    assert_true(slice_eq(found, new) || (!r.is_done && slice_eq(found, old)));
    disk_free(d);
    return r.is_done;
}

static void
a_power_loss_leaves_the_old_contents_or_the_new(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 200; seed++) {
        int64_t n = 1;
        while (!power_at(n, seed)) n++;
        assert_int_equal(n, 7);
    }
}

static void
a_failure_is_told_and_leaves_the_old_contents(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct body b = {.fail_writes = ENV_ENOSPC};
    struct replacer r = {.replace = {.done = replaced}};
    disk_put_file(d, "state", S("old"));
    body_start(&b, d);
    file_replace(&b.env, &r.replace, S("state"), S("new"));
    body_run(&b);
    assert_true(r.is_done);
    assert_int_equal(r.replace.err, ENV_ENOSPC);
    assert_slice(disk_file(d, "state"), "old");
    body_end(&b);
    disk_free(d);
}

struct reader_of {
    struct file_slurp slurp;
    bool is_done;
};

static void
slurped(struct file_slurp *s)
{
    CONTAINER_OF(s, struct reader_of, slurp)->is_done = true;
}

static void
a_small_file_is_read_whole_in_spite_of_short_reads_and_a_large_one_refused(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct body b = {0};
    disk_put_file(d, "state", S("0123456789012345678901234567890123456789"));
    body_start(&b, d);
    for (int i = 0; i < 20; i++) {
        struct reader_of r = {.slurp = {.done = slurped}};
        file_slurp(&b.env, &r.slurp, S("state"), 40);
        body_run(&b);
        assert_true(r.is_done);
        assert_slice(buf_slice(r.slurp.buf), "0123456789012345678901234567890123456789");
        buf_unref(r.slurp.buf);
    }
    struct reader_of large = {.slurp = {.done = slurped}}, none = {.slurp = {.done = slurped}};
    file_slurp(&b.env, &large.slurp, S("state"), 39);
    file_slurp(&b.env, &none.slurp, S("other"), 39);
    body_run(&b);
    assert_int_equal(large.slurp.err, ENV_ETOOBIG);
    assert_int_equal(none.slurp.err, ENV_ENOENT);
    assert_null(none.slurp.buf);
    body_end(&b);
    disk_free(d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_power_loss_leaves_the_old_contents_or_the_new),
        cmocka_unit_test(a_failure_is_told_and_leaves_the_old_contents),
        cmocka_unit_test(
            a_small_file_is_read_whole_in_spite_of_short_reads_and_a_large_one_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
