#include "sim/play/gate.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/scenario/json.h"
#include "sim/scenario/outside.h"
#include "sim/scenario/value.h"
#include "sim/world/fault.h"

#define FRAME_MAX_BYTES (100 << 20)
#define FIRST_BYTES 14 /* of a request, up to the length of the client's name */
#define MACHINES_MAX 200

/* Clients of one name, which come from one machine. */
struct gate_machine {
    struct machine *m;
    struct slice client_id;
    struct gate *gate;
};

struct gate {
    struct arena *a;
    struct run *r;
    struct world *w;
    struct mem *mem; /* of passages: they may outlive their machine for a moment */
    const struct gate_ops *ops;
    void *ctx;
    VEC(struct gate_machine *) machines; /* the first: of those that do not say who they are */
    VEC(struct passage *) passages;      /* by id; NULL: gone */
};

/* One connection. Whose it is is known when its first request has begun to come; until then it is none in the world. */
struct passage {
    struct conn conn;
    struct gate *gate;
    struct gate_machine *of; /* NULL: not known yet */
    int64_t id;
    int32_t broker;
    struct slice client_id; /* as its first request says; null: it has sent none */
    struct writer in;       /* the beginning of a frame whose end has not come */
    bool is_raw;            /* what comes are not frames: whoever listens there has to say so */
    bool is_full, is_paused;
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
    run_guest_given(p->gate->r, p->id, data);
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
passage_end(struct passage *p)
{
    struct gate *g = p->gate;
    g->passages.v[p->id] = NULL;
    run_guest_left(g->r, p->id);
    g->ops->closed(g->ctx, p->id);
    writer_release(&p->in);
    mem_free_slice(g->mem, p->client_id);
    MEM_DELETE(g->mem, p);
}

static void
passage_closed(struct conn *c, enum env_err why)
{
    (void)why;
    passage_end(CONTAINER_OF(c, struct passage, conn));
}

static const struct conn_ops passage_ops = {.connected = passage_connected,
                                            .bytes = passage_bytes,
                                            .writable = passage_writable,
                                            .closed = passage_closed};

/* ---- who they are ---- */

static void
gate_start(struct env *env, void *args)
{
    env->machine = args;
}

static struct gate_machine *
machine_new(struct gate *g, struct slice name, struct slice client_id)
{
    struct gate_machine *m = ARENA_NEW(g->a, struct gate_machine);
    m->gate = g;
    m->client_id = arena_dup(g->a, client_id);
    m->m = world_add(g->w, &(struct machine_params){.name = arena_dup(g->a, name),
                                                    .kind = S("client"),
                                                    .start = gate_start,
                                                    .args = m});
    machine_start(m->m);
    VEC_PUSH(g->mem, &g->machines, m);
    return m;
}

/* By its own name, unless somebody in the world has it. */
static struct gate_machine *
machine_of_client(struct gate *g, struct slice client_id)
{
    for (int64_t i = 1; i < g->machines.n; i++)
        if (slice_eq(g->machines.v[i]->client_id, client_id)) return g->machines.v[i];
    if (!value_is_word(client_id) || g->machines.n >= MACHINES_MAX) return g->machines.v[0];
    struct slice name = client_id;
    if (world_machine(g->w, name))
        name = arena_format(g->a, "%.*s" OUTSIDE_SUFFIX, (int)name.n, name.p);
    return world_machine(g->w, name) ? g->machines.v[0] : machine_new(g, name, client_id);
}

/* Of its first request: size, API, version, correlation, and the client's name, the same in all versions. False: it
 * has not come so far. */
static bool
learn_client(struct passage *p)
{
    struct reader r = reader(writer_slice(&p->in));
    int32_t size = reader_i32(&r);
    if (r.err) return false;
    if (size < FIRST_BYTES - 4 || size > FRAME_MAX_BYTES) return true; /* it is none */
    reader_skip(&r, 2 + 2 + 4);
    struct slice name = reader_bytes(&r, reader_i16(&r));
    if (r.err && p->in.n < 4 + (int64_t)size) return false;
    p->client_id = mem_dup(p->gate->mem, name.p ? name : SLICE_EMPTY);
    return true;
}

/* ---- what comes ---- */

static void
connect_passage(struct passage *p, struct env *env)
{
    uint8_t room[24];
    struct writer host = writer_fixed(room, sizeof room);
    p->conn.ops = &passage_ops;
    fmt_char(&host, 'b');
    fmt_i64(&host, p->broker);
    conn_connect(env, &p->conn, writer_slice(&host), OUTSIDE_PORT);
    if (p->is_paused) conn_pause(&p->conn);
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

/* What is sent before it is connected would be dropped. */
static void
passage_send(struct passage *p)
{
    struct env *env = p->conn.env;
    int64_t n = p->conn.state == CONN_OPEN ? whole_frames(p, writer_slice(&p->in)) : 0;
    if (n == 0) return;
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

/* Ends with the step; a machine that stands still takes it later. */
struct order {
    struct gate *gate;
    int64_t id;
    enum input_kind kind;
};

static void
do_order(struct env *env, void *ctx)
{
    const struct order *o = ctx;
    struct passage *p = o->gate->passages.v[o->id];
    if (!p) return;
    switch (o->kind) {
    case INPUT_OPEN: connect_passage(p, env); break;
    case INPUT_BYTES: passage_send(p); break;
    case INPUT_CLOSE: conn_close(&p->conn); break;
    case INPUT_PAUSE: conn_pause(&p->conn); break;
    case INPUT_RESUME: conn_resume(&p->conn); break;
    default: break;
    }
}

static void
order(struct passage *p, enum input_kind kind)
{
    struct order now = {p->gate, p->id, kind}, *o = &now;
    if (!machine_is_up(p->of->m)) {
        passage_end(p);
        return;
    }
    if (p->of->m->state == MACHINE_PAUSED) {
        o = ARENA_NEW(p->gate->a, struct order);
        *o = now;
    }
    machine_poke(p->of->m, do_order, o);
}

static void
take_bytes(struct gate *g, struct passage *p, struct slice bytes)
{
    int64_t id = p->id;
    run_guest_sent(g->r, id, p->broker, bytes);
    writer_bytes(&p->in, bytes);
    if (!p->of) {
        if (!learn_client(p)) return;
        p->of = machine_of_client(g, p->client_id);
        order(p, INPUT_OPEN);
    }
    if (g->passages.v[id]) order(p, INPUT_BYTES);
}

void
gate_take(struct gate *g, const struct input *in)
{
    struct passage *p = in->id >= 0 && in->id < g->passages.n ? g->passages.v[in->id] : NULL;
    if (in->kind == INPUT_OPEN && !p) {
        while (g->passages.n <= in->id) VEC_PUSH(g->mem, &g->passages, NULL);
        p = g->passages.v[in->id] = MEM_NEW(g->mem, struct passage);
        p->gate = g;
        p->id = in->id;
        p->broker = in->broker;
        p->in = writer_mem(g->mem);
        return;
    }
    if (!p) return;
    if (in->kind == INPUT_BYTES) take_bytes(g, p, in->bytes);
    else if (p->of) order(p, in->kind);
    else if (in->kind == INPUT_CLOSE) passage_end(p);
    else p->is_paused = in->kind == INPUT_PAUSE;
}

/* Its clients are gone with it. */
static void
see_end(void *ctx, struct machine *m, enum life what, struct slice text)
{
    struct gate *g = ctx;
    (void)text;
    if (what != LIFE_CRASH && what != LIFE_POWER && what != LIFE_FATAL) return;
    for (int64_t i = 0; i < g->passages.n; i++) {
        struct passage *p = g->passages.v[i];
        if (p && p->of && p->of->m == m) passage_end(p);
    }
}

struct gate *
gate_new(struct arena *a, struct run *r, struct world *w, const struct gate_ops *ops, void *ctx)
{
    struct gate *g = ARENA_NEW(a, struct gate);
    *g = (struct gate){.a = a, .r = r, .w = w, .mem = world_mem(w), .ops = ops, .ctx = ctx};
    machine_new(g, S("outside"), SLICE_EMPTY);
    world_observe(w, &(struct world_observer){.life = see_end, .ctx = g});
    return g;
}

/* "User:alice"; null: it has not shown who it is. */
static struct slice
principal_of_passage(const struct passage *p)
{
    if (!p->of || p->conn.state != CONN_OPEN) return SLICE_NULL;
    return net_principal_of(p->gate->w, p->of->m, p->conn.handle);
}

void
gate_tell(const struct gate *g, struct writer *w)
{
    for (int64_t i = 0; i < g->passages.n; i++) {
        const struct passage *p = g->passages.v[i];
        if (!p) continue;
        json_next(w);
        fmt_char(w, '{');
        json_i64(w, "id", p->id);
        json_i64(w, "broker", p->broker);
        json_text(w, "client_id", p->client_id);
        json_text(w, "principal", principal_of_passage(p));
        fmt_char(w, '}');
    }
}
