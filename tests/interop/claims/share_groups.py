"""Share groups (KIP-932), as Kafka's own share consumers and tools use them."""

import re
import subprocess
import time

from differ import cases_share
from differ.broker import Broker
from harness import paths
from harness.app import App
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.node import java
from harness.patience import Patience
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
    patience = Patience(2 * LIMIT_S)
    while not until():
        expect(patience.lasts(), f"after {start} records it is not so")
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
    # What is done with above the start is no lag (KIP-1226), and of the ten that were read some may be that.
    expect(n + 1 - 10 <= start + lag <= n + 1, f"start offset {start} and lag {lag} of {n + 1} records")
    t.tool("share-groups", "--reset-offsets", "--group", group, "--topic", topic, "--to-earliest", "--execute")
    expect_equal(offsets(), ("0", str(n + 1)), "start offset and lag after the reset")
    again = Consumer(t, topic, group, n + 1)
    expect_equal(sorted(again.lines()), list(range(n)), "what is read after the reset")
    expect(eventually(lambda: (m := state()) and m[1] == "Empty"), "it is not empty again")
    told = t.tool("share-groups", "--delete-offsets", "--group", group, "--topic", topic)
    expect("Successful" in told, f"delete-offsets said: {told}")
    t.tool("share-groups", "--delete", "--group", group)
    expect(not state(), "it is still listed")


class Member(App):
    """A Java share consumer that says of each record by itself what became of it (clients/ShareMember.java)."""

    def __init__(self, t, topic, group, how, *settings, at=None):
        argv = java(paths.TOOLS_JARS, paths.INTEROP / "clients/ShareMember.java", at or t.bootstrap, topic, group, how, *settings)
        super().__init__("a share consumer", argv, t.scratch())
        self.await_line("begins")

    def poll(self, wanted, limit_s=LIMIT_S):
        """The next records, as (offset, delivery, value); [] when there are none, if none are wanted."""
        def records():
            return [tuple(int(x) for x in row.split()[1:3]) + (row.split()[3],) for row in self.ask("poll 1000")]

        return eventually(records, limit_s=limit_s if wanted else 3)

    def say(self, what, *offsets, wanted="ok"):
        """Acknowledges, and expects this answer of the broker."""
        expect_equal(self.ask(f"{what} {' '.join(map(str, offsets))}"), [], f"said of {what}")
        expect_equal(self.ask("commit"), [f"0 {wanted}"], f"the answer to {what} of {offsets}")


def begin_with_first(t, group, **settings):
    """The group begins with the first record."""
    rows = {"share.auto.offset.reset": "earliest", **settings}
    words = ",".join(f"{k}={v}" for k, v in rows.items())
    t.tool("configs", "--alter", "--entity-type", "groups", "--entity-name", group, "--add-config", words)


def offset_and_lag(t, group, topic, at=None):
    where = ("--bootstrap-server", at) if at else ()
    told = t.tool("share-groups", *where, "--describe", "--group", group, "--offsets", connect=not at)
    row = re.search(rf"^{group}\s+{topic}\s+0\s+(\S+)\s+(\S+)", told, re.M)
    expect(row, f"no row of the partition in: {told}")
    return row[1], row[2]


@claim("java", "kcat", limit_s=5 * LIMIT_S)
def explicit(t):
    """A Java share consumer accepts, gives back and rejects: what it gave back comes again, five times at most; the rest does not."""
    topic, group = t.unique("share-explicit"), t.unique("sharers")
    t.produce(topic, range(6))
    begin_with_first(t, group)
    one = Member(t, topic, group, "ask")
    expect_equal(one.poll(True), [(i, 1, str(i)) for i in range(6)], "the first delivery")
    expect_equal(one.ask("accept 0 2"), [], "said")
    expect_equal(one.ask("reject 1"), [], "said")
    one.say("release", 3, 4, 5)
    expect_equal(one.poll(True), [(i, 2, str(i)) for i in (3, 4, 5)], "the second delivery")
    one.ask("accept 4")
    one.say("release", 3, 5)
    two = Member(t, topic, group, "ask")
    expect_equal(one.poll(True), [(i, 3, str(i)) for i in (3, 5)], "the third delivery")
    one.close()
    # What comes so often comes in small pieces, in this order or another.
    seen = []
    while len(seen) < 3:
        rows = two.poll(True)
        expect(rows, f"after {seen} nothing more comes")
        seen += [row[:2] for row in rows]
        for offset, _, _ in rows:
            expect_equal(two.ask(f"{'accept' if offset == 5 else 'release'} {offset}"), [], "said")
        expect_equal(two.ask("commit"), ["0 ok"], "the answer")
    expect_equal(sorted(seen), [(3, 4), (3, 5), (5, 4)], "the fourth and fifth delivery, after who had them has left")
    expect_equal(two.poll(False), [], "after the fifth delivery")
    t.produce(topic, [6])
    expect_equal(two.poll(True), [(6, 1, "6")], "what came after")
    two.say("accept", 6)
    two.close()
    expect_equal(offset_and_lag(t, group, topic)[1], "0", "lag")


# Rounds of a member that gives back all that it is given, and how much of 16 records it is given each time. After half of the
# deliveries it is half of what went out together, and each record alone for the last time.
APART = {"5": [16, 16, 16, 8, 1, 1], "3": [16, 16, 1, 1], "2": [16, 16, 0], "10": [16] * 5 + [8, 4, 2, 1, 1]}


@claim("starts")
def apart(t):
    """Records that were given back often are given in smaller and smaller pieces: a bad one does not take its whole batch with it."""
    node = t.node()
    node.start()
    try:
        node.wait()
        b = Broker(node.address, "apart")
        for limit, wanted in APART.items():
            group = cases_share.share_group(b, f"g{limit}", share_delivery_count_limit=limit)
            topic = b.topic(f"t{limit}")
            cases_share.fill(b, topic, 1, values=[b"%d" % i for i in range(16)])
            cases_share.join(b, group, [topic], 1)
            reader, got = cases_share.Reader(b, group), []
            for _ in wanted:
                rows = [p for x in reader.acquire("records", topic)["Responses"] for p in x["Partitions"]]
                given = [(x["FirstOffset"], x["LastOffset"]) for p in rows for x in p["AcquiredRecords"]]
                got.append(sum(last + 1 - first for first, last in given))
                if given:
                    reader.acknowledge("given back", topic, {0: [cases_share.acks(*x, cases_share.RELEASE) for x in given]})
            expect_equal(got, wanted, f"records each time, of {limit} deliveries")
    finally:
        node.kill()


@claim("java", "kcat", "starts", limit_s=5 * LIMIT_S)
def renewed(t):
    """A lock of a record runs out unless it is renewed: who renews can accept later, who does not cannot."""
    node = t.node(settings={"group.share.min.record.lock.duration.ms": 1000, "group.share.record.lock.duration.ms": 4000})
    node.start()
    try:
        node.wait()
        at, topic, group = node.address, "renewed", "g"
        t.produce(topic, range(2), at=at)
        t.tool("configs", "--bootstrap-server", at, "--alter", "--entity-type", "groups", "--entity-name", group,
               "--add-config", "share.auto.offset.reset=earliest", connect=False)
        one = Member(t, topic, group, "ask", "share.acquire.mode=record_limit", "max.poll.records=1", at=at)
        expect_equal([x[:2] for x in one.poll(True)], [(0, 1)], "the first")
        for _ in range(3):
            time.sleep(2)
            one.say("renew", 0)
            expect_equal([x[:2] for x in one.poll(True)], [(0, 1)], "what was renewed is with it")
        one.say("accept", 0)
        expect_equal([x[:2] for x in one.poll(True)], [(1, 1)], "the second")
        time.sleep(6)
        one.say("accept", 1, wanted="InvalidRecordStateException")
        expect_equal([x[:2] for x in one.poll(True)], [(1, 2)], "the second, again")
        one.say("accept", 1)
        one.close()
    finally:
        node.stop()


@claim("java", "kcat", limit_s=15 * LIMIT_S)
def tool_forms(t):
    """kafka-share-groups in all its forms: list, describe with members, offsets and states, reset, delete."""
    topics, group = [t.unique("share-forms") for _ in range(2)], t.unique("sharers")
    for topic in topics:
        t.produce(topic, range(4))
    begin_with_first(t, group)
    # They poll once, and stay members for however long the tools take.
    one, two = (Member(t, topic, group, "ask", "max.poll.interval.ms=3600000") for topic in topics)
    one.poll(True)
    two.poll(True)

    def tool(*words, **more):
        return t.tool("share-groups", *words, **more)

    def rows(*words):
        found = [x.split() for x in tool("--describe", *words).splitlines()]
        return [x for x in found if x[:1] == [group]]

    expect(group in tool("--list").split(), "it is not listed")
    for word, wanted in (("stable", True), ("Stable,Empty", True), ("empty", False)):
        expect((group in tool("--list", "--state", word)) == wanted, f"listed as {word}: {not wanted}")
    found = rows("--group", group, "--state")
    expect_equal([x[-2:] for x in found], [["Stable", "2"]], "state and members")
    found = rows("--group", group, "--members")
    expect_equal(sorted(x[-1] for x in found), sorted(f"{x}:0" for x in topics), "what the members have")
    expect_equal(len(rows("--group", group, "--members", "--verbose")), 2, "rows of members, with their epochs")
    expect_equal(sorted(x[1:4] for x in rows("--group", group)), sorted([x, "0", "0"] for x in topics), "offsets")
    expect_equal(len(rows("--group", group, "--offsets", "--verbose")[0]), len(rows("--group", group)[0]) + 1, "columns with the leader's epoch")
    expect(rows("--all-groups", "--offsets"), "not among all groups")
    for words in (("--delete", "--group", group), ("--reset-offsets", "--group", group, "--all-topics", "--to-latest", "--execute"),
                  ("--delete-offsets", "--group", group, "--topic", topics[0])):
        told = tool(*words, errors=True, status=None)
        expect("Error" in told or "not empty" in told.lower() or "failed" in told.lower(), f"with members, {words[0]} said: {told}")
    one.kill()
    two.kill()
    expect(eventually(lambda: [x[-2:] for x in rows("--group", group, "--state")] == [["Empty", "0"]], limit_s=2 * LIMIT_S, every_s=1),
           "it is not empty after its members were killed")

    def reset(*words):
        told = [x.split() for x in tool("--reset-offsets", "--group", group, *words).splitlines()]
        return sorted(x[1:4] for x in told if x[:1] == [group])

    expect_equal(reset("--topic", topics[0], "--to-latest", "--dry-run"), [[topics[0], "0", "4"]], "a dry run")
    expect_equal(offset_and_lag(t, group, topics[0])[0], "0", "start offset after the dry run")
    expect_equal(reset("--all-topics", "--to-latest", "--execute"), sorted([x, "0", "4"] for x in topics), "both, to the end")
    expect_equal(offset_and_lag(t, group, topics[0]), ("4", "0"), "then")
    expect_equal(reset("--topic", topics[1], "--to-datetime", "2000-01-01T00:00:00.000", "--execute"), [[topics[1], "0", "0"]], "by time")
    expect_equal(offset_and_lag(t, group, topics[1]), ("0", "4"), "then")
    told = tool("--delete-offsets", "--group", group, "--topic", topics[0])
    expect("Successful" in told, f"delete-offsets said: {told}")
    expect_equal([x[1] for x in rows("--group", group, "--offsets")], [topics[1]], "topics with offsets")
    fresh = t.unique("fresh")
    t.tool("share-groups", "--reset-offsets", "--group", fresh, "--topic", topics[0], "--to-earliest", "--execute")
    expect_equal(offset_and_lag(t, fresh, topics[0]), ("0", "4"), "of a group that was not there")
    tool("--delete", "--group", group, "--group", fresh)
    listed = tool("--list").split()
    expect(group not in listed and fresh not in listed, "they are still listed")
    told = tool("--describe", "--group", group, errors=True, status=None)
    expect("not found" in told or "does not exist" in told, f"of a group that is gone it says: {told}")


def coordinator(cluster, kind, key):
    """The node that has a group (0) or a share partition's state (2)."""
    def ask():
        for node in cluster.nodes:
            if not node.is_alive():
                continue
            broker = Broker(node.address, "share")
            found = broker.ask("FindCoordinator", 6, {"KeyType": kind, "CoordinatorKeys": [key]})
            broker.disconnect()
            if found and not found["Coordinators"][0]["ErrorCode"]:
                return found["Coordinators"][0]["NodeId"]
        return None

    found = eventually(ask)
    expect(found, f"no coordinator of {key}")
    return cluster.node(found)


@claim("java", "kcat", "starts", limit_s=10 * LIMIT_S)
def killed(t):
    """kill -9 of the partition's leader, of the share coordinator, of the group's: each record is accepted, and none after that again."""
    settings = {"share.coordinator.state.topic.replication.factor": 3, "share.coordinator.state.topic.min.isr": 2,
                "group.share.min.record.lock.duration.ms": 1000, "group.share.record.lock.duration.ms": 5000}
    with t.cluster(settings=settings) as cluster:
        at, topic, group = cluster.bootstrap, "orders", "g"
        t.produce(topic, ["-1"], at=at)
        t.tool("configs", "--bootstrap-server", at, "--alter", "--entity-type", "groups", "--entity-name", group,
               "--add-config", "share.auto.offset.reset=earliest", connect=False)
        members = [Member(t, topic, group, "run", "max.poll.records=20", at=at) for _ in range(2)]
        sent = 0

        def said(word):
            return [int(x.split()[1]) for m in members for x in list(m.lines) if x.startswith(word)]

        def read_on():
            nonlocal sent
            t.produce(topic, range(sent, sent + 200), "-X", "acks=all", "-X", "enable.idempotence=true", at=at)
            sent += 200
            wanted = set(range(-1, sent))
            # The answer to an acceptance may be lost with the broker that kept it: then nobody hears more of these records. That they
            # were kept, the lag tells.
            def settled():
                return {*said("done "), *said("doubt ")}

            expect(eventually(lambda: settled() == wanted, limit_s=2 * LIMIT_S),
                   f"of {sent} records {len(wanted - settled())} are neither done nor in doubt; {members[0].how()}")

        read_on()
        broker = Broker(cluster.node(1).address, "share")
        found = broker.ask("Metadata", 12, {"Topics": [{"Name": topic}]})["Topics"][0]
        broker.disconnect()
        leader = cluster.node(found["Partitions"][0]["LeaderId"])
        for victim in (lambda: leader, lambda: coordinator(cluster, 2, f"{group}:{found['TopicId']}:0"), lambda: coordinator(cluster, 0, group)):
            node = victim()
            t.produce(topic, range(sent, sent + 100), "-X", "acks=all", "-X", "enable.idempotence=true", at=at)
            sent += 100
            node.kill()
            read_on()
            node.start()
            node.wait(3)
        done, got = said("done "), said("got ")
        twice = sorted(x for x in set(done) if done.count(x) > 1)
        expect(not twice, f"{len(twice)} records were given again after they had been accepted, {twice[:3]} among them")
        expect(eventually(lambda: offset_and_lag(t, group, topic, at)[1] == "0"), "the lag is not 0: what was in doubt was not kept, and does not come again")
        for m in members:
            m.stop()
    return f"{len(done)} records, {len(set(said('doubt ')) - set(done))} in doubt, {len(got) - len(set(got))} delivered again before they were accepted"


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


DLQ = "errors.deadletterqueue"


def letters(t, topic, group):
    """A group's dead letters: by offset of the record, the key and value of its copy (null: None), and what the headers say."""
    found = {}
    for row in t.consume(topic, "-o", "beginning", "-f", "%K|%k|%S|%s|%h\n"):
        key_bytes, key, value_bytes, value, headers = row.split("|")
        said = dict(x.removeprefix("__dlq.errors.").split("=", 1) for x in headers.split(",") if x.startswith("__dlq."))
        if said.pop("group", None) == group:
            found[int(said.pop("offset"))] = (key if int(key_bytes) >= 0 else None, value if int(value_bytes) >= 0 else None, said)
    return found


@claim("java", "kcat", limit_s=5 * LIMIT_S)
def dead_letters(t):
    """What a Java share consumer rejects, or gives back with its last delivery, is in its group's dead-letter topic, as a copy where that is wanted."""
    topic, dead = t.unique("share-dead"), "dlq." + t.unique("letters")
    t.produce(topic, [f"k{i}:v{i}" for i in range(4)], "-K:")
    t.produce(dead, ["x"])
    t.tool("configs", "--alter", "--entity-type", "topics", "--entity-name", dead, "--add-config", f"{DLQ}.group.enable=true")

    def work(group, copies):
        begin_with_first(t, group, **{f"{DLQ}.topic.name": dead, f"{DLQ}.copy.record.enable": copies, "share.delivery.count.limit": 2})
        member = Member(t, topic, group, "ask")
        expect_equal([x[0] for x in member.poll(True)], [0, 1, 2, 3], "the first delivery")
        member.ask("accept 0")
        member.ask("reject 1")
        member.say("release", 2, 3)
        expect_equal([x[0] for x in member.poll(True)], [2, 3], "the second delivery")
        member.ask("accept 3")
        member.say("release", 2)
        expect_equal(member.poll(False), [], "after the second delivery")
        member.close()
        expect(eventually(lambda: offset_and_lag(t, group, topic)[1] == "0"), "the lag does not come to 0")
        return letters(t, dead, group)

    where = {"topic": topic, "partition": "0"}
    rejected = {**where, "delivery.count": "1", "message": "Offset rejected by client."}
    worn = {**where, "delivery.count": "2", "message": "Offset delivery count exceeded the threshold."}
    expect_equal(work(t.unique("sharers"), "false"), {1: (None, None, rejected), 2: (None, None, worn)}, "dead letters without copies")
    expect_equal(work(t.unique("sharers"), "true"), {1: ("k1", "v1", rejected), 2: ("k2", "v2", worn)}, "dead letters with copies")
