/* Why an acknowledged record is gone: who had it when it was acknowledged, who led without it, who cut
 * it off. */
#include "broker/base/check.h"
#include "visualize/facts.h"
#include "visualize/words.h"

static const struct call *
acknowledgement(const struct run *r, int32_t partition, int64_t offset)
{
    const struct call *first = NULL;
    for (int64_t i = 0; i < r->calls.n; i++) {
        const struct call *c = &r->calls.v[i];
        if (c->kind != VIEW_SEND || c->outcome != VIEW_OK) continue;
        if (c->partition != partition || c->offset != offset) continue;
        if (!first || c->completed_ns < first->completed_ns) first = c;
    }
    return first;
}

/* The copy that it held at this time; NULL: none. */
static const struct held *
held_at(const struct replica *one, int64_t offset, int64_t at_ns)
{
    for (int64_t i = one->held.n - 1; i >= 0; i--) {
        const struct held *h = &one->held.v[i];
        if (offset >= h->base && offset < h->end && h->at_ns <= at_ns && h->gone_ns > at_ns)
            return h;
    }
    return NULL;
}

static void
line(struct writer *w, int64_t at_ns)
{
    if (w->n) fmt_char(w, '\n');
    words_time(w, at_ns);
    fmt_str(w, "  ");
}

static void
who_had_it(const struct run *r, int32_t partition, const struct call *c, struct writer *w)
{
    const struct partition_view *p = &r->partitions.v[partition];
    int had = 0;
    line(w, c->completed_ns);
    for (int32_t i = 0; i < p->replicas.n; i++) {
        const struct replica *one = run_replica(r, partition, i);
        if (!one || !held_at(one, c->offset, c->completed_ns)) continue;
        fmt_str(w, had++ ? " and " : "");
        fmt_slice(w, r->actors.v[i].name);
    }
    if (!had) fmt_str(w, "no replica");
    fmt_str(w, had > 1 ? " have it by then" : " alone has it by then");
}

/* A leader of a later epoch that did not have the copy that was acknowledged. */
static void
who_led(const struct run *r, int32_t partition, const struct call *c, int64_t epoch,
        struct writer *w)
{
    const struct partition_view *p = &r->partitions.v[partition];
    for (int64_t i = 0; i < p->changes.n; i++) {
        const struct change *ch = &p->changes.v[i];
        if (ch->epoch <= epoch || ch->leader_id < 0) continue;
        int32_t leader = run_actor_of_node(r, ch->leader_id);
        const struct replica *one = run_replica(r, partition, leader);
        int64_t at_ns = MAX(ch->at_ns, c->completed_ns);
        const struct held *h = one ? held_at(one, c->offset, at_ns) : NULL;
        if (!one || (h && h->epoch <= epoch)) continue;
        line(w, at_ns);
        run_node_name(r, ch->leader_id, w);
        fmt_str(w, ch->at_ns < c->completed_ns ? " leads already (epoch "
                   : ch->unclean               ? " is made leader uncleanly (epoch "
                                               : " becomes leader (epoch ");
        fmt_i64(w, ch->epoch);
        fmt_str(w, ") without it");
        return;
    }
}

static int64_t
who_cut_it(const struct run *r, int32_t partition, const struct call *c, struct writer *w)
{
    const struct partition_view *p = &r->partitions.v[partition];
    int64_t last = -1;
    for (int32_t i = 0; i < p->replicas.n; i++) {
        const struct replica *one = run_replica(r, partition, i);
        const struct held *h = one ? held_at(one, c->offset, c->completed_ns) : NULL;
        if (!h || h->gone_ns == RUN_FOREVER) continue;
        line(w, h->gone_ns);
        fmt_slice(w, r->actors.v[i].name);
        fmt_str(w, " no longer has it");
        last = MAX(last, h->gone_ns);
    }
    return last;
}

int64_t
chain_of_loss(const struct run *r, int32_t partition, int64_t offset, struct writer *w)
{
    const struct call *c = acknowledgement(r, partition, offset);
    if (!c || c->completed_ns == RUN_FOREVER) return -1;
    line(w, c->completed_ns);
    fmt_slice(w, c->value);
    fmt_str(w, " is acknowledged at offset ");
    fmt_i64(w, offset);
    fmt_str(w, c->acks == 1   ? " (acks=1: the leader alone)"
               : c->acks == 0 ? " (acks=0)"
                              : " (acks=all)");
    who_had_it(r, partition, c, w);
    int64_t epoch = -1;
    for (int32_t i = 0; i < r->partitions.v[partition].replicas.n; i++) {
        const struct replica *one = run_replica(r, partition, i);
        const struct held *h = one ? held_at(one, offset, c->completed_ns) : NULL;
        if (h) epoch = MAX(epoch, h->epoch);
    }
    who_led(r, partition, c, epoch, w);
    return who_cut_it(r, partition, c, w);
}
