/* What can be asked of the control, and what is answered. openapi.yaml says the same for others; a test compares. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/play/control_internal.h"
#include "sim/scenario/json.h"
#include "sim/scenario/preset.h"
#include "sim/scenario/tree.h"
#include "sim/scenario/value.h"
#include "sim/trace/reader.h"
#include "visualize/visualize.h"

#define WITHIN_NS (30 * NS_PER_S) /* how long somebody waits who does not say it */
#define WITHIN_MAX_NS (600 * NS_PER_S)
#define LEAP_MAX_NS (24 * 3600 * NS_PER_S)
#define TRACE_MAX_BYTES (64 << 20) /* to be drawn while the world waits */
#define WINDOW_NS (60 * NS_PER_S)

/* ---- looking ---- */

static void
tell_time(const struct ask *k, struct writer *w)
{
    const struct pace *c = &k->p->pace;
    json_i64(w, "now_ms", run_time_ns(k->r) / NS_PER_MS);
    json_bool(w, "is_paused", c->is_paused);
    json_key(w, "speed");
    if (c->permille)
        fmt_str(w, (const char *)arena_format(k->a, "%g", (double)c->permille / 1000).p);
    else fmt_str(w, "\"max\"");
}

static void
answer_state(struct ask *k)
{
    struct writer w = writer_mem(k->a->mem);
    tell_time(k, &w);
    run_tell_state(k->r, &w);
    json_key(&w, "connections");
    fmt_char(&w, '[');
    gate_tell(k->p->gate, &w);
    fmt_char(&w, ']');
    reply_json(k, &w);
    writer_release(&w);
}

static void
answer_faults(struct ask *k)
{
    struct writer w = writer_mem(k->a->mem);
    run_tell_faults(k->r, &w);
    reply_json(k, &w);
    writer_release(&w);
}

static void
answer_verdict(struct ask *k)
{
    struct writer w = writer_mem(k->a->mem);
    run_tell_verdict(k->r, &w);
    reply_json(k, &w);
    writer_release(&w);
}

static void
answer_story(struct ask *k)
{
    int64_t from = 0;
    struct slice text = query_value(k, "from");
    if (text.p && (!slice_to_i64(text, &from) || from < 0)) {
        reply_wrong(k, 400, "from is not a number of lines");
        return;
    }
    struct writer w = writer_mem(k->a->mem);
    run_tell_story(k->r, from, &w);
    json_i64(&w, "lines", run_story_lines(k->r));
    reply_json(k, &w);
    writer_release(&w);
}

/* ---- the picture ---- */

/* All of a file, from its beginning; where it is written does not change. */
static bool
read_from_beginning(FILE *f, struct writer *ret)
{
    if (fflush(f) != 0) return false;
    off_t end = ftello(f);
    if (end < 0 || end > TRACE_MAX_BYTES) return false;
    uint8_t *room = writer_room(ret, end);
    return room && pread(fileno(f), room, (size_t)end, 0) == end;
}

static bool
draw(struct ask *k, struct writer *svg)
{
    struct writer file = writer_mem(k->a->mem);
    struct trace_reader *trace = NULL;
    if (k->p->trace && read_from_beginning(k->p->trace, &file) && run_trace_tail(k->r, &file))
        trace = trace_reader_new(k->a->mem, writer_slice(&file));
    if (trace) {
        int64_t now = run_time_ns(k->r);
        struct view_options o = {
            .has_window = true, .from_ns = MAX(now - WINDOW_NS, 0), .to_ns = MAX(now, NS_PER_S)};
        trace_keep(trace, visualize_kinds());
        visualize_timeline(k->a->mem, trace, &o, svg);
        trace_reader_free(trace);
    }
    writer_release(&file);
    return svg->n > 0;
}

static void
answer_timeline(struct ask *k)
{
    struct writer svg = writer_mem(k->a->mem);
    if (draw(k, &svg)) reply_with(k, "image/svg+xml", writer_slice(&svg));
    else
        reply_wrong(
            k, 409,
            "the run is too long to be drawn while it goes on; its folder will have the picture");
    writer_release(&svg);
}

/* ---- presets ---- */

static struct slice
text_of_key(const struct tree *t, struct slice key)
{
    const struct tree *v = tree_get(t, key);
    return v && v->kind == TREE_TEXT ? v->text : SLICE_NULL;
}

static void
tell_preset(const struct tree *t, struct writer *w)
{
    const struct tree *with = tree_get(t, S("with"));
    json_next(w);
    fmt_char(w, '{');
    json_text(w, "name", text_of_key(t, S("preset")));
    json_text(w, "about", text_of_key(t, S("about")));
    json_text(w, "finds", text_of_key(t, S("finds")));
    json_key(w, "with");
    fmt_char(w, '[');
    for (int32_t i = 0; with && i < with->n; i++) {
        json_next(w);
        fmt_char(w, '{');
        json_text(w, "name", with->pairs[i].key);
        json_text(w, "is", text_of_key(with->pairs[i].value, S("is")));
        json_text(w, "about", text_of_key(with->pairs[i].value, S("about")));
        fmt_char(w, '}');
    }
    fmt_str(w, "]}");
}

static void
answer_presets(struct ask *k)
{
    struct writer w = writer_mem(k->a->mem);
    json_key(&w, "presets");
    fmt_char(&w, '[');
    for (int32_t i = 0; i < preset_files_n; i++) tell_preset(preset_read(k->a, i), &w);
    fmt_char(&w, ']');
    reply_json(k, &w);
    writer_release(&w);
}

/* ---- doing ---- */

/* Does these words, and says what came of them. */
static void
do_step(struct ask *k, struct slice words)
{
    struct diags wrong;
    int64_t before = run_story_lines(k->r);
    if (!play_step(k->p, words, &wrong)) {
        reply_mistaken(k, &wrong);
        return;
    }
    struct slice missed = run_step_missed(k->r);
    if (missed.p) {
        reply_wrong(k, 409, "this met nobody: %.*s", SARG(missed));
        return;
    }
    struct writer w = writer_mem(k->a->mem);
    run_tell_names(k->r, &w);
    json_i64(&w, "now_ms", run_time_ns(k->r) / NS_PER_MS);
    run_tell_story(k->r, before, &w);
    reply_json(k, &w);
    writer_release(&w);
}

static void
begin_fault(struct ask *k)
{
    struct slice words = slice_trim(k->q->body);
    if (words.n) do_step(k, words);
    else
        reply_wrong(k, 400,
                    "the body is a step: crash b1, or {\"crash\": \"b1\", \"for\": \"3s\"}");
}

static void
end_faults(struct ask *k)
{
    do_step(k, S("{heal: all}"));
}

static void
end_fault(struct ask *k)
{
    if (value_is_word(k->name)) do_step(k, arena_format(k->a, "{heal: $%.*s}", SARG(k->name)));
    else reply_wrong(k, 400, "a fault has a name of letters, digits, '.', '-' and '_'");
}

/* ---- waiting ---- */

static void
wait_for(struct ask *k)
{
    struct slice text = query_value(k, "for"), within = query_value(k, "within");
    int64_t within_ns = WITHIN_NS;
    struct diags wrong;
    if (!text.n) {
        reply_wrong(k, 400, "wait for what? for=leader of orders-0 is not b1");
        return;
    }
    if (within.p && (!value_time(within, &within_ns) || within_ns > WITHIN_MAX_NS)) {
        reply_wrong(k, 400, "within is a time up to 10m, like 30s");
        return;
    }
    struct run_watch *x = run_watch_new(k->r, text, &wrong);
    if (x) reply_when(k, x, text, within_ns);
    else reply_mistaken(k, &wrong);
}

/* ---- time ---- */

static void
answer_time(struct ask *k)
{
    struct writer w = writer_mem(k->a->mem);
    tell_time(k, &w);
    reply_json(k, &w);
    writer_release(&w);
}

/* What is wanted of the time; all of it is understood before any is done. */
struct wish {
    bool pauses, resumes, has_speed;
    int64_t permille, leap_ns;
};

static bool
take_speed(struct slice s, struct wish *ret)
{
    char text[16] = "", *end;
    if (s.n >= (int64_t)sizeof text) return false;
    memcpy(text, s.p, (size_t)s.n);
    double speed = strtod(text, &end);
    ret->has_speed = slice_eq(s, S("max")) || (s.n && !*end && speed >= 0.01 && speed <= 1000);
    ret->permille = slice_eq(s, S("max")) ? 0 : (int64_t)(speed * 1000);
    return ret->has_speed;
}

/* NULL: it is understood. */
static const char *
take_wish(const struct pair *p, struct wish *ret)
{
    struct slice v = p->value->kind == TREE_TEXT ? p->value->text : SLICE_EMPTY;
    if (slice_eq(p->key, S("pause"))) {
        ret->pauses = slice_eq(v, S("true"));
        ret->resumes = slice_eq(v, S("false"));
        return ret->pauses || ret->resumes ? NULL : "pause: true or false";
    }
    if (slice_eq(p->key, S("speed")))
        return take_speed(v, ret) ? NULL : "speed: a number from 0.01 to 1000, or max";
    if (slice_eq(p->key, S("advance"))) {
        bool is_time = value_time(v, &ret->leap_ns) && ret->leap_ns <= LEAP_MAX_NS;
        return is_time && ret->leap_ns > 0 ? NULL : "advance: a time up to 24h, like 5s";
    }
    return "what can be set is pause, speed and advance";
}

static void
set_time(struct ask *k)
{
    struct source source = {S("body"), k->q->body};
    struct diags wrong;
    struct wish wish = {0};
    const char *why = "the body is like {\"advance\": \"5s\"}";
    diags_init(&wrong, k->a);
    struct trees docs = tree_parse(k->a, &source, &wrong);
    if (wrong.errors) {
        reply_mistaken(k, &wrong);
        return;
    }
    const struct tree *t = docs.n == 1 && docs.v[0]->kind == TREE_MAP ? docs.v[0] : NULL;
    if (t && t->n) why = NULL;
    for (int32_t i = 0; t && i < t->n && !why; i++) why = take_wish(&t->pairs[i], &wish);
    if (why) {
        reply_wrong(k, 400, "%s", why);
        return;
    }
    struct pace *c = &k->p->pace;
    c->at_ns = world_now_ns(k->p->world);
    c->wall_ns = play_wall_ns();
    if (wish.pauses || wish.resumes) c->is_paused = wish.pauses;
    if (wish.has_speed) c->permille = wish.permille;
    if (!wish.leap_ns) {
        answer_time(k);
        return;
    }
    c->leap_ns = MAX(c->leap_ns, c->at_ns) + wish.leap_ns;
    reply_at(k, c->leap_ns);
}

/* ---- the end ---- */

static void
finish_run(struct ask *k)
{
    if (!reply_at_end(k)) reply_wrong(k, 409, "the run is ending already");
}

/* ---- pages ---- */

static void
answer_page(struct ask *k)
{
    for (const struct page *p = pages; p->path; p++)
        if (slice_ends(k->q->path, slice_cstr(p->path)))
            reply_with(k, p->type, slice(p->begin, p->end - p->begin));
}

/* clang-format off */
const struct route routes[] = {
    {"GET", "/", "", answer_page},
    {"GET", "/page.js", "", answer_page},
    {"GET", "/page.css", "", answer_page},
    {"GET", "/openapi.yaml", "", answer_page},
    {"GET", "/state", "", answer_state},
    {"GET", "/story", "from", answer_story},
    {"GET", "/timeline.svg", "", answer_timeline},
    {"GET", "/faults", "", answer_faults},
    {"POST", "/faults", "", begin_fault},
    {"DELETE", "/faults", "", end_faults},
    {"DELETE", "/faults/{name}", "", end_fault},
    {"GET", "/presets", "", answer_presets},
    {"GET", "/wait", "for within", wait_for},
    {"GET", "/time", "", answer_time},
    {"POST", "/time", "", set_time},
    {"GET", "/verdict", "", answer_verdict},
    {"POST", "/finish", "", finish_run},
};
/* clang-format on */
const int routes_n = (int)ARRAY_LEN(routes);
