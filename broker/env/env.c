#include "broker/env/env.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"

const char *
env_err_text(enum env_err err)
{
    switch (err) {
    case ENV_OK: return "no error";
    case ENV_EIO: return "input/output error";
    case ENV_ENOSPC: return "no space left on device";
    case ENV_ENOENT: return "no such file or directory";
    case ENV_EEXIST: return "exists already";
    case ENV_ENOTEMPTY: return "directory not empty";
    case ENV_EACCES: return "permission denied, or the file system is read-only";
    case ENV_EMFILE: return "too many open files";
    case ENV_ELOCKED: return "locked by another process";
    case ENV_EINVAL: return "invalid operation";
    case ENV_ECANCELED: return "canceled";
    case ENV_EHOST: return "unknown host";
    case ENV_ECONNREFUSED: return "connection refused";
    case ENV_ETIMEDOUT: return "timed out";
    case ENV_ECONNRESET: return "connection reset";
    case ENV_EOF: return "closed by the other end";
    case ENV_EADDRINUSE: return "address already in use";
    case ENV_ECORRUPT: return "corrupt input";
    case ENV_ETOOBIG: return "output too large";
    }
    return "unknown error";
}

static struct effect *
effect_add(struct env *env, enum effect_kind kind)
{
    struct effect *e = VEC_ADD(&env->mem, &env->effects);
    e->kind = kind;
    e->ordinal = ++env->next_ordinal;
    return e;
}

/* ---- time ---- */

void
timer_arm(struct env *env, struct timer *t, int64_t deadline_ns)
{
    heap_set(&env->timers, &t->node, deadline_ns);
}

void
timer_cancel(struct env *env, struct timer *t)
{
    heap_remove(&env->timers, &t->node);
}

void
defer(struct env *env, struct task *t)
{
    if (!list_is_linked(&t->node)) list_push_back(&env->deferred, &t->node);
}

void
defer_cancel(struct task *t)
{
    list_remove(&t->node);
}

int64_t
env_next_deadline_ns(const struct env *env)
{
    struct heap_node *n = heap_min(&env->timers);
    return n ? n->key : TIME_NEVER;
}

/* ---- operations ---- */

/* It may have waited for a descriptor, or for its turn. */
static void
op_ask(struct env *env, struct op *op)
{
    list_remove(&op->node);
    struct effect *e = effect_add(env, EF_OP);
    e->op = op;
    op->ordinal = e->ordinal;
    list_push_back(&env->pending, &op->node);
}

static void
op_prepare(struct env *env, struct op *op, enum op_kind kind)
{
    CHECK(op->kind == OP_IDLE);
    CHECK(op->done);
    op->env = env;
    op->kind = kind;
    op->err = ENV_OK;
    op->value = 0;
}

static void
op_queue(struct env *env, struct op *op, enum op_kind kind)
{
    op_prepare(env, op, kind);
    op_ask(env, op);
}

/* ---- few descriptors ---- */

#define STARVED_RETRY_NS (20 * NS_PER_MS)
#define STARVED_TELL_NS (5 * NS_PER_S)

/* Out of descriptors is no failure but "not now" (whoever takes it for a broken disk ends a healthy
 * node): the operation stays pending and is asked for again, when a file was closed or a little later. */
static void
op_starve(struct env *env, struct op *op)
{
    list_remove(&op->node);
    if (list_is_empty(&env->starved)) {
        env->starved_since_ns = env_now_ns(env);
        timer_arm(env, &env->starved_timer, env_now_ns(env) + STARVED_RETRY_NS);
    }
    list_push_back(&env->starved, &op->node);
    if (env->starving) defer(env, env->starving);
}

static void
tell_starved(struct env *env)
{
    int64_t now = env_now_ns(env), since = MAX(env->starved_since_ns, env->starved_told_ns);
    if (now - since < STARVED_TELL_NS) return;
    env->starved_told_ns = now;
    NOTE(env, NOTE_LOG_MESSAGE, S("out of file descriptors"),
         S("files wait to be opened: raise the limit (ulimit -n), or have fewer connections"), 2);
}

static void
starved_due(struct timer *t)
{
    struct env *env = CONTAINER_OF(t, struct env, starved_timer);
    tell_starved(env);
    for (struct list *n; (n = list_pop_front(&env->starved));)
        op_ask(env, LIST_ENTRY(n, struct op, node));
}

/* A descriptor is free, or an operation that took one for a moment is done. */
static void
feed_starved(struct env *env)
{
    if (list_is_empty(&env->starved)) return;
    op_ask(env, LIST_ENTRY(list_pop_front(&env->starved), struct op, node));
    if (list_is_empty(&env->starved)) timer_cancel(env, &env->starved_timer);
}

static void
brief_take_turn(struct env *env, struct op *op)
{
    if (env->brief_n == BRIEF_FILES_MAX) {
        list_push_back(&env->brief_waiting, &op->node);
        return;
    }
    env->brief_n++;
    op_ask(env, op);
}

static void
brief_give_turn(struct env *env, struct file *f)
{
    if (!f->is_brief) return;
    f->is_brief = false;
    struct list *next = list_pop_front(&env->brief_waiting);
    if (next) op_ask(env, LIST_ENTRY(next, struct op, node));
    else env->brief_n--;
}

static struct seg *
segs_copy_to(struct seg *copy, const struct seg *segs, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        copy[i] = segs[i];
        buf_ref(copy[i].buf);
    }
    return copy;
}

static void
segs_free(struct env *env, struct seg *segs, int32_t n)
{
    for (int32_t i = 0; i < n; i++) buf_unref(segs[i].buf);
    mem_free(&env->mem, segs, n * (int64_t)sizeof *segs);
}

static void
op_set_segs(struct env *env, struct op *op, const struct seg *segs, int32_t n)
{
    op->segs = segs_copy_to(mem_alloc_dirty(&env->mem, n * (int64_t)sizeof *op->segs), segs, n);
    op->segs_n = n;
    op->n = 0;
    for (int32_t i = 0; i < n; i++) op->n += segs[i].bytes.n;
}

void
file_open(struct env *env, struct op *op, struct file *f, struct slice path, int32_t flags)
{
    CHECK(!f->is_open && !f->slot);
    f->env = env;
    f->handle = env_new_handle(env);
    f->is_brief = flags & OPEN_BRIEF;
    op->file = f;
    op->flags = flags;
    op->path = mem_dup(&env->mem, path);
    op_prepare(env, op, OP_OPEN);
    if (f->is_brief) brief_take_turn(env, op);
    else op_ask(env, op);
}

static void
file_op(struct op *op, struct file *f, enum op_kind kind)
{
    CHECK(f->is_open);
    op->file = f;
    op_queue(f->env, op, kind);
}

void
file_close(struct op *op, struct file *f)
{
    file_op(op, f, OP_CLOSE);
    f->is_open = false;
}

void
file_read(struct op *op, struct file *f, int64_t offset, struct buf *target, int64_t at, int64_t n)
{
    CHECK(at >= 0 && n >= 0 && n <= target->cap - at);
    CHECK(offset >= 0);
    op->offset = offset;
    op->n = n;
    op->value = 0;
    op->buf = buf_ref(target);
    op->flags = (int32_t)at;
    file_op(op, f, OP_READ);
}

void
file_write(struct op *op, struct file *f, int64_t offset, const struct seg *segs, int32_t n)
{
    CHECK(offset >= 0);
    op->offset = offset;
    op_set_segs(f->env, op, segs, n);
    file_op(op, f, OP_WRITE);
}

void
file_sync(struct op *op, struct file *f)
{
    file_op(op, f, OP_SYNC);
}

void
file_truncate(struct op *op, struct file *f, int64_t size)
{
    CHECK(size >= 0);
    op->n = size;
    file_op(op, f, OP_TRUNCATE);
}

void
file_break_ranges(struct file *f, int64_t cut)
{
    struct effect *e = effect_add(f->env, EF_BREAK_RANGES);
    e->file = f;
    e->n = cut;
}

static void
path_op(struct env *env, struct op *op, enum op_kind kind, struct slice path)
{
    op->path = mem_dup(&env->mem, path);
    op_queue(env, op, kind);
}

void
dir_make(struct env *env, struct op *op, struct slice path)
{
    path_op(env, op, OP_MKDIR, path);
}

void
dir_remove(struct env *env, struct op *op, struct slice path)
{
    path_op(env, op, OP_RMDIR, path);
}

void
dir_list(struct env *env, struct op *op, struct slice path)
{
    path_op(env, op, OP_LIST, path);
}

void
dir_print(struct writer *w, const struct dir_entry *e)
{
    writer_i8(w, e->is_dir);
    writer_i64(w, e->size);
    writer_i64(w, e->modified_ms);
    writer_i32(w, (int32_t)e->name.n);
    writer_bytes(w, e->name);
}

bool
dir_next(struct reader *r, struct dir_entry *ret)
{
    if (reader_left(r) <= 0) return false;
    ret->is_dir = reader_i8(r) != 0;
    ret->size = reader_i64(r);
    ret->modified_ms = reader_i64(r);
    ret->name = reader_bytes(r, reader_i32(r));
    return !r->err;
}

void
dir_sync(struct env *env, struct op *op, struct slice path)
{
    path_op(env, op, OP_SYNC_DIR, path);
}

void
path_rename(struct env *env, struct op *op, struct slice from, struct slice to)
{
    op->path2 = mem_dup(&env->mem, to);
    path_op(env, op, OP_RENAME, from);
}

void
path_unlink(struct env *env, struct op *op, struct slice path)
{
    path_op(env, op, OP_UNLINK, path);
}

void
path_lock(struct env *env, struct op *op, struct slice path)
{
    path_op(env, op, OP_LOCK, path);
}

void
path_free_space(struct env *env, struct op *op, struct slice path)
{
    path_op(env, op, OP_FREE_SPACE, path);
}

void
work_queue(struct env *env, struct op *op, enum work_kind kind, enum codec codec, int32_t level,
           const struct seg *segs, int32_t n, int64_t ceiling_bytes)
{
    op->work = kind;
    op->codec = codec;
    op->level = level;
    op_set_segs(env, op, segs, n);
    op->offset = ceiling_bytes;
    op_queue(env, op, OP_WORK);
}

/* Takes the operation out of the pending and gives back what it held. */
static void
op_finish(struct env *env, struct op *op)
{
    list_remove(&op->node);
    segs_free(env, op->segs, op->segs_n);
    op->segs = NULL;
    op->segs_n = 0;
    mem_free_slice(&env->mem, op->path);
    mem_free_slice(&env->mem, op->path2);
    op->path = op->path2 = SLICE_NULL;
}

static void
deliver_done(struct env *env, const struct event *ev)
{
    struct op *op = ev->op;
    enum op_kind kind = op->kind;
    CHECK(kind != OP_IDLE);
    if (ev->err == ENV_EMFILE) {
        op_starve(env, op);
        return;
    }
    op->err = ev->err;
    op->value = ev->n;
    op_finish(env, op);
    op->kind = OP_IDLE;
    bool has_closed = kind == OP_CLOSE || (kind == OP_OPEN && ev->err);
    if (has_closed) brief_give_turn(env, op->file);
    if (has_closed || kind == OP_LIST || kind == OP_SYNC_DIR) feed_starved(env);
    struct buf *target = NULL;
    if (kind == OP_READ) target = op->buf;
    if (kind == OP_LIST || kind == OP_WORK) op->buf = ev->buf;
    if (kind == OP_OPEN) op->file->is_open = ev->err == ENV_OK;
    op->done(op);
    buf_unref(target);
}

/* ---- network ---- */

void
net_listen(struct env *env, struct listener *l, struct slice host, int32_t port)
{
    l->env = env;
    l->handle = env_new_handle(env);
    struct effect *e = effect_add(env, EF_LISTEN);
    e->listener = l;
    e->path = mem_dup(&env->mem, host);
    e->n = port;
}

void
net_unlisten(struct listener *l)
{
    struct effect *e = effect_add(l->env, EF_UNLISTEN);
    e->listener = l;
    e->slot = l->slot;
}

static void
conn_start(struct env *env, struct conn *c)
{
    CHECK(c->state == CONN_IDLE);
    CHECK(c->ops);
    c->env = env;
    c->slot = NULL;
    c->paused = c->wants_writable = false;
    c->unsent_bytes = 0;
}

void
conn_connect(struct env *env, struct conn *c, struct slice host, int32_t port)
{
    conn_start(env, c);
    c->state = CONN_CONNECTING;
    c->handle = env_new_handle(env);
    struct effect *e = effect_add(env, EF_CONNECT);
    e->conn = c;
    e->path = mem_dup(&env->mem, host);
    e->n = port;
}

void
conn_accept(struct listener *l, struct conn *c, const struct accepted *a)
{
    conn_start(l->env, c);
    c->buffers = l->buffers;
    c->state = CONN_OPEN;
    c->handle = a->handle;
    struct effect *e = effect_add(l->env, EF_ACCEPT);
    e->conn = c;
    e->n = (int64_t)a->handle;
}

bool
conn_send(struct conn *c, const struct seg *segs, int32_t n)
{
    if (c->state != CONN_OPEN) return true;
    struct effect *e = effect_add(c->env, EF_SEND);
    e->conn = c;
    e->segs = segs_copy_to(arena_alloc_dirty(&c->env->carried, n * (int64_t)sizeof *segs), segs, n);
    e->segs_n = n;
    for (int32_t i = 0; i < n; i++) c->unsent_bytes += segs[i].buf ? segs[i].bytes.n : segs[i].n;
    if (c->unsent_bytes <= CONN_HIGH_WATER_BYTES) return true;
    c->wants_writable = true;
    return false;
}

void
conn_want_writable(struct conn *c)
{
    if (c->state == CONN_OPEN) c->wants_writable = true;
}

static void
conn_effect(struct conn *c, enum effect_kind kind)
{
    struct effect *e = effect_add(c->env, kind);
    e->conn = c;
}

void
conn_pause(struct conn *c)
{
    if (c->paused || c->state != CONN_OPEN) return;
    c->paused = true;
    conn_effect(c, EF_PAUSE);
}

void
conn_resume(struct conn *c)
{
    if (!c->paused || c->state != CONN_OPEN) return;
    c->paused = false;
    conn_effect(c, EF_RESUME);
}

void
conn_lend(struct conn *c, struct buf *b, int64_t at)
{
    CHECK(!b || (at >= 0 && at < b->cap));
    buf_ref(b);
    buf_unref(c->lent);
    c->lent = b;
    c->lent_at = at;
}

void
conn_close(struct conn *c)
{
    if (c->state != CONN_OPEN && c->state != CONN_CONNECTING) return;
    c->state = CONN_CLOSING;
    conn_effect(c, EF_CLOSE);
}

static void
env_deliver_bytes(struct conn *c, const struct event *ev)
{
    c->unsent_bytes = ev->n;
    if (c->state != CONN_OPEN) return; /* closing: nobody wants them any more */
    if (c->lent && ev->buf == c->lent) {
        c->lent_at += ev->data.n;
        if (c->lent_at == c->lent->cap) conn_lend(c, NULL, 0);
    }
    c->ops->bytes(c, ev->data, ev->buf);
}

static void
deliver_writable(struct conn *c, const struct event *ev)
{
    c->unsent_bytes = ev->n;
    c->wants_writable = false;
    if (c->state == CONN_OPEN && c->ops->writable) c->ops->writable(c);
}

static void
deliver_closed(struct conn *c, const struct event *ev)
{
    conn_lend(c, NULL, 0);
    c->state = CONN_IDLE;
    c->slot = NULL;
    c->ops->closed(c, ev->err);
}

static void
deliver_connected(struct conn *c)
{
    if (c->state != CONN_CONNECTING) return;
    c->state = CONN_OPEN;
    c->ops->connected(c);
}

/* ---- chance ---- */

uint64_t
env_random(struct env *env, enum stream s)
{
    return siphash_u64x2(env->seed, (uint64_t)s + 1, env->draws[s]++);
}

int64_t
env_random_below(struct env *env, enum stream s, int64_t n)
{
    CHECK(n > 0);
    uint64_t r = env_random(env, s) >> 32;
    return n <= UINT32_MAX ? (int64_t)(r * (uint64_t)n >> 32)
                           : (int64_t)(env_random(env, s) % (uint64_t)n);
}

/* Two draws are two statements: compilers differ in which argument of a call they work out first. */
struct uuid
env_random_uuid_of(struct env *env, enum stream stream)
{
    struct uuid u;
    for (;;) {
        uint64_t hi = env_random(env, stream);
        uint64_t lo = env_random(env, stream);
        if (uuid_from_random(hi, lo, &u)) return u;
    }
}

struct uuid
env_random_uuid(struct env *env)
{
    return env_random_uuid_of(env, STREAM_UUID);
}

/* ---- limits ---- */

bool
env_has_room(const struct env *env, enum purse purse)
{
    static const int8_t parts[PURSES_N] = {
        [PURSE_GROUPS] = PURSE_GROUPS_PART,
        [PURSE_TXNS] = PURSE_TXNS_PART,
        [PURSE_PRODUCERS] = PURSE_PRODUCERS_PART,
        [PURSE_METADATA] = PURSE_METADATA_PART,
        [PURSE_FETCH_SESSIONS] = PURSE_FETCH_SESSIONS_PART,
    };
    return env->purses[purse].used_bytes < env->mem.ceiling_bytes / parts[purse];
}

/* Returns the bytes. */
static int64_t
fmt_kib(struct writer *w, const char *what, int64_t bytes)
{
    fmt_str(w, what);
    fmt_i64(w, bytes >> 10);
    return bytes;
}

static const char *
tell_memory(struct mem *m)
{
    struct env *env = CONTAINER_OF(m, struct env, mem);
    const int64_t *held = env->held_bytes;
    const struct mem *purses = env->purses;
    struct writer w = writer_fixed(env->memory_text, sizeof env->memory_text - 1);
    int64_t rest = m->used_bytes;
    (void)fmt_kib(&w, "the memory that the node may use (--memory) is exhausted, ",
                  m->ceiling_bytes);
    rest -= fmt_kib(&w, " KiB: requests of clients ", held[HELD_BY_CLIENTS]);
    rest -= fmt_kib(&w, ", of followers ", held[HELD_BY_FOLLOWERS]);
    rest -= fmt_kib(&w, ", of controllers' clients ", held[HELD_BY_ADMINS]);
    rest -= fmt_kib(&w, ", of the quorum ", held[HELD_BY_QUORUM]);
    rest -= fmt_kib(&w, ", groups ", purses[PURSE_GROUPS].used_bytes);
    rest -= fmt_kib(&w, ", producers ", purses[PURSE_PRODUCERS].used_bytes);
    rest -= fmt_kib(&w, ", metadata ", purses[PURSE_METADATA].used_bytes);
    rest -= fmt_kib(&w, ", fetch sessions ", purses[PURSE_FETCH_SESSIONS].used_bytes);
    (void)fmt_kib(&w, ", all else ", rest);
    env->memory_text[w.n] = 0;
    return env->memory_text;
}

/* ---- notes and the end ---- */

/* Behind the note itself: many are taken, and one piece of memory does for each. */
static struct slice
note_keep(uint8_t **at, struct slice s)
{
    if (!s.p) return s;
    uint8_t *p = *at;
    memcpy(p, s.p, (size_t)s.n);
    p[s.n] = 0;
    *at += s.n + 1;
    return slice(p, s.n);
}

void
note_queue(struct env *env, enum note_kind kind, struct slice subject, struct slice text,
           const int64_t *v, int32_t n)
{
    struct note *note = arena_alloc_dirty(&env->carried, (int64_t)sizeof *note + MAX(subject.n, 0) +
                                                             MAX(text.n, 0) + 2);
    uint8_t *at = (uint8_t *)(note + 1);
    note->kind = kind;
    note->subject = note_keep(&at, subject);
    note->text = note_keep(&at, text);
    note->n = MIN(n, NOTE_NUMBERS);
    memset(note->v, 0, sizeof note->v);
    for (int32_t i = 0; i < note->n; i++) note->v[i] = v[i];
    VEC_PUSH(&env->mem, &env->notes, note); /* no ordinal: notes must not change a run */
}

void
env_fatal(struct env *env, struct slice why)
{
    if (env->dead) return;
    struct effect *e = effect_add(env, EF_FATAL);
    e->path = mem_dup(&env->mem, why);
    env->dead = true;
}

/* ---- the body's side ---- */

uint64_t
env_new_handle(struct env *env)
{
    return ++env->next_handle;
}

void
env_init(struct env *env, const struct env_params *p)
{
    *env = (struct env){
        .now_ns = p->now_ns,
        .wall_ms = p->wall_ms,
        .crc32c = p->crc32c,
        .notes_on = p->notes_on,
        .notes_left_out = p->notes_left_out,
        .seed = p->seed,
    };
    mem_init(&env->mem, p->source, p->memory_ceiling_bytes);
    env->mem.tell = tell_memory;
    for (int i = 0; i < PURSES_N; i++) mem_init_purse(&env->purses[i], &env->mem);
    heap_init(&env->timers, &env->mem);
    list_init(&env->deferred);
    list_init(&env->pending);
    list_init(&env->starved);
    list_init(&env->brief_waiting);
    env->starved_timer.due = starved_due;
    arena_init(&env->scratch, &env->mem, 0);
    arena_init(&env->carried, &env->mem, 0);
    env->hostname = mem_dup(&env->mem, p->hostname);
}

void
env_release(struct env *env)
{
    mem_release(&env->mem);
    memset(env, 0, sizeof *env);
}

void
env_deliver(struct env *env, const struct event *ev)
{
    if (env->dead) return;
    env->now_ns = ev->now_ns;
    env->wall_ms = ev->wall_ms;
    arena_reset(&env->scratch);
    switch (ev->kind) {
    case EV_TIMER: {
        struct heap_node *n = heap_min(&env->timers);
        CHECK(n && n->key <= ev->now_ns);
        heap_remove(&env->timers, n);
        struct timer *t = CONTAINER_OF(n, struct timer, node);
        t->due(t);
        break;
    }
    case EV_AGAIN: {
        struct list *n = list_pop_front(&env->deferred);
        CHECK(n);
        struct task *t = LIST_ENTRY(n, struct task, node);
        t->run(t);
        break;
    }
    case EV_LISTENING: ev->listener->listening(ev->listener, ev->err, (int32_t)ev->n); break;
    case EV_ACCEPTED: ev->listener->accepted(ev->listener, &ev->accepted); break;
    case EV_CONNECTED: deliver_connected(ev->conn); break;
    case EV_BYTES: env_deliver_bytes(ev->conn, ev); break;
    case EV_WRITABLE: deliver_writable(ev->conn, ev); break;
    case EV_CLOSED: deliver_closed(ev->conn, ev); break;
    case EV_DONE: deliver_done(env, ev); return;
    }
    buf_unref(ev->buf);
}

void
env_effects_clear(struct env *env)
{
    for (int64_t i = 0; i < env->effects.n; i++) {
        struct effect *e = &env->effects.v[i];
        mem_free_slice(&env->mem, e->path);
        for (int32_t k = 0; e->segs && k < e->segs_n; k++) buf_unref(e->segs[k].buf);
    }
    env->effects.n = env->notes.n = 0;
    if (env->carried.used_bytes) arena_reset(&env->carried);
}
