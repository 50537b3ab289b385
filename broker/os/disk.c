/* Disk operations and computations. One job carries one operation; a thread does the system calls and
 * leaves what came of it in the job, the loop's thread turns that into the event. A thread reads the
 * operation, which does not change while it is pending, and writes only into the job and into the
 * target of a read. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "broker/os/dir.h"
#include "broker/os/errors.h"
#include "broker/os/file.h"
#include "broker/os/memory.h"
#include "broker/work/work.h"

#define IOV_MAX_AT_ONCE 256
#define READ_AT_ONCE_MAX (64 << 10) /* on the loop, if resident */

struct disk_job {
    struct os_job job;
    struct list node; /* in loop->done, when no thread was needed */
    struct os_machine *m;
    struct op *op;
    struct os_file *file; /* referenced */
    enum env_err err;
    int64_t value;
    uint8_t *out; /* from malloc */
    int64_t out_n;
    int fd; /* opened, locked */
    struct os_inode inode;
};

struct lock {
    struct list node;
    int fd;
};

static int
cstr_fd(const struct disk_job *j)
{
    return j->m->root_fd;
}

static const char *
cstr(struct slice path)
{
    return path.n ? (const char *)path.p : ".";
}

static void
set_err(struct disk_job *j, int rc)
{
    j->err = rc < 0 ? os_err(errno) : ENV_OK;
}

/* ---- in a thread ---- */

static int
open_flags(int32_t flags)
{
    bool r = flags & OPEN_READ, w = flags & OPEN_WRITE;
    return O_CLOEXEC | O_NOCTTY |
           (r && w ? O_RDWR
            : w    ? O_WRONLY
                   : O_RDONLY) |
           (flags & OPEN_CREATE ? O_CREAT : 0) | (flags & OPEN_EXCLUSIVE ? O_EXCL : 0) |
           (flags & OPEN_TRUNCATE ? O_TRUNC : 0);
}

static bool
describe_opened(struct disk_job *j)
{
    struct statx st;
    if (statx(j->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &st) < 0) return false;
    errno = EISDIR;
    if (S_ISDIR(st.stx_mode)) return false;
    j->value = (int64_t)st.stx_size;
    j->inode = (struct os_inode){
        .dev = makedev(st.stx_dev_major, st.stx_dev_minor),
        .ino = st.stx_ino,
        .born_s = st.stx_btime.tv_sec,
        .born_ns = st.stx_btime.tv_nsec,
    };
    return true;
}

static void
do_open(struct disk_job *j)
{
    do {
        j->fd = openat(cstr_fd(j), cstr(j->op->path), open_flags(j->op->flags), 0644);
    } while (j->fd < 0 && errno == EINTR);
    set_err(j, j->fd);
    if (j->fd < 0 || describe_opened(j)) return;
    set_err(j, -1);
    close(j->fd);
    j->fd = -1;
}

static void
do_read(struct disk_job *j)
{
    const struct op *op = j->op;
    uint8_t *to = op->buf->data + op->flags;
    while (j->value < op->n) {
        ssize_t got =
            pread(j->file->fd, to + j->value, (size_t)(op->n - j->value), op->offset + j->value);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) set_err(j, -1);
        if (got <= 0) return;
        j->value += got;
    }
}

/* Fills iov with what lies behind the first `from` bytes of the segments. */
static int
gather_segments(const struct op *op, int64_t from, struct iovec *iov)
{
    int n = 0;
    for (int32_t i = 0; i < op->segs_n && n < IOV_MAX_AT_ONCE; i++) {
        struct slice s = op->segs[i].bytes;
        int64_t skip = MIN(from, s.n);
        from -= skip;
        if (skip == s.n) continue;
        union {
            const uint8_t *c;
            void *p;
        } u = {s.p + skip};
        iov[n++] = (struct iovec){u.p, (size_t)(s.n - skip)};
    }
    return n;
}

static void
do_write(struct disk_job *j)
{
    const struct op *op = j->op;
    struct iovec iov[IOV_MAX_AT_ONCE];
    for (int64_t at = 0; at < op->n;) {
        ssize_t put = pwritev(j->file->fd, iov, gather_segments(op, at, iov), op->offset + at);
        if (put < 0 && errno == EINTR) continue;
        if (put == 0) errno = ENOSPC;
        if (put <= 0) {
            set_err(j, -1);
            return;
        }
        at += put;
    }
}

/* After a failed sync the kernel may forget which pages were not written: EIO, whatever it says. */
static void
do_sync(struct disk_job *j)
{
    int rc;
    do {
        rc = fdatasync(j->file->fd);
    } while (rc < 0 && errno == EINTR);
    set_err(j, rc);
}

static void
do_truncate(struct disk_job *j)
{
    int rc;
    do {
        rc = ftruncate(j->file->fd, j->op->n);
    } while (rc < 0 && errno == EINTR);
    set_err(j, rc);
}

/* Open file description locks: they also keep machines of one process apart, and conflict with the
 * process locks that Java takes. */
static void
do_lock(struct disk_job *j)
{
    j->fd = openat(cstr_fd(j), cstr(j->op->path), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    set_err(j, j->fd);
    if (j->fd < 0) return;
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(j->fd, F_OFD_SETLK, &all) == 0) return;
    j->err = errno == EAGAIN || errno == EACCES ? ENV_ELOCKED : os_err(errno);
    close(j->fd);
    j->fd = -1;
}

static void
do_sync_dir(struct disk_job *j)
{
    int fd = openat(cstr_fd(j), cstr(j->op->path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    set_err(j, fd);
    if (fd < 0) return;
    set_err(j, fsync(fd));
    close(fd);
}

static void
do_free_space(struct disk_job *j)
{
    struct statvfs st;
    int fd = openat(cstr_fd(j), cstr(j->op->path), O_RDONLY | O_CLOEXEC);
    set_err(j, fd);
    if (fd < 0) return;
    set_err(j, fstatvfs(fd, &st));
    if (!j->err) j->value = (int64_t)(st.f_bavail * st.f_frsize);
    close(fd);
}

static void
do_work(struct disk_job *j)
{
    const struct op *op = j->op;
    struct work_result r = {0};
    j->err = work_run(op->work, op->codec, op->level, op->segs, op->segs_n, op->offset, &r);
    j->out = r.p;
    j->out_n = r.n;
    j->value = op->work == WORK_CRC32C ? r.crc : r.n;
}

static void
disk_job_run(struct os_job *job)
{
    struct disk_job *j = CONTAINER_OF(job, struct disk_job, job);
    const struct op *op = j->op;
    int at = cstr_fd(j);
    switch (op->kind) {
    case OP_OPEN: do_open(j); break;
    case OP_READ: do_read(j); break;
    case OP_WRITE: do_write(j); break;
    case OP_SYNC: do_sync(j); break;
    case OP_TRUNCATE: do_truncate(j); break;
    case OP_LOCK: do_lock(j); break;
    case OP_MKDIR: set_err(j, mkdirat(at, cstr(op->path), 0755)); break;
    case OP_RMDIR: set_err(j, unlinkat(at, cstr(op->path), AT_REMOVEDIR)); break;
    case OP_LIST: j->err = os_dir_list(at, cstr(op->path), &j->out, &j->out_n); break;
    case OP_RENAME: set_err(j, renameat(at, cstr(op->path), at, cstr(op->path2))); break;
    case OP_UNLINK: set_err(j, unlinkat(at, cstr(op->path), 0)); break;
    case OP_SYNC_DIR: do_sync_dir(j); break;
    case OP_FREE_SPACE: do_free_space(j); break;
    case OP_WORK: do_work(j); break;
    case OP_IDLE:
    case OP_CLOSE: UNREACHABLE();
    }
}

/* ---- on the loop ---- */

static void
opened(struct disk_job *j)
{
    if (!j->err) j->op->file->slot = os_file_new(j->m, j->fd, &j->inode);
}

static void
keep_lock(struct disk_job *j)
{
    if (j->err) return;
    struct lock *lock = os_zalloc(sizeof *lock);
    lock->fd = j->fd;
    list_push_back(&j->m->locks, &lock->node);
}

static void
job_free(struct disk_job *j)
{
    if (j->file) os_file_unref(j->file);
    free(j->out);
    free(j);
}

static void
deliver(struct disk_job *j)
{
    struct os_machine *m = j->m;
    struct event ev = {.kind = EV_DONE, .op = j->op, .err = j->err, .n = j->value};
    enum op_kind kind = j->op->kind;
    if (kind == OP_OPEN) opened(j);
    if (kind == OP_LOCK) keep_lock(j);
    if (kind == OP_SYNC && j->err) os_file_poison(j->file);
    if (kind == OP_CLOSE) j->op->file->slot = NULL;
    bool has_out = kind == OP_LIST || (kind == OP_WORK && j->op->work != WORK_CRC32C);
    if (has_out && !j->err) ev.buf = buf_copy(&m->env.mem, slice(j->out, j->out_n));
    job_free(j);
    os_machine_deliver(m, &ev);
}

static void
disk_job_done(struct os_job *job)
{
    struct disk_job *j = CONTAINER_OF(job, struct disk_job, job);
    j->m->jobs_n--;
    deliver(j);
}

/* The event comes in a later step all the same. */
static void
finish_at_once(struct disk_job *j, enum env_err err)
{
    j->err = err;
    list_push_back(&j->m->loop->done, &j->node);
}

/* What lies in memory is read here: a thread would cost more than the copy. */
static bool
read_at_once(struct disk_job *j)
{
    const struct op *op = j->op;
    if (op->n > READ_AT_ONCE_MAX) return false;
    struct iovec iov = {op->buf->data + op->flags, (size_t)op->n};
    ssize_t got = preadv2(j->file->fd, &iov, 1, op->offset, RWF_NOWAIT);
    if (got != op->n) return false;
    j->value = got;
    return true;
}

static bool
is_refused(const struct disk_job *j)
{
    enum op_kind kind = j->op->kind;
    bool changes = kind == OP_WRITE || kind == OP_SYNC || kind == OP_TRUNCATE;
    return changes && j->file->poisoned;
}

static bool
has_file(enum op_kind kind)
{
    return kind == OP_READ || kind == OP_WRITE || kind == OP_SYNC || kind == OP_TRUNCATE;
}

void
os_disk_start(struct os_machine *m, struct op *op)
{
    struct disk_job *j = os_zalloc(sizeof *j);
    *j = (struct disk_job){
        .job = {.run = disk_job_run, .done = disk_job_done, .is_quick = op->kind == OP_WRITE},
        .m = m,
        .op = op,
        .fd = -1};
    if (has_file(op->kind)) j->file = os_file_ref(op->file->slot);
    if (op->kind == OP_CLOSE) {
        os_file_unref(op->file->slot);
        finish_at_once(j, ENV_OK);
    } else if (is_refused(j)) {
        finish_at_once(j, ENV_EIO);
    } else if (op->kind == OP_READ && read_at_once(j)) {
        finish_at_once(j, ENV_OK);
    } else {
        m->jobs_n++;
        if (op->kind == OP_WORK) os_loop_submit_work(m->loop, &j->job);
        else os_loop_submit(m->loop, &j->job);
    }
}

void
os_disk_deliver_done(struct os_loop *l)
{
    os_round_begin(l, &l->done);
    for (struct list *n; (n = os_round_next(l, &l->done)) != NULL;)
        deliver(LIST_ENTRY(n, struct disk_job, node));
}

void
os_disk_drop(struct os_machine *m)
{
    LIST_EACH(&m->loop->done, j, struct disk_job, node) {
        if (j->m != m) continue;
        list_remove(&j->node);
        job_free(j);
    }
    for (struct list *n; (n = list_pop_front(&m->locks)) != NULL;) {
        struct lock *lock = LIST_ENTRY(n, struct lock, node);
        close(lock->fd);
        free(lock);
    }
}
