#include "broker/base/bytes.h"
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "tests/lib/tiny.h"

/* ---- frames: i32 size, then what follows ---- */

struct frames_in {
    struct buf *b;
};

static void
frames_add(struct frames_in *f, struct mem *mem, struct slice data)
{
    struct buf *b = buf_new(mem, (f->b ? f->b->n : 0) + data.n);
    if (f->b) memcpy(b->data, f->b->data, (size_t)f->b->n), b->n = f->b->n;
    memcpy(b->data + b->n, data.p, (size_t)data.n);
    b->n += data.n;
    buf_unref(f->b);
    f->b = b;
}

/* The next whole frame without its size, or null. Valid until frames_add(). */
static struct slice
frames_take(struct frames_in *f, struct mem *mem, struct buf **ret_keep)
{
    *ret_keep = NULL;
    if (!f->b || f->b->n < 4) return SLICE_NULL;
    int64_t n = load_be32(f->b->data);
    if (f->b->n < 4 + n) return SLICE_NULL;
    struct buf *whole = f->b;
    int64_t rest = whole->n - 4 - n;
    f->b = rest ? buf_copy(mem, slice(whole->data + 4 + n, rest)) : NULL;
    *ret_keep = whole;
    return slice(whole->data + 4, n);
}

/* ---- the server ---- */

struct pong_server {
    struct env *env;
    struct pong_stats *stats;
    struct listener l;
    struct op op, sync;
    struct file log;
    int64_t end;
    bool writing;
    struct list queue; /* struct pong_put */
    struct timer roll;
    int64_t rolls;
};

struct pong_conn {
    struct conn c;
    struct pong_server *s;
    struct frames_in in;
    bool is_closed;
    int32_t puts;
};

struct pong_put {
    struct list node;
    struct pong_conn *from;
    int32_t correlation;
    struct buf *keep;
    struct slice payload;
};

static void write_next(struct pong_server *s);

static void
conn_maybe_free(struct pong_conn *c)
{
    if (!c->is_closed || c->puts) return;
    buf_unref(c->in.b);
    MEM_DELETE(&c->s->env->mem, c);
}

static void
answer(struct pong_put *p)
{
    struct pong_server *s = p->from->s;
    struct buf *b = buf_new(&s->env->mem, 16);
    b->n = 16;
    store_be32(b->data, 12);
    store_be32(b->data + 4, (uint32_t)p->correlation);
    store_be64(b->data + 8, (uint64_t)s->end);
    struct seg seg = {.buf = b, .bytes = buf_slice(b)};
    if (!p->from->is_closed) (void)conn_send(&p->from->c, &seg, 1);
    buf_unref(b);
    s->stats->answers++;
    NOTE(s->env, NOTE_LOG_APPEND, S("pong"), SLICE_EMPTY, s->end);
}

static void
on_synced(struct op *op)
{
    struct pong_server *s = CONTAINER_OF(op, struct pong_server, sync);
    struct pong_put *p = LIST_FIRST(&s->queue, struct pong_put, node);
    if (op->err) {
        env_fatal(s->env, S("the disk failed"));
        return;
    }
    list_remove(&p->node);
    answer(p);
    p->from->puts--;
    conn_maybe_free(p->from);
    buf_unref(p->keep);
    MEM_DELETE(&s->env->mem, p);
    s->writing = false;
    write_next(s);
}

static void
on_written(struct op *op)
{
    struct pong_server *s = CONTAINER_OF(op, struct pong_server, op);
    if (op->err) {
        env_fatal(s->env, S("the disk failed"));
        return;
    }
    s->end += op->n;
    s->sync.done = on_synced;
    file_sync(&s->sync, &s->log);
}

static void
write_next(struct pong_server *s)
{
    struct pong_put *p = LIST_FIRST(&s->queue, struct pong_put, node);
    if (!p || s->writing || !s->log.is_open) return;
    s->writing = true;
    struct seg seg = {.buf = p->keep, .bytes = p->payload};
    s->op.done = on_written;
    file_write(&s->op, &s->log, s->end, &seg, 1);
}

static void
server_bytes(struct conn *c, struct slice data, struct buf *from)
{
    (void)from;
    struct pong_conn *pc = CONTAINER_OF(c, struct pong_conn, c);
    struct pong_server *s = pc->s;
    frames_add(&pc->in, &s->env->mem, data);
    struct buf *keep;
    for (struct slice f; (f = frames_take(&pc->in, &s->env->mem, &keep)).p;) {
        struct pong_put *p = MEM_NEW(&s->env->mem, struct pong_put);
        p->from = pc;
        p->correlation = (int32_t)load_be32(f.p + 4);
        p->keep = keep;
        p->payload = slice_sub(f, 8, f.n);
        pc->puts++;
        s->stats->requests++;
        list_push_back(&s->queue, &p->node);
    }
    write_next(s);
}

static void
server_closed(struct conn *c, enum env_err why)
{
    (void)why;
    struct pong_conn *pc = CONTAINER_OF(c, struct pong_conn, c);
    pc->is_closed = true;
    conn_maybe_free(pc);
}

static const struct conn_ops server_ops = {NULL, server_bytes, NULL, server_closed};

static void
server_accepted(struct listener *l, const struct accepted *a)
{
    struct pong_server *s = CONTAINER_OF(l, struct pong_server, l);
    struct pong_conn *c = MEM_NEW(&s->env->mem, struct pong_conn);
    c->s = s;
    c->c.ops = &server_ops;
    conn_accept(l, &c->c, a);
}

static void
server_listening(struct listener *l, enum env_err err, int32_t port)
{
    (void)port;
    if (err) {
        env_fatal(l->env, S("the port is taken"));
        return;
    }
    timer_arm(l->env, &CONTAINER_OF(l, struct pong_server, l)->roll, env_now_ns(l->env) + NS_PER_S);
}

static void
on_opened(struct op *op)
{
    struct pong_server *s = CONTAINER_OF(op, struct pong_server, op);
    if (op->err) {
        env_fatal(s->env, S("the disk failed"));
        return;
    }
    s->end = op->value;
    net_listen(s->env, &s->l, S("0.0.0.0"), 9092);
}

static void
on_roll(struct timer *t)
{
    struct pong_server *s = CONTAINER_OF(t, struct pong_server, roll);
    s->rolls++;
    timer_arm(s->env, t,
              env_now_ns(s->env) + NS_PER_S + env_random_below(s->env, STREAM_JITTER, 1000));
}

void
pong_server_start(struct env *env, void *args)
{
    struct pong_server *s = MEM_NEW(&env->mem, struct pong_server);
    env->machine = s;
    s->env = env;
    s->stats = args;
    s->l.listening = server_listening;
    s->l.accepted = server_accepted;
    s->roll.due = on_roll;
    list_init(&s->queue);
    s->op.done = on_opened;
    file_open(env, &s->op, &s->log, S("log"), OPEN_READ | OPEN_WRITE | OPEN_CREATE);
}

/* ---- the client ---- */

struct pong_client {
    struct env *env;
    struct ping_args *args;
    struct conn c;
    struct frames_in in;
    struct timer next, timeout;
    int32_t correlation;
    bool waits;
};

static void
client_send(struct pong_client *c)
{
    int64_t n = 12 + c->args->payload_bytes;
    struct buf *b = buf_new(&c->env->mem, n);
    b->n = n;
    store_be32(b->data, (uint32_t)(n - 4));
    store_be16(b->data + 4, 0);
    store_be16(b->data + 6, 9);
    store_be32(b->data + 8, (uint32_t)++c->correlation);
    for (int32_t i = 0; i < c->args->payload_bytes; i++)
        b->data[12 + i] = (uint8_t)(c->correlation + i);
    struct seg s = {.buf = b, .bytes = buf_slice(b)};
    (void)conn_send(&c->c, &s, 1);
    buf_unref(b);
    c->waits = true;
    c->args->stats.requests++;
    timer_arm(c->env, &c->timeout, env_now_ns(c->env) + NS_PER_S);
}

static void
client_later(struct pong_client *c, int64_t ns)
{
    int64_t jitter = env_random_below(c->env, STREAM_JITTER, ns / 4 + 1);
    timer_arm(c->env, &c->next, env_now_ns(c->env) + ns + jitter);
}

static void
on_next(struct timer *t)
{
    struct pong_client *c = CONTAINER_OF(t, struct pong_client, next);
    if (c->c.state == CONN_OPEN && !c->waits) client_send(c);
    if (c->c.state != CONN_IDLE) return;
    c->args->stats.reconnects++;
    conn_connect(c->env, &c->c, slice_cstr(c->args->server), 9092);
}

static void
on_timeout(struct timer *t)
{
    struct pong_client *c = CONTAINER_OF(t, struct pong_client, timeout);
    c->args->stats.losses++;
    conn_close(&c->c);
}

static void
client_connected(struct conn *conn)
{
    client_send(CONTAINER_OF(conn, struct pong_client, c));
}

static void
client_bytes(struct conn *conn, struct slice data, struct buf *from)
{
    (void)from;
    struct pong_client *c = CONTAINER_OF(conn, struct pong_client, c);
    frames_add(&c->in, &c->env->mem, data);
    struct buf *keep;
    for (struct slice f; (f = frames_take(&c->in, &c->env->mem, &keep)).p; buf_unref(keep)) {
        CHECK((int32_t)load_be32(f.p) == c->correlation);
        c->waits = false;
        c->args->stats.answers++;
        timer_cancel(c->env, &c->timeout);
        client_later(c, c->args->pause_ns);
    }
}

static void
client_closed(struct conn *conn, enum env_err why)
{
    (void)why;
    struct pong_client *c = CONTAINER_OF(conn, struct pong_client, c);
    buf_unref(c->in.b);
    c->in.b = NULL;
    c->waits = false;
    timer_cancel(c->env, &c->timeout);
    client_later(c, 50 * NS_PER_MS);
}

static const struct conn_ops client_ops = {client_connected, client_bytes, NULL, client_closed};

void
pong_client_start(struct env *env, void *args)
{
    struct pong_client *c = MEM_NEW(&env->mem, struct pong_client);
    env->machine = c;
    c->env = env;
    c->args = args;
    c->c.ops = &client_ops;
    c->next.due = on_next;
    c->timeout.due = on_timeout;
    client_later(c, NS_PER_MS);
}
