#include "sim/play/web.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/fmt.h"
#include "sim/play/listening.h"

#define READ_BYTES 16384
#define LINGER_MS 1000
#define BUSY_EXTRA "Retry-After: 1\r\n"

enum visitor_state {
    READING,   /* a request, or nothing yet */
    WAITING,   /* for the answer to one */
    ANSWERING, /* it is being sent */
    LEAVING,   /* all is sent, and what still comes is not read for its meaning */
};

struct visitor {
    int fd;
    enum visitor_state state;
    int64_t id;       /* of its request */
    int64_t since_ms; /* of the state; of a request that has begun: its first byte */
    bool keeps;
    struct writer in, out;
    int64_t out_at;
};

struct web {
    struct mem *mem;
    const struct web_ops *ops;
    void *ctx;
    struct listening listening;
    int64_t next_id, now_ms;
    struct visitor visitors[WEB_CONNECTIONS_MAX];
    int visitors_n;
};

struct web *
web_open(struct mem *mem, int32_t *port, const struct web_ops *ops, void *ctx)
{
    struct listening listening;
    if (!listening_open(&listening, port)) return NULL;
    struct web *v = MEM_NEW(mem, struct web);
    v->mem = mem;
    v->ops = ops;
    v->ctx = ctx;
    v->listening = listening;
    v->next_id = 1;
    return v;
}

static void
visitor_end(struct web *v, int i)
{
    struct visitor *x = &v->visitors[i];
    int64_t id = x->state == WAITING ? x->id : 0;
    close(x->fd);
    writer_release(&x->in);
    writer_release(&x->out);
    memmove(x, x + 1, (size_t)(--v->visitors_n - i) * sizeof *x);
    if (id) v->ops->gone(v->ctx, id);
}

void
web_close(struct web *v)
{
    while (v->visitors_n) visitor_end(v, v->visitors_n - 1);
    listening_close(&v->listening);
    MEM_DELETE(v->mem, v);
}

int
web_polls(const struct web *v, struct pollfd *ret)
{
    ret[0] = listening_poll(&v->listening);
    for (int i = 0; i < v->visitors_n; i++) {
        const struct visitor *x = &v->visitors[i];
        short events = x->state == ANSWERING ? POLLOUT : x->state == WAITING ? POLLRDHUP : POLLIN;
        ret[i + 1] = (struct pollfd){.fd = x->fd, .events = events};
    }
    return v->visitors_n + 1;
}

int
web_starved_errno(const struct web *v)
{
    return v->listening.starved_errno;
}

static void
turn(struct web *v, struct visitor *x, enum visitor_state state)
{
    x->state = state;
    x->since_ms = v->now_ms;
}

/* ---- answers ---- */

static void
visitor_answer(struct web *v, struct visitor *x, int status, const char *type, struct slice body)
{
    http_answer(&x->out, status, type, NULL, body, x->keeps);
    turn(v, x, ANSWERING);
}

static void
visitor_refuse(struct web *v, struct visitor *x, int status, const char *wrong)
{
    struct writer w = writer_mem(v->mem);
    fmt_str(&w, "{\"error\":");
    fmt_json(&w, slice_cstr(wrong));
    fmt_str(&w, "}\n");
    x->keeps = false;
    visitor_answer(v, x, status, "application/json", writer_slice(&w));
    writer_release(&w);
}

void
web_answer(struct web *v, int64_t id, int status, const char *type, struct slice body)
{
    for (int i = 0; i < v->visitors_n; i++)
        if (v->visitors[i].state == WAITING && v->visitors[i].id == id)
            visitor_answer(v, &v->visitors[i], status, type, body);
}

/* False: the connection is broken. */
static bool
visitor_send(struct web *v, struct visitor *x)
{
    while (x->out_at < x->out.n) {
        ssize_t n = send(x->fd, x->out.p + x->out_at, (size_t)(x->out.n - x->out_at), MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        x->out_at += n;
    }
    writer_release(&x->out);
    x->out = writer_mem(v->mem);
    x->out_at = 0;
    turn(v, x, x->keeps ? READING : LEAVING);
    if (!x->keeps) (void)shutdown(x->fd, SHUT_WR);
    return true;
}

/* ---- requests ---- */

/* A request may have come whole, and the next one with it. */
static void
visitor_ask(struct web *v, struct visitor *x)
{
    struct http_request q;
    const char *wrong;
    int status;
    if (x->state != READING || !x->in.n) return;
    switch (http_parse(writer_slice(&x->in), &q, &status, &wrong)) {
    case HTTP_MORE: return;
    case HTTP_WRONG: visitor_refuse(v, x, status, wrong); return;
    case HTTP_WHOLE: break;
    }
    x->id = v->next_id++;
    x->keeps = q.keeps;
    turn(v, x, WAITING);
    v->ops->ask(v->ctx, x->id, &q);
    memmove(x->in.p, x->in.p + q.n_bytes, (size_t)(x->in.n - q.n_bytes));
    x->in.n -= q.n_bytes;
}

/* Of who waits nothing is read, more requests stay in the kernel: the end that stands behind them is seen all the same, or
 * it would wake us until the answer comes. */
static bool
has_hung_up(const struct visitor *x)
{
    struct pollfd p = {.fd = x->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0;
}

/* False: it is gone. */
static bool
visitor_read(struct web *v, struct visitor *x)
{
    uint8_t room[READ_BYTES];
    while (x->state == READING || x->state == LEAVING) {
        ssize_t n = recv(x->fd, room, sizeof room, 0);
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        if (n == 0) return false;
        if (x->state == LEAVING) continue;
        if (!x->in.n) x->since_ms = v->now_ms;
        writer_bytes(&x->in, slice(room, n));
        visitor_ask(v, x);
    }
    return x->state != WAITING || !has_hung_up(x);
}

/* False: its time is over. */
static bool
visitor_in_time(struct web *v, struct visitor *x)
{
    int64_t age_ms = v->now_ms - x->since_ms;
    switch (x->state) {
    case READING:
        if (!x->in.n) return age_ms <= WEB_IDLE_MS;
        if (age_ms > WEB_REQUEST_MS) visitor_refuse(v, x, 408, "a request has to be whole in 5 s");
        return true;
    case WAITING: return true;
    case ANSWERING: return age_ms <= WEB_REQUEST_MS;
    case LEAVING: return age_ms <= LINGER_MS;
    }
    return false;
}

/* ---- comings and goings ---- */

/* Who has asked nothing makes room, the oldest first; -1: all wait for answers. */
static int
least_busy(const struct web *v)
{
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < v->visitors_n; i++)
            if (v->visitors[i].state == (pass ? READING : LEAVING)) return i;
    return -1;
}

/* All places are taken by those who wait for answers. */
static void
turn_away(struct web *v, int fd)
{
    struct writer w = writer_mem(v->mem);
    http_answer(&w, 503, "application/json", BUSY_EXTRA,
                S("{\"error\":\"too many wait for an answer already; try again\"}\n"), false);
    (void)send(fd, w.p, (size_t)w.n, MSG_NOSIGNAL);
    writer_release(&w);
    close(fd);
}

static void
web_accept(struct web *v)
{
    int fd;
    while ((fd = listening_accept(&v->listening)) >= 0) {
        int idle = v->visitors_n < WEB_CONNECTIONS_MAX ? -1 : least_busy(v);
        if (idle >= 0) visitor_end(v, idle);
        if (v->visitors_n == WEB_CONNECTIONS_MAX) {
            turn_away(v, fd);
            continue;
        }
        struct visitor *x = &v->visitors[v->visitors_n++];
        *x = (struct visitor){.fd = fd, .in = writer_mem(v->mem), .out = writer_mem(v->mem)};
        turn(v, x, READING);
    }
}

void
web_work(struct web *v, int64_t now_ms)
{
    v->now_ms = now_ms;
    web_accept(v);
    for (int i = v->visitors_n; i-- > 0;) {
        struct visitor *x = &v->visitors[i];
        bool lives = visitor_read(v, x);
        /* An answer that is sent makes room for a request that came with the one before. */
        for (bool more = lives; more;) {
            more = false;
            if (x->state == ANSWERING) lives = visitor_send(v, x);
            if (!lives || x->state != READING || !x->in.n) break;
            visitor_ask(v, x);
            more = x->state != READING;
        }
        if (!lives || !visitor_in_time(v, x)) visitor_end(v, i);
    }
}

static int64_t
clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool
is_sent(const struct web *v)
{
    for (int i = 0; i < v->visitors_n; i++)
        if (v->visitors[i].state == ANSWERING) return false;
    return true;
}

void
web_flush(struct web *v, int64_t within_ms)
{
    int64_t end = clock_ms() + within_ms;
    struct pollfd polls[WEB_POLLS_MAX];
    for (web_work(v, clock_ms()); !is_sent(v) && clock_ms() < end; web_work(v, clock_ms())) {
        int n = web_polls(v, polls);
        (void)poll(polls, (nfds_t)n, (int)MAX(end - clock_ms(), 0));
    }
}
