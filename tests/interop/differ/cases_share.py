"""Share groups (KIP-932): members, their records and what they say of them, and what the share coordinator keeps."""

import base64
import time

from .broker import ANSWER_LIMIT_S
from .cases import each, once
from .cases_consumers import beat as consumer_beat
from .cases_fetch import fill
from .cases_groups import ready

A, B = "AAAAAAAAAAAAAAAAAAAAEQ", "AAAAAAAAAAAAAAAAAAAAIg"  # members' ids are UUIDs, which they draw themselves
ACCEPT, RELEASE, REJECT, RENEW, GAP = 1, 2, 3, 4, 0
WAIT_MS = 1000


def beat(group, member=A, epoch=0, topics=None, **more):
    return {"GroupId": group, "MemberId": member, "MemberEpoch": epoch, "RackId": None,
            "SubscribedTopicNames": topics if epoch == 0 else None, **more}


def share_group(b, word="g", **settings):
    """A name of a group that begins with the first record."""
    group = ready(b, b.name(word))
    rows = {"share.auto.offset.reset": "earliest", **{k.replace("_", "."): x for k, x in settings.items()}}
    found = b.ask("IncrementalAlterConfigs", 1, {"Resources": [
        {"ResourceType": 32, "ResourceName": group,
         "Configs": [{"Name": k, "ConfigOperation": 0, "Value": str(x)} for k, x in rows.items()]}]})
    assert not found["Responses"][0]["ErrorCode"], found
    b.pause()
    return group


def partitions_of(found):
    given = found["Assignment"] or {"TopicPartitions": []}
    return sum(len(t["Partitions"]) for t in given["TopicPartitions"])


class Member:
    """A member, and the epochs that it was told: how many there are until all is begun is Kafka's own affair."""

    def __init__(self, b, group, name=A):
        self.b, self.group, self.name, self.told = b, group, name, []

    def ask(self, row):
        found = self.b.ask("ShareGroupHeartbeat", 1, row)
        if found["MemberEpoch"] not in self.told[-1:]:
            self.told.append(found["MemberEpoch"])
        return found

    def subscribe(self, topics, wanted):
        """Kafka begins the states of the group's partitions one beat after the other; returns the last answer."""
        row = beat(self.group, self.name, self.told[-1] if self.told else 0)
        found = kept = self.ask({**row, "SubscribedTopicNames": topics})
        end = time.monotonic() + ANSWER_LIMIT_S
        while partitions_of(kept) < wanted:
            if time.monotonic() > end:
                raise RuntimeError(f"{self.group} gives {self.name} {kept}")
            time.sleep(0.2)
            found = self.ask(beat(self.group, self.name, found["MemberEpoch"]))
            kept = found if found["Assignment"] or found["ErrorCode"] else kept
        return kept

    def note(self, what, row):
        """As Broker.call, with its epoch by name."""
        found = self.b.ask("ShareGroupHeartbeat", 1, row)
        if found["MemberEpoch"] == self.told[-1]:
            found["MemberEpoch"] = "its epoch"
        self.b.note(what, self.b.alike(found))


def join(b, group, topics, wanted, member=A):
    return Member(b, group, member).subscribe(topics, wanted)


def leave(b, group, member=A):
    b.ask("ShareGroupHeartbeat", 1, beat(group, member, -1))


# ---- members ----


@each("ShareGroupHeartbeat")
def refused(b, v):
    g, t = ready(b, b.name("g")), b.topic("t", 2)

    def one(what, **more):
        b.call(what, "ShareGroupHeartbeat", v, {**beat(g, A, 0, [t]), **more})

    one("an empty group", GroupId="")
    one("a blank group", GroupId="  ")
    one("an empty member", MemberId="")
    one("a blank member", MemberId=" ")
    one("an empty rack", RackId="")
    one("no topics", SubscribedTopicNames=None)
    one("an empty list of topics", SubscribedTopicNames=[])
    one("epoch -2", MemberEpoch=-2)
    one("epoch -1 of nobody", MemberEpoch=-1)
    one("epoch 1 of nobody", MemberEpoch=1, MemberId=B)


@once
def one_member(b):
    g, t, other = share_group(b), b.topic("t", 3), b.topic("other")
    m = Member(b, g)
    b.note("joins", sorted(m.subscribe([t], 3)["Assignment"]["TopicPartitions"][0]["Partitions"]))
    found = m.subscribe([t, other], 4)
    b.note("subscribes to another", sorted(len(x["Partitions"]) for x in found["Assignment"]["TopicPartitions"]))
    epoch = m.told[-1]
    m.note("nothing new", beat(g, A, epoch))
    m.note("tells all", {**beat(g, A, epoch), "SubscribedTopicNames": [t, other]})
    m.note("an epoch to come", beat(g, A, 99))
    m.note("the epoch before", beat(g, A, m.told[-2]))
    m.note("an epoch long ago", beat(g, A, 1))
    m.note("another", beat(g, B, epoch))
    m.note("leaves", beat(g, A, -1))
    m.note("leaves again", beat(g, A, -1))
    m.note("goes on", beat(g, A, epoch))


@once
def two_members(b):
    g, t = share_group(b), b.topic("t", 4)
    join(b, g, [t], 4)
    join(b, g, [t], 1, B)
    time.sleep(1.2)
    found = b.ask("ShareGroupDescribe", 1, {"GroupIds": [g]})["Groups"][0]
    owned = [sorted(p for tp in m["Assignment"]["TopicPartitions"] for p in tp["Partitions"]) for m in found["Members"]]
    b.note("partitions, of each", sorted(len(x) for x in owned))
    leave(b, g, B)
    time.sleep(1.2)
    found = b.ask("ShareGroupDescribe", 1, {"GroupIds": [g]})["Groups"][0]
    b.note("one has left", [sorted(p for tp in m["Assignment"]["TopicPartitions"] for p in tp["Partitions"]) for m in found["Members"]])


@each("ShareGroupDescribe")
def described(b, v):
    g, t = share_group(b), b.topic("t", 2)
    other = ready(b, b.name("consumers"))
    b.call("a group that is none", "ShareGroupDescribe", v, {"GroupIds": [g]})
    b.call("an empty name", "ShareGroupDescribe", v, {"GroupIds": [""]})
    b.call("none", "ShareGroupDescribe", v, {"GroupIds": []})
    b.ask("ConsumerGroupHeartbeat", 1, consumer_beat(other, "m", 0, [t]))
    b.call("a consumer group", "ShareGroupDescribe", v, {"GroupIds": [other]})
    join(b, g, [t], 2)

    def one(what, **asked):
        found = b.ask("ShareGroupDescribe", v, asked)
        for x in found["Groups"]:
            epochs = {x.pop("GroupEpoch"), x.pop("AssignmentEpoch"), *(m.pop("MemberEpoch") for m in x["Members"])}
            x["OneEpoch"] = len(epochs) == 1
        b.note(what, b.alike(found))

    one("one, with what may be done to it", GroupIds=[g], IncludeAuthorizedOperations=True)
    one("twice", GroupIds=[g, g])
    b.call("as a consumer group", "ConsumerGroupDescribe", 1, {"GroupIds": [g]})
    b.call("as a classic one", "DescribeGroups", 6, {"Groups": [g]})
    leave(b, g)
    one("without members", GroupIds=[g])


@once
def kinds(b):
    """Requests of other kinds to a share group, and the other way round."""
    g, t = share_group(b), b.topic("t", 2)
    other = ready(b, b.name("consumers"))
    b.ask("ConsumerGroupHeartbeat", 1, consumer_beat(other, "m", 0, [t]))
    join(b, g, [t], 2)
    b.call("a share member in a consumer group", "ShareGroupHeartbeat", 1, beat(other, A, 0, [t]))
    b.call("a consumer in it", "ConsumerGroupHeartbeat", 1, consumer_beat(g, "m", 0, [t]))
    b.call("a classic one in it", "JoinGroup", 9, {
        "GroupId": g, "SessionTimeoutMs": 30000, "RebalanceTimeoutMs": 20000, "MemberId": "", "ProtocolType": "consumer",
        "Protocols": [{"Name": "range", "Metadata": b""}]})
    b.call("a classic heartbeat", "Heartbeat", 4, {"GroupId": g, "GenerationId": 2, "MemberId": A})
    b.call("a commit", "OffsetCommit", 9, {"GroupId": g, "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [
        {"Name": t, "Partitions": [{"PartitionIndex": 0, "CommittedOffset": 5, "CommittedMetadata": ""}]}]})
    b.call("a look at its offsets", "OffsetFetch", 9, {"Groups": [{"GroupId": g, "MemberId": None, "MemberEpoch": -1, "Topics": None}]})
    b.call("deleting its offsets", "OffsetDelete", 0, {"GroupId": g, "Topics": [{"Name": t, "Partitions": [{"PartitionIndex": 0}]}]})
    for asked in ({"TypesFilter": ["share"]}, {"TypesFilter": ["SHARE"], "StatesFilter": ["stable"]}, {"StatesFilter": ["Stable"]},
                  {"TypesFilter": ["consumer"]}, {"TypesFilter": ["classic", "share"], "StatesFilter": ["Empty"]}):
        found = b.ask("ListGroups", 5, asked)
        b.note(f"listed with {asked}", b.alike([x for x in found["Groups"] if x["GroupId"] in (g, other)]))
    b.call("deleting it", "DeleteGroups", 2, {"GroupsNames": [g]})
    leave(b, g)
    found = b.ask("ListGroups", 5, {"TypesFilter": ["share"], "StatesFilter": ["Empty"]})
    b.note("listed without members", b.alike([x for x in found["Groups"] if x["GroupId"] == g]))
    b.call("deleting it, without members", "DeleteGroups", 2, {"GroupsNames": [g]})
    b.call("deleting it again", "DeleteGroups", 2, {"GroupsNames": [g]})


# ---- records ----


class Reader:
    """A member's session with the leader of its partitions."""

    def __init__(self, b, group, v=1, member=A):
        self.b, self.group, self.v, self.member, self.epoch = b, group, v, member, 0

    def row(self, topic, parts, **more):
        topics = [{"TopicId": self.b.ids.get(topic, b"\x77" * 16), "Partitions": [
            {"PartitionIndex": p, "AcknowledgementBatches": acks} for p, acks in parts.items()]}] if parts else []
        return {"GroupId": self.group, "MemberId": self.member, "ShareSessionEpoch": self.epoch, "MaxWaitMs": 0, "MinBytes": 0,
                "MaxBytes": 1 << 20, "MaxRecords": 500, "BatchSize": 500, "Topics": topics, "ForgottenTopicsData": [], **more}

    def fetch(self, what, topic=None, parts=None, **more):
        found = self.b.call(what, "ShareFetch", self.v, self.row(topic, parts or {}, **more))
        return self.went_on(found)

    def acknowledge(self, what, topic=None, parts=None, **more):
        row = {k: x for k, x in self.row(topic, parts or {}, **more).items()
               if k in ("GroupId", "MemberId", "ShareSessionEpoch", "Topics", "IsRenewAck")}
        return self.went_on(self.b.call(what, "ShareAcknowledge", self.v, row))

    def went_on(self, found):
        if found and not found["ErrorCode"]:
            self.epoch += 1
        return found

    def acquire(self, what, topic, n=None, **more):
        """The leader begins with a partition when it is first asked for; asks until records come, and writes that answer down."""
        end, parts = time.monotonic() + ANSWER_LIMIT_S, {0: []} if self.epoch == 0 else {}
        while time.monotonic() < end:
            found = self.went_on(self.b.ask("ShareFetch", self.v, self.row(topic, parts, MaxWaitMs=WAIT_MS, MinBytes=1, **more)))
            parts = {}
            if not found or found["ErrorCode"]:
                break
            rows = [p for t in found["Responses"] for p in t["Partitions"]]
            if any(p["ErrorCode"] or p["AcquiredRecords"] for p in rows):
                break
        self.b.note(what, self.b.alike(found) if found else "closed")
        return found


def acks(first, last, *kinds):
    return {"FirstOffset": first, "LastOffset": last, "AcknowledgeTypes": list(kinds)}


@each("ShareFetch")
def sessions(b, v):
    g, t = share_group(b), b.topic("t", 2)
    fill(b, t, 2)
    join(b, g, [t], 2)
    r = Reader(b, g, v)
    r.epoch = 1
    r.fetch("goes on without a session", t, {0: []})
    r.epoch = -1
    r.fetch("ends one that is none", t, {0: []})
    r.epoch = 0
    r.fetch("begins with an acknowledgement", t, {0: [acks(0, 0, ACCEPT)]})
    r.epoch = 0
    r.fetch("begins, a group without a name", t, {0: []}, GroupId="")
    r.epoch = 0
    r.fetch("begins, no group", t, {0: []}, GroupId=None)
    r.epoch = 0
    r.fetch("begins, no member", t, {0: []}, MemberId=None)
    r.epoch = 0
    r.fetch("begins, an empty member", t, {0: []}, MemberId="")
    r.epoch = -2
    r.fetch("epoch -2", t, {0: []})
    r.epoch = 0
    r.acquire("begins", t)
    at = r.epoch
    r.fetch("nothing new", MaxWaitMs=0)
    r.epoch = at
    r.fetch("the same epoch again")
    r.epoch = at + 7
    r.fetch("an epoch to come")
    r.epoch = at + 1
    r.fetch("no such partition", t, {5: []})
    r.fetch("partition -1", t, {-1: []})
    r.fetch("no such topic", b.name("none"), {0: []})
    r.fetch("no records", MaxRecords=0)
    r.fetch("-1 records", MaxRecords=-1)
    r.fetch("batches of 0", BatchSize=0)
    r.fetch("no bytes", MaxBytes=0)
    r.fetch("-1 bytes", MaxBytes=-1)
    r.fetch("a negative wait", MaxWaitMs=-1)
    r.fetch("forgets what it did not ask for", ForgottenTopicsData=[{"TopicId": b.ids[t], "Partitions": [1]}])
    end = r.epoch
    r.epoch = -1
    r.fetch("ends", t, {0: [acks(0, 1, ACCEPT)]})
    r.epoch = -1
    r.fetch("ends again", t, {0: []})
    r.epoch = end
    r.fetch("goes on, then")
    fill(b, t, 1)
    Reader(b, g, v, "m").acquire("a member that is no UUID", t)


@each("ShareFetch")
def shares(b, v):
    """What one is given, two are not."""
    g, t = share_group(b), b.topic("t")
    fill(b, t, 4)
    join(b, g, [t], 1)
    one, two = Reader(b, g, v), Reader(b, g, v, B)
    one.acquire("the first", t, MaxRecords=2, BatchSize=1)
    two.acquire("the second", t)
    one.fetch("the first, of its own", MaxRecords=10)
    one.fetch("accepts with its fetch", t, {0: [acks(0, 0, ACCEPT)]})
    one.fetch("accepts it again", t, {0: [acks(0, 0, ACCEPT)]})
    one.fetch("accepts what the other has", t, {0: [acks(2, 3, ACCEPT)]})
    two.acknowledge("gives back", t, {0: [acks(2, 3, RELEASE)]})
    one.acquire("the first is given it", t)
    two.epoch = -1
    two.fetch("the second ends", t, {0: []})


@each("ShareFetch", 2)
def strict(b, v):
    """No more than so many records (KIP-1206)."""
    g, t = share_group(b), b.topic("t")
    fill(b, t, 1, values=[b"%d" % i for i in range(5)])
    join(b, g, [t], 1)
    r = Reader(b, g, v)
    r.acquire("two of five", t, MaxRecords=2, BatchSize=2, ShareAcquireMode=1)
    r.fetch("the next two", MaxRecords=2, BatchSize=1, ShareAcquireMode=1)
    r.fetch("a mode that is none", MaxRecords=2, ShareAcquireMode=7)


@each("ShareFetch")
def whole_batches(b, v):
    g, t = share_group(b), b.topic("t")
    fill(b, t, 1, values=[b"%d" % i for i in range(5)])
    fill(b, t, 1, values=[b"%d" % i for i in range(3)])
    join(b, g, [t], 1)
    r = Reader(b, g, v)
    r.acquire("two records are wanted", t, MaxRecords=2, BatchSize=2)
    r.fetch("the next two", MaxRecords=2, BatchSize=2)


@each("ShareAcknowledge")
def acknowledges(b, v):
    g, t = share_group(b), b.topic("t", 2)
    fill(b, t, 12)
    join(b, g, [t], 2)
    r = Reader(b, g, v)
    r.epoch = 0
    r.acknowledge("without a session, epoch 0", t, {0: [acks(0, 0, ACCEPT)]})
    r.epoch = 1
    r.acknowledge("without a session", t, {0: [acks(0, 0, ACCEPT)]})
    r.epoch = 0
    r.acquire("begins", t, MaxRecords=6, BatchSize=6)

    def one(what, *rows, partition=0, topic=t, **more):
        r.acknowledge(what, topic, {partition: list(rows)}, **more)

    one("accepts one", acks(0, 0, ACCEPT))
    one("accepts it again", acks(0, 0, ACCEPT))
    one("a type that is none", acks(1, 1, 9))
    one("a negative type", acks(1, 1, -1))
    one("two types for one record", acks(1, 1, ACCEPT, ACCEPT))
    one("two types for three records", acks(1, 3, ACCEPT, ACCEPT))
    one("no type", acks(1, 1))
    one("from its end to its beginning", acks(2, 1, ACCEPT))
    one("twice in one request", acks(1, 2, ACCEPT), acks(2, 3, ACCEPT))
    one("in the wrong order", acks(3, 3, ACCEPT), acks(1, 1, ACCEPT))
    one("what was not given", acks(6, 7, ACCEPT))
    one("more than was given", acks(5, 7, ACCEPT))
    one("far behind the end", acks(1000, 1001, ACCEPT))
    one("nothing")
    one("a partition without a session", acks(0, 0, ACCEPT), partition=1)
    one("no such partition", acks(0, 0, ACCEPT), partition=7)
    one("no such topic", acks(0, 0, ACCEPT), topic=b.name("none"))
    one("each another", acks(1, 3, ACCEPT, RELEASE, REJECT))
    one("a gap", acks(4, 4, GAP))
    one("renews", acks(5, 5, RENEW))
    if v >= 2:
        one("renews, and says so", acks(5, 5, RENEW), IsRenewAck=True)
        one("says so, and accepts", acks(5, 5, ACCEPT), IsRenewAck=True)
    at = r.epoch
    r.epoch = at + 3
    one("an epoch to come", acks(5, 5, ACCEPT))
    r.epoch = at - 1
    one("an epoch that was", acks(5, 5, ACCEPT))
    r.epoch = at
    r.acquire("what was given back, and more", t)
    b.note("start", start_of(b, g, t))
    r.epoch = -1
    one("accepts and ends", acks(5, 5, ACCEPT))
    r.epoch = at
    one("goes on, then", acks(6, 6, ACCEPT))
    b.note("start, then", start_of(b, g, t))
    r.epoch = 0
    r.acquire("begins again", t)
    one("a negative offset", acks(-1, 1, ACCEPT))


def start_of(b, group, topic):
    found = b.ask("DescribeShareGroupOffsets", 1, {"Groups": [{"GroupId": group, "Topics": [{"TopicName": topic, "Partitions": [0]}]}]})
    return b.alike(found["Groups"][0])


@once
def delivered_too_often(b):
    """After five deliveries a record is archived."""
    g, t = share_group(b), b.topic("t")
    fill(b, t, 2)
    join(b, g, [t], 1)
    r = Reader(b, g)
    for i in range(5):
        r.acquire(f"delivery {i + 1}", t)
        r.acknowledge(f"gives back the first, {i + 1}", t, {0: [acks(0, 0, RELEASE)] + ([acks(1, 1, ACCEPT)] if i == 0 else [])})
    r.fetch("no more", MaxWaitMs=300)
    b.note("start", start_of(b, g, t))


@once
def session_ends(b):
    """A member's records are free when its session ends."""
    g, t = share_group(b), b.topic("t")
    fill(b, t, 1)
    join(b, g, [t], 1)
    one, two = Reader(b, g), Reader(b, g, 1, B)
    one.acquire("the first", t)
    one.epoch = -1
    one.fetch("ends without a word", t, {0: []})
    two.acquire("the second", t)
    two.acknowledge("accepts", t, {0: [acks(0, 0, ACCEPT)]})
    b.note("start", start_of(b, g, t))


# ---- what administrators ask ----


@each("DescribeShareGroupOffsets")
def offsets_described(b, v):
    g, t = share_group(b), b.topic("t", 2)
    other = ready(b, b.name("consumers"))
    fill(b, t, 3)

    def one(what, topics, group=g):
        b.call(what, "DescribeShareGroupOffsets", v, {"Groups": [{"GroupId": group, "Topics": topics}]})

    def named(*parts, topic=t):
        return [{"TopicName": topic, "Partitions": list(parts)}]

    one("a group that is none", named(0))
    one("a group that is none, all", None)
    one("an empty name", named(0), "")
    b.ask("ConsumerGroupHeartbeat", 1, consumer_beat(other, "m", 0, [t]))
    one("a consumer group", named(0), other)
    join(b, g, [t], 2)
    one("begun, not yet read", named(0, 1))
    r = Reader(b, g)
    r.acquire("reads", t, MaxRecords=2, BatchSize=1)
    r.acknowledge("accepts one", t, {0: [acks(0, 0, ACCEPT)]})
    one("one accepted", named(0))
    one("all", None)
    one("no such partition", named(7))
    one("partition -1", named(-1))
    one("no such topic", named(0, topic=b.name("none")))
    one("no topics", [])
    one("no partitions", named())
    b.call("no groups", "DescribeShareGroupOffsets", v, {"Groups": []})
    b.call("the group twice", "DescribeShareGroupOffsets", v, {"Groups": [{"GroupId": g, "Topics": named(0)}] * 2})


@once
def offsets_altered(b):
    g, t = share_group(b), b.topic("t", 2)
    other = ready(b, b.name("consumers"))
    fill(b, t, 5)

    def one(what, *rows, topic=t, group=g):
        b.call(what, "AlterShareGroupOffsets", 0, {"GroupId": group, "Topics": [
            {"TopicName": topic, "Partitions": [{"PartitionIndex": p, "StartOffset": o} for p, o in rows]}]})

    one("a group that is none", (0, 1))
    one("an empty name", (0, 1), group="")
    b.ask("ConsumerGroupHeartbeat", 1, consumer_beat(other, "m", 0, [t]))
    one("a consumer group", (0, 1), group=other)
    join(b, g, [t], 2)
    one("with members", (0, 1))
    leave(b, g)
    one("one", (0, 3))
    b.note("then (1)", start_of(b, g, t))
    one("both", (0, 1), (1, 0))
    b.note("then (2)", start_of(b, g, t))
    one("behind the end", (0, 77))
    one("-1", (0, -1))
    one("-2", (0, -2))
    b.note("then (3)", start_of(b, g, t))
    one("no such partition", (5, 0))
    one("one there, one not", (0, 2), (5, 0))
    b.note("then (4)", start_of(b, g, t))
    one("no such topic", (0, 0), topic=b.name("none"))
    one("an empty topic", (0, 0), topic="")
    one("no partitions")
    b.call("no topics", "AlterShareGroupOffsets", 0, {"GroupId": g, "Topics": []})
    one("to be read", (0, 3))
    join(b, g, [t], 2)
    Reader(b, g).acquire("reads from there", t)


@once
def offsets_deleted(b):
    g, t = share_group(b), b.topic("t", 2)
    other = ready(b, b.name("consumers"))
    fill(b, t, 5)

    def one(what, *topics, group=g):
        b.call(what, "DeleteShareGroupOffsets", 0, {"GroupId": group, "Topics": [{"TopicName": x} for x in topics]})

    one("a group that is none", t)
    one("an empty name", t, group="")
    b.ask("ConsumerGroupHeartbeat", 1, consumer_beat(other, "m", 0, [t]))
    one("a consumer group", t, group=other)
    join(b, g, [t], 2)
    one("with members", t)
    leave(b, g)
    one("no such topic", b.name("none"))
    one("no topics")
    one("all", t)
    b.note("then (5)", start_of(b, g, t))
    one("again", t)
    join(b, g, [t], 2)
    Reader(b, g).acquire("reads again", t)


# ---- what the share coordinator keeps ----


def state(b, group, topic, **row):
    return {"GroupId": group, "Topics": [{"TopicId": b.ids.get(topic, b"\x77" * 16), "Partitions": [{"Partition": 0, **row}]}]}


def await_share_coordinator(b, group, topic):
    """Waits for the coordinator of the share partition."""
    end = time.monotonic() + ANSWER_LIMIT_S
    while time.monotonic() < end:
        found = b.ask("ReadShareGroupStateSummary", 0, state(b, group, topic, LeaderEpoch=-1))
        if found and found["Results"][0]["Partitions"][0]["ErrorCode"] not in (14, 15, 16):
            return
        b.ask("FindCoordinator", 6, {"KeyType": 2, "CoordinatorKeys": [f"{group}:{_id(b, topic)}:0"]})
        time.sleep(0.1)
    raise RuntimeError("the share coordinator does not load")


def _id(b, topic):
    return base64.urlsafe_b64encode(b.ids[topic]).decode().rstrip("=")


@once
def coordinators(b):
    """Keys of share partitions."""
    g, t = ready(b, b.name("g")), b.topic("t")
    await_share_coordinator(b, g, t)
    for what, key in (("a right one", f"{g}:{_id(b, t)}:0"), ("no partition", f"{g}:{_id(b, t)}"), ("an empty group", f":{_id(b, t)}:0"),
                      ("no id", f"{g}::0"), ("a malformed id", f"{g}:xyz:0"), ("a word for a partition", f"{g}:{_id(b, t)}:x"),
                      ("partition -1", f"{g}:{_id(b, t)}:-1"), ("more", f"a:b:{_id(b, t)}:0"), ("an id nobody has", f"{g}:AAAAAAAAAAAAAAAAAAAAAQ:0"),
                      ("nothing", "")):
        found = b.ask("FindCoordinator", 6, {"KeyType": 2, "CoordinatorKeys": [key]})
        b.note(what, b.alike([{k: x for k, x in c.items() if k != "Key"} for c in found["Coordinators"]]) if found else "closed")
    for v in (4, 5):
        b.call("in a version without them", "FindCoordinator", v, {"KeyType": 2, "CoordinatorKeys": ["x"]})


@each("WriteShareGroupState")
def states(b, v):
    g, t = ready(b, b.name("g")), b.topic("t", 2)
    await_share_coordinator(b, g, t)

    def call(what, name, version, topic=t, group=g, **row):
        b.call(what, name, version, state(b, group, topic, **row))

    def write(what, first=0, last=0, kind=2, count=1, start=0, epoch=1, leader=0, batches=None, **more):
        rows = [{"FirstOffset": first, "LastOffset": last, "DeliveryState": kind, "DeliveryCount": count}] if batches is None else batches
        call(what, "WriteShareGroupState", v, StateEpoch=epoch, LeaderEpoch=leader, StartOffset=start, StateBatches=rows, **more)

    def read(what, leader=0, **more):
        call(what, "ReadShareGroupState", 0, LeaderEpoch=leader, **more)

    def summary(what, leader=0, **more):
        call(what, "ReadShareGroupStateSummary", min(v, 1), LeaderEpoch=leader, **more)

    read("a read of what is not begun")
    summary("a summary of what is not begun")
    write("a write to what is not begun")
    call("a deletion of what is not begun", "DeleteShareGroupState", 0)
    call("no group", "InitializeShareGroupState", 0, group="", StateEpoch=1, StartOffset=0)
    call("no such topic", "InitializeShareGroupState", 0, topic=b.name("none"), StateEpoch=1, StartOffset=0)
    call("no such partition", "InitializeShareGroupState", 0, StateEpoch=1, StartOffset=0, Partition=7)
    call("partition -1", "InitializeShareGroupState", 0, StateEpoch=1, StartOffset=0, Partition=-1)
    call("begins", "InitializeShareGroupState", 0, StateEpoch=1, StartOffset=0)
    call("begins again", "InitializeShareGroupState", 0, StateEpoch=1, StartOffset=0)
    call("begins with an older epoch", "InitializeShareGroupState", 0, StateEpoch=0, StartOffset=0)
    call("begins with epoch -1", "InitializeShareGroupState", 0, StateEpoch=-1, StartOffset=0)
    summary("a summary")
    read("read")
    read("read by leader 5", 5)
    read("read by leader 4", 4)
    read("read by leader -1", -1)
    write("by an older leader", leader=4)
    write("with an older state epoch", epoch=0, leader=5)
    write("with a state epoch to come", epoch=2, leader=5)
    write("one accepted", 3, 4, leader=5)
    summary("a summary, then (1)", 5)
    read("read, then (2)", 5)
    write("some before it", 0, 2, 0, 2, leader=5)
    write("across both", 2, 3, 4, 3, leader=5)
    read("read, then (3)", 5)
    write("the start moves", batches=[], start=3, leader=5)
    read("read, then (4)", 5)
    write("the start goes back", batches=[], start=1, leader=5)
    read("read, then (5)", 5)
    write("no start", batches=[], start=-1, leader=5)
    read("read, then (6)", 5)
    if v >= 1:
        write("so many are done with", 10, 11, leader=5, start=3, DeliveryCompleteCount=4)
        summary("a summary, then (7)", 5)
    write("a state that is none", 20, 21, 9, leader=5, start=3)
    write("from its end to its beginning", 22, 21, leader=5, start=3)
    write("a negative offset", -3, -2, leader=5, start=3)
    write("a negative count", 30, 31, 0, -1, leader=5, start=3)
    write("by leader -1", 40, 40, leader=-1, start=3)
    write("no batches at all", batches=[], leader=5, start=3)
    read("read, then (8)", 5)
    call("begins anew", "InitializeShareGroupState", 0, StateEpoch=2, StartOffset=7)
    read("read, then (9)", 5)
    write("with the epoch before", epoch=1, leader=5)
    call("is deleted", "DeleteShareGroupState", 0)
    call("is deleted again", "DeleteShareGroupState", 0)
    read("read, then (10)", 5)
    summary("a summary, then (11)", 5)
    for name, version in (("InitializeShareGroupState", 0), ("ReadShareGroupState", 0), ("WriteShareGroupState", v),
                          ("DeleteShareGroupState", 0), ("ReadShareGroupStateSummary", 0)):
        b.call("no topics", name, version, {"GroupId": g, "Topics": []})
        b.call("no partitions", name, version, {"GroupId": g, "Topics": [{"TopicId": b.ids[t], "Partitions": []}]})
        b.call("an empty group", name, version, {"GroupId": "", "Topics": [{"TopicId": b.ids[t], "Partitions": [{"Partition": 0}]}]})
        b.call("nobody's topic", name, version, state(b, g, b.name("none")))
