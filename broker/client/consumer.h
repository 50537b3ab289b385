/* The consumer: partitions are assigned by hand (or as a group says: membership.h), each has a position,
 * and what is fetched comes by callback, one batch at a time, in order.
 *
 *      consumer_assign ─► looks for its offset ─► fetches from the leader (or a named replica) ─► records()
 *                              ▲                        │
 *                              └── out of range: by policy
 *
 * Each fetch names the leader epoch that we know of and the epoch of the last record that we had (KIP-320),
 * so that the broker can tell that its log has diverged from what was read: truncated() says so, and
 * reading goes on where the logs parted.
 *
 * Checksums are checked, control batches and aborted transactions (read_committed) are skipped. */
#ifndef CLIENT_CONSUMER_H
#define CLIENT_CONSUMER_H

#include "broker/client/client.h"
#include "broker/record/record.h"

struct consumer;
struct assigned; /* one partition of a consumer */

enum reset_policy { RESET_EARLIEST, RESET_LATEST, RESET_NONE };

/* The records of one batch from the position on; valid during the call. */
struct polled {
    struct slice topic;
    int32_t partition;
    int32_t leader_epoch; /* of the batch */
    struct uuid
        topic_id; /* of the topic that was read, of all that had this name; zero: it was asked for by name */
    const struct record *records;
    int32_t records_n;
    int64_t high_watermark; /* as the answer had it */
    int64_t next_offset;    /* the position after this */
};

/* Any may be NULL. Within a callback the consumer may be told anything but to unassign another one. */
struct consumer_ops {
    void (*records)(void *owner, struct assigned *a, const struct polled *p);
    /* An answer without records: the position is at (or above) this end. */
    void (*at_end)(void *owner, struct assigned *a, int64_t position, int64_t high_watermark);
    /* The log diverged from what was read: records from end_offset on (of epoch and above) are gone. */
    void (*truncated)(void *owner, struct assigned *a, int64_t position, int32_t epoch,
                      int64_t end_offset);
    /* The position fell out of the log, or is one of another topic that had this name; with RESET_NONE the partition then waits
     * for a seek. */
    void (*out_of_range)(void *owner, struct assigned *a, int64_t position);
    /* What came is no batch, or its checksum differs, or it cannot be decompressed. It is fetched again. */
    void (*corrupt)(void *owner, struct assigned *a, int64_t offset, enum batch_err err);
    /* An error code, or K_ERR_NETWORK_EXCEPTION; it goes on trying. */
    void (*error)(void *owner, struct assigned *a, int16_t error);
    /* seek by offset name or time found its offset. */
    void (*positioned)(void *owner, struct assigned *a, int64_t offset);
};

struct consumer_params {
    const struct consumer_ops *ops;
    void *owner;
    int32_t min_bytes;           /* 1 */
    int32_t max_wait_ms;         /* 500 */
    int32_t max_bytes;           /* 50 MiB */
    int32_t partition_max_bytes; /* 1 MiB */
    bool read_committed;
    enum reset_policy reset; /* RESET_EARLIEST */
    struct slice rack;       /* client.rack; null: none. It outlives the consumer */
    int64_t request_timeout_ms;
};
struct consumer_params consumer_params_default(void);
struct consumer *consumer_new(struct client *c, const struct consumer_params *p);

/* From OFFSET_EARLIEST, OFFSET_LATEST or a position. node_id -1: from the leader, whoever it is, or the replica to
 * which it sends those of our rack (KIP-392); else always from this replica. */
struct assigned *consumer_assign(struct consumer *r, struct slice topic, int32_t partition,
                                 int64_t offset, int32_t node_id);
/* It is of the topic with this id, and waits where another one has its name. */
void assigned_of_topic(struct assigned *a, struct uuid id);
/* Nothing more comes of it; not to be named any more. */
void consumer_unassign(struct assigned *a);
int32_t assigned_partition(const struct assigned *a);
/* The next offset to be read; -1: not known yet. */
int64_t assigned_position(const struct assigned *a);
void *assigned_user(const struct assigned *a);
void assigned_set_user(struct assigned *a, void *user);
void assigned_seek(struct assigned *a, int64_t offset); /* or OFFSET_EARLIEST, OFFSET_LATEST */
/* To a position behind a record of this leader epoch (-1: not known), as it was committed. */
void assigned_seek_epoch(struct assigned *a, int64_t offset, int32_t leader_epoch);
void assigned_seek_time(struct assigned *a, int64_t at_ms);
void assigned_pause(struct assigned *a);
void assigned_resume(struct assigned *a);

#endif
