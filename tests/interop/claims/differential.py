"""The same questions to the daemon and to Apache Kafka, in all versions of the APIs, right and wrong ones.

Kafka's answers are kept in differ/recorded, so that this needs no Java; `make interop TARGET=kafka` asks Kafka again.
"""

from differ import cases, compare, recording
from differ.broker import Broker
from harness.claim import claim, expect


@claim("starts", limit_s=300, each=cases.FAMILIES)
def answers(t, family):
    """Every answer is Kafka's, but for the differences that are known and meant."""
    node = t.node()
    try:
        node.start()
        node.wait()
        found = cases.run_family(family, Broker(node.address, "d"))
    finally:
        node.kill()
    differences = compare.differences(recording.read(family), found)
    if t.kind == "kafka":
        bad = [f"{line} [v{','.join(versions)}]" for line, versions in differences]
    else:
        bad = compare.unexpected(differences, family)
    print(*bad, sep="\n")
    expect(not bad, f"{len(bad)} differences: {'; '.join(bad[:3])}")
    return f"{len(found)} answers compared"
