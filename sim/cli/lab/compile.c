/* Compiles what students write as the broker is compiled, and says what the compiler means. */
#include <stdio.h>
#include <string.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/cli/lab/drill.h"

#define ARGS_MAX 1000
#define COMPILER_LINES 12

struct command_line {
    const char *v[ARGS_MAX + 1];
    int n;
};

static void
add(struct command_line *c, const char *word)
{
    if (c->n < ARGS_MAX) c->v[c->n++] = word;
    c->v[c->n] = NULL;
}

static void
add_all(struct desk *d, struct command_line *c, const struct slice *v, int32_t n)
{
    for (int32_t i = 0; i < n; i++) add(c, (const char *)arena_dup(&d->a, v[i]).p);
}

/* ---- what the compiler means ---- */

static const struct {
    const char *in, *means;
} explained[] = {
    {"[-Wconversion]", "a number goes into a type that cannot hold all of its values: check the "
                       "range first, or use the wider type"},
    {"[-Wshadow]", "two variables of one name, one inside the other's block: rename the inner one"},
    {"[-Wunused-parameter]", "a parameter is not used. If the rule does not need it, (void)name "
                             "says so; perhaps the rule does need it"},
    {"[-Wunused-variable]", "a variable is not used"},
    {"[-Wsign-compare]",
     "a number with a sign is compared with one without: -1 would be larger than everything"},
    {"[-Wreturn-type]", "the function ends without a return: what it gives back then is anything"},
    {"[-Wmaybe-uninitialized]",
     "on some way through the function this variable was never given a value"},
    {"[-Wuninitialized]", "this variable was never given a value"},
    {"[-Wvla]", "an array whose length is only known when it runs: a length from outside would "
                "break the stack"},
    {"[-Wmissing-prototypes]",
     "a function that is not static and stands in no header: make it static"},
    {"[-Wcast-qual]", "a cast takes away const: what is const is not yours to change"},
    {"[-Wimplicit-fallthrough", "a case runs into the next one: break, or return"},
    {"[-Wdouble-promotion]", "the broker's rules use no floating point"},
    {"undefined reference",
     "a function of the header is missing in your file, or one is called that does not exist"},
    {"multiple definition", "a function is there twice: once in your file and once in the broker. "
                            "Make your helpers static"},
    {"expected ';'", "the line before lacks a semicolon"},
    {"undeclared",
     "a name that nobody has declared: a spelling mistake, or an #include that is missing"},
};

static bool
has(struct slice line, const char *part)
{
    size_t n = strlen(part);
    for (int64_t i = 0; i + (int64_t)n <= line.n; i++)
        if (memcmp(line.p + i, part, n) == 0) return true;
    return false;
}

static struct slice
explain(struct desk *d, const char *path, bool *ret_warns)
{
    struct slice text, all;
    struct writer w = writer_mem(&d->mem);
    int told = 0;
    if (!file_read_all(&d->a, path, &text)) return SLICE_EMPTY;
    while (text.n && told < COMPILER_LINES) {
        int64_t end = slice_find(text, '\n', 0);
        struct slice line = end < 0 ? text : slice_sub(text, 0, end);
        text = end < 0 ? SLICE_EMPTY : slice_sub(text, end + 1, text.n);
        bool is_it = has(line, "error:") || has(line, "warning:") ||
                     has(line, "undefined reference") || has(line, "multiple definition");
        *ret_warns |= has(line, "warning:");
        if (!is_it) continue;
        if (told++) fmt_str(&w, "; ");
        fmt_slice(&w, line);
        for (int i = 0; i < (int)ARRAY_LEN(explained); i++) {
            if (!has(line, explained[i].in)) continue;
            fmt_str(&w, " (that is: "), fmt_str(&w, explained[i].means), fmt_char(&w, ')');
            break;
        }
    }
    all = arena_dup(&d->a, writer_slice(&w));
    writer_release(&w);
    return all;
}

/* ---- compiling, linking ---- */

static struct compiled
do_command(struct desk *d, const struct build_flags *f, const struct command_line *c,
           const char *work)
{
    const char *err = (const char *)arena_format(&d->a, "%s/compiler.txt", work).p;
    struct limits l = {.wall_ms = 120000,
                       .cpu_s = 30,
                       .file_bytes = 512LL << 20,
                       .writes = work,
                       .cwd = (const char *)arena_dup(&d->a, f->root).p};
    /* A cache of the compiler's would lie where this may not write. */
    static const char *const env[] = {"CCACHE_DISABLE=1", NULL};
    struct ended e = sandbox_run(c->v, env, &l, NULL, err);
    struct compiled r = {.ok = e.how == END_EXIT && e.code == 0};
    r.says = explain(d, err, &r.has_warnings);
    if (e.how == END_NOT_STARTED) r.says = arena_format(&d->a, "%s cannot be started", c->v[0]);
    if (e.how == END_TIME) r.says = S("the compiler did not come to an end");
    if (!r.ok && !r.says.n) r.says = arena_format(&d->a, "%s ended with %d", c->v[0], e.code);
    return r;
}

static const char *
prefix_of(enum compile_as as)
{
    return as == COMPILE_STUDENT ? "student_" : "reference_";
}

struct compiled
compile_one(struct desk *d, const struct build_flags *f, const struct drill *x, const char *source,
            const char *object, enum compile_as as, bool sanitized, const char *work)
{
    struct command_line c = {.n = 0};
    add_all(d, &c, f->cc, f->cc_n);
    if (as == COMPILE_PLAIN) add(&c, "-Wno-missing-prototypes");
    for (int32_t i = 0; as != COMPILE_PLAIN && i < x->functions_n; i++)
        add(&c, (const char *)arena_format(&d->a, "-D%.*s=%s%.*s", SARG(x->functions[i]),
                                           prefix_of(as), SARG(x->functions[i]))
                    .p);
    if (sanitized) add(&c, "-fsanitize=address,undefined"), add(&c, "-fno-sanitize-recover=all");
    add(&c, "-c"), add(&c, "-o"), add(&c, object), add(&c, source);
    return do_command(d, f, &c, work);
}

struct compiled
link_program(struct desk *d, const struct build_flags *f, const char *const *objects,
             bool with_gregor, bool sanitized, const char *program, const char *work)
{
    struct command_line c = {.n = 0};
    add_all(d, &c, f->link, f->link_n);
    if (sanitized) add(&c, "-fsanitize=address,undefined");
    add(&c, "-Wl,--strip-debug"), add(&c, "-o"), add(&c, program);
    for (int i = 0; objects[i]; i++) add(&c, objects[i]);
    if (with_gregor) add_all(d, &c, f->objects, f->objects_n);
    add(&c, (const char *)arena_format(&d->a, "%.*s/core.a", SARG(f->dir)).p);
    add_all(d, &c, f->libs, f->libs_n);
    return do_command(d, f, &c, work);
}
