#include "broker/protocol/frame.h"

#include "broker/base/check.h"
#include "broker/base/utf8.h"

#include "apis.h"

/* ---- reading -------------------------------------------------------------------------------- */

/* What is taken at least for a frame that comes in pieces. */
#define ACC_LEAST_BYTES 16384
/* From here on the rest is received in place. */
#define LEND_LEAST_BYTES 4096

void
frame_reader_init(struct frame_reader *r, struct mem *mem, struct conn *conn, int32_t max_bytes)
{
    *r = (struct frame_reader){.mem = mem, .conn = conn, .max_bytes = max_bytes};
}

void
frame_reader_release(struct frame_reader *r)
{
    buf_unref(r->rest_buf);
    buf_unref(r->acc);
    buf_unref(r->given);
    r->rest_buf = r->acc = r->given = NULL;
    r->rest = SLICE_NULL;
}

int64_t
frame_reader_held(const struct frame_reader *r)
{
    return r->rest.n + (r->acc ? r->acc->cap : 0);
}

/* Bytes that arrive while others wait go behind them. */
static void
append_rest(struct frame_reader *r, struct slice data)
{
    struct buf *b = buf_new(r->mem, r->rest.n + data.n);
    memcpy(b->data, r->rest.p, (size_t)r->rest.n);
    memcpy(b->data + r->rest.n, data.p, (size_t)data.n);
    b->n = b->cap;
    buf_unref(r->rest_buf);
    r->rest_buf = b;
    r->rest = buf_slice(b);
}

void
frame_reader_push(struct frame_reader *r, struct slice data, struct buf *from)
{
    if (r->acc && from == r->acc) { /* lent: they are in place */
        CHECK(r->rest.n == 0 && data.p == r->acc->data + r->acc->n &&
              data.n <= r->acc->cap - r->acc->n);
        r->acc->n += data.n;
    } else if (r->rest.n > 0) {
        append_rest(r, data);
    } else {
        buf_unref(r->rest_buf);
        r->rest_buf = buf_ref(from);
        r->rest = data;
    }
}

static struct slice
take_rest(struct frame_reader *r, int64_t n)
{
    struct slice s = slice_sub(r->rest, 0, n);
    r->rest = slice_sub(r->rest, s.n, r->rest.n);
    return s;
}

/* False while the four bytes are not there. */
static bool
read_size(struct frame_reader *r)
{
    if (r->size_n == 4) return true;
    struct slice s = take_rest(r, 4 - r->size_n);
    if (s.n) memcpy(r->size + r->size_n, s.p, (size_t)s.n);
    r->size_n += (int32_t)s.n;
    if (r->size_n < 4) return false;
    r->want = (int32_t)load_be32(r->size);
    return true;
}

/* Room for what has come, and for as much again thrice, but never more than the frame. */
static void
frame_grow(struct frame_reader *r)
{
    int64_t have = r->acc ? r->acc->n : 0;
    if (r->acc && r->acc->n < r->acc->cap) return;
    struct buf *b = buf_new(r->mem, MIN(r->want, MAX(ACC_LEAST_BYTES, 4 * (have + r->rest.n))));
    if (have) memcpy(b->data, r->acc->data, (size_t)have);
    b->n = have;
    buf_unref(r->acc);
    r->acc = b;
}

/* The connection receives the rest in place; or does not, when we have no more room to offer. */
static void
frame_lend(struct frame_reader *r)
{
    if (!r->conn) return;
    bool worth = r->acc->cap - r->acc->n >= LEND_LEAST_BYTES;
    if (!worth && r->conn->lent == r->acc) conn_lend(r->conn, NULL, 0);
    if (worth && (r->conn->lent != r->acc || r->conn->lent_at != r->acc->n))
        conn_lend(r->conn, r->acc, r->acc->n);
}

/* True when the frame is whole. */
static bool
accumulate(struct frame_reader *r)
{
    if (r->want > 0 && (!r->acc || r->acc->n < r->want)) frame_grow(r);
    while (r->rest.n > 0 && r->acc->n < r->want) {
        struct slice s = take_rest(r, r->acc->cap - r->acc->n);
        memcpy(r->acc->data + r->acc->n, s.p, (size_t)s.n);
        r->acc->n += s.n;
        if (r->acc->n < r->want) frame_grow(r);
    }
    frame_lend(r);
    return r->acc->n == r->want;
}

static void
frame_give(struct frame_reader *r, struct buf *b)
{
    buf_unref(r->given);
    r->given = b;
    r->size_n = 0;
}

enum frame_result
frame_reader_next(struct frame_reader *r, struct slice *ret, struct buf **ret_buf)
{
    if (!read_size(r)) return FRAME_NONE;
    if (r->want < 0 || r->want > r->max_bytes) return FRAME_BAD;
    if (!r->acc && r->rest.n >= r->want) {
        *ret = r->want ? take_rest(r, r->want) : SLICE_EMPTY;
        frame_give(r, buf_ref(r->rest_buf));
    } else if (accumulate(r)) {
        *ret = buf_slice(r->acc);
        frame_give(r, r->acc);
        r->acc = NULL;
    } else {
        return FRAME_NONE;
    }
    *ret_buf = r->given;
    return FRAME_OK;
}

/* ---- headers -------------------------------------------------------------------------------- */

int
request_head_version(int16_t api_key, int16_t version)
{
    const struct k_api *api = k_api_of(api_key);
    return api && version >= api->flexible ? 2 : 1;
}

int
response_head_version(int16_t api_key, int16_t version)
{
    const struct k_api *api = k_api_of(api_key);
    return api && api_key != K_API_API_VERSIONS && version >= api->flexible ? 1 : 0;
}

static void
skip_tags(struct reader *r)
{
    uint32_t n = reader_uvarint(r);
    if (n > CODEC_TAGS_MAX) r->err = true;
    for (uint32_t i = 0; i < n && !r->err; i++) {
        (void)reader_uvarint(r);
        reader_skip(r, reader_uvarint(r));
    }
}

enum head_result
request_head_read(struct reader *r, struct arena *a, struct request_head *ret)
{
    struct request_head h = {.api_key = reader_i16(r), .client_id = SLICE_NULL};
    h.version = reader_i16(r);
    h.correlation_id = reader_i32(r);
    h.api = r->err ? NULL : k_api_of(h.api_key);
    *ret = h;
    if (r->err) return HEAD_MALFORMED;
    if (!h.api) return HEAD_UNKNOWN_API;
    int16_t n = reader_i16(r);
    if (n >= 0) h.client_id = utf8_mended(reader_bytes(r, n), a);
    if (h.client_id.n > CODEC_STRING_MAX || (n >= 0 && !h.client_id.p)) r->err = true;
    if (request_head_version(h.api_key, h.version) == 2) skip_tags(r);
    if (r->err) return HEAD_MALFORMED;
    *ret = h;
    return k_api_has_version(h.api, h.version) ? HEAD_OK : HEAD_UNKNOWN_VERSION;
}

bool
response_head_read(struct reader *r, int16_t api_key, int16_t version, int32_t *ret_correlation_id)
{
    int32_t id = reader_i32(r);
    if (response_head_version(api_key, version) == 1) skip_tags(r);
    if (r->err) return false;
    *ret_correlation_id = id;
    return true;
}

static void
write_request_head(struct writer *w, const struct request_head *h)
{
    int64_t client_id_bytes = utf8_mended_bytes(h->client_id);
    CHECK(client_id_bytes <= CODEC_STRING_MAX);
    writer_i16(w, h->api_key);
    writer_i16(w, h->version);
    writer_i32(w, h->correlation_id);
    writer_i16(w, h->client_id.p ? (int16_t)client_id_bytes : -1);
    writer_utf8(w, h->client_id);
    if (request_head_version(h->api_key, h->version) == 2) writer_uvarint(w, 0);
}

static void
write_response_head(struct writer *w, int16_t api_key, int16_t version, int32_t correlation_id)
{
    writer_i32(w, correlation_id);
    if (response_head_version(api_key, version) == 1) writer_uvarint(w, 0);
}

/* ---- writing -------------------------------------------------------------------------------- */

static enum k_msg
request_of(int16_t api_key)
{
    const struct k_api *api = k_api_of(api_key);
    CHECK(api);
    return (enum k_msg)api->request;
}

static enum k_msg
response_of(int16_t api_key)
{
    const struct k_api *api = k_api_of(api_key);
    CHECK(api);
    return (enum k_msg)api->response;
}

/* Behind the header. */
static bool
frame_finish(struct encoder *e, struct arena *a, enum k_msg msg, int16_t version, const void *body,
             struct frame *ret)
{
    bool ok = codec_encode(msg, version, body, e);
    *ret = (struct frame){.bytes = encoder_bytes(e), .why = e->why};
    if (!ok || ret->bytes - 4 > INT32_MAX) {
        encoder_release(e);
        return false;
    }
    writer_patch_i32(&e->w, 0, (int32_t)(ret->bytes - 4));
    ret->segs = encoder_finish(e, a, &ret->own, &ret->segs_n);
    return true;
}

bool
frame_request(struct mem *mem, struct arena *a, const struct request_head *head,
              const void *request, struct frame *ret)
{
    struct encoder e;
    encoder_init(&e, mem);
    writer_i32(&e.w, 0);
    write_request_head(&e.w, head);
    return frame_finish(&e, a, request_of(head->api_key), head->version, request, ret);
}

bool
frame_response(struct mem *mem, struct arena *a, int16_t api_key, int16_t version,
               int32_t correlation_id, const void *response, struct frame *ret)
{
    struct encoder e;
    encoder_init(&e, mem);
    writer_i32(&e.w, 0);
    write_response_head(&e.w, api_key, version, correlation_id);
    return frame_finish(&e, a, response_of(api_key), version, response, ret);
}

bool
frame_send(struct conn *c, struct frame *f)
{
    bool room = conn_send(c, f->segs, f->segs_n);
    frame_release(f);
    return room;
}

void
frame_release(struct frame *f)
{
    buf_unref(f->own);
    f->own = NULL;
}

bool
response_write(struct writer *w, int16_t api_key, int16_t version, int32_t correlation_id,
               const void *response, struct codec_refusal *ret_why)
{
    write_response_head(w, api_key, version, correlation_id);
    return codec_write(response_of(api_key), version, response, w, ret_why);
}

bool
request_write(struct writer *w, const struct request_head *head, const void *request,
              struct codec_refusal *ret_why)
{
    write_request_head(w, head);
    return codec_write(request_of(head->api_key), head->version, request, w, ret_why);
}
