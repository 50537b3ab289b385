/* The words of scenarios: every field, verb, target and condition with its kind of value, where it goes,
 * and a sentence for people. This one table drives parsing, error messages and the reference page. */
#ifndef SIM_SCENARIO_TABLE_H
#define SIM_SCENARIO_TABLE_H

#include "sim/scenario/scenario.h"

/* Kinds of value; each is stored at field.at of its struct as the type behind it. */
enum value_kind {
    VALUE_TEXT,      /* struct slice */
    VALUE_WORD,      /* struct slice: letters, digits, - _ . */
    VALUE_COUNT,     /* int64_t ≥ 0 */
    VALUE_NUMBER,    /* int64_t */
    VALUE_BOOL,      /* bool */
    VALUE_TRISTATE,  /* enum tristate */
    VALUE_TIME,      /* int64_t ns: 200ms */
    VALUE_RANGE,     /* struct range, ns: 1ms..5ms, or one of them */
    VALUE_RATE,      /* int64_t: 200/s as 200,000 */
    VALUE_SIZE,      /* int64_t bytes: 16KiB */
    VALUE_TARGET,    /* struct target */
    VALUE_SIDES,     /* args.from, args.to, args.both_ways: [b1, [b2, k1]] or {from: b1, to: b2} */
    VALUE_PARTITION, /* struct partition_ref: orders-0 */
    VALUE_API,       /* int64_t: Fetch */
    VALUE_CHOICE,    /* int64_t: the index in field.choices */
    VALUE_ACKS,      /* int64_t: 0, 1, -1 */
    VALUE_DISK_OPS,  /* int64_t: bits of read, write, sync */
    VALUE_SETTINGS,  /* struct settings: of brokers */
    VALUE_TOPIC_SETTINGS,
    VALUE_BROKERS, /* args.alter_broker, args.of_default: a target or default */
    VALUE_BEFORE,  /* args.before: an offset, or high-watermark as -1 */
    VALUE_IS,      /* args.is, args.is_none: a target or none */
    VALUE_AFTER,   /* args.after, args.after_ns: last-fault, $name or a time */
    VALUE_FIELDS,  /* a map, with the fields of the row */
    VALUE_TREE,    /* struct tree * */
};

struct field {
    const char *name;
    enum value_kind kind;
    uint32_t at;
    const char *about;
    /* "a|b|c"; of numbers, times, sizes and their ranges "1..64", how small and how large they may be. NULL:
     * what a program can count to. */
    const char *choices;
};

struct fields {
    const struct field *v;
    int32_t n;
};

enum verb_id {
    VERB_CRASH,
    VERB_POWER,
    VERB_RESTART,
    VERB_SHUTDOWN,
    VERB_ROLL,
    VERB_PAUSE,
    VERB_RESUME,
    VERB_WIPE,
    VERB_CUT,
    VERB_FLAP,
    VERB_HEAL,
    VERB_SLOW,
    VERB_RESET,
    VERB_HALF_OPEN,
    VERB_HOLD,
    VERB_DELAY,
    VERB_LOSE,
    VERB_BREAK,
    VERB_REPEAT,
    VERB_ANSWER,
    VERB_RELEASE,
    VERB_CLOCK,
    VERB_DISK,
    VERB_ADMIN,
    VERB_ASK,
    VERB_PRESET, /* replaced by its steps while it is read */
    VERB_NOTE,
    VERBS_N,
};

struct verb {
    enum verb_id id;
    struct field value;  /* its name is the verb's */
    struct fields inner; /* of a value that is a map */
    struct fields beside;
    const char *example;
};

enum cond_id {
    COND_SENT,
    COND_LEADER,
    COND_ISR,
    COND_FENCED,
    COND_SERVING,
    COND_CONTROLLER,
    COND_HW,
    COND_ACKED,
    COND_READ,
    COND_PROCESSED,
    COND_ROUNDS,
    COND_OWNED,
    COND_COPIED,
    COND_SKIPPED,
    COND_SILENCE,
    COND_REQUESTS,
    COND_BYTES,
    COND_LOGINS,
    COND_ELECTIONS,
    COND_REMOVED,
    COND_FAILED,
    COND_UNKNOWN,
    CONDS_N,
};

struct cond_row {
    enum cond_id id;
    struct field value;
    struct fields beside;
    bool in_when, in_eventually, at_end;
    const char *example;
};

extern const struct verb verbs[VERBS_N];
extern const struct cond_row conds[CONDS_N];
extern const struct fields document_fields, cluster_fields, node_fields, network_fields,
    disk_fields, topic_fields, client_fields, step_fields, random_fields, expect_fields,
    must_fail_fields, eventually_fields;

struct word {
    const char *name, *about;
};
/* What a random block draws from. */
struct nemesis_fault {
    const char *name;
    int64_t weight; /* where a block does not say which; 0: only if it is asked for */
    const char *about;
};
extern const struct nemesis_fault nemesis_faults[];
extern const int32_t nemesis_faults_n;
#define NEMESIS_FAULTS_MAX 64
extern const struct word targets[];
extern const int32_t targets_n;

const char *value_kind_text(enum value_kind k);

#endif
