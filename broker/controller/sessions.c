/* Who was heard from when. None of it is in the log: a new controller begins with a full session for
 * each broker that is not fenced. */
#include "broker/controller/internal.h"

struct session *
session_get(struct controller *c, int32_t id)
{
    int64_t at = 0;
    while (at < c->sessions.n && c->sessions.v[at].id < id) at++;
    if (at < c->sessions.n && c->sessions.v[at].id == id) return &c->sessions.v[at];
    (void)VEC_ADD(&c->env->mem, &c->sessions);
    memmove(&c->sessions.v[at + 1], &c->sessions.v[at],
            (size_t)(c->sessions.n - 1 - at) * sizeof *c->sessions.v);
    c->sessions.v[at] = (struct session){
        .id = id, .last_contact_ns = SESSION_NONE, .metadata_offset = -1, .stopping_offset = -1};
    return &c->sessions.v[at];
}

void
session_forget(struct controller *c, int32_t id)
{
    for (int64_t i = c->sessions.n; i-- > 0;)
        if (c->sessions.v[i].id == id) VEC_REMOVE_AT(&c->sessions, i);
}

void
sessions_begin(struct controller *c)
{
    c->sessions.n = 0;
    for (int64_t i = 0; i < c->image.brokers.n; i++) {
        const struct image_broker *b = c->image.brokers.v[i];
        struct session *s = session_get(c, b->id);
        if (!b->is_fenced) s->last_contact_ns = env_now_ns(c->env);
        if (b->in_controlled_shutdown) s->stopping_offset = c->image.offset;
    }
    sessions_arm(c);
}

static int64_t
timeout_ns(const struct controller *c)
{
    return c->options.session_timeout_ms * NS_PER_MS;
}

/* Of the brokers that are not fenced, the one heard from longest ago; NULL without one. */
static const struct session *
oldest(const struct controller *c)
{
    const struct session *old = NULL;
    for (int64_t i = 0; i < c->sessions.n; i++) {
        const struct session *s = &c->sessions.v[i];
        const struct image_broker *b = image_broker(&c->image, s->id);
        if (!b || b->is_fenced) continue;
        if (!old || s->last_contact_ns < old->last_contact_ns) old = s;
    }
    return old;
}

void
sessions_arm(struct controller *c)
{
    const struct session *s = oldest(c);
    if (!s) timer_cancel(c->env, &c->session_timer);
    else timer_arm(c->env, &c->session_timer, s->last_contact_ns + timeout_ns(c));
}

/* One batch for each broker: what moves away from the first may move to the second, and move on. */
void
sessions_due(struct timer *t)
{
    struct controller *c = CONTAINER_OF(t, struct controller, session_timer);
    for (;;) {
        const struct session *s = oldest(c);
        if (!s || session_is_valid(s->last_contact_ns, env_now_ns(c->env), timeout_ns(c))) break;
        MARK(c->env, BROKER_SESSION_EXPIRED);
        add_fencing(c, image_broker(&c->image, s->id), false);
        if (batch_propose(c)) continue;
        timer_arm(c->env, t, env_now_ns(c->env) + timeout_ns(c) / 10 + 1);
        return;
    }
    sessions_arm(c);
}

int64_t
sessions_lowest_active_offset(const struct controller *c)
{
    int64_t lowest = INT64_MAX;
    for (int64_t i = 0; i < c->sessions.n; i++)
        if (image_broker_is_active(&c->image, c->sessions.v[i].id))
            lowest = MIN(lowest, c->sessions.v[i].metadata_offset);
    return lowest;
}
