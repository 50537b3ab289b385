/* What an administrator was told, against what was there in the end. */
#include "sim/check/checker.h"

/* The chronicle, while it is read for one deletion. */
struct keepers {
    struct chronicle_ids in_sync; /* who might lead, the last that were any */
    struct chronicle_ids ended;   /* of them, since the answer, and not in sync again */
    struct chronicle_ids
        unheard; /* who might lead and was fenced at the answer, and has not been in the ISR since */
    int32_t leader;
};

static void
ids_drop(struct chronicle_ids *ids, int32_t id)
{
    for (int32_t i = 0; i < ids->n; i++)
        if (ids->v[i] == id) ids->v[i--] = ids->v[--ids->n];
}

static void
keepers_see(struct keepers *k, const struct happening *one, bool is_after)
{
    if (one->kind == HAPPENED_PLACED) {
        k->leader = one->leader;
        if (!one->in_sync.n) return;
        /* Who comes in has fetched what it lacks, and learnt where the log begins. */
        for (int32_t i = 0; i < one->in_sync.n; i++)
            if (!chronicle_has(&k->in_sync, one->in_sync.v[i]))
                ids_drop(&k->ended, one->in_sync.v[i]);
        k->in_sync = one->in_sync;
    } else if (is_after && (one->kind == HAPPENED_ENDED || one->kind == HAPPENED_COPIES_GONE)) {
        if (!chronicle_has(&k->ended, one->node) && k->ended.n < CHRONICLE_IDS_MAX)
            k->ended.v[k->ended.n++] = one->node;
    }
}

/* Kafka waits for live replicas only (Partition.lowWatermarkIfLeader). One that is fenced learns where the log begins before it is
 * in the ISR again; but out of the ELR it may lead before that (KIP-966). True: it does. */
static bool
leads_unheard(struct keepers *k, const struct history_op *op, const struct happening *one)
{
    if (one->kind != HAPPENED_PLACED) return false;
    if (one->at_ns <= op->invoke_ns) k->unheard.n = 0;
    for (int32_t i = 0; i < one->in_sync.n; i++) {
        int32_t id = one->in_sync.v[i];
        bool is_fenced = chronicle_has(&one->elr, id), is_known = chronicle_has(&k->unheard, id);
        bool is_before = one->at_ns <= op->complete_ns;
        if (is_before && is_fenced && !is_known && k->unheard.n < CHRONICLE_IDS_MAX)
            k->unheard.v[k->unheard.n++] = id;
        if (!is_before && id == one->leader && is_known) return true;
        if (!is_before && !is_fenced) ids_drop(&k->unheard, id);
    }
    return false;
}

/* Where a log begins every broker keeps in memory, and writes down now and then: if all who might lead end without
 * order, nobody may know any more. And a leader that was deposed and does not know it deletes from its own log only. */
static bool
may_come_back(const struct checker *c, const struct part *p, const struct history_op *op)
{
    const struct chronicle *all = c->facts->chronicle;
    struct slice topic = history_topic_name(c->h, op->topic);
    struct keepers k = {.leader = -1};
    bool was_led = op->node < 0; /* by who answered, for all of that time */
    for (int64_t i = 0; all && i < all->v.n; i++) {
        const struct happening *one = &all->v.v[i];
        if (!happening_is_of(one, topic, p->partition)) continue;
        bool is_after = one->at_ns > op->complete_ns;
        if (is_after && !was_led && k.leader != op->node) return true;
        was_led = was_led || is_after;
        if (leads_unheard(&k, op, one)) return true;
        keepers_see(&k, one, is_after);
        int32_t out = 0;
        for (int32_t j = 0; j < k.in_sync.n; j++) out += chronicle_has(&k.ended, k.in_sync.v[j]);
        if (is_after && k.in_sync.n && out == k.in_sync.n) return true;
    }
    return !was_led && k.leader != op->node;
}

/* The topic itself was deleted since, or perhaps: another one of its name begins anew. */
static bool
may_be_another_topic(const struct checker *c, const struct history_op *deletion)
{
    for (int64_t i = 0; i < c->turns.n; i++) {
        const struct turn *t = &c->turns.v[i];
        if (!t->is_made && history_is_namesake(c->h, t->topic, deletion->topic) &&
            (!t->is_sure || t->at_ns >= deletion->invoke_ns))
            return true;
    }
    return false;
}

/* A DeleteRecords that was answered: below the offset that the answer names nothing comes back, for every replica
 * that lived had been waited for (KIP-107). */
static void
check_deleted(struct checker *c, const struct history_op *op)
{
    const struct part *p = checker_part(c, op->topic, op->partition);
    if (!p || p->final_end < 0 || p->final_first < 0 || p->final_first >= op->offset) return;
    if (may_be_another_topic(c, op) || may_come_back(c, p, op)) return;
    struct telling t =
        tell_begin(c, RULE_UNDELETED, p, p->final_first, part_final(p, p->final_first), -1);
    tell_text(&t, "the records before "), tell_offset(&t, op->offset);
    tell_text(&t, " were deleted"), tell_time(&t, op->complete_ns);
    tell_text(&t, ", yet the final read has "), tell_value(&t, t.value);
    tell_text(&t, " at "), tell_offset(&t, t.offset);
    tell_end(&t);
}

void
check_admin(struct checker *c)
{
    for (int64_t i = 0; c->has_admin && i < c->h->ops.n; i++) {
        const struct history_op *op = &c->h->ops.v[i];
        if (op->kind == HISTORY_ADMIN && op->outcome == HISTORY_OK &&
            op->key == ADMIN_DELETE_RECORDS)
            check_deleted(c, op);
    }
}
