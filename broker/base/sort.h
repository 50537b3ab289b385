/* Sorts what others have sent: a peer chooses how much there is and in which order, so no order may make it slow. */
#ifndef BASE_SORT_H
#define BASE_SORT_H

#include "broker/base/slice.h"

/* As strcmp(): below, at or above 0. */
typedef int item_cmp(const void *a, const void *b, const void *ctx);

/* Equal items stay in their order. spare has room for as many items. What is sorted already costs n comparisons. */
void merge_sort(void *v, int64_t n, int64_t item_bytes, item_cmp *cmp, const void *ctx,
                void *spare);
/* The same, and all but the first of equals are dropped; returns how many are left. */
int64_t merge_sort_unique(void *v, int64_t n, int64_t item_bytes, item_cmp *cmp, const void *ctx,
                          void *spare);

/* Texts, by slice_cmp(). */
int64_t slices_sort_unique(struct slice *v, int64_t n, struct slice *spare);

#endif
