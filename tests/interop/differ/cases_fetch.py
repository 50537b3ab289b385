"""Fetch: what is read, what is refused, how long it waits, and what happens to sessions."""

import time

from .cases import each, edges
from .cases_produce import body as produce_body
from .records import batch


def fill(b, topic, n=1, partition=0, values=None):
    for i in range(n):
        fields = produce_body(b, 3, topic, batch(values or [b"value %d" % i]), partition=partition)
        found = b.ask("Produce", 3, fields)
        assert found["Responses"][0]["PartitionResponses"][0]["ErrorCode"] == 0, found


def part(offset=0, partition=0, most=1 << 20, epoch=-1, last=-1, start=-1):
    return {"Partition": partition, "FetchOffset": offset, "PartitionMaxBytes": most,
            "CurrentLeaderEpoch": epoch, "LastFetchedEpoch": last, "LogStartOffset": start}


def body(b, v, topics, *, wait=0, least=0, most=1 << 20, isolation=0, session=0, epoch=-1, forgotten=()):
    rows = [{**b.by(t, v < 13, "Topic"), "Partitions": parts} for t, parts in topics]
    return {"ReplicaId": -1, "MaxWaitMs": wait, "MinBytes": least, "MaxBytes": most, "IsolationLevel": isolation,
            "SessionId": session, "SessionEpoch": epoch, "Topics": rows,
            "ForgottenTopicsData": [{**b.by(t, v < 13, "Topic"), "Partitions": p} for t, p in forgotten]}


def fetch(b, v, what, topic, *parts, **more):
    return b.call(what, "Fetch", v, body(b, v, [(topic, list(parts or [part()]))], **more))


@each("Fetch")
def reads(b, v):
    t = b.topic("t", partitions=2)
    fetch(b, v, "an empty log", t)
    fill(b, t, 3)
    fill(b, t, 1, partition=1)
    fetch(b, v, "all", t)
    fetch(b, v, "from 1", t, part(1))
    fetch(b, v, "from the end", t, part(3))
    fetch(b, v, "two partitions", t, part(), part(partition=1))
    fetch(b, v, "committed", t, isolation=1)
    fetch(b, v, "less than the first batch", t, part(most=1))
    fetch(b, v, "0 bytes", t, part(most=0))
    fetch(b, v, "0 bytes in all", t, most=0)
    fetch(b, v, "room for one and a half", t, part(most=110))
    fetch(b, v, "the budget ends in the first partition", t, part(), part(partition=1), most=100)
    fetch(b, v, "the budget ends in the second", t, part(2), part(partition=1), most=120)
    if v >= 15:
        b.call("a plain consumer's state", "Fetch", v, {**body(b, v, [(t, [part()])]),
                                                        "ReplicaState": {"ReplicaId": -1, "ReplicaEpoch": -1}})


@edges("Fetch", 9, 11, 15)
def refuses(b, v):
    t = b.topic("t")
    fill(b, t, 2)
    fetch(b, v, "beyond the end", t, part(3))
    fetch(b, v, "far beyond", t, part(1 << 60))
    fetch(b, v, "offset -1", t, part(-1))
    fetch(b, v, "no such partition", t, part(partition=1))
    fetch(b, v, "partition -1", t, part(partition=-1))
    fetch(b, v, "no such topic", b.name("none"))
    fetch(b, v, "one there, one not", t, part(), part(partition=5))
    b.call("no topics", "Fetch", v, {"ReplicaId": -1, "MaxWaitMs": 0, "MaxBytes": 1000, "SessionEpoch": -1})
    fetch(b, v, "isolation 2", t, isolation=2)
    fetch(b, v, "partition's bytes -1", t, part(most=-1))
    fetch(b, v, "negative bytes", t, most=-1)
    fetch(b, v, "negative wait", t, part(2), wait=-1, least=1)
    fetch(b, v, "a partition twice", t, part(), part(1))
    if v >= 13:
        b.call("id zero", "Fetch", v, {"MaxBytes": 1000, "SessionEpoch": -1, "Topics": [
            {"TopicId": bytes(16), "Partitions": [part()]}]})


@edges("Fetch", 9, 11, 16)
def epochs(b, v):
    t = b.topic("t")
    fill(b, t, 2)
    if v >= 9:
        fetch(b, v, "the leader's epoch", t, part(epoch=0))
        fetch(b, v, "an epoch to come", t, part(epoch=5))
        fetch(b, v, "epoch -2", t, part(epoch=-2))
    if v >= 12:
        fetch(b, v, "last epoch 0", t, part(1, epoch=0, last=0))
        fetch(b, v, "last epoch 0, at the end", t, part(2, epoch=0, last=0))
        fetch(b, v, "last epoch 3", t, part(1, epoch=0, last=3))
        fetch(b, v, "last epoch -2", t, part(1, epoch=0, last=-2))
        fetch(b, v, "last epoch 0, offset beyond", t, part(5, epoch=0, last=0))


@edges("Fetch")
def low_watermark(b, v):
    t = b.topic("t")
    fill(b, t, 3)
    b.ask("DeleteRecords", 1, {"Topics": [{"Name": t, "Partitions": [{"PartitionIndex": 0, "Offset": 2}]}],
                               "TimeoutMs": 5000})
    fetch(b, v, "before the start", t, part(1))
    fetch(b, v, "the start", t, part(2))
    if v >= 12:
        fetch(b, v, "before the start, last epoch 0", t, part(1, last=0))


def waited(b, v, what, topic, *parts, **more):
    began = time.monotonic()
    fetch(b, v, what, topic, *parts, **more)
    b.note(f"{what}: it waits", time.monotonic() - began > 0.35)


@edges("Fetch")
def waits(b, v):
    t = b.topic("t", partitions=2)
    fill(b, t, 1)
    waited(b, v, "nothing, min 1", t, part(1), wait=500, least=1)
    waited(b, v, "nothing, min 0", t, part(1), wait=500, least=0)
    waited(b, v, "something, min 1", t, part(0), wait=500, least=1)
    waited(b, v, "something, min 1000", t, part(0), wait=500, least=1000)
    waited(b, v, "an error", t, part(9), wait=500, least=1000)
    waited(b, v, "an error beside nothing", t, part(1), part(9, partition=1), wait=500, least=1000)
    waited(b, v, "min above the partition's limit", t, part(0, most=10), wait=500, least=1000)
    waited(b, v, "min above the limit", t, part(0), wait=500, least=1000, most=50)


@edges("Fetch", 7, 9)
def sessions(b, v):
    t = b.topic("t")
    fill(b, t, 1)
    if v < 7:
        return
    fetch(b, v, "a session that nobody has", t, session=12345, epoch=1)
    fetch(b, v, "a session that nobody has, new", t, session=12345, epoch=0)
    fetch(b, v, "a session that nobody has, to be closed", t, session=12345, epoch=-1)
    fetch(b, v, "no session, epoch 5", t, epoch=5)


class Session:
    """A reader that keeps its session's id and counts its fetches."""

    def __init__(self, b, v, topic):
        self.b, self.v, self.topic, self.id, self.epoch = b, v, topic, 0, 0

    def fetch(self, what, *parts, forget=(), **more):
        topics = [(self.topic, list(parts))] if parts else []
        forgotten = [(self.topic, list(forget))] if forget else []
        fields = body(self.b, self.v, topics, session=self.id, epoch=self.epoch, forgotten=forgotten, **more)
        found = self.b.call(f"in a session, {what}", "Fetch", self.v, fields)
        if self.epoch == 0:
            self.id = found["SessionId"]
        self.epoch += 1
        return found


@edges("Fetch", 7, 9, 16)
def incremental(b, v):
    """What a session answers of is what is new; 12, 13: before and since topics are named by their ids."""
    if v < 7:
        return
    t = b.topic("t", partitions=4)
    for i in range(3):
        fill(b, t, 1, partition=i)
    s = Session(b, v, t)
    s.fetch("it begins", part(), part(partition=1), part(1, partition=2))
    s.fetch("at their ends", part(1), part(1, partition=1))
    s.fetch("nothing is new")
    fill(b, t, 1, partition=1)
    s.fetch("one has more")
    s.fetch("the same again, its position stands still")
    s.fetch("its position moved", part(2, partition=1))
    s.fetch("one is added", part(partition=3))
    s.fetch("another one that is not there", part(partition=9))
    s.fetch("and its error again")
    s.fetch("it is forgotten", forget=[9])
    s.fetch("nothing is new now")
    fill(b, t, 2, partition=0)
    fill(b, t, 2, partition=2)
    s.fetch("two have more, room for one", most=75)
    s.fetch("and the other one, whose turn it is", part(2), most=75)
    s.fetch("beyond the end", part(9, partition=2))
    s.fetch("back within", part(3, partition=2))
    b.ask("DeleteRecords", 1, {"Topics": [{"Name": t, "Partitions": [{"PartitionIndex": 1, "Offset": 2}]}],
                               "TimeoutMs": 5000})
    s.fetch("a log begins later")
    s.fetch("one that is not in it is forgotten", forget=[77])
    s.fetch("named and forgotten at once", part(partition=3), forget=[3])
    s.fetch("all are forgotten, and it ends", forget=[0, 1, 2, 3])
    s.fetch("it is gone")


@edges("Fetch", 7, 9)
def out_of_step(b, v):
    if v < 7:
        return
    t = b.topic("t", partitions=2)
    fill(b, t, 1)
    s = Session(b, v, t)
    s.fetch("it begins", part())
    s.fetch("goes on")
    s.epoch = 1
    s.fetch("an epoch that was")
    s.epoch = 3
    s.fetch("an epoch to come")
    s.epoch = -2
    s.fetch("epoch -2")
    s.epoch = 2
    s.fetch("the right one, as if nothing had been", part(1))
    s.epoch = -1
    s.fetch("closed", part())
    s.epoch = 3
    s.fetch("after that")
    old = Session(b, v, t)
    old.fetch("another one begins", part())
    old.epoch, before = 0, old.id
    old.fetch("and is begun anew", part())
    b.note("its id is another one", old.id != before)
    old.id, old.epoch = before, 1
    old.fetch("the one before is gone")
    none = Session(b, v, t)
    none.fetch("one of nothing begins")
    none.fetch("one of nothing goes on")
    twice = Session(b, v, t)
    twice.fetch("a partition twice", part(), part(1))
    twice.fetch("a partition twice, again")
    if v in (12, 13):
        other = Session(b, v, t)
        other.fetch("one of names or ids", part())
        other.v = 25 - v
        other.fetch("the other way of naming")
        other.fetch("and with partitions", part(1))


@edges("Fetch", 7, 9)
def waits_in_a_session(b, v):
    if v < 7:
        return
    t = b.topic("t", partitions=2)
    s = Session(b, v, t)
    s.fetch("it begins", part(), part(partition=1))
    began = time.monotonic()
    s.fetch("it waits for more", wait=500, least=1)
    b.note("it waited", time.monotonic() - began > 0.35)
    fill(b, t, 1)
    began = time.monotonic()
    s.fetch("it need not wait", wait=500, least=1)
    b.note("it did not wait", time.monotonic() - began < 0.35)


@edges("Fetch", 9, 10)
def compressed(b, v):
    """A topic of zstd batches, which clients before version 10 cannot read."""
    t = b.topic("t", compression_type="zstd")
    b.ask("Produce", 8, produce_body(b, 8, t, batch([b"abc" * 20])))
    found = b.ask("Fetch", v, body(b, v, [(t, [part()])]))["Responses"][0]["Partitions"][0]
    b.note("zstd", [found["ErrorCode"], bool(found["Records"])])
