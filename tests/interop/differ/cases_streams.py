"""Streams groups (KIP-1071): what members may say of their topology and their tasks, and what they are told."""

import time

from .broker import ANSWER_LIMIT_S
from .cases import each, once
from .cases_groups import ready

# members' ids, which they draw themselves
A, B, C = "AAAAAAAAAAAAAAAAAAAAEQ", "AAAAAAAAAAAAAAAAAAAAIg", "AAAAAAAAAAAAAAAAAAAAMw"
ROLES = ("ActiveTasks", "StandbyTasks", "WarmupTasks")


def info(name, partitions=0, factor=0, configs=()):
    return {"Name": name, "Partitions": partitions, "ReplicationFactor": factor,
            "TopicConfigs": [{"Key": k, "Value": x} for k, x in configs]}


def part(sid="0", sources=(), changelogs=(), sinks=(), repartitions=(), together=(), patterns=()):
    """A subtopology."""
    return {"SubtopologyId": sid, "SourceTopics": list(sources), "SourceTopicRegex": list(patterns),
            "StateChangelogTopics": list(changelogs), "RepartitionSinkTopics": list(sinks),
            "RepartitionSourceTopics": list(repartitions), "CopartitionGroups": list(together)}


def topology(*parts, epoch=0):
    return {"Epoch": epoch, "Subtopologies": list(parts)}


def tasks(**by_subtopology):
    return [{"SubtopologyId": k[1:], "Partitions": list(v)} for k, v in by_subtopology.items()]


def beat(group, member=A, epoch=0, shape=None, has=None, **more):
    """has: its tasks, as three lists; None: nothing new."""
    row = {"GroupId": group, "MemberId": member, "MemberEpoch": epoch, "EndpointInformationEpoch": 0, "InstanceId": None, "RackId": None,
           "RebalanceTimeoutMs": -1, "Topology": None, "ProcessId": None, "UserEndpoint": None, "ClientTags": None,
           "TaskOffsets": None, "TaskEndOffsets": None, **dict.fromkeys(ROLES)}
    if epoch == 0:
        row.update(RebalanceTimeoutMs=20000, Topology=shape, ProcessId=f"process of {member}", **{r: [] for r in ROLES})
    if has is not None:
        row.update(zip(ROLES, has))
    return {**row, **more}


def streams_group(b, word="g", delay=0, **settings):
    """A name of a group that is assigned at once. Topics are made before it: a coordinator hears of them a moment later."""
    group = ready(b, b.name(word))
    rows = {"streams.initial.rebalance.delay.ms": delay, "streams.assignment.interval.ms": 0,
            **{"streams." + k.replace("_", "."): x for k, x in settings.items()}}
    found = b.ask("IncrementalAlterConfigs", 1, {"Resources": [
        {"ResourceType": 32, "ResourceName": group,
         "Configs": [{"Name": k, "ConfigOperation": 0, "Value": str(x)} for k, x in rows.items()]}]})
    assert not found["Responses"][0]["ErrorCode"], found
    b.pause()
    return group


def in_order(found):
    """Tasks and topics of a list have no order."""
    for role in ROLES:
        for row in found.get(role) or []:
            row["Partitions"].sort()
        (found.get(role) or []).sort(key=lambda row: row["SubtopologyId"])
    (found.get("PartitionsByUserEndpoint") or []).sort(key=lambda row: row["UserEndpoint"]["Port"])
    for row in found.get("PartitionsByUserEndpoint") or []:
        for kind in ("ActivePartitions", "StandbyPartitions"):
            row[kind].sort(key=lambda x: x["Topic"])
            for x in row[kind]:
                x["Partitions"].sort()
    (found.get("Status") or []).sort(key=lambda s: s["StatusCode"])
    return found


def said(b, v, what, row):
    found = b.ask("StreamsGroupHeartbeat", v, row)
    b.note(what, b.alike(in_order(found)) if found else "closed")
    return found


@each("StreamsGroupHeartbeat")
def refused(b, v):
    t, g = b.topic("t", 2), streams_group(b)
    shape = topology(part(sources=[t]))

    def one(what, **more):
        said(b, v, what, beat(g, shape=shape, **more))

    one("an empty group", GroupId="")
    one("a blank group", GroupId="  ")
    one("an empty member", MemberId="")
    one("a blank member", MemberId=" ")
    one("an empty instance", InstanceId="")
    one("an empty rack", RackId="")
    one("no rebalance time-out", RebalanceTimeoutMs=-1)
    one("a rebalance time-out of nothing", RebalanceTimeoutMs=0)
    one("no topology", Topology=None)
    for role in ROLES:
        one(f"no {role}", **{role: None})
        one(f"{role} of its own", **{role: tasks(_0=[0])})
    one("epoch -3", MemberEpoch=-3)
    one("epoch -2 without an instance", MemberEpoch=-2)
    said(b, v, "epoch -2 of nobody", beat(g, epoch=-2, InstanceId="i"))
    said(b, v, "epoch -1 of nobody", beat(g, epoch=-1))
    said(b, v, "epoch 1 of nobody", beat(g, epoch=1))
    said(b, v, "epoch 1 with a topology", beat(g, epoch=1, Topology=shape))
    said(b, v, "some of its tasks", beat(g, epoch=1, ActiveTasks=[]))
    b.call("what has come of it", "StreamsGroupDescribe", min(v, 1), {"GroupIds": [g]})


@each("StreamsGroupHeartbeat")
def malformed_topologies(b, v):
    t, g = b.topic("t", 2), streams_group(b)

    def one(what, *parts, **more):
        said(b, v, what, beat(streams_group(b, what.replace(" ", "-").replace("'", "")), shape=topology(*parts, **more)))

    one("no subtopologies")
    one("a subtopology of nothing", part())
    one("an empty id", part("", [t]))
    one("two of one id", part("0", [t]), part("0", [t]))
    one("a source twice", part("0", [t, t]))
    one("an empty source", part("0", [""]))
    one("a source of no name", part("0", ["a/b"]))
    one("an expression", part("0", [], patterns=["a.*"]))
    one("a changelog of no name", part("0", [t], [info("a b")]))
    one("a changelog with partitions", part("0", [t], [info(g + "-x-changelog", 3)]))
    one("a repartition topic of nobody", part("0", [t], sinks=[g + "-r-repartition"]))
    one("a repartition topic that nobody fills", part("0", [], repartitions=[info(g + "-r-repartition")]))
    one("a loop of repartition topics", part("0", [], sinks=[g + "-b-repartition"], repartitions=[info(g + "-a-repartition")]),
        part("1", [], sinks=[g + "-a-repartition"], repartitions=[info(g + "-b-repartition")]))
    one("a group of topics that there are not", part("0", [t], together=[
        {"SourceTopics": [3], "SourceTopicRegex": [], "RepartitionSourceTopics": []}]))
    one("a group of topics at minus one", part("0", [t], together=[
        {"SourceTopics": [-1], "SourceTopicRegex": [], "RepartitionSourceTopics": []}]))
    one("epoch minus one", part("0", [t]), epoch=-1)
    one("epoch 7", part("0", [t]), epoch=7)


@each("StreamsGroupHeartbeat")
def one_member(b, v):
    t, g = b.topic("t", 3), streams_group(b)
    shape = topology(part(sources=[t]))
    first = said(b, v, "joins", beat(g, shape=shape, UserEndpoint={"Host": "here", "Port": 7}))
    epoch = first["MemberEpoch"]
    said(b, v, "nothing new", beat(g, epoch=epoch))
    said(b, v, "has them all", beat(g, epoch=epoch, has=(tasks(_0=[0, 1, 2]), [], [])))
    said(b, v, "has less than it had", beat(g, epoch=epoch, has=(tasks(_0=[1]), [], [])))
    said(b, v, "has a task that is none", beat(g, epoch=epoch, has=(tasks(_0=[0, 9]), [], [])))
    said(b, v, "has a task of another subtopology", beat(g, epoch=epoch, has=(tasks(_7=[0]), [], [])))
    said(b, v, "has a task twice", beat(g, epoch=epoch, has=(tasks(_0=[0, 0]), [], [])))
    said(b, v, "has it in two roles", beat(g, epoch=epoch, has=(tasks(_0=[0]), tasks(_0=[0]), [])))
    said(b, v, "tells how far it is", beat(g, epoch=epoch, TaskOffsets=[{"SubtopologyId": "0", "Partition": 0, "Offset": 5}],
                                          TaskEndOffsets=[{"SubtopologyId": "0", "Partition": 0, "Offset": 6}]))
    said(b, v, "an epoch to come", beat(g, epoch=epoch + 5))
    said(b, v, "the epoch before", beat(g, epoch=epoch - 1))
    said(b, v, "another rack", beat(g, epoch=epoch, RackId="r"))
    said(b, v, "with a topology", beat(g, epoch=epoch, Topology=shape))
    said(b, v, "somebody else", beat(g, B, epoch=epoch))
    said(b, v, "shuts it down", beat(g, epoch=epoch, ShutdownApplication=True))
    said(b, v, "leaves", beat(g, epoch=-1))
    said(b, v, "leaves again", beat(g, epoch=-1))
    said(b, v, "goes on", beat(g, epoch=epoch))


@once
def joins_twice(b):
    t, g = b.topic("t", 2), streams_group(b)
    shape = topology(part(sources=[t]))
    here = {"Host": "here", "Port": 7}
    said(b, 1, "joins", beat(g, shape=shape))
    said(b, 1, "joins again", beat(g, shape=shape))
    said(b, 1, "with an endpoint", beat(g, shape=shape, UserEndpoint=here))
    said(b, 1, "with it once more", beat(g, shape=shape, UserEndpoint=here))
    said(b, 1, "without", beat(g, shape=shape))


@once
def what_is_new(b):
    """What a member says anew, with a heartbeat or when it joins again, and whether the group has another epoch then."""
    t, g = b.topic("t", 2), streams_group(b)
    shape, epoch = topology(part(sources=[t])), 0
    first = dict(UserEndpoint={"Host": "here", "Port": 7}, ClientTags=[{"Key": "zone", "Value": "z"}], RackId="r")
    news = {"another port": {"UserEndpoint": {"Host": "here", "Port": 8}},
            "another tag": {"ClientTags": [{"Key": "zone", "Value": "y"}]}, "no tags": {"ClientTags": []},
            "another rack": {"RackId": "s"}, "another process": {"ProcessId": "p"}, "another time-out": {"RebalanceTimeoutMs": 30000}}
    for what, more in news.items():
        for how in ("is there", "joins"):
            said(b, 1, f"joins, {how} with {what} next", beat(g, shape=shape, **first))
            epoch = said(b, 1, f"as before, {how} with {what} next", beat(g, shape=shape, **first))["MemberEpoch"]
            row = beat(g, shape=shape, **{**first, **more}) if how == "joins" else beat(g, epoch=epoch, **more)
            said(b, 1, f"{how} with {what}", row)
    for what in first:
        said(b, 1, f"joins, without {what} next", beat(g, shape=shape, **first))
        said(b, 1, f"joins without {what}", beat(g, shape=shape, **{**first, what: None}))
    described(b, 1, "in the end", g)


@once
def endpoints_of_two(b):
    """When those who know where the application's state is are told anew."""
    t, g = b.topic("t", 4), streams_group(b)
    shape = topology(part(sources=[t]))
    know = dict.fromkeys((A, B, C), 0)

    def one(what, member, **more):
        found = said(b, 1, what, beat(g, member, EndpointInformationEpoch=know[member], **more))
        know[member] = found["EndpointInformationEpoch"]
        return found

    one("the first joins", A, shape=shape, UserEndpoint={"Host": "a", "Port": 1})
    two = one("the second joins", B, shape=shape, UserEndpoint={"Host": "b", "Port": 2})
    kept = one("the first is told to give up", A, epoch=2, has=(tasks(_0=[0, 1, 2, 3]), [], []))["ActiveTasks"][0]["Partitions"]
    one("the second waits", B, epoch=two["MemberEpoch"])
    one("the first has", A, epoch=2, has=(tasks(_0=kept), [], []))
    one("the second gets", B, epoch=3)
    one("the first goes on", A, epoch=3)
    one("the second goes on", B, epoch=3)
    one("the second joins again", B, shape=shape, UserEndpoint={"Host": "b", "Port": 2})
    one("the first, then", A, epoch=3)
    one("a third without an endpoint", C, shape=shape)
    epoch = one("the first keeps what it has", A, epoch=3)["MemberEpoch"]
    one("the second gives up for it", B, epoch=3)
    said(b, 1, "the third leaves", beat(g, C, epoch=-1))
    one("the first hears of it", A, epoch=epoch)
    said(b, 1, "the second leaves", beat(g, B, epoch=-1))
    one("the first is alone", A, epoch=epoch + 1)


@once
def another_topology(b):
    t, u, g = b.topic("t", 2), b.topic("u", 2), streams_group(b)
    said(b, 1, "joins", beat(g, shape=topology(part(sources=[t]))))
    said(b, 1, "the same from another", beat(g, B, shape=topology(part(sources=[t]))))
    said(b, 1, "leaves", beat(g, B, epoch=-1))
    said(b, 1, "another one", beat(g, B, shape=topology(part(sources=[u]))))
    said(b, 1, "of a later epoch", beat(g, B, shape=topology(part(sources=[u]), epoch=1)))
    said(b, 1, "of an earlier epoch", beat(g, B, shape=topology(part(sources=[t]), epoch=-1)))
    said(b, 1, "in another order", beat(g, B, shape=topology(part("0", [t]), part("1", [u]))))


@once
def an_older_topology(b):
    """A member of the application as it was before, while others have the next one."""
    t, g = b.topic("t", 2), streams_group(b)
    new, old = topology(part(sources=[t]), epoch=2), topology(part("5", sources=[t]), epoch=1)
    one = said(b, 1, "joins", beat(g, shape=new))
    two = said(b, 1, "an older one joins", beat(g, B, shape=old))
    said(b, 1, "the first gives up", beat(g, epoch=one["MemberEpoch"], has=(tasks(_0=[0]), [], [])))
    said(b, 1, "the older one gets", beat(g, B, epoch=two["MemberEpoch"]))
    said(b, 1, "it goes on", beat(g, B, epoch=two["MemberEpoch"]))
    said(b, 1, "the same without partitions", beat(g, B, shape=topology(part(sources=[t]), epoch=1)))
    described(b, 1, "both", g)
    said(b, 1, "leaves", beat(g, epoch=-1))
    said(b, 1, "the older one leaves", beat(g, B, epoch=-1))
    said(b, 1, "a later one, when nobody is there", beat(g, shape=topology(part(sources=[t]), epoch=3)))
    b.call("deleting it", "DeleteGroups", 2, {"GroupsNames": [g]})
    said(b, 1, "a later one, when it is deleted", beat(g, shape=topology(part(sources=[t]), epoch=3)))


@once
def creation_fails(b):
    """Topics that cannot be made: the members are told why, with the next heartbeat."""
    t, g = b.topic("t", 2), streams_group(b)
    c, d = f"{g}-c-changelog", f"{g}-d-changelog"
    first = said(b, 1, "joins", beat(g, shape=topology(part("0", [t], changelogs=[info(c, factor=3), info(d, factor=1, configs=[("retention.ms", "x")])]))))
    found = until(b, g, first["MemberEpoch"], lambda x: "failed" in str(x["Status"]))
    b.note("then", b.alike(found["Status"]))
    said(b, 1, "and then", beat(g, epoch=found["MemberEpoch"]))


@once
def topics_that_are_missing(b):
    g, t = streams_group(b), b.name("t")
    shape = topology(part(sources=[t]))
    first = said(b, 1, "its source", beat(g, shape=shape))
    b.topic("t", 2)
    found = until(b, g, first["MemberEpoch"], lambda x: x["ActiveTasks"])
    b.note("then", b.alike(found["ActiveTasks"]))


def until(b, group, epoch, good):
    """Heartbeats of the one member until an answer is good, as topics are made."""
    end = time.monotonic() + ANSWER_LIMIT_S
    while time.monotonic() < end:
        found = in_order(b.ask("StreamsGroupHeartbeat", 1, beat(group, epoch=epoch)))
        if good(found):
            return found
        epoch = found["MemberEpoch"] or epoch
        time.sleep(0.2)
    raise RuntimeError(f"{group} is told {found}")


@once
def internal_topics(b):
    """A changelog and a repartition topic are made as the application wants them."""
    t, g = b.topic("t", 3), streams_group(b)
    r, c, d = (f"{g}-{x}" for x in ("r-repartition", "c-changelog", "d-changelog"))
    shape = topology(part("0", [t], sinks=[r], changelogs=[info(d, factor=1, configs=[("cleanup.policy", "compact")])]),
                     part("1", [], changelogs=[info(c, factor=1, configs=[("cleanup.policy", "compact,delete")])],
                          repartitions=[info(r, 2, 1, [("retention.ms", "-1")])]))
    first = said(b, 1, "joins", beat(g, shape=shape))
    found = until(b, g, first["MemberEpoch"], lambda x: x["ActiveTasks"])
    b.note("its tasks", b.alike(found["ActiveTasks"]))
    for topic, n in ((r, 2), (c, 2), (d, 3)):
        b.learn(topic, n)
        rows = b.ask("DescribeConfigs", 4, {"Resources": [{"ResourceType": 2, "ResourceName": topic,
                                                           "ConfigurationKeys": ["cleanup.policy", "retention.ms"]}]})
        b.note(f"settings of {topic.rpartition('-')[2]} {topic[len(g):]}",
               sorted((x["Name"], x["Value"]) for x in rows["Results"][0]["Configs"]))


@once
def topics_that_do_not_fit(b):
    t, u, g = b.topic("t", 2), b.topic("u", 3), streams_group(b)
    both = {"SourceTopics": [0, 1], "SourceTopicRegex": [], "RepartitionSourceTopics": []}
    said(b, 1, "sources of different sizes", beat(g, shape=topology(part("0", [t, u], together=[both]))))
    h = streams_group(b, "h")
    c = f"{h}-c-changelog"
    b.ask("CreateTopics", 7, {"timeoutMs": 15000, "Topics": [{"Name": c, "NumPartitions": 5, "ReplicationFactor": 1}]})
    b.learn(c, 5)
    said(b, 1, "a changelog of another size", beat(h, shape=topology(part("0", [t], changelogs=[info(c, factor=1)]))))
    i = streams_group(b, "i")
    r = f"{i}-r-repartition"
    said(b, 1, "a repartition topic of another size", beat(i, shape=topology(
        part("0", [t], sinks=[r], repartitions=[info(r, 5, 1)],
             together=[{"SourceTopics": [0], "SourceTopicRegex": [], "RepartitionSourceTopics": [0]}]))))
    said(b, 1, "a factor that cannot be had", beat(streams_group(b, "j"), shape=topology(
        part("0", [t], changelogs=[info(b.name("j") + "-c-changelog", factor=3)]))))


@once
def two_members(b):
    t, g = b.topic("t", 4), streams_group(b)
    shape = topology(part(sources=[t]))
    one = said(b, 1, "the first joins", beat(g, shape=shape))
    two = said(b, 1, "the second joins", beat(g, B, shape=shape))
    told = said(b, 1, "the first is told to give up", beat(g, epoch=one["MemberEpoch"], has=(tasks(_0=[0, 1, 2, 3]), [], [])))
    kept = told["ActiveTasks"][0]["Partitions"]
    said(b, 1, "the second waits", beat(g, B, epoch=two["MemberEpoch"]))
    said(b, 1, "the first has not yet", beat(g, epoch=one["MemberEpoch"]))
    said(b, 1, "the first has", beat(g, epoch=one["MemberEpoch"], has=(tasks(_0=kept), [], [])))
    said(b, 1, "the first, whose answer was lost", beat(g, epoch=one["MemberEpoch"], has=(tasks(_0=kept), [], [])))
    said(b, 1, "the second gets", beat(g, B, epoch=two["MemberEpoch"]))
    said(b, 1, "the first leaves", beat(g, epoch=-1))
    said(b, 1, "the second hears", beat(g, B, epoch=two["MemberEpoch"]))


@once
def standby_tasks(b):
    t, g = b.topic("t", 2), streams_group(b, num_standby_replicas=1)
    c = f"{g}-c-changelog"
    shape = topology(part("0", [t], [info(c, factor=1)]))
    first = said(b, 1, "the first joins", beat(g, shape=shape))
    found = until(b, g, first["MemberEpoch"], lambda x: x["ActiveTasks"])
    b.note("alone", [b.alike(found[r]) for r in ROLES])
    two = in_order(b.ask("StreamsGroupHeartbeat", 1, beat(g, B, shape=shape)))
    b.note("the second joins", [b.alike(two[r]) for r in ROLES])
    described(b, 1, "both", g)


@once
def static_members(b):
    t, g = b.topic("t", 2), streams_group(b)
    shape = topology(part(sources=[t]))
    one = said(b, 1, "joins", beat(g, shape=shape, InstanceId="i"))
    said(b, 1, "another process while it is there", beat(g, B, shape=shape, InstanceId="i"))
    said(b, 1, "goes away for a while", beat(g, epoch=-2, InstanceId="i"))
    two = said(b, 1, "another process then", beat(g, B, shape=shape, InstanceId="i"))
    said(b, 1, "the first comes back", beat(g, epoch=one["MemberEpoch"], InstanceId="i"))
    said(b, 1, "another instance", beat(g, B, epoch=two["MemberEpoch"], InstanceId="j"))
    said(b, 1, "without it", beat(g, B, epoch=two["MemberEpoch"]))
    said(b, 1, "leaves for good", beat(g, B, epoch=-1, InstanceId="i"))


def described(b, v, what, group, **more):
    found = b.ask("StreamsGroupDescribe", v, {"GroupIds": [group], **more})
    for g in found["Groups"]:
        g["Members"].sort(key=lambda m: m["MemberId"])
        for m in g["Members"]:
            for kind in ("Assignment", "TargetAssignment"):
                in_order(m[kind])
    b.note(f"described, {what}", b.alike(found))


@each("StreamsGroupDescribe")
def descriptions(b, v):
    t, g = b.topic("t", 2), streams_group(b)
    described(b, v, "a group that is none", g)
    described(b, v, "an empty name", "")
    b.call("twice", "StreamsGroupDescribe", v, {"GroupIds": [g, g]})
    shape = topology(part(sources=[t]))
    said(b, 1, "joins", beat(g, shape=shape, RackId="r", UserEndpoint={"Host": "here", "Port": 7},
                             ClientTags=[{"Key": "zone", "Value": "z"}]))
    described(b, v, "one", g)
    described(b, v, "with what may be done to it", g, IncludeAuthorizedOperations=True)
    if v >= 1:
        described(b, v, "with its topology's description", g, IncludeTopologyDescription=True)
    said(b, 1, "leaves", beat(g, epoch=-1))
    described(b, v, "without members", g)


@once
def kinds(b):
    """Requests of other groups to a streams group, and the other way round."""
    t, g = b.topic("t", 2), streams_group(b)
    shape = topology(part(sources=[t]))
    one = said(b, 1, "joins", beat(g, shape=shape))
    b.call("a consumer's heartbeat", "ConsumerGroupHeartbeat", 1, {
        "GroupId": g, "MemberId": B, "MemberEpoch": 0, "RackId": None, "RebalanceTimeoutMs": 20000,
        "SubscribedTopicNames": [t], "TopicPartitions": []})
    b.call("a share consumer's heartbeat", "ShareGroupHeartbeat", 1, {
        "GroupId": g, "MemberId": B, "MemberEpoch": 0, "RackId": None, "SubscribedTopicNames": [t]})
    b.call("a classic heartbeat", "Heartbeat", 4, {"GroupId": g, "GenerationId": 1, "MemberId": A})
    b.call("as a consumer group", "ConsumerGroupDescribe", 1, {"GroupIds": [g]})
    b.call("as a share group", "ShareGroupDescribe", 1, {"GroupIds": [g]})
    b.call("as a classic one", "DescribeGroups", 6, {"Groups": [g]})
    found = b.ask("ListGroups", 5, {"TypesFilter": ["streams"]})
    b.note("listed", b.alike([x for x in found["Groups"] if x["GroupId"] == g]))

    def commit(what, member, epoch, v=9):
        b.call(what, "OffsetCommit", v, {"GroupId": g, "GenerationIdOrMemberEpoch": epoch, "MemberId": member, "Topics": [
            {"Name": t, "Partitions": [{"PartitionIndex": 0, "CommittedOffset": 5, "CommittedMetadata": ""}]}]})

    commit("a commit of the member", A, one["MemberEpoch"])
    commit("of an older client", A, one["MemberEpoch"], 8)
    commit("with an epoch to come", A, one["MemberEpoch"] + 1)
    commit("of nobody", "z", 1)
    commit("from outside", "", -1)
    b.call("a look of the member", "OffsetFetch", 9, {"Groups": [{"GroupId": g, "MemberId": A, "MemberEpoch": one["MemberEpoch"], "Topics": None}]})
    b.call("deleting an offset", "OffsetDelete", 0, {"GroupId": g, "Topics": [{"Name": t, "Partitions": [{"PartitionIndex": 0}]}]})
    b.call("deleting it", "DeleteGroups", 2, {"GroupsNames": [g]})
    said(b, 1, "leaves", beat(g, epoch=-1))
    b.call("deleting it, without members", "DeleteGroups", 2, {"GroupsNames": [g]})
    b.call("deleting it again", "DeleteGroups", 2, {"GroupsNames": [g]})
    c = ready(b, b.name("c"))
    b.call("a consumer group", "ConsumerGroupHeartbeat", 1, {
        "GroupId": c, "MemberId": B, "MemberEpoch": 0, "RackId": None, "RebalanceTimeoutMs": 20000,
        "SubscribedTopicNames": [t], "TopicPartitions": []})
    said(b, 1, "a streams heartbeat to it", beat(c, shape=shape))
    b.call("as a streams group", "StreamsGroupDescribe", 1, {"GroupIds": [c]})
