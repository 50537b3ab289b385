/* Histories as text: one operation a line, for people, for tests and for gregor check. parse.c reads it. */
#include "sim/history/history.h"
#include "sim/history/words.h"

const char *const history_kind_names[] = {
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
    [HISTORY_STANDBY] = "standby",
    [HISTORY_STANDBY_OVER] = "standby-over",
    [HISTORY_COMMIT] = "commit",
    [HISTORY_COMMITTED] = "committed",
    [HISTORY_PROCESS] = "process",
    [HISTORY_LEAVE] = "leave",
    [HISTORY_GIVEN] = "given",
    [HISTORY_ACKNOWLEDGE] = "acknowledge",
    [HISTORY_LETTER] = "letter",
    [HISTORY_START] = "start",
    [HISTORY_HEALED] = "healed",
};
const char *const history_admin_names[] = {
    [ADMIN_CREATE] = "create",
    [ADMIN_DELETE] = "delete",
    [ADMIN_ADD_PARTITIONS] = "add-partitions",
    [ADMIN_ALTER] = "alter",
    [ADMIN_ALTER_BROKER] = "alter-broker",
    [ADMIN_ALTER_GROUP] = "alter-group",
    [ADMIN_DELETE_RECORDS] = "delete-records",
    [ADMIN_ELECT] = "elect",
    [ADMIN_ELECT_UNCLEANLY] = "elect-uncleanly",
    [ADMIN_REASSIGN] = "reassign",
};
_Static_assert(ARRAY_LEN(history_admin_names) == HISTORY_ADMINS_N, "each call has a word");
_Static_assert(ARRAY_LEN(history_kind_names) == HISTORY_KINDS_N, "each kind has a word");
const char *const history_commit_names[] = {[COMMIT_BEFORE] = "before",
                                            [COMMIT_AFTER] = "after",
                                            [COMMIT_AUTO] = "auto",
                                            [COMMIT_IN_TXN] = "txn",
                                            [COMMIT_AT_WILL] = "at-will"};
_Static_assert(ARRAY_LEN(history_commit_names) == HISTORY_COMMITS_N, "each way has a word");
const char *const history_decision_names[HISTORY_DECISIONS_N] = {
    "gap", [1] = "accept", [2] = "release", [3] = "reject"};
const char *const history_share_marks[] = {"asked=", "to=", "count=", "asked="};
const char *const history_outcome_names[] = {
    [HISTORY_OPEN] = "open",
    [HISTORY_OK] = "ok",
    [HISTORY_FAIL] = "fail",
    [HISTORY_INFO] = "info",
};

const char *
history_kind_name(enum history_kind kind)
{
    return history_kind_names[kind];
}

static const char *
history_admin_name(int64_t key)
{
    return key >= 0 && key < HISTORY_ADMINS_N ? history_admin_names[key] : "?";
}

const char *
history_outcome_name(enum history_outcome outcome)
{
    return history_outcome_names[outcome];
}

bool
history_has_outcome(enum history_kind kind)
{
    return kind == HISTORY_SEND || kind == HISTORY_END || kind == HISTORY_ADMIN ||
           kind == HISTORY_COMMIT || kind == HISTORY_COMMITTED || kind == HISTORY_ACKNOWLEDGE;
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
print_times(const struct history_op *op, struct writer *w)
{
    fmt_history_time(w, op->invoke_ns);
    fmt_char(w, ' ');
    if (op->complete_ns < 0) fmt_char(w, '-');
    else if (op->complete_ns == op->invoke_ns) fmt_char(w, '=');
    else fmt_history_time(w, op->complete_ns);
}

static void
print_where(const struct history *h, const struct history_op *op, struct writer *w)
{
    fmt_char(w, ' ');
    if (op->process < 0) fmt_char(w, '-');
    else fmt_slice(w, history_process_name(h, op->process));
    fmt_char(w, ' '), fmt_str(w, history_kind_names[op->kind]), fmt_char(w, ' ');
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
        fmt_char(w, ' '), fmt_str(w, history_commit_names[op->acks]);
    if (op->was_retried) fmt_str(w, " retried");
    if (op->value) print_number(w, HISTORY_BACK_MARK, (int64_t)op->value);
}

static void
print_flags(const struct history *h, const struct history_op *op, struct writer *w)
{
    if (op->leader_epoch >= 0)
        print_number(w, op->kind == HISTORY_GIVEN ? HISTORY_GIVER_MARK : "e", op->leader_epoch);
    if (history_is_of_group(op->kind)) {
        print_of_group(h, op, w);
        return;
    }
    if (op->key >= 0 && op->kind != HISTORY_ADMIN && !history_is_of_share(op->kind))
        print_number(w, "key=", op->key);
    if (history_is_of_share(op->kind)) {
        print_number(w, history_share_marks[op->kind - HISTORY_GIVEN], op->key);
        fmt_str(w, " of="), fmt_slice(w, history_group_name(h, op->node));
        if (history_has_decision(op->kind))
            fmt_char(w, ' '), fmt_str(w, history_decision_names[op->acks]);
        return;
    }
    if (op->kind == HISTORY_SEND && op->acks != -1) print_number(w, "acks=", op->acks);
    if (op->kind == HISTORY_SEND && !op->idempotent) fmt_str(w, " plain");
    if (op->is_tombstone) fmt_str(w, " tombstone");
    if (op->read_committed) fmt_str(w, " committed");
    if (op->is_final) fmt_str(w, " final");
    if (op->node >= 0) print_number(w, "node=", op->node);
}

/* Where there was one topic of this name, it goes without saying. */
static void
print_life(const struct history *h, const struct history_op *op, struct writer *w)
{
    if (!history_has_lives(h, op->topic)) return;
    int32_t life = h->topics.v[op->topic].life;
    if (life > 1) print_number(w, "life=", life);
    if (op->is_of_any_life) fmt_str(w, " any-life");
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
        if (history_has_outcome(op->kind) && op->outcome != HISTORY_OPEN)
            fmt_char(w, ' '), fmt_str(w, history_outcome_names[op->outcome]);
        if (op->error) print_number(w, "!", op->error);
        if (op->offset >= 0) print_number(w, "@", op->offset);
        print_reads(h, op, w);
        print_flags(h, op, w);
        print_life(h, op, w);
        fmt_char(w, '\n');
    }
}
