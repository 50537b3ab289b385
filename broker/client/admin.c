#include "broker/client/admin.h"

#include "broker/client/admin_internal.h"

static void
admin_end(struct admin_state *st, int16_t error)
{
    struct admin_op *op = st->op;
    struct env *env = st->c->env;
    op->error = error;
    op->state = NULL;
    timer_cancel(env, &st->again);
    arena_release(&st->arena);
    MEM_DELETE(&env->mem, st);
    op->done(op);
}

/* NULL: not known yet. */
static struct peer *
whom_to_ask(const struct admin_state *st)
{
    switch (st->to) {
    case TO_ANY: return client_any_peer(st->c);
    case TO_LEADER: return client_peer(st->c, client_leader(st->c, st->topic, st->partition));
    case TO_BROKER: return client_peer(st->c, st->broker);
    }
    UNREACHABLE();
}

static void
look_for_leader(struct admin_state *st)
{
    int64_t now = env_now_ns(st->c->env);
    client_refresh(st->c);
    timer_arm(st->c->env, &st->again, MIN(now + client_backoff_ns(st->c, 1), st->deadline_ns));
}

/* After this answer, or none, the call may have taken effect, or may yet. An answer that names another controller
 * or leader may come from one that had begun and lost its office on the way. */
static bool
admin_leaves_doubt(int16_t error)
{
    switch (error) {
    case K_ERR_NETWORK_EXCEPTION:
    case K_ERR_REQUEST_TIMED_OUT:
    case K_ERR_NOT_CONTROLLER:
    case K_ERR_NOT_LEADER_OR_FOLLOWER:
    case K_ERR_KAFKA_STORAGE_ERROR:
    case K_ERR_UNKNOWN_SERVER_ERROR: return true;
    default: return false;
    }
}

static void
admin_try(struct timer *t)
{
    struct admin_state *st = CONTAINER_OF(t, struct admin_state, again);
    int64_t left_ms = (st->deadline_ns - env_now_ns(st->c->env)) / NS_PER_MS;
    if (left_ms <= 0) {
        admin_end(st, st->op->error ? st->op->error : K_ERR_REQUEST_TIMED_OUT);
        return;
    }
    struct peer *p = whom_to_ask(st);
    if (!p) {
        look_for_leader(st);
        return;
    }
    st->ask.timeout_ms = MIN(left_ms, st->c->params.request_timeout_ms);
    ask_send(st->c, p, FOR_CONTROL, &st->ask);
}

/* Kafka calls two ends of an election retriable, and its own client does not try again after them: nobody was
 * elected, and why not is the answer. */
static bool
is_passing(const struct admin_state *st, int16_t error)
{
    bool of_election =
        error == K_ERR_ELECTION_NOT_NEEDED || error == K_ERR_PREFERRED_LEADER_NOT_AVAILABLE;
    return k_err_is_retriable(error) && !(of_election && st->ask.api_key == K_API_ELECT_LEADERS);
}

static void
admin_answered(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct admin_state *st = CONTAINER_OF(a, struct admin_state, ask);
    struct admin_op *op = st->op;
    (void)from;
    if (a->sent) op->attempts++;
    op->response = response;
    op->version = a->version;
    op->message = SLICE_NULL;
    int16_t error = err == ENV_EINVAL ? K_ERR_UNSUPPORTED_VERSION
                  : err               ? K_ERR_NETWORK_EXCEPTION
                                      : st->read(op, response);
    int64_t now = env_now_ns(st->c->env);
    if (a->sent && admin_leaves_doubt(error)) op->in_doubt = true;
    if (error == K_ERR_NONE || !is_passing(st, error) || now >= st->deadline_ns) {
        admin_end(st, error);
        return;
    }
    op->error = error;
    op->response = NULL;
    if (st->to == TO_ANY) client_next_peer(st->c);
    else client_refresh(st->c);
    timer_arm(st->c->env, &st->again,
              MIN(now + client_backoff_ns(st->c, op->attempts), st->deadline_ns));
}

static const void *
admin_build(struct ask *a, int16_t version)
{
    struct admin_state *st = CONTAINER_OF(a, struct admin_state, ask);
    return st->build ? st->build(st, version) : st->request;
}

struct admin_state *
admin_new(struct client *c, struct admin_op *op, int16_t api_key, int16_t version_max,
          int16_t (*read)(struct admin_op *, const void *))
{
    CHECK(!op->state);
    struct admin_state *st = op->state = MEM_NEW(&c->env->mem, struct admin_state);
    arena_init(&st->arena, &c->env->mem, 0);
    st->c = c;
    st->op = op;
    st->read = read;
    st->again.due = admin_try;
    st->deadline_ns = env_now_ns(c->env) + (op->timeout_ms ? op->timeout_ms : 60000) * NS_PER_MS;
    st->ask = (struct ask){.api_key = api_key,
                           .version_max = version_max,
                           .build = admin_build,
                           .done = admin_answered};
    op->error = K_ERR_NONE;
    op->message = SLICE_NULL;
    op->response = NULL;
    op->attempts = 0;
    op->in_doubt = false;
    timer_arm(c->env, &st->again, env_now_ns(c->env));
    return st;
}

int32_t
admin_left_ms(const struct admin_state *st)
{
    int64_t ms = (st->deadline_ns - env_now_ns(st->c->env)) / NS_PER_MS;
    return (int32_t)MIN(ms, st->c->params.request_timeout_ms);
}
