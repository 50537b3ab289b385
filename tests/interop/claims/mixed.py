"""Apache Kafka and gregord in one cluster: every node broker and controller, three copies of each partition.

"ours" has two gregord and one Apache Kafka, "theirs" one and two. Each claim kills one of each kind.
"""

import threading

try:
    import confluent_kafka as ck
except ImportError:  # then these claims can be listed, not judged
    ck = None

from harness import wire
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.target import eventually

from .three_daemons import Load, TOPIC, check_copies_equal, check_nothing_lost, make_topic, restart
from .transactions import read_level

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


class Copier:
    """Copies a topic record by record in transactions, with its offsets: a group and a transactional id.

    It begins anew, from what is committed, whenever something fails.
    """

    def __init__(self, t, at):
        self.t, self.at, self.copied, self.failures = t, at, 0, []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ending.is_set():
            try:
                self._copy()
            except ck.KafkaException as e:
                self.failures.append(str(e))

    def _copy(self):
        producer = ck.Producer({"bootstrap.servers": self.at, "transactional.id": "copier",
                                "transaction.timeout.ms": 30_000})
        producer.init_transactions(LIMIT_S)
        consumer = ck.Consumer({"bootstrap.servers": self.at, "group.id": "copiers", "auto.offset.reset": "earliest",
                                "enable.auto.commit": False, "isolation.level": "read_committed",
                                "session.timeout.ms": 10_000})
        consumer.subscribe([TOPIC])
        try:
            while not self._ending.is_set():
                batch = [m for m in consumer.consume(500, 0.2) if not m.error()]
                if not batch:
                    continue
                producer.begin_transaction()
                for m in batch:
                    producer.produce("copies", m.value())
                producer.send_offsets_to_transaction(consumer.position(consumer.assignment()),
                                                     consumer.consumer_group_metadata(), LIMIT_S / 2)
                producer.commit_transaction(LIMIT_S)
                self.copied += len(batch)
        finally:
            consumer.close()

    def goes_on(self, what):
        before = self.copied
        expect(eventually(lambda: self.copied > before + 500, limit_s=2 * LIMIT_S),
               f"{what}, only {self.copied - before} records were copied; {self.failures}")

    def end(self):
        self._ending.set()
        self._thread.join(LIMIT_S)


@claim("gregord", "starts", "java", "kcat", "confluent-kafka", limit_s=15 * LIMIT_S, each=tuple(KINDS))
def transactions(t, which):
    """A group's member copies in transactions while one node of each kind is killed and comes back: each record once."""
    with cluster_of(t, which) as cluster:
        make_topic(t, cluster.bootstrap)
        t.produce("copies", [], at=cluster.bootstrap)
        load = Load(cluster.bootstrap, "-X", "enable.idempotence=true")
        copier = Copier(t, cluster.bootstrap)
        copier.goes_on("at the beginning")
        for victim in one_of_each(cluster):
            victim.kill()
            copier.goes_on(f"after {victim.kind} was killed")
            restart(t, cluster, victim)
            copier.goes_on(f"after {victim.kind} came back")
        load.end()
        expect(eventually(lambda: copier.copied > load.sent, limit_s=3 * LIMIT_S),
               f"{copier.copied} of {load.sent} records were copied; {copier.failures}")
        copier.end()
        wanted = [b"made"] + [b"record %d" % i for i in range(load.sent)]
        expect_equal(read_level(t, "copies", "read_committed", at=cluster.bootstrap), wanted, "copied records")
    return f"{len(wanted)} records, {len(copier.failures)} times begun anew {copier.failures or ''}"
