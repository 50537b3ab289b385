/* The daemon: one machine on one loop, from the command line to the exit status.
 *
 *     options, file, variables ─► settings ─► machine ─► loop ─► SIGTERM ─► shutdown ─► fatal("") ─► 0
 *
 * The caller says what kind of machine to run, so that tests can give it a small one. */
#ifndef OS_DAEMON_H
#define OS_DAEMON_H

#include "broker/node/node.h"

struct os_daemon_ops {
    void *(*make)(struct env *env, const struct node_params *p);
    void (*shut_down)(void *machine);
};

/* Exit statuses. */
enum { OS_EXIT_OK = 0, OS_EXIT_FATAL = 1, OS_EXIT_USAGE = 3 };

int os_daemon_run(const struct os_daemon_ops *ops, int argc, const char *const *argv,
                  const char *const *environment);

#endif
