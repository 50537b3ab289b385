"""Requests about streams groups, altered and exaggerated: they cost a connection at most, and a member that works beside them
keeps its tasks."""

import random
import time

from asks import asker
from claim import claim
from claims_connections import attacked, throw
from claims_transactions import ALTERED, altered, head
from differ import schema
from differ.cases_streams import B, beat, info, part, streams_group, tasks, topology
from wire import frame


class Honest:
    """A member that has both tasks of its topic."""

    def __init__(self, b):
        b.where = "streams"
        self.b, self.topic, self.group = b, b.topic("t", 2), streams_group(b)
        found = self.ask(beat(self.group, shape=topology(part(sources=[self.topic]))))
        self.epoch = found["MemberEpoch"]
        assert sorted(found["ActiveTasks"][0]["Partitions"]) == [0, 1], found

    def ask(self, row):
        found = self.b.ask("StreamsGroupHeartbeat", 1, row)
        assert found and not found["ErrorCode"], found
        return found

    def check(self):
        found = self.ask(beat(self.group, epoch=self.epoch, has=(tasks(_0=[0, 1]), [], [])))
        assert found["MemberEpoch"] == self.epoch, f"its epoch was {self.epoch}, and is {found['MemberEpoch']}"


def sound(honest):
    """A request of each kind that could be right: [(API, fields)]"""
    t, g = honest.topic, "evil"
    together = {"SourceTopics": [0], "SourceTopicRegex": [], "RepartitionSourceTopics": [0]}
    shape = topology(part("0", [t], [info(g + "-c-changelog", 0, 1, [("cleanup.policy", "compact")])], [g + "-r-repartition"]),
                     part("1", [t], repartitions=[info(g + "-r-repartition", 2, 1)], together=[together]))
    at = [{"SubtopologyId": "0", "Partition": 0, "Offset": 3}]
    return [
        ("StreamsGroupHeartbeat", beat(g, B, 0, shape, InstanceId="i", RackId="r", UserEndpoint={"Host": "h", "Port": 1},
                                       ClientTags=[{"Key": "k", "Value": "v"}])),
        ("StreamsGroupHeartbeat", beat(g, B, 1, has=(tasks(_0=[0, 1]), tasks(_1=[0]), []), TaskOffsets=at, TaskEndOffsets=at)),
        ("StreamsGroupDescribe", {"GroupIds": [honest.group, "x"], "IncludeAuthorizedOperations": True}),
    ]


@claim
def altered_requests_about_streams_groups_harm_nothing(binary, folder):
    dice = random.Random(12)
    with attacked(binary, folder) as d, asker(d) as b:
        honest = Honest(b)
        for name, fields in sound(honest):
            api = schema.api(name)
            for v in api.versions():
                body = api.request.encode(v, fields)
                for _ in range(ALTERED):
                    throw(d.port, frame(head(api, v) + altered(dice, body)), within=0.005)
        honest.check()


@claim
def topologies_without_measure_are_refused_quickly(binary, folder):
    with attacked(binary, folder) as d, asker(d) as b:
        honest = Honest(b)
        t = honest.topic
        many = [part(str(i), [t]) for i in range(20_000)]
        chain = [part(str(i), [t] if i == 0 else [], sinks=[f"g-{i + 1}-repartition"],
                      repartitions=[info(f"g-{i}-repartition", 0, 1)] if i else []) for i in range(3_000)]
        loop = [part(str(i), [], sinks=[f"g-{(i + 1) % 500}-repartition"], repartitions=[info(f"g-{i}-repartition", 0, 1)]) for i in range(500)]
        wide = part("0", [f"s{i}" for i in range(30_000)],
                    together=[{"SourceTopics": list(range(30_000)), "SourceTopicRegex": [], "RepartitionSourceTopics": []}] * 20)
        huge = part("0", [t], [info(f"g-{i}-changelog", 2_000_000_000, 32_767, [("a", "b")] * 10) for i in range(2_000)])
        for i, parts in enumerate((many, chain, loop, [wide], [huge], [part("0", [t])] * 5_000)):
            began = time.monotonic()
            b.ask("StreamsGroupHeartbeat", 1, beat(f"evil{i}", B, shape=topology(*parts)))
            took = time.monotonic() - began
            assert took < 20, f"topology {i} took {took:.1f} s"
            honest.check()


@claim
def tasks_that_are_none_are_refused(binary, folder):
    with attacked(binary, folder) as d, asker(d) as b:
        honest = Honest(b)
        for partitions in ([2], [-1], [(1 << 31) - 1], list(range(100_000)), [-(1 << 31)]):
            for has in ((tasks(_0=partitions), [], []), ([], tasks(_0=partitions), []), ([], [], tasks(_0=partitions))):
                found = b.ask("StreamsGroupHeartbeat", 1, beat(honest.group, epoch=honest.epoch, has=has))
                assert found and found["ErrorCode"], f"{partitions[:3]} was taken"
        honest.check()
