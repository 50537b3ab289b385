/* What an administrator was told, against what was there in the end. */
#include "sim/check/checker.h"

/* A DeleteRecords that was answered: below the offset that the answer names nothing comes back, for every replica
 * that lived had been waited for (KIP-107). */
static void
check_deleted(struct checker *c, const struct history_op *op)
{
    const struct part *p = checker_part(c, op->topic, op->partition);
    if (!p || p->final_end < 0 || p->final_first < 0 || p->final_first >= op->offset) return;
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
    for (int64_t i = 0; i < c->h->ops.n; i++) {
        const struct history_op *op = &c->h->ops.v[i];
        if (op->kind == HISTORY_ADMIN && op->outcome == HISTORY_OK &&
            op->key == ADMIN_DELETE_RECORDS)
            check_deleted(c, op);
    }
}
