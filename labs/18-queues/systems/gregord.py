"""A log: gregord, by Kafka's own protocol. A reader is a consumer of a group of its own."""

import threading
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from harness.node import Node

from .common import LIMIT_S, IDLE_S


class Gregord:
    name = "gregord, a topic"

    def __init__(self, folder):
        self.node = Node("gregord", folder, settings={"log.retention.check.interval.ms": 500, "group.initial.rebalance.delay.ms": 500})

    def start(self):
        self.node.start()
        self.node.wait()
        self.bootstrap = {"bootstrap.servers": self.node.address, "log_level": 3}

    def kill(self):
        self.node.kill()

    def make(self, place, shared=False, bounded=False):
        config = {"segment.bytes": 1 << 20, "retention.bytes": 1 << 20} if bounded else {}
        admin = AdminClient(self.bootstrap)
        admin.create_topics([NewTopic(place, 2 if shared else 1, 1, config=config)])[place].result(LIMIT_S)

    def write(self, place, messages, at_once=True):
        refused = []
        producer = Producer({**self.bootstrap, "acks": "all", "linger.ms": 5 if at_once else 0})
        for key, value in messages:
            producer.produce(place, value, key, on_delivery=lambda e, _: e and refused.append(e))
            producer.poll(0) if at_once else producer.flush(LIMIT_S)
        left = producer.flush(LIMIT_S)
        if left or refused:
            raise RuntimeError(f"{left} messages were not written, {len(refused)} were refused")

    def _consumer(self, group):
        return Consumer({**self.bootstrap, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
                         "session.timeout.ms": 6000})

    def read(self, place, group, n):
        """Everything that is there for a group, up to n messages; the position is committed."""
        consumer, values = self._consumer(group), []
        consumer.subscribe([place])
        quiet_until = time.monotonic() + IDLE_S + 3  # for the group to come together
        while len(values) < n and time.monotonic() < quiet_until:
            for message in consumer.consume(500, 0.2):
                if not message.error():
                    values.append(message.value())
                    quiet_until = time.monotonic() + IDLE_S
        if values:
            consumer.commit(asynchronous=False)
        consumer.close()
        return values

    def share(self, place, group, work, ready, done):
        """Two members of one group; each is ready when it has one of the two partitions."""
        def member(i):
            consumer = self._consumer(group)
            consumer.subscribe([place], on_assign=lambda _, given: len(given) == 1 and ready[i].set())
            while not done.is_set():
                for message in consumer.consume(10, 0.1):
                    if not message.error():
                        work(i, message.value())
                        consumer.commit(message, asynchronous=False)
            consumer.close()
        return [threading.Thread(target=member, args=(i,)) for i in range(2)]

    def kept(self, place, _):
        consumer = self._consumer("looks")
        low, high = consumer.get_watermark_offsets(TopicPartition(place, 0), LIMIT_S)
        consumer.close()
        return high - low
