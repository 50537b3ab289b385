/* A socket at a port of the loopback at which others knock.
 *
 * When no descriptor is left for who knocks, he waits in the kernel. The socket stays readable as long as he does, so who
 * waits for it would wake all the time: it is left out of the waiting, and asked again at each turn. */
#ifndef SIM_PLAY_LISTENING_H
#define SIM_PLAY_LISTENING_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct listening {
    int fd;
    int starved_errno; /* why nobody can be taken for now; 0: whoever comes is */
};

/* Port 0: one that is free; on return which it is. False: errno. */
bool listening_open(struct listening *l, int32_t *port);
void listening_close(struct listening *l);
/* It is to refuse who comes, as a host without this port does; or to be there again. */
void listening_pause(struct listening *l);
void listening_go_on(struct listening *l);
/* What is to be waited for. */
struct pollfd listening_poll(const struct listening *l);
/* A descriptor of who came, which does not block. -1: nobody is there, or nobody can be taken now. */
int listening_accept(struct listening *l);

#endif
