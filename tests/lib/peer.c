#include "broker/base/check.h"
#include "tests/lib/tiny.h"

uint8_t
peer_pattern(int64_t at)
{
    return (uint8_t)(at * 31 + (at >> 8) * 7);
}

static struct peer_conn *
conn_at(struct conn *c)
{
    return CONTAINER_OF(c, struct peer_conn, c);
}

static void
on_connected(struct conn *c)
{
    conn_at(c)->is_open = conn_at(c)->is_connected = true;
}

static void
on_bytes(struct conn *c, struct slice data, struct buf *from)
{
    (void)from;
    struct peer_conn *p = conn_at(c);
    p->events++;
    p->last_at_ns = env_now_ns(c->env);
    for (int64_t i = 0; i < data.n; i++)
        if (data.p[i] != peer_pattern(p->received + i)) p->in_order = false;
    p->received += data.n;
}

static void
on_closed(struct conn *c, enum env_err why)
{
    struct peer_conn *p = conn_at(c);
    p->is_open = false;
    p->is_closed = true;
    p->why = why;
    p->closed_at_ns = env_now_ns(c->env);
}

static const struct conn_ops ops = {on_connected, on_bytes, NULL, on_closed};

static struct peer_conn *
conn_new(struct peer *p)
{
    CHECK(p->conns_n < 4);
    struct peer_conn *c = &p->conns[p->conns_n++];
    *c = (struct peer_conn){.p = p, .in_order = true, .c.ops = &ops};
    return c;
}

static void
on_listening(struct listener *l, enum env_err err, int32_t port)
{
    struct peer *p = CONTAINER_OF(l, struct peer, l);
    p->listen_err = err;
    p->port = port;
}

static void
on_accepted(struct listener *l, const struct accepted *a)
{
    struct peer *p = CONTAINER_OF(l, struct peer, l);
    struct peer_conn *c = conn_new(p);
    p->accepted++;
    conn_accept(l, &c->c, a);
    c->is_open = true;
}

void
peer_start(struct env *env, void *args)
{
    struct peer *p = MEM_NEW(&env->mem, struct peer);
    env->machine = p;
    p->env = env;
    if (!args) return;
    p->l.listening = on_listening;
    p->l.accepted = on_accepted;
    net_listen(env, &p->l, S("0.0.0.0"), 9092);
}

struct peer *
peer_of(struct machine *m)
{
    return m->env.machine;
}

/* ---- orders ---- */

struct order {
    const char *host;
    int32_t port, conn;
    int64_t n;
    bool pause;
};

static void
do_connect(struct env *env, void *ctx)
{
    struct order *o = ctx;
    conn_connect(env, &conn_new(env->machine)->c, slice_cstr(o->host), o->port);
}

void
peer_connect(struct machine *m, const char *host, int32_t port)
{
    struct order o = {.host = host, .port = port};
    machine_poke(m, do_connect, &o);
}

/* Bytes already sent are counted in lent_at's place: the stream's position is kept by the test. */
static void
do_send(struct env *env, void *ctx)
{
    struct order *o = ctx;
    struct peer *p = env->machine;
    struct buf *b = buf_new(&env->mem, o->n);
    for (int64_t i = 0; i < o->n; i++) b->data[i] = peer_pattern(i);
    b->n = o->n;
    struct seg s = {.buf = b, .bytes = buf_slice(b)};
    (void)conn_send(&p->conns[o->conn].c, &s, 1);
    buf_unref(b);
}

void
peer_send(struct machine *m, int32_t conn, int64_t n)
{
    struct order o = {.conn = conn, .n = n};
    machine_poke(m, do_send, &o);
}

static void
do_close(struct env *env, void *ctx)
{
    struct order *o = ctx;
    conn_close(&((struct peer *)env->machine)->conns[o->conn].c);
}

void
peer_close(struct machine *m, int32_t conn)
{
    struct order o = {.conn = conn};
    machine_poke(m, do_close, &o);
}

static void
do_pause(struct env *env, void *ctx)
{
    struct order *o = ctx;
    struct conn *c = &((struct peer *)env->machine)->conns[o->conn].c;
    (o->pause ? conn_pause : conn_resume)(c);
}

void
peer_pause(struct machine *m, int32_t conn, bool pause)
{
    struct order o = {.conn = conn, .pause = pause};
    machine_poke(m, do_pause, &o);
}

/* ---- pairs ---- */

struct pair
pair_new(uint64_t seed)
{
    struct pair p = {.w = world_new(seed, NULL)};
    p.a = world_add(p.w, &(struct machine_params){.name = S("a"), .start = peer_start});
    p.b = world_add(p.w, &(struct machine_params){.name = S("b"), .start = peer_start, .args = &p});
    machine_start(p.b);
    machine_start(p.a);
    world_run(p.w, NS_PER_MS);
    peer_connect(p.a, "b", 9092);
    world_run(p.w, 100 * NS_PER_MS);
    CHECK(pair_a(&p)->is_open && pair_b(&p)->is_open);
    return p;
}

struct peer_conn *
pair_a(struct pair *p)
{
    return &peer_of(p->a)->conns[0];
}

struct peer_conn *
pair_b(struct pair *p)
{
    return &peer_of(p->b)->conns[0];
}
