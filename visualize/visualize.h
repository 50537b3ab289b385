/* A run, drawn and told: everything here reads one trace and writes text. It knows the trace format
 * (broker/env/trace.h, notes.h), the protocol's tables, and nothing else; so it draws a simulated run
 * as well as a recorded one. The same trace gives the same bytes.
 *
 *     visualize_timeline()     timeline.svg      lanes of machines over linear time
 *     visualize_frame_svg()    replication.svg   what each replica holds, at chosen moments
 *     visualize_frame_dot()                      the same before it is painted
 *     visualize_why()                            what led to an anomaly, as a graph
 *     visualize_topology()                       the cluster at a moment
 *     visualize_story()        story.txt         the run in numbered sentences
 *     visualize_view()         run.html          one file for a browser: all of it, to walk through
 *
 * A trace holds what machines did. What only its author knows is said in it with world_say(), in the
 * areas below; each is optional, and without it the pictures just tell less. Fields are area, subject,
 * text, machine and numbers, in this order:
 *
 *     "begin"      ""                ""                     -         times count from here (else from the
 *                                                                     moment when the first machine came up)
 *     "scenario"   name of it        what it is about       -         -
 *     "fault"      "crash"           "b1, leader of orders-0 (epoch 1)": a fault in the words of the
 *                                    scenario; it comes right before the fault itself
 *     "history"    "orders-0"        the value, "p1:17";    client    a call: enum view_call, enum
 *                  or "orders"       of members: the group            view_outcome, offset or -1, when invoked,
 *                                                                     when completed (ns; -1: never), error
 *                                                                     code, acks, records (of a send: its key, or -1)
 *     "min-isr"    "orders"          ""                     -         min.insync.replicas of a topic
 *     "trial"      ""                "k1 and b2"            -         the last test: all is healed, they are cut off
 *     "healed"     ""                ""                     -         faults are over from here on
 *     "anomaly"    "lost orders-0"   its story, sentences   -         seen at (ns) or -1, offset or -1,
 *                  (rule, partition)                                  1: allowed, enum view_witness, number of
 *                                                                     what excuses it (0: nothing does)
 *     "verdict"    "pass"            a sentence             -         produced, acknowledged, unknown,
 *                                                                     failed, read */
#ifndef VISUALIZE_VISUALIZE_H
#define VISUALIZE_VISUALIZE_H

#include "broker/base/bytes.h"

struct trace_reader;

/* The numbers in "history", which may all be said at the end of a run. A send's offset is that of its
 * record, a poll's that of the first of its `records`; polls without records may be left out. Of members of groups: the
 * process begins or leaves the group, and has nothing; it has a partition from now on, or has given it up; it commits this
 * position; it has worked on `records` from this offset on. Of share groups: it was given records; it acknowledges them
 * (acks: 1 accepts, 2 releases, 3 rejects). Of streams groups: it keeps a copy of what is worked on of a partition, or keeps it no more. */
enum view_call {
    VIEW_SEND,
    VIEW_POLL,
    VIEW_OTHER,
    VIEW_BEGIN,
    VIEW_OWN,
    VIEW_DISOWN,
    VIEW_COMMIT,
    VIEW_PROCESS,
    VIEW_GIVEN,
    VIEW_ACKNOWLEDGE,
    VIEW_STANDBY,
    VIEW_STANDBY_OVER,
};
enum view_outcome { VIEW_OK, VIEW_FAILED, VIEW_UNKNOWN };
enum view_witness { VIEW_CHECKER, VIEW_ORACLE, VIEW_INVARIANT };

/* As whoever looks has it; or one. For print: white, and what is told by hatches is told by hatches alone. */
enum view_theme { THEME_AUTO, THEME_LIGHT, THEME_DARK, THEME_PRINT };
struct filter;

/* Times are those of the scenario: they count from "begin". */
struct view_options {
    struct slice partition; /* "orders-0"; null: the one with most to tell */
    bool has_window;
    int64_t from_ns, to_ns;      /* timeline: a window of time, if it has one */
    int32_t arrows_max;          /* timeline; 0: 60 */
    bool has_metrics;            /* timeline: strips of what an operator watches */
    bool is_blind;               /* timeline: these, what clients get, and nothing that says why */
    bool no_cuts;                /* timeline: also the time in which nothing new happens */
    const struct filter *filter; /* timeline (filter.h); NULL: all is seen */
    enum view_theme theme;
    int64_t why;          /* why: the number of the sentence; 0: the first that has causes */
    const int64_t *at_ns; /* frame: the moments, one below the other … */
    int32_t at_n;         /* … 0: before the first fault, after the election, at the end */
};

/* From when to when a run lasts; the names of its partitions, with blanks between them. */
struct view_extent {
    int64_t start_ns, end_ns;
};
void visualize_extent(struct mem *mem, struct trace_reader *r, struct view_extent *ret,
                      struct writer *ret_partitions);

/* Is all that the filter names in the run? If not, what is not. */
bool visualize_filter_fits(struct mem *mem, struct trace_reader *r, const struct filter *f,
                           struct writer *ret_why);

/* The kinds of records that are drawn or told: who draws more than one thing keeps those (trace_keep()), or each decodes
 * the whole trace anew. */
uint32_t visualize_kinds(void);

/* All rewind the reader first, and append to ret. options may be NULL. False: the trace is damaged (what
 * could be read is drawn nevertheless) or, for pictures as SVG, the painter failed. */
bool visualize_timeline(struct mem *mem, struct trace_reader *r, const struct view_options *o,
                        struct writer *ret_svg);
bool visualize_frame_dot(struct mem *mem, struct trace_reader *r, const struct view_options *o,
                         struct writer *ret_dot);
bool visualize_frame_svg(struct mem *mem, struct trace_reader *r, const struct view_options *o,
                         struct writer *ret_svg);
/* False, too: no sentence has causes, or this one has none. */
bool visualize_why(struct mem *mem, struct trace_reader *r, const struct view_options *o,
                   struct writer *ret_svg);
/* At the first of the moments, or at the end. */
bool visualize_topology(struct mem *mem, struct trace_reader *r, const struct view_options *o,
                        struct writer *ret_svg);
/* One run, or two to be compared. */
struct view_side {
    struct trace_reader *reader;
    struct slice why_no_bytes; /* what is said where the trace has no bytes of messages */
};
bool visualize_view(struct mem *mem, const struct view_side *sides, int sides_n,
                    const struct view_options *o, struct writer *ret_html);
bool visualize_story(struct mem *mem, struct trace_reader *r, const struct view_options *o,
                     struct writer *ret_text);

#endif
