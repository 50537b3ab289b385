#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/unit/os/body.h"

#include "broker/os/file.h"

/* One side of a connection, as a test wants it. */
struct side {
    struct conn conn;
    struct body *b;
    int64_t got, sent, to_send;
    int64_t lend_at; /* when so much has come, lend a buffer for as much as lend_n */
    int64_t lend_n, lent_pieces;
    int connected, closed, writable, wrong;
    bool echo, pauses;
    enum env_err why;
};

/* The n-th byte of every stream here. */
static uint8_t
pattern(int64_t i)
{
    return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static struct buf *
pattern_buf(struct mem *mem, int64_t from, int64_t n)
{
    struct buf *buf = buf_new(mem, n);
    for (int64_t i = 0; i < n; i++) buf->data[i] = pattern(from + i);
    buf->n = n;
    return buf;
}

static bool
send_buf(struct conn *c, struct buf *buf, struct slice bytes)
{
    struct seg seg = {.buf = buf, .bytes = bytes};
    return conn_send(c, &seg, 1);
}

static void
send_more(struct side *s)
{
    bool room = true;
    while (room && s->sent < s->to_send) {
        int64_t n = MIN(s->to_send - s->sent, 100000);
        struct buf *buf = pattern_buf(&s->b->m->env.mem, s->sent, n);
        room = send_buf(&s->conn, buf, buf_slice(buf));
        buf_unref(buf);
        s->sent += n;
    }
}

static void
side_connected(struct conn *c)
{
    struct side *s = CONTAINER_OF(c, struct side, conn);
    s->connected++;
    send_more(s);
}

static void
side_bytes(struct conn *c, struct slice data, struct buf *from)
{
    struct side *s = CONTAINER_OF(c, struct side, conn);
    for (int64_t i = 0; i < data.n; i++) s->wrong += data.p[i] != pattern(s->got + i);
    s->got += data.n;
    if (from->cap == s->lend_n) s->lent_pieces++;
    if (s->echo && !send_buf(c, from, data)) {
        conn_pause(c);
        s->pauses = true;
    }
    if (s->lend_n && s->got >= s->lend_at && !c->lent) {
        struct buf *lent = buf_new(&s->b->m->env.mem, s->lend_n);
        conn_lend(c, lent, 0);
        buf_unref(lent);
        s->lend_at = INT64_MAX;
    }
}

static void
side_writable(struct conn *c)
{
    struct side *s = CONTAINER_OF(c, struct side, conn);
    s->writable++;
    conn_resume(c);
    send_more(s);
}

static void
side_closed(struct conn *c, enum env_err why)
{
    struct side *s = CONTAINER_OF(c, struct side, conn);
    s->closed++;
    s->why = why;
}

static const struct conn_ops side_ops = {side_connected, side_bytes, side_writable, side_closed};

struct server {
    struct listener listener;
    struct side *side; /* for the next that comes; NULL: turned away */
    int32_t port;
    int said, accepted;
    enum env_err err;
    char peer[64];
};

static void
server_listening(struct listener *l, enum env_err err, int32_t port)
{
    struct server *s = CONTAINER_OF(l, struct server, listener);
    s->said++;
    s->err = err;
    s->port = port;
}

static void
server_accepted(struct listener *l, const struct accepted *a)
{
    struct server *s = CONTAINER_OF(l, struct server, listener);
    s->accepted++;
    snprintf(s->peer, sizeof s->peer, "%.*s", (int)a->peer.n, (const char *)a->peer.p);
    if (!s->side) return;
    conn_accept(l, &s->side->conn, a);
    send_more(s->side);
}

static void
side_init(struct side *s, struct body *b)
{
    *s = (struct side){.conn.ops = &side_ops, .b = b};
}

static void
serve(struct body *b, struct server *s, const char *host, int32_t port)
{
    *s = (struct server){.listener = {.listening = server_listening, .accepted = server_accepted}};
    BODY_DO(b->m, net_listen(&b->m->env, &s->listener, slice_cstr(host), port));
    assert_int_equal(s->said, 0);
    BODY_UNTIL(b, s->said == 1);
}

struct pair {
    struct body b;
    struct server server;
    struct side in, out; /* the accepted side, the connecting side */
};

static void
pair_init(struct pair *p)
{
    body_init(&p->b);
    side_init(&p->in, &p->b);
    side_init(&p->out, &p->b);
    serve(&p->b, &p->server, "127.0.0.1", 0);
    assert_int_equal(p->server.err, ENV_OK);
    p->server.side = &p->in;
}

static void
pair_connect(struct pair *p)
{
    BODY_DO(p->b.m, conn_connect(&p->b.m->env, &p->out.conn, S("127.0.0.1"), p->server.port));
    BODY_UNTIL(&p->b, p->out.connected == 1 && p->in.conn.state == CONN_OPEN);
}

static int
raw_connect(int32_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* ---- both directions ---- */

static void
bytes_come_back(void **state)
{
    (void)state;
    static struct pair p;
    pair_init(&p);
    p.in.echo = true;
    p.out.to_send = 10;
    pair_connect(&p);
    BODY_UNTIL(&p.b, p.out.got == 10);
    assert_int_equal(p.out.wrong + p.in.wrong, 0);
    assert_memory_equal(p.server.peer, "127.0.0.1:", 10);
    body_release(&p.b);
}

static void
much_goes_round_under_back_pressure(void **state)
{
    (void)state;
    static struct pair p;
    pair_init(&p);
    p.in.echo = true;
    p.out.to_send = 64 << 20;
    pair_connect(&p);
    BODY_UNTIL(&p.b, p.out.got == 64 << 20);
    assert_int_equal(p.out.wrong + p.in.wrong, 0);
    assert_true(p.out.writable > 0);
    assert_true(p.b.m->env.mem.peak_bytes < 16 << 20);
    body_release(&p.b);
}

static void
a_lent_buffer_takes_what_comes_next(void **state)
{
    (void)state;
    static struct pair p;
    pair_init(&p);
    p.in.lend_at = 1;
    p.in.lend_n = 300001;
    p.out.to_send = 2000000;
    pair_connect(&p);
    BODY_UNTIL(&p.b, p.in.got == 2000000);
    assert_int_equal(p.in.wrong, 0);
    assert_true(p.in.lent_pieces > 0);
    assert_null(p.in.conn.lent);
    body_release(&p.b);
}

static void
a_paused_connection_gets_nothing(void **state)
{
    (void)state;
    static struct pair p;
    pair_init(&p);
    pair_connect(&p);
    BODY_DO(p.b.m, conn_pause(&p.in.conn));
    p.out.to_send = 1000;
    BODY_DO(p.b.m, send_more(&p.out));
    for (int i = 0; i < 20; i++) os_loop_turn(p.b.loop, NS_PER_MS);
    assert_int_equal(p.in.got, 0);
    BODY_DO(p.b.m, conn_resume(&p.in.conn));
    BODY_UNTIL(&p.b, p.in.got == 1000);
    body_release(&p.b);
}

/* ---- ends ---- */

static void
the_end_of_the_stream_comes_after_its_bytes(void **state)
{
    (void)state;
    static struct pair p;
    pair_init(&p);
    int fd = raw_connect(p.server.port);
    char bytes[1000];
    for (int i = 0; i < 1000; i++) bytes[i] = (char)pattern(i);
    assert_int_equal(write(fd, bytes, 1000), 1000);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    BODY_UNTIL(&p.b, p.in.closed == 1);
    assert_int_equal(p.in.why, ENV_EOF);
    assert_int_equal(p.in.got, 1000);
    for (int i = 0; i < 10; i++) os_loop_turn(p.b.loop, NS_PER_MS);
    assert_int_equal(p.in.closed, 1);
    close(fd);
    body_release(&p.b);
}

static void
a_reset_is_told(void **state)
{
    (void)state;
    static struct pair p;
    pair_init(&p);
    int fd = raw_connect(p.server.port);
    BODY_UNTIL(&p.b, p.in.conn.state == CONN_OPEN);
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
    BODY_UNTIL(&p.b, p.in.closed == 1);
    assert_int_equal(p.in.why, ENV_ECONNRESET);
    body_release(&p.b);
}

static void
closing_is_told_once_on_both_sides(void **state)
{
    (void)state;
    static struct pair p;
    pair_init(&p);
    pair_connect(&p);
    p.in.to_send = 100;
    BODY_DO(p.b.m, send_more(&p.in), conn_close(&p.in.conn), conn_close(&p.in.conn));
    BODY_UNTIL(&p.b, p.in.closed == 1 && p.out.closed == 1);
    assert_int_equal(p.in.why, ENV_ECANCELED);
    assert_int_equal(p.out.why, ENV_EOF);
    assert_int_equal(p.out.got, 100);
    assert_null(p.in.conn.slot);
    body_release(&p.b);
}

static enum env_err
connect_fails(struct pair *p, const char *host, int32_t port)
{
    side_init(&p->out, &p->b);
    BODY_DO(p->b.m, conn_connect(&p->b.m->env, &p->out.conn, slice_cstr(host), port));
    assert_int_equal(p->out.closed, 0);
    BODY_UNTIL(&p->b, p->out.closed == 1);
    assert_int_equal(p->out.connected, 0);
    return p->out.why;
}

static void
a_connection_that_fails_says_why(void **state)
{
    (void)state;
    static struct pair p;
    pair_init(&p);
    BODY_DO(p.b.m, net_unlisten(&p.server.listener));
    assert_int_equal(connect_fails(&p, "127.0.0.1", p.server.port), ENV_ECONNREFUSED);
    assert_int_equal(connect_fails(&p, "localhost", p.server.port), ENV_ECONNREFUSED);
    assert_int_equal(connect_fails(&p, "no-such-host.invalid", 9092), ENV_EHOST);
    body_release(&p.b);
}

static void
names_are_resolved(void **state)
{
    (void)state;
    static struct pair p;
    pair_init(&p);
    struct server named;
    serve(&p.b, &named, "localhost", 0);
    assert_int_equal(named.err, ENV_OK);
    named.side = &p.in;
    BODY_DO(p.b.m, conn_connect(&p.b.m->env, &p.out.conn, S("localhost"), named.port));
    BODY_UNTIL(&p.b, p.out.connected == 1 && p.in.conn.state == CONN_OPEN);
    body_release(&p.b);
}

static void
an_empty_host_listens_everywhere(void **state)
{
    (void)state;
    static struct pair p;
    pair_init(&p);
    struct server any;
    serve(&p.b, &any, "", 0);
    assert_int_equal(any.err, ENV_OK);
    any.side = &p.in;
    int fd = raw_connect(any.port);
    BODY_UNTIL(&p.b, any.accepted == 1);
    assert_memory_equal(any.peer, "127.0.0.1:", 10);
    close(fd);
    body_release(&p.b);
}

static void
a_port_in_use_is_told(void **state)
{
    (void)state;
    static struct pair p;
    struct server second, nowhere, unknown;
    pair_init(&p);
    serve(&p.b, &second, "127.0.0.1", p.server.port);
    assert_int_equal(second.err, ENV_EADDRINUSE);
    serve(&p.b, &nowhere, "192.0.2.1", 0);
    assert_int_equal(nowhere.err, ENV_EHOST);
    serve(&p.b, &unknown, "no-such-host.invalid", 0);
    assert_int_equal(unknown.err, ENV_EHOST);
    body_release(&p.b);
}

static void
who_is_not_accepted_is_closed(void **state)
{
    (void)state;
    static struct pair p;
    pair_init(&p);
    p.server.side = NULL;
    BODY_DO(p.b.m, conn_connect(&p.b.m->env, &p.out.conn, S("127.0.0.1"), p.server.port));
    BODY_UNTIL(&p.b, p.out.closed == 1);
    assert_int_equal(p.server.accepted, 1);
    body_release(&p.b);
}

static void
without_descriptors_newcomers_are_turned_away(void **state)
{
    (void)state;
    static struct pair p;
    struct rlimit before, few;
    pair_init(&p);
    int fd = raw_connect(p.server.port), second = raw_connect(p.server.port);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){(rlim_t)second + 1, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    struct pollfd closed = {.fd = second, .events = POLLIN};
    BODY_UNTIL(&p.b, poll(&closed, 1, 0) == 1);
    assert_int_equal(p.server.accepted, 0);
    assert_int_equal(p.b.notes, 2); /* each of them */
    assert_non_null(strstr(p.b.noted, "closed: "));
    assert_non_null(strstr(p.b.noted, "file descriptors"));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    int third = raw_connect(p.server.port);
    BODY_UNTIL(&p.b, p.server.accepted == 1);
    close(fd), close(second), close(third);
    body_release(&p.b);
}

/* Not even the spare descriptor can be had again: who comes waits in the kernel, and the loop sleeps meanwhile. */
static void
without_any_descriptor_the_loop_sleeps_and_newcomers_wait(void **state)
{
    (void)state;
    static struct pair p;
    struct rlimit before, none;
    pair_init(&p);
    int fd = raw_connect(p.server.port);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){3, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int turns = 0;
    for (int64_t end = os_now_ns() + 500 * NS_PER_MS; os_now_ns() < end; turns++)
        os_loop_turn(p.b.loop, 500 * NS_PER_MS);
    assert_in_range(turns, 1, 20);
    assert_int_equal(p.server.accepted, 0);
    assert_int_equal(p.b.notes, 1); /* said once */
    assert_non_null(strstr(p.b.noted, "Too many open files"));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    BODY_UNTIL(&p.b, p.server.accepted == 1);
    side_init(&p.in, &p.b);
    int second = raw_connect(p.server.port);
    BODY_UNTIL(&p.b, p.server.accepted == 2);
    close(fd), close(second);
    body_release(&p.b);
}

static void
a_listener_that_rests_can_be_closed(void **state)
{
    (void)state;
    static struct pair p;
    struct rlimit before, none;
    pair_init(&p);
    int fd = raw_connect(p.server.port);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){3, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    BODY_UNTIL(&p.b, p.b.notes == 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    BODY_DO(p.b.m, net_unlisten(&p.server.listener));
    for (int64_t end = os_now_ns() + 300 * NS_PER_MS; os_now_ns() < end;)
        os_loop_turn(p.b.loop, 50 * NS_PER_MS);
    assert_int_equal(p.server.accepted, 0);
    struct pollfd closed = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&closed, 1, 1000), 1);
    close(fd);
    body_release(&p.b);
}

/* ---- file ranges ---- */

static void
open_pattern(struct body *b, struct file *f, int64_t n)
{
    struct waiting w;
    struct env *env = &b->m->env;
    BODY_OP(b, w, file_open(env, &w.op, f, S("f"), OPEN_READ | OPEN_WRITE | OPEN_CREATE));
    struct buf *buf = pattern_buf(&env->mem, 0, n);
    struct seg seg = {.buf = buf, .bytes = buf_slice(buf)};
    BODY_OP(b, w, file_write(&w.op, f, 0, &seg, 1));
    assert_int_equal(w.op.err, ENV_OK);
    buf_unref(buf);
}

/* As a fetch's answer: a piece of memory, a range, a piece of memory … */
static void
send_mixed(struct side *s, struct file *f, int64_t piece, int64_t n)
{
    struct seg segs[64] = {0};
    int32_t count = 0;
    for (int64_t at = 0; at < n; at += piece, count++) {
        int64_t m = MIN(piece, n - at);
        segs[count] = (struct seg){.file = f, .offset = at, .n = m};
        if (count % 2) continue;
        struct buf *buf = pattern_buf(&s->b->m->env.mem, at, m);
        segs[count] = (struct seg){.buf = buf, .bytes = buf_slice(buf)};
    }
    conn_send(&s->conn, segs, count);
    for (int32_t i = 0; i < count; i += 2) buf_unref(segs[i].buf);
}

static void
drop_from_memory(struct body *b, struct file *f)
{
    struct waiting w;
    BODY_OP(b, w, file_sync(&w.op, f));
    const struct os_file *slot = f->slot;
    posix_fadvise(slot->fd, 0, 0, POSIX_FADV_DONTNEED);
}

static void
ranges_travel_between_bytes(void **state)
{
    (void)state;
    static const int64_t pieces[] = {1, 100, 5000, 70000, 3 << 20};
    static const int counts[] = {64, 64, 64, 21, 4};
    for (int i = 0; i < ARRAY_LEN(pieces) * 2; i++) {
        static struct pair p;
        struct file f = {0};
        struct waiting w;
        int64_t n = pieces[i / 2] * counts[i / 2] - pieces[i / 2] / 2;
        pair_init(&p);
        open_pattern(&p.b, &f, n);
        if (i % 2) drop_from_memory(&p.b, &f);
        pair_connect(&p);
        w = (struct waiting){.op.done = waiting_done};
        BODY_DO(p.b.m, send_mixed(&p.in, &f, pieces[i / 2], n), file_close(&w.op, &f));
        BODY_UNTIL(&p.b, p.out.got == n);
        assert_int_equal(p.out.wrong, 0);
        assert_int_equal(w.done, 1);
        assert_true(list_is_empty(&p.b.m->files));
        body_release(&p.b);
    }
}

static void
a_range_past_the_end_breaks_the_connection(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1000, 200000};
    for (int i = 0; i < 2; i++) {
        static struct pair p;
        struct file f = {0};
        pair_init(&p);
        open_pattern(&p.b, &f, sizes[i]);
        pair_connect(&p);
        struct seg seg = {.file = &f, .offset = 0, .n = sizes[i] + 1};
        BODY_DO(p.b.m, conn_send(&p.in.conn, &seg, 1));
        BODY_UNTIL(&p.b, p.in.closed == 1);
        assert_int_equal(p.in.why, ENV_ECONNRESET);
        assert_true(p.out.got <= sizes[i]);
        body_release(&p.b);
    }
}

static void
a_cut_breaks_ranges_behind_it(void **state)
{
    (void)state;
    static struct pair p;
    struct file f = {0};
    pair_init(&p);
    open_pattern(&p.b, &f, 1 << 20);
    pair_connect(&p);
    struct seg seg = {.file = &f, .offset = 0, .n = 1 << 20};
    BODY_DO(p.b.m, conn_send(&p.in.conn, &seg, 1), file_break_ranges(&f, 1 << 20));
    BODY_UNTIL(&p.b, p.out.got == 1 << 20);
    assert_int_equal(p.in.closed, 0);
    BODY_DO(p.b.m, conn_send(&p.in.conn, &seg, 1), file_break_ranges(&f, (1 << 20) - 1));
    BODY_UNTIL(&p.b, p.in.closed == 1);
    assert_int_equal(p.in.why, ENV_ECONNRESET);
    body_release(&p.b);
}

static void
what_was_dropped_is_not_resident(void **state)
{
    (void)state;
    static struct pair p;
    struct file f = {0};
    pair_init(&p);
    open_pattern(&p.b, &f, 1 << 20);
    const struct os_file *slot = f.slot;
    assert_true(os_file_is_resident(slot->fd, 4097, 1000000));
    drop_from_memory(&p.b, &f);
    if (os_file_is_resident(slot->fd, 0, 1 << 20)) {
        print_message("skipped: this file system keeps everything in memory\n");
        body_release(&p.b);
        skip();
    }
    os_file_prefetch(slot->fd, 300000, 200000);
    assert_true(os_file_is_resident(slot->fd, 300000, 200000));
    body_release(&p.b);
}

/* ---- all at once ---- */

static void
a_machine_can_go_with_everything_in_flight(void **state)
{
    (void)state;
    static struct pair p;
    static struct side more, named;
    struct file f = {0};
    pair_init(&p);
    open_pattern(&p.b, &f, 4 << 20);
    drop_from_memory(&p.b, &f);
    pair_connect(&p);
    side_init(&more, &p.b);
    side_init(&named, &p.b);
    struct seg seg = {.file = &f, .offset = 0, .n = 4 << 20};
    p.out.to_send = 32 << 20;
    p.server.side = NULL;
    BODY_DO(p.b.m, conn_send(&p.in.conn, &seg, 1), send_more(&p.out),
            conn_connect(&p.b.m->env, &more.conn, S("127.0.0.1"), p.server.port),
            conn_connect(&p.b.m->env, &named.conn, S("localhost"), p.server.port));
    os_loop_turn(p.b.loop, 0);
    os_machine_free(p.b.m);
    assert_int_equal(p.in.closed + p.out.closed + more.closed + named.closed, 0);
    p.b.m = body_machine(&p.b);
    body_release(&p.b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(much_goes_round_under_back_pressure),
        cmocka_unit_test(a_lent_buffer_takes_what_comes_next),
        cmocka_unit_test(a_paused_connection_gets_nothing),
        cmocka_unit_test(the_end_of_the_stream_comes_after_its_bytes),
        cmocka_unit_test(a_reset_is_told),
        cmocka_unit_test(closing_is_told_once_on_both_sides),
        cmocka_unit_test(a_connection_that_fails_says_why),
        cmocka_unit_test(names_are_resolved),
        cmocka_unit_test(an_empty_host_listens_everywhere),
        cmocka_unit_test(a_port_in_use_is_told),
        cmocka_unit_test(who_is_not_accepted_is_closed),
        cmocka_unit_test(without_descriptors_newcomers_are_turned_away),
        cmocka_unit_test(without_any_descriptor_the_loop_sleeps_and_newcomers_wait),
        cmocka_unit_test(a_listener_that_rests_can_be_closed),
        cmocka_unit_test(ranges_travel_between_bytes),
        cmocka_unit_test(a_range_past_the_end_breaks_the_connection),
        cmocka_unit_test(a_cut_breaks_ranges_behind_it),
        cmocka_unit_test(what_was_dropped_is_not_resident),
        cmocka_unit_test(a_machine_can_go_with_everything_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
