/* Directories of deleted partitions whose removal a crash cut short: they were renamed to ….ID-delete first
 * (commitlog_delete), and are removed in the background when the broker starts. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/replica/replicas.h"

struct leftovers {
    struct replicas *r;
    struct op op;
    struct buf *dirs, *files;            /* listings … */
    struct reader dirs_left, files_left; /* … and what of them is to be done */
    struct slice dir;
};

static void next_left_dir(struct leftovers *l);

static struct slice
path_below(struct leftovers *l, struct slice dir, struct slice name)
{
    struct arena *a = &l->r->env->scratch;
    uint8_t *p = arena_alloc(a, dir.n + 1 + name.n);
    memcpy(p, dir.p, (size_t)dir.n);
    p[dir.n] = '/';
    memcpy(p + dir.n + 1, name.p, (size_t)name.n);
    return slice(p, dir.n + 1 + name.n);
}

static void
leftovers_end(struct leftovers *l)
{
    struct mem *mem = &l->r->env->mem;
    buf_unref(l->dirs);
    MEM_DELETE(mem, l);
}

/* Whatever is wrong with it, nobody needs it: it only takes up room. */
static void
dir_done(struct op *op)
{
    struct leftovers *l = CONTAINER_OF(op, struct leftovers, op);
    if (op->err != ENV_OK)
        NOTE(l->r->env, NOTE_LOG_MESSAGE, l->dir, slice_cstr(env_err_text(op->err)), 2);
    buf_unref(l->files);
    l->files = NULL;
    mem_free_slice(&l->r->env->mem, l->dir);
    next_left_dir(l);
}

static void
next_file(struct op *op)
{
    struct leftovers *l = CONTAINER_OF(op, struct leftovers, op);
    struct dir_entry e;
    if (op->err != ENV_OK) {
        dir_done(op);
    } else if (dir_next(&l->files_left, &e)) {
        op->done = next_file;
        path_unlink(l->r->env, op, path_below(l, l->dir, e.name));
    } else {
        op->done = dir_done;
        dir_remove(l->r->env, op, l->dir);
    }
}

static void
files_listed(struct op *op)
{
    struct leftovers *l = CONTAINER_OF(op, struct leftovers, op);
    if (op->err == ENV_OK) {
        l->files = op->buf;
        op->buf = NULL;
        l->files_left = reader(buf_slice(l->files));
    }
    next_file(op);
}

static void
next_left_dir(struct leftovers *l)
{
    struct replicas *r = l->r;
    for (struct dir_entry e; !r->stopping && dir_next(&l->dirs_left, &e);) {
        if (!e.is_dir || !slice_ends(e.name, S("-delete"))) continue;
        l->dir = mem_dup(&r->env->mem, path_below(l, r->log_dir, e.name));
        l->op.done = files_listed;
        dir_list(r->env, &l->op, l->dir);
        return;
    }
    leftovers_end(l);
}

static void
dirs_listed(struct op *op)
{
    struct leftovers *l = CONTAINER_OF(op, struct leftovers, op);
    if (op->err == ENV_OK) {
        l->dirs = op->buf;
        op->buf = NULL;
    }
    l->dirs_left = reader(l->dirs ? buf_slice(l->dirs) : SLICE_EMPTY);
    next_left_dir(l);
}

void
replicas_remove_leftovers(struct replicas *r)
{
    struct leftovers *l = MEM_NEW(&r->env->mem, struct leftovers);
    l->r = r;
    l->op.done = dirs_listed;
    dir_list(r->env, &l->op, r->log_dir);
}
