/* A small run, written by hand: b1 leads orders-0, crashes with two records that b2 has not, b2 leads,
 * b1 comes back and cuts them off. Node ids are the digits of the names. */
#ifndef TESTS_UNIT_VISUALIZE_SYNTHETIC_H
#define TESTS_UNIT_VISUALIZE_SYNTHETIC_H

#include "apis.h"
#include "broker/env/notes.h"
#include "sim/trace/reader.h"
#include "sim/trace/writer.h"
#include "tests/lib/test.h"
#include "visualize/visualize.h"

#define MS 1000000LL

enum { B1, B2, K1, P1 };

struct synthetic {
    struct mem mem;
    struct writer bytes;
    struct trace_writer *t;
    int64_t now_ns;
    int64_t frames;
    enum note_group group_kind;
};

static inline void
put(struct synthetic *s, struct trace_record r)
{
    r.at_ns = s->now_ns;
    trace_write(s->t, &r);
}

static inline void
put_note(struct synthetic *s, int32_t machine, enum note_kind kind, struct slice subject,
         struct slice text, int64_t n0, int64_t n1, int64_t n2, int64_t n3)
{
    put(s, (struct trace_record){.kind = TRACE_NOTE,
                                 .machine = machine,
                                 .what = (int32_t)kind,
                                 .n = {n0, n1, n2, n3},
                                 .a = subject,
                                 .b = text});
}

static inline void
put_said(struct synthetic *s, int32_t machine, struct slice area, struct slice subject,
         struct slice text)
{
    put(s, (struct trace_record){
               .kind = TRACE_SAID, .machine = machine, .a = area, .b = subject, .c = text});
}

static inline void
put_life(struct synthetic *s, int32_t machine, int32_t what, int64_t incarnation)
{
    put(s, (struct trace_record){
               .kind = TRACE_LIFE, .machine = machine, .what = what, .n = {incarnation}});
}

static inline void
put_machine(struct synthetic *s, int32_t machine, struct slice name, struct slice kind)
{
    put(s, (struct trace_record){
               .kind = TRACE_MACHINE, .machine = machine, .a = name, .b = name, .c = kind});
}

/* Sent now; fate 1: delivered, 2: dropped, after so long. */
static inline void
put_frame(struct synthetic *s, int32_t from, int32_t to, int16_t api, int32_t fate,
          int64_t after_ns)
{
    int64_t id = ++s->frames;
    put(s, (struct trace_record){.kind = TRACE_FRAME,
                                 .machine = from,
                                 .other = to,
                                 .n = {id, 9092, 1, 0, api, 0, 1, 100}});
    int64_t before = s->now_ns;
    s->now_ns += after_ns;
    put(s, (struct trace_record){
               .kind = TRACE_FRAME, .machine = from, .other = to, .what = fate, .n = {id}});
    s->now_ns = before;
}

/* A batch of so many records, and what its holder then takes for committed. */
static inline void
put_batch(struct synthetic *s, int32_t machine, int64_t base, int64_t count, int64_t epoch,
          bool leads, int64_t hw)
{
    put(s, (struct trace_record){.kind = TRACE_NOTE,
                                 .machine = machine,
                                 .what = NOTE_LOG_APPEND,
                                 .n = {base, base + count - 1, epoch, 1, leads, 100},
                                 .a = S("orders-0")});
    put_note(s, machine, NOTE_PARTITION_HW, S("orders-0"), SLICE_NULL, hw, epoch, leads,
             base + count);
}

static inline void
put_call(struct synthetic *s, struct slice value, enum view_outcome outcome, int64_t offset,
         int64_t invoked_ns, int64_t completed_ns)
{
    put(s, (struct trace_record){.kind = TRACE_SAID,
                                 .machine = P1,
                                 .a = S("history"),
                                 .b = S("orders-0"),
                                 .c = value,
                                 .n = {VIEW_SEND, outcome, offset, invoked_ns, completed_ns,
                                       outcome == VIEW_OK ? 0 : 7, 1, 0}});
}

static inline void
synthetic_beginning(struct synthetic *s)
{
    put(s, (struct trace_record){.kind = TRACE_RUN, .machine = -1, .n = {7, 0}, .a = S("small")});
    put_machine(s, B1, S("b1"), S("broker"));
    put_machine(s, B2, S("b2"), S("broker"));
    put_machine(s, K1, S("k1"), S("controller"));
    put_machine(s, P1, S("p1"), S("client"));
    put_said(s, -1, S("scenario"), S("small"), S("Two <brokers> & a \"crash\"."));
    for (int32_t i = B1; i <= P1; i++) put_life(s, i, 0, 1);
    s->now_ns = 100 * MS;
    put_note(s, K1, NOTE_CONTROLLER_ACTIVE, SLICE_EMPTY, SLICE_EMPTY, 101, 1, 0, 0);
    s->now_ns = 120 * MS;
    put_frame(s, B1, K1, K_API_BROKER_REGISTRATION, 1, 1 * MS);
    s->now_ns = 130 * MS;
    for (int64_t id = 1; id <= 2; id++) {
        put_note(s, K1, NOTE_BROKER_REGISTERED, SLICE_EMPTY, SLICE_EMPTY, id, 10 + id, 0, 0);
        put_note(s, K1, NOTE_BROKER_UNFENCED, SLICE_EMPTY, SLICE_EMPTY, id, 10 + id, 0, 0);
    }
    s->now_ns = 200 * MS;
    put_note(s, K1, NOTE_TOPIC_CREATED, S("orders"), SLICE_NULL, 1, 2, 0, 0);
    put_note(s, K1, NOTE_PARTITION_CHANGE, S("orders-0"), S("replicas=1,2 isr=1,2 elr= last="), 1,
             0, 0, 0);
    s->now_ns = 205 * MS;
    put_note(s, B1, NOTE_PARTITION_ROLE, S("orders-0"), SLICE_NULL, 2, 1, 0, 0);
    put_note(s, B2, NOTE_PARTITION_ROLE, S("orders-0"), SLICE_NULL, 1, 1, 0, 0);
}

static inline void
synthetic_crash(struct synthetic *s)
{
    s->now_ns = 300 * MS;
    put_frame(s, P1, B1, K_API_PRODUCE, 1, 1 * MS);
    s->now_ns = 302 * MS;
    put_batch(s, B1, 0, 4, 0, true, 4);
    put_batch(s, B2, 0, 4, 0, false, 4);
    put_note(s, B1, NOTE_FETCH_POSITION, S("orders-0"), SLICE_NULL, 2, 4, 4, 0);
    s->now_ns = 400 * MS;
    put_batch(s, B1, 4, 2, 0, true, 4);
    s->now_ns = 450 * MS;
    put_said(s, -1, S("fault"), S("crash"), S("b1, leader of orders-0 (epoch 0)"));
    put(s,
        (struct trace_record){.kind = TRACE_FAULT, .machine = -1, .a = S("crash"), .b = S("b1")});
    put_life(s, B1, 1, 1);
    s->now_ns = 460 * MS;
    put_frame(s, P1, B1, K_API_PRODUCE, 2, 2 * MS);
    s->now_ns = 1450 * MS;
    put_note(s, K1, NOTE_BROKER_FENCED, SLICE_EMPTY, SLICE_EMPTY, 1, 11, 0, 0);
    put_note(s, K1, NOTE_PARTITION_CHANGE, S("orders-0"), S("replicas=1,2 isr=2 elr= last="), 2, 1,
             1, 0);
    s->now_ns = 1455 * MS;
    put_note(s, B2, NOTE_PARTITION_ROLE, S("orders-0"), SLICE_NULL, 2, 2, 1, 1);
    s->now_ns = 1500 * MS;
    put_batch(s, B2, 4, 5, 1, true, 9);
}

static inline void
synthetic_return(struct synthetic *s)
{
    s->now_ns = 9000 * MS;
    put_life(s, B1, 0, 2);
    s->now_ns = 9010 * MS;
    put_note(s, B1, NOTE_LOG_RECOVERED, S("orders-0"), SLICE_NULL, 0, 6, 0, 0);
    put_note(s, B1, NOTE_PARTITION_ROLE, S("orders-0"), SLICE_NULL, 1, 2, 1, 1);
    s->now_ns = 9020 * MS;
    put_note(s, B1, NOTE_LOG_TRUNCATE, S("orders-0"), SLICE_NULL, 4, 6, 0, 0);
    put_batch(s, B1, 4, 5, 1, false, 9);
    put_note(s, B2, NOTE_FETCH_POSITION, S("orders-0"), SLICE_NULL, 1, 9, 9, 0);
    s->now_ns = 9030 * MS;
    put_frame(s, B2, K1, K_API_ALTER_PARTITION, 1, 1 * MS);
    put_note(s, K1, NOTE_BROKER_UNFENCED, SLICE_EMPTY, SLICE_EMPTY, 1, 12, 0, 0);
    put_note(s, K1, NOTE_PARTITION_CHANGE, S("orders-0"), S("replicas=1,2 isr=2,1 elr= last="), 2,
             1, 2, 0);
    s->now_ns = 9500 * MS;
    put_call(s, S("p1:1"), VIEW_OK, 0, 290 * MS, 303 * MS);
    put_call(s, S("p1:5"), VIEW_OK, 4, 395 * MS, 401 * MS);
    put_call(s, S("p1:6"), VIEW_OK, 5, 395 * MS, 401 * MS);
    put_call(s, S("p1:7"), VIEW_UNKNOWN, -1, 440 * MS, 1440 * MS);
    put_call(s, S("p1:8"), VIEW_OK, 4, 1490 * MS, 1501 * MS);
    for (int64_t w = 0; w < 2; w++)
        for (int64_t offset = 4; offset < 6; offset++)
            put(s, (struct trace_record){.kind = TRACE_SAID,
                                         .machine = -1,
                                         .a = S("anomaly"),
                                         .b = S("lost orders-0"),
                                         .c = S("acknowledged, and not in the log"),
                                         .n = {500 * MS, offset, 1, w}});
    put(s, (struct trace_record){.kind = TRACE_SAID,
                                 .machine = -1,
                                 .a = S("verdict"),
                                 .b = S("pass"),
                                 .c = S("it lost what it must"),
                                 .n = {5, 4, 1, 0, 9}});
    put(s, (struct trace_record){.kind = TRACE_END, .machine = -1, .n = {1234}});
}

static inline void
put_member(struct synthetic *s, enum view_call kind, int64_t offset, int64_t records, int64_t at_ns)
{
    put(s, (struct trace_record){.kind = TRACE_SAID,
                                 .machine = P1,
                                 .a = S("history"),
                                 .b = S("orders-0"),
                                 .c = S("readers"),
                                 .n = {kind, VIEW_OK, offset, at_ns, at_ns, 0, 1, records}});
}

/* The same run with a group and a transaction in it: p1 has orders-0, loses it, and has it again. */
static inline void
synthetic_group(struct synthetic *s)
{
    s->now_ns = 220 * MS;
    put_note(s, B1, NOTE_GROUP_STATE, S("readers"), S("Assigning"), 1, 1, 1 + s->group_kind, 0);
    put_said(s, -1, S("min-isr"), S("orders"), SLICE_EMPTY);
    s->now_ns = 280 * MS;
    put_note(s, B1, NOTE_GROUP_STATE, S("readers"), S("Stable"), 1, 1, 3 + s->group_kind, 0);
    s->now_ns = 290 * MS;
    put_note(s, B1, NOTE_TXN_STATE, S("copier"), S("Ongoing"), 4000, 2, 0, 0);
}

static inline void
synthetic_group_ends(struct synthetic *s)
{
    s->now_ns = 1502 * MS;
    put_note(s, B2, NOTE_PARTITION_HW, S("orders-0"), SLICE_NULL, 9, 1, 1, 9);
    put_note(s, B2, NOTE_PARTITION_STABLE, S("orders-0"), SLICE_NULL, 5, 9, 1, 0);
    s->now_ns = 1600 * MS;
    put_note(s, B2, NOTE_TXN_STATE, S("copier"), S("PrepareAbort"), 4000, 2, NOTE_TXN_END_LATE, 0);
    put_note(s, B1, NOTE_GROUP_STATE, S("readers"), S("Dead"), 1, 1, 4 + s->group_kind,
             0); /* on b1: b2 has it now */
    put_note(s, B2, NOTE_GROUP_STATE, S("readers"), S("Reconciling"), 2, 1, 2 + s->group_kind, 0);
    s->now_ns = 1900 * MS;
    put_note(s, B2, NOTE_TXN_STATE, S("copier"), S("CompleteAbort"), 4000, 3, 0, 0);
    put_note(s, B2, NOTE_GROUP_STATE, S("readers"), S("Stable"), 2, 1, 3 + s->group_kind, 0);
}

static inline void
synthetic_group_calls(struct synthetic *s)
{
    put_member(s, VIEW_OWN, -1, 0, 285 * MS);
    put_member(s, VIEW_PROCESS, 0, 2, 310 * MS);
    put_member(s, VIEW_COMMIT, 2, 0, 320 * MS);
    put_member(s, VIEW_DISOWN, -1, 0, 1600 * MS);
    put_member(s, VIEW_OWN, -1, 0, 1900 * MS);
    put_member(s, VIEW_PROCESS, 2, 7, 1950 * MS);
    put_member(s, VIEW_COMMIT, 9, 0, 1960 * MS);
}

static inline struct trace_reader *
synthetic_end(struct synthetic *s)
{
    trace_close(s->t);
    struct trace_reader *r = trace_reader_new(&s->mem, writer_slice(&s->bytes));
    assert_non_null(r);
    return r;
}

static inline struct trace_reader *
synthetic_newer_group_run(struct synthetic *s, enum note_group kind)
{
    *s = (struct synthetic){.group_kind = kind};
    test_mem_init(&s->mem);
    s->bytes = writer_mem(&s->mem);
    s->t = trace_open(&s->mem, NULL, trace_put_memory, &s->bytes);
    synthetic_beginning(s);
    synthetic_group(s);
    synthetic_crash(s);
    synthetic_group_ends(s);
    synthetic_return(s);
    synthetic_group_calls(s);
    return synthetic_end(s);
}

static inline struct trace_reader *
synthetic_group_run(struct synthetic *s)
{
    return synthetic_newer_group_run(s, NOTE_GROUP_CLASSIC);
}

/* The same, but the group is a streams group, and p1 keeps a copy of orders-0 while it has not the original. */
static inline struct trace_reader *
synthetic_streams_run(struct synthetic *s)
{
    *s = (struct synthetic){.group_kind = NOTE_GROUP_STREAMS};
    test_mem_init(&s->mem);
    s->bytes = writer_mem(&s->mem);
    s->t = trace_open(&s->mem, NULL, trace_put_memory, &s->bytes);
    synthetic_beginning(s);
    synthetic_group(s);
    synthetic_crash(s);
    synthetic_group_ends(s);
    synthetic_return(s);
    synthetic_group_calls(s);
    put_member(s, VIEW_STANDBY, -1, 0, 1650 * MS);
    put_member(s, VIEW_STANDBY_OVER, -1, 0, 1850 * MS);
    return synthetic_end(s);
}

static inline struct trace_reader *
synthetic_run(struct synthetic *s)
{
    *s = (struct synthetic){0};
    test_mem_init(&s->mem);
    s->bytes = writer_mem(&s->mem);
    s->t = trace_open(&s->mem, NULL, trace_put_memory, &s->bytes);
    synthetic_beginning(s);
    synthetic_crash(s);
    synthetic_return(s);
    return synthetic_end(s);
}

/* The topic is deleted and made again, by brokers that live. */
static inline struct trace_reader *
synthetic_made_again_run(struct synthetic *s)
{
    *s = (struct synthetic){0};
    test_mem_init(&s->mem);
    s->bytes = writer_mem(&s->mem);
    s->t = trace_open(&s->mem, NULL, trace_put_memory, &s->bytes);
    synthetic_beginning(s);
    s->now_ns = 400 * MS;
    put_batch(s, B1, 0, 4, 0, true, 4);
    s->now_ns = 1000 * MS;
    put_note(s, K1, NOTE_TOPIC_DELETED, S("orders"), SLICE_NULL, 1, 0, 0, 0);
    for (int32_t b = B1; b <= B2; b++)
        put_note(s, b, NOTE_PARTITION_ROLE, S("orders-0"), SLICE_NULL, 0, -1, 0, 0);
    s->now_ns = 1400 * MS;
    put_note(s, K1, NOTE_TOPIC_CREATED, S("orders"), SLICE_NULL, 1, 2, 0, 0);
    put_note(s, B1, NOTE_PARTITION_ROLE, S("orders-0"), SLICE_NULL, 2, 1, 0, 0);
    put_note(s, B2, NOTE_PARTITION_ROLE, S("orders-0"), SLICE_NULL, 1, 1, 0, 0);
    s->now_ns = 1600 * MS;
    put_batch(s, B1, 0, 2, 0, true, 2);
    s->now_ns = 2400 * MS;
    put(s, (struct trace_record){.kind = TRACE_END, .machine = -1, .n = {1234}});
    return synthetic_end(s);
}

static inline void
synthetic_release(struct synthetic *s, struct trace_reader *r)
{
    trace_reader_free(r);
    writer_release(&s->bytes);
    assert_int_equal(s->mem.used_bytes, 0);
    mem_release(&s->mem);
}

#endif
