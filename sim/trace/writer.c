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

static void
trace_flush(struct trace_writer *t)
{
    struct slice plain = writer_slice(&t->e.w);
    if (!plain.n) return;
    int64_t need = (int64_t)ZSTD_compressBound((size_t)plain.n);
    if (need > t->out_cap) {
        t->out = mem_resize(t->mem, t->out, t->out_cap, need);
        t->out_cap = need;
    }
    size_t n = ZSTD_compress2(t->zstd, t->out, (size_t)t->out_cap, plain.p, (size_t)plain.n);
    CHECK(!ZSTD_isError(n));
    t->now.position = t->position;
    VEC_PUSH(t->mem, &t->blocks, t->now);
    uint8_t head[8];
    store_be32(head, (uint32_t)n);
    store_be32(head + 4, (uint32_t)plain.n);
    trace_put(t, slice(head, 8));
    trace_put(t, slice(t->out, (int64_t)n));
    trace_encoder_clear(&t->e);
}

bool
trace_wants_bytes(const struct trace_writer *t)
{
    return t->o.message_bytes > 0;
}

int64_t
trace_records(const struct trace_writer *t)
{
    return t->records;
}

void
trace_write(struct trace_writer *t, const struct trace_record *r)
{
    if (r->kind == TRACE_EVENT && t->o.no_events) return;
    struct trace_record cut = *r;
    if (r->kind == TRACE_FRAME_BYTES) cut.a = slice_sub(r->a, 0, t->o.message_bytes);
    if (!t->e.w.n) t->now = (struct block){.first_ns = r->at_ns, .records_before = t->records};
    trace_encode(&t->e, &cut);
    t->records++;
    if (t->e.w.n >= t->o.block_bytes) trace_flush(t);
}

void
trace_close(struct trace_writer *t)
{
    trace_flush(t);
    int64_t at = t->position;
    uint8_t room[24];
    for (int64_t i = 0; i < t->blocks.n; i++) {
        store_be64(room, (uint64_t)t->blocks.v[i].position);
        store_be64(room + 8, (uint64_t)t->blocks.v[i].first_ns);
        store_be64(room + 16, (uint64_t)t->blocks.v[i].records_before);
        trace_put(t, slice(room, 24));
    }
    store_be64(room, (uint64_t)at);
    store_be32(room + 8, (uint32_t)t->blocks.n);
    memcpy(room + 12, TRACE_MAGIC, 8);
    trace_put(t, slice(room, 20));
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
