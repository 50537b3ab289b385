/* What the files of the network share. */
#ifndef SIM_NET_INTERNAL_H
#define SIM_NET_INTERNAL_H

#include "sim/world/fault.h"
#include "sim/world/internal.h"

struct tcp;
struct end;

/* ---- links: one direction between two hosts (links.c) ---- */

struct link {
    struct host *from, *to;
    int32_t cuts;
    const struct slow *slow; /* the last that was asked for and lasts */
    struct dice dice;
    int64_t free_at_ns; /* when the last segment has left, by bandwidth */
};

struct link *link_make(struct world *w, struct host *from, struct host *to);
static inline struct link *
link_between(struct world *w, struct host *from, struct host *to)
{
    struct link *l = from->links.n > to->index ? from->links.v[to->index] : NULL;
    return l ? l : link_make(w, from, to);
}
static inline bool
link_lets_through(const struct link *l)
{
    return l->cuts == 0 && l->from->has_power && l->to->has_power;
}
bool link_is_open(struct world *w, struct host *from, struct host *to);
/* One way, for a segment of n bytes that leaves now: its arrival. */
int64_t link_arrival(struct world *w, struct link *l, int64_t n);

/* ---- frames (frames.c) ---- */

#define HELD_APART (-1) /* waits for its own time, or for ever: no heal lets it go */

struct net_frame {
    struct list node;
    struct flow *flow;
    struct world_frame f;
    int64_t start, end;   /* in the flow */
    fault_id held_by;     /* 0: none */
    struct entry release; /* of one that is delayed */
    struct slice request; /* of an answer: the frame that asked, if anybody needs to know */
};

struct rewriting;
struct asked_session;

/* A request that awaits its answer. */
struct asked {
    struct list node;
    int64_t frame; /* its id */
    int32_t correlation;
    int16_t api, version;
    struct slice bytes;       /* if anybody needs to know */
    struct rewriting *answer; /* what becomes of its answer; NULL: nothing */
};
void asked_free(struct world *w, struct asked *a);

/* ---- flows (flow.c) ---- */

/* Bytes queued to be sent: in memory, or a range of a file. */
struct chunk {
    struct list node;
    int64_t at, n;       /* in the flow */
    struct inode *inode; /* NULL: bytes */
    int64_t offset;
    int64_t room; /* for bytes; more than n when the rest was cut off */
    uint8_t bytes[];
};

struct segment {
    struct list node;
    int64_t end; /* the flow has arrived up to here */
    int64_t arrive_at_ns;
    bool fin, rst;
};

struct flow {
    struct end *from, *to;
    struct link *there, *back; /* between their hosts */
    struct list chunks;
    int64_t queued, taken, sent, arrived, acked, read;
    bool fin_queued, fin_sent, fin_arrived, fin_acked;
    bool wants_ack; /* an empty segment: the last step of opening */
    struct list segments;
    int64_t last_arrival_ns;
    struct entry arrive, retry, ack;
    bool is_stalled;
    int64_t stalled_since_ns, retry_ns;
    struct list frames;
    int32_t held_n; /* of the frames */
    bool is_raw;    /* not Kafka's frames */
    bool is_lossy;  /* one of its frames never comes */
};

/* Both ends have their hosts. */
void flow_init(struct flow *f, struct end *from, struct end *to);
void flow_release(struct flow *f);
/* n bytes more, for the caller to fill in. */
uint8_t *flow_queue_room(struct flow *f, int64_t n);
void flow_queue_range(struct flow *f, struct inode *inode, int64_t offset, int64_t n);
/* Takes and sends what may be sent now. */
void flow_pump(struct flow *f);
/* Copies n bytes from `at`; they are there and in memory. */
void flow_copy(const struct flow *f, int64_t at, uint8_t *ret, int64_t n);
/* The receiver has read up to here: drops chunks, and lets the sender know. */
void flow_did_read(struct flow *f, int64_t to);
/* What the kernel has not taken is gone. */
void flow_cut_queue(struct flow *f);
void flow_send_rst(struct flow *f);
static inline int64_t
flow_unsent(const struct flow *f)
{
    return f->queued - f->taken;
}

/* ---- connections (tcp.c) ---- */

enum end_state {
    END_OPENING, /* SYN under way */
    END_BACKLOG, /* at the listener, not accepted */
    END_OPEN,
    END_SHUT, /* nobody reads here any more; the kernel still sends */
    END_GONE, /* the kernel does not know it */
};

struct end {
    struct tcp *tcp;
    struct mach *m; /* NULL: its process is gone */
    struct host *host;
    struct conn *c; /* NULL: not accepted yet, or closed */
    uint64_t handle;
    enum end_state state;
    bool is_server, connected_due, accept_due, is_paused, closing;
    enum env_err why;
    struct flow out;
    struct entry ready;
    struct list node; /* among the machine's */
};

struct tcp {
    struct world *w;
    struct asked_session *session; /* NULL: nobody asked */
    struct shown *shown;           /* NULL: nobody has said who he is */
    struct list all, dead;
    bool is_dead;
    int32_t port;
    struct machine *client, *server; /* server NULL: never reached */
    struct end a, b;                 /* a connected to b */
    struct list asked;
    int32_t rewritings; /* of those that are asked for */
    struct entry syn, probe, breaks;
    int64_t syn_deadline_ns, syn_retry_ns;
    int syn_phase;
};

static inline struct end *
end_peer(struct end *e)
{
    return e == &e->tcp->a ? &e->tcp->b : &e->tcp->a;
}

struct sim_listener {
    struct list node;
    struct mach *m;
    struct listener *l;
    struct slice host;
    int32_t port;
    enum env_err err;
    struct entry told;
};

/* The connection breaks at this end; nobody tells the other. */
void end_fail(struct end *e, enum env_err why);
/* Asks for end_service() as soon as possible. */
void end_ready(struct end *e);
void end_service(struct end *e);
/* The other end may never hear that this one is gone, unless it asks. */
void tcp_arm_probe(struct tcp *t);

/* Queues what a machine sends: bytes, and ranges of files. */
void flow_queue_segs(struct flow *f, const struct seg *segs, int32_t n);

/* ---- frames and holds ---- */

/* Finds the frames in what is sent, and queues it, changed where somebody wants that. */
void frames_send(struct end *e, const struct seg *segs, int32_t n);
void frames_read(struct flow *f);
void frames_drop(struct flow *f);
/* How far the flow may be sent: the start of the first held frame. */
int64_t frames_limit(const struct flow *f);
/* Filters at the moment of sending: sets held_by. bytes is null unless somebody needs it. */
void holds_apply(struct world *w, struct net_frame *f, struct slice bytes);
bool holds_want_bytes(const struct world *w);
void filter_release(struct mem *mem, struct frame_filter *f);
/* This one matches, and it is one of those that are meant: it is counted. */
bool hold_catches(struct fault *h, const struct net_frame *f, struct slice bytes);

/* ---- whose connection it is (principals.c) ---- */

struct shown;
void shown_free(struct world *w, struct shown *s);
/* A frame passes; with its size. */
void principals_follow(struct tcp *t, const struct world_frame *f, struct slice frame);
/* "User:alice"; null: nobody has shown who he is. It stays as it is until the connection is freed. */
struct slice principal_of(const struct tcp *t);
/* wanted: "User:alice" or "alice"; null is ANONYMOUS. */
bool principal_is(struct slice principal, struct slice wanted);

/* ---- fetch sessions (sessions.c) ---- */

struct asked_session *asked_session_new(struct mem *mem);
void asked_session_free(struct asked_session *s);
/* Its connection, to this host, is no more: it may be gone on with on another one. */
void asked_session_leave(struct asked_session *s, struct sessions_left *left,
                         const struct host *server);
/* The one that this request, the first on its connection, goes on with; else a new one. */
struct asked_session *asked_session_find(struct sessions_left *left, const struct host *server,
                                         struct mem *mem, struct slice frame);
/* A request on the session's connection; with its size. */
void asked_session_follow(struct asked_session *s, struct slice frame);
/* That request with all that it is about, in the arena; others as they are. */
struct slice asked_session_whole(const struct asked_session *s, struct arena *a,
                                 struct slice frame);

/* ---- rewriting (rewrite.c) ---- */

/* What is sent in place of a request, and how often. */
struct rewritten {
    struct arena a;
    struct slice bytes; /* in the arena, or the request's own */
    bool is_twice, breaks;
};
/* A client sends this, and means all of that (asked_session_whole()): what is to be sent instead. The last that is asked
 * for on its connection is its own. */
void rewrite_request(struct net_frame *f, struct slice bytes, struct slice whole,
                     struct rewritten *ret);
/* A server sends the answer to this; bytes have what comes from files, too. null: nothing is to be sent. */
struct slice rewrite_answer(struct world *w, const struct asked *q, struct slice bytes,
                            struct arena *a);
void rewriting_free(struct world *w, struct rewriting *r);
/* The second answer is nobody's. */
struct rewriting *rewriting_swallows(struct world *w);
/* True if the request frame names the filter's topic (and partition), and comes from whom it means. */
bool frame_names(const struct world *w, const struct world_frame *f, struct slice request,
                 const struct frame_filter *filter);

/* ---- what lasts ---- */

enum fault_kind { FAULT_CUT, FAULT_FLAP, FAULT_SLOW, FAULT_HOLD };

struct fault {
    struct list node;
    fault_id id;
    enum fault_kind kind;
    struct world *w;
    VEC(struct link *) links;
    struct slice words; /* "b3 <> b1 b2", in which it began and ends; empty for holds */
    struct slow slow;
    bool is_down;
    int64_t down_ns, up_ns;
    struct entry flap;
    struct frame_filter filter;
    struct meddling how;
    int32_t held; /* so often it happened */
    struct dice dice;
};

struct when_frame {
    struct list node;
    struct frame_filter filter;
    int32_t nth;
    void (*fn)(struct world *w, void *ctx);
    void *ctx;
};

struct fault *fault_new(struct world *w, enum fault_kind kind);

#endif
