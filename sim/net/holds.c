/* Holding and waiting for frames by what they are. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/tables.h"
#include "sim/net/internal.h"

struct frame_filter
frame_filter_any(void)
{
    return (struct frame_filter){.api = ANY_API, .which = WHICH_ANY, .partition = -1};
}

#define DELAYS_TOLD 3 /* of one fault: the others are no news */

static bool
names_something(const struct frame_filter *f)
{
    return f->topic.p || f->client_id.p || f->group.p || f->transactional_id.p;
}

static bool
needs_bytes(const struct frame_filter *f)
{
    return f->also || names_something(f);
}

static bool
is_of_client(const struct machine *m)
{
    return m && slice_eq(m->kind, S("client"));
}

/* request: the frame that names the topics; of a request, itself. */
static bool
filter_matches(struct world *w, const struct frame_filter *filter, const struct world_frame *f,
               struct slice bytes, struct slice request)
{
    if (filter->api != ANY_API && filter->api != f->api) return false;
    if (filter->which != WHICH_ANY && f->is_answer != (filter->which == WHICH_ANSWER)) return false;
    if (filter->from && filter->from != f->from) return false;
    if (filter->to && filter->to != f->to) return false;
    if (filter->port && filter->port != f->port) return false;
    if (filter->of_clients && !is_of_client(f->is_answer ? f->to : f->from)) return false;
    if (filter->principal.p && !principal_is(f->principal, filter->principal)) return false;
    if (names_something(filter) && !frame_names(w, f, request, filter)) return false;
    return !filter->also || filter->also(filter->ctx, f, bytes);
}

bool
holds_want_bytes(const struct world *w)
{
    LIST_EACH(&w->net.faults, f, struct fault, node)
        if (f->kind == FAULT_HOLD && (needs_bytes(&f->filter) || f->how.deed == DEED_ANSWER))
            return true;
    LIST_EACH(&w->net.whens, n, struct when_frame, node)
        if (needs_bytes(&n->filter)) return true;
    return false;
}

bool
hold_catches(struct fault *h, const struct net_frame *f, struct slice bytes)
{
    struct slice request = f->f.is_answer ? f->request : bytes;
    if (h->how.count && h->held >= h->how.count) return false;
    if (!filter_matches(h->w, &h->filter, &f->f, bytes, request)) return false;
    if (h->how.permille && !dice_permille(&h->dice, h->how.permille)) return false;
    if (h->how.skip > 0) {
        h->how.skip--;
        return false;
    }
    h->held++;
    if (h->how.met) ++*h->how.met;
    return true;
}

/* Copies: the caller's texts may go. */
static struct frame_filter
filter_dup(struct mem *mem, const struct frame_filter *from)
{
    struct frame_filter f = *from;
    f.topic = mem_dup(mem, from->topic);
    f.client_id = mem_dup(mem, from->client_id);
    f.group = mem_dup(mem, from->group);
    f.transactional_id = mem_dup(mem, from->transactional_id);
    f.principal = mem_dup(mem, from->principal);
    return f;
}

void
filter_release(struct mem *mem, struct frame_filter *f)
{
    mem_free_slice(mem, f->topic);
    mem_free_slice(mem, f->client_id);
    mem_free_slice(mem, f->group);
    mem_free_slice(mem, f->transactional_id);
    mem_free_slice(mem, f->principal);
}

static void
when_free(struct world *w, struct when_frame *n)
{
    list_remove(&n->node);
    filter_release(&w->mem, &n->filter);
    MEM_DELETE(&w->mem, n);
}

/* ---- what becomes of a frame ---- */

static void
frame_meets(struct fault *h, struct net_frame *f)
{
    struct world *w = h->w;
    struct tcp *t = f->flow->from->tcp;
    uint8_t text[100];
    struct writer how = writer_fixed(text, sizeof text);
    f->held_by = h->how.deed == DEED_HOLD ? h->id : HELD_APART;
    watch_frame(w, &f->f, FRAME_HELD);
    switch (h->how.deed) {
    case DEED_HOLD: return;
    case DEED_DELAY: {
        int64_t ns = delay_draw(&h->dice, &h->how.delay);
        entry_arm(w, &f->release, w->now_ns + ns);
        fmt_str(&how, "waits "), fmt_seconds(&how, ns);
        if (h->held > DELAYS_TOLD) return;
        break;
    }
    case DEED_LOSE:
        f->flow->is_lossy = true;
        fmt_str(&how,
                f->f.is_answer ? "was done, and the answer is lost" : "is lost, and was not done");
        break;
    case DEED_BREAK:
        entry_arm(w, &t->breaks, w->now_ns);
        fmt_str(&how, f->f.is_answer ? "was done, and its connection breaks before the answer"
                                     : "breaks its connection, and was not done");
        break;
    case DEED_REPEAT:
    case DEED_ANSWER: return;
    }
    watch_met(w, &f->f, writer_slice(&how));
}

void
holds_apply(struct world *w, struct net_frame *f, struct slice bytes)
{
    LIST_EACH(&w->net.faults, h, struct fault, node) {
        bool holds =
            h->kind == FAULT_HOLD && h->how.deed != DEED_REPEAT && h->how.deed != DEED_ANSWER;
        if (holds && !f->held_by && hold_catches(h, f, bytes)) frame_meets(h, f);
    }
    LIST_EACH(&w->net.whens, n, struct when_frame, node) {
        struct slice request = f->f.is_answer ? f->request : bytes;
        if (!filter_matches(w, &n->filter, &f->f, bytes, request) || --n->nth > 0) continue;
        world_at(w, w->now_ns, n->fn, n->ctx);
        when_free(w, n);
    }
}

/* ---- beginning ---- */

static struct slice
deed_verb(enum deed deed)
{
    static const char *const verbs[] = {"hold", "delay", "lose", "break", "repeat", "answer"};
    return slice_cstr(verbs[deed]);
}

static struct slice
filter_words(struct world *w, const struct frame_filter *filter, const struct meddling *m)
{
    uint8_t text[300];
    struct writer t = writer_fixed(text, sizeof text);
    fmt_str(&t, filter->which == WHICH_ANSWER ? "answers" : "requests");
    if (filter->api != ANY_API) fmt_str(&t, " api "), fmt_i64(&t, filter->api);
    if (filter->from) fmt_str(&t, " from "), fmt_slice(&t, filter->from->name);
    if (filter->to) fmt_str(&t, " to "), fmt_slice(&t, filter->to->name);
    if (filter->topic.p) fmt_str(&t, " for "), fmt_slice(&t, filter->topic);
    if (filter->client_id.p) fmt_str(&t, " of client "), fmt_slice(&t, filter->client_id);
    if (filter->group.p) fmt_str(&t, " of group "), fmt_slice(&t, filter->group);
    if (filter->transactional_id.p)
        fmt_str(&t, " of transactional id "), fmt_slice(&t, filter->transactional_id);
    if (filter->principal.p) fmt_str(&t, " of user "), fmt_slice(&t, filter->principal);
    if (m->error) fmt_str(&t, " ("), fmt_slice(&t, k_err_name(m->error)), fmt_char(&t, ')');
    return mem_dup(&w->mem, writer_slice(&t));
}

fault_id
fault_meddle(struct world *w, const struct frame_filter *filter, const struct meddling *m)
{
    struct fault *f = fault_new(w, FAULT_HOLD);
    uint8_t name[32];
    struct writer n = writer_fixed(name, sizeof name);
    fmt_slice(&n, deed_verb(m->deed)), fmt_char(&n, ' '), fmt_i64(&n, f->id);
    f->filter = filter_dup(&w->mem, filter);
    if (m->deed == DEED_REPEAT || m->deed == DEED_ANSWER) {
        f->filter.which = WHICH_REQUEST;
        w->net.rewriters++;
    }
    if (m->deed == DEED_ANSWER) f->filter.of_clients = true;
    f->how = *m;
    f->dice = world_dice(w, S("meddling"), writer_slice(&n));
    f->words = filter_words(w, &f->filter, m);
    watch_fault(w, deed_verb(m->deed), f->words);
    return f->id;
}

fault_id
fault_hold(struct world *w, const struct frame_filter *filter, int32_t skip, int32_t count)
{
    return fault_meddle(w, filter, &(struct meddling){.skip = skip, .count = count});
}

void
net_know_topics(struct world *w, bool (*id)(void *ctx, struct slice name, struct uuid *ret),
                void *ctx)
{
    w->net.topic_id = id;
    w->net.topic_ctx = ctx;
}

void
net_follow_sessions(struct world *w)
{
    w->net.follows_sessions = true;
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
    n->filter = filter_dup(&w->mem, filter);
    n->nth = nth;
    n->fn = fn;
    n->ctx = ctx;
    list_push_back(&w->net.whens, &n->node);
}
