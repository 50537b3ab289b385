/* Links between hosts, and the faults that last: cuts, flapping, slowness (and the ends of holds). */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/net/internal.h"

/* ---- links ---- */

static struct link *
link_new(struct world *w, struct host *from, struct host *to)
{
    struct link *l = MEM_NEW(&w->mem, struct link);
    l->from = from;
    l->to = to;
    struct writer name = writer_mem(&w->mem);
    fmt_slice(&name, from->name);
    fmt_char(&name, '>');
    fmt_slice(&name, to->name);
    l->dice = world_dice(w, S("link"), writer_slice(&name));
    writer_release(&name);
    return l;
}

struct link *
link_make(struct world *w, struct host *from, struct host *to)
{
    while (from->links.n <= to->index) VEC_PUSH(&w->mem, &from->links, NULL);
    struct link **l = &from->links.v[to->index];
    if (!*l) *l = link_new(w, from, to);
    return *l;
}

/* Nobody cuts the link of a host to itself. */
bool
link_is_open(struct world *w, struct host *from, struct host *to)
{
    return link_lets_through(link_between(w, from, to));
}

bool
net_is_open(struct world *w, struct machine *a, struct machine *b)
{
    return link_is_open(w, a->host, b->host);
}

static int64_t
latency(struct world *w, struct link *l)
{
    const struct delay *d = l->from == l->to ? &w->options.net.loopback : &w->options.net.latency;
    if (!l->slow) return delay_draw(&l->dice, d);
    if (l->slow->latency.max_ns) d = &l->slow->latency;
    int64_t ns = delay_draw(&l->dice, d), repeat = w->options.net.retry_min_ns;
    for (int i = 0; i < 6 && dice_permille(&l->dice, l->slow->loss_permille); i++, repeat *= 2)
        ns += repeat;
    return ns;
}

int64_t
link_arrival(struct world *w, struct link *l, int64_t n)
{
    int64_t rate = l->from == l->to ? 0 : w->options.net.bandwidth_bytes_per_s, leaves = w->now_ns;
    if (l->slow && l->slow->bandwidth_bytes_per_s) rate = l->slow->bandwidth_bytes_per_s;
    if (rate) {
        leaves = MAX(leaves, l->free_at_ns) + n * NS_PER_S / rate;
        l->free_at_ns = leaves;
    }
    return leaves + latency(w, l);
}

/* ---- faults that last ---- */

struct fault *
fault_new(struct world *w, enum fault_kind kind)
{
    world_must_be_between(w);
    struct fault *f = MEM_NEW(&w->mem, struct fault);
    f->id = ++w->net.next_fault;
    f->kind = kind;
    f->w = w;
    list_push_back(&w->net.faults, &f->node);
    return f;
}

static void
add_links(struct fault *f, struct machines from, struct machines to, bool both_ways)
{
    struct world *w = f->w;
    for (int32_t i = 0; i < from.n; i++)
        for (int32_t k = 0; k < to.n; k++) {
            struct host *a = from.v[i]->host, *b = to.v[k]->host;
            if (a == b) continue;
            VEC_PUSH(&w->mem, &f->links, link_between(w, a, b));
            if (both_ways) VEC_PUSH(&w->mem, &f->links, link_between(w, b, a));
        }
}

static void
set_down(struct fault *f, bool down)
{
    if (f->is_down == down) return;
    f->is_down = down;
    for (int64_t i = 0; i < f->links.n; i++) f->links.v[i]->cuts += down ? 1 : -1;
}

static void
say_links(struct fault *f, struct slice verb, struct machines from, struct machines to,
          bool both_ways)
{
    struct writer t = writer_mem(&f->w->mem);
    fmt_machines(&t, from);
    fmt_str(&t, both_ways ? " <> " : " > ");
    fmt_machines(&t, to);
    f->words = mem_dup(&f->w->mem, writer_slice(&t));
    writer_release(&t);
    watch_fault(f->w, verb, f->words);
}

fault_id
fault_cut(struct world *w, struct machines from, struct machines to, bool both_ways)
{
    struct fault *f = fault_new(w, FAULT_CUT);
    add_links(f, from, to, both_ways);
    set_down(f, true);
    say_links(f, S("cut"), from, to, both_ways);
    return f->id;
}

static void
flap_fire(struct world *w, struct entry *e)
{
    struct fault *f = CONTAINER_OF(e, struct fault, flap);
    set_down(f, !f->is_down);
    entry_arm(w, e, w->now_ns + (f->is_down ? f->down_ns : f->up_ns));
}

fault_id
fault_flap(struct world *w, struct machines from, struct machines to, bool both_ways,
           int64_t down_ns, int64_t up_ns)
{
    CHECK(down_ns > 0 && up_ns > 0);
    struct fault *f = fault_new(w, FAULT_FLAP);
    add_links(f, from, to, both_ways);
    set_down(f, true);
    f->down_ns = down_ns;
    f->up_ns = up_ns;
    f->flap.fire = flap_fire;
    entry_arm(w, &f->flap, w->now_ns + down_ns);
    say_links(f, S("flap"), from, to, both_ways);
    return f->id;
}

fault_id
fault_slow_link(struct world *w, struct machines from, struct machines to, bool both_ways,
                struct slow slow)
{
    struct fault *f = fault_new(w, FAULT_SLOW);
    add_links(f, from, to, both_ways);
    f->slow = slow;
    for (int64_t i = 0; i < f->links.n; i++) f->links.v[i]->slow = &f->slow;
    say_links(f, S("slow"), from, to, both_ways);
    return f->id;
}

/* The latest slowness that still lasts counts. */
static void
unslow(struct world *w, const struct fault *gone)
{
    for (int64_t i = 0; i < gone->links.n; i++) gone->links.v[i]->slow = NULL;
    LIST_EACH(&w->net.faults, f, struct fault, node)
        for (int64_t i = 0; f->kind == FAULT_SLOW && i < f->links.n; i++)
            f->links.v[i]->slow = &f->slow;
}

static void
release_flow(struct flow *f, fault_id id)
{
    struct world *w = f->from->tcp->w;
    bool any = false;
    LIST_EACH(&f->frames, frame, struct net_frame, node) {
        if (frame->held_by != id) continue;
        frame->held_by = 0;
        f->held_n--;
        any = true;
        watch_frame(w, &frame->f, FRAME_RELEASED);
    }
    if (any) flow_pump(f);
}

static void
release_all(struct world *w, fault_id id)
{
    LIST_EACH(&w->net.all, t, struct tcp, all) {
        release_flow(&t->a.out, id);
        release_flow(&t->b.out, id);
    }
}

static struct slice
heal_verb(enum fault_kind kind)
{
    switch (kind) {
    case FAULT_CUT:
    case FAULT_FLAP: return S("heal");
    case FAULT_SLOW: return S("heal slow");
    case FAULT_HOLD: break;
    }
    return S("release");
}

static void
link_fault_end(struct world *w, struct fault *f)
{
    list_remove(&f->node);
    set_down(f, false);
    entry_disarm(w, &f->flap);
    if (f->kind == FAULT_SLOW) unslow(w, f);
    watch_fault(w, heal_verb(f->kind), f->words);
    if (f->kind == FAULT_HOLD) release_all(w, f->id);
    if (f->kind == FAULT_HOLD && (f->how.deed == DEED_REPEAT || f->how.deed == DEED_ANSWER))
        w->net.rewriters--;
    filter_release(&w->mem, &f->filter);
    mem_free_slice(&w->mem, f->words);
    VEC_RELEASE(&w->mem, &f->links);
    MEM_DELETE(&w->mem, f);
}

void
fault_heal(struct world *w, fault_id id)
{
    world_must_be_between(w);
    LIST_EACH(&w->net.faults, f, struct fault, node) {
        if (f->id != id) continue;
        link_fault_end(w, f);
        return;
    }
}

bool
fault_lasts(struct world *w, fault_id id)
{
    LIST_EACH(&w->net.faults, f, struct fault, node)
        if (f->id == id) return true;
    return false;
}

void
fault_heal_all(struct world *w)
{
    world_must_be_between(w);
    while (!list_is_empty(&w->net.faults))
        link_fault_end(w, LIST_FIRST(&w->net.faults, struct fault, node));
}
