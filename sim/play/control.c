#include "sim/play/control_internal.h"

#include <stdarg.h>
#include <sys/random.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/security/secret.h"
#include "sim/scenario/json.h"
#include "sim/scenario/value.h"

#define TOKEN_BYTES 16
#define FLUSH_MS 2000

/* Somebody who waits for an answer: for a condition, a time of the world's, or the end. */
struct waiter {
    int64_t id;
    struct run_watch *watch;       /* NULL: no condition */
    struct slice text;             /* of the condition; owned */
    int64_t begin_ns, deadline_ns; /* of the wall clock */
    int64_t leap_ns;               /* of the world's; 0: none */
};

struct control {
    struct play *p;
    struct web *web;
    struct arena a; /* of one request */
    struct slice address, token, host, host_by_name;
    VEC(struct waiter) waiters;
    int64_t ends_id; /* who asked for the end; 0 */
    bool is_over;    /* there is no run any more */
};

/* ---- answers ---- */

static void
control_answer(struct control *c, int64_t id, int status, const struct writer *json)
{
    struct writer w = writer_mem(c->p->a->mem);
    fmt_char(&w, '{');
    writer_bytes(&w, writer_slice(json));
    fmt_str(&w, "}\n");
    web_answer(c->web, id, status, "application/json", writer_slice(&w));
    writer_release(&w);
}

void
reply_json(struct ask *k, struct writer *json)
{
    control_answer(k->c, k->id, 200, json);
}

void
reply_with(struct ask *k, const char *type, struct slice body)
{
    web_answer(k->c->web, k->id, 200, type, body);
}

void
reply_wrong(struct ask *k, int status, const char *format, ...)
{
    char text[512];
    struct writer w = writer_mem(k->a->mem);
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    json_text(&w, "error", slice_cstr(text));
    control_answer(k->c, k->id, status, &w);
    writer_release(&w);
}

void
reply_mistaken(struct ask *k, const struct diags *d)
{
    struct writer w = writer_mem(k->a->mem), all = writer_mem(k->a->mem);
    const struct diag *first = d->v.n ? &d->v.v[0] : NULL;
    bool helps = first && first->help.n;
    diags_print(d, &all);
    json_text(&w, "error",
              first ? arena_format(k->a, "%.*s%s%.*s", SARG(first->message), helps ? ": " : "",
                                   SARG(first->help))
                    : S("that is nothing"));
    json_text(&w, "lint", writer_slice(&all));
    control_answer(k->c, k->id, 400, &w);
    writer_release(&w);
    writer_release(&all);
}

struct slice
query_value(struct ask *k, const char *name)
{
    return http_query(k->a, k->q->query, slice_cstr(name));
}

/* ---- who may ask ---- */

static bool
is_our_host(const struct control *c, struct slice host)
{
    return slice_eq(host, c->host) || slice_eq_any_case(host, c->host_by_name);
}

/* A name that leads to this host may be a foreign one's (DNS rebinding): only our own are heard. */
static bool
is_welcome(struct ask *k)
{
    struct slice origin = k->q->origin, scheme = S("http://");
    if (!is_our_host(k->c, k->q->host)) {
        reply_wrong(k, 403, "Host is not %.*s", SARG(k->c->host));
        return false;
    }
    bool is_ours = !origin.p || (slice_starts(origin, scheme) &&
                                 is_our_host(k->c, slice_sub(origin, scheme.n, origin.n)));
    if (!is_ours) reply_wrong(k, 403, "pages from elsewhere are not answered (Origin)");
    return is_ours;
}

/* The path behind the token; null, and answered: there is none. */
static struct slice
path_behind_token(struct ask *k)
{
    struct slice path = slice_sub(k->q->path, 1, k->q->path.n);
    int64_t slash = slice_find(path, '/', 0);
    struct slice token = slash < 0 ? path : slice_sub(path, 0, slash);
    bool is_right = secret_eq(token, k->c->token);
    if (is_right && slash >= 0) return slice_sub(path, slash, path.n);
    if (is_right) reply_wrong(k, 404, "the address ends with a /");
    else reply_wrong(k, 403, "this address lacks the token that gregor play has printed");
    return SLICE_NULL;
}

/* ---- routes ---- */

/* Does the path have the route's form? */
static bool
fits(const char *form, struct slice path, struct slice *ret_name)
{
    struct slice f = slice_cstr(form);
    int64_t brace = slice_find(f, '{', 0);
    *ret_name = SLICE_NULL;
    if (brace < 0) return slice_eq(f, path);
    struct slice before = slice_sub(f, 0, brace);
    if (!slice_starts(path, before)) return false;
    *ret_name = slice_sub(path, brace, path.n);
    return ret_name->n > 0 && slice_find(*ret_name, '/', 0) < 0;
}

static bool
may_have(const struct route *r, struct slice name)
{
    struct slice all = slice_cstr(r->query);
    for (int64_t at = 0, end; at < all.n; at = end + 1) {
        end = slice_find(all, ' ', at);
        if (end < 0) end = all.n;
        if (slice_eq(slice_sub(all, at, end - at), name)) return true;
    }
    return false;
}

/* A name in the query that means nothing here is a mistake, not a wish to be ignored; and so is a value that cannot be read. */
static bool
query_is_right(struct ask *k, const struct route *r)
{
    struct slice query = k->q->query;
    for (int64_t at = 0, end; at < query.n; at = end + 1) {
        end = slice_find(query, '&', at);
        if (end < 0) end = query.n;
        struct slice one = slice_sub(query, at, end - at);
        int64_t equals = slice_find(one, '=', 0);
        struct slice name = equals < 0 ? one : slice_sub(one, 0, equals);
        struct slice value = equals < 0 ? SLICE_EMPTY : slice_sub(one, equals + 1, one.n);
        if (may_have(r, name) && http_decode(k->a, value, true).p) continue;
        if (may_have(r, name)) {
            reply_wrong(k, 400, "the value of %.*s is not encoded right", SARG(name));
            return false;
        }
        reply_wrong(k, 400, "%s takes no '%.*s'%s%s", r->path, (int)MIN(name.n, 40), name.p,
                    *r->query ? "; it takes " : "", r->query);
        return false;
    }
    return true;
}

static void
dispatch(struct ask *k, struct slice path)
{
    struct writer others = writer_mem(k->a->mem); /* methods that this path has */
    for (int i = 0; i < routes_n; i++) {
        const struct route *r = &routes[i];
        struct slice name;
        if (!fits(r->path, path, &name)) continue;
        if (slice_eq(k->q->method, slice_cstr(r->method))) {
            k->name = name.p ? http_decode(k->a, name, false) : SLICE_NULL;
            if (name.p && !k->name.p) reply_wrong(k, 400, "the path is not encoded right");
            else if (query_is_right(k, r)) r->answer(k);
            writer_release(&others);
            return;
        }
        fmt_str(&others, others.n ? ", " : "");
        fmt_str(&others, r->method);
    }
    if (others.n) reply_wrong(k, 405, "this takes %.*s", SARG(writer_slice(&others)));
    else reply_wrong(k, 404, "there is nothing here; openapi.yaml says what there is");
    writer_release(&others);
}

static void
take_ask(void *ctx, int64_t id, const struct http_request *q)
{
    struct control *c = ctx;
    struct ask k = {.c = c, .p = c->p, .r = c->p->run, .id = id, .a = &c->a, .q = q};
    struct slice path = is_welcome(&k) ? path_behind_token(&k) : SLICE_NULL;
    if (path.p && c->is_over) reply_wrong(&k, 409, "the run has ended");
    else if (path.p) dispatch(&k, path);
    arena_reset(&c->a);
}

/* ---- who waits ---- */

static void
waiter_end(struct control *c, int64_t i)
{
    struct waiter *x = &c->waiters.v[i];
    if (x->watch) run_watch_free(x->watch);
    mem_free_slice(c->p->a->mem, x->text);
    VEC_REMOVE_AT(&c->waiters, i);
}

static void
forget_ask(void *ctx, int64_t id)
{
    struct control *c = ctx;
    for (int64_t i = c->waiters.n; i-- > 0;)
        if (c->waiters.v[i].id == id) waiter_end(c, i);
    if (c->ends_id == id) c->ends_id = -1;
}

static struct waiter *
add_waiter(struct ask *k)
{
    struct waiter *x = VEC_ADD(k->p->a->mem, &k->c->waiters);
    x->id = k->id;
    x->text = SLICE_NULL;
    x->begin_ns = play_wall_ns();
    x->deadline_ns = INT64_MAX;
    return x;
}

void
reply_when(struct ask *k, struct run_watch *watch, struct slice text, int64_t within_ns)
{
    struct waiter *x = add_waiter(k);
    x->watch = watch;
    x->text = mem_dup(k->p->a->mem, text);
    x->deadline_ns = x->begin_ns + within_ns;
}

void
reply_at(struct ask *k, int64_t until_ns)
{
    add_waiter(k)->leap_ns = until_ns;
}

bool
reply_at_end(struct ask *k)
{
    if (k->c->ends_id) return false;
    k->c->ends_id = k->id;
    k->p->is_over = true;
    return true;
}

static void
answer_holds(struct control *c, const struct waiter *x)
{
    struct writer w = writer_mem(c->p->a->mem);
    json_i64(&w, "now_ms", run_time_ns(c->p->run) / NS_PER_MS);
    json_i64(&w, "waited_ms", (play_wall_ns() - x->begin_ns) / NS_PER_MS);
    control_answer(c, x->id, 200, &w);
    writer_release(&w);
}

static void
answer_late(struct control *c, const struct waiter *x)
{
    struct mem *mem = c->p->a->mem;
    struct writer w = writer_mem(mem), why = writer_mem(mem);
    fmt_str(&why, "did not come true in ");
    fmt_seconds(&why, x->deadline_ns - x->begin_ns);
    fmt_str(&why, ": "), fmt_slice(&why, x->text);
    fmt_str(&why, " ("), run_watch_tell(x->watch, &why), fmt_char(&why, ')');
    json_text(&w, "error", writer_slice(&why));
    json_i64(&w, "now_ms", run_time_ns(c->p->run) / NS_PER_MS);
    control_answer(c, x->id, 408, &w);
    writer_release(&w);
    writer_release(&why);
}

void
control_look(struct control *c)
{
    for (int64_t i = c->waiters.n; i-- > 0;) {
        const struct waiter *x = &c->waiters.v[i];
        bool has_come =
            x->watch ? run_watch_holds(x->watch) : world_now_ns(c->p->world) >= x->leap_ns;
        if (has_come) answer_holds(c, x);
        else if (play_wall_ns() >= x->deadline_ns) answer_late(c, x);
        else continue;
        waiter_end(c, i);
    }
}

bool
control_is_waited_for(const struct control *c)
{
    for (int64_t i = 0; i < c->waiters.n; i++)
        if (c->waiters.v[i].watch) return true;
    return false;
}

/* ---- its life ---- */

static const struct web_ops web_ops = {.ask = take_ask, .gone = forget_ask};

static struct slice
new_token(struct arena *a)
{
    uint8_t random[TOKEN_BYTES];
    struct writer w = writer_mem(a->mem);
    CHECK(getrandom(random, sizeof random, 0) == (ssize_t)sizeof random);
    for (int i = 0; i < TOKEN_BYTES; i += 8) fmt_hex64(&w, load_be64(random + i));
    struct slice token = arena_dup(a, writer_slice(&w));
    writer_release(&w);
    return token;
}

struct control *
control_new(struct play *p, int32_t *port)
{
    struct arena *a = p->a;
    struct control *c = ARENA_NEW(a, struct control);
    c->p = p;
    c->web = web_open(a->mem, port, &web_ops, c);
    if (!c->web) return NULL;
    arena_init(&c->a, a->mem, 0);
    c->token = new_token(a);
    c->host = arena_format(a, "127.0.0.1:%d", (int)*port);
    c->host_by_name = arena_format(a, "localhost:%d", (int)*port);
    c->address = arena_format(a, "http://%.*s/%.*s/", SARG(c->host), SARG(c->token));
    return c;
}

void
control_free(struct control *c)
{
    web_close(c->web);
    while (c->waiters.n) waiter_end(c, c->waiters.n - 1);
    VEC_RELEASE(c->p->a->mem, &c->waiters);
    arena_release(&c->a);
}

struct slice
control_address(const struct control *c)
{
    return c->address;
}

int
control_polls(const struct control *c, struct pollfd *ret)
{
    return web_polls(c->web, ret);
}

int
control_starved_errno(const struct control *c)
{
    return web_starved_errno(c->web);
}

void
control_work(struct control *c)
{
    web_work(c->web, play_wall_ns() / NS_PER_MS);
    control_look(c);
}

void
control_ended(struct control *c, struct slice report, struct slice folder)
{
    struct mem *mem = c->p->a->mem;
    struct writer w = writer_mem(mem), over = writer_mem(mem);
    c->is_over = true;
    json_key(&w, "report");
    writer_bytes(&w, slice_trim(report));
    json_text(&w, "folder", folder);
    json_text(&over, "error", S("the run has ended"));
    if (c->ends_id > 0) control_answer(c, c->ends_id, 200, &w);
    while (c->waiters.n) {
        control_answer(c, c->waiters.v[0].id, 409, &over);
        waiter_end(c, 0);
    }
    web_flush(c->web, FLUSH_MS);
    writer_release(&w);
    writer_release(&over);
}
