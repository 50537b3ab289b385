/* Sorts texts that clients have sent, by slice_cmp(). A client chooses how many there are and in which order,
 * so no order may make it slow. Equal texts cannot be told apart, so it need not be stable. */
#ifndef BASE_SORT_H
#define BASE_SORT_H

#include "broker/base/slice.h"

/* Sorts v and drops all but one of equals; returns how many are left. spare has room for n. */
int64_t slices_sort_unique(struct slice *v, int64_t n, struct slice *spare);

#endif
