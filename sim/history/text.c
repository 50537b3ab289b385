/* Histories as text: one operation a line, for people and for tests. */
#include "sim/history/history.h"

static const char *const kinds[] = {
    [HISTORY_SEND] = "send",
    [HISTORY_POLL] = "poll",
    [HISTORY_ASSIGN] = "assign",
    [HISTORY_END] = "end",
    [HISTORY_TRUNCATION] = "truncation",
    [HISTORY_OUT_OF_RANGE] = "out-of-range",
    [HISTORY_CORRUPT] = "corrupt",
    [HISTORY_FINAL_END] = "final-end",
    [HISTORY_ADMIN] = "admin",
    [HISTORY_BEGIN] = "begin",
    [HISTORY_OWN] = "own",
    [HISTORY_DISOWN] = "disown",
    [HISTORY_COMMIT] = "commit",
    [HISTORY_COMMITTED] = "committed",
    [HISTORY_PROCESS] = "process",
    [HISTORY_LEAVE] = "leave",
    [HISTORY_HEALED] = "healed",
};
static const char *const admins[] = {
    [ADMIN_CREATE] = "create",
    [ADMIN_DELETE] = "delete",
    [ADMIN_ADD_PARTITIONS] = "add-partitions",
    [ADMIN_ALTER] = "alter",
    [ADMIN_ALTER_BROKER] = "alter-broker",
    [ADMIN_DELETE_RECORDS] = "delete-records",
    [ADMIN_ELECT] = "elect",
    [ADMIN_ELECT_UNCLEANLY] = "elect-uncleanly",
};
_Static_assert(sizeof admins / sizeof *admins == HISTORY_ADMINS_N, "each call has a word");
_Static_assert(sizeof kinds / sizeof *kinds == HISTORY_KINDS_N, "each kind has a word");
static const char *const commits[] = {[COMMIT_BEFORE] = "before",
                                      [COMMIT_AFTER] = "after",
                                      [COMMIT_AUTO] = "auto",
                                      [COMMIT_IN_TXN] = "txn"};
_Static_assert(sizeof commits / sizeof *commits == HISTORY_COMMITS_N, "each way has a word");
static const char *const outcomes[] = {
    [HISTORY_OPEN] = "open",
    [HISTORY_OK] = "ok",
    [HISTORY_FAIL] = "fail",
    [HISTORY_INFO] = "info",
};

const char *
history_kind_name(enum history_kind kind)
{
    return kinds[kind];
}

const char *
history_admin_name(int64_t key)
{
    return key >= 0 && key < HISTORY_ADMINS_N ? admins[key] : "?";
}

const char *
history_outcome_name(enum history_outcome outcome)
{
    return outcomes[outcome];
}

/* Kinds that ask and are answered; the others are told at once. */
static bool
has_outcome(enum history_kind kind)
{
    return kind == HISTORY_SEND || kind == HISTORY_END || kind == HISTORY_ADMIN ||
           kind == HISTORY_COMMIT || kind == HISTORY_COMMITTED;
}

/* ---- writing ---------------------------------------------------------------------------------- */

void
history_value_print(const struct history *h, uint64_t value, struct writer *w)
{
    int32_t process = history_value_process(value);
    if (process < 0 || process >= h->processes.n) {
        fmt_str(w, "0x"), fmt_hex64(w, value);
        return;
    }
    fmt_slice(w, history_process_name(h, process));
    fmt_char(w, ':'), fmt_i64(w, history_value_n(value));
}

static void
print_time(struct writer *w, int64_t ns)
{
    fmt_i64(w, ns / 1000000000), fmt_char(w, '.'), fmt_padded(w, ns % 1000000000, 9);
}

static void
print_times(const struct history_op *op, struct writer *w)
{
    print_time(w, op->invoke_ns);
    fmt_char(w, ' ');
    if (op->complete_ns < 0) fmt_char(w, '-');
    else if (op->complete_ns == op->invoke_ns) fmt_char(w, '=');
    else print_time(w, op->complete_ns);
}

static void
print_where(const struct history *h, const struct history_op *op, struct writer *w)
{
    fmt_char(w, ' ');
    if (op->process < 0) fmt_char(w, '-');
    else fmt_slice(w, history_process_name(h, op->process));
    fmt_char(w, ' '), fmt_str(w, kinds[op->kind]), fmt_char(w, ' ');
    if (op->topic >= 0) fmt_slice(w, history_topic_name(h, op->topic));
    fmt_char(w, '-');
    if (op->partition >= 0) fmt_i64(w, op->partition);
}

static void
print_reads(const struct history *h, const struct history_op *op, struct writer *w)
{
    const struct history_read *r = history_reads(h, op);
    for (int64_t i = 0; i < op->reads_n; i++) {
        fmt_char(w, ' '), fmt_i64(w, r[i].offset), fmt_char(w, '=');
        history_value_print(h, r[i].value, w);
        if (r[i].leader_epoch >= 0) fmt_char(w, '/'), fmt_i64(w, r[i].leader_epoch);
    }
}

static void
print_number(struct writer *w, const char *mark, int64_t n)
{
    fmt_char(w, ' '), fmt_str(w, mark), fmt_i64(w, n);
}

static void
print_of_group(const struct history *h, const struct history_op *op, struct writer *w)
{
    if (op->key >= 0) print_number(w, "g", op->key);
    fmt_str(w, " of="), fmt_slice(w, history_group_name(h, op->node));
    if (op->kind == HISTORY_COMMIT || op->kind == HISTORY_PROCESS)
        fmt_char(w, ' '), fmt_str(w, commits[op->acks]);
}

static void
print_flags(const struct history *h, const struct history_op *op, struct writer *w)
{
    if (op->leader_epoch >= 0) print_number(w, "e", op->leader_epoch);
    if (history_is_of_group(op->kind)) {
        print_of_group(h, op, w);
        return;
    }
    if (op->key >= 0 && op->kind != HISTORY_ADMIN) print_number(w, "key=", op->key);
    if (op->kind == HISTORY_SEND && op->acks != -1) print_number(w, "acks=", op->acks);
    if (op->kind == HISTORY_SEND && !op->idempotent) fmt_str(w, " plain");
    if (op->is_tombstone) fmt_str(w, " tombstone");
    if (op->read_committed) fmt_str(w, " committed");
    if (op->is_final) fmt_str(w, " final");
    if (op->node >= 0) print_number(w, "node=", op->node);
}

void
history_print(const struct history *h, struct writer *w)
{
    for (int64_t i = 0; i < h->ops.n; i++) {
        const struct history_op *op = &h->ops.v[i];
        print_times(op, w);
        print_where(h, op, w);
        if (op->kind == HISTORY_SEND) fmt_char(w, ' '), history_value_print(h, op->value, w);
        if (op->kind == HISTORY_ADMIN) fmt_char(w, ' '), fmt_str(w, history_admin_name(op->key));
        if (has_outcome(op->kind) && op->outcome != HISTORY_OPEN)
            fmt_char(w, ' '), fmt_str(w, outcomes[op->outcome]);
        if (op->error) print_number(w, "!", op->error);
        if (op->offset >= 0) print_number(w, "@", op->offset);
        print_reads(h, op, w);
        print_flags(h, op, w);
        fmt_char(w, '\n');
    }
}

/* ---- reading ---------------------------------------------------------------------------------- */

static struct slice
next_word(struct slice *line)
{
    int64_t from = 0, to;
    while (from < line->n && line->p[from] == ' ') from++;
    for (to = from; to < line->n && line->p[to] != ' ';) to++;
    struct slice word = slice_sub(*line, from, to - from);
    *line = slice_sub(*line, to, line->n - to);
    return word;
}

static int64_t
find_last(struct slice s, uint8_t c)
{
    int64_t at = -1;
    for (int64_t i = 0; i < s.n; i++)
        if (s.p[i] == c) at = i;
    return at;
}

static bool
parse_i32(struct slice s, int32_t *ret)
{
    int64_t v;
    if (!slice_to_i64(s, &v) || v < INT32_MIN || v > INT32_MAX) return false;
    *ret = (int32_t)v;
    return true;
}

/* "12", "12.5", "12.000000001": nanoseconds. */
static bool
parse_time(struct slice s, int64_t *ret)
{
    int64_t whole, part = 0, dot = slice_find(s, '.', 0);
    if (!slice_to_i64(slice_sub(s, 0, dot < 0 ? s.n : dot), &whole)) return false;
    if (whole < 0 || whole > INT64_MAX / 1000000000 - 1) return false;
    int64_t digits = dot < 0 ? 0 : s.n - dot - 1;
    if (digits > 9 || (dot >= 0 && digits == 0)) return false;
    if (digits && (!slice_to_i64(slice_sub(s, dot + 1, digits), &part) || part < 0)) return false;
    for (; digits < 9; digits++) part *= 10;
    *ret = whole * 1000000000 + part;
    return true;
}

static bool
parse_op_times(struct slice from, struct slice to, struct history_op *op)
{
    if (!parse_time(from, &op->invoke_ns)) return false;
    if (slice_eq(to, S("-"))) op->complete_ns = -1;
    else if (slice_eq(to, S("="))) op->complete_ns = op->invoke_ns;
    else return parse_time(to, &op->complete_ns) && op->complete_ns >= op->invoke_ns;
    return true;
}

static bool
parse_op_kind(struct slice s, struct history_op *op)
{
    for (int i = 0; i < HISTORY_KINDS_N; i++)
        if (slice_eq(s, slice_cstr(kinds[i]))) return op->kind = (enum history_kind)i, true;
    return false;
}

/* "orders-0", "orders-" (partition not known), "-" (of no topic). */
static bool
parse_where(struct history *h, struct slice s, struct history_op *op)
{
    int64_t dash = find_last(s, '-');
    if (dash < 0) return false;
    struct slice number = slice_sub(s, dash + 1, s.n - dash - 1);
    if (number.n && (!parse_i32(number, &op->partition) || op->partition < 0)) return false;
    if (dash > 0) op->topic = history_topic(h, slice_sub(s, 0, dash));
    return op->kind == HISTORY_ADMIN || op->kind == HISTORY_LEAVE || op->kind == HISTORY_BEGIN ||
           (op->kind == HISTORY_HEALED) == (op->topic < 0);
}

static bool
parse_admin(struct slice s, struct history_op *op)
{
    for (int i = 0; i < HISTORY_ADMINS_N; i++)
        if (slice_eq(s, slice_cstr(admins[i]))) return op->key = i, true;
    return false;
}

static bool
parse_hex(struct slice s, uint64_t *ret)
{
    uint64_t v = 0;
    if (s.n < 1 || s.n > 16) return false;
    for (int64_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c >= '0' && c <= '9') v = v << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f') v = v << 4 | (uint64_t)(c - 'a' + 10);
        else return false;
    }
    *ret = v;
    return true;
}

static bool
parse_value(struct history *h, struct slice s, uint64_t *ret)
{
    if (slice_starts(s, S("0x"))) return parse_hex(slice_sub(s, 2, s.n - 2), ret);
    int64_t colon = find_last(s, ':'), n;
    if (colon <= 0 || !slice_to_i64(slice_sub(s, colon + 1, s.n - colon - 1), &n)) return false;
    if (n < 1 || n >> 40) return false;
    *ret = history_value(history_process(h, slice_sub(s, 0, colon)), n);
    return true;
}

/* "40=p1:16/3" */
static bool
parse_read(struct history *h, struct slice s, struct history_op *op)
{
    struct history_read r = {.leader_epoch = -1};
    int64_t eq = slice_find(s, '=', 0), slash = find_last(s, '/');
    if (eq <= 0 || (op->kind != HISTORY_POLL && op->kind != HISTORY_PROCESS &&
                    (op->kind != HISTORY_SEND || op->reads_n)))
        return false;
    if (!slice_to_i64(slice_sub(s, 0, eq), &r.offset) || r.offset < 0) return false;
    if (slash >= 0 && !parse_i32(slice_sub(s, slash + 1, s.n - slash - 1), &r.leader_epoch))
        return false;
    if (slash < 0) slash = s.n;
    if (!parse_value(h, slice_sub(s, eq + 1, slash - eq - 1), &r.value)) return false;
    VEC_PUSH(h->mem, &h->reads, r);
    op->reads_n++;
    return true;
}

static bool
parse_of_group(struct history *h, struct slice s, struct history_op *op)
{
    for (int i = 0; i < HISTORY_COMMITS_N; i++)
        if (slice_eq(s, slice_cstr(commits[i]))) return op->acks = (int16_t)i, true;
    if (slice_starts(s, S("of="))) {
        op->node = history_group(h, slice_sub(s, 3, s.n - 3));
        return s.n > 3;
    }
    return s.p[0] == 'g' && slice_to_i64(slice_sub(s, 1, s.n - 1), &op->key) && op->key >= 0;
}

static bool
parse_word(struct history *h, struct slice s, struct history_op *op)
{
    int32_t n;
    struct slice rest = slice_sub(s, 1, s.n - 1);
    for (int i = HISTORY_OK; i <= HISTORY_INFO; i++)
        if (slice_eq(s, slice_cstr(outcomes[i])))
            return op->outcome = (enum history_outcome)i, true;
    if (history_is_of_group(op->kind) && parse_of_group(h, s, op)) return true;
    if (slice_eq(s, S("final"))) return op->is_final = true;
    if (slice_eq(s, S("tombstone"))) return op->is_tombstone = true;
    if (slice_eq(s, S("committed"))) return op->read_committed = true;
    if (slice_eq(s, S("plain"))) return op->idempotent = false, true;
    if (slice_starts(s, S("acks="))) {
        if (!parse_i32(slice_sub(s, 5, s.n - 5), &n) || n < -1 || n > 1) return false;
        return op->acks = (int16_t)n, true;
    }
    if (slice_starts(s, S("node="))) return parse_i32(slice_sub(s, 5, s.n - 5), &op->node);
    if (slice_starts(s, S("key="))) return slice_to_i64(slice_sub(s, 4, s.n - 4), &op->key);
    if (s.p[0] == '@') return slice_to_i64(rest, &op->offset);
    if (s.p[0] == 'e') return parse_i32(rest, &op->leader_epoch);
    if (s.p[0] == '!') return parse_i32(rest, &n) ? op->error = (int16_t)n, true : false;
    return parse_read(h, s, op);
}

static bool
parse_line(struct history *h, struct slice line, struct history_op *op)
{
    struct slice from = next_word(&line), to = next_word(&line), who = next_word(&line);
    *op = history_op_new(HISTORY_SEND, -1, -1, -1);
    op->acks = -1;
    op->idempotent = true;
    op->first_read = h->reads.n;
    if (!parse_op_times(from, to, op) || who.n == 0) return false;
    if (!parse_op_kind(next_word(&line), op)) return false;
    if (!slice_eq(who, S("-"))) op->process = history_process(h, who);
    else if (op->kind != HISTORY_HEALED) return false;
    if (!parse_where(h, next_word(&line), op)) return false;
    if (op->kind == HISTORY_SEND && !parse_value(h, next_word(&line), &op->value)) return false;
    if (op->kind == HISTORY_ADMIN && !parse_admin(next_word(&line), op)) return false;
    if (!has_outcome(op->kind)) op->outcome = HISTORY_OK;
    if (op->kind == HISTORY_COMMIT || op->kind == HISTORY_PROCESS) op->acks = COMMIT_AFTER;
    for (struct slice word; (word = next_word(&line)).n > 0;)
        if (!parse_word(h, word, op)) return false;
    if (history_is_of_group(op->kind) && op->node < 0) return false;
    return (op->complete_ns < 0) == (op->outcome == HISTORY_OPEN);
}

static void
keep(struct history *h, const struct history_op *op)
{
    VEC_PUSH(h->mem, &h->ops, *op);
    VEC_PUSH(h->mem, &h->events, history_event(h->ops.n - 1, false));
    if (op->complete_ns >= 0) VEC_PUSH(h->mem, &h->events, history_event(h->ops.n - 1, true));
    if (op->topic < 0) return;
    struct history_name *t = &h->topics.v[op->topic];
    if (op->partition >= t->partitions) t->partitions = op->partition + 1;
}

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

int64_t
history_parse(struct history *h, struct slice text)
{
    int64_t number = 0;
    for (int64_t at = 0; at < text.n;) {
        int64_t end = slice_find(text, '\n', at);
        if (end < 0) end = text.n;
        struct slice line = slice_trim(slice_sub(text, at, end - at));
        struct history_op op;
        at = end + 1;
        number++;
        if (line.n == 0 || line.p[0] == '#') continue;
        if (!parse_line(h, line, &op)) return number;
        keep(h, &op);
    }
    int64_t bytes = h->events.n * (int64_t)sizeof *h->events.v;
    struct history_event *tmp = mem_alloc(h->mem, bytes);
    sort_events(h, h->events.v, h->events.n, tmp);
    mem_free(h->mem, tmp, bytes);
    return 0;
}
