/* Guests: clients outside of the world. All that they asked and were told is read off the bytes that passed their
 * connections, and nothing else is believed; at the end it is a history of its own, judged by the checker like any other.
 *
 *     Produce, EndTxn, InitProducerId ─┐                                    ┌─ the leaders' disks, at the end
 *     OffsetCommit, TxnOffsetCommit ───┼─► journal ─► history ─► checker ◄──┴─ final read, committed offsets
 *     Fetch, OffsetFetch ──────────────┤
 *     ShareFetch, ShareAcknowledge ────┤
 *     CreateTopics, AlterConfigs … ────┘   (what these were told is looked for in the controller's log)
 *
 * A record is known again by its producer's sequence number; one without by what it holds. A retry of the first is the
 * same send, of the second another. An error completes no send: the client may try again, and perhaps it was done. What
 * was sent in a transaction is owed when EndTxn was answered, and not before. */
#ifndef SIM_SCENARIO_GUESTS_H
#define SIM_SCENARIO_GUESTS_H

#include "broker/base/arena.h"
#include "broker/base/uuid.h"
#include "sim/history/history.h"

struct guests;

struct guests_params {
    int64_t (*now)(void *ctx);
    /* Of this id; null: nobody knows. */
    struct slice (*topic_name)(void *ctx, struct uuid id);
    /* Somebody asks for this setting of a topic; value null: for its default. May be NULL. */
    void (*set)(void *ctx, struct slice topic, struct slice name, struct slice value);
    void *ctx;
};

struct guests *guests_new(struct mem *mem, const struct guests_params *p);
void guests_free(struct guests *g);

/* ---- what passes, cut and merged anywhere; conn: from 0, in the order of opening ---- */

/* From a client to this broker. */
void guests_sent(struct guests *g, int64_t conn, int32_t broker, struct slice bytes);
/* From the broker to the client. */
void guests_given(struct guests *g, int64_t conn, struct slice bytes);
/* The connection is no more. */
void guests_left(struct guests *g, int64_t conn);

/* ---- the end ---- */

/* All of it in the order in which it happened. Once; the history is the guests'. */
struct history *guests_history(struct guests *g);

/* Then, of a partition, the batches that its log has, in order, and where it ends; only what is committed counts, and what is
 * not below its start. */
void guests_log_begin(struct guests *g, struct slice topic, int32_t partition, int64_t start);
void guests_log_batch(struct guests *g, struct slice batch);
void guests_log_end(struct guests *g);
/* And what is committed for a group in the end: -1, nothing. Only of what guests committed. */
void guests_committed(struct guests *g, struct slice group, struct slice topic, int32_t partition,
                      int64_t offset);

/* What the controller's log says was done. If anything is said, all that was told is looked for. */
enum promise_kind { PROMISED_TOPIC, PROMISED_REMOVAL, PROMISED_PARTITIONS, PROMISED_SETTING };
struct kept_word {
    enum promise_kind kind;
    int8_t resource;         /* of a setting, as in requests */
    struct slice name;       /* of the topic, or of the resource */
    int32_t n;               /* partitions */
    struct slice key, value; /* of a setting */
};
void guests_kept_begin(struct guests *g);
void guests_kept(struct guests *g, const struct kept_word *k);

/* Records that came under the sequence number of others of their producer: a mistake of the client. Brokers take them for
 * a retry, say that they are written, and do not write them. */
int64_t guests_misnumbered(const struct guests *g);

/* What is wrong with all that. */
struct check_facts;
struct check_result;
void guests_check(struct guests *g, const struct check_facts *f, struct check_result *ret);

/* ---- in a run ---- */

struct run;
struct anomalies;
struct run_counts;
/* NULL: nobody can come from outside. */
struct guests *guests_begin(struct run *r);
/* At the end: what is wrong, in words, to ret. True: something was acknowledged, so something was promised. */
bool guests_judge(struct run *r, struct guests *g, struct anomalies *ret,
                  struct run_counts *counts);

#endif
