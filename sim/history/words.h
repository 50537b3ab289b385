/* A line of a history's text, word by word. What cannot be understood is said once, with its place: readers return
 * false, and the first of them to fail has said why.
 *
 *      1.002000000 1.009000000 p1 send orders-0 p1:17 ok @41
 *                              └┘ word, column 25 */
#ifndef SIM_HISTORY_WORDS_H
#define SIM_HISTORY_WORDS_H

#include "broker/base/bytes.h"
#include "broker/base/slice.h"

/* Places count from 1. */
struct history_error {
    int64_t line, column, width;
    char what[400]; /* what is wrong, and what would be right */
};

struct text_line {
    struct slice text; /* all of it */
    int64_t at;        /* behind the word */
    struct slice word; /* the present one; empty behind the last */
    struct history_error error;
};

/* Of a text, the line that begins at *at, which goes on to the next. False: there is none. */
bool text_next_line(struct slice text, int64_t *at, int64_t number, struct text_line *ret);
/* Blank, or a comment. */
bool text_line_is_empty(const struct text_line *l);

/* The next word; an empty one at the end. */
struct slice line_word(struct text_line *l);
/* What is left, without the blanks around it. */
struct slice line_rest(struct text_line *l);
/* Says what is wrong with the present word, unless something was wrong before; false. */
bool line_fail(struct text_line *l, const char *what);
/* The same, with the words of a table behind it. */
bool line_fail_of(struct text_line *l, const char *what, const char *const *words, int n);

bool line_number(struct text_line *l, struct slice s, int64_t min, int64_t max, int64_t *ret);
/* "12", "12.5", "12.000000001": seconds, in nanoseconds. */
bool line_time(struct text_line *l, struct slice s, int64_t *ret);
/* "orders-0"; "orders-": ret_partition -1; "-": the topic is empty, too. */
bool line_where(struct text_line *l, struct slice s, struct slice *ret_topic,
                int32_t *ret_partition);

/* The same, written. */
void fmt_history_time(struct writer *w, int64_t ns);

/* Partitions of a topic; processes, topics and groups of a history. */
#define HISTORY_PARTITIONS_MAX 10000
#define HISTORY_NAMES_MAX 10000
/* Keys, and numbers of nodes and epochs. */
#define HISTORY_KEYS_MAX 100000000

#endif
