/* The daemon's main: a node in the body of the operating system. */
#include "broker/os/daemon.h"

static void *
make_node(struct env *env, const struct node_params *p)
{
    return node_new(env, p);
}

static void
shut_node_down(void *machine)
{
    node_shutdown(machine);
}

int
main(int argc, char **argv, char **environment)
{
    static const struct os_daemon_ops ops = {make_node, shut_node_down};
    return os_daemon_run(&ops, argc, (const char *const *)argv, (const char *const *)environment);
}
