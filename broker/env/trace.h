/* The trace: what happened in a run, for whoever draws, explains, replays or judges it. Both bodies
 * can write one, and one viewer opens both. This file knows the records and their bytes; blocks,
 * compression and the index are sim/trace's.
 *
 *     file    := "GREGTRC1"  block…  index  footer
 *     block   := a zstd frame of records, each decodable with this block alone
 *     record  := u8 kind · varlong time since the record before (in its block: since its beginning)
 *                · uvarint mask of the fields that follow · the fields
 *     text in a record := uvarint 0, length, bytes: the next number of this block; or its number
 *
 * One kind of record, with fields that mean different things: see the table. */
#ifndef ENV_TRACE_H
#define ENV_TRACE_H

#include "broker/base/bytes.h"

#define TRACE_MAGIC "GREGTRC1"
#define TRACE_NUMBERS 8

/*   kind          what                  n[0] …                                     a, b, c  */
enum trace_kind {
    TRACE_NONE,
    TRACE_RUN,     /*            seed, wall ms at 0                             name */
    TRACE_MACHINE, /*            .                                              name, host, kind */
    TRACE_LIFE,    /* enum life  incarnation                                    text */
    TRACE_EVENT,   /* enum event_kind, TRACE_STARTED or TRACE_POKED;
                                     ordinal or handle, err, n; hash after the step */
    TRACE_NOTE,    /* note kind  the note's numbers                             subject, text */
    TRACE_FRAME,   /* enum frame_fate; machine: from, other: to; id; and when sent:
                                     port, conn, is answer, api, version, correlation, bytes */
    TRACE_FRAME_BYTES, /*            id, length in truth                            bytes */
    TRACE_DISK,        /* op kind    ordinal, offset, n, err                        path */
    TRACE_FAULT,       /*            .                                              verb, what */
    TRACE_SAID, /*            the speaker's                                  area, subject, text */
    TRACE_END,  /*            events; hash                                   . */
    TRACE_KINDS_N,
};

enum { TRACE_STARTED = 100, TRACE_POKED = 101 };

struct trace_record {
    enum trace_kind kind;
    int64_t at_ns;
    int32_t machine; /* index; -1: none */
    int32_t other;
    int32_t what;
    uint64_t hash;
    int64_t n[TRACE_NUMBERS];
    struct slice a, b, c; /* null is as good as empty */
};

/* Writing a block. The texts that it knows, newest first by number; zeroed at its beginning. */
struct trace_text {
    struct slice text;
    uint64_t hash;
};
struct trace_encoder {
    struct mem *mem;
    struct writer w;
    int64_t last_ns;
    VEC(struct trace_text) texts;
    int32_t slots[1024]; /* by hash: number + 1 of the last text with it */
};
void trace_encoder_init(struct trace_encoder *e, struct mem *mem);
void trace_encode(struct trace_encoder *e, const struct trace_record *r);
/* Forgets the block: a new one begins. */
void trace_encoder_clear(struct trace_encoder *e);
void trace_encoder_release(struct trace_encoder *e);

/* Reading a block, which must stay where it is: slices point into it. */
struct trace_decoder {
    struct mem *mem;
    struct reader r;
    int64_t last_ns;
    VEC(struct slice) texts;
};
void trace_decoder_init(struct trace_decoder *d, struct mem *mem, struct slice block);
/* False at the end, and at anything malformed (then d->r.err). */
bool trace_decode(struct trace_decoder *d, struct trace_record *ret);
void trace_decoder_release(struct trace_decoder *d);

#endif
