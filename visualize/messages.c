/* Frames on the wire → messages worth drawing, and counts of the rest; faults of the network. */
#include "apis.h"
#include "broker/base/check.h"
#include "broker/protocol/tables.h"
#include "visualize/faults.h"
#include "visualize/load.h"

bool
message_is_control(int16_t api)
{
    switch (api) {
    case K_API_ALTER_PARTITION:
    case K_API_BROKER_REGISTRATION:
    case K_API_VOTE:
    case K_API_BEGIN_QUORUM_EPOCH:
    case K_API_END_QUORUM_EPOCH:
    case K_API_ELECT_LEADERS:
    case K_API_CREATE_TOPICS:
    case K_API_DELETE_TOPICS:
    case K_API_OFFSET_FOR_LEADER_EPOCH:
    case K_API_UNREGISTER_BROKER:
    case K_API_JOIN_GROUP:
    case K_API_SYNC_GROUP:
    case K_API_LEAVE_GROUP:
    case K_API_END_TXN:
    case K_API_WRITE_TXN_MARKERS:
    case K_API_ALTER_PARTITION_REASSIGNMENTS: return true;
    }
    return false;
}

static void
sent(struct run *r, const struct trace_record *t)
{
    struct message m = {.id = (uint64_t)t->n[0],
                        .from = t->machine,
                        .to = t->other,
                        .api = (int16_t)t->n[4],
                        .is_answer = t->n[3] != 0,
                        .sent_ns = t->at_ns,
                        .at_ns = RUN_FOREVER};
    m.is_control = message_is_control(m.api);
    VEC_PUSH(r->mem, &r->in_flight, m);
}

static int64_t
find_in_flight(const struct run *r, uint64_t id)
{
    for (int64_t i = r->in_flight.n - 1; i >= 0; i--)
        if (r->in_flight.v[i].id == id) return i;
    return -1;
}

/* Produce and fetch of clients are kept for now: which of them begin or end something is known later. */
static bool
is_kept(const struct run *r, const struct message *m)
{
    if (m->is_control || m->is_lost || m->at_ns - m->sent_ns > MESSAGE_LATE_NS) return true;
    bool of_client = r->actors.v[m->is_answer ? m->to : m->from].kind == ACTOR_CLIENT;
    return of_client && m->api == K_API_PRODUCE;
}

/* One that is lost or never arrives is under way up to then, or for ever. */
bool
message_is_within(const struct message *m, int64_t from_ns, int64_t to_ns)
{
    return m->sent_ns <= to_ns && m->at_ns >= from_ns;
}

static void
message_ended(struct run *r, const struct trace_record *t, bool is_lost)
{
    int64_t i = find_in_flight(r, (uint64_t)t->n[0]);
    if (i < 0) return;
    struct message m = r->in_flight.v[i];
    r->in_flight.v[i] = r->in_flight.v[r->in_flight.n - 1];
    r->in_flight.n--;
    m.at_ns = t->at_ns;
    m.is_lost = is_lost;
    m.is_delivered = !is_lost;
    r->lost_n += is_lost;
    bool is_near = r->has_window && message_is_within(&m, r->from_ns, r->to_ns);
    bool is_told = is_kept(r, &m), has_room = is_near && r->near_n < NEAR_MAX;
    r->near_n += is_near && !is_told;
    if (is_told || has_room) VEC_PUSH(r->mem, &r->messages, m);
    else if (r->has_window && !is_near) return;
    else if (m.api >= 0 && m.api < APIS_MAX && !m.is_answer) r->counted[m.api]++;
}

void
load_frame(struct run *r, const struct trace_record *t)
{
    int64_t i;
    switch (t->what) {
    case FATE_SENT: sent(r, t); break;
    case FATE_DELIVERED: message_ended(r, t, false); break;
    case FATE_DROPPED: message_ended(r, t, true); break;
    case FATE_HELD:
    case FATE_RELEASED:
        i = find_in_flight(r, (uint64_t)t->n[0]);
        if (i >= 0) r->in_flight.v[i].is_held = true;
        break;
    }
}

static bool
is_before(const struct message *a, const struct message *b)
{
    return a->sent_ns != b->sent_ns ? a->sent_ns < b->sent_ns : a->id < b->id;
}

static void
sort_messages(struct run *r)
{
    for (int64_t i = 1; i < r->messages.n; i++) {
        struct message m = r->messages.v[i];
        int64_t k = i;
        for (; k > 0 && is_before(&m, &r->messages.v[k - 1]); k--)
            r->messages.v[k] = r->messages.v[k - 1];
        r->messages.v[k] = m;
    }
}

/* What never arrived and waited for long is as good as lost. */
void
load_frames_end(struct run *r)
{
    for (int64_t i = 0; i < r->in_flight.n; i++) {
        struct message *m = &r->in_flight.v[i];
        if (r->end_ns - m->sent_ns < MESSAGE_LATE_NS) continue;
        m->is_lost = true;
        m->at_ns = m->sent_ns;
        VEC_PUSH(r->mem, &r->messages, *m);
    }
    sort_messages(r);
}

/* ---- faults ---- */

static struct slice
next_word(struct slice *text)
{
    while (text->n && (*text->p == ' ' || *text->p == ',')) *text = slice_sub(*text, 1, text->n);
    int64_t n = 0;
    while (n < text->n && text->p[n] != ' ' && text->p[n] != ',') n++;
    struct slice word = slice_sub(*text, 0, n);
    *text = slice_sub(*text, n, text->n);
    return word;
}

static void
add_cut(struct run *r, int32_t from, int32_t to, int by)
{
    for (int64_t i = 0; i < r->cuts.n; i++) {
        struct cut *c = &r->cuts.v[i];
        if (c->from != from || c->to != to) continue;
        c->n += by;
        return;
    }
    VEC_PUSH(r->mem, &r->cuts, ((struct cut){from, to, by}));
}

/* "b3 <> b1 b2" or "b1 > b2": every machine on the left against every one on the right. */
static void
cut_sets(struct run *r, struct slice text, int by)
{
    int32_t left[64];
    int n = 0;
    bool is_right = false, both = false;
    for (struct slice w = next_word(&text); w.n; w = next_word(&text)) {
        if (slice_eq(w, S("<>")) || slice_eq(w, S(">"))) {
            both = w.n == 2;
            is_right = true;
            continue;
        }
        int32_t a = run_actor_named(r, w);
        if (a < 0) continue;
        if (!is_right && n < 64) left[n++] = a;
        for (int i = 0; is_right && i < n; i++) {
            if (left[i] == a) continue;
            add_cut(r, left[i], a, by);
            if (both) add_cut(r, a, left[i], by);
        }
    }
}

/* The scenario has verbs of its own for what the world does: "cut-one-way", "split", "hold-fetch". */
static bool
is_verb_of(struct slice said, struct slice verb)
{
    if (slice_eq(verb, S("cut")) && slice_eq(said, S("split"))) return true;
    return slice_starts(said, verb) && (said.n == verb.n || said.p[verb.n] == '-');
}

/* The words that the scenario had for it, just before. */
static struct moment *
said_before(struct run *r, const struct trace_record *t)
{
    for (int64_t i = r->moments.n - 1; i >= 0 && r->moments.v[i].at_ns == t->at_ns; i--) {
        struct moment *m = &r->moments.v[i];
        if (m->kind == MOMENT_FAULT && !m->text2.n && is_verb_of(m->text, t->a)) return m;
    }
    return NULL;
}

/* What the test at the end of a run heals, before it cuts, is told with it. */
static bool
is_of_trial(const struct run *r, const struct trace_record *t)
{
    const struct moment *m = r->moments.n ? &r->moments.v[r->moments.n - 1] : NULL;
    return m && m->kind == MOMENT_FAULT && m->n[0] == FAULT_IS_TRIAL && m->at_ns == t->at_ns &&
           !slice_eq(t->a, S("cut"));
}

/* Healing disks that nothing ails is no news. */
static bool
is_disk_ill(const struct run *r, int32_t actor)
{
    bool ill = false;
    for (int64_t i = 0; i < r->moments.n; i++) {
        const struct moment *m = &r->moments.v[i];
        if (m->kind != MOMENT_FAULT || m->actor != actor) continue;
        if (slice_eq(m->text, S("disk healed"))) ill = false;
        else if (slice_starts(m->text, S("disk "))) ill = true;
    }
    return ill;
}

void
load_fault(struct run *r, const struct trace_record *t)
{
    struct slice rest = t->b;
    int32_t actor = run_actor_named(r, next_word(&rest));
    if (slice_eq(t->a, S("cut")) || slice_eq(t->a, S("flap"))) cut_sets(r, t->b, 1);
    if (slice_eq(t->a, S("heal"))) cut_sets(r, t->b, -1);
    if (slice_eq(t->a, S("disk healed")) && !is_disk_ill(r, actor)) return;
    if (is_of_trial(r, t)) return;
    struct moment *m = said_before(r, t);
    if (!m) m = load_moment(r, MOMENT_FAULT, t->at_ns, -1, -1);
    m->text = load_text(r, t->a);
    m->text2 = load_text(r, t->b);
    bool is_about_links = slice_find(t->b, '>', 0) >= 0 || slice_eq(t->a, S("hold"));
    m->actor = is_about_links ? -1 : actor;
}
