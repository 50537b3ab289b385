"""DescribeLogDirs, DescribeQuorum, UpdateFeatures, UnregisterBroker; which APIs there are."""

from . import schema
from .cases import each, once
from .cases_fetch import fill


@each("DescribeLogDirs")
def folders(b, v):
    t = b.topic("t", partitions=2)
    fill(b, t, 2)
    b.call("one", "DescribeLogDirs", v, {"Topics": [{"Topic": t, "Partitions": [0, 1]}]})
    b.call("one of two", "DescribeLogDirs", v, {"Topics": [{"Topic": t, "Partitions": [1, 9]}]})
    b.call("unknown", "DescribeLogDirs", v, {"Topics": [{"Topic": b.name("none"), "Partitions": [0]}]})
    b.call("none", "DescribeLogDirs", v, {"Topics": []})


@each("DescribeQuorum")
def quorum(b, v):
    def one(what, *rows):
        found = b.ask("DescribeQuorum", v, {"Topics": [
            {"TopicName": t, "Partitions": [{"PartitionIndex": i} for i in parts]} for t, parts in rows]})
        for t in (found or {}).get("Topics", []):
            for p in t["Partitions"]:
                p.pop("LeaderEpoch"), p.pop("HighWatermark")
                for r in p["CurrentVoters"] + p["Observers"]:
                    r["LogEndOffset"] = r["LogEndOffset"] > 0
        for n in (found or {}).get("Nodes", []):
            for x in n["Listeners"]:
                x["Port"] = "port"
        b.note(what, b.alike(found) if found else "closed")

    one("the metadata log", ("__cluster_metadata", [0]))
    one("partition 1", ("__cluster_metadata", [1]))
    one("another topic", ("other", [0]))
    one("none")
    one("two partitions", ("__cluster_metadata", [0, 1]))


@each("UpdateFeatures")
def features(b, v):
    def one(what, name, level, **more):
        row = {"Feature": name, "MaxVersionLevel": level}
        if v == 0:
            row["AllowDowngrade"] = more.pop("down", False)
        else:
            row["UpgradeType"] = 2 if more.pop("down", False) else more.pop("kind", 1)
        b.call(what, "UpdateFeatures", v, {"FeatureUpdates": [row], "timeoutMs": 5000, **more})

    one("unknown", "no.such", 1)
    one("too high", "metadata.version", 99)
    one("as it is", "eligible.leader.replicas.version", 1)
    one("negative", "metadata.version", -1)
    b.call("nothing", "UpdateFeatures", v, {"timeoutMs": 5000})


@each("UnregisterBroker")
def unregister(b, v):
    for broker in (9, -1):
        b.call(f"broker {broker}", "UnregisterBroker", v, {"BrokerId": broker})


ANY = {"ResourceTypeFilter": 1, "PatternTypeFilter": 1, "Operation": 1, "PermissionType": 1,
       "ResourceNameFilter": None, "PrincipalFilter": None, "HostFilter": None}
ONE = {"ResourceType": 2, "ResourceName": "t", "Principal": "User:a", "Host": "*", "Operation": 3, "PermissionType": 3}


@each("DescribeAcls")
def acls_described(b, v):
    for what, more in (("all", {}), ("of a type that is none", {"ResourceTypeFilter": 99})):
        found = b.call(what, "DescribeAcls", v, {**ANY, **more})
        b.note(f"{what}, in words", found and found["ErrorMessage"])


@each("CreateAcls")
def acls_created(b, v):
    for what, rows in (("one", [ONE]), ("two", [ONE, ONE]), ("none", []), ("a wrong one", [{**ONE, "Principal": "a"}])):
        found = b.call(what, "CreateAcls", v, {"Creations": rows})
        b.note(f"{what}, in words", found and [x["ErrorMessage"] for x in found["Results"]])


@each("DeleteAcls")
def acls_deleted(b, v):
    for what, rows in (("all", [ANY]), ("two", [ANY, ANY]), ("none", [])):
        found = b.call(what, "DeleteAcls", v, {"Filters": rows})
        b.note(f"{what}, in words", found and [x["ErrorMessage"] for x in found["FilterResults"]])


@once
def apis(b):
    """What is advertised, and in which versions."""
    found = b.ask("ApiVersions", 4, {"ClientSoftwareName": "differ", "ClientSoftwareVersion": "1"})
    b.note("advertised", {schema.api_names()[x["ApiKey"]]: [x["MinVersion"], x["MaxVersion"]] for x in found["ApiKeys"]})
    supported, finalised = found.get("SupportedFeatures", []), found.get("FinalizedFeatures", [])
    b.note("supported", {x["Name"]: [x["MinVersion"], x["MaxVersion"]] for x in supported})
    b.note("finalised", {x["Name"]: x["MaxVersionLevel"] for x in finalised})
