"""ListOffsets, OffsetForLeaderEpoch, DeleteRecords."""

from . import records
from .cases import each, edges
from .cases_fetch import fill
from .cases_produce import body as produce_body
from .records import altered, batch

T0 = 1700000000000


def listing(b, v, what, topic, timestamp, *, partition=0, epoch=-1, isolation=0, replica=-1):
    return b.call(what, "ListOffsets", v, {
        "ReplicaId": replica, "IsolationLevel": isolation, "TimeoutMs": 5000, "Topics": [{"Name": topic, "Partitions": [
            {"PartitionIndex": partition, "Timestamp": timestamp, "CurrentLeaderEpoch": epoch}]}]})


def timed(b, topic):
    for base in (T0 + 100, T0 + 50, T0 + 200):
        data = altered(batch([b"a", b"b"]), (records.BASE_TIMESTAMP, base), (records.MAX_TIMESTAMP, base))
        b.ask("Produce", 3, produce_body(b, 3, topic, data))


@each("ListOffsets")
def offsets(b, v):
    t = b.topic("t")
    for special in range(-1, -9, -1):
        listing(b, v, f"{special} of an empty log", t, special)
    listing(b, v, "a time in an empty log", t, T0)
    timed(b, t)
    for special in range(-1, -9, -1):
        listing(b, v, f"{special}", t, special)
    for at in (0, T0, T0 + 50, T0 + 100, T0 + 101, T0 + 200, T0 + 201):
        listing(b, v, f"time T0+{at - T0}", t, at)
    listing(b, v, "committed", t, -1, isolation=1)
    listing(b, v, "isolation 7", t, -1, isolation=7)
    b.ask("DeleteRecords", 1, {"Topics": [{"Name": t, "Partitions": [{"PartitionIndex": 0, "Offset": 3}]}],
                               "TimeoutMs": 5000})
    for at in (-1, -2, -3, -4, -5, T0, T0 + 60, T0 + 150):
        listing(b, v, f"{at} after a deletion", t, at)


@edges("ListOffsets", 4)
def wrong(b, v):
    t = b.topic("t")
    listing(b, v, "no such partition", t, -1, partition=3)
    listing(b, v, "partition -1", t, -1, partition=-1)
    listing(b, v, "no such topic", b.name("none"), -1)
    listing(b, v, "the leader's epoch", t, -1, epoch=0 if v >= 4 else -1)
    listing(b, v, "an epoch to come", t, -1, epoch=4 if v >= 4 else -1)
    listing(b, v, "epoch -2", t, -1, epoch=-2 if v >= 4 else -1)
    listing(b, v, "a debugging consumer", t, -1, replica=-2)
    listing(b, v, "a replica that is none", t, -1, replica=7)
    twice = [{"PartitionIndex": 0, "Timestamp": -1}, {"PartitionIndex": 0, "Timestamp": -2}]
    b.call("a partition twice", "ListOffsets", v, {"ReplicaId": -1, "Topics": [{"Name": t, "Partitions": twice}]})
    b.call("no topics", "ListOffsets", v, {"ReplicaId": -1})


def epoch_end(b, v, what, topic, epoch, *, current=-1, partition=0, replica=-1):
    fields = {"Topics": [{"Topic": topic, "Partitions": [
        {"Partition": partition, "CurrentLeaderEpoch": current, "LeaderEpoch": epoch}]}]}
    b.call(what, "OffsetForLeaderEpoch", v, {**fields, **({"ReplicaId": replica} if v >= 3 else {})})


@each("OffsetForLeaderEpoch")
def epoch_ends(b, v):
    t = b.topic("t")
    epoch_end(b, v, "epoch 0 of an empty log", t, 0)
    epoch_end(b, v, "epoch 0 of an empty log, current", t, 0, current=0)
    fill(b, t, 2)
    for epoch in (0, 1, 9, -1, -2):
        epoch_end(b, v, f"epoch {epoch}", t, epoch)
    epoch_end(b, v, "an epoch to come", t, 0, current=5)
    epoch_end(b, v, "no such partition", t, 0, partition=9)
    epoch_end(b, v, "no such topic", b.name("none"), 0)
    epoch_end(b, v, "a replica", t, 0, replica=1)
    epoch_end(b, v, "a replica that is none", t, 0, replica=9)


@each("DeleteRecords")
def deleting(b, v):
    t = b.topic("t", partitions=2)
    fill(b, t, 4)

    def one(what, offset, partition=0, topic=t):
        rows = [{"PartitionIndex": partition, "Offset": offset}]
        b.call(what, "DeleteRecords", v, {"Topics": [{"Name": topic, "Partitions": rows}], "TimeoutMs": 5000})

    one("to 0", 0)
    one("to 2", 2)
    one("back to 1", 1)
    one("beyond the end", 9)
    one("-2", -2)
    one("all", -1)
    one("all of an empty one", -1, partition=1)
    one("no such partition", 0, partition=7)
    one("no such topic", 0, topic=b.name("none"))
    c = b.topic("c", cleanup_policy="compact")
    one("a compacted topic", -1, topic=c)
    b.internal_topic()
    one("an internal topic", 0, topic="__consumer_offsets")
    b.call("no topics", "DeleteRecords", v, {"TimeoutMs": 100})
