#include "sim/play/door.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES (64 << 10)
#define OUT_HIGH_BYTES (4 << 20)
#define OUT_LOW_BYTES (1 << 20)

struct guest {
    int64_t id;
    int fd;
    struct writer out; /* for the client, from out_at on */
    int64_t out_at;
    bool is_full;    /* the world takes nothing more for now */
    bool is_paused;  /* the world was told to send nothing more for now */
    bool is_ending;  /* the world has closed: what is in `out` is still written */
    bool has_closed; /* the client has; the world is told once */
};

/* Of broker i + 1. */
struct entrance {
    struct listening at;
    bool is_up;
};

struct door {
    struct mem *mem;
    VEC(struct entrance) entrances;
    VEC(struct guest *) guests;
    VEC(struct pollfd) polls;
    int64_t next_id;
    uint8_t room[READ_BYTES];
};

struct door *
door_open(struct mem *mem, int32_t *ports, int32_t ports_n, int32_t *ret_taken)
{
    struct door *d = MEM_NEW(mem, struct door);
    d->mem = mem;
    for (int32_t i = 0; i < ports_n; i++) {
        *ret_taken = ports[i];
        struct entrance one = {.is_up = true};
        if (!listening_open(&one.at, &ports[i])) {
            int why = errno;
            door_close(d);
            errno = why;
            return NULL;
        }
        VEC_PUSH(mem, &d->entrances, one);
    }
    return d;
}

static void
guest_free(struct door *d, int64_t i)
{
    struct guest *g = d->guests.v[i];
    if (g->fd >= 0) close(g->fd);
    writer_release(&g->out);
    MEM_DELETE(d->mem, g);
    VEC_REMOVE_AT(&d->guests, i);
}

void
door_close(struct door *d)
{
    while (d->guests.n) guest_free(d, d->guests.n - 1);
    for (int64_t i = 0; i < d->entrances.n; i++) listening_close(&d->entrances.v[i].at);
    VEC_RELEASE(d->mem, &d->entrances);
    VEC_RELEASE(d->mem, &d->guests);
    VEC_RELEASE(d->mem, &d->polls);
    MEM_DELETE(d->mem, d);
}

static struct guest *
guest_of(struct door *d, int64_t id)
{
    for (int64_t i = 0; i < d->guests.n; i++)
        if (d->guests.v[i]->id == id) return d->guests.v[i];
    return NULL;
}

int64_t
door_connections(const struct door *d)
{
    return d->guests.n;
}

/* ---- waiting ---- */

static struct pollfd
entrance_poll(const struct entrance *e)
{
    return e->is_up ? listening_poll(&e->at) : (struct pollfd){.fd = -1};
}

/* Of whom nothing is wanted is not waited for at all: that he broke his connection would be told again and again. */
static struct pollfd
guest_poll(const struct guest *g)
{
    bool reads = !g->is_full && !g->is_ending && !g->has_closed;
    bool writes = g->out.n > g->out_at && !g->has_closed;
    short events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
    return (struct pollfd){.fd = events ? g->fd : -1, .events = events};
}

void
door_wait(struct door *d, int64_t timeout_ms, struct pollfd *own, int own_n)
{
    d->polls.n = 0;
    for (int i = 0; i < own_n; i++) VEC_PUSH(d->mem, &d->polls, own[i]);
    for (int64_t i = 0; i < d->entrances.n; i++) {
        struct pollfd one = entrance_poll(&d->entrances.v[i]);
        VEC_PUSH(d->mem, &d->polls, one);
    }
    for (int64_t i = 0; i < d->guests.n; i++) {
        struct pollfd one = guest_poll(d->guests.v[i]);
        VEC_PUSH(d->mem, &d->polls, one);
    }
    int n = poll(d->polls.v, (nfds_t)d->polls.n, (int)timeout_ms);
    for (int i = 0; i < own_n; i++) own[i].revents = n > 0 ? d->polls.v[i].revents : 0;
}

/* ---- from clients ---- */

struct reading {
    void (*take)(void *ctx, struct input *in);
    void *ctx;
};

static void
tell_input(const struct reading *r, enum input_kind kind, int64_t id, int32_t broker,
           struct slice bytes)
{
    struct input in = {.kind = kind, .id = id, .broker = broker, .bytes = bytes};
    r->take(r->ctx, &in);
}

static void
accept_all(struct door *d, int64_t entrance, const struct reading *r)
{
    int fd, one = 1;
    struct entrance *e = &d->entrances.v[entrance];
    while (e->is_up && (fd = listening_accept(&e->at)) >= 0) {
        struct guest *g = MEM_NEW(d->mem, struct guest);
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        g->fd = fd;
        g->id = d->next_id++;
        g->out = writer_mem(d->mem);
        VEC_PUSH(d->mem, &d->guests, g);
        tell_input(r, INPUT_OPEN, g->id, (int32_t)entrance + 1, SLICE_EMPTY);
    }
}

static void
read_guest(struct door *d, struct guest *g, const struct reading *r)
{
    while (!g->is_full && !g->is_ending && !g->has_closed) {
        ssize_t n = read(g->fd, d->room, READ_BYTES);
        if (n > 0) {
            tell_input(r, INPUT_BYTES, g->id, 0, slice(d->room, n));
            if (n < READ_BYTES) return;
        } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        } else {
            g->has_closed = true;
            tell_input(r, INPUT_CLOSE, g->id, 0, SLICE_EMPTY);
        }
    }
}

/* ---- to clients ---- */

static void
write_guest(struct guest *g, const struct reading *r)
{
    while (g->out.n > g->out_at && !g->has_closed) {
        ssize_t n = send(g->fd, g->out.p + g->out_at, (size_t)(g->out.n - g->out_at), MSG_NOSIGNAL);
        if (n > 0) {
            g->out_at += n;
        } else if (errno == EAGAIN || errno == EINTR) {
            break;
        } else {
            g->has_closed = true;
            tell_input(r, INPUT_CLOSE, g->id, 0, SLICE_EMPTY);
        }
    }
    if (g->out_at == g->out.n) g->out.n = g->out_at = 0;
    int64_t left = g->out.n - g->out_at;
    if (g->has_closed || g->is_ending) return;
    if (!g->is_paused && left > OUT_HIGH_BYTES) {
        g->is_paused = true;
        tell_input(r, INPUT_PAUSE, g->id, 0, SLICE_EMPTY);
    } else if (g->is_paused && left < OUT_LOW_BYTES) {
        g->is_paused = false;
        tell_input(r, INPUT_RESUME, g->id, 0, SLICE_EMPTY);
    }
}

void
door_read(struct door *d, void (*take)(void *ctx, struct input *in), void *ctx)
{
    struct reading r = {take, ctx};
    for (int64_t i = 0; i < d->entrances.n; i++) accept_all(d, i, &r);
    for (int64_t i = 0; i < d->guests.n; i++) read_guest(d, d->guests.v[i], &r);
    for (int64_t i = 0; i < d->guests.n; i++) write_guest(d->guests.v[i], &r);
    for (int64_t i = d->guests.n; i-- > 0;) {
        const struct guest *g = d->guests.v[i];
        if (g->is_ending && (g->has_closed || g->out.n == g->out_at)) guest_free(d, i);
    }
}

/* ---- from the world ---- */

void
door_bytes(struct door *d, int64_t id, struct slice bytes)
{
    struct guest *g = guest_of(d, id);
    if (g && !g->has_closed) writer_bytes(&g->out, bytes);
}

void
door_full(struct door *d, int64_t id, bool is_full)
{
    struct guest *g = guest_of(d, id);
    if (g) g->is_full = is_full;
}

void
door_closed(struct door *d, int64_t id)
{
    struct guest *g = guest_of(d, id);
    if (g) g->is_ending = true;
}

void
door_serves(struct door *d, int32_t broker, bool is_up)
{
    struct entrance *e = &d->entrances.v[broker - 1];
    if (e->is_up == is_up) return;
    e->is_up = is_up;
    if (is_up) listening_go_on(&e->at);
    else listening_pause(&e->at);
}

int
door_starved_errno(const struct door *d)
{
    for (int64_t i = 0; i < d->entrances.n; i++)
        if (d->entrances.v[i].is_up && d->entrances.v[i].at.starved_errno)
            return d->entrances.v[i].at.starved_errno;
    return 0;
}
