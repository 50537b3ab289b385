/* The terminal, as long as lines are edited at it: bytes come as they are typed. Signals stay what they are. */
#ifndef SIM_PLAY_TERMINAL_H
#define SIM_PLAY_TERMINAL_H

#include <stdbool.h>

/* False: standard input and output are not one. */
bool terminal_begin(void);
/* As it was before; also from a signal handler. */
void terminal_end(void);

#endif
