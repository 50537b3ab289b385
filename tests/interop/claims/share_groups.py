"""Share groups (KIP-932), as Kafka's own share consumers and tools use them."""

import re
import subprocess
import time

from harness import paths
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.node import java
from harness.target import TOOLS, eventually


class Consumer:
    """A console share consumer under way, which ends after so many records."""

    def __init__(self, t, topic, group, n, at=None):
        self.process = subprocess.Popen(
            java(paths.TOOLS_JARS, TOOLS["console-share-consumer"], "--bootstrap-server", at or t.bootstrap,
                 "--topic", topic, "--group", group, "--max-messages", str(n),
                 "--timeout-ms", str(1000 * LIMIT_S)),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def has_ended(self):
        return self.process.poll() is not None

    def lines(self):
        out, err = self.process.communicate(timeout=LIMIT_S)
        expect(self.process.returncode == 0, f"the consumer failed: {err.strip().splitlines()[-3:]}")
        return [int(x) for x in out.split() if x.isdigit()]

    def kill(self):
        self.process.kill()
        self.process.communicate()


def make_topic(t, stem):
    """With one record, which is no number."""
    topic = t.unique(stem)
    t.produce(topic, ["-"])
    return topic


def feed(t, topic, until, at=None, start=0):
    """Produces numbers, some at a time, until it is enough; a group begins at the end of the log. Returns the next one."""
    end = time.monotonic() + 2 * LIMIT_S
    while not until():
        expect(time.monotonic() < end, f"after {start} records it is not so")
        t.kcat("-P", "-t", topic, at=at, input="".join(f"{start + i}\n" for i in range(5)))
        start += 5
        time.sleep(0.2)
    return start


def check_consecutive(numbers, what):
    expect(numbers, f"{what}: nothing")
    expect_equal(sorted(numbers), list(range(min(numbers), max(numbers) + 1)), what)


@claim("java", "kcat")
def goes_on_where_it_was(t):
    """A console share consumer reads what is produced; the next one of the group goes on after it, with nothing twice."""
    topic, group = make_topic(t, "share-on"), t.unique("sharers")
    first = Consumer(t, topic, group, 10)
    start = feed(t, topic, first.has_ended)
    one = first.lines()
    second = Consumer(t, topic, group, 10)
    feed(t, topic, second.has_ended, start=start)
    two = second.lines()
    expect_equal((len(one), len(two)), (10, 10), "records read")
    check_consecutive(one + two, "what both read")


@claim("java", "kcat")
def two_share_one_partition(t):
    """Two consumers of a group read one partition: each record is read by one of them."""
    topic, group = make_topic(t, "share-two"), t.unique("sharers")
    both = [Consumer(t, topic, group, 25) for _ in range(2)]
    feed(t, topic, lambda: all(c.has_ended() for c in both))
    one, two = (c.lines() for c in both)
    expect_equal((len(one), len(two)), (25, 25), "records read")
    expect_equal(sorted(set(one) & set(two)), [], "read by both")


@claim("java", "kcat")
def tools(t):
    """kafka-share-groups lists, describes, moves and deletes a group and its offsets."""
    topic, group = make_topic(t, "share-tools"), t.unique("sharers")
    consumer = Consumer(t, topic, group, 10)
    n = feed(t, topic, consumer.has_ended)
    consumer.lines()

    def state():
        return re.search(rf"^{group}\s+(\w+)$", t.tool("share-groups", "--list", "--state"), re.M)

    empty = eventually(lambda: (m := state()) and m[1] == "Empty")
    expect(empty, "it is not listed as Empty")

    def offsets():
        told = t.tool("share-groups", "--describe", "--group", group, "--offsets")
        row = re.search(rf"^{group}\s+{topic}\s+0\s+(\S+)\s+(\S+)", told, re.M)
        expect(row, f"no row of the partition in: {told}")
        return row[1], row[2]

    start, lag = (int(x) for x in offsets())
    expect_equal(start + lag, n + 1, "start offset and lag")
    t.tool("share-groups", "--reset-offsets", "--group", group, "--topic", topic, "--to-earliest", "--execute")
    expect_equal(offsets(), ("0", str(n + 1)), "start offset and lag after the reset")
    again = Consumer(t, topic, group, n + 1)
    expect_equal(sorted(again.lines()), list(range(n)), "what is read after the reset")
    expect(eventually(lambda: (m := state()) and m[1] == "Empty"), "it is not empty again")
    told = t.tool("share-groups", "--delete-offsets", "--group", group, "--topic", topic)
    expect("Successful" in told, f"delete-offsets said: {told}")
    t.tool("share-groups", "--delete", "--group", group)
    expect(not state(), "it is still listed")


@claim("java", "kcat", "gregord", "starts")
def settings(t):
    """The state topic is made as share.coordinator.state.topic.* say, and begins later once snapshots make that possible."""
    node = t.node(settings={"share.coordinator.state.topic.num.partitions": 3,
                            "share.coordinator.state.topic.replication.factor": 1,
                            "share.coordinator.state.topic.min.isr": 1,
                            "share.coordinator.state.topic.segment.bytes": 1048576,
                            "share.coordinator.state.topic.prune.interval.ms": 1000,
                            "share.coordinator.snapshot.update.records.per.snapshot": 1})
    node.start()
    try:
        node.wait()
        consumer = Consumer(t, "orders", "g", 30, at=node.address)
        feed(t, "orders", consumer.has_ended, at=node.address)
        consumer.lines()
        folders = {x.name for x in node.log_dir.glob("__share_group_state-*")}
        expect_equal(len(folders), 3, "partitions of the state topic")
        told = t.tool("topics", "--bootstrap-server", node.address, "--describe", "--topic", "__share_group_state", connect=False)
        expect("ReplicationFactor: 1" in told and "min.insync.replicas=1" in told, f"the state topic is: {told}")

        def start():
            file = node.log_dir / "log-start-offset-checkpoint"
            rows = file.read_text().splitlines() if file.exists() else []
            return max((int(x.split()[2]) for x in rows if x.startswith("__share_group_state")), default=0)

        expect(eventually(lambda: start() > 0), "the state topic was not pruned")
    finally:
        node.stop()
