/* How often a line that others can cause may be said: a client that sends garbage must not fill the disk
 * with our complaints, nor hide in them what matters.
 *
 * Lines are of one kind when they differ in numbers and in what they are about only. Within ten seconds
 * ten lines of a kind are said about one peer (or topic, partition …), a hundred about all, and three
 * hundred of all kinds (a name in a text makes a kind of its own); of the others one line says how many
 * there were:
 *
 *     127.0.0.1:40312: unknown api or version
 *     127.0.0.1: unknown api or version … 1,204 more of these in the last 10 s */
#ifndef OS_LOG_LIMIT_H
#define OS_LOG_LIMIT_H

#include "broker/os/log.h"

#define LOG_WINDOW_NS (10 * NS_PER_S)
#define LOG_LINES_OF_PEER 10
#define LOG_LINES_OF_KIND 100
#define LOG_LINES_OF_ALL 300
#define LOG_COUNTED_MAX 128 /* kinds, and kinds with peers, that are counted at a time */
#define LOG_SAMPLE_MAX 160

struct os_log_count {
    uint64_t key; /* 0: not used */
    int64_t began_ns;
    int64_t said, left_out;
    enum os_level level;
    int32_t sample_n;
    char sample[LOG_SAMPLE_MAX];
};

struct os_log_limit {
    struct os_log_count v[LOG_COUNTED_MAX];
    int64_t due_ns; /* when the first window is over; at first 0 */
    /* Says a line, now. */
    void (*say)(void *ctx, enum os_level level, struct slice line);
    void *ctx;
};

/* May this line be said? about: "127.0.0.1:40312", "orders-0"; text: what is said of it. */
bool os_log_limit_admits(struct os_log_limit *l, int64_t now_ns, enum os_level level,
                         struct slice about, struct slice text);
/* Says what was left out in windows that are over. When to come again: perhaps TIME_NEVER. */
int64_t os_log_limit_tell(struct os_log_limit *l, int64_t now_ns);
/* At the end: says all that was left out. */
void os_log_limit_end(struct os_log_limit *l, int64_t now_ns);

#endif
