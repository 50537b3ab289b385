/* Beginning the states of partitions that a share group has not had before, each at its share coordinator. It is noted
 * before, so that it can be undone whatever happens, and after, when they may be assigned. */
#include "broker/base/check.h"
#include "broker/group/member_epoch.h"
#include "broker/group/share_group.h"
#include "errors.h"

/* After some could not be begun. */
#define AGAIN_NS NS_PER_S

struct share_init {
    struct group *g;
    struct tp_set tps; /* what is being begun */
    struct persist *asked;
    int64_t left;
};

static void
init_free(struct share_init *in)
{
    struct mem *mem = group_mem(in->g);
    in->g->share->init = NULL;
    for (int64_t i = 0; i < in->tps.n; i++) persist_cancel(&in->asked[i]);
    mem_free(mem, in->asked, in->tps.n * (int64_t)sizeof *in->asked);
    tp_set_free(mem, &in->tps);
    MEM_DELETE(mem, in);
}

/* The group is another one: there is more that can be assigned. */
static int16_t
write_begun(struct share_init *in)
{
    struct group *g = in->g;
    struct share_group *sg = g->share;
    struct batch_builder b;
    struct arena a;
    arena_init(&a, &group_env(g)->mem, 0);
    struct tp_set begun = {ARENA_ARRAY(&a, struct tp, in->tps.n), 0};
    for (int64_t i = 0; i < in->tps.n; i++)
        if (!in->asked[i].err) begun.v[begun.n++] = in->tps.v[i];
    struct tp_set initialized = tp_set_or(&a, &sg->initialized, &begun);
    struct tp_set initializing = tp_set_minus(&a, &sg->initializing, &begun);
    int16_t err = 0;
    if (begun.n < in->tps.n) sg->init_after_ns = env_now_ns(group_env(g)) + AGAIN_NS;
    if (begun.n > 0) {
        shard_builder(&g->shard->base, &b);
        record_share_states(&b, g, &initializing, &initialized);
        record_share_epoch(&b, g, epoch_after(sg->epoch), sg->metadata_hash);
        err = shard_write_silently_folded(&g->shard->base, &b);
    }
    arena_release(&a);
    return err;
}

static void
state_begun(struct persist *p)
{
    struct share_init *in = p->asker;
    if (--in->left > 0) return;
    struct group *g = in->g;
    if (write_begun(in)) g->share->init_after_ns = env_now_ns(group_env(g)) + AGAIN_NS;
    init_free(in);
    share_heartbeats_go_on(g);
}

void
share_init_cancel(struct group *g)
{
    if (g->share->init) init_free(g->share->init);
}

void
share_init_begin(struct group *g, const struct tp_set *missing)
{
    struct share_group *sg = g->share;
    struct mem *mem = group_mem(g);
    struct batch_builder b;
    struct arena a;
    CHECK(!sg->init && missing->n > 0);
    arena_init(&a, &group_env(g)->mem, 0);
    struct tp_set initializing = tp_set_or(&a, &sg->initializing, missing);
    shard_builder(&g->shard->base, &b);
    record_share_states(&b, g, &initializing, &sg->initialized);
    int16_t err = shard_write_silently_folded(&g->shard->base, &b);
    arena_release(&a);
    if (err) {
        sg->init_after_ns = env_now_ns(group_env(g)) + AGAIN_NS;
        return;
    }
    struct share_init *in = MEM_NEW(mem, struct share_init);
    in->g = g;
    in->left = missing->n;
    tp_set_keep(mem, &in->tps, missing);
    in->asked = mem_alloc(mem, missing->n * (int64_t)sizeof *in->asked);
    sg->init = in;
    for (int64_t i = 0; i < missing->n; i++) {
        in->asked[i] = (struct persist){.done = state_begun,
                                        .asker = in,
                                        .kind = PERSIST_INITIALIZE,
                                        .group = g->id,
                                        .topic = in->tps.v[i].topic,
                                        .partition = in->tps.v[i].index,
                                        .state_epoch = sg->epoch,
                                        .start_offset = -1};
        persister_ask(g->shard->owner->persister, &in->asked[i]);
    }
}
