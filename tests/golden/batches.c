/* Record batches and small facts that Kafka's own classes wrote: each batch is read, printed in the
 * vectors' style and compared with their text; uncompressed ones are written again and compared byte by
 * byte; compressed ones are compressed with our codecs, too, and must say the same.
 *
 *      golden/batches DIR    the last line is "N passed, N failed" */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/base/fmt.h"
#include "broker/base/java_hash.h"
#include "broker/base/murmur2.h"
#include "broker/base/utf8.h"
#include "broker/protocol/codec.h"
#include "broker/record/control.h"
#include "broker/record/legacy.h"
#include "broker/work/work.h"
#include "tests/golden/lines.h"
#include "tests/lib/test.h"

static const char *const codec_names[] = {"none", "gzip", "snappy", "lz4", "zstd"};
static const char *const control_names[] = {
    "ABORT",           "COMMIT",        "LEADER_CHANGE", "SNAPSHOT_HEADER",
    "SNAPSHOT_FOOTER", "KRAFT_VERSION", "KRAFT_VOTERS",
};

/* Where a check writes and takes memory; emptied for each line. */
struct desk {
    struct mem mem;
    struct writer in, json, out;
};

/* ---- printing ---- */

static void
print_key(struct writer *w, const char *name)
{
    if (w->n && w->p[w->n - 1] != '{') fmt_char(w, ',');
    fmt_char(w, '"');
    fmt_str(w, name);
    fmt_str(w, "\":");
}

static void
print_i64(struct writer *w, const char *name, int64_t v)
{
    print_key(w, name);
    fmt_i64(w, v);
}

static void
print_text(struct writer *w, const char *name, const char *text)
{
    print_key(w, name);
    fmt_json(w, slice_cstr(text));
}

static void
print_bool(struct writer *w, const char *name, bool v)
{
    print_key(w, name);
    fmt_str(w, v ? "true" : "false");
}

static void
print_hex(struct writer *w, struct slice s)
{
    if (!s.p) {
        fmt_str(w, "null");
        return;
    }
    fmt_char(w, '"');
    for (int64_t i = 0; i < s.n; i++) {
        fmt_char(w, "0123456789abcdef"[s.p[i] >> 4]);
        fmt_char(w, "0123456789abcdef"[s.p[i] & 15]);
    }
    fmt_char(w, '"');
}

static void
print_record_start(struct writer *w, int64_t offset, int64_t timestamp, struct slice key,
                   struct slice value)
{
    if (w->p[w->n - 1] == '}') fmt_char(w, ',');
    fmt_char(w, '{');
    print_i64(w, "offset", offset);
    print_i64(w, "timestamp", timestamp);
    print_key(w, "key");
    print_hex(w, key);
    print_key(w, "value");
    print_hex(w, value);
}

static void
print_record(struct writer *w, const struct batch_header *h, const struct record *rec)
{
    print_record_start(w, rec->offset, rec->timestamp, rec->key, rec->value);
    print_i64(w, "sequence", rec->sequence);
    print_key(w, "headers");
    fmt_char(w, '[');
    struct record_header rh;
    for (int64_t at = 0; record_header_next(rec, &at, &rh);) {
        if (w->p[w->n - 1] == ']') fmt_char(w, ',');
        fmt_char(w, '[');
        fmt_json(w, rh.key);
        fmt_char(w, ',');
        print_hex(w, rh.value);
        fmt_char(w, ']');
    }
    fmt_char(w, ']');
    int16_t type;
    if (batch_is_control(h) && control_key_parse(rec->key, &type) &&
        type < ARRAY_LEN(control_names))
        print_text(w, "control_type", control_names[type]);
    fmt_char(w, '}');
}

static void
print_header(struct writer *w, const struct batch_header *h)
{
    fmt_char(w, '{');
    print_i64(w, "magic", h->magic);
    print_i64(w, "base_offset", h->base_offset);
    print_i64(w, "last_offset", batch_last_offset(h));
    print_i64(w, "size_bytes", batch_size_bytes(h));
    print_i64(w, "partition_leader_epoch", h->leader_epoch);
    print_i64(w, "crc", h->crc);
    print_i64(w, "attributes", h->attributes);
    bool horizon = (h->attributes & BATCH_DELETE_HORIZON) != 0;
    print_i64(w, "base_timestamp", h->base_timestamp);
    print_i64(w, "max_timestamp", h->max_timestamp);
    print_i64(w, "producer_id", h->producer_id);
    print_i64(w, "producer_epoch", h->producer_epoch);
    print_i64(w, "base_sequence", h->base_sequence);
    print_i64(w, "last_sequence", batch_last_sequence(h));
    print_i64(w, "count", h->records_n);
    print_bool(w, "transactional", batch_is_transactional(h));
    print_bool(w, "control", batch_is_control(h));
    print_key(w, "delete_horizon_ms");
    if (horizon) fmt_i64(w, h->base_timestamp);
    else fmt_str(w, "null");
    print_text(w, "codec", codec_names[batch_codec(h)]);
    print_text(w, "timestamp_type", batch_has_log_append_time(h) ? "LogAppendTime" : "CreateTime");
    print_key(w, "records");
    fmt_char(w, '[');
}

/* ---- format 2 ---- */

static struct slice
work(enum work_kind kind, enum codec codec, struct slice s, uint8_t **ret_tmp)
{
    struct seg seg = {.bytes = s};
    struct work_result r;
    *ret_tmp = NULL;
    if (work_run(kind, codec, 0, &seg, 1, 64 << 20, &r)) return SLICE_NULL;
    *ret_tmp = r.p;
    return slice(r.p ? r.p : (const uint8_t *)"", r.n);
}

/* Prints the batch and writes its records again. */
static const char *
read_records(struct desk *d, const struct batch_header *h, struct slice plain)
{
    struct records rs;
    struct record rec;
    print_header(&d->json, h);
    records_begin(&rs, h, plain);
    while (records_next(&rs, &rec)) {
        struct record_header headers[64];
        int32_t n = 0;
        for (int64_t at = 0; n < 64 && record_header_next(&rec, &at, &headers[n]);) n++;
        print_record(&d->json, h, &rec);
        record_write(&d->out, rec.timestamp_delta, rec.offset_delta, rec.key, rec.value, headers,
                     n);
    }
    fmt_str(&d->json, "]}");
    if (rs.err) return batch_err_text(rs.err);
    return slice_eq(writer_slice(&d->out), plain) ? NULL : "records written again differ";
}

/* The batch, sealed anew over the same payload, must be the same bytes. */
static const char *
seal_again(struct slice batch, struct batch_header h)
{
    uint8_t header[BATCH_HEADER_BYTES];
    struct slice payload = batch_payload(batch, &h);
    h.length = 0;
    h.crc = 0;
    batch_seal(CRC32C_PORTABLE, &h, payload, header);
    return memcmp(header, batch.p, BATCH_HEADER_BYTES) == 0 ? NULL : "header written again differs";
}

static const char *
compress_again(enum codec codec, struct slice plain)
{
    uint8_t *small, *back;
    struct slice s = work(WORK_COMPRESS, codec, plain, &small);
    struct slice t = work(WORK_DECOMPRESS, codec, s, &back);
    bool same = s.p && slice_eq(t, plain);
    free(small), free(back);
    return same ? NULL : "does not come back from our own codec";
}

static const char *
check_v2(struct desk *d, struct slice batch)
{
    struct batch_header h;
    enum batch_err err = batch_check(CRC32C_HARDWARE, batch, &h);
    if (err) return batch_err_text(err);
    const char *why = seal_again(batch, h);
    if (why) return why;
    uint8_t *tmp;
    struct slice plain = work(WORK_DECOMPRESS, batch_codec(&h), batch_payload(batch, &h), &tmp);
    if (!plain.p) return "cannot be decompressed";
    why = read_records(d, &h, plain);
    if (!why) why = compress_again(batch_codec(&h), plain);
    free(tmp);
    return why;
}

/* ---- formats 0 and 1 ---- */

static void
print_legacy_record(struct writer *w, const struct legacy_message *m)
{
    print_record_start(w, m->offset, m->timestamp, m->key, m->value);
    fmt_char(w, '}');
}

static void
print_legacy_header(struct writer *w, const struct legacy_message *m, int64_t base_offset)
{
    const char *type = m->attributes & BATCH_LOG_APPEND_TIME ? "LogAppendTime" : "CreateTime";
    if (w->n && w->p[w->n - 1] == '}') fmt_char(w, ',');
    fmt_char(w, '{');
    print_i64(w, "magic", m->magic);
    print_i64(w, "base_offset", base_offset);
    print_i64(w, "last_offset", m->offset);
    print_i64(w, "size_bytes", m->size_bytes);
    print_i64(w, "crc", m->crc);
    print_i64(w, "max_timestamp", m->timestamp);
    print_text(w, "codec", codec_names[legacy_codec(m)]);
    print_text(w, "timestamp_type", m->magic ? type : "NoTimestampType");
    print_key(w, "records");
    fmt_char(w, '[');
}

static const char *
check_inner(struct desk *d, const struct legacy_message *m, struct slice set)
{
    struct legacy_set s;
    struct legacy_message inner;
    enum batch_err err = legacy_set_begin(&s, m, set);
    if (err) return batch_err_text(err);
    struct legacy_set first = s;
    if (!legacy_set_next(&first, &inner)) return "empty set";
    print_legacy_header(&d->json, m, inner.offset);
    while (legacy_set_next(&s, &inner)) print_legacy_record(&d->json, &inner);
    return s.err ? batch_err_text(s.err) : NULL;
}

static struct slice
unpack_legacy(struct desk *d, const struct legacy_message *m, uint8_t **ret_tmp)
{
    if (m->magic == 1 || legacy_codec(m) != CODEC_LZ4)
        return work(WORK_DECOMPRESS, legacy_codec(m), m->value, ret_tmp);
    int64_t at = d->out.n;
    writer_bytes(&d->out, m->value);
    work_mend_lz4_header(d->out.p + at, m->value.n);
    return work(WORK_DECOMPRESS, CODEC_LZ4, slice(d->out.p + at, m->value.n), ret_tmp);
}

static const char *
check_legacy(struct desk *d, struct slice bytes)
{
    struct legacy_message m;
    for (int64_t at = 0; at < bytes.n; at += m.size_bytes) {
        enum batch_err err = legacy_parse(slice(bytes.p + at, bytes.n - at), &m);
        if (err) return batch_err_text(err);
        const char *why = NULL;
        if (legacy_codec(&m) == CODEC_NONE) {
            print_legacy_header(&d->json, &m, m.offset);
            print_legacy_record(&d->json, &m);
        } else {
            uint8_t *tmp;
            struct slice set = unpack_legacy(d, &m, &tmp);
            why = set.p ? check_inner(d, &m, set) : "cannot be decompressed";
            free(tmp);
        }
        if (why) return why;
        fmt_str(&d->json, "]}");
    }
    return NULL;
}

/* ---- what control records say ---- */

static const enum k_msg control_msgs[] = {
    K_MSG_END_TXN_MARKER,         K_MSG_END_TXN_MARKER,         K_MSG_LEADER_CHANGE_MESSAGE,
    K_MSG_SNAPSHOT_HEADER_RECORD, K_MSG_SNAPSHOT_FOOTER_RECORD, K_MSG_K_RAFT_VERSION_RECORD,
    K_MSG_VOTERS_RECORD,
};

/* The value of the first record, decoded and printed, is what the line says behind "control_json". */
static const char *
check_control(struct desk *d, struct slice batch, struct slice line)
{
    struct batch_header h;
    struct records rs;
    struct record rec;
    struct arena arena;
    int16_t type;
    if (batch_parse(batch, &h)) return "no batch";
    records_begin(&rs, &h, batch_payload(batch, &h));
    if (!records_next(&rs, &rec) || !control_key_parse(rec.key, &type)) return "no control key";
    if (type >= ARRAY_LEN(control_msgs) || rec.value.n < 2) return "unknown control type";
    /* Markers have their version before the struct; the others as its first field. */
    enum k_msg msg = control_msgs[type];
    int16_t version = (int16_t)load_be16(rec.value.p);
    struct slice body = rec.value;
    if (msg == K_MSG_END_TXN_MARKER) body = slice(body.p + 2, body.n - 2);
    union k_control {
        struct k_end_txn_marker marker;
        struct k_leader_change_message leader_change;
        struct k_snapshot_header_record header;
        struct k_snapshot_footer_record footer;
        struct k_k_raft_version_record version;
        struct k_voters_record voters;
    } m;
    arena_init(&arena, &d->mem, 0);
    bool read = codec_has_version(msg, version) && codec_decode_all(msg, version, body, &arena, &m);
    d->out.n = 0;
    if (read) codec_json(msg, version, &m, &d->out);
    arena_release(&arena);
    int64_t at = 0;
    while (at < line.n && !slice_starts(slice(line.p + at, line.n - at), S("\"control_json\":")))
        at++;
    if (!slice_starts(slice_sub(line, at + 15, line.n), writer_slice(&d->out)) || !d->out.n)
        return "control value differs";
    return NULL;
}

/* ---- lines ---- */

static const char *
check_batch_line(struct desk *d, struct slice line)
{
    struct slice bytes = golden_hex(line, "hex", &d->in);
    struct batch_span span;
    if (batch_peek(bytes, &span)) return "no batch";
    const char *why = span.magic == 2 ? check_v2(d, bytes) : check_legacy(d, bytes);
    if (why) return why;
    int64_t at = 0;
    while (at < line.n && !slice_starts(slice(line.p + at, line.n - at), S("\"batches\":["))) at++;
    struct slice want = slice_sub(line, at + 11, line.n - at - 11 - 2);
    if (!slice_eq(want, writer_slice(&d->json))) return "prints differently";
    bool control = slice_starts(line, S("{\"what\":\"control\""));
    return control ? check_control(d, bytes, line) : NULL;
}

static const char *
check_crc_line(struct desk *d, struct slice line)
{
    struct slice bytes = golden_hex(line, "hex", &d->in);
    uint32_t want = (uint32_t)golden_i64(line, "crc32c", -1);
    if (crc32c(CRC32C_PORTABLE, 0, bytes) != want) return "crc32c differs (portable)";
    if (crc32c(CRC32C_HARDWARE, 0, bytes) != want) return "crc32c differs (hardware)";
    if (legacy_crc32(bytes) != (uint32_t)golden_i64(line, "crc32", -1)) return "crc32 differs";
    return NULL;
}

static const char *
check_murmur_line(struct desk *d, struct slice line)
{
    int32_t hash = murmur2(golden_hex(line, "key", &d->in));
    if (hash != golden_i64(line, "hash", 0)) return "murmur2 differs";
    if ((hash & INT32_MAX) % 3 != golden_i64(line, "p3", -1)) return "partition of 3 differs";
    if ((hash & INT32_MAX) % 12 != golden_i64(line, "p12", -1)) return "partition of 12 differs";
    return NULL;
}

static const char *
check_hash_line(struct desk *d, struct slice line)
{
    int32_t hash = java_string_hash(golden_field(line, "id", &d->in));
    if (hash != golden_i64(line, "java_hash", 0)) return "hash differs";
    if (java_abs(hash) % 50 != golden_i64(line, "p50", -1)) return "partition of 50 differs";
    if (java_abs(hash) % 3 != golden_i64(line, "p3", -1)) return "partition of 3 differs";
    return NULL;
}

static const char *
check_varint_line(struct desk *d, struct slice line)
{
    int64_t v = golden_i64(line, "v", INT64_MIN);
    writer_varlong(&d->out, v);
    if (!slice_eq(writer_slice(&d->out), golden_hex(line, "varlong", &d->in)))
        return "varlong differs";
    struct reader r = reader(writer_slice(&d->out));
    if (reader_varlong(&r) != v || r.err) return "varlong does not come back";
    d->out.n = d->in.n = 0;
    struct slice want = golden_hex(line, "varint", &d->in);
    if (!want.p) return NULL;
    writer_varint(&d->out, (int32_t)v);
    if (!slice_eq(writer_slice(&d->out), want)) return "varint differs";
    d->out.n = d->in.n = 0;
    writer_uvarint(&d->out, (uint32_t)v);
    want = golden_hex(line, "unsigned_varint_of_low32", &d->in);
    return slice_eq(writer_slice(&d->out), want) ? NULL : "unsigned varint differs";
}

/* What Java makes of every sequence of `length` of the bytes `of`, in their order: each as the length of
 * the text and the text. */
static uint32_t
crc_of_all_texts(struct desk *d, struct slice of, int64_t length)
{
    uint8_t bytes[8];
    uint32_t crc = 0;
    int64_t count = 1;
    for (int64_t i = 0; i < length; i++) count *= of.n;
    for (int64_t k = 0; k < count; k++) {
        for (int64_t i = length - 1, rest = k; i >= 0; i--, rest /= of.n)
            bytes[i] = of.p[rest % of.n];
        struct slice s = slice(bytes, length);
        d->out.n = 0;
        writer_i8(&d->out, (int8_t)utf8_mended_bytes(s));
        writer_utf8(&d->out, s);
        crc = crc32c(CRC32C_PORTABLE, crc, writer_slice(&d->out));
    }
    return crc;
}

static const char *
check_utf8_line(struct desk *d, struct slice line)
{
    int64_t crc = golden_i64(line, "crc32c", -1);
    if (crc >= 0) {
        struct slice of = golden_hex(line, "of", &d->in);
        int64_t length = golden_i64(line, "length", -1);
        return crc_of_all_texts(d, of, length) == crc ? NULL : "other texts than Java's";
    }
    struct slice bytes = golden_hex(line, "bytes", &d->in);
    writer_utf8(&d->out, bytes);
    if (utf8_mended_bytes(bytes) != d->out.n) return "measured differently";
    if (utf8_is_valid(bytes) != slice_eq(bytes, writer_slice(&d->out))) return "judged differently";
    d->in.n = 0;
    return slice_eq(writer_slice(&d->out), golden_hex(line, "text", &d->in)) ? NULL
                                                                             : "another text";
}

/* ---- files ---- */

static const struct file_check {
    const char *name;
    const char *(*check)(struct desk *d, struct slice line);
} file_checks[] = {
    {"batches", check_batch_line},   {"crc32c", check_crc_line},    {"murmur2", check_murmur_line},
    {"group-hash", check_hash_line}, {"varint", check_varint_line}, {"utf8", check_utf8_line},
};

struct sum {
    int files, passed, failed;
};

static void
check_file(struct desk *d, const char *path, const struct file_check *fc, struct sum *sum)
{
    struct slice rest = golden_load(path), line;
    const uint8_t *whole = rest.p;
    int at = 0, shown = 0;
    while (golden_line(&rest, &line)) {
        d->in.n = d->json.n = d->out.n = 0;
        const char *why = fc->check(d, line);
        at++;
        ++*(why ? &sum->failed : &sum->passed);
        if (why && shown++ < 10) printf("%s:%d: %s\n", path, at, why);
        if (why && shown < 3)
            printf("  have %.*s\n", (int)MIN(d->json.n, 800),
                   (const char *)writer_slice(&d->json).p);
    }
    if (at == 0) printf("%s: cannot be read, or empty\n", path), sum->failed++;
    sum->files++;
    free((void *)(uintptr_t)whole);
}

/* batches.jsonl.zst, batches-more.jsonl … */
static bool
is_file_of(const char *file, const char *name)
{
    struct slice f = slice_cstr(file), n = slice_cstr(name);
    if (!slice_starts(f, n) || (file[n.n] != '.' && file[n.n] != '-')) return false;
    return slice_ends(f, S(".jsonl")) || slice_ends(f, S(".jsonl.zst"));
}

static void
check_folder(struct desk *d, const char *dir, struct sum *sum)
{
    DIR *entries = opendir(dir);
    if (!entries) return;
    for (struct dirent *e; (e = readdir(entries)) != NULL;)
        for (int i = 0; i < ARRAY_LEN(file_checks); i++) {
            char path[4096];
            if (!is_file_of(e->d_name, file_checks[i].name)) continue;
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
            check_file(d, path, &file_checks[i], sum);
        }
    closedir(entries);
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIR\n", argv[0]);
        return 3;
    }
    struct desk d;
    struct sum sum = {0};
    test_mem_init(&d.mem);
    d.in = d.json = d.out = writer_mem(&d.mem);
    check_folder(&d, argv[1], &sum);
    mem_release(&d.mem);
    if (!sum.files) printf("%s: no vectors of batches or hashes here\n", argv[1]), sum.failed++;
    printf("%d passed, %d failed\n", sum.passed, sum.failed);
    return sum.failed ? 1 : 0;
}
