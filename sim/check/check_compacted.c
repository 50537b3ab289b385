/* Compacted topics: a record may be gone when a later one of its key is there. It may be gone, too, when its key was
 * deleted later, if tombstones may be gone after all (delete.retention.ms): but then nothing that came before the
 * tombstone may be there. */
#include "sim/check/checker.h"

#include "broker/env/env.h"

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

static bool
has_key_in(const struct checker *c, const struct history_op *op, const struct part *p)
{
    bool is_done = op->outcome == HISTORY_OK && !op->is_of_any_life;
    bool is_its =
        op->topic == p->topic || (!is_done && history_is_namesake(c->h, op->topic, p->topic));
    bool is_there = op->partition < 0 || op->partition == p->partition;
    return is_its && op->key >= 0 && is_there;
}

/* By place, not by record: one that was sent again without idempotence may lie there twice. */
static void
know_lasts(struct checker *c, struct part *p)
{
    for (int64_t i = 0; i < p->n; i++) {
        const struct sent *s = p->final[i] ? sent_find(c, p->final[i]) : NULL;
        if (!s || !has_key_in(c, &c->h->ops.v[s->op], p)) continue;
        struct key_end *k = key_end_of(c, p, c->h->ops.v[s->op].key);
        k->final = p->base + i;
        k->value = s - c->sent.v;
    }
}

static void
know_tombstone(struct checker *c, struct part *p, int64_t i)
{
    const struct history_op *op = &c->h->ops.v[c->sent.v[i].op];
    struct key_end *k = key_end_of(c, p, op->key);
    if (op->outcome == HISTORY_OK && op->offset > k->deleted) {
        k->deleted = op->offset;
        k->tombstone = i;
    }
    /* With acks=0 nobody is told where it lies, nor whether it came. */
    if (history_is_info(op) || (op->outcome == HISTORY_OK && op->offset < 0))
        k->is_uncertain = true;
}

/* A tombstone whose partition nobody knows may be in any of them. */
void
compacted_begin(struct checker *c)
{
    for (int32_t k = 0; k < c->parts_n; k++) {
        struct part *p = &c->parts[k];
        if (!part_is_compacted(c, p)) continue;
        know_lasts(c, p);
        for (int64_t i = 0; i < c->sent.n; i++) {
            const struct history_op *op = &c->h->ops.v[c->sent.v[i].op];
            if (op->is_tombstone && has_key_in(c, op, p)) know_tombstone(c, p, i);
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
    bool is_deleted = k->deleted >= 0 && k->deleted >= offset;
    return compacted_topic_of(c, p)->tombstones_go && (is_deleted || k->is_uncertain);
}

static int64_t
lies_at(const struct sent *s, const struct history_op *op)
{
    if (op->offset >= 0) return op->offset;
    return s->final_offset >= 0 ? s->final_offset : s->polled_offset;
}

/* Every replica cleans for itself: a reader may have met a log that was clean already, and the final reading one that was
 * not, or not yet. What replaces a record must have been on its way by then; of whose fate nobody was told, it may. */
bool
compacted_away_at(const struct checker *c, const struct part *p, uint64_t value, int64_t offset,
                  int64_t at_ns)
{
    const struct sent *s = part_is_compacted(c, p) ? sent_find(c, value) : NULL;
    const struct history_op *own = s ? &c->h->ops.v[s->op] : NULL;
    if (!own || own->key < 0) return false;
    if (own->is_tombstone && compacted_topic_of(c, p)->tombstones_go) return true;
    for (const struct sent *other = c->sent.v; other < c->sent.v + c->sent.n; other++) {
        const struct history_op *op = &c->h->ops.v[other->op];
        if (op->key != own->key || !has_key_in(c, op, p) || op->outcome == HISTORY_FAIL ||
            op->invoke_ns >= at_ns || other == s)
            continue;
        int64_t place = lies_at(other, op);
        if (place < 0 || place > offset) return true;
    }
    return false;
}

/* Who might lead after having been away: since when, while the chronicle is read. */
struct absence {
    const struct checker *c;
    const struct part *p;
    int64_t deleted_ns;
    struct chronicle_ids seen; /* who was ever in sync; beside each when it left, or -1 */
    int64_t left_ns[CHRONICLE_IDS_MAX];
};

/* As much of it as lies behind the deletion was longer than tombstones stay. */
static bool
is_too_long(const struct absence *a, int64_t from_ns, int64_t to_ns)
{
    int64_t stays_ns = compacted_topic_of(a->c, a->p)->tombstones_ms * NS_PER_MS;
    return from_ns >= 0 && to_ns - MAX(from_ns, a->deleted_ns) > stays_ns;
}

static bool
see_placed(struct absence *a, const struct happening *one)
{
    for (int32_t i = 0; i < a->seen.n; i++) {
        bool is_in = chronicle_has(&one->in_sync, a->seen.v[i]);
        if (is_in && is_too_long(a, a->left_ns[i], one->at_ns)) return true;
        if (is_in) a->left_ns[i] = -1;
        else if (a->left_ns[i] < 0) a->left_ns[i] = one->at_ns;
    }
    for (int32_t i = 0; i < one->in_sync.n && a->seen.n < CHRONICLE_IDS_MAX; i++) {
        if (chronicle_has(&a->seen, one->in_sync.v[i])) continue;
        a->left_ns[a->seen.n] = -1;
        a->seen.v[a->seen.n++] = one->in_sync.v[i];
    }
    return false;
}

/* A replica that comes back copies what is there: a tombstone that came and went while it was away it never sees, and
 * keeps what lay before. How long tombstones stay is told by clocks; where those are set, nobody knows. */
static bool
may_have_missed(const struct checker *c, const struct part *p, int64_t deleted_ns)
{
    const struct chronicle *all = c->facts->chronicle;
    struct absence a = {.c = c, .p = p, .deleted_ns = deleted_ns};
    for (int64_t i = 0; all && i < all->v.n; i++) {
        const struct happening *one = &all->v.v[i];
        bool is_placed = one->kind == HAPPENED_PLACED &&
                         happening_is_of(one, history_topic_name(c->h, p->topic), p->partition);
        if (is_placed && see_placed(&a, one)) return true;
    }
    return false;
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
    const struct sent *tombstone = &c->sent.v[k->tombstone];
    t.missed = tombstone->value;
    t.was_read = tombstone->polled_offset >= 0;
    t.missed_offset = k->deleted;
    if (may_have_missed(c, p, c->h->ops.v[tombstone->op].complete_ns))
        t.excuse = "a replica was out of sync for longer than delete.retention.ms after that, and "
                   "may have missed the tombstone";
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
