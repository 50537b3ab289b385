/* What coordinators decided, record by record: the logs of their topics are read from the disk of whoever leads them, as far as it
 * calls them committed, and in their order, as a coordinator that takes over would. So it is known what was decided before
 * anything that follows from it, and no coordinator is asked. */
#include "broker/base/arena.h"
#include "broker/record/control.h"
#include "broker/record/record.h"
#include "sim/check/invariants_own.h"
#include "sim/check/log_view.h"

struct shard_log {
    struct topic_key *key;
    struct log_view *view;
    int32_t node;       /* whose disk it is */
    int64_t next;       /* all below was read … */
    int32_t last_epoch; /* … the last batch of which was of this leader epoch */
    bool
        is_lost; /* what was committed may have been given up, or cannot be read: nothing follows from it */
};

void
coordinators_free(struct invariants *v)
{
    for (int64_t i = 0; i < v->shards.n; i++) {
        struct shard_log *s = v->shards.v[i];
        if (s->view) log_view_free(s->view);
        MEM_DELETE(v->mem, s);
    }
    VEC_RELEASE(v->mem, &v->shards);
    txns_free(v);
    members_free(v);
    groups_free(v);
    offsets_free(v);
    descriptions_free(v);
    away_free(v);
}

static struct shard_log *
shard_log_of(struct invariants *v, struct topic_key *k)
{
    for (int64_t i = 0; i < v->shards.n; i++)
        if (v->shards.v[i]->key == k) return v->shards.v[i];
    struct shard_log *s = MEM_NEW(v->mem, struct shard_log);
    *s = (struct shard_log){.key = k};
    VEC_PUSH(v->mem, &v->shards, s);
    return s;
}

static void
read_records(struct invariants *v, struct shard_log *s, const struct batch_header *h,
             struct slice all)
{
    bool is_of_txns = slice_eq(s->key->topic, TRANSACTIONS);
    bool is_in_txn = h->attributes & BATCH_TRANSACTIONAL;
    struct records rs;
    struct record r;
    struct arena scratch;
    arena_init(&scratch, v->mem, 0);
    records_begin(&rs, h, batch_payload(all, h));
    while (records_next(&rs, &r)) {
        if (r.offset < s->next) continue;
        if (is_of_txns) {
            take_txn_record(v, s->key, &scratch, &r, h->leader_epoch);
            continue;
        }
        take_offset_record(v, s->key, &scratch, &r, is_in_txn ? h->producer_id : -1);
        if (is_in_txn) continue;
        take_group_record(v, s->key, &scratch, &r);
        take_sharing_record(v, s->key, &scratch, &r);
    }
    arena_release(&scratch);
    if (is_of_txns) return;
    check_members(v, s->key);
    check_sharing(v, s->key);
}

/* In transactions there are offsets alone. */
static void
read_shard_batch(struct invariants *v, struct shard_log *s, const struct batch_header *h)
{
    struct slice all;
    struct marker m;
    if (batch_codec(h) != CODEC_NONE || !log_view_batch(s->view, &all)) return;
    if (!(h->attributes & BATCH_CONTROL)) read_records(v, s, h, all);
    else if (marker_parse(h, all, &m)) take_offsets_end(v, s->key, h->producer_id, m.commit);
    mem_free(v->mem, (void *)(uintptr_t)all.p, all.n);
}

static void
lose_shard(struct invariants *v, struct shard_log *s)
{
    s->is_lost = true;
    txns_lost(v, s->key);
    members_lost(v, s->key);
    groups_lost(v, s->key);
    if (slice_eq(s->key->topic, GROUPS)) offsets_lost(v);
}

/* Who lacks what was read here has lost it: what it writes there is of another state. So it is where another batch stands in the place
 * of the last one, or none: a leader that knows from its checkpoints that records are missing goes on behind them. */
void
coordinator_leads(struct invariants *v, const struct topic_key *k, const struct node_log *l)
{
    for (int64_t i = 0; i < v->shards.n; i++) {
        struct shard_log *s = v->shards.v[i];
        const struct batch *b = s->key == k && s->next > 0 ? log_at(l, s->next - 1) : NULL;
        bool is_another = b && b->epoch != s->last_epoch;
        bool is_gone = s->next > 0 && (log_end(l) < s->next || l->start >= s->next);
        if (s->key == k && !s->is_lost && (is_gone || is_another)) lose_shard(v, s);
    }
}

void
coordinator_read(struct invariants *v, struct topic_key *k, int32_t node, int64_t end)
{
    struct batch_header h;
    if (!v->world || (!slice_eq(k->topic, TRANSACTIONS) && !slice_eq(k->topic, GROUPS))) return;
    struct shard_log *s = shard_log_of(v, k);
    if (s->is_lost || end <= s->next) return;
    if (was_ever_lossy(k) || model_node(&v->model, node)->is_spoilt) {
        lose_shard(v, s);
        return;
    }
    if (!s->view || s->node != node) {
        if (s->view) log_view_free(s->view);
        s->view = log_view_new(v->mem, world_machine_at(v->world, node), k->subject);
        s->node = node;
    }
    if (log_view_end(s->view) != s->next) log_view_begin(s->view, s->next);
    while (log_view_next(s->view, end, &h)) {
        read_shard_batch(v, s, &h);
        s->next = batch_next_offset(&h);
        s->last_epoch = h.leader_epoch;
    }
    if (s->next < end) lose_shard(v, s);
}

bool
coordinator_is_heard(struct invariants *v, const struct topic_key *shard, int32_t node)
{
    const struct model_node *n = model_node(&v->model, node);
    const struct node_log *l = n && shard->index < n->logs.n ? n->logs.v[shard->index] : NULL;
    for (int64_t i = 0; l && l->leads && i < v->shards.n; i++)
        if (v->shards.v[i]->key == shard)
            return !v->shards.v[i]->is_lost && v->shards.v[i]->node == node &&
                   v->shards.v[i]->next == l->hw;
    return false;
}

bool
coordinator_is_read(struct invariants *v, const struct topic_key *shard, int32_t node)
{
    const struct model_node *n = model_node(&v->model, node);
    const struct node_log *l = n && shard->index < n->logs.n ? n->logs.v[shard->index] : NULL;
    for (int64_t i = 0; l && l->leads && i < v->shards.n; i++) {
        const struct shard_log *s = v->shards.v[i];
        if (s->key == shard) return !s->is_lost && s->node == node && s->next == log_end(l);
    }
    return false;
}
