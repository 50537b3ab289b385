#include "broker/api/session.h"

#include "broker/api/authentication.h"
#include "broker/api/connections.h"
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/codec.h"

/* Larger answers are watched until the body has sent most of them. */
#define ANSWER_WATCHED_BYTES 65536

static void take_frames(struct session *s);

/* ---- requests ---- */

static void
read_clients_on(struct task *t)
{
    struct server *server = CONTAINER_OF(t, struct server, read_on);
    struct list waiting;
    list_init(&waiting);
    for (struct list *n; (n = list_pop_front(&server->unread)) != NULL;)
        list_push_back(&waiting, n);
    for (struct list *n; (n = list_pop_front(&waiting)) != NULL;)
        session_pump(LIST_ENTRY(n, struct session, unread));
}

static bool
has_too_many_queued(const struct server *server)
{
    return server->queued_max > 0 && server->queued_bytes >= server->queued_max;
}

static void
count_queued(struct server *server, struct request *r, int64_t bytes)
{
    server->queued_bytes += bytes - r->queued_bytes;
    r->queued_bytes = bytes;
    if (has_too_many_queued(server) || list_is_empty(&server->unread)) return;
    server->read_on.run = read_clients_on;
    defer(server->env, &server->read_on);
}

/* Frees it. */
static void
request_delete(struct request *r)
{
    count_queued(r->server, r, 0);
    if (r->let_go) r->let_go(r);
    frame_release(&r->answer);
    buf_unref(r->frame);
    struct mem *mem = r->arena.mem;
    arena_release(&r->arena);
    MEM_DELETE(mem, r);
}

static void
request_finish(struct request *r)
{
    CHECK(!r->answered);
    r->answered = true;
    if (r->session) session_pump(r->session);
    else request_delete(r);
}

void
request_answer(struct request *r, const void *response)
{
    struct env *env = r->server->env;
    if (r->enveloped) {
        r->enveloped(r, response);
        r->answered = true;
        request_delete(r);
        return;
    }
    if (r->session && !frame_response(&env->mem, &r->arena, r->api_key, r->version,
                                      r->correlation_id, response, &r->answer)) {
        NOTE(env, NOTE_LOG_MESSAGE, k_api_name(r->api_key), r->answer.why.field, 3);
        request_break(r);
        return;
    }
    request_finish(r);
}

/* head: bytes of the header, 0, or 4 without and 5 with tagged fields, of which there are none. */
static void
answer_bytes(struct request *r, int64_t head, struct slice body)
{
    struct buf *b = buf_new(&r->server->env->mem, 4 + head + body.n);
    struct writer w = writer_fixed(b->data, b->cap);
    writer_i32(&w, (int32_t)(head + body.n));
    if (head) writer_i32(&w, r->correlation_id);
    if (head == 5) writer_i8(&w, 0);
    writer_bytes(&w, body);
    b->n = w.n;
    r->answer =
        (struct frame){.own = b, .segs = REQUEST_NEW(r, struct seg), .segs_n = 1, .bytes = b->n};
    r->answer.segs[0] = (struct seg){.buf = b, .bytes = buf_slice(b)};
    request_finish(r);
}

void
request_answer_raw(struct request *r, struct slice body)
{
    CHECK(!r->enveloped);
    answer_bytes(r, response_head_version(r->api_key, r->version) > 0 ? 5 : 4, body);
}

void
request_answer_bare(struct request *r, struct slice bytes)
{
    answer_bytes(r, 0, bytes);
}

void
request_finish_silently(struct request *r)
{
    r->silent = true;
    request_finish(r);
}

void
request_break(struct request *r)
{
    if (r->enveloped) {
        r->enveloped(r, NULL);
        r->answered = true;
        request_delete(r);
        return;
    }
    struct session *s = r->session;
    r->silent = true;
    if (s) conn_close(&s->conn);
    request_finish(r);
}

void
request_let_next(struct request *r)
{
    r->lets_next = true;
    if (r->session) session_pump(r->session);
}

/* ---- what it holds ---- */

static void
session_say(struct session *s, const char *what)
{
    NOTE(s->server->env, NOTE_LOG_MESSAGE, s->peer, slice_cstr(what), 2);
}

static void
hold_on_behalf_of(struct request *r, enum held_by held_by)
{
    struct session *s = r->session;
    if (!s || s->held_by == held_by || s->closed) return;
    s->server->env->held_bytes[s->held_by] -= s->held_bytes;
    s->held_bytes = 0;
    s->held_by = held_by;
    LIST_EACH(&s->requests, own, struct request, node) count_queued(s->server, own, 0);
}

void
request_is_of_follower(struct request *r)
{
    hold_on_behalf_of(r, HELD_BY_FOLLOWERS);
}

void
request_is_of_quorum(struct request *r)
{
    hold_on_behalf_of(r, HELD_BY_QUORUM);
}

/* What others hold is no concern of theirs. */
static int64_t
held_max(const struct server *server, enum held_by held_by)
{
    static const int8_t parts[HELD_KINDS_N] = {
        [HELD_BY_CLIENTS] = HELD_BY_CLIENTS_PART,
        [HELD_BY_FOLLOWERS] = HELD_BY_FOLLOWERS_PART,
        [HELD_BY_ADMINS] = HELD_BY_ADMINS_PART,
        [HELD_BY_QUORUM] = HELD_BY_QUORUM_PART,
    };
    return server->env->mem.ceiling_bytes / parts[held_by];
}

static int64_t
bytes_held(const struct session *s)
{
    int64_t n = frame_reader_held(&s->frames);
    LIST_EACH(&s->requests, r, struct request, node)
        n += r->raw.n + r->arena.used_bytes + r->answer.bytes;
    /* The body tells when it has sent most of a large answer. */
    if (s->conn.wants_writable) n += MIN(s->answer_bytes, s->conn.unsent_bytes);
    return n;
}

static void
let_go_of(struct session *s, int64_t max)
{
    struct env *env = s->server->env;
    struct writer w = writer_mem(&env->mem);
    fmt_str(&w, "closed, as it holds most: ");
    fmt_i64(&w, s->held_bytes);
    fmt_str(&w, " of the bytes that requests may take together (");
    fmt_i64(&w, max);
    fmt_str(&w, ", by --memory)");
    NOTE(env, NOTE_LOG_MESSAGE, s->peer, writer_slice(&w), 2);
    writer_release(&w);
    s->server->env->held_bytes[s->held_by] -= s->held_bytes;
    s->held_bytes = 0;
    s->is_let_go = true;
    /* At once: the body tells that it is closed later, and a crowd that is closed meanwhile would hold many
     * times what it may. */
    conn_lend(&s->conn, NULL, 0);
    frame_reader_release(&s->frames);
    conn_close(&s->conn);
}

static struct session *
largest_holder(struct server *server, enum held_by held_by)
{
    struct session *largest = NULL;
    LIST_EACH(&server->sessions, s, struct session, node) {
        if (s->held_by != held_by || s->is_let_go) continue;
        if (!largest || s->held_bytes > largest->held_bytes) largest = s;
    }
    return largest;
}

/* All connections of a kind together may hold a part of the memory. Beyond it those go that hold most: who
 * holds little is not to blame. */
static void
session_count_bytes(struct session *s)
{
    struct server *server = s->server;
    int64_t *all = &server->env->held_bytes[s->held_by];
    int64_t before = s->held_bytes;
    if (s->is_let_go) return;
    s->held_bytes = s->closed ? 0 : bytes_held(s);
    *all += s->held_bytes - before;
    if (s->held_bytes <= before) return;
    int64_t max = held_max(server, s->held_by);
    while (*all > max) {
        struct session *largest = largest_holder(server, s->held_by);
        CHECK(largest && largest->held_bytes > 0);
        let_go_of(largest, max);
    }
}

/* ---- the queue ---- */

static void
session_free(struct session *s)
{
    struct mem *mem = &s->server->env->mem;
    list_remove(&s->node);
    list_remove(&s->unread);
    frame_reader_release(&s->frames);
    mem_free_slice(mem, s->peer);
    mem_free_slice(mem, s->principal);
    authentication_free(s->authentication);
    MEM_DELETE(mem, s);
}

/* A client that does not take its answers gets no further ones. */
static bool
is_held_back(const struct session *s)
{
    return s->conn.wants_writable;
}

static void
send_answer(struct session *s, struct request *r)
{
    if (r->silent || s->closed) return;
    /* Checked before it is queued: what is queued the body may send at once. From then on it pins the
     * files. */
    if (r->is_whole && !r->is_whole(r)) {
        conn_close(&s->conn);
        return;
    }
    int64_t bytes = 0;
    for (int32_t i = 0; i < r->answer.segs_n; i++)
        if (r->answer.segs[i].buf) bytes += r->answer.segs[i].bytes.n;
    s->answer_bytes = bytes + (s->conn.wants_writable ? s->answer_bytes : 0);
    (void)frame_send(&s->conn, &r->answer);
    if (bytes > ANSWER_WATCHED_BYTES) conn_want_writable(&s->conn);
}

static void
run_queue(struct session *s)
{
    bool may_start = true;
    for (struct list *n = s->requests.next; n != &s->requests;) {
        struct request *r = LIST_ENTRY(n, struct request, node);
        if (!r->started && may_start && !s->closed && !is_held_back(s)) {
            r->started = true;
            server_run(s->server, r);
        }
        n = r->node.next;
        if (r->answered && s->requests.next == &r->node) {
            send_answer(s, r);
            list_remove(&r->node);
            CHECK(s->requests_n > 0);
            s->requests_n--;
            request_delete(r);
            continue;
        }
        if (!r->answered && !r->lets_next) may_start = false;
    }
}

/* Its own requests are enough for now, or those of all clients are; or whoever it is has failed to show it. */
static bool
is_not_read(const struct session *s)
{
    const struct authentication *a = s->authentication;
    if (!authentication_is_complete(a) && (s->requests_n > 0 || a->state == SASL_FAILED))
        return true;
    return s->requests_n >= REQUESTS_WAITING_MAX ||
           (s->held_by == HELD_BY_CLIENTS && has_too_many_queued(s->server));
}

void
session_pump(struct session *s)
{
    s->pump_again = true; /* a request that runs may answer one before it */
    if (s->pumping) return;
    s->pumping = true;
    while (s->pump_again) {
        s->pump_again = false;
        run_queue(s);
        session_count_bytes(s);
        if (s->closed || !s->reading_stopped || is_not_read(s)) continue;
        s->reading_stopped = false;
        s->pump_again = true;
        conn_resume(&s->conn);
        take_frames(s);
    }
    s->pumping = false;
}

/* ---- a frame becomes a request ---- */

/* What is not served ends the connection, as in Kafka: it cannot be answered. */
static bool
session_serves_head(struct session *s, enum head_result hr, const struct request_head *head)
{
    bool is_versions = head->api_key == K_API_API_VERSIONS;
    if (hr == HEAD_MALFORMED || hr == HEAD_UNKNOWN_API ||
        (hr == HEAD_UNKNOWN_VERSION && !is_versions)) {
        session_say(s,
                    hr == HEAD_MALFORMED ? "malformed request header" : "unknown api or version");
        return false;
    }
    if (head->version > head->api->max_stable && !is_versions) {
        session_say(s, "a version that is not enabled");
        return false;
    }
    if (!dispatch_find(head->api_key, s->listener->kind)) {
        session_say(s, "an api that this listener does not serve");
        return false;
    }
    return true;
}

static struct request *
request_begin(struct session *s, struct arena arena, struct slice frame, struct buf *buf)
{
    struct request *r = MEM_NEW(&s->server->env->mem, struct request);
    r->arena = arena;
    r->server = s->server;
    r->session = s;
    r->listener = s->listener;
    r->principal = s->principal;
    r->peer = s->peer;
    r->raw = frame;
    r->frame = buf_ref(buf);
    return r;
}

static void
request_queue(struct request *r)
{
    struct session *s = r->session;
    if (s->held_by == HELD_BY_CLIENTS) count_queued(s->server, r, r->raw.n);
    list_push_back(&s->requests, &r->node);
    s->requests_n++;
}

/* A token without a header: as if it had come in SaslAuthenticate 0, whose body is a size and the token. */
static void
take_bare_token(struct session *s, struct slice token, struct buf *buf)
{
    struct arena arena;
    arena_init(&arena, &s->server->env->mem, 0);
    struct request *r = request_begin(s, arena, token, buf);
    uint8_t *body = arena_alloc(&r->arena, 4 + token.n);
    struct writer w = writer_fixed(body, 4 + token.n);
    writer_i32(&w, (int32_t)token.n);
    writer_bytes(&w, token);
    r->api_key = K_API_SASL_AUTHENTICATE;
    r->body = writer_slice(&w);
    request_queue(r);
}

/* Whoever must show first who he is may not ask for everything. True: it is taken. */
static bool
is_admitted(struct session *s, enum head_result hr, const struct request_head *head,
            bool *ret_cut_now)
{
    *ret_cut_now = false;
    if (!s->authentication) return true;
    bool is_versions = hr == HEAD_UNKNOWN_VERSION && head->api_key == K_API_API_VERSIONS;
    enum sasl_verdict v =
        authentication_admit(s->authentication, hr == HEAD_OK || is_versions, head->api_key);
    *ret_cut_now = v == SASL_CUT_NOW;
    return v == SASL_SERVED;
}

static bool
take_frame(struct session *s, struct slice frame, struct buf *buf)
{
    if (authentication_awaits_token(s->authentication)) {
        take_bare_token(s, frame, buf);
        return true;
    }
    struct reader rd = reader(frame);
    struct request_head head = {0};
    struct arena arena;
    arena_init(&arena, &s->server->env->mem, 0);
    enum head_result hr = request_head_read(&rd, &arena, &head);
    bool cut_now;
    if (!is_admitted(s, hr, &head, &cut_now)) {
        arena_release(&arena);
        return !cut_now;
    }
    if (!session_serves_head(s, hr, &head)) {
        arena_release(&arena);
        return false;
    }
    struct request *r = request_begin(s, arena, frame, buf);
    r->api_key = head.api_key;
    r->version = head.version;
    r->correlation_id = head.correlation_id;
    r->client_id = head.client_id;
    r->body = slice(rd.p, reader_left(&rd));
    r->unknown_version = hr == HEAD_UNKNOWN_VERSION;
    request_queue(r);
    return true;
}

/* Who has not shown yet who he is has no need of large frames. */
static int64_t
frame_bytes_max(const struct session *s)
{
    int64_t max = server_frame_bytes_max(s->server);
    if (authentication_is_complete(s->authentication)) return max;
    return MIN(max, s->listener->sasl->token_bytes_max);
}

/* Three limits may be the reason: those that are set, and the one that follows from the memory. */
static void
say_too_large(struct session *s)
{
    struct env *env = s->server->env;
    int64_t max = frame_bytes_max(s);
    struct writer w = writer_mem(&env->mem);
    fmt_str(&w, "a request of ");
    fmt_i64(&w, s->frames.want);
    fmt_str(&w,
            s->frames.want < 0 ? " bytes: this is not Kafka's protocol" : " bytes is refused: ");
    if (s->frames.want >= 0) {
        fmt_str(&w, max == s->server->frame_bytes_max ? "socket.request.max.bytes allows "
                    : max == server_frame_bytes_max(s->server)
                        ? "an eighth of --memory allows "
                        : "sasl.server.max.receive.size allows ");
        fmt_i64(&w, max);
    }
    NOTE(env, NOTE_LOG_MESSAGE, s->peer, writer_slice(&w), 2);
    writer_release(&w);
}

static void
take_frames(struct session *s)
{
    while (!s->closed && s->conn.state == CONN_OPEN) {
        if (is_not_read(s)) {
            s->reading_stopped = true;
            conn_pause(&s->conn);
            if (has_too_many_queued(s->server) && !list_is_linked(&s->unread))
                list_push_back(&s->server->unread, &s->unread);
            break;
        }
        struct slice frame;
        struct buf *buf;
        s->frames.max_bytes = (int32_t)frame_bytes_max(s);
        enum frame_result fr = frame_reader_next(&s->frames, &frame, &buf);
        if (fr == FRAME_NONE) break;
        if (fr == FRAME_BAD) say_too_large(s);
        if (fr == FRAME_BAD && !authentication_is_complete(s->authentication)) {
            authentication_too_large(s->authentication);
            break;
        }
        if (fr == FRAME_BAD || !take_frame(s, frame, buf)) {
            conn_close(&s->conn);
            break;
        }
    }
}

static void
read_frames(struct session *s)
{
    take_frames(s);
    session_pump(s);
}

void
session_pump_frames(struct session *s)
{
    read_frames(s);
}

static void
session_on_bytes(struct conn *c, struct slice data, struct buf *from)
{
    struct session *s = CONTAINER_OF(c, struct session, conn);
    s->last_used_ns = env_now_ns(s->server->env);
    frame_reader_push(&s->frames, data, from);
    if (s->server->accepting || s->listener->kind == LISTENER_CONTROLLER) read_frames(s);
    else session_count_bytes(s);
}

static void
on_writable(struct conn *c)
{
    session_pump(CONTAINER_OF(c, struct session, conn));
}

static void
session_on_closed(struct conn *c, enum env_err why)
{
    (void)why;
    struct session *s = CONTAINER_OF(c, struct session, conn);
    s->closed = true;
    session_count_bytes(s);
    connections_remove(s);
    timer_cancel(s->server->env, &s->idle);
    for (struct list *n; (n = list_pop_front(&s->requests)) != NULL;) {
        struct request *r = LIST_ENTRY(n, struct request, node);
        r->session = NULL;
        r->principal = r->peer = SLICE_NULL; /* the session's */
        /* Those under way end by themselves; their answers go nowhere. */
        if (!r->started || r->answered) request_delete(r);
        else if (r->gone) r->gone(r);
    }
    share_sessions_end_of(&s->shares);
    session_free(s);
}

static const struct conn_ops session_ops = {
    .bytes = session_on_bytes, .writable = on_writable, .closed = session_on_closed};

/* connections.max.idle.ms, looked at when it may have passed. */
static void
idle_due(struct timer *t)
{
    struct session *s = CONTAINER_OF(t, struct session, idle);
    struct env *env = s->server->env;
    int64_t until = s->last_used_ns + s->server->idle_max_ns;
    if (until <= env_now_ns(env) && list_is_empty(&s->requests)) conn_close(&s->conn);
    else timer_arm(env, t, MAX(until, env_now_ns(env) + NS_PER_S));
}

static enum held_by
first_held_by(const struct server_listener *l)
{
    if (l->kind == LISTENER_CONTROLLER) return HELD_BY_ADMINS;
    return l->is_only_theirs ? HELD_BY_FOLLOWERS : HELD_BY_CLIENTS;
}

void
session_set_principal(struct session *s, struct slice principal)
{
    struct mem *mem = &s->server->env->mem;
    struct slice before = s->principal;
    s->principal = mem_dup(mem, principal);
    mem_free_slice(mem, before);
}

void
session_accept(struct server_listener *l, const struct accepted *a)
{
    struct env *env = l->server->env;
    struct session *s = MEM_NEW(&env->mem, struct session);
    s->server = l->server;
    s->listener = l;
    s->conn.ops = &session_ops;
    s->peer = mem_dup(&env->mem, a->peer);
    s->principal = mem_dup(&env->mem, a->principal);
    if (l->sasl) s->authentication = authentication_new(s, l->sasl);
    s->last_used_ns = env_now_ns(env);
    s->held_by = first_held_by(l);
    list_init(&s->requests);
    list_init(&s->shares);
    frame_reader_init(&s->frames, &env->mem, &s->conn, (int32_t)frame_bytes_max(s));
    list_push_back(&l->server->sessions, &s->node);
    conn_accept(&l->listener, &s->conn, a);
    s->idle.due = idle_due;
    connections_add(s);
    if (l->server->idle_max_ns > 0)
        timer_arm(env, &s->idle, s->last_used_ns + l->server->idle_max_ns);
}

void
session_close(struct session *s)
{
    conn_close(&s->conn);
}
