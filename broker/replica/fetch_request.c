/* What a Fetch asks: the partitions that are new, that moved, or that are not ready and are to be forgotten; all of them, where there
 * is no session (KIP-227). */
#include "broker/replica/fetcher_own.h"

#include "configs.h"

bool
fetcher_is_ready(const struct partition *p)
{
    return p->life != PARTITION_CUTTING && !p->needs_offsets &&
           p->fetch_not_before_ns <= env_now_ns(p->env) &&
           commitlog_settled_end(&p->log) == commitlog_assigned_end(&p->log);
}

bool
fetcher_has_hole(struct partition *p, struct log_hole *ret)
{
    if (!commitlog_first_hole(&p->log, ret)) return false;
    const struct image_partition *ip = partition_in_image(p);
    int32_t me = p->owner->node_id;
    return ip && !ids_has(ip->isr, me) && !ids_has(ip->elr, me);
}

static void
fetcher_fill_partition(struct k_fetch_request_fetch_partition *q, struct partition *p)
{
    struct replicas *r = p->owner;
    int64_t end = commitlog_settled_end(&p->log);
    struct log_hole hole;
    if (fetcher_has_hole(p, &hole)) end = hole.from;
    p->asked_from = end;
    q->partition = p->index;
    /* KIP-320: the leader refuses a follower of another epoch. */
    q->current_leader_epoch = p->leader_epoch;
    q->fetch_offset = MAX(end, p->fetch_from);
    /* KIP-595: with the epoch of its last record the leader can tell where the logs part. */
    q->last_fetched_epoch = end > commitlog_start(&p->log) ? commitlog_epoch_at(&p->log, end - 1)
                                                           : commitlog_latest_epoch(&p->log);
    q->log_start_offset = commitlog_start(&p->log);
    q->partition_max_bytes = (int32_t)config_i64(r->config, K_CFG_REPLICA_FETCH_MAX_BYTES);
}

void
fetcher_name(struct fetcher *f, struct partition *p)
{
    if (!list_is_linked(&p->to_name)) list_push_back(&f->to_name, &p->to_name);
}

void
fetcher_restate(struct partition *p)
{
    if (p->fetcher) fetcher_name(p->fetcher, p);
}

void
fetcher_forget(struct fetcher *f, struct partition *p)
{
    if (!p->is_in_session) return;
    p->is_in_session = false;
    f->in_session_n--;
    struct forgotten gone = {p->topic_id, p->index};
    VEC_PUSH(&f->r->env->mem, &f->forgotten, gone);
}

static void
name_now(struct fetcher *f, struct partition *p)
{
    list_remove(&p->to_name);
    p->fetching_epoch = p->leader_epoch;
    if (p->is_in_session) return;
    p->is_in_session = true;
    f->in_session_n++;
}

/* The partitions to be named, in scratch memory. */
static struct partition **
gather_all(struct fetcher *f, int32_t *ret_n)
{
    int32_t n = 0;
    f->in_session_n = 0;
    f->forgotten.n = 0;
    LIST_EACH(&f->partitions, p, struct partition, fetching) n++;
    struct partition **all = ARENA_ARRAY(&f->r->env->scratch, struct partition *, n);
    *ret_n = 0;
    LIST_EACH(&f->partitions, p, struct partition, fetching) {
        p->is_in_session = false;
        if (!fetcher_is_ready(p)) continue;
        name_now(f, p);
        all[(*ret_n)++] = p;
    }
    return all;
}

/* What is not ready the leader must forget, or it would send once more what is being written. */
static struct partition **
gather_changed(struct fetcher *f, int32_t *ret_n)
{
    int32_t n = 0;
    LIST_EACH(&f->to_name, p, struct partition, to_name) n++;
    struct partition **changed = ARENA_ARRAY(&f->r->env->scratch, struct partition *, n);
    *ret_n = 0;
    LIST_EACH(&f->to_name, p, struct partition, to_name) {
        if (!fetcher_is_ready(p)) {
            fetcher_forget(f, p);
            continue;
        }
        name_now(f, p);
        changed[(*ret_n)++] = p;
    }
    return changed;
}

static void
fill_topics(struct fetcher *f, struct k_fetch_request *q, struct partition *const *named, int32_t n)
{
    struct arena *a = &f->r->env->scratch;
    int32_t topics_n = 0;
    for (int32_t i = 0; i < n; i++)
        topics_n += i == 0 || !uuid_eq(named[i - 1]->topic_id, named[i]->topic_id);
    q->topics = codec_array(a, K_STRUCT_FETCH_REQUEST_FETCH_TOPIC, topics_n);
    for (int32_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && uuid_eq(named[i]->topic_id, named[end]->topic_id);) end++;
        struct k_fetch_request_fetch_topic *t = &q->topics[q->topics_n++];
        t->topic_id = named[i]->topic_id;
        t->partitions = codec_array(a, K_STRUCT_FETCH_REQUEST_FETCH_PARTITION, end - i);
        for (int32_t k = i; k < end; k++)
            fetcher_fill_partition(&t->partitions[t->partitions_n++], named[k]);
    }
}

static void
fill_forgotten(struct fetcher *f, struct k_fetch_request *q)
{
    struct arena *a = &f->r->env->scratch;
    int32_t n = (int32_t)f->forgotten.n;
    q->forgotten_topics_data = codec_array(a, K_STRUCT_FETCH_REQUEST_FORGOTTEN_TOPIC, n);
    q->forgotten_topics_data_n = n;
    for (int32_t i = 0; i < n; i++) {
        struct k_fetch_request_forgotten_topic *t = &q->forgotten_topics_data[i];
        t->topic_id = f->forgotten.v[i].topic_id;
        t->partitions = ARENA_NEW(a, int32_t);
        t->partitions[0] = f->forgotten.v[i].index;
        t->partitions_n = 1;
    }
    f->forgotten.n = 0;
}

void
fetcher_fill_request(struct fetcher *f, struct k_fetch_request *q)
{
    struct replicas *r = f->r;
    codec_default(K_MSG_FETCH_REQUEST, q);
    q->replica_state.replica_id = r->node_id;
    q->replica_state.replica_epoch = r->broker_epoch;
    q->max_wait_ms = (int32_t)config_i64(r->config, K_CFG_REPLICA_FETCH_WAIT_MAX_MS);
    q->min_bytes = (int32_t)config_i64(r->config, K_CFG_REPLICA_FETCH_MIN_BYTES);
    q->max_bytes = (int32_t)config_i64(r->config, K_CFG_REPLICA_FETCH_RESPONSE_MAX_BYTES);
    if (f->begins_anew) follower_session_lost(&f->session);
    f->begins_anew = false;
    q->session_id = f->session.id;
    q->session_epoch = f->session.epoch;
    int32_t n;
    struct partition **named =
        follower_session_is_full(&f->session) ? gather_all(f, &n) : gather_changed(f, &n);
    fill_topics(f, q, named, n);
    fill_forgotten(f, q);
}
