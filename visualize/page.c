/* A run as one file for a browser: nothing is fetched, and nothing but its own program may run in it (the policy in
 * its head names the program's and the style's hashes, and forbids all else). */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/tables.h"
#include "sim/trace/reader.h"
#include "visualize/page.h"

/* Of the bytes of messages: a browser unpacks one when a message in it is looked at. */
#define BLOCK_BYTES (256 << 10)

/* ---- what is told in words ---- */

static void
page_member(struct writer *w, const char *name)
{
    fmt_json(w, slice_cstr(name));
    fmt_char(w, ':');
}

static void
member_text(struct writer *w, const char *name, struct slice text)
{
    page_member(w, name);
    fmt_json(w, text.p ? text : SLICE_EMPTY);
    fmt_char(w, ',');
}

static void
member_number(struct writer *w, const char *name, int64_t v)
{
    page_member(w, name);
    fmt_i64(w, v);
    fmt_char(w, ',');
}

static void
page_actors(const struct run *r, struct writer *w)
{
    static const char *const kinds[] = {"client", "broker", "controller"};
    page_member(w, "actors");
    fmt_char(w, '[');
    for (int64_t i = 0; i < r->actors.n; i++) {
        fmt_str(w, i ? ",{" : "{");
        member_text(w, "name", r->actors.v[i].name);
        member_number(w, "id", r->actors.v[i].node_id);
        page_member(w, "kind");
        fmt_json(w, slice_cstr(kinds[r->actors.v[i].kind]));
        fmt_char(w, '}');
    }
    fmt_str(w, "],");
}

static void
page_facts(const struct facts *f, struct writer *w)
{
    static const char *const tones[] = {"plain",  "fault", "control", "leader",
                                        "client", "bad",   "good"};
    page_member(w, "facts");
    fmt_char(w, '[');
    for (int64_t i = 0; i < f->v.n; i++) {
        const struct fact *one = &f->v.v[i];
        fmt_str(w, i ? ",{" : "{");
        member_number(w, "number", one->number);
        member_number(w, "at", one->at_ns);
        member_number(w, "weight", one->weight);
        member_number(w, "actor", one->actor);
        member_text(w, "tone", slice_cstr(tones[one->tone]));
        member_text(w, "text", one->text);
        page_member(w, "chain");
        fmt_char(w, '[');
        for (int32_t k = 0; k < one->chain.n; k++) {
            fmt_str(w, k ? ",[" : "[");
            fmt_i64(w, one->chain.v[k].at_ns);
            fmt_char(w, ',');
            fmt_i64(w, one->chain.v[k].actor);
            fmt_char(w, ',');
            fmt_json(w, one->chain.v[k].text);
            fmt_char(w, ']');
        }
        fmt_str(w, "]}");
    }
    fmt_str(w, "],");
}

/* What the numbers of a note are. */
static void
page_notes(struct writer *w)
{
    page_member(w, "notes");
    fmt_char(w, '[');
    for (int k = 0; k < NOTE_KINDS_N; k++) {
        fmt_str(w, k ? ",[" : "[");
        fmt_json(w, slice_cstr(note_spelling((enum note_kind)k)));
        fmt_char(w, ',');
        fmt_json(w, slice_cstr(note_fields((enum note_kind)k)));
        fmt_char(w, ']');
    }
    fmt_str(w, "],");
}

static void
page_errors(const struct run *r, struct writer *w)
{
    bool is_first = true;
    page_member(w, "errors");
    fmt_char(w, '{');
    for (int16_t code = -1; code < 200; code++) {
        bool is_met = false;
        for (int64_t i = 0; i < r->calls.n && !is_met; i++) is_met = r->calls.v[i].error == code;
        if (!is_met || code == 0) continue;
        if (!is_first) fmt_char(w, ',');
        is_first = false;
        fmt_char(w, '"');
        fmt_i64(w, code);
        fmt_str(w, "\":");
        fmt_json(w, k_err_name(code));
    }
    fmt_str(w, "},");
}

struct loaded {
    struct run r;
    struct facts f;
    struct events e;
    int32_t partition;
};

static void
page_words(const struct loaded *l, struct slice why_no_bytes, struct writer *w)
{
    const struct run *r = &l->r;
    char seed[24];
    struct writer digits = writer_fixed(seed, sizeof seed);
    fmt_u64(&digits, r->seed); /* as text: a browser's numbers have 53 bits */
    fmt_char(w, '{');
    member_text(w, "name", r->name);
    member_text(w, "about", r->about);
    member_text(w, "seed", writer_slice(&digits));
    member_number(w, "start", r->start_ns);
    member_number(w, "end", r->end_ns);
    member_number(w, "events", r->events);
    member_text(w, "verdict", r->verdict);
    member_text(w, "verdict_text", r->verdict_text);
    page_member(w, "counts");
    for (int i = 0; i < 5; i++) fmt_char(w, i ? ',' : '['), fmt_i64(w, r->counts[i]);
    fmt_str(w, "],");
    page_actors(r, w);
    page_member(w, "partitions");
    fmt_char(w, '[');
    for (int64_t i = 0; i < r->partitions.n; i++) {
        if (i) fmt_char(w, ',');
        fmt_json(w, r->partitions.v[i].name);
    }
    fmt_str(w, "],");
    member_number(w, "main", l->partition);
    page_facts(&l->f, w);
    page_notes(w);
    page_errors(r, w);
    member_number(w, "bytes_are_cut", l->e.bytes_are_cut);
    member_text(w, "no_bytes", l->e.has_bytes ? SLICE_EMPTY : why_no_bytes);
    schemas_json(&l->e, r->mem, w);
    fmt_char(w, '}');
}

/* ---- the file ---- */

/* JSON stays itself without '<', and then cannot end the element that it stands in. */
static void
put_json(struct writer *ret, struct slice json)
{
    for (int64_t from = 0; from < json.n;) {
        int64_t at = slice_find(json, '<', from);
        if (at < 0) at = json.n;
        writer_bytes(ret, slice_sub(json, from, at - from));
        if (at < json.n) fmt_str(ret, "\\u003c");
        from = at + 1;
    }
}

static void
put_block(struct writer *ret, char side, const char *name, int64_t number, const char *type)
{
    fmt_str(ret, "<script type=\"application/");
    fmt_str(ret, type);
    fmt_str(ret, "\" id=\"");
    fmt_char(ret, side);
    fmt_char(ret, '-');
    fmt_str(ret, name);
    if (number >= 0) fmt_i64(ret, number);
    fmt_str(ret, "\">");
}

/* Bytes as an element of the page. */
static void
put_packed(struct writer *ret, char side, const char *name, int64_t number, struct mem *mem,
           struct slice plain)
{
    put_block(ret, side, name, number, "octet-stream");
    pack_base64(mem, plain, ret);
    fmt_str(ret, "</script>\n");
}

/* What the program needs to begin. */
static void
put_run(struct writer *ret, char side, struct loaded *l, struct slice why_no_bytes)
{
    struct mem *mem = l->r.mem;
    struct writer words = writer_mem(mem), data = writer_mem(mem);
    page_words(l, why_no_bytes, &words);
    put_block(ret, side, "words", -1, "json");
    put_json(ret, writer_slice(&words));
    fmt_str(ret, "</script>\n");
    levels_columns(&l->e, &l->r, &data);
    state_columns(&l->r, &data);
    events_columns(&l->e, &data);
    put_packed(ret, side, "data", -1, mem, writer_slice(&data));
    writer_release(&words);
    writer_release(&data);
}

/* What it needs when somebody looks closer; a browser draws before it has read this. */
static void
put_further(struct writer *ret, char side, struct loaded *l)
{
    struct mem *mem = l->r.mem;
    struct writer data = writer_mem(mem);
    state_further_columns(&l->r, &data);
    events_further_columns(&l->e, &data);
    put_packed(ret, side, "further", -1, mem, writer_slice(&data));
    struct slice bytes = writer_slice(&l->e.bytes);
    for (int64_t at = 0; at < bytes.n; at += BLOCK_BYTES)
        put_packed(ret, side, "bytes", at / BLOCK_BYTES, mem, slice_sub(bytes, at, BLOCK_BYTES));
    writer_release(&data);
}

static void
put_difference(struct writer *ret, const struct trace_difference *d, int64_t a_start,
               int64_t b_start)
{
    put_block(ret, 'a', "difference", -1, "json");
    fmt_char(ret, '{');
    member_number(ret, "found", d->found);
    member_number(ret, "position", d->position);
    member_number(ret, "a_ends", d->a_ends);
    member_number(ret, "b_ends", d->b_ends);
    member_number(ret, "a_actor", d->a.machine);
    member_number(ret, "b_actor", d->b.machine);
    member_number(ret, "a_at", d->a.at_ns + a_start);
    page_member(ret, "b_at");
    fmt_i64(ret, d->b.at_ns + b_start);
    fmt_str(ret, "}</script>\n");
}

static void
put_head(struct writer *ret, struct slice name)
{
    fmt_str(ret, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                 "script-src 'sha256-");
    fmt_str(ret, (const char *)page_script_hash);
    fmt_str(ret, "'; style-src 'sha256-");
    fmt_str(ret, (const char *)page_style_hash);
    fmt_str(ret, "'; base-uri 'none'; form-action 'none'\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                 "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    for (int64_t i = 0; i < name.n; i++) {
        char c = (char)name.p[i];
        if (c == '<') fmt_str(ret, "&lt;");
        else if (c == '&') fmt_str(ret, "&amp;");
        else fmt_char(ret, c);
    }
    fmt_str(ret, "</title>\n<style>");
    fmt_str(ret, (const char *)page_style);
    fmt_str(ret, "</style>\n</head>\n");
    fmt_str(ret, (const char *)page_body);
}

static bool
loaded_init(struct loaded *l, struct mem *mem, const struct view_side *side,
            const struct view_options *o)
{
    run_load(&l->r, mem, side->reader, RUN_FOREVER);
    l->partition =
        o && o->partition.p ? run_partition_named(&l->r, o->partition) : run_main_partition(&l->r);
    facts_make(&l->f, &l->r, l->partition);
    events_load(&l->e, mem, side->reader, &l->r);
    return !l->r.is_damaged;
}

static void
loaded_release(struct loaded *l)
{
    events_release(&l->e);
    facts_release(&l->f);
    run_release(&l->r);
}

bool
visualize_view(struct mem *mem, const struct view_side *sides, int sides_n,
               const struct view_options *o, struct writer *ret_html)
{
    bool ok = true;
    struct loaded *l = mem_alloc(mem, 2 * (int64_t)sizeof *l);
    CHECK(sides_n == 1 || sides_n == 2);
    for (int i = 0; i < sides_n; i++) {
        ok &= loaded_init(&l[i], mem, &sides[i], o);
        if (i == 0) put_head(ret_html, l[i].r.name);
        put_run(ret_html, (char)('a' + i), &l[i], sides[i].why_no_bytes);
    }
    if (sides_n == 2) {
        struct trace_difference d = trace_compare(sides[0].reader, sides[1].reader);
        put_difference(ret_html, &d, l[0].r.start_ns, l[1].r.start_ns);
    }
    fmt_str(ret_html, "<script>");
    fmt_str(ret_html, (const char *)page_script);
    fmt_str(ret_html, "</script>\n");
    for (int i = 0; i < sides_n; i++) {
        put_further(ret_html, (char)('a' + i), &l[i]);
        loaded_release(&l[i]);
    }
    fmt_str(ret_html, "</body>\n</html>\n");
    mem_free(mem, l, 2 * (int64_t)sizeof *l);
    return ok;
}
