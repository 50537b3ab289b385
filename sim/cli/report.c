/* What a run is told as: report.json for programs, a dozen lines for people. */
#include <lz4.h>
#include <stdio.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>

#include "broker/base/fmt.h"
#include "sim/cli/cli.h"
#include "sim/scenario/json.h"

/* ---- json ---- */

static void
json_slices(struct writer *w, const char *name, const struct slice *v, int64_t n)
{
    json_key(w, name);
    fmt_char(w, '[');
    for (int64_t i = 0; i < n; i++) {
        json_next(w);
        fmt_json(w, v[i]);
    }
    fmt_char(w, ']');
}

static void
json_lines(struct writer *w, const char *name, const struct lines *l)
{
    json_key(w, name);
    fmt_char(w, '[');
    for (int64_t i = 0; i < l->v.n; i++) {
        json_next(w);
        fmt_json(w, l->v.v[i].text);
    }
    fmt_char(w, ']');
}

static void
json_anomaly(struct writer *w, const struct anomaly *a)
{
    fmt_char(w, '{');
    json_text(w, "rule", slice_cstr(rule_spelling(a->rule)));
    json_text(w, "witness", slice_cstr(witness_spelling(a->witness)));
    json_text(w, "topic", a->topic);
    json_i64(w, "partition", a->partition);
    json_i64(w, "offset", a->offset);
    json_text(w, "value", a->name);
    json_bool(w, "allowed", a->allowed);
    if (a->loss != LOSS_NONE) json_text(w, "loss", slice_cstr(loss_spelling(a->loss)));
    if (a->why.n) json_text(w, "why", a->why);
    json_text(w, "story", a->story);
    fmt_char(w, '}');
}

void
report_anomalies_json(const struct anomalies *all, struct writer *w)
{
    json_key(w, "anomalies");
    fmt_char(w, '[');
    for (int64_t i = 0; i < all->v.n; i++) {
        json_next(w);
        json_anomaly(w, &all->v.v[i]);
    }
    fmt_char(w, ']');
}

static void
json_libraries(struct writer *w)
{
    json_key(w, "libraries");
    fmt_char(w, '{');
    json_text(w, "zstd", slice_cstr(ZSTD_versionString()));
    json_text(w, "lz4", slice_cstr(LZ4_versionString()));
    json_text(w, "zlib", slice_cstr(zlibVersion()));
    json_text(w, "yaml", slice_cstr(yaml_get_version_string()));
    fmt_char(w, '}');
}

static void
json_counts(struct writer *w, const struct run_counts *c)
{
    json_key(w, "counts");
    fmt_char(w, '{');
    json_i64(w, "produced", c->produced);
    json_i64(w, "acknowledged", c->acknowledged);
    json_i64(w, "unknown", c->unknown);
    json_i64(w, "failed", c->failed);
    json_i64(w, "read", c->read);
    fmt_char(w, '}');
}

static void
json_sweep(struct writer *w, const struct run_job *j)
{
    json_key(w, "sweep");
    fmt_char(w, '{');
    json_text(w, "fault", j->crash_power ? S("power") : S("crash"));
    json_text(w, "node", j->crash_node);
    json_i64(w, "operation", j->crash_at_op);
    fmt_char(w, '}');
}

void
report_json(struct arena *a, const struct scenario *s, const struct run_result *r,
            const struct run_job *j, int64_t wall_ns, struct writer *w)
{
    fmt_char(w, '{');
    json_i64(w, "schema", 1);
    json_text(w, "verdict", slice_cstr(verdict_text(r->verdict)));
    json_text(w, "scenario", s->name);
    json_i64(w, "seed", (int64_t)r->seed);
    if (j->bug) json_text(w, "bug", slice_cstr(j->bug));
    if (j->crash_at_op) json_sweep(w, j);
    json_text(w, "trace_hash", arena_format(a, "%016llx", (unsigned long long)r->trace_hash));
    json_i64(w, "virtual_ns", r->virtual_ns);
    json_i64(w, "wall_ns", wall_ns);
    json_i64(w, "events", r->events);
    json_i64(w, "peak_bytes", r->peak_bytes);
    json_counts(w, &r->counts);
    json_lines(w, "reasons", &r->reasons);
    json_lines(w, "confirmed", &r->confirmed);
    json_slices(w, "fired", r->fired.v, r->fired.n);
    report_anomalies_json(&r->anomalies, w);
    json_slices(w, "faults", r->faults.v, r->faults.n);
    json_libraries(w);
    fmt_str(w, "}\n");
}

void
report_json_short(struct arena *a, const struct run_job *j, struct slice why, struct writer *w)
{
    struct scenario s = {.name = j->name};
    struct run_result r = {.verdict = VERDICT_DIED, .seed = j->seed};
    struct line reason = {0, why};
    anomalies_init(&r.anomalies, a->mem);
    VEC_PUSH(a->mem, &r.reasons.v, reason);
    report_json(a, &s, &r, j, 0, w);
    VEC_RELEASE(a->mem, &r.reasons.v);
}

/* ---- for people ---- */

#define STORY_LINES 24
#define REASON_LINES 12

static void
thousands(struct writer *w, int64_t v)
{
    if (v < 1000) {
        fmt_i64(w, v);
        return;
    }
    thousands(w, v / 1000);
    fmt_char(w, ',');
    fmt_padded(w, v % 1000, 3);
}

static void
report_head(struct arena *a, const struct scenario *s, const struct run_result *r, int64_t wall_ns,
            struct writer *w)
{
    double virtual_s = (double)r->virtual_ns / 1e9, wall_s = (double)wall_ns / 1e9;
    int brokers = (int)s->cluster.brokers, controllers = (int)s->cluster.controllers;
    fmt_slice(w, arena_format(a, "%.*s · seed %llu · %d broker%s", SARG(s->name),
                              (unsigned long long)r->seed, brokers, brokers == 1 ? "" : "s"));
    if (controllers)
        fmt_slice(w,
                  arena_format(a, ", %d controller%s", controllers, controllers == 1 ? "" : "s"));
    fmt_slice(w, arena_format(a, " · %.1f s of cluster life in %.2f s (%.0f:1)\n", virtual_s,
                              wall_s, wall_s > 0 ? virtual_s / wall_s : 0.0));
}

static void
story(struct arena *a, const struct run_result *r, struct writer *w)
{
    int64_t n = r->story.v.n, cut = n > STORY_LINES ? STORY_LINES * 2 / 3 : n;
    for (int64_t i = 0; i < n; i++) {
        if (i == cut) {
            fmt_slice(w, arena_format(a, "           … %d lines more …\n", (int)(n - STORY_LINES)));
            i = n - (STORY_LINES - cut);
        }
        const struct line *l = &r->story.v.v[i];
        fmt_slice(w, arena_format(a, "%8.3fs  %.*s\n", (double)l->at_ns / 1e9, SARG(l->text)));
    }
}

static void
counts(const struct run_counts *c, struct writer *w)
{
    fmt_str(w, "  produced ");
    thousands(w, c->produced);
    fmt_str(w, " · acknowledged ");
    thousands(w, c->acknowledged);
    fmt_str(w, " · unknown ");
    thousands(w, c->unknown);
    if (c->failed) {
        fmt_str(w, " · failed ");
        thousands(w, c->failed);
    }
    fmt_str(w, " · read back ");
    thousands(w, c->read);
    fmt_char(w, '\n');
}

struct slice
report_allowed(struct arena *a, const struct run_result *r)
{
    int64_t counts[RULES_N] = {0};
    struct slice all = SLICE_NULL;
    for (int64_t i = 0; i < r->anomalies.v.n; i++) {
        const struct anomaly *x = &r->anomalies.v.v[i];
        if (x->allowed && x->witness == WITNESS_CHECKER) counts[x->rule]++;
    }
    for (int rule = 0; rule < RULES_N; rule++) {
        if (!counts[rule]) continue;
        all = arena_format(a, "%.*s%s%lld %s", SARG(all), all.n ? ", " : "",
                           (long long)counts[rule], rule_spelling((enum rule)rule));
    }
    return all;
}

static struct slice
praise(struct arena *a, const struct run_result *r)
{
    if (r->confirmed.v.n) return S("it failed as it must, and nothing else went wrong   ");
    struct slice allowed = report_allowed(a, r);
    if (!allowed.n)
        return S("nothing acknowledged was lost, nothing doubled, order kept, replicas equal   ");
    return arena_format(a, "%.*s, each for a cause that permits it; nothing else went wrong   ",
                        SARG(allowed));
}

static void
report_verdict(struct arena *a, const struct run_result *r, struct writer *w)
{
    static const char *const words[] = {
        "PASS", "FAIL", "INCONCLUSIVE", "DIED", "WITNESSES DISAGREE", "NONDETERMINISTIC"};
    struct slice says = r->verdict == VERDICT_PASS ? praise(a, r) : SLICE_EMPTY;
    for (int64_t i = 0; i < r->confirmed.v.n; i++)
        fmt_slice(w, arena_format(a, "expected failure CONFIRMED  %.*s\n",
                                  SARG(r->confirmed.v.v[i].text)));
    for (int64_t i = 0; i < r->reasons.v.n && i < REASON_LINES; i++)
        fmt_slice(w, arena_format(a, "  ! %.*s\n", SARG(r->reasons.v.v[i].text)));
    fmt_slice(w, arena_format(a, "%s  %.*strace %016llx\n", words[r->verdict], SARG(says),
                              (unsigned long long)r->trace_hash));
}

void
report_human(struct arena *a, const struct scenario *s, const struct run_result *r,
             const struct run_job *j, int64_t wall_ns, struct writer *w)
{
    report_head(a, s, r, wall_ns, w);
    if (!j->quiet) story(a, r, w);
    counts(&r->counts, w);
    report_verdict(a, r, w);
}
