/* Which topics and partitions a request names. Where it matters to the partition it is decoded; other
 * kinds name a topic if the bytes of its name, or of its id, stand in them. */
#include "broker/protocol/codec.h"
#include "broker/protocol/codec_field.h"
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

static bool
names_topic(const struct world_frame *f, struct slice request, struct request_head *head,
            struct reader *r, struct arena *a, const struct frame_filter *filter)
{
    if (f->api == K_API_FETCH || f->api == K_API_PRODUCE || f->api == K_API_ALTER_PARTITION)
        return decoded_names(head, r, a, filter);
    return path_contains(request, filter->topic) ||
           (!uuid_is_zero(filter->topic_id) &&
            path_contains(request, slice(filter->topic_id.b, 16)));
}

/* ---- who asks ---- */

static bool
ends_with_one_of(struct slice name, const char *const *ends, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (slice_ends(name, slice_cstr(ends[i]))) return true;
    return false;
}

/* Does a text in a field of such a name say this? Groups stand in GroupId, Groups, GroupsNames, GroupIds, transactional
 * ids in TransactionalId; who looks for a coordinator names either as a key. */
static bool
says(const struct k_struct *s, const uint8_t *at, int version, bool of_group, struct slice text)
{
    static const char *const of[2][5] = {
        {"TransactionalId", "TransactionalIds", "Key", "CoordinatorKeys", "TransactionalId"},
        {"GroupId", "GroupIds", "Groups", "GroupsNames", "Key"}};
    for (int i = 0; i < s->n + s->tagged; i++) {
        const struct k_field *f = &k_fields[s->first + i];
        if (!field_is_in(f, version) || (f->type != K_STRING && f->type != K_STRUCT) ||
            f->flags & K_POINTER)
            continue;
        struct field_array all = {(void *)(uintptr_t)(at + f->at), 1};
        if (f->flags & K_ARRAY) all = array_load(at + f->at);
        bool is_it = ends_with_one_of(k_name(f->name), of[of_group], 5) ||
                     slice_eq(k_name(f->name), S("CoordinatorKeys"));
        for (int32_t k = 0; k < all.n; k++) {
            const uint8_t *one = (const uint8_t *)all.items + k * field_item_bytes(f);
            if (f->type == K_STRUCT ? says(&k_structs[f->item], one, version, of_group, text)
                                    : is_it && slice_eq(slice_load(one), text))
                return true;
        }
    }
    return false;
}

static bool
is_asked_by(const struct request_head *head, struct reader r, struct arena *a,
            const struct frame_filter *filter)
{
    if (filter->client_id.p && !slice_eq(head->client_id, filter->client_id)) return false;
    if (!filter->group.p && !filter->transactional_id.p) return true;
    enum k_msg msg = (enum k_msg)head->api->request;
    uint8_t *m = arena_alloc(a, codec_struct_bytes(msg));
    if (!codec_decode(msg, head->version, &r, a, m)) return false;
    if (filter->group.p && !says(message_root(msg), m, head->version, true, filter->group))
        return false;
    return !filter->transactional_id.p ||
           says(message_root(msg), m, head->version, false, filter->transactional_id);
}

bool
frame_names(const struct world *w, const struct world_frame *f, struct slice request,
            const struct frame_filter *filter)
{
    struct request_head head;
    struct arena a;
    struct reader r = reader(slice_sub(request, 4, request.n));
    struct frame_filter known = *filter;
    if (!request.n) return false;
    if (filter->topic.p && w->net.topic_id)
        (void)w->net.topic_id(w->net.topic_ctx, filter->topic, &known.topic_id);
    arena_init(&a, &((struct world *)(uintptr_t)w)->mem, 0);
    bool names = request_head_read(&r, &a, &head) == HEAD_OK && is_asked_by(&head, r, &a, filter) &&
                 (!filter->topic.p || names_topic(f, request, &head, &r, &a, &known));
    arena_release(&a);
    return names;
}
