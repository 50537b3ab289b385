"""Apache Kafka and gregord in one cluster: every node broker and controller, three copies of each partition.

"ours" has two gregord and one Apache Kafka, "theirs" one and two. Each claim kills one of each kind.
"""

from harness import wire
from harness.claim import LIMIT_S, claim, expect_equal

from .three_daemons import Load, check_copies_equal, check_nothing_lost, make_topic, restart

KINDS = {"ours": ("gregord", "gregord", "kafka"), "theirs": ("kafka", "kafka", "gregord")}


def cluster_of(t, which):
    """Apache Kafka's node takes long to start, so the quorum's first leader is one of those that are more."""
    return t.cluster(kinds=KINDS[which], settings={
        "transaction.state.log.replication.factor": 3, "transaction.state.log.min.isr": 2})


def one_of_each(cluster):
    """The first of each kind, the active controller's before the other's."""
    first = {n.kind: n for n in reversed(cluster.nodes)}
    node = cluster.nodes[0]
    active = cluster.node(wire.quorum_leader(node.host, node.port)).kind
    return [first[active], *(n for kind, n in first.items() if kind != active)]


@claim("gregord", "starts", "java", "kcat", limit_s=15 * LIMIT_S, each=tuple(KINDS))
def killed(t, which):
    """Under load with acks=all one node of each kind is killed and comes back: nothing is lost, all copies are equal."""
    notes = []
    with cluster_of(t, which) as cluster:
        make_topic(t, cluster.bootstrap)
        load = Load(cluster.bootstrap, "-X", "enable.idempotence=true")
        load.lasts(2)
        for victim in one_of_each(cluster):
            victim.kill()
            load.lasts(2)
            notes.append(f"{victim.kind} in sync {restart(t, cluster, victim):.1f} s after its restart")
            load.lasts(1)
        load.end()
        doubled = check_nothing_lost(t, load, cluster.bootstrap)
        expect_equal(doubled, 0, "records that are there twice")
        check_copies_equal(cluster)
    return f"{load.sent} records, outage {load.outage_s():.1f} s, " + ", ".join(notes)
