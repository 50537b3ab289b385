/* The hashing of SCRAM (RFC 5802, 7677), by libcrypto; `level` says which SHA-2 it is, 256 or 512.
 *
 *     SaltedPassword = PBKDF2(password, salt, iterations)      ClientKey = HMAC(SaltedPassword, "Client Key")
 *     StoredKey      = H(ClientKey)                            ServerKey = HMAC(SaltedPassword, "Server Key")
 *     ClientProof    = ClientKey XOR HMAC(StoredKey, auth message)
 *     ServerSignature = HMAC(ServerKey, auth message) */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "broker/work/codecs.h"

#define HASH_MAX 64
/* A server may ask a client for much, not for everything: at most a second of work or so. */
#define ITERATIONS_MAX 1000000

struct key {
    uint8_t v[HASH_MAX];
};

static const EVP_MD *
sha_of(int32_t level)
{
    return level == 256 ? EVP_sha256() : level == 512 ? EVP_sha512() : NULL;
}

static int
sha_bytes(const EVP_MD *h)
{
    return EVP_MD_get_size(h);
}

static struct slice
key_slice(const EVP_MD *h, const struct key *k)
{
    return slice(k->v, sha_bytes(h));
}

static bool
hmac(const EVP_MD *h, struct slice key, struct slice text, struct key *ret)
{
    unsigned n;
    return key.n <= INT32_MAX &&
           HMAC(h, key.p, (int)key.n, text.p, (size_t)text.n, ret->v, &n) != NULL;
}

static bool
hash(const EVP_MD *h, const struct key *of, struct key *ret)
{
    return EVP_Digest(of->v, (size_t)sha_bytes(h), ret->v, NULL, h, NULL) == 1;
}

static void
xor_into(struct key *to, const struct key *from)
{
    for (int i = 0; i < HASH_MAX; i++) to->v[i] ^= from->v[i];
}

/* ---- what an administrator's salted password becomes ---- */

static bool
keys_of(const EVP_MD *h, struct slice salted, struct key *ret_client, struct key *ret_stored,
        struct key *ret_server)
{
    return hmac(h, salted, S("Client Key"), ret_client) && hash(h, ret_client, ret_stored) &&
           hmac(h, salted, S("Server Key"), ret_server);
}

/* salted password -> StoredKey, ServerKey */
enum env_err
scram_keys(int32_t level, const struct in *in, struct out *out)
{
    const EVP_MD *h = sha_of(level);
    struct key client = {0}, stored = {0}, server = {0};
    if (!h || in->segs_n != 1 || !keys_of(h, in->segs[0].bytes, &client, &stored, &server))
        return ENV_EINVAL;
    bool fits = out_bytes(out, key_slice(h, &stored)) && out_bytes(out, key_slice(h, &server));
    OPENSSL_cleanse(&client, sizeof client);
    return fits ? ENV_OK : ENV_ETOOBIG;
}

/* ---- the server ---- */

/* StoredKey, ServerKey, ClientProof, auth message -> ServerSignature; ENV_EINVAL: the proof is wrong */
enum env_err
scram_check(int32_t level, const struct in *in, struct out *out)
{
    const EVP_MD *h = sha_of(level);
    if (!h || in->segs_n != 4) return ENV_EINVAL;
    struct slice stored = in->segs[0].bytes, proof = in->segs[2].bytes, said = in->segs[3].bytes;
    struct key client = {0}, signature = {0}, hashed = {0}, server = {0};
    if (stored.n != sha_bytes(h) || proof.n != sha_bytes(h)) return ENV_EINVAL;
    if (!hmac(h, stored, said, &signature)) return ENV_EINVAL;
    memcpy(client.v, proof.p, (size_t)proof.n);
    xor_into(&client, &signature);
    bool is_right = hash(h, &client, &hashed) &&
                    CRYPTO_memcmp(hashed.v, stored.p, (size_t)stored.n) == 0 &&
                    hmac(h, in->segs[1].bytes, said, &server);
    OPENSSL_cleanse(&client, sizeof client);
    if (!is_right) return ENV_EINVAL;
    return out_bytes(out, key_slice(h, &server)) ? ENV_OK : ENV_ETOOBIG;
}

/* ---- the client ---- */

static bool
salted_password(const EVP_MD *h, const struct in *in, struct key *ret)
{
    struct slice password = in->segs[0].bytes, salt = in->segs[1].bytes;
    struct reader r = reader(in->segs[2].bytes);
    int32_t iterations = reader_i32(&r);
    if (r.err || iterations < 1 || iterations > ITERATIONS_MAX) return false;
    if (password.n > INT32_MAX || salt.n > INT32_MAX) return false;
    return PKCS5_PBKDF2_HMAC((const char *)password.p, (int)password.n, salt.p, (int)salt.n,
                             iterations, h, sha_bytes(h), ret->v) == 1;
}

/* password, salt, iterations (four bytes), auth message -> ClientProof, ServerSignature */
enum env_err
scram_prove(int32_t level, const struct in *in, struct out *out)
{
    const EVP_MD *h = sha_of(level);
    struct key salted = {0}, client = {0}, stored = {0}, server = {0}, signature = {0};
    if (!h || in->segs_n != 4 || !salted_password(h, in, &salted)) return ENV_EINVAL;
    struct slice said = in->segs[3].bytes;
    bool ok = keys_of(h, key_slice(h, &salted), &client, &stored, &server) &&
              hmac(h, key_slice(h, &stored), said, &signature);
    xor_into(&client, &signature);
    ok = ok && hmac(h, key_slice(h, &server), said, &signature);
    OPENSSL_cleanse(&salted, sizeof salted);
    if (!ok) return ENV_EINVAL;
    bool fits = out_bytes(out, key_slice(h, &client)) && out_bytes(out, key_slice(h, &signature));
    return fits ? ENV_OK : ENV_ETOOBIG;
}
