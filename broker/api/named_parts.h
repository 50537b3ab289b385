/* What a request names: partitions of topics, some of them perhaps more than once. Kafka keeps them in maps, so that an answer
 * tells of each partition once, with its topic's others; what becomes of one that is named twice each request has its own rule
 * for: ListOffsets refuses it, in Fetch what is said of it last counts. */
#ifndef API_NAMED_PARTS_H
#define API_NAMED_PARTS_H

#include "broker/base/arena.h"
#include "broker/base/map.h"

struct named_topic {
    struct map_node node;
    struct slice name;
    int32_t parts_n; /* different ones */
    void *answer;    /* the user's */
};

struct named_part {
    struct map_node node;
    struct named_topic *topic;
    int32_t index;
    int32_t times;    /* that it is named */
    const void *said; /* the user's: what the request says of it … */
    int32_t at;       /* … or where that is */
    bool is_answered; /* the user's */
};

struct named_parts {
    struct arena *a;
    struct map topics, parts; /* each in the order in which they are named first */
};

/* Of one request: topics and partitions live in its arena; the names must outlive them. */
void named_parts_init(struct named_parts *n, struct arena *a, struct siphash_key key);
void named_parts_release(struct named_parts *n);
/* It is named once more. */
struct named_part *named_parts_add(struct named_parts *n, struct slice topic, int32_t index);
/* NULL: it is not named. */
struct named_part *named_parts_find(const struct named_parts *n, struct slice topic, int32_t index);

#endif
