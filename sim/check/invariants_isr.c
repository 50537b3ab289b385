/* Who is in sync, by the clock (replica.lag.time.max.ms): a leader takes a follower out of its ISR when it has lagged for so long,
 * not earlier, and not much later.
 *
 * What a follower has told counts from the moment when its leader answers it: then the leader surely knows of it, and has known since
 * some time after it was asked. So nothing here is known better than by the leader itself. */
#include "sim/check/invariants_own.h"

/* A leader looks twice in each replica.lag.time.max.ms; what it asks for may be refused, and asked for again. */
#define LAGS_MAX 3
#define LOOKS_NS (2 * NS_PER_S)

void
invariants_lag(struct invariants *v, int64_t lag_max_ns)
{
    v->lag_max_ns = lag_max_ns;
}

struct heard *
heard_of(struct topic_key *k, int32_t id)
{
    for (int64_t i = 0; i < k->heard.n; i++)
        if (k->heard.v[i].id == id) return &k->heard.v[i];
    return NULL;
}

/* ---- what was answered ------------------------------------------------------------------------------ */

static void
has_no_more_than(const struct fetch_asked *asked)
{
    struct heard *h = heard_of(asked->key, asked->id);
    if (h && h->leader_epoch == asked->leader_epoch)
        h->answered_end = MIN(h->answered_end, asked->end);
}

/* Whoever tells of a shorter log than before has lost its tail. */
void
isr_asked(struct invariants *v, const struct fetch_asked *asked)
{
    has_no_more_than(asked);
    VEC_PUSH(v->mem, &v->fetches, *asked);
}

/* The leader reads this request. On a connection that its follower has given up it may have come late, after what was asked on the
 * next one: then the leader believes what it says, as Kafka's does, until it is asked again. What it has read before, and waits to
 * answer, counts no more. */
static void
isr_read(struct invariants *v, struct fetch_asked *asked)
{
    has_no_more_than(asked);
    for (int64_t i = 0; i < v->fetches.n; i++) {
        struct fetch_asked *a = &v->fetches.v[i];
        if (a->key == asked->key && a->id == asked->id && a->has_arrived) a->is_outdated = true;
    }
    asked->has_arrived = true;
}

void
isr_arrived(struct invariants *v, int64_t frame)
{
    for (int64_t i = 0; i < v->fetches.n; i++)
        if (v->fetches.v[i].frame == frame) isr_read(v, &v->fetches.v[i]);
}

/* A replica has one fetch under way on a connection: of what it asked there before, it hears no more. */
void
isr_forget_asked(struct invariants *v, int32_t from, uint64_t conn)
{
    int64_t n = 0;
    for (int64_t i = 0; i < v->fetches.n; i++)
        if (v->fetches.v[i].from != from || v->fetches.v[i].conn != conn)
            v->fetches.v[n++] = v->fetches.v[i];
    v->fetches.n = n;
}

/* Whose log is no beginning of the leader's is told to cut it, and counts for nothing until it asks again. */
static bool
is_beginning_of(const struct node_log *l, const struct fetch_asked *a)
{
    const struct batch *b = a->end > l->start ? log_at(l, a->end - 1) : NULL;
    return a->end <= log_end(l) && (!b || a->last_epoch < 0 || b->epoch == a->last_epoch);
}

static void
take_answered(struct invariants *v, int32_t leader, const struct fetch_asked *a)
{
    const struct model_node *n = model_node(&v->model, leader);
    const struct node_log *l = n && a->key->index < n->logs.n ? n->logs.v[a->key->index] : NULL;
    struct heard *h = heard_of(a->key, a->id);
    if (!l || !h || !l->leads || l->epoch != a->leader_epoch || h->leader_epoch != l->epoch) return;
    if (!is_beginning_of(l, a)) return;
    h->answered_end = a->end;
    if (a->end >= log_end(l)) h->caught_up_ns = MAX(h->caught_up_ns, a->sent_ns);
}

/* The leader's answer to this request leaves; is_taken: it does not refuse all of it. */
void
isr_answered(struct invariants *v, int32_t leader, int64_t frame, bool is_taken)
{
    int64_t n = 0;
    for (int64_t i = 0; i < v->fetches.n; i++) {
        struct fetch_asked *a = &v->fetches.v[i];
        if (a->frame != frame) v->fetches.v[n++] = *a;
        else if (is_taken && !a->is_outdated) take_answered(v, leader, a);
    }
    v->fetches.n = n;
}

/* ---- out too soon ------------------------------------------------------------------------------------ */

static void
check_out(struct invariants *v, struct topic_key *k, const struct node_log *l, int32_t id)
{
    const struct heard *h = heard_of(k, id);
    bool is_of_epoch = h && h->leader_epoch == l->epoch;
    /* A new leader takes those of the ISR for caught up. Who joins later has come to the high watermark, and need not have been. */
    int64_t known_ns =
        MAX(model_has(&l->led_with, id) ? l->led_from_ns : -1, is_of_epoch ? h->caught_up_ns : -1);
    if (is_of_epoch && h->answered_end >= log_end(l))
        breach(v, RULE_OUT_TOO_SOON, k, log_end(l),
               "wants # out of its ISR, which has told that it has all below #", id, log_end(l));
    else if (known_ns >= 0 && v->at_ns - known_ns < v->lag_max_ns)
        breach(v, RULE_OUT_TOO_SOON, k, -1, "wants # out of its ISR, which was caught up # ms ago",
               id, (v->at_ns - known_ns) / NS_PER_MS);
}

/* A leader asks for another ISR. */
void
isr_wanted(struct invariants *v, struct topic_key *k, struct node_log *l,
           const struct model_ids *is, const struct model_ids *wanted)
{
    l->is_asking = true;
    l->lags.n = 0;
    if (!v->lag_max_ns || v->clocks_drift || !v->hears_fetches) return;
    for (int32_t i = 0; i < wanted->n; i++)
        if (!model_has(is, wanted->v[i])) return;
    for (int32_t i = 0; i < is->n; i++)
        if (!model_has(wanted, is->v[i])) check_out(v, k, l, is->v[i]);
}

/* ---- kept though it lags ------------------------------------------------------------------------------ */

/* It has come to lead. */
void
isr_begins(const struct topic_key *k, struct node_log *l, int64_t at_ns)
{
    bool is_known = k->now.known && k->now.partition_epoch == l->partition_epoch;
    l->led_from_ns = at_ns;
    l->led_with = is_known ? k->now.isr : (struct model_ids){0};
    l->is_asking = false;
    l->lags.n = 0;
}

/* It knows of this ISR now. */
void
isr_stands(struct node_log *l)
{
    int32_t n = 0;
    for (int32_t i = 0; i < l->led_with.n; i++)
        if (model_has(&l->counted, l->led_with.v[i])) l->led_with.v[n++] = l->led_with.v[i];
    l->led_with.n = n;
    l->is_asking = false;
    l->lags.n = 0;
}

/* Whoever stands still looks at nothing. */
void
isr_stands_still(struct model_node *n)
{
    for (int64_t i = 0; i < n->logs.n; i++)
        if (n->logs.v[i]) n->logs.v[i]->lags.n = 0;
}

static struct lag *
lag_of(struct invariants *v, struct node_log *l, int32_t id)
{
    for (int64_t i = 0; i < l->lags.n; i++)
        if (l->lags.v[i].id == id) return &l->lags.v[i];
    struct lag new = {id, log_end(l), v->at_ns};
    VEC_PUSH(v->mem, &l->lags, new);
    return &l->lags.v[l->lags.n - 1];
}

/* The leader appends: how long has it waited for its followers? */
void
isr_look(struct invariants *v, struct topic_key *k, struct node_log *l)
{
    int32_t self = model_node(&v->model, v->node)->id;
    const struct decision *d = &k->now;
    if (!v->lag_max_ns || v->clocks_drift || l->is_asking || l->isr_epoch != l->epoch ||
        d->leader != self || d->leader_epoch != l->epoch)
        return;
    for (int32_t i = 0; i < d->isr.n; i++) {
        int32_t id = d->isr.v[i];
        if (id == self || !model_has(&l->counted, id)) continue;
        struct lag *lag = lag_of(v, l, id);
        const struct heard *h = heard_of(k, id);
        bool has_come = h && (h->leader_epoch > l->epoch ||
                              (h->leader_epoch == l->epoch && h->end >= lag->end));
        bool is_late = v->at_ns - lag->since_ns > LAGS_MAX * v->lag_max_ns + LOOKS_NS;
        if (!has_come && is_late)
            breach(v, RULE_LAGGARD_KEPT, k, lag->end, "keeps # in its ISR, which lags for # ms", id,
                   (v->at_ns - lag->since_ns) / NS_PER_MS);
        if (has_come || is_late) *lag = (struct lag){id, log_end(l), v->at_ns};
    }
}
