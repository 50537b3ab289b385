/* The control of a play over HTTP, for programs and browsers on this host. Whatever it changes of the world is a step that
 * is written down like one that was typed, so a replay comes to the same; all else only looks.
 *
 * Its address has a token in its path that nobody can guess: whoever knows the address may do everything, who does not,
 * nothing. A request of a foreign web page is refused by its Origin, one that a foreign name led here by its Host.
 * openapi.yaml describes it. */
#ifndef SIM_PLAY_CONTROL_H
#define SIM_PLAY_CONTROL_H

#include "sim/play/play_internal.h"
#include "sim/play/web.h"

struct control;

/* Port 0: one that is free. NULL: it cannot be had, errno says why. */
struct control *control_new(struct play *p, int32_t *port);
void control_free(struct control *c);
/* "http://127.0.0.1:40001/TOKEN/" */
struct slice control_address(const struct control *c);
int control_polls(const struct control *c, struct pollfd *ret);
/* Why somebody who came has to wait; 0: nobody has to. */
int control_starved_errno(const struct control *c);
/* Takes requests and answers them; those that wait, when it is time. */
void control_work(struct control *c);
/* Are there waiters whose condition holds by now? They are answered. */
void control_look(struct control *c);
/* Somebody waits for a condition: time goes in small slices. */
bool control_is_waited_for(const struct control *c);
/* The run has ended: this is its report (JSON), and where it lies. Who asked for the end is told, all others that it is
 * over. */
void control_ended(struct control *c, struct slice report, struct slice folder);

#endif
