/* __share_group_state is not compacted: what later snapshots say again is deleted from its beginning on, as far as no
 * share partition needs it. One that nobody writes to gets a new snapshot now and then, or it would hold up the rest. */
#include "broker/base/check.h"
#include "broker/share/shard.h"

int64_t
share_oldest_needed(const struct share_shard *s)
{
    int64_t oldest = INT64_MAX;
    MAP_EACH(&s->states, st, struct share_state, by_id) oldest = MIN(oldest, st->snapshot_offset);
    return oldest;
}

void
shares_snapshot_cold(struct share_shard *s)
{
    struct env *env = shard_env(&s->base);
    int64_t interval_ms = config_i64(s->owner->base.config,
                                     K_CFG_SHARE_COORDINATOR_COLD_PARTITION_SNAPSHOT_INTERVAL_MS);
    struct batch_builder b;
    struct arena a;
    arena_init(&a, &env->mem, 0);
    shard_builder(&s->base, &b);
    MAP_EACH(&s->states, st, struct share_state, by_id) {
        if (env_wall_ms(env) - st->write_ms < interval_ms) continue;
        share_snapshot v = share_snapshot_of(st, &a);
        record_share_snapshot(&b, s, &st->id, &v);
    }
    if (builder_is_empty(&b)) builder_release(&b);
    else (void)shard_write_silently_folded(&s->base, &b);
    arena_release(&a);
}

void
shares_prune(struct coordinator_shard *base)
{
    struct share_shard *s = share_shard_of(base);
    struct partition *p = base->partition;
    int64_t oldest = share_oldest_needed(s), newest = -1, offset;
    MAP_EACH(&s->states, st, struct share_state, by_id) newest = MAX(newest, st->snapshot_offset);
    /* A snapshot must be committed before what it replaces goes. */
    bool is_safe = s->states.n > 0 && newest < p->high_watermark;
    if (is_safe && oldest > commitlog_start(&p->log))
        (void)partition_delete_records(p, oldest, &offset);
    shares_snapshot_cold(s);
}
