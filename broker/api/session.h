/* One client connection. Frames come in, requests are worked on in order, answers go out in order:
 *
 *     bytes ─► frames ─► [request][request][request] ─► answers
 *                          ▲ the first that is not finished; the next one starts when this one has
 *                            answered, or is a produce whose offsets are assigned
 *
 * When too many wait, reading pauses. A session outlives its connection until its requests are
 * done. */
#ifndef API_SESSION_H
#define API_SESSION_H

#include "broker/api/server.h"

struct authentication;

struct session {
    struct list node; /* among the server's */
    struct server *server;
    struct server_listener *listener;
    struct list outside;                    /* while it waits to be let in */
    struct list unread;                     /* while there are too many bytes of requests */
    bool is_let_in, is_leaving, is_refused; /* connections.c */
    struct conn conn;
    struct frame_reader frames;
    struct list requests; /* in order of arrival */
    int64_t requests_n;
    struct slice peer, principal;
    struct authentication *authentication; /* NULL: its listener asks for none */
    struct timer idle;
    int64_t last_used_ns;
    enum held_by held_by;
    int64_t held_bytes;   /* as it stands in the server's sum */
    int64_t leads_asked;  /* how many had been asked when a follower was answered (still_leads.h) */
    int64_t answer_bytes; /* in memory, of answers that the body may not have sent yet */
    bool is_let_go;       /* closed for what it held: not counted any more */
    struct list shares;   /* share sessions, which end with the connection */
    bool pumping, pump_again, closed, reading_stopped;
};

void session_accept(struct server_listener *l, const struct accepted *a);
void session_close(struct session *s);
/* "User:alice": a copy is kept. */
void session_set_principal(struct session *s, struct slice principal);
/* Takes up frames that waited for the broker to be ready. */
void session_pump_frames(struct session *s);
/* Starts what may start, sends what may go. */
void session_pump(struct session *s);

#endif
