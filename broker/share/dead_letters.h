/* Dead letters (KIP-1191): for each record that a share group did not want, a record in the group's dead-letter topic that
 * says which one it was, and is a copy of it where the group wants copies.
 *
 *      headers   __dlq.errors.topic  .partition  .offset  .group  .delivery.count  .message
 *      key, value   the record's, with errors.deadletterqueue.copy.record.enable; else null
 *
 * The letters of one partition go into one partition, in the order of offsets. They are written at least once: who did not hear
 * that they are sends them again. When that fails five times, or cannot help, the log says so and the records go
 * without: as in Kafka, they must not hold up their group for ever. */
#ifndef SHARE_DEAD_LETTERS_H
#define SHARE_DEAD_LETTERS_H

#include "broker/coordinator/coordinator.h"
#include "broker/log/commitlog.h"
#include "broker/share/flight.h"

struct dead_letters_params {
    struct env *env;
    const struct coordinator *settings; /* any of this broker: for groups' settings */
    const struct image *image;
    struct slice listener;          /* inter.broker.listener.name */
    const struct login_kind *login; /* there; NULL: none is needed */
    /* A dead-letter topic is wanted that is not there. */
    void (*create_topic)(void *owner, struct slice name);
    void *owner;
};

/* Letters of one share partition. Set by the owner; what it refers to stays until done(), which comes once, in a later
 * step, whether they were written or not. */
struct dead_letter_job {
    void (*done)(struct dead_letter_job *j);
    struct slice group, topic;
    int32_t partition;
    struct commitlog *log;
    int64_t limit; /* of the log: what lies below may be read */
    const struct dead_run *runs;
    int32_t runs_n;
    /* Private. */
    struct dead_letter_try *trying;
};

struct dead_letters;

struct dead_letters *dead_letters_new(const struct dead_letters_params *params);
/* Whether records of the group have dead letters at all: share.version 2 is finalised, and it names a topic. */
bool dead_letters_are_wanted(const struct dead_letters *dl, struct slice group);
void dead_letters_write(struct dead_letters *dl, struct dead_letter_job *j);
/* done() will not be called. Harmless when nothing is written. */
void dead_letters_cancel(struct dead_letter_job *j);
void dead_letters_stop(struct dead_letters *dl);

#endif
