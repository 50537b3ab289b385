/* DescribeAcls, CreateAcls, DeleteAcls: there is no authorizer, and whoever asks for access lists is told so
 * in the way that Apache Kafka without one does. */
#include "broker/api/handlers.h"
#include "broker/protocol/codec.h"

void
handle_describe_acls(struct server *s, struct request *r)
{
    (void)s;
    struct k_describe_acls_response res;
    codec_default(K_MSG_DESCRIBE_ACLS_RESPONSE, &res);
    res.error_code = K_ERR_SECURITY_DISABLED;
    res.error_message = S("No Authorizer is configured on the broker");
    request_answer(r, &res);
}

void
handle_create_acls(struct server *s, struct request *r)
{
    (void)s;
    const struct k_create_acls_request *q = r->message;
    struct k_create_acls_response res;
    codec_default(K_MSG_CREATE_ACLS_RESPONSE, &res);
    res.results_n = q->creations_n;
    res.results =
        codec_array(&r->arena, K_STRUCT_CREATE_ACLS_RESPONSE_ACL_CREATION_RESULT, q->creations_n);
    for (int32_t i = 0; i < q->creations_n; i++) {
        res.results[i].error_code = K_ERR_SECURITY_DISABLED;
        res.results[i].error_message = S("No Authorizer is configured.");
    }
    request_answer(r, &res);
}

void
handle_delete_acls(struct server *s, struct request *r)
{
    (void)s;
    const struct k_delete_acls_request *q = r->message;
    struct k_delete_acls_response res;
    codec_default(K_MSG_DELETE_ACLS_RESPONSE, &res);
    res.filter_results_n = q->filters_n;
    res.filter_results = codec_array(
        &r->arena, K_STRUCT_DELETE_ACLS_RESPONSE_DELETE_ACLS_FILTER_RESULT, q->filters_n);
    for (int32_t i = 0; i < q->filters_n; i++) {
        res.filter_results[i].error_code = K_ERR_SECURITY_DISABLED;
        res.filter_results[i].error_message = S("No Authorizer is configured.");
    }
    request_answer(r, &res);
}
