/* The checker's first pass: everything in the order in which it happened. The second, over what was then
 * known of each log, is in check_log.c. */
#include "sim/check/check.h"

#include "sim/check/checker.h"

/* ---- values ------------------------------------------------------------------------------------- */

static void
sent_init(struct checker *c, int64_t expected)
{
    /* Three of four stay free: eights that lie side by side make long rows where there is less room. */
    c->slots_n = 64;
    while (c->slots_n < expected * 4) c->slots_n *= 2;
    c->slots = mem_alloc(c->mem, c->slots_n * (int64_t)sizeof *c->slots);
    VEC_RESERVE(c->mem, &c->sent, expected);
}

/* Where the value is, or would be. What one process wrote one after the other, and others mostly read so, lies side by side. */
static int64_t
slot_of(const struct checker *c, uint64_t value)
{
    enum { BESIDE_BITS = 3 };
    /* The process stands above bit 40 of the value: below that bit the product knows nothing of it. */
    uint64_t hash = (value >> BESIDE_BITS) * 0x9e3779b97f4a7c15ULL >> 40;
    uint64_t at = hash << BESIDE_BITS | (value & ((1u << BESIDE_BITS) - 1));
    int64_t mask = c->slots_n - 1, i = (int64_t)at & mask;
    while (c->slots[i] && c->sent.v[c->slots[i] - 1].value != value) i = (i + 1) & mask;
    return i;
}

struct sent *
sent_find(const struct checker *c, uint64_t value)
{
    int64_t at = c->slots[slot_of(c, value)];
    return at ? &c->sent.v[at - 1] : NULL;
}

/* False: it is there already. */
static bool
sent_add(struct checker *c, uint64_t value, int64_t op)
{
    int64_t i = slot_of(c, value);
    if (c->slots[i]) return false;
    struct sent s = {.value = value,
                     .op = op,
                     .final_offset = -1,
                     .polled_offset = -1,
                     .polled_topic = -1,
                     .final_topic = -1};
    VEC_PUSH(c->mem, &c->sent, s);
    c->slots[i] = (int32_t)c->sent.n;
    return true;
}

/* ---- partitions --------------------------------------------------------------------------------- */

struct part *
checker_part(const struct checker *c, int32_t topic, int32_t partition)
{
    if (topic < 0 || partition < 0) return NULL;
    return &c->parts[c->first_part[topic] + partition];
}

struct cursor *
checker_cursor(const struct checker *c, int32_t process, const struct part *p)
{
    return &c->cursors[(int64_t)process * c->parts_n + (p - c->parts)];
}

static void
checker_make_parts(struct checker *c)
{
    const struct history *h = c->h;
    c->first_part = mem_alloc(c->mem, h->topics.n * (int64_t)sizeof *c->first_part);
    for (int64_t t = 0; t < h->topics.n; t++) {
        c->first_part[t] = c->parts_n;
        c->parts_n += h->topics.v[t].partitions;
    }
    c->parts = mem_alloc(c->mem, c->parts_n * (int64_t)sizeof *c->parts);
    for (int32_t t = 0; t < (int32_t)h->topics.n; t++)
        for (int32_t i = 0; i < h->topics.v[t].partitions; i++)
            c->parts[c->first_part[t] + i] = (struct part){.topic = t,
                                                           .has_lives = topic_has_lives(c, t),
                                                           .partition = i,
                                                           .base = INT64_MAX,
                                                           .reach = -1,
                                                           .final_first = -1,
                                                           .final_end = -1,
                                                           .polled_first = INT64_MAX,
                                                           .polled_last = -1};
    int64_t n = c->parts_n * h->processes.n;
    c->cursors = mem_alloc(c->mem, n * (int64_t)sizeof *c->cursors);
    for (int64_t i = 0; i < n; i++) {
        c->cursors[i].end = c->cursors[i].end_bound = c->cursors[i].last_sent = -1;
        c->cursors[i].end_epoch = c->cursors[i].bound_epoch = -1;
    }
}

/* A log much longer than what was read of it is not believed: such offsets are told as corrupt. */
static int64_t
longest_log(const struct checker *c)
{
    return 1000 + 1000000 / MAX(1, c->parts_n) + 16 * c->h->reads.n;
}

/* All that must be known of the whole before its events are gone through: in one pass, for a history is long. */
static void
checker_measure(struct checker *c, const struct history_op *op)
{
    struct part *p = checker_part(c, op->topic, op->partition);
    c->has_admin = c->has_admin || op->kind == HISTORY_ADMIN;
    c->has_txns = c->has_txns || (op->kind == HISTORY_SEND && op->leader_epoch >= 0);
    if (p && op->kind == HISTORY_FINAL_END && op->node < 0) p->will_end = true;
    if (op->kind != HISTORY_POLL || !p) return;
    const struct history_read *r = history_reads(c->h, op);
    for (int64_t i = 0; i < op->reads_n; i++) {
        if (r[i].offset >= 0 && r[i].offset < p->base) p->base = r[i].offset;
        p->reach = MAX(p->reach, r[i].offset);
    }
}

/* Somebody read what is far behind the rest of a log: its length is that of what is believed. */
static void
measure_believed(struct checker *c, const struct history_op *op)
{
    struct part *p = checker_part(c, op->topic, op->partition);
    if (op->kind != HISTORY_POLL || !p) return;
    const struct history_read *r = history_reads(c->h, op);
    for (int64_t i = 0; i < op->reads_n; i++) {
        int64_t at = r[i].offset - p->base;
        if (at >= p->n && at < longest_log(c)) p->n = at + 1;
    }
}

static void
make_logs(struct checker *c)
{
    const struct history *h = c->h;
    bool all_believed = true;
    for (int64_t i = 0; i < h->ops.n; i++) checker_measure(c, &h->ops.v[i]);
    for (int32_t i = 0; i < c->parts_n; i++) {
        struct part *p = &c->parts[i];
        int64_t at = p->reach - p->base;
        if (at >= 0 && at < longest_log(c)) p->n = at + 1;
        all_believed = all_believed && at < longest_log(c);
    }
    for (int64_t i = 0; !all_believed && i < h->ops.n; i++) measure_believed(c, &h->ops.v[i]);
    for (int32_t i = 0; i < c->parts_n; i++) {
        struct part *p = &c->parts[i];
        if (p->n == 0) p->base = 0;
        p->polled = mem_alloc(c->mem, p->n * (int64_t)sizeof *p->polled);
        p->polled_epochs = mem_alloc(c->mem, p->n * (int64_t)sizeof *p->polled_epochs);
        p->final = mem_alloc(c->mem, p->n * (int64_t)sizeof *p->final);
        p->flags = mem_alloc(c->mem, p->n);
    }
}

static void
release(struct checker *c)
{
    for (int32_t i = 0; i < c->parts_n; i++) {
        struct part *p = &c->parts[i];
        VEC_RELEASE(c->mem, &p->keys);
        mem_free(c->mem, p->polled, p->n * (int64_t)sizeof *p->polled);
        mem_free(c->mem, p->polled_epochs, p->n * (int64_t)sizeof *p->polled_epochs);
        mem_free(c->mem, p->final, p->n * (int64_t)sizeof *p->final);
        mem_free(c->mem, p->flags, p->n);
    }
    mem_free(c->mem, c->cursors, c->parts_n * c->h->processes.n * (int64_t)sizeof *c->cursors);
    mem_free(c->mem, c->parts, c->parts_n * (int64_t)sizeof *c->parts);
    mem_free(c->mem, c->first_part, c->h->topics.n * (int64_t)sizeof *c->first_part);
    mem_free(c->mem, c->slots, c->slots_n * (int64_t)sizeof *c->slots);
    VEC_RELEASE(c->mem, &c->sent);
    VEC_RELEASE(c->mem, &c->leaps);
    VEC_RELEASE(c->mem, &c->turns);
}

/* ---- polls ---------------------------------------------------------------------------------------- */

static bool
was_sent_to_namesake(const struct checker *c, const struct sent *s, const struct part *p)
{
    const struct history_op *op = &c->h->ops.v[s->op];
    return history_is_namesake(c->h, op->topic, p->topic) &&
           (op->partition < 0 || op->partition == p->partition);
}

/* What is acknowledged is in the topic that acknowledged it, or, by an attempt before, in a former one; in none that came later. */
static bool
was_sent_here(const struct checker *c, const struct sent *s, const struct part *p)
{
    const struct history_op *op = &c->h->ops.v[s->op];
    bool is_known = p->has_lives && op->outcome == HISTORY_OK && !op->is_of_any_life;
    return was_sent_to_namesake(c, s, p) &&
           (!is_known || c->h->topics.v[p->topic].life <= c->h->topics.v[op->topic].life);
}

/* Acknowledged before the topic of this name was deleted that was there then: it cannot be in the one that there is
 * now. What was under way at that moment can. */
static bool
is_of_former_topic(const struct checker *c, const struct part *p, const struct sent *s)
{
    const struct history_op *op = &c->h->ops.v[s->op];
    return !p->has_lives && !p->is_gone && op->outcome == HISTORY_OK &&
           op->complete_ns < p->died_ns;
}

static void
tell_phantom(struct checker *c, const struct history_op *poll, const struct part *p,
             const struct history_read *r, const struct sent *s)
{
    struct telling t = tell_begin(c, RULE_PHANTOM, p, r->offset, r->value, poll->complete_ns);
    tell_process(&t, poll->process), tell_text(&t, " read "), tell_value(&t, r->value);
    if (!s) tell_text(&t, ", which nobody had sent");
    else if (was_sent_to_namesake(c, s, p))
        tell_text(&t, ", which was sent to a topic of this name that was deleted");
    else tell_text(&t, ", which was sent elsewhere");
    tell_end(&t);
}

static void
note_polled(struct part *p, const struct history_read *r)
{
    p->polled[r->offset - p->base] = r->value;
    p->polled_epochs[r->offset - p->base] = r->leader_epoch;
}

/* An answer may be on its way for so long that another record has come to this place: then the late one is missed. */
static void
tell_two_at_one(struct checker *c, const struct history_op *poll, struct part *p,
                const struct history_read *r)
{
    int64_t at = r->offset - p->base;
    if (p->flags[at] & OFFSET_TOLD) return;
    p->flags[at] |= OFFSET_TOLD;
    struct telling t =
        tell_begin(c, RULE_INCONSISTENT_OFFSET, p, r->offset, r->value, poll->complete_ns);
    tell_process(&t, poll->process), tell_text(&t, " read "), tell_value(&t, r->value);
    tell_text(&t, " at "), tell_offset(&t, r->offset), tell_time(&t, poll->complete_ns);
    tell_text(&t, ", where "), tell_value(&t, p->polled[at]),
        tell_text(&t, " had been read before");
    t.was_read = true;
    bool is_late = r->leader_epoch < p->polled_epochs[at];
    t.missed = is_late ? r->value : p->polled[at];
    tell_end(&t);
}

static void
check_position(struct checker *c, const struct history_op *poll, int64_t number,
               const struct part *p, const struct history_read *r)
{
    struct cursor *k = checker_cursor(c, poll->process, p);
    if (k->known && r->offset < k->next) {
        struct telling t =
            tell_begin(c, RULE_NONMONOTONIC_POLL, p, r->offset, r->value, poll->complete_ns);
        tell_process(&t, poll->process), tell_text(&t, " had read up to "),
            tell_offset(&t, k->next - 1);
        tell_text(&t, " and then got "), tell_offset(&t, r->offset);
        t.missed_offset = k->next - 1;
        t.missed = part_polled(p, t.missed_offset);
        t.missed_ns = poll->complete_ns;
        tell_end(&t);
    }
    /* What the final read lacks is told as lost, or of the replica. */
    if (k->known && r->offset > k->next && !poll->is_final) {
        struct leap leap = {.op = number, .next = k->next, .offset = r->offset, .value = r->value};
        VEC_PUSH(c->mem, &c->leaps, leap);
    }
    k->known = true;
    k->next = r->offset + 1;
}

static void
check_failed(struct checker *c, const struct history_op *poll, const struct part *p,
             const struct history_read *r, struct sent *s)
{
    if (c->h->ops.v[s->op].outcome != HISTORY_FAIL || s->failed_told) return;
    if (!poll->read_committed && is_of_open_txn(c, s)) return;
    s->failed_told = true;
    struct telling t = tell_begin(c, RULE_FAILED_READ, p, r->offset, r->value, poll->complete_ns);
    tell_send(&t), tell_text(&t, "; yet ");
    tell_process(&t, poll->process), tell_text(&t, " read it");
    tell_end(&t);
}

static void
tell_duplicate(struct checker *c, const struct history_op *poll, const struct part *p,
               const struct history_read *r, int64_t first)
{
    struct telling t = tell_begin(c, RULE_DUPLICATE, p, r->offset, r->value, poll->complete_ns);
    tell_send(&t), tell_text(&t, "; it lies at "), tell_offset(&t, first);
    tell_text(&t, " and again at "), tell_offset(&t, r->offset);
    tell_end(&t);
}

static void
take_final(struct checker *c, const struct history_op *poll, struct part *p,
           const struct history_read *r, struct sent *s)
{
    uint64_t *at = &p->final[r->offset - p->base];
    if (p->final_first < 0 || r->offset < p->final_first) p->final_first = r->offset;
    if (*at == 0) c->ret->read += s->final_offset < 0 && !c->h->ops.v[s->op].is_final;
    if (s->final_offset < 0) s->final_offset = r->offset, s->final_topic = p->topic;
    else if (*at == 0 && part_owes_read(c, p, s)) tell_duplicate(c, poll, p, r, s->final_offset);
    *at = r->value;
}

/* Of two topics of one name, in the later one. */
static void
note_first_poll(struct sent *s, const struct part *p, const struct history_read *r,
                const struct history_op *poll)
{
    if (s->polled_topic >= p->topic) return;
    s->polled_topic = p->topic;
    s->polled_offset = r->offset;
    s->polled_ns = poll->complete_ns;
}

static void
checker_check_read(struct checker *c, const struct history_op *poll, int64_t number, struct part *p,
                   const struct history_read *r)
{
    if (r->offset < 0 || r->offset >= p->base + p->n) {
        struct telling t = tell_begin(c, RULE_CORRUPT, p, r->offset, r->value, poll->complete_ns);
        tell_process(&t, poll->process), tell_text(&t, " got an offset far outside of the log");
        tell_end(&t);
        return;
    }
    struct sent *s = sent_find(c, r->value);
    check_position(c, poll, number, p, r);
    if (!s || !was_sent_here(c, s, p)) {
        tell_phantom(c, poll, p, r, s);
        return;
    }
    if (poll->is_final && is_of_former_topic(c, p, s)) {
        tell_phantom(c, poll, p, r, s);
        return;
    }
    if (!p->has_lives && !part_owes(c, p, s)) {
        /* Of which of the two it is nobody can say. */
        if (!p->polled[r->offset - p->base]) note_polled(p, r);
        if (poll->is_final && poll->node < 0) take_final(c, poll, p, r, s);
        return;
    }
    check_failed(c, poll, p, r, s);
    uint64_t *at = &p->polled[r->offset - p->base];
    if (*at == 0 && s->polled_topic == p->topic && !p->will_end)
        tell_duplicate(c, poll, p, r, s->polled_offset);
    if (*at == 0) note_polled(p, r);
    else if (*at != r->value) tell_two_at_one(c, poll, p, r);
    note_first_poll(s, p, r, poll);
    if (r->offset < p->polled_first) p->polled_first = r->offset;
    if (r->offset > p->polled_last) p->polled_last = r->offset;
    if (poll->is_final && poll->node < 0) take_final(c, poll, p, r, s);
}

/* ---- the log's end -------------------------------------------------------------------------------- */

/* An answer must not be below one that was there before it was asked for, unless an older leader gave it. */
static void
check_end(struct checker *c, const struct history_op *op, const struct part *p, bool is_complete)
{
    struct cursor *k = checker_cursor(c, op->process, p);
    /* It is asked for by name: from the end of the first topic on nobody can say whose end it is. */
    if (p->has_lives && c->parts[c->first_part[c->h->topics.v[p->topic].first]].is_gone) return;
    if (!is_complete) {
        k->end_bound = k->end;
        k->bound_ns = k->end_ns;
        k->bound_epoch = k->end_epoch;
        return;
    }
    if (op->outcome != HISTORY_OK || op->leader_epoch < k->end_epoch) return;
    if (op->offset < k->end_bound && op->leader_epoch >= k->bound_epoch) {
        struct telling t = tell_begin(c, RULE_END_WENT_BACK, p, op->offset, 0, op->complete_ns);
        tell_process(&t, op->process), tell_text(&t, " saw the log end at "),
            tell_offset(&t, k->end_bound);
        tell_text(&t, " and later at "), tell_offset(&t, op->offset);
        t.missed_offset = k->end_bound - 1;
        t.missed = part_polled(p, t.missed_offset);
        t.missed_ns = k->bound_ns;
        tell_end(&t);
    }
    k->end = op->offset;
    k->end_ns = op->invoke_ns;
    k->end_epoch = op->leader_epoch;
}

/* ---- events ---------------------------------------------------------------------------------------- */

static void
check_polls(struct checker *c, const struct history_op *op, int64_t number, struct part *p)
{
    const struct history_read *r = history_reads(c->h, op);
    for (int64_t i = 0; i < op->reads_n; i++) checker_check_read(c, op, number, p, &r[i]);
}

static void
set_position(struct checker *c, const struct history_op *op, const struct part *p)
{
    struct cursor *k = checker_cursor(c, op->process, p);
    k->known = op->kind == HISTORY_ASSIGN && op->offset >= 0;
    k->next = op->offset;
}

static void
tell_corrupt(struct checker *c, const struct history_op *op, const struct part *p)
{
    struct telling t = tell_begin(c, RULE_CORRUPT, p, op->offset, 0, op->complete_ns);
    tell_process(&t, op->process), tell_text(&t, " was handed bytes that are no record at ");
    tell_offset(&t, op->offset);
    tell_end(&t);
}

/* A topic that is made again has the name of the old one, and nothing else. */
static void
begin_anew(struct checker *c, struct part *p, int64_t at_ns)
{
    p->is_gone = false;
    p->born_ns = at_ns;
    memset(p->polled, 0, (size_t)p->n * sizeof *p->polled);
    memset(p->flags, 0, (size_t)p->n);
    p->polled_first = INT64_MAX;
    p->polled_last = -1;
    for (int32_t i = 0; i < (int32_t)c->h->processes.n; i++) {
        struct cursor *k = checker_cursor(c, i, p);
        k->known = false;
        k->end = k->end_bound = k->last_sent = -1;
        k->end_epoch = k->bound_epoch = -1;
    }
}

static void
take_turn(struct checker *c, const struct turn *t)
{
    for (int32_t i = 0; i < c->parts_n; i++) {
        struct part *p = &c->parts[i];
        if (p->topic != t->topic) continue;
        if (!t->is_made) p->is_gone = true;
        if (!t->is_made) p->died_ns = t->is_sure ? t->begun_ns : 0;
        if (t->is_made && p->is_gone && !p->has_lives) begin_anew(c, p, t->at_ns);
    }
}

static void
check_completion(struct checker *c, const struct history_op *op, int64_t number, struct part *p)
{
    if (op->kind == HISTORY_HEALED) c->healed_ns = op->complete_ns;
    if (!p) return;
    if (op->is_final && op->kind != HISTORY_SEND) p->final_begun = true;
    switch (op->kind) {
    case HISTORY_SEND: p->has_sends = true; return;
    case HISTORY_POLL: check_polls(c, op, number, p); return;
    case HISTORY_ASSIGN:
    case HISTORY_TRUNCATION:
    case HISTORY_OUT_OF_RANGE: set_position(c, op, p); return;
    case HISTORY_END: check_end(c, op, p, true); return;
    case HISTORY_CORRUPT: tell_corrupt(c, op, p); return;
    case HISTORY_FINAL_END:
        if (op->node < 0) p->final_end = op->offset;
        return;
    case HISTORY_ADMIN:
    case HISTORY_BEGIN: /* groups: check_groups.c */
    case HISTORY_OWN:
    case HISTORY_DISOWN:
    case HISTORY_STANDBY:
    case HISTORY_STANDBY_OVER:
    case HISTORY_COMMIT:
    case HISTORY_COMMITTED:
    case HISTORY_PROCESS:
    case HISTORY_GIVEN:
    case HISTORY_ACKNOWLEDGE:
    case HISTORY_LETTER:
    case HISTORY_START:
    case HISTORY_LEAVE:
    case HISTORY_HEALED:
    case HISTORY_KINDS_N: return;
    }
}

/* In the order of events. */
static void
check_events(struct checker *c)
{
    const struct history *h = c->h;
    int64_t turn = 0;
    for (int64_t i = 0; i < h->events.n; i++) {
        int64_t number = history_event_op(h->events.v[i]);
        const struct history_op *op = &h->ops.v[number];
        for (const struct turn *t; (t = turn_next(c, &turn, history_event_ns(h, h->events.v[i])));)
            take_turn(c, t);
        struct part *p = checker_part(c, op->topic, op->partition);
        if (history_event_is_complete(h->events.v[i])) check_completion(c, op, number, p);
        else if (op->kind == HISTORY_SEND) (void)sent_add(c, op->value, number);
        else if (op->kind == HISTORY_END && p) check_end(c, op, p, false);
    }
}

/* ---- all of it -------------------------------------------------------------------------------------- */

void
check_history(struct mem *mem, const struct history *h, const struct check_facts *facts,
              struct check_result *ret)
{
    struct checker c = {.mem = mem, .h = h, .facts = facts, .ret = ret, .healed_ns = -1};
    *ret = (struct check_result){.counts = history_counts(h)};
    anomalies_init(&ret->anomalies, mem);
    sent_init(&c, ret->counts.produced);
    checker_make_parts(&c);
    make_logs(&c);
    turns_gather(&c);
    check_events(&c);
    check_log(&c);
    check_admin(&c);
    check_txns(&c);
    if (h->groups.n) check_groups(&c);
    if (h->groups.n) check_shares(&c);
    ret->is_conclusive = ret->counts.acknowledged > 0;
    release(&c);
}

void
check_result_release(struct check_result *r)
{
    anomalies_release(&r->anomalies);
}
