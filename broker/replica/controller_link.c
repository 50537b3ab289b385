#include "broker/replica/controller_link.h"

#include "broker/base/address.h"
#include "broker/base/check.h"
#include "errors.h"

#define BACKOFF_MS 50

static void link_pump(struct controller_link *l);

static void
link_retry_due(struct timer *t)
{
    link_pump(CONTAINER_OF(t, struct controller_link, retry));
}

/* That the quorum has no leader is for the raft to say. */
static bool
why_no_controller(struct wait *wait, struct writer *w)
{
    const struct controller_link *l = CONTAINER_OF(wait, const struct controller_link, wait);
    struct raft_endpoint ep;
    if (!raft_leader_endpoint(l->raft, &ep) || !l->is_connected_to) return false;
    fmt_slice(w, l->client_id);
    fmt_str(w, " to ");
    if (raft_leader_id(l->raft) >= 0) {
        fmt_i64(w, raft_leader_id(l->raft));
        fmt_char(w, '@');
    }
    channel_tell(&l->channel, w);
    if (l->refused_with && l->channel.last_err == ENV_OK) {
        fmt_char(w, ' ');
        fmt_slice(w, k_err_name(l->refused_with));
    }
    return true;
}

void
controller_link_init(struct controller_link *l, struct env *env, struct raft *raft,
                     struct slice client_id, int64_t timeout_ms)
{
    *l = (struct controller_link){
        .env = env, .raft = raft, .client_id = client_id, .timeout_ms = timeout_ms};
    list_init(&l->queued);
    l->retry.due = link_retry_due;
    wait_init(&l->wait, env, "an answer of the active controller", why_no_controller);
}

void
controller_link_stop(struct controller_link *l)
{
    if (l->stopped) return;
    l->stopped = true;
    timer_cancel(l->env, &l->retry);
    wait_cancel(&l->wait);
    list_init(&l->queued);
    if (l->is_connected_to) channel_stop(&l->channel, NULL);
}

/* Points the channel at the quorum's leader. False: not known at the moment. */
static bool
find_controller(struct controller_link *l)
{
    struct raft_endpoint ep;
    if (!raft_leader_endpoint(l->raft, &ep)) return false;
    if (!l->is_connected_to) {
        channel_init(&l->channel, l->env, ep.host, ep.port, l->client_id);
        l->channel.login = raft_login(l->raft);
        l->channel.backoff_ms = BACKOFF_MS;
        l->is_connected_to = true;
        return true;
    }
    if (l->channel.port != ep.port || !slice_eq(l->channel.host, ep.host))
        channel_set_address(&l->channel, ep.host, ep.port);
    return true;
}

/* An answer that only leads to another try does not end the wait. */
static void
finish_call(struct link_call *c, int16_t err, struct slice body)
{
    struct controller_link *l = c->link;
    c->sent = false;
    l->is_retried = false;
    c->done(c, err, body);
    if (l->is_retried || l->stopped) return;
    CHECK(l->calls_n > 0);
    l->calls_n--;
    if (err == 0) {
        l->refused_with = K_ERR_NONE;
        wait_end(&l->wait);
    }
    if (l->calls_n == 0) wait_cancel(&l->wait);
    else wait_begin(&l->wait);
}

static void
requeue(struct link_call *c)
{
    struct controller_link *l = c->link;
    list_push_back(&l->queued, &c->node);
    if (!timer_is_armed(&l->retry))
        timer_arm(l->env, &l->retry, env_now_ns(l->env) + BACKOFF_MS * NS_PER_MS);
}

static void
link_answered(struct call *call, enum env_err err, struct slice body, struct buf *from)
{
    (void)from;
    struct link_call *c = CONTAINER_OF(call, struct link_call, call);
    if (c->link->stopped) return;
    if (err == ENV_OK) {
        finish_call(c, 0, body);
        return;
    }
    c->sent = false;
    requeue(c);
}

static void
send_one(struct controller_link *l, struct link_call *c)
{
    int64_t left_ms = c->deadline_ns == TIME_NEVER
                        ? INT64_MAX
                        : (c->deadline_ns - env_now_ns(l->env) + NS_PER_MS - 1) / NS_PER_MS;
    int64_t timeout_ms = MIN(left_ms, c->timeout_ms ? c->timeout_ms : l->timeout_ms);
    c->sent = true;
    c->call.done = link_answered;
    if (!channel_call(&l->channel, &c->call, c->api_key, c->version, c->request, MAX(timeout_ms, 1),
                      NULL))
        UNREACHABLE();
}

static void
link_pump(struct controller_link *l)
{
    if (l->stopped) return;
    bool found = find_controller(l);
    struct list now;
    list_init(&now);
    for (struct list *n; (n = list_pop_front(&l->queued)) != NULL;) list_push_back(&now, n);
    for (struct list *n; (n = list_pop_front(&now)) != NULL;) {
        struct link_call *c = LIST_ENTRY(n, struct link_call, node);
        if (env_now_ns(l->env) >= c->deadline_ns)
            finish_call(c, K_ERR_REQUEST_TIMED_OUT, SLICE_NULL);
        else if (found) send_one(l, c);
        else requeue(c);
    }
}

void
controller_link_kick(struct controller_link *l)
{
    if (l->stopped) return;
    /* What is under way to a controller that leads no more would wait for its time-out: a change of
     * address breaks that connection, and the calls are queued again. */
    if (l->is_connected_to) (void)find_controller(l);
    if (timer_is_armed(&l->retry)) timer_arm(l->env, &l->retry, env_now_ns(l->env));
}

void
link_send(struct controller_link *l, struct link_call *c)
{
    CHECK(!c->sent && !list_is_linked(&c->node));
    if (l->stopped) return;
    c->link = l;
    l->calls_n++;
    wait_begin(&l->wait);
    if (list_is_empty(&l->queued) && find_controller(l)) send_one(l, c);
    else requeue(c);
}

void
link_retry(struct link_call *c)
{
    c->link->is_retried = true;
    c->link->refused_with = K_ERR_NOT_CONTROLLER;
    requeue(c);
}

bool
link_take_answer(struct link_call *c, enum k_msg msg, struct slice body, struct arena *a, void *ret,
                 int16_t *code, int16_t *err)
{
    if (!*err && !codec_decode_all(msg, c->version, body, a, ret)) *err = K_ERR_CORRUPT_MESSAGE;
    if (!*err) *err = *code;
    if (*err != K_ERR_NOT_CONTROLLER) return true;
    link_retry(c);
    return false;
}
