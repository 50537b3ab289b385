/* What happens when a CHECK fails in a simulated run: the hook, a line on standard error, exit 4. The
 * hook may also leave by longjmp. */
#ifndef SIM_WORLD_PANIC_H
#define SIM_WORLD_PANIC_H

void panic_set_hook(void (*fn)(const char *file, int line, const char *what));

#endif
