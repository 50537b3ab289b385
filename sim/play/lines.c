#include "sim/play/lines.h"

static void
keep(struct lines *l, struct slice piece)
{
    l->is_too_long |= piece.n > LINE_MAX_BYTES - l->n;
    if (l->is_too_long) return;
    if (piece.n) memcpy(l->text + l->n, piece.p, (size_t)piece.n);
    l->n += piece.n;
}

static enum lines_found
end_line(struct lines *l, struct slice *ret)
{
    enum lines_found found = l->is_too_long ? LINES_TOO_LONG : LINES_ONE;
    *ret = slice(l->text, l->n);
    l->n = 0;
    l->is_too_long = false;
    return found;
}

enum lines_found
lines_next(struct lines *l, struct slice *rest, struct slice *ret)
{
    int64_t end = slice_find(*rest, '\n', 0);
    keep(l, slice_sub(*rest, 0, end < 0 ? rest->n : end));
    *rest = end < 0 ? SLICE_EMPTY : slice_sub(*rest, end + 1, rest->n);
    return end < 0 ? LINES_MORE : end_line(l, ret);
}

enum lines_found
lines_end(struct lines *l, struct slice *ret)
{
    return l->n || l->is_too_long ? end_line(l, ret) : LINES_MORE;
}
