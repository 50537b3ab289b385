/* Sets of partitions: sorted by topic id and index, so that two of them are compared, joined and taken apart in
 * one walk. What is assigned carries the epoch under which it was assigned (KIP-1251). */
#ifndef GROUP_TP_SET_H
#define GROUP_TP_SET_H

#include "broker/base/arena.h"
#include "broker/base/uuid.h"

struct tp {
    struct uuid topic;
    int32_t index;
    int32_t epoch;
};

struct tp_set {
    struct tp *v;
    int64_t n;
};

int tp_cmp(const struct tp *a, const struct tp *b);
/* Sorts what was gathered in any order, and drops what stands twice. spare has room for n. */
void tp_set_sort(struct tp_set *s, struct tp *spare);
/* NULL when it is not there. */
const struct tp *tp_set_find(const struct tp_set *s, struct uuid topic, int32_t index);
bool tp_set_has_topic(const struct tp_set *s, struct uuid topic);
/* Where the partitions of one topic end, which begin at `from`. */
int64_t tp_set_topic_end(const struct tp_set *s, int64_t from);
/* The same partitions; epochs do not count. */
bool tp_set_eq(const struct tp_set *a, const struct tp_set *b);
/* The same, with their epochs. */
bool tp_set_same(const struct tp_set *a, const struct tp_set *b);
bool tp_set_is_subset(const struct tp_set *part, const struct tp_set *whole);
bool tp_set_meets(const struct tp_set *a, const struct tp_set *b);

/* Results lie in the arena. Epochs are those of `a` where it has the partition. */
struct tp_set tp_set_and(struct arena *arena, const struct tp_set *a, const struct tp_set *b);
struct tp_set tp_set_minus(struct arena *arena, const struct tp_set *a, const struct tp_set *b);
struct tp_set tp_set_or(struct arena *arena, const struct tp_set *a, const struct tp_set *b);

/* A set that is kept: a copy in `mem` takes the place of *to. */
void tp_set_keep(struct mem *mem, struct tp_set *to, const struct tp_set *from);
void tp_set_free(struct mem *mem, struct tp_set *s);

#endif
