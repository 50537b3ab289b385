/* What led to an anomaly, one cause a line, in order. Of a record that is gone: who had it when it was
 * acknowledged, which of them went down, who led without it, how the copies went. Of one that stands twice:
 * when it was sent, when each copy was written. */
#include "broker/base/check.h"
#include "visualize/facts.h"
#include "visualize/faults.h"
#include "visualize/words.h"

struct causes {
    struct run *r;
    int32_t partition;
    struct writer words; /* of the last one */
    VEC(struct cause) v;
};

static struct writer *
cause_begin(struct causes *c, int64_t at_ns, int32_t actor)
{
    VEC_PUSH(c->r->mem, &c->v, ((struct cause){.at_ns = at_ns, .actor = actor}));
    return &c->words;
}

static void
cause_end(struct causes *c)
{
    c->v.v[c->v.n - 1].text = load_words(c->r, &c->words);
    c->words = writer_mem(c->r->mem);
}

/* By time; those of one time stay in the order in which they were found. */
static struct chain
causes_chain(struct causes *c)
{
    struct chain all = {.n = (int32_t)c->v.n};
    all.v = ARENA_ARRAY(&c->r->texts, struct cause, MAX(c->v.n, 1));
    for (int64_t i = 0; i < c->v.n; i++) {
        int64_t k = i;
        for (; k > 0 && all.v[k - 1].at_ns > c->v.v[i].at_ns; k--) all.v[k] = all.v[k - 1];
        all.v[k] = c->v.v[i];
    }
    writer_release(&c->words);
    VEC_RELEASE(c->r->mem, &c->v);
    return all;
}

static struct causes
causes_new(struct run *r, int32_t partition)
{
    return (struct causes){.r = r, .partition = partition, .words = writer_mem(r->mem)};
}

void
cause_words(const struct cause *c, struct writer *w)
{
    words_time(w, c->at_ns);
    fmt_str(w, "  ");
    fmt_slice(w, c->text);
}

/* ---- who held what ---- */

static const struct call *
acknowledgement(const struct run *r, int32_t partition, int64_t offset)
{
    const struct call *first = NULL;
    for (int64_t i = 0; i < r->calls.n; i++) {
        const struct call *c = &r->calls.v[i];
        if (c->kind != VIEW_SEND || c->outcome != VIEW_OK) continue;
        if (c->partition != partition || c->offset != offset) continue;
        if (!first || c->completed_ns < first->completed_ns) first = c;
    }
    return first;
}

/* The copy that it held at this time; NULL: none. */
static const struct held *
held_at(const struct run *r, int32_t partition, int32_t actor, int64_t offset, int64_t at_ns)
{
    const struct replica *one = run_replica(r, partition, actor);
    for (int64_t i = one ? one->held.n - 1 : -1; i >= 0; i--) {
        const struct held *h = &one->held.v[i];
        if (offset >= h->base && offset < h->end && h->at_ns <= at_ns && h->gone_ns > at_ns)
            return h;
    }
    return NULL;
}

static void
acknowledged(struct causes *c, const struct call *call, int64_t offset)
{
    struct writer *w = cause_begin(c, call->completed_ns, call->actor);
    fmt_slice(w, call->value);
    fmt_str(w, " is acknowledged at offset ");
    fmt_i64(w, offset);
    fmt_str(w, call->acks == 1   ? " (acks=1: the leader alone)"
               : call->acks == 0 ? " (acks=0)"
                                 : " (acks=all)");
    cause_end(c);
}

static void
who_had_it(struct causes *c, const struct call *call)
{
    const struct run *r = c->r;
    const struct change *ch = change_at(&r->partitions.v[c->partition], call->completed_ns);
    struct writer *w =
        cause_begin(c, call->completed_ns, ch ? run_actor_of_node(r, ch->leader_id) : -1);
    int had = 0;
    for (int32_t i = 0; i < r->actors.n; i++) {
        if (!held_at(r, c->partition, i, call->offset, call->completed_ns)) continue;
        fmt_str(w, had++ ? " and " : "");
        fmt_slice(w, r->actors.v[i].name);
    }
    if (!had) fmt_str(w, "no replica");
    fmt_str(w, had > 1 ? " have it by then" : " alone has it by then");
    if (ch) fmt_str(w, "; ISR "), words_set(w, ch->isr);
    cause_end(c);
}

/* ---- how it went ---- */

/* Faults that met those who had it, before their copy went. */
static void
who_went_down(struct causes *c, const struct call *call)
{
    const struct run *r = c->r;
    for (int64_t i = 0; i < r->moments.n; i++) {
        const struct moment *m = &r->moments.v[i];
        if (m->kind != MOMENT_FAULT || m->actor < 0 || m->at_ns < call->completed_ns) continue;
        if (!slice_eq(m->text, S("crash")) && !slice_eq(m->text, S("power")) &&
            !slice_eq(m->text, S("wipe")))
            continue;
        const struct held *h = held_at(r, c->partition, m->actor, call->offset, call->completed_ns);
        if (!h || h->gone_ns == RUN_FOREVER || m->at_ns > h->gone_ns) continue;
        fault_sentence(r, m, cause_begin(c, m->at_ns, m->actor));
        cause_end(c);
    }
}

/* A leader of a later epoch that did not have the copy that was acknowledged. */
static void
who_led(struct causes *c, const struct call *call, int64_t epoch)
{
    const struct partition_view *p = &c->r->partitions.v[c->partition];
    for (int64_t i = 0; i < p->changes.n; i++) {
        const struct change *ch = &p->changes.v[i];
        if (ch->epoch <= epoch || ch->leader_id < 0) continue;
        int32_t leader = run_actor_of_node(c->r, ch->leader_id);
        int64_t at_ns = MAX(ch->at_ns, call->completed_ns);
        if (!run_replica(c->r, c->partition, leader)) continue;
        const struct held *h = held_at(c->r, c->partition, leader, call->offset, at_ns);
        if (h && h->epoch <= epoch) continue;
        struct writer *w = cause_begin(c, at_ns, leader);
        run_node_name(c->r, ch->leader_id, w);
        fmt_str(w, ch->at_ns < call->completed_ns ? " leads already (epoch "
                   : ch->unclean                  ? " is made leader uncleanly (epoch "
                                                  : " becomes leader (epoch ");
        fmt_i64(w, ch->epoch);
        fmt_str(w, ") without it");
        cause_end(c);
        return;
    }
}

/* Did this replica cut its log, or find less on its disk, at this moment? */
static bool
did(const struct causes *c, enum moment_kind kind, int32_t actor, int64_t at_ns)
{
    for (int64_t i = 0; i < c->r->moments.n; i++) {
        const struct moment *m = &c->r->moments.v[i];
        if (m->kind == kind && m->at_ns == at_ns && m->actor == actor &&
            m->partition == c->partition)
            return true;
    }
    return false;
}

/* A log is also opened anew where no process began: a topic was made again, a replica came back. */
static bool
has_started(const struct causes *c, int32_t actor, int64_t from_ns, int64_t to_ns)
{
    for (int64_t i = 0; i < c->r->moments.n; i++) {
        const struct moment *m = &c->r->moments.v[i];
        if (m->kind == MOMENT_START && m->actor == actor && m->at_ns >= from_ns &&
            m->at_ns <= to_ns)
            return true;
    }
    return false;
}

static int64_t
who_lost_it(struct causes *c, const struct call *call)
{
    int64_t last = INT64_MIN;
    for (int32_t i = 0; i < c->r->actors.n; i++) {
        const struct held *h = held_at(c->r, c->partition, i, call->offset, call->completed_ns);
        if (!h || h->gone_ns == RUN_FOREVER) continue;
        struct writer *w = cause_begin(c, h->gone_ns, i);
        fmt_slice(w, c->r->actors.v[i].name);
        fmt_str(w, did(c, MOMENT_TRUNCATED, i, h->gone_ns) ? " cuts it off"
                   : did(c, MOMENT_RECOVERED, i, h->gone_ns)
                       ? (has_started(c, i, call->completed_ns, h->gone_ns)
                              ? " starts again and no longer finds it"
                              : " opens its log anew, without it")
                       : " writes another record in its place");
        cause_end(c);
        last = MAX(last, h->gone_ns);
    }
    return last;
}

int64_t
chain_of_loss(struct run *r, int32_t partition, int64_t offset, struct chain *ret)
{
    const struct call *call = acknowledgement(r, partition, offset);
    if (!call || call->completed_ns == RUN_FOREVER) return INT64_MIN;
    struct causes c = causes_new(r, partition);
    int64_t epoch = -1;
    for (int32_t i = 0; i < r->actors.n; i++) {
        const struct held *h = held_at(r, partition, i, offset, call->completed_ns);
        if (h) epoch = MAX(epoch, h->epoch);
    }
    acknowledged(&c, call, offset);
    who_had_it(&c, call);
    who_went_down(&c, call);
    who_led(&c, call, epoch);
    int64_t last = who_lost_it(&c, call);
    *ret = causes_chain(&c);
    return last;
}

/* ---- twice ---- */

/* The number behind the next "offset " at or after *at, which then stands behind it; -1: there is none. */
static int64_t
next_offset(struct slice story, int64_t *at)
{
    int64_t n;
    for (; *at < story.n; (*at)++) {
        struct slice rest = slice_sub(story, *at, story.n);
        if (!slice_starts(rest, S("offset "))) continue;
        int64_t from = *at += 7;
        while (*at < story.n && story.p[*at] >= '0' && story.p[*at] <= '9') (*at)++;
        return slice_to_i64(slice_sub(story, from, *at - from), &n) ? n : -1;
    }
    return -1;
}

/* When the first replica wrote what lies there in the end, which was its leader. */
static void
who_wrote(struct causes *c, int64_t offset, bool again)
{
    int64_t at_ns = RUN_FOREVER;
    int32_t who = -1;
    for (int32_t i = 0; i < c->r->actors.n; i++) {
        const struct held *h = held_at(c->r, c->partition, i, offset, RUN_FOREVER - 1);
        if (!h || h->at_ns >= at_ns) continue;
        at_ns = h->at_ns;
        who = i;
    }
    if (who < 0) return;
    struct writer *w = cause_begin(c, at_ns, who);
    fmt_slice(w, c->r->actors.v[who].name);
    fmt_str(w, again ? " writes it again, at offset " : " writes it at offset ");
    fmt_i64(w, offset);
    cause_end(c);
}

static const struct call *
send_of(const struct run *r, struct slice story)
{
    int64_t space = slice_find(story, ' ', 0);
    struct slice value = slice_sub(story, 0, MAX(space, 0));
    for (int64_t i = 0; i < r->calls.n; i++)
        if (r->calls.v[i].kind == VIEW_SEND && slice_eq(r->calls.v[i].value, value))
            return &r->calls.v[i];
    return NULL;
}

void
chain_of_copies(struct run *r, int32_t partition, struct slice story, struct chain *ret)
{
    int64_t at = MAX(slice_find(story, ';', 0), 0);
    int64_t first = next_offset(story, &at), second = next_offset(story, &at);
    const struct call *call = send_of(r, story);
    if (first < 0 || second < 0 || !call) return;
    struct causes c = causes_new(r, partition);
    fmt_slice(cause_begin(&c, call->invoked_ns, call->actor), call->value);
    fmt_str(&c.words, " is sent");
    cause_end(&c);
    who_wrote(&c, MIN(first, second), false);
    who_wrote(&c, MAX(first, second), true);
    if (call->outcome == VIEW_OK) acknowledged(&c, call, call->offset);
    *ret = causes_chain(&c);
}
