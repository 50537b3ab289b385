/* gregor course pack: the labs to hand out. Without solutions; for one student, with seeds and cases of their own; or as a kit that
 * has the broker's own versions of what is to be written only as objects. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/cli/lab/drill.h"

struct packing {
    struct desk *d;
    struct place p;
    struct build_flags f;
    const char *file, *student;
    bool hides;
    const char *room; /* what is made for this archive; it has the same folders */
    struct writer list;
};

static const char *
as_text(struct packing *k, struct slice s)
{
    return (const char *)arena_dup(&k->d->a, s).p;
}

/* ---- what is in it ---- */

static void
take_file(struct packing *k, struct slice path)
{
    fmt_slice(&k->list, path);
    fmt_char(&k->list, '\n');
}

static bool
ends_with(struct slice name, const char *end)
{
    struct slice e = slice_cstr(end);
    return name.n >= e.n && slice_eq(slice_sub(name, name.n - e.n, name.n), e);
}

/* Below the root. Solutions and wrong solutions stay here. ending: NULL: all files. */
static void
take_folder(struct packing *k, const char *path, const char *ending)
{
    struct folders all = folder_names(k->d, path_join(k->d, k->p.root, path));
    for (int32_t i = 0; i < all.n; i++) {
        struct slice one = arena_format(&k->d->a, "%s/%.*s", path, SARG(all.v[i]));
        struct stat st;
        if (slice_eq(all.v[i], S("solution")) || slice_eq(all.v[i], S("wrong"))) continue;
        if (stat(path_join(k->d, k->p.root, as_text(k, one)), &st) != 0) continue;
        if (S_ISDIR(st.st_mode)) take_folder(k, as_text(k, one), ending);
        else if (!ending || ends_with(all.v[i], ending)) take_file(k, one);
    }
}

#define WITH_WRONG_RULES "build/mutants/gregor"

/* All that an exercise is compiled and linked with, and the program with wrong rules. */
static void
add_kit(struct packing *k)
{
    static const char *const headers[] = {"broker", "sim", "visualize", "build/gen"};
    struct slice dir = arena_format(&k->d->a, "build/%.*s", SARG(path_last(k->f.dir)));
    for (int i = 0; i < (int)ARRAY_LEN(headers); i++) take_folder(k, headers[i], ".h");
    take_folder(k, "scenarios", NULL);
    static const char *const files[] = {"gregor", "core.a", "lab.flags"};
    for (int i = 0; i < (int)ARRAY_LEN(files); i++)
        take_file(k, arena_format(&k->d->a, "%.*s/%s", SARG(dir), files[i]));
    take_file(k, S("build/gregor"));
    take_file(k, arena_format(&k->d->a, "%.*s/mutants/gregor", SARG(dir)));
    take_file(k, S(WITH_WRONG_RULES));
    for (int32_t i = 0; i < k->f.objects_n; i++) take_file(k, k->f.objects[i]);
}

/* ---- what is made for it ---- */

static const char *
in_room(struct packing *k, const char *path)
{
    return path_join(k->d, slice_cstr(k->room), path);
}

static bool
compile_reference(struct packing *k, const struct drill *x, int32_t i, bool sanitized)
{
    struct slice object = drill_reference(k->d, x, i, sanitized);
    const char *to = in_room(k, as_text(k, object)), *of = as_text(k, x->holes[i]);
    struct compiled c = compile_one(k->d, &k->f, x, path_join(k->d, k->p.root, of), to,
                                    COMPILE_REFERENCE, sanitized, k->room);
    if (!c.ok) fprintf(stderr, "gregor: %s: %.*s\n", of, SARG(c.says));
    return c.ok;
}

static bool
compile_references_of(struct packing *k, const struct drill *x)
{
    bool ok = make_dir(in_room(k, as_text(k, path_parent(drill_reference(k->d, x, 0, false)))));
    for (int32_t i = 0; ok && i < x->holes_n; i++)
        ok = compile_reference(k, x, i, true) && compile_reference(k, x, i, false);
    return ok;
}

static bool
make_references(struct packing *k)
{
    struct folders all = place_drills(k->d, &k->p);
    bool ok = true;
    for (int32_t i = 0; ok && i < all.n; i++) {
        const struct drill *x = drill_read(k->d, all.v[i]);
        ok = x && (x->kind != DRILL_FUNCTION || compile_references_of(k, x));
    }
    return ok;
}

static bool
name_student(struct packing *k)
{
    struct slice line = arena_format(&k->d->a, "%s\n", k->student ? k->student : "");
    return make_dir(in_room(k, "labs")) && file_write_all(in_room(k, "labs/student.txt"), line);
}

/* ---- the archive ---- */

static int
archive(struct packing *k)
{
    const char *list = in_room(k, "files.txt");
    /* The same labs give the same bytes. */
    const char *args[24] = {"--create",     "--gzip",
                            "--file",       k->file,
                            "--sort=name",  "--owner=0",
                            "--group=0",    "--numeric-owner",
                            "--mtime=@0",   "--hard-dereference",
                            "--directory",  as_text(k, k->p.root),
                            "--files-from", list};
    int n = 14;
    if (k->student || k->hides) args[n++] = "--directory", args[n++] = k->room, args[n++] = "labs";
    args[n] = NULL;
    static const char *const tars[] = {"/usr/bin/tar", "/bin/tar"};
    if (!file_write_all(list, writer_slice(&k->list))) return EXIT_USAGE;
    for (int i = 0; i < 2; i++)
        if (path_exists(tars[i]))
            return spawn(tars[i], args, -1) == EXIT_PASS ? EXIT_PASS : EXIT_FAIL;
    fprintf(stderr, "gregor: there is no tar\n");
    return EXIT_USAGE;
}

static int
make_pack(struct packing *k)
{
    bool ok = !k->student || name_student(k);
    if (k->hides && !path_exists(path_join(k->d, k->p.root, WITH_WRONG_RULES))) {
        fprintf(stderr, "gregor: exercise B14 and some runs need the program with wrong rules, and "
                        "who gets the kit cannot make it: make mutants\n");
        return EXIT_USAGE;
    }
    if (k->hides) ok = ok && flags_read(k->d, &k->p, &k->f) && make_references(k);
    if (!ok) return EXIT_USAGE;
    take_folder(k, as_text(k, path_last(k->p.labs)), NULL);
    if (k->hides) add_kit(k);
    int rc = archive(k);
    if (rc == EXIT_PASS)
        printf(k->hides ? "%s: the labs and what they are compiled with; unpacked anywhere, they "
                          "begin with build/gregor lab\n"
                        : "%s: the labs without their solutions; unpacked over a clone, or named "
                          "by GREGOR_LABS\n",
               k->file);
    return rc;
}

int
course_pack(struct desk *d, int argc, char **argv)
{
    struct packing k = {.d = d, .list = writer_mem(&d->mem)};
    char room[] = "/tmp/gregor-pack-XXXXXX";
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--hide-reference") == 0) k.hides = true;
        else if (strcmp(argv[i], "--student") == 0 && i + 1 < argc) k.student = argv[++i];
        else if (argv[i][0] == '-' || k.file)
            return usage_error("course", "pack FILE.tar.gz [--student ID] [--hide-reference]");
        else k.file = argv[i];
    }
    if (!k.file) return usage_error("course", "pack FILE.tar.gz: into which file?");
    if (!place_find(d, NULL, &k.p)) return EXIT_USAGE;
    if (!mkdtemp(room)) {
        perror("gregor: /tmp");
        return EXIT_USAGE;
    }
    k.room = room;
    int rc = make_pack(&k);
    (void)folder_remove(d, room);
    writer_release(&k.list);
    return rc;
}
