#include "sim/scenario/load.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/config.h"
#include "apis.h"
#include "sim/scenario/value.h"

const struct field *
field_find(const struct fields *f, struct slice name)
{
    for (int32_t i = 0; f && i < f->n; i++)
        if (slice_eq(slice_cstr(f->v[i].name), name)) return &f->v[i];
    return NULL;
}

bool
want_map(struct load *l, const struct tree *t, const char *what)
{
    if (t->kind == TREE_MAP) return true;
    diag_error(l->d, t->mark, NULL, "%s is a map: {key: value, …}", what);
    return false;
}

bool
want_list(struct load *l, const struct tree *t, const char *what)
{
    if (t->kind == TREE_LIST) return true;
    diag_error(l->d, t->mark, NULL, "%s is a list: [a, b, …], or lines that begin with a dash",
               what);
    return false;
}

/* ---- values ---- */

static bool
wrong(struct load *l, const struct field *f, const struct tree *t, const char *help)
{
    if (t->kind == TREE_TEXT)
        diag_error(l->d, t->mark, help, "%s: '%.*s' is not %s", f->name, SARG(t->text),
                   value_kind_text(f->kind));
    else
        diag_error(l->d, t->mark, help, "%s: this should be %s", f->name, value_kind_text(f->kind));
    return false;
}

static bool
is_text(struct load *l, const struct field *f, const struct tree *t)
{
    return t->kind == TREE_TEXT || wrong(l, f, t, NULL);
}

static bool
value_of_kind(enum value_kind kind, struct slice s, int64_t *ret)
{
    if (kind == VALUE_TIME || kind == VALUE_RANGE) return value_time(s, ret);
    return kind == VALUE_SIZE ? value_size(s, ret) : slice_to_i64(s, ret);
}

/* What one says between how small and how large it may be. */
static bool
is_within(struct load *l, const struct field *f, const struct tree *t, int64_t least, int64_t most)
{
    int64_t lo = f->kind == VALUE_NUMBER ? -INT32_MAX : 0, hi = INT64_MAX;
    if (f->kind == VALUE_COUNT || f->kind == VALUE_NUMBER) hi = INT32_MAX;
    if (f->choices) {
        struct slice all = slice_cstr(f->choices);
        int64_t dot = slice_find(all, '.', 0);
        CHECK(value_of_kind(f->kind, slice_sub(all, 0, dot), &lo));
        CHECK(value_of_kind(f->kind, slice_sub(all, dot + 2, all.n), &hi));
    }
    if (least >= lo && most <= hi) return true;
    const char *help = f->choices ? (const char *)arena_format(l->a, "from %s", f->choices).p
                     : lo == 0    ? "0 or more"
                                  : NULL;
    diag_error(l->d, t->mark, help, "%s: %.*s is too %s", f->name, SARG(t->text),
               least < lo ? "small" : "large");
    return false;
}

/* Why a time was not one, as far as people usually err. */
static const char *
time_advice(struct slice s)
{
    int64_t n, digits = 0;
    while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9') digits++;
    if (digits && value_time(slice_sub(s, digits - 1, s.n), &n))
        return "too long: 70 years at most";
    if (slice_find(s, ':', 0) > 0) return "minutes and seconds: write 1m or 90s";
    if (slice_to_i64(s, &n)) return "a unit is due: ms, s, m, h";
    return "like 200ms, 1.5s, 2m";
}

static bool
decode_time(struct load *l, const struct field *f, const struct tree *t, int64_t *ret)
{
    if (!is_text(l, f, t)) return false;
    if (!value_time(t->text, ret)) return wrong(l, f, t, time_advice(t->text));
    return is_within(l, f, t, *ret, *ret);
}

static bool
decode_size(struct load *l, const struct field *f, const struct tree *t, int64_t *ret)
{
    if (!is_text(l, f, t)) return false;
    return value_size(t->text, ret) ? is_within(l, f, t, *ret, *ret) : wrong(l, f, t, NULL);
}

static bool
decode_range(struct load *l, const struct field *f, const struct tree *t, struct range *ret)
{
    if (!is_text(l, f, t)) return false;
    if (!value_range(t->text, ret)) return wrong(l, f, t, time_advice(t->text));
    return is_within(l, f, t, ret->min, ret->max);
}

static bool
decode_count(struct load *l, const struct field *f, const struct tree *t, int64_t *ret)
{
    if (!is_text(l, f, t)) return false;
    if (!slice_to_i64(t->text, ret)) return wrong(l, f, t, NULL);
    return is_within(l, f, t, *ret, *ret);
}

static bool
decode_bool(struct load *l, const struct field *f, const struct tree *t, bool *ret)
{
    static const char *const others[] = {"yes", "no", "on", "off", "True", "False", "y", "n"};
    if (!is_text(l, f, t)) return false;
    *ret = slice_eq(t->text, S("true"));
    if (*ret || slice_eq(t->text, S("false"))) return true;
    for (int64_t i = 0; i < ARRAY_LEN(others); i++)
        if (slice_eq(t->text, slice_cstr(others[i]))) return wrong(l, f, t, "write true or false");
    return wrong(l, f, t, NULL);
}

static bool
decode_word(struct load *l, const struct field *f, const struct tree *t, struct slice *ret)
{
    if (!is_text(l, f, t)) return false;
    if (!value_is_word(t->text)) return wrong(l, f, t, "letters, digits, '-', '_' and '.'");
    *ret = t->text;
    return true;
}

static bool
decode_choice(struct load *l, const struct field *f, const struct tree *t, int64_t *ret)
{
    struct words words = {.arena = l->a};
    struct slice all = slice_cstr(f->choices);
    if (!is_text(l, f, t)) return false;
    for (int64_t at = 0, i = 0; at <= all.n; i++) {
        int64_t end = slice_find(all, '|', at);
        struct slice one = slice_sub(all, at, (end < 0 ? all.n : end) - at);
        if (slice_eq(one, t->text)) {
            *ret = i;
            return true;
        }
        words_add(&words, one);
        at = end < 0 ? all.n + 1 : end + 1;
    }
    diag_error(l->d, t->mark, words_advice(&words, t->text), "%s: '%.*s' is not known", f->name,
               SARG(t->text));
    return false;
}

static bool
decode_api(struct load *l, const struct field *f, const struct tree *t, int64_t *ret)
{
    struct words words = {.arena = l->a};
    if (!is_text(l, f, t)) return false;
    for (int16_t key = 0; key < 100; key++) {
        struct slice name = k_api_name(key);
        if (!name.p) continue;
        *ret = key;
        if (slice_eq(name, t->text)) return true;
        words_add(&words, name);
    }
    diag_error(l->d, t->mark, words_advice(&words, t->text), "'%.*s' is not a kind of request",
               SARG(t->text));
    return false;
}

static bool
decode_acks(struct load *l, const struct field *f, const struct tree *t, int64_t *ret)
{
    if (!is_text(l, f, t)) return false;
    if (slice_eq(t->text, S("all"))) *ret = -1;
    else if (!slice_to_i64(t->text, ret) || *ret < -1 || *ret > 1) return wrong(l, f, t, NULL);
    return true;
}

static bool
decode_disk_ops(struct load *l, const struct field *f, const struct tree *t, int64_t *ret)
{
    static const char *const names[] = {"read", "write", "sync"};
    struct words words = {.arena = l->a};
    if (t->kind == TREE_LIST && t->n) {
        for (int32_t i = 0; i < t->n; i++)
            if (!decode_disk_ops(l, f, t->items[i], ret)) return false;
        return true;
    }
    for (int64_t i = 0; t->kind == TREE_TEXT && i < 3; i++) {
        words_add(&words, slice_cstr(names[i]));
        if (!slice_eq(t->text, slice_cstr(names[i]))) continue;
        *ret |= 1LL << i;
        return true;
    }
    return wrong(l, f, t, t->kind == TREE_TEXT ? words_advice(&words, t->text) : NULL);
}

static bool
decode_after(struct load *l, const struct field *f, const struct tree *t, struct args *ret)
{
    if (!is_text(l, f, t)) return false;
    ret->after_ns = -1;
    ret->after = t->text;
    if (slice_eq(t->text, S("last-fault"))) return true;
    if (t->text.n > 1 && t->text.p[0] == '$') {
        struct slice name = slice_sub(t->text, 1, t->text.n);
        for (int64_t i = 0; i < l->bound.v.n; i++)
            if (slice_eq(l->bound.v.v[i], name)) return true;
        diag_error(l->d, t->mark, words_advice(&l->bound, name), "no step has `as: %.*s`",
                   SARG(name));
        return false;
    }
    return value_time(t->text, &ret->after_ns) || wrong(l, f, t, NULL);
}

static bool
decode_is(struct load *l, const struct field *f, const struct tree *t, struct args *ret)
{
    (void)f;
    ret->is_none = t->kind == TREE_TEXT && slice_eq(t->text, S("none"));
    if (ret->is_none) return true;
    if (t->kind == TREE_TEXT && slice_eq(t->text, S("any"))) return true;
    return decode_target(l, t, &ret->is);
}

static bool
decode_brokers(struct load *l, const struct tree *t, struct args *ret)
{
    ret->of_default = t->kind == TREE_TEXT && slice_eq(t->text, S("default"));
    return ret->of_default || decode_target(l, t, &ret->alter_broker);
}

static bool
decode_before(struct load *l, const struct field *f, const struct tree *t, struct args *ret)
{
    ret->has_before = true;
    if (!is_text(l, f, t)) return false;
    if (slice_eq(t->text, S("high-watermark"))) ret->before = -1;
    else if (!slice_to_i64(t->text, &ret->before) || ret->before < 0) return wrong(l, f, t, NULL);
    return true;
}

static bool
decode_partition(struct load *l, const struct field *f, const struct tree *t,
                 struct partition_ref *ret)
{
    if (!is_text(l, f, t)) return false;
    if (!value_partition(t->text, ret)) return wrong(l, f, t, "topic, dash, number: orders-0");
    return check_partition(l, *ret, t->mark);
}

/* ---- configurations ---- */

static void
words_of_configs(enum config_scope scope, struct words *w)
{
    const struct k_config *table = scope == CONFIG_TOPIC ? k_topic_configs
                                 : scope == CONFIG_GROUP ? k_group_configs
                                                         : k_broker_configs;
    int32_t n = scope == CONFIG_TOPIC ? K_TCFGS_N : scope == CONFIG_GROUP ? K_GCFGS_N : K_CFGS_N;
    for (int32_t i = 0; i < n; i++) words_add(w, k_text(table[i].name));
}

/* A list becomes a,b,c. */
static bool
setting_text(struct load *l, const struct tree *t, struct slice *ret)
{
    *ret = t->text;
    if (t->kind == TREE_TEXT) return true;
    struct writer w = writer_mem(l->a->mem);
    bool ok = t->kind == TREE_LIST;
    for (int32_t i = 0; ok && i < t->n; i++) {
        ok = t->items[i]->kind == TREE_TEXT;
        if (i) fmt_char(&w, ',');
        if (ok) fmt_slice(&w, t->items[i]->text);
    }
    if (ok) *ret = arena_dup(l->a, writer_slice(&w));
    else diag_error(l->d, t->mark, NULL, "a configuration is a word, a number or a list of them");
    writer_release(&w);
    return ok;
}

static bool
is_set_by_us(struct slice name)
{
    static const char *const ours[] = {
        "node.id",
        "process.roles",
        "listeners",
        "log.dirs",
        "log.dir",
        "advertised.listeners",
        "broker.id",
        "controller.listener.names",
        "inter.broker.listener.name",
        "controller.quorum.voters",
        "listener.security.protocol.map",
    };
    for (int64_t i = 0; i < ARRAY_LEN(ours); i++)
        if (slice_eq(name, slice_cstr(ours[i]))) return true;
    return false;
}

static bool
check_setting(struct load *l, const struct pair *p, enum config_scope scope, struct slice value)
{
    static const char *const whose[] = {
        [CONFIG_BROKER] = "broker", [CONFIG_TOPIC] = "topic", [CONFIG_GROUP] = "group"};
    int32_t id = config_id(scope, p->key);
    if (id < 0) {
        struct words words = {.arena = l->a};
        words_of_configs(scope, &words);
        diag_error(l->d, p->mark, words_advice(&words, p->key), "no %s has the configuration %.*s",
                   whose[scope], SARG(p->key));
        return false;
    }
    if (scope == CONFIG_BROKER && is_set_by_us(p->key)) {
        diag_error(l->d, p->mark, "leave it out", "%.*s is set by the simulator", SARG(p->key));
        return false;
    }
    struct writer why = writer_mem(l->a->mem);
    bool ok = config_check(scope, id, value, &why);
    if (!ok) {
        struct slice text = writer_slice(&why);
        diag_error(l->d, p->value->mark, NULL, "%.*s: %.*s", SARG(p->key), SARG(text));
    }
    writer_release(&why);
    return ok;
}

/* May one broker, or all, take a new value while they run? */
static bool
may_change(struct load *l, const struct pair *p, bool one)
{
    int32_t id = config_id(CONFIG_BROKER, p->key);
    int32_t flags = id < 0 ? 0 : k_broker_configs[id].flags;
    if (id < 0 || flags & K_CF_CLUSTER_WIDE || (one && flags & K_CF_PER_BROKER)) return true;
    diag_error(l->d, p->mark,
               flags & K_CF_PER_BROKER ? "alter-broker: b1" : "cluster: {config: {…}}",
               "%.*s does not change while a broker runs%s", SARG(p->key),
               flags & K_CF_PER_BROKER ? " unless for one alone" : "");
    return false;
}

void
decode_changes(struct load *l, const struct tree *t, struct args *ret)
{
    bool of_broker = ret->of_default || ret->alter_broker.n;
    enum config_scope scope = of_broker          ? CONFIG_BROKER
                            : ret->alter_group.p ? CONFIG_GROUP
                                                 : CONFIG_TOPIC;
    if (!want_map(l, t, "config")) return;
    struct settings *to = &ret->config;
    to->v = ARENA_ARRAY(l->a, struct setting, t->n + 1);
    for (int32_t i = 0; i < t->n; i++) {
        const struct pair *p = &t->pairs[i];
        struct slice value;
        bool back = p->value->kind == TREE_TEXT && slice_eq(p->value->text, S("default"));
        if (!setting_text(l, p->value, &value)) continue;
        if (back && config_id(scope, p->key) >= 0) value = SLICE_NULL;
        else if (!check_setting(l, p, scope, value)) continue;
        if (of_broker && !may_change(l, p, !ret->of_default)) continue;
        to->v[to->n++] = (struct setting){p->key, value};
    }
}

bool
decode_settings(struct load *l, const struct tree *t, enum config_scope scope, struct settings *ret)
{
    if (!want_map(l, t, "config")) return false;
    ret->v = ARENA_ARRAY(l->a, struct setting, t->n + 1);
    for (int32_t i = 0; i < t->n; i++) {
        struct slice value;
        if (!setting_text(l, t->pairs[i].value, &value)) continue;
        if (!check_setting(l, &t->pairs[i], scope, value)) continue;
        ret->v[ret->n++] = (struct setting){t->pairs[i].key, value};
    }
    return true;
}

/* ---- all of them ---- */

bool
decode_value(struct load *l, const struct field *f, const struct tree *t, void *base)
{
    void *at = (char *)base + f->at;
    bool yes;
    switch (f->kind) {
    case VALUE_TEXT: return is_text(l, f, t) && (*(struct slice *)at = t->text, true);
    case VALUE_WORD: return decode_word(l, f, t, at);
    case VALUE_COUNT:
    case VALUE_NUMBER: return decode_count(l, f, t, at);
    case VALUE_BOOL: return decode_bool(l, f, t, at);
    case VALUE_TRISTATE:
        if (!decode_bool(l, f, t, &yes)) return false;
        *(enum tristate *)at = yes ? YES : NO;
        return true;
    case VALUE_TIME: return decode_time(l, f, t, at);
    case VALUE_RANGE: return decode_range(l, f, t, at);
    case VALUE_RATE: return is_text(l, f, t) && (value_rate(t->text, at) || wrong(l, f, t, NULL));
    case VALUE_SIZE: return decode_size(l, f, t, at);
    case VALUE_TARGET: return decode_target(l, t, at);
    case VALUE_SIDES: return decode_sides(l, t, base);
    case VALUE_PARTITION: return decode_partition(l, f, t, at);
    case VALUE_API: return decode_api(l, f, t, at);
    case VALUE_CHOICE: return decode_choice(l, f, t, at);
    case VALUE_ACKS: return decode_acks(l, f, t, at);
    case VALUE_DISK_OPS: return decode_disk_ops(l, f, t, at);
    case VALUE_SETTINGS: return decode_settings(l, t, CONFIG_BROKER, at);
    case VALUE_TOPIC_SETTINGS: return decode_settings(l, t, CONFIG_TOPIC, at);
    case VALUE_BROKERS: return decode_brokers(l, t, base);
    case VALUE_BEFORE: return decode_before(l, f, t, base);
    case VALUE_IS: return decode_is(l, f, t, base);
    case VALUE_AFTER: return decode_after(l, f, t, base);
    case VALUE_TREE:
        if (f->at) *(const struct tree **)at = t;
        return true;
    default: return true;
    }
}

static void
unknown_key(struct load *l, const struct pair *p, const char *what, const struct fields *a,
            const struct fields *b)
{
    struct words words = {.arena = l->a};
    int64_t digits;
    if (slice_to_i64(p->key, &digits)) {
        diag_error(l->d, p->mark, "a comma ends a value: write 1000, not 1,000",
                   "%s: '%.*s' is no key", what, SARG(p->key));
        return;
    }
    for (int32_t i = 0; a && i < a->n; i++) words_add(&words, slice_cstr(a->v[i].name));
    for (int32_t i = 0; b && i < b->n; i++) words_add(&words, slice_cstr(b->v[i].name));
    diag_error(l->d, p->mark, words_advice(&words, p->key), "%s has no key '%.*s'", what,
               SARG(p->key));
}

void
decode_map(struct load *l, const struct tree *map, const char *what, const struct fields *a,
           void *base_a, const struct fields *b, void *base_b)
{
    if (!want_map(l, map, what)) return;
    for (int32_t i = 0; i < map->n; i++) {
        const struct pair *p = &map->pairs[i];
        const struct field *f = field_find(a, p->key);
        if (f) {
            decode_value(l, f, p->value, base_a);
            continue;
        }
        f = field_find(b, p->key);
        if (f) decode_value(l, f, p->value, base_b);
        else unknown_key(l, p, what, a, b);
    }
}
