/* Lines of the small text files. */
#ifndef LOG_LINES_H
#define LOG_LINES_H

#include "broker/base/slice.h"

/* Takes the next line, without its newline, off the text; false at the end. */
static inline bool
lines_next(struct slice *text, struct slice *ret)
{
    if (text->n == 0) return false;
    int64_t end = slice_find(*text, '\n', 0);
    if (end < 0) end = text->n;
    *ret = slice_sub(*text, 0, end);
    *text = slice_sub(*text, end + 1, text->n);
    return true;
}

#endif
