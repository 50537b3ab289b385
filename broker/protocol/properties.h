/* Java's properties format, as java.util.Properties reads it:
 *
 *      # comment        ! comment
 *      key=value        key: value        key value
 *      key = one, \
 *            two        a line may go on; the blanks before the rest fall away
 *      k\:e\=y=\u00e9   escapes
 *
 * Of a key that stands twice, the last counts. The file is ISO-8859-1, what comes of it is UTF-8. */
#ifndef PROTOCOL_PROPERTIES_H
#define PROTOCOL_PROPERTIES_H

#include "broker/base/arena.h"
#include "broker/base/bytes.h"

struct property {
    struct slice key, value;
    int32_t line, column; /* of the key */
    int32_t value_line, value_column;
    bool is_bare; /* only a key: neither sign nor value */
};

struct properties {
    struct property *v; /* in the order of the file */
    int32_t n;
};

/* Everything lies in the arena. On an error (a \u without four digits, a NUL byte) says why,
 * beginning with "line:column: ", and returns false. */
bool properties_parse(struct slice text, struct arena *a, struct properties *ret,
                      struct writer *why);
/* The last of this name; null without. */
struct slice properties_get(const struct properties *p, struct slice key);

#endif
