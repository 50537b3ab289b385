/* Subscriptions by regular expression (KIP-848): the coordinator says which topics they stand for. Matching is work
 * for other threads. A member's new expression is looked at before its heartbeat is; all the expressions of a
 * group are looked at again when there are new topics, and now and then. */
#include "broker/base/check.h"
#include "broker/group/consumer.h"
#include "broker/group/member_epoch.h"
#include "broker/protocol/codec.h"
#include "errors.h"

typedef struct k_consumer_group_heartbeat_request request;
typedef struct k_consumer_group_regular_expression_value regex_value;

/* Not more often than so. */
#define REFRESH_MIN_MS 10000

#define NAMES_BYTES_MAX (64 << 20)

/* One expression that is being looked at. */
struct regex_job {
    struct op op;
    struct groups *gs;
    struct slice group_id, text;
    int64_t version;
    const request *q; /* the heartbeat that waits for it; NULL: nobody */
    struct coordinator_call *call;
};

/* ---- asking ---- */

static struct buf *
all_names(struct groups *gs)
{
    struct writer w = writer_mem(&gs->base.env->mem);
    for (int64_t i = 0; i < gs->base.image->topics.n; i++) {
        writer_bytes(&w, gs->base.image->topics.v[i]->name);
        writer_bytes(&w, S("\n"));
    }
    struct buf *b = buf_copy(&gs->base.env->mem, writer_slice(&w));
    writer_release(&w);
    return b;
}

static void regex_matched(struct op *op);

static void
begin_match(struct groups *gs, struct slice group_id, struct slice text, const request *q,
            struct coordinator_call *call)
{
    struct env *env = gs->base.env;
    struct regex_job *j = MEM_NEW(&env->mem, struct regex_job);
    *j = (struct regex_job){.gs = gs,
                            .group_id = mem_dup(&env->mem, group_id),
                            .text = mem_dup(&env->mem, text),
                            .version = gs->base.image->offset,
                            .q = q,
                            .call = call};
    struct buf *pattern = buf_copy(&env->mem, text), *names = all_names(gs);
    struct seg segs[2] = {{.buf = pattern, .bytes = buf_slice(pattern)},
                          {.buf = names, .bytes = buf_slice(names)}};
    j->op.done = regex_matched;
    work_queue(env, &j->op, WORK_MATCH, CODEC_NONE, 0, segs, 2, NAMES_BYTES_MAX);
    buf_unref(pattern);
    buf_unref(names);
}

static void
free_regex_job(struct regex_job *j)
{
    struct mem *mem = &j->gs->base.env->mem;
    mem_free_slice(mem, j->group_id);
    mem_free_slice(mem, j->text);
    MEM_DELETE(mem, j);
}

/* ---- what came out ---- */

static regex_value
read_matched(const struct regex_job *j, struct arena *a, struct slice lines)
{
    regex_value v = {.version = j->version, .timestamp = env_wall_ms(j->gs->base.env)};
    int64_t n = 0;
    for (int64_t i = 0; i < lines.n; i++) n += lines.p[i] == '\n';
    v.topics = ARENA_ARRAY(a, struct slice, n);
    for (int64_t at = 0, end; (end = slice_find(lines, '\n', at)) >= 0; at = end + 1)
        v.topics[v.topics_n++] = slice_sub(lines, at, end - at);
    /* As they stand in the record, so they are compared. */
    v.topics_n = (int32_t)slices_sort_unique(v.topics, n, ARENA_ARRAY(a, struct slice, n));
    return v;
}

static bool
is_same_topics(const struct resolved_regex *r, const regex_value *v)
{
    if (r->topics_n != v->topics_n) return false;
    for (int32_t i = 0; i < r->topics_n; i++)
        if (!slice_eq(r->topics[i], v->topics[i])) return false;
    return true;
}

/* What it stands for is written down, and the group is assigned anew if that is something else than before. */
static void
store_refreshed(struct group *g, struct slice text, const regex_value *v)
{
    const struct resolved_regex *r = consumer_regex(g, text);
    enum consumer_state was = consumer_state(g);
    struct batch_builder b;
    if (!r) return;
    shard_builder(&g->shard->base, &b);
    record_consumer_regex(&b, g, text, v);
    if (!is_same_topics(r, v)) {
        struct arena a;
        int32_t n;
        arena_init(&a, &group_env(g)->mem, 0);
        struct resolved_regex before = *r, after = *r;
        after.topics = v->topics;
        after.topics_n = v->topics_n;
        *consumer_regex(g, text) = after; /* for as long as the hash is computed */
        struct consumer_view *views = consumer_views(g, &a, SLICE_NULL, NULL, NULL, SLICE_NULL, &n);
        record_consumer_epoch(&b, g, epoch_after(g->consumer->epoch),
                              consumer_metadata_hash(g, &a, views, n));
        *consumer_regex(g, text) = before;
        arena_release(&a);
    }
    /* Should it fail, it is looked at again. */
    (void)shard_write_silently_folded(&g->shard->base, &b);
    consumer_note(g, was);
}

static void
regex_refreshed(const struct regex_job *j, enum env_err err, struct slice lines)
{
    int16_t code;
    struct shard *s = groups_shard(j->gs, j->group_id, &code);
    struct group *g = s ? group_find(s, j->group_id) : NULL;
    struct arena a;
    if (!g || !g->consumer) return;
    if (g->consumer->resolving_n > 0) g->consumer->resolving_n--;
    if (err) return;
    arena_init(&a, &j->gs->base.env->mem, 0);
    regex_value v = read_matched(j, &a, lines);
    store_refreshed(g, j->text, &v);
    arena_release(&a);
}

static void
regex_matched(struct op *op)
{
    struct regex_job *j = CONTAINER_OF(op, struct regex_job, op);
    struct buf *out = op->buf;
    struct slice lines = out ? buf_slice(out) : SLICE_EMPTY;
    op->buf = NULL;
    if (!j->call) {
        regex_refreshed(j, op->err, lines);
    } else if (op->err) {
        consumer_refuse(j->gs, j->call, K_ERR_INVALID_REGULAR_EXPRESSION,
                        S("the expression is malformed, or of a kind that is not served"));
    } else {
        struct arena a;
        arena_init(&a, &j->gs->base.env->mem, 0);
        regex_value v = read_matched(j, &a, lines);
        (void)consumer_heartbeat_with(j->gs, j->q, j->call, &v, BEAT_WHOLE);
        arena_release(&a);
    }
    buf_unref(out);
    free_regex_job(j);
}

/* ---- when ---- */

bool
consumer_regex_hold(struct groups *gs, const struct group *g, const request *q,
                    struct coordinator_call *call)
{
    struct slice text = q->subscribed_topic_regex;
    if (text.n == 0 || (g && g->consumer && consumer_regex(g, text))) return false;
    begin_match(gs, q->group_id, text, q, call);
    return true;
}

static bool
is_last_with(const struct group *g, const struct consumer_member *but, struct slice text)
{
    MAP_EACH(&g->consumer->members, m, struct consumer_member, by_id)
        if (m != but && slice_eq(m->spec.subscribed_topic_regex, text)) return false;
    return true;
}

void
consumer_regex_forget(struct batch_builder *b, const struct group *g,
                      const struct consumer_member *m)
{
    struct slice text = m->spec.subscribed_topic_regex;
    if (text.n > 0 && consumer_regex(g, text) && is_last_with(g, m, text))
        record_consumer_regex_gone(b, g, text);
}

void
consumer_regex_refresh(struct group *g)
{
    struct consumer *c = g->consumer;
    struct groups *gs = g->shard->owner;
    int64_t now_ms = env_wall_ms(group_env(g)), last_ms = 0, version = INT64_MAX;
    int64_t every_ms =
        config_i64(g->shard->owner->base.config, K_CFG_GROUP_CONSUMER_REGEX_REFRESH_INTERVAL_MS);
    if (c->regexes.n == 0 || c->resolving_n > 0) return;
    for (int64_t i = 0; i < c->regexes.n; i++) {
        last_ms = MAX(last_ms, c->regexes.v[i].time_ms);
        version = MIN(version, c->regexes.v[i].version);
    }
    if (now_ms >= last_ms && now_ms <= last_ms + REFRESH_MIN_MS) return;
    bool has_new_topics = version < gs->topics_offset;
    if (!has_new_topics && now_ms >= last_ms && now_ms <= last_ms + every_ms) return;
    c->resolving_n = c->regexes.n;
    for (int64_t i = 0; i < c->regexes.n; i++)
        begin_match(gs, g->id, c->regexes.v[i].text, NULL, NULL);
}
