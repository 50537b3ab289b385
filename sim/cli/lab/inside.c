/* What messages said and what disks did, as facts. A run's trace tells only that there was a message; so the run is gone
 * through again, this time with its bytes.
 *
 *     errors    answers with an error: the first that stands in them
 *     batches   record batches on their way: in Produce requests, in answers to Fetch
 *     disk      reads, writes and syncs */
#include <stdio.h>

#include "apis.h"
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/codec_field.h"
#include "broker/protocol/frame.h"
#include "broker/record/record.h"
#include "sim/history/history.h"
#include "sim/cli/lab/inside.h"
#include "sim/trace/reader.h"
#include "sim/workload/value.h"

#define MESSAGE_BYTES (1 << 20)
#define MACHINES_MAX 256
#define HEX_BYTES_MAX 512
#define MS_IN_NS 1e6

struct inside {
    struct desk *d;
    enum query_source source;
    struct slice name;
    struct slice machines[MACHINES_MAX];
    int64_t begin_ns;
    struct trace_record frame; /* the last that was sent */
    struct slice said;         /* its bytes */
    fact_fn *each;
    void *ctx;
};

static struct slice
machine_name(const struct inside *k, int32_t i)
{
    return i >= 0 && i < MACHINES_MAX && k->machines[i].p ? k->machines[i] : SLICE_EMPTY;
}

static bool
is_asked_for(const struct inside *k, struct slice name)
{
    return slice_eq(k->name, S("any")) || slice_eq(k->name, name);
}

/* When, from whom, to whom, about what. */
static struct fact
frame_fact(const struct inside *k)
{
    struct fact f = {0};
    fact_number(&f, S("at"), (double)(k->frame.at_ns - k->begin_ns) / MS_IN_NS);
    fact_text(&f, "from", machine_name(k, k->frame.machine));
    fact_text(&f, "to", machine_name(k, k->frame.other));
    fact_text(&f, "api", k_api_name((int16_t)k->frame.n[4]));
    return f;
}

/* ---- errors ---- */

/* The first field of a struct, or of what is in it, that holds an error. */
static int16_t
error_in(const struct k_struct *s, const uint8_t *at)
{
    for (int i = 0; i < s->n + s->tagged; i++) {
        const struct k_field *f = &k_fields[s->first + i];
        const uint8_t *p = at + f->at;
        int16_t error = 0;
        if (f->flags & K_ARRAY) {
            struct field_array a = array_load(p);
            for (int32_t j = 0; f->type == K_STRUCT && j < a.n && !error; j++)
                error = error_in(&k_structs[f->item],
                                 (const uint8_t *)a.items + j * field_item_bytes(f));
        } else if (f->type == K_INT16 && slice_ends(k_name(f->name), S("ErrorCode"))) {
            error = (int16_t)field_load_int(f->type, p);
        }
        if (error) return error;
    }
    return 0;
}

static void
answer_said(struct inside *k, enum k_msg msg, int16_t version, const void *m)
{
    int16_t error = error_in(message_root(msg), m);
    struct fact f = frame_fact(k);
    if (!error) return;
    fact_number(&f, S("version"), version);
    fact_number(&f, S("code"), error);
    fact_text(&f, "error", k_err_name(error));
    k->each(k->ctx, &f);
}

/* ---- batches ---- */

static void
first_record(const struct batch_header *h, struct slice batch, struct fact *f)
{
    struct records rs;
    struct record rec;
    uint64_t value;
    if (batch_codec(h) != CODEC_NONE || batch_is_control(h)) return;
    records_begin(&rs, h, batch_payload(batch, h));
    if (!records_next(&rs, &rec)) return;
    fact_text(f, "key", rec.key);
    if (value_of_record(&rec, &value)) fact_number(f, S("value"), (double)history_value_n(value));
}

/* Bytes as people write them: a blank between each and the next. */
static void
hex_of(struct slice bytes, struct writer *w)
{
    static const char digits[] = "0123456789abcdef";
    for (int64_t i = 0; i < bytes.n; i++) {
        if (i) fmt_char(w, ' ');
        fmt_char(w, digits[bytes.p[i] >> 4]);
        fmt_char(w, digits[bytes.p[i] & 15]);
    }
}

static void
batch_fact(struct inside *k, const struct batch_header *h, struct slice batch)
{
    static const char *const codecs[] = {"none", "gzip", "snappy", "lz4", "zstd"};
    struct fact f = frame_fact(k);
    struct writer hex = writer_mem(&k->d->mem);
    fact_number(&f, S("base_offset"), (double)h->base_offset);
    fact_number(&f, S("records"), h->records_n);
    fact_number(&f, S("bytes"), (double)batch.n);
    fact_text(&f, "codec",
              slice_cstr(batch_codec(h) < ARRAY_LEN(codecs) ? codecs[batch_codec(h)] : "unknown"));
    fact_number(&f, S("leader_epoch"), h->leader_epoch);
    fact_number(&f, S("producer_id"), (double)h->producer_id);
    fact_number(&f, S("producer_epoch"), h->producer_epoch);
    fact_number(&f, S("sequence"), h->base_sequence);
    fact_number(&f, S("crc"), h->crc);
    first_record(h, batch, &f);
    hex_of(slice_sub(batch, 0, MIN(batch.n, HEX_BYTES_MAX)), &hex);
    fact_text(&f, "hex", writer_slice(&hex));
    k->each(k->ctx, &f);
    writer_release(&hex);
}

static void
batches_in(struct inside *k, struct slice records)
{
    struct batch_header h;
    struct slice batch;
    enum batch_err err = BATCH_OK;
    for (int64_t at = 0; batch_next(records, &at, &h, &batch, &err);) batch_fact(k, &h, batch);
}

static void
records_in(struct inside *k, const struct k_struct *s, const uint8_t *at)
{
    for (int i = 0; i < s->n; i++) {
        const struct k_field *f = &k_fields[s->first + i];
        const uint8_t *p = at + f->at;
        if (f->flags & K_ARRAY) {
            struct field_array a = array_load(p);
            for (int32_t j = 0; f->type == K_STRUCT && j < a.n; j++)
                records_in(k, &k_structs[f->item],
                           (const uint8_t *)a.items + j * field_item_bytes(f));
        } else if (f->type == K_RECORDS) {
            batches_in(k, records_load(p).bytes);
        }
    }
}

/* ---- messages ---- */

static void
message_said(struct inside *k, int16_t api, int16_t version, bool is_answer)
{
    struct arena a;
    struct reader r = reader(k->said);
    struct request_head head;
    int32_t correlation;
    const struct k_api *of = k_api_of(api);
    if (!of || !k_api_has_version(of, version)) return;
    enum k_msg msg = (enum k_msg)(is_answer ? of->response : of->request);
    arena_init(&a, &k->d->mem, 0);
    (void)reader_i32(&r); /* the size */
    bool ok = is_answer ? response_head_read(&r, api, version, &correlation)
                        : request_head_read(&r, &a, &head) == HEAD_OK;
    void *m = arena_alloc(&a, (size_t)codec_struct_bytes(msg));
    if (ok && m && codec_decode(msg, version, &r, &a, m)) {
        if (k->source == QUERY_ERRORS) answer_said(k, msg, version, m);
        else records_in(k, message_root(msg), m);
    }
    arena_release(&a);
}

/* Errors stand in answers, batches in requests to write and in answers to reading. */
static bool
is_looked_into(const struct inside *k)
{
    bool is_answer = k->frame.n[3] != 0;
    int16_t api = (int16_t)k->frame.n[4];
    if (!is_asked_for(k, k_api_name(api))) return false;
    if (k->source == QUERY_ERRORS) return is_answer;
    return is_answer ? api == K_API_FETCH : api == K_API_PRODUCE;
}

/* ---- disks ---- */

static const char *const disk_words[] = {
    [OP_READ] = "read", [OP_WRITE] = "write", [OP_SYNC] = "sync"};

static void
disk_fact(struct inside *k, const struct trace_record *t)
{
    struct fact f = {0};
    if (t->what < 0 || t->what >= (int)ARRAY_LEN(disk_words) || !disk_words[t->what]) return;
    if (!is_asked_for(k, slice_cstr(disk_words[t->what]))) return;
    fact_number(&f, S("at"), (double)(t->at_ns - k->begin_ns) / MS_IN_NS);
    fact_text(&f, "machine", machine_name(k, t->machine));
    fact_text(&f, "what", slice_cstr(disk_words[t->what]));
    fact_text(&f, "path", t->a);
    fact_number(&f, S("offset"), (double)t->n[1]);
    fact_number(&f, S("bytes"), (double)t->n[2]);
    fact_number(&f, S("failed"), t->n[3] != 0);
    k->each(k->ctx, &f);
}

/* ---- the trace ---- */

static void
inside_record(struct inside *k, const struct trace_record *t)
{
    switch (t->kind) {
    case TRACE_MACHINE:
        if (t->machine >= 0 && t->machine < MACHINES_MAX)
            k->machines[t->machine] = arena_dup(&k->d->a, t->a);
        break;
    case TRACE_FRAME:
        if (t->what == FRAME_SENT) k->frame = *t;
        break;
    case TRACE_FRAME_BYTES:
        k->said = t->a;
        if (k->source != QUERY_DISK && t->n[0] == k->frame.n[0] && is_looked_into(k))
            message_said(k, (int16_t)k->frame.n[4], (int16_t)k->frame.n[5], k->frame.n[3] != 0);
        break;
    case TRACE_DISK:
        if (k->source == QUERY_DISK) disk_fact(k, t);
        break;
    default: break;
    }
}

/* Of one folder it is kept: several queries ask the same run. */
static bool
gone_through_again(struct desk *d, struct slice folder, struct slice *ret)
{
    if (!d->again.folder.p || !slice_eq(d->again.folder, folder)) {
        struct slice trace;
        const char *run = (const char *)arena_format(&d->a, "%.*s", SARG(folder)).p;
        if (replay_bytes(d, run, MESSAGE_BYTES, &trace) != 0) {
            fprintf(stderr, "gregor: %s: what its messages said cannot be had again\n", run);
            return false;
        }
        d->again.folder = slice_cstr(run), d->again.trace = trace;
    }
    *ret = d->again.trace;
    return true;
}

bool
inside_each(struct desk *d, struct slice folder, enum query_source source, struct slice name,
            fact_fn *each, void *ctx)
{
    struct inside k = {.d = d, .source = source, .name = name, .each = each, .ctx = ctx};
    struct trace_record t;
    struct slice trace;
    if (!gone_through_again(d, folder, &trace)) return false;
    struct trace_reader *r = trace_reader_new(&d->mem, trace);
    if (!r) return false;
    while (trace_next(r, &t))
        if (t.kind == TRACE_SAID && slice_eq(t.a, S("begin"))) k.begin_ns = t.at_ns;
    trace_rewind(r);
    while (trace_next(r, &t)) inside_record(&k, &t);
    bool ok = !trace_is_damaged(r);
    trace_reader_free(r);
    return ok;
}

void
inside_words(enum query_source source, struct words *known)
{
    for (int i = 0; i < (int)ARRAY_LEN(disk_words) && source == QUERY_DISK; i++)
        if (disk_words[i]) words_add(known, slice_cstr(disk_words[i]));
    if (source == QUERY_BATCHES) words_add(known, S("Produce")), words_add(known, S("Fetch"));
    for (int16_t i = 0; i < 128 && source == QUERY_ERRORS; i++)
        if (k_api_of(i)) words_add(known, k_api_name(i));
}
