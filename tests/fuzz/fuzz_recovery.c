/* Any bytes as what lies in a log's directory when it is opened. The input is a list of files:
 *
 *     flags   then of each file:   which one | length (2 bytes, big-endian) | bytes
 *
 * The log may find nothing, cut it, or refuse it. If it opens without trusting anything, what it has is a
 * run of whole batches with their sums and ascending offsets that ends where it says, and it takes more. */
#include <stdio.h>
#include <stdlib.h>

#include "broker/base/check.h"
#include "broker/log/commitlog.h"
#include "broker/record/batch.h"
#include "sim/world/fault.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/test.h"

enum { IS_CLEAN = 1, HAS_RECOVERY_POINT = 2, HAS_START = 4, MENDS_SUMS = 8, HAS_TOPIC_ID = 16 };

static const char *const names[] = {
    "00000000000000000000.log",
    "00000000000000000000.index",
    "00000000000000000000.timeindex",
    "00000000000000000000.txnindex",
    "00000000000000000003.log",
    "00000000000000000003.index",
    "00000000000000000003.timeindex",
    "00000000000000000003.snapshot",
    "00000000000000000005.snapshot",
    "leader-epoch-checkpoint",
    "partition.metadata",
    "00000000000000000003.log.swap",
};

struct run {
    struct env *env;
    struct log_config config;
    struct commitlog log;
    struct commitlog_params params;
    struct log_load load;
    struct log_op sync, close;
    int64_t expected, end;
    bool is_ready, is_loaded, is_synced, is_closed;
    enum log_err err;
};

static void
on_ready(struct commitlog *log, enum log_err err, struct slice why)
{
    struct run *r = log->owner;
    CHECK(!r->is_ready && (err == LOG_OK || why.n > 0));
    r->is_ready = true;
    r->err = err;
}

static void
start(struct env *env, void *args)
{
    static const struct commitlog_ops ops = {.ready = on_ready};
    struct run *r = args;
    r->env = env;
    r->params.ops = &ops;
    commitlog_open(&r->log, env, &r->params);
}

/* ---- what it has --------------------------------------------------------------------------------- */

static void
look_at(struct run *r, struct slice bytes)
{
    int64_t at = 0;
    struct batch_header h;
    struct slice batch;
    enum batch_err err;
    while (batch_next(bytes, &at, &h, &batch, &err)) {
        CHECK(batch_check(CRC32C_HARDWARE, batch, &h) == BATCH_OK);
        CHECK(h.base_offset >= r->expected);
        CHECK(batch_last_offset(&h) >= h.base_offset);
        r->expected = batch_next_offset(&h);
    }
    CHECK(err == BATCH_OK);
}

static void load_more(struct run *r);

static void
loaded(struct log_load *l)
{
    struct run *r = CONTAINER_OF(l, struct run, load);
    CHECK(l->read.err == LOG_OK);
    if (!l->buf) {
        r->is_loaded = true;
        return;
    }
    look_at(r, buf_slice(l->buf));
    buf_unref(l->buf);
    CHECK(l->next_offset > l->read.offset);
    r->load.read.offset = l->next_offset;
    load_more(r);
}

static void
load_more(struct run *r)
{
    int64_t offset = r->load.read.offset;
    if (offset >= r->end) {
        r->is_loaded = true;
        return;
    }
    r->load = (struct log_load){
        .done = loaded,
        .read = {.offset = offset, .limit = r->end, .max_bytes = 4096, .min_one = true}};
    commitlog_load(&r->log, &r->load);
}

static void
begin_load(struct env *env, void *ctx)
{
    (void)env;
    struct run *r = ctx;
    CHECK(commitlog_start(&r->log) <= commitlog_written_end(&r->log));
    r->end = commitlog_written_end(&r->log);
    r->load.read.offset = commitlog_start(&r->log);
    load_more(r);
}

static void
synced(struct log_op *op, enum log_err err)
{
    CHECK(err == LOG_OK);
    CONTAINER_OF(op, struct run, sync)->is_synced = true;
}

static void
append(struct env *env, void *ctx)
{
    struct run *r = ctx;
    static const uint8_t payload[] = {14, 0, 0, 0, 1, 2, 'x', 0};
    uint8_t bytes[BATCH_HEADER_BYTES + sizeof payload];
    struct batch_header h = {
        .magic = 2, .records_n = 1, .producer_id = -1, .producer_epoch = -1, .base_sequence = -1};
    batch_seal(CRC32C_HARDWARE, &h, slice(payload, sizeof payload), bytes);
    memcpy(bytes + BATCH_HEADER_BYTES, payload, sizeof payload);
    struct buf *b = buf_copy(&env->mem, slice(bytes, sizeof bytes));
    struct seg seg = {.buf = b, .bytes = buf_slice(b)};
    int64_t end = commitlog_assigned_end(&r->log);
    struct log_append a = {.segs = &seg,
                           .segs_n = 1,
                           .leader_epoch = MAX(commitlog_latest_epoch(&r->log), 0),
                           .origin = APPEND_CLIENT};
    enum log_err err = commitlog_append(&r->log, &a);
    CHECK(err != LOG_OK || a.base_offset == end);
    buf_unref(b);
    r->sync.done = synced;
    commitlog_sync(&r->log, &r->sync);
}

static void
closed(struct log_op *op, enum log_err err)
{
    CHECK(err == LOG_OK);
    CONTAINER_OF(op, struct run, close)->is_closed = true;
}

static void
close_log(struct env *env, void *ctx)
{
    (void)env;
    struct run *r = ctx;
    r->close.done = closed;
    commitlog_close(&r->log, &r->close);
}

/* ---- the disk ------------------------------------------------------------------------------------ */

static void
mend_sums(uint8_t *p, int64_t n)
{
    struct batch_span span;
    for (int64_t at = 0; at < n && !batch_peek(slice(p + at, n - at), &span);
         at += span.size_bytes) {
        if (span.magic != 2 || span.size_bytes > n - at) return;
        store_be32(p + at + 17, batch_crc(CRC32C_HARDWARE, slice(p + at, span.size_bytes)));
    }
}

static void
put_file(struct machine *m, int which, struct slice bytes, bool mends)
{
    char path[64];
    uint8_t *copy = malloc((size_t)bytes.n + 1);
    if (bytes.n) memcpy(copy, bytes.p, (size_t)bytes.n);
    const char *name = names[which % ARRAY_LEN(names)];
    (void)snprintf(path, sizeof path, "log-0/%s", name);
    if (mends && slice_ends(slice_cstr(name), S(".log"))) mend_sums(copy, bytes.n);
    disk_put(m, slice_cstr(path), slice(copy, bytes.n));
    free(copy);
}

static void
put_files(struct machine *m, struct slice in, bool mends)
{
    struct reader rd = reader(in);
    while (reader_left(&rd) >= 3) {
        uint8_t which = (uint8_t)reader_i8(&rd);
        int64_t n = (uint16_t)reader_i16(&rd);
        put_file(m, which, reader_bytes(&rd, MIN(n, reader_left(&rd))), mends);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    uint8_t flags = data[0];
    struct run r = {.config = log_config_default()};
    struct world_options o = world_options_default();
    o.hash_on = false;
    struct world *w = world_new(1, &o);
    struct machine *m =
        world_add(w, &(struct machine_params){.name = S("m"), .start = start, .args = &r});
    put_files(m, slice(data + 1, (int64_t)size - 1), flags & MENDS_SUMS);
    r.params = (struct commitlog_params){.dir = S("log-0"),
                                         .name = S("log-0"),
                                         .config = &r.config,
                                         .owner = &r,
                                         .clean = flags & IS_CLEAN,
                                         .recovery_point = flags & HAS_RECOVERY_POINT ? 4 : 0,
                                         .start_offset = flags & HAS_START ? 2 : 0};
    if (flags & HAS_TOPIC_ID) r.params.topic_id = (struct uuid){{1}};
    bool trusts = flags & (IS_CLEAN | HAS_RECOVERY_POINT);
    machine_start(m);
    world_run(w, NS_PER_S);
    CHECK(r.is_ready);
    if (r.err == LOG_OK && !trusts) {
        machine_poke(m, begin_load, &r);
        world_run(w, 60 * NS_PER_S);
        CHECK(r.is_loaded && r.expected <= r.end);
        machine_poke(m, append, &r);
        world_run(w, NS_PER_S);
        CHECK(r.is_synced);
        machine_poke(m, close_log, &r);
        world_run(w, NS_PER_S);
        CHECK(r.is_closed);
    }
    world_free(w);
    return 0;
}
