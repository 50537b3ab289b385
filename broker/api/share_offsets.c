/* DescribeShareGroupOffsets, AlterShareGroupOffsets, DeleteShareGroupOffsets. */
#include "broker/api/handlers.h"
#include "broker/api/waiting_call.h"
#include "broker/base/check.h"
#include "broker/group/groups.h"
#include "broker/protocol/codec.h"

typedef struct k_describe_share_group_offsets_response_describe_share_group_offsets_response_group
    described_group;

void
handle_alter_share_group_offsets(struct server *s, struct request *r)
{
    groups_alter_share_offsets(s->groups, r->message, waiting_call_new(r));
}

void
handle_delete_share_group_offsets(struct server *s, struct request *r)
{
    groups_delete_share_offsets(s->groups, r->message, waiting_call_new(r));
}

/* ---- several groups, one answer ---- */

struct describing {
    struct request *r;
    struct k_describe_share_group_offsets_response response;
    int32_t waiting;
};

struct describing_one {
    struct coordinator_call call;
    struct describing *of;
    described_group *result;
};

static void
described_one(struct coordinator_call *c, const void *response)
{
    struct describing_one *one = CONTAINER_OF(c, struct describing_one, call);
    *one->result = *(const described_group *)response;
    CHECK(one->of->waiting > 0);
    if (--one->of->waiting == 0) request_answer(one->of->r, &one->of->response);
}

void
handle_describe_share_group_offsets(struct server *s, struct request *r)
{
    const struct k_describe_share_group_offsets_request *q = r->message;
    struct describing *d = REQUEST_NEW(r, struct describing);
    d->r = r;
    codec_default(K_MSG_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE, &d->response);
    d->response.groups_n = q->groups_n;
    d->response.groups = codec_array(
        &r->arena,
        K_STRUCT_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_GROUP,
        q->groups_n);
    d->waiting = q->groups_n;
    if (q->groups_n <= 0) request_answer(r, &d->response);
    for (int32_t i = 0; i < q->groups_n; i++) {
        struct describing_one *one = REQUEST_NEW(r, struct describing_one);
        one->of = d;
        one->result = &d->response.groups[i];
        one->call = *waiting_call_new(r);
        one->call.done = described_one;
        groups_describe_share_offsets(s->groups, &q->groups[i], &one->call);
    }
}
