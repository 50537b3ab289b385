/* Sequences of events into a node: one that is broker, controller and quorum in the simulated world, and
 * somebody who connects to it. The input says what happens:
 *
 *     bytes on a connection · well-formed requests with any content, also with strings that are not
 *     UTF-8 · time · failures of the disk · crashes, losses of power, starts · closed connections
 *
 * The node may refuse, close or, after its disk has failed, end itself; it may not fail a check, no string
 * in its answers is other than UTF-8, and at the end, on a healed disk, it serves again. */
#include <stdlib.h>

#include "broker/base/check.h"
#include "broker/node/node.h"
#include "broker/protocol/frame.h"
#include "sim/world/fault.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/test.h"
#include "tests/lib/texts.h"

#include "apis.h"

#define BROKER_PORT 9092
#define CONTROLLER_PORT 9093
#define CONNS 4
#define ASKED_MAX 64
#define FIRST_ID 0x5eed0000 /* of our requests; what is only bytes hardly ever has one of these */
#define ANSWER_MAX (64 << 20)

static void
start_node(struct env *env, void *args)
{
    (void)args;
#define SET(name, value) \
    { \
        S(name), S(value), S("fuzz") \
    }
    const struct node_setting set[] = {
        SET("process.roles", "broker,controller"),
        SET("node.id", "1"),
        SET("listeners", "PLAINTEXT://n:9092,CONTROLLER://n:9093"),
        SET("controller.listener.names", "CONTROLLER"),
        SET("controller.quorum.voters", "1@n:9093"),
        SET("log.dirs", "data"),
        SET("offsets.topic.replication.factor", "1"),
        SET("offsets.topic.num.partitions", "1"),
        SET("broker.session.timeout.ms", "1000"),
        SET("broker.heartbeat.interval.ms", "200"),
    };
    struct node_params p = {.settings = set, .settings_n = ARRAY_LEN(set)};
    (void)node_new(env, &p);
}

/* ---- who connects -------------------------------------------------------------------------------- */

struct caller {
    struct env *env;
    struct conn conns[CONNS];
    struct frame_reader frames[CONNS];
    bool is_up[CONNS];
    int64_t answers;
};

/* What was asked under a correlation id: the caller forgets everything when it is started again. */
struct question {
    int16_t api_key, version;
};
static struct question asked[ASKED_MAX];
static int32_t asked_n;

static void
on_connected(struct conn *c)
{
    (void)c;
}

/* Reading mends strings: if one had to be mended, the answer is another one when it is written again. */
static void
check_answer(struct env *env, struct slice frame)
{
    int32_t id = frame.n < 4 ? -1 : (int32_t)load_be32(frame.p) - FIRST_ID, same_id;
    if (id < 0 || id >= asked_n) return; /* an answer to bytes that meant something by chance */
    struct question q = asked[id];
    enum k_msg msg = (enum k_msg)k_api_of(q.api_key)->response;
    struct reader r = reader(frame);
    struct arena a;
    struct writer again = writer_mem(&env->mem);
    arena_init(&a, &env->mem, 0);
    void *m = arena_alloc(&a, codec_struct_bytes(msg));
    CHECK(response_head_read(&r, q.api_key, q.version, &same_id));
    CHECK(codec_decode(msg, q.version, &r, &a, m) && reader_left(&r) == 0);
    CHECK(texts_are_utf8(msg, q.version, m));
    CHECK(response_write(&again, q.api_key, q.version, FIRST_ID + id, m, NULL));
    CHECK(slice_eq(writer_slice(&again), frame));
    writer_release(&again);
    arena_release(&a);
}

static void
on_bytes(struct conn *c, struct slice data, struct buf *from)
{
    struct caller *k = c->env->machine;
    struct frame_reader *frames = &k->frames[c - k->conns];
    struct slice frame;
    struct buf *holder;
    k->answers += data.n;
    frame_reader_push(frames, data, from);
    while (frame_reader_next(frames, &frame, &holder) == FRAME_OK) check_answer(k->env, frame);
}

static void
on_closed(struct conn *c, enum env_err why)
{
    (void)why;
    struct caller *k = c->env->machine;
    k->is_up[c - k->conns] = false;
    frame_reader_release(&k->frames[c - k->conns]);
}

static const struct conn_ops caller_ops = {
    .connected = on_connected, .bytes = on_bytes, .closed = on_closed};

static void
start_caller(struct env *env, void *args)
{
    (void)args;
    struct caller *k = MEM_NEW(&env->mem, struct caller);
    k->env = env;
    env->machine = k;
}

struct order {
    int conn;
    bool is_close;
    struct slice bytes;
};

static void
obey(struct env *env, void *ctx)
{
    const struct order *o = ctx;
    struct caller *k = env->machine;
    struct conn *c = &k->conns[o->conn % CONNS];
    if (o->is_close) {
        conn_close(c);
        return;
    }
    if (!k->is_up[o->conn % CONNS]) {
        c->ops = &caller_ops;
        k->is_up[o->conn % CONNS] = true;
        frame_reader_init(&k->frames[o->conn % CONNS], &env->mem, NULL, ANSWER_MAX);
        conn_connect(env, c, S("n"), o->conn % 2 ? CONTROLLER_PORT : BROKER_PORT);
        return;
    }
    if (c->state != CONN_OPEN || o->bytes.n == 0) return;
    struct buf *b = buf_copy(&env->mem, o->bytes);
    struct seg seg = {.buf = b, .bytes = buf_slice(b)};
    (void)conn_send(c, &seg, 1);
    buf_unref(b);
}

/* ---- what happens -------------------------------------------------------------------------------- */

struct fuzz {
    struct world *w;
    struct machine *node, *caller;
    struct reader in;
    uint64_t dice;
    bool disk_failed;
};

static uint64_t
draw(void *ctx)
{
    struct fuzz *f = ctx;
    f->dice = f->dice * 6364136223846793005u + 1442695040888963407u;
    return f->dice >> 11;
}

static void
send_bytes(struct fuzz *f, int conn, struct slice bytes)
{
    struct order o = {.conn = conn, .bytes = bytes};
    for (int i = 0; i < 2; i++) { /* connects first if need be */
        machine_poke(f->caller, obey, &o);
        world_run(f->w, 3 * NS_PER_MS);
    }
}

/* Strings are drawn from small letters. Half of the requests keep theirs; in the others some letters become
 * bytes that are not UTF-8 where they stand (or now and then a length, and the request is malformed). */
static void
spoil_strings(struct fuzz *f, struct slice request)
{
    static const uint8_t bad[] = {0xe9, 0xc0, 0xed, 0xa0, 0x80, 0xf4, 0xff, 0xe2};
    if (draw(f) % 2) return;
    for (int64_t i = 0; i < request.n; i++) {
        uint8_t *p = (uint8_t *)(uintptr_t)&request.p[i];
        if (*p >= 'a' && *p <= 'z' && draw(f) % 4 == 0) *p = bad[draw(f) % sizeof bad];
    }
}

static void
send_request(struct fuzz *f, int conn, int16_t key, uint8_t version, uint32_t seed)
{
    const struct k_api *api = k_api_of((int16_t)(key % K_APIS_N));
    if (!api || api->request < 0) return;
    struct mem mem;
    struct arena a;
    struct frame frame;
    test_mem_init(&mem);
    arena_init(&a, &mem, 0);
    f->dice = seed;
    int16_t v = (int16_t)(api->min + version % (api->max - api->min + 1));
    struct codec_dice dice = {draw, f, &a};
    void *m = arena_alloc(&a, codec_struct_bytes(api->request));
    codec_random(api->request, v, &dice, m);
    struct request_head head = {.api_key = (int16_t)(key % K_APIS_N),
                                .version = v,
                                .correlation_id = FIRST_ID + asked_n,
                                .client_id = S("fuzz"),
                                .api = api};
    if (frame_request(&mem, &a, &head, m, &frame)) {
        struct writer w = writer_mem(&mem);
        for (int32_t i = 0; i < frame.segs_n; i++) writer_bytes(&w, frame.segs[i].bytes);
        spoil_strings(f, slice(w.p + 12, w.n - 12)); /* behind size, key, version, correlation id */
        CHECK(asked_n < ASKED_MAX);
        asked[asked_n++] = (struct question){head.api_key, v};
        send_bytes(f, conn, writer_slice(&w));
        frame_release(&frame);
    }
    mem_release(&mem);
}

static void
shut_down(struct env *env, void *ctx)
{
    (void)ctx;
    node_shutdown(env->machine);
}

static void
start_again(struct fuzz *f)
{
    if (machine_is_up(f->node)) return;
    if (f->node->fatal.p && f->node->fatal.n > 0) CHECK(f->disk_failed);
    machine_start(f->node);
}

static void
break_disk(struct fuzz *f, uint8_t how)
{
    f->disk_failed = true;
    switch (how % 5) {
    case 0: fault_disk_fail(f->node, 1 + how / 5 % 7, SLICE_NULL, 1 + how / 35); break;
    case 1: fault_disk_full(f->node, how * 10); break;
    case 2: fault_disk_short_reads(f->node, 300); break;
    case 3: fault_disk_slow(f->node, 1000); break;
    case 4: fault_disk_heal(f->node); break;
    }
}

static void
happen(struct fuzz *f)
{
    uint8_t what = (uint8_t)reader_i8(&f->in), arg = (uint8_t)reader_i8(&f->in);
    switch (what % 8) {
    case 0: {
        int64_t n = MIN((int64_t)(uint16_t)reader_i16(&f->in), reader_left(&f->in));
        send_bytes(f, arg, reader_bytes(&f->in, n));
        break;
    }
    case 1:
    case 2:
    case 3: {
        int16_t key = (uint8_t)reader_i8(&f->in);
        uint8_t version = (uint8_t)reader_i8(&f->in);
        send_request(f, arg, key, version, (uint16_t)reader_i16(&f->in));
        break;
    }
    case 4: world_run(f->w, (1 + arg) * 10 * NS_PER_MS); break;
    case 5: break_disk(f, arg); break;
    case 6:
        if (!machine_is_up(f->node)) break;
        if (arg % 3 == 0) fault_crash(f->node);
        else if (arg % 3 == 1) fault_power(f->node);
        else machine_poke(f->node, shut_down, NULL);
        world_run(f->w, (arg / 3) * NS_PER_MS);
        break;
    case 7: {
        struct order o = {.conn = arg, .is_close = true};
        machine_poke(f->caller, obey, &o);
        break;
    }
    }
    world_run(f->w, NS_PER_MS);
    start_again(f);
}

/* An answer that cannot be written in its version is our fault, whatever was asked. */
static void
look(void *ctx, const struct world_event *e)
{
    (void)ctx;
    for (int32_t i = 0; i < e->notes_n; i++) {
        const struct note *n = e->notes[i];
        if (n->kind != NOTE_LOG_MESSAGE || n->v[0] < 3) continue;
        for (int16_t key = 0; key < K_APIS_N; key++)
            CHECK(!k_api_of(key) || !slice_eq(n->subject, k_api_name(key)));
    }
}

/* Whatever happened: with a disk that works it comes up and answers. */
static void
serves_again(struct fuzz *f)
{
    struct order o = {.is_close = true};
    fault_disk_heal(f->node);
    machine_poke(f->caller, obey, &o);
    if (f->disk_failed) fault_power(f->node); /* what a failed sync poisoned stays so until then */
    start_again(f);
    world_run(f->w, 5 * NS_PER_S);
    start_again(f);
    world_run(f->w, 5 * NS_PER_S);
    struct caller *k = f->caller->env.machine;
    int64_t before = k->answers;
    static const uint8_t versions[] = {0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 255, 255};
    send_bytes(f, 0, slice(versions, sizeof versions));
    world_run(f->w, NS_PER_S);
    CHECK(k->answers > before);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world_options o = world_options_default();
    o.hash_on = false;
    o.notes_on = true;
    o.memory_ceiling_bytes = 1 << 30;
    asked_n = 0;
    struct fuzz f = {.w = world_new(1, &o), .in = reader(slice(data, (int64_t)size))};
    world_observe(f.w, &(struct world_observer){.event = look});
    f.node = world_add(f.w, &(struct machine_params){.name = S("n"), .start = start_node});
    f.caller = world_add(f.w, &(struct machine_params){.name = S("c"), .start = start_caller});
    machine_start(f.node);
    machine_start(f.caller);
    world_run(f.w, 500 * NS_PER_MS);
    for (int i = 0; i < 64 && reader_left(&f.in) >= 2; i++) happen(&f);
    serves_again(&f);
    world_free(f.w);
    return 0;
}
