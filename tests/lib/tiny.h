/* Tiny machines for tests of the simulator. One kind counts and checks what it is sent; the other
 * plays a small protocol over connection, disk and timers:
 *
 *     client ── request (api 0: "put") ──► server ── write, sync ── answer ──► client ── timer ── … */
#ifndef TESTS_LIB_TINY_H
#define TESTS_LIB_TINY_H

#include "sim/world/fault.h"

/* ---- a peer: says and hears ---- */

struct peer_conn {
    struct conn c;
    struct peer *p;
    bool is_open, is_closed, is_connected;
    enum env_err why;
    int64_t received;   /* bytes */
    bool in_order;      /* each was pattern(position) */
    int64_t last_at_ns; /* when the last came */
    int64_t closed_at_ns;
    int64_t events;
};

struct peer {
    struct env *env;
    struct listener l;
    enum env_err listen_err;
    int32_t port;
    int32_t accepted;
    struct peer_conn conns[4]; /* connected or accepted, in order */
    int32_t conns_n;
};

/* What byte stands at a position of every stream. */
uint8_t peer_pattern(int64_t at);
/* args NULL: only connects when told. Otherwise listens on port 9092. */
void peer_start(struct env *env, void *args);
struct peer *peer_of(struct machine *m);
/* Orders: they run as a step now. */
void peer_connect(struct machine *m, const char *host, int32_t port);
void peer_send(struct machine *m, int32_t conn, int64_t n);
void peer_close(struct machine *m, int32_t conn);
void peer_pause(struct machine *m, int32_t conn, bool pause);

/* Two peers with a connection from a to b, in a new world. */
struct pair {
    struct world *w;
    struct machine *a, *b;
};
struct pair pair_new(uint64_t seed);
struct peer_conn *pair_a(struct pair *p);
struct peer_conn *pair_b(struct pair *p);

/* ---- ping and pong: a small server with a log, and its clients ---- */

struct pong_stats {
    int64_t requests, answers, losses, reconnects;
};
/* args: struct pong_stats *. */
void pong_server_start(struct env *env, void *args);
struct ping_args {
    const char *server;
    int64_t pause_ns; /* between requests */
    int32_t payload_bytes;
    struct pong_stats stats;
};
void pong_client_start(struct env *env, void *args);
/* Seven seconds of faults of every family, to a server and two clients that are up. */
void pong_bad_day(struct world *w, struct machine *s, struct machine **c);

#endif
