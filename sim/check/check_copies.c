/* Members that copy in transactions: of each record that their group has read there is one copy, and no more, for readers
 * of committed records. Two are there when a replaced member could commit, or when copies became visible without their offset;
 * none, when the offset did without the copies. */
#include "sim/check/checker.h"

struct copies {
    struct checker *c;
    int64_t *of; /* by group, index in c->sent: 1 + the send that is its first copy in the log */
    int32_t *groups; /* by process: of which group its work is; -1 */
    bool *is_unread; /* by group: the final read of its copies came to no end */
};

static int64_t *
copy_of(const struct copies *k, int32_t group, const struct sent *source)
{
    return &k->of[(int64_t)group * k->c->sent.n + (source - k->c->sent.v)];
}

static void
tell_copied_twice(struct copies *k, const struct history_op *op, const struct history_op *first,
                  const struct history_read *from)
{
    struct checker *c = k->c;
    struct telling t =
        tell_begin(c, RULE_COPIED_TWICE, checker_part(c, op->topic, op->partition),
                   sent_find(c, op->value)->final_offset, op->value, op->complete_ns);
    tell_value(&t, op->value), tell_text(&t, " is a copy of ");
    tell_value(&t, from->value), tell_text(&t, ", and so is ");
    tell_value(&t, first->value), tell_text(&t, ": ");
    tell_process(&t, first->process), tell_text(&t, " sent it"), tell_time(&t, first->invoke_ns);
    tell_text(&t, ", "), tell_process(&t, op->process), tell_text(&t, " this one");
    tell_time(&t, op->invoke_ns);
    t.beside = first;
    /* Who finds no commit copies again. */
    tell_end_of_commit(&t, k->groups[op->process], first->invoke_ns,
                       first->complete_ns < 0 ? first->invoke_ns : first->complete_ns);
}

static void
take_copy(struct copies *k, const struct history_op *op, int64_t number)
{
    struct checker *c = k->c;
    const struct history_read *from = history_reads(c->h, op);
    const struct sent *copy = sent_find(c, op->value), *source = sent_find(c, from->value);
    const struct part *p = checker_part(c, op->topic, op->partition);
    int32_t group = k->groups[op->process];
    if (group < 0 || !copy || !source || !p) return;
    if (p->final_end < 0) k->is_unread[group] = true;
    if (copy->final_offset < 0) return;
    int64_t *first = copy_of(k, group, source);
    if (!*first) {
        *first = number + 1;
        return;
    }
    /* A producer without idempotence may have sent it twice: at another offset it is another record. */
    const struct history_op *other = &c->h->ops.v[*first - 1];
    const struct history_read *before = history_reads(c->h, other);
    if (before && before->offset == from->offset) tell_copied_twice(k, op, other, from);
}

/* It was there, or may have been, and is gone from where retention or DeleteRecords has taken records since. */
static void
take_removed_copy(struct copies *k, const struct history_op *op, int64_t number)
{
    struct checker *c = k->c;
    const struct history_read *from = history_reads(c->h, op);
    const struct sent *copy = sent_find(c, op->value), *source = sent_find(c, from->value);
    const struct part *p = checker_part(c, op->topic, op->partition);
    int32_t group = k->groups[op->process];
    if (group < 0 || !copy || !source || !p || copy->final_offset >= 0) return;
    int64_t removed_to = part_removed_to(c, p);
    if (removed_to <= 0 || op->outcome == HISTORY_FAIL || op->offset >= removed_to) return;
    int64_t *first = copy_of(k, group, source);
    if (!*first) *first = number + 1;
}

struct copies *
copies_gather(struct checker *c)
{
    const struct history *h = c->h;
    struct copies *k = MEM_NEW(c->mem, struct copies);
    k->c = c;
    k->of = mem_alloc(c->mem, h->groups.n * c->sent.n * (int64_t)sizeof *k->of);
    k->groups = mem_alloc(c->mem, h->processes.n * (int64_t)sizeof *k->groups);
    k->is_unread = mem_alloc(c->mem, h->groups.n);
    for (int64_t i = 0; i < h->processes.n; i++) k->groups[i] = -1;
    for (int64_t i = 0; i < h->ops.n; i++)
        if (h->ops.v[i].kind == HISTORY_BEGIN) k->groups[h->ops.v[i].process] = h->ops.v[i].node;
    for (int64_t i = 0; i < h->ops.n; i++)
        if (h->ops.v[i].kind == HISTORY_SEND && h->ops.v[i].reads_n) take_copy(k, &h->ops.v[i], i);
    for (int64_t i = 0; i < h->ops.n; i++)
        if (h->ops.v[i].kind == HISTORY_SEND && h->ops.v[i].reads_n)
            take_removed_copy(k, &h->ops.v[i], i);
    return k;
}

bool
copies_have(const struct copies *k, int32_t group, uint64_t source)
{
    const struct sent *s = sent_find(k->c, source);
    return !s || k->is_unread[group] || *copy_of(k, group, s) != 0;
}

void
copies_free(struct copies *k)
{
    struct checker *c = k->c;
    mem_free(c->mem, k->of, c->h->groups.n * c->sent.n * (int64_t)sizeof *k->of);
    mem_free(c->mem, k->groups, c->h->processes.n * (int64_t)sizeof *k->groups);
    mem_free(c->mem, k->is_unread, c->h->groups.n);
    MEM_DELETE(c->mem, k);
}
