/* The checkpoint files of a log directory: recovery points, high watermarks, log starts, how far logs were cleaned. Read once at
 * the start; written now and then, and in order at the end. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/log/checkpoint.h"
#include "broker/log/file_replace.h"
#include "broker/replica/replicas.h"

#define FILE_BYTES_MAX (64 << 20)

static const char *const names[CHECKPOINT_KINDS] = {
    [CHECKPOINT_RECOVERY_POINT] = "recovery-point-offset-checkpoint",
    [CHECKPOINT_HIGH_WATERMARK] = "replication-offset-checkpoint",
    [CHECKPOINT_LOG_START] = "log-start-offset-checkpoint",
    [CHECKPOINT_CLEANED] = "cleaner-offset-checkpoint",
};

/* What the files said of one partition when the node started. */
struct checkpointed {
    struct map_node node;
    struct slice topic; /* in the text of a file */
    int32_t partition;
    int64_t offset[CHECKPOINT_KINDS];
};

static uint64_t
hash_of(const struct replicas *r, struct slice topic, int32_t partition)
{
    return map_hash(&r->checkpoints, topic) + (uint64_t)partition * 0x9e3779b97f4a7c15;
}

struct key {
    struct slice topic;
    int32_t partition;
};

static bool
is_checkpoint_of(const struct map_node *n, const void *key)
{
    const struct checkpointed *c = CONTAINER_OF(n, const struct checkpointed, node);
    const struct key *k = key;
    return c->partition == k->partition && slice_eq(c->topic, k->topic);
}

static struct checkpointed *
find_checkpointed(struct replicas *r, struct slice topic, int32_t partition)
{
    struct key k = {topic, partition};
    struct map_node *n =
        map_find(&r->checkpoints, hash_of(r, topic, partition), is_checkpoint_of, &k);
    return n ? CONTAINER_OF(n, struct checkpointed, node) : NULL;
}

int64_t
replicas_checkpointed(struct replicas *r, enum checkpoint_kind kind, struct slice topic,
                      int32_t index)
{
    struct checkpointed *c = find_checkpointed(r, topic, index);
    return c ? c->offset[kind] : 0;
}

bool
replicas_is_checkpointed(struct replicas *r, struct slice topic, int32_t index)
{
    return find_checkpointed(r, topic, index) != NULL;
}

static void
forget_texts(struct replicas *r)
{
    for (int i = 0; i < CHECKPOINT_KINDS; i++) {
        buf_unref(r->checkpoint_texts[i]);
        r->checkpoint_texts[i] = NULL;
    }
}

/* No file tells of them any more. */
static void
are_left(struct checkpoint_waiter *w)
{
    struct replicas *r = CONTAINER_OF(w, struct replicas, left);
    MAP_EACH(&r->checkpoints, c, struct checkpointed, node) {
        map_remove(&r->checkpoints, &c->node);
        MEM_DELETE(&r->env->mem, c);
    }
    forget_texts(r);
    r->leaves_checkpoints = false;
}

void
replicas_leave_checkpoints(struct replicas *r)
{
    if (r->leaves_checkpoints) return;
    if (r->checkpoints.n == 0) {
        forget_texts(r);
        return;
    }
    r->leaves_checkpoints = true;
    r->left.done = are_left;
    replicas_checkpoint_now(r, &r->left);
}

void
replicas_forget_checkpoint(struct replicas *r, struct slice topic, int32_t index)
{
    struct checkpointed *c = find_checkpointed(r, topic, index);
    if (!c) return;
    map_remove(&r->checkpoints, &c->node);
    MEM_DELETE(&r->env->mem, c);
    if (r->checkpoints.n == 0) forget_texts(r);
}

/* ---- reading ---- */

struct loader {
    struct file_slurp slurp;
    struct replicas *r;
    int kind;
    void (*done)(void *owner, enum env_err err);
    void *owner;
};

static struct slice
checkpoint_file_path(struct replicas *r, int kind)
{
    struct writer w = writer_mem(&r->env->mem);
    fmt_slice(&w, r->log_dir);
    fmt_char(&w, '/');
    fmt_str(&w, names[kind]);
    struct slice path = arena_dup(&r->env->scratch, writer_slice(&w));
    writer_release(&w);
    return path;
}

static void
take_entry(void *ctx, const struct checkpoint_entry *e)
{
    struct loader *l = ctx;
    struct checkpointed *c = find_checkpointed(l->r, e->topic, e->partition);
    if (!c) {
        c = MEM_NEW(&l->r->env->mem, struct checkpointed);
        c->topic = e->topic;
        c->partition = e->partition;
        map_insert(&l->r->checkpoints, &c->node, hash_of(l->r, e->topic, e->partition));
    }
    c->offset[l->kind] = e->offset;
}

static void
load_next(struct loader *l)
{
    if (l->kind == CHECKPOINT_KINDS) {
        l->r->checkpoints_are_read = true;
        l->done(l->owner, ENV_OK);
        MEM_DELETE(&l->r->env->mem, l);
        return;
    }
    file_slurp(l->r->env, &l->slurp, checkpoint_file_path(l->r, l->kind), FILE_BYTES_MAX);
}

static void
checkpoint_file_loaded(struct file_slurp *s)
{
    struct loader *l = CONTAINER_OF(s, struct loader, slurp);
    struct replicas *r = l->r;
    if (s->err == ENV_OK && s->buf) {
        r->checkpoint_texts[l->kind] = s->buf;
        if (!checkpoint_parse(buf_slice(s->buf), take_entry, l))
            /* What it says can be found out from the logs, so a bad file only costs time. */
            NOTE(r->env, NOTE_LOG_MESSAGE, slice_cstr(names[l->kind]),
                 S("is not a checkpoint file; logs are recovered without it"), 2);
    } else if (s->err != ENV_ENOENT && s->err != ENV_OK) {
        l->done(l->owner, s->err);
        MEM_DELETE(&r->env->mem, l);
        return;
    }
    l->kind++;
    load_next(l);
}

void
replicas_load_checkpoints(struct replicas *r, void (*done)(void *owner, enum env_err err),
                          void *owner)
{
    struct loader *l = MEM_NEW(&r->env->mem, struct loader);
    l->r = r;
    l->done = done;
    l->owner = owner;
    l->slurp.done = checkpoint_file_loaded;
    load_next(l);
}

/* ---- writing ---- */

struct checkpoint_writer {
    struct file_replace replace;
    struct task begin;
    struct replicas *r;
    int kind;
    uint64_t digest; /* of what is being written */
    bool again;
    struct list waiting, next; /* for this pass, for the one after it */
};

/* What is about to be cut off is told of no more. */
static int64_t
kept_of(const struct partition *p, int64_t offset)
{
    return p->life == PARTITION_CUTTING ? MIN(offset, p->cut_to) : offset;
}

static int64_t
offset_of(const struct partition *p, int kind)
{
    switch (kind) {
    case CHECKPOINT_RECOVERY_POINT: return kept_of(p, commitlog_synced_end(&p->log));
    case CHECKPOINT_HIGH_WATERMARK: return kept_of(p, p->high_watermark);
    case CHECKPOINT_CLEANED: return MAX(commitlog_cleaned_to(&p->log), 0);
    default: return commitlog_start(&p->log);
    }
}

/* Of a log start, and of what was cleaned, it is only told where it is not 0, as Kafka does. */
static bool
is_told_of(int kind, int64_t offset)
{
    return offset > 0 || (kind != CHECKPOINT_LOG_START && kind != CHECKPOINT_CLEANED);
}

static bool
is_checkpointed(const struct partition *p, int kind)
{
    return partition_has_log(p) && is_told_of(kind, offset_of(p, kind));
}

/* A log that is not open yet still is what the files said at the start: a crash while others are being
 * recovered must not bring deleted records back. */
static bool
is_carried_on(const struct replicas *r, const struct checkpointed *c, int kind)
{
    return !r->leaves_checkpoints && is_told_of(kind, c->offset[kind]);
}

static void
print_checkpoint(struct replicas *r, int kind, struct writer *w)
{
    int64_t n = 0;
    MAP_EACH(&r->partitions, p, struct partition, by_id) n += is_checkpointed(p, kind);
    MAP_EACH(&r->checkpoints, c, struct checkpointed, node) n += is_carried_on(r, c, kind);
    checkpoint_print_head(w, n);
    MAP_EACH(&r->checkpoints, c, struct checkpointed, node) {
        if (!is_carried_on(r, c, kind)) continue;
        struct checkpoint_entry e = {c->topic, c->partition, c->offset[kind]};
        checkpoint_print_entry(w, &e);
    }
    MAP_EACH(&r->partitions, p, struct partition, by_id) {
        if (!is_checkpointed(p, kind)) continue;
        struct checkpoint_entry e = {p->topic, p->index, offset_of(p, kind)};
        checkpoint_print_entry(w, &e);
    }
}

/* True: the file is being replaced; false: it says all this already. A node that idles writes nothing. */
static bool
replace_if_changed(struct checkpoint_writer *cw)
{
    struct replicas *r = cw->r;
    struct writer w = writer_mem(&r->env->mem);
    print_checkpoint(r, cw->kind, &w);
    cw->digest = map_hash(&r->checkpoints, writer_slice(&w));
    bool is_changed = cw->digest != r->checkpoint_digests[cw->kind];
    if (is_changed)
        file_replace(r->env, &cw->replace, checkpoint_file_path(r, cw->kind), writer_slice(&w));
    writer_release(&w);
    return is_changed;
}

static void pass_over(struct checkpoint_writer *cw);

static void
write_next(struct checkpoint_writer *cw)
{
    for (; cw->kind < CHECKPOINT_KINDS; cw->kind++)
        if (replace_if_changed(cw)) return;
    pass_over(cw);
}

static void
pass_over(struct checkpoint_writer *cw)
{
    struct replicas *r = cw->r;
    struct list done;
    list_init(&done);
    for (struct list *n; (n = list_pop_front(&cw->waiting)) != NULL;) list_push_back(&done, n);
    for (struct list *n; (n = list_pop_front(&cw->next)) != NULL;) list_push_back(&cw->waiting, n);
    if (cw->again) {
        cw->again = false;
        cw->kind = 0;
        defer(r->env, &cw->begin);
    } else {
        r->writer = NULL;
        MEM_DELETE(&r->env->mem, cw);
    }
    for (struct list *n; (n = list_pop_front(&done)) != NULL;) {
        struct checkpoint_waiter *w = LIST_ENTRY(n, struct checkpoint_waiter, node);
        w->done(w);
    }
}

static void
wrote(struct file_replace *f)
{
    struct checkpoint_writer *cw = CONTAINER_OF(f, struct checkpoint_writer, replace);
    struct replicas *r = cw->r;
    if (f->err != ENV_OK) {
        replicas_log_dir_failed(r, slice_cstr(names[cw->kind]), slice_cstr(env_err_text(f->err)));
        return;
    }
    r->checkpoint_digests[cw->kind++] = cw->digest;
    write_next(cw);
}

/* Not at once: when nothing has changed it ends at once, and who asks is not called from within. */
static void
begin_pass(struct task *t)
{
    write_next(CONTAINER_OF(t, struct checkpoint_writer, begin));
}

void
replicas_checkpoint_now(struct replicas *r, struct checkpoint_waiter *w)
{
    if (r->writer) { /* under way: once more for whoever wants what is true now */
        if (!w) return;
        r->writer->again = true;
        list_push_back(&r->writer->next, &w->node);
        return;
    }
    struct checkpoint_writer *cw = MEM_NEW(&r->env->mem, struct checkpoint_writer);
    r->writer = cw;
    cw->r = r;
    list_init(&cw->waiting);
    list_init(&cw->next);
    if (w) list_push_back(&cw->waiting, &w->node);
    cw->replace.done = wrote;
    cw->begin.run = begin_pass;
    defer(r->env, &cw->begin);
}
