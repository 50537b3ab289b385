/* Binary search, written once. */
#ifndef BASE_SEARCH_H
#define BASE_SEARCH_H

/* Of n items in their order, those in front are `is_below`, an expression of the index `i`, and no other is. Declares `at`: how
 * many these are, so the index of the first that is not; n if all are. Of the same type as n.
 *
 *     LOWER_BOUND(at, l->n, i, l->v[i].offset < offset);
 *     return at < l->n && l->v[at].offset == offset ? &l->v[at] : NULL; */
#define LOWER_BOUND(at, n, i, is_below) \
    __typeof__((n) + 0) at = 0; \
    for (__typeof__((n) + 0) i, end_ = (n); at < end_;) { \
        i = at + (end_ - at) / 2; \
        if (is_below) at = i + 1; \
        else end_ = i; \
    }

#endif
