#include "broker/client/producer.h"

#include "broker/base/murmur2.h"
#include "broker/client/producer_internal.h"

struct producer_params
producer_params_default(void)
{
    return (struct producer_params){
        .acks = -1,
        .idempotent = true,
        .max_in_flight = 5,
        .batch_bytes = 16384,
        .linger_ms = 5,
        .request_timeout_ms = 30000,
        .delivery_timeout_ms = 120000,
        .retries = INT32_MAX,
        .buffer_bytes = 32 << 20,
        .max_request_bytes = 1 << 20,
    };
}

static bool
params_agree(const struct producer_params *p)
{
    if (p->acks < -1 || p->acks > 1 || p->max_in_flight < 1) return false;
    if (p->codec > CODEC_ZSTD || p->retries < 0 || p->linger_ms < 0) return false;
    return !p->idempotent || (p->acks == -1 && p->max_in_flight <= 5);
}

static void
producer_metadata_changed(struct client_watcher *w)
{
    struct producer *p = CONTAINER_OF(w, struct producer, watcher);
    defer(p->env, &p->pump);
}

static void
producer_wake_due(struct timer *t)
{
    struct producer *p = CONTAINER_OF(t, struct producer, wake);
    producer_pump(&p->pump);
}

struct producer *
producer_new(struct client *c, const struct producer_params *params)
{
    if (!params_agree(params)) return NULL;
    struct producer *p = MEM_NEW(&c->env->mem, struct producer);
    p->c = c;
    p->env = c->env;
    p->params = *params;
    list_init(&p->topics);
    list_init(&p->parts);
    p->watcher.changed = producer_metadata_changed;
    p->pump.run = producer_pump;
    p->wake.due = producer_wake_due;
    producer_id_init(p);
    client_watch(c, &p->watcher);
    return p;
}

/* ---- sending ------------------------------------------------------------------------------------ */

static struct ptopic *
producer_topic(struct producer *p, struct slice name)
{
    LIST_EACH(&p->topics, t, struct ptopic, node)
        if (slice_eq(t->name, name)) return t;
    struct ptopic *t = MEM_NEW(&p->env->mem, struct ptopic);
    t->name = mem_dup(&p->env->mem, name);
    t->sticky = -1;
    list_init(&t->early);
    list_push_back(&p->topics, &t->node);
    client_want_topic(p->c, name);
    t->known = client_topic(p->c, name);
    return t;
}

/* -1: not known. */
static int32_t
partitions_known(const struct ptopic *t)
{
    return t->known->parts_n > 0 ? t->known->parts_n : -1;
}

/* Without a key a partition is kept until a batch's worth has gone there (KIP-480, KIP-794). */
static int32_t
sticky_partition(struct producer *p, struct ptopic *t, int32_t n, int64_t bytes)
{
    if (t->sticky < 0 || t->sticky >= n || t->sticky_bytes >= p->params.batch_bytes) {
        t->sticky = (int32_t)env_random_below(p->env, STREAM_PARTITIONER, n);
        t->sticky_bytes = 0;
    }
    t->sticky_bytes += bytes;
    return t->sticky;
}

static struct ppart *
route(struct producer *p, struct ptopic *t, struct send *s, const struct early *r, int32_t n)
{
    if (s->partition < 0)
        s->partition =
            r->key.p ? partition_of_key(r->key, n) : sticky_partition(p, t, n, r->charged_bytes);
    struct ppart *part = part_of(p, t, s->partition);
    part_append(p, part, s, r);
    return part;
}

static void
keep_early(struct producer *p, struct ptopic *t, const struct early *r)
{
    struct mem *mem = &p->env->mem;
    struct early *e = MEM_NEW(mem, struct early);
    *e = *r;
    e->key = mem_dup(mem, r->key);
    e->value = mem_dup(mem, r->value);
    e->headers = mem_alloc(mem, r->headers_n * (int64_t)sizeof *e->headers);
    for (int32_t i = 0; i < r->headers_n; i++) {
        e->headers[i].key = mem_dup(mem, r->headers[i].key);
        e->headers[i].value = mem_dup(mem, r->headers[i].value);
    }
    e->node = (struct list){0};
    list_push_back(&t->early, &e->node);
}

static void
early_free(struct producer *p, struct early *e)
{
    struct mem *mem = &p->env->mem;
    list_remove(&e->node);
    for (int32_t i = 0; i < e->headers_n; i++) {
        mem_free_slice(mem, e->headers[i].key);
        mem_free_slice(mem, e->headers[i].value);
    }
    mem_free(mem, e->headers, e->headers_n * (int64_t)sizeof *e->headers);
    mem_free_slice(mem, e->key);
    mem_free_slice(mem, e->value);
    MEM_DELETE(mem, e);
}

bool
producer_send(struct producer *p, struct send *s, const struct producer_record *rec)
{
    int64_t bytes = record_bytes_max(rec->key, rec->value, rec->headers, rec->headers_n);
    if (bytes + BATCH_HEADER_BYTES > p->params.max_request_bytes) return false;
    if (p->charged_bytes + bytes > p->params.buffer_bytes) return false;
    struct early r = {.send = s, .key = rec->key, .value = rec->value, .headers_n = rec->headers_n};
    r.headers = (struct record_header *)(uintptr_t)rec->headers;
    r.timestamp = rec->timestamp < 0 ? env_wall_ms(p->env) : rec->timestamp;
    r.created_ns = env_now_ns(p->env);
    r.charged_bytes = bytes;
    s->result = SEND_PENDING;
    s->error = K_ERR_NONE;
    s->partition = rec->partition < 0 ? -1 : rec->partition;
    s->offset = -1;
    s->node_id = -1;
    s->timestamp = r.timestamp;
    p->pending++;
    p->charged_bytes += bytes;
    p->stats.records++;
    struct ptopic *t = producer_topic(p, rec->topic);
    int32_t n = partitions_known(t);
    if (s->partition < 0 && (n < 0 || !list_is_empty(&t->early))) {
        keep_early(p, t, &r);
        defer(p->env, &p->pump);
    } else {
        producer_joined(p, route(p, t, s, &r, n));
    }
    return true;
}

/* Those of a topic whose partitions have become known, or whose time is over. */
void
producer_route_early(struct producer *p, int64_t *wake_ns)
{
    int64_t now = env_now_ns(p->env);
    LIST_EACH(&p->topics, t, struct ptopic, node) {
        int32_t n = partitions_known(t);
        struct early *e;
        while ((e = LIST_FIRST(&t->early, struct early, node))) {
            int64_t end = e->created_ns + p->params.delivery_timeout_ms * NS_PER_MS;
            if (n > 0) {
                (void)route(p, t, e->send, e, n);
                early_free(p, e);
            } else if (now >= end) {
                int16_t error = t->known->error;
                struct send *s = e->send;
                int64_t charged = e->charged_bytes;
                early_free(p, e);
                send_end(p, s, SEND_FAILED, error ? error : K_ERR_REQUEST_TIMED_OUT, charged);
            } else {
                *wake_ns = MIN(*wake_ns, end);
                break;
            }
        }
    }
}

/* ---- the rest ----------------------------------------------------------------------------------- */

int64_t
producer_pending(const struct producer *p)
{
    return p->pending;
}

void
producer_flush(struct producer *p, void (*flushed)(struct producer *p, void *ctx), void *ctx)
{
    CHECK(!producer_is_flushing(p));
    p->flushed = flushed;
    p->flush_ctx = ctx;
    defer(p->env, &p->pump);
}

const struct producer_stats *
producer_stats(const struct producer *p)
{
    return &p->stats;
}
