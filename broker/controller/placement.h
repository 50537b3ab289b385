/* Where the replicas of new partitions go: in stripes over the brokers, from a random start, so that
 * leaders spread evenly and, with each full round, the followers of one leader change:
 *
 *      5 brokers, factor 3, start 0:  0,1,2  1,2,3  2,3,4  3,4,0  4,0,1  0,2,3  1,3,4 …
 *
 * Fenced brokers are followers of last resort and never lead. Racks are not looked at yet. */
#ifndef CONTROLLER_PLACEMENT_H
#define CONTROLLER_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

struct placement_broker {
    int32_t id;
    bool is_fenced;
};

enum placement_err { PLACEMENT_OK, PLACEMENT_TOO_FEW, PLACEMENT_ALL_FENCED };

/* ret has room for partitions * factor ids: those of the first partition, then of the second … The
 * brokers are sorted by id; start is any number that is not negative. */
enum placement_err placement_place(const struct placement_broker *brokers, int32_t n, int64_t start,
                                   int32_t partitions, int32_t factor, int32_t *ret);

#endif
