/* What may be lost, record by record, and because of what. A promise names copies; only what became of these copies,
 * one by one, excuses. In words:
 *
 *      acks=all     the copies of everybody who might lead (ISR, and ELR with KIP-966): owed until every one of them
 *                   was destroyed by a named fault. Who leaves that circle is let go only while enough copies
 *                   (min.insync.replicas with ELR, else one) are whole in it. Or until an election that somebody
 *                   permitted (setting, or an operator's request) chose a leader from outside of them. An election
 *                   that the cluster thinks of by itself (last known leader) excuses nothing
 *      acks=1       the copy of the leader that acknowledged it: owed until that copy was destroyed, or another
 *                   leader was elected. What somebody has read is committed, and owed like acks=all
 *      acks=0       nothing but what a connection that stays gives: owed if no fault and no election was near
 *      flush.messages=n   a power loss takes no more than the last n - 1 records that a broker stored
 *      flush.ms           nor what it had stored for longer than that; if an operator makes them greater, the
 *                         greater number counts from then on, but what was acknowledged with n = 1 is on disk
 *      without idempotence   may duplicate, and reorder on retry
 *
 * What faults took, and who might lead, comes from the chronicle: offsets as the disks show them, not as brokers
 * believe. Where the chronicle tells nobody's place (faults alone are known), the count of copies decides. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/env/env.h"
#include "sim/check/check.h"

#define NODES_MAX 256
/* A request without an answer is lost with its connection for about so long after a fault. */
#define NEAR_NS (30 * NS_PER_S)
/* An operator's request is carried out or given up by then. */
#define ASKED_NS (10 * NS_PER_S)
/* What a log may have taken in while it flushes, on top of flush.messages. */
#define FLUSH_SLACK_RECORDS 1000
#define FLUSH_SLACK_NS (5 * NS_PER_S)

/* One broker, while the chronicle is read. */
struct holder {
    int32_t id;
    const struct happening *gone; /* its copy */
    bool is_back;                 /* started since */
    bool counts;                  /* the promise counts on its copy */
};

/* Reading the chronicle for one record. */
struct reading {
    const struct check_facts *f;
    const struct claim *c;
    const struct happening *reign; /* that of the leader who acknowledged it; NULL: not known */
    struct holder holders[NODES_MAX];
    int32_t holders_n;
    struct chronicle_ids in_sync; /* the last that were any */
    const struct happening *placed, *asked;
    const struct happening
        *unclean; /* an election that somebody permitted, after that reign began */
    bool unclean_was_asked;
    const struct happening *default_set, *topic_set;
    int64_t flush_messages, flush_ms; /* the greatest so far; 0: nothing is promised */
    bool was_settled;                 /* flush.messages was 1 until the record was acknowledged */
};

/* ---- words ---------------------------------------------------------------------------------------- */

static void
tell_time(const struct reading *r, const struct happening *one, struct writer *why)
{
    fmt_str(why, " at "), fmt_seconds(why, one->at_ns - r->f->begin_ns);
}

static void
tell_comma(struct writer *why, int64_t from)
{
    if (why->n > from) fmt_str(why, ", ");
}

static void
tell_node(struct writer *why, int32_t id)
{
    fmt_char(why, 'b'), fmt_i64(why, id);
}

static void
tell_copy(const struct reading *r, const struct happening *gone, struct writer *why)
{
    tell_node(why, gone->node), fmt_char(why, ' '), fmt_slice(why, gone->what);
    tell_time(r, gone, why);
}

/* In the order of time. */
static void
tell_copies(const struct reading *r, struct writer *why)
{
    int64_t from = why->n;
    for (int64_t last = -1;;) {
        const struct happening *next = NULL;
        for (int32_t i = 0; i < r->holders_n; i++) {
            const struct happening *gone = r->holders[i].gone;
            if (gone && gone - r->f->chronicle->v.v > last && (!next || gone < next)) next = gone;
        }
        if (!next) break;
        tell_comma(why, from), tell_copy(r, next, why);
        last = next - r->f->chronicle->v.v;
    }
}

static void
tell_election(const struct reading *r, const struct happening *placed, const char *how,
              struct writer *why)
{
    tell_node(why, placed->leader), fmt_str(why, " was elected"), tell_time(r, placed, why);
    fmt_str(why, how);
}

/* ---- of several topics of one name ------------------------------------------------------------------ */

/* What leads and has copies is this topic's, from when it is made to when the next one of its name is. */
static bool
is_of_its_time(const struct check_facts *f, const struct claim *c, const struct happening *one)
{
    const struct chronicle *all = f->chronicle;
    bool has_begun = c->life <= 1;
    for (int64_t i = 0; i < all->v.n && &all->v.v[i] < one; i++) {
        const struct happening *turn = &all->v.v[i];
        if (turn->kind != HAPPENED_MADE || !slice_eq(turn->topic, c->name)) continue;
        if (turn->life > c->life) return false;
        has_begun = has_begun || turn->life == c->life;
    }
    return has_begun;
}

static bool
is_of_claim(const struct check_facts *f, const struct claim *c, const struct happening *one)
{
    bool is_of_topic = one->kind == HAPPENED_PLACED || one->kind == HAPPENED_UNCLEAN_ASKED ||
                       (one->kind == HAPPENED_COPIES_GONE && one->topic.p);
    if (!happening_is_of(one, c->name, c->partition)) return false;
    return !c->life || !is_of_topic || is_of_its_time(f, c, one);
}

/* ---- copies --------------------------------------------------------------------------------------- */

static struct holder *
holder_of(struct reading *r, int32_t id)
{
    for (int32_t i = 0; i < r->holders_n; i++)
        if (r->holders[i].id == id) return &r->holders[i];
    CHECK(r->holders_n < NODES_MAX);
    r->holders[r->holders_n] = (struct holder){.id = id};
    return &r->holders[r->holders_n++];
}

/* What the settings say was flushed is no power loss's to take. */
static bool
was_flushed(const struct reading *r, const struct happening *gone)
{
    const struct claim *c = r->c;
    if (!gone->by_power) return false;
    if (r->was_settled) return true;
    if (r->flush_messages > 0 && c->offset >= 0 && gone->to < INT64_MAX &&
        gone->to - c->offset >= r->flush_messages + FLUSH_SLACK_RECORDS)
        return true;
    return r->flush_ms > 0 && gone->at_ns - c->owed_ns > r->flush_ms * NS_PER_MS + FLUSH_SLACK_NS;
}

/* Who makes the numbers smaller promises more, but only once every broker knows it: that does not count. */
static void
take_flush_set(struct reading *r, const struct happening *one)
{
    int64_t messages = one->flush_messages, ms = one->flush_ms;
    if (messages >= 0 && messages != 1 && one->at_ns <= r->c->owed_ns) r->was_settled = false;
    if (messages >= 0 && r->flush_messages)
        r->flush_messages = messages ? MAX(messages, r->flush_messages) : 0;
    if (ms >= 0 && r->flush_ms) r->flush_ms = ms ? MAX(ms, r->flush_ms) : 0;
}

/* A write that lands elsewhere is told before it comes: it may be that of a later record. */
static bool
lies_in_wait(const struct happening *gone)
{
    return slice_eq(gone->what, S(CHRONICLE_MISDIRECTED));
}

static bool
takes(const struct reading *r, const struct happening *gone)
{
    const struct claim *c = r->c;
    if ((gone->at_ns < c->begun_ns && !lies_in_wait(gone)) || gone->from >= gone->to) return false;
    if (c->offset >= 0 && (c->offset < gone->from || c->offset >= gone->to)) return false;
    return !was_flushed(r, gone);
}

/* On so many copies the promise counts at least: with ELR the ISR may shrink, but who left it when it was that small
 * may still lead; without, one may be all there is. */
static int32_t
copies_owed(const struct check_topic *t)
{
    int32_t replicas = t->replicas > 0 ? t->replicas : INT32_MAX;
    return t->elr ? MAX(1, MIN(t->min_isr, replicas)) : 1;
}

static bool
all_are_gone(const struct reading *r)
{
    int32_t gone = 0;
    for (int32_t i = 0; i < r->holders_n; i++) {
        const struct holder *h = &r->holders[i];
        if (h->counts && !h->gone) return false;
        gone += h->gone != NULL;
    }
    return gone >= copies_owed(r->c->topic);
}

/* Who may lead no more is let go if those who stay have enough whole copies among them. Else it is still counted on: a
 * controller that thinks nothing of a broker which died without order (KIP-966) has destroyed no copy. So it makes no
 * difference in which order the brokers of a dark room are missed and come back. */
static void
let_go(struct reading *r)
{
    int32_t whole = 0;
    for (int32_t i = 0; i < r->in_sync.n; i++) {
        const struct happening *gone = holder_of(r, r->in_sync.v[i])->gone;
        whole += !gone || lies_in_wait(gone);
    }
    for (int32_t i = 0; i < r->holders_n && whole >= copies_owed(r->c->topic); i++)
        r->holders[i].counts = chronicle_has(&r->in_sync, r->holders[i].id);
}

/* ---- elections ------------------------------------------------------------------------------------- */

static bool
unclean_is_on(const struct reading *r)
{
    return r->topic_set ? r->topic_set->is_on : r->default_set && r->default_set->is_on;
}

/* Who came into the set has fetched what it lacked, if it was started again since. */
static void
came_in_sync(struct reading *r, const struct happening *placed)
{
    for (int32_t i = 0; i < placed->in_sync.n; i++) {
        struct holder *h = holder_of(r, placed->in_sync.v[i]);
        if (h->is_back && !chronicle_has(&r->in_sync, h->id)) h->gone = NULL;
        h->counts = true;
    }
    if (placed->in_sync.n == 0) return;
    r->in_sync = placed->in_sync;
    if (placed->at_ns >= r->c->begun_ns) let_go(r);
    else
        for (int32_t i = 0; i < r->holders_n; i++)
            r->holders[i].counts = chronicle_has(&r->in_sync, r->holders[i].id);
}

static bool
reading_is_asked(const struct reading *r, const struct happening *placed)
{
    return r->asked && placed->at_ns - r->asked->at_ns <= ASKED_NS;
}

/* From outside of those who might lead, by somebody's leave. */
static bool
is_permitted_unclean(const struct reading *r, const struct happening *placed)
{
    bool is_election =
        placed->leader >= 0 && r->placed &&
        (placed->leader != r->placed->leader || placed->leader_epoch != r->placed->leader_epoch);
    return is_election && r->in_sync.n && !chronicle_has(&r->in_sync, placed->leader) &&
           (reading_is_asked(r, placed) || unclean_is_on(r));
}

/* A leader that was deposed and does not know it may acknowledge still: so its reign counts, and not the time. */
static bool
is_later(const struct reading *r, const struct happening *one)
{
    return r->reign ? one > r->reign : one->at_ns >= r->c->begun_ns;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static void
take_placed(struct reading *r, const struct happening *one)
{
    if (is_later(r, one) && is_permitted_unclean(r, one)) {
        r->unclean = one;
        r->unclean_was_asked = reading_is_asked(r, one);
    }
    if (r->placed && one->leader >= 0 && one->leader != r->placed->leader) r->asked = NULL;
    came_in_sync(r, one);
    r->placed = one;
}

static void
reading_take(struct reading *r, const struct happening *one)
{
    switch (one->kind) {
    case HAPPENED_COPIES_GONE:
        if (takes(r, one)) holder_of(r, one->node)->gone = one;
        holder_of(r, one->node)->is_back = false;
        return;
    case HAPPENED_ENDED: holder_of(r, one->node)->is_back = false; return;
    case HAPPENED_STARTED: holder_of(r, one->node)->is_back = true; return;
    case HAPPENED_PLACED: take_placed(r, one); return;
    case HAPPENED_UNCLEAN_SET: *(one->topic.p ? &r->topic_set : &r->default_set) = one; return;
    case HAPPENED_UNCLEAN_ASKED: r->asked = one; return;
    case HAPPENED_FLUSH_SET: take_flush_set(r, one); return;
    case HAPPENED_MADE:
    case HAPPENED_DELETED:
    case HAPPENED_ENDED_LATE:
    case HAPPENED_TROUBLE:
    case HAPPENED_N: return;
    }
}

static struct reading
begin_reading(const struct check_facts *f, const struct claim *c)
{
    struct reading r = {.f = f,
                        .c = c,
                        .flush_messages = c->topic->flush_messages,
                        .flush_ms = c->topic->flush_ms,
                        .was_settled = c->topic->flush_messages == 1};
    for (int64_t i = 0; i < f->chronicle->v.n; i++) {
        const struct happening *one = &f->chronicle->v.v[i];
        if (one->kind != HAPPENED_PLACED || !is_of_claim(f, c, one)) continue;
        if (one->at_ns > (c->leader >= 0 ? c->owed_ns : c->begun_ns) && r.reign) break;
        if (one->leader >= 0 && (c->leader < 0 || one->leader == c->leader)) r.reign = one;
    }
    return r;
}

static bool
may_lose_committed(const struct check_facts *f, const struct claim *c, struct writer *why)
{
    struct reading r = begin_reading(f, c);
    for (int64_t i = 0; i < f->chronicle->v.n; i++) {
        const struct happening *one = &f->chronicle->v.v[i];
        if (c->until_ns && one->at_ns > c->until_ns) break;
        if (!is_of_claim(f, c, one)) continue;
        reading_take(&r, one);
        if (r.unclean) {
            tell_election(&r, one, " from outside ISR and ELR, as ", why);
            fmt_str(why, r.unclean_was_asked ? "an operator asked"
                                             : "unclean.leader.election.enable permits");
            return true;
        }
        if (one->at_ns < c->begun_ns || !all_are_gone(&r)) continue;
        tell_copies(&r, why);
        return true;
    }
    return false;
}

static void
tell_acks(const struct claim *c, struct writer *why)
{
    fmt_str(why, "acks="), fmt_i64(why, c->acks), fmt_str(why, ", and ");
}

static bool
may_lose_sole_copy(const struct check_facts *f, const struct claim *c, struct writer *why)
{
    struct reading r = begin_reading(f, c);
    if (!r.reign) return false;
    for (int64_t i = 0; i < f->chronicle->v.n; i++) {
        const struct happening *one = &f->chronicle->v.v[i];
        if (!is_of_claim(f, c, one)) continue;
        if (one->kind == HAPPENED_FLUSH_SET) take_flush_set(&r, one);
        bool is_gone =
            one->kind == HAPPENED_COPIES_GONE && takes(&r, one) && one->node == r.reign->leader;
        bool is_other = one->kind == HAPPENED_PLACED && one->leader >= 0 && one > r.reign &&
                        one->leader != r.reign->leader;
        if (!is_gone && !is_other) continue;
        tell_acks(c, why);
        if (is_gone) tell_copy(&r, one, why);
        else
            tell_election(&r, one, ", while only ", why), tell_node(why, r.reign->leader),
                fmt_str(why, " had to have it");
        return true;
    }
    return false;
}

/* Nobody told anything of leaders: then any end of a process may have moved them. */
static bool
may_have_moved(const struct check_facts *f, const struct claim *c, struct writer *why)
{
    struct reading r = begin_reading(f, c);
    const struct happening *cause = NULL;
    for (int64_t i = 0; i < f->chronicle->v.n; i++) {
        const struct happening *one = &f->chronicle->v.v[i];
        if (!is_of_claim(f, c, one)) continue;
        if (one->kind == HAPPENED_PLACED) return false;
        bool is_cause = one->kind == HAPPENED_ENDED || one->kind == HAPPENED_TROUBLE;
        if (!cause && is_cause && one->until_ns >= c->begun_ns) cause = one;
    }
    if (!cause) return false;
    tell_acks(c, why), fmt_str(why, "leaders may have changed by ");
    if (cause->kind == HAPPENED_ENDED) fmt_str(why, "the end of "), tell_node(why, cause->node);
    else fmt_slice(why, cause->what);
    tell_time(&r, cause, why);
    return true;
}

/* It may have been lost on its way. */
static bool
may_lose_in_flight(const struct check_facts *f, const struct claim *c, struct writer *why)
{
    struct reading r = begin_reading(f, c);
    for (int64_t i = 0; i < f->chronicle->v.n; i++) {
        const struct happening *one = &f->chronicle->v.v[i];
        bool is_trouble = one->kind == HAPPENED_TROUBLE || one->kind == HAPPENED_ENDED;
        bool is_move = one->kind == HAPPENED_PLACED && is_of_claim(f, c, one);
        int64_t until_ns = one->until_ns == INT64_MAX ? INT64_MAX : one->until_ns + NEAR_NS;
        bool is_near = one->at_ns <= c->owed_ns + NEAR_NS && until_ns >= c->begun_ns;
        if (is_move && !r.placed) is_move = false; /* where it was from the beginning */
        if (one->kind == HAPPENED_PLACED && is_of_claim(f, c, one)) r.placed = one;
        if (!(is_trouble || is_move) || !is_near) continue;
        tell_acks(c, why);
        if (is_move) fmt_str(why, "leader and ISR changed");
        else if (one->kind == HAPPENED_ENDED) tell_node(why, one->node), fmt_str(why, " died");
        else fmt_slice(why, one->what);
        tell_time(&r, one, why);
        return true;
    }
    return false;
}

static bool
may_lose(const struct check_facts *f, const struct claim *c, struct writer *why)
{
    if (!f->chronicle) return false;
    if (c->acks >= 0 && !c->is_committed &&
        (may_lose_sole_copy(f, c, why) || may_have_moved(f, c, why)))
        return true;
    if (c->acks == 0 && !c->is_committed && may_lose_in_flight(f, c, why)) return true;
    return may_lose_committed(f, c, why);
}

/* A disk that rots or writes to the wrong place gives bytes that are no record, and nobody mends them: that a reader
 * is told so, and given nothing for good, is all that is promised. */
static bool
may_be_spoilt(const struct check_facts *f, const struct claim *c, struct writer *why)
{
    struct reading r = {.f = f, .c = c};
    for (int64_t i = 0; f->chronicle && i < f->chronicle->v.n; i++) {
        const struct happening *one = &f->chronicle->v.v[i];
        bool is_of_disk =
            one->kind == HAPPENED_COPIES_GONE && (slice_eq(one->what, S(CHRONICLE_ROT)) ||
                                                  slice_eq(one->what, S(CHRONICLE_MISDIRECTED)));
        bool is_there = c->offset < 0 || (c->offset >= one->from && c->offset < one->to);
        if (!is_of_disk || one->at_ns > c->owed_ns || !is_there || !is_of_claim(f, c, one))
            continue;
        tell_copy(&r, one, why);
        return true;
    }
    return false;
}

/* What excuses them is known where they are found: check_groups.c; and by a late end of a transaction alone: check_txns.c. */
static bool
is_excused_elsewhere(enum rule rule)
{
    return rule == RULE_OFFSET_WENT_BACK || rule == RULE_PROCESSED_TWICE ||
           rule == RULE_UNPROCESSED || rule == RULE_COPIED_TWICE || rule == RULE_NOT_COPIED ||
           rule == RULE_FAILED_READ || rule == RULE_TORN || rule == RULE_FAILED_COMMIT;
}

bool
permission_of(const struct check_facts *f, const struct claim *c, enum rule rule,
              struct writer *why)
{
    if (!permission_exists(rule) || is_excused_elsewhere(rule)) return false;
    if ((rule == RULE_DUPLICATE || rule == RULE_REORDERED) && !c->idempotent) {
        fmt_str(why, "it was sent without idempotence");
        return true;
    }
    if (rule == RULE_CORRUPT) return may_be_spoilt(f, c, why);
    return may_lose(f, c, why);
}

bool
permission_exists(enum rule rule)
{
    switch (rule) {
    case RULE_LOST:
    case RULE_UNSEEN:
    case RULE_READ_LOST:
    case RULE_RESURRECTED:
    case RULE_DUPLICATE:
    case RULE_REORDERED:
    case RULE_INCONSISTENT_OFFSET:
    case RULE_POLL_SKIP:
    case RULE_NONMONOTONIC_POLL:
    case RULE_CORRUPT:
    case RULE_END_WENT_BACK: return true;
    default: return is_excused_elsewhere(rule);
    }
}
