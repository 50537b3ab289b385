"""MirrorMaker 2 from one cluster to another: records, settings of topics, offsets of groups."""

import time
from contextlib import contextmanager

try:
    import confluent_kafka as ck
    from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic
except ImportError:  # then these claims can be listed, not judged
    ck = None

from harness import paths
from harness.app import App
from harness.claim import LIMIT_S, Failed, claim, expect, expect_equal
from harness.node import Node, SMALL_JVM, java
from harness.patience import Patience
from harness.target import eventually

from .streams import expect_comes
from .transactions import transactional

TOPIC, MIRRORED, GROUP = "orders", "west.orders", "readers"
PARTITIONS = 2
SETTINGS = {"retention.ms": "123456789", "max.message.bytes": "77777", "cleanup.policy": "compact,delete",
            "min.compaction.lag.ms": "9876543"}
OFTEN = ("refresh.topics", "sync.topic.configs", "refresh.groups", "sync.group.offsets", "emit.checkpoints",
         "emit.heartbeats")


# MirrorMaker heeds what its workers and clients are told only if it is told of a cluster. Without the first it waits five minutes, as
# often as its worker loses its session, before it does its work again; without the third it ends when its first question has no answer
# after a minute of the clock, which is little on a busy machine.
OF_A_CLUSTER = {"scheduled.rebalance.max.delay.ms": 1000, "session.timeout.ms": 20_000, "default.api.timeout.ms": 600_000,
                "offset.flush.interval.ms": 500}


def mirror(t, west, east, **settings):
    """Starts MirrorMaker as a dedicated process that copies from west to east."""
    rows = {
        "clusters": "west, east", "west.bootstrap.servers": west, "east.bootstrap.servers": east,
        "west->east.enabled": "true", "west->east.topics": TOPIC, "west->east.groups": GROUP,
        "east->west.enabled": "false", "replication.factor": "-1", "sync.group.offsets.enabled": "true",
        "offset.lag.max": 0, "tasks.max": PARTITIONS, "topic.config.sync.enabled": "true",
        **{f"{cluster}.{key}": value for cluster in ("west", "east") for key, value in OF_A_CLUSTER.items()},
        **{f"{x}.interval.seconds": 1 for x in OFTEN},
        **{f"{x}.replication.factor": "-1" for x in ("offset-syncs.topic", "heartbeats.topic", "checkpoints.topic",
                                                     "config.storage", "offset.storage", "status.storage")},
        **settings,
    }
    folder = t.scratch()
    file = folder / "mirror.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in rows.items()))
    return App("MirrorMaker", java(paths.INSTALLED / "connect", "org.apache.kafka.connect.mirror.MirrorMaker", file,
                                   heap="256m"), folder)


def end_of(at, topic, partition):
    c = ck.Consumer({"bootstrap.servers": at, "group.id": "asks"})
    try:
        return c.get_watermark_offsets(ck.TopicPartition(topic, partition), LIMIT_S)[1]
    except ck.KafkaException:
        return 0
    finally:
        c.close()


def read(at, topic):
    """All committed records of a topic: partition, key, value, headers and time stamp, in each partition's order."""
    c = ck.Consumer({"bootstrap.servers": at, "group.id": "reads", "isolation.level": "read_committed",
                     "enable.auto.commit": False, "enable.partition.eof": True})
    c.assign([ck.TopicPartition(topic, i, 0) for i in range(PARTITIONS)])
    got, ends, patience = [[] for _ in range(PARTITIONS)], set(), Patience(LIMIT_S)
    while len(ends) < PARTITIONS and patience.lasts():
        m = c.poll(0.1)
        if m is not None and not m.error():
            got[m.partition()].append((m.key(), m.value(), m.headers(), m.timestamp()[1], m.offset()))
        elif m is not None and m.error().code() == ck.KafkaError._PARTITION_EOF:
            ends.add(m.partition())
    c.close()
    return got


def without_offsets(partitions):
    return [[row[:-1] for row in rows] for rows in partitions]


def fill(t, at, first, count):
    """Produces records in transactions, every third of which aborts: so that offsets differ from cluster to cluster."""
    p = transactional(t, t.unique("fills"), at=at)
    for n in range(first, first + count):
        p.begin_transaction()
        for i in range(PARTITIONS):
            p.produce(TOPIC, f"value {n}", f"key {n % 7}", partition=i, timestamp=int(time.time() * 1000) - n,
                      headers=[("n", str(n).encode()), ("none", None)])
        (p.abort_transaction if n % 3 == 2 else p.commit_transaction)(LIMIT_S)


def make_topic(at, copies):
    admin = AdminClient({"bootstrap.servers": at})
    asked = admin.create_topics([NewTopic(TOPIC, PARTITIONS, copies, config=SETTINGS)])
    asked[TOPIC].result(LIMIT_S)


def settings_of(at, topic):
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    admin = AdminClient({"bootstrap.servers": at})
    found = admin.describe_configs([resource])[resource].result(LIMIT_S)
    return {key: found[key].value for key in SETTINGS}


def commit(at, offsets):
    c = ck.Consumer({"bootstrap.servers": at, "group.id": GROUP, "enable.auto.commit": False})
    c.commit(offsets=[ck.TopicPartition(TOPIC, i, x) for i, x in enumerate(offsets)], asynchronous=False)
    c.close()


def committed(at, topic):
    c = ck.Consumer({"bootstrap.servers": at, "group.id": GROUP})
    found = c.committed([ck.TopicPartition(topic, i) for i in range(PARTITIONS)], LIMIT_S)
    c.close()
    return [x.offset for x in found]


def judge_mirror(t, west, east, copies):
    """Records, settings and offsets of a group go from one cluster to the other; returns a note."""
    make_topic(west, copies)
    fill(t, west, 0, 30)
    maker = mirror(t, west, east)
    if not (eventually(lambda: end_of(east, MIRRORED, 0) > 0 or not maker.is_alive(), limit_s=3 * LIMIT_S, every_s=1)
            and maker.is_alive()):
        raise Failed(f"nothing comes; {maker.stuck()}")
    expect_comes(lambda: without_offsets(read(east, MIRRORED)), without_offsets(read(west, TOPIC)), "records")
    expect_comes(lambda: settings_of(east, MIRRORED), SETTINGS, "settings of the mirrored topic")
    # A group that has read half of it goes on in the other cluster where it was, or before; never behind.
    there, here = read(west, TOPIC), read(east, MIRRORED)
    half = [len(rows) // 2 for rows in there]
    commit(west, [rows[n][-1] for rows, n in zip(there, half)])
    expect(eventually(lambda: min(committed(east, MIRRORED)) >= 0, limit_s=3 * LIMIT_S, every_s=1),
           "no offset of the group comes")
    exact = [rows[n][-1] for rows, n in zip(here, half)]
    got = committed(east, MIRRORED)
    expect(all(0 < g <= e for g, e in zip(got, exact)), f"offsets {got} where {exact} would be exact")
    # One that has read all goes on behind the end.
    fill(t, west, 30, 10)
    expect_comes(lambda: without_offsets(read(east, MIRRORED)), without_offsets(read(west, TOPIC)), "records")
    commit(west, [rows[-1][-1] + 1 for rows in read(west, TOPIC)])
    expect_comes(lambda: committed(east, MIRRORED), [rows[-1][-1] + 1 for rows in read(east, MIRRORED)],
                 "offsets of a group that has read all")
    expect(committed(east, MIRRORED) != committed(west, TOPIC), "offsets are the same in both clusters: nothing was shown")
    maker.stop()
    return f"{sum(map(len, read(west, TOPIC)))} records; half-way {got}, exactly {exact}"


@contextmanager
def two_clusters(t):
    more = {"transaction.state.log.replication.factor": 3, "transaction.state.log.min.isr": 2}
    with t.cluster(settings=more) as west, t.cluster(settings=more) as east:
        yield west, east


@claim("starts", "connect", "confluent-kafka", limit_s=10 * LIMIT_S)
def two_of_a_kind(t):
    """Between two clusters of three: records, topics' settings, and a group's offsets, translated."""
    with two_clusters(t) as (west, east):
        return judge_mirror(t, west.bootstrap, east.bootstrap, 3)


@claim("gregord", "starts", "connect", "java", "confluent-kafka", limit_s=10 * LIMIT_S)
def from_kafka(t):
    """The same from Apache Kafka to gregord."""
    kafka = Node("kafka", t.scratch(), jvm=SMALL_JVM)
    kafka.start()
    try:
        kafka.wait()
        with t.cluster() as east:
            return judge_mirror(t, kafka.address, east.bootstrap, 1)
    finally:
        kafka.kill()


@claim("starts", "connect", "confluent-kafka", limit_s=20 * LIMIT_S)
def exactly_once(t):
    """With exactly.once.source.support, a broker of each cluster and MirrorMaker are killed: each record comes once."""
    with two_clusters(t) as (west, east):
        make_topic(west.bootstrap, 3)
        exact = {"east.exactly.once.source.support": "enabled", "dedicated.mode.enable.internal.rest": "true",
                 "listeners": "http://127.0.0.1:0"}
        maker = mirror(t, west.bootstrap, east.bootstrap, **exact)

        def comes(what):
            if not (eventually(lambda: without_offsets(read(east.bootstrap, MIRRORED)) ==
                               without_offsets(read(west.bootstrap, TOPIC)) or not maker.is_alive(),
                               limit_s=3 * LIMIT_S, every_s=1) and maker.is_alive()):
                raise Failed(f"{what}, {sum(map(len, read(east.bootstrap, MIRRORED)))} of "
                             f"{sum(map(len, read(west.bootstrap, TOPIC)))} records came or they differ; {maker.stuck()}; {maker.errors()}")

        fill(t, west.bootstrap, 0, 20)
        comes("at the beginning")
        maker.kill()
        fill(t, west.bootstrap, 20, 20)
        maker = mirror(t, west.bootstrap, east.bootstrap, **exact)
        east.nodes[0].kill()
        comes("after MirrorMaker and a broker of the second cluster were killed")
        west.nodes[0].kill()
        fill(t, west.bootstrap, 40, 20)
        comes("after a broker of the first cluster was killed")
        maker.stop()
        return f"{sum(map(len, read(west.bootstrap, TOPIC)))} records"
