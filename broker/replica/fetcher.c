#include "broker/replica/fetcher_own.h"

#include "broker/base/check.h"
#include "broker/replica/fetch_backoff.h"
#include "configs.h"
#include "apis.h"
#include "errors.h"

#define FETCH_VERSION 17 /* KIP-853: directory ids */

/* ---- a leader that stays away ---- */

static bool
why_no_fetch(struct wait *wait, struct writer *w)
{
    const struct fetcher *f = CONTAINER_OF(wait, const struct fetcher, wait);
    int32_t n = 0;
    LIST_EACH(&f->partitions, p, struct partition, fetching) n++;
    fmt_str(w, "broker ");
    fmt_i64(w, f->leader_id);
    fmt_str(w, ", of ");
    fmt_i64(w, n);
    fmt_str(w, n == 1 ? " partition; " : " partitions; ");
    if (f->has_channel) channel_tell(&f->channel, w);
    else fmt_str(w, "where it listens is not known");
    if (f->refused_with) {
        fmt_char(w, ' ');
        fmt_slice(w, k_err_name(f->refused_with));
        if (f->refused_what.n) fmt_str(w, " for ");
        fmt_slice(w, f->refused_what);
    }
    return true;
}

void
fetcher_refused(struct fetcher *f, int16_t err, struct slice what)
{
    f->refused_with = err;
    mem_free_slice(&f->r->env->mem, f->refused_what);
    f->refused_what = mem_dup(&f->r->env->mem, what);
}

/* ---- waiting ---- */

/* The connection to the leader's present address. False: not known. */
static bool
connect_to_leader(struct fetcher *f)
{
    const struct image_broker *b = image_broker(f->r->image, f->leader_id);
    const struct image_endpoint *ep = b ? image_endpoint(b, f->r->listener) : NULL;
    if (!ep) return false;
    if (!f->has_channel) {
        channel_init(&f->channel, f->r->env, ep->host, ep->port, S("replica-fetcher"));
        f->channel.login = f->r->login;
        f->channel.backoff_ms = 0; /* replica.fetch.backoff.ms is enough */
        /* Not given, or -1: the kernel's own, which grows with the need. */
        if (config_is_set(f->r->config, K_CFG_REPLICA_SOCKET_RECEIVE_BUFFER_BYTES))
            f->channel.conn.buffers.receive_bytes = (int32_t)MAX(
                config_i64(f->r->config, K_CFG_REPLICA_SOCKET_RECEIVE_BUFFER_BYTES), 0);
        f->has_channel = true;
    } else if (f->channel.port != ep->port || !slice_eq(f->channel.host, ep->host)) {
        channel_set_address(&f->channel, ep->host, ep->port);
    }
    return true;
}

static int64_t
after_backoff(const struct replicas *r, int16_t err, int32_t times)
{
    int64_t max_ms = config_i64(r->config, K_CFG_REPLICA_FETCH_BACKOFF_MS);
    return env_now_ns(r->env) + fetch_backoff_ms(err, times, max_ms) * NS_PER_MS;
}

void
fetcher_back_off(struct fetcher *f)
{
    if (f->state != FETCHER_ASKING) f->state = FETCHER_IDLE;
    if (!timer_is_armed(&f->backoff))
        timer_arm(f->r->env, &f->backoff, after_backoff(f->r, K_ERR_NONE, 0));
}

void
fetcher_back_off_alone(struct partition *p, int16_t err)
{
    fetcher_name(p->fetcher, p);
    p->fetch_not_before_ns = after_backoff(p->owner, err, p->fetch_refusals++);
}

/* Until the first of those that wait may be asked for again. The others need no timer: what they lack
 * (offsets, the end of a cut) goes on by itself. */
static void
wait_for_the_first(struct fetcher *f)
{
    int64_t at = TIME_NEVER;
    LIST_EACH(&f->to_name, p, struct partition, to_name)
        if (p->fetch_not_before_ns > env_now_ns(f->r->env)) at = MIN(at, p->fetch_not_before_ns);
    if (at != TIME_NEVER) timer_arm(f->r->env, &f->backoff, at);
}

/* ---- the round ---- */

static void
fetcher_ask(struct fetcher *f)
{
    struct k_fetch_request q;
    wait_begin(&f->wait);
    if (!connect_to_leader(f)) {
        fetcher_back_off(f);
        return;
    }
    fetcher_fill_request(f, &q);
    f->state = FETCHER_ASKING;
    f->call.done = fetcher_answered;
    if (!channel_call(&f->channel, &f->call, K_API_FETCH, FETCH_VERSION, &q,
                      config_i64(f->r->config, K_CFG_REPLICA_SOCKET_TIMEOUT_MS), NULL))
        UNREACHABLE();
}

static bool
all_settled(struct fetcher *f)
{
    LIST_EACH(&f->to_name, p, struct partition, to_name)
        if (p->life != PARTITION_CUTTING &&
            commitlog_settled_end(&p->log) != commitlog_assigned_end(&p->log))
            return false;
    return true;
}

static bool
any_ready(struct fetcher *f)
{
    bool all_are_new = f->begins_anew || follower_session_is_full(&f->session);
    int32_t known = all_are_new ? 0 : f->in_session_n;
    LIST_EACH(&f->to_name, p, struct partition, to_name) {
        if (fetcher_is_ready(p)) return true;
        known -= p->is_in_session && !all_are_new;
    }
    if (known > 0 || !all_are_new) return known > 0;
    LIST_EACH(&f->partitions, p, struct partition, fetching)
        if (fetcher_is_ready(p)) return true;
    return false;
}

/* One slow log must not hold up the leader's others. */
static bool
is_patient(struct fetcher *f)
{
    if (f->patience_is_over) return false;
    if (!timer_is_armed(&f->patience)) {
        int64_t ms = config_i64(f->r->config, K_CFG_REPLICA_FETCH_WAIT_MAX_MS);
        timer_arm(f->r->env, &f->patience, env_now_ns(f->r->env) + ms * NS_PER_MS);
    }
    return true;
}

void
fetcher_proceed(struct fetcher *f)
{
    if (f->stopping || f->state == FETCHER_ASKING || list_is_empty(&f->partitions)) return;
    if (f->has_channel && !call_is_pending(&f->offsets_call)) fetcher_ask_next_offsets(f);
    if ((f->cuts > 0 || !all_settled(f)) && is_patient(f)) {
        f->state = FETCHER_WRITING;
        return;
    }
    f->patience_is_over = false;
    timer_cancel(f->r->env, &f->patience);
    f->state = FETCHER_IDLE;
    if (any_ready(f)) fetcher_ask(f);
    else wait_for_the_first(f);
}

/* ---- the end ---- */

static void
fetcher_stop(struct fetcher *f)
{
    struct env *env = f->r->env;
    f->stopping = true;
    timer_cancel(env, &f->backoff);
    timer_cancel(env, &f->patience);
    wait_cancel(&f->wait);
    defer_cancel(&f->again);
}

static void
fetcher_free(struct fetcher *f)
{
    struct mem *mem = &f->r->env->mem;
    VEC_RELEASE(mem, &f->forgotten);
    mem_free_slice(mem, f->refused_what);
    MEM_DELETE(mem, f);
}

static void
fetcher_is_stopped(struct channel *ch)
{
    fetcher_free(CONTAINER_OF(ch, struct fetcher, channel));
}

/* Its leader is no part of the cluster any more, and nobody follows it or will be back here. */
static bool
is_done_with(const struct fetcher *f)
{
    return !image_broker(f->r->image, f->leader_id) && list_is_empty(&f->partitions) &&
           f->cuts == 0;
}

static void
fetcher_end(struct fetcher *f)
{
    fetcher_stop(f);
    list_remove(&f->node);
    if (f->has_channel) channel_stop(&f->channel, fetcher_is_stopped);
    else fetcher_free(f);
}

static void
again_now(struct task *t)
{
    struct fetcher *f = CONTAINER_OF(t, struct fetcher, again);
    if (is_done_with(f)) {
        fetcher_end(f);
        return;
    }
    if (f->state != FETCHER_ASKING && !timer_is_armed(&f->backoff)) fetcher_proceed(f);
}

static void
patience_over(struct timer *t)
{
    struct fetcher *f = CONTAINER_OF(t, struct fetcher, patience);
    f->patience_is_over = true;
    fetcher_proceed(f);
}

static void
backoff_over(struct timer *t)
{
    fetcher_proceed(CONTAINER_OF(t, struct fetcher, backoff));
}

void
fetcher_settled(struct partition *p)
{
    /* Also one that has given up waiting for it: if no other partition was ready, it waits for nothing else. */
    if (p->fetcher && p->fetcher->state != FETCHER_ASKING) defer(p->env, &p->fetcher->again);
}

/* ---- who is with whom ---- */

/* num.replica.fetchers share the partitions of a leader, by a hash of their names. */
static int32_t
share_of(const struct partition *p)
{
    uint32_t h = 0;
    for (int64_t i = 0; i < p->topic.n; i++) h = 31 * h + p->topic.p[i];
    h = 31 * h + (uint32_t)p->index;
    uint32_t n = (uint32_t)config_i64(p->owner->config, K_CFG_NUM_REPLICA_FETCHERS);
    return (int32_t)(h % n);
}

static struct fetcher *
fetcher_of(struct replicas *r, int32_t leader_id, int32_t index)
{
    LIST_EACH(&r->fetchers, f, struct fetcher, node)
        if (f->leader_id == leader_id && f->index == index) return f;
    struct fetcher *f = MEM_NEW(&r->env->mem, struct fetcher);
    f->r = r;
    f->leader_id = leader_id;
    f->index = index;
    list_init(&f->partitions);
    list_init(&f->to_name);
    f->patience.due = patience_over;
    f->again.run = again_now;
    f->backoff.due = backoff_over;
    wait_init(&f->wait, r->env, "an answer of a leader", why_no_fetch);
    list_push_back(&r->fetchers, &f->node);
    return f;
}

/* It left and came back before the leader heard of that: what an answer told meanwhile was not taken, and in the same
 * session the leader would not tell it again. */
static bool
is_to_be_forgotten(const struct fetcher *f, const struct partition *p)
{
    for (int64_t i = 0; i < f->forgotten.n; i++)
        if (f->forgotten.v[i].index == p->index && uuid_eq(f->forgotten.v[i].topic_id, p->topic_id))
            return true;
    return false;
}

void
fetcher_join(struct partition *p)
{
    if (p->fetcher || p->owner->stopping || p->leader_id == NO_LEADER) return;
    if (p->leader_id == p->owner->node_id) return;
    struct fetcher *f = fetcher_of(p->owner, p->leader_id, share_of(p));
    p->fetcher = f;
    p->fetch_not_before_ns = 0;
    p->fetch_refusals = 0;
    p->fetching_epoch = -1;
    list_push_back(&f->partitions, &p->fetching);
    fetcher_name(f, p);
    if (is_to_be_forgotten(f, p)) f->begins_anew = true;
    timer_cancel(p->env, &f->backoff); /* it need not wait for what others wait for */
    defer(p->env, &f->again);
}

void
fetcher_leave(struct partition *p)
{
    /* The others may have been waiting for this one's write. */
    if (p->fetcher && !p->fetcher->stopping) defer(p->env, &p->fetcher->again);
    list_remove(&p->fetching);
    list_remove(&p->to_name);
    if (p->fetcher) fetcher_forget(p->fetcher, p);
    if (p->fetcher && list_is_empty(&p->fetcher->partitions)) wait_cancel(&p->fetcher->wait);
    p->fetcher = NULL;
    p->needs_offsets = false;
}

void
fetchers_refresh(struct replicas *r)
{
    LIST_EACH(&r->fetchers, f, struct fetcher, node) {
        if (f->stopping) continue;
        if (f->has_channel) (void)connect_to_leader(f);
        if (is_done_with(f)) defer(r->env, &f->again);
    }
}

void
fetchers_stop(struct replicas *r)
{
    LIST_EACH(&r->fetchers, f, struct fetcher, node) {
        fetcher_stop(f);
        if (f->has_channel) channel_stop(&f->channel, NULL);
    }
}
