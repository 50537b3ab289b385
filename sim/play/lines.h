/* Lines of a standard input that is no terminal. One that is longer than any command is passed over as a whole: its end alone
 * could be another command. */
#ifndef SIM_PLAY_LINES_H
#define SIM_PLAY_LINES_H

#include "broker/base/slice.h"
#include "sim/play/line.h"

struct lines {
    char text[LINE_MAX_BYTES];
    int64_t n;
    bool is_too_long;
};

enum lines_found { LINES_MORE, LINES_ONE, LINES_TOO_LONG };

/* The next line, without its end; what is taken of `rest` goes. LINES_MORE: its end has not come yet. *ret is good until the next
 * call. */
enum lines_found lines_next(struct lines *l, struct slice *rest, struct slice *ret);
/* No more will come. What has no end is a line, too; LINES_MORE: there is nothing. */
enum lines_found lines_end(struct lines *l, struct slice *ret);

#endif
