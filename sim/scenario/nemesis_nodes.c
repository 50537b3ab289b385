/* Random faults of machines: nodes and clients that end or stand still, wiped disks, wrong clocks. */
#include "sim/scenario/nemesis.h"

#define OPS_AHEAD 300

bool
end_node(struct run *r, struct node_slot *n, struct slice kind)
{
    if (!may_go_down(r, n)) return false;
    bool unclean = is_kind(kind, "power") || is_kind(kind, "crash");
    if (unclean && n->is_broker && !keeps_promises(r, is_kind(kind, "power"))) return false;
    n->hurt = true;
    run_fault(r, (const char *)kind.p, "%.*s", SARG(n->m->name));
    if (is_kind(kind, "crash")) fault_crash(n->m);
    else if (is_kind(kind, "power")) fault_power(n->m);
    else if (is_kind(kind, "pause")) fault_pause(n->m);
    else node_shut_down(r, n->m);
    const struct affliction *a = afflict(r, n->m, 0);
    if (is_kind(kind, "shutdown")) write_down_until_restart(r, a, "shutdown");
    else write_down(r, a, "%.*s: %.*s", SARG(kind), SARG(n->m->name));
    return true;
}

bool
strike_node(struct run *r, struct slice kind)
{
    return end_node(r, draw_node(r), kind);
}

/* Near ones as often as far ones: what is being done now takes a few operations. */
static int64_t
draw_ops_ahead(struct run *r)
{
    int64_t most = dice_below(&r->nemesis_dice, 2) ? OPS_AHEAD : OPS_AHEAD / 20;
    return dice_between(&r->nemesis_dice, 1, most);
}

bool
end_node_at_op(struct run *r, struct node_slot *n, bool power, int64_t ahead)
{
    int64_t down_ns =
        dice_between(&r->nemesis_dice, r->s->nemesis.lasting.min, r->s->nemesis.lasting.max);
    struct affliction *a = may_fall_ill(r, n, power) ? fall_ill(r, n, CURE_DISARM, power) : NULL;
    if (!a) return false;
    a->line = r->ret->drawn.v.n;
    do_drawn(r, "%s: %.*s, at-op: %lld, for: %lldns", power ? "power" : "crash", SARG(n->m->name),
             (long long)ahead, (long long)down_ns);
    return true;
}

bool
strike_node_at_op(struct run *r, struct slice kind)
{
    struct node_slot *n = draw_node(r);
    int64_t ahead = draw_ops_ahead(r);
    return end_node_at_op(r, n, is_kind(kind, "power-at-op"), ahead);
}

bool
strike_wipe(struct run *r, struct slice kind)
{
    struct node_slot *n = draw_broker(r);
    (void)kind;
    if (n->is_controller || !may_fall_ill(r, n, true)) return false;
    n->hurt = true;
    run_fault(r, "wipe", "%.*s", SARG(n->m->name));
    fault_crash(n->m);
    fault_wipe(n->m);
    write_down_until_restart(r, afflict(r, n->m, 0), "wipe");
    return true;
}

bool
strike_clock(struct run *r, struct slice kind)
{
    struct node_slot *n = draw_node(r);
    if (is_kind(kind, "clock-drift")) {
        int64_t ppm = dice_between(&r->nemesis_dice, -50000, 50000);
        if (ppm) do_drawn(r, "clock: %.*s, drift: %lld", SARG(n->m->name), (long long)ppm);
        return ppm != 0;
    }
    run_say(r, "the clock of %.*s jumps", SARG(n->m->name));
    int64_t by_ms = dice_between(&r->nemesis_dice, -60000, 60000);
    fault_clock_step(n->m, by_ms);
    write_down(r, NULL, "clock: %.*s, %s: %lldms", SARG(n->m->name), by_ms < 0 ? "back" : "step",
               (long long)(by_ms < 0 ? -by_ms : by_ms));
    return true;
}

bool
strike_client_machine(struct run *r, struct slice kind)
{
    struct machine *m = draw_client(r);
    if (!m || m->state != MACHINE_UP) return false;
    const struct affliction *a = afflict(r, NULL, 0);
    do_drawn(r, "%s: %.*s, for: %lldns", is_kind(kind, "crash-client") ? "crash" : "pause",
             SARG(m->name), (long long)a->lasts_ns);
    return true;
}
