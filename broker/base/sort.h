/* Sorting what others have named: they choose how many and in which order, so the time must not depend on
 * it. By slice_cmp(); equal texts cannot be told apart, so stability is no question. */
#ifndef BASE_SORT_H
#define BASE_SORT_H

#include "broker/base/slice.h"

/* Sorts v and drops all but one of equals; returns how many are left. spare has room for n. */
int64_t slices_sort_unique(struct slice *v, int64_t n, struct slice *spare);

#endif
