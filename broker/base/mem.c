#include "broker/base/mem.h"

#include "broker/base/check.h"
#include "broker/base/ckd.h"

#define PAGE_BYTES 65536

struct page {
    struct list node;
    int64_t size;
    int64_t pad;
};
_Static_assert(sizeof(struct page) % 16 == 0, "pages keep the alignment of 16");

void
mem_init(struct mem *m, struct mem_source source, int64_t ceiling_bytes)
{
    *m = (struct mem){.source = source, .ceiling_bytes = ceiling_bytes};
    list_init(&m->pages);
    list_init(&m->large);
}

static void *
take_of_parent(void *parent, size_t n)
{
    return mem_alloc_dirty(parent, (int64_t)n);
}

static void
give_to_parent(void *parent, void *p, size_t n)
{
    mem_free(parent, p, (int64_t)n);
}

void
mem_init_purse(struct mem *purse, struct mem *parent)
{
    struct mem_source source = {take_of_parent, give_to_parent, parent, NULL};
    mem_init(purse, source, INT64_MAX);
}

static void
give_all(struct mem *m, struct list *l)
{
    for (struct list *n; (n = list_pop_front(l)) != NULL;) {
        struct page *p = LIST_ENTRY(n, struct page, node);
        m->source.give(m->source.ctx, p, (size_t)p->size);
    }
}

void
mem_release(struct mem *m)
{
    give_all(m, &m->pages);
    give_all(m, &m->large);
    memset(m->free, 0, sizeof m->free);
    m->bump = m->bump_end = NULL;
    m->used_bytes = 0;
}

static struct page *
take_page(struct mem *m, struct list *l, int64_t size)
{
    struct page *p = m->source.take(m->source.ctx, (size_t)size);
    p->size = size;
    list_push_back(l, &p->node);
    return p;
}

static void
account(struct mem *m, int64_t n)
{
    m->used_bytes += n;
    if (m->used_bytes > m->peak_bytes) m->peak_bytes = m->used_bytes;
    if (m->used_bytes > m->ceiling_bytes)
        panic(__FILE__, __LINE__, m->tell ? m->tell(m) : "memory ceiling of the machine");
}

static void *
alloc_small(struct mem *m, int64_t n)
{
    int64_t size;
    int c = mem_class_of(n, &size);
    account(m, size);
    struct mem_free_item *f = m->free[c];
    if (f) {
        m->free[c] = f->next;
        return f;
    }
    if (m->bump_end - m->bump < size) {
        struct page *p = take_page(m, &m->pages, PAGE_BYTES);
        m->bump = (uint8_t *)(p + 1);
        m->bump_end = (uint8_t *)p + PAGE_BYTES;
    }
    void *p = m->bump;
    m->bump += size;
    return p;
}

void *
mem_alloc_anew(struct mem *m, int64_t n)
{
    CHECK(n >= 0);
    void *p;
    if (n > MEM_SMALL_MAX || MEM_ALL_LARGE) {
        int64_t size;
        if (ckd_add(&size, n, (int64_t)sizeof(struct page))) panic(__FILE__, __LINE__, "size");
        account(m, size);
        p = take_page(m, &m->large, size) + 1;
    } else {
        p = alloc_small(m, n ? n : 1);
    }
    return p;
}

/* What is large, or nothing. */
void
mem_free_other(struct mem *m, void *p, int64_t n)
{
    if (!p) return;
    if (n == 0 && !MEM_ALL_LARGE) {
        mem_free(m, p, 1);
        return;
    }
    struct page *page = (struct page *)p - 1;
    CHECK(page->size == n + (int64_t)sizeof(struct page));
    list_remove(&page->node);
    m->used_bytes -= page->size;
    m->source.give(m->source.ctx, page, (size_t)page->size);
}

/* Both sizes are large. */
static uint8_t *
resize_large(struct mem *m, void *p, int64_t new_n)
{
    struct page *page = (struct page *)p - 1;
    int64_t old_size = page->size, size;
    if (ckd_add(&size, new_n, (int64_t)sizeof(struct page))) panic(__FILE__, __LINE__, "size");
    account(m, size - old_size);
    list_remove(&page->node);
    page = m->source.resize(m->source.ctx, page, (size_t)old_size, (size_t)size);
    page->size = size;
    list_push_back(&m->large, &page->node);
    return (uint8_t *)(page + 1);
}

static uint8_t *
resize_dirty(struct mem *m, void *p, int64_t old_n, int64_t new_n)
{
    int64_t kept = p ? MIN(old_n, new_n) : 0;
    if (p && !MEM_ALL_LARGE && m->source.resize && kept > MEM_SMALL_MAX)
        return resize_large(m, p, new_n);
    int64_t a, b;
    if (p && !MEM_ALL_LARGE && old_n <= MEM_SMALL_MAX && new_n <= MEM_SMALL_MAX &&
        mem_class_of(old_n ? old_n : 1, &a) == mem_class_of(new_n ? new_n : 1, &b))
        return p;
    uint8_t *q = mem_alloc_dirty(m, new_n);
    if (kept) memcpy(q, p, (size_t)kept);
    mem_free(m, p, old_n);
    return q;
}

void *
mem_resize(struct mem *m, void *p, int64_t old_n, int64_t new_n)
{
    int64_t kept = p ? MIN(old_n, new_n) : 0;
    uint8_t *q = resize_dirty(m, p, old_n, new_n);
    memset(q + kept, 0, (size_t)(new_n - kept));
    return q;
}

struct slice
mem_dup(struct mem *m, struct slice s)
{
    if (!s.p) return s;
    uint8_t *p = mem_alloc_dirty(m, s.n + 1);
    memcpy(p, s.p, (size_t)s.n);
    p[s.n] = 0;
    return slice(p, s.n);
}

void
mem_free_slice(struct mem *m, struct slice s)
{
    union {
        const uint8_t *c;
        uint8_t *p;
    } u = {s.p};
    mem_free(m, u.p, s.n + 1);
}

void *
vec_grow(struct mem *m, void *v, int64_t *cap, int64_t need, int64_t item_bytes)
{
    int64_t new_cap = MAX(need, MAX(*cap + *cap / 2, 4)), bytes;
    if (ckd_mul(&bytes, new_cap, item_bytes)) panic(__FILE__, __LINE__, "array size");
    void *q = resize_dirty(m, v, *cap * item_bytes, bytes);
    *cap = new_cap;
    return q;
}
