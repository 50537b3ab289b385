"""A one-partition copy loop by librdkafka: reads some records, writes them, commits its offsets, all in a transaction.
Prints how long the transactions took: `copy_loop.py BOOTSTRAP FROM TO TRANSACTIONS RECORDS`."""

import sys
import time

import confluent_kafka as ck

LIMIT_S = 60


def main(bootstrap, source, sink, transactions, records):
    name = f"copy-{time.time_ns():x}"
    c = ck.Consumer({"bootstrap.servers": bootstrap, "group.id": name, "auto.offset.reset": "earliest",
                     "enable.auto.commit": False, "isolation.level": "read_committed"})
    p = ck.Producer({"bootstrap.servers": bootstrap, "transactional.id": name, "linger.ms": 0})
    p.init_transactions(LIMIT_S)
    c.subscribe([source])
    began = None
    for n in range(int(transactions) + 1):
        taken = []
        while len(taken) < int(records):
            taken += c.consume(int(records) - len(taken), LIMIT_S)
        p.begin_transaction()
        for m in taken:
            if m.error():
                raise ck.KafkaException(m.error())
            p.produce(sink, m.value(), partition=0)
        p.send_offsets_to_transaction(c.position(c.assignment()), c.consumer_group_metadata(), LIMIT_S)
        p.commit_transaction(LIMIT_S)
        if n == 0:
            began = time.monotonic()  # the first pays for joining and connecting
    print(time.monotonic() - began)
    c.close()


main(*sys.argv[1:])
