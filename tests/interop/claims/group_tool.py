"""kafka-consumer-groups in all its forms."""

import time

try:
    import confluent_kafka as ck
except ImportError:  # then these claims can be listed, not judged
    ck = None

from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.target import eventually

from .confluent import make_topic, reader

PARTITIONS, OLD, YOUNG = 2, 5, 5  # records of each partition: of two hours ago, of now
# Groups by the classic protocol and by that of KIP-848.
KINDS = ("classic", "consumer")


def tool(t, *words, **more):
    return t.tool("consumer-groups", *words, **more)


def rows(told, group):
    """The table's rows of a group, without its name."""
    found = [x.split() for x in told.splitlines()]
    return [x[1:] for x in found if x[:1] == [group]]


def fill(t, stem):
    topic = make_topic(t, stem, PARTITIONS)
    p = ck.Producer({"bootstrap.servers": t.bootstrap})
    now_ms = int(time.time() * 1000)
    for i in range(OLD + YOUNG):
        for partition in range(PARTITIONS):
            p.produce(topic, str(i), partition=partition, timestamp=now_ms - (7_200_000 if i < OLD else 0))
    expect_equal(p.flush(LIMIT_S), 0, "records that were not acknowledged")
    return topic


def commit(t, group, topic, *offsets):
    c = reader(t, group)
    c.commit(offsets=[ck.TopicPartition(topic, i, x) for i, x in enumerate(offsets)], asynchronous=False)
    c.close()


def begin(t, kind, group, topic):
    """A group of that kind, which its only member has left; one that somebody only commits to is a classic one."""
    if kind == "consumer":
        c = reader(t, group, **{"group.protocol": kind})
        c.subscribe([topic])
        expect(eventually(lambda: (c.poll(0.2), c.assignment())[1]), "its member gets nothing")
        c.close()


def committed(t, group, topic):
    c = reader(t, group)
    found = c.committed([ck.TopicPartition(topic, i) for i in range(PARTITIONS)], LIMIT_S)
    c.close()
    return [x.offset for x in found]


class Members:
    """Members of a group, one for each partition, which commit what they have read."""

    def __init__(self, t, kind, group, topic):
        # They do not poll while a tool takes its time.
        self.consumers = [reader(t, group, **{"group.protocol": kind, "max.poll.interval.ms": 3_600_000, "client.id": f"{group}-{i}"})
                          for i in range(PARTITIONS)]
        for c in self.consumers:
            c.subscribe([topic])
        shared = eventually(lambda: all([(c.poll(0.2), len(c.assignment()) == 1)[1] for c in self.consumers]), limit_s=2 * LIMIT_S)
        expect(shared, f"they have {[c.assignment() for c in self.consumers]}")
        # One record each, so that some lag is left.
        for c in self.consumers:
            c.seek(ck.TopicPartition(topic, c.assignment()[0].partition, 0))
            c.commit(next(m for m in iter(lambda: c.poll(LIMIT_S), None) if not m.error()), asynchronous=False)

    def close(self):
        for c in self.consumers:
            c.close()


@claim("java", "confluent-kafka", limit_s=15 * LIMIT_S, each=KINDS)
def described(t, kind):
    """A group is listed by state and type, and described with offsets, lag, members and state, alone and among all groups."""
    topic, group = fill(t, "tool"), t.unique("told")
    members = Members(t, kind, group, topic)
    name, other = kind.title(), next(x for x in KINDS if x != kind)
    try:
        for words, wanted in ((("--state",), ["Stable"]), (("--type",), [name]), (("--state", "stable"), ["Stable"]),
                              (("--state", "Empty,Dead"), None), (("--type", kind), [name]),
                              (("--type", other), None),
                              (("--state", "--type"), [name, "Stable"])):
            found = rows(tool(t, "--list", *words), group)
            expect_equal(found[0] if found else None, wanted, f"listed with {' '.join(words)}")
        offsets = sorted(rows(tool(t, "--describe", "--group", group), group))
        for i, row in enumerate(offsets):
            expect_equal(row[:2], [topic, str(i)], "partition")
            expect_equal((row[3], int(row[2]) + int(row[4])), ("10", 10), "log end, and offset with lag")
            expect(row[5] != "-" and row[7].startswith(group), f"no owner: {row}")
        wide = rows(tool(t, "--describe", "--group", group, "--offsets", "--verbose"), group)
        expect_equal(len(wide[0]), len(offsets[0]) + 1, "columns with the leader's epoch")
        people = rows(tool(t, "--describe", "--group", group, "--members"), group)
        expect_equal(sorted((x[2], x[3]) for x in people), [(f"{group}-{i}", "1") for i in range(PARTITIONS)], "members")
        people = rows(tool(t, "--describe", "--group", group, "--members", "--verbose"), group)
        # Of the newer protocol the tool says both what they have and what they are to have.
        expect_equal(sorted({x for row in people for x in row if x.startswith(topic)}), [f"{topic}:{i}" for i in range(PARTITIONS)], "what they have")
        state = rows(tool(t, "--describe", "--group", group, "--state"), group)[0]
        expect_equal(state[-2:], ["Stable", str(PARTITIONS)], "state and members")
        for form in ("--offsets", "--members", "--state"):
            expect(rows(tool(t, "--describe", "--all-groups", form), group), f"not among all groups with {form}")
        told = tool(t, "--reset-offsets", "--group", group, "--topic", topic, "--to-earliest", "--execute", errors=True, status=None)
        expect("inactive" in told, f"a reset under its members says: {told}")
        told = tool(t, "--delete", "--group", group, errors=True, status=None)
        expect("not empty" in told or "NonEmpty" in told, f"a deletion under its members says: {told}")
    finally:
        members.close()
    told = tool(t, "--describe", "--group", group, errors=True)
    expect("no active members" in told, f"of a group that nobody is in it says: {told}")
    expect_equal(sorted(x[6] for x in rows(told, group)), ["-"] * PARTITIONS, "owners, then")


@claim("java", "confluent-kafka", limit_s=15 * LIMIT_S, each=KINDS)
def reset(t, kind):
    """Offsets are reset to either end, a time, an age, by so many, to a number, from a file; a dry run changes nothing."""
    topic, group = fill(t, "reset"), t.unique("reset")
    begin(t, kind, group, topic)
    commit(t, group, topic, 4, 6)

    def said(*words, scope=("--topic", topic)):
        told = rows(tool(t, "--reset-offsets", "--group", group, *scope, *words), group)
        return [int(x[2]) for x in sorted(told)]

    def check(what, wanted, *words, scope=("--topic", topic)):
        expect_equal(said(*words, "--execute", scope=scope), [x for x in wanted if x is not None], f"what it says of {what}")
        expect_equal([x for x, w in zip(committed(t, group, topic), wanted) if w is not None],
                     [x for x in wanted if x is not None], f"offsets after {what}")

    expect_equal(said("--to-earliest"), [0, 0], "without a word of what to do")
    expect_equal(said("--to-latest", "--dry-run"), [10, 10], "a dry run")
    expect_equal(committed(t, group, topic), [4, 6], "offsets after the dry run")
    check("--to-current", [4, 6], "--to-current")
    check("--shift-by", [2, 4], "--shift-by", -2)
    check("--shift-by beyond the beginning", [0, 0], "--shift-by", -100)
    check("--shift-by beyond the end", [10, 10], "--shift-by", 100)
    check("--by-duration", [OLD, OLD], "--by-duration", "PT1H")
    hour = time.strftime("%Y-%m-%dT%H:%M:%S.000", time.gmtime(time.time() - 10_000))
    check("--to-datetime", [0, 0], "--to-datetime", hour)
    check("--to-offset of one partition", [7, None], "--to-offset", 7, scope=("--topic", f"{topic}:0"))
    check("--to-latest of all topics", [10, 10], "--to-latest", scope=("--all-topics",))
    plan = tool(t, "--reset-offsets", "--group", group, "--topic", topic, "--to-offset", 3, "--export", "--dry-run")
    expect_equal(sorted(x for x in plan.split() if x.startswith(topic)), [f"{topic},{i},3" for i in range(PARTITIONS)], "the exported plan")
    file = t.scratch() / "plan.csv"
    file.write_text(f"{topic},0,1\n{topic},1,8\n")
    check("--from-file", [1, 8], "--from-file", file, scope=())
    expect_equal(rows(tool(t, "--list", "--type"), group), [[kind.title()]], "its type, after all that")
    fresh = t.unique("fresh")
    tool(t, "--reset-offsets", "--group", fresh, "--topic", topic, "--to-earliest", "--execute")
    expect_equal(committed(t, fresh, topic), [0, 0], "offsets of a group that was not there")


@claim("java", "confluent-kafka", limit_s=15 * LIMIT_S, each=KINDS)
def deleted(t, kind):
    """Offsets of a topic, of one of its partitions, of several groups at once are deleted; so are groups."""
    topic, other = fill(t, "deleted"), fill(t, "kept")
    one, two = t.unique("deleted"), t.unique("deleted")
    for group in (one, two):
        begin(t, kind, group, topic)
        commit(t, group, topic, 4, 6)
        commit(t, group, other, 1, 2)
    told = tool(t, "--delete-offsets", "--group", one, "--topic", f"{topic}:0")
    expect("Successful" in told, f"it says: {told}")
    expect_equal(committed(t, one, topic), [ck.OFFSET_INVALID, 6], "after one partition")
    tool(t, "--delete-offsets", "--group", one, "--topic", topic)
    expect_equal(committed(t, one, topic) + committed(t, one, other), [ck.OFFSET_INVALID] * 2 + [1, 2], "after the topic")
    told = tool(t, "--delete-offsets", "--group", t.unique("none"), "--topic", topic, errors=True, status=None)
    expect("not exist" in told or "not found" in told or "Error" in told, f"of a group that is none it says: {told}")
    told = tool(t, "--delete", "--group", one, "--group", two)
    expect("successful" in told, f"it says: {told}")
    listed = tool(t, "--list").split()
    expect(one not in listed and two not in listed, "they are still listed")
    told = tool(t, "--delete", "--group", one, errors=True, status=None)
    expect("not exist" in told or "not found" in told or "GroupIdNotFound" in told, f"of a group that is gone it says: {told}")
