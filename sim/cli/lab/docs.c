/* What stands in the labs' pages and comes out of runs and tables: pictures, the list of labs. Written anew, or compared. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/cli/lab/drill.h"
#include "sim/cli/lab/lab.h"

#define TABLE_BEGIN "<!-- made by make docs: the labs -->\n"
#define GUIDE_BEGIN "<!-- made by make docs: the guide -->\n"
#define TABLE_END "<!-- end -->\n"

struct docs {
    struct desk *d;
    const struct place *p;
    bool check;
    int64_t same, other; /* pages and pictures: as they were, and not */
    int64_t broken;      /* what could not be read or drawn */
};

/* Writes, or says that it is otherwise. */
static void
write_or_compare(struct docs *k, const char *path, struct slice wanted)
{
    struct slice is;
    if (file_read_all(&k->d->a, path, &is) && slice_eq(is, wanted)) {
        k->same++;
        return;
    }
    k->other++;
    if (k->check) {
        printf("FAILED %s: it is not what make docs makes\n", path);
    } else if (file_write_all(path, wanted)) {
        printf("  wrote %s\n", path);
    } else {
        k->other--, k->broken++;
        fprintf(stderr, "gregor: %s: %s\n", path, strerror(errno));
    }
}

/* ---- pictures ---- */

#define PICTURE_ARGS_MAX 16

static bool
draw(struct docs *k, const struct lab_picture *pic, const char *run, struct slice *ret)
{
    const char *args[PICTURE_ARGS_MAX + 4];
    int n = 0;
    FILE *f = tmpfile();
    args[n++] = (const char *)arena_dup(&k->d->a, pic->draw).p;
    args[n++] = run;
    for (int32_t i = 0; i < pic->args_n && i < PICTURE_ARGS_MAX; i++)
        args[n++] = (const char *)arena_dup(&k->d->a, pic->args[i]).p;
    args[n] = NULL;
    if (!f) return false;
    bool ok = spawn((const char *)k->p->self.p, args, fileno(f)) == EXIT_PASS;
    long size = ftell(f);
    ok = ok && fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0;
    uint8_t *bytes = ok ? ARENA_ARRAY(&k->d->a, uint8_t, size + 1) : NULL;
    rewind(f);
    ok = ok && fread(bytes, 1, (size_t)size, f) == (size_t)size;
    fclose(f);
    if (ok) *ret = slice(bytes, size);
    return ok;
}

static void
draw_all(struct docs *k, const struct lab *l, struct slice scratch)
{
    for (int32_t i = 0; i < l->pictures_n; i++) {
        const struct lab_picture *pic = &l->pictures[i];
        const struct lab_run *r = lab_find_run(l, pic->run);
        struct slice svg = SLICE_EMPTY,
                     mine = arena_format(&k->d->a, "%.*s/%.*s", SARG(scratch), SARG(l->folder));
        const char *dir = runs_folder(k->d, mine, r);
        if (!path_exists(dir) && runs_make(k->d, k->p, l, mine, r, true) != EXIT_PASS) {
            k->broken++;
            continue;
        }
        struct folders all = folder_names(k->d, dir);
        struct slice chosen = SLICE_NULL;
        for (int32_t j = 0; j < all.n; j++) {
            bool is_it = !pic->seed.n ||
                         slice_ends(all.v[j], arena_format(&k->d->a, "-%.*s", SARG(pic->seed)));
            if (is_it && !chosen.p && !slice_eq(all.v[j], S("report.json"))) chosen = all.v[j];
        }
        if (chosen.p &&
            draw(k, pic, path_join(k->d, slice_cstr(dir), (const char *)chosen.p), &svg))
            write_or_compare(
                k, path_join(k->d, l->dir, (const char *)arena_dup(&k->d->a, pic->file).p), svg);
        else
            k->broken++,
                printf("FAILED %.*s/%.*s: it cannot be drawn\n", SARG(l->dir), SARG(pic->file));
    }
}

/* ---- the table of the labs ---- */

static struct slice
joined(struct docs *k, struct slice a, struct slice b, struct slice c)
{
    struct writer w = writer_mem(&k->d->mem);
    fmt_slice(&w, a), fmt_slice(&w, b), fmt_slice(&w, c);
    struct slice all = arena_dup(&k->d->a, writer_slice(&w));
    writer_release(&w);
    return all;
}

/* The text with what is between the marks with_table; null: there are no marks. */
static struct slice
with_table(struct docs *k, struct slice text, struct slice begin, struct slice with)
{
    for (int64_t i = 0; i + begin.n <= text.n; i++) {
        if (memcmp(text.p + i, begin.p, (size_t)begin.n) != 0) continue;
        struct slice end = S(TABLE_END);
        for (int64_t e = i + begin.n; e + end.n <= text.n; e++)
            if (memcmp(text.p + e, end.p, (size_t)end.n) == 0)
                return joined(k, slice_sub(text, 0, i + begin.n), with, slice_sub(text, e, text.n));
    }
    return SLICE_NULL;
}

static void
write_table(struct docs *k, struct slice begin, struct slice rows)
{
    struct slice text = SLICE_NULL, whole = SLICE_NULL;
    const char *path = path_join(k->d, k->p->labs, "README.md");
    if (file_read_all(&k->d->a, path, &text)) whole = with_table(k, text, begin, rows);
    if (whole.p) write_or_compare(k, path, whole);
    else k->broken++, printf("FAILED %s: there is no place for the table\n", path);
}

/* Drawing takes the runs of a lab; who writes one lab does not wait for those of all. */
static bool
is_chosen(const struct lab *l, char **chosen, int n)
{
    for (int i = 0; i < n; i++)
        if (slice_eq(l->id, slice_cstr(chosen[i]))) return true;
    return n == 0;
}

int
course_docs(struct desk *d, int argc, char **argv)
{
    struct place p;
    struct docs k = {.d = d, .p = &p};
    int chosen_n = 0;
    for (int i = 0; i < argc; i++) {
        if (argv[i][0] != '-') argv[chosen_n++] = argv[i];
        else if (strcmp(argv[i], "--check") == 0) k.check = true;
        else return usage_error("course", "docs takes --check, and the labs to draw (else all)");
    }
    if (!place_find(d, NULL, &p)) return EXIT_USAGE;
    char scratch[] = "/tmp/gregor-docs-XXXXXX";
    if (!mkdtemp(scratch)) {
        perror("gregor: /tmp");
        return EXIT_USAGE;
    }
    struct folders all = place_labs(d, &p);
    struct writer rows = writer_mem(&d->mem);
    fmt_str(&rows, "| lab | minutes | question |\n|---|---|---|\n");
    for (int32_t i = 0; i < all.n; i++) {
        struct lab *l = lab_read(d, all.v[i]);
        if (!l) {
            k.broken++;
            continue;
        }
        if (is_chosen(l, argv, chosen_n)) draw_all(&k, l, slice_cstr(scratch));
        fmt_slice(&rows, arena_format(&d->a, "| [%.*s %.*s](%.*s/README.md) | %lld | %.*s |\n",
                                      SARG(l->id), SARG(l->title), SARG(l->folder),
                                      (long long)l->minutes, SARG(l->question)));
    }
    struct folders drills = place_drills(d, &p);
    fmt_str(&rows, drills.n ? "\n| exercise in C | minutes | what |\n|---|---|---|\n" : "");
    for (int32_t i = 0; i < drills.n; i++) {
        struct drill *x = drill_read(d, drills.v[i]);
        if (!x) {
            k.broken++;
            continue;
        }
        const struct lab *l = &x->as_lab;
        fmt_slice(&rows,
                  arena_format(&d->a, "| [%.*s %.*s](exercises/%.*s/README.md) | %lld | %.*s |\n",
                               SARG(l->id), SARG(l->title), SARG(l->folder), (long long)l->minutes,
                               SARG(l->question)));
    }
    write_table(&k, S(TABLE_BEGIN), writer_slice(&rows));
    struct guide *g = guide_read(d, &p);
    rows.n = 0;
    if (g) guide_table(d, g, &rows), write_table(&k, S(GUIDE_BEGIN), writer_slice(&rows));
    else k.broken++;
    writer_release(&rows);
    (void)folder_remove(d, scratch);
    int64_t failed = k.broken + (k.check ? k.other : 0);
    printf("%lld passed, %lld failed\n", (long long)(k.same + (k.check ? 0 : k.other)),
           (long long)failed);
    return failed ? EXIT_FAIL : EXIT_PASS;
}
