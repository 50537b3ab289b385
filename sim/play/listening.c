#include "sim/play/listening.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 128

/* Bound to this port (0: any), and which it is. -1: errno. */
static int
socket_at(int32_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)*port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &n) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    *port = ntohs(a.sin_port);
    return fd;
}

bool
listening_open(struct listening *l, int32_t *port)
{
    /* Linux keeps a port for a socket that does not listen for the moment only if it was bound to it by number. */
    if (*port == 0) {
        int probe = socket_at(port);
        if (probe < 0) return false;
        close(probe);
    }
    int fd = socket_at(port);
    if (fd < 0) return false;
    if (listen(fd, BACKLOG) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return false;
    }
    *l = (struct listening){.fd = fd};
    return true;
}

void
listening_close(struct listening *l)
{
    close(l->fd);
}

void
listening_pause(struct listening *l)
{
    (void)shutdown(l->fd, SHUT_RD);
}

void
listening_go_on(struct listening *l)
{
    (void)listen(l->fd, BACKLOG);
}

struct pollfd
listening_poll(const struct listening *l)
{
    return (struct pollfd){.fd = l->starved_errno ? -1 : l->fd, .events = POLLIN};
}

int
listening_accept(struct listening *l)
{
    for (;;) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (fd >= 0) return fd;
        /* It takes from the front until nobody is left, so one that is taken is no end of the want yet. */
        l->starved_errno = errno == EAGAIN ? 0 : errno;
        return -1;
    }
}
