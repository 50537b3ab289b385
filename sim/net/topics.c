/* Which topics and partitions a request names. Where it matters to the partition it is decoded; other
 * kinds name a topic if the bytes of its name, or of its id, stand in them. */
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "apis.h"
#include "sim/disk/internal.h"
#include "sim/net/internal.h"

static bool
is_topic(const struct frame_filter *f, struct slice name, struct uuid id)
{
    if (name.n) return slice_eq(name, f->topic);
    return !uuid_is_zero(id) && uuid_eq(id, f->topic_id);
}

static bool
is_partition(const struct frame_filter *f, int32_t partition)
{
    return f->partition < 0 || f->partition == partition;
}

static bool
fetch_names(const struct k_fetch_request *r, const struct frame_filter *f)
{
    for (int32_t i = 0; i < r->topics_n; i++) {
        if (!is_topic(f, r->topics[i].topic, r->topics[i].topic_id)) continue;
        for (int32_t k = 0; k < r->topics[i].partitions_n; k++)
            if (is_partition(f, r->topics[i].partitions[k].partition)) return true;
    }
    return false;
}

static bool
produce_names(const struct k_produce_request *r, const struct frame_filter *f)
{
    for (int32_t i = 0; i < r->topic_data_n; i++) {
        if (!is_topic(f, r->topic_data[i].name, r->topic_data[i].topic_id)) continue;
        for (int32_t k = 0; k < r->topic_data[i].partition_data_n; k++)
            if (is_partition(f, r->topic_data[i].partition_data[k].index)) return true;
    }
    return false;
}

static bool
alter_names(const struct k_alter_partition_request *r, const struct frame_filter *f)
{
    for (int32_t i = 0; i < r->topics_n; i++) {
        if (!is_topic(f, SLICE_EMPTY, r->topics[i].topic_id)) continue;
        for (int32_t k = 0; k < r->topics[i].partitions_n; k++)
            if (is_partition(f, r->topics[i].partitions[k].partition_index)) return true;
    }
    return false;
}

static bool
decoded_names(struct request_head *head, struct reader *r, struct arena *a,
              const struct frame_filter *f)
{
    union {
        struct k_fetch_request fetch;
        struct k_produce_request produce;
        struct k_alter_partition_request alter;
    } m;
    switch (head->api_key) {
    case K_API_FETCH:
        return codec_decode(K_MSG_FETCH_REQUEST, head->version, r, a, &m) &&
               fetch_names(&m.fetch, f);
    case K_API_PRODUCE:
        return codec_decode(K_MSG_PRODUCE_REQUEST, head->version, r, a, &m) &&
               produce_names(&m.produce, f);
    default:
        return codec_decode(K_MSG_ALTER_PARTITION_REQUEST, head->version, r, a, &m) &&
               alter_names(&m.alter, f);
    }
}

bool
frame_names(const struct world_frame *f, struct slice request, const struct frame_filter *filter,
            struct mem *mem)
{
    if (!request.n) return false;
    if (f->api != K_API_FETCH && f->api != K_API_PRODUCE && f->api != K_API_ALTER_PARTITION)
        return path_contains(request, filter->topic) ||
               (!uuid_is_zero(filter->topic_id) &&
                path_contains(request, slice(filter->topic_id.b, 16)));
    struct reader r = reader(request);
    reader_skip(&r, 4);
    struct request_head head;
    struct arena a;
    arena_init(&a, mem, 0);
    bool names =
        request_head_read(&r, &a, &head) == HEAD_OK && decoded_names(&head, &r, &a, filter);
    arena_release(&a);
    return names;
}
