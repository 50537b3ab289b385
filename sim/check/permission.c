/* What a configuration permits under the faults that were done. The matrix in words:
 *
 *      acks=0                 may lose whenever a connection breaks
 *      acks=1                 may lose when leadership moves: under any fault; but not what somebody has read,
 *                             for only what is committed is given to read
 *      acks=all               survives every crash and cut; of copies that can vanish (power loss without a
 *                             flush for each message, wiped disks) it survives fewer than were surely made:
 *                             min.insync.replicas with ELR, the smallest ISR without
 *      unclean election       may lose, and give offsets to other records
 *      without idempotence    may duplicate, and reorder on retry */
#include "sim/check/check.h"

static struct permission
allow(const char *why)
{
    return (struct permission){true, why};
}

/* Copies that may vanish at once without a loss. */
static int32_t
tolerated(const struct check_topic *t)
{
    int32_t by_elr = t->elr ? t->min_isr - 1 : 0;
    return MAX(0, MAX(by_elr, t->smallest_isr - 1));
}

static struct permission
may_lose_committed(const struct check_facts *f, const struct check_topic *t)
{
    int32_t vanished = f->wipes + (t->flush_each ? 0 : f->power_losses);
    if (t->unclean) return allow("unclean leader election");
    if (vanished > tolerated(t))
        return allow("more copies were destroyed than the configuration tolerates");
    return (struct permission){false, NULL};
}

static struct permission
may_lose(const struct check_facts *f, const struct check_topic *t, const struct history_op *send)
{
    if (!t->unclean && send && send->acks == 0) return allow("acks=0");
    if (!t->unclean && send && send->acks == 1 && f->faults > 0) return allow("acks=1");
    return may_lose_committed(f, t);
}

static struct permission
may_repeat(const struct history_op *send)
{
    if (send && !send->idempotent) return allow("no idempotence");
    return (struct permission){false, NULL};
}

struct permission
permission_of(const struct check_facts *f, const struct check_topic *topic, enum rule rule,
              const struct history_op *send, bool was_read)
{
    struct permission p;
    switch (rule) {
    case RULE_DUPLICATE:
    case RULE_REORDERED: p = may_repeat(send); return p.allowed ? p : may_lose(f, topic, send);
    case RULE_LOST:
    case RULE_INCONSISTENT_OFFSET:
        return was_read ? may_lose_committed(f, topic) : may_lose(f, topic, send);
    case RULE_READ_LOST:
    case RULE_POLL_SKIP:
    case RULE_NONMONOTONIC_POLL:
    case RULE_END_WENT_BACK: return may_lose_committed(f, topic);
    default: return (struct permission){false, NULL};
    }
}

bool
permission_exists(enum rule rule)
{
    switch (rule) {
    case RULE_LOST:
    case RULE_READ_LOST:
    case RULE_DUPLICATE:
    case RULE_REORDERED:
    case RULE_INCONSISTENT_OFFSET:
    case RULE_POLL_SKIP:
    case RULE_NONMONOTONIC_POLL:
    case RULE_END_WENT_BACK: return true;
    default: return false;
    }
}
