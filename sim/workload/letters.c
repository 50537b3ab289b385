#include "sim/workload/letters.h"

#include "errors.h"
#include "sim/history/words.h"
#include "sim/workload/value.h"

enum { LETTER_RELEASED = 2, LETTER_REJECTED = 3 };

/* False: it has none of this name. */
static bool
header_of(const struct record *rec, const char *name, struct slice *ret)
{
    struct record_header h;
    for (int64_t at = 0; record_header_next(rec, &at, &h);)
        if (slice_eq(h.key, slice_cstr(name))) return *ret = h.value, true;
    return false;
}

static bool
header_number(const struct record *rec, const char *name, int64_t max, int64_t *ret)
{
    struct slice text;
    return header_of(rec, name, &text) && slice_to_i64(text, ret) && *ret >= 0 && *ret <= max;
}

static bool
cause_of(const struct record *rec, int16_t *ret)
{
    struct slice text;
    if (!header_of(rec, "__dlq.errors.message", &text)) return false;
    *ret = slice_eq(text, S("Offset rejected by client.")) ? LETTER_REJECTED : LETTER_RELEASED;
    return *ret == LETTER_REJECTED ||
           slice_eq(text, S("Offset delivery count exceeded the threshold."));
}

static bool
note_letter(const struct reading_of *r, const struct record *rec)
{
    struct history *h = r->history;
    struct slice topic, group;
    int64_t partition, offset, count;
    int16_t cause;
    struct history_read copy = {.leader_epoch = -1};
    bool has_copy = value_read(rec->value, &copy.value);
    bool good =
        header_of(rec, "__dlq.errors.topic", &topic) &&
        header_of(rec, "__dlq.errors.group", &group) &&
        header_number(rec, "__dlq.errors.partition", HISTORY_PARTITIONS_MAX - 1, &partition) &&
        header_number(rec, "__dlq.errors.offset", INT64_MAX - 1, &offset) &&
        header_number(rec, "__dlq.errors.delivery.count", INT16_MAX, &count) &&
        cause_of(rec, &cause);
    if (!good || (rec->value.p && !has_copy)) return false;
    struct history_op op =
        history_op_new(HISTORY_LETTER, r->process, history_topic(h, topic), (int32_t)partition);
    op.node = history_group(h, group);
    op.offset = copy.offset = offset;
    op.key = count;
    op.acks = cause;
    history_add(h, &op, HISTORY_OK, &copy, has_copy);
    return true;
}

int64_t
letters_note_poll(const struct reading_of *r, struct env *env, const struct polled *p)
{
    struct record *others = ARENA_ARRAY(&env->scratch, struct record, p->records_n);
    struct polled rest = *p;
    int64_t n = 0;
    rest.records = others;
    rest.records_n = 0;
    for (int32_t i = 0; i < p->records_n; i++) {
        const struct record *rec = &p->records[i];
        bool is_letter = record_is_letter(rec), good = is_letter && note_letter(r, rec);
        n += good;
        if (!is_letter) others[rest.records_n++] = *rec;
        else if (!good)
            read_note(r, HISTORY_CORRUPT, p->partition, rec->offset, p->leader_epoch,
                      K_ERR_CORRUPT_MESSAGE);
    }
    return n + read_note_poll(r, env, &rest);
}
