#include "broker/security/scram_message.h"

#include "broker/base/fmt.h"
#include "broker/security/base64.h"

#define ITERATIONS_READ_MAX 1000000
#define NO_BINDING "biws" /* "n,," */

/* ---- pieces ---- */

/* The piece up to the next comma, which is taken too. False: there is none left. */
static bool
next_piece(struct slice *rest, struct slice *ret)
{
    if (!rest->p) return false;
    int64_t comma = slice_find(*rest, ',', 0);
    *ret = slice_sub(*rest, 0, comma < 0 ? rest->n : comma);
    *rest = comma < 0 ? SLICE_NULL : slice_sub(*rest, comma + 1, rest->n);
    return true;
}

/* "r=VALUE": the value, which is not empty. */
static bool
piece_is(struct slice piece, char letter, struct slice *ret)
{
    if (piece.n < 3 || piece.p[0] != (uint8_t)letter || piece.p[1] != '=') return false;
    *ret = slice_sub(piece, 2, piece.n);
    return true;
}

static bool
take_piece(struct slice *rest, char letter, struct slice *ret)
{
    struct slice piece;
    return next_piece(rest, &piece) && piece_is(piece, letter, ret);
}

static bool
is_printable(struct slice s)
{
    for (int64_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x21 || s.p[i] > 0x7E || s.p[i] == ',') return false;
    return s.n > 0;
}

/* ASCII, as in Kafka. */
static bool
is_value(struct slice s)
{
    for (int64_t i = 0; i < s.n; i++)
        if (s.p[i] == 0 || s.p[i] > 0x7F || s.p[i] == ',') return false;
    return s.n > 0;
}

/* A name, in which =2C and =3D stand for a comma and an equals sign. */
static bool
read_name(struct slice s, struct arena *a, struct slice *ret)
{
    uint8_t *p = arena_alloc(a, s.n + 1);
    int64_t n = 0;
    if (!is_value(s)) return false;
    for (int64_t i = 0; i < s.n; i++) {
        bool comma = slice_starts(slice_sub(s, i, 3), S("=2C"));
        bool equals = slice_starts(slice_sub(s, i, 3), S("=3D"));
        if (s.p[i] == '=' && !comma && !equals) return false;
        p[n++] = comma ? ',' : s.p[i];
        if (comma || equals) i += 2;
    }
    *ret = slice(p, n);
    return true;
}

static void
write_name(struct writer *w, struct slice s)
{
    for (int64_t i = 0; i < s.n; i++) {
        if (s.p[i] == ',') fmt_str(w, "=2C");
        else if (s.p[i] == '=') fmt_str(w, "=3D");
        else fmt_char(w, (char)s.p[i]);
    }
}

/* "name=value", whose name has letters only. */
static bool
read_extension(struct slice piece, struct slice *ret_name, struct slice *ret_value)
{
    int64_t equals = slice_find(piece, '=', 0);
    if (equals < 1) return false;
    *ret_name = slice_sub(piece, 0, equals);
    *ret_value = slice_sub(piece, equals + 1, piece.n);
    for (int64_t i = 0; i < ret_name->n; i++) {
        uint8_t c = ascii_lower(ret_name->p[i]);
        if (c < 'a' || c > 'z') return false;
    }
    return is_value(*ret_value);
}

/* ---- the client's first ---- */

/* Extensions that are not known make no difference (RFC 5802, 5.1). */
static bool
read_extensions(struct slice rest, struct scram_client_first *m)
{
    struct slice piece, name, value;
    while (next_piece(&rest, &piece)) {
        if (!read_extension(piece, &name, &value)) return false;
        if (slice_eq_any_case(name, S("tokenauth")))
            m->is_for_token = slice_eq_any_case(value, S("true"));
    }
    return true;
}

bool
scram_read_client_first(struct slice text, struct arena *a, struct scram_client_first *ret)
{
    struct scram_client_first m = {.authorisation_id = SLICE_NULL};
    struct slice rest = text, piece, name;
    if (!next_piece(&rest, &piece) || !slice_eq(piece, S("n"))) return false;
    if (!next_piece(&rest, &piece)) return false;
    if (piece.n && (!piece_is(piece, 'a', &name) || !read_name(name, a, &m.authorisation_id)))
        return false;
    if (!rest.p) return false;
    m.header = slice_sub(text, 0, rest.p - text.p);
    m.bare = rest;
    if (!next_piece(&rest, &piece)) return false;
    if (slice_starts(piece,
                     S("m="))) { /* reserved for what must be understood; Kafka passes it over */
        if (!piece_is(piece, 'm', &name) || !is_value(name) || !next_piece(&rest, &piece))
            return false;
    }
    if (!piece_is(piece, 'n', &name) || !read_name(name, a, &m.user)) return false;
    if (!take_piece(&rest, 'r', &m.nonce) || !is_printable(m.nonce)) return false;
    if (!read_extensions(rest, &m)) return false;
    *ret = m;
    return true;
}

void
scram_write_client_first(struct writer *w, struct slice user, struct slice nonce)
{
    fmt_str(w, "n,,n=");
    write_name(w, user);
    fmt_str(w, ",r=");
    fmt_slice(w, nonce);
}

/* ---- the server's first ---- */

bool
scram_read_server_first(struct slice text, struct arena *a, struct scram_server_first *ret)
{
    struct scram_server_first m;
    struct slice rest = text, salt, iterations;
    int64_t n;
    if (!take_piece(&rest, 'r', &m.nonce) || !is_printable(m.nonce)) return false;
    if (!take_piece(&rest, 's', &salt) || !base64_read(salt, a, &m.salt)) return false;
    if (!take_piece(&rest, 'i', &iterations) || !slice_to_i64(iterations, &n)) return false;
    if (n < SCRAM_ITERATIONS_MIN || n > ITERATIONS_READ_MAX) return false;
    m.iterations = (int32_t)n;
    *ret = m;
    return true;
}

void
scram_write_server_first(struct writer *w, const struct scram_server_first *m)
{
    fmt_str(w, "r=");
    fmt_slice(w, m->nonce);
    fmt_str(w, ",s=");
    fmt_base64(w, m->salt);
    fmt_str(w, ",i=");
    fmt_i64(w, m->iterations);
}

/* ---- the client's last ---- */

bool
scram_read_client_final(struct slice text, struct arena *a, struct scram_client_final *ret)
{
    struct scram_client_final m = {0};
    struct slice rest = text, piece, value, name;
    if (!take_piece(&rest, 'c', &value) || !base64_read(value, a, &m.binding)) return false;
    if (!take_piece(&rest, 'r', &m.nonce) || !is_printable(m.nonce)) return false;
    while (next_piece(&rest, &piece)) {
        if (!rest.p) { /* the last one */
            m.without_proof = slice_sub(text, 0, piece.p - text.p - 1);
            if (!piece_is(piece, 'p', &value) || !base64_read(value, a, &m.proof)) return false;
            *ret = m;
            return true;
        }
        if (!read_extension(piece, &name, &value)) return false;
    }
    return false;
}

void
scram_write_client_final(struct writer *w, struct slice nonce)
{
    fmt_str(w, "c=" NO_BINDING ",r=");
    fmt_slice(w, nonce);
}

void
scram_write_proof(struct writer *w, struct slice proof)
{
    fmt_str(w, ",p=");
    fmt_base64(w, proof);
}

/* ---- the server's last ---- */

bool
scram_read_server_final(struct slice text, struct arena *a, struct slice *ret_signature)
{
    struct slice rest = text, value;
    return take_piece(&rest, 'v', &value) && base64_read(value, a, ret_signature);
}

void
scram_write_server_final(struct writer *w, struct slice signature)
{
    fmt_str(w, "v=");
    fmt_base64(w, signature);
}

struct slice
scram_auth_message(struct arena *a, struct slice client_first_bare, struct slice server_first,
                   struct slice client_final_without_proof)
{
    struct writer w = writer_mem(a->mem);
    fmt_slice(&w, client_first_bare);
    fmt_char(&w, ',');
    fmt_slice(&w, server_first);
    fmt_char(&w, ',');
    fmt_slice(&w, client_final_without_proof);
    struct slice s = arena_dup(a, writer_slice(&w));
    writer_release(&w);
    return s;
}
