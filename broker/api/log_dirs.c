/* DescribeLogDirs (KIP-113): sizes of the logs on this broker. */
#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/base/check.h"
#include "broker/protocol/codec.h"

typedef struct k_describe_log_dirs_response_describe_log_dirs_topic described_topic;

static bool
partition_is_asked_for(const struct k_describe_log_dirs_request *q, const struct partition *p)
{
    if (q->topics_n < 0) return true;
    for (int32_t i = 0; i < q->topics_n; i++) {
        if (!slice_eq(q->topics[i].topic, p->topic)) continue;
        for (int32_t k = 0; k < q->topics[i].partitions_n; k++)
            if (q->topics[i].partitions[k] == p->index) return true;
    }
    return false;
}

void
handle_describe_log_dirs(struct server *s, struct request *r)
{
    const struct k_describe_log_dirs_request *q = r->message;
    struct replicas *rs = s->replicas;
    struct k_describe_log_dirs_response res;
    codec_default(K_MSG_DESCRIBE_LOG_DIRS_RESPONSE, &res);
    res.results_n = 1;
    res.results =
        codec_array(&r->arena, K_STRUCT_DESCRIBE_LOG_DIRS_RESPONSE_DESCRIBE_LOG_DIRS_RESULT, 1);
    res.results[0].log_dir = rs->log_dir;
    /* One entry a partition: a reader adds up by name. */
    res.results[0].topics = codec_array(
        &r->arena, K_STRUCT_DESCRIBE_LOG_DIRS_RESPONSE_DESCRIBE_LOG_DIRS_TOPIC, rs->partitions.n);
    MAP_EACH(&rs->partitions, p, struct partition, by_id) {
        if (!partition_has_log(p) || !partition_is_asked_for(q, p)) continue;
        described_topic *t = NULL;
        for (int32_t i = 0; i < res.results[0].topics_n && !t; i++)
            if (slice_eq(res.results[0].topics[i].name, p->topic)) t = &res.results[0].topics[i];
        const struct image_topic *it = image_topic_by_id(s->image, p->topic_id);
        int32_t room = it ? it->partitions_n : 1;
        if (!t) {
            t = &res.results[0].topics[res.results[0].topics_n++];
            t->name = p->topic;
            t->partitions = codec_array(
                &r->arena, K_STRUCT_DESCRIBE_LOG_DIRS_RESPONSE_DESCRIBE_LOG_DIRS_PARTITION, room);
        }
        if (t->partitions_n >= room) continue;
        struct k_describe_log_dirs_response_describe_log_dirs_partition *m =
            &t->partitions[t->partitions_n++];
        m->partition_index = p->index;
        m->partition_size = commitlog_size_bytes(&p->log);
        m->offset_lag = MAX(p->high_watermark - commitlog_written_end(&p->log), 0);
    }
    request_answer(r, &res);
}
