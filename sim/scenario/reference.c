/* scenarios/README.md, from the table. */
#include <stdio.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/check/anomaly.h"
#include "sim/scenario/preset.h"
#include "sim/scenario/table.h"

static void
text(struct writer *w, const char *s)
{
    fmt_str(w, s);
}

static void
print_field(struct writer *w, const struct field *f, const char *indent)
{
    text(w, indent);
    text(w, "- `");
    text(w, f->name);
    text(w, "`");
    if (f->kind != VALUE_TREE && f->kind != VALUE_FIELDS) {
        text(w, " (");
        text(w, value_kind_text(f->kind));
        if (f->kind == VALUE_CHOICE) {
            text(w, " ");
            for (const char *c = f->choices; *c; c++) {
                if (*c == '|') text(w, ", ");
                else fmt_char(w, *c);
            }
        }
        if (f->kind != VALUE_CHOICE && f->choices) {
            text(w, ", ");
            text(w, f->choices);
        }
        text(w, ")");
    }
    text(w, ": ");
    text(w, f->about);
    text(w, "\n");
}

static void
print_fields(struct writer *w, const char *title, const struct fields *f)
{
    text(w, "\n");
    text(w, title);
    text(w, "\n\n");
    for (int32_t i = 0; i < f->n; i++) print_field(w, &f->v[i], "");
}

static void
print_words(struct writer *w, const struct word *v, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        text(w, "- `");
        text(w, v[i].name);
        text(w, "`: ");
        text(w, v[i].about);
        text(w, "\n");
    }
}

static void
print_faults(struct writer *w)
{
    for (int32_t i = 0; i < nemesis_faults_n; i++) {
        text(w, "- `");
        text(w, nemesis_faults[i].name);
        text(w, "` (");
        fmt_i64(w, nemesis_faults[i].weight);
        text(w, "): ");
        text(w, nemesis_faults[i].about);
        text(w, "\n");
    }
}

static void
print_example(struct writer *w, const char *example)
{
    text(w, "\n  For example `");
    text(w, example);
    text(w, "`\n\n");
}

static void
print_verbs(struct writer *w)
{
    text(w, "\n## Verbs\n\nOne in each step.\n\n");
    for (int32_t i = 0; i < VERBS_N; i++) {
        print_field(w, &verbs[i].value, "");
        for (int32_t j = 0; j < verbs[i].inner.n; j++) print_field(w, &verbs[i].inner.v[j], "    ");
        if (verbs[i].beside.n) text(w, "\n  beside it:\n\n");
        for (int32_t j = 0; j < verbs[i].beside.n; j++) print_field(w, &verbs[i].beside.v[j], "  ");
        print_example(w, verbs[i].example);
    }
}

static void
print_presets(struct writer *w)
{
    text(w, "\n## Presets\n\nWhat happens to clusters, by a name: `{at: 2s, preset: leader-lost}` "
            "stands for its "
            "steps. The first comes at the time of\nthe step, the others follow it. What stands in "
            "`< >` is a parameter, "
            "given in `with`; without a value its key is left out.\n`finds`: which mistakes of "
            "applications it shows.\n");
    for (int32_t i = 0; i < preset_files_n; i++) {
        text(w, "\n```yaml\n");
        text(w, preset_files[i].text);
        text(w, "```\n");
    }
}

static void
print_conditions(struct writer *w)
{
    text(w, "\n## Conditions\n\nFor `when`, `eventually` and `at-end`.\n\n");
    for (int32_t i = 0; i < CONDS_N; i++) {
        print_field(w, &conds[i].value, "");
        for (int32_t j = 0; j < conds[i].beside.n; j++)
            print_field(w, &conds[i].beside.v[j], "    ");
        if (!conds[i].at_end) text(w, "\n  Only for `when`.\n");
        print_example(w, conds[i].example);
    }
}

static void
print_rules(struct writer *w)
{
    text(w, "\n## Rules\n\nAll are watched in every run. What the configuration permits (acks=1 "
            "loses, retries "
            "without idempotence\ndouble …) is told and does not fail a run, unless `must-fail` "
            "asks for it.\n\n");
    for (int32_t i = 0; i < RULES_N; i++) {
        text(w, "- `");
        text(w, rule_spelling((enum rule)i));
        text(w, "`: ");
        text(w, rule_says((enum rule)i));
        text(w, "\n");
    }
}

void
scenario_reference(struct writer *w)
{
    text(w, "# Scenarios\n\n"
            "A scenario is a YAML document: a cluster, its topics and clients, what happens to it "
            "and when, and what\n"
            "must then hold. `gregor run FILE` runs it, `gregor lint FILE` finds mistakes. A file "
            "may have several.\n"
            "This page is printed by `gregor reference`, from the table that the loader uses.\n\n"
            "Times carry a unit (`200ms`, `1.5s`, `2m`), sizes may (`16KiB`), rates do (`200/s`). "
            "Anchors, aliases\n"
            "and tags are refused, and so is a key that stands twice; every scalar is the text "
            "that it is.\n");
    print_fields(w, "## The document", &document_fields);
    print_fields(w, "## cluster", &cluster_fields);
    print_fields(w, "### network", &network_fields);
    print_fields(w, "### disk", &disk_fields);
    print_fields(w, "## topics: {NAME: {…}}", &topic_fields);
    print_fields(w, "## clients: {NAME: {…}}", &client_fields);
    print_fields(w, "## timeline: [{…}]\n\nA step has one trigger, one verb, and perhaps a name.",
                 &step_fields);
    text(w, "\n### Targets\n\nResolved when the step fires.\n\n");
    print_words(w, targets, targets_n);
    print_verbs(w);
    print_presets(w);
    print_conditions(w);
    print_fields(w, "## random", &random_fields);
    text(w, "\n`random: {}` alone is enough. For example `random: {until: 20s, every: 50ms..800ms, "
            "down: 2, "
            "faults: {power: 3, wipe: 1}}`.\n\n"
            "Faults, with their weights where `faults` is not said (0: only if it is said):\n\n");
    print_faults(w);
    print_fields(w, "## expect", &expect_fields);
    print_fields(w, "### eventually: [{CONDITION, …}]", &eventually_fields);
    print_fields(w, "### must-fail: [{…}]", &must_fail_fields);
    print_rules(w);
}
