/* What the files of a play that goes on share. */
#ifndef SIM_PLAY_PLAY_INTERNAL_H
#define SIM_PLAY_PLAY_INTERNAL_H

#include "sim/play/door.h"
#include "sim/play/gate.h"
#include "sim/play/lines.h"
#include "sim/play/play.h"

struct control;

/* How the world's time follows the wall clock. */
struct pace {
    int64_t permille; /* 1000: as the clock; 0: as fast as can be while no client is connected */
    bool is_paused;
    int64_t leap_ns;        /* the world's time up to which it goes as fast as can be; 0: nowhere */
    int64_t wall_ns, at_ns; /* the world's time at_ns is the wall clock's wall_ns */
};

struct play {
    struct arena *a;
    struct play_params params;
    struct run_outside outside;
    struct door *door;
    struct gate *gate;
    struct control *control; /* NULL: nobody wanted one */
    struct run *run;
    struct world *world;
    FILE *log, *trace; /* of the run's folder; NULL: there is none */
    struct slice folder;
    bool is_over;
    struct pace pace;
    int64_t flushed_ns;
    bool terminal_ended;
    bool has_told_starved; /* that clients have to wait */
    /* Lines are edited at a terminal; what comes from elsewhere is read line by line. */
    bool edits;
    struct line_editor editor;
    int64_t told; /* lines of the story, at a terminal */
    struct lines lines;
};

/* Does a step now, and writes it down. words: "crash b1", or a step as a timeline has it. False: wrong says why. */
bool play_step(struct play *p, struct slice words, struct diags *wrong);
int64_t play_wall_ns(void);

#endif
