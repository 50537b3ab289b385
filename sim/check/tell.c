/* How the checker tells what it found: a short story for each anomaly. */
#include "broker/base/fmt.h"
#include "sim/check/checker.h"

struct telling
tell_begin(struct checker *c, enum rule rule, const struct part *p, int64_t offset, uint64_t value,
           int64_t at_ns)
{
    struct telling t = {.c = c,
                        .w = writer_mem(c->mem),
                        .rule = rule,
                        .part = p,
                        .offset = offset,
                        .value = value,
                        .at_ns = at_ns,
                        .missed_offset = -1};
    struct sent *s = value ? sent_find(c, value) : NULL;
    if (s) t.send = &c->h->ops.v[s->op];
    return t;
}

void
tell_text(struct telling *t, const char *text)
{
    fmt_str(&t->w, text);
}

void
tell_value(struct telling *t, uint64_t value)
{
    history_value_print(t->c->h, value, &t->w);
}

void
tell_offset(struct telling *t, int64_t offset)
{
    fmt_str(&t->w, "offset "), fmt_i64(&t->w, offset);
}

void
tell_time(struct telling *t, int64_t at_ns)
{
    fmt_str(&t->w, " at "), fmt_seconds(&t->w, at_ns - t->c->h->begin_ns);
}

void
tell_process(struct telling *t, int32_t process)
{
    fmt_slice(&t->w, history_process_name(t->c->h, process));
}

void
tell_send(struct telling *t)
{
    const struct history_op *s = t->send;
    if (!s) return;
    tell_value(t, s->value);
    tell_text(t, " was sent"), tell_time(t, s->invoke_ns);
    if (s->outcome == HISTORY_OPEN) {
        tell_text(t, " and never answered");
        return;
    }
    if (s->outcome == HISTORY_OK) tell_text(t, " and acknowledged");
    else tell_text(t, s->outcome == HISTORY_FAIL ? " and refused" : " and its fate unknown");
    tell_time(t, s->complete_ns);
    if (s->outcome != HISTORY_OK || s->offset < 0) return;
    tell_text(t, " as "), tell_offset(t, s->offset);
}

static const struct check_topic *
topic_of(const struct telling *t)
{
    static const struct check_topic plain = {0};
    const struct check_facts *f = t->c->facts;
    return t->part->topic < f->topics_n ? &f->topics[t->part->topic] : &plain;
}

/* Only what an acknowledgement alone promised can be owed less than what somebody has read. */
static bool
is_of_acknowledgement(const struct telling *t)
{
    return (t->rule == RULE_LOST || t->rule == RULE_UNSEEN || t->rule == RULE_INCONSISTENT_OFFSET ||
            t->rule == RULE_RESURRECTED) &&
           !t->was_read;
}

static struct claim
claim_of(const struct telling *t)
{
    const struct checker *c = t->c;
    const struct sent *s =
        t->missed || t->value ? sent_find(c, t->missed ? t->missed : t->value) : NULL;
    struct claim claim = {.topic = topic_of(t),
                          .name = history_topic_name(c->h, t->part->topic),
                          .partition = t->part->partition,
                          .offset = t->missed_offset >= 0 ? t->missed_offset : t->offset,
                          .begun_ns = t->missed_ns,
                          .owed_ns = t->missed_ns,
                          .acks = -1,
                          .idempotent = true,
                          .is_committed = !is_of_acknowledgement(t),
                          .leader = -1,
                          .life = t->part->has_lives ? c->h->topics.v[t->part->topic].life : 0};
    if (t->rule == RULE_CORRUPT)
        claim.owed_ns = t->at_ns; /* it is about what was read, whoever sent it */
    if (!s) return claim;
    const struct history_op *send = &c->h->ops.v[s->op];
    if (claim.offset < 0) claim.offset = s->polled_offset;
    claim.begun_ns = send->invoke_ns;
    claim.owed_ns = send->outcome == HISTORY_OK ? send->complete_ns : s->polled_ns;
    claim.acks = send->acks;
    claim.idempotent = send->idempotent;
    claim.leader = send->outcome == HISTORY_OK ? send->node : -1;
    return claim;
}

/* What becomes of a transaction that was ended before its time: records are there that had failed, others are not; and its offsets
 * are committed or not, otherwise than its producer was told. What it was not about, nothing of this excuses. */
static bool
is_of_late_end(const struct telling *t, struct writer *why)
{
    bool is_of_txns = t->rule == RULE_FAILED_READ || t->rule == RULE_UNSEEN ||
                      t->rule == RULE_TORN || t->rule == RULE_COPIED_TWICE ||
                      t->rule == RULE_FAILED_COMMIT;
    return is_of_txns && ((t->send && was_ended_late(t->c, t->send, why)) ||
                          (t->beside && was_ended_late(t->c, t->beside, why)));
}

void
tell_end(struct telling *t)
{
    struct checker *c = t->c;
    struct claim claim = claim_of(t);
    struct writer name = writer_mem(c->mem), why = writer_mem(c->mem);
    bool allowed =
        t->excuse || is_of_late_end(t, &why) || permission_of(c->facts, &claim, t->rule, &why);
    if (t->excuse) fmt_str(&why, t->excuse);
    if (allowed) tell_text(t, "; permitted because: "), fmt_slice(&t->w, writer_slice(&why));
    if (t->value) history_value_print(c->h, t->value, &name);
    struct anomaly one = {.rule = t->rule,
                          .witness = WITNESS_CHECKER,
                          .topic = history_topic_name(c->h, t->part->topic),
                          .partition = t->part->partition,
                          .offset = t->offset,
                          .value = t->value,
                          .name = t->value ? writer_slice(&name) : SLICE_NULL,
                          .at_ns = t->at_ns,
                          .allowed = allowed,
                          .why = allowed ? writer_slice(&why) : SLICE_NULL,
                          .story = writer_slice(&t->w)};
    anomalies_add(&c->ret->anomalies, &one);
    writer_release(&name);
    writer_release(&why);
    writer_release(&t->w);
}
