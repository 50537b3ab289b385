#include "broker/security/jaas.h"

#include "broker/base/fmt.h"

/* ---- tokens, as java.io.StreamTokenizer makes them ---- */

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED, TOKEN_SIGN, TOKEN_BAD };

struct scanner {
    struct slice rest;
    uint8_t *out; /* room for what stands in quotes, which is never longer than the text */
};

struct token {
    enum token_kind kind;
    struct slice text; /* of a word, or of what stood in quotes */
    uint8_t sign;
};

static bool
is_word_begin(uint8_t c)
{
    uint8_t lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || c == '_' || c == '$' || c >= 0x80;
}

static bool
is_word(uint8_t c)
{
    return is_word_begin(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static void
skip(struct scanner *s, int64_t n)
{
    s->rest = slice_sub(s->rest, n, s->rest.n);
}

/* Blanks and comments. False: a comment has no end. */
static bool
skip_blanks(struct scanner *s)
{
    for (;;) {
        if (s->rest.n && s->rest.p[0] <= ' ') {
            skip(s, 1);
        } else if (slice_starts(s->rest, S("//"))) {
            int64_t end = slice_find(s->rest, '\n', 0);
            skip(s, end < 0 ? s->rest.n : end);
        } else if (slice_starts(s->rest, S("/*"))) {
            skip(s, 2);
            while (s->rest.n && !slice_starts(s->rest, S("*/"))) skip(s, 1);
            if (!s->rest.n) return false;
            skip(s, 2);
        } else {
            return true;
        }
    }
}

/* Up to three octal digits, at most \377. */
static uint8_t
take_octal(struct scanner *s)
{
    int32_t v = 0, max = s->rest.p[0] <= '3' ? 3 : 2;
    for (; max > 0 && s->rest.n && s->rest.p[0] >= '0' && s->rest.p[0] <= '7'; max--) {
        v = v * 8 + s->rest.p[0] - '0';
        skip(s, 1);
    }
    return (uint8_t)v;
}

static uint8_t
take_escaped(struct scanner *s)
{
    uint8_t c = s->rest.p[0];
    if (c >= '0' && c <= '7') return take_octal(s);
    skip(s, 1);
    switch (c) {
    case 'a': return 7;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'v': return 0xB;
    default: return c;
    }
}

static struct token
take_quoted(struct scanner *s)
{
    uint8_t quote = s->rest.p[0];
    skip(s, 1);
    uint8_t *p = s->out;
    while (s->rest.n && s->rest.p[0] != quote && s->rest.p[0] != '\n') {
        uint8_t c = s->rest.p[0];
        skip(s, 1);
        *s->out++ = c == '\\' && s->rest.n ? take_escaped(s) : c;
    }
    if (!s->rest.n || s->rest.p[0] != quote) return (struct token){.kind = TOKEN_BAD};
    skip(s, 1);
    return (struct token){TOKEN_QUOTED, slice(p, s->out - p), 0};
}

static struct token
jaas_next(struct scanner *s)
{
    if (!skip_blanks(s)) return (struct token){.kind = TOKEN_BAD};
    if (!s->rest.n) return (struct token){.kind = TOKEN_END};
    uint8_t c = s->rest.p[0];
    if (c == '"' || c == '\'') return take_quoted(s);
    int64_t n = 0;
    while (n < s->rest.n && (n ? is_word(s->rest.p[n]) : is_word_begin(c))) n++;
    struct token t = {n ? TOKEN_WORD : TOKEN_SIGN, slice_sub(s->rest, 0, n), c};
    skip(s, n ? n : 1);
    return t;
}

static bool
has_text(const struct token *t)
{
    return t->kind == TOKEN_WORD || t->kind == TOKEN_QUOTED;
}

static bool
is_sign(const struct token *t, uint8_t c)
{
    return t->kind == TOKEN_SIGN && t->sign == c;
}

/* ---- the entry ---- */

static bool
jaas_refuse(struct writer *why, const char *what, struct slice key)
{
    fmt_str(why, what);
    if (!key.p) return false;
    fmt_char(why, ' ');
    fmt_slice(why, key);
    return false;
}

static bool
is_flag(struct slice word)
{
    static const char *const flags[] = {"required", "requisite", "sufficient", "optional"};
    for (int i = 0; i < 4; i++)
        if (slice_eq_any_case(word, slice_cstr(flags[i]))) return true;
    return false;
}

static bool
take_options(struct scanner *s, struct jaas *j, struct writer *why)
{
    for (;;) {
        struct token key = jaas_next(s);
        if (is_sign(&key, ';')) return true;
        if (key.kind == TOKEN_END)
            return jaas_refuse(why, "a semicolon must stand at the end", SLICE_NULL);
        if (!has_text(&key))
            return jaas_refuse(why, "an option must begin with its name", SLICE_NULL);
        struct token equals = jaas_next(s), value = jaas_next(s);
        if (!is_sign(&equals, '=') || !has_text(&value))
            return jaas_refuse(
                why, "after an option's name an equals sign and a value in quotes are missing:",
                key.text);
        j->options[j->options_n++] = (struct jaas_option){key.text, value.text};
    }
}

bool
jaas_parse(struct slice text, struct arena *a, struct jaas *ret, struct writer *ret_why)
{
    struct scanner s = {.rest = text, .out = arena_alloc(a, text.n + 1)};
    struct jaas j = {0};
    /* An option takes three bytes at least: a=b. */
    j.options = ARENA_ARRAY(a, struct jaas_option, text.n / 3 + 1);
    struct token module = jaas_next(&s);
    if (!has_text(&module))
        return jaas_refuse(ret_why, "a login module must be named first", SLICE_NULL);
    j.module = module.text;
    struct token flag = jaas_next(&s);
    if (!has_text(&flag) || !is_flag(flag.text))
        return jaas_refuse(ret_why, "required, requisite, sufficient or optional must stand behind",
                           j.module);
    if (!take_options(&s, &j, ret_why)) return false;
    if (jaas_next(&s).kind != TOKEN_END)
        return jaas_refuse(ret_why,
                           "there may be one login module only, and nothing behind its semicolon",
                           SLICE_NULL);
    *ret = j;
    return true;
}

struct slice
jaas_option(const struct jaas *j, struct slice key)
{
    for (int32_t i = j->options_n - 1; i >= 0; i--)
        if (slice_eq(j->options[i].key, key)) return j->options[i].value;
    return SLICE_NULL;
}

struct slice
jaas_user(const struct jaas *j, struct slice name)
{
    struct slice prefix = S("user_");
    for (int32_t i = j->options_n - 1; i >= 0; i--) {
        struct slice key = j->options[i].key;
        if (slice_starts(key, prefix) && slice_eq(slice_sub(key, prefix.n, key.n), name))
            return j->options[i].value;
    }
    return SLICE_NULL;
}
