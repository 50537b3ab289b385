/* When topics were there: a name may be that of several, one after the other. The chronicle says so, if it tells of topics at all,
 * for administrators may never be told what became of their deletion: the answer is lost, and who asks again hears that there is no such
 * topic. Else what administrators were told has to do. */
#include "sim/check/checker.h"

/* ---- turns --------------------------------------------------------------------------------------- */

static int32_t
topic_named(const struct history *h, struct slice name, int32_t life)
{
    for (int32_t i = 0; i < (int32_t)h->topics.n; i++)
        if (slice_eq(h->topics.v[i].name, name) && h->topics.v[i].life == life) return i;
    return -1;
}

bool
topic_has_lives(const struct checker *c, int32_t topic)
{
    const struct chronicle *all = c->facts->chronicle;
    struct slice name = history_topic_name(c->h, topic);
    bool has = history_has_lives(c->h, topic);
    for (int64_t i = 0; all && !has && i < all->v.n; i++)
        has = all->v.v[i].kind == HAPPENED_MADE && all->v.v[i].life > 1 &&
              slice_eq(all->v.v[i].topic, name);
    return has;
}

/* False: it says nothing of topics. */
static bool
gather_what_happened(struct checker *c)
{
    const struct chronicle *all = c->facts->chronicle;
    bool any = false;
    for (int64_t i = 0; all && i < all->v.n; i++) {
        const struct happening *one = &all->v.v[i];
        if (one->kind != HAPPENED_MADE && one->kind != HAPPENED_DELETED) continue;
        struct turn t = {.topic = topic_named(c->h, one->topic, one->life),
                         .is_made = one->kind == HAPPENED_MADE,
                         .is_sure = true,
                         .begun_ns = one->at_ns,
                         .at_ns = one->at_ns};
        any = true;
        if (t.topic >= 0) VEC_PUSH(c->mem, &c->turns, t);
    }
    return any;
}

static void
gather_what_was_told(struct checker *c)
{
    const struct history *h = c->h;
    for (int64_t i = 0; c->has_admin && i < h->events.n; i++) {
        const struct history_op *op = &h->ops.v[history_event_op(h->events.v[i])];
        if (!history_event_is_complete(h->events.v[i]) || op->kind != HISTORY_ADMIN) continue;
        bool has_deleted = op->key == ADMIN_DELETE && op->outcome != HISTORY_FAIL;
        bool has_made = op->key == ADMIN_CREATE && op->outcome == HISTORY_OK;
        struct turn t = {.topic = op->topic,
                         .is_made = has_made,
                         .is_sure = op->outcome == HISTORY_OK,
                         .begun_ns = op->invoke_ns,
                         .at_ns = op->complete_ns};
        if (has_made || has_deleted) VEC_PUSH(c->mem, &c->turns, t);
    }
}

void
turns_gather(struct checker *c)
{
    c->has_exact_turns = gather_what_happened(c);
    if (!c->has_exact_turns) gather_what_was_told(c);
}

const struct turn *
turn_next(const struct checker *c, int64_t *at, int64_t until_ns)
{
    if (*at == c->turns.n || c->turns.v[*at].at_ns > until_ns) return NULL;
    return &c->turns.v[(*at)++];
}

int64_t
part_made_ns(const struct checker *c, const struct part *p)
{
    for (int64_t i = 0; p->has_lives && c->has_exact_turns && i < c->turns.n; i++)
        if (c->turns.v[i].is_made && c->turns.v[i].topic == p->topic) return c->turns.v[i].at_ns;
    return -1;
}

/* ---- stays --------------------------------------------------------------------------------------- */

static bool
is_of_life(const struct checker *c, const struct part *p, const struct happening *one)
{
    return (one->kind == HAPPENED_MADE || one->kind == HAPPENED_DELETED) &&
           happening_is_of(one, history_topic_name(c->h, p->topic), p->partition) &&
           (!p->has_lives || one->life <= 0 || one->life == c->h->topics.v[p->topic].life);
}

void
part_each_stay(const struct checker *c, const struct part *p, int64_t from_ns, int64_t to_ns,
               void (*stay)(void *ctx, int64_t from_ns, int64_t to_ns), void *ctx)
{
    const struct chronicle *all = c->facts->chronicle;
    bool is_there = !p->has_lives || c->h->topics.v[p->topic].life == 1;
    for (int64_t i = 0; all && i < all->v.n && all->v.v[i].at_ns <= to_ns; i++) {
        const struct happening *one = &all->v.v[i];
        if (!is_of_life(c, p, one)) continue;
        bool is_end = one->kind == HAPPENED_DELETED;
        if (is_end && is_there && one->at_ns > from_ns) stay(ctx, from_ns, one->at_ns);
        if (!is_end && !is_there) from_ns = MAX(from_ns, one->at_ns);
        is_there = !is_end;
    }
    if (is_there) stay(ctx, from_ns, to_ns);
}

struct stays {
    int64_t sum_ns;
};

static void
add_stay(void *ctx, int64_t from_ns, int64_t to_ns)
{
    struct stays *s = ctx;
    s->sum_ns += to_ns - from_ns;
}

bool
part_stays(const struct checker *c, const struct part *p, int64_t from_ns, int64_t to_ns)
{
    struct stays s = {0};
    part_each_stay(c, p, from_ns, to_ns, add_stay, &s);
    return s.sum_ns == to_ns - from_ns;
}
