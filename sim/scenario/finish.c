/* The end of every run. First only a drawn core of the nodes is healed and must serve, while everything
 * outside it stays broken; then all is healed and converges; then what is there is read. */
#include "sim/scenario/run_internal.h"

#include "broker/base/check.h"

/* ---- bounds ---- */

#define LONGEST_MS \
    (3600 * 1000) /* whoever sets a time-out to "never" does not want to wait for it */

static int64_t
ms(const struct scenario *s, const char *name)
{
    return MIN(cluster_config_i64(s, name), LONGEST_MS) * NS_PER_MS;
}

/* A failover costs a quorum election and a whole session; who was cut off learns it by a time-out of its
 * requests; a replica may leave the ISR by its lag first; TCP repeats at most every two seconds. What a leader asked the
 * controller for it asks again only after controller.socket.timeout.ms, if its connection is gone at the other end alone
 * and so says nothing (Kafka too: no other request goes over that connection meanwhile); by default that is 30 s. */
int64_t
serve_bound_ns(const struct scenario *s)
{
    if (s->converge_ns) return s->converge_ns;
    int64_t election = ms(s, "controller.quorum.election.timeout.ms") +
                       ms(s, "controller.quorum.election.backoff.max.ms") +
                       ms(s, "controller.quorum.fetch.timeout.ms") +
                       ms(s, "controller.quorum.request.timeout.ms");
    return 3 * election + 2 * ms(s, "broker.session.timeout.ms") +
           ms(s, "replica.lag.time.max.ms") + ms(s, "replica.socket.timeout.ms") +
           ms(s, "controller.socket.timeout.ms") + 15 * NS_PER_S;
}

/* ---- what is to hold ---- */

struct goal {
    struct run *r;
    bool *core; /* by index of r->nodes; NULL: all */
};

static bool
in_core(const struct goal *g, const struct node_slot *n)
{
    return !g->core || g->core[n - g->r->nodes];
}

struct slice
topic_setting(const struct topic *t, const char *name)
{
    for (int32_t i = 0; i < t->config.n; i++)
        if (slice_eq(t->config.v[i].name, slice_cstr(name))) return t->config.v[i].value;
    return SLICE_NULL;
}

int64_t
topic_min_isr(const struct run *r, const struct topic *t)
{
    int64_t v;
    if (slice_to_i64(topic_setting(t, "min.insync.replicas"), &v)) return v;
    return cluster_config_i64(r->s, "min.insync.replicas");
}

/* Somebody inside leads the quorum, and those inside know it. */
static bool
controller_serves(const struct goal *g)
{
    const struct node_slot *n = node_by_id(g->r, g->r->truth.controller);
    return n && in_core(g, n) && n->m->state == MACHINE_UP;
}

/* As long as somebody is in sync who does not hear, nothing that is written there is committed: who is left
 * outside must have left the ISR, too. */
static bool
partition_serves(const struct goal *g, const struct truth_partition *p, int64_t want_isr)
{
    const struct node_slot *leader = node_by_id(g->r, p->leader);
    int64_t there = 0;
    if (!leader || !in_core(g, leader) || !broker_serves(g->r, leader)) return false;
    for (int32_t i = 0; i < p->isr.n; i++) {
        const struct node_slot *n = node_by_id(g->r, p->isr.v[i]);
        if (!n || !in_core(g, n)) return false;
        there += broker_serves(g->r, n);
    }
    return there >= want_isr;
}

static bool
goal_reached(void *ctx)
{
    const struct goal *g = ctx;
    struct run *r = g->r;
    if (!controller_serves(g)) return false;
    for (int32_t i = 0; i < r->nodes_n; i++)
        if (r->nodes[i].is_broker && in_core(g, &r->nodes[i]) && !broker_serves(r, &r->nodes[i]))
            return false;
    for (int32_t i = 0; i < r->s->topics_n; i++) {
        const struct topic *t = &r->s->topics[i];
        for (int32_t j = 0; j < t->partitions; j++) {
            const struct truth_partition *p =
                truth_partition(&r->truth, (struct partition_ref){t->name, j});
            if (!p) continue; /* deleted by a step */
            int64_t want = g->core ? MAX(topic_min_isr(r, t), 1) : p->replicas.n;
            if (!partition_serves(g, p, want)) return false;
        }
    }
    return true;
}

static bool
reach(struct run *r, bool *core, int64_t within_ns)
{
    struct goal g = {r, core};
    return world_run_while_not(r->w, goal_reached, &g, world_now_ns(r->w) + within_ns);
}

/* ---- does it serve? ---- */

static int64_t
left_of(const struct run *r, int64_t begin_ns, int64_t bound_ns)
{
    return bound_ns - (world_now_ns(r->w) - begin_ns);
}

static bool
probe_done(void *ctx)
{
    return ((const struct probe_args *)ctx)->done;
}

static bool
topic_is_there(void *ctx, struct slice topic)
{
    struct run *r = ctx;
    return truth_partition(&r->truth, (struct partition_ref){topic, 0});
}

/* Leaders and ISRs as the controller has them are not all: somebody must be able to write. The machine is
 * added before the world is divided, so that it has a side. */
static struct machine *
add_probe(struct run *r, struct probe_args *p, const char *name)
{
    struct probe_topic *topics = ARENA_ARRAY(r->a, struct probe_topic, r->s->topics_n + 1);
    *p = probe_args_default(r->h, slice_cstr(name), r->client_params);
    for (int32_t i = 0; i < r->s->topics_n; i++) {
        const struct topic *t = &r->s->topics[i];
        struct partition_ref first = {t->name, 0};
        if (truth_partition(&r->truth, first))
            topics[p->topics_n++] =
                (struct probe_topic){t->name, (int32_t)t->partitions, topic_may_be_compacted(r, t)};
    }
    p->topics = topics;
    p->is_there = topic_is_there;
    p->ctx = r;
    return world_add(
        r->w, &(struct machine_params){
                  .name = slice_cstr(name), .kind = S("client"), .start = probe_start, .args = p});
}

static bool
is_served_within(struct run *r, struct machine *m, struct probe_args *p, int64_t within_ns)
{
    p->within_ms = MAX(within_ns / NS_PER_MS, 1);
    machine_start(m);
    world_run_while_not(r->w, probe_done, p, world_now_ns(r->w) + within_ns + 30 * NS_PER_S);
    if (p->done && !p->refused) return true;
    if (p->refused)
        run_say(r, "%.*s-%d takes no record (error %d)", SARG(p->refused->name),
                p->refused_partition, p->error);
    return false;
}

/* ---- the core ---- */

static bool
core_can_serve(const struct run *r, const bool *core)
{
    for (int64_t i = 0; i < r->truth.partitions.n; i++) {
        const struct truth_partition *p = r->truth.partitions.v[i];
        int32_t replicas = 0, may_lead = 0, ended = 0, joining = 0;
        int64_t want = 1;
        for (int32_t j = 0; j < r->s->topics_n; j++)
            if (slice_eq(r->s->topics[j].name, p->topic)) want = topic_min_isr(r, &r->s->topics[j]);
        for (int32_t j = 0; j < p->replicas.n; j++) {
            const struct node_slot *n = node_by_id(r, p->replicas.v[j]);
            if (!n || !core[n - r->nodes]) {
                joining += n && n->m->state == MACHINE_UP && !ids_few_has(&p->isr, n->id);
                continue;
            }
            replicas++;
            /* Who stops in order leaves the ISR, and may leave it to those outside. */
            bool may = truth_may_lead(&r->truth, p, n->id) && !n->is_stopping;
            may_lead += may;
            ended += !may && ids_few_has(&p->isr, n->id);
        }
        if (replicas < want || !may_lead) return false;
        /* The one that may lead can be late to its controller, above all to a new one, and leave the ISR before those
         * outside of the core are missed, or it is known that another one has ended without order: then those outside are
         * all that is left. Whoever is about to join may be one of them. */
        if (may_lead == 1 && (joining || p->isr.n > may_lead + ended)) return false;
    }
    return true;
}

/* Leaves out one controller if a majority remains, and one broker if what remains can serve. False: all
 * are needed. */
static bool
draw_core(struct run *r, bool *core)
{
    struct dice dice = world_dice(r->w, S("scenario"), S("core"));
    int32_t controllers = 0;
    int64_t first = dice_below(&dice, r->nodes_n);
    bool left_broker = false, left_controller = false;
    for (int32_t i = 0; i < r->nodes_n; i++)
        core[i] = true, controllers += r->nodes[i].is_controller;
    for (int32_t i = 0; i < r->nodes_n; i++) {
        int64_t at = (first + i) % r->nodes_n;
        const struct node_slot *n = &r->nodes[at];
        if (n->is_controller && (left_controller || controllers < 3)) continue;
        if (n->is_broker && left_broker) continue;
        core[at] = false;
        if (!core_can_serve(r, core)) {
            core[at] = true;
            continue;
        }
        left_broker = left_broker || n->is_broker;
        left_controller = left_controller || n->is_controller;
    }
    return left_broker || left_controller;
}

static void
heal_node(struct run *r, struct node_slot *n)
{
    fault_disk_heal(n->m);
    node_up(r, n->m);
}

static struct slice
outside_names(struct run *r, const bool *core)
{
    struct slice s = SLICE_EMPTY;
    for (int32_t i = 0; i < r->nodes_n; i++)
        if (!core[i])
            s = s.n ? arena_format(r->a, "%.*s and %.*s", SARG(s), SARG(r->nodes[i].m->name))
                    : r->nodes[i].m->name;
    return s;
}

/* Outside stays as broken as it is, and cut off. */
static void
heal_core(struct run *r)
{
    bool *core = ARENA_ARRAY(r->a, bool, r->nodes_n);
    struct machine **in = ARENA_ARRAY(r->a, struct machine *, world_machines_n(r->w) + 1);
    struct machine **out = ARENA_ARRAY(r->a, struct machine *, world_machines_n(r->w) + 1);
    struct machines inside = {in, 0}, outside = {out, 0};
    if (!draw_core(r, core)) return;
    struct machine *probe = add_probe(r, &r->probes[0], "probe1");
    for (int32_t i = 0; i < world_machines_n(r->w); i++) {
        struct machine *m = world_machine_at(r->w, i);
        const struct node_slot *n = node_of(r, m);
        if (n && !core[n - r->nodes]) out[outside.n++] = m;
        else in[inside.n++] = m;
    }
    r->trial_ns = world_now_ns(r->w);
    world_say(r->w, S("trial"), SLICE_EMPTY, outside_names(r, core), NULL, NULL, 0);
    fault_heal_all(r->w);
    fault_cut(r->w, outside, inside, true);
    for (int32_t i = 0; i < r->nodes_n; i++)
        if (core[i]) heal_node(r, &r->nodes[i]);
    for (int32_t i = 0; i < inside.n; i++) fault_clock_heal(inside.v[i]);
    run_say(r, "last test: %.*s cut off, all else is healed", SARG(outside_names(r, core)));
    int64_t begin = world_now_ns(r->w), bound = serve_bound_ns(r->s);
    if (reach(r, core, bound) &&
        is_served_within(r, probe, &r->probes[0], left_of(r, begin, bound))) {
        run_say(r, "without %.*s everything serves again after %.2f s",
                SARG(outside_names(r, core)), (double)(world_now_ns(r->w) - begin) / 1e9);
        return;
    }
    if (!is_permitted_to_fire(r, RULE_NOT_SERVING))
        run_fail(r, VERDICT_FAIL, "without %.*s the cluster did not serve again within %.1f s",
                 SARG(outside_names(r, core)), (double)bound / 1e9);
}

/* ---- all ---- */

static void
heal_all(struct run *r)
{
    fault_heal_all(r->w);
    for (int32_t i = 0; i < world_machines_n(r->w); i++)
        fault_clock_heal(world_machine_at(r->w, i));
    for (int32_t i = 0; i < r->nodes_n; i++) heal_node(r, &r->nodes[i]);
    for (int32_t i = 0; i < r->s->clients_n; i++) node_up(r, r->clients[i].m);
    run_say(r, "all is healed");
    r->last_fault_ns = world_now_ns(r->w);
    struct history_op op = history_op_new(HISTORY_HEALED, -1, -1, -1);
    history_add(r->h, &op, HISTORY_OK, NULL, 0);
    world_say(r->w, S("healed"), SLICE_EMPTY, SLICE_EMPTY, NULL, NULL, 0);
}

static void
watch_last_fault(struct run *r)
{
    for (int32_t i = 0; i < r->s->eventually_n; i++) {
        const struct cond *c = &r->s->eventually[i];
        if (slice_eq(c->args.after, S("last-fault")))
            cond_watch(r, c, NULL, world_now_ns(r->w) + c->args.within_ns);
    }
}

static void
converge(struct run *r)
{
    int64_t begin = world_now_ns(r->w), bound = serve_bound_ns(r->s);
    watch_last_fault(r);
    if (reach(r, NULL, bound) && is_served_within(r, add_probe(r, &r->probes[1], "probe2"),
                                                  &r->probes[1], left_of(r, begin, bound))) {
        r->ret->served_ns = world_now_ns(r->w) - begin;
        witness_at_rest(r);
        run_say(
            r,
            "healed; every partition serves again, with all replicas, %.2f s after the last fault",
            (double)r->ret->served_ns / 1e9);
        return;
    }
    r->ret->served_ns = -1;
    for (int64_t i = 0; i < r->truth.partitions.n; i++) {
        const struct truth_partition *p = r->truth.partitions.v[i];
        if (p->isr.n < p->replicas.n || p->leader < 0)
            run_say(r, "%.*s: leader %d, %d of %d in sync", SARG(p->name), p->leader, p->isr.n,
                    p->replicas.n);
    }
    for (int32_t i = 0; i < r->nodes_n; i++) {
        const struct node_slot *n = &r->nodes[i];
        if (n->is_broker && !broker_serves(r, n))
            run_say(r, "%.*s does not serve: %s", SARG(n->m->name),
                    machine_is_up(n->m) ? "it runs, fenced" : "it is down");
    }
    if (!is_permitted_to_fire(r, RULE_NOT_SERVING))
        run_fail(r, VERDICT_FAIL, "after all was healed the cluster did not converge within %.1f s",
                 (double)bound / 1e9);
}

/* ---- producers end, the rest is read ---- */

/* NULL: all have ended. */
static const struct client_slot *
first_producer_at_work(const struct run *r)
{
    for (int32_t i = 0; i < r->s->clients_n; i++)
        if (r->clients[i].spec->produce.p && !r->clients[i].produce.done) return &r->clients[i];
    return NULL;
}

static bool
producers_done(void *ctx)
{
    return !first_producer_at_work(ctx);
}

static bool
watched(void *ctx)
{
    const struct run *r = ctx;
    for (int64_t i = 0; i < r->pendings.n; i++)
        if (!r->pendings.v[i].is_done && !r->pendings.v[i].step) return false;
    return true;
}

static bool
all_have_read(void *ctx)
{
    return groups_have_read(ctx);
}

static bool
all_are_quiet(void *ctx)
{
    return shares_are_quiet(ctx);
}

/* What is left is worked on at the members' own pace, a transaction for every few records: as long as they get on they
 * may go on; who gets nowhere for so long is stuck. */
#define DRAIN_ROUNDS 30

static bool
groups_come_to_the_end(struct run *r)
{
    for (int32_t i = 0; i < DRAIN_ROUNDS; i++) {
        int64_t before = groups_progress(r);
        int64_t until_ns = world_now_ns(r->w) + groups_bound_ns(r->s);
        if (world_run_while_not(r->w, all_have_read, r, until_ns)) return true;
        if (groups_progress(r) <= before) return false;
    }
    return false;
}

static void
wait_for_groups(struct run *r)
{
    if (groups_come_to_the_end(r)) return;
    run_fail(r, VERDICT_FAIL, "groups did not come to the end within %.1f s: %.*s",
             (double)groups_bound_ns(r->s) / 1e9, SARG(groups_state(r)));
}

static void
drain(struct run *r)
{
    int64_t longest = 0;
    for (int32_t i = 0; i < r->s->clients_n; i++) {
        r->clients[i].produce.stop = true;
        longest = MAX(longest, r->clients[i].spec->delivery_timeout_ns);
    }
    world_run_while_not(r->w, producers_done, r, world_now_ns(r->w) + longest + 30 * NS_PER_S);
    const struct client_slot *late = first_producer_at_work(r);
    if (late && !is_permitted_to_fire(r, RULE_UNANSWERED))
        run_fail(r, VERDICT_FAIL, "%.*s did not come to an end: %lld of its sends are pending",
                 SARG(late->spec->name), (long long)late->produce.pending);
    wait_for_groups(r);
    int64_t share_ns = shares_bound_ns(r->s);
    if (share_ns && !world_run_while_not(r->w, all_are_quiet, r, world_now_ns(r->w) + share_ns))
        run_fail(r, VERDICT_FAIL, "share groups were given records for longer than %.1f s",
                 (double)share_ns / 1e9);
    world_run_while_not(r->w, watched, r, world_now_ns(r->w) + 600 * NS_PER_S);
    world_run(r->w, NS_PER_S); /* consumers read on */
    /* With acks=0 nobody waited for what was on its way; it has come by now, and moved the end. */
    if (r->ret->verdict != VERDICT_FAIL) wait_for_groups(r);
}

static bool
final_done(void *ctx)
{
    return ((const struct run *)ctx)->final.done;
}

/* Then what is there is what readers of committed records are given. */
static bool
has_transactions(const struct scenario *s)
{
    for (int32_t i = 0; i < s->clients_n; i++)
        if (s->clients[i].transactional_id.p) return true;
    return false;
}

static void
final_read(struct run *r)
{
    struct slice *topics = ARENA_ARRAY(r->a, struct slice, r->s->topics_n + 1);
    int32_t n = 0;
    for (int32_t i = 0; i < r->s->topics_n; i++) {
        struct partition_ref p = {r->s->topics[i].name, 0};
        if (truth_partition(&r->truth, p) && !is_letter_topic(r->s, p.topic)) topics[n++] = p.topic;
    }
    struct slice *letters;
    int32_t letters_n = letter_topics(r, &letters);
    r->is_read = !n && !letters_n;
    if (r->is_read) return;
    r->final = final_args_default(r->h, S("reader"), r->client_params);
    r->final.topics = topics;
    r->final.topics_n = n;
    r->final.letters = letters;
    r->final.letters_n = letters_n;
    r->final.followers = true;
    r->final.read_committed = has_transactions(r->s);
    r->final.until_ns = world_now_ns(r->w) + 120 * NS_PER_S;
    struct machine *m = world_add(r->w, &(struct machine_params){.name = S("reader"),
                                                                 .kind = S("client"),
                                                                 .start = final_start,
                                                                 .args = &r->final});
    machine_start(m);
    world_run_while_not(r->w, final_done, r, r->final.until_ns + 10 * NS_PER_S);
    r->is_read = r->final.complete;
    if (r->final.complete || is_permitted_to_fire(r, RULE_UNREADABLE)) return;
    run_fail(r, VERDICT_FAIL, "the final read did not come to an end: %d of %d readings",
             r->final.finished, r->final.readings);
    if (r->final.open_topic.p)
        run_say(r, "a transaction hangs in %.*s-%d: nothing is stable from offset %lld on",
                SARG(r->final.open_topic), r->final.open_partition, (long long)r->final.open_from);
}

static bool
is_for_frames_to_come(const struct step *s)
{
    return s->verb->id >= VERB_DELAY && s->verb->id <= VERB_ANSWER;
}

/* What did not come makes a run inconclusive: it did not show what it says that it shows. */
static void
look_what_never_came(struct run *r)
{
    for (int32_t i = 0; i < r->s->steps_n; i++)
        if (!r->steps[i].fired)
            run_fail(r, VERDICT_INCONCLUSIVE, "a step never came: line %d, %.*s",
                     r->s->steps[i].mark.line, SARG(r->s->steps[i].text));
        else if (is_for_frames_to_come(&r->s->steps[i]) && !r->steps[i].met)
            run_fail(r, VERDICT_INCONCLUSIVE, "nothing came that the step meant: line %d, %.*s",
                     r->s->steps[i].mark.line, SARG(r->s->steps[i].text));
    for (int32_t i = 0; i < r->nodes_n; i++) {
        struct node_slot *n = &r->nodes[i];
        struct node_ops ops = {n->m->name, machine_disk_ops(n->m)};
        VEC_PUSH(r->a->mem, &r->ret->disk_ops, ops);
        if (!n->armed_op) continue;
        /* It had begun when its process ended in order, and there was nobody left to end. */
        if (n->armed_op <= ops.n)
            run_say(r, "disk operation %lld of %.*s ended with its process", (long long)n->armed_op,
                    SARG(n->m->name));
        else
            run_fail(r, VERDICT_INCONCLUSIVE,
                     "disk operation %lld of %.*s never came: the last was %lld",
                     (long long)n->armed_op, SARG(n->m->name), (long long)ops.n);
        run_arm(n, 0, false, 0);
    }
}

void
finish(struct run *r)
{
    static void (*const stages[])(struct run * r) = {heal_all, converge, drain, final_read};
    r->playing = false;
    r->truth.is_over = true;
    look_what_never_came(r);
    if (r->faults) heal_core(r);
    for (int64_t i = 0; i < ARRAY_LEN(stages) && !r->ret->interrupted; i++) stages[i](r);
    /* A sweep asks for safety; how much gets through is another matter when a node dies on top. */
    for (int32_t i = 0; i < r->s->at_end_n && !r->o->crash_at_op && !r->ret->interrupted; i++) {
        const struct cond *c = &r->s->at_end[i];
        if (!cond_holds(r, c))
            run_fail(r, VERDICT_FAIL, "does not hold at the end: %.*s (%.*s)", SARG(c->text),
                     SARG(cond_state(r, c)));
    }
}
