/* Clients for the simulated world: machines that run our own client (broker/client) and write what they
 * ask and hear into a history.
 *
 *     struct history h;
 *     history_init(&h, mem, workload_now, w);
 *     struct topics_args t = {.client = cp, .topics = …};          first: topics, with leaders
 *     struct produce_args p = produce_args_default(&h, cp, S("orders"));
 *     p.rate_per_s = 1000, p.until_ns = 10 * NS_PER_S;
 *     world_add(w, &(struct machine_params){.name = S("p1"), .kind = S("client"),
 *                                           .start = produce_start, .args = &p});
 *     …
 *     struct final_args f = final_args_default(&h, cp);            last: what is there after all
 *
 * The arguments belong to whoever runs the world and outlive it. Each has a status, which its machine
 * only writes and the world's owner only reads; and orders (stop), the other way round. After a crash a
 * client may be started again with the same arguments: its values go on counting.
 *
 * Times named _ns are virtual ones; a client finds them through its history's clock. */
#ifndef SIM_WORKLOAD_WORKLOAD_H
#define SIM_WORKLOAD_WORKLOAD_H

#include "broker/client/admin.h"
#include "broker/client/client.h"
#include "broker/client/consumer.h"
#include "broker/client/membership.h"
#include "broker/client/producer.h"
#include "broker/client/share_consumer.h"
#include "broker/client/txn_session.h"
#include "sim/history/history.h"
#include "sim/world/world.h"

#define MEMBER_OWNED_MAX 1024

/* For history_init(): ctx is the world. */
int64_t workload_now(void *world);

/* ---- topics: creates them and waits until every partition has a leader ------------------------------ */

struct topics_args {
    struct client_params client;
    const struct new_topic *topics;
    int32_t topics_n;
    int64_t timeout_ms; /* of each call; 0: 60,000 */
    /* status */
    bool done;         /* or failed */
    int16_t error;     /* K_ERR_NONE, or why it gave up */
    int32_t failed_at; /* index in topics */
};
void topics_start(struct env *env, void *topics_args);

/* ---- produce ---------------------------------------------------------------------------------------- */

struct produce_args {
    struct history *history;
    struct slice name; /* in the history; the machine's name */
    struct client_params client;
    struct producer_params producer;
    struct slice topic;
    int32_t partition;   /* -1: by key, or sticky */
    int64_t rate_per_s;  /* evenly; 0: as fast as answers come, one at a time */
    int64_t interval_ns; /* instead of a rate, if not 0 */
    int64_t from_ns, until_ns;
    int64_t count;       /* at most so many in all; 0: no limit */
    int64_t keys;        /* 0: no keys; else the keys "k0" … are taken in turn */
    int64_t tombstones;  /* each so many-th record deletes its key; 0: none */
    int64_t value_bytes; /* at least 8 */
    int64_t pending_max; /* more are not begun; 1,000 */
    /* With an id it sends in transactions (transact_start()): so many records in each, every n-th of which is
     * aborted (0: none). A send ends with its transaction: ok when that is committed, failed when it is surely
     * aborted. */
    struct slice transactional_id;
    int64_t txn_records, abort_every;
    int64_t txn_timeout_ms;
    int16_t txn_version_max;
    bool stop; /* an order: begin no more */
    /* status */
    int64_t sent, acknowledged, unknown, failed;
    int64_t pending;            /* of the current life */
    int64_t longest_silence_ns; /* in which something was pending and nothing acknowledged */
    int64_t silent_since_ns;
    bool done; /* until_ns or count reached or stopped, and nothing pending */
    struct producer_stats stats;
    int64_t txns_committed, txns_aborted, txns_unknown;
    int32_t lives; /* that it has begun */
    bool fenced;   /* another instance has taken its place: it is done */
};
struct produce_args produce_args_default(struct history *h, struct slice name,
                                         struct client_params client, struct slice topic);
void produce_start(struct env *env, void *produce_args);
void transact_start(struct env *env, void *produce_args);

/* ---- consume ---------------------------------------------------------------------------------------- */

struct consume_args {
    struct history *history;
    struct slice name;
    struct client_params client;
    struct consumer_params consumer; /* ops and owner are set here */
    struct slice topic;
    int32_t partition; /* -1: all that there are when it starts */
    int64_t offset;    /* OFFSET_EARLIEST, OFFSET_LATEST or a position */
    int64_t at_ms;     /* begin at this time instead; -1 */
    int32_t node_id;   /* -1: from leaders */
    void (*told)(void *ctx,
                 struct slice text); /* what it had to pass over, in words; may be NULL */
    void *ctx;
    bool watch_end; /* ask for the log's end once in a second of its clock, for the history */
    /* status */
    int64_t read;
    int64_t errors, truncations;
    int64_t skipped; /* offsets that were gone when it came to them */
};
struct consume_args consume_args_default(struct history *h, struct slice name,
                                         struct client_params client, struct slice topic);
void consume_start(struct env *env, void *consume_args);

/* ---- a member of a group ------------------------------------------------------------------------------ */

/* Of a member that commits in transactions: each piece of work is one, which writes a copy of every record and the
 * offset behind them. */
struct copy_params {
    struct slice to; /* a topic; record n goes to partition n mod … */
    struct producer_params producer;
    struct slice transactional_id;
    int64_t abort_every; /* each so-many-th is given up after all was sent; 0: none */
    int64_t timeout_ms, value_bytes;
    int16_t version_max;
};

/* Polls, works on what it got, commits, polls again, as Kafka's consumers do: what is taken from it is taken between
 * two pieces of work. A paused machine that goes on is a zombie: it finishes its piece and learns only then. */
struct member_args {
    struct history *history;
    struct slice name;
    struct client_params client;
    struct consumer_params consumer;     /* ops and owner are set here */
    struct membership_params membership; /* likewise */
    enum history_commits commits;
    struct copy_params copy;                    /* with COMMIT_IN_TXN */
    int64_t auto_interval_ms;                   /* 5,000 */
    int64_t poll_records;                       /* at most so many in one piece of work; 500 */
    int64_t work_ns;                            /* for each record */
    int64_t until_ns;                           /* it leaves then */
    bool from_latest;                           /* where nothing is committed */
    bool stop;                                  /* an order: leave */
    void (*told)(void *ctx, struct slice text); /* what becomes of it, in words; may be NULL */
    void *ctx;
    /* status */
    int64_t copied, txns_committed, txns_aborted, txns_unknown;
    int32_t lives;
    bool fenced; /* another instance has its transactional id */
    int64_t read, processed, committed, rounds, times_lost;
    int64_t skipped; /* offsets that were gone when it came to them */
    bool done;       /* it has left, or was refused */
    int16_t error;   /* why it was refused */
    int32_t generation;
    struct member_owned {
        int32_t topic, partition; /* topic: index in membership.topics */
        int64_t position;         /* the next to be worked on; -1: not known */
    } owned[MEMBER_OWNED_MAX],
        copies[MEMBER_OWNED_MAX]; /* copies: of a streams group, standby tasks */
    int32_t owned_n, copies_n;    /* as the member sees it */
};
struct member_args member_args_default(struct history *h, struct slice name,
                                       struct client_params client);
void member_start(struct env *env, void *member_args);

/* ---- a member of a share group ------------------------------------------------------------------------ */

/* Is given records, works on them, acknowledges them, fetches again. */
struct share_args {
    struct history *history;
    struct slice name;
    struct client_params client;
    struct share_consumer_params share; /* ops and owner are set here */
    int64_t work_ns;                    /* for each record */
    /* Each so-many-th record is given back, rejected; of those at each so-many-th offset nothing is said; 0: none. */
    int64_t release_every, reject_every, fails_at_every, dies_at_every;
    int64_t until_ns; /* it leaves then */
    bool stop;        /* an order: leave */
    /* status */
    int64_t given, acknowledged;
    int64_t last_given_ns;
    bool done;     /* it has left, or was refused */
    int16_t error; /* why it was refused */
};
struct share_args share_args_default(struct history *h, struct slice name,
                                     struct client_params client);
void share_start(struct env *env, void *share_args);

/* ---- probe: does it serve? ---------------------------------------------------------------------------- */

/* Sends one record to each partition, with acks=all, and wants each acknowledged in time. In the history these
 * sends are part of the end (is_final). */
struct probe_topic {
    struct slice name;
    int32_t partitions;
    bool wants_keys; /* compacted topics do */
};
struct probe_args {
    struct history *history;
    struct slice name;
    struct client_params client;
    const struct probe_topic *topics;
    int32_t topics_n;
    int64_t within_ms;
    /* Whether there is such a topic (still): one that an administrator deletes meanwhile takes no record. NULL: all are. */
    bool (*is_there)(void *ctx, struct slice topic);
    void *ctx;
    /* status */
    int64_t acknowledged, pending;
    bool done;
    const struct probe_topic *refused; /* the first that was not acknowledged; NULL */
    int32_t refused_partition;
    int16_t error;
};
struct probe_args probe_args_default(struct history *h, struct slice name,
                                     struct client_params client);
void probe_start(struct env *env, void *probe_args);

/* ---- the final read ---------------------------------------------------------------------------------- */

/* Reads all partitions of the topics from their beginning to the end, from the leader and from each other
 * replica. The end is ListOffsets(latest), asked again until it stands for stable_ms. Begin it when faults are
 * over and no send is pending. */
struct final_args {
    struct history *history;
    struct slice name;
    struct client_params client;
    const struct slice *topics;
    int32_t topics_n;
    const struct slice *letters; /* topics of dead letters */
    int32_t letters_n;
    bool followers; /* true: from each replica, too */
    bool read_committed;
    int64_t stable_ms; /* 500 */
    int64_t until_ns;  /* then it gives up; TIME_NEVER */
    /* status */
    bool done;               /* read to the end, or given up */
    bool complete;           /* read to the end, everywhere */
    struct slice open_topic; /* with read_committed: where a transaction was open last */
    int32_t open_partition;
    int64_t open_from;
    int64_t read;                           /* from leaders */
    int32_t partitions, readings, finished; /* a reading: one partition from one replica */
};
struct final_args final_args_default(struct history *h, struct slice name,
                                     struct client_params client);
void final_start(struct env *env, void *final_args);

#endif
