#include "broker/replica/missing_records.h"

#include "broker/base/check.h"

/* No log has so many records: whoever knows of more is damaged. */
#define OFFSETS_MAX (1LL << 40)

static int64_t
believed(int64_t known)
{
    return known <= OFFSETS_MAX ? known : 0;
}

int64_t
missing_records_end(const struct known_of_log *k)
{
    /* Checkpoints go by name: without the directory they may speak of an earlier topic. */
    if (!k->was_there) return 0;
    /* What was synced survives everything but the loss of its files. What was not may go with the power, and
     * then a high watermark above the end is nothing unusual: it tells something only of a log that was stopped
     * in order, or in which nothing is left. */
    int64_t known = believed(k->synced);
    if (k->stopped_in_order || k->start == k->end)
        known = MAX(known, MAX(believed(k->high_watermark), believed(k->files_to)));
    return known > k->end ? known : 0;
}

enum missing_skip
missing_records_skip(int64_t start, int64_t end, int64_t vanished)
{
    /* Kafka's leader would go on at the log's end and give the offsets that its consumers have committed to
     * other records. A follower does not skip: it fetches again what its leader has. */
    if (end >= vanished) return MISSING_NONE;
    return start == end ? MISSING_BEGIN : MISSING_FILL;
}

enum hole_step
hole_step(int64_t hole_to, int64_t first_offset_that_came)
{
    if (first_offset_that_came < 0) return HOLE_ASK_AGAIN;
    return first_offset_that_came < hole_to ? HOLE_CUT : HOLE_IS_THERE;
}
