"""How long to wait for what must happen, on a machine that may be busy with something else.

A limit counts seconds of a machine of one's own. While more programs want to run than there are cores, a second of the clock counts for less:
for the share that one program gets, by the system's load, but never for less than LEAST. So what hangs still comes to an end.
"""

import os
import time

from .claim import LIMIT_S

LEAST = 0.2


def share():
    """The part of a core that one program gets now."""
    load = os.getloadavg()[0]
    return max(LEAST, min(1.0, (os.cpu_count() or 1) / max(load, 1.0)))


class Patience:
    """It lasts for so many seconds; ask often, for it counts from one question to the next."""

    def __init__(self, limit_s):
        self.left_s, self.asked = limit_s, time.monotonic()

    def lasts(self):
        now = time.monotonic()
        self.left_s -= (now - self.asked) * share()
        self.asked = now
        return self.left_s > 0


def eventually(question, limit_s=LIMIT_S, every_s=0.1):
    """Asks until the answer is true; returns the last answer."""
    patience = Patience(limit_s)
    while True:
        answer = question()
        if answer or not patience.lasts():
            return answer
        time.sleep(every_s)


def ended(process, limit_s):
    """Waits for a process; returns whether it has ended."""
    return eventually(lambda: process.poll() is not None, limit_s, every_s=0.02)
