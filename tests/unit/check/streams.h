/* Notes as nodes would leave them, for tests of what listens to notes. Machines 0, 1, 2 are the brokers
 * b1, b2, b3; machines 3, 4, 5 the controllers k1, k2, k3. */
#ifndef TESTS_UNIT_CHECK_STREAMS_H
#define TESTS_UNIT_CHECK_STREAMS_H

#include "sim/check/invariants.h"
#include "sim/check/oracle.h"
#include "tests/lib/test.h"

enum { FOLLOWER = 1, LEADER = 2, RAFT_LEADS = 5, RAFT_FOLLOWS = 2 };
#define META S("__cluster_metadata-0")

struct tale {
    struct mem mem;
    struct invariants *v;
    struct oracle *o;
    struct history h;
    int64_t now_ns;
    int32_t process, topic;
};

static inline int64_t
tale_now(void *ctx)
{
    return ((struct tale *)ctx)->now_ns += 1000000;
}

static inline void
say(struct tale *s, int32_t node, enum note_kind kind, struct slice subject, struct slice text,
    int64_t a, int64_t b, int64_t c, int64_t d, int64_t e)
{
    struct note n = {.kind = kind, .subject = subject, .text = text, .n = 5, .v = {a, b, c, d, e}};
    (void)tale_now(s);
    if (s->v) invariants_note(s->v, s->now_ns, node, &n);
    if (s->o) oracle_note(s->o, s->now_ns, node, &n);
}

static inline void
life(struct tale *s, int32_t node, enum life what)
{
    (void)tale_now(s);
    if (s->v) invariants_life(s->v, s->now_ns, node, what);
    if (s->o) oracle_life(s->o, s->now_ns, node, what);
}

#define ORDERS S("orders-0")

static inline void
recovered(struct tale *s, int32_t node, int64_t end)
{
    say(s, node, NOTE_LOG_RECOVERED, ORDERS, SLICE_NULL, 0, end, 0, 1, 0);
}

/* One batch of one record; its checksum says what it is. */
static inline void
append(struct tale *s, int32_t node, int64_t offset, int32_t epoch, uint32_t crc, bool as_leader)
{
    say(s, node, NOTE_LOG_APPEND, ORDERS, SLICE_NULL, offset, offset, epoch, crc, as_leader);
    say(s, node, NOTE_LOG_WRITTEN, ORDERS, SLICE_NULL, offset + 1, 0, 0, 0, 0);
}

static inline void
role(struct tale *s, int32_t node, int32_t what, int32_t leader_id, int32_t epoch)
{
    say(s, node, NOTE_PARTITION_ROLE, ORDERS, SLICE_NULL, what, leader_id, epoch, epoch, 0);
}

static inline void
high_watermark(struct tale *s, int32_t node, int64_t hw, int32_t epoch, bool leads)
{
    say(s, node, NOTE_PARTITION_HW, ORDERS, SLICE_NULL, hw, epoch, leads, hw, 0);
}

static inline void
decide(struct tale *s, int32_t leader, int32_t epoch, int32_t partition_epoch, bool unclean,
       struct slice text)
{
    say(s, 3, NOTE_PARTITION_CHANGE, ORDERS, text, leader, epoch, partition_epoch, unclean, 0);
}

static inline void
told(void *ctx, const struct history_op *op, bool is_complete)
{
    struct tale *s = ctx;
    if (is_complete && s->o) oracle_told(s->o, &s->h, op);
}

/* b1 leads epoch 0 of orders-0, b2 and b3 follow, all in the ISR; ten records are everywhere and committed. */
static inline void
tale_begin(struct tale *s, bool with_oracle)
{
    static const char *const names[] = {"b1", "b2", "b3", "k1", "k2", "k3"};
    memset(s, 0, sizeof *s);
    test_mem_init(&s->mem);
    if (with_oracle) s->o = oracle_new(&s->mem);
    else s->v = invariants_new(&s->mem);
    history_init(&s->h, &s->mem, tale_now, s);
    s->h.listener = told, s->h.listener_ctx = s;
    s->process = history_process(&s->h, S("p1"));
    s->topic = history_topic(&s->h, S("orders"));
    for (int32_t i = 0; i < 6; i++) {
        if (s->v) invariants_node(s->v, i, slice_cstr(names[i]), i < 3 ? i + 1 : i + 98, i >= 3);
        if (s->o) oracle_name(s->o, i, slice_cstr(names[i]));
    }
    if (s->v) invariants_topic(s->v, S("orders"), 2);
    for (int32_t id = 1; id <= 3; id++) {
        say(s, 3, NOTE_BROKER_REGISTERED, SLICE_EMPTY, SLICE_EMPTY, id, 10 + id, 7 * id, 1, 0);
        say(s, 3, NOTE_BROKER_UNFENCED, SLICE_EMPTY, SLICE_EMPTY, id, 10 + id, 0, 0, 0);
    }
    decide(s, 1, 0, 0, false, S("replicas=1,2,3 isr=1,2,3 elr= last="));
    for (int32_t i = 0; i < 3; i++) recovered(s, i, 0), role(s, i, i ? FOLLOWER : LEADER, 1, 0);
}

/* A record is sent to the leader, kept by it and the followers named by bits, and acknowledged. */
static inline void
produce(struct tale *s, int32_t leader, int64_t offset, int32_t epoch, int32_t followers,
        int16_t acks)
{
    struct history_op op = history_op_new(HISTORY_SEND, s->process, s->topic, 0);
    op.value = history_next_value(&s->h, s->process);
    op.acks = acks;
    op.idempotent = true;
    int64_t number = history_invoke(&s->h, &op);
    uint32_t crc = (uint32_t)op.value * 7;
    if (s->o) oracle_sent(s->o, leader, crc, 0, &op.value, 1);
    append(s, leader, offset, epoch, crc, true);
    for (int32_t i = 0; i < 3; i++)
        if (followers >> i & 1 && i != leader) append(s, i, offset, epoch, crc, false);
    if (acks == -1) high_watermark(s, leader, offset + 1, epoch, true);
    history_complete(&s->h, number, HISTORY_OK, 0, 0, offset);
}

static inline void
tale_end(struct tale *s)
{
    mem_release(&s->mem);
}

#endif
