/* The queue of what a connection has to send. */
#ifndef OS_QUEUE_H
#define OS_QUEUE_H

#include "broker/os/socket.h"

/* Takes the references of the buffers; refers to the files. */
void os_queue_push(struct os_queue *q, const struct seg *segs, int32_t n);
void os_queue_release(struct os_queue *q);
bool os_queue_has_range_past(const struct os_queue *q, const struct os_file *f, int64_t cut);
static inline struct os_piece *
os_queue_at(const struct os_queue *q, int32_t i)
{
    return &q->v[q->head + i];
}

/* The connection goes; NULL is allowed. */
void os_prefetch_forget(struct os_prefetch *p);
/* Sends as much as the kernel takes. false: the connection has failed, with *ret_why. */
bool os_queue_flush(struct os_sock *s, enum env_err *ret_why);

#endif
