/* What operations do to the page cache and the names, once their time has come. */
#include "broker/base/bytes.h"
#include "broker/base/check.h"
#include "sim/disk/internal.h"

bool
path_contains(struct slice path, struct slice part)
{
    if (!part.n) return true;
    for (int64_t i = 0; i + part.n <= path.n; i++)
        if (memcmp(path.p + i, part.p, (size_t)part.n) == 0) return true;
    return false;
}

bool
do_fails(struct disk *d, int32_t which, struct slice path)
{
    struct disk_faults *f = &d->faults;
    if (!(f->fail_which & which) || !path_contains(path, f->fail_path)) return false;
    if (f->fail_count && --f->fail_count == 0) f->fail_which = 0;
    return true;
}

static bool
is_full(const struct disk *d)
{
    return d->used_bytes >= d->faults.capacity_bytes;
}

static enum env_err
disk_create(struct disk *d, struct inode *dir, struct slice name, bool is_dir, struct inode **ret)
{
    if (is_full(d)) return ENV_ENOSPC;
    struct inode *i = inode_new(d, is_dir);
    struct name_change c = {dir, name, i};
    names_change(d, &c, 1);
    inode_unref(i);
    *ret = i;
    return ENV_OK;
}

enum env_err
do_open(struct disk *d, struct slice path, int32_t flags, struct inode **ret)
{
    struct inode *dir, *i;
    struct slice name;
    enum env_err err = path_find(d, IMAGE_CACHED, path, &dir, &name, &i);
    if (err) return err;
    if (i && i->is_dir) return ENV_EINVAL;
    if (i && flags & OPEN_EXCLUSIVE) return ENV_EEXIST;
    if (!i && !(flags & OPEN_CREATE)) return ENV_ENOENT;
    if (!i && do_fails(d, DISK_FAIL_WRITE, path)) return ENV_EIO;
    if (!i) err = disk_create(d, dir, name, false, &i);
    if (err) return err;
    if (flags & OPEN_TRUNCATE) inode_truncate(i, 0);
    inode_set_path(i, path);
    *ret = i;
    return ENV_OK;
}

enum env_err
do_mkdir(struct disk *d, struct slice path)
{
    struct inode *dir, *i;
    struct slice name;
    enum env_err err = path_find(d, IMAGE_CACHED, path, &dir, &name, &i);
    if (err) return err;
    if (i) return ENV_EEXIST;
    return disk_create(d, dir, name, true, &i);
}

static enum env_err
remove_name(struct disk *d, struct slice path, bool is_dir)
{
    struct inode *dir, *i;
    struct slice name;
    enum env_err err = path_find(d, IMAGE_CACHED, path, &dir, &name, &i);
    if (err) return err;
    if (!i) return ENV_ENOENT;
    if (i->is_dir != is_dir || !dir) return ENV_EINVAL;
    if (is_dir && i->names[IMAGE_CACHED].n) return ENV_ENOTEMPTY;
    struct name_change c = {dir, name, NULL};
    names_change(d, &c, 1);
    return ENV_OK;
}

enum env_err
do_rmdir(struct disk *d, struct slice path)
{
    return remove_name(d, path, true);
}

enum env_err
do_unlink(struct disk *d, struct slice path)
{
    return remove_name(d, path, false);
}

enum env_err
do_rename(struct disk *d, struct slice from, struct slice to)
{
    struct inode *from_dir, *to_dir, *i, *target;
    struct slice from_name, to_name;
    enum env_err err = path_find(d, IMAGE_CACHED, from, &from_dir, &from_name, &i);
    if (err) return err;
    if (!i || !from_dir) return ENV_ENOENT;
    err = path_find(d, IMAGE_CACHED, to, &to_dir, &to_name, &target);
    if (err) return err;
    if (target == i) return ENV_OK;
    if (!to_dir || (target && target->is_dir != i->is_dir)) return ENV_EINVAL;
    if (target && target->is_dir && target->names[IMAGE_CACHED].n) return ENV_ENOTEMPTY;
    struct name_change c[2] = {{from_dir, from_name, NULL}, {to_dir, to_name, i}};
    names_change(d, c, 2);
    return ENV_OK;
}

enum env_err
do_lock(struct disk *d, struct slice path, struct mach *m)
{
    struct inode *i;
    enum env_err err = do_open(d, path, OPEN_WRITE | OPEN_CREATE, &i);
    if (err) return err;
    if (i->lock && i->lock != m) return ENV_ELOCKED;
    i->lock = m;
    return ENV_OK;
}

enum env_err
do_find_dir(struct disk *d, struct slice path, struct inode **ret)
{
    struct inode *dir, *i;
    struct slice name;
    enum env_err err = path_find(d, IMAGE_CACHED, path, &dir, &name, &i);
    if (err) return err;
    if (!i) return ENV_ENOENT;
    if (!i->is_dir) return ENV_EINVAL;
    *ret = i;
    return ENV_OK;
}

enum env_err
do_list(struct disk *d, struct slice path, struct mem *mem, struct buf **ret)
{
    struct inode *dir;
    enum env_err err = do_find_dir(d, path, &dir);
    if (err) return err;
    struct dirent **v;
    int64_t n = dir_sorted(dir, IMAGE_CACHED, d->mem, &v), bytes = 0;
    for (int64_t k = 0; k < n; k++) bytes += DIR_ENTRY_HEAD_BYTES + v[k]->name.n;
    struct buf *b = buf_new(mem, bytes);
    struct writer w = writer_fixed(b->data, bytes);
    for (int64_t k = 0; k < n; k++)
        dir_print(&w, &(struct dir_entry){.is_dir = v[k]->inode->is_dir,
                                          .size = v[k]->inode->size,
                                          .modified_ms = v[k]->inode->modified_ms,
                                          .name = v[k]->name});
    CHECK(!w.err);
    b->n = bytes;
    mem_free(d->mem, v, dir->names[IMAGE_CACHED].n * (int64_t)sizeof(*v));
    *ret = b;
    return ENV_OK;
}
