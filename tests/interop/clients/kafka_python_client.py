"""kafka-python alone, in transactions and in groups; the same words as aiokafka_client.py.

A copier starts itself anew, and says so, where kafka-python has lost a request of its transaction, which no call would ever tell: see Lost.
"""

import logging
import os
import os
import sys
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

BOOTSTRAP, WHAT = sys.argv[1:3]
LOGIN = {} if "SASL_MECHANISM" not in os.environ else {
    "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": os.environ["SASL_MECHANISM"],
    "sasl_plain_username": os.environ["SASL_USERNAME"], "sasl_plain_password": os.environ["SASL_PASSWORD"]}


class Lost(logging.Handler):
    """Knows by its warning when kafka-python 3.0.12 has dropped a request for a coordinator, and calls `then`.

    Such a request is taken off the queue, and put back when the coordinator is not known, or await_ready() returns False (_maybe_send_pending_request
    of kafka/producer/sender.py). But await_ready() raises instead when the connection is refused (kafka/net/compat.py). Then a coordinator is looked up,
    and the request is gone: init_transactions(), send_offsets_to_transaction() and commit_transaction() wait for ever. So it is with every Kafka
    whose coordinator died a moment ago, since FindCoordinator still names it.
    """

    def __init__(self, then):
        super().__init__(logging.WARNING)
        self.then = then

    def emit(self, record):
        said = record.getMessage()
        if "Got an exception when trying to find a node" in said and "Node coordinator-" in said:
            self.then()


def consumer(topic, group, **more):
    return KafkaConsumer(topic, bootstrap_servers=BOOTSTRAP, **LOGIN, client_id=WHAT, group_id=group, enable_auto_commit=False,
                         auto_offset_reset="earliest", session_timeout_ms=10000, heartbeat_interval_ms=1000, **more)


def send(topic, first, last):
    p = KafkaProducer(bootstrap_servers=BOOTSTRAP, **LOGIN, client_id=WHAT, enable_idempotence=True, acks="all", linger_ms=5, request_timeout_ms=20000)
    for i in range(int(first), int(last)):
        p.send(topic, b"v%d" % i, b"k%d" % i).add_callback(lambda _, i=i: print("ok", i, flush=True)).add_errback(
            lambda e, i=i: print("error", i, repr(e), flush=True))
        time.sleep(0.01)
    p.flush()
    p.close()


def copy(source, target, group, name, count):
    done = 0

    def anew():
        print("anew", flush=True)
        os.execv(sys.executable, [sys.executable, "-B", *sys.argv[:-1], str(int(count) - done)])

    logging.getLogger("kafka.producer.sender").addHandler(Lost(anew))
    p = KafkaProducer(bootstrap_servers=BOOTSTRAP, **LOGIN, client_id=WHAT, transactional_id=name, transaction_timeout_ms=30000)
    p.init_transactions()
    c = consumer(source, group, isolation_level="read_committed")
    while done < int(count):
        for tp, rows in c.poll(timeout_ms=500, max_records=5).items():
            p.begin_transaction()
            try:
                for r in rows:
                    p.send(target, r.value)
                p.send_offsets_to_transaction({tp: OffsetAndMetadata(rows[-1].offset + 1, "", -1)}, c.group_metadata())
                p.commit_transaction()
            except KafkaError as e:
                print(repr(e), file=sys.stderr)
                p.abort_transaction()
                back(c, tp)
                continue
            done += len(rows)
    c.close()
    p.close()


def back(c, tp):
    """To where the group is."""
    offset = c.committed(TopicPartition(tp.topic, tp.partition))
    if offset is None:
        c.seek_to_beginning(tp)
    else:
        c.seek(tp, offset)


def member(topic, group):
    c = consumer(topic, group)
    while True:
        found = c.poll(timeout_ms=500, max_records=20)
        rows = [f"{r.partition} {r.offset}" for rs in found.values() for r in rs]
        for row in rows:
            print("got", row, flush=True)
        if not rows:
            continue
        try:
            c.commit({tp: OffsetAndMetadata(rs[-1].offset + 1, "", -1) for tp, rs in found.items()})
        except KafkaError as e:  # it is not its own any more
            print(repr(e), file=sys.stderr)
            continue
        for row in rows:
            print("done", row, flush=True)


{"send": send, "copy": copy, "member": member}[WHAT](*sys.argv[3:])
