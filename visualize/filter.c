#include "visualize/filter.h"

#include "apis.h"
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/tables.h"
#include "visualize/run.h"

#define LATE_MESSAGE_NS 100000000LL

static const char *const keys[] = {"node", "topic", "p", "api", "kind", "t", "why", "key"};
static const char *const kinds[] = {"control", "data", "routine", "lost",
                                    "late",    "held", "request", "answer"};

/* ---- reading ---- */

/* 0 behind its end. */
static int
char_at(struct slice s, int64_t i)
{
    return s.p && i >= 0 && i < s.n ? s.p[i] : 0;
}

static bool
is_digit_at(struct slice s, int64_t i)
{
    return char_at(s, i) >= '0' && char_at(s, i) <= '9';
}

static bool
is_listed(struct slice list, struct slice one)
{
    for (int64_t at = 0; at <= list.n;) {
        int64_t comma = slice_find(list, ',', at);
        if (comma < 0) comma = list.n;
        if (slice_eq_any_case(slice_sub(list, at, comma - at), one)) return true;
        at = comma + 1;
    }
    return false;
}

static void
say_words(struct writer *w, const char *const *v, int n)
{
    for (int i = 0; i < n; i++) {
        if (i) fmt_str(w, ", ");
        fmt_str(w, v[i]);
    }
}

/* "1.9s", "250ms", "-0.5s" */
static bool
parse_moment(struct slice text, int64_t *ret)
{
    bool is_negative = char_at(text, 0) == '-';
    int64_t whole = 0, part = 0, scale = 1, i = is_negative;
    if (!is_digit_at(text, i)) return false;
    for (; is_digit_at(text, i) && whole < 1000000; i++)
        whole = whole * 10 + char_at(text, i) - '0';
    if (char_at(text, i) == '.')
        for (i++; is_digit_at(text, i) && scale < 1000000; i++, scale *= 10)
            part = part * 10 + char_at(text, i) - '0';
    struct slice unit = slice_sub(text, i, text.n);
    int64_t unit_ns = slice_eq(unit, S("us"))           ? 1000
                    : slice_eq(unit, S("ms"))           ? 1000000
                    : slice_eq(unit, S("m"))            ? 60 * NS_PER_SECOND
                    : !unit.n || slice_eq(unit, S("s")) ? NS_PER_SECOND
                                                        : 0;
    *ret = whole * unit_ns + part * unit_ns / scale;
    if (is_negative) *ret = -*ret;
    return unit_ns > 0;
}

static bool
take_window(struct filter *f, struct slice value)
{
    int64_t at = 1;
    while (at < value.n && !(char_at(value, at) == '.' && char_at(value, at + 1) == '.')) at++;
    f->has_window = true;
    return parse_moment(slice_sub(value, 0, at), &f->from_ns) &&
           parse_moment(slice_sub(value, at + 2, value.n), &f->to_ns) && f->from_ns < f->to_ns;
}

static bool
are_kinds(struct slice list)
{
    for (int64_t at = 0; at <= list.n;) {
        int64_t comma = slice_find(list, ',', at);
        bool known = false;
        if (comma < 0) comma = list.n;
        for (int i = 0; i < ARRAY_LEN(kinds); i++)
            known = known || slice_eq(slice_sub(list, at, comma - at), slice_cstr(kinds[i]));
        if (!known) return false;
        at = comma + 1;
    }
    return true;
}

/* False, and said. */
static bool
check_term(struct filter *f, const struct filter_term *t, struct writer *why)
{
    switch (t->key) {
    case FILTER_KIND:
        if (are_kinds(t->values)) return true;
        fmt_str(why, "kind: takes ");
        say_words(why, kinds, ARRAY_LEN(kinds));
        return false;
    case FILTER_T:
        if (take_window(f, t->values)) return true;
        fmt_str(why, "t: takes two times, like t:1.9s..2.4s");
        return false;
    case FILTER_WHY:
        if (slice_to_i64(t->values, &f->why) && f->why > 0) return true;
        fmt_str(why, "why: takes the number of a sentence, like why:7");
        return false;
    case FILTER_NODE:
    case FILTER_TOPIC:
    case FILTER_P:
    case FILTER_API:
    case FILTER_KEY: return true;
    }
    return true;
}

static bool
take_term(struct filter *f, struct slice word, struct writer *why)
{
    bool is_not = char_at(word, 0) == '-';
    struct slice rest = slice_sub(word, is_not, word.n);
    int64_t colon = slice_find(rest, ':', 0);
    if (colon <= 0 || colon == rest.n - 1) {
        fmt_char(why, '"');
        fmt_slice(why, word);
        fmt_str(why, "\" is no term: KEY:VALUE is, like node:b1");
        return false;
    }
    for (int i = 0; i < ARRAY_LEN(keys); i++) {
        if (!slice_eq(slice_sub(rest, 0, colon), slice_cstr(keys[i]))) continue;
        if (f->n == FILTER_TERMS_MAX) {
            fmt_str(why, "there are more than 16 terms");
            return false;
        }
        f->v[f->n] =
            (struct filter_term){(enum filter_key)i, is_not, slice_sub(rest, colon + 1, rest.n)};
        return check_term(f, &f->v[f->n++], why);
    }
    fmt_str(why, "there is no key \"");
    fmt_slice(why, slice_sub(rest, 0, colon));
    fmt_str(why, "\": there are ");
    say_words(why, keys, ARRAY_LEN(keys));
    return false;
}

bool
filter_parse(struct filter *f, struct slice text, struct writer *why)
{
    *f = (struct filter){.text = text};
    for (int64_t at = 0; at < text.n;) {
        int64_t blank = slice_find(text, ' ', at);
        if (blank < 0) blank = text.n;
        if (blank > at && !take_term(f, slice_sub(text, at, blank - at), why)) return false;
        at = blank + 1;
    }
    return true;
}

/* ---- asking ---- */

static bool
is_kind(const struct run *r, const struct message *m, const char *kind)
{
    bool of_client = r->actors.v[m->is_answer ? m->to : m->from].kind == ACTOR_CLIENT;
    bool is_data = of_client && (m->api == K_API_PRODUCE || m->api == K_API_FETCH);
    struct slice k = slice_cstr(kind);
    if (slice_eq(k, S("control"))) return m->is_control;
    if (slice_eq(k, S("lost"))) return m->is_lost;
    if (slice_eq(k, S("late"))) return !m->is_lost && m->at_ns - m->sent_ns > LATE_MESSAGE_NS;
    if (slice_eq(k, S("held"))) return m->is_held;
    if (slice_eq(k, S("request"))) return !m->is_answer;
    if (slice_eq(k, S("answer"))) return m->is_answer;
    return slice_eq(k, S("data")) ? is_data : !is_data && !m->is_control;
}

static bool
has_key(const struct filter_term *t, const struct call *c)
{
    char room[24];
    struct writer w = writer_fixed(room, sizeof room);
    fmt_i64(&w, c->key);
    return c->key >= 0 && is_listed(t->values, writer_slice(&w));
}

/* A record with one of the keys was under way between this client and a broker when it was sent. */
static bool
was_under_way(const struct filter_term *t, const struct run *r, const struct message *m)
{
    int32_t client = m->is_answer ? m->to : m->from;
    if (m->api != K_API_PRODUCE || r->actors.v[client].kind != ACTOR_CLIENT) return true;
    for (int64_t i = 0; i < r->calls.n; i++) {
        const struct call *c = &r->calls.v[i];
        if (c->kind == VIEW_SEND && c->actor == client && c->invoked_ns <= m->sent_ns &&
            c->completed_ns >= m->sent_ns && has_key(t, c) != t->is_not)
            return true;
    }
    return false;
}

static bool
term_holds(const struct filter_term *t, const struct run *r, const struct message *m)
{
    switch (t->key) {
    case FILTER_NODE:
        return is_listed(t->values, r->actors.v[m->from].name) ||
               is_listed(t->values, r->actors.v[m->to].name);
    case FILTER_API: return is_listed(t->values, k_api_name(m->api));
    case FILTER_KIND:
        for (int i = 0; i < ARRAY_LEN(kinds); i++)
            if (is_listed(t->values, slice_cstr(kinds[i])) && is_kind(r, m, kinds[i])) return true;
        return false;
    case FILTER_KEY: return was_under_way(t, r, m) != t->is_not;
    case FILTER_TOPIC:
    case FILTER_P:
    case FILTER_T:
    case FILTER_WHY: break;
    }
    return !t->is_not;
}

bool
filter_lets_message(const struct filter *f, const struct run *r, const struct message *m)
{
    for (int i = 0; f && i < f->n; i++)
        if (term_holds(&f->v[i], r, m) == f->v[i].is_not) return false;
    return true;
}

bool
filter_lets_call(const struct filter *f, const struct call *c)
{
    for (int i = 0; f && c->kind == VIEW_SEND && i < f->n; i++)
        if (f->v[i].key == FILTER_KEY && has_key(&f->v[i], c) == f->v[i].is_not) return false;
    return true;
}

bool
filter_lets_actor(const struct filter *f, const struct run *r, int32_t actor)
{
    for (int i = 0; f && actor >= 0 && i < f->n; i++)
        if (f->v[i].key == FILTER_NODE &&
            is_listed(f->v[i].values, r->actors.v[actor].name) == f->v[i].is_not)
            return false;
    return true;
}

int32_t
filter_partition(const struct filter *f, const struct run *r)
{
    struct slice topic = SLICE_NULL, p = SLICE_NULL;
    for (int i = 0; f && i < f->n; i++) {
        if (f->v[i].key == FILTER_TOPIC) topic = f->v[i].values;
        if (f->v[i].key == FILTER_P) p = f->v[i].values;
    }
    if (!topic.p && !p.p) return -1;
    for (int32_t i = 0; i < r->partitions.n; i++) {
        struct slice name = r->partitions.v[i].name;
        int64_t dash = name.n;
        while (dash > 0 && char_at(name, dash - 1) != '-') dash--;
        if (!dash || slice_starts(name, S("__cluster_metadata"))) continue;
        if ((!topic.p || is_listed(topic, slice_sub(name, 0, dash - 1))) &&
            (!p.p || is_listed(p, slice_sub(name, dash, name.n))))
            return i;
    }
    return -2;
}

struct slice
filter_stranger(const struct filter *f, const struct run *r)
{
    for (int i = 0; f && i < f->n; i++) {
        struct slice list = f->v[i].values;
        for (int64_t at = 0; f->v[i].key == FILTER_NODE && at <= list.n;) {
            int64_t comma = slice_find(list, ',', at);
            if (comma < 0) comma = list.n;
            struct slice one = slice_sub(list, at, comma - at);
            if (run_actor_named(r, one) < 0) return one;
            at = comma + 1;
        }
    }
    return SLICE_NULL;
}
