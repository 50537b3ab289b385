/* A loop with machines on it, for the tests of the real body. */
#ifndef TESTS_UNIT_OS_BODY_H
#define TESTS_UNIT_OS_BODY_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/test.h"

#include "broker/os/machine.h"

struct body {
    struct os_loop *loop;
    struct os_machine *m; /* most tests need one */
    char dir[64];
    char why[128], noted[256]; /* what was said last */
    int fatals, notes;
};

static inline void
body_fatal(void *ctx, struct os_machine *m, struct slice why)
{
    (void)m;
    struct body *b = ctx;
    b->fatals++;
    snprintf(b->why, sizeof b->why, "%.*s", (int)why.n, (const char *)why.p);
}

static inline void
body_note(void *ctx, const struct os_machine *m, const struct note *n)
{
    (void)m;
    struct body *b = ctx;
    b->notes++;
    snprintf(b->noted, sizeof b->noted, "%.*s: %.*s", (int)n->subject.n, (const char *)n->subject.p,
             (int)n->text.n, (const char *)n->text.p);
}

static const struct os_machine_ops body_ops = {.note = body_note, .fatal = body_fatal};

static inline struct os_machine *
body_machine(struct body *b)
{
    struct os_machine_params p = {
        .ops = &body_ops, .ctx = b, .root = b->dir, .memory_ceiling_bytes = 1 << 30};
    struct os_machine *m = os_machine_new(b->loop, &p);
    assert_non_null(m);
    return m;
}

static inline void
body_init(struct body *b)
{
    memset(b, 0, sizeof *b);
    snprintf(b->dir, sizeof b->dir, "/tmp/gregor-os-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    b->loop = os_loop_new(4);
    assert_non_null(b->loop);
    b->m = body_machine(b);
}

static inline void
body_release(struct body *b)
{
    os_machine_free(b->m);
    os_loop_free(b->loop);
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", b->dir);
    assert_int_equal(system(command), 0);
}

/* Calls into a machine from outside, then lets it go on until cond holds. */
#define BODY_DO(m, ...) \
    do { \
        os_machine_enter(m); \
        __VA_ARGS__; \
        os_machine_carry_out(m); \
    } while (0)
#define BODY_UNTIL(b, cond) \
    do { \
        int64_t end_ = os_now_ns() + 20 * NS_PER_S; \
        while (!(cond) && os_now_ns() < end_) os_loop_turn((b)->loop, NS_PER_S); \
        assert_true(cond); \
    } while (0)

/* An operation that remembers that it was done. */
struct waiting {
    struct op op;
    int done;
};

static inline void
waiting_done(struct op *op)
{
    CONTAINER_OF(op, struct waiting, op)->done++;
}

#define BODY_OP(b, w, call) \
    do { \
        (w) = (struct waiting){.op.done = waiting_done}; \
        BODY_DO((b)->m, call); \
        assert_int_equal((w).done, 0); \
        BODY_UNTIL(b, (w).done == 1); \
    } while (0)

#endif
