#include "broker/api/server.h"

#include "broker/api/connections.h"
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/codec.h"

void
server_init(struct server *s, struct env *env)
{
    *s = (struct server){.env = env, .node_id = -1, .broker_epoch = -1};
    list_init(&s->listeners);
    list_init(&s->sessions);
    list_init(&s->to_inflate);
    list_init(&s->unread);
    fetch_sessions_init(&s->fetch_sessions, s);
    leads_asked_init(&s->leads_asked);
    connections_init(s);
}

int64_t
server_frame_bytes_max(const struct server *s)
{
    return MIN(s->frame_bytes_max, s->env->mem.ceiling_bytes / MESSAGE_PART);
}

static int64_t
server_message_bytes_max(const struct server *s)
{
    return MIN(MESSAGE_BYTES_MAX, s->env->mem.ceiling_bytes / MESSAGE_PART);
}

static void
on_listening(struct listener *l, enum env_err err, int32_t port)
{
    struct server_listener *sl = CONTAINER_OF(l, struct server_listener, listener);
    sl->is_listening = err == ENV_OK;
    if (err == ENV_OK) {
        if (sl->advertised_port == 0) sl->advertised_port = port;
        sl->port = port;
    }
    sl->server->listener_ready(sl->server, sl, err);
}

static void
on_accepted(struct listener *l, const struct accepted *a)
{
    session_accept(CONTAINER_OF(l, struct server_listener, listener), a);
}

void
server_listen(struct server *s, struct server_listener *l)
{
    l->server = s;
    l->listener.listening = on_listening;
    l->listener.accepted = on_accepted;
    net_listen(s->env, &l->listener, l->host, l->port);
}

void
server_accept_requests(struct server *s)
{
    s->accepting = true;
    LIST_EACH(&s->sessions, session, struct session, node) session_pump_frames(session);
}

void
server_close_listener(struct server *s, struct server_listener *l)
{
    if (l->is_listening) net_unlisten(&l->listener);
    l->is_listening = false;
    LIST_EACH(&s->sessions, session, struct session, node)
        if (session->listener == l) session_close(session);
}

static void
say_malformed(struct server *s, struct request *r)
{
    struct writer w = writer_mem(&s->env->mem);
    fmt_str(&w, "malformed request, or one that would take more than ");
    fmt_i64(&w, server_message_bytes_max(s));
    fmt_str(&w, " bytes when decoded: ");
    fmt_slice(&w, k_api_name(r->api_key));
    NOTE(s->env, NOTE_LOG_MESSAGE, r->peer, writer_slice(&w), 2);
    writer_release(&w);
}

void
server_run(struct server *s, struct request *r)
{
    const struct k_api *api = k_api_of(r->api_key);
    api_handler *handler = dispatch_find(r->api_key, r->listener->kind);
    CHECK(api && handler);
    enum k_msg msg = (enum k_msg)api->request;
    if (!r->unknown_version) {
        r->arena.ceiling_bytes = server_message_bytes_max(s);
        r->message = arena_alloc(&r->arena, codec_struct_bytes(msg));
        struct reader rd = reader(r->body);
        if (!r->message || !codec_decode(msg, r->version, &rd, &r->arena, r->message)) {
            say_malformed(s, r);
            request_break(r);
            return;
        }
    }
    /* What a handler takes goes with what was decoded; it may rely on getting it. */
    r->arena.ceiling_bytes = 0;
    handler(s, r);
}
