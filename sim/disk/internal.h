/* What the files of the disk share. */
#ifndef SIM_DISK_INTERNAL_H
#define SIM_DISK_INTERNAL_H

#include "sim/world/fault.h"
#include "sim/world/internal.h"

#define DISK_PAGE_BYTES 4096
#define SECTOR_BYTES 512
#define FILE_CEILING_BYTES (16LL << 30)

/* The content of a page; NULL stands for zeros. Once a page is full its content is kept once for all disks of the world:
 * replicas have the same bytes at the same places, so three copies of a record take the memory of one. */
struct pdata {
    struct map_node node; /* among the world's contents, if it is known there */
    int32_t refs;
    bool is_known;
    uint8_t *b;
};

struct page {
    struct pdata *cached, *durable;
    uint64_t version, durable_version; /* of the inode's writes */
    struct list dirty;
    int64_t index; /* while dirty */
    bool is_lost;  /* a failed sync dropped it: never becomes durable by itself */
};

struct inode {
    struct disk *disk;
    uint64_t id;
    int32_t refs; /* names in both images, pending operations, open files, pins */
    bool is_dir, is_poisoned;
    struct mach *lock;
    struct list all;   /* among the disk's */
    struct slice path; /* under which it was last opened: for people and filters */
    /* files */
    struct page **pages; /* NULL: never touched */
    int64_t pages_n;
    struct list dirty;
    int64_t size, durable_size;
    int64_t modified_ms; /* by the host's wall clock */
    uint64_t writes, size_version, durable_size_version;
    /* directories */
    struct map names[2]; /* struct dirent, by enum disk_image */
    uint64_t mark;
};

struct dirent {
    struct map_node node;
    struct slice name;
    struct inode *inode;
};

/* A name operation that the medium does not have yet: names that go (inode NULL) or come. */
struct name_change {
    struct inode *dir;
    struct slice name;
    struct inode *inode;
};
struct name_op {
    struct list node;
    uint64_t seq;
    int32_t n;
    struct name_change v[2];
};

struct disk_faults {
    int32_t fail_which, fail_count; /* count 0: no end */
    struct slice fail_path, misdirect_path;
    bool misdirect;
    int64_t slow_percent, slow_sync_percent, short_reads_permille;
    int64_t capacity_bytes;
};

/* A file that was found by its path: the witnesses look at the same few again and again. Good as long as no name of
 * the disk has changed. */
#define FOUND_PATH_BYTES 108
struct disk_found {
    struct inode *inode;
    uint64_t names_changed;
    enum disk_image image;
    int32_t path_n;
    uint8_t path[FOUND_PATH_BYTES];
};
#define DISK_FOUND_N 32

struct disk {
    struct world *w;
    struct mem *mem;
    struct inode *root;
    struct dice dice, power_dice;
    uint64_t next_inode, next_name_op, next_mark;
    struct list name_ops, all;
    int64_t used_bytes;     /* of cached pages */
    uint64_t names_changed; /* counted, in both images */
    struct disk_found found[DISK_FOUND_N];
    struct disk_faults faults;
};

/* An open file: what file->slot points to. */
struct open_file {
    struct list node; /* among the machine's */
    struct inode *inode;
};

/* A page as it was when a sync began. */
struct page_shot {
    int64_t index;
    struct pdata *data;
    uint64_t version;
};

/* An operation under way. */
struct disk_op {
    struct entry e;
    struct list node; /* among the machine's */
    struct mach *m;
    struct op *op;
    int64_t ordinal;
    struct inode *inode; /* of operations on open files */
    bool is_done;        /* carried out, not yet told */
    enum env_err err;
    int64_t value;
    struct inode *opened;
    struct buf *listed;
    /* sync */
    VEC(struct page_shot) shots;
    int64_t shot_size;
    uint64_t shot_size_version;
    uint64_t names_until; /* sync of a directory */
};

/* ---- inode.c ---- */

struct inode *inode_new(struct disk *d, bool is_dir);
void inode_set_path(struct inode *i, struct slice path);
struct inode *inode_ref(struct inode *i);
void inode_unref(struct inode *i);
/* As far as there is room: how much was written. */
int64_t inode_write(struct inode *i, int64_t offset, const uint8_t *p, int64_t n);
int64_t inode_read(const struct inode *i, enum disk_image image, int64_t offset, uint8_t *ret,
                   int64_t n);
/* Are these bytes there, and the same in both images? */
bool inode_is_settled(const struct inode *i, int64_t offset, int64_t n);
void inode_truncate(struct inode *i, int64_t size);
static inline int64_t
inode_size(const struct inode *i, enum disk_image image)
{
    return image == IMAGE_CACHED ? i->size : i->durable_size;
}
void sync_begin(struct disk_op *o);
void sync_take_effect(struct disk_op *o);
void sync_drop(struct disk_op *o); /* lets go of the shots */
void sync_lose(struct disk_op *o); /* the pages never become durable */
/* Everything cached becomes durable, or the other way round, page by page as `keep` says. */
enum keep { KEEP_NONE, KEEP_ALL, KEEP_PREFIX, KEEP_ANY };
void inode_power_loss(struct inode *i, struct dice *d, enum keep keep);
void inode_make_durable(struct inode *i);
bool page_flip_bit(struct inode *i, int64_t offset, int bit);

/* ---- names.c ---- */

/* ENV_OK, or why not; *ret_inode is NULL when only the last part is missing. */
enum env_err path_find(struct disk *d, enum disk_image image, struct slice path,
                       struct inode **ret_dir, struct slice *ret_name, struct inode **ret_inode);
void names_change(struct disk *d, const struct name_change *v, int32_t n);
void names_sync(struct disk *d, struct inode *dir, uint64_t until);
void names_power_loss(struct disk *d, struct dice *dice);
void dir_clear(struct inode *dir, enum disk_image image);
void name_ops_drop(struct disk *d);
int64_t dir_sorted(struct inode *dir, enum disk_image image, struct mem *mem, struct dirent ***ret);

void dirs_power_loss(struct disk *d);

/* ---- do.c: what operations do, without time ---- */

enum env_err do_open(struct disk *d, struct slice path, int32_t flags, struct inode **ret);
enum env_err do_mkdir(struct disk *d, struct slice path);
enum env_err do_rmdir(struct disk *d, struct slice path);
enum env_err do_rename(struct disk *d, struct slice from, struct slice to);
enum env_err do_unlink(struct disk *d, struct slice path);
enum env_err do_lock(struct disk *d, struct slice path, struct mach *m);
enum env_err do_list(struct disk *d, struct slice path, struct mem *mem, struct buf **ret);
enum env_err do_find_dir(struct disk *d, struct slice path, struct inode **ret);
/* True if the operation is to fail by order. */
bool do_fails(struct disk *d, int32_t which, struct slice path);
bool path_contains(struct slice path, struct slice part);

/* ---- faults.c ---- */

/* A fault, with the file and the number that go with it, if there are any. */
void disk_say(struct machine *m, struct slice verb, struct slice path, int64_t number);

#endif
