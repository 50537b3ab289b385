/* Reading bytes into memory. */
#include "broker/log/internal.h"

struct load_job {
    struct log_job job;
    struct log_load *load; /* NULL: cancelled */
    struct log_read read;
    struct buf *buf;
    bool is_reading;
};

static void
load_job_end(struct load_job *j, enum log_err err)
{
    struct log_load *l = j->load;
    if (l) {
        l->job = NULL;
        l->read.err = err;
        l->buf = err ? NULL : buf_ref(j->buf);
    }
    buf_unref(j->buf);
    log_range_release(&j->read.range);
    job_end(&j->job);
    if (l) l->done(l);
}

/* The offset after the last whole batch. */
static int64_t
batches_end(struct slice batches, int64_t otherwise)
{
    struct batch_header h;
    struct slice batch;
    enum batch_err err;
    for (int64_t at = 0; batch_next(batches, &at, &h, &batch, &err);)
        otherwise = batch_next_offset(&h);
    return otherwise;
}

static void
load_read(struct load_job *j)
{
    struct log_range *r = &j->read.range;
    struct op *op = &j->job.op;
    if (j->is_reading) {
        j->buf->n += op->value;
        if (op->value == 0) r->n = j->buf->n; /* cut meanwhile */
    } else {
        j->is_reading = true;
        j->buf = buf_new(&j->job.log->env->mem, r->n);
    }
    if (j->buf->n < r->n) {
        file_read(op, r->file, r->offset + j->buf->n, j->buf, j->buf->n, r->n - j->buf->n);
        return;
    }
    j->load->next_offset = batches_end(buf_slice(j->buf), j->load->read.offset);
    load_job_end(j, LOG_OK);
}

static void
load_step(struct log_job *job, enum env_err err)
{
    struct load_job *j = CONTAINER_OF(job, struct load_job, job);
    struct commitlog *log = job->log;
    if (!j->load || log_is_offline(log)) {
        load_job_end(j, LOG_E_OFFLINE);
    } else if (!log_range_is_valid(&j->read.range)) {
        load_job_end(j, LOG_E_OUT_OF_RANGE);
    } else if (err) {
        log_fail(log, err, "reading",
                 log_file_path(log, j->read.range.segment->base_offset, S(".log")));
        load_job_end(j, LOG_E_OFFLINE);
    } else if (j->read.err || j->read.range.n == 0) {
        load_job_end(j, j->read.err);
    } else {
        load_read(j);
    }
}

static void
load_found(struct log_read *r)
{
    struct load_job *j = CONTAINER_OF(r, struct load_job, read);
    j->job.step(&j->job, ENV_OK);
}

void
commitlog_load(struct commitlog *log, struct log_load *l)
{
    struct load_job *j = JOB_NEW(log, load_job, load_step);
    j->load = l;
    j->read = l->read;
    j->read.done = load_found;
    l->job = &j->job;
    l->buf = NULL;
    l->next_offset = l->read.offset;
    if (commitlog_read(log, &j->read)) job_soon(&j->job);
}

void
log_load_cancel(struct log_load *l)
{
    if (!l->job) return;
    CONTAINER_OF(l->job, struct load_job, job)->load = NULL;
    l->job = NULL;
}
