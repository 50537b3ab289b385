/* Kafka's checkpoint files of a log directory: recovery-point-offset-checkpoint,
 * replication-offset-checkpoint, log-start-offset-checkpoint.
 *
 *     0                     version
 *     2                     number of lines
 *     orders 0 4711         topic partition offset
 *     orders 1 12 */
#ifndef LOG_CHECKPOINT_H
#define LOG_CHECKPOINT_H

#include "broker/base/bytes.h"
#include "broker/base/uuid.h"

struct checkpoint_entry {
    struct slice topic; /* points into the text that was parsed */
    int32_t partition;
    int64_t offset;
};

/* Called for each line of a valid file. False: not such a text (an empty one is, with no lines). */
bool checkpoint_parse(struct slice text, void (*each)(void *ctx, const struct checkpoint_entry *e),
                      void *ctx);
void checkpoint_print_head(struct writer *w, int64_t entries);
void checkpoint_print_entry(struct writer *w, const struct checkpoint_entry *e);

/* partition.metadata: "version: 0\ntopic_id: AAAA…". */
void partition_metadata_print(struct writer *w, struct uuid topic_id);
bool partition_metadata_parse(struct slice text, struct uuid *ret);

#endif
