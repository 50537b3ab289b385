/* Where logs begin: what retention and DeleteRecords take from the front, as leaders do it; followers do it after them. Where there
 * are many steps, the first is told, and how far it went at last. */
#include "broker/base/check.h"
#include "visualize/facts.h"
#include "visualize/words.h"

#define FEW 6

struct taking {
    struct facts *f;
    struct run *r;
    int32_t partition;
    struct writer w;
};

/* Of one partition. */
struct takings {
    struct mem *mem;
    VEC(struct start) v; /* by time */
    VEC(int32_t) by;     /* whose they are */
};

static bool
led_at(const struct replica *one, int64_t at_ns)
{
    bool leads = false;
    for (int64_t i = 0; i < one->tenures.n && one->tenures.v[i].at_ns <= at_ns; i++)
        leads = one->tenures.v[i].role == ROLE_LEADER;
    return leads;
}

static void
takings_put(struct takings *t, struct start s, int32_t by)
{
    int64_t k = t->v.n;
    VEC_PUSH(t->mem, &t->v, s);
    VEC_PUSH(t->mem, &t->by, by);
    for (; k > 0 && t->v.v[k - 1].at_ns > s.at_ns; k--) {
        t->v.v[k] = t->v.v[k - 1];
        t->by.v[k] = t->by.v[k - 1];
    }
    t->v.v[k] = s;
    t->by.v[k] = by;
}

/* A new leader may have to take again what the one before it had taken. */
static void
drop_repeated_takings(struct takings *t)
{
    int64_t n = 0, from = 0;
    for (int64_t i = 0; i < t->v.n; i++) {
        if (t->v.v[i].offset <= from) continue;
        from = t->v.v[i].offset;
        t->by.v[n] = t->by.v[i];
        t->v.v[n++] = t->v.v[i];
    }
    t->v.n = t->by.n = n;
}

static void
collect_takings(struct takings *t, const struct partition_view *p)
{
    t->v.n = t->by.n = 0;
    for (int32_t i = 0; i < p->replicas.n; i++) {
        const struct replica *one = &p->replicas.v[i];
        for (int64_t k = 0; one->is_known && k < one->starts.n; k++)
            if (led_at(one, one->starts.v[k].at_ns)) takings_put(t, one->starts.v[k], i);
    }
    drop_repeated_takings(t);
}

static void
taking_end(struct taking *t, const struct start *s, int32_t by)
{
    struct slice text = load_words(t->r, &t->w);
    t->w = writer_mem(t->f->mem);
    (void)facts_add(t->f, s->at_ns, by, TONE_CONTROL, WEIGHT_MIDDLE, text);
}

static void
tell_taking(struct taking *t, const struct start *s, int64_t from, int32_t by)
{
    struct writer *w = &t->w;
    fmt_str(w, s->is_retention ? "retention takes offset" : "DeleteRecords takes offset");
    fmt_str(w, s->offset - from == 1 ? " " : "s ");
    words_range(w, from, s->offset - 1);
    fmt_str(w, " from ");
    fmt_slice(w, t->r->partitions.v[t->partition].name);
    fmt_str(w, " (leader ");
    fmt_slice(w, t->r->actors.v[by].name);
    fmt_char(w, ')');
    taking_end(t, s, by);
}

static void
tell_last(struct taking *t, const struct start *s, int32_t by, int64_t steps)
{
    struct writer *w = &t->w;
    fmt_str(w, s->is_retention ? "retention has moved the start of "
                               : "DeleteRecords has moved the start of ");
    fmt_slice(w, t->r->partitions.v[t->partition].name);
    fmt_char(w, ' ');
    fmt_i64(w, steps);
    fmt_str(w, " times; its first offset is ");
    words_count(w, s->offset);
    fmt_str(w, " by now");
    taking_end(t, s, by);
}

static void
tell_takings(struct taking *t, const struct takings *all, bool of_retention)
{
    int64_t n = 0, at = 0, from = 0;
    for (int64_t i = 0; i < all->v.n; i++) n += all->v.v[i].is_retention == of_retention;
    for (int64_t i = 0; i < all->v.n; i++) {
        const struct start *s = &all->v.v[i];
        if (s->is_retention == of_retention) {
            at++;
            if (n <= FEW || at == 1) tell_taking(t, s, from, all->by.v[i]);
            else if (at == n) tell_last(t, s, all->by.v[i], n);
        }
        from = s->offset;
    }
}

void
facts_about_starts(struct facts *f, struct run *r, int32_t partition)
{
    struct taking t = {.f = f, .r = r, .w = writer_mem(f->mem)};
    struct takings all = {.mem = f->mem};
    for (int32_t i = 0; i < r->partitions.n; i++) {
        if (!facts_tell_partition(r, partition, i)) continue;
        t.partition = i;
        collect_takings(&all, &r->partitions.v[i]);
        tell_takings(&t, &all, true);
        tell_takings(&t, &all, false);
    }
    VEC_RELEASE(all.mem, &all.v);
    VEC_RELEASE(all.mem, &all.by);
    writer_release(&t.w);
}
