/* What members of share groups were given and what they said of it (KIP-932):
 *
 *      w1   fetch ──── given 40…49 ── accept 40…48, release 49 ──► ok
 *      w2                                     fetch ── given 49, once more ── …
 *
 * A record that was accepted is not given out again; nobody is given what another holds; it is given out so often and no
 * more; the group's start offset passes no record that is not done with; and in the end each record was accepted, rejected, or given out as often as it may be. Of a group with a dead-letter
 * topic (KIP-1191) those that it did not want are there, and no others. */
#include "sim/check/checker.h"

enum { DECIDED_GAP, DECIDED_ACCEPT, DECIDED_RELEASE, DECIDED_REJECT };

/* One record, as one group sees it. */
struct fate {
    uint64_t value;
    int64_t settled_ns;            /* when an acceptance or rejection was acknowledged (-1) … */
    int64_t asked_to_settle_ns;    /* … and asked for */
    int32_t settled_by;            /* whose */
    bool is_settled;               /* that is so, or may be */
    bool is_accepted, is_rejected; /* acknowledged as that, and so it was */
    bool is_decided;               /* somebody has asked for it to be done with */
    int32_t settling_n;            /* how many have, and were not refused */
    bool has_letter;
    int32_t given_n;    /* deliveries; the greatest count that was told */
    int64_t given_ns;   /* when it was given last … */
    int32_t given_to;   /* … and to whom */
    int32_t holder;     /* who has not said what became of it, and … */
    int64_t asked_ns;   /* … asked for it then: its lock began later; holder -1: nobody */
    int32_t held_count; /* as which delivery the holder has it */
};

struct share_view {
    struct fate *fates;      /* by offset - part->base; NULL: nothing is told of it */
    int64_t first;           /* where the group began; -1: nothing was given */
    int32_t giver;           /* by this broker; -1: not known */
    bool is_kept;            /* something was acknowledged: where it began is kept with that */
    int64_t start, start_ns; /* the greatest start offset that was told (-1), and when */
    bool has_members;
};

struct shares_checked {
    struct checker *c;
    int32_t groups_n;
    struct share_view *views; /* by group, part */
    bool *is_member;          /* by process, group: it has begun and not left */
};

/* Most groups have to do with few topics: what is told of a part makes its fates. */
static struct share_view *
share_view_of(const struct shares_checked *s, const struct history_op *op, const struct part *p)
{
    struct share_view *v = &s->views[(int64_t)op->node * s->c->parts_n + (p - s->c->parts)];
    if (v->fates || !p->n) return v;
    v->fates = mem_alloc(s->c->mem, p->n * (int64_t)sizeof *v->fates);
    for (int64_t k = 0; k < p->n; k++)
        v->fates[k] = (struct fate){.settled_ns = -1, .given_to = -1, .holder = -1};
    return v;
}

static struct fate *
fate_at(const struct share_view *v, const struct part *p, int64_t offset)
{
    int64_t at = offset - p->base;
    return at >= 0 && at < p->n ? &v->fates[at] : NULL;
}

/* The offsets that an acknowledgement names and that the part has: it may name any, up to the greatest number. */
static int64_t
first_named(const struct history_op *op, const struct part *p)
{
    return MAX(op->offset, p->base);
}

static int64_t
named_end(const struct history_op *op, const struct part *p)
{
    int64_t end = p->base + p->n;
    return op->key < end ? op->key + 1 : end;
}

static bool
has_letters(const struct shares_checked *s, int32_t group, int64_t at_ns)
{
    const struct check_facts *facts = s->c->facts;
    int64_t since_ns = group < facts->letters_since_n ? facts->letters_since_ns[group] : 0;
    return since_ns > 0 && at_ns >= since_ns;
}

/* Since this topic was made the group begins where its log does. */
static bool
begins_at_start(const struct shares_checked *s, int32_t group, const struct part *p)
{
    const struct check_facts *facts = s->c->facts;
    int64_t since_ns = group < facts->earliest_since_n ? facts->earliest_since_ns[group] : 0;
    return since_ns > 0 && part_made_ns(s->c, p) >= since_ns;
}

static struct telling
begin_share_telling(struct shares_checked *s, enum rule rule, const struct history_op *op,
                    const struct part *p, int64_t offset, uint64_t value)
{
    struct telling t = tell_begin(s->c, rule, p, offset, value, op ? op->complete_ns : -1);
    t.excuse = s->c->facts->shares_at_risk;
    return t;
}

/* ---- what was given ------------------------------------------------------------------------------- */

static void
tell_broker(struct writer *w, int32_t id)
{
    fmt_char(w, 'b'), fmt_i64(w, id);
}

/* The acceptance was asked for when another broker led the partition than the one that gave it out again; that one had
 * led before, and has not since: it stood still, or was cut off, and had not heard of its successor. (Records of share
 * groups are given at least once. Whoever gets one in this way cannot settle it: its leader is none.) */
static bool
giver_was_superseded(const struct shares_checked *s, const struct history_op *op,
                     const struct part *p, const struct fate *f, struct writer *why)
{
    const struct chronicle *c = s->c->facts->chronicle;
    const struct happening *then = NULL;
    int32_t giver = op->leader_epoch;
    bool led_before = false, led_since = false;
    int64_t made_ns =
        part_made_ns(s->c, p); /* who led another topic of its name did not lead this one */
    for (int64_t i = 0; c && giver >= 0 && i < c->v.n; i++) {
        const struct happening *one = &c->v.v[i];
        bool is_placed = one->kind == HAPPENED_PLACED &&
                         happening_is_of(one, history_topic_name(s->c->h, p->topic), p->partition);
        if (!is_placed || one->at_ns < made_ns || one->at_ns > op->complete_ns) continue;
        if (one->at_ns > f->asked_to_settle_ns) {
            led_since |= one->leader == giver;
        } else if (!then || one->leader != then->leader) {
            led_before |= then && then->leader == giver;
            then = one;
        }
    }
    if (!then || then->leader < 0 || then->leader == giver || !led_before || led_since)
        return false;
    tell_broker(why, giver), fmt_str(why, " gave it, and had not heard that ");
    tell_broker(why, then->leader), fmt_str(why, " leads since ");
    fmt_seconds(why, then->at_ns - s->c->h->begin_ns);
    return true;
}

/* The fetch must have been asked for after the acceptance was known: one that was under way may come late. */
static void
check_given_again(struct shares_checked *s, const struct history_op *op, const struct part *p,
                  const struct history_read *r, const struct fate *f)
{
    if (f->settled_ns < 0 || op->key <= f->settled_ns || f->value != r->value) return;
    struct telling t = begin_share_telling(s, RULE_GIVEN_AGAIN, op, p, r->offset, r->value);
    tell_value(&t, r->value), tell_text(&t, " was acknowledged by ");
    tell_process(&t, f->settled_by), tell_time(&t, f->settled_ns);
    tell_text(&t, " and given to "), tell_process(&t, op->process);
    tell_text(&t, ", who asked"), tell_time(&t, op->key);
    char text[200];
    struct writer why = writer_fixed(text, sizeof text - 1);
    if (!t.excuse && giver_was_superseded(s, op, p, f, &why)) {
        text[why.n] = 0;
        t.excuse = text;
    }
    tell_end(&t);
}

static void
check_deliveries(struct shares_checked *s, const struct history_op *op, const struct part *p,
                 const struct history_read *r)
{
    int32_t most = s->c->facts->share_deliveries_max;
    if (most <= 0 || r->leader_epoch <= most) return;
    struct telling t = begin_share_telling(s, RULE_GIVEN_TOO_OFTEN, op, p, r->offset, r->value);
    tell_value(&t, r->value), tell_text(&t, " was given to ");
    tell_process(&t, op->process), tell_text(&t, " as delivery ");
    fmt_i64(&t.w, r->leader_epoch), tell_text(&t, " of at most "), fmt_i64(&t.w, most);
    tell_end(&t);
}

/* Whatever happens to the cluster or to a client may end a lock early: a leader goes, a connection breaks. */
#define BEFORE_NS 2000000000LL

static int64_t
happening_end_ns(const struct happening *one)
{
    return one->kind == HAPPENED_TROUBLE ? one->until_ns : one->at_ns;
}

static bool
is_troubled(const struct shares_checked *s, int64_t from_ns, int64_t to_ns)
{
    const struct chronicle *c = s->c->facts->chronicle;
    for (int64_t i = 0; c && i < c->v.n; i++) {
        const struct happening *one = &c->v.v[i];
        if (one->at_ns <= to_ns && happening_end_ns(one) >= from_ns - BEFORE_NS) return true;
    }
    return false;
}

/* A delivery counts though its answer was lost and nobody has seen it. One answer is lost with each thing that happens, at most. */
static bool
may_be_unseen(const struct shares_checked *s, int64_t deliveries_n, int64_t from_ns, int64_t to_ns)
{
    const struct chronicle *c = s->c->facts->chronicle;
    for (int64_t i = 0; c && i < c->v.n && deliveries_n > 0; i++) {
        const struct happening *one = &c->v.v[i];
        if (one->kind != HAPPENED_PLACED && one->at_ns <= to_ns && happening_end_ns(one) >= from_ns)
            deliveries_n--;
    }
    return deliveries_n <= 0;
}

/* An answer that was long on its way: an earlier delivery than the one that is held, whose lock has ended. */
static bool
is_overdue(const struct fate *f, const struct history_read *r)
{
    return f->holder >= 0 && f->value == r->value && r->leader_epoch < f->held_count;
}

/* Its lock cannot have run out: it began after it was asked for. */
static void
check_held(struct shares_checked *s, const struct history_op *op, const struct part *p,
           const struct history_read *r, const struct fate *f)
{
    int64_t lock_ns = s->c->facts->share_lock_ns;
    if (f->holder < 0 || f->holder == op->process || f->value != r->value || is_overdue(f, r) ||
        op->complete_ns >= f->asked_ns + lock_ns || is_troubled(s, f->asked_ns, op->complete_ns))
        return;
    struct telling t = begin_share_telling(s, RULE_HELD_BY_TWO, op, p, r->offset, r->value);
    tell_value(&t, r->value), tell_text(&t, " was given to ");
    tell_process(&t, op->process), tell_text(&t, " while ");
    tell_process(&t, f->holder), tell_text(&t, " held it, who had asked");
    tell_time(&t, f->asked_ns);
    tell_end(&t);
}

/* A leader that finds nothing of the group begins where share.auto.offset.reset says, which is kept with the first thing that is
 * acknowledged. Until then the next leader finds nothing, too, and begins anew (KIP-932): behind what came in the meantime. */
static void
began(struct share_view *v, const struct history_op *op, int64_t offset)
{
    int32_t giver = op->leader_epoch;
    bool anew = !v->is_kept && v->giver >= 0 && giver >= 0 && giver != v->giver;
    if (v->first < 0 || offset < v->first || anew) v->first = offset;
    if (!v->is_kept) v->giver = giver;
}

static void
take_given(struct shares_checked *s, const struct history_op *op, const struct part *p)
{
    struct share_view *v = share_view_of(s, op, p);
    const struct history_read *r = history_reads(s->c->h, op);
    v->has_members = true;
    for (int32_t i = 0; i < op->reads_n; i++) {
        struct fate *f = fate_at(v, p, r[i].offset);
        if (!f) continue;
        began(v, op, r[i].offset);
        check_given_again(s, op, p, &r[i], f);
        check_deliveries(s, op, p, &r[i]);
        check_held(s, op, p, &r[i], f);
        if (is_overdue(f, &r[i])) continue;
        f->value = r[i].value;
        if (r[i].leader_epoch > f->given_n) f->given_n = r[i].leader_epoch;
        f->given_ns = op->complete_ns;
        f->given_to = f->holder = op->process;
        f->asked_ns = op->key;
        f->held_count = r[i].leader_epoch;
    }
}

/* ---- what was acknowledged ------------------------------------------------------------------------ */

static bool
settles(const struct history_op *op)
{
    return op->acks == DECIDED_ACCEPT || op->acks == DECIDED_REJECT;
}

/* Whoever has said what became of a record, or begins anew, holds it no more. */
static void
let_go(struct shares_checked *s, const struct history_op *op, const struct part *p)
{
    struct share_view *v = share_view_of(s, op, p);
    int64_t end = named_end(op, p);
    for (int64_t offset = first_named(op, p); offset < end; offset++) {
        struct fate *f = &v->fates[offset - p->base];
        if (f->holder == op->process) f->holder = -1;
        f->is_decided |= settles(op);
        f->settling_n += settles(op);
    }
}

static void
let_all_go(struct shares_checked *s, int32_t process)
{
    int64_t n = (int64_t)s->groups_n * s->c->parts_n;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; s->views[i].fates && k < s->c->parts[i % s->c->parts_n].n; k++)
            if (s->views[i].fates[k].holder == process) s->views[i].fates[k].holder = -1;
}

static void
begin_or_leave_shares(struct shares_checked *s, const struct history_op *op)
{
    if (op->node >= 0)
        s->is_member[(int64_t)op->process * s->groups_n + op->node] = op->kind == HISTORY_BEGIN;
    if (op->kind == HISTORY_BEGIN) let_all_go(s, op->process);
}

/* It may have been delivered for the last time and taken back before this was heard. While its lock cannot have run out
 * something must have happened for that, too. */
static bool
may_be_worn_out(const struct shares_checked *s, const struct history_op *op, const struct fate *f)
{
    int32_t most = s->c->facts->share_deliveries_max;
    bool is_locked = op->complete_ns < f->asked_ns + s->c->facts->share_lock_ns;
    return most > 0 && may_be_unseen(s, most - f->given_n + is_locked, f->asked_ns - BEFORE_NS,
                                     op->complete_ns);
}

/* A start offset that has passed a record lets pass whatever somebody says of it who had it before. So this is what became of
 * it only if the start cannot have passed it: nobody else can have settled it, and it was not delivered too often. */
static bool
is_what_became(const struct shares_checked *s, const struct history_op *op, const struct fate *f)
{
    return f->given_to == op->process && f->settling_n == 1 && !may_be_worn_out(s, op, f);
}

static void
take_settled(struct shares_checked *s, const struct history_op *op, struct fate *f)
{
    f->is_settled = true;
    if (op->outcome != HISTORY_OK) return;
    f->settled_ns = op->complete_ns;
    f->asked_to_settle_ns = op->invoke_ns;
    f->settled_by = op->process;
    if (!is_what_became(s, op, f)) return;
    f->is_accepted |= op->acks == DECIDED_ACCEPT;
    f->is_rejected |= op->acks == DECIDED_REJECT && has_letters(s, op->node, op->invoke_ns);
}

static void
take_acknowledged(struct shares_checked *s, const struct history_op *op, const struct part *p)
{
    struct share_view *v = share_view_of(s, op, p);
    v->is_kept |= op->outcome == HISTORY_OK;
    if (!settles(op)) return;
    int64_t end = named_end(op, p);
    for (int64_t offset = first_named(op, p); offset < end; offset++) {
        struct fate *f = &v->fates[offset - p->base];
        if (op->outcome == HISTORY_FAIL) f->settling_n--;
        else take_settled(s, op, f);
    }
}

/* ---- dead letters --------------------------------------------------------------------------------- */

static void
take_dead_letter(struct shares_checked *s, const struct history_op *op, const struct part *p)
{
    const struct history_read *copy = history_reads(s->c->h, op);
    struct fate *f = fate_at(share_view_of(s, op, p), p, op->offset);
    if (!f) return;
    f->has_letter = true;
    bool is_other = copy && f->value && copy->value != f->value;
    if (!f->is_accepted && !is_other) return;
    struct telling t = begin_share_telling(s, RULE_WRONG_LETTER, op, p, op->offset, f->value);
    if (is_other) {
        tell_text(&t, "the dead letter of offset "), fmt_i64(&t.w, op->offset);
        tell_text(&t, " has "), tell_value(&t, copy->value), tell_text(&t, ", but there ");
        tell_value(&t, f->value), tell_text(&t, " was given out");
    } else {
        tell_value(&t, f->value), tell_text(&t, " has a dead letter, and was accepted by ");
        tell_process(&t, f->settled_by), tell_time(&t, f->settled_ns);
    }
    tell_end(&t);
}

/* A record that was given out often enough, and that nobody can have accepted. */
static bool
is_worn_out(const struct shares_checked *s, int32_t group, const struct fate *f)
{
    int32_t most = s->c->facts->share_deliveries_max;
    return most > 0 && f->given_n >= most && !f->is_settled && has_letters(s, group, f->given_ns);
}

static void
check_letters(struct shares_checked *s, int32_t group, const struct part *p,
              const struct share_view *v)
{
    if (!v->has_members || p->final_end < 0 || s->c->healed_ns < 0) return;
    for (int64_t at = 0; v->fates && at < p->n; at++) {
        const struct fate *f = &v->fates[at];
        bool is_worn = is_worn_out(s, group, f);
        if (f->has_letter || (!f->is_rejected && !is_worn)) continue;
        struct telling t = begin_share_telling(s, RULE_NO_LETTER, NULL, p, p->base + at, f->value);
        tell_value(&t, f->value);
        if (is_worn) {
            tell_text(&t, " was given out "), fmt_i64(&t.w, f->given_n);
            tell_text(&t, " times, last to "), tell_process(&t, f->given_to);
            tell_time(&t, f->given_ns);
        } else {
            tell_text(&t, " was rejected by "), tell_process(&t, f->settled_by);
            tell_time(&t, f->settled_ns);
        }
        tell_text(&t, ", and ");
        fmt_slice(&t.w, history_group_name(s->c->h, group));
        tell_text(&t, " has no dead letter of it");
        tell_end(&t);
    }
}

/* ---- the end -------------------------------------------------------------------------------------- */

/* The last delivery may be one that nobody has seen; and after each the record is free again when its lock has run out. */
static bool
may_be_given_unseen(const struct shares_checked *s, const struct fate *f, int32_t most)
{
    int32_t missing = most - f->given_n;
    int64_t until_ns = f->given_ns + missing * (s->c->facts->share_lock_ns + BEFORE_NS);
    return f->given_n > 0 && may_be_unseen(s, missing, f->given_ns, until_ns);
}

/* A group that is there in the end, and that was given something of a topic, is given all of the next one of its name, if it begins
 * where logs begin. */
static bool
is_owed_whole(const struct shares_checked *s, int32_t group, const struct part *p)
{
    bool has_read = false, is_there = false;
    for (int32_t i = 0; i < s->c->parts_n; i++)
        has_read |= history_is_namesake(s->c->h, s->c->parts[i].topic, p->topic) &&
                    s->views[(int64_t)group * s->c->parts_n + i].has_members;
    for (int32_t i = 0; i < (int32_t)s->c->h->processes.n; i++)
        is_there |= s->is_member[(int64_t)i * s->groups_n + group];
    return begins_at_start(s, group, p) && has_read && is_there;
}

static void
check_ungiven(struct shares_checked *s, int32_t group, const struct part *p,
              const struct share_view *v)
{
    static const struct fate nobodys = {.settled_ns = -1, .given_to = -1, .holder = -1};
    int32_t most = s->c->facts->share_deliveries_max;
    int64_t first = is_owed_whole(s, group, p) ? part_removed_to(s->c, p)
                  : v->has_members             ? v->first
                                               : -1;
    if (first < 0 || p->final_end < 0 || s->c->healed_ns < 0) return;
    for (int64_t at = MAX(first - p->base, 0); at < p->n && p->base + at < p->final_end; at++) {
        const struct fate *f = v->fates ? &v->fates[at] : &nobodys;
        if (!p->final[at] || f->is_settled || (most > 0 && may_be_given_unseen(s, f, most)))
            continue;
        struct telling t =
            begin_share_telling(s, RULE_UNGIVEN, NULL, p, p->base + at, p->final[at]);
        tell_value(&t, p->final[at]);
        if (f->given_n > 0) {
            tell_text(&t, " was given to "), tell_process(&t, f->given_to);
            tell_time(&t, f->given_ns), tell_text(&t, " and to nobody after that of ");
        } else {
            tell_text(&t, " was given to nobody of ");
        }
        fmt_slice(&t.w, history_group_name(s->c->h, group));
        tell_end(&t);
    }
}

/* ---- how far it is -------------------------------------------------------------------------------- */

/* What nobody was given at all may be no record for the group: it was aborted, or compacted away. */
static bool
may_be_done(const struct shares_checked *s, const struct fate *f)
{
    int32_t most = s->c->facts->share_deliveries_max;
    if (f->is_decided || f->given_n == 0) return true;
    return most > 0 && may_be_given_unseen(s, f, most);
}

static void
tell_start(struct shares_checked *s, const struct history_op *op, const struct part *p,
           int64_t offset, const struct fate *f)
{
    struct telling t = begin_share_telling(s, RULE_START_PASSED, op, p, offset, f ? f->value : 0);
    fmt_slice(&t.w, history_group_name(s->c->h, op->node));
    tell_text(&t, "'s start offset was told as "), fmt_i64(&t.w, op->offset);
    if (f) {
        tell_text(&t, ", but "), tell_value(&t, f->value), tell_text(&t, ", at offset ");
        fmt_i64(&t.w, offset), tell_text(&t, ", was given to "), tell_process(&t, f->given_to);
        tell_time(&t, f->given_ns), tell_text(&t, ", and nobody was done with it");
    } else {
        tell_text(&t, ", and before"), tell_time(&t, share_view_of(s, op, p)->start_ns);
        tell_text(&t, " as "), fmt_i64(&t.w, share_view_of(s, op, p)->start);
    }
    tell_end(&t);
}

/* Where it was told first it may have begun; and it goes with the log's start, whatever members have of what is removed. */
static void
take_start(struct shares_checked *s, const struct history_op *op, const struct part *p)
{
    struct share_view *v = share_view_of(s, op, p);
    bool is_first = v->start < 0;
    if (!is_first && op->offset < v->start) {
        if (op->key >= v->start_ns) tell_start(s, op, p, op->offset, NULL);
        return;
    }
    int64_t from = is_first ? op->offset : MAX(v->start, part_removed_to(s->c, p));
    for (int64_t offset = from; offset < op->offset; offset++) {
        const struct fate *f = fate_at(v, p, offset);
        if (f && !may_be_done(s, f)) tell_start(s, op, p, offset, f);
    }
    if (is_first || op->offset > v->start) v->start_ns = op->complete_ns;
    v->start = op->offset;
    /* Nothing may come behind where the next leader began: then only this says where (began()). */
    bool is_anew = is_first && !v->is_kept && !begins_at_start(s, op->node, p);
    if (is_anew && v->first >= 0) v->first = MAX(v->first, op->offset);
}

/* ---- all of it ------------------------------------------------------------------------------------ */

static void
make_share_views(struct shares_checked *s)
{
    struct checker *c = s->c;
    int64_t n = (int64_t)s->groups_n * c->parts_n;
    s->views = mem_alloc(c->mem, n * (int64_t)sizeof *s->views);
    s->is_member = mem_alloc(c->mem, c->h->processes.n * s->groups_n);
    for (int64_t i = 0; i < n; i++) s->views[i].first = s->views[i].start = s->views[i].giver = -1;
}

static void
release_share_views(struct shares_checked *s)
{
    struct checker *c = s->c;
    int64_t n = (int64_t)s->groups_n * c->parts_n;
    for (int64_t i = 0; i < n; i++)
        if (s->views[i].fates)
            mem_free(c->mem, s->views[i].fates,
                     c->parts[i % c->parts_n].n * (int64_t)sizeof *s->views[i].fates);
    mem_free(c->mem, s->views, n * (int64_t)sizeof *s->views);
    mem_free(c->mem, s->is_member, c->h->processes.n * s->groups_n);
}

static bool
has_shares(const struct history *h)
{
    for (int64_t i = 0; i < h->ops.n; i++)
        if (history_is_of_share(h->ops.v[i].kind)) return true;
    return false;
}

void
check_shares(struct checker *c)
{
    struct shares_checked s = {.c = c, .groups_n = (int32_t)c->h->groups.n};
    const struct history *h = c->h;
    if (!has_shares(h)) return;
    make_share_views(&s);
    for (int64_t i = 0; i < h->events.n; i++) {
        int64_t number = history_event_op(h->events.v[i]);
        const struct history_op *op = &h->ops.v[number];
        const struct part *p = checker_part(c, op->topic, op->partition);
        bool is_complete = history_event_is_complete(h->events.v[i]);
        if (op->kind == HISTORY_BEGIN || op->kind == HISTORY_LEAVE) begin_or_leave_shares(&s, op);
        if (!p || !history_is_of_share(op->kind)) continue;
        if (op->kind == HISTORY_ACKNOWLEDGE && !is_complete) let_go(&s, op, p);
        else if (op->kind == HISTORY_ACKNOWLEDGE) take_acknowledged(&s, op, p);
        else if (is_complete && op->kind == HISTORY_LETTER) take_dead_letter(&s, op, p);
        else if (is_complete && op->kind == HISTORY_START) take_start(&s, op, p);
        else if (is_complete) take_given(&s, op, p);
    }
    for (int32_t g = 0; g < s.groups_n; g++)
        for (int32_t i = 0; i < c->parts_n; i++) {
            const struct share_view *v = &s.views[(int64_t)g * c->parts_n + i];
            check_ungiven(&s, g, &c->parts[i], v);
            check_letters(&s, g, &c->parts[i], v);
        }
    release_share_views(&s);
}
