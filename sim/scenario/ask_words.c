#include "sim/scenario/ask.h"

#include <stdarg.h>
#include <stdio.h>

#include "broker/base/fmt.h"
#include "broker/protocol/codec_field.h"
#include "broker/protocol/tables.h"
#include "sim/scenario/value.h"

#include "errors.h"

bool
ask_mistake(struct ask_scope *x, struct mark at, const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (x->l) diag_error(x->l->d, at, NULL, "ask: %s", text);
    else if (x->why) fmt_str(x->why, text);
    return false;
}

/* ---- where we are ---- */

/* "topicId" is TopicId. */
static bool
is_called(const struct k_field *f, struct slice name)
{
    struct slice own = k_name(f->name);
    if (own.n != name.n || !name.n) return false;
    uint8_t first = own.p[0] >= 'A' && own.p[0] <= 'Z' ? (uint8_t)(own.p[0] + 32) : own.p[0];
    return first == name.p[0] && slice_eq(slice_sub(own, 1, own.n), slice_sub(name, 1, name.n));
}

static const struct k_field *
field_called(const struct k_struct *s, struct slice name)
{
    for (int i = 0; i < s->n + s->tagged; i++)
        if (is_called(&k_fields[s->first + i], name)) return &k_fields[s->first + i];
    return NULL;
}

static int64_t
step_into(struct ask_scope *x, struct slice name)
{
    int64_t before = x->path_n;
    struct writer w = writer_fixed(x->path + before, (int64_t)sizeof x->path - before);
    if (before) fmt_char(&w, '/');
    fmt_slice(&w, name);
    if (!w.err) x->path_n += w.n;
    return before;
}

static int64_t
step_into_item(struct ask_scope *x, int32_t i)
{
    char number[16];
    struct writer w = writer_fixed(number, sizeof number);
    fmt_i64(&w, i);
    return step_into(x, writer_slice(&w));
}

/* ---- what a text stands for ---- */

struct place { /* of a value in a message */
    const struct k_field *f;
    const uint8_t *at;
    bool is_item;
};

static struct slice
path_part(struct slice path, int64_t *at)
{
    int64_t end = slice_find(path, '/', *at);
    struct slice part = slice_sub(path, *at, (end < 0 ? path.n : end) - *at);
    *at = end < 0 ? path.n : end + 1;
    return part;
}

/* Along "topics/0/topicId". */
static bool
walk(struct ask_scope *x, struct mark at, enum k_msg msg, const void *m, struct slice path,
     struct place *ret)
{
    const struct k_struct *s = message_root(msg);
    struct place p = {NULL, m, false};
    int64_t i = 0;
    while (i < path.n) {
        struct slice part = path_part(path, &i);
        int64_t n;
        bool is_array = p.f && (p.f->flags & K_ARRAY) && !p.is_item;
        if (is_array) {
            if (!slice_to_i64(part, &n) || n < 0)
                return ask_mistake(x, at, "%.*s is a list: a number is due in %.*s",
                                   SARG(k_name(p.f->name)), SARG(path));
            struct field_array a = m ? array_load(p.at) : (struct field_array){NULL, INT32_MAX};
            if (n >= a.n) return ask_mistake(x, at, "there is no %.*s", SARG(path));
            p.at = m ? (const uint8_t *)a.items + n * field_item_bytes(p.f) : NULL;
            p.is_item = true;
        } else {
            if (p.f && p.f->type != K_STRUCT)
                return ask_mistake(x, at, "there is nothing in %.*s", SARG(k_name(p.f->name)));
            p.f = field_called(s, part);
            if (!p.f)
                return ask_mistake(x, at, "%.*s has no field %.*s", SARG(codec_name(msg)),
                                   SARG(part));
            p.at = m ? p.at + p.f->at : NULL;
            p.is_item = false;
            if (m && p.f->flags & K_POINTER) p.at = pointer_load(p.at);
            if (m && !p.at) return ask_mistake(x, at, "%.*s is null", SARG(path));
        }
        if (p.f->type == K_STRUCT) s = &k_structs[p.f->item];
    }
    *ret = p;
    return true;
}

static const struct asked *
find_asked(const struct run *r, struct slice name)
{
    for (int64_t i = r->asked.n - 1; i >= 0; i--)
        if (slice_eq(r->asked.v[i]->name, name)) return r->asked.v[i];
    return NULL;
}

static const struct step *
step_that_asks(const struct load *l, struct slice name)
{
    for (int32_t i = 0; i < l->s->steps_n; i++) {
        const struct step *s = &l->s->steps[i];
        if (s->as.p && slice_eq(s->as, name) && s->verb && s->verb->id == VERB_ASK) return s;
    }
    return NULL;
}

/* $NAME/path */
static bool
find_reference(struct ask_scope *x, const struct tree *t, struct place *ret)
{
    int64_t slash = slice_find(t->text, '/', 0);
    if (slash < 0) return ask_mistake(x, t->mark, "%.*s: which of its fields?", SARG(t->text));
    struct slice name = slice_sub(t->text, 1, slash - 1),
                 path = slice_sub(t->text, slash + 1, t->text.n);
    for (int64_t i = 0; i < path.n; i++) /* a number may follow */
        if (path.p[i] == '+' || path.p[i] == '-') path = slice_sub(path, 0, i);
    if (!x->r) {
        const struct step *by = step_that_asks(x->l, name);
        if (!by) return ask_mistake(x, t->mark, "no earlier question is called $%.*s", SARG(name));
        return walk(x, t->mark, (enum k_msg)k_api_of((int16_t)by->args.api)->response, NULL, path,
                    ret);
    }
    const struct asked *a = find_asked(x->r, name);
    if (!a) {
        /* Who compares must say so: what gives no reason passes for right. */
        x->missing = name;
        return ask_mistake(x, t->mark, "$%.*s is not answered yet", SARG(name));
    }
    return walk(x, t->mark, a->msg, a->answer, path, ret);
}

static bool
within(struct slice s, const char *word, struct slice *ret)
{
    int64_t n = (int64_t)strlen(word);
    if (!slice_starts(s, slice_cstr(word)) || s.n < n + 3 || s.p[n] != '(' || s.p[s.n - 1] != ')')
        return false;
    *ret = slice_sub(s, n + 1, s.n - n - 2);
    return true;
}

static int64_t
other_replica(const struct truth_partition *p)
{
    for (int32_t i = 0; i < p->replicas.n; i++)
        if (p->replicas.v[i] != p->leader) return p->replicas.v[i];
    return -1;
}

/* leader(orders-0) and the like. */
static bool
of_partition(struct ask_scope *x, struct slice s, int64_t *ret)
{
    static const char *const words[] = {"leader",          "follower",       "leader-epoch",
                                        "partition-epoch", "high-watermark", "elections"};
    struct slice inside;
    struct partition_ref ref;
    for (int i = 0; i < (int)ARRAY_LEN(words); i++) {
        if (!within(s, words[i], &inside) || !value_partition(inside, &ref)) continue;
        *ret = -1;
        const struct truth_partition *p = x->r ? truth_partition(&x->r->truth, ref) : NULL;
        if (!p) return true;
        const int64_t v[] = {p->leader,          other_replica(p),  p->leader_epoch,
                             p->partition_epoch, p->high_watermark, p->elections};
        *ret = v[i];
        return true;
    }
    return false;
}

static bool
of_cluster(struct ask_scope *x, struct slice s, int64_t *ret)
{
    struct slice inside;
    int64_t id;
    if (of_partition(x, s, ret)) return true;
    if (within(s, "broker-epoch", &inside)) {
        bool is_known = of_partition(x, inside, &id) || slice_to_i64(inside, &id);
        *ret = x->r && id >= 0 && id < TRUTH_NODES ? x->r->truth.broker_epoch[id] : 0;
        return is_known;
    }
    *ret = 0;
    if (slice_eq(s, S("now"))) *ret = x->env ? env_wall_ms(x->env) : 0;
    else if (slice_eq(s, S("quorum-epoch"))) *ret = x->r ? x->r->truth.quorum_epoch : 0;
    else if (slice_eq(s, S("quorum-leader"))) *ret = x->r ? x->r->truth.quorum_leader : 0;
    else return false;
    return true;
}

static bool
of_error(struct slice s, int64_t *ret)
{
    for (int16_t code = -1; code < 200; code++) {
        *ret = code;
        if (slice_eq(k_err_name(code), s)) return true;
    }
    return false;
}

static bool
plain_number(struct ask_scope *x, const struct tree *t, struct slice s, int64_t *ret)
{
    struct tree part = *t;
    struct place p;
    part.text = s;
    if (slice_starts(s, S("$"))) {
        if (!find_reference(x, &part, &p)) return false;
        if (p.f->type >= K_UUID || (p.f->flags & K_ARRAY && !p.is_item))
            return ask_mistake(x, t->mark, "%.*s is no number", SARG(s));
        *ret = p.at ? field_load_int(p.f->type, p.at) : 0;
        return true;
    }
    bool yes = slice_eq(s, S("true"));
    if (yes || slice_eq(s, S("false"))) return *ret = yes, true;
    if (slice_to_i64(s, ret) || of_cluster(x, s, ret) || of_error(s, ret)) return true;
    return ask_mistake(x, t->mark,
                       "'%.*s' is no number, no error and nothing that is known of the "
                       "cluster",
                       SARG(s));
}

bool
ask_number(struct ask_scope *x, const struct tree *t, int64_t *ret)
{
    int64_t more = 0, at;
    if (t->kind != TREE_TEXT) return ask_mistake(x, t->mark, "a number is due here");
    struct slice s = t->text;
    if (slice_to_i64(s, ret)) return true;
    for (at = s.n - 1; at > 0 && s.p[at] >= '0' && s.p[at] <= '9'; at--) {
    }
    struct slice before = slice_sub(s, 0, at);
    bool is_sum = at > 0 && at < s.n - 1 &&
                  (s.p[at] == '+' ||
                   (s.p[at] == '-' && (slice_starts(s, S("$")) || of_cluster(x, before, ret))));
    if (is_sum) {
        (void)slice_to_i64(slice_sub(s, at + 1, s.n), &more);
        if (s.p[at] == '-') more = -more;
        s = before;
    }
    if (!plain_number(x, t, s, ret)) return false;
    *ret += more;
    return true;
}

/* ---- to fill ---- */

static bool fill_struct(struct ask_scope *x, const struct k_struct *s, const struct tree *t,
                        uint8_t *to);

static struct arena *
arena_of(struct ask_scope *x)
{
    return x->r ? x->r->a : x->l->a;
}

/* 0x00ff: bytes that are no text. False: it is not that. */
static bool
bytes_of_hex(struct ask_scope *x, struct slice text, struct slice *ret)
{
    static const char digits[] = "0123456789abcdef";
    if (!slice_starts(text, S("0x")) || text.n % 2) return false;
    uint8_t *to = arena_alloc(arena_of(x), text.n);
    for (int64_t i = 2; i < text.n; i++) {
        const char *digit = memchr(digits, text.p[i], 16);
        if (!digit) return false;
        to[i / 2 - 1] = (uint8_t)(to[i / 2 - 1] << 4 | (digit - digits));
    }
    *ret = slice(to, text.n / 2 - 1);
    return true;
}

static struct slice
hex_of_bytes(struct ask_scope *x, struct slice bytes)
{
    bool is_text = true;
    for (int64_t i = 0; i < bytes.n; i++)
        is_text = is_text && bytes.p[i] >= ' ' && bytes.p[i] <= '~';
    if (is_text) return bytes;
    uint8_t *to = arena_alloc(arena_of(x), bytes.n * 2 + 2);
    memcpy(to, "0x", 2);
    for (int64_t i = 0; i < bytes.n * 2; i++)
        to[i + 2] = (uint8_t) "0123456789abcdef"[i % 2 ? bytes.p[i / 2] & 15 : bytes.p[i / 2] >> 4];
    return slice(to, bytes.n * 2 + 2);
}

static bool
fill_text(struct ask_scope *x, const struct k_field *f, const struct tree *t, uint8_t *to)
{
    struct slice s = slice_eq(t->text, S("null")) ? SLICE_NULL : t->text;
    struct place p;
    if (slice_starts(t->text, S("$"))) {
        if (!find_reference(x, t, &p)) return false;
        if (p.f->type != f->type) return ask_mistake(x, t->mark, "that is of another kind");
        s = p.at ? slice_load(p.at) : SLICE_EMPTY;
    } else if (f->type == K_BYTES) {
        (void)bytes_of_hex(x, t->text, &s);
    }
    memcpy(to, &s, sizeof s);
    return true;
}

static bool
fill_uuid(struct ask_scope *x, const struct tree *t, uint8_t *to)
{
    struct uuid u = UUID_ZERO;
    struct place p;
    if (slice_starts(t->text, S("$"))) {
        if (!find_reference(x, t, &p)) return false;
        if (p.f->type != K_UUID) return ask_mistake(x, t->mark, "that is no uuid");
        if (p.at) memcpy(&u, p.at, sizeof u);
    } else if (!uuid_parse(t->text, &u)) {
        return ask_mistake(x, t->mark, "'%.*s' is no uuid", SARG(t->text));
    }
    memcpy(to, &u, sizeof u);
    return true;
}

static bool
fill_scalar(struct ask_scope *x, const struct k_field *f, const struct tree *t, uint8_t *to)
{
    struct k_records records = {0};
    int64_t n;
    if (f->type == K_RECORDS) {
        if (!ask_records(x, t, &records)) return false;
        memcpy(to, &records, sizeof records);
        return true;
    }
    if (t->kind != TREE_TEXT)
        return ask_mistake(x, t->mark, "%.*s is one value", SARG(k_name(f->name)));
    if (f->type == K_UUID) return fill_uuid(x, t, to);
    if (f->type > K_UUID) return fill_text(x, f, t, to);
    if (!ask_number(x, t, &n)) return false;
    field_store_int(f->type, to, n);
    return true;
}

static bool
fill_array(struct ask_scope *x, const struct k_field *f, const struct tree *t, uint8_t *to)
{
    if (t->kind == TREE_TEXT && slice_eq(t->text, S("null"))) {
        array_store(to, NULL, -1);
        return true;
    }
    if (t->kind != TREE_LIST)
        return ask_mistake(x, t->mark, "%.*s is a list", SARG(k_name(f->name)));
    int64_t bytes = field_item_bytes(f);
    uint8_t *items = arena_alloc(arena_of(x), (t->n + 1) * bytes);
    for (int32_t i = 0; i < t->n; i++) {
        bool ok = f->type == K_STRUCT
                    ? fill_struct(x, &k_structs[f->item], t->items[i], items + i * bytes)
                    : fill_scalar(x, f, t->items[i], items + i * bytes);
        if (!ok) return false;
    }
    array_store(to, items, t->n);
    return true;
}

/* Where the batch of a produce request goes. */
static void
note_where(struct ask_scope *x, const struct k_field *f, const uint8_t *at)
{
    if (is_called(f, S("name"))) x->topic = slice_load(at);
    if (is_called(f, S("index"))) x->partition = (int32_t)field_load_int(f->type, at);
}

static bool
fill_field(struct ask_scope *x, const struct k_field *f, const struct tree *t, uint8_t *to)
{
    if (f->flags & K_ARRAY) return fill_array(x, f, t, to);
    if (f->type == K_STRUCT && !(f->flags & K_POINTER))
        return fill_struct(x, &k_structs[f->item], t, to);
    if (f->type != K_STRUCT) {
        if (!fill_scalar(x, f, t, to)) return false;
        note_where(x, f, to);
        return true;
    }
    uint8_t *p = NULL;
    if (t->kind == TREE_MAP) {
        p = arena_alloc(arena_of(x), k_structs[f->item].size);
        if (!fill_struct(x, &k_structs[f->item], t, p)) return false;
    }
    memcpy(to, &p, sizeof p);
    return true;
}

static bool
fill_struct(struct ask_scope *x, const struct k_struct *s, const struct tree *t, uint8_t *to)
{
    struct_set_defaults(s, to);
    if (t->kind != TREE_MAP) return ask_mistake(x, t->mark, "a map of fields is due here");
    for (int32_t i = 0; i < t->n; i++) {
        const struct k_field *f = field_called(s, t->pairs[i].key);
        if (!f || !field_is_in(f, x->version))
            return ask_mistake(x, t->pairs[i].mark, "there is no field %.*s in version %d",
                               SARG(t->pairs[i].key), (int)x->version);
        if (!fill_field(x, f, t->pairs[i].value, to + f->at)) return false;
    }
    return true;
}

bool
ask_fill(struct ask_scope *x, enum k_msg msg, const struct tree *t, void *ret)
{
    x->partition = -1;
    if (t) return fill_struct(x, message_root(msg), t, ret);
    codec_default(msg, ret);
    return true;
}

/* ---- to compare ---- */

static bool fits_struct(struct ask_scope *x, const struct k_struct *s, const uint8_t *at,
                        const struct tree *want);

static bool
differs(struct ask_scope *x, struct slice is, struct slice want)
{
    if (!x->why) return false;
    fmt_slice(x->why, slice(x->path, x->path_n));
    fmt_str(x->why, " is ");
    fmt_slice(x->why, is.p ? is : S("null"));
    fmt_str(x->why, ", not ");
    fmt_slice(x->why, want);
    return false;
}

static bool
is_error_field(const struct k_field *f)
{
    return f->type == K_INT16 && slice_ends(k_name(f->name), S("ErrorCode"));
}

static struct slice
number_words(struct ask_scope *x, const struct k_field *f, int64_t n)
{
    if (is_error_field(f)) return k_err_name((int16_t)n);
    return arena_format(arena_of(x), "%lld", (long long)n);
}

/* How a value has to stand to what is written: "not X", ">= X", "<= X". */
enum relation { EQUAL, UNEQUAL, AT_LEAST, AT_MOST };

static enum relation
relation_of(const struct tree *want, struct tree *ret_plain)
{
    static const struct {
        const char *word;
        enum relation relation;
    } words[] = {{"not ", UNEQUAL}, {">= ", AT_LEAST}, {"<= ", AT_MOST}};
    *ret_plain = *want;
    for (int i = 0; i < (int)ARRAY_LEN(words); i++) {
        struct slice word = slice_cstr(words[i].word);
        if (!slice_starts(want->text, word)) continue;
        ret_plain->text = slice_sub(want->text, word.n, want->text.n);
        return words[i].relation;
    }
    return EQUAL;
}

static bool
fits_number(struct ask_scope *x, const struct k_field *f, const uint8_t *at,
            const struct tree *want)
{
    static const char *const says[] = {"", "something else than ", "at least ", "at most "};
    struct tree plain;
    enum relation relation = relation_of(want, &plain);
    int64_t n, is;
    if (!ask_number(x, &plain, &n)) return false;
    if (!at) return true;
    is = field_load_int(f->type, at);
    bool fits = relation == EQUAL    ? is == n
              : relation == UNEQUAL  ? is != n
              : relation == AT_LEAST ? is >= n
                                     : is <= n;
    return fits || differs(x, number_words(x, f, is),
                           arena_format(arena_of(x), "%s%.*s", says[relation],
                                        SARG(number_words(x, f, n))));
}

static bool
fits_bytes(struct ask_scope *x, struct slice is, const struct tree *want, struct slice text)
{
    bool is_not = slice_starts(want->text, S("not "));
    (void)bytes_of_hex(x, text, &text);
    bool fits = slice_eq(text, S("some")) ? is.n > 0
              : slice_eq(text, S("none")) ? is.n == 0
              : slice_eq(text, S("null")) ? !is.p
                                          : slice_eq(is, text);
    return fits != is_not || differs(x, hex_of_bytes(x, is), want->text);
}

/* other: what it refers to; NULL: it says itself which it means. */
static bool
fits_uuid(struct ask_scope *x, const uint8_t *at, const uint8_t *other, const struct tree *want,
          enum relation relation)
{
    struct uuid is, v = UUID_ZERO;
    char text[UUID_TEXT_BYTES];
    struct tree plain;
    (void)relation_of(want, &plain);
    bool is_some = slice_eq(plain.text, S("some"));
    if (slice_starts(plain.text, S("$"))) {
        if (!at || !other) return true;
        memcpy(&v, other, sizeof v);
    } else if (!is_some && !slice_eq(plain.text, S("none")) && !uuid_parse(plain.text, &v)) {
        return ask_mistake(x, want->mark, "'%.*s' is no uuid", SARG(plain.text));
    }
    if (!at) return true;
    memcpy(&is, at, sizeof is);
    uuid_print(is, text);
    return uuid_eq(is, v) == (relation != UNEQUAL && !is_some) ||
           differs(x, arena_dup(arena_of(x), slice(text, sizeof text)), want->text);
}

static bool
fits_scalar(struct ask_scope *x, const struct k_field *f, const uint8_t *at,
            const struct tree *want)
{
    struct place p = {NULL, NULL, false};
    struct k_records records;
    if (want->kind != TREE_TEXT) return ask_mistake(x, want->mark, "one value is due here");
    if (slice_eq(want->text, S("any"))) return true;
    if (f->type == K_RECORDS) {
        bool some = slice_eq(want->text, S("some"));
        int64_t n = 0, is;
        if (!some && !slice_eq(want->text, S("none")) && !ask_number(x, want, &n)) return false;
        if (!at) return true;
        memcpy(&records, at, sizeof records);
        is = ask_records_count(records.bytes);
        return (some ? is > 0 : is == n) ||
               differs(x, arena_format(arena_of(x), "%d records", (int)is), want->text);
    }
    if (f->type < K_UUID) return fits_number(x, f, at, want);
    struct tree plain;
    enum relation relation = relation_of(want, &plain);
    bool is_reference = slice_starts(plain.text, S("$"));
    if (is_reference && !find_reference(x, &plain, &p)) return false;
    if (is_reference && p.f->type != f->type)
        return ask_mistake(x, want->mark, "that is of another kind");
    if (f->type == K_UUID) return fits_uuid(x, at, is_reference ? p.at : NULL, want, relation);
    if (!at || (is_reference && !p.at)) return true;
    return fits_bytes(x, slice_load(at), want, is_reference ? slice_load(p.at) : plain.text);
}

static bool
fits_item(struct ask_scope *x, const struct k_field *f, const uint8_t *at, const struct tree *want)
{
    return f->type == K_STRUCT ? fits_struct(x, &k_structs[f->item], at, want)
                               : fits_scalar(x, f, at, want);
}

static bool
fits_array(struct ask_scope *x, const struct k_field *f, const uint8_t *at, const struct tree *want)
{
    struct field_array a = at ? array_load(at) : (struct field_array){0};
    if (want->kind == TREE_TEXT) {
        struct slice s = want->text;
        bool fits = slice_eq(s, S("some")) ? a.n > 0
                  : slice_eq(s, S("null")) ? a.n < 0
                  : slice_eq(s, S("none")) ? a.n <= 0
                                           : slice_eq(s, S("any"));
        if (fits || !at) return true;
        return differs(x, arena_format(arena_of(x), "a list of %d", (int)a.n), s);
    }
    if (want->kind != TREE_LIST) return ask_mistake(x, want->mark, "this is a list");
    if (at && a.n != want->n)
        return differs(x, arena_format(arena_of(x), "a list of %d", (int)a.n),
                       arena_format(arena_of(x), "one of %d", (int)want->n));
    for (int32_t i = 0; i < want->n; i++) {
        int64_t before = step_into_item(x, i);
        const uint8_t *item = at ? (const uint8_t *)a.items + i * field_item_bytes(f) : NULL;
        if (!fits_item(x, f, item, want->items[i])) return false;
        x->path_n = before;
    }
    return true;
}

static bool
fits_field(struct ask_scope *x, const struct k_field *f, const uint8_t *at, const struct tree *want)
{
    if (f->flags & K_ARRAY) return fits_array(x, f, at, want);
    if (!(f->flags & K_POINTER)) return fits_item(x, f, at, want);
    const uint8_t *p = at ? pointer_load(at) : NULL;
    if (want->kind == TREE_TEXT && slice_eq(want->text, S("null")))
        return !p || differs(x, S("there"), S("null"));
    if (at && !p) return differs(x, S("null"), S("there"));
    return fits_item(x, f, p, want);
}

static bool
fits_struct(struct ask_scope *x, const struct k_struct *s, const uint8_t *at,
            const struct tree *want)
{
    if (want->kind != TREE_MAP) return ask_mistake(x, want->mark, "a map of fields is due here");
    for (int32_t i = 0; i < want->n; i++) {
        const struct k_field *f = field_called(s, want->pairs[i].key);
        if (!f || !field_is_in(f, x->version))
            return ask_mistake(x, want->pairs[i].mark, "there is no field %.*s in version %d",
                               SARG(want->pairs[i].key), (int)x->version);
        int64_t before = step_into(x, want->pairs[i].key);
        if (!fits_field(x, f, at ? at + f->at : NULL, want->pairs[i].value)) return false;
        x->path_n = before;
    }
    return true;
}

bool
ask_fits(struct ask_scope *x, enum k_msg msg, const void *m, const struct tree *want)
{
    x->path_n = 0;
    return !want || fits_struct(x, message_root(msg), m, want);
}

/* ---- errors that pass ---- */

static bool
struct_is_passing(const struct k_struct *s, const uint8_t *at)
{
    for (int i = 0; i < s->n + s->tagged; i++) {
        const struct k_field *f = &k_fields[s->first + i];
        const uint8_t *p = at + f->at;
        if (f->flags & K_ARRAY) {
            struct field_array a = array_load(p);
            for (int32_t j = 0; f->type == K_STRUCT && j < a.n; j++)
                if (struct_is_passing(&k_structs[f->item],
                                      (const uint8_t *)a.items + j * field_item_bytes(f)))
                    return true;
        } else if (is_error_field(f) && k_err_is_retriable((int16_t)field_load_int(f->type, p))) {
            return true;
        }
    }
    return false;
}

bool
ask_is_passing(enum k_msg msg, const void *m)
{
    return struct_is_passing(message_root(msg), m);
}
