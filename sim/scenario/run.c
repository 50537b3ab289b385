#include "sim/scenario/guests.h"
#include "sim/scenario/run_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "broker/base/check.h"
#include "broker/client/membership.h"
#include "broker/protocol/tables.h"

/* Of requests and answers that a fault met, in one story. */
#define MET_TOLD_MAX 100
#define SWEEP_DOWN_NS (2 * NS_PER_S)

/* That the history of this process's last run took. It decides nothing but how often memory is moved. */
static struct history_room last_room;

/* ---- texts ---- */

const char *
verdict_text(enum verdict v)
{
    static const char *const texts[] = {"pass", "fail",     "inconclusive",
                                        "died", "disagree", "nondeterministic"};
    return texts[v];
}

int
verdict_exit_code(enum verdict v)
{
    static const int codes[] = {0, 1, 2, 4, 4, 5};
    return codes[v];
}

static void
add_line(struct run *r, struct lines *l, int64_t at_ns, struct slice text)
{
    struct line one = {at_ns, text};
    VEC_PUSH(r->a->mem, &l->v, one);
}

void
run_say(struct run *r, const char *format, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    struct slice s = arena_dup(r->a, slice_cstr(text));
    add_line(r, &r->ret->story, run_now(r), s);
    world_say(r->w, S("step"), SLICE_EMPTY, s, NULL, NULL, 0);
}

void
run_tell(struct run *r, struct slice label, struct slice sentence)
{
    add_line(r, &r->ret->story, run_now(r), sentence);
    world_say(r->w, S("told"), label, sentence, NULL, NULL, 0);
}

void
run_fault(struct run *r, const char *verb, const char *format, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    struct slice what = slice_cstr(text);
    add_line(r, &r->ret->story, run_now(r), arena_format(r->a, "%s %.*s", verb, SARG(what)));
    world_say(r->w, S("fault"), slice_cstr(verb), what, NULL, NULL, 0);
}

/* The gravest verdict stays, in the order of exit codes 5, 4, 3, 1, 2. */
static int
gravity(enum verdict v)
{
    static const int g[] = {0, 2, 1, 3, 3, 4};
    return g[v];
}

void
run_fail(struct run *r, enum verdict v, const char *format, ...)
{
    char text[512];
    va_list ap;
    if (r->ret->interrupted) return; /* what did not come then was not waited for */
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    struct slice s = arena_dup(r->a, slice_cstr(text));
    add_line(r, &r->ret->reasons, run_now(r), s);
    if (gravity(v) > gravity(r->ret->verdict)) r->ret->verdict = v;
}

/* ---- looking ---- */

static void
see_event(void *ctx, const struct world_event *e)
{
    struct run *r = ctx;
    for (int32_t i = 0; i < e->notes_n; i++) {
        const struct note *n = e->notes[i];
        r->ret->notes_seen |= 1ULL << n->kind;
        if (n->kind == NOTE_MARK) r->ret->marks_reached[n->v[0] / 64] |= 1ULL << n->v[0] % 64;
    }
    truth_see(&r->truth, e);
    if (e->ordinal % 8192 == 0 && r->o->progress && !r->ret->interrupted &&
        r->o->progress(r->o->ctx, run_now(r), r->s->run_ns, e->ordinal)) {
        run_fail(r, VERDICT_INCONCLUSIVE, "interrupted");
        r->ret->interrupted = true;
        world_stop(r->w);
    }
}

void
run_bring_back(struct run *r, struct machine *m)
{
    run_say(r, "%.*s %s", SARG(m->name),
            m->state == MACHINE_DOWN     ? "comes back"
            : m->state == MACHINE_PAUSED ? "runs on"
                                         : "is to come back when it has stopped");
    node_up(r, m);
}

static void
see_frame(void *ctx, const struct world_frame *f, enum frame_fate fate)
{
    struct run *r = ctx;
    if (fate != FRAME_SENT || !f->from || f->from->index >= TRUTH_MACHINES) return;
    r->sent[f->from->index].requests += !f->is_answer;
    r->sent[f->from->index].bytes += f->bytes;
}

/* "Produce of p1 to b1 is answered NOT_ENOUGH_REPLICAS, and was not done". */
static void
see_met(void *ctx, const struct world_frame *f, struct slice how)
{
    struct run *r = ctx;
    struct slice asks = (f->is_answer ? f->to : f->from)->name;
    struct slice asked =
        (f->is_answer ? f->from : f->to) ? (f->is_answer ? f->from : f->to)->name : S("nobody");
    struct slice what = arena_format(r->a, "%.*s of %.*s to %.*s %.*s", SARG(k_api_name(f->api)),
                                     SARG(asks), SARG(asked), SARG(how));
    struct happening one = happening_new(HAPPENED_TROUBLE, world_now_ns(r->w));
    r->last_fault_ns = one.at_ns;
    one.what = what;
    chronicle_add(&r->chronicle, &one);
    if (++r->met_n <= MET_TOLD_MAX) run_tell(r, arena_format(r->a, "%.*s", SARG(how)), what);
    if (r->met_n == MET_TOLD_MAX) run_say(r, "and so it goes on, with more of them");
}

static void
see_disk(void *ctx, const struct world_disk_op *op)
{
    nemesis_see_disk(ctx, op);
}

static void
come_back(struct world *w, void *ctx)
{
    struct node_slot *n = ctx;
    (void)w;
    run_bring_back(n->r, n->m);
}

void
run_arm(struct node_slot *n, int64_t op, bool power, int64_t for_ns)
{
    n->armed_op = op;
    n->armed_power = power;
    n->armed_for_ns = for_ns;
    fault_at_disk_op(n->m, op, power);
}

/* Its disk operation has come. If something else ends it, the operation may still come in its next life. */
static void
see_armed(struct run *r, struct node_slot *n, enum life what)
{
    if ((what != LIFE_CRASH && what != LIFE_POWER) || !n->armed_op) return;
    if (machine_armed_op(n->m)) return;
    r->faults++;
    n->hurt = true;
    r->last_fault_ns = world_now_ns(r->w);
    run_say(r, "%s %.*s at its disk operation %lld", what == LIFE_POWER ? "power" : "crash",
            SARG(n->m->name), (long long)n->armed_op);
    n->armed_op = 0;
    if (n->armed_for_ns) world_at(r->w, world_now_ns(r->w) + n->armed_for_ns, come_back, n);
}

static void
start_again(struct world *w, void *ctx)
{
    struct node_slot *n = ctx;
    (void)w;
    if (n->m->state == MACHINE_DOWN) machine_start(n->m);
}

static bool
is_client(const struct run *r, const struct machine *m)
{
    for (int32_t i = 0; r->clients && i < r->s->clients_n; i++)
        if (r->clients[i].m == m) return true;
    return false;
}

static void
see_life(void *ctx, struct machine *m, enum life what, struct slice text)
{
    struct run *r = ctx;
    struct node_slot *n = node_of(r, m);
    if (what == LIFE_CRASH && is_client(r, m))
        history_abandon(r->h, history_process(r->h, m->name));
    bool in_order = what == LIFE_FATAL && !text.n;
    if (n) see_armed(r, n, what);
    if (n && (what == LIFE_CRASH || what == LIFE_POWER || what == LIFE_FATAL)) {
        if (!in_order) power_took(r, m, what == LIFE_POWER);
        n->is_stopping = false;
        truth_ended(&r->truth, n->id);
    }
    if (what != LIFE_FATAL || !n) return;
    if (in_order) {
        run_say(r, "%.*s has stopped in order", SARG(m->name));
        if (n->wanted) world_at(r->w, world_now_ns(r->w) + NS_PER_MS, start_again, n);
        n->wanted = false;
        return;
    }
    run_say(r, "%.*s ends itself: %.*s", SARG(m->name), SARG(text));
    if (!n->hurt && !r->nemesis_active &&
        !r->s->cluster.capacity) /* a small disk gets full: that is a fault */
        run_fail(r, VERDICT_DIED, "%.*s ended itself without a fault: %.*s", SARG(m->name),
                 SARG(text));
}

static void
see_fault(void *ctx, struct slice verb, struct slice what)
{
    struct run *r = ctx;
    bool takes_copies = slice_eq(verb, S("power")) || slice_eq(verb, S("wipe"));
    struct machine *m = takes_copies ? world_machine(r->w, what) : NULL;
    if (m) power_took(r, m, true); /* whether or not its process ran */
    if (slice_eq(verb, S("clock step")) || slice_eq(verb, S("clock drift"))) r->clocks_set = true;
}

static void
run_told(void *ctx, int64_t at_ns, struct slice line)
{
    struct run *r = ctx;
    (void)at_ns;
    if (!r->starting) run_say(r, "%.*s", SARG(line));
}

/* ---- the run ---- */

static void
run_begin(struct run *r, struct arena *a, const struct scenario *s, const struct run_options *o,
          struct run_result *ret)
{
    *r = (struct run){.a = a, .s = s, .o = o, .ret = ret, .starting = true};
    truth_init(&r->truth, a);
    r->truth.told = run_told;
    r->truth.ctx = r;
    cluster_build(r);
    r->dice = world_dice(r->w, S("scenario"), S("targets"));
    r->nemesis_dice = world_dice(r->w, S("scenario"), S("nemesis"));
    r->h = &r->history;
    history_init(r->h, a->mem, workload_now, r->w);
    history_make_room(r->h, last_room);
    if (o->put_trace)
        r->trace = trace_open(
            a->mem,
            &(struct trace_options){.message_bytes = o->trace_message_bytes, .kept = o->kept},
            o->put_trace, o->ctx);
    if (r->trace) world_trace(r->w, r->trace);
    world_say(r->w, S("scenario"), s->name, s->about, NULL, NULL, 0);
    world_observe(r->w, &(struct world_observer){.event = see_event,
                                                 .frame = see_frame,
                                                 .disk = see_disk,
                                                 .life = see_life,
                                                 .fault = see_fault,
                                                 .met = see_met,
                                                 .ctx = r});
    chronicler_begin(r);
    witnesses_begin(r);
    late_ends_begin(r);
    if (o->outside) look_begin(r);
    r->guests = guests_begin(r);
    struct node_slot *armed =
        o->crash_at_op ? node_of(r, world_machine(r->w, o->crash_node)) : NULL;
    if (armed) run_arm(armed, o->crash_at_op, o->crash_power, SWEEP_DOWN_NS);
}

static void
tell_count(struct run *r, const char *name, int64_t n)
{
    if (n) VEC_PUSH(r->a->mem, &r->ret->faults, arena_format(r->a, "%s %d", name, (int)n));
}

/* What steps did and what was drawn; who is called the same is one. */
static void
count_faults(struct run *r)
{
    int64_t drawn[NEMESIS_FAULTS_MAX];
    memcpy(drawn, r->random_counts, sizeof drawn);
    for (int32_t i = 0; i < VERBS_N; i++) {
        int64_t n = r->fault_counts[i];
        for (int32_t j = 0; j < nemesis_faults_n; j++) {
            if (strcmp(nemesis_faults[j].name, verbs[i].value.name) != 0) continue;
            n += drawn[j];
            drawn[j] = 0;
        }
        tell_count(r, verbs[i].value.name, n);
    }
    for (int32_t j = 0; j < nemesis_faults_n; j++) tell_count(r, nemesis_faults[j].name, drawn[j]);
}

static void
run_measure(struct run *r)
{
    struct run_result *ret = r->ret;
    ret->virtual_ns = world_now_ns(r->w);
    ret->begin_ns = r->begin_ns;
    ret->events = world_events(r->w);
    ret->trace_hash = world_hash(r->w);
    ret->peak_bytes = world_peak_bytes(r->w);
    count_faults(r);
}

static void
close_trace(struct run *r)
{
    if (!r->trace) return;
    world_trace(r->w, NULL);
    trace_close(r->trace);
    r->trace = NULL;
}

void
run_died(struct run *r, const char *file, int line, const char *what)
{
    run_fail(r, VERDICT_DIED, "%s:%d: CHECK failed: %s", file, line, what);
    if (!r->w) return;
    run_measure(r);
    const struct line *why = &r->ret->reasons.v.v[r->ret->reasons.v.n - 1];
    add_line(r, &r->ret->story, why->at_ns, why->text);
    world_say(r->w, S("verdict"), slice_cstr(verdict_text(VERDICT_DIED)), why->text, NULL, NULL, 0);
    close_trace(r);
}

void
run_remark(struct run *r, struct slice text, int64_t *ret_at_ns, struct slice *ret_machine)
{
    struct machine *m = world_acting(r->w);
    int64_t v[] = {-1, -1, 1, (int64_t)WITNESS_INVARIANT, 0};
    *ret_at_ns = r->begin_ns ? run_now(r) : -1;
    *ret_machine = m ? m->name : SLICE_EMPTY;
    world_say(r->w, S("anomaly"), S("decision"), text, m, v, ARRAY_LEN(v));
}

bool
run_is_in_machine(const struct run *r)
{
    return world_acting(r->w) && !world_is_tracing(r->w);
}

static void
run_let_go(struct run *r)
{
    run_measure(r);
    close_trace(r);
    witnesses_free(r);
    if (r->guests) guests_free(r->guests);
    chronicle_release(&r->chronicle);
    late_ends_free(r);
    world_free(r->w);
    last_room = history_room(r->h);
    history_release(r->h);
}

/* False: what the scenario says does not go with what this seed draws. */
static bool
choose_what_is_played(struct arena *a, const struct scenario *s, struct run_result *ret)
{
    struct diags d;
    diags_init(&d, a);
    ret->played = scenario_of_seed(a, s, ret->seed, &d);
    if (!d.errors) return true;
    struct writer w = writer_mem(a->mem);
    diags_print(&d, &w);
    struct line why = {0, arena_dup(a, writer_slice(&w))};
    writer_release(&w);
    VEC_PUSH(a->mem, &ret->reasons.v, why);
    ret->verdict = VERDICT_INCONCLUSIVE;
    return false;
}

/* For the pictures. */
static void
say_min_isrs(struct run *r)
{
    for (int32_t i = 0; i < r->s->topics_n; i++) {
        int64_t n = topic_min_isr(r, &r->s->topics[i]);
        world_say(r->w, S("min-isr"), r->s->topics[i].name, SLICE_EMPTY, NULL, &n, 1);
    }
}

void
run_scenario(struct arena *a, const struct scenario *given, const struct run_options *o,
             struct run_result *ret)
{
    *ret =
        (struct run_result){.seed = o->has_seed ? o->seed : (uint64_t)given->seed, .served_ns = -1};
    if (!choose_what_is_played(a, given, ret)) return;
    const struct scenario *s = ret->played;
    struct run *r = ARENA_NEW(a, struct run);
    if (o->under_way) *o->under_way = r;
    run_begin(r, a, s, o, ret);
    if (cluster_start(r)) {
        r->begin_ns = r->h->begin_ns = world_now_ns(r->w);
        world_say(r->w, S("begin"), SLICE_EMPTY, SLICE_EMPTY, NULL, NULL, 0);
        say_min_isrs(r);
        r->starting = false;
        clients_start(r);
        play_begin(r);
        if (o->outside) o->outside->live(o->outside->ctx, r, r->w);
        else world_run_until(r->w, r->begin_ns + s->run_ns);
        if (!ret->interrupted) finish(r);
        if (!ret->interrupted) witnesses_speak(r);
    }
    if (o->under_way) *o->under_way = NULL;
    run_let_go(r);
}
