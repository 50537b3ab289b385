"""What a request names twice: a partition, a topic, a group, a resource, a setting. Which of the two counts, and how often is it told of?"""

from .cases import each, edges
from .cases_configs import BROKER, GROUP, TOPIC, described
from .cases_fetch import fill
from .cases_groups import ready
from .cases_share import ACCEPT, REJECT, RELEASE, Reader, acks, join, share_group
from .cases_transactions import Txn, added, patiently, stored


# ---- offsets ----

def at(index, offset, metadata=""):
    return {"PartitionIndex": index, "CommittedOffset": offset, "CommittedMetadata": metadata}


def committed_rows(b, v, topic, *rows):
    return {**b.by(topic, v < 10), "Partitions": list(rows)}


@each("OffsetCommit")
def committing(b, v):
    b.internal_topic()
    g, t, u = ready(b, b.name("g")), b.topic("t", 2), b.topic("u")

    def one(what, *topics):
        b.call(what, "OffsetCommit", v, {"GroupId": g, "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": list(topics)})
        stored(b, f"{what}: what is there", g, t)

    one("a partition twice", committed_rows(b, v, t, at(0, 5), at(0, 6)))
    one("the lower one last", committed_rows(b, v, t, at(0, 8), at(0, 7)))
    one("good and bad", committed_rows(b, v, t, at(0, 9), at(0, 10, "a" * 5000)))
    one("bad and good", committed_rows(b, v, t, at(0, 11, "a" * 5000), at(0, 12)))
    one("a topic twice", committed_rows(b, v, t, at(0, 13)), committed_rows(b, v, t, at(1, 14)))
    one("a topic twice, the same of it", committed_rows(b, v, t, at(0, 15)), committed_rows(b, v, t, at(0, 16)))
    one("a topic twice, one between", committed_rows(b, v, t, at(0, 17)), committed_rows(b, v, u, at(0, 1)),
        committed_rows(b, v, t, at(1, 18)))
    one("no such partition twice", committed_rows(b, v, t, at(9, 19), at(9, 20)))
    none = b.name("none")
    one("no such topic twice", committed_rows(b, v, none, at(0, 21)), committed_rows(b, v, none, at(0, 22)))


@each("OffsetFetch")
def fetching(b, v):
    b.internal_topic()
    g, t, none = ready(b, b.name("g")), b.topic("t", partitions=2), b.name("none")
    b.ask("OffsetCommit", 7, {"GroupId": g, "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [
        committed_rows(b, 7, t, at(0, 5, "words"))]})

    def row(topic, *parts):
        return {**b.by(topic, v < 10), "PartitionIndexes": list(parts)}

    def one(what, *topics):
        b.call(what, "OffsetFetch", v, {"Groups": [{"GroupId": g, "Topics": list(topics)}]} if v >= 8 else {
            "GroupId": g, "Topics": list(topics)})

    one("a partition twice", row(t, 0, 0))
    one("a partition twice, another between", row(t, 0, 1, 0))
    one("a topic twice", row(t, 0), row(t, 1))
    one("a topic twice, the same of it", row(t, 0), row(t, 0))
    one("no such topic twice", row(none, 0), row(none, 0))
    if v >= 8:
        b.call("a group twice", "OffsetFetch", v, {"Groups": [
            {"GroupId": g, "Topics": [row(t, 0)]}, {"GroupId": g, "Topics": [row(t, 1)]}]})
        b.call("a group twice, all of it", "OffsetFetch", v, {"Groups": [{"GroupId": g, "Topics": None}] * 2})


@each("OffsetDelete")
def forgetting(b, v):
    b.internal_topic()
    g, t = ready(b, b.name("g")), b.topic("t", 2)
    b.ask("OffsetCommit", 7, {"GroupId": g, "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [
        committed_rows(b, 7, t, at(0, 5), at(1, 6))]})

    def row(*parts):
        return {"Name": t, "Partitions": [{"PartitionIndex": p} for p in parts]}

    b.call("a partition twice", "OffsetDelete", v, {"GroupId": g, "Topics": [row(0, 0)]})
    b.call("a topic twice", "OffsetDelete", v, {"GroupId": g, "Topics": [row(1), row(1)]})
    stored(b, "what is there", g, t)


# ---- transactions ----

@each("TxnOffsetCommit")
def committing_in_transactions(b, v):
    b.internal_topic()
    t, txn, g = b.topic("t", 2), Txn(b), ready(b, b.name("g"))
    if v < 5:
        patiently(b, "AddOffsetsToTxn", 3, txn.who(GroupId=g))

    def row(*rows):
        return {**b.by(t, v < 6), "Partitions": list(rows)}

    def one(what, *topics):
        b.call(what, "TxnOffsetCommit", v, txn.who(GroupId=g, Topics=list(topics)))

    one("a partition twice", row(at(0, 5), at(0, 6)))
    one("good and bad", row(at(0, 9), at(0, 10, "a" * 5000)))
    one("a topic twice", row(at(0, 13)), row(at(1, 14)))
    one("a topic twice, the same of it", row(at(0, 15)), row(at(0, 14)))
    txn.end(v=5 if v >= 5 else 4)
    stored(b, "after the commit", g, t)


@each("AddPartitionsToTxn")
def adding(b, v):
    t, u, txn = b.topic("t", 2), b.topic("u"), Txn(b)

    def row(topic, *parts):
        return {"Name": topic, "Partitions": list(parts)}

    def one(what, *topics):
        b.call(what, "AddPartitionsToTxn", v, added(v, txn.who(), list(topics)))

    patiently(b, "AddPartitionsToTxn", 3, added(3, txn.who(), [row(u, 0)]),
              lambda x: x["ResultsByTopicV3AndBelow"][0]["ResultsByPartition"][0]["PartitionErrorCode"])
    one("a partition twice", row(t, 0, 0))
    one("a topic twice", row(t, 0), row(t, 1))
    one("a topic twice, the same of it", row(t, 0), row(t, 0))
    one("a topic twice, one between", row(t, 0), row(u, 0), row(t, 1))
    one("good, and twice none", row(t, 0), row(b.name("none"), 0, 0))
    if v >= 4:
        b.call("a partition twice, verified", "AddPartitionsToTxn", v, added(v, txn.who(), [row(t, 0, 0)], verify=True))
    found = b.ask("DescribeTransactions", 0, {"TransactionalIds": [txn.id]})["TransactionStates"][0]
    b.note("what is in it", b.alike([[x["Topic"], sorted(x["Partitions"])] for x in sorted(found["Topics"], key=lambda x: x["Topic"])]))
    txn.end(False, v=4)


# ---- settings ----

@each("DescribeConfigs")
def describing(b, v):
    t = b.topic("t", retention_ms=86400000)

    def row(kind, name, *keys):
        return {"ResourceType": kind, "ResourceName": name, "ConfigurationKeys": list(keys)}

    described(b, v, "a key twice", TOPIC, t, ["retention.ms", "retention.ms"])
    described(b, v, "keys in another order", TOPIC, t, ["segment.ms", "retention.ms"])

    def one(what, *rows):
        b.call(what, "DescribeConfigs", v, {"Resources": list(rows)})

    one("a resource twice", row(TOPIC, t, "retention.ms"), row(TOPIC, t, "retention.ms"))
    one("a resource twice, another key", row(TOPIC, t, "retention.ms"), row(TOPIC, t, "segment.ms"))
    one("a resource twice, another between", row(TOPIC, t, "retention.ms"), row(BROKER, "1", "num.partitions"),
        row(TOPIC, t, "segment.ms"))
    one("a broker twice", row(BROKER, "1", "num.partitions"), row(BROKER, "1", "num.partitions"))
    one("no such topic twice", row(TOPIC, b.name("none")), row(TOPIC, b.name("none")))


@each("AlterConfigs")
def altering(b, v):
    t, u = b.topic("t"), b.topic("u")

    def row(topic, **configs):
        return {"ResourceType": TOPIC, "ResourceName": topic, "Configs": [
            {"Name": k.replace("_", "."), "Value": x} for k, x in configs.items()]}

    def one(what, *rows, **more):
        b.call(what, "AlterConfigs", v, {"Resources": list(rows), **more})
        b.pause()
        described(b, 4, f"{what}: it has", TOPIC, t, ["retention.ms", "segment.ms"])

    if v == 2:  # Kafka never answers: one version is enough to wait for
        one("a resource twice", row(t, retention_ms="1000"), row(t, segment_ms="2000"))
    twice = {"ResourceType": TOPIC, "ResourceName": t, "Configs": [
        {"Name": "retention.ms", "Value": "10000"}, {"Name": "retention.ms", "Value": "11000"}]}
    one("a key twice", twice)
    one("another, and a key twice", row(u, segment_ms="3000"), twice)
    described(b, 4, "the other has", TOPIC, u, ["segment.ms"])


@each("IncrementalAlterConfigs")
def altering_stepwise(b, v):
    t, u = b.topic("t"), b.topic("u")

    def row(topic, *configs, kind=TOPIC):
        return {"ResourceType": kind, "ResourceName": topic, "Configs": [
            {"Name": k, "ConfigOperation": op, "Value": x} for k, op, x in configs]}

    def one(what, *rows, **more):
        b.call(what, "IncrementalAlterConfigs", v, {"Resources": list(rows), **more})
        b.pause()
        described(b, 4, f"{what}: it has", TOPIC, t, ["retention.ms", "segment.ms", "cleanup.policy"])

    one("a resource twice", row(t, ("retention.ms", 0, "1000")), row(t, ("segment.ms", 0, "2000")))
    one("a resource twice, another between", row(t, ("retention.ms", 0, "3000")), row(u, ("segment.ms", 0, "4000")),
        row(t, ("segment.ms", 0, "5000")))
    one("a resource twice, to look only", row(t, ("retention.ms", 0, "6000")), row(t, ("segment.ms", 0, "7000")), ValidateOnly=True)
    one("another, and a key twice", row(u, ("retention.ms", 0, "8000")),
        row(t, ("segment.ms", 0, "9000"), ("segment.ms", 0, "10000")))
    one("a key twice, the same value", row(t, ("segment.ms", 0, "9500"), ("segment.ms", 0, "9500")))
    one("appended twice", row(t, ("cleanup.policy", 2, "compact"), ("cleanup.policy", 2, "delete")))
    one("a group twice", row(b.name("g"), ("consumer.session.timeout.ms", 0, "50000"), kind=GROUP),
        row(b.name("g"), ("consumer.session.timeout.ms", 0, "51000"), kind=GROUP))
    one("a broker twice", row("1", kind=BROKER), row("1", kind=BROKER))
    described(b, 4, "the other has", TOPIC, u, ["retention.ms", "segment.ms"])


# ---- topics ----

@each("DeleteTopics")
def deleting(b, v):
    t, u, w = b.topic("t"), b.topic("u"), b.topic("w")

    def one(what, *rows):
        b.call(what, "DeleteTopics", v, {"Topics": list(rows), "TimeoutMs": 10000} if v >= 6 else {
            "TopicNames": [x["Name"] for x in rows], "TimeoutMs": 10000})

    none = b.name("none")
    one("none twice", {"Name": none}, {"Name": none})
    one("twice, and another", {"Name": t}, {"Name": t}, {"Name": u})
    one("three times", {"Name": w}, {"Name": w}, {"Name": w})
    if v >= 6:
        by_id = {"Name": None, "TopicId": b.ids[t]}
        one("an id twice", by_id, by_id)
        one("by id and by name", by_id, {"Name": t})
        one("an id that nobody has, twice", *[{"Name": None, "TopicId": b"\x55" * 16}] * 2)
    b.pause()
    found = b.ask("Metadata", 12, {"Topics": [{"Name": x} for x in (t, u, w)], "AllowAutoTopicCreation": False})
    b.note("what is there", b.alike([[x["Name"], x["ErrorCode"]] for x in found["Topics"]]))


@each("CreatePartitions")
def growing(b, v):
    t, u, none = b.topic("t"), b.topic("u"), b.name("none")

    def one(what, *rows, **more):
        b.call(what, "CreatePartitions", v, {"TimeoutMs": 10000, "Topics": [
            {"Name": name, "Count": n, "Assignments": None} for name, n in rows], **more})

    one("twice the same", (t, 2), (t, 2))
    one("twice, and another", (t, 3), (u, 2), (t, 4))
    one("twice, to look only", (t, 5), (t, 6), ValidateOnly=True)
    one("none twice", (none, 2), (none, 3))
    b.pause()
    b.call("they have", "DescribeTopicPartitions", 0, {"Topics": [{"Name": t}, {"Name": u}]})


@each("DescribeTopicPartitions")
def describing_partitions(b, v):
    t, u, none = b.topic("t", partitions=2), b.topic("u"), b.name("none")

    def one(what, *names, **more):
        b.call(what, "DescribeTopicPartitions", v, {"Topics": [{"Name": n} for n in names], **more})

    one("another between", t, u, t)
    one("none twice", none, none)
    one("a wrong name twice", "a/b", "a/b")
    one("twice, limit 3", t, t, ResponsePartitionLimit=3)
    one("twice, from 1", t, t, Cursor={"TopicName": t, "PartitionIndex": 1})


@edges("DeleteGroups")
def deleting_groups(b, v):
    b.internal_topic()
    g, t = ready(b, b.name("g")), b.topic("t")
    b.ask("OffsetCommit", 7, {"GroupId": g, "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [
        committed_rows(b, 7, t, at(0, 5))]})
    b.call("twice", "DeleteGroups", v, {"GroupsNames": [g, g]})


# ---- share groups ----

@each("ShareFetch")
def sharing(b, v):
    g, t = share_group(b), b.topic("t")
    fill(b, t, 12)
    join(b, g, [t], 1)
    r = Reader(b, g, v)
    r.acquire("begins", t, MaxRecords=6, BatchSize=6)

    def part(index, *rows):
        return {"PartitionIndex": index, "AcknowledgementBatches": list(rows)}

    def topic(name, *parts):
        return {"TopicId": b.ids[name], "Partitions": list(parts)}

    def one(what, *topics, **more):
        r.went_on(b.call(what, "ShareFetch", v, {**r.row(None, {}, MaxRecords=1, BatchSize=1, **more), "Topics": list(topics)}))

    one("a partition twice", topic(t, part(0), part(0)))
    one("a partition twice, acknowledged in both", topic(t, part(0, acks(0, 0, ACCEPT)), part(0, acks(1, 1, ACCEPT))))
    one("the same record in both", topic(t, part(0, acks(2, 2, ACCEPT)), part(0, acks(2, 2, REJECT))))
    one("a topic twice", topic(t, part(0)), topic(t, part(0)))
    one("a topic twice, acknowledged in both", topic(t, part(0, acks(3, 3, RELEASE))), topic(t, part(0, acks(4, 4, ACCEPT))))
    one("then")
    r.epoch = 0
    one("begins anew, a partition twice", topic(t, part(0), part(0)))


@each("ShareAcknowledge")
def acknowledging(b, v):
    g, t = share_group(b), b.topic("t")
    fill(b, t, 12)
    join(b, g, [t], 1)
    r = Reader(b, g, v)
    r.acquire("begins", t, MaxRecords=8, BatchSize=8)

    def part(*rows):
        return {"PartitionIndex": 0, "AcknowledgementBatches": list(rows)}

    def one(what, *topics):
        r.went_on(b.call(what, "ShareAcknowledge", v, {"GroupId": g, "MemberId": r.member, "ShareSessionEpoch": r.epoch,
                                                       "Topics": [{"TopicId": b.ids[name], "Partitions": parts} for name, parts in topics]}))

    one("a partition twice", (t, [part(acks(0, 0, ACCEPT)), part(acks(1, 1, ACCEPT))]))
    one("the same record in both", (t, [part(acks(2, 2, ACCEPT)), part(acks(2, 2, REJECT))]))
    one("good and bad", (t, [part(acks(3, 3, ACCEPT)), part(acks(100, 100, ACCEPT))]))
    one("bad and good", (t, [part(acks(101, 101, ACCEPT)), part(acks(4, 4, ACCEPT))]))
    one("a topic twice", (t, [part(acks(5, 5, RELEASE))]), (t, [part(acks(6, 6, ACCEPT))]))
    one("three times", (t, [part(acks(7, 7, RELEASE)), part(acks(5, 5, ACCEPT))]), (t, [part(acks(7, 7, ACCEPT))]))
    r.acquire("what was given back, and more", t)
