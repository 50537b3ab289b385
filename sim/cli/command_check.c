/* gregor check: judges histories that are in files, also those of real clusters. */
#include <errno.h>
#include <string.h>

#include "broker/base/fmt.h"
#include "sim/check/history_file.h"
#include "sim/cli/cli.h"
#include "sim/scenario/diag.h"

#define STORIES_PER_RULE 5

struct checking {
    struct desk *d;
    struct source source;
    struct diags diags;
    struct history_file file;
    struct check_result result;
    bool json, quiet;
};

static void
say_wrong(void *ctx, const struct history_error *e)
{
    struct checking *k = ctx;
    struct mark at = {.source = &k->source,
                      .line = (int32_t)e->line,
                      .column = (int32_t)MAX(1, e->column),
                      .width = (int32_t)MAX(1, e->width)};
    diag_error(&k->diags, at, NULL, "%s", e->what);
}

/* ---- for people ---- */

static void
say_counts(const struct checking *k)
{
    const struct history_counts *c = &k->result.counts;
    printf("%.*s · %lld operations of %lld processes\n", SARG(k->source.path),
           (long long)k->file.history.ops.n, (long long)k->file.history.processes.n);
    printf("  sent %lld · acknowledged %lld · unknown %lld · failed %lld · read back %lld\n",
           (long long)c->produced, (long long)c->acknowledged, (long long)c->unknown,
           (long long)c->failed, (long long)k->result.read);
    if (!k->result.has_final)
        puts("  there is no final read of everything: what was lost at the end of a log cannot be "
             "seen");
}

static void
say_anomalies(const struct checking *k)
{
    const struct anomalies *all = &k->result.anomalies;
    int64_t told[RULES_N] = {0};
    for (int64_t i = 0; i < all->v.n; i++) {
        const struct anomaly *a = &all->v.v[i];
        if ((a->allowed && k->quiet) || ++told[a->rule] > STORIES_PER_RULE) continue;
        printf("  %s %s%s in %.*s-%d: %.*s\n", a->allowed ? " " : "!", rule_spelling(a->rule),
               a->allowed ? " (permitted)" : "", SARG(a->topic), a->partition, SARG(a->story));
    }
    for (int i = 0; i < RULES_N; i++)
        if (told[i] > STORIES_PER_RULE || all->counts[i] > told[i])
            printf("    %s: %lld in all\n", rule_spelling((enum rule)i), (long long)all->counts[i]);
}

static int
verdict(const struct checking *k)
{
    if (k->result.anomalies.disallowed) return EXIT_FAIL;
    return k->result.is_conclusive ? EXIT_PASS : EXIT_INCONCLUSIVE;
}

static void
say_verdict(const struct checking *k, int rc)
{
    int64_t wrong = k->result.anomalies.disallowed;
    if (rc == EXIT_FAIL)
        printf("FAIL  %lld broken promise%s\n", (long long)wrong, wrong == 1 ? "" : "s");
    else if (rc == EXIT_INCONCLUSIVE)
        puts("INCONCLUSIVE  nothing was acknowledged: this proves nothing");
    else puts("PASS  every promise was kept, or is excused by what happened");
}

/* ---- for programs ---- */

static void
print_json(const struct checking *k, int rc)
{
    static const char *const words[] = {"pass", "fail", "inconclusive"};
    const struct history_counts *c = &k->result.counts;
    struct writer w = writer_mem(&k->d->mem);
    fmt_str(&w, "{\"schema\":1,\"verdict\":"), fmt_json(&w, slice_cstr(words[rc]));
    fmt_str(&w, ",\"file\":"), fmt_json(&w, k->source.path);
    fmt_str(&w, ",\"counts\":{\"produced\":"), fmt_i64(&w, c->produced);
    fmt_str(&w, ",\"acknowledged\":"), fmt_i64(&w, c->acknowledged);
    fmt_str(&w, ",\"unknown\":"), fmt_i64(&w, c->unknown);
    fmt_str(&w, ",\"failed\":"), fmt_i64(&w, c->failed);
    fmt_str(&w, ",\"read\":"), fmt_i64(&w, k->result.read);
    fmt_str(&w, "},\"final_read\":"), fmt_str(&w, k->result.has_final ? "true" : "false");
    report_anomalies_json(&k->result.anomalies, &w);
    fmt_str(&w, "}\n");
    fwrite(w.p, 1, (size_t)w.n, stdout);
    writer_release(&w);
}

/* ---- one file ---- */

/* A run's folder has one, too. */
static bool
open_history(struct checking *k, const char *path)
{
    struct slice in = arena_format(&k->d->a, "%s/history.txt", path);
    k->source.path = in;
    if (file_read_all(&k->d->a, (const char *)in.p, &k->source.text)) return true;
    k->source.path = slice_cstr(path);
    if (file_read_all(&k->d->a, path, &k->source.text)) return true;
    fprintf(stderr, "gregor: %s: %s\n", path, strerror(errno));
    return false;
}

static int
check_file(struct checking *k, const char *path)
{
    if (!open_history(k, path)) return EXIT_USAGE;
    diags_init(&k->diags, &k->d->a);
    history_file_init(&k->file, &k->d->mem);
    if (history_file_read(&k->file, k->source.text, say_wrong, k)) {
        struct writer w = writer_mem(&k->d->mem);
        diags_print(&k->diags, &w);
        fwrite(w.p, 1, (size_t)w.n, stderr);
        writer_release(&w);
        history_file_release(&k->file);
        return EXIT_USAGE;
    }
    check_history(&k->d->mem, &k->file.history, &k->file.facts, &k->result);
    int rc = verdict(k);
    if (k->json) print_json(k, rc);
    else {
        say_counts(k);
        say_anomalies(k);
        say_verdict(k, rc);
    }
    check_result_release(&k->result);
    history_file_release(&k->file);
    return rc;
}

/* The most serious: 3, 1, 2, 0. */
static int
graver(int a, int b)
{
    static const int gravity[] = {
        [EXIT_PASS] = 0, [EXIT_FAIL] = 2, [EXIT_INCONCLUSIVE] = 1, [EXIT_USAGE] = 3};
    return gravity[a] >= gravity[b] ? a : b;
}

int
command_check(int argc, char **argv)
{
    static const char *const known[] = {"--json", "--quiet"};
    struct desk d;
    struct checking k = {.d = &d};
    int rc = EXIT_PASS, files = 0;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) k.json = true;
        else if (strcmp(argv[i], "--quiet") == 0) k.quiet = true;
        else if (argv[i][0] == '-' && argv[i][1])
            return unknown_option("check", known, ARRAY_LEN(known), argv[i]);
        else files++;
    }
    if (!files) return usage_error("check", "which history? (a file, or a run's folder)");
    for (int i = 0; i < argc; i++) {
        if (argv[i][0] == '-') continue;
        desk_init(&d);
        rc = graver(rc, check_file(&k, argv[i]));
        desk_release(&d);
    }
    return rc;
}
