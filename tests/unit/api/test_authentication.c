/* A session whose listener is SASL_PLAINTEXT, over a body that the test plays: what it keeps of who showed what he knows. */
#include "tests/lib/test.h"

#include "broker/api/authentication.h"
#include "broker/api/session.h"
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/metadata/objects.h"
#include "broker/protocol/config.h"
#include "broker/protocol/frame.h"
#include "broker/security/base64.h"
#include "apis.h"

static struct {
    struct env env;
    struct config config;
    struct image image;
    struct server server;
    struct server_listener listener;
    struct sasl_settings sasl;
    struct op *work;
    struct writer sent;
    int closed;
} w;

static void
take_effects(void)
{
    for (int64_t i = 0; i < w.env.effects.n; i++) {
        const struct effect *e = &w.env.effects.v[i];
        if (e->kind == EF_OP) w.work = e->op;
        w.closed += e->kind == EF_CLOSE;
        for (int32_t k = 0; e->kind == EF_SEND && k < e->segs_n; k++)
            writer_bytes(&w.sent, e->segs[k].bytes);
    }
    env_effects_clear(&w.env);
}

static void
deliver(struct event ev)
{
    ev.now_ns = MAX(ev.now_ns, w.env.now_ns);
    env_deliver(&w.env, &ev);
    take_effects();
    while (env_has_deferred(&w.env)) {
        env_deliver(&w.env, &(struct event){.kind = EV_AGAIN, .now_ns = w.env.now_ns});
        take_effects();
    }
}

static int
set_up(void **state)
{
    (void)state;
    struct env_params p = {.source = test_mem_source(), .memory_ceiling_bytes = 1LL << 30};
    memset(&w, 0, sizeof w);
    env_init(&w.env, &p);
    w.env.now_ns = NS_PER_S;
    w.sent = writer_mem(&w.env.mem);
    config_init(&w.config, &w.env.mem, CONFIG_BROKER);
    image_init(&w.image, &w.env.mem, w.env.seed, NULL, NULL);
    scram_set(&w.image, &(struct image_scram){.user = S("alice"),
                                              .mechanism = 1,
                                              .salt = S("salt"),
                                              .stored_key = S("stored key"),
                                              .server_key = S("server key"),
                                              .iterations = 4096});
    server_init(&w.server, &w.env);
    w.server.config = &w.config;
    w.server.image = &w.image;
    w.server.frame_bytes_max = 1 << 20;
    w.server.accepting = true;
    w.sasl = (struct sasl_settings){.enabled = {SASL_SCRAM_SHA_256},
                                    .enabled_n = 1,
                                    .token_bytes_max = 1 << 19,
                                    .failure_delay_ms = 100};
    w.listener = (struct server_listener){.server = &w.server,
                                          .kind = LISTENER_BROKER,
                                          .connections_max = -1,
                                          .creations_max = -1,
                                          .listener.env = &w.env,
                                          .sasl = &w.sasl};
    struct accepted a = {
        .handle = 1, .peer = S("127.0.0.1:4711"), .principal = S("User:ANONYMOUS")};
    session_accept(&w.listener, &a);
    take_effects();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    env_release(&w.env);
    return 0;
}

static struct session *
the_session(void)
{
    CHECK(!list_is_empty(&w.server.sessions));
    return LIST_ENTRY(w.server.sessions.next, struct session, node);
}

static struct authentication *
the_authentication(void)
{
    return the_session()->authentication;
}

static void
send_request(int16_t api_key, int16_t version, const void *request)
{
    struct request_head head = {.api_key = api_key, .version = version, .client_id = S("c")};
    struct frame f;
    assert_true(frame_request(&w.env.mem, &w.env.scratch, &head, request, &f));
    struct buf *buf = buf_new(&w.env.mem, f.bytes);
    for (int32_t i = 0; i < f.segs_n; i++) {
        memcpy(buf->data + buf->n, f.segs[i].bytes.p, (size_t)f.segs[i].bytes.n);
        buf->n += f.segs[i].bytes.n;
    }
    frame_release(&f);
    deliver((struct event){
        .kind = EV_BYTES, .conn = &the_session()->conn, .data = buf_slice(buf), .buf = buf});
}

static void
send_handshake(void)
{
    struct k_sasl_handshake_request q = {.mechanism = S("SCRAM-SHA-256")};
    send_request(K_API_SASL_HANDSHAKE, 1, &q);
}

static void
send_token(struct slice token)
{
    struct k_sasl_authenticate_request q = {.auth_bytes = token};
    send_request(K_API_SASL_AUTHENTICATE, 0, &q);
}

/* Up to where the proof is being looked at. */
static void
show_proof(void)
{
    send_handshake();
    send_token(S("n,,n=alice,r=abc"));
    assert_true(the_authentication()->scram.is_begun);
    assert_slice(the_authentication()->scram.stored_key, "stored key");
    struct writer t = writer_mem(&w.env.mem);
    fmt_str(&t, "c=biws,r=");
    fmt_slice(&t, the_authentication()->scram.nonce);
    fmt_str(&t, ",p=");
    fmt_base64(&t, S("proof"));
    send_token(writer_slice(&t));
    writer_release(&t);
    assert_non_null(w.work);
}

static void
work_is_done(enum env_err err)
{
    struct op *op = w.work;
    w.work = NULL;
    struct buf *buf = err ? NULL : buf_copy(&w.env.mem, S("signature"));
    deliver((struct event){.kind = EV_DONE, .op = op, .err = err, .buf = buf});
}

static void
assert_keeps_nothing(void)
{
    const struct scram_exchange *x = &the_authentication()->scram;
    assert_false(x->is_begun);
    assert_null(x->stored_key.p);
    assert_null(x->server_key.p);
    assert_null(x->arena.blocks);
}

static void
of_who_was_let_in_no_key_is_kept(void **state)
{
    (void)state;
    show_proof();
    work_is_done(ENV_OK);
    assert_int_equal(the_authentication()->state, SASL_COMPLETE);
    assert_slice(the_session()->principal, "User:alice");
    assert_keeps_nothing();
}

static void
of_whose_proof_is_wrong_no_key_is_kept(void **state)
{
    (void)state;
    show_proof();
    work_is_done(ENV_ECORRUPT);
    assert_int_equal(the_authentication()->state, SASL_FAILED);
    assert_keeps_nothing();
}

static void
of_who_said_nonsense_no_key_is_kept(void **state)
{
    (void)state;
    send_handshake();
    send_token(S("n,,n=alice,r=abc"));
    assert_non_null(the_authentication()->scram.stored_key.p);
    send_token(S("nonsense"));
    assert_int_equal(the_authentication()->state, SASL_FAILED);
    assert_keeps_nothing();
}

static void
the_keys_are_there_while_the_proof_is_looked_at(void **state)
{
    (void)state;
    show_proof();
    assert_slice(the_authentication()->scram.stored_key, "stored key");
    deliver((struct event){.kind = EV_CLOSED, .conn = &the_session()->conn, .err = ENV_EOF});
    work_is_done(ENV_OK); /* nobody is there to be told */
    assert_true(list_is_empty(&w.server.sessions));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(of_who_was_let_in_no_key_is_kept),
        CASE(of_whose_proof_is_wrong_no_key_is_kept),
        CASE(of_who_said_nonsense_no_key_is_kept),
        CASE(the_keys_are_there_while_the_proof_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
