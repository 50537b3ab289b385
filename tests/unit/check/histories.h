/* Correct histories, made by chance: producers, consumers from leaders, a final read; to be altered. */
#ifndef TESTS_UNIT_CHECK_HISTORIES_H
#define TESTS_UNIT_CHECK_HISTORIES_H

#include "sim/check/check.h"
#include "tests/lib/test.h"

struct made {
    struct mem mem;
    struct history h;
    int64_t now_ns;
    uint64_t dice;
    int32_t topic, p[3], c[2], f, f2;
    uint64_t *log; /* partition 0 as it lies in the end */
    int64_t log_n;
};

static inline int64_t
made_now(void *ctx)
{
    struct made *m = ctx;
    return m->now_ns += 1000;
}

static inline int64_t
made_draw(struct made *m, int64_t below)
{
    m->dice = m->dice * 6364136223846793005ULL + 1442695040888963407ULL;
    return (int64_t)(m->dice >> 33) % below;
}

static inline void
made_poll(struct made *m, int32_t process, int64_t from, int64_t to, bool final, int32_t node)
{
    struct history_op op = history_op_new(HISTORY_POLL, process, m->topic, 0);
    struct history_read *r = mem_alloc(&m->mem, (to - from) * (int64_t)sizeof *r);
    for (int64_t i = from; i < to; i++) r[i - from] = (struct history_read){i, m->log[i], 1};
    op.is_final = final;
    op.node = node;
    if (to > from) (void)history_add(&m->h, &op, HISTORY_OK, r, to - from);
    mem_free(&m->mem, r, (to - from) * (int64_t)sizeof *r);
}

static inline void
made_mark(struct made *m, enum history_kind kind, int32_t process, int64_t offset, bool final,
          int32_t node)
{
    struct history_op op = history_op_new(kind, process, m->topic, 0);
    op.offset = offset;
    op.is_final = final;
    op.node = node;
    op.leader_epoch = 1;
    (void)history_add(&m->h, &op, HISTORY_OK, NULL, 0);
}

static inline void
made_read_all(struct made *m, int32_t process, bool final, int32_t node)
{
    made_mark(m, HISTORY_ASSIGN, process, 0, final, node);
    for (int64_t at = 0; at < m->log_n;) {
        int64_t to = at + 1 + made_draw(m, 50);
        if (to > m->log_n) to = m->log_n;
        made_poll(m, process, at, to, final, node);
        at = to;
    }
    if (final) made_mark(m, HISTORY_FINAL_END, process, m->log_n, true, node);
}

/* Some sends fail, some are unknown: of those every other one is in the log. */
static inline void
made_send(struct made *m)
{
    int32_t p = m->p[made_draw(m, 3)];
    struct history_op op = history_op_new(HISTORY_SEND, p, m->topic, 0);
    int64_t fate = made_draw(m, 100);
    op.value = history_next_value(&m->h, p);
    op.acks = -1;
    op.idempotent = true;
    int64_t number = history_invoke(&m->h, &op);
    if (fate >= 3) m->log[m->log_n++] = op.value;
    if (fate == 0) history_complete(&m->h, number, HISTORY_FAIL, 19, 0, -1);
    else if (fate < 5) history_complete(&m->h, number, HISTORY_INFO, 7, 0, -1);
    else history_complete(&m->h, number, HISTORY_OK, 0, 0, fate < 8 ? -1 : m->log_n - 1);
}

static inline void
made_init(struct made *m, uint64_t seed, int64_t sends)
{
    *m = (struct made){.dice = seed};
    test_mem_init(&m->mem);
    history_init(&m->h, &m->mem, made_now, m);
    m->topic = history_topic(&m->h, S("orders"));
    m->p[0] = history_process(&m->h, S("p1"));
    m->p[1] = history_process(&m->h, S("p2"));
    m->p[2] = history_process(&m->h, S("p3"));
    m->c[0] = history_process(&m->h, S("c1"));
    m->c[1] = history_process(&m->h, S("c2"));
    m->f = history_process(&m->h, S("f"));
    m->f2 = history_process(&m->h, S("f@2"));
    m->log = mem_alloc(&m->mem, sends * 8);
    for (int64_t i = 0; i < sends; i++) {
        made_send(m);
        if (i % 37 == 0) made_mark(m, HISTORY_END, m->c[0], m->log_n, false, -1);
    }
    made_read_all(m, m->c[0], false, -1);
    made_read_all(m, m->c[1], false, -1);
    made_read_all(m, m->f, true, -1);
    made_read_all(m, m->f2, true, 2);
}

/* Finds the nth acknowledged send whose place is known. */
static inline struct history_op *
made_acked(struct made *m, int64_t nth)
{
    for (int64_t i = 0; i < m->h.ops.n; i++) {
        struct history_op *op = &m->h.ops.v[i];
        if (op->kind != HISTORY_SEND || op->outcome != HISTORY_OK || op->offset < 0) continue;
        if (nth-- == 0) return op;
    }
    UNREACHABLE();
}

static inline struct history_op *
made_last_acked(struct made *m)
{
    struct history_op *last = made_acked(m, 0);
    for (int64_t i = 0; i < m->h.ops.n; i++) {
        struct history_op *op = &m->h.ops.v[i];
        if (op->kind == HISTORY_SEND && op->outcome == HISTORY_OK && op->offset >= 0) last = op;
    }
    return last;
}

/* Where a process reads an offset. */
static inline struct history_read *
made_read_at(struct made *m, int32_t process, int64_t offset)
{
    for (int64_t i = 0; i < m->h.ops.n; i++) {
        struct history_op *op = &m->h.ops.v[i];
        if (op->process != process || op->kind != HISTORY_POLL) continue;
        for (int64_t j = 0; j < op->reads_n; j++)
            if (m->h.reads.v[op->first_read + j].offset == offset)
                return &m->h.reads.v[op->first_read + j];
    }
    UNREACHABLE();
}

/* Takes one read out of a process's polls. */
static inline void
made_unread(struct made *m, int32_t process, int64_t offset)
{
    for (int64_t i = 0; i < m->h.ops.n; i++) {
        struct history_op *op = &m->h.ops.v[i];
        if (op->process != process || op->kind != HISTORY_POLL) continue;
        struct history_read *r = &m->h.reads.v[op->first_read];
        for (int64_t j = 0; j < op->reads_n; j++) {
            if (r[j].offset != offset) continue;
            memmove(&r[j], &r[j + 1], (size_t)(op->reads_n - j - 1) * sizeof *r);
            op->reads_n--;
            return;
        }
    }
}

static inline void
made_release(struct made *m)
{
    mem_release(&m->mem);
}

#endif
