"""Metadata, DescribeCluster, DescribeTopicPartitions, ApiVersions, FindCoordinator."""

import struct
import time

from . import schema
from .cases import each, edges, once


def named(v, *names):
    return [{"Name": n} for n in names]


def without_creation(v):
    return {"AllowAutoTopicCreation": False} if v >= 4 else {}


@each("Metadata")
def topics(b, v):
    t, u = b.topic("t", partitions=3), b.topic("u")
    no = without_creation(v)
    b.call("one", "Metadata", v, {"Topics": named(v, t), **no})
    b.call("two", "Metadata", v, {"Topics": named(v, u, t), **no})
    b.call("the same twice", "Metadata", v, {"Topics": named(v, u, u), **no})
    if v >= 1:
        b.call("none", "Metadata", v, {"Topics": [], **no})
        found = b.ask("Metadata", v, {"Topics": None, **no})
        mine = sorted(x["Name"] for x in found["Topics"] if x["Name"] in (t, u))
        b.note("all", mine)
    if v >= 8:
        b.call("what one may do", "Metadata", v, {"Topics": named(v, t), **no, "IncludeTopicAuthorizedOperations": True})
    if 8 <= v <= 10:
        b.call("what one may do with the cluster", "Metadata", v,
               {"Topics": [], **no, "IncludeClusterAuthorizedOperations": True})


@edges("Metadata", 1, 4, 5, 10)
def unknown(b, v):
    no = without_creation(v)
    if v >= 4:
        b.call("not there", "Metadata", v, {"Topics": named(v, b.name("none")), **no})
    for name in ("", ".", "..", "a b", "a/b", "x" * 250, "ä"):
        b.call(f"name {name[:9]!r}", "Metadata", v, {"Topics": named(v, name), **no})
    found = b.ask("Metadata", v, {"Topics": named(v, b.name("new")), **({"AllowAutoTopicCreation": True} if v >= 4 else {})})
    b.note("created when asked for", found["Topics"][0]["ErrorCode"] in (3, 5))
    b.learn(b.name("new"))
    b.call("created", "Metadata", v, {"Topics": named(v, b.name("new"))})


@each("Metadata", low=10)
def ids(b, v):
    t = b.topic("t")

    def one(what, **topic):
        b.call(what, "Metadata", v, {"Topics": [topic], "AllowAutoTopicCreation": False})

    one("by id", Name=None, TopicId=b.ids[t])
    one("an id that nobody has", Name=None, TopicId=b"\x55" * 16)
    one("id and name", Name=t, TopicId=b.ids[t])
    one("id and another name", Name="other", TopicId=b.ids[t])
    one("neither", Name=None, TopicId=bytes(16))
    b.call("by id, by name", "Metadata", v, {"AllowAutoTopicCreation": False, "Topics": [
        {"Name": None, "TopicId": b.ids[t]}, {"Name": t}]})


@each("DescribeCluster")
def cluster(b, v):
    b.call("plain", "DescribeCluster", v)
    b.call("what one may do", "DescribeCluster", v, {"IncludeClusterAuthorizedOperations": True})
    if v >= 1:
        for kind in (0, 1, 2, 3):
            b.call(f"endpoints of type {kind}", "DescribeCluster", v, {"EndpointType": kind})
    if v >= 2:
        b.call("fenced ones too", "DescribeCluster", v, {"IncludeFencedBrokers": True})


@each("DescribeTopicPartitions")
def partitions(b, v):
    t, u = b.topic("t", partitions=5), b.topic("u", partitions=2)

    def one(what, *names, **more):
        b.call(what, "DescribeTopicPartitions", v, {"Topics": [{"Name": n} for n in names], **more})

    one("one", t)
    one("two", u, t)
    one("the same twice", t, t)
    one("unknown", b.name("none"))
    one("a wrong name", "a/b")
    one("an empty name", "")
    one("limit 3", t, u, ResponsePartitionLimit=3)
    one("limit 5", t, u, ResponsePartitionLimit=5)
    one("limit 0", t, u, ResponsePartitionLimit=0)
    one("limit -1", t, u, ResponsePartitionLimit=-1)
    one("from 3", t, u, Cursor={"TopicName": t, "PartitionIndex": 3})
    one("from the second", t, u, Cursor={"TopicName": u, "PartitionIndex": 0})
    one("from 9", t, u, Cursor={"TopicName": t, "PartitionIndex": 9})
    one("from -1", t, u, Cursor={"TopicName": t, "PartitionIndex": -1})
    one("from a topic between", t, u, Cursor={"TopicName": t + "x", "PartitionIndex": 1})


@each("ApiVersions")
def versions(b, v):
    found = b.ask("ApiVersions", v, {"ClientSoftwareName": "differ", "ClientSoftwareVersion": "1"})
    b.note("error", found["ErrorCode"])
    served = {schema.api_names()[x["ApiKey"]]: (x["MinVersion"], x["MaxVersion"]) for x in found["ApiKeys"]}
    for name in ("Produce", "Fetch", "Metadata", "InitProducerId", "ApiVersions", "CreateTopics"):
        b.note(name, served.get(name))
    b.note("tagged fields", sorted(k for k in found if k not in ("ErrorCode", "ApiKeys", "ThrottleTimeMs")))


@edges("ApiVersions")
def software(b, v):
    if v < 3:
        return
    for name, version in (("", "1"), ("x", ""), ("a b", "1"), ("-x", "1"), ("x-", "1"), ("x.y-z", "1-2.3")):
        found = b.ask("ApiVersions", v, {"ClientSoftwareName": name, "ClientSoftwareVersion": version})
        b.note(f"{name!r} {version!r}", found and (found["ErrorCode"], len(found["ApiKeys"]) > 0))


@once
def unknown_versions(b):
    """An old client asks in a version that is not known (KIP-511)."""
    for v in (6, 7, 999, 32767, -1):
        try:
            b.connect().sendall(struct.pack(">ihhih", 10, 18, v, 77, -1))
            b.note(f"ApiVersions v{v} as bytes", b.receive_bytes())
        except Exception as e:
            b.note(f"ApiVersions v{v} as bytes", type(e).__name__)
        b.disconnect()


@each("ApiVersions", low=5)
def cluster_id(b, v):
    """KIP-1242: whoever means another cluster or node is told."""
    for what, fields in (("ours", {"ClusterId": "MkU3OEVBNTcwNTJENDM2Qk", "NodeId": 1}),
                         ("another cluster", {"ClusterId": "MkU3OEVBNTcwNTJENDM2QQ"}),
                         ("our cluster alone", {"ClusterId": "MkU3OEVBNTcwNTJENDM2Qk"}), ("our node alone", {"NodeId": 1}),
                         ("no cluster", {"ClusterId": "", "NodeId": 1}), ("another node", {"NodeId": 4}), ("node -1", {"NodeId": -1}),
                         ("our cluster, another node", {"ClusterId": "MkU3OEVBNTcwNTJENDM2Qk", "NodeId": 7}),
                         ("another cluster, our node", {"ClusterId": "x", "NodeId": 1})):
        found = b.ask("ApiVersions", v, {"ClientSoftwareName": "d", "ClientSoftwareVersion": "1", **fields})
        b.note(what, found and (found["ErrorCode"], len(found["ApiKeys"]) > 1))


@each("FindCoordinator")
def coordinators(b, v):
    for key in ("some", ""):
        for kind in ((0, 1, 2, 3, -1) if v >= 1 else (0,)):
            if kind == 1:
                continue  # transactions are not there yet
            fields = {"CoordinatorKeys": [key]} if v >= 4 else {"Key": key}
            for _ in range(200):
                found = b.ask("FindCoordinator", v, {**fields, **({"KeyType": kind} if v >= 1 else {})})
                code = found and (found["Coordinators"][0] if v >= 4 else found)["ErrorCode"]
                if code != 15:
                    break
                time.sleep(0.05)
            b.note(f"type {kind}, key {key!r}", b.alike(found) if found else "closed")
    if v >= 4:
        b.call("no keys", "FindCoordinator", v, {"KeyType": 0})
