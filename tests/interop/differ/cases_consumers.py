"""Groups of the consumer protocol (KIP-848): what members may say, and what they are told."""

import struct
import time

from .cases import each, once
from .cases_groups import ready

PAUSE_S = 1.2  # between two assignments


def beat(group, member, epoch=0, topics=None, owned=None, **more):
    row = {"GroupId": group, "MemberId": member, "MemberEpoch": epoch, "RebalanceTimeoutMs": -1,
           "SubscribedTopicNames": None, "TopicPartitions": None, **more}
    if epoch == 0:
        row = {**row, "RebalanceTimeoutMs": 20000, "SubscribedTopicNames": topics or [], "TopicPartitions": [], **more}
    if owned is not None:
        row["TopicPartitions"] = owned
    return row


def said(b, v, what, row):
    """One heartbeat; drawn ids are told by their being there."""
    found = b.ask("ConsumerGroupHeartbeat", v, row)
    if found and found["MemberId"] and found["MemberId"] != row["MemberId"]:
        found["MemberId"] = "a drawn id"
    b.note(what, b.alike(found) if found else "closed")
    return found


@each("ConsumerGroupHeartbeat")
def refused(b, v):
    g, t = ready(b, b.name("g")), b.topic("t", 2)

    def one(what, **more):
        said(b, v, what, {**beat(g, "m", 0, [t]), **more})

    one("an empty group", GroupId="")
    one("a blank group", GroupId="  ")
    one("an empty instance", InstanceId="")
    one("an empty rack", RackId="")
    one("no rebalance time-out", RebalanceTimeoutMs=-1)
    one("no word of its partitions", TopicPartitions=None)
    one("partitions of its own", TopicPartitions=[{"TopicId": b.ids[t], "Partitions": [0]}])
    one("no topics", SubscribedTopicNames=None)
    one("no such assignor", ServerAssignor="best")
    one("epoch -3", MemberEpoch=-3)
    one("epoch -2 without an instance", MemberEpoch=-2)
    one("epoch -1 of nobody", MemberEpoch=-1)
    one("epoch 1 of nobody", MemberEpoch=1)
    one("an empty member", MemberId="", MemberEpoch=1)
    if v >= 1:
        one("an empty member that joins", MemberId="")
        one("a malformed expression", SubscribedTopicRegex="(")
        one("a back reference", SubscribedTopicRegex="(a)\\1")


@each("ConsumerGroupHeartbeat")
def one_member(b, v):
    g, t = ready(b, b.name("g")), b.topic("t", 3)
    said(b, v, "joins", beat(g, "m", 0, [t]))
    said(b, v, "joins again", beat(g, "m", 0, [t]))
    said(b, v, "nothing new", beat(g, "m", 2))
    said(b, v, "tells all", {**beat(g, "m", 2, owned=[{"TopicId": b.ids[t], "Partitions": [0, 1, 2]}]),
                            "RebalanceTimeoutMs": 20000, "SubscribedTopicNames": [t]})
    said(b, v, "an epoch to come", beat(g, "m", 9))
    said(b, v, "another", beat(g, "n", 2))
    said(b, v, "leaves", beat(g, "m", -1))
    said(b, v, "leaves again", beat(g, "m", -1))
    said(b, v, "goes on", beat(g, "m", 2))


@once
def two_members(b):
    g, t = ready(b, b.name("g")), b.topic("t", 4)

    def own(*v):
        return [{"TopicId": b.ids[t], "Partitions": list(v)}]

    said(b, 1, "the first joins", beat(g, "a", 0, [t]))
    time.sleep(PAUSE_S)
    said(b, 1, "the second joins", beat(g, "b", 0, [t]))
    said(b, 1, "the second waits", beat(g, "b", 3))
    first = said(b, 1, "the first is told to give up", beat(g, "a", 2, owned=own(0, 1, 2, 3)))
    kept = sorted(first["Assignment"]["TopicPartitions"][0]["Partitions"])
    said(b, 1, "the first has not yet", beat(g, "a", 2))
    said(b, 1, "the first has", beat(g, "a", 2, owned=own(*kept)))
    said(b, 1, "the first, whose answer was lost", beat(g, "a", 2, owned=own(*kept)))
    said(b, 1, "the second gets", beat(g, "b", 3))
    found = b.ask("ConsumerGroupDescribe", 1, {"GroupIds": [g]})
    found["Groups"][0]["Members"].sort(key=lambda m: m["MemberId"])
    b.note("both", b.alike(found))


@once
def static_members(b):
    g, t = ready(b, b.name("g")), b.topic("t", 2)
    said(b, 1, "joins", beat(g, "a", 0, [t], InstanceId="i"))
    said(b, 1, "another process while it is there", beat(g, "a2", 0, [t], InstanceId="i"))
    said(b, 1, "goes away for a while", beat(g, "a", -2, InstanceId="i"))
    said(b, 1, "another process then", beat(g, "a2", 0, [t], InstanceId="i"))
    said(b, 1, "the first comes back", beat(g, "a", 2, InstanceId="i"))
    said(b, 1, "another instance", beat(g, "a", 2, InstanceId="j"))
    said(b, 1, "leaves for good", beat(g, "a2", -1, InstanceId="i"))


@each("ConsumerGroupDescribe")
def described(b, v):
    g, t = ready(b, b.name("g")), b.topic("t", 2)
    b.call("a group that is none", "ConsumerGroupDescribe", v, {"GroupIds": [g]})
    b.call("an empty name", "ConsumerGroupDescribe", v, {"GroupIds": [""]})
    said(b, 1, "joins", beat(g, "a", 0, [t], ServerAssignor="range", RackId="r1"))
    b.call("one, with what may be done to it", "ConsumerGroupDescribe", v,
           {"GroupIds": [g], "IncludeAuthorizedOperations": True})
    b.call("as a classic one", "DescribeGroups", 6, {"Groups": [g]})
    said(b, 1, "leaves", beat(g, "a", -1))
    b.call("without members", "ConsumerGroupDescribe", v, {"GroupIds": [g]})


@once
def offsets(b):
    g, t = ready(b, b.name("g")), b.topic("t", 2)

    def commit(what, member, epoch, v=9):
        b.call(what, "OffsetCommit", v, {"GroupId": g, "GenerationIdOrMemberEpoch": epoch, "MemberId": member, "Topics": [
            {"Name": t, "Partitions": [{"PartitionIndex": 0, "CommittedOffset": 5, "CommittedMetadata": ""}]}]})

    def look(what, member, epoch):
        b.call(what, "OffsetFetch", 9, {"Groups": [{"GroupId": g, "MemberId": member, "MemberEpoch": epoch, "Topics": None}]})

    said(b, 1, "joins", beat(g, "a", 0, [t]))
    commit("a commit of the member", "a", 2)
    commit("of an older client", "a", 2, 8)
    commit("with an epoch to come", "a", 3)
    commit("with epoch 0", "a", 0)
    commit("of nobody", "z", 1)
    commit("from outside", "", -1)
    look("a look of the member", "a", 2)
    look("with another epoch", "a", 1)
    look("of nobody", "z", 1)
    look("from outside", None, -1)
    said(b, 1, "leaves", beat(g, "a", -1))
    commit("from outside, then", "", -1)
    commit("with an epoch, then", "a", 2)


@once
def kinds(b):
    """Classic requests to a consumer group, and the other way round."""
    g, t = ready(b, b.name("g")), b.topic("t", 2)
    said(b, 1, "joins", beat(g, "a", 0, [t]))
    b.call("a classic heartbeat", "Heartbeat", 4, {"GroupId": g, "GenerationId": 2, "MemberId": "a"})
    b.call("a classic sync", "SyncGroup", 5, {"GroupId": g, "GenerationId": 1, "MemberId": "z", "ProtocolType": "consumer",
                                              "ProtocolName": "range", "Assignments": []})
    b.call("deleting it", "DeleteGroups", 2, {"GroupsNames": [g]})
    found = b.ask("ListGroups", 5, {"TypesFilter": ["consumer"]})
    b.note("listed", b.alike([x for x in found["Groups"] if x["GroupId"] == g]))
    said(b, 1, "leaves", beat(g, "a", -1))
    b.call("deleting it, without members", "DeleteGroups", 2, {"GroupsNames": [g]})
    b.call("deleting it again", "DeleteGroups", 2, {"GroupsNames": [g]})


# ---- both protocols in one group ----


def subscription(topics, owned=()):
    """A consumer's metadata of version 1."""
    text = struct.pack(">hi", 1, len(topics)) + b"".join(struct.pack(">h", len(t)) + t.encode() for t in topics)
    text += struct.pack(">ii", -1, len(owned))
    for topic, partitions in owned:
        text += struct.pack(">h", len(topic)) + topic.encode() + struct.pack(f">i{len(partitions)}i", len(partitions), *partitions)
    return text


def assignment(topic, partitions):
    return (struct.pack(">hih", 1, 1, len(topic)) + topic.encode() +
            struct.pack(f">i{len(partitions)}i", len(partitions), *partitions) + struct.pack(">i", -1))


class Classic:
    """A classic member, whose drawn id is told by its name."""

    def __init__(self, b, group, name, topic, instance=None):
        self.b, self.group, self.name, self.topic, self.instance = b, group, name, topic, instance
        self.id = ""
        self.generation = -1

    def join(self, what, owned=(), protocol="range", v=9):
        row = {"GroupId": self.group, "SessionTimeoutMs": 30000, "RebalanceTimeoutMs": 20000, "MemberId": self.id,
               "ProtocolType": "consumer", "GroupInstanceId": self.instance,
               "Protocols": [{"Name": protocol, "Metadata": subscription([self.topic], owned)}]}
        found = self.b.ask("JoinGroup", v, row)
        if found["ErrorCode"] == 79:  # MEMBER_ID_REQUIRED
            self.id = found["MemberId"]
            found = self.b.ask("JoinGroup", v, {**row, "MemberId": self.id})
        if not found["ErrorCode"]:
            self.id, self.generation = found["MemberId"], found["GenerationId"]
        self.note(what, found)

    def note(self, what, found):
        text = str(self.b.alike(found))
        self.b.note(what, text.replace(self.id, self.name) if self.id else text)

    def sync(self, what, given=None, generation=None, **more):
        rows = [] if given is None else [{"MemberId": self.id, "Assignment": assignment(self.topic, given)}]
        found = self.b.ask("SyncGroup", 5, {"GroupId": self.group, "MemberId": self.id, "ProtocolType": "consumer",
                                            "ProtocolName": "range", "GenerationId": generation or self.generation,
                                            "GroupInstanceId": self.instance, "Assignments": rows, **more})
        self.note(what, {**found, "Assignment": found["Assignment"][2:].hex()})

    def heartbeat(self, what, generation=None):
        self.note(what, self.b.ask("Heartbeat", 4, {"GroupId": self.group, "MemberId": self.id, "GroupInstanceId": self.instance,
                                                    "GenerationId": generation or self.generation}))

    def leave(self, what, **row):
        row = row or {"MemberId": self.id, "GroupInstanceId": self.instance}
        self.note(what, self.b.ask("LeaveGroup", 5, {"GroupId": self.group, "Members": [row]}))


@once
def rolled(b):
    """A group goes from the classic protocol to the other one and back, one member at a time."""
    g, t = ready(b, b.name("g")), b.topic("t", 2)
    old = Classic(b, g, "old", t)
    old.join("a classic one joins")
    old.sync("and is its own leader", [0, 1])
    said(b, 1, "a consumer joins", beat(g, "new", 0, [t]))
    old.heartbeat("the classic one hears of it")
    old.sync("a sync before it joins again")
    old.heartbeat("another generation", 77)
    old.sync("a sync of another generation", generation=77)
    old.join("it joins again", [(t, [0, 1])])
    old.sync("it has less")
    old.heartbeat("it shall give up")
    old.join("and has", [(t, [0])])
    old.sync("that is all")
    old.heartbeat("all is well")
    said(b, 1, "the consumer gets the other one", beat(g, "new", 2, owned=[]))
    found = b.ask("ConsumerGroupDescribe", 1, {"GroupIds": [g]})["Groups"][0]
    b.note("described", [found["GroupState"], found["GroupEpoch"], found["AssignmentEpoch"],
                         sorted([m["MemberType"], m["MemberEpoch"], len(m["Assignment"]["TopicPartitions"])] for m in found["Members"])])
    b.note("as a classic group", b.alike(b.ask("DescribeGroups", 6, {"Groups": [g]})))
    for v in (7, 9):
        for generation in (old.generation, old.generation + 1, 1):
            found = b.ask("OffsetCommit", v, {"GroupId": g, "GenerationIdOrMemberEpoch": generation, "MemberId": old.id, "Topics": [
                {"Name": t, "Partitions": [{"PartitionIndex": 0, "CommittedOffset": 1}]}]})
            b.note(f"a commit v{v} in generation {generation}", b.alike(found))
    other = Classic(b, g, "other", t)
    other.join("another assignor", protocol="sticky")
    said(b, 1, "the consumer leaves", beat(g, "new", -1))
    old.heartbeat("then")
    old.join("it joins again, classic", [(t, [0])])
    old.sync("its own leader again", [0, 1])
    b.note("described, classic", old.b.alike(b.ask("DescribeGroups", 6, {"Groups": [g]}))["Groups"][0]["GroupState"])
    old.leave("leaves")


@once
def rolled_instances(b):
    """The same with one instance that changes its protocol."""
    g, t = ready(b, b.name("g")), b.topic("t", 2)
    old = Classic(b, g, "old", t, "i")
    old.join("a classic instance joins")
    old.sync("its own leader", [0, 1])
    said(b, 1, "a consumer takes its place", beat(g, "new", 0, [t], InstanceId="i"))
    old.heartbeat("the classic one is out")
    old.join("it wants its place back, by its old id")
    said(b, 1, "the consumer goes on", beat(g, "new", 2, InstanceId="i"))
    back = Classic(b, g, "back", t, "i")
    back.join("a classic instance comes back")
    back.sync("it has what there was", [0, 1])
    said(b, 1, "the consumer is out", beat(g, "new", 2, InstanceId="i"))
    found = b.ask("ListGroups", 5, {})
    b.note("the group is", [[x["GroupType"]] for x in found["Groups"] if x["GroupId"] == g])


@once
def removed(b):
    """An administrator removes instances of either protocol."""
    g, t = ready(b, b.name("g")), b.topic("t", 2)
    said(b, 1, "a consumer joins", beat(g, "new", 0, [t], InstanceId="i"))
    old = Classic(b, g, "old", t, "j")
    old.join("a classic one joins")
    old.leave("nobody", GroupInstanceId="none", MemberId="")
    old.leave("neither", MemberId="")
    old.leave("another id", GroupInstanceId="i", MemberId="x")
    old.leave("the consumer", GroupInstanceId="i", MemberId="", Reason="by hand")
    found = b.ask("ListGroups", 5, {})
    b.note("the group is", [[x["GroupType"]] for x in found["Groups"] if x["GroupId"] == g])
    old.leave("the classic one", GroupInstanceId="j", MemberId="", Reason="by hand")


@once
def hostile_expressions(b):
    """Expressions that are costly, too large, or of another language. Who has a member refused has no group by it."""
    t = b.topic("aaaaaaaaaaaaaaaaaaaaaaaaaaaa")
    for i, (what, text) in enumerate((
            ("stars in stars", "(a*)*(a*)*b"), ("alternatives that are alike", "(a|aa|a)*c"), ("a thousand times", "a{1000}"),
            ("more than a thousand times", "a{1001}"), ("times times times", "((a{100}){100}){100}"), ("very long", "a|" * 20000 + "b"),
            ("many groups", "(a)" * 3000), ("deep", "(" * 900 + "a" + ")" * 900), ("deeper", "(" * 1001 + "a" + ")" * 1001),
            ("an open class", "[a"), ("an empty range", "[z-a]"), ("a class that is none", "[[:letters:]]"), ("a property", "\\p{Greek}+"),
            ("a property that is none", "\\p{Klingon}"), ("look ahead", "a(?=b)"), ("a named group", "(?P<x>a+)"), ("a byte", "\\C"),
            ("half an escape", "a\\"), ("nothing", ""), ("a line's end", "a$\n"))):
        g = ready(b, b.name(f"e{i}"))
        said(b, 1, what, beat(g, "m", 0, None, SubscribedTopicNames=None, SubscribedTopicRegex=text))
    said(b, 1, "goes on", beat(ready(b, b.name("after")), "m", 0, [t]))


@once
def malformed_blobs(b):
    """A classic member's subscription is its own affair, until somebody must read it."""
    t = b.topic("t", 2)
    for i, (what, blob) in enumerate((
            ("nothing", b""), ("half a version", b"\0"), ("a version alone", b"\0\0"), ("a version to come", struct.pack(">hi", 99, 0)),
            ("a negative version", struct.pack(">hi", -1, 0)), ("a negative number of topics", struct.pack(">hi", 0, -2)),
            ("more topics than bytes", struct.pack(">hi", 0, 0x7fffffff)), ("a topic cut off", struct.pack(">hih", 0, 1, 9) + b"t"),
            ("a topic that is no text", struct.pack(">hih", 0, 1, 2) + b"\xff\xfe" + struct.pack(">i", -1)),
            ("more bytes than it says", struct.pack(">hihi", 0, 0, -1, -1) + b"more"))):
        g = ready(b, b.name(f"b{i}"))
        row = {"GroupId": g, "SessionTimeoutMs": 30000, "RebalanceTimeoutMs": 20000, "MemberId": "", "GroupInstanceId": None,
               "ProtocolType": "consumer", "Protocols": [{"Name": "range", "Metadata": blob}]}
        row["MemberId"] = b.ask("JoinGroup", 9, row)["MemberId"]
        joined = b.ask("JoinGroup", 9, row)
        b.note(f"{what}: joins", joined["ErrorCode"])
        synced = b.ask("SyncGroup", 5, {"GroupId": g, "GenerationId": joined["GenerationId"], "MemberId": row["MemberId"],
                                        "GroupInstanceId": None, "ProtocolType": "consumer", "ProtocolName": "range",
                                        "Assignments": [{"MemberId": row["MemberId"], "Assignment": blob}]})
        b.note(f"{what}: syncs", synced["ErrorCode"])
        b.call(f"{what}: an offset is deleted", "OffsetDelete", 0, {
            "GroupId": g, "Topics": [{"Name": t, "Partitions": [{"PartitionIndex": 0}]}]})
        said(b, 1, f"{what}: a consumer comes", beat(g, "m", 0, [t]))


@once
def offsets_beyond(b):
    """Where a log ends is not asked when an offset is committed."""
    g, t = ready(b, b.name("g")), b.topic("t")
    for what, offset in (("beyond the log", 1000), ("far beyond", (1 << 62)), ("as far as can be", (1 << 63) - 1), ("before", -1),
                         ("far before", -(1 << 63))):
        b.call(what, "OffsetCommit", 9, {"GroupId": g, "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [
            {"Name": t, "Partitions": [{"PartitionIndex": 0, "CommittedOffset": offset, "CommittedMetadata": ""}]}]})
        b.call(f"then, {what}", "OffsetFetch", 9, {"Groups": [{"GroupId": g, "MemberId": None, "MemberEpoch": -1, "Topics": None}]})
