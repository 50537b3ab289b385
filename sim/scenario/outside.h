/* What comes into a run from outside of its world: real clients on real ports, words typed by a person or sent by a
 * program. The run asks somebody else to let its time pass (`live`), who brings in what comes between two events, and can
 * say it again for a replay: the world sees nothing but its own events in an order that was written down. */
#ifndef SIM_SCENARIO_OUTSIDE_H
#define SIM_SCENARIO_OUTSIDE_H

#include "sim/scenario/diag.h"

struct run;
struct world;

struct run_outside {
    /* Where clients outside find the brokers 1 … n, on the loopback: advertised to them by a listener of its own,
     * OUTSIDE. */
    const int32_t *ports;
    int32_t ports_n;
    int64_t wall_ms; /* the world's wall clock at its time 0: outside it is now */
    /* Lets the world's time pass from the beginning of the timeline until it is to end. */
    void (*live)(void *ctx, struct run *r, struct world *w);
    void *ctx;
};

/* The port of every broker's listener OUTSIDE, within the world. */
enum { OUTSIDE_PORT = 9192 };
/* A client outside whose name somebody in the world has: "p1.outside". */
#define OUTSIDE_SUFFIX ".outside"

/* ---- for live(), between two events ---- */

/* Does now what this step of a timeline says, like "{crash: b1}"; one without a name is called s1, s2 … False: it is
 * none; what is wrong is said in wrong, which need not be initialised. */
bool run_take_step(struct run *r, struct slice text, struct diags *wrong);
/* Why what was taken last met nobody; null: it met somebody, or is not meant for anybody. */
struct slice run_step_missed(const struct run *r);
/* The names of what was taken last: one step, or those of a preset. Keys and values of a JSON object. */
void run_tell_names(const struct run *r, struct writer *json);

/* What passes between clients outside and the brokers, of whom they are judged in the end (guests.h). */
void run_guest_sent(struct run *r, int64_t conn, int32_t broker, struct slice bytes);
void run_guest_given(struct run *r, int64_t conn, struct slice bytes);
void run_guest_left(struct run *r, int64_t conn);

/* What follows only looks: a run is the same with it and without. */

/* `help`, and about one thing: a verb, a preset, targets, presets, conditions. */
void run_help(struct arena *a, struct slice about, struct writer *w);
/* How the last word of this line, as far as it is typed, may go on: the words that begin so, in full. Returns what is
 * there of it. */
struct slice run_complete(struct run *r, struct slice line, struct words *ret);

/* Since the beginning of the timeline. */
int64_t run_time_ns(const struct run *r);
/* Keys and values of a JSON object, whose braces are the caller's. */
void run_tell_state(struct run *r, struct writer *json);
void run_tell_faults(struct run *r, struct writer *json); /* those that last */
void run_tell_verdict(struct run *r, struct writer *json);
/* The story from this line on, and how many lines it has. */
void run_tell_story(struct run *r, int64_t from, struct writer *json);
int64_t run_story_lines(const struct run *r);
struct slice run_story_line(const struct run *r, int64_t i, int64_t *ret_at_ns);
/* What is missing at the end of the trace for it to be a whole one. False: no trace is written. */
bool run_trace_tail(const struct run *r, struct writer *ret);

/* A condition somebody waits for: as `when` has it, like "{leader-of: orders-0, not: b1}", or in words, like
 * "leader of orders-0 is not b1", "isr of orders-0 is full", "isr full" (everywhere, and all alive), "request EndTxn seen". */
struct run_watch;
/* Those words as a condition in braces; what is none stays as it is, to be told as a mistake. */
struct slice run_watch_words(struct arena *a, struct slice words);
/* NULL: it is none; wrong as above. */
struct run_watch *run_watch_new(struct run *r, struct slice text, struct diags *wrong);
void run_watch_free(struct run_watch *x);
bool run_watch_holds(struct run_watch *x);
/* Why it does not, for people; appended. */
void run_watch_tell(struct run_watch *x, struct writer *w);

#endif
