/* Transactions: what was sent in one is there as a whole, or not at all. (That nothing of an aborted one is read is
 * failed-read: its sends have failed.) */
#include "broker/base/fmt.h"
#include "sim/check/checker.h"

bool
is_of_open_txn(const struct checker *c, const struct sent *s)
{
    const struct history_op *op = &c->h->ops.v[s->op];
    return op->leader_epoch >= 0 && op->outcome != HISTORY_OK;
}

/* Which of its transactions a process was in; 0: none yet. */
static int32_t
txn_at(const struct checker *c, int32_t process, int64_t at_ns)
{
    int32_t txn = 0;
    for (int64_t i = 0; i < c->h->ops.n; i++) {
        const struct history_op *op = &c->h->ops.v[i];
        if (op->invoke_ns > at_ns) break;
        if (op->kind == HISTORY_SEND && op->process == process && op->leader_epoch > txn)
            txn = op->leader_epoch;
    }
    return txn;
}

bool
was_ended_late(const struct checker *c, const struct history_op *op, struct writer *why)
{
    const struct chronicle *all = c->facts->chronicle;
    struct slice name = history_process_name(c->h, op->process);
    for (int64_t i = 0; all && i < all->v.n; i++) {
        const struct happening *late = &all->v.v[i];
        if (late->kind != HAPPENED_ENDED_LATE || !slice_eq(late->what, name)) continue;
        int32_t txn =
            op->kind == HISTORY_SEND ? op->leader_epoch : txn_at(c, op->process, op->invoke_ns);
        if (txn <= 0 || txn != txn_at(c, op->process, late->begun_ns)) continue;
        int64_t begin_ns = c->facts->begin_ns;
        fmt_str(why, "its transaction was "), fmt_str(why, late->is_on ? "committed" : "aborted");
        fmt_str(why, " at "), fmt_seconds(why, late->at_ns - begin_ns);
        fmt_str(why, " by what "), fmt_slice(why, name), fmt_str(why, " had asked for at ");
        fmt_seconds(why, late->sent_ns - begin_ns);
        fmt_str(why, " for the one before: by version 1 nothing tells them apart (KAFKA-17754)");
        return true;
    }
    return false;
}

/* The sends of one transaction stand together among its process's. */
struct txn_seen {
    int32_t process, txn;
    int64_t there, missing;
    uint64_t one_there, one_missing;
};

static void
tell_torn(struct checker *c, const struct txn_seen *t)
{
    if (t->there == 0 || t->missing == 0) return;
    const struct sent *s = sent_find(c, t->one_there);
    const struct history_op *op = &c->h->ops.v[s->op];
    struct telling told = tell_begin(c, RULE_TORN, checker_part(c, op->topic, op->partition),
                                     s->final_offset, s->value, op->complete_ns);
    told.missed = t->one_missing;
    tell_send(&told), tell_text(&told, "; the final read has it, and not ");
    tell_value(&told, t->one_missing);
    tell_text(&told, ", which was sent in the same transaction");
    tell_end(&told);
}

static bool
was_read_to_the_end(const struct checker *c, const struct history_op *op)
{
    const struct part *p = checker_part(c, op->topic, op->partition);
    return p && p->final_end >= 0 && !p->is_gone && op->invoke_ns >= p->born_ns;
}

/* Retention, DeleteRecords or the cleaner took it, and not what became of its transaction. */
static bool
is_rightly_gone(const struct checker *c, const struct history_op *op, const struct sent *s)
{
    const struct part *p = checker_part(c, op->topic, op->partition);
    if (op->offset < 0) return part_removed_to(c, p) > 0 || part_is_compacted(c, p);
    return op->offset < part_removed_to(c, p) || compacted_away(c, p, s->value, op->offset);
}

static void
see_send(struct checker *c, struct txn_seen *t, const struct history_op *op)
{
    const struct sent *s = sent_find(c, op->value);
    if (!s || !was_read_to_the_end(c, op)) return;
    bool is_there = s->final_offset >= 0;
    if (!is_there && is_rightly_gone(c, op, s)) return;
    t->there += is_there;
    t->missing += !is_there;
    if (is_there) t->one_there = op->value;
    else t->one_missing = op->value;
}

void
check_txns(struct checker *c)
{
    int64_t n = c->h->processes.n;
    if (!c->has_txns) return;
    struct txn_seen *open = mem_alloc(c->mem, n * (int64_t)sizeof *open);
    memset(open, 0, (size_t)n * sizeof *open);
    for (int64_t i = 0; i < c->h->ops.n; i++) {
        const struct history_op *op = &c->h->ops.v[i];
        if (op->kind != HISTORY_SEND || op->leader_epoch < 0) continue;
        struct txn_seen *t = &open[op->process];
        if (t->txn != op->leader_epoch) {
            tell_torn(c, t);
            *t = (struct txn_seen){.process = op->process, .txn = op->leader_epoch};
        }
        see_send(c, t, op);
    }
    for (int64_t i = 0; i < n; i++) tell_torn(c, &open[i]);
    mem_free(c->mem, open, n * (int64_t)sizeof *open);
}
