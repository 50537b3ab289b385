/* What happens to the commits of groups, for tests of what excuses their loss. */
#ifndef TESTS_UNIT_CHECK_COMMITS_H
#define TESTS_UNIT_CHECK_COMMITS_H

#include "broker/coordinator/coordinator.h"
#include "sim/check/check.h"
#include "tests/lib/test.h"

/* Both copies of a partition of the groups' topic are wiped at this time. */
static inline struct chronicle
wiped_at(struct mem *mem, int32_t partition, int64_t at_ms)
{
    struct chronicle c;
    chronicle_init(&c, mem);
    for (int32_t p = 0; p < 2; p++) {
        struct happening placed = happening_new(HAPPENED_PLACED, 0);
        placed.topic = S("__consumer_offsets"), placed.partition = p;
        placed.leader = 1, placed.leader_epoch = 0;
        placed.in_sync = (struct chronicle_ids){2, {1, 2}};
        chronicle_add(&c, &placed);
    }
    for (int32_t id = 1; id <= 2; id++) {
        struct happening gone = happening_new(HAPPENED_COPIES_GONE, at_ms * 1000000);
        gone.topic = S("__consumer_offsets"), gone.partition = partition;
        gone.node = id, gone.what = S("was wiped");
        chronicle_add(&c, &gone);
    }
    return c;
}

#endif
