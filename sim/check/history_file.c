#include "sim/check/history_file.h"

#include "broker/base/fmt.h"

/* Of partitions, processes and groups, multiplied: the checker keeps something of each. */
#define STANDS_MAX 4000000
#define NODES_MAX 250

void
history_file_init(struct history_file *f, struct mem *mem)
{
    *f = (struct history_file){.mem = mem};
    history_init(&f->history, mem, NULL, NULL);
    chronicle_init(&f->chronicle, mem);
}

void
history_file_release(struct history_file *f)
{
    history_release(&f->history);
    chronicle_release(&f->chronicle);
    VEC_RELEASE(f->mem, &f->topics);
    VEC_RELEASE(f->mem, &f->removed);
    VEC_RELEASE(f->mem, &f->lines);
    VEC_RELEASE(f->mem, &f->nodes);
    mem_free(f->mem, f->removed_to, f->removed_n * (int64_t)sizeof *f->removed_to);
}

/* ---- promises ------------------------------------------------------------------------------------ */

enum { FLAG, NUMBER, NUMBER_64 };
static const struct topic_word {
    const char *word;
    int kind;
    size_t at;
} topic_words[] = {
    {"replicas=", NUMBER, offsetof(struct check_topic, replicas)},
    {"min-isr=", NUMBER, offsetof(struct check_topic, min_isr)},
    {"elr", FLAG, offsetof(struct check_topic, elr)},
    {"flush-messages=", NUMBER_64, offsetof(struct check_topic, flush_messages)},
    {"flush-ms=", NUMBER_64, offsetof(struct check_topic, flush_ms)},
    {"may-remove", FLAG, offsetof(struct check_topic, may_remove)},
    {"compacted", FLAG, offsetof(struct check_topic, is_compacted)},
    {"tombstones-go", FLAG, offsetof(struct check_topic, tombstones_go)},
};

/* Every number and flag is a member of its own type. */
static int64_t
word_value(const struct topic_word *t, const struct check_topic *of)
{
    const char *p = (const char *)of + t->at;
    if (t->kind == FLAG) return *(const bool *)p;
    if (t->kind == NUMBER) return *(const int32_t *)(const void *)p;
    return *(const int64_t *)(const void *)p;
}

static void
set_word(const struct topic_word *t, struct check_topic *of, int64_t v)
{
    char *p = (char *)of + t->at;
    if (t->kind == FLAG) *(bool *)p = v != 0;
    else if (t->kind == NUMBER) *(int32_t *)(void *)p = (int32_t)v;
    else *(int64_t *)(void *)p = v;
}

static void
print_topic(const struct check_topic *t, struct writer *w)
{
    for (int64_t i = 0; i < ARRAY_LEN(topic_words); i++) {
        const struct topic_word *one = &topic_words[i];
        int64_t v = word_value(one, t);
        if (!v) continue;
        fmt_char(w, ' '), fmt_str(w, one->word);
        if (one->kind != FLAG) fmt_i64(w, v);
    }
}

static void
print_promises(const struct history *h, const struct check_facts *f, struct writer *w)
{
    if (f->begin_ns) fmt_str(w, "! begin "), fmt_history_time(w, f->begin_ns), fmt_char(w, '\n');
    if (f->serves_after_ns)
        fmt_str(w, "! serves-within "), fmt_history_time(w, f->serves_after_ns), fmt_char(w, '\n');
    if (f->owned_within_ns)
        fmt_str(w, "! owned-within "), fmt_history_time(w, f->owned_within_ns), fmt_char(w, '\n');
    if (f->session_ns)
        fmt_str(w, "! session "), fmt_history_time(w, f->session_ns), fmt_char(w, '\n');
    if (f->clients_live) fmt_str(w, "! clients-live\n");
    for (int32_t i = 0; i < f->topics_n; i++) {
        const struct check_topic *t = &f->topics[i];
        fmt_str(w, "! topic "), fmt_slice(w, history_topic_name(h, i));
        print_topic(t, w);
        for (int32_t k = 0; k < t->removed_n; k++)
            if (t->removed_to[k] > 0)
                fmt_str(w, " removed="), fmt_i64(w, k), fmt_char(w, ':'),
                    fmt_i64(w, t->removed_to[k]);
        fmt_char(w, '\n');
    }
    if (!f->offsets_partitions) return;
    fmt_str(w, "! offsets partitions="), fmt_i64(w, f->offsets_partitions);
    print_topic(&f->offsets, w);
    fmt_char(w, '\n');
}

void
history_file_write(const struct history *h, const struct check_facts *facts, struct writer *w)
{
    fmt_str(w, "# A history of clients, for gregor check (see gregor-history.5).\n");
    print_promises(h, facts, w);
    if (facts->chronicle) chronicle_print(facts->chronicle, w);
    history_print(h, w);
}

/* ---- reading promises ---------------------------------------------------------------------------- */

/* 1: it is one; 0: not; -1: it is, and wrong. */
static int
parse_topic_word(struct text_line *l, struct check_topic *t)
{
    for (int64_t i = 0; i < ARRAY_LEN(topic_words); i++) {
        const struct topic_word *one = &topic_words[i];
        struct slice word = slice_cstr(one->word);
        int64_t v = 1, max = one->kind == NUMBER ? INT32_MAX : INT64_MAX / 1000000 / 1000;
        if (one->kind == FLAG ? !slice_eq(l->word, word) : !slice_starts(l->word, word)) continue;
        if (one->kind != FLAG &&
            !line_number(l, slice_sub(l->word, word.n, l->word.n - word.n), 0, max, &v))
            return -1;
        set_word(one, t, v);
        return 1;
    }
    return 0;
}

static bool
no_such_word(struct text_line *l)
{
    static const char *const known[] = {
        "replicas=N", "min-isr=N", "elr",           "flush-messages=N",        "flush-ms=N",
        "may-remove", "compacted", "tombstones-go", "removed=PARTITION:OFFSET"};
    return line_fail_of(l, "no such word here; there are", known, ARRAY_LEN(known));
}

/* "removed=0:120" */
static bool
parse_removed(struct history_file *f, struct text_line *l, int32_t topic)
{
    struct removed one = {.topic = topic};
    int64_t partition, colon = slice_find(l->word, ':', 8);
    if (colon < 0) return line_fail(l, "removed=PARTITION:OFFSET is wanted, like removed=0:120");
    if (!line_number(l, slice_sub(l->word, 8, colon - 8), 0, HISTORY_PARTITIONS_MAX - 1,
                     &partition) ||
        !line_number(l, slice_sub(l->word, colon + 1, l->word.n - colon - 1), 0, INT64_MAX - 1,
                     &one.offset))
        return false;
    one.partition = (int32_t)partition;
    VEC_PUSH(f->mem, &f->removed, one);
    return true;
}

static bool
parse_topic(struct history_file *f, struct text_line *l)
{
    struct slice name = line_word(l);
    if (!name.n) return line_fail(l, "the topic's name is missing");
    int32_t topic = history_topic(&f->history, name);
    if (topic >= HISTORY_NAMES_MAX) return line_fail(l, "there are too many topics");
    while (f->topics.n <= topic) (void)VEC_ADD(f->mem, &f->topics);
    while (line_word(l).n) {
        int got = parse_topic_word(l, &f->topics.v[topic]);
        if (got > 0) continue;
        if (got < 0) return false;
        if (!slice_starts(l->word, S("removed="))) return no_such_word(l);
        if (!parse_removed(f, l, topic)) return false;
    }
    return true;
}

static bool
parse_commits_topic(struct history_file *f, struct text_line *l)
{
    int64_t n = 50;
    while (line_word(l).n) {
        int got = parse_topic_word(l, &f->facts.offsets);
        if (got < 0) return false;
        if (got > 0) continue;
        if (!slice_starts(l->word, S("partitions="))) return no_such_word(l);
        if (!line_number(l, slice_sub(l->word, 11, l->word.n - 11), 1, HISTORY_PARTITIONS_MAX, &n))
            return false;
    }
    f->facts.offsets_partitions = (int32_t)n;
    return true;
}

static bool
parse_promise(struct history_file *f, struct text_line *l)
{
    static const char *const known[] = {"topic",        "offsets", "begin",       "serves-within",
                                        "owned-within", "session", "clients-live"};
    struct slice what = line_word(l);
    int64_t *time = slice_eq(what, S("begin"))         ? &f->facts.begin_ns
                  : slice_eq(what, S("serves-within")) ? &f->facts.serves_after_ns
                  : slice_eq(what, S("owned-within"))  ? &f->facts.owned_within_ns
                  : slice_eq(what, S("session"))       ? &f->facts.session_ns
                                                       : NULL;
    if (slice_eq(what, S("topic"))) return parse_topic(f, l);
    if (slice_eq(what, S("offsets"))) return parse_commits_topic(f, l);
    if (slice_eq(what, S("clients-live"))) f->facts.clients_live = true;
    else if (!time) return line_fail_of(l, "no such promise; there are", known, ARRAY_LEN(known));
    if (time && !line_time(l, line_word(l), time)) return false;
    return !line_word(l).n || line_fail(l, "nothing more is wanted here");
}

/* ---- reading the rest ----------------------------------------------------------------------------- */

static bool
note_node(struct history_file *f, struct text_line *l, int32_t id)
{
    for (int64_t i = 0; i < f->nodes.n; i++)
        if (f->nodes.v[i] == id) return true;
    if (id < 0) return true;
    if (f->nodes.n == NODES_MAX) return line_fail(l, "there are too many brokers: 250 can be");
    VEC_PUSH(f->mem, &f->nodes, id);
    return true;
}

static bool
parse_happening(struct history_file *f, struct text_line *l)
{
    if (!chronicle_read_line(&f->chronicle, l)) return false;
    const struct happening *one = &f->chronicle.v.v[f->chronicle.v.n - 1];
    bool ok = note_node(f, l, one->node) && note_node(f, l, one->leader);
    for (int32_t i = 0; i < one->in_sync.n; i++) ok = ok && note_node(f, l, one->in_sync.v[i]);
    return ok;
}

static bool
parse_line(struct history_file *f, struct text_line *l)
{
    struct text_line copy = *l;
    if (slice_eq(line_word(&copy), S("!"))) {
        *l = copy;
        return parse_promise(f, l);
    }
    if (chronicle_is_line(l)) return parse_happening(f, l);
    if (!history_read_line(&f->history, l)) return false;
    VEC_PUSH(f->mem, &f->lines, l->error.line);
    return true;
}

/* ---- all of it ------------------------------------------------------------------------------------- */

/* Of two sends of one value the second is told. */
static int64_t
check_values(const struct history_file *f, void (*wrong)(void *ctx, const struct history_error *e),
             void *ctx)
{
    const struct history *h = &f->history;
    int64_t slots_n = 64, errors = 0;
    while (slots_n < 2 * h->ops.n) slots_n *= 2;
    int64_t *slots = mem_alloc(f->mem, slots_n * (int64_t)sizeof *slots);
    for (int64_t i = 0; i < h->ops.n; i++) {
        if (h->ops.v[i].kind != HISTORY_SEND) continue;
        uint64_t value = h->ops.v[i].value;
        int64_t at = (int64_t)(value * 0x9e3779b97f4a7c15ULL >> 20) & (slots_n - 1);
        while (slots[at] && h->ops.v[slots[at] - 1].value != value) at = (at + 1) & (slots_n - 1);
        if (!slots[at]) {
            slots[at] = i + 1;
            continue;
        }
        struct history_error e = {.line = f->lines.v[i], .column = 1, .width = 1};
        struct writer w = writer_fixed(e.what, sizeof e.what - 1);
        fmt_str(&w, "this value was sent before, in line ");
        fmt_i64(&w, f->lines.v[slots[at] - 1]);
        fmt_str(&w, ": each is sent once (a retry belongs to its send)");
        e.what[w.n] = 0;
        wrong(ctx, &e);
        errors++;
    }
    mem_free(f->mem, slots, slots_n * (int64_t)sizeof *slots);
    return errors;
}

static int64_t
check_size(const struct history_file *f, int64_t line,
           void (*wrong)(void *ctx, const struct history_error *e), void *ctx)
{
    const struct history *h = &f->history;
    int64_t parts = 1, keys = 0;
    struct history_error e = {.line = line, .column = 1, .width = 1};
    for (int64_t i = 0; i < h->topics.n; i++) parts += h->topics.v[i].partitions;
    for (int64_t i = 0; i < h->ops.n; i++)
        if (h->ops.v[i].kind == HISTORY_SEND) keys = MAX(keys, h->ops.v[i].key + 1);
    if (parts * keys > STANDS_MAX) {
        struct slice what = S("there are too many keys for so many partitions: number the keys "
                              "from 0 on");
        memcpy(e.what, what.p, (size_t)what.n);
        wrong(ctx, &e);
        return 1;
    }
    if (parts * (h->processes.n + 1) <= STANDS_MAX / (h->groups.n + 1)) return 0;
    struct writer w = writer_fixed(e.what, sizeof e.what - 1);
    fmt_str(&w, "this is more than can be judged at once: "), fmt_i64(&w, parts - 1);
    fmt_str(&w, " partitions, "), fmt_i64(&w, h->processes.n), fmt_str(&w, " processes, ");
    fmt_i64(&w, h->groups.n), fmt_str(&w, " groups; multiplied they may be "),
        fmt_i64(&w, STANDS_MAX);
    e.what[w.n] = 0;
    wrong(ctx, &e);
    return 1;
}

/* Of each topic its part of one array. */
static void
gather_removed(struct history_file *f)
{
    int64_t all = 0, at = 0;
    for (int64_t i = 0; i < f->removed.n; i++) {
        struct check_topic *t = &f->topics.v[f->removed.v[i].topic];
        t->removed_n = MAX(t->removed_n, f->removed.v[i].partition + 1);
    }
    for (int64_t i = 0; i < f->topics.n; i++) all += f->topics.v[i].removed_n;
    f->removed_n = all;
    f->removed_to = mem_alloc(f->mem, all * (int64_t)sizeof *f->removed_to);
    for (int64_t i = 0; i < f->topics.n; i++) {
        f->topics.v[i].removed_to = f->removed_to + at;
        for (int64_t k = 0; k < f->removed.n; k++)
            if (f->removed.v[k].topic == i)
                f->removed_to[at + f->removed.v[k].partition] = f->removed.v[k].offset;
        at += f->topics.v[i].removed_n;
    }
}

int64_t
history_file_read(struct history_file *f, struct slice text,
                  void (*wrong)(void *ctx, const struct history_error *e), void *ctx)
{
    struct text_line l;
    int64_t errors = 0, number = 1;
    for (int64_t at = 0; text_next_line(text, &at, number, &l); number++) {
        if (text_line_is_empty(&l) || parse_line(f, &l)) continue;
        errors++;
        wrong(ctx, &l.error);
    }
    errors += check_size(f, MAX(1, number - 1), wrong, ctx);
    if (errors) return errors;
    errors = check_values(f, wrong, ctx);
    history_end_reading(&f->history);
    while (f->topics.n < f->history.topics.n) (void)VEC_ADD(f->mem, &f->topics);
    gather_removed(f);
    f->facts.topics = f->topics.v;
    f->facts.topics_n = (int32_t)f->topics.n;
    f->facts.chronicle = &f->chronicle;
    f->history.begin_ns = f->facts.begin_ns;
    return errors;
}
