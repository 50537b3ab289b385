#include "sim/play/gate.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/scenario/json.h"
#include "sim/scenario/outside.h"

#define FRAME_MAX_BYTES (100 << 20)

struct gate {
    struct machine *m;
    const struct gate_ops *ops;
    void *ctx;
    VEC(struct passage *) passages; /* by id; NULL: gone */
};

/* One connection. */
struct passage {
    struct conn conn;
    struct gate *gate;
    int64_t id;
    int32_t broker;
    struct slice client_id; /* as its first request says; null: it has sent none */
    struct writer in;       /* the beginning of a frame whose end has not come */
    bool is_raw;            /* what comes are not frames: whoever listens there has to say so */
    bool is_full;
};

static void passage_send(struct passage *p);

static void
passage_connected(struct conn *c)
{
    passage_send(CONTAINER_OF(c, struct passage, conn));
}

static void
passage_bytes(struct conn *c, struct slice data, struct buf *from)
{
    const struct passage *p = CONTAINER_OF(c, struct passage, conn);
    (void)from;
    p->gate->ops->bytes(p->gate->ctx, p->id, data);
}

static void
passage_writable(struct conn *c)
{
    struct passage *p = CONTAINER_OF(c, struct passage, conn);
    p->is_full = false;
    p->gate->ops->full(p->gate->ctx, p->id, false);
}

static void
passage_closed(struct conn *c, enum env_err why)
{
    struct passage *p = CONTAINER_OF(c, struct passage, conn);
    struct gate *g = p->gate;
    (void)why;
    g->passages.v[p->id] = NULL;
    g->ops->closed(g->ctx, p->id);
    writer_release(&p->in);
    mem_free_slice(&c->env->mem, p->client_id);
    MEM_DELETE(&c->env->mem, p);
}

static const struct conn_ops passage_ops = {.connected = passage_connected,
                                            .bytes = passage_bytes,
                                            .writable = passage_writable,
                                            .closed = passage_closed};

static void
open_passage(struct gate *g, struct env *env, const struct input *in)
{
    struct passage *p = MEM_NEW(&env->mem, struct passage);
    uint8_t room[24];
    struct writer host = writer_fixed(room, sizeof room);
    while (g->passages.n <= in->id) VEC_PUSH(&env->mem, &g->passages, NULL);
    g->passages.v[in->id] = p;
    p->gate = g;
    p->id = in->id;
    p->broker = in->broker;
    p->in = writer_mem(&env->mem);
    p->conn.ops = &passage_ops;
    fmt_char(&host, 'b');
    fmt_i64(&host, in->broker);
    conn_connect(env, &p->conn, writer_slice(&host), OUTSIDE_PORT);
}

/* How many of these bytes are whole frames; all, when they are none. */
static int64_t
whole_frames(struct passage *p, struct slice s)
{
    int64_t at = 0;
    while (!p->is_raw && s.n - at >= 4) {
        struct reader r = reader(slice_sub(s, at, s.n));
        int32_t n = reader_i32(&r);
        p->is_raw = n < 0 || n > FRAME_MAX_BYTES;
        if (p->is_raw || s.n - at - 4 < n) break;
        at += 4 + n;
    }
    return p->is_raw ? s.n : at;
}

/* Of its first request: size, API, version, correlation, and the client's name, the same in all versions. */
static void
learn_client(struct passage *p, struct slice frames)
{
    struct reader r = reader(frames);
    reader_skip(&r, 4 + 2 + 2 + 4);
    struct slice name = reader_bytes(&r, reader_i16(&r));
    p->client_id = mem_dup(&p->conn.env->mem, name.p ? name : SLICE_EMPTY);
}

/* What is sent before it is connected would be dropped. */
static void
passage_send(struct passage *p)
{
    struct env *env = p->conn.env;
    int64_t n = p->conn.state == CONN_OPEN ? whole_frames(p, writer_slice(&p->in)) : 0;
    if (n == 0) return;
    if (!p->client_id.p && !p->is_raw) learn_client(p, slice(p->in.p, n));
    struct buf *b = buf_copy(&env->mem, slice(p->in.p, n));
    struct seg seg = {.buf = b, .bytes = buf_slice(b)};
    bool has_room = conn_send(&p->conn, &seg, 1);
    buf_unref(b);
    memmove(p->in.p, p->in.p + n, (size_t)(p->in.n - n));
    p->in.n -= n;
    if (has_room || p->is_full) return;
    p->is_full = true;
    p->gate->ops->full(p->gate->ctx, p->id, true);
}

static void
take_in_step(struct env *env, void *ctx)
{
    const struct input *in = ctx;
    struct gate *g = env->machine;
    struct passage *p = in->id >= 0 && in->id < g->passages.n ? g->passages.v[in->id] : NULL;
    if (in->kind == INPUT_OPEN) {
        open_passage(g, env, in);
        return;
    }
    if (!p) return;
    switch (in->kind) {
    case INPUT_BYTES:
        writer_bytes(&p->in, in->bytes);
        passage_send(p);
        break;
    case INPUT_CLOSE: conn_close(&p->conn); break;
    case INPUT_PAUSE: conn_pause(&p->conn); break;
    case INPUT_RESUME: conn_resume(&p->conn); break;
    case INPUT_OPEN:
    case INPUT_STEP:
    case INPUT_END: break;
    }
}

static void
gate_start(struct env *env, void *args)
{
    struct gate *g = args;
    g->passages.v = NULL;
    g->passages.n = g->passages.cap = 0;
    env->machine = g;
}

struct gate *
gate_new(struct arena *a, struct world *w, const struct gate_ops *ops, void *ctx)
{
    struct gate *g = ARENA_NEW(a, struct gate);
    g->ops = ops;
    g->ctx = ctx;
    g->m = world_add(
        w, &(struct machine_params){
               .name = S("outside"), .kind = S("client"), .start = gate_start, .args = g});
    machine_start(g->m);
    return g;
}

void
gate_take(struct gate *g, const struct input *in)
{
    if (machine_is_up(g->m)) machine_poke(g->m, take_in_step, (void *)(uintptr_t)in);
}

void
gate_tell(const struct gate *g, struct writer *w)
{
    for (int64_t i = 0; machine_is_up(g->m) && i < g->passages.n; i++) {
        const struct passage *p = g->passages.v[i];
        if (!p) continue;
        json_next(w);
        fmt_char(w, '{');
        json_i64(w, "id", p->id);
        json_i64(w, "broker", p->broker);
        json_text(w, "client_id", p->client_id);
        fmt_char(w, '}');
    }
}
