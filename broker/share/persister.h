/* Speaks to the share coordinators, for whoever has something to say of a share partition: the partition's leader
 * and the group coordinator. It finds the broker that coordinates the share partition in the metadata (which may be
 * this one), asks again while nobody answers or the answer is "not now", and gives up after a while. */
#ifndef SHARE_PERSISTER_H
#define SHARE_PERSISTER_H

#include "broker/share/shares.h"

struct replicas;

struct persister_params {
    struct env *env;
    const struct config *config;
    const struct image *image;
    int32_t node_id;
    struct slice listener;          /* inter.broker.listener.name */
    const struct login_kind *login; /* there; NULL: none is needed */
    struct shares *shares;          /* of this broker, as: */
    struct replicas *replicas;
    /* The topic is not there: asks for it. */
    void (*create_topic)(void *owner, struct slice name);
    void *owner;
};

enum persist_kind {
    PERSIST_INITIALIZE, /* state_epoch, start_offset */
    PERSIST_READ,       /* leader_epoch */
    PERSIST_WRITE,      /* state_epoch, leader_epoch, start_offset, done_n, batches */
    PERSIST_DELETE,
    PERSIST_SUMMARY, /* leader_epoch */
    /* Not about the share partition, but asked in the same way, of the partition's leader: where its log ends for
     * readers. The answer is in start_offset. */
    PERSIST_LOG_END,
};

/* One question about one share partition. Set by the owner; what it refers to stays until done(), which comes once,
 * in a later step. Its answer is in the same fields; batches lie in memory that is good during done(). */
struct persist {
    void (*done)(struct persist *p);
    void *asker; /* the owner's */
    enum persist_kind kind;
    struct slice group;
    struct uuid topic;
    int32_t partition;
    int32_t state_epoch, leader_epoch, done_n;
    int64_t start_offset;
    struct state_batch *batches;
    int32_t batches_n;
    int16_t err; /* REQUEST_TIMED_OUT: it may still come about */
    /* Private. */
    struct persist_try *trying;
};

struct persister;

struct persister *persister_new(const struct persister_params *params);
void persister_ask(struct persister *pr, struct persist *p);
/* done() will not be called. Harmless when nothing is asked. */
void persist_cancel(struct persist *p);
void persister_stop(struct persister *pr);

#endif
