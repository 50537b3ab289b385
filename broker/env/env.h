/* The seam between a machine (a broker, a controller, a client: everything that decides) and the body
 * that runs it (the simulator or the operating system).
 *
 * A machine takes one event, runs to the end, and leaves a queue of effects. It never calls out: it
 * asks for things through the functions below, each of which only queues an effect; the answer is a
 * later event, never within the step. Time is frozen during a step.
 *
 *      body                                       machine
 *      env_deliver(env, event)  ───────────────►  continuation of the operation, connection, timer …
 *      env_effects(env)         ◄───────────────  conn_send(), file_write(), timer_arm(), note() …
 *
 * Operations are small structs that the machine owns. They have a continuation (`done`), an ordinal
 * (counting from 1 in each machine: what recordings name) and exactly one completion. An object with
 * operations pending stays where it is until they are done.
 *
 * A machine is freed by releasing its memory, in any state; before that the body detaches it, that is,
 * it forgets every pointer into it. */
#ifndef ENV_ENV_H
#define ENV_ENV_H

#include "broker/base/arena.h"
#include "broker/base/bytes.h"
#include "broker/base/crc32c.h"
#include "broker/base/heap.h"
#include "broker/base/map.h"
#include "broker/base/uuid.h"
#include "broker/env/buf.h"
#include "broker/env/limits.h"
#include "broker/env/marks.h"
#include "broker/env/notes.h"

struct env;
struct conn;
struct listener;

#define NS_PER_MS 1000000LL
#define YEAR_MS (365LL * 24 * 3600 * 1000)
/* For settings, which may be so long that they mean never: at most a hundred years, which can be added to the
 * present time. */
static inline int64_t
ns_of_ms(int64_t ms)
{
    return (ms < 100 * YEAR_MS ? ms : 100 * YEAR_MS) * NS_PER_MS;
}
#define NS_PER_S 1000000000LL
#define TIME_NEVER INT64_MAX

/* Why an operation failed. */
enum env_err {
    ENV_OK = 0,
    ENV_EIO,          /* the device failed; after a failed sync the file is poisoned for good */
    ENV_ENOSPC,       /* no space left */
    ENV_ENOENT,       /* no such file or directory */
    ENV_EEXIST,       /* exists already */
    ENV_ENOTEMPTY,    /* directory not empty */
    ENV_EACCES,       /* not permitted */
    ENV_EMFILE,       /* too many open files: an operation waits and is asked for again (env.c) */
    ENV_ELOCKED,      /* somebody else holds the lock */
    ENV_EINVAL,       /* not a thing that can be done to this file */
    ENV_ECANCELED,    /* given up by the machine itself */
    ENV_EHOST,        /* name not known */
    ENV_ECONNREFUSED, /* nobody listens there */
    ENV_ETIMEDOUT,    /* no answer from the other end's machine */
    ENV_ECONNRESET,   /* the other end broke the connection */
    ENV_EOF,          /* the other end closed the connection in order */
    ENV_EADDRINUSE,   /* the port is taken */
    ENV_ECORRUPT,     /* work: input that cannot be decompressed */
    ENV_ETOOBIG,      /* work: output would exceed its ceiling */
};
/* "no space left on device" … */
const char *env_err_text(enum env_err err);

/* ---- time ------------------------------------------------------------------------------------ */

struct timer {
    struct heap_node node;
    void (*due)(struct timer *t);
};

/* At `deadline_ns` of env_now_ns(), or at once if that is past. Arms anew if armed. Timers that are
 * due at the same time come in the order in which they were armed. */
void timer_arm(struct env *env, struct timer *t, int64_t deadline_ns);
/* After this `due` is not called. Harmless on a timer that is not armed. */
void timer_cancel(struct env *env, struct timer *t);
static inline bool
timer_is_armed(const struct timer *t)
{
    return heap_has(&t->node);
}

/* Work that goes on in a later step at the same time; first queued, first run. */
struct task {
    struct list node;
    void (*run)(struct task *t);
};
/* Harmless on a task that is queued already. */
void defer(struct env *env, struct task *t);
void defer_cancel(struct task *t);

/* ---- operations ------------------------------------------------------------------------------- */

enum op_kind {
    OP_IDLE,
    OP_OPEN,
    OP_CLOSE,
    OP_READ,
    OP_WRITE,
    OP_SYNC,
    OP_TRUNCATE,
    OP_LOCK,
    OP_MKDIR,
    OP_RMDIR,
    OP_LIST,
    OP_RENAME,
    OP_UNLINK,
    OP_SYNC_DIR,
    OP_FREE_SPACE,
    OP_WORK,
};

enum work_kind {
    WORK_COMPRESS,
    WORK_DECOMPRESS,
    WORK_CRC32C,
    WORK_MATCH,
    WORK_SCRAM_KEYS,
    WORK_SCRAM_CHECK,
    WORK_SCRAM_PROVE
};

/* Codecs have the numbers of the batch attributes. */
enum codec { CODEC_NONE, CODEC_GZIP, CODEC_SNAPPY, CODEC_LZ4, CODEC_ZSTD };

/* A piece of what is written or sent: bytes of a buffer, or (sends only) a range of a file. */
struct seg {
    struct buf *buf; /* holds `bytes` */
    struct slice bytes;
    struct file *file; /* when buf is NULL */
    int64_t offset, n;
};

struct op {
    void (*done)(struct op *op); /* set by the owner before the operation is queued */
    struct env *env;
    struct list node; /* among the pending */
    uint64_t ordinal;
    enum op_kind kind; /* OP_IDLE unless pending; set back before done() is called */

    /* What is asked. */
    struct file *file;
    struct slice path, path2; /* copies, with a NUL behind them */
    int64_t offset, n;
    int32_t flags;
    struct seg *segs; /* copies, with references, of what is written */
    int32_t segs_n;
    enum work_kind work;
    enum codec codec;
    int32_t level; /* of compression; 0: the codec's default */

    /* What came of it. */
    enum env_err err;
    int64_t value;   /* bytes read; size of an opened file; free bytes; the CRC */
    struct buf *buf; /* read: the caller's target. list and work: a new buffer; the op's owner has
                        the reference and unrefs it */
};

static inline bool
op_is_pending(const struct op *op)
{
    return op->kind != OP_IDLE;
}

/* ---- disk ------------------------------------------------------------------------------------- */

/* Paths are relative to the machine's disk or absolute, '/'-separated. Completions come in any order,
 * except that operations on one file that would conflict are the machine's own duty: overlapping
 * writes in flight are a bug. Durable are: bytes, after a sync that was queued after their write had
 * completed; a name (created, renamed, removed), after its directory's sync. */

struct file {
    struct env *env;
    void *slot; /* the body's */
    uint64_t handle;
    bool is_open;
    bool is_brief; /* one of those that take turns */
};

enum {
    OPEN_READ = 1,
    OPEN_WRITE = 2,
    OPEN_CREATE = 4,
    OPEN_EXCLUSIVE = 8,
    OPEN_TRUNCATE = 16,
    /* Read or written whole and closed at once, without need of another file meanwhile: of such files
     * BRIEF_FILES_MAX are open at a time, the others wait for their turn. */
    OPEN_BRIEF = 32,
};
#define BRIEF_FILES_MAX 16

/* value: the size. Descriptors are few: as long as there is none, an operation that needs one stays
 * pending. */
void file_open(struct env *env, struct op *op, struct file *f, struct slice path, int32_t flags);
/* Ranges being sent keep the file's bytes alive. */
void file_close(struct op *op, struct file *f);
/* Reads up to n bytes at offset into target->data + at (target->n is not changed); value: how many;
 * fewer at the end of the file or, rarely, anywhere. The op holds a reference to target while it is
 * pending; op->buf stays set to it (without a reference of its own) in done(). */
void file_read(struct op *op, struct file *f, int64_t offset, struct buf *target, int64_t at,
               int64_t n);
/* Writes all or fails. */
void file_write(struct op *op, struct file *f, int64_t offset, const struct seg *segs, int32_t n);
/* Covers the writes completed before it was queued. */
void file_sync(struct op *op, struct file *f);
void file_truncate(struct op *op, struct file *f, int64_t size);
/* Before a truncation: breaks connections that still have a range of f past `cut` to send. */
void file_break_ranges(struct file *f, int64_t cut);

void dir_make(struct env *env, struct op *op, struct slice path);
void dir_remove(struct env *env, struct op *op, struct slice path);
/* buf: the entries, sorted by the bytes of their names; dir_next() takes them out. */
void dir_list(struct env *env, struct op *op, struct slice path);
struct dir_entry {
    bool is_dir;
    int64_t size;
    int64_t modified_ms; /* wall clock: when it was written to last */
    struct slice name;
};
/* False when there is none left. */
bool dir_next(struct reader *r, struct dir_entry *ret);
/* For bodies. */
void dir_print(struct writer *w, const struct dir_entry *e);
#define DIR_ENTRY_HEAD_BYTES 21 /* beside the name */
/* Makes created, renamed and removed names in the directory durable. */
void dir_sync(struct env *env, struct op *op, struct slice path);
/* Replaces the target. */
void path_rename(struct env *env, struct op *op, struct slice from, struct slice to);
void path_unlink(struct env *env, struct op *op, struct slice path);
/* Creates the file if need be; held until the machine ends. ENV_ELOCKED if another process has it. */
void path_lock(struct env *env, struct op *op, struct slice path);
/* value: free bytes of the file system. */
void path_free_space(struct env *env, struct op *op, struct slice path);

/* ---- work ------------------------------------------------------------------------------------- */

/* Long computations on immutable input. compress, decompress: buf has the output, at most ceiling
 * bytes (ENV_ETOOBIG otherwise). crc32c: value. match: the first segment is a regular expression, the
 * second names, a line each; buf has the lines that match as a whole, ENV_EINVAL: it is none.
 * scram_…: level is 256 or 512, of SHA-2; what goes in, a segment each, and what comes out stands in
 * work/scram.c; ENV_EINVAL: a proof is wrong, or it cannot be computed. */
void work_queue(struct env *env, struct op *op, enum work_kind kind, enum codec codec,
                int32_t level, const struct seg *segs, int32_t n, int64_t ceiling_bytes);

/* ---- network ---------------------------------------------------------------------------------- */

struct accepted {
    uint64_t handle;
    struct slice peer;      /* "127.0.0.1:40312": for people */
    struct slice principal; /* "User:ANONYMOUS" */
};

/* What the body asks its kernel for; 0: as it is. */
struct socket_buffers {
    int32_t send_bytes, receive_bytes;
};

struct listener {
    /* port: the one bound, also when 0 was asked for. */
    void (*listening)(struct listener *l, enum env_err err, int32_t port);
    /* Calls conn_accept(), or the connection is closed. */
    void (*accepted)(struct listener *l, const struct accepted *a);
    struct socket_buffers buffers; /* of what it accepts */
    struct env *env;
    void *slot;
    uint64_t handle;
};

void net_listen(struct env *env, struct listener *l, struct slice host, int32_t port);
/* No event follows. */
void net_unlisten(struct listener *l);

struct conn_ops {
    void (*connected)(struct conn *c);
    /* data lies in `from`; take a reference to keep it. */
    void (*bytes)(struct conn *c, struct slice data, struct buf *from);
    /* May be NULL. After conn_send() said false: there is room again. */
    void (*writable)(struct conn *c);
    /* The last event of a connection, always; also after conn_close(), and of one that never came
     * to be. From here on the object is the owner's again. */
    void (*closed)(struct conn *c, enum env_err why);
};

enum conn_state { CONN_IDLE, CONN_CONNECTING, CONN_OPEN, CONN_CLOSING };

/* A byte stream as TCP is: bytes may be cut and merged anywhere, never reordered or lost within. */
struct conn {
    const struct conn_ops *ops;
    struct env *env;
    void *slot; /* the body's */
    uint64_t handle;
    enum conn_state state;
    bool paused;
    bool wants_writable;
    struct socket_buffers buffers;
    int64_t unsent_bytes; /* known not to be taken by the other side's kernel; an upper bound */
    struct buf *lent;     /* where the next bytes are to go */
    int64_t lent_at;
};

#define CONN_HIGH_WATER_BYTES (1 << 20)
#define CONN_LOW_WATER_BYTES (1 << 18)

/* c->ops is set by the caller. */
void conn_connect(struct env *env, struct conn *c, struct slice host, int32_t port);
/* Within listener.accepted only. */
void conn_accept(struct listener *l, struct conn *c, const struct accepted *a);
/* One or more whole frames, in order; buffers are referenced until they are taken. Returns false when
 * more is unsent than the high-water mark: hold back until writable(). Bytes sent to a connection
 * that is not open are dropped: its closed() is under way. */
bool conn_send(struct conn *c, const struct seg *segs, int32_t n);
/* writable() will be called, as if conn_send() had said false. */
void conn_want_writable(struct conn *c);
/* Stops and resumes bytes(). `closed` may come late while paused. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);
/* Lends a buffer for what comes next, from `at` to its cap: bytes() then gives slices of it. Lasts
 * until it is full or another one is lent. */
void conn_lend(struct conn *c, struct buf *b, int64_t at);
/* Gives up what is unsent. closed() follows in a later step. Harmless when closing already. */
void conn_close(struct conn *c);

/* ---- chance ----------------------------------------------------------------------------------- */

/* One stream for each purpose, so that a draw more of one kind does not change another kind's. */
enum stream {
    STREAM_UUID,
    STREAM_ELECTION,
    STREAM_JITTER,
    STREAM_PLACEMENT,
    STREAM_PARTITIONER,
    STREAM_WORKLOAD,
    STREAM_MEMBER_ID,
    STREAM_FETCH_SESSION,
    STREAM_NONCE,
    STREAMS_N,
};

uint64_t env_random(struct env *env, enum stream s);
/* Evenly in [0, n); n > 0. */
int64_t env_random_below(struct env *env, enum stream s, int64_t n);
struct uuid env_random_uuid(struct env *env);
/* The same from a stream of its own, so that it takes nothing from the others' draws. */
struct uuid env_random_uuid_of(struct env *env, enum stream stream);

/* ---- limits ------------------------------------------------------------------------------------ */

/* May more be remembered for this purpose? */
bool env_has_room(const struct env *env, enum purse purse);

/* ---- notes and the end ------------------------------------------------------------------------ */

/* A fact for the trace; never decides anything. Up to six numbers, named in notes.h. A body may want
 * none, or leave out kinds that it has no use for. */
#define NOTE(env, kind, subject, text, ...) \
    (note_is_wanted((env), (kind)) \
         ? note_queue((env), (kind), (subject), (text), (const int64_t[]){__VA_ARGS__}, \
                      (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))) \
         : (void)0)
/* A place of marks.h is reached. */
#define MARK(env, id) \
    NOTE((env), NOTE_MARK, slice_cstr(mark_spelling(MARK_##id)), SLICE_NULL, MARK_##id)
void note_queue(struct env *env, enum note_kind kind, struct slice subject, struct slice text,
                const int64_t *v, int32_t n);

/* The environment failed this machine: it stops, no event follows. Says why, for people. */
void env_fatal(struct env *env, struct slice why);

/* ---- the machine's side ----------------------------------------------------------------------- */

struct env_params {
    struct mem_source source;
    int64_t memory_ceiling_bytes;
    struct siphash_key seed; /* of all random draws and of map keys */
    int64_t now_ns, wall_ms;
    enum crc32c_impl crc32c;
    bool notes_on;
    uint64_t notes_left_out; /* a bit for each kind */
    struct slice hostname;   /* for people and default addresses */
};

enum effect_kind {
    EF_OP,       /* op */
    EF_LISTEN,   /* listener, path = host, n = port */
    EF_UNLISTEN, /* listener's slot */
    EF_CONNECT,  /* conn, path = host, n = port */
    EF_ACCEPT,   /* conn takes the connection accepted as n */
    EF_SEND,     /* conn, segs */
    EF_PAUSE,
    EF_RESUME,
    EF_CLOSE,
    EF_BREAK_RANGES, /* file, n = cut */
    EF_FATAL = 11, /* path = why; the hash of a run is over these numbers, and 10 was once given */
};

struct effect {
    enum effect_kind kind;
    uint64_t ordinal;
    struct op *op;
    struct conn *conn;
    struct listener *listener;
    struct file *file;
    void *slot;
    struct slice path; /* freed with the queue */
    int64_t n;
    struct seg *segs; /* the references are the queue's until the body takes them (sets segs NULL or
                         refs them itself) */
    int32_t segs_n;
};

struct env {
    /* Side by side, for memory comes in lines: what every step looks at. */
    int64_t now_ns, wall_ms;
    uint64_t next_ordinal;
    bool notes_on, dead;
    enum crc32c_impl crc32c;
    uint64_t notes_left_out;
    struct list deferred;
    VEC(struct effect) effects;
    VEC(const struct note *) notes; /* beside them: they ask for nothing */
    struct arena scratch;           /* for one step; reset by env_deliver() */
    struct arena carried;           /* what effects and notes carry; reset by env_effects_clear() */
    struct heap timers;
    struct list pending;
    void *machine; /* whoever was made on this env */
    struct mem mem;
    struct mem purses[PURSES_N];      /* parts of it (limits.h) */
    int64_t held_bytes[HELD_KINDS_N]; /* of it, by requests under way */
    /* And the rest. */
    struct siphash_key seed;
    uint64_t draws[STREAMS_N];
    uint64_t next_handle;
    struct list starved; /* operations that wait for a descriptor … */
    struct timer starved_timer;
    struct task *starving; /* NULL, or deferred each time: whoever can close a file does */
    int64_t starved_since_ns, starved_told_ns;
    struct list brief_waiting; /* … or, as brief files, for their turn */
    int32_t brief_n;
    struct slice hostname;
    char memory_text[400]; /* where it went */
};

static inline int64_t
env_now_ns(const struct env *env)
{
    return env->now_ns;
}
/* May jump, also back. */
static inline int64_t
env_wall_ms(const struct env *env)
{
    return env->wall_ms;
}
static inline bool
note_is_wanted(const struct env *env, enum note_kind kind)
{
    return env->notes_on && !(env->notes_left_out >> kind & 1);
}
_Static_assert(NOTE_KINDS_N <= 64, "each kind of note has a bit");
/* A key for maps. */
static inline struct siphash_key
env_map_key(const struct env *env)
{
    return env->seed;
}

/* ---- the body's side -------------------------------------------------------------------------- */

enum event_kind {
    EV_TIMER,     /* the first timer that is due */
    EV_AGAIN,     /* the first deferred task */
    EV_LISTENING, /* listener, err, n = port */
    EV_ACCEPTED,  /* listener, accepted */
    EV_CONNECTED, /* conn */
    EV_BYTES,     /* conn, data, buf, n = bytes unsent */
    EV_WRITABLE,  /* conn, n = bytes unsent */
    EV_CLOSED,    /* conn, err */
    EV_DONE,      /* op, err, n = value, buf (list, work) */
};

struct event {
    enum event_kind kind;
    int64_t now_ns, wall_ms;
    struct listener *listener;
    struct accepted accepted;
    struct conn *conn;
    struct op *op;
    enum env_err err;
    int64_t n;
    struct slice data;
    struct buf *buf; /* the event's reference passes to the machine's side */
};

/* The env is the body's memory; everything else of the machine lies in env->mem. */
void env_init(struct env *env, const struct env_params *p);
/* Drops the machine, whatever its state. The body has detached it. */
void env_release(struct env *env);
/* One step. Events to a machine that said fatal are dropped. */
void env_deliver(struct env *env, const struct event *ev);
/* When the next timer is due; TIME_NEVER without one. */
int64_t env_next_deadline_ns(const struct env *env);
static inline bool
env_has_deferred(const struct env *env)
{
    return !list_is_empty(&env->deferred);
}
/* Call after env_init + creation and after each step, when the effects have been carried out (or
 * taken over): frees the queue's own references and copies. */
void env_effects_clear(struct env *env);
/* For accepted connections. */
uint64_t env_new_handle(struct env *env);

#endif
