/* AlterUserScramCredentials, at the controller's end, and DescribeUserScramCredentials (KIP-554). A client sends a password salted and
 * hashed many times; what is kept tells whether somebody has it, and is no help to whoever wants to show it. The hashing is
 * work (env.h), so it is done before the controller decides. */
#include "broker/api/handlers.h"
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/controller/controller.h"
#include "broker/metadata/image.h"
#include "broker/protocol/codec.h"
#include "broker/security/scram_work.h"

/* ---- keys ---- */

struct keying {
    struct op op;
    struct request *r;
    struct k_alter_user_scram_credentials_request *q;
    int32_t i; /* the upsertion that is hashed */
};

static void keying_next(struct keying *k);

static void
keyed(struct op *op)
{
    struct keying *k = CONTAINER_OF(op, struct keying, op);
    struct slice *password = &k->q->upsertions[k->i++].salted_password;
    *password = op->err ? SLICE_EMPTY : arena_dup(&k->r->arena, buf_slice(op->buf));
    buf_unref(op->buf);
    keying_next(k);
}

/* One after the other; those of a mechanism that nobody knows are refused anyway. */
static void
keying_next(struct keying *k)
{
    struct server *s = k->r->server;
    for (; k->i < k->q->upsertions_n; k->i++) {
        const struct k_alter_user_scram_credentials_request_scram_credential_upsertion *u =
            &k->q->upsertions[k->i];
        enum sasl_mechanism m = sasl_scram_of_number(u->mechanism);
        if (m == SASL_MECHANISMS_N) continue;
        k->op.done = keyed;
        scram_work(s->env, &k->op, WORK_SCRAM_KEYS, m, &u->salted_password, 1);
        return;
    }
    handle_controller(s, k->r);
}

void
handle_alter_user_scram_credentials(struct server *s, struct request *r)
{
    (void)s;
    struct keying *k = REQUEST_NEW(r, struct keying);
    k->r = r;
    k->q = r->message;
    keying_next(k);
}

/* ---- what there is ---- */

typedef struct k_describe_user_scram_credentials_response describe_response;
typedef struct k_describe_user_scram_credentials_response_describe_user_scram_credentials_result
    describe_result;

/* All of one user, who may have none. How many. */
static int32_t
describe_user(const struct image *im, struct request *r, struct slice user, describe_result *ret)
{
    ret->user = user;
    ret->credential_infos = codec_array(
        &r->arena, K_STRUCT_DESCRIBE_USER_SCRAM_CREDENTIALS_RESPONSE_CREDENTIAL_INFO, 2);
    for (int8_t m = 1; sasl_scram_of_number(m) != SASL_MECHANISMS_N; m++) {
        const struct image_scram *s = image_scram(im, user, m);
        if (!s) continue;
        ret->credential_infos[ret->credential_infos_n].mechanism = m;
        ret->credential_infos[ret->credential_infos_n++].iterations = s->iterations;
    }
    return ret->credential_infos_n;
}

static struct slice
about_user(struct request *r, const char *what, struct slice user)
{
    struct writer w = writer_mem(request_mem(r));
    fmt_str(&w, what);
    fmt_slice(&w, user);
    struct slice s = arena_dup(&r->arena, writer_slice(&w));
    writer_release(&w);
    return s;
}

static bool
is_first_naming(const struct k_describe_user_scram_credentials_request *q, int32_t at)
{
    for (int32_t i = 0; i < at; i++)
        if (slice_eq(q->users[i].name, q->users[at].name)) return false;
    return true;
}

static bool
is_named_again(const struct k_describe_user_scram_credentials_request *q, int32_t at)
{
    for (int32_t i = at + 1; i < q->users_n; i++)
        if (slice_eq(q->users[i].name, q->users[at].name)) return true;
    return false;
}

static void
describe_users(const struct image *im, struct request *r, describe_response *res)
{
    const struct k_describe_user_scram_credentials_request *q = r->message;
    for (int32_t i = 0; i < q->users_n; i++) {
        if (!is_first_naming(q, i)) continue;
        describe_result *one = &res->results[res->results_n++];
        struct slice user = q->users[i].name;
        if (is_named_again(q, i)) {
            one->user = user;
            one->error_code = K_ERR_DUPLICATE_RESOURCE;
            one->error_message = about_user(
                r,
                "Cannot describe SCRAM credentials for the same user twice in a single request: ",
                user);
        } else if (describe_user(im, r, user, one) == 0) {
            one->error_code = K_ERR_RESOURCE_NOT_FOUND;
            one->error_message =
                about_user(r, "Attempt to describe a user credential that does not exist: ", user);
        }
    }
}

static void
describe_all(const struct image *im, struct request *r, describe_response *res)
{
    for (int64_t i = 0; i < im->scrams.n; i++) {
        struct slice user = im->scrams.v[i].user;
        if (i && slice_eq(im->scrams.v[i - 1].user, user)) continue;
        (void)describe_user(im, r, user, &res->results[res->results_n++]);
    }
}

/* Comparing all with all has an end. */
#define DESCRIBED_MAX 10000

void
handle_describe_user_scram_credentials(struct server *s, struct request *r)
{
    const struct k_describe_user_scram_credentials_request *q = r->message;
    describe_response res;
    codec_default(K_MSG_DESCRIBE_USER_SCRAM_CREDENTIALS_RESPONSE, &res);
    res.error_message = SLICE_NULL;
    if (q->users_n > DESCRIBED_MAX) {
        res.error_code = K_ERR_INVALID_REQUEST;
        request_answer(r, &res);
        return;
    }
    int64_t n = q->users_n > 0 ? q->users_n : s->image->scrams.n;
    res.results = codec_array(
        &r->arena,
        K_STRUCT_DESCRIBE_USER_SCRAM_CREDENTIALS_RESPONSE_DESCRIBE_USER_SCRAM_CREDENTIALS_RESULT,
        n);
    for (int64_t i = 0; i < n; i++) res.results[i].error_message = SLICE_NULL;
    if (q->users_n > 0) describe_users(s->image, r, &res);
    else describe_all(s->image, r, &res);
    request_answer(r, &res);
}
