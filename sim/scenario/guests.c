#include "sim/scenario/guests_own.h"

#include "apis.h"
#include "broker/base/check.h"
#include "broker/work/work.h"
#include "sim/scenario/diag.h"
#include "sim/scenario/value.h"

#define FRAME_MAX_BYTES (100 << 20)
/* More than this is not told apart, so that nobody can make a run too large to be judged. */
#define AUTHORS_MAX 1000
#define PLACES_MAX 10000
#define TOPIC_NAME_MAX 249

/* ---- who they are ------------------------------------------------------------------------------------------ */

bool
names_have(const struct slice *v, int64_t n, struct slice one)
{
    for (int64_t i = 0; i < n; i++)
        if (slice_eq(v[i], one)) return true;
    return false;
}

static int32_t
guests_client(struct guests *g, struct slice client_id)
{
    struct slice name = client_id.n ? client_id : S("unnamed client");
    for (int64_t i = g->clients.n; i-- > 0;)
        if (slice_eq(g->clients.v[i].name, name)) return (int32_t)i;
    if (g->clients.n >= AUTHORS_MAX) return AUTHORS_MAX - 1;
    struct client c = {.name = arena_dup(&g->a, name)};
    VEC_PUSH(g->mem, &g->clients, c);
    return (int32_t)g->clients.n - 1;
}

struct slice
guests_word(struct guests *g, struct slice text)
{
    struct slice w = arena_dup(&g->scratch, text.n ? text : S("_"));
    for (int64_t i = 0; i < w.n; i++)
        if (w.p[i] <= ' ' || w.p[i] == 127) ((uint8_t *)(uintptr_t)w.p)[i] = '_';
    return w;
}

struct slice
guests_group(struct guests *g, struct slice name)
{
    struct writer w = writer_mem(g->mem);
    history_name_write(&w, name);
    struct slice word = arena_dup(&g->scratch, writer_slice(&w));
    writer_release(&w);
    return word;
}

/* "shop"; its second producer is "shop#2": what two of them send has no order. */
int32_t
guests_author(struct guests *g, int32_t client, int64_t producer_id)
{
    struct author *free = NULL, *first = NULL;
    int32_t n = 0;
    for (int64_t i = 0; i < g->authors.n; i++) {
        struct author *a = &g->authors.v[i];
        if (a->client != client) continue;
        if (a->producer_id == producer_id) return a->process;
        if (!first) first = a;
        if (a->producer_id == SENDS_NOTHING) free = a;
        n++;
    }
    if (producer_id == SENDS_NOTHING && first) return first->process;
    if (free) {
        free->producer_id = producer_id;
        return free->process;
    }
    if (g->authors.n >= AUTHORS_MAX) {
        g->authors.v[AUTHORS_MAX - 1].is_crowd = true;
        return g->authors.v[AUTHORS_MAX - 1].process;
    }
    struct slice name = guests_word(g, g->clients.v[client].name);
    if (n) name = arena_format(&g->scratch, "%.*s#%d", SARG(name), (int)n + 1);
    struct author new = {
        .producer_id = producer_id, .process = history_process(&g->h, name), .client = client};
    VEC_PUSH(g->mem, &g->authors, new);
    return new.process;
}

struct author *
author_of_process(const struct guests *g, int32_t process)
{
    for (int64_t i = 0; i < g->authors.n; i++)
        if (g->authors.v[i].process == process) return &g->authors.v[i];
    return NULL;
}

struct slice
guests_topic(const struct guests *g, struct slice name, struct uuid id)
{
    return name.n ? name : g->params.topic_name(g->params.ctx, id);
}

int32_t
guests_place(struct guests *g, struct slice topic, int32_t partition)
{
    if (!value_is_word(topic) || topic.n > TOPIC_NAME_MAX) return -1;
    if (partition < 0 || partition >= PLACES_MAX) return -1;
    int32_t t = 0;
    while (t < g->partitions.n && !slice_eq(history_topic_name(&g->h, t), topic)) t++;
    int32_t known = t < g->partitions.n ? g->partitions.v[t] : 0;
    int64_t more = MAX(partition + 1 - known, 0);
    if (g->places + more > PLACES_MAX) return -1;
    if (t == g->partitions.n) {
        (void)history_topic(&g->h, topic);
        VEC_PUSH(g->mem, &g->partitions, 0);
    }
    g->partitions.v[t] += (int32_t)more;
    g->places += more;
    return t;
}

void
guests_note(struct guests *g, enum entry_kind kind, void *what)
{
    struct entry e = {g->params.now(g->params.ctx), what, kind};
    VEC_PUSH(g->mem, &g->journal, e);
}

/* ---- requests and answers ---------------------------------------------------------------------------------- */

struct asked *
guests_ask(struct guests *g, struct visit *v, const struct request_head *head)
{
    struct asked *a = MEM_NEW(g->mem, struct asked);
    *a = (struct asked){.correlation = head->correlation_id,
                        .api = head->api_key,
                        .version = head->version,
                        .broker = v->broker,
                        .process = guests_author(g, v->client, SENDS_NOTHING)};
    list_push_back(&v->asked, &a->node);
    return a;
}

static void
asked_free(struct guests *g, struct asked *a)
{
    list_remove(&a->node);
    if (a->own) session_free(g, a->own);
    MEM_DELETE(g->mem, a);
}

static void
hear_request(struct guests *g, struct visit *v, struct slice frame)
{
    struct request_head head;
    struct reader r = reader(frame);
    if (request_head_read(&r, &g->scratch, &head) != HEAD_OK) return;
    if (v->client < 0 || !slice_eq(g->clients.v[v->client].name, head.client_id))
        v->client = guests_client(g, head.client_id);
    switch (head.api_key) {
    case K_API_PRODUCE: take_produce(g, v, &head, &r); break;
    case K_API_FETCH: take_fetch(g, v, &head, &r); break;
    case K_API_OFFSET_COMMIT: take_commit(g, v, &head, &r); break;
    case K_API_OFFSET_FETCH: take_look(g, v, &head, &r); break;
    case K_API_INIT_PRODUCER_ID: take_init(g, v, &head, &r); break;
    case K_API_TXN_OFFSET_COMMIT: take_txn_commit(g, v, &head, &r); break;
    case K_API_END_TXN: take_end(g, v, &head, &r); break;
    case K_API_SHARE_FETCH: take_share_fetch(g, v, &head, &r); break;
    case K_API_SHARE_ACKNOWLEDGE: take_share_ack(g, v, &head, &r); break;
    default: {
        struct reader again = r;
        take_admin(g, &head, &r);
        take_wish(g, v, &head, &again);
        break;
    }
    }
}

static void
hear_answer(struct guests *g, struct visit *v, struct slice frame)
{
    struct reader number = reader(frame);
    int32_t correlation = reader_i32(&number);
    struct asked *found = NULL;
    LIST_EACH(&v->asked, a, struct asked, node)
        if (!found && a->correlation == correlation) found = a;
    if (!found || number.err) return;
    struct reader r = reader(frame);
    if (response_head_read(&r, found->api, found->version, &correlation)) {
        switch (found->api) {
        case K_API_PRODUCE: take_produced(g, v, found, &r); break;
        case K_API_FETCH: take_fetched(g, v, found, &r); break;
        case K_API_OFFSET_COMMIT: take_committed(g, v, found, &r); break;
        case K_API_OFFSET_FETCH: take_looked(g, v, found, &r); break;
        case K_API_INIT_PRODUCER_ID: take_inited(g, v, found, &r); break;
        case K_API_TXN_OFFSET_COMMIT: take_txn_committed(g, v, found, &r); break;
        case K_API_END_TXN: take_ended(g, v, found, &r); break;
        case K_API_SHARE_FETCH: take_share_fetched(g, v, found, &r); break;
        case K_API_SHARE_ACKNOWLEDGE: take_share_acked(g, v, found, &r); break;
        default: take_granted(g, v, found, &r); break;
        }
    }
    asked_free(g, found);
}

/* ---- streams ----------------------------------------------------------------------------------------------- */

/* How long the frame is that begins these bytes, with its size; -1: there are no frames here. */
static int64_t
frame_length(struct slice s)
{
    int64_t n = (int32_t)load_be32(s.p);
    return n >= 0 && n <= FRAME_MAX_BYTES ? 4 + n : -1;
}

static void
stream_take(struct guests *g, struct visit *v, struct byte_stream *s, struct slice bytes,
            void (*whole)(struct guests *g, struct visit *v, struct slice frame))
{
    while (bytes.n && !s->is_none) {
        bool is_here = !s->part.n && bytes.n >= 4;
        struct slice begins = is_here ? bytes : writer_slice(&s->part);
        int64_t want = begins.n >= 4 ? frame_length(begins) : 4;
        s->is_none = want < 0;
        if (s->is_none) break;
        if (is_here && bytes.n >= want) {
            whole(g, v, slice_sub(bytes, 4, want - 4));
            bytes = slice_sub(bytes, want, bytes.n);
        } else {
            int64_t n = MIN(want - s->part.n, bytes.n);
            writer_bytes(&s->part, slice_sub(bytes, 0, n));
            bytes = slice_sub(bytes, n, bytes.n);
            if (s->part.n < 4 || s->part.n < frame_length(writer_slice(&s->part))) continue;
            whole(g, v, slice_sub(writer_slice(&s->part), 4, s->part.n));
            writer_release(&s->part);
            s->part = writer_mem(g->mem);
        }
        arena_reset(&g->scratch);
    }
}

static struct visit *
visit_of(const struct guests *g, int64_t conn)
{
    return conn >= 0 && conn < g->visits.n ? g->visits.v[conn] : NULL;
}

void
guests_sent(struct guests *g, int64_t conn, int32_t broker, struct slice bytes)
{
    while (g->visits.n <= conn) VEC_PUSH(g->mem, &g->visits, NULL);
    struct visit *v = g->visits.v[conn];
    if (!v) {
        v = g->visits.v[conn] = MEM_NEW(g->mem, struct visit);
        *v = (struct visit){.broker = broker, .client = -1};
        v->there.part = writer_mem(g->mem);
        v->back.part = writer_mem(g->mem);
        list_init(&v->asked);
    }
    stream_take(g, v, &v->there, bytes, hear_request);
}

void
guests_given(struct guests *g, int64_t conn, struct slice bytes)
{
    struct visit *v = visit_of(g, conn);
    if (v) stream_take(g, v, &v->back, bytes, hear_answer);
}

void
guests_left(struct guests *g, int64_t conn)
{
    struct visit *v = visit_of(g, conn);
    if (!v) return;
    g->visits.v[conn] = NULL;
    sharers_leave(g, v);
    while (!list_is_empty(&v->asked)) asked_free(g, LIST_FIRST(&v->asked, struct asked, node));
    writer_release(&v->there.part);
    writer_release(&v->back.part);
    MEM_DELETE(g->mem, v);
}

/* ---- its life ---------------------------------------------------------------------------------------------- */

/* The history is told when all is over, each entry at its time. */
static int64_t
time_told(void *ctx)
{
    return ((const struct guests *)ctx)->told_ns;
}

struct guests *
guests_new(struct mem *mem, const struct guests_params *p)
{
    static const struct siphash_key none;
    struct guests *g = MEM_NEW(mem, struct guests);
    *g = (struct guests){.params = *p, .mem = mem, .crc32c = work_crc32c()};
    arena_init(&g->a, mem, 0);
    arena_init(&g->scratch, mem, 0);
    history_init(&g->h, mem, time_told, g);
    map_init(&g->goods, mem, none);
    map_init(&g->lanes, mem, none);
    map_init(&g->contents, mem, none);
    list_init(&g->sessions);
    return g;
}

void
guests_free(struct guests *g)
{
    struct mem *mem = g->mem;
    for (int64_t i = 0; i < g->visits.n; i++) guests_left(g, i);
    while (!list_is_empty(&g->sessions))
        session_free(g, LIST_FIRST(&g->sessions, struct session, node));
    MAP_EACH(&g->lanes, l, struct lane, node) {
        VEC_RELEASE(mem, &l->parcels);
        VEC_RELEASE(mem, &l->placed);
    }
    for (int64_t i = 0; i < g->authors.n; i++) VEC_RELEASE(mem, &g->authors.v[i].parcels);
    for (int64_t i = 0; i < g->txns.n; i++) {
        VEC_RELEASE(mem, &g->txns.v[i]->parcels);
        VEC_RELEASE(mem, &g->txns.v[i]->commits);
    }
    VEC_RELEASE(mem, &g->txns);
    alike_release(g);
    map_release(&g->goods);
    map_release(&g->lanes);
    map_release(&g->contents);
    history_release(&g->h);
    VEC_RELEASE(mem, &g->visits);
    VEC_RELEASE(mem, &g->clients);
    VEC_RELEASE(mem, &g->authors);
    VEC_RELEASE(mem, &g->partitions);
    VEC_RELEASE(mem, &g->makers);
    VEC_RELEASE(mem, &g->journal);
    VEC_RELEASE(mem, &g->unsure);
    VEC_RELEASE(mem, &g->gone);
    VEC_RELEASE(mem, &g->groups_gone);
    VEC_RELEASE(mem, &g->early);
    VEC_RELEASE(mem, &g->sharers);
    VEC_RELEASE(mem, &g->promises);
    arena_release(&g->scratch);
    arena_release(&g->a);
    MEM_DELETE(mem, g);
}
