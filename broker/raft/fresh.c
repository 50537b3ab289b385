/* What was appended and is not yet applied, in memory: the owner is given committed batches from here, so that nobody
 * reads back what was just written. It is no more than a memory of the log: what is not here (after a start, or when
 * too much waits) is read from there. */
#include "broker/raft/state.h"

#define FRESH_BYTES_MAX (1 << 20)

struct fresh {
    struct list node; /* by offset */
    int64_t base_offset, next_offset, bytes_n;
    uint8_t bytes[];
};

static void
fresh_forget(struct raft *r, struct fresh *f)
{
    int64_t n = (int64_t)sizeof *f + f->bytes_n;
    list_remove(&f->node);
    r->fresh_bytes -= n;
    mem_free(&r->env->mem, f, n);
}

static void
fresh_add(struct raft *r, struct slice batch, int64_t base_offset, const struct batch_header *h)
{
    int64_t n = (int64_t)sizeof(struct fresh) + batch.n;
    if (r->fresh_bytes + n > FRESH_BYTES_MAX) return;
    struct fresh *f = mem_alloc_dirty(&r->env->mem, n);
    *f = (struct fresh){.base_offset = base_offset,
                        .next_offset = base_offset + h->last_offset_delta + 1,
                        .bytes_n = batch.n};
    memcpy(f->bytes, batch.p, (size_t)batch.n);
    list_push_back(&r->fresh, &f->node);
    r->fresh_bytes += n;
    /* As in the log: a leader's batch got offset and epoch there. */
    batch_patch_offset(f->bytes, base_offset, h->leader_epoch);
}

void
fresh_led(struct raft *r, struct slice batches, const struct log_append *a)
{
    struct batch_header h;
    struct slice batch;
    enum batch_err err;
    int64_t offset = a->base_offset;
    for (int64_t at = 0; batch_next(batches, &at, &h, &batch, &err);) {
        h.leader_epoch = a->leader_epoch;
        fresh_add(r, batch, offset, &h);
        offset += h.last_offset_delta + 1;
    }
}

void
fresh_fetched(struct raft *r, struct slice batches, int64_t from)
{
    struct batch_header h;
    struct slice batch;
    enum batch_err err;
    int64_t end = commitlog_assigned_end(&r->log);
    for (int64_t at = 0; batch_next(batches, &at, &h, &batch, &err);)
        if (h.base_offset >= from && batch_last_offset(&h) < end)
            fresh_add(r, batch, h.base_offset, &h);
}

void
fresh_cut(struct raft *r, int64_t at)
{
    struct list *n;
    while ((n = r->fresh.prev) != &r->fresh) {
        struct fresh *f = LIST_ENTRY(n, struct fresh, node);
        if (f->next_offset <= at) return;
        fresh_forget(r, f);
    }
}

/* Not what has been applied, which goes. */
static struct fresh *
fresh_first(struct raft *r)
{
    struct fresh *f;
    while ((f = LIST_FIRST(&r->fresh, struct fresh, node)) && f->base_offset < r->applied)
        fresh_forget(r, f);
    return f;
}

int64_t
fresh_from(struct raft *r)
{
    struct fresh *f = fresh_first(r);
    return f ? f->base_offset : INT64_MAX;
}

bool
fresh_next(struct raft *r, struct arena *a, struct slice *ret)
{
    struct fresh *f = fresh_first(r);
    if (!f || f->base_offset != r->applied || f->next_offset > r->high_watermark) return false;
    *ret = arena_dup(a, slice(f->bytes, f->bytes_n));
    fresh_forget(r, f);
    return true;
}
