/* One line as it is typed at a terminal: moving about in it, what was typed before, and Tab. Bytes in, bytes out; it knows
 * no terminal.
 *
 * By hand, because so little is needed, and because the world's time goes on while somebody types: of the libraries in
 * Debian, readline is under the GPL, and libedit waits for a whole line, unless it plays readline with globals of its
 * own; linenoise is not there. */
#ifndef SIM_PLAY_LINE_H
#define SIM_PLAY_LINE_H

#include "broker/base/bytes.h"

enum { LINE_MAX_BYTES = 4096, LINES_KEPT = 100 };

struct line_ops {
    /* A whole line, without its end. */
    void (*typed)(void *ctx, struct slice line);
    /* Ctrl-D in an empty line: there is no more. */
    void (*ended)(void *ctx);
    /* How the last word of this goes on: calls each() for every word that it may be. Returns how much of it is there. */
    int64_t (*goes_on)(void *ctx, struct slice line, void (*each)(void *of, struct slice word),
                       void *of);
};

struct line_editor {
    struct mem *mem;
    const struct line_ops *ops;
    void *ctx;
    struct writer out; /* for the terminal: the caller writes and empties it */
    char text[LINE_MAX_BYTES];
    int64_t n, at; /* at: where the next byte goes */
    VEC(struct slice) kept;
    int64_t shown; /* of kept; kept.n: the line itself */
    uint8_t escape[8];
    int32_t escape_n;
    bool is_asked_again; /* Tab came twice: all the words are shown */
};

void line_init(struct line_editor *e, struct mem *mem, const struct line_ops *ops, void *ctx);
void line_release(struct line_editor *e);
/* Shows the line that is being typed (once more). */
void line_show(struct line_editor *e);
/* Takes it away, so that something else can be written there. */
void line_hide(struct line_editor *e);
void line_take(struct line_editor *e, struct slice bytes);

#endif
