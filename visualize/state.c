/* What was so at each moment of a run, for a page: columns of everything that has a time from which on it held. Rows
 * of one owner stand together, in the order of time; the owner has the number of its first row. */
#include "broker/base/check.h"
#include "visualize/page.h"

struct table {
    struct writer *data;
    struct column c[10];
    const char *const *names;
    int n;
};

static struct table
table_new(const struct run *r, struct writer *data, const char *const *names, int n)
{
    struct table t = {.data = data, .names = names, .n = n};
    for (int i = 0; i < n; i++)
        t.c[i] = column_new(r->mem, names[i][0] == '~' ? COLUMN_STEPS : COLUMN_NUMBERS);
    return t;
}

static void
table_row(struct table *t, const int64_t *v)
{
    for (int i = 0; i < t->n; i++) column_put(&t->c[i], v[i]);
}

static void
table_end(struct table *t)
{
    for (int i = 0; i < t->n; i++)
        column_end(&t->c[i], t->data, t->names[i] + (t->names[i][0] == '~'));
}

/* Names with a ~ are of numbers that climb. */
#define TABLE(name, ...) \
    static const char *const name##_names[] = {__VA_ARGS__}; \
    struct table name = table_new(r, data, name##_names, ARRAY_LEN(name##_names))
#define ROW(name, ...) table_row(&(name), (const int64_t[]){__VA_ARGS__})

static void
actor_columns(const struct run *r, struct writer *data)
{
    TABLE(life, "life.actor", "life.at", "life.state");
    for (int64_t i = 0; i < r->actors.n; i++)
        for (int64_t k = 0; k < r->actors.v[i].lives.n; k++)
            ROW(life, i, r->actors.v[i].lives.v[k].at_ns, r->actors.v[i].lives.v[k].state);
    table_end(&life);
    TABLE(turn, "turn.kind", "~turn.at", "turn.actor", "turn.n0", "turn.n1");
    for (int64_t i = 0; i < r->moments.n; i++) {
        const struct moment *m = &r->moments.v[i];
        bool is_fence = m->kind == MOMENT_FENCED || m->kind == MOMENT_REGISTERED,
             is_unfence = m->kind == MOMENT_UNFENCED;
        int32_t actor = is_fence || is_unfence ? run_actor_of_node(r, m->n[0]) : m->actor;
        int kind = is_fence                     ? 'f'
                 : is_unfence                   ? 'u'
                 : m->kind == MOMENT_CONTROLLER ? 'c'
                 : m->kind == MOMENT_RESIGNED   ? 'r'
                                                : 0;
        if (kind) ROW(turn, kind, m->at_ns, actor, m->n[0], m->n[1]);
    }
    table_end(&turn);
}

/* Rows of `held` are written behind the rest: the owners have their numbers already. */
static void
replica_columns(const struct run *r, struct writer *data)
{
    int64_t held_n = 0;
    TABLE(rep, "rep.partition", "rep.actor", "rep.steps", "rep.tenures", "rep.held", "rep.start");
    TABLE(step, "~step.at", "~step.end", "~step.high");
    TABLE(tenure, "~tenure.at", "tenure.role", "tenure.epoch");
    for (int64_t p = 0; p < r->partitions.n; p++)
        for (int64_t a = 0; a < r->partitions.v[p].replicas.n; a++) {
            const struct replica *one = &r->partitions.v[p].replicas.v[a];
            if (!one->is_known) continue;
            ROW(rep, p, a, step.c[0].n, tenure.c[0].n, held_n, one->log_start);
            for (int64_t i = 0; i < one->steps.n; i++)
                ROW(step, one->steps.v[i].at_ns, one->steps.v[i].log_end,
                    one->steps.v[i].high_watermark);
            for (int64_t i = 0; i < one->tenures.n; i++)
                ROW(tenure, one->tenures.v[i].at_ns, one->tenures.v[i].role,
                    one->tenures.v[i].epoch);
            held_n += one->held.n;
        }
    table_end(&rep);
    table_end(&step);
    table_end(&tenure);
}

static void
held_columns(const struct run *r, struct writer *data)
{
    TABLE(held, "~held.base", "held.n", "held.epoch", "~held.at", "held.gone");
    for (int64_t p = 0; p < r->partitions.n; p++)
        for (int64_t a = 0; a < r->partitions.v[p].replicas.n; a++) {
            const struct replica *one = &r->partitions.v[p].replicas.v[a];
            for (int64_t i = 0; i < one->held.n; i++) {
                const struct held *h = &one->held.v[i];
                ROW(held, h->base, h->end - h->base, h->epoch, h->at_ns,
                    h->gone_ns == RUN_FOREVER ? -1 : h->gone_ns - h->at_ns);
            }
        }
    table_end(&held);
}

static void
change_columns(const struct run *r, struct writer *data)
{
    struct strings lists;
    strings_init(&lists, r->mem);
    TABLE(change, "change.partition", "~change.at", "change.leader", "change.epoch",
          "change.partition_epoch", "change.unclean", "change.isr", "change.elr",
          "change.replicas");
    for (int64_t p = 0; p < r->partitions.n; p++)
        for (int64_t i = 0; i < r->partitions.v[p].changes.n; i++) {
            const struct change *c = &r->partitions.v[p].changes.v[i];
            ROW(change, p, c->at_ns, c->leader_id, c->epoch, c->partition_epoch, c->unclean,
                strings_number(&lists, c->isr), strings_number(&lists, c->elr),
                strings_number(&lists, c->replicas));
        }
    table_end(&change);
    strings_end(&lists, data, "lists");
}

/* Sends that did not end well: what went well is in the bars. */
static void
call_columns(const struct run *r, struct writer *data)
{
    TABLE(call, "call.actor", "call.unknown", "call.invoked", "call.took", "call.error");
    for (int64_t i = 0; i < r->calls.n; i++) {
        const struct call *c = &r->calls.v[i];
        if (c->kind != VIEW_SEND || c->outcome == VIEW_OK) continue;
        ROW(call, c->actor, c->outcome == VIEW_UNKNOWN, c->invoked_ns,
            c->completed_ns == RUN_FOREVER ? -1 : c->completed_ns - c->invoked_ns, c->error);
    }
    table_end(&call);
}

/* For the filter key: what clients sent with a key, and while it was under way. Those of one client stand together. */
static void
send_columns(const struct run *r, struct writer *data)
{
    TABLE(send, "send.actor", "~send.at", "send.took", "~send.key");
    for (int64_t a = 0; a < r->actors.n; a++)
        for (int64_t i = 0; i < r->calls.n; i++) {
            const struct call *c = &r->calls.v[i];
            if (c->kind != VIEW_SEND || c->actor != a || c->key < 0) continue;
            ROW(send, a, c->invoked_ns,
                c->completed_ns == RUN_FOREVER ? -1 : c->completed_ns - c->invoked_ns, c->key);
        }
    table_end(&send);
}

void
state_columns(const struct run *r, struct writer *data)
{
    actor_columns(r, data);
    replica_columns(r, data);
    change_columns(r, data);
    call_columns(r, data);
}

void
state_further_columns(const struct run *r, struct writer *data)
{
    held_columns(r, data);
    send_columns(r, data);
}
