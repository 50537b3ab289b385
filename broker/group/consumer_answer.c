/* Answers of consumer groups: they go out when what their requests wrote is committed, or if they wrote nothing, when
 * all that was written before them is. */
#include "broker/group/consumer.h"
#include "errors.h"

struct answering {
    struct coordinator_write write;
    struct coordinator_call *call; /* NULL: answered */
    void *response;
    answer_refusal *refuse;
};

static void
answer(struct answering *an, int16_t err)
{
    struct groups *gs = shard_of_write(&an->write)->owner;
    if (!an->call) return;
    if (err) an->refuse(gs, an->call, coordinator_store_error(err));
    else groups_answer(gs, an->call, an->response);
    an->call = NULL;
}

static void
answering_done(struct coordinator_write *w, int16_t err)
{
    struct answering *an = CONTAINER_OF(w, struct answering, write);
    answer(an, err);
    MEM_DELETE(&shard_env(w->shard)->mem, an);
}

static void
answering_late(struct coordinator_write *w)
{
    answer(CONTAINER_OF(w, struct answering, write), K_ERR_REQUEST_TIMED_OUT);
}

int16_t
group_answer_written(struct group *g, struct batch_builder *b, struct coordinator_call *call,
                     void *response, answer_refusal *refuse)
{
    struct coordinator_shard *s = &g->shard->base;
    struct answering *an = MEM_NEW(&group_env(g)->mem, struct answering);
    int16_t err = 0;
    *an = (struct answering){.call = call, .response = response, .refuse = refuse};
    an->write.shard = s;
    an->write.done = answering_done;
    an->write.late = answering_late;
    if (!builder_is_empty(b)) {
        err = shard_write_folded(s, b, &an->write);
        if (err) answering_done(&an->write, err);
    } else {
        builder_release(b);
        if (!shard_wait_written(s, &an->write)) answering_done(&an->write, 0);
    }
    return err;
}
