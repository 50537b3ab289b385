/* Things that a scenario may say and hardly means. */
#include "broker/base/check.h"
#include "sim/scenario/table.h"

#define MS_PER_NS 1000000

static int64_t
ms(const struct scenario *s, const char *name)
{
    return cluster_config_i64(s, name);
}

static bool
said(const struct scenario *s, const char *name)
{
    for (int32_t i = 0; i < s->cluster.config.n; i++)
        if (slice_eq(s->cluster.config.v[i].name, slice_cstr(name))) return true;
    return false;
}

static void
lint_session(const struct scenario *s, struct diags *d)
{
    int64_t beat = ms(s, "broker.heartbeat.interval.ms"),
            session = ms(s, "broker.session.timeout.ms");
    if (beat * 2 >= session)
        diag_error(
            d, s->mark,
            "set broker.heartbeat.interval.ms well under half of broker.session.timeout.ms",
            "a heartbeat every %d ms, a session of %d ms: one late heartbeat fences a broker",
            (int)beat, (int)session);
    if (said(s, "broker.session.timeout.ms") != said(s, "broker.heartbeat.interval.ms"))
        diag_warn(
            d, s->mark, NULL,
            "broker.session.timeout.ms and broker.heartbeat.interval.ms should be set together");
}

/* Nobody takes over from clients: how long brokers are waited for is nothing to them. */
static bool
are_clients(const struct scenario *s, const struct target *t)
{
    int32_t found = 0;
    for (int32_t i = 0; i < t->n; i++) {
        bool is_client = t->v[i].kind == TERM_CLIENTS || t->v[i].kind == TERM_CLIENT;
        for (int32_t j = 0; j < s->clients_n && t->v[i].kind == TERM_NAME && !is_client; j++)
            is_client = slice_eq(s->clients[j].name, t->v[i].name);
        found += is_client;
    }
    return t->n && found == t->n;
}

static bool
is_a_failure(const struct step *s)
{
    enum verb_id id = s->verb->id;
    return id == VERB_CUT || id == VERB_PAUSE || id == VERB_CRASH || id == VERB_POWER;
}

/* Who takes it back, and when; -1: nobody, or not at a known time. */
static int64_t
step_end(const struct scenario *s, int32_t i)
{
    const struct step *step = &s->steps[i];
    if (step->args.for_ns) return step->at_ns + step->args.for_ns;
    for (int32_t j = i + 1; j < s->steps_n && step->as.p; j++) {
        const struct step *t = &s->steps[j];
        bool names = t->args.target.n == 1 && t->args.target.v[0].kind == TERM_BOUND &&
                     slice_eq(t->args.target.v[0].name, step->as);
        if (names && t->trigger == TRIGGER_AT) return t->at_ns;
    }
    return -1;
}

static void
lint_short_faults(const struct scenario *s, struct diags *d)
{
    int64_t session = ms(s, "broker.session.timeout.ms");
    for (int32_t i = 0; i < s->steps_n; i++) {
        const struct step *step = &s->steps[i];
        if (step->trigger != TRIGGER_AT || !is_a_failure(step) ||
            are_clients(s, &step->args.target))
            continue;
        int64_t end = step_end(s, i);
        if (end < 0 || end - step->at_ns >= session * MS_PER_NS) continue;
        diag_warn(d, step->mark, "set broker.session.timeout.ms, or let it last longer",
                  "this lasts %d ms, broker.session.timeout.ms is %d: no failover will happen",
                  (int)((end - step->at_ns) / MS_PER_NS), (int)session);
    }
}

static void
lint_names_for_roles(const struct scenario *s, struct diags *d)
{
    for (int32_t i = 0; i < s->steps_n; i++) {
        const struct step *step = &s->steps[i];
        bool fixed = false;
        if (!is_a_failure(step) || step->args.target.n != 1) continue;
        for (int32_t j = 0; j < s->topics_n; j++) fixed = fixed || s->topics[j].placed;
        const struct term *t = &step->args.target.v[0];
        if (t->kind != TERM_NAME || t->name.p[0] != 'b' || fixed || s->cluster.brokers == 1 ||
            !s->topics_n)
            continue;
        diag_warn(d, t->mark, "leader(…) or followers(…), or say leader: with the topic",
                  "%.*s has a role that differs from seed to seed", SARG(t->name));
    }
}

static void
lint_two_brokers(const struct scenario *s, struct diags *d)
{
    int32_t killed = 0;
    if (s->cluster.controllers) return;
    for (int32_t i = 0; i < s->steps_n; i++) {
        enum verb_id id = s->steps[i].verb->id;
        bool comes_back = s->steps[i].args.for_ns > 0;
        killed += (id == VERB_CRASH || id == VERB_POWER) && !comes_back;
        killed -= id == VERB_RESTART;
        if (killed < 2) continue;
        diag_warn(d, s->steps[i].mark, "cluster: {controllers: 3}",
                  "two combined nodes are down: the quorum is gone with them");
        return;
    }
}

/* Who still writes to it makes it anew: auto.create.topics.enable is on by default, as in Kafka. (Which of several topics of one name
 * owes what is judged by their ids.) */
static void
lint_deleted_topics(const struct scenario *s, struct diags *d)
{
    if (!cluster_config_i64(s, "auto.create.topics.enable")) return;
    for (int32_t i = 0; i < s->steps_n; i++) {
        const struct step *step = &s->steps[i];
        if (!step->args.remove.p) continue;
        for (int32_t j = 0; j < s->clients_n; j++) {
            const struct client_spec *c = &s->clients[j];
            bool writes = c->produce.p && slice_eq(c->produce, step->args.remove);
            bool at_other_time = step->trigger == TRIGGER_AT &&
                                 (step->at_ns >= c->until_ns || step->at_ns < c->start_ns);
            if (!writes || at_other_time) continue;
            diag_warn(d, step->mark, "delete it when its producers have ended",
                      "%.*s still writes to %.*s: it is made anew", SARG(c->name),
                      SARG(c->produce));
        }
    }
}

/* Kafka counts it as no more than there are replicas. */
static void
lint_min_isr(const struct scenario *s, struct diags *d)
{
    for (int32_t i = 0; i < s->topics_n; i++) {
        const struct topic *t = &s->topics[i];
        int64_t min_isr = cluster_config_i64(s, "min.insync.replicas");
        for (int32_t j = 0; j < t->config.n; j++)
            if (slice_eq(t->config.v[j].name, S("min.insync.replicas")))
                (void)slice_to_i64(t->config.v[j].value, &min_isr);
        if (min_isr > t->rf)
            diag_warn(d, t->mark, "min.insync.replicas of rf at most",
                      "%.*s has rf %d: min.insync.replicas %d counts as %d", SARG(t->name),
                      (int)t->rf, (int)min_isr, (int)t->rf);
    }
}

/* A kind that needs brokers which are no controllers, or two replicas, or a topic. */
static void
lint_random(const struct scenario *s, struct diags *d)
{
    static const char *const of_brokers[] = {"wipe", "rot", "misdirect"};
    const struct nemesis *n = &s->nemesis;
    bool all_are_controllers = !s->cluster.controllers && s->cluster.combined >= s->cluster.brokers;
    bool has_replicas = false;
    for (int32_t i = 0; i < s->topics_n; i++) has_replicas = has_replicas || s->topics[i].rf > 1;
    for (int32_t i = 0; i < n->n; i++) {
        bool asks = n->v[i].weight > 0 && n->says_which, is_of_brokers = false;
        for (int64_t j = 0; j < ARRAY_LEN(of_brokers); j++)
            is_of_brokers = is_of_brokers || slice_eq(n->v[i].fault, slice_cstr(of_brokers[j]));
        if (asks && is_of_brokers && all_are_controllers)
            diag_warn(d, n->v[i].mark, "cluster: {controllers: 3}",
                      "%.*s is never drawn: every broker is a controller, too, and a voter may not "
                      "forget",
                      SARG(n->v[i].fault));
        if (asks && slice_eq(n->v[i].fault, S("elections")) && !has_replicas)
            diag_warn(d, n->v[i].mark, "rf: 3",
                      "elections are never drawn: no topic has two replicas");
    }
}

static void
lint_timeline(const struct scenario *s, struct diags *d)
{
    for (int32_t i = 0; i < s->steps_n; i++)
        if (s->steps[i].trigger == TRIGGER_AT && s->steps[i].at_ns > s->run_ns)
            diag_warn(d, s->steps[i].mark, NULL, "this comes after the end of the run (%.1f s)",
                      (double)s->run_ns / 1e9);
}

void
scenario_lint(const struct scenario *s, struct diags *d)
{
    if (!s->about.n)
        diag_warn(d, s->mark, "about: one sentence", "nobody will know what this shows");
    lint_session(s, d);
    lint_short_faults(s, d);
    lint_names_for_roles(s, d);
    lint_two_brokers(s, d);
    lint_deleted_topics(s, d);
    lint_min_isr(s, d);
    lint_random(s, d);
    lint_timeline(s, d);
}
