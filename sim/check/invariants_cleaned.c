/* What a cleaning leaves behind, as the files of its log have it when it is over. It goes no further than readers of committed records do: of
 * a transaction that is open nobody knows yet whether its records stay, nor in which segment's list of aborted transactions it will have to
 * stand (KAFKA-13727). And where it says until when tombstones and markers are to stay, in the place of a batch's first time, it says that it
 * does (KIP-534): else the next one takes it for a time, and they stay for ever. */
#include "broker/record/batch.h"
#include "sim/check/invariants_own.h"
#include "sim/world/fault.h"

enum { PRODUCERS_MAX = 64 };

/* Its last records below the bound, and its last marker anywhere. */
struct in_log {
    int64_t producer, last, marker;
};

struct looking_at_cleaned {
    struct machine *m;
    int64_t to; /* what was cleaned lies below it */
    bool seeks_markers;
    struct in_log v[PRODUCERS_MAX];
    int32_t n;
    int64_t misdated; /* the offset of a batch; -1 */
};

static struct in_log *
producer_in(struct looking_at_cleaned *x, int64_t producer, bool may_be_new)
{
    for (int32_t i = 0; i < x->n; i++)
        if (x->v[i].producer == producer) return &x->v[i];
    if (!may_be_new || x->n == PRODUCERS_MAX) return NULL;
    x->v[x->n] = (struct in_log){producer, -1, -1};
    return &x->v[x->n++];
}

static void
take_cleaned_batch(struct looking_at_cleaned *x, const struct batch_header *h)
{
    bool is_record = batch_is_transactional(h) && !batch_is_control(h) && h->records_n > 0;
    bool is_marker = batch_is_transactional(h) && batch_is_control(h);
    if (x->seeks_markers) {
        struct in_log *p = is_marker ? producer_in(x, h->producer_id, false) : NULL;
        if (p) p->marker = MAX(p->marker, h->base_offset);
        return;
    }
    if (h->base_offset >= x->to) return;
    struct in_log *p = is_record ? producer_in(x, h->producer_id, true) : NULL;
    if (p) p->last = MAX(p->last, h->base_offset);
    if (h->records_n > 0 && h->max_timestamp >= 0 && h->base_timestamp > h->max_timestamp &&
        !batch_has_log_append_time(h) && !(h->attributes & BATCH_DELETE_HORIZON))
        x->misdated = h->base_offset;
}

static void
look_at_cleaned_file(void *ctx, struct slice path, int64_t size)
{
    struct looking_at_cleaned *x = ctx;
    uint8_t head[BATCH_HEADER_BYTES];
    struct batch_header h;
    if (!slice_ends(path, S(".log"))) return;
    for (int64_t at = 0; at + BATCH_HEADER_BYTES <= size; at += batch_size_bytes(&h)) {
        if (disk_peek(x->m, path, IMAGE_CACHED, at, head, sizeof head) != sizeof head ||
            batch_parse(slice(head, sizeof head), &h) != BATCH_OK)
            return;
        if (!x->seeks_markers && h.base_offset >= x->to) return;
        take_cleaned_batch(x, &h);
    }
}

void
cleaned_look(struct invariants *v, struct node_log *l, int64_t to)
{
    const struct model_node *n = model_node(&v->model, v->node);
    char text[300];
    struct writer dir = writer_fixed(text, sizeof text);
    if (!v->world || !n || n->is_spoilt || l->hurt || l->key->is_retired) return;
    struct looking_at_cleaned x = {
        .m = world_machine_at(v->world, v->node), .to = to, .misdated = -1};
    writer_bytes(&dir, S("data/"));
    writer_bytes(&dir, l->key->subject);
    if (dir.err) return;
    disk_peek_dir(x.m, writer_slice(&dir), IMAGE_CACHED, look_at_cleaned_file, &x);
    if (x.misdated >= 0)
        breach(v, RULE_DISK_TRUTH, l->key, x.misdated,
               "cleaned all below #, and the batch at # begins later than its latest record", to,
               x.misdated);
    if (!x.n) return;
    x.seeks_markers = true;
    disk_peek_dir(x.m, writer_slice(&dir), IMAGE_CACHED, look_at_cleaned_file, &x);
    for (int32_t i = 0; i < x.n; i++)
        if (x.v[i].last > x.v[i].marker)
            breach(v, RULE_TRANSACTION_STATE, l->key, x.v[i].last,
                   "cleaned all below #, and a transaction of producer # is open there", to,
                   x.v[i].producer);
}
