/* The features that this software supports, and the levels at which a new cluster begins with them.
 *
 * share.version and streams.version are supported because a cluster that Apache Kafka formatted has them,
 * and all that they add to a node that serves no such group is records that it keeps as they are. Their
 * requests are not advertised, so no client takes them for served; a new cluster begins without. */
#include "broker/api/server.h"

static const struct server_feature features[] = {
    {"metadata.version", 7, 33, 33},
    {"kraft.version", 0, 1, 0},
    {"eligible.leader.replicas.version", 0, 1, 1},
    {"transaction.version", 0, 2, 2},
    {"group.version", 0, 1, 1},
    {"share.version", 0, 2, 0},
    {"streams.version", 0, 1, 0},
};

const struct server_feature *
server_features(int32_t *ret_n)
{
    *ret_n = (int32_t)ARRAY_LEN(features);
    return features;
}
