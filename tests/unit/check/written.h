/* Logs on the disk of one node that leads them, for tests of what reads decisions from there: each batch is written, told of, and
 * committed at once. */
#ifndef TESTS_UNIT_CHECK_WRITTEN_H
#define TESTS_UNIT_CHECK_WRITTEN_H

#include "broker/base/fmt.h"
#include "broker/protocol/record_frame.h"
#include "broker/record/builder.h"
#include "sim/check/invariants.h"
#include "sim/world/fault.h"
#include "tests/lib/test.h"

#define METADATA S("__cluster_metadata-0")
enum { WRITTEN_LOGS = 4, WRITTEN_LEADS = 2, WRITTEN_RAFT_LEADS = 5 };

struct written_log {
    struct slice subject;
    struct writer file;
    int64_t next;
};

struct tale {
    struct mem mem;
    struct world *w;
    struct machine *m;
    struct invariants *v;
    struct written_log logs[WRITTEN_LOGS];
    int logs_n;
    struct batch_builder batch;
};

static inline void
written_nothing(struct env *env, void *args)
{
    (void)env;
    (void)args;
}

static inline void
say(struct tale *s, enum note_kind kind, struct slice subject, int64_t a, int64_t b, int64_t c,
    int64_t d, int64_t e)
{
    struct note n = {.kind = kind, .subject = subject, .n = 5, .v = {a, b, c, d, e}};
    invariants_note(s->v, 1 + world_now_ns(s->w), s->m->index, &n);
}

/* name: "k1" or "b1". */
static inline void
tale_begin(struct tale *s, struct slice name)
{
    memset(s, 0, sizeof *s);
    test_mem_init(&s->mem);
    s->w = world_new(1, NULL);
    s->m = world_add(s->w, &(struct machine_params){.name = name, .start = written_nothing});
    s->v = invariants_new(&s->mem);
    invariants_watch(s->v, s->w);
    builder_init(&s->batch, &s->mem, 0);
}

static inline void
tale_end(struct tale *s)
{
    builder_release(&s->batch);
    for (int i = 0; i < s->logs_n; i++) writer_release(&s->logs[i].file);
    invariants_free(s->v);
    world_free(s->w);
    mem_release(&s->mem);
}

static inline struct written_log *
written_log(struct tale *s, struct slice subject)
{
    for (int i = 0; i < s->logs_n; i++)
        if (slice_eq(s->logs[i].subject, subject)) return &s->logs[i];
    assert_true(s->logs_n < WRITTEN_LOGS);
    struct written_log *l = &s->logs[s->logs_n++];
    *l = (struct written_log){.subject = subject, .file = writer_mem(&s->mem)};
    say(s, NOTE_LOG_RECOVERED, subject, 0, 0, 0, 1, 0);
    if (slice_eq(subject, METADATA))
        say(s, NOTE_RAFT_STATE, subject, WRITTEN_RAFT_LEADS, 1, s->m->index, -1, 0);
    else say(s, NOTE_PARTITION_ROLE, subject, WRITTEN_LEADS, 1, 1, 1, 0);
    return l;
}

/* What is in the builder becomes the log's next batch. */
static inline void
tale_commit(struct tale *s, struct slice subject)
{
    uint8_t path[200];
    struct writer w = writer_fixed(path, sizeof path);
    struct written_log *l = written_log(s, subject);
    int64_t base = l->next;
    s->batch.h.base_offset = base;
    s->batch.h.leader_epoch = 1;
    struct buf *buf = builder_finish(&s->batch, CRC32C_PORTABLE, &s->mem);
    struct batch_header h;
    struct slice bytes = slice(buf->data, buf->n);
    assert_int_equal(batch_parse(bytes, &h), BATCH_OK);
    writer_bytes(&l->file, bytes);
    buf_unref(buf);
    builder_clear(&s->batch);
    fmt_str(&w, "data/"), fmt_slice(&w, subject), fmt_str(&w, "/00000000000000000000.log");
    disk_put(s->m, writer_slice(&w), writer_slice(&l->file));
    l->next = batch_next_offset(&h);
    say(s, NOTE_LOG_APPEND, subject, base, l->next - 1, 1, h.crc, true);
    say(s, NOTE_LOG_WRITTEN, subject, l->next, 0, 0, 0, 0);
    if (slice_eq(subject, METADATA)) say(s, NOTE_RAFT_HW, subject, l->next, 1, 0, 0, 0);
    else say(s, NOTE_PARTITION_HW, subject, l->next, 1, 1, l->next, 0);
}

static inline void
add_metadata(struct tale *s, enum k_msg msg, int16_t version, const void *record)
{
    struct writer w = writer_mem(&s->mem);
    assert_true(metadata_record_write(&w, msg, version, record, NULL));
    assert_true(builder_add(&s->batch, 0, SLICE_NULL, writer_slice(&w), NULL, 0));
    writer_release(&w);
}

/* value: NULL takes away what the key had. */
static inline void
add_coordinator(struct tale *s, enum k_msg key_msg, const void *key, enum k_msg value_msg,
                int16_t version, const void *value)
{
    struct writer k = writer_mem(&s->mem), r = writer_mem(&s->mem);
    assert_true(coordinator_key_write(&k, key_msg, key, NULL));
    if (value) assert_true(coordinator_value_write(&r, value_msg, version, value, NULL));
    assert_true(builder_add(&s->batch, 0, writer_slice(&k), value ? writer_slice(&r) : SLICE_NULL,
                            NULL, 0));
    writer_release(&k), writer_release(&r);
}

/* Of the group "readers": its epoch, and what a member has or gives back. */
static inline void
group_epoch(struct tale *s, int32_t epoch)
{
    struct k_consumer_group_metadata_key k = {.group_id = S("readers")};
    struct k_consumer_group_metadata_value r;
    codec_default(K_MSG_CONSUMER_GROUP_METADATA_VALUE, &r);
    r.epoch = epoch;
    add_coordinator(s, K_MSG_CONSUMER_GROUP_METADATA_KEY, &k, K_MSG_CONSUMER_GROUP_METADATA_VALUE,
                    0, &r);
}

static inline void
has(struct tale *s, struct slice member, int32_t epoch, int32_t partition, bool gives_back)
{
    struct k_consumer_group_current_member_assignment_key k = {S("readers"), member};
    struct k_consumer_group_current_member_assignment_value r;
    struct k_consumer_group_current_member_assignment_value_topic_partitions p = {
        .topic_id = {{1}}, .partitions = &partition, .partitions_n = 1};
    codec_default(K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE, &r);
    r.member_epoch = epoch;
    if (gives_back) r.partitions_pending_revocation = &p, r.partitions_pending_revocation_n = 1;
    else r.assigned_partitions = &p, r.assigned_partitions_n = 1;
    add_coordinator(s, K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY, &k,
                    K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE, 0, &r);
}

static inline void
assert_silent(struct tale *s)
{
    const struct anomalies *a = invariants_anomalies(s->v);
    if (a->v.n) print_message("%.*s\n", (int)a->v.v[0].story.n, (const char *)a->v.v[0].story.p);
    assert_int_equal(a->v.n, 0);
    tale_end(s);
}

static inline void
assert_told(struct tale *s, enum rule rule, const char *story)
{
    const struct anomalies *a = invariants_anomalies(s->v);
    for (int64_t i = 0; a->v.n != 1 && i < a->v.n; i++)
        print_message("%.*s\n", (int)a->v.v[i].story.n, (const char *)a->v.v[i].story.p);
    assert_int_equal(a->v.n, 1);
    assert_string_equal(rule_spelling(a->v.v[0].rule), rule_spelling(rule));
    if (!slice_eq(a->v.v[0].story, slice_cstr(story)))
        print_message("%.*s\n", (int)a->v.v[0].story.n, (const char *)a->v.v[0].story.p);
    assert_true(slice_eq(a->v.v[0].story, slice_cstr(story)));
    tale_end(s);
}

#endif
