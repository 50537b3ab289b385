"""Two brokers that are measured side by side: what is noted of each, and the table of medians in the end."""

import os
import re
import statistics
import subprocess
from pathlib import Path

from harness.node import Node, NodeError

# What Kafka's own start script gives its broker, besides a heap of 1g.
BROKER_JVM = ["-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
              "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent"]
HEAP = "1g"
TICKS = os.sysconf("SC_CLK_TCK")
LOAD_LIMIT_S = 600  # for hangs: on a quiet machine a load takes ten seconds


class Measured:
    """One of the two brokers, and what was measured of it: figure's name -> list of values."""

    def __init__(self, kind, name, folder, binary, *, heap=HEAP, settings=None):
        self.kind, self.name = kind, name
        self.node = Node(kind, Path(folder) / name.replace(" ", "-"), binary=binary, heap=heap,
                         jvm=[f"-Xms{heap}", *BROKER_JVM], settings=settings)
        self.figures = {}

    def note(self, figure, value):
        self.figures.setdefault(figure, []).append(value)

    def cpu_s(self):
        """User and system time of all the broker's threads, also of those that ended."""
        fields = Path(f"/proc/{self.node.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss_mib(self):
        status = Path(f"/proc/{self.node.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def quiet(argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LOAD_LIMIT_S)
    if done.returncode:
        raise NodeError(f"{argv[0]} exited with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def report(brokers):
    one, other = brokers
    print(f"\n{'median (least-most)':44}{one.name:>32}{other.name:>32}{'ratio':>8}")
    for figure, values in one.figures.items():
        if figure not in other.figures:
            continue
        left, right = statistics.median(values), statistics.median(other.figures[figure])
        ratio = f"{left / right:8.2f}" if right else " " * 8
        print(f"{figure:44}{cell(values):>32}{cell(other.figures[figure]):>32}{ratio}")


def cell(values):
    middle = shown(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({shown(min(values))}-{shown(max(values))})"


def shown(x):
    return f"{x:,.0f}" if x >= 1000 else f"{x:.3g}" if x < 10 else f"{x:.1f}"
