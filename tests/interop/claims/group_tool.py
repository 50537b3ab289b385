"""kafka-consumer-groups: each way in which it resets offsets."""

import time

try:
    import confluent_kafka as ck
except ImportError:  # then these claims can be listed, not judged
    ck = None

from harness.claim import LIMIT_S, claim, expect_equal

from .confluent import make_topic, reader

PARTITIONS, OLD, YOUNG = 2, 5, 5  # records of each partition: of two hours ago, of now


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


def committed(t, group, topic):
    c = reader(t, group)
    found = c.committed([ck.TopicPartition(topic, i) for i in range(PARTITIONS)], LIMIT_S)
    c.close()
    return [x.offset for x in found]


@claim("java", "confluent-kafka", limit_s=15 * LIMIT_S)
def reset(t):
    """Offsets are reset to either end, a time, an age, by so many, to a number, from a file; a dry run changes nothing."""
    topic, group = fill(t, "reset"), t.unique("reset")
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
    fresh = t.unique("fresh")
    tool(t, "--reset-offsets", "--group", fresh, "--topic", topic, "--to-earliest", "--execute")
    expect_equal(committed(t, fresh, topic), [0, 0], "offsets of a group that was not there")
