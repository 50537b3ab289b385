/* What comes into a run from outside of its world: real clients on real ports, words typed by a person. The run asks
 * somebody else to let its time pass (`live`), who brings in what comes between two events, and can say it again for a
 * replay: the world sees nothing but its own events in an order that was written down. */
#ifndef SIM_SCENARIO_OUTSIDE_H
#define SIM_SCENARIO_OUTSIDE_H

#include "broker/base/bytes.h"

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

/* For live(), between two events: does now what this step of a timeline says, like "{crash: b1}". False: it is none;
 * what is wrong with it is said in wrong. */
bool run_take_step(struct run *r, struct slice text, struct writer *wrong);

#endif
