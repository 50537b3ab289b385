#include "visualize/facts.h"

#include "broker/base/check.h"
#include "visualize/faults.h"
#include "visualize/words.h"

/* Partitions beside the main one are told, too, as long as they are few. */
#define TOLD_PARTITIONS 3

struct teller {
    struct facts *f;
    struct run *r;
    int32_t partition;
    int64_t first_fault_ns;
    struct writer w; /* the sentence being made */
};

struct fact *
facts_add(struct facts *f, int64_t at_ns, int32_t actor, enum tone tone, int32_t weight,
          struct slice text)
{
    struct fact *one = VEC_ADD(f->mem, &f->v);
    *one =
        (struct fact){.at_ns = at_ns, .weight = weight, .actor = actor, .tone = tone, .text = text};
    return one;
}

void
facts_release(struct facts *f)
{
    VEC_RELEASE(f->mem, &f->v);
    VEC_RELEASE(f->mem, &f->silences);
}

const struct change *
change_at(const struct partition_view *p, int64_t at_ns)
{
    const struct change *c = NULL;
    for (int64_t i = 0; i < p->changes.n && p->changes.v[i].at_ns <= at_ns; i++)
        c = &p->changes.v[i];
    return c;
}

static struct slice
name(const struct teller *t, int32_t actor)
{
    return actor >= 0 ? t->r->actors.v[actor].name : S("somebody");
}

static struct fact *
fact_end(struct teller *t, const struct moment *m, int32_t actor, enum tone tone, int32_t weight)
{
    struct slice text = load_words(t->r, &t->w);
    t->w = writer_mem(t->f->mem);
    return facts_add(t->f, m->at_ns, actor, tone, weight, text);
}

static int
told_partitions(const struct run *r)
{
    int n = 0;
    for (int64_t i = 0; i < r->partitions.n; i++)
        n += !slice_starts(r->partitions.v[i].name, S("__"));
    return n;
}

bool
facts_tell_partition(const struct run *r, int32_t main, int32_t partition)
{
    return partition == main || (told_partitions(r) <= TOLD_PARTITIONS &&
                                 !slice_starts(r->partitions.v[partition].name, S("__")));
}

static bool
partition_is_told(const struct teller *t, int32_t partition)
{
    return facts_tell_partition(t->r, t->partition, partition);
}

/* ---- the beginning: one sentence for all that came up ---- */

static bool
is_beginning(const struct teller *t, const struct moment *m)
{
    return m->at_ns < t->first_fault_ns;
}

static void
all_have_registered(struct teller *t, const struct moment *last, int n)
{
    struct writer *w = &t->w;
    fmt_str(w, n == 1 ? "the broker has registered and serves: "
                      : "the brokers have registered and serve: ");
    int at = 0;
    for (int64_t i = 0; i < t->r->actors.n; i++) {
        const struct actor *a = &t->r->actors.v[i];
        bool did = false;
        for (int64_t k = 0; k < t->r->moments.n; k++) {
            const struct moment *m = &t->r->moments.v[k];
            did |= m->kind == MOMENT_UNFENCED && m->at_ns <= last->at_ns && m->n[0] == a->node_id;
        }
        if (!did || a->node_id < 0) continue;
        if (at++) fmt_str(w, ", ");
        fmt_slice(w, a->name);
    }
    (void)fact_end(t, last, -1, TONE_PLAIN, WEIGHT_LOW);
}

/* The registrations and unfencings before the first fence or fault. */
static int64_t
tell_beginning(struct teller *t)
{
    const struct moment *last = NULL;
    int n = 0;
    for (int64_t i = 0; i < t->r->moments.n; i++) {
        const struct moment *m = &t->r->moments.v[i];
        if (!is_beginning(t, m) || m->kind == MOMENT_FENCED) break;
        if (m->kind != MOMENT_UNFENCED) continue;
        last = m;
        n++;
    }
    if (last) all_have_registered(t, last, n);
    return last ? last->at_ns : INT64_MIN;
}

/* ---- processes and faults ---- */

static void
tell_start(struct teller *t, const struct moment *m)
{
    for (int64_t i = 0; i < t->r->moments.n; i++) { /* the scenario said so already */
        const struct moment *o = &t->r->moments.v[i];
        if (o->kind == MOMENT_FAULT && o->at_ns == m->at_ns && o->actor == m->actor) return;
    }
    if (m->n[0] <= 1) return;
    fmt_slice(&t->w, name(t, m->actor));
    fmt_str(&t->w, " starts again");
    (void)fact_end(t, m, m->actor, TONE_FAULT, WEIGHT_MIDDLE);
}

static void
tell_recovered(struct teller *t, const struct moment *m)
{
    if (m->partition != t->partition || m->n[2] == 0) return;
    fmt_slice(&t->w, name(t, m->actor));
    fmt_str(&t->w, " finds ");
    fmt_slice(&t->w, t->r->partitions.v[m->partition].name);
    fmt_str(&t->w, m->n[0] ? " on its disk, up to offset " : " empty");
    if (m->n[0]) fmt_i64(&t->w, m->n[0] - 1);
    if (m->n[2] > m->n[0]) {
        fmt_str(&t->w, ": ");
        words_counted(&t->w, m->n[2] - m->n[0], "record");
        fmt_str(&t->w, " fewer than it had");
    }
    (void)fact_end(t, m, m->actor, TONE_PLAIN, m->n[2] > m->n[0] ? WEIGHT_MIDDLE : WEIGHT_LOW);
}

/* True: it led the partition that is told in full. */
static bool
tell_what_it_led(struct teller *t, const struct moment *m)
{
    if (t->partition < 0 || m->actor < 0) return false;
    const struct partition_view *p = &t->r->partitions.v[t->partition];
    const struct change *c = change_at(p, m->at_ns);
    int32_t node = t->r->actors.v[m->actor].node_id;
    if (!c || c->leader_id != node || node < 0) return false;
    fmt_str(&t->w, ", leader of ");
    fmt_slice(&t->w, p->name);
    fmt_str(&t->w, " (epoch ");
    fmt_i64(&t->w, c->epoch);
    fmt_char(&t->w, ')');
    return true;
}

static void
tell_fault(struct teller *t, const struct moment *m)
{
    bool is_end = fault_is_end(m);
    fault_sentence(t->r, m, &t->w);
    bool led = fault_ends_process(m) && tell_what_it_led(t, m);
    (void)fact_end(t, m, m->actor, TONE_FAULT,
                   led      ? WEIGHT_HIGHEST
                   : is_end ? WEIGHT_MIDDLE
                            : WEIGHT_HIGH);
}

static void
tell_end_of_process(struct teller *t, const struct moment *m)
{
    if (t->r->actors.v[m->actor].kind == ACTOR_CLIENT) return;
    fmt_slice(&t->w, name(t, m->actor));
    fmt_str(&t->w, m->kind == MOMENT_FATAL ? " ends itself: " : " has stopped in good order");
    fmt_slice(&t->w, m->text);
    (void)fact_end(t, m, m->actor, TONE_FAULT,
                   m->kind == MOMENT_FATAL ? WEIGHT_HIGH : WEIGHT_MIDDLE);
}

/* ---- controllers ---- */

static bool
is_first_controller(const struct teller *t, const struct moment *m)
{
    for (int64_t i = 0; i < t->r->moments.n; i++)
        if (t->r->moments.v[i].kind == MOMENT_CONTROLLER) return &t->r->moments.v[i] == m;
    return false;
}

static void
tell_controller(struct teller *t, const struct moment *m)
{
    fmt_slice(&t->w, name(t, m->actor));
    bool is_first = is_first_controller(t, m);
    fmt_str(&t->w, is_first                     ? " is elected active controller (epoch "
                   : m->kind == MOMENT_RESIGNED ? " steps down as controller (epoch "
                                                : " takes over as active controller (epoch ");
    fmt_i64(&t->w, m->n[0]);
    fmt_char(&t->w, ')');
    (void)fact_end(t, m, m->actor, TONE_CONTROL, is_first ? WEIGHT_LOW : WEIGHT_HIGH);
}

/* Candidates are told where somebody already was controller: somebody lost patience. */
static void
tell_candidate(struct teller *t, const struct moment *m)
{
    bool had = false;
    for (int64_t i = 0; i < t->r->moments.n && &t->r->moments.v[i] != m; i++)
        had |= t->r->moments.v[i].kind == MOMENT_CONTROLLER;
    if (!had) return;
    fmt_slice(&t->w, name(t, m->actor));
    fmt_str(&t->w, " asks to be elected controller in epoch ");
    fmt_i64(&t->w, m->n[0]);
    (void)fact_end(t, m, m->actor, TONE_CONTROL, WEIGHT_LOW);
}

static void
tell_broker(struct teller *t, const struct moment *m)
{
    int32_t broker = run_actor_of_node(t->r, m->n[0]);
    if (m->kind == MOMENT_REGISTERED) {
        run_node_name(t->r, m->n[0], &t->w);
        fmt_str(&t->w, " registers with controller ");
        fmt_slice(&t->w, name(t, m->actor));
    } else {
        fmt_str(&t->w, "controller ");
        fmt_slice(&t->w, name(t, m->actor));
        fmt_str(&t->w, m->kind == MOMENT_FENCED ? " fences " : " unfences ");
        run_node_name(t->r, m->n[0], &t->w);
    }
    bool fenced = m->kind == MOMENT_FENCED;
    (void)fact_end(t, m, broker, TONE_CONTROL, fenced ? WEIGHT_HIGH : WEIGHT_LOW);
}

static void
tell_topic(struct teller *t, const struct moment *m)
{
    if (slice_starts(m->text, S("__"))) return;
    fmt_str(&t->w, "topic ");
    fmt_slice(&t->w, m->text);
    if (m->kind == MOMENT_TOPIC) {
        fmt_str(&t->w, " is created: ");
        words_counted(&t->w, m->n[0], "partition");
        fmt_str(&t->w, ", replication factor ");
        fmt_i64(&t->w, m->n[1]);
    } else {
        fmt_str(&t->w, " is deleted");
    }
    (void)fact_end(t, m, m->actor, TONE_PLAIN, WEIGHT_LOW);
}

/* ---- partitions ---- */

static int64_t
size(struct slice list)
{
    int64_t n = list.n > 0;
    for (int64_t i = 0; i < list.n; i++) n += list.p[i] == ',';
    return n;
}

static void
tell_elr(struct writer *w, const struct change *c)
{
    if (!c->elr.n) return;
    fmt_str(w, "; also eligible to lead: ");
    words_set(w, c->elr);
}

static void
tell_leader(struct teller *t, const struct partition_view *p, const struct change *c,
            const struct change *before)
{
    bool led_last = before && list_has(before->last, c->leader_id);
    struct writer *w = &t->w;
    if (c->leader_id < 0) {
        fmt_slice(w, p->name);
        fmt_str(w, " has no leader; ISR ");
    } else {
        run_node_name(t->r, c->leader_id, w);
        fmt_str(w, c->unclean ? " is made leader of " : " leads ");
        fmt_slice(w, p->name);
        fmt_str(w, " (epoch ");
        fmt_i64(w, c->epoch);
        fmt_str(w, !c->unclean ? "), ISR "
                   : led_last
                       ? "), the last that led, for nobody is sure to be in sync: an unclean "
                         "election; ISR "
                       : ") though it was not in sync: an unclean election; ISR ");
    }
    words_set(w, c->isr);
    tell_elr(w, c);
}

/* Only who is eligible beside the ISR has changed. */
static void
tell_elr_change(struct teller *t, const struct partition_view *p, const struct change *c)
{
    fmt_str(&t->w, c->elr.n ? "besides the ISR also eligible to lead "
                            : "nobody besides the ISR is eligible any more to lead ");
    fmt_slice(&t->w, p->name);
    if (c->elr.n) fmt_str(&t->w, ": "), words_set(&t->w, c->elr);
}

static void
tell_isr(struct teller *t, const struct partition_view *p, const struct change *c,
         const struct change *before)
{
    struct writer *w = &t->w;
    int64_t by = size(c->isr) - size(before->isr);
    fmt_str(w, "ISR of ");
    fmt_slice(w, p->name);
    fmt_str(w, by > 0 ? " grows from " : by < 0 ? " shrinks from " : " changes from ");
    words_set(w, before->isr);
    fmt_str(w, " to ");
    words_set(w, c->isr);
    tell_elr(w, c);
}

static void
tell_change(struct teller *t, const struct moment *m)
{
    if (!partition_is_told(t, m->partition)) return;
    const struct partition_view *p = &t->r->partitions.v[m->partition];
    const struct change *c = &p->changes.v[m->n[0]], *before = m->n[0] ? c - 1 : NULL;
    bool is_leader = !before || before->leader_id != c->leader_id || before->epoch != c->epoch;
    bool same_isr = before && slice_eq(before->isr, c->isr);
    if (same_isr && !is_leader && slice_eq(before->elr, c->elr)) return;
    if (is_leader) tell_leader(t, p, c, before);
    else if (same_isr) tell_elr_change(t, p, c);
    else tell_isr(t, p, c, before);
    int32_t actor = run_actor_of_node(t->r, c->leader_id);
    enum tone tone = c->unclean || c->leader_id < 0 ? TONE_BAD : TONE_LEADER;
    int32_t high = m->partition == t->partition ? WEIGHT_HIGHEST : WEIGHT_HIGH;
    (void)fact_end(t, m, actor, tone,
                   is_leader && before ? high
                   : same_isr          ? WEIGHT_LOW
                                       : WEIGHT_MIDDLE);
}

static void
tell_truncated(struct teller *t, const struct moment *m)
{
    if (!partition_is_told(t, m->partition) || m->n[0] >= m->n[1]) return;
    struct writer *w = &t->w;
    const struct partition_view *p = &t->r->partitions.v[m->partition];
    const struct change *c = change_at(p, m->at_ns);
    fmt_slice(w, name(t, m->actor));
    fmt_str(w, " cuts its log of ");
    fmt_slice(w, p->name);
    fmt_str(w, " at ");
    fmt_i64(w, m->n[0]);
    fmt_str(w, ": ");
    words_counted(w, m->n[1] - m->n[0], "record");
    fmt_str(w, m->n[1] - m->n[0] == 1 ? " (offset " : " (offsets ");
    words_range(w, m->n[0], m->n[1] - 1);
    fmt_str(w, ")");
    if (c && c->leader_id >= 0) {
        fmt_str(w, m->n[1] - m->n[0] == 1 ? " is not in the log of leader "
                                          : " are not in the log of leader ");
        run_node_name(t->r, c->leader_id, w);
    }
    (void)fact_end(t, m, m->actor, TONE_BAD,
                   m->partition == t->partition ? WEIGHT_HIGHEST : WEIGHT_HIGH);
}

static void
tell_offline(struct teller *t, const struct moment *m)
{
    fmt_str(&t->w, "the log of ");
    fmt_slice(&t->w, t->r->partitions.v[m->partition].name);
    fmt_str(&t->w, " on ");
    fmt_slice(&t->w, name(t, m->actor));
    fmt_str(&t->w, " has failed and is offline");
    (void)fact_end(t, m, m->actor, TONE_BAD, WEIGHT_HIGH);
}

/* ---- judgement ---- */

static bool
is_same_anomaly(const struct moment *a, const struct moment *b)
{
    return b->kind == MOMENT_ANOMALY && slice_eq(a->text, b->text) && a->n[4] == b->n[4];
}

static void
anomaly_range(struct teller *t, const struct moment *m, int64_t count, int64_t low, int64_t high)
{
    struct writer *w = &t->w;
    int64_t space = slice_find(m->text, ' ', 0);
    fmt_slice(w, space < 0 ? m->text : slice_sub(m->text, 0, space));
    fmt_str(w, m->n[2] ? " (allowed)" : "");
    if (space >= 0) fmt_str(w, " in "), fmt_slice(w, slice_sub(m->text, space + 1, m->text.n));
    if (low >= 0) {
        fmt_str(w, low == high ? " at offset " : ", offsets ");
        words_range(w, low, high);
    }
    if (count > 1) {
        fmt_str(w, " (");
        words_counted(w, count, "record");
        fmt_char(w, ')');
    }
    if (m->text2.n) fmt_str(w, ": "), fmt_slice(w, m->text2);
}

/* Behind each of these is a copy that is gone. */
static bool
is_about_loss(struct slice rule)
{
    return slice_starts(rule, S("lost")) || slice_starts(rule, S("read-lost")) ||
           slice_starts(rule, S("inconsistent-offset")) ||
           slice_starts(rule, S("committed-truncated")) ||
           slice_starts(rule, S("leader-completeness"));
}

/* One sentence for all of a rule and partition that the same excuses; checker and oracle tell the same twice. */
static void
tell_anomaly(struct teller *t, const struct moment *m)
{
    int64_t by[3] = {0}, low = m->n[1], high = m->n[1];
    for (int64_t i = 0; i < t->r->moments.n; i++) {
        const struct moment *o = &t->r->moments.v[i];
        if (!is_same_anomaly(m, o)) continue;
        if (o < m) return;
        if (o->n[3] >= 0 && o->n[3] < 3) by[o->n[3]]++;
        low = MIN(low, o->n[1]);
        high = MAX(high, o->n[1]);
    }
    anomaly_range(t, m, MAX(by[0], MAX(by[1], by[2])), low, high);
    struct fact *f = fact_end(t, m, -1, TONE_BAD, WEIGHT_HIGHEST);
    if (m->partition < 0 || low < 0) return;
    int64_t gone_ns = INT64_MIN;
    if (slice_starts(m->text, S("duplicate")))
        chain_of_copies(t->r, m->partition, m->text2, &f->chain);
    else if (is_about_loss(m->text)) gone_ns = chain_of_loss(t->r, m->partition, low, &f->chain);
    if (slice_starts(m->text, S("lost"))) f->at_ns = MAX(f->at_ns, gone_ns);
}

static void
tell_verdict(struct teller *t, const struct moment *m)
{
    static const char *const nouns[] = {"produced ", "acknowledged ", "unknown ", "failed ",
                                        "read back "};
    fmt_slice(&t->w, t->r->verdict);
    if (t->r->verdict_text.n) fmt_str(&t->w, ": "), fmt_slice(&t->w, t->r->verdict_text);
    for (int i = 0; i < 5; i++) {
        fmt_str(&t->w, i ? ", " : " (");
        fmt_str(&t->w, nouns[i]);
        words_count(&t->w, t->r->counts[i]);
    }
    fmt_char(&t->w, ')');
    bool good = slice_eq(t->r->verdict, S("pass"));
    (void)fact_end(t, m, -1, good ? TONE_GOOD : TONE_BAD, WEIGHT_HIGH);
}

/* ---- all of it ---- */

static void
tell_moment(struct teller *t, const struct moment *m, int64_t beginning_ns)
{
    switch (m->kind) {
    case MOMENT_START: tell_start(t, m); break;
    case MOMENT_RECOVERED: tell_recovered(t, m); break;
    case MOMENT_FATAL:
    case MOMENT_STOPPED: tell_end_of_process(t, m); break;
    case MOMENT_FAULT: tell_fault(t, m); break;
    case MOMENT_HEALED:
        fmt_str(&t->w, t->first_fault_ns == RUN_FOREVER
                           ? "the load ends; now all that was acknowledged must be read back"
                           : "all is healed: every partition must serve again, with all replicas");
        (void)fact_end(t, m, -1, TONE_FAULT, WEIGHT_MIDDLE);
        break;
    case MOMENT_CONTROLLER:
    case MOMENT_RESIGNED: tell_controller(t, m); break;
    case MOMENT_CANDIDATE: tell_candidate(t, m); break;
    case MOMENT_REGISTERED:
    case MOMENT_FENCED:
    case MOMENT_UNFENCED:
        if (m->at_ns > beginning_ns) tell_broker(t, m);
        break;
    case MOMENT_TOPIC:
    case MOMENT_TOPIC_DELETED: tell_topic(t, m); break;
    case MOMENT_CHANGE: tell_change(t, m); break;
    case MOMENT_TRUNCATED: tell_truncated(t, m); break;
    case MOMENT_OFFLINE: tell_offline(t, m); break;
    case MOMENT_ANOMALY: tell_anomaly(t, m); break;
    case MOMENT_VERDICT: tell_verdict(t, m); break;
    }
}

static int64_t
first_fault(const struct run *r)
{
    for (int64_t i = 0; i < r->moments.n; i++)
        if (r->moments.v[i].kind == MOMENT_FAULT && r->moments.v[i].n[0] != FAULT_IS_TOLD)
            return r->moments.v[i].at_ns;
    return RUN_FOREVER;
}

static void
facts_sort(struct facts *f)
{
    for (int64_t i = 1; i < f->v.n; i++) {
        struct fact one = f->v.v[i];
        int64_t k = i;
        for (; k > 0 && f->v.v[k - 1].at_ns > one.at_ns; k--) f->v.v[k] = f->v.v[k - 1];
        f->v.v[k] = one;
    }
    for (int64_t i = 0; i < f->v.n; i++) f->v.v[i].number = (int32_t)i + 1;
}

void
facts_make(struct facts *f, struct run *r, int32_t partition)
{
    *f = (struct facts){.mem = r->mem};
    struct teller t = {.f = f,
                       .r = r,
                       .partition = partition,
                       .first_fault_ns = first_fault(r),
                       .w = writer_mem(r->mem)};
    int64_t beginning_ns = tell_beginning(&t);
    for (int64_t i = 0; i < r->moments.n; i++) tell_moment(&t, &r->moments.v[i], beginning_ns);
    facts_about_calls(f, r);
    facts_about_transactions(f, r);
    facts_about_starts(f, r, partition);
    facts_sort(f);
    writer_release(&t.w);
}
