"""A group of many members that all come at once: from the first word until each has its partitions, and all know it in one
epoch. Each member is a thread with a connection, and says what a client says, when a client says it: heartbeats at the interval
that it is told (classic: three seconds), at once when it has something to acknowledge or to rejoin for."""

import base64
import struct
import threading
import time

from differ.broker import Broker
from harness.wire import WireError

MEMBER_ID_REQUIRED, REBALANCE_IN_PROGRESS = 79, 27
CLASSIC_HEARTBEAT_S, LEAVE = 3, -1


class Crowd:
    """What all of them have been told, and how many requests that took."""

    def __init__(self, node, topic, partitions, members):
        self.node, self.topic, self.partitions, self.members = node, topic, partitions, members
        self.lock, self.settled = threading.Lock(), threading.Event()
        self.has, self.requests, self.took_s, self.errors = {}, 0, None, []

    def told(self, who, epoch, owned):
        with self.lock:
            self.has[who] = (epoch, owned)
            if len(self.has) < self.members or len({e for e, _ in self.has.values()}) > 1:
                return
            rows = [p for _, v in self.has.values() for p in v]
            is_shared = all(len(v) == self.partitions // self.members for _, v in self.has.values())
            if is_shared and len(set(rows)) == self.partitions and not self.settled.is_set():
                self.took_s = time.monotonic() - self.began
                self.settled.set()

    def asker(self):
        """How one member asks."""
        broker = Broker(self.node.address, "crowd")

        def ask(name, version, fields):
            with self.lock:
                self.requests += not self.settled.is_set()
            answer = broker.ask(name, version, fields)
            if answer is None:
                raise WireError(f"{name}: {broker.why}")
            return answer

        return ask

    def gather(self, member, group, limit_s):
        """Lets them all come, and go when they are settled; returns then, with what waits until the last is gone."""

        def run(who):
            try:
                member(self, self.asker(), group, who)
            except Exception as e:  # of a thread: told by the one that waits
                self.errors.append(f"member {who}: {e}")
                self.settled.set()

        threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(self.members)]
        self.began = time.monotonic()
        for t in threads:
            t.start()
        if not self.settled.wait(limit_s):
            self.errors.append(f"not settled in {limit_s} s: {len(self.has)} members, {self.requests} requests")
            self.settled.set()

        def gone():
            for t in threads:
                t.join(limit_s)
            if self.errors:
                raise WireError(self.errors[0])

        return gone


def refused(answer, what):
    if answer["ErrorCode"]:
        raise WireError(f"{what}: error {answer['ErrorCode']}")


# ---- KIP-848 ----


def by_consumer_protocol(crowd, ask, group, who):
    base = {"GroupId": group, "MemberId": f"member-{who:04d}-{group}", "InstanceId": None, "RackId": None,
            "RebalanceTimeoutMs": -1, "SubscribedTopicNames": None, "SubscribedTopicRegex": None,
            "ServerAssignor": None, "TopicPartitions": None}
    row = {**base, "MemberEpoch": 0, "RebalanceTimeoutMs": 300_000, "SubscribedTopicNames": [crowd.topic],
           "TopicPartitions": []}
    owned = []
    while not crowd.settled.is_set():
        answer = ask("ConsumerGroupHeartbeat", 1, row)
        refused(answer, "ConsumerGroupHeartbeat")
        row = {**base, "MemberEpoch": answer["MemberEpoch"]}
        if answer["Assignment"] is None:
            crowd.told(who, answer["MemberEpoch"], owned)
            crowd.settled.wait(answer["HeartbeatIntervalMs"] / 1000)
            continue
        parts = answer["Assignment"]["TopicPartitions"]
        owned = [p for t in parts for p in t["Partitions"]]
        row["TopicPartitions"] = [{**t, "TopicId": base64.urlsafe_b64decode(t["TopicId"] + "==")} for t in parts]
        crowd.told(who, answer["MemberEpoch"], owned)
    ask("ConsumerGroupHeartbeat", 1, {**base, "MemberEpoch": LEAVE})


# ---- classic ----


def subscription(topic):
    return struct.pack(">hih", 0, 1, len(topic)) + topic.encode() + struct.pack(">i", -1)


def assignment(topic, partitions):
    rows = struct.pack(f">i{len(partitions)}i", len(partitions), *partitions)
    return struct.pack(">hih", 0, 1, len(topic)) + topic.encode() + rows + struct.pack(">i", -1)


def assigned(topic, data):
    at = 8 + len(topic)
    n = struct.unpack_from(">i", data, at)[0]
    return list(struct.unpack_from(f">{n}i", data, at + 4))


def by_range(crowd, joined):
    """The leader's work."""
    ids = [m["MemberId"] for m in joined["Members"]]
    return [{"MemberId": m, "Assignment": assignment(crowd.topic, range(i * crowd.partitions // len(ids),
                                                                        (i + 1) * crowd.partitions // len(ids)))}
            for i, m in enumerate(ids)]


def by_classic_protocol(crowd, ask, group, who):
    member = ""
    while not crowd.settled.is_set():
        joined = ask("JoinGroup", 9, {
            "GroupId": group, "SessionTimeoutMs": 45_000, "RebalanceTimeoutMs": 300_000, "MemberId": member,
            "GroupInstanceId": None, "ProtocolType": "consumer", "Reason": None,
            "Protocols": [{"Name": "range", "Metadata": subscription(crowd.topic)}]})
        member = joined["MemberId"]
        if joined["ErrorCode"] == MEMBER_ID_REQUIRED:
            continue
        refused(joined, "JoinGroup")
        me = {"GroupId": group, "GenerationId": joined["GenerationId"], "MemberId": member, "GroupInstanceId": None}
        synced = ask("SyncGroup", 5, {**me, "ProtocolType": "consumer", "ProtocolName": "range",
                                      "Assignments": by_range(crowd, joined) if joined["Leader"] == member else []})
        if synced["ErrorCode"] == REBALANCE_IN_PROGRESS:
            continue
        refused(synced, "SyncGroup")
        crowd.told(who, joined["GenerationId"], assigned(crowd.topic, synced["Assignment"]))
        while not crowd.settled.wait(CLASSIC_HEARTBEAT_S):
            beat = ask("Heartbeat", 4, me)
            if beat["ErrorCode"] == REBALANCE_IN_PROGRESS:
                break
            refused(beat, "Heartbeat")
    ask("LeaveGroup", 5, {"GroupId": group, "Members": [{"MemberId": member, "GroupInstanceId": None, "Reason": None}]})


PROTOCOLS = {"classic": by_classic_protocol, "consumer": by_consumer_protocol}
