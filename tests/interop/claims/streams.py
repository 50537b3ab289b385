"""Kafka Streams on three daemons, by the programs of apps/java: what they make of their input is computed here once more."""

import json
import random
import threading
import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import replace

try:
    import confluent_kafka as ck
    from confluent_kafka.admin import AdminClient, NewTopic
except ImportError:  # then these claims can be listed, not judged
    ck = None

from differ.broker import Broker
from harness.app import streams_worker
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.target import eventually

from .confluent import reader
from .share_groups import coordinator
from .transactions import read_level

PARTITIONS = 3

# Of members of streams groups: the broker's, not the client's.
SHORT_SESSIONS = {"group.streams.min.session.timeout.ms": 6000, "group.streams.session.timeout.ms": 6000,
                  "group.streams.min.heartbeat.interval.ms": 1000, "group.streams.heartbeat.interval.ms": 1500}
STREAMS_PROTOCOL = "group.protocol=streams"


@contextmanager
def cluster_with(t, *topics):
    """Three daemons and these topics, each with three partitions in three copies; yields the cluster and t aimed at it."""
    with t.cluster(settings={"transaction.state.log.replication.factor": 3,
                             "transaction.state.log.min.isr": 2} | SHORT_SESSIONS) as cluster:
        admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
        for made in admin.create_topics([NewTopic(x, PARTITIONS, 3) for x in topics]).values():
            made.result(LIMIT_S)
        yield cluster, replace(t, bootstrap=cluster.bootstrap)


def send(t, records):
    """Produces (topic, key, value, time stamp in ms), in this order."""
    producer = ck.Producer({"bootstrap.servers": t.bootstrap, "enable.idempotence": True})
    for topic, key, value, at in records:
        producer.produce(topic, value, key, timestamp=at)
    expect_equal(producer.flush(LIMIT_S), 0, "records that were not acknowledged")


def pairs(t, topic):
    """The (key, value) pairs of all partitions; those of a key in their order. No value is None."""
    rows = (json.loads(x) for x in t.consume(topic, "-J", status=None))
    return [(row["key"], row["payload"]) for row in rows]


def last_of_each(t, topic):
    """The (key, last value) pairs of a topic, where that is a value, sorted."""
    return sorted((key, value) for key, value in dict(pairs(t, topic)).items() if value is not None)


def expect_comes(question, wanted, what):
    """Asks until the answer is right."""
    eventually(lambda: question() == wanted, limit_s=3 * LIMIT_S, every_s=0.5)
    expect_equal(question(), wanted, what)


def expect_guide(t, *settings):
    """The guide's topology as printed: large orders become alerts, and the store counts the orders of each user."""
    orders = [{"order_id": i, "user_id": i % 10, "amount": 100 + 15 * i, "timestamp": 0} for i in range(100)]
    with cluster_with(t, "orders", "high-value-alerts") as (_, t):
        t.produce("orders", map(json.dumps, orders), "-p", -1)
        worker = streams_worker(t, t.bootstrap, "guide", "guide-streams", *settings)
        worker.await_line("state RUNNING")
        alerts = sorted(json.dumps({"text": f"High-value order: {o['order_id']}"}, separators=(",", ":"))
                        for o in orders if o["amount"] > 1000)
        expect_comes(lambda: sorted(t.consume("high-value-alerts")), alerts, "alerts")
        counts = sorted(f"entry {user} 10" for user in range(10))
        expect_comes(lambda: sorted(worker.ask("store orders-per-user-store")), counts, "the store")
        worker.close()


@claim("starts", "streams", "confluent-kafka", "kcat", limit_s=8 * LIMIT_S)
def guide(t):
    """The guide's topology as printed: large orders become alerts, and the store counts the orders of each user."""
    expect_guide(t)


@claim("starts", "streams", "confluent-kafka", "kcat", limit_s=8 * LIMIT_S)
def guide_in_a_streams_group(t):
    """The same with group.protocol=streams (KIP-1071): the broker makes the internal topics and assigns the tasks."""
    expect_guide(t, STREAMS_PROTOCOL)


def spread(count, seed):
    """Times in ms, rising, with gaps of up to 8 s, recent enough to be retained; and a key for each."""
    draw, now = random.Random(seed), int(time.time() - 3600) * 1000
    for i in range(count):
        now += draw.choice((100, 900, 2500, 4900, 5100, 8000))
        yield now, f"k{draw.randrange(4)}", i


def tumbling(times, advance_ms=10_000, size_ms=10_000):
    counts = Counter()
    for at in times:
        start = at // advance_ms * advance_ms
        while start > at - size_ms:
            counts[start, start + size_ms] += 1
            start -= advance_ms
    return counts


def sessions(times, gap_ms=5000):
    found = []
    for at in sorted(times):
        if found and at - found[-1][-1] <= gap_ms:
            found[-1].append(at)
        else:
            found.append([at])
    return {(s[0], s[-1]): len(s) for s in found}


@claim("starts", "streams", "confluent-kafka", "kcat", limit_s=8 * LIMIT_S)
def windows(t):
    """Tumbling, hopping and session windows count each record where its time stamp belongs."""
    events = list(spread(300, seed=7))
    of_key = defaultdict(list)
    for at, key, _ in events:
        of_key[key].append(at)
    shapes = {"tumbling": tumbling, "hopping": lambda x: tumbling(x, advance_ms=5000), "session": sessions}
    with cluster_with(t, "in", *shapes) as (_, t):
        send(t, (("in", key, str(i), at) for at, key, i in events))
        worker = streams_worker(t, t.bootstrap, "windows", "windows")
        for topic, shape in shapes.items():
            wanted = sorted((f"{key} {start} {end}", str(n))
                            for key, times in of_key.items() for (start, end), n in shape(times).items())
            expect_comes(lambda: last_of_each(t, topic), wanted, f"{topic} windows")
        worker.close()
    return f"{len(events)} records"


@claim("starts", "streams", "confluent-kafka", "kcat", limit_s=8 * LIMIT_S)
def join(t):
    """A stream's records are joined with what the table said of their key at their time."""
    with cluster_with(t, "in", "users", "out") as (_, t):
        records, wanted, names = [], [], {}
        for at, key, i in spread(200, seed=11):
            if i % 10 < 4:
                names[f"k{i % 4}"] = f"name {i}"
                records.append(("users", f"k{i % 4}", f"name {i}", at))
            else:
                records.append(("in", key, f"order {i}", at))
                wanted.append((key, f"order {i} of {names[key]}"))
        send(t, records)
        worker = streams_worker(t, t.bootstrap, "join", "joined")
        expect_comes(lambda: sorted(pairs(t, "out")), sorted(wanted), "joined records")
        worker.close()


def expect_counted(t, topic):
    """The committed counts of each key in the output are 1, 2, 3 and so on to how often the input has it, in order."""
    wanted = Counter(key for key, _ in pairs(t, "in"))
    seen = defaultdict(list)
    for key, value in read_level(t, topic, "read_committed", PARTITIONS, pair=True):
        seen[key.decode()].append(int(value))
    for key, count in sorted(wanted.items()):
        expect_equal(seen[key], list(range(1, count + 1)), f"counts of {key}")


def all_in_sync(t):
    """Whether every partition of every topic has all its replicas in its ISR."""
    parts = [p for topic in json.loads(t.kcat("-L", "-J"))["topics"] for p in topic["partitions"]]
    return all(len(p["isrs"]) == len(p["replicas"]) for p in parts)


class Feed:
    """Numbered records with one of fifty keys, at a steady rate, by an idempotent producer on a thread of its own."""

    RATE = 200  # records a second

    def __init__(self, t, topic):
        self.sent, self.failed = 0, []
        self._producer = ck.Producer({"bootstrap.servers": t.bootstrap, "enable.idempotence": True})
        self._topic, self._ending = topic, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ending.wait(1 / self.RATE):
            self._producer.produce(self._topic, str(self.sent), f"key {self.sent % 50}", on_delivery=self._done)
            self._producer.poll(0)
            self.sent += 1

    def _done(self, error, _):
        if error:
            self.failed.append(str(error))

    def end(self):
        self._ending.set()
        self._thread.join()
        expect_equal(self._producer.flush(2 * LIMIT_S), 0, "records that were not acknowledged")
        expect(not self.failed, f"{len(self.failed)} records failed: {self.failed[:1]}")
        return self.sent


class Committed:
    """Reads what is committed in a topic while it is written, on a thread of its own."""

    def __init__(self, t, topic):
        self.values, self._ending = [], threading.Event()
        self._consumer = reader(t, **{"isolation.level": "read_committed"})
        self._consumer.assign([ck.TopicPartition(topic, i, 0) for i in range(PARTITIONS)])
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ending.is_set():
            m = self._consumer.poll(0.1)
            if m is not None and not m.error():
                self.values.append(m.value().decode())

    def goes_on(self, what, limit_s=2 * LIMIT_S):
        """Waits for about another second's records."""
        before = len(self.values)
        expect(eventually(lambda: len(self.values) > before + Feed.RATE, limit_s=limit_s),
               f"{what}, no more than {len(self.values) - before} records were committed within {limit_s} s")

    def end(self):
        self._ending.set()
        self._thread.join()
        self._consumer.close()


EXACTLY_ONCE = ("processing.guarantee=exactly_once_v2", "session.timeout.ms=6000", "heartbeat.interval.ms=1500")


def expect_exactly_once(t, *settings):
    """Two workers: one is killed and comes back, then each broker in turn; each record counts once."""
    with cluster_with(t, "in", "out") as (cluster, t):

        def worker(folder):
            return streams_worker(t, t.bootstrap, "counts", "counting", *settings, folder=folder)

        places = [t.scratch(), t.scratch()]
        workers = [worker(place) for place in places]
        for w in workers:
            w.await_line("state RUNNING")
        feed, committed = Feed(t, "in"), Committed(t, "out")
        committed.goes_on("at the beginning")
        workers[0].kill()
        committed.goes_on("after a worker was killed")
        workers[0] = worker(places[0])
        workers[0].await_line("state RUNNING")
        for victim in cluster.nodes:
            victim.kill()
            committed.goes_on(f"after broker {victim.node_id} was killed")
            victim.start()
            victim.wait(3)
            expect(eventually(lambda: all_in_sync(t), limit_s=2 * LIMIT_S, every_s=0.5), "not all replicas come in sync")
        committed.goes_on("when all are back")
        sent = feed.end()
        expect_comes(lambda: len(committed.values), sent, "committed counts")
        committed.end()
        expect_counted(t, "out")
        for w in workers:
            w.close()
    return f"{sent} records"


@claim("starts", "streams", "confluent-kafka", "kcat", limit_s=10 * LIMIT_S)
def exactly_once(t):
    """exactly_once_v2 on two workers: one is killed and comes back, then each broker in turn; each record counts once."""
    return expect_exactly_once(t, *EXACTLY_ONCE)


@claim("starts", "java", "streams", "confluent-kafka", "kcat", limit_s=8 * LIMIT_S)
def tools(t):
    """kafka-streams-groups lists a group, describes it with its members and offsets, resets and deletes it."""
    group = "counting"
    with cluster_with(t, "in", "out") as (_, t):

        def tool(*words):
            return t.tool("streams-groups", *words)

        t.produce("in", (f"key {i % 50}:{i}" for i in range(300)), "-K:", "-p", -1)
        worker = streams_worker(t, t.bootstrap, "counts", group, STREAMS_PROTOCOL)
        worker.await_line("state RUNNING")
        expect_comes(lambda: len(t.consume("out")), 300, "counts")
        expect_equal(tool("--list").split(), [group], "the list")
        state = tool("--describe", "--group", group, "--state")
        expect("Stable" in state, f"--state said: {state}")
        members = tool("--describe", "--group", group, "--members")
        expect("0:[0,1,2]" in members.replace(" ", ""), f"--members said: {members}")
        offsets = tool("--describe", "--group", group, "--offsets")
        expect(offsets.count(" in ") == PARTITIONS, f"--offsets said: {offsets}")
        worker.close()
        expect(eventually(lambda: "Empty" in tool("--describe", "--group", group, "--state"), limit_s=LIMIT_S),
               "it is not empty")
        tool("--reset-offsets", "--group", group, "--to-earliest", "--all-input-topics", "--execute")
        tool("--delete", "--group", group)
        expect_equal(tool("--list").split(), [], "the list when it is deleted")


@claim("starts", "streams", "confluent-kafka", "kcat", limit_s=10 * LIMIT_S)
def exactly_once_in_a_streams_group(t):
    """The same with group.protocol=streams: no task is at two workers, whatever dies."""
    return expect_exactly_once(t, "processing.guarantee=exactly_once_v2", STREAMS_PROTOCOL)


def tasks_of_members(cluster, group):
    """The group's state, and the active tasks that each member has, as (subtopology, partition)."""
    b = Broker(coordinator(cluster, 0, group).address, "streams")
    found = b.ask("StreamsGroupDescribe", 0, {"GroupIds": [group], "IncludeAuthorizedOperations": False})
    b.disconnect()
    if not found:  # it was killed a moment ago
        return "no answer", []
    found = found["Groups"][0]
    return found["GroupState"], [[(x["SubtopologyId"], p) for x in m["Assignment"]["ActiveTasks"] for p in x["Partitions"]]
                                 for m in found["Members"] or []]


def expect_shared_out(cluster, group, wanted):
    """Waits until the members have so many tasks, the fewest first, and each task is at one of them."""
    def found():
        state, tasks = tasks_of_members(cluster, group)
        return state, sorted(map(len, tasks)), len({x for m in tasks for x in m})

    expect_comes(found, ("Stable", wanted, PARTITIONS), "state, tasks of each member, all tasks")


@claim("starts", "streams", "confluent-kafka", "kcat", limit_s=10 * LIMIT_S)
def scales_in_a_streams_group(t):
    """A streams group goes from one worker to three and back to one, which leave and are killed: tasks are shared out each time, each record counts once."""
    group = "counting"
    with cluster_with(t, "in", "out") as (cluster, t):

        def worker():
            started = streams_worker(t, t.bootstrap, "counts", group, "processing.guarantee=exactly_once_v2", STREAMS_PROTOCOL)
            started.await_line("state RUNNING")
            return started

        first = worker()
        feed, committed = Feed(t, "in"), Committed(t, "out")
        committed.goes_on("with one worker")
        second = worker()
        expect_shared_out(cluster, group, [1, 2])
        committed.goes_on("with two workers")
        third = worker()
        expect_shared_out(cluster, group, [1, 1, 1])
        committed.goes_on("with three workers")
        first.close()
        expect_shared_out(cluster, group, [1, 2])
        committed.goes_on("after one has left")
        third.kill()
        coordinator(cluster, 0, group).kill()
        expect_shared_out(cluster, group, [PARTITIONS])
        committed.goes_on("after another one was killed, and the group's coordinator")
        sent = feed.end()
        expect_comes(lambda: len(committed.values), sent, "committed counts")
        committed.end()
        expect_counted(t, "out")
        second.close()
    return f"{sent} records"
