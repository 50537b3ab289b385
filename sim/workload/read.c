#include "sim/workload/read.h"

#include "errors.h"
#include "sim/workload/value.h"

/* As far as the client knows now which of that name it is. */
int32_t
read_topic(const struct reading_of *r)
{
    struct slice name = history_topic_name(r->history, r->topic);
    return history_topic_of(r->history, name, client_topic_id(r->client, name));
}

static struct history_op
blank(const struct reading_of *r, enum history_kind kind, int32_t topic, int32_t partition)
{
    struct history_op op = history_op_new(kind, r->process, topic, partition);
    op.node = r->node;
    op.is_final = r->is_final;
    op.read_committed = r->read_committed;
    return op;
}

void
read_note(const struct reading_of *r, enum history_kind kind, int32_t partition, int64_t offset,
          int32_t leader_epoch, int16_t error)
{
    struct history_op op = blank(r, kind, read_topic(r), partition);
    op.offset = offset;
    op.leader_epoch = leader_epoch;
    op.error = error;
    history_add(r->history, &op, error ? HISTORY_INFO : HISTORY_OK, NULL, 0);
}

int64_t
read_note_poll(const struct reading_of *r, struct env *env, const struct polled *p)
{
    struct history_read *reads = ARENA_ARRAY(&env->scratch, struct history_read, p->records_n);
    int64_t n = 0;
    for (int32_t i = 0; i < p->records_n; i++) {
        const struct record *rec = &p->records[i];
        uint64_t value;
        if (!value_of_record(rec, &value)) {
            read_note(r, HISTORY_CORRUPT, p->partition, rec->offset, p->leader_epoch,
                      K_ERR_CORRUPT_MESSAGE);
            continue;
        }
        reads[n++] = (struct history_read){rec->offset, value, p->leader_epoch};
    }
    if (n == 0) return 0;
    int32_t topic = history_topic_of(r->history, p->topic, p->topic_id);
    struct history_op op = blank(r, HISTORY_POLL, topic, p->partition);
    op.offset = p->next_offset;
    op.leader_epoch = p->leader_epoch;
    history_add(r->history, &op, HISTORY_OK, reads, n);
    return n;
}

int64_t
read_tell_gap(struct slice name, struct slice topic, int32_t partition, int64_t from, int64_t to,
              const char *why, void (*told)(void *ctx, struct slice text), void *ctx)
{
    char text[500];
    struct writer w = writer_fixed(text, sizeof text);
    if (to <= from) return 0;
    fmt_slice(&w, name), fmt_str(&w, " passes over offsets ");
    fmt_i64(&w, from), fmt_str(&w, " to "), fmt_i64(&w, to - 1), fmt_str(&w, " of ");
    fmt_slice(&w, slice_sub(topic, 0, MIN(topic.n, 200))), fmt_char(&w, '-');
    fmt_i64(&w, partition), fmt_str(&w, ": "), fmt_str(&w, why);
    if (told) told(ctx, writer_slice(&w));
    return to - from;
}
