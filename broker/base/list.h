/* An intrusive, circular, doubly linked list. A node knows whether it is linked. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "broker/base/check.h"

struct list {
    struct list *next, *prev;
};

static inline void
list_init(struct list *l)
{
    l->next = l->prev = l;
}

/* Also true of a zeroed node that was never linked. */
static inline bool
list_is_empty(const struct list *l)
{
    return l->next == l || l->next == NULL;
}

static inline bool
list_is_linked(const struct list *n)
{
    return !list_is_empty(n);
}

static inline void
list_insert_before(struct list *at, struct list *n)
{
    n->prev = at->prev;
    n->next = at;
    at->prev->next = n;
    at->prev = n;
}

static inline void
list_push_back(struct list *l, struct list *n)
{
    list_insert_before(l, n);
}

static inline void
list_push_front(struct list *l, struct list *n)
{
    list_insert_before(l->next, n);
}

/* Harmless on a node that is not linked. */
static inline void
list_remove(struct list *n)
{
    if (!n->next) return;
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}

static inline struct list *
list_pop_front(struct list *l)
{
    struct list *n = l->next;
    if (n == l) return NULL;
    list_remove(n);
    return n;
}

#define LIST_ENTRY(n, type, member) CONTAINER_OF(n, type, member)
#define LIST_FIRST(l, type, member) \
    (list_is_empty(l) ? NULL : CONTAINER_OF((l)->next, type, member))
/* Safe against removal of `it` itself. */
#define LIST_EACH(l, it, type, member) \
    for (type *it = CONTAINER_OF((l)->next, type, member), \
              *it##_next_ = CONTAINER_OF(it->member.next, type, member); \
         &it->member != (l); \
         it = it##_next_, it##_next_ = CONTAINER_OF(it->member.next, type, member))

#endif
