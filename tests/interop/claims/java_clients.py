"""The Java clients by the programs with which Kafka's own system tests drive them."""

import json
import random
from collections import defaultdict

try:
    import confluent_kafka as ck
except ImportError:  # then these claims can be listed, not judged
    ck = None

from harness import paths
from harness.app import App
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.node import java
from harness.target import eventually

from .confluent import make_topic, reader
from .transactions import read_level

PARTITIONS = 6
COOPERATIVE = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"
GROUPS = {
    "classic": ("--session-timeout", 6000),
    "cooperative": ("--session-timeout", 6000, "--assignment-strategy", COOPERATIVE),
    "consumer": ("--group-protocol", "consumer"),
}


class Member(App):
    """A VerifiableConsumer: it commits what it has read, and says in JSON what it gets and owns."""

    def __init__(self, t, topic, group, options):
        super().__init__("a member", java(
            paths.TOOLS_JARS, "org.apache.kafka.tools.VerifiableConsumer", "--bootstrap-server", t.bootstrap,
            "--topic", topic, "--group-id", group, *map(str, options)), t.scratch())

    def events(self, name):
        found = (json.loads(x) for x in list(self.lines) if x.startswith("{"))
        return [e for e in found if e["name"] in name]

    def owns(self):
        if not self.is_alive():
            return set()
        owned = set()
        for e in self.events({"partitions_assigned", "partitions_revoked"}):
            named = {p["partition"] for p in e["partitions"]}
            owned = owned | named if e["name"] == "partitions_assigned" else owned - named
        return owned

    def read(self):
        """(partition, offset) of every record, in order."""
        return [(p["partition"], offset) for e in self.events({"records_consumed"}) for p in e["partitions"]
                for offset in range(p["minOffset"], p["maxOffset"] + 1)]


def shared_out(members):
    """Whether each partition has one owner, and each live member a partition."""
    owned = [m.owns() for m in members if m.is_alive()]
    return all(owned) and sorted(p for o in owned for p in o) == list(range(PARTITIONS))


def await_shared_out(members, what):
    expect(eventually(lambda: shared_out(members), limit_s=2 * LIMIT_S),
           f"{what}, members own {[sorted(m.owns()) for m in members]}; {members[0].how()}")


def send(t, topic, first, count):
    p = ck.Producer({"bootstrap.servers": t.bootstrap, "enable.idempotence": True})
    for i in range(first, first + count):
        p.produce(topic, str(i), partition=i % PARTITIONS)
    expect_equal(p.flush(LIMIT_S), 0, "records that were not acknowledged")


@claim("java", "confluent-kafka", limit_s=10 * LIMIT_S, each=("classic", "cooperative"))
def rolled(t, kind):
    """A group is rolled from the classic to the consumer protocol and back, member by member: each record is read once."""
    topic, name = make_topic(t, f"rolled-{kind}", PARTITIONS), t.unique("rolled")

    def type_of():
        row = next((x.split() for x in t.tool("consumer-groups", "--list", "--type").splitlines() if name in x), [])
        return row[1].lower() if len(row) > 1 else ""

    members = [Member(t, topic, name, GROUPS[kind]) for _ in range(2)]
    await_shared_out(members, "at the beginning")
    sent = 0
    for to, kept in (("consumer", "consumer"), (kind, "classic")):
        for _ in range(2):
            send(t, topic, sent, 600)
            sent += 600
            members.append(Member(t, topic, name, GROUPS[to]))
            await_shared_out(members, f"after one has joined as {to}")
            next(m for m in members if m.is_alive()).stop()
            await_shared_out(members, f"with one more of {to}")
        expect_equal(type_of(), kept, "the group's type")
    wanted = sorted((p, offset) for p in range(PARTITIONS) for offset in range(sent // PARTITIONS))

    def read():
        return sorted(x for m in members for x in m.read())

    eventually(lambda: read() == wanted, limit_s=2 * LIMIT_S)
    expect_equal(len(read()), len(wanted), "records read")
    expect(read() == wanted, "other records were read than written")


@claim("java", "confluent-kafka", limit_s=8 * LIMIT_S, each=tuple(GROUPS))
def group(t, kind):
    """Three members share a topic; one is killed, one leaves, one joins: each record is read, few twice, all is committed."""
    topic, name = make_topic(t, f"group-{kind}", PARTITIONS), t.unique("members")

    def join():
        return Member(t, topic, name, GROUPS[kind])

    members = [join() for _ in range(3)]
    await_shared_out(members, "at the beginning")
    send(t, topic, 0, 3000)
    expect(eventually(lambda: sum(len(m.read()) for m in members) >= 3000), "3000 records were not read")
    send(t, topic, 3000, 1500)
    members[0].kill()
    send(t, topic, 4500, 1500)
    await_shared_out(members, "after one was killed")
    members[1].stop()
    await_shared_out(members, "after one has left")
    members.append(join())
    await_shared_out(members, "after one has joined")
    send(t, topic, 6000, 3000)
    wanted = {(p, offset) for p in range(PARTITIONS) for offset in range(9000 // PARTITIONS)}

    def read():
        return [x for m in members for x in m.read()]

    eventually(lambda: set(read()) == wanted, limit_s=2 * LIMIT_S)
    expect_equal(len(set(read()) & wanted), len(wanted), "records read")
    expect(set(read()) == wanted, f"records that nobody wrote: {sorted(set(read()) - wanted)[:3]}")
    before = set(members[0].read())
    by_others = [x for m in members[1:] for x in m.read()]
    expect_equal(len(by_others), len(set(by_others)), "records read by those that were not killed")
    c = reader(t, name)

    def committed():
        found = c.committed([ck.TopicPartition(topic, i) for i in range(PARTITIONS)], LIMIT_S)
        return [x.offset for x in found]

    eventually(lambda: committed() == [1500] * PARTITIONS)
    expect_equal(committed(), [1500] * PARTITIONS, "committed offsets")
    c.close()
    for m in members[2:]:
        m.stop()
    return f"{len(before & set(by_others))} records of the killed one were read twice"


@claim("java", "confluent-kafka", limit_s=8 * LIMIT_S, each=("assigned", "subscribed"))
def transactions(t, how):
    """TransactionalMessageCopier with random aborts, killed three times in its course, copies each record once."""
    count, inputs = 3000, 2
    source, target = make_topic(t, "copier-in", inputs), make_topic(t, "copier-out", inputs)
    group_name, ids = t.unique("copiers"), [t.unique("copier") for _ in range(inputs)]
    p = ck.Producer({"bootstrap.servers": t.bootstrap, "enable.idempotence": True})
    for i in range(count):
        p.produce(source, str(i), partition=i % inputs)
    expect_equal(p.flush(LIMIT_S), 0, "records that were not acknowledged")

    def start(i):
        words = ("--group-mode",) if how == "subscribed" else ()
        return App("the copier", java(
            paths.TOOLS_JARS, "org.apache.kafka.tools.TransactionalMessageCopier", "--broker-list", t.bootstrap,
            "--input-topic", source, "--input-partition", str(i), "--output-topic", target,
            "--consumer-group", group_name, "--transactional-id", ids[i], "--transaction-size", "25",
            "--transaction-timeout", "10000", "--enable-random-aborts", "--use-group-metadata", *words), t.scratch())

    def copied():
        return read_level(t, target, "read_committed", inputs)

    draw, copiers = random.Random(3), [start(i) for i in range(inputs)]
    for kill in range(3):
        before = len(copied())
        expect(eventually(lambda: len(copied()) > min(before + 100, count - 1), limit_s=2 * LIMIT_S, every_s=0.3),
               f"no more than {len(copied())} records are copied; {[x.how() for x in copiers]}")
        i = draw.randrange(inputs)
        copiers[i].kill()
        copiers[i] = start(i)
    eventually(lambda: len(copied()) >= count, limit_s=4 * LIMIT_S, every_s=0.5)
    seen = defaultdict(int)
    for value in copied():
        seen[int(value)] += 1
    twice = sorted(v for v, n in seen.items() if n > 1)
    expect(not twice, f"{len(twice)} records were copied twice, {twice[:3]} among them")
    expect_equal(sorted(seen), list(range(count)), "copied records")
    for x in copiers:
        x.kill()
