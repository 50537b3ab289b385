/* Compacted topics: a record may be gone when a later one of its key is there. It may be gone, too, when its key was
 * deleted later, if tombstones may be gone after all (delete.retention.ms): but then nothing that came before the
 * tombstone may be there. */
#include "sim/check/checker.h"

static const struct check_topic *
compacted_topic_of(const struct checker *c, const struct part *p)
{
    static const struct check_topic plain;
    return p->topic < c->facts->topics_n ? &c->facts->topics[p->topic] : &plain;
}

bool
part_is_compacted(const struct checker *c, const struct part *p)
{
    return compacted_topic_of(c, p)->is_compacted;
}

static struct key_end *
key_end_of(struct checker *c, struct part *p, int64_t key)
{
    while (p->keys.n <= key) {
        struct key_end none = {.final = -1, .value = -1, .deleted = -1};
        VEC_PUSH(c->mem, &p->keys, none);
    }
    return &p->keys.v[key];
}

static void
know_sent(struct checker *c, struct part *p, int64_t i)
{
    const struct sent *s = &c->sent.v[i];
    const struct history_op *op = &c->h->ops.v[s->op];
    struct key_end *k = key_end_of(c, p, op->key);
    if (s->final_offset > k->final) k->final = s->final_offset, k->value = i;
    if (!op->is_tombstone) return;
    if (op->outcome == HISTORY_OK) k->deleted = MAX(k->deleted, op->offset);
    else if (op->outcome != HISTORY_FAIL) k->is_uncertain = true;
}

/* One whose partition nobody knows may be in any of them. */
void
compacted_begin(struct checker *c)
{
    for (int64_t i = 0; i < c->sent.n; i++) {
        const struct history_op *op = &c->h->ops.v[c->sent.v[i].op];
        if (op->topic < 0 || op->key < 0) continue;
        for (int32_t k = 0; k < c->parts_n; k++) {
            struct part *p = &c->parts[k];
            bool is_there = op->partition < 0 || p->partition == op->partition;
            if (p->topic == op->topic && is_there && part_is_compacted(c, p)) know_sent(c, p, i);
        }
    }
}

bool
compacted_away(const struct checker *c, const struct part *p, uint64_t value, int64_t offset)
{
    const struct sent *s = part_is_compacted(c, p) ? sent_find(c, value) : NULL;
    int64_t key = s ? c->h->ops.v[s->op].key : -1;
    if (key < 0 || key >= p->keys.n) return false;
    const struct key_end *k = &p->keys.v[key];
    if (k->final > offset) return true;
    return compacted_topic_of(c, p)->tombstones_go && (k->deleted >= offset || k->is_uncertain);
}

static void
tell_resurrected(struct checker *c, const struct part *p, const struct key_end *k)
{
    const struct sent *s = &c->sent.v[k->value];
    const struct history_op *op = &c->h->ops.v[s->op];
    struct telling t = tell_begin(c, RULE_RESURRECTED, p, k->final, s->value, op->complete_ns);
    tell_send(&t), tell_text(&t, "; the final read has it as the last of its key, k");
    fmt_i64(&t.w, op->key), tell_text(&t, ", which was deleted by ");
    tell_offset(&t, k->deleted), tell_text(&t, ", acknowledged later");
    t.missed_offset = k->deleted;
    tell_end(&t);
}

/* As long as tombstones stay, one that is missing is lost. */
void
check_resurrected(struct checker *c, const struct part *p)
{
    if (!part_is_compacted(c, p) || !compacted_topic_of(c, p)->tombstones_go || p->final_end < 0)
        return;
    for (int64_t i = 0; i < p->keys.n; i++) {
        const struct key_end *k = &p->keys.v[i];
        if (k->final < 0 || k->final >= k->deleted) continue;
        if (!c->h->ops.v[c->sent.v[k->value].op].is_tombstone) tell_resurrected(c, p, k);
    }
}
