/* Random faults: one after the other is drawn by weight from the seed, lasts a while and is taken back. Each is
 * also written down as the step that does the same, for whoever wants the timeline without the dice. */
#include "sim/scenario/run_internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "apis.h"

struct affliction {
    struct run *r;
    struct machine *m; /* NULL: none is down for it */
    fault_id fault;
    bool disk;
    int64_t lasts_ns;
};

/* As a step: its verb and what stands beside it. a: NULL if it does not last. */
__attribute__((format(printf, 3, 4))) static void
write_down(struct run *r, const struct affliction *a, const char *format, ...)
{
    char text[1000];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    struct line l = {run_now(r), SLICE_EMPTY};
    l.text = a ? arena_format(r->a, "{at: %lldns, %s, for: %lldns}", (long long)l.at_ns, text,
                              (long long)a->lasts_ns)
               : arena_format(r->a, "{at: %lldns, %s}", (long long)l.at_ns, text);
    VEC_PUSH(r->a->mem, &r->ret->drawn.v, l);
}

/* It has no duration as a step; its end is a step of its own. */
static void
write_down_shutdown(struct run *r, const struct affliction *a)
{
    int64_t now = run_now(r), n = r->ret->drawn.v.n;
    write_down(r, NULL, "shutdown: %.*s, as: stopped%lld", SARG(a->m->name), (long long)n);
    struct line l = {now + a->lasts_ns, arena_format(r->a, "{at: %lldns, restart: $stopped%lld}",
                                                     (long long)(now + a->lasts_ns), (long long)n)};
    VEC_PUSH(r->a->mem, &r->ret->drawn.v, l);
}

static void
relieve(struct world *w, void *ctx)
{
    struct affliction *a = ctx;
    if (!a->r->playing) return;
    a->r->last_fault_ns = world_now_ns(w);
    a->r->nemesis_active--;
    if (a->fault) fault_heal(w, a->fault);
    if (a->disk) fault_disk_heal(a->m);
    else if (a->m) run_bring_back(a->r, a->m);
}

static struct affliction *
afflict(struct run *r, struct machine *m, fault_id fault)
{
    const struct nemesis *n = &r->s->nemesis;
    struct affliction *a = ARENA_NEW(r->a, struct affliction);
    *a = (struct affliction){r, m, fault, false, 0};
    r->nemesis_active++;
    a->lasts_ns = dice_between(&r->nemesis_dice, n->lasting.min, n->lasting.max);
    world_at(r->w, world_now_ns(r->w) + a->lasts_ns, relieve, a);
    return a;
}

static struct node_slot *
draw_node(struct run *r)
{
    return &r->nodes[dice_below(&r->nemesis_dice, r->nodes_n)];
}

/* As many of its kind as may be down together are down already. */
static bool
may_go_down(const struct run *r, const struct node_slot *n)
{
    int64_t down = 0;
    if (n->m->state != MACHINE_UP) return false;
    for (int32_t i = 0; i < r->nodes_n; i++) {
        const struct node_slot *o = &r->nodes[i];
        bool same = o->is_broker == n->is_broker || o->is_controller == n->is_controller;
        down += same && o->m->state != MACHINE_UP;
    }
    return down < r->s->nemesis.down;
}

/* By the promise of every topic fewer than min.insync.replicas may end uncleanly at once when any of them
 * loses copies. */
static bool
keeps_promises(struct run *r, bool power)
{
    int64_t least = INT32_MAX;
    for (int32_t i = 0; i < r->s->topics_n; i++)
        least = MIN(least, topic_min_isr(r, &r->s->topics[i]));
    return (!power && power_gone(r) == 0) || power_unclean(r) < MAX(1, least - 1);
}

static bool
is(struct slice kind, const char *name)
{
    return slice_eq(kind, slice_cstr(name));
}

static bool
strike_node(struct run *r, struct slice kind)
{
    struct node_slot *n = draw_node(r);
    if (!may_go_down(r, n)) return false;
    bool unclean = is(kind, "power") || is(kind, "crash");
    if (unclean && n->is_broker && !keeps_promises(r, is(kind, "power"))) return false;
    n->hurt = true;
    run_fault(r, (const char *)kind.p, "%.*s", SARG(n->m->name));
    if (is(kind, "crash")) fault_crash(n->m);
    else if (is(kind, "power")) fault_power(n->m);
    else if (is(kind, "pause")) fault_pause(n->m);
    else node_shut_down(r, n->m);
    const struct affliction *a = afflict(r, n->m, 0);
    if (is(kind, "shutdown")) write_down_shutdown(r, a);
    else write_down(r, a, "%.*s: %.*s", SARG(kind), SARG(n->m->name));
    return true;
}

static bool
strike_pair(struct run *r, struct slice kind)
{
    struct machine *a = draw_node(r)->m, *b = draw_node(r)->m;
    if (a == b) return false;
    struct machines x = {&a, 1}, y = {&b, 1};
    run_fault(r, (const char *)kind.p, "%.*s, %.*s", SARG(a->name), SARG(b->name));
    int64_t some = dice_between(&r->nemesis_dice, 20, 400) * NS_PER_MS;
    if (is(kind, "cut-one-way")) {
        write_down(r, afflict(r, NULL, fault_cut(r->w, x, y, false)), "cut: {from: %.*s, to: %.*s}",
                   SARG(a->name), SARG(b->name));
    } else if (is(kind, "flap")) {
        write_down(r, afflict(r, NULL, fault_flap(r->w, x, y, true, some, some)),
                   "flap: [%.*s, %.*s], down: %lldns, up: %lldns", SARG(a->name), SARG(b->name),
                   (long long)some, (long long)some);
    } else if (is(kind, "slow")) {
        struct slow slow = {.latency = {some / 4, some, 0, 0}};
        write_down(r, afflict(r, NULL, fault_slow_link(r->w, x, y, true, slow)),
                   "slow: [%.*s, %.*s], by: %lldns..%lldns", SARG(a->name), SARG(b->name),
                   (long long)some / 4, (long long)some);
    } else {
        fault_reset(r->w, a, b);
        write_down(r, NULL, "reset: [%.*s, %.*s]", SARG(a->name), SARG(b->name));
    }
    return true;
}

static bool
strike_cut(struct run *r)
{
    struct machine *a = draw_node(r)->m;
    struct machine **rest = ARENA_ARRAY(r->a, struct machine *, world_machines_n(r->w));
    struct machines x = {&a, 1}, y = {rest, 0};
    for (int32_t i = 0; i < world_machines_n(r->w); i++)
        if (world_machine_at(r->w, i) != a) rest[y.n++] = world_machine_at(r->w, i);
    run_fault(r, "cut", "%.*s off", SARG(a->name));
    write_down(r, afflict(r, NULL, fault_cut(r->w, x, y, true)), "cut: [%.*s, rest]",
               SARG(a->name));
    return true;
}

/* Everybody, clients too, to one of two sides. */
static bool
strike_split(struct run *r)
{
    int32_t all = world_machines_n(r->w);
    struct machine **v = ARENA_ARRAY(r->a, struct machine *, all),
                   **u = ARENA_ARRAY(r->a, struct machine *, all);
    struct machines x = {v, 0}, y = {u, 0};
    char text[200];
    struct writer w = writer_fixed(text, sizeof text);
    for (int32_t i = 0; i < all; i++) {
        struct machine *m = world_machine_at(r->w, i);
        if (dice_below(&r->nemesis_dice, 2)) {
            u[y.n++] = m;
            continue;
        }
        v[x.n++] = m;
        if (x.n > 1) fmt_char(&w, ' ');
        fmt_slice(&w, m->name);
    }
    if (!x.n || !y.n) return false;
    bool both = dice_below(&r->nemesis_dice, 3) > 0;
    struct slice side = writer_slice(&w);
    run_fault(r, "split", "%.*s from the rest%s", SARG(side), both ? "" : ", one way");
    char names[200];
    for (int64_t i = 0; i < side.n; i++) names[i] = side.p[i] == ' ' ? ',' : (char)side.p[i];
    write_down(r, afflict(r, NULL, fault_cut(r->w, x, y, both)),
               both ? "cut: [[%.*s], rest]" : "cut: {from: [%.*s], to: rest}", (int)side.n, names);
    return true;
}

/* Between a client and a node, in one direction. */
static bool
strike_client(struct run *r)
{
    struct machine *node = draw_node(r)->m;
    struct machine *client =
        r->s->clients_n ? r->clients[dice_below(&r->nemesis_dice, r->s->clients_n)].m : NULL;
    bool to_node = dice_below(&r->nemesis_dice, 2) == 1;
    if (!client) return false;
    struct machine *a = to_node ? client : node, *b = to_node ? node : client;
    struct machines x = {&a, 1}, y = {&b, 1};
    run_fault(r, "cut-client", "%.*s > %.*s", SARG(a->name), SARG(b->name));
    write_down(r, afflict(r, NULL, fault_cut(r->w, x, y, false)), "cut: {from: %.*s, to: %.*s}",
               SARG(a->name), SARG(b->name));
    return true;
}

static struct node_slot *
draw_broker(struct run *r)
{
    int64_t n = 0, at;
    for (int32_t i = 0; i < r->nodes_n; i++) n += r->nodes[i].is_broker;
    at = dice_below(&r->nemesis_dice, n);
    for (int32_t i = 0;; i++)
        if (r->nodes[i].is_broker && at-- == 0) return &r->nodes[i];
}

/* Fetches of anybody, from brokers or from the quorum; what only brokers say is drawn from brokers. */
static bool
strike_hold(struct run *r, struct slice kind)
{
    struct frame_filter f = frame_filter_any();
    bool fetch = is(kind, "hold-fetch"), produce = is(kind, "hold-produce");
    const struct node_slot *n = fetch ? draw_node(r) : draw_broker(r);
    bool answer = dice_below(&r->nemesis_dice, 2) == 1 || produce;
    f.api = fetch ? K_API_FETCH : produce ? K_API_PRODUCE : K_API_ALTER_PARTITION;
    f.which = answer ? WHICH_ANSWER : WHICH_REQUEST;
    if (fetch && n->is_broker && dice_below(&r->nemesis_dice, 2)) f.port = 9092;
    if (answer && !produce) f.to = n->m;
    else f.from = n->m;
    run_fault(r, (const char *)kind.p, "%s %.*s",
              !answer   ? "requests of"
              : produce ? "an answer of"
                        : "answers to",
              SARG(n->m->name));
    write_down(r, afflict(r, NULL, fault_hold(r->w, &f, 0, fetch ? 0 : 1)),
               "hold: {rpc: %s, answer: %s, %s: %.*s%s%s}",
               fetch     ? "Fetch"
               : produce ? "Produce"
                         : "AlterPartition",
               answer ? "true" : "false", answer && !produce ? "to" : "from", SARG(n->m->name),
               f.port ? ", listener: broker" : "", fetch ? "" : ", count: 1");
    return true;
}

static bool
strike_other(struct run *r, struct slice kind)
{
    struct node_slot *n = draw_node(r);
    if (is(kind, "slow-disk")) {
        run_say(r, "the disk of %.*s is slow", SARG(n->m->name));
        int64_t percent = dice_between(&r->nemesis_dice, 200, 2000);
        fault_disk_slow(n->m, percent);
        struct affliction *a = afflict(r, n->m, 0);
        a->disk = true;
        write_down(r, a, "disk: %.*s, slow: %lld", SARG(n->m->name), (long long)percent);
    } else if (is(kind, "clock")) {
        run_say(r, "the clock of %.*s jumps", SARG(n->m->name));
        int64_t by_ms = dice_between(&r->nemesis_dice, -60000, 60000);
        fault_clock_step(n->m, by_ms);
        write_down(r, NULL, "clock: %.*s, %s: %lldms", SARG(n->m->name),
                   by_ms < 0 ? "back" : "step", (long long)(by_ms < 0 ? -by_ms : by_ms));
    } else {
        if (!r->truth.partitions.n) return false;
        const struct truth_partition *p =
            r->truth.partitions.v[dice_below(&r->nemesis_dice, r->truth.partitions.n)];
        struct args *a = ARENA_NEW(r->a, struct args);
        a->elect = (struct partition_ref){p->topic, p->partition};
        run_say(r, "elect the preferred leader of %.*s", SARG(p->name));
        admin_act(r, a, SLICE_EMPTY); /* it is often not needed */
        write_down(r, NULL, "admin: {elect: %.*s}", SARG(p->name));
    }
    return true;
}

static bool
strike(struct run *r, struct slice kind)
{
    static const char *const nodes[] = {"crash", "power", "pause", "shutdown"};
    static const char *const pairs[] = {"cut-one-way", "flap", "slow", "reset"};
    for (int64_t i = 0; i < ARRAY_LEN(nodes); i++)
        if (is(kind, nodes[i])) return strike_node(r, kind);
    for (int64_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (is(kind, pairs[i])) return strike_pair(r, kind);
    if (is(kind, "cut")) return strike_cut(r);
    if (is(kind, "split")) return strike_split(r);
    if (is(kind, "cut-client")) return strike_client(r);
    if (slice_starts(kind, S("hold-"))) return strike_hold(r, kind);
    return strike_other(r, kind);
}

static struct slice
draw_kind(struct run *r)
{
    const struct nemesis *n = &r->s->nemesis;
    int64_t sum = 0;
    for (int32_t i = 0; i < n->n; i++) sum += n->v[i].weight;
    int64_t x = sum > 0 ? dice_below(&r->nemesis_dice, sum) : 0;
    for (int32_t i = 0; i < n->n; i++) {
        if (x < n->v[i].weight) return n->v[i].fault;
        x -= n->v[i].weight;
    }
    return SLICE_EMPTY;
}

static void
count_strike(struct run *r, struct slice kind)
{
    for (int32_t i = 0; i < nemesis_faults_n; i++)
        if (is(kind, nemesis_faults[i].name)) r->random_counts[i]++;
    r->faults++;
}

static void
next(struct world *w, void *ctx)
{
    struct run *r = ctx;
    const struct nemesis *n = &r->s->nemesis;
    if (!r->playing || run_now(r) >= n->until_ns) return;
    struct slice kind = draw_kind(r);
    if (r->nemesis_active < n->at_once && kind.n && strike(r, kind)) {
        r->last_fault_ns = world_now_ns(w);
        count_strike(r, kind);
    }
    world_at(w,
             world_now_ns(w) +
                 MAX(dice_between(&r->nemesis_dice, n->every.min, n->every.max), NS_PER_MS),
             next, r);
}

void
nemesis_begin(struct run *r)
{
    if (r->s->nemesis.is_on) world_at(r->w, r->begin_ns + r->s->nemesis.from_ns, next, r);
}
