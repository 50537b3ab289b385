/* AlterUserScramCredentials (KIP-554): what users show that they know is set and taken away. Of the new ones the keys have been
 * computed before it comes here (api/scram_credentials.c): they stand in place of the salted password. One change for each user in
 * one request, as in Kafka: also of two mechanisms. */
#include "broker/controller/internal.h"

#include "apis.h"

#define SCRAM_SHA_256 1
#define SCRAM_SHA_512 2
#define ITERATIONS_MIN 4096
#define ITERATIONS_MAX 16384

typedef struct k_alter_user_scram_credentials_request alter_request;
typedef struct k_alter_user_scram_credentials_response alter_response;
typedef struct k_alter_user_scram_credentials_response_alter_user_scram_credentials_result
    alter_result;

/* ---- one result for each user ---- */

static alter_result *
result_of(alter_response *res, struct slice user)
{
    for (int32_t i = 0; i < res->results_n; i++)
        if (slice_eq(res->results[i].user, user)) return &res->results[i];
    return NULL;
}

static void
result_add(struct request *q, struct slice user)
{
    alter_response *res = q->response;
    if (!result_of(res, user)) res->results[res->results_n++].user = arena_dup(q->arena, user);
}

static bool
is_too_long(const alter_request *r)
{
    return r->deletions_n + (int64_t)r->upsertions_n > ITEMS_PER_REQUEST_MAX;
}

static void
blank_alter_scram(struct request *q)
{
    const alter_request *r = q->body;
    alter_response *res = q->response;
    int32_t n = is_too_long(r) ? 0 : r->deletions_n + r->upsertions_n;
    res->results = codec_array(
        q->arena,
        K_STRUCT_ALTER_USER_SCRAM_CREDENTIALS_RESPONSE_ALTER_USER_SCRAM_CREDENTIALS_RESULT, n);
    if (!n) return;
    for (int32_t i = 0; i < r->deletions_n; i++) result_add(q, r->deletions[i].name);
    for (int32_t i = 0; i < r->upsertions_n; i++) result_add(q, r->upsertions[i].name);
}

static void
fail_alter_scram(void *response, int16_t err)
{
    alter_response *res = response;
    for (int32_t i = 0; i < res->results_n; i++) {
        res->results[i].error_code = err;
        res->results[i].error_message = SLICE_NULL;
    }
}

/* ---- what is wrong with a change ---- */

static struct verdict
check_user(struct slice name, int8_t mechanism)
{
    if (name.n == 0)
        return refuse_with(K_ERR_UNACCEPTABLE_CREDENTIAL, "Username must not be empty");
    if (mechanism != SCRAM_SHA_256 && mechanism != SCRAM_SHA_512)
        return refuse_with(K_ERR_UNSUPPORTED_SASL_MECHANISM, "Unknown SCRAM mechanism");
    return FINE;
}

static struct verdict
check_deletion(const struct controller *c,
               const struct k_alter_user_scram_credentials_request_scram_credential_deletion *d)
{
    struct verdict v = check_user(d->name, d->mechanism);
    if (v.code || image_scram(&c->image, d->name, d->mechanism)) return v;
    return refuse_with(K_ERR_RESOURCE_NOT_FOUND,
                       "Attempt to delete a user credential that does not exist");
}

/* Too few are guessed too soon; too many keep a server busy that only wants to know who somebody is. */
static struct verdict
check_upsertion(const struct request *q,
                const struct k_alter_user_scram_credentials_request_scram_credential_upsertion *u)
{
    struct verdict v = check_user(u->name, u->mechanism);
    if (v.code) return v;
    if (u->iterations < ITERATIONS_MIN)
        return refuse_with(K_ERR_UNACCEPTABLE_CREDENTIAL, "Too few iterations");
    if (u->iterations > ITERATIONS_MAX)
        return refuse_with(K_ERR_UNACCEPTABLE_CREDENTIAL, "Too many iterations");
    return check_room(q, 0);
}

/* ---- records ---- */

static void
add_upsertion(struct controller *c,
              const struct k_alter_user_scram_credentials_request_scram_credential_upsertion *u)
{
    struct k_user_scram_credential_record r;
    codec_default(K_MSG_USER_SCRAM_CREDENTIAL_RECORD, &r);
    int64_t half = u->salted_password.n / 2;
    r.name = u->name;
    r.mechanism = u->mechanism;
    r.salt = u->salt;
    r.stored_key = slice_sub(u->salted_password, 0, half);
    r.server_key = slice_sub(u->salted_password, half, half);
    r.iterations = u->iterations;
    batch_add(c, K_MSG_USER_SCRAM_CREDENTIAL_RECORD, 0, &r);
}

static void
add_deletion(struct controller *c,
             const struct k_alter_user_scram_credentials_request_scram_credential_deletion *d)
{
    struct k_remove_user_scram_credential_record r;
    codec_default(K_MSG_REMOVE_USER_SCRAM_CREDENTIAL_RECORD, &r);
    r.name = d->name;
    r.mechanism = d->mechanism;
    batch_add(c, K_MSG_REMOVE_USER_SCRAM_CREDENTIAL_RECORD, 0, &r);
}

/* ---- the request ---- */

static int32_t
times_named(const alter_request *r, struct slice user)
{
    int32_t n = 0;
    for (int32_t i = 0; i < r->deletions_n; i++) n += slice_eq(r->deletions[i].name, user);
    for (int32_t i = 0; i < r->upsertions_n; i++) n += slice_eq(r->upsertions[i].name, user);
    return n;
}

/* True: the change may be made. What was found first stands. */
static bool
tell_scram(const struct request *q, struct slice user, struct verdict v)
{
    alter_result *res = result_of(q->response, user);
    if (!v.code && times_named(q->body, user) > 1)
        v = refuse_with(K_ERR_DUPLICATE_RESOURCE,
                        "A user credential cannot be altered twice in the same request");
    CHECK(res);
    if (v.code && !res->error_code) {
        res->error_code = v.code;
        res->error_message = v.text;
    }
    return !res->error_code;
}

static void
alter_scram(struct request *q)
{
    const alter_request *r = q->body;
    if (is_too_long(r)) return;
    for (int32_t i = 0; i < r->deletions_n; i++)
        if (tell_scram(q, r->deletions[i].name, check_deletion(q->c, &r->deletions[i])))
            add_deletion(q->c, &r->deletions[i]);
    for (int32_t i = 0; i < r->upsertions_n; i++)
        if (tell_scram(q, r->upsertions[i].name, check_upsertion(q, &r->upsertions[i])))
            add_upsertion(q->c, &r->upsertions[i]);
}

const struct handler alter_user_scram_credentials_handler = {
    .api_key = K_API_ALTER_USER_SCRAM_CREDENTIALS,
    .response = K_MSG_ALTER_USER_SCRAM_CREDENTIALS_RESPONSE,
    .response_bytes = sizeof(alter_response),
    .blank = blank_alter_scram,
    .handle = alter_scram,
    .fail = fail_alter_scram,
};
