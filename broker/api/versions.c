/* ApiVersions: what is served here, in which versions, and which features the cluster has finalised. */
#include "broker/api/authentication.h"
#include "broker/api/handlers.h"
#include "broker/metadata/image.h"
#include "broker/protocol/codec.h"
#include "features.h"

static void
fill_apis(struct request *r, struct k_api_versions_response *res)
{
    res->api_keys = codec_array(&r->arena, K_STRUCT_API_VERSIONS_RESPONSE_API_VERSION, K_APIS_N);
    for (int16_t key = 0; key < K_APIS_N; key++) {
        const struct k_api *api = k_api_of(key);
        if (!api || !dispatch_find(key, r->listener->kind)) continue;
        struct k_api_versions_response_api_version *v = &res->api_keys[res->api_keys_n++];
        v->api_key = key;
        /* Kafka advertises Produce from 0 on for old clients' sake, although it serves 3 and up. */
        v->min_version = key == K_API_PRODUCE ? 0 : api->min;
        v->max_version = api->max_stable;
    }
}

static void
versions_fill_features(struct server *s, struct request *r, struct k_api_versions_response *res)
{
    int32_t n;
    const struct server_feature *f = server_features(&n);
    res->supported_features =
        codec_array(&r->arena, K_STRUCT_API_VERSIONS_RESPONSE_SUPPORTED_FEATURE_KEY, n);
    for (int32_t i = 0; i < n; i++) {
        /* KAFKA-17492: clients up to version 3 choke on a minimum of 0. */
        if (f[i].min == 0 && r->version < 4) continue;
        struct k_api_versions_response_supported_feature_key *k =
            &res->supported_features[res->supported_features_n++];
        k->name = slice_cstr(f[i].name);
        k->min_version = f[i].min;
        k->max_version = f[i].max;
    }
    if (!s->image) return;
    res->finalized_features_epoch = s->image->features_epoch;
    res->finalized_features = codec_array(
        &r->arena, K_STRUCT_API_VERSIONS_RESPONSE_FINALIZED_FEATURE_KEY, s->image->features.n);
    for (int64_t i = 0; i < s->image->features.n; i++) {
        if (s->image->features.v[i].level == 0) continue;
        struct k_api_versions_response_finalized_feature_key *k =
            &res->finalized_features[res->finalized_features_n++];
        k->name = s->image->features.v[i].name;
        k->max_version_level = k->min_version_level = s->image->features.v[i].level;
    }
}

static bool
is_alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* KIP-511: letters and digits; within, also - and . */
static bool
is_software(struct slice name)
{
    if (name.n == 0 || !is_alphanumeric(name.p[0]) || !is_alphanumeric(name.p[name.n - 1]))
        return false;
    for (int64_t i = 0; i < name.n; i++)
        if (!is_alphanumeric(name.p[i]) && name.p[i] != '-' && name.p[i] != '.') return false;
    return true;
}

/* KIP-1242: a client that was given the address of somebody else is told before it believes what it
 * reads. It names the cluster and the node that it means, or neither. */
static int16_t
check_addressee(const struct server *s, const struct k_api_versions_request *q)
{
    bool cluster = q->cluster_id.p, node = q->node_id != -1;
    if (cluster != node) return K_ERR_INVALID_REQUEST;
    if (!cluster) return 0;
    bool is_meant = slice_eq(q->cluster_id, s->cluster_id) && q->node_id == s->node_id;
    return is_meant ? 0 : K_ERR_REBOOTSTRAP_REQUIRED;
}

static int16_t
check_client_software(const struct request *r)
{
    const struct k_api_versions_request *q = r->message;
    if (r->version < 3) return 0;
    if (!is_software(q->client_software_name) || !is_software(q->client_software_version))
        return K_ERR_INVALID_REQUEST;
    return r->version < 5 ? 0 : check_addressee(r->server, q);
}

void
handle_api_versions(struct server *s, struct request *r)
{
    struct k_api_versions_response res;
    codec_default(K_MSG_API_VERSIONS_RESPONSE, &res);
    if (authentication_is_out_of_turn(r)) {
        struct k_api_versions_response *late = REQUEST_NEW(r, struct k_api_versions_response);
        *late = res;
        late->error_code = K_ERR_ILLEGAL_SASL_STATE;
        if (r->unknown_version) r->version = 0;
        authentication_refuse(r, late);
        return;
    }
    if (r->unknown_version) {
        /* KIP-511: an answer that any client can read, with the versions that this API has. */
        const struct k_api *api = k_api_of(K_API_API_VERSIONS);
        res.error_code = K_ERR_UNSUPPORTED_VERSION;
        res.api_keys_n = 1;
        res.api_keys = codec_array(&r->arena, K_STRUCT_API_VERSIONS_RESPONSE_API_VERSION, 1);
        res.api_keys[0].api_key = K_API_API_VERSIONS;
        res.api_keys[0].min_version = api->min;
        res.api_keys[0].max_version = api->max_stable;
        r->version = 0;
        request_answer(r, &res);
        return;
    }
    res.error_code = check_client_software(r);
    if (!res.error_code) {
        fill_apis(r, &res);
        versions_fill_features(s, r, &res);
    }
    if (!res.error_code) authentication_versions_told(r);
    request_answer(r, &res);
}
