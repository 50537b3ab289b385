/* The timeline: each step has a trigger, one verb and perhaps a name. */
#include "sim/scenario/load.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/scenario/preset.h"
#include "sim/scenario/value.h"

static void
args_default(struct args *a)
{
    a->topic_partition = -1;
    a->api = ANY_API;
    a->after_ns = -1;
    a->full = -1;
    a->shorten = -1;
    a->rot_offset = -1;
    a->max = INT64_MAX;
    a->min = -1;
    a->size = -1;
    a->nth = 1;
    a->rf = -1;
    a->before = -1;
    a->version = -1;
}

/* A value as one line, for people: "delete-records orders-0, before 400", without YAML's signs. A name that
 * an earlier step gave is told without its "$". */
static void
print_tree(const struct tree *t, struct writer *w, bool is_inner)
{
    if (t->kind == TREE_TEXT) {
        bool is_given = slice_starts(t->text, S("$"));
        fmt_slice(w, is_given ? slice_sub(t->text, 1, t->text.n) : t->text);
        return;
    }
    if (is_inner) fmt_char(w, '(');
    for (int32_t i = 0; i < t->n; i++) {
        if (i) fmt_str(w, ", ");
        if (t->kind == TREE_MAP) {
            fmt_slice(w, t->pairs[i].key);
            fmt_char(w, ' ');
            print_tree(t->pairs[i].value, w, true);
        } else {
            print_tree(t->items[i], w, true);
        }
    }
    if (is_inner) fmt_char(w, ')');
}

static struct slice
tree_line(struct load *l, const char *key, const struct tree *t)
{
    struct writer w = writer_mem(l->a->mem);
    if (key) {
        fmt_str(&w, key);
        fmt_char(&w, ' ');
    }
    print_tree(t, &w, false);
    struct slice s = arena_dup(l->a, writer_slice(&w));
    writer_release(&w);
    return s;
}

/* What stands beside the verb's own key. */
static struct slice
beside_line(struct load *l, const struct tree *t, struct slice own)
{
    struct writer w = writer_mem(l->a->mem);
    for (int32_t i = 0; i < t->n; i++) {
        if (slice_eq(t->pairs[i].key, own)) continue;
        if (w.n) fmt_str(&w, ", ");
        fmt_slice(&w, t->pairs[i].key);
        fmt_str(&w, ": ");
        print_tree(t->pairs[i].value, &w, true);
    }
    struct slice s = arena_dup(l->a, writer_slice(&w));
    writer_release(&w);
    return s;
}

/* ---- conditions ---- */

static const struct cond_row *
find_cond(struct load *l, const struct tree *t, int32_t where)
{
    struct words words = {.arena = l->a};
    for (int32_t i = 0; i < CONDS_N; i++) {
        const struct cond_row *row = &conds[i];
        bool fits = (where == IN_WHEN && row->in_when) ||
                    (where == IN_EVENTUALLY && row->in_eventually) ||
                    (where == AT_END && row->at_end);
        if (fits && tree_get(t, slice_cstr(row->value.name))) return row;
        if (fits) words_add(&words, slice_cstr(row->value.name));
    }
    struct slice first = t->n ? t->pairs[0].key : SLICE_EMPTY;
    diag_error(l->d, t->n ? t->pairs[0].mark : t->mark, words_advice(&words, first),
               "a condition is due here, not '%.*s'", SARG(first));
    return NULL;
}

/* What would hold whatever happens is hardly meant. */
static void
check_bounds(struct load *l, const struct cond *c)
{
    const struct args *a = &c->args;
    bool counts = c->row->id >= COND_ACKED && c->row->id != COND_OWNED &&
                  c->row->id != COND_COPIED && c->row->id != COND_SILENCE,
         no_bound = a->min < 0 && (!counts || a->max == INT64_MAX);
    if ((counts || c->row->id == COND_HW) && no_bound)
        diag_error(l->d, c->mark, c->row->example, "%s: how many?", c->row->value.name);
    if (counts && a->max < a->min)
        diag_error(l->d, c->mark, NULL, "max is smaller than min: nothing can be so");
    if (c->row->id == COND_SILENCE && a->for_ns <= 0)
        diag_error(l->d, c->mark, c->row->example, "%s: how long at most?", c->row->value.name);
    bool says = a->is.n || a->is_none || a->with.n || a->without.n || a->size >= 0;
    if (c->row->id == COND_ISR && !says)
        diag_error(l->d, c->mark, c->row->example, "isr-of: who, or how many, should it be?");
}

enum whose { OF_PRODUCER, OF_WRITER, OF_CONSUMER, OF_MEMBER, OF_GROUP, OF_MACHINE };

static enum whose
whose(enum cond_id id)
{
    switch (id) {
    case COND_ACKED: return OF_WRITER;
    case COND_READ:
    case COND_SKIPPED: return OF_CONSUMER;
    case COND_REQUESTS:
    case COND_BYTES:
    case COND_LOGINS: return OF_MACHINE;
    case COND_PROCESSED: return OF_MEMBER;
    case COND_ROUNDS:
    case COND_OWNED:
    case COND_COPIED: return OF_GROUP;
    default: return OF_PRODUCER;
    }
}

static void
words_that_fit(struct load *l, enum whose of, struct words *w)
{
    if (of == OF_MACHINE) words_of_machines(l, w);
    for (int32_t i = 0; i < l->s->clients_n && of != OF_MACHINE; i++) {
        const struct client_spec *c = &l->s->clients[i];
        bool fits = of == OF_PRODUCER ? c->produce.p != NULL
                  : of == OF_WRITER   ? c->produce.p || c->copy_to.p
                  : of == OF_CONSUMER ? !c->produce.p
                                      : c->group.p != NULL;
        if (fits) words_add(w, of == OF_GROUP ? c->group : c->name);
    }
}

static void
check_client(struct load *l, const struct cond_row *row, struct slice name, struct mark at)
{
    static const char *const kinds[] = {"producer",          "producer", "consumer",
                                        "member of a group", "group",    "machine"};
    struct words words = {.arena = l->a};
    words_that_fit(l, whose(row->id), &words);
    for (int64_t i = 0; i < words.v.n; i++)
        if (slice_eq(words.v.v[i], name)) return;
    diag_error(l->d, at, words_advice(&words, name), "no %s is called %.*s", kinds[whose(row->id)],
               SARG(name));
}

/* The row's own key, its fields, and whatever else is allowed here. */
static void
decode_row(struct load *l, const struct tree *t, const char *what, const struct field *own,
           const struct fields *inner, const struct fields *beside, const struct fields *more,
           struct args *args)
{
    struct tree rest = *t;
    rest.pairs = ARENA_ARRAY(l->a, struct pair, t->n + 1);
    rest.n = 0;
    for (int32_t i = 0; i < t->n; i++) {
        const struct pair *p = &t->pairs[i];
        if (!slice_eq(p->key, slice_cstr(own->name))) {
            rest.pairs[rest.n++] = *p;
            continue;
        }
        if (own->kind == VALUE_FIELDS) decode_map(l, p->value, own->name, inner, args, NULL, NULL);
        else decode_value(l, own, p->value, args);
    }
    decode_map(l, &rest, what, beside, args, more, args);
}

bool
decode_cond(struct load *l, const struct tree *t, const struct fields *more, struct cond *ret,
            int32_t where)
{
    int64_t before = l->d->errors;
    if (!want_map(l, t, "a condition")) return false;
    ret->mark = t->mark;
    ret->row = find_cond(l, t, where);
    if (!ret->row) return false;
    args_default(&ret->args);
    ret->text = tree_line(l, NULL, t);
    decode_row(l, t, ret->row->value.name, &ret->row->value, NULL, &ret->row->beside, more,
               &ret->args);
    if (ret->row->id >= COND_ACKED && ret->args.name.p)
        check_client(l, ret->row, ret->args.name,
                     tree_get(t, slice_cstr(ret->row->value.name))->mark);
    if (l->d->errors == before) check_bounds(l, ret);
    return true;
}

/* ---- triggers ---- */

/* "2s..5s x 4" */
static void
decode_every(struct load *l, const struct tree *t, struct step *ret)
{
    struct slice s = t->text;
    int64_t x = -1;
    for (int64_t i = 1; i + 1 < s.n; i++)
        if (s.p[i] == 'x' && s.p[i - 1] == ' ') x = i;
    bool ok = t->kind == TREE_TEXT;
    if (ok && x > 0)
        ok = slice_to_i64(slice_trim(slice_sub(s, x + 1, s.n)), &ret->times) && ret->times > 0;
    if (ok) ok = value_range(slice_trim(slice_sub(s, 0, x > 0 ? x : s.n)), &ret->every);
    if (ok && ret->every.min >= NS_PER_MS) return;
    diag_error(l->d, t->mark, "like 2s, 2s..5s or 2s..5s x 4",
               "every: not a time or a range, of a millisecond or more");
}

static void
decode_trigger(struct load *l, const struct tree *t, struct step *ret)
{
    static const char *const names[] = {"at", "then", "when", "every"};
    int32_t found = 0;
    for (int32_t i = 0; i < 4; i++) {
        const struct tree *v = tree_get(t, slice_cstr(names[i]));
        if (!v) continue;
        ret->trigger = (enum trigger)i;
        if (i == TRIGGER_EVERY) decode_every(l, v, ret);
        else if (i == TRIGGER_WHEN) decode_cond(l, v, NULL, &ret->when, IN_WHEN);
        else decode_value(l, field_find(&step_fields, slice_cstr(names[i])), v, ret);
        found++;
    }
    const struct tree *after = tree_get(t, S("after"));
    if (after) decode_value(l, field_find(&step_fields, S("after")), after, ret);
    if (after && ret->trigger != TRIGGER_WHEN)
        diag_error(l->d, after->mark, "use at: or then:", "`after` only goes with `when`");
    if (found && l->is_now && ret->trigger == TRIGGER_AT)
        diag_error(l->d, t->mark, "leave out at; then: 2s is in two seconds", "it is done at once");
    if (!found && l->is_now) ret->trigger = TRIGGER_THEN;
    if (!found && !l->is_now)
        diag_error(l->d, t->mark, "at: 2s, then: 50ms, when: {…}, or every: 2s..5s",
                   "the step does not say when");
    if (found > 1) diag_error(l->d, t->mark, NULL, "the step says more than one time");
}

/* ---- verbs ---- */

static bool
is_step_key(struct slice key)
{
    return field_find(&step_fields, key) != NULL;
}

static void
no_verb(struct load *l, const struct tree *t)
{
    struct words words = {.arena = l->a};
    for (int32_t i = 0; i < VERBS_N; i++) words_add(&words, slice_cstr(verbs[i].value.name));
    for (int32_t i = 0; i < t->n; i++) {
        if (is_step_key(t->pairs[i].key)) continue;
        diag_error(l->d, t->pairs[i].mark, words_advice(&words, t->pairs[i].key),
                   "'%.*s' is not something that can happen", SARG(t->pairs[i].key));
        return;
    }
    diag_error(l->d, t->mark, words_advice(&words, S("?")), "nothing happens in this step");
}

/* `slow` and `heal` are verbs, but with `disk` they say what happens to it. */
static bool
is_beside_another(const struct tree *t, const struct verb *v)
{
    for (int32_t i = 0; i < VERBS_N; i++)
        if (&verbs[i] != v && tree_get(t, slice_cstr(verbs[i].value.name)) &&
            field_find(&verbs[i].beside, slice_cstr(v->value.name)))
            return true;
    return false;
}

static const struct verb *
find_verb(struct load *l, const struct tree *t)
{
    const struct verb *found = NULL;
    for (int32_t i = 0; i < VERBS_N; i++) {
        if (!tree_get(t, slice_cstr(verbs[i].value.name)) || is_beside_another(t, &verbs[i]))
            continue;
        if (found) {
            diag_error(l->d, t->mark, "make two steps", "%s and %s in one step", found->value.name,
                       verbs[i].value.name);
            return NULL;
        }
        found = &verbs[i];
    }
    if (!found) no_verb(l, t);
    return found;
}

/* The step without trigger and name. */
static struct tree *
verb_part(struct load *l, const struct tree *t)
{
    struct tree *rest = tree_map(l->a, t->mark);
    for (int32_t i = 0; i < t->n; i++)
        if (!is_step_key(t->pairs[i].key))
            tree_put(l->a, rest, t->pairs[i].key, t->pairs[i].mark, t->pairs[i].value);
    return rest;
}

static void
check_verb(struct load *l, const struct step *s)
{
    const struct args *a = &s->args;
    bool ok = true;
    const char *help = s->verb->example;
    switch (s->verb->id) {
    case VERB_SLOW: ok = a->by.max > 0 || a->bandwidth > 0 || a->permille > 0; break;
    case VERB_FLAP: ok = a->down_ns > 0 && a->up_ns > 0; break;
    case VERB_CLOCK: ok = a->step_ns || a->down_ns || a->drift; break;
    case VERB_DISK:
        ok = a->fail || a->full >= 0 || a->percent || a->sync_percent || a->rot || a->permille ||
             a->heals || a->misdirects || ((a->erases || a->shorten >= 0) && a->path.n);
        if ((a->erases || a->shorten >= 0) && !a->path.n) help = "path: .index";
        if (a->rot_offset >= 0 && (a->rot != 1 || !a->path.n))
            ok = false, help = "path: orders-0, rot: 1, offset: 100";
        break;
    case VERB_ADMIN: admin_check(l, s); return;
    case VERB_ASK: ask_check(l, s); return;
    case VERB_HOLD:
    case VERB_DELAY:
    case VERB_LOSE:
    case VERB_BREAK:
    case VERB_REPEAT:
    case VERB_ANSWER: frames_check(l, s); return;
    default: break;
    }
    if (!ok)
        diag_error(l->d, s->mark, help, "%s does not say what, or says too much",
                   s->verb->value.name);
}

/* The last step before this one that gave the name; NULL: there is none. */
static const struct step *
step_named(const struct load *l, const struct step *before, struct slice name)
{
    const struct step *found = NULL;
    for (const struct step *s = l->s->steps; s < before; s++)
        if (s->as.p && slice_eq(s->as, name)) found = s;
    return found;
}

static bool
begins_something(const struct step *s)
{
    enum verb_id id = s->verb ? s->verb->id : VERB_NOTE;
    return id == VERB_CUT || id == VERB_FLAP || id == VERB_SLOW ||
           (id >= VERB_HOLD && id <= VERB_ANSWER);
}

static bool
ends_by_name(const struct step *s, struct slice name)
{
    bool ends = s->verb && (s->verb->id == VERB_HEAL || s->verb->id == VERB_RELEASE);
    for (int32_t i = 0; ends && i < s->args.target.n; i++) {
        const struct term *t = &s->args.target.v[i];
        if (t->kind == TERM_ALL || (t->kind == TERM_BOUND && slice_eq(t->name, name))) return true;
    }
    return false;
}

/* $name would be the later one, and nobody could end the earlier one any more. One that ends by itself, or that was ended, has no
 * need of its name. */
static void
check_name_is_free(struct load *l, const struct step *s, struct mark at)
{
    const struct step *lasts = NULL;
    for (int32_t i = 0; i < l->s->steps_n && &l->s->steps[i] != s; i++) {
        const struct step *o = &l->s->steps[i];
        if (slice_eq(o->as, s->as) && begins_something(o) && !o->args.for_ns) lasts = o;
        else if (ends_by_name(o, s->as)) lasts = NULL;
    }
    if (lasts && begins_something(s))
        diag_error(
            l->d, at,
            (const char *)arena_format(l->a, "another name, or first heal: $%.*s", SARG(s->as)).p,
            "as: %.*s is the name of a %s that lasts", SARG(s->as), lasts->verb->value.name);
}

/* Whoever a name stands for is known only when the step that gives it has fired. */
static void
check_bound_time(struct load *l, const struct step *s, const struct term *t, const struct step *by)
{
    bool both = s->trigger == TRIGGER_AT && by && by->trigger == TRIGGER_AT;
    if (both && s->at_ns < by->at_ns)
        diag_error(l->d, t->mark, "a later time", "%s: nobody is called $%.*s before %.3f s",
                   s->verb->value.name, SARG(t->name), (double)by->at_ns / 1e9);
}

/* Clients that do nothing but read, or any. */
static bool
is_of_clients(const struct load *l, const struct term *t, bool only_readers)
{
    for (int32_t i = 0; i < l->s->clients_n; i++) {
        const struct client_spec *c = &l->s->clients[i];
        bool is_meant = t->kind == TERM_CLIENTS || slice_eq(t->name, c->name);
        if ((t->kind == TERM_CLIENTS || t->kind == TERM_NAME) && is_meant &&
            (!only_readers || c->consume.p))
            return true;
    }
    return t->kind == TERM_CLIENTS && !only_readers;
}

/* Ends what steps began; and an order to stop is for who can hear it. */
static void
check_target(struct load *l, const struct step *s)
{
    bool ends = s->verb->id == VERB_HEAL || s->verb->id == VERB_RELEASE;
    bool rolls = s->verb->id == VERB_ROLL, stops = s->verb->id == VERB_SHUTDOWN;
    for (int32_t i = 0; i < s->args.target.n; i++) {
        const struct term *t = &s->args.target.v[i];
        const struct step *by = t->kind == TERM_BOUND ? step_named(l, s, t->name) : NULL;
        if (ends && t->kind != TERM_ALL && !(by && begins_something(by)))
            diag_error(l->d, t->mark, "$name of a cut, flap, slow, hold, answer …, or all",
                       "%s: nothing lasts by this name", s->verb->value.name);
        check_bound_time(l, s, t, by);
        if (rolls && is_of_clients(l, t, false))
            diag_error(l->d, t->mark, "shutdown and restart", "%s: clients are not rolled",
                       s->verb->value.name);
        if (stops && is_of_clients(l, t, true))
            diag_error(l->d, t->mark, "crash and restart",
                       "%s: a consumer without a group has nothing to end in order",
                       s->verb->value.name);
    }
}

static void
decode_step(struct load *l, const struct tree *t, struct step *ret)
{
    int64_t before = l->d->errors;
    args_default(&ret->args);
    ret->mark = t->mark;
    if (!want_map(l, t, "a step")) return;
    decode_trigger(l, t, ret);
    ret->verb = find_verb(l, t);
    const struct tree *as = tree_get(t, S("as"));
    if (as && decode_value(l, field_find(&step_fields, S("as")), as, ret)) {
        if (slice_eq(ret->as, S("all"))) diag_error(l->d, as->mark, NULL, "`all` means everything");
    }
    if (ret->verb) {
        struct tree *part = verb_part(l, t);
        decode_row(l, part, ret->verb->value.name, &ret->verb->value, &ret->verb->inner,
                   &ret->verb->beside, NULL, &ret->args);
        if (ret->verb->id == VERB_ADMIN) admin_decode(l, tree_get(t, S("admin")), &ret->args);
        ret->text =
            tree_line(l, ret->verb->value.name, tree_get(t, slice_cstr(ret->verb->value.name)));
        ret->beside = beside_line(l, part, slice_cstr(ret->verb->value.name));
        if (l->d->errors == before) check_verb(l, ret);
        if (l->d->errors == before) check_target(l, ret);
        if (l->d->errors == before && ret->as.p) check_name_is_free(l, ret, as->mark);
    }
    if (ret->as.p) words_add(&l->bound, ret->as);
}

/* Room for n more, behind the earlier ones: a step finds by its place what was called so before it. */
static struct step *
room_for_steps(struct load *l, const struct earlier *e, int32_t n)
{
    struct step *all = ARENA_ARRAY(l->a, struct step, e->n + n);
    if (e->n) memcpy(all, e->v, (size_t)e->n * sizeof *all);
    l->s->steps = all;
    l->s->steps_n = e->n;
    l->bound = e->bound;
    l->bound.arena = l->a;
    return &all[e->n];
}

/* NULL: it is no step, and that has been said. */
static struct tree *
tree_of_text(struct load *l, const struct scenario *of, struct slice text)
{
    struct source *source = ARENA_NEW(l->a, struct source);
    *source = (struct source){S("step"), text};
    l->s = ARENA_NEW(l->a, struct scenario);
    *l->s = *of;
    l->bound.arena = l->a;
    struct trees docs = tree_parse(l->a, source, l->d);
    return docs.n == 1 && !l->d->errors ? docs.v[0] : NULL;
}

static const struct load_options no_options;

const struct step *
step_of_text(struct arena *a, const struct scenario *of, struct slice text, struct diags *d)
{
    struct load l = {.a = a, .d = d, .options = &no_options};
    struct step *step = ARENA_NEW(a, struct step);
    const struct tree *t = tree_of_text(&l, of, text);
    if (t) decode_step(&l, t, step);
    return t && !d->errors ? step : NULL;
}

int32_t
steps_of_text(struct arena *a, const struct scenario *of, struct slice text,
              struct earlier *earlier, struct diags *d)
{
    struct load l = {.a = a, .d = d, .options = &no_options, .is_now = true};
    struct tree *t = tree_of_text(&l, of, text);
    if (!t) return 0;
    struct trees all = preset_expand(&l, t);
    struct step *steps = room_for_steps(&l, earlier, all.n);
    for (int32_t i = 0; i < all.n && !d->errors; i++, l.s->steps_n++)
        decode_step(&l, all.v[i], &steps[i]);
    if (d->errors) return 0;
    *earlier = (struct earlier){l.s->steps, l.s->steps_n, l.bound};
    return all.n;
}

const struct cond *
cond_of_text(struct arena *a, const struct scenario *of, struct slice text,
             const struct earlier *earlier, struct diags *d)
{
    struct load l = {
        .a = a, .d = d, .options = &no_options, .bound = earlier->bound, .is_now = true};
    struct cond *c = ARENA_NEW(a, struct cond);
    const struct tree *t = tree_of_text(&l, of, text);
    return t && decode_cond(&l, t, NULL, c, IN_WHEN) && !d->errors ? c : NULL;
}

static bool
is_made(const struct load *l, struct slice topic)
{
    return admin_partitions(l, topic) >= 0;
}

/* A topic that frames name, or that is deleted: of the scenario, or made by a step. */
static void
check_frames(struct load *l, const struct args *a, struct mark at)
{
    if (a->topic.p && !is_made(l, a->topic)) check_topic(l, a->topic, at);
    if (!a->topic.p && a->topic_partition >= 0)
        diag_error(l->d, at, "topic: orders, partition: 0", "a partition of which topic?");
}

static void
check_topics(struct load *l)
{
    for (int32_t i = 0; i < l->s->steps_n; i++) {
        const struct step *s = &l->s->steps[i];
        check_frames(l, &s->args, s->mark);
        if (s->args.remove.p && !is_made(l, s->args.remove))
            check_topic(l, s->args.remove, s->mark);
        if (s->args.alter.p && !is_made(l, s->args.alter)) check_topic(l, s->args.alter, s->mark);
        if (s->when.row) check_frames(l, &s->when.args, s->when.mark);
        if (s->args.rf > l->s->cluster.brokers)
            diag_error(l->d, s->mark, NULL, "rf: there are only %d brokers",
                       (int)l->s->cluster.brokers);
    }
}

static bool
takes_down(const struct step *s, const struct term *t)
{
    enum verb_id id = s->verb ? s->verb->id : VERB_NOTE;
    bool down = id == VERB_CRASH || id == VERB_POWER || id == VERB_SHUTDOWN || id == VERB_WIPE;
    for (int32_t i = 0; down && i < s->args.target.n; i++)
        if (s->args.target.v[i].kind == TERM_NAME && slice_eq(s->args.target.v[i].name, t->name))
            return true;
    return false;
}

/* A machine is started before it goes down, and not after: the times are the wrong way round. */
static void
check_restart(struct load *l, const struct step *s, const struct term *t)
{
    const struct step *later = NULL;
    for (int32_t i = 0; i < l->s->steps_n; i++) {
        const struct step *o = &l->s->steps[i];
        if (o->trigger != TRIGGER_AT) return; /* who knows when */
        bool restarts = o != s && o->verb && o->verb->id == VERB_RESTART;
        if ((takes_down(o, t) && o->at_ns <= s->at_ns) || restarts) return;
        if (takes_down(o, t)) later = o;
    }
    if (later && later->args.for_ns == 0)
        diag_error(l->d, t->mark, "a later time", "%.*s is started before it goes down (line %d)",
                   SARG(t->name), later->mark.line);
}

static void
check_restarts(struct load *l)
{
    for (int32_t i = 0; i < l->s->steps_n; i++) {
        const struct step *s = &l->s->steps[i];
        if (!s->verb || s->verb->id != VERB_RESTART) continue;
        for (int32_t j = 0; j < s->args.target.n; j++)
            if (s->args.target.v[j].kind == TERM_NAME) check_restart(l, s, &s->args.target.v[j]);
    }
}

static struct trees
expand_presets(struct load *l, const struct tree *t)
{
    VEC(struct tree *) all = {0};
    for (int32_t i = 0; i < t->n; i++) {
        struct trees steps = preset_expand(l, t->items[i]);
        for (int32_t k = 0; k < steps.n; k++) VEC_PUSH(l->a->mem, &all, steps.v[k]);
    }
    struct trees ret = {ARENA_ARRAY(l->a, struct tree *, all.n + 1), (int32_t)all.n};
    if (all.n) memcpy(ret.v, all.v, (size_t)all.n * sizeof(struct tree *));
    VEC_RELEASE(l->a->mem, &all);
    return ret;
}

void
decode_timeline(struct load *l, const struct tree *t)
{
    if (!want_list(l, t, "timeline")) return;
    struct trees all = expand_presets(l, t);
    l->s->steps = ARENA_ARRAY(l->a, struct step, all.n + 1);
    for (int32_t i = 0; i < all.n; i++) decode_step(l, all.v[i], &l->s->steps[l->s->steps_n++]);
    check_topics(l);
    if (!l->d->errors) check_restarts(l);
}
