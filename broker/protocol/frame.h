/* Frames: on a connection every message is an int32 size, a header and a body.
 *
 *      request    size | api key, version, correlation id, client id [tags]  | body
 *      response   size | correlation id [tags]                               | body
 *
 * The tags are there from the api's first flexible version on; the answer to ApiVersions never has
 * them (KIP-511), because whoever asks does not yet know what the other side speaks.
 *
 * A frame_reader is given the bytes of a connection, cut and merged anywhere, and gives whole
 * frames. One that lies within a chunk is not copied; for the rest of a large one a buffer is lent
 * to the connection. Memory is taken as bytes come, not as the size promises: a peer has to send
 * what it wants us to hold. */
#ifndef PROTOCOL_FRAME_H
#define PROTOCOL_FRAME_H

#include "broker/env/env.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/tables.h"

/* ---- reading -------------------------------------------------------------------------------- */

struct frame_reader {
    struct mem *mem;
    struct conn *conn; /* buffers are lent to it; may be NULL */
    int32_t max_bytes;
    struct slice rest; /* of a chunk, not looked at yet */
    struct buf *rest_buf;
    uint8_t size[4];
    int32_t size_n;
    int32_t want;      /* the frame's bytes, once size_n is 4 */
    struct buf *acc;   /* its bytes so far */
    struct buf *given; /* behind the frame that was given last */
};

enum frame_result {
    FRAME_NONE, /* not yet */
    FRAME_OK,
    FRAME_BAD, /* a negative size, or more than max_bytes: close the connection */
};

void frame_reader_init(struct frame_reader *r, struct mem *mem, struct conn *conn,
                       int32_t max_bytes);
void frame_reader_release(struct frame_reader *r);
/* From conn_ops.bytes. */
void frame_reader_push(struct frame_reader *r, struct slice data, struct buf *from);
/* The next frame, without its size; it lies in *ret_buf and is good until the next call: take a
 * reference to keep it. Call until it says otherwise than FRAME_OK; or stop (and pause the
 * connection), and go on later. */
enum frame_result frame_reader_next(struct frame_reader *r, struct slice *ret,
                                    struct buf **ret_buf);
/* Bytes held: of the frame that is under way and of the rest. */
int64_t frame_reader_held(const struct frame_reader *r);

/* ---- headers -------------------------------------------------------------------------------- */

struct request_head {
    int16_t api_key, version;
    int32_t correlation_id;
    struct slice client_id; /* may be null */
    const struct k_api *api;
};

enum head_result {
    HEAD_OK,
    HEAD_MALFORMED,
    HEAD_UNKNOWN_API,     /* the first three fields of ret are good */
    HEAD_UNKNOWN_VERSION, /* all of ret is good; the answer to ApiVersions is one of version 0 */
};

/* Leaves the reader at the body. A client id that is not UTF-8 is mended in the arena (codec.h). */
enum head_result request_head_read(struct reader *r, struct arena *a, struct request_head *ret);
/* 2 with tags, 1 without. */
int request_head_version(int16_t api_key, int16_t version);
/* 1 with tags, 0 without. */
int response_head_version(int16_t api_key, int16_t version);
/* The correlation id; leaves the reader at the body. False: malformed. */
bool response_head_read(struct reader *r, int16_t api_key, int16_t version,
                        int32_t *ret_correlation_id);

/* ---- writing -------------------------------------------------------------------------------- */

/* A whole frame, ready for conn_send. */
struct frame {
    struct seg *segs; /* in the arena */
    int32_t segs_n;
    struct buf *own; /* one reference, dropped by frame_send or frame_release */
    int64_t bytes;   /* all, the size's four included */
    struct codec_refusal why;
};

/* False, with ret->why: a field cannot be expressed in this version (nothing to release then).
 * What records refer to must live until the frame is sent. */
bool frame_request(struct mem *mem, struct arena *a, const struct request_head *head,
                   const void *request, struct frame *ret);
bool frame_response(struct mem *mem, struct arena *a, int16_t api_key, int16_t version,
                    int32_t correlation_id, const void *response, struct frame *ret);
/* As conn_send; drops the frame's reference. */
bool frame_send(struct conn *c, struct frame *f);
void frame_release(struct frame *f);

/* Header and body without a size, as Envelope carries them (KIP-590). */
bool response_write(struct writer *w, int16_t api_key, int16_t version, int32_t correlation_id,
                    const void *response, struct codec_refusal *ret_why);
bool request_write(struct writer *w, const struct request_head *head, const void *request,
                   struct codec_refusal *ret_why);

#endif
