/* A run that clients outside take part in: its time goes with the wall clock, and its brokers are found on real ports.
 *
 *     door (sockets) ──┐                                  ┌─► outside.log
 *     terminal ────────┼─► inputs, at the world's time ───┼─► gate: steps of the machine "outside"
 *     control (HTTP) ──┘                                  └─► steps of a timeline
 *
 * A replay reads the inputs from outside.log instead, and comes to the same trace. */
#ifndef SIM_PLAY_PLAY_H
#define SIM_PLAY_PLAY_H

#include <stdio.h>

#include "broker/base/arena.h"
#include "sim/scenario/outside.h"

struct play_params {
    int32_t *ports; /* 0: one that is free; on return which it is */
    int32_t ports_n;
    int32_t *control_port; /* the same, of the control (control.h); NULL: there is to be none */
    int64_t
        speed_permille; /* 1000: as the wall clock; 0: as fast as can be while no client is connected */
    bool reads_terminal;  /* commands come from standard input */
    bool edits_lines;     /* if that is a terminal: with completion, and what happens above */
    bool ends_with_input; /* and when there is no more of it, that is the end */
    /* It serves now. control: the address of the control; null if there is none. */
    void (*serves)(void *ctx, const int32_t *ports, int32_t ports_n, struct slice control);
    /* What came of a command, or an event to be told, without its end of line. */
    void (*tell)(void *ctx, struct slice line);
    bool (*is_over)(void); /* somebody wants it to end, in order */
    void *ctx;
};

struct play;

/* NULL, and the port that is taken, with errno: it cannot listen. */
struct play *play_new(struct arena *a, const struct play_params *p, int32_t *ret_taken);
/* For run_options.outside. */
const struct run_outside *play_outside(struct play *p);
/* From now on inputs go to log; the folder of the run, and what is written of its trace, can be looked at. The files
 * stay the caller's; trace may be NULL. */
void play_record(struct play *p, FILE *log, FILE *trace, struct slice folder);
/* The run has ended, and this is its report as JSON: who asked for the end over HTTP is told. */
void play_ended(struct play *p, struct slice report);
void play_free(struct play *p);

/* The run of which this is the outside.log; NULL: it is none. The bytes must live as long. */
const struct run_outside *play_again(struct arena *a, struct slice log);

#endif
