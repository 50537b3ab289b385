/* A state machine as its declared table has it: boxes for states, an arrow for each move that the code allows. */
#ifndef VISUALIZE_MACHINE_H
#define VISUALIZE_MACHINE_H

#include "visualize/visualize.h"

struct view_state {
    const char *name;
    int column, row; /* where its box is */
};

struct view_machine {
    const char *name, *about;
    const struct view_state *states;
    int n;
    bool (*may_follow)(int from, int to);
};

void visualize_machine(struct mem *mem, const struct view_machine *m, enum view_theme theme,
                       struct writer *ret_svg);

#endif
