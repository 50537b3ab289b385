/* Who cleans the broker's compacted logs (broker/log/clean.c does it): now and then it looks at each of them,
 * takes the dirtiest that is due, and looks again until there is none; then it waits for log.cleaner.backoff.ms.
 * Leaders and followers are cleaned alike, each by its own broker. log.cleaner.threads says how many at a time. */
#ifndef REPLICA_CLEANER_H
#define REPLICA_CLEANER_H

#include "broker/base/uuid.h"

struct replicas;
struct cleaner;

/* NULL with log.cleaner.enable=false. */
struct cleaner *cleaner_new(struct replicas *r);
/* Begins nothing more; what is under way ends with its logs. NULL is allowed. */
void cleaner_stop(struct cleaner *c);

#endif
