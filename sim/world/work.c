/* Long computations: done when they are asked for, told later. */
#include <stdlib.h>

#include "broker/base/check.h"
#include "broker/work/work.h"
#include "sim/world/internal.h"

struct work {
    struct entry e;
    struct list node;
    struct mach *m;
    struct op *op;
    enum env_err err;
    int64_t value;
    struct buf *buf;
};

static void
work_free(struct world *w, struct work *k)
{
    entry_disarm(w, &k->e);
    list_remove(&k->node);
    MEM_DELETE(&w->mem, k);
}

static void
work_fire(struct world *w, struct entry *e)
{
    struct work *k = CONTAINER_OF(e, struct work, e);
    struct mach *m = k->m;
    if (mach_freeze(m, e)) return;
    struct event done = {.kind = EV_DONE, .op = k->op, .err = k->err, .n = k->value, .buf = k->buf};
    work_free(w, k);
    mach_deliver(m, &done);
}

static void
work_carry_out(struct work *k)
{
    const struct op *op = k->op;
    struct work_result r = {0};
    k->err = work_run(op->work, op->codec, op->level, op->segs, op->segs_n, op->offset, &r);
    k->value = r.crc;
    if (k->err == ENV_OK && op->work != WORK_CRC32C)
        k->buf = buf_copy(&k->m->m.env.mem, slice(r.p, r.n));
    free(r.p);
}

void
work_start(struct mach *m, struct op *op)
{
    struct world *w = m->w;
    struct work *k = MEM_NEW(&w->mem, struct work);
    k->e.fire = work_fire;
    k->m = m;
    k->op = op;
    work_carry_out(k);
    list_push_back(&m->works, &k->node);
    int64_t ns = delay_draw(&m->work_dice, &w->options.work);
    if (w->options.work_bytes_per_s)
        ns += op->n * 1000 / MAX(1, w->options.work_bytes_per_s / 1000000);
    entry_arm(w, &k->e, w->now_ns + ns);
}

void
work_forget(struct mach *m)
{
    LIST_EACH(&m->works, k, struct work, node) work_free(m->w, k);
}
