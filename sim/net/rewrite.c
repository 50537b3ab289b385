/* Requests and answers that are changed on their way: answered with an error, or delivered twice.
 *
 * Answers leave a broker in the order of requests. So a request that is to be answered without the broker's seeing it is
 * not taken out of its connection: a question that changes nothing (ApiVersions) goes in its place, under its number, and
 * the broker's answer to that gives way to the one that was made. What is in front of it on the connection, and how busy
 * the broker is, then counts as it would have.
 *
 * Of a request that is about more than what is meant, the rest is passed on, and its answer and ours become one. A
 * request that changes nothing, and one whose error comes after it was done, goes on as it is; its answer is changed. */
#include "sim/net/answer.h"

#include "apis.h"
#include "broker/base/fmt.h"
#include "broker/protocol/frame.h"
#include "sim/net/internal.h"

enum rewriting_kind {
    REWRITE_REPLACE, /* by `bytes` */
    REWRITE_JOIN,    /* with `bytes` */
    REWRITE_OVER, /* with the error, where it is meant; then joined with `bytes`, if there are some */
    REWRITE_SWALLOW,
};

struct rewriting {
    enum rewriting_kind kind;
    struct slice bytes; /* a frame without its size */
    struct answer_error error;
    struct answer_about about; /* the topic is a copy */
};

void
rewriting_free(struct world *w, struct rewriting *r)
{
    mem_free_slice(&w->mem, r->bytes);
    mem_free_slice(&w->mem, r->about.topic);
    MEM_DELETE(&w->mem, r);
}

static struct rewriting *
rewriting_new(struct world *w, enum rewriting_kind kind)
{
    struct rewriting *r = MEM_NEW(&w->mem, struct rewriting);
    r->kind = kind;
    return r;
}

struct rewriting *
rewriting_swallows(struct world *w)
{
    return rewriting_new(w, REWRITE_SWALLOW);
}

static void
answer_becomes(struct tcp *t, struct rewriting *r)
{
    struct asked *a = LIST_ENTRY(t->asked.prev, struct asked, node);
    if (a->answer) rewriting_free(t->w, a->answer);
    else t->rewritings++;
    a->answer = r;
}

/* ---- requests ---- */

static struct slice
with_size(struct arena *a, struct slice frame)
{
    struct writer w = writer_mem(a->mem);
    writer_i32(&w, (int32_t)frame.n);
    writer_bytes(&w, frame);
    struct slice s = arena_dup(a, writer_slice(&w));
    writer_release(&w);
    return s;
}

static struct slice
harmless(struct arena *a, int32_t correlation, struct slice client_id)
{
    struct request_head head = {.api_key = K_API_API_VERSIONS,
                                .correlation_id = correlation,
                                .client_id = client_id,
                                .api = k_api_of(K_API_API_VERSIONS)};
    struct k_api_versions_request body;
    struct writer w = writer_mem(a->mem);
    codec_default(K_MSG_API_VERSIONS_REQUEST, &body);
    (void)request_write(&w, &head, &body, NULL);
    struct slice s = with_size(a, writer_slice(&w));
    writer_release(&w);
    return s;
}

/* It expects no answer: Kafka closes the connection of a produce request with acks=0 that fails. */
static bool
is_mute(struct arena *a, struct slice frame, struct request_head *ret_head)
{
    struct reader r = reader(frame);
    struct k_produce_request produce;
    return request_head_read(&r, a, ret_head) == HEAD_OK && ret_head->api_key == K_API_PRODUCE &&
           codec_decode(K_MSG_PRODUCE_REQUEST, ret_head->version, &r, a, &produce) &&
           produce.acks == 0;
}

static bool
find_error(const struct fault *h, struct answer_error *ret)
{
    struct slice name;
    for (int32_t i = 0; answer_error_at(h->filter.api, i, &name, ret); i++)
        if (ret->code == h->how.error) return true;
    return false;
}

/* whole: null, or what it means without naming it: the broker's answer need not name it either. */
static void
answer_later(struct fault *h, struct tcp *t, const struct answer_error *error,
             const struct answer_about *about, struct arena *a, struct slice whole)
{
    struct rewriting *r = rewriting_new(h->w, REWRITE_OVER);
    struct slice answer, left;
    if (whole.p && answer_instead(a, whole, error, about, &answer, &left))
        r->bytes = mem_dup(&h->w->mem, answer);
    r->error = *error;
    r->about = *about;
    r->about.topic = mem_dup(&h->w->mem, about->topic);
    answer_becomes(t, r);
}

/* Nothing that is meant, or nothing that can be written so: it goes on as it is. */
static bool
answer_now(struct fault *h, struct tcp *t, struct slice frame, const struct request_head *head,
           const struct answer_error *error, const struct answer_about *about,
           struct rewritten *ret)
{
    struct slice answer, left;
    if (!answer_instead(&ret->a, frame, error, about, &answer, &left)) return false;
    struct rewriting *r = rewriting_new(h->w, left.p ? REWRITE_JOIN : REWRITE_REPLACE);
    r->bytes = mem_dup(&h->w->mem, answer);
    answer_becomes(t, r);
    ret->bytes = left.p ? with_size(&ret->a, left)
                        : harmless(&ret->a, head->correlation_id, head->client_id);
    return true;
}

static struct answer_about
about_of(const struct fault *h)
{
    struct answer_about about = {.topic = h->filter.topic, .partition = h->filter.partition};
    const struct net *n = &h->w->net;
    if (about.topic.p && n->topic_id) (void)n->topic_id(n->topic_ctx, about.topic, &about.topic_id);
    return about;
}

static void
tell_rewritten(struct fault *h, const struct net_frame *f, bool is_done)
{
    uint8_t text[120];
    struct writer how = writer_fixed(text, sizeof text);
    fmt_str(&how, is_done ? "was done, and is answered " : "is answered ");
    fmt_slice(&how, k_err_name(h->how.error));
    if (!is_done && !answer_is_of_reading(f->f.api)) fmt_str(&how, ", and was not done");
    watch_met(h->w, &f->f, writer_slice(&how));
}

static void
answer_request(struct fault *h, const struct net_frame *f, struct slice bytes, struct slice whole,
               struct rewritten *ret)
{
    struct tcp *t = f->flow->from->tcp;
    struct slice frame = slice_sub(bytes, 4, bytes.n);
    struct answer_error error;
    struct answer_about about = about_of(h);
    struct request_head head = {0};
    if (!find_error(h, &error)) return;
    if (is_mute(&ret->a, frame, &head)) {
        ret->breaks = true;
    } else if (h->how.is_done || (answer_is_of_reading(f->f.api) && error.place != ANSWER_WHOLE)) {
        bool is_same = whole.p == bytes.p;
        answer_later(h, t, &error, &about, &ret->a,
                     is_same ? SLICE_NULL : slice_sub(whole, 4, whole.n));
    } else if (!answer_now(h, t, frame, &head, &error, &about, ret)) {
        h->held--;
        if (h->how.met) --*h->how.met;
        return;
    }
    tell_rewritten(h, f, h->how.is_done);
}

void
rewrite_request(struct net_frame *f, struct slice bytes, struct slice whole, struct rewritten *ret)
{
    struct world *w = f->flow->from->tcp->w;
    LIST_EACH(&w->net.faults, h, struct fault, node) {
        bool rewrites =
            h->kind == FAULT_HOLD && (h->how.deed == DEED_REPEAT || h->how.deed == DEED_ANSWER);
        if (!rewrites || !hold_catches(h, f, whole)) continue;
        if (h->how.deed == DEED_ANSWER) {
            answer_request(h, f, bytes, whole, ret);
            return;
        }
        ret->is_twice = true;
        watch_met(w, &f->f, S("comes twice"));
        return;
    }
}

/* ---- answers ---- */

static struct slice
over_and_joined(const struct asked *q, struct slice frame, struct slice bytes, struct arena *a)
{
    const struct rewriting *r = q->answer;
    struct slice over = frame, joined;
    bool is_over = answer_over(a, q->api, q->version, frame, &r->error, &r->about, &over);
    if (r->bytes.p && answer_join(a, q->api, q->version, over, r->bytes, &joined))
        return with_size(a, joined);
    return is_over ? with_size(a, over) : bytes;
}

struct slice
rewrite_answer(struct world *w, const struct asked *q, struct slice bytes, struct arena *a)
{
    const struct rewriting *r = q->answer;
    struct slice frame = slice_sub(bytes, 4, bytes.n), ret = SLICE_NULL;
    (void)w;
    switch (r->kind) {
    case REWRITE_SWALLOW: return SLICE_NULL;
    case REWRITE_REPLACE: return with_size(a, r->bytes);
    case REWRITE_JOIN:
        return answer_join(a, q->api, q->version, frame, r->bytes, &ret) ? with_size(a, ret)
                                                                         : bytes;
    case REWRITE_OVER: return over_and_joined(q, frame, bytes, a);
    }
    return bytes;
}
