"""A worker that copies each order into the topic `paid`, in transactions: each order is to be paid once.

The same as copier.py beside this folder, with its two mistakes mended. Each place says what the mistake was.
"""

import sys

from confluent_kafka import Consumer, Producer, TopicPartition

GROUP = "copier"


def copy(bootstrap):
    # A new id with each start: nobody ended the transaction of whoever died before, and readers waited behind it.
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "copier"})
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
        # A commit of its own came after the transaction, or not at all: then the order was copied again.
        done = [TopicPartition(record.topic(), record.partition(), record.offset() + 1)]
        producer.send_offsets_to_transaction(done, consumer.consumer_group_metadata())
        producer.commit_transaction()


if __name__ == "__main__":
    copy(sys.argv[1])
