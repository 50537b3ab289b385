/* What the files that make a page share. A page is one file for a browser: the run's data, packed, and the program
 * that draws it (visualize/view/). Two runs stand in one page to be compared.
 *
 *     events.c    what happened, one by one: messages, notes; the messages' bytes
 *     levels.c    how much of it there was, in buckets of time, for what is too much to be drawn one by one
 *     state.c     what was so at each moment: lives, roles, logs, decisions
 *     schemas.c   what the messages' bytes mean
 *     page.c      the file */
#ifndef VISUALIZE_PAGE_H
#define VISUALIZE_PAGE_H

#include "visualize/columns.h"
#include "visualize/facts.h"

struct trace_reader;

/* As the page's program knows them. */
enum {
    MESSAGE_IS_ANSWER = 1,
    MESSAGE_IS_DELIVERED = 2,
    MESSAGE_IS_LOST = 4,
    MESSAGE_WAS_HELD = 8,
    MESSAGE_IS_CONTROL = 16,
    MESSAGE_IS_LATE = 32,
};

struct sent {
    int64_t id, at_ns, end_ns, conn, correlation,
        bytes; /* end: RUN_FOREVER: it never came to one */
    int64_t kept_at, kept_n,
        length; /* in all bytes that are kept; the length that was kept of or cut */
    int32_t from, to;
    int16_t api, version;
    uint8_t flags;
};

struct noted {
    int64_t at_ns, a, b, n[6]; /* a, b: numbers of texts */
    int32_t actor, what;
    uint8_t kind; /* enum trace_kind */
};

struct events {
    struct mem *mem;
    VEC(struct sent) sent;   /* by time */
    VEC(struct noted) noted; /* by time */
    struct strings strings;
    struct writer bytes; /* of messages, one behind the other */
    bool has_bytes, bytes_are_cut;
};

void events_load(struct events *e, struct mem *mem, struct trace_reader *reader,
                 const struct run *r);
/* What a page needs to open, and what it reads behind that. */
void events_columns(const struct events *e, struct writer *data);
void events_further_columns(struct events *e, struct writer *data);
void events_release(struct events *e);

void levels_columns(const struct events *e, const struct run *r, struct writer *data);
void state_columns(const struct run *r, struct writer *data);
void state_further_columns(const struct run *r, struct writer *data);
/* As JSON: "schemas":{…},"apis":{…} of what was sent. */
void schemas_json(const struct events *e, struct mem *mem, struct writer *w);

/* The page's program, from the build. */
extern const unsigned char page_script[], page_style[], page_body[], page_script_hash[],
    page_style_hash[];

#endif
