/* Formatting a node that is its own quorum (KIP-853, `format --standalone`): the checkpoint 0-0 with
 * this voter alone and the first metadata records.
 *
 *     control batch   SNAPSHOT_HEADER  KRAFT_VERSION  KRAFT_VOTERS      offsets 0 to 2
 *     records                                                           3 …
 *     control batch   SNAPSHOT_FOOTER */
#include "broker/raft/state.h"

#include "broker/base/fmt.h"

#define CHECKPOINT_0_0 S("/00000000000000000000-0000000000.checkpoint")
#define HEAD_RECORDS 3

struct format {
    struct env *env;
    void (*done)(void *owner, enum env_err err);
    void *owner;
    struct slice log_dir, dir;
    struct buf *contents;
    struct op op;
    struct file_replace replace;
};

static void
format_finish(struct format *f, enum env_err err)
{
    void (*done)(void *, enum env_err) = f->done;
    void *owner = f->owner;
    buf_unref(f->contents);
    mem_free_slice(&f->env->mem, f->dir);
    mem_free_slice(&f->env->mem, f->log_dir);
    MEM_DELETE(&f->env->mem, f);
    done(owner, err);
}

static void
format_name_is_durable(struct op *op)
{
    format_finish(CONTAINER_OF(op, struct format, op), op->err);
}

static void
replaced(struct file_replace *fr)
{
    struct format *f = CONTAINER_OF(fr, struct format, replace);
    if (fr->err != ENV_OK) {
        format_finish(f, fr->err);
        return;
    }
    f->op.done = format_name_is_durable;
    dir_sync(f->env, &f->op, f->log_dir);
}

static void
format_dir_made(struct op *op)
{
    struct format *f = CONTAINER_OF(op, struct format, op);
    if (op->err != ENV_OK && op->err != ENV_EEXIST) {
        format_finish(f, op->err);
        return;
    }
    struct writer w = writer_mem(&f->env->mem);
    fmt_slice(&w, f->dir);
    fmt_slice(&w, CHECKPOINT_0_0);
    f->replace.done = replaced;
    file_replace(f->env, &f->replace, writer_slice(&w), buf_slice(f->contents));
    writer_release(&w);
}

static struct buf *
records(struct env *env, const struct slice *values, int32_t n)
{
    struct batch_builder b;
    builder_init(&b, &env->mem, 0);
    b.h.base_offset = HEAD_RECORDS;
    b.h.leader_epoch = 0;
    for (int32_t i = 0; i < n; i++)
        CHECK(builder_add(&b, env_wall_ms(env), SLICE_NULL, values[i], NULL, 0));
    struct buf *buf = builder_finish(&b, env->crc32c, &env->mem);
    builder_release(&b);
    return buf;
}

static void
add_written_batch(struct writer *w, struct buf *batch)
{
    writer_bytes(w, buf_slice(batch));
    buf_unref(batch);
}

static struct buf *
checkpoint(struct env *env, const struct raft_voter *self, const struct slice *values, int32_t n)
{
    struct writer w = writer_mem(&env->mem);
    add_written_batch(&w, control_snapshot_head(env, 1, self, 1));
    if (n > 0) add_written_batch(&w, records(env, values, n));
    add_written_batch(&w, control_snapshot_foot(env, HEAD_RECORDS + n));
    struct buf *all = buf_copy(&env->mem, writer_slice(&w));
    writer_release(&w);
    return all;
}

void
raft_format_standalone(struct env *env, struct slice log_dir, const struct raft_voter *self,
                       const struct slice *values, int32_t n,
                       void (*done)(void *owner, enum env_err err), void *owner)
{
    struct format *f = MEM_NEW(&env->mem, struct format);
    struct writer w = writer_mem(&env->mem);
    fmt_slice(&w, log_dir);
    fmt_char(&w, '/');
    fmt_slice(&w, RAFT_DIR);
    *f = (struct format){.env = env,
                         .done = done,
                         .owner = owner,
                         .log_dir = mem_dup(&env->mem, log_dir),
                         .dir = mem_dup(&env->mem, writer_slice(&w)),
                         .contents = checkpoint(env, self, values, n)};
    writer_release(&w);
    f->op.done = format_dir_made;
    dir_make(env, &f->op, f->dir);
}
