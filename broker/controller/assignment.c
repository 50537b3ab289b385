#include "broker/controller/assignment.h"

#include "broker/controller/placement.h"

#define PARTITION_VERSION 2

static struct verdict
cannot_replicate(int32_t factor, int64_t brokers, enum placement_err err, struct arena *a)
{
    struct writer w = writer_mem(a->mem);
    fmt_str(&w, "Unable to replicate the partition "), fmt_i64(&w, factor);
    fmt_str(&w, " time(s): ");
    if (err == PLACEMENT_ALL_FENCED) {
        fmt_str(&w, "All brokers are currently fenced.");
    } else {
        fmt_str(&w, "The target replication factor of "), fmt_i64(&w, factor);
        fmt_str(&w, " cannot be reached because only "), fmt_i64(&w, brokers);
        fmt_str(&w, " broker(s) are registered.");
    }
    return (struct verdict){K_ERR_INVALID_REPLICATION_FACTOR, text_end(a, &w)};
}

struct verdict
assignment_place(struct controller *c, int32_t n, int32_t factor, struct arena *a,
                 struct ids *lists)
{
    int64_t brokers_n = c->image.brokers.n;
    struct placement_broker *brokers = ARENA_ARRAY(a, struct placement_broker, brokers_n + 1);
    for (int64_t i = 0; i < brokers_n; i++) {
        int32_t id = c->image.brokers.v[i]->id;
        brokers[i] = (struct placement_broker){id, !image_broker_is_active(&c->image, id)};
    }
    if (factor > brokers_n) return cannot_replicate(factor, brokers_n, PLACEMENT_TOO_FEW, a);
    int32_t *ids = ARENA_ARRAY(a, int32_t, (int64_t)n * factor);
    int64_t start = env_random_below(c->env, STREAM_PLACEMENT, 1 << 20);
    enum placement_err err = placement_place(brokers, (int32_t)brokers_n, start, n, factor, ids);
    if (err) return cannot_replicate(factor, brokers_n, err, a);
    for (int32_t i = 0; i < n; i++) lists[i] = (struct ids){ids + (int64_t)i * factor, factor};
    return FINE;
}

static struct verdict
bad_list(struct arena *a, const char *before, int32_t id, const char *after)
{
    struct writer w = writer_mem(a->mem);
    fmt_str(&w, "The manual partition assignment includes "), fmt_str(&w, before);
    fmt_i64(&w, id), fmt_str(&w, after);
    return (struct verdict){K_ERR_INVALID_REPLICA_ASSIGNMENT, text_end(a, &w)};
}

struct verdict
assignment_check(const struct controller *c, struct ids replicas, int32_t factor, struct arena *a)
{
    if (replicas.n <= 0)
        return (struct verdict){
            K_ERR_INVALID_REPLICA_ASSIGNMENT,
            S("The manual partition assignment includes an empty replica list.")};
    for (int32_t i = 0; i < replicas.n; i++) {
        int32_t id = replicas.v[i];
        if (ids_has((struct ids){replicas.v, i}, id))
            return bad_list(a, "the broker ", id, " more than once.");
        if (!image_broker(&c->image, id))
            return bad_list(a, "broker ", id, ", but no such broker is registered.");
    }
    if (factor == 0 || factor == replicas.n) return FINE;
    struct writer w = writer_mem(a->mem);
    fmt_str(&w, " replica(s), but this is not consistent with previous partitions, which have ");
    fmt_i64(&w, factor), fmt_str(&w, " replica(s).");
    writer_i8(&w, 0);
    struct verdict v = bad_list(a, "a partition with ", replicas.n, (const char *)w.p);
    writer_release(&w);
    return v;
}

struct ids
assignment_isr(const struct controller *c, struct ids replicas, struct arena *a)
{
    struct ids isr = {ARENA_ARRAY(a, int32_t, replicas.n + 1), 0};
    for (int32_t i = 0; i < replicas.n; i++)
        if (image_broker_is_active(&c->image, replicas.v[i])) isr.v[isr.n++] = replicas.v[i];
    return isr;
}

/* A broker with one log directory can only mean that one; with several, it chooses and tells later. */
static struct uuid *
directories(const struct controller *c, struct ids replicas, struct arena *a)
{
    struct uuid *dirs = ARENA_ARRAY(a, struct uuid, replicas.n + 1);
    for (int32_t i = 0; i < replicas.n; i++) {
        const struct image_broker *b = image_broker(&c->image, replicas.v[i]);
        if (b && b->log_dirs_n == 1) dirs[i] = b->log_dirs[0];
    }
    return dirs;
}

void
add_partition(struct controller *c, struct uuid topic_id, int32_t index, struct ids replicas)
{
    struct arena *a = &c->env->scratch;
    struct ids isr = assignment_isr(c, replicas, a);
    struct k_partition_record r;
    codec_default(K_MSG_PARTITION_RECORD, &r);
    r.partition_id = index;
    r.topic_id = topic_id;
    r.replicas = replicas.v;
    r.replicas_n = replicas.n;
    r.isr = isr.v;
    r.isr_n = isr.n;
    r.leader = isr.n > 0 ? isr.v[0] : NO_LEADER;
    r.leader_epoch = r.partition_epoch = 0;
    r.directories = directories(c, replicas, a);
    r.directories_n = replicas.n;
    batch_add(c, K_MSG_PARTITION_RECORD, PARTITION_VERSION, &r);
}
