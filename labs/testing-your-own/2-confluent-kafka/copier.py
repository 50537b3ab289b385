"""A worker that copies each order into the topic `paid`, in transactions: each order is to be paid once.

It has two mistakes. test_copier.py finds them.
"""

import sys
import uuid

from confluent_kafka import Consumer, Producer

GROUP = "copier"


def copy(bootstrap):
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"copier-{uuid.uuid4()}"})
    producer.init_transactions()
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": GROUP, "enable.auto.commit": False, "auto.offset.reset": "earliest",
                         "topic.metadata.refresh.interval.ms": 1000, "session.timeout.ms": 6000})
    consumer.subscribe(["orders"])
    while True:
        record = consumer.poll(0.2)
        if record is None or record.error():
            continue
        producer.begin_transaction()
        producer.produce("paid", record.value())
        producer.commit_transaction()
        consumer.commit(record, asynchronous=False)


if __name__ == "__main__":
    copy(sys.argv[1])
