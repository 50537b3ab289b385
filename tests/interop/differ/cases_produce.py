"""Produce and InitProducerId: what a leader takes from a client, and what it says when it does not."""

import gzip
import time

from . import records
from .cases import each, edges, once
from .records import altered, batch, record_of, sequenced


def body(b, v, topic, data, *, acks=-1, partition=0, transactional=None, timeout=5000):
    rows = data if isinstance(data, list) else [{"Index": partition, "Records": data}]
    return {"TransactionalId": transactional, "Acks": acks, "TimeoutMs": timeout,
            "TopicData": [{**b.by(topic, v < 13), "PartitionData": rows}]}


def produce(b, v, what, topic, data, **more):
    return b.call(what, "Produce", v, body(b, v, topic, data, **more))


@each("Produce")
def takes(b, v):
    t = b.topic("t", partitions=2)
    produce(b, v, "one record", t, batch())
    produce(b, v, "acks=1", t, batch([b"a", b"b"]), acks=1)
    produce(b, v, "two partitions", t, [{"Index": i, "Records": batch()} for i in (1, 0)])
    produce(b, v, "a codec", t, batch(payload=gzip.compress(records.record(b"z")), codec=1, count=1))
    produce(b, v, "an epoch of its own", t, altered(batch(), (records.LEADER_EPOCH, 5)))
    produce(b, v, "no time", t, altered(batch(), (records.BASE_TIMESTAMP, -1), (records.MAX_TIMESTAMP, -1)))
    produce(b, v, "another max timestamp", t, altered(batch(), (records.MAX_TIMESTAMP, 1700000009999)))


@edges("Produce")
def unknown(b, v):
    t = b.topic("t")
    produce(b, v, "no such partition", t, batch(), partition=1)
    produce(b, v, "negative partition", t, batch(), partition=-1)
    produce(b, v, "no such topic", b.name("none"), batch())
    produce(b, v, "a wrong name", "a/b" if v < 13 else b.name("none2"), batch())
    produce(b, v, "acks=2", t, batch(), acks=2)
    produce(b, v, "acks=-2", t, batch(), acks=-2)
    produce(b, v, "nothing at all", t, [])
    b.call("no topics", "Produce", v, {"Acks": -1, "TimeoutMs": 100})
    if v >= 13:
        b.call("id zero", "Produce", v, {"Acks": 1, "TimeoutMs": 100, "TopicData": [
            {"TopicId": bytes(16), "PartitionData": [{"Index": 0, "Records": batch()}]}]})


@edges("Produce")
def twice_named(b, v):
    """What a list by name does with the same name twice."""
    t = b.topic("t", partitions=2)
    twice = [{"Index": 0, "Records": batch([b"one"])}, {"Index": 0, "Records": batch([b"two"])}]
    produce(b, v, "a partition twice", t, twice)
    one = {**b.by(t, v < 13), "PartitionData": [{"Index": 0, "Records": batch([b"one"])}]}
    two = {**b.by(t, v < 13), "PartitionData": [{"Index": 1, "Records": batch([b"two"])}]}
    b.call("a topic twice", "Produce", v, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [one, two]})


@edges("Produce")
def no_batch(b, v):
    t = b.topic("t")
    whole = batch([b"abc"])
    for what, data in (
            ("null", None), ("nothing", b""), ("zeroes", bytes(61)), ("five bytes", b"12345"),
            ("half a batch", whole[:40]), ("a batch less one byte", whole[:-1]),
            ("a batch and a byte", whole + b"x"), ("two batches", whole + whole),
            ("a batch and half of one", whole + whole[:30]),
            ("wrong sum", batch(crc=1)), ("magic 3", batch(magic=3)), ("magic -1", batch(magic=-1)),
            ("magic 0", records.legacy(0)), ("magic 1", records.legacy(1)),
            ("magic 1, wrong sum", records.legacy(1, crc=7)),
            ("length 0", batch(length=0)), ("length -1", batch(length=-1)),
            ("length too small", batch(length=len(whole) - 20)), ("length too large", batch(length=1 << 30))):
        produce(b, v, what, t, data)


@edges("Produce")
def wrong_header(b, v):
    t = b.topic("t")
    good = batch([b"a", b"b"])
    for what, data in (
            ("more records than are there", batch(count=5)), ("fewer records", batch([b"a", b"b"], count=1, last_delta=1)),
            ("no records", batch([], count=0, last_delta=0)), ("records: -1", batch(count=-1, last_delta=0)),
            ("last delta too large", batch(last_delta=9)), ("last delta too small", batch([b"a", b"b"], last_delta=0)),
            ("last delta -1", batch(last_delta=-1)),
            ("codec 5", batch(attributes=5)), ("codec 7", batch(attributes=7)),
            ("gzip that is none", batch(payload=b"garbage", codec=1, count=1)),
            ("lz4 that is none", batch(payload=b"garbage", codec=3, count=1)),
            ("snappy that is none", batch(payload=b"garbage", codec=2, count=1)),
            ("zstd that is none", batch(payload=b"garbage", codec=4, count=1)),
            ("gzip with more behind", batch(payload=gzip.compress(records.record(b"z") + b"xyz"), codec=1, count=1)),
            ("gzip of fewer", batch(payload=gzip.compress(records.record(b"z")), codec=1, count=2)),
            ("control", batch(attributes=0x20)), ("unknown bit", batch(attributes=0x80)), ("high bit", batch(attributes=-0x8000)),
            ("base offset -1", altered(good, (records.BASE_OFFSET, -1))),
            ("base offset 1", altered(good, (records.BASE_OFFSET, 1))),
            ("no times in the header", altered(good, (records.MAX_TIMESTAMP, -1))),
            ("max timestamp before base", altered(good, (records.MAX_TIMESTAMP, 5)))):
        produce(b, v, what, t, data)


@edges("Produce")
def wrong_records(b, v):
    t = b.topic("t")

    def one(what, *rows, **more):
        produce(b, v, what, t, batch(payload=b"".join(rows), count=len(rows), **more))

    one("deltas 0, 2", record_of(), record_of(delta=2), last_delta=2)
    one("attributes 1", record_of(attributes=1))
    one("too long", record_of(length=100))
    one("too short", record_of(length=3))
    one("length 0", b"\0")
    one("length -1", records.varint(-1))
    one("null value", record_of(value=None))
    one("a header", record_of(headers=b"\2\2k\2v"))
    one("a header without value", record_of(headers=b"\2\2k\1"))
    one("a header without key", record_of(headers=b"\2\1\2v"))
    one("headers: -1", record_of(headers=b"\1"))
    one("headers: 9", record_of(headers=b"\x12"))
    one("a header that is not utf-8", record_of(headers=b"\2\2\xff\2v"))
    one("bytes behind the records", record_of(), b"", last_delta=0)
    produce(b, v, "bytes behind", t, batch(payload=record_of() + b"xyz", count=1))


@edges("Produce")
def odd(b, v):
    """What no client sends, and Kafka mends or takes as it is."""
    t = b.topic("t")

    def one(what, *rows, **more):
        produce(b, v, what, t, batch(payload=b"".join(rows), count=len(rows), **more))

    one("offset delta 1 first", record_of(delta=1))
    one("offset delta -1", record_of(delta=-1))
    one("deltas 0, 0", record_of(), record_of())
    one("deltas 1, 0", record_of(delta=1), record_of(delta=0))
    one("the second is wrong", record_of(), record_of(delta=7), record_of(delta=2))
    produce(b, v, "log append time", t, batch(attributes=8))
    produce(b, v, "delete horizon", t, batch(attributes=0x40))
    produce(b, v, "a producer's epoch -1", t, sequenced(700001, -1, 0))


@edges("Produce")
def times(b, v):
    now = int(time.time() * 1000)
    t = b.topic("t", message_timestamp_before_max_ms=3600000, message_timestamp_after_max_ms=3600000)

    def at(what, base, top=None, **more):
        top = base if top is None else top
        produce(b, v, what, t, altered(batch(**more), (records.BASE_TIMESTAMP, base), (records.MAX_TIMESTAMP, top)))

    at("now", now)
    at("two hours ago", now - 7200000)
    at("in two hours", now + 7200000)
    at("negative", -5)
    at("-2", -2)
    at("none", -1)
    at("far ahead", (1 << 63) - 1)
    at("far back", -(1 << 63))
    a = b.topic("a", message_timestamp_type="LogAppendTime")
    produce(b, v, "the leader's clock", a, batch())
    produce(b, v, "the leader's clock, two records", a, batch([b"a", b"b"]), acks=1)


@edges("Produce")
def settings(b, v):
    t = b.topic("c", cleanup_policy="compact")
    produce(b, v, "compacted, no key", t, batch())
    produce(b, v, "compacted, the second without key", t,
            batch(payload=record_of(key=b"k") + record_of(delta=1), count=2))
    produce(b, v, "compacted, key", t, batch(payload=record_of(key=b"k"), count=1))
    t = b.topic("m", max_message_bytes=100)
    produce(b, v, "just small enough", t, batch([bytes(100 - 61 - 8)]))
    produce(b, v, "too large", t, batch([bytes(200)]))
    t = b.topic("s", segment_bytes=1048576, max_message_bytes=2000000)
    produce(b, v, "larger than a segment", t, batch([bytes(1100000)]))
    t = b.topic("z", compression_type="gzip")
    produce(b, v, "another codec", t, batch())
    t = b.topic("u", compression_type="uncompressed")
    produce(b, v, "no codec", t, batch(payload=gzip.compress(records.record(b"z")), codec=1, count=1))
    t = b.topic("d", max_decompressed_message_bytes=1000)
    for what, rows in (("just fits", (992,)), ("grows too large", (994,)), ("two that fit", (900, 900)),
                       ("the second grows too large", (900, 2000))):
        payload = b"".join(record_of(value=bytes(n), delta=i) for i, n in enumerate(rows))
        produce(b, v, f"what {what}", t, batch(payload=gzip.compress(payload, mtime=0), codec=1, count=len(rows)))
    produce(b, v, "large, but no codec", t, batch([bytes(2000)]))
    t = b.topic("i", min_insync_replicas=2)
    produce(b, v, "too few replicas", t, batch())
    produce(b, v, "too few replicas, acks=1", t, batch(), acks=1)


def fetched(b, topic):
    """What then stands in a partition."""
    found = b.ask("Fetch", 4, {"MaxWaitMs": 0, "MinBytes": 0, "MaxBytes": 1 << 20, "ReplicaId": -1, "Topics": [
        {"Topic": topic, "Partitions": [{"Partition": 0, "FetchOffset": 0, "PartitionMaxBytes": 1 << 20}]}]})
    return found["Responses"][0]["Partitions"][0]["Records"]


@edges("Produce")
def stores(b, v):
    """To the byte what was sent, less what the leader must set."""
    t = b.topic("t")
    produce(b, v, "one", t, altered(batch([b"abc"]), (records.LEADER_EPOCH, 44)))
    produce(b, v, "another max timestamp", t, altered(batch([b"abc"]), (records.MAX_TIMESTAMP, 1700000009999)))
    produce(b, v, "no max timestamp", t, altered(batch([b"abc"]), (records.MAX_TIMESTAMP, -1)))
    produce(b, v, "a high bit", t, batch(attributes=0x80))
    produce(b, v, "deltas of its own", t,
            batch(payload=record_of(time_delta=5) + record_of(time_delta=3, delta=1), count=2))
    b.note("the log", fetched(b, t))
    t = b.topic("u", compression_type="uncompressed")
    produce(b, v, "no codec", t, batch(payload=gzip.compress(records.record(b"z")), codec=1, count=1))
    b.note("the log without codec", fetched(b, t))


@edges("Produce")
def sequences(b, v):
    t = b.topic("t", partitions=2)
    p = 700000

    def one(what, epoch, sequence, values=(b"x",), producer=p, **more):
        produce(b, v, what, t, sequenced(producer, epoch, sequence, values), **more)

    one("first at 0", 0, 0, [b"a", b"b"])
    one("the same again", 0, 0, [b"a", b"b"])
    one("the same begin, another size", 0, 0, [b"a"])
    one("next", 0, 2)
    one("a gap", 0, 9)
    one("before", 0, 1)
    for i in range(3, 9):
        one(f"number {i}", 0, i)
    one("older than five batches", 0, 2)
    one("of the last five", 0, 5)
    one("a newer epoch, not at 0", 1, 5)
    one("a newer epoch at 0", 1, 0)
    one("the old epoch", 0, 9)
    one("another producer, not at 0", 0, 7, producer=p + 1)
    one("epoch -1", -1, 0)
    one("sequence -1", 1, -1)
    one("epoch 32767", 32767, 0, producer=p + 2)
    one("another partition", 1, 0, partition=1)
    produce(b, v, "producer id -1 with sequence", t, sequenced(-1, 0, 0))
    produce(b, v, "producer id -2", t, sequenced(-2, 0, 0))


@edges("Produce")
def sequences_wrap(b, v):
    t = b.topic("t")
    top = (1 << 31) - 1
    produce(b, v, "near the end", t, sequenced(800000, 0, top - 1, [b"a", b"b"]))
    produce(b, v, "wrapped to 0", t, sequenced(800000, 0, 0))
    t = b.topic("u")
    produce(b, v, "over the end", t, sequenced(800001, 0, top - 1, [b"a", b"b", b"c"]))
    produce(b, v, "after it", t, sequenced(800001, 0, 1))
    produce(b, v, "again", t, sequenced(800001, 0, top - 1, [b"a", b"b", b"c"]))


@edges("Produce")
def silent(b, v):
    """acks=0: no answer, and a closed connection for an error."""
    t = b.topic("t")
    b.send("Produce", v, body(b, v, t, batch(), acks=0))
    b.call("then another", "Metadata", 4, {"Topics": []})
    b.send("Produce", v, body(b, v, t, batch(), acks=0, partition=8))
    try:
        b.receive_bytes()
        b.note("acks=0 to no partition", "answered")
    except Exception as e:
        b.note("acks=0 to no partition", type(e).__name__)
    b.disconnect()


@edges("Produce")
def transactional(b, v):
    t = b.topic("t")
    produce(b, v, "a transactional id, no transaction", t, batch(), transactional="txn")
    produce(b, v, "transactional without producer", t, batch(attributes=0x10))
    produce(b, v, "transactional without id", t, altered(sequenced(900000, 0, 0), (records.ATTRIBUTES, 0x10)))
    produce(b, v, "transactional, of nobody", t, altered(sequenced(900001, 0, 0), (records.ATTRIBUTES, 0x10)),
            transactional="nobody")


@each("InitProducerId")
def new_ids(b, v):
    until_loaded(b)
    for what, fields in (
            ("an id", {"TransactionalId": None, "TransactionTimeoutMs": 60000}),
            ("time-out 0", {"TransactionalId": None}),
            ("empty name", {"TransactionalId": "", "TransactionTimeoutMs": 60000})):
        b.call(what, "InitProducerId", v, fields)
    if v >= 3:
        b.call("with an id and an epoch", "InitProducerId", v,
               {"TransactionalId": None, "TransactionTimeoutMs": 1, "ProducerId": 4, "ProducerEpoch": 2})
        b.call("with an id alone", "InitProducerId", v,
               {"TransactionalId": None, "TransactionTimeoutMs": 1, "ProducerId": 4})
        b.call("with an epoch alone", "InitProducerId", v,
               {"TransactionalId": None, "TransactionTimeoutMs": 1, "ProducerEpoch": 4})


def until_loaded(b):
    """Kafka has no block of ids yet when the first asks."""
    while b.ask("InitProducerId", 4, {"TransactionalId": None})["ErrorCode"]:
        time.sleep(0.05)


@once
def ids_differ(b):
    until_loaded(b)
    seen = [b.ask("InitProducerId", 4, {"TransactionalId": None})["ProducerId"] for _ in range(5)]
    b.note("five ids ascend", all(x < y for x, y in zip(seen, seen[1:])))
