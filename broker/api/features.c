/* The features that this software supports, and the levels at which a new cluster begins with them.
 *
 * Level 2 of share.version is that of dead-letter topics (share/dead_letters.h). */
#include "broker/api/server.h"

static const struct server_feature features[] = {
    {"metadata.version", 7, 33, 33},
    {"kraft.version", 0, 1, 0},
    {"eligible.leader.replicas.version", 0, 1, 1},
    {"transaction.version", 0, 2, 2},
    {"group.version", 0, 1, 1},
    {"share.version", 0, 2, 2},
    {"streams.version", 0, 1, 1},
};

const struct server_feature *
server_features(int32_t *ret_n)
{
    *ret_n = (int32_t)ARRAY_LEN(features);
    return features;
}
