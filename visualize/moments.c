/* Which moments of a run say most about its replicas. */
#include "broker/base/check.h"
#include "visualize/frame.h"

static void
moments_add(struct frame_moments *m, struct run *r, int64_t at_ns, const char *when,
            struct slice what)
{
    if (m->n >= MOMENTS_MAX || (m->n && m->v[m->n - 1].at_ns >= at_ns)) return;
    struct writer w = writer_mem(r->mem);
    fmt_str(&w, when);
    fmt_slice(&w, what);
    m->v[m->n++] = (struct frame_moment){at_ns, load_words(r, &w)};
}

/* The first change of leader that was not the partition's beginning; NULL: none. */
static const struct change *
first_loss_of_leader(const struct partition_view *p)
{
    for (int64_t i = 1; i < p->changes.n; i++)
        if (p->changes.v[i].leader_id != p->changes.v[i - 1].leader_id) return &p->changes.v[i];
    return NULL;
}

/* The sentence about the last fault by then, but rather about the last that met the leader; NULL: none. */
static const struct fact *
fault_before(const struct facts *f, int64_t at_ns)
{
    const struct fact *last = NULL;
    for (int64_t i = 0; i < f->v.n && f->v.v[i].at_ns <= at_ns; i++) {
        const struct fact *one = &f->v.v[i];
        if (one->tone != TONE_FAULT || one->weight < WEIGHT_HIGH) continue;
        if (!last || one->weight >= last->weight) last = one;
    }
    return last;
}

static struct slice
sentence_at(const struct facts *f, int64_t at_ns, enum tone tone, int32_t actor)
{
    for (int64_t i = 0; i < f->v.n; i++) {
        const struct fact *one = &f->v.v[i];
        if (one->at_ns == at_ns && one->tone == tone && (actor < 0 || one->actor == actor))
            return one->text;
    }
    return SLICE_EMPTY;
}

static const struct moment *
first_cut(const struct run *r, int32_t partition, int64_t after_ns)
{
    for (int64_t i = 0; i < r->moments.n; i++) {
        const struct moment *m = &r->moments.v[i];
        if (m->kind == MOMENT_TRUNCATED && m->partition == partition && m->at_ns > after_ns &&
            m->n[0] < m->n[1])
            return m;
    }
    return NULL;
}

/* When the new leader and its followers have heard of it. */
#define SETTLED_NS 20000000LL

void
choose_moments(struct frame_moments *m, struct run *all, const struct facts *f, int32_t partition)
{
    const struct partition_view *p = &all->partitions.v[partition];
    const struct change *c = first_loss_of_leader(p);
    /* What follows at once is what is seen then. */
    while (c && c + 1 < p->changes.v + p->changes.n && c[1].at_ns <= c->at_ns + SETTLED_NS &&
           c[1].leader_id != c->leader_id)
        c++;
    const struct fact *fault = fault_before(f, c ? c->at_ns : all->end_ns);
    m->n = 0;
    if (fault) moments_add(m, all, fault->at_ns - 1, "right before: ", fault->text);
    if (c)
        moments_add(
            m, all, c->at_ns + SETTLED_NS, "right after: ",
            sentence_at(f, c->at_ns, c->unclean || c->leader_id < 0 ? TONE_BAD : TONE_LEADER, -1));
    const struct moment *cut = first_cut(all, partition, c ? c->at_ns : 0);
    if (cut)
        moments_add(m, all, cut->at_ns - 1,
                    "right before: ", sentence_at(f, cut->at_ns, TONE_BAD, cut->actor));
    moments_add(m, all, all->end_ns, "at the end", SLICE_EMPTY);
}
