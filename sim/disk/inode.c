/* Files: pages in two images. */
#include "broker/base/check.h"
#include "sim/disk/internal.h"

/* ---- page contents, shared while they are the same ---- */

static struct pdata *
pdata_new(struct disk *d)
{
    struct pdata *p = MEM_NEW(d->mem, struct pdata);
    p->refs = 1;
    p->b = mem_alloc(d->mem, DISK_PAGE_BYTES);
    return p;
}

static struct pdata *
pdata_copy(struct disk *d, const struct pdata *from)
{
    struct pdata *p = MEM_NEW(d->mem, struct pdata);
    p->refs = 1;
    p->b = mem_alloc_dirty(d->mem, DISK_PAGE_BYTES);
    memcpy(p->b, from->b, DISK_PAGE_BYTES);
    return p;
}

static struct pdata *
pdata_ref(struct pdata *p)
{
    if (p) p->refs++;
    return p;
}

static void
pdata_forget(struct disk *d, struct pdata *p)
{
    if (p->is_known) map_remove(&d->w->contents, &p->node);
    p->is_known = false;
}

static void
pdata_unref(struct disk *d, struct pdata *p)
{
    if (!p || --p->refs) return;
    pdata_forget(d, p);
    mem_free(d->mem, p->b, DISK_PAGE_BYTES);
    MEM_DELETE(d->mem, p);
}

static void
pdata_set(struct disk *d, struct pdata **at, struct pdata *p)
{
    struct pdata *old = *at;
    *at = pdata_ref(p);
    pdata_unref(d, old);
}

static bool
same_bytes(const struct map_node *node, const void *key)
{
    return memcmp(CONTAINER_OF(node, struct pdata, node)->b, key, DISK_PAGE_BYTES) == 0;
}

/* Whoever has this content already has it for all. */
static void
pdata_share(struct disk *d, struct pdata **at)
{
    struct map *contents = &d->w->contents;
    struct pdata *p = *at;
    if (p->is_known) return;
    uint32_t crc = crc32c(d->w->options.crc32c, 0, slice(p->b, DISK_PAGE_BYTES));
    uint64_t hash = map_hash_i64(contents, crc, 0);
    struct map_node *known = map_find(contents, hash, same_bytes, p->b);
    if (known) {
        pdata_set(d, at, CONTAINER_OF(known, struct pdata, node));
        return;
    }
    map_insert(contents, &p->node, hash);
    p->is_known = true;
}

/* ---- inodes ---- */

struct inode *
inode_new(struct disk *d, bool is_dir)
{
    struct inode *i = MEM_NEW(d->mem, struct inode);
    i->disk = d;
    i->id = ++d->next_inode;
    i->refs = 1;
    i->is_dir = is_dir;
    list_init(&i->dirty);
    list_push_back(&d->all, &i->all);
    map_init(&i->names[IMAGE_CACHED], d->mem, d->w->key);
    map_init(&i->names[IMAGE_DURABLE], d->mem, d->w->key);
    return i;
}

struct inode *
inode_ref(struct inode *i)
{
    if (i) i->refs++;
    return i;
}

static void
page_free(struct inode *i, struct page *p)
{
    if (p->cached) i->disk->used_bytes -= DISK_PAGE_BYTES;
    list_remove(&p->dirty);
    pdata_unref(i->disk, p->cached);
    pdata_unref(i->disk, p->durable);
    MEM_DELETE(i->disk->mem, p);
}

void
inode_unref(struct inode *i)
{
    if (!i || --i->refs) return;
    list_remove(&i->all);
    dir_clear(i, IMAGE_CACHED);
    dir_clear(i, IMAGE_DURABLE);
    for (int64_t k = 0; k < i->pages_n; k++)
        if (i->pages[k]) page_free(i, i->pages[k]);
    mem_free(i->disk->mem, i->pages, i->pages_n * (int64_t)sizeof *i->pages);
    mem_free_slice(i->disk->mem, i->path);
    MEM_DELETE(i->disk->mem, i);
}

void
inode_set_path(struct inode *i, struct slice path)
{
    if (slice_eq(i->path, path)) return;
    mem_free_slice(i->disk->mem, i->path);
    i->path = mem_dup(i->disk->mem, path);
}

/* ---- reading and writing ---- */

static struct page *
page_get(struct inode *i, int64_t index)
{
    if (index >= i->pages_n) {
        int64_t n = MAX(index + 1, i->pages_n + i->pages_n / 2 + 4);
        i->pages = mem_resize(i->disk->mem, i->pages, i->pages_n * (int64_t)sizeof *i->pages,
                              n * (int64_t)sizeof *i->pages);
        i->pages_n = n;
    }
    if (!i->pages[index]) i->pages[index] = MEM_NEW(i->disk->mem, struct page);
    return i->pages[index];
}

static void
page_touch(struct inode *i, struct page *p, int64_t index)
{
    p->version = ++i->writes;
    p->index = index;
    p->is_lost = false;
    if (!list_is_linked(&p->dirty)) list_push_back(&i->dirty, &p->dirty);
}

static void
page_set_cached(struct inode *i, struct page *p, struct pdata *data)
{
    i->disk->used_bytes += ((data != NULL) - (p->cached != NULL)) * DISK_PAGE_BYTES;
    pdata_set(i->disk, &p->cached, data);
}

/* The cached version, for nobody else to see. NULL: the disk is full. */
static uint8_t *
page_own(struct inode *i, struct page *p)
{
    struct disk *d = i->disk;
    if (p->cached && p->cached->refs == 1) {
        pdata_forget(d, p->cached); /* it is about to change */
        return p->cached->b;
    }
    if (!p->cached && d->used_bytes + DISK_PAGE_BYTES > d->faults.capacity_bytes) return NULL;
    struct pdata *fresh = p->cached ? pdata_copy(d, p->cached) : pdata_new(d);
    page_set_cached(i, p, fresh);
    pdata_unref(d, fresh);
    return p->cached->b;
}

static void
set_size(struct inode *i, int64_t size)
{
    if (size == i->size) return;
    i->size = size;
    i->size_version = ++i->writes;
}

int64_t
inode_write(struct inode *i, int64_t offset, const uint8_t *p, int64_t n)
{
    CHECK(offset <= FILE_CEILING_BYTES - n);
    int64_t done = 0;
    while (done < n) {
        int64_t index = (offset + done) / DISK_PAGE_BYTES, at = (offset + done) % DISK_PAGE_BYTES;
        int64_t part = MIN(n - done, DISK_PAGE_BYTES - at);
        struct page *page = page_get(i, index);
        uint8_t *b = page_own(i, page);
        if (!b) break;
        memcpy(b + at, p + done, (size_t)part);
        if (at + part == DISK_PAGE_BYTES) pdata_share(i->disk, &page->cached);
        page_touch(i, page, index);
        done += part;
    }
    if (done && offset + done > i->size) set_size(i, offset + done);
    return done;
}

int64_t
inode_read(const struct inode *i, enum disk_image image, int64_t offset, uint8_t *ret, int64_t n)
{
    n = MAX(0, MIN(n, inode_size(i, image) - offset));
    for (int64_t done = 0; done < n;) {
        int64_t index = (offset + done) / DISK_PAGE_BYTES, at = (offset + done) % DISK_PAGE_BYTES;
        int64_t part = MIN(n - done, DISK_PAGE_BYTES - at);
        const struct page *page = index < i->pages_n ? i->pages[index] : NULL;
        const struct pdata *data = !page                 ? NULL
                                 : image == IMAGE_CACHED ? page->cached
                                                         : page->durable;
        if (data) memcpy(ret + done, data->b + at, (size_t)part);
        else memset(ret + done, 0, (size_t)part);
        done += part;
    }
    return n;
}

/* A page of which nothing was written holds zeros. */
static bool
is_same_in_both(const struct page *p, int64_t at, int64_t n)
{
    static const uint8_t zeros[DISK_PAGE_BYTES];
    if (!p || p->cached == p->durable) return true;
    const uint8_t *a = p->cached ? p->cached->b : zeros, *b = p->durable ? p->durable->b : zeros;
    return memcmp(a + at, b + at, (size_t)n) == 0;
}

bool
inode_is_settled(const struct inode *i, int64_t offset, int64_t n)
{
    int64_t end = offset + n;
    if (offset < 0 || end > i->size || end > i->durable_size) return false;
    for (int64_t part; offset < end; offset += part) {
        int64_t index = offset / DISK_PAGE_BYTES, at = offset % DISK_PAGE_BYTES;
        part = MIN(end - offset, DISK_PAGE_BYTES - at);
        if (index < i->pages_n && !is_same_in_both(i->pages[index], at, part)) return false;
    }
    return true;
}

void
inode_truncate(struct inode *i, int64_t size)
{
    CHECK(size <= FILE_CEILING_BYTES);
    int64_t first = (size + DISK_PAGE_BYTES - 1) / DISK_PAGE_BYTES;
    for (int64_t k = first; k < i->pages_n; k++) {
        if (!i->pages[k] || !i->pages[k]->cached) continue;
        page_set_cached(i, i->pages[k], NULL);
        page_touch(i, i->pages[k], k);
    }
    int64_t at = size % DISK_PAGE_BYTES, last = size / DISK_PAGE_BYTES;
    if (at && size < i->size && last < i->pages_n && i->pages[last] && i->pages[last]->cached) {
        memset(page_own(i, i->pages[last]) + at, 0, (size_t)(DISK_PAGE_BYTES - at));
        page_touch(i, i->pages[last], last);
    }
    set_size(i, size);
}

/* ---- sync ---- */

void
sync_begin(struct disk_op *o)
{
    struct inode *i = o->inode;
    LIST_EACH(&i->dirty, p, struct page, dirty) {
        struct page_shot shot = {
            .index = p->index, .data = pdata_ref(p->cached), .version = p->version};
        VEC_PUSH(i->disk->mem, &o->shots, shot);
    }
    o->shot_size = i->size;
    o->shot_size_version = i->size_version;
}

void
sync_take_effect(struct disk_op *o)
{
    struct inode *i = o->inode;
    for (int64_t k = 0; k < o->shots.n; k++) {
        struct page_shot *s = &o->shots.v[k];
        struct page *p = page_get(i, s->index);
        if (s->version < p->durable_version || p->is_lost) continue;
        pdata_set(i->disk, &p->durable, s->data);
        p->durable_version = s->version;
        if (p->version == s->version) list_remove(&p->dirty);
    }
    if (o->shot_size_version >= i->durable_size_version) {
        i->durable_size = o->shot_size;
        i->durable_size_version = o->shot_size_version;
    }
}

void
sync_lose(struct disk_op *o)
{
    for (int64_t k = 0; k < o->shots.n; k++) {
        struct page *p = page_get(o->inode, o->shots.v[k].index);
        if (p->version == o->shots.v[k].version) p->is_lost = true;
    }
    o->inode->is_poisoned = true;
}

void
sync_drop(struct disk_op *o)
{
    struct mem *mem = &o->m->w->mem;
    for (int64_t k = 0; k < o->shots.n; k++) pdata_unref(o->inode->disk, o->shots.v[k].data);
    VEC_RELEASE(mem, &o->shots);
}

/* ---- power ---- */

/* Sector by sector the old or the new. */
static struct pdata *
torn(struct disk *d, const struct page *p, struct dice *dice)
{
    struct pdata *t = pdata_new(d);
    uint64_t bits = dice_draw(dice);
    for (int64_t s = 0; s < DISK_PAGE_BYTES / SECTOR_BYTES; s++) {
        const struct pdata *from = bits >> s & 1 ? p->cached : p->durable;
        if (from) memcpy(t->b + s * SECTOR_BYTES, from->b + s * SECTOR_BYTES, SECTOR_BYTES);
    }
    return t;
}

static void
page_power_loss(struct inode *i, struct page *p, struct dice *dice, enum keep keep, bool in_prefix)
{
    struct disk *d = i->disk;
    list_remove(&p->dirty);
    bool kept = keep == KEEP_ALL || (keep == KEEP_PREFIX && in_prefix);
    bool is_torn = false;
    if (keep == KEEP_ANY) {
        int64_t r = dice_below(dice, 10);
        kept = r < 4;
        is_torn = r >= 8;
    }
    if (p->is_lost) kept = is_torn = false;
    if (is_torn) {
        struct pdata *t = torn(d, p, dice);
        page_set_cached(i, p, t);
        pdata_unref(d, t);
        kept = true;
    }
    if (kept) pdata_set(d, &p->durable, p->cached);
    else page_set_cached(i, p, p->durable);
    p->is_lost = false;
    p->durable_version = p->version;
}

static int64_t
size_after(struct inode *i, struct dice *dice, enum keep keep)
{
    if (keep == KEEP_NONE || i->size == i->durable_size) return i->durable_size;
    if (keep == KEEP_ALL) return i->size;
    int64_t r = dice_below(dice, 3);
    if (r == 0) return i->durable_size;
    if (r == 1 || i->size < i->durable_size) return i->size;
    return dice_between(dice, i->durable_size, i->size);
}

/* What lies beyond the end is zero in both images. */
static void
cut_beyond(struct inode *i, int64_t size)
{
    i->size = size;
    for (int64_t k = size / DISK_PAGE_BYTES; k < i->pages_n; k++) {
        struct page *p = i->pages[k];
        if (!p) continue;
        int64_t at = MAX(0, size - k * DISK_PAGE_BYTES);
        if (at == 0) {
            page_set_cached(i, p, NULL);
        } else if (p->cached) {
            uint8_t *b = page_own(i, p);
            if (b) memset(b + at, 0, (size_t)(DISK_PAGE_BYTES - at));
        }
        pdata_set(i->disk, &p->durable, p->cached);
    }
}

void
inode_power_loss(struct inode *i, struct dice *d, enum keep keep)
{
    int64_t dirty = 0, k = 0;
    LIST_EACH(&i->dirty, p, struct page, dirty) dirty++;
    int64_t prefix = dirty && keep == KEEP_PREFIX ? dice_between(d, 0, dirty) : 0;
    int64_t size = size_after(i, d, keep);
    LIST_EACH(&i->dirty, p, struct page, dirty) page_power_loss(i, p, d, keep, k++ < prefix);
    cut_beyond(i, size);
    i->durable_size = i->size;
    i->durable_size_version = i->size_version;
}

void
inode_make_durable(struct inode *i)
{
    struct dice none = {0};
    inode_power_loss(i, &none, KEEP_ALL);
}

static struct pdata *
flipped(struct disk *d, const struct pdata *from, int64_t at, int bit)
{
    struct pdata *p = pdata_copy(d, from);
    p->b[at] ^= (uint8_t)(1u << bit);
    return p;
}

bool
page_flip_bit(struct inode *i, int64_t offset, int bit)
{
    int64_t index = offset / DISK_PAGE_BYTES, at = offset % DISK_PAGE_BYTES;
    struct page *p = index < i->pages_n ? i->pages[index] : NULL;
    if (!p || !(p->cached || p->durable)) return false;
    struct pdata *cached = p->cached, *durable = p->durable;
    if (durable) {
        struct pdata *rotten = flipped(i->disk, durable, at, bit);
        if (cached == durable) pdata_set(i->disk, &p->cached, rotten);
        pdata_set(i->disk, &p->durable, rotten);
        pdata_unref(i->disk, rotten);
    }
    /* What is dirty is in memory, where nothing rots, unless there is nothing else. */
    if (cached && cached != durable && (!durable || !list_is_linked(&p->dirty))) {
        struct pdata *rotten = flipped(i->disk, cached, at, bit);
        pdata_set(i->disk, &p->cached, rotten);
        pdata_unref(i->disk, rotten);
    }
    return true;
}
