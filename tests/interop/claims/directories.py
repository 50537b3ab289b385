"""One log directory, two kinds of daemon in turn: what Apache Kafka formatted and wrote gregord goes on with, and the
other way round, also after kill -9. In the directory: plain and compressed records, a compacted topic, groups of both
protocols, transactions that are committed, aborted and open."""

import re

try:
    import confluent_kafka as ck
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import AdminClient, NewTopic
except ImportError:  # then these claims can be listed, not judged
    ck = None

from differ.broker import Broker
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.target import eventually

OTHER = {"gregord": "kafka", "kafka": "gregord"}
WAYS = [(first, end) for first in ("kafka", "gregord") for end in ("stop", "kill")]
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
PROTOCOLS = ("classic", "consumer")
# By the second kind, and after it had gone, by the first again.
FEATURES = {"metadata.version": 33, "group.version": 1, "transaction.version": 2,
            "eligible.leader.replicas.version": 1}
ONLY_KAFKAS = {"share.version": 2, "streams.version": 1}


def words(stem, n=40):
    return [b"%s %d" % (stem.encode(), i) for i in range(n)]


class Directory:
    """A directory, the daemon on it at present, and a client's view of it."""

    def __init__(self, t, kind, **settings):
        self.t = t
        self.node = t.node(settings={"transaction.max.timeout.ms": 900000, **settings})
        self.node.kind = kind
        self.start()

    def start(self):
        self.node.start()
        self.node.wait()

    def end(self, how):
        """Ends the daemon; the next one is of the other kind."""
        status = self.node.stop() if how == "stop" else self.node.kill()
        wanted = {"kill": (-9,), "stop": (0, 143)}[how]
        expect(status in wanted, f"{self.node.kind}, at its end: {self.node.how_it_ended()}")
        self.node.kind = OTHER[self.node.kind]
        self.start()

    def tool(self, name, *args, **more):
        return self.t.tool(name, "--bootstrap-server", self.node.address, *args, connect=False, **more)

    def create(self, topic, **config):
        a = AdminClient({"bootstrap.servers": self.node.address})
        a.create_topics([NewTopic(topic, 1, 1, config=config)])[topic].result(LIMIT_S)

    def write(self, topic, values, **config):
        p = ck.Producer({"bootstrap.servers": self.node.address, "enable.idempotence": True, **config})
        bad = []
        for v in values:
            p.produce(topic, v, key=v, partition=0, on_delivery=lambda e, m: bad.append(e) if e else None)
        left = p.flush(LIMIT_S)
        expect(not bad and not left, f"{left} records of {topic} are unreported; errors: {bad[:1]}")

    def consumer(self, group, **config):
        return ck.Consumer({"bootstrap.servers": self.node.address, "group.id": group, "auto.offset.reset": "earliest",
                            "enable.auto.commit": False, "isolation.level": "read_committed", **config})

    def values(self, topic, level="read_committed"):
        """All that a reader of this level sees, up to the end."""
        c = self.consumer("nobody", **{"isolation.level": level, "enable.partition.eof": True})
        c.assign([TopicPartition(topic, 0, 0)])
        got = []
        for _ in range(10 * LIMIT_S):
            m = c.poll(0.1)
            if m is not None and m.error():
                break
            if m is not None:
                got.append(m.value())
        c.close()
        return got

    def committed(self, group, topic):
        c = self.consumer(group)
        found = c.committed([TopicPartition(topic, 0)], LIMIT_S)[0].offset
        c.close()
        return found

    def committed_unstable(self, group, topic):
        """The offset as it was before the open transaction: asked without waiting for stable ones."""
        said = self.tool("consumer-groups", "--describe", "--group", group, "--offsets", status=None, errors=True)
        row = re.search(rf"^{group}\s+{topic}\s+0\s+(\d+)", said, re.M)
        return int(row[1]) if row else -1001

    def group_reads(self, group, protocol, topic, n):
        """What a new member of the group gets first, n records, and commits."""
        c = self.consumer(group, **{"group.protocol": protocol})
        c.subscribe([topic])
        got = []
        for _ in range(10 * LIMIT_S):
            if len(got) == n:
                break
            m = c.poll(0.1)
            if m is not None and not m.error():
                got.append(m.value())
        c.commit(offsets=[TopicPartition(topic, 0, len(got) and m.offset() + 1)], asynchronous=False)
        c.close()
        return got

    def features(self):
        answer = Broker(self.node.address, "").ask("ApiVersions", 3, {"ClientSoftwareName": "x",
                                                                       "ClientSoftwareVersion": "1"})
        return {x["Name"]: x["MaxVersionLevel"] for x in answer["FinalizedFeatures"]}


class Life:
    """What clients do over the lives of a directory, and what they must find."""

    def __init__(self, directory):
        self.d, self.round = directory, 0
        self.plain, self.shown, self.all = [], [], []
        self.read = {p: 0 for p in PROTOCOLS}
        directory.create("plain")
        directory.create("txns")
        directory.create("compacted", **{"cleanup.policy": "compact"})

    def producer(self, name):
        p = ck.Producer({"bootstrap.servers": self.d.node.address, "transactional.id": name,
                         "transaction.timeout.ms": 600000})
        p.init_transactions(LIMIT_S)
        return p

    def go_on(self):
        """A piece of life: after it, one transaction is open, with an offset in it."""
        self.round += 1
        d, stem = self.d, f"round-{self.round}"
        for codec in CODECS:
            more = words(f"{stem}-{codec}")
            d.write("plain", more, **{"compression.type": codec})
            self.plain += more
        d.write("compacted", [b"k"], **{"compression.type": "none"})
        for end in ("commit", "abort"):
            p, more = self.producer(f"{stem}-{end}"), words(f"{stem}-{end}", 5)
            self.in_transaction(p, more, f"{end}s")
            (p.commit_transaction if end == "commit" else p.abort_transaction)(LIMIT_S)
            self.all += more
            self.shown += more if end == "commit" else []
        for protocol in PROTOCOLS:
            at = self.read[protocol]
            expect_equal(d.group_reads(f"readers-{protocol}", protocol, "plain", 50), self.plain[at:at + 50],
                         f"{d.node.kind}: what the {protocol} group reads in round {self.round}")
            self.read[protocol] += 50
        self.open, self.late = self.producer(f"{stem}-keeper"), words(f"{stem}-late", 5)
        self.in_transaction(self.open, self.late, "keepers")
        self.all += self.late

    def in_transaction(self, p, values, group):
        p.begin_transaction()
        for v in values:
            p.produce("txns", v, partition=0)
        expect_equal(p.flush(LIMIT_S), 0, "unreported records")
        c = self.d.consumer(group)
        p.send_offsets_to_transaction([TopicPartition("plain", 0, self.round)], c.consumer_group_metadata(), LIMIT_S)
        c.close()

    def is_all_there(self):
        d = self.d
        expect_equal(d.values("plain"), self.plain, f"{d.node.kind}: plain records")
        expect_equal(d.values("txns"), self.shown, f"{d.node.kind}: committed records while one is open")
        expect_equal(d.values("txns", "read_uncommitted"), self.all, f"{d.node.kind}: all records")
        expect_equal(d.values("compacted")[-1:], [b"k"], f"{d.node.kind}: the compacted topic")
        for protocol in PROTOCOLS:
            expect_equal(d.committed(f"readers-{protocol}", "plain"), self.read[protocol],
                         f"{d.node.kind}: the {protocol} group's offset")
        expect_equal(d.committed("commits", "plain"), self.round, f"{d.node.kind}: a committed transaction's offset")
        expect(d.committed("aborts", "plain") < 0, f"{d.node.kind}: an aborted transaction's offset was kept")
        before = self.round - 1 or -1001
        expect_equal(d.committed_unstable("keepers", "plain"), before, f"{d.node.kind}: an open transaction's offset")

    def end_the_open(self):
        """The producer that began its transaction before the daemon changed ends it after."""
        more = words(f"round-{self.round}-end", 5)
        for v in more:
            self.open.produce("txns", v, partition=0)
        self.open.commit_transaction(LIMIT_S)
        self.all += more
        self.shown += self.late + more
        d, want = self.d, self.shown
        eventually(lambda: d.values("txns") == want)
        expect_equal(d.values("txns"), want, f"{d.node.kind}: committed records after the open one's commit")
        expect_equal(d.committed("keepers", "plain"), self.round, f"{d.node.kind}: its offset")


@claim("gregord", "starts", "java", "confluent-kafka", limit_s=6 * LIMIT_S, each=WAYS)
def in_turn(t, way):
    """One kind of daemon formats a directory and lives on it, then the other, then the first: nothing is lost."""
    first, end = way
    d = Directory(t, first)
    try:
        life = Life(d)
        wanted = {**FEATURES, **(ONLY_KAFKAS if first == "kafka" else {})}
        for _ in range(2):
            life.go_on()
            before = d.features()
            expect(wanted.items() <= before.items(), f"{d.node.kind} has finalised {before}")
            d.end(end)
            life.is_all_there()
            expect_equal(d.features(), before, f"{d.node.kind}: finalised features")
            life.end_the_open()
        life.go_on()
    finally:
        d.node.kill()
