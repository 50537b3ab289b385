/* The producer: records go into batches by partition, batches go out when they are full or old enough,
 * and every send ends exactly once with what is known of it.
 *
 *      producer_send ─► partition chosen ─► batch (open) ──full or lingered──► compressed ─► sent ─► answered
 *      (copies)         key: murmur2                                             ▲             │
 *                       none: sticky                                             └── backoff ──┘ retriable
 *
 * What a send ends with (the distinction that a checker lives on):
 *      SEND_OK       the broker acknowledged it as acks demands. offset -1: it was a duplicate of an
 *                    attempt that had been stored (its offset is not known), or acks=0
 *      SEND_FAILED   it is surely not in the log: every attempt was refused before anything was appended
 *      SEND_UNKNOWN  it may be there or come to be there: some attempt timed out, lost its connection or
 *                    was answered with an error that can follow an append. See outcome.h
 *
 * With idempotence (KIP-98) each partition counts its batches' sequences; retries keep them and go out in
 * order; a hole that cannot be filled any more is left behind by raising the epoch (KIP-360). */
#ifndef CLIENT_PRODUCER_H
#define CLIENT_PRODUCER_H

#include "broker/client/client.h"
#include "broker/record/record.h"

struct producer;

struct producer_params {
    int16_t acks;               /* -1 all, 0, 1: -1 */
    bool idempotent;            /* true; needs acks = -1 and at most 5 in flight */
    int32_t max_in_flight;      /* requests per connection: 5 */
    int64_t batch_bytes;        /* 16,384 */
    int64_t linger_ms;          /* 5 */
    int64_t request_timeout_ms; /* 30,000 */
    int64_t ack_timeout_ms; /* how long the leader may wait for replicas; 0: request_timeout_ms */
    int64_t delivery_timeout_ms; /* 120,000: from producer_send to the end */
    int32_t retries;             /* INT32_MAX */
    int64_t buffer_bytes;        /* 32 MiB */
    int64_t max_request_bytes;   /* 1 MiB */
    enum codec codec;
    int32_t codec_level; /* 0: the codec's default */
};
struct producer_params producer_params_default(void);

/* NULL: parameters that contradict each other. */
struct producer *producer_new(struct client *c, const struct producer_params *p);

enum send_result { SEND_PENDING, SEND_OK, SEND_FAILED, SEND_UNKNOWN };

/* The owner's, pending until done(). */
struct send {
    void (*done)(struct send *s); /* set by the owner; it may send again from here */
    void *owner;
    enum send_result result;
    int16_t error;     /* of the last attempt: K_ERR_… */
    int32_t partition; /* -1: never chosen */
    int64_t offset;    /* -1: not known */
    int32_t node_id;   /* the broker that was asked last; -1: none */
    int64_t timestamp; /* of the record, or of the append if the topic says so */
    struct uuid
        topic_id; /* SEND_OK: of the topic that it was sent to, of all that had this name; zero: it was sent by name */
    struct list node; /* the producer's */
    int32_t at;       /* in its batch */
};

struct producer_record {
    struct slice topic;
    int32_t partition;       /* -1: by key, or any */
    struct slice key, value; /* may be null */
    const struct record_header *headers;
    int32_t headers_n;
    int64_t timestamp; /* -1: now */
};

/* Copies the record. False: the buffer is full (wait for an end of others) or the record is larger than
 * max_request_bytes; nothing has been queued. done() is never called within this. */
bool producer_send(struct producer *p, struct send *s, const struct producer_record *r);
/* Sends not yet ended. */
int64_t producer_pending(const struct producer *p);
/* Sends everything at once; flushed() is called in a later step when nothing is pending any more. One at
 * a time. */
void producer_flush(struct producer *p, void (*flushed)(struct producer *p, void *ctx), void *ctx);

struct producer_stats {
    int64_t records, batches, requests, retries,
        bytes; /* bytes: of batches as sent, retries included */
    int64_t epoch_bumps;
};
const struct producer_stats *producer_stats(const struct producer *p);

#endif
