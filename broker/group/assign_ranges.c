/* The assignor `range`: each topic's partitions in runs, over the members that subscribe to it. Static members
 * come first, by instance: so they keep their runs when dynamic members come and go. */
#include "broker/base/mem.h"
#include "broker/base/sort.h"
#include "broker/group/assignor.h"

static int
range_order(const struct assign_member *a, const struct assign_member *b)
{
    if (a->instance_id.p && b->instance_id.p) return slice_cmp(a->instance_id, b->instance_id);
    if (a->instance_id.p || b->instance_id.p) return a->instance_id.p ? -1 : 1;
    return slice_cmp(a->id, b->id);
}

static int
range_order_of(const void *a, const void *b, const void *ctx)
{
    struct assign_member *const *x = a, *const *y = b;
    (void)ctx;
    return range_order(*x, *y);
}

/* Static members to the front; stable, as members come sorted by id. */
static struct assign_member **
order_members(struct assign_input *in)
{
    int32_t n = in->members_n;
    struct assign_member **v = ARENA_ARRAY(in->arena, struct assign_member *, n);
    struct assign_member **spare = ARENA_ARRAY(in->arena, struct assign_member *, n);
    for (int32_t i = 0; i < n; i++) v[i] = &in->members[i];
    merge_sort(v, n, (int64_t)sizeof *v, range_order_of, NULL, spare);
    return v;
}

struct range_topic {
    int32_t members_n; /* that subscribe to it */
    int32_t served;    /* of them, so far */
};

/* The first `n % members` members get one more than the others. */
static void
take_run(struct assign_input *in, struct range_topic *r, const struct assign_topic *t,
         struct assign_member *m)
{
    (void)in;
    int32_t each = t->partitions_n / r->members_n, more = t->partitions_n % r->members_n;
    int32_t i = r->served++;
    int32_t from = i * each + (i < more ? i : more), n = each + (i < more);
    for (int32_t k = 0; k < n; k++) m->ret.v[m->ret.n++] = (struct tp){t->id, from + k, 0};
}

void
assign_ranges(struct assign_input *in)
{
    struct assign_member **order = order_members(in);
    struct range_topic *rs = ARENA_ARRAY(in->arena, struct range_topic, in->topics_n);
    for (int32_t i = 0; i < in->members_n; i++)
        for (int32_t k = 0; k < in->members[i].topics_n; k++)
            rs[in->members[i].topics[k]].members_n++;
    for (int32_t i = 0; i < in->members_n; i++) {
        struct assign_member *m = order[i];
        int64_t most = 0;
        for (int32_t k = 0; k < m->topics_n; k++) {
            const struct range_topic *r = &rs[m->topics[k]];
            most += in->topics[m->topics[k]].partitions_n / r->members_n + 1;
        }
        m->ret = (struct tp_set){ARENA_ARRAY(in->arena, struct tp, most), 0};
        for (int32_t k = 0; k < m->topics_n; k++)
            take_run(in, &rs[m->topics[k]], &in->topics[m->topics[k]], m);
    }
}
