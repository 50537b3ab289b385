#include "broker/os/log_limit.h"

/* FNV-1a: keys are compared among 128, and a mistaken one costs a line. */
#define HASH_BEGIN 0xcbf29ce484222325u
#define HASH_PRIME 0x100000001b3u

static uint64_t
hash_byte(uint64_t h, uint8_t c)
{
    return (h ^ c) * HASH_PRIME;
}

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Each run of digits counts as one. */
static uint64_t
hash_kind(struct slice text)
{
    uint64_t h = HASH_BEGIN;
    for (int64_t i = 0; i < text.n; i++) {
        bool is_first = i == 0 || !is_digit(text.p[i - 1]);
        if (!is_digit(text.p[i])) h = hash_byte(h, text.p[i]);
        else if (is_first) h = hash_byte(h, '0');
    }
    return h;
}

/* A peer is its address, whatever its port. */
static struct slice
without_port(struct slice about)
{
    int64_t at = about.n;
    while (at > 0 && is_digit(about.p[at - 1])) at--;
    bool has_port = at > 1 && at < about.n && about.p[at - 1] == ':';
    return has_port ? slice_sub(about, 0, at - 1) : about;
}

static uint64_t
hash_peer(uint64_t h, struct slice peer)
{
    h = hash_byte(h, 0);
    for (int64_t i = 0; i < peer.n; i++) h = hash_byte(h, peer.p[i]);
    return h;
}

static void
fmt_thousands(struct writer *w, int64_t n)
{
    if (n >= 1000) fmt_thousands(w, n / 1000);
    if (n < 1000) {
        fmt_i64(w, n);
        return;
    }
    fmt_char(w, ',');
    fmt_padded(w, n % 1000, 3);
}

/* Its window is over. */
static void
tell_and_forget(struct os_log_limit *l, struct os_log_count *c, int64_t now_ns)
{
    char line[LOG_SAMPLE_MAX + 80];
    struct writer w = writer_fixed(line, sizeof line);
    fmt_slice(&w, slice(c->sample, c->sample_n));
    fmt_str(&w, " … ");
    fmt_thousands(&w, c->left_out);
    fmt_str(&w, " more of these in the last ");
    fmt_i64(&w, MAX((now_ns - c->began_ns + NS_PER_S / 2) / NS_PER_S, 1));
    fmt_str(&w, " s");
    if (c->left_out) l->say(l->ctx, c->level, writer_slice(&w));
    c->key = 0;
}

static struct os_log_count *
find_count(struct os_log_limit *l, uint64_t key)
{
    for (int i = 0; i < LOG_COUNTED_MAX; i++)
        if (l->v[i].key == key) return &l->v[i];
    return NULL;
}

static struct os_log_count *
oldest_count(struct os_log_limit *l)
{
    struct os_log_count *oldest = &l->v[0];
    for (int i = 1; i < LOG_COUNTED_MAX; i++)
        if (l->v[i].began_ns < oldest->began_ns) oldest = &l->v[i];
    return oldest;
}

static struct os_log_count *
begin_count(struct os_log_limit *l, uint64_t key, int64_t now_ns, enum os_level level,
            struct slice about, struct slice text)
{
    struct os_log_count *c = find_count(l, 0);
    if (!c) {
        c = oldest_count(l);
        tell_and_forget(l, c, now_ns);
    }
    struct writer w = writer_fixed(c->sample, LOG_SAMPLE_MAX);
    fmt_slice(&w, slice_sub(about, 0, LOG_SAMPLE_MAX / 2));
    if (about.n) fmt_str(&w, ": ");
    fmt_slice(&w, slice_sub(text, 0, LOG_SAMPLE_MAX - w.n));
    c->sample_n = (int32_t)w.n;
    c->key = key;
    c->began_ns = now_ns;
    c->said = c->left_out = 0;
    c->level = level;
    l->due_ns = MIN(l->due_ns, now_ns + LOG_WINDOW_NS);
    return c;
}

/* One line more; false, and counted, if there were max already. */
static bool
take(struct os_log_count *c, int64_t max)
{
    bool has_room = c->said < max;
    if (has_room) c->said++;
    else c->left_out++;
    return has_room;
}

#define KEY_OF_ALL 2

bool
os_log_limit_admits(struct os_log_limit *l, int64_t now_ns, enum os_level level, struct slice about,
                    struct slice text)
{
    struct slice peer = without_port(about);
    uint64_t kind_key = hash_kind(text) | 1, peer_key = hash_peer(kind_key, peer) | 1;
    (void)os_log_limit_tell(l, now_ns);
    struct os_log_count *c = find_count(l, peer_key);
    if (!c) c = begin_count(l, peer_key, now_ns, level, peer, text);
    if (!take(c, LOG_LINES_OF_PEER)) return false;
    c = find_count(l, kind_key);
    if (!c) c = begin_count(l, kind_key, now_ns, level, SLICE_EMPTY, text);
    if (!take(c, LOG_LINES_OF_KIND)) return false;
    c = find_count(l, KEY_OF_ALL);
    if (!c) c = begin_count(l, KEY_OF_ALL, now_ns, level, SLICE_EMPTY, S("lines of other kinds"));
    return take(c, LOG_LINES_OF_ALL);
}

/* Called at each turn of the loop: looks at the counts only when a window is over. */
int64_t
os_log_limit_tell(struct os_log_limit *l, int64_t now_ns)
{
    if (now_ns < l->due_ns) return l->due_ns;
    l->due_ns = TIME_NEVER;
    for (int i = 0; i < LOG_COUNTED_MAX; i++) {
        struct os_log_count *c = &l->v[i];
        if (c->key && now_ns - c->began_ns >= LOG_WINDOW_NS) tell_and_forget(l, c, now_ns);
        if (c->key) l->due_ns = MIN(l->due_ns, c->began_ns + LOG_WINDOW_NS);
    }
    return l->due_ns;
}

void
os_log_limit_end(struct os_log_limit *l, int64_t now_ns)
{
    for (int i = 0; i < LOG_COUNTED_MAX; i++)
        if (l->v[i].key) tell_and_forget(l, &l->v[i], now_ns);
}
