#include "broker/protocol/config.h"

#include "broker/base/check.h"
#include "broker/base/ckd.h"
#include "broker/base/fmt.h"
#include "broker/protocol/duration.h"

static const struct k_config *
table_of(enum config_scope scope)
{
    switch (scope) {
    case CONFIG_BROKER: return k_broker_configs;
    case CONFIG_TOPIC: return k_topic_configs;
    case CONFIG_GROUP: return k_group_configs;
    case CONFIG_CLIENT_METRICS: return k_client_metrics_configs;
    }
    return NULL;
}

static int32_t
table_n(enum config_scope scope)
{
    switch (scope) {
    case CONFIG_BROKER: return K_CFGS_N;
    case CONFIG_TOPIC: return K_TCFGS_N;
    case CONFIG_GROUP: return K_GCFGS_N;
    case CONFIG_CLIENT_METRICS: return K_MCFGS_N;
    }
    return 0;
}

int32_t
config_id(enum config_scope scope, struct slice name)
{
    const struct k_config *t = table_of(scope);
    int32_t lo = 0, hi = table_n(scope);
    while (lo < hi) {
        int32_t mid = (lo + hi) / 2;
        int c = slice_cmp(k_text(t[mid].name), name);
        if (c == 0) return mid;
        if (c < 0) lo = mid + 1;
        else hi = mid;
    }
    return -1;
}

/* ---- values from text ----------------------------------------------------------------------- */

static bool
parse_bool(struct slice s, int64_t *ret)
{
    bool yes = slice_eq_any_case(s, S("true"));
    if (!yes && !slice_eq_any_case(s, S("false"))) return false;
    *ret = yes;
    return true;
}

static bool
take_digit(struct slice *s, int64_t *ret)
{
    if (s->n == 0 || s->p[0] < '0' || s->p[0] > '9') return false;
    *ret = s->p[0] - '0';
    *s = slice_sub(*s, 1, s->n);
    return true;
}

/* Behind the digits: "E-7". */
static bool
parse_exponent(struct slice s, int64_t *ret)
{
    *ret = 0;
    if (s.n == 0) return true;
    if (ascii_lower(s.p[0]) != 'e') return false;
    return slice_to_i64(slice_sub(s, 1, s.n), ret) && *ret > -400 && *ret < 400;
}

/* Decimal to millionths, cut towards zero; what is too large becomes the largest. */
static bool
parse_double(struct slice s, int64_t *ret)
{
    bool minus = s.n && s.p[0] == '-', point = false, any = false;
    if (s.n && (minus || s.p[0] == '+')) s = slice_sub(s, 1, s.n);
    int64_t v = 0, digit, scale = 6;
    for (;;) {
        if (s.n && s.p[0] == '.' && !point) {
            point = true;
            s = slice_sub(s, 1, s.n);
            continue;
        }
        if (!take_digit(&s, &digit)) break;
        any = true;
        bool fits = v < INT64_MAX / 10 - 1;
        if (fits) v = v * 10 + digit;
        scale += (fits ? 0 : 1) - (point ? 1 : 0);
    }
    int64_t e;
    if (!any || !parse_exponent(s, &e)) return false;
    bool too_large = false;
    for (scale += e; scale > 0 && v && !too_large; scale--) too_large = ckd_mul(&v, v, 10);
    for (; scale < 0 && v; scale++) v /= 10;
    if (too_large) v = INT64_MAX;
    *ret = minus ? -v : v;
    return true;
}

static int32_t
list_n(struct slice text)
{
    if (slice_trim(text).n == 0) return 0;
    int32_t n = 1;
    for (int64_t i = 0; i < text.n; i++) n += text.p[i] == ',';
    return n;
}

static struct slice
list_at(struct slice text, int32_t i)
{
    int64_t from = 0;
    for (; i > 0; i--) from = slice_find(text, ',', from) + 1;
    int64_t end = slice_find(text, ',', from);
    return slice_trim(slice_sub(text, from, (end < 0 ? text.n : end) - from));
}

/* Walks a list, which may be long: takes its next item, and leaves null when that was the last. */
static bool
list_next(struct slice *rest, struct slice *ret)
{
    if (!rest->p) return false;
    int64_t comma = slice_find(*rest, ',', 0);
    *ret = slice_trim(slice_sub(*rest, 0, comma < 0 ? rest->n : comma));
    *rest = comma < 0 ? SLICE_NULL : slice_sub(*rest, comma + 1, rest->n);
    return true;
}

/* What list_next walks: nothing of a text that is blank. */
static struct slice
list_items(struct slice text)
{
    return slice_trim(text).n == 0 ? SLICE_NULL : text;
}

static bool
config_list_has(struct slice list, struct slice item, bool any_case)
{
    struct slice rest = list_items(list), s;
    while (list_next(&rest, &s))
        if (any_case ? slice_eq_any_case(s, item) : slice_eq(s, item)) return true;
    return false;
}

static bool
is_number(const struct k_config *k)
{
    return k->type >= K_CT_SHORT && k->type <= K_CT_DOUBLE;
}

/* Numbers and booleans; all else yields 0. */
static bool
parse_i64(const struct k_config *k, struct slice s, int64_t *ret)
{
    *ret = 0;
    if (k->type == K_CT_BOOLEAN) return parse_bool(s, ret);
    if (k->type == K_CT_DOUBLE) return parse_double(s, ret);
    return !is_number(k) || slice_to_i64(s, ret);
}

/* ---- checks --------------------------------------------------------------------------------- */

static bool
refuse_text(struct writer *why, struct slice text, const char *what)
{
    if (!why) return false;
    fmt_char(why, '"');
    fmt_slice(why, text);
    fmt_str(why, "\" ");
    fmt_str(why, what);
    return false;
}

static void
fmt_bound(struct writer *w, const struct k_config *k, int64_t v)
{
    if (k->type != K_CT_DOUBLE) {
        fmt_i64(w, v);
        return;
    }
    fmt_i64(w, v / 1000000);
    if (v % 1000000 == 0) return;
    int64_t part = v % 1000000;
    int width = 6;
    for (; part % 10 == 0; part /= 10) width--;
    fmt_char(w, '.');
    fmt_padded(w, part, width);
}

static bool
check_range(const struct k_config *k, struct slice text, int64_t v, struct writer *why)
{
    if (v == -1 && k->flags & K_CF_OR_MINUS_1) return true;
    if (v >= k->min && v <= k->max) return true;
    if (!why) return false;
    refuse_text(why, text, v < k->min ? "is less than " : "is more than ");
    fmt_bound(why, k, v < k->min ? k->min : k->max);
    return false;
}

static bool
is_by_duration(struct slice text)
{
    struct slice word = S("by_duration:");
    int64_t ms;
    return slice_starts(text, word) && duration_parse_ms(slice_sub(text, word.n, text.n), &ms) &&
           ms >= 0;
}

static bool
check_allowed(const struct k_config *k, struct slice text, struct writer *why)
{
    struct slice allowed = k_text(k->allowed);
    if (!allowed.p || config_list_has(allowed, text, k->flags & K_CF_ANY_CASE)) return true;
    if (k->flags & K_CF_OR_DURATION && is_by_duration(text)) return true;
    if (refuse_text(why, text, "is none of ") || !why) return false;
    fmt_slice(why, allowed);
    if (k->flags & K_CF_OR_DURATION) fmt_str(why, ",by_duration:PnDTnHnMn.nS");
    return false;
}

static bool
is_digits(struct slice s)
{
    for (int64_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9') return false;
    return s.n > 0;
}

/* "0:1" */
static bool
check_replica(struct slice item, struct writer *why)
{
    int64_t colon = slice_find(item, ':', 0);
    if (colon > 0 && is_digits(slice_sub(item, 0, colon)) &&
        is_digits(slice_sub(item, colon + 1, item.n)))
        return true;
    return refuse_text(why, item,
                       "is not of the form [partitionId]:[brokerId]; "
                       "a list of those, or '*', is expected");
}

static bool
check_list(const struct k_config *k, struct slice text, struct writer *why)
{
    struct slice rest = list_items(text), item;
    if (k->flags & K_CF_REPLICAS && slice_eq(text, S("*"))) return true;
    while (list_next(&rest, &item)) {
        if (item.n == 0) return refuse_text(why, text, "has an empty item");
        if (k->flags & K_CF_REPLICAS ? !check_replica(item, why) : !check_allowed(k, item, why))
            return false;
    }
    return true;
}

static bool
check(const struct k_config *k, struct slice text, int64_t *ret, struct writer *why)
{
    static const char *const wants[] = {"is neither true nor false", "is not an integer",
                                        "is not an integer", "is not an integer",
                                        "is not a number"};
    if (!parse_i64(k, text, ret)) return refuse_text(why, text, wants[k->type]);
    if (is_number(k)) return check_range(k, text, *ret, why);
    if (text.n == 0 && k->flags & K_CF_NON_EMPTY)
        return refuse_text(why, text, "must not be empty");
    return k->type == K_CT_LIST ? check_list(k, text, why) : check_allowed(k, text, why);
}

bool
config_check(enum config_scope scope, int32_t id, struct slice text, struct writer *ret_why)
{
    int64_t v;
    CHECK(id >= 0 && id < table_n(scope));
    return check(&table_of(scope)[id], slice_trim(text), &v, ret_why);
}

bool
config_parse(enum config_scope scope, int32_t id, struct slice text, int64_t *ret)
{
    int64_t v;
    CHECK(id >= 0 && id < table_n(scope));
    if (!check(&table_of(scope)[id], slice_trim(text), &v, NULL)) return false;
    *ret = v;
    return true;
}

static bool
list_eq(struct slice a, struct slice b)
{
    struct slice rest_a = list_items(a), rest_b = list_items(b), x, y;
    while (list_next(&rest_a, &x))
        if (!list_next(&rest_b, &y) || !slice_eq(x, y)) return false;
    return !rest_b.p;
}

bool
config_is_default(enum config_scope scope, int32_t id, struct slice text)
{
    CHECK(id >= 0 && id < table_n(scope));
    const struct k_config *k = &table_of(scope)[id];
    struct slice usual = k_text(k->value);
    int64_t a, b;
    text = slice_trim(text);
    if (!usual.p) return text.n == 0;
    if (k->type == K_CT_LIST) return list_eq(text, usual);
    if (is_number(k) || k->type == K_CT_BOOLEAN)
        return parse_i64(k, text, &a) && parse_i64(k, usual, &b) && a == b;
    return k->flags & K_CF_ANY_CASE ? slice_eq_any_case(text, usual) : slice_eq(text, usual);
}

enum k_config_state
config_state(enum config_scope scope, int32_t id, struct slice text)
{
    if (config_is_default(scope, id, text)) return K_CS_HEEDED;
    return (enum k_config_state)table_of(scope)[id].state;
}

struct slice
config_why(enum config_scope scope, int32_t id)
{
    CHECK(id >= 0 && id < table_n(scope));
    return k_text(table_of(scope)[id].why);
}

/* ---- the configuration ---------------------------------------------------------------------- */

static struct config_value
config_default_of(const struct k_config *k)
{
    struct config_value v = {.text = k_text(k->value)};
    v.is_null = v.text.p == NULL;
    if (!v.is_null) CHECK(parse_i64(k, v.text, &v.i64));
    return v;
}

void
config_init(struct config *c, struct mem *mem, enum config_scope scope)
{
    *c = (struct config){.mem = mem, .scope = scope, .table = table_of(scope), .n = table_n(scope)};
    c->values = mem_alloc(mem, c->n * (int64_t)sizeof *c->values);
    for (int32_t i = 0; i < c->n; i++) c->values[i] = config_default_of(&c->table[i]);
}

void
config_release(struct config *c)
{
    for (int32_t i = 0; i < c->n; i++) config_unset(c, i);
    mem_free(c->mem, c->values, c->n * (int64_t)sizeof *c->values);
    c->values = NULL;
    c->n = 0;
}

static const struct config_value *
config_value_at(const struct config *c, int32_t id)
{
    CHECK(id >= 0 && id < c->n);
    return &c->values[id];
}

struct slice
config_name(const struct config *c, int32_t id)
{
    CHECK(id >= 0 && id < c->n);
    return k_text(c->table[id].name);
}

bool
config_set(struct config *c, int32_t id, struct slice text, struct writer *ret_why)
{
    int64_t v;
    CHECK(id >= 0 && id < c->n);
    text = slice_trim(text);
    if (!check(&c->table[id], text, &v, ret_why)) return false;
    struct slice copy = mem_dup(c->mem, text); /* text may be the old value */
    config_unset(c, id);
    c->values[id] = (struct config_value){.is_set = true, .i64 = v, .text = copy};
    return true;
}

void
config_unset(struct config *c, int32_t id)
{
    CHECK(id >= 0 && id < c->n);
    if (!c->values[id].is_set) return;
    mem_free_slice(c->mem, c->values[id].text);
    c->values[id] = config_default_of(&c->table[id]);
}

bool
config_is_set(const struct config *c, int32_t id)
{
    return config_value_at(c, id)->is_set;
}

bool
config_is_null(const struct config *c, int32_t id)
{
    return config_value_at(c, id)->is_null;
}

int64_t
config_i64(const struct config *c, int32_t id)
{
    CHECK(is_number(&c->table[id]));
    return config_value_at(c, id)->i64;
}

bool
config_bool(const struct config *c, int32_t id)
{
    CHECK(c->table[id].type == K_CT_BOOLEAN);
    return config_value_at(c, id)->i64 != 0;
}

struct slice
config_str(const struct config *c, int32_t id)
{
    return config_value_at(c, id)->text;
}

struct slice
config_text(const struct config *c, int32_t id)
{
    return config_value_at(c, id)->text;
}

int32_t
config_list_n(const struct config *c, int32_t id)
{
    return list_n(config_value_at(c, id)->text);
}

struct slice
config_list_at(const struct config *c, int32_t id, int32_t i)
{
    CHECK(i >= 0 && i < config_list_n(c, id));
    return list_at(config_value_at(c, id)->text, i);
}

/* ---- files ---------------------------------------------------------------------------------- */

static void
fmt_place(struct writer *w, struct slice file, int32_t line, int32_t column)
{
    fmt_slice(w, file);
    fmt_char(w, ':');
    fmt_i64(w, line);
    fmt_char(w, ':');
    fmt_i64(w, column);
    fmt_str(w, ": ");
}

bool
config_load(struct config *c, struct slice file, const struct properties *p,
            struct writer *warnings, struct writer *errors)
{
    enum config_scope scope = c->scope;
    bool ok = true;
    for (int32_t i = 0; i < p->n; i++) {
        const struct property *q = &p->v[i];
        int32_t id = config_id(scope, q->key);
        if (id < 0) {
            fmt_place(warnings, file, q->line, q->column);
            fmt_str(warnings, "unknown configuration \"");
            fmt_slice(warnings, q->key);
            fmt_str(warnings, "\" is ignored\n");
            continue;
        }
        if (config_check(scope, id, q->value, NULL)) {
            CHECK(config_set(c, id, q->value, NULL));
            continue;
        }
        ok = false;
        fmt_place(errors, file, q->value_line, q->value_column);
        fmt_slice(errors, q->key);
        fmt_str(errors, ": ");
        (void)config_check(scope, id, q->value, errors);
        fmt_char(errors, '\n');
    }
    return ok;
}

/* ---- topics, groups --------------------------------------------------------------------------------- */

int32_t
config_synonym(const struct config *broker, const struct k_config *row)
{
    const int16_t *s = row->synonyms;
    int32_t last = -1;
    for (int i = 0; i < 3 && s[i] >= 0; i++) {
        if (config_is_set(broker, s[i])) return s[i];
        if (last < 0 && !config_is_null(broker, s[i])) last = s[i];
    }
    return last;
}

static int64_t
unit_ms(struct slice name)
{
    if (slice_ends(name, S(".hours"))) return 3600000;
    return slice_ends(name, S(".minutes")) ? 60000 : 1;
}

int64_t
topic_config_i64(const struct config *broker, const struct config *topic, int32_t tcfg)
{
    if (config_is_set(topic, tcfg)) return config_i64(topic, tcfg);
    int32_t s = config_synonym(broker, &topic->table[tcfg]);
    if (s < 0) return config_i64(topic, tcfg);
    int64_t v = config_i64(broker, s);
    return v < 0 ? v : v * unit_ms(config_name(broker, s));
}

static const struct config_value *
topic_value(const struct config *broker, const struct config *topic, int32_t tcfg)
{
    int32_t s = config_is_set(topic, tcfg) ? -1 : config_synonym(broker, &topic->table[tcfg]);
    return s < 0 ? config_value_at(topic, tcfg) : config_value_at(broker, s);
}

struct slice
topic_config_str(const struct config *broker, const struct config *topic, int32_t tcfg)
{
    return topic_value(broker, topic, tcfg)->text;
}

bool
topic_config_has(const struct config *broker, const struct config *topic, int32_t tcfg,
                 struct slice item)
{
    return config_list_has(topic_value(broker, topic, tcfg)->text, item, false);
}
