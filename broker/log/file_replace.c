#include "broker/log/file_replace.h"

#include "broker/base/bytes.h"
#include "broker/base/check.h"

enum {
    REPLACE_IDLE,
    REPLACE_OPEN,
    REPLACE_WRITE,
    REPLACE_SYNC,
    REPLACE_CLOSE,
    REPLACE_RENAME,
    REPLACE_SYNC_DIR
};

static void
replace_finish(struct file_replace *r, enum env_err err)
{
    mem_free_slice(&r->env->mem, r->path);
    mem_free_slice(&r->env->mem, r->tmp);
    r->path = r->tmp = SLICE_NULL;
    buf_unref(r->contents);
    r->contents = NULL;
    r->at = REPLACE_IDLE;
    r->err = err;
    r->done(r);
}

static void
replace_next(struct file_replace *r)
{
    r->at++;
    if (r->at == REPLACE_WRITE && r->contents->n == 0) r->at++;
    switch (r->at) {
    case REPLACE_WRITE: {
        struct seg seg = {.buf = r->contents, .bytes = buf_slice(r->contents)};
        file_write(&r->op, &r->file, 0, &seg, 1);
        break;
    }
    case REPLACE_SYNC: file_sync(&r->op, &r->file); break;
    case REPLACE_CLOSE: file_close(&r->op, &r->file); break;
    case REPLACE_RENAME: path_rename(r->env, &r->op, r->tmp, r->path); break;
    case REPLACE_SYNC_DIR: dir_sync(r->env, &r->op, path_parent(r->path)); break;
    default: replace_finish(r, r->err);
    }
}

static void
replace_done(struct op *op)
{
    struct file_replace *r = CONTAINER_OF(op, struct file_replace, op);
    if (op->err && !r->err) r->err = op->err;
    if (!r->err) {
        replace_next(r);
    } else if (r->file.is_open) {
        r->at = REPLACE_CLOSE;
        file_close(&r->op, &r->file);
    } else {
        replace_finish(r, r->err);
    }
}

void
file_replace(struct env *env, struct file_replace *r, struct slice path, struct slice contents)
{
    CHECK(r->at == REPLACE_IDLE);
    r->env = env;
    r->err = ENV_OK;
    r->path = mem_dup(&env->mem, path);
    r->contents = buf_copy(&env->mem, contents);
    struct writer w = writer_mem(&env->mem);
    writer_bytes(&w, path);
    writer_bytes(&w, S(".tmp"));
    r->tmp = mem_dup(&env->mem, writer_slice(&w));
    writer_release(&w);
    r->op.done = replace_done;
    memset(&r->file, 0, sizeof r->file);
    r->at = REPLACE_OPEN;
    file_open(env, &r->op, &r->file, r->tmp, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE | OPEN_BRIEF);
}

/* ---- reading ---- */

enum { SLURP_IDLE, SLURP_OPEN, SLURP_READ, SLURP_CLOSE };

static void
slurp_finish(struct file_slurp *s)
{
    s->at = SLURP_IDLE;
    if (s->err) {
        buf_unref(s->buf);
        s->buf = NULL;
    }
    s->done(s);
}

static void
slurp_close(struct file_slurp *s)
{
    s->at = SLURP_CLOSE;
    file_close(&s->op, &s->file);
}

static void
slurp_opened(struct file_slurp *s, int64_t size)
{
    if (size > s->size) {
        s->err = ENV_ETOOBIG;
        slurp_close(s);
        return;
    }
    s->size = size;
    s->buf = buf_new(&s->env->mem, size);
    s->at = SLURP_READ;
    if (size == 0) slurp_close(s);
    else file_read(&s->op, &s->file, 0, s->buf, 0, size);
}

static void
slurp_read(struct file_slurp *s, int64_t n)
{
    s->buf->n += n;
    int64_t left = s->size - s->buf->n;
    if (n == 0 || left == 0) slurp_close(s);
    else file_read(&s->op, &s->file, s->buf->n, s->buf, s->buf->n, left);
}

static void
slurp_done(struct op *op)
{
    struct file_slurp *s = CONTAINER_OF(op, struct file_slurp, op);
    if (op->err && !s->err) s->err = op->err;
    if (s->at == SLURP_CLOSE || (s->err && !s->file.is_open)) slurp_finish(s);
    else if (s->err) slurp_close(s);
    else if (s->at == SLURP_OPEN) slurp_opened(s, op->value);
    else slurp_read(s, op->value);
}

void
file_slurp(struct env *env, struct file_slurp *s, struct slice path, int64_t max_bytes)
{
    CHECK(s->at == SLURP_IDLE);
    s->env = env;
    s->err = ENV_OK;
    s->buf = NULL;
    s->size = max_bytes;
    s->op.done = slurp_done;
    memset(&s->file, 0, sizeof s->file);
    s->at = SLURP_OPEN;
    file_open(env, &s->op, &s->file, path, OPEN_READ | OPEN_BRIEF);
}
