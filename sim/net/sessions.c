/* What a connection's fetch session is about (KIP-227). A request in a session names only what has changed since the last
 * one, and is about all of it: a fault that is meant for a topic must meet it, too. A client whose connection was closed while
 * it was idle may go on with its session on another one to the same broker. */
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "apis.h"
#include "sim/net/internal.h"

struct place {
    struct slice topic;
    struct uuid id;
    int32_t partition;
};

struct asked_session {
    struct mem *mem;
    VEC(struct place) v;
    int32_t id;                /* as the client names it when it goes on; 0: it has not */
    const struct host *server; /* of one that was left */
    struct list left;
};

#define LEFT_MAX 1000

struct asked_session *
asked_session_new(struct mem *mem)
{
    struct asked_session *s = MEM_NEW(mem, struct asked_session);
    *s = (struct asked_session){.mem = mem};
    return s;
}

static void
session_clear(struct asked_session *s)
{
    for (int64_t i = 0; i < s->v.n; i++) mem_free_slice(s->mem, s->v.v[i].topic);
    s->v.n = 0;
}

void
asked_session_free(struct asked_session *s)
{
    session_clear(s);
    list_remove(&s->left);
    VEC_RELEASE(s->mem, &s->v);
    MEM_DELETE(s->mem, s);
}

static int64_t
session_find(const struct asked_session *s, struct slice topic, struct uuid id, int32_t partition)
{
    for (int64_t i = 0; i < s->v.n; i++)
        if (s->v.v[i].partition == partition && slice_eq(s->v.v[i].topic, topic) &&
            uuid_eq(s->v.v[i].id, id))
            return i;
    return -1;
}

static void
session_take(struct asked_session *s, const struct k_fetch_request *q)
{
    for (int32_t t = 0; t < q->topics_n; t++) {
        const struct k_fetch_request_fetch_topic *topic = &q->topics[t];
        for (int32_t i = 0; i < topic->partitions_n; i++) {
            struct place p = {topic->topic, topic->topic_id, topic->partitions[i].partition};
            if (session_find(s, p.topic, p.id, p.partition) >= 0) continue;
            p.topic = mem_dup(s->mem, p.topic);
            VEC_PUSH(s->mem, &s->v, p);
        }
    }
    for (int32_t t = 0; t < q->forgotten_topics_data_n; t++) {
        const struct k_fetch_request_forgotten_topic *topic = &q->forgotten_topics_data[t];
        for (int32_t i = 0; i < topic->partitions_n; i++) {
            int64_t at = session_find(s, topic->topic, topic->topic_id, topic->partitions[i]);
            if (at < 0) continue;
            mem_free_slice(s->mem, s->v.v[at].topic);
            VEC_REMOVE_AT(&s->v, at);
        }
    }
}

/* frame: with its size. */
static bool
read_fetch(struct arena *a, struct slice frame, struct request_head *head,
           struct k_fetch_request *ret)
{
    struct reader r = reader(slice_sub(frame, 4, frame.n));
    return request_head_read(&r, a, head) == HEAD_OK && head->api_key == K_API_FETCH &&
           codec_decode(K_MSG_FETCH_REQUEST, head->version, &r, a, ret);
}

void
asked_session_follow(struct asked_session *s, struct slice frame)
{
    struct request_head head;
    struct k_fetch_request q;
    struct arena a;
    arena_init(&a, s->mem, 0);
    if (read_fetch(&a, frame, &head, &q)) {
        if (q.session_epoch <= 0) session_clear(s);
        s->id = q.session_epoch > 0 ? q.session_id : 0;
        session_take(s, &q);
    }
    arena_release(&a);
}

void
asked_session_leave(struct asked_session *s, struct sessions_left *left, const struct host *server)
{
    if (!s->id) {
        asked_session_free(s);
        return;
    }
    if (left->n == LEFT_MAX)
        asked_session_free(LIST_FIRST(&left->list, struct asked_session, left));
    else left->n++;
    s->server = server;
    list_push_back(&left->list, &s->left);
}

struct asked_session *
asked_session_find(struct sessions_left *left, const struct host *server, struct mem *mem,
                   struct slice frame)
{
    struct request_head head;
    struct k_fetch_request q;
    struct asked_session *found = NULL;
    struct arena a;
    arena_init(&a, mem, 0);
    if (left->n && read_fetch(&a, frame, &head, &q) && q.session_epoch > 0)
        LIST_EACH(&left->list, s, struct asked_session, left)
            if (s->server == server && s->id == q.session_id) found = s;
    arena_release(&a);
    if (!found) return asked_session_new(mem);
    list_remove(&found->left);
    left->n--;
    return found;
}

struct slice
asked_session_whole(const struct asked_session *s, struct arena *a, struct slice frame)
{
    struct request_head head;
    struct k_fetch_request q;
    if (!s->v.n || !read_fetch(a, frame, &head, &q) || q.session_epoch <= 0) return frame;
    struct k_fetch_request_fetch_topic *topics =
        codec_array(a, K_STRUCT_FETCH_REQUEST_FETCH_TOPIC, s->v.n);
    for (int64_t i = 0; i < s->v.n; i++) {
        struct k_fetch_request_fetch_partition *p =
            codec_array(a, K_STRUCT_FETCH_REQUEST_FETCH_PARTITION, 1);
        p->partition = s->v.v[i].partition;
        topics[i].topic = s->v.v[i].topic;
        topics[i].topic_id = s->v.v[i].id;
        topics[i].partitions = p;
        topics[i].partitions_n = 1;
    }
    q.topics = topics;
    q.topics_n = (int32_t)s->v.n;
    struct writer w = writer_mem(a->mem), size = writer_mem(a->mem);
    if (request_write(&w, &head, &q, NULL)) {
        writer_i32(&size, (int32_t)w.n);
        writer_bytes(&size, writer_slice(&w));
        frame = arena_dup(a, writer_slice(&size));
    }
    writer_release(&w);
    writer_release(&size);
    return frame;
}
