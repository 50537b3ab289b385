#include "broker/client/consumer.h"

#include "broker/client/consumer_internal.h"

struct consumer_params
consumer_params_default(void)
{
    static const struct consumer_ops none;
    return (struct consumer_params){
        .ops = &none,
        .min_bytes = 1,
        .max_wait_ms = 500,
        .max_bytes = 50 << 20,
        .partition_max_bytes = 1 << 20,
        .reset = RESET_EARLIEST,
        .request_timeout_ms = 30000,
    };
}

/* ---- positions ---------------------------------------------------------------------------------- */

/* Whatever was asked for under the old position is void. */
void
assigned_move(struct assigned *a, int64_t position)
{
    a->position = position;
    a->was_committed = false;
    a->seeks++;
    a->wants = false;
    assigned_drop(a);
    defer(a->r->env, &a->r->pump);
}

void
assigned_look(struct assigned *a, int64_t want)
{
    assigned_move(a, -1);
    a->epoch = -1;
    a->want = want;
    a->wants = true;
}

void
assigned_backoff(struct assigned *a)
{
    const struct part *part = client_part(a->r->c, a->topic, a->partition);
    a->failures++;
    a->failed_epoch = part ? part->leader_epoch : -1;
    a->resume_ns = env_now_ns(a->r->env) + client_backoff_ns(a->r->c, a->failures);
}

/* Either of the two may be the one that was heard of later. */
bool
assigned_is_of_another(struct assigned *a)
{
    if (!a->is_of_one_topic || uuid_eq(a->topic_id, client_topic_id(a->r->c, a->topic)))
        return false;
    client_refresh(a->r->c);
    return true;
}

static void
consumer_looked_up(struct lookup *l)
{
    struct assigned *a = CONTAINER_OF(l, struct assigned, lookup);
    defer(a->r->env, &a->r->pump);
    if (a->gone || a->lookup_seeks != a->seeks || !a->wants) return;
    if (l->error) {
        assigned_backoff(a);
        CONSUMER_TELL(a, error, l->error);
    } else if (l->offset < 0) {
        assigned_look(a, OFFSET_LATEST); /* no record is that young */
    } else {
        assigned_move(a, l->offset);
        CONSUMER_TELL(a, positioned, l->offset);
    }
}

static void
consumer_look_up(struct assigned *a, int64_t *wake_ns)
{
    int64_t now = env_now_ns(a->r->env);
    if (a->gone || a->position >= 0 || !a->wants || a->lookup.state) return;
    if (assigned_is_of_another(a)) return; /* it would be told of the one that has the name now */
    if (a->resume_ns > now) {
        *wake_ns = MIN(*wake_ns, a->resume_ns);
        return;
    }
    a->lookup.done = consumer_looked_up;
    a->lookup_seeks = a->seeks;
    client_list_offsets(a->r->c, &a->lookup, a->topic, a->partition, a->want,
                        a->r->params.read_committed, a->r->params.request_timeout_ms);
}

/* ---- the consumer ------------------------------------------------------------------------------- */

static void
consumer_pump(struct task *t)
{
    struct consumer *r = CONTAINER_OF(t, struct consumer, pump);
    int64_t wake_ns = TIME_NEVER;
    LIST_EACH(&r->assigned, a, struct assigned, node) consumer_look_up(a, &wake_ns);
    consumer_fetch(r, &wake_ns);
    timer_cancel(r->env, &r->wake);
    if (wake_ns < TIME_NEVER) timer_arm(r->env, &r->wake, wake_ns);
}

static void
consumer_wake_due(struct timer *t)
{
    consumer_pump(&CONTAINER_OF(t, struct consumer, wake)->pump);
}

static void
consumer_metadata_changed(struct client_watcher *w)
{
    struct consumer *r = CONTAINER_OF(w, struct consumer, watcher);
    defer(r->env, &r->pump);
}

struct consumer *
consumer_new(struct client *c, const struct consumer_params *p)
{
    struct consumer *r = MEM_NEW(&c->env->mem, struct consumer);
    r->c = c;
    r->env = c->env;
    r->params = *p;
    list_init(&r->assigned);
    list_init(&r->fetches);
    r->pump.run = consumer_pump;
    r->wake.due = consumer_wake_due;
    r->watcher.changed = consumer_metadata_changed;
    client_watch(c, &r->watcher);
    return r;
}

/* ---- assigned partitions ------------------------------------------------------------------------- */

struct assigned *
consumer_assign(struct consumer *r, struct slice topic, int32_t partition, int64_t offset,
                int32_t node_id)
{
    struct assigned *a = MEM_NEW(&r->env->mem, struct assigned);
    a->r = r;
    a->topic = mem_dup(&r->env->mem, topic);
    a->partition = partition;
    a->node_id = node_id;
    a->near_id = -1;
    list_push_back(&r->assigned, &a->node);
    client_want_topic(r->c, topic);
    assigned_seek(a, offset);
    return a;
}

void
assigned_of_topic(struct assigned *a, struct uuid id)
{
    a->topic_id = id;
    a->is_of_one_topic = !uuid_is_zero(id);
}

/* Kept, as something may still refer to it. */
void
consumer_unassign(struct assigned *a)
{
    assigned_move(a, -1);
    a->gone = true;
}

void
assigned_seek(struct assigned *a, int64_t offset)
{
    a->resume_ns = 0;
    a->failures = 0;
    assigned_look(a, offset);
    if (offset >= 0) assigned_move(a, offset);
}

void
assigned_seek_epoch(struct assigned *a, int64_t offset, int32_t leader_epoch)
{
    assigned_seek(a, offset);
    if (offset >= 0) a->epoch = leader_epoch;
    a->was_committed = offset >= 0 && leader_epoch >= 0;
    a->waits_since_ns = 0;
}

void
assigned_seek_time(struct assigned *a, int64_t at_ms)
{
    a->resume_ns = 0;
    a->failures = 0;
    assigned_look(a, MAX(at_ms, 0));
}

void
assigned_pause(struct assigned *a)
{
    a->paused = true;
}

void
assigned_resume(struct assigned *a)
{
    a->paused = false;
    defer(a->r->env, &a->r->pump);
}

int32_t
assigned_partition(const struct assigned *a)
{
    return a->partition;
}

int64_t
assigned_position(const struct assigned *a)
{
    return a->position;
}

void *
assigned_user(const struct assigned *a)
{
    return a->user;
}

void
assigned_set_user(struct assigned *a, void *user)
{
    a->user = user;
}
