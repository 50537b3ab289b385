/* What the active controller has on its disk of what administrators outside were told: the metadata log from its beginning
 * (it is never trimmed), record by record. */
#include "sim/scenario/guests_own.h"
#include "sim/scenario/run_internal.h"

#include "broker/base/check.h"
#include "sim/check/disk_log.h"

struct named_id {
    struct uuid id;
    struct slice name;
};

struct ledger_read {
    struct guests *g;
    VEC(struct named_id) topics; /* ever */
};

static struct slice
name_in_ledger(const struct ledger_read *l, struct uuid id)
{
    for (int64_t i = l->topics.n; i-- > 0;)
        if (uuid_eq(l->topics.v[i].id, id)) return l->topics.v[i].name;
    return SLICE_NULL;
}

static void
read_ledger_record(struct ledger_read *l, uint32_t kind, int16_t version, struct reader *r)
{
    struct guests *g = l->g;
    union {
        struct k_topic_record topic;
        struct k_remove_topic_record removal;
        struct k_partition_record partition;
        struct k_config_record setting;
    } rec;
    static const enum k_msg messages[] = {[K_REC_TOPIC_RECORD] = K_MSG_TOPIC_RECORD,
                                          [K_REC_REMOVE_TOPIC_RECORD] = K_MSG_REMOVE_TOPIC_RECORD,
                                          [K_REC_PARTITION_RECORD] = K_MSG_PARTITION_RECORD,
                                          [K_REC_CONFIG_RECORD] = K_MSG_CONFIG_RECORD};
    if (kind >= ARRAY_LEN(messages) || !messages[kind] ||
        !codec_has_version(messages[kind], version) ||
        !codec_decode(messages[kind], version, r, &g->scratch, &rec))
        return;
    struct kept_word k = {0};
    switch (kind) {
    case K_REC_TOPIC_RECORD: {
        struct named_id one = {rec.topic.topic_id, arena_dup(&g->a, rec.topic.name)};
        VEC_PUSH(g->mem, &l->topics, one);
        k = (struct kept_word){.kind = PROMISED_TOPIC, .name = one.name};
        break;
    }
    case K_REC_REMOVE_TOPIC_RECORD:
        k = (struct kept_word){.kind = PROMISED_REMOVAL,
                               .name = name_in_ledger(l, rec.removal.topic_id)};
        break;
    case K_REC_PARTITION_RECORD:
        k = (struct kept_word){.kind = PROMISED_PARTITIONS,
                               .name = name_in_ledger(l, rec.partition.topic_id),
                               .n = rec.partition.partition_id + 1};
        break;
    default:
        k = (struct kept_word){.kind = PROMISED_SETTING,
                               .resource = rec.setting.resource_type,
                               .name = rec.setting.resource_name,
                               .key = rec.setting.name,
                               .value = rec.setting.value};
        break;
    }
    guests_kept(g, &k);
}

/* KIP-631: frame version 1, kind, version of the kind, message. */
static void
read_ledger(void *ctx, const struct found *found, struct slice batch)
{
    struct ledger_read *l = ctx;
    struct batch_header h;
    struct records rs;
    struct record rec;
    (void)found;
    if (batch_parse(batch, &h) != BATCH_OK || batch_codec(&h) != CODEC_NONE || batch_is_control(&h))
        return;
    records_begin(&rs, &h, batch_payload(batch, &h));
    while (records_next(&rs, &rec)) {
        struct reader r = reader(rec.value);
        bool is_known = reader_uvarint(&r) == 1;
        uint32_t kind = reader_uvarint(&r), version = reader_uvarint(&r);
        if (!r.err && is_known && version <= INT8_MAX)
            read_ledger_record(l, kind, (int16_t)version, &r);
    }
    arena_reset(&l->g->scratch);
}

/* Of most controllers the disks were replaced, or damaged: nobody need know any more. */
static bool
ledger_may_be_gone(const struct run *r)
{
    int32_t hurt = 0, all = 0;
    for (int32_t i = 0; i < r->nodes_n; i++) {
        bool is_hurt = false;
        if (!r->nodes[i].is_controller) continue;
        for (int64_t k = 0; k < r->chronicle.v.n; k++)
            is_hurt |= r->chronicle.v.v[k].kind == HAPPENED_COPIES_GONE &&
                       !r->chronicle.v.v[k].by_power && r->chronicle.v.v[k].node == r->nodes[i].id;
        all++;
        hurt += is_hurt;
    }
    return hurt * 2 >= all;
}

void
guests_read_ledger(struct run *r, struct guests *g)
{
    const struct node_slot *n = node_by_id(r, r->truth.controller);
    struct ledger_read l = {.g = g};
    if (!g->promises.n || !n || ledger_may_be_gone(r)) return;
    guests_kept_begin(g);
    disk_log_walk(g->mem, n->m, S("__cluster_metadata-0"), DISK_LOG_PLAIN, 0, read_ledger, &l);
    VEC_RELEASE(g->mem, &l.topics);
}
