#include "broker/security/plain.h"

#include "broker/security/secret.h"

int32_t
plain_read(struct slice token, struct plain_token *ret)
{
    struct slice parts[4];
    int32_t n = 0;
    for (int64_t from = 0; n < 4; n++) {
        int64_t end = slice_find(token, 0, from);
        parts[n] = slice_sub(token, from, (end < 0 ? token.n : end) - from);
        if (end < 0) {
            n++;
            break;
        }
        from = end + 1;
    }
    if (n == 3) *ret = (struct plain_token){parts[0], parts[1], parts[2]};
    return n;
}

struct slice
plain_check(const struct plain_token *t, const struct jaas *users)
{
    if (t->user.n == 0) return S("Authentication failed: username not specified");
    if (t->password.n == 0) return S("Authentication failed: password not specified");
    struct slice password = jaas_user(users, t->user);
    /* Also without such a user something is compared, so that the time does not tell who is there. */
    bool is_right = secret_eq(t->password, password.p ? password : t->user);
    if (!password.p || !is_right) return S("Authentication failed: Invalid username or password");
    if (t->authorisation_id.n && !slice_eq(t->authorisation_id, t->user))
        return S(SASL_OTHER_IDENTITY);
    return SLICE_NULL;
}
