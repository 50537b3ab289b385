"""Requests about transactions, cut off, altered and exaggerated: they cost a connection at most, and a transaction that goes on
beside them is committed."""

import random
import struct
import time

from asks import asker
from claim import claim
from claims_connections import attacked, throw
from differ import schema
from wire import frame

ALTERED = 30  # of each request
NAME = "honest"


def sound(pid, epoch):
    """A request of each kind that could be right: {API: (first version, fields)}"""
    who = {"TransactionalId": NAME, "ProducerId": pid, "ProducerEpoch": epoch}
    topics = [{"Name": "begun", "Partitions": [0]}]
    offsets = [{"Name": "begun", "TopicId": b"\x11" * 16, "Partitions": [
        {"PartitionIndex": 0, "CommittedOffset": 1, "CommittedLeaderEpoch": -1, "CommittedMetadata": "m"}]}]
    marker = {"ProducerId": pid, "ProducerEpoch": epoch, "TransactionResult": False, "CoordinatorEpoch": 0,
              "Topics": [{"Name": "begun", "PartitionIndexes": [0]}]}
    return {
        "InitProducerId": {"TransactionalId": "another", "TransactionTimeoutMs": 1000, "ProducerId": -1, "ProducerEpoch": -1},
        "AddPartitionsToTxn": {"Transactions": [{**who, "VerifyOnly": False, "Topics": topics}], "V3AndBelowTopics": topics,
                               **{f"V3AndBelow{k}": x for k, x in who.items()}},
        "AddOffsetsToTxn": {**who, "GroupId": "g"},
        "EndTxn": {**who, "ProducerEpoch": epoch + 7, "Committed": False},
        "WriteTxnMarkers": {"Markers": [{**marker, "ProducerId": pid + 77}]},
        "TxnOffsetCommit": {**who, "GroupId": "g", "GenerationIdOrMemberEpoch": 1, "MemberId": "m", "GroupInstanceId": "i",
                            "Topics": offsets},
        "ListTransactions": {"StateFilters": ["Ongoing"], "ProducerIdFilters": [1, 2], "DurationFilter": 5,
                             "TransactionalIdPattern": "h.*"},
        "DescribeTransactions": {"TransactionalIds": [NAME, "x"]},
        "DescribeProducers": {"Topics": [{"Name": "begun", "PartitionIndexes": [0]}]},
    }


def altered(dice, body):
    """One wrong form of these bytes: cut off, with other bytes in it, or with a length that cannot be."""
    data = bytearray(body)
    at = dice.randrange(len(data))
    kind = dice.randrange(4)
    if kind == 0:
        return bytes(data[:at])
    if kind == 1:
        data[at] ^= 1 << dice.randrange(8)
    elif kind == 2:
        data[at:at + 4] = struct.pack(">i", dice.choice((-1, -2, 1 << 30, (1 << 31) - 1, -(1 << 31))))
    else:
        data[at:at] = dice.randbytes(dice.randrange(1, 9))
    return bytes(data)


def begin(b):
    """The honest producer's id and epoch."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        b.ask("FindCoordinator", 2, {"Key": NAME, "KeyType": 1})
        found = b.ask("InitProducerId", 4, {"TransactionalId": NAME, "TransactionTimeoutMs": 60000, "ProducerId": -1,
                                           "ProducerEpoch": -1})
        if found and not found["ErrorCode"]:
            return found["ProducerId"], found["ProducerEpoch"]
        time.sleep(0.1)
    raise AssertionError(f"no producer id: {found}")


def head(api, v):
    return struct.pack(">hhih", api.key, v, 1, 4) + b"evil" + (b"\0" if api.request.is_flexible(v) else b"")


@claim
def altered_requests_about_transactions_harm_nothing(binary, folder):
    dice = random.Random(7)
    with attacked(binary, folder) as d, asker(d) as b:
        topics = {"timeoutMs": 15000, "Topics": [{"Name": "begun", "NumPartitions": 1, "ReplicationFactor": 1, "Configs": []}]}
        b.ask("CreateTopics", 7, topics)
        pid, epoch = begin(b)
        for name, fields in sound(pid, epoch).items():
            api = schema.api(name)
            for v in api.versions():
                body = api.request.encode(v, fields)
                for _ in range(ALTERED):
                    throw(d.port, frame(head(api, v) + altered(dice, body)), within=0.005)
        added = b.ask("AddPartitionsToTxn", 3, {**sound(pid, epoch)["AddPartitionsToTxn"]})
        assert added["ResultsByTopicV3AndBelow"][0]["ResultsByPartition"][0]["PartitionErrorCode"] == 0, added
        ended = b.ask("EndTxn", 4, {"TransactionalId": NAME, "ProducerId": pid, "ProducerEpoch": epoch, "Committed": True})
        assert ended["ErrorCode"] == 0, ended


@claim
def hostile_patterns_of_transactional_ids_cost_little(binary, folder):
    with attacked(binary, folder) as d, asker(d) as b:
        begin(b)
        for name in ("a" * 200, "a" * 200 + "!"):
            b.ask("InitProducerId", 4, {"TransactionalId": name, "TransactionTimeoutMs": 60000, "ProducerId": -1,
                                       "ProducerEpoch": -1})
        patterns = ["(a+)+$", "(a|a)*b", "(a|aa)+$", "(.*a){20}", "(" * 200 + "a" + ")" * 200, "a{1000}{1000}", "[" * 100,
                    "(?R)", "\\1(a)", "(?=a)" * 50, "x" * 9000, "\\p{L}+" * 300, "\x00", "(?:a?){64}a{64}", "*", "\\"]
        for p in patterns:
            began = time.monotonic()
            found = b.ask("ListTransactions", 2, {"StateFilters": [], "ProducerIdFilters": [], "DurationFilter": -1,
                                                 "TransactionalIdPattern": p})
            took = time.monotonic() - began
            assert found is not None and schema.error_names()[found["ErrorCode"]] in ("NONE", "INVALID_REGULAR_EXPRESSION"), p
            assert took < 5, f"{p[:40]} took {took:.1f} s"


@claim
def a_transactional_id_may_be_any_text(binary, folder):
    """What has a line end in it is in no list of what matches, and in the whole list once."""
    names = ["two\nlines", "\t", " ", "äöü €", "x" * 30000, "quoted \"'\\", "%s%n"]
    with attacked(binary, folder) as d, asker(d) as b:
        begin(b)
        for name in names:
            found = None
            end = time.monotonic() + 30
            while (not found or found["ErrorCode"]) and time.monotonic() < end:
                b.ask("FindCoordinator", 2, {"Key": name, "KeyType": 1})
                found = b.ask("InitProducerId", 4, {"TransactionalId": name, "TransactionTimeoutMs": 60000, "ProducerId": -1,
                                                   "ProducerEpoch": -1})
            assert found and not found["ErrorCode"], (name[:20], found)
        empty = {"StateFilters": [], "ProducerIdFilters": [], "DurationFilter": -1}
        listed = {x["TransactionalId"] for x in b.ask("ListTransactions", 1, empty)["TransactionStates"]}
        assert listed == {NAME, *names}, listed
        found = b.ask("ListTransactions", 2, {**empty, "TransactionalIdPattern": "(?s).*"})
        matching = {x["TransactionalId"] for x in found["TransactionStates"]}
        assert matching == {NAME, *names} - {"two\nlines"}, matching
        for name in names:
            state = b.ask("DescribeTransactions", 0, {"TransactionalIds": [name]})["TransactionStates"][0]
            assert (state["ErrorCode"], state["TransactionState"]) == (0, "Empty"), (name[:20], state)
