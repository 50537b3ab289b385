/* How the oracle tells a loss: what happened to the record, in the order of time, and what that amounts to. */
#include "sim/check/oracle_own.h"

/* Who died while the answer was on its way died before anybody heard of it. */
#define ON_ITS_WAY_NS (50 * NS_PER_MS)

static void
line(const struct history *h, struct writer *w, int64_t at_ns, const char *what)
{
    fmt_seconds(w, at_ns - h->begin_ns), fmt_char(w, ' '), fmt_str(w, what);
}

static void
tell_blow(struct oracle *o, const struct history *h, const struct topic_key *k,
          const struct promise *p, const struct blow *b, struct writer *w)
{
    static const char *const what[] = {"crash",      "power loss", "wipe",
                                       "truncation", "recovery",   "damage"};
    int64_t since_ns = p->at_ns - (b->kind == BLOW_CRASH ? ON_ITS_WAY_NS : 0);
    if (b->at_ns < MAX(since_ns, p->begun_ns)) return;
    if (b->key >= 0 && (b->key != k->index || p->offset < b->from || p->offset >= b->to)) return;
    if (b->key < 0 && p->doom && b->at_ns > p->doom->at_ns) return;
    line(h, w, b->at_ns, what[b->kind]), fmt_str(w, " of "),
        fmt_slice(w, o->model.nodes.v[b->node].name);
    if (b->key >= 0) fmt_str(w, " to offset "), fmt_i64(w, b->from);
    fmt_char(w, '\n');
}

/* Who acknowledged it led no more, and did not know. */
static void
tell_after(struct oracle *o, const struct history *h, const struct promise *p, struct writer *w)
{
    const struct model_node *leader = model_node_by_id(&o->model, p->after);
    if (!leader) return;
    line(h, w, p->after_ns, "election of "), fmt_slice(w, leader->name), fmt_str(w, " in epoch ");
    fmt_i64(w, p->after_epoch), fmt_str(w, ", of which the leader of epoch ");
    fmt_i64(w, p->batch->epoch), fmt_str(w, " did not hear\n");
}

static void
tell_doom(struct oracle *o, const struct history *h, const struct doom *d, struct writer *w)
{
    const struct model_node *leader = model_node_by_id(&o->model, d->leader);
    line(h, w, d->at_ns, d->unclean ? "unclean election" : "election");
    fmt_str(w, " of "), fmt_slice(w, leader ? leader->name : S("?")), fmt_str(w, " in epoch "),
        fmt_i64(w, d->epoch);
    fmt_str(w, ", whose log ended at "), fmt_i64(w, d->leader_end), fmt_char(w, '\n');
}

void
oracle_story(struct oracle *o, const struct history *h, const struct topic_key *k,
             const struct promise *p, enum loss loss, struct slice why, struct writer *w)
{
    bool told = !p->doom;
    tell_after(o, h, p, w);
    line(h, w, p->at_ns, "acknowledged ");
    history_value_print(h, p->value, w);
    fmt_str(w, p->acks < 0 ? " (acks=all" : " (acks="), p->acks < 0 ? (void)0 : fmt_i64(w, p->acks);
    if (p->offset >= 0) fmt_str(w, ", offset "), fmt_i64(w, p->offset);
    fmt_str(w, oracle_was_read(k, p) ? "), and read by somebody\n" : ")\n");
    for (int64_t i = 0; i < o->blows.n; i++) {
        if (!told && o->blows.v[i].at_ns >= p->doom->at_ns)
            tell_doom(o, h, p->doom, w), told = true;
        tell_blow(o, h, k, p, &o->blows.v[i], w);
    }
    if (!told) tell_doom(o, h, p->doom, w);
    fmt_str(w, loss == LOSS_BUG ? "not permitted: " : "permitted because: ");
    fmt_slice(w, why);
    if (loss == LOSS_NOT_RECOVERED) fmt_str(w, "\na copy survived where it may not lead");
    if (loss == LOSS_PHYSICS) fmt_str(w, "\nno copy survived");
}
