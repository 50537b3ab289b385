/* The swarm's topics, and how their logs roll, go and are cleaned. */
#include "sim/scenario/swarm_own.h"

/* Logs of many segments, indexes of few entries, and retention that keeps up with what is written. */
/* Tombstones go soon, or stay for a day. So do markers of transactions, and a replica that was away for longer than that never
 * learns how one ended: nobody is away for eight seconds. */
static void
draw_compaction(struct swarm *s)
{
    int64_t stay_min_ms = s->has_txns ? 8000 : 1, stay_max_ms = s->has_txns ? 16000 : 5000;
    swarm_put(s, ", cleanup.policy: %s", ONE_OF(s, "compact", "compact", "'compact,delete'"));
    swarm_put(s, ", min.cleanable.dirty.ratio: %s", ONE_OF(s, "0.01", "0.1", "0.5"));
    swarm_perhaps(s, 60, "delete.retention.ms", stay_min_ms, stay_max_ms);
    swarm_perhaps(s, 15, "min.compaction.lag.ms", 50, 2000);
    swarm_perhaps(s, 15, "max.compaction.lag.ms", 2000, 5000); /* not below the least */
}

static void
draw_log(struct swarm *s, int64_t rf, bool is_compacted)
{
    int64_t segment_bytes = swarm_of_any_size(s, 8 << 10, 256 << 10);
    swarm_put(s, "config: {index.interval.bytes: %lld",
              (long long)swarm_of_any_size(s, 1, 8192) - 1);
    if (rf < s->min_isr) swarm_put_setting(s, "min.insync.replicas", rf);
    if (swarm_chance(s, 75)) {
        swarm_put_setting(s, "internal.segment.bytes", segment_bytes);
        s->segment_bytes = MIN(s->segment_bytes, segment_bytes);
    }
    swarm_perhaps(s, 20, "segment.ms", 200, 5000);
    swarm_perhaps(s, 15, "segment.jitter.ms", 50, 500);
    swarm_perhaps(s, 30, "segment.index.bytes", 24, 2000);
    swarm_perhaps(s, 20, "retention.bytes", 20000, 500000);
    swarm_perhaps(s, 10, "retention.ms", 1000, 10000);
    swarm_perhaps(s, 50, "file.delete.delay.ms", 1, 2000);
    swarm_perhaps(s, 15, "flush.messages", 1, 200);
    swarm_perhaps(s, 10, "flush.ms", 50, 2000);
    /* No less than what producers of any topic send at a time. */
    swarm_perhaps(s, 25, "max.message.bytes", segment_bytes / 4 + 300, segment_bytes);
    if (is_compacted) draw_compaction(s);
    /* What leaders write anew the oracle reads from their disks: not from those that lie. */
    if (swarm_chance(s, 25) && !s->disks_lie)
        swarm_put(s, ", message.timestamp.type: LogAppendTime");
    if (swarm_chance(s, 25) && !s->disks_lie)
        swarm_put(s, ", compression.type: %s",
                  ONE_OF(s, "gzip", "snappy", "lz4", "zstd", "uncompressed"));
    swarm_put(s, "}");
}

void
swarm_draw_topics(struct swarm *s)
{
    static const char *const names[] = {"orders", "bills", "visits"};
    swarm_begin_part(s, "topics");
    s->segment_bytes = 1 << 20;
    const struct tree *said = tree_get(s->plan, S("topics"));
    for (int32_t i = 0; said && i < said->n && said->kind == TREE_MAP && i < TOPICS_MAX; i++)
        s->topics[s->topics_n++] = (struct drawn_topic){said->pairs[i].key, 2, true};
    if (said) return;
    swarm_put(s, "topics:\n");
    for (int64_t n = swarm_chance(s, 50) ? 1 : swarm_between(s, 2, 3); s->topics_n < n;
         s->topics_n++) {
        int64_t rf =
            swarm_chance(s, 85) ? MIN(3, s->brokers) : swarm_between(s, 1, MIN(5, s->brokers));
        bool is_compacted = s->compacts && (s->topics_n == 0 || swarm_chance(s, 40));
        s->topics[s->topics_n] =
            (struct drawn_topic){slice_cstr(names[s->topics_n]), rf, is_compacted};
        int64_t partitions = swarm_of_any_size(s, 1, 6);
        swarm_put(s, "  %s: {partitions: %lld, rf: %lld, ", names[s->topics_n],
                  (long long)partitions, (long long)rf);
        draw_log(s, rf, is_compacted);
        swarm_put(s, "}\n");
    }
}
