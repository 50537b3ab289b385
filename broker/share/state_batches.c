#include "broker/share/state_batches.h"

#include "broker/base/check.h"
#include "broker/base/search.h"
#include "broker/share/prevails.h"

/* The first that ends at `at` or above. */
static int64_t
batch_place(const struct state_batches *s, int64_t at)
{
    LOWER_BOUND(place, s->v.n, i, s->v.v[i].last < at);
    return place;
}

static void
batch_insert(struct state_batches *s, struct mem *mem, int64_t i, struct state_batch b)
{
    (void)VEC_ADD(mem, &s->v);
    memmove(&s->v.v[i + 1], &s->v.v[i], (size_t)(s->v.n - 1 - i) * sizeof b);
    s->v.v[i] = b;
}

static void
batch_remove(struct state_batches *s, int64_t from, int64_t n)
{
    if (n <= 0) return;
    memmove(&s->v.v[from], &s->v.v[from + n], (size_t)(s->v.n - from - n) * sizeof *s->v.v);
    s->v.n -= n;
}

static bool
batch_goes_on(const struct state_batch *a, const struct state_batch *b)
{
    return a->last + 1 == b->first && a->state == b->state && a->count == b->count;
}

/* One run that spans both sides of b is cut in two. */
static void
make_place(struct state_batches *s, struct mem *mem, const struct state_batch *b)
{
    int64_t i = batch_place(s, b->first);
    if (i < s->v.n && s->v.v[i].first < b->first) {
        struct state_batch rest = s->v.v[i];
        s->v.v[i].last = b->first - 1;
        rest.first = b->first;
        batch_insert(s, mem, ++i, rest);
    }
    int64_t end = i;
    while (end < s->v.n && s->v.v[end].last <= b->last) end++;
    batch_remove(s, i, end - i);
    if (i < s->v.n && s->v.v[i].first <= b->last) s->v.v[i].first = b->last + 1;
}

static void
put_over(struct state_batches *s, struct mem *mem, const struct state_batch *b)
{
    make_place(s, mem, b);
    int64_t i = batch_place(s, b->first);
    batch_insert(s, mem, i, *b);
    if (i + 1 < s->v.n && batch_goes_on(&s->v.v[i], &s->v.v[i + 1])) {
        s->v.v[i].last = s->v.v[i + 1].last;
        batch_remove(s, i + 1, 1);
    }
    if (i > 0 && batch_goes_on(&s->v.v[i - 1], &s->v.v[i])) {
        s->v.v[i - 1].last = s->v.v[i].last;
        batch_remove(s, i, 1);
    }
}

void
state_batches_put(struct state_batches *s, struct mem *mem, const struct state_batch *b)
{
    struct state_batch piece = *b;
    CHECK(b->first <= b->last);
    for (bool more = true; more; piece.first = piece.last + 1) {
        int64_t i = batch_place(s, piece.first);
        const struct state_batch *old = i < s->v.n ? &s->v.v[i] : NULL;
        bool meets = old && old->first <= piece.first;
        piece.last = b->last;
        if (meets) piece.last = MIN(b->last, old->last);
        else if (old) piece.last = MIN(b->last, old->first - 1);
        more = piece.last < b->last;
        if (!meets || state_batch_prevails(&piece, old)) put_over(s, mem, &piece);
    }
}

void
state_batches_cut(struct state_batches *s, int64_t start)
{
    batch_remove(s, 0, batch_place(s, start));
    if (s->v.n > 0 && s->v.v[0].first < start) s->v.v[0].first = start;
}

void
state_batches_release(struct state_batches *s, struct mem *mem)
{
    VEC_RELEASE(mem, &s->v);
}
