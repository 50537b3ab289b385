#include "broker/log/open_files.h"

#include "broker/log/internal.h"

#define LOOKED_AT_MAX 8 /* at each opening or use of a file */

void
open_files_init(struct open_files *t, int64_t max)
{
    *t = (struct open_files){.max = max};
    list_init(&t->lru);
}

static void
let_go(struct segment *s)
{
    segment_drop_index(s);
    VEC_RELEASE(&s->env->mem, &s->recent);
    segment_close_file(s);
}

static void
to_the_end(struct open_files *t, struct segment *s)
{
    list_remove(&s->by_use);
    list_push_back(&t->lru, &s->by_use);
}

/* Busy ones and those that are to be synced come around again. `used` is not to be closed. */
static void
close_some(struct open_files *t, struct segment *used)
{
    for (int i = 0; i < LOOKED_AT_MAX && t->n > t->max; i++) {
        struct segment *s = LIST_ENTRY(t->lru.next, struct segment, by_use);
        bool is_busy = s == used || s->pins || s->written != s->size;
        to_the_end(t, s);
        if (is_busy) continue;
        if (!s->dirty) let_go(s);
        else if (s->log && s->log->state == COMMITLOG_OPEN) commitlog_sync(s->log, NULL);
    }
}

void
open_files_add(struct open_files *t, struct segment *s)
{
    list_push_back(&t->lru, &s->by_use);
    t->n++;
    close_some(t, s);
}

void
open_files_touch(struct open_files *t, struct segment *s)
{
    to_the_end(t, s);
    close_some(t, s);
}

void
open_files_remove(struct open_files *t, struct segment *s)
{
    list_remove(&s->by_use);
    t->n--;
}
