/* gregor hunt merge: adds up the reports of several shards. It needs nothing but their files: who started the shards,
 * and where, does not matter. A shard that is missing or did not end makes the whole inconclusive at best. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/cli/hunt.h"
#include "sim/world/pool.h"

struct merge {
    struct pool pool;
    struct mem mem;
    struct arena a;
    const char *out;
    bool json;
    struct tally sum, first;
    bool *seen; /* shard i at i - 1 */
    int64_t reports;
    bool is_incomplete;
};

static const char *const option_names[] = {"--json", "--out"};

/* A folder, or the report itself. */
static const char *
report_path(struct merge *m, const char *path)
{
    struct stat st;
    bool is_dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    return is_dir ? (const char *)arena_format(&m->a, "%s/hunt.json", path).p : path;
}

static int
begin_sum(struct merge *m, const struct tally *t, const char *path)
{
    if (t->shard < 1)
        return usage_error("hunt", "%s is a sum already: merge the shards themselves", path);
    m->first = *t;
    m->sum = (struct tally){.a = &m->a,
                            .scenarios = t->scenarios,
                            .from = t->from,
                            .to = t->to,
                            .shards = t->shards,
                            .ended = true};
    m->seen = ARENA_ARRAY(&m->a, bool, t->shards);
    return EXIT_PASS;
}

static int
add_report(struct merge *m, const char *path)
{
    struct slice text;
    struct tally t;
    if (!file_read_all(&m->a, path, &text)) {
        fprintf(stderr, "gregor: %s: %s\n", path, strerror(errno));
        return EXIT_USAGE;
    }
    if (!tally_read(&t, &m->a, path, text)) return EXIT_USAGE;
    int rc = m->reports++ ? EXIT_PASS : begin_sum(m, &t, path);
    if (rc) return rc;
    const struct tally *f = &m->first;
    if (!slice_eq(t.scenarios, f->scenarios) || t.from != f->from || t.to != f->to ||
        t.shards != f->shards || t.shard < 1)
        return usage_error("hunt",
                           "%s is of another hunt than the first: scenarios, seeds and "
                           "number of shards must be the same",
                           path);
    if (m->seen[t.shard - 1])
        return usage_error("hunt", "%s: shard %lld of %lld was there before", path,
                           (long long)t.shard, (long long)t.shards);
    m->seen[t.shard - 1] = true;
    if (!t.ended) {
        fprintf(stderr, "gregor: %s: shard %lld did not come to its end\n", path,
                (long long)t.shard);
        m->is_incomplete = true;
    }
    tally_add(&m->sum, &t);
    return EXIT_PASS;
}

static void
tell_missing(struct merge *m)
{
    for (int64_t i = 0; i < m->first.shards; i++) {
        if (m->seen[i]) continue;
        fprintf(stderr, "gregor: shard %lld of %lld is missing\n", (long long)i + 1,
                (long long)m->first.shards);
        m->is_incomplete = true;
    }
}

static int
tell_sum(struct merge *m)
{
    struct writer w = writer_mem(&m->mem);
    int rc = tally_exit_code(&m->sum);
    m->sum.ended = !m->is_incomplete;
    tally_json(&m->sum, &w);
    if (m->json) fwrite(w.p, 1, (size_t)w.n, stdout);
    else tally_human(&m->sum, stdout);
    if (m->out) {
        const char *path = (const char *)arena_format(&m->a, "%s/hunt.json", m->out).p;
        if (!make_dir(m->out) || !file_write_all(path, writer_slice(&w))) {
            fprintf(stderr, "gregor: %s: %s\n", path, strerror(errno));
            rc = gravest_of(rc, EXIT_USAGE);
        }
    }
    writer_release(&w);
    return m->is_incomplete ? gravest_of(rc, EXIT_INCONCLUSIVE) : rc;
}

static int
merge_arguments(struct merge *m, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            m->json = true;
        } else if (strcmp(argv[i], "--out") == 0) {
            if (++i == argc) return usage_error("hunt", "--out needs a value");
            m->out = argv[i];
        } else if (strncmp(argv[i], "--", 2) == 0) {
            return unknown_option("hunt", option_names, ARRAY_LEN(option_names), argv[i]);
        } else {
            int rc = add_report(m, report_path(m, argv[i]));
            if (rc) return rc;
        }
    }
    if (!m->reports) return usage_error("hunt", "merge what? The folders of the shards");
    tell_missing(m);
    return tell_sum(m);
}

int
hunt_merge(int argc, char **argv)
{
    static struct merge m;
    memset(&m, 0, sizeof m);
    mem_init(&m.mem, pool_source(&m.pool), INT64_MAX);
    arena_init(&m.a, &m.mem, 0);
    int rc = merge_arguments(&m, argc, argv);
    mem_release(&m.mem);
    pool_release(&m.pool);
    return rc;
}
