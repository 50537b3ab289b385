/* Operations in time: queued, under way, carried out, told; and what remains of those that a crash
 * finds under way. */
#include "broker/base/check.h"
#include "sim/disk/internal.h"

/* ---- how long ---- */

static const struct delay *
delay_of(const struct disk_options *o, enum op_kind kind)
{
    switch (kind) {
    case OP_READ: return &o->read;
    case OP_WRITE: return &o->write;
    case OP_SYNC:
    case OP_SYNC_DIR: return &o->sync;
    default: return &o->name;
    }
}

static int64_t
op_bytes(const struct disk_op *o)
{
    if (o->op->kind == OP_SYNC) return o->shots.n * DISK_PAGE_BYTES;
    return o->op->kind == OP_READ || o->op->kind == OP_WRITE ? o->op->n : 0;
}

static int64_t
how_long(struct disk *d, const struct disk_op *o)
{
    const struct disk_options *opt = &d->w->options.disk;
    int64_t ns = delay_draw(&d->dice, delay_of(opt, o->op->kind));
    if (opt->bytes_per_s) ns += op_bytes(o) * 1000 / MAX(1, opt->bytes_per_s / 1000000);
    if (o->op->kind == OP_SYNC || o->op->kind == OP_SYNC_DIR)
        ns = ns * d->faults.slow_sync_percent / 100;
    return ns * d->faults.slow_percent / 100;
}

/* ---- carrying out ---- */

static int64_t
write_segs(struct disk_op *o, int64_t offset, int64_t n)
{
    int64_t done = 0;
    for (int32_t i = 0; i < o->op->segs_n && done < n; i++) {
        struct slice b = o->op->segs[i].bytes;
        int64_t part = MIN(b.n, n - done);
        int64_t wrote = inode_write(o->inode, offset + done, b.p, part);
        done += wrote;
        if (wrote < part) break;
    }
    return done;
}

/* By how much. What it harms is told now, and not when it was to come: then nobody knew which log it would be. */
static int64_t
misdirected(struct disk *d, const struct disk_op *o)
{
    struct disk_faults *f = &d->faults;
    if (!f->misdirect || !path_contains(o->inode->path, f->misdirect_path)) return 0;
    f->misdirect = false;
    watch_harm(&o->m->m);
    disk_say(&o->m->m, S(FAULT_ASTRAY), o->inode->path, 0);
    return DISK_PAGE_BYTES * dice_between(&d->power_dice, 1, 8);
}

static int64_t
wall_ms(const struct mach *m)
{
    return clock_wall_ms(&m->m.host->clock, m->w->now_ns);
}

static void
carry_out_write(struct disk *d, struct disk_op *o)
{
    if (do_fails(d, DISK_FAIL_WRITE, o->inode->path)) {
        o->err = ENV_EIO;
        return;
    }
    o->value = write_segs(o, o->op->offset + misdirected(d, o), o->op->n);
    o->inode->modified_ms = wall_ms(o->m);
    if (o->value < o->op->n) o->err = ENV_ENOSPC;
    d->w->stats.disk_write_bytes += o->value;
}

static void
carry_out_read(struct disk *d, struct disk_op *o)
{
    if (do_fails(d, DISK_FAIL_READ, o->inode->path)) {
        o->err = ENV_EIO;
        return;
    }
    int64_t n = o->op->n;
    if (n > 1 && dice_permille(&d->power_dice, d->faults.short_reads_permille))
        n = dice_between(&d->power_dice, 1, n - 1);
    o->value =
        inode_read(o->inode, IMAGE_CACHED, o->op->offset, o->op->buf->data + o->op->flags, n);
    d->w->stats.disk_read_bytes += o->value;
}

static void
carry_out_sync(struct disk *d, struct disk_op *o)
{
    d->w->stats.syncs++;
    if (o->inode->is_poisoned) {
        o->err = ENV_EIO;
    } else if (do_fails(d, DISK_FAIL_SYNC, o->inode->path)) {
        sync_lose(o);
        o->err = ENV_EIO;
    } else {
        sync_take_effect(o);
    }
}

static void
carry_out_sync_dir(struct disk *d, struct disk_op *o)
{
    struct inode *dir;
    o->err = do_find_dir(d, o->op->path, &dir);
    if (!o->err && do_fails(d, DISK_FAIL_SYNC, o->op->path)) o->err = ENV_EIO;
    if (!o->err) names_sync(d, dir, o->names_until);
}

static void
carry_out_close(struct disk_op *o)
{
    struct open_file *f = o->op->file->slot;
    list_remove(&f->node);
    inode_unref(f->inode);
    MEM_DELETE(&o->m->w->mem, f);
    o->op->file->slot = NULL;
}

static void
disk_carry_out(struct disk *d, struct disk_op *o)
{
    struct op *op = o->op;
    switch (op->kind) {
    case OP_OPEN:
        o->err = do_open(d, op->path, op->flags, &o->opened);
        if (!o->err) o->value = o->opened->size, inode_ref(o->opened);
        if (!o->err && !o->opened->modified_ms) o->opened->modified_ms = wall_ms(o->m);
        break;
    case OP_CLOSE: carry_out_close(o); break;
    case OP_READ: carry_out_read(d, o); break;
    case OP_WRITE: carry_out_write(d, o); break;
    case OP_SYNC: carry_out_sync(d, o); break;
    case OP_TRUNCATE:
        if (do_fails(d, DISK_FAIL_WRITE, o->inode->path)) o->err = ENV_EIO;
        else inode_truncate(o->inode, op->n), o->inode->modified_ms = wall_ms(o->m);
        break;
    case OP_LOCK: o->err = do_lock(d, op->path, o->m); break;
    case OP_MKDIR: o->err = do_mkdir(d, op->path); break;
    case OP_RMDIR: o->err = do_rmdir(d, op->path); break;
    case OP_LIST: o->err = do_list(d, op->path, &o->m->m.env.mem, &o->listed); break;
    case OP_RENAME: o->err = do_rename(d, op->path, op->path2); break;
    case OP_UNLINK: o->err = do_unlink(d, op->path); break;
    case OP_SYNC_DIR: carry_out_sync_dir(d, o); break;
    case OP_FREE_SPACE: o->value = MAX(0, d->faults.capacity_bytes - d->used_bytes); break;
    case OP_IDLE:
    case OP_WORK: UNREACHABLE();
    }
}

/* ---- queueing ---- */

static void
check_overlap(struct mach *m, const struct disk_op *o)
{
    LIST_EACH(&m->ops, other, struct disk_op, node) {
        if (other->op->kind != OP_WRITE || other->inode != o->inode || other->is_done) continue;
        bool apart = other->op->offset >= o->op->offset + o->op->n ||
                     o->op->offset >= other->op->offset + other->op->n;
        if (!apart) panic(__FILE__, __LINE__, "overlapping writes in flight");
    }
}

static void disk_fire(struct world *w, struct entry *e);

void
disk_start(struct mach *m, struct op *op)
{
    struct disk *d = m->m.host->disk;
    struct disk_op *o = MEM_NEW(d->mem, struct disk_op);
    o->e.fire = disk_fire;
    o->m = m;
    o->op = op;
    o->ordinal = ++m->disk_ops;
    bool on_open_file = op->kind >= OP_CLOSE && op->kind <= OP_TRUNCATE;
    if (on_open_file) o->inode = inode_ref(((struct open_file *)op->file->slot)->inode);
    if (op->kind == OP_WRITE) check_overlap(m, o);
    if (op->kind == OP_SYNC) sync_begin(o);
    if (op->kind == OP_SYNC_DIR) o->names_until = d->next_name_op;
    list_push_back(&m->ops, &o->node);
    d->w->stats.disk_ops++;
    entry_arm(d->w, &o->e, d->w->now_ns + how_long(d, o));
}

static void
disk_op_free(struct disk *d, struct disk_op *o)
{
    entry_disarm(d->w, &o->e);
    list_remove(&o->node);
    if (o->shots.v) sync_drop(o);
    inode_unref(o->inode);
    inode_unref(o->opened);
    MEM_DELETE(d->mem, o);
}

/* ---- completion ---- */

static void
watch(struct disk_op *o)
{
    struct world *w = o->m->w;
    if (!w->wants_disk && !w->trace) return;
    struct world_disk_op seen = {.machine = &o->m->m,
                                 .kind = o->op->kind,
                                 .path = o->inode ? o->inode->path : o->op->path,
                                 .ordinal = o->ordinal,
                                 .offset = o->op->offset,
                                 .n = o->op->kind == OP_READ ? o->value : o->op->n,
                                 .at_ns = w->now_ns,
                                 .err = o->err};
    watch_disk(w, &seen);
}

static void
give_slot(struct disk_op *o)
{
    struct open_file *f = MEM_NEW(&o->m->w->mem, struct open_file);
    f->inode = inode_ref(o->opened);
    list_push_back(&o->m->opens, &f->node);
    o->op->file->slot = f;
}

static void
disk_fire(struct world *w, struct entry *e)
{
    (void)w;
    struct disk_op *o = CONTAINER_OF(e, struct disk_op, e);
    struct mach *m = o->m;
    struct disk *d = m->m.host->disk;
    if (m->crash_at_op == o->ordinal && !o->is_done) {
        m->crash_at_op = 0;
        (m->crash_is_power ? fault_power : fault_crash)(&m->m);
        return;
    }
    if (!o->is_done) {
        disk_carry_out(d, o);
        o->is_done = true;
        watch(o);
    }
    if (mach_freeze(m, e)) return;
    if (o->opened) give_slot(o);
    struct event done = {
        .kind = EV_DONE, .op = o->op, .err = o->err, .n = o->value, .buf = o->listed};
    disk_op_free(d, o);
    mach_deliver(m, &done);
}

/* ---- crashes ---- */

/* What a crash finds under way has happened, or not, or a beginning of it. */
static void
half_done(struct disk *d, struct disk_op *o)
{
    int64_t r = dice_below(&d->power_dice, 3);
    if (r == 0) return;
    switch (o->op->kind) {
    case OP_WRITE: {
        int64_t n = r == 1 ? o->op->n : dice_between(&d->power_dice, 0, o->op->n);
        (void)write_segs(o, o->op->offset, n);
        break;
    }
    case OP_SYNC:
        if (!o->inode->is_poisoned) sync_take_effect(o);
        break;
    case OP_OPEN:
    case OP_TRUNCATE:
    case OP_MKDIR:
    case OP_RMDIR:
    case OP_RENAME:
    case OP_UNLINK:
    case OP_SYNC_DIR: disk_carry_out(d, o); break;
    case OP_IDLE:
    case OP_CLOSE:
    case OP_READ:
    case OP_LOCK:
    case OP_LIST:
    case OP_FREE_SPACE:
    case OP_WORK: break;
    }
}

static void
unlock_all(struct disk *d, struct mach *m)
{
    LIST_EACH(&d->all, i, struct inode, all)
        if (i->lock == m) i->lock = NULL;
}

void
disk_forget(struct mach *m, bool power)
{
    (void)power; /* the same happens to what is in flight; power.c does the rest */
    struct disk *d = m->m.host->disk;
    LIST_EACH(&m->ops, o, struct disk_op, node) {
        if (!o->is_done) half_done(d, o);
        disk_op_free(d, o);
    }
    LIST_EACH(&m->opens, f, struct open_file, node) {
        list_remove(&f->node);
        inode_unref(f->inode);
        MEM_DELETE(d->mem, f);
    }
    unlock_all(d, m);
}

/* ---- what the network sends ---- */

struct inode *
disk_pin(struct file *f)
{
    CHECK(f->slot);
    return inode_ref(((struct open_file *)f->slot)->inode);
}

void
disk_unpin(struct inode *i)
{
    inode_unref(i);
}

int64_t
disk_read_pinned(struct inode *i, int64_t offset, uint8_t *ret, int64_t n)
{
    if (do_fails(i->disk, DISK_FAIL_READ, i->path)) return -1;
    return inode_read(i, IMAGE_CACHED, offset, ret, n);
}
