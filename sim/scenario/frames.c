/* The verbs about requests and answers: hold, delay, lose, break, repeat, answer. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/tables.h"
#include "sim/net/answer.h"
#include "sim/scenario/outside.h"
#include "sim/scenario/run_internal.h"

static struct machine *
only(struct run *r, const struct target *t)
{
    struct crowd c = t->n ? crowd_of(r, t, NULL) : (struct crowd){0};
    return c.n ? c.v[0] : NULL;
}

struct frame_filter
filter_of(struct run *r, const struct args *a, enum which if_unsaid)
{
    static const int32_t ports[] = {0, 9092, 9093, OUTSIDE_PORT};
    struct frame_filter f = frame_filter_any();
    f.api = (int16_t)a->api;
    f.which = a->answer == YES ? WHICH_ANSWER : a->answer == NO ? WHICH_REQUEST : if_unsaid;
    f.from = only(r, &a->from);
    f.to = only(r, &a->to);
    f.port = ports[a->listener];
    f.topic = a->topic;
    f.partition = (int32_t)a->topic_partition;
    f.client_id = a->client;
    f.group = a->group;
    f.transactional_id = a->transactional_id;
    f.principal = a->principal;
    return f;
}

static void
put_who(struct writer *w, const struct args *a)
{
    if (a->topic.p) fmt_str(w, " about "), fmt_slice(w, a->topic);
    if (a->topic.p && a->topic_partition >= 0) fmt_char(w, '-'), fmt_i64(w, a->topic_partition);
    if (a->group.p) fmt_str(w, " of group "), fmt_slice(w, a->group);
    if (a->transactional_id.p)
        fmt_str(w, " of transactional id "), fmt_slice(w, a->transactional_id);
    if (a->principal.p) fmt_str(w, " of user "), fmt_slice(w, a->principal);
    if (a->client.p) fmt_str(w, " of client "), fmt_slice(w, a->client);
}

/* "1 answer to Produce from b1"; "requests and answers of Fetch on the brokers' listener to b1". */
static struct slice
frames_words(struct run *r, const struct step *s, const struct crowd *from, const struct crowd *to)
{
    static const char *const listeners[] = {"", " on the brokers' listener",
                                            " on the controllers' listener", " of outside"};
    const struct args *a = &s->args;
    struct writer w = writer_mem(r->a->mem);
    bool one = a->count == 1 || a->only_nth;
    bool of_requests = s->verb->id == VERB_ANSWER || s->verb->id == VERB_REPEAT;
    if (a->only_nth)
        fmt_str(&w, "number "), fmt_i64(&w, a->only_nth), fmt_str(&w, " from now on, ");
    if (a->skip) fmt_str(&w, "after "), fmt_i64(&w, a->skip), fmt_str(&w, " others, ");
    if (a->chance) fmt_i64(&w, a->chance), fmt_str(&w, " of a thousand ");
    if (one || a->count) fmt_i64(&w, one ? 1 : a->count), fmt_char(&w, ' ');
    if (a->answer == YES) fmt_str(&w, one ? "answer to " : "answers to ");
    else if (a->answer == NO || of_requests) fmt_str(&w, one ? "request " : "requests ");
    else fmt_str(&w, one ? "request or answer of " : "requests and answers of ");
    fmt_slice(&w, k_api_name((int16_t)a->api));
    fmt_str(&w, listeners[a->listener]);
    put_who(&w, a);
    if (a->from.n) fmt_str(&w, " from "), fmt_slice(&w, names_of(r, from));
    if (a->to.n) fmt_str(&w, " to "), fmt_slice(&w, names_of(r, to));
    if (a->error.p) fmt_str(&w, ": "), fmt_slice(&w, a->error);
    if (a->is_done) fmt_str(&w, ", done all the same");
    struct slice words = arena_dup(r->a, writer_slice(&w));
    writer_release(&w);
    return words;
}

static struct meddling
meddling_of(const struct step *s)
{
    static const enum deed deeds[] = {DEED_HOLD,  DEED_DELAY,  DEED_LOSE,
                                      DEED_BREAK, DEED_REPEAT, DEED_ANSWER};
    const struct args *a = &s->args;
    struct answer_error e = {0};
    if (a->error.p) (void)answer_error_find((int16_t)a->api, a->error, &e);
    return (struct meddling){.deed = deeds[s->verb->id - VERB_HOLD],
                             .skip = (int32_t)(a->only_nth ? a->only_nth - 1 : a->skip),
                             .count = (int32_t)(a->only_nth ? 1 : a->count),
                             .permille = a->chance,
                             .delay = {a->by.min, a->by.max, 0, 0},
                             .error = e.code,
                             .is_done = a->is_done};
}

/* Once for each pair of machines that is meant. */
void
act_on_frames(struct run *r, const struct step *s)
{
    const struct args *a = &s->args;
    struct meddling m = meddling_of(s);
    if (r->firing && r->firing->step == s) m.met = &r->firing->met;
    struct machine *any = NULL;
    struct crowd from = a->from.n ? crowd_of(r, &a->from, NULL) : (struct crowd){&any, 1};
    struct crowd to = a->to.n ? crowd_of(r, &a->to, NULL) : (struct crowd){&any, 1};
    fault_id *ids = ARENA_ARRAY(r->a, fault_id, from.n * to.n + 1);
    int32_t n = 0;
    if (!from.n || !to.n) say_missed(r, s, from.n ? &a->to : &a->from);
    else r->has_met = true;
    run_fault(r, s->verb->value.name, "%.*s", SARG(frames_words(r, s, &from, &to)));
    for (int32_t i = 0; i < from.n; i++) {
        for (int32_t j = 0; j < to.n; j++) {
            struct frame_filter f = filter_of(r, a, WHICH_ANY);
            f.from = from.v[i], f.to = to.v[j];
            ids[n] = fault_meddle(r->w, &f, &m);
            heal_later(r, a->for_ns, ids[n++]);
        }
    }
    remember_bound(r, s, (struct crowd){0}, ids, n);
}
