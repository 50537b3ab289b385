/* A scenario, as read: a cluster, its topics and clients, what happens to it and when, and what must then
 * hold. One YAML document is one scenario; scenarios/README.md (generated from table.c) is the reference.
 *
 *     file ── tree.c ──► trees ── extend.c: extends, --set ──► tree ── load.c, by table.c ──► scenario
 *                                                                          └── lint.c: warnings
 *
 * Everything lies in the arena that was given. */
#ifndef SIM_SCENARIO_SCENARIO_H
#define SIM_SCENARIO_SCENARIO_H

#include "sim/scenario/tree.h"
#include "sim/world/fault.h"

struct range {
    int64_t min, max;
};

struct partition_ref {
    struct slice topic;
    int32_t partition;
};

/* ---- who ---- */

enum term_kind {
    TERM_NAME, /* b1 */
    TERM_ALL,  /* all: brokers and controllers */
    TERM_BROKERS,
    TERM_CONTROLLERS,
    TERM_CLIENTS,
    TERM_REST,             /* every machine not named by the other side */
    TERM_LEADER,           /* leader(orders-0) */
    TERM_FOLLOWERS,        /* followers(orders-0): the replicas but for the leader */
    TERM_CONTROLLER,       /* controller: the active one */
    TERM_QUORUM_LEADER,    /* quorum-leader: who was elected last, active or not yet */
    TERM_QUORUM_FOLLOWERS, /* quorum-followers: the other controllers */
    TERM_CLIENT,           /* client(orders-service): of this client.id */
    TERM_PRINCIPAL,        /* principal(alice): whose connections are this user's */
    TERM_COORDINATOR,      /* coordinator(readers): of the group */
    TERM_BUSIEST,          /* busiest: the broker that leads most */
    TERM_ANY,              /* any(2): so many drawn brokers that run */
    TERM_BOUND,            /* $old: who an earlier step met */
};

struct term {
    enum term_kind kind;
    struct slice name;
    struct partition_ref partition;
    int64_t n;
    struct mark mark;
};

/* All of the terms together. */
struct target {
    struct term *v;
    int32_t n;
};

/* ---- steps and conditions: one bag of arguments; each verb and condition has its own fields of it ---- */

struct setting {
    struct slice name, value;
};

struct settings {
    struct setting *v;
    int32_t n;
};

enum tristate { UNSAID, NO, YES };

struct args {
    struct target target, from, to, is, is_not, with, without;
    bool both_ways;
    bool is_none; /* `is: none` */
    struct partition_ref partition;
    struct slice name, topic, path;
    struct slice client, group, transactional_id, principal; /* of frames: who asks */
    struct slice error;
    bool is_done;
    int64_t only_nth, chance; /* of frames; 0: not said */
    int64_t topic_partition;  /* -1: any */
    int64_t for_ns, within_ns, step_ns, down_ns, up_ns;
    int64_t min, max, count, skip, nth, size, percent, sync_percent, permille, drift, full, rot;
    int64_t rot_offset; /* -1: drawn */
    int64_t partitions, rf, bandwidth;
    struct range by;
    int64_t api;      /* ANY_API */
    int64_t listener; /* 0 any, 1 broker, 2 controller, 3 outside */
    enum tristate answer;
    int64_t fail; /* DISK_FAIL_… */
    bool unclean, heals, misdirects, erases;
    int64_t shorten; /* -1: not said */
    int64_t at_op;   /* 0: at once */
    /* Of an administrator, in the order of enum admin_verb. */
    struct slice create, remove, extend, alter, alter_group;
    struct target alter_broker, leader, replicas;
    bool of_default, has_before; /* alter-broker: default */
    struct partition_ref trim, elect, reassign;
    int64_t before; /* trim; -1: the high watermark */
    struct settings config;
    /* Of a question. */
    int64_t version; /* -1: the latest */
    const struct tree *sent, *wanted;
    struct range takes; /* the answer; max 0: not said */
    /* until when an expectation has to come true */
    struct slice after; /* null, "last-fault" or "$name" */
    int64_t after_ns;   /* -1: not a time */
    bool has_min, has_max;
};

struct verb;
struct cond_row;

struct cond {
    const struct cond_row *row; /* NULL: none */
    struct args args;
    struct mark mark;
    struct slice text; /* as written, in one line */
};

enum trigger {
    TRIGGER_AT,   /* at: 2s */
    TRIGGER_THEN, /* then: 50ms after the step before has fired */
    TRIGGER_WHEN, /* when: {…}, looked at from when the step before has fired; after: later by so much */
    TRIGGER_EVERY,
};

struct step {
    struct mark mark;
    enum trigger trigger;
    int64_t at_ns; /* AT: of the cluster's life; THEN, WHEN: so much later */
    struct cond when;
    struct range every;
    int64_t times; /* of EVERY; 0: to the end */
    const struct verb *verb;
    struct args args;
    struct slice as;     /* null: no name */
    struct slice text;   /* the verb and its value, for people */
    struct slice beside; /* "fail: [sync], count: 1" */
};

/* ---- the parts ---- */

struct delay_range {
    struct range by;
};

/* Of one node. */
struct node_spec {
    struct slice name, rack;
    struct settings config;
};

struct cluster {
    int64_t brokers, controllers; /* controllers 0: brokers 1 … min(3, brokers) are combined */
    int64_t combined;             /* with controllers 0: how many are controllers too */
    struct settings config;
    struct settings users; /* name and password: then clients may be somebody */
    struct node_spec *nodes;
    int32_t nodes_n;
    struct range latency, loopback;
    int64_t bandwidth, split;
    struct range fsync, write, read, name;
    int64_t disk_rate, capacity;
    int64_t memory;
};

struct topic {
    struct slice name;
    struct mark mark;
    int64_t partitions, rf;
    struct slice
        leader;      /* null: as the cluster likes; b1: replicas begin there and go on in a ring */
    int32_t *placed; /* partitions × rf broker ids; NULL: none */
    struct settings config;
};

struct client_spec {
    struct slice name;
    struct mark mark;
    struct slice produce, consume; /* topics; one of them is null, or both */
    struct slice *subscribe;       /* a member of a group: topics */
    int32_t subscribe_n;
    struct slice group, instance;       /* instance null: a dynamic member */
    int64_t protocol;                   /* enum group_protocol_kind */
    int64_t store, topology;            /* of a streams group: whether it keeps one; the epoch */
    int64_t assignor, commits, members; /* members: so many of this kind; 0: one, by its own name */
    struct slice share, share_group;    /* a member of a share group: the topic */
    int64_t release_every, reject_every, fails_at_every, dies_at_every; /* 0: none */
    int64_t session_ns, heartbeat_ns, max_poll_ns, auto_commit_ns, poll_records, work_ns;
    int64_t metadata_max_age_ns;
    struct slice rack;     /* client.rack; null: none */
    struct slice user;     /* as whom it comes; null: nobody is told */
    struct slice password; /* shown instead of its own; null: its own */
    int64_t mechanism;     /* enum sasl_mechanism */
    int64_t rate_mhz;      /* records in 1,000 s */
    int64_t start_ns, until_ns;
    int64_t acks, in_flight, batch_bytes, max_request_bytes, value_bytes, keys, tombstones, codec,
        retries;
    int64_t produce_timeout_ns; /* 0: request_timeout_ns */
    int64_t linger_ns, request_timeout_ns, delivery_timeout_ns, max_wait_ns;
    enum tristate idempotent;
    struct slice transactional_id; /* null: no transactions */
    struct slice copy_to;          /* a topic; null: a member that copies nothing */
    int64_t txn_records, abort_every, txn_version, txn_timeout_ns;
    int64_t from_latest, read_committed; /* 0 or 1 */
    int64_t since_ns;                    /* -1: not said */
};

struct nemesis_weight {
    struct slice fault;
    int64_t weight;
    struct mark mark;
};

struct nemesis {
    bool is_on, says_which; /* says_which: the faults, not only that there are some */
    struct mark mark;
    int64_t from_ns, until_ns;
    struct range every, lasting;
    int64_t at_once, down; /* faults that last together; nodes down or paused together */
    struct nemesis_weight *v;
    int32_t n;
};

struct expectation {
    struct cond cond;
    int64_t within_ns;
};

struct must_fail {
    struct mark mark;
    struct slice rule;
    int64_t min, max; /* records; max 0: as many as you like */
    struct slice *explains;
    int32_t explains_n;
};

struct catches {
    struct slice id;
    struct mark mark;
    struct slice *rules;
    int32_t n;
};

struct scenario {
    struct slice path, name, about;
    const struct tree *document; /* with what it extends and with --set */
    const struct tree *plan;     /* a swarm's, before the draw; NULL: nothing is drawn */
    struct mark mark;
    int64_t seed, run_ns, converge_ns;
    struct cluster cluster;
    struct topic *topics;
    int32_t topics_n;
    struct client_spec *clients;
    int32_t clients_n;
    struct step *steps;
    int32_t steps_n;
    struct nemesis nemesis;
    struct slice *always, *never, *may;
    int32_t always_n, never_n, may_n;
    struct cond *eventually, *at_end;
    int32_t eventually_n, at_end_n;
    struct must_fail *must_fail;
    int32_t must_fail_n;
    struct catches *catches;
    int32_t catches_n;
};

/* ---- loading ---- */

struct load_options {
    const struct slice *sets; /* "p1.acks=all" */
    int32_t sets_n;
    /* Reads another file, for extends; false: it cannot be read. NULL: there are no others. */
    bool (*read)(void *ctx, struct slice path, struct slice *ret_text);
    void *ctx;
};

struct scenarios {
    struct scenario **v;
    int32_t n;
};

/* All documents of a file. What is wrong goes to diags; with errors the result is not to be run. */
struct scenarios scenario_load(struct arena *a, const struct source *s,
                               const struct load_options *o, struct diags *d);
/* The scenario that is run with this seed: itself, or of a swarm what is drawn. What is wrong with it (what it says does
 * not go with what was drawn) goes to diags. */
const struct scenario *scenario_of_seed(struct arena *a, const struct scenario *s, uint64_t seed,
                                        struct diags *d);
/* Steps that were done already, one by one; zeroed: none. */
struct earlier {
    struct step *v;
    int32_t n;
    struct words bound; /* the names that they gave */
};
/* A step of this scenario's timeline, from a line of YAML; NULL: it is none, and diags say why. */
const struct step *step_of_text(struct arena *a, const struct scenario *of, struct slice text,
                                struct diags *d);
/* Steps that begin now (a preset has several; the first is done at once, if it does not say when), from a line of YAML.
 * They are the last of `earlier` on return. How many; 0: it is none, and diags say why. */
int32_t steps_of_text(struct arena *a, const struct scenario *of, struct slice text,
                      struct earlier *earlier, struct diags *d);
/* A condition as `when` has it, looked at from now on; NULL: it is none, and diags say why. */
const struct cond *cond_of_text(struct arena *a, const struct scenario *of, struct slice text,
                                const struct earlier *earlier, struct diags *d);
/* The document as it was run, as YAML that needs no other file. */
void scenario_print(const struct scenario *s, struct writer *w);
/* Warnings about things that are allowed and hardly meant. */
void scenario_lint(const struct scenario *s, struct diags *d);
/* scenarios/README.md. */
void scenario_reference(struct writer *w);

/* A member of this group, the n-th; NULL: there is none. */
/* How long a member's session is, whoever says it. */
int64_t member_session_ns(const struct scenario *s, const struct client_spec *c);
const struct client_spec *scenario_member(const struct scenario *s, struct slice group, int32_t n);

/* The value of a configuration in the cluster: as set, else Kafka's default. */
int64_t cluster_config_i64(const struct scenario *s, const char *name);
struct slice cluster_config_text(const struct scenario *s, const char *name);

#endif
