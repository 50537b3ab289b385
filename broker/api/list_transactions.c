/* ListTransactions (KIP-664, 994, 1152): what the coordinators of this broker know, by state, producer id, duration, and by a
 * regular expression that the whole name must match. Matching is work for other threads. */
#include "broker/api/handlers.h"
#include "broker/protocol/codec.h"
#include "broker/txn/txns.h"

#define MATCHED_BYTES_MAX (64 << 20)

struct listing {
    struct op op;
    struct request *r;
    struct k_list_transactions_response res;
};

/* A line each; a name with a line end in it has none, and matches nothing. */
static struct buf *
listed_names(struct env *env, const struct k_list_transactions_response *res)
{
    struct writer w = writer_mem(&env->mem);
    for (int32_t i = 0; i < res->transaction_states_n; i++) {
        struct slice id = res->transaction_states[i].transactional_id;
        if (slice_find(id, '\n', 0) >= 0) continue;
        writer_bytes(&w, id);
        writer_bytes(&w, S("\n"));
    }
    struct buf *b = buf_copy(&env->mem, writer_slice(&w));
    writer_release(&w);
    return b;
}

/* The lines come in the order of the names. */
static void
keep_matching(struct k_list_transactions_response *res, struct slice lines)
{
    int32_t kept = 0;
    int64_t at = 0;
    for (int32_t i = 0; i < res->transaction_states_n; i++) {
        int64_t end = slice_find(lines, '\n', at);
        if (end < 0) break;
        if (!slice_eq(slice_sub(lines, at, end - at), res->transaction_states[i].transactional_id))
            continue;
        res->transaction_states[kept++] = res->transaction_states[i];
        at = end + 1;
    }
    res->transaction_states_n = kept;
}

static void
list_matched(struct op *op)
{
    struct listing *l = CONTAINER_OF(op, struct listing, op);
    struct buf *out = op->buf;
    op->buf = NULL;
    keep_matching(&l->res, out ? buf_slice(out) : SLICE_EMPTY);
    if (op->err == ENV_EINVAL) l->res.error_code = K_ERR_INVALID_REGULAR_EXPRESSION;
    else if (op->err) l->res.error_code = K_ERR_COORDINATOR_NOT_AVAILABLE;
    buf_unref(out);
    request_answer(l->r, &l->res);
}

static void
begin_matching(struct listing *l, struct slice pattern)
{
    struct env *env = l->r->server->env;
    struct buf *text = buf_copy(&env->mem, pattern), *names = listed_names(env, &l->res);
    struct seg segs[2] = {{.buf = text, .bytes = buf_slice(text)},
                          {.buf = names, .bytes = buf_slice(names)}};
    l->op.done = list_matched;
    work_queue(env, &l->op, WORK_MATCH, CODEC_NONE, 0, segs, 2, MATCHED_BYTES_MAX);
    buf_unref(text);
    buf_unref(names);
}

void
handle_list_transactions(struct server *s, struct request *r)
{
    const struct k_list_transactions_request *q = r->message;
    struct listing *l = REQUEST_NEW(r, struct listing);
    *l = (struct listing){.r = r};
    txns_list(s->txns, q, &r->arena, &l->res);
    if (l->res.error_code || q->transactional_id_pattern.n == 0) request_answer(r, &l->res);
    else begin_matching(l, q->transactional_id_pattern);
}
