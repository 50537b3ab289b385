/* DescribeClientQuotas: none can be set (AlterClientQuotas is not served), so there are none. It is answered for kafka-configs'
 * sake, which asks for the quotas of users together with their passwords. */
#include "broker/api/handlers.h"
#include "broker/protocol/codec.h"

void
handle_describe_client_quotas(struct server *s, struct request *r)
{
    (void)s;
    struct k_describe_client_quotas_response res;
    codec_default(K_MSG_DESCRIBE_CLIENT_QUOTAS_RESPONSE, &res);
    res.error_message = SLICE_NULL;
    request_answer(r, &res);
}
