"""Transactions: who may begin one, add to it and end it, what is said of it; with every name, id and epoch that is wrong."""

import time

from . import records, schema
from .broker import ANSWER_LIMIT_S
from .cases import each, once
from .cases_consumers import beat
from .cases_groups import Group, ready
from .records import altered, sequenced

WAIT = ("COORDINATOR_LOAD_IN_PROGRESS", "COORDINATOR_NOT_AVAILABLE", "NOT_COORDINATOR", "CONCURRENT_TRANSACTIONS")
TIMEOUT_MS = 60000
GONE = 1 << 40  # a producer id that nobody has


def error(found, field="ErrorCode"):
    return schema.error_names().get(found[field], found[field])


def patiently(b, name, v, fields, code=lambda found: found["ErrorCode"]):
    """The first answer that is not about what passes."""
    end = time.monotonic() + ANSWER_LIMIT_S
    while True:
        found = b.ask(name, v, fields)
        if time.monotonic() > end or found and schema.error_names().get(code(found)) not in WAIT:
            return found
        if name == "InitProducerId":
            b.ask("FindCoordinator", 2, {"Key": fields["TransactionalId"], "KeyType": 1})
        time.sleep(0.05)


class Txn:
    """A transactional id, and who its producer is at present."""

    def __init__(self, b, word="id", timeout=TIMEOUT_MS):
        self.b, self.id, self.timeout, self.sequence = b, b.name(word), timeout, 0
        self.init()

    def init(self, timeout=None):
        found = patiently(self.b, "InitProducerId", 4, {
            "TransactionalId": self.id, "TransactionTimeoutMs": timeout or self.timeout, "ProducerId": -1, "ProducerEpoch": -1})
        self.take(found)

    def take(self, found):
        if (found["ProducerId"], found["ProducerEpoch"]) != (getattr(self, "pid", None), getattr(self, "epoch", None)):
            self.sequence = 0
        self.pid, self.epoch = found["ProducerId"], found["ProducerEpoch"]

    def who(self, **more):
        return {"TransactionalId": self.id, "ProducerId": self.pid, "ProducerEpoch": self.epoch, **more}

    def add(self, topic, partitions=(0,), v=3):
        """As a client of version 1 does."""
        row = added(v, self.who(), [{"Name": topic, "Partitions": list(partitions)}])
        patiently(self.b, "AddPartitionsToTxn", v, row,
                  lambda x: x["ResultsByTopicV3AndBelow"][0]["ResultsByPartition"][0]["PartitionErrorCode"])

    def write(self, topic, what=None, v=12, partition=0, epoch=None):
        """From version 12 on the broker adds the partition (KIP-890)."""
        data = altered(sequenced(self.pid, self.epoch if epoch is None else epoch, self.sequence), (records.ATTRIBUTES, 0x10))
        row = {"TransactionalId": self.id, "Acks": -1, "TimeoutMs": 5000,
               "TopicData": [{**self.b.by(topic, v < 13), "PartitionData": [{"Index": partition, "Records": data}]}]}
        found = patiently(self.b, "Produce", v, row, lambda x: x["Responses"][0]["PartitionResponses"][0]["ErrorCode"])
        if not found["Responses"][0]["PartitionResponses"][0]["ErrorCode"]:
            self.sequence += 1
        if what:
            self.b.note(what, self.b.alike(found))

    def end(self, commit=True, v=5):
        found = patiently(self.b, "EndTxn", v, self.who(Committed=commit))
        if v >= 5 and not found["ErrorCode"]:
            self.take(found)
        self.settle()
        return found

    def settle(self):
        """Until every marker is written."""
        while self.state().startswith("Prepare"):
            time.sleep(0.02)

    def state(self):
        return self.b.ask("DescribeTransactions", 0, {"TransactionalIds": [self.id]})["TransactionStates"][0]["TransactionState"]


def added(v, who, topics, verify=False):
    """A request of a client, or (from version 4 on) of a broker."""
    if v >= 4:
        return {"Transactions": [{**who, "VerifyOnly": verify, "Topics": topics}]}
    return {"V3AndBelowTopics": topics, **{f"V3AndBelow{k}": x for k, x in who.items()}}


# ---- InitProducerId ----

@each("InitProducerId")
def beginning(b, v):
    t = Txn(b)

    def one(what, name=t.id, timeout=TIMEOUT_MS, **more):
        return b.call(what, "InitProducerId", v, {"TransactionalId": name, "TransactionTimeoutMs": timeout, **more})

    one("again")
    one("and again")
    one("an empty name", name="")
    one("no time-out", timeout=0)
    one("a negative time-out", timeout=-1)
    one("the longest time-out", timeout=900000)
    one("too long a time-out", timeout=900001)
    if v < 3:
        return
    t.init()

    def goes_on(what, pid, epoch, **more):
        return one(what, ProducerId=pid, ProducerEpoch=epoch, **more)

    goes_on("goes on", t.pid, t.epoch)
    goes_on("goes on once more, unheard", t.pid, t.epoch)
    goes_on("goes on from before that", t.pid, t.epoch - 1)
    goes_on("goes on from the first", t.pid, 0)
    goes_on("goes on from what is to come", t.pid, t.epoch + 5)
    goes_on("another one's id", GONE, 0)
    goes_on("an id alone", t.pid, -1)
    goes_on("an epoch alone", -1, 3)
    goes_on("negative both", -2, -2)
    goes_on("the greatest epoch", t.pid, 32767)
    goes_on("a new name with an id", GONE, 7, name=b.name("other"))


@each("InitProducerId")
def beginning_within(b, v):
    """While a transaction of its predecessor is ongoing it is aborted first."""
    topic, t = b.topic("t"), Txn(b)
    t.write(topic)
    row = {"TransactionalId": t.id, "TransactionTimeoutMs": TIMEOUT_MS}
    b.call("a new instance", "InitProducerId", v, row)
    t.settle()
    b.call("its predecessor commits", "EndTxn", 5, t.who(Committed=True))
    b.call("its predecessor aborts", "EndTxn", 5, t.who(Committed=False))
    t.write(topic, "its predecessor goes on")
    b.call("when that is aborted", "InitProducerId", v, row)
    t.init()
    t.write(topic)
    if v < 3:
        return
    b.call("it goes on", "InitProducerId", v, {**row, "ProducerId": t.pid, "ProducerEpoch": t.epoch})
    t.settle()
    b.call("it goes on then", "InitProducerId", v, {**row, "ProducerId": t.pid, "ProducerEpoch": t.epoch})
    b.call("with the epoch of the abort", "InitProducerId", v, {**row, "ProducerId": t.pid, "ProducerEpoch": t.epoch + 1})


# ---- AddPartitionsToTxn, AddOffsetsToTxn ----

@each("AddPartitionsToTxn")
def adding(b, v):
    topic, t = b.topic("t", 3), Txn(b)
    some = [{"Name": topic, "Partitions": [0]}]

    def one(what, topics=None, **more):
        b.call(what, "AddPartitionsToTxn", v, added(v, t.who(**more), some if topics is None else topics))

    one("no such id", TransactionalId=b.name("nobody"))
    one("an empty id", TransactionalId="")
    one("another producer", ProducerId=GONE)
    one("producer -1", ProducerId=-1)
    one("an epoch before", ProducerEpoch=t.epoch - 1)
    one("an epoch to come", ProducerEpoch=t.epoch + 1)
    one("no such topic", [{"Name": b.name("none"), "Partitions": [0]}])
    one("no such partition", [{"Name": topic, "Partitions": [3]}])
    one("a negative partition", [{"Name": topic, "Partitions": [-1]}])
    one("one of two does not exist", [{"Name": topic, "Partitions": [0, 9]}])
    one("two topics, one does not exist", [*some, {"Name": b.name("none"), "Partitions": [0]}])
    one("wrong in two ways", [{"Name": b.name("none"), "Partitions": [0]}], ProducerEpoch=t.epoch + 1)
    one("nothing", [])
    one("a topic without partitions", [{"Name": topic, "Partitions": []}])
    one("one")
    one("the same again")
    one("all", [{"Name": topic, "Partitions": [0, 1, 2]}])
    one("an internal one", [{"Name": "__transaction_state", "Partitions": [0]}])
    one("another producer, then", ProducerId=GONE)
    one("an epoch before, then", ProducerEpoch=t.epoch - 1)
    t.end()
    one("the epoch of the last transaction", ProducerEpoch=t.epoch - 1)
    one("the next one")


@each("AddPartitionsToTxn", 4)
def verifying(b, v):
    topic, t, other = b.topic("t", 3), Txn(b), Txn(b, "other")

    def one(what, partitions=(0,), name=topic, **more):
        b.call(what, "AddPartitionsToTxn", v,
               added(v, t.who(**more), [{"Name": name, "Partitions": list(partitions)}], verify=True))

    one("without transaction")
    t.add(topic)
    one("what it has")
    one("what it has not", [1])
    one("both", [0, 1])
    one("no such partition", [7])
    one("no such topic", name=b.name("none"))
    one("no such id", TransactionalId=b.name("nobody"))
    one("another producer", ProducerId=GONE)
    one("an epoch before", ProducerEpoch=t.epoch - 1)
    one("an epoch to come", ProducerEpoch=t.epoch + 1)
    rows = [{**x.who(), "VerifyOnly": only, "Topics": [{"Name": topic, "Partitions": [0]}]}
            for x, only in ((t, True), (other, False))]
    b.call("two transactions", "AddPartitionsToTxn", v, {"Transactions": rows})
    b.call("no transactions", "AddPartitionsToTxn", v, {"Transactions": []})
    t.end(False, v=4)
    one("after the end")


@each("AddOffsetsToTxn")
def adding_offsets(b, v):
    b.internal_topic()
    t, g = Txn(b), ready(b, b.name("g"))

    def one(what, group=g, **more):
        b.call(what, "AddOffsetsToTxn", v, t.who(GroupId=group, **more))

    one("no such id", TransactionalId=b.name("nobody"))
    one("an empty id", TransactionalId="")
    one("another producer", ProducerId=GONE)
    one("an epoch before", ProducerEpoch=t.epoch - 1)
    one("an epoch to come", ProducerEpoch=t.epoch + 1)
    one("an empty group", group="")
    one("a group that is none", group=b.name("none"))
    one("good")
    one("again")
    t.end(v=4)
    one("after the end")


# ---- TxnOffsetCommit ----

def offsets(t, group, v, topic, offset=5, partition=0, metadata="", **more):
    row = t.who(GroupId=group, Topics=[{**t.b.by(topic, v < 6), "Partitions": [
        {"PartitionIndex": partition, "CommittedOffset": offset, "CommittedMetadata": metadata}]}])
    return {**row, **more}


def stored(b, what, group, topic, stable=True):
    found = b.ask("OffsetFetch", 7, {"GroupId": group, "RequireStable": stable,
                                     "Topics": [{"Name": topic, "PartitionIndexes": [0, 1]}]})
    b.note(what, b.alike(found))


@each("TxnOffsetCommit")
def committing(b, v):
    b.internal_topic()
    topic, t, g = b.topic("t", 2), Txn(b), ready(b, b.name("g"))

    def one(what, **more):
        b.call(what, "TxnOffsetCommit", v, {**offsets(t, g, v, topic), **more})

    if v < 5:
        one("before the group is added")
        patiently(b, "AddOffsetsToTxn", 3, t.who(GroupId=g))
    one("good")
    stored(b, "while it is open", g, topic)
    stored(b, "while it is open, whatever is stable", g, topic, False)
    one("again")
    one("no such id", TransactionalId=b.name("nobody"))
    one("an empty id", TransactionalId="")
    one("another producer", ProducerId=GONE)
    one("an epoch before", ProducerEpoch=t.epoch - 1)
    one("an epoch to come", ProducerEpoch=t.epoch + 1)
    one("an empty group", GroupId="")
    one("no topics", Topics=[])
    b.call("no such partition", "TxnOffsetCommit", v, offsets(t, g, v, topic, partition=2))
    b.call("no such topic", "TxnOffsetCommit", v, offsets(t, g, v, b.name("none")))
    b.call("a negative offset", "TxnOffsetCommit", v, offsets(t, g, v, topic, offset=-7, partition=1))
    b.call("a long note", "TxnOffsetCommit", v, offsets(t, g, v, topic, metadata="x" * 4096, partition=1))
    b.call("too long a note", "TxnOffsetCommit", v, offsets(t, g, v, topic, metadata="x" * 4097, partition=1))
    b.call("the null note", "TxnOffsetCommit", v, offsets(t, g, v, topic, metadata=None, partition=1))
    if v >= 3:
        one("of a generation, in an empty group", GenerationIdOrMemberEpoch=1)
        one("of a member, in an empty group", GenerationIdOrMemberEpoch=1, MemberId="m")
        one("of an instance, in an empty group", GroupInstanceId="i")
    t.end(v=5 if v >= 5 else 4)
    stored(b, "after the commit", g, topic)
    b.call("the epoch of the last transaction", "TxnOffsetCommit", v,
           offsets(t, g, v, topic, ProducerEpoch=t.epoch - (v >= 5)))
    if v < 5:
        patiently(b, "AddOffsetsToTxn", 3, t.who(GroupId=g))
    b.call("another offset", "TxnOffsetCommit", v, offsets(t, g, v, topic, offset=9))
    t.end(False, v=5 if v >= 5 else 4)
    stored(b, "after an abort", g, topic)


@each("TxnOffsetCommit", 3)
def of_members(b, v):
    """Whose generation is over is refused (KIP-447)."""
    b.internal_topic()
    topic, t = b.topic("t"), Txn(b)
    g = Group(b)
    g.join(a=["range"])
    assigned = [{"MemberId": g.ids["a"], "Assignment": b"all"}]
    g.link("a").ask("SyncGroup", 5, {"GroupId": g.name, "GenerationId": 1, "MemberId": g.ids["a"],
                                     "ProtocolType": "consumer", "ProtocolName": "range", "Assignments": assigned})

    def one(what, generation, member, **more):
        if v < 5:
            patiently(b, "AddOffsetsToTxn", 3, t.who(GroupId=g.name))
        b.call(what, "TxnOffsetCommit", v, offsets(t, g.name, v, topic, GenerationIdOrMemberEpoch=generation,
                                                   MemberId=member, **more))

    one("a member", 1, g.ids["a"])
    one("a generation that is over", 0, g.ids["a"])
    one("a generation to come", 2, g.ids["a"])
    one("generation -1", -1, g.ids["a"])
    one("nobody", 1, "nobody")
    one("nobody, generation -1", -1, "nobody")
    one("from outside", -1, "")
    one("a generation of nobody", 1, "")
    one("an instance that is none", 1, g.ids["a"], GroupInstanceId="i")
    g.end()


@each("TxnOffsetCommit", 3)
def of_consumers(b, v):
    """The same with member epochs (KIP-848)."""
    b.internal_topic()
    topic, t = b.topic("t"), Txn(b)
    g = ready(b, b.name("g"))
    epoch = b.ask("ConsumerGroupHeartbeat", 1, beat(g, "m", 0, [topic]))["MemberEpoch"]

    def one(what, epoch, member, **more):
        if v < 5:
            patiently(b, "AddOffsetsToTxn", 3, t.who(GroupId=g))
        b.call(what, "TxnOffsetCommit", v, offsets(t, g, v, topic, GenerationIdOrMemberEpoch=epoch, MemberId=member, **more))

    one("a member", epoch, "m")
    one("an epoch that is over", epoch - 1, "m")
    one("epoch 0", 0, "m")
    one("an epoch to come", epoch + 1, "m")
    one("epoch -1", -1, "m")
    one("nobody", epoch, "nobody")
    one("nobody, epoch -1", -1, "nobody")
    one("from outside", -1, "")
    one("an epoch of nobody", epoch, "")
    b.ask("ConsumerGroupHeartbeat", 1, beat(g, "m", -1))
    one("a member that has left", epoch, "m")
    one("from outside, then", -1, "")


# ---- EndTxn ----

@each("EndTxn")
def ending(b, v):
    topic, t = b.topic("t"), Txn(b)

    def one(what, commit=True, **more):
        return b.call(what, "EndTxn", v, t.who(Committed=commit, **more))

    def begin():
        t.init()
        if v < 5:
            t.add(topic)
        t.write(topic, v=12 if v >= 5 else 11)

    one("no such id", TransactionalId=b.name("nobody"))
    one("an empty id", TransactionalId="")
    one("another producer", ProducerId=GONE)
    one("an epoch before", ProducerEpoch=t.epoch - 1)
    one("an epoch to come", ProducerEpoch=t.epoch + 1)
    one("a commit of nothing")
    one("an abort of nothing", False)
    for commit in (True, False):
        word = "commit" if commit else "abort"
        begin()
        one(f"{word}: another producer", ProducerId=GONE)
        one(f"{word}: an epoch before", ProducerEpoch=t.epoch - 1)
        one(f"{word}: an epoch to come", ProducerEpoch=t.epoch + 1)
        one(word, commit)
        t.settle()
        one(f"{word} again", commit)
        t.settle()
        one(f"{word}: the other end", not commit)
        t.settle()
        one(f"{word}: from two epochs before", commit, ProducerEpoch=t.epoch - 2)
    b.call("what is in the log", "ListOffsets", 6, {"ReplicaId": -1, "IsolationLevel": 1, "Topics": [
        {"Name": topic, "Partitions": [{"PartitionIndex": 0, "Timestamp": -1}]}]})


@once
def epochs(b):
    """By version 2 each end gives the producer its next epoch; what names the one before is late."""
    topic, t = b.topic("t"), Txn(b)
    for n in range(3):
        t.write(topic)
        b.note(f"end {n}", b.alike(t.end(n != 1)))
    t.write(topic, "an older epoch", epoch=t.epoch - 1)
    t.write(topic, "an epoch to come", epoch=t.epoch + 1)
    t.write(topic, "the present epoch")
    b.call("the last end, late", "EndTxn", 5, {**t.who(Committed=True), "ProducerEpoch": t.epoch - 1})
    b.call("another end, late", "EndTxn", 5, {**t.who(Committed=False), "ProducerEpoch": t.epoch - 1})
    b.note("what became of it", t.state())


@once
def unverified(b):
    """A client of version 1 that writes before it has added."""
    topic, t = b.topic("t", 2), Txn(b)
    t.write(topic, "before it is added", v=11)
    t.add(topic)
    t.write(topic, "after it was added", v=11)
    t.write(topic, "to another partition", v=11, partition=1)


# ---- WriteTxnMarkers ----

def marker(t, topic, partitions=(0,), commit=True, **more):
    return {"ProducerId": t.pid, "ProducerEpoch": t.epoch, "TransactionResult": commit, "CoordinatorEpoch": 0,
            "TransactionVersion": 0, "Topics": [{"Name": topic, "PartitionIndexes": list(partitions)}], **more}


@each("WriteTxnMarkers")
def markers(b, v):
    topic, t = b.topic("t", 2), Txn(b)
    t.init()
    t.write(topic)

    def one(what, *rows, **more):
        b.call(what, "WriteTxnMarkers", v, {"Markers": list(rows) or [marker(t, topic, **more)]})

    b.call("none", "WriteTxnMarkers", v, {"Markers": []})
    one("no such partition", partitions=[2])
    one("a negative partition", partitions=[-1])
    one("one of two does not exist", partitions=[1, 5])
    one("no such topic", marker(t, b.name("none")))
    one("no partitions", partitions=[])
    one("of nobody", partitions=[1], ProducerId=GONE)
    one("an epoch before", ProducerEpoch=t.epoch - 1)
    one("epoch -1, of nobody", partitions=[1], ProducerId=GONE, ProducerEpoch=-1)
    one("coordinator epoch -1", partitions=[1], ProducerId=GONE + 2, CoordinatorEpoch=-1)
    if v >= 2:
        one("version 2, of the records' epoch", TransactionVersion=2)
    one("two at once", marker(t, topic, [1], CoordinatorEpoch=3), marker(t, topic, [1], ProducerId=GONE + 1))
    one("an older coordinator", partitions=[1], CoordinatorEpoch=2)
    one("good", ProducerEpoch=t.epoch + 1, CoordinatorEpoch=7, TransactionVersion=2)
    one("again", ProducerEpoch=t.epoch + 1, CoordinatorEpoch=7, TransactionVersion=2)
    one("again, and an older coordinator", ProducerEpoch=t.epoch + 1, CoordinatorEpoch=6, TransactionVersion=2)
    described(b, "the producers", topic, [0, 1])
    b.call("the end", "ListOffsets", 6, {"ReplicaId": -1, "Topics": [
        {"Name": topic, "Partitions": [{"PartitionIndex": i, "Timestamp": -1} for i in (0, 1)]}]})


# ---- what is said of them ----

def described(b, what, topic, partitions):
    found = b.ask("DescribeProducers", 0, {"Topics": [{"Name": topic, "PartitionIndexes": list(partitions)}]})
    for p in found["Topics"][0]["Partitions"] if found["Topics"] else []:
        p["ActiveProducers"].sort(key=lambda x: x["ProducerId"])
    b.note(what, b.alike(found))


@each("DescribeProducers")
def producers(b, v):
    topic, t = b.topic("t", 3), Txn(b)
    described(b, "nobody", topic, [0])
    t.write(topic)
    described(b, "an open transaction", topic, [0, 1])
    t.write(topic)
    t.write(topic, partition=1)
    described(b, "with two batches", topic, [0, 1, 2])
    t.end()
    described(b, "after the commit", topic, [0, 1])
    t.write(topic)
    t.end(False)
    described(b, "after an abort", topic, [0])
    b.ask("Produce", 11, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [
        {"Name": topic, "PartitionData": [{"Index": 2, "Records": sequenced(t.pid + 1000000, 3, 0)}]}]})
    described(b, "an idempotent one", topic, [2])
    described(b, "no such partition", topic, [3])
    described(b, "a negative partition", topic, [-1])
    described(b, "no such topic", b.name("none"), [0])
    described(b, "no partitions", topic, [])
    described(b, "a partition twice", topic, [2, 2])
    b.call("no topics", "DescribeProducers", v, {"Topics": []})


@each("DescribeTransactions")
def described_by_id(b, v):
    topic, t = b.topic("t", 2), Txn(b)

    def one(what, *ids):
        b.call(what, "DescribeTransactions", v, {"TransactionalIds": list(ids) or [t.id]})

    b.call("none", "DescribeTransactions", v, {"TransactionalIds": []})
    one("no such id", b.name("nobody"))
    one("an empty id", "")
    one("at the beginning")
    t.write(topic)
    t.write(topic, partition=1)
    one("open")
    one("twice, and another", t.id, t.id, b.name("nobody"))
    t.end()
    one("committed")
    t.write(topic)
    t.end(False)
    one("aborted")
    t.init(timeout=7777)
    one("with another time-out")
    t.add(topic)
    one("with an added partition")


@each("ListTransactions")
def listed(b, v):
    topic = b.topic("t")
    some = {word: Txn(b, word) for word in ("empty", "open", "committed", "aborted")}
    for word in ("open", "committed", "aborted"):
        some[word].write(topic)
    some["committed"].end()
    some["aborted"].end(False)
    ids = [t.pid for t in some.values()]

    def one(what, **more):
        found = b.ask("ListTransactions", v, {"StateFilters": [], "ProducerIdFilters": ids, **more})
        found["TransactionStates"].sort(key=lambda x: x["TransactionalId"])
        found["UnknownStateFilters"].sort()
        b.note(what, b.alike(found))

    one("all of these")
    one("one producer", ProducerIdFilters=ids[:1])
    one("no such producer", ProducerIdFilters=[GONE])
    one("producer -1", ProducerIdFilters=[-1])
    for state in ("Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead",
                  "PrepareEpochFence", "Bogus", "ongoing", ""):
        one(f"state {state}", StateFilters=[state])
    one("two states", StateFilters=["Ongoing", "CompleteCommit"])
    one("two states, one is none", StateFilters=["Ongoing", "Bogus"])
    one("a state twice", StateFilters=["Ongoing", "Ongoing"])
    if v >= 1:
        one("for long", DurationFilter=3600000)
        one("for no time", DurationFilter=0)
        one("duration -1", DurationFilter=-1)
        one("duration -2", DurationFilter=-2)
    if v < 2:
        return
    stem = b.name("").replace(".", "\\.")
    one("a pattern", TransactionalIdPattern=f"{stem}.*")
    one("a pattern of some", TransactionalIdPattern=f"{stem}(open|empty)")
    one("a part of a name", TransactionalIdPattern="open")
    one("a beginning", TransactionalIdPattern=stem)
    one("an alternative without bounds", TransactionalIdPattern=f"{stem}open|x")
    one("an empty pattern", TransactionalIdPattern="")
    one("no pattern", TransactionalIdPattern=None)
    one("a class", TransactionalIdPattern=f"{stem}[a-e].*")
    one("upper case", TransactionalIdPattern=f"{stem}OPEN")
    one("a malformed pattern", TransactionalIdPattern="(")
    one("another one", TransactionalIdPattern="[")
    one("a pattern and a state", TransactionalIdPattern=f"{stem}.*", StateFilters=["Ongoing"])
