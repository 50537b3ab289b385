/* What is wrong with a scenario, said as a compiler does: file, line, column, the line itself, a caret
 * under the place and, where there is one, the cure. All errors of a file come at once.
 *
 *     crash.yaml:23:18: error: no node is called b4
 *        23 |   - {at: 2s, crash: b4}
 *           |                     ^~ did you mean b3? */
#ifndef SIM_SCENARIO_DIAG_H
#define SIM_SCENARIO_DIAG_H

#include "broker/base/arena.h"
#include "broker/base/bytes.h"

struct source {
    struct slice path, text;
};

/* A place in a source; line and column from 1. */
struct mark {
    const struct source *source;
    int32_t line, column, width;
};

enum severity { DIAG_ERROR, DIAG_WARNING };

struct diag {
    enum severity severity;
    struct mark mark;
    struct slice message, help; /* help: null or what stands behind the caret */
};

struct diags {
    struct arena *arena;
    VEC(struct diag) v;
    int64_t errors, warnings;
};

void diags_init(struct diags *d, struct arena *arena);
/* help may be NULL. The texts are copied. */
void diag_error(struct diags *d, struct mark at, const char *help, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diag_warn(struct diags *d, struct mark at, const char *help, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* In the order of their places; of errors at most 20. */
void diags_print(const struct diags *d, struct writer *w);

/* A printf into the arena, with a NUL behind. */
struct slice arena_format(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Words to choose from, and the one that was probably meant. */
struct words {
    struct arena *arena;
    VEC(struct slice) v;
};
void words_add(struct words *w, struct slice word);
/* "did you mean pause?", or "one of crash, pause, …" when nothing is near. NUL behind. */
const char *words_advice(const struct words *w, struct slice wrong);

#define SARG(s) (int)(s).n, (const char *)(s).p

#endif
