#include "broker/api/read_redirect.h"

#include "broker/replica/read_replica.h"

static struct read_candidate
candidate(const struct server *s, int32_t id)
{
    const struct image_broker *b = image_broker(s->image, id);
    return (struct read_candidate){.broker_id = id,
                                   .rack = b && !b->is_fenced ? b->rack : SLICE_NULL};
}

int32_t
read_redirect(struct server *s, const struct partition *p, struct slice rack, int64_t offset)
{
    struct read_candidate v[REPLICAS_MAX + 1];
    int32_t n = 0;
    if (rack.n == 0 || p->role != PARTITION_LEADER) return -1;
    if (!config_str(s->config, K_CFG_REPLICA_SELECTOR_CLASS).n) return -1;
    v[n] = candidate(s, s->node_id);
    v[n++].is_leader = true;
    for (int64_t i = 0; i < p->followers.n && n <= REPLICAS_MAX; i++) {
        const struct follower *f = &p->followers.v[i];
        if (!isr_has(&p->isr, f->broker_id)) continue;
        v[n] = candidate(s, f->broker_id);
        v[n].log_start = f->progress.log_start;
        v[n++].log_end = f->progress.log_end;
    }
    int32_t at = read_replica_choose(v, n, rack, offset);
    return at < 0 ? -1 : v[at].broker_id;
}
