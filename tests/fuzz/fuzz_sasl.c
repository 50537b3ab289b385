/* Any bytes as what somebody unknown sends to be let in, and as the setting that says who may: each of SCRAM's messages, a token of
 * PLAIN, sasl.jaas.config. What is read says the same when it is written again, and lies within what was given. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/security/plain.h"
#include "broker/security/scram_message.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/test.h"

static void
check_client_first(struct slice text, struct arena *a)
{
    struct scram_client_first m, again;
    if (!scram_read_client_first(text, a, &m)) return;
    CHECK(m.header.n + m.bare.n == text.n);
    CHECK(m.user.n > 0 && m.nonce.n > 0);
    struct writer w = writer_mem(a->mem);
    scram_write_client_first(&w, m.user, m.nonce);
    CHECK(scram_read_client_first(writer_slice(&w), a, &again));
    CHECK(slice_eq(again.user, m.user) && slice_eq(again.nonce, m.nonce) && again.header.n == 3);
    writer_release(&w);
}

static void
check_server_first(struct slice text, struct arena *a)
{
    struct scram_server_first m, again;
    if (!scram_read_server_first(text, a, &m)) return;
    struct writer w = writer_mem(a->mem);
    scram_write_server_first(&w, &m);
    CHECK(scram_read_server_first(writer_slice(&w), a, &again));
    CHECK(slice_eq(again.salt, m.salt) && again.iterations == m.iterations);
    writer_release(&w);
}

static void
check_client_final(struct slice text, struct arena *a)
{
    struct scram_client_final m;
    if (!scram_read_client_final(text, a, &m)) return;
    struct writer w = writer_mem(a->mem);
    fmt_slice(&w, m.without_proof);
    scram_write_proof(&w, m.proof);
    CHECK(slice_eq(writer_slice(&w), text));
    writer_release(&w);
}

static void
check_jaas(struct slice text, struct arena *a)
{
    struct jaas j;
    struct plain_token t;
    struct writer why = writer_mem(a->mem);
    bool ok = jaas_parse(text, a, &j, &why);
    CHECK(ok == (why.n == 0));
    int32_t parts = plain_read(text, &t);
    CHECK(parts >= 1 && parts <= 4);
    if (ok && parts == 3) (void)plain_check(&t, &j);
    for (int32_t i = 0; ok && i < j.options_n; i++)
        CHECK(jaas_option(&j, j.options[i].key).p != NULL);
    writer_release(&why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem;
    struct arena a;
    struct slice text = slice(size ? data : (const uint8_t *)"", (int64_t)size), signature;
    test_mem_init(&mem);
    arena_init(&a, &mem, 0);
    check_client_first(text, &a);
    check_server_first(text, &a);
    check_client_final(text, &a);
    (void)scram_read_server_final(text, &a, &signature);
    check_jaas(text, &a);
    mem_release(&mem);
    return 0;
}
