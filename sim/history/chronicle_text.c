/* Chronicles as text: one happening a line, its second word is "!" (gregor-history.5 tells users what may stand there). */
#include "sim/history/chronicle.h"
#include "sim/history/words.h"

#include "broker/base/fmt.h"

static const char *const kinds[] = {
    [HAPPENED_COPIES_GONE] = "gone",        [HAPPENED_ENDED] = "ended",
    [HAPPENED_STARTED] = "started",         [HAPPENED_PLACED] = "placed",
    [HAPPENED_UNCLEAN_SET] = "unclean-set", [HAPPENED_UNCLEAN_ASKED] = "unclean-asked",
    [HAPPENED_FLUSH_SET] = "flush-set",     [HAPPENED_MADE] = "made",
    [HAPPENED_DELETED] = "deleted",         [HAPPENED_ENDED_LATE] = "ended-late",
    [HAPPENED_TROUBLE] = "trouble",
};
_Static_assert(ARRAY_LEN(kinds) == HAPPENED_N, "each kind has a word");

static bool
has_place(enum happening_kind kind)
{
    return kind == HAPPENED_COPIES_GONE || kind == HAPPENED_PLACED ||
           kind == HAPPENED_UNCLEAN_SET || kind == HAPPENED_UNCLEAN_ASKED ||
           kind == HAPPENED_FLUSH_SET || kind == HAPPENED_MADE || kind == HAPPENED_DELETED;
}

/* ---- writing ------------------------------------------------------------------------------------- */

static void
print_number(struct writer *w, const char *mark, int64_t n)
{
    fmt_char(w, ' '), fmt_str(w, mark), fmt_i64(w, n);
}

static void
print_place(const struct happening *one, struct writer *w)
{
    fmt_char(w, ' '), fmt_slice(w, one->topic), fmt_char(w, '-');
    if (one->partition >= 0) fmt_i64(w, one->partition);
}

static void
print_ids(struct writer *w, const char *mark, const struct chronicle_ids *ids)
{
    if (!ids->n) return;
    fmt_str(w, mark);
    for (int32_t i = 0; i < ids->n; i++) {
        if (i) fmt_char(w, ',');
        fmt_i64(w, ids->v[i]);
    }
}

static void
print_placed(const struct happening *one, struct writer *w)
{
    if (one->leader >= 0) print_number(w, "leader=", one->leader);
    if (one->leader_epoch >= 0) print_number(w, "epoch=", one->leader_epoch);
    print_ids(w, " in-sync=", &one->in_sync);
    print_ids(w, " elr=", &one->elr);
}

static void
print_ended_late(const struct happening *one, struct writer *w)
{
    fmt_str(w, " process="), fmt_slice(w, one->what);
    fmt_str(w, " sent="), fmt_history_time(w, one->sent_ns);
    fmt_str(w, " begun="), fmt_history_time(w, one->begun_ns);
    fmt_str(w, one->is_on ? " commit" : " abort");
}

static void
print_happening(const struct happening *one, struct writer *w)
{
    fmt_history_time(w, one->at_ns);
    fmt_str(w, " ! "), fmt_str(w, kinds[one->kind]);
    if (has_place(one->kind)) print_place(one, w);
    if (one->node >= 0) print_number(w, "node=", one->node);
    if (one->from) print_number(w, "from=", one->from);
    if (one->to < INT64_MAX) print_number(w, "to=", one->to);
    if (one->kind == HAPPENED_PLACED) print_placed(one, w);
    if (one->life > 1) print_number(w, "life=", one->life);
    if (one->by_power) fmt_str(w, " power");
    if (one->kind == HAPPENED_UNCLEAN_SET) fmt_str(w, one->is_on ? " on" : " off");
    if (one->flush_messages >= 0) print_number(w, "messages=", one->flush_messages);
    if (one->flush_ms >= 0) print_number(w, "ms=", one->flush_ms);
    if (one->until_ns == INT64_MAX) fmt_str(w, " lasting");
    else if (one->until_ns != one->at_ns) fmt_str(w, " until="), fmt_history_time(w, one->until_ns);
    if (one->kind == HAPPENED_ENDED_LATE) print_ended_late(one, w);
    else if (one->what.n) fmt_str(w, " what "), fmt_slice(w, one->what);
    fmt_char(w, '\n');
}

void
chronicle_print(const struct chronicle *c, struct writer *w)
{
    for (int64_t i = 0; i < c->v.n; i++) print_happening(&c->v.v[i], w);
}

/* ---- reading ------------------------------------------------------------------------------------- */

/* A number behind a mark; false and no error: another word. */
static bool
is_marked_number(struct text_line *l, const char *mark, int64_t max, int64_t *ret)
{
    struct slice m = slice_cstr(mark);
    return slice_starts(l->word, m) &&
           line_number(l, slice_sub(l->word, m.n, l->word.n - m.n), 0, max, ret);
}

static bool
is_id(struct text_line *l, const char *mark, int32_t *ret)
{
    int64_t n;
    if (!is_marked_number(l, mark, INT32_MAX, &n)) return false;
    *ret = (int32_t)n;
    return true;
}

static bool
parse_ids(struct text_line *l, int64_t at, struct chronicle_ids *ret)
{
    struct slice s = l->word;
    for (int64_t n; at <= s.n;) {
        int64_t comma = slice_find(s, ',', at), end = comma < 0 ? s.n : comma;
        if (!line_number(l, slice_sub(s, at, end - at), 0, INT32_MAX, &n)) return false;
        if (ret->n == CHRONICLE_IDS_MAX)
            return line_fail(l, "more brokers than can be told apart: 16");
        ret->v[ret->n++] = (int32_t)n;
        at = end + 1;
    }
    return true;
}

static bool
parse_ended_late(struct text_line *l, struct happening *one)
{
    struct slice s = l->word;
    if (slice_starts(s, S("process="))) return one->what = slice_sub(s, 8, s.n - 8), true;
    if (slice_starts(s, S("sent="))) return line_time(l, slice_sub(s, 5, s.n - 5), &one->sent_ns);
    if (slice_starts(s, S("begun="))) return line_time(l, slice_sub(s, 6, s.n - 6), &one->begun_ns);
    one->is_on = slice_eq(s, S("commit"));
    return one->is_on || slice_eq(s, S("abort")) ||
           line_fail(l, "no such word here; there are: process=NAME sent=TIME begun=TIME, and "
                        "commit or abort");
}

static bool
parse_word(struct text_line *l, struct happening *one)
{
    bool is_placed = one->kind == HAPPENED_PLACED, is_gone = one->kind == HAPPENED_COPIES_GONE;
    bool is_set = one->kind == HAPPENED_UNCLEAN_SET, is_trouble = one->kind == HAPPENED_TROUBLE;
    bool is_flush = one->kind == HAPPENED_FLUSH_SET;
    bool is_turn = one->kind == HAPPENED_MADE || one->kind == HAPPENED_DELETED;
    bool has_node = is_gone || one->kind == HAPPENED_ENDED || one->kind == HAPPENED_STARTED;
    struct slice s = l->word;
    if (one->kind == HAPPENED_ENDED_LATE) return parse_ended_late(l, one);
    if (has_node && is_id(l, "node=", &one->node)) return true;
    if (is_gone && is_marked_number(l, "from=", INT64_MAX - 1, &one->from)) return true;
    if (is_gone && is_marked_number(l, "to=", INT64_MAX - 1, &one->to)) return true;
    if (is_gone && slice_eq(s, S("power"))) return one->by_power = true;
    if (is_placed && is_id(l, "leader=", &one->leader)) return true;
    if (is_placed && is_id(l, "epoch=", &one->leader_epoch)) return true;
    if (is_placed && slice_starts(s, S("in-sync="))) return parse_ids(l, 8, &one->in_sync);
    if (is_placed && slice_starts(s, S("elr="))) return parse_ids(l, 4, &one->elr);
    if (is_turn && is_id(l, "life=", &one->life)) return true;
    if (is_set && slice_eq(s, S("on"))) return one->is_on = true;
    if (is_set && slice_eq(s, S("off"))) return true;
    if (is_flush && is_marked_number(l, "messages=", INT64_MAX - 1, &one->flush_messages))
        return true;
    if (is_flush && is_marked_number(l, "ms=", INT64_MAX - 1, &one->flush_ms)) return true;
    if (is_trouble && slice_eq(s, S("lasting"))) return one->until_ns = INT64_MAX, true;
    if (is_trouble && slice_starts(s, S("until=")))
        return line_time(l, slice_sub(s, 6, s.n - 6), &one->until_ns);
    if ((is_gone || is_trouble) && slice_eq(s, S("what"))) return one->what = line_rest(l), true;
    return line_fail(
        l, "no such word here; there are, for gone: node=N from=OFFSET to=OFFSET power "
           "what WORDS; placed: leader=N epoch=N in-sync=N,N elr=N,N; unclean-set: on or off; "
           "flush-set: messages=N ms=N; made and deleted: life=N; "
           "trouble: lasting or until=TIME, what WORDS; ended and started: node=N");
}

static bool
parse_happening(struct text_line *l, struct happening *one)
{
    int kind = 0;
    if (!line_time(l, line_word(l), &one->at_ns)) return false;
    (void)line_word(l); /* ! */
    struct slice word = line_word(l);
    while (kind < HAPPENED_N && !slice_eq(word, slice_cstr(kinds[kind]))) kind++;
    if (kind == HAPPENED_N)
        return line_fail_of(l, "nothing of this name can happen; there are", kinds, HAPPENED_N);
    *one = happening_new((enum happening_kind)kind, one->at_ns);
    if (has_place(one->kind)) {
        if (!line_where(l, line_word(l), &one->topic, &one->partition)) return false;
        if (!one->topic.n) one->topic = SLICE_NULL;
    }
    while (line_word(l).n)
        if (!parse_word(l, one)) return false;
    bool has_node = one->kind == HAPPENED_COPIES_GONE || one->kind == HAPPENED_ENDED ||
                    one->kind == HAPPENED_STARTED;
    return !has_node || one->node >= 0 || line_fail(l, "which broker is missing: node=N");
}

bool
chronicle_is_line(const struct text_line *l)
{
    struct text_line copy = *l;
    (void)line_word(&copy);
    return slice_eq(line_word(&copy), S("!"));
}

bool
chronicle_read_line(struct chronicle *c, struct text_line *l)
{
    struct happening one = {0};
    if (!parse_happening(l, &one)) return false;
    if (c->v.n && one.at_ns < c->v.v[c->v.n - 1].at_ns)
        return line_fail(l, "what happened is told in the order of time, and this comes too late");
    chronicle_add(c, &one);
    return true;
}
