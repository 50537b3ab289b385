"""Three daemons, each broker and controller: what was acknowledged outlives the one that is killed."""

import json
import os
import re
import signal
import subprocess
import threading
import time

try:
    import confluent_kafka as ck
    from confluent_kafka.admin import AdminClient
except ImportError:  # then these claims can be listed, not judged
    ck = None

from differ.broker import Broker
from harness import wire
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.clients import program
from harness.patience import Patience
from harness.target import eventually, run

TOPIC = "orders"
RATE = 500  # records a second
ACKNOWLEDGED = re.compile(r"delivered to partition 0 \(offset (\d+)\)")


class Load:
    """kcat producing numbered records at a steady rate with acks=all, its acknowledgements noted with their time."""

    def __init__(self, bootstrap, *options):
        self.sent, self.acknowledged = 0, []
        self.errors = []
        self._ending = threading.Event()
        self._kcat = subprocess.Popen(
            ["kcat", "-b", bootstrap, "-P", "-vvv", "-t", TOPIC, "-X", "acks=all", *options],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
        self._threads = [threading.Thread(target=f, daemon=True) for f in (self._feed, self._listen)]
        for thread in self._threads:
            thread.start()

    def _feed(self):
        began = time.monotonic()
        while not self._ending.is_set():
            due = int((time.monotonic() - began) * RATE)
            while self.sent < due:
                self._kcat.stdin.write(f"record {self.sent}\n")
                self.sent += 1
            time.sleep(0.005)
        self._kcat.stdin.close()

    def _listen(self):
        for line in self._kcat.stderr:
            found = ACKNOWLEDGED.search(line)
            if found:
                self.acknowledged.append((time.monotonic(), int(found[1])))
            elif "ERROR: Delivery failed" in line:
                self.errors.append(line.strip())

    def lasts(self, seconds, limit_s=LIMIT_S):
        """Waits until records were acknowledged for so long after now."""
        start = time.monotonic()
        resumed = eventually(lambda: self.acknowledged and self.acknowledged[-1][0] > start + seconds,
                             limit_s=limit_s)
        expect(resumed, f"no acknowledgement in the last {limit_s} s")

    def end(self):
        """Stops feeding and waits until kcat has delivered everything."""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        status = self._kcat.wait()
        expect(status == 0 and not self.errors, f"kcat ended with {status}: {self.errors[:1]}")

    def outage_s(self):
        """The longest time without an acknowledgement."""
        times = [when for when, _ in self.acknowledged]
        return max(b - a for a, b in zip(times, times[1:]))


def partition(t, at):
    """What Metadata says of the topic's only partition."""
    found = json.loads(t.kcat("-L", "-J", "-t", TOPIC, at=at))["topics"][0]["partitions"]
    return found[0] if found else None


def in_sync(t, at):
    part = partition(t, at)
    return sorted(r["id"] for r in part["isrs"]) if part else []


def make_topic(t, at):
    """Makes the topic by producing to it (three replicas, two of which must be in sync)."""
    t.produce(TOPIC, ["made"], at=at)
    full = eventually(lambda: in_sync(t, at) == [1, 2, 3], every_s=0.2)
    expect(full, f"ISR of the new topic: {in_sync(t, at)}")


def check_nothing_lost(t, load, at):
    """Reads everything back; returns how many records are there twice."""
    rows = [x.split(" ", 1) for x in t.consume(TOPIC, "-f", r"%o %s\n", at=at)]
    offsets = [int(o) for o, _ in rows]
    numbers = [int(v.split()[1]) for _, v in rows[1:]]
    expect_equal(offsets, list(range(len(offsets))), "offsets read back")
    lost = {o for _, o in load.acknowledged} - set(offsets)
    expect(not lost, f"{len(lost)} acknowledged offsets are lost, the first is {min(lost, default=0)}")
    missing = set(range(load.sent)) - set(numbers)
    expect(not missing, f"{len(missing)} acknowledged records are lost, the first is {min(missing, default=0)}")
    expect(load.sent > RATE, f"only {load.sent} records were sent")
    return len(numbers) - load.sent


def check_copies_equal(cluster):
    """After all is in sync and quiet, the three replicas hold the same bytes."""

    def copies():
        return {b"".join(f.read_bytes() for f in sorted((n.log_dir / f"{TOPIC}-0").glob("*.log")))
                for n in cluster.nodes}

    expect(eventually(lambda: len(copies()) == 1), "the replicas' segments differ")


def restart(t, cluster, node):
    """Starts a node again; returns after how many seconds the ISR was full."""
    began = time.monotonic()
    node.start()
    full = eventually(lambda: in_sync(t, cluster.bootstrap) == [1, 2, 3], every_s=0.2)
    expect(full, f"the ISR stays {in_sync(t, cluster.bootstrap)}; node {node.node_id}: {node.last_line()}")
    return time.monotonic() - began


@claim("starts", "kcat")
def form_a_cluster(t):
    """Three daemons elect a leader and each of them names all three brokers."""
    with t.cluster() as cluster:
        leaders = set()
        for node in cluster.nodes:
            found = json.loads(t.kcat("-L", "-J", at=node.address))
            expect_equal(sorted(b["name"] for b in found["brokers"]),
                         sorted(n.address for n in cluster.nodes), f"brokers that node {node.node_id} names")
            leaders.add(wire.quorum_leader(node.host, node.port))
        expect(len(leaders) == 1 and leaders <= {1, 2, 3}, f"quorum leaders named: {leaders}")
        make_topic(t, cluster.bootstrap)


@claim("starts", "kcat", limit_s=10 * LIMIT_S, each=("plain", "idempotent"))
def leader_killed(t, producer):
    """kill -9 of the leader under acks=all: nothing acknowledged is lost, and the ISR becomes full again."""
    exactly = producer == "idempotent"
    with t.cluster() as cluster:
        make_topic(t, cluster.bootstrap)
        load = Load(cluster.bootstrap, *(["-X", "enable.idempotence=true"] if exactly else []))
        load.lasts(2)
        victim = cluster.node(partition(t, cluster.bootstrap)["leader"])
        survivor = next(n for n in cluster.nodes if n is not victim)
        led_quorum = wire.quorum_leader(survivor.host, survivor.port) == victim.node_id
        victim.kill()
        load.lasts(2)
        load.end()
        alive = ",".join(n.address for n in cluster.nodes if n is not victim)
        doubled = check_nothing_lost(t, load, alive)
        expect(not (exactly and doubled), f"{doubled} records are there twice")
        seconds = restart(t, cluster, victim)
        check_nothing_lost(t, load, cluster.bootstrap)
        check_copies_equal(cluster)
    return (f"outage {load.outage_s():.1f} s{' (it led the quorum, too)' if led_quorum else ''}, "
            f"{load.sent} records, {doubled} doubled, ISR full {seconds:.1f} s after the restart")


@claim("starts", "kcat", limit_s=10 * LIMIT_S)
def rolling_restart(t):
    """Each daemon is stopped in order and started again under load: nothing acknowledged is lost."""
    with t.cluster() as cluster:
        make_topic(t, cluster.bootstrap)
        load = Load(cluster.bootstrap)
        load.lasts(1)
        for node in cluster.nodes:
            node.stop()
            restart(t, cluster, node)
            load.lasts(1)
        load.end()
        doubled = check_nothing_lost(t, load, cluster.bootstrap)
        check_copies_equal(cluster)
    return f"longest outage {load.outage_s():.1f} s, {load.sent} records, {doubled} doubled"


def delete_to(cluster, offset, limit_s):
    """Asks to delete the topic's first records; returns the low watermark, or the name of the error."""
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    asked = admin.delete_records([ck.TopicPartition(TOPIC, 0, offset)], operation_timeout=limit_s)
    try:
        return next(iter(asked.values())).result(LIMIT_S).low_watermark
    except ck.KafkaException as e:
        return e.args[0].name()


def first_offset(t, at):
    """The offset of the first record that a consumer gets."""
    return int(t.kcat("-C", "-q", "-t", TOPIC, "-o", "beginning", "-c", 1, "-f", r"%o", at=at))


@claim("starts", "kcat", "confluent-kafka", limit_s=10 * LIMIT_S)
def deleted_stays_deleted(t):
    """Deleted records count as deleted when every live replica has deleted them: no later leader brings them back."""
    with t.cluster() as cluster:
        make_topic(t, cluster.bootstrap)
        t.produce(TOPIC, range(999), at=cluster.bootstrap)
        leader = cluster.node(partition(t, cluster.bootstrap)["leader"])
        follower = next(n for n in cluster.nodes if n is not leader)
        os.kill(follower.pid, signal.SIGSTOP)
        try:
            early = delete_to(cluster, 900, 2)
        finally:
            os.kill(follower.pid, signal.SIGCONT)
        expect_equal(early, "REQUEST_TIMED_OUT", "answer while a replica stands still")
        expect_equal(delete_to(cluster, 900, LIMIT_S), 900, "low watermark when all replicas run")
        leader.kill()
        alive = ",".join(n.address for n in cluster.nodes if n is not leader)
        moved = eventually(lambda: partition(t, alive)["leader"] not in (-1, leader.node_id))
        expect(moved, "no other leader was elected")
        expect_equal(first_offset(t, alive), 900, "first offset under the next leader")


class Reader:
    """A member of a group that commits what it has read, ten times a second."""

    def __init__(self, bootstrap, group):
        self.offsets, self.committed = [], 0
        self._consumer = ck.Consumer({
            "bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest",
            "enable.auto.commit": False, "session.timeout.ms": 10_000})
        self._consumer.subscribe([TOPIC])

    def read_to(self, offset, limit_s=60):
        """Reads on until this offset was read, and is committed."""
        patience, due = Patience(limit_s), 0
        while self.committed <= offset:
            expect(patience.lasts(), f"offset {offset} was not read and committed in {limit_s} s")
            message = self._consumer.poll(0.1)
            if message and not message.error():
                self.offsets.append(message.offset())
            if self.offsets and self.offsets[-1] >= self.committed and time.monotonic() > due:
                due = time.monotonic() + 0.1
                self._commit(self.offsets[-1] + 1)

    def _commit(self, offset):
        try:
            found = self._consumer.commit(offsets=[ck.TopicPartition(TOPIC, 0, offset)], asynchronous=False)
        except ck.KafkaException:
            return  # the coordinator is gone: once more, later
        if not found[0].error:
            self.committed = offset

    def close(self):
        self._consumer.close()


@claim("starts", "kcat", "confluent-kafka", limit_s=200)
def coordinator_killed(t):
    """kill -9 of a group's coordinator: the member reads on without a gap, the next one goes on where it committed."""
    with t.cluster() as cluster:
        make_topic(t, cluster.bootstrap)
        load = Load(cluster.bootstrap)
        group = t.unique("readers")
        first = Reader(cluster.bootstrap, group)
        load.lasts(1)
        first.read_to(load.acknowledged[-1][1])
        admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
        described = admin.describe_consumer_groups([group])[group].result(20)
        victim = cluster.node(described.coordinator.id)
        victim.kill()
        load.lasts(2)
        first.read_to(load.acknowledged[-1][1])
        expect_equal(first.offsets, list(range(len(first.offsets))), "offsets that the member read")
        first.close()
        load.end()
        second = Reader(cluster.bootstrap, group)
        second.read_to(max(offset for _, offset in load.acknowledged))
        second.close()
        expect_equal(second.offsets, list(range(first.committed, first.committed + len(second.offsets))),
                     "offsets that the next member read")
    return f"{len(first.offsets)} and {len(second.offsets)} records, longest without acknowledgement {load.outage_s():.1f} s"


@claim("confluent-kafka", "java", limit_s=4 * LIMIT_S)
def nearest_replica(t):
    """A consumer with client.rack, librdkafka's or Java's, is sent to the follower in its rack, which gives it every record (KIP-392)."""
    selector = "org.apache.kafka.common.replica.RackAwareReplicaSelector"
    cluster = t.cluster(settings={"replica.selector.class": selector})
    for node in cluster.nodes:
        node.extra = {**node.extra, "broker.rack": f"r{node.node_id}"}
    with cluster:
        broker = Broker(cluster.node(1).address, "rack")
        asked = broker.ask("CreateTopics", 7, {"timeoutMs": 15000, "Topics": [
            {"Name": TOPIC, "NumPartitions": -1, "ReplicationFactor": -1,
             "Assignments": [{"PartitionIndex": 0, "BrokerIds": [1, 2, 3]}]}]})
        expect_equal(asked["Topics"][0]["ErrorCode"], 0, "the error of CreateTopics")
        producer = ck.Producer({"bootstrap.servers": cluster.bootstrap, "acks": "all"})
        for i in range(100):
            producer.produce(TOPIC, str(i) * 1000)
        expect_equal(producer.flush(LIMIT_S), 0, "records that were not acknowledged")

        def sent_to(rack):
            row = {"ReplicaId": -1, "MaxWaitMs": 100, "MinBytes": 1, "MaxBytes": 1 << 20, "RackId": rack, "Topics": [
                {"Topic": TOPIC, "Partitions": [{"Partition": 0, "FetchOffset": 0, "PartitionMaxBytes": 1 << 20}]}]}
            found = broker.ask("Fetch", 12, row)["Responses"][0]["Partitions"][0]
            return found["PreferredReadReplica"], bool(found["Records"])

        for rack, wanted in (("r2", (2, False)), ("r3", (3, False)), ("r1", (-1, True)), ("none", (-1, True)), ("", (-1, True))):
            expect(eventually(lambda: sent_to(rack) == wanted), f'rack "{rack}" is sent to {sent_to(rack)}, not {wanted}')
        reader = ck.Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "near", "client.rack": "r2",
                              "auto.offset.reset": "earliest", "enable.partition.eof": False})
        reader.assign([ck.TopicPartition(TOPIC, 0, 0)])
        found = [m for m in reader.consume(100, LIMIT_S) if not m.error()]
        reader.close()
        expect_equal([m.offset() for m in found], list(range(100)), "offsets read")
        # Of the records' 190 kB nothing comes from the leader.
        for rack, near in (("r2", "node-2"), ("r3", "node-3"), ("none", "node-1")):
            said = run(program("java", cluster.bootstrap, "near", TOPIC, 100, rack))
            came = {node: int(size) for node, size in (x.split() for x in said.splitlines())}
            expect([node for node, size in came.items() if size > 100_000] == [near], f'rack "{rack}" reads so many bytes from each node: {came}')
