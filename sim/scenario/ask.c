#include "sim/scenario/ask.h"

#include <string.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/channel.h"
#include "sim/scenario/users.h"

#define ASK_WITHIN_MS 5000
#define ASK_AGAIN_MS 20

/* One connection, to one listener of one node. */
struct ask_link {
    struct list node;
    struct machine *to;
    int32_t port;
    struct channel ch;
};

/* Who asks: a machine with connections of its own. Questions of one asker to one listener go the same way, in order. */
struct asker {
    struct slice name;
    struct machine *m;
    struct env *env;
    struct list links;
};

struct question {
    struct run *r;
    const struct step *s;
    struct asker *by;
    struct machine *to;
    struct ask_link *link;
    struct call call;
    struct timer again;
    struct ask_scope scope;
    struct ask_batch *batch;
    int64_t deadline_ns, asked_ns, ended_ns;
    struct slice difference; /* of the last answer */
    bool is_done;
};

static const struct k_api *
api_of(const struct question *q)
{
    return k_api_of((int16_t)q->s->args.api);
}

static int32_t
port_of(const struct args *a)
{
    return a->listener == ASK_USERS ? USERS_PORT : a->listener == ASK_CONTROLLER ? 9093 : 9092;
}

/* ---- what came of it ---- */

/* "an ApiVersions", "a Fetch" */
static const char *
article(struct slice api)
{
    return api.n && strchr("AEIOU", api.p[0]) ? "an" : "a";
}

static void
tell_answer(struct world *w, void *ctx)
{
    const struct question *q = ctx;
    struct slice api = k_api_name((int16_t)q->s->args.api);
    (void)w;
    struct slice asked = arena_format(q->r->a, "%.*s answered %s %.*s of %.*s", SARG(q->to->name),
                                      article(api), SARG(api), SARG(q->by->name));
    run_tell(q->r, arena_format(q->r->a, "%.*s asked", SARG(api)),
             q->difference.n ? arena_format(q->r->a, "%.*s otherwise than is right: %.*s",
                                            SARG(asked), SARG(q->difference))
                             : arena_format(q->r->a, "%.*s as is right", SARG(asked)));
}

static void
end_question(struct question *q, struct slice difference)
{
    q->is_done = true;
    q->ended_ns = world_now_ns(q->r->w);
    q->difference = difference;
    world_at(q->r->w, 0, tell_answer, q);
}

static struct slice
story_of(const struct question *q, struct slice difference)
{
    return arena_format(
        q->r->a, "%.*s was asked %.*s (line %d) and answered otherwise than Kafka does: %.*s",
        SARG(q->to ? q->to->name : S("nobody")), SARG(k_api_name((int16_t)q->s->args.api)),
        (int)q->s->mark.line, SARG(difference));
}

/* ---- asking ---- */

static void ask_now(struct question *q);

static void
question_again_due(struct timer *t)
{
    ask_now(CONTAINER_OF(t, struct question, again));
}

static void
question_later(struct question *q)
{
    q->again.due = question_again_due;
    timer_arm(q->by->env, &q->again, env_now_ns(q->by->env) + ASK_AGAIN_MS * NS_PER_MS);
}

/* may_pass: with time. */
static void
take_difference(struct question *q, bool may_pass, struct slice difference)
{
    bool has_time = q->s->args.within_ns && env_now_ns(q->by->env) < q->deadline_ns;
    if (may_pass && has_time) question_later(q);
    else end_question(q, difference);
}

static void
remember(struct question *q, void *answer)
{
    if (!q->s->as.p) return;
    struct asked *one = ARENA_NEW(q->r->a, struct asked);
    *one = (struct asked){q->s->as, (enum k_msg)api_of(q)->response, answer};
    VEC_PUSH(q->r->a->mem, &q->r->asked, one);
}

static bool
wants_no_answer(const struct question *q)
{
    const struct tree *t = q->s->args.wanted;
    return t && t->kind == TREE_TEXT && slice_eq(t->text, S("none"));
}

/* Whatever comes is right, also nothing: other witnesses look at it. */
static bool
wants_whatever(const struct question *q)
{
    const struct tree *t = q->s->args.wanted;
    return t && t->kind == TREE_TEXT && slice_eq(t->text, S("any"));
}

/* What is wrong with when it came; empty: nothing. */
static struct slice
untimely(const struct question *q)
{
    struct range due = q->s->args.takes;
    if (due.min == due.max) due.min = 0; /* one time: at most so long */
    int64_t took_ns = env_now_ns(q->by->env) - q->asked_ns;
    if (!due.max || (took_ns >= due.min && took_ns <= due.max)) return SLICE_EMPTY;
    return arena_format(q->r->a, "it took %lld ms, not %lld to %lld",
                        (long long)(took_ns / NS_PER_MS), (long long)(due.min / NS_PER_MS),
                        (long long)(due.max / NS_PER_MS));
}

static void
take_answer(struct question *q, struct slice body)
{
    enum k_msg msg = (enum k_msg)api_of(q)->response;
    struct run *r = q->r;
    void *answer = arena_alloc(r->a, codec_struct_bytes(msg));
    struct writer why = writer_mem(r->a->mem);
    /* What it refers to lives as long as the run. */
    if (!codec_decode_all(msg, q->call.version, arena_dup(r->a, body), r->a, answer)) {
        end_question(q, S("it cannot be decoded"));
        return;
    }
    if (q->batch) ask_records_answered(r, q->batch, answer);
    if (wants_whatever(q)) {
        remember(q, answer), end_question(q, SLICE_EMPTY);
        return;
    }
    q->scope.why = &why;
    q->scope.version = q->call.version;
    bool fits = !wants_no_answer(q) && ask_fits(&q->scope, msg, answer, q->s->args.wanted);
    struct slice text = wants_no_answer(q) ? S("it answered at all") : writer_slice(&why);
    struct slice difference = fits ? SLICE_EMPTY : arena_dup(r->a, text);
    writer_release(&why);
    q->scope.why = NULL;
    if (fits) remember(q, answer), end_question(q, untimely(q));
    else take_difference(q, ask_is_passing(msg, answer), difference);
}

static void
answered(struct call *call, enum env_err err, struct slice body, struct buf *from)
{
    struct question *q = CONTAINER_OF(call, struct question, call);
    (void)from;
    if (call->no_answer && !err) {
        if (q->batch) ask_records_answered(q->r, q->batch, NULL);
        end_question(q, SLICE_EMPTY);
    } else if (!err) {
        take_answer(q, body);
    } else {
        if (q->batch) ask_records_answered(q->r, q->batch, NULL);
        if (wants_no_answer(q) || wants_whatever(q)) end_question(q, SLICE_EMPTY);
        else take_difference(q, true, arena_format(q->r->a, "no answer (%s)", env_err_text(err)));
    }
}

static struct ask_link *
link_to(struct asker *by, struct machine *to, int32_t port)
{
    LIST_EACH(&by->links, l, struct ask_link, node)
        if (l->to == to && l->port == port) return l;
    struct ask_link *l = MEM_NEW(&by->env->mem, struct ask_link);
    l->to = to;
    l->port = port;
    channel_init(&l->ch, by->env, to->name, port, by->name);
    list_push_back(&by->links, &l->node);
    return l;
}

static void
question_take_batch(struct question *q, const struct k_produce_request *request)
{
    q->batch = q->scope.batch;
    q->call.no_answer = request->acks == 0;
    for (const struct ask_batch *b = q->batch; b; b = b->before)
        for (int32_t i = 0; i < b->records_n; i++)
            q->r->h->ops.v[b->first_op + i].acks = request->acks;
}

static void
ask_now(struct question *q)
{
    const struct args *a = &q->s->args;
    struct run *r = q->r;
    enum k_msg msg = (enum k_msg)api_of(q)->request;
    void *request = arena_alloc(r->a, codec_struct_bytes(msg));
    struct writer why = writer_mem(r->a->mem);
    struct codec_refusal refusal = {0};
    int64_t left_ms = MAX(1, (q->deadline_ns - env_now_ns(q->by->env)) / NS_PER_MS);
    q->scope =
        (struct ask_scope){.r = r, .env = q->by->env, .version = q->call.version, .why = &why};
    bool is_known = ask_fill(&q->scope, msg, a->sent, request);
    struct slice text = arena_dup(r->a, writer_slice(&why));
    writer_release(&why);
    q->scope.why = NULL;
    if (!is_known && q->scope.missing.n) {
        if (left_ms > 1) question_later(q);
        else
            end_question(q, arena_format(r->a, "$%.*s was never answered", SARG(q->scope.missing)));
        return;
    }
    if (!is_known) {
        end_question(q, text);
        return;
    }
    q->call.done = answered;
    q->asked_ns = env_now_ns(q->by->env);
    if (msg == K_MSG_PRODUCE_REQUEST) question_take_batch(q, request);
    if (!channel_call(&q->link->ch, &q->call, q->call.api_key, q->call.version, request,
                      a->within_ns ? left_ms : ASK_WITHIN_MS, &refusal))
        end_question(q, arena_format(r->a, "%.*s %.*s", SARG(refusal.field), SARG(refusal.why)));
}

static void
begin_question(struct env *env, void *ctx)
{
    struct question *q = ctx;
    const struct args *a = &q->s->args;
    int64_t within_ns = a->within_ns ? a->within_ns : ASK_WITHIN_MS * NS_PER_MS;
    q->deadline_ns = env_now_ns(env) + within_ns;
    q->link = link_to(q->by, q->to, port_of(a));
    ask_now(q);
}

static void
start_asker(struct env *env, void *args)
{
    struct asker *by = args;
    by->env = env;
    env->machine = by;
    list_init(&by->links);
}

static struct asker *
asker_of(struct run *r, struct slice name)
{
    for (int64_t i = 0; i < r->askers.n; i++)
        if (slice_eq(r->askers.v[i]->name, name)) return r->askers.v[i];
    struct asker *by = ARENA_NEW(r->a, struct asker);
    by->name = name;
    by->m =
        world_add(r->w, &(struct machine_params){
                            .name = name, .kind = S("client"), .start = start_asker, .args = by});
    VEC_PUSH(r->a->mem, &r->askers, by);
    machine_start(by->m);
    return by;
}

static void
ask_one(struct run *r, const struct step *s, struct machine *to)
{
    const struct args *a = &s->args;
    struct question *q = ARENA_NEW(r->a, struct question);
    *q = (struct question){.r = r, .s = s, .to = to};
    q->call.api_key = (int16_t)a->api;
    q->call.version = (int16_t)(a->version >= 0 ? a->version : api_of(q)->max_stable);
    VEC_PUSH(r->a->mem, &r->questions, q);
    if (!to) {
        q->is_done = true;
        q->difference = S("there is nobody");
        return;
    }
    q->by = asker_of(r, a->name.p ? a->name : S("asker"));
    run_say(r, "%.*s asks %.*s: %.*s", SARG(q->by->name), SARG(to->name),
            SARG(k_api_name((int16_t)a->api)));
    machine_poke(q->by->m, begin_question, q);
}

void
ask_act(struct run *r, const struct step *s)
{
    struct crowd c = crowd_of(r, &s->args.target, NULL);
    for (int32_t i = 0; i < c.n; i++) ask_one(r, s, c.v[i]);
    if (!c.n) ask_one(r, s, NULL);
}

void
asks_end(struct run *r, struct anomalies *ret)
{
    for (int64_t i = 0; i < r->questions.n; i++) {
        const struct question *q = r->questions.v[i];
        struct slice difference = q->is_done ? q->difference : S("there is no answer yet");
        if (!difference.n || wants_whatever(q)) continue;
        struct anomaly one = {.rule = RULE_WRONG_ANSWER,
                              .witness = WITNESS_CHECKER,
                              .partition = -1,
                              .offset = -1,
                              .at_ns = q->ended_ns,
                              .story = story_of(q, difference)};
        anomalies_add(ret, &one);
    }
}
