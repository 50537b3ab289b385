#include "broker/replica/missing_records.h"

#include "broker/base/check.h"

int64_t
missing_records_end(const struct known_of_log *k)
{
    /* Checkpoints go by name: without the directory they may speak of an earlier topic. */
    if (!k->was_there) return 0;
    /* What was synced survives everything but the loss of its files. What was not may go with the power, and
     * then a high watermark above the end is nothing unusual. */
    int64_t known = k->synced;
    if (k->start == k->end) known = MAX(known, MAX(k->high_watermark, k->epochs_to));
    return known > k->end ? known : 0;
}

bool
missing_records_skip(int64_t start, int64_t end, int64_t vanished)
{
    /* Kafka's leader would begin again at the log start and give the offsets that its consumers have committed
     * to other records. An empty log can begin where the old one ended; one with records cannot: logs have
     * no gaps. A follower does not skip: it fetches again what its leader has. */
    return start == end && end < vanished;
}
