#include "broker/base/bytes.h"
#include "tests/lib/test.h"
#include "tests/lib/tiny.h"

/* A machine that only does what the test tells it to: one operation at a time, or several. */
struct hand {
    struct env *env;
    struct file f, g;
    struct op ops[4];
    int32_t done;
    enum env_err err[4];
    int64_t value[4];
    struct buf *in, *list;
};

static struct world *world;
static struct machine *machine;

static void
hand_start(struct env *env, void *args)
{
    (void)args;
    env->machine = MEM_NEW(&env->mem, struct hand);
    ((struct hand *)env->machine)->env = env;
}

static struct hand *
hand(void)
{
    return machine->env.machine;
}

static void
on_done(struct op *op)
{
    struct hand *h = op->env->machine;
    int64_t i = op - h->ops;
    h->done++;
    h->err[i] = op->err;
    h->value[i] = op->value;
    if (op->buf && op->buf != h->in) h->list = op->buf;
}

static struct op *
op_at(struct hand *h, int i)
{
    h->ops[i].done = on_done;
    return &h->ops[i];
}

enum {
    DO_OPEN,
    DO_WRITE,
    DO_SYNC,
    DO_READ,
    DO_TRUNCATE,
    DO_CLOSE,
    DO_RENAME,
    DO_SYNC_DIR,
    DO_MKDIR,
    DO_UNLINK,
    DO_LOCK,
    DO_LIST,
    DO_FREE
};
struct what {
    int op, at, byte;
    const char *path, *path2;
    int64_t offset, n;
    int32_t flags;
};

static void
do_it(struct env *env, void *ctx)
{
    struct what *k = ctx;
    struct hand *h = env->machine;
    struct op *op = op_at(h, k->at);
    h->done = 0;
    switch (k->op) {
    case DO_OPEN: file_open(env, op, &h->f, slice_cstr(k->path), k->flags); break;
    case DO_WRITE: {
        struct buf *b = buf_new(&env->mem, k->n);
        memset(b->data, k->byte, (size_t)k->n);
        b->n = k->n;
        struct seg s = {.buf = b, .bytes = buf_slice(b)};
        file_write(op, &h->f, k->offset, &s, 1);
        buf_unref(b);
        break;
    }
    case DO_SYNC: file_sync(op, &h->f); break;
    case DO_READ:
        buf_unref(h->in);
        h->in = buf_new(&env->mem, k->n);
        file_read(op, &h->f, k->offset, h->in, 0, k->n);
        break;
    case DO_TRUNCATE: file_truncate(op, &h->f, k->n); break;
    case DO_CLOSE: file_close(op, &h->f); break;
    case DO_RENAME: path_rename(env, op, slice_cstr(k->path), slice_cstr(k->path2)); break;
    case DO_SYNC_DIR: dir_sync(env, op, slice_cstr(k->path)); break;
    case DO_MKDIR: dir_make(env, op, slice_cstr(k->path)); break;
    case DO_UNLINK: path_unlink(env, op, slice_cstr(k->path)); break;
    case DO_LOCK: path_lock(env, op, slice_cstr(k->path)); break;
    case DO_LIST: dir_list(env, op, slice_cstr(k->path)); break;
    case DO_FREE: path_free_space(env, op, S(".")); break;
    }
}

static void
queue(struct what k)
{
    machine_poke(machine, do_it, &k);
}

static enum env_err
run(struct what k)
{
    queue(k);
    world_run(world, NS_PER_S);
    assert_int_equal(hand()->done, 1);
    return hand()->err[k.at];
}

static void
begin(uint64_t seed)
{
    world = world_new(seed, NULL);
    machine = world_add(world, &(struct machine_params){.name = S("h"), .start = hand_start});
    machine_start(machine);
}

static void
open_new(const char *path)
{
    assert_int_equal(run((struct what){.op = DO_OPEN,
                                       .path = path,
                                       .flags = OPEN_READ | OPEN_WRITE | OPEN_CREATE}),
                     ENV_OK);
}

static void
write_bytes(int64_t offset, int64_t n, int byte)
{
    assert_int_equal(run((struct what){.op = DO_WRITE, .offset = offset, .n = n, .byte = byte}),
                     ENV_OK);
}

static void
sync_all(void)
{
    assert_int_equal(run((struct what){.op = DO_SYNC}), ENV_OK);
}

static void
lose_power(void)
{
    fault_power(machine);
    world_run(world, NS_PER_S);
    machine_start(machine);
}

static int64_t
size_of(const char *path)
{
    return disk_peek_size(machine, slice_cstr(path), IMAGE_CACHED);
}

static int
byte_of(const char *path, int64_t at)
{
    uint8_t b;
    return disk_peek(machine, slice_cstr(path), IMAGE_CACHED, at, &b, 1) == 1 ? b : -1;
}

static void
what_was_written_is_read_back_across_pages(void **state)
{
    (void)state;
    begin(1);
    open_new("x");
    write_bytes(0, 10000, 'a');
    write_bytes(4000, 200, 'b');
    assert_int_equal(run((struct what){.op = DO_READ, .offset = 3990, .n = 300}), ENV_OK);
    assert_int_equal(hand()->value[0], 300);
    assert_int_equal(hand()->in->data[9], 'a');
    assert_int_equal(hand()->in->data[10], 'b');
    assert_int_equal(hand()->in->data[209], 'b');
    assert_int_equal(hand()->in->data[210], 'a');
    assert_int_equal(run((struct what){.op = DO_READ, .offset = 9990, .n = 300}), ENV_OK);
    assert_int_equal(hand()->value[0], 10);
    world_free(world);
}

static void
a_process_crash_keeps_the_page_cache(void **state)
{
    (void)state;
    begin(2);
    open_new("x");
    write_bytes(0, 9000, 'a');
    fault_crash(machine);
    machine_start(machine);
    assert_int_equal(size_of("x"), 9000);
    assert_int_equal(byte_of("x", 8999), 'a');
    assert_int_equal(disk_peek_size(machine, S("x"), IMAGE_DURABLE), -1);
    world_free(world);
}

static void
a_power_loss_keeps_what_was_synced_and_only_sometimes_the_rest(void **state)
{
    (void)state;
    int kept = 0, lost = 0, torn = 0, lost_name = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        begin(seed);
        open_new("x");
        write_bytes(0, 8192, 'a');
        sync_all();
        assert_int_equal(run((struct what){.op = DO_SYNC_DIR, .path = "."}), ENV_OK);
        write_bytes(4096, 4096, 'b');
        write_bytes(8192, 4096, 'c');
        run((struct what){.op = DO_CLOSE});
        open_new("never-synced");
        lose_power();
        for (int64_t i = 0; i < 4096; i += 512) assert_int_equal(byte_of("x", i), 'a');
        int b = 0;
        for (int64_t i = 4096; i < 8192; i += 512) {
            int byte = byte_of("x", i);
            assert_true(byte == 'a' || byte == 'b');
            b += byte == 'b';
        }
        assert_true(size_of("x") >= 8192 && size_of("x") <= 12288);
        kept += b == 8, lost += b == 0, torn += b > 0 && b < 8;
        lost_name += size_of("never-synced") < 0;
        world_free(world);
    }
    assert_true(kept > 5 && lost > 5 && torn > 2);
    assert_true(lost_name > 5 && lost_name < 55);
}

static void
a_rename_lasts_once_its_directory_is_synced(void **state)
{
    (void)state;
    int old = 0, new = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        begin(seed);
        open_new("ck");
        write_bytes(0, 4, 'o');
        sync_all();
        run((struct what){.op = DO_SYNC_DIR, .path = "."});
        run((struct what){.op = DO_CLOSE});
        open_new("ck.tmp");
        write_bytes(0, 4, 'n');
        sync_all();
        assert_int_equal(run((struct what){.op = DO_RENAME, .path = "ck.tmp", .path2 = "ck"}),
                         ENV_OK);
        assert_int_equal(byte_of("ck", 0), 'n');
        if (seed > 30) run((struct what){.op = DO_SYNC_DIR, .path = "."});
        lose_power();
        int byte = byte_of("ck", 0); /* never neither of the two */
        assert_true(byte == 'n' || (seed <= 30 && byte == 'o'));
        old += byte == 'o', new += byte == 'n';
        world_free(world);
    }
    assert_true(old > 5 && new > 12);
}

static void
a_sync_covers_only_writes_completed_before_it_was_queued(void **state)
{
    (void)state;
    begin(3);
    open_new("x");
    write_bytes(0, 4096, 'a');
    queue((struct what){.op = DO_SYNC, .at = 0});
    queue((struct what){.op = DO_WRITE, .at = 1, .offset = 0, .n = 4096, .byte = 'b'});
    world_run(world, NS_PER_S);
    uint8_t b;
    run((struct what){.op = DO_SYNC_DIR, .path = "."});
    assert_int_equal(byte_of("x", 0), 'b');
    assert_int_equal(disk_peek(machine, S("x"), IMAGE_DURABLE, 0, &b, 1), 1);
    assert_int_equal(b, 'a');
    world_free(world);
}

static void
a_failed_sync_drops_the_pages_and_poisons_the_file(void **state)
{
    (void)state;
    begin(4);
    open_new("x");
    run((struct what){.op = DO_SYNC_DIR, .path = "."});
    write_bytes(0, 4096, 'a');
    fault_disk_fail(machine, DISK_FAIL_SYNC, S("x"), 1);
    assert_int_equal(run((struct what){.op = DO_SYNC}), ENV_EIO);
    assert_int_equal(run((struct what){.op = DO_SYNC}), ENV_EIO);
    assert_int_equal(byte_of("x", 0), 'a');
    lose_power();
    assert_true(byte_of("x", 0) <= 0);
    world_free(world);
}

static void
reads_and_writes_fail_when_told_to(void **state)
{
    (void)state;
    begin(5);
    open_new("x");
    write_bytes(0, 100, 'a');
    fault_disk_fail(machine, DISK_FAIL_WRITE, SLICE_NULL, 0);
    assert_int_equal(run((struct what){.op = DO_WRITE, .offset = 0, .n = 10, .byte = 'z'}),
                     ENV_EIO);
    assert_int_equal(byte_of("x", 0), 'a');
    fault_disk_heal(machine);
    fault_disk_fail(machine, DISK_FAIL_READ, S("y"), 0);
    assert_int_equal(run((struct what){.op = DO_READ, .n = 10}), ENV_OK);
    fault_disk_fail(machine, DISK_FAIL_READ, S("x"), 1);
    assert_int_equal(run((struct what){.op = DO_READ, .n = 10}), ENV_EIO);
    assert_int_equal(run((struct what){.op = DO_READ, .n = 10}), ENV_OK);
    fault_disk_short_reads(machine, 1000);
    assert_int_equal(run((struct what){.op = DO_READ, .n = 100}), ENV_OK);
    assert_true(hand()->value[0] > 0 && hand()->value[0] < 100);
    world_free(world);
}

static void
a_full_disk_refuses_what_needs_room(void **state)
{
    (void)state;
    begin(6);
    open_new("x");
    write_bytes(0, 4096, 'a');
    fault_disk_full(machine, 4096);
    assert_int_equal(run((struct what){.op = DO_FREE}), ENV_OK);
    assert_int_equal(hand()->value[0], 4096);
    assert_int_equal(run((struct what){.op = DO_WRITE, .offset = 4096, .n = 3 * 4096, .byte = 'b'}),
                     ENV_ENOSPC);
    assert_int_equal(run((struct what){.op = DO_WRITE, .offset = 0, .n = 4096, .byte = 'c'}),
                     ENV_OK);
    fault_disk_full(machine, -1);
    assert_int_equal(run((struct what){.op = DO_WRITE, .offset = 4096, .n = 3 * 4096, .byte = 'b'}),
                     ENV_OK);
    world_free(world);
}

static void
bits_rot_and_writes_go_astray(void **state)
{
    (void)state;
    begin(7);
    open_new("x");
    write_bytes(0, 4096, 'a');
    sync_all();
    assert_int_equal(fault_disk_rot(machine, S("x"), 100, 1), 1);
    assert_int_not_equal(byte_of("x", 100), 'a');
    assert_int_equal(byte_of("x", 101), 'a');
    fault_disk_misdirect(machine, S("x"));
    write_bytes(0, 10, 'm');
    assert_int_equal(byte_of("x", 0), 'a');
    assert_true(size_of("x") > 8192 - 4096 && (size_of("x") - 10) % 4096 == 0);
    write_bytes(0, 10, 'n');
    assert_int_equal(byte_of("x", 0), 'n');
    world_free(world);
}

static void
a_truncated_file_is_short_and_its_tail_is_zero_when_it_grows(void **state)
{
    (void)state;
    begin(8);
    open_new("x");
    write_bytes(0, 10000, 'a');
    assert_int_equal(run((struct what){.op = DO_TRUNCATE, .n = 5000}), ENV_OK);
    assert_int_equal(size_of("x"), 5000);
    write_bytes(9000, 1, 'z');
    assert_int_equal(byte_of("x", 4999), 'a');
    assert_int_equal(byte_of("x", 5000), 0);
    assert_int_equal(byte_of("x", 8500), 0);
    sync_all();
    run((struct what){.op = DO_SYNC_DIR, .path = "."});
    lose_power();
    assert_int_equal(size_of("x"), 9001);
    assert_int_equal(byte_of("x", 5000), 0);
    world_free(world);
}

static void
names_follow_the_rules(void **state)
{
    (void)state;
    begin(9);
    assert_int_equal(
        run((struct what){.op = DO_OPEN, .path = "d/x", .flags = OPEN_CREATE | OPEN_WRITE}),
        ENV_ENOENT);
    assert_int_equal(run((struct what){.op = DO_MKDIR, .path = "d"}), ENV_OK);
    assert_int_equal(run((struct what){.op = DO_MKDIR, .path = "/d/"}), ENV_EEXIST);
    open_new("d/b");
    run((struct what){.op = DO_CLOSE});
    open_new("/d/a");
    run((struct what){.op = DO_CLOSE});
    assert_int_equal(run((struct what){.op = DO_RENAME, .path = "d", .path2 = "e"}), ENV_OK);
    assert_int_equal(run((struct what){.op = DO_LIST, .path = "e"}), ENV_OK);
    struct reader r = reader(buf_slice(hand()->list));
    struct dir_entry e;
    assert_true(dir_next(&r, &e));
    assert_false(e.is_dir);
    assert_true(e.modified_ms >= world_options_default().wall_ms);
    assert_slice(e.name, "a");
    assert_true(dir_next(&r, &e));
    assert_slice(e.name, "b");
    assert_false(dir_next(&r, &e));
    assert_int_equal(run((struct what){.op = DO_UNLINK, .path = "e"}), ENV_EINVAL);
    assert_int_equal(run((struct what){.op = DO_UNLINK, .path = "e/a"}), ENV_OK);
    assert_int_equal(run((struct what){.op = DO_UNLINK, .path = "e/a"}), ENV_ENOENT);
    world_free(world);
}

static void
a_lock_is_held_until_its_machine_ends(void **state)
{
    (void)state;
    begin(10);
    struct machine *first = machine;
    assert_int_equal(run((struct what){.op = DO_LOCK, .path = ".lock"}), ENV_OK);
    machine = world_add(
        world, &(struct machine_params){.name = S("i"), .host = S("h"), .start = hand_start});
    machine_start(machine);
    assert_int_equal(run((struct what){.op = DO_LOCK, .path = ".lock"}), ENV_ELOCKED);
    fault_crash(first);
    assert_int_equal(run((struct what){.op = DO_LOCK, .path = ".lock"}), ENV_OK);
    world_free(world);
}

/* At every operation of a script, both ways of dying: before the crash all is there, what is in
 * flight is there in part, what comes later is not. */
static void
a_crash_can_be_swept_over_all_operations(void **state)
{
    (void)state;
    for (int64_t n = 2; n <= 4; n++) {
        begin((uint64_t)n);
        fault_at_disk_op(machine, n, n % 2);
        open_new("x");
        for (int i = 0; i < 3 && machine_is_up(machine); i++) {
            queue((struct what){.op = DO_WRITE, .offset = i * 4096, .n = 4096, .byte = 'a' + i});
            world_run(world, NS_PER_S);
        }
        assert_false(machine_is_up(machine));
        if (n % 2 == 0) {
            assert_true(size_of("x") >= (n - 2) * 4096);
            assert_true(size_of("x") <= (n - 1) * 4096);
        }
        machine_start(machine);
        world_free(world);
    }
}

static void
a_wiped_disk_is_empty(void **state)
{
    (void)state;
    begin(11);
    disk_put(machine, S("a/b/c"), S("hello"));
    assert_int_equal(disk_peek_size(machine, S("a/b/c"), IMAGE_DURABLE), 5);
    lose_power();
    assert_int_equal(size_of("a/b/c"), 5);
    fault_crash(machine);
    fault_wipe(machine);
    assert_int_equal(size_of("a/b/c"), -1);
    world_free(world);
}

/* Three replicas have the same bytes at the same places. */
static void
copies_of_a_page_take_the_memory_of_one_and_each_goes_its_own_way(void **state)
{
    enum { N = 64 * 4096 };
    static uint8_t bytes[N];
    (void)state;
    begin(12);
    struct machine *other =
        world_add(world, &(struct machine_params){.name = S("other"), .start = hand_start});
    for (int i = 0; i < N; i++) bytes[i] = (uint8_t)(i / 4096 * 3 + i);
    int64_t before = world_mem(world)->used_bytes;
    disk_put(machine, S("a"), slice(bytes, N));
    int64_t one = world_mem(world)->used_bytes - before;
    disk_put(machine, S("b"), slice(bytes, N));
    disk_put(other, S("c"), slice(bytes, N));
    assert_true(one > N && world_mem(world)->used_bytes - before < one + one / 4);

    uint8_t kept[N];
    assert_int_equal(fault_disk_rot(other, S("c"), 5000, 1), 1);
    assert_int_equal(run((struct what){.op = DO_OPEN, .path = "b", .flags = OPEN_WRITE}), ENV_OK);
    write_bytes(9000, 10, 'x');
    assert_int_equal(run((struct what){.op = DO_TRUNCATE, .n = 13000}), ENV_OK);
    assert_int_equal(byte_of("b", 9005), 'x');
    assert_int_equal(disk_peek(other, S("c"), IMAGE_CACHED, 0, kept, N), N);
    assert_int_not_equal(kept[5000], bytes[5000]);
    kept[5000] = bytes[5000];
    assert_memory_equal(kept, bytes, N);
    assert_int_equal(disk_peek(machine, S("a"), IMAGE_CACHED, 0, kept, N), N);
    assert_memory_equal(kept, bytes, N);
    write_bytes(9000, 10, bytes[9000] + 1);
    fault_crash(machine);
    fault_wipe(machine);
    assert_int_equal(disk_peek(other, S("c"), IMAGE_DURABLE, 12000, kept, 1000), 1000);
    assert_memory_equal(kept, bytes + 12000, 1000);
    world_free(world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_back_across_pages),
        cmocka_unit_test(a_process_crash_keeps_the_page_cache),
        cmocka_unit_test(a_power_loss_keeps_what_was_synced_and_only_sometimes_the_rest),
        cmocka_unit_test(a_rename_lasts_once_its_directory_is_synced),
        cmocka_unit_test(a_sync_covers_only_writes_completed_before_it_was_queued),
        cmocka_unit_test(a_failed_sync_drops_the_pages_and_poisons_the_file),
        cmocka_unit_test(reads_and_writes_fail_when_told_to),
        cmocka_unit_test(a_full_disk_refuses_what_needs_room),
        cmocka_unit_test(bits_rot_and_writes_go_astray),
        cmocka_unit_test(a_truncated_file_is_short_and_its_tail_is_zero_when_it_grows),
        cmocka_unit_test(names_follow_the_rules),
        cmocka_unit_test(a_lock_is_held_until_its_machine_ends),
        cmocka_unit_test(a_crash_can_be_swept_over_all_operations),
        cmocka_unit_test(a_wiped_disk_is_empty),
        cmocka_unit_test(copies_of_a_page_take_the_memory_of_one_and_each_goes_its_own_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
