"""Apache Kafka and gregord in one cluster: every node broker and controller, three copies of each partition.

"ours" has two gregord and one Apache Kafka, "theirs" one and two. Each claim kills one of each kind.
"""

import json
import time

from harness import paths, wire
from harness.app import App
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.node import java
from harness.target import eventually

from .three_daemons import Load, TOPIC, check_copies_equal, check_nothing_lost, in_sync, make_topic
from .transactions import read_level

# To be copied while nodes die: it must not end before the last has come back. Where gregord leads more, it goes faster.
COUNTS = {"ours": 40_000, "theirs": 15_000}
KINDS = {"ours": ("gregord", "gregord", "kafka"), "theirs": ("kafka", "kafka", "gregord")}


def cluster_of(t, which):
    """Apache Kafka's node takes long to start, so the quorum's first leader is one of those that are more."""
    return t.cluster(kinds=KINDS[which], settings={
        "transaction.state.log.replication.factor": 3, "transaction.state.log.min.isr": 2})


def one_of_each(cluster):
    """The first of each kind, the active controller's before the other's."""
    first = {n.kind: n for n in reversed(cluster.nodes)}
    node = cluster.nodes[0]
    active = cluster.node(wire.quorum_leader(node.host, node.port)).kind
    return [first[active], *(n for kind, n in first.items() if kind != active)]


def restart(t, cluster, node):
    """Starts a node again; returns after how many seconds the ISR was full. Apache Kafka takes long, on a busy machine."""
    began = time.monotonic()
    node.start()
    node.wait(len(cluster.nodes))
    served_s = time.monotonic() - began
    full = eventually(lambda: in_sync(t, cluster.bootstrap) == [1, 2, 3], limit_s=2 * LIMIT_S, every_s=0.2)
    expect(full, f"{node.kind} served after {served_s:.1f} s, but the ISR stays {in_sync(t, cluster.bootstrap)}")
    return time.monotonic() - began


@claim("gregord", "starts", "java", "kcat", limit_s=15 * LIMIT_S, each=tuple(KINDS))
def killed(t, which):
    """Under load with acks=all one node of each kind is killed and comes back: nothing is lost, all copies are equal."""
    notes = []
    with cluster_of(t, which) as cluster:
        make_topic(t, cluster.bootstrap)
        load = Load(cluster.bootstrap, "-X", "enable.idempotence=true")
        load.lasts(2)
        for victim in one_of_each(cluster):
            victim.kill()
            load.lasts(2)
            notes.append(f"{victim.kind} in sync {restart(t, cluster, victim):.1f} s after its restart")
            load.lasts(1)
        load.end()
        doubled = check_nothing_lost(t, load, cluster.bootstrap)
        expect_equal(doubled, 0, "records that are there twice")
        check_copies_equal(cluster)
    return f"{load.sent} records, outage {load.outage_s():.1f} s, " + ", ".join(notes)


class Copier(App):
    """Kafka's own program that copies a topic in transactions, with the offsets of its group, to where it ended at the start."""

    def __init__(self, t, at, count):
        self.count = count
        super().__init__("the copier", java(
            paths.TOOLS_JARS, "org.apache.kafka.tools.TransactionalMessageCopier", "--broker-list", at,
            "--input-topic", TOPIC, "--input-partition", "0", "--output-topic", "copies", "--consumer-group", "copiers",
            "--transactional-id", "copier", "--transaction-size", "20", "--transaction-timeout", "30000",
            "--group-mode", "--use-group-metadata"), t.scratch())

    def remaining(self):
        said = [json.loads(x) for x in list(self.lines) if x.startswith("{")]
        return next((x["remaining"] for x in reversed(said) if "remaining" in x), self.count)

    def goes_on(self, what):
        before = self.remaining()
        expect(before > 1000, f"{what}, everything was copied already: nothing is shown")
        expect(eventually(lambda: self.remaining() < before - 500 or not self.is_alive(), limit_s=2 * LIMIT_S),
               f"{what}, only {before - self.remaining()} records were copied; {self.how()}")


@claim("gregord", "starts", "java", "kcat", "confluent-kafka", limit_s=15 * LIMIT_S, each=tuple(KINDS))
def transactions(t, which):
    """A group's member copies in transactions while one node of each kind is killed and comes back: each record once."""
    count = COUNTS[which]
    with cluster_of(t, which) as cluster:
        make_topic(t, cluster.bootstrap)
        t.produce(TOPIC, range(count), "-X", "enable.idempotence=true", at=cluster.bootstrap)
        copier = Copier(t, cluster.bootstrap, count)
        copier.goes_on("at the beginning")
        for victim in one_of_each(cluster):
            victim.kill()
            copier.goes_on(f"after {victim.kind} was killed")
            restart(t, cluster, victim)
            copier.goes_on(f"after {victim.kind} came back")
        wanted = [b"made"] + [b"%d" % i for i in range(count)]
        expect(eventually(lambda: not copier.is_alive(), limit_s=5 * LIMIT_S, every_s=1),
               f"{copier.remaining()} records are not copied; {copier.how()}")
        expect_equal(read_level(t, "copies", "read_committed", at=cluster.bootstrap), wanted, "copied records")
