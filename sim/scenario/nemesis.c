/* Random faults: when one is drawn, and which. nemesis.h tells of the others. */
#include "sim/scenario/nemesis.h"

#include "broker/base/check.h"

static const struct {
    const char *kind;
    bool (*strike)(struct run *r, struct slice kind);
} strikes[] = {
    {"crash", strike_node},
    {"power", strike_node},
    {"pause", strike_node},
    {"shutdown", strike_node},
    {"crash-at-op", strike_node_at_op},
    {"power-at-op", strike_node_at_op},
    {"wipe", strike_wipe},
    {"clock", strike_clock},
    {"clock-drift", strike_clock},
    {"crash-client", strike_client_machine},
    {"pause-client", strike_client_machine},
    {"cut", strike_cut},
    {"cut-one-way", strike_pair},
    {"cut-client", strike_client},
    {"split", strike_split},
    {"flap", strike_pair},
    {"slow", strike_pair},
    {"reset", strike_pair},
    {"half-open", strike_pair},
    {"hold-fetch", strike_hold},
    {"hold-alter", strike_hold},
    {"hold-produce", strike_hold},
    {"hold", strike_any_hold},
    {"slow-disk", strike_disk},
    {"slow-sync", strike_disk},
    {"short-reads", strike_disk},
    {"sync-fails", strike_failing_disk},
    {"write-fails", strike_failing_disk},
    {"read-fails", strike_failing_disk},
    {"disk-full", strike_failing_disk},
    {"rot", strike_lying_disk},
    {"misdirect", strike_lying_disk},
    {"elect", strike_elect},
    {"elections", strike_elections},
    {"delete-records", strike_topic},
    {"topics", strike_topic},
    {"add-partitions", strike_topic},
    {"alter-topic", strike_topic},
    {"alter-broker", strike_topic},
    {"reassign", strike_reassign},
    {"hold-end", strike_hold_end},
    {"answer", strike_frames},
    {"lose", strike_frames},
    {"break", strike_frames},
    {"delay", strike_frames},
    {"repeat", strike_frames},
    {"coordinator", strike_coordinator},
    {"crash-cleaning", strike_cleaning},
    {"power-cleaning", strike_cleaning},
    {"describe", strike_describe},
};

static bool
strike(struct run *r, struct slice kind)
{
    for (int64_t i = 0; i < ARRAY_LEN(strikes); i++)
        if (is_kind(kind, strikes[i].kind)) return strikes[i].strike(r, kind);
    UNREACHABLE();
}

static struct slice
draw_kind(struct run *r)
{
    const struct nemesis *n = &r->s->nemesis;
    int64_t sum = 0;
    for (int32_t i = 0; i < n->n; i++) sum += n->v[i].weight;
    int64_t x = sum > 0 ? dice_below(&r->nemesis_dice, sum) : 0;
    for (int32_t i = 0; i < n->n; i++) {
        if (x < n->v[i].weight) return n->v[i].fault;
        x -= n->v[i].weight;
    }
    return SLICE_EMPTY;
}

void
nemesis_count(struct run *r, struct slice kind)
{
    r->last_fault_ns = world_now_ns(r->w);
    for (int32_t i = 0; i < nemesis_faults_n; i++) {
        if (!is_kind(kind, nemesis_faults[i].name)) continue;
        r->random_counts[i]++;
        r->ret->faults_drawn |= 1ULL << i;
    }
    r->faults++;
}

static void
next(struct world *w, void *ctx)
{
    struct run *r = ctx;
    const struct nemesis *n = &r->s->nemesis;
    if (!r->playing || run_now(r) >= n->until_ns) return;
    struct slice kind = draw_kind(r);
    if (nemesis_has_room(r) && kind.n && strike(r, kind)) nemesis_count(r, kind);
    world_at(w,
             world_now_ns(w) +
                 MAX(dice_between(&r->nemesis_dice, n->every.min, n->every.max), NS_PER_MS),
             next, r);
}

void
nemesis_begin(struct run *r)
{
    if (r->s->nemesis.is_on) world_at(r->w, r->begin_ns + r->s->nemesis.from_ns, next, r);
}
