"""confluent-kafka: librdkafka 2.16, which uses the newest requests, topics by id among them."""

import time

try:
    import confluent_kafka as ck
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic
except ImportError:  # then these claims can be listed, not judged
    ck = None

from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.patience import Patience
from harness.target import eventually

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def admin(t):
    """An admin client; keep it in a variable, since its futures fail once it is gone."""
    return AdminClient({"bootstrap.servers": t.bootstrap})


def make_topic(t, stem, partitions=1):
    topic, a = t.unique(stem), admin(t)
    a.create_topics([NewTopic(topic, partitions, 1)])[topic].result(LIMIT_S)
    return topic


def produce(t, topic, values, partition=0, **config):
    """Sends the values; returns the offsets in the delivery reports, all of which must be good."""
    producer = ck.Producer({"bootstrap.servers": t.bootstrap, **config})
    offsets, errors = [], []

    def delivered(error, message):
        errors.append(str(error)) if error else offsets.append(message.offset())

    for v in values:
        producer.produce(topic, v, partition=partition, on_delivery=delivered)
    left = producer.flush(LIMIT_S)
    expect(not errors and not left, f"{left} records are unreported; errors: {sorted(set(errors))}")
    return offsets


def reader(t, group=None, **config):
    return ck.Consumer({
        "bootstrap.servers": t.bootstrap, "group.id": group or t.unique("alone"),
        "auto.offset.reset": "earliest", "enable.auto.commit": False, **config})


def take(consumer, n, limit_s=LIMIT_S):
    """Polls until n records are there, or too long."""
    got = []
    patience = Patience(limit_s)
    while len(got) < n and patience.lasts():
        for m in consumer.consume(n - len(got), 0.2):
            expect(not m.error(), f"consuming: {m.error()}")
            got.append(m)
    return got


def read(t, topic, n, partition=0):
    consumer = reader(t)
    consumer.assign([TopicPartition(topic, partition, 0)])
    got = take(consumer, n)
    consumer.close()
    return got


def values(n):
    return [b"record %d" % i for i in range(n)]


@claim("confluent-kafka")
def round_trip(t):
    """Records with key, headers and timestamp come back from a topic made on demand."""
    topic = t.unique("ck-round-trip")
    producer = ck.Producer({"bootstrap.servers": t.bootstrap})
    for i in range(20):
        producer.produce(topic, b"v%d" % i, b"k%d" % i, partition=0, timestamp=1_700_000_000_000 + i,
                         headers=[("h", b"x"), ("h", b""), ("none", None)])
    expect_equal(producer.flush(LIMIT_S), 0, "records without report")
    got = read(t, topic, 20)
    expect_equal([(m.offset(), m.key(), m.value(), m.timestamp()[1]) for m in got],
                 [(i, b"k%d" % i, b"v%d" % i, 1_700_000_000_000 + i) for i in range(20)], "records")
    expect_equal(got[0].headers(), [("h", b"x"), ("h", b""), ("none", None)], "headers")


@claim("confluent-kafka", each=CODECS)
def codec(t, name):
    """Records compressed with each codec come back."""
    topic = make_topic(t, f"ck-{name}")
    sent = [b"%d " % i + b"abcdefgh" * 20 for i in range(500)]
    produce(t, topic, sent, **{"compression.type": name})
    expect_equal([m.value() for m in read(t, topic, 500)], sent, "records")


@claim("confluent-kafka", each=("0", "1", "all"))
def acks(t, level):
    """Records produced with acks 0, 1 and all come back."""
    topic = make_topic(t, "ck-acks")
    produce(t, topic, values(50), acks=level)
    expect_equal([m.value() for m in read(t, topic, 50)], values(50), "records")


@claim("confluent-kafka")
def idempotent(t):
    """An idempotent producer with five requests in flight keeps order and doubles nothing."""
    topic = make_topic(t, "ck-idempotent")
    config = {"enable.idempotence": True, "batch.num.messages": 50, "linger.ms": 0}
    offsets = produce(t, topic, values(2000), **config)
    expect_equal(offsets, list(range(2000)), "offsets in the delivery reports")
    expect_equal([m.value() for m in read(t, topic, 2000)], values(2000), "records")


@claim("confluent-kafka")
def topics(t):
    """The admin client creates, lists, describes and deletes a topic, and is told of one that exists."""
    name, a = t.unique("ck-topic"), admin(t)
    new = NewTopic(name, 3, 1, config={"retention.ms": "3600000"})
    a.create_topics([new])[name].result(LIMIT_S)
    listed = eventually(lambda: a.list_topics(timeout=LIMIT_S).topics.get(name))
    expect(listed, "the new topic is not in the list")
    expect_equal(sorted(listed.partitions), [0, 1, 2], "partitions")
    described = a.describe_topics(ck.TopicCollection([name]))[name].result(LIMIT_S)
    expect_equal(described.name, name, "described topic")
    expect("0" * 8 not in str(described.topic_id) and str(described.topic_id), "the topic has no id")
    try:
        a.create_topics([new])[name].result(LIMIT_S)
        expect(False, "a second creation succeeded")
    except ck.KafkaException as e:
        expect_equal(e.args[0].code(), ck.KafkaError.TOPIC_ALREADY_EXISTS, "error of a second creation")
    a.delete_topics([name])[name].result(LIMIT_S)
    gone = eventually(lambda: name not in a.list_topics(timeout=LIMIT_S).topics)
    expect(gone, "the deleted topic is still in the list")


@claim("confluent-kafka")
def topic_config(t):
    """A configuration given at creation is described, beside the defaults."""
    name, a = t.unique("ck-config"), admin(t)
    a.create_topics([NewTopic(name, 1, 1, config={"retention.ms": "3600000"})])[name].result(LIMIT_S)
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    found = a.describe_configs([resource])[resource].result(LIMIT_S)
    expect_equal(found["retention.ms"].value, "3600000", "retention.ms")
    expect(not found["retention.ms"].is_default, "retention.ms is called a default")
    expect_equal(found["segment.bytes"].value, "1073741824", "segment.bytes")
    expect(found["segment.bytes"].is_default, "segment.bytes is not called a default")


@claim("confluent-kafka")
def describe_cluster(t):
    """describe_cluster gives the cluster id, a controller and the node at its address."""
    a = admin(t)
    found = a.describe_cluster().result(LIMIT_S)
    expect(found.cluster_id, "there is no cluster id")
    expect(found.controller is not None, "there is no controller")
    addresses = [f"{n.host}:{n.port}" for n in found.nodes]
    expect(t.bootstrap in addresses, f"{t.bootstrap} is not among {addresses}")


@claim("confluent-kafka")
def offsets_for_times(t):
    """Offsets by time and watermarks are right, also where no record is that young."""
    topic = make_topic(t, "ck-times")
    producer = ck.Producer({"bootstrap.servers": t.bootstrap})
    start = int(time.time() * 1000) - 60_000
    for i in range(10):
        producer.produce(topic, b"x", partition=0, timestamp=start + 1000 * i)
    expect_equal(producer.flush(LIMIT_S), 0, "records without report")
    consumer = reader(t)

    def at(when):
        return consumer.offsets_for_times([TopicPartition(topic, 0, when)], timeout=LIMIT_S)[0].offset

    expect_equal(at(start + 4500), 5, "first at or after")
    expect_equal(at(start + 9001), ck.OFFSET_END, "a time after all")
    low_high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=LIMIT_S)
    expect_equal(low_high, (0, 10), "watermarks")
    consumer.close()


@claim("confluent-kafka")
def unknown_topic(t):
    """A consumer that may not create topics is told that one does not exist."""
    consumer = reader(t, **{"allow.auto.create.topics": False})
    consumer.subscribe([t.unique("ck-nowhere")])
    seen = eventually(lambda: (m := consumer.poll(1)) and m.error())
    consumer.close()
    expect(seen and seen.code() == ck.KafkaError.UNKNOWN_TOPIC_OR_PART, f"it was told {seen}")


@claim("confluent-kafka")
def group_splits(t):
    """Two members of a group split four partitions, and one takes over what the other leaves."""
    topic, group = make_topic(t, "ck-split", 4), t.unique("ck-group")
    quick = {"session.timeout.ms": 10_000, "heartbeat.interval.ms": 500,
             "partition.assignment.strategy": "roundrobin"}
    members = [reader(t, group, **quick) for _ in range(2)]
    for m in members:
        m.subscribe([topic])

    def shares():
        for m in members:
            m.poll(0.2)
        return [sorted(p.partition for p in m.assignment()) for m in members]

    fair = eventually(lambda: [len(s) for s in shares()] == [2, 2] and shares())
    expect(fair, f"the partitions were not split: {shares()}")
    expect_equal(sorted(fair[0] + fair[1]), [0, 1, 2, 3], "partitions assigned")
    for i in range(4):
        produce(t, topic, [b"to %d" % i], partition=i)
    got = [sorted(m.partition() for m in take(member, 2)) for member in members]
    expect_equal(got, fair, "records went to their owners")
    members.pop().close()
    all_four = eventually(lambda: shares() == [[0, 1, 2, 3]])
    expect(all_four, f"the one left has {shares()}")
    members[0].close()


@claim("confluent-kafka")
def cooperative_group(t):
    """A group with the cooperative assignor hands one partition after the other to a second member."""
    topic, group = make_topic(t, "ck-cooperative", 4), t.unique("ck-group")
    config = {"partition.assignment.strategy": "cooperative-sticky", "heartbeat.interval.ms": 500,
              "session.timeout.ms": 10_000}
    members = [reader(t, group, **config)]

    def sizes():
        for m in members:
            m.poll(0.2)
        return sorted(len(m.assignment()) for m in members)

    members[0].subscribe([topic])
    expect(eventually(lambda: sizes() == [4]), f"the first member has {sizes()}")
    members.append(reader(t, group, **config))
    members[1].subscribe([topic])
    expect(eventually(lambda: sizes() == [2, 2]), f"the two have {sizes()}")
    for m in members:
        m.close()


@claim("confluent-kafka")
def committed_offsets(t):
    """Committed offsets survive the consumer: the next one goes on there."""
    topic, group = make_topic(t, "ck-commit"), t.unique("ck-group")
    produce(t, topic, values(20))
    first = reader(t, group)
    first.subscribe([topic])
    got = take(first, 7)
    expect_equal([m.offset() for m in got], list(range(7)), "first records")
    first.commit(got[-1], asynchronous=False)
    first.close()
    second = reader(t, group)
    second.subscribe([topic])
    expect_equal(take(second, 1)[0].offset(), 7, "first offset of the second consumer")
    found = second.committed([TopicPartition(topic, 0)], timeout=LIMIT_S)[0].offset
    second.close()
    expect_equal(found, 7, "committed offset")


@claim("confluent-kafka", limit_s=90)
def consumer_protocol(t):
    """Two consumers of the new protocol share a topic; when one leaves, the other has all of it, where the first was."""
    topic, group = make_topic(t, "ck-848", partitions=4), t.unique("ck-848")
    first, second = (reader(t, group, **{"group.protocol": "consumer"}) for _ in range(2))
    first.subscribe([topic])
    eventually(lambda: (first.poll(0.2), len(first.assignment()) == 4)[1], limit_s=LIMIT_S)
    second.subscribe([topic])
    shared = eventually(lambda: (first.poll(0.2), second.poll(0.2),
                                 len(first.assignment()) == len(second.assignment()) == 2)[2], limit_s=60)
    expect(shared, f"they have {first.assignment()} and {second.assignment()}")
    for partition in range(4):
        produce(t, topic, values(3), partition)
    found = take(first, 6) + take(second, 6)
    expect_equal(len({(m.partition(), m.offset()) for m in found}), 12, "records read once")
    for consumer in (first, second):
        consumer.commit(asynchronous=False)
    second.close()
    all_of_it = eventually(lambda: (first.poll(0.2), len(first.assignment()) == 4)[1], limit_s=60)
    expect(all_of_it, f"it has {first.assignment()}")
    produce(t, topic, values(1), 3)
    expect_equal(take(first, 1)[0].offset(), 3, "the next record's offset")
    first.close()


@claim("confluent-kafka")
def groups(t):
    """The admin client lists a group and describes its state."""
    topic, group = make_topic(t, "ck-groups"), t.unique("ck-group")
    produce(t, topic, values(1))
    consumer = reader(t, group)
    consumer.subscribe([topic])
    take(consumer, 1)
    a = admin(t)
    described = a.describe_consumer_groups([group])[group].result(LIMIT_S)
    expect_equal(described.state, ck.ConsumerGroupState.STABLE, "state")
    expect_equal(len(described.members), 1, "members")
    listed = [g.group_id for g in a.list_consumer_groups().result(LIMIT_S).valid]
    consumer.close()
    expect(group in listed, f"it is not in the list: {listed}")
