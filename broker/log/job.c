#include "broker/log/internal.h"

static void
job_op_done(struct op *op)
{
    struct log_job *job = CONTAINER_OF(op, struct log_job, op);
    job->has_waited = true;
    job->step(job, op->err);
}

static void
job_wait_ready(struct segment_wait *w, enum env_err err)
{
    struct log_job *job = CONTAINER_OF(w, struct log_job, wait);
    job->has_waited = true;
    job->step(job, err);
}

static void
job_run(struct task *t)
{
    struct log_job *job = CONTAINER_OF(t, struct log_job, task);
    job->has_waited = true;
    job->step(job, ENV_OK);
}

void *
job_new(struct commitlog *log, int64_t bytes, void (*step)(struct log_job *, enum env_err))
{
    struct log_job *job = mem_alloc(&log->env->mem, bytes);
    job->log = log;
    job->step = step;
    job->bytes = bytes;
    job->op.done = job_op_done;
    job->wait.ready = job_wait_ready;
    job->task.run = job_run;
    list_push_back(&log->jobs, &job->node);
    return job;
}

void
job_end(struct log_job *job)
{
    struct commitlog *log = job->log;
    CHECK(!op_is_pending(&job->op));
    CHECK(!list_is_linked(&job->wait.node));
    defer_cancel(&job->task);
    list_remove(&job->node);
    mem_free(&log->env->mem, job, job->bytes);
    log_check_idle(log);
}

void
job_soon(struct log_job *job)
{
    defer(job->log->env, &job->task);
}
