/* One interpreter over the generated tables: it reads and writes any message in any version. What travels most
 * is read and written by straight code that is generated from the same tables (schema/straight.yaml), to the same effect.
 * Decoded strings and bytes are slices of the input; arrays and nullable structs lie in the arena,
 * and so does a string that was not UTF-8: it is read as Java reads it (utf8.h). What is written is
 * UTF-8, too, wherever the text came from. Hence a string is to be used only while both the input and
 * the arena live.
 *
 *      struct k_fetch_request r;
 *      if (!codec_decode(K_MSG_FETCH_REQUEST, 12, &reader, arena, &r)) …malformed…
 *
 *      struct k_fetch_response r;
 *      codec_default(K_MSG_FETCH_RESPONSE, &r);
 *      r.responses_n = n;
 *      r.responses = codec_array(arena, K_STRUCT_FETCH_RESPONSE_FETCHABLE_TOPIC_RESPONSE, n);
 *
 * Nothing from outside is trusted: a count is compared with the limit and with what remains
 * divided by the fewest bytes of an element before anything is allocated; a tagged field must be
 * consumed exactly, its tags ascend. How deep a message can nest is bounded by its schema (the
 * generator refuses cycles).
 *
 * A version must be one of the message's valid ones (codec_has_version); anything else is our
 * bug. */
#ifndef PROTOCOL_CODEC_H
#define PROTOCOL_CODEC_H

#include "broker/base/arena.h"
#include "broker/base/bytes.h"
#include "broker/env/env.h"

#include "messages.h"

#define CODEC_ARRAY_MAX 1000000
#define CODEC_TAGS_MAX 10000
#define CODEC_STRING_MAX 32767

bool codec_has_version(enum k_msg msg, int16_t version);
struct slice codec_name(enum k_msg msg);
/* sizeof its struct. */
int64_t codec_struct_bytes(enum k_msg msg);

/* ---- decode --------------------------------------------------------------------------------- */

/* Reads one message; what follows it stays in the reader. False: malformed, or the arena's ceiling
 * is reached; ret is then not to be used. Fields that the version lacks have their defaults. */
bool codec_decode(enum k_msg msg, int16_t version, struct reader *r, struct arena *a, void *ret);
/* The whole of `bytes`, nothing behind it. */
bool codec_decode_all(enum k_msg msg, int16_t version, struct slice bytes, struct arena *a,
                      void *ret);
/* The same without the straight code that some versions have: for tests, which hold the two side by side. */
bool codec_decode_interpreted(enum k_msg msg, int16_t version, struct reader *r, struct arena *a,
                              void *ret);

/* ---- make ----------------------------------------------------------------------------------- */

void codec_default(enum k_msg msg, void *ret);
void codec_default_struct(enum k_struct_id id, void *ret);
/* n structs with their defaults. */
void *codec_array(struct arena *a, enum k_struct_id id, int64_t n);

/* ---- encode --------------------------------------------------------------------------------- */

/* Why a message cannot be written: "ReplicaState", "is not in this version". */
struct codec_refusal {
    struct slice field;
    struct slice why;
};

/* Appends the message to w, ranges of files excepted. False with a reason (may be NULL) when a
 * field that must not be dropped cannot be expressed in this version, or w is full. A null slice
 * in a field that cannot be null is written as the empty one. */
bool codec_write(enum k_msg msg, int16_t version, const void *m, struct writer *w,
                 struct codec_refusal *ret_why);
/* For tests, as above. */
bool codec_write_interpreted(enum k_msg msg, int16_t version, const void *m, struct writer *w,
                             struct codec_refusal *ret_why);

/* Collects bytes, and between them ranges of buffers and files (records), which must live until the
 * segments have been given to conn_send. */
#define ENCODER_ROOM_BYTES 512 /* most fit, and are copied once */
struct encoder {
    struct writer w; /* what is not referred to, back to back */
    struct mem *mem;
    VEC(struct splice) splices;
    int64_t spliced_bytes;
    struct codec_refusal why;
    uint8_t room[ENCODER_ROOM_BYTES];
};
struct splice {
    int64_t at; /* before this byte of w */
    struct seg seg;
};

/* It stays where it is. */
void encoder_init(struct encoder *e, struct mem *mem);
/* Records with a buf of at least this size are referred to, not copied. */
#define ENCODER_SPLICE_BYTES 512
bool codec_encode(enum k_msg msg, int16_t version, const void *m, struct encoder *e);
/* The bytes so far, spliced ones included. */
static inline int64_t
encoder_bytes(const struct encoder *e)
{
    return e->w.n + e->spliced_bytes;
}
/* The whole as segments, allocated in the arena. Those of e's own bytes hold one reference of
 * *ret_buf, which the caller unrefs when the segments have been sent. Releases e. */
struct seg *encoder_finish(struct encoder *e, struct arena *a, struct buf **ret_buf,
                           int32_t *ret_n);
void encoder_release(struct encoder *e);

/* ---- other readings of the tables ----------------------------------------------------------- */

/* The bytes that codec_encode yields, spliced ones included, of a message that it does not
 * refuse. */
int64_t codec_size(enum k_msg msg, int16_t version, const void *m);

/* As Kafka's tools print it: the fields of this version, names beginning with a small letter,
 * bytes in base64, tagged fields only where they differ from their default. */
void codec_json(enum k_msg msg, int16_t version, const void *m, struct writer *w);

/* Field by field, whatever the version; unknown tags too. */
bool codec_equal(enum k_msg msg, const void *a, const void *b);

/* An arbitrary message that this version can carry: edges of ranges, nulls where allowed, small
 * arrays. */
struct codec_dice {
    uint64_t (*draw)(void *ctx);
    void *ctx;
    struct arena *arena;
};
void codec_random(enum k_msg msg, int16_t version, struct codec_dice *dice, void *ret);

#endif
