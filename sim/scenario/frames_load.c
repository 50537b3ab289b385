/* What is wrong with a step about requests and answers. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/tables.h"
#include "sim/net/answer.h"
#include "sim/scenario/load.h"
#include "sim/scenario/users.h"

static const char *
errors_of(struct load *l, int16_t api)
{
    struct writer w = writer_mem(l->a->mem);
    struct slice name;
    struct answer_error e;
    for (int32_t i = 0; answer_error_at(api, i, &name, &e); i++) {
        if (w.n) fmt_str(&w, ", ");
        fmt_slice(&w, name);
        if (e.tells == TELLS_DONE) fmt_str(&w, " (done: true)");
    }
    const char *text =
        w.n ? (const char *)arena_dup(l->a, writer_slice(&w)).p : "hold, delay, lose or break it";
    writer_release(&w);
    return text;
}

/* Only what Kafka can answer, and nothing that it would be lying with. */
static void
check_answer(struct load *l, const struct step *s)
{
    const struct args *a = &s->args;
    struct slice api = k_api_name((int16_t)a->api);
    struct answer_error e;
    if (!a->error.p)
        diag_error(l->d, s->mark, errors_of(l, (int16_t)a->api), "answer: with which error?");
    else if (!answer_error_find((int16_t)a->api, a->error, &e))
        diag_error(l->d, s->mark, errors_of(l, (int16_t)a->api), "%.*s is never answered %.*s",
                   SARG(api), SARG(a->error));
    else if (a->is_done && answer_is_of_reading((int16_t)a->api))
        diag_error(l->d, s->mark, "leave out done", "%.*s changes nothing that could be done",
                   SARG(api));
    else if (a->is_done && e.tells == TELLS_NOT_DONE)
        diag_error(l->d, s->mark, "leave out done", "who is told %.*s knows that it was not done",
                   SARG(a->error));
    else if (!a->is_done && e.tells == TELLS_DONE)
        diag_error(l->d, s->mark, "done: true", "who is told %.*s knows that it was done",
                   SARG(a->error));
}

void
frames_check(struct load *l, const struct step *s)
{
    const struct args *a = &s->args;
    enum verb_id id = s->verb->id;
    if (a->api == ANY_API)
        diag_error(l->d, s->mark, s->verb->example, "%s: which kind of request?",
                   s->verb->value.name);
    else if (a->only_nth && (a->skip || a->count))
        diag_error(l->d, s->mark, "nth: 2 is skip: 1, count: 1", "nth goes without skip and count");
    else if ((id == VERB_LOSE || id == VERB_BREAK) && a->answer == UNSAID)
        diag_error(l->d, s->mark, "answer: true or answer: false",
                   "%s: the request, before it is done, or its answer, after it is?",
                   s->verb->value.name);
    else if (id == VERB_DELAY && a->by.max <= 0)
        diag_error(l->d, s->mark, "by: 200ms..1s", "delay: by how much?");
    else if (id == VERB_ANSWER) check_answer(l, s);
    if (a->principal.p && !slice_eq(a->principal, S("User:ANONYMOUS")))
        (void)user_is_known(l, a->principal, s->mark);
}
