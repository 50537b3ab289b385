#include "sim/history/history.h"

#include "broker/base/check.h"

void
history_init(struct history *h, struct mem *mem, int64_t (*now)(void *ctx), void *ctx)
{
    *h = (struct history){.mem = mem, .now = now, .ctx = ctx};
}

void
history_release(struct history *h)
{
    for (int64_t i = 0; i < h->processes.n; i++) mem_free_slice(h->mem, h->processes.v[i].name);
    for (int64_t i = 0; i < h->topics.n; i++) mem_free_slice(h->mem, h->topics.v[i].name);
    for (int64_t i = 0; i < h->groups.n; i++) mem_free_slice(h->mem, h->groups.v[i].name);
    VEC_RELEASE(h->mem, &h->groups);
    VEC_RELEASE(h->mem, &h->processes);
    VEC_RELEASE(h->mem, &h->topics);
    VEC_RELEASE(h->mem, &h->ops);
    VEC_RELEASE(h->mem, &h->reads);
    VEC_RELEASE(h->mem, &h->events);
}

struct history_room
history_room(const struct history *h)
{
    return (struct history_room){.ops = h->ops.n, .reads = h->reads.n, .events = h->events.n};
}

void
history_make_room(struct history *h, struct history_room room)
{
    VEC_RESERVE(h->mem, &h->ops, room.ops);
    VEC_RESERVE(h->mem, &h->reads, room.reads);
    VEC_RESERVE(h->mem, &h->events, room.events);
}

/* ---- names -------------------------------------------------------------------------------------- */

static int32_t
find_name(const struct history_name *v, int64_t n, struct slice name)
{
    for (int64_t i = 0; i < n; i++)
        if (slice_eq(v[i].name, name)) return (int32_t)i;
    return -1;
}

int32_t
history_process(struct history *h, struct slice name)
{
    int32_t i = find_name(h->processes.v, h->processes.n, name);
    if (i >= 0) return i;
    VEC_ADD(h->mem, &h->processes)->name = mem_dup(h->mem, name);
    return (int32_t)h->processes.n - 1;
}

int32_t
history_topic(struct history *h, struct slice name)
{
    return history_topic_life(h, name, 1);
}

static int32_t
find_life(const struct history *h, int32_t first, int32_t life)
{
    for (int32_t i = first; i >= 0 && i < (int32_t)h->topics.n; i++)
        if (h->topics.v[i].first == first && h->topics.v[i].life == life) return i;
    return -1;
}

int32_t
history_topic_life(struct history *h, struct slice name, int32_t life)
{
    int32_t first = find_name(h->topics.v, h->topics.n, name);
    for (int32_t i = first < 0 ? 1 : 2; i <= life; i++) {
        if (first >= 0 && find_life(h, first, i) >= 0) continue;
        struct history_name *t = VEC_ADD(h->mem, &h->topics);
        t->name = mem_dup(h->mem, name);
        t->life = i;
        t->first = first < 0 ? first = (int32_t)h->topics.n - 1 : first;
    }
    return find_life(h, first, life);
}

/* Asked for each poll and each answer: by its id alone it is found without looking at names. */
static int32_t
find_id(const struct history *h, struct slice name, struct uuid id)
{
    for (int32_t i = 0; i < (int32_t)h->topics.n; i++)
        if (uuid_eq(h->topics.v[i].id, id) && slice_eq(h->topics.v[i].name, name)) return i;
    return -1;
}

/* How many of this name have an id. */
static int32_t
lives_known(const struct history *h, int32_t first)
{
    int32_t n = 0;
    for (int32_t i = first; i < (int32_t)h->topics.n; i++)
        n += h->topics.v[i].first == first && !uuid_is_zero(h->topics.v[i].id);
    return n;
}

int32_t
history_topic_of(struct history *h, struct slice name, struct uuid id)
{
    if (uuid_is_zero(id)) return history_topic(h, name);
    int32_t topic = find_id(h, name, id);
    if (topic >= 0) return topic;
    int32_t life = h->life_of ? h->life_of(h->life_ctx, name, id) : 0;
    if (life <= 0) life = lives_known(h, history_topic(h, name)) + 1;
    topic = history_topic_life(h, name, life);
    h->topics.v[topic].id = id;
    return topic;
}

bool
history_has_lives(const struct history *h, int32_t topic)
{
    return topic >= 0 && find_life(h, h->topics.v[topic].first, 2) >= 0;
}

int32_t
history_group(struct history *h, struct slice name)
{
    int32_t i = find_name(h->groups.v, h->groups.n, name);
    if (i >= 0) return i;
    VEC_ADD(h->mem, &h->groups)->name = mem_dup(h->mem, name);
    return (int32_t)h->groups.n - 1;
}

struct slice
history_group_name(const struct history *h, int32_t group)
{
    return group >= 0 && group < h->groups.n ? h->groups.v[group].name : S("?");
}

/* ---- names of others ---- */

void
history_name_write(struct writer *w, struct slice name)
{
    static const char digits[] = "0123456789abcdef";
    for (int64_t i = 0; i < name.n; i++) {
        uint8_t b = name.p[i];
        if (b > ' ' && b != 127 && b != '%') {
            fmt_char(w, (char)b);
            continue;
        }
        fmt_char(w, '%'), fmt_char(w, digits[b >> 4]), fmt_char(w, digits[b & 15]);
    }
    if (!name.n) fmt_str(w, "%");
}

static int
digit_of(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int64_t
history_name_read(struct slice word, uint8_t *ret)
{
    int64_t n = 0;
    if (slice_eq(word, S("%"))) return 0;
    for (int64_t i = 0; i < word.n; i++) {
        int high = i + 2 < word.n && word.p[i] == '%' ? digit_of(word.p[i + 1]) : -1;
        int low = high >= 0 ? digit_of(word.p[i + 2]) : -1;
        ret[n++] = low < 0 ? word.p[i] : (uint8_t)(high << 4 | low);
        if (low >= 0) i += 2;
    }
    return n;
}

struct slice
history_process_name(const struct history *h, int32_t process)
{
    return process >= 0 && process < h->processes.n ? h->processes.v[process].name : S("?");
}

struct slice
history_topic_name(const struct history *h, int32_t topic)
{
    return topic >= 0 && topic < h->topics.n ? h->topics.v[topic].name : S("?");
}

uint64_t
history_next_value(struct history *h, int32_t process)
{
    CHECK(process >= 0 && process < h->processes.n);
    return history_value(process, ++h->processes.v[process].values);
}

bool
history_gave_value(const struct history *h, uint64_t value)
{
    int32_t process = history_value_process(value);
    int64_t n = history_value_n(value);
    return process >= 0 && process < h->processes.n && n > 0 && n <= h->processes.v[process].values;
}

/* ---- writing ------------------------------------------------------------------------------------ */

struct history_op
history_op_new(enum history_kind kind, int32_t process, int32_t topic, int32_t partition)
{
    return (struct history_op){.kind = kind,
                               .process = process,
                               .topic = topic,
                               .partition = partition,
                               .node = -1,
                               .key = -1,
                               .offset = -1,
                               .leader_epoch = -1};
}

static void
add_event(struct history *h, int64_t op, bool is_complete)
{
    struct history_event e = history_event(op, is_complete);
    VEC_PUSH(h->mem, &h->events, e);
}

static void
see_partition(struct history *h, int32_t topic, int32_t partition)
{
    if (topic < 0 || topic >= h->topics.n) return;
    struct history_name *t = &h->topics.v[topic];
    t->partitions = MAX(t->partitions, partition + 1);
}

static void
history_tell(struct history *h, int64_t number, bool is_complete)
{
    if (h->listener) h->listener(h->listener_ctx, &h->ops.v[number], is_complete);
}

static struct history_op *
op_begin(struct history *h, const struct history_op *op)
{
    VEC_PUSH(h->mem, &h->ops, *op);
    struct history_op *new = &h->ops.v[h->ops.n - 1];
    new->outcome = HISTORY_OPEN;
    new->invoke_ns = h->now(h->ctx);
    new->complete_ns = -1;
    see_partition(h, op->topic, op->partition);
    CHECK(h->ops.n < INT32_MAX);
    add_event(h, h->ops.n - 1, false);
    return new;
}

int64_t
history_invoke(struct history *h, const struct history_op *op)
{
    int64_t number = op_begin(h, op) - h->ops.v;
    history_tell(h, number, false);
    return number;
}

int64_t
history_invoke_made(struct history *h, const struct history_op *op, const struct history_read *from)
{
    struct history_op made = *op;
    made.first_read = h->reads.n;
    made.reads_n = 1;
    VEC_PUSH(h->mem, &h->reads, *from);
    return history_invoke(h, &made);
}

void
history_note_topic(struct history *h, int64_t number, struct uuid id)
{
    struct history_op *op = &h->ops.v[number];
    op->is_of_any_life = uuid_is_zero(id);
    op->topic = history_topic_of(h, history_topic_name(h, op->topic), id);
    see_partition(h, op->topic, op->partition);
}

void
history_complete(struct history *h, int64_t number, enum history_outcome outcome, int16_t error,
                 int32_t partition, int64_t offset)
{
    CHECK(number >= 0 && number < h->ops.n);
    struct history_op *op = &h->ops.v[number];
    CHECK(op->outcome == HISTORY_OPEN && outcome != HISTORY_OPEN);
    op->outcome = outcome;
    op->error = error;
    op->partition = partition;
    op->offset = offset;
    op->complete_ns = h->now(h->ctx);
    see_partition(h, op->topic, partition);
    add_event(h, number, true);
    history_tell(h, number, true);
}

void
history_note_retry(struct history *h, int64_t number)
{
    CHECK(number >= 0 && number < h->ops.n && h->ops.v[number].outcome == HISTORY_OPEN);
    h->ops.v[number].was_retried = true;
}

void
history_abandon(struct history *h, int32_t process)
{
    for (int64_t i = 0; i < h->ops.n; i++) {
        const struct history_op *op = &h->ops.v[i];
        if (op->process == process && op->outcome == HISTORY_OPEN)
            history_complete(h, i, HISTORY_INFO, op->error, op->partition, op->offset);
    }
}

int64_t
history_add(struct history *h, const struct history_op *op, enum history_outcome outcome,
            const struct history_read *reads, int64_t reads_n)
{
    CHECK(outcome != HISTORY_OPEN);
    struct history_op *new = op_begin(h, op);
    int64_t number = new - h->ops.v;
    new->first_read = h->reads.n;
    new->reads_n = (int32_t)reads_n;
    new->outcome = outcome;
    new->complete_ns = new->invoke_ns;
    for (int64_t i = 0; i < reads_n; i++) VEC_PUSH(h->mem, &h->reads, reads[i]);
    add_event(h, number, true);
    history_tell(h, number, true);
    return number;
}

/* ---- reading ------------------------------------------------------------------------------------ */

struct history_counts
history_counts(const struct history *h)
{
    struct history_counts c = {0};
    for (int64_t i = 0; i < h->ops.n; i++) {
        const struct history_op *op = &h->ops.v[i];
        if (op->kind == HISTORY_POLL) c.read += op->reads_n;
        if (op->kind != HISTORY_SEND || op->is_final) continue;
        c.produced++;
        c.acknowledged += op->outcome == HISTORY_OK;
        c.failed += op->outcome == HISTORY_FAIL;
        c.unknown += history_is_info(op);
    }
    return c;
}
