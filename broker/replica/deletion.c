/* Deleting a partition's first records, and waiting until they are gone from every live replica. */
#include "broker/base/check.h"
#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"

#include "errors.h"

int64_t
partition_low_watermark(const struct partition *p)
{
    struct replica_start starts[REPLICAS_MAX];
    int32_t n = 0;
    for (int64_t i = 0; i < p->followers.n && n < REPLICAS_MAX; i++) {
        const struct follower *f = &p->followers.v[i];
        const struct image_broker *b = image_broker(p->owner->image, f->broker_id);
        starts[n++] = (struct replica_start){f->progress.log_start, b && !b->is_fenced};
    }
    return low_watermark(commitlog_start(&p->log), starts, n);
}

int16_t
partition_delete_records(struct partition *p, int64_t offset, int64_t *ret_offset)
{
    int16_t err = partition_check_leader(p, -1);
    if (err) return err;
    /* What the cleaner keeps, it keeps for ever. */
    if (p->config->log.compact && !p->config->log.delete) return K_ERR_POLICY_VIOLATION;
    if (offset == DELETE_UP_TO_HIGH_WATERMARK) offset = p->high_watermark;
    if (offset < 0 || offset > p->high_watermark) return K_ERR_OFFSET_OUT_OF_RANGE;
    if (!commitlog_advance_start(&p->log, offset)) return K_ERR_OFFSET_OUT_OF_RANGE;
    CHECK(commitlog_start(&p->log) >= offset);
    *ret_offset = offset;
    return 0;
}

/* ---- waiting ----------------------------------------------------------------------------------- */

void
deletion_waiter_cancel(struct deletion_waiter *w)
{
    list_remove(&w->node);
    list_remove(&w->among_all);
}

bool
partition_wait_deleted(struct partition *p, struct deletion_waiter *w)
{
    if (partition_low_watermark(p) >= w->required) return false;
    w->partition = p;
    list_push_back(&p->deletion_waiters, &w->node);
    list_push_back(&p->owner->deletion_waiters, &w->among_all);
    return true;
}

/* done() may answer, and start what comes next on the connection; so who is done is gathered first. */
static void
tell_waiters(struct list *reached, int16_t err)
{
    for (struct list *n; (n = list_pop_front(reached)) != NULL;) {
        struct deletion_waiter *w = LIST_ENTRY(n, struct deletion_waiter, node);
        w->done(w, err);
    }
}

void
partition_look_deleted(struct partition *p)
{
    if (list_is_empty(&p->deletion_waiters)) return;
    int64_t low = partition_low_watermark(p);
    struct list reached;
    list_init(&reached);
    LIST_EACH(&p->deletion_waiters, w, struct deletion_waiter, node) {
        if (low < w->required) continue;
        deletion_waiter_cancel(w);
        list_push_back(&reached, &w->node);
    }
    tell_waiters(&reached, 0);
}

void
partition_fail_deletions(struct partition *p, int16_t err)
{
    struct list gone;
    list_init(&gone);
    LIST_EACH(&p->deletion_waiters, w, struct deletion_waiter, node) {
        deletion_waiter_cancel(w);
        list_push_back(&gone, &w->node);
    }
    tell_waiters(&gone, err);
}

/* A broker that is fenced now is waited for no longer. */
void
replicas_look_deleted(struct replicas *r)
{
    struct list reached;
    list_init(&reached);
    LIST_EACH(&r->deletion_waiters, w, struct deletion_waiter, among_all) {
        if (partition_low_watermark(w->partition) < w->required) continue;
        deletion_waiter_cancel(w);
        list_push_back(&reached, &w->node);
    }
    tell_waiters(&reached, 0);
}
