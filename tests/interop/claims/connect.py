"""Kafka Connect on three daemons: two distributed workers, the file connectors that Kafka ships, and kills."""

import threading
from contextlib import contextmanager

from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.connect import Worker
from harness.target import eventually

from .streams import PARTITIONS, Committed, cluster_with, expect_comes
from .transactions import read_level

SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
FILES = 4


class Writer:
    """Appends numbered lines to files, in turn, at a steady rate, on a thread of its own."""

    RATE = 200  # lines a second

    def __init__(self, files):
        self.files, self.count, self._ending = files, 0, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        opened = [open(f, "a", buffering=1) for f in self.files]
        while not self._ending.wait(1 / self.RATE):
            opened[self.count % len(opened)].write(f"line {self.count}\n")
            self.count += 1
        for f in opened:
            f.close()

    def end(self):
        self._ending.set()
        self._thread.join()
        return [f"line {i}" for i in range(self.count)]


@contextmanager
def workers_on(t, **settings):
    """Three daemons, a topic "lines", and two workers; yields the cluster, t aimed at it, the workers."""
    with cluster_with(t, "lines") as (cluster, t):
        pair = [Worker(t, t.bootstrap, "workers", **settings) for _ in range(2)]
        for w in pair:
            w.wait()
        yield cluster, t, pair
        for w in pair:
            if w.is_alive():
                w.stop()


def sources(t, worker):
    """Makes a connector for each of some files; returns the files."""
    folder = t.scratch()
    files = [folder / f"source-{i}" for i in range(FILES)]
    for i, f in enumerate(files):
        f.touch()
        worker.create(f"source-{i}", connector_class=SOURCE, tasks_max=1, file=f, topic="lines")
    return files


def lines_of(file):
    return file.read_text().splitlines() if file.exists() else []


@claim("starts", "connect", "confluent-kafka", limit_s=10 * LIMIT_S)
def files(t):
    """Four file sources and a sink on two workers: one is killed, its tasks move, a broker is killed, no line is lost."""
    with workers_on(t) as (cluster, t, (first, second)):
        came = t.scratch() / "sink"
        first.create("sink", connector_class=SINK, tasks_max=1, file=came, topics="lines")
        written = Writer(sources(t, first))

        def goes_on(what):
            before = len(lines_of(came))
            expect(eventually(lambda: len(lines_of(came)) > before + Writer.RATE, limit_s=3 * LIMIT_S, every_s=0.3),
                   f"{what}, no more than {len(lines_of(came)) - before} lines came")

        goes_on("at the beginning")
        places = {first.await_running(f"source-{i}") for i in range(FILES)}
        expect_equal(places, {first.address, second.address}, "workers that have tasks")
        victim, other = (first, second) if first.await_running("sink") == first.address else (second, first)
        victim.kill()
        for name in ("sink", *(f"source-{i}" for i in range(FILES))):
            other.await_running(name, [other])
        goes_on("after a worker was killed")
        cluster.nodes[1].kill()
        goes_on("after a broker was killed")
        wanted = written.end()
        eventually(lambda: set(lines_of(came)) >= set(wanted), limit_s=2 * LIMIT_S, every_s=0.3)
        got = lines_of(came)
        lost = set(wanted) - set(got)
        expect(not lost, f"{len(lost)} of {len(wanted)} lines are lost, {sorted(lost)[:3]} among them")
        expect(set(got) == set(wanted), f"lines that nobody wrote: {sorted(set(got) - set(wanted))[:3]}")
    return f"{len(wanted)} lines, {len(got) - len(wanted)} of them twice"


@claim("starts", "connect", "confluent-kafka", limit_s=10 * LIMIT_S)
def exactly_once_source(t):
    """exactly.once.source.support: a worker is killed, then a broker; each line is committed once."""
    with workers_on(t, exactly_once_source_support="enabled") as (cluster, t, (first, second)):
        written = Writer(sources(t, first))

        committed = Committed(t, "lines")
        committed.goes_on("at the beginning")
        second.kill()
        for i in range(FILES):
            first.await_running(f"source-{i}", [first])
        committed.goes_on("after a worker was killed")
        cluster.nodes[1].kill()
        committed.goes_on("after a broker was killed")
        wanted = sorted(written.end())
        expect_comes(lambda: len(committed.values), len(wanted), "committed lines")
        committed.end()
        got = [x.decode() for x in read_level(t, "lines", "read_committed", PARTITIONS)]
        expect_equal(sorted(got), wanted, "committed lines, read once more")
    return f"{len(wanted)} lines"
