/* Where the labs are, and where the student's copies: GREGOR_LABS, ./labs, or the labs beside this program's build. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/check.h"
#include "broker/base/sort.h"
#include "sim/cli/lab/lab.h"

bool
path_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

const char *
path_join(struct desk *d, struct slice a, const char *b)
{
    return (const char *)arena_format(&d->a, "%.*s/%s", SARG(a), b).p;
}

static bool
is_labs(struct desk *d, struct slice dir)
{
    return path_exists(path_join(d, dir, "guide.yaml"));
}

struct slice
path_last(struct slice path)
{
    int64_t at = path.n;
    while (at > 0 && path.p[at - 1] != '/') at--;
    return slice_sub(path, at, path.n);
}

/* From the program's folder upwards; an installed one has its labs in share/gregor/labs. */
static struct slice
labs_beside(struct desk *d, struct slice self)
{
    struct slice at = path_parent(self);
    for (int up = 0; up < 5; up++) {
        struct slice here = arena_format(&d->a, "%.*s/labs", SARG(at));
        struct slice shared = arena_format(&d->a, "%.*s/share/gregor/labs", SARG(at));
        if (is_labs(d, here)) return here;
        if (is_labs(d, shared)) return shared;
        if (at.n <= 1) break;
        at = path_parent(at);
    }
    return SLICE_NULL;
}

bool
place_find(struct desk *d, const char *mine, struct place *ret)
{
    char self[PATH_MAX];
    const char *named = getenv("GREGOR_LABS");
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    ret->self = n > 0 ? arena_dup(&d->a, slice(self, n)) : S("gregor");
    ret->mine = mine ? arena_dup(&d->a, slice_cstr(mine)) : S("my-labs");
    ret->labs = named && *named ? arena_dup(&d->a, slice_cstr(named)) : S("labs");
    if (!is_labs(d, ret->labs) && !(named && *named)) ret->labs = labs_beside(d, ret->self);
    if (!ret->labs.p || !is_labs(d, ret->labs)) {
        fprintf(stderr,
                "gregor: the labs are not here, nor beside this program; GREGOR_LABS can say in "
                "which folder "
                "they are%s%s\n",
                named && *named ? ", and says " : "", named && *named ? named : "");
        return false;
    }
    ret->root = path_parent(ret->labs);
    struct slice id = SLICE_EMPTY;
    (void)file_read_all(&d->a, path_join(d, ret->labs, "student.txt"), &id);
    ret->student = slice_trim(id);
    return true;
}

/* ---- folders ---- */

static int
by_name(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

struct folders
folder_names(struct desk *d, const char *path)
{
    struct folders f = {0};
    VEC(struct slice) v = {0};
    DIR *dir = opendir(path);
    struct dirent *e;
    while (dir && (e = readdir(dir)))
        if (e->d_name[0] != '.') VEC_PUSH(&d->mem, &v, arena_dup(&d->a, slice_cstr(e->d_name)));
    if (dir) closedir(dir);
    if (v.n) qsort(v.v, (size_t)v.n, sizeof *v.v, by_name);
    f.v = v.v; /* the desk's, until it is released */
    f.n = (int32_t)v.n;
    return f;
}

bool
folder_remove(struct desk *d, const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0) return errno == ENOENT;
    if (!S_ISDIR(st.st_mode)) return unlink(path) == 0;
    struct folders all = folder_names(d, path);
    bool ok = true;
    for (int32_t i = 0; i < all.n; i++)
        ok = folder_remove(d, path_join(d, slice_cstr(path), (const char *)all.v[i].p)) && ok;
    return rmdir(path) == 0 && ok;
}

bool
folder_copy(struct desk *d, const char *from, const char *to, bool over)
{
    struct folders all = folder_names(d, from);
    bool ok = make_dir(to);
    for (int32_t i = 0; ok && i < all.n; i++) {
        const char *name = (const char *)all.v[i].p;
        const char *source = path_join(d, slice_cstr(from), name),
                   *target = path_join(d, slice_cstr(to), name);
        struct slice bytes;
        struct stat st;
        if (stat(source, &st) != 0) return false;
        if (S_ISDIR(st.st_mode)) ok = folder_copy(d, source, target, over);
        else if (over || !path_exists(target))
            ok = file_read_all(&d->a, source, &bytes) && file_write_all(target, bytes) &&
                 chmod(target, st.st_mode & 0777) == 0;
    }
    return ok;
}

/* ---- labs ---- */

static struct folders
folders_with(struct desk *d, struct slice parent, const char *file)
{
    struct folders all = folder_names(d, (const char *)arena_dup(&d->a, parent).p), with = {0};
    with.v = ARENA_ARRAY(&d->a, struct slice, all.n + 1);
    for (int32_t i = 0; i < all.n; i++) {
        struct slice dir = arena_format(&d->a, "%.*s/%.*s", SARG(parent), SARG(all.v[i]));
        if (path_exists(path_join(d, dir, file))) with.v[with.n++] = dir;
    }
    return with;
}

struct folders
place_labs(struct desk *d, const struct place *p)
{
    return folders_with(d, p->labs, "lab.yaml");
}

/* B2 before B10. */
static int
by_number(const void *a, const void *b)
{
    const struct slice x = path_last(*(const struct slice *)a),
                       y = path_last(*(const struct slice *)b);
    int64_t nx = x.n > 1 ? strtol((const char *)x.p + 1, NULL, 10) : 0,
            ny = y.n > 1 ? strtol((const char *)y.p + 1, NULL, 10) : 0;
    return nx < ny ? -1 : nx > ny;
}

struct folders
place_drills(struct desk *d, const struct place *p)
{
    struct folders all =
        folders_with(d, arena_format(&d->a, "%.*s/exercises", SARG(p->labs)), "exercise.yaml");
    if (all.n) qsort(all.v, (size_t)all.n, sizeof *all.v, by_number);
    return all;
}

/* "04-election": what stands before the dash, without leading noughts. */
static struct slice
short_name(struct slice dir)
{
    struct slice name = path_last(dir);
    int64_t dash = slice_find(name, '-', 0);
    if (dash > 0) name = slice_sub(name, 0, dash);
    while (name.n > 1 && name.p[0] == '0') name = slice_sub(name, 1, name.n);
    return name;
}

struct slice
place_lab(struct desk *d, const struct place *p, const char *word, bool *ret_is_drill)
{
    struct words known = {.arena = &d->a};
    struct slice wanted = slice_cstr(word);
    while (wanted.n > 1 && wanted.p[0] == '0') wanted = slice_sub(wanted, 1, wanted.n);
    for (int pass = 0; pass < 2; pass++) {
        struct folders all = pass ? place_drills(d, p) : place_labs(d, p);
        *ret_is_drill = pass;
        for (int32_t i = 0; i < all.n; i++) {
            if (slice_eq_any_case(short_name(all.v[i]), wanted) ||
                slice_eq(path_last(all.v[i]), wanted))
                return all.v[i];
            words_add(&known, short_name(all.v[i]));
        }
    }
    fprintf(stderr, "gregor: there is no lab %s: %s\n", word, words_advice(&known, wanted));
    return SLICE_NULL;
}
