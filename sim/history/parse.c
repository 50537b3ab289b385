/* Histories from text: one operation a line. gregor-history.5 tells users what may stand there. */
#include "sim/history/history.h"
#include "sim/history/words.h"

#include "broker/base/check.h"

/* ---- names and values -------------------------------------------------------------------------------- */

static bool
is_of_table(struct slice s, const char *const *words, int n, int *ret)
{
    for (int i = 0; i < n; i++)
        if (slice_eq(s, slice_cstr(words[i]))) return *ret = i, true;
    return false;
}

static bool
has_room(struct text_line *l, int64_t n)
{
    return n <= HISTORY_NAMES_MAX || line_fail(l, "there are too many different names: 10000 of a "
                                                  "kind can be told apart");
}

static bool
parse_process(struct history *h, struct text_line *l, struct slice s, int32_t *ret)
{
    *ret = history_process(h, s);
    return has_room(l, h->processes.n);
}

static bool
parse_value(struct history *h, struct text_line *l, struct slice s, uint64_t *ret)
{
    static const char *wanted = "a value is wanted: who wrote it, and the how many-th of its "
                                "values it is, like p1:17, or a "
                                "number of its own, like 0x1f";
    int64_t colon = s.n - 1, n;
    int32_t process;
    if (slice_starts(s, S("0x"))) {
        *ret = 0;
        for (int64_t i = 2; i < s.n; i++) {
            uint8_t c = s.p[i];
            bool is_digit = c >= '0' && c <= '9';
            if (i > 17 || !(is_digit || (c >= 'a' && c <= 'f'))) return line_fail(l, wanted);
            *ret = *ret << 4 | (uint64_t)(is_digit ? c - '0' : c - 'a' + 10);
        }
        return *ret ? true : line_fail(l, "0 is no value");
    }
    while (colon >= 0 && s.p[colon] != ':') colon--;
    if (colon <= 0 || !slice_to_i64(slice_sub(s, colon + 1, s.n - colon - 1), &n) || n < 1 ||
        n >> 40)
        return line_fail(l, wanted);
    if (!parse_process(h, l, slice_sub(s, 0, colon), &process)) return false;
    *ret = history_value(process, n);
    return true;
}

/* ---- words behind the operation ------------------------------------------------------------------------ */

/* "40=p1:16/3" */
static bool
parse_read(struct history *h, struct text_line *l, struct history_op *op)
{
    struct history_read r = {.leader_epoch = -1};
    struct slice s = l->word;
    int64_t eq = slice_find(s, '=', 0), slash = s.n - 1, epoch;
    while (slash > eq && s.p[slash] != '/') slash--;
    if (!line_number(l, slice_sub(s, 0, eq), 0, INT64_MAX - 1, &r.offset)) return false;
    if (slash > eq) {
        if (!line_number(l, slice_sub(s, slash + 1, s.n - slash - 1), 0, INT32_MAX, &epoch))
            return false;
        r.leader_epoch = (int32_t)epoch;
    } else slash = s.n;
    if (!parse_value(h, l, slice_sub(s, eq + 1, slash - eq - 1), &r.value)) return false;
    VEC_PUSH(h->mem, &h->reads, r);
    op->reads_n++;
    return true;
}

/* -1: of a group, but not understood. */
static int
parse_of_group(struct history *h, struct text_line *l, struct history_op *op)
{
    int n;
    struct slice s = l->word;
    if (is_of_table(s, history_commit_names, HISTORY_COMMITS_N, &n))
        return op->acks = (int16_t)n, 1;
    if (slice_starts(s, S("of="))) {
        if (s.n == 3) return line_fail(l, "the group's name is missing: of=NAME"), -1;
        op->node = history_group(h, slice_sub(s, 3, s.n - 3));
        return has_room(l, h->groups.n) ? 1 : -1;
    }
    if (op->kind == HISTORY_COMMIT && slice_eq(s, S("retried"))) return op->was_retried = true;
    struct slice back = S(HISTORY_BACK_MARK);
    if (slice_starts(s, back)) {
        int64_t ns;
        if (!line_number(l, slice_sub(s, back.n, s.n - back.n), 1, INT64_MAX, &ns)) return -1;
        return op->value = (uint64_t)ns, 1;
    }
    if (s.p[0] != 'g') return 0;
    return line_number(l, slice_sub(s, 1, s.n - 1), 0, INT32_MAX, &op->key) ? 1 : -1;
}

/* The same of share groups. */
static int
parse_of_share(struct history *h, struct text_line *l, struct history_op *op)
{
    int n;
    struct slice s = l->word;
    struct slice m = slice_cstr(history_share_marks[op->kind - HISTORY_GIVEN]);
    if (history_has_decision(op->kind) &&
        is_of_table(s, history_decision_names, HISTORY_DECISIONS_N, &n))
        return op->acks = (int16_t)n, 1;
    if (slice_starts(s, m)) {
        s = slice_sub(s, m.n, s.n - m.n);
        return line_number(l, s, 0, INT64_MAX, &op->key) ? 1 : -1;
    }
    m = slice_cstr(HISTORY_GIVER_MARK);
    if (op->kind == HISTORY_GIVEN && slice_starts(s, m)) {
        int64_t broker = -1;
        bool is_number = line_number(l, slice_sub(s, m.n, s.n - m.n), 0, INT32_MAX, &broker);
        op->leader_epoch = (int32_t)broker;
        return is_number ? 1 : -1;
    }
    if (!slice_starts(s, S("of="))) return 0;
    if (s.n == 3) return line_fail(l, "the group's name is missing: of=NAME"), -1;
    op->node = history_group(h, slice_sub(s, 3, s.n - 3));
    return has_room(l, h->groups.n) ? 1 : -1;
}

/* A number behind a mark; false and no error: another word. */
static bool
parse_marked(struct text_line *l, const char *mark, int64_t min, int64_t max, int64_t *ret)
{
    struct slice m = slice_cstr(mark);
    if (!slice_starts(l->word, m)) return false;
    return line_number(l, slice_sub(l->word, m.n, l->word.n - m.n), min, max, ret);
}

/* Clients may commit and acknowledge what they like, the greatest number too; what a broker has has one after it. */
static int64_t
offset_max(enum history_kind kind)
{
    bool is_clients =
        kind == HISTORY_COMMIT || kind == HISTORY_COMMITTED || kind == HISTORY_ACKNOWLEDGE;
    return is_clients ? INT64_MAX : INT64_MAX - 1;
}

static bool
parse_flag(struct text_line *l, struct history_op *op)
{
    int64_t n;
    int outcome;
    struct slice s = l->word;
    if (is_of_table(s, history_outcome_names, HISTORY_OUTCOMES_N, &outcome) &&
        outcome != HISTORY_OPEN)
        return op->outcome = (enum history_outcome)outcome, true;
    if (slice_eq(s, S("final"))) return op->is_final = true;
    if (slice_eq(s, S("tombstone"))) return op->is_tombstone = true;
    if (slice_eq(s, S("committed"))) return op->read_committed = true;
    if (slice_eq(s, S("plain"))) return op->idempotent = false, true;
    if (parse_marked(l, "acks=", -1, 1, &n)) return op->acks = (int16_t)n, true;
    if (parse_marked(l, "node=", 0, INT32_MAX, &n)) return op->node = (int32_t)n, true;
    if (parse_marked(l, "key=", 0, HISTORY_KEYS_MAX, &op->key)) return true;
    if (parse_marked(l, "@", 0, offset_max(op->kind), &op->offset)) return true;
    if (parse_marked(l, "e", 0, INT32_MAX, &n)) return op->leader_epoch = (int32_t)n, true;
    if (parse_marked(l, "!", INT16_MIN, INT16_MAX, &n)) return op->error = (int16_t)n, true;
    return false;
}

/* 1: it says which topic of its name is meant; 0: another word; -1: it is wrong. */
static int
parse_life(struct history *h, struct text_line *l, struct history_op *op)
{
    enum { LIVES_MAX = 1000 };
    int64_t n;
    if (slice_eq(l->word, S("any-life"))) return op->is_of_any_life = true, 1;
    if (!slice_starts(l->word, S("life="))) return 0;
    if (op->topic < 0) return line_fail(l, "it is of no topic"), -1;
    if (!parse_marked(l, "life=", 1, LIVES_MAX, &n)) return -1;
    op->topic = history_topic_life(h, history_topic_name(h, op->topic), (int32_t)n);
    return has_room(l, h->topics.n) ? 1 : -1;
}

static bool
parse_word(struct history *h, struct text_line *l, struct history_op *op)
{
    int of_life = parse_life(h, l, op);
    if (of_life) return of_life > 0;
    int of_group = history_is_of_group(op->kind) ? parse_of_group(h, l, op) : 0;
    if (history_is_of_share(op->kind)) of_group = parse_of_share(h, l, op);
    if (of_group) return of_group > 0;
    bool has_reads = op->kind == HISTORY_POLL || op->kind == HISTORY_PROCESS ||
                     op->kind == HISTORY_GIVEN || op->kind == HISTORY_LETTER ||
                     (op->kind == HISTORY_SEND && !op->reads_n);
    if (has_reads && l->word.p[0] >= '0' && l->word.p[0] <= '9' && slice_find(l->word, '=', 0) > 0)
        return parse_read(h, l, op);
    return parse_flag(l, op) ||
           line_fail(l, op->kind == HISTORY_POLL || op->kind == HISTORY_PROCESS
                            ? "no such word here; a record that was read is OFFSET=VALUE, "
                              "like 41=p1:17"
                            : "no such word here; there are ok, fail, info, @OFFSET, "
                              "!ERROR, eEPOCH, key=N, acks=N, node=N, plain, tombstone, "
                              "committed, final, life=N, and of members of groups gN and of=GROUP");
}

/* ---- a line ------------------------------------------------------------------------------------------ */

static bool
parse_times(struct text_line *l, struct history_op *op)
{
    if (!line_time(l, line_word(l), &op->invoke_ns)) return false;
    struct slice to = line_word(l);
    op->complete_ns = op->invoke_ns;
    if (slice_eq(to, S("="))) return true;
    if (slice_eq(to, S("-"))) return op->complete_ns = -1, true;
    if (!to.n) return line_fail(l, "when it ended is missing: a time, - (never), or = (at once)");
    if (!line_time(l, to, &op->complete_ns)) return false;
    return op->complete_ns >= op->invoke_ns || line_fail(l, "it ended before it began");
}

static bool
parse_who_and_what(struct history *h, struct text_line *l, struct history_op *op)
{
    int kind;
    struct slice who = line_word(l);
    if (!who.n) return line_fail(l, "who did it is missing: the name of a process, like p1");
    bool is_nobody = slice_eq(who, S("-"));
    if (!is_nobody && !parse_process(h, l, who, &op->process)) return false;
    if (!is_of_table(line_word(l), history_kind_names, HISTORY_KINDS_N, &kind))
        return line_fail_of(l, "no such operation; there are", history_kind_names, HISTORY_KINDS_N);
    op->kind = (enum history_kind)kind;
    return is_nobody == (op->kind == HISTORY_HEALED) ||
           line_fail(l, "healed is nobody's (-), and all else somebody's");
}

/* Some operations are of no topic. */
static bool
parse_place(struct history *h, struct text_line *l, struct history_op *op)
{
    struct slice topic;
    if (!line_where(l, line_word(l), &topic, &op->partition)) return false;
    bool may_lack = op->kind == HISTORY_ADMIN || op->kind == HISTORY_LEAVE ||
                    op->kind == HISTORY_BEGIN || op->kind == HISTORY_HEALED;
    if (!topic.n) return may_lack || line_fail(l, "a topic and its partition are wanted");
    if (op->kind == HISTORY_HEALED) return line_fail(l, "healed is of no topic: -");
    op->topic = history_topic(h, topic);
    bool must_know = op->kind != HISTORY_SEND && !may_lack;
    if (must_know && op->partition < 0)
        return line_fail(l, "only a send may not know its partition");
    return has_room(l, h->topics.n);
}

static bool
parse_op(struct history *h, struct text_line *l, struct history_op *op)
{
    int admin;
    if (!parse_times(l, op) || !parse_who_and_what(h, l, op) || !parse_place(h, l, op))
        return false;
    if (op->kind == HISTORY_SEND && !parse_value(h, l, line_word(l), &op->value)) return false;
    if (op->kind == HISTORY_ADMIN) {
        if (!is_of_table(line_word(l), history_admin_names, HISTORY_ADMINS_N, &admin))
            return line_fail_of(l, "no such call of an administrator; there are",
                                history_admin_names, HISTORY_ADMINS_N);
        op->key = admin;
    }
    if (!history_has_outcome(op->kind)) op->outcome = HISTORY_OK;
    if (op->kind == HISTORY_COMMIT || op->kind == HISTORY_PROCESS) op->acks = COMMIT_AFTER;
    while (line_word(l).n)
        if (!parse_word(h, l, op)) return false;
    if (op->kind == HISTORY_ACKNOWLEDGE && (op->acks < 0 || op->key < op->offset))
        return line_fail(l,
                         "of which records, and what? @OFFSET to=OFFSET accept, release or reject");
    if (op->kind == HISTORY_LETTER && (op->acks < 0 || op->offset < 0))
        return line_fail(l, "of which record, and why? @OFFSET count=N release or reject");
    if ((history_is_of_group(op->kind) || history_is_of_share(op->kind)) && op->node < 0)
        return line_fail(l, "the group is missing: of=NAME");
    if (op->complete_ns < 0 && op->outcome != HISTORY_OPEN)
        return line_fail(l, "it has an outcome, and yet it never ended (-)");
    return op->complete_ns < 0 || op->outcome != HISTORY_OPEN ||
           line_fail(l, "it has ended: how? ok, fail (surely not done), or info (nobody knows)");
}

bool
history_read_line(struct history *h, struct text_line *l)
{
    struct history_op op = history_op_new(HISTORY_SEND, -1, -1, -1);
    op.acks = -1;
    op.idempotent = true;
    op.first_read = h->reads.n;
    if (h->ops.n >= INT32_MAX || !parse_op(h, l, &op)) return false;
    VEC_PUSH(h->mem, &h->ops, op);
    if (op.topic < 0) return true;
    struct history_name *t = &h->topics.v[op.topic];
    t->partitions = MAX(t->partitions, op.partition + 1);
    return true;
}

/* ---- the order of things -------------------------------------------------------------------------------- */

/* Merges two sorted halves, the first first. */
static void
merge_events(const struct history *h, struct history_event *v, int64_t half, int64_t n,
             struct history_event *tmp)
{
    memcpy(tmp, v, (size_t)half * sizeof *v);
    for (int64_t a = 0, b = half, at = 0; a < half;)
        v[at++] =
            b < n && history_event_ns(h, v[b]) < history_event_ns(h, tmp[a]) ? v[b++] : tmp[a++];
}

static void
sort_events(const struct history *h, struct history_event *v, int64_t n, struct history_event *tmp)
{
    if (n < 2) return;
    sort_events(h, v, n / 2, tmp);
    sort_events(h, v + n / 2, n - n / 2, tmp);
    merge_events(h, v, n / 2, n, tmp);
}

static void
sort_all_events(struct history *h)
{
    int64_t bytes = h->events.n * (int64_t)sizeof *h->events.v;
    struct history_event *tmp = mem_alloc(h->mem, bytes);
    sort_events(h, h->events.v, h->events.n, tmp);
    mem_free(h->mem, tmp, bytes);
}

/* In the order of invocation, whoever wrote them in another. */
static void
sort_ops(struct history *h)
{
    bool is_sorted = true;
    for (int64_t i = 1; i < h->ops.n; i++)
        is_sorted &= h->ops.v[i - 1].invoke_ns <= h->ops.v[i].invoke_ns;
    if (is_sorted) return;
    int64_t bytes = h->ops.n * (int64_t)sizeof *h->ops.v;
    struct history_op *sorted = mem_alloc(h->mem, bytes);
    h->events.n = 0;
    for (int64_t i = 0; i < h->ops.n; i++) VEC_PUSH(h->mem, &h->events, history_event(i, false));
    sort_all_events(h);
    for (int64_t i = 0; i < h->ops.n; i++) sorted[i] = h->ops.v[history_event_op(h->events.v[i])];
    memcpy(h->ops.v, sorted, (size_t)bytes);
    mem_free(h->mem, sorted, bytes);
}

void
history_end_reading(struct history *h)
{
    sort_ops(h);
    h->events.n = 0;
    for (int64_t i = 0; i < h->ops.n; i++) {
        VEC_PUSH(h->mem, &h->events, history_event(i, false));
        if (h->ops.v[i].complete_ns >= 0) VEC_PUSH(h->mem, &h->events, history_event(i, true));
    }
    sort_all_events(h);
}

int64_t
history_parse(struct history *h, struct slice text)
{
    struct text_line l;
    for (int64_t at = 0, number = 1; text_next_line(text, &at, number, &l); number++)
        if (!text_line_is_empty(&l) && !history_read_line(h, &l)) return number;
    history_end_reading(h);
    return 0;
}
