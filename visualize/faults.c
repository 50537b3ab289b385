/* What was done to the cluster, in sentences for the story and in few words for the lanes. The world names a
 * fault by a verb and by whom it met: "cut", "k1 <> b1 b2"; "hold", "answers api 0 from b1"; "disk slow",
 * "b2 400". */
#include "visualize/faults.h"

#include "broker/base/check.h"
#include "broker/protocol/tables.h"
#include "visualize/words.h"

static bool
is(const struct moment *m, const char *verb)
{
    return slice_eq(m->text, slice_cstr(verb));
}

bool
fault_is_end(const struct moment *m)
{
    return m->kind == MOMENT_FAULT && (slice_starts(m->text, S("heal")) || is(m, "disk healed") ||
                                       is(m, "release") || is(m, "resume") || is(m, "restart"));
}

bool
fault_ends_process(const struct moment *m)
{
    return is(m, "crash") || is(m, "power") || is(m, "pause") || is(m, "wipe") ||
           is(m, "shut down") || is(m, "shutdown");
}

/* ---- links ---- */

static void
put_sides(const struct run *r, struct slice text, const char *joint, struct writer *w)
{
    struct sides s = words_sides(text);
    int64_t nodes = 0, named = words_names_n(s.left) + words_names_n(s.right);
    for (int64_t i = 0; i < r->actors.n; i++) nodes += r->actors.v[i].kind != ACTOR_CLIENT;
    words_names(w, s.left);
    fmt_str(w, joint);
    if (words_names_n(s.right) > 3 && named >= nodes) fmt_str(w, "all others");
    else words_names(w, s.right);
}

/* Before and after whom it lies between; both ways and one way. */
struct link_words {
    const char *verb, *both, *one, *after;
};

static const struct link_words links[] = {
    {"cut", "the network is cut between ", "the network is cut one way, from ", ""},
    {"heal", "the network heals between ", "the network heals from ", ""},
    {"flap", "the network between ", "the network from ", " is cut off and on"},
    {"slow", "the network is slow between ", "the network is slow from ", ""},
    {"heal slow", "the network is as fast as before between ",
     "the network is as fast as before from ", ""},
    {"reset", "the connections between ", "the connections from ", " are reset"},
    {"half-open", "the connections between ", "the connections from ", " break unnoticed"},
};

static bool
tell_links(const struct run *r, const struct moment *m, struct writer *w)
{
    struct slice text = words_sides(m->text2).right.n ? m->text2 : m->text3;
    struct sides s = words_sides(text);
    for (int64_t i = 0; s.right.n && i < ARRAY_LEN(links); i++) {
        if (!is(m, links[i].verb)) continue;
        fmt_str(w, s.both_ways ? links[i].both : links[i].one);
        put_sides(r, text, s.both_ways ? " and " : " to ", w);
        fmt_str(w, links[i].after);
        return true;
    }
    return false;
}

/* ---- holds ---- */

/* "answers api 0 from b1" → "Produce answers from b1" */
static void
put_held(struct slice what, struct writer *w)
{
    int64_t api, at = MAX(slice_find(what, ' ', 0), 0);
    struct slice kind = slice_sub(what, 0, at), rest = slice_sub(what, at, what.n);
    int64_t end = slice_find(rest, ' ', 5);
    if (end < 0) end = rest.n;
    if (!slice_starts(rest, S(" api ")) || !slice_to_i64(slice_sub(rest, 5, end - 5), &api)) {
        fmt_slice(w, what);
        return;
    }
    fmt_slice(w, k_api_name((int16_t)api));
    fmt_char(w, ' ');
    fmt_slice(w, kind);
    fmt_slice(w, slice_sub(rest, end, rest.n));
}

static bool
tell_hold(const struct moment *m, struct writer *w)
{
    static const char *const deeds[][2] = {
        {"hold", " are held back"}, {"delay", " come late"},
        {"lose", " are lost"},      {"break", " break their connections"},
        {"repeat", " come twice"},  {"answer", " are answered with an error"},
        {"release", " pass again"},
    };
    for (int64_t i = 0; i < ARRAY_LEN(deeds); i++) {
        if (!is(m, deeds[i][0])) continue;
        if (m->text2.n) put_held(m->text2, w);
        else fmt_str(w, "what was held back");
        fmt_str(w, m->text2.n ? deeds[i][1] : " passes again");
        return true;
    }
    return false;
}

/* ---- machines, clocks, disks ---- */

static const char *
of_machine(const struct moment *m)
{
    static const char *const words[][2] = {
        {"crash", " crashes"},
        {"power", " loses power"},
        {"pause", " is paused"},
        {"resume", " runs again"},
        {"wipe", " loses its disk"},
        {"restart", " starts again"},
        {"shut down", " is shut down in order"},
        {"shutdown", " is shut down in order"},
        {"disk full", "'s disk is full"},
        {"disk has room", "'s disk has room again"},
        {"disk healed", "'s disk is well again"},
        {"clock healed", "'s clock is right again"},
        {"disk fails", "'s disk fails"},
        {"disk fails to sync", "'s disk fails to sync"},
        {"disk fails to write", "'s disk fails to write"},
        {"disk fails to read", "'s disk fails to read"},
        {"disk reads short", "'s disk gives less than was asked for"},
        {"bit rot", "'s disk rots: bits flip in "},
        {"misdirected write", "'s disk is to write to the wrong place in "},
        {"write gone astray", "'s disk writes to the wrong place in "},
    };
    for (int64_t i = 0; i < ARRAY_LEN(words); i++)
        if (is(m, words[i][0])) return words[i][1];
    return NULL;
}

/* The number behind the name: "b2 400", "b1 by -42265 ms". */
static int64_t
number_in(struct slice text)
{
    int64_t at = slice_find(text, ' ', 0), n = 0;
    if (at < 0) return 0;
    if (slice_starts(slice_sub(text, at, text.n), S(" by "))) at += 3;
    int64_t end = slice_find(text, ' ', at + 1);
    if (end < 0) end = text.n;
    return slice_to_i64(slice_sub(text, at + 1, end - at - 1), &n) ? n : 0;
}

static void
put_tenths(struct writer *w, int64_t hundredths)
{
    int64_t tenths = (hundredths + 5) / 10;
    fmt_i64(w, tenths / 10);
    if (tenths % 10) fmt_char(w, '.'), fmt_i64(w, tenths % 10);
}

/* How much slower; how far a clock jumps. */
static bool
tell_measured(const struct run *r, const struct moment *m, struct writer *w)
{
    if (m->actor < 0) return false;
    struct slice name = r->actors.v[m->actor].name;
    int64_t n = number_in(m->text2);
    if (is(m, "clock step")) {
        fmt_str(w, "the clock of ");
        fmt_slice(w, name);
        fmt_str(w, n < 0 ? " jumps back by " : " jumps ahead by ");
        words_duration(w, (n < 0 ? -n : n) * 1000000);
    } else if (is(m, "clock drift")) {
        fmt_str(w, "the clock of ");
        fmt_slice(w, name);
        fmt_str(w, n < 0 ? " goes slow, by " : " goes fast, by ");
        fmt_i64(w, n < 0 ? -n : n);
        fmt_str(w, " millionths");
    } else if (is(m, "disk slow")) {
        fmt_slice(w, name);
        fmt_str(w, "'s disk takes ");
        put_tenths(w, n);
        fmt_str(w, " times as long");
    } else {
        return false;
    }
    return true;
}

static bool
tell_machine(const struct run *r, const struct moment *m, struct writer *w)
{
    const char *verb = of_machine(m);
    if (!verb || m->actor < 0) return false;
    fmt_slice(w, r->actors.v[m->actor].name);
    fmt_str(w, verb);
    int64_t blank = slice_find(m->text2, ' ', 0);
    bool has_file = is(m, "bit rot") || is(m, "misdirected write") || is(m, "write gone astray");
    if (has_file && blank >= 0) fmt_slice(w, slice_sub(m->text2, blank + 1, m->text2.n));
    return true;
}

/* ---- in a sentence ---- */

static void
tell_trial(const struct moment *m, struct writer *w)
{
    fmt_str(w, "the faults of the scenario end; a last test begins: ");
    fmt_slice(w, m->text3);
    fmt_str(w, slice_find(m->text3, ' ', 0) < 0 ? " stays as it is and is cut off, the rest is"
                                                : " stay as they are and are cut off, the rest is");
    fmt_str(w, " healed and must serve alone");
}

void
fault_sentence(const struct run *r, const struct moment *m, struct writer *w)
{
    if (m->n[0] == FAULT_IS_TRIAL) {
        tell_trial(m, w);
    } else if (m->n[0] == FAULT_IS_TOLD) {
        fmt_slice(w, m->text3);
    } else if (!tell_links(r, m, w) && !tell_hold(m, w) && !tell_measured(r, m, w) &&
               !tell_machine(r, m, w)) {
        fmt_slice(w, m->text);
        struct slice what = m->text3.n ? m->text3 : m->text2;
        if (what.n) fmt_str(w, ": "), fmt_slice(w, what);
    }
}

/* ---- in few words ---- */

static bool
is_of_frames(const struct moment *m)
{
    return is(m, "hold") || is(m, "delay") || is(m, "lose") || is(m, "break") || is(m, "repeat") ||
           is(m, "answer");
}

static void
few_words_of_sides(struct slice text, struct writer *w)
{
    struct sides s = words_sides(text);
    fmt_slice(w, words_names_n(s.left) > 3 ? S("some") : s.left);
    fmt_str(w, s.both_ways ? " \xe2\x86\x94 " : " \xe2\x86\x92 ");
    fmt_slice(w, words_names_n(s.right) > 3 ? S("others") : s.right);
}

void
fault_label(const struct run *r, const struct moment *m, struct writer *w)
{
    bool is_shut_down = is(m, "shut down") || is(m, "shutdown");
    if (m->n[0] == FAULT_IS_TRIAL) {
        fmt_str(w, "last test without ");
        fmt_slice(w, m->text3);
    } else if (m->n[0] == FAULT_IS_TOLD) {
        fmt_slice(w, m->text);
    } else if (words_sides(m->text2).right.n) {
        fmt_slice(w, m->text);
        fmt_char(w, ' ');
        few_words_of_sides(m->text2, w);
    } else if (is_of_frames(m)) {
        fmt_slice(w, m->text);
        fmt_char(w, ' ');
        put_held(m->text2, w);
    } else if (m->actor >= 0) {
        fmt_slice(w, is_shut_down ? S("shut down") : m->text);
        fmt_char(w, ' ');
        fmt_slice(w, r->actors.v[m->actor].name);
    } else {
        fmt_slice(w, m->text);
    }
}
