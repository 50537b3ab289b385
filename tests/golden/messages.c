/* Messages, frames and a node's ApiVersions answers as Kafka's own classes wrote them: each must
 * decode, print the same JSON, have the size that we say, and re-encode to the same bytes. */
#include "tests/lib/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "broker/protocol/frame.h"
#include "broker/protocol/record_frame.h"
#include "tests/golden/lines.h"

#include "apis.h"

struct bench {
    struct mem mem;
    struct arena arena;
    struct writer out;
    int passed, failed;
};

/* What is wrong with a line; NULL if nothing. */
typedef const char *line_check(struct bench *b, const json_t *line);

static struct slice
hex_field(struct bench *b, const json_t *line, const char *name)
{
    const char *hex = json_string_value(json_object_get(line, name));
    int64_t n = hex ? (int64_t)strlen(hex) / 2 : 0;
    uint8_t *p = arena_alloc(&b->arena, n + 1);
    for (int64_t i = 0; i < n; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
        p[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return hex ? slice(p, n) : SLICE_NULL;
}

static int64_t
int_field(const json_t *line, const char *name)
{
    return json_integer_value(json_object_get(line, name));
}

static bool
find_message(const json_t *line, enum k_msg *ret)
{
    const char *name = json_string_value(json_object_get(line, "message"));
    for (int i = 0; i < K_MSGS_N; i++)
        if (slice_eq(codec_name((enum k_msg)i), slice_cstr(name))) {
            *ret = (enum k_msg)i;
            return true;
        }
    return false;
}

static void *
room_for(struct bench *b, enum k_msg msg)
{
    return arena_alloc(&b->arena, k_structs[k_messages[msg].root].size);
}

static bool
prints_as(struct bench *b, enum k_msg msg, int16_t version, const void *m, const json_t *want)
{
    b->out.n = 0;
    codec_json(msg, version, m, &b->out);
    json_t *got =
        json_loadb((const char *)writer_slice(&b->out).p, (size_t)b->out.n, JSON_ALLOW_NUL, NULL);
    bool same = got && json_equal(got, want);
    json_decref(got);
    return same;
}

static bool
writes_as(struct bench *b, enum k_msg msg, int16_t version, const void *m, struct slice want)
{
    b->out.n = 0;
    if (!codec_write(msg, version, m, &b->out, NULL) || !slice_eq(writer_slice(&b->out), want))
        return false;
    b->out.n = 0;
    return codec_write_interpreted(msg, version, m, &b->out, NULL) &&
           slice_eq(writer_slice(&b->out), want);
}

/* The unknown tags that we kept, against a list of {tag, hex}. */
static bool
has_unknown_tags(struct bench *b, enum k_msg msg, const uint8_t *m, const json_t *want)
{
    struct k_tags tags = {0};
    uint16_t at = k_structs[k_messages[msg].root].unknown_at;
    if (at != K_NO_TAGS) memcpy(&tags, m + at, sizeof tags);
    struct reader r = reader(tags.bytes);
    if (tags.n != (int32_t)json_array_size(want)) return false;
    for (size_t i = 0; i < json_array_size(want); i++) {
        const json_t *tag = json_array_get(want, i);
        if (reader_uvarint(&r) != (uint32_t)int_field(tag, "tag")) return false;
        struct slice bytes = reader_bytes(&r, reader_uvarint(&r));
        if (!slice_eq(bytes, hex_field(b, tag, "hex"))) return false;
    }
    return !r.err && reader_left(&r) == 0;
}

/* Straight code or not, a message is what the interpreter reads. */
static bool
is_interpreted_as(struct bench *b, enum k_msg msg, int16_t version, struct slice bytes,
                  const void *m)
{
    void *also = room_for(b, msg);
    struct reader r = reader(bytes);
    return codec_decode_interpreted(msg, version, &r, &b->arena, also) && reader_left(&r) == 0 &&
           codec_equal(msg, m, also);
}

static const char *
check_body(struct bench *b, enum k_msg msg, int16_t version, struct slice bytes, const json_t *line)
{
    void *m = room_for(b, msg);
    if (!codec_has_version(msg, version)) return "we do not know this version";
    if (!codec_decode_all(msg, version, bytes, &b->arena, m)) return "does not decode";
    if (!is_interpreted_as(b, msg, version, bytes, m)) return "the interpreter reads another";
    if (!prints_as(b, msg, version, m, json_object_get(line, "json"))) return "prints differently";
    if (!has_unknown_tags(b, msg, m, json_object_get(line, "unknown_tags")))
        return "unknown tags were not kept";
    if (codec_size(msg, version, m) != bytes.n) return "has another size";
    if (!writes_as(b, msg, version, m, bytes)) return "re-encodes to other bytes";
    return NULL;
}

/* ---- records of internal topics ------------------------------------------------------------- */

static bool
read_metadata_frame(enum k_msg msg, struct reader *r, int16_t *ret_version)
{
    uint32_t frame = reader_uvarint(r), type = reader_uvarint(r), version = reader_uvarint(r);
    *ret_version = (int16_t)version;
    return !r->err && frame == 1 && (int32_t)type == k_messages[msg].api_key;
}

static bool
read_framing(enum k_msg msg, struct reader *r, int16_t *ret_version)
{
    enum k_msg key = msg, value = msg;
    struct slice folder = slice_cstr(k_names + k_messages[msg].folder);
    enum coordinator_type of = slice_starts(folder, S("group")) ? COORDINATOR_GROUP
                             : slice_starts(folder, S("share")) ? COORDINATOR_SHARE
                                                                : COORDINATOR_TRANSACTION;
    *ret_version = 0;
    if (k_messages[msg].kind == K_KIND_METADATA) return read_metadata_frame(msg, r, ret_version);
    if (k_messages[msg].kind == K_KIND_KEY)
        return coordinator_key_read(r, of, &key, &value) && key == msg;
    return coordinator_value_read(r, msg, ret_version);
}

static bool
write_framed(enum k_msg msg, int16_t version, const void *m, struct writer *w)
{
    if (k_messages[msg].kind == K_KIND_METADATA)
        return metadata_record_write(w, msg, version, m, NULL);
    if (k_messages[msg].kind == K_KIND_KEY) return coordinator_key_write(w, msg, m, NULL);
    return coordinator_value_write(w, msg, version, m, NULL);
}

static const char *
check_framed(struct bench *b, enum k_msg msg, int16_t version, struct slice framed)
{
    int16_t got;
    void *m = room_for(b, msg);
    struct reader r = reader(framed);
    if (!read_framing(msg, &r, &got) || got != version) return "the framing is read differently";
    if (!codec_decode(msg, version, &r, &b->arena, m) || reader_left(&r) != 0)
        return "does not decode in its frame";
    b->out.n = 0;
    if (!write_framed(msg, version, m, &b->out) || !slice_eq(writer_slice(&b->out), framed))
        return "is framed differently";
    return NULL;
}

static const char *
check_message(struct bench *b, const json_t *line)
{
    enum k_msg msg;
    int16_t version = (int16_t)int_field(line, "version");
    if (!find_message(line, &msg)) return "we do not know this message";
    if (k_messages[msg].api_key != int_field(line, "api_key")) return "has another api key";
    const char *why = check_body(b, msg, version, hex_field(b, line, "hex"), line);
    if (why || !json_object_get(line, "framed_hex")) return why;
    return check_framed(b, msg, version, hex_field(b, line, "framed_hex"));
}

/* ---- frames --------------------------------------------------------------------------------- */

static const char *
compare_frame(struct frame *f, struct slice want)
{
    bool same = f->bytes == want.n;
    int64_t at = 0;
    for (int32_t i = 0; same && i < f->segs_n; at += f->segs[i++].bytes.n)
        same = slice_eq(f->segs[i].bytes, slice_sub(want, at, f->segs[i].bytes.n));
    frame_release(f);
    return same ? NULL : "we write another frame";
}

static const char *
check_request(struct bench *b, const json_t *line, enum k_msg msg, struct slice whole)
{
    struct request_head head;
    struct frame f;
    struct reader r = reader(slice_sub(whole, 4, whole.n));
    const char *client_id = json_string_value(json_object_get(line, "client_id"));
    if (request_head_read(&r, &b->arena, &head) != HEAD_OK) return "the header does not decode";
    if (head.api_key != int_field(line, "api_key") || head.version != int_field(line, "version"))
        return "has another api key or version";
    if (head.correlation_id != int_field(line, "correlation_id") ||
        !slice_eq(head.client_id, slice_cstr(client_id)))
        return "has another correlation or client id";
    if (request_head_version(head.api_key, head.version) != int_field(line, "header_version"))
        return "has another header";
    if (whole.n - reader_left(&r) != int_field(line, "body_offset"))
        return "the body begins elsewhere";
    void *m = room_for(b, msg);
    const char *why = check_body(b, msg, head.version,
                                 slice_sub(whole, whole.n - reader_left(&r), whole.n), line);
    if (why) return why;
    if (!codec_decode(msg, head.version, &r, &b->arena, m)) return "does not decode";
    if (!frame_request(&b->mem, &b->arena, &head, m, &f)) return "we cannot write it";
    return compare_frame(&f, whole);
}

static const char *
check_response(struct bench *b, const json_t *line, enum k_msg msg, struct slice whole)
{
    int16_t api = (int16_t)int_field(line, "api_key"),
            version = (int16_t)int_field(line, "version");
    struct reader r = reader(slice_sub(whole, 4, whole.n));
    struct frame f;
    int32_t id;
    if (!response_head_read(&r, api, version, &id) || id != int_field(line, "correlation_id"))
        return "has another correlation id";
    if (response_head_version(api, version) != int_field(line, "header_version"))
        return "has another header";
    if (whole.n - reader_left(&r) != int_field(line, "body_offset"))
        return "the body begins elsewhere";
    void *m = room_for(b, msg);
    const char *why =
        check_body(b, msg, version, slice_sub(whole, whole.n - reader_left(&r), whole.n), line);
    if (why) return why;
    if (!codec_decode(msg, version, &r, &b->arena, m)) return "does not decode";
    if (!frame_response(&b->mem, &b->arena, api, version, id, m, &f)) return "we cannot write it";
    return compare_frame(&f, whole);
}

static const char *
check_frame(struct bench *b, const json_t *line)
{
    enum k_msg msg;
    struct slice whole = hex_field(b, line, "hex");
    if (!find_message(line, &msg)) return "we do not know this message";
    if (whole.n < 4 || (int64_t)load_be32(whole.p) != whole.n - 4) return "the size is wrong";
    return k_messages[msg].kind == K_KIND_REQUEST ? check_request(b, line, msg, whole)
                                                  : check_response(b, line, msg, whole);
}

/* ---- what a node answered to ApiVersions ---------------------------------------------------- */

static const char *
check_live(struct bench *b, const json_t *line)
{
    struct slice request = hex_field(b, line, "request_hex"),
                 response = hex_field(b, line, "response_hex");
    struct k_api_versions_request q;
    struct k_api_versions_response a;
    struct request_head head;
    int32_t id;
    struct reader r = reader(request), s = reader(response);
    enum head_result known = request_head_read(&r, &b->arena, &head);
    int16_t version =
        known == HEAD_OK ? head.version : 0; /* of the answer, if we did not know it */
    if (known != HEAD_OK && known != HEAD_UNKNOWN_VERSION)
        return "the request's header does not decode";
    if (!response_head_read(&s, head.api_key, version, &id) || id != head.correlation_id)
        return "another correlation id";
    if (!codec_decode(K_MSG_API_VERSIONS_RESPONSE, version, &s, &b->arena, &a) || reader_left(&s))
        return "the answer does not decode";
    b->out.n = 0;
    (void)response_write(&b->out, head.api_key, version, id, &a, NULL);
    if (!slice_eq(writer_slice(&b->out), response)) return "we write another answer";
    if (known != HEAD_OK)
        return a.error_code == 35 ? NULL : "does not say that the version is not supported";
    if (!codec_decode(K_MSG_API_VERSIONS_REQUEST, version, &r, &b->arena, &q) || reader_left(&r))
        return "the request does not decode";
    b->out.n = 0;
    (void)request_write(&b->out, &head, &q, NULL);
    return slice_eq(writer_slice(&b->out), request) ? NULL : "we write another request";
}

/* ---- files ---------------------------------------------------------------------------------- */

static void
check_line(struct bench *b, const char *file, int number, struct slice text, line_check *check,
           int *shown)
{
    json_t *line = json_loadb((const char *)text.p, (size_t)text.n, JSON_ALLOW_NUL, NULL);
    const char *why = line ? check(b, line) : "not JSON";
    ++*(why ? &b->failed : &b->passed);
    if (why && ++*shown <= 10)
        printf("%s:%d: %s %s: %s\n", file, number,
               json_string_value(json_object_get(line, "message")),
               json_string_value(json_object_get(line, "inst")), why);
    json_decref(line);
    arena_reset(&b->arena);
}

static void
check_file(struct bench *b, const char *dir, const char *file, line_check *check)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    struct slice rest = golden_load(path), line;
    void *whole = (void *)(uintptr_t)rest.p;
    int number = 0, shown = 0;
    while (rest.p && golden_line(&rest, &line))
        if (line.n) check_line(b, file, ++number, line, check, &shown);
    free(whole);
    if (number) return;
    printf("%s: no vectors in it\n", path);
    b->failed++;
}

static line_check *
check_for(const char *file)
{
    struct slice name = slice_cstr(file);
    if (!slice_ends(name, S(".jsonl")) && !slice_ends(name, S(".jsonl.zst"))) return NULL;
    if (slice_starts(name, S("messages-"))) return check_message;
    if (slice_starts(name, S("frames"))) return check_frame;
    return slice_starts(name, S("apiversions-live")) ? check_live : NULL;
}

static void
check_dir(struct bench *b, const char *dir)
{
    struct dirent **entries;
    int n = scandir(dir, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        line_check *check = check_for(entries[i]->d_name);
        if (check) check_file(b, dir, entries[i]->d_name, check);
        free(entries[i]);
    }
    if (n >= 0) free(entries);
    if (b->passed + b->failed > 0) return;
    printf("%s: no vectors there\n", dir);
    b->failed++;
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIR\n", argv[0]);
        return 3;
    }
    struct bench b = {0};
    test_mem_init(&b.mem);
    arena_init(&b.arena, &b.mem, 0);
    b.out = writer_mem(&b.mem);
    check_dir(&b, argv[1]);
    mem_release(&b.mem);
    printf("%d passed, %d failed\n", b.passed, b.failed);
    return b.failed ? 1 : 0;
}
