"""Requests about share groups, cut off, altered and exaggerated: they cost a connection at most, and a member that reads beside
them has every record once."""

import random
import time

from asks import asker
from claim import claim
from claims_connections import attacked, throw
from claims_transactions import ALTERED, altered, head
from differ import schema
from differ.cases_fetch import fill
from differ.cases_share import ACCEPT, Reader, acks, beat, join, share_group
from wire import frame

HUGE = 1 << 62


def sound(b, group, topic):
    """A request of each kind that could be right: {API: fields}"""
    name, uuid = topic, b.ids[topic]
    batch = acks(0, 3, 1, 2, 3, 0)
    part = {"PartitionIndex": 0, "AcknowledgementBatches": [batch]}
    state = {"FirstOffset": 0, "LastOffset": 3, "DeliveryState": 2, "DeliveryCount": 1}
    who = {"GroupId": "evil", "MemberId": "AAAAAAAAAAAAAAAAAAAAIg", "ShareSessionEpoch": 0}

    def of_state(**row):
        return {"GroupId": "evil", "Topics": [{"TopicId": uuid, "Partitions": [{"Partition": 0, **row}]}]}

    return {
        "ShareGroupHeartbeat": beat("evil", "AAAAAAAAAAAAAAAAAAAAIg", 0, [name], RackId="r"),
        "ShareGroupDescribe": {"GroupIds": [group, "x"], "IncludeAuthorizedOperations": True},
        "ShareFetch": {**who, "MaxBytes": 1000, "MaxRecords": 10, "BatchSize": 10,
                       "Topics": [{"TopicId": uuid, "Partitions": [{"PartitionIndex": 0, "AcknowledgementBatches": []}]}],
                       "ForgottenTopicsData": [{"TopicId": uuid, "Partitions": [1, 2]}]},
        "ShareAcknowledge": {**who, "ShareSessionEpoch": 1, "Topics": [{"TopicId": uuid, "Partitions": [part]}]},
        "DescribeShareGroupOffsets": {"Groups": [{"GroupId": group, "Topics": [{"TopicName": name, "Partitions": [0, 1]}]}]},
        "AlterShareGroupOffsets": {"GroupId": "evil", "Topics": [
            {"TopicName": name, "Partitions": [{"PartitionIndex": 0, "StartOffset": 1}]}]},
        "DeleteShareGroupOffsets": {"GroupId": "evil", "Topics": [{"TopicName": name}]},
        "InitializeShareGroupState": of_state(StateEpoch=1, StartOffset=0),
        "ReadShareGroupState": of_state(LeaderEpoch=0),
        "WriteShareGroupState": of_state(StateEpoch=1, LeaderEpoch=0, StartOffset=0, StateBatches=[state]),
        "DeleteShareGroupState": of_state(),
        "ReadShareGroupStateSummary": of_state(LeaderEpoch=0),
    }


def begun(b):
    """A group with a member that has a topic's six records before it, and the topic."""
    b.where = "shares"
    topic = b.topic("t")
    fill(b, topic, 6)
    group = share_group(b)
    join(b, group, [topic], 1)
    return group, topic


def read_all(b, group, topic):
    """What the honest member gets, each of which it accepts."""
    got, r = [], Reader(b, group)
    end = time.monotonic() + 30
    while len(got) < 6 and time.monotonic() < end:
        found = r.acquire("", topic, MaxRecords=2, BatchSize=1)
        assert found and not found["ErrorCode"], found
        for x in (x for t in found["Responses"] for p in t["Partitions"] for x in p["AcquiredRecords"]):
            got += range(x["FirstOffset"], x["LastOffset"] + 1)
            told = r.acknowledge("", topic, {0: [acks(x["FirstOffset"], x["LastOffset"], ACCEPT)]})
            assert told["Responses"][0]["Partitions"][0]["ErrorCode"] == 0, told
    return got


@claim
def altered_requests_about_share_groups_harm_nothing(binary, folder):
    dice = random.Random(11)
    with attacked(binary, folder) as d, asker(d) as b:
        group, topic = begun(b)
        for name, fields in sound(b, group, topic).items():
            api = schema.api(name)
            for v in api.versions():
                body = api.request.encode(v, fields)
                for _ in range(ALTERED):
                    throw(d.port, frame(head(api, v) + altered(dice, body)), within=0.005)
        got = read_all(b, group, topic)
        assert got == list(range(6)), f"the honest member was given {got}"


@claim
def acknowledgements_of_the_whole_range_of_offsets_cost_nothing(binary, folder):
    with attacked(binary, folder) as d, asker(d) as b:
        group, topic = begun(b)
        r = Reader(b, group)
        r.acquire("", topic, MaxRecords=2, BatchSize=1)
        for rows in ([acks(0, HUGE, ACCEPT)], [acks(-HUGE, HUGE, ACCEPT)], [acks(0, (1 << 63) - 1, *[1] * 5)],
                     [acks(i, i, ACCEPT) for i in range(50_000)], [acks(0, 1, *[1] * 100_000)]):
            began = time.monotonic()
            found = r.acknowledge("", topic, {0: rows})
            assert found and found["Responses"][0]["Partitions"][0]["ErrorCode"], found
            assert time.monotonic() - began < 20
        found = r.acknowledge("", topic, {0: [acks(0, 1, ACCEPT)]})
        assert found["Responses"][0]["Partitions"][0]["ErrorCode"] == 0, found


@claim
def states_that_cannot_be_are_refused(binary, folder):
    """A share coordinator keeps what its brokers say: and nothing that no broker would."""
    with attacked(binary, folder) as d, asker(d) as b:
        group, topic = begun(b)

        def write(**row):
            return b.ask("WriteShareGroupState", 1, {"GroupId": group, "Topics": [{"TopicId": b.ids[topic], "Partitions": [
                {"Partition": 0, "StateEpoch": HUGE >> 32, "LeaderEpoch": 0, "StartOffset": 0, **row}]}]})

        def batch(first, last, state=2, count=1):
            return {"FirstOffset": first, "LastOffset": last, "DeliveryState": state, "DeliveryCount": count}

        for rows in ([batch(-1, 3)], [batch(3, 1)], [batch(0, (1 << 63) - 1)], [batch(0, 1, 1)], [batch(0, 1, 77)], [batch(0, 1, 2, -5)]):
            found = write(StateBatches=rows)
            assert found and found["Results"][0]["Partitions"][0]["ErrorCode"], f"{rows} was taken"
        for row in ({"LeaderEpoch": -5}, {"StateEpoch": -5}):
            found = write(StateBatches=[], **row)
            assert found and found["Results"][0]["Partitions"][0]["ErrorCode"], f"{row} was taken"
        got = read_all(b, group, topic)
        assert got == list(range(6)), f"the honest member was given {got}"
