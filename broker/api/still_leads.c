#include "broker/api/still_leads.h"

#include "broker/api/fetch_session.h"
#include "broker/api/server.h"
#include "broker/base/check.h"
#include "broker/replica/replicas.h"

/* Longer than a round trip takes between replicas that are well. */
#define PATIENCE_NS NS_PER_S

void
leads_asked_init(struct leads_asked *a)
{
    list_init(&a->open);
    a->n = 0;
}

static bool
is_proven(const struct still_leads *c, const struct partition *p)
{
    for (int32_t i = 0; i < p->replicas.n; i++) {
        int32_t id = p->replicas.v[i];
        bool might_lead = id != p->owner->node_id && partition_counts_on(p, id);
        if (might_lead && !isr_has(&c->proven_by, id)) return false;
    }
    return true;
}

/* ---- the end ---- */

static void
over(struct task *t)
{
    struct still_leads *c = CONTAINER_OF(t, struct still_leads, task);
    list_remove(&c->node);
    fetch_waiter_cancel(&c->waiter);
    timer_cancel(c->server->env, &c->timer);
    c->done(c, c->is_proven);
}

static void
end(struct still_leads *c, bool proven)
{
    c->is_proven = proven;
    defer(c->server->env, &c->task);
}

static void
out_of_patience(struct timer *t)
{
    struct still_leads *c = CONTAINER_OF(t, struct still_leads, timer);
    if (!c->is_proven) MARK(c->server->env, LEADING_UNPROVEN);
    end(c, c->is_proven);
}

/* ---- what happens ---- */

static void
hear_of_partition(struct fetch_waiter *w, enum fetch_news news)
{
    struct still_leads *c = CONTAINER_OF(w, struct still_leads, waiter);
    if (news == FETCH_NEWS_ROLE) {
        fetch_waiter_cancel(w);
        c->partition = NULL;
        end(c, false);
    } else if (news == FETCH_NEWS_STANDING && is_proven(c, c->partition)) {
        end(c, true);
    }
}

/* It is listened to there only while it is asked for under the present epoch. */
static bool
is_followed_in(const struct fetch_session *fs, const struct partition *p)
{
    LIST_EACH(&p->fetch_waiters, w, struct fetch_waiter, node) {
        if (!w->is_follower) continue;
        const struct fetch_part *part = CONTAINER_OF(w, struct fetch_part, waiter);
        if (part->s == fs) return part->leader_epoch == p->leader_epoch;
    }
    return false;
}

bool
still_leads_hears(struct server *s, const struct fetch_session *fs, int64_t proves)
{
    bool is_waited_for = false, is_followed = false;
    const struct partition *looked_at = NULL; /* many may ask about one, and wait in its list */
    LIST_EACH(&s->leads_asked.open, c, struct still_leads, node) {
        const struct partition *p = c->partition;
        if (!p || isr_has(&c->proven_by, fs->replica_id)) continue;
        if (p != looked_at) looked_at = p, is_followed = is_followed_in(fs, p);
        if (!is_followed) continue;
        if (c->number > proves) {
            is_waited_for = true;
            continue;
        }
        if (c->proven_by.n < REPLICAS_MAX) c->proven_by.v[c->proven_by.n++] = fs->replica_id;
        if (is_proven(c, p)) end(c, true);
    }
    return is_waited_for;
}

bool
still_leads(struct server *s, struct partition *p, struct still_leads *c)
{
    c->proven_by.n = 0;
    if (!partition_is_leader(p) || is_proven(c, p)) return true;
    c->server = s;
    c->partition = p;
    c->number = ++s->leads_asked.n;
    c->is_proven = false;
    c->task.run = over;
    c->waiter = (struct fetch_waiter){.hear = hear_of_partition};
    list_init(&c->waiter.node);
    list_push_back(&s->leads_asked.open, &c->node);
    partition_tell_readers(p, FETCH_NEWS_ASKED);
    list_push_back(&p->fetch_waiters, &c->waiter.node);
    c->timer.due = out_of_patience;
    timer_arm(s->env, &c->timer, env_now_ns(s->env) + PATIENCE_NS);
    return false;
}
