/* What of a log would surely survive a power loss, read from the disk itself: no node is asked what it has synced. The
 * log is read on from where it was read last, so that each batch is read once. */
#ifndef SIM_CHECK_DURABLE_H
#define SIM_CHECK_DURABLE_H

#include "sim/check/disk_log.h"

struct durable;

struct durable *durable_new(struct mem *mem, struct machine *m, struct slice subject);
void durable_free(struct durable *d);
/* This batch lies there whole, and so does every one before it. */
bool durable_has(struct durable *d, const struct found *batch);

#endif
