/* The checker's second pass: what each log held in the end, against what was promised and seen. */
#include "sim/check/checker.h"

static bool
may_remove(const struct checker *c, const struct part *p)
{
    return p->topic < c->facts->topics_n && c->facts->topics[p->topic].may_remove;
}

int64_t
part_removed_to(const struct checker *c, const struct part *p)
{
    if (p->topic >= c->facts->topics_n) return 0;
    const struct check_topic *t = &c->facts->topics[p->topic];
    return p->partition < t->removed_n ? t->removed_to[p->partition] : 0;
}

/* Removed by retention or on demand; where nobody can say so, if it is below the first record of the final
 * read. */
static bool
is_excused(const struct checker *c, const struct part *p, int64_t offset)
{
    if (offset < part_removed_to(c, p)) return true;
    if (!may_remove(c, p)) return false;
    return p->final_first < 0 || offset < p->final_first;
}

/* ---- polls ---------------------------------------------------------------------------------------- */

static bool
is_owed_to_all(const struct checker *c, uint64_t value)
{
    const struct sent *s = value ? sent_find(c, value) : NULL;
    return s && !is_of_open_txn(c, s);
}

static void
check_leap(struct checker *c, const struct leap *l)
{
    const struct history_op *poll = &c->h->ops.v[l->op];
    const struct part *p = checker_part(c, poll->topic, poll->partition);
    if (!p->has_lives && (p->is_gone || poll->complete_ns < p->born_ns)) return;
    int64_t from = l->next < p->base ? p->base : l->next, at = from;
    if (at < part_removed_to(c, p)) at = part_removed_to(c, p);
    while (at < l->offset && (!is_owed_to_all(c, p->polled[at - p->base]) ||
                              compacted_away(c, p, p->polled[at - p->base], at)))
        at++;
    if (at >= l->offset || may_remove(c, p)) return;
    struct telling t =
        tell_begin(c, RULE_POLL_SKIP, p, at, p->polled[at - p->base], poll->complete_ns);
    tell_process(&t, poll->process), tell_text(&t, " went on from ");
    if (l->next > 0) tell_offset(&t, l->next - 1);
    else tell_text(&t, "the beginning");
    tell_text(&t, " to "), tell_offset(&t, l->offset), tell_text(&t, " and was never given ");
    tell_value(&t, t.value), tell_text(&t, " between");
    tell_end(&t);
}

/* Gone though somebody had read it. What was acknowledged is told as lost. */
static void
check_read_lost(struct checker *c, const struct part *p)
{
    for (int64_t i = 0; i < p->n; i++) {
        struct sent *s = p->polled[i] && !p->final[i] ? sent_find(c, p->polled[i]) : NULL;
        if (!s || !part_owes_read(c, p, s) || s->final_offset >= 0 || is_excused(c, p, p->base + i))
            continue;
        if (c->h->ops.v[s->op].outcome == HISTORY_OK || is_of_open_txn(c, s)) continue;
        if (compacted_away(c, p, s->value, p->base + i)) continue;
        struct telling t = tell_begin(c, RULE_READ_LOST, p, p->base + i, s->value, -1);
        tell_send(&t), tell_text(&t, "; it was read at "), tell_offset(&t, t.offset);
        tell_text(&t, ", and the final read does not have it");
        tell_end(&t);
    }
}

/* ---- sends ---------------------------------------------------------------------------------------- */

static void
tell_lost(struct checker *c, const struct part *p, const struct sent *s)
{
    const struct history_op *op = &c->h->ops.v[s->op];
    enum rule rule = op->leader_epoch >= 0 ? RULE_UNSEEN : RULE_LOST;
    struct telling t = tell_begin(c, rule, p, op->offset, s->value, op->complete_ns);
    uint64_t other = op->offset >= 0 ? part_final(p, op->offset) : 0;
    t.was_read = s->polled_offset >= 0;
    tell_send(&t);
    if (t.was_read) tell_text(&t, "; somebody has read it");
    if (!p->final_begun) tell_text(&t, "; nobody was given it, though all around it was read");
    else if (other)
        tell_text(&t, "; the final read has "), tell_value(&t, other), tell_text(&t, " there");
    else tell_text(&t, "; the final read does not have it");
    tell_end(&t);
}

static void
tell_moved(struct checker *c, const struct part *p, const struct sent *s)
{
    const struct history_op *op = &c->h->ops.v[s->op];
    struct telling t =
        tell_begin(c, RULE_INCONSISTENT_OFFSET, p, op->offset, s->value, op->complete_ns);
    tell_send(&t), tell_text(&t, "; it lies at "), tell_offset(&t, s->final_offset);
    t.was_read = s->polled_offset == op->offset;
    if (part_is_compacted(c, p) && !op->idempotent && s->final_offset > op->offset &&
        !part_final(p, op->offset))
        t.excuse = "sent again without idempotence, it was there twice, and of one key the cleaner "
                   "leaves the last";
    else if (!op->idempotent && !part_final(p, op->offset) &&
             compacted_away(c, p, s->value, op->offset))
        t.excuse =
            "sent again without idempotence, it was there twice, and a later record of its key "
            "has taken the place that was told";
    tell_end(&t);
}

static void
check_promise(struct checker *c, const struct part *p, const struct sent *s)
{
    const struct history_op *op = &c->h->ops.v[s->op];
    if (op->outcome != HISTORY_OK) return;
    if (p->final_end >= 0) {
        if (op->offset >= 0 && is_excused(c, p, op->offset)) return;
        if (op->offset < 0 && s->final_offset < 0 && part_removed_to(c, p) > 0)
            return; /* perhaps it was there */
        if (s->final_offset < 0 && compacted_away(c, p, s->value, op->offset)) return;
        if (s->final_offset < 0) tell_lost(c, p, s);
        else if (op->offset >= 0 && part_final(p, op->offset) != s->value) tell_moved(c, p, s);
        return;
    }
    /* No final read: what lies between records that were read should have been read, too. */
    if (p->final_begun || s->polled_offset >= 0 || may_remove(c, p)) return;
    if (part_is_compacted(c, p)) return;
    if (op->offset > p->polled_first && op->offset < p->polled_last) tell_lost(c, p, s);
}

static int64_t
place_of(const struct part *p, const struct sent *s, const struct history_op *op)
{
    if (p->final_end >= 0) return s->final_offset;
    return op->outcome == HISTORY_OK ? op->offset : s->polled_offset;
}

static void
check_order(struct checker *c, const struct part *p, const struct sent *s)
{
    const struct history_op *op = &c->h->ops.v[s->op];
    struct cursor *k = checker_cursor(c, op->process, p);
    int64_t at = place_of(p, s, op);
    if (at < 0) return;
    if (at >= k->last_sent) {
        k->last_sent = at;
        return;
    }
    struct telling t = tell_begin(c, RULE_REORDERED, p, at, s->value, op->complete_ns);
    tell_send(&t), tell_text(&t, "; it lies at "), tell_offset(&t, at);
    tell_text(&t, ", before one that was sent earlier and lies at "), tell_offset(&t, k->last_sent);
    tell_end(&t);
}

static void
check_liveness(struct checker *c, const struct part *p, const struct sent *s)
{
    const struct history_op *op = &c->h->ops.v[s->op];
    const struct check_facts *f = c->facts;
    if (op->outcome == HISTORY_OPEN && f->clients_live) {
        struct telling t = tell_begin(c, RULE_UNANSWERED, p, -1, s->value, op->invoke_ns);
        tell_send(&t);
        tell_end(&t);
    }
    bool is_late = f->serves_after_ns > 0 && c->healed_ns >= 0 && op->outcome != HISTORY_OPEN &&
                   op->invoke_ns >= c->healed_ns + f->serves_after_ns;
    if (op->outcome == HISTORY_OK || !(op->is_final || is_late)) return;
    /* Nobody serves a topic that is deleted, or was while the record was on its way. */
    if (!part_stays(c, p, op->invoke_ns, MAX(op->invoke_ns, op->complete_ns))) return;
    struct telling t = tell_begin(c, RULE_NOT_SERVING, p, -1, s->value, op->complete_ns);
    tell_send(&t), tell_text(&t, ", though it ought to serve again");
    tell_end(&t);
}

static void
check_sends(struct checker *c)
{
    for (int64_t i = 0; i < c->sent.n; i++) {
        const struct sent *s = &c->sent.v[i];
        const struct history_op *op = &c->h->ops.v[s->op];
        if (op->topic < 0 || c->h->topics.v[op->topic].partitions == 0) continue;
        struct part *p = checker_part(c, op->topic, op->partition < 0 ? 0 : op->partition);
        check_liveness(c, p, s);
        bool is_vague = p->has_lives && op->partition >= 0 && !sent_is_of(c, p, s);
        if (is_vague && s->final_topic >= 0)
            check_order(c, checker_part(c, s->final_topic, op->partition), s);
        if (op->partition < 0 || !part_owes(c, p, s)) continue;
        check_promise(c, p, s);
        check_order(c, p, s);
    }
}

/* ---- replicas -------------------------------------------------------------------------------------- */

/* What the leader has and this replica's reading left out, up to (not with) an offset. */
static void
compare_up_to(struct checker *c, const struct history_op *op, const struct part *p,
              struct cursor *k, int64_t offset)
{
    int64_t end = p->base + p->n;
    if (k->final_next < p->base) k->final_next = p->base;
    if (k->final_next < part_removed_to(c, p)) k->final_next = part_removed_to(c, p);
    for (; k->final_next < offset && k->final_next < end; k->final_next++) {
        uint64_t value = p->final[k->final_next - p->base];
        if (!value || compacted_away(c, p, value, k->final_next)) continue;
        struct telling t =
            tell_begin(c, RULE_REPLICA_DIFFERS, p, k->final_next, value, op->complete_ns);
        tell_text(&t, "the leader has "), tell_value(&t, value),
            tell_text(&t, ", the replica read by ");
        tell_process(&t, op->process), tell_text(&t, " has not");
        tell_end(&t);
    }
}

static void
compare_replica(struct checker *c, const struct history_op *op)
{
    struct part *p = checker_part(c, op->topic, op->partition);
    if (!op->is_final || op->node < 0 || !p || p->final_end < 0) return;
    struct cursor *k = checker_cursor(c, op->process, p);
    if (op->kind == HISTORY_FINAL_END) compare_up_to(c, op, p, k, op->offset);
    if (op->kind != HISTORY_POLL) return;
    const struct history_read *r = history_reads(c->h, op);
    for (int64_t i = 0; i < op->reads_n; i++) {
        if (r[i].offset < k->final_next) continue;
        if (k->final_next == 0 && may_remove(c, p)) k->final_next = r[i].offset;
        compare_up_to(c, op, p, k, r[i].offset);
        k->final_next = r[i].offset + 1;
    }
}

/* ---- all of it -------------------------------------------------------------------------------------- */

static void
check_readable(struct checker *c, const struct part *p)
{
    if (!p->final_begun || p->final_end >= 0) return;
    struct telling t = tell_begin(c, RULE_UNREADABLE, p, -1, 0, -1);
    tell_text(&t, "the final read did not reach the end of the log");
    tell_end(&t);
}

static int64_t
count_polled(const struct checker *c)
{
    int64_t n = 0;
    for (int64_t i = 0; i < c->sent.n; i++)
        n += c->sent.v[i].polled_offset >= 0 && !c->h->ops.v[c->sent.v[i].op].is_final;
    return n;
}

void
check_log(struct checker *c)
{
    bool any = false, all = true;
    compacted_begin(c);
    for (int64_t i = 0; i < c->leaps.n; i++) check_leap(c, &c->leaps.v[i]);
    check_sends(c);
    for (int32_t i = 0; i < c->parts_n; i++) {
        struct part *p = &c->parts[i];
        check_readable(c, p);
        check_resurrected(c, p);
        if (p->final_end >= 0) check_read_lost(c, p), any = true;
        else all = all && (!p->has_sends || (p->has_lives && p->is_gone));
    }
    for (int64_t i = 0; i < c->h->ops.n; i++) compare_replica(c, &c->h->ops.v[i]);
    c->ret->has_final = any && all;
    if (!any) c->ret->read = count_polled(c);
}
