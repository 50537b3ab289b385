/* The numbers of a page, as columns: what is alike stands together, so that it becomes small, and a browser reads
 * each column in one loop when it is needed.
 *
 *     data   := column…
 *     column := u8 bytes of the name, name, u8 kind, u32 values, u32 bytes, the values
 *
 *     kind 'd'   varlong, each the difference to the one before (from 0)
 *          'z'   varlong
 *          'u'   u8
 *          't'   texts: uvarint length, bytes */
#ifndef VISUALIZE_COLUMNS_H
#define VISUALIZE_COLUMNS_H

#include "broker/base/bytes.h"

enum column_kind {
    COLUMN_STEPS = 'd',
    COLUMN_NUMBERS = 'z',
    COLUMN_BYTES = 'u',
    COLUMN_TEXTS = 't'
};

struct column {
    enum column_kind kind;
    int64_t n, last;
    struct writer w;
};

struct column column_new(struct mem *mem, enum column_kind kind);
void column_put(struct column *c, int64_t v);
/* Appends the column to data, and releases it. */
void column_end(struct column *c, struct writer *data, const char *name);

/* Texts, each once, by number. */
struct strings {
    struct mem *mem;
    struct column all;
    VEC(struct slice) v;
    int64_t *slots, slots_n; /* by hash: number + 1 */
};
void strings_init(struct strings *s, struct mem *mem);
int64_t strings_number(struct strings *s, struct slice text);
void strings_release(struct strings *s);
/* As a column of this name; releases. */
void strings_end(struct strings *s, struct writer *data, const char *name);

/* zlib's format, then base64. */
void pack_base64(struct mem *mem, struct slice plain, struct writer *ret);

#endif
