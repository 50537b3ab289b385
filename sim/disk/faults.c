/* Faults of disks, and the truth about them. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/disk/internal.h"

void
disk_say(struct machine *m, struct slice verb, struct slice path, int64_t number)
{
    uint8_t text[256];
    struct writer w = writer_fixed(text, sizeof text);
    fmt_slice(&w, m->name);
    if (path.n) fmt_char(&w, ' '), fmt_slice(&w, path);
    if (number) fmt_char(&w, ' '), fmt_i64(&w, number);
    watch_fault(m->world, verb, writer_slice(&w));
}

static void
set_path(struct disk *d, struct slice *at, struct slice path)
{
    mem_free_slice(d->mem, *at);
    *at = mem_dup(d->mem, path);
}

void
fault_disk_fail(struct machine *m, int32_t which, struct slice path, int32_t count)
{
    struct disk *d = m->host->disk;
    d->faults.fail_which = which;
    d->faults.fail_count = count;
    set_path(d, &d->faults.fail_path, path);
    disk_say(m,
             which == DISK_FAIL_SYNC    ? S("disk fails to sync")
             : which == DISK_FAIL_WRITE ? S("disk fails to write")
             : which == DISK_FAIL_READ  ? S("disk fails to read")
                                        : S("disk fails"),
             path, count);
}

void
fault_disk_full(struct machine *m, int64_t free_bytes)
{
    struct disk *d = m->host->disk;
    d->faults.capacity_bytes =
        free_bytes < 0 ? d->w->options.disk.capacity_bytes : d->used_bytes + free_bytes;
    disk_say(m, free_bytes < 0 ? S("disk has room") : S("disk full"), SLICE_EMPTY, 0);
}

void
fault_disk_slow(struct machine *m, int64_t percent)
{
    CHECK(percent > 0);
    m->host->disk->faults.slow_percent = percent;
    disk_say(m, S("disk slow"), SLICE_EMPTY, percent);
}

void
fault_disk_slow_sync(struct machine *m, int64_t percent)
{
    CHECK(percent > 0);
    m->host->disk->faults.slow_sync_percent = percent;
    disk_say(m, S("disk syncs slowly"), SLICE_EMPTY, percent);
}

void
fault_disk_short_reads(struct machine *m, int64_t permille)
{
    m->host->disk->faults.short_reads_permille = permille;
    disk_say(m, S("disk reads short"), SLICE_EMPTY, permille);
}

int32_t
fault_disk_rot(struct machine *m, struct slice path, int64_t offset, int32_t count)
{
    struct disk *d = m->host->disk;
    int32_t hit = 0;
    watch_harm(m);
    LIST_EACH(&d->all, i, struct inode, all) {
        if (i->is_dir || !i->size || !path_contains(i->path, path)) continue;
        for (int32_t k = 0; k < count; k++) {
            int64_t at = offset >= 0 ? offset : dice_below(&d->power_dice, i->size);
            hit += at < i->size && page_flip_bit(i, at, (int)dice_below(&d->power_dice, 8));
        }
        if (offset >= 0) break;
    }
    disk_say(m, S("bit rot"), path, hit);
    return hit;
}

struct found {
    struct disk *d;
    struct slice part;
    VEC(struct slice) paths;
};

static void
find_file_of(void *ctx, struct slice path, int64_t size)
{
    struct found *f = ctx;
    (void)size;
    if (path_contains(path, f->part)) VEC_PUSH(f->d->mem, &f->paths, mem_dup(f->d->mem, path));
}

/* All name operations of this moment reach the medium. */
static void
disk_sync_names(struct disk *d)
{
    while (!list_is_empty(&d->name_ops))
        names_sync(d, LIST_FIRST(&d->name_ops, struct name_op, node)->v[0].dir, UINT64_MAX);
}

static void
shorten(struct disk *d, struct slice path, int64_t bytes)
{
    struct inode *dir, *i;
    struct slice name;
    if (path_find(d, IMAGE_CACHED, path, &dir, &name, &i) || !i || i->size <= bytes) return;
    inode_truncate(i, bytes);
    inode_make_durable(i);
}

/* bytes < 0: nothing is left, not even the name. */
static int32_t
damage(struct machine *m, struct slice part, int64_t bytes)
{
    struct found f = {.d = m->host->disk, .part = part};
    watch_harm(m);
    disk_peek_all(m, IMAGE_CACHED, find_file_of, &f);
    for (int64_t i = 0; i < f.paths.n; i++) {
        if (bytes < 0) CHECK(do_unlink(f.d, f.paths.v[i]) == ENV_OK);
        else shorten(f.d, f.paths.v[i], bytes);
        mem_free_slice(f.d->mem, f.paths.v[i]);
    }
    if (bytes < 0 && f.paths.n) disk_sync_names(f.d);
    int32_t n = (int32_t)f.paths.n;
    VEC_RELEASE(f.d->mem, &f.paths);
    return n;
}

int32_t
fault_disk_erase(struct machine *m, struct slice path)
{
    int32_t n = damage(m, path, -1);
    disk_say(m, S("files erased"), path, n);
    return n;
}

int32_t
fault_disk_shorten(struct machine *m, struct slice path, int64_t bytes)
{
    int32_t n = damage(m, path, MAX(bytes, 0));
    disk_say(m, S("files cut short"), path, n);
    return n;
}

void
fault_disk_misdirect(struct machine *m, struct slice path)
{
    struct disk *d = m->host->disk;
    d->faults.misdirect = true;
    set_path(d, &d->faults.misdirect_path, path);
    disk_say(m, S("misdirected write"), path, 0);
}

void
fault_disk_heal(struct machine *m)
{
    struct disk_faults *f = &m->host->disk->faults;
    int64_t capacity_bytes = m->host->disk->w->options.disk.capacity_bytes;
    bool is_well = !f->fail_which && !f->misdirect && f->slow_percent == 100 &&
                   f->slow_sync_percent == 100 && !f->short_reads_permille &&
                   f->capacity_bytes == capacity_bytes;
    if (is_well) return; /* nothing happened, so nothing is told */
    f->fail_which = 0;
    f->misdirect = false;
    f->slow_percent = f->slow_sync_percent = 100;
    f->short_reads_permille = 0;
    f->capacity_bytes = capacity_bytes;
    disk_say(m, S("disk healed"), SLICE_EMPTY, 0);
}

/* ---- the truth ---- */

static struct inode *
file_at(struct disk *d, struct slice path, enum disk_image image)
{
    struct inode *dir, *i;
    struct slice name;
    if (path_find(d, image, path, &dir, &name, &i)) return NULL;
    return i && !i->is_dir ? i : NULL;
}

/* Paths differ in their lengths, in the middle (topic), in what stands before a segment's name (partition), and before the
 * suffix (offset). */
static struct disk_found *
found_place(struct disk *d, struct slice path, enum disk_image image)
{
    const int64_t name_n = 25; /* "/00000000000000000000.log" */
    uint32_t mixed = (uint32_t)path.n + 16 * (uint32_t)image;
    if (path.n >= 8) mixed += 3u * path.p[path.n / 2] + 5u * path.p[path.n - 5];
    if (path.n > name_n) mixed += 7u * path.p[path.n - name_n - 1];
    return &d->found[mixed % DISK_FOUND_N];
}

static struct inode *
disk_find(struct machine *m, struct slice path, enum disk_image image)
{
    struct disk *d = m->host->disk;
    struct disk_found *f = found_place(d, path, image);
    if (f->inode && f->names_changed == d->names_changed && f->image == image &&
        slice_eq(slice(f->path, f->path_n), path))
        return f->inode;
    struct inode *i = file_at(d, path, image);
    if (!i || path.n > FOUND_PATH_BYTES) return i;
    f->inode = i;
    f->names_changed = d->names_changed;
    f->image = image;
    f->path_n = (int32_t)path.n;
    memcpy(f->path, path.p, (size_t)path.n);
    return i;
}

int64_t
disk_peek_size(struct machine *m, struct slice path, enum disk_image image)
{
    struct inode *i = disk_find(m, path, image);
    return i ? inode_size(i, image) : -1;
}

int64_t
disk_peek(struct machine *m, struct slice path, enum disk_image image, int64_t offset, void *ret,
          int64_t n)
{
    struct inode *i = disk_find(m, path, image);
    CHECK(offset >= 0 && n >= 0);
    return i ? inode_read(i, image, offset, ret, n) : -1;
}

bool
disk_is_settled(struct machine *m, struct slice path, int64_t offset, int64_t n)
{
    struct inode *i = disk_find(m, path, IMAGE_CACHED);
    return i && i == disk_find(m, path, IMAGE_DURABLE) && inode_is_settled(i, offset, n);
}

struct walk {
    enum disk_image image;
    struct mem *mem;
    void (*fn)(void *ctx, struct slice path, int64_t size);
    void *ctx;
};

/* w: the path so far. */
static void
walk_dir(const struct walk *k, struct inode *dir, struct writer *w)
{
    struct dirent **v;
    int64_t n = dir_sorted(dir, k->image, k->mem, &v), prefix_n = w->n;
    for (int64_t i = 0; i < n; i++) {
        if (prefix_n) fmt_char(w, '/');
        fmt_slice(w, v[i]->name);
        if (v[i]->inode->is_dir) walk_dir(k, v[i]->inode, w);
        else k->fn(k->ctx, writer_slice(w), inode_size(v[i]->inode, k->image));
        w->n = prefix_n;
    }
    mem_free(k->mem, v, dir->names[k->image].n * (int64_t)sizeof(*v));
}

void
disk_peek_all(struct machine *m, enum disk_image image,
              void (*fn)(void *ctx, struct slice path, int64_t size), void *ctx)
{
    struct disk *d = m->host->disk;
    struct walk k = {image, d->mem, fn, ctx};
    uint8_t room[256];
    struct writer w = writer_lent(d->mem, room, sizeof room);
    walk_dir(&k, d->root, &w);
    writer_release(&w);
}

void
disk_peek_dir(struct machine *m, struct slice path, enum disk_image image,
              void (*fn)(void *ctx, struct slice path, int64_t size), void *ctx)
{
    struct disk *d = m->host->disk;
    struct walk k = {image, d->mem, fn, ctx};
    struct inode *dir, *i;
    struct slice name;
    if (path_find(d, image, path, &dir, &name, &i) != ENV_OK || !i || !i->is_dir) return;
    uint8_t room[256];
    struct writer w = writer_lent(d->mem, room, sizeof room);
    fmt_slice(&w, path);
    walk_dir(&k, i, &w);
    writer_release(&w);
}

static void
make_parents(struct disk *d, struct slice path)
{
    for (int64_t at = 0; (at = slice_find(path, '/', at)) >= 0; at++)
        if (at) (void)do_mkdir(d, slice_sub(path, 0, at));
}

void
disk_put(struct machine *m, struct slice path, struct slice bytes)
{
    struct disk *d = m->host->disk;
    make_parents(d, path);
    struct inode *i;
    CHECK(do_open(d, path, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, &i) == ENV_OK);
    CHECK(inode_write(i, 0, bytes.p, bytes.n) == bytes.n);
    inode_make_durable(i);
    disk_sync_names(d);
}
