/* The log of one partition: batches in a directory of segment files, as Apache Kafka 4.4 lays them
 * out, so that its tools read ours and ours read its.
 *
 *     orders-0/00000000000000000000.log .index .timeindex [.txnindex]    a closed segment
 *              00000000000000004711.log .index .timeindex  .snapshot     the active one; producers at 4711
 *              leader-epoch-checkpoint  partition.metadata
 *
 * A log has three ends:  assigned ≥ written ≥ synced.
 *
 *     start            synced          written         assigned
 *       ├────────────────┼───────────────┼───────────────┤
 *         durable          page cache      in memory: given its offsets, waiting for the disk
 *
 * An append assigns offsets at once and returns. One write is in flight per log; what is appended
 * meanwhile is gathered into the next. Readers and followers see `written` only; what is answered and
 * counted for the high watermark is the settled end, which is `written` unless flush.messages wants it
 * synced first; the quorum counts its own `synced`. A failed write or sync takes the log offline for good: nothing
 * that was assigned is ever assigned again in this incarnation.
 *
 * Callbacks come from completions only, never from within a call made by the owner; within them
 * anything may be called. Sequence numbers: KIP-98. Leader epochs: KIP-101, 279, 320. */
#ifndef LOG_COMMITLOG_H
#define LOG_COMMITLOG_H

#include "broker/env/env.h"
#include "broker/log/cleanable.h"
#include "broker/log/epoch_cache.h"
#include "broker/log/missing_segments.h"
#include "broker/log/txn_index.h"

struct commitlog;
struct batch_header;
struct segment;
struct producer_state;

enum log_err {
    LOG_OK = 0,
    LOG_E_DUPLICATE,    /* one of its producer's last five batches; the append says which */
    LOG_E_OUT_OF_ORDER, /* sequence does not follow its producer's last */
    LOG_E_FENCED,       /* the producer's epoch is old */
    LOG_E_NO_ROOM,      /* of so many producers nothing more can be remembered (env/limits.h) */
    LOG_E_TXN_STATE,    /* not a batch that may come in the producer's present transaction */
    LOG_E_COORDINATOR_FENCED, /* a marker of a transaction coordinator that has a successor */
    LOG_E_OUT_OF_RANGE,       /* below the start or above the end */
    LOG_E_NOT_CONTIGUOUS,
    LOG_E_CORRUPT,   /* not whole, valid batches of magic 2 */
    LOG_E_TOO_LARGE, /* larger than a segment may be */
    LOG_E_BUSY,      /* being truncated, or not yet ready */
    LOG_E_CLOSED,
    LOG_E_OFFLINE, /* the disk failed: see commitlog_error() */
};
const char *log_err_text(enum log_err err);

/* Kafka's names, without prefix; shared by a topic's logs, may be changed at any time. */
struct log_config {
    int64_t segment_bytes, segment_ms, segment_jitter_ms;
    int64_t index_interval_bytes, segment_index_bytes;
    int64_t retention_bytes, retention_ms; /* -1: for ever */
    int64_t file_delete_delay_ms;
    /* When so many are written and not synced, a sync is begun, and what was written last is not settled
     * before that has ended. 1: with each write, as the quorum wants it. */
    int64_t flush_messages;
    int64_t flush_ms; /* commitlog_flush_if_due() */
    int64_t producer_expiration_ms;
    bool log_append_time; /* message.timestamp.type */
    bool compact, delete; /* cleanup.policy */
    /* Offsets may be missing: it is, or once was, compacted, here or at the leader from which it was copied. */
    bool may_have_gaps;
    int64_t lag_min_ms, lag_max_ms; /* min.compaction.lag.ms, max.compaction.lag.ms */
    int64_t delete_retention_ms;
    int64_t cleanable_ratio_min; /* min.cleanable.dirty.ratio, in millionths */
};
struct log_config log_config_default(void);

/* May be NULL, but ready. */
struct commitlog_ops {
    /* Once. On failure why says what was wrong with which file, for people; the log is offline. */
    void (*ready)(struct commitlog *log, enum log_err err, struct slice why);
    void (*written)(struct commitlog *log); /* commitlog_written_end() advanced */
    void (*synced)(
        struct commitlog *log); /* commitlog_synced_end() advanced, perhaps the settled end */
    /* Once: no further operation will succeed; those pending fail with LOG_E_OFFLINE. */
    void (*failed)(struct commitlog *log, enum env_err err);
    void (*start_moved)(struct commitlog *log); /* commitlog_start() advanced */
};

/* Something asked for that takes time; done once, unless the log's memory goes before. */
struct log_op {
    void (*done)(struct log_op *op, enum log_err err);
    struct list node;
    int64_t offset;
};

struct commitlog_params {
    struct slice dir;     /* of this partition, e.g. "data/orders-0"; copied. Its parent exists */
    struct slice name;    /* "orders-0": for notes and people; copied */
    struct uuid topic_id; /* zero: none. Put into partition.metadata, must agree with one found */
    const struct log_config *config; /* stays */
    const struct commitlog_ops *ops;
    void *owner;
    bool clean; /* the clean-shutdown marker was found: files are as they were left */
    /* When not clean: what lies below was synced and is not looked at again. At most the end that
     * was synced for the present contents: a checkpoint above a truncation must be lowered before
     * appending again. 0 is always right. */
    int64_t recovery_point;
    int64_t start_offset; /* from log-start-offset-checkpoint, 0 without one */
    int64_t cleaned_to;   /* from cleaner-offset-checkpoint, -1 without one */
    struct open_files
        *open_files; /* of all logs together (open_files.h); stays; NULL: no ceiling */
};

/* Private: a segment that is gone but for its files. */
struct retired {
    int64_t base_offset, since_ns;
};

enum commitlog_state {
    COMMITLOG_NEW,
    COMMITLOG_OPENING,
    COMMITLOG_OPEN,
    COMMITLOG_TRUNCATING,
    COMMITLOG_CLOSING,
    COMMITLOG_CLOSED,
    COMMITLOG_OFFLINE,
};

/* To be embedded or allocated; zeroed at first. Read through the functions below. */
struct commitlog {
    struct env *env;
    const struct log_config *config;
    const struct commitlog_ops *ops;
    void *owner;
    struct open_files *open_files;
    struct slice dir, name;
    struct uuid topic_id;
    enum commitlog_state state;
    enum env_err error;
    int32_t names_changed, names_synced; /* counts: equal when the directory is durable */
    bool epochs_dirty;                   /* leader epochs not yet durable */
    bool sync_after_roll, sync_again, parent_dirty;
    uint32_t guards_n; /* of transactions' beginnings, given out so far; goes round */
    int64_t start_offset, assigned_end, written_end, synced_end, settled_end;
    int64_t synced_ns;              /* when a sync ended last */
    VEC(struct segment *) segments; /* by base offset; the last one is active */
    struct epoch_cache epochs;
    struct txn_index aborted;
    struct producer_state *producers; /* NULL: never had one */
    struct list appended;             /* chunks waiting for their write */
    struct list waiting;              /* log_ops of commitlog_sync that wait for a sync to begin */
    struct list jobs;                 /* everything that is under way */
    struct log_job *writing, *syncing;
    VEC(int64_t) snapshots; /* offsets of the producer snapshots on disk */
    int32_t snapshots_saving;
    VEC(struct retired) retired; /* files renamed, to be removed later */
    /* What was found when it was opened: the directory had this topic's id, and other files (leader epochs; after a
     * stop in order names, too) told of offsets up to known_to. A log that has fewer records has lost files. */
    bool was_there, stopped_in_order;
    bool is_new; /* its directory was made then */
    int64_t known_to;
    VEC(struct log_hole) holes; /* found then, in order; those that are left */
    bool sweeping, retiring;
    int64_t cleaned_to;         /* what lies below has been cleaned; -1: never */
    struct clean_job *cleaning; /* NULL: not under way */
    bool cleaning_waits;        /* … until a job ends */
    bool is_uncleanable;        /* its last cleaning met something broken: not tried again */
    int32_t cuts;               /* truncations so far, of this opening */
    struct log_job *exclusive;  /* truncates or closes … */
    bool exclusive_waits;       /* … and goes on when the log is quiet */
};

/* Creates the directory if there is none; finds the end; after an unclean end cuts a bad tail, and
 * rebuilds indexes and producer state. ready() tells. */
void commitlog_open(struct commitlog *log, struct env *env, const struct commitlog_params *p);
/* Waits for what is under way, syncs, writes indexes and a producer snapshot, closes the files. After
 * done() (also with LOG_E_OFFLINE) nothing of the log is under way; then commitlog_release(). */
void commitlog_close(struct commitlog *log, struct log_op *op);
/* As close, but removes all files and the directory (renamed to "….UUID-delete" first). */
void commitlog_delete(struct commitlog *log, struct log_op *op);
/* Frees memory. The log must be closed, or never opened. */
void commitlog_release(struct commitlog *log);

/* ---- where it stands ---- */

static inline int64_t
commitlog_start(const struct commitlog *log)
{
    return log->start_offset;
}
/* The next offset to be assigned. */
static inline int64_t
commitlog_assigned_end(const struct commitlog *log)
{
    return log->assigned_end;
}
static inline int64_t
commitlog_written_end(const struct commitlog *log)
{
    return log->written_end;
}
/* Up to where Kafka's append would have returned: written, and synced as far as flush.messages asks for it
 * first (settled_end.h). Appends are answered up to here, and a follower asks for what comes after it. */
static inline int64_t
commitlog_settled_end(const struct commitlog *log)
{
    return log->settled_end;
}
/* Also what may be checkpointed as the recovery point. */
static inline int64_t
commitlog_synced_end(const struct commitlog *log)
{
    return log->synced_end;
}
static inline enum env_err
commitlog_error(const struct commitlog *log)
{
    return log->error;
}
/* Bytes of all segments. */
int64_t commitlog_size_bytes(const struct commitlog *log);

/* ---- append ---- */

enum append_origin {
    APPEND_CLIENT,      /* sequences and producer epochs are checked */
    APPEND_COORDINATOR, /* what coordinators have decided: transaction markers (of which the epochs are
                         * checked), group and quorum records */
};

struct log_append {
    const struct seg *segs; /* each holds one or more whole batches; referenced, never changed */
    int32_t segs_n;
    int32_t leader_epoch;
    enum append_origin origin;
    /* Of a client's transactional batch: what commitlog_verify_txn() gave. */
    uint64_t guard;
    bool unverified; /* taken without one: transaction.partition.verification.enable=false */
    /* Of a marker: of the transaction that it ends. */
    int8_t txn_version;
    /* What came of it; of a duplicate: the original's. */
    int64_t base_offset, last_offset;
    int64_t append_time_ms; /* -1 unless message.timestamp.type is LogAppendTime */
};

/* As leader: assigns offsets, all or nothing. Batches have been validated (batch.h); their headers are
 * copied and given base offset, leader epoch and, if so configured, append time (with a new CRC).
 * LOG_E_DUPLICATE holds for the whole append: a client sends one batch per partition. */
enum log_err commitlog_append(struct commitlog *log, struct log_append *a);

/* As follower: batches that have their offsets and epochs, from the assigned end on. An incomplete
 * batch at the end of a seg is left out. CRCs are checked; batches of a leader epoch greater than
 * leader_epoch_max are not taken (KAFKA-17431). On failure what came before the bad batch is appended;
 * commitlog_assigned_end() says how far. */
enum log_err commitlog_append_fetched(struct commitlog *log, const struct seg *segs, int32_t n,
                                      int32_t leader_epoch_max);

/* All that is written at the time of the call becomes durable: bytes, names and leader epochs. op may
 * be NULL. One sync is in flight; who comes meanwhile joins the next. */
void commitlog_sync(struct commitlog *log, struct log_op *op);

/* As leader: empty batches up to an offset above the end, where there were records that are gone. So no offset is
 * given out twice, and who reads passes on. (Kafka's cleaner leaves such batches, so clients know them.) */
enum log_err commitlog_append_nothing(struct commitlog *log, int64_t up_to, int32_t leader_epoch);

/* Now and then (log.flush.scheduler.interval.ms): begins a sync if there is something to be synced and the
 * last one is flush.ms ago. */
void commitlog_flush_if_due(struct commitlog *log);

/* ---- read ---- */

/* A run of whole batches in a file. It holds on to the file until it is released: hand it to
 * conn_send() (which pins by itself), then release. */
struct log_range {
    struct segment *segment; /* NULL: empty */
    struct file *file;
    int64_t offset, n; /* bytes within the file */
    int32_t cuts;
};
void log_range_release(struct log_range *r);
/* All offsets in it lie below this one; not much above the last of them. */
int64_t log_range_end_offset(const struct log_range *r);
/* False when a truncation has passed since: such a range must not be sent any more. */
bool log_range_is_valid(const struct log_range *r);

struct log_read {
    void (*done)(struct log_read *r);
    int64_t offset;
    int64_t limit; /* no batch with an offset at or above it; written_end bounds as well */
    int64_t max_bytes;
    bool min_one; /* the first batch even if it exceeds max_bytes */
    bool yields;  /* LOG_E_BUSY when too many files are held by answers (open_files.h) */
    /* What came of it: LOG_OK, LOG_E_OUT_OF_RANGE, LOG_E_OFFLINE, LOG_E_CLOSED, LOG_E_BUSY: ask again. */
    enum log_err err;
    struct log_range range; /* n == 0: nothing there (yet); first batch may begin below offset */
    struct log_job *job;
};
/* True: r is filled in now and done() will not be called. A range never crosses a segment. Truncation fails reads that are under way with LOG_E_OUT_OF_RANGE. */
bool commitlog_read(struct commitlog *log, struct log_read *r);
/* done() will not be called. Harmless when not under way. */
void log_read_cancel(struct log_read *r);

/* Reads bytes into memory: whole batches. */
struct log_load {
    void (*done)(struct log_load *l);
    struct log_read read; /* offset, limit, max_bytes, min_one are the caller's; err */
    int64_t next_offset;  /* after the last batch: where to go on; offset if there is none */
    struct buf *buf;      /* one reference, the caller's; NULL on error or when nothing is there */
    struct log_job *job;
};
void commitlog_load(struct commitlog *log, struct log_load *l);
void log_load_cancel(struct log_load *l);

/* The first record with a timestamp at or above `timestamp` below `limit`; or with LOG_TIMESTAMP_MAX
 * the (first) record with the greatest timestamp, which is one without timestamp (-1) if no record has any.
 * What lies below the log start does not count. */
#define LOG_TIMESTAMP_MAX (-3)
struct log_lookup {
    void (*done)(struct log_lookup *l);
    int64_t timestamp, limit;
    enum log_err err;
    int64_t offset, found_timestamp; /* -1, -1: there is none */
    int32_t leader_epoch;            /* of its batch, or -1 */
    struct log_job *job;
};
void commitlog_lookup(struct commitlog *log, struct log_lookup *l);
void log_lookup_cancel(struct log_lookup *l);

/* ---- holes ---- */

/* The first one: records that were here and are gone, though what follows is here. False: none is known. */
bool commitlog_first_hole(struct commitlog *log, struct log_hole *ret);
/* It begins at `from` or, if that is its end, is none: the leader does not have more, either. */
void commitlog_shrink_hole(struct commitlog *log, int64_t from);

/* ---- leader epochs ---- */

/* -1: none yet. */
int32_t commitlog_latest_epoch(const struct commitlog *log);
/* A leader begins: (epoch, assigned end), also if nothing is appended (KAFKA-7415). That later epochs began in the log is forgotten: one of
 * them has rotted (no checksum covers it), or the metadata log is an old one; in Kafka, too, the leader's epoch is what counts. */
void commitlog_begin_epoch(struct commitlog *log, int32_t epoch);
/* (largest epoch ≤ asked, its end offset), (-1, -1) if unknown; end of the latest: end_offset. */
struct epoch_end commitlog_epoch_end(const struct commitlog *log, int32_t epoch,
                                     int64_t end_offset);
/* Of the last batch before the assigned end, or the latest epoch of an empty log. */
int32_t commitlog_epoch_at(const struct commitlog *log, int64_t offset);

/* ---- cutting ---- */

/* Removes all batches that reach to offset or above; the new end is at most offset. Breaks connections
 * that still send of what goes. Until done(), appends fail with LOG_E_BUSY. Epoch cache and producer
 * state follow. Waits for the write and sync in flight. At or above the end: only epochs are cut. */
void commitlog_truncate(struct commitlog *log, int64_t offset, struct log_op *op);
/* Removes everything; the next offset is `offset`. */
void commitlog_truncate_fully(struct commitlog *log, int64_t offset, struct log_op *op);
/* DeleteRecords, and a follower's leader that said so. Never goes back; at most the written end.
 * False: above it. */
bool commitlog_advance_start(struct commitlog *log, int64_t offset);
/* Now and then (log.retention.check.interval.ms): deletes segments past retention (and below both the
 * high watermark and the log start), removes files whose delay is over, forgets old producers. */
void commitlog_sweep(struct commitlog *log, int64_t high_watermark);

/* ---- cleaning (compaction) ---- */

/* What there is to clean now; asked before each cleaning. LOG_E_BUSY: the log is being cut or closed. */
struct log_look {
    void (*done)(struct log_look *l);
    int64_t stable_offset; /* nothing at or above it is cleaned (commitlog_stable_offset) */
    enum log_err err;
    struct cleanable found;
};
/* False: there is nothing, for certain, and done() will not be called. */
bool commitlog_look_cleanable(struct commitlog *log, struct log_look *l);

/* One cleaning: of each key only the last record stays, in all segments up to range.first_uncleanable. Segment after
 * segment (or a group of small ones) is written anew and put in the place of what it was made from, so that
 * a crash at any moment loses nothing; readers go on with what they hold. A truncation or a close ends it
 * early; retention waits for it. One that meets something broken leaves that as it is: the log is marked as
 * not cleanable. */
struct log_clean {
    void (*done)(struct log_clean *c);
    struct cleanable range;
    int64_t map_bytes,
        map_load_millionths;  /* log.cleaner.dedupe.buffer.size, io.buffer.load.factor */
    int64_t window_bytes;     /* log.cleaner.io.buffer.size */
    int64_t payload_max;      /* what one batch may come to in memory */
    int64_t bytes_per_second; /* log.cleaner.io.max.bytes.per.second */
    /* What came of it. */
    enum log_err err;  /* LOG_E_BUSY: ended early; LOG_E_CORRUPT: not cleanable */
    struct slice why;  /* for people; in scratch memory */
    int64_t round_end; /* everything below has been cleaned */
    int64_t bytes_before, bytes_after, records_before, records_after;
};
/* LOG_E_BUSY, LOG_E_CLOSED, LOG_E_OFFLINE: done() will not be called. */
enum log_err commitlog_clean(struct commitlog *log, struct log_clean *c);
/* Up to where it has been cleaned: what cleaner-offset-checkpoint says; -1: never. */
static inline int64_t
commitlog_cleaned_to(const struct commitlog *log)
{
    return log->cleaned_to;
}

/* ---- producers ---- */

/* A client's transactional batch: 0 in *ret_guard when its transaction is open in this log already; else the
 * coordinator is to be asked, and the batch then appended with this guard (verification.h). LOG_E_FENCED: of an
 * older producer epoch; LOG_E_NO_ROOM. */
enum log_err commitlog_verify_txn(struct commitlog *log, const struct batch_header *h,
                                  bool raises_epochs, uint64_t *ret_guard);

/* Largest offset below which every transaction is decided (and, its marker being below the high
 * watermark, visibly so); at most high_watermark. */
int64_t commitlog_stable_offset(const struct commitlog *log, int64_t high_watermark);
/* Transactions that were aborted and have offsets in [from, to): for readers of committed records. In
 * scratch memory. */
int32_t commitlog_aborted(const struct commitlog *log, int64_t from, int64_t to, struct arena *a,
                          struct aborted_txn **ret);

#endif
