"""CreateTopics, DeleteTopics, CreatePartitions, ElectLeaders, reassignments: what the controller decides."""

from .cases import each, edges


def asked(name, n=1, replicas=1, assignments=(), **configs):
    rows = [{"Name": k.replace("_", "."), "Value": x} for k, x in configs.items()]
    parts = [{"PartitionIndex": i, "BrokerIds": list(ids)} for i, ids in assignments]
    return {"Name": name, "NumPartitions": n, "ReplicationFactor": replicas, "Assignments": parts, "Configs": rows}


def settled(answer):
    """The configurations that a topic came with are the configs cases' matter."""
    for t in (answer or {}).get("Topics", []):
        if t.get("Configs"):
            t["Configs"] = "some"
        if t.get("TopicId", "").strip("A"):
            t["TopicId"] = "an id"
    return answer


def create(b, v, what, *topics, **more):
    answer = b.ask("CreateTopics", v, {"Topics": list(topics), "timeoutMs": 10000, **more})
    b.note(f"CreateTopics v{v}, {what}", b.alike(settled(answer)) if answer else "closed")
    for t in (answer or {}).get("Topics", []):
        if not t["ErrorCode"] and not more:
            b.learn(t["Name"], t.get("NumPartitions") if t.get("NumPartitions", -1) > 0 else None)


@each("CreateTopics")
def creating(b, v):
    name = b.name
    create(b, v, "one", asked(name("a")))
    create(b, v, "once more", asked(name("a")))
    create(b, v, "three partitions", asked(name("b"), 3))
    create(b, v, "defaults", asked(name("c"), -1, -1))
    create(b, v, "two", asked(name("d")), asked(name("e")))
    create(b, v, "one twice", asked(name("f")), asked(name("f")))
    create(b, v, "to look only", asked(name("g")), validateOnly=True)
    create(b, v, "assigned", asked(name("h"), -1, -1, [(0, [1]), (1, [1])]))
    create(b, v, "none")


@edges("CreateTopics")
def refused(b, v):
    name = b.name("x")
    create(b, v, "0 partitions", asked(name, 0))
    create(b, v, "-2 partitions", asked(name, -2))
    create(b, v, "0 replicas", asked(name, 1, 0))
    create(b, v, "-2 replicas", asked(name, 1, -2))
    create(b, v, "too many replicas", asked(name, 1, 2))
    for wrong in ("", ".", "..", "a b", "a/b", "x" * 250):
        create(b, v, f"name {wrong[:9]!r}", asked(wrong))
    create(b, v, "both number and assignment", asked(name, 1, -1, [(0, [1])]))
    create(b, v, "a broker that is none", asked(name, -1, -1, [(0, [9])]))
    create(b, v, "a broker twice", asked(name, -1, -1, [(0, [1, 1])]))
    create(b, v, "no replicas", asked(name, -1, -1, [(0, [])]))
    create(b, v, "not from 0", asked(name, -1, -1, [(1, [1])]))
    create(b, v, "a partition twice", asked(name, -1, -1, [(0, [1]), (0, [1])]))
    create(b, v, "an unknown config", asked(name, no_such="1"))
    create(b, v, "a wrong value", asked(name, retention_ms="x"))
    create(b, v, "a value out of range", asked(name, segment_bytes="3"))
    create(b, v, "a null value", asked(name, retention_ms=None))


@edges("CreateTopics")
def collides(b, v):
    """Names that are the same in a metric's name, where . and _ are one."""
    create(b, v, "p.q", asked(b.name("p.q")))
    create(b, v, "p_q", asked(b.name("p_q")))


@each("DeleteTopics")
def deleting(b, v):
    def one(what, *names):
        fields = {"Topics": [{"Name": n} for n in names]} if v >= 6 else {"TopicNames": list(names)}
        b.call(what, "DeleteTopics", v, {**fields, "TimeoutMs": 10000})

    t, u = b.topic("t"), b.topic("u")
    one("one", t)
    one("once more", t)
    one("one that never was", b.name("none"))
    one("a wrong name", "a/b")
    one("an empty name", "")
    one("twice", u, u)
    one("none")
    if v < 6:
        return
    w = b.topic("w")

    def by(what, **topic):
        b.call(what, "DeleteTopics", v, {"Topics": [topic], "TimeoutMs": 10000})

    by("an id that nobody has", Name=None, TopicId=b"\x55" * 16)
    by("neither", Name=None, TopicId=bytes(16))
    by("both", Name=w, TopicId=b.ids[w])
    by("by id", Name=None, TopicId=b.ids[w])


@each("CreatePartitions")
def growing(b, v):
    t = b.topic("t")

    def one(what, n, topic=t, assigned=None, **more):
        rows = None if assigned is None else [{"BrokerIds": ids} for ids in assigned]
        b.call(what, "CreatePartitions", v, {"TimeoutMs": 10000, "Topics": [
            {"Name": topic, "Count": n, "Assignments": rows}], **more})

    one("to 3", 3)
    one("to 3 again", 3)
    one("to 2", 2)
    one("to 0", 0)
    one("to -1", -1)
    one("unknown", 3, b.name("none"))
    one("to look only", 5, ValidateOnly=True)
    one("assigned", 4, assigned=[[1]])
    one("too few assigned", 6, assigned=[[1]])
    one("too many assigned", 5, assigned=[[1], [1]])
    one("a broker that is none", 5, assigned=[[9]])
    one("a broker twice", 5, assigned=[[1, 1]])
    one("two replicas", 5, assigned=[[1, 2]])
    one("no replicas", 5, assigned=[[]])
    b.call("none", "CreatePartitions", v, {"TimeoutMs": 1000})
    b.call("twice", "CreatePartitions", v, {"TimeoutMs": 10000, "Topics": [
        {"Name": t, "Count": 6, "Assignments": None}, {"Name": t, "Count": 7, "Assignments": None}]})
    b.pause()
    b.call("it has", "DescribeTopicPartitions", 0, {"Topics": [{"Name": t}]})


@each("ElectLeaders")
def electing(b, v):
    t = b.topic("t", partitions=2)

    def one(what, parts, topic=t, kind=0):
        b.call(what, "ElectLeaders", v, {"TimeoutMs": 5000, **({"ElectionType": kind} if v >= 1 else {}),
                                         "TopicPartitions": [{"Topic": topic, "Partitions": parts}]})

    one("not needed", [0, 1])
    one("no such partition", [7])
    one("no such topic", [0], b.name("none"))
    if v >= 1:
        one("unclean, not needed", [0], kind=1)
        one("type 2", [0], kind=2)
    b.call("none", "ElectLeaders", v, {"TopicPartitions": [], "TimeoutMs": 5000})


@each("AlterPartitionReassignments")
def moving(b, v):
    t = b.topic("t")

    def one(what, replicas, index=0, topic=t):
        b.call(what, "AlterPartitionReassignments", v, {"TimeoutMs": 5000, "Topics": [
            {"Name": topic, "Partitions": [{"PartitionIndex": index, "Replicas": replicas}]}]})

    one("to where it is", [1])
    one("nothing to cancel", None)
    one("to nobody", [])
    one("to a broker that is none", [9])
    one("to the same twice", [1, 1])
    one("no such partition", [1], 5)
    one("no such topic", [1], 0, b.name("none"))


@each("ListPartitionReassignments")
def moves(b, v):
    t = b.topic("t")
    b.call("all", "ListPartitionReassignments", v, {"Topics": None})
    b.call("one", "ListPartitionReassignments", v, {"Topics": [{"Name": t, "PartitionIndexes": [0, 4]}]})
    b.call("unknown", "ListPartitionReassignments", v, {"Topics": [{"Name": b.name("none"), "PartitionIndexes": [0]}]})
