#include "sim/trace/writer.h"

#include <zstd.h>

#include "broker/base/check.h"

struct block {
    int64_t position, first_ns, records_before;
};

struct trace_writer {
    struct mem *mem;
    struct trace_options o;
    void (*put)(void *ctx, struct slice bytes);
    void *ctx;
    struct trace_encoder e;
    ZSTD_CCtx *zstd;
    uint8_t *out;
    int64_t out_cap;
    int64_t position, records;
    struct block now; /* the one under way */
    bool is_busy;
    VEC(struct block) blocks;
};

static void
trace_put(struct trace_writer *t, struct slice bytes)
{
    t->put(t->ctx, bytes);
    t->position += bytes.n;
}

struct trace_writer *
trace_open(struct mem *mem, const struct trace_options *o,
           void (*put_fn)(void *ctx, struct slice bytes), void *ctx)
{
    struct trace_writer *t = MEM_NEW(mem, struct trace_writer);
    t->mem = mem;
    if (o) t->o = *o;
    if (!t->o.block_bytes) t->o.block_bytes = 256 << 10;
    if (!t->o.level) t->o.level = 1;
    t->put = put_fn;
    t->ctx = ctx;
    t->zstd = ZSTD_createCCtx();
    CHECK(t->zstd);
    (void)ZSTD_CCtx_setParameter(t->zstd, ZSTD_c_compressionLevel, t->o.level);
    (void)ZSTD_CCtx_setParameter(t->zstd, ZSTD_c_checksumFlag, 1);
    trace_encoder_init(&t->e, mem);
    trace_put(t, slice_cstr(TRACE_MAGIC));
    return t;
}

/* A block with its head; returns its length. */
static int64_t
trace_pack(const struct trace_writer *t, struct slice plain, uint8_t *out, int64_t cap)
{
    size_t n = ZSTD_compress2(t->zstd, out + 8, (size_t)cap - 8, plain.p, (size_t)plain.n);
    CHECK(!ZSTD_isError(n));
    store_be32(out, (uint32_t)n);
    store_be32(out + 4, (uint32_t)plain.n);
    return 8 + (int64_t)n;
}

static int64_t
trace_pack_bound(struct slice plain)
{
    return 8 + (int64_t)ZSTD_compressBound((size_t)plain.n);
}

static void
trace_flush(struct trace_writer *t)
{
    struct slice plain = writer_slice(&t->e.w);
    if (!plain.n) return;
    int64_t need = trace_pack_bound(plain);
    if (need > t->out_cap) {
        t->out = mem_resize(t->mem, t->out, t->out_cap, need);
        t->out_cap = need;
    }
    t->now.position = t->position;
    VEC_PUSH(t->mem, &t->blocks, t->now);
    trace_put(t, slice(t->out, trace_pack(t, plain, t->out, t->out_cap)));
    trace_encoder_clear(&t->e);
}

bool
trace_wants_bytes(const struct trace_writer *t)
{
    return t->o.message_bytes > 0;
}

void
trace_write(struct trace_writer *t, const struct trace_record *r)
{
    if (r->kind == TRACE_EVENT && t->o.no_events) return;
    struct trace_record cut = *r;
    if (r->kind == TRACE_FRAME_BYTES) cut.a = slice_sub(r->a, 0, t->o.message_bytes);
    t->is_busy = true;
    if (!t->e.w.n) t->now = (struct block){.first_ns = r->at_ns, .records_before = t->records};
    trace_encode(&t->e, &cut);
    if (t->o.kept) trace_kept_add(t->o.kept, &cut);
    t->records++;
    if (t->e.w.n >= t->o.block_bytes) trace_flush(t);
    t->is_busy = false;
}

bool
trace_is_busy(const struct trace_writer *t)
{
    return t->is_busy;
}

static void
put_index_entry(struct writer *w, const struct block *b)
{
    writer_i64(w, b->position);
    writer_i64(w, b->first_ns);
    writer_i64(w, b->records_before);
}

/* The index and the footer, which stand at this position. */
static void
put_end(const struct trace_writer *t, const struct block *last, int64_t position, struct writer *w)
{
    for (int64_t i = 0; i < t->blocks.n; i++) put_index_entry(w, &t->blocks.v[i]);
    if (last) put_index_entry(w, last);
    writer_i64(w, position);
    writer_i32(w, (int32_t)(t->blocks.n + (last != NULL)));
    writer_bytes(w, slice_cstr(TRACE_MAGIC));
}

void
trace_tail(const struct trace_writer *t, struct writer *ret)
{
    struct slice plain = writer_slice(&t->e.w);
    struct block last = t->now;
    int64_t n = 0;
    last.position = t->position;
    if (plain.n) {
        int64_t bound = trace_pack_bound(plain), at = ret->n;
        uint8_t *out = writer_room(ret, bound);
        if (!out) return;
        n = trace_pack(t, plain, out, bound);
        ret->n = at + n;
    }
    put_end(t, plain.n ? &last : NULL, t->position + n, ret);
}

void
trace_close(struct trace_writer *t)
{
    struct writer end = writer_mem(t->mem);
    trace_flush(t);
    put_end(t, NULL, t->position, &end);
    trace_put(t, writer_slice(&end));
    writer_release(&end);
    (void)ZSTD_freeCCtx(t->zstd);
    trace_encoder_release(&t->e);
    VEC_RELEASE(t->mem, &t->blocks);
    mem_free(t->mem, t->out, t->out_cap);
    MEM_DELETE(t->mem, t);
}

void
trace_put_memory(void *ctx, struct slice bytes)
{
    writer_bytes(ctx, bytes);
}
