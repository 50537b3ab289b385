/* Envelope, at the controller's end (KIP-590): a client's request that a broker passed on. It runs as if
 * it had come here; the answer goes back in the envelope. */
#include "broker/api/handlers.h"
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/codec.h"

static void
answer_envelope(struct request *outer, int16_t err, struct slice data)
{
    struct k_envelope_response res;
    codec_default(K_MSG_ENVELOPE_RESPONSE, &res);
    res.error_code = err;
    res.response_data = data;
    request_answer(outer, &res);
}

static void
inner_answered(struct request *inner, const void *response)
{
    struct request *outer = inner->owner;
    struct env *env = outer->server->env;
    if (inner->not_controller || !response) {
        answer_envelope(outer, response ? K_ERR_NOT_CONTROLLER : K_ERR_INVALID_REQUEST, SLICE_NULL);
        return;
    }
    struct writer w = writer_mem(&env->mem);
    struct codec_refusal why;
    bool ok =
        response_write(&w, inner->api_key, inner->version, inner->correlation_id, response, &why);
    if (!ok) NOTE(env, NOTE_LOG_MESSAGE, k_api_name(inner->api_key), why.field, 3);
    answer_envelope(outer, ok ? 0 : K_ERR_UNKNOWN_SERVER_ERROR, ok ? writer_slice(&w) : SLICE_NULL);
    writer_release(&w);
}

/* Whoever the request is of: the broker has asked him, and says so (DefaultPrincipalData behind its version). */
static bool
read_principal(struct request *outer, struct slice data, struct arena *a, struct slice *ret)
{
    struct reader rd = reader(data);
    int16_t version = reader_i16(&rd);
    struct k_default_principal_data who;
    if (rd.err || version != 0 ||
        !codec_decode(K_MSG_DEFAULT_PRINCIPAL_DATA, version, &rd, a, &who))
        return false;
    struct writer w = writer_mem(&outer->server->env->mem);
    fmt_slice(&w, who.type);
    fmt_char(&w, ':');
    fmt_slice(&w, who.name);
    *ret = arena_dup(a, writer_slice(&w));
    writer_release(&w);
    return true;
}

void
handle_envelope(struct server *s, struct request *r)
{
    const struct k_envelope_request *q = r->message;
    struct reader rd = reader(q->request_data);
    struct request_head head;
    const struct k_api *api = NULL;
    struct arena arena;
    arena_init(&arena, &s->env->mem, 0);
    if (request_head_read(&rd, &arena, &head) == HEAD_OK) api = k_api_of(head.api_key);
    if (!api || !api->forwardable || !dispatch_find(head.api_key, LISTENER_CONTROLLER)) {
        arena_release(&arena);
        answer_envelope(r, K_ERR_INVALID_REQUEST, SLICE_NULL);
        return;
    }
    struct slice principal;
    if (!read_principal(r, q->request_principal, &arena, &principal)) {
        arena_release(&arena);
        answer_envelope(r, K_ERR_PRINCIPAL_DESERIALIZATION_FAILURE, SLICE_NULL);
        return;
    }
    struct request *inner = MEM_NEW(&s->env->mem, struct request);
    inner->arena = arena;
    inner->server = s;
    inner->listener = r->listener;
    inner->api_key = head.api_key;
    inner->version = head.version;
    inner->correlation_id = head.correlation_id;
    inner->client_id = head.client_id;
    inner->principal = principal;
    inner->raw = q->request_data;
    inner->body = slice(rd.p, reader_left(&rd));
    inner->frame = buf_ref(r->frame);
    inner->enveloped = inner_answered;
    inner->owner = r;
    inner->started = true;
    server_run(s, inner);
}
