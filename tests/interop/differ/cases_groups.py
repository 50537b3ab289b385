"""Classic groups: joining, their offsets, what is said of them; with the names that Kafka takes and those it does not."""

import struct
import time

from . import schema
from .broker import ANSWER_LIMIT_S, Broker
from .cases import each, edges, once

LOADING = ("COORDINATOR_LOAD_IN_PROGRESS", "COORDINATOR_NOT_AVAILABLE", "NOT_COORDINATOR")
SESSION_MS = 30000


def masked(b, value, members):
    """An answer with the members' drawn ids by name."""
    if isinstance(value, dict):
        return {k: masked(b, x, members) for k, x in value.items()}
    if isinstance(value, list):
        return [masked(b, x, members) for x in value]
    return members.get(value, value) if isinstance(value, str) else value


def ready(b, group):
    """Waits for the group's coordinator."""
    end = time.monotonic() + ANSWER_LIMIT_S
    while time.monotonic() < end:
        found = b.ask("Heartbeat", 1, {"GroupId": group, "GenerationId": 1, "MemberId": "nobody"})
        if found and schema.error_names().get(found["ErrorCode"]) not in LOADING:
            return group
        b.ask("FindCoordinator", 1, {"Key": group, "KeyType": 0})
        time.sleep(0.1)
    raise RuntimeError(f"{group} has no coordinator")


class Group:
    """Members of one group, each on a connection of its own, so that they can wait together."""

    def __init__(self, b, word="g"):
        self.b, self.name = b, ready(b, b.name(word))
        self.members = {}  # drawn id -> name
        self.ids = {}      # name -> drawn id
        self.links = {}

    def request(self, who, protocols, *, kind="consumer", session=SESSION_MS, instance=None):
        row = {"GroupId": self.name, "SessionTimeoutMs": session, "RebalanceTimeoutMs": 20000,
               "MemberId": self.ids.get(who, ""), "ProtocolType": kind,
               "Protocols": [{"Name": p, "Metadata": who.encode()} for p in protocols]}
        return {**row, "GroupInstanceId": instance} if instance else row

    def link(self, who):
        if who not in self.links:
            self.links[who] = Broker(f"{self.b.host}:{self.b.port}", self.b.stem)
        return self.links[who]

    def admit(self, who, protocols, v=9, **more):
        """Gets a member its id (KIP-394), so that its next JoinGroup is in."""
        first = self.link(who).ask("JoinGroup", v, self.request(who, protocols, **more))
        self.ids[who], self.members[first["MemberId"]] = first["MemberId"], who
        return first

    def join(self, v=9, **wants):
        """All of them at once; {who: answer}, in which the drawn ids are names."""
        for who, protocols in wants.items():
            if who not in self.ids:
                self.admit(who, protocols)
        for who, protocols in wants.items():
            self.link(who).send("JoinGroup", v, self.request(who, protocols))
            time.sleep(0.2)  # so that they come in this order
        return {who: masked(self.b, self.b.alike(self.link(who).receive("JoinGroup", v)), self.members) for who in wants}

    def end(self):
        for link in self.links.values():
            link.disconnect()


@each("JoinGroup")
def joining(b, v):
    g = Group(b)

    def one(what, **more):
        row = {**g.request("m", ["range"]), **more}
        found = b.ask("JoinGroup", v, row)
        if found and found["MemberId"]:
            g.members[found["MemberId"]] = row["MemberId"] or "a drawn id"
        b.note(what, masked(b, b.alike(found), g.members) if found else "closed")

    one("an empty group", GroupId="")
    one("a member that nobody is", MemberId="nobody")
    one("a session of 1 ms", SessionTimeoutMs=1)
    one("a session of a day", SessionTimeoutMs=86400000)
    one("no protocols", Protocols=[])
    one("no type", ProtocolType="")
    if v >= 4:
        one("a new member", Reason="why")
    if v >= 5:
        one("an instance named with a blank", GroupInstanceId="a b")


@once
def protocols(b):
    """What two members that prefer different protocols get, and in which order the leader sees them."""
    for words in (("range", "roundrobin"), ("sticky", "cooperative-sticky"), ("x3", "x1", "x2")):
        g = Group(b, "-".join(words))
        back = tuple(reversed(words))
        found = g.join(m1=words, m2=back, m3=words)
        leader = next(a for a in found.values() if a["Members"])
        b.note(f"two of three prefer {words[0]}: chosen", leader["ProtocolName"])
        b.note(f"two of three prefer {words[0]}: leader", leader["Leader"])
        b.note(f"two of three prefer {words[0]}: members", sorted(m["MemberId"] for m in leader["Members"]))
        g.end()


@once
def tie(b):
    """Two members that each prefer another one."""
    g = Group(b)
    found = g.join(m1=("range", "roundrobin"), m2=("roundrobin", "range"))
    b.note("chosen", next(a for a in found.values() if a["Members"])["ProtocolName"])
    g.end()


@edges("SyncGroup", 3)
def syncing(b, v):
    g = Group(b)

    def one(what, **more):
        row = {"GroupId": g.name, "GenerationId": 1, "MemberId": "nobody", "Assignments": [], **more}
        if v >= 5:
            row = {"ProtocolType": "consumer", "ProtocolName": "range", **row}
        b.call(what, "SyncGroup", v, row)

    one("a group that is none")
    one("an empty group", GroupId="")
    joined = g.join(m1=["range"])["m1"]
    one("a member that nobody is")
    one("another generation", MemberId=g.ids["m1"], GenerationId=7)
    if v >= 5:
        one("another type", MemberId=g.ids["m1"], ProtocolType="other")
        one("another protocol", MemberId=g.ids["m1"], ProtocolName="other")
    one("as it should", MemberId=g.ids["m1"], GenerationId=joined["GenerationId"],
        Assignments=[{"MemberId": g.ids["m1"], "Assignment": b"mine"}])
    one("once more", MemberId=g.ids["m1"], GenerationId=joined["GenerationId"])
    g.end()


@edges("Heartbeat", 3)
def beating(b, v):
    g = Group(b)

    def one(what, **more):
        b.call(what, "Heartbeat", v, {"GroupId": g.name, "GenerationId": 1, "MemberId": "nobody", **more})

    one("a group that is none")
    one("an empty group", GroupId="")
    g.join(m1=["range"])
    one("a member that nobody is")
    one("another generation", MemberId=g.ids["m1"], GenerationId=7)
    one("before the sync", MemberId=g.ids["m1"])
    if v >= 3:
        one("an instance that nobody is", MemberId=g.ids["m1"], GroupInstanceId="nobody")
    g.end()


@edges("LeaveGroup", 3)
def leaving(b, v):
    g = Group(b)

    def one(what, member, group=None, **more):
        row = {"GroupId": g.name if group is None else group}
        row |= {"Members": [{"MemberId": member, **more}]} if v >= 3 else {"MemberId": member}
        found = b.ask("LeaveGroup", v, row)
        b.note(what, masked(b, b.alike(found), g.members) if found else "closed")

    one("a group that is none", "nobody")
    one("an empty group", "nobody", "")
    g.join(m1=["range"])
    one("a member that nobody is", "nobody")
    if v >= 3:
        one("an instance that nobody is", "", GroupInstanceId="nobody")
        b.call("nobody", "LeaveGroup", v, {"GroupId": g.name, "Members": []})
    one("a member", g.ids["m1"])
    one("the member again", g.ids["m1"])
    g.end()


@edges("DescribeGroups", 6)
def described(b, v):
    g = Group(b)

    def one(what, *groups):
        found = b.ask("DescribeGroups", v, {"Groups": list(groups)})
        for x in (found or {}).get("Groups", []):
            if v >= 6 and x["ErrorCode"]:
                b.note(f"{what}, {b.word(x['GroupId'])!r} in words", (x["ErrorMessage"] or "").replace(b.name(""), ""))
            for m in x["Members"]:
                m["ClientHost"] = m["ClientHost"].replace("127.0.0.1", "here")
        b.note(what, masked(b, b.alike(found), g.members) if found else "closed")

    one("a group that is none", b.name("none"))
    one("an empty name", "")
    one("none")
    one("two that are none", b.name("none"), b.name("never"))
    one("one twice", b.name("none"), b.name("none"))
    g.join(m1=["range"])
    one("before the sync", g.name)
    g.link("m1").ask("SyncGroup", 3, {"GroupId": g.name, "GenerationId": 1, "MemberId": g.ids["m1"], "Assignments": [
        {"MemberId": g.ids["m1"], "Assignment": b"mine"}]})
    one("stable", g.name)
    one("stable, and one that is none", g.name, b.name("none"))
    g.end()


@edges("ListGroups")
def listed(b, v):
    g = Group(b)
    g.join(m1=["range"])

    def one(what, **filters):
        found = b.ask("ListGroups", v, filters)
        mine = [x for x in (found or {}).get("Groups", []) if x["GroupId"].startswith(b.name(""))]
        b.note(what, b.alike({**found, "Groups": mine}) if found else "closed")

    one("all")
    if v >= 4:
        for state in ("CompletingRebalance", "completingrebalance", "Stable", "NoSuchState", ""):
            one(f"in state {state!r}", StatesFilter=[state])
    if v >= 5:
        for kind in ("classic", "Classic", "consumer", "nosuch", ""):
            one(f"of type {kind!r}", TypesFilter=[kind])
    g.end()


def rows(b, v, topic, *partitions):
    """Of OffsetCommit, OffsetFetch."""
    by = b.by(topic, v < 10)
    return [{**by, "Partitions": list(partitions)}]


@edges("OffsetCommit")
def committing(b, v):
    g, t = Group(b), b.topic("t")

    def one(what, topic=t, index=0, offset=5, metadata="", **more):
        row = {"PartitionIndex": index, "CommittedOffset": offset, "CommittedMetadata": metadata}
        b.call(what, "OffsetCommit", v, {"GroupId": g.name, "GenerationIdOrMemberEpoch": -1, "MemberId": "",
                                         "Topics": rows(b, v, topic, row), **more})

    one("by nobody")
    one("with words", metadata="some words")
    one("with null for words", metadata=None)
    one("with 5000 letters", metadata="a" * 5000)
    one("below 0", offset=-5)
    one("no such partition", index=9)
    one("no such topic", b.name("none"))
    one("an empty group", GroupId="")
    one("a member that nobody is", MemberId="nobody", GenerationIdOrMemberEpoch=1)
    one("generation without member", GenerationIdOrMemberEpoch=1)
    b.call("nothing", "OffsetCommit", v, {"GroupId": g.name, "GenerationIdOrMemberEpoch": -1, "MemberId": "",
                                          "Topics": []})
    g.join(m1=["range"])
    one("by nobody, while there are members")
    one("by the member, before the sync", MemberId=g.ids["m1"], GenerationIdOrMemberEpoch=1)
    one("by the member, another generation", MemberId=g.ids["m1"], GenerationIdOrMemberEpoch=7)
    g.end()


@each("OffsetFetch")
def fetching(b, v):
    g, t = Group(b), b.topic("t", partitions=2)
    b.ask("OffsetCommit", 7, {"GroupId": g.name, "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": rows(
        b, 7, t, {"PartitionIndex": 0, "CommittedOffset": 5, "CommittedLeaderEpoch": 0, "CommittedMetadata": "words"})})

    def one(what, *topics, group=g.name):
        asked = None if topics == (None,) else [
            {**b.by(x, v < 10), "PartitionIndexes": list(parts)} for x, *parts in topics]
        b.call(what, "OffsetFetch", v, {"Groups": [{"GroupId": group, "Topics": asked}]} if v >= 8 else {
            "GroupId": group, "Topics": asked})

    one("one that is there, one that is not", (t, 0, 1))
    one("no such partition", (t, 9))
    one("no such topic", (b.name("none"), 0))
    one("none")
    if v >= 2:
        one("all", None)
        one("all of a group that is none", None, group=b.name("none"))
        one("all of an empty group", None, group="")
    one("a group that is none", (t, 0), group=b.name("none"))


@edges("DeleteGroups")
def deleting(b, v):
    g = Group(b)
    g.join(m1=["range"])

    def one(what, *groups):
        found = b.ask("DeleteGroups", v, {"GroupsNames": list(groups)})
        for x in (found or {}).get("Results", []) if v >= 3 else []:
            b.note(f"{what}, {b.word(x['GroupId'])!r} in words", (x["ErrorMessage"] or "").replace(b.name(""), ""))
        b.note(what, b.alike(found) if found else "closed")

    one("a group that is none", b.name("none"))
    one("an empty name", "")
    one("one with members", g.name)
    one("nothing")
    g.end()


@each("OffsetDelete")
def forgetting(b, v):
    g, t = Group(b), b.topic("t")

    def one(what, topic=t, index=0, group=g.name):
        b.call(what, "OffsetDelete", v, {"GroupId": group, "Topics": [
            {"Name": topic, "Partitions": [{"PartitionIndex": index}]}]})

    one("a group that is none", group=b.name("none"))
    one("an empty name", group="")
    b.ask("OffsetCommit", 2, {"GroupId": g.name, "Topics": rows(
        b, 2, t, {"PartitionIndex": 0, "CommittedOffset": 5, "CommittedMetadata": ""})})
    one("what is not committed", index=7)
    one("of no such topic", b.name("none"))
    one("an offset")
    one("the offset again")


@edges("FindCoordinator")
def words(b, v):
    """What is said when there is no coordinator."""
    for kind in ((3, 9, -1) if v >= 1 else ()):
        fields = {"CoordinatorKeys": ["some"]} if v >= 4 else {"Key": "some"}
        found = b.ask("FindCoordinator", v, {**fields, "KeyType": kind})
        row = found and (found["Coordinators"][0] if v >= 4 else found)
        b.note(f"type {kind}", [row["ErrorCode"], row["ErrorMessage"]] if row else "closed")
    ready(b, b.name("g"))
    fields = {"CoordinatorKeys": [b.name("g")]} if v >= 4 else {"Key": b.name("g")}
    found = b.ask("FindCoordinator", v, fields)
    row = found["Coordinators"][0] if v >= 4 else found
    b.note("one that is there", [row["ErrorCode"], row.get("ErrorMessage")])


# ---- names that are not UTF-8 ----

BAD = b"caf\xe9"


@once
def not_utf8(b):
    """A group, its members, its offsets and their words, sent as bytes that are not UTF-8."""
    group = b.name("").encode() + BAD
    ready(b, group.decode(errors="replace"))
    t = b.topic("t")

    def text(raw):
        return struct.pack(">h", len(raw)) + raw

    commit = (text(group) + struct.pack(">i", -1) + text(b"") + struct.pack(">qi", -1, 1) + text(t.encode()) +
              struct.pack(">iiq", 1, 0, 5) + text(b"\xed\xa0\x80 \xf0\x9f"))
    b.call("a commit", "OffsetCommit", 2, body=commit)
    b.call("its offset", "OffsetFetch", 1, body=text(group) + struct.pack(">i", 1) + text(t.encode()) +
           struct.pack(">ii", 1, 0))
    b.call("described", "DescribeGroups", 0, body=struct.pack(">i", 1) + text(group))
    b.call("a heartbeat", "Heartbeat", 0, body=text(group) + struct.pack(">i", 1) + text(b"\xff"))
    found = b.ask("ListGroups", 0)
    b.note("listed", [b.word(x["GroupId"]) for x in found["Groups"] if x["GroupId"].startswith(b.name(""))])
    b.call("a join by nobody", "JoinGroup", 1, body=text(group) + struct.pack(">ii", SESSION_MS, SESSION_MS) +
           text(b"no\xffbody") + text(b"consum\xe9r") + struct.pack(">i", 1) + text(b"rang\xe9") +
           struct.pack(">i", 0))
    b.call("deleted", "DeleteGroups", 0, body=struct.pack(">i", 1) + text(group))
