/* Between the files of the swarm: what has been drawn so far, and how it is drawn. */
#ifndef SIM_SCENARIO_SWARM_OWN_H
#define SIM_SCENARIO_SWARM_OWN_H

#include "broker/base/fmt.h"
#include "broker/env/env.h"
#include "sim/scenario/swarm.h"
#include "sim/world/world.h"

#define TOPICS_MAX 8
#define RATE_MAX 500 /* records a second, of all producers */

struct drawn_topic {
    struct slice name;
    int64_t rf;
    bool is_compacted;
};

struct swarm {
    struct arena *a;
    const struct tree *plan;
    struct writer w;
    uint64_t seed;
    struct dice dice; /* of the part that is being drawn */
    int64_t brokers, controllers, until_ms, min_isr;
    struct drawn_topic topics[TOPICS_MAX];
    int32_t topics_n;
    int64_t segment_bytes; /* the least of all topics: what is sent fits in */
    bool clocks_jump, has_groups, has_txns, compacts, is_unclean;
    bool has_old_txns; /* some go by version 1: then no request may be late (KAFKA-17754) */
    bool has_transactors, disks_lie;
    bool has_shares, has_copies, has_streams, has_stores;
    bool has_seats; /* static members */
    bool is_whole;  /* no faults */
    int64_t controller_socket_ms, replica_socket_ms;
    int64_t bandwidth; /* of each link, in bytes a second; 0: any */
    int64_t link;      /* how slow they are (swarm_cluster.c) */
    int64_t racks;     /* 0: brokers are in none */
};

/* ---- dice and words (swarm_words.c) ---- */

/* One draw in a statement: in which order a call's arguments are worked out, compilers decide. */

/* Each part has a stream of its own: what another draws does not move it. */
void swarm_begin_part(struct swarm *s, const char *name);
int64_t swarm_between(struct swarm *s, int64_t min, int64_t max);
bool swarm_chance(struct swarm *s, int64_t percent);
/* Small ones as often as large ones. */
int64_t swarm_of_any_size(struct swarm *s, int64_t min, int64_t max);
const char *swarm_word_of(struct swarm *s, const char *const *words, int64_t n);
#define ONE_OF(s, ...) \
    swarm_word_of(s, (const char *const[]){__VA_ARGS__}, \
                  ARRAY_LEN(((const char *const[]){__VA_ARGS__})))
void swarm_put(struct swarm *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* ", name: value" */
void swarm_put_setting(struct swarm *s, const char *name, int64_t value);
void swarm_put_ms(struct swarm *s, const char *name, int64_t value);
/* Now and then, so many times in a hundred. */
void swarm_perhaps(struct swarm *s, int64_t percent, const char *name, int64_t min, int64_t max);

/* ---- the parts of a document, in this order ---- */

void swarm_draw_cluster(struct swarm *s);
void swarm_draw_topics(struct swarm *s);
void swarm_draw_clients(struct swarm *s);

#endif
