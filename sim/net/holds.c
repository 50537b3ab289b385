/* Holding and waiting for frames by what they are. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/net/internal.h"

struct frame_filter
frame_filter_any(void)
{
    return (struct frame_filter){.api = ANY_API, .which = WHICH_ANY, .partition = -1};
}

static bool
needs_bytes(const struct frame_filter *f)
{
    return f->also || f->topic.p;
}

bool
filter_matches(const struct frame_filter *filter, const struct world_frame *f, struct slice bytes,
               struct slice request, struct mem *mem)
{
    if (filter->api != ANY_API && filter->api != f->api) return false;
    if (filter->which != WHICH_ANY && f->is_answer != (filter->which == WHICH_ANSWER)) return false;
    if (filter->from && filter->from != f->from) return false;
    if (filter->to && filter->to != f->to) return false;
    if (filter->port && filter->port != f->port) return false;
    if (filter->topic.p && !frame_names(f, request, filter, mem)) return false;
    return !filter->also || filter->also(filter->ctx, f, bytes);
}

bool
holds_want_bytes(const struct world *w)
{
    LIST_EACH(&w->net.faults, f, struct fault, node)
        if (f->kind == FAULT_HOLD && needs_bytes(&f->filter)) return true;
    LIST_EACH(&w->net.whens, n, struct when_frame, node)
        if (needs_bytes(&n->filter)) return true;
    return false;
}

static bool
catches(struct fault *h, const struct net_frame *f, struct slice bytes)
{
    struct slice request = f->f.is_answer ? f->request : bytes;
    if (h->kind != FAULT_HOLD || !filter_matches(&h->filter, &f->f, bytes, request, &h->w->mem))
        return false;
    if (h->skip > 0) {
        h->skip--;
        return false;
    }
    return !h->count || h->held < h->count;
}

static void
when_free(struct world *w, struct when_frame *n)
{
    list_remove(&n->node);
    mem_free_slice(&w->mem, n->filter.topic);
    MEM_DELETE(&w->mem, n);
}

void
holds_apply(struct world *w, struct net_frame *f, struct slice bytes)
{
    LIST_EACH(&w->net.faults, h, struct fault, node) {
        if (f->held_by || !catches(h, f, bytes)) continue;
        h->held++;
        f->held_by = h->id;
        watch_frame(w, &f->f, FRAME_HELD);
    }
    LIST_EACH(&w->net.whens, n, struct when_frame, node) {
        struct slice request = f->f.is_answer ? f->request : bytes;
        if (!filter_matches(&n->filter, &f->f, bytes, request, &w->mem) || --n->nth > 0) continue;
        world_at(w, w->now_ns, n->fn, n->ctx);
        when_free(w, n);
    }
}

fault_id
fault_hold(struct world *w, const struct frame_filter *filter, int32_t skip, int32_t count)
{
    struct fault *f = fault_new(w, FAULT_HOLD);
    f->filter = *filter;
    f->filter.topic = mem_dup(&w->mem, filter->topic);
    f->skip = skip;
    f->count = count;
    uint8_t text[160];
    struct writer t = writer_fixed(text, sizeof text);
    fmt_str(&t, filter->which == WHICH_ANSWER ? "answers" : "requests");
    if (filter->api != ANY_API) fmt_str(&t, " api "), fmt_i64(&t, filter->api);
    if (filter->from) fmt_str(&t, " from "), fmt_slice(&t, filter->from->name);
    if (filter->to) fmt_str(&t, " to "), fmt_slice(&t, filter->to->name);
    if (filter->topic.p) fmt_str(&t, " for "), fmt_slice(&t, filter->topic);
    f->words = mem_dup(&w->mem, writer_slice(&t));
    watch_fault(w, S("hold"), f->words);
    return f->id;
}

int32_t
fault_held(struct world *w, fault_id id)
{
    int32_t n = 0;
    LIST_EACH(&w->net.all, t, struct tcp, all) {
        LIST_EACH(&t->a.out.frames, f, struct net_frame, node) n += f->held_by == id;
        LIST_EACH(&t->b.out.frames, f, struct net_frame, node) n += f->held_by == id;
    }
    return id ? n : 0;
}

void
world_when_frame(struct world *w, const struct frame_filter *filter, int32_t nth,
                 void (*fn)(struct world *w, void *ctx), void *ctx)
{
    struct when_frame *n = MEM_NEW(&w->mem, struct when_frame);
    n->filter = *filter;
    n->filter.topic = mem_dup(&w->mem, filter->topic);
    n->nth = nth;
    n->fn = fn;
    n->ctx = ctx;
    list_push_back(&w->net.whens, &n->node);
}
