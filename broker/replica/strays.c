/* Directories of partitions that were deleted, or moved away, while this broker was down. Looked for once, when the
 * image has been taken over. As Kafka does they are put aside, not removed: renamed to ….ID-stray, with a
 * warning; whoever knows better finds the records there.
 *
 *     list ─► next directory that nobody needs ─► partition.metadata? ─► rename, sync ─┐
 *                 ▲                               (else it is no log of ours)          │
 *                 └────────────────────────────────────────────────────────────────────┘
 *
 * While one is on its way no partition of its name is made: it would lose its directory. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/log/checkpoint.h"
#include "broker/log/file_replace.h"
#include "broker/replica/replicas.h"

#define METADATA_BYTES_MAX 4096

struct strays {
    struct replicas *r;
    struct op op;
    struct file_slurp slurp;
    struct buf *listing;
    struct reader left; /* of the listing */
    struct slice name;  /* of the directory at hand: in the listing */
    struct slice topic; /* of it */
    int32_t index;      /* of it */
    bool is_moving;
};

static void next_stray(struct strays *st);

static struct slice
path_of(struct strays *st, struct slice below)
{
    struct writer w = writer_mem(&st->r->env->mem);
    fmt_slice(&w, st->r->log_dir);
    fmt_char(&w, '/');
    fmt_slice(&w, st->name);
    fmt_slice(&w, below);
    struct slice path = arena_dup(&st->r->env->scratch, writer_slice(&w));
    writer_release(&w);
    return path;
}

/* "orders-0", but not "orders-00" or "orders-0.ID-delete". */
static bool
parse_stray_name(struct strays *st)
{
    int64_t dash = st->name.n, index;
    while (dash > 0 && st->name.p[dash - 1] != '-') dash--;
    struct slice digits = slice_sub(st->name, dash, st->name.n);
    if (dash < 2 || digits.n == 0 || (digits.p[0] == '0' && digits.n > 1)) return false;
    if (digits.p[0] < '0' || digits.p[0] > '9') return false;
    if (!slice_to_i64(digits, &index) || index > INT32_MAX) return false;
    st->topic = slice_sub(st->name, 0, dash - 1);
    st->index = (int32_t)index;
    return !slice_eq(st->topic, S("__cluster_metadata"));
}

/* ---- one directory ---- */

static const struct image_partition *
awaited(const struct strays *st)
{
    const struct image_topic *t = image_topic(st->r->image, st->topic);
    return t ? image_topic_partition(t, st->index) : NULL;
}

static void
was_moved(struct op *op)
{
    struct strays *st = CONTAINER_OF(op, struct strays, op);
    struct replicas *r = st->r;
    if (op->err != ENV_OK)
        NOTE(r->env, NOTE_LOG_MESSAGE, st->name, slice_cstr(env_err_text(op->err)), 2);
    st->is_moving = false;
    /* Made meanwhile. */
    const struct image_partition *ip = awaited(st);
    if (ip && !r->stopping) replicas_apply_partition(r, ip);
    next_stray(st);
}

static void
was_renamed(struct op *op)
{
    struct strays *st = CONTAINER_OF(op, struct strays, op);
    if (op->err != ENV_OK) {
        was_moved(op);
        return;
    }
    op->done = was_moved;
    dir_sync(st->r->env, op, st->r->log_dir);
}

static void
move_aside(struct strays *st)
{
    struct env *env = st->r->env;
    char id[UUID_TEXT_BYTES];
    uuid_print(env_random_uuid(env), id);
    struct writer w = writer_mem(&env->mem);
    fmt_char(&w, '.');
    fmt_slice(&w, slice(id, UUID_TEXT_BYTES));
    fmt_str(&w, "-stray");
    NOTE(env, NOTE_LOG_MESSAGE, st->name,
         S("was deleted or moved away while this broker was down: put aside as stray"), 2);
    st->is_moving = true;
    st->op.done = was_renamed;
    path_rename(env, &st->op, path_of(st, SLICE_EMPTY), path_of(st, writer_slice(&w)));
    writer_release(&w);
}

static void
stray_metadata_read(struct file_slurp *s)
{
    struct strays *st = CONTAINER_OF(s, struct strays, slurp);
    struct uuid id;
    bool is_log = s->err == ENV_OK && partition_metadata_parse(buf_slice(s->buf), &id);
    buf_unref(s->buf);
    s->buf = NULL;
    bool is_needed = replicas_need_name(st->r, st->topic, st->index);
    if (is_log && !is_needed && !st->r->stopping) move_aside(st);
    else next_stray(st);
}

/* ---- all of them ---- */

static void
strays_end(struct strays *st)
{
    st->r->strays = NULL;
    buf_unref(st->listing);
    MEM_DELETE(&st->r->env->mem, st);
}

static void
next_stray(struct strays *st)
{
    for (struct dir_entry e; !st->r->stopping && dir_next(&st->left, &e);) {
        st->name = e.name;
        if (!e.is_dir || !parse_stray_name(st)) continue;
        if (replicas_need_name(st->r, st->topic, st->index)) continue;
        st->slurp.done = stray_metadata_read;
        file_slurp(st->r->env, &st->slurp, path_of(st, S("/partition.metadata")),
                   METADATA_BYTES_MAX);
        return;
    }
    strays_end(st);
}

static void
strays_listed(struct op *op)
{
    struct strays *st = CONTAINER_OF(op, struct strays, op);
    if (op->err == ENV_OK) {
        st->listing = op->buf;
        op->buf = NULL;
    }
    st->left = reader(st->listing ? buf_slice(st->listing) : SLICE_EMPTY);
    next_stray(st);
}

bool
replicas_is_moving_aside(const struct replicas *r, struct slice topic, int32_t index)
{
    const struct strays *st = r->strays;
    return st && st->is_moving && st->index == index && slice_eq(st->topic, topic);
}

void
replicas_put_strays_aside(struct replicas *r)
{
    if (r->strays) return;
    struct strays *st = MEM_NEW(&r->env->mem, struct strays);
    st->r = r;
    r->strays = st;
    st->op.done = strays_listed;
    dir_list(r->env, &st->op, r->log_dir);
}
