#include "sim/play/terminal.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static volatile sig_atomic_t is_changed;

bool
terminal_begin(void)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    struct termios t = before;
    t.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &t) != 0) return false;
    is_changed = 1;
    return true;
}

void
terminal_end(void)
{
    if (!is_changed) return;
    is_changed = 0;
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
}
