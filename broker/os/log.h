/* What the daemon says to people: one line for each thing worth knowing, on standard error. */
#ifndef OS_LOG_H
#define OS_LOG_H

#include "broker/base/fmt.h"
#include "broker/env/env.h"

enum os_level { OS_DEBUG, OS_INFO, OS_WARN, OS_ERROR };

/* "2026-01-31 12:00:00.123 warn   text", in UTC. */
void os_log(enum os_level level, struct slice text);
/* Kinds that are never shown, for os_machine_params. */
uint64_t os_log_left_out(void);
struct os_log_limit;
/* started_ns: when the program began, for the line that says that it serves. */
void os_log_note(struct os_log_limit *limit, const struct note *n, int64_t started_ns);
/* The note as a line's text and level. false: not for people. */
bool os_log_line(const struct note *n, int64_t since_start_ns, struct writer *w,
                 enum os_level *ret_level);

#endif
