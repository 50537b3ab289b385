/* Which names a regular expression stands for, by PCRE2. Expressions come from clients, so their cost is bounded:
 * pcre2_dfa_match() walks over a name once, with all the places in the expression where it may be, and does not
 * go back. So time is bounded by the expression's length times the name's, as it is in RE2, which Kafka uses (RE2/J).
 * What it cannot do is what RE2 cannot do either: back references. Memory and nesting have limits of their own. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "broker/work/codecs.h"

#define PATTERN_BYTES_MAX 8192
#define NEST_MAX 100
#define STEPS_MAX 1000000 /* of groups within groups, for one name */
#define HEAP_KIB_MAX 4096
#define WORKSPACE 20000

struct matcher {
    pcre2_compile_context *compiling;
    pcre2_code *code;
    pcre2_match_context *matching;
    pcre2_match_data *data;
    int *workspace;
};

static void
matcher_release(struct matcher *m)
{
    pcre2_compile_context_free(m->compiling);
    pcre2_code_free(m->code);
    pcre2_match_context_free(m->matching);
    pcre2_match_data_free(m->data);
    free(m->workspace);
}

static int
match_from_start(struct matcher *m, struct slice name)
{
    return pcre2_dfa_match(m->code, name.p, (size_t)name.n, 0, PCRE2_ANCHORED, m->data, m->matching,
                           m->workspace, WORKSPACE);
}

/* The whole name must match, not a part of it: of all matches the longest is told first. */
static bool
is_match(struct matcher *m, struct slice name)
{
    return match_from_start(m, name) >= 0 &&
           pcre2_get_ovector_pointer(m->data)[1] == (size_t)name.n;
}

static bool
is_answer(int rc)
{
    return rc >= 0 || rc == PCRE2_ERROR_NOMATCH;
}

static bool
matcher_init(struct matcher *m, struct slice pattern)
{
    int why;
    size_t where;
    uint32_t back_references = 0;
    m->compiling = pcre2_compile_context_create(NULL);
    m->matching = pcre2_match_context_create(NULL);
    m->workspace = calloc(WORKSPACE, sizeof *m->workspace);
    if (!m->compiling || !m->matching || !m->workspace) return false;
    (void)pcre2_set_max_pattern_length(m->compiling, PATTERN_BYTES_MAX);
    (void)pcre2_set_parens_nest_limit(m->compiling, NEST_MAX);
    (void)pcre2_set_match_limit(m->matching, STEPS_MAX);
    (void)pcre2_set_depth_limit(m->matching, NEST_MAX);
    (void)pcre2_set_heap_limit(m->matching, HEAP_KIB_MAX);
    m->code = pcre2_compile(pattern.p, (size_t)pattern.n,
                            PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &why,
                            &where, m->compiling);
    if (!m->code) return false;
    m->data = pcre2_match_data_create(1, NULL);
    if (!m->data) return false;
    (void)pcre2_pattern_info(m->code, PCRE2_INFO_BACKREFMAX, &back_references);
    return back_references == 0 && is_answer(match_from_start(m, SLICE_EMPTY));
}

/* The first piece is the expression, the second the names, a line each; out come those that match. ENV_EINVAL:
 * the expression is wrong, or of a kind that is not served. A name that exceeds a limit does not match. */
enum env_err
match_names(struct in *in, struct out *out)
{
    struct slice pattern = in->segs_n > 0 ? in->segs[0].bytes : SLICE_EMPTY;
    struct slice names = in->segs_n > 1 ? in->segs[1].bytes : SLICE_EMPTY;
    struct matcher m = {.code = NULL};
    enum env_err err = matcher_init(&m, pattern) ? ENV_OK : ENV_EINVAL;
    for (int64_t at = 0; !err && at < names.n;) {
        int64_t end = slice_find(names, '\n', at);
        if (end < 0) end = names.n;
        struct slice name = slice_sub(names, at, end - at);
        at = end + 1;
        if (!is_match(&m, name)) continue;
        if (!out_bytes(out, name) || !out_bytes(out, S("\n"))) err = ENV_ETOOBIG;
    }
    matcher_release(&m);
    return err;
}
