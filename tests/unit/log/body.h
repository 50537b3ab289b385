/* A tiny body with a disk, for the log alone: it carries out disk operations one at a time, in an order
 * drawn from a seed, and can stop at any of them as if the process or the power had gone.
 *
 * After a process crash the page cache is what was written. After a power loss a file has what was synced,
 * and of each page written since, the new bytes or the old; of names changed since the directory was
 * synced, any subset. */
#ifndef TESTS_LOG_BODY_H
#define TESTS_LOG_BODY_H

#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/test.h"

#include "broker/base/bytes.h"
#include "broker/env/env.h"
#include "broker/work/work.h"

#pragma GCC diagnostic ignored "-Wunused-function"

#define DISK_PAGE 64 /* small, so that small files are torn */

struct inode {
    uint8_t *now, *safe; /* cached, durable */
    int64_t n, safe_n, modified_ms;
};

/* A name's change that is not durable yet. */
struct name_change {
    char from[160], to[160]; /* "" : none */
    struct inode *inode;     /* put at `to` */
};

struct name {
    char path[160];
    struct inode *inode; /* NULL: a directory */
};

struct names {
    struct name v[400];
    int n;
};

struct disk {
    struct names now, safe;
    struct name_change changes[4000];
    int changes_n;
    uint64_t seed;
};

struct body {
    struct env env;
    struct disk *disk;
    struct op *pending[256];
    int pending_n;
    int64_t ops, stop_at; /* stop at the n-th operation; 0: never */
    bool stopped;
    enum env_err fail_writes; /* for the next writes */
    int64_t now_ns, wall_ms;
};

static uint64_t
disk_draw(struct disk *d)
{
    d->seed = d->seed * 6364136223846793005u + 1442695040888963407u;
    return d->seed >> 33;
}

static struct name *
names_find(struct names *ns, const char *path)
{
    for (int i = 0; i < ns->n; i++)
        if (strcmp(ns->v[i].path, path) == 0) return &ns->v[i];
    return NULL;
}

static void
names_remove(struct names *ns, const char *path)
{
    struct name *f = names_find(ns, path);
    if (f) *f = ns->v[--ns->n];
}

/* Every path here has room for 160 bytes. */
static void
path_set(char *to, const char *from)
{
    assert_true(strlen(from) < 160);
    memcpy(to, from, strlen(from) + 1);
}

static void
names_put(struct names *ns, const char *path, struct inode *inode)
{
    names_remove(ns, path);
    assert_true(ns->n < 400);
    struct name *f = &ns->v[ns->n++];
    path_set(f->path, path);
    f->inode = inode;
}

static void
disk_change(struct disk *d, const char *from, const char *to, struct inode *inode)
{
    assert_true(d->changes_n < 4000);
    struct name_change *c = &d->changes[d->changes_n++];
    path_set(c->from, from);
    path_set(c->to, to);
    c->inode = inode;
    if (*from) names_remove(&d->now, from);
    if (*to) names_put(&d->now, to, inode);
}

static void
change_apply(struct names *ns, const struct name_change *c)
{
    if (*c->from) names_remove(ns, c->from);
    if (*c->to) names_put(ns, c->to, c->inode);
}

static bool
is_in(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    if (strcmp(dir, ".") == 0) return strchr(path, '/') == NULL;
    return strncmp(path, dir, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/');
}

static void
disk_sync_dir(struct disk *d, const char *dir)
{
    int kept = 0;
    for (int i = 0; i < d->changes_n; i++) {
        struct name_change *c = &d->changes[i];
        if (is_in(*c->to ? c->to : c->from, dir)) change_apply(&d->safe, c);
        else d->changes[kept++] = *c;
    }
    d->changes_n = kept;
}

static void
inode_resize(struct inode *f, int64_t n)
{
    assert_true(n >= 0 && n < 1 << 30);
    f->now = realloc(f->now, (size_t)n + 1);
    if (n > f->n) memset(f->now + f->n, 0, (size_t)(n - f->n));
    f->n = n;
}

static void
inode_sync(struct inode *f)
{
    f->safe = realloc(f->safe, (size_t)f->n + 1);
    if (f->n) memcpy(f->safe, f->now, (size_t)f->n);
    f->safe_n = f->n;
}

static void
inode_power(struct disk *d, struct inode *f)
{
    int64_t n = disk_draw(d) % 2 ? f->n : f->safe_n;
    uint8_t *mix = calloc(1, (size_t)n + 1);
    for (int64_t at = 0; at < n; at += DISK_PAGE) {
        bool is_new = disk_draw(d) % 2;
        const uint8_t *from = is_new ? f->now : f->safe;
        int64_t have = (is_new ? f->n : f->safe_n) - at;
        have = MIN(MIN(have, DISK_PAGE), n - at);
        if (have > 0) memcpy(mix + at, from + at, (size_t)have);
    }
    free(f->now);
    f->now = mix;
    f->n = n;
    inode_sync(f);
}

static void
disk_power(struct disk *d)
{
    for (int i = 0; i < d->changes_n; i++)
        if (disk_draw(d) % 2) change_apply(&d->safe, &d->changes[i]);
    d->changes_n = 0;
    d->now = d->safe;
    for (int i = 0; i < d->now.n; i++) {
        struct inode *f = d->now.v[i].inode;
        bool seen = !f;
        for (int j = 0; j < i; j++) seen |= d->now.v[j].inode == f;
        if (!seen) inode_power(d, f);
    }
}

static struct disk *
disk_new(uint64_t seed)
{
    struct disk *d = calloc(1, sizeof *d);
    d->seed = seed;
    return d;
}

/* Inodes are left to the end of the program: a test is short. */
static void
disk_free(struct disk *d)
{
    free(d);
}

static void
disk_put_file(struct disk *d, const char *path, struct slice bytes)
{
    struct inode *f = calloc(1, sizeof *f);
    inode_resize(f, bytes.n);
    if (bytes.n) memcpy(f->now, bytes.p, (size_t)bytes.n);
    inode_sync(f);
    names_put(&d->now, path, f);
    names_put(&d->safe, path, f);
}

static struct slice
disk_file(struct disk *d, const char *path)
{
    struct name *f = names_find(&d->now, path);
    return f && f->inode ? slice(f->inode->now, f->inode->n) : SLICE_NULL;
}

/* ---- the body ---- */

static void
body_start(struct body *b, struct disk *d)
{
    struct env_params p = {
        .source = test_mem_source(),
        .memory_ceiling_bytes = 1 << 28,
        .seed = {1, 2},
        .now_ns = b->now_ns,
        .wall_ms = b->wall_ms ? b->wall_ms : 1700000000000,
        .crc32c = CRC32C_PORTABLE,
    };
    b->wall_ms = p.wall_ms;
    env_init(&b->env, &p);
    b->disk = d;
    b->pending_n = 0;
    b->stopped = false;
}

static void
body_take(struct body *b)
{
    for (int64_t i = 0; i < b->env.effects.n; i++) {
        struct effect *e = &b->env.effects.v[i];
        if (e->kind != EF_OP) continue;
        assert_true(b->pending_n < 256);
        b->pending[b->pending_n++] = e->op;
    }
    env_effects_clear(&b->env);
}

static struct inode *
op_inode(const struct op *op)
{
    return op->file->slot;
}

static void
do_write(struct body *b, const struct op *op, int64_t limit)
{
    struct inode *f = op_inode(op);
    int64_t at = op->offset, n = MIN(op->n, limit);
    f->modified_ms = b->wall_ms;
    if (at + n > f->n) inode_resize(f, at + n);
    for (int32_t i = 0; i < op->segs_n && n > 0; i++) {
        int64_t take = MIN(op->segs[i].bytes.n, n);
        memcpy(f->now + at, op->segs[i].bytes.p, (size_t)take);
        at += take, n -= take;
    }
}

static void
do_open(struct body *b, const struct op *op, struct event *ev)
{
    const char *path = (const char *)op->path.p;
    struct name *f = names_find(&b->disk->now, path);
    if (!f && !(op->flags & OPEN_CREATE)) {
        ev->err = ENV_ENOENT;
        return;
    }
    struct inode *inode = f ? f->inode : calloc(1, sizeof *inode);
    if (!f) disk_change(b->disk, "", path, inode);
    if (op->flags & OPEN_TRUNCATE) inode_resize(inode, 0);
    op->file->slot = inode;
    ev->n = inode->n;
}

static int
by_path(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->path, ((const struct name *)b)->path);
}

static void
do_list(struct body *b, const struct op *op, struct event *ev)
{
    struct writer w = writer_mem(&b->env.mem);
    qsort(b->disk->now.v, (size_t)b->disk->now.n, sizeof b->disk->now.v[0], by_path);
    for (int i = 0; i < b->disk->now.n; i++) {
        struct name *f = &b->disk->now.v[i];
        if (!is_in(f->path, (const char *)op->path.p)) continue;
        struct slice name = slice_cstr(strrchr(f->path, '/') + 1);
        dir_print(&w, &(struct dir_entry){.is_dir = !f->inode,
                                          .size = f->inode ? f->inode->n : 0,
                                          .modified_ms = f->inode ? f->inode->modified_ms : 0,
                                          .name = name});
    }
    ev->buf = buf_copy(&b->env.mem, writer_slice(&w));
    writer_release(&w);
}

static void
do_name(struct body *b, const struct op *op, struct event *ev)
{
    struct disk *d = b->disk;
    const char *path = (const char *)op->path.p;
    struct name *f = names_find(&d->now, path);
    if (op->kind == OP_MKDIR) {
        if (f) ev->err = ENV_EEXIST;
        else disk_change(d, "", path, NULL);
    } else if (!f) {
        ev->err = ENV_ENOENT;
    } else if (op->kind == OP_RENAME) {
        const char *to = (const char *)op->path2.p;
        char old[160];
        path_set(old, path);
        struct inode *inode = f->inode;
        disk_change(d, old, to, inode);
        for (int i = 0; i < d->now.n && !inode; i++) { /* what lies in a directory moves along */
            struct name *in = &d->now.v[i];
            char moved[160];
            if (!is_in(in->path, old)) continue;
            snprintf(moved, sizeof moved, "%.79s%.79s", to, in->path + strlen(old));
            path_set(in->path, moved);
        }
    } else {
        char old[160];
        path_set(old, path);
        disk_change(d, old, "", NULL);
    }
}

static void
carry_out(struct body *b, struct op *op, struct event *ev)
{
    switch (op->kind) {
    case OP_OPEN: do_open(b, op, ev); break;
    case OP_CLOSE: op->file->slot = NULL; break;
    case OP_READ: {
        struct inode *f = op_inode(op);
        int64_t n = MAX(MIN(op->n, f->n - op->offset), 0);
        if (n > 1 && disk_draw(b->disk) % 4 == 0)
            n = 1 + (int64_t)(disk_draw(b->disk) % (uint64_t)n);
        if (n) memcpy(op->buf->data + op->flags, f->now + op->offset, (size_t)n);
        ev->n = n;
        break;
    }
    case OP_WRITE:
        if (b->fail_writes) ev->err = b->fail_writes;
        else do_write(b, op, INT64_MAX);
        break;
    case OP_SYNC: inode_sync(op_inode(op)); break;
    case OP_TRUNCATE: inode_resize(op_inode(op), op->n); break;
    case OP_LIST: do_list(b, op, ev); break;
    case OP_SYNC_DIR: disk_sync_dir(b->disk, (const char *)op->path.p); break;
    case OP_MKDIR:
    case OP_RMDIR:
    case OP_RENAME:
    case OP_UNLINK: do_name(b, op, ev); break;
    case OP_WORK: {
        struct work_result r = {0};
        ev->err = work_run(op->work, op->codec, op->level, op->segs, op->segs_n, op->offset, &r);
        if (!ev->err) ev->buf = buf_copy(&b->env.mem, slice(r.p, r.n));
        ev->n = r.crc;
        free(r.p);
        break;
    }
    default: fail_msg("operation %d", op->kind);
    }
}

/* The operation takes effect in part, if at all, and nobody hears of it. */
static void
carry_out_in_part(struct body *b, struct op *op)
{
    struct event ev = {0};
    if (op->kind == OP_WRITE)
        do_write(b, op, (int64_t)(disk_draw(b->disk) % (uint64_t)(op->n + 1)));
    else if (op->kind != OP_WORK && op->kind != OP_READ && op->kind != OP_LIST &&
             op->kind != OP_CLOSE && disk_draw(b->disk) % 2)
        carry_out(b, op, &ev);
}

/* The place of an operation that is the next one to be carried out. */
static int
drawn(struct body *b)
{
    return (int)(disk_draw(b->disk) % (uint64_t)b->pending_n);
}

/* The first pending one of a kind, or -1. */
static int
body_pending(struct body *b, enum op_kind kind)
{
    body_take(b);
    for (int i = 0; i < b->pending_n; i++)
        if (b->pending[i]->kind == kind) return i;
    return -1;
}

/* One event; `i`: of the operations pending, or -1: any. False when nothing is left to do, or the body
 * stopped. */
static bool
body_step_of(struct body *b, int i)
{
    struct event ev = {.now_ns = b->now_ns, .wall_ms = b->wall_ms};
    body_take(b);
    if (b->stopped) return false;
    if (env_has_deferred(&b->env)) {
        ev.kind = EV_AGAIN;
    } else if (b->pending_n) {
        if (i < 0) i = drawn(b);
        struct op *op = b->pending[i];
        b->pending[i] = b->pending[--b->pending_n];
        if (++b->ops == b->stop_at) {
            carry_out_in_part(b, op);
            b->stopped = true;
            return false;
        }
        ev.kind = EV_DONE;
        ev.op = op;
        carry_out(b, op, &ev);
    } else {
        return false;
    }
    env_deliver(&b->env, &ev);
    return true;
}

static bool
body_step(struct body *b)
{
    return body_step_of(b, -1);
}

/* Time goes on when nothing else does: the next timer is due. */
static bool
body_wait(struct body *b)
{
    int64_t due = env_next_deadline_ns(&b->env);
    if (due == TIME_NEVER || b->stopped) return false;
    b->now_ns = MAX(b->now_ns, due);
    struct event ev = {.kind = EV_TIMER, .now_ns = b->now_ns, .wall_ms = b->wall_ms};
    env_deliver(&b->env, &ev);
    body_take(b);
    return true;
}

static void
body_run(struct body *b)
{
    while (body_step(b) || body_wait(b)) continue;
}

static void
body_end(struct body *b)
{
    env_release(&b->env);
}

#endif
