#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/os/body.h"

#include "broker/base/bytes.h"

static struct seg
seg_of(struct buf *b)
{
    return (struct seg){.buf = b, .bytes = buf_slice(b)};
}

static void
open_file(struct body *b, struct file *f, const char *path, int32_t flags)
{
    struct waiting w;
    BODY_OP(b, w, file_open(&b->m->env, &w.op, f, slice_cstr(path), flags));
    assert_int_equal(w.op.err, ENV_OK);
}

static void
write_text(struct body *b, struct file *f, int64_t offset, struct slice text)
{
    struct waiting w;
    struct buf *buf = buf_copy(&b->m->env.mem, text);
    struct seg seg = seg_of(buf);
    BODY_OP(b, w, file_write(&w.op, f, offset, &seg, 1));
    buf_unref(buf);
    assert_int_equal(w.op.err, ENV_OK);
}

static void
close_file(struct body *b, struct file *f)
{
    struct waiting w;
    BODY_OP(b, w, file_close(&w.op, f));
    assert_int_equal(w.op.err, ENV_OK);
    assert_null(f->slot);
}

static void
gathered_writes_are_read_back(void **state)
{
    (void)state;
    struct body b;
    body_init(&b);
    struct file f = {0};
    struct waiting w;
    open_file(&b, &f, "a", OPEN_READ | OPEN_WRITE | OPEN_CREATE);
    struct seg segs[600];
    struct buf *one = buf_copy(&b.m->env.mem, S("abc"));
    for (int i = 0; i < 600; i++) segs[i] = seg_of(one);
    BODY_OP(&b, w, file_write(&w.op, &f, 5, segs, 600));
    assert_int_equal(w.op.err, ENV_OK);
    struct buf *target = buf_new(&b.m->env.mem, 4000);
    BODY_OP(&b, w, file_read(&w.op, &f, 0, target, 10, 3000));
    assert_int_equal(w.op.err, ENV_OK);
    assert_int_equal(w.op.value, 5 + 1800);
    assert_memory_equal(target->data + 10, "\0\0\0\0\0abcabc", 11);
    assert_memory_equal(target->data + 10 + 1802, "abc", 3);
    buf_unref(target);
    buf_unref(one);
    BODY_OP(&b, w, file_sync(&w.op, &f));
    assert_int_equal(w.op.err, ENV_OK);
    BODY_OP(&b, w, file_truncate(&w.op, &f, 7));
    assert_int_equal(w.op.err, ENV_OK);
    close_file(&b, &f);
    BODY_OP(&b, w, file_open(&b.m->env, &w.op, &f, S("a"), OPEN_READ));
    assert_int_equal(w.op.value, 7);
    close_file(&b, &f);
    body_release(&b);
}

static void
a_read_at_the_end_is_short(void **state)
{
    (void)state;
    struct body b;
    body_init(&b);
    struct file f = {0};
    struct waiting w;
    open_file(&b, &f, "a", OPEN_READ | OPEN_WRITE | OPEN_CREATE);
    write_text(&b, &f, 0, S("12345"));
    struct buf *target = buf_new(&b.m->env.mem, 1 << 20);
    BODY_OP(&b, w, file_read(&w.op, &f, 3, target, 0, 1 << 20));
    assert_int_equal(w.op.value, 2);
    BODY_OP(&b, w, file_read(&w.op, &f, 5, target, 0, 10));
    assert_int_equal(w.op.value, 0);
    BODY_OP(&b, w, file_read(&w.op, &f, 0, target, 0, 5));
    assert_int_equal(w.op.value, 5);
    buf_unref(target);
    body_release(&b);
}

static void
errors_say_what_is_wrong(void **state)
{
    (void)state;
    struct body b;
    body_init(&b);
    struct file f = {0};
    struct waiting w;
    struct env *env = &b.m->env;
    BODY_OP(&b, w, file_open(env, &w.op, &f, S("nothing"), OPEN_READ));
    assert_int_equal(w.op.err, ENV_ENOENT);
    assert_false(f.is_open);
    BODY_OP(&b, w, dir_make(env, &w.op, S("d")));
    assert_int_equal(w.op.err, ENV_OK);
    BODY_OP(&b, w, dir_make(env, &w.op, S("d")));
    assert_int_equal(w.op.err, ENV_EEXIST);
    BODY_OP(&b, w, file_open(env, &w.op, &f, S("d"), OPEN_READ));
    assert_int_equal(w.op.err, ENV_EINVAL);
    open_file(&b, &f, "d/x", OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE);
    close_file(&b, &f);
    BODY_OP(&b, w, file_open(env, &w.op, &f, S("d/x"), OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE));
    assert_int_equal(w.op.err, ENV_EEXIST);
    BODY_OP(&b, w, dir_remove(env, &w.op, S("d")));
    assert_int_equal(w.op.err, ENV_ENOTEMPTY);
    BODY_OP(&b, w, path_unlink(env, &w.op, S("d/x")));
    assert_int_equal(w.op.err, ENV_OK);
    BODY_OP(&b, w, path_unlink(env, &w.op, S("d/x")));
    assert_int_equal(w.op.err, ENV_ENOENT);
    BODY_OP(&b, w, dir_remove(env, &w.op, S("d")));
    assert_int_equal(w.op.err, ENV_OK);
    BODY_OP(&b, w, dir_sync(env, &w.op, S("")));
    assert_int_equal(w.op.err, ENV_OK);
    BODY_OP(&b, w, dir_sync(env, &w.op, S("d")));
    assert_int_equal(w.op.err, ENV_ENOENT);
    BODY_OP(&b, w, path_free_space(env, &w.op, S("")));
    assert_int_equal(w.op.err, ENV_OK);
    assert_true(w.op.value > 0);
    body_release(&b);
}

static void
expect_entry(struct reader *r, bool is_dir, int64_t size, const char *name)
{
    struct dir_entry e;
    assert_true(dir_next(r, &e));
    assert_int_equal(e.is_dir, is_dir);
    assert_int_equal(e.size, size);
    /* Not time(): that is the second of the last tick, and the kernel may stamp a file with a finer clock. */
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    assert_true(e.modified_ms > 1600000000000 &&
                e.modified_ms <= (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    assert_true(slice_eq(e.name, slice_cstr(name)));
}

static void
a_list_is_sorted_by_bytes(void **state)
{
    (void)state;
    struct body b;
    body_init(&b);
    struct waiting w;
    struct file f;
    static const char *names[] = {"b", "a", "\xc3\xa4", "B", "a.b", "a-b", "10", "9"};
    for (int i = 0; i < ARRAY_LEN(names); i++) {
        f = (struct file){0};
        open_file(&b, &f, names[i], OPEN_WRITE | OPEN_CREATE);
        write_text(&b, &f, i, S("x"));
        close_file(&b, &f);
    }
    BODY_OP(&b, w, dir_make(&b.m->env, &w.op, S("a+")));
    BODY_OP(&b, w, dir_list(&b.m->env, &w.op, S("")));
    assert_int_equal(w.op.err, ENV_OK);
    struct reader r = reader(buf_slice(w.op.buf));
    expect_entry(&r, false, 7, "10");
    expect_entry(&r, false, 8, "9");
    expect_entry(&r, false, 4, "B");
    expect_entry(&r, false, 2, "a");
    expect_entry(&r, true, 0, "a+");
    expect_entry(&r, false, 6, "a-b");
    expect_entry(&r, false, 5, "a.b");
    expect_entry(&r, false, 1, "b");
    expect_entry(&r, false, 3, "\xc3\xa4");
    assert_int_equal(reader_left(&r), 0);
    buf_unref(w.op.buf);
    BODY_OP(&b, w, dir_list(&b.m->env, &w.op, S("nothing")));
    assert_int_equal(w.op.err, ENV_ENOENT);
    body_release(&b);
}

static void
a_rename_replaces_its_target(void **state)
{
    (void)state;
    struct body b;
    body_init(&b);
    struct waiting w;
    struct file f = {0};
    open_file(&b, &f, "new", OPEN_WRITE | OPEN_CREATE);
    write_text(&b, &f, 0, S("12"));
    close_file(&b, &f);
    open_file(&b, &f, "old", OPEN_WRITE | OPEN_CREATE);
    close_file(&b, &f);
    BODY_OP(&b, w, path_rename(&b.m->env, &w.op, S("new"), S("old")));
    assert_int_equal(w.op.err, ENV_OK);
    BODY_OP(&b, w, file_open(&b.m->env, &w.op, &f, S("old"), OPEN_READ));
    assert_int_equal(w.op.value, 2);
    BODY_OP(&b, w, path_rename(&b.m->env, &w.op, S("new"), S("old")));
    assert_int_equal(w.op.err, ENV_ENOENT);
    body_release(&b);
}

static void
a_full_device_is_no_space(void **state)
{
    (void)state;
    struct body b;
    body_init(&b);
    struct waiting w;
    struct file f = {0};
    open_file(&b, &f, "/dev/full", OPEN_WRITE);
    struct buf *buf = buf_copy(&b.m->env.mem, S("text"));
    struct seg seg = seg_of(buf);
    BODY_OP(&b, w, file_write(&w.op, &f, 0, &seg, 1));
    assert_int_equal(w.op.err, ENV_ENOSPC);
    buf_unref(buf);
    body_release(&b);
}

static void
a_full_file_system_is_no_space(void **state)
{
    (void)state;
    struct body b;
    body_init(&b);
    if (mount("none", b.dir, "tmpfs", 0, "size=64k") < 0) {
        print_message("skipped: a small tmpfs cannot be mounted here\n");
        body_release(&b);
        skip();
    }
    os_machine_free(b.m);
    b.m = body_machine(&b);
    struct waiting w;
    struct file f = {0};
    open_file(&b, &f, "a", OPEN_READ | OPEN_WRITE | OPEN_CREATE);
    struct buf *buf = buf_new(&b.m->env.mem, 100000);
    buf->n = buf->cap;
    struct seg seg = seg_of(buf);
    BODY_OP(&b, w, file_write(&w.op, &f, 0, &seg, 1));
    assert_int_equal(w.op.err, ENV_ENOSPC);
    buf_unref(buf);
    char dir[sizeof b.dir];
    memcpy(dir, b.dir, sizeof dir);
    os_machine_free(b.m);
    os_loop_free(b.loop);
    assert_int_equal(umount2(dir, MNT_DETACH), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void
a_failed_sync_poisons_the_file_for_good(void **state)
{
    (void)state;
    struct body b;
    body_init(&b);
    struct waiting w;
    struct file f = {0}, again = {0}, good = {0};
    open_file(&b, &f, "/dev/full", OPEN_WRITE);
    BODY_OP(&b, w, file_sync(&w.op, &f)); /* a device that cannot be synced */
    assert_int_not_equal(w.op.err, ENV_OK);
    open_file(&b, &again, "/dev/full", OPEN_WRITE);
    struct buf *buf = buf_copy(&b.m->env.mem, S("text"));
    struct seg seg = seg_of(buf);
    BODY_OP(&b, w, file_write(&w.op, &f, 0, &seg, 1));
    assert_int_equal(w.op.err, ENV_EIO);
    BODY_OP(&b, w, file_write(&w.op, &again, 0, &seg, 1));
    assert_int_equal(w.op.err, ENV_EIO);
    BODY_OP(&b, w, file_sync(&w.op, &again));
    assert_int_equal(w.op.err, ENV_EIO);
    buf_unref(buf);
    open_file(&b, &good, "good", OPEN_WRITE | OPEN_CREATE);
    write_text(&b, &good, 0, S("x"));
    body_release(&b);
}

static void
a_lock_keeps_other_machines_out_until_its_own_ends(void **state)
{
    (void)state;
    struct body b;
    body_init(&b);
    struct waiting w;
    BODY_OP(&b, w, path_lock(&b.m->env, &w.op, S(".lock")));
    assert_int_equal(w.op.err, ENV_OK);
    struct os_machine *first = b.m;
    b.m = body_machine(&b);
    BODY_OP(&b, w, path_lock(&b.m->env, &w.op, S(".lock")));
    assert_int_equal(w.op.err, ENV_ELOCKED);
    os_machine_free(first);
    BODY_OP(&b, w, path_lock(&b.m->env, &w.op, S(".lock")));
    assert_int_equal(w.op.err, ENV_OK);
    body_release(&b);
}

/* As Java does: a lock of the process. */
static pid_t
hold_lock(const char *path, int ready_fd)
{
    pid_t pid = fork();
    if (pid != 0) return pid;
    int fd = open(path, O_RDWR | O_CREAT, 0644);
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char c = fcntl(fd, F_SETLK, &all) == 0 ? 'y' : 'n';
    if (write(ready_fd, &c, 1) != 1) _exit(1);
    pause();
    _exit(0);
}

static void
a_lock_of_another_process_is_told(void **state)
{
    (void)state;
    struct body b;
    body_init(&b);
    struct waiting w;
    char path[96], c = 0;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    snprintf(path, sizeof path, "%s/.lock", b.dir);
    pid_t pid = hold_lock(path, ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(c, 'y');
    BODY_OP(&b, w, path_lock(&b.m->env, &w.op, S(".lock")));
    assert_int_equal(w.op.err, ENV_ELOCKED);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    BODY_OP(&b, w, path_lock(&b.m->env, &w.op, S(".lock")));
    assert_int_equal(w.op.err, ENV_OK);
    close(ready[0]), close(ready[1]);
    body_release(&b);
}

static void
a_machine_can_go_while_operations_are_pending(void **state)
{
    (void)state;
    struct body b;
    body_init(&b);
    struct file f = {0};
    open_file(&b, &f, "a", OPEN_READ | OPEN_WRITE | OPEN_CREATE);
    static struct waiting w[40];
    memset(w, 0, sizeof w);
    struct buf *buf = buf_new(&b.m->env.mem, 1 << 20);
    struct buf *target = buf_new(&b.m->env.mem, 1 << 20);
    buf->n = buf->cap;
    struct seg seg = seg_of(buf);
    for (int i = 0; i < 40; i++) w[i].op.done = waiting_done;
    os_machine_enter(b.m);
    for (int i = 0; i < 20; i++) file_write(&w[i].op, &f, (int64_t)i << 20, &seg, 1);
    for (int i = 20; i < 39; i++) file_read(&w[i].op, &f, 0, target, i * 1000, 1000);
    file_close(&w[39].op, &f);
    os_machine_carry_out(b.m);
    os_machine_free(b.m);
    for (int i = 0; i < 40; i++) assert_int_equal(w[i].done, 0);
    b.m = body_machine(&b);
    body_release(&b);
}

static void
work_is_done_in_threads(void **state)
{
    (void)state;
    struct body b;
    body_init(&b);
    struct waiting w, back;
    struct env *env = &b.m->env;
    struct buf *text = buf_new(&env->mem, 100000);
    memset(text->data, 'x', 100000);
    text->n = 100000;
    struct seg seg = seg_of(text);
    BODY_OP(&b, w, work_queue(env, &w.op, WORK_COMPRESS, CODEC_ZSTD, 0, &seg, 1, 1 << 20));
    assert_int_equal(w.op.err, ENV_OK);
    assert_true(w.op.buf->n < 1000);
    struct seg packed = seg_of(w.op.buf);
    BODY_OP(&b, back,
            work_queue(env, &back.op, WORK_DECOMPRESS, CODEC_ZSTD, 0, &packed, 1, 1 << 20));
    assert_true(slice_eq(buf_slice(back.op.buf), buf_slice(text)));
    buf_unref(back.op.buf);
    BODY_OP(&b, back, work_queue(env, &back.op, WORK_DECOMPRESS, CODEC_ZSTD, 0, &packed, 1, 1000));
    assert_int_equal(back.op.err, ENV_ETOOBIG);
    buf_unref(w.op.buf);
    struct buf *digits = buf_copy(&env->mem, S("123456789"));
    struct seg d = seg_of(digits);
    BODY_OP(&b, w, work_queue(env, &w.op, WORK_CRC32C, CODEC_NONE, 0, &d, 1, 0));
    assert_int_equal((uint32_t)w.op.value, 0xe3069283);
    buf_unref(digits);
    buf_unref(text);
    body_release(&b);
}

/* A handful of batches that blow up must not keep a quorum's votes and everybody's records off the disk. */
static void
computations_do_not_hold_up_the_disk(void **state)
{
    (void)state;
    struct body b;
    body_init(&b);
    struct file f = {0};
    struct waiting work[8], write = {.op.done = waiting_done};
    struct env *env = &b.m->env;
    open_file(&b, &f, "a", OPEN_WRITE | OPEN_CREATE);
    struct buf *text = buf_new(&env->mem, 1 << 20);
    for (int i = 0; i < 1 << 20; i++) text->data[i] = (uint8_t)((uint32_t)i * 2654435761u >> 28);
    text->n = 1 << 20;
    struct seg segs[8], one = seg_of(text);
    for (int i = 0; i < 8; i++) segs[i] = one;
    one.bytes.n = 10;
    os_machine_enter(b.m);
    for (int i = 0; i < 8; i++) {
        work[i] = (struct waiting){.op.done = waiting_done};
        work_queue(env, &work[i].op, WORK_COMPRESS, CODEC_GZIP, 9, segs, 8, 16 << 20);
    }
    file_write(&write.op, &f, 0, &one, 1);
    os_machine_carry_out(b.m);
    BODY_UNTIL(&b, write.done);
    int before = 0;
    for (int i = 0; i < 8; i++) before += work[i].done;
    assert_in_range(before, 0, 4);
    for (int i = 0; i < 8; i++) {
        BODY_UNTIL(&b, work[i].done);
        buf_unref(work[i].op.buf);
    }
    buf_unref(text);
    close_file(&b, &f);
    body_release(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gathered_writes_are_read_back),
        cmocka_unit_test(a_read_at_the_end_is_short),
        cmocka_unit_test(errors_say_what_is_wrong),
        cmocka_unit_test(a_list_is_sorted_by_bytes),
        cmocka_unit_test(a_rename_replaces_its_target),
        cmocka_unit_test(a_full_device_is_no_space),
        cmocka_unit_test(a_full_file_system_is_no_space),
        cmocka_unit_test(a_failed_sync_poisons_the_file_for_good),
        cmocka_unit_test(a_lock_keeps_other_machines_out_until_its_own_ends),
        cmocka_unit_test(a_lock_of_another_process_is_told),
        cmocka_unit_test(a_machine_can_go_while_operations_are_pending),
        cmocka_unit_test(work_is_done_in_threads),
        cmocka_unit_test(computations_do_not_hold_up_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
