"""A simulated Kafka cluster on real ports for tests of your own: it crashes, loses power, is cut off and forgets answers when you
say so, and says afterwards what was lost and why.

    with gregor.Cluster() as kafka:
        producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")
        …
        kafka.crash("leader(orders-0)")
        kafka.wait("leader of orders-0 is not b1")
        …
        assert kafka.finish().passed
"""

from .cluster import Cluster, Fault, GregorError, Mistake, Report, TimedOut

__all__ = ["Cluster", "Fault", "GregorError", "Mistake", "Report", "TimedOut"]
