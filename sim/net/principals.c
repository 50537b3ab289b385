/* Whose connection it is: read off SaslAuthenticate and its answer as they pass, as anybody on the way could. (Tokens without
 * a header, which came before KIP-152, pass unread.) */
#include "broker/base/fmt.h"
#include "broker/protocol/frame.h"
#include "broker/security/mechanism.h"
#include "broker/security/plain.h"
#include "sim/net/internal.h"

#include "apis.h"
#include "messages.h"

struct shown {
    struct slice user;      /* he says that he is */
    struct slice principal; /* "User:alice": it was believed; null: not yet */
};

void
shown_free(struct world *w, struct shown *s)
{
    if (!s) return;
    mem_free_slice(&w->mem, s->user);
    mem_free_slice(&w->mem, s->principal);
    MEM_DELETE(&w->mem, s);
}

/* Of PLAIN's token, or of SCRAM's first: "n,,n=alice,r=…" (RFC 5802), where =2C and =3D stand for a comma and an equals sign. */
static struct slice
user_of_token(struct arena *a, struct slice token)
{
    struct plain_token t;
    if (plain_read(token, &t) == 3) return t.user;
    if (!slice_starts(token, S("n,"))) return SLICE_NULL;
    int64_t at = slice_find(token, ',', 2);
    if (at < 0 || !slice_starts(slice_sub(token, at + 1, 2), S("n="))) return SLICE_NULL;
    int64_t end = slice_find(token, ',', at + 3);
    struct slice name = slice_sub(token, at + 3, (end < 0 ? token.n : end) - at - 3);
    uint8_t *p = arena_alloc(a, name.n);
    int64_t n = 0;
    for (int64_t i = 0; i < name.n; i++) {
        bool comma = slice_starts(slice_sub(name, i, 3), S("=2C"));
        bool equals = slice_starts(slice_sub(name, i, 3), S("=3D"));
        p[n++] = comma ? ',' : equals ? '=' : name.p[i];
        if (comma || equals) i += 2;
    }
    return slice(p, n);
}

static void
follow_request(struct tcp *t, struct arena *a, struct slice frame)
{
    struct mem *mem = &t->w->mem;
    struct request_head head;
    struct k_sasl_authenticate_request q;
    struct reader r = reader(slice_sub(frame, 4, frame.n));
    if (request_head_read(&r, a, &head) != HEAD_OK || head.api_key != K_API_SASL_AUTHENTICATE ||
        !codec_decode(K_MSG_SASL_AUTHENTICATE_REQUEST, head.version, &r, a, &q))
        return;
    struct slice user = user_of_token(a, q.auth_bytes);
    if (!user.p) return;
    if (!t->shown) t->shown = MEM_NEW(mem, struct shown);
    mem_free_slice(mem, t->shown->user);
    t->shown->user = mem_dup(mem, user);
}

/* A challenge begins with r=, and is no consent yet; the last word of SCRAM with v=, that of PLAIN is empty. */
static void
follow_answer(struct tcp *t, struct arena *a, const struct world_frame *f, struct slice frame)
{
    struct mem *mem = &t->w->mem;
    struct k_sasl_authenticate_response res;
    int32_t correlation;
    struct reader r = reader(slice_sub(frame, 4, frame.n));
    if (!t->shown || !response_head_read(&r, f->api, f->version, &correlation) ||
        !codec_decode(K_MSG_SASL_AUTHENTICATE_RESPONSE, f->version, &r, a, &res) ||
        res.error_code || slice_starts(res.auth_bytes, S("r=")))
        return;
    mach_of(t->client)->logins++;
    struct writer w = writer_mem(mem);
    fmt_str(&w, "User:");
    fmt_slice(&w, t->shown->user);
    /* Frames under way refer to it: nobody becomes somebody else (KIP-368), so it is not said twice. */
    if (!t->shown->principal.p) t->shown->principal = mem_dup(mem, writer_slice(&w));
    writer_release(&w);
}

void
principals_follow(struct tcp *t, const struct world_frame *f, struct slice frame)
{
    struct arena a;
    if (f->api != K_API_SASL_AUTHENTICATE) return;
    arena_init(&a, &t->w->mem, 0);
    if (f->is_answer) follow_answer(t, &a, f, frame);
    else follow_request(t, &a, frame);
    arena_release(&a);
}

struct slice
principal_of(const struct tcp *t)
{
    return t->shown ? t->shown->principal : SLICE_NULL;
}

bool
principal_is(struct slice principal, struct slice wanted)
{
    if (!principal.p)
        return slice_eq(wanted, S("ANONYMOUS")) || slice_eq(wanted, S("User:ANONYMOUS"));
    return slice_eq(principal, wanted) || slice_eq(slice_sub(principal, 5, principal.n), wanted);
}

/* ---- for those who look on ---- */

void
net_follow_principals(struct world *w)
{
    w->net.follows_principals = true;
}

bool
net_machine_is_of(struct world *w, const struct machine *m, struct slice principal)
{
    LIST_EACH(&w->net.all, t, struct tcp, all)
        if (t->client == m && !t->is_dead && principal_of(t).p &&
            principal_is(principal_of(t), principal))
            return true;
    return false;
}

int64_t
net_logins(const struct machine *m)
{
    return CONTAINER_OF(m, const struct mach, m)->logins;
}

struct slice
net_principal_of(struct world *w, const struct machine *m, uint64_t conn)
{
    LIST_EACH(&w->net.all, t, struct tcp, all)
        if (t->client == m && t->a.handle == conn) return principal_of(t);
    return SLICE_NULL;
}
