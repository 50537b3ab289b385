/* How a random fault is written down and taken back, whom it may meet, and what the promise can bear. */
#include "sim/scenario/nemesis.h"

#include <stdarg.h>
#include <stdio.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"

#define TEXT_MAX 4000
#define CURED_BEFORE_END_NS (50 * NS_PER_MS)

/* ---- as steps ---- */

static int64_t
add_line(struct run *r, int64_t at_ns, struct slice text)
{
    struct line l = {at_ns, text};
    VEC_PUSH(r->a->mem, &r->ret->drawn.v, l);
    return r->ret->drawn.v.n - 1;
}

void
write_down(struct run *r, const struct affliction *a, const char *format, ...)
{
    char text[TEXT_MAX];
    int64_t at_ns = run_now(r);
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    add_line(r, at_ns,
             a ? arena_format(r->a, "{at: %lldns, %s, for: %lldns}", (long long)at_ns, text,
                              (long long)a->lasts_ns)
               : arena_format(r->a, "{at: %lldns, %s}", (long long)at_ns, text));
}

void
write_down_until_restart(struct run *r, const struct affliction *a, const char *verb)
{
    int64_t now = run_now(r), n = r->ret->drawn.v.n;
    write_down(r, NULL, "%s: %.*s, as: stopped%lld", verb, SARG(a->m->name), (long long)n);
    add_line(r, now + a->lasts_ns,
             arena_format(r->a, "{at: %lldns, restart: $stopped%lld}",
                          (long long)(now + a->lasts_ns), (long long)n));
}

void
do_drawn(struct run *r, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    write_down(r, NULL, "%s", text);
    struct diags d;
    diags_init(&d, r->a);
    const struct step *s =
        step_of_text(r->a, r->s, r->ret->drawn.v.v[r->ret->drawn.v.n - 1].text, &d);
    CHECK(s);
    act_uncounted(r, s);
}

/* ---- how it ends ---- */

/* What was to come when an operation came is no step of the timeline, if it did not. */
static void
disarm(struct affliction *a)
{
    struct run *r = a->r;
    struct node_slot *n = node_of(r, a->m);
    if (!n->armed_op) return;
    run_arm(n, 0, false, 0);
    struct line *l = &r->ret->drawn.v.v[a->line];
    l->text = arena_format(r->a, "{at: %lldns, note: %.*s did not come to its operation}",
                           (long long)l->at_ns, SARG(a->m->name));
}

static void
cure(struct affliction *a)
{
    struct run *r = a->r;
    if (a->cure == CURE_DISARM) {
        disarm(a);
        return;
    }
    if (a->cure == CURE_REBOOT) do_drawn(r, "power: %.*s", SARG(a->m->name));
    if (a->cure == CURE_REPLACE) do_drawn(r, "wipe: %.*s", SARG(a->m->name));
    do_drawn(r, "disk: %.*s, heal: true", SARG(a->m->name));
    do_drawn(r, "restart: %.*s", SARG(a->m->name));
}

static void
relieve(struct world *w, void *ctx)
{
    struct affliction *a = ctx;
    if (!a->r->playing) return;
    a->r->last_fault_ns = world_now_ns(w);
    a->r->nemesis_active--;
    if (a->fault) fault_heal(w, a->fault);
    if (a->cure == CURE_DISK) fault_disk_heal(a->m);
    else if (a->cure == CURE_UP) run_bring_back(a->r, a->m);
    if (a->cure < CURE_RESTART) return;
    cure(a);
    node_of(a->r, a->m)->is_ill = false;
}

struct affliction *
afflict(struct run *r, struct machine *m, fault_id fault)
{
    const struct nemesis *n = &r->s->nemesis;
    struct affliction *a = ARENA_NEW(r->a, struct affliction);
    *a = (struct affliction){r, m, fault, m ? CURE_UP : CURE_NONE, 0, 0};
    r->nemesis_active++;
    a->lasts_ns = dice_between(&r->nemesis_dice, n->lasting.min, n->lasting.max);
    world_at(r->w, world_now_ns(r->w) + a->lasts_ns, relieve, a);
    return a;
}

struct affliction *
fall_ill(struct run *r, struct node_slot *n, enum cure cure, bool copies)
{
    const struct nemesis *random = &r->s->nemesis;
    int64_t left_ns = r->s->run_ns - run_now(r) - CURED_BEFORE_END_NS;
    if (left_ns <= 0) return NULL;
    struct affliction *a = ARENA_NEW(r->a, struct affliction);
    *a = (struct affliction){r, n->m, 0, cure, 0, 0};
    a->lasts_ns = dice_between(&r->nemesis_dice, random->lasting.min, random->lasting.max);
    a->lasts_ns = MIN(a->lasts_ns, left_ns);
    r->nemesis_active++;
    n->is_ill = n->hurt = true;
    if (cure != CURE_DISARM) power_took(r, n->m, copies);
    world_at(r->w, world_now_ns(r->w) + a->lasts_ns, relieve, a);
    return a;
}

/* ---- whom ---- */

struct node_slot *
draw_node(struct run *r)
{
    return &r->nodes[dice_below(&r->nemesis_dice, r->nodes_n)];
}

struct node_slot *
draw_broker(struct run *r)
{
    int64_t n = 0, at;
    for (int32_t i = 0; i < r->nodes_n; i++) n += r->nodes[i].is_broker;
    at = dice_below(&r->nemesis_dice, n);
    for (int32_t i = 0;; i++)
        if (r->nodes[i].is_broker && at-- == 0) return &r->nodes[i];
}

struct machine *
draw_client(struct run *r)
{
    return r->s->clients_n ? r->clients[dice_below(&r->nemesis_dice, r->s->clients_n)].m : NULL;
}

const struct truth_partition *
draw_partition(struct run *r)
{
    if (!r->truth.partitions.n) return NULL;
    return r->truth.partitions.v[dice_below(&r->nemesis_dice, r->truth.partitions.n)];
}

const char *
draw_word(struct run *r, const char *const *words, int64_t n)
{
    return words[dice_below(&r->nemesis_dice, n)];
}

/* ---- what can be borne ---- */

/* As many of its kind as may be down together are down already. */
bool
may_go_down(const struct run *r, const struct node_slot *n)
{
    int64_t down = 0;
    if (n->m->state != MACHINE_UP) return false;
    for (int32_t i = 0; i < r->nodes_n; i++) {
        const struct node_slot *o = &r->nodes[i];
        bool same = o->is_broker == n->is_broker || o->is_controller == n->is_controller;
        down += same && (o->m->state != MACHINE_UP || o->is_ill);
    }
    return down < r->s->nemesis.down;
}

/* A topic of several replicas is content with one in sync. Then who leaves the ISR, in order or because it is not heard, may
 * leave it to one whose copies are gone, before the controller misses that one (KIP-966 promises no more: it bears
 * min.insync.replicas - 1 losses). */
static bool
one_copy_is_enough(const struct run *r)
{
    bool is_one = r->s->cluster.brokers > 1 && cluster_config_i64(r->s, "min.insync.replicas") <= 1;
    for (int32_t i = 0; i < r->s->topics_n && !is_one; i++)
        is_one = r->s->topics[i].rf > 1 && topic_min_isr(r, &r->s->topics[i]) <= 1;
    return is_one;
}

bool
nemesis_has_room(struct run *r)
{
    if (r->nemesis_active >= r->s->nemesis.at_once) return false;
    return power_gone(r) == 0 || !one_copy_is_enough(r);
}

/* By the promise of every topic fewer than min.insync.replicas may end uncleanly at once when any of them
 * loses copies; and nothing else may go wrong then where one copy is enough. */
bool
keeps_promises(struct run *r, bool power)
{
    if (power && r->nemesis_active > 0 && one_copy_is_enough(r)) return false;
    int64_t least = INT32_MAX;
    for (int32_t i = 0; i < r->s->topics_n; i++)
        least = MIN(least, topic_min_isr(r, &r->s->topics[i]));
    return (!power && power_gone(r) == 0) || power_unclean(r) < MAX(1, least - 1);
}

bool
may_fall_ill(struct run *r, const struct node_slot *n, bool copies)
{
    return may_go_down(r, n) && !n->is_ill && !n->armed_op &&
           (!n->is_broker || keeps_promises(r, copies));
}
