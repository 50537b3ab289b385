#include "broker/os/log.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/fmt.h"
#include "broker/os/log_limit.h"
#include "broker/os/loop.h"

#define LINE_MAX 4096

static const char *const level_names[] = {"debug", "info ", "warn ", "error"};

static void
fmt_time(struct writer *w)
{
    struct timespec now;
    struct tm t;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &t);
    const int parts[] = {t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec};
    for (int i = 0; i < 6; i++) {
        fmt_padded(w, parts[i], i == 0 ? 4 : 2);
        fmt_char(w, "-- ::."[i]);
    }
    fmt_padded(w, now.tv_nsec / NS_PER_MS, 3);
}

/* A line is a line, whatever a name or a message has in it. */
static void
fmt_plain(struct writer *w, struct slice text)
{
    for (int64_t i = 0; i < MIN(text.n, LINE_MAX - 100); i++)
        fmt_char(w, text.p[i] < ' ' || text.p[i] == 127 ? ' ' : (char)text.p[i]);
}

void
os_log(enum os_level level, struct slice text)
{
    char line[LINE_MAX];
    struct writer w = writer_fixed(line, sizeof line);
    fmt_time(&w);
    fmt_char(&w, ' ');
    fmt_str(&w, level_names[level]);
    fmt_char(&w, ' ');
    fmt_plain(&w, text);
    fmt_char(&w, '\n');
    ssize_t n = write(STDERR_FILENO, line, (size_t)w.n);
    (void)n; /* whom should we tell? */
}

uint64_t
os_log_left_out(void)
{
    static const enum note_kind shown[] = {
        NOTE_LOG_MESSAGE,   NOTE_LOG_RECOVERED,     NOTE_LOG_OFFLINE,   NOTE_CONTROLLER_ACTIVE,
        NOTE_BROKER_FENCED, NOTE_TOPIC_CREATED,     NOTE_TOPIC_DELETED, NOTE_NODE_SERVING,
        NOTE_NODE_STOPPED,  NOTE_CONTROLLER_RESIGN,
    };
    uint64_t left_out = ~(uint64_t)0;
    for (int i = 0; i < ARRAY_LEN(shown); i++) left_out &= ~((uint64_t)1 << shown[i]);
    return left_out;
}

static void
fmt_number(struct writer *w, const char *before, int64_t v, const char *after)
{
    fmt_str(w, before);
    fmt_i64(w, v);
    fmt_str(w, after);
}

static void
fmt_subject(struct writer *w, const struct note *n, const char *before, const char *after)
{
    fmt_str(w, before);
    fmt_slice(w, n->subject);
    fmt_str(w, after);
}

bool
os_log_line(const struct note *n, int64_t since_start_ns, struct writer *w,
            enum os_level *ret_level)
{
    *ret_level = OS_INFO;
    switch ((int)n->kind) {
    case NOTE_LOG_MESSAGE:
        *ret_level = (enum os_level)MIN(MAX(n->v[0], OS_DEBUG), OS_ERROR);
        if (*ret_level == OS_DEBUG) return false;
        if (n->subject.n) fmt_subject(w, n, "", ": ");
        fmt_slice(w, n->text);
        return true;
    case NOTE_LOG_RECOVERED:
        if (n->v[2] == 0) return false;
        *ret_level = OS_WARN;
        fmt_subject(w, n, "log ", ": ");
        fmt_number(w, "", n->v[2], " bytes at its end were not whole records and are cut off");
        fmt_number(w, "; it ends at ", n->v[1], "");
        return true;
    case NOTE_LOG_OFFLINE:
        *ret_level = OS_ERROR;
        fmt_subject(w, n, "log ", " is offline: ");
        fmt_str(w, env_err_text((enum env_err)n->v[0]));
        return true;
    case NOTE_CONTROLLER_ACTIVE:
        fmt_number(w, "controller ", n->v[0], " is active");
        fmt_number(w, " in epoch ", n->v[1], "");
        return true;
    case NOTE_CONTROLLER_RESIGN:
        fmt_number(w, "controller ", n->v[0], " resigns");
        fmt_number(w, " in epoch ", n->v[1], "");
        return true;
    case NOTE_BROKER_FENCED:
        /* A broker that left is nothing to be warned of; nor is one that was fenced already. */
        if (slice_eq(n->text, S(NOTE_AS_BEFORE))) return false;
        if (n->text.n == 0) *ret_level = OS_WARN;
        fmt_number(w, "broker ", n->v[0], n->text.n ? " has left " : " is fenced");
        fmt_slice(w, n->text);
        return true;
    case NOTE_TOPIC_CREATED:
        fmt_subject(w, n, "topic ", " is created: ");
        fmt_number(w, "", n->v[0], " partitions");
        fmt_number(w, ", replication factor ", n->v[1], "");
        return true;
    case NOTE_TOPIC_DELETED: fmt_subject(w, n, "topic ", " is deleted"); return true;
    case NOTE_NODE_SERVING:
        fmt_number(w, "node ", n->v[0], " serves");
        if (n->n > 1) fmt_number(w, " on port ", n->v[1], "");
        fmt_number(w, ", ", since_start_ns / NS_PER_MS, " ms after its start");
        return true;
    case NOTE_NODE_STOPPED: fmt_number(w, "node ", n->v[0], " has stopped in order"); return true;
    default: return false;
    }
}

/* What others can cause: how it counts among its like. False: it is always said. */
static bool
is_caused_by_others(const struct note *n, struct slice *ret_text)
{
    switch ((int)n->kind) {
    case NOTE_LOG_MESSAGE: *ret_text = n->text; return true;
    case NOTE_TOPIC_CREATED:
    case NOTE_TOPIC_DELETED:
    case NOTE_BROKER_FENCED: *ret_text = slice_cstr(note_spelling(n->kind)); return true;
    default: return false;
    }
}

void
os_log_note(struct os_log_limit *limit, const struct note *n, int64_t started_ns)
{
    char line[LINE_MAX];
    struct writer w = writer_fixed(line, sizeof line);
    struct slice text;
    enum os_level level;
    int64_t now_ns = os_now_ns();
    if (!os_log_line(n, now_ns - started_ns, &w, &level)) return;
    if (is_caused_by_others(n, &text) &&
        !os_log_limit_admits(limit, now_ns, level, n->subject, text))
        return;
    os_log(level, writer_slice(&w));
}
