/* The records of __share_group_state, written and read. */
#include "broker/protocol/codec.h"
#include "broker/protocol/record_frame.h"
#include "broker/share/shard.h"

typedef struct k_share_snapshot_value_state_batch snapshot_batch;
typedef struct k_share_snapshot_key snapshot_key;
typedef struct k_share_update_key update_key;

/* ---- writing ---- */

static void
add_share_record(struct batch_builder *b, struct share_shard *s, enum k_msg key_msg,
                 const void *key, enum k_msg value_msg, const void *value)
{
    coordinator_add_record(b, shard_env(&s->base), key_msg, key, value_msg, value);
}

void
record_share_snapshot(struct batch_builder *b, struct share_shard *s, const struct share_id *id,
                      const share_snapshot *v)
{
    snapshot_key key = {id->group, id->topic, id->partition};
    add_share_record(b, s, K_MSG_SHARE_SNAPSHOT_KEY, &key, K_MSG_SHARE_SNAPSHOT_VALUE, v);
}

void
record_share_update(struct batch_builder *b, struct share_shard *s, const struct share_id *id,
                    const share_update *v)
{
    update_key key = {id->group, id->topic, id->partition};
    add_share_record(b, s, K_MSG_SHARE_UPDATE_KEY, &key, K_MSG_SHARE_UPDATE_VALUE, v);
}

void
record_share_gone(struct batch_builder *b, struct share_shard *s, const struct share_id *id)
{
    record_share_snapshot(b, s, id, NULL);
}

share_snapshot
share_snapshot_of(const struct share_state *st, struct arena *a)
{
    share_snapshot v;
    codec_default(K_MSG_SHARE_SNAPSHOT_VALUE, &v);
    v.snapshot_epoch = st->snapshot_epoch + 1;
    v.state_epoch = st->state_epoch;
    v.leader_epoch = st->leader_epoch;
    v.start_offset = st->start_offset;
    v.delivery_complete_count = st->done_n;
    v.create_timestamp = st->create_ms;
    v.write_timestamp = env_wall_ms(shard_env(&st->shard->base));
    v.state_batches_n = (int32_t)st->batches.v.n;
    v.state_batches = ARENA_ARRAY(a, snapshot_batch, st->batches.v.n);
    for (int64_t i = 0; i < st->batches.v.n; i++) {
        const struct state_batch *from = &st->batches.v.v[i];
        v.state_batches[i].first_offset = from->first;
        v.state_batches[i].last_offset = from->last;
        v.state_batches[i].delivery_state = (int8_t)from->state;
        v.state_batches[i].delivery_count = from->count;
    }
    return v;
}

/* ---- reading ---- */

bool
share_id_eq(const struct share_id *a, const struct share_id *b)
{
    return a->partition == b->partition && uuid_eq(a->topic, b->topic) &&
           slice_eq(a->group, b->group);
}

static bool
share_has_id(const struct map_node *n, const void *key)
{
    return share_id_eq(&CONTAINER_OF(n, const struct share_state, by_id)->id, key);
}

uint64_t
share_id_hash(const struct map *m, const struct share_id *id)
{
    uint64_t topic;
    memcpy(&topic, id->topic.b, sizeof topic);
    topic += (uint64_t)id->partition;
    return map_hash_i64(m, (int64_t)map_hash(m, id->group), (int64_t)topic);
}

struct share_state *
share_find(const struct share_shard *s, const struct share_id *id)
{
    struct map_node *n = map_find(&s->states, share_id_hash(&s->states, id), share_has_id, id);
    return n ? CONTAINER_OF(n, struct share_state, by_id) : NULL;
}

static struct share_state *
share_get(struct share_shard *s, const struct share_id *id)
{
    struct share_state *st = share_find(s, id);
    struct mem *mem = coordinator_mem(&s->owner->base);
    if (st) return st;
    st = MEM_NEW(mem, struct share_state);
    st->shard = s;
    st->id = *id;
    st->id.group = mem_dup(mem, id->group);
    map_insert(&s->states, &st->by_id, share_id_hash(&s->states, id));
    return st;
}

void
share_state_free(struct share_state *st)
{
    struct mem *mem = coordinator_mem(&st->shard->owner->base);
    map_remove(&st->shard->states, &st->by_id);
    state_batches_release(&st->batches, mem);
    mem_free_slice(mem, st->id.group);
    MEM_DELETE(mem, st);
}

/* Of the batch at hand: where it stands in the log, also when it was written just now. */
static int64_t
offset_of_batch(const struct share_shard *s, const struct batch_header *h)
{
    return s->base.state == SHARD_ACTIVE ? s->base.written_end - h->records_n : h->base_offset;
}

/* What cannot be a state is left out. */
static void
put_share_batch(struct share_state *st, int64_t first, int64_t last, int8_t state, int16_t count)
{
    struct state_batch b = {first, last, (enum delivery_state)state, count};
    if (first < 0 || last < first || last == INT64_MAX || count < 0 || !delivery_is_kept(state))
        return;
    if (last >= st->start_offset)
        state_batches_put(&st->batches, coordinator_mem(&st->shard->owner->base), &b);
}

static void
fold_snapshot(struct share_shard *s, const struct batch_header *h, const struct share_id *id,
              const share_snapshot *v)
{
    if (!v) {
        struct share_state *gone = share_find(s, id);
        if (gone) share_state_free(gone);
        return;
    }
    struct share_state *st = share_get(s, id);
    st->snapshot_epoch = v->snapshot_epoch;
    st->state_epoch = v->state_epoch;
    st->leader_epoch = v->leader_epoch;
    st->start_offset = v->start_offset;
    st->done_n = v->delivery_complete_count;
    st->create_ms = v->create_timestamp;
    st->write_ms = v->write_timestamp;
    st->updates_n = 0;
    st->snapshot_offset = offset_of_batch(s, h);
    st->batches.v.n = 0;
    for (int32_t i = 0; i < v->state_batches_n; i++)
        put_share_batch(st, v->state_batches[i].first_offset, v->state_batches[i].last_offset,
                        v->state_batches[i].delivery_state, v->state_batches[i].delivery_count);
    state_batches_cut(&st->batches, st->start_offset);
}

/* Of another snapshot than the last: what it was about is in the snapshot. */
static void
fold_update(struct share_shard *s, const struct share_id *id, const share_update *v)
{
    struct share_state *st = share_find(s, id);
    if (!v || !st || v->snapshot_epoch != st->snapshot_epoch) return;
    if (v->leader_epoch != -1) st->leader_epoch = v->leader_epoch;
    if (v->start_offset > st->start_offset) st->start_offset = v->start_offset;
    st->done_n = v->delivery_complete_count;
    st->write_ms = env_wall_ms(shard_env(&s->base));
    st->updates_n++;
    for (int32_t i = 0; i < v->state_batches_n; i++)
        put_share_batch(st, v->state_batches[i].first_offset, v->state_batches[i].last_offset,
                        v->state_batches[i].delivery_state, v->state_batches[i].delivery_count);
    state_batches_cut(&st->batches, st->start_offset);
}

static bool
read_share_value(struct share_shard *s, enum k_msg msg, struct slice bytes, void *ret)
{
    struct reader r = reader(bytes);
    int16_t version;
    return coordinator_value_read(&r, msg, &version) &&
           codec_decode(msg, version, &r, &shard_env(&s->base)->scratch, ret);
}

/* Types that are not known here are left to those who know them. */
void
share_fold(struct coordinator_shard *base, const struct batch_header *h, const struct record *rec)
{
    struct share_shard *s = share_shard_of(base);
    struct arena *scratch = &shard_env(base)->scratch;
    struct slice value = rec->value;
    struct reader r = reader(rec->key);
    enum k_msg key_msg, value_msg;
    if (!rec->key.p || !coordinator_key_read(&r, COORDINATOR_SHARE, &key_msg, &value_msg)) return;
    if (key_msg == K_MSG_SHARE_SNAPSHOT_KEY) {
        snapshot_key k;
        share_snapshot v;
        if (!codec_decode(key_msg, 0, &r, scratch, &k)) return;
        if (value.p && !read_share_value(s, value_msg, value, &v)) return;
        struct share_id id = {k.group_id, k.topic_id, k.partition};
        fold_snapshot(s, h, &id, value.p ? &v : NULL);
    } else if (key_msg == K_MSG_SHARE_UPDATE_KEY) {
        update_key k;
        share_update v;
        if (!codec_decode(key_msg, 0, &r, scratch, &k)) return;
        if (value.p && !read_share_value(s, value_msg, value, &v)) return;
        struct share_id id = {k.group_id, k.topic_id, k.partition};
        fold_update(s, &id, value.p ? &v : NULL);
    }
}
