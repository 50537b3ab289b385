/* Vectors are lines of JSON in zstd files. These helpers give the lines, and pick a field out of one by
 * its name: enough for files that one writer made in one style. */
#ifndef TESTS_GOLDEN_LINES_H
#define TESTS_GOLDEN_LINES_H

#include "broker/base/bytes.h"

/* The whole file, decompressed if it is a zstd frame; malloc'ed, with a NUL behind it. p is NULL if it
 * cannot be read. */
struct slice golden_load(const char *path);

/* Cuts the next line off; false at the end. */
bool golden_line(struct slice *rest, struct slice *ret);

/* The text behind the first "name": (a string without its quotes, escapes undone in place of `room`;
 * anything else up to the next comma or brace). Null if there is none. */
struct slice golden_field(struct slice line, const char *name, struct writer *room);
int64_t golden_i64(struct slice line, const char *name, int64_t otherwise);
/* A field of hexadecimal digits, as bytes in room. */
struct slice golden_hex(struct slice line, const char *name, struct writer *room);

#endif
