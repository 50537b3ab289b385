/* What happens when a CHECK fails in a simulated run: the hook is called, a line goes to standard error, and the
 * program ends with status 4. The hook may leave by longjmp instead. */
#ifndef SIM_WORLD_PANIC_H
#define SIM_WORLD_PANIC_H

void panic_set_hook(void (*fn)(const char *file, int line, const char *what));

#endif
