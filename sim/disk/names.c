/* Directories: names in two images, and the operations that the medium does not have yet. */
#include "broker/base/check.h"
#include "sim/disk/internal.h"

/* ---- one table of names ---- */

static bool
name_eq(const struct map_node *node, const void *key)
{
    const struct dirent *e = (const struct dirent *)(const void *)node; /* its first member */
    return slice_eq(e->name, *(const struct slice *)key);
}

static struct dirent *
dir_find(const struct inode *dir, enum disk_image image, struct slice name)
{
    const struct map *m = &dir->names[image];
    struct map_node *n = map_find(m, map_hash(m, name), name_eq, &name);
    return n ? CONTAINER_OF(n, struct dirent, node) : NULL;
}

static void
dirent_free(struct inode *dir, enum disk_image image, struct dirent *e)
{
    struct disk *d = dir->disk;
    d->names_changed++;
    map_remove(&dir->names[image], &e->node);
    mem_free_slice(d->mem, e->name);
    struct inode *i = e->inode;
    MEM_DELETE(d->mem, e);
    inode_unref(i);
}

/* inode NULL: the name goes. */
static void
dir_set(struct inode *dir, enum disk_image image, struct slice name, struct inode *inode)
{
    struct dirent *e = dir_find(dir, image, name);
    inode_ref(inode);
    if (e) dirent_free(dir, image, e);
    if (!inode) return;
    dir->disk->names_changed++;
    e = MEM_NEW(dir->disk->mem, struct dirent);
    e->name = mem_dup(dir->disk->mem, name);
    e->inode = inode;
    map_insert(&dir->names[image], &e->node, map_hash(&dir->names[image], name));
}

void
dir_clear(struct inode *dir, enum disk_image image)
{
    MAP_EACH(&dir->names[image], e, struct dirent, node) dirent_free(dir, image, e);
    map_release(&dir->names[image]);
    map_init(&dir->names[image], dir->disk->mem, dir->disk->w->key);
}

static void
sort_names(struct dirent **v, int64_t n)
{
    for (int64_t gap = n / 2; gap > 0; gap /= 2)
        for (int64_t i = gap; i < n; i++) {
            struct dirent *e = v[i];
            int64_t k = i;
            for (; k >= gap && slice_cmp(v[k - gap]->name, e->name) > 0; k -= gap)
                v[k] = v[k - gap];
            v[k] = e;
        }
}

int64_t
dir_sorted(struct inode *dir, enum disk_image image, struct mem *mem, struct dirent ***ret)
{
    int64_t n = 0;
    struct dirent **v = mem_alloc(mem, dir->names[image].n * (int64_t)sizeof(*v));
    MAP_EACH(&dir->names[image], e, struct dirent, node) v[n++] = e;
    sort_names(v, n);
    *ret = v;
    return n;
}

/* ---- paths ---- */

/* The next part of a path; empty at its end. */
static struct slice
next_part(struct slice *path)
{
    while (path->n && path->p[0] == '/') *path = slice_sub(*path, 1, path->n);
    int64_t end = slice_find(*path, '/', 0);
    struct slice part = slice_sub(*path, 0, end < 0 ? path->n : end);
    *path = slice_sub(*path, part.n, path->n);
    return slice_eq(part, S(".")) ? next_part(path) : part;
}

enum env_err
path_find(struct disk *d, enum disk_image image, struct slice path, struct inode **ret_dir,
          struct slice *ret_name, struct inode **ret_inode)
{
    struct inode *at = d->root, *dir = NULL;
    struct slice name = SLICE_EMPTY;
    for (struct slice part; (part = next_part(&path)).n > 0;) {
        if (!at) return ENV_ENOENT;
        if (!at->is_dir) return ENV_EINVAL;
        struct dirent *e = dir_find(at, image, part);
        dir = at;
        name = part;
        at = e ? e->inode : NULL;
    }
    *ret_dir = dir;
    *ret_name = name;
    *ret_inode = at;
    return ENV_OK;
}

/* ---- changes ---- */

static void
name_op_free(struct disk *d, struct name_op *o)
{
    list_remove(&o->node);
    for (int32_t i = 0; i < o->n; i++) {
        inode_unref(o->v[i].dir);
        inode_unref(o->v[i].inode);
        mem_free_slice(d->mem, o->v[i].name);
    }
    MEM_DELETE(d->mem, o);
}

void
name_ops_drop(struct disk *d)
{
    LIST_EACH(&d->name_ops, o, struct name_op, node) name_op_free(d, o);
}

void
names_change(struct disk *d, const struct name_change *v, int32_t n)
{
    struct name_op *o = MEM_NEW(d->mem, struct name_op);
    o->seq = ++d->next_name_op;
    o->n = n;
    for (int32_t i = 0; i < n; i++)
        o->v[i] = (struct name_change){.dir = inode_ref(v[i].dir),
                                       .name = mem_dup(d->mem, v[i].name),
                                       .inode = inode_ref(v[i].inode)};
    for (int32_t i = 0; i < n; i++) dir_set(o->v[i].dir, IMAGE_CACHED, o->v[i].name, o->v[i].inode);
    list_push_back(&d->name_ops, &o->node);
}

static void
make_durable(struct disk *d, struct name_op *o)
{
    for (int32_t i = 0; i < o->n; i++)
        dir_set(o->v[i].dir, IMAGE_DURABLE, o->v[i].name, o->v[i].inode);
    name_op_free(d, o);
}

static bool
touches(const struct name_op *o, uint64_t mark)
{
    for (int32_t i = 0; i < o->n; i++)
        if (o->v[i].dir->mark == mark) return true;
    return false;
}

/* A rename from elsewhere brings with it what was done there before: otherwise an older operation
 * could undo it later. */
void
names_sync(struct disk *d, struct inode *dir, uint64_t until)
{
    uint64_t mark = ++d->next_mark;
    dir->mark = mark;
    for (struct list *n = d->name_ops.prev; n != &d->name_ops; n = n->prev) {
        struct name_op *o = LIST_ENTRY(n, struct name_op, node);
        if (o->seq > until || !touches(o, mark)) continue;
        for (int32_t i = 0; i < o->n; i++) o->v[i].dir->mark = mark;
    }
    LIST_EACH(&d->name_ops, o, struct name_op, node)
        if (o->seq <= until && touches(o, mark)) make_durable(d, o);
}

void
names_power_loss(struct disk *d, struct dice *dice)
{
    int64_t n = 0, k = 0;
    LIST_EACH(&d->name_ops, o, struct name_op, node) n++;
    if (!n) return;
    /* A journal keeps a beginning; other file systems keep any part. */
    bool journal = dice_below(dice, 4) < 3;
    int64_t kept = dice_between(dice, 0, n);
    LIST_EACH(&d->name_ops, o, struct name_op, node) {
        bool keep = journal ? k++ < kept : dice_below(dice, 2) == 0;
        if (keep) make_durable(d, o);
        else name_op_free(d, o);
    }
}

/* The cache shows what the medium has. */
void
dirs_power_loss(struct disk *d)
{
    VEC(struct inode *) dirs = {0};
    LIST_EACH(&d->all, i, struct inode, all)
        if (i->is_dir) VEC_PUSH(d->mem, &dirs, inode_ref(i));
    for (int64_t k = 0; k < dirs.n; k++) {
        struct inode *dir = dirs.v[k];
        dir_clear(dir, IMAGE_CACHED);
        MAP_EACH(&dir->names[IMAGE_DURABLE], e, struct dirent, node)
            dir_set(dir, IMAGE_CACHED, e->name, e->inode);
    }
    for (int64_t k = 0; k < dirs.n; k++) inode_unref(dirs.v[k]);
    VEC_RELEASE(d->mem, &dirs);
}
