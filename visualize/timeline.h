/* What the files that draw a timeline share. From top to bottom:
 *
 *      title, verdict
 *      axis           linear time, with cuts
 *      faults         what was done to the cluster, and for how long
 *      clients        rate of what was acknowledged or read; silences; what ended badly
 *      brokers        a band (who leads, in which epoch, fenced, down) over a strip (log end, high watermark)
 *      controllers    who is active, in which epoch
 *      sentences      those that the numbers in the lanes stand for
 *      what was left out; legend
 *
 * Numbers, in circles, are those of the story. */
#ifndef VISUALIZE_TIMELINE_H
#define VISUALIZE_TIMELINE_H

#include "visualize/facts.h"
#include "visualize/filter.h"
#include "visualize/scale.h"
#include "visualize/svg.h"
#include "visualize/words.h"

#define WIDTH 1120
#define LEFT 104   /* where time begins */
#define RIGHT 1104 /* where it ends */
#define LANES_MAX 10
#define FURTHER_LANES_MAX 5 /* groups, transactions, metrics */
#define NUMBERS_MAX 16
#define LABELS_MAX 40
#define BAND_HEIGHT 18
#define CLOSE_UP_MAX 160 /* messages: a window with no more shows each of them */
#define ARROW_LABELS 2   /* rows of them, below a band */
#define ARROW_LABEL_HEIGHT 12
#define FAULT_ROW 17
#define ABSENCE_ROW 13
#define GROUP_ROW 15
#define GROUP_STRIP 40
#define METRIC_ROW 18
#define METRICS_N 5
#define NUMBER_ROOM 22 /* above what a lane shows, for the numbers */

enum lane_kind {
    LANE_FAULTS,
    LANE_CLIENT,
    LANE_BROKER,
    LANE_CONTROLLERS,
    LANE_GROUP,
    LANE_TXN,
    LANE_METRICS,
};

struct lane {
    enum lane_kind kind;
    int32_t actor; /* -1: faults, controllers, groups … */
    int32_t index; /* of the group or the transaction */
    int64_t y, height;
    int64_t band_y; /* the top of what it shows first; arrows end there */
    int rows;       /* faults, controllers: of bars */
};

struct timeline {
    struct run *r;
    struct facts *f;
    struct scale scale;
    struct boxes boxes; /* labels and numbers */
    struct boxes lines; /* arrows, which labels had better not lie on */
    struct writer *w;
    int32_t partition; /* -1: none */
    int64_t from_ns, to_ns;
    int64_t load_ends_ns; /* RUN_FOREVER: nobody said so */
    int32_t arrows_max, arrows_n, labels_n;
    bool has_metrics, is_blind, is_window, is_close_up, no_cuts;
    const struct filter *filter; /* NULL: all is seen */
    struct lane lanes[LANES_MAX + FURTHER_LANES_MAX];
    int32_t lanes_n;
    int64_t hidden[APIS_MAX]; /* messages not drawn */
    int64_t lanes_bottom;
    bool is_shown[4096]; /* facts, by index */
};

/* NULL: it has none. */
const struct lane *lane_of(const struct timeline *t, int32_t actor);
static inline int64_t
time_x(const struct timeline *t, int64_t at_ns)
{
    return scale_x(&t->scale, at_ns);
}
/* Records are deleted from the front of the partition's log, in the time that is seen. */
bool log_start_moves(const struct timeline *t);
/* So many faults that only their marks are drawn, and the lines of those that are told. */
bool has_many_faults(const struct timeline *t);
/* The first x at or after this one from where so many pixels are free of cuts. */
int64_t clear_x(const struct timeline *t, int64_t x, int64_t width);
/* A label, if there is room and the budget is not spent. */
bool put_label(struct timeline *t, const char *class, enum anchor anchor, int64_t x, int64_t y,
               int64_t size_px, struct slice text);

void draw_fault_lane(struct timeline *t, const struct lane *l);
void draw_client_lane(struct timeline *t, const struct lane *l);
void draw_broker_lane(struct timeline *t, const struct lane *l);
/* Of its log, below the band. */
void draw_strip(struct timeline *t, const struct lane *l);
/* When what a fault began is over; RUN_FOREVER: it does not last. */
int64_t fault_end(const struct timeline *t, const struct moment *fault);
void draw_controllers_lane(struct timeline *t, const struct lane *l);
void draw_group_lane(struct timeline *t, const struct lane *l);
void draw_txn_lane(struct timeline *t, const struct lane *l);
void draw_metrics_lane(struct timeline *t, const struct lane *l);
int64_t group_height(const struct timeline *t, int32_t group);
/* A streams group's, whose members keep copies of each other's tasks. */
bool group_has_copies(const struct timeline *t, int32_t group);
/* Text in a band of this width that begins here, if it fits, beside cuts. */
void band_text(struct timeline *t, const char *class, int64_t x0, int64_t x1, int64_t y,
               struct slice text);
/* Words left of a lane, below its name. */
void lane_words(struct timeline *t, const char *class, int64_t y, struct slice words);
void draw_arrows_and_numbers(struct timeline *t);
/* How many messages of the window are between lanes, and not filtered away. */
int64_t messages_in_window(const struct timeline *t);
/* The circles in the lanes. */
void draw_numbers(struct timeline *t);
/* Their height is returned. */
int64_t draw_sentences(struct timeline *t, int64_t y);
int64_t draw_hidden(struct timeline *t, int64_t y);
int64_t draw_legend(struct timeline *t, int64_t y);
void choose_facts(struct timeline *t);

/* The beginning of a picture of this size: what a reader hears, style, patterns, and the paper. The description is escaped
 * already, in lines. In style.c. */
void svg_begin(struct writer *w, int64_t width, int64_t height, struct slice title,
               struct slice description, enum view_theme theme);

#endif
